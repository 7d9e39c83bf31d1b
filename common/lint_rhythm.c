/*
 * Whether one invoice alone can walk the ladder in the rhythm that it was written in: otherwise steps are only put off, one behind the
 * other, and the days in the file mean nothing. In calendar days; what depends on week-ends and holidays is let pass.
 */
#include <inttypes.h>
#include <string.h>

#include "common/lint_internal.h"

#define MINUTES_A_DAY 1440
#define MS_A_MINUTE 60000

static bool in(const struct lint_audience *audience, size_t step)
{
	return audience->steps >> step & 1;
}

static bool counts(const struct step *step, const struct cap *cap)
{
	return lint_contacts(step) && cap_counts(cap, step->channel);
}

/* The step behind `first` with which the cap is broken; 0: it is kept. */
static size_t breaks(const struct policy *policy, const struct lint_audience *audience, const struct cap *cap, size_t first)
{
	int32_t found = 0;
	int64_t most;

	for (size_t k = first; k < policy->step_count && counts(&policy->steps[first], cap); k++)
		if (in(audience, k) && counts(&policy->steps[k], cap) && lint_distance(policy, first, k, &most) && most < cap->days &&
			++found > cap->contacts)
			return k;
	return 0;
}

static void check_cap(struct lint *l, const struct cap *cap)
{
	for (size_t a = 0; a < l->audience_count; a++)
		for (size_t i = 0; i < l->policy->step_count; i++) {
			size_t last = in(&l->audiences[a], i) ? breaks(l->policy, &l->audiences[a], cap, i) : 0;

			if (!last)
				continue;
			lint_add(l, LINT_CAP_NEVER_KEPT, LINT_POLICY, "$.caps", NULL,
				"steps \"%s\" to \"%s\" lie within %" PRId32 " days, for which it allows %" PRId32 "%s%s", l->policy->steps[i].id,
				l->policy->steps[last].id, cap->days, cap->contacts, cap->any_channel ? "" : " by ",
				cap->any_channel ? "" : channel_names[cap->channel]);
			return;
		}
}

/* So many contacts fit into the days of a cap when they lie min_gap apart. */
static int64_t fit(int32_t days, int64_t min_gap_ms)
{
	return ((int64_t)days * MINUTES_A_DAY * MS_A_MINUTE - 1) / min_gap_ms + 1;
}

/* Those that nobody wrote down: they are there to protect, not to be used up. */
static bool usual_caps(const struct policy *policy)
{
	return policy->cap_count == 2 && policy->caps[0].any_channel && policy->caps[0].contacts == 2 && policy->caps[0].days == 7 &&
		policy->caps[1].channel == CHANNEL_CALL && policy->caps[1].contacts == 1 && policy->caps[1].days == 7;
}

static void check_idle(struct lint *l, size_t c)
{
	const struct policy *policy = l->policy;
	const struct cap *cap = &policy->caps[c];

	if (usual_caps(policy))
		return;

	if (policy->min_gap_ms && fit(cap->days, policy->min_gap_ms) <= cap->contacts) {
		lint_add(l, LINT_CAP_IDLE, LINT_POLICY, "$.caps", NULL, "%" PRId32 " contacts in %" PRId32 " days: min_gap lets no more be made anyway",
			cap->contacts, cap->days);
		return;
	}
	for (size_t k = 0; k < policy->cap_count; k++) {
		const struct cap *other = &policy->caps[k];
		bool same = other->contacts == cap->contacts && other->days == cap->days && other->any_channel == cap->any_channel;

		if (k == c || (same && k > c) || other->contacts > cap->contacts || other->days < cap->days ||
			(!other->any_channel && (cap->any_channel || other->channel != cap->channel)))
			continue;
		lint_add(l, LINT_CAP_IDLE, LINT_POLICY, "$.caps", NULL, "%" PRId32 " in %" PRId32 " days: the cap of %" PRId32 " in %" PRId32
			" days is stricter", cap->contacts, cap->days, other->contacts, other->days);
		return;
	}
}

/* The nearest step above that the same debtor meets, too near. */
static void check_gap(struct lint *l, size_t late)
{
	const struct policy *policy = l->policy;
	int64_t most;

	for (size_t early = late; lint_contacts(&policy->steps[late]) && early-- > 0;) {
		bool meet = false;

		for (size_t a = 0; a < l->audience_count; a++)
			meet = meet || (in(&l->audiences[a], early) && in(&l->audiences[a], late));
		if (!meet || !lint_contacts(&policy->steps[early]) || !lint_distance(policy, early, late, &most))
			continue;
		if (most < 1 && !policy->min_gap_ms && !policy->same_day && policy->steps[early].kind == STEP_MESSAGE &&
			policy->steps[late].kind == STEP_MESSAGE) {
			lint_add(l, LINT_BUNCHED, late, "at", NULL, "it lies on the day of \"%s\", and the debtor is written to once a day",
				policy->steps[early].id);
			return;
		}
		if (most * MINUTES_A_DAY * MS_A_MINUTE >= policy->min_gap_ms)
			continue;
		lint_add(l, LINT_BUNCHED, late, "at", NULL, "it lies %lld day%s behind \"%s\", and min_gap is %lld hours", (long long)most,
			most == 1 ? "" : "s", policy->steps[early].id, (long long)(policy->min_gap_ms / MS_A_MINUTE / 60));
		return;
	}
}

/* The ladder waits for a call until it is made or its deadline is past. */
static void check_call(struct lint *l, size_t i)
{
	const struct policy *policy = l->policy;
	int64_t most;

	if (policy->steps[i].kind != STEP_CALL)
		return;
	for (size_t k = i + 1; k < policy->step_count; k++) {
		if (!lint_distance(policy, i, k, &most) || most >= policy->steps[i].deadline_days)
			continue;
		lint_add(l, LINT_CALL_OVERLAPS, i, "deadline", NULL, "it may be called until %" PRId32 " days later, and \"%s\" is owed after %lld",
			policy->steps[i].deadline_days, policy->steps[k].id, (long long)most);
		return;
	}
}

void lint_rhythm(struct lint *l)
{
	if (l->policy->same_day)
		lint_add(l, LINT_SAME_DAY, LINT_POLICY, "$.same_day", NULL,
			l->policy->min_gap_ms < (int64_t)MINUTES_A_DAY * MS_A_MINUTE ?
				"only min_gap, %lld hours, keeps two messages to a debtor apart" :
				"it is of no use: min_gap, %lld hours, lets no two messages go out on one day",
			(long long)(l->policy->min_gap_ms / MS_A_MINUTE / 60));
	for (size_t i = 0; i < l->policy->step_count; i++) {
		check_gap(l, i);
		check_call(l, i);
	}
	for (size_t c = 0; c < l->policy->cap_count; c++) {
		check_cap(l, &l->policy->caps[c]);
		check_idle(l, c);
	}
}
