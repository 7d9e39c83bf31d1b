/*
 * interest - late-payment interest and the sum due with it: exact, rounded once, with the working shown. Pure.
 *
 * Rates are dated data (daemon/share/law/rates.json, regimes.json), by half-year: one that is not there stops the computation, and the
 * half-year is named. No value is ever carried forward. Days run from the day after the due date (or `from`) to `until`, both included.
 */
#ifndef DUNNINGD_COMMON_INTEREST_H
#define DUNNINGD_COMMON_INTEREST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/date.h"
#include "common/fees.h"
#include "common/fraction.h"
#include "common/json.h"
#include "common/money.h"

#define RATE_NONE INT64_MIN
#define HALF_YEAR_TEXT_SIZE 16

/* Half-years are counted: year * 2, + 1 from July. */
int half_year_of(date d);
char *half_year_text(int half, char text[HALF_YEAR_TEXT_SIZE]); /* "2026H2" */
int half_year_parse(const char *text, int *ret); /* -EINVAL */

struct wording { /* a text in one language */
	const char *language, *text; /* "fr" */
};
struct wordings { /* the first is for readers of any other language */
	struct wording *list;
	size_t count;
};
const char *wording_for(const struct wordings *words, const char *tag, bool any); /* "fr-BE": "fr"; NULL = none, and the first only if `any` */

struct rate_series {
	const char *name, *label, *source, *certainty;
	struct wordings words; /* as a debtor is told of it: "Bank of England base rate" */
	int first; /* half-year of rates[0] */
	size_t count;
	int64_t *rates; /* RATE_NONE = not known */
};

enum day_count { DAYS_ACT_365, DAYS_ACT_ACT, DAYS_30_360, DAY_COUNT_COUNT };
extern const char *const day_count_names[DAY_COUNT_COUNT + 1];

struct regime { /* how one country treats one kind of debtor */
	const char *name; /* "FR-B2B" */
	const struct rate_series *series; /* NULL: `fixed` alone */
	int64_t points; /* over the series, a rate */
	int64_t fixed; /* RATE_NONE = by the series; a rate that the law itself names */
	int64_t round_up; /* to the next multiple of this rate: Belgium, 0.50; 0 = not */
	bool frozen; /* the half-year in which interest starts holds for good */
	bool yearly; /* interest bears interest after each full year */
	enum day_count day_count;
	int64_t sum; /* fixed, minor units; 0 = none */
	const struct fee_table *tiers; /* or by these */
	bool sum_lost_in_insolvency; /* that was opened on or before the due date */
	const char *currency; /* of the sum; NULL = none */
	bool by_currency; /* taken where only this currency is named, and no regime */
	const struct rate_series *floor; /* an agreed rate must reach floor_times this; NULL = none */
	int64_t floor_times;
	bool zero_unfair; /* an agreed rate of 0 is grossly unfair: Directive 2011/7/EU art. 7(2) */
	const char *country; /* whose law it is, ISO 3166; NULL = not told */
	bool from_default; /* interest runs from default, else from the day after the due date */
	int64_t default_days; /* so many days past the due date default is sure, reminder or not; 0 = not told */
	struct wordings cited; /* its statute, as a notice to a debtor cites it; none: no reminder may state it */
	const char *starts, *source, *certainty;
};

struct interest_rules {
	struct rate_series *series;
	size_t series_count;
	struct regime *regimes;
	size_t regime_count;
};

/* Out of the sections "rates" and "regimes" of the law data; `fees` must outlive the rules. Everything lies in the arena. */
int interest_rules_read(struct arena *arena, const struct json *rates, const struct json *regimes, const struct fees *fees,
	struct interest_rules *ret, struct err *err);
const struct regime *interest_regime(const struct interest_rules *rules, const char *name); /* NULL = none */
/* The yearly rate of a half-year; RATE_NONE: not known. */
int64_t regime_rate(const struct regime *regime, int half);

/* The fixed sum of a debt, by its balance, which is the least that it can be about. False: the law has no sum in the currency of this invoice. */
bool regime_sum(const struct regime *regime, struct money balance, int64_t *ret);

enum debt_item { ITEM_FEE, ITEM_INTEREST, ITEM_PRINCIPAL, DEBT_ITEM_COUNT };
extern const char *const debt_item_names[DEBT_ITEM_COUNT + 1];

struct debt_payment {
	date on;
	int64_t amount; /* minor units, above 0 */
};

struct debt {
	const struct regime *regime; /* NULL: the agreed rate alone */
	int64_t principal; /* minor units */
	int64_t agreed; /* rate; RATE_NONE = by the regime */
	date due; /* after any roll */
	date from; /* first day that bears interest; none = the day after `due` */
	date until; /* the last one */
	int32_t days; /* where no dates are known, else -1 */
	enum day_count day_count;
	bool yearly;
	enum rounding rounding;
	bool daily_first; /* the interest of one day is rounded, and then multiplied */
	date insolvency; /* opened on; none */
	int64_t sum; /* fixed sum, minor units; -1 = by the regime */
	enum debt_item order[DEBT_ITEM_COUNT]; /* what a payment settles first */
	const struct debt_payment *payments; /* in the order of their dates */
	size_t payment_count;
};

struct interest_segment { /* days of one rate on one base */
	date first, last;
	int32_t days;
	int64_t rate;
	struct fraction base, interest; /* minor units */
};

struct interest_step { /* a year of compounding */
	date first, last;
	struct fraction base, interest;
};

struct payment_settled {
	date on;
	int64_t paid, part[DEBT_ITEM_COUNT], over; /* over: more than was owed */
	int64_t principal_left;
};

struct interest {
	int32_t days;
	struct interest_segment *segments;
	size_t segment_count, segment_capacity;
	struct interest_step *steps; /* of a yearly compounding */
	size_t step_count, step_capacity;
	struct payment_settled *settled;
	size_t settled_count, settled_capacity;
	struct fraction exact; /* all that accrued, before any rounding */
	int64_t accrued; /* minor units, rounded */
	int64_t daily; /* with daily_first: of the last day */
	int64_t sum; /* the fixed sum that is due, whether paid since or not */
	int64_t left[DEBT_ITEM_COUNT]; /* minor units, after the payments */
	int64_t over; /* paid too much */
	bool stopped; /* a rate is missing: all above counts up to known_until */
	int missing; /* that half-year */
	date known_until;
};

/*
 * The debt as a law treats it, where nothing else is known: its own counting, exact and rounded once, half away from zero, the fixed sum by
 * the law, a payment first on interest. `regime` NULL: no law, and days are counted as they are, a year as 365.
 */
struct debt debt_of(const struct regime *regime, int64_t principal, date due, date until);
/*
 * The first day that surely bears interest by this law: that after the due date (after any roll), or where it runs from default the one
 * after so many days more (BGB 286(3)). None: the law data does not say.
 */
date regime_runs_from(const struct regime *regime, date due);
/* -ERANGE and `err`: past 2^53, or past what an exact fraction holds. Results lie in the arena. */
int interest_compute(struct arena *arena, const struct debt *debt, struct interest *ret, struct err *err);

/*
 * Answers one question, such as {"regime": "FR-B2B", "principal_minor": 120000, "currency": "EUR", "due": "2025-09-30", "until":
 * "2025-10-30"}: members of the answer, into an open object. `working` (may be NULL) gets the lines that a person can check it by.
 */
int interest_answer(struct arena *arena, const struct interest_rules *rules, const struct json *given, struct json_writer *w,
	struct buf *working, struct err *err);

#endif
