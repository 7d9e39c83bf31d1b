#include "common/redis_link_reader.h"

#include <stdint.h>

#define DEPTH_MAX 7
#define ELEMENTS_MAX (1 << 22) /* of one array: four times a book of a million invoices */

#if HIREDIS_MAJOR >= 1
typedef size_t reader_count;
#else
typedef int reader_count;
#endif

/*
 * The reader makes our own replies at once, in the arena: its own ones are an allocation each, thousands for a page, only to be copied.
 * NULL lets it fail, and the connection with it.
 */
static struct redis_reply *make(const redisReadTask *task)
{
	static const enum redis_type types[] = { [REDIS_REPLY_STRING] = REDIS_STRING, [REDIS_REPLY_ARRAY] = REDIS_ARRAY,
		[REDIS_REPLY_INTEGER] = REDIS_INTEGER, [REDIS_REPLY_NIL] = REDIS_NIL,
		[REDIS_REPLY_STATUS] = REDIS_STATUS, [REDIS_REPLY_ERROR] = REDIS_ERROR };
	struct arena *arena = task->privdata;
	struct redis_reply *reply, *items;

	if (task->type < REDIS_REPLY_STRING || task->type > REDIS_REPLY_ERROR)
		return NULL;
	if (task->parent) {
		items = (struct redis_reply *)(uintptr_t)((const struct redis_reply *)task->parent->obj)->items; /* ours: made below */
		reply = &items[task->idx];
	} else {
		reply = arena_alloc(arena, sizeof(*reply));
	}
	reply->type = types[task->type];
	return reply;
}

static void *create_string(const redisReadTask *task, char *text, size_t len)
{
	struct arena *arena = task->privdata;
	struct redis_reply *reply = make(task);

	if (!reply)
		return NULL;
	reply->str = arena_memdup(arena, text, len);
	reply->len = len;
	return reply;
}

/* Its head claims as many elements as it likes, before any of them came. */
static void *create_array(const redisReadTask *task, reader_count count)
{
	struct arena *arena = task->privdata;
	struct redis_reply *reply;
	int depth = 0;

	for (const redisReadTask *at = task; at; at = at->parent)
		depth++;
	if (count > ELEMENTS_MAX || depth > DEPTH_MAX + 1 || !(reply = make(task)))
		return NULL;
	reply->items = arena_alloc(arena, ((size_t)count + 1) * sizeof(*reply->items));
	reply->count = (size_t)count;
	return reply;
}

static void *create_integer(const redisReadTask *task, long long value)
{
	struct redis_reply *reply = make(task);

	if (reply)
		reply->integer = value;
	return reply;
}

static void *create_nil(const redisReadTask *task)
{
	struct redis_reply *reply = make(task);

	if (reply)
		reply->type = REDIS_NIL; /* the task says what is not there */
	return reply;
}

#if HIREDIS_MAJOR >= 1
/* Of RESP3, which nobody asked for. */
static void *create_double(const redisReadTask *task, double value, char *text, size_t len)
{
	(void)task, (void)value, (void)text, (void)len;
	return NULL;
}

static void *create_bool(const redisReadTask *task, int value)
{
	(void)task, (void)value;
	return NULL;
}
#endif

static void free_nothing(void *reply)
{
	(void)reply;
}

static const redisReplyObjectFunctions makers = { .createString = create_string, .createArray = create_array, .createInteger = create_integer,
#if HIREDIS_MAJOR >= 1
	.createDouble = create_double, .createBool = create_bool,
#endif
	.createNil = create_nil, .freeObject = free_nothing };

redisReader *reader_create(struct arena *arena)
{
	redisReader *reader = redisReaderCreateWithFunctions((redisReplyObjectFunctions *)(uintptr_t)&makers);

	if (!reader)
		xmalloc(SIZE_MAX); /* says so, and ends */
	reader->maxbuf = 0; /* do not give the buffer back between replies: they come in floods */
	reader->privdata = arena;
	return reader;
}
