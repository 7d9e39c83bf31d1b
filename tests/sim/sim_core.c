/* Chance, time, the queue and the trace. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

#define JUMP_LEAST 1000 /* ms: shorter waits are lived through */
#define REST_MARK_AGE 1500 /* ms: an instance that does not hear from its store is not at rest */

/* --- chance ---------------------------------------------------------------------------------------------------- */

static uint64_t splitmix(uint64_t *x)
{
	uint64_t z = (*x += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void rng_seed(struct rng *rng, uint64_t seed, const char *stream)
{
	uint64_t x = seed;

	for (; *stream; stream++)
		x = splitmix(&x) ^ (uint64_t)(unsigned char)*stream;
	for (int i = 0; i < 4; i++)
		rng->s[i] = splitmix(&x);
}

static uint64_t rotate(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

/* xoshiro256** by Blackman and Vigna */
uint64_t rng_next(struct rng *rng)
{
	uint64_t *s = rng->s, result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

int64_t rng_range(struct rng *rng, int64_t from, int64_t to)
{
	return from >= to ? from : from + (int64_t)(rng_next(rng) % (uint64_t)(to - from + 1));
}

bool rng_chance(struct rng *rng, int64_t per_million)
{
	return per_million > 0 && rng_range(rng, 0, 999999) < per_million;
}

void rng_fill(struct rng *rng, void *ret, size_t len)
{
	uint8_t *p = ret;

	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(rng_next(rng) >> 32);
}

/* --- queue ------------------------------------------------------------------------------------------------------- */

static bool before(const struct sim_item *a, const struct sim_item *b)
{
	return a->at != b->at ? a->at < b->at : a->due != b->due ? a->due < b->due : a->seq < b->seq;
}

static void push(struct sim_queue *queue, const struct sim_item *item)
{
	size_t i = queue->count++;

	xgrow(&queue->items, &queue->capacity, queue->count, sizeof(*queue->items));
	for (; i > 0 && before(item, &queue->items[(i - 1) / 2]); i = (i - 1) / 2)
		queue->items[i] = queue->items[(i - 1) / 2];
	queue->items[i] = *item;
}

static struct sim_item pop(struct sim_queue *queue)
{
	struct sim_item top = queue->items[0], last = queue->items[--queue->count];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < queue->count && before(&queue->items[child + 1], &queue->items[child]))
			child++;
		if (child >= queue->count || !before(&queue->items[child], &last))
			break;
		queue->items[i] = queue->items[child];
		i = child;
	}
	if (queue->count)
		queue->items[i] = last;
	return top;
}

int64_t sim_wall(const struct sim *sim)
{
	return sim->mono + sim->offset;
}

void sim_after(struct sim *sim, struct life *life, int64_t delay, bool busy, sim_fn fn, sim_fn drop, void *arg)
{
	int64_t at = sim->mono + (delay > 0 ? delay : 0);
	struct sim_item item = { .at = at, .due = at, .seq = sim->seq++, .life = life,
		.fn = fn, .drop = drop, .arg = arg, .busy = busy };

	sim->busy += busy;
	push(&sim->queue, &item);
}

void sim_at_wall(struct sim *sim, int64_t wall, sim_fn fn, sim_fn drop, void *arg)
{
	struct sim_item item = { .at = wall, .seq = sim->seq++, .fn = fn, .drop = drop, .arg = arg };

	push(&sim->calendar, &item);
}

void sim_shift_wall(struct sim *sim, int64_t by)
{
	sim->offset += by;
	for (int i = 0; i < HOSTS_MAX; i++)
		if (sim->hosts[i].life)
			clock_wall_moved(&sim->hosts[i]);
}

/* --- rest: nothing is under way, so the calendar may be turned --------------------------------------------------- */

static bool at_rest(const struct sim *sim)
{
	int served = 0;
	bool any = false;

	if (sim->busy > 0)
		return false;
	for (int i = 0; i < HOSTS_MAX; i++) {
		const struct host *host = &sim->hosts[i];

		if (!host->life)
			continue;
		any = true;
		if (host->life->frozen_until > sim->mono || host->stopping)
			return false;
		for (int k = 0; k < sim->weather.partitions; k++) {
			const struct partition *part = &host->parts[k];
			struct dunner_status status;

			dunner_status(part->dunner, &status);
			if (status.state == DUNNER_PASSIVE)
				continue;
			if (part->ended || status.state != DUNNER_RUNNING || !part->idle || status.caught_up_ms < 0 ||
				status.caught_up_ms > REST_MARK_AGE)
				return false;
			served++;
		}
	}
	return served >= sim->weather.partitions || !any;
}

static void turn_calendar(struct sim *sim)
{
	int64_t now = sim_wall(sim), target = now + rng_range(&sim->world, 10 * MINUTE_MS, 8 * HOUR_MS);

	if (sim->mono < sim->jump_after || !at_rest(sim))
		return;
	if (sim->calendar.count && sim->calendar.items[0].at < target)
		target = sim->calendar.items[0].at;
	for (int i = 0; i < HOSTS_MAX; i++) {
		const struct host *host = &sim->hosts[i];

		for (int k = 0; k < sim->weather.partitions && host->life; k++)
			if (host->parts[k].idle && host->parts[k].next_due > 0 && host->parts[k].next_due < target)
				target = host->parts[k].next_due;
	}
	if (target - now < JUMP_LEAST)
		return;
	sim->jumps++;
	sim->jump_after = sim->mono + rng_range(&sim->net, 20, 700); /* time to wake up and look around */
	sim_shift_wall(sim, target - now);
}

/* --- one step ------------------------------------------------------------------------------------------------------ */

static void discard(struct sim_item *item)
{
	if (item->drop)
		item->drop(item->arg);
}

static void run_item(struct sim *sim, struct sim_item *item)
{
	sim->busy -= item->busy;
	if (item->life && !item->life->alive) {
		discard(item);
		return;
	}
	sim->steps++;
	sim->trace = (sim->trace ^ (uint64_t)item->at ^ (item->seq << 20)) * UINT64_C(0x100000001b3);
	item->fn(item->arg);
}

bool sim_step(struct sim *sim)
{
	struct sim_item item;
	int64_t calendar;

	if (sim->broken)
		return false;
	turn_calendar(sim);
	calendar = sim->calendar.count ? sim->calendar.items[0].at - sim->offset : INT64_MAX;
	if (!sim->queue.count && calendar == INT64_MAX)
		return false;
	if (calendar <= sim->mono || !sim->queue.count || calendar < sim->queue.items[0].at) {
		item = pop(&sim->calendar);
		if (calendar > sim->mono)
			sim->mono = calendar;
		run_item(sim, &item);
		return true;
	}
	item = pop(&sim->queue);
	if (item.at > sim->mono)
		sim->mono = item.at;
	if (item.life && item.life->alive && item.life->frozen_until > sim->mono) {
		item.at = item.life->frozen_until; /* still before what is due by then anyway */
		push(&sim->queue, &item);
		return true;
	}
	run_item(sim, &item);
	return true;
}

void sim_clear(struct sim *sim)
{
	while (sim->queue.count) {
		struct sim_item item = pop(&sim->queue);

		discard(&item);
	}
	while (sim->calendar.count) {
		struct sim_item item = pop(&sim->calendar);

		discard(&item);
	}
	free(sim->queue.items);
	free(sim->calendar.items);
}

/* --- trace ----------------------------------------------------------------------------------------------------------- */

void sim_note(struct sim *sim, const char *format, ...)
{
	char line[1000], when[UTC_TEXT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	for (const char *p = line; *p; p++)
		sim->trace = (sim->trace ^ (uint64_t)(unsigned char)*p) * UINT64_C(0x100000001b3);
	if (sim->verbose)
		printf("%s %10lld  %s\n", utc_format(sim_wall(sim), when), (long long)sim->mono, line);
}

void sim_breach(struct sim *sim, const char *promise, const char *format, ...)
{
	char text[480], when[UTC_TEXT_SIZE];
	va_list args;

	if (sim->broken)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	sim->broken = true;
	snprintf(sim->breach, sizeof(sim->breach), "%s (mono %lld) %s: %s", utc_format(sim_wall(sim), when),
		(long long)sim->mono, promise, text);
	sim_note(sim, "BREACH %s: %s", promise, text);
}
