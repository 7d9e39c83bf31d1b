/* What a debtor said in words of their own waits for a person: longer than its hold, beside another one, and not again once it was read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/escalation_world.h"

#define STEPS POLICY("", MAIL("reminder", "due+1d", "") "," MAIL("second", "due+8d", "") "," MAIL("third", "due+30d", ""))
#define TOLD "2026-04-08T08:00:00Z"

static const struct {
	enum fact_kind kind;
	const char *task;
} said[] = { { FACT_REPLY, "answer_reply" }, { FACT_ANNOUNCED, "find_payment" } };

/* As its event does it: of replies an invoice has the last one only. */
static bool writes(struct world *w, const char *id, const char *told, const char *text)
{
	const struct event e = { .type = EVENT_CONTACT_REPLY_RECEIVED, .source = "s", .id = id, .order = { 0, at(told), "s", id }, .at = at(told),
		.until_on = date_none(), .text = text };

	w->e.invoice.fact_capacity = ARRAY_LEN(w->facts);
	return invoice_apply(&w->e.invoice, &e, w->arena);
}

static void says(struct world *w, size_t i, const char *id, const char *told)
{
	struct fact *fact;

	if (said[i].kind == FACT_REPLY) {
		assert_true(writes(w, id, told, "What is this for?"));
		return;
	}
	fact = add_fact(w, said[i].kind, told, NULL);
	fact->id = id;
	fact->says_paid = true;
}

/* The stored form takes part: what is asked is known after a restart. */
static void refresh(struct world *w, const char *now)
{
	CLEANUP(buf_clear) struct buf stored = { 0 };

	escalation_write(&stored, &w->e);
	assert_int_equal(escalation_read(w->arena, arena_strdup(w->arena, buf_str(&stored)), stored.len, &w->e, NULL), 0);
	memcpy(w->facts, w->e.invoice.facts, w->e.invoice.fact_count * sizeof(w->facts[0])); /* where add_fact() adds */
	w->e.invoice.facts = w->facts;
	world_at(w, now);
	escalation_refresh(&w->e, &w->debtor, &w->rules, &w->fx);
}

static void the_hold_ends_and_the_task_stands(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(said); i++) {
		const struct task *task;
		struct world w;

		world_init(&w, STEPS, TOLD);
		walked(&w, "reminder", STEP_SENT, NULL, TEN);
		says(&w, i, "first", TOLD);
		refresh(&w, TOLD);
		task = find_task(&w.fx, said[i].task);
		assert_true(task && !task->close && task->deadline == w.e.held_until);
		assert_int_equal(task->script != NULL, said[i].kind == FACT_REPLY);
		if (task->script) /* read again, its words are no longer at hand: where they are is said */
			assert_string_equal(task->script, "(All of it, with what came with it and before it: dunningctl trail log inv_42 --parts)");
		refresh(&w, "2026-04-28T08:00:00Z");
		assert_null(w.e.held);
		assert_null(find_task(&w.fx, said[i].task));
		says(&w, i, "another", "2026-04-28T08:00:00Z");
		refresh(&w, "2026-04-28T08:00:00Z");
		assert_non_null(find_task(&w.fx, said[i].task));
		escalation_stop(&w.e, &w.debtor, &w.fx);
		for (task = w.fx.tasks; task->next; task = task->next)
			;
		assert_string_equal(task->kind, said[i].task);
		assert_string_equal(task->result, "obsolete");
		world_clear(&w);
	}
}

static void who_read_it_is_not_asked_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(said); i++) {
		struct world w;

		world_init(&w, STEPS, TOLD);
		walked(&w, "reminder", STEP_SENT, NULL, TEN);
		says(&w, i, "first", TOLD);
		refresh(&w, TOLD);
		escalation_task_done(&w.e, &w.debtor, arena_printf(w.arena, "%s:inv_42", said[i].task), &w.fx);
		refresh(&w, "2026-04-09T08:00:00Z");
		assert_null(w.fx.tasks);
		refresh(&w, "2026-04-28T08:00:00Z");
		escalation_stop(&w.e, &w.debtor, &w.fx);
		assert_null(w.fx.tasks);
		world_clear(&w);
	}
}

/* Where a dispute holds already, and where it is told when its hold is long over. */
static void asked_beside_a_hold_and_late(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(said); i++)
		for (int late = 0; late < 2; late++) {
			const struct task *task;
			struct world w;

			world_init(&w, STEPS, TOLD);
			walked(&w, "reminder", STEP_SENT, NULL, TEN);
			if (!late)
				add_fact(&w, FACT_DISPUTE, TOLD, NULL);
			says(&w, i, "first", late ? "2026-03-20T08:00:00Z" : TOLD);
			refresh(&w, TOLD);
			task = find_task(&w.fx, said[i].task);
			assert_true(task && task->deadline >= w.rules.now);
			assert_int_equal(w.e.held != NULL, !late);
			world_clear(&w);
		}
}

/* What may ask for an end holds until a person says what it is: by its task, or by taking up the ladder again. A closed invoice asks nothing. */
static void what_may_ask_for_an_end_holds_until_it_is_read(void **state)
{
	enum { DONE, RESUMED, ANOTHER_WORD, CLOSED, WAYS };

	(void)state;
	for (int way = 0; way < WAYS; way++) {
		struct world w;

		world_init(&w, STEPS, TOLD);
		walked(&w, "reminder", STEP_SENT, NULL, TEN);
		assert_true(writes(&w, "first", TOLD, "We have paid; stop it"));
		refresh(&w, TOLD);
		assert_string_equal(find_task(&w.fx, "answer_reply")->reason, "no_more");
		refresh(&w, "2026-04-28T08:00:00Z");
		assert_string_equal(w.e.held ? w.e.held : "", "reply");
		escalation_resume(&w.e, w.e.invoice.facts[0].at - 1); /* said before it came */
		refresh(&w, "2026-05-28T08:00:00Z");
		assert_string_equal(w.e.held ? w.e.held : "", "reply");
		if (way == DONE)
			escalation_task_done(&w.e, &w.debtor, "answer_reply:inv_42", &w.fx);
		if (way == RESUMED)
			escalation_resume(&w.e, w.rules.now);
		if (way == CLOSED)
			escalation_stop(&w.e, &w.debtor, &w.fx);
		if (way == ANOTHER_WORD) { /* that its hold ends does not end the first one's */
			says(&w, 0, "second", "2026-05-28T08:00:00Z");
			refresh(&w, "2026-06-28T08:00:00Z");
		}
		assert_int_equal(invoice_view(&w.e.invoice).no_more != NULL, way == ANOTHER_WORD);
		refresh(&w, "2026-06-28T08:00:00Z");
		assert_int_equal(w.e.held && strcmp(w.e.held, "reply") == 0, way == ANOTHER_WORD);
		world_clear(&w);
	}
}

/* Each answer is asked about, also where the one before it was read, or is not read yet; that is late on the day on which the first one is. */
static void each_answer_is_asked_about(void **state)
{
	(void)state;
	for (int read = 0; read < 2; read++) {
		const struct task *task;
		struct world w;
		int64_t first;

		world_init(&w, STEPS, TOLD);
		walked(&w, "reminder", STEP_SENT, NULL, TEN);
		says(&w, 0, "first", TOLD);
		refresh(&w, TOLD);
		first = find_task(&w.fx, "answer_reply")->deadline;
		if (read)
			escalation_task_done(&w.e, &w.debtor, "answer_reply:inv_42", &w.fx);
		says(&w, 0, "second", "2026-04-09T08:00:00Z");
		world_at(&w, "2026-04-09T08:00:00Z");
		escalation_refresh(&w.e, &w.debtor, &w.rules, &w.fx); /* its words are at hand */
		task = find_task(&w.fx, "answer_reply");
		assert_true(task && !task->close);
		assert_non_null(strstr(task->script, "What is this for?"));
		assert_true(read ? task->deadline > first : task->deadline == first);
		refresh(&w, "2026-04-09T08:00:00Z");
		assert_null(find_task(&w.fx, "answer_reply"));
		world_clear(&w);
	}
}

/* In whatever order they come, and however often. */
static void what_asks_for_no_more_is_not_talked_over(void **state)
{
	static const char later[] = "2026-04-09T08:00:00Z";

	(void)state;
	for (int order = 0; order < 2; order++) {
		CLEANUP(buf_clear) struct buf stored = { 0 };
		struct world w;

		world_init(&w, STEPS, TOLD);
		walked(&w, "reminder", STEP_SENT, NULL, TEN);
		assert_true(order ? writes(&w, "second", later, "Thank you") : writes(&w, "first", TOLD, "We have paid; stop it"));
		if (order) { /* read before the older one came */
			refresh(&w, later);
			escalation_task_done(&w.e, &w.debtor, "answer_reply:inv_42", &w.fx);
		}
		assert_true(order ? writes(&w, "first", TOLD, "We have paid; stop it") : writes(&w, "second", later, "Thank you"));
		refresh(&w, later);
		assert_string_equal(find_task(&w.fx, "answer_reply")->reason, "no_more");
		refresh(&w, "2026-05-28T08:00:00Z");
		assert_string_equal(w.e.held ? w.e.held : "", "reply");
		escalation_task_done(&w.e, &w.debtor, "answer_reply:inv_42", &w.fx);
		assert_false(writes(&w, "first", TOLD, "We have paid; stop it")); /* told again */
		assert_false(writes(&w, "second", later, "Thank you"));
		refresh(&w, "2026-05-29T08:00:00Z");
		assert_null(w.e.held);
		assert_null(find_task(&w.fx, "answer_reply"));
		escalation_write(&stored, &w.e);
		assert_non_null(strstr(buf_str(&stored), "\"told\""));
		world_clear(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_answer_is_asked_about),
		cmocka_unit_test(what_asks_for_no_more_is_not_talked_over),
		cmocka_unit_test(the_hold_ends_and_the_task_stands),
		cmocka_unit_test(who_read_it_is_not_asked_again),
		cmocka_unit_test(asked_beside_a_hold_and_late),
		cmocka_unit_test(what_may_ask_for_an_end_holds_until_it_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
