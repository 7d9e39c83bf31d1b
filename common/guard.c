/* The decision. Files: guard_rules.c; questions as JSON: guard_answer.c. */
#include "common/guard.h"

#include <errno.h>
#include <string.h>

#include "common/utc.h"

#define LOOK_DAYS 400 /* as far ahead as hours are looked for */
#define CONSENT_DAYS 7 /* a call asked for so long ago at most: 12 CFR 1006.14(b)(3)(i) */
#define ELECTRONIC (1u << CHANNEL_EMAIL | 1u << CHANNEL_SMS)

const char *const guard_decision_names[GUARD_DECISION_COUNT + 1] = { [GUARD_ALLOW] = "allow", [GUARD_DEFER] = "defer",
	[GUARD_REVIEW] = "review", [GUARD_DENY] = "deny" };

unsigned guard_debtor(const char *kind)
{
	static const char *const businesses[] = { "business", "company", "public", "public_body", NULL };

	if (kind && strcmp(kind, "sole_trader") == 0)
		return DEBTOR_CONSUMER | DEBTOR_BUSINESS;
	for (const char *const *word = businesses; kind && *word; word++)
		if (strcmp(*word, kind) == 0)
			return DEBTOR_BUSINESS;
	return DEBTOR_CONSUMER;
}

/* --- which rules ------------------------------------------------------------------------------------------------------ */

static bool in_union(const char *country)
{
	static const char members[] = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK";

	return strlen(country) == 2 && strstr(members, country);
}

static bool same(const char *a, const char *b) /* hundreds of rules are looked through for each contact: few need more than a letter */
{
	return a[0] == b[0] && strcmp(a, b) == 0;
}

static void choose_rules(const struct guard_rules *rules, const struct place *place, enum place_fit least,
	const struct contact_rule *ret[GUARD_RULES_MAX + 1])
{
	const char *country = place->country;
	static const char *const wider[] = { "EU", "*" };
	bool policy = false;
	size_t n = 0;

	for (size_t i = 0; i < rules->rule_count && n < GUARD_RULES_MAX; i++) {
		const struct contact_rule *rule = &rules->rules[i];

		if (!country || !same(rule->country, country) || (rule->region && place_fit(place, &rule->area) < least))
			continue;
		ret[n++] = rule;
		policy = policy || (rule->policy && !rule->region);
	}
	/* Of our own caution the nearest: the country's, the Union's, or what holds everywhere. */
	for (size_t w = 0; w < ARRAY_LEN(wider) && !policy; w++)
		for (size_t i = 0; i < rules->rule_count && n < GUARD_RULES_MAX; i++) {
			const struct contact_rule *rule = &rules->rules[i];

			if (!same(rule->country, wider[w]) || (w == 0 && (!country || !in_union(country))))
				continue;
			ret[n++] = rule;
			policy = policy || rule->policy;
		}
	ret[n] = NULL;
}

const struct contact_rule *guard_confirms(const struct guard_rules *rules, const char *country, enum channel channel)
{
	const struct contact_rule *of[GUARD_RULES_MAX + 1];

	guard_rules_of(rules, country, NULL, of);
	for (const struct contact_rule *const *rule = of; *rule; rule++)
		if ((*rule)->confirms & 1u << channel)
			return *rule;
	return NULL;
}

void guard_rules_of(const struct guard_rules *rules, const char *country, const char *region,
	const struct contact_rule *ret[GUARD_RULES_MAX + 1])
{
	choose_rules(rules, &(struct place){ .country = country, .region = region }, PLACE_THERE, ret);
}

void guard_rules_at(const struct guard_rules *rules, const struct place *place, const struct contact_rule *ret[GUARD_RULES_MAX + 1])
{
	choose_rules(rules, place, PLACE_PERHAPS, ret);
}

/* Whether a rule is about such a contact at all. */
static bool binds(const struct contact_rule *rule, const struct guard_request *q)
{
	if (!(rule->roles & 1u << q->role) || !(rule->debtors & q->debtor) || !(rule->channels & 1u << q->channel) ||
		(rule->collection_only && q->role == ROLE_CREDITOR && !q->in_collection))
		return false;
	return !date_is_set(rule->from) || q->at >= (int64_t)rule->from.days * DAY_MS;
}

/* --- hours ------------------------------------------------------------------------------------------------------------ */

static bool closed_on(const struct guard_rules *rules, const struct contact_hours *hours, const char *calendar, date d)
{
	int year, month, day;

	if (hours->calendar && is_day_off(&rules->off, calendar ? calendar : hours->calendar, d))
		return true;
	date_split(d, &year, &month, &day);
	for (const int *off = hours->days_off; off && *off; off++)
		if (*off == month * 100 + day)
			return true;
	return false;
}

/* The first instant >= at inside the hours, in one zone. INT64_MAX: there is none within LOOK_DAYS. */
static int64_t hours_next(const struct guard_rules *rules, const struct contact_hours *hours, const char *calendar,
	const struct zone *zone, int64_t at)
{
	date d = zone_date(zone, at);

	for (int i = 0; i < LOOK_DAYS; i++, d = date_add_days(d, 1)) {
		int64_t best = INT64_MAX;

		if (closed_on(rules, hours, calendar, d))
			continue;
		for (size_t w = 0; w < hours->count; w++) {
			const struct contact_window *window = &hours->windows[w];
			int64_t opens, closes;

			if (!(window->weekdays >> (date_weekday(d) - MONDAY) & 1))
				continue;
			opens = zone_to_utc(zone, d, window->from_minute);
			closes = zone_to_utc(zone, d, window->to_minute);
			if (at < closes && opens < closes) {
				opens = at > opens ? at : opens;
				best = opens < best ? opens : best;
			}
		}
		if (best != INT64_MAX)
			return best;
	}
	return INT64_MAX;
}

/* In each zone that may be the person's. */
static int64_t hours_next_everywhere(const struct guard_rules *rules, const struct contact_hours *hours, const struct guard_request *q,
	int64_t at)
{
	int64_t from, limit = at + LOOK_DAYS * DAY_MS;

	do {
		from = at;
		for (size_t z = 0; z < q->zone_count && at <= limit; z++)
			at = hours_next(rules, hours, q->calendar, q->zones[z], at);
	} while (at != from && at <= limit);
	return at <= limit ? at : INT64_MAX;
}

/* --- caps ------------------------------------------------------------------------------------------------------------- */

static int64_t first_conversation(const struct guard_request *q)
{
	int64_t first = INT64_MAX;

	for (size_t i = 0; i < q->history_count; i++)
		if (q->history[i].outcome == MADE_CONVERSATION && q->history[i].at < first)
			first = q->history[i].at;
	return first;
}

static bool counts(const struct contact_cap *cap, const struct guard_request *q, const struct guard_contact *made, int64_t conversation)
{
	if (!(cap->channels & 1u << made->channel) || cap->not_counted & 1u << made->outcome || made->at > q->at)
		return false;
	if (cap->per_debt && q->debt && made->debt && strcmp(q->debt, made->debt) != 0)
		return false;
	return !cap->after_conversation || made->at > conversation;
}

static int64_t opening(const struct zone *zone, date d)
{
	return zone_to_utc(zone, d, 0);
}

/* When the cap leaves room again: `at` itself, or the midnight at which enough of them have left its days. */
static int64_t cap_next(const struct contact_cap *cap, const struct guard_request *q)
{
	int64_t conversation = cap->after_conversation ? first_conversation(q) : 0, next = q->at;

	for (size_t z = 0; cap->max && z < q->zone_count; z++) {
		date today = zone_date(q->zones[z], q->at), oldest = date_none();
		int32_t seen = 0;

		/* The max-th from the last: so many days after it there is room. */
		for (size_t i = 0; i < q->history_count; i++) {
			date on = zone_date(q->zones[z], q->history[i].at);
			int32_t later = 0;

			if (!counts(cap, q, &q->history[i], conversation) || date_diff(today, on) >= cap->days)
				continue;
			seen++;
			for (size_t k = 0; k < q->history_count; k++)
				later += k != i && counts(cap, q, &q->history[k], conversation) &&
					(q->history[k].at > q->history[i].at || (q->history[k].at == q->history[i].at && k > i));
			if (later == cap->max - 1)
				oldest = on;
		}
		if (seen >= cap->max && date_is_set(oldest)) {
			int64_t room = opening(q->zones[z], date_add_days(oldest, cap->days));

			next = room > next ? room : next;
		}
	}
	return next;
}

static int64_t silence_next(const struct contact_rule *rule, const struct guard_request *q)
{
	int64_t next = q->at;

	if (!rule->after_conversation_days || q->channel != CHANNEL_CALL)
		return next;
	for (size_t i = 0; i < q->history_count; i++)
		for (size_t z = 0; z < q->zone_count; z++) {
			int64_t end;

			if (q->history[i].outcome != MADE_CONVERSATION || q->history[i].at > q->at ||
				(q->debt && q->history[i].debt && strcmp(q->debt, q->history[i].debt) != 0))
				continue;
			end = opening(q->zones[z],
				date_add_days(zone_date(q->zones[z], q->history[i].at), (int32_t)rule->after_conversation_days));
			next = end > next ? end : next;
		}
	return next;
}

/* The day after the last of a period that is counted in days at the person. */
static int64_t day_after(const struct guard_request *q, date last)
{
	int64_t next = q->at;

	for (size_t z = 0; z < q->zone_count; z++) {
		int64_t end = opening(q->zones[z], date_add_days(last, 1));

		next = end > next ? end : next;
	}
	return next;
}

static int64_t grace_next(const struct guard_rules *rules, const struct contact_rule *rule, const struct guard_request *q)
{
	date first, last;

	if (!rule->grace || !date_is_set(q->reminder_sent) || !rules->fees || !rules->fees->grace_source ||
		fees_grace(rules->fees, &rules->off, q->reminder_sent, q->reminder_by ? q->reminder_by : "post", &first, &last) < 0)
		return q->at;
	return day_after(q, last);
}

/* --- who, and what the message must be -------------------------------------------------------------------------------- */

static struct guard_answer answered(enum guard_decision decision, const char *reason, const struct contact_rule *rule, const char *source)
{
	return (struct guard_answer){ .decision = decision, .reason = reason, .by = rule, .rule = rule ? rule->id : NULL,
		.source = rule ? rule->source : source };
}

static struct guard_answer routed(const char *reason, const char *route, const char *source)
{
	struct guard_answer a = answered(GUARD_DENY, reason, NULL, source);

	a.route = route;
	return a;
}

static bool country_listed(const char *const *countries, const char *country)
{
	for (; countries && *countries; countries++)
		if (country && strcmp(*countries, country) == 0)
			return true;
	return !countries;
}

static struct guard_answer to_whom(const struct guard_rules *rules, const struct guard_request *q)
{
	struct guard_answer a = q->relation ? answered(GUARD_DENY, "third_party", NULL,
						      "15 USC 1692c(b); CONC 7.9.6; CDE/WER book XIX; C. civ. 1240; GDPR 5(1)(c), 6") :
					      answered(GUARD_ALLOW, NULL, NULL, NULL);

	for (size_t i = 0; q->relation && i < rules->relation_count; i++) {
		const struct relation *r = &rules->relations[i];

		if (strcmp(r->name, q->relation) != 0 || !(r->debtors & q->debtor) || !country_listed(r->countries, q->country))
			continue;
		a = answered(r->decision, r->reason, NULL, r->source);
		a.route = r->route;
		break;
	}
	if (a.decision == GUARD_DENY)
		return a;
	if (a.decision == GUARD_REVIEW && q->approved)
		a.decision = GUARD_ALLOW;
	if (q->visible)
		return answered(GUARD_DENY, "visible_content", NULL, "12 CFR 1006.22(f); CDE/WER book XIX; GDPR 5(1)(f)");
	if (q->outsiders)
		return answered(GUARD_REVIEW, "outside_recipient", NULL, "our own caution: a copy tells others of the debt");
	return a;
}

/* What ends all chasing, before anything else is asked. */
static bool stopped(const struct guard_request *q, struct guard_answer *ret)
{
	if (q->opted_out & 1u << q->channel) {
		if (q->confirmation && q->at >= q->opted_out_at && q->at - q->opted_out_at <= GUARD_CONFIRM_MS)
			*ret = answered(GUARD_ALLOW, NULL, NULL, NULL);
		else
			*ret = answered(GUARD_DENY, "opted_out", NULL, "47 CFR 64.1200(a)(10); GDPR 21");
		return true;
	}
	if (q->ceased)
		*ret = answered(GUARD_DENY, "cease_communication", NULL, "15 USC 1692c(c)");
	else if (q->represented)
		*ret = routed("represented", "attorney", "15 USC 1692c(a)(2)");
	else if (date_is_set(q->insolvency) && q->at >= (int64_t)q->insolvency.days * DAY_MS)
		*ret = routed("insolvency", "declare_claim", "C. com. L622-7, L622-21; stay of actions");
	else if (q->stopped)
		*ret = answered(GUARD_DENY, q->stopped, NULL, "our own caution: a person lifts it");
	else
		return false;
	return true;
}

static bool message_refused(const struct contact_rule *rule, const struct guard_request *q, struct guard_answer *ret)
{
	bool electronic = ELECTRONIC & 1u << q->channel;

	if (rule->opt_out_text && electronic && q->opt_out_text == TOLD_NO)
		*ret = answered(GUARD_DENY, "opt_out_text_missing", rule, NULL);
	else if (rule->work_email && q->channel == CHANNEL_EMAIL && q->work_address)
		*ret = answered(GUARD_DENY, "work_email", rule, NULL);
	else if (rule->electronic_consent && electronic && q->electronic_consent != TOLD_YES)
		*ret = answered(GUARD_DENY, "electronic_consent_missing", rule, NULL);
	else
		return false;
	return true;
}

/* --- when ------------------------------------------------------------------------------------------------------------- */

/* What puts it off, in the order in which it is told; `next` is the latest of all. */
static void put_off(struct guard_answer *a, int64_t at, int64_t next, const char *reason, const struct contact_rule *rule)
{
	if (next <= at)
		return;
	if (!a->reason) {
		a->reason = reason;
		a->by = rule;
		a->rule = rule ? rule->id : NULL;
		a->source = rule ? rule->source : NULL;
	}
	a->next = next > a->next ? next : a->next;
}

/* The user's own hours: in their zone, or wherever the person may be. */
static int64_t own_next(const struct guard_request *q, int64_t at)
{
	struct business_time own = *q->own;
	int64_t from, limit = at + LOOK_DAYS * DAY_MS;

	if (!q->own_at_person)
		return business_next(&own, at);
	do {
		from = at;
		for (size_t z = 0; z < q->zone_count && at <= limit; z++) {
			own.zone = q->zones[z];
			at = business_next(&own, at);
		}
	} while (at != from && at <= limit);
	return at <= limit ? at : INT64_MAX;
}

/* Hours of all rules, of the person's wish and of the user's own, until none moves the instant any more. */
static int64_t all_hours(const struct guard_rules *rules, const struct guard_request *q, int64_t at)
{
	int64_t from, limit = at + LOOK_DAYS * DAY_MS;

	do {
		from = at;
		for (const struct contact_rule *const *rule = q->rules; *rule && at <= limit; rule++)
			if (binds(*rule, q) && (*rule)->hours.count)
				at = hours_next_everywhere(rules, &(*rule)->hours, q, at);
		if (q->preferred && at <= limit)
			at = hours_next_everywhere(rules, q->preferred, q, at);
		if (q->own && at <= limit)
			at = own_next(q, at);
	} while (at != from && at <= limit);
	return at <= limit ? at : INT64_MAX;
}

static bool names_hours(const struct guard_request *q)
{
	for (const struct contact_rule *const *rule = q->rules; *rule; rule++)
		if (binds(*rule, q) && (*rule)->hours.count)
			return true;
	return q->preferred || q->own;
}

static struct guard_answer when(const struct guard_rules *rules, const struct guard_request *q)
{
	struct guard_answer a = { .decision = GUARD_ALLOW, .next = q->at };
	bool called_for = q->channel == CHANNEL_CALL && q->call_consent_at && q->call_consent_at <= q->at &&
		q->at - q->call_consent_at < CONSENT_DAYS * DAY_MS;

	for (const struct contact_rule *const *rule = q->rules; *rule; rule++) {
		if (!binds(*rule, q))
			continue;
		put_off(&a, q->at, grace_next(rules, *rule, q), "grace_period", *rule);
		if ((*rule)->letter_days && date_is_set(q->letter_sent))
			put_off(&a, q->at, day_after(q, date_add_days(q->letter_sent, (int32_t)(*rule)->letter_days)), "first_letter_days",
				*rule);
	}
	for (const struct contact_rule *const *rule = q->rules; *rule; rule++) {
		if (!binds(*rule, q))
			continue;
		if (!called_for) {
			put_off(&a, q->at, silence_next(*rule, q), "after_conversation", *rule);
			if ((*rule)->calls.channels & 1u << q->channel)
				put_off(&a, q->at, cap_next(&(*rule)->calls, q), "call_cap", *rule);
		}
		put_off(&a, q->at, cap_next(&(*rule)->contacts, q), "contact_cap", *rule);
	}
	for (const struct contact_rule *const *rule = q->rules; *rule; rule++)
		if (binds(*rule, q) && (*rule)->hours.count)
			put_off(&a, q->at, hours_next_everywhere(rules, &(*rule)->hours, q, q->at), "outside_window", *rule);
	if (q->preferred)
		put_off(&a, q->at, hours_next_everywhere(rules, q->preferred, q, q->at), "preference", NULL);
	if (q->own)
		put_off(&a, q->at, own_next(q, q->at), "window", NULL);
	if (!a.reason)
		return a;
	a.decision = GUARD_DEFER;
	a.day_only = !names_hours(q);
	a.zone = q->zones[0];
	a.next = a.next == INT64_MAX ? INT64_MAX : all_hours(rules, q, a.next);
	if (a.next == INT64_MAX) { /* hours that never meet: nobody waits for what cannot come */
		a.decision = GUARD_REVIEW;
		a.reason = "no_common_hours";
		return a;
	}
	for (size_t z = 1; z < q->zone_count; z++) /* where it is earliest: there the day begins last */
		if (zone_offset_minutes(q->zones[z], a.next) < zone_offset_minutes(a.zone, a.next))
			a.zone = q->zones[z];
	return a;
}

struct guard_answer guard_decide(const struct guard_rules *rules, const struct guard_request *q)
{
	struct guard_answer a, later;
	bool bound = false;

	if (stopped(q, &a))
		return a;
	a = to_whom(rules, q);
	if (a.decision == GUARD_DENY)
		return a;
	for (const struct contact_rule *const *rule = q->rules; *rule; rule++) {
		struct guard_answer refusal;

		if (!binds(*rule, q))
			continue;
		bound = true;
		if (message_refused(*rule, q, &refusal))
			return refusal;
	}
	if (a.decision == GUARD_REVIEW || !q->timed)
		return a;
	if (!q->zone_count)
		return bound || q->own || q->preferred ? answered(GUARD_REVIEW, "zone_unknown", NULL, "our own caution: no hour is known there") : a;
	later = when(rules, q);
	return later.decision == GUARD_ALLOW ? a : later;
}
