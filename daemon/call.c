/* A call that a person made, or a telephone system told of: who shares it, and what it means for each of them. */
#include <string.h>

#include "daemon/flow.h"

static bool has_task(const struct doc *doc, const char *task)
{
	return doc->kind == DOC_ESCALATION && doc->loaded && doc->e->task && strcmp(doc->e->task, task) == 0;
}

static bool is_call(const char *task)
{
	return task && strncmp(task, "call:", 5) == 0;
}

/* The invoice's call, unless the telephone system tells late of one that was over before anybody was asked to call. A letter is posted by no call. */
static const char *own_task(const struct event *e, const struct escalation *invoice)
{
	if (invoice->state != ESCALATION_TASK || !is_call(invoice->task) ||
		(e->type == EVENT_CALL_COMPLETED && e->time < invoice->since && !invoice->asked_as))
		return NULL;
	return invoice->task;
}

/* The task that this call ends; NULL: there is none, or it is over already. The call was made all the same. */
static const char *task_of(const struct group *g, const struct event *e, const struct doc *invoice)
{
	const char *task = is_call(e->target) ? e->target : own_task(e, invoice->e);

	return task ? decide_task_now(g, task) : NULL;
}

static void stop_all(struct group *g, struct doc *debtor, const struct event *call)
{
	struct event e = *call;

	e.type = EVENT_CUSTOMER_INSOLVENCY_OPENED;
	e.has_customer = false;
	if (debtor_apply(debtor->d, &e, g->arena))
		decide_touch_debtor(g, debtor);
}

void decide_call(struct dunner *d, struct group *g, const struct event *e, struct doc *invoice)
{
	struct doc *debtor = group_find(d, g, DOC_DEBTOR, invoice->e->invoice.debtor_id ? invoice->e->invoice.debtor_id : e->customer_id);
	const char *task = task_of(g, e, invoice);
	struct candidate *members = arena_alloc(g->arena, (g->doc_count + 1) * sizeof(*members));
	struct contact_env env = decide_env(d);
	struct debtor *who = debtor && debtor->loaded ? debtor->d : NULL;
	size_t count = 0;

	if (!task)
		members[count++] = (struct candidate){ invoice->e, decide_policy(d, invoice->e, who) };
	for (struct doc *doc = g->docs; task && doc; doc = doc->next)
		if (has_task(doc, task)) {
			members[count++] = (struct candidate){ doc->e, decide_policy(d, doc->e, who) };
			doc->touched = true;
			sender_touch(d, NULL, doc->id);
		}
	(void)invoice_apply(&invoice->e->invoice, e, g->arena); /* whose it is: it may be told of before the invoice */
	invoice->touched = true;
	sender_touch(d, who ? who->id : NULL, invoice->id); /* what is on its way now may be too much */
	contact_called(&env, who, members, count, e, task, &g->fx);
	if (!who)
		return;
	debtor->touched = true;
	if (e->outcome == CALL_WRONG_CONTACT) /* for his other invoices too */
		decide_touch_debtor(g, debtor);
	if (e->outcome == CALL_INSOLVENT)
		stop_all(g, debtor, e);
}
