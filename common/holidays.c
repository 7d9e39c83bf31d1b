#include "common/holidays.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define YEAR_MIN 1900
#define YEAR_MAX 9999
#define DATES_MAX 64
#define CALENDAR_NAME_MAX 24
#define LETTERS 26
#define CALENDARS_MAX 500
/* The years whose days off are kept as bits, so that asking costs nothing: all that escalations and interest ever look at. */
#define KEPT_FROM 1990
#define KEPT_TO 2100

enum rule_kind { RULE_FIXED, RULE_EASTER, RULE_NTH, RULE_ON_OR_BEFORE, RULE_ONCE };
static const char *const kind_names[] = { [RULE_FIXED] = "fixed", [RULE_EASTER] = "easter", [RULE_NTH] = "nth",
	[RULE_ON_OR_BEFORE] = "weekday_on_or_before", [RULE_ONCE] = "once", NULL };
enum observed { OBSERVED_SAME, OBSERVED_US, OBSERVED_GB, OBSERVED_SUNDAY_BACK, OBSERVED_SUNDAY_FORWARD };
static const char *const observed_names[] = { [OBSERVED_SAME] = "same", [OBSERVED_US] = "us", [OBSERVED_GB] = "gb",
	[OBSERVED_SUNDAY_BACK] = "nl-sunday-back", [OBSERVED_SUNDAY_FORWARD] = "sunday-forward", NULL };

const char *const roll_names[ROLL_COUNT + 1] = { [ROLL_NONE] = "none", [ROLL_FOLLOWING] = "following",
	[ROLL_MODIFIED_FOLLOWING] = "modified-following", [ROLL_PRECEDING] = "preceding", [ROLL_SUNDAY] = "sunday" };

struct rule {
	const char *id;
	enum rule_kind kind;
	enum observed observed;
	int month, day, weekday, nth, offset;
	int from, to; /* years */
	const int *except; /* years, ended by 0 */
	const date *dates; /* ONCE */
	size_t date_count;
};

struct calendar {
	const char *name;
	struct rule *rules;
	size_t rule_count;
	const struct calendar **parts; /* a union: the calendars whose days it has; rules then has none */
	size_t part_count;
	struct area area; /* a region's: code is its name behind "FR-"; of a part of a region ("BY-cath") it tells nothing */
	const char *own_country; /* under which its people are counted too, as ISO 3166-1 has it: FR-RE is RE. NULL = none */
	bool for_terms; /* of dates in law, and not of people */
	const struct calendar *whole; /* a region with all its parts, of which an address does not tell which one it is in; NULL = it has none */
	uint8_t *kept; /* a bit for each day of KEPT_FROM to KEPT_TO; NULL until somebody asks: of a hundred calendars a few are used */
	struct arena *arena; /* where they go */
};

/* What a country has, as it is asked for many times for each contact. */
struct country {
	const struct calendar *calendar; /* of its name */
	const struct calendar **people; /* that its people may have, in the order of the file */
	size_t people_count;
	const struct calendar *anywhere; /* holidays_of() it, when nothing else is known of an address */
};

struct holidays {
	struct calendar *calendars; /* those of the file, then the unions */
	size_t count, named;
	struct country (*countries)[LETTERS]; /* by their two letters; NULL while it is read */
};

/* --- the rules' dates ------------------------------------------------------------------------------------------------------ */

/* The anonymous Gregorian computus (Meeus, Astronomical Algorithms, ch. 8). */
date easter(int year)
{
	int a = year % 19, b = year / 100, c = year % 100, d = b / 4, e = b % 4, f = (b + 8) / 25, g = (b - f + 1) / 3;
	int h = (19 * a + b - d - g + 15) % 30, i = c / 4, k = c % 4, l = (32 + 2 * e + 2 * i - h - k) % 7;
	int m = (a + 11 * h + 22 * l) / 451, n = h + l - 7 * m + 114;

	return date_of(year, n / 31, n % 31 + 1);
}

/* Days from `d` on to the next such weekday; 0 = it is one. */
static int days_to(date d, int weekday)
{
	return (weekday - (int)date_weekday(d) + 7) % 7;
}

static date nth_weekday(int year, int month, int weekday, int nth)
{
	date first = date_of(year, month, 1), last = date_end_of_month(first);

	if (nth < 0)
		return date_add_days(last, 7 * (nth + 1) - (7 - days_to(last, weekday)) % 7);
	return date_add_days(first, 7 * (nth - 1) + days_to(first, weekday));
}

static bool in_force(const struct rule *rule, int year)
{
	if (year < rule->from || year > rule->to)
		return false;
	for (const int *except = rule->except; except && *except; except++)
		if (*except == year)
			return false;
	return true;
}

/* The feast's own day in that year; none. ONCE has several: calendar_actual() goes through them. */
static date actual_day(const struct rule *rule, int year)
{
	date d;

	if (!in_force(rule, year))
		return date_none();
	switch (rule->kind) {
	case RULE_FIXED: /* 29 February is one in leap years alone */
		return date_valid(year, rule->month, rule->day) ? date_of(year, rule->month, rule->day) : date_none();
	case RULE_EASTER:
		return date_add_days(easter(year), rule->offset);
	case RULE_NTH:
		return nth_weekday(year, rule->month, rule->weekday, rule->nth);
	case RULE_ON_OR_BEFORE:
		d = date_of(year, rule->month, rule->day);
		return date_add_days(d, -((7 - days_to(d, rule->weekday)) % 7));
	case RULE_ONCE:
		break;
	}
	return date_none();
}

struct feasts { /* of one year, by their own days */
	struct holiday items[HOLIDAYS_MAX];
	enum observed observed[HOLIDAYS_MAX];
	size_t count;
};

static void add_feast(struct feasts *f, date actual, const struct rule *rule)
{
	size_t at = f->count;

	if (!date_is_set(actual) || f->count == HOLIDAYS_MAX)
		return;
	for (size_t i = 0; i < f->count; i++)
		if (f->items[i].actual.days == actual.days && f->observed[i] == rule->observed)
			return; /* two names of the same day */
	for (; at > 0 && f->items[at - 1].actual.days > actual.days; at--) {
		f->items[at] = f->items[at - 1];
		f->observed[at] = f->observed[at - 1];
	}
	f->items[at] = (struct holiday){ actual, actual, rule->id };
	f->observed[at] = rule->observed;
	f->count++;
}

static bool weekend(date d)
{
	return date_weekday(d) >= SATURDAY;
}

static bool taken(const struct feasts *f, date d)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->items[i].observed.days == d.days)
			return true;
	return false;
}

/* In the order of the feasts: Christmas moves before Boxing Day, and neither onto the other. */
static void observe(struct feasts *f)
{
	for (size_t i = 0; i < f->count; i++) {
		date d = f->items[i].actual;
		enum weekday day = date_weekday(d);

		switch (f->observed[i]) {
		case OBSERVED_US:
			d = date_add_days(d, day == SATURDAY ? -1 : day == SUNDAY ? 1 : 0);
			break;
		case OBSERVED_SUNDAY_BACK:
			d = date_add_days(d, day == SUNDAY ? -1 : 0);
			break;
		case OBSERVED_SUNDAY_FORWARD:
			d = date_add_days(d, day == SUNDAY ? 1 : 0);
			break;
		case OBSERVED_GB:
			while (weekend(d) || (weekend(f->items[i].actual) && taken(f, d)))
				d = date_add_days(d, 1);
			break;
		case OBSERVED_SAME:
			break;
		}
		f->items[i].observed = d;
	}
}

static int year_of(date d)
{
	int year, month, day;

	date_split(d, &year, &month, &day);
	return year;
}

static void feasts_of(const struct calendar *calendar, int year, struct feasts *f)
{
	f->count = 0;
	for (size_t i = 0; i < calendar->rule_count; i++) {
		const struct rule *rule = &calendar->rules[i];

		add_feast(f, actual_day(rule, year), rule);
		for (size_t k = 0; k < rule->date_count; k++)
			if (year_of(rule->dates[k]) == year)
				add_feast(f, rule->dates[k], rule);
	}
	observe(f);
}

static size_t put(const struct holiday *day, struct holiday *ret, size_t count)
{
	size_t at = count;

	for (size_t i = 0; i < count; i++)
		if (ret[i].observed.days == day->observed.days)
			return count;
	if (count == HOLIDAYS_MAX)
		return count;
	for (; at > 0 && ret[at - 1].observed.days > day->observed.days; at--)
		ret[at] = ret[at - 1];
	ret[at] = *day;
	return count + 1;
}

/* A feast is observed in its own year or, on its edge, in the one before or behind. */
static size_t add_year(const struct calendar *calendar, int year, struct holiday *ret, size_t count)
{
	for (int y = year - 1; y <= year + 1; y++) {
		struct feasts f;

		if (y < YEAR_MIN || y > YEAR_MAX)
			continue;
		feasts_of(calendar, y, &f);
		for (size_t i = 0; i < f.count; i++)
			if (year_of(f.items[i].observed) == year)
				count = put(&f.items[i], ret, count);
	}
	return count;
}

size_t calendar_year(const struct calendar *calendar, int year, struct holiday *ret)
{
	size_t count = add_year(calendar, year, ret, 0);

	for (size_t i = 0; i < calendar->part_count; i++)
		count = add_year(calendar->parts[i], year, ret, count);
	return count;
}

/* --- the file -------------------------------------------------------------------------------------------------------------- */

static int read_years(struct arena *arena, const struct json *row, struct rule *rule, struct err *err)
{
	struct json years = { 0 };
	int r = json_opt_array(row, "except_years", &years, err);
	int *list;

	if (r < 0 || !json_len(&years))
		return r;
	list = arena_alloc(arena, (json_len(&years) + 1) * sizeof(*list));
	for (size_t i = 0; i < json_len(&years); i++) {
		struct json year = json_at(&years, i);

		if (year.type != JSON_INT || json_int(&year) < YEAR_MIN || json_int(&year) > YEAR_MAX)
			return json_refuse(&year, NULL, err, "out_of_range", "must be a year");
		list[i] = (int)json_int(&year);
	}
	rule->except = list;
	return 0;
}

static int read_dates(struct arena *arena, const struct json *row, struct rule *rule, struct err *err)
{
	struct json dates;
	date *list;
	int r = json_get_array(row, "dates", &dates, err);

	if (r < 0)
		return r;
	if (!json_len(&dates) || json_len(&dates) > DATES_MAX)
		return json_refuse(row, "dates", err, "out_of_range", "must be 1 to %d dates", DATES_MAX);
	list = arena_alloc(arena, json_len(&dates) * sizeof(*list));
	for (size_t i = 0; i < json_len(&dates); i++) {
		struct json day = json_at(&dates, i);

		if (!json_str(&day) || date_parse(json_str(&day), &list[i]) < 0)
			return json_refuse(&day, NULL, err, "bad_date", "must be a date such as 2026-06-15");
	}
	rule->dates = list;
	rule->date_count = json_len(&dates);
	return 0;
}

static int read_int(const struct json *row, const char *key, int64_t min, int64_t max, int *ret, struct err *err)
{
	int64_t n;
	int r = json_get_int(row, key, min, max, &n, err);

	if (r == 0)
		*ret = (int)n;
	return r;
}

static int read_day(const struct json *row, struct rule *rule, struct err *err)
{
	int r;

	if ((r = read_int(row, "month", 1, 12, &rule->month, err)) < 0 || (r = read_int(row, "day", 1, 31, &rule->day, err)) < 0)
		return r;
	/* A leap year, so that 29 February is a day; but a weekday on or before needs one that is there every year. */
	if (!date_valid(rule->kind == RULE_FIXED ? 2024 : 2023, rule->month, rule->day))
		return json_refuse(row, "day", err, "out_of_range", "the month has no such day");
	return 0;
}

static int read_shape(struct arena *arena, const struct json *row, struct rule *rule, struct err *err)
{
	int r;

	switch (rule->kind) {
	case RULE_FIXED:
		return read_day(row, rule, err);
	case RULE_EASTER:
		return read_int(row, "offset", -100, 100, &rule->offset, err);
	case RULE_NTH:
		if ((r = read_int(row, "month", 1, 12, &rule->month, err)) < 0 ||
			(r = read_int(row, "weekday", MONDAY, SUNDAY, &rule->weekday, err)) < 0 ||
			(r = read_int(row, "n", -4, 4, &rule->nth, err)) < 0)
			return r;
		return rule->nth ? 0 : json_refuse(row, "n", err, "out_of_range", "must be 1 to 4, or -1 for the last");
	case RULE_ON_OR_BEFORE:
		if ((r = read_int(row, "weekday", MONDAY, SUNDAY, &rule->weekday, err)) < 0)
			return r;
		return read_day(row, rule, err);
	case RULE_ONCE:
		return read_dates(arena, row, rule, err);
	}
	return 0;
}

static int read_rule(struct arena *arena, const char *id, const struct json *row, struct rule *rule, struct err *err)
{
	static const char *const members[] = { "kind", "month", "day", "weekday", "n", "offset", "dates", "from", "to", "except_years",
		"observed", "note", "source", NULL };
	int64_t from = YEAR_MIN, to = YEAR_MAX;
	int kind, observed = OBSERVED_SAME, r;

	if (row->type != JSON_OBJECT)
		return json_refuse(row, NULL, err, "wrong_type", "must be an object");
	if ((r = json_only(row, members, err)) < 0 || (r = json_get_word(row, "kind", kind_names, &kind, err)) < 0 ||
		(r = json_opt_word(row, "observed", observed_names, &observed, err)) < 0 ||
		(r = json_opt_int(row, "from", YEAR_MIN, YEAR_MAX, &from, err)) < 0 ||
		(r = json_opt_int(row, "to", YEAR_MIN, YEAR_MAX, &to, err)) < 0)
		return r;
	*rule = (struct rule){ .id = id, .kind = (enum rule_kind)kind, .observed = (enum observed)observed, .from = (int)from,
		.to = (int)to };
	if ((r = read_years(arena, row, rule, err)) < 0)
		return r;
	return read_shape(arena, row, rule, err);
}

static bool is_country(const char *name, size_t len)
{
	return len == 2 && name[0] >= 'A' && name[0] <= 'Z' && name[1] >= 'A' && name[1] <= 'Z';
}

static struct country *country_of(struct country (*countries)[LETTERS], const char *name)
{
	return is_country(name, strnlen(name, 3)) ? &countries[name[0] - 'A'][name[1] - 'A'] : NULL;
}

static void add_people(struct arena *arena, struct holidays *h, struct country *country, const struct calendar *c)
{
	if (!country->people)
		country->people = arena_alloc(arena, h->named * sizeof(*country->people));
	country->people[country->people_count++] = c;
}

static const struct calendar *find(const struct holidays *h, const char *name, size_t len)
{
	if (h->countries && is_country(name, len))
		return h->countries[name[0] - 'A'][name[1] - 'A'].calendar;
	for (size_t i = 0; i < h->count; i++) {
		const char *own = h->calendars[i].name;

		if (own[0] == name[0] && own[1] == name[1] && strncmp(own, name, len) == 0 && !own[len])
			return &h->calendars[i];
	}
	return NULL;
}

static const struct calendar *calendar_of(const struct holidays *h, const struct country *country, const struct place *place)
{
	const struct calendar *own = NULL;
	bool perhaps = false;

	for (size_t i = 0; country && i < country->people_count; i++) {
		const struct calendar *c = country->people[i];
		enum place_fit fit;

		if (c->own_country && strcmp(c->own_country, place->country) == 0)
			return c;
		if (!c->name[2]) {
			own = c;
			continue;
		}
		fit = place_fit(place, &c->area);
		if (fit == PLACE_THERE)
			return c->whole ? c->whole : c;
		perhaps = perhaps || (fit == PLACE_PERHAPS && !c->own_country);
	}
	if (!own)
		return h && place->country ? find(h, place->country, strlen(place->country)) : NULL;
	return perhaps && own->whole ? own->whole : own;
}

static void index_countries(struct arena *arena, struct holidays *h)
{
	struct country (*countries)[LETTERS] = arena_alloc(arena, LETTERS * sizeof(*countries)), *country;

	for (size_t i = 0; i < h->count; i++) {
		const struct calendar *c = &h->calendars[i];
		const char two[] = { c->name[0], c->name[0] ? c->name[1] : '\0', '\0' };

		country = country_of(countries, c->name);
		if (country)
			country->calendar = c;
		if (i >= h->named)
			continue;
		if (c->own_country && (country = country_of(countries, c->own_country)))
			add_people(arena, h, country, c);
		country = country_of(countries, two);
		if (country && !c->for_terms && (!c->name[2] || !strchr(c->area.code, '-')) &&
			!(c->own_country && strcmp(c->own_country, two) == 0))
			add_people(arena, h, country, c);
	}
	h->countries = countries;
	for (char two[3] = "AA"; two[0] <= 'Z'; two[0]++)
		for (two[1] = 'A'; two[1] <= 'Z'; two[1]++) {
			country = country_of(countries, two);
			country->anywhere = calendar_of(h, country, &(struct place){ .country = two });
		}
}

static int read_calendar(struct arena *arena, const struct holidays *before, const char *name, const struct json *row,
	struct calendar *ret, struct err *err)
{
	static const char *const members[] = { "source", "certainty", "as_of", "known_until", "note", "extends", "days",
		"names", "postcodes", "within", "country", "for_terms", NULL };
	const struct calendar *base = NULL;
	const char *extends = NULL, *id;
	struct json days, day;
	size_t base_count;
	int r;

	if ((r = json_only(row, members, err)) < 0 || (r = json_opt_str(row, "extends", CALENDAR_NAME_MAX, &extends, err)) < 0 ||
		(r = json_get_object(row, "days", &days, err)) < 0)
		return r;
	if (strlen(name) > CALENDAR_NAME_MAX)
		return json_refuse(row, NULL, err, "too_long", "a calendar's name has at most %d characters", CALENDAR_NAME_MAX);
	if (extends && !(base = find(before, extends, strlen(extends))))
		return json_refuse(row, "extends", err, "unknown_calendar", "\"%s\" must stand before it", extends);
	base_count = base ? base->rule_count : 0;
	if (base_count + json_len(&days) > HOLIDAYS_MAX)
		return json_refuse(row, "days", err, "out_of_range", "a calendar has at most %d rules", HOLIDAYS_MAX);
	*ret = (struct calendar){ .name = name, .area.code = strlen(name) > 3 ? name + 3 : name };
	if ((r = area_read(arena, row, &ret->area, err)) < 0 || (r = json_opt_str(row, "country", 2, &ret->own_country, err)) < 0 ||
		(r = json_opt_bool(row, "for_terms", &ret->for_terms, err)) < 0)
		return r;
	ret->rules = arena_alloc(arena, (base_count + json_len(&days) + 1) * sizeof(*ret->rules));
	for (; ret->rule_count < base_count; ret->rule_count++)
		ret->rules[ret->rule_count] = base->rules[ret->rule_count];
	for (size_t i = 0; json_member(&days, &i, &id, &day); ret->rule_count++)
		if ((r = read_rule(arena, id, &day, &ret->rules[ret->rule_count], err)) < 0)
			return r;
	return 0;
}

/* --- as bits --------------------------------------------------------------------------------------------------------------- */

static const uint8_t *days_kept(const struct calendar *calendar);

/* Each year's feasts are asked for once, also those beyond the edges that are observed within. */
static void keep(struct calendar *calendar)
{
	date first = date_of(KEPT_FROM, 1, 1);
	int32_t days = date_diff(date_of(KEPT_TO + 1, 1, 1), first);

	calendar->kept = arena_alloc(calendar->arena, (size_t)days / 8 + 1);
	for (size_t i = 0; i < calendar->part_count; i++) {
		const uint8_t *part = days_kept(calendar->parts[i]);

		for (int32_t k = 0; k <= days / 8; k++)
			calendar->kept[k] |= part[k];
	}
	for (int year = KEPT_FROM - 1; calendar->rule_count && year <= KEPT_TO + 1; year++) {
		struct feasts f;

		feasts_of(calendar, year, &f);
		for (size_t i = 0; i < f.count; i++) {
			int32_t at = date_diff(f.items[i].observed, first);

			if (at >= 0 && at < days)
				calendar->kept[at / 8] |= (uint8_t)(1 << (at % 8));
		}
	}
}

/* A calendar never changes for those who ask; what it remembers does. */
static const uint8_t *days_kept(const struct calendar *calendar)
{
	if (!calendar->kept)
		keep((struct calendar *)(uintptr_t)calendar);
	return calendar->kept;
}

/* In a year of which no bits are kept. A function of its own: its list would be cleared for every question. */
static bool is_observed(const struct calendar *calendar, date d)
{
	struct holiday list[HOLIDAYS_MAX];
	size_t count = calendar_year(calendar, year_of(d), list);

	for (size_t i = 0; i < count; i++)
		if (list[i].observed.days == d.days)
			return true;
	return false;
}

bool calendar_holiday(const struct calendar *calendar, date d)
{
	int32_t at;

	if (!calendar || !date_is_set(d))
		return false;
	at = date_diff(d, date_of(KEPT_FROM, 1, 1));
	if (at >= 0 && date_diff(d, date_of(KEPT_TO, 12, 31)) <= 0)
		return days_kept(calendar)[at / 8] >> (at % 8) & 1;
	return is_observed(calendar, d);
}

/* --- all of them ----------------------------------------------------------------------------------------------------------- */

/* What all regions of a country have off, for one that has no calendar of its own. */
static void unite(struct arena *arena, struct holidays *h, const char *country)
{
	struct calendar *all = &h->calendars[h->count];

	*all = (struct calendar){ .name = country, .parts = arena_alloc(arena, h->named * sizeof(*all->parts)) };
	for (size_t i = 0; i < h->named; i++)
		if (strncmp(h->calendars[i].name, country, strlen(country)) == 0)
			all->parts[all->part_count++] = &h->calendars[i];
	h->count++;
}

static bool is_region(const struct calendar *c)
{
	return c->name[2] == '-' && !c->for_terms;
}

/* Under the name "FR*" or "DE-BY*" all of those that begin so, and those alone that may be meant where an address does not tell. */
static const struct calendar *unite_beside(struct arena *arena, struct holidays *h, const char *name)
{
	struct calendar *all = &h->calendars[h->count];
	size_t len = strlen(name);

	*all = (struct calendar){ .name = arena_printf(arena, "%s*", name), .parts = arena_alloc(arena, h->named * sizeof(*all->parts)) };
	for (size_t i = 0; i < h->named; i++) {
		const struct calendar *c = &h->calendars[i];

		if (strncmp(c->name, name, len) == 0 && (!c->name[len] || (c->name[len] == '-' && is_region(c) && !c->own_country)))
			all->parts[all->part_count++] = c;
	}
	if (all->part_count < 2)
		return NULL;
	h->count++;
	return all;
}

int holidays_parse(struct arena *arena, const struct json *section, struct holidays **ret, struct err *err)
{
	struct holidays *h = arena_alloc(arena, sizeof(*h));
	struct json row;
	const char *name;
	int r;

	if (json_len(section) > CALENDARS_MAX)
		return json_refuse(section, NULL, err, "out_of_range", "must be %d calendars at most", CALENDARS_MAX);
	/* At most two unions for each calendar. */
	h->calendars = arena_alloc(arena, (3 * json_len(section) + 1) * sizeof(*h->calendars));
	for (size_t i = 0; json_member(section, &i, &name, &row); h->count++)
		if ((r = read_calendar(arena, h, name, &row, &h->calendars[h->count], err)) < 0)
			return r;
	h->named = h->count;
	for (size_t i = 0; i < h->named; i++) {
		size_t country = strcspn(h->calendars[i].name, "-");

		if (country == 2 && h->calendars[i].name[2] && !find(h, h->calendars[i].name, 2))
			unite(arena, h, arena_printf(arena, "%.2s", h->calendars[i].name));
	}
	for (size_t i = 0; i < h->named; i++)
		if (!h->calendars[i].name[2] || (is_region(&h->calendars[i]) && !strchr(h->calendars[i].area.code, '-')))
			h->calendars[i].whole = unite_beside(arena, h, h->calendars[i].name);
	for (size_t i = 0; i < h->count; i++)
		h->calendars[i].arena = arena;
	index_countries(arena, h);
	*ret = h;
	return 0;
}

const struct calendar *holidays_calendar(const struct holidays *h, const char *name)
{
	return h && name ? find(h, name, strlen(name)) : NULL;
}

const struct calendar *holidays_place(const struct holidays *h, const char *place)
{
	const struct calendar *calendar = holidays_calendar(h, place);

	if (calendar || !h || !place || strlen(place) <= 2 || place[2] != '-')
		return calendar;
	return find(h, place, 2);
}

const struct calendar *holidays_of(const struct holidays *h, const struct place *place)
{
	const struct country *country = h && place->country ? country_of(h->countries, place->country) : NULL;

	if (country && !(place->region && *place->region) && !(place->postcode && *place->postcode))
		return country->anywhere;
	return calendar_of(h, country, place);
}

const char *calendar_name(const struct calendar *calendar)
{
	return calendar->name;
}

/* --- business days --------------------------------------------------------------------------------------------------------- */

bool calendar_business_day(const struct calendar *calendar, date d)
{
	return !weekend(d) && !calendar_holiday(calendar, d);
}

static date walk(const struct calendar *calendar, date d, int step)
{
	while (!calendar_business_day(calendar, d))
		d = date_add_days(d, step);
	return d;
}

date calendar_roll(const struct calendar *calendar, date d, enum roll roll)
{
	date rolled;

	switch (roll) {
	case ROLL_FOLLOWING:
		return walk(calendar, d, 1);
	case ROLL_PRECEDING:
		return walk(calendar, d, -1);
	case ROLL_MODIFIED_FOLLOWING:
		rolled = walk(calendar, d, 1);
		return date_diff(rolled, date_end_of_month(d)) > 0 ? walk(calendar, d, -1) : rolled;
	case ROLL_SUNDAY:
		while (date_weekday(d) == SUNDAY || calendar_holiday(calendar, d))
			d = date_add_days(d, 1);
		return d;
	case ROLL_NONE:
	case ROLL_COUNT:
		break;
	}
	return d;
}

date calendar_add_business_days(const struct calendar *calendar, date d, int32_t days)
{
	int32_t step = days < 0 ? -1 : 1;

	if (days == 0)
		return walk(calendar, d, 1);
	for (int32_t left = days; left != 0; left -= step)
		d = walk(calendar, date_add_days(d, step), step);
	return d;
}

int32_t calendar_business_days(const struct calendar *calendar, date from, date to)
{
	int32_t count = 0;

	for (date d = date_add_days(from, 1); date_diff(d, to) <= 0; d = date_add_days(d, 1))
		count += calendar_business_day(calendar, d);
	for (date d = date_add_days(to, 1); date_diff(d, from) <= 0; d = date_add_days(d, 1))
		count -= calendar_business_day(calendar, d);
	return count;
}
