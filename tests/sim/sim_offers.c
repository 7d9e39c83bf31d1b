/*
 * What debtors make of what they are offered: they pay it or not, before its day, at its end or after; in part, twice; say so on their page, to a
 * person, or to their supplier, or say nothing; and some of the money goes back. Those who do are the ones who never pay otherwise, so that the ledger's
 * figures are right at every turn. Beside it what suppliers agree on by themselves, without any offer.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/keys.h"
#include "common/page.h"
#include "common/zone.h"
#include "tests/sim/sim_book.h"
#include "tests/sim/sim_judge.h"

#define STORY_LAST (12 * DAY_MS) /* before the calm: what is agreed later is not played */
#define ERASED_FROM (10 * DAY_MS) /* before the end: what is closed later is erased while its receipts still come */

enum turn { TURN_PAY, TURN_BACK, TURN_CREDIT, TURN_PAGE, TURN_DISPUTE, TURN_RESOLVE, TURN_PROMISE, TURN_ACCEPT };
struct act {
	struct sim *sim;
	struct sim_invoice *invoice;
	enum turn turn;
	int id;
	int64_t amount, at; /* at: of a payment, when it was made */
	int64_t booked; /* of a payment: so much of it */
	const struct act *of; /* BACK: the payment */
	const char *code; /* ACCEPT: the offer's */
	bool plan; /* that is one of instalments */
};

static const struct zone *zone_of(const struct sim_invoice *i)
{
	const struct zone *zone;

	if (zone_get(book_place_zone(i->debtor), &zone) < 0)
		abort();
	return zone;
}

static int64_t open_of(const struct sim_invoice *i)
{
	return i->total - i->paid - i->credited;
}

static int partition_of_debtor(const struct sim *sim, const char *debtor_id)
{
	return sim->weather.partitions == 1 ? 0 : (int)partition_of(debtor_id, (uint32_t)sim->weather.partitions);
}

/* --- what is said ----------------------------------------------------------------------------------------------------------------- */

__attribute__((format(printf, 4, 5)))
static void says(struct sim *sim, struct sim_invoice *i, const char *type, const char *format, ...)
{
	struct arena *arena = sim->book->arena;
	char data[300], when[UTC_TEXT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(data, sizeof(data), format, args);
	va_end(args);
	book_says(sim, i, arena_printf(arena, "{\"specversion\":\"1.0\",\"id\":\"deal-%llu\",\"source\":\"https://billing.example/sim\",\"type\":\"%s\","
		"\"time\":\"%s\",\"data\":{\"invoice_id\":\"%s\",\"customer_id\":\"%s\",%s}}", (unsigned long long)++sim->book->next_event, type,
		utc_format(sim_wall(sim), when), i->id, i->debtor->id, data));
}

static date day_after(const struct sim *sim, const struct sim_invoice *i, int32_t days)
{
	return date_add_days(zone_date(zone_of(i), sim_wall(sim)), days);
}

static void by_page(struct act *a);

static void act(void *arg)
{
	struct act *a = arg;
	struct sim_invoice *i = a->invoice;
	int64_t open = open_of(i), now = sim_wall(a->sim);
	char day[DATE_TEXT_SIZE];

	if (i->turned || now > a->sim->end - ERASED_FROM)
		return; /* it was paid or voided at the worst moment: that is another story */
	switch (a->turn) {
	case TURN_PAY:
	case TURN_CREDIT:
		a->booked = a->amount > open ? open : a->amount;
		if (a->booked > 0)
			book_money(a->sim, i, a->turn == TURN_CREDIT ? "credit_note.issued" : "invoice.payment_received", a->id, a->booked, a->at);
		break;
	case TURN_BACK:
		if (a->of->booked > 0)
			book_money(a->sim, i, "invoice.payment_reversed", a->id, a->of->booked, now);
		break;
	case TURN_PAGE:
		by_page(a);
		break;
	case TURN_DISPUTE:
		says(a->sim, i, "dispute.opened", "\"dispute_id\":\"deal-%d\"", a->id);
		break;
	case TURN_RESOLVE:
		says(a->sim, i, "dispute.resolved", "\"dispute_id\":\"deal-%d\"", a->id);
		break;
	case TURN_PROMISE:
		says(a->sim, i, "promise.made", "\"promise_id\":\"deal-%d\",\"until_on\":\"%s\"", a->id, date_format(day_after(a->sim, i, 4), day));
		break;
	case TURN_ACCEPT: /* their supplier says so, whom they told */
		says(a->sim, i, a->plan ? "payment_plan.agreed" : "settlement.agreed", "\"%s\":\"deal-%d\",\"offer\":\"%s\"",
			a->plan ? "plan_id" : "settlement_id", a->id, a->code);
		break;
	}
}

static struct act *later(struct sim *sim, struct sim_invoice *i, enum turn turn, int id, int64_t amount, int64_t at, int64_t told_at)
{
	struct act *a = arena_alloc(sim->book->arena, sizeof(*a));

	*a = (struct act){ .sim = sim, .invoice = i, .turn = turn, .id = id, .amount = amount, .at = at };
	sim_at_wall(sim, told_at > sim_wall(sim) ? told_at : sim_wall(sim), act, NULL, a);
	return a;
}

/* A payment that was made then; one in four is told a while after it. And some go back, mostly soon, and some of these come again. */
static int64_t pays(struct sim *sim, struct sim_invoice *i, int64_t amount, int64_t at)
{
	struct rng *rng = &sim->offers;
	int id = ++i->facts;
	int64_t told_at = at + (rng_chance(rng, 250000) ? rng_range(rng, HOUR_MS, 6 * DAY_MS) : 0);
	struct act *payment = later(sim, i, TURN_PAY, id, amount, at, told_at);

	if (!rng_chance(rng, 250000))
		return told_at;
	told_at += rng_range(rng, HOUR_MS, 15 * DAY_MS);
	later(sim, i, TURN_BACK, id, 0, told_at, told_at)->of = payment;
	if (rng_chance(rng, 300000))
		(void)later(sim, i, TURN_PAY, ++i->facts, amount, told_at + HOUR_MS, told_at + rng_range(rng, 2 * HOUR_MS, 4 * DAY_MS));
	return told_at;
}

/* So much is asked for until then, wherever the debtor is. */
static void settles(struct sim *sim, struct sim_invoice *i, int64_t amount, date until)
{
	struct rng *rng = &sim->offers;
	int64_t now = sim_wall(sim), end = zone_to_utc(zone_of(i), date_add_days(until, 1), 0), at = rng_range(rng, now + MINUTE_MS, end - 1), part, told;

	switch (rng_range(rng, 0, 9)) {
	case 0:
		return;
	case 1: /* at the very end */
		at = end - rng_range(rng, 1, HOUR_MS);
		break;
	case 2: /* too late */
		at = end + rng_range(rng, 2 * DAY_MS, 6 * DAY_MS);
		break;
	case 3: /* in two parts, the second perhaps too late */
		part = rng_range(rng, 1, amount);
		(void)pays(sim, i, part, at);
		(void)pays(sim, i, amount - part, rng_range(rng, at, end + (rng_chance(rng, 300000) ? 5 * DAY_MS : -1)));
		return;
	case 4: /* twice */
		(void)pays(sim, i, amount, at);
		break;
	case 5:
		amount--;
		break;
	case 6:
		amount++;
		break;
	case 7:
		amount = open_of(i);
		break;
	default:
		break;
	}
	told = pays(sim, i, amount, at);
	if (rng_chance(rng, 250000)) /* the rest is written off, or paid after all */
		(void)later(sim, i, rng_chance(rng, 700000) ? TURN_CREDIT : TURN_PAY, ++i->facts, i->total, told + DAY_MS, told + DAY_MS);
}

static void words_between(struct sim *sim, struct sim_invoice *i)
{
	struct rng *rng = &sim->offers;
	int64_t at = sim_wall(sim) + rng_range(rng, MINUTE_MS, 8 * DAY_MS);
	int id = ++i->facts;

	if (rng_chance(rng, 200000)) {
		(void)later(sim, i, TURN_DISPUTE, id, 0, at, at);
		(void)later(sim, i, TURN_RESOLVE, id, 0, at, at + rng_range(rng, HOUR_MS, 6 * DAY_MS));
	} else if (rng_chance(rng, 200000)) {
		(void)later(sim, i, TURN_PROMISE, id, 0, at, at);
	}
}

/* --- on their page ------------------------------------------------------------------------------------------------------------- */

/* As the page does: what stands in the store decides what can be accepted, and the event says it as it was shown. */
static void by_page(struct act *a)
{
	struct sim *sim = a->sim;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct page_said said = { .action = a->plan ? PAGE_PLAN : PAGE_SETTLEMENT, .on = date_none() };
	struct page_link link = { .channel = CHANNEL_EMAIL, .last_on = date_of(2040, 1, 1), .invoice_id = a->invoice->id };
	struct escalation e = { 0 };
	struct debtor debtor = { 0 };
	struct page_case c = { .config = sim->hosts[0].config, .e = &e, .debtor = &debtor, .policy = sim->policy, .link = &link, .link_text = "link",
		.now = sim_wall(sim) };
	struct page_limits limits;
	size_t len, debtor_len;
	int part = partition_of_debtor(sim, a->invoice->debtor->id);
	const char *stored = redis_get(sim->redis, arena_printf(arena, "dunning:{%d}:escalation:%s", part, a->invoice->id), &len);
	const char *known = redis_get(sim->redis, arena_printf(arena, "dunning:{%d}:debtor:%s", part, a->invoice->debtor->id), &debtor_len);

	if (!stored || !known || escalation_read(arena, stored, len, &e, NULL) < 0 || debtor_read(arena, known, debtor_len, &debtor, NULL) < 0 ||
		!page_allows(&c, said.action, &limits))
		return;
	said.offer = page_offer(&c, said.action, NULL);
	for (int f = 0; f < PAGE_FIELD_COUNT; f++)
		said.typed[f] = f == PAGE_NAME ? "Ada" : "";
	page_event(&c, &said, arena_printf(arena, "%s-%d", a->invoice->id, a->id), &text);
	book_says(sim, a->invoice, buf_str(&text));
}

/* --- what was offered ------------------------------------------------------------------------------------------------------------ */

static void accepts(struct sim *sim, struct sim_invoice *i, const struct known_offer *offer, int64_t at)
{
	struct rng *rng = &sim->offers;
	int64_t way = rng_range(rng, 0, 3);
	struct act *a;

	if (way == 0 && sim->weather.partitions == 1) {
		people_say(sim, at, "offer_accept", i->id, arena_printf(sim->book->arena, ",\"offer\":\"%s\"", offer->code));
		return;
	}
	a = later(sim, i, way == 1 ? TURN_ACCEPT : TURN_PAGE, ++i->facts, 0, at, at);
	a->code = offer->code;
	a->plan = offer->count > 0;
}

/* The parts by their days, until they have enough of it. */
static void pays_parts(struct sim *sim, struct sim_invoice *i, const struct known_offer *offer)
{
	struct rng *rng = &sim->offers;
	size_t most = rng_chance(rng, 500000) ? offer->count : (size_t)rng_range(rng, 0, (int64_t)offer->count - 1);

	for (size_t k = 0; k < most; k++)
		(void)pays(sim, i, offer->instalments[k].amount,
			zone_to_utc(zone_of(i), date_add_days(offer->instalments[k].due_on, -(int32_t)rng_range(rng, 0, 2)), 60 * 10));
}

void offers_reach(struct sim *sim, const struct known_offer *offer)
{
	struct sim_invoice *i = NULL;
	struct rng *rng = &sim->offers;
	int64_t now = sim_wall(sim), end;

	for (size_t k = 0; k < sim->book->invoice_count; k++)
		if (strcmp(sim->book->invoices[k].id, offer->invoice_id) == 0)
			i = &sim->book->invoices[k];
	if (sim->mode != MODE_LIFE || !i || !i->quiet || i->turned || now > sim->calm_at - STORY_LAST || rng_chance(rng, 150000))
		return;
	end = zone_to_utc(zone_of(i), date_add_days(offer->until, 1), 0);
	words_between(sim, i);
	if (offer->count) {
		if (i->plan || rng_chance(rng, 500000))
			return;
		i->plan = true;
		accepts(sim, i, offer, rng_range(rng, now + MINUTE_MS, end));
		pays_parts(sim, i, offer);
		return;
	}
	if (rng_chance(rng, 400000)) /* now and then a day too late */
		accepts(sim, i, offer, rng_range(rng, now + MINUTE_MS, end + (rng_chance(rng, 100000) ? 2 * DAY_MS : 0)));
	settles(sim, i, offer->amount, offer->until);
}

/* --- what is agreed without an offer -------------------------------------------------------------------------------------------- */

static void agree(void *arg)
{
	struct act *a = arg;
	struct sim *sim = a->sim;
	struct sim_invoice *i = a->invoice;
	struct rng *rng = &sim->offers;
	int64_t amount = open_of(i) * rng_range(rng, 20, 95) / 100;
	date until = day_after(sim, i, (int32_t)rng_range(rng, 1, 15));
	char day[DATE_TEXT_SIZE];

	if (i->turned || amount < 2)
		return;
	words_between(sim, i);
	says(sim, i, "settlement.agreed", "\"settlement_id\":\"deal-%d\",\"amount_minor\":%lld,\"until_on\":\"%s\"", ++i->facts,
		(long long)(i->paid + i->credited + amount), date_format(until, day));
	settles(sim, i, amount, until);
}

void offers_schedule(struct sim *sim)
{
	struct rng *rng = &sim->offers;

	for (size_t k = 0; k < sim->book->invoice_count && sim->weather.offers; k++) {
		struct sim_invoice *i = &sim->book->invoices[k];

		for (int n = 0; n < 2 && i->quiet && rng_chance(rng, 250000); n++) {
			struct act *a = arena_alloc(sim->book->arena, sizeof(*a));

			*a = (struct act){ .sim = sim, .invoice = i };
			sim_at_wall(sim, rng_range(rng, i->history[0].at + DAY_MS, sim->calm_at - STORY_LAST), agree, NULL, a);
		}
	}
}

/* --- the policy's ----------------------------------------------------------------------------------------------------------------- */

const char *offers_of_step(struct sim *sim, int n)
{
	struct rng *rng = &sim->offers;
	int days = (int)rng_range(rng, 3, 16);

	if (!sim->weather.offers || rng_chance(rng, n == 1 ? 150000 : 400000))
		return "";
	return arena_printf(sim->arena,
		",\"offers\":[{\"code\":\"less-%d\",\"percent\":%d,\"within\":\"%dd\",\"approved_by\":\"Mme Durand\"}%s]", n, (int)rng_range(rng, 1, 90), days,
		n > 1 ? "" : arena_printf(sim->arena, ",{\"code\":\"parts\",\"instalments\":%d,\"every\":\"%dd\",\"within\":\"%dd\",\"approved_by\":\"M. Petit\"}",
				      (int)rng_range(rng, 2, 4), (int)rng_range(rng, 7, 14), days));
}
