#include "common/business_time.h"

bool business_day(const struct business_time *when, date d)
{
	return (when->weekdays >> (date_weekday(d) - MONDAY) & 1) && !calendar_holiday(when->calendar, d);
}

date business_next_day(const struct business_time *when, date d)
{
	while (!business_day(when, d))
		d = date_add_days(d, 1);
	return d;
}

date business_add_days(const struct business_time *when, date d, int32_t days)
{
	int32_t step = days < 0 ? -1 : 1;

	if (days == 0)
		return business_next_day(when, d);
	for (int32_t left = days; left != 0; left -= step)
		do
			d = date_add_days(d, step);
		while (!business_day(when, d));
	return d;
}

static int64_t opening(const struct business_time *when, date d)
{
	int64_t opens;

	/* A date that a zone leaves out (Apia, 30 December 2011) begins at midnight of the next one: no hour to write to anybody. */
	do {
		d = business_next_day(when, d);
		opens = zone_to_utc(when->zone, d, when->from_minute);
		d = date_add_days(d, 1);
	} while (date_diff(zone_date(when->zone, opens), d) >= 0);
	return opens;
}

int64_t business_next(const struct business_time *when, int64_t at)
{
	date d = zone_date(when->zone, at);

	if (business_day(when, d)) {
		int64_t opens = zone_to_utc(when->zone, d, when->from_minute);

		if (at <= opens)
			return opens;
		if (at < zone_to_utc(when->zone, d, when->to_minute))
			return at;
	}
	return opening(when, date_add_days(d, 1));
}

date business_date(const struct business_time *when, int64_t at)
{
	return zone_date(when->dates ? when->dates : when->zone, at);
}

int64_t business_opening(const struct business_time *when, date d)
{
	return when->dates && when->dates != when->zone ? business_next(when, zone_to_utc(when->dates, d, 0)) : opening(when, d);
}
