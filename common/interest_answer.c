/* Questions about interest, and the working behind the answers. */
#include <errno.h>
#include <string.h>

#include "common/interest.h"
#include "common/money.h"

#define PAYMENTS_MAX 1000

struct question {
	struct debt debt;
	const char *currency;
	date to; /* of "from" and "to" */
};

/* --- reading ---------------------------------------------------------------------------------------------------------- */

static int opt_date(const struct json *given, const char *key, date *ret, struct err *err)
{
	const char *text = NULL;
	int r = json_opt_str(given, key, 10, &text, err);

	if (r == 0 && text && date_parse(text, ret) < 0)
		return json_refuse(given, key, err, "bad_date", "must be a date such as 2026-03-02");
	return r;
}

/* Words of people for what is a setting: "once, half away from zero", or our own names. */
static int read_rounding(const struct json *given, struct debt *debt, struct err *err)
{
	const char *text = NULL;
	int r = json_opt_str(given, "rounding", 100, &text, err);

	if (r < 0 || !text)
		return r;
	if (strncmp(text, "daily", 5) == 0) {
		debt->daily_first = true;
		return 0;
	}
	if (strstr(text, "half away from zero") || strcmp(text, "interest rounded when a payment settles it and once at the end") == 0)
		return 0;
	for (int i = 0; rounding_names[i]; i++)
		if (strcmp(rounding_names[i], text) == 0) {
			debt->rounding = (enum rounding)i;
			return 0;
		}
	return json_refuse(given, "rounding", err, "not_one_of", "must be half_away, half_even, down, up, or daily");
}

static int read_payments(struct arena *arena, const struct json *given, struct debt *debt, struct err *err)
{
	struct debt_payment *payments;
	struct json list = { 0 };
	int r = json_opt_array(given, "payments", &list, err);

	if (r < 0 || !json_len(&list))
		return r;
	if (json_len(&list) > PAYMENTS_MAX)
		return json_refuse(given, "payments", err, "too_long", "must be at most %d", PAYMENTS_MAX);
	payments = arena_alloc(arena, json_len(&list) * sizeof(*payments));
	for (size_t i = 0; i < json_len(&list); i++) {
		struct json row = json_at(&list, i);
		struct debt_payment p = { .on = date_none() };
		size_t at = i;

		if ((r = opt_date(&row, "date", &p.on, err)) < 0 ||
			(r = json_get_int(&row, "amount_minor", 1, MONEY_MAX, &p.amount, err)) < 0)
			return r;
		if (!date_is_set(p.on))
			return json_refuse(&row, "date", err, "missing", "must be given");
		for (; at && date_diff(payments[at - 1].on, p.on) > 0; at--)
			payments[at] = payments[at - 1];
		payments[at] = p;
	}
	debt->payments = payments;
	debt->payment_count = json_len(&list);
	return 0;
}

static int read_order(const struct json *given, struct debt *debt, struct err *err)
{
	struct json list = { 0 };
	bool seen[DEBT_ITEM_COUNT] = { false };
	int r = json_opt_array(given, "allocation", &list, err);

	if (r < 0 || list.type == JSON_NONE)
		return r;
	if (json_len(&list) != DEBT_ITEM_COUNT)
		return json_refuse(given, "allocation", err, "out_of_range", "must name fee, interest and principal, each once");
	for (size_t i = 0; i < DEBT_ITEM_COUNT; i++) {
		struct json word = json_at(&list, i);
		const char *name = word.type == JSON_STRING ? json_str(&word) : "";
		int item = 0;

		while (debt_item_names[item] && strcmp(debt_item_names[item], name) != 0)
			item++;
		if (item == DEBT_ITEM_COUNT || seen[item])
			return json_refuse(given, "allocation", err, "not_one_of", "must name fee, interest and principal, each once");
		seen[item] = true;
		debt->order[i] = (enum debt_item)item;
	}
	return 0;
}

static int read_regime(const struct interest_rules *rules, const struct json *given, struct question *q, struct err *err)
{
	const char *name = NULL;
	int r;

	if ((r = json_opt_str(given, "regime", 60, &name, err)) < 0 || (r = json_opt_str(given, "currency", 3, &q->currency, err)) < 0)
		return r;
	if (name) {
		q->debt.regime = interest_regime(rules, name);
		if (!q->debt.regime)
			return json_refuse(given, "regime", err, "not_one_of", "no such regime in the law data");
	}
	for (size_t i = 0; !name && q->currency && i < rules->regime_count; i++)
		if (rules->regimes[i].by_currency && rules->regimes[i].currency && strcmp(rules->regimes[i].currency, q->currency) == 0)
			q->debt.regime = &rules->regimes[i];
	if (!q->currency)
		q->currency = q->debt.regime ? q->debt.regime->currency : NULL;
	return 0;
}

static int read_debt(struct arena *arena, const struct json *given, struct question *q, struct err *err)
{
	static const char *const compounding[] = { "none", "yearly", NULL };
	struct debt *debt = &q->debt;
	int count, yearly, r;
	int64_t days = -1;

	*debt = debt_of(debt->regime, 0, date_none(), date_none());
	q->to = date_none();
	count = (int)debt->day_count;
	yearly = debt->yearly;
	if ((r = json_get_int(given, "principal_minor", 0, MONEY_MAX, &debt->principal, err)) < 0 ||
		(r = rate_opt(given, "agreed_rate", &debt->agreed, err)) < 0 || (r = opt_date(given, "due", &debt->due, err)) < 0 ||
		(r = opt_date(given, "until", &debt->until, err)) < 0 || (r = opt_date(given, "interest_from", &debt->from, err)) < 0 ||
		(r = opt_date(given, "to", &q->to, err)) < 0 || (r = opt_date(given, "insolvency_opened", &debt->insolvency, err)) < 0 ||
		(r = json_opt_int(given, "days", 0, 100000, &days, err)) < 0 ||
		(r = json_opt_word(given, "day_count", day_count_names, &count, err)) < 0 ||
		(r = json_opt_word(given, "compounding", compounding, &yearly, err)) < 0 ||
		(r = json_opt_int(given, "fixed_sum_minor", 0, MONEY_MAX, &debt->sum, err)) < 0 ||
		(r = read_rounding(given, debt, err)) < 0 || (r = read_order(given, debt, err)) < 0 ||
		(r = read_payments(arena, given, debt, err)) < 0)
		return r;
	debt->day_count = (enum day_count)count;
	debt->yearly = yearly == 1;
	debt->days = (int32_t)days;
	if (!date_is_set(debt->due) && days < 0 && json_has(given, "from")) { /* "from" is the first day that bears interest */
		if ((r = opt_date(given, "from", &debt->from, err)) < 0)
			return r;
		debt->due = date_add_days(debt->from, -1);
		debt->until = date_is_set(debt->until) ? debt->until : q->to;
	}
	if (debt->agreed != RATE_NONE && debt->agreed < 0)
		return json_refuse(given, "agreed_rate", err, "out_of_range", "must not be below 0");
	if (days >= 0 && debt->agreed == RATE_NONE)
		return json_refuse(given, "days", err, "missing", "without an agreed rate the dates must be given: rates change");
	if (days < 0 && (!date_is_set(debt->due) || !date_is_set(debt->until)))
		return json_refuse(given, date_is_set(debt->due) ? "until" : "due", err, "missing", "must be given");
	if (debt->agreed == RATE_NONE && (!debt->regime || (!debt->regime->series && debt->regime->fixed == RATE_NONE)))
		return json_refuse(given, "agreed_rate", err, "missing", "there is no statutory rate for this: one must be agreed");
	return 0;
}

/* --- writing ---------------------------------------------------------------------------------------------------------- */

static const char *amount(struct arena *arena, int64_t minor, const char *currency)
{
	struct money money = { .minor = minor };
	char text[32];

	if (!currency)
		return arena_printf(arena, "%lld", (long long)minor);
	(void)strncpy(money.currency, currency, 3);
	return arena_printf(arena, "%s %s", money_plain(money, text, sizeof(text)), currency);
}

static int64_t rounded(const struct fraction *f, enum rounding how)
{
	int64_t n = 0;

	(void)fraction_round(f, how, &n);
	return n;
}

static void write_segments(struct json_writer *w, const struct interest *in)
{
	char text[DATE_TEXT_SIZE], rate[RATE_TEXT_SIZE], exact[FRACTION_TEXT_SIZE];

	jw_array(w, "segments");
	for (size_t i = 0; i < in->segment_count; i++) {
		const struct interest_segment *s = &in->segments[i];

		jw_object(w, NULL);
		jw_str(w, "first", date_format(s->first, text));
		jw_str(w, "last", date_format(s->last, text));
		jw_int(w, "days", s->days);
		jw_str(w, "rate", rate_text(s->rate, rate));
		jw_str(w, "base_minor_exact", fraction_text(&s->base, exact));
		jw_str(w, "interest_exact", fraction_text(&s->interest, exact));
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void write_steps(struct json_writer *w, const struct interest *in)
{
	char text[DATE_TEXT_SIZE], exact[FRACTION_TEXT_SIZE];

	jw_array(w, "steps");
	for (size_t i = 0; i < in->step_count; i++) {
		const struct interest_step *s = &in->steps[i];

		jw_object(w, NULL);
		jw_str(w, "first", date_format(s->first, text));
		jw_str(w, "last", date_format(s->last, text));
		jw_str(w, "base_minor_exact", fraction_text(&s->base, exact));
		jw_str(w, "interest_exact", fraction_text(&s->interest, exact));
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void write_ledger(struct json_writer *w, const struct interest *in)
{
	char text[DATE_TEXT_SIZE];

	jw_array(w, "ledger");
	for (size_t i = 0; i < in->settled_count; i++) {
		const struct payment_settled *s = &in->settled[i];

		jw_object(w, NULL);
		jw_str(w, "date", date_format(s->on, text));
		jw_int(w, "paid_minor", s->paid);
		jw_int(w, "fee_minor", s->part[ITEM_FEE]);
		jw_int(w, "interest_minor", s->part[ITEM_INTEREST]);
		jw_int(w, "principal_minor", s->part[ITEM_PRINCIPAL]);
		jw_int(w, "principal_left_minor", s->principal_left);
		jw_opt_int(w, "over_minor", s->over);
		jw_end_object(w);
	}
	jw_end_array(w);
}

/* Each line can be checked with a pocket calculator. */
static void write_working(struct arena *arena, const struct question *q, const struct interest *in, struct buf *out)
{
	const struct debt *debt = &q->debt;
	char first[DATE_TEXT_SIZE], last[DATE_TEXT_SIZE], rate[RATE_TEXT_SIZE], half[HALF_YEAR_TEXT_SIZE];

	if (debt->regime)
		buf_printf(out, "%s (%s): %s\n", debt->regime->name, debt->regime->certainty, debt->regime->source);
	for (size_t i = 0; i < in->segment_count; i++) {
		const struct interest_segment *s = &in->segments[i];

		buf_printf(out, "%s to %s: %s x %s %% x %d days / %s = %s\n", date_format(s->first, first), date_format(s->last, last),
			amount(arena, rounded(&s->base, debt->rounding), q->currency), rate_text(s->rate, rate), s->days,
			debt->day_count == DAYS_30_360 ? "360" :
			debt->day_count == DAYS_ACT_365 ? "365" :
							  "365 or 366, by the year",
			amount(arena, rounded(&s->interest, debt->rounding), q->currency));
	}
	for (size_t i = 0; i < in->settled_count; i++) {
		const struct payment_settled *s = &in->settled[i];

		buf_printf(out, "%s: %s paid: %s for costs, %s for interest, %s for the principal, of which %s is left\n",
			date_format(s->on, first), amount(arena, s->paid, q->currency), amount(arena, s->part[ITEM_FEE], q->currency),
			amount(arena, s->part[ITEM_INTEREST], q->currency), amount(arena, s->part[ITEM_PRINCIPAL], q->currency),
			amount(arena, s->principal_left, q->currency));
	}
	if (debt->daily_first)
		buf_printf(out, "rounded each day: %s a day\n", amount(arena, in->daily, q->currency));
	buf_printf(out, "interest, rounded once (%s): %s\n", rounding_names[debt->rounding], amount(arena, in->accrued, q->currency));
	buf_printf(out, "fixed sum: %s\n", amount(arena, in->sum, q->currency));
	if (in->stopped)
		buf_printf(out, "the rate of %s is not known: what stands here counts to %s only\n", half_year_text(in->missing, half),
			date_format(in->known_until, last));
}

/* The floor is for an agreed rate alone, never for the legal one: C. com. L441-10 II. */
static int64_t floor_of(const struct regime *regime, int half)
{
	const struct rate_series *s = regime->floor;

	if (!s || half < s->first || (size_t)(half - s->first) >= s->count || s->rates[half - s->first] == RATE_NONE)
		return RATE_NONE;
	return s->rates[half - s->first] * regime->floor_times;
}

static void write_warning(const struct question *q, struct json_writer *w)
{
	const struct debt *debt = &q->debt;
	date first = date_is_set(debt->from) ? debt->from : date_add_days(debt->due, 1);
	int64_t floor;

	if (debt->agreed == RATE_NONE || !debt->regime)
		return;
	floor = date_is_set(first) ? floor_of(debt->regime, half_year_of(first)) : RATE_NONE;
	if (debt->agreed == 0 && debt->regime->zero_unfair)
		jw_str(w, "warning", "grossly_unfair_exclusion");
	else if (floor != RATE_NONE && debt->agreed < floor)
		jw_str(w, "warning", "agreed_rate_below_floor");
}

static int refuse_rate(const struct regime *regime, int half, struct json_writer *w, struct err *err)
{
	char text[HALF_YEAR_TEXT_SIZE];

	jw_str(w, "error", "rate_unknown");
	jw_str(w, "missing_half_year", half_year_text(half, text));
	if (regime && regime->series)
		jw_str(w, "series", regime->series->name);
	return err_set(err, -ENODATA, "rate_unknown", "", "the rate of %s is not in the law data", text);
}

static int compute(struct arena *arena, const struct question *q, struct json_writer *w, struct buf *working, struct err *err)
{
	char text[DATE_TEXT_SIZE], exact[FRACTION_TEXT_SIZE];
	struct interest in;
	int r = interest_compute(arena, &q->debt, &in, err);

	if (r < 0)
		return r;
	if (working)
		write_working(arena, q, &in, working);
	if (in.stopped) {
		r = refuse_rate(q->debt.regime, in.missing, w, err);
		jw_str(w, "known_until", date_format(in.known_until, text));
		jw_int(w, "interest_minor_known", in.accrued);
		write_segments(w, &in);
		return r;
	}
	jw_int(w, "days", in.days);
	write_segments(w, &in);
	if (q->debt.yearly)
		write_steps(w, &in);
	if (q->debt.daily_first)
		jw_int(w, "daily_minor", in.daily);
	jw_int(w, "interest_minor", in.accrued);
	jw_str(w, "interest_exact", fraction_text(&in.exact, exact));
	jw_int(w, "fixed_sum_minor", in.sum);
	if (in.settled_count)
		write_ledger(w, &in);
	jw_int(w, "principal_left_minor", in.left[ITEM_PRINCIPAL]);
	jw_int(w, "interest_left_minor", in.left[ITEM_INTEREST]);
	jw_int(w, "fee_left_minor", in.left[ITEM_FEE]);
	jw_opt_int(w, "over_minor", in.over);
	jw_int(w, "total_minor", in.left[ITEM_PRINCIPAL] + in.left[ITEM_INTEREST] + in.left[ITEM_FEE]);
	if (q->currency)
		jw_str(w, "currency", q->currency);
	write_warning(q, w);
	if (q->debt.regime)
		jw_str(w, "law", q->debt.regime->source);
	return 0;
}

static int check_floor(const struct json *given, const struct regime *regime, struct json_writer *w, struct err *err)
{
	int64_t agreed = RATE_NONE, floor, usual;
	char text[RATE_TEXT_SIZE];
	const char *half_text;
	int half, r;

	if ((r = rate_opt(given, "agreed_rate", &agreed, err)) < 0 || (r = json_get_str(given, "half_year", 6, &half_text, err)) < 0)
		return r;
	if (!regime || !regime->floor || agreed == RATE_NONE)
		return json_refuse(given, "regime", err, "not_one_of", "must be a regime with a floor, and an agreed rate given");
	if (half_year_parse(half_text, &half) < 0)
		return json_refuse(given, "half_year", err, "bad_half_year", "must be a half-year such as 2026H1");
	floor = floor_of(regime, half);
	if (floor == RATE_NONE)
		return refuse_rate(regime, half, w, err);
	jw_str(w, "floor", rate_text(floor, text));
	jw_bool(w, "valid", agreed >= floor);
	usual = regime_rate(regime, half);
	if (usual != RATE_NONE)
		jw_str(w, "default_rate", rate_text(usual, text));
	jw_str(w, "law", regime->source);
	return 0;
}

int interest_answer(struct arena *arena, const struct interest_rules *rules, const struct json *given, struct json_writer *w,
	struct buf *working, struct err *err)
{
	struct question q = { 0 };
	const char *check = NULL;
	int64_t late = 0;
	int r;

	if ((r = json_opt_str(given, "check", 40, &check, err)) < 0 || (r = read_regime(rules, given, &q, err)) < 0 ||
		(r = json_opt_int(given, "late_invoices", 0, 1000000, &late, err)) < 0)
		return r;
	if (check && strcmp(check, "agreed_rate_floor") == 0)
		return check_floor(given, q.debt.regime, w, err);
	if (check)
		return json_refuse(given, "check", err, "not_one_of", "must be \"agreed_rate_floor\"");
	if (json_has(given, "late_invoices") && q.debt.regime && !q.debt.regime->tiers) { /* one sum for each: CJEU C-585/20 */
		jw_int(w, "fixed_sum_minor", late * q.debt.regime->sum);
		return 0;
	}
	if (!json_has(given, "principal_minor") && json_has(given, "agreed_rate")) { /* of the agreement alone */
		if ((r = rate_opt(given, "agreed_rate", &q.debt.agreed, err)) < 0)
			return r;
		q.debt.due = q.debt.from = date_none();
		write_warning(&q, w);
		return 0;
	}
	if ((r = read_debt(arena, given, &q, err)) < 0)
		return r;
	return compute(arena, &q, w, working, err);
}
