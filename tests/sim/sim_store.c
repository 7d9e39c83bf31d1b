/* The store port: commands travel over connections that may break, to the server of sim_redis.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_store.h"

#define COMMAND_TIMEOUT (5 * SECOND_MS)

static const char *const op_names[] = { "read", "load", "hash", "due", "cursor", "commit", "lease", "release", "trying", "trim", "tails" };

static void command_unref(struct command *c)
{
	if (--c->refs == 0)
		arena_free(c->arena);
}

static void command_drop(void *arg)
{
	command_unref(arg);
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
		if (c->r == 0 && c->wire->tailed != c->connections[c->wire - c->link->wires])
			c->r = -ENOTCONN;
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
		for (int i = 0; i < 2 && c->r == 0; i++)
			c->link->wires[i].tailed = c->connections[i];
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

	wire->connection++;
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
		redis_read(c->link->redis, c);
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
		redis_execute(c);
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
	redis_execute(c);
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
					redis_read(redis, c);
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
	for (int i = 0; i < 2; i++)
		c->connections[i] = part->link->wires[i].connection;
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
	uint64_t tries = redis_tries(sim->redis, sim->redis->leads[0].cursor_key, "trying dunning:{0}:events:billing", NULL).count;

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

/* Never sooner: what waits for the first fault must not be overtaken. */
static void wait_until(struct wire *wire, int64_t at)
{
	wire->run_at = at > wire->run_at ? at : wire->run_at;
	wire->answer_at = at > wire->answer_at ? at : wire->answer_at;
}

/* 0 is for commands, 1 for blocking reads. */
static void stall(struct host *host, int first, int last, int64_t ms)
{
	for (int p = 0; p < host->sim->weather.partitions; p++)
		for (int i = first; i <= last; i++)
			wait_until(&host->parts[p].link->wires[i], host->sim->mono + ms);
}

void store_stall(struct host *host, bool only_news, int64_t ms)
{
	stall(host, only_news, 1, ms);
}

void store_stuck(struct host *host, int64_t ms)
{
	stall(host, 0, 0, ms);
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
