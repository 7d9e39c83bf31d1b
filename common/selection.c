#include "common/selection.h"

#include <string.h>

const char *const selected_by_names[SELECTED_BY_COUNT + 1] = { "invoice", "customer", "rule", "default", "operator", NULL };

bool word_listed(const char *const *words, const char *word)
{
	if (!words)
		return true;
	for (; word && *words; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return false;
}

bool any_tag(const char *const *wanted, const char *tags)
{
	if (!wanted)
		return true;
	for (; *wanted; wanted++) {
		size_t n = strlen(*wanted);

		for (const char *at = tags; at && *at;) {
			size_t len = strcspn(at, ",");

			if (len == n && strncmp(at, *wanted, n) == 0)
				return true;
			at += len + (at[len] == ',');
		}
	}
	return false;
}

/* --- rules ------------------------------------------------------------------------------------------------------------ */

static bool within(const struct rule_range *range, int64_t value)
{
	return (range->min < 0 || value >= range->min) && (range->max < 0 || value <= range->max);
}

/* This invoice is not among those that speak of the debtor. */
static int64_t open_others(const struct debtor *debtor, const char *invoice_id)
{
	int64_t count = 0;

	for (size_t i = 0; i < debtor->open_count; i++)
		count += strcmp(debtor->open[i], invoice_id) != 0;
	return count;
}

bool selection_matches(const struct policy_rule *rule, const struct invoice *invoice, const struct debtor *debtor)
{
	return word_listed(rule->kinds, customer_kind_names[debtor->customer.kind]) &&
		word_listed(rule->invoice_kinds, invoice_kind_names[invoice->snapshot.kind]) && word_listed(rule->countries, debtor->customer.country) &&
		any_tag(rule->tags, invoice->snapshot.tags) && (!rule->currency || strcmp(rule->currency, invoice->snapshot.currency) == 0) &&
		within(&rule->balance, invoice_view(invoice).balance) && within(&rule->open_invoices, open_others(debtor, invoice->id)) &&
		within(&rule->paid, debtor->paid) && within(&rule->paid_late, debtor->paid_late) &&
		within(&rule->promises_broken, debtor->promises_broken) && within(&rule->deposits, debtor->deposits) &&
		within(&rule->deposits_late, debtor->deposits_late);
}

static bool asked(const struct rule_range *range)
{
	return range->min >= 0 || range->max >= 0;
}

static bool asks_habits(const struct policy_rule *rule)
{
	return asked(&rule->paid) || asked(&rule->paid_late) || asked(&rule->promises_broken) || asked(&rule->deposits) || asked(&rule->deposits_late);
}

/* --- the more careful of two ------------------------------------------------------------------------------------------- */

struct manner {
	int tone; /* highest of its contacts; -1 = there is none */
	int32_t contacts;
	int64_t first; /* days in fifths, so that business days stay whole */
};

static int64_t fifths(const struct policy *policy, const struct step *step)
{
	int64_t days = (int64_t)step->at.days * (step->at.business ? 7 : 5);

	return step->at.anchor == ANCHOR_STEP ? days + fifths(policy, &policy->steps[step->at.step]) : days; /* always an earlier one */
}

static struct manner manner_of(const struct policy *policy)
{
	struct manner m = { .tone = -1 };

	for (size_t i = 0; i < policy->step_count; i++) {
		const struct step *step = &policy->steps[i];
		int64_t at = fifths(policy, step);

		if (step->kind != STEP_MESSAGE && step->kind != STEP_CALL)
			continue;
		if ((int)step->tone > m.tone)
			m.tone = (int)step->tone;
		if (!m.contacts++ || at < m.first)
			m.first = at;
	}
	if (policy->max_contacts && policy->max_contacts < m.contacts)
		m.contacts = policy->max_contacts;
	return m;
}

static int order(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

int selection_compare(const struct policy *a, const struct policy *b)
{
	struct manner x = manner_of(a), y = manner_of(b);
	int r;

	if (a->nothing != b->nothing)
		return a->nothing ? -1 : 1;
	if ((r = order(x.tone, y.tone)) || (r = order(x.contacts, y.contacts)) || (r = order(y.first, x.first)) ||
		(r = order(b->min_gap_ms, a->min_gap_ms)))
		return r;
	return strcmp(a->name, b->name);
}

bool selection_stricter(const struct policy *policy, const struct policy *before)
{
	struct manner now = manner_of(policy), then = manner_of(before);

	if (policy->nothing || !now.contacts || before->nothing || !then.contacts)
		return !policy->nothing && now.contacts && (before->nothing || !then.contacts);
	if (now.tone != then.tone)
		return now.tone > then.tone;
	return now.contacts != then.contacts ? now.contacts > then.contacts : now.first < then.first;
}

/* --- the choice --------------------------------------------------------------------------------------------------------- */

struct selection selection_choose(const struct config *config, selection_find_fn find, const void *arg, const struct invoice *invoice,
	const struct debtor *debtor)
{
	struct selection s = { .by = SELECTED_BY_DEFAULT, .asked = config->policy_rule_count > 0, .settled = debtor && debtor->known };

	s.before = debtor && debtor->walks ? find(debtor->walks, arg) : NULL;
	if (invoice->snapshot.policy) {
		s.by = SELECTED_BY_INVOICE;
		s.policy = find(invoice->snapshot.policy, arg);
		s.settled = true;
		return s;
	}
	if (debtor && debtor->customer.policy) {
		s.by = SELECTED_BY_CUSTOMER;
		s.habits = true;
		s.policy = find(debtor->customer.policy, arg);
		return s;
	}
	for (size_t i = 0; s.settled && i < config->policy_rule_count; i++) {
		const struct policy_rule *rule = &config->policy_rules[i];
		const struct policy *policy;

		if (!selection_matches(rule, invoice, debtor))
			continue;
		policy = find(rule->policy, arg); /* NULL: not loaded; whoever loads them has checked */
		if (!policy || (s.policy && selection_compare(policy, s.policy) >= 0))
			continue;
		s.policy = policy;
		s.by = SELECTED_BY_RULE;
		s.rule = rule->id;
		s.habits = asks_habits(rule);
	}
	if (!s.policy)
		s.policy = find(config->policy_default, arg);
	for (size_t i = 0; s.before && i < config->policy_rule_count; i++) /* what chose it before asks of habits, and does not match any more */
		s.habits = s.habits || (asks_habits(&config->policy_rules[i]) && strcmp(config->policy_rules[i].policy, s.before->name) == 0);
	return s;
}
