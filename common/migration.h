/*
 * migration - a running escalation goes over to another policy, or to another version of its own, because a person said so. Pure: the same
 * code shows what would change and changes it.
 */
#ifndef DUNNINGD_COMMON_MIGRATION_H
#define DUNNINGD_COMMON_MIGRATION_H

#include "common/escalation.h"

struct migration {
	/*
	 * NULL: it can go over. Else a stable word: "not_open"; "same" (it walks that version); "under_way" (a message is on its way, or in
	 * doubt); "asked" (a person is asked about a step that the policy does not have there); "no_common_step" (it was contacted, and the
	 * policy has none of the steps that it took, so somebody must name one); "unknown_step", "walked", "behind" (the step that was named is
	 * none of the policy's, is over, or lies before one that is).
	 */
	const char *refused;
	const char *step; /* that the word is about; NULL = none */
	size_t position; /* index of the policy's first step that may still come; step_count = none is left */
};

/*
 * Steps go by their id: what was taken is over under the policy too, and so is all that the policy has before the last of them; the walk
 * goes on behind it, or at the step `at` (NULL = not named). Nothing that was taken is ever taken again.
 */
struct migration migration_plan(const struct escalation *e, const struct policy *to, const char *at);
/* `plan` is that of migration_plan() and refuses nothing. What is passed over is skipped as "migrated"; the trail gets `policy.migrated`. */
void migration_apply(struct escalation *e, const struct policy *to, const struct migration *plan, struct effects *fx);

#endif
