/*
 * business_time - when a person may be contacted: weekdays, hours and holidays of their place. Pure.
 */
#ifndef DUNNINGD_COMMON_BUSINESS_TIME_H
#define DUNNINGD_COMMON_BUSINESS_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "common/date.h"
#include "common/holidays.h"
#include "common/zone.h"

/* Days and hours in one zone; a business day is one of `weekdays` that is no holiday of `calendar`. */
struct business_time {
	const struct zone *zone;
	uint8_t weekdays; /* bit 0 = Monday; never 0 */
	int from_minute, to_minute; /* of the day, [from, to), from < to */
	const struct calendar *calendar; /* whose holidays count; NULL = none */
	const struct zone *dates; /* where somebody is who has these hours written for them: a date is theirs; NULL = in `zone` */
};

bool business_day(const struct business_time *when, date d);
date business_next_day(const struct business_time *when, date d); /* d itself when it is one */
date business_add_days(const struct business_time *when, date d, int32_t days); /* business days; either sign; 0 = next or same */
/* The first instant >= at inside the window. */
int64_t business_next(const struct business_time *when, int64_t at);
date business_date(const struct business_time *when, int64_t at); /* theirs, at that instant */
/* The first opening on or after d: of a business day; of another's hours, the first instant within them when it is d there. */
int64_t business_opening(const struct business_time *when, date d);

#endif
