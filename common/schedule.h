/*
 * schedule - when a step is owed: dates, spacing, the debtor's window; and how often a debtor may be contacted. Pure.
 */
#ifndef DUNNINGD_COMMON_SCHEDULE_H
#define DUNNINGD_COMMON_SCHEDULE_H

#include <stddef.h>
#include <stdint.h>

#include "common/business_time.h"
#include "common/debtor.h"
#include "common/policy.h"

#define SCHEDULE_NEVER INT64_MAX

/*
 * The policy's window for one debtor; whatever zone its hours are in, dates are the debtor's. An unknown zone cannot come this far (events and config check it). `holidays` NULL: none are
 * known; of a country without a calendar neither.
 */
struct business_time schedule_window(const struct policy *policy, const struct debtor *debtor, const char *creditor_zone,
	const struct holidays *holidays);

/* Where the policy takes a due date: steps, and being overdue, count from there. */
date schedule_due(const struct policy *policy, const struct business_time *when, date due_on);

struct schedule_walk {
	date issued_on, due_on; /* issued_on may be none: then `issued` means the due date */
	date done[POLICY_STEPS_MAX]; /* local date on which a step was sent or done; none = not */
};

/* The civil date on which a step is owed: max(anchor + t, date of the previous done step + (t - its t)). None: its anchor step is open. */
date schedule_step_date(const struct policy *policy, size_t step, const struct schedule_walk *walk,
	const struct business_time *when);
/* Days of an `at` relative to the due date, for ordering and spacing; for an anchor step relative to that step. */
bool schedule_before_due(const struct policy *policy, size_t step, const struct schedule_walk *walk,
	const struct business_time *when); /* its nominal date lies before the due date */

/*
 * The earliest instant >= at at which caps and gap admit one more contact of the channel with this debtor. `rule` (may be NULL)
 * gets "min_gap" or "cap" when it is later than `at`.
 */
int64_t pace_earliest(const struct policy *policy, const struct debtor *debtor, enum channel channel, int64_t at,
	const char **rule);

#endif
