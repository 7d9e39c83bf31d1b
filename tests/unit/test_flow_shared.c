/* A call about several invoices: what becomes of the others when it is over for one of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/flow_world.h"

#define OWED(n)                                                                                                                                  \
	EVENT("e" n, "invoice.finalized", "\"invoice\":{\"id\":\"inv_" n "\",\"number\":\"" n "\",\"version\":1,\"status\":\"open\","                  \
		"\"issued_on\":\"2026-03-02\",\"due_on\":\"2026-04-07\",\"currency\":\"EUR\",\"total_minor\":1000,\"due_minor\":1000},"                 \
		"\"customer\":{\"id\":\"cus_7\",\"name\":\"C\",\"country\":\"GB\",\"kind\":\"company\",\"locale\":\"en-GB\",\"timezone\":\"UTC\","      \
		"\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"name\":\"M\",\"phone\":\"+442071838750\"}]}")

static const char policy[] = "{\"name\":\"p\",\"title\":\"T\",\"group\":\"debtor\",\"steps\":[{\"id\":\"call\",\"at\":\"due+1d\",\"channel\":\"call\","
			     "\"template\":\"note\",\"tone\":\"friendly\",\"deadline\":\"3d\"}]}";

static const struct item *item(struct world *w, const char *key, const char *field)
{
	return find(w, arena_printf(w->arena, "dunning:{0}:%s", key), field);
}

static bool waits(struct world *w, const char *task)
{
	return item(w, "tasks", task) != NULL;
}

static void assert_says(struct world *w, const char *invoice, const char *what)
{
	const struct item *doc = item(w, arena_printf(w->arena, "escalation:%s", invoice), "");

	assert_non_null(doc);
	if (!memmem(doc->value, doc->len, what, strlen(what)))
		fail_msg("%s: no %s in %.*s", invoice, what, (int)doc->len, (const char *)doc->value);
}

/* inv_1, inv_2 and inv_3 are called about at once. */
static struct world *called(void)
{
	struct world *w = running(0);
	struct library *old = w->library;

	assert_int_equal(file_replace(arena_printf(w->arena, "%s/policies/p.json", w->dir), policy, sizeof(policy) - 1, 0600), 0);
	assert_int_equal(file_replace(arena_printf(w->arena, "%s/templates/en/note.txt", w->dir), "Ask for {{balance}}.\n", 21, 0600), 0);
	w->library = load_library(w);
	dunner_reload(w->dunner, w->library);
	library_free(old);
	push(w, 1, OWED("1"));
	push(w, 2, OWED("2"));
	push(w, 3, OWED("3"));
	pass(w, HOUR_MS);
	assert_true(waits(w, "call:inv_1:call"));
	for (int i = 1; i <= 3; i++)
		assert_says(w, arena_printf(w->arena, "inv_%d", i), "\"task\":\"call:inv_1:call\"");
	return w;
}

static void what_ends_it_for_one(struct world *w, const char *event)
{
	push(w, 4, event);
	pass(w, HOUR_MS);
	assert_false(waits(w, "call:inv_1:call"));
	assert_true(waits(w, "call:inv_2:call"));
	assert_says(w, "inv_2", "\"task\":\"call:inv_2:call\"");
	assert_says(w, "inv_3", "\"task\":\"call:inv_2:call\"");
	close_world(w);
}

static void paid_it_is_asked_anew_for_the_others(void **state)
{
	struct world *w = called();

	(void)state;
	what_ends_it_for_one(w, EVENT("e4", "invoice.payment_received", "\"invoice_id\":\"inv_1\",\"payment_id\":\"p1\",\"amount_minor\":1000"));
}

static void disputed_it_is_asked_anew_for_the_others(void **state)
{
	struct world *w = called();

	(void)state;
	what_ends_it_for_one(w, EVENT("e4", "dispute.opened", "\"invoice_id\":\"inv_1\",\"dispute_id\":\"d1\""));
}

/* It was made while it was about all of them, and is told when it had become another one. */
static void made_before_it_is_told_after(void **state)
{
	struct world *w = called();

	(void)state;
	push(w, 4, EVENT("e4", "invoice.payment_received", "\"invoice_id\":\"inv_1\",\"payment_id\":\"p1\",\"amount_minor\":1000"));
	pass(w, HOUR_MS);
	assert_true(waits(w, "call:inv_2:call"));
	push(w, 5, EVENT("e5", "call.completed", "\"invoice_id\":\"inv_3\",\"call_id\":\"c1\",\"outcome\":\"promise\",\"until_on\":\"2026-04-20\""));
	pass(w, HOUR_MS);
	assert_false(waits(w, "call:inv_2:call"));
	for (int i = 2; i <= 3; i++) {
		assert_says(w, arena_printf(w->arena, "inv_%d", i), "\"end\":\"done\",\"reason\":\"promise\"");
		assert_says(w, arena_printf(w->arena, "inv_%d", i), "\"until_on\":\"2026-04-20\"");
	}
	close_world(w);
}

/* A kill behind the journal or before it: all of them, or none. */
static void and_so_it_is_when_killed_meanwhile(void **state)
{
	static const enum op ops[] = { APPEND, COMMIT };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		struct world *w = called();

		w->held[ops[i]] = true;
		push(w, 4, EVENT("e4", "dispute.opened", "\"invoice_id\":\"inv_1\",\"dispute_id\":\"d1\""));
		pass(w, HOUR_MS);
		end_life(w);
		w->held[ops[i]] = false;
		w->handed_pseq = w->journal[w->journaled - 1].head.pseq;
		begin(w);
		pass(w, HOUR_MS);
		assert_true(waits(w, "call:inv_2:call"));
		assert_false(waits(w, "call:inv_1:call"));
		assert_says(w, "inv_3", "\"task\":\"call:inv_2:call\"");
		close_world(w);
	}
}

/* Nobody called in time: each of them goes on without. */
static void expired_it_is_over_for_all(void **state)
{
	struct world *w = called();

	(void)state;
	pass(w, 5 * DAY_MS);
	for (int i = 1; i <= 3; i++)
		assert_says(w, arena_printf(w->arena, "inv_%d", i), "task_expired");
	assert_false(waits(w, "call:inv_1:call"));
	assert_false(waits(w, "call:inv_2:call"));
	close_world(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paid_it_is_asked_anew_for_the_others),
		cmocka_unit_test(disputed_it_is_asked_anew_for_the_others),
		cmocka_unit_test(made_before_it_is_told_after),
		cmocka_unit_test(and_so_it_is_when_killed_meanwhile),
		cmocka_unit_test(expired_it_is_over_for_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
