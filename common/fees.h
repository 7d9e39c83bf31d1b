/*
 * fees - sums that a law fixes or caps by the size of the debt, and when they may be asked: late-payment sums, the Belgian consumer caps,
 * the Dutch collection cost. The numbers are data (daemon/share/law/fees.json), each with its source. Pure.
 */
#ifndef DUNNINGD_COMMON_FEES_H
#define DUNNINGD_COMMON_FEES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/date.h"
#include "common/fraction.h"
#include "common/json.h"

/*
 * Percent, with four decimals: 121500 is 12.15 %. rate_parse: "12.15", "-0.88"; -EINVAL otherwise. rate_text: two decimals, more where
 * they are needed; returns text.
 */
#define RATE_ONE 10000
#define RATE_TEXT_SIZE 32
int rate_parse(const char *text, int64_t *ret);
char *rate_text(int64_t rate, char text[RATE_TEXT_SIZE]);
/* Of an object: absent leaves *ret; code "bad_rate". */
int rate_opt(const struct json *object, const char *key, int64_t *ret, struct err *err);

struct fee_tier { /* a debt of up to `up_to` costs sum + percent of what is over `over` */
	int64_t up_to; /* minor units, inclusive; INT64_MAX for the last */
	int64_t sum, over;
	int64_t percent; /* a rate */
};

struct fee_table {
	const char *name, *answer; /* "gb_fixed_sum", "sum_minor" */
	const char *source, *certainty;
	struct fee_tier *tiers;
	size_t tier_count;
	int64_t minimum, maximum; /* 0 and INT64_MAX = none */
	int64_t vat; /* a rate, for a creditor who cannot deduct it; 0 = never added */
};

struct fee_ban { /* what may not be asked of such a debtor without an enforceable title */
	const char *country, *debtor, *source;
	int64_t fee;
};

struct fees {
	struct fee_table *tables;
	size_t table_count;
	struct fee_ban *bans;
	size_t ban_count;
	/* Belgian consumers: reminders that are free, what a later one may cost, and the days of grace after the first. */
	int64_t reminder_free, reminder_cap;
	const char *reminder_plus, *reminder_source;
	int64_t grace_days, grace_post_days; /* after a letter: it begins on that working day */
	const char *grace_calendar, *grace_source;
};

/* Whether a day is a public holiday of a calendar ("BE"); NULL calendar = none. A calendar that is not known has none. */
struct day_off {
	bool (*fn)(const void *arg, const char *calendar, date d);
	const void *arg;
};
bool is_day_off(const struct day_off *off, const char *calendar, date d); /* off or off->fn NULL: no day is one */

/* Out of the section "fees" of the law data. Everything lies in the arena; an empty section gives what knows nothing. */
int fees_read(struct arena *arena, const struct json *section, struct fees *ret, struct err *err);
const struct fee_table *fees_table(const struct fees *fees, const char *name); /* NULL = none */
/* What the table says of a debt of `principal` minor units, rounded once; false: past 2^53. `vat`: the creditor cannot deduct it. */
bool fee_of(const struct fee_table *table, int64_t principal, bool vat, int64_t *ret);
/* First and last day of grace after a first reminder that went by "email" or "post": CDE/WER XIX.2. -EINVAL: another word. */
int fees_grace(const struct fees *fees, const struct day_off *off, date sent, const char *by, date *first, date *last);

/* Answers one question of the form {"rule": "be_b2c_cap", "principal_minor": 21500}: members of the answer, into an open object. */
int fees_answer(const struct fees *fees, const struct day_off *off, const struct json *given, struct json_writer *w, struct err *err);

#endif
