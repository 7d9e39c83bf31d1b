/*
 * Redis made again out of the journals of all instances; or the book spread over another number of partitions, under another prefix. Every daemon
 * is stopped meanwhile: their state directories are locked, and each partition's lease is taken.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/attempt.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/json.h"
#include "daemon/intake.h"
#include "tools/cmd.h"
#include "tools/histories.h"

#define WINDOW 500 /* commands under way */
#define LEASE_MS "600000"
#define BOOK_FILE_MAX 65536
#define KEPT_MS 10000 /* the replicas have so long to follow */

struct rebuild {
	struct ctl *ctl;
	struct histories *histories;
	struct projection *projection;
	const char *from, *to; /* prefixes */
	uint32_t partitions, parts; /* of now, and wanted */
	struct history_end *ends; /* by partition of now */
	bool *there; /* Redis has it as the journals do: a daemon made it again */
	bool *older; /* ... but for its epoch */
	bool spread; /* parts are others than partitions */
	uint64_t pseq, epoch; /* greatest of all, for a new number of partitions */
	uint8_t id[GROUP_ID_SIZE];
	int64_t now;
	size_t under_way, written;
	char refused[200];
	int exit;
};

static int64_t mono_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- writing ------------------------------------------------------------------------------------------------------------------- */

static void on_written(int r, const struct redis_reply *reply, void *arg)
{
	struct rebuild *b = arg;

	b->under_way--;
	/* an entry that is there already: an earlier run was cut off */
	if ((r < 0 || (reply->type == REDIS_ERROR && !strstr(reply->str, "XADD"))) && !b->refused[0])
		snprintf(b->refused, sizeof(b->refused), "%s", r < 0 ? strerror(-r) : reply->str);
}

static void drain(struct rebuild *b, size_t most)
{
	while (b->under_way > most)
		(void)event_base_loop(b->ctl->base, EVLOOP_ONCE);
}

static void put(struct rebuild *b, size_t argc, const char *const *argv, const size_t *lens)
{
	if (b->refused[0])
		return;
	b->under_way++;
	b->written++;
	redis_link_command(redis_links_for(b->ctl->links, argc, argv), argc, argv, lens, 0, on_written, b);
	drain(b, WINDOW);
}

static void write_string(struct rebuild *b, const char *key, const struct projected *v, const char *value, size_t len)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *argv[] = { "SET", key, value, "PXAT", arena_printf(arena, "%" PRId64, v->until) };
	const size_t lens[] = { 3, strlen(key), len, 4, strlen(argv[4]) };

	if (!v->until || v->until > b->now)
		put(b, v->until ? 5 : 3, argv, lens);
}

static void write_field(struct rebuild *b, const char *key, enum projected_kind kind, const struct projected_field *f)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *hash[] = { "HSET", key, f->name, f->value ? f->value : "" },
		   *zset[] = { "ZADD", key, arena_printf(arena, "%" PRId64, f->number), f->name };
	const size_t lens[] = { 4, strlen(key), strlen(f->name), f->len };

	put(b, 4, kind == PROJECTED_HASH ? hash : zset, kind == PROJECTED_HASH ? lens : NULL);
}

static void write_entry(struct rebuild *b, const char *key, const char *id, const struct projected_field *f)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json fields;
	const char **argv;
	size_t *lens, n = 0, count = 0;

	if (!f->event && json_parse(arena, f->value, f->len, 0, &fields, NULL) == 0)
		count = json_len(&fields);
	argv = arena_alloc(arena, (count + 10) * sizeof(*argv));
	lens = arena_alloc(arena, (count + 10) * sizeof(*lens));
	argv[n++] = "XADD";
	argv[n++] = key;
	if (f->number) {
		argv[n++] = "MAXLEN";
		argv[n++] = "~";
		argv[n++] = arena_printf(arena, "%" PRId64, f->number);
	}
	argv[n++] = id;
	if (f->event)
		argv[n++] = "event";
	for (size_t i = 0; i < n; i++)
		lens[i] = strlen(argv[i]);
	if (f->event) {
		lens[n] = f->len;
		argv[n++] = f->value;
	}
	for (size_t i = 0; i < count; i++) {
		struct json one = json_at(&fields, i);

		argv[n] = json_str(&one) ? json_str(&one) : "";
		lens[n] = strlen(argv[n]);
		n++;
	}
	put(b, n, argv, lens);
}

static void write_fields(struct rebuild *b, const char *key, const struct projected *v)
{
	for (size_t i = 0; i < v->count; i++)
		if (v->kind == PROJECTED_STREAM)
			write_entry(b, key, v->fields[i].name, &v->fields[i]);
		else
			write_field(b, key, v->kind, &v->fields[i]);
}

/* The place in history, last of all: without it the partition is not there. */
static void write_cursor(struct rebuild *b, uint32_t partition, uint64_t pseq, uint64_t epoch, const uint8_t id[GROUP_ID_SIZE], const char *writer)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct keyspace keys = { b->to, partition };
	char hex[2 * GROUP_ID_SIZE + 1];
	const char *argv[] = { "HSET", key_of(arena, &keys, "cursor"), "epoch", arena_printf(arena, "%" PRIu64, epoch), "writer", writer, "redo", b->spread ? "0" : "2",
		"group", hex_format(id, GROUP_ID_SIZE, hex), "pseq", arena_printf(arena, "%" PRIu64, pseq) };

	drain(b, 0);
	put(b, ARRAY_LEN(argv), argv, NULL);
	drain(b, 0);
}

/* --- the same partitions -------------------------------------------------------------------------------------------------------- */

/* "<prefix>:{p}:<rest>"; NULL: another key. */
static const char *rest_of(const struct rebuild *b, const char *key, uint32_t *partition)
{
	size_t n = strlen(b->from);
	char *end;

	if (strncmp(key, b->from, n) != 0 || strncmp(key + n, ":{", 2) != 0)
		return NULL;
	*partition = (uint32_t)strtoul(key + n + 2, &end, 10);
	return strncmp(end, "}:", 2) == 0 && *partition < b->partitions ? end + 2 : NULL;
}

static int write_same(const struct projected *v, void *arg)
{
	struct rebuild *b = arg;
	uint32_t partition;

	if (!rest_of(b, v->key, &partition) || b->there[partition])
		return 0;
	if (v->kind == PROJECTED_STRING)
		write_string(b, v->key, v, v->value, v->len);
	else
		write_fields(b, v->key, v);
	return b->refused[0] != '\0';
}

/* --- another number of them ------------------------------------------------------------------------------------------------------ */

static const char *member(struct arena *arena, const char *text, size_t len, const char *name)
{
	struct json root, one;

	if (!text || json_parse(arena, text, len, 0, &root, NULL) < 0)
		return NULL;
	one = json_get(&root, name);
	return json_str(&one);
}

/* The system case of a partition stays with its number, as far as that goes. */
static uint32_t part_of(const struct rebuild *b, const char *debtor, uint32_t partition)
{
	return debtor && strcmp(debtor, SYSTEM_CASE) != 0 ? partition_of(debtor, b->parts) : partition % b->parts;
}

/* Where webhooks look for it: its id tells its partition. */
static uint32_t part_of_attempt(const struct rebuild *b, const char *id)
{
	uint32_t part = attempt_partition(id);

	return part < b->parts ? part : 0;
}

static const char *find_text(struct rebuild *b, const char *key, const char *field, size_t *len)
{
	const struct projected *v = projection_find(b->projection, key);
	const struct projected_field *f = v && field ? projected_find(v, field) : NULL;

	*len = field ? (f ? f->len : 0) : (v ? v->len : 0);
	return field ? (f ? f->value : NULL) : (v ? v->value : NULL);
}

static const char *part_key(struct rebuild *b, struct arena *arena, uint32_t part, const char *rest)
{
	struct keyspace keys = { b->to, part };

	return key_of(arena, &keys, rest);
}

/* Whose a field of one of the partition's hashes and sets is: by the document that it stands for. */
static const char *owner_of(struct rebuild *b, struct arena *arena, uint32_t partition, const char *rest, const struct projected_field *f)
{
	struct keyspace keys = { b->from, partition };
	const char *text = f->value;
	size_t len = f->len;

	if (strncmp(rest, "address:", 8) == 0)
		return f->name;
	if (strcmp(rest, "due") == 0)
		text = find_text(b, key_escalation(arena, &keys, f->name), NULL, &len);
	else if (strcmp(rest, "task_due") == 0)
		text = find_text(b, key_of(arena, &keys, "tasks"), f->name, &len);
	return member(arena, text, len, "debtor");
}

/* A log that had all of the old partition has not all of the new one: whoever leads it takes over what Redis has. */
static void write_system(struct rebuild *b, struct arena *arena, uint32_t part, const struct projected *v)
{
	struct debtor system = { 0 };

	if (debtor_read(arena, v->value, v->len, &system, NULL) < 0)
		return;
	system.adopted = NULL;
	for (uint32_t p = part; p < b->parts; p += b->partitions) {
		CLEANUP(buf_clear) struct buf text = { 0 };

		system.unknown_since = p == part ? system.unknown_since : 0; /* its task stays where it was */
		debtor_write(&text, &system);
		write_string(b, part_key(b, arena, p, "debtor:" SYSTEM_CASE), v, buf_str(&text), text.len);
	}
}

static void spread_string(struct rebuild *b, struct arena *arena, uint32_t partition, const char *rest, const struct projected *v)
{
	uint32_t part;

	if (strcmp(rest, "debtor:" SYSTEM_CASE) == 0) {
		if (partition < b->parts)
			write_system(b, arena, partition, v);
		return;
	}
	if (strncmp(rest, "debtor:", 7) == 0)
		part = partition_of(rest + 7, b->parts);
	else if (strncmp(rest, "attempt:", 8) == 0)
		part = part_of_attempt(b, rest + 8);
	else if (strncmp(rest, "ref:", 4) == 0)
		part = part_of_attempt(b, v->value);
	else
		part = part_of(b, member(arena, v->value, v->len, "debtor"), partition);
	write_string(b, part_key(b, arena, part, rest), v, v->value, v->len);
}

/* Dead letters go on under ids of their own; what other services should have read by now stays behind. */
static void spread_fields(struct rebuild *b, uint32_t partition, const char *rest, const struct projected *v)
{
	if (strcmp(rest, "cursor") == 0 || strcmp(rest, "outbound") == 0)
		return;
	for (size_t i = 0; i < v->count && !b->refused[0]; i++) {
		CLEANUP(arena_freep) struct arena *one = arena_create();

		if (v->kind == PROJECTED_STREAM)
			write_entry(b, part_key(b, one, partition % b->parts, rest), arena_printf(one, "%" PRIu64 "-%zu", b->pseq, partition * 1000000 + i + 1),
				&v->fields[i]);
		else
			write_field(b, part_key(b, one, part_of(b, owner_of(b, one, partition, rest, &v->fields[i]), partition), rest), v->kind, &v->fields[i]);
	}
}

static int write_spread(const struct projected *v, void *arg)
{
	struct rebuild *b = arg;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	uint32_t partition;
	const char *rest = rest_of(b, v->key, &partition);

	if (!rest)
		return 0;
	if (v->kind == PROJECTED_STRING)
		spread_string(b, arena, partition, rest, v);
	else
		spread_fields(b, partition, rest, v);
	return b->refused[0] != '\0';
}

/* What lies beside a receipt goes along, for as long as it was to lie there. */
static int copy_body(struct rebuild *b, struct arena *arena, const struct keyspace *from, const struct keyspace *to, const char *digest)
{
	const char *key = key_body(arena, from, digest);
	const struct redis_reply *bytes, *left;
	int r = ctl_ask(b->ctl, arena, &bytes, "GET", key, NULL);

	if (r == 0)
		r = ctl_ask(b->ctl, arena, &left, "PTTL", key, NULL);
	if (r == 0 && bytes->type == REDIS_STRING && left->integer > 0) {
		const char *argv[] = { "SET", key_body(arena, to, digest), bytes->str, "PX", arena_printf(arena, "%lld", (long long)left->integer) };
		const size_t lens[] = { 3, strlen(argv[1]), bytes->len, 2, strlen(argv[4]) };

		put(b, ARRAY_LEN(argv), argv, lens);
	}
	return r;
}

static int copy_receipt(struct rebuild *b, struct arena *arena, const struct keyspace *from, const struct keyspace *to, const struct redis_reply *entry)
{
	const struct redis_reply *fields = &entry->items[1];
	const char **argv = arena_alloc(arena, (fields->count + 3) * sizeof(*argv));
	size_t *lens = arena_alloc(arena, (fields->count + 3) * sizeof(*lens));
	int r = 0;

	argv[0] = "XADD";
	argv[1] = key_of(arena, to, INTAKE_WAITS);
	argv[2] = entry->items[0].str;
	for (size_t i = 0; i < 3; i++)
		lens[i] = strlen(argv[i]);
	for (size_t i = 0; i < fields->count; i++) {
		struct json event, part;

		argv[3 + i] = fields->items[i].str;
		lens[3 + i] = fields->items[i].len;
		if (i % 2 == 0 || strcmp(fields->items[i - 1].str, "event") != 0 || json_parse(arena, argv[3 + i], lens[3 + i], 0, &event, NULL) < 0)
			continue;
		part = json_get(&event, "data");
		part = json_get(&part, "webhook");
		if (r == 0 && json_text(&part, "apart"))
			r = copy_body(b, arena, from, to, json_text(&part, "apart"));
	}
	if (r == 0)
		put(b, 3 + fields->count, argv, lens);
	return r;
}

/* No journal has the receipts that wait for their messages: they are taken from Redis, where it has them still. */
static int copy_receipts(struct rebuild *b)
{
	const struct keyspace from = { b->from, 0 }, to = { b->to, 0 };
	char after[64] = "-";

	for (;;) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const struct redis_reply *page;
		int r = ctl_ask(b->ctl, arena, &page, "XRANGE", key_of(arena, &from, INTAKE_WAITS), after, "+", "COUNT", "100", NULL);

		for (size_t i = 0; r == 0 && i < page->count; i++) {
			r = copy_receipt(b, arena, &from, &to, &page->items[i]);
			snprintf(after, sizeof(after), "(%s", page->items[i].items[0].str);
		}
		if (r != 0 || !page->count || b->refused[0])
			return r;
	}
}

/* --- whether it may be --------------------------------------------------------------------------------------------------------- */

static bool is_ours(const char *lease)
{
	return strncmp(lease, REBUILD_WRITER " ", strlen(REBUILD_WRITER) + 1) == 0;
}

/* Nothing is written over. */
static int check_target(struct rebuild *b)
{
	for (uint32_t p = 0; p < b->parts; p++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct keyspace keys = { b->to, p };
		const struct redis_reply *reply;
		char hex[2 * GROUP_ID_SIZE + 1];
		int r = ctl_ask(b->ctl, arena, &reply, "HMGET", key_of(arena, &keys, "cursor"), "pseq", "group", "epoch", NULL);

		if (r != 0)
			return r;
		if (reply->count == 3 && reply->items[0].str && reply->items[1].str) {
			b->older[p] = !b->spread && reply->items[2].str && strtoull(reply->items[2].str, NULL, 10) < b->ends[p].epoch;
			if (!b->spread)
				b->there[p] = strtoull(reply->items[0].str, NULL, 10) == b->ends[p].pseq &&
					strcmp(hex_format(b->ends[p].id, GROUP_ID_SIZE, hex), reply->items[1].str) == 0;
			if (b->spread || !b->there[p])
				return ctl_fail(b->ctl, EXIT_FOUND, "not_empty", "Redis has partition %u of %s, at group %s: nothing is written over it; delete its keys, "
					"or name another --prefix", p, b->to, reply->items[0].str);
		}
		r = ctl_ask(b->ctl, arena, &reply, "GET", key_of(arena, &keys, "lease"), NULL);
		if (r != 0)
			return r;
		if (reply->type == REDIS_STRING && !is_ours(reply->str))
			return ctl_fail(b->ctl, EXIT_FOUND, "led", "partition %u is led by %s: stop every dunningd first", p, reply->str);
	}
	return 0;
}

/* The book that is spread, where Redis still has it: nobody writes it, and the journals have all that it has. */
static int check_source(struct rebuild *b)
{
	for (uint32_t p = 0; b->spread && p < b->partitions; p++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct keyspace keys = { b->from, p };
		const struct redis_reply *lease, *place;
		char hex[2 * GROUP_ID_SIZE + 1];
		int r = ctl_ask(b->ctl, arena, &lease, "GET", key_of(arena, &keys, "lease"), NULL);

		if (r == 0)
			r = ctl_ask(b->ctl, arena, &place, "HMGET", key_of(arena, &keys, "cursor"), "pseq", "group", NULL);
		if (r != 0)
			return r;
		if (lease->type == REDIS_STRING)
			return ctl_fail(b->ctl, EXIT_FOUND, "led", "partition %u of %s is led by %s: stop every dunningd first", p, b->from, lease->str);
		if (place->count == 2 && place->items[0].str && (strtoull(place->items[0].str, NULL, 10) != b->ends[p].pseq || !place->items[1].str ||
			strcmp(hex_format(b->ends[p].id, GROUP_ID_SIZE, hex), place->items[1].str) != 0))
			return ctl_fail(b->ctl, EXIT_FOUND, "incomplete", "Redis has partition %u of %s at group %s, these journals have it up to group %" PRIu64
				": start the daemons once more, stop them, and name the state directories of all instances", p, b->from, place->items[0].str, b->ends[p].pseq);
	}
	return 0;
}

/* With another number of partitions the streams are others, too: what stands in the old ones must have been read. */
static int check_drained(struct rebuild *b)
{
	for (uint32_t p = 0; b->spread && p < b->partitions; p++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct keyspace keys = { b->from, p };
		const struct projected *cursor = projection_find(b->projection, key_of(arena, &keys, "cursor"));

		for (size_t s = 0; s < b->ctl->config->producer_count; s++) {
			const char *stream = key_events(arena, &keys, b->ctl->config->producers[s].name);
			const struct projected_field *read = cursor ? projected_find(cursor, stream) : NULL;
			const struct redis_reply *last;
			int r = ctl_ask(b->ctl, arena, &last, "XREVRANGE", stream, "+", "-", "COUNT", "1", NULL);

			if (r != 0)
				return r;
			if (last->count && last->items[0].count && (!read || strcmp(last->items[0].items[0].str, read->value) != 0))
				return ctl_fail(b->ctl, EXIT_FOUND, "unread", "%s has entries that were not read: run the daemons until `status` says that nothing is "
					"unread, with sending suspended, then stop them", stream);
		}
	}
	return 0;
}

static int take_leases(struct rebuild *b)
{
	for (uint32_t p = 0; p < b->parts; p++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct keyspace keys = { b->to, p };
		const char *key = key_of(arena, &keys, "lease");
		const struct redis_reply *reply;
		int r = ctl_ask(b->ctl, arena, &reply, "SET", key, REBUILD_WRITER " 0", "PX", LEASE_MS, "NX", NULL);

		if (r == 0 && reply->type == REDIS_NIL) { /* an earlier run's, that was cut off; or somebody was faster */
			r = ctl_ask(b->ctl, arena, &reply, "GET", key, NULL);
			if (r == 0 && reply->type == REDIS_STRING && !is_ours(reply->str))
				return ctl_fail(b->ctl, EXIT_FOUND, "led", "partition %u is led by %s: stop every dunningd first", p, reply->str);
			if (r == 0)
				r = ctl_ask(b->ctl, arena, &reply, "SET", key, REBUILD_WRITER " 0", "PX", LEASE_MS, reply->type == REDIS_STRING ? "XX" : "NX", NULL);
		}
		if (r != 0)
			return r;
	}
	return 0;
}

/*
 * The lease is written once more behind all the rest, over the same connection: WAIT tells of what that one wrote, and a replica that has it has all that
 * came before.
 */
static int keep(struct rebuild *b, struct arena *arena, const char *lease, int64_t until)
{
	const char *argv[] = { "SET", lease, REBUILD_WRITER " 0", "PX", LEASE_MS };
	const struct redis_reply *reply;
	int r;

	do
		r = redis_call_kept(b->ctl->base, redis_links_for(b->ctl->links, ARRAY_LEN(argv), argv), arena, b->ctl->config->redis_replicas, ARRAY_LEN(argv),
			argv, NULL, &reply);
	while (r == -EAGAIN && mono_ms() < until);
	if (r == -EAGAIN)
		return ctl_fail(b->ctl, EXIT_UNAVAILABLE, "replicas_missing", "Redis has all of it, but not yet on %" PRId64 " replicas (redis.replicas), so that "
			"a fail-over could lose it: see to them%s before a dunningd starts", b->ctl->config->redis_replicas, b->spread ? "" : ", and run it again");
	if (r < 0)
		return ctl_fail(b->ctl, EXIT_UNAVAILABLE, "redis_away", "Redis does not answer: %s", b->ctl->away[0] ? b->ctl->away : strerror(-r));
	return reply->type != REDIS_ERROR ? 0 : ctl_fail(b->ctl, EXIT_UNAVAILABLE, "redis_refuses", "Redis refuses SET: %s", reply->str);
}

static int give_leases(struct rebuild *b)
{
	int64_t until = mono_ms() + KEPT_MS;
	int r = 0, gone = 0;

	for (uint32_t p = 0; r == 0 && p < b->parts; p++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct keyspace keys = { b->to, p };

		r = keep(b, arena, key_of(arena, &keys, "lease"), until);
	}
	for (uint32_t p = 0; gone == 0 && p < b->parts; p++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct keyspace keys = { b->to, p };
		const struct redis_reply *reply;

		gone = ctl_ask(b->ctl, arena, &reply, "DEL", key_of(arena, &keys, "lease"), NULL);
	}
	return r != 0 ? r : gone;
}

/* --- the command ------------------------------------------------------------------------------------------------------------------ */

/*
 * An instance that heard of a greater epoch than Redis shows refuses: one that was taken and under which nothing was written is in no journal. What is
 * made again begins above all that any of them heard of.
 */
static void take_heard(struct rebuild *b, const char *state_dir)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct json root, epochs;

	if (file_read(arena_printf(b->ctl->arena, "%s/book", state_dir), BOOK_FILE_MAX, &text, NULL) < 0 ||
		json_parse(b->ctl->arena, buf_str(&text), text.len, 0, &root, NULL) < 0)
		return;
	epochs = json_get(&root, "epochs");
	for (size_t p = 0; p < json_len(&epochs); p++) {
		struct json one = json_at(&epochs, p);
		uint64_t epoch = (uint64_t)json_int(&one);

		if (p < b->partitions && epoch > b->ends[p].epoch)
			b->ends[p].epoch = epoch;
		b->epoch = epoch > b->epoch ? epoch : b->epoch;
	}
}

static int read_histories(struct rebuild *b, const struct invocation *call)
{
	uint8_t wrap[32];
	const char *own[] = { b->ctl->config->state_dir };
	struct err err = { 0 };
	size_t count = 0;
	int r = ctl_wrap_key(b->ctl, true, wrap);

	if (r != 1)
		return r;
	while (call->args[count])
		count++;
	r = histories_open(count ? call->args : own, count ? count : 1, wrap, &b->histories, &err);
	cleanse(wrap, sizeof(wrap));
	for (uint32_t p = 0; r == 0 && p < b->partitions; p++) {
		r = histories_play(b->histories, b->from, p, b->projection, &b->ends[p], &err);
		b->pseq = b->ends[p].pseq > b->pseq ? b->ends[p].pseq : b->pseq;
		b->epoch = b->ends[p].epoch > b->epoch ? b->ends[p].epoch : b->epoch;
	}
	for (size_t i = 0; i < (count ? count : 1); i++)
		take_heard(b, count ? call->args[i] : own[0]);
	return r < 0 ? ctl_fail_err(b->ctl, r == -EBUSY ? EXIT_UNAVAILABLE : r == -EKEYREJECTED ? EXIT_CONFIG : EXIT_FOUND, &err) : 0;
}

const char *ctl_book(struct ctl *ctl, const char *state_dir, bool *shared)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct json root, value;

	*shared = false;
	if (file_read(arena_printf(ctl->arena, "%s/book", state_dir), BOOK_FILE_MAX, &text, NULL) < 0 ||
		json_parse(ctl->arena, buf_str(&text), text.len, 0, &root, NULL) < 0)
		return NULL;
	value = json_get(&root, "shared");
	*shared = json_bool(&value);
	value = json_get(&root, "book");
	return json_str(&value) ? arena_strdup(ctl->arena, json_str(&value)) : NULL;
}

/* That it is this book's Redis: what each state directory has of it, as the daemons look for it; and what there is of it, should a shard be lost. */
static int write_book(struct rebuild *b, const struct invocation *call)
{
	struct keyspace keys = { b->to, 0 };
	const char *key = key_of(b->ctl->arena, &keys, "instances");
	char *begun = arena_alloc(b->ctl->arena, b->parts + 1);
	const struct redis_reply *reply;
	int r = ctl_ask(b->ctl, b->ctl->arena, &reply, "HDEL", key, "~lost", NULL);

	for (uint32_t p = 0; p < b->parts; p++)
		begun[p] = b->spread || b->ends[p].groups ? '1' : '0';
	begun[b->parts] = '\0';
	if (r == 0)
		r = ctl_ask(b->ctl, b->ctl->arena, &reply, "HSET", key, "~begun", begun, NULL);
	for (size_t i = 0; r == 0 && (i == 0 || call->args[i]); i++) {
		bool shared;
		const char *id = ctl_book(b->ctl, call->args[0] ? call->args[i] : b->ctl->config->state_dir, &shared);

		if (id)
			return ctl_ask(b->ctl, b->ctl->arena, &reply, "HSET", key, "~book", id, NULL);
	}
	return r;
}

static int write_all(struct rebuild *b, const struct invocation *call)
{
	int r = take_leases(b);

	if (r != 0)
		return r;
	(void)projection_each(b->projection, b->spread ? write_spread : write_same, b);
	for (uint32_t p = 0; !b->spread && p < b->partitions; p++)
		if (b->ends[p].groups && (!b->there[p] || b->older[p]))
			write_cursor(b, p, b->ends[p].pseq, b->ends[p].epoch, b->ends[p].id, b->ends[p].instance);
	if (b->spread && (r = copy_receipts(b)) != 0)
		return r;
	random_bytes(b->id, sizeof(b->id));
	for (uint32_t p = 0; b->spread && p < b->parts; p++)
		write_cursor(b, p, b->pseq + 1, b->epoch, b->id, REBUILD_WRITER);
	drain(b, 0);
	if (b->refused[0])
		return ctl_fail(b->ctl, EXIT_UNAVAILABLE, "redis_refuses", "Redis did not take all of it (%s): run it again", b->refused);
	r = write_book(b, call);
	return r != 0 ? r : give_leases(b);
}

static const struct column end_columns[] = { { "partition", "PARTITION", true }, { "groups", "GROUPS", true }, { "last", "LAST GROUP", true },
	{ "writer", "LED BY", false }, { "journals", "JOURNALS", true }, { 0 } };

static void show(struct rebuild *b, bool done)
{
	struct fields *f = fields_create(b->ctl->arena);
	struct table *table = table_create(b->ctl->arena, end_columns);

	for (uint32_t p = 0; p < b->partitions; p++)
		table_add(table, (struct cell[]){ cell_number(p), cell_number((int64_t)b->ends[p].groups), cell_number((int64_t)b->ends[p].pseq),
					 cell_text(b->ends[p].instance[0] ? b->ends[p].instance : NULL), cell_number((int64_t)b->ends[p].journals) });
	fields_add(f, "rebuilt", NULL, cell_flag(done));
	fields_add(f, NULL, "Redis", cell_text(done ? "made again" : "would be made again: nothing was changed (--yes does it)"));
	fields_add(f, "prefix", "Prefix", cell_text(b->to));
	fields_add(f, "partitions", "Partitions", cell_number(b->parts));
	fields_add(f, "written", "Writes", cell_number((int64_t)b->written));
	if (done && b->spread)
		fields_add(f, NULL, "Next", cell_text(arena_printf(b->ctl->arena, "set prefix \"%s\" and partitions %u in the configuration of every instance and producer, "
			"then start: each takes over into its journal what it leads, and sends nothing before; then delete the keys of %s", b->to, b->parts, b->from)));
	else if (done)
		fields_add(f, NULL, "Next", cell_text("start the daemons; what producers pushed meanwhile, or Redis lost unread, is pushed again"));
	fields_table(f, "histories", "Histories", table);
	view_fields(&b->ctl->view, f);
}

static int run_rebuild(struct ctl *ctl, const struct invocation *call)
{
	struct rebuild b = { .ctl = ctl, .now = ctl->now };
	const char *partitions = command_option(call, "partitions"), *prefix = command_option(call, "prefix");
	bool yes = command_option(call, "yes") != NULL;
	int r = ctl_config(ctl, true);

	if (r != 0)
		return r;
	b.partitions = ctl_partitions(ctl);
	b.parts = !partitions ? b.partitions : strlen(partitions) < 5 && strspn(partitions, "0123456789") == strlen(partitions) ?
		(uint32_t)strtoul(partitions, NULL, 10) : 0;
	b.from = ctl->config->prefix;
	b.to = prefix ? prefix : b.from;
	b.spread = b.parts != b.partitions;
	if (!b.parts || b.parts > 1024)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "--partitions: a number from 1 to 1024");
	if (b.spread ? strcmp(b.from, b.to) == 0 : strcmp(b.from, b.to) != 0)
		return ctl_fail(ctl, EXIT_USAGE, "usage", b.spread ? "another number of partitions needs another --prefix: the keys of %s stay until you delete them" :
			"--prefix goes with --partitions: without, the journals' own keys are written (%s)", b.from);
	b.ends = arena_alloc(ctl->arena, b.partitions * sizeof(*b.ends));
	b.projection = projection_create();
	b.there = arena_alloc(ctl->arena, (b.partitions > b.parts ? b.partitions : b.parts) * sizeof(*b.there));
	b.older = arena_alloc(ctl->arena, b.parts * sizeof(*b.older));
	if ((r = read_histories(&b, call)) == 0 && (r = check_target(&b)) == 0 && (r = check_source(&b)) == 0 && (r = check_drained(&b)) == 0 && yes)
		r = write_all(&b, call);
	if (r == 0)
		show(&b, yes);
	histories_close(b.histories);
	projection_free(b.projection);
	return r == 0 ? EXIT_DONE : r;
}

static const struct option_row rebuild_options[] = {
	{ "partitions", "NUMBER", "spread the book over so many (the configuration's); needs --prefix" },
	{ "prefix", "WORD", "of the new keys" },
	{ "yes", NULL, "do it: without, it says what it would do" },
	{ 0 },
};

const struct command cmd_instances_rebuild = { .name = "instances rebuild", .args = "[STATE-DIR...]", .max_args = 64,
	.help = "makes Redis again out of the journals of all instances",
	.more = "Every dunningd is stopped, and the state directories of all instances that ever led a partition are named (copies will do; without\n"
		"one, the configuration's). Each group of a journal names the one before it: so the parts are put together, and a part that is\n"
		"missing is said before anything is written. What was erased is not rebuilt. Redis must not have the partitions.\n"
		"With --partitions the same book is spread over another number of them, under a new prefix: suspend sending, let the daemons\n"
		"read all that stands in the streams, stop them. Receipts that wait for their messages go along. Outbound events stay behind; whoever reads them must have read them.",
	.options = rebuild_options, .run = run_rebuild };
