/*
 * A debtor who was waited for until now gets a stricter policy: the first reminder says so, politely. Asked of what a policy was chosen by: by
 * how the debtor paid, or by a person's word about this customer. An amount, a country, a deposit says nothing of that kind.
 */
#include <string.h>

#include "common/escalation_internal.h"

static bool ordinary(const struct invoice *invoice)
{
	const char *kind = invoice_kind_names[invoice->snapshot.kind];

	return strcmp(kind, "standard") == 0 || strcmp(kind, "balance") == 0;
}

void reset_chosen(struct escalation *e, struct debtor *d, const struct rules *rules, struct effects *fx)
{
	const struct selection *s = rules->selection;
	struct draft *draft;

	if (!d || !s || !ordinary(&e->invoice))
		return;
	if (s->before && s->habits && selection_stricter(s->policy, s->before)) {
		e->reset_from = arena_strdup(fx->arena, s->before->name);
		draft = effects_record(fx, "policy.stricter", e->invoice.debtor_id);
		jw_str(&draft->w, "invoice", e->invoice.id);
		jw_str(&draft->w, "policy_name", e->policy);
		jw_str(&draft->w, "before", e->reset_from);
	}
	if (!d->walks || strcmp(d->walks, e->policy) != 0)
		d->walks = arena_strdup(fx->arena, e->policy);
}

bool escalation_resets(const struct escalation *e, const struct policy *policy, const struct step *step, enum channel channel)
{
	struct step_span span;

	if (!e->reset_from || channel != CHANNEL_EMAIL || step->kind != STEP_MESSAGE || step->tone > TONE_NEUTRAL || step->notice ||
		step->announces.on || step->fees || step->offer_count)
		return false;
	span = policy_step_span(policy, (size_t)(step - policy->steps));
	if (span.root == ANCHOR_DUE && span.most <= 0)
		return false; /* nothing is late yet */
	for (size_t i = 0; i < e->walk_count; i++) {
		int walked = policy_step_index(policy, e->walk[i].step);

		if (walked < 0 || e->walk[i].end == STEP_SKIPPED || policy->steps[walked].kind != STEP_MESSAGE)
			continue;
		span = policy_step_span(policy, (size_t)walked);
		if (span.root != ANCHOR_DUE || span.most > 0)
			return false; /* it was reminded of before */
	}
	return true;
}
