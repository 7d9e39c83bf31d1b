/* The arithmetic. Files: interest_rules.c; questions: interest_answer.c. */
#include "common/interest.h"

#include <errno.h>
#include <string.h>

#include "common/money.h"

const char *const day_count_names[DAY_COUNT_COUNT + 1] = { [DAYS_ACT_365] = "act/365", [DAYS_ACT_ACT] = "act/act",
	[DAYS_30_360] = "30/360" };
const char *const debt_item_names[DEBT_ITEM_COUNT + 1] = { [ITEM_FEE] = "fee", [ITEM_INTEREST] = "interest",
	[ITEM_PRINCIPAL] = "principal" };

int half_year_of(date d)
{
	int year, month, day;

	date_split(d, &year, &month, &day);
	return year * 2 + (month > 6);
}

static date half_year_end(int half)
{
	return half % 2 ? date_of(half / 2, 12, 31) : date_of(half / 2, 6, 30);
}

int64_t regime_rate(const struct regime *regime, int half)
{
	const struct rate_series *s = regime->series;
	int64_t rate = regime->fixed;

	if (s) {
		if (half < s->first || (size_t)(half - s->first) >= s->count || s->rates[half - s->first] == RATE_NONE)
			return RATE_NONE;
		rate = s->rates[half - s->first] + regime->points;
	}
	if (regime->round_up && rate > 0 && rate % regime->round_up)
		rate += regime->round_up - rate % regime->round_up;
	return rate;
}

static int too_large(struct err *err)
{
	return err_set(err, -ERANGE, "out_of_range", "", "the amounts are past what can be computed exactly");
}

/* --- one stretch ------------------------------------------------------------------------------------------------------ */

/* 30/360, European: no month has more than 30 days. From the day before `first` to `last`. */
static int32_t days_360(date first, date last)
{
	int y1, m1, d1, y2, m2, d2;

	date_split(date_add_days(first, -1), &y1, &m1, &d1);
	date_split(last, &y2, &m2, &d2);
	return 360 * (y2 - y1) + 30 * (m2 - m1) + (d2 > 30 ? 30 : d2) - (d1 > 30 ? 30 : d1);
}

/* Days of the year that a day is one of. A stretch never runs over a year's end. */
static uint64_t year_days(enum day_count count, date d)
{
	int year, month, day;

	if (count == DAYS_30_360)
		return 360;
	date_split(d, &year, &month, &day);
	return count == DAYS_ACT_ACT && date_valid(year, 2, 29) ? 366 : 365;
}

static bool stretch(const struct debt *debt, const struct fraction *base, int64_t rate, int32_t days, uint64_t year, struct interest *ret,
	struct fraction *interest)
{
	struct fraction part = fraction_of((uint64_t)(rate > 0 ? rate : 0), (uint64_t)100 * RATE_ONE * year), count;
	int64_t whole;

	count = fraction_of((uint64_t)days, 1);
	if (!fraction_mul(&part, base, &part))
		return false;
	if (debt->daily_first) {
		if (!fraction_round(&part, debt->rounding, &whole))
			return false;
		ret->daily = whole;
		part = fraction_of((uint64_t)whole, 1);
	}
	return fraction_mul(&part, &count, interest);
}

static bool same(const struct fraction *a, const struct fraction *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static bool add_segment(struct arena *arena, struct interest *ret, const struct interest_segment *segment)
{
	struct interest_segment *last = ret->segment_count ? &ret->segments[ret->segment_count - 1] : NULL;

	if (last && last->rate == segment->rate && date_diff(segment->first, last->last) == 1 && same(&last->base, &segment->base)) {
		last->last = segment->last;
		last->days += segment->days;
		return fraction_add(&last->interest, &segment->interest, &last->interest);
	}
	ret->segments = arena_grow(arena, ret->segments, ret->segment_count, &ret->segment_capacity, sizeof(*ret->segments));
	ret->segments[ret->segment_count++] = *segment;
	return true;
}

/* --- the walk --------------------------------------------------------------------------------------------------------- */

struct walk {
	struct arena *arena;
	const struct debt *debt;
	struct interest *ret;
	date first, at; /* the next day that bears interest */
	int frozen; /* half-year whose rate holds, 0 = each its own */
	int years; /* full years of compounding behind us */
	date year_first;
	struct fraction fresh, grown; /* interest not paid: of this year, and of those before, which bears interest itself */
	size_t paid; /* payments behind us */
};

static bool base_of(const struct walk *w, struct fraction *ret)
{
	*ret = fraction_of((uint64_t)w->ret->left[ITEM_PRINCIPAL], 1);
	return fraction_add(ret, &w->grown, ret);
}

static int64_t rate_at(const struct walk *w, date d)
{
	if (w->debt->agreed != RATE_NONE)
		return w->debt->agreed;
	return regime_rate(w->debt->regime, w->frozen ? w->frozen : half_year_of(d));
}

static date sooner(date a, date b)
{
	return date_diff(a, b) < 0 ? a : b;
}

/* One stretch with one rate and one base, up to `end`. 1: it was done; 0: the rate is not known. */
static int walk_stretch(struct walk *w, date end)
{
	int64_t rate = rate_at(w, w->at);
	struct interest_segment segment = { .first = w->at, .last = end, .rate = rate };

	if (rate == RATE_NONE) {
		w->ret->stopped = true;
		w->ret->missing = w->frozen ? w->frozen : half_year_of(w->at);
		w->ret->known_until = date_add_days(w->at, -1);
		return 0;
	}
	segment.days = w->debt->day_count == DAYS_30_360 ? days_360(w->at, end) : date_diff(end, w->at) + 1;
	if (!base_of(w, &segment.base) ||
		!stretch(w->debt, &segment.base, rate, segment.days, year_days(w->debt->day_count, w->at), w->ret, &segment.interest) ||
		!fraction_add(&w->fresh, &segment.interest, &w->fresh) ||
		!fraction_add(&w->ret->exact, &segment.interest, &w->ret->exact) || !add_segment(w->arena, w->ret, &segment))
		return -ERANGE;
	w->ret->days += segment.days;
	w->at = date_add_days(end, 1);
	return 1;
}

static bool end_year(struct walk *w)
{
	struct interest_step *step;

	w->ret->steps = arena_grow(w->arena, w->ret->steps, w->ret->step_count, &w->ret->step_capacity, sizeof(*w->ret->steps));
	step = &w->ret->steps[w->ret->step_count++];
	*step = (struct interest_step){ .first = w->year_first, .last = date_add_days(w->at, -1), .interest = w->fresh };
	if (!base_of(w, &step->base))
		return false;
	w->year_first = w->at;
	w->years++;
	if (!fraction_add(&w->grown, &w->fresh, &w->grown))
		return false;
	w->fresh = fraction_of(0, 1);
	return true;
}

static int64_t settle(int64_t *money, int64_t *owed)
{
	int64_t part = *money < *owed ? *money : *owed;

	*money -= part;
	*owed -= part;
	return part;
}

/* Interest is brought up to the day and rounded; then the money goes where it belongs, what is older first. */
static int pay(struct walk *w, const struct debt_payment *payment)
{
	struct interest *ret = w->ret;
	struct payment_settled s = { .on = payment->on, .paid = payment->amount };
	struct fraction both;
	int64_t money = payment->amount, all, grown;

	if (!fraction_add(&w->fresh, &w->grown, &both) || !fraction_round(&both, w->debt->rounding, &all) ||
		!fraction_round(&w->grown, w->debt->rounding, &grown))
		return -ERANGE;
	grown = grown < all ? grown : all;
	ret->left[ITEM_INTEREST] = all;
	for (size_t i = 0; i < DEBT_ITEM_COUNT; i++) {
		enum debt_item item = w->debt->order[i];

		if (item == ITEM_FEE && date_diff(payment->on, w->debt->due) <= 0)
			continue; /* not late yet, so no sum is owed */
		s.part[item] = settle(&money, &ret->left[item]);
	}
	grown -= s.part[ITEM_INTEREST] < grown ? s.part[ITEM_INTEREST] : grown;
	w->grown = fraction_of((uint64_t)grown, 1);
	w->fresh = fraction_of((uint64_t)(ret->left[ITEM_INTEREST] - grown), 1);
	s.over = money;
	ret->over += money;
	s.principal_left = ret->left[ITEM_PRINCIPAL];
	ret->settled = arena_grow(w->arena, ret->settled, ret->settled_count, &ret->settled_capacity, sizeof(*ret->settled));
	ret->settled[ret->settled_count++] = s;
	return 0;
}

/* Payments of days that bore their interest already. */
static int pay_due(struct walk *w)
{
	for (; w->paid < w->debt->payment_count; w->paid++) {
		const struct debt_payment *payment = &w->debt->payments[w->paid];
		int r;

		if (date_diff(payment->on, w->at) >= 0 || date_diff(payment->on, w->debt->until) > 0)
			break;
		if ((r = pay(w, payment)) < 0)
			return r;
	}
	return 0;
}

static int walk_all(struct walk *w)
{
	int r = pay_due(w);

	while (r == 0 && date_diff(w->at, w->debt->until) <= 0) {
		date end = sooner(w->debt->until, half_year_end(half_year_of(w->at)));
		date year_end = date_add_days(date_add_months(w->first, 12 * (w->years + 1)), -1);

		if (w->debt->yearly)
			end = sooner(end, year_end);
		if (w->paid < w->debt->payment_count)
			end = sooner(end, w->debt->payments[w->paid].on);
		r = walk_stretch(w, end);
		if (r <= 0)
			return r;
		if (w->debt->yearly && date_diff(w->at, year_end) > 0 && !end_year(w))
			return -ERANGE;
		r = pay_due(w);
	}
	if (r == 0 && w->debt->yearly && date_diff(w->at, w->year_first) > 0 && !end_year(w))
		return -ERANGE;
	return r;
}

/* Without dates: so many days at one rate. */
static int walk_days(struct walk *w)
{
	struct fraction base = fraction_of((uint64_t)w->debt->principal, 1);

	w->ret->days = w->debt->days;
	if (!stretch(w->debt, &base, w->debt->agreed, w->debt->days, w->debt->day_count == DAYS_30_360 ? 360 : 365, w->ret, &w->ret->exact))
		return -ERANGE;
	w->fresh = w->ret->exact;
	return 0;
}

/* Late by a day is late enough: Directive 2011/7/EU art. 6, Late Payment Act 1998 s. 5A. */
static bool sum_due(const struct debt *debt, int64_t *ret)
{
	bool late = debt->days >= 0 ? debt->days > 0 : date_diff(debt->until, debt->due) > 0;

	*ret = 0;
	if (!late)
		return true;
	if (debt->sum >= 0) {
		*ret = debt->sum;
		return true;
	}
	if (!debt->regime || (debt->regime->sum_lost_in_insolvency && date_is_set(debt->insolvency) && date_is_set(debt->due) &&
				     date_diff(debt->insolvency, debt->due) <= 0))
		return true;
	*ret = debt->regime->sum;
	return !debt->regime->tiers || fee_of(debt->regime->tiers, debt->principal, false, ret);
}

date regime_runs_from(const struct regime *regime, date due)
{
	if (!regime->from_default)
		return date_add_days(due, 1);
	return regime->default_days ? date_add_days(due, (int32_t)regime->default_days + 1) : date_none();
}

struct debt debt_of(const struct regime *regime, int64_t principal, date due, date until)
{
	return (struct debt){ .regime = regime, .principal = principal, .agreed = RATE_NONE, .due = due, .from = date_none(), .until = until, .days = -1,
		.day_count = regime ? regime->day_count : DAYS_ACT_365, .yearly = regime && regime->yearly, .rounding = ROUND_HALF_AWAY,
		.insolvency = date_none(), .sum = -1, .order = { ITEM_INTEREST, ITEM_PRINCIPAL, ITEM_FEE } };
}

int interest_compute(struct arena *arena, const struct debt *debt, struct interest *ret, struct err *err)
{
	struct walk w = { .arena = arena, .debt = debt, .ret = ret, .fresh = fraction_of(0, 1), .grown = fraction_of(0, 1) };
	struct fraction both;
	int r;

	*ret = (struct interest){ .exact = fraction_of(0, 1), .left[ITEM_PRINCIPAL] = debt->principal };
	if (!sum_due(debt, &ret->sum))
		return too_large(err);
	ret->left[ITEM_FEE] = ret->sum;
	if (debt->days >= 0) {
		r = walk_days(&w);
	} else {
		w.first = w.at = w.year_first = date_is_set(debt->from) ? debt->from : date_add_days(debt->due, 1);
		w.frozen = debt->regime && debt->regime->frozen ? half_year_of(w.first) : 0;
		r = walk_all(&w);
	}
	if (r < 0 || !fraction_add(&w.fresh, &w.grown, &both) || !fraction_round(&both, debt->rounding, &ret->left[ITEM_INTEREST]) ||
		!fraction_round(&ret->exact, debt->rounding, &ret->accrued) || ret->accrued > MONEY_MAX)
		return too_large(err);
	return 0;
}

bool regime_sum(const struct regime *regime, struct money balance, int64_t *ret)
{
	*ret = regime->sum;
	return !regime->tiers ||
		(regime->currency && strcmp(regime->currency, balance.currency) == 0 && fee_of(regime->tiers, balance.minor, false, ret));
}
