#include "common/deadlines.h"

#include <errno.h>
#include <string.h>

#define WORDS_MAX 600
#define YEARS_MAX 100

const char *const keeping_start_names[KEEP_START_COUNT + 1] = { [KEEP_FROM_DATE] = "date",
	[KEEP_FROM_FINANCIAL_YEAR_END] = "financial_year_end", [KEEP_FROM_YEAR_END] = "year_end",
	[KEEP_FROM_LAST_ACTIVITY] = "last_activity" };

static int opt_date(const struct json *object, const char *key, date *ret, struct err *err)
{
	const char *text = NULL;
	int r = json_opt_str(object, key, DATE_TEXT_SIZE, &text, err);

	*ret = date_none();
	if (r < 0 || !text)
		return r;
	return date_parse(text, ret) < 0 ? json_refuse(object, key, err, "bad_date", "must be a date such as 2026-09-01") : 0;
}

/* --- procedures ---------------------------------------------------------------------------------------------------------------- */

/* A member that is a list of objects: each is read by `fn` into an item of `size` bytes. */
typedef int (*read_fn)(const struct json *row, void *item, struct err *err);
static int read_list(struct arena *arena, const struct json *object, const char *key, size_t size, read_fn fn, const void *items,
	size_t *count, struct err *err)
{
	struct json list = { 0 };
	int r = json_opt_array(object, key, &list, err);
	char *at;

	if (r < 0)
		return r;
	at = arena_alloc(arena, (json_len(&list) + 1) * size);
	memcpy((void *)(uintptr_t)items, &at, sizeof(at));
	for (*count = 0; *count < json_len(&list); (*count)++) {
		struct json row = json_at(&list, *count);

		if (row.type != JSON_OBJECT)
			return json_refuse(&row, NULL, err, "wrong_type", "must be an object");
		if ((r = fn(&row, at + *count * size, err)) < 0)
			return r;
	}
	return 0;
}

static int read_limit(const struct json *row, void *item, struct err *err)
{
	static const char *const members[] = { "minor", "from", NULL };
	struct procedure_limit *limit = item;
	int r;

	if ((r = json_only(row, members, err)) < 0 || (r = json_get_int(row, "minor", 0, INT64_MAX, &limit->minor, err)) < 0)
		return r;
	return opt_date(row, "from", &limit->from, err);
}

static int read_fee(const struct json *row, void *item, struct err *err)
{
	static const char *const members[] = { "up_to_minor", "fee_minor", "percent_hundredths", NULL };
	struct procedure_fee *fee = item;
	int r;

	*fee = (struct procedure_fee){ -1, -1, 0 };
	if ((r = json_only(row, members, err)) < 0 || (r = json_opt_int(row, "up_to_minor", 1, INT64_MAX, &fee->up_to_minor, err)) < 0 ||
		(r = json_opt_int(row, "fee_minor", 0, INT64_MAX, &fee->fee_minor, err)) < 0 ||
		(r = json_opt_int(row, "percent_hundredths", 1, 10000, &fee->percent_hundredths, err)) < 0)
		return r;
	if ((fee->fee_minor < 0) == (fee->percent_hundredths == 0))
		return json_refuse(row, NULL, err, "missing", "must say fee_minor or percent_hundredths");
	return 0;
}

static int read_deadline(const struct json *row, void *item, struct err *err)
{
	static const char *const members[] = { "name", "after", "days", "months", "from", "until", NULL };
	struct deadline_rule *rule = item;
	int64_t days = 0, months = 0;
	int r;

	if ((r = json_only(row, members, err)) < 0 || (r = json_get_id(row, "name", &rule->name, err)) < 0 ||
		(r = json_get_id(row, "after", &rule->after, err)) < 0 || (r = json_opt_int(row, "days", 1, 3660, &days, err)) < 0 ||
		(r = json_opt_int(row, "months", 1, 12 * YEARS_MAX, &months, err)) < 0 || (r = opt_date(row, "from", &rule->from, err)) < 0 ||
		(r = opt_date(row, "until", &rule->until, err)) < 0)
		return r;
	if (!days == !months)
		return json_refuse(row, NULL, err, "missing", "must say days or months");
	rule->days = (int)days;
	rule->months = (int)months;
	return 0;
}

const char *const form_ask_names[] = { "court", "claimant", "claimant_address", "claimant_register", "claimant_contact", "claimant_bank",
	"representative", "debtor", "debtor_address", "debtor_kind", "debtor_register", "debtor_contact", "basis", "invoice", "value", "principal",
	"interest", "daily_interest", "fixed_sum", "reminder_costs", "court_fee", "total", "evidence", "defence", "jurisdiction", "cross_border",
	"next_court", "signature", NULL };

static int read_form(const struct json *row, struct procedure_form *form, struct err *err)
{
	static const char *const members[] = { "name", "number", "url", "source", "asks", NULL };
	struct json one = { 0 }, asks = { 0 };
	int r = json_opt_object(row, "form", &one, err);

	if (r < 0 || one.type == JSON_NONE)
		return r;
	if ((r = json_only(&one, members, err)) < 0 || (r = json_get_str(&one, "name", WORDS_MAX, &form->name, err)) < 0 ||
		(r = json_opt_str(&one, "number", 80, &form->number, err)) < 0 || (r = json_opt_str(&one, "url", 400, &form->url, err)) < 0 ||
		(r = json_get_str(&one, "source", WORDS_MAX, &form->source, err)) < 0 || (r = json_opt_array(&one, "asks", &asks, err)) < 0)
		return r;
	if (form->url && strncmp(form->url, "https://", 8) != 0)
		return json_refuse(&one, "url", err, "bad_url", "must be an https:// address");
	if (!json_len(&asks) || json_len(&asks) > FORM_ASKS_MAX)
		return json_refuse(&one, "asks", err, "bad_list", "must have 1 to %d words", FORM_ASKS_MAX);
	for (size_t i = 0; i < json_len(&asks); i++) {
		struct json word = json_at(&asks, i);
		int n = 0;

		while (form_ask_names[n] && (word.type != JSON_STRING || strcmp(form_ask_names[n], json_str(&word)) != 0))
			n++;
		if (!form_ask_names[n])
			return json_refuse(&word, NULL, err, "not_one_of", "is no word for what a form asks for");
		form->asks[form->ask_count++] = n;
	}
	return 0;
}

static int read_procedure(struct arena *arena, const struct json *row, struct procedure *ret, struct err *err)
{
	static const char *const members[] = { "source", "certainty", "as_of", "known_until", "note", "country", "currency", "limit", "limits",
		"court", "needs", "advice", "advice_source", "form", "fees", "deadlines", "roll", "calendar", NULL };
	int roll = ROLL_NONE, r;

	if ((r = json_only(row, members, err)) < 0 || (r = json_get_str(row, "country", 40, &ret->country, err)) < 0 ||
		(r = json_get_str(row, "source", WORDS_MAX, &ret->source, err)) < 0 ||
		(r = json_get_str(row, "certainty", 20, &ret->certainty, err)) < 0 ||
		(r = json_opt_str(row, "currency", 3, &ret->currency, err)) < 0 ||
		(r = json_opt_str(row, "limit", WORDS_MAX, &ret->limit_text, err)) < 0 ||
		(r = json_opt_str(row, "court", WORDS_MAX, &ret->court, err)) < 0 ||
		(r = json_opt_str(row, "needs", WORDS_MAX, &ret->needs, err)) < 0 || (r = json_opt_str(row, "note", WORDS_MAX, &ret->note, err)) < 0 ||
		(r = json_opt_str(row, "advice", WORDS_MAX, &ret->advice, err)) < 0 ||
		(r = json_opt_str(row, "advice_source", WORDS_MAX, &ret->advice_source, err)) < 0 || (r = read_form(row, &ret->form, err)) < 0 ||
		(r = json_opt_word(row, "roll", roll_names, &roll, err)) < 0 || (r = json_opt_str(row, "calendar", 40, &ret->calendar, err)) < 0 ||
		(r = read_list(arena, row, "limits", sizeof(*ret->limits), read_limit, &ret->limits, &ret->limit_count, err)) < 0 ||
		(r = read_list(arena, row, "fees", sizeof(*ret->fees), read_fee, &ret->fees, &ret->fee_count, err)) < 0 ||
		(r = read_list(arena, row, "deadlines", sizeof(*ret->deadlines), read_deadline, &ret->deadlines, &ret->deadline_count, err)) < 0)
		return r;
	ret->roll = (enum roll)roll;
	if ((ret->limit_count || ret->fee_count) && (!ret->currency || currency_exponent(ret->currency) < 0))
		return json_refuse(row, "currency", err, "missing", "limits and fees need a currency");
	if (ret->deadline_count > DEADLINES_MAX)
		return json_refuse(row, "deadlines", err, "out_of_range", "must be %d at most", DEADLINES_MAX);
	return 0;
}

int procedures_parse(struct arena *arena, const struct json *section, struct procedures **ret, struct err *err)
{
	struct procedures *procedures = arena_alloc(arena, sizeof(*procedures));
	struct procedure *items = arena_alloc(arena, (json_len(section) + 1) * sizeof(*items));
	struct json row;
	const char *id;
	int r;

	procedures->items = items;
	for (size_t i = 0; json_member(section, &i, &id, &row); procedures->count++) {
		items[procedures->count].id = id;
		if ((r = read_procedure(arena, &row, &items[procedures->count], err)) < 0)
			return r;
	}
	*ret = procedures;
	return 0;
}

const struct procedure *procedure_find(const struct procedures *procedures, const char *id)
{
	for (size_t i = 0; procedures && i < procedures->count; i++)
		if (strcmp(procedures->items[i].id, id) == 0)
			return &procedures->items[i];
	return NULL;
}

/* Of a part of the country ("GB-EAW") too: which part the debtor is in, is for a person to see. */
bool procedure_suits(const struct procedure *procedure, const char *country, const char *currency, int64_t claim, date on)
{
	int64_t limit = procedure_limit(procedure, on);

	if (!country || strncmp(procedure->country, country, 2) != 0 || (procedure->country[2] && procedure->country[2] != '-'))
		return false;
	return limit < 0 || (strcmp(procedure->currency, currency) == 0 && claim <= limit);
}

static bool between(date d, date from, date until)
{
	return (!date_is_set(from) || date_diff(d, from) >= 0) && (!date_is_set(until) || date_diff(d, until) <= 0);
}

size_t procedure_deadlines(const struct procedure *procedure, const struct holidays *holidays, const char *event, date on,
	struct deadline *ret)
{
	const struct calendar *calendar = holidays_place(holidays, procedure->calendar);
	size_t count = 0;

	for (size_t i = 0; i < procedure->deadline_count; i++) {
		const struct deadline_rule *rule = &procedure->deadlines[i];
		date nominal;

		if (strcmp(rule->after, event) != 0 || !between(on, rule->from, rule->until))
			continue;
		nominal = rule->months ? date_add_months(on, rule->months) : date_add_days(on, rule->days);
		ret[count++] = (struct deadline){ rule->name, rule->after, nominal, calendar_roll(calendar, nominal, procedure->roll) };
	}
	return count;
}

int64_t procedure_limit(const struct procedure *procedure, date on)
{
	const struct procedure_limit *best = NULL;

	for (size_t i = 0; i < procedure->limit_count; i++) {
		const struct procedure_limit *limit = &procedure->limits[i];

		if (between(on, limit->from, date_none()) && (!best || limit->from.days >= best->from.days))
			best = limit;
	}
	return best ? best->minor : -1;
}

int64_t procedure_fee(const struct procedure *procedure, int64_t claim_minor)
{
	for (size_t i = 0; i < procedure->fee_count; i++) {
		const struct procedure_fee *fee = &procedure->fees[i];

		if (fee->up_to_minor >= 0 && claim_minor > fee->up_to_minor)
			continue;
		if (fee->fee_minor >= 0)
			return fee->fee_minor;
		return (int64_t)(((__int128)claim_minor * fee->percent_hundredths + 5000) / 10000);
	}
	return -1;
}

/* --- how long records are kept ------------------------------------------------------------------------------------------------- */

static int read_keeping(const struct json *row, struct keeping_rule *ret, struct err *err)
{
	static const char *const members[] = { "source", "certainty", "as_of", "known_until", "note", "country", "record", "start", "years",
		"from", NULL };
	int64_t years;
	int start, r;

	if ((r = json_only(row, members, err)) < 0 || (r = json_get_str(row, "country", 40, &ret->country, err)) < 0 ||
		(r = json_get_id(row, "record", &ret->record, err)) < 0 || (r = json_get_str(row, "source", WORDS_MAX, &ret->source, err)) < 0 ||
		(r = json_get_word(row, "start", keeping_start_names, &start, err)) < 0 ||
		(r = json_get_int(row, "years", 0, YEARS_MAX, &years, err)) < 0)
		return r;
	ret->start = (enum keeping_start)start;
	ret->years = (int)years;
	return opt_date(row, "from", &ret->from, err);
}

int keeping_parse(struct arena *arena, const struct json *section, struct keeping **ret, struct err *err)
{
	struct keeping *keeping = arena_alloc(arena, sizeof(*keeping));
	struct keeping_rule *rules = arena_alloc(arena, (json_len(section) + 1) * sizeof(*rules));
	struct json row;
	const char *id;
	int r;

	keeping->rules = rules;
	for (size_t i = 0; json_member(section, &i, &id, &row); keeping->count++) {
		rules[keeping->count].id = id;
		if ((r = read_keeping(&row, &rules[keeping->count], err)) < 0)
			return r;
	}
	*ret = keeping;
	return 0;
}

const struct keeping_rule *keeping_rule(const struct keeping *keeping, const char *country, const char *record, date on)
{
	const struct keeping_rule *best = NULL;

	for (size_t i = 0; keeping && i < keeping->count; i++) {
		const struct keeping_rule *rule = &keeping->rules[i];

		if (strcmp(rule->country, country) == 0 && strcmp(rule->record, record) == 0 &&
			(!date_is_set(on) || between(on, rule->from, date_none())) && (!best || rule->from.days >= best->from.days))
			best = rule;
	}
	return best;
}

static date year_end(date d)
{
	int year, month, day;

	if (!date_is_set(d))
		return d;
	date_split(d, &year, &month, &day);
	return date_of(year, 12, 31);
}

date keeping_until(const struct keeping_rule *rule, const struct kept_record *record, const char **missing)
{
	date from = date_none();

	switch (rule->start) {
	case KEEP_FROM_FINANCIAL_YEAR_END:
		from = date_is_set(record->financial_year_end) ? record->financial_year_end : year_end(record->on);
		break;
	case KEEP_FROM_YEAR_END:
		from = year_end(record->on);
		break;
	case KEEP_FROM_LAST_ACTIVITY:
		from = record->last_activity;
		break;
	case KEEP_FROM_DATE:
	case KEEP_START_COUNT:
		from = record->on;
		break;
	}
	*missing = rule->start == KEEP_FROM_LAST_ACTIVITY ? "last_activity" : "date";
	return date_add_months(from, 12 * rule->years);
}
