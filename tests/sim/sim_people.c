/*
 * Who else speaks to the daemon: the ledger that says how far payments are complete, and the people who hold and resume, answer
 * tasks and decide. They see what the trail tells, and answer late, or not at all.
 */
#include <stdio.h>
#include <string.h>

#include "tests/sim/sim_book.h"
#include "tests/sim/sim_judge.h"

#define OPERATOR "dunning:{0}:events:operator"
#define PROMPT 600000 /* per million: who answers a task within a day */

static const char *command(struct sim *sim, int64_t at, const char *word, const char *target, const char *more)
{
	struct book *book = sim->book;
	char when[UTC_TEXT_SIZE];

	return arena_printf(book->arena,
		"{\"specversion\":\"1.0\",\"id\":\"op-%llu\",\"source\":\"https://desk.example\",\"type\":\"operator.command\",\"time\":\"%s\","
		"\"data\":{\"command\":\"%s\"%s%s%s,\"who\":\"anna\",\"why\":\"sim\"%s}}",
		(unsigned long long)++book->next_event, utc_format(at, when), word, target ? ",\"target\":\"" : "", target ? target : "",
		target ? "\"" : "", more);
}

void people_say(struct sim *sim, int64_t at, const char *word, const char *target, const char *more)
{
	book_tell(sim, OPERATOR, at, command(sim, at, word, target, more));
}

static const char *until(struct sim *sim, int64_t at)
{
	char when[UTC_TEXT_SIZE];

	return arena_printf(sim->book->arena, ",\"until\":\"%s\"", utc_format(at, when));
}

/* --- the ledger --------------------------------------------------------------------------------------------------------------- */

static void schedule_feed(struct sim *sim)
{
	int64_t at = sim->begin + rng_range(&sim->world, HOUR_MS, 5 * DAY_MS);
	char when[UTC_TEXT_SIZE];

	while (at < sim->end) {
		book_tell(sim, "dunning:{0}:events:bank", at, arena_printf(sim->book->arena,
			"{\"specversion\":\"1.0\",\"id\":\"wm-%llu\",\"source\":\"https://bank.example\",\"type\":\"ledger.watermark\","
			"\"time\":\"%s\",\"data\":{\"complete_until\":\"%s\"}}", (unsigned long long)++sim->book->next_event,
			utc_format(at, when), when));
		at += rng_range(&sim->world, 6 * HOUR_MS, 20 * HOUR_MS);
		if (at < sim->calm_at - 2 * DAY_MS && rng_chance(&sim->world, 60000)) /* it fails for days */
			at += rng_range(&sim->world, DAY_MS, 5 * DAY_MS);
	}
}

/* --- what nobody can read ------------------------------------------------------------------------------------------------------- */

/* The process dies whenever it takes this entry: at its decision, or already at its parsing. See store_poison(). */
static void schedule_poison(struct sim *sim)
{
	int64_t at = rng_range(&sim->world, sim->begin + DAY_MS, sim->calm_at - 3 * DAY_MS);
	char when[UTC_TEXT_SIZE];

	if (rng_chance(&sim->world, 500000)) /* found at a start after a clean stop: nothing says then that care is needed */
		world_close(sim, at - MINUTE_MS, at + MINUTE_MS);
	book_tell(sim, "dunning:{0}:events:billing", at, arena_printf(sim->book->arena,
		"{\"specversion\":\"1.0\",\"id\":\"poison\",\"source\":\"https://billing.example/sim\",\"type\":\"invoice.finalized\","
		"\"time\":\"%s\",\"data\":{\"invoice\":{\"id\":\"" POISON_INVOICE "\",\"number\":\"x\",\"version\":1,\"status\":\"open\","
		"\"issued_on\":\"2026-01-01\",\"due_on\":\"2026-02-01\",\"currency\":\"EUR\",\"total_minor\":100,\"due_minor\":100},"
		"\"customer\":{\"id\":\"cus_poison\",\"name\":\"P\",\"contacts\":[{\"id\":\"c1\",\"email\":\"p@p.example\"}]}}}",
		utc_format(at, when)));
}

/* --- commands ------------------------------------------------------------------------------------------------------------------- */

static void schedule_commands(struct sim *sim)
{
	int64_t last = sim->calm_at - 3 * DAY_MS;
	struct rng *rng = &sim->world;

	for (int n = 0; n < 14; n++) {
		const char *invoice = sim->book->invoices[rng_range(rng, 0, (int64_t)sim->book->invoice_count - 1)].id;
		int64_t at = rng_range(rng, sim->begin + DAY_MS, last), end = at + rng_range(rng, HOUR_MS, 6 * DAY_MS);

		switch (rng_range(rng, 0, 5)) {
		case 0:
			people_say(sim, at, "hold", invoice, until(sim, end));
			break;
		case 1:
			people_say(sim, at, "hold", invoice, until(sim, end + 5 * DAY_MS));
			people_say(sim, end, "resume", invoice, "");
			break;
		case 2:
			people_say(sim, at, "skip", invoice, "");
			break;
		case 3:
			people_say(sim, at, "retry", invoice, "");
			break;
		case 4:
			people_say(sim, at, "suspend", NULL, rng_chance(rng, 500000) ? until(sim, end) : "");
			people_say(sim, end, "release", NULL, "");
			break;
		default:
			people_say(sim, at, "hold", invoice, "");
			people_say(sim, end, "resume", invoice, "");
			break;
		}
	}
}

/* A case goes to others wherever it stands, threatened or not, and half of them give it back: then the ladder goes on. */
static void schedule_handovers(struct sim *sim)
{
	static const char *const to[] = { ",\"to\":\"lawyer\"", ",\"to\":\"agency\"", ",\"to\":\"court\"" };
	int64_t last = sim->calm_at - 3 * DAY_MS;
	struct rng rng;

	rng_seed(&rng, sim->seed, "handovers");
	for (int64_t n = rng_range(&rng, 0, 4); n > 0; n--) {
		const char *invoice = sim->book->invoices[rng_range(&rng, 0, (int64_t)sim->book->invoice_count - 1)].id;
		int64_t at = rng_range(&rng, sim->begin + DAY_MS, last), end = at + rng_range(&rng, HOUR_MS, 20 * DAY_MS);

		people_say(sim, at, "handover", invoice, to[rng_range(&rng, 0, 2)]);
		if (end < last && rng_chance(&rng, 500000))
			people_say(sim, end, "handover_result", invoice, rng_chance(&rng, 800000) ? ",\"result\":\"returned\"" : ",\"result\":\"kept\"");
	}
}

/* Debtors ring by themselves, and ask to be called at another hour; or somebody else answers. */
static void schedule_rings(struct sim *sim)
{
	int64_t last = sim->calm_at - 20 * DAY_MS;
	char when[UTC_TEXT_SIZE];
	struct rng rng;

	rng_seed(&rng, sim->seed, "rings");
	for (int64_t n = last > sim->begin + DAY_MS ? rng_range(&rng, 0, 6) : 0; n > 0; n--) {
		const char *invoice = sim->book->invoices[rng_range(&rng, 0, (int64_t)sim->book->invoice_count - 1)].id;
		int64_t at = rng_range(&rng, sim->begin + DAY_MS, last);

		if (rng_chance(&rng, 300000)) {
			people_say(sim, at, "call_log", invoice, ",\"outcome\":\"wrong_contact\"");
			continue;
		}
		people_say(sim, at, "call_log", invoice, arena_printf(sim->book->arena, ",\"outcome\":\"call_back_at\",\"back_at\":\"%s\"",
			utc_format(at + rng_range(&rng, DAY_MS, 6 * DAY_MS), when)));
	}
}

/* A telephone system that reaches the wrong ones again and again; mostly somebody mends it sooner than the next message is due. */
static void schedule_wrong_numbers(struct sim *sim)
{
	int64_t last = sim->calm_at - 20 * DAY_MS;
	struct rng rng;

	rng_seed(&rng, sim->seed, "wrong numbers");
	if (last <= sim->begin + DAY_MS || !rng_chance(&rng, 300000))
		return;
	for (int64_t n = rng_range(&rng, 4, 16); n > 0; n--)
		people_say(sim, rng_range(&rng, sim->begin + DAY_MS, last), "call_log",
			sim->book->invoices[rng_range(&rng, 0, (int64_t)sim->book->invoice_count - 1)].id, ",\"outcome\":\"wrong_contact\"");
}

void people_schedule(struct sim *sim)
{
	if (sim->weather.feed)
		schedule_feed(sim);
	if (sim->weather.poison)
		schedule_poison(sim);
	if (sim->weather.people) {
		schedule_commands(sim);
		schedule_handovers(sim);
		schedule_rings(sim);
		schedule_wrong_numbers(sim);
	}
}

/* --- tasks ---------------------------------------------------------------------------------------------------------------------- */

struct answer {
	struct sim *sim;
	const char *word, *target, *more;
	const char *attempt; /* unknown: what became of it is looked up when the answer is given */
};

static void speak(void *arg)
{
	struct answer *a = arg;
	struct sim *sim = a->sim;
	const char *more = a->more;

	if (a->attempt) {
		const struct known_attempt *known = judge_attempt(sim->judge, a->attempt);

		if (!known->unknown || known->outcome_wall + HOUR_MS > sim_wall(sim))
			return;
		more = known->accepted ? ",\"decision\":\"sent\"" : ",\"decision\":\"not_sent\"";
	}
	people_say(sim, sim_wall(sim), a->word, a->target, more);
}

static void answer(struct sim *sim, const char *word, const char *target, const char *more, const char *attempt)
{
	struct arena *arena = sim->book->arena;
	struct answer *a = arena_alloc(arena, sizeof(*a));
	int64_t after = rng_chance(&sim->faults, PROMPT) ? rng_range(&sim->faults, MINUTE_MS, DAY_MS) :
							    rng_range(&sim->faults, DAY_MS, 8 * DAY_MS);

	*a = (struct answer){ sim, word, arena_strdup(arena, target), more, arena_strdup(arena, attempt) };
	sim_at_wall(sim, sim_wall(sim) + after + (attempt ? 2 * HOUR_MS : 0), speak, NULL, a);
}

/* What holds the ladder for days is said early enough for the judge to see it go on. */
static const char *call_outcome(struct sim *sim)
{
	static const char *const short_ones[] = { "voicemail", "unreachable" };
	static const char *const long_ones[] = { "waiting_approval", "in_payment", "paid", "refuses", "wrong_contact" };
	bool late = sim_wall(sim) > sim->calm_at - 20 * DAY_MS;
	struct rng *rng = &sim->faults;
	char day[DATE_TEXT_SIZE], when[UTC_TEXT_SIZE];

	if (late || rng_chance(rng, 200000))
		return arena_printf(sim->book->arena, ",\"outcome\":\"%s\"", short_ones[rng_range(rng, 0, 1)]);
	if (rng_chance(rng, 300000))
		return arena_printf(sim->book->arena, ",\"outcome\":\"promise\",\"until_on\":\"%s\"",
			date_format((date){ (int32_t)(sim_wall(sim) / DAY_MS) + (int32_t)rng_range(rng, 8, 14) }, day));
	if (rng_chance(rng, 200000))
		return arena_printf(sim->book->arena, ",\"outcome\":\"call_back_at\",\"back_at\":\"%s\"",
			utc_format(sim_wall(sim) + rng_range(rng, DAY_MS, 9 * DAY_MS), when));
	return arena_printf(sim->book->arena, ",\"outcome\":\"%s\",\"tell\":\"As said.\"", long_ones[rng_range(rng, 0, 4)]);
}

void people_task(struct sim *sim, const char *kind, const char *task, const char *invoice)
{
	if (sim->mode != MODE_LIFE || !rng_chance(&sim->faults, 750000))
		return; /* nobody looks */
	if (strcmp(kind, "post") == 0 || strcmp(kind, "find_payment") == 0 || strcmp(kind, "fix_contact") == 0)
		answer(sim, "task_done", task, "", NULL);
	else if (strcmp(kind, "call") == 0)
		answer(sim, "call_log", task, call_outcome(sim), NULL);
	else if (strcmp(kind, "call_back") == 0)
		answer(sim, "call_log", invoice, call_outcome(sim), NULL);
	else if (strcmp(kind, "commitment") == 0 && rng_chance(&sim->faults, 500000))
		answer(sim, "commitment_withdraw", invoice, "", NULL);
	else if (strcmp(kind, "commitment") == 0)
		answer(sim, "handover", invoice, ",\"to\":\"lawyer\"", NULL);
	else if (strcmp(kind, "decision") == 0 && strcmp(task + strlen(task) - 5, ":give") != 0) /* that one is answered as a commitment */
		answer(sim, "decide", invoice, sim->weather.offers && rng_chance(&sim->offers, 300000) ? ",\"decision\":\"settle\"" :
			rng_chance(&sim->faults, 800000) ? ",\"decision\":\"continue\"" : ",\"decision\":\"stop\"", NULL);
	else if (strcmp(kind, "unknown_attempt") == 0 && invoice)
		answer(sim, "decide", invoice, "", strchr(task, ':') + 1);
}
