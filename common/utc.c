#include "common/utc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/date.h"

static bool digits(const char **at, int count, int *ret)
{
	*ret = 0;
	for (int i = 0; i < count; i++, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		*ret = *ret * 10 + **at - '0';
	}
	return true;
}

static bool sign(const char **at, const char *wanted)
{
	if (!**at || !strchr(wanted, **at))
		return false;
	(*at)++;
	return true;
}

int utc_parse(const char *text, int64_t *ret)
{
	int year, month, day, hour, minute, second, zone_hour = 0, zone_minute = 0, direction = 0;
	int64_t ms = 0, scale = 100, at;

	if (!digits(&text, 4, &year) || !sign(&text, "-") || !digits(&text, 2, &month) || !sign(&text, "-") ||
		!digits(&text, 2, &day) || !sign(&text, "Tt ") || !digits(&text, 2, &hour) || !sign(&text, ":") ||
		!digits(&text, 2, &minute) || !sign(&text, ":") || !digits(&text, 2, &second))
		return -EINVAL;
	if (year < 1970 || !date_valid(year, month, day) || hour > 23 || minute > 59 || second > 60)
		return -EINVAL;
	if (*text == '.') {
		text++;
		if (*text < '0' || *text > '9')
			return -EINVAL;
		for (; *text >= '0' && *text <= '9'; text++, scale /= 10)
			ms += (*text - '0') * scale;
	}
	if (*text == 'Z' || *text == 'z') {
		text++;
	} else {
		direction = *text == '-' ? -1 : 1;
		if (!sign(&text, "+-") || !digits(&text, 2, &zone_hour) || !sign(&text, ":") ||
			!digits(&text, 2, &zone_minute) || zone_hour > 23 || zone_minute > 59)
			return -EINVAL;
	}
	if (*text)
		return -EINVAL;
	if (second == 60) {
		second = 59;
		ms = 999;
	}
	at = date_of(year, month, day).days * DAY_MS + hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS + ms;
	*ret = at - direction * (zone_hour * HOUR_MS + zone_minute * MINUTE_MS);
	return 0;
}

char *utc_format(int64_t at, char text[UTC_TEXT_SIZE])
{
	int64_t days = at / DAY_MS, rest = at % DAY_MS;
	char *to;

	if (rest < 0) {
		days--;
		rest += DAY_MS;
	}
	if (days < -719162 || days > 2932896) { /* years 1 to 9999 */
		snprintf(text, UTC_TEXT_SIZE, "%lld", (long long)at);
		return text;
	}
	to = date_format((date){ (int32_t)days }, text) + strlen("2026-03-02");
	*to++ = 'T';
	to = digits_put(to, (int)(rest / HOUR_MS), 2);
	*to++ = ':';
	to = digits_put(to, (int)(rest / MINUTE_MS % 60), 2);
	*to++ = ':';
	to = digits_put(to, (int)(rest / SECOND_MS % 60), 2);
	if (rest % 1000) {
		*to++ = '.';
		to = digits_put(to, (int)(rest % 1000), 3);
	}
	*to++ = 'Z';
	*to = '\0';
	return text;
}

uint16_t utc_year(int64_t at)
{
	int year, month, day;

	date_split((date){ (int32_t)(at / DAY_MS - (at % DAY_MS < 0)) }, &year, &month, &day);
	return (uint16_t)year;
}

int span_parse(const char *text, int64_t *ret)
{
	static const struct {
		char unit;
		int64_t ms;
	} units[] = { { 's', SECOND_MS }, { 'm', MINUTE_MS }, { 'h', HOUR_MS }, { 'd', DAY_MS }, { 'w', 7 * DAY_MS } };
	int64_t n = 0;
	size_t i = 0;

	if (strcmp(text, "0") == 0) {
		*ret = 0;
		return 0;
	}
	for (; text[i] >= '0' && text[i] <= '9'; i++) {
		n = n * 10 + text[i] - '0';
		if (n > 10000000)
			return -EINVAL;
	}
	if (!i)
		return -EINVAL;
	for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++)
		if (text[i] == units[u].unit && !text[i + 1]) {
			*ret = n * units[u].ms;
			return 0;
		}
	return -EINVAL;
}
