/* facts - an invoice's facts alone, in a canonical order: what two histories are compared by. */
#ifndef TESTS_SUPPORT_FACTS_H
#define TESTS_SUPPORT_FACTS_H

#include <stdlib.h>
#include <string.h>

#include "common/escalation.h"
#include "common/json.h"

static inline int facts_by_identity(const void *a, const void *b)
{
	const struct fact *x = a, *y = b;
	int r = x->kind != y->kind ? (x->kind < y->kind ? -1 : 1) : strcmp(x->id, y->id);

	return r ? r : fact_order_compare(&x->order, &y->order);
}

/* Equal for equal histories whatever the order of arrival. */
static inline void escalation_facts(struct buf *out, const struct escalation *e, struct arena *arena)
{
	struct invoice sorted = e->invoice;
	struct json_writer w = jw_init(out);

	if (sorted.fact_count) {
		sorted.facts = arena_memdup(arena, sorted.facts, sorted.fact_count * sizeof(*sorted.facts));
		qsort(sorted.facts, sorted.fact_count, sizeof(*sorted.facts), facts_by_identity);
	}
	jw_object(&w, NULL);
	invoice_write(&w, &sorted);
	jw_str(&w, "state", e->state == ESCALATION_CLOSED ? "closed" : e->state == ESCALATION_STUB ? "stub" : "open");
	jw_opt_str(&w, "closed", e->closed);
	jw_bool(&w, "fee_waived", e->late_fee.waived_at != 0);
	jw_end_object(&w);
}

#endif
