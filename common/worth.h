/*
 * worth - is it worth it: what an invoice has cost in time and postage, and what may still come of it by its age, learned from the
 * creditor's own closed invoices. A person decides; this is what they see. Pure.
 */
#ifndef DUNNINGD_COMMON_WORTH_H
#define DUNNINGD_COMMON_WORTH_H

#include "common/config.h"
#include "common/escalation.h"

#define WORTH_OWN_MIN 20 /* of so few own cases nothing is learned: the shipped expectation holds */

struct worth {
	int64_t balance; /* minor units of the invoice's currency */
	int64_t minutes, messages; /* of people; that went out */
	bool priced; /* the configuration says what they cost, in that currency */
	int64_t spent; /* minor units, rounded up; 0 unless priced */
	int32_t age_days; /* past due */
	int64_t percent; /* of such invoices that are paid in the end */
	bool own; /* out of the creditor's own `cases`, else as shipped */
	int64_t cases;
	int64_t expected; /* of the balance, rounded down */
};

/* `policy` may be NULL; then only calls are counted. `history`: NULL = none. */
struct worth worth_of(const struct config *config, const struct escalation *e, const struct policy *policy, const struct experience *history,
	date today);
/* In a few lines, for the task of a gate. In the arena. */
const char *worth_text(const struct worth *worth, const struct escalation *e, const char *locale, struct arena *arena);
/*
 * What became of the invoice is counted once, as the facts stand now: paid (also less, as agreed), lost (uncollectible, or stopped by a
 * person), or neither yet. `today`: of the debtor. True: the history changed.
 */
bool worth_count(struct escalation *e, struct experience *history, date due, date paid_on, date today);

#endif
