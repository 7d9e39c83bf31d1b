#include "common/lint.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/lint_internal.h"

#define CURRENCIES_MAX 8 /* the same of currencies */
#define COUNTRIES_MAX 32 /* of a policy, that are told apart; those behind them are anywhere */
#define BALANCES_MAX (POLICY_STEPS_MAX + 1)

const char *const lint_severity_names[LINT_SEVERITY_COUNT + 1] = { "warning", "error", NULL };

static const struct lint_rule rules[LINT_KIND_COUNT] = {
	[LINT_BAD_FILE] = { "bad_file", LINT_ERROR, "the file cannot be read as a policy", "mend the place as it says: dunningd-policy(5)" },
	[LINT_BAD_ORDER] = { "bad_order", LINT_ERROR, "a step lies before one that stands above it",
		"write the steps in the order of their times" },
	[LINT_TONE_FALLS] = { "tone_falls", LINT_ERROR, "a step is gentler than the one before it",
		"let tones only rise: friendly, neutral, firm, formal, legal" },
	[LINT_UNREACHABLE] = { "unreachable", LINT_ERROR, "no invoice ever comes to the step", "move it, change its conditions, or take it out" },
	[LINT_BUNCHED] = { "bunched", LINT_ERROR, "two contacts lie closer than min_gap allows, or two messages on one day",
		"move one of them, or make min_gap smaller" },
	[LINT_CAP_NEVER_KEPT] = { "cap_never_kept", LINT_ERROR, "more steps lie within a cap's days than it allows",
		"move a step out of these days, or raise the cap" },
	[LINT_CAP_OF_LAW] = { "cap_of_law", LINT_ERROR, "more steps lie close together than a contact rule of the country allows",
		"move a step: dunningctl law contact shows the rule" },
	[LINT_CAP_IDLE] = { "cap_idle", LINT_WARNING, "a cap never bites, because another one or min_gap is stricter", "take it out, or lower it" },
	[LINT_SAME_DAY] = { "same_day", LINT_WARNING, "a debtor may be written to more than once on one day",
		"take it out, unless a message that waits until the next day does more harm" },
	[LINT_CALL_OVERLAPS] = { "call_overlaps", LINT_WARNING, "a call may still be open when the next step is owed, which then comes late",
		"give the call a shorter deadline, or move the next step" },
	[LINT_BELOW_MINIMUM] = { "below_minimum", LINT_WARNING, "a step is for balances that the policy's minimum holds back",
		"raise balance_max_minor, or lower minimum" },
	[LINT_FIRM_BEFORE_DUE] = { "firm_before_due", LINT_WARNING, "the tone is firm or more before anything is owed",
		"be friendly or neutral until the due date is past" },
	[LINT_HARSH_FIRST] = { "harsh_first", LINT_WARNING, "the first contact after the due date is firm or more",
		"begin friendly or neutral: most have forgotten" },
	[LINT_THREAT_EARLY] = { "threat_early", LINT_ERROR, "a text announces courts, lawyers or collectors before the legal stage",
		"say it without them, or give the step the tone legal" },
	[LINT_THREAT_ALONE] = { "threat_alone", LINT_ERROR, "a step of the legal stage that nothing follows: a threat that is not carried out",
		"add a gate behind it that the same debtors come to, where a person carries it out or takes it back" },
	[LINT_THREAT_UNNAMED] = { "threat_unnamed", LINT_WARNING, "a step of the legal stage does not say what follows it",
		"name the gate or handover and the days until then: \"announces\": {\"step\": ..., \"within\": ...}" },
	[LINT_THREAT_TWICE] = { "threat_twice", LINT_ERROR, "something is announced before what was announced is carried out or taken back",
		"move it behind the gate at which the first one is" },
	[LINT_THREAT_LATE] = { "threat_late", LINT_ERROR, "what is announced is asked for only when its last day is over",
		"move that gate, or give announces.within more days" },
	[LINT_LEGAL_UNDECIDED] = { "legal_undecided", LINT_WARNING, "the legal stage begins without a person's decision",
		"put a decision gate before it" },
	[LINT_LEGAL_UNAPPROVED] = { "legal_unapproved", LINT_WARNING, "a step of the legal stage goes out although nobody decided to go on",
		"add approval to its requires, so that it waits for that decision" },
	[LINT_HOLD_UNWARNED] = { "hold_unwarned", LINT_WARNING, "work is asked to rest with the first word about it",
		"put it off with hold_after, so that the notice is a warning" },
	[LINT_FEE_WITHOUT_GROUND] = { "fee_without_ground", LINT_ERROR, "fees are stated to debtors of whom no known law lets them be asked",
		"narrow kinds and countries in the step's if, or take fees out" },
	[LINT_FEE_EARLY] = { "fee_early", LINT_ERROR, "fees are stated before any are owed", "move the step, or take fees out" },
	[LINT_FEE_BY_CONTRACT] = { "fee_by_contract", LINT_WARNING, "the law of the country gives no fee: only what was agreed can be asked",
		"be sure that your contracts say so" },
	[LINT_UNKNOWN_REGIME] = { "unknown_regime", LINT_ERROR, "the law that fees stand on is not known, or cites no statute that a notice could state",
		"name one that dunningctl law status shows, or add it to the law files" },
	[LINT_BEYOND_LIMITATION] = { "beyond_limitation", LINT_ERROR, "the step comes when the claim may be barred by time",
		"move the decision before that day: dunningctl law limitation" },
	[LINT_UNLAWFUL] = { "unlawful", LINT_ERROR, "the step writes to a third party, or its hours and those of a contact rule never meet",
		"write to the debtor's own people, at hours that are allowed: dunningctl law contact" },
	[LINT_UNKNOWN_NOTICE] = { "unknown_notice", LINT_ERROR, "the step is a kind of formal notice that is in none of the law files",
		"name one that the law files have, or add it there" },
	[LINT_NOTICE_INCOMPLETE] = { "notice_incomplete", LINT_ERROR,
		"a formal notice can never contain all that the law asks of it, so it would never go out",
		"write what is missing into the text, marked by {{#holds.FIELD}}, or complete the step or $.creditor: dunningctl law notice" },
	[LINT_NO_TEMPLATE] = { "no_template", LINT_ERROR, "a step has no text in the creditor's language",
		"write it below templates.dir, or name another one" },
	[LINT_BAD_TEMPLATE] = { "bad_template", LINT_ERROR, "a text cannot be made with every invoice, or is wrong",
		"mend that file; dunningctl template preview shows it" },
	[LINT_NO_LANGUAGE] = { "no_language", LINT_WARNING, "people of a country that the step names are written to in the creditor's language",
		"add a folder of their language below templates.dir" },
	[LINT_UNREAD_LANGUAGE] = { "unread_language", LINT_WARNING, "texts are there in a language whose threats are not known to this check",
		"let somebody who speaks it read them" },
	[LINT_NO_PROVIDER] = { "no_provider", LINT_ERROR, "nothing sends on the step's channel",
		"name a provider that does in $.channels of the configuration" },
	[LINT_NO_ATTACHMENTS] = { "no_attachments", LINT_ERROR, "the step attaches documents that cannot be had or sent",
		"set documents.dir or documents.fetch and choose a provider that carries files, or take attach out" },
	[LINT_NO_LETTER] = { "no_letter", LINT_ERROR, "a letter has no address to come from, or no provider with the delivery that the step wants",
		"set creditor.postal, and choose a provider that offers the delivery" },
	[LINT_UNKNOWN_SENDER] = { "unknown_sender", LINT_ERROR, "the step's sender is not described",
		"describe the profile in $.senders of the configuration" },
	[LINT_BAD_SENDER] = { "bad_sender", LINT_ERROR, "a provider cannot send in the name of the step's sender",
		"complete $.senders in the configuration, or $.creditor for what stands there" },
	[LINT_UNKNOWN_ROLE] = { "unknown_role", LINT_WARNING, "a role that contact persons usually do not have",
		"write billing, accounts, purchasing, manager, director, owner or legal, or be sure that your events say the same word" },
};

const struct lint_rule *lint_rules(size_t *count)
{
	*count = LINT_KIND_COUNT;
	return rules;
}

/* --- reporting ---------------------------------------------------------------------------------------------------------- */

static void put(struct lint_report *report, struct lint_finding finding)
{
	report->findings = arena_grow(report->arena, report->findings, report->count, &report->capacity, sizeof(*report->findings));
	report->findings[report->count++] = finding;
	report->errors += finding.rule->severity == LINT_ERROR;
}

void lint_add(struct lint *l, enum lint_kind kind, size_t step, const char *member, const char *code, const char *format, ...)
{
	struct lint_finding finding = { .rule = &rules[kind], .code = code ? arena_strdup(l->report->arena, code) : rules[kind].id };
	char text[400];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	finding.reason = arena_strdup(l->report->arena, text);
	if (step != LINT_POLICY)
		finding.step = arena_strdup(l->report->arena, l->policy->steps[step].id);
	finding.path = member && member[0] == '$' ? arena_strdup(l->report->arena, member) :
						    arena_printf(l->report->arena, "$.steps[%zu]%s%s", step, member ? "." : "", member ? member : "");
	put(l->report, finding);
}

void lint_refused(const struct err *err, struct lint_report *report)
{
	enum lint_kind kind = LINT_BAD_FILE;

	if (strcmp(err->code, "tone_falls") == 0)
		kind = LINT_TONE_FALLS;
	if (strcmp(err->code, "bad_order") == 0)
		kind = LINT_BAD_ORDER;
	put(report, (struct lint_finding){ .rule = &rules[kind], .code = arena_strdup(report->arena, err->code),
			    .path = arena_strdup(report->arena, err->path), .reason = arena_strdup(report->arena, err->text) });
}

const struct lint_finding *lint_first_error(const struct lint_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		if (report->findings[i].rule->severity == LINT_ERROR)
			return &report->findings[i];
	return NULL;
}

const char *lint_sentence(const struct lint_report *report, const struct lint_finding *f)
{
	if (!f->step)
		return arena_printf(report->arena, "%s: %s; %s [%s]", f->path, f->reason, f->rule->remedy, f->rule->id);
	return arena_printf(report->arena, "%s (\"%s\"): %s; %s [%s]", f->path, f->step, f->reason, f->rule->remedy, f->rule->id);
}

/* --- who is meant ------------------------------------------------------------------------------------------------------- */

bool lint_contacts(const struct step *step)
{
	return step->kind == STEP_MESSAGE || step->kind == STEP_CALL;
}

bool lint_lists(const char *const *words, const char *word)
{
	for (size_t i = 0; words && words[i]; i++)
		if (word && strcmp(words[i], word) == 0)
			return true;
	return !words;
}

const char *lint_country(const struct lint *l, const struct lint_audience *audience)
{
	return audience->country ? audience->country : l->input->country;
}

bool lint_distance(const struct policy *policy, size_t early, size_t late, int64_t *most)
{
	struct step_span from = policy_step_span(policy, early), to = policy_step_span(policy, late);

	*most = to.most - from.least;
	return from.root == to.root;
}

static void add_balance(int64_t balances[BALANCES_MAX], size_t *count, int64_t balance)
{
	for (size_t i = 0; i < *count; i++)
		if (balances[i] == balance)
			return;
	balances[(*count)++] = balance;
}

static bool same_currency(const char *wanted, const char *currency) /* wanted NULL: any is */
{
	return !wanted || (currency && strcmp(wanted, currency) == 0);
}

static uint32_t steps_of(const struct policy *policy, const char *kind, const char *country, const char *currency, int64_t balance)
{
	uint32_t steps = 0;

	for (size_t i = 0; i < policy->step_count; i++) {
		const struct step_if *when = &policy->steps[i].when;

		if (lint_lists(when->kinds, kind) && lint_lists(when->countries, country) && same_currency(when->currency, currency) &&
			balance >= when->balance_min && (when->balance_max < 0 || balance <= when->balance_max))
			steps |= UINT32_C(1) << i;
	}
	return steps;
}

/* Those before `first` are of another kind or country. */
static void add_audience(struct lint *l, size_t first, const struct lint_audience *audience)
{
	for (size_t i = first; i < l->audience_count; i++)
		if (l->audiences[i].steps == audience->steps)
			return;
	l->audiences = arena_grow(l->report->arena, l->audiences, l->audience_count, &l->audience_capacity, sizeof(*audience));
	l->audiences[l->audience_count++] = *audience;
}

/* The first is no word: any that no step names. */
static void add_word(const char **words, size_t *count, const char *word)
{
	size_t i = 1;

	while (i < *count && strcmp(words[i], word) != 0)
		i++;
	words[i] = word;
	*count += i == *count;
}

/* Whoever meets a set of steps with some balance meets it, or more, with the highest balance_min below, or with none. */
static void find_audiences(struct lint *l)
{
	const char *countries[COUNTRIES_MAX + 1] = { NULL }; /* the first: any that no step names */
	const char *currencies[CURRENCIES_MAX + 1] = { NULL };
	int64_t balances[BALANCES_MAX] = { 0 };
	size_t country_count = 1, currency_count = 1, balance_count = 1;

	for (size_t i = 0; i < l->policy->step_count; i++) {
		const struct step_if *when = &l->policy->steps[i].when;

		if (when->balance_min >= 0)
			add_balance(balances, &balance_count, when->balance_min);
		if (when->currency && currency_count <= CURRENCIES_MAX)
			add_word(currencies, &currency_count, when->currency);
		for (size_t c = 0; when->countries && when->countries[c] && country_count <= COUNTRIES_MAX; c++)
			add_word(countries, &country_count, when->countries[c]);
	}
	for (size_t k = 0; customer_kind_names[k]; k++)
		for (size_t c = 0; c < country_count; c++) {
			size_t first = l->audience_count;

			for (size_t m = 0; m < currency_count * balance_count; m++)
				add_audience(l, first, &(struct lint_audience){ customer_kind_names[k], countries[c],
					steps_of(l->policy, customer_kind_names[k], countries[c], currencies[m / balance_count], balances[m % balance_count]) });
		}
}

/* --- whether a step is reached ------------------------------------------------------------------------------------------ */

/* Of whoever meets these steps. Tags, a balance and days past due may be others by then; and what hangs on a step that is skipped is skipped. */
static bool surely_met(const struct policy *policy, uint32_t steps, size_t k)
{
	const struct step *step = &policy->steps[k];
	const struct step_if *when = &step->when;

	return (steps >> k & 1) && !when->tags && when->balance_min < 0 && when->balance_max < 0 && when->days_past_due_min == INT64_MIN &&
		when->days_past_due_max == INT64_MAX && (step->at.anchor != ANCHOR_STEP || surely_met(policy, steps, step->at.step));
}

static bool share_a_word(const char *const *a, const char *const *b)
{
	for (size_t i = 0; a && b && a[i]; i++)
		if (lint_lists(b, a[i]))
			return true;
	return !a || !b;
}

/* A month's end lies up to 30 days behind a due date in it. */
static void check_days(struct lint *l, size_t i)
{
	const struct step_if *when = &l->policy->steps[i].when;
	struct step_span span = policy_step_span(l->policy, i);
	int64_t most = span.most + (span.root == ANCHOR_EOM ? 30 : 0);

	if (span.root == ANCHOR_ISSUED)
		return;
	if (when->days_past_due_max < span.least)
		lint_add(l, LINT_UNREACHABLE, i, "if.days_past_due_max", NULL,
			"it is owed on day %lld past the due date at the earliest, and is to go out up to day %lld", (long long)span.least,
			(long long)when->days_past_due_max);
	else if (when->days_past_due_min > most)
		lint_add(l, LINT_UNREACHABLE, i, "if.days_past_due_min", NULL,
			"it is owed on day %lld past the due date at the latest, and skipped before day %lld", (long long)most,
			(long long)when->days_past_due_min);
}

static void check_anchor(struct lint *l, size_t i)
{
	const struct step *step = &l->policy->steps[i], *anchor;

	if (step->at.anchor != ANCHOR_STEP)
		return;
	anchor = &l->policy->steps[step->at.step];
	if (share_a_word(step->when.kinds, anchor->when.kinds) && share_a_word(step->when.countries, anchor->when.countries) &&
		(!anchor->when.currency || same_currency(step->when.currency, anchor->when.currency)))
		return;
	lint_add(l, LINT_UNREACHABLE, i, "at", NULL, "it hangs on \"%s\", which is skipped for every debtor that this step is for", anchor->id);
}

/* For whoever meets the fewest: as long as one kind of debtor comes to the step, it is reached. */
static void check_spent(struct lint *l, size_t i)
{
	const struct policy *policy = l->policy;
	int32_t fewest = INT32_MAX;

	for (size_t a = 0; a < l->audience_count; a++) {
		int32_t before = 0;

		for (size_t k = 0; k < i; k++)
			before += lint_contacts(&policy->steps[k]) && surely_met(policy, l->audiences[a].steps, k);
		if ((l->audiences[a].steps >> i & 1) && before < fewest)
			fewest = before;
	}
	if (policy->max_contacts && fewest != INT32_MAX && fewest >= policy->max_contacts)
		lint_add(l, LINT_UNREACHABLE, i, NULL, NULL, "%" PRId32 " contacts lie before it, and max_contacts is %" PRId32, fewest, policy->max_contacts);
}

static void check_minimum(struct lint *l, size_t i)
{
	const struct policy *policy = l->policy;
	int64_t balance = policy->steps[i].when.balance_max;
	bool held = false;

	for (size_t m = 0; m < policy->minimum_count; m++) {
		if (!same_currency(policy->steps[i].when.currency, policy->minimum[m].currency))
			continue;
		if (balance >= policy->minimum[m].minor)
			return;
		held = true;
	}
	if (held && balance >= 0)
		lint_add(l, LINT_BELOW_MINIMUM, i, "if.balance_max_minor", NULL, "it is for balances up to %lld, and minimum holds them back",
			(long long)balance);
}

/* --- tone and threats --------------------------------------------------------------------------------------------------- */

static bool within(const char *const *words, const char *const *all)
{
	for (size_t i = 0; words && words[i]; i++)
		if (!lint_lists(all, words[i]))
			return false;
	return words || !all;
}

/* Whoever meets a step under `narrow` meets one under `wide`. */
static bool covers(const struct step_if *wide, const struct step_if *narrow)
{
	return within(narrow->kinds, wide->kinds) && within(narrow->countries, wide->countries) && within(narrow->tags, wide->tags) &&
		same_currency(wide->currency, narrow->currency) &&
		wide->balance_min <= narrow->balance_min &&
		(wide->balance_max < 0 || (narrow->balance_max >= 0 && wide->balance_max >= narrow->balance_max)) &&
		wide->days_past_due_max == INT64_MAX;
}

static bool decided_between(const struct policy *policy, size_t from, size_t to, const struct step_if *when)
{
	for (size_t i = from; i < to; i++)
		if (!lint_contacts(&policy->steps[i]) && covers(&policy->steps[i].when, when))
			return true;
	return false;
}

static bool before_due(const struct policy *policy, size_t i)
{
	struct step_span span = policy_step_span(policy, i);

	return span.root == ANCHOR_DUE && span.most <= 0;
}

/* Of some debtor, for whom no contact behind the due date lies before it, not even one that may be skipped. */
static bool first_overdue(const struct lint *l, size_t i)
{
	for (size_t a = 0; a < l->audience_count; a++) {
		uint32_t steps = l->audiences[a].steps;
		size_t k = 0;

		while (k < i && !(steps >> k & 1 && lint_contacts(&l->policy->steps[k]) && !before_due(l->policy, k)))
			k++;
		if (steps >> i & 1 && k == i)
			return true;
	}
	return false;
}

static void check_tone(struct lint *l, size_t i)
{
	const struct policy *policy = l->policy;
	const struct step *step = &policy->steps[i];

	if (!lint_contacts(step))
		return;
	if (step->tone >= TONE_FIRM && before_due(policy, i))
		lint_add(l, LINT_FIRM_BEFORE_DUE, i, "tone", NULL, "nothing is owed yet, and its tone is %s", tone_names[step->tone]);
	else if (step->tone >= TONE_FIRM && first_overdue(l, i))
		lint_add(l, LINT_HARSH_FIRST, i, "tone", NULL, "nothing was said since the due date, and its tone is %s", tone_names[step->tone]);
	if (step->tone < TONE_LEGAL)
		return;
	if (!decided_between(policy, i + 1, policy->step_count, &step->when))
		lint_add(l, LINT_THREAT_ALONE, i, "tone", NULL, "it threatens, and no later step carries that out for the same debtors");
	if (decided_between(policy, 0, i, &step->when)) {
		if (!(step->needs.facts >> NEED_APPROVAL & 1))
			lint_add(l, LINT_LEGAL_UNAPPROVED, i, "requires", NULL, "a gate lies before it, and approval is not among what it requires");
	} else if (i == 0 || policy->steps[i - 1].tone < TONE_LEGAL || !lint_contacts(&policy->steps[i - 1])) {
		lint_add(l, LINT_LEGAL_UNDECIDED, i, "tone", NULL, "nobody decides before it whether the claim is worth it");
	}
}

/* Our word, and that it can be kept. */
static void check_announced(struct lint *l, size_t i)
{
	const struct policy *policy = l->policy;
	const struct announces *a = &policy->steps[i].announces;
	const struct step *what = a->step >= 0 ? &policy->steps[a->step] : NULL;

	if (!a->on)
		return;
	if (!a->named && decided_between(policy, i + 1, policy->step_count, &policy->steps[i].when))
		lint_add(l, LINT_THREAT_UNNAMED, i, "announces", NULL, "it is taken to be \"%s\"", what->id);
	else if (!a->named)
		return; /* threat_alone says it */
	else if (!covers(&what->when, &policy->steps[i].when))
		lint_add(l, LINT_THREAT_ALONE, i, "announces.step", NULL, "\"%s\" is not for all debtors that this step is for", what->id);
	if (what && what->at.anchor == ANCHOR_STEP && what->at.step == i && what->at.days > a->within_days)
		lint_add(l, LINT_THREAT_LATE, i, "announces.within", NULL, "\"%s\" comes on day %d after it, and the last day is %d", what->id,
			what->at.days, a->within_days);
	for (size_t k = i + 1; what && k < (size_t)a->step; k++)
		if (policy->steps[k].announces.on && (covers(&policy->steps[k].when, &policy->steps[i].when) || covers(&policy->steps[i].when, &policy->steps[k].when)))
			lint_add(l, LINT_THREAT_TWICE, k, "announces", NULL, "\"%s\" announced \"%s\" before, which comes later", policy->steps[i].id, what->id);
}

/* Before a contract is firm, as with a deposit, nobody waits for work that has begun. */
static void check_hold(struct lint *l, size_t i)
{
	const struct step *step = &l->policy->steps[i];

	for (const char *const *effect = step->effects; *effect && step->tone >= TONE_FIRM && !step->hold_after_days; effect++)
		if (strcmp(*effect, "work.hold_requested") == 0)
			lint_add(l, LINT_HOLD_UNWARNED, i, "effects", NULL, "work.hold_requested comes at once");
}

static void check_roles(struct lint *l, size_t i)
{
	static const char *const usual[] = { "billing", "accounts", "purchasing", "manager", "director", "owner", "legal", NULL };
	const struct step *step = &l->policy->steps[i];
	const struct law *law = l->input->law;

	for (size_t r = 0; lint_contacts(step) && step->to[r]; r++) {
		bool known = lint_lists(usual, step->to[r]);

		for (size_t k = 0; law && k < law->guard.relation_count && !known; k++)
			known = strcmp(law->guard.relations[k].name, step->to[r]) == 0;
		if (!known)
			lint_add(l, LINT_UNKNOWN_ROLE, i, "to", NULL, "\"%s\": without anybody in it the step is skipped", step->to[r]);
	}
}

/* --- the whole ---------------------------------------------------------------------------------------------------------- */

void lint_policy(const struct lint_input *input, struct lint_report *report)
{
	struct lint l = { .input = input, .policy = input->policy, .report = report };

	find_audiences(&l);
	lint_regime(&l);
	for (size_t i = 0; i < input->policy->step_count; i++) {
		check_days(&l, i);
		check_anchor(&l, i);
		check_spent(&l, i);
		check_minimum(&l, i);
		check_tone(&l, i);
		check_announced(&l, i);
		check_hold(&l, i);
		check_roles(&l, i);
		lint_lawful(&l, i);
		lint_texts_of(&l, i);
	}
	lint_texts_agreed(&l);
	lint_rhythm(&l);
	lint_caps_of_law(&l);
}
