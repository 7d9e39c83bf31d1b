#include "common/limitation.h"

#include <errno.h>
#include <string.h>

#define WORDS_MAX 600

const char *const claim_event_names[CLAIM_EVENT_COUNT + 1] = { [CLAIM_FORMAL_NOTICE] = "formal_notice",
	[CLAIM_ACKNOWLEDGMENT] = "acknowledgment", [CLAIM_PART_PAYMENT] = "part_payment" };

/* --- the file --------------------------------------------------------------------------------------------------------- */

static int read_restarts(const struct json *row, unsigned *ret, struct err *err)
{
	struct json list;
	int r = json_get_array(row, "restarts", &list, err);

	for (size_t i = 0; r == 0 && i < json_len(&list); i++) {
		struct json word = json_at(&list, i);
		const char *text = word.type == JSON_STRING ? json_str(&word) : "";
		int kind = 0;

		while (claim_event_names[kind] && strcmp(claim_event_names[kind], text) != 0)
			kind++;
		if (kind == CLAIM_EVENT_COUNT)
			return json_refuse(&word, NULL, err, "not_one_of", "must be formal_notice, acknowledgment or part_payment");
		*ret |= 1u << kind;
	}
	return r;
}

static int read_rule(const struct json *row, struct limitation_rule *ret, struct err *err)
{
	static const char *const members[] = { "country", "debtor", "years", "to_year_end", "restarts", "source", "certainty", "as_of",
		"known_until", "note", NULL };
	static const char *const debtors[] = { "consumer", "business", NULL };
	int64_t years;
	int debtor = -1, r;

	if ((r = json_only(row, members, err)) < 0 || (r = json_get_str(row, "country", 12, &ret->country, err)) < 0 ||
		(r = json_opt_word(row, "debtor", debtors, &debtor, err)) < 0 ||
		(r = json_get_int(row, "years", 1, 100, &years, err)) < 0 ||
		(r = json_opt_bool(row, "to_year_end", &ret->to_year_end, err)) < 0 || (r = read_restarts(row, &ret->restarts, err)) < 0 ||
		(r = json_get_str(row, "source", WORDS_MAX, &ret->source, err)) < 0 ||
		(r = json_get_str(row, "certainty", 20, &ret->certainty, err)) < 0)
		return r;
	ret->debtor = debtor < 0 ? NULL : debtors[debtor];
	ret->years = (int)years;
	return 0;
}

int limitation_read(struct arena *arena, const struct json *section, struct limitation *ret, struct err *err)
{
	struct json row;
	const char *name;

	*ret = (struct limitation){ .rules = arena_alloc(arena, json_len(section) * sizeof(*ret->rules) + 1) };
	for (size_t i = 0; json_member(section, &i, &name, &row); ret->count++) {
		int r = read_rule(&row, &ret->rules[ret->count], err);

		if (r < 0)
			return r;
		ret->rules[ret->count].name = name;
	}
	return 0;
}

/* --- the day ---------------------------------------------------------------------------------------------------------- */

static date last_day(const struct limitation_rule *rule, date due, const struct claim_fact *facts, size_t count)
{
	int year, month, day;
	date last = date_add_months(due, 12 * rule->years);

	if (rule->to_year_end) {
		date_split(last, &year, &month, &day);
		last = date_of(year, 12, 31);
	}
	for (size_t i = 0; i < count; i++)
		if (rule->restarts & 1u << facts[i].kind && date_diff(facts[i].at, last) <= 0 && date_diff(facts[i].at, due) >= 0)
			last = date_add_months(facts[i].at, 12 * rule->years); /* from the event itself: BGB 212 */
	return last;
}

static bool applies(const struct limitation_rule *rule, const char *country, const char *debtor)
{
	size_t len = strlen(country);

	if (strncmp(rule->country, country, len) != 0 || (rule->country[len] && rule->country[len] != '-'))
		return false;
	if (!rule->debtor || !debtor || (strcmp(debtor, "consumer") != 0 && strcmp(debtor, "business") != 0))
		return true;
	return strcmp(rule->debtor, debtor) == 0;
}

const struct limitation_rule *limitation_last_day(const struct limitation *limitation, const char *country, const char *debtor, date due,
	const struct claim_fact *facts, size_t count, date *ret)
{
	const struct limitation_rule *found = NULL;

	for (size_t i = 0; i < limitation->count; i++) {
		const struct limitation_rule *rule = &limitation->rules[i];
		date last;

		if (!applies(rule, country, debtor))
			continue;
		last = last_day(rule, due, facts, count);
		if (found && date_diff(last, *ret) >= 0)
			continue;
		found = rule;
		*ret = last;
	}
	return found;
}

/* --- questions -------------------------------------------------------------------------------------------------------- */

static int get_date(const struct json *given, const char *key, date *ret, struct err *err)
{
	const char *text;
	int r = json_get_str(given, key, 10, &text, err);

	if (r == 0 && date_parse(text, ret) < 0)
		return json_refuse(given, key, err, "bad_date", "must be a date such as 2026-03-02");
	return r;
}

static int read_facts(struct arena *arena, const struct json *given, struct claim_fact **ret, size_t *count, struct err *err)
{
	struct json list = { 0 };
	struct claim_fact *facts;
	int r = json_opt_array(given, "events", &list, err);

	if (r < 0)
		return r;
	facts = arena_alloc(arena, json_len(&list) * sizeof(*facts) + 1);
	for (size_t i = 0; i < json_len(&list); i++) {
		struct json row = json_at(&list, i);
		struct claim_fact fact;
		size_t at = i;
		int kind;

		if ((r = json_get_word(&row, "kind", claim_event_names, &kind, err)) < 0 || (r = get_date(&row, "at", &fact.at, err)) < 0)
			return r;
		fact.kind = (enum claim_event)kind;
		for (; at && date_diff(facts[at - 1].at, fact.at) > 0; at--)
			facts[at] = facts[at - 1];
		facts[at] = fact;
	}
	*ret = facts;
	*count = json_len(&list);
	return 0;
}

int limitation_answer(struct arena *arena, const struct limitation *limitation, const struct json *given, struct json_writer *w,
	struct err *err)
{
	const char *country, *debtor = NULL;
	const struct limitation_rule *rule;
	struct claim_fact *facts;
	char text[DATE_TEXT_SIZE];
	date due, last;
	size_t count;
	int r;

	if ((r = json_get_str(given, "country", 12, &country, err)) < 0 || (r = json_opt_str(given, "debtor", 20, &debtor, err)) < 0 ||
		(r = get_date(given, "due", &due, err)) < 0 || (r = read_facts(arena, given, &facts, &count, err)) < 0)
		return r;
	rule = limitation_last_day(limitation, country, debtor, due, facts, count, &last);
	if (!rule)
		return json_refuse(given, "country", err, "not_known", "no limitation period is known for this country and debtor");
	jw_str(w, "last_safe_day", date_format(last, text));
	jw_int(w, "years", rule->years);
	jw_str(w, "rule", rule->name);
	jw_str(w, "law", rule->source);
	jw_str(w, "certainty", rule->certainty);
	return 0;
}
