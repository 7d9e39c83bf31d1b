#include "common/fees.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/money.h"

#define WORDS_MAX 600
#define RATE_MAX (INT64_C(100000) * RATE_ONE) /* percent */

int rate_parse(const char *text, int64_t *ret)
{
	bool minus = *text == '-';
	int64_t rate = 0;
	int decimals = -1;

	text += minus;
	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text; text++) {
		if (*text == '.' && decimals < 0) {
			decimals = 0;
			if (!text[1])
				return -EINVAL;
			continue;
		}
		if (*text < '0' || *text > '9' || decimals == 4 || rate > RATE_MAX)
			return -EINVAL;
		rate = rate * 10 + *text - '0';
		decimals += decimals >= 0;
	}
	for (decimals = decimals < 0 ? 0 : decimals; decimals < 4; decimals++)
		rate *= 10;
	if (rate > RATE_MAX)
		return -EINVAL;
	*ret = minus ? -rate : rate;
	return 0;
}

char *rate_text(int64_t rate, char text[RATE_TEXT_SIZE])
{
	uint64_t n = rate < 0 ? 0 - (uint64_t)rate : (uint64_t)rate;
	size_t len = (size_t)snprintf(text, RATE_TEXT_SIZE, "%s%" PRIu64 ".%04" PRIu64, rate < 0 ? "-" : "", n / RATE_ONE, n % RATE_ONE);

	for (int cut = 0; cut < 2 && text[len - 1] == '0'; cut++)
		text[--len] = '\0';
	return text;
}

int rate_opt(const struct json *object, const char *key, int64_t *ret, struct err *err)
{
	const char *text = NULL;
	int r = json_opt_str(object, key, RATE_TEXT_SIZE, &text, err);

	if (r == 0 && text && rate_parse(text, ret) < 0)
		return json_refuse(object, key, err, "bad_rate", "must be percent as text, such as \"12.15\"");
	return r;
}

bool is_day_off(const struct day_off *off, const char *calendar, date d)
{
	return off && off->fn && calendar && off->fn(off->arg, calendar, d);
}

/* --- the file --------------------------------------------------------------------------------------------------------- */

static int read_tier(const struct json *row, struct fee_tier *ret, struct err *err)
{
	static const char *const members[] = { "up_to_minor", "sum_minor", "percent", "over_minor", NULL };
	int r;

	*ret = (struct fee_tier){ .up_to = INT64_MAX };
	if ((r = json_only(row, members, err)) < 0 || (r = json_opt_int(row, "up_to_minor", 0, MONEY_MAX, &ret->up_to, err)) < 0 ||
		(r = json_opt_int(row, "sum_minor", 0, MONEY_MAX, &ret->sum, err)) < 0 ||
		(r = json_opt_int(row, "over_minor", 0, MONEY_MAX, &ret->over, err)) < 0 ||
		(r = rate_opt(row, "percent", &ret->percent, err)) < 0)
		return r;
	return ret->percent < 0 ? json_refuse(row, "percent", err, "out_of_range", "must not be below 0") : 0;
}

static int read_table(struct arena *arena, const char *name, const struct json *row, struct fee_table *ret, struct err *err)
{
	static const char *const members[] = { "answer", "tiers", "minimum_minor", "maximum_minor", "vat", "source", "certainty", "as_of",
		"known_until", "note", NULL };
	struct json tiers;
	int r;

	*ret = (struct fee_table){ .name = name, .maximum = INT64_MAX };
	if ((r = json_only(row, members, err)) < 0 || (r = json_get_str(row, "answer", 40, &ret->answer, err)) < 0 ||
		(r = json_get_str(row, "source", WORDS_MAX, &ret->source, err)) < 0 ||
		(r = json_get_str(row, "certainty", WORDS_MAX, &ret->certainty, err)) < 0 ||
		(r = json_get_array(row, "tiers", &tiers, err)) < 0 ||
		(r = json_opt_int(row, "minimum_minor", 0, MONEY_MAX, &ret->minimum, err)) < 0 ||
		(r = json_opt_int(row, "maximum_minor", 0, MONEY_MAX, &ret->maximum, err)) < 0 ||
		(r = rate_opt(row, "vat", &ret->vat, err)) < 0)
		return r;
	ret->tier_count = json_len(&tiers);
	ret->tiers = arena_alloc(arena, ret->tier_count * sizeof(*ret->tiers) + 1);
	for (size_t i = 0; i < ret->tier_count; i++) {
		struct json tier = json_at(&tiers, i);

		if ((r = read_tier(&tier, &ret->tiers[i], err)) < 0)
			return r;
		if (i && ret->tiers[i].up_to <= ret->tiers[i - 1].up_to)
			return json_refuse(&tier, "up_to_minor", err, "out_of_range", "tiers must rise");
	}
	if (!ret->tier_count || ret->tiers[ret->tier_count - 1].up_to != INT64_MAX)
		return json_refuse(row, "tiers", err, "missing", "the last tier must have no \"up_to_minor\"");
	return 0;
}

static int read_ban(const struct json *row, struct fee_ban *ret, struct err *err)
{
	int r;

	if ((r = json_get_str(row, "country", 8, &ret->country, err)) < 0 || (r = json_get_str(row, "debtor", 20, &ret->debtor, err)) < 0 ||
		(r = json_get_int(row, "fee_minor", 0, MONEY_MAX, &ret->fee, err)) < 0)
		return r;
	return json_get_str(row, "source", WORDS_MAX, &ret->source, err);
}

static int read_reminder(const struct json *row, struct fees *ret, struct err *err)
{
	int r;

	if ((r = json_get_int(row, "free", 0, 100, &ret->reminder_free, err)) < 0 ||
		(r = json_get_int(row, "fee_cap_minor", 0, MONEY_MAX, &ret->reminder_cap, err)) < 0 ||
		(r = json_get_str(row, "plus", 40, &ret->reminder_plus, err)) < 0)
		return r;
	return json_get_str(row, "source", WORDS_MAX, &ret->reminder_source, err);
}

static int read_grace(const struct json *row, struct fees *ret, struct err *err)
{
	int r;

	if ((r = json_get_int(row, "days", 1, 366, &ret->grace_days, err)) < 0 ||
		(r = json_get_int(row, "post_working_day", 1, 30, &ret->grace_post_days, err)) < 0 ||
		(r = json_get_str(row, "calendar", 20, &ret->grace_calendar, err)) < 0)
		return r;
	return json_get_str(row, "source", WORDS_MAX, &ret->grace_source, err);
}

int fees_read(struct arena *arena, const struct json *section, struct fees *ret, struct err *err)
{
	const char *name;
	struct json row;

	*ret = (struct fees){ 0 };
	ret->tables = arena_alloc(arena, json_len(section) * sizeof(*ret->tables) + 1);
	ret->bans = arena_alloc(arena, json_len(section) * sizeof(*ret->bans) + 1);
	for (size_t i = 0; json_member(section, &i, &name, &row);) {
		int r;

		if (strcmp(name, "be_b2c_reminder") == 0)
			r = read_reminder(&row, ret, err);
		else if (strcmp(name, "be_b2c_grace") == 0)
			r = read_grace(&row, ret, err);
		else if (json_has(&row, "tiers"))
			r = read_table(arena, name, &row, &ret->tables[ret->table_count++], err);
		else
			r = read_ban(&row, &ret->bans[ret->ban_count++], err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- the sums --------------------------------------------------------------------------------------------------------- */

const struct fee_table *fees_table(const struct fees *fees, const char *name)
{
	for (size_t i = 0; i < fees->table_count; i++)
		if (strcmp(fees->tables[i].name, name) == 0)
			return &fees->tables[i];
	return NULL;
}

/* n percent of a sum, and 100 percent of another. */
static struct fraction percent_of(int64_t percent, int64_t amount)
{
	struct fraction part = fraction_of((uint64_t)percent, (uint64_t)100 * RATE_ONE), whole = fraction_of((uint64_t)amount, 1);

	(void)fraction_mul(&part, &whole, &part); /* two small ones */
	return part;
}

bool fee_of(const struct fee_table *table, int64_t principal, bool vat, int64_t *ret)
{
	const struct fee_tier *tier = table->tiers;
	struct fraction sum, base;
	int64_t fee;

	while (principal > tier->up_to)
		tier++;
	sum = percent_of(tier->percent, principal > tier->over ? principal - tier->over : 0);
	base = fraction_of((uint64_t)tier->sum, 1);
	if (!fraction_add(&sum, &base, &sum) || !fraction_round(&sum, ROUND_HALF_AWAY, &fee))
		return false;
	fee = fee < table->minimum ? table->minimum : fee > table->maximum ? table->maximum : fee;
	if (vat && table->vat) {
		sum = percent_of(table->vat + 100 * RATE_ONE, fee);
		if (!fraction_round(&sum, ROUND_HALF_AWAY, &fee))
			return false;
	}
	if (fee > MONEY_MAX)
		return false;
	*ret = fee;
	return true;
}

int fees_grace(const struct fees *fees, const struct day_off *off, date sent, const char *by, date *first, date *last)
{
	*first = date_add_days(sent, 1);
	if (strcmp(by, "post") == 0) {
		*first = sent;
		for (int64_t left = fees->grace_post_days; left;) { /* Saturday counts as a working day: to be verified */
			*first = date_add_days(*first, 1);
			left -= date_weekday(*first) != SUNDAY && !is_day_off(off, fees->grace_calendar, *first);
		}
	} else if (strcmp(by, "email") != 0) {
		return -EINVAL;
	}
	*last = date_add_days(*first, (int32_t)fees->grace_days - 1);
	return 0;
}

/* --- questions -------------------------------------------------------------------------------------------------------- */

static int answer_reminder(const struct fees *fees, const struct json *given, struct json_writer *w, struct err *err)
{
	int64_t number = 0;
	int r = json_get_int(given, "number", 1, 1000, &number, err);

	if (r < 0)
		return r;
	if (number <= fees->reminder_free) {
		jw_int(w, "fee_minor", 0);
	} else {
		jw_int(w, "fee_cap_minor", fees->reminder_cap);
		jw_str(w, "plus", fees->reminder_plus);
	}
	jw_str(w, "law", fees->reminder_source);
	return 0;
}

static int answer_grace(const struct fees *fees, const struct day_off *off, const struct json *given, struct json_writer *w,
	struct err *err)
{
	const char *sent_text, *by;
	char text[DATE_TEXT_SIZE];
	date sent, first, last;
	int r;

	if ((r = json_get_str(given, "sent", 10, &sent_text, err)) < 0 || (r = json_get_str(given, "by", 10, &by, err)) < 0)
		return r;
	if (date_parse(sent_text, &sent) < 0)
		return json_refuse(given, "sent", err, "bad_date", "must be a date such as 2026-03-02");
	if (fees_grace(fees, off, sent, by, &first, &last) < 0)
		return json_refuse(given, "by", err, "not_one_of", "must be \"email\" or \"post\"");
	jw_str(w, "first_day", date_format(first, text));
	jw_str(w, "last_day", date_format(last, text));
	jw_str(w, "law", fees->grace_source);
	return 0;
}

static int answer_ban(const struct fees *fees, const struct json *given, struct json_writer *w, struct err *err)
{
	const char *country, *debtor;
	bool title = false;
	int r;

	if ((r = json_get_str(given, "country", 8, &country, err)) < 0 || (r = json_get_str(given, "debtor", 20, &debtor, err)) < 0 ||
		(r = json_opt_bool(given, "enforceable_title", &title, err)) < 0)
		return r;
	for (size_t i = 0; i < fees->ban_count && !title; i++)
		if (strcmp(fees->bans[i].country, country) == 0 && strcmp(fees->bans[i].debtor, debtor) == 0) {
			jw_int(w, "fee_minor", fees->bans[i].fee);
			jw_str(w, "reason", fees->bans[i].source);
			return 0;
		}
	return json_refuse(given, "country", err, "not_known", "no rule is known for this country and debtor");
}

int fees_answer(const struct fees *fees, const struct day_off *off, const struct json *given, struct json_writer *w, struct err *err)
{
	const struct fee_table *table;
	int64_t principal, fee;
	const char *rule;
	bool vat = false;
	int r;

	if ((r = json_get_str(given, "rule", 60, &rule, err)) < 0)
		return r;
	if (strcmp(rule, "be_b2c_reminder") == 0 && fees->reminder_source)
		return answer_reminder(fees, given, w, err);
	if (strcmp(rule, "be_b2c_grace") == 0 && fees->grace_source)
		return answer_grace(fees, off, given, w, err);
	if (strcmp(rule, "collection_fee") == 0)
		return answer_ban(fees, given, w, err);
	table = fees_table(fees, rule);
	if (!table)
		return json_refuse(given, "rule", err, "not_one_of", "no such rule in the law data");
	if ((r = json_get_int(given, "principal_minor", 0, MONEY_MAX, &principal, err)) < 0 || (r = json_opt_bool(given, "vat", &vat, err)) < 0)
		return r;
	if (!fee_of(table, principal, vat, &fee))
		return json_refuse(given, "principal_minor", err, "out_of_range", "the sum is past 2^53");
	jw_int(w, table->answer, fee);
	jw_str(w, "law", table->source);
	return 0;
}
