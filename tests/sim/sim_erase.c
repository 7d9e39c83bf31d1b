/*
 * Erasing, in the calm last days: every debtor in turn is asked to be erased by a person, and what the periods allow (all, a day after the last
 * invoice is settled) goes at night; the process dies in the middle of it. Then the judge looks: what was recorded as erased must be done.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/keys.h"
#include "common/record.h"
#include "common/retention.h"
#include "tests/sim/sim_judge.h"
#include "tests/sim/sim_redis.h"

#define ASK_EVERY (20 * MINUTE_MS)
#define PAGE 16 /* buckets of the keyspace in one step of a walk */

struct retention *erase_periods(void)
{
	static const char text[] = "{\"as_of\":\"2026-01-01\",\"rules\":["
		"{\"class\":\"identity\",\"records\":\"contacts\",\"start\":\"case_closed\",\"months\":0,\"source\":\"sim\",\"certainty\":\"text\"},"
		"{\"class\":\"content\",\"records\":\"contacts\",\"start\":\"case_closed\",\"months\":0,\"source\":\"sim\",\"certainty\":\"text\"},"
		"{\"class\":\"facts\",\"records\":\"contacts\",\"start\":\"case_closed\",\"months\":0,\"source\":\"sim\",\"certainty\":\"text\"},"
		"{\"class\":\"facts\",\"records\":\"accounts\",\"start\":\"case_closed\",\"months\":0,\"source\":\"sim\",\"certainty\":\"text\"}]}";
	struct retention *periods = NULL;
	struct err err = { 0 };

	if (retention_parse(text, sizeof(text) - 1, &periods, &err) < 0)
		fprintf(stderr, "sim: retention: %s %s\n", err.path, err.text);
	return periods;
}

/* --- the store's part: nothing goes wrong with the server in these days ------------------------------------------------------- */

struct question {
	struct host *host;
	struct arena *arena;
	char cursor[32], *text; /* pattern, or stream */
	const char **ids;
	size_t count;
	store_scan_fn scanned;
	store_done_fn scrubbed;
	void *arg;
};

static void forget(void *arg)
{
	arena_free(((struct question *)arg)->arena);
}

static struct question *ask(struct host *host, const char *text, void *arg)
{
	struct arena *arena = arena_create();
	struct question *q = arena_alloc(arena, sizeof(*q));

	q->host = host;
	q->arena = arena;
	q->text = arena_strdup(arena, text);
	q->arg = arg;
	return q;
}

static void scan(void *arg)
{
	struct question *q = arg;
	struct redis *redis = q->host->sim->redis;
	size_t at = (size_t)strtoul(q->cursor, NULL, 10), end = at + PAGE, count = 0, key_capacity = 0, value_capacity = 0;
	struct store_value *values = NULL;
	const char **keys = NULL;
	char next[32];

	for (; at < end; at++)
		for (const struct value *v = redis->db->buckets[at]; v; v = v->next) {
			if (v->kind != VALUE_STRING || strncmp(v->key, q->text, strlen(q->text) - 1) != 0) /* the pattern ends with '*' */
				continue;
			keys = arena_grow(q->arena, keys, count, &key_capacity, sizeof(*keys));
			values = arena_grow(q->arena, values, count, &value_capacity, sizeof(*values));
			keys[count] = arena_strdup(q->arena, v->key);
			values[count++] = (struct store_value){ arena_memdup(q->arena, v->items[0].value, v->items[0].len), v->items[0].len };
		}
	snprintf(next, sizeof(next), "%zu", at < KEYSPACE_BUCKETS ? at : 0);
	q->scanned(redis_up(redis) ? 0 : -EAGAIN, next, keys, values, count, q->arg);
	forget(q);
}

static void scrub(void *arg)
{
	struct question *q = arg;
	struct redis *redis = q->host->sim->redis;
	struct value *stream = db_find(redis, q->text);

	for (size_t i = 0; stream && i < q->count; i++)
		value_remove(stream, q->ids[i]);
	q->scrubbed(redis_up(redis) ? 0 : -EAGAIN, q->arg);
	forget(q);
}

static void tell(void *arg)
{
	struct question *q = arg;
	bool up = redis_up(q->host->sim->redis);

	if (up)
		redis_add(q->host->sim->redis, q->text, q->ids[0], false);
	q->scrubbed(up ? 0 : -EAGAIN, q->arg);
	forget(q);
}

static void port_tell(void *self, const char *stream, const char *event, size_t len, store_done_fn done, void *arg)
{
	struct host *host = ((struct partition *)self)->host;
	struct question *q = ask(host, stream, arg);

	q->ids = arena_alloc(q->arena, sizeof(*q->ids));
	q->ids[0] = arena_printf(q->arena, "%.*s", (int)len, event);
	q->scrubbed = done;
	sim_after(host->sim, host->life, 1, true, tell, forget, q);
}

static void port_scan(void *self, const char *cursor, const char *pattern, store_scan_fn done, void *arg)
{
	struct host *host = ((struct partition *)self)->host;
	struct question *q = ask(host, pattern, arg);

	snprintf(q->cursor, sizeof(q->cursor), "%s", cursor);
	q->scanned = done;
	sim_after(host->sim, host->life, 1, true, scan, forget, q);
}

static void port_scrub(void *self, const char *stream, const char *const *ids, size_t count, store_done_fn done, void *arg)
{
	struct host *host = ((struct partition *)self)->host;
	struct question *q = ask(host, stream, arg);

	q->ids = arena_alloc(q->arena, (count + 1) * sizeof(*q->ids));
	for (size_t i = 0; i < count; i++)
		q->ids[i] = arena_strdup(q->arena, ids[i]);
	q->count = count;
	q->scrubbed = done;
	sim_after(host->sim, host->life, 1, true, scrub, forget, q);
}

void erase_plug(struct partition *part)
{
	part->store.scan = port_scan;
	part->store.scrub = port_scrub;
	part->store.tell = port_tell;
}

/* --- who asks for it ------------------------------------------------------------------------------------------------------------- */

struct wish {
	struct sim *sim;
	const char *debtor;
	int64_t death; /* ms after it; 0 = none */
};

static void die(void *arg)
{
	world_kill(&((struct sim *)arg)->hosts[0]);
}

static void wish(void *arg)
{
	const struct wish *w = arg;
	struct host *host = &w->sim->hosts[0];
	struct dunner_erasure erasure = { .customer = w->debtor, .classes = (1u << CLASS_COUNT) - 1, .yes = true, .who = "sim", .why = "asked" };
	struct err err = { 0 };

	if (!host->life || !host->parts[0].dunner)
		return;
	sim_note(w->sim, "erase %s: %d", w->debtor, dunner_erase(host->parts[0].dunner, &erasure, &err));
	if (w->death)
		sim_after(w->sim, NULL, w->death, true, die, NULL, w->sim);
}

static void every_night(void *arg)
{
	struct sim *sim = arg;

	sim->hosts[0].config->retention_expire = true;
}

void erase_schedule(struct sim *sim)
{
	int64_t at = sim->end - 4 * DAY_MS;
	struct rng rng;

	if (sim->weather.hosts != 1 || sim->mode != MODE_LIFE || sim->drawn)
		return;
	rng_seed(&rng, sim->seed, "erasure");
	for (size_t i = 0; i < sim->book->debtor_count; i++) {
		struct wish *w = arena_alloc(sim->arena, sizeof(*w));

		*w = (struct wish){ sim, sim->book->debtors[i].id, rng_chance(&rng, 500000) ? rng_range(&rng, 1, 120) : 0 };
		if (rng_chance(&rng, 600000)) /* the others are left to the nights */
			sim_at_wall(sim, at + (int64_t)i * ASK_EVERY, wish, NULL, w);
	}
	sim_at_wall(sim, sim->end - 3 * DAY_MS, every_night, NULL, sim);
	sim_at_wall(sim, sim->end - DAY_MS, die, NULL, sim); /* what is open then is carried on with */
}

/* --- the judge ------------------------------------------------------------------------------------------------------------------- */

struct search {
	const char *name, *found;
};

static void look(const char *key, const char *value, void *arg)
{
	struct search *s = arg;

	if (strstr(value, s->name)) /* with its quotes: "Customer 1" is not "Customer 12" */
		s->found = key;
}

static const struct sim_debtor *debtor_of(const struct book *book, const char *id)
{
	for (size_t i = 0; i < book->debtor_count; i++)
		if (strcmp(book->debtors[i].id, id) == 0)
			return &book->debtors[i];
	return NULL;
}

/* Whether any class key of the case's files is still on the disk. */
static bool has_keys(struct judge *judge, const char *id)
{
	for (size_t i = 0; i < judge->case_count; i++) {
		const struct known_leaf *leaf = &judge->cases[i];
		struct case_keys keys;

		if (strcmp(leaf->name, id) != 0 || disk_keys(judge->sim->hosts[0].disk, (uint16_t)atoi(strrchr(leaf->origin, '/') + 1), leaf->slot, &keys) < 0)
			continue;
		for (int class = 0; class < CLASS_COUNT; class ++)
			if (case_keys_has(&keys, (enum key_class)class))
				return true;
	}
	return false;
}

static void check_erased(struct judge *judge, const char *id, size_t group)
{
	const struct sim_debtor *debtor = debtor_of(judge->sim->book, id);
	struct search search = { .name = arena_printf(judge->arena, "\"%s\"", debtor ? debtor->name : id) };
	size_t len;

	if (redis_get(judge->sim->redis, arena_printf(judge->arena, "dunning:{0}:debtor:%s", id), &len))
		return; /* it came back, or something of it had to stay */
	if (has_keys(judge, id))
		sim_breach(judge->sim, "erased", "%s: keys of its records are still there", id);
	redis_each(judge->sim->redis, "", look, &search);
	if (search.found)
		sim_breach(judge->sim, "erased", "%s: its name still stands in %s", id, search.found);
	for (size_t i = 0; i < judge->attempt_count; i++)
		if (judge->attempts[i].debtor_id && strcmp(judge->attempts[i].debtor_id, id) == 0 && judge->attempts[i].intent_group > group)
			sim_breach(judge->sim, "erased", "%s is contacted after it was erased", id);
}

void erase_judge(struct judge *judge)
{
	size_t len;
	const char *system = redis_get(judge->sim->redis, "dunning:{0}:debtor:" SYSTEM_CASE, &len);

	if (system && strstr(system, "\"erasing\":["))
		sim_breach(judge->sim, "erased", "what was begun was never ended: %s", strstr(system, "\"erasing\":["));
	for (size_t i = 0; i < judge->erased_count && !judge->sim->broken; i++)
		check_erased(judge, judge->erased[i].debtor_id, judge->erased[i].group);
}
