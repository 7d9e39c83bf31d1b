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
	{ "reply", "answer_reply" },
	{ "says_paid", "find_payment" },
	{ "refuses", "review_refusal" },
	{ "lacks_reference", "give_reference" },
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
};

const char *escalation_hold_task(const char *reason)
{
	for (size_t i = 0; i < ARRAY_LEN(hold_rows); i++)
		if (strcmp(hold_rows[i].reason, reason) == 0)
			return hold_rows[i].task;
	return NULL;
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
	return strcmp(held->why, "reconcile") == 0 && !view.reconcile ? escalation_differs(e, &view, arena) : NULL;
}

void escalation_task_done(struct escalation *e, const char *task)
{
	for (size_t i = 0; i < e->walk_count; i++) {
		struct walked *walked = &e->walk[i];

		if (walked->end == STEP_SKIPPED && walked->attempt && strcmp(walked->attempt, task) == 0)
			walked->attempt = NULL;
	}
	if (strncmp(task, "call_back:", 10) == 0)
		e->call_back = (struct call_back){ 0 };
}
