/*
 * Zones and daylight saving against a second implementation: the C library's, with the system's tz data. Every `step` minutes of the
 * years, in every zone, both must tell the same local time; and each wall time that policies know must become the first instant of it.
 *   zones [--from YEAR] [--years N] [--step MINUTES]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/utc.h"
#include "common/zone.h"

/*
 * Both hemispheres, half and quarter hours, zones that gave daylight saving up, moved it, or changed sides of the date line. Without
 * Africa/Casablanca: its breaks for Ramadan are decreed late, and ICU 72 carries the tz data of 2022, which has other days in 2023.
 */
static const char *const names[] = { "UTC", "Europe/Paris", "Europe/London", "Europe/Dublin", "Europe/Berlin", "Europe/Brussels",
	"Europe/Amsterdam", "Europe/Madrid", "Atlantic/Canary", "Europe/Rome", "Europe/Lisbon", "Atlantic/Azores", "Europe/Athens",
	"Europe/Helsinki", "Europe/Istanbul", "Europe/Moscow", "America/New_York", "America/Chicago", "America/Denver", "America/Phoenix",
	"America/Los_Angeles", "America/Anchorage", "Pacific/Honolulu", "America/Toronto", "America/Halifax", "America/St_Johns",
	"America/Guadeloupe", "America/Martinique", "America/Cayenne", "Indian/Reunion", "Indian/Mayotte", "America/Sao_Paulo",
	"Africa/Lagos", "Africa/Johannesburg", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Tokyo", "Australia/Sydney",
	"Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Chatham", "Pacific/Apia" };
static const int walls[] = { 0, 120, 150, 480, 540, 1080, 1260 }; /* minutes of the day: midnight, the hours that are skipped, windows */

static long wrong;

static struct tm theirs(int64_t at)
{
	time_t t = (time_t)(at / 1000);
	struct tm tm;

	localtime_r(&t, &tm);
	return tm;
}

/* Minutes of local time since 1970, as the C library sees that instant. */
static int64_t wall_at(int64_t at)
{
	struct tm tm = theirs(at);

	return (int64_t)date_of(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday).days * 1440 + tm.tm_hour * 60 + tm.tm_min;
}

static void complain(const char *name, int64_t at, const char *what)
{
	struct tm tm = theirs(at);
	char text[64];

	if (wrong++ >= 20)
		return;
	strftime(text, sizeof(text), "%F %T %z", &tm);
	printf("%s at %lld (%s by the C library): %s\n", name, (long long)at, text, what);
}

static void compare(const char *name, const struct zone *zone, int64_t at)
{
	struct tm tm = theirs(at);
	int year, month, day;

	date_split(zone_date(zone, at), &year, &month, &day);
	if (zone_offset_minutes(zone, at) * 60 != tm.tm_gmtoff)
		complain(name, at, "another offset");
	else if (year != tm.tm_year + 1900 || month != tm.tm_mon + 1 || day != tm.tm_mday)
		complain(name, at, "another date");
	else if (zone_minute(zone, at) != tm.tm_hour * 60 + tm.tm_min)
		complain(name, at, "another minute");
}

/* The wall time, or where the clock leaps over it the first one behind; and no earlier instant of that day shows it. */
static void compare_wall(const char *name, const struct zone *zone, date d, int minute)
{
	int64_t at = zone_to_utc(zone, d, minute), wanted = (int64_t)d.days * 1440 + minute;

	if (wall_at(at) < wanted)
		complain(name, at, "before the wall time that was asked for");
	else if (wall_at(at) > wanted && wall_at(at - MINUTE_MS) >= wanted)
		complain(name, at, "not the first instant behind a leap");
	for (int64_t earlier = 30; earlier <= 120; earlier += 30)
		if (wall_at(at - earlier * MINUTE_MS) == wanted)
			complain(name, at, "the second instant of that wall time");
}

static long number(int argc, char **argv, const char *option, long fallback)
{
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], option) == 0)
			return atol(argv[i + 1]);
	return fallback;
}

int main(int argc, char **argv)
{
	int from = (int)number(argc, argv, "--from", 2010), years = (int)number(argc, argv, "--years", 20);
	int64_t step = number(argc, argv, "--step", 15) * MINUTE_MS;
	date first = date_of(from, 1, 1), last = date_of(from + years, 1, 1);
	long instants = 0, wall_times = 0;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct zone *zone;

		if (zone_get(names[i], &zone) < 0) {
			printf("%s: unknown to us\n", names[i]);
			return 1;
		}
		setenv("TZ", names[i], 1);
		tzset();
		for (int64_t at = first.days * DAY_MS; at < last.days * DAY_MS; at += step, instants++)
			compare(names[i], zone, at);
		for (date d = first; d.days < last.days; d = date_add_days(d, 1))
			for (size_t w = 0; w < ARRAY_LEN(walls); w++, wall_times++)
				compare_wall(names[i], zone, d, walls[w]);
	}
	printf("%zu zones, %d-%d: %ld instants and %ld wall times compared, %ld wrong\n", ARRAY_LEN(names), from, from + years - 1, instants,
		wall_times, wrong);
	return wrong != 0;
}
