#include "common/retention.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/event.h"
#include "common/json.h"

#define YEARS_MAX 100
#define WORDS_MAX 400

const char *const retention_records_names[RECORDS_COUNT + 1] = { [RECORDS_ACCOUNTS] = "accounts", [RECORDS_CONTACTS] = "contacts" };
const char *const retention_start_names[START_COUNT + 1] = { [START_CASE_CLOSED] = "case_closed", [START_LAST_EVENT] = "last_event",
	[START_YEAR_END] = "year_end" };
const char *const retention_bar_names[BAR_COUNT + 1] = { [BAR_NONE] = "", [BAR_PERIOD] = "period", [BAR_HOLD] = "retention_hold",
	[BAR_OPEN_INVOICE] = "open_invoice", [BAR_UNDER_WAY] = "under_way", [BAR_TASK] = "open_task" };

struct retention {
	struct arena *arena;
	struct retention_rule *rules;
	size_t count;
};

/* --- the file ---------------------------------------------------------------------------------------------------------- */

static int read_rule(const struct json *row, struct retention_rule *ret, struct err *err)
{
	static const char *const members[] = { "class", "records", "country", "debtor", "start", "years", "months", "from", "source",
		"certainty", NULL };
	int class = 0, records = 0, start = 0, kind = -1, r;
	int64_t years = 0, months = 0;
	const char *from = NULL;

	if (row->type != JSON_OBJECT)
		return json_refuse(row, NULL, err, "wrong_type", "must be an object");
	if ((r = json_only(row, members, err)) < 0 || (r = json_get_word(row, "class", class_names, &class, err)) < 0 ||
		(r = json_get_word(row, "records", retention_records_names, &records, err)) < 0 ||
		(r = json_get_word(row, "start", retention_start_names, &start, err)) < 0 ||
		(r = json_opt_str(row, "country", 2, &ret->country, err)) < 0 ||
		(r = json_opt_word(row, "debtor", customer_kind_names, &kind, err)) < 0 ||
		(r = json_opt_int(row, "years", 0, YEARS_MAX, &years, err)) < 0 ||
		(r = json_opt_int(row, "months", 0, 12 * YEARS_MAX, &months, err)) < 0 ||
		(r = json_opt_str(row, "from", DATE_TEXT_SIZE, &from, err)) < 0 ||
		(r = json_get_str(row, "source", WORDS_MAX, &ret->source, err)) < 0 ||
		(r = json_get_str(row, "certainty", WORDS_MAX, &ret->certainty, err)) < 0)
		return r;
	if (!json_has(row, "years") && !json_has(row, "months"))
		return json_refuse(row, "years", err, "missing", "a period must be given, in years or months");
	if (ret->country && (strlen(ret->country) != 2 || strspn(ret->country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 2))
		return json_refuse(row, "country", err, "bad_country", "must be two capital letters such as \"FR\"");
	ret->from = date_none();
	if (from && date_parse(from, &ret->from) < 0)
		return json_refuse(row, "from", err, "bad_date", "must be a date such as 2025-01-01");
	ret->class = (enum key_class)class;
	ret->records = (enum retention_records)records;
	ret->start = (enum retention_start)start;
	ret->debtor_kind = kind;
	ret->months = (int)(12 * years + months);
	return 0;
}

static int check_complete(const struct retention *retention, const struct json *rules, struct err *err)
{
	for (int class = 0; class < CLASS_COUNT; class ++) {
		bool any = false;

		for (size_t i = 0; i < retention->count; i++) {
			const struct retention_rule *rule = &retention->rules[i];

			any |= rule->class == (enum key_class)class && !rule->country && rule->debtor_kind < 0 &&
			       !date_is_set(rule->from);
		}
		if (!any)
			return json_refuse(rules, NULL, err, "missing", "class \"%s\" needs a rule for any country and debtor",
				class_names[class]);
	}
	return 0;
}

int retention_parse(const char *json, size_t len, struct retention **ret, struct err *err)
{
	static const char *const members[] = { "as_of", "rules", NULL };
	CLEANUP(retention_freep) struct retention *retention = xcalloc(1, sizeof(*retention));
	struct json root, rules;
	const char *as_of;
	date day;
	int r;

	retention->arena = arena_create();
	json = arena_memdup(retention->arena, json, len);
	if ((r = json_parse(retention->arena, json, len, JSON_COMMENTS, &root, err)) < 0)
		return r;
	if (root.type != JSON_OBJECT)
		return err_set(err, -EBADMSG, "wrong_type", "$", "must be an object");
	if ((r = json_only(&root, members, err)) < 0 || (r = json_get_str(&root, "as_of", DATE_TEXT_SIZE, &as_of, err)) < 0 ||
		(r = json_get_array(&root, "rules", &rules, err)) < 0)
		return r;
	if (date_parse(as_of, &day) < 0)
		return json_refuse(&root, "as_of", err, "bad_date", "must be a date such as 2026-11-22");
	retention->rules = arena_alloc(retention->arena, (json_len(&rules) + 1) * sizeof(*retention->rules));
	for (size_t i = 0; i < json_len(&rules); i++) {
		struct json row = json_at(&rules, i);

		if ((r = read_rule(&row, &retention->rules[i], err)) < 0)
			return r;
		retention->count++;
	}
	if ((r = check_complete(retention, &rules, err)) < 0)
		return r;
	*ret = TAKE(retention);
	return 0;
}

void retention_free(struct retention *retention)
{
	if (!retention)
		return;
	arena_free(retention->arena);
	free(retention);
}

/* --- which rule --------------------------------------------------------------------------------------------------------- */

static int narrowness(const struct retention_rule *rule)
{
	return 2 * (rule->country != NULL) + (rule->debtor_kind >= 0);
}

int retention_shortest(const struct retention *retention)
{
	int months = 12 * YEARS_MAX;

	for (size_t i = 0; i < retention->count; i++)
		if (retention->rules[i].months < months)
			months = retention->rules[i].months;
	return months;
}

const struct retention_rule *retention_rule(const struct retention *retention, enum key_class class, enum retention_records records,
	const char *country, int debtor_kind, date today)
{
	const struct retention_rule *best = NULL;

	for (size_t i = 0; i < retention->count; i++) {
		const struct retention_rule *rule = &retention->rules[i];

		if (rule->class != class || rule->records != records || (rule->country && (!country || strcmp(rule->country, country) != 0)) ||
			(rule->debtor_kind >= 0 && rule->debtor_kind != debtor_kind) ||
			(date_is_set(rule->from) && rule->from.days > today.days))
			continue;
		if (!best || narrowness(rule) > narrowness(best) ||
			(narrowness(rule) == narrowness(best) && rule->from.days > best->from.days))
			best = rule;
	}
	return best;
}

/* --- when ---------------------------------------------------------------------------------------------------------------- */

/* The file as the keys of one year see it. */
struct seen {
	const struct retention_case *file;
	const struct zone *zone;
	int year;
	date closed, last; /* none: nothing happened */
	bool accounts; /* an invoice was alive then */
};

static int year_of(const struct zone *zone, int64_t at)
{
	int year, month, day;

	date_split(zone_date(zone, at), &year, &month, &day);
	return year;
}

static date later(date a, date b)
{
	return !date_is_set(a) || (date_is_set(b) && b.days > a.days) ? b : a;
}

static date earlier(date a, date b)
{
	return a.days < b.days ? a : b;
}

/* What bars it whatever the periods say. */
static enum retention_bar barred(struct seen *seen, const char **what)
{
	const struct retention_case *file = seen->file;

	for (size_t i = 0; i < file->invoice_count; i++) {
		const struct retention_invoice *invoice = &file->invoices[i];

		int64_t end = invoice->last_at > invoice->closed_at ? invoice->last_at : invoice->closed_at;

		if (year_of(seen->zone, invoice->opened_at) > seen->year)
			continue;
		seen->accounts |= year_of(seen->zone, end) >= seen->year;
		*what = invoice->id;
		if (!invoice->closed_at)
			return BAR_OPEN_INVOICE;
		if (invoice->under_way)
			return BAR_UNDER_WAY;
		seen->closed = later(seen->closed, zone_date(seen->zone, invoice->closed_at));
	}
	*what = file->task;
	if (file->task && year_of(seen->zone, file->task_opened_at) <= seen->year)
		return BAR_TASK;
	*what = NULL;
	return BAR_NONE;
}

static date start_of(const struct seen *seen, enum retention_start start)
{
	switch (start) {
	case START_CASE_CLOSED:
		return date_is_set(seen->closed) ? seen->closed : seen->last;
	case START_LAST_EVENT:
		return later(seen->closed, seen->last);
	default:
		return date_of(seen->year, 12, 31);
	}
}

struct retention_verdict retention_judge(const struct retention *retention, const struct retention_case *file,
	const struct zone *zone, uint16_t year, enum key_class class, int64_t now)
{
	date today = zone_date(zone, now), end = date_of(year, 12, 31);
	struct seen seen = { .file = file, .zone = zone, .year = year, .closed = date_none(), .last = end,
		.accounts = file->accounts };
	struct retention_verdict v = { .from = date_none() };

	if (file->last_event_at)
		seen.last = earlier(zone_date(zone, file->last_event_at), end);
	v.bar = barred(&seen, &v.what);
	if (v.bar != BAR_NONE)
		return v;
	for (int records = 0; records < RECORDS_COUNT; records++) {
		const struct retention_rule *rule =
			retention_rule(retention, class, (enum retention_records)records, file->country, file->debtor_kind, today);
		date from;

		if (!rule || (records == RECORDS_ACCOUNTS && !seen.accounts))
			continue;
		from = date_add_days(date_add_months(start_of(&seen, rule->start), rule->months), 1);
		if (!date_is_set(v.from) || from.days > v.from.days) {
			v.from = from;
			v.rule = rule;
		}
	}
	v.bar = file->held ? BAR_HOLD : v.from.days > today.days ? BAR_PERIOD : BAR_NONE;
	return v;
}
