/* What of an invoice's day and ladder is told to others, once each: it will be due, it is overdue, all is done and it is not paid. */
#include "common/escalation_internal.h"

#define WILL_BE_DUE_DAYS 7 /* before the due date, where the policy has no step before it */

static void tell(const struct escalation *e, const char *type, struct effects *fx)
{
	struct draft *draft = effects_event(fx, type, e->invoice.debtor_id, e->invoice.id);
	char day[DATE_TEXT_SIZE];

	jw_int(&draft->w, "balance_minor", invoice_view(&e->invoice).balance);
	jw_str(&draft->w, "currency", e->invoice.snapshot.currency);
	jw_str(&draft->w, "due_on", date_format(e->invoice.snapshot.due_on, day));
}

/* With the policy's first step before the due date; no later than on the last business day before it, or nobody would hear of it in time. */
static date will_be_due_on(const struct policy *policy, const struct business_time *when, date due)
{
	date first = date_none(), last = business_add_days(when, due, -1);

	for (size_t i = 0; i < policy->step_count; i++) {
		const struct step_at *at = &policy->steps[i].at;
		date day;

		if (at->anchor != ANCHOR_DUE || at->days >= 0)
			continue;
		day = at->business ? business_add_days(when, due, at->days) : date_add_days(due, at->days);
		if (!date_is_set(first) || date_diff(day, first) < 0)
			first = day;
	}
	if (!date_is_set(first))
		first = date_add_days(due, -WILL_BE_DUE_DAYS);
	return date_diff(first, last) < 0 ? first : last;
}

/* Whoever has not paid a deposit by the day on which the work starts, or by its due date where that day was not told: nobody begins. */
static int64_t told_of_start(struct escalation *e, struct debtor *d, const struct rules *rules, const struct business_time *when, date due,
	struct effects *fx)
{
	date day = e->invoice.snapshot.starts_on;

	if (e->start_told || !work_awaits(e))
		return 0;
	if (!date_is_set(day))
		day = date_add_days(due, 1);
	if (rules->behind || date_diff(business_date(when, rules->now), day) < 0) /* behind: it may be paid; once all is read it is looked at again */
		return business_opening(when, day);
	e->start_told = true;
	work_overdue(e, d, fx);
	return 0;
}

static int64_t told_of_day(struct escalation *e, const struct rules *rules, const struct business_time *when, date due, struct effects *fx)
{
	date today = business_date(when, rules->now), soon;

	if (e->overdue_told)
		return 0;
	if (date_diff(today, due) > 0) {
		if (rules->behind)
			return business_opening(when, date_add_days(due, 1));
		tell(e, "invoice.overdue", fx);
		e->overdue_told = true;
		return 0;
	}
	soon = will_be_due_on(rules->policy, when, due);
	if (!e->will_be_due_told && date_diff(today, soon) < 0)
		return business_opening(when, soon);
	if (!e->will_be_due_told && date_diff(today, due) < 0) {
		tell(e, "invoice.will_be_due", fx);
		e->will_be_due_told = true;
	}
	return business_opening(when, date_add_days(due, 1));
}

int64_t told_of_due(struct escalation *e, struct debtor *d, const struct rules *rules, const struct invoice_view *view, struct effects *fx)
{
	struct business_time when;
	int64_t day, start;
	date due;

	if (!d || !rules->policy || view->state != STATE_OPEN)
		return 0;
	when = schedule_window(rules->policy, d, rules->creditor_zone, rules->holidays);
	due = schedule_due(rules->policy, &when, e->invoice.snapshot.due_on);
	day = told_of_day(e, rules, &when, due, fx);
	start = told_of_start(e, d, rules, &when, due, fx);
	return !day || (start && start < day) ? start : day;
}

void told_exhausted(struct escalation *e, struct effects *fx)
{
	if (e->exhausted_told)
		return;
	tell(e, "escalation.exhausted", fx);
	e->exhausted_told = true;
}
