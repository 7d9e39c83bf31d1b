#include "common/terms.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DAYS_MAX 3660
#define MONTHS_MAX 120

const char *const term_kind_names[TERM_KIND_COUNT + 1] = { [TERM_ON_RECEIPT] = "on_receipt", [TERM_NET] = "net", [TERM_EOM] = "eom",
	[TERM_DAYS_THEN_EOM] = "days_then_eom", [TERM_EOM_THEN_DAYS] = "eom_then_days", [TERM_DAYS_THEN_EOM_THE] = "days_then_eom_the",
	[TERM_MONTHS_THEN_EOM] = "months_then_eom", [TERM_DAY_OF_NEXT_MONTH] = "day_of_next_month" };

/* Which numbers a kind wants. */
static const struct wants {
	bool days, months, day;
} wants[TERM_KIND_COUNT] = { [TERM_NET] = { .days = true }, [TERM_DAYS_THEN_EOM] = { .days = true },
	[TERM_EOM_THEN_DAYS] = { .days = true }, [TERM_DAYS_THEN_EOM_THE] = { .days = true, .day = true },
	[TERM_MONTHS_THEN_EOM] = { .months = true }, [TERM_DAY_OF_NEXT_MONTH] = { .day = true } };

/* --- a term ---------------------------------------------------------------------------------------------------------------- */

static int want(const struct json *object, const char *key, bool wanted, int64_t min, int64_t max, int *ret, struct err *err)
{
	int64_t n = 0;
	int r = wanted ? json_get_int(object, key, min, max, &n, err) : 0;

	*ret = (int)n;
	return r;
}

int term_read(const struct json *object, struct term *ret, struct err *err)
{
	static const char *const members[] = { "kind", "days", "months", "day", NULL };
	int kind, r;

	if (object->type != JSON_OBJECT)
		return json_refuse(object, NULL, err, "wrong_type", "must be an object such as {\"kind\": \"net\", \"days\": 30}");
	if ((r = json_only(object, members, err)) < 0 || (r = json_get_word(object, "kind", term_kind_names, &kind, err)) < 0 ||
		(r = want(object, "days", wants[kind].days, 0, DAYS_MAX, &ret->days, err)) < 0 ||
		(r = want(object, "months", wants[kind].months, 0, MONTHS_MAX, &ret->months, err)) < 0 ||
		(r = want(object, "day", wants[kind].day, 1, 31, &ret->day, err)) < 0)
		return r;
	ret->kind = (enum term_kind)kind;
	return 0;
}

/* The next whole number of the words. */
static bool number(const char **at, int min, int max, int *ret)
{
	char *end;
	long n = strtol(*at, &end, 10);

	if (end == *at || n < min || n > max)
		return false;
	*at = end;
	*ret = (int)n;
	return true;
}

static int kind_of(const char *words, size_t len)
{
	for (int kind = 0; kind < TERM_KIND_COUNT; kind++) {
		const char *name = term_kind_names[kind];
		size_t i = 0;

		while (i < len && name[i] && (name[i] == tolower((unsigned char)words[i]) || (name[i] == '_' && words[i] == '-')))
			i++;
		if (i == len && !name[i])
			return kind;
	}
	return -1;
}

int term_parse(const char *words, struct term *ret, struct err *err)
{
	size_t len = strcspn(words, " :");
	int kind = kind_of(words, len);
	const char *at = words + len;

	if (kind < 0)
		return err_set(err, -EINVAL, "not_one_of", "",
			"\"%s\" is no term: net 30, on-receipt, eom, days-then-eom 45, eom-then-days 45, days-then-eom-the 30 10, "
			"months-then-eom 1, day-of-next-month 10", words);
	*ret = (struct term){ .kind = (enum term_kind)kind };
	for (at += *at == ':'; *at == ' '; at++)
		;
	if ((wants[kind].days && !number(&at, 0, DAYS_MAX, &ret->days)) || (wants[kind].months && !number(&at, 0, MONTHS_MAX, &ret->months)) ||
		((at += *at == ':'), (wants[kind].day && !number(&at, 1, 31, &ret->day))) || *at)
		return err_set(err, -EINVAL, "out_of_range", "", "\"%s\": behind %s comes%s%s%s", words, term_kind_names[kind],
			wants[kind].days ? " a number of days" : wants[kind].months ? " a number of months" : "",
			wants[kind].day ? " the day of a month" : "", wants[kind].days || wants[kind].months || wants[kind].day ? "" : " nothing");
	return 0;
}

void term_write(struct json_writer *w, const char *key, const struct term *term)
{
	jw_object(w, key);
	jw_str(w, "kind", term_kind_names[term->kind]);
	if (wants[term->kind].days)
		jw_int(w, "days", term->days);
	if (wants[term->kind].months)
		jw_int(w, "months", term->months);
	if (wants[term->kind].day)
		jw_int(w, "day", term->day);
	jw_end_object(w);
}

/* The day of the month behind that of `d`, or its last one. */
static date day_of_next_month(date d, int day)
{
	date last = date_end_of_month(date_add_days(date_end_of_month(d), 1)), wanted = date_add_days(date_end_of_month(d), day);

	return date_diff(wanted, last) > 0 ? last : wanted;
}

date term_due(const struct term *term, date issue)
{
	switch (term->kind) {
	case TERM_NET:
		return date_add_days(issue, term->days);
	case TERM_EOM:
		return date_end_of_month(issue);
	case TERM_DAYS_THEN_EOM:
		return date_end_of_month(date_add_days(issue, term->days));
	case TERM_EOM_THEN_DAYS:
		return date_add_days(date_end_of_month(issue), term->days);
	case TERM_DAYS_THEN_EOM_THE:
		return day_of_next_month(date_add_days(issue, term->days), term->day);
	case TERM_MONTHS_THEN_EOM:
		return date_end_of_month(date_add_months(issue, term->months));
	case TERM_DAY_OF_NEXT_MONTH:
		return day_of_next_month(issue, term->day);
	case TERM_ON_RECEIPT:
	case TERM_KIND_COUNT:
		break;
	}
	return issue;
}

/* --- the law --------------------------------------------------------------------------------------------------------------- */

struct limit { /* -1 = none */
	int days;
	date from; /* invoices issued since; none = always */
};

struct terms_country {
	const char *name, *source;
	enum roll roll;
	struct limit ordinary, periodic, public_buyer, large_to_sme, end_of_month;
	int default_days; /* -1 = not known */
	bool after_delivery, after_invoice; /* what it counts from */
	int default_begins_days; /* -1 = no such rule */
};

struct terms {
	struct terms_country *countries;
	size_t count;
};

static int read_limit(const struct json *maximum, const char *key, struct limit *ret, struct err *err)
{
	static const char *const members[] = { "days", "from", NULL };
	struct json object = { 0 };
	const char *from = NULL;
	int64_t days;
	int r = json_opt_object(maximum, key, &object, err);

	*ret = (struct limit){ -1, date_none() };
	if (r < 0 || object.type == JSON_NONE)
		return r;
	if ((r = json_only(&object, members, err)) < 0 || (r = json_get_int(&object, "days", 0, DAYS_MAX, &days, err)) < 0 ||
		(r = json_opt_str(&object, "from", DATE_TEXT_SIZE, &from, err)) < 0)
		return r;
	if (from && date_parse(from, &ret->from) < 0)
		return json_refuse(&object, "from", err, "bad_date", "must be a date such as 2022-07-01");
	ret->days = (int)days;
	return 0;
}

static int read_maximum(const struct json *row, struct terms_country *ret, struct err *err)
{
	static const char *const members[] = { "ordinary", "periodic_invoice", "public_buyer", "large_to_sme", "end_of_month", NULL };
	struct json maximum = { 0 };
	int r = json_opt_object(row, "maximum", &maximum, err);

	if (r < 0 || (r = json_only(&maximum, members, err)) < 0 || (r = read_limit(&maximum, "ordinary", &ret->ordinary, err)) < 0 ||
		(r = read_limit(&maximum, "periodic_invoice", &ret->periodic, err)) < 0 ||
		(r = read_limit(&maximum, "public_buyer", &ret->public_buyer, err)) < 0 ||
		(r = read_limit(&maximum, "large_to_sme", &ret->large_to_sme, err)) < 0)
		return r;
	return read_limit(&maximum, "end_of_month", &ret->end_of_month, err);
}

static int read_default(const struct json *row, struct terms_country *ret, struct err *err)
{
	static const char *const members[] = { "days", "after", NULL };
	struct json object = { 0 }, after;
	int64_t days;
	int r = json_opt_object(row, "default", &object, err);

	ret->default_days = -1;
	if (r < 0 || object.type == JSON_NONE)
		return r;
	if ((r = json_only(&object, members, err)) < 0 || (r = json_get_int(&object, "days", 0, DAYS_MAX, &days, err)) < 0 ||
		(r = json_get_array(&object, "after", &after, err)) < 0)
		return r;
	ret->default_days = (int)days;
	for (size_t i = 0; i < json_len(&after); i++) {
		struct json item = json_at(&after, i);
		const char *word = json_str(&item);

		ret->after_delivery |= word && strcmp(word, "delivered") == 0;
		ret->after_invoice |= word && strcmp(word, "invoice_received") == 0;
		if (!word || (strcmp(word, "delivered") != 0 && strcmp(word, "invoice_received") != 0))
			return json_refuse(&item, NULL, err, "not_one_of", "must be \"delivered\" or \"invoice_received\"");
	}
	return 0;
}

static int read_country(const struct json *row, struct terms_country *ret, struct err *err)
{
	static const char *const members[] = { "source", "certainty", "as_of", "known_until", "note", "default", "maximum", "roll",
		"default_begins_days", NULL };
	int64_t begins = -1;
	int roll = ROLL_NONE, r;

	if ((r = json_only(row, members, err)) < 0 || (r = json_get_str(row, "source", 600, &ret->source, err)) < 0 ||
		(r = json_opt_word(row, "roll", roll_names, &roll, err)) < 0 ||
		(r = json_opt_int(row, "default_begins_days", 0, DAYS_MAX, &begins, err)) < 0 || (r = read_default(row, ret, err)) < 0)
		return r;
	ret->roll = (enum roll)roll;
	ret->default_begins_days = (int)begins;
	return read_maximum(row, ret, err);
}

int terms_parse(struct arena *arena, const struct json *section, struct terms **ret, struct err *err)
{
	struct terms *terms = arena_alloc(arena, sizeof(*terms));
	struct json row;
	const char *name;
	int r;

	terms->countries = arena_alloc(arena, (json_len(section) + 1) * sizeof(*terms->countries));
	for (size_t i = 0; json_member(section, &i, &name, &row); terms->count++) {
		terms->countries[terms->count].name = name;
		if ((r = read_country(&row, &terms->countries[terms->count], err)) < 0)
			return r;
	}
	*ret = terms;
	return 0;
}

const struct terms_country *terms_country(const struct terms *terms, const char *country)
{
	for (size_t i = 0; terms && country && i < terms->count; i++)
		if (strcmp(terms->countries[i].name, country) == 0)
			return &terms->countries[i];
	return NULL;
}

enum roll terms_roll(const struct terms_country *country)
{
	return country ? country->roll : ROLL_NONE;
}

const char *terms_source(const struct terms_country *country)
{
	return country->source;
}

static bool in_force(const struct limit *limit, date issue)
{
	return limit->days >= 0 && (!date_is_set(limit->from) || date_diff(issue, limit->from) >= 0);
}

date terms_latest(const struct terms_country *country, const struct terms_case *facts)
{
	const struct limit *limit = &country->ordinary;
	date latest = date_none();

	/* The number of days must be the law's; another one has the ordinary maximum. */
	if (facts->eom_days && in_force(&country->end_of_month, facts->issue) && facts->eom_days == country->end_of_month.days)
		return term_due(&(struct term){ .kind = facts->eom_method, .days = facts->eom_days }, facts->issue);
	if (facts->periodic && in_force(&country->periodic, facts->issue))
		limit = &country->periodic;
	if (facts->public_buyer && in_force(&country->public_buyer, facts->issue))
		limit = &country->public_buyer;
	if (facts->large_to_sme && in_force(&country->large_to_sme, facts->issue))
		limit = &country->large_to_sme;
	if (in_force(limit, facts->issue))
		latest = date_add_days(facts->issue, limit->days);
	return latest;
}

date terms_default_due(const struct terms_country *country, date delivered, date invoice_received)
{
	date from = date_none();

	if (country->default_days < 0 || (country->after_delivery && !date_is_set(delivered) &&
						 !(country->after_invoice && date_is_set(invoice_received))))
		return from;
	if (country->after_delivery)
		from = delivered;
	if (country->after_invoice && date_is_set(invoice_received) && (!date_is_set(from) || date_diff(invoice_received, from) > 0))
		from = invoice_received;
	return date_add_days(from, country->default_days);
}

bool terms_default_begins(const struct terms_country *country, date due_and_received, bool consumer, bool told, struct terms_default *ret)
{
	if (country->default_begins_days < 0)
		return false;
	*ret = (struct terms_default){ date_none(), date_none(), consumer && !told };
	if (ret->needs_reminder)
		return true;
	ret->last_day = date_add_days(due_and_received, country->default_begins_days);
	ret->from = date_add_days(ret->last_day, 1);
	return true;
}
