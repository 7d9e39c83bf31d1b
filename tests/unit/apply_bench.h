/* apply_bench - entries go the daemon's own way, from a page of the inbox onto documents; only the store that would load those is left out. */
#ifndef DUNNINGD_TESTS_UNIT_APPLY_BENCH_H
#define DUNNINGD_TESTS_UNIT_APPLY_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/file.h"
#include "daemon/flow.h"
#include "tests/support/tree.h"

#define NOW INT64_C(1772442000000) /* 2026-03-02T09:00:00Z */

#define EVENT(type, rest)                                                                                                     \
	"{\"specversion\":\"1.0\",\"id\":\"e1\",\"source\":\"s\",\"type\":\"" type "\",\"time\":\"2026-03-02T09:00:00Z\",\"data\":{" rest "}}"
#define FIGURES "\"due_on\":\"2026-04-01\",\"currency\":\"EUR\",\"total_minor\":1000,\"due_minor\":1000"

static inline int64_t now(void *self)
{
	(void)self;
	return NOW;
}

static const struct clock_port wall = { .now = now, .mono = now };

static const char settings[] = "{\"origin\": \"test.example/acme\", \"retention\": {\"file\": \"" SOURCE_DIR "/daemon/share/retention.json\"},"
	"\"creditor\": {\"name\": \"Acme\", \"locale\": \"en-GB\", \"zone\": \"UTC\"},"
			       "\"senders\": {\"default\": {\"name\": \"A\", \"email\": \"a@acme.example\"}}, \"state_dir\": \"%s\", \"policies\": {\"default\": \"followed\"},"
			       "\"producers\": {\"bank\": [\"invoice.payment_received\"]}}";
static const char policy[] = "{\"name\": \"followed\", \"title\": \"T\", \"steps\": [{\"id\": \"worth-it\", \"at\": \"due+25d\", \"gate\": \"decision\","
			     "\"role\": \"owner\"}, {\"id\": \"later\", \"at\": \"due+30d\", \"gate\": \"decision\", \"role\": \"owner\"}]}";

/* The streams of the settings: producers[0] is the shared one, [1] the operator's. */
enum { SHARED, OPERATOR, BANK, STREAMS };

/* A dunner that has read, and decides: nothing of it is started. */
struct bench {
	struct dunner dunner;
	struct config *config;
	struct library *library;
	struct stream_position streams[STREAMS];
	struct page page;
	struct group *group;
	struct arena *arena;
	char dir[64];
};

static inline void bench_open(struct bench *b)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	const char *folder;
	struct err err = { 0 };

	*b = (struct bench){ .arena = arena_create() };
	snprintf(b->dir, sizeof(b->dir), "/tmp/dunningd-test-apply-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	buf_printf(&text, settings, b->dir);
	if (config_parse(text.data, text.len, &b->config, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	folder = arena_printf(b->arena, "%s/policies", b->dir);
	assert_int_equal(file_make_dirs(folder, 0700), 0);
	assert_int_equal(file_make_dirs(arena_printf(b->arena, "%s/templates", b->dir), 0700), 0);
	assert_int_equal(file_make_dirs(arena_printf(b->arena, "%s/providers", b->dir), 0700), 0);
	assert_int_equal(file_make_dirs(arena_printf(b->arena, "%s/law", b->dir), 0700), 0);
	assert_int_equal(file_replace(arena_printf(b->arena, "%s/followed.json", folder), policy, strlen(policy), 0600), 0);
	if (library_load(b->config, b->dir, &b->library, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	assert_int_equal(b->config->producer_count, STREAMS);
	b->streams[SHARED].stream = "dunning:{0}:events";
	b->streams[OPERATOR].stream = "dunning:{0}:events:operator";
	b->streams[BANK].stream = "dunning:{0}:events:bank";
	b->dunner = (struct dunner){ .config = b->config, .library = b->library, .ports = { .clock = &wall }, .read_at = b->streams,
		.stream_count = STREAMS, .keyspace = { "dunning", 0 } };
	b->group = group_create(&b->dunner);
}

static inline void bench_end(struct bench *b)
{
	group_free(b->group);
	library_free(b->library);
	config_free(b->config);
	arena_free(b->arena);
	tree_remove(b->dir);
}

/* As load.c does with what the store answers: here nothing was stored, but for what the test puts into it. */
static inline void load(struct bench *b)
{
	decide_wants(&b->dunner, b->group);
	for (struct doc *doc = b->group->docs; doc; doc = doc->next) {
		if (doc->loaded)
			continue;
		doc->loaded = doc->existed = true;
		if (doc->kind == DOC_DEBTOR) {
			doc->d = arena_alloc(b->group->arena, sizeof(*doc->d));
			doc->d->id = doc->id;
		} else {
			doc->e = arena_alloc(b->group->arena, sizeof(*doc->e));
			doc->e->invoice.id = doc->id;
		}
	}
}

static inline void take(struct bench *b, struct entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		entries[i].id = arena_printf(b->arena, "%zu-0", i + 1);
		entries[i].len = entries[i].event ? strlen(entries[i].event) : 0;
		entries[i].raw_len = entries[i].raw ? strlen(entries[i].raw) : 0;
	}
	b->page = (struct page){ .arena = b->arena, .entries = entries, .count = count };
	b->dunner.pages = &b->page;
	b->dunner.queued = count;
	inbox_take(&b->dunner, b->group);
	assert_int_equal(b->group->input_count, count);
}

static inline void decide(struct bench *b)
{
	for (struct input *input = b->group->inputs; input; input = input->next)
		decide_event(&b->dunner, b->group, input);
}

static inline struct doc *doc_of(struct bench *b, enum doc_kind kind, const char *id)
{
	return group_find(&b->dunner, b->group, kind, id);
}

#endif
