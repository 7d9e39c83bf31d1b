/*
 * holidays - public holidays by calendar, computed from rules: fixed days, Easter, the n-th weekday, single dates, and where a day goes
 * that falls on a week-end. Pure; the rules are dated data (daemon/share/law/holidays.json, which says what its members mean).
 */
#ifndef DUNNINGD_COMMON_HOLIDAYS_H
#define DUNNINGD_COMMON_HOLIDAYS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"
#include "common/date.h"
#include "common/err.h"
#include "common/json.h"
#include "common/place.h"

#define HOLIDAYS_MAX 48 /* of one calendar in one year */

struct calendar; /* opaque, immutable; it remembers what it was asked, so one thread at a time asks */
struct holidays; /* all calendars */

struct holiday {
	date observed; /* the day off */
	date actual; /* the day of the feast */
	const char *id; /* "new_year" */
};

/* Easter Sunday, Gregorian, years 1583-9999. */
date easter(int year);

/* The section "holidays" of the law. *ret lies in the arena and borrows from the document. -EBADMSG: `err` names the place. */
int holidays_parse(struct arena *arena, const struct json *section, struct holidays **ret, struct err *err);

/* The calendar of this name, "FR-57"; NULL = there is none. `holidays` NULL knows none. */
const struct calendar *holidays_calendar(const struct holidays *holidays, const char *name);
/*
 * The calendar of a place: the one of its name, else the one of its country ("FR-75" is "FR"). A country that has none of its own but
 * regions with theirs ("GB") gets their union, so that no region's day is overlooked. NULL: nothing is known about it.
 */
const struct calendar *holidays_place(const struct holidays *holidays, const char *place);
/*
 * The days off of whoever is at a place: of their region, or of the country where the address lies in none that has days of its own. Not
 * known which: every day that is off anywhere in it. NULL: nothing is known about it.
 */
const struct calendar *holidays_of(const struct holidays *holidays, const struct place *place);
const char *calendar_name(const struct calendar *calendar); /* "FR", or "GB" of a union, "DE*" of one beside the country's own */

/* The days off of a year, in order; each once. Returns how many there are; ret has room for HOLIDAYS_MAX. */
size_t calendar_year(const struct calendar *calendar, int year, struct holiday *ret);
bool calendar_holiday(const struct calendar *calendar, date d); /* a day off; calendar NULL = never */

/* How a date that is no business day (Monday to Friday, no holiday) moves. */
enum roll { ROLL_NONE, ROLL_FOLLOWING, ROLL_MODIFIED_FOLLOWING, ROLL_PRECEDING, ROLL_SUNDAY, ROLL_COUNT };
/* "none", "following", "modified-following" (not into another month: then back), "preceding", "sunday" (Saturday stays) */
extern const char *const roll_names[ROLL_COUNT + 1];
bool calendar_business_day(const struct calendar *calendar, date d);
date calendar_roll(const struct calendar *calendar, date d, enum roll roll);
date calendar_add_business_days(const struct calendar *calendar, date d, int32_t days); /* either sign; 0 = d or the next one */
int32_t calendar_business_days(const struct calendar *calendar, date from, date to); /* in (from, to]; negative when to is before from */

#endif
