#include "common/permit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/utc.h"

#define CHECK_AT INT64_C(4102704000000) /* 2100-01-04, a Monday: every rule that is known today is in force */
#define ROUNDS_MAX 1000 /* each moves on by hours or days: far beyond any cap */

static const struct contact_rule *const no_rules[] = { NULL };

/* --- who, where, what was before --------------------------------------------------------------------------------------- */

/* A role that the law data knows as a relation is that; any other is one of the debtor's own people. */
static const char *relation_of(const struct guard_rules *guard, const char *role)
{
	for (size_t i = 0; role && i < guard->relation_count; i++)
		if (guard->relations[i].name[0] == role[0] && strcmp(guard->relations[i].name, role) == 0)
			return role;
	return NULL;
}

/* The debtor's zone; not known: all of their country; neither: the creditor's. */
static void add_zones(const struct permit_case *c, struct guard_request *q)
{
	const struct customer *customer = &c->debtor->customer;

	if (customer->timezone && zone_get(customer->timezone, &q->zones[0]) == 0)
		q->zone_count = 1;
	if (!q->zone_count && customer->country)
		q->zone_count = zone_of_country(customer->country, q->zones, GUARD_ZONES_MAX);
	if (!q->zone_count && c->creditor_zone && zone_get(c->creditor_zone, &q->zones[0]) == 0)
		q->zone_count = 1;
}

static size_t add_history(const struct debtor *debtor, struct guard_contact history[DEBTOR_CONTACTS_KEPT])
{
	size_t from = debtor->contact_count > DEBTOR_CONTACTS_KEPT ? debtor->contact_count - DEBTOR_CONTACTS_KEPT : 0, n = 0;

	for (size_t i = from; i < debtor->contact_count; i++)
		if (!delivery_reached_nobody(debtor->contacts[i].delivery))
			history[n++] = (struct guard_contact){ .channel = debtor->contacts[i].channel, .at = debtor->contacts[i].at };
	return n;
}

/*
 * The next opening after a day, theirs, on which the debtor is written to anyhow. A policy whose steps may share one (`same_day`) still leaves
 * a day of its own to what is beside the ladder.
 */
static int64_t day_of_its_own(const struct permit_case *c, const struct business_time *when, int64_t at)
{
	for (size_t i = c->debtor->contact_count; i-- > 0;) {
		const struct contact_made *made = &c->debtor->contacts[i];
		date day = business_date(when, made->at);

		if (made->channel == CHANNEL_CALL || delivery_reached_nobody(made->delivery) ||
			(c->policy->same_day && !c->aside && !made->aside) || date_diff(day, business_date(when, at)) != 0)
			continue;
		return business_opening(when, date_add_days(day, 1));
	}
	return at;
}

/* --- the answer -------------------------------------------------------------------------------------------------------- */

static struct permit refused(const struct guard_answer *a, int64_t at)
{
	return (struct permit){ .decision = a->decision, .at = at, .why = a->reason, .rule = a->rule, .source = a->source };
}

struct permit permit_contact(const struct permit_case *c, int64_t from)
{
	static const struct guard_rules nothing;
	const struct guard_rules *guard = c->guard ? c->guard : &nothing;
	const struct business_time when = schedule_window(c->policy, c->debtor, c->creditor_zone, c->holidays);
	const struct contact_rule *rules[GUARD_RULES_MAX + 1];
	struct guard_contact history[DEBTOR_CONTACTS_KEPT];
	bool outside = c->contact && c->contact->external; /* by a named person's word: see debtor_contact() */
	struct guard_request q = { .rules = no_rules, .country = c->debtor->customer.country, .channel = c->channel, .timed = true,
		.role = guard->role, .in_collection = guard->role == ROLE_COLLECTOR,
		.debtor = guard_debtor(customer_kind_names[c->debtor->customer.kind]), .calendar = c->debtor->customer.country,
		.insolvency = date_none(), .letter_sent = date_none(), .reminder_sent = c->again || c->aside ? date_none() : c->first_reminder,
		.reminder_by = c->by_post ? "post" : "email", .relation = outside ? c->contact->role : relation_of(guard, c->contact ? c->contact->role : NULL), .approved = outside,
		.own = &when, .own_at_person = c->policy->window.debtor_zone, .history = history };
	const struct place place = debtor_place(c->debtor);
	const struct calendar *off = holidays_of(c->holidays, &place);
	struct permit permit = { .decision = GUARD_ALLOW, .at = from };

	if (off)
		q.calendar = calendar_name(off);
	if (c->guard) {
		guard_rules_at(guard, &place, rules);
		q.rules = rules;
	}
	if (c->confirms) {
		q.opted_out = 1u << c->channel;
		q.opted_out_at = c->confirms;
		q.confirmation = true;
	}
	add_zones(c, &q);
	q.history_count = c->again || c->aside ? 0 : add_history(c->debtor, history);
	for (int i = 0; i < ROUNDS_MAX; i++) {
		const char *why = NULL;
		struct guard_answer a;

		q.at = c->again || c->aside ? permit.at : pace_earliest(c->policy, c->debtor, c->channel, permit.at, &why);
		if (!c->again && !c->confirms && c->channel != CHANNEL_CALL) {
			int64_t day = day_of_its_own(c, &when, q.at);

			why = day > q.at ? "same_day" : why;
			q.at = day;
		}
		if (!permit.why)
			permit.why = why;
		a = guard_decide(guard, &q);
		if (a.decision == GUARD_DENY || a.decision == GUARD_REVIEW)
			return refused(&a, from);
		permit.at = q.at;
		if (a.decision == GUARD_ALLOW)
			return permit;
		if (!permit.why) {
			permit.why = a.reason;
			permit.rule = a.rule;
			permit.source = a.source;
		}
		permit.at = a.next;
	}
	return (struct permit){ .decision = GUARD_REVIEW, .at = from, .why = "no_common_hours" };
}

/* --- a policy ---------------------------------------------------------------------------------------------------------- */

static bool listed(const char *const *words, const char *word) /* NULL: all are */
{
	for (; words && *words; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return !words;
}

/* Hours that are the debtor's own meet those of the country in one of its zones as in any; that somebody's is not known is no fault of theirs. */
static const char *zone_within(const struct policy *policy, const char *country)
{
	const struct zone *zones[GUARD_ZONES_MAX];

	return policy->window.debtor_zone && country && zone_of_country(country, zones, GUARD_ZONES_MAX) ? zone_name(zones[0]) : NULL;
}

static int check_country(const struct guard_rules *guard, const struct policy *policy, size_t index, const char *country, const char *creditor_zone,
	struct err *err)
{
	const struct step *step = &policy->steps[index];
	struct debtor debtor = { .known = true, .customer = { .country = country, .timezone = zone_within(policy, country) } };
	char path[40];

	(void)snprintf(path, sizeof(path), "$.steps[%zu]", index);
	for (int kind = 0; customer_kind_names[kind]; kind++) {
		bool own_people = false; /* are all the same to the rules */

		for (const char *const *role = step->to; *role && listed(step->when.kinds, customer_kind_names[kind]); role++) {
			struct contact contact = { .role = *role };
			struct permit_case c = { .guard = guard, .policy = policy, .debtor = &debtor, .contact = &contact,
				.channel = step->channel, .creditor_zone = creditor_zone, .first_reminder = date_none() };
			struct permit permit;

			if (!relation_of(guard, *role) && own_people)
				continue;
			own_people = own_people || !relation_of(guard, *role);
			debtor.customer.kind = kind;
			permit = permit_contact(&c, CHECK_AT);
			if (permit.decision == GUARD_DENY && strcmp(permit.why, "electronic_consent_missing") != 0)
				return err_set(err, -EBADMSG, "unlawful", path, "it must not write to \"%s\" of a %s in %s: %s (%s)", *role,
					customer_kind_names[kind], country ? country : "any country", permit.why, permit.source ? permit.source : "our own caution");
			if (permit.decision == GUARD_REVIEW && strcmp(permit.why, "no_common_hours") == 0)
				return err_set(err, -EBADMSG, "unlawful", path,
					"it can never go out in %s: the policy's window and the hours that a %s may be contacted at never meet",
					country ? country : "any country", customer_kind_names[kind]);
		}
	}
	return 0;
}

int permit_check_step(const struct guard_rules *guard, const struct policy *policy, size_t index, const char *country, const char *creditor_zone,
	struct err *err)
{
	const struct step *step = &policy->steps[index];
	const char *const *countries = step->when.countries;
	int r = 0;

	if (step->kind != STEP_MESSAGE && step->kind != STEP_CALL)
		return 0;
	if (!countries)
		return check_country(guard, policy, index, country, creditor_zone, err);
	for (; *countries && r == 0; countries++)
		r = check_country(guard, policy, index, *countries, creditor_zone, err);
	return r;
}
