/* What came of a call, by the rules alone: what is confirmed, who is called again, who was the wrong one. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/escalation_world.h"

#define CALLS POLICY("\"courtesy\":{\"thanks\":\"thanks\",\"apology\":\"sorry\"},", MAIL("reminder", "due+1d", "") "," \
	"{\"id\":\"call\",\"at\":\"due+5d\",\"channel\":\"call\",\"template\":\"t\",\"deadline\":\"2bd\",\"confirm\":\"recap\"}," MAIL("last", "due+40d", ""))
#define CALLED "2026-04-07T08:00:00Z"

#define WITH(members) POLICY(members, MAIL("reminder", "due+1d", "") "," MAIL("second", "due+8d", "") "," MAIL("third", "due+30d", ""))

static void refresh(struct world *w, const char *now)
{
	world_at(w, now);
	escalation_refresh(&w->e, &w->debtor, &w->rules, &w->fx);
}

/* Who reached nobody confirms nothing, and takes nothing back of what was said to whom was reached before; who did has the last word. */
static void what_was_said_is_confirmed(void **state)
{
	static const struct {
		enum call_outcome first, second;
		const char *id;
	} rows[] = { { CALL_VOICEMAIL, CALL_UNREACHABLE, "" }, { CALL_PROMISE, CALL_VOICEMAIL, "confirm:1" }, { CALL_PROMISE, CALL_WRONG_CONTACT, "confirm:1" },
		{ CALL_VOICEMAIL, CALL_PROMISE, "confirm:2" }, { CALL_PROMISE, CALL_DISPUTE, "confirm:2" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct event call = { .id = "c1", .source = "s", .time = at(CALLED), .outcome = rows[i].first, .who = "lea", .until_on = date_of(2026, 4, 9) };
		struct next_action next;
		struct world w;

		world_init(&w, CALLS, CALLED);
		escalation_called(&w.e, &call, "call", NULL, &w.rules, &w.fx);
		call.id = "c2";
		call.outcome = rows[i].second;
		escalation_called(&w.e, &call, NULL, NULL, &w.rules, &w.fx);
		assert_int_equal(w.e.wrong_contact, rows[i].second == CALL_WRONG_CONTACT);
		next = escalation_next(&w.e, &w.debtor, &w.rules);
		assert_string_equal(next.aside.id, rows[i].id);
		world_clear(&w);
	}
}

/* --- to be called again ---------------------------------------------------------------------------------------------------------- */

static struct event call_of(enum call_outcome outcome, const char *time, const char *back)
{
	return (struct event){ .type = EVENT_CALL_COMPLETED, .id = time, .source = "s", .time = at(time), .order = { 0, at(time), "s", time },
		.outcome = outcome, .who = "lea", .until_on = date_none(), .back_at = back ? at(back) : 0 };
}

/* They rang us, or nobody called in time: no step is owed again, and yet they are called, and not written to before. */
static void who_rings_us_is_called_back(void **state)
{
	struct event asked = call_of(CALL_BACK_AT, "2026-04-08T08:00:00Z", "2026-04-10T12:00:00Z"), again = call_of(CALL_VOICEMAIL, "2026-04-10T12:05:00Z", NULL);
	struct event late = call_of(CALL_VOICEMAIL, "2026-04-07T08:00:00Z", NULL);
	CLEANUP(buf_clear) struct buf stored = { 0 };
	struct escalation back;
	const struct task *task;
	struct next_action next;
	struct world w;

	(void)state;
	for (int how = 0; how < 4; how++) { /* nobody calls; a call is logged; the task is done; the invoice is closed */
		world_init(&w, POLICY("", MAIL("reminder", "due+1d", "") "," MAIL("second", "due+7d", "") "," CALL_STEP), "2026-04-08T08:00:00Z");
		walked(&w, "reminder", STEP_SENT, NULL, TEN);
		escalation_called(&w.e, &asked, NULL, NULL, &w.rules, &w.fx);
		task = find_task(&w.fx, "call_back");
		assert_non_null(task);
		assert_string_equal(task->id, "call_back:inv_42");
		assert_int_equal(task->deadline, at("2026-04-10T12:00:00Z"));
		assert_string_equal(task->owner, "lea"); /* the policy's own calls are nobody's */
		refresh(&w, "2026-04-08T08:00:00Z");
		assert_string_equal(w.e.held, "call_back_at");
		assert_int_equal(w.e.next_at, at("2026-04-13T07:00:00Z")); /* a Friday: when business opens on Monday */
		buf_reset(&stored);
		escalation_write(&stored, &w.e);
		assert_int_equal(escalation_read(w.arena, stored.data, stored.len, &back, NULL), 0);
		assert_memory_equal(&back.call_back, &w.e.call_back, sizeof(back.call_back));
		escalation_called(&w.e, &late, NULL, NULL, &w.rules, &w.fx); /* told late of one before */
		refresh(&w, "2026-04-10T12:05:00Z");
		assert_string_equal(w.e.held, "call_back_at");
		assert_null(find_task(&w.fx, "call_back"));
		if (how == 0) {
			refresh(&w, "2026-04-13T07:00:00Z");
			assert_null(w.e.held);
			next = escalation_next(&w.e, &w.debtor, &w.rules);
			assert_int_equal(next.kind, NEXT_CONTACT);
			assert_int_equal(next.at, w.rules.now);
			assert_null(find_task(&w.fx, "call_back")); /* somebody still owes them that call */
			escalation_called(&w.e, &again, NULL, NULL, &w.rules, &w.fx);
			assert_true(find_task(&w.fx, "call_back")->close);
		} else if (how == 1) {
			escalation_called(&w.e, &again, NULL, NULL, &w.rules, &w.fx);
			assert_string_equal(find_task(&w.fx, "call_back")->result, "done");
		} else if (how == 2) {
			escalation_task_done(&w.e, &w.debtor, "call_back:inv_42", &w.fx);
		} else {
			w.e.invoice.snapshot.paid = 120000;
			w.e.invoice.snapshot.due = 0;
		}
		refresh(&w, "2026-04-13T08:00:00Z");
		assert_null(w.e.held);
		assert_int_equal(w.e.call_back.at, 0);
		if (how == 3)
			assert_string_equal(find_task(&w.fx, "call_back")->result, "obsolete");
		world_clear(&w);
	}
}

static void they_name_another_hour(void **state)
{
	struct event first = call_of(CALL_BACK_AT, "2026-04-08T08:00:00Z", "2026-04-09T12:00:00Z"), second = call_of(CALL_BACK_AT, "2026-04-08T09:00:00Z",
		"2027-04-14T12:00:00Z");
	struct next_action next;
	const struct task *task;
	struct world w;

	(void)state;
	world_init(&w, CALLS, "2026-04-08T08:00:00Z");
	escalation_called(&w.e, &first, NULL, NULL, &w.rules, &w.fx);
	refresh(&w, "2026-04-08T09:00:00Z");
	escalation_called(&w.e, &second, NULL, NULL, &w.rules, &w.fx);
	task = find_task(&w.fx, "call_back");
	assert_true(task->close);
	assert_false(task->next->close);
	assert_int_equal(task->next->deadline, at("2026-06-07T09:00:00Z")); /* in sixty days at the latest */
	world_clear(&w);

	world_init(&w, CALLS, "2026-04-08T08:00:00Z"); /* the step itself is owed again: at the hour that they named last */
	walked(&w, "reminder", STEP_SENT, NULL, TEN);
	w.e.state = ESCALATION_TASK;
	w.e.step = "call";
	w.e.task = "call:inv_42:call";
	escalation_called(&w.e, &first, "call", "call:inv_42:call", &w.rules, &w.fx);
	second.back_at = at("2026-04-10T12:00:00Z");
	escalation_called(&w.e, &second, NULL, NULL, &w.rules, &w.fx);
	assert_null(find_task(&w.fx, "call_back"));
	next = escalation_next(&w.e, &w.debtor, &w.rules);
	assert_int_equal(next.kind, NEXT_CONTACT);
	assert_int_equal(next.at, at("2026-04-10T12:00:00Z"));
	assert_string_equal(next.why, "call_back_at");
	/* the step is left out before: the next one, a mail, waits for the hour too, and another hour asks for a call of its own */
	escalation_walked(&w.e, w.arena, "call", STEP_SKIPPED, "promise_broken", w.rules.now, NULL);
	w.rules.now = at("2026-04-10T11:00:00Z");
	w.e.invoice.snapshot.due_on = date_of(2026, 2, 1); /* the last step is owed by now */
	w.e.walk[0].at = at("2026-02-02T08:00:00Z");
	assert_int_equal(escalation_next(&w.e, &w.debtor, &w.rules).at, at("2026-04-10T12:00:00Z"));
	second.time = w.rules.now;
	second.back_at = at("2026-04-13T12:00:00Z");
	escalation_called(&w.e, &second, NULL, NULL, &w.rules, &w.fx);
	assert_non_null(find_task(&w.fx, "call_back"));
	world_clear(&w);
}

/* --- "I have paid" --------------------------------------------------------------------------------------------------------------- */

/* On the page, by a key or on the telephone: somebody looks for it, and once they have looked in vain the ladder goes on. */
static void who_says_that_it_is_paid(void **state)
{
	static const struct {
		const char *name;
		enum event_type type;
		enum call_outcome outcome;
		bool already;
		const char *hold;
	} rows[] = {
		{ "on the page", EVENT_INVOICE_PAYMENT_ANNOUNCED, CALL_NONE, true, "says_paid" },
		{ "by a key", EVENT_CONTACT_REPLY_RECEIVED, CALL_NONE, true, "says_paid" },
		{ "on the telephone", EVENT_CALL_COMPLETED, CALL_PAID, false, "says_paid" },
		{ "it will be", EVENT_INVOICE_PAYMENT_ANNOUNCED, CALL_NONE, false, "announced" },
		{ "it will be, on the telephone", EVENT_CALL_COMPLETED, CALL_IN_PAYMENT, false, "announced" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct event said = call_of(rows[i].outcome, "2026-04-08T08:00:00Z", NULL);
		bool looked = strcmp(rows[i].hold, "says_paid") == 0;
		CLEANUP(buf_clear) struct buf stored = { 0 };
		struct escalation back;
		struct world w;

		world_init(&w, WITH(""), "2026-04-08T08:00:00Z");
		walked(&w, "reminder", STEP_SENT, NULL, TEN);
		said.type = rows[i].type;
		said.announced = rows[i].already;
		said.at = said.time;
		if (said.outcome)
			escalation_called(&w.e, &said, NULL, NULL, &w.rules, &w.fx);
		else
			assert_true(invoice_apply(&w.e.invoice, &said, w.arena));
		refresh(&w, "2026-04-08T08:00:00Z");
		if (!w.e.held || strcmp(w.e.held, rows[i].hold) != 0 || (find_task(&w.fx, "find_payment") != NULL) != looked)
			fail_msg("%s: %s", rows[i].name, w.e.held ? w.e.held : "not held");
		escalation_write(&stored, &w.e);
		assert_int_equal(escalation_read(w.arena, stored.data, stored.len, &back, NULL), 0);
		if (!said.outcome && back.invoice.facts[0].says_paid != looked)
			fail_msg("%s: stored", rows[i].name);
		world_at(&w, "2026-04-10T08:00:00Z");
		escalation_task_done(&w.e, &w.debtor, "find_payment:inv_42", &w.fx);
		assert_int_equal(count_drafts(w.fx.records, "hold.ended"), looked);
		escalation_refresh(&w.e, &w.debtor, &w.rules, &w.fx);
		if (!w.e.held != looked || find_task(&w.fx, "find_payment") || count_drafts(w.fx.records, "hold.ended") != looked)
			fail_msg("%s: looked for", rows[i].name);
		assert_int_equal(escalation_next(&w.e, &w.debtor, &w.rules).kind, looked ? NEXT_CONTACT : NEXT_HELD);
		world_clear(&w);
	}
}

/* --- the wrong one --------------------------------------------------------------------------------------------------------------- */

/* Nobody else can be reached: the step waits for the right one, and is not lost to the next who rings; after a week it is. */
static void nobody_else_than_the_wrong_one(void **state)
{
	struct event call = call_of(CALL_WRONG_CONTACT, "2026-04-09T08:00:00Z", NULL);
	struct next_action next;

	(void)state;
	for (int how = 0; how < 4; how++) { /* nobody does anything; the data are mended; the task is done; it is another invoice, and its task is done */
		struct contact petit = { .id = "c1", .role = "billing", .name = "M. Petit", .email = "petit@dupont.example" };
		struct world w;

		world_init(&w, WITH(""), "2026-04-09T08:00:00Z");
		walked(&w, "reminder", STEP_SENT, NULL, TEN);
		debtor_wrong_add(&w.debtor, w.arena, &w.contact, how == 3 ? "inv_9" : "inv_42", w.rules.now);
		if (how != 3) {
			escalation_called(&w.e, &call, NULL, NULL, &w.rules, &w.fx);
			assert_non_null(find_task(&w.fx, "fix_contact"));
		}
		refresh(&w, "2026-04-09T08:00:00Z");
		assert_string_equal(w.e.held, "wrong_contact");
		assert_int_equal(w.e.next_at, at("2026-04-16T08:00:00Z"));
		assert_int_equal(find_task(&w.fx, "fix_contact") != NULL, how == 3); /* its own call opened the other ones */
		world_at(&w, how ? "2026-04-10T08:00:00Z" : "2026-04-16T08:00:00Z");
		if (how == 1) {
			w.debtor.customer.contacts = &petit;
			debtor_wrong_mended(&w.debtor);
		} else if (how) {
			escalation_task_done(&w.e, &w.debtor, "fix_contact:inv_42", &w.fx);
		}
		escalation_refresh(&w.e, &w.debtor, &w.rules, &w.fx);
		assert_int_equal(count_drafts(w.fx.records, "hold.ended"), 1);
		assert_null(w.e.held);
		next = escalation_next(&w.e, &w.debtor, &w.rules);
		if (how) {
			assert_int_equal(next.kind, NEXT_CONTACT);
			assert_int_equal(next.step, 1);
			assert_int_equal(w.e.call.outcome, CALL_NONE);
		} else {
			assert_string_equal(w.e.walk[1].reason, "no_address");
			assert_non_null(find_task(&w.fx, "no_address"));
		}
		assert_int_equal(find_task(&w.fx, "fix_contact") != NULL, how == 1); /* done; else whoever did it closes it, or it is still to be done */
		world_clear(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_said_is_confirmed),
		cmocka_unit_test(who_rings_us_is_called_back),
		cmocka_unit_test(they_name_another_hour),
		cmocka_unit_test(who_says_that_it_is_paid),
		cmocka_unit_test(nobody_else_than_the_wrong_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
