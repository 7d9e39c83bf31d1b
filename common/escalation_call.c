/* What a logged call came to, and the tasks that it leaves. */
#include <string.h>

#include "common/escalation_internal.h"
#include "common/utc.h"

#define CALL_HOLD_MS (7 * DAY_MS) /* what was said on the telephone holds no longer, unless a day was named */
#define CALL_NAMED_MS (60 * DAY_MS) /* nor beyond that then */

static void note_fact(struct escalation *e, const struct event *call, enum event_type type, struct effects *fx)
{
	struct event fact = *call;

	fact.type = type;
	fact.fact_id = NULL; /* the call itself is its identity */
	fact.customer_id = NULL;
	fact.has_snapshot = fact.has_customer = false;
	fact.amount = 0;
	(void)invoice_apply(&e->invoice, &fact, fx->arena);
}

static bool lacks_reference(const struct event *call)
{
	return call->reason && (strcmp(call->reason, "purchase_order") == 0 || strcmp(call->reason, "delivery") == 0);
}

static void note_hold(struct escalation *e, const struct event *call, const char *reason, const struct rules *rules, struct effects *fx)
{
	struct hold_entry hold = { .reason = reason, .since = rules->now, .until = rules->now + CALL_HOLD_MS, .who = call->who,
		.why = lacks_reference(call) ? arena_strdup(fx->arena, call->reason) : NULL };

	if (rules->policy && date_is_set(call->until_on)) {
		int64_t named = (int64_t)date_add_days(call->until_on, 1).days * DAY_MS;

		if (named > rules->now && named < rules->now + CALL_NAMED_MS)
			hold.until = named;
	}
	escalation_hold(e, fx->arena, &hold);
}

static void close_task(const struct escalation *e, const char *kind, const char *result, struct effects *fx)
{
	struct task task = invoice_task(e, kind, fx->arena);

	task.close = true;
	task.result = result;
	effects_task(fx, &task);
}

static void ask_for_contact(struct escalation *e, struct effects *fx)
{
	struct task task = invoice_task(e, "fix_contact", fx->arena);

	task.reason = "wrong_contact";
	task.opened_at = fx->now;
	task.deadline = fx->now + CALL_HOLD_MS;
	effects_task(fx, &task);
	e->wrong_contact = true;
}

/* --- to call again ------------------------------------------------------------------------------------------------------ */

int64_t call_back_until(const struct escalation *e, const struct business_time *when)
{
	return e->call_back.at ? business_opening(when, date_add_days(business_date(when, e->call_back.at), 1)) : 0;
}

/* Nobody had to call, so no step is owed again at that hour: a task is, and nobody is chased before it. It is theirs who make the policy's calls. */
static void ask_to_call_back(struct escalation *e, const struct event *call, const struct rules *rules, struct effects *fx)
{
	int64_t latest = rules->now + CALL_NAMED_MS;
	struct task task = invoice_task(e, "call_back", fx->arena);

	e->call_back = (struct call_back){ .at = call->back_at < latest ? call->back_at : latest, .said_at = call->time };
	task.owner = call->who;
	for (size_t i = rules->policy ? rules->policy->step_count : 0; i-- > 0;) {
		const struct step *other = &rules->policy->steps[i];

		if (other->kind == STEP_CALL && (other->owner || (other->role && *other->role))) {
			task.owner = other->owner;
			task.role = other->role;
		}
	}
	task.reason = "call_back_at";
	task.opened_at = fx->now;
	task.deadline = e->call_back.at;
	effects_task(fx, &task);
}

/* For the hour that they asked for, and it is a call that comes then: of several invoices' call the other ones' steps may be mails. */
static bool call_waits(const struct escalation *e, const struct rules *rules)
{
	if (e->state != ESCALATION_WAITING || !rules->policy || e->retry_at <= rules->now || !e->retry_why || strcmp(e->retry_why, "call_back_at") != 0)
		return false;
	for (size_t i = 0; i < rules->policy->step_count; i++)
		if (!aside_walked(e, rules->policy->steps[i].id))
			return rules->policy->steps[i].kind == STEP_CALL;
	return false;
}

void call_watch(struct escalation *e, const struct debtor *d, struct effects *fx)
{
	if (!e->wrong_contact || !d || debtor_wrong_told(d, e->invoice.id))
		return;
	close_task(e, "fix_contact", "done", fx);
	e->wrong_contact = false;
}

void call_tasks_closed(struct escalation *e, struct effects *fx)
{
	if (e->wrong_contact) {
		close_task(e, "fix_contact", "obsolete", fx);
		e->wrong_contact = false;
	}
	if (e->call_back.at) {
		close_task(e, "call_back", "obsolete", fx);
		e->call_back = (struct call_back){ 0 };
	}
}

void escalation_called(struct escalation *e, const struct event *call, const char *step, const char *task, const struct rules *rules,
	struct effects *fx)
{
	const char *outcome = call_outcome_names[call->outcome];
	bool newer = !e->call_back.at || call->time >= e->call_back.said_at; /* a telephone system may tell late of a call before that one */

	switch (call->outcome) {
	case CALL_INVOICE_NOT_RECEIVED:
		note_fact(e, call, EVENT_INVOICE_DELIVERY_FAILED, fx);
		break;
	case CALL_IN_PAYMENT:
		note_fact(e, call, EVENT_INVOICE_PAYMENT_ANNOUNCED, fx);
		break;
	case CALL_PROMISE:
		note_fact(e, call, EVENT_PROMISE_MADE, fx);
		break;
	case CALL_DISPUTE:
		note_fact(e, call, EVENT_DISPUTE_OPENED, fx);
		break;
	case CALL_PAID: /* it is a word, not a payment: somebody looks for the money */
		note_hold(e, call, "says_paid", rules, fx);
		break;
	case CALL_REFUSES:
		block_suggested(e, outcome, fx);
		note_hold(e, call, outcome, rules, fx);
		break;
	case CALL_WAITING_APPROVAL: /* where they lack something of ours to approve it, somebody gives it to them */
		note_hold(e, call, lacks_reference(call) ? "lacks_reference" : outcome, rules, fx);
		break;
	case CALL_WRONG_CONTACT:
		ask_for_contact(e, fx);
		break;
	default:
		break;
	}
	if (e->call_back.at && newer) { /* whatever came of it, they were called */
		close_task(e, "call_back", "done", fx);
		e->call_back = (struct call_back){ 0 };
	}
	if (step && e->step && strcmp(e->step, step) == 0 && escalation_move(e, TRIGGER_TASK_ENDED)) {
		if (call->outcome == CALL_BACK_AT) { /* it is owed still, at the hour that they asked for */
			e->step = e->task = NULL;
			e->since = e->look_at = 0;
			e->retry_at = call->back_at;
			e->retry_why = "call_back_at";
			e->rests_until = 0;
		} else {
			escalation_walked(e, fx->arena, step, STEP_DONE, outcome, rules->now, task);
		}
	} else if (call->outcome == CALL_BACK_AT && call_waits(e, rules)) {
		e->retry_at = call->back_at; /* they named another hour, before it came */
	} else if (call->outcome == CALL_BACK_AT && newer) {
		ask_to_call_back(e, call, rules, fx);
	}
	e->calls++;
	e->minutes += call->minutes;
	e->timed += call->minutes > 0;
	if (call_reached(call->outcome)) /* who tried again in vain takes nothing back of what was said before */
		e->call = (struct call_made){ .at = rules->now, .number = e->calls, .outcome = call->outcome, .until_on = call->until_on, .step = step,
			.contact = call->contact_id, .tell = call->tell };
}
