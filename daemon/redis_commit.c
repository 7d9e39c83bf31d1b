/*
 * A group's writes, in one transaction that only happens where the store stands at the group before it. A script could check and write
 * in one call, and every value would be copied into the interpreter and out again: that cost Redis more than the writes themselves.
 *
 * So the cursor is watched, and looked at; then the writes go as MULTI ... EXEC, and Redis drops them all when anything touched the
 * cursor since (a new owner's lease, a flush, another commit). Behind each EXEC the next look goes out at once, so that mostly there is
 * one way there and back. A watch belongs to a connection: what was seen over an earlier one counts for nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/json.h"
#include "daemon/redis_store_internal.h"

#define COMMAND_WORDS_MAX 1000

struct commit {
	struct store_commit what; /* images and head are the caller's, until done */
	bool *forgiven; /* by command: XADD is refused (with a bare ERR) when its id is behind the stream's last: then it was done before */
	size_t commands, answered;
};

/* --- images become commands -------------------------------------------------------------------------------------------------- */

/* One command being put together. */
struct arguments {
	struct call *call;
	struct arena *arena;
	const char **argv;
	size_t *lens, count;
	size_t argv_capacity, lens_capacity;
	const struct image *first; /* the image that began it: others like it are gathered into it; NULL = none */
};

static void on_queued(int r, const struct redis_reply *reply, void *arg)
{
	(void)store_call_gathered(arg, r, reply);
}

static void add_bytes(struct arguments *a, const void *data, size_t len)
{
	a->argv = arena_grow(a->arena, a->argv, a->count, &a->argv_capacity, sizeof(*a->argv));
	a->lens = arena_grow(a->arena, a->lens, a->count, &a->lens_capacity, sizeof(*a->lens));
	a->argv[a->count] = data ? data : "";
	a->lens[a->count++] = len;
}

static void add_text(struct arguments *a, const char *text)
{
	add_bytes(a, text, strlen(text));
}

static void add_number(struct arguments *a, int64_t n)
{
	char *text = arena_alloc(a->arena, 1 + U64_TEXT_SIZE);
	bool minus = n < 0;

	text[0] = '-';
	add_bytes(a, text, minus + u64_format(minus ? 0 - (uint64_t)n : (uint64_t)n, text + minus));
}

/*
 * The strings of ["name","value",...] as our writer makes it, unescaped into the arena. False when there is anything else in it (an
 * escape by number): then the parser is asked.
 */
static bool plain_fields(struct arguments *a, const char *text, size_t len)
{
	static const char from[] = "\"\\/nrtbf", to[] = "\"\\/\n\r\t\b\f";
	char *out = arena_alloc(a->arena, len + 1);
	const char *end = text + len;
	size_t before = a->count;

	if (len < 2 || *text++ != '[')
		return false;
	while (text < end && *text == '"') {
		char *start = out;

		for (text++; text < end && *text != '"'; text++) {
			const char *escape;

			if (*text != '\\') {
				*out++ = *text;
				continue;
			}
			escape = ++text < end && *text ? strchr(from, *text) : NULL;
			if (!escape)
				break;
			*out++ = to[escape - from];
		}
		if (text >= end || *text != '"')
			break;
		add_bytes(a, start, (size_t)(out - start));
		text += 1 + (text + 1 < end && text[1] == ',');
	}
	if (text + 1 != end || *text != ']' || (a->count - before) % 2) {
		a->count = before;
		return false;
	}
	return true;
}

/* XADD's fields travel as a JSON array: here they become arguments, so that the script needs no parser. */
static void add_fields(struct arguments *a, const struct image *image)
{
	struct json *json;
	struct err err = { 0 };

	if (image->op == IMAGE_XADD_EVENT) {
		add_text(a, "event");
		add_bytes(a, image->value, image->value_len);
		return;
	}
	if (plain_fields(a, image->value, image->value_len))
		return;
	json = arena_alloc(a->arena, sizeof(*json));
	if (json_parse(a->arena, image->value, image->value_len, 0, json, &err) < 0 || json_len(json) % 2) {
		add_text(a, "event");
		add_bytes(a, image->value, image->value_len);
		return;
	}
	for (size_t i = 0; i < json_len(json); i++) {
		struct json one = json_at(json, i);

		add_text(a, json_str(&one) ? json_str(&one) : "");
	}
}

static void end_command(struct arguments *a)
{
	struct commit *commit = a->call->data;

	if (!a->first)
		return;
	commit->forgiven[commit->commands++] = image_is_entry(a->first);
	redis_link_command(a->call->store->link, a->count, a->argv, a->lens, 0, on_queued, a->call);
	a->first = NULL;
	a->count = 0;
}

/* The command under way takes this image too: it is of the same kind, and of the same key where the command has but one. */
static bool gathers(const struct arguments *a, const struct image *image)
{
	if (!a->first || a->first->op != image->op || a->count > COMMAND_WORDS_MAX)
		return false;
	switch (image->op) {
	case IMAGE_SET:
	case IMAGE_DEL:
		return true;
	case IMAGE_ZADD:
	case IMAGE_ZREM:
	case IMAGE_HSET:
	case IMAGE_HDEL:
		return strcmp(a->first->key, image->key) == 0;
	default:
		return false;
	}
}

static void begin_command(struct arguments *a, const struct image *image)
{
	static const char *const names[IMAGE_OP_COUNT] = { [IMAGE_SET] = "MSET", [IMAGE_SET_UNTIL] = "SET", [IMAGE_DEL] = "DEL",
		[IMAGE_ZADD] = "ZADD", [IMAGE_ZREM] = "ZREM", [IMAGE_HSET] = "HSET", [IMAGE_HDEL] = "HDEL", [IMAGE_XADD] = "XADD",
		[IMAGE_XADD_EVENT] = "XADD" };

	end_command(a);
	a->first = image;
	add_text(a, names[image->op]);
	if (image->op != IMAGE_SET && image->op != IMAGE_DEL)
		add_text(a, image->key);
}

static void add_image(struct arguments *a, const struct image *image)
{
	if (!gathers(a, image))
		begin_command(a, image);
	switch (image->op) {
	case IMAGE_SET:
		add_text(a, image->key);
		add_bytes(a, image->value, image->value_len);
		break;
	case IMAGE_SET_UNTIL:
		add_bytes(a, image->value, image->value_len);
		add_text(a, "PXAT");
		add_number(a, image->number);
		break;
	case IMAGE_DEL:
		add_text(a, image->key);
		break;
	case IMAGE_ZADD:
		add_number(a, image->number);
		add_text(a, image->field);
		break;
	case IMAGE_ZREM:
	case IMAGE_HDEL:
		add_text(a, image->field);
		break;
	case IMAGE_HSET:
		add_text(a, image->field);
		add_bytes(a, image->value, image->value_len);
		break;
	case IMAGE_XADD:
	case IMAGE_XADD_EVENT:
		if (image->number) {
			add_text(a, "MAXLEN");
			add_text(a, "~");
			add_number(a, image->number);
		}
		add_text(a, image->field);
		add_fields(a, image);
		break;
	default:
		break;
	}
}

/* --- the transaction ------------------------------------------------------------------------------------------------------------ */

static void look(struct call *call);

static void finish(struct call *call, enum commit_status status)
{
	((store_commit_fn)call->fn)(call->r, call->r < 0 ? COMMIT_GAP : status, call->arg);
	store_call_end(call);
}

/* What was seen behind a watch, for the next commit over the same connection. */
static void take_seen(struct redis_store *store, const struct redis_reply *reply)
{
	struct commit_place *seen = &store->seen;
	const struct redis_reply *at = reply->items;

	*seen = (struct commit_place){ .connection = redis_link_connection(store->link) };
	if (reply->type != REDIS_ARRAY || reply->count != 3)
		return;
	seen->good = true;
	seen->owned = at[0].type == REDIS_STRING;
	seen->present = at[1].type == REDIS_STRING;
	if (seen->owned)
		seen->epoch = strtoull(at[0].str, NULL, 10);
	if (seen->present) {
		seen->pseq = strtoull(at[1].str, NULL, 10);
		seen->good = at[2].type == REDIS_STRING && hex_parse(at[2].str, GROUP_ID_SIZE, seen->group) == 0;
	}
}

static enum commit_status judge(const struct commit_place *seen, const struct store_commit *what)
{
	const struct group_header *head = what->head;

	if (seen->owned && seen->epoch > what->epoch)
		return COMMIT_STALE;
	if (seen->owned && seen->epoch != what->epoch) /* it went back to an earlier owner's days */
		return COMMIT_GAP;
	if (!seen->present)
		return head->pseq == 1 || what->rebuild ? COMMIT_APPLIED : COMMIT_GAP;
	if (seen->pseq == head->pseq && memcmp(seen->group, head->id, GROUP_ID_SIZE) == 0)
		return COMMIT_ALREADY;
	if (seen->pseq != head->pseq - 1 || memcmp(seen->group, head->predecessor, GROUP_ID_SIZE) != 0)
		return COMMIT_GAP;
	return COMMIT_APPLIED;
}

static void on_executed(int r, const struct redis_reply *reply, void *arg)
{
	struct call *call = arg;
	struct commit *commit = call->data;
	enum commit_status status = COMMIT_APPLIED;

	if (call->r == 0) /* else one of its commands was refused, and so are all: that says why */
		(void)store_call_gathered(call, r, reply);
	if (call->r == 0 && reply->type == REDIS_NIL) {
		look(call);
		return;
	}
	if (call->r == 0 && (reply->type != REDIS_ARRAY || reply->count != commit->commands))
		call->r = -EPROTO;
	for (size_t i = 0; call->r == 0 && i < reply->count; i++)
		if (reply->items[i].type == REDIS_ERROR && !(commit->forgiven[i] && redis_reply_class(&reply->items[i]) == REDIS_OTHER)) {
			store_error(call->store, &reply->items[i]);
			status = COMMIT_BROKEN;
		}
	finish(call, status);
}

static void on_watched_ahead(int r, const struct redis_reply *reply, void *arg)
{
	struct redis_store *store = arg;

	store->watched = r == 0 && reply->type == REDIS_STATUS;
}

static void on_seen_ahead(int r, const struct redis_reply *reply, void *arg)
{
	struct redis_store *store = arg;

	if (r == 0 && store->watched) /* a watch that was refused guards nothing */
		take_seen(store, reply);
}

static void watch(struct redis_store *store, redis_done_fn watched, redis_done_fn seen, void *arg)
{
	const char *watching[] = { "WATCH", store->cursor }, *place[] = { "HMGET", store->cursor, "epoch", "pseq", "group" };

	store->seen.good = false;
	redis_link_command(store->link, 2, watching, NULL, 0, watched, arg);
	redis_link_command(store->link, 5, place, NULL, 0, seen, arg);
}

static void execute(struct call *call)
{
	struct redis_store *store = call->store;
	struct commit *commit = call->data;
	const struct store_commit *what = &commit->what;
	struct arguments a = { .call = call, .arena = call->arena };
	char hex[2 * GROUP_ID_SIZE + 1];

	store->written = redis_link_connection(store->link);
	commit->commands = 0;
	commit->forgiven = arena_alloc(call->arena, (what->image_count + 1) * sizeof(*commit->forgiven));
	redis_link_command(store->link, 1, (const char *const[]){ "MULTI" }, NULL, 0, on_queued, call);
	for (size_t i = 0; i < what->image_count; i++)
		add_image(&a, &what->images[i]);
	end_command(&a);
	add_text(&a, "HSET");
	add_text(&a, store->cursor);
	add_text(&a, "epoch");
	add_number(&a, (int64_t)what->epoch);
	add_text(&a, "pseq");
	add_number(&a, (int64_t)what->head->pseq);
	add_text(&a, "group");
	add_text(&a, hex_format(what->head->id, GROUP_ID_SIZE, hex));
	add_text(&a, "writer");
	add_text(&a, what->writer);
	add_text(&a, "redo");
	add_text(&a, what->rebuilt ? "2" : what->redo ? "1" : "0");
	commit->commands++;
	redis_link_command(store->link, a.count, a.argv, a.lens, 0, on_queued, call);
	redis_link_command(store->link, 1, (const char *const[]){ "EXEC" }, NULL, 0, on_executed, call);
	watch(store, on_watched_ahead, on_seen_ahead, store);
	redis_link_flush(store->link); /* the loop may be about to decide the next group */
}

static void on_seen(int r, const struct redis_reply *reply, void *arg)
{
	struct call *call = arg;
	struct commit *commit = call->data;
	struct redis_store *store = call->store;
	enum commit_status status;

	(void)store_call_gathered(call, r, reply);
	if (call->r == 0) {
		store->proved = redis_link_connection(store->link);
		take_seen(store, reply);
		if (!store->seen.good)
			call->r = -EPROTO;
	}
	status = call->r == 0 ? judge(&store->seen, &commit->what) : COMMIT_GAP;
	if (call->r == 0 && status == COMMIT_APPLIED)
		execute(call);
	else
		finish(call, status);
}

/*
 * Where MULTI is refused, what follows it is done at once and without the watch. It cannot be waited for before each commit, so over every
 * new connection an empty transaction comes first: an ACL may well allow the writes and not this.
 */
static void look(struct call *call)
{
	struct redis_store *store = call->store;

	if (store->proved != redis_link_connection(store->link)) {
		redis_link_command(store->link, 1, (const char *const[]){ "MULTI" }, NULL, 0, on_queued, call);
		redis_link_command(store->link, 1, (const char *const[]){ "EXEC" }, NULL, 0, on_queued, call);
	}
	watch(store, on_queued, on_seen, call);
}

void store_commit(void *self, const struct store_commit *what, store_commit_fn done, void *arg)
{
	struct redis_store *store = self;
	struct call *call = store_call_begin(store, (void (*)(void))done, arg, 0);
	struct commit *commit = arena_alloc(call->arena, sizeof(*commit));

	commit->what = *what;
	call->data = commit;
	/* Only a look that lets it go counts without another one: the rest is news that may be old. */
	if (store->seen.good && store->seen.connection == redis_link_connection(store->link) &&
		judge(&store->seen, what) == COMMIT_APPLIED)
		execute(call);
	else
		look(call);
}
