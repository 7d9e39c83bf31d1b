/* What a hold asks of a person, and what it means that a person did it. */
#include <string.h>

#include "common/escalation_internal.h"

struct hold_row {
	const char *reason;
	const char *task; /* what a person must do; NULL = nothing */
};
static const struct hold_row hold_rows[] = {
	{ "dispute", "review_dispute" },
	{ "reconcile", "reconcile" },
	{ "insolvency", "insolvency" },
	{ "undelivered", "fix_address" },
	{ "refuses", "review_refusal" },
	{ "lacks_reference", "give_reference" },
	{ "wrong_contact", "fix_contact" },
	{ "exhausted", "exhausted" },
	{ "settle", "agree_settlement" },
	{ "incomplete", "complete_evidence" },
	{ "dead_letter", "dead_letter" },
	{ "unknown_policy", "unknown_policy" },
	{ "no_customer", "no_customer" },
	{ "in_doubt", "in_doubt" },
	{ "zone_unknown", "review" },
	{ "no_common_hours", "review" },
	{ "confirm_same_company", "review" },
	{ "other_legal_entity", "review" },
	{ "notice_incomplete", "review" },
	{ "no_document", "review" },
	{ HOLD_UNRENDERABLE, "review" },
};

const char *escalation_hold_task(const char *reason)
{
	for (size_t i = 0; i < ARRAY_LEN(hold_rows); i++)
		if (strcmp(hold_rows[i].reason, reason) == 0)
			return hold_rows[i].task;
	return NULL;
}

/* What could not be made may be by now: of newer data of the debtor or the invoice, or with newer files. What is told of the future counts then. */
bool hold_outdated(const struct hold_entry *hold, const struct escalation *e, const struct debtor *d, const struct rules *rules)
{
	const int64_t news[] = { rules->loaded_at, d->order.time, e->invoice.order.time };
	bool ret = false;

	for (size_t i = 0; i < ARRAY_LEN(news); i++)
		ret |= news[i] > hold->since && news[i] <= rules->now;
	return ret && strcmp(hold->reason, HOLD_UNRENDERABLE) == 0;
}

const char *escalation_hold_why(const struct escalation *e, const char *hold)
{
	for (size_t i = 0; i < e->hold_count; i++)
		if (strcmp(e->holds[i].reason, hold) == 0 && (!e->holds[i].who || strcmp(hold, "lacks_reference") == 0))
			return e->holds[i].why;
	return NULL;
}

const char *escalation_hold_detail(const struct escalation *e, const struct debtor *d, const struct next_action *held, const struct rules *rules,
	struct arena *arena)
{
	struct invoice_view view = invoice_view(&e->invoice);

	if (strcmp(held->why, "incomplete") == 0)
		return escalation_lacks(e, d, rules->policy, &rules->policy->steps[held->step].needs, arena);
	return strcmp(held->why, "reconcile") == 0 ? escalation_differs(e, &view, arena) : NULL;
}

static void tell(struct escalation *e, const char *hold, int64_t until, struct effects *fx)
{
	struct draft *draft = effects_record(fx, hold ? "hold.opened" : "hold.ended", e->invoice.debtor_id);

	draft->hold = hold ? hold : e->held;
	draft->opens = hold != NULL;
	jw_str(&draft->w, "invoice", e->invoice.id);
	jw_str(&draft->w, "hold", draft->hold);
	jw_opt_int(&draft->w, "until", hold ? until : 0);
	draft = effects_event(fx, hold ? "escalation.held" : "escalation.resumed", e->invoice.debtor_id, e->invoice.id);
	jw_str(&draft->w, "reason", hold ? hold : e->held);
	jw_opt_int(&draft->w, "until", hold ? until : 0);
}

struct task invoice_task(const struct escalation *e, const char *kind, struct arena *arena)
{
	return (struct task){ .id = arena_printf(arena, "%s:%s", kind, e->invoice.id), .kind = kind, .debtor_id = e->invoice.debtor_id,
		.invoice_ids = arena_memdup(arena, &e->invoice.id, sizeof(e->invoice.id)), .invoice_count = 1 };
}

void hold_tell(struct escalation *e, const char *hold, const char *detail, int64_t until, bool renewed, struct effects *fx)
{
	const char *kind = escalation_hold_task(hold ? hold : e->held), *why = hold ? escalation_hold_why(e, hold) : NULL;

	if (!renewed)
		tell(e, hold, until, fx);
	if (kind && !(!hold && e->held_done) && !(e->wrong_contact && strcmp(kind, "fix_contact") == 0)) { /* its own call opened that one */
		struct task task = invoice_task(e, kind, fx->arena);

		task.opened_at = fx->now;
		task.deadline = until;
		task.reason = detail ? detail : renewed ? "renewed" : why ? why : hold;
		task.close = !hold;
		task.result = hold ? NULL : "obsolete";
		effects_task(fx, &task);
	}
	e->held_done = false;
}

void hold_keep(struct escalation *e, int64_t now)
{
	size_t kept = 0;

	for (size_t i = 0; i < e->hold_count; i++)
		if (e->holds[i].until > now && (strcmp(e->holds[i].reason, "operator") == 0 || strcmp(e->holds[i].reason, "dead_letter") == 0)) {
			e->holds[kept] = e->holds[i];
			e->holds[kept++].why = NULL;
		}
	e->hold_count = kept;
}

/* Its task is closed by whoever says that it is done. */
static void over(struct escalation *e, const char *hold, struct effects *fx)
{
	size_t kept = 0;

	for (size_t i = 0; i < e->hold_count; i++)
		if (strcmp(e->holds[i].reason, hold) != 0)
			e->holds[kept++] = e->holds[i];
	e->hold_count = kept;
	if (!e->held || strcmp(e->held, hold) != 0)
		return;
	tell(e, NULL, 0, fx);
	e->held = NULL;
	e->held_until = 0;
}

void escalation_resume(struct escalation *e, int64_t said_at)
{
	size_t kept = 0;

	for (size_t i = 0; i < e->hold_count; i++)
		if (strcmp(e->holds[i].reason, "dead_letter") == 0 && e->holds[i].since > said_at)
			e->holds[kept++] = e->holds[i];
	e->hold_count = kept;
	said_seen(e, said_at);
	escalation_retry(e);
}

void escalation_retry(struct escalation *e)
{
	e->retry_at = e->rests_until = 0;
	e->retry_why = NULL;
}

void escalation_task_done(struct escalation *e, struct debtor *debtor, const char *task, struct effects *fx)
{
	for (size_t i = 0; i < e->walk_count; i++) {
		struct walked *walked = &e->walk[i];

		if (walked->end == STEP_SKIPPED && walked->attempt && strcmp(walked->attempt, task) == 0)
			walked->attempt = NULL;
	}
	if (e->held && escalation_hold_task(e->held) && strcmp(invoice_task(e, escalation_hold_task(e->held), fx->arena).id, task) == 0)
		e->held_done = true;
	said_done(e, task);
	if (strncmp(task, "find_payment:", 13) == 0) { /* what is found is booked, and that closes the invoice */
		for (size_t i = 0; i < e->invoice.fact_count; i++)
			e->invoice.facts[i].ended |= e->invoice.facts[i].says_paid;
		over(e, "says_paid", fx);
	}
	if (strncmp(task, "fix_contact:", 12) == 0) {
		e->wrong_contact = false;
		if (debtor)
			debtor_wrong_seen(debtor, e->invoice.id);
		over(e, "wrong_contact", fx);
	}
	if (strncmp(task, "refused:", 8) == 0) {
		e->refused = NULL;
		e->rests_until = 0;
	}
	if (strncmp(task, "call_back:", 10) == 0)
		e->call_back = (struct call_back){ 0 };
}

const char *const *escalation_answers(const struct escalation *e)
{
	static const char *const gate[] = { "pursue", "settle", "write_off", "stop", NULL }, *const doubt[] = { "sent", "not_sent", NULL },
			  *const exhausted[] = { "settle", "write_off", "stop", NULL }, *const none[] = { NULL };

	switch (e->state) {
	case ESCALATION_GATE:
		return gate;
	case ESCALATION_DOUBT:
		return doubt;
	case ESCALATION_CLOSED: /* it is paid; whether it was told that it is not, nobody knows, and nothing more is said before */
		return e->attempt && e->in_doubt ? doubt : none;
	case ESCALATION_WAITING: /* no step asks, and none is left, or may be taken: what would go on by itself cannot */
		return e->held && strcmp(e->held, "exhausted") == 0 ? exhausted : none;
	default:
		return none;
	}
}

bool escalation_asks(const struct escalation *e, const char *answer)
{
	return word_listed(escalation_answers(e), strcmp(answer, "continue") == 0 ? "pursue" : answer);
}

void escalation_exhausted_decided(struct escalation *e, struct effects *fx)
{
	struct task task = invoice_task(e, "exhausted", fx->arena);

	task.close = true;
	task.result = "done";
	effects_task(fx, &task);
	over(e, "exhausted", fx);
}
