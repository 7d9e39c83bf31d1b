/* An escalation goes over to another policy: where it goes on, what is passed over, and when it stays. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/migration.h"
#include "tests/unit/escalation_world.h"

/* The ladder walked so far is reminder, second, call, gate. */
#define SAME POLICY("\"title\":\"New\",", MAIL("reminder", "due+2d", "") "," MAIL("second", "due+9d", "") "," CALL_STEP "," GATE_STEP)
#define MORE                                                                                                                   \
	POLICY("", MAIL("pre", "due-5d", "") "," MAIL("reminder", "due+1d", "") "," MAIL("between", "due+4d", "") ","          \
			MAIL("second", "due+8d", "") "," MAIL("last", "due+20d", "") "," GATE_STEP)
#define OTHER POLICY("", MAIL("one", "due+1d", "") "," MAIL("two", "due+9d", "") "," MAIL("three", "due+20d", ""))
#define CALLED POLICY("", MAIL("reminder", "due+1d", "") "," MAIL("call", "due+9d", ""))

struct row {
	const char *name;
	const char *to, *at;
	const char *sent[4]; /* steps that were taken */
	enum escalation_state state;
	const char *step; /* in hand */
	/* what comes of it */
	const char *refused;
	size_t position;
	const char *passed; /* steps that are skipped, joined by ',' */
};
static const struct row rows[] = {
	{ "nothing was taken", MORE, NULL, { NULL }, ESCALATION_WAITING, NULL, NULL, 0, "" },
	{ "the same steps", SAME, NULL, { "reminder" }, ESCALATION_WAITING, NULL, NULL, 1, "" },
	{ "behind the last that was taken", MORE, NULL, { "reminder", "second" }, ESCALATION_WAITING, NULL, NULL, 4, "pre,between" },
	{ "behind the last, in the new order", MORE, NULL, { "last" }, ESCALATION_WAITING, NULL, NULL, 5, "pre,reminder,between,second" },
	{ "all were taken", CALLED, NULL, { "reminder", "call" }, ESCALATION_WAITING, NULL, NULL, 2, "" },
	{ "steps that it does not have", OTHER, NULL, { "reminder" }, ESCALATION_WAITING, NULL, "no_common_step", 0, NULL },
	{ "the same, and one is named", OTHER, "two", { "reminder" }, ESCALATION_WAITING, NULL, NULL, 1, "one" },
	{ "one is named", MORE, "last", { "reminder" }, ESCALATION_WAITING, NULL, NULL, 4, "pre,between,second" },
	{ "one that is over", MORE, "reminder", { "reminder" }, ESCALATION_WAITING, NULL, "walked", 0, NULL },
	{ "one before what is over", MORE, "between", { "reminder", "second" }, ESCALATION_WAITING, NULL, "behind", 0, NULL },
	{ "one that it does not have", MORE, "third", { NULL }, ESCALATION_WAITING, NULL, "unknown_step", 0, NULL },
	{ "on its way", SAME, NULL, { "reminder" }, ESCALATION_SENDING, "second", "under_way", 0, NULL },
	{ "in doubt", SAME, NULL, { "reminder" }, ESCALATION_DOUBT, "second", "under_way", 0, NULL },
	{ "a call that stays", SAME, NULL, { "reminder", "second" }, ESCALATION_TASK, "call", NULL, 2, "" },
	{ "a call that is none there", CALLED, NULL, { "reminder" }, ESCALATION_TASK, "call", "asked", 0, NULL },
	{ "a call that is not there", MORE, NULL, { "reminder" }, ESCALATION_TASK, "call", "asked", 0, NULL },
	{ "a call that would be passed over", SAME, "gate", { "reminder" }, ESCALATION_TASK, "call", "asked", 0, NULL },
	{ "a decision that stays", MORE, NULL, { "reminder" }, ESCALATION_GATE, "gate", NULL, 2, "pre" },
	{ "closed", SAME, NULL, { "reminder" }, ESCALATION_CLOSED, NULL, "not_open", 0, NULL },
	{ "facts alone", SAME, NULL, { NULL }, ESCALATION_STUB, NULL, "not_open", 0, NULL },
	{ "that very version", LADDER, NULL, { "reminder" }, ESCALATION_WAITING, NULL, "same", 0, NULL },
	{ "to one that contacts nobody", NOTHING, NULL, { "reminder" }, ESCALATION_WAITING, NULL, NULL, 0, "" },
};

static const char *passed(const struct world *w)
{
	const char *list = "";

	for (size_t i = 0; i < w->e.walk_count; i++)
		if (w->e.walk[i].end == STEP_SKIPPED && strcmp(w->e.walk[i].reason, "migrated") == 0)
			list = arena_printf(w->arena, "%s%s%s", list, *list ? "," : "", w->e.walk[i].step);
	return list;
}

static void row_holds(const struct row *row)
{
	CLEANUP(policy_freep) struct policy *to = NULL;
	struct migration plan;
	struct world w;
	size_t taken;

	world_init(&w, LADDER, "2026-04-20T08:00:00Z");
	assert_int_equal(policy_parse(row->to, strlen(row->to), &to, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(row->sent) && row->sent[i]; i++)
		walked(&w, row->sent[i], STEP_SENT, NULL, "2026-04-02T08:00:00Z");
	taken = w.e.walk_count;
	w.e.state = row->state;
	w.e.step = row->step;
	w.e.policy = w.policy->name;
	w.e.policy_digest = w.policy->digest;
	plan = migration_plan(&w.e, to, row->at);
	if (strcmp(plan.refused ? plan.refused : "", row->refused ? row->refused : "") != 0)
		fail_msg("%s: %s", row->name, plan.refused ? plan.refused : "moves");
	if (!plan.refused) {
		struct next_action next;

		assert_int_equal(plan.position, row->position);
		migration_apply(&w.e, to, &plan, &w.fx);
		if (strcmp(passed(&w), row->passed) != 0)
			fail_msg("%s: %s", row->name, passed(&w));
		assert_string_equal(w.e.policy_digest, to->digest);
		assert_string_equal(w.e.policy_by, "operator");
		assert_true(strcmp(w.e.step ? w.e.step : "", row->step ? row->step : "") == 0);
		assert_non_null(find_draft(w.fx.records, "policy.migrated"));
		w.rules.policy = to;
		next = escalation_next(&w.e, &w.debtor, &w.rules);
		for (size_t i = 0; i < taken && (next.kind == NEXT_CONTACT || next.kind == NEXT_GATE); i++)
			if (strcmp(to->steps[next.step].id, w.e.walk[i].step) == 0)
				fail_msg("%s: %s again", row->name, w.e.walk[i].step);
	}
	world_clear(&w);
}

static void all_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		row_holds(&rows[i]);
}

static void a_skip_is_no_contact(void **state)
{
	CLEANUP(policy_freep) struct policy *to = NULL;
	struct world w;

	(void)state;
	world_init(&w, LADDER, TEN);
	assert_int_equal(policy_parse(OTHER, strlen(OTHER), &to, NULL), 0);
	w.e.policy_digest = w.policy->digest;
	walked(&w, "reminder", STEP_SKIPPED, "no_address", "2026-04-02T08:00:00Z");
	assert_null(migration_plan(&w.e, to, NULL).refused); /* nobody heard anything yet */
	walked(&w, "second", STEP_SKIPPED, "unknown", "2026-04-09T08:00:00Z"); /* perhaps somebody did */
	assert_string_equal(migration_plan(&w.e, to, NULL).refused, "no_common_step");
	w.e.policy_digest = NULL;
	assert_string_equal(migration_plan(&w.e, to, NULL).refused, "not_open"); /* its policy is not chosen yet */
	world_clear(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_rows),
		cmocka_unit_test(a_skip_is_no_contact),
	};

	return cmocka_run_group_tests_name("migration", tests, NULL, NULL);
}
