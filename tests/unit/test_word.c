/* Keeping our word, by the rules alone: what may be said when, offers to the cent, what closed invoices teach, and documents that come back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/worth.h"
#include "tests/unit/escalation_world.h"

#define THREAT POLICY("", MAIL("reminder", "due+1d", "") ",{\"id\":\"formal\",\"at\":\"due+8d\",\"channel\":\"email\",\"template\":\"t\",\"tone\":\"legal\"," \
	"\"requires\":[\"document\",\"reminder\"],\"announces\":{\"step\":\"give\",\"within\":\"20d\"}}," \
	"{\"id\":\"give\",\"at\":\"formal+14d\",\"action\":\"handover\",\"role\":\"owner\",\"requires\":[\"notice\"]}," \
	"{\"id\":\"more\",\"at\":\"due+60d\",\"channel\":\"email\",\"template\":\"t\",\"tone\":\"legal\"}," \
	"{\"id\":\"end\",\"at\":\"due+90d\",\"gate\":\"decision\",\"role\":\"owner\"}")
#define OWED "2026-04-09T08:00:00Z"

static void threatened(struct world *w)
{
	world_init(w, THREAT, OWED);
	walked(w, "reminder", STEP_SENT, NULL, TEN);
	w->e.invoice.snapshot.pdf_sha256 = "00";
	walked(w, "formal", STEP_SENT, NULL, OWED);
	escalation_step_effects(&w->e, &w->debtor, w->policy, "formal", &w->fx);
}

static void a_step_rests_on_what_it_requires(void **state)
{
	struct world w;
	struct next_action next;

	(void)state;
	world_init(&w, THREAT, OWED);
	walked(&w, "reminder", STEP_SKIPPED, "no_address", TEN);
	next = escalation_next(&w.e, &w.debtor, &w.rules);
	assert_int_equal(next.kind, NEXT_HELD);
	assert_string_equal(next.why, "incomplete");
	assert_string_equal(escalation_lacks(&w.e, &w.debtor, w.policy, &w.policy->steps[1].needs, w.arena), "document, reminder");
	w.e.invoice.snapshot.pdf_sha256 = "00";
	w.walk[0].reason = "operator"; /* a person left it out */
	assert_int_equal(escalation_next(&w.e, &w.debtor, &w.rules).kind, NEXT_CONTACT);
	world_clear(&w);
}

static void what_may_be_said_when(void **state)
{
	static const struct {
		const char *command, *what;
		int before, open; /* without a word of ours, and while it is open */
	} rows[] = {
		{ "commitment_execute", NULL, -EBADMSG, -EBADMSG }, /* it takes a handover */
		{ "commitment_withdraw", NULL, -EBADMSG, 0 },
		{ "handover", "lawyer", -EBADMSG, 0 }, /* nothing was announced: the policy asks for it */
		{ "handover", "my brother", -EBADMSG, -EBADMSG },
		{ "handover_result", "kept", -EBADMSG, -EBADMSG },
		{ "waive", "notice", 0, 0 },
		{ "waive", "luck", -EBADMSG, -EBADMSG },
		{ "decide", "stop", 0, -EBADMSG },
		{ "decide", "write_off", 0, -EBADMSG },
		{ "decide", "settle", 0, 0 },
		{ "hold", NULL, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world w;

		world_init(&w, THREAT, OWED);
		if (commitment_may(&w.e, &w.debtor, w.policy, rows[i].command, rows[i].what, NULL) != rows[i].before)
			fail_msg("%s %s before", rows[i].command, rows[i].what ? rows[i].what : "");
		world_clear(&w);
		threatened(&w);
		assert_int_equal(w.e.commitment.state, COMMITMENT_OPEN);
		if (commitment_may(&w.e, &w.debtor, w.policy, rows[i].command, rows[i].what, NULL) != rows[i].open)
			fail_msg("%s %s while it is open", rows[i].command, rows[i].what ? rows[i].what : "");
		world_clear(&w);
	}
}

static void no_second_word_while_one_is_open(void **state)
{
	struct event command = { .command = "commitment_withdraw", .who = "me", .why = "x" };
	struct next_action next;
	struct world w;

	(void)state;
	threatened(&w);
	walked(&w, "give", STEP_SKIPPED, "operator", OWED);
	world_at(&w, "2026-06-02T08:00:00Z");
	next = escalation_next(&w.e, &w.debtor, &w.rules);
	assert_int_equal(next.kind, NEXT_HELD);
	assert_string_equal(next.why, "commitment");
	assert_true(commitment_said(&w.e, &w.debtor, w.policy, &command, "", &w.fx));
	assert_int_equal(w.e.commitment.state, COMMITMENT_WITHDRAWN);
	next = escalation_next(&w.e, &w.debtor, &w.rules); /* first in writing */
	assert_int_equal(next.kind, NEXT_ASIDE);
	assert_string_equal(next.aside.id, "withdrawn:1");
	world_clear(&w);
}

/* A stop and a write-off leave our word where it was; a payment ends it. */
static void taken_back_although_it_ended(void **state)
{
	struct event command = { .command = "commitment_withdraw", .who = "me", .why = "x" };
	struct next_action next;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct world w;

		threatened(&w);
		assert_true(commitment_said(&w.e, &w.debtor, w.policy, &command, "", &w.fx));
		world_at(&w, OWED);
		if (i == 0)
			escalation_stop(&w.e, &w.debtor, &w.fx);
		w.e.invoice.snapshot.status = i == 0 ? INVOICE_OPEN : i == 1 ? INVOICE_UNCOLLECTIBLE : INVOICE_PAID;
		escalation_refresh(&w.e, &w.debtor, &w.rules, &w.fx);
		assert_int_equal(w.e.state, ESCALATION_CLOSED);
		next = escalation_next(&w.e, &w.debtor, &w.rules);
		assert_int_equal(next.kind, i < 2 ? NEXT_ASIDE : NEXT_NONE);
		if (i == 2) {
			assert_true(find_task(&w.fx, "withdraw_in_writing")->close);
			world_clear(&w);
			continue;
		}
		assert_string_equal(next.aside.id, "withdrawn:1");
		assert_null(find_task(&w.fx, "withdraw_in_writing")); /* one that is open stays so */
		paused_until(&w); /* no timer would look again: a person writes */
		escalation_refresh(&w.e, &w.debtor, &w.rules, &w.fx);
		assert_false(find_task(&w.fx, "withdraw_in_writing")->close);
		world_at(&w, "2026-04-10T08:00:00Z");
		w.e.invoice.snapshot.status = INVOICE_PAID;
		escalation_refresh(&w.e, &w.debtor, &w.rules, &w.fx);
		if (i == 1)
			assert_true(find_task(&w.fx, "withdraw_in_writing")->close);
		world_clear(&w);
	}
}

/* The policy that it went over to does not know the step that announced it. */
static void taken_back_under_another_policy(void **state)
{
	struct event command = { .command = "commitment_withdraw", .who = "me", .why = "x" };
	CLEANUP(policy_freep) struct policy *other = NULL;
	struct next_action next;
	struct world w;

	(void)state;
	threatened(&w);
	assert_int_equal(policy_parse(LADDER, strlen(LADDER), &other, NULL), 0);
	w.rules.policy = other;
	assert_true(commitment_said(&w.e, &w.debtor, other, &command, "", &w.fx));
	next = escalation_next(&w.e, &w.debtor, &w.rules);
	assert_int_equal(next.kind, NEXT_ASIDE);
	assert_string_equal(next.aside.id, "withdrawn:1");
	assert_string_equal(next.aside.template_name, "withdrawal");
	world_clear(&w);
}

/* Also while the next message is on its way, or in doubt. */
static void a_dispute_excuses_meanwhile(void **state)
{
	static const enum escalation_state states[] = { ESCALATION_SENDING, ESCALATION_DOUBT };

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(states); i++) {
		bool dispute = i % 2;
		struct world w;

		threatened(&w);
		w.e.state = states[i / 2];
		w.e.step = "more";
		w.e.attempt = "y";
		w.e.work_hold_at = at("2026-04-20T08:00:00Z");
		w.e.work_hold_step = "formal";
		if (dispute)
			add_fact(&w, FACT_DISPUTE, "2026-04-20T08:00:00Z", NULL);
		world_at(&w, "2026-04-30T08:00:00Z");
		escalation_refresh(&w.e, &w.debtor, &w.rules, &w.fx);
		assert_int_equal(count_drafts(w.fx.events, "commitment.overdue"), dispute ? 0 : 1);
		assert_int_equal(count_drafts(w.fx.events, "work.hold_requested"), dispute ? 0 : 1);
		world_clear(&w);
	}
}

static void an_overdue_word_is_said_once(void **state)
{
	struct world w;

	(void)state;
	threatened(&w);
	walked(&w, "give", STEP_SKIPPED, "operator", OWED);
	world_at(&w, "2026-04-29T08:00:00Z"); /* 20 days */
	escalation_refresh(&w.e, &w.debtor, &w.rules, &w.fx);
	assert_int_equal(count_drafts(w.fx.events, "commitment.overdue"), 1);
	assert_string_equal(find_task(&w.fx, "commitment")->reason, "overdue");
	escalation_refresh(&w.e, &w.debtor, &w.rules, &w.fx);
	assert_int_equal(count_drafts(w.fx.events, "commitment.overdue"), 1);
	world_clear(&w);
	threatened(&w); /* a dispute excuses it */
	add_fact(&w, FACT_DISPUTE, "2026-04-20T08:00:00Z", NULL);
	world_at(&w, "2026-05-10T08:00:00Z");
	escalation_refresh(&w.e, &w.debtor, &w.rules, &w.fx);
	assert_int_equal(count_drafts(w.fx.events, "commitment.overdue"), 0);
	world_clear(&w);
}

/* Whatever is owed: nothing is asked twice or lost, and no part comes before the one before it. */
static void offers_are_exact(void **state)
{
	static const struct offer less = { .code = "less", .percent = 15, .within_days = 14 }, parts = { .code = "parts", .instalments = 7, .every_days = 30,
		.within_days = 14 };
	struct world w;

	(void)state;
	world_init(&w, LADDER, TEN);
	for (int64_t total = 1; total < 3000; total += 13) {
		const struct business_time when = schedule_window(w.policy, &w.debtor, "Europe/Paris", NULL);
		struct made_offer made;
		int64_t sum = 0;

		w.e.invoice.snapshot.total = w.e.invoice.snapshot.due = total;
		(void)offer_terms(&less, &w.e, &when, date_of(2026, 4, 8), &made, w.arena);
		assert_int_equal(made.amount, total - total * 15 / 100);
		assert_int_equal(made.settles_at, made.amount);
		assert_int_equal(offer_terms(&parts, &w.e, &when, date_of(2026, 4, 8), &made, w.arena), total >= 7);
		for (size_t i = 0; i < made.instalment_count; i++) {
			sum += made.instalments[i].amount;
			assert_true(i == 0 || date_diff(made.instalments[i].due_on, made.instalments[i - 1].due_on) > 0);
			assert_true(date_weekday(made.instalments[i].due_on) <= FRIDAY);
		}
		assert_int_equal(sum, total);
	}
	world_clear(&w);
}

static void what_closed_teaches_and_can_be_taken_back(void **state)
{
	const date due = date_of(2026, 4, 1);
	struct experience none = { 0 }, e = { 0 };
	struct world w;

	(void)state;
	world_init(&w, LADDER, TEN);
	assert_false(worth_count(&w.e, &e, due, date_none(), date_of(2026, 5, 11)));
	w.e.state = ESCALATION_CLOSED;
	w.e.closed = "uncollectible";
	assert_true(worth_count(&w.e, &e, due, date_none(), date_of(2026, 5, 11))); /* 40 days: it was older than 30, and not than 60 */
	assert_int_equal(e.reached[0], 1);
	assert_int_equal(e.reached[1], 1);
	assert_int_equal(e.reached[2], 0);
	assert_int_equal(e.paid[1], 0);
	assert_false(worth_count(&w.e, &e, due, date_none(), date_of(2027, 5, 11))); /* once */
	w.e.closed = "paid";
	assert_true(worth_count(&w.e, &e, due, date_of(2026, 4, 20), date_of(2026, 6, 11)));
	assert_int_equal(e.reached[0], 1);
	assert_int_equal(e.paid[0], 1);
	assert_int_equal(e.reached[1], 0);
	w.e.state = ESCALATION_WAITING;
	w.e.closed = NULL;
	assert_true(worth_count(&w.e, &e, due, date_none(), date_of(2026, 6, 12)));
	assert_memory_equal(&e, &none, sizeof(e));
	world_clear(&w);
}

static void documents_come_back(void **state)
{
	CLEANUP(buf_clear) struct buf first = { 0 }, second = { 0 };
	struct event command = { .command = "handover", .who = "me", .why = "we \"must\"" };
	static const char *const waived[] = { "contract" };
	struct instalment part = { { 20573 }, 40001 };
	struct made_offer offers[] = {
		{ .code = "less", .approver = "A", .until = { 20573 }, .amount = 100, .settles_at = 120, .attempt = "x", .made_at = 5 },
		{ .code = "parts", .until = { 20573 }, .instalments = &part, .instalment_count = 1 } };
	struct escalation back;
	struct err err = { 0 };
	struct world w;

	(void)state;
	threatened(&w);
	(void)commitment_said(&w.e, &w.debtor, w.policy, &command, "lawyer", &w.fx);
	w.e.approved = (struct approved){ "lea", "ask", 7 };
	w.e.waived = arena_memdup(w.arena, waived, sizeof(waived));
	w.e.waived_count = 1;
	w.e.offers = offers;
	w.e.offer_count = 2;
	w.e.late_fee = (struct late_fee){ 4000, 120000, "EUR", "FR-B2B", "L441-10", "formal", "x", 9, 10, "me", "why" };
	w.e.minutes = 25;
	w.e.timed = 1;
	w.e.aged = 2;
	w.e.work_hold_at = 77;
	w.e.work_hold_step = "formal";
	escalation_write(&first, &w.e);
	if (escalation_read(w.arena, first.data, first.len, &back, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	escalation_write(&second, &back);
	assert_string_equal(buf_str(&first), buf_str(&second));
	assert_string_equal(back.handed.to, "lawyer");
	assert_int_equal(back.commitment.state, COMMITMENT_FULFILLED);
	world_clear(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_step_rests_on_what_it_requires),
		cmocka_unit_test(what_may_be_said_when),
		cmocka_unit_test(no_second_word_while_one_is_open),
		cmocka_unit_test(taken_back_although_it_ended),
		cmocka_unit_test(taken_back_under_another_policy),
		cmocka_unit_test(a_dispute_excuses_meanwhile),
		cmocka_unit_test(an_overdue_word_is_said_once),
		cmocka_unit_test(offers_are_exact),
		cmocka_unit_test(what_closed_teaches_and_can_be_taken_back),
		cmocka_unit_test(documents_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
