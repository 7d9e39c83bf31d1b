/* What erasing and taking over ask of Redis: a walk over its keys, values with their ends, and streams that forget entries for good. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/redis_store_internal.h"

#define SCAN_COUNT "500"

/* --- a walk over keys --------------------------------------------------------------------------------------------------- */

struct scanning {
	const char *next;
	const char **keys; /* in the call's arena */
	size_t count;
};

static void finish_scan(struct call *call, const struct store_value *values, size_t count)
{
	const struct scanning *s = call->data;

	((store_scan_fn)call->fn)(call->r, s->next, s->keys, values, call->r < 0 ? 0 : count, call->arg);
	store_call_end(call);
}

static void on_scanned_values(int r, const struct redis_reply *reply, void *arg)
{
	struct call *call = arg;
	struct scanning *s = call->data;
	struct store_value *values = arena_alloc(call->arena, (s->count + 1) * sizeof(*values));

	(void)store_call_gathered(call, r, reply);
	if (call->r == 0 && (reply->type != REDIS_ARRAY || reply->count != s->count))
		call->r = -EPROTO;
	for (size_t i = 0; i < s->count && call->r == 0; i++)
		values[i] = (struct store_value){ reply->items[i].str, reply->items[i].len };
	finish_scan(call, values, s->count);
}

static void on_scanned(int r, const struct redis_reply *reply, void *arg)
{
	struct call *call = arg;
	struct scanning *s = call->data;
	const char **argv;

	(void)store_call_gathered(call, r, reply);
	if (call->r == 0 && (reply->type != REDIS_ARRAY || reply->count != 2 || !reply->items[0].str || reply->items[1].type != REDIS_ARRAY))
		call->r = -EPROTO;
	if (call->r < 0) {
		finish_scan(call, NULL, 0);
		return;
	}
	s->next = strcmp(reply->items[0].str, "0") == 0 ?
		"0" :
		arena_printf(call->arena, "%llx.%s", (unsigned long long)redis_link_connection(call->store->link), reply->items[0].str);
	s->keys = arena_alloc(call->arena, (reply->items[1].count + 1) * sizeof(*s->keys));
	for (size_t i = 0; i < reply->items[1].count; i++)
		if (reply->items[1].items[i].str)
			s->keys[s->count++] = arena_strdup(call->arena, reply->items[1].items[i].str);
	if (!s->count) {
		finish_scan(call, NULL, 0);
		return;
	}
	argv = arena_alloc(call->arena, (s->count + 1) * sizeof(*argv));
	argv[0] = "MGET";
	memcpy(argv + 1, s->keys, s->count * sizeof(*argv));
	redis_link_command(call->store->link, s->count + 1, argv, NULL, 0, on_scanned_values, call);
}

static void on_whole(int r, const struct redis_reply *reply, void *arg)
{
	(void)store_call_gathered(arg, r, reply);
}

/* A cursor is of one server's memory: behind another connection there may be another one, and the walk begins anew. */
static const char *cursor_here(const struct redis_store *store, const char *cursor)
{
	const char *dot = strchr(cursor, '.');

	return dot && strtoull(cursor, NULL, 16) == redis_link_connection(store->link) ? dot + 1 : "0";
}

void store_scan(void *self, const char *cursor, const char *pattern, store_scan_fn done, void *arg)
{
	struct redis_store *store = self;
	struct call *call = store_call_begin(store, (void (*)(void))done, arg, 3);
	const char *argv[] = { "SCAN", cursor_here(store, cursor), "MATCH", pattern, "COUNT", SCAN_COUNT };
	/* SCAN does not tell that a part of the slot is at another node already. Two keys, one of which is nowhere, do: TRYAGAIN. */
	const char *whole[] = { "EXISTS", store->cursor, key_of(call->arena, &store->keyspace, "nowhere") };

	redis_link_command(store->link, 3, whole, NULL, 0, on_whole, call);
	call->data = arena_alloc(call->arena, sizeof(struct scanning));
	redis_link_command(store->link, 6, argv, NULL, 0, on_scanned, call);
}

/* --- values that end ------------------------------------------------------------------------------------------------------- */

/* The value, then how long it still lasts, for one key after the other. */
static void on_lasting(int r, const struct redis_reply *reply, void *arg)
{
	struct call *call = arg;
	struct store_value *values = call->data;
	size_t i = call->answered;
	bool last = store_call_gathered(call, r, reply);
	struct timespec now;

	if (call->r == 0 && i % 2 == 0 && reply->type == REDIS_STRING)
		values[i] = (struct store_value){ arena_memdup(call->arena, reply->str, reply->len), reply->len };
	if (call->r == 0 && i % 2 == 1 && reply->type == REDIS_INTEGER && reply->integer > 0) {
		clock_gettime(CLOCK_REALTIME, &now); /* by which Redis counts */
		values[i].data = arena_printf(call->arena, "%lld",
			(long long)((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + reply->integer));
		values[i].len = strlen(values[i].data);
	}
	if (!last)
		return;
	((store_values_fn)call->fn)(call->r, values, call->r < 0 ? 0 : call->expected, call->arg);
	store_call_end(call);
}

void store_lasting(void *self, const char *const *keys, size_t count, store_values_fn done, void *arg)
{
	struct redis_store *store = self;
	struct call *call = store_call_begin(store, (void (*)(void))done, arg, 2 * count);

	call->data = arena_alloc(call->arena, (2 * count + 1) * sizeof(struct store_value));
	for (size_t i = 0; i < count; i++) {
		const char *get[] = { "GET", keys[i] }, *ttl[] = { "PTTL", keys[i] };

		redis_link_command(store->link, 2, get, NULL, 0, on_lasting, call);
		redis_link_command(store->link, 2, ttl, NULL, 0, on_lasting, call);
	}
}

/* --- streams -------------------------------------------------------------------------------------------------------------- */

#define SCRUB_PAGE "10000" /* entries, some 80 ms of Redis's time */

struct scrubbing {
	const char **argv; /* keys, from, copied, page, ids */
	size_t count;
	char from[80], copied[U64_TEXT_SIZE];
};

static void scrub_page(struct call *call);

static void on_scrubbed(int r, const struct redis_reply *reply, void *arg)
{
	struct call *call = arg;
	struct scrubbing *s = call->data;

	(void)store_call_gathered(call, r, reply);
	if (call->r == 0 && (reply->type != REDIS_ARRAY || reply->count != 2 || !reply->items[0].str))
		call->r = -EPROTO;
	if (call->r == 0 && reply->items[0].str[0]) {
		snprintf(s->from, sizeof(s->from), "%s", reply->items[0].str);
		u64_format((uint64_t)reply->items[1].integer, s->copied);
		scrub_page(call);
		return;
	}
	((store_done_fn)call->fn)(call->r, call->arg);
	store_call_end(call);
}

static void scrub_page(struct call *call)
{
	struct scrubbing *s = call->data;

	redis_link_script(call->store->link, &call->store->scrub_script, 2, s->count, s->argv, NULL, 0, on_scrubbed, call);
}

void store_scrub(void *self, const char *stream, const char *const *ids, size_t count, store_done_fn done, void *arg)
{
	struct redis_store *store = self;
	struct call *call = store_call_begin(store, (void (*)(void))done, arg, 1);
	struct scrubbing *s = arena_alloc(call->arena, sizeof(*s));

	call->data = s;
	s->count = count + 5;
	s->argv = arena_alloc(call->arena, s->count * sizeof(*s->argv));
	s->argv[0] = arena_strdup(call->arena, stream);
	s->argv[1] = key_of(call->arena, &store->keyspace, "scrubbed");
	strcpy(s->from, "-");
	strcpy(s->copied, "0");
	s->argv[2] = s->from;
	s->argv[3] = s->copied;
	s->argv[4] = SCRUB_PAGE;
	for (size_t i = 0; i < count; i++)
		s->argv[5 + i] = arena_strdup(call->arena, ids[i]);
	scrub_page(call);
}

/* --- what waits --------------------------------------------------------------------------------------------------------------- */

static void on_counted(int r, const struct redis_reply *reply, void *arg)
{
	struct call *call = arg;
	int64_t *counts = call->data;
	bool last;

	if (r == 0 && reply->type == REDIS_INTEGER)
		counts[call->answered] = reply->integer;
	last = store_call_gathered(call, r, reply);
	if (!last)
		return;
	((redis_store_backlog_fn)call->fn)(call->r, counts[0], counts[1], call->arg);
	store_call_end(call);
}

void redis_store_backlog(struct redis_store *store, int64_t now, redis_store_backlog_fn done, void *arg)
{
	struct call *call = store_call_begin(store, (void (*)(void))done, arg, 2);
	const char *due[] = { "ZCOUNT", store->due, "-inf", arena_printf(call->arena, "%lld", (long long)now) };
	const char *dead[] = { "XLEN", key_of(call->arena, &store->keyspace, "dead") };

	call->data = arena_alloc(call->arena, 2 * sizeof(int64_t));
	redis_link_command(store->link, 4, due, NULL, 0, on_counted, call);
	redis_link_command(store->link, 2, dead, NULL, 0, on_counted, call);
}
