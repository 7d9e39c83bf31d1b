/*
 * utc - instants: int64 milliseconds since 1970-01-01T00:00:00Z, no leap seconds. Pure.
 */
#ifndef DUNNINGD_COMMON_UTC_H
#define DUNNINGD_COMMON_UTC_H

#include <stddef.h>
#include <stdint.h>

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)
#define UTC_TEXT_SIZE 32

/* RFC 3339 with offset or Z, any fraction (cut to ms), years 1970-9999; -EINVAL otherwise. `:60` is read as `:59.999`. */
int utc_parse(const char *text, int64_t *ret);
/* "2026-03-02T09:00:00Z", with ".123" only when the milliseconds are not zero. Returns text. */
char *utc_format(int64_t at, char text[UTC_TEXT_SIZE]);
uint16_t utc_year(int64_t at); /* in UTC */
/* "90s", "15m", "48h", "10d", "2w"; a plain "0" is 0. *ret in ms. -EINVAL otherwise. */
int span_parse(const char *text, int64_t *ret);

#endif
