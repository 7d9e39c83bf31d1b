/* Civil dates, instants and spans against known days and the examples of RFC 3339. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/date.h"
#include "common/utc.h"

static date day_of(const char *text)
{
	date d;

	if (date_parse(text, &d) < 0)
		fail_msg("%s is no date", text);
	return d;
}

static void known_days(void **state)
{
	static const struct {
		int year, month, day, days;
		enum weekday weekday;
	} cases[] = {
		{ 1, 1, 1, -719162, MONDAY },
		{ 1582, 10, 15, -141427, FRIDAY }, /* the first day of the Gregorian calendar */
		{ 1900, 1, 1, -25567, MONDAY },
		{ 1900, 3, 1, -25508, THURSDAY }, /* no leap year */
		{ 1969, 7, 20, -165, SUNDAY },
		{ 1969, 12, 31, -1, WEDNESDAY },
		{ 1970, 1, 1, 0, THURSDAY },
		{ 2000, 2, 29, 11016, TUESDAY }, /* a leap year */
		{ 2000, 3, 1, 11017, WEDNESDAY },
		{ 2024, 2, 29, 19782, THURSDAY },
		{ 2026, 3, 2, 20514, MONDAY },
		{ 2038, 1, 19, 24855, TUESDAY },
		{ 2100, 3, 1, 47541, MONDAY }, /* no leap year */
		{ 9999, 12, 31, 2932896, FRIDAY },
	};
	int year, month, day;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		date d = date_of(cases[i].year, cases[i].month, cases[i].day);

		assert_int_equal(d.days, cases[i].days);
		assert_int_equal(date_weekday(d), cases[i].weekday);
		date_split(d, &year, &month, &day);
		assert_int_equal(year, cases[i].year);
		assert_int_equal(month, cases[i].month);
		assert_int_equal(day, cases[i].day);
	}
}

/* Every day of 9,998 years, against the C library. */
static void every_day(void **state)
{
	date d = date_of(1, 1, 1), last = date_of(9999, 12, 31);
	int year = 1, month = 1, day = 1, y, m, n, weekday = MONDAY;

	(void)state;
	for (; d.days <= last.days; d.days++) {
		date_split(d, &y, &m, &n);
		if (y != year || m != month || n != day || (int)date_weekday(d) != weekday || date_of(y, m, n).days != d.days)
			fail_msg("day %d is %d-%d-%d, not %d-%d-%d", d.days, y, m, n, year, month, day);
		if (d.days % 1009 == 0) {
			time_t t = (time_t)d.days * 86400;
			struct tm tm;

			assert_non_null(gmtime_r(&t, &tm));
			assert_int_equal(tm.tm_year + 1900, y);
			assert_int_equal(tm.tm_mon + 1, m);
			assert_int_equal(tm.tm_mday, n);
		}
		weekday = weekday % 7 + 1;
		if (date_valid(year, month, day + 1)) {
			day++;
		} else {
			day = 1;
			month = month % 12 + 1;
			year += month == 1;
		}
	}
	assert_int_equal(year, 10000);
}

static void texts(void **state)
{
	static const char *const good[] = { "1900-01-01", "2026-03-02", "2024-02-29", "2000-02-29", "9999-12-31" };
	static const char *const bad[] = { "", "2026", "2026-3-2", "2026-03-2", "2026-03-02 ", " 2026-03-02", "2026/03/02", "2026-03-02T", "1899-12-31",
		"0000-01-01", "2026-00-01", "2026-13-01", "2026-01-00", "2026-01-32", "2026-02-29", "2026-04-31", "2100-02-29", "1900-02-29", "20260302",
		"2026-W10-1", "+026-03-02", "-026-03-02", "2026-03-\xd9\xa2", "2026--3-02", "2026-03:02", "abcd-ef-gh", "10000-01-01" };
	char text[DATE_TEXT_SIZE];
	date d = { 7 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_string_equal(date_format(day_of(good[i]), text), good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (date_parse(bad[i], &d) != -EINVAL || d.days != 7)
			fail_msg("\"%s\" was accepted", bad[i]);
	assert_string_equal(date_format(date_none(), text), "");
	assert_false(date_is_set(date_none()));
	assert_true(date_is_set((date){ 0 }));
}

static void arithmetic(void **state)
{
	static const struct {
		const char *from;
		int months;
		const char *to;
	} months[] = {
		{ "2026-01-31", 1, "2026-02-28" },
		{ "2024-01-31", 1, "2024-02-29" },
		{ "2026-01-31", 2, "2026-03-31" },
		{ "2026-03-31", -1, "2026-02-28" },
		{ "2026-12-15", 1, "2027-01-15" },
		{ "2026-01-15", -1, "2025-12-15" },
		{ "2024-02-29", 12, "2025-02-28" },
		{ "2024-02-29", 48, "2028-02-29" },
		{ "2026-05-31", 18, "2027-11-30" },
		{ "2026-05-31", 0, "2026-05-31" },
		{ "2026-05-31", -125, "2015-12-31" },
	};
	char text[DATE_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(months); i++)
		assert_string_equal(date_format(date_add_months(day_of(months[i].from), months[i].months), text), months[i].to);
	assert_string_equal(date_format(date_add_days(day_of("2026-02-27"), 2), text), "2026-03-01");
	assert_string_equal(date_format(date_add_days(day_of("2024-03-01"), -1), text), "2024-02-29");
	assert_string_equal(date_format(date_end_of_month(day_of("2024-02-03")), text), "2024-02-29");
	assert_string_equal(date_format(date_end_of_month(day_of("2026-12-31")), text), "2026-12-31");
	assert_int_equal(date_diff(day_of("2026-03-01"), day_of("2026-02-01")), 28);
	assert_int_equal(date_diff(day_of("2026-02-01"), day_of("2026-03-01")), -28);
	/* no date stays none */
	assert_false(date_is_set(date_add_days(date_none(), 5)));
	assert_false(date_is_set(date_add_months(date_none(), 5)));
	assert_false(date_is_set(date_end_of_month(date_none())));
}

/* --- instants --------------------------------------------------------------------------------------------------------------- */

static void instants(void **state)
{
	static const struct {
		const char *text;
		int64_t at;
		const char *written; /* NULL: the same */
	} cases[] = {
		{ "1970-01-01T00:00:00Z", 0, NULL },
		{ "1985-04-12T23:20:50.52Z", 482196050520, "1985-04-12T23:20:50.520Z" }, /* RFC 3339, section 5.8 */
		{ "1996-12-19T16:39:57-08:00", 851042397000, "1996-12-20T00:39:57Z" },
		{ "1990-12-31T23:59:60Z", 662687999999, "1990-12-31T23:59:59.999Z" }, /* a leap second */
		{ "1990-12-31T15:59:60-08:00", 662687999999, "1990-12-31T23:59:59.999Z" },
		{ "1990-12-31T23:59:60.5Z", 662687999999, "1990-12-31T23:59:59.999Z" },
		{ "2026-03-02T09:00:00Z", 1772442000000, NULL },
		{ "2026-03-02t09:00:00z", 1772442000000, "2026-03-02T09:00:00Z" },
		{ "2026-03-02 09:00:00+00:00", 1772442000000, "2026-03-02T09:00:00Z" },
		{ "2026-03-02T09:00:00-00:00", 1772442000000, "2026-03-02T09:00:00Z" },
		{ "2026-03-02T09:00:00.001Z", 1772442000001, NULL },
		{ "2026-03-02T09:00:00.123456789123456789Z", 1772442000123, "2026-03-02T09:00:00.123Z" },
		{ "2026-03-02T09:00:00.9999Z", 1772442000999, "2026-03-02T09:00:00.999Z" }, /* cut, never rounded into the next second */
		{ "2026-03-02T14:45:00+05:45", 1772442000000, "2026-03-02T09:00:00Z" },
		{ "2026-03-01T23:00:00-10:00", 1772442000000, "2026-03-02T09:00:00Z" },
		{ "2038-01-19T03:14:08Z", 2147483648000, NULL },
		{ "9999-12-31T23:59:59.999Z", 253402300799999, NULL },
	};
	static const char *const bad[] = { "", "2026-03-02", "2026-03-02T", "2026-03-02T09:00Z", "2026-03-02T09:00:00", "2026-03-02T9:00:00Z", "2026-3-2T09:00:00Z",
		"2026-03-02T24:00:00Z", "2026-03-02T09:60:00Z", "2026-03-02T09:00:61Z", "2026-02-29T09:00:00Z", "2026-13-01T09:00:00Z", "2026-03-02T09:00:00.Z",
		"2026-03-02T09:00:00,5Z", "2026-03-02T09:00:00+1:00", "2026-03-02T09:00:00+0100", "2026-03-02T09:00:00+24:00", "2026-03-02T09:00:00+01:60",
		"2026-03-02T09:00:00+01", "2026-03-02T09:00:00ZZ", "2026-03-02T09:00:00Z ", " 2026-03-02T09:00:00Z", "2026-03-02T09:00:00 Z", "2026-03-02X09:00:00Z",
		"1969-12-31T23:59:59Z", "+2026-03-02T09:00:00Z", "2026-03-02T09:00:00CET", "2026-03-02T09:00:00.5", "20260302T090000Z", "1772442000" };
	char text[UTC_TEXT_SIZE];
	int64_t at = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (utc_parse(cases[i].text, &at) < 0)
			fail_msg("\"%s\" was refused", cases[i].text);
		if (at != cases[i].at)
			fail_msg("\"%s\" is %lld", cases[i].text, (long long)at);
		assert_string_equal(utc_format(at, text), cases[i].written ? cases[i].written : cases[i].text);
	}
	at = 7;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (utc_parse(bad[i], &at) != -EINVAL || at != 7)
			fail_msg("\"%s\" was accepted", bad[i]);
}

static void written_instants(void **state)
{
	char text[UTC_TEXT_SIZE];

	(void)state;
	assert_string_equal(utc_format(-1, text), "1969-12-31T23:59:59.999Z");
	assert_string_equal(utc_format(-DAY_MS, text), "1969-12-31T00:00:00Z");
	assert_string_equal(utc_format(-719162 * DAY_MS, text), "0001-01-01T00:00:00Z");
	assert_string_equal(utc_format(-719162 * DAY_MS - 1, text), "-62135596800001"); /* no year: the plain number */
	assert_string_equal(utc_format(253402300800000, text), "253402300800000");
	assert_string_equal(utc_format(INT64_MAX, text), "9223372036854775807");
	assert_string_equal(utc_format(INT64_MIN, text), "-9223372036854775808");
}

static void spans(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = { { "0", 0 }, { "0s", 0 }, { "90s", 90000 }, { "15m", 900000 }, { "48h", 172800000 }, { "10d", 864000000 }, { "2w", 1209600000 },
		{ "007d", 604800000 }, { "10000000w", INT64_C(6048000000000000) } };
	static const char *const bad[] = { "", "5", "s", "-5s", "+5s", "5 s", "5S", "5ms", "5min", "1.5h", "5s ", " 5s", "1h30m", "10000001s", "99999999999999999999d",
		"0x5s", "5y" };
	int64_t ms = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(span_parse(cases[i].text, &ms), 0);
		assert_true(ms == cases[i].ms);
	}
	ms = 7;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (span_parse(bad[i], &ms) != -EINVAL || ms != 7)
			fail_msg("\"%s\" was accepted", bad[i]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_days),
		cmocka_unit_test(every_day),
		cmocka_unit_test(texts),
		cmocka_unit_test(arithmetic),
		cmocka_unit_test(instants),
		cmocka_unit_test(written_instants),
		cmocka_unit_test(spans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
