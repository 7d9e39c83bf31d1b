/*
 * What a flow asks of its world, as calls that wait until a test answers them: a small store and a small journal that keep their promises.
 * Of flow_world.h.
 */
#ifndef DUNNINGD_TESTS_UNIT_FLOW_CALLS_H
#define DUNNINGD_TESTS_UNIT_FLOW_CALLS_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/utc.h"
#include "daemon/flow.h"

#define OFFSET INT64_C(1775725200000) /* 2026-04-09T09:00:00Z, a Thursday: wall - mono */
#define ITEMS_MAX 400
#define STREAM "dunning:{0}:events"

enum op { LEASE, CURSOR, TAILS, READ, LOAD, HASH, DUE, COMMIT, TRYING, TRIM, RELEASE, REPLICATED, APPEND, START, LOOKUP, SCAN, LASTING, OPS };

struct item { /* of the store: a key, or a field or member of one */
	char key[200], field[200];
	void *value;
	size_t len;
	int64_t score;
};

struct call {
	enum op op;
	void (*done)(void);
	void *arg;
	struct arena *arena;
	char key[200];
	const char **keys;
	size_t count, limit;
	bool block;
	int64_t number, until; /* until: of a lease, mono */
	struct store_commit commit;
	struct journal_group group;
	struct stream_position *positions;
	transport_may_start_fn may_start;
	struct call *next;
};

struct port_timer {
	timer_fn fn;
	void *arg;
	int64_t at; /* mono; 0 = stopped */
	struct port_timer *next;
};

struct world {
	enum dunner_history history; /* who else wrote into the store */
	char dir[64];
	struct arena *arena;
	struct config *config;
	struct library *library;
	struct dunner *dunner;
	int64_t mono;
	struct port_timer *timers;
	struct call *calls;
	bool held[OPS];
	int fails[OPS]; /* what the answers of that kind say, when not 0 */
	struct item *items[ITEMS_MAX];
	size_t item_count;
	uint64_t pseq, epoch;
	bool redo; /* of the last commit */
	uint8_t group[GROUP_ID_SIZE];
	struct { char id[STREAM_ID_SIZE]; const char *event; } entries[40];
	size_t entry_count;
	size_t page_most; /* entries that one read brought */
	struct journal_group journal[200];
	size_t journaled;
	uint64_t next_index, handed_pseq;
	struct journal_log newest; /* next_index is of it */
	uint64_t size_before; /* of the log before it */
	struct case_keys keys[200];
	uint32_t key_count;
	uint8_t random;
	const char *log_origin, *sealed; /* of a generation that is not the first */
	const char *writer; /* of what the store has, when it is not the flow's instance */
	int sent, cancelled, stopped, taken_over;
	enum outcome_kind answer;
	enum outcome_scope scope; /* of it */
	const char *answers_so; /* this provider alone, the others accept; NULL = all do */
	int asked; /* look-ups that were answered, each with: */
	enum lookup_result found;
	const char *secret; /* of any credential */
	const char *doubt; /* of the clock */
	struct paces *paces; /* NULL: the outbox alone */
	char sent_by[400]; /* providers, in their order, each behind a space */
	char log[20000];
};

/* --- calls ------------------------------------------------------------------------------------------------------------ */

static struct call *call(struct world *w, enum op op, void *done, void *arg)
{
	struct arena *arena = arena_create();
	struct call *c = arena_alloc(arena, sizeof(*c)), **at = &w->calls;

	*c = (struct call){ .op = op, .arg = arg, .arena = arena };
	memcpy(&c->done, &done, sizeof(done));
	while (*at)
		at = &(*at)->next;
	return *at = c;
}

static struct item *find(struct world *w, const char *key, const char *field)
{
	for (size_t i = 0; i < w->item_count; i++)
		if (strcmp(w->items[i]->key, key) == 0 && strcmp(w->items[i]->field, field) == 0)
			return w->items[i];
	return NULL;
}

/* A stream takes no entry below its last one. */
static bool is_behind(const struct world *w, const struct image *image)
{
	for (size_t i = 0; i < w->item_count && image_is_entry(image); i++)
		if (strcmp(w->items[i]->key, image->key) == 0 && inbox_compare(w->items[i]->field, image->field) >= 0)
			return true;
	return false;
}

static void put(struct world *w, const struct image *image)
{
	const char *field = image->field ? image->field : "";
	struct item *item = find(w, image->key, field);

	if (is_behind(w, image))
		return;
	if (image->op == IMAGE_ZREM || image->op == IMAGE_HDEL || image->op == IMAGE_DEL) {
		if (item)
			item->key[0] = '\0';
		return;
	}
	if (!item) {
		assert_true(w->item_count < ITEMS_MAX);
		item = w->items[w->item_count++] = arena_alloc(w->arena, sizeof(*item));
		snprintf(item->key, sizeof(item->key), "%s", image->key);
		snprintf(item->field, sizeof(item->field), "%s", field);
	}
	item->value = arena_memdup(w->arena, image->value ? image->value : "", image->value_len);
	item->len = image->value_len;
	item->score = image->number;
}

static void do_commit(struct world *w, const struct call *c)
{
	const struct group_header *head = c->commit.head;
	enum commit_status status = COMMIT_APPLIED;
	int r = w->fails[COMMIT];

	if (r < 0) {
		((store_commit_fn)c->done)(r, status, c->arg);
		return;
	}
	if (head->pseq == w->pseq && memcmp(head->id, w->group, GROUP_ID_SIZE) == 0)
		status = COMMIT_ALREADY;
	else if (!c->commit.rebuild && (head->pseq != w->pseq + 1 || memcmp(head->predecessor, w->group, GROUP_ID_SIZE) != 0))
		status = COMMIT_GAP;
	for (size_t i = 0; i < c->commit.image_count && status == COMMIT_APPLIED; i++)
		put(w, &c->commit.images[i]);
	if (status == COMMIT_APPLIED) {
		w->pseq = head->pseq;
		memcpy(w->group, head->id, GROUP_ID_SIZE);
		w->redo = c->commit.redo;
	}
	((store_commit_fn)c->done)(0, status, c->arg);
}

static void do_hash(struct world *w, const struct call *c)
{
	struct store_value values[100] = { { 0 } };
	char pseq[24], hex[2 * GROUP_ID_SIZE + 1];
	size_t count = 0;

	if (strstr(c->key, "cursor") && w->pseq) {
		snprintf(pseq, sizeof(pseq), "%llu", (unsigned long long)w->pseq);
		values[count++] = (struct store_value){ "pseq", 4 };
		values[count++] = (struct store_value){ pseq, strlen(pseq) };
		values[count++] = (struct store_value){ "group", 5 };
		values[count++] = (struct store_value){ hex_format(w->group, GROUP_ID_SIZE, hex), 2 * GROUP_ID_SIZE };
	}
	for (size_t i = 0; i < w->item_count && !strstr(c->key, "cursor"); i++)
		if (strcmp(w->items[i]->key, c->key) == 0) {
			values[count++] = (struct store_value){ w->items[i]->field, strlen(w->items[i]->field) };
			values[count++] = (struct store_value){ w->items[i]->value, w->items[i]->len };
		}
	((store_values_fn)c->done)(0, values, count, c->arg);
}

static void do_load(struct world *w, const struct call *c)
{
	struct store_value values[600] = { { 0 } };

	for (size_t i = 0; i < c->count; i++) {
		struct item *item = find(w, c->keys[i], "");

		if (item)
			values[i] = (struct store_value){ item->value, item->len };
	}
	((store_values_fn)c->done)(0, values, c->count, c->arg);
}

static void do_due(struct world *w, const struct call *c)
{
	struct store_due due[100];
	size_t count = 0;
	int64_t next = 0;

	for (size_t i = 0; i < w->item_count; i++) {
		struct item *item = w->items[i];

		if (strcmp(item->key, "dunning:{0}:due") != 0)
			continue;
		if (item->score <= c->number && count < c->limit) { /* soonest first */
			size_t at = count++;

			for (; at && due[at - 1].at > item->score; at--)
				due[at] = due[at - 1];
			due[at] = (struct store_due){ item->field, item->score };
		} else if (!next || item->score < next)
			next = item->score;
	}
	((store_due_fn)c->done)(0, due, count, next, c->arg);
}

static long id_of(const char *id)
{
	return strtol(id, NULL, 10);
}

static size_t unread(const struct world *w, const struct call *c, struct store_entry *ret)
{
	size_t count = 0;

	for (size_t i = 0; i < w->entry_count && count < c->count; i++)
		if (id_of(w->entries[i].id) > id_of(c->positions[0].id)) /* of the one stream in use */
			ret[count++] = (struct store_entry){ .id = w->entries[i].id, .event = w->entries[i].event,
				.len = strlen(w->entries[i].event) };
	return count;
}

/* Two a page, of a stream that the flow itself writes. */
static size_t written(struct world *w, const struct call *c, struct store_entry *ret)
{
	size_t count = 0;

	for (size_t i = 0; i < w->item_count && count < 2; i++) {
		const struct item *item = w->items[i];

		if (strcmp(item->key, c->positions[0].stream) == 0 && inbox_compare(item->field, c->positions[0].id) > 0)
			ret[count++] = (struct store_entry){ .id = item->field, .raw = item->value, .raw_len = item->len };
	}
	return count;
}

/* Three keys a page: from how many of them on is the place. */
static void do_scan(struct world *w, const struct call *c)
{
	const char *keys[3];
	char next[24] = "0";
	size_t count = 0, i = (size_t)strtoul(c->key, NULL, 10);

	for (; i < w->item_count && count < 3; i++)
		if (w->items[i]->key[0])
			keys[count++] = w->items[i]->key; /* of a hash: each time, as a scan may */
	if (i < w->item_count)
		snprintf(next, sizeof(next), "%zu", i);
	((store_scan_fn)c->done)(w->fails[SCAN], next, keys, NULL, w->fails[SCAN] ? 0 : count, c->arg);
}

static void do_lasting(struct world *w, const struct call *c)
{
	struct store_value *values = arena_alloc(c->arena, (2 * c->count + 1) * sizeof(*values));

	for (size_t i = 0; i < c->count; i++) {
		struct item *item = find(w, c->keys[i], "");
		const char *end = item ? arena_printf(c->arena, "%lld", (long long)item->score) : NULL;

		values[2 * i] = item ? (struct store_value){ item->value, item->len } : (struct store_value){ NULL, 0 };
		values[2 * i + 1] = (struct store_value){ end, end ? strlen(end) : 0 };
	}
	((store_values_fn)c->done)(0, values, 2 * c->count, c->arg);
}

static void do_read(struct world *w, const struct call *c)
{
	struct store_place place = { .present = w->pseq > 0, .pseq = w->pseq };
	struct store_entry entries[40];
	size_t count = strcmp(c->positions[0].stream, STREAM) == 0 ? unread(w, c, entries) : written(w, c, entries);

	if (count > w->page_most)
		w->page_most = count;
	memcpy(place.group, w->group, GROUP_ID_SIZE);
	((store_entries_fn)c->done)(w->fails[READ], entries, w->fails[READ] ? 0 : count, &place, c->arg);
}

static void do_cursor(struct world *w, const struct call *c)
{
	struct store_cursor cursor = { .present = w->epoch > 0, .epoch = w->epoch, .pseq = w->pseq, .redo = w->redo };
	struct item *at = find(w, "dunning:{0}:cursor", STREAM), *left = find(w, "dunning:{0}:cursor", "left host-a");
	struct store_left behind = { .instance = "host-a", .pseq = left ? strtoull(left->value, NULL, 10) : 0 };
	struct stream_position position = { .stream = STREAM };

	memcpy(cursor.group, w->group, GROUP_ID_SIZE);
	snprintf(cursor.writer, sizeof(cursor.writer), "%s", !w->pseq ? "" : w->writer ? w->writer : w->config->instance);
	strcpy(cursor.run_id, "run");
	cursor.left = &behind;
	cursor.left_count = left != NULL;
	if (at) {
		snprintf(position.id, sizeof(position.id), "%.*s", (int)at->len, (const char *)at->value);
		cursor.streams = &position;
		cursor.stream_count = 1;
	}
	((store_cursor_fn)c->done)(0, &cursor, c->arg);
}

static void do_tails(struct world *w, const struct call *c)
{
	for (size_t i = 0; i < c->count; i++)
		strcpy(c->positions[i].id, "0-0");
	if (w->entry_count)
		strcpy(c->positions[0].id, w->entries[w->entry_count - 1].id);
	((store_done_fn)c->done)(0, c->arg);
}

static void do_append(struct world *w, const struct call *c)
{
	int r = w->fails[APPEND];

	assert_true(w->journaled < ARRAY_LEN(w->journal));
	if (r == 0)
		w->journal[w->journaled++] = c->group;
	else { /* all that is under way fails likewise */
		w->next_index -= c->group.record_count;
		w->handed_pseq = c->group.head.pseq - 1;
	}
	((journal_done_fn)c->done)(r, c->arg);
}

static void do_start(struct world *w, const struct call *c)
{
	struct outcome outcome = { .kind = OUTCOME_CANCELLED, .reason = "cancelled" };
	struct pace *pace = w->paces ? paces_find(w->paces, c->key) : NULL;

	if (c->may_start(c->arg)) {
		w->sent++;
		snprintf(w->sent_by + strlen(w->sent_by), sizeof(w->sent_by) - strlen(w->sent_by), " %s", c->key);
		outcome = (struct outcome){ .kind = OUTCOME_ACCEPTED, .reason = "accepted", .provider_id = "p1", .status = 200 };
		if (!w->answers_so || strcmp(w->answers_so, c->key) == 0) {
			outcome.kind = w->answer;
			outcome.scope = w->scope;
			outcome.reason = outcome_names[w->answer];
		}
	} else {
		w->cancelled++;
	}
	if (pace) {
		pace->active++;
		(void)pace_end(pace, &(struct pace_time){ w->mono * 1000, w->mono + OFFSET }, &outcome, -1);
	}
	((transport_done_fn)c->done)(&outcome, c->arg);
}

static void do_lookup(struct world *w, const struct call *c)
{
	w->asked++;
	((transport_lookup_fn)c->done)(w->found, "p1", c->arg);
}

static void run(struct world *w, const struct call *c)
{
	switch (c->op) {
	case LEASE:
		w->epoch = c->limit ? c->limit : (w->epoch > (uint64_t)c->number ? w->epoch : (uint64_t)c->number) + 1;
		((store_lease_fn)c->done)(0, true, w->epoch, c->until, "", c->arg);
		break;
	case CURSOR: do_cursor(w, c); break;
	case TAILS: do_tails(w, c); break;
	case READ: do_read(w, c); break;
	case LOAD: do_load(w, c); break;
	case HASH: do_hash(w, c); break;
	case DUE: do_due(w, c); break;
	case COMMIT: do_commit(w, c); break;
	case TRYING: ((store_lease_fn)c->done)(0, true, 1, 0, "", c->arg); break;
	case REPLICATED: ((store_replicated_fn)c->done)(0, 1, c->arg); break;
	case APPEND: do_append(w, c); break;
	case START: do_start(w, c); break;
	case LOOKUP: do_lookup(w, c); break;
	case SCAN: do_scan(w, c); break;
	case LASTING: do_lasting(w, c); break;
	default: ((store_done_fn)c->done)(0, c->arg); break;
	}
}

/* Answers the first call that may be; false: all wait. `idle`: a blocked read too, for want of entries. */
static bool step(struct world *w, bool idle)
{
	struct store_entry entries[40];

	for (struct call **at = &w->calls, *c; (c = *at); at = &c->next) {
		if (w->held[c->op] || (c->op == READ && c->block && !idle && !unread(w, c, entries)))
			continue;
		*at = c->next;
		run(w, c);
		arena_free(c->arena);
		return true;
	}
	return false;
}

static void settle(struct world *w)
{
	for (int i = 0; step(w, false); i++)
		assert_true(i < 1000);
}

static void one(struct world *w, enum op op)
{
	bool held[OPS];

	memcpy(held, w->held, sizeof(held));
	for (int i = 0; i < OPS; i++)
		w->held[i] = i != (int)op;
	assert_true(step(w, true));
	memcpy(w->held, held, sizeof(held));
}

static size_t waiting(const struct world *w, enum op op)
{
	size_t count = 0;

	for (const struct call *c = w->calls; c; c = c->next)
		count += c->op == op;
	return count;
}

/* Time passes; what is idle reads on. */
static void pass(struct world *w, int64_t ms)
{
	for (int64_t end = w->mono + ms; w->mono < end; w->mono += 100) {
		for (struct port_timer *t = w->timers; t; t = t->next)
			if (t->at && t->at <= w->mono) {
				t->at = 0;
				t->fn(t->arg);
			}
		if (waiting(w, READ) && !w->held[READ])
			one(w, READ);
		settle(w);
	}
}

#endif
