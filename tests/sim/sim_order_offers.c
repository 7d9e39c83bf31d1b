/*
 * What follows an offer, in any order: an invoice of which less and instalments were offered, and money, words and figures about it, told to the rules
 * as they happened, and in random order, doubled, at other times. What is known in the end must be the same, and what the judge makes of the events.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/escalation_internal.h"
#include "common/zone.h"
#include "tests/sim/sim_judge.h"
#include "tests/support/facts.h"

#define INVOICE "inv_1"
#define DEBTOR "cus_1"
#define DAYS 24 /* in which things happen */
#define TOLD_MAX 16
#define OPENED (20557 * DAY_MS) /* 2026-04-14, a Tuesday */

struct word {
	int64_t time;
	const char *text;
	bool refused; /* it accepts what was not offered, or no longer */
};

struct history {
	struct arena *arena;
	struct rng rng;
	struct word words[TOLD_MAX];
	size_t count;
	int64_t total, paid, credited, version;
	int ids;
	bool alone, plain; /* figures tell of some money alone; nothing has a version */
	bool strange; /* the judge does not read such histories: only the end must be the same */
	struct made_offer offers[3];
	size_t offer_count;
	struct policy *policy;
	const struct zone *zone;
};

static const char policy_text[] = "{\"name\":\"p\",\"plan\":{\"grace\":\"3d\",\"broken\":\"last\"},\"promise\":{\"broken\":\"last\"},\"steps\":["
	"{\"id\":\"less\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"t\",\"tone\":\"neutral\"},"
	"{\"id\":\"last\",\"at\":\"due+60d\",\"channel\":\"email\",\"template\":\"t\",\"tone\":\"firm\"}]}";

__attribute__((format(printf, 4, 5)))
static void say(struct history *h, int64_t time, const char *type, const char *format, ...)
{
	char data[900], when[UTC_TEXT_SIZE];
	va_list args;

	if (h->count == TOLD_MAX)
		return;
	va_start(args, format);
	vsnprintf(data, sizeof(data), format, args);
	va_end(args);
	h->words[h->count] = (struct word){ .time = time, .text = arena_printf(h->arena,
		"{\"specversion\":\"1.0\",\"id\":\"e%zu\",\"source\":\"https://billing.example\",\"type\":\"%s\",\"time\":\"%s\",\"data\":{%s}}", h->count, type,
		utc_format(time, when), data) };
	h->count++;
}

static void figures(struct history *h, int64_t time, bool first)
{
	say(h, time, first ? "invoice.finalized" : "invoice.updated",
		"\"invoice\":{\"id\":\"" INVOICE "\",\"number\":\"1\",%s\"status\":\"open\",\"issued_on\":\"2026-03-01\",\"due_on\":\"2026-04-01\","
		"\"currency\":\"EUR\",\"total_minor\":%lld,\"paid_minor\":%lld,\"credited_minor\":%lld,\"due_minor\":%lld},\"customer\":{\"id\":\"" DEBTOR "\","
		"\"name\":\"D\",\"country\":\"FR\",\"locale\":\"fr-FR\",\"timezone\":\"Europe/Paris\",\"contacts\":[{\"id\":\"c1\",\"email\":\"a@d.example\"}]}",
		h->plain ? "" : arena_printf(h->arena, "\"version\":%lld,", (long long)h->version), (long long)h->total, (long long)h->paid, (long long)h->credited, (long long)(h->total - h->paid - h->credited));
}

static void money(struct history *h, int64_t time, bool credit, int64_t amount)
{
	int64_t open = h->total - h->paid - h->credited;
	char when[UTC_TEXT_SIZE];

	amount = amount > open ? open : amount;
	if (amount <= 0)
		return;
	if (h->alone && rng_chance(&h->rng, 500000)) {
		*(credit ? &h->credited : &h->paid) += amount;
		h->version++;
		figures(h, time, false);
		return;
	}
	say(h, time, credit ? "credit_note.issued" : "invoice.payment_received",
		"\"invoice_id\":\"" INVOICE "\",\"%s\":\"m%d\",\"amount_minor\":%lld,%s\"paid_at\":\"%s\"", credit ? "credit_note_id" : "payment_id",
		++h->ids, (long long)amount, h->plain ? "" : arena_printf(h->arena, "\"after_version\":%lld,", (long long)h->version), utc_format(rng_chance(&h->rng, 300000) ? time - rng_range(&h->rng, 0, 3 * DAY_MS) : time, when));
	*(credit ? &h->credited : &h->paid) += amount;
	h->version++;
	if (rng_chance(&h->rng, 400000))
		figures(h, time + 1, false);
	if (credit || !rng_chance(&h->rng, 300000))
		return;
	time += rng_range(&h->rng, HOUR_MS, 9 * DAY_MS);
	say(h, time, "invoice.payment_reversed", "\"invoice_id\":\"" INVOICE "\",\"payment_id\":\"m%d\",\"amount_minor\":%lld", h->ids, (long long)amount);
	h->paid -= amount;
	h->version++;
	figures(h, time + 1, false);
}

static int64_t any_sum(struct history *h)
{
	const struct made_offer *offer = &h->offers[rng_range(&h->rng, 0, (int64_t)h->offer_count - 1)];
	int64_t sums[] = { offer->settles_at, offer->settles_at, offer->settles_at - 1, offer->settles_at / 2, h->total, h->total - offer->settles_at, 1 };

	return sums[rng_range(&h->rng, 0, (int64_t)ARRAY_LEN(sums) - 1)];
}

/* One thing that happens; gives when the next one may. */
static int64_t happens(struct history *h, int64_t time)
{
	struct rng *rng = &h->rng;
	const struct made_offer *offer = &h->offers[rng_range(rng, 0, (int64_t)h->offer_count - 1)];
	size_t before = h->count;
	int64_t sum = any_sum(h);
	char day[DATE_TEXT_SIZE];
	date until = date_add_days(zone_date(h->zone, time), (int32_t)rng_range(rng, 0, 12));

	switch (rng_range(rng, 0, h->strange ? 11 : 9)) {
	default:
		money(h, time, false, sum);
		break;
	case 0:
		money(h, time, true, sum);
		break;
	case 1:
		say(h, time, "settlement.agreed", "\"invoice_id\":\"" INVOICE "\",\"settlement_id\":\"s%d\",\"amount_minor\":%lld,\"until_on\":\"%s\"", ++h->ids,
			(long long)(sum > 0 ? sum : 1), date_format(until, day));
		break;
	case 2:
		say(h, time, "settlement.agreed", "\"invoice_id\":\"" INVOICE "\",\"settlement_id\":\"s%d\",\"offer\":\"%s\"", ++h->ids, offer->code);
		break;
	case 3:
		say(h, time, "payment_plan.agreed", "\"invoice_id\":\"" INVOICE "\",\"plan_id\":\"p%d\",\"instalments\":[{\"due_on\":\"%s\",\"amount_minor\":%lld}]",
			++h->ids, date_format(until, day), (long long)h->total);
		if (rng_chance(rng, 300000))
			say(h, time + rng_range(rng, HOUR_MS, 8 * DAY_MS), "payment_plan.cancelled", "\"invoice_id\":\"" INVOICE "\",\"plan_id\":\"p%d\"", h->ids);
		break;
	case 10: /* the same terms, or others, on the page */
		if (offer->instalment_count)
			say(h, time, "payment_plan.agreed", "\"invoice_id\":\"" INVOICE "\",\"plan_id\":\"p%d\",\"offer\":\"%s\"", ++h->ids, offer->code);
		else
			say(h, time, "settlement.agreed", "\"invoice_id\":\"" INVOICE "\",\"settlement_id\":\"s%d\",\"offer\":\"%s\",\"amount_minor\":%lld,"
				"\"until_on\":\"%s\"", ++h->ids, offer->code, (long long)(offer->settles_at - rng_chance(rng, 200000)), date_format(offer->until, day));
		break;
	case 11:
		say(h, time, rng_chance(rng, 500000) ? "invoice.paid" : rng_chance(rng, 500000) ? "invoice.voided" : "invoice.marked_uncollectible",
			"\"invoice_id\":\"" INVOICE "\"");
		break;
	case 4:
		say(h, time, "dispute.opened", "\"invoice_id\":\"" INVOICE "\",\"dispute_id\":\"d%d\"", ++h->ids);
		say(h, time + rng_range(rng, HOUR_MS, 8 * DAY_MS), "dispute.resolved", "\"invoice_id\":\"" INVOICE "\",\"dispute_id\":\"d%d\"", h->ids);
		break;
	}
	for (size_t i = before; i < h->count; i++) /* figures are those of their time: what comes next comes after */
		time = h->words[i].time > time ? h->words[i].time : time;
	return time + rng_range(rng, HOUR_MS, 6 * DAY_MS);
}

static void make_offers(struct history *h)
{
	struct rng *rng = &h->rng;
	static const char *const codes[] = { "less", "least", "other" };
	static const struct instalment parts[] = { { { 20570 }, 50000 }, { { 20580 }, 50000 } };

	h->offer_count = (size_t)rng_range(rng, 1, (int64_t)ARRAY_LEN(h->offers));
	for (size_t i = 0; i < h->offer_count; i++) {
		int64_t made_at = OPENED + rng_range(rng, 0, 10) * DAY_MS + HOUR_MS;

		h->offers[i] = (struct made_offer){ .code = codes[i], .approver = "Ada", .attempt = "a", .made_at = made_at,
			.until = date_add_days(zone_date(h->zone, made_at), (int32_t)rng_range(rng, 1, 12)), .amount = h->total * rng_range(rng, 20, 95) / 100 };
		h->offers[i].settles_at = h->offers[i].amount;
		if (!h->strange || i < 2)
			continue;
		h->offers[i].amount = h->offers[i].settles_at = 0;
		h->offers[i].instalments = parts;
		h->offers[i].instalment_count = ARRAY_LEN(parts);
	}
}

static int by_time(const void *a, const void *b)
{
	const struct word *x = a, *y = b;

	return x->time != y->time ? (x->time < y->time ? -1 : 1) : strcmp(x->text, y->text);
}

static void make_history(struct history *h, uint64_t seed, struct arena *arena)
{
	struct err err = { 0 };
	int64_t time;

	*h = (struct history){ .arena = arena, .total = 100000, .version = 1 };
	rng_seed(&h->rng, seed, "what follows an offer");
	h->alone = rng_chance(&h->rng, 200000);
	h->plain = rng_chance(&h->rng, 200000);
	h->strange = h->alone || h->plain || rng_chance(&h->rng, 300000);
	if (zone_get("Europe/Paris", &h->zone) < 0 || policy_parse(policy_text, strlen(policy_text), &h->policy, &err) < 0)
		abort();
	make_offers(h);
	figures(h, OPENED, true);
	time = OPENED + rng_range(&h->rng, HOUR_MS, 12 * DAY_MS);
	while (time < OPENED + DAYS * DAY_MS && h->count < TOLD_MAX - 3)
		time = happens(h, time);
	qsort(h->words, h->count, sizeof(h->words[0]), by_time);
}

/* --- telling it -------------------------------------------------------------------------------------------------------------- */

struct teller {
	const struct history *h;
	struct escalation e;
	struct debtor debtor;
	struct rules rules;
	bool verbose;
};

static void look(struct teller *t, int64_t now)
{
	struct effects fx;

	t->rules.now = now;
	effects_init(&fx, t->h->arena, now);
	escalation_refresh(&t->e, &t->debtor, &t->rules, &fx);
}

static void tell(struct teller *t, struct word *word, int64_t now)
{
	struct event event;
	struct err err = { 0 };

	if (event_parse(t->h->arena, word->text, strlen(word->text), NULL, &event, &err) < 0) {
		fprintf(stderr, "sim: %s: %s %s\n", word->text, err.path, err.text);
		exit(2);
	}
	if (t->verbose)
		printf("	at %lld: %s\n", (long long)((now - OPENED) / HOUR_MS), word->text);
	word->refused = offer_take(&t->e, t->h->zone, &event, &err) < 0;
	if (word->refused)
		return; /* a dead letter: it counts nowhere */
	(void)debtor_apply(&t->debtor, &event, t->h->arena);
	(void)offers_figures(&t->e, &event);
	(void)invoice_apply(&t->e.invoice, &event, t->h->arena);
	look(t, now);
}

static void begin(struct teller *t, const struct history *h, bool verbose)
{
	*t = (struct teller){ .h = h, .verbose = verbose };
	t->rules = (struct rules){ .policy = h->policy, .creditor_zone = "Europe/Paris" };
	t->e = (struct escalation){ .invoice = { .id = INVOICE }, .offers = arena_memdup(h->arena, h->offers, sizeof(h->offers)), .offer_count = h->offer_count,
		.offer_capacity = h->offer_count };
	t->debtor = (struct debtor){ .id = DEBTOR };
}

/* What the judge makes of the same events. */
static bool judge_settled(struct sim *sim, const struct history *h, bool *paid)
{
	bool settled;

	sim->judge = judge_create(sim);
	sim->judge->groups = arena_grow(sim->judge->arena, NULL, 0, &sim->judge->group_capacity, sizeof(*sim->judge->groups));
	sim->judge->groups[sim->judge->group_count++] = (struct known_group){ .applied = true };
	for (size_t i = 0; i < h->offer_count; i++) {
		const struct made_offer *o = &h->offers[i];

		sim->judge->offers = arena_grow(sim->judge->arena, sim->judge->offers, sim->judge->offer_count, &sim->judge->offer_capacity,
			sizeof(*sim->judge->offers));
		sim->judge->offers[sim->judge->offer_count++] = (struct known_offer){ .invoice_id = INVOICE, .code = o->code, .attempt = "a", .until = o->until,
			.amount = o->amount, .settles_at = o->settles_at, .at = o->made_at, .group = 1 };
	}
	for (size_t i = 0; i < h->count; i++)
		if (!h->words[i].refused)
			judge_event_added(sim->judge, "", h->words[i].text, false);
	settled = settled_done(sim->judge, INVOICE, NEVER);
	*paid = facts_paid(sim->judge, INVOICE);
	judge_destroy(sim->judge);
	return settled;
}

bool order_offers_play(uint64_t seed, bool verbose, char *breach, size_t size)
{
	struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf first = { 0 };
	CLEANUP(buf_clear) struct buf second = { 0 };
	struct buf *facts[] = { &first, &second };
	struct sim sim = { .mono = 1 };
	struct history h;
	struct teller tellers[2];
	int64_t last = OPENED + 50 * DAY_MS, now = OPENED;
	bool same, paid = false, settled, closed;

	make_history(&h, seed, arena);
	for (int i = 0; i < 2; i++)
		begin(&tellers[i], &h, verbose);
	for (size_t i = 0; i < h.count; i++)
		tell(&tellers[0], &h.words[i], h.words[i].time);
	for (size_t i = h.count; i-- > 1;) { /* any order */
		size_t other = (size_t)rng_range(&h.rng, 0, (int64_t)i);
		struct word word = h.words[i];

		h.words[i] = h.words[other];
		h.words[other] = word;
	}
	if (verbose)
		printf("	and anyhow:\n");
	for (size_t i = 0; i < 2 * h.count; i++) {
		if (i >= h.count && rng_chance(&h.rng, 700000))
			continue; /* few are told twice */
		now += rng_range(&h.rng, 0, 4 * DAY_MS);
		tell(&tellers[1], &h.words[i % h.count], now);
	}
	for (int i = 0; i < 2; i++) {
		look(&tellers[i], last > now ? last : now);
		escalation_facts(facts[i], &tellers[i].e, arena);
	}
	same = strcmp(buf_str(&first), buf_str(&second)) == 0;
	settled = judge_settled(&sim, &h, &paid);
	closed = tellers[0].e.closed && strcmp(tellers[0].e.closed, "settled") == 0;
	if (!same)
		snprintf(breach, size, "5 order of arrival: what follows an offer: in order %.250s ... else %.250s", strstr(buf_str(&first), "\"facts\""),
			strstr(buf_str(&second), "\"facts\""));
	else if (!paid && !h.strange && settled != closed)
		snprintf(breach, size, "an offer that is paid settles: %s, and the judge says %s", tellers[0].e.closed ? tellers[0].e.closed : "open",
			settled ? "settled" : "not settled");
	if (verbose)
		printf("	in order: %s\n	anyhow:   %s\n	judge: %s\n", buf_str(&first), buf_str(&second), settled ? "settled" : "not settled");
	same = same && (paid || h.strange || settled == closed);
	policy_free(h.policy);
	arena_free(arena);
	return same;
}
