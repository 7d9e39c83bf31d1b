/* Nobody said that the invoice itself went out: somebody forgot it, or its producer does not tell. A person looks, before the debtor is asked. */
#include <string.h>

#include "common/escalation_internal.h"
#include "common/utc.h"

/* invoice.sent came, or that it could not be delivered, which is a hold of its own. */
static bool was_told(const struct escalation *e)
{
	for (size_t i = 0; i < e->invoice.fact_count; i++)
		if (e->invoice.facts[i].kind == FACT_UNDELIVERED)
			return true;
	return false;
}

static void put_task(struct escalation *e, const char *result, struct effects *fx)
{
	struct task task = { .id = arena_printf(fx->arena, "check_sent:%s", e->invoice.id), .kind = "check_sent", .debtor_id = e->invoice.debtor_id,
		.invoice_ids = arena_memdup(fx->arena, &e->invoice.id, sizeof(e->invoice.id)), .invoice_count = 1, .reason = "not_sent",
		.opened_at = fx->now, .deadline = fx->now + 2 * DAY_MS, .close = result != NULL, .result = result };

	e->unsent_told = !result;
	effects_task(fx, &task);
}

int64_t unsent_look_at(const struct escalation *e, const struct rules *rules)
{
	return !rules->policy || !rules->policy->expect_sent_days || e->unsent_told || was_told(e) ?
		0 : e->opened_at + rules->policy->expect_sent_days * DAY_MS;
}

void unsent_watch(struct escalation *e, const struct rules *rules, struct effects *fx)
{
	int64_t at = unsent_look_at(e, rules);

	if (at && at <= rules->now && !rules->behind)
		put_task(e, NULL, fx);
	else if (e->unsent_told && was_told(e))
		put_task(e, "done", fx);
}

void unsent_closed(struct escalation *e, struct effects *fx)
{
	if (e->unsent_told)
		put_task(e, "obsolete", fx);
}
