#include "tools/outlook_history.h"

#include <string.h>

#include "common/utc.h"

#define ENOUGH 20 /* contacts; fewer say too little about a step of its own */
#define PENDING_MS (14 * DAY_MS) /* so young a contact may still be answered */

void payment_history_begin(struct payment_history *history, struct arena *arena)
{
	*history = (struct payment_history){ .arena = arena };
	history->steps = arena_grow(arena, NULL, 0, &history->capacity, sizeof(*history->steps));
	history->count = 1;
}

static struct paid_step *find(const struct payment_history *history, const char *step)
{
	for (size_t i = 1; i < history->count; i++)
		if (strcmp(history->steps[i].step, step) == 0)
			return &history->steps[i];
	return NULL;
}

static void note(struct payment_history *history, const char *step, int64_t days)
{
	struct paid_step *found = find(history, step), *of[] = { found, NULL };

	if (!found) {
		history->steps = arena_grow(history->arena, history->steps, history->count, &history->capacity, sizeof(*history->steps));
		of[0] = &history->steps[history->count++];
		of[0]->step = arena_strdup(history->arena, step);
	}
	of[1] = &history->steps[0];
	for (int i = 0; i < 2; i++) {
		of[i]->contacts++;
		if (days < 0)
			continue;
		of[i]->paid++;
		of[i]->days[days]++;
	}
}

void payment_history_add(struct payment_history *history, const struct escalation *e, int64_t now)
{
	bool paid = e->state == ESCALATION_CLOSED && e->closed && strcmp(e->closed, "paid") == 0;
	int64_t paid_at = paid ? invoice_paid_at(&e->invoice) : 0;

	for (size_t i = 0; i < e->walk_count; i++) {
		const struct walked *one = &e->walk[i];
		size_t next = i + 1;

		if (one->end == STEP_SKIPPED || (paid && one->at > paid_at))
			continue;
		while (next < e->walk_count && e->walk[next].end == STEP_SKIPPED)
			next++;
		if (next < e->walk_count && (!paid || e->walk[next].at <= paid_at))
			note(history, one->step, -1);
		else if (paid && (paid_at - one->at) / DAY_MS <= HISTORY_DAYS_MAX)
			note(history, one->step, (paid_at - one->at) / DAY_MS);
		else if (paid || now - one->at >= PENDING_MS)
			note(history, one->step, -1);
	}
}

const struct paid_step *payment_history_of(const struct payment_history *history, const char *step)
{
	const struct paid_step *found = find(history, step);

	return found && found->contacts >= ENOUGH ? found : &history->steps[0];
}

int32_t payment_history_answer(const struct payment_history *history, const char *step, uint32_t luck)
{
	const struct paid_step *of = payment_history_of(history, step);
	int64_t at;

	if (!of->contacts)
		return 0;
	at = (int64_t)(((uint64_t)luck * (uint64_t)of->contacts) >> 32); /* which of those that were contacted it is like */
	if (at >= of->paid)
		return 0;
	for (int32_t days = 0; days <= HISTORY_DAYS_MAX; days++) {
		at -= of->days[days];
		if (at < 0)
			return days > 0 ? days : 1;
	}
	return 0;
}
