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

#include "common/law.h"
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
	escalation_step_effects(&w->e, &w->debtor, w->policy, "formal", "formal", &w->fx);
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
		{ "decide", "sent", 0, 0 },
		{ "decide", "writeoff", -EBADMSG, -EBADMSG },
		{ "decide", "", -EBADMSG, -EBADMSG },
		{ "hold", NULL, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world w;

		world_init(&w, THREAT, OWED);
		if (commitment_may(&w.e, &w.debtor, &w.rules, rows[i].command, rows[i].what, "me", NULL) != rows[i].before)
			fail_msg("%s %s before", rows[i].command, rows[i].what ? rows[i].what : "");
		world_clear(&w);
		threatened(&w);
		assert_int_equal(w.e.commitment.state, COMMITMENT_OPEN);
		if (commitment_may(&w.e, &w.debtor, &w.rules, rows[i].command, rows[i].what, "me", NULL) != rows[i].open)
			fail_msg("%s %s while it is open", rows[i].command, rows[i].what ? rows[i].what : "");
		world_clear(&w);
	}
}

/* One way to a lawyer, another to a court: the one that is asked, or was announced, is carried out, and its evidence counts. */
static void of_two_handovers_the_one_that_is_meant(void **state)
{
	static const char two[] = POLICY("", MAIL("formal", "due+8d", "")
		",{\"id\":\"one\",\"at\":\"formal+14d\",\"action\":\"handover\",\"role\":\"owner\",\"requires\":[\"contract\"]},"
		"{\"id\":\"two\",\"at\":\"formal+30d\",\"action\":\"handover\",\"role\":\"owner\",\"requires\":[\"document\"]}");
	static const struct {
		const char *open, *announced; /* the gate that is open; what was announced */
		const char *lacks, *walked;
	} rows[] = { { NULL, NULL, "contract", "one" }, { NULL, "two", "document", "two" }, { "two", NULL, "document", "two" },
		{ "one", "two", "contract", "one" }, { "two", "one", "document", "two" }, { NULL, "formal", "contract", "one" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct event command = { .command = "handover", .who = "me", .why = "x" };
		struct world w;

		world_init(&w, two, OWED);
		walked(&w, "formal", STEP_SENT, NULL, OWED);
		w.e.commitment.what = rows[i].announced;
		w.e.step = rows[i].open;
		w.e.state = rows[i].open ? ESCALATION_GATE : ESCALATION_WAITING;
		assert_string_equal(escalation_lacks(&w.e, &w.debtor, w.policy, escalation_handover_needs(&w.e, w.policy), w.arena), rows[i].lacks);
		assert_true(commitment_said(&w.e, &w.debtor, w.policy, &command, "lawyer", &w.fx));
		assert_int_equal(w.e.walk_count, 2);
		assert_string_equal(w.walk[1].step, rows[i].walked);
		assert_int_equal(w.e.state, ESCALATION_WAITING);
		world_clear(&w);
	}
}

/* Posted by hand: the carrier's word names the task, and the contact has the hour as well. */
static void a_letter_posted_by_hand_arrives(void **state)
{
	static const char post[] = "post:inv_42:formal";
	static const struct {
		const char *contact;
		enum delivery_state delivery;
		bool there;
	} rows[] = {
		{ "post:inv_42:formal@1775721600000", DELIVERY_DELIVERED, true },
		{ "post:inv_42:formal@1775721600000", DELIVERY_SENT, false },
		{ "post:inv_42:formal@1775721600000", DELIVERY_DEFERRED, false },
		{ "post:inv_42:formal_2@1775721600000", DELIVERY_DELIVERED, false },
		{ "post:inv_42:formal@b:formal@1775721600000", DELIVERY_DELIVERED, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct needs needs = { .facts = 1u << NEED_DELIVERED };
		struct event e = { .type = EVENT_LETTER_STATUS_UPDATED, .id = "1", .source = "s", .time = at(OWED),
			.order = { 0, at(OWED), "s", "1" }, .attempt_id = post, .channel = CHANNEL_LETTER, .delivery = rows[i].delivery };
		struct world w;

		threatened(&w);
		w.walk[1].end = STEP_DONE;
		w.walk[1].attempt = post;
		contacted(&w, "2026-04-09T08:00:00Z", CHANNEL_LETTER);
		w.made[0].attempt = "post:inv_42:formal@1775000000000"; /* said before, and again */
		contacted(&w, "2026-04-09T08:00:00Z", CHANNEL_LETTER);
		w.made[1].attempt = rows[i].contact;
		if (strcmp(rows[i].contact, "post:inv_42:formal@1775721600000") != 0)
			w.made[0].attempt = "another";
		(void)debtor_apply(&w.debtor, &e, w.arena);
		assert_int_equal(w.made[0].delivery, DELIVERY_NONE);
		if (!escalation_missing(&w.e, &w.debtor, w.policy, &needs).facts != rows[i].there)
			fail_msg("%s, %s", rows[i].contact, delivery_names[rows[i].delivery]);
		world_clear(&w);
	}
}

/* Only what holds the ladder is in the way of a handover. */
static void what_was_agreed_may_hold_no_longer(void **state)
{
	static const struct {
		const char *name;
		enum fact_kind kind;
		const char *until; /* NULL: none was named */
		int broken; /* promises before it */
		bool opened_later, free;
	} rows[] = {
		{ "a promise", FACT_PROMISE, "2026-04-20", 0, false, false },
		{ "one after one that was broken", FACT_PROMISE, "2026-04-20", 1, false, false },
		{ "a third, after two that were broken", FACT_PROMISE, "2026-04-20", 2, false, true },
		{ "one that was over before we knew of the invoice", FACT_PROMISE, "2026-04-03", 0, true, true },
		{ "a settlement", FACT_SETTLEMENT, "2026-04-20", 0, false, false },
		{ "one with no last day", FACT_SETTLEMENT, NULL, 0, false, false },
		{ "one that was over before", FACT_SETTLEMENT, "2026-04-03", 0, true, true },
		{ "a plan without days", FACT_PLAN, NULL, 0, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct agreed_end ended[] = { { "promise", "p1", 1, 2, false }, { "promise", "p2", 3, 4, false } };
		struct next_action next;
		struct world w;

		threatened(&w);
		w.policy->agreed.promises_most = 2;
		add_fact(&w, rows[i].kind, "2026-04-02T08:00:00Z", rows[i].until);
		w.e.ended = ended;
		w.e.ended_count = (size_t)rows[i].broken;
		if (rows[i].opened_later)
			w.e.opened_at = at("2026-04-08T08:00:00Z");
		if ((commitment_may(&w.e, &w.debtor, &w.rules, "handover", "lawyer", "me", NULL) == 0) != rows[i].free)
			fail_msg("%s", rows[i].name);
		next = escalation_next(&w.e, &w.debtor, &w.rules);
		if ((next.kind != NEXT_HELD) != rows[i].free)
			fail_msg("%s, for the ladder", rows[i].name);
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
	static const struct offer less = { .code = "less", .percent = 15, .within_days = 14, .approved_by = "lea" }, parts = { .code = "parts", .instalments = 7, .every_days = 30,
		.within_days = 14, .approved_by = "lea" };
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

/* Written off, nobody let our word drop: it is still to be carried out or taken back, and its day is not missed quietly. A payment ends it. */
static void a_loss_leaves_our_word_where_it_was(void **state)
{
	struct event withdraw = { .command = "commitment_withdraw", .who = "anna", .why = "it is written off" };
	struct err err = { 0 };
	struct next_action next;
	struct fact *payment;
	struct world w;

	(void)state;
	for (int paid = 0; paid < 2; paid++) {
		world_init(&w, LADDER, TEN);
		walked(&w, "second", STEP_SENT, NULL, TEN);
		w.e.commitment = (struct commitment){ .state = COMMITMENT_OPEN, .step = "second", .made = 1, .opened_at = w.rules.now,
			.deadline = at("2026-04-12T08:00:00Z") };
		add_fact(&w, FACT_UNCOLLECTIBLE, TEN, NULL);
		escalation_refresh(&w.e, &w.debtor, &w.rules, &w.fx);
		assert_string_equal(w.e.closed, "uncollectible");
		assert_int_equal(w.e.commitment.state, COMMITMENT_OPEN);
		assert_null(find_task(&w.fx, "commitment"));
		assert_int_equal(w.e.next_at, w.e.commitment.deadline);
		world_at(&w, "2026-04-12T08:00:00Z");
		escalation_refresh(&w.e, &w.debtor, &w.rules, &w.fx);
		assert_non_null(find_draft(w.fx.events, "commitment.overdue"));
		assert_int_equal(w.e.next_at, 0);
		world_at(&w, "2026-04-13T08:00:00Z");
		if (paid) {
			payment = add_fact(&w, FACT_PAYMENT, "2026-04-13T08:00:00Z", NULL);
			payment->amount = 120000;
			escalation_refresh(&w.e, &w.debtor, &w.rules, &w.fx);
			assert_int_equal(w.e.commitment.state, COMMITMENT_LAPSED);
			assert_true(find_task(&w.fx, "commitment")->close);
		} else {
			assert_int_equal(commitment_may(&w.e, &w.debtor, &w.rules, "commitment_withdraw", NULL, "anna", &err), 0);
			assert_true(commitment_said(&w.e, &w.debtor, w.policy, &withdraw, NULL, &w.fx));
			next = escalation_next(&w.e, &w.debtor, &w.rules);
			assert_int_equal(next.kind, NEXT_ASIDE);
			assert_string_equal(next.aside.id, "withdrawn:1");
		}
		world_clear(&w);
	}
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
	w.e.settling = (struct approved){ "ada", "again", 8 };
	w.e.waived = arena_memdup(w.arena, waived, sizeof(waived));
	w.e.waived_count = 1;
	w.e.offers = offers;
	w.e.offer_count = 2;
	w.e.late_fee = (struct late_fee){ 4000, 120000, "EUR", "FR-B2B", "L441-10", "formal", "x", 9, 10, "me", "why" };
	w.e.late_interest = (struct late_interest){ 639, { 20560 }, "FR-B2B", "L441-10", 11, "me", "why" };
	w.e.link_until = 12;
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

/* --- the account of late fees ------------------------------------------------------------------------------------------------- */

/* Put there day by day or at once it comes to the same, and no day counts twice; what is paid towards it moves no balance. */
static void interest_adds_up_to_the_day(void **state)
{
	static const char *const days[] = { "2026-04-02T10:00:00Z", "2026-04-09T10:00:00Z", "2026-04-17T10:00:00Z" };
	struct late_interest more;
	const struct regime *regime;
	struct law *law = NULL;
	struct err err = { 0 };
	struct interest whole;
	const char *why;
	struct world w;

	(void)state;
	if (law_load(SOURCE_DIR "/daemon/share", NULL, &law, &err) < 0)
		fail_msg("%s", err.text);
	regime = interest_regime(&law->interest, "FR-B2B");
	world_init(&w, POLICY("", MAIL("reminder", "due+1d", "")), "2026-04-01T10:00:00Z");
	w.e.late_fee = (struct late_fee){ 4000, 120000, "EUR", "FR-B2B", "L441-10", "reminder", "x", 9, 0, NULL, NULL };
	assert_int_equal(late_interest_may(&w.e, &w.debtor, &w.rules, regime, date_none(), w.arena, &more, &err), -EBADMSG); /* not past due */
	for (size_t i = 0; i < ARRAY_LEN(days); i++) {
		err_clear(&err);
		world_at(&w, days[i]);
		if (late_interest_may(&w.e, &w.debtor, &w.rules, regime, date_none(), w.arena, &more, &err) < 0)
			fail_msg("%s", err.text);
		late_interest_put(&w.e, &more, "lea", "it is agreed", &w.fx);
		assert_int_equal(late_interest_may(&w.e, &w.debtor, &w.rules, regime, date_none(), w.arena, &more, &err), -EBADMSG);
	}
	late_interest_until(&w.e, &w.debtor, &w.rules, regime, date_of(2026, 4, 17), w.arena, &whole, &why);
	assert_null(why);
	assert_int_equal(w.e.late_interest.amount, whole.accrued); /* 120000 x 12.15 % x 16 / 365 = 639.12 */
	assert_int_equal(w.e.late_interest.amount, 639);
	assert_int_equal(late_account_of(&w.e).open, 4639);
	add_fact(&w, FACT_PAYMENT, "2026-04-17T09:00:00Z", NULL)->fee = 5000;
	assert_int_equal(late_account_of(&w.e).paid, 5000);
	assert_int_equal(late_account_of(&w.e).open, 0);
	assert_int_equal(invoice_view(&w.e.invoice).balance, 120000);
	w.e.invoice.facts[0].ended = true; /* it was taken back */
	assert_int_equal(late_account_of(&w.e).open, 4639);
	assert_int_equal(late_interest_may(&w.e, &w.debtor, &w.rules, regime, date_of(2026, 4, 18), w.arena, &more, &err), -EBADMSG); /* a day to come */
	w.debtor.customer.kind = 2; /* a consumer: this law does not speak of them */
	world_at(&w, "2026-05-17T10:00:00Z");
	assert_int_equal(late_interest_may(&w.e, &w.debtor, &w.rules, regime, date_none(), w.arena, &more, &err), -EBADMSG);
	w.debtor.customer.kind = 0;
	world_at(&w, "2026-09-17T10:00:00Z"); /* the rate of that half-year is not known */
	assert_int_equal(late_interest_may(&w.e, &w.debtor, &w.rules, regime, date_none(), w.arena, &more, &err), -EBADMSG);
	assert_true(late_fee_waive(&w.e, "lea", "peace", w.rules.now, &w.fx));
	assert_int_equal(late_account_of(&w.e).owed, 0);
	assert_int_equal(late_interest_may(&w.e, &w.debtor, &w.rules, regime, date_of(2026, 5, 17), w.arena, &more, &err), -EBADMSG);
	law_free(law);
	world_clear(&w);
}

/* What was open bears it until it was paid, and not a day longer; of what came without a day nothing is known. */
static void interest_is_owed_of_what_was_paid_late(void **state)
{
	static const struct {
		const char *name, *first, *second; /* when each half was paid; NULL = not */
		const char *closed; /* NULL = open; else told as paid, with the day alone */
		int64_t figures, charged, owed; /* charged until 6 April before the payments are known */
	} rows[] = {
		{ "nothing is paid", NULL, NULL, NULL, 0, 0, 1158 }, /* 120000 x 12.15 % x 29 / 365 = 1158.41 */
		{ "half of it", "2026-04-10T08:00:00Z", NULL, NULL, 0, 0, 759 }, /* 9 days of all, 20 of half: 359.51 + 399.45 */
		{ "both", "2026-04-10T08:00:00Z", "2026-04-17T08:00:00Z", NULL, 0, 0, 499 }, /* 9 and 7: 359.51 + 139.81 */
		{ "both, and it was charged before", "2026-04-10T08:00:00Z", "2026-04-17T08:00:00Z", NULL, 0, 200, 299 },
		{ "half in time", "2026-03-30T08:00:00Z", "2026-04-17T08:00:00Z", NULL, 0, 0, 320 }, /* 16 days of half: 319.56 */
		{ "all in time", "2026-03-30T08:00:00Z", "2026-04-01T08:00:00Z", NULL, 0, 0, 0 },
		{ "told as paid", NULL, NULL, "2026-04-17T08:00:00Z", 0, 0, 639 }, /* 16 days of all */
		{ "by figures", NULL, NULL, NULL, 120000, 0, 0 },
		{ "half of it by figures", NULL, NULL, NULL, 60000, 0, 579 }, /* 29 days of half: 579.21 */
	};
	const struct regime *regime;
	struct law *law = NULL;
	struct err err = { 0 };

	(void)state;
	if (law_load(SOURCE_DIR "/daemon/share", NULL, &law, &err) < 0)
		fail_msg("%s", err.text);
	regime = interest_regime(&law->interest, "FR-B2B");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *const paid[] = { rows[i].first, rows[i].second };
		struct late_interest more = { 0 };
		struct world w;
		int r;

		world_init(&w, POLICY("", MAIL("reminder", "due+1d", "")), "2026-04-30T10:00:00Z");
		for (size_t k = 0; k < 2; k++)
			if (paid[k]) {
				struct fact *fact = add_fact(&w, FACT_PAYMENT, paid[k], NULL);

				fact->id = k ? "b" : "a";
				fact->amount = 60000;
			}
		if (rows[i].closed)
			add_fact(&w, FACT_PAID, rows[i].closed, NULL);
		w.e.invoice.snapshot.paid = rows[i].figures;
		w.e.late_interest = (struct late_interest){ .amount = rows[i].charged, .at = rows[i].charged, .until = date_of(2026, 4, 6) };
		r = late_interest_may(&w.e, &w.debtor, &w.rules, regime, date_none(), w.arena, &more, &err);
		if ((r == 0) != (rows[i].owed > 0) || more.amount != rows[i].owed)
			fail_msg("%s: %lld, %s", rows[i].name, (long long)more.amount, r < 0 ? err.text : "");
		err_clear(&err);
		world_clear(&w);
	}
	law_free(law);
}

/* --- as long as an event, a command or a policy may make it --------------------------------------------------------------------- */

static const char *long_text(struct world *w, size_t len)
{
	char *ret = arena_alloc(w->arena, len + 1);

	memset(ret, 'a', len);
	ret[len] = '\0';
	return ret;
}

/* Who is not named is the event's source. */
static void waived_by_a_source(struct world *w, const char *source, const char *why)
{
	const char *text = arena_printf(w->arena, "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"%s\",\"type\":\"fee.waived\","
		"\"time\":\"2026-04-09T08:00:00Z\",\"data\":{\"invoice_id\":\"inv_42\",\"why\":\"%s\"}}", source, why);
	struct err err = { 0 };
	struct event e;

	if (event_parse(w->arena, text, strlen(text), NULL, &e, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	assert_true(late_fee_waive(&w->e, e.source, e.why, 10, &w->fx));
}

/* As many tags as one event holds. */
static void tagged(struct world *w, const char *id)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct err err = { 0 };
	struct event e;

	(void)buf_printf(&text, "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"invoice.updated\","
		"\"time\":\"2026-04-09T08:00:00Z\","
		"\"data\":{\"invoice\":{\"id\":\"inv_42\",\"version\":2,\"due_on\":\"2026-04-01\",\"currency\":\"EUR\",\"total_minor\":120000,"
		"\"due_minor\":120000,\"tags\":[\"%s\"", id);
	for (size_t i = 0; i < 1900; i++)
		(void)buf_printf(&text, ",\"%s\"", id);
	(void)buf_printf(&text, "]}}}");
	if (event_parse(w->arena, buf_str(&text), text.len, NULL, &e, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	assert_true(invoice_apply(&w->e.invoice, &e, w->arena));
}

static void what_may_be_told_can_be_read_back(void **state)
{
	CLEANUP(buf_clear) struct buf first = { 0 }, second = { 0 };
	struct err err = { 0 };
	struct world w;
	const char *id, *who, *why, *source, *task, *url;
	struct snapshot *s = &w.e.invoice.snapshot;
	struct instalment part = { { 20573 }, AGREED_AMOUNT_MAX };
	struct agreed_end ended = { "settlement", NULL, 1, 2, true };
	struct made_offer offers[2];
	struct escalation back;
	struct hold_entry hold;
	struct fact *fact;

	(void)state;
	threatened(&w);
	id = long_text(&w, 128);
	who = long_text(&w, 100);
	why = long_text(&w, 400);
	source = long_text(&w, 512);
	url = long_text(&w, 2000);
	task = arena_printf(w.arena, "decision:%s:%s", id, id);
	w.e.late_fee = (struct late_fee){ .amount = AGREED_AMOUNT_MAX, .principal = AGREED_AMOUNT_MAX, .currency = "EUR", .regime = long_text(&w, 64),
		.ground = long_text(&w, 600), .step = id, .attempt = task, .at = 9 };
	w.e.late_interest = (struct late_interest){ AGREED_AMOUNT_MAX, { 20560 }, long_text(&w, 64), long_text(&w, 600), 11, who, why };
	waived_by_a_source(&w, source, why);
	tagged(&w, id);
	s->number = s->late_fee_ref = s->contract = long_text(&w, 100);
	s->payment_url = s->pdf_url = s->contract_url = url;
	s->payment_url_until = 13;
	s->pdf_sha256 = s->contract_sha256 = long_text(&w, 64);
	s->policy = w.e.policy = w.e.policy_rule = w.e.reenter = w.e.work_hold_step = w.e.closed = w.e.provider_failed = w.e.provider_only = id;
	w.e.invoice.id = w.e.invoice.debtor_id = id;
	fact = add_fact(&w, FACT_PLAN, TEN, NULL);
	fact->id = fact->reason = id;
	fact->order.source = source;
	fact->order.id = long_text(&w, 256);
	fact->instalments = &part;
	fact->instalment_count = 1;
	fact->amount = AGREED_AMOUNT_MAX;
	hold = (struct hold_entry){ id, 1, 2, who, long_text(&w, sizeof(err.text) - 1) };
	escalation_hold(&w.e, w.arena, &hold);
	w.e.call = (struct call_made){ 1, 2, CALL_INVOICE_NOT_RECEIVED, { 20573 }, id, id, long_text(&w, CALL_TELL_MAX) };
	ended.id = id;
	w.e.ended = &ended;
	w.e.ended_count = 1;
	w.e.task = task;
	w.e.reenter_on = (date){ 20573 };
	w.e.commitment = (struct commitment){ .state = COMMITMENT_FULFILLED, .step = id, .what = id, .attempt = task, .approver = who,
		.lacks = long_text(&w, POLICY_STEPS_MAX * 130 + 100), .by = who, .why = why, .made = 1 };
	w.e.handed = (struct handed){ "lawyer", long_text(&w, HANDOVER_PROCEDURE_MAX), long_text(&w, HANDOVER_BUNDLE_SIZE),
		1, who, why, "returned", 2 };
	w.e.approved = (struct approved){ who, id, 7 };
	offers[0] = (struct made_offer){ .code = id, .approver = who, .until = { 20573 }, .amount = AGREED_AMOUNT_MAX,
		.settles_at = AGREED_AMOUNT_MAX,
		.attempt = task, .made_at = 5 };
	offers[1] = (struct made_offer){ .code = id, .approver = who, .until = { 20573 }, .instalments = &part, .instalment_count = 1 };
	w.e.offers = offers;
	w.e.offer_count = 2;
	w.walk[0] = (struct walked){ id, STEP_SKIPPED, id, 1, task, id };
	escalation_write(&first, &w.e);
	if (escalation_read(w.arena, first.data, first.len, &back, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	escalation_write(&second, &back);
	assert_string_equal(buf_str(&first), buf_str(&second));
	world_clear(&w);
}

static void so_can_a_debtor(void **state)
{
	CLEANUP(buf_clear) struct buf first = { 0 }, second = { 0 };
	const char *id, *who, *why, *source, *locale, *address, *line;
	struct address_state address_state;
	struct err err = { 0 };
	struct book_told book;
	struct debtor back;
	struct world w;

	(void)state;
	world_init(&w, LADDER, TEN);
	id = long_text(&w, 128);
	who = long_text(&w, 100);
	why = long_text(&w, 400);
	source = long_text(&w, 512);
	locale = long_text(&w, 35);
	address = long_text(&w, 254);
	line = long_text(&w, 500);
	w.contact = (struct contact){ .id = id, .role = id, .name = long_text(&w, 200), .email = address,
		.phone = "+331000000001234", .locale = locale,
		.external = true, .channels = (1u << CHANNEL_COUNT) - 1, .sms_consent = true, .voice_consent = true };
	w.debtor.id = id;
	w.debtor.customer = (struct customer){ .name = why, .country = "FR", .kind = 3, .locale = locale, .timezone = long_text(&w, 64), .policy = id,
		.postal = { line, line, line, line, line, line }, .contacts = &w.contact, .contact_count = 1 };
	w.debtor.order = (struct fact_order){ MONEY_MAX, 1, source, long_text(&w, 256) };
	w.debtor.paused = (struct debtor_switch){ .set = true, .on = true, .until = 7, .reason = why, .order = w.debtor.order };
	for (int i = 0; i < CHANNEL_COUNT; i++) {
		w.debtor.opt_out[i] = w.debtor.paused;
		w.debtor.stop_replies[i] = (struct stop_reply){ 1, address, true };
	}
	contacted(&w, TEN, CHANNEL_LETTER);
	w.made[0].attempt = arena_printf(w.arena, "post:%s:%s@%lld", id, id, 1LL);
	w.made[0].to = long_text(&w, 3000);
	address_state = (struct address_state){ address, CHANNEL_EMAIL, true, 1 };
	w.debtor.addresses = &address_state;
	w.debtor.address_count = 1;
	w.debtor.open = w.debtor.work_held = &id;
	w.debtor.open_count = w.debtor.work_held_count = 1;
	assert_true(debtor_allow(&w.debtor, w.arena, &(struct allowed){ id, who, why, true, w.debtor.order, date_of(2026, 6, 5) }));
	assert_true(debtor_feed_told(&w.debtor, w.arena, source, 1));
	book = (struct book_told){ source, id, 1, 1, 1, NULL };
	w.debtor.books = (struct books){ .items = &book, .count = 1, .capacity = 1 };
	debtor_write(&first, &w.debtor);
	if (debtor_read(w.arena, first.data, first.len, &back, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	debtor_write(&second, &back);
	assert_string_equal(buf_str(&first), buf_str(&second));
	world_clear(&w);
}

/* Whose word counts: the named person's alone, whichever way it is said. */
static void only_the_named_person_answers(void **state)
{
	static const char named[] = POLICY("", "{\"id\":\"ask\",\"at\":\"due+8d\",\"gate\":\"decision\",\"role\":\"owner\",\"approver\":\"Mme Durand\"},"
		"{\"id\":\"other\",\"at\":\"due+30d\",\"gate\":\"decision\",\"role\":\"owner\"},"
		"{\"id\":\"give\",\"at\":\"due+40d\",\"action\":\"handover\",\"role\":\"owner\",\"approver\":\"M. Petit\"}");
	static const struct {
		const char *step, *command, *what, *who; /* step: the gate that is open */
		bool may;
	} rows[] = { { "ask", "decide", "continue", "Mme Durand", true }, { "ask", "decide", "continue", "lea", false }, { "ask", "decide", "stop", "lea", false },
		{ "ask", "decide", "continue", NULL, false }, { "other", "decide", "continue", "lea", true }, { "ask", "skip", "ask", "lea", false },
		{ "ask", "skip", "other", "lea", true }, { NULL, "skip", "ask", "Mme Durand", true }, { NULL, "waive", "approval", "lea", false },
		{ NULL, "waive", "approval", "Mme Durand", true }, { NULL, "waive", "contract", "lea", true }, { "give", "handover", "lawyer", "Mme Durand", false },
		{ "give", "handover", "lawyer", "M. Petit", true }, { "ask", "hold", NULL, "lea", true } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = { 0 };
		struct world w;

		world_init(&w, named, OWED);
		w.e.step = rows[i].step;
		w.e.state = rows[i].step ? ESCALATION_GATE : ESCALATION_WAITING;
		if ((commitment_may(&w.e, &w.debtor, &w.rules, rows[i].command, rows[i].what, rows[i].who, &err) == 0) != rows[i].may ||
			(!rows[i].may && strcmp(err.code, "not_approver") != 0))
			fail_msg("%s %s by %s: %s", rows[i].command, rows[i].what ? rows[i].what : "", rows[i].who ? rows[i].who : "nobody", err.text);
		world_clear(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_step_rests_on_what_it_requires),
		cmocka_unit_test(what_may_be_said_when),
		cmocka_unit_test(of_two_handovers_the_one_that_is_meant),
		cmocka_unit_test(a_letter_posted_by_hand_arrives),
		cmocka_unit_test(what_was_agreed_may_hold_no_longer),
		cmocka_unit_test(no_second_word_while_one_is_open),
		cmocka_unit_test(taken_back_although_it_ended),
		cmocka_unit_test(taken_back_under_another_policy),
		cmocka_unit_test(a_dispute_excuses_meanwhile),
		cmocka_unit_test(an_overdue_word_is_said_once),
		cmocka_unit_test(offers_are_exact),
		cmocka_unit_test(what_closed_teaches_and_can_be_taken_back),
		cmocka_unit_test(only_the_named_person_answers),
		cmocka_unit_test(interest_adds_up_to_the_day), cmocka_unit_test(interest_is_owed_of_what_was_paid_late),
		cmocka_unit_test(a_loss_leaves_our_word_where_it_was),
		cmocka_unit_test(documents_come_back),
		cmocka_unit_test(what_may_be_told_can_be_read_back),
		cmocka_unit_test(so_can_a_debtor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
