/* When a person may be contacted: weekdays and hours in their zone. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/business_time.h"
#include "common/cleanup.h"
#include "common/utc.h"

#define MON_FRI 0x1f
#define SUN_THU 0x4f /* Sunday to Thursday */

static struct business_time hours(const char *zone, uint8_t weekdays, int from, int to)
{
	struct business_time when = { .weekdays = weekdays, .from_minute = from, .to_minute = to };

	assert_int_equal(zone_get(zone, &when.zone), 0);
	return when;
}

static date day_of(const char *text)
{
	date d;

	assert_int_equal(date_parse(text, &d), 0);
	return d;
}

static void days(void **state)
{
	static const struct {
		uint8_t weekdays;
		const char *from;
		int add;
		const char *to;
	} cases[] = {
		{ MON_FRI, "2026-03-02", 0, "2026-03-02" }, /* a Monday */
		{ MON_FRI, "2026-03-07", 0, "2026-03-09" }, /* a Saturday: the next */
		{ MON_FRI, "2026-03-06", 1, "2026-03-09" },
		{ MON_FRI, "2026-03-07", 1, "2026-03-09" },
		{ MON_FRI, "2026-03-08", 1, "2026-03-09" },
		{ MON_FRI, "2026-03-02", 5, "2026-03-09" },
		{ MON_FRI, "2026-03-02", 10, "2026-03-16" },
		{ MON_FRI, "2026-03-09", -1, "2026-03-06" },
		{ MON_FRI, "2026-03-08", -1, "2026-03-06" },
		{ MON_FRI, "2026-03-07", -5, "2026-03-02" },
		{ SUN_THU, "2026-03-05", 1, "2026-03-08" },
		{ 0x40, "2026-03-02", 2, "2026-03-15" }, /* Sundays alone */
		{ 0x7f, "2026-02-27", 3, "2026-03-02" },
	};
	char text[DATE_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct business_time when = hours("UTC", cases[i].weekdays, 540, 1050);

		assert_string_equal(date_format(business_add_days(&when, day_of(cases[i].from), cases[i].add), text), cases[i].to);
	}
	struct business_time when = hours("UTC", MON_FRI, 540, 1050);
	assert_true(business_day(&when, day_of("2026-03-06")));
	assert_false(business_day(&when, day_of("2026-03-07")));
	assert_string_equal(date_format(business_next_day(&when, day_of("2026-03-07")), text), "2026-03-09");
	assert_string_equal(date_format(business_next_day(&when, day_of("2026-03-06")), text), "2026-03-06");
}

struct row {
	const char *name, *zone, *at, *next;
	int from, to;
};
static const struct row rows[] = {
	{ "inside: now", "Europe/Paris", "2026-03-02T09:00:00Z", "2026-03-02T09:00:00Z", 540, 1050 },
	{ "before the opening", "Europe/Paris", "2026-03-02T05:00:00Z", "2026-03-02T08:00:00Z", 540, 1050 },
	{ "the opening itself", "Europe/Paris", "2026-03-02T08:00:00Z", "2026-03-02T08:00:00Z", 540, 1050 },
	{ "the last millisecond", "Europe/Paris", "2026-03-02T16:29:59.999Z", "2026-03-02T16:29:59.999Z", 540, 1050 },
	{ "the closing: not any more", "Europe/Paris", "2026-03-02T16:30:00Z", "2026-03-03T08:00:00Z", 540, 1050 },
	{ "Friday evening", "Europe/Paris", "2026-03-06T17:00:00Z", "2026-03-09T08:00:00Z", 540, 1050 },
	{ "Saturday", "Europe/Paris", "2026-03-07T10:00:00Z", "2026-03-09T08:00:00Z", 540, 1050 },
	{ "Sunday evening is Monday there", "Pacific/Auckland", "2026-03-01T20:30:00Z", "2026-03-01T20:30:00Z", 540, 1050 },
	{ "Monday evening is Monday morning there", "America/Los_Angeles", "2026-03-03T01:31:00Z", "2026-03-03T17:00:00Z", 540, 1050 },
	{ "across the change to summer", "Europe/Paris", "2026-03-27T17:00:00Z", "2026-03-30T07:00:00Z", 540, 1050 },
	{ "across the change to winter", "Europe/Paris", "2026-10-23T17:00:00Z", "2026-10-26T08:00:00Z", 540, 1050 },
	{ "the whole day", "Europe/Paris", "2026-03-02T22:59:59Z", "2026-03-02T22:59:59Z", 0, 1440 },
	{ "the whole day ends with it", "Europe/Paris", "2026-03-06T23:00:00Z", "2026-03-08T23:00:00Z", 0, 1440 },
	{ "an opening of a quarter of an hour", "Asia/Kathmandu", "2026-03-02T04:30:00Z", "2026-03-03T04:15:00Z", 600, 615 },
};

static void row_holds(void **state)
{
	const struct row *row = *state;
	struct business_time when = hours(row->zone, MON_FRI, row->from, row->to);
	char text[UTC_TEXT_SIZE];
	int64_t at;

	assert_int_equal(utc_parse(row->at, &at), 0);
	assert_string_equal(utc_format(business_next(&when, at), text), row->next);
}

static void openings(void **state)
{
	struct business_time when = hours("Europe/Paris", MON_FRI, 540, 1050);
	char text[UTC_TEXT_SIZE];

	(void)state;
	assert_string_equal(utc_format(business_opening(&when, day_of("2026-03-02")), text), "2026-03-02T08:00:00Z");
	assert_string_equal(utc_format(business_opening(&when, day_of("2026-03-28")), text), "2026-03-30T07:00:00Z");
	/* a day that was left out at the date line: the hours of the next one */
	when = hours("Pacific/Apia", 0x7f, 540, 1050);
	assert_string_equal(utc_format(business_opening(&when, day_of("2011-12-30")), text), "2011-12-30T19:00:00Z");
}

/* For every quarter of an hour of a year: inside the window, never earlier than asked, and the first such instant. */
static void always_inside(void **state)
{
	static const char *const zones[] = { "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu" };

	(void)state;
	for (size_t z = 0; z < ARRAY_LEN(zones); z++) {
		struct business_time when = hours(zones[z], MON_FRI, 545, 1051);
		int64_t start = day_of("2026-01-01").days * DAY_MS;

		for (int64_t at = start; at < start + 365 * DAY_MS; at += 15 * MINUTE_MS) {
			int64_t next = business_next(&when, at);
			int minute = zone_minute(when.zone, next);

			assert_true(next >= at && next < at + 4 * DAY_MS);
			assert_true(business_day(&when, zone_date(when.zone, next)));
			assert_true(minute >= 545 && minute < 1051);
			assert_true(business_next(&when, next) == next);
			if (next > at) /* what it passed over was closed */
				assert_true(business_next(&when, next - 1) == next && business_next(&when, (at + next) / 2) == next);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(days),
		cmocka_unit_test(openings),
		cmocka_unit_test(always_inside),
	};
	struct CMUnitTest tests[ARRAY_LEN(rows)];
	int failed;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].name,
			.test_func = row_holds,
			.initial_state = (void *)(uintptr_t)&rows[i] };
	failed = cmocka_run_group_tests_name("business_next", tests, NULL, NULL);
	return failed + cmocka_run_group_tests_name("business_time", others, NULL, NULL);
}
