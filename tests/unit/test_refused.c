/* What a message that was refused, or of which nobody knows, asks of a person; and when that is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/contact_world.h"

static const struct provider_traits traits = { 0 };

/* Each invoice has lost its own step: somebody looks at it, or it is paid, and the other one's stays. */
static void refused_and_looked_at(void **state)
{
	static const struct outcome refused = { .kind = OUTCOME_REFUSED, .scope = SCOPE_MESSAGE, .reason = "refused", .status = 400 };
	struct attempt_entry entry;
	struct world w;

	(void)state;
	world_sending(&w, LADDER(""), &entry);
	assert_true(contact_settle(&w.env, &w.debtor, w.candidates, INVOICES, &entry, &traits, &refused, &w.fx));
	assert_string_equal(w.fx.tasks->id, "refused:inv_0");
	assert_string_equal(w.fx.tasks->step, "reminder");
	assert_string_equal(w.fx.tasks->next->id, "refused:inv_1");
	assert_null(w.fx.tasks->next->next);
	escalation_task_done(&w.e[0], &w.debtor, "refused:inv_0", &w.fx);
	assert_true(!w.e[0].refused && w.e[1].refused);
	for (int i = 0; i < 2; i++) {
		effects_init(&w.fx, w.arena, w.env.now);
		escalation_stop(&w.e[i], &w.debtor, &w.fx);
		assert_int_equal(w.fx.tasks != NULL, i);
		assert_null(w.e[i].refused);
	}
	assert_string_equal(w.fx.tasks->id, "refused:inv_1");
	assert_string_equal(w.fx.tasks->result, "obsolete");
	assert_null(w.fx.tasks->next);
	world_clear(&w);

	world_sending(&w, LADDER(""), &entry);
	w.e[0].state = ESCALATION_CLOSED; /* paid while it was on its way */
	assert_true(contact_settle(&w.env, &w.debtor, w.candidates, INVOICES, &entry, &traits, &refused, &w.fx));
	assert_string_equal(w.fx.tasks->id, "refused:inv_1");
	assert_null(w.fx.tasks->next);
	world_clear(&w);
}

static struct next_action next_of(struct world *w, size_t i)
{
	struct rules rules = { .policy = w->policies[i], .creditor_zone = w->env.config->creditor.zone, .holidays = w->env.holidays, .guard = w->env.guard,
		.now = w->env.now };

	return escalation_next(&w->e[i], &w->debtor, &rules);
}

/* What is owed already does not follow it in the same second, whatever is skipped or said meanwhile; and each of several is named. */
static void ladder_rests(void **state)
{
	static const struct outcome refused = { .kind = OUTCOME_REFUSED, .scope = SCOPE_MESSAGE, .reason = "refused", .status = 554 };
	struct next_action next;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		int64_t rest = i ? 3 * DAY_MS : DAY_MS;
		struct attempt_entry entry;
		struct world w;

		world_sending(&w, i ? LADDER("\"min_gap\":\"72h\",") : LADDER("\"min_gap\":\"0h\","), &entry);
		w.debtor.contact_count = 0;
		assert_true(contact_settle(&w.env, &w.debtor, w.candidates, INVOICES, &entry, &traits, &refused, &w.fx));
		for (int walked = 0; walked < 3; walked++) {
			next = next_of(&w, 0);
			assert_int_equal(next.kind, NEXT_CONTACT);
			assert_int_equal(next.step, 1);
			assert_true(next.owed_at <= w.env.now && next.at >= w.env.now + rest);
			assert_string_equal(next.why, "step_refused");
			escalation_walked(&w.e[0], w.arena, walked ? "thanks:1" : "other", walked ? STEP_SENT : STEP_SKIPPED, NULL, w.env.now, "x");
		}
		escalation_task_done(&w.e[0], &w.debtor, "refused:inv_0", &w.fx);
		next = next_of(&w, 0);
		assert_true(next.kind == NEXT_CONTACT && next.at == w.env.now);
		escalation_refused(&w.e[1], w.policies[1], "second", "refused", &w.fx);
		escalation_refused(&w.e[1], w.policies[1], "second", "refused", &w.fx);
		assert_string_equal(w.e[1].refused, "reminder, second");
		for (const struct task *t = w.fx.tasks; t; t = t->next)
			if (!t->next)
				assert_string_equal(t->step, "reminder, second");
		world_clear(&w);
	}
}

/* A ladder has an end, and what is said beside it has none: nobody looks, and the document can be read for all that. */
static void many_and_nobody_looks(void **state)
{
	struct attempt_entry entry;
	struct world w;

	(void)state;
	world_sending(&w, LADDER(""), &entry);
	for (int i = 0; i < 300; i++) {
		CLEANUP(buf_clear) struct buf text = { 0 };
		struct escalation back;
		struct err err = { 0 };

		effects_init(&w.fx, w.arena, w.env.now);
		escalation_refused(&w.e[0], w.policies[0], arena_printf(w.arena, "plan:57b159575711:2026-%02d-%02d:due", i / 28 % 12 + 1, i % 28 + 1), "refused",
			&w.fx);
		assert_string_equal(w.fx.tasks->id, "refused:inv_0");
		escalation_write(&text, &w.e[0]);
		if (escalation_read(w.arena, text.data, text.len, &back, &err) < 0)
			fail_msg("%d: %s %s", i, err.path, err.text);
	}
	assert_string_equal(strrchr(w.e[0].refused, ':'), ":due"); /* whole names */
	world_clear(&w);
}

/* What stands beside the ladder is put off for minutes, by its provider's word or its pace: the ladder rests on. */
static void rests_through_a_wait(void **state)
{
	static const struct outcome refused = { .kind = OUTCOME_REFUSED, .scope = SCOPE_MESSAGE, .reason = "refused", .status = 554 },
				    again = { .kind = OUTCOME_TEMPORARY, .scope = SCOPE_MESSAGE, .reason = "greylisted", .status = 451 };
	struct attempt_entry entry;
	struct next_action next;
	struct world w;

	(void)state;
	world_sending(&w, LADDER("\"min_gap\":\"72h\","), &entry);
	assert_true(contact_settle(&w.env, &w.debtor, w.candidates, INVOICES, &entry, &traits, &refused, &w.fx));
	w.e[0].state = ESCALATION_SENDING;
	w.e[0].step = entry.step = "confirm:1";
	w.e[0].attempt = entry.id;
	assert_true(contact_settle(&w.env, &w.debtor, w.candidates, INVOICES, &entry, &traits, &again, &w.fx));
	assert_true(w.e[0].state == ESCALATION_WAITING && w.e[0].retry_at == w.env.now + 5 * MINUTE_MS);
	next = next_of(&w, 0);
	assert_true(next.kind == NEXT_CONTACT && next.at >= w.env.now + 3 * DAY_MS);
	assert_string_equal(next.why, "step_refused");
	w.e[0].retry_why = "rate"; /* as pacing does */
	next = next_of(&w, 0);
	assert_true(next.kind == NEXT_CONTACT && next.at >= w.env.now + 3 * DAY_MS);
	escalation_retry(&w.e[0]); /* a person's word */
	assert_true(next_of(&w, 0).at < w.env.now + 3 * DAY_MS);
	world_clear(&w);
}

/* Paid while nobody knew whether it went out: that is still to be said, and until then there is no word of thanks either. */
static void closed_in_doubt(void **state)
{
	static const struct outcome silence = { .kind = OUTCOME_IN_DOUBT, .reason = "timeout" };
	struct attempt_entry entry;
	struct world w;

	(void)state;
	world_sending(&w, LADDER(""), &entry);
	w.e[0].state = ESCALATION_CLOSED;
	assert_false(escalation_asks(&w.e[0], "sent")); /* it is on its way: its answer comes by itself */
	assert_false(contact_settle(&w.env, &w.debtor, w.candidates, INVOICES, &entry, &traits, &silence, &w.fx));
	escalation_stop(&w.e[1], &w.debtor, &w.fx);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(w.e[i].state, ESCALATION_CLOSED);
		assert_true(escalation_asks(&w.e[i], "sent") && escalation_asks(&w.e[i], "not_sent") && !escalation_asks(&w.e[i], "stop"));
	}
	contact_never_sent(&w.debtor, w.candidates, INVOICES, &entry, "person", &w.fx);
	for (int i = 0; i < 2; i++)
		assert_true(!w.e[i].in_doubt && !escalation_asks(&w.e[i], "sent"));
	world_clear(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_and_looked_at),
		cmocka_unit_test(ladder_rests),
		cmocka_unit_test(many_and_nobody_looks),
		cmocka_unit_test(rests_through_a_wait),
		cmocka_unit_test(closed_in_doubt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
