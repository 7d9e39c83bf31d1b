/*
 * What others are asked to do: the effects of a step that is done, and work that rests while a debtor owes and goes on once nothing holds it.
 * A deposit is the reason to begin at all, so it holds work by itself from the day on which it would begin, and frees it when it is paid.
 */
#include <string.h>

#include "common/escalation_internal.h"
#include "common/utc.h"

#define HOLD "work.hold_requested"
#define RELEASE "work.release_allowed"
#define ANNOUNCED "work.hold_announced"
#define DEPOSIT 1 /* of invoice_kind_names */

static void tell(struct escalation *e, const char *type, const char *step, const char *reason, struct effects *fx)
{
	struct draft *draft = effects_record(fx, type, e->invoice.debtor_id);

	jw_str(&draft->w, "invoice", e->invoice.id);
	jw_opt_str(&draft->w, "step", step);
	jw_opt_str(&draft->w, "reason", reason);
	draft = effects_event(fx, type, e->invoice.debtor_id, e->invoice.id);
	jw_opt_str(&draft->w, "step", step);
	jw_opt_str(&draft->w, "reason", reason);
}

static bool holds_work(const struct policy *policy, const char *step)
{
	int index = policy_step_index(policy, step);

	for (const char *const *effect = index >= 0 ? policy->steps[index].effects : NULL; effect && *effect; effect++)
		if (strcmp(*effect, HOLD) == 0)
			return true;
	return false;
}

static void hold_later(struct escalation *e, const struct step *warns, const struct effects *fx)
{
	e->work_hold_at = fx->now + warns->hold_after_days * DAY_MS;
	e->work_hold_step = warns->id;
}

void escalation_step_effects(struct escalation *e, struct debtor *d, const struct policy *policy, const char *step, const char *said, struct effects *fx)
{
	int index = policy && step ? policy_step_index(policy, step) : -1;
	const char *attempt;

	if (index < 0)
		return;
	attempt = e->walk_count && strcmp(e->walk[e->walk_count - 1].step, step) == 0 ? e->walk[e->walk_count - 1].attempt : e->task;
	commitment_open(e, d, policy, step, attempt, fx);
	offers_sent(e, attempt, fx);
	late_fee_sent(e, attempt, fx);
	note_said(e, attempt, fx);
	if (said && strcmp(said, step) != 0)
		return; /* it went out with what another invoice was owed: nothing of this step was told to anybody */
	if (e->state == ESCALATION_CLOSED) { /* it ended while this was on its way: nobody is asked for anything, since nothing would end that */
		if (holds_work(policy, step) && policy->steps[index].hold_after_days)
			hold_later(e, policy->steps + index, fx);
		else if (holds_work(policy, step))
			e->work_rested = true;
		return;
	}
	for (const char *const *effect = policy->steps[index].effects; effect && *effect; effect++) {
		bool holds = strcmp(*effect, HOLD) == 0;

		if (holds && d && debtor_work_held(d, e->invoice.id))
			continue; /* it rests already: a deposit's day has passed, or an earlier step asked for it */
		if (holds && policy->steps[index].hold_after_days) {
			hold_later(e, policy->steps + index, fx);
			tell(e, ANNOUNCED, policy->steps[index].id, NULL, fx);
			continue;
		}
		tell(e, *effect, policy->steps[index].id, NULL, fx);
		if (d && holds)
			(void)debtor_work_hold(d, fx->arena, e->invoice.id);
		else if (d && strcmp(*effect, RELEASE) == 0)
			(void)debtor_work_release(d, e->invoice.id);
	}
}

void work_undelivered(struct escalation *e, struct debtor *d, const struct policy *policy, const char *step, struct effects *fx)
{
	if (!d || !policy || !holds_work(policy, step) || (work_awaits(e) && e->start_told))
		return; /* a deposit that is not there holds work whatever was said */
	for (size_t i = 0; i < e->walk_count; i++)
		if (e->walk[i].end != STEP_SKIPPED && holds_work(policy, e->walk[i].step))
			return; /* said before, to somebody */
	if (debtor_work_release(d, e->invoice.id) && !d->work_held_count)
		tell(e, RELEASE, step, "undelivered", fx);
}

void work_watch(struct escalation *e, struct debtor *d, const char *hold, struct effects *fx)
{
	const char *step = e->work_hold_step;

	if (!e->work_hold_at || e->work_hold_at > fx->now || hold_excuses(hold))
		return;
	e->work_hold_at = 0;
	e->work_hold_step = NULL;
	if (!d || debtor_work_hold(d, fx->arena, e->invoice.id))
		tell(e, HOLD, step, "announced", fx);
}

void block_suggested(struct escalation *e, const char *reason, struct effects *fx)
{
	tell(e, "customer.block_suggested", NULL, reason, fx);
}

bool work_awaits(const struct escalation *e)
{
	return e->invoice.snapshot.kind == DEPOSIT;
}

void work_overdue(struct escalation *e, struct debtor *d, struct effects *fx)
{
	if (debtor_work_hold(d, fx->arena, e->invoice.id))
		tell(e, HOLD, NULL, "deposit_unpaid", fx);
}

void work_closed(struct escalation *e, struct debtor *d, const char *reason, struct effects *fx)
{
	bool held, paid = strcmp(reason, "paid") == 0 || strcmp(reason, "settled") == 0;

	if (!d || (!paid && strcmp(reason, "voided") != 0))
		return; /* a loss and a person's stop pay for nothing */
	held = debtor_work_release(d, e->invoice.id);
	e->work_rested |= held;
	if (!d->work_held_count && (held || (paid && work_awaits(e))))
		tell(e, RELEASE, NULL, reason, fx);
}

void work_again(struct escalation *e, struct debtor *d, struct effects *fx)
{
	if (!d || !e->work_rested)
		return;
	e->work_rested = false;
	if (debtor_work_hold(d, fx->arena, e->invoice.id))
		tell(e, HOLD, NULL, "reversed", fx);
}
