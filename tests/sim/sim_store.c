/* The store port: commands travel over connections that may break, to the server of sim_redis.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "tests/sim/sim_redis.h"

#define COMMAND_TIMEOUT (5 * SECOND_MS)

enum op { OP_READ, OP_LOAD, OP_HASH, OP_DUE, OP_CURSOR, OP_COMMIT, OP_LEASE, OP_RELEASE, OP_TRYING, OP_TRIM, OP_TAILS };
static const char *const op_names[] = { "read", "load", "hash", "due", "cursor", "commit", "lease", "release", "trying", "trim", "tails" };
enum fate { FATE_WELL, FATE_BREAK_BEFORE, FATE_BREAK_AFTER };
struct tried { long long epoch, first; unsigned long long count; };

struct wire { /* one connection */
	int64_t down_until, run_at, answer_at; /* mono; commands run, and are answered, in the order sent */
	struct command *pending, **pending_end; /* sent, not answered */
};

struct link {
	struct partition *part;
	struct host *host;
	bool closed; /* with its flow: what is answered now reaches nobody */
	struct life *life;
	struct redis *redis;
	struct wire wires[2]; /* [1]: blocking reads */
};

struct command {
	struct link *link;
	struct wire *wire;
	struct life *life;
	struct arena *arena;
	enum op op;
	enum fate fate;
	int refs;
	bool answered, lost; /* lost: will not be executed any more */
	bool waiting; /* a blocked read */
	int64_t sent_at;
	struct command *next;
	/* arguments */
	struct stream_position *positions;
	struct stream_position *positions_out; /* tails: the caller's */
	size_t count, limit;
	int block_ms;
	const char **keys;
	const char *field; /* of the cursor: trying */
	int64_t number;
	uint64_t at_least, held;
	struct store_commit commit;
	struct group_header head;
	const char *text;
	void (*done)(void);
	void *arg;
	/* results */
	int r;
	struct store_entry *entries;
	struct store_value *values;
	struct store_due *due;
	size_t result_count;
	struct store_place place;
	struct store_cursor cursor;
	enum commit_status status;
	bool granted;
	uint64_t epoch;
	int64_t until;
};

static void command_unref(struct command *c)
{
	if (--c->refs == 0)
		arena_free(c->arena);
}

static void command_drop(void *arg)
{
	command_unref(arg);
}

/* --- what the server does ------------------------------------------------------------------------------------------------ */

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

static void do_read(struct redis *redis, struct command *c)
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
	hash_put_number(c, "epoch", c->commit.epoch);
	hash_put_number(c, "pseq", head->pseq);
	hash_put(redis, lead_of(c)->cursor_key, "group", hex_format(head->id, GROUP_ID_SIZE, hex));
	hash_put(redis, lead_of(c)->cursor_key, "writer", c->commit.writer);
	hash_put(redis, lead_of(c)->cursor_key, "redo", c->commit.redo ? "1" : "0");
	if (c->life->alive)
		world_moment(c->link->host, MOMENT_COMMITTED, NULL);
}

/* The same instance started again takes over at once: the lock on its state directory says that the other process is gone. */
static void do_lease(struct redis *redis, struct command *c)
{
	bool held = lead_of(c)->owner[0] && lead_of(c)->until > redis->sim->mono;
	bool mine = held && strcmp(lead_of(c)->owner, c->text) == 0 && lead_of(c)->life == c->life->number;
	uint64_t epoch = hash_number(c, "epoch");

	c->granted = c->number && (!held || strcmp(lead_of(c)->owner, c->text) == 0); /* without a span it only looks */
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
static struct tried tries_of(struct redis *redis, const char *cursor_key, const char *field, const char *id)
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
		t = tries_of(redis, lead_of(c)->cursor_key, c->field, c->text);
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

static void execute(struct command *c)
{
	struct redis *redis = c->link->redis;

	c->r = redis_up(redis) ? 0 : -EAGAIN;
	if (c->r == 0 && c->op == OP_READ)
		do_read(redis, c);
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

/* --- how the caller hears of it ---------------------------------------------------------------------------------------------- */

static void give(void *arg)
{
	struct command *c = arg;

	if (c->link->closed) {
		command_unref(c);
		return;
	}
	switch (c->op) {
	case OP_READ:
		((store_entries_fn)c->done)(c->r, c->entries, c->r < 0 ? 0 : c->result_count, &c->place, c->arg);
		break;
	case OP_LOAD:
	case OP_HASH:
		((store_values_fn)c->done)(c->r, c->values, c->r < 0 ? 0 : c->result_count, c->arg);
		break;
	case OP_DUE:
		((store_due_fn)c->done)(c->r, c->due, c->r < 0 ? 0 : c->result_count, c->until, c->arg);
		break;
	case OP_CURSOR:
		((store_cursor_fn)c->done)(c->r, &c->cursor, c->arg);
		break;
	case OP_COMMIT:
		((store_commit_fn)c->done)(c->r, c->status, c->arg);
		break;
	case OP_LEASE:
		((store_lease_fn)c->done)(c->r, c->r == 0 && c->granted, c->epoch, c->sent_at + c->number, c->text, c->arg);
		break;
	case OP_TRYING:
		((store_lease_fn)c->done)(c->r, c->r == 0, c->epoch, 0, "", c->arg);
		break;
	case OP_TAILS:
		for (size_t i = 0; i < c->count && c->r == 0; i++)
			strcpy(c->positions_out[i].id, c->positions[i].id);
		/* fall through */
	case OP_RELEASE:
	case OP_TRIM:
		((store_done_fn)c->done)(c->r, c->arg);
		break;
	}
	command_unref(c);
}

static void answer(struct command *c, int64_t delay)
{
	struct wire *wire = c->wire;
	struct sim *sim = c->link->redis->sim;

	if (c->answered)
		return;
	c->answered = true;
	for (struct command **p = &wire->pending; *p; p = &(*p)->next)
		if (*p == c) {
			*p = c->next;
			if (!*p)
				wire->pending_end = p;
			break;
		}
	c->waiting = false;
	c->refs++;
	if (c->r < 0)
		sim_note(sim, "store: %s of %s: %d", op_names[c->op], c->link->host->name, c->r);
	if (sim->mono + delay > wire->answer_at)
		wire->answer_at = sim->mono + delay;
	sim_after(sim, c->life, wire->answer_at - sim->mono, true, give, command_drop, c);
}

/* Everything unanswered is answered with -ENOTCONN; what the server had already received may still be done, in order. */
static void wire_break(struct link *link, struct wire *wire)
{
	struct sim *sim = link->redis->sim;
	bool received = rng_chance(&sim->faults, 500000);

	wire->down_until = sim->mono + (rng_chance(&sim->faults, 800000) ? rng_range(&sim->faults, 0, 300) :
									     rng_range(&sim->faults, 300, 20000));
	while (wire->pending) {
		struct command *c = wire->pending;

		received = received && rng_chance(&sim->faults, 700000) && !c->waiting;
		c->lost = !received;
		c->r = -ENOTCONN;
		answer(c, 1);
	}
}

void redis_connections_lost(struct redis *redis)
{
	for (int i = 0; i < HOSTS_MAX; i++)
		for (int p = 0; p < PARTITIONS_MAX; p++)
			for (int k = 0; k < 2 && redis->sim->hosts[i].parts[p].link; k++)
				wire_break(redis->sim->hosts[i].parts[p].link, &redis->sim->hosts[i].parts[p].link->wires[k]);
}

bool redis_unwatched(const struct redis *redis)
{
	const struct link *link = redis->sim->hosts[0].parts[0].link;

	return !link || link->wires[0].down_until > redis->sim->mono || link->wires[1].down_until > redis->sim->mono;
}

static int64_t latency(struct sim *sim)
{
	int64_t kind = rng_range(&sim->net, 0, 999);

	if (kind == 0 && !sim->calm)
		return rng_range(&sim->net, 50, 1500);
	return kind < 40 ? rng_range(&sim->net, 2, 40) : rng_range(&sim->net, 0, 1);
}

static void read_timeout(void *arg)
{
	struct command *c = arg;

	if (c->waiting) {
		do_read(c->link->redis, c);
		answer(c, 0);
	}
	command_unref(c);
}

static void run(void *arg)
{
	struct command *c = arg;
	struct sim *sim = c->link->redis->sim;

	if (c->lost) {
		command_unref(c);
		return;
	}
	if (c->answered) { /* the caller gave up or is gone: the server does it all the same */
		execute(c);
		command_unref(c);
		return;
	}
	if (c->fate == FATE_BREAK_BEFORE) {
		c->lost = true;
		c->r = -ENOTCONN;
		answer(c, 0);
		wire_break(c->link, c->wire);
		command_unref(c);
		return;
	}
	execute(c);
	if (c->op == OP_READ && c->r == 0 && c->result_count == 0 && c->block_ms > 0) {
		c->waiting = true;
		sim_after(sim, NULL, c->block_ms, false, read_timeout, command_drop, c); /* takes over this reference */
		return;
	}
	if (c->fate == FATE_BREAK_AFTER) {
		c->r = -ENOTCONN;
		answer(c, 0);
		wire_break(c->link, c->wire);
	} else {
		answer(c, latency(sim));
	}
	command_unref(c);
}

/* A blocked read of this stream returns. */
static void wake_readers(struct redis *redis, const char *key)
{
	for (int i = 0; i < HOSTS_MAX * PARTITIONS_MAX; i++) {
		struct link *link = redis->sim->hosts[i / PARTITIONS_MAX].parts[i % PARTITIONS_MAX].link;
		struct command *c = link ? link->wires[1].pending : NULL;

		for (struct command *next; c; c = next) {
			next = c->next;
			for (size_t k = 0; c->waiting && k < c->count; k++)
				if (strcmp(c->positions[k].stream, key) == 0) {
					do_read(redis, c);
					answer(c, latency(redis->sim));
				}
		}
	}
}

void redis_entry_added(struct redis *redis, const char *key)
{
	wake_readers(redis, key);
}

/* --- the port ---------------------------------------------------------------------------------------------------------------------- */

static struct command *command_new(void *self, enum op op, int wire, void (*done)(void), void *arg)
{
	struct partition *part = self;
	struct host *host = part->host;
	struct arena *arena = arena_create();
	struct command *c = arena_alloc(arena, sizeof(*c));

	c->arena = arena;
	c->link = part->link;
	c->life = host->life;
	c->wire = &part->link->wires[wire];
	c->op = op;
	c->done = done;
	c->arg = arg;
	c->refs = 1;
	c->sent_at = host->sim->mono;
	c->text = "";
	return c;
}

static void too_late(void *arg)
{
	struct command *c = arg;

	if (!c->answered) {
		c->r = -ETIMEDOUT;
		answer(c, 0);
		wire_break(c->link, c->wire);
	}
	command_unref(c);
}

static void send(struct command *c)
{
	struct sim *sim = c->link->redis->sim;
	const struct weather *w = &sim->weather;
	struct wire *wire = c->wire;
	int64_t at = sim->mono + latency(sim);

	if (world_gone(c->link->host)) {
		command_unref(c);
		return;
	}
	*wire->pending_end = c;
	wire->pending_end = &c->next;
	if (wire->down_until > sim->mono) {
		c->lost = true;
		c->r = -ENOTCONN;
		answer(c, 0);
		command_unref(c);
		return;
	}
	if (!sim->calm && rng_chance(&sim->faults, w->drop))
		c->fate = rng_chance(&sim->faults, 500000) ? FATE_BREAK_BEFORE : FATE_BREAK_AFTER;
	if (!sim->calm && rng_chance(&sim->faults, w->slow))
		at += rng_range(&sim->faults, 100, 9000);
	if (!sim->calm && c->op == (sim->slow_reads ? OP_READ : OP_LOAD) && sim->slow_until > sim->mono)
		at += rng_range(&sim->faults, 200, sim->slow_reads ? 900 : 1500);
	if (at < wire->run_at)
		at = wire->run_at;
	wire->run_at = at;
	if (at - sim->mono > COMMAND_TIMEOUT) {
		c->refs++;
		sim_after(sim, c->life, COMMAND_TIMEOUT, true, too_late, command_drop, c);
	}
	sim_after(sim, NULL, at - sim->mono, true, run, command_drop, c);
}

static struct stream_position *copy_positions(struct arena *arena, const struct stream_position *positions, size_t count)
{
	struct stream_position *copy = arena_alloc(arena, (count + 1) * sizeof(*copy));

	for (size_t i = 0; i < count; i++) {
		copy[i] = positions[i];
		copy[i].stream = arena_strdup(arena, positions[i].stream);
	}
	return copy;
}

static void port_read(void *self, const struct stream_position *positions, size_t position_count, size_t count, int block_ms,
	store_entries_fn done, void *arg)
{
	struct command *c = command_new(self, OP_READ, block_ms > 0, (void (*)(void))done, arg);

	c->positions = copy_positions(c->arena, positions, position_count);
	c->count = position_count;
	c->limit = count;
	c->block_ms = block_ms;
	send(c);
}

/*
 * The entry that kills: what it names is loaded, so it has been read and is about to be decided. At the third try, where it is only
 * parsed, that does no harm any more; or (2) at the fourth, where its bytes are only looked at.
 */
static void poison(struct host *host, const char *const *keys, size_t count)
{
	struct sim *sim = host->sim;
	uint64_t tries = tries_of(sim->redis, sim->redis->leads[0].cursor_key, "trying dunning:{0}:events:billing", NULL).count;

	for (size_t i = 0; sim->weather.poison && i < count; i++)
		if (strstr(keys[i], "escalation:" POISON_INVOICE) && tries < POISON_TRIES + (sim->weather.poison == 2)) {
			sim_note(sim, "%s: dies of the poison, try %llu", host->name, (unsigned long long)tries);
			world_poisoned(host);
		}
}

static void port_load(void *self, const char *const *keys, size_t count, store_values_fn done, void *arg)
{
	struct command *c = command_new(self, OP_LOAD, 0, (void (*)(void))done, arg);

	poison(((struct partition *)self)->host, keys, count);
	c->keys = arena_alloc(c->arena, (count + 1) * sizeof(*c->keys));
	for (size_t i = 0; i < count; i++)
		c->keys[i] = arena_strdup(c->arena, keys[i]);
	c->count = count;
	send(c);
}

static void port_hash(void *self, const char *key, store_values_fn done, void *arg)
{
	struct command *c = command_new(self, OP_HASH, 0, (void (*)(void))done, arg);

	c->keys = arena_alloc(c->arena, sizeof(*c->keys));
	c->keys[0] = arena_strdup(c->arena, key);
	c->count = 1;
	send(c);
}

static void port_due(void *self, int64_t now, size_t limit, store_due_fn done, void *arg)
{
	struct command *c = command_new(self, OP_DUE, 0, (void (*)(void))done, arg);

	c->number = now;
	c->limit = limit;
	send(c);
}

static void port_cursor(void *self, store_cursor_fn done, void *arg)
{
	send(command_new(self, OP_CURSOR, 0, (void (*)(void))done, arg));
}

static void port_commit(void *self, const struct store_commit *commit, store_commit_fn done, void *arg)
{
	struct command *c = command_new(self, OP_COMMIT, 0, (void (*)(void))done, arg);
	struct image *images = arena_alloc(c->arena, (commit->image_count + 1) * sizeof(*images));

	for (size_t i = 0; i < commit->image_count; i++) {
		images[i] = commit->images[i];
		images[i].key = arena_strdup(c->arena, commit->images[i].key);
		images[i].field = arena_strdup(c->arena, commit->images[i].field);
		images[i].value = commit->images[i].value ?
			arena_memdup(c->arena, commit->images[i].value, commit->images[i].value_len) : NULL;
	}
	c->commit = *commit;
	c->commit.images = images;
	c->commit.writer = arena_strdup(c->arena, commit->writer);
	c->head = *commit->head;
	send(c);
}

static void port_lease(void *self, const char *owner, int64_t ttl_ms, uint64_t at_least, uint64_t held, store_lease_fn done,
	void *arg)
{
	struct command *c = command_new(self, OP_LEASE, 0, (void (*)(void))done, arg);

	c->text = arena_strdup(c->arena, owner);
	c->number = ttl_ms;
	c->at_least = at_least;
	c->held = held;
	send(c);
}

static void port_release(void *self, const char *owner, store_done_fn done, void *arg)
{
	struct command *c = command_new(self, OP_RELEASE, 0, (void (*)(void))done, arg);

	c->text = arena_strdup(c->arena, owner);
	send(c);
}

static void port_trying(void *self, const char *stream, const char *id, uint64_t epoch, store_lease_fn done, void *arg)
{
	struct command *c = command_new(self, OP_TRYING, 0, (void (*)(void))done, arg);

	c->number = (int64_t)epoch;
	c->field = arena_printf(c->arena, "trying %s", stream);
	c->text = arena_strdup(c->arena, id);
	send(c);
}

static void port_trim(void *self, const struct stream_position *applied, size_t count, store_done_fn done, void *arg)
{
	struct command *c = command_new(self, OP_TRIM, 0, (void (*)(void))done, arg);

	c->positions = copy_positions(c->arena, applied, count);
	c->count = count;
	send(c);
}

static void port_tails(void *self, struct stream_position *positions, size_t count, store_done_fn done, void *arg)
{
	struct command *c = command_new(self, OP_TAILS, 0, (void (*)(void))done, arg);

	c->positions = copy_positions(c->arena, positions, count);
	c->positions_out = positions;
	c->count = count;
	send(c);
}

static bool port_connected(void *self)
{
	struct partition *part = self;

	return part->link->wires[0].down_until <= part->host->sim->mono && redis_up(part->host->sim->redis);
}

void store_stall(struct host *host, bool only_news, int64_t ms)
{
	for (int p = 0; p < host->sim->weather.partitions; p++)
		for (int i = only_news; i < 2; i++)
			host->parts[p].link->wires[i].run_at = host->parts[p].link->wires[i].answer_at = host->sim->mono + ms;
}

void store_plug(struct partition *part)
{
	struct link *link = arena_alloc(part->host->life->arena, sizeof(*link));

	link->part = part;
	link->host = part->host;
	link->life = part->host->life;
	link->redis = part->host->sim->redis;
	for (int i = 0; i < 2; i++)
		link->wires[i].pending_end = &link->wires[i].pending;
	part->link = link;
	part->store = (struct store_port){ .self = part, .read = port_read, .load = port_load, .hash = port_hash,
		.due = port_due, .cursor = port_cursor, .commit = port_commit, .lease = port_lease,
		.release = port_release, .trying = port_trying, .trim = port_trim, .tails = port_tails,
		.connected = port_connected };
}

/* Commands under way stay under way: the server has them or the network does. */
void store_unplug(struct partition *part)
{
	if (part->link)
		part->link->closed = true;
	part->link = NULL;
}
