/*
 * The judge's own reading of what was accepted instead of all: which settlement stands, and whether it was kept. By the events, and by the offers
 * as the trail says that they were written. Whether a day has passed is asked where it passes last (UTC-12).
 */
#include <stdio.h>
#include <string.h>

#include "common/hash.h"
#include "tests/sim/sim_judge.h"

#define DAY_ENDS_LAST (36 * HOUR_MS) /* after its beginning in UTC */

struct deal {
	char id[64]; /* as the trail names it */
	int64_t time;
	bool settles, in_kind;
	int64_t amount; /* in all */
	date until; /* none: no day was named */
};

static int64_t end_of(date day)
{
	return date_is_set(day) ? day.days * DAY_MS + DAY_ENDS_LAST : NEVER;
}

static bool money(const struct told *t, const char *id, int64_t by_mono)
{
	return facts_known(t, by_mono) && !t->broken && t->event.invoice_id && strcmp(t->event.invoice_id, id) == 0 &&
		(t->event.type == EVENT_INVOICE_PAYMENT_RECEIVED || t->event.type == EVENT_CREDIT_NOTE_ISSUED);
}

/* What came before `end` and stands: the kinder of what was told of it, and the newest figures without what came later. */
static int64_t came_by(const struct judge *judge, const char *id, int64_t end, int64_t by_mono)
{
	const struct told *newest = facts_figures(judge, id, by_mono);
	int64_t all = 0, beyond = newest ? newest->event.snapshot.total - newest->event.snapshot.due : 0;

	for (size_t i = 0; i < judge->told_count && newest; i++) {
		const struct told *t = &judge->told[i];
		bool late = t->event.at >= end, unseen = t->event.after_version >= newest->event.order.version;

		if (!money(t, id, by_mono) || !facts_first(judge, i, by_mono) || facts_taken_back(judge, &t->event, by_mono))
			continue;
		all += late ? 0 : t->event.amount;
		beyond += unseen == late ? 0 : unseen ? t->event.amount : -t->event.amount;
	}
	return all > beyond ? all : beyond;
}

static bool back_by(const struct judge *judge, const struct event *e, int64_t at, int64_t by_mono)
{
	const struct event *back = facts_taken_back(judge, e, by_mono);

	return back && back->time <= at;
}

/* Figures of before then have it, with money of which nothing else tells. */
static bool figures_came(const struct judge *judge, const char *id, int64_t sum, int64_t end, int64_t by_mono)
{
	const struct told *newest = facts_figures(judge, id, by_mono);
	const struct snapshot *s = newest ? &newest->event.snapshot : NULL;
	int64_t told = 0;

	for (size_t i = 0; i < judge->told_count && s; i++)
		if (money(&judge->told[i], id, by_mono) && judge->told[i].event.type == EVENT_INVOICE_PAYMENT_RECEIVED && facts_first(judge, i, by_mono) &&
			!back_by(judge, &judge->told[i].event, newest->event.time, by_mono))
			told += judge->told[i].event.amount;
	return s && newest->event.time < end && s->paid > told && s->total - s->due >= sum && s->due > 0;
}

/* With some payment it came to so much by then, and not to all: also where that payment went back later. */
static bool once_came(const struct judge *judge, const char *id, int64_t sum, int64_t end, int64_t by_mono)
{
	const struct told *newest = facts_figures(judge, id, by_mono);

	for (size_t i = 0; i < judge->told_count && newest; i++) {
		const struct event *payment = &judge->told[i].event;
		int64_t all = 0;

		if (!money(&judge->told[i], id, by_mono) || payment->type != EVENT_INVOICE_PAYMENT_RECEIVED || payment->at >= end)
			continue;
		for (size_t k = 0; k < judge->told_count; k++) {
			const struct event *e = &judge->told[k].event;

			if (money(&judge->told[k], id, by_mono) && e->at <= payment->at && e->at < end && facts_first(judge, k, by_mono) &&
				!back_by(judge, e, payment->at, by_mono))
				all += e->amount;
		}
		if (all >= sum && all < newest->event.snapshot.total)
			return true;
	}
	return figures_came(judge, id, sum, end, by_mono);
}

static void told_id(const struct event *e, char ret[64])
{
	CLEANUP(buf_clear) struct buf both = { 0 };
	uint8_t digest[32];
	char hex[25];

	if (e->fact_id && e->type != EVENT_OPERATOR_COMMAND) {
		snprintf(ret, 64, "%s", e->fact_id);
		return;
	}
	buf_printf(&both, "%s\n%s", e->source, e->id);
	sha256(both.data, both.len, digest);
	snprintf(ret, 64, "%s", hex_format(digest, 12, hex));
}

static bool cancelled(const struct judge *judge, const struct event *plan, int64_t by_mono)
{
	for (size_t i = 0; i < judge->told_count && plan->fact_id; i++) {
		const struct event *e = &judge->told[i].event;

		if (facts_known(&judge->told[i], by_mono) && !judge->told[i].broken && e->type == EVENT_PAYMENT_PLAN_CANCELLED && e->fact_id &&
			strcmp(e->fact_id, plan->fact_id) == 0 && strcmp(e->invoice_id, plan->invoice_id) == 0 && e->time > plan->time)
			return true;
	}
	return false;
}

/* Something was agreed since: it was one of several, and the debtor took another. */
static bool passed_over(const struct judge *judge, const struct known_offer *offer, int64_t by_mono)
{
	for (size_t i = 0; i < judge->told_count; i++) {
		const struct told *t = &judge->told[i];

		if (facts_known(t, by_mono) && !t->broken && t->event.invoice_id && strcmp(t->event.invoice_id, offer->invoice_id) == 0 &&
			(t->event.type == EVENT_SETTLEMENT_AGREED ||
				(t->event.type == EVENT_PAYMENT_PLAN_AGREED && !cancelled(judge, &t->event, by_mono))) &&
			t->event.time >= offer->at)
			return true;
	}
	return false;
}

/* Of several that were paid the first, and rather one that is kept still. */
static const struct known_offer *paid_offer(const struct judge *judge, const char *id, int64_t by_mono)
{
	const struct known_offer *ret = NULL;
	bool kept = false;

	for (size_t i = 0; i < judge->offer_count; i++) {
		const struct known_offer *o = &judge->offers[i];
		bool now;

		if (strcmp(o->invoice_id, id) != 0 || o->count || judge_superseded(judge, o->group) || passed_over(judge, o, by_mono) ||
			!once_came(judge, id, o->settles_at, end_of(o->until), by_mono))
			continue;
		now = came_by(judge, id, end_of(o->until), by_mono) >= o->settles_at;
		if (!ret || (now && !kept)) {
			ret = o;
			kept = now;
		}
	}
	return ret;
}

static bool kept(const struct judge *judge, const char *id, const struct deal *deal, int64_t by_mono)
{
	return deal->in_kind || (deal->settles && came_by(judge, id, end_of(deal->until), by_mono) >= deal->amount);
}

/* What was agreed last; an offer counts from when it was made, and nobody accepts one by keeping what was agreed before. */
static bool deal_of(const struct judge *judge, const char *id, int64_t by_mono, struct deal *ret)
{
	const struct event *newest = NULL;
	const struct known_offer *offer;

	for (size_t i = 0; i < judge->told_count; i++) {
		const struct told *t = &judge->told[i];

		if (facts_known(t, by_mono) && !t->broken && t->event.invoice_id && strcmp(t->event.invoice_id, id) == 0 &&
			t->event.type == EVENT_SETTLEMENT_AGREED && (!newest || fact_order_compare(&t->event.order, &newest->order) > 0))
			newest = &t->event;
	}
	if (newest) {
		*ret = (struct deal){ .time = newest->time, .settles = newest->settles, .in_kind = newest->in_kind, .amount = newest->amount,
			.until = newest->until_on };
		told_id(newest, ret->id);
		if (kept(judge, id, ret, by_mono))
			return true;
	}
	offer = paid_offer(judge, id, by_mono);
	if (offer && (!newest || offer->at > newest->time)) {
		*ret = (struct deal){ .time = offer->at, .settles = true, .amount = offer->settles_at, .until = offer->until };
		snprintf(ret->id, sizeof(ret->id), "offer %s", offer->code);
	}
	return newest || offer;
}

bool settled_done(const struct judge *judge, const char *id, int64_t by_mono)
{
	struct deal deal;

	return deal_of(judge, id, by_mono, &deal) && kept(judge, id, &deal, by_mono);
}

bool settled_stands(struct judge *judge, const char *id, int64_t wall, date today, int64_t by_mono)
{
	const struct known_invoice *invoice = judge_invoice(judge, id);
	struct deal deal;

	return deal_of(judge, id, by_mono, &deal) && !kept(judge, id, &deal, by_mono) &&
		!(invoice->settlement_broken && strcmp(invoice->settlement_broken, deal.id) == 0 && wall >= invoice->settlement_broken_at) &&
		(!date_is_set(deal.until) || date_diff(today, deal.until) <= 0);
}

/* --- what the trail says ---------------------------------------------------------------------------------------------------------- */

void settled_broken(struct judge *judge, const char *id, const char *settlement)
{
	struct known_invoice *invoice = judge_invoice(judge, id);
	date today = invoice->debtor_id ? judge_date(judge, invoice->debtor_id, judge->decided_at) : date_none();
	int64_t wall = sim_wall(judge->sim), before = judge->sim->mono - MINUTE_MS;

	if (judge->sim->mode == MODE_LIFE && ((settled_done(judge, id, before) && settled_done(judge, id, judge->sim->mono)) ||
		(invoice->debtor_id && settled_stands(judge, id, wall, today, before) && settled_stands(judge, id, wall, today, judge->sim->mono))))
		sim_breach(judge->sim, "a settlement that is kept is not broken", "%s: %s is called broken", id, settlement);
	invoice->settlement_broken = arena_strdup(judge->arena, settlement);
	invoice->settlement_broken_at = wall;
}

/* What the policy says of it; the judge does the sums. */
static const struct offer *policy_offer(const struct judge *judge, const char *code)
{
	const struct policy *policy = judge->sim->policy;

	for (size_t i = 0; i < policy->step_count; i++)
		for (size_t k = 0; k < policy->steps[i].offer_count; k++)
			if (strcmp(policy->steps[i].offers[k].code, code) == 0)
				return &policy->steps[i].offers[k];
	return NULL;
}

static void check_sum(struct judge *judge, const struct known_offer *o, int64_t asked)
{
	const struct offer *of = policy_offer(judge, o->code);
	int64_t parts = 0;

	for (size_t i = 0; i < o->count; i++)
		parts += o->instalments[i].amount;
	if (!of || (o->count ? parts != asked || o->count != (size_t)of->instalments : o->amount != asked - asked * of->percent / 100))
		sim_breach(judge->sim, "money sums are exact", "%s of %s offers %lld for %lld", o->code, o->invoice_id,
			(long long)(o->count ? parts : o->amount), (long long)asked);
}

void settled_offer(struct judge *judge, const struct known_offer *made)
{
	struct known_offer *o;
	const struct known_attempt *a = judge_attempt(judge, made->attempt);
	const struct known_invoice *invoice = judge_invoice(judge, made->invoice_id);
	size_t k = 0;

	while (k < a->count && strcmp(a->invoices[k], made->invoice_id) != 0)
		k++;
	if (k == a->count || !invoice->snapshot) {
		sim_breach(judge->sim, "5 no record, no contact", "%s of %s was written in %s, which is not about it", made->code, made->invoice_id, made->attempt);
		return;
	}
	judge->offers = arena_grow(judge->arena, judge->offers, judge->offer_count, &judge->offer_capacity, sizeof(*judge->offers));
	o = &judge->offers[judge->offer_count++];
	*o = *made;
	o->settles_at = made->count ? 0 : invoice->snapshot->total - a->sums[k] + made->amount;
	check_sum(judge, o, a->sums[k]);
	offers_reach(judge->sim, o);
}

void settled_undelivered(struct judge *judge, const char *invoice_id, const char *attempt)
{
	size_t kept = 0;

	for (size_t i = 0; i < judge->offer_count; i++)
		if (strcmp(judge->offers[i].invoice_id, invoice_id) != 0 || strcmp(judge->offers[i].attempt, attempt) != 0)
			judge->offers[kept++] = judge->offers[i];
	judge->offer_count = kept;
}

/* Who accepts an offer by its name is understood as who says its terms. */
void settled_accepted(const struct judge *judge, struct event *e)
{
	const struct known_offer *o = NULL;
	const char *invoice = e->type == EVENT_OPERATOR_COMMAND ? e->target : e->invoice_id;

	for (size_t i = 0; i < judge->offer_count && e->offer && invoice; i++)
		if (strcmp(judge->offers[i].invoice_id, invoice) == 0 && strcmp(judge->offers[i].code, e->offer) == 0 &&
			!judge_superseded(judge, judge->offers[i].group))
			o = &judge->offers[i];
	if (!o)
		return;
	if (e->type == EVENT_OPERATOR_COMMAND)
		e->fact_id = NULL;
	e->type = o->count ? EVENT_PAYMENT_PLAN_AGREED : EVENT_SETTLEMENT_AGREED;
	e->invoice_id = invoice;
	e->instalments = o->instalments;
	e->instalment_count = o->count;
	e->settles = !o->count;
	e->amount = o->count ? 0 : o->settles_at;
	e->until_on = o->count ? date_none() : o->until;
}

bool settled_offers_left(struct judge *judge, const char *invoice_id)
{
	const struct policy *policy = judge->sim->policy;
	bool left = false;

	for (size_t i = 0; i < policy->step_count; i++)
		left |= policy->steps[i].offer_count && judge_walk(judge, judge_invoice(judge, invoice_id), i) == WALK_OPEN;
	return left;
}
