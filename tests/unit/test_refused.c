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
		cmocka_unit_test(closed_in_doubt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
