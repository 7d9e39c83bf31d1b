#include "daemon/redis_store_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/hash.h"
#include "common/json.h"
#include "common/keys.h"

static int64_t mono(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void store_error(struct redis_store *store, const struct redis_reply *error)
{
	snprintf(store->last_error, sizeof(store->last_error), "%s", error->str);
}

/* An error reply as the flow understands it. */
static int outcome(struct redis_store *store, int r, const struct redis_reply *reply)
{
	if (r < 0)
		return r;
	if (reply->type != REDIS_ERROR)
		return 0;
	store_error(store, reply);
	switch (redis_reply_class(reply)) {
	case REDIS_READONLY:
	case REDIS_MOVED:
		redis_link_drop(store->reads, "not a primary");
		redis_link_drop(store->link, "not a primary");
		return -EAGAIN;
	case REDIS_ASK:
	case REDIS_RETRY:
	case REDIS_DOWN:
	case REDIS_NOREPLICAS:
	case REDIS_NOSCRIPT:
		return -EAGAIN;
	case REDIS_NOSPACE:
		return -ENOSPC;
	case REDIS_DENIED:
		return -EPERM;
	default:
		return -EPROTO;
	}
}

struct call *store_call_begin(struct redis_store *store, void (*fn)(void), void *arg, size_t expected)
{
	struct arena *arena = arena_create();
	struct call *call = arena_alloc(arena, sizeof(*call));

	*call = (struct call){ .store = store, .fn = fn, .arg = arg, .arena = arena, .expected = expected,
		.sent_at = mono(), .next = store->calls, .link = &store->calls };
	if (call->next)
		call->next->link = &call->next;
	store->calls = call;
	return call;
}

void store_call_end(struct call *call)
{
	*call->link = call->next;
	if (call->next)
		call->next->link = call->link;
	arena_free(call->arena);
}

bool store_call_gathered(struct call *call, int r, const struct redis_reply *reply)
{
	int result = outcome(call->store, r, reply);

	if (result < 0 && call->r == 0)
		call->r = result;
	return ++call->answered == call->expected;
}

static void read_place(const struct redis_reply *reply, struct store_place *place)
{
	*place = (struct store_place){ 0 };
	if (reply->type != REDIS_ARRAY || reply->count != 2 || reply->items[0].type != REDIS_STRING ||
		reply->items[1].type != REDIS_STRING)
		return;
	place->pseq = strtoull(reply->items[0].str, NULL, 10);
	place->present = hex_parse(reply->items[1].str, GROUP_ID_SIZE, place->group) == 0;
}

/* --- reading the streams --------------------------------------------------------------------------------------------- */

struct reading {
	const char **streams;
	size_t stream_count;
	struct store_entry *entries;
	size_t count, capacity;
};

static void keep_entry(struct call *call, struct reading *reading, size_t stream, const struct redis_reply *one)
{
	struct store_entry *entry;
	const struct redis_reply *fields;

	if (one->type != REDIS_ARRAY || one->count != 2 || one->items[0].type != REDIS_STRING)
		return;
	fields = &one->items[1];
	reading->entries = arena_grow(call->arena, reading->entries, reading->count, &reading->capacity,
		sizeof(*reading->entries));
	entry = &reading->entries[reading->count++];
	*entry = (struct store_entry){ .stream = stream, .id = arena_strdup(call->arena, one->items[0].str) };
	if (fields->type == REDIS_ARRAY && fields->count == 2 && fields->items[0].type == REDIS_STRING &&
		fields->items[1].type == REDIS_STRING && strcmp(fields->items[0].str, "event") == 0 &&
		fields->items[0].len == 5) {
		entry->event = arena_memdup(call->arena, fields->items[1].str, fields->items[1].len);
		entry->len = fields->items[1].len;
	} else {
		struct buf text = { 0 };
		struct json_writer w = jw_init(&text);

		jw_array(&w, NULL);
		for (size_t i = 0; fields->type == REDIS_ARRAY && i < fields->count; i++)
			jw_strn(&w, NULL, fields->items[i].str ? fields->items[i].str : "", fields->items[i].len);
		jw_end_array(&w);
		entry->raw = arena_memdup(call->arena, text.data, text.len);
		entry->raw_len = text.len;
		buf_clear(&text);
	}
}

static void on_entries(int r, const struct redis_reply *reply, void *arg)
{
	struct call *call = arg;
	struct reading *reading = call->data;

	(void)store_call_gathered(call, r, reply);
	if (r < 0 || reply->type != REDIS_ARRAY)
		return;
	for (size_t i = 0; i < reply->count; i++) {
		const struct redis_reply *one = &reply->items[i];
		size_t stream = 0;

		if (one->type != REDIS_ARRAY || one->count != 2 || one->items[0].type != REDIS_STRING ||
			one->items[1].type != REDIS_ARRAY)
			continue;
		while (stream < reading->stream_count && strcmp(reading->streams[stream], one->items[0].str) != 0)
			stream++;
		for (size_t k = 0; k < one->items[1].count && stream < reading->stream_count; k++)
			keep_entry(call, reading, stream, &one->items[1].items[k]);
	}
}

static void on_read_place(int r, const struct redis_reply *reply, void *arg)
{
	struct call *call = arg;
	struct reading *reading = call->data;
	struct store_place place = { 0 };

	(void)store_call_gathered(call, r, reply);
	if (call->r == 0 && !redis_link_same_server(call->store->link, call->store->reads)) {
		/* One of them has not heard yet that another one is the primary: what is read here does not belong to what is written there. */
		redis_link_drop(call->store->reads, "it is at another server than where is written");
		call->r = -EAGAIN;
	}
	if (call->r == 0 && call->connection != call->store->tailed)
		call->r = -ENOTCONN;
	if (r == 0)
		read_place(reply, &place);
	((store_entries_fn)call->fn)(call->r, reading->entries, call->r < 0 ? 0 : reading->count, &place, call->arg);
	store_call_end(call);
}

static void store_read(void *self, const struct stream_position *positions, size_t position_count, size_t count,
	int block_ms, store_entries_fn done, void *arg)
{
	struct redis_store *store = self;
	struct call *call = store_call_begin(store, (void (*)(void))done, arg, 2);
	struct reading *reading = arena_alloc(call->arena, sizeof(*reading));
	const char **argv = arena_alloc(call->arena, (6 + 2 * position_count) * sizeof(*argv));
	const char *place[] = { "HMGET", store->cursor, "pseq", "group" };
	size_t n = 0;

	call->data = reading;
	call->connection = redis_link_connection(store->reads);
	reading->streams = arena_alloc(call->arena, position_count * sizeof(*reading->streams));
	reading->stream_count = position_count;
	argv[n++] = "XREAD";
	argv[n++] = "COUNT";
	argv[n++] = arena_printf(call->arena, "%zu", count);
	if (block_ms) {
		argv[n++] = "BLOCK";
		argv[n++] = arena_printf(call->arena, "%d", block_ms);
	}
	argv[n++] = "STREAMS";
	for (size_t i = 0; i < position_count; i++)
		argv[n++] = reading->streams[i] = arena_strdup(call->arena, positions[i].stream);
	for (size_t i = 0; i < position_count; i++)
		argv[n++] = arena_strdup(call->arena, positions[i].id);
	redis_link_command(store->reads, n, argv, NULL, 0, on_entries, call);
	redis_link_command(store->reads, 4, place, NULL, 0, on_read_place, call);
}

/* --- plain reads ------------------------------------------------------------------------------------------------------- */

static void on_values(int r, const struct redis_reply *reply, void *arg)
{
	struct call *call = arg;
	struct store_value *values = NULL;
	size_t count = 0;

	(void)store_call_gathered(call, r, reply);
	if (call->r == 0 && reply->type == REDIS_ARRAY) {
		count = reply->count;
		values = arena_alloc(call->arena, (count + 1) * sizeof(*values));
		for (size_t i = 0; i < count; i++)
			values[i] = (struct store_value){ reply->items[i].str, reply->items[i].len };
	}
	((store_values_fn)call->fn)(call->r, values, count, call->arg);
	store_call_end(call);
}

static void store_load(void *self, const char *const *keys, size_t count, store_values_fn done, void *arg)
{
	struct redis_store *store = self;
	struct call *call = store_call_begin(store, (void (*)(void))done, arg, 1);
	const char **argv = arena_alloc(call->arena, (count + 1) * sizeof(*argv));

	argv[0] = "MGET";
	memcpy(argv + 1, keys, count * sizeof(*argv));
	redis_link_command(store->link, count + 1, argv, NULL, 0, on_values, call);
}

static void store_hash(void *self, const char *key, store_values_fn done, void *arg)
{
	struct redis_store *store = self;
	const char *argv[] = { "HGETALL", key };

	redis_link_command(store->link, 2, argv, NULL, 0, on_values, store_call_begin(store, (void (*)(void))done, arg, 1));
}

static void on_due_page(int r, const struct redis_reply *reply, void *arg)
{
	struct call *call = arg;
	struct store_due *due;

	(void)store_call_gathered(call, r, reply);
	if (call->r < 0 || reply->type != REDIS_ARRAY)
		return;
	call->count = reply->count / 2;
	call->data = due = arena_alloc(call->arena, (call->count + 1) * sizeof(*due));
	for (size_t i = 0; i < call->count; i++) {
		due[i].member = arena_strdup(call->arena, reply->items[2 * i].str ? reply->items[2 * i].str : "");
		due[i].at = reply->items[2 * i + 1].str ? strtoll(reply->items[2 * i + 1].str, NULL, 10) : 0;
	}
}

static void on_due_next(int r, const struct redis_reply *reply, void *arg)
{
	struct call *call = arg;
	int64_t next = 0;

	(void)store_call_gathered(call, r, reply);
	if (call->r == 0 && reply->type == REDIS_ARRAY && reply->count == 2 && reply->items[1].str)
		next = strtoll(reply->items[1].str, NULL, 10);
	((store_due_fn)call->fn)(call->r, call->data, call->r < 0 ? 0 : call->count, next, call->arg);
	store_call_end(call);
}

static void store_due(void *self, int64_t now, size_t limit, store_due_fn done, void *arg)
{
	struct redis_store *store = self;
	struct call *call = store_call_begin(store, (void (*)(void))done, arg, 2);
	const char *at = arena_printf(call->arena, "%lld", (long long)now);
	const char *first[] = { "ZRANGEBYSCORE", store->due, "-inf", at, "WITHSCORES", "LIMIT", "0",
		arena_printf(call->arena, "%zu", limit) };
	const char *then[] = { "ZRANGEBYSCORE", store->due, arena_printf(call->arena, "(%lld", (long long)now), "+inf",
		"WITHSCORES", "LIMIT", "0", "1" };

	redis_link_command(store->link, 8, first, NULL, 0, on_due_page, call);
	redis_link_command(store->link, 8, then, NULL, 0, on_due_next, call);
}

/* --- the cursor --------------------------------------------------------------------------------------------------------- */

static void take_field(struct call *call, struct store_cursor *cursor, size_t *capacity, const char *name, const char *value)
{
	if (strcmp(name, "epoch") == 0) {
		cursor->epoch = strtoull(value, NULL, 10);
	} else if (strcmp(name, "pseq") == 0) {
		cursor->pseq = strtoull(value, NULL, 10);
	} else if (strcmp(name, "group") == 0) {
		(void)hex_parse(value, GROUP_ID_SIZE, cursor->group);
	} else if (strcmp(name, "writer") == 0) {
		snprintf(cursor->writer, sizeof(cursor->writer), "%s", value);
	} else if (strcmp(name, "redo") == 0) {
		cursor->rebuilt = *value == '2';
		cursor->redo = *value == '1' || cursor->rebuilt;
	} else if (strncmp(name, "left ", 5) == 0) {
		cursor->left = arena_grow(call->arena, cursor->left, cursor->left_count, &call->left_capacity, sizeof(*cursor->left));
		cursor->left[cursor->left_count++] =
			(struct store_left){ arena_strdup(call->arena, name + 5), strtoull(value, NULL, 10) };
	} else if (strchr(name, ':') && strncmp(name, "trying ", 7) != 0) {
		cursor->streams = arena_grow(call->arena, cursor->streams, cursor->stream_count, capacity,
			sizeof(*cursor->streams));
		cursor->streams[cursor->stream_count].stream = arena_strdup(call->arena, name);
		snprintf(cursor->streams[cursor->stream_count++].id, STREAM_ID_SIZE, "%s", value);
	}
}

static void on_cursor_hash(int r, const struct redis_reply *reply, void *arg)
{
	struct call *call = arg;
	struct store_cursor *cursor = arena_alloc(call->arena, sizeof(*cursor));
	size_t capacity = 0;

	call->data = cursor;
	(void)store_call_gathered(call, r, reply);
	if (call->r < 0 || reply->type != REDIS_ARRAY)
		return;
	cursor->present = reply->count > 0;
	for (size_t i = 0; i + 1 < reply->count; i += 2)
		if (reply->items[i].str && reply->items[i + 1].str)
			take_field(call, cursor, &capacity, reply->items[i].str, reply->items[i + 1].str);
}

static void info_value(const char *text, const char *name, char *ret)
{
	const char *at = strstr(text, name);
	size_t n;

	if (!at)
		return;
	at += strlen(name);
	n = strcspn(at, "\r\n");
	if (n < REDIS_ID_SIZE) {
		memcpy(ret, at, n);
		ret[n] = '\0';
	}
}

static void on_info(int r, const struct redis_reply *reply, void *arg)
{
	struct call *call = arg;
	struct store_cursor *cursor = call->data;
	bool last = store_call_gathered(call, r, reply);

	if (r == 0 && reply->type == REDIS_STRING) {
		info_value(reply->str, "run_id:", cursor->run_id);
		info_value(reply->str, "master_replid:", cursor->repl_id);
	}
	if (!last)
		return;
	((store_cursor_fn)call->fn)(call->r, call->r < 0 ? NULL : cursor, call->arg);
	store_call_end(call);
}

static void store_cursor_get(void *self, store_cursor_fn done, void *arg)
{
	struct redis_store *store = self;
	struct call *call = store_call_begin(store, (void (*)(void))done, arg, 3);
	const char *hash[] = { "HGETALL", store->cursor }, *server[] = { "INFO", "server" },
		   *replication[] = { "INFO", "replication" };

	redis_link_command(store->link, 2, hash, NULL, 0, on_cursor_hash, call);
	redis_link_command(store->link, 2, server, NULL, 0, on_info, call);
	redis_link_command(store->link, 2, replication, NULL, 0, on_info, call);
}

/* --- lease, trying, trimming ---------------------------------------------------------------------------------------------- */

static void on_lease(int r, const struct redis_reply *reply, void *arg)
{
	struct call *call = arg;
	bool granted = false;
	uint64_t epoch = 0;
	const char *owner = "";

	(void)store_call_gathered(call, r, reply);
	if (call->r == 0 && reply->type == REDIS_ARRAY && reply->count == 3 && reply->items[1].str && reply->items[2].str) {
		granted = reply->items[0].integer == 1;
		epoch = strtoull(reply->items[1].str, NULL, 10);
		owner = reply->items[2].str;
	} else if (call->r == 0) {
		call->r = -EPROTO;
	}
	((store_lease_fn)call->fn)(call->r, granted, epoch, call->sent_at + call->ttl, owner, call->arg);
	store_call_end(call);
}

static void store_lease(void *self, const char *owner, int64_t ttl_ms, uint64_t at_least, uint64_t held, store_lease_fn done,
	void *arg)
{
	struct redis_store *store = self;
	struct call *call = store_call_begin(store, (void (*)(void))done, arg, 1);
	const char *argv[] = { store->lease, store->cursor, owner, store->nonce,
		arena_printf(call->arena, "%lld", (long long)ttl_ms),
		arena_printf(call->arena, "%llu", (unsigned long long)at_least),
		arena_printf(call->arena, "%llu", (unsigned long long)held) };

	call->ttl = ttl_ms;
	redis_link_script(store->link, &store->lease_script, 2, 7, argv, NULL, 0, on_lease, call);
}

static void on_done(int r, const struct redis_reply *reply, void *arg)
{
	struct call *call = arg;

	if (!store_call_gathered(call, r, reply))
		return;
	((store_done_fn)call->fn)(call->r, call->arg);
	store_call_end(call);
}

static void store_release(void *self, const char *owner, store_done_fn done, void *arg)
{
	struct redis_store *store = self;
	const char *argv[] = { store->lease, owner, store->nonce };

	redis_link_script(store->link, &store->release_script, 1, 3, argv, NULL, 0, on_done,
		store_call_begin(store, (void (*)(void))done, arg, 1));
}

static void store_tell(void *self, const char *stream, const char *event, size_t len, store_done_fn done, void *arg)
{
	struct redis_store *store = self;
	const char *argv[] = { "XADD", stream, "*", "event", event };
	const size_t lens[] = { 4, strlen(stream), 1, 5, len };

	redis_link_command(store->link, 5, argv, lens, 0, on_done, store_call_begin(store, (void (*)(void))done, arg, 1));
}

static void on_trying(int r, const struct redis_reply *reply, void *arg)
{
	struct call *call = arg;

	(void)store_call_gathered(call, r, reply);
	((store_lease_fn)call->fn)(call->r, true, call->r == 0 ? (uint64_t)reply->integer : 0, 0, "", call->arg);
	store_call_end(call);
}

static void store_trying(void *self, const char *stream, const char *id, uint64_t epoch, store_lease_fn done, void *arg)
{
	struct redis_store *store = self;
	struct call *call = store_call_begin(store, (void (*)(void))done, arg, 1);
	const char *argv[] = { store->cursor, stream, id ? id : "", arena_printf(call->arena, "%llu", (unsigned long long)epoch),
		arena_printf(call->arena, "%d", POISON_TRIES), arena_printf(call->arena, "%d", POISON_APART_S) };

	redis_link_script(store->link, &store->trying_script, 1, ARRAY_LEN(argv), argv, NULL, 0, on_trying, call);
}

static void on_marked(int r, const struct redis_reply *reply, void *arg)
{
	(void)store_call_gathered(arg, r, reply);
}

static void on_replicated(int r, const struct redis_reply *reply, void *arg)
{
	struct call *call = arg;

	(void)store_call_gathered(call, r, reply);
	((store_replicated_fn)call->fn)(call->r, call->r == 0 ? reply->integer : 0, call->arg);
	store_call_end(call);
}

static void store_replicated(void *self, int64_t wanted, int timeout_ms, store_replicated_fn done, void *arg)
{
	struct redis_store *store = self;
	struct call *call = store_call_begin(store, (void (*)(void))done, arg, 1);
	char replicas[24], timeout[24];
	const char *argv[] = { "WAIT", replicas, timeout };

	/* WAIT tells of what this very connection wrote. Behind a new one, a commit that was found done was written by another. */
	if (store->written != redis_link_connection(store->link)) {
		const char *mark[] = { "SET", key_of(call->arena, &store->keyspace, "mark"), "1", "PX", "1", NULL };

		call->expected = 2;
		redis_link_command(store->link, 5, mark, NULL, 0, on_marked, call);
	}
	snprintf(replicas, sizeof(replicas), "%lld", (long long)wanted);
	snprintf(timeout, sizeof(timeout), "%d", timeout_ms);
	redis_link_command(store->link, 3, argv, NULL, 0, on_replicated, call);
}

static void store_trim(void *self, const struct stream_position *applied, size_t count, store_done_fn done, void *arg)
{
	struct redis_store *store = self;
	struct call *call = store_call_begin(store, (void (*)(void))done, arg, count);

	for (size_t i = 0; i < count; i++) {
		const char *argv[] = { "XTRIM", applied[i].stream, "MINID", "~", applied[i].id };

		redis_link_command(store->link, 5, argv, NULL, 0, on_done, call);
	}
}

static void on_tail(int r, const struct redis_reply *reply, void *arg)
{
	struct call *call = arg;
	struct stream_position *positions = call->data;
	size_t i = call->answered;
	bool missing = r == 0 && reply->type == REDIS_ERROR && strstr(reply->str, "no such key"), last;

	if (missing) {
		call->answered++;
		last = call->answered == call->expected;
	} else {
		last = store_call_gathered(call, r, reply);
	}
	snprintf(positions[i].id, STREAM_ID_SIZE, "0-0");
	for (size_t k = 0; !missing && call->r == 0 && reply->type == REDIS_ARRAY && k + 1 < reply->count; k += 2)
		if (reply->items[k].str && strcmp(reply->items[k].str, "last-generated-id") == 0 && reply->items[k + 1].str)
			snprintf(positions[i].id, STREAM_ID_SIZE, "%s", reply->items[k + 1].str);
	if (!last)
		return;
	if (call->r == 0)
		call->store->tailed = call->connection;
	((store_done_fn)call->fn)(call->r, call->arg);
	store_call_end(call);
}

static void store_tails(void *self, struct stream_position *positions, size_t count, store_done_fn done, void *arg)
{
	struct redis_store *store = self;
	struct call *call = store_call_begin(store, (void (*)(void))done, arg, count);

	call->data = positions;
	call->connection = redis_link_connection(store->reads);
	for (size_t i = 0; i < count; i++) {
		const char *argv[] = { "XINFO", "STREAM", positions[i].stream };

		redis_link_command(store->link, 3, argv, NULL, 0, on_tail, call);
	}
}

static bool store_connected(void *self)
{
	struct redis_store *store = self;

	return redis_link_connected(store->link) && redis_link_connected(store->reads);
}

/* --- settings of the server ------------------------------------------------------------------------------------------------ */

static void on_settings(int r, const struct redis_reply *reply, void *arg)
{
	struct call *call = arg;
	const char *fault = NULL, *warning = NULL;

	(void)store_call_gathered(call, r, reply);
	if (call->r == -EPERM || (call->r == -EPROTO && r == 0)) {
		warning = "Redis does not let us read its settings: appendonly yes and maxmemory-policy noeviction are assumed";
		call->r = 0;
	}
	for (size_t i = 0; call->r == 0 && reply->type == REDIS_ARRAY && i + 1 < reply->count; i += 2) {
		const char *name = reply->items[i].str, *value = reply->items[i + 1].str;

		if (!name || !value)
			continue;
		if (strcmp(name, "appendonly") == 0 && strcmp(value, "yes") != 0)
			fault = "Redis must run with `appendonly yes`: without it accepted events are lost when it stops";
		if (strcmp(name, "maxmemory-policy") == 0 && strcmp(value, "noeviction") != 0)
			fault = "Redis must run with `maxmemory-policy noeviction`: with another one it drops streams when memory is short";
		if (strcmp(name, "appendfsync") == 0 && strcmp(value, "no") == 0)
			fault = "Redis must run with `appendfsync always` or `everysec`, not `no`";
		else if (strcmp(name, "appendfsync") == 0 && strcmp(value, "always") != 0)
			warning = "Redis runs with `appendfsync everysec`: events of the last second can be lost in a power cut";
	}
	((redis_store_check_fn)call->fn)(call->r, fault, warning, call->arg);
	store_call_end(call);
}

void redis_store_check(struct redis_store *store, redis_store_check_fn done, void *arg)
{
	const char *argv[] = { "CONFIG", "GET", "*" };

	redis_link_command(store->link, 3, argv, NULL, 0, on_settings, store_call_begin(store, (void (*)(void))done, arg, 1));
}

/* --- who lives ------------------------------------------------------------------------------------------------------------- */

static void on_members(int r, const struct redis_reply *reply, void *arg)
{
	struct call *call = arg;
	struct store_member *members = NULL;
	const char *book = "", *begun = "";
	size_t count = 0;

	(void)store_call_gathered(call, r == -EAGAIN ? -EINPROGRESS : r, reply);
	if (call->r == 0 && (reply->type != REDIS_ARRAY || reply->count < 2 || !reply->items[0].str || !reply->items[1].str))
		call->r = -EPROTO;
	if (call->r == 0) {
		members = arena_alloc(call->arena, (reply->count / 4 + 1) * sizeof(*members));
		book = reply->items[0].str;
		begun = reply->items[1].str;
		call->r = strcmp(book, "~twin") == 0 ? -EEXIST : 0;
	}
	for (size_t i = 2; call->r == 0 && i + 3 < reply->count; i += 4) {
		const struct redis_reply *one = &reply->items[i];

		if (one[0].str && one[1].str && one[2].str && one[3].str)
			members[count++] = (struct store_member){ one[0].str, one[2].str, one[3].str, (uint32_t)strtoul(one[1].str, NULL, 10), strchr(one[1].str, '~') != NULL };
	}
	((redis_store_members_fn)call->fn)(call->r, book, begun, members, count, call->arg);
	store_call_end(call);
}

void redis_store_announce(struct redis_store *store, const struct store_announcement *what, redis_store_members_fn done, void *arg)
{
	struct call *call = store_call_begin(store, (void (*)(void))done, arg, 1);
	const char *argv[] = { key_of(call->arena, &store->keyspace, "instances"), what->instance,
		arena_printf(call->arena, "%lld", (long long)what->ttl_ms), what->led < 0 ? "" : arena_printf(call->arena, "%lld%s", (long long)what->led, what->partial ? "~" : ""),
		what->origin, what->book, what->new_book, what->begun, what->whose, what->refused };

	redis_link_script_kept(store->link, &store->announce_script, what->replicas, 1, ARRAY_LEN(argv), argv, NULL, 0, on_members, call);
}

/* --- life -------------------------------------------------------------------------------------------------------------------- */

struct redis_store *redis_store_create(struct event_base *base, const struct redis_url *url, const char *prefix,
	uint32_t partition, const char *home, redis_state_fn state, void *arg)
{
	struct redis_store *store = xcalloc(1, sizeof(*store));
	uint8_t nonce[8];
	char hex[2 * sizeof(nonce) + 1];

	store->arena = arena_create();
	store->keyspace = (struct keyspace){ prefix, partition };
	store->cursor = key_of(store->arena, &store->keyspace, "cursor");
	store->lease = key_of(store->arena, &store->keyspace, "lease");
	store->due = key_of(store->arena, &store->keyspace, "due");
	redis_script_init(&store->lease_script, script_lease);
	redis_script_init(&store->release_script, script_release);
	redis_script_init(&store->trying_script, script_trying);
	redis_script_init(&store->scrub_script, script_scrub);
	redis_script_init(&store->announce_script, script_announce);
	random_bytes(nonce, sizeof(nonce));
	snprintf(store->nonce, sizeof(store->nonce), "%.16s%s%s", home, *home ? "." : "", hex_format(nonce, sizeof(nonce), hex));
	store->link = redis_link_create_for(base, url, store->lease, state, arg);
	store->reads = redis_link_create_for(base, url, store->lease, NULL, NULL);
	store->port = (struct store_port){ .self = store, .read = store_read, .load = store_load, .hash = store_hash,
		.due = store_due, .cursor = store_cursor_get, .commit = store_commit, .lease = store_lease,
		.release = store_release, .tell = store_tell, .trying = store_trying, .trim = store_trim, .tails = store_tails,
		.replicated = store_replicated, .connected = store_connected, .scan = store_scan, .lasting = store_lasting, .scrub = store_scrub };
	return store;
}

void redis_store_destroy(struct redis_store *store)
{
	if (!store)
		return;
	redis_link_destroy(store->link);
	redis_link_destroy(store->reads);
	while (store->calls)
		store_call_end(store->calls);
	arena_free(store->arena);
	free(store);
}

const struct store_port *redis_store_port(struct redis_store *store)
{
	return &store->port;
}

const char *redis_store_last_error(const struct redis_store *store)
{
	return store->last_error;
}
