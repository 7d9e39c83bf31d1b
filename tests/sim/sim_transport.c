/*
 * The transport port and the provider behind it. The provider keeps its own log: what it took, under which key. Requests on the wire
 * go on when the daemon dies.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "tests/sim/sim.h"

#define REQUEST_TIMEOUT (20 * SECOND_MS)
#define VISIBLE_MAX (90 * SECOND_MS) /* a look-up finds it by then; the adapter says 600 s to be sure */

struct taken {
	char attempt[ATTEMPT_ID_SIZE], provider[8], account[16], id[40];
	uint8_t digest[SHA256_SIZE];
	int64_t visible_at; /* wall */
};

struct provider {
	struct sim *sim;
	struct taken *log;
	size_t count, capacity;
	uint64_t next;
};

enum plan { PLAN_ACCEPT, PLAN_LOSE_ANSWER, PLAN_LOSE_REQUEST, PLAN_THROTTLE, PLAN_REFUSE, PLAN_REFUSE_RECIPIENT,
	PLAN_ERROR_TAKEN, PLAN_ERROR_NOT_TAKEN, PLAN_NO_ID };

struct request {
	struct host *host;
	struct sim *sim;
	struct life *life;
	struct arena *arena;
	int refs;
	struct message message;
	char account[16]; /* under which it is asked */
	uint8_t digest[SHA256_SIZE];
	transport_may_start_fn may_start;
	transport_done_fn done;
	transport_lookup_fn looked_up;
	void *arg;
	struct pace *pace;
	bool waited_for; /* a delicate moment: it gets through */
	bool begun; /* counted by the pace, at: */
	int64_t begun_at; /* mono */
	int64_t waited; /* for the rate, ms */
	enum plan plan;
	bool answered;
	struct outcome outcome;
	enum lookup_result found;
};

static void unref(struct request *r)
{
	if (--r->refs == 0)
		arena_free(r->arena);
}

static void drop(void *arg)
{
	unref(arg);
}

static struct message copy_message(struct arena *arena, const struct message *m)
{
	struct message copy = *m;
	const char **ids = arena_alloc(arena, (m->invoice_count + 1) * sizeof(*ids));

	for (size_t i = 0; i < m->invoice_count; i++)
		ids[i] = arena_strdup(arena, m->invoice_ids[i]);
	copy.attempt_id = arena_strdup(arena, m->attempt_id);
	copy.provider = arena_strdup(arena, m->provider);
	copy.to = (struct party){ arena_strdup(arena, m->to.name), arena_strdup(arena, m->to.email),
		arena_strdup(arena, m->to.phone), arena_strdup(arena, m->to.reply_to) };
	copy.debtor_id = arena_strdup(arena, m->debtor_id);
	copy.step = arena_strdup(arena, m->step);
	copy.policy = arena_strdup(arena, m->policy);
	copy.invoice_ids = ids;
	copy.locale = copy.subject = copy.text = copy.html = NULL; /* in the digest; the provider only compares */
	copy.from = (struct party){ 0 };
	return copy;
}

static void digest_message(const struct message *m, uint8_t ret[SHA256_SIZE])
{
	CLEANUP(buf_clear) struct buf buf = { 0 };
	struct json_writer w = jw_init(&buf);

	message_write(&w, NULL, m);
	sha256(buf.data, buf.len, ret);
}

static struct request *request_new(void *self, const struct message *message, void *arg)
{
	struct host *host = self;
	struct arena *arena = arena_create();
	struct request *r = arena_alloc(arena, sizeof(*r));

	*r = (struct request){ .host = host, .sim = host->sim, .life = host->life, .arena = arena, .refs = 1,
		.message = copy_message(arena, message), .arg = arg };
	snprintf(r->account, sizeof(r->account), "%s", host->account);
	digest_message(message, r->digest);
	return r;
}

/* --- answers ------------------------------------------------------------------------------------------------------------ */

static struct pace_time pace_now(const struct sim *sim)
{
	return (struct pace_time){ sim_wall(sim) * 1000, sim_wall(sim) };
}

static void give(void *arg)
{
	struct request *r = arg;
	struct pace_time now = pace_now(r->sim);

	if (r->begun)
		(void)pace_end(r->pace, &now, &r->outcome, (r->sim->mono - r->begun_at) * 1000);
	traffic_ended(r->host, &r->message, &r->outcome, r->begun);
	r->done(&r->outcome, r->arg);
	unref(r);
}

static void answer(struct request *r, enum outcome_kind kind, const char *reason, int64_t delay)
{
	if (r->answered)
		return;
	r->answered = true;
	r->outcome.kind = kind;
	r->outcome.reason = reason;
	r->refs++;
	sim_note(r->sim, "provider: %s: %s, %s", r->message.attempt_id, outcome_names[kind], reason);
	sim_after(r->sim, r->life, delay, true, give, drop, r);
}

static void timed_out(void *arg)
{
	struct request *r = arg;

	answer(r, OUTCOME_IN_DOUBT, "timeout", 0);
	unref(r);
}

/* --- the provider --------------------------------------------------------------------------------------------------------- */

static struct taken *find_taken(const struct request *r)
{
	struct provider *provider = r->sim->provider;

	for (size_t i = 0; i < provider->count; i++) {
		struct taken *taken = &provider->log[i];

		if (strcmp(taken->attempt, r->message.attempt_id) == 0 && strcmp(taken->provider, r->message.provider) == 0 &&
			strcmp(taken->account, r->account) == 0)
			return taken;
	}
	return NULL;
}

static struct taken *take(struct request *r)
{
	struct sim *sim = r->sim;
	struct provider *provider = sim->provider;
	struct taken *known = sim->weather.idempotent ? find_taken(r) : NULL;
	struct taken *taken;

	judge_accepted(sim->judge, r->host, &r->message, known != NULL);
	if (sim->double_send)
		judge_accepted(sim->judge, r->host, &r->message, false);
	receipts_tell(sim, &r->message);
	sim_note(sim, "provider: takes %s for %s, step %s%s", r->message.attempt_id, r->message.debtor_id, r->message.step,
		known ? " (again)" : "");
	if (known)
		return known;
	xgrow(&provider->log, &provider->capacity, provider->count + 1, sizeof(*provider->log));
	taken = &provider->log[provider->count++];
	*taken = (struct taken){ .visible_at = sim_wall(sim) + rng_range(&sim->net, 0, VISIBLE_MAX) };
	snprintf(taken->attempt, sizeof(taken->attempt), "%s", r->message.attempt_id);
	snprintf(taken->provider, sizeof(taken->provider), "%s", r->message.provider);
	snprintf(taken->id, sizeof(taken->id), "msg_%llu", (unsigned long long)++provider->next);
	snprintf(taken->account, sizeof(taken->account), "%s", r->account);
	memcpy(taken->digest, r->digest, SHA256_SIZE);
	return taken;
}

static void arrive(void *arg)
{
	struct request *r = arg;
	struct sim *sim = r->sim;
	int64_t back = rng_range(&sim->net, 5, 300);

	if (!sim->calm && rng_chance(&sim->faults, sim->weather.slow_request))
		back += rng_range(&sim->net, 1000, 15000);
	if (r->plan != PLAN_LOSE_REQUEST)
		judge_contacted(sim->judge, &r->message, r->digest);
	switch (r->plan) {
	case PLAN_ACCEPT:
		r->outcome.status = 202;
		r->outcome.provider_id = arena_strdup(r->arena, take(r)->id);
		answer(r, OUTCOME_ACCEPTED, "accepted", back);
		break;
	case PLAN_NO_ID:
		r->outcome.status = 200;
		take(r);
		answer(r, OUTCOME_IN_DOUBT, "no_id", back);
		break;
	case PLAN_ERROR_TAKEN:
		take(r);
		/* fall through */
	case PLAN_ERROR_NOT_TAKEN:
		r->outcome.status = 502;
		answer(r, OUTCOME_IN_DOUBT, "server_error", back);
		break;
	case PLAN_LOSE_ANSWER:
		take(r);
		break;
	case PLAN_LOSE_REQUEST:
		break;
	case PLAN_THROTTLE:
		r->outcome.status = 429;
		r->outcome.retry_after_ms = rng_range(&sim->faults, 0, 1) ? 0 : rng_range(&sim->faults, 1000, 600000);
		judge_not_sent(sim->judge, &r->message);
		answer(r, OUTCOME_THROTTLED, "throttled", back);
		break;
	case PLAN_REFUSE:
	case PLAN_REFUSE_RECIPIENT:
		r->outcome.status = 422;
		r->outcome.scope = r->plan == PLAN_REFUSE ? SCOPE_MESSAGE : SCOPE_RECIPIENT;
		judge_not_sent(sim->judge, &r->message);
		answer(r, OUTCOME_REFUSED, r->plan == PLAN_REFUSE ? "rejected" : "bad_address", back);
		break;
	}
	if (r->plan == PLAN_ACCEPT || r->plan == PLAN_LOSE_ANSWER)
		world_moment(r->host, MOMENT_ACCEPTED, &r->message);
	unref(r);
}

static enum plan choose(struct sim *sim)
{
	const struct weather *w = &sim->weather;

	if (sim->calm)
		return PLAN_ACCEPT;
	if (rng_chance(&sim->faults, w->doubt))
		return rng_chance(&sim->faults, 500000) ? PLAN_LOSE_ANSWER : PLAN_LOSE_REQUEST;
	if (rng_chance(&sim->faults, w->server_error))
		return rng_chance(&sim->faults, 500000) ? PLAN_ERROR_TAKEN : PLAN_ERROR_NOT_TAKEN;
	if (rng_chance(&sim->faults, w->throttle))
		return PLAN_THROTTLE;
	if (rng_chance(&sim->faults, w->refuse))
		return rng_chance(&sim->faults, 900000) ? PLAN_REFUSE : PLAN_REFUSE_RECIPIENT;
	if (rng_chance(&sim->faults, w->no_id))
		return PLAN_NO_ID;
	return PLAN_ACCEPT;
}

/* --- the port ---------------------------------------------------------------------------------------------------------------- */

static void connected(void *arg)
{
	struct request *r = arg;
	struct sim *sim = r->sim;
	bool silent = false, out = traffic_out(r->host, &r->message, &silent);

	if ((out && !silent) || (!sim->calm && !r->waited_for && rng_chance(&sim->faults, sim->weather.refuse_connect))) {
		answer(r, OUTCOME_TEMPORARY, "no_connection", 0);
		unref(r);
		return;
	}
	if (!r->may_start(r->arg)) {
		answer(r, OUTCOME_CANCELLED, "not_started", 0);
		unref(r);
		return;
	}
	r->plan = out ? PLAN_LOSE_REQUEST : choose(sim);
	judge_first_byte(sim->judge, r->host, &r->message, r->digest);
	world_moment(r->host, MOMENT_FIRST_BYTE, &r->message);
	r->refs++;
	sim_after(sim, r->life, REQUEST_TIMEOUT, true, timed_out, drop, r);
	sim_after(sim, NULL, rng_range(&sim->net, 1, 80), true, arrive, drop, r); /* whoever lives then */
}

static void begin(struct request *r)
{
	struct sim *sim = r->sim;
	int64_t delay = rng_range(&sim->net, 1, 120);

	traffic_begun(r->host, &r->message);
	if (!sim->calm && rng_chance(&sim->net, 30000))
		delay += rng_range(&sim->net, 1000, 6000); /* a slow name server */
	sim_note(sim, "transport: %s connects to %s for %s", r->host->name, r->message.provider, r->message.attempt_id);
	world_moment(r->host, MOMENT_CONNECT, &r->message);
	r->waited_for = sim->slow_connect > 0;
	delay += sim->slow_connect;
	sim->slow_connect = 0;
	sim_after(sim, r->life, delay, true, connected, drop, r);
}

/* As daemon/http_client does: it waits for its turn, and is turned away when the provider is not to be asked at all. */
static void wait_turn(void *arg)
{
	struct request *r = arg;
	struct pace_time now = pace_now(r->sim);
	struct pace_verdict verdict = pace_start(r->pace, &now, true);
	int64_t wait = (verdict.wait_us + 999) / 1000;

	switch (verdict.why) {
	case PACE_GO:
		r->pace->queued--;
		r->begun = true;
		r->begun_at = r->sim->mono;
		begin(r);
		return;
	case PACE_RATE:
		traffic_waited(r->host, &r->message, r->waited += wait);
		/* fall through */
	case PACE_CONCURRENCY:
		sim_after(r->sim, r->life, wait > 20 ? wait : 20, true, wait_turn, drop, r);
		return;
	case PACE_RETRY_AFTER:
		r->pace->queued--;
		r->outcome.retry_after_ms = wait;
		answer(r, OUTCOME_THROTTLED, pace_why_names[verdict.why], 0);
		break;
	default:
		r->pace->queued--;
		answer(r, OUTCOME_TEMPORARY, pace_why_names[verdict.why], 0);
		break;
	}
	unref(r);
}

static void port_start(void *self, const struct message *message, transport_may_start_fn may_start, transport_done_fn done,
	void *arg)
{
	struct host *host = self;
	struct request *r;

	if (world_gone(host))
		return;
	r = request_new(self, message, arg);
	r->may_start = may_start;
	r->done = done;
	r->pace = paces_find(host->paces, message->provider);
	r->pace->queued++;
	sim_after(r->sim, r->life, 0, true, wait_turn, drop, r);
}

static void give_lookup(void *arg)
{
	struct request *r = arg;

	r->looked_up(r->found, r->outcome.provider_id, r->arg);
	unref(r);
}

static void look_up(void *arg)
{
	struct request *r = arg;
	struct sim *sim = r->sim;
	struct taken *taken = find_taken(r);

	r->found = LOOKUP_MISSED;
	if (!sim->calm && rng_chance(&sim->faults, sim->weather.lookup_fails)) {
		r->found = LOOKUP_FAILED;
	} else if (taken && taken->visible_at <= sim_wall(sim)) {
		r->found = LOOKUP_FOUND;
		r->outcome.provider_id = arena_strdup(r->arena, taken->id);
	}
	sim_note(sim, "provider: look-up of %s: %d", r->message.attempt_id, (int)r->found);
	sim_after(sim, r->life, rng_range(&sim->net, 5, 200), true, give_lookup, drop, r);
}

static void port_lookup(void *self, const struct message *message, int64_t sent_at, transport_lookup_fn done, void *arg)
{
	struct request *r;

	(void)sent_at;
	if (world_gone(self))
		return;
	r = request_new(self, message, arg);
	r->looked_up = done;
	sim_after(r->sim, r->life, rng_range(&r->sim->net, 5, 200), true, look_up, drop, r);
}

void transport_plug(struct host *host)
{
	host->paces = paces_create(host->config);
	paces_use(host->paces, host->sim->library);
	host->transport = (struct transport_port){ .self = host, .start = port_start, .lookup = port_lookup };
}

void transport_unplug(struct host *host)
{
	paces_free(host->paces);
	host->paces = NULL;
}

struct provider *provider_create(struct sim *sim)
{
	struct provider *provider = xcalloc(1, sizeof(*provider));

	provider->sim = sim;
	return provider;
}

void provider_destroy(struct provider *provider)
{
	if (!provider)
		return;
	free(provider->log);
	free(provider);
}
