/* The sum that a law gives for late payment, on an account of its own: it never moves the invoice's balance, and outlives its payment. */
#include <errno.h>
#include <string.h>

#include "common/escalation_internal.h"

void late_fee_written(struct escalation *e, const struct regime *regime, int64_t amount, const char *step, const char *attempt, struct effects *fx)
{
	struct late_fee *fee = &e->late_fee;

	if (fee->at || fee->waived_at || amount <= 0)
		return; /* once for each invoice, and never again once it was waived */
	*fee = (struct late_fee){ .amount = amount, .principal = invoice_view(&e->invoice).balance, .regime = arena_strdup(fx->arena, regime->name),
		.ground = regime->source ? arena_strdup(fx->arena, regime->source) : NULL, .step = step, .attempt = attempt };
	memcpy(fee->currency, regime->currency, strlen(regime->currency) + 1);
}

static void tell(struct escalation *e, const char *kind, struct effects *fx)
{
	const struct late_fee *fee = &e->late_fee;

	for (int i = 0; i < 2; i++) {
		struct draft *draft = i ? effects_event(fx, kind, e->invoice.debtor_id, e->invoice.id) : effects_record(fx, kind, e->invoice.debtor_id);

		if (!i)
			jw_str(&draft->w, "invoice", e->invoice.id);
		jw_str(&draft->w, "fee_kind", "fixed_sum");
		jw_opt_int(&draft->w, "fee_minor", fee->amount);
		if (fee->amount)
			jw_str(&draft->w, "currency", fee->currency);
		if (fee->waived_at && e->late_interest.amount) { /* a waiver is of all that stands there */
			jw_int(&draft->w, "interest_minor", e->late_interest.amount);
			jw_str(&draft->w, "interest_currency", e->invoice.snapshot.currency);
		}
		jw_opt_int(&draft->w, "principal_minor", fee->principal);
		jw_opt_str(&draft->w, "regime", fee->regime);
		jw_opt_str(&draft->w, "law", fee->ground);
		jw_opt_str(&draft->w, "step", fee->step);
		jw_opt_str(&draft->w, "attempt", fee->attempt);
		jw_opt_str(&draft->w, "why", i ? NULL : fee->why);
	}
}

void late_fee_sent(struct escalation *e, const char *attempt, struct effects *fx)
{
	struct late_fee *fee = &e->late_fee;

	if (fee->at || fee->waived_at || !fee->attempt || !attempt || strcmp(fee->attempt, attempt) != 0 || e->state == ESCALATION_CLOSED)
		return;
	fee->at = fx->now;
	tell(e, "fee.accrued", fx);
}

void late_fee_undelivered(struct escalation *e, const char *attempt, struct effects *fx)
{
	struct late_fee *fee = &e->late_fee;

	if (fee->waived_at || !fee->attempt || strcmp(fee->attempt, attempt) != 0)
		return;
	fee->why = "undelivered";
	if (fee->at) /* whoever was told that it is owed must hear that it is not */
		tell(e, "fee.waived", fx);
	*fee = (struct late_fee){ 0 };
}

bool late_fee_waive(struct escalation *e, const char *by, const char *why, int64_t at, struct effects *fx)
{
	struct late_fee *fee = &e->late_fee;

	if (fee->waived_at)
		return false;
	if (!fee->at)
		*fee = (struct late_fee){ 0 }; /* what was never stated is not owed: and will not be */
	fee->waived_at = at;
	fee->by = by;
	fee->why = why;
	tell(e, "fee.waived", fx);
	return true;
}

/* --- interest ---------------------------------------------------------------------------------------------------------------- */

struct base { /* on which it runs */
	int64_t principal; /* minor units */
	struct debt_payment *payments; /* that lessened it */
	size_t payment_count;
};

static void interest_on(const struct base *base, const struct escalation *e, const struct debtor *d, const struct rules *rules,
	const struct regime *regime, date until, struct arena *arena, struct interest *ret, const char **why)
{
	struct business_time when = schedule_window(rules->policy, d, rules->creditor_zone, rules->holidays);
	date due = schedule_due(rules->policy, &when, e->invoice.snapshot.due_on);
	struct err err = { 0 };
	struct interest told;
	struct debt debt;

	*why = NULL;
	if (!regime) {
		*why = "its policy names no law that gives any";
		return;
	}
	if (e->invoice.snapshot.late_fee_ref) {
		*why = "late charges were agreed, and what was agreed is not known here";
		return;
	}
	debt = debt_of(regime, base->principal, due, until);
	debt.payments = base->payments;
	debt.payment_count = base->payment_count;
	memcpy(debt.order, (const enum debt_item[]){ ITEM_PRINCIPAL, ITEM_INTEREST, ITEM_FEE }, sizeof(debt.order)); /* what is paid of interest is told as such */
	debt.from = regime_runs_from(regime, due);
	if (date_diff(until, due) <= 0)
		*why = "it is not past due yet";
	else if (!date_is_set(debt.from) || date_diff(until, debt.from) < 0)
		*why = "by this law it runs from default, and that is not sure yet";
	else if (interest_compute(arena, &debt, &told, &err) < 0)
		*why = arena_strdup(arena, err.text);
	else
		*ret = told;
}

void late_interest_until(const struct escalation *e, const struct debtor *d, const struct rules *rules, const struct regime *regime, date until,
	struct arena *arena, struct interest *ret, const char **why)
{
	interest_on(&(struct base){ .principal = invoice_view(&e->invoice).balance }, e, d, rules, regime, until, arena, ret, why);
}

/*
 * What was open on each day: payments count from theirs. What was credited was never owed, and of what figures alone have as paid nobody knows
 * the day: neither bears any.
 */
static struct base base_of(const struct invoice *invoice, const struct zone *zone, struct arena *arena)
{
	struct base base = { .principal = invoice->snapshot.total - invoice_paid_by(invoice, INT64_MAX),
		.payments = arena_alloc(arena, (invoice->fact_count + 1) * sizeof(*base.payments)) };
	int64_t at = INT64_MIN, next;

	for (;; at = next) {
		int64_t paid;

		next = INT64_MAX;
		for (size_t i = 0; i < invoice->fact_count; i++)
			if (invoice->facts[i].kind == FACT_PAYMENT && invoice->facts[i].at > at && invoice->facts[i].at < next)
				next = invoice->facts[i].at;
		if (next == INT64_MAX)
			return base;
		paid = invoice_paid_by(invoice, next + 1) - invoice_paid_by(invoice, next);
		if (paid <= 0)
			continue; /* it was taken back */
		base.payments[base.payment_count++] = (struct debt_payment){ zone_date(zone, next), paid };
		base.principal += paid;
	}
}

static date sooner(date a, date b)
{
	return date_diff(a, b) < 0 ? a : b;
}

/* Whether this law speaks of such a debtor at all. */
static bool for_debtor(const struct regime *regime, const struct debtor *d)
{
	size_t len = regime ? strlen(regime->name) : 0;

	return !regime || !d || guard_debtor(customer_kind_names[d->customer.kind]) != DEBTOR_CONSUMER ||
	       (len >= 4 && strcmp(regime->name + len - 4, "-B2C") == 0);
}

int late_interest_may(const struct escalation *e, const struct debtor *d, const struct rules *rules, const struct regime *regime, date until,
	struct arena *arena, struct late_interest *ret, struct err *err)
{
	struct business_time when;
	struct interest all = { 0 }, before = { 0 };
	struct invoice_view view = invoice_view(&e->invoice);
	const char *why = NULL;
	struct base base;
	date today, last; /* that bears any: of what is paid the day on which it was */

	if (!rules->policy || !e->invoice.known)
		return err_set(err, -EBADMSG, "not_now", "$.data.target", "its policy or its figures are not known");
	when = schedule_window(rules->policy, d, rules->creditor_zone, rules->holidays);
	today = zone_date(when.zone, rules->now);
	until = date_is_set(until) ? until : today;
	if (date_diff(until, today) > 0)
		return err_set(err, -EBADMSG, "out_of_range", "$.data.until_on", "must be no later than today");
	if (e->late_fee.waived_at)
		return err_set(err, -EBADMSG, "waived", "$.data.target", "late fees of this invoice were waived");
	if (e->late_interest.at && date_diff(until, e->late_interest.until) <= 0)
		return err_set(err, -EBADMSG, "not_now", "$.data.until_on", "interest is on the account up to that day or a later one");
	base = base_of(&e->invoice, when.zone, arena);
	last = view.state == STATE_PAID ? zone_date(when.zone, invoice_paid_at(&e->invoice)) : until;
	if (base.principal <= 0 || view.state == STATE_VOID || view.state == STATE_SETTLED)
		why = "nothing is open that bears any";
	else if (!for_debtor(regime, d))
		why = "this law does not speak of consumers";
	else if (view.state == STATE_PAID && date_diff(last, schedule_due(rules->policy, &when, e->invoice.snapshot.due_on)) <= 0)
		why = "it was paid in time";
	else
		interest_on(&base, e, d, rules, regime, sooner(until, last), arena, &all, &why);
	if (!why && e->late_interest.at)
		interest_on(&base, e, d, rules, regime, sooner(e->late_interest.until, last), arena, &before, &why);
	if (!why && all.stopped)
		why = "a reference rate is not known for all of the time";
	if (!why && all.accrued <= before.accrued)
		why = "none has accrued since";
	if (why)
		return err_set(err, -EBADMSG, "no_interest", "$.data.target", "there is no interest to put on the account: %s", why);
	*ret = (struct late_interest){ .amount = all.accrued - before.accrued, .until = until, .regime = regime->name, .ground = regime->source };
	return 0;
}

void late_interest_put(struct escalation *e, const struct late_interest *more, const char *by, const char *why, struct effects *fx)
{
	struct late_interest *on = &e->late_interest;
	char day[DATE_TEXT_SIZE];

	*on = (struct late_interest){ .amount = on->amount + more->amount, .until = more->until, .regime = arena_strdup(fx->arena, more->regime),
		.ground = more->ground ? arena_strdup(fx->arena, more->ground) : NULL, .at = fx->now, .by = by, .why = why };
	for (int i = 0; i < 2; i++) {
		struct draft *draft = i ? effects_event(fx, "fee.accrued", e->invoice.debtor_id, e->invoice.id) :
					  effects_record(fx, "fee.accrued", e->invoice.debtor_id);

		if (!i)
			jw_str(&draft->w, "invoice", e->invoice.id);
		jw_str(&draft->w, "fee_kind", "interest");
		jw_int(&draft->w, "fee_minor", more->amount);
		jw_str(&draft->w, "currency", e->invoice.snapshot.currency);
		jw_int(&draft->w, "principal_minor", invoice_view(&e->invoice).balance);
		jw_str(&draft->w, "until_on", date_format(on->until, day));
		jw_int(&draft->w, "interest_minor", on->amount);
		jw_str(&draft->w, "regime", on->regime);
		jw_opt_str(&draft->w, "law", on->ground);
		jw_opt_str(&draft->w, "why", i ? NULL : why);
	}
}

struct late_account late_account_of(const struct escalation *e)
{
	const struct late_fee *fee = &e->late_fee;
	bool stated = fee->at && !fee->waived_at;
	struct late_account ret = { .paid = invoice_fees_paid(&e->invoice) };

	ret.elsewhere = stated && strcmp(fee->currency, e->invoice.snapshot.currency) != 0;
	ret.owed = (stated && !ret.elsewhere ? fee->amount : 0) + (fee->waived_at ? 0 : e->late_interest.amount);
	ret.open = ret.owed > ret.paid ? ret.owed - ret.paid : 0;
	return ret;
}

/* --- the document ------------------------------------------------------------------------------------------------------------ */

static void interest_write(struct json_writer *w, const struct late_interest *on)
{
	char day[DATE_TEXT_SIZE];

	if (!on->at)
		return;
	jw_object(w, "late_interest");
	jw_int(w, "amount", on->amount);
	jw_str(w, "until", date_format(on->until, day));
	jw_opt_str(w, "regime", on->regime);
	jw_opt_str(w, "ground", on->ground);
	jw_int(w, "at", on->at);
	jw_opt_str(w, "by", on->by);
	jw_opt_str(w, "why", on->why);
	jw_end_object(w);
}

static int interest_read(const struct json *json, struct late_interest *on, struct err *err)
{
	const char *day = NULL;
	struct json one = { 0 };
	int r = json_opt_object(json, "late_interest", &one, err);

	if (r < 0 || one.type == JSON_NONE)
		return r;
	if ((r = json_opt_int(&one, "amount", 0, MONEY_MAX, &on->amount, err)) < 0 || (r = json_get_str(&one, "until", 10, &day, err)) < 0 ||
		(r = json_opt_str(&one, "regime", 128, &on->regime, err)) < 0 || (r = json_opt_str(&one, "ground", 2400, &on->ground, err)) < 0 ||
		(r = json_opt_int(&one, "at", INT64_MIN, INT64_MAX, &on->at, err)) < 0 ||
		(r = json_opt_str(&one, "by", EVENT_SOURCE_MAX, &on->by, err)) < 0 || (r = json_opt_str(&one, "why", 4000, &on->why, err)) < 0)
		return r;
	return date_parse(day, &on->until) < 0 ? json_refuse(&one, "until", err, "bad_date", "must be a date") : 0;
}

void late_fee_write(struct json_writer *w, const struct escalation *e)
{
	const struct late_fee *fee = &e->late_fee;

	interest_write(w, &e->late_interest);
	if (!fee->amount && !fee->waived_at)
		return;
	jw_object(w, "late_fee");
	jw_opt_int(w, "amount", fee->amount);
	jw_opt_str(w, "currency", fee->currency);
	jw_opt_int(w, "principal", fee->principal);
	jw_opt_str(w, "regime", fee->regime);
	jw_opt_str(w, "ground", fee->ground);
	jw_opt_str(w, "step", fee->step);
	jw_opt_str(w, "attempt", fee->attempt);
	jw_opt_int(w, "at", fee->at);
	jw_opt_int(w, "waived_at", fee->waived_at);
	jw_opt_str(w, "by", fee->by);
	jw_opt_str(w, "why", fee->why);
	jw_end_object(w);
}

int late_fee_read(const struct json *json, struct escalation *ret, struct err *err)
{
	struct late_fee *fee = &ret->late_fee;
	const char *currency = NULL;
	struct json one = { 0 };
	int r = interest_read(json, &ret->late_interest, err);

	if (r == 0)
		r = json_opt_object(json, "late_fee", &one, err);
	if (r < 0 || one.type == JSON_NONE)
		return r;
	if ((r = json_opt_int(&one, "amount", 0, MONEY_MAX, &fee->amount, err)) < 0 || (r = json_opt_str(&one, "currency", 3, &currency, err)) < 0 ||
		(r = json_opt_int(&one, "principal", 0, MONEY_MAX, &fee->principal, err)) < 0 ||
		(r = json_opt_str(&one, "regime", 128, &fee->regime, err)) < 0 || (r = json_opt_str(&one, "ground", 2400, &fee->ground, err)) < 0 ||
		(r = json_opt_str(&one, "step", 128, &fee->step, err)) < 0 || (r = json_opt_str(&one, "attempt", 400, &fee->attempt, err)) < 0 ||
		(r = json_opt_int(&one, "at", INT64_MIN, INT64_MAX, &fee->at, err)) < 0 ||
		(r = json_opt_int(&one, "waived_at", INT64_MIN, INT64_MAX, &fee->waived_at, err)) < 0 ||
		(r = json_opt_str(&one, "by", EVENT_SOURCE_MAX, &fee->by, err)) < 0)
		return r;
	if (currency)
		memcpy(fee->currency, currency, strlen(currency) + 1);
	return json_opt_str(&one, "why", 4000, &fee->why, err);
}
