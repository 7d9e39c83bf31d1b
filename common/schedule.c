#include "common/schedule.h"

#include "common/utc.h"

struct business_time schedule_window(const struct policy *policy, const struct debtor *debtor, const char *creditor_zone,
	const struct holidays *holidays)
{
	const struct window *w = &policy->window;
	const struct place place = debtor_place(debtor);
	struct business_time when = { .weekdays = w->weekdays, .from_minute = w->from_minute, .to_minute = w->to_minute };

	if (w->holidays)
		when.calendar = holidays_of(holidays, &place);
	if (zone_get(w->debtor_zone ? debtor_zone(debtor, creditor_zone) : w->zone, &when.zone) < 0 &&
		zone_get(creditor_zone, &when.zone) < 0)
		(void)zone_get("UTC", &when.zone);
	if (!w->debtor_zone && zone_get(debtor_zone(debtor, creditor_zone), &when.dates) < 0)
		when.dates = NULL;
	return when;
}

date schedule_due(const struct policy *policy, const struct business_time *when, date due_on)
{
	return date_is_set(due_on) ? calendar_roll(when->calendar, due_on, policy->due_roll) : due_on;
}

static date add(const struct step_at *at, date anchor, const struct business_time *when)
{
	return at->business ? business_add_days(when, anchor, at->days) : date_add_days(anchor, at->days);
}

/* When a step would be owed if all before it had gone out in time: what spacing is measured by. */
static date written(const struct policy *policy, size_t step, const struct schedule_walk *walk, const struct business_time *when)
{
	const struct step_at *at = &policy->steps[step].at;

	switch (at->anchor) {
	case ANCHOR_ISSUED:
		return add(at, date_is_set(walk->issued_on) ? walk->issued_on : walk->due_on, when);
	case ANCHOR_EOM:
		return add(at, date_end_of_month(walk->due_on), when);
	case ANCHOR_STEP:
		return add(at, written(policy, at->step, walk, when), when); /* always an earlier one, so this ends */
	case ANCHOR_DUE:
		break;
	}
	return add(at, walk->due_on, when);
}

static date nominal(const struct policy *policy, size_t step, const struct schedule_walk *walk,
	const struct business_time *when)
{
	const struct step_at *at = &policy->steps[step].at;

	if (at->anchor != ANCHOR_STEP)
		return written(policy, step, walk, when);
	return date_is_set(walk->done[at->step]) ? add(at, walk->done[at->step], when) : date_none();
}

date schedule_step_date(const struct policy *policy, size_t step, const struct schedule_walk *walk,
	const struct business_time *when)
{
	date owed = nominal(policy, step, walk, when);

	if (!date_is_set(owed))
		return owed;
	for (size_t i = step; i-- > 0;) {
		date spaced;

		if (!date_is_set(walk->done[i]))
			continue;
		spaced = date_add_days(walk->done[i],
			date_diff(written(policy, step, walk, when), written(policy, i, walk, when)));
		return date_diff(spaced, owed) > 0 ? spaced : owed;
	}
	return owed;
}

bool schedule_before_due(const struct policy *policy, size_t step, const struct schedule_walk *walk,
	const struct business_time *when)
{
	date owed = nominal(policy, step, walk, when);

	return date_is_set(owed) && date_diff(owed, walk->due_on) < 0;
}

int64_t pace_earliest(const struct policy *policy, const struct debtor *debtor, enum channel channel, int64_t at,
	const char **rule)
{
	size_t last = debtor->contact_count;
	int64_t earliest = at;

	while (last && (delivery_reached_nobody(debtor->contacts[last - 1].delivery) || debtor->contacts[last - 1].aside))
		last--; /* or asked for nothing */
	if (last && policy->min_gap_ms) {
		int64_t gap = debtor->contacts[last - 1].at + policy->min_gap_ms;

		if (gap > earliest) {
			earliest = gap;
			if (rule)
				*rule = "min_gap";
		}
	}
	for (size_t c = 0; c < policy->cap_count; c++) {
		const struct cap *cap = &policy->caps[c];
		int32_t seen = 0;

		if (!cap_counts(cap, channel))
			continue;
		for (size_t i = debtor->contact_count; i-- > 0;) {
			const struct contact_made *made = &debtor->contacts[i];

			if (!cap_counts(cap, made->channel) || delivery_reached_nobody(made->delivery) || made->aside)
				continue;
			if (++seen < cap->contacts)
				continue;
			if (made->at + cap->days * DAY_MS > earliest) {
				earliest = made->at + cap->days * DAY_MS;
				if (rule)
					*rule = "cap";
			}
			break;
		}
	}
	return earliest;
}
