/* Tasks that steps leave behind when they are walked; and what becomes of a registered letter that nobody takes: whether it counts as received is for the law of the place and a person to say. */
#include <string.h>

#include "common/escalation_internal.h"
#include "common/utc.h"

bool escalation_letter_unclaimed(struct escalation *e, const char *attempt, const char *status, struct effects *fx)
{
	for (size_t i = e->walk_count; attempt && i-- > 0;) {
		struct walked *walked = &e->walk[i];
		struct task task = invoice_task(e, "letter_unclaimed", fx->arena);

		if (walked->end == STEP_SKIPPED || !walked->attempt || strcmp(walked->attempt, attempt) != 0)
			continue;
		if (letter_unclaimed(walked->reason))
			return false;
		walked->reason = arena_strdup(fx->arena, status);
		if (e->state == ESCALATION_CLOSED || handed_over(e))
			return true;
		task.step = walked->step;
		task.reason = walked->reason;
		task.opened_at = fx->now;
		task.deadline = fx->now + 7 * DAY_MS;
		effects_task(fx, &task);
		return true;
	}
	return false;
}

void escalation_letter_returned(struct escalation *e, const struct walked *walked, struct effects *fx)
{
	struct task task = invoice_task(e, "letter_unclaimed", fx->arena);

	if (!letter_unclaimed(walked->reason))
		return;
	task.step = walked->step;
	task.close = true;
	task.result = "obsolete";
	effects_task(fx, &task);
}

static bool names_step(const char *list, const char *step)
{
	size_t len = strlen(step);

	for (const char *at = list; at; at = strchr(at, ' '), at = at ? at + 1 : NULL)
		if (strncmp(at, step, len) == 0 && (at[len] == ',' || !at[len]))
			return true;
	return false;
}

void escalation_refused(struct escalation *e, const struct policy *policy, const char *step, const char *reason, struct effects *fx)
{
	struct task task = invoice_task(e, "refused", fx->arena);
	int64_t rest = policy && policy->min_gap_ms > DAY_MS ? policy->min_gap_ms : DAY_MS;

	if (e->state == ESCALATION_CLOSED && !aside_id(step))
		return; /* paid while it was on its way */
	if (!e->refused)
		e->refused = step;
	else if (!names_step(e->refused, step) && strlen(e->refused) + strlen(step) + 2 <= ESCALATION_REFUSED_MAX) /* the rest is in the trail */
		e->refused = arena_printf(fx->arena, "%s, %s", e->refused, step);
	if (!aside_id(step) && e->rests_until < fx->now + rest && !(e->retry_why && strcmp(e->retry_why, "call_back_at") == 0))
		e->rests_until = fx->now + rest;
	task.step = e->refused;
	task.reason = reason;
	task.opened_at = fx->now;
	task.deadline = fx->now + 7 * DAY_MS;
	effects_task(fx, &task);
}

/* Sent to the next of the role it may come back once more: whom it passes over is kept until it is over. */
void unreached_end(struct escalation *e, const char *step, enum step_end end)
{
	if (!e->unreached_step || aside_id(step) || (end != STEP_SKIPPED && strcmp(e->unreached_step, step) == 0))
		return;
	e->unreached_step = NULL;
	e->unreached_count = 0;
}

/* Of a skip for want of an address, of a message that was refused, and of the letters that nobody took. */
void walk_tasks_closed(struct escalation *e, struct effects *fx)
{
	bool unclaimed = false;

	for (size_t i = 0; i < e->walk_count; i++) {
		struct walked *walked = &e->walk[i];
		struct task task = invoice_task(e, "letter_unclaimed", fx->arena);

		task.step = walked->step;
		task.close = true;
		task.result = "obsolete";
		if (walked->end == STEP_SKIPPED && walked->attempt && strncmp(walked->attempt, "no_address:", 11) == 0) {
			task.id = walked->attempt;
			task.kind = "no_address";
			effects_task(fx, &task);
			walked->attempt = NULL;
		} else if (walked->end != STEP_SKIPPED && letter_unclaimed(walked->reason) && !unclaimed && !handed_over(e)) {
			effects_task(fx, &task);
			unclaimed = true;
		}
	}
	if (e->refused) {
		struct task task = invoice_task(e, "refused", fx->arena);

		task.step = e->refused;
		task.close = true;
		task.result = "obsolete";
		effects_task(fx, &task);
		e->refused = NULL;
	}
}
