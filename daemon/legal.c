/* A person's word about what was announced: carried out, taken back, handed over; and about outsiders. The rules are in common/escalation_commitment.c. */
#include <errno.h>
#include <string.h>

#include "common/utc.h"
#include "daemon/flow.h"

static struct debtor *debtor_of(struct dunner *d, struct group *g, const struct doc *doc)
{
	struct doc *debtor = group_find(d, g, DOC_DEBTOR, doc->e->invoice.debtor_id);

	return debtor && debtor->loaded ? debtor->d : NULL;
}

/* The member of the command that says what: it has one at most. */
static const char *what_of(const struct event *e)
{
	static const char *const members[] = { "decision", "to", "result", "what" };

	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		struct json value = json_get(&e->data, members[i]);

		if (json_str(&value))
			return json_str(&value);
	}
	return "";
}

static const struct zone *zone_of(struct dunner *d, struct group *g, const struct doc *doc)
{
	const struct debtor *debtor = debtor_of(d, g, doc);
	const struct zone *zone = NULL;
	const char *name = debtor ? debtor_zone(debtor, d->config->creditor.zone) : d->config->creditor.zone;

	return zone_get(name, &zone) == 0 ? zone : NULL;
}

int legal_offer(struct dunner *d, struct group *g, struct input *input)
{
	struct doc *doc = input->event.offer ? group_find(d, g, DOC_ESCALATION, input->event.invoice_id) : NULL;

	if (!input->event.offer)
		return 0;
	if (!doc || !doc->loaded || !zone_of(d, g, doc))
		return err_set(&input->err, -EBADMSG, "unknown_offer", "$.data.offer", "nothing is known of this invoice");
	return offer_take(doc->e, zone_of(d, g, doc), &input->event, &input->err);
}

static bool about_note(const struct event *e)
{
	return strcmp(e->command, "note") == 0 || strcmp(e->command, "note_remove") == 0;
}

/* What a person would put on the account of late fees. */
static int interest_more(struct dunner *d, struct group *g, const struct event *e, const struct doc *doc, struct late_interest *ret, struct err *err)
{
	const struct debtor *debtor = debtor_of(d, g, doc);
	const struct policy *policy = decide_policy(d, doc->e, debtor);
	struct rules rules = decide_rules(d, policy);
	const struct regime *regime =
		policy && policy->regime && d->library->law ? interest_regime(&d->library->law->interest, policy->regime) : NULL;

	return late_interest_may(doc->e, debtor, &rules, regime, e->until_on, g->arena, ret, err);
}

int legal_check(struct dunner *d, struct group *g, const struct event *e, const struct doc *doc, struct err *err)
{
	const struct debtor *debtor = debtor_of(d, g, doc);
	struct event accepted = *e;
	struct escalation tried = *doc->e;
	struct late_interest more;
	struct rules rules;

	if (about_note(e))
		return note_command(&tried, e, e->text, flow_now(d), g->arena, err);
	if (strcmp(e->command, "fee_charge") == 0)
		return interest_more(d, g, e, doc, &more, err);
	if (e->offer)
		return zone_of(d, g, doc) ? offer_take(doc->e, zone_of(d, g, doc), &accepted, err) : 0;
	rules = decide_rules(d, decide_policy(d, doc->e, debtor));
	return commitment_may(doc->e, debtor, &rules, e->command,
		strcmp(e->command, "skip") != 0 ? what_of(e) : e->step ? e->step : doc->e->step, e->who, err);
}

/* What a person was told on the telephone, or by mail, becomes the fact that an event would have told. */
static void accept(struct dunner *d, struct group *g, const struct event *e, struct doc *doc)
{
	struct event fact = *e;
	struct draft *draft;
	char day[DATE_TEXT_SIZE];

	if (!zone_of(d, g, doc) || offer_take(doc->e, zone_of(d, g, doc), &fact, NULL) < 0)
		return;
	fact.fact_id = NULL; /* the command is its identity */
	fact.customer_id = NULL;
	fact.invoice_id = doc->id;
	(void)invoice_apply(&doc->e->invoice, &fact, g->arena);
	doc->touched = true;
	sender_touch(d, NULL, doc->id);
	draft = effects_record(&g->fx, fact.instalment_count ? "plan.agreed" : "settlement.agreed", doc->e->invoice.debtor_id);
	jw_str(&draft->w, "event", event_type_names[fact.type]);
	jw_str(&draft->w, "event_id", e->id);
	jw_str(&draft->w, "event_source", e->source);
	jw_int(&draft->w, "event_time", e->time);
	jw_str(&draft->w, "invoice", doc->id);
	jw_str(&draft->w, "offer", e->offer);
	jw_str(&draft->w, "accepted_by", e->who);
	if (fact.settles)
		jw_int(&draft->w, "accepted_minor", fact.amount);
	if (date_is_set(fact.until_on))
		jw_str(&draft->w, "until_on", date_format(fact.until_on, day));
}

void legal_waive_fee(struct dunner *d, struct group *g, const struct event *e, struct doc *doc)
{
	if (!doc || !doc->loaded || !late_fee_waive(doc->e, e->who ? e->who : e->source, e->why ? e->why : e->reason, flow_now(d), &g->fx))
		return; /* told again */
	doc->touched = true;
	sender_touch(d, NULL, doc->id); /* a notice that states it must not go out now */
}

bool legal_said(struct dunner *d, struct group *g, const struct event *e, struct doc *doc)
{
	struct debtor *debtor = debtor_of(d, g, doc);
	struct late_interest more;

	if (strcmp(e->command, "fee_waive") == 0) {
		legal_waive_fee(d, g, e, doc);
		return true;
	}
	if (about_note(e)) {
		(void)note_command(doc->e, e, e->text, flow_now(d), g->arena, NULL); /* legal_check() let it pass */
		doc->touched = true;
		sender_touch(d, NULL, doc->id); /* what is about to leave is written anew, with it or without */
		return true;
	}
	if (strcmp(e->command, "fee_charge") == 0) { /* legal_check() let it pass */
		if (interest_more(d, g, e, doc, &more, NULL) == 0)
			late_interest_put(doc->e, &more, e->who, e->why, &g->fx);
		doc->touched = true;
		return true;
	}
	if (e->offer) {
		accept(d, g, e, doc);
		return true;
	}
	if (!commitment_said(doc->e, debtor, decide_policy(d, doc->e, debtor), e, what_of(e), &g->fx))
		return false;
	doc->touched = true;
	sender_touch(d, NULL, doc->id);
	return true;
}

/* The ladder goes on at its next offer; where it has none, a person agrees on something. */
bool legal_settle(struct dunner *d, struct group *g, const struct event *e, struct doc *doc)
{
	const struct policy *policy = decide_policy(d, doc->e, debtor_of(d, g, doc));
	const struct zone *zone = zone_of(d, g, doc);

	for (size_t i = 0; policy && zone && i < policy->step_count; i++) {
		bool over = false;

		for (size_t k = 0; k < doc->e->walk_count; k++)
			over = over || strcmp(doc->e->walk[k].step, policy->steps[i].id) == 0;
		if (over || !policy->steps[i].offer_count)
			continue;
		doc->e->reenter = policy->steps[i].id;
		doc->e->reenter_why = "settle";
		doc->e->reenter_on = zone_date(zone, flow_now(d));
		return true;
	}
	legal_agree(d, g, e, doc);
	return false;
}

void legal_agree(struct dunner *d, struct group *g, const struct event *e, struct doc *doc)
{
	struct hold_entry hold = { .reason = "settle", .since = flow_now(d), .until = flow_now(d) + 30 * DAY_MS, .who = e->who, .why = e->why };

	escalation_hold(doc->e, g->arena, &hold);
}

void legal_write_off(struct group *g, const struct event *e, struct doc *doc)
{
	struct event fact = *e;

	fact.type = EVENT_INVOICE_MARKED_UNCOLLECTIBLE;
	fact.fact_id = fact.customer_id = NULL;
	fact.invoice_id = doc->id;
	(void)invoice_apply(&doc->e->invoice, &fact, g->arena);
}

/* An outsider: nobody else may be told of the debt, unless a named person lets this one be written to, about this debtor. */
int legal_allow(struct dunner *d, struct group *g, struct input *input)
{
	const struct event *e = &input->event;
	struct doc *debtor = group_find(d, g, DOC_DEBTOR, e->target);
	struct json contact = json_get(&e->data, "contact_id");
	struct allowed allowed = { .contact = json_str(&contact), .who = e->who, .why = e->why, .on = strcmp(e->command, "allow") == 0,
		.order = { .time = e->time, .source = e->source, .id = e->id }, .last_on = allowed_until(e->time, e->until_on) };
	struct draft *draft;
	bool known = false;
	char day[DATE_TEXT_SIZE];

	if (!debtor || !debtor->loaded || !debtor->existed)
		return err_set(&input->err, -EBADMSG, "unknown_customer", "$.data.target", "no such customer is known");
	for (size_t i = 0; allowed.contact && i < debtor->d->customer.contact_count; i++)
		known |= strcmp(debtor->d->customer.contacts[i].id, allowed.contact) == 0;
	if (!known)
		return err_set(&input->err, -EBADMSG, "unknown_contact", "$.data.contact_id", "the customer has no such contact");
	if (allowed.last_on.days < e->time / DAY_MS || allowed.last_on.days > e->time / DAY_MS + ALLOWED_DAYS_MAX)
		return err_set(&input->err, -EBADMSG, "out_of_range", "$.data.until_on", "must be a day from today on, %d days away at most", ALLOWED_DAYS_MAX);
	if (!debtor_allow(debtor->d, g->arena, &allowed))
		return 0; /* told again */
	g->fx.actor = arena_printf(g->arena, "person:%s", e->who);
	draft = effects_record(&g->fx, allowed.on ? "outsider.allowed" : "outsider.forbidden", debtor->id);
	jw_str(&draft->w, "contact", allowed.contact);
	jw_str(&draft->w, "who", e->who);
	jw_str(&draft->w, "why", e->why);
	if (allowed.on)
		jw_str(&draft->w, "until_on", date_format(allowed.last_on, day));
	jw_str(&draft->w, "event_id", e->id);
	sender_touch(d, debtor->id, NULL);
	decide_touch_debtor(g, debtor);
	g->fx.actor = "daemon";
	return 0;
}
