/* Dates as HTTP and mail write them. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/adapter.h"
#include "common/date.h"
#include "common/utc.h"

static int month_number(const char *s)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++) {
		if (strncmp(months + 3 * i, s, 3) == 0 && !s[3])
			return i + 1;
	}
	return 0;
}

/* "GMT", "UTC", "+0200": minutes east; false for anything else. */
static bool zone_minutes(const char *zone, int *ret)
{
	*ret = 0;
	if (strcmp(zone, "GMT") == 0 || strcmp(zone, "UTC") == 0)
		return true;
	if ((*zone != '+' && *zone != '-') || strlen(zone) != 5 || strspn(zone + 1, "0123456789") != 4)
		return false;
	*ret = (zone[1] - '0') * 600 + (zone[2] - '0') * 60 + (zone[3] - '0') * 10 + zone[4] - '0';
	if (*zone == '-')
		*ret = -*ret;
	return true;
}

int http_date_parse(const char *text, int64_t *ret)
{
	char month[4] = "", zone[6] = "GMT", weekday[10] = "";
	int day, year, hour, minute, second, east, n = 0, m;

	if (sscanf(text, "%9[A-Za-z], %2d %3s %4d %2d:%2d:%2d %5s%n", weekday, &day, month, &year,
		    &hour, &minute, &second, zone, &n) == 8 && n > 0) {
		/* Sun, 06 Nov 1994 08:49:37 GMT */
	} else if (sscanf(text, "%9[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d %5s%n", weekday, &day,
			   month, &year, &hour, &minute, &second, zone, &n) == 8 && n > 0) {
		/* Sunday, 06-Nov-94 08:49:37 GMT */
		year += year < 70 ? 2000 : 1900;
	} else if (strcpy(zone, "GMT"),
		   sscanf(text, "%3[A-Za-z] %3s %2d %2d:%2d:%2d %4d%n", weekday, month, &day, &hour,
			   &minute, &second, &year, &n) == 7 && n > 0) {
		/* Sun Nov  6 08:49:37 1994 */
	} else {
		return -EINVAL;
	}
	m = month_number(month);
	if (text[n] || m == 0 || !zone_minutes(zone, &east) || year < 1970 || hour < 0 || hour > 23 ||
		minute < 0 || minute > 59 || second < 0 || second > 60 || !date_valid(year, m, day))
		return -EINVAL;
	*ret = date_of(year, m, day).days * DAY_MS + hour * HOUR_MS + (minute - east) * MINUTE_MS +
		second * SECOND_MS;
	return 0;
}
