/* What the law says of a ladder before anybody walks it: who is written to and when, fees, and claims that time has barred. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/lint_internal.h"
#include "common/permit.h"

#define CONSUMER "consumer"
#define PUBLIC "public"

/* The countries that a step names, else the creditor's; NULL behind the last. */
static const char *const *countries_of(const struct lint *l, const struct step *step, const char *own[2])
{
	own[0] = l->input->country;
	own[1] = NULL;
	return step->when.countries ? step->when.countries : own;
}

/* --- fees --------------------------------------------------------------------------------------------------------------- */

enum ground { GROUND_LAW, GROUND_CONTRACT, GROUND_NONE };

static bool for_consumers(const struct regime *regime)
{
	size_t len = regime ? strlen(regime->name) : 0;

	return len > 4 && strcmp(regime->name + len - 4, "-B2C") == 0;
}

/* Names of the law data: "FR-B2B", "FR-B2C", "FR-PUBLIC", and "US" where the contract alone counts; "be_b2c_cap" of the sums. */
static enum ground ground_of(const struct lint *l, const char *country, const char *kind, const char **source)
{
	const struct law *law = l->input->law;
	bool consumer = strcmp(kind, CONSUMER) == 0;
	const struct regime *regime;
	char name[16];

	*source = NULL;
	if (!country) /* anywhere: between traders most countries give one */
		return consumer && !for_consumers(l->late) ? GROUND_NONE : GROUND_LAW;
	for (size_t i = 0; i < law->fees.ban_count; i++) {
		const struct fee_ban *ban = &law->fees.bans[i];

		if (strcmp(ban->country, country) == 0 && strcmp(ban->debtor, kind) == 0) {
			*source = ban->source;
			return GROUND_NONE;
		}
	}
	if (strcmp(kind, PUBLIC) == 0) {
		(void)snprintf(name, sizeof(name), "%.2s-PUBLIC", country);
		if (interest_regime(&law->interest, name))
			return GROUND_LAW;
	}
	(void)snprintf(name, sizeof(name), consumer ? "%.2s-B2C" : "%.2s-B2B", country);
	if (interest_regime(&law->interest, name))
		return GROUND_LAW;
	(void)snprintf(name, sizeof(name), "%c%c_b2c_cap", tolower((unsigned char)country[0]), tolower((unsigned char)country[1]));
	if (consumer && fees_table(&law->fees, name))
		return GROUND_LAW;
	regime = interest_regime(&law->interest, country);
	return regime && !consumer && !regime->series && regime->fixed == RATE_NONE ? GROUND_CONTRACT : GROUND_NONE;
}

/* Tells the first kind of debtor and country without a ground; true: there is one. */
static bool check_ground(struct lint *l, size_t i, const char *country, enum lint_kind kind, enum ground wanted)
{
	const struct step_if *when = &l->policy->steps[i].when;
	const char *source;

	for (size_t k = 0; customer_kind_names[k]; k++) {
		if (!lint_lists(when->kinds, customer_kind_names[k]) || ground_of(l, country, customer_kind_names[k], &source) != wanted)
			continue;
		lint_add(l, kind, i, "fees", NULL, "it is also for debtors of kind %s in %s%s%s", customer_kind_names[k], country ? country : "any country",
			source ? ", of whom none may be asked: " : "", source ? source : "");
		return true;
	}
	return false;
}

/*
 * Where collecting from consumers waits for a free first reminder (CDE/WER XIX.2), that reminder must come before, and so many days.
 */
static void check_grace(struct lint *l, size_t i, const char *country)
{
	const struct guard_rules *guard = &l->input->law->guard;
	const struct policy *policy = l->policy;

	for (size_t r = 0; country && r < guard->rule_count; r++) {
		int64_t most = 0;
		size_t first = 0;

		if (!guard->rules[r].grace || strcmp(guard->rules[r].country, country) != 0)
			continue;
		while (first < i && (!lint_contacts(&policy->steps[first]) || !lint_lists(policy->steps[first].when.kinds, CONSUMER) ||
					    !lint_lists(policy->steps[first].when.countries, country) || policy_step_span(policy, first).most <= 0))
			first++;
		if (first == i)
			lint_add(l, LINT_FEE_EARLY, i, "fees", NULL, "in %s the first reminder of a consumer is free: %s", country,
				guard->fees->reminder_source ? guard->fees->reminder_source : guard->rules[r].source);
		else if (lint_distance(policy, first, i, &most) && most <= guard->fees->grace_days)
			lint_add(l, LINT_FEE_EARLY, i, "fees", NULL, "in %s a consumer has %" PRId64 " days after the first reminder, \"%s\": %s", country,
				guard->fees->grace_days, policy->steps[first].id,
				guard->fees->grace_source ? guard->fees->grace_source : guard->rules[r].source);
		return;
	}
}

static void check_fees(struct lint *l, size_t i)
{
	const struct step *step = &l->policy->steps[i];
	struct step_span span = policy_step_span(l->policy, i);

	if (!step->fees)
		return;
	if (!l->policy->regime) {
		lint_add(l, LINT_FEE_WITHOUT_GROUND, i, "fees", "no_ground", "$.late.regime of the policy does not say which law they stand on");
		return;
	}
	if (span.root == ANCHOR_DUE && span.most <= 0)
		lint_add(l, LINT_FEE_EARLY, i, "fees", NULL, "they run from the day after the due date");
	if (!step->when.countries) {
		(void)check_ground(l, i, NULL, LINT_FEE_WITHOUT_GROUND, GROUND_NONE);
		return;
	}
	for (const char *const *c = step->when.countries; *c; c++) {
		if (check_ground(l, i, *c, LINT_FEE_WITHOUT_GROUND, GROUND_NONE))
			return;
		(void)check_ground(l, i, *c, LINT_FEE_BY_CONTRACT, GROUND_CONTRACT);
		if (lint_lists(step->when.kinds, CONSUMER))
			check_grace(l, i, *c);
	}
}

/* --- limitation --------------------------------------------------------------------------------------------------------- */

/* From the last day of a year no period is longer than it must be: German law counts to the end of the year. */
static void check_limitation(struct lint *l, size_t i)
{
	const struct step *step = &l->policy->steps[i];
	const struct step_span span = policy_step_span(l->policy, i);
	const date due = date_of(2025, 12, 31);
	const char *own[2];

	if (span.root == ANCHOR_ISSUED)
		return;
	for (const char *const *c = countries_of(l, step, own); *c; c++)
		for (size_t k = 0; customer_kind_names[k]; k++) {
			unsigned debtor = guard_debtor(customer_kind_names[k]);
			const struct limitation_rule *rule;
			date last;

			if (!lint_lists(step->when.kinds, customer_kind_names[k]))
				continue;
			rule = limitation_last_day(&l->input->law->limitation, *c,
				debtor == DEBTOR_CONSUMER ? CONSUMER : debtor == DEBTOR_BUSINESS ? "business" : NULL, due, NULL, 0, &last);
			if (!rule || span.least <= date_diff(last, due))
				continue;
			lint_add(l, LINT_BEYOND_LIMITATION, i, "at", NULL, "day %" PRId64 " past the due date lies beyond the %d years of a %s in %s: %s",
				span.least, rule->years, customer_kind_names[k], *c, rule->source);
			return;
		}
}

/* --- contact rules ------------------------------------------------------------------------------------------------------ */

static void check_permit(struct lint *l, size_t i)
{
	struct err err = { 0 };

	if (permit_check_step(&l->input->law->guard, l->policy, i, l->input->country, l->input->zone, &err) < 0)
		lint_add(l, LINT_UNLAWFUL, i, strstr(err.text, "never meet") ? "$.window.hours" : "to", err.code, "%s", err.text);
}

void lint_regime(struct lint *l)
{
	const char *name = l->policy->regime;

	if (!name || !l->input->law)
		return;
	l->late = interest_regime(&l->input->law->interest, name);
	if (l->late && l->late->cited.count)
		return;
	lint_add(l, LINT_UNKNOWN_REGIME, LINT_POLICY, "$.late.regime", NULL, "\"%s\" %s", name,
		l->late ? "cites no statute" : "is in none of the law files");
	l->late = NULL;
}

void lint_lawful(struct lint *l, size_t step)
{
	if (!l->input->law)
		return;
	check_permit(l, step);
	check_fees(l, step);
	check_limitation(l, step);
}

/* --- caps --------------------------------------------------------------------------------------------------------------- */

/* Whether the rule is about such a debtor. Of consumers alone: only when the policy speaks of them, since most policies are not for them. */
static bool about(const struct lint *l, const struct contact_rule *rule, const struct lint_audience *audience)
{
	bool named = false;

	for (size_t i = 0; i < l->policy->step_count; i++)
		named = named || (l->policy->steps[i].when.kinds && lint_lists(l->policy->steps[i].when.kinds, CONSUMER));
	return rule->roles & 1u << l->input->law->guard.role && rule->debtors & guard_debtor(audience->kind) && !rule->collection_only &&
		(named || rule->debtors & DEBTOR_BUSINESS);
}

static bool cap_of_law(struct lint *l, const struct contact_rule *rule, const struct contact_cap *cap, const struct lint_audience *audience)
{
	const struct policy *policy = l->policy;
	int64_t most;

	for (size_t i = 0; i < policy->step_count; i++) {
		int32_t found = 0;

		for (size_t k = i; k < policy->step_count; k++) {
			const struct step *step = &policy->steps[k];

			if (!lint_contacts(&policy->steps[i]) || !lint_contacts(step) || !(audience->steps >> i & 1) || !(audience->steps >> k & 1) ||
				!(cap->channels & 1u << policy->steps[i].channel) || !(cap->channels & 1u << step->channel) ||
				!lint_distance(policy, i, k, &most) || most >= cap->days || ++found <= cap->max || !(rule->channels & 1u << step->channel))
				continue;
			lint_add(l, LINT_CAP_OF_LAW, k, "at", NULL, "with \"%s\" and what lies between it is contact %" PRId32 " within %" PRId32
				" days, and %s allows %" PRId32 " (%s)", policy->steps[i].id, found, cap->days, rule->id, cap->max, rule->source);
			return true;
		}
	}
	return false;
}

/* Each rule once. */
void lint_caps_of_law(struct lint *l)
{
	const struct contact_rule *of[GUARD_RULES_MAX + 1], *told[GUARD_RULES_MAX] = { NULL };
	size_t told_count = 0;

	for (size_t a = 0; l->input->law && a < l->audience_count; a++) {
		guard_rules_of(&l->input->law->guard, lint_country(l, &l->audiences[a]), NULL, of);
		for (size_t r = 0; of[r] && told_count < GUARD_RULES_MAX; r++) {
			const struct contact_cap *caps[] = { &of[r]->calls, &of[r]->contacts };
			bool known = !about(l, of[r], &l->audiences[a]);

			for (size_t t = 0; t < told_count; t++)
				known = known || told[t] == of[r];
			for (size_t c = 0; c < ARRAY_LEN(caps) && !known; c++)
				if (caps[c]->max && !caps[c]->after_conversation && (known = cap_of_law(l, of[r], caps[c], &l->audiences[a])))
					told[told_count++] = of[r];
		}
	}
}
