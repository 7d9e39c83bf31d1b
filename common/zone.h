/*
 * zone - IANA time zones, by ICU. Never touches the process-wide TZ.
 * Gap: the first instant after it. Overlap: the first of the two. A date that does not exist (Apia 2011-12-30): the
 * first instant of the next one.
 */
#ifndef DUNNINGD_COMMON_ZONE_H
#define DUNNINGD_COMMON_ZONE_H

#include <stddef.h>
#include <stdint.h>

#include "common/date.h"

struct zone; /* opaque, immutable for its user, cached by name for the life of the process; single-threaded use */

/* *ret is borrowed from the cache. An unknown name is -ENOENT, never UTC. "UTC" is known. */
int zone_get(const char *name, const struct zone **ret);
/* All zones that ICU knows of a country (ISO 3166), at most `max`, into ret. 0: it knows none, or more than fit. */
size_t zone_of_country(const char *country, const struct zone **ret, size_t max);
const char *zone_data_version(void); /* of the tz database that ICU holds: "2025b"; "" = it does not say */
const char *zone_name(const struct zone *zone);
int64_t zone_to_utc(const struct zone *zone, date day, int minute_of_day); /* 0..1440 */
date zone_date(const struct zone *zone, int64_t at); /* the civil date there at that instant */
int zone_minute(const struct zone *zone, int64_t at); /* minute of that day, wall clock: 0..1439 */
int zone_offset_minutes(const struct zone *zone, int64_t at); /* east positive */
/* "2026-03-02 10:00 CET": local time with the zone's short name or offset, for people. size >= 48 */
char *zone_format(const struct zone *zone, int64_t at, char *text, int size);

#endif
