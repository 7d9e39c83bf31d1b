#include "common/migration.h"

#include <string.h>

static bool over(const struct escalation *e, const char *step)
{
	for (size_t i = 0; i < e->walk_count; i++)
		if (strcmp(e->walk[i].step, step) == 0)
			return true;
	return false;
}

static bool was_contacted(const struct escalation *e)
{
	for (size_t i = 0; i < e->walk_count; i++)
		if (e->walk[i].end != STEP_SKIPPED || (e->walk[i].reason && strcmp(e->walk[i].reason, "unknown") == 0))
			return true;
	return false;
}

/* Behind the last step of the policy that is over; 0 = none is. */
static size_t behind_taken(const struct escalation *e, const struct policy *to)
{
	size_t position = 0;

	for (size_t i = 0; i < to->step_count; i++)
		if (over(e, to->steps[i].id))
			position = i + 1;
	return position;
}

static struct migration refuse(const char *why, const char *step)
{
	return (struct migration){ .refused = why, .step = step };
}

struct migration migration_plan(const struct escalation *e, const struct policy *to, const char *at)
{
	size_t taken = behind_taken(e, to);
	struct migration plan = { .position = taken };
	int step;

	if (e->state == ESCALATION_NONE || e->state == ESCALATION_STUB || e->state == ESCALATION_CLOSED || !e->policy_digest)
		return refuse("not_open", NULL);
	if (strcmp(e->policy_digest, to->digest) == 0)
		return refuse("same", NULL);
	if (e->state == ESCALATION_SENDING || e->state == ESCALATION_DOUBT)
		return refuse("under_way", e->step);
	if (at) {
		step = policy_step_index(to, at);
		if (step < 0)
			return refuse("unknown_step", at);
		if (over(e, at))
			return refuse("walked", at);
		if ((size_t)step < taken)
			return refuse("behind", to->steps[taken - 1].id);
		plan.position = (size_t)step;
	} else if (!taken && to->step_count && was_contacted(e)) {
		return refuse("no_common_step", NULL);
	}
	if (e->state == ESCALATION_TASK || e->state == ESCALATION_GATE) { /* the question stands, with what it was asked for */
		enum step_kind kind = e->state == ESCALATION_TASK ? STEP_CALL : STEP_GATE;

		step = e->step ? policy_step_index(to, e->step) : -1;
		if (step < 0 || to->steps[step].kind != kind || (size_t)step < plan.position)
			return refuse("asked", e->step);
	}
	return plan;
}

void migration_apply(struct escalation *e, const struct policy *to, const struct migration *plan, struct effects *fx)
{
	struct draft *draft = effects_record(fx, "policy.migrated", e->invoice.debtor_id);

	jw_str(&draft->w, "invoice", e->invoice.id);
	jw_opt_str(&draft->w, "from_name", e->policy);
	jw_opt_str(&draft->w, "from_digest", e->policy_digest);
	jw_str(&draft->w, "policy_name", to->name);
	jw_str(&draft->w, "policy_digest", to->digest);
	if (plan->position < to->step_count)
		jw_str(&draft->w, "step", to->steps[plan->position].id);
	jw_array(&draft->w, "skipped");
	for (size_t i = 0; i < plan->position; i++) {
		const char *step = arena_strdup(fx->arena, to->steps[i].id); /* the document outlives the policy */

		if (over(e, step))
			continue;
		escalation_walked(e, fx->arena, step, STEP_SKIPPED, "migrated", fx->now, NULL);
		jw_str(&draft->w, NULL, step);
	}
	jw_end_array(&draft->w);
	e->policy = arena_strdup(fx->arena, to->name);
	e->policy_digest = arena_strdup(fx->arena, to->digest);
	e->policy_by = selected_by_names[SELECTED_BY_OPERATOR];
	e->policy_rule = NULL;
	e->deferred = NULL;
}
