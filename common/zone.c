#include "common/zone.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unicode/ucal.h>
#include <unicode/udat.h>
#include <unicode/ustring.h>

#include "common/cleanup.h"
#include "common/utc.h"

#define NAME_MAX_LEN 64 /* the longest IANA name has 32 characters */
#define SPAN_COUNT 8
#define LABEL_SIZE 16

/* While this lasts, local time is UTC + offset. Offsets have seconds before the age of standard time. */
struct span {
	int64_t from; /* ms UTC, inclusive; INT64_MIN = since ever */
	int64_t until; /* exclusive; INT64_MAX = for ever */
	int64_t offset; /* ms, east positive */
	char label[LABEL_SIZE]; /* "CET", "+05:45"; "" until someone asks */
};

struct zone {
	char *name;
	UCalendar *calendar; /* asked only when no cached span holds the instant */
	struct span spans[SPAN_COUNT]; /* the last few used: nearly every question is about this year */
	size_t span_count;
	size_t next; /* the span replaced next */
	size_t recent; /* the span that answered last */
};

/* Zones live as long as the process; there are some 600 names, so this is bounded. Sorted by name. */
static struct zone **zones;
static size_t zone_count, zone_capacity;

/*
 * ICU's data knows names that no tz database has, left over from the first Java; "BST" is Dhaka there, "IST"
 * Kolkata. Whoever writes such a name means something else than what ICU would do, so they are unknown here.
 */
static const char *const refused[] = { "ACT", "AET", "AGT", "ART", "AST", "BET", "BST", "CAT", "CNT", "CST",
	"CTT", "EAT", "ECT", "Etc/Unknown", "Factory", "IET", "IST", "JST", "MIT", "NET", "NST", "PLT", "PNT",
	"PRT", "PST", "SST", "VST" };

static int compare_words(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool name_known(const char *name, const UChar *id)
{
	UErrorCode status = U_ZERO_ERROR;
	UChar canonical[NAME_MAX_LEN + 1];
	UBool system = 0;

	if (bsearch(&name, refused, ARRAY_LEN(refused), sizeof(*refused), compare_words))
		return false;
	/* Custom offsets such as "GMT+3" pass, but are not system ids; unknown names are an error. */
	ucal_getCanonicalTimeZoneID(id, -1, canonical, NAME_MAX_LEN, &system, &status);
	return U_SUCCESS(status) && system;
}

static size_t zone_position(const char *name, bool *found)
{
	size_t low = 0, high = zone_count;

	*found = false;
	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = strcmp(zones[mid]->name, name);

		if (order == 0) {
			*found = true;
			return mid;
		}
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int zone_get(const char *name, const struct zone **ret)
{
	UErrorCode status = U_ZERO_ERROR;
	UChar id[NAME_MAX_LEN + 1];
	UCalendar *calendar;
	struct zone *zone;
	size_t position;
	bool found;

	position = zone_position(name, &found);
	if (found) {
		*ret = zones[position];
		return 0;
	}
	if (!*name || strlen(name) >= NAME_MAX_LEN)
		return -ENOENT;
	for (const char *c = name; *c; c++)
		if (*c <= ' ' || *c > '~')
			return -ENOENT;
	u_charsToUChars(name, id, (int32_t)strlen(name) + 1);
	if (!name_known(name, id))
		return -ENOENT;
	calendar = ucal_open(id, -1, "en", UCAL_GREGORIAN, &status);
	if (U_FAILURE(status))
		return -ENOENT;

	zone = xcalloc(1, sizeof(*zone));
	zone->name = xstrdup(name);
	zone->calendar = calendar;
	xgrow(&zones, &zone_capacity, zone_count + 1, sizeof(struct zone *));
	memmove(&zones[position + 1], &zones[position], (zone_count - position) * sizeof(struct zone *));
	zones[position] = zone;
	zone_count++;
	*ret = zone;
	return 0;
}

/*
 * The zones of a country, as long as the process lives: ICU looks through all zones of the world for them, and each contact of a debtor whose
 * zone is not known asks. In the order of asking: there are few.
 */
struct country {
	char code[3];
	const struct zone **zones;
	size_t count;
};
static struct country *countries;
static size_t country_count, country_capacity;

static bool ask_country(const char *code, struct country *ret)
{
	UErrorCode status = U_ZERO_ERROR;
	UEnumeration *names = ucal_openTimeZoneIDEnumeration(UCAL_ZONE_TYPE_CANONICAL_LOCATION, code, NULL, &status);
	size_t capacity = 0;
	const char *name;

	*ret = (struct country){ .code = { code[0], code[1] } };
	while (U_SUCCESS(status) && (name = uenum_next(names, NULL, &status)) != NULL) {
		xgrow(&ret->zones, &capacity, ret->count + 1, sizeof(*ret->zones));
		ret->count += zone_get(name, &ret->zones[ret->count]) == 0;
	}
	uenum_close(names);
	return U_SUCCESS(status);
}

size_t zone_of_country(const char *country, const struct zone **ret, size_t max)
{
	struct country *known = NULL, fresh;

	if (strlen(country) != 2)
		return 0;
	for (size_t i = 0; i < country_count && !known; i++)
		if (memcmp(countries[i].code, country, 2) == 0)
			known = &countries[i];
	if (!known) {
		if (!ask_country(country, &fresh) || fresh.count == 0) {
			free(fresh.zones);
			return 0;
		}
		xgrow(&countries, &country_capacity, country_count + 1, sizeof(*countries));
		known = &countries[country_count++];
		*known = fresh;
	}
	if (known->count > max)
		return 0;
	memcpy(ret, known->zones, known->count * sizeof(*ret));
	return known->count;
}

const char *zone_data_version(void)
{
	UErrorCode status = U_ZERO_ERROR;
	const char *version = ucal_getTZDataVersion(&status);

	return U_SUCCESS(status) && version ? version : "";
}

const char *zone_name(const struct zone *zone)
{
	return zone->name;
}

static struct span span_ask(UCalendar *calendar, int64_t at)
{
	struct span span = { .from = INT64_MIN, .until = INT64_MAX };
	UErrorCode status = U_ZERO_ERROR;
	UDate transition;

	ucal_setMillis(calendar, (UDate)at, &status);
	span.offset = (int64_t)ucal_get(calendar, UCAL_ZONE_OFFSET, &status) +
		ucal_get(calendar, UCAL_DST_OFFSET, &status);
	if (ucal_getTimeZoneTransitionDate(calendar, UCAL_TZ_TRANSITION_PREVIOUS_INCLUSIVE, &transition, &status) &&
		U_SUCCESS(status))
		span.from = (int64_t)transition;
	if (ucal_getTimeZoneTransitionDate(calendar, UCAL_TZ_TRANSITION_NEXT, &transition, &status) &&
		U_SUCCESS(status))
		span.until = (int64_t)transition;
	assert(U_SUCCESS(status) && span.from <= at && at < span.until);
	return span;
}

static bool span_holds(const struct span *span, int64_t at)
{
	return span->from <= at && at < span->until;
}

/* The answer is valid until the next call. A zone is immutable for its user; the cache behind it is not. */
static struct span *span_at(const struct zone *user_zone, int64_t at)
{
	struct zone *zone = (struct zone *)user_zone;

	if (zone->span_count && span_holds(&zone->spans[zone->recent], at))
		return &zone->spans[zone->recent];
	for (size_t i = 0; i < zone->span_count; i++) {
		if (span_holds(&zone->spans[i], at)) {
			zone->recent = i;
			return &zone->spans[i];
		}
	}
	zone->recent = zone->next;
	zone->next = (zone->next + 1) % SPAN_COUNT;
	if (zone->span_count < SPAN_COUNT)
		zone->span_count++;
	zone->spans[zone->recent] = span_ask(zone->calendar, at);
	return &zone->spans[zone->recent];
}

int64_t zone_to_utc(const struct zone *zone, date day, int minute_of_day)
{
	int64_t local, probe;

	assert(date_is_set(day) && minute_of_day >= 0 && minute_of_day <= 1440);
	local = day.days * DAY_MS + minute_of_day * MINUTE_MS;
	/*
	 * Spans are walked in order from one that is surely early enough (no offset reaches 24 h), so the first
	 * that does not end before this wall time is the right one: in an overlap the first, behind a gap the
	 * one that begins there. Apia's missing day is nothing but a gap of 24 hours.
	 */
	probe = local - DAY_MS;
	for (;;) {
		const struct span *span = span_at(zone, probe);
		int64_t at = local - span->offset;

		if (at < span->from)
			return span->from;
		if (at < span->until)
			return at;
		probe = span->until;
	}
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

date zone_date(const struct zone *zone, int64_t at)
{
	return (date){ (int32_t)floor_div(at + span_at(zone, at)->offset, DAY_MS) };
}

int zone_minute(const struct zone *zone, int64_t at)
{
	int64_t local = at + span_at(zone, at)->offset;

	return (int)((local - floor_div(local, DAY_MS) * DAY_MS) / MINUTE_MS);
}

int zone_offset_minutes(const struct zone *zone, int64_t at)
{
	return (int)floor_div(span_at(zone, at)->offset, MINUTE_MS);
}

/*
 * Short names are only in use where people use them, so CLDR has "CET" in British English and "EST" in American.
 * Asked in turn; the instant decides between names, never the clock.
 */
static bool label_ask(const char *name, int64_t at, char label[LABEL_SIZE])
{
	static const char *const tongues[] = { "en_GB", "en_US", "en_AU", "en_NZ", "en_IN", "en_ZA" };
	static const UChar pattern[] = { 'z', 0 };
	UChar id[NAME_MAX_LEN + 1], text[LABEL_SIZE];

	u_charsToUChars(name, id, (int32_t)strlen(name) + 1);
	for (size_t i = 0; i < ARRAY_LEN(tongues); i++) {
		UErrorCode status = U_ZERO_ERROR;
		UDateFormat *format = udat_open(UDAT_PATTERN, UDAT_PATTERN, tongues[i], id, -1, pattern, -1, &status);
		int32_t len = udat_format(format, (UDate)at, text, LABEL_SIZE, NULL, &status);

		udat_close(format);
		if (U_FAILURE(status) || len >= LABEL_SIZE)
			continue;
		u_strToUTF8(label, LABEL_SIZE, NULL, text, len, &status);
		if (U_SUCCESS(status) && !strchr(label, '+') && !strchr(label, '-') && *label)
			return true;
	}
	*label = '\0';
	return false;
}

char *zone_format(const struct zone *zone, int64_t at, char *text, int size)
{
	struct span *span = span_at(zone, at);
	int64_t local = at + span->offset;
	int64_t day = floor_div(local, DAY_MS);
	int minute = (int)((local - day * DAY_MS) / MINUTE_MS);
	char day_text[DATE_TEXT_SIZE];

	if (!*span->label && !label_ask(zone->name, at, span->label)) {
		int offset = abs((int)(span->offset / MINUTE_MS));

		(void)snprintf(span->label, sizeof(span->label), "%c%02d:%02d", span->offset < 0 ? '-' : '+',
			offset / 60 % 100, offset % 60);
	}
	(void)snprintf(text, (size_t)size, "%s %02d:%02d %s", date_format((date){ (int32_t)day }, day_text),
		minute / 60, minute % 60, span->label);
	return text;
}
