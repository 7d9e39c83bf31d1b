/* From which day on a file may be erased: the shipped periods, the place of a year in a file's life, and all that bars it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/retention.h"
#include "common/utc.h"

#define COMPANY 0
#define CONSUMER 2

static struct retention *shipped;
static const struct zone *paris;

static int64_t at(const char *text)
{
	int64_t ret = 0;

	if (text && *text && utc_parse(text, &ret) < 0)
		fail_msg("%s", text);
	return ret;
}

static int load_shipped(void **state)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct err err = { 0 };

	(void)state;
	if (file_read(SOURCE_DIR "/daemon/share/retention.json", 1 << 20, &text, &err) < 0 ||
		retention_parse(buf_str(&text), text.len, &shipped, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	return zone_get("Europe/Paris", &paris);
}

static int drop_shipped(void **state)
{
	(void)state;
	retention_free(shipped);
	return 0;
}

/* --- periods: one invoice, opened and closed, then nothing more ------------------------------------------------------- */

static const struct period_row {
	const char *name, *country;
	int kind;
	const char *opened, *closed, *last;
	uint16_t year;
	enum key_class class;
	const char *now;
	enum retention_bar bar;
	const char *from, *source;
} period_rows[] = {
	{ "content of a French trader: five years from the settling, the day after", "FR", COMPANY, "2026-01-10T09:00:00Z",
		"2026-03-31T12:00:00Z", "2026-03-31T12:00:00Z", 2026, CLASS_CONTENT, "2031-03-31T12:00:00Z", BAR_PERIOD, "2031-04-01", "L110-4" },
	{ "and on that day it may go", "FR", COMPANY, "2026-01-10T09:00:00Z", "2026-03-31T12:00:00Z", "2026-03-31T12:00:00Z", 2026,
		CLASS_CONTENT, "2031-03-31T22:00:00Z", BAR_NONE, "2031-04-01", "L110-4" },
	{ "a day is one of the creditor's zone", "FR", COMPANY, "2026-01-10T09:00:00Z", "2026-03-31T22:30:00Z", "2026-03-31T22:30:00Z",
		2026, CLASS_CONTENT, "2026-04-01T00:00:00Z", BAR_PERIOD, "2031-04-02", "L110-4" },
	{ "a French consumer's: two", "FR", CONSUMER, "2026-01-10T09:00:00Z", "2026-03-31T12:00:00Z", "2026-03-31T12:00:00Z", 2026,
		CLASS_CONTENT, "2028-04-01T12:00:00Z", BAR_NONE, "2028-04-01", "L218-2" },
	{ "identity runs from the last thing known", "FR", COMPANY, "2026-01-10T09:00:00Z", "2026-03-31T12:00:00Z", "2026-06-05T12:00:00Z",
		2026, CLASS_IDENTITY, "2031-04-01T12:00:00Z", BAR_PERIOD, "2031-06-06", "L110-4" },
	{ "what happened later is no matter to an old year", "FR", COMPANY, "2026-01-10T09:00:00Z", "2026-03-31T12:00:00Z",
		"2029-06-05T12:00:00Z", 2026, CLASS_IDENTITY, "2031-06-06T12:00:00Z", BAR_PERIOD, "2032-01-01", "L110-4" },
	{ "facts hold accounts: ten years from the year's end", "FR", COMPANY, "2026-01-10T09:00:00Z", "2026-03-31T12:00:00Z",
		"2026-03-31T12:00:00Z", 2026, CLASS_FACTS, "2036-12-31T12:00:00Z", BAR_PERIOD, "2037-01-01", "L123-22" },
	{ "the longest of a class counts, also when it is that for contacts", "FR", COMPANY, "2026-01-10T09:00:00Z",
		"2033-03-31T12:00:00Z", "2033-03-31T12:00:00Z", 2026, CLASS_FACTS, "2037-06-01T12:00:00Z", BAR_PERIOD, "2038-04-01", "L110-4" },
	{ "the newest rule in force today", "DE", COMPANY, "2022-01-10T09:00:00Z", "2022-03-31T12:00:00Z", "2022-03-31T12:00:00Z", 2022,
		CLASS_FACTS, "2026-03-31T12:00:00Z", BAR_PERIOD, "2031-01-01", "as of 2025" },
	{ "not before it is in force", "DE", COMPANY, "2022-01-10T09:00:00Z", "2022-03-31T12:00:00Z", "2022-03-31T12:00:00Z", 2022,
		CLASS_FACTS, "2024-03-31T12:00:00Z", BAR_PERIOD, "2033-01-01", "before 2025" },
	{ "a country without a rule", "PL", COMPANY, "2026-01-10T09:00:00Z", "2026-03-31T12:00:00Z", "2026-03-31T12:00:00Z", 2026,
		CLASS_CONTENT, "2026-04-01T12:00:00Z", BAR_PERIOD, "2032-04-01", "our choice" },
	{ "an unknown one", NULL, COMPANY, "2026-01-10T09:00:00Z", "2026-03-31T12:00:00Z", "2026-03-31T12:00:00Z", 2026, CLASS_CONTENT,
		"2026-04-01T12:00:00Z", BAR_PERIOD, "2032-04-01", "our choice" },
	{ "from 29 February to the last of that month", "FR", CONSUMER, "2028-01-10T09:00:00Z", "2028-02-29T12:00:00Z",
		"2028-02-29T12:00:00Z", 2028, CLASS_CONTENT, "2029-01-01T12:00:00Z", BAR_PERIOD, "2030-03-01", "L218-2" },
	{ "an open invoice bars it, without a date", "FR", COMPANY, "2026-01-10T09:00:00Z", "", "2026-03-31T12:00:00Z", 2026, CLASS_CONTENT,
		"2056-04-01T12:00:00Z", BAR_OPEN_INVOICE, "", NULL },
	{ "one opened after the year does not", "FR", COMPANY, "2027-01-10T09:00:00Z", "", "2026-03-31T12:00:00Z", 2026, CLASS_CONTENT,
		"2031-04-01T12:00:00Z", BAR_NONE, "2031-04-01", "L110-4" },
	{ "a year without any invoice holds no accounts", "FR", COMPANY, "2026-01-10T09:00:00Z", "2026-03-31T12:00:00Z",
		"2026-03-31T12:00:00Z", 2029, CLASS_FACTS, "2031-04-01T12:00:00Z", BAR_NONE, "2031-04-01", "L110-4" },
	{ "one that lives through a year keeps it", "FR", COMPANY, "2026-01-10T09:00:00Z", "2028-03-31T12:00:00Z", "2028-03-31T12:00:00Z",
		2027, CLASS_CONTENT, "2031-04-01T12:00:00Z", BAR_PERIOD, "2033-04-01", "L110-4" },
};

static void period_holds(void **state)
{
	const struct period_row *row = *state;
	struct retention_invoice invoice = { .id = "INV-1", .opened_at = at(row->opened), .closed_at = at(row->closed) };
	struct retention_case file = { .country = row->country, .debtor_kind = row->kind, .last_event_at = at(row->last),
		.invoices = &invoice, .invoice_count = 1 };
	struct retention_verdict v = retention_judge(shipped, &file, paris, row->year, row->class, at(row->now));
	char text[DATE_TEXT_SIZE];

	assert_string_equal(retention_bar_names[v.bar], retention_bar_names[row->bar]);
	assert_string_equal(date_format(v.from, text), row->from);
	if (row->source)
		assert_non_null(strstr(v.rule->source, row->source));
	else
		assert_null(v.rule);
}

/* --- what else bars it ---------------------------------------------------------------------------------------------------- */

static struct retention_verdict judge(const struct retention_case *file)
{
	return retention_judge(shipped, file, paris, 2026, CLASS_IDENTITY, at("2060-01-01T00:00:00Z"));
}

static void a_hold_bars_and_tells_the_day(void **state)
{
	struct retention_case file = { .country = "FR", .held = true, .last_event_at = at("2026-05-05T12:00:00Z") };
	struct retention_verdict v = judge(&file);
	char text[DATE_TEXT_SIZE];

	(void)state;
	assert_int_equal(v.bar, BAR_HOLD);
	assert_string_equal(date_format(v.from, text), "2031-05-06");
	file.held = false;
	assert_int_equal(judge(&file).bar, BAR_NONE);
}

static void an_attempt_under_way_bars(void **state)
{
	struct retention_invoice invoice = { .id = "INV-1", .opened_at = at("2026-01-10T09:00:00Z"), .closed_at = at("2026-03-31T12:00:00Z"),
		.under_way = true };
	struct retention_case file = { .country = "FR", .invoices = &invoice, .invoice_count = 1 };

	(void)state;
	assert_int_equal(judge(&file).bar, BAR_UNDER_WAY);
	assert_string_equal(judge(&file).what, "INV-1");
}

static void an_open_task_of_the_year_bars(void **state)
{
	struct retention_case file = { .country = "FR", .task = "reconcile:INV-1", .task_opened_at = at("2026-12-31T22:59:00Z") };

	(void)state;
	assert_int_equal(judge(&file).bar, BAR_TASK);
	assert_string_equal(judge(&file).what, "reconcile:INV-1");
	file.task_opened_at = at("2026-12-31T23:00:00Z"); /* 2027 in Paris */
	assert_int_equal(judge(&file).bar, BAR_NONE);
}

static void one_open_invoice_among_many_bars(void **state)
{
	struct retention_invoice invoices[] = {
		{ .id = "INV-1", .opened_at = at("2026-01-10T09:00:00Z"), .closed_at = at("2026-03-31T12:00:00Z") },
		{ .id = "INV-2", .opened_at = at("2025-01-10T09:00:00Z") },
		{ .id = "INV-3", .opened_at = at("2026-01-10T09:00:00Z"), .closed_at = at("2026-04-30T12:00:00Z") },
	};
	struct retention_case file = { .country = "FR", .invoices = invoices, .invoice_count = 3 };

	(void)state;
	assert_int_equal(judge(&file).bar, BAR_OPEN_INVOICE);
	assert_string_equal(judge(&file).what, "INV-2");
}

/* --- the file of periods ----------------------------------------------------------------------------------------------------- */

#define ANY(class) "{\"class\":\"" class "\",\"records\":\"contacts\",\"start\":\"last_event\",\"years\":1,\"source\":\"s\",\"certainty\":\"c\"}"
#define FILE_OF(rules) "{\"as_of\":\"2026-01-01\",\"rules\":[" rules "]}"
#define WITH(row) FILE_OF(ANY("identity") "," ANY("content") "," ANY("facts") "," row)

static const struct file_row {
	const char *name, *json, *code, *path;
} file_rows[] = {
	{ "the least that will do", FILE_OF(ANY("identity") "," ANY("content") "," ANY("facts")), NULL, NULL },
	{ "no rule for a class", FILE_OF(ANY("identity") "," ANY("facts")), "missing", "$.rules" },
	{ "an unknown class", WITH("{\"class\":\"name\"}"), "not_one_of", "$.rules[3].class" },
	{ "no period", WITH("{\"class\":\"facts\",\"records\":\"accounts\",\"start\":\"year_end\",\"source\":\"s\",\"certainty\":\"c\"}"), "missing",
		"$.rules[3].years" },
	{ "no source", WITH("{\"class\":\"facts\",\"records\":\"accounts\",\"start\":\"year_end\",\"years\":1,\"certainty\":\"c\"}"), "missing",
		"$.rules[3].source" },
	{ "a bad country", WITH("{\"class\":\"facts\",\"records\":\"accounts\",\"start\":\"year_end\",\"years\":1,\"country\":\"fr\",\"source\":\"s\","
				"\"certainty\":\"c\"}"), "bad_country", "$.rules[3].country" },
	{ "a bad date", WITH("{\"class\":\"facts\",\"records\":\"accounts\",\"start\":\"year_end\",\"years\":1,\"from\":\"2025-13-01\",\"source\":\"s\","
			     "\"certainty\":\"c\"}"), "bad_date", "$.rules[3].from" },
	{ "a member nobody knows", WITH("{\"klass\":\"facts\"}"), "unknown_member", "$.rules[3].klass" },
	{ "no object", "[]", "wrong_type", "$" },
};

static void file_is_judged(void **state)
{
	const struct file_row *row = *state;
	struct retention *retention = NULL;
	struct err err = { 0 };
	int r = retention_parse(row->json, strlen(row->json), &retention, &err);

	if (row->code) {
		assert_int_equal(r, -EBADMSG);
		assert_string_equal(err.code, row->code);
		assert_string_equal(err.path, row->path);
	} else {
		assert_int_equal(r, 0);
	}
	retention_free(retention);
}

static void the_shortest_period_of_all(void **state)
{
	(void)state;
	assert_int_equal(retention_shortest(shipped), 24); /* a consumer in France */
}

int main(void)
{
	static const struct CMUnitTest plain[] = { cmocka_unit_test(a_hold_bars_and_tells_the_day),
		cmocka_unit_test(an_attempt_under_way_bars), cmocka_unit_test(an_open_task_of_the_year_bars),
		cmocka_unit_test(one_open_invoice_among_many_bars), cmocka_unit_test(the_shortest_period_of_all) };
	struct CMUnitTest tests[ARRAY_LEN(plain) + ARRAY_LEN(period_rows) + ARRAY_LEN(file_rows)];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		tests[n++] = plain[i];
	for (size_t i = 0; i < ARRAY_LEN(period_rows); i++)
		tests[n++] = (struct CMUnitTest){ .name = period_rows[i].name, .test_func = period_holds,
			.initial_state = (void *)(uintptr_t)&period_rows[i] };
	for (size_t i = 0; i < ARRAY_LEN(file_rows); i++)
		tests[n++] = (struct CMUnitTest){ .name = file_rows[i].name, .test_func = file_is_judged,
			.initial_state = (void *)(uintptr_t)&file_rows[i] };
	return cmocka_run_group_tests(tests, load_shipped, drop_shipped);
}
