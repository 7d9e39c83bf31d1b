#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/utc.h"
#include "common/zone.h"

static const struct zone *zone_of(const char *name)
{
	const struct zone *zone = NULL;

	assert_int_equal(zone_get(name, &zone), 0);
	return zone;
}

static date day_of(const char *text)
{
	date day;

	assert_int_equal(date_parse(text, &day), 0);
	return day;
}

struct row {
	const char *name;
	const char *zone;
	const char *day;
	int hour, minute;
	const char *utc;
};

static const struct row rows[] = {
	{ "Paris in winter", "Europe/Paris", "2026-03-02", 10, 0, "2026-03-02T09:00:00Z" },
	{ "Paris in summer", "Europe/Paris", "2026-07-01", 10, 0, "2026-07-01T08:00:00Z" },
	{ "Paris: minute 1440 is the next midnight", "Europe/Paris", "2026-07-01", 24, 0, "2026-07-01T22:00:00Z" },
	{ "Paris: before the spring gap", "Europe/Paris", "2026-03-29", 1, 59, "2026-03-29T00:59:00Z" },
	{ "Paris: the gap begins", "Europe/Paris", "2026-03-29", 2, 0, "2026-03-29T01:00:00Z" },
	{ "Paris: the middle of the gap is its end", "Europe/Paris", "2026-03-29", 2, 30, "2026-03-29T01:00:00Z" },
	{ "Paris: the last minute of the gap too", "Europe/Paris", "2026-03-29", 2, 59, "2026-03-29T01:00:00Z" },
	{ "Paris: after the gap", "Europe/Paris", "2026-03-29", 3, 0, "2026-03-29T01:00:00Z" },
	{ "Paris: well after the gap", "Europe/Paris", "2026-03-29", 3, 1, "2026-03-29T01:01:00Z" },
	{ "Berlin: before the overlap", "Europe/Berlin", "2026-10-25", 1, 59, "2026-10-24T23:59:00Z" },
	{ "Berlin: the overlap gives the first", "Europe/Berlin", "2026-10-25", 2, 0, "2026-10-25T00:00:00Z" },
	{ "Berlin: its last minute too", "Europe/Berlin", "2026-10-25", 2, 59, "2026-10-25T00:59:00Z" },
	{ "Berlin: after the overlap", "Europe/Berlin", "2026-10-25", 3, 0, "2026-10-25T02:00:00Z" },
	{ "New York in winter", "America/New_York", "2026-01-15", 9, 0, "2026-01-15T14:00:00Z" },
	{ "New York: spring gap", "America/New_York", "2026-03-08", 2, 15, "2026-03-08T07:00:00Z" },
	{ "New York: autumn overlap", "America/New_York", "2026-11-01", 1, 30, "2026-11-01T05:30:00Z" },
	{ "Apia: the day before the missing one", "Pacific/Apia", "2011-12-29", 23, 59, "2011-12-30T09:59:00Z" },
	{ "Apia: the missing day is the next", "Pacific/Apia", "2011-12-30", 0, 0, "2011-12-30T10:00:00Z" },
	{ "Apia: its noon too", "Pacific/Apia", "2011-12-30", 12, 0, "2011-12-30T10:00:00Z" },
	{ "Apia: its end too", "Pacific/Apia", "2011-12-30", 24, 0, "2011-12-30T10:00:00Z" },
	{ "Apia: the day after", "Pacific/Apia", "2011-12-31", 0, 1, "2011-12-30T10:01:00Z" },
	{ "Kwajalein: the missing day of 1993", "Pacific/Kwajalein", "1993-08-21", 8, 0, "1993-08-21T12:00:00Z" },
	{ "Lord Howe: 30 minutes of summer time", "Australia/Lord_Howe", "2026-01-10", 9, 0, "2026-01-09T22:00:00Z" },
	{ "Lord Howe: winter", "Australia/Lord_Howe", "2026-07-10", 9, 0, "2026-07-09T22:30:00Z" },
	{ "Lord Howe: half an hour twice, the first", "Australia/Lord_Howe", "2026-04-05", 1, 45, "2026-04-04T14:45:00Z" },
	{ "Lord Howe: half an hour missing", "Australia/Lord_Howe", "2026-10-04", 2, 10, "2026-10-03T15:30:00Z" },
	{ "Kathmandu: 5:45", "Asia/Kathmandu", "2026-03-02", 10, 0, "2026-03-02T04:15:00Z" },
	{ "Sao Paulo: no midnight on that day", "America/Sao_Paulo", "2018-11-04", 0, 0, "2018-11-04T03:00:00Z" },
	{ "Istanbul: two transitions far apart", "Europe/Istanbul", "2030-07-01", 9, 0, "2030-07-01T06:00:00Z" },
	{ "UTC", "UTC", "2026-03-02", 10, 0, "2026-03-02T10:00:00Z" },
	{ "Paris past 2037 by the rule", "Europe/Paris", "2099-07-01", 10, 0, "2099-07-01T08:00:00Z" },
};

static void row_holds(void **state)
{
	const struct row *row = *state;
	char text[UTC_TEXT_SIZE];
	const struct zone *zone = zone_of(row->zone);

	assert_string_equal(utc_format(zone_to_utc(zone, day_of(row->day), row->hour * 60 + row->minute), text), row->utc);
}

static void known_and_unknown_names(void **state)
{
	static const char *const known[] = { "UTC", "Etc/UTC", "GMT", "Europe/Paris", "America/Argentina/Buenos_Aires",
		"America/Port-au-Prince", "Asia/Calcutta", "US/Eastern", "CET", "EST5EDT", "Etc/GMT+3", "Japan" };
	static const char *const unknown[] = { "", "Nope/Zone", "GMT+3", "GMT+03:00", "UTC+1", "+02:00", "Paris",
		"Europe/Paris ", " UTC", "europe/paris", "EUROPE/PARIS", "Europe/", "Etc/Unknown", "Factory", "BST", "IST",
		"PST", "Europe/Paris\n", "Europe/Par\xc3\xads", "../etc/passwd", ":Europe/Paris", "CET-1CEST",
		"A/very/long/name/that/goes/on/and/on/and/on/and/on/and/on/and/on/and/on/and/on/and/on" };
	const struct zone *zone, *again;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		assert_int_equal(zone_get(known[i], &zone), 0);
		assert_string_equal(zone_name(zone), known[i]);
		assert_int_equal(zone_get(known[i], &again), 0);
		assert_ptr_equal(zone, again);
	}
	for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
		zone = NULL;
		if (zone_get(unknown[i], &zone) != -ENOENT || zone)
			fail_msg("\"%s\" must be unknown", unknown[i]);
	}
}

static void date_minute_and_offset(void **state)
{
	const struct zone *lord_howe = zone_of("Australia/Lord_Howe"), *kathmandu = zone_of("Asia/Kathmandu");
	const struct zone *new_york = zone_of("America/New_York");
	int64_t at;

	(void)state;
	assert_int_equal(utc_parse("2026-03-02T18:14:59.999Z", &at), 0);
	assert_int_equal(zone_date(kathmandu, at).days, day_of("2026-03-02").days);
	assert_int_equal(zone_minute(kathmandu, at), 1439);
	assert_int_equal(zone_date(kathmandu, at + 1).days, day_of("2026-03-03").days);
	assert_int_equal(zone_minute(kathmandu, at + 1), 0);
	assert_int_equal(zone_offset_minutes(kathmandu, at), 345);
	assert_int_equal(zone_offset_minutes(lord_howe, at), 660);
	assert_int_equal(zone_offset_minutes(new_york, at), -300);
	assert_int_equal(zone_date(new_york, -1).days, day_of("1969-12-31").days);
	assert_int_equal(zone_minute(new_york, -1), 18 * 60 + 59);
	/* The two sides of a transition. */
	assert_int_equal(utc_parse("2026-03-08T07:00:00Z", &at), 0);
	assert_int_equal(zone_offset_minutes(new_york, at - 1), -300);
	assert_int_equal(zone_offset_minutes(new_york, at), -240);
	assert_int_equal(zone_minute(new_york, at - 1), 119);
	assert_int_equal(zone_minute(new_york, at), 180);
}

static void written_for_people(void **state)
{
	static const struct {
		const char *zone, *at, *text;
	} cases[] = {
		{ "Europe/Paris", "2026-03-02T09:00:00Z", "2026-03-02 10:00 CET" },
		{ "Europe/Paris", "2026-07-02T08:05:00Z", "2026-07-02 10:05 CEST" },
		{ "Europe/London", "2026-07-02T08:05:00Z", "2026-07-02 09:05 BST" },
		{ "America/New_York", "2026-01-02T03:04:00Z", "2026-01-01 22:04 EST" },
		{ "Asia/Kathmandu", "2026-03-02T09:00:00Z", "2026-03-02 14:45 +05:45" },
		{ "America/Sao_Paulo", "2026-03-02T09:00:00Z", "2026-03-02 06:00 -03:00" },
		{ "UTC", "2026-03-02T09:00:00Z", "2026-03-02 09:00 UTC" },
	};
	char text[48];
	int64_t at;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(utc_parse(cases[i].at, &at), 0);
		assert_string_equal(zone_format(zone_of(cases[i].zone), at, text, sizeof(text)), cases[i].text);
	}
}

/*
 * The rules hold for every day of 20 years: what comes back is the wall time asked for and its first occurrence,
 * or, when that wall time does not exist, the first instant behind the gap.
 */
static void round_trips(void **state)
{
	static const char *const names[] = { "Africa/Cairo", "Africa/Casablanca", "Africa/Johannesburg",
		"America/Argentina/Buenos_Aires", "America/Asuncion", "America/Bogota", "America/Caracas", "America/Chicago",
		"America/Godthab", "America/Halifax", "America/Havana", "America/Los_Angeles", "America/Mexico_City",
		"America/New_York", "America/Santiago", "America/Sao_Paulo", "America/Scoresbysund", "America/St_Johns",
		"Antarctica/Troll", "Asia/Amman", "Asia/Beirut", "Asia/Dhaka", "Asia/Gaza", "Asia/Kathmandu", "Asia/Kolkata",
		"Asia/Pyongyang", "Asia/Tehran", "Asia/Tokyo", "Australia/Adelaide", "Australia/Lord_Howe",
		"Australia/Sydney", "Europe/Berlin", "Europe/Dublin", "Europe/Istanbul", "Europe/Lisbon", "Europe/London",
		"Europe/Moscow", "Europe/Paris", "Pacific/Apia", "Pacific/Chatham", "Pacific/Kiritimati", "Pacific/Tongatapu" };
	static const int minutes[] = { 0, 1, 30, 119, 120, 150, 719, 1380, 1410, 1439 };
	size_t gaps = 0;

	(void)state;
	for (size_t z = 0; z < ARRAY_LEN(names); z++) {
		const struct zone *zone = zone_of(names[z]);
		date last = day_of("2029-12-31");

		for (date day = day_of("2010-01-01"); day.days <= last.days; day.days++) {
			for (size_t m = 0; m < ARRAY_LEN(minutes); m++) {
				int64_t local = day.days * DAY_MS + minutes[m] * MINUTE_MS;
				int64_t at = zone_to_utc(zone, day, minutes[m]);
				int64_t back = zone_date(zone, at).days * DAY_MS + zone_minute(zone, at) * MINUTE_MS;
				int64_t before = zone_date(zone, at - 1).days * DAY_MS +
					zone_minute(zone, at - 1) * MINUTE_MS;

				if (back == local) {
					/* No earlier instant reads the same: an overlap is at most 3 hours long here. */
					for (int64_t earlier = at - 3 * HOUR_MS; earlier < at; earlier += 30 * MINUTE_MS)
						assert_true(zone_date(zone, earlier).days * DAY_MS +
								zone_minute(zone, earlier) * MINUTE_MS !=
							local);
				} else {
					gaps++;
					assert_true(back > local && before < local);
				}
			}
		}
	}
	assert_true(gaps > 1000);
}

/* Any order of questions gives the same answers: spans that were cached, evicted and asked again. */
static void the_cache_changes_nothing(void **state)
{
	static const char *const names[] = { "Europe/Paris", "Pacific/Apia", "Australia/Lord_Howe", "America/Caracas" };
	unsigned seed = 7;

	(void)state;
	for (size_t z = 0; z < ARRAY_LEN(names); z++) {
		const struct zone *zone = zone_of(names[z]);
		int offsets[900];
		int64_t start = date_of(1975, 1, 1).days * DAY_MS;

		for (size_t i = 0; i < ARRAY_LEN(offsets); i++)
			offsets[i] = zone_offset_minutes(zone, start + (int64_t)i * 30 * DAY_MS);
		for (int n = 0; n < 20000; n++) {
			size_t i;

			seed = seed * 1103515245u + 12345u;
			i = (seed >> 8) % ARRAY_LEN(offsets);
			assert_int_equal(zone_offset_minutes(zone, start + (int64_t)i * 30 * DAY_MS), offsets[i]);
		}
	}
}

/* Due dates of a debtor lie around this year; the daemon asks for hundreds of thousands a second. */
static void questions_are_cheap(void **state)
{
	const struct zone *zone = zone_of("Europe/Paris");
	date day = day_of("2026-01-01");
	struct timespec from, until;
	int64_t sum = 0;
	double seconds;

	(void)state;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	for (int i = 0; i < 400000; i++)
		sum += zone_to_utc(zone, date_add_days(day, i % 365), i % 1440);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &until);
	seconds = (double)(until.tv_sec - from.tv_sec) + (double)(until.tv_nsec - from.tv_nsec) / 1e9;
	print_message("zone_to_utc: %.0f ns (sum %lld)\n", seconds / 400000 * 1e9, (long long)sum);
	assert_true(seconds < 2.0); /* generous: sanitizers and busy machines; asking ICU each time takes longer still */
}

/* Asked of ICU once, and then known. */
static void zones_of_a_country(void **state)
{
	const struct zone *zones[64], *again[64];
	size_t count;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(zone_of_country("FR", zones, 1), 1);
		assert_string_equal(zone_name(zones[0]), "Europe/Paris");
		count = zone_of_country("US", zones, 64);
		assert_in_range(count, 6, 64);
		assert_int_equal(zone_of_country("US", again, count), count);
		assert_memory_equal(zones, again, count * sizeof(*zones));
		assert_int_equal(zone_of_country("US", again, count - 1), 0); /* more than fit */
		assert_int_equal(zone_of_country("XX", again, 64), 0);
		assert_int_equal(zone_of_country("", again, 64), 0);
		assert_int_equal(zone_of_country("France", again, 64), 0);
	}
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(known_and_unknown_names),
		cmocka_unit_test(date_minute_and_offset),
		cmocka_unit_test(written_for_people),
		cmocka_unit_test(round_trips),
		cmocka_unit_test(the_cache_changes_nothing),
		cmocka_unit_test(questions_are_cheap),
		cmocka_unit_test(zones_of_a_country),
	};
	struct CMUnitTest tests[ARRAY_LEN(rows)];
	int failed;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].name,
			.test_func = row_holds,
			.initial_state = (void *)(uintptr_t)&rows[i] };
	failed = cmocka_run_group_tests_name("zone_to_utc", tests, NULL, NULL);
	return failed + cmocka_run_group_tests_name("zone", others, NULL, NULL);
}
