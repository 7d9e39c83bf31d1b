/* The book that a simulation begins with, out of Redis: it is read and left as it is. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/utc.h"
#include "tools/cmd.h"
#include "tools/cmd_simulate.h"

#define PAGE "1000"

struct reading {
	struct ctl *ctl;
	struct book *book;
	uint32_t partition;
	struct keyspace keys;
};

static const char *copy(struct reading *r, const struct redis_reply *reply)
{
	return arena_memdup(r->book->arena, reply->str, reply->len);
}

static void add_doc(struct reading *r, enum book_kind kind, const char *id, const char *text, size_t len)
{
	struct book *book = r->book;

	book->docs = arena_grow(book->arena, book->docs, book->doc_count, &book->doc_capacity, sizeof(*book->docs));
	book->docs[book->doc_count++] = (struct book_doc){ kind, id, text, len };
}

static void add_feed(struct book *book, const char *source)
{
	for (size_t i = 0; i < book->feed_count; i++)
		if (strcmp(book->feeds[i], source) == 0)
			return;
	book->feeds = arena_grow(book->arena, book->feeds, book->feed_count, &book->feed_capacity, sizeof(*book->feeds));
	book->feeds[book->feed_count++] = source;
}

/* The partition's own document: what was told of payments counts, and that a daemon is running now does not. */
static int add_system(struct reading *r, const struct redis_reply *reply)
{
	struct debtor *system = arena_alloc(r->book->arena, sizeof(*system));
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct err err = { 0 };

	system->id = SYSTEM_CASE;
	if (debtor_read(r->book->arena, copy(r, reply), reply->len, system, &err) < 0)
		return ctl_fail(r->ctl, EXIT_FOUND, err.code, "the document of the system case cannot be read: %s %s", err.path, err.text);
	for (size_t i = 0; i < system->feed_count; i++)
		add_feed(r->book, system->feeds[i].source);
	if (system->suspended.on && (!system->suspended.until || system->suspended.until > r->ctl->now))
		ctl_warn(r->ctl, "sending is suspended (%s): what is shown is what would go out without that",
			system->suspended.reason ? system->suspended.reason : "no reason given");
	system->suspended = (struct debtor_switch){ 0 };
	system->running = false;
	if (r->partition)
		return 0; /* one does for all */
	debtor_write(&text, system);
	add_doc(r, BOOK_DEBTOR, SYSTEM_CASE, arena_memdup(r->book->arena, buf_str(&text), text.len), text.len);
	return 0;
}

static int read_values(struct reading *r, enum book_kind kind, const struct redis_reply *keys, size_t prefix)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char **argv = arena_alloc(arena, (keys->count + 1) * sizeof(*argv));
	size_t *lens = arena_alloc(arena, (keys->count + 1) * sizeof(*lens));
	const struct redis_reply *reply;
	int result;

	if (!keys->count)
		return 0;
	argv[0] = "MGET";
	lens[0] = 4;
	for (size_t i = 0; i < keys->count; i++) {
		argv[i + 1] = keys->items[i].str;
		lens[i + 1] = keys->items[i].len;
	}
	result = ctl_askv(r->ctl, arena, &reply, keys->count + 1, argv, lens);
	for (size_t i = 0; i < keys->count && result == 0; i++) {
		const char *id = keys->items[i].str + prefix;

		if (i >= reply->count || reply->items[i].type != REDIS_STRING)
			continue;
		if (strcmp(id, SYSTEM_CASE) == 0)
			result = add_system(r, &reply->items[i]);
		else
			add_doc(r, kind, arena_strdup(r->book->arena, id), copy(r, &reply->items[i]), reply->items[i].len);
	}
	return result;
}

static int scan(struct reading *r, enum book_kind kind)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *begin = kind == BOOK_ESCALATION ? key_escalation(arena, &r->keys, "") : key_debtor(arena, &r->keys, "");
	const char *pattern = arena_printf(arena, "%s*", begin);
	char cursor[32] = "0";
	int result = 0;

	do {
		CLEANUP(arena_freep) struct arena *page = arena_create();
		const struct redis_reply *reply;

		result = ctl_ask(r->ctl, page, &reply, "SCAN", cursor, "MATCH", pattern, "COUNT", PAGE, NULL);
		if (result != 0 || reply->count < 2)
			break;
		snprintf(cursor, sizeof(cursor), "%s", reply->items[0].str);
		result = read_values(r, kind, &reply->items[1], strlen(begin));
	} while (result == 0 && strcmp(cursor, "0") != 0);
	return result;
}

static int read_dues(struct reading *r)
{
	struct book *book = r->book;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const struct redis_reply *reply;
	int result = ctl_ask(r->ctl, arena, &reply, "ZRANGE", key_of(arena, &r->keys, "due"), "0", "-1", "WITHSCORES", NULL);

	for (size_t i = 0; result == 0 && i + 1 < reply->count; i += 2) {
		book->dues = arena_grow(book->arena, book->dues, book->due_count, &book->due_capacity, sizeof(*book->dues));
		book->dues[book->due_count++] = (struct book_due){ copy(r, &reply->items[i]), (int64_t)strtod(reply->items[i + 1].str, NULL) };
	}
	return result;
}

static int read_attempts(struct reading *r)
{
	struct book *book = r->book;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const struct redis_reply *reply;
	int result = ctl_ask(r->ctl, arena, &reply, "HGETALL", key_of(arena, &r->keys, "attempts"), NULL);

	for (size_t i = 0; result == 0 && i + 1 < reply->count; i += 2) {
		book->attempts = arena_grow(book->arena, book->attempts, book->attempt_count, &book->attempt_capacity, sizeof(*book->attempts));
		book->attempts[book->attempt_count++] =
			(struct book_attempt){ copy(r, &reply->items[i]), copy(r, &reply->items[i + 1]), reply->items[i + 1].len };
	}
	return result;
}

/* Entries that the daemon has not taken yet. What it cannot read is no event here either. */
static int read_stream(struct reading *r, const char *stream, const char *from)
{
	char at[80];
	size_t count = 1;
	int result = 0;

	snprintf(at, sizeof(at), "(%s", from);
	while (result == 0 && count) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const struct redis_reply *reply;

		result = ctl_ask(r->ctl, arena, &reply, "XRANGE", stream, at, "+", "COUNT", PAGE, NULL);
		count = result == 0 ? reply->count : 0;
		for (size_t i = 0; i < count; i++) {
			const struct redis_reply *entry = &reply->items[i], *fields = &entry->items[1];
			CLEANUP(arena_freep) struct arena *scratch = arena_create();
			struct event event = { 0 };

			snprintf(at, sizeof(at), "(%s", entry->items[0].str);
			if (fields->count == 2 && strcmp(fields->items[0].str, "event") == 0 &&
				event_parse(scratch, fields->items[1].str, fields->items[1].len, r->ctl->config->type_prefix, &event, NULL) == 0)
				book_add_event(r->book, &(struct book_event){ r->ctl->now, copy(r, &fields->items[1]), fields->items[1].len,
								event.type == EVENT_OPERATOR_COMMAND });
		}
	}
	return result;
}

static int read_streams(struct reading *r)
{
	const struct config *config = r->ctl->config;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const struct redis_reply *cursor;
	int result = ctl_ask(r->ctl, arena, &cursor, "HGETALL", key_of(arena, &r->keys, "cursor"), NULL);

	for (size_t i = 0; i < config->producer_count && result == 0; i++) {
		const char *stream = key_events(arena, &r->keys, config->producers[i].name), *from = "0-0";

		for (size_t k = 0; k + 1 < cursor->count; k += 2)
			if (strcmp(cursor->items[k].str, stream) == 0)
				from = cursor->items[k + 1].str;
		result = read_stream(r, stream, from);
	}
	return result;
}

int simulate_read_redis(struct ctl *ctl, struct book *book)
{
	struct reading r = { .ctl = ctl, .book = book };
	int result = 0;

	for (r.partition = 0; r.partition < ctl_partitions(ctl) && result == 0; r.partition++) {
		r.keys = ctl_keys(ctl, r.partition);
		if ((result = scan(&r, BOOK_ESCALATION)) == 0 && (result = scan(&r, BOOK_DEBTOR)) == 0 && (result = read_dues(&r)) == 0 &&
			(result = read_attempts(&r)) == 0)
			result = read_streams(&r);
	}
	for (const char *const *ledger = ctl->config->ledgers; ledger && *ledger; ledger++)
		add_feed(book, *ledger);
	return result;
}
