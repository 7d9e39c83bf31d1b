/* Offers that a policy made beforehand: less, or instalments, until a day. What was written to the debtor stands as it was written. */
#include <errno.h>
#include <string.h>

#include "common/escalation_internal.h"
#include "common/utc.h"

/* Down, to the creditor's favour by less than a unit: what is asked for is whole. */
static int64_t reduced(int64_t balance, int64_t percent)
{
	return balance - balance / 100 * percent - balance % 100 * percent / 100;
}

/* Equal parts; what does not divide goes to the first. The first day is the last one to accept it, the others are business days too. */
static void divide(const struct offer *offer, int64_t balance, const struct business_time *when, struct made_offer *ret, struct arena *arena)
{
	struct instalment *parts = arena_alloc(arena, (size_t)offer->instalments * sizeof(*parts));
	int64_t part = balance / offer->instalments;

	for (int32_t i = 0; i < offer->instalments; i++)
		parts[i] = (struct instalment){ .due_on = i ? business_next_day(when, date_add_days(ret->until, i * offer->every_days)) : ret->until,
			.amount = i ? part : balance - part * (offer->instalments - 1) };
	ret->instalments = parts;
	ret->instalment_count = (size_t)offer->instalments;
}

const char *offers_approver(const struct escalation *e)
{
	return e->settling.at > e->approved.at ? e->settling.by : e->approved.by;
}

bool offer_terms(const struct offer *offer, const struct escalation *e, const struct business_time *when, date today, struct made_offer *ret,
	struct arena *arena)
{
	struct invoice_view view = invoice_view(&e->invoice);

	*ret = (struct made_offer){ .code = offer->code, .approver = offer->approved_by ? offer->approved_by : offers_approver(e),
		.until = business_next_day(when, date_add_days(today, offer->within_days)) };
	if (offer->instalments)
		divide(offer, view.balance, when, ret, arena);
	else
		ret->amount = reduced(view.balance, offer->percent);
	ret->settles_at = view.paid + view.credited + ret->amount;
	if (!ret->approver)
		return false; /* nobody stands for it */
	return offer->instalments ? view.balance >= offer->instalments : ret->amount > 0;
}

void offers_written(struct escalation *e, const struct step *step, unsigned offered, const struct business_time *when, date today,
	const char *attempt, struct effects *fx)
{
	size_t kept = 0;

	for (size_t i = 0; i < e->offer_count; i++) { /* those of a message that never left, or of the same name, stand no longer */
		bool again = !e->offers[i].made_at;

		for (size_t k = 0; k < step->offer_count; k++)
			again = again || (offered >> k & 1 && strcmp(step->offers[k].code, e->offers[i].code) == 0);
		if (!again)
			e->offers[kept++] = e->offers[i];
	}
	e->offer_count = kept;
	for (size_t k = 0; k < step->offer_count; k++) {
		struct made_offer made;

		if (!(offered >> k & 1) || !offer_terms(&step->offers[k], e, when, today, &made, fx->arena))
			continue;
		made.code = arena_strdup(fx->arena, made.code);
		made.approver = arena_strdup(fx->arena, made.approver);
		made.attempt = attempt;
		e->offers = arena_grow(fx->arena, e->offers, e->offer_count, &e->offer_capacity, sizeof(*e->offers));
		e->offers[e->offer_count++] = made;
	}
}

static void write_terms(struct json_writer *w, const struct made_offer *offer)
{
	char day[DATE_TEXT_SIZE];

	jw_str(w, "code", offer->code);
	jw_str(w, "until", date_format(offer->until, day));
	jw_opt_str(w, "approver", offer->approver);
	if (offer->instalment_count)
		jw_array(w, "instalments");
	for (size_t i = 0; i < offer->instalment_count; i++) {
		jw_object(w, NULL);
		jw_str(w, "due_on", date_format(offer->instalments[i].due_on, day));
		jw_int(w, "amount_minor", offer->instalments[i].amount);
		jw_end_object(w);
	}
	if (offer->instalment_count)
		jw_end_array(w);
	else
		jw_int(w, "amount_minor", offer->amount);
}

void offers_sent(struct escalation *e, const char *attempt, struct effects *fx)
{
	for (size_t i = 0; i < e->offer_count; i++) {
		struct made_offer *offer = &e->offers[i];

		if (offer->made_at || !attempt || !offer->attempt || strcmp(offer->attempt, attempt) != 0)
			continue;
		offer->made_at = fx->now;
		for (int k = 0; k < 2; k++) {
			struct draft *draft = k ? effects_event(fx, "offer.made", e->invoice.debtor_id, e->invoice.id) :
						  effects_record(fx, "offer.made", e->invoice.debtor_id);

			if (!k)
				jw_str(&draft->w, "invoice", e->invoice.id);
			jw_str(&draft->w, "attempt", attempt);
			write_terms(&draft->w, offer);
			jw_str(&draft->w, "currency", e->invoice.snapshot.currency);
		}
	}
}

void offers_undelivered(struct escalation *e, const char *attempt)
{
	size_t kept = 0;

	for (size_t i = 0; i < e->offer_count; i++)
		if (!e->offers[i].attempt || strcmp(e->offers[i].attempt, attempt) != 0)
			e->offers[kept++] = e->offers[i];
	e->offer_count = kept;
}

/* Who names the terms too accepts those alone: an offer that was made anew since then is another. */
static bool same_terms(const struct event *event, const struct made_offer *offer)
{
	if (event->settles && event->amount != offer->settles_at)
		return false;
	if (date_is_set(event->until_on) && !offer->instalment_count && date_diff(event->until_on, offer->until) != 0)
		return false;
	if (event->instalment_count && event->instalment_count != offer->instalment_count)
		return false;
	for (size_t i = 0; i < event->instalment_count; i++)
		if (event->instalments[i].amount != offer->instalments[i].amount ||
			date_diff(event->instalments[i].due_on, offer->instalments[i].due_on) != 0)
			return false;
	return true;
}

int offer_take(const struct escalation *e, const struct zone *zone, struct event *event, struct err *err)
{
	bool command = event->type == EVENT_OPERATOR_COMMAND;
	const struct made_offer *offer = NULL;
	char day[DATE_TEXT_SIZE];

	if (!event->offer)
		return 0;
	for (size_t i = 0; i < e->offer_count; i++)
		if (e->offers[i].made_at && strcmp(e->offers[i].code, event->offer) == 0)
			offer = &e->offers[i];
	if (!offer)
		return err_set(err, -EBADMSG, "unknown_offer", "$.data.offer", "no offer \"%s\" was made for invoice %s", event->offer, e->invoice.id);
	if (!command && (event->type == EVENT_SETTLEMENT_AGREED) != !offer->instalment_count)
		return err_set(err, -EBADMSG, "unknown_offer", "$.data.offer", "the offer \"%s\" is of %s", event->offer,
			offer->instalment_count ? "instalments: payment_plan.agreed accepts it" : "a smaller sum: settlement.agreed accepts it");
	if (!command && !same_terms(event, offer))
		return err_set(err, -EBADMSG, "offer_changed", "$.data.offer", "the offer \"%s\" stands on other terms than those that are told here",
			event->offer);
	if (date_diff(zone_date(zone, event->time), offer->until) > 0)
		return err_set(err, -EBADMSG, "offer_expired", "$.data.offer", "the offer \"%s\" stood until %s, and is void", event->offer,
			date_format(offer->until, day));
	event->type = offer->instalment_count ? EVENT_PAYMENT_PLAN_AGREED : EVENT_SETTLEMENT_AGREED;
	event->instalments = offer->instalments;
	event->instalment_count = offer->instalment_count;
	event->settles = !offer->instalment_count;
	event->amount = offer->instalment_count ? 0 : offer->settles_at;
	event->until_on = offer->instalment_count ? date_none() : offer->until;
	if (command)
		event->accepted_by = event->who;
	return 0;
}

bool offer_passed_over(const struct made_offer *offer, const struct invoice_view *view)
{
	return (view->plan && view->plan->order.time >= offer->made_at) || (view->settlement && view->settlement->order.time >= offer->made_at);
}

/* The settlement that stands in the facts because of a payment: nobody told it, so it has no source. */
static bool by_payment(const struct fact *fact)
{
	return fact->kind == FACT_SETTLEMENT && fact->order.source && !*fact->order.source;
}

static bool kept(const struct escalation *e, const struct made_offer *offer)
{
	return invoice_paid_in_time(&e->invoice, offer->settles_at, offer->until);
}

/* The settlement that stands is of this offer. */
static bool is_of(const struct fact *settlement, const struct made_offer *offer)
{
	return settlement->order.time == offer->made_at && settlement->order.id && strcmp(settlement->order.id, offer->code) == 0;
}

bool offers_figures(struct escalation *e, const struct event *event)
{
	const struct snapshot *s = &event->snapshot;
	bool news = false;

	for (size_t i = 0; event->has_snapshot && s->paid && s->paid + s->credited < s->total && i < e->offer_count; i++) {
		struct made_offer *offer = &e->offers[i];
		int64_t more = s->paid + s->credited - offer->figures.paid - offer->figures.credited;

		if (!offer->made_at || offer->instalment_count || event->time >= invoice_day_over(offer->until) || more < 0 ||
			(more == 0 && event->time >= offer->figures.time))
			continue;
		offer->figures.version = event->order.version;
		offer->figures.time = event->time;
		offer->figures.paid = s->paid;
		offer->figures.credited = s->credited;
		news = true;
	}
	return news;
}

/* Its money came by its day, as payments say it, or figures of then; also where it went back since. */
static bool once_paid(const struct escalation *e, const struct made_offer *offer)
{
	struct invoice then = e->invoice;

	if (invoice_once_paid(&e->invoice, offer->settles_at, offer->until))
		return true;
	then.snapshot.paid = offer->figures.paid;
	then.snapshot.credited = offer->figures.credited;
	then.order = (struct fact_order){ .version = offer->figures.version, .time = offer->figures.time };
	return offer->figures.time && invoice_once_paid(&then, offer->settles_at, offer->until);
}

/*
 * The offer of less whose sum came by its day. Of several the first, and rather one that is kept still. None is left to be taken where something else was
 * agreed since it was made: it was one of several, and the debtor took another.
 */
static const struct made_offer *paid_offer(const struct escalation *e, const struct invoice_view *view)
{
	const struct made_offer *ret = NULL;

	for (size_t i = 0; i < e->offer_count; i++) {
		const struct made_offer *offer = &e->offers[i];

		if (!offer->made_at || offer->instalment_count || offer_passed_over(offer, view) || !once_paid(e, offer))
			continue;
		if (!ret || (!kept(e, ret) && kept(e, offer)))
			ret = offer;
	}
	return ret;
}

void offers_paid(struct escalation *e, struct effects *fx)
{
	struct invoice *invoice = &e->invoice;
	const struct made_offer *offer;
	struct invoice_view view;
	struct fact before = { 0 };
	size_t left = 0;
	struct draft *draft;
	char day[DATE_TEXT_SIZE];

	for (size_t i = 0; i < invoice->fact_count; i++) { /* it follows from the other facts, as they are now */
		if (by_payment(&invoice->facts[i]))
			before = invoice->facts[i];
		else
			invoice->facts[left++] = invoice->facts[i];
	}
	invoice->fact_count = left;
	if (!e->offer_count)
		return;
	view = invoice_view(invoice);
	offer = view.state == STATE_OPEN ? paid_offer(e, &view) : NULL;
	if (!offer)
		return;
	invoice->facts = arena_grow(fx->arena, invoice->facts, invoice->fact_count, &invoice->fact_capacity, sizeof(*invoice->facts));
	invoice->facts[invoice->fact_count++] = (struct fact){ .kind = FACT_SETTLEMENT, .id = arena_printf(fx->arena, "offer %s", offer->code),
		.order = { .time = offer->made_at, .source = "", .id = offer->code }, .at = offer->made_at, .amount = offer->settles_at,
		.settles = true, .until_on = offer->until };
	if (is_of(&before, offer))
		return; /* told */
	draft = effects_record(fx, "settlement.agreed", invoice->debtor_id);
	jw_str(&draft->w, "invoice", invoice->id);
	jw_str(&draft->w, "offer", offer->code);
	jw_str(&draft->w, "accepted_by", "payment");
	jw_int(&draft->w, "accepted_minor", offer->settles_at);
	jw_str(&draft->w, "until_on", date_format(offer->until, day));
}

/* --- as they are stored ----------------------------------------------------------------------------------------------------------- */

static void write_figures(struct json_writer *w, const struct made_offer *offer)
{
	jw_array(w, "figures");
	jw_int(w, NULL, offer->figures.version);
	jw_int(w, NULL, offer->figures.time);
	jw_int(w, NULL, offer->figures.paid);
	jw_int(w, NULL, offer->figures.credited);
	jw_end_array(w);
}

static int read_figures(const struct json *json, struct made_offer *ret, struct err *err)
{
	struct json list = { 0 }, version, time, paid, credited;
	int r = json_opt_array(json, "figures", &list, err);

	if (r < 0 || list.type == JSON_NONE)
		return r;
	version = json_at(&list, 0);
	time = json_at(&list, 1);
	paid = json_at(&list, 2);
	credited = json_at(&list, 3);
	ret->figures.version = json_int(&version);
	ret->figures.time = json_int(&time);
	ret->figures.paid = json_int(&paid);
	ret->figures.credited = json_int(&credited);
	return 0;
}

void offers_write(struct json_writer *w, const struct escalation *e)
{
	if (!e->offer_count)
		return;
	jw_array(w, "offers");
	for (size_t i = 0; i < e->offer_count; i++) {
		const struct made_offer *offer = &e->offers[i];

		jw_object(w, NULL);
		write_terms(w, offer);
		jw_opt_int(w, "settles_at", offer->instalment_count ? 0 : offer->settles_at);
		jw_opt_str(w, "attempt", offer->attempt);
		jw_opt_int(w, "made_at", offer->made_at);
		if (offer->figures.time)
			write_figures(w, offer);
		jw_end_object(w);
	}
	jw_end_array(w);
}

static int read_parts(const struct json *json, struct arena *arena, struct made_offer *ret, struct err *err)
{
	struct json list = { 0 };
	struct instalment *parts;
	int r = json_opt_array(json, "instalments", &list, err);

	parts = arena_alloc(arena, (json_len(&list) + 1) * sizeof(*parts));
	for (; r == 0 && ret->instalment_count < json_len(&list); ret->instalment_count++) {
		struct json one = json_at(&list, ret->instalment_count);
		const char *day = NULL;

		if ((r = json_get_str(&one, "due_on", 10, &day, err)) < 0 ||
			(r = json_get_int(&one, "amount_minor", 0, MONEY_MAX, &parts[ret->instalment_count].amount, err)) < 0)
			return r;
		if (date_parse(day, &parts[ret->instalment_count].due_on) < 0)
			return json_refuse(&one, "due_on", err, "bad_date", "must be a date");
	}
	ret->instalments = parts;
	return r;
}

int offers_read(const struct json *json, struct arena *arena, struct escalation *ret, struct err *err)
{
	struct json list = { 0 };
	int r = json_opt_array(json, "offers", &list, err);

	if (r < 0)
		return r;
	ret->offers = arena_alloc(arena, (json_len(&list) + 1) * sizeof(*ret->offers));
	for (; ret->offer_count < json_len(&list); ret->offer_count++) {
		struct json one = json_at(&list, ret->offer_count);
		struct made_offer *to = &ret->offers[ret->offer_count];
		const char *day = NULL;

		*to = (struct made_offer){ 0 };
		if ((r = json_get_str(&one, "code", 128, &to->code, err)) < 0 || (r = json_get_str(&one, "until", 10, &day, err)) < 0 ||
			(r = json_opt_str(&one, "approver", 400, &to->approver, err)) < 0 ||
			(r = json_opt_int(&one, "amount_minor", 0, MONEY_MAX, &to->amount, err)) < 0 ||
			(r = json_opt_int(&one, "settles_at", 0, MONEY_MAX, &to->settles_at, err)) < 0 ||
			(r = json_opt_str(&one, "attempt", 400, &to->attempt, err)) < 0 ||
			(r = json_opt_int(&one, "made_at", INT64_MIN, INT64_MAX, &to->made_at, err)) < 0 || (r = read_parts(&one, arena, to, err)) < 0 || (r = read_figures(&one, to, err)) < 0)
			return r;
		if (date_parse(day, &to->until) < 0)
			return json_refuse(&one, "until", err, "bad_date", "must be a date");
	}
	ret->offer_capacity = ret->offer_count;
	return 0;
}
