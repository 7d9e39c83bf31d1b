/* Reference rates and regimes, out of their files. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/interest.h"
#include "common/money.h"

#define WORDS_MAX 900

char *half_year_text(int half, char text[HALF_YEAR_TEXT_SIZE])
{
	(void)snprintf(text, HALF_YEAR_TEXT_SIZE, "%04dH%d", half / 2 % 10000, half % 2 + 1);
	return text;
}

int half_year_parse(const char *text, int *ret)
{
	int year = 0;

	for (int i = 0; i < 4; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		year = year * 10 + text[i] - '0';
	}
	if (year < 1900 || text[4] != 'H' || (text[5] != '1' && text[5] != '2') || text[6])
		return -EINVAL;
	*ret = year * 2 + (text[5] == '2');
	return 0;
}

/* --- words ------------------------------------------------------------------------------------------------------------ */

static int read_words(struct arena *arena, const struct json *row, const char *key, struct wordings *ret, struct err *err)
{
	struct json object = { 0 }, value;
	const char *language;
	int r = json_opt_object(row, key, &object, err);

	if (r < 0)
		return r;
	ret->list = arena_alloc(arena, json_len(&object) * sizeof(*ret->list) + 1);
	for (size_t i = 0; json_member(&object, &i, &language, &value); ret->count++) {
		ret->list[ret->count].language = language;
		if ((r = json_get_str(&object, language, WORDS_MAX, &ret->list[ret->count].text, err)) < 0)
			return r;
	}
	return 0;
}

const char *wording_for(const struct wordings *words, const char *tag, bool any)
{
	size_t len = strcspn(tag, "-");

	for (size_t i = 0; i < words->count; i++)
		if (strlen(words->list[i].language) == len && strncmp(words->list[i].language, tag, len) == 0)
			return words->list[i].text;
	return any && words->count ? words->list[0].text : NULL;
}

/* --- rates ------------------------------------------------------------------------------------------------------------ */

#define HALVES_MAX 400

static int read_values(struct arena *arena, const struct json *values, struct rate_series *ret, struct err *err)
{
	int half, first = INT32_MAX, last = 0;
	struct json value;
	const char *key;

	for (size_t i = 0; json_member(values, &i, &key, &value);) {
		if (half_year_parse(key, &half) < 0)
			return json_refuse(values, key, err, "bad_half_year", "must be a half-year such as 2026H1");
		first = half < first ? half : first;
		last = half > last ? half : last;
	}
	if (first > last) /* a series of which nothing is known yet */
		return 0;
	if (last - first >= HALVES_MAX)
		return json_refuse(values, NULL, err, "out_of_range", "must lie within %d half-years", HALVES_MAX);
	ret->first = first;
	ret->count = (size_t)(last - first + 1);
	ret->rates = arena_alloc(arena, ret->count * sizeof(*ret->rates));
	for (size_t i = 0; i < ret->count; i++)
		ret->rates[i] = RATE_NONE;
	for (size_t i = 0; json_member(values, &i, &key, &value);) {
		int r = rate_opt(values, key, &ret->rates[(half_year_parse(key, &half), half - first)], err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int read_series(struct arena *arena, const struct json *section, struct interest_rules *ret, struct err *err)
{
	struct json row, values;
	const char *name;
	int r;

	ret->series = arena_alloc(arena, json_len(section) * sizeof(*ret->series) + 1);
	for (size_t i = 0; json_member(section, &i, &name, &row); ret->series_count++) {
		struct rate_series *s = &ret->series[ret->series_count];

		values = (struct json){ 0 };
		s->name = name;
		if ((r = json_opt_str(&row, "label", WORDS_MAX, &s->label, err)) < 0 ||
			(r = json_get_str(&row, "source", WORDS_MAX, &s->source, err)) < 0 ||
			(r = json_get_str(&row, "certainty", WORDS_MAX, &s->certainty, err)) < 0 ||
			(r = read_words(arena, &row, "words", &s->words, err)) < 0 ||
			(r = json_opt_object(&row, "values", &values, err)) < 0 || (r = read_values(arena, &values, s, err)) < 0)
			return r;
	}
	return 0;
}

static int find_series(const struct interest_rules *rules, const struct json *row, const char *key, const struct rate_series **ret,
	struct err *err)
{
	const char *name = NULL;
	int r = json_opt_str(row, key, 60, &name, err);

	for (size_t i = 0; r == 0 && name && i < rules->series_count; i++)
		if (strcmp(rules->series[i].name, name) == 0)
			*ret = &rules->series[i];
	return r == 0 && name && !*ret ? json_refuse(row, key, err, "not_one_of", "no such series of rates") : r;
}

/* --- regimes ---------------------------------------------------------------------------------------------------------- */

static int read_sum(const struct json *row, const struct fees *fees, struct regime *ret, struct err *err)
{
	const char *tiers = NULL;
	int r;

	if ((r = json_opt_int(row, "fixed_sum_minor", 0, MONEY_MAX, &ret->sum, err)) < 0 ||
		(r = json_opt_str(row, "fixed_sum_table", 60, &tiers, err)) < 0 ||
		(r = json_opt_str(row, "currency", 3, &ret->currency, err)) < 0 ||
		(r = json_opt_bool(row, "sum_lost_in_insolvency", &ret->sum_lost_in_insolvency, err)) < 0)
		return r;
	ret->tiers = tiers ? fees_table(fees, tiers) : NULL;
	if (tiers && !ret->tiers)
		return json_refuse(row, "fixed_sum_table", err, "not_one_of", "no such table of fees");
	return 0;
}

/* What a notice says of it. */
static int read_notice(struct arena *arena, const struct json *row, struct regime *ret, struct err *err)
{
	static const char *const from[] = { "due", "default", NULL };
	int word = 0, r;

	if ((r = json_opt_str(row, "country", 2, &ret->country, err)) < 0 || (r = json_opt_word(row, "from", from, &word, err)) < 0 ||
		(r = read_words(arena, row, "cited", &ret->cited, err)) < 0)
		return r;
	ret->from_default = word == 1;
	return json_opt_int(row, "default_days", 1, 366, &ret->default_days, err);
}

static int read_regime(struct arena *arena, const struct json *row, const struct interest_rules *rules, const struct fees *fees,
	struct regime *ret, struct err *err)
{
	static const char *const members[] = { "series", "points", "rate", "round_rate_up", "frozen", "compounding", "day_count",
		"fixed_sum_minor", "fixed_sum_table", "sum_lost_in_insolvency", "currency", "by_currency", "floor_series", "floor_times",
		"zero_unfair", "country", "from", "default_days", "cited", "starts", "basis", "source", "certainty", "as_of",
		"known_until", "note", NULL };
	static const char *const compounding[] = { "none", "yearly", NULL };
	int count = DAYS_ACT_365, yearly = 0, r;

	ret->fixed = RATE_NONE;
	if ((r = json_only(row, members, err)) < 0 || (r = find_series(rules, row, "series", &ret->series, err)) < 0 ||
		(r = rate_opt(row, "points", &ret->points, err)) < 0 || (r = rate_opt(row, "rate", &ret->fixed, err)) < 0 ||
		(r = rate_opt(row, "round_rate_up", &ret->round_up, err)) < 0 || (r = json_opt_bool(row, "frozen", &ret->frozen, err)) < 0 ||
		(r = json_opt_word(row, "compounding", compounding, &yearly, err)) < 0 ||
		(r = json_opt_word(row, "day_count", day_count_names, &count, err)) < 0 || (r = read_sum(row, fees, ret, err)) < 0 ||
		(r = json_opt_bool(row, "by_currency", &ret->by_currency, err)) < 0 ||
		(r = find_series(rules, row, "floor_series", &ret->floor, err)) < 0 ||
		(r = json_opt_int(row, "floor_times", 1, 100, &ret->floor_times, err)) < 0 ||
		(r = json_opt_bool(row, "zero_unfair", &ret->zero_unfair, err)) < 0 ||
		(r = read_notice(arena, row, ret, err)) < 0 ||
		(r = json_opt_str(row, "starts", WORDS_MAX, &ret->starts, err)) < 0 ||
		(r = json_get_str(row, "source", WORDS_MAX, &ret->source, err)) < 0 ||
		(r = json_get_str(row, "certainty", WORDS_MAX, &ret->certainty, err)) < 0)
		return r;
	if (ret->round_up < 0 || (ret->floor && !ret->floor_times))
		return json_refuse(row, "round_rate_up", err, "out_of_range", "must not be below 0, and a floor needs its \"floor_times\"");
	ret->day_count = (enum day_count)count;
	ret->yearly = yearly == 1;
	return 0;
}

int interest_rules_read(struct arena *arena, const struct json *rates, const struct json *regimes, const struct fees *fees,
	struct interest_rules *ret, struct err *err)
{
	struct json row;
	const char *name;
	int r;

	*ret = (struct interest_rules){ 0 };
	if ((r = read_series(arena, rates, ret, err)) < 0)
		return r;
	ret->regimes = arena_alloc(arena, json_len(regimes) * sizeof(*ret->regimes) + 1);
	for (size_t i = 0; json_member(regimes, &i, &name, &row); ret->regime_count++) {
		ret->regimes[ret->regime_count].name = name;
		if ((r = read_regime(arena, &row, ret, fees, &ret->regimes[ret->regime_count], err)) < 0)
			return r;
	}
	return 0;
}

const struct regime *interest_regime(const struct interest_rules *rules, const char *name)
{
	for (size_t i = 0; i < rules->regime_count; i++)
		if (strcmp(rules->regimes[i].name, name) == 0)
			return &rules->regimes[i];
	return NULL;
}
