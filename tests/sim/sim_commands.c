/* What the server of sim_redis.c does with a command. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "tests/sim/sim_store.h"

static struct lead *lead_of(const struct command *c)
{
	return &c->link->redis->leads[c->link->part->number];
}

static uint64_t hash_number(const struct command *c, const char *field)
{
	return strtoull(hash_get(c->link->redis, lead_of(c)->cursor_key, field), NULL, 10);
}

static void hash_put_number(const struct command *c, const char *field, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	hash_put(c->link->redis, lead_of(c)->cursor_key, field, text);
}

static void cursor_group(const struct command *c, uint8_t ret[GROUP_ID_SIZE])
{
	if (hex_parse(hash_get(c->link->redis, lead_of(c)->cursor_key, "group"), GROUP_ID_SIZE, ret) < 0)
		memset(ret, 0, GROUP_ID_SIZE);
}

void redis_read(struct redis *redis, struct command *c)
{
	size_t capacity = 0;

	c->result_count = 0;
	c->entries = NULL;
	for (size_t i = 0; i < c->count; i++) {
		struct value *stream = db_find(redis, c->positions[i].stream);
		size_t taken = 0;

		for (size_t k = 0; stream && k < stream->count && taken < c->limit; k++) {
			struct pair *pair = &stream->items[k];
			struct store_entry *e;

			if (stream_id_compare(pair->field, c->positions[i].id) <= 0)
				continue;
			c->entries = arena_grow(c->arena, c->entries, c->result_count, &capacity, sizeof(*c->entries));
			e = &c->entries[c->result_count++];
			*e = (struct store_entry){ .stream = i, .id = arena_strdup(c->arena, pair->field) };
			if (pair->raw) {
				e->raw = arena_memdup(c->arena, pair->value, pair->len);
				e->raw_len = pair->len;
			} else {
				e->event = arena_memdup(c->arena, pair->value, pair->len);
				e->len = pair->len;
			}
			taken++;
		}
	}
	c->place.present = *hash_get(redis, lead_of(c)->cursor_key, "group") != '\0';
	c->place.pseq = hash_number(c, "pseq");
	cursor_group(c, c->place.group);
}

static void do_load(struct redis *redis, struct command *c)
{
	c->values = arena_alloc(c->arena, (c->count + 1) * sizeof(*c->values));
	c->result_count = c->count;
	for (size_t i = 0; i < c->count; i++) {
		struct value *v = db_find(redis, c->keys[i]);

		if (!v || v->kind != VALUE_STRING)
			continue;
		c->values[i] = (struct store_value){ arena_memdup(c->arena, v->items[0].value, v->items[0].len),
			v->items[0].len };
	}
}

static void do_hash(struct redis *redis, struct command *c)
{
	struct value *v = db_find(redis, c->keys[0]);

	c->result_count = v ? 2 * v->count : 0;
	c->values = arena_alloc(c->arena, (c->result_count + 1) * sizeof(*c->values));
	for (size_t i = 0; v && i < v->count; i++) {
		struct pair *pair = &v->items[i];

		c->values[2 * i] = (struct store_value){ arena_strdup(c->arena, pair->field), strlen(pair->field) };
		c->values[2 * i + 1] = (struct store_value){ arena_memdup(c->arena, pair->value, pair->len), pair->len };
	}
}

static void do_due(struct redis *redis, struct command *c)
{
	struct value *v = db_find(redis, lead_of(c)->due_key);

	c->due = arena_alloc(c->arena, (c->limit + 1) * sizeof(*c->due));
	c->until = 0;
	for (size_t i = 0; v && i < v->count; i++) {
		struct pair *pair = &v->items[i];

		if (pair->score > c->number || c->result_count == c->limit) {
			c->until = pair->score;
			break;
		}
		sim_note(redis->sim, "redis: %s is due", pair->field);
		c->due[c->result_count++] = (struct store_due){ arena_strdup(c->arena, pair->field), pair->score };
	}
}

static void do_cursor(struct redis *redis, struct command *c)
{
	struct value *v = db_find(redis, lead_of(c)->cursor_key);
	struct store_cursor *cursor = &c->cursor;

	*cursor = (struct store_cursor){ .present = v != NULL, .epoch = hash_number(c, "epoch"),
		.pseq = hash_number(c, "pseq") };
	cursor_group(c, cursor->group);
	snprintf(cursor->writer, sizeof(cursor->writer), "%s", hash_get(redis, lead_of(c)->cursor_key, "writer"));
	cursor->redo = *hash_get(redis, lead_of(c)->cursor_key, "redo") == '1';
	memcpy(cursor->run_id, redis->run_id, REDIS_ID_SIZE);
	memcpy(cursor->repl_id, redis->repl_id, REDIS_ID_SIZE);
	cursor->streams = arena_alloc(c->arena, ((v ? v->count : 0) + 1) * sizeof(*cursor->streams));
	cursor->left = arena_alloc(c->arena, ((v ? v->count : 0) + 1) * sizeof(*cursor->left));
	for (size_t i = 0; v && i < v->count; i++) {
		struct stream_position *at = &cursor->streams[cursor->stream_count];

		if (strncmp(v->items[i].field, "left ", 5) == 0)
			cursor->left[cursor->left_count++] =
				(struct store_left){ arena_strdup(c->arena, v->items[i].field + 5), strtoull(v->items[i].value, NULL, 10) };
		if (!strchr(v->items[i].field, ':') || strncmp(v->items[i].field, "trying ", 7) == 0)
			continue;
		at->stream = arena_strdup(c->arena, v->items[i].field);
		snprintf(at->id, sizeof(at->id), "%s", v->items[i].value);
		cursor->stream_count++;
	}
}

static void do_commit(struct redis *redis, struct command *c)
{
	const struct group_header *head = &c->head;
	uint8_t group[GROUP_ID_SIZE];
	char hex[2 * GROUP_ID_SIZE + 1];
	uint64_t pseq = hash_number(c, "pseq"), epoch = hash_number(c, "epoch");
	bool placed = value_get(db_find(redis, lead_of(c)->cursor_key), "pseq") != NULL;

	cursor_group(c, group);
	if (redis->full_until > redis->sim->mono) {
		c->r = -ENOSPC;
		return;
	}
	c->status = COMMIT_APPLIED;
	if (epoch > c->commit.epoch)
		c->status = COMMIT_STALE;
	else if (epoch && epoch != c->commit.epoch)
		c->status = COMMIT_GAP;
	else if (placed && pseq == head->pseq && memcmp(group, head->id, GROUP_ID_SIZE) == 0)
		c->status = COMMIT_ALREADY;
	else if (placed && (pseq + 1 != head->pseq || memcmp(group, head->predecessor, GROUP_ID_SIZE) != 0))
		c->status = COMMIT_GAP;
	else if (!placed && head->pseq != 1 && !c->commit.rebuild)
		c->status = COMMIT_GAP;
	sim_note(redis->sim, "redis: commit %llu by %s: %d", (unsigned long long)head->pseq, c->commit.writer, (int)c->status);
	if (c->status != COMMIT_APPLIED)
		return;
	if (lead_of(c)->owner[0] && !redis->sim->rollbacks && (strcmp(lead_of(c)->owner, c->commit.writer) != 0 ||
								lead_of(c)->life != c->life->number))
		sim_breach(redis->sim, "4 one writer", "group %llu of %s is applied, and %s has the lease since",
			(unsigned long long)head->pseq, c->commit.writer, lead_of(c)->owner);
	judge_applied(redis->sim->judge, head);
	for (size_t i = 0; i < c->commit.image_count; i++)
		redis_apply(redis, &c->commit.images[i]);
	next_stands(redis, lead_of(c), c->commit.images, c->commit.image_count);
	hash_put_number(c, "epoch", c->commit.epoch);
	hash_put_number(c, "pseq", head->pseq);
	hash_put(redis, lead_of(c)->cursor_key, "group", hex_format(head->id, GROUP_ID_SIZE, hex));
	hash_put(redis, lead_of(c)->cursor_key, "writer", c->commit.writer);
	hash_put(redis, lead_of(c)->cursor_key, "redo", c->commit.redo ? "1" : "0");
	if (c->life->alive)
		world_moment(c->link->host, MOMENT_COMMITTED, NULL);
}

/* The same instance started again takes over at once: the lock on its state directory says that the other process is gone. Of another one's it is not known. */
static void do_lease(struct redis *redis, struct command *c)
{
	bool held = lead_of(c)->owner[0] && lead_of(c)->until > redis->sim->mono;
	bool mine = held && strcmp(lead_of(c)->owner, c->text) == 0 && lead_of(c)->life == c->life->number;
	uint64_t epoch = hash_number(c, "epoch");

	c->granted = c->number && (!held || (strcmp(lead_of(c)->owner, c->text) == 0 && lead_of(c)->home == c->link->host->disk)); /* without a span it only looks */
	c->epoch = epoch;
	if (redis->full_until > redis->sim->mono)
		c->r = -ENOSPC;
	else if (c->granted) {
		if (c->held && epoch <= c->held) {
			c->epoch = c->held;
			hash_put_number(c, "epoch", c->epoch);
		} else if (!mine || !epoch) {
			c->epoch = (epoch > c->at_least ? epoch : c->at_least) + 1;
			hash_put_number(c, "epoch", c->epoch);
			redis->sim->takeovers++;
			sim_note(redis->sim, "redis: lease to %s, epoch %llu", c->text, (unsigned long long)c->epoch);
		}
		snprintf(lead_of(c)->owner, sizeof(lead_of(c)->owner), "%s", c->text);
		lead_of(c)->life = c->life->number;
		lead_of(c)->home = c->link->host->disk;
		lead_of(c)->until = redis->sim->mono + c->number;
	}
	c->text = arena_strdup(c->arena, c->granted || held ? lead_of(c)->owner : "");
}

static void do_release(struct command *c)
{
	if (strcmp(lead_of(c)->owner, c->text) == 0 && lead_of(c)->life == c->life->number)
		lead_of(c)->owner[0] = '\0';
}

/* "id epoch count first"; all 0: another entry's, where `id` is not NULL. */
struct tried redis_tries(struct redis *redis, const char *cursor_key, const char *field, const char *id)
{
	const char *value = hash_get(redis, cursor_key, field);
	size_t len = strcspn(value, " ");
	struct tried t = { 0 };

	if (!id || (strncmp(value, id, len) == 0 && !id[len]))
		(void)sscanf(value + len, "%lld %llu %lld", &t.epoch, &t.count, &t.first);
	return t;
}

static void do_trying(struct redis *redis, struct command *c)
{
	long long now = (sim_wall(redis->sim) - redis->clock_behind) / 1000;
	struct tried t = { 0 };

	if (c->text) {
		t = redis_tries(redis, lead_of(c)->cursor_key, c->field, c->text);
		t.first = t.count ? t.first : now;
		if (t.epoch != c->number && (t.count + 1 != POISON_TRIES || now - t.first >= POISON_APART_S || now < t.first))
			t.count++;
		redis->sim->poisoned = false;
		hash_put(redis, lead_of(c)->cursor_key, c->field, arena_printf(c->arena, "%s %lld %llu %lld", c->text, (long long)c->number,
			t.count, t.first));
	} else if (db_find(redis, lead_of(c)->cursor_key)) {
		value_remove(db_find(redis, lead_of(c)->cursor_key), c->field);
	}
	c->epoch = t.count;
}

static void do_trim(struct redis *redis, struct command *c)
{
	for (size_t i = 0; i < c->count; i++) {
		struct value *stream = db_find(redis, c->positions[i].stream);

		while (stream && stream->count && stream_id_compare(stream->items[0].field, c->positions[i].id) < 0)
			value_remove(stream, stream->items[0].field);
	}
}

void redis_execute(struct command *c)
{
	struct redis *redis = c->link->redis;

	c->r = redis_up(redis) ? 0 : -EAGAIN;
	if (c->r == 0 && c->op == OP_READ)
		redis_read(redis, c);
	else if (c->r == 0 && c->op == OP_LOAD)
		do_load(redis, c);
	else if (c->r == 0 && c->op == OP_HASH)
		do_hash(redis, c);
	else if (c->r == 0 && c->op == OP_DUE)
		do_due(redis, c);
	else if (c->r == 0 && c->op == OP_CURSOR)
		do_cursor(redis, c);
	else if (c->r == 0 && c->op == OP_COMMIT)
		do_commit(redis, c);
	else if (c->r == 0 && c->op == OP_LEASE)
		do_lease(redis, c);
	else if (c->r == 0 && c->op == OP_RELEASE)
		do_release(c);
	else if (c->r == 0 && c->op == OP_TRYING)
		do_trying(redis, c);
	else if (c->r == 0 && c->op == OP_TRIM)
		do_trim(redis, c);
	else if (c->r == 0 && c->op == OP_TAILS)
		for (size_t i = 0; i < c->count; i++) {
			struct value *stream = db_find(redis, c->positions[i].stream);

			strcpy(c->positions[i].id, stream ? stream->last_id : "0-0");
		}
}
