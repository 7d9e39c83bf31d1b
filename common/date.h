/*
 * date - civil dates, proleptic Gregorian, as days since 1970-01-01. Pure; knows no zone and no clock.
 */
#ifndef DUNNINGD_COMMON_DATE_H
#define DUNNINGD_COMMON_DATE_H

#include <stdbool.h>
#include <stdint.h>

#define DATE_TEXT_SIZE 16
#define DATE_NONE INT32_MIN

typedef struct {
	int32_t days; /* since 1970-01-01; DATE_NONE = no date */
} date;

enum weekday { MONDAY = 1, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY }; /* ISO 8601 */

date date_of(int year, int month, int day); /* must be valid */
bool date_valid(int year, int month, int day);
void date_split(date d, int *year, int *month, int *day);
int date_parse(const char *text, date *ret); /* exactly YYYY-MM-DD, years 1900-9999; -EINVAL */
char *digits_put(char *at, int n, int count); /* with zeros in front; returns what is behind them, where nothing is written */
char *date_format(date d, char text[DATE_TEXT_SIZE]); /* "2026-03-02"; "" for none. Returns text */
enum weekday date_weekday(date d);
date date_add_days(date d, int32_t days);
date date_add_months(date d, int months); /* 31 Jan + 1 = last of February */
date date_end_of_month(date d);
static inline date date_none(void)
{
	return (date){ DATE_NONE };
}
static inline bool date_is_set(date d)
{
	return d.days != DATE_NONE;
}
static inline int32_t date_diff(date a, date b)
{
	return a.days - b.days;
}

#endif
