#include "common/date.h"

#include <errno.h>
#include <string.h>

static bool leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int month_days(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return month == 2 && leap(year) ? 29 : days[month - 1];
}

bool date_valid(int year, int month, int day)
{
	return year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 && day <= month_days(year, month);
}

/* Days from the civil calendar by whole 400-year eras; March is the first month, so that the leap day comes last. */
date date_of(int year, int month, int day)
{
	int y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
	int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return (date){ era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468 };
}

void date_split(date d, int *year, int *month, int *day)
{
	int z = d.days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, of_era = z - era * 146097;
	int y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int of_year = of_era - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;

	*day = of_year - (153 * m + 2) / 5 + 1;
	*month = m + (m < 10 ? 3 : -9);
	*year = y + era * 400 + (*month <= 2);
}

int date_parse(const char *text, date *ret)
{
	int n[3] = { 0 };

	if (strlen(text) != 10)
		return -EINVAL;
	for (int i = 0; i < 10; i++) {
		if (i == 4 || i == 7) {
			if (text[i] != '-')
				return -EINVAL;
		} else if (text[i] < '0' || text[i] > '9') {
			return -EINVAL;
		} else {
			int *part = &n[i < 4 ? 0 : i < 7 ? 1 : 2];

			*part = *part * 10 + text[i] - '0';
		}
	}
	if (n[0] < 1900 || !date_valid(n[0], n[1], n[2]))
		return -EINVAL;
	*ret = date_of(n[0], n[1], n[2]);
	return 0;
}

char *digits_put(char *at, int n, int count)
{
	for (int i = count; i-- > 0; n /= 10)
		at[i] = (char)('0' + n % 10);
	return at + count;
}

char *date_format(date d, char text[DATE_TEXT_SIZE])
{
	int year, month, day;
	char *at = text;

	if (date_is_set(d)) {
		date_split(d, &year, &month, &day);
		at = digits_put(at, (int)((unsigned)year % 10000), 4);
		*at++ = '-';
		at = digits_put(at, month, 2);
		*at++ = '-';
		at = digits_put(at, day, 2);
	}
	*at = '\0';
	return text;
}

enum weekday date_weekday(date d)
{
	int32_t n = (d.days + 3) % 7; /* 1970-01-01 was a Thursday */

	return (enum weekday)((n < 0 ? n + 7 : n) + MONDAY);
}

date date_add_days(date d, int32_t days)
{
	return date_is_set(d) ? (date){ d.days + days } : d;
}

date date_add_months(date d, int months)
{
	int year, month, day, count;

	if (!date_is_set(d))
		return d;
	date_split(d, &year, &month, &day);
	count = year * 12 + month - 1 + months;
	year = count / 12;
	month = count % 12 + 1;
	return date_of(year, month, day > month_days(year, month) ? month_days(year, month) : day);
}

date date_end_of_month(date d)
{
	int year, month, day;

	if (!date_is_set(d))
		return d;
	date_split(d, &year, &month, &day);
	return date_of(year, month, month_days(year, month));
}
