/*
 * What the provider bears and says of it: limits, outages, a second provider beside it. And what the world sees of how they are kept:
 * no second with more requests than it allows, no day with more messages, no outage hammered, and the second one asked for a reason.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"
#include "tests/sim/sim_judge.h"

#define STARTS_KEPT 8
#define RATE_PATIENCE (2 * SECOND_MS) /* what is released begins within PACE_AHEAD_MS by the rate; a host may hang meanwhile */
#define SET_BACK_MS (10 * SECOND_MS) /* so long a wait is not judged after the clock here, the wall's, was set back */

struct starts { /* of one host's life at one provider */
	uint32_t life;
	int64_t last[STARTS_KEPT]; /* wall */
	size_t count;
	bool failed; /* its last answer was a certain failure */
	int64_t failed_until; /* wall: when an answer ended that */
};

struct day {
	int64_t from;
	int64_t messages;
};

struct second { /* an attempt that the second provider may have taken */
	const char *attempt;
	bool doubt; /* its answer left one: no later answer settles that */
};

struct traffic {
	struct rng rng;
	struct starts starts[HOSTS_MAX][2];
	struct day days[2];
	int64_t *full; /* days whose last message went; from 00:00 */
	size_t full_count, full_capacity;
	int64_t outage_from, outage_until; /* wall */
	bool silent; /* the outage: it takes the connection and says nothing */
	int64_t outage_requests;
	uint64_t outage_lives; /* at its beginning */
	const char **failed; /* invoices of messages that certainly failed at the first provider */
	size_t failed_count, failed_capacity;
	struct second *second;
	size_t second_count, second_capacity;
};

void traffic_setup(struct sim *sim)
{
	struct traffic *t = sim->traffic = arena_alloc(sim->arena, sizeof(*t));
	struct weather *w = &sim->weather;

	rng_seed(&t->rng, sim->seed, "traffic");
	w->spare = rng_chance(&t->rng, 400000);
	w->per_second = rng_chance(&t->rng, 500000) ? rng_range(&t->rng, 1, 3) : 0;
	w->at_once = rng_range(&t->rng, 1, 6);
	w->per_day = rng_chance(&t->rng, 350000) ? rng_range(&t->rng, 3, 9) : 0;
	w->outage = rng_chance(&t->rng, 500000) ? rng_range(&t->rng, 2000, 40000) : 0;
	if (sim->mode != MODE_LIFE) {
		w->spare = false;
		w->per_second = w->per_day = w->outage = 0;
		w->at_once = 8;
	}
}

static void hourly(void *arg)
{
	struct sim *sim = arg;
	struct traffic *t = sim->traffic;
	int64_t wall = sim_wall(sim);

	if (wall >= sim->calm_at) {
		t->outage_until = 0;
		return;
	}
	if (rng_chance(&t->rng, sim->weather.outage) && wall >= t->outage_until) {
		t->outage_from = wall;
		t->outage_until = wall + rng_range(&t->rng, 10 * MINUTE_MS, 30 * HOUR_MS);
		t->silent = rng_chance(&t->rng, 300000);
		t->outage_requests = 0;
		t->outage_lives = sim->restarts;
		sim_note(sim, "provider: out for %lld min%s", (long long)((t->outage_until - wall) / MINUTE_MS), t->silent ? ", silently" : "");
	}
	sim_at_wall(sim, wall + HOUR_MS, hourly, NULL, sim);
}

void traffic_schedule(struct sim *sim)
{
	sim_at_wall(sim, sim->begin + 30 * MINUTE_MS, hourly, NULL, sim);
}

static int which(const struct message *message)
{
	return strcmp(message->provider, "sim") != 0;
}

static struct starts *starts_of(struct host *host, int provider)
{
	struct starts *s = &host->sim->traffic->starts[host->index][provider];

	if (s->life != host->life->number)
		*s = (struct starts){ .life = host->life->number };
	return s;
}

static bool has_failed(const struct traffic *t, const struct message *message)
{
	for (size_t i = 0; i < t->failed_count; i++)
		for (size_t k = 0; k < message->invoice_count; k++)
			if (strcmp(t->failed[i], message->invoice_ids[k]) == 0)
				return true;
	return false;
}

/*
 * Whether the provider's last answer was a certain failure when the message was decided: its end may be told before it starts. What is in doubt
 * was decided by a process that is no more: only that one knew.
 */
static bool had_failed(const struct sim *sim, const struct starts *first, const struct message *message)
{
	const struct known_attempt *a = judge_attempt(sim->judge, message->attempt_id);

	return first->failed || (a->outcome && strcmp(a->outcome, "attempt.in_doubt") == 0) || (a->intent_group && sim->judge->groups[a->intent_group - 1].decided < first->failed_until);
}

static struct second *find_second(const struct traffic *t, const char *attempt)
{
	for (size_t i = 0; i < t->second_count; i++)
		if (strcmp(t->second[i].attempt, attempt) == 0)
			return &t->second[i];
	return NULL;
}

/* Once there with a reason, a message that it may have taken is never tried elsewhere: until it certainly was not, it comes back there alone. */
static void judge_second(struct sim *sim, const struct message *message, bool reason)
{
	struct traffic *t = sim->traffic;

	if (find_second(t, message->attempt_id))
		return;
	if (!reason)
		sim_breach(sim, "8 the second provider has a reason", "%s goes to %s, and the first one did not certainly fail",
			message->attempt_id, message->provider);
	t->second = arena_grow(sim->arena, t->second, t->second_count, &t->second_capacity, sizeof(*t->second));
	t->second[t->second_count++] = (struct second){ .attempt = arena_strdup(sim->arena, message->attempt_id) };
}

void traffic_begun(struct host *host, const struct message *message)
{
	struct sim *sim = host->sim;
	struct traffic *t = sim->traffic;
	int provider = which(message);
	struct starts *s = starts_of(host, provider), *first = starts_of(host, 0);
	int64_t wall = sim_wall(sim), today = wall - wall % DAY_MS, in_second = 1;

	for (size_t i = 0; i < STARTS_KEPT && i < s->count; i++)
		in_second += s->last[i] > wall - SECOND_MS && s->last[i] <= wall;
	s->last[s->count++ % STARTS_KEPT] = wall;
	if (sim->weather.per_second && in_second > sim->weather.per_second)
		sim_breach(sim, "8 the rate is kept", "%s is asked %lld times in a second, it allows %lld", message->provider,
			(long long)in_second, (long long)sim->weather.per_second);
	if (t->days[provider].from != today)
		t->days[provider] = (struct day){ today, 0 };
	if (++t->days[provider].messages > sim->weather.per_day && sim->weather.per_day)
		sim_breach(sim, "8 the quota is kept", "%s gets %lld messages in a day, it allows %lld", message->provider,
			(long long)t->days[provider].messages, (long long)sim->weather.per_day);
	if (t->days[provider].messages == sim->weather.per_day && (provider == 1 || !sim->weather.spare)) {
		t->full = arena_grow(sim->arena, t->full, t->full_count, &t->full_capacity, sizeof(*t->full));
		t->full[t->full_count++] = today;
	}
	if (provider)
		judge_second(sim, message, sim->weather.per_day || has_failed(t, message) || had_failed(sim, first, message));
}

int traffic_full_days(const struct sim *sim, int64_t from)
{
	int full = 0;

	for (size_t i = 0; i < sim->traffic->full_count; i++)
		full += sim->traffic->full[i] >= from;
	return full;
}

void traffic_waited(struct host *host, const struct message *message, int64_t rate_ms)
{
	if (rate_ms > RATE_PATIENCE && host->sim->mono - host->sim->set_back > SET_BACK_MS)
		sim_breach(host->sim, "8 what is released may start now", "%s waits for the rate of %s for %lld ms", message->attempt_id,
			message->provider, (long long)rate_ms);
}

bool traffic_out(struct host *host, const struct message *message, bool *silent)
{
	struct sim *sim = host->sim;
	struct traffic *t = sim->traffic;
	int64_t wall = sim_wall(sim), most;

	if (sim->calm || which(message) || wall < t->outage_from || wall >= t->outage_until)
		return false;
	*silent = t->silent;
	/* Each life of each partition has to learn it: five failures and what is in hand by then, probes every 0.5 to 15 minutes. */
	most = sim->weather.partitions *
		((int64_t)(sim->restarts - t->outage_lives + 1) * (16 + 2 * sim->weather.at_once) + (wall - t->outage_from) / (10 * MINUTE_MS));
	if (++t->outage_requests > most)
		sim_breach(sim, "8 an outage is left alone", "the provider is out for %lld min and was asked %lld times",
			(long long)((wall - t->outage_from) / MINUTE_MS), (long long)t->outage_requests);
	return true;
}

static void second_ended(struct traffic *t, const struct message *message, const struct outcome *outcome)
{
	struct second *second = find_second(t, message->attempt_id);

	if (second && outcome->kind == OUTCOME_IN_DOUBT)
		second->doubt = true;
	else if (second && !second->doubt && outcome->kind != OUTCOME_ACCEPTED)
		*second = t->second[--t->second_count];
}

void traffic_ended(struct host *host, const struct message *message, const struct outcome *outcome, bool asked)
{
	struct sim *sim = host->sim;
	struct traffic *t = sim->traffic;

	if (which(message))
		second_ended(t, message, outcome);
	if (which(message) || !host->life || outcome->kind == OUTCOME_CANCELLED)
		return;
	if (asked) { /* what the wire turned away failed for itself alone */
		struct starts *first = starts_of(host, 0);

		if (first->failed && outcome->kind != OUTCOME_TEMPORARY)
			first->failed_until = sim_wall(sim);
		first->failed = outcome->kind == OUTCOME_TEMPORARY;
	}
	if (outcome->kind != OUTCOME_TEMPORARY)
		return;
	for (size_t i = 0; i < message->invoice_count; i++) {
		t->failed = arena_grow(sim->arena, t->failed, t->failed_count, &t->failed_capacity, sizeof(*t->failed));
		t->failed[t->failed_count++] = arena_strdup(sim->arena, message->invoice_ids[i]);
	}
}
