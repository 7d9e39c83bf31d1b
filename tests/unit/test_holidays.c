/* Holidays by rule, business days and how a date moves; the shipped calendars, and what a bad one is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/law.h"

static struct law *shipped;

static int load(void **state)
{
	struct err err = { 0 };

	(void)state;
	if (law_load(SOURCE_DIR "/daemon/share", NULL, &shipped, &err) < 0)
		fail_msg("%s", err.text);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	law_free(shipped);
	return 0;
}

static date day(const char *text)
{
	date d;

	if (date_parse(text, &d) < 0)
		fail_msg("%s", text);
	return d;
}

static const struct calendar *calendar(const char *name)
{
	const struct calendar *c = holidays_place(shipped->holidays, name);

	assert_non_null(c);
	return c;
}

/* --- where a feast goes --------------------------------------------------------------------------------------------------------- */

static const struct off_row {
	const char *name, *calendar, *date;
	bool off;
} off_rows[] = {
	{ "Christmas on a Saturday moves to Monday", "GB-ENG", "2021-12-27", true },
	{ "and Boxing Day behind it", "GB-ENG", "2021-12-28", true },
	{ "Christmas on a Sunday moves over Boxing Day", "GB-ENG", "2022-12-27", true },
	{ "Boxing Day on a Monday stays", "GB-ENG", "2022-12-26", true },
	{ "New Year on a Sunday moves over 2 January in Scotland", "GB-SCT", "2023-01-03", true },
	{ "and not in England", "GB-ENG", "2023-01-03", false },
	{ "the moved May holiday of 2020", "GB-ENG", "2020-05-08", true },
	{ "and its usual day", "GB-ENG", "2020-05-04", false },
	{ "Scotland's day in 2026", "GB-SCT", "2026-06-15", true },
	{ "England has it not", "GB-ENG", "2026-06-15", false },
	{ "someone in Britain, place unknown, is left alone then", "GB", "2026-06-15", true },
	{ "and on 17 March", "GB", "2026-03-17", true },
	{ "New Year 2028 is observed in the year before", "US", "2027-12-31", true },
	{ "its own day is a Saturday", "US", "2028-01-01", false },
	{ "Veterans Day on a Sunday", "US", "2029-11-12", true },
	{ "no Juneteenth before 2021", "US", "2020-06-19", false },
	{ "King's Day on a Sunday goes back", "NL", "2025-04-26", true },
	{ "Victoria Day is on or before the 24th", "CA", "2026-05-18", true },
	{ "the 24th itself", "CA", "2027-05-24", true },
	{ "Canada Day on a Sunday goes on", "CA", "2029-07-02", true },
	{ "4 October in Italy since 2026", "IT", "2026-10-04", true },
	{ "and not before", "IT", "2025-10-04", false },
	{ "Good Friday in Moselle", "FR-57", "2026-04-03", true },
	{ "and not in Paris", "FR-75", "2026-04-03", false },
	{ "Easter Monday in Paris, which is France", "FR-75", "2026-04-06", true },
	{ "Repentance Day in Saxony", "DE-SN", "2026-11-18", true },
	{ "a year that is not kept as bits: before", "FR", "1985-05-16", true },
	{ "a year that is not kept as bits: behind", "US", "2109-07-04", true },
};

static void a_day_is_off(void **state)
{
	const struct off_row *row = *state;

	assert_int_equal(calendar_holiday(calendar(row->calendar), day(row->date)), row->off);
}

/* The bits say what the rules say, on every day of three years around both edges, for every calendar. */
static void bits_and_rules_agree(void **state)
{
	static const int years[] = { 1990, 2026, 2100 };
	const struct law_entry *entries;
	size_t count = law_entries(shipped, &entries), calendars = 0;

	(void)state;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(entries[i].section, "holidays") != 0)
			continue;
		calendars++;
		for (size_t y = 0; y < ARRAY_LEN(years); y++) {
			struct holiday list[HOLIDAYS_MAX];
			size_t days = calendar_year(calendar(entries[i].name), years[y], list), seen = 0;

			for (date d = date_of(years[y], 1, 1); date_diff(d, date_of(years[y], 12, 31)) <= 0; d = date_add_days(d, 1)) {
				bool listed = seen < days && list[seen].observed.days == d.days;

				assert_int_equal(calendar_holiday(calendar(entries[i].name), d), listed);
				seen += listed;
			}
			assert_int_equal(seen, days);
		}
	}
	assert_int_equal(calendars, 41);
}

static void nothing_is_known_of_an_unknown_place(void **state)
{
	(void)state;
	assert_null(holidays_place(shipped->holidays, "JP"));
	assert_null(holidays_place(shipped->holidays, "G"));
	assert_null(holidays_place(shipped->holidays, ""));
	assert_null(holidays_place(shipped->holidays, NULL));
	assert_null(holidays_place(NULL, "FR"));
	assert_false(calendar_holiday(NULL, day("2026-12-25")));
	assert_string_equal(calendar_name(calendar("DE-XX")), "DE");
}

/* --- how a date moves ----------------------------------------------------------------------------------------------------------- */

static const struct roll_row {
	const char *name, *calendar, *from;
	enum roll roll;
	const char *to;
} roll_rows[] = {
	{ "none leaves a Sunday", "FR", "2026-05-03", ROLL_NONE, "2026-05-03" },
	{ "following", "FR", "2026-05-01", ROLL_FOLLOWING, "2026-05-04" },
	{ "preceding", "FR", "2026-05-01", ROLL_PRECEDING, "2026-04-30" },
	{ "modified following turns back at the end of the month", "EU-TARGET", "2026-05-31", ROLL_MODIFIED_FOLLOWING, "2026-05-29" },
	{ "modified following follows within it", "EU-TARGET", "2026-05-03", ROLL_MODIFIED_FOLLOWING, "2026-05-04" },
	{ "a Saturday stays where only Sundays move", "IT", "2026-05-09", ROLL_SUNDAY, "2026-05-09" },
	{ "a Sunday moves there", "IT", "2026-05-10", ROLL_SUNDAY, "2026-05-11" },
	{ "over Easter", "IT", "2026-04-05", ROLL_SUNDAY, "2026-04-07" },
	{ "a business day stays", "FR", "2026-05-04", ROLL_FOLLOWING, "2026-05-04" },
};

static void a_date_rolls(void **state)
{
	const struct roll_row *row = *state;
	char text[DATE_TEXT_SIZE];

	assert_string_equal(date_format(calendar_roll(calendar(row->calendar), day(row->from), row->roll), text), row->to);
}

static void business_days_are_counted(void **state)
{
	const struct calendar *fr = calendar("FR");
	char text[DATE_TEXT_SIZE];

	(void)state;
	assert_string_equal(date_format(calendar_add_business_days(fr, day("2026-04-30"), 1), text), "2026-05-04");
	assert_string_equal(date_format(calendar_add_business_days(fr, day("2026-05-04"), -1), text), "2026-04-30");
	assert_string_equal(date_format(calendar_add_business_days(fr, day("2026-05-02"), 0), text), "2026-05-04");
	assert_int_equal(calendar_business_days(fr, day("2026-04-30"), day("2026-05-11")), 5); /* 4, 5, 6, 7, 11 May */
	assert_int_equal(calendar_business_days(fr, day("2026-05-11"), day("2026-04-30")), -5);
	for (date d = day("2026-01-01"); d.days < day("2027-01-01").days; d = date_add_days(d, 1))
		for (int32_t n = 1; n < 30; n += 7) /* there and back again */
			assert_int_equal(calendar_business_days(fr, d, calendar_add_business_days(fr, d, n)), n);
}

static void easter_is_a_sunday_in_its_bounds(void **state)
{
	(void)state;
	for (int year = 1583; year < 9999; year++) {
		int y, month, dom;
		date d = easter(year);

		date_split(d, &y, &month, &dom);
		assert_int_equal(y, year);
		assert_int_equal(date_weekday(d), SUNDAY);
		assert_true((month == 3 && dom >= 22) || (month == 4 && dom <= 25));
	}
}

/* --- bad files ------------------------------------------------------------------------------------------------------------------ */

static const struct bad_row {
	const char *name, *days, *text;
} bad_rows[] = {
	{ "no kind", "{\"x\":{\"month\":1,\"day\":1}}", "$.holidays.A.days.x.kind" },
	{ "no such kind", "{\"x\":{\"kind\":\"lunar\"}}", "$.holidays.A.days.x.kind" },
	{ "no such day", "{\"x\":{\"kind\":\"fixed\",\"month\":4,\"day\":31}}", "$.holidays.A.days.x.day" },
	{ "a day that some years lack", "{\"x\":{\"kind\":\"weekday_on_or_before\",\"weekday\":1,\"month\":2,\"day\":29}}",
		"$.holidays.A.days.x.day" },
	{ "no such weekday", "{\"x\":{\"kind\":\"nth\",\"month\":4,\"weekday\":8,\"n\":1}}", "$.holidays.A.days.x.weekday" },
	{ "the zeroth Monday", "{\"x\":{\"kind\":\"nth\",\"month\":4,\"weekday\":1,\"n\":0}}", "$.holidays.A.days.x.n" },
	{ "no dates", "{\"x\":{\"kind\":\"once\",\"dates\":[]}}", "$.holidays.A.days.x.dates" },
	{ "no date", "{\"x\":{\"kind\":\"once\",\"dates\":[\"2026-02-29\"]}}", "$.holidays.A.days.x.dates[0]" },
	{ "no year", "{\"x\":{\"kind\":\"easter\",\"offset\":1,\"except_years\":[\"2020\"]}}", "$.holidays.A.days.x.except_years[0]" },
	{ "an unknown member", "{\"x\":{\"kind\":\"easter\",\"offset\":1,\"ofset\":1}}", "$.holidays.A.days.x.ofset" },
	{ "no object", "{\"x\":1}", "$.holidays.A.days.x" },
	{ "an unknown base", "{},\"extends\":\"B\"", "$.holidays.A.extends" },
};

static void a_bad_calendar_is_refused(void **state)
{
	const struct bad_row *row = *state;
	char json[600];
	struct law_text text = { "own.json", json, 0, false };
	struct law *law = NULL;
	struct err err = { 0 };

	text.len = (size_t)snprintf(json, sizeof(json),
		"{\"as_of\":\"2026-11-22\",\"holidays\":{\"A\":{\"source\":\"s\",\"certainty\":\"ours\",\"days\":%s}}}", row->days);
	assert_true(law_parse(&text, 1, &law, &err) < 0);
	assert_string_equal(err.path, row->text);
}

int main(void)
{
	static struct CMUnitTest tests[ARRAY_LEN(off_rows) + ARRAY_LEN(roll_rows) + ARRAY_LEN(bad_rows) + 4];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(off_rows); i++)
		tests[n++] = (struct CMUnitTest){ off_rows[i].name, a_day_is_off, NULL, NULL, (void *)(uintptr_t)&off_rows[i] };
	for (size_t i = 0; i < ARRAY_LEN(roll_rows); i++)
		tests[n++] = (struct CMUnitTest){ roll_rows[i].name, a_date_rolls, NULL, NULL, (void *)(uintptr_t)&roll_rows[i] };
	for (size_t i = 0; i < ARRAY_LEN(bad_rows); i++)
		tests[n++] = (struct CMUnitTest){ bad_rows[i].name, a_bad_calendar_is_refused, NULL, NULL, (void *)(uintptr_t)&bad_rows[i] };
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(bits_and_rules_agree);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(nothing_is_known_of_an_unknown_place);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(business_days_are_counted);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(easter_is_a_sunday_in_its_bounds);
	return cmocka_run_group_tests(tests, load, drop);
}
