/* The walk of one invoice: its states, what follows from changed facts, and its stored form. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/facts.h"
#include "tests/unit/escalation_world.h"

/* --- the table of states --------------------------------------------------------------------------------------------- */

static void whole_table(void **state)
{
	/* Written anew from the design: whatever is not here must be refused. */
	static const enum escalation_state to[ESCALATION_STATE_COUNT][TRIGGER_COUNT] = {
		/* opened, released, sent, not_sent, doubt, task_opened, task_ended, gate_opened, decided, closed */
		[ESCALATION_NONE] = { ESCALATION_WAITING, 0, 0, 0, 0, 0, 0, 0, 0, 0 },
		[ESCALATION_STUB] = { ESCALATION_WAITING, 0, 0, 0, 0, 0, 0, 0, 0, 0 },
		[ESCALATION_WAITING] = { 0, ESCALATION_SENDING, 0, 0, 0, ESCALATION_TASK, 0, ESCALATION_GATE, 0, ESCALATION_CLOSED },
		[ESCALATION_SENDING] = { 0, 0, ESCALATION_WAITING, ESCALATION_WAITING, ESCALATION_DOUBT, 0, 0, 0, 0,
			ESCALATION_CLOSED },
		[ESCALATION_DOUBT] = { 0, 0, ESCALATION_WAITING, ESCALATION_WAITING, ESCALATION_DOUBT, 0, 0, 0, 0,
			ESCALATION_CLOSED },
		[ESCALATION_TASK] = { 0, 0, 0, 0, 0, 0, ESCALATION_WAITING, 0, 0, ESCALATION_CLOSED },
		[ESCALATION_GATE] = { 0, 0, 0, 0, 0, 0, 0, 0, ESCALATION_WAITING, ESCALATION_CLOSED },
		[ESCALATION_CLOSED] = { ESCALATION_WAITING, ESCALATION_CLOSED, ESCALATION_CLOSED, ESCALATION_CLOSED, ESCALATION_CLOSED, 0, 0, 0, 0, 0 },
	};

	(void)state;
	for (int s = 0; s < ESCALATION_STATE_COUNT; s++) {
		assert_non_null(escalation_state_names[s]);
		for (int t = 0; t < TRIGGER_COUNT; t++) {
			struct escalation e = { .state = (enum escalation_state)s };
			bool moved = escalation_move(&e, (enum escalation_trigger)t);

			if (moved != (to[s][t] != ESCALATION_NONE) || e.state != (moved ? to[s][t] : (enum escalation_state)s))
				fail_msg("state %s, trigger %d: %d, now %s", escalation_state_names[s], t, moved,
					escalation_state_names[e.state]);
		}
	}
	assert_null(escalation_state_names[ESCALATION_STATE_COUNT]);
}

static void steps_and_holds_are_noted(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct escalation e = { .step = "b", .attempt = "x", .task = "t", .since = 1, .look_at = 2, .tries = 3, .put_off = 3, .retry_at = 4,
		.retry_why = "rate", .provider_failed = "p1", .channel_failed = "email", .provider_only = "p2", .deferred = "d" };
	struct hold_entry hold = { "operator", 1, 2, "me", "because" };

	(void)state;
	escalation_walked(&e, arena, "a", STEP_SKIPPED, "no_address", 5, NULL);
	assert_string_equal(e.step, "b"); /* another step's end leaves the one in hand */
	assert_true(e.walk_count == 1 && e.tries == 3 && e.put_off == 0 && e.retry_at == 0 && !e.deferred && !e.retry_why && !e.provider_failed && !e.channel_failed && !e.provider_only);
	escalation_walked(&e, arena, "b", STEP_SENT, NULL, 6, "x");
	assert_true(!e.step && !e.attempt && !e.task && !e.since && !e.look_at && e.walk_count == 2);
	assert_int_equal(e.walk[1].end, STEP_SENT);

	escalation_hold(&e, arena, &hold);
	escalation_hold(&e, arena, &(struct hold_entry){ .reason = "decided", .until = 9 });
	hold.until = 7;
	escalation_hold(&e, arena, &hold);
	assert_int_equal(e.hold_count, 2); /* replaced, not doubled */
	assert_int_equal(e.holds[0].until, 7);
	escalation_hold(&e, arena, &(struct hold_entry){ .reason = "dead_letter", .since = 8, .until = 20 });
	e.retry_at = 30;
	e.retry_why = "rate";
	escalation_retry(&e); /* whoever holds it has his reasons still */
	assert_true(e.hold_count == 3 && !e.retry_at && !e.retry_why);
	e.retry_at = 30;
	escalation_resume(&e, 7); /* said before the dead letter came */
	assert_true(e.hold_count == 1 && strcmp(e.holds[0].reason, "dead_letter") == 0);
	assert_int_equal(e.retry_at, 0);
	escalation_resume(&e, 8);
	assert_int_equal(e.hold_count, 0);
}

/* --- what follows from facts ----------------------------------------------------------------------------------------- */

static void refresh(struct world *w, const char *now)
{
	world_at(w, now);
	escalation_refresh(&w->e, &w->debtor, &w->rules, &w->fx);
}

static void opened_closed_and_opened_again(void **state)
{
	struct world w;
	struct draft *draft;

	(void)state;
	world_init(&w, LADDER, "2026-03-02T09:00:00Z");
	w.e.state = ESCALATION_NONE;
	w.e.opened_at = 0;
	w.e.invoice.known = false;
	refresh(&w, "2026-03-02T09:00:00Z");
	assert_int_equal(w.e.state, ESCALATION_STUB); /* facts came first */
	assert_int_equal(count_drafts(w.fx.events, NULL), 0);

	w.e.invoice.known = true;
	w.e.invoice.snapshot.status = INVOICE_DRAFT;
	refresh(&w, "2026-03-02T09:01:00Z");
	assert_int_equal(w.e.state, ESCALATION_STUB);

	w.e.invoice.snapshot.status = INVOICE_OPEN;
	refresh(&w, "2026-03-02T09:02:00Z");
	assert_int_equal(w.e.state, ESCALATION_WAITING);
	assert_string_equal(w.e.policy, "p");
	assert_string_equal(w.e.policy_digest, w.policy->digest);
	assert_int_equal(w.e.opened_at, w.rules.now);
	assert_int_equal(w.debtor.open_count, 1);
	assert_int_equal(w.e.next_at, at("2026-03-25T08:00:00Z")); /* that it will be due is told */
	draft = find_draft(w.fx.events, "escalation.opened");
	assert_non_null(draft);
	assert_tells(draft, "\"balance_minor\":120000,\"currency\":\"EUR\"");
	refresh(&w, "2026-03-02T09:03:00Z");
	assert_true(count_drafts(w.fx.events, NULL) == 0 && count_drafts(w.fx.records, NULL) == 0); /* nothing new: silence */

	add_fact(&w, FACT_PAID, "2026-03-05T12:00:00Z", NULL);
	refresh(&w, "2026-03-05T12:00:00Z");
	assert_int_equal(w.e.state, ESCALATION_CLOSED);
	assert_string_equal(w.e.closed, "paid");
	assert_true(w.e.closed_at == w.rules.now && w.e.next_at == 0 && w.debtor.open_count == 0);
	assert_tells(find_draft(w.fx.records, "invoice.closed"), "\"reason\":\"paid\"");
	assert_tells(find_draft(w.fx.events, "escalation.closed"), "\"reason\":\"paid\"");
	refresh(&w, "2026-03-05T13:00:00Z");
	assert_int_equal(count_drafts(w.fx.records, NULL), 0);

	payment_reversed(&w);
	refresh(&w, "2026-03-11T12:00:00Z");
	assert_int_equal(w.e.state, ESCALATION_WAITING);
	assert_true(!w.e.closed && !w.e.closed_at && w.debtor.open_count == 1);
	assert_string_equal(w.e.held, "reconcile"); /* never chased by itself again */
	assert_tells(find_draft(w.fx.records, "invoice.changed"), "\"change\":\"reopened\"");
	assert_non_null(find_draft(w.fx.events, "escalation.resumed"));
	assert_non_null(find_task(&w.fx, "reconcile"));
	assert_string_equal(w.e.policy, "p");
	world_clear(&w);
}

/* Whom a person held until May is not written to in April because money came and went in between. Whoever stops it lets go of its holds. */
static void a_persons_hold_outlives_a_closing(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, LADDER, "2026-04-02T09:00:00Z");
	operator_hold(&w);
	refresh(&w, "2026-04-02T09:00:00Z");
	assert_string_equal(w.e.held, "operator");
	w.e.invoice.snapshot.status = INVOICE_PAID;
	refresh(&w, "2026-04-03T09:00:00Z");
	assert_int_equal(w.e.state, ESCALATION_CLOSED);
	w.e.invoice.snapshot.status = INVOICE_OPEN;
	refresh(&w, "2026-04-04T09:00:00Z");
	assert_int_equal(w.e.state, ESCALATION_WAITING);
	assert_string_equal(w.e.held, "operator");
	escalation_stop(&w.e, &w.debtor, &w.fx);
	assert_int_equal(w.e.hold_count, 0);
	world_clear(&w);
}

/* Paid while its reminder was on the way, and the payment came back before the provider's answer: no second one takes its place. */
static void opened_again_with_an_attempt_under_way(void **state)
{
	struct next_action next;
	struct world w;

	(void)state;
	world_init(&w, LADDER, TEN);
	w.e.state = ESCALATION_SENDING;
	w.e.step = "reminder";
	w.e.attempt = "a1";
	w.e.look_at = at("2026-04-02T08:10:00Z");
	add_fact(&w, FACT_PAYMENT, "2026-04-02T08:00:01Z", NULL)->amount = 120000;
	refresh(&w, "2026-04-02T08:00:01Z");
	assert_int_equal(w.e.state, ESCALATION_CLOSED);
	w.e.invoice.fact_count = 0; /* newer figures, without that payment */
	refresh(&w, "2026-04-02T08:00:02Z");
	assert_int_equal(w.e.state, ESCALATION_DOUBT);
	assert_string_equal(w.e.attempt, "a1");
	next = escalation_next(&w.e, &w.debtor, &w.rules);
	assert_true(next.kind == NEXT_RESOLVE && next.at == at("2026-04-02T08:10:00Z") && w.e.next_at == next.at);
	assert_true(escalation_move(&w.e, TRIGGER_SENT));
	escalation_walked(&w.e, w.arena, "reminder", STEP_SENT, NULL, w.rules.now, "a1");
	refresh(&w, "2026-04-02T08:00:03Z");
	next = escalation_next(&w.e, &w.debtor, &w.rules);
	assert_true(next.kind == NEXT_CONTACT && next.step == 1 && !w.e.attempt);
	world_clear(&w);
}

static void stopped_stays_stopped(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, LADDER, TEN);
	w.e.state = ESCALATION_CLOSED;
	w.e.closed = "stopped";
	w.e.stopped = true;
	w.e.next_at = 7;
	refresh(&w, TEN);
	assert_int_equal(w.e.state, ESCALATION_CLOSED);
	assert_int_equal(w.e.next_at, 0);
	w.e.closed = NULL; /* an old document */
	w.e.stopped = false;
	refresh(&w, TEN);
	assert_int_equal(w.e.state, ESCALATION_WAITING);
	world_clear(&w);
}

/* Work rests because of it; it is written off, or stopped; and then the money comes. */
static void paid_after_it_was_given_up(void **state)
{
	static const char *const endings[] = { "uncollectible", "stopped" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
		struct next_action next;
		struct fact *payment;
		struct world w;

		world_init(&w, POLICY("\"courtesy\":{\"thanks\":\"thanks\"},", MAIL("reminder", "due+1d", "")), TEN);
		walked(&w, "reminder", STEP_SENT, NULL, TEN);
		(void)debtor_work_hold(&w.debtor, w.arena, "inv_42");
		if (i == 0) {
			add_fact(&w, FACT_UNCOLLECTIBLE, TEN, NULL);
			refresh(&w, TEN);
		} else {
			escalation_stop(&w.e, &w.debtor, &w.fx);
		}
		assert_string_equal(w.e.closed, endings[i]);
		assert_int_equal(w.debtor.work_held_count, 1);
		payment = add_fact(&w, FACT_PAYMENT, "2026-04-05T08:00:00Z", NULL);
		payment->amount = 119999;
		refresh(&w, "2026-04-05T08:00:00Z");
		assert_string_equal(w.e.closed, endings[i]);
		payment->amount = 120000;
		refresh(&w, "2026-04-05T09:00:00Z");
		assert_int_equal(w.e.state, ESCALATION_CLOSED);
		assert_string_equal(w.e.closed, "paid");
		assert_tells(find_draft(w.fx.records, "invoice.changed"), "paid");
		assert_int_equal(w.debtor.work_held_count, 0);
		assert_int_equal(count_drafts(w.fx.events, "work.release_allowed"), 1);
		next = escalation_next(&w.e, &w.debtor, &w.rules);
		assert_int_equal(next.kind, i == 0 ? NEXT_ASIDE : NEXT_NONE); /* nobody is thanked by itself where a person said to stop */
		refresh(&w, "2026-04-05T10:00:00Z");
		assert_null(find_draft(w.fx.events, "work.release_allowed"));
		payment->ended = true; /* it goes back */
		payment->told = payment->order;
		payment->order.time = at("2026-04-09T08:00:00Z");
		refresh(&w, "2026-04-09T08:00:00Z");
		assert_int_equal(w.e.state, ESCALATION_CLOSED);
		assert_string_equal(w.e.closed, endings[i]);
		assert_int_equal(w.debtor.work_held_count, 1); /* nobody works for money that went back */
		assert_tells(find_draft(w.fx.events, "work.hold_requested"), "\"reason\":\"reversed\"");
		world_clear(&w);
	}
}

/* What a person said stays with the document, also with one from before that was stored by itself. */
static void a_stop_is_stored(void **state)
{
	static const char *const old = "{\"schema\":1,\"version\":1,\"id\":\"inv_42\",\"state\":\"closed\",\"closed\":\"stopped\"}";
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct escalation again;
	struct err err = { 0 };
	struct world w;

	(void)state;
	world_init(&w, LADDER, TEN);
	escalation_stop(&w.e, &w.debtor, &w.fx);
	w.e.closed = "paid";
	escalation_write(&text, &w.e);
	assert_int_equal(escalation_read(w.arena, buf_str(&text), text.len, &again, &err), 0);
	assert_true(again.stopped);
	assert_int_equal(escalation_read(w.arena, old, strlen(old), &again, &err), 0);
	assert_true(again.stopped);
	world_clear(&w);
}

static void closed_in_every_state(void **state)
{
	static const struct {
		enum escalation_state state;
		const char *task_kind;
	} rows[] = { { ESCALATION_WAITING, NULL }, { ESCALATION_SENDING, NULL }, { ESCALATION_DOUBT, NULL }, { ESCALATION_TASK, "call" },
		{ ESCALATION_GATE, "decision" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct task *task;
		struct world w;

		world_init(&w, LADDER, TEN);
		w.e.state = rows[i].state;
		w.e.step = "call";
		w.e.task = "t1";
		w.e.attempt = "a1";
		w.e.held = "dispute";
		operator_hold(&w);
		add_fact(&w, FACT_UNCOLLECTIBLE, "2026-04-02T08:00:00Z", NULL);
		escalation_refresh(&w.e, NULL, &w.rules, &w.fx);
		assert_int_equal(w.e.state, ESCALATION_CLOSED);
		assert_string_equal(w.e.closed, "uncollectible");
		assert_true(!w.e.held && w.e.hold_count == 1 && !w.e.holds[0].why); /* should it open again */
		assert_non_null(find_draft(w.fx.records, "hold.ended"));
		assert_string_equal(find_task(&w.fx, "review_dispute")->result, "obsolete");
		task = rows[i].task_kind ? find_task(&w.fx, rows[i].task_kind) : NULL;
		if (rows[i].task_kind) {
			assert_true(task && task->close);
			assert_null(w.e.task);
		} else {
			assert_string_equal(w.e.attempt, "a1"); /* its answer is still recorded */
		}
		world_clear(&w);
	}
}

/* The same facts in another order end in the same document. */
static void order_does_not_matter(void **state)
{
	CLEANUP(buf_clear) struct buf a = { 0 }, b = { 0 };
	struct world w, v;

	(void)state;
	world_init(&w, LADDER, TEN);
	add_fact(&w, FACT_PAID, "2026-04-02T08:00:00Z", NULL);
	refresh(&w, TEN);
	assert_string_equal(w.e.closed, "paid");
	add_fact(&w, FACT_VOIDED, "2026-04-02T08:30:00Z", NULL);
	refresh(&w, TEN);
	assert_tells(find_draft(w.fx.records, "invoice.changed"), "\"change\":\"voided\"");
	escalation_facts(&a, &w.e, w.arena);

	world_init(&v, LADDER, TEN);
	add_fact(&v, FACT_VOIDED, "2026-04-02T08:30:00Z", NULL);
	refresh(&v, TEN);
	add_fact(&v, FACT_PAID, "2026-04-02T08:00:00Z", NULL);
	refresh(&v, TEN);
	escalation_facts(&b, &v.e, v.arena);
	assert_string_equal(buf_str(&a), buf_str(&b));
	assert_non_null(strstr(buf_str(&a), "\"state\":\"closed\",\"closed\":\"voided\""));
	world_clear(&w);
	world_clear(&v);

	world_init(&w, LADDER, TEN);
	buf_reset(&a);
	disputed(&w);
	add_fact(&w, FACT_DISPUTE, "2026-03-11T12:00:00Z", NULL)->id = "e";
	escalation_facts(&a, &w.e, w.arena);
	assert_non_null(strstr(buf_str(&a), "\"state\":\"open\""));
	assert_true(strstr(buf_str(&a), "\"id\":\"e\"") < strstr(buf_str(&a), "\"id\":\"f\""));
	buf_reset(&a);
	w.e.state = ESCALATION_STUB;
	w.e.invoice.fact_count = 0;
	escalation_facts(&a, &w.e, w.arena);
	assert_non_null(strstr(buf_str(&a), "\"state\":\"stub\""));
	world_clear(&w);
}

static void holds_are_told_and_renewed(void **state)
{
	struct world w;
	const struct task *task;

	(void)state;
	world_init(&w, LADDER, TEN);
	disputed(&w);
	refresh(&w, TEN);
	assert_string_equal(w.e.held, "dispute");
	assert_int_equal(w.e.next_at, at("2026-04-07T12:00:00Z"));
	assert_tells(find_draft(w.fx.records, "hold.opened"), "\"hold\":\"dispute\"");
	assert_tells(find_draft(w.fx.events, "escalation.held"), "\"reason\":\"dispute\"");
	task = find_task(&w.fx, "review_dispute");
	assert_true(task && !task->close && task->deadline == w.e.next_at);
	assert_string_equal(task->id, "review_dispute:inv_42");

	refresh(&w, "2026-04-05T08:00:00Z");
	assert_true(!w.fx.records && !w.fx.tasks); /* nothing changed: silence */

	refresh(&w, "2026-04-07T12:00:00Z");
	assert_int_equal(w.e.next_at, at("2026-04-21T12:00:00Z"));
	assert_null(find_draft(w.fx.records, "hold.opened"));
	assert_string_equal(find_task(&w.fx, "review_dispute")->reason, "renewed");

	w.facts[0].ended = true;
	refresh(&w, "2026-04-08T08:00:00Z");
	assert_null(w.e.held);
	assert_tells(find_draft(w.fx.records, "hold.ended"), "\"hold\":\"dispute\"");
	assert_non_null(find_draft(w.fx.events, "escalation.resumed"));
	assert_true(find_task(&w.fx, "review_dispute")->close);

	w.facts[0].ended = false; /* the person says that it is done, and then the hold ends: its task is closed once */
	refresh(&w, "2026-04-08T08:10:00Z");
	assert_false(find_task(&w.fx, "review_dispute")->close);
	escalation_task_done(&w.e, &w.debtor, "review_dispute:inv_42", &w.fx);
	w.facts[0].ended = true;
	refresh(&w, "2026-04-08T08:20:00Z");
	assert_null(w.e.held);
	assert_null(find_task(&w.fx, "review_dispute"));

	paused_until(&w); /* one without a task, and then one hold gives way to another */
	refresh(&w, "2026-04-08T09:00:00Z");
	assert_string_equal(w.e.held, "paused");
	assert_null(w.fx.tasks);
	insolvent(&w);
	refresh(&w, "2026-04-08T10:00:00Z");
	assert_string_equal(w.e.held, "insolvency");
	assert_int_equal(count_drafts(w.fx.records, "hold.ended") * 10 + count_drafts(w.fx.records, "hold.opened"), 11);
	world_clear(&w);
}

static void a_broken_promise_is_told(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, LADDER, TEN);
	promised(&w);
	refresh(&w, TEN);
	assert_string_equal(w.e.held, "promise");
	refresh(&w, "2026-04-13T07:00:00Z");
	assert_tells(find_draft(w.fx.events, "promise.broken"), "\"promise\":\"f\"");
	assert_non_null(find_draft(w.fx.records, "promise.broken"));
	assert_null(w.e.held);
	assert_int_equal(w.e.next_at, at("2026-04-13T07:00:00Z")); /* owed at once */
	assert_int_equal(w.debtor.promises_broken, 1);
	refresh(&w, "2026-04-13T08:00:00Z");
	assert_int_equal(w.debtor.promises_broken, 1);
	world_clear(&w);

	world_init(&w, LADDER, TEN);
	promised(&w);
	refresh(&w, TEN);
	disputed(&w);
	refresh(&w, "2026-04-03T07:00:00Z");
	assert_string_equal(w.e.held, "dispute"); /* before its day: no word is broken */
	assert_null(find_draft(w.fx.events, "promise.broken"));
	assert_int_equal(w.debtor.promises_broken, 0);
	world_clear(&w);

	world_init(&w, LADDER, TEN);
	promised(&w);
	refresh(&w, TEN);
	w.facts[0].ended = true; /* withdrawn: not broken */
	refresh(&w, "2026-04-03T07:00:00Z");
	assert_null(find_draft(w.fx.events, "promise.broken"));
	world_clear(&w);
}

/* Whenever it is told, and taken back: what is counted are the invoices that stand as paid. */
static void payments_are_counted_with_the_debtor(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, LADDER, TEN);
	add_fact(&w, FACT_PAID, "2026-04-02T11:59:59Z", NULL); /* somewhere it is still the day it is due */
	refresh(&w, TEN);
	assert_string_equal(w.e.settled, "in_time");
	assert_true(w.debtor.paid == 1 && w.debtor.paid_late == 0);
	w.facts[0].at = at("2026-04-02T12:00:00Z");
	refresh(&w, TEN);
	assert_string_equal(w.e.settled, "late");
	assert_true(w.debtor.paid == 1 && w.debtor.paid_late == 1);
	add_fact(&w, FACT_VOIDED, "2026-04-02T09:00:00Z", NULL); /* it was never owed */
	refresh(&w, TEN);
	assert_string_equal(w.e.closed, "voided");
	assert_true(!w.e.settled && w.debtor.paid == 0 && w.debtor.paid_late == 0);
	world_clear(&w);

	world_init(&w, LADDER, TEN);
	add_fact(&w, FACT_PAYMENT, "2026-04-20T09:00:00Z", NULL)->amount = 120000;
	refresh(&w, "2026-04-20T09:00:00Z");
	assert_string_equal(w.e.closed, "paid");
	assert_true(w.debtor.paid == 1 && w.debtor.paid_late == 1);
	w.facts[0].ended = true; /* it bounced */
	refresh(&w, "2026-04-22T09:00:00Z");
	assert_int_equal(w.e.state, ESCALATION_WAITING);
	assert_true(!w.e.settled && w.debtor.paid == 0 && w.debtor.paid_late == 0);
	world_clear(&w);
}

static void the_policy_is_chosen_once(void **state)
{
	struct selection selection = { .by = SELECTED_BY_RULE, .rule = "small", .asked = true };
	struct draft *draft;
	struct world w;

	(void)state;
	world_init(&w, LADDER, TEN);
	w.e.state = ESCALATION_NONE;
	selection.policy = w.policy;
	w.rules.selection = &selection;
	w.debtor.known = false;
	refresh(&w, TEN);
	assert_string_equal(w.e.held, "no_customer");
	assert_null(w.e.policy_digest); /* what comes may choose otherwise */
	assert_null(find_draft(w.fx.records, "policy.chosen"));
	w.debtor.known = selection.settled = true;
	refresh(&w, TEN);
	assert_string_equal(w.e.policy_digest, w.policy->digest);
	assert_string_equal(w.e.policy_by, "rule");
	draft = find_draft(w.fx.records, "policy.chosen");
	assert_non_null(draft);
	assert_tells(draft, "\"invoice\":\"inv_42\",\"policy_name\":\"p\"");
	assert_tells(draft, "\"by\":\"rule\",\"rule\":\"small\"");
	selection.rule = "other";
	refresh(&w, TEN);
	assert_string_equal(w.e.policy_rule, "small");
	assert_null(find_draft(w.fx.records, "policy.chosen"));
	world_clear(&w);

	world_init(&w, LADDER, TEN);
	w.e.state = ESCALATION_NONE;
	selection = (struct selection){ .policy = w.policy, .by = SELECTED_BY_DEFAULT, .settled = true };
	w.rules.selection = &selection;
	refresh(&w, TEN);
	assert_string_equal(w.e.policy_by, "default");
	assert_null(find_draft(w.fx.records, "policy.chosen")); /* nobody chose anything */
	world_clear(&w);
}

static void deposits_are_counted_with_the_debtor(void **state)
{
	struct fact *paid;
	struct world w;

	(void)state;
	world_init(&w, LADDER, TEN);
	w.e.invoice.snapshot.kind = 1;
	refresh(&w, "2026-03-31T08:00:00Z");
	assert_true(w.debtor.deposits == 0 && w.debtor.deposits_late == 0);
	refresh(&w, TEN); /* its day has passed */
	refresh(&w, TEN);
	assert_true(w.debtor.deposits == 0 && w.debtor.deposits_late == 1);
	paid = add_fact(&w, FACT_PAID, "2026-04-02T09:00:00Z", NULL);
	refresh(&w, "2026-04-02T10:00:00Z");
	assert_true(w.debtor.deposits == 1 && w.debtor.deposits_late == 0); /* in time somewhere on earth */
	paid->at = at("2026-04-03T13:00:00Z");
	refresh(&w, "2026-04-04T10:00:00Z");
	assert_true(w.debtor.deposits == 1 && w.debtor.deposits_late == 1 && w.debtor.paid == 1);
	w.e.invoice.snapshot.kind = 0; /* it never was one */
	refresh(&w, "2026-04-04T10:00:00Z");
	assert_true(w.debtor.deposits == 0 && w.debtor.deposits_late == 0 && w.debtor.paid == 1);
	world_clear(&w);
}

static void nobody_said_that_it_was_sent(void **state)
{
	struct fact *sent;
	struct world w;

	(void)state;
	world_init(&w, POLICY("\"expect_sent\":\"3d\",", MAIL("reminder", "due+1d", "")), "2026-03-05T08:00:00Z");
	refresh(&w, "2026-03-05T08:00:00Z");
	assert_null(find_task(&w.fx, "check_sent"));
	assert_int_equal(w.e.next_at, at("2026-03-05T09:00:00Z")); /* three days after it was known */
	w.rules.behind = true;
	refresh(&w, "2026-03-05T09:00:00Z"); /* what is not read yet may say so */
	assert_null(find_task(&w.fx, "check_sent"));
	w.rules.behind = false;
	refresh(&w, "2026-03-05T09:00:00Z");
	assert_string_equal(find_task(&w.fx, "check_sent")->reason, "not_sent");
	refresh(&w, "2026-03-06T09:00:00Z");
	assert_null(find_task(&w.fx, "check_sent")); /* once */
	assert_string_equal(w.e.held ? w.e.held : "", ""); /* it is an alarm, and no hold */
	sent = add_fact(&w, FACT_UNDELIVERED, "2026-03-06T10:00:00Z", NULL);
	sent->ended = true;
	refresh(&w, "2026-03-06T10:00:00Z");
	assert_true(find_task(&w.fx, "check_sent")->close);
	refresh(&w, "2026-03-20T10:00:00Z");
	assert_null(find_task(&w.fx, "check_sent"));
	world_clear(&w);

	world_init(&w, LADDER, "2026-03-20T08:00:00Z"); /* a policy that does not ask */
	refresh(&w, "2026-03-20T08:00:00Z");
	assert_null(find_task(&w.fx, "check_sent"));
	world_clear(&w);
}

static void a_hold_takes_back_the_call(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, LADDER, "2026-04-17T08:00:00Z");
	walked(&w, "reminder", STEP_SENT, NULL, "2026-04-02T08:00:00Z");
	walked(&w, "second", STEP_SENT, NULL, "2026-04-09T08:00:00Z");
	task_open(&w);
	w.e.step = "call";
	w.e.task = "call:inv_42:call";
	disputed(&w);
	refresh(&w, "2026-04-17T08:00:00Z");
	assert_int_equal(w.e.state, ESCALATION_WAITING);
	assert_true(!w.e.step && !w.e.task);
	assert_string_equal(find_task(&w.fx, "call")->result, "obsolete");
	assert_string_equal(w.e.held, "dispute");
	assert_int_equal(w.e.walk_count, 2); /* the call is still owed */
	w.facts[0].ended = true;
	refresh(&w, "2026-04-17T09:00:00Z");
	assert_int_equal(escalation_next(&w.e, &w.debtor, &w.rules).step, 2);
	world_clear(&w);
}

static void skips_that_are_due(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, POLICY("", MAIL("early", "due-7d", "") "," MAIL("first", "due+1d", "") "," CALL_STEP), TEN);
	no_address(&w);
	refresh(&w, TEN);
	assert_int_equal(w.e.walk_count, 2);
	assert_string_equal(w.walk[0].step, "early");
	assert_string_equal(w.walk[0].reason, "no_address"); /* whichever is seen first: it did not go out */
	assert_string_equal(w.walk[1].step, "first");
	assert_int_equal(w.walk[1].end, STEP_SKIPPED);
	assert_string_equal(w.walk[1].attempt, "no_address:inv_42:first");
	assert_int_equal(count_drafts(w.fx.records, "attempt.skipped"), 2);
	assert_tells(find_draft(w.fx.events, "contact.skipped"), "\"reason\":\"no_address\"");
	assert_string_equal(find_task(&w.fx, "no_address")->id, "no_address:inv_42:early");
	assert_int_equal(w.e.next_at, at("2026-04-16T07:00:00Z")); /* the call */
	w.walk[0].attempt = NULL; /* a person found one */
	add_fact(&w, FACT_PAID, "2026-04-12T12:00:00Z", NULL);
	refresh(&w, "2026-04-12T12:00:00Z");
	assert_string_equal(find_task(&w.fx, "no_address")->id, "no_address:inv_42:first");
	assert_string_equal(find_task(&w.fx, "no_address")->result, "obsolete");
	assert_null(find_task(&w.fx, "no_address")->next);
	world_clear(&w);

	world_init(&w, POLICY("", MAIL("a", "due+1d", "") "," MAIL("b", "due+8d", "")), TEN);
	opted_out(&w);
	refresh(&w, TEN);
	assert_int_equal(w.e.walk_count, 1); /* the second has not come yet: who opts in again gets it */
	assert_string_equal(w.walk[0].reason, "opted_out");
	assert_null(w.fx.tasks); /* nobody needs to do anything */
	assert_int_equal(w.e.next_at, at("2026-04-09T07:00:00Z"));
	world_clear(&w);
}

/* --- the stored form ------------------------------------------------------------------------------------------------- */

static void stored_and_read_again(void **state)
{
	CLEANUP(buf_clear) struct buf first = { 0 }, second = { 0 };
	struct escalation again;
	struct err err = { 0 };
	struct world w;

	(void)state;
	world_init(&w, LADDER, TEN);
	w.e = (struct escalation){ .version = 7, .invoice = w.e.invoice, .state = ESCALATION_DOUBT, .in_doubt = true, .asked_as = "call:inv_7:second", .policy = "p",
		.policy_digest = w.policy->digest, .policy_by = "rule", .policy_rule = "small", .settled = "late", .promises_broken = 2, .opened_at = 1, .walk = w.walk, .step = "second", .attempt = "a2", .task = "t",
		.since = 2, .look_at = 3, .tries = 4, .put_off = 4, .retry_at = 5, .retry_why = "rate", .rests_until = 6, .provider_failed = "p1", .channel_failed = "sms",
		.unreached = (const char *[]){ "email:c1", "sms:c2" }, .unreached_count = 2, .unreached_step = "second", .provider_only = "p2", .deferred = "second cap 9", .held = "dispute",
		.closed = "paid", .closed_at = 6, .will_be_due_told = true, .overdue_told = true,
		.exhausted_told = true, .work_rested = true, .start_told = true, .held_until = 11, .next_at = 8, .acts_at = 12 };
	walked(&w, "reminder", STEP_SENT, NULL, "2026-04-02T08:00:00Z");
	walked(&w, "call", STEP_DONE, "done", "2026-04-16T08:00:00Z");
	w.walk[w.e.walk_count++] = (struct walked){ "x", STEP_SKIPPED, "no_address", 9, NULL, NULL };
	w.walk[0].said = "second";
	promised(&w);
	escalation_hold(&w.e, w.arena, &(struct hold_entry){ "operator", 1, 2, "me", "because" });
	escalation_hold(&w.e, w.arena, &(struct hold_entry){ .reason = "dead_letter", .until = 3 });
	escalation_write(&first, &w.e);
	if (escalation_read(w.arena, first.data, first.len, &again, &err) < 0)
		fail_msg("%s: %s %s", err.path, err.code, err.text);
	escalation_write(&second, &again);
	assert_string_equal(buf_str(&first), buf_str(&second));
	assert_true(again.state == ESCALATION_DOUBT && again.walk_count == 3 && again.hold_count == 2 && again.overdue_told);
	assert_true(again.will_be_due_told && again.exhausted_told && again.work_rested && again.start_told && again.held_until == 11);
	assert_string_equal(again.holds[0].why, "because");
	assert_null(again.holds[1].who);
	assert_string_equal(again.retry_why, "rate");
	assert_int_equal(again.rests_until, 6);
	assert_string_equal(again.policy_by, "rule");
	assert_string_equal(again.policy_rule, "small");
	assert_string_equal(again.settled, "late");
	assert_int_equal(again.promises_broken, 2);
	assert_int_equal(again.put_off, 4);
	assert_string_equal(again.provider_failed, "p1");
	assert_string_equal(again.channel_failed, "sms");
	assert_int_equal(again.unreached_count, 2);
	assert_string_equal(again.unreached[1], "sms:c2");
	assert_string_equal(again.unreached_step, "second");
	assert_string_equal(again.provider_only, "p2");
	assert_null(again.walk[2].attempt);
	assert_string_equal(again.walk[0].said, "second");
	assert_null(again.walk[1].said);
	assert_int_equal(again.walk[1].end, STEP_DONE);

	for (int s = 0; s < ESCALATION_STATE_COUNT; s++) {
		buf_reset(&first);
		w.e.state = (enum escalation_state)s;
		escalation_write(&first, &w.e);
		assert_int_equal(escalation_read(w.arena, first.data, first.len, &again, NULL), 0);
		assert_int_equal(again.state, s);
	}
	world_clear(&w);
}

static void damaged_documents(void **state)
{
	static const struct {
		const char *json, *path, *code;
	} rows[] = {
		{ "", "$", "bad_json" },
		{ "{}", "$.schema", "missing" },
		{ "{\"schema\":2}", "$.schema", "out_of_range" }, /* a later version's: not guessed at */
		{ "{\"schema\":1}", "$.version", "missing" },
		{ "{\"schema\":1,\"version\":-1}", "$.version", "out_of_range" },
		{ "{\"schema\":1,\"version\":1}", "$.id", "missing" },
		{ "{\"schema\":1,\"version\":1,\"id\":\"i\"}", "$.state", "missing" },
		{ "{\"schema\":1,\"version\":1,\"id\":\"i\",\"state\":\"lost\"}", "$.state", "not_one_of" },
		{ "{\"schema\":1,\"version\":1,\"id\":\"i\",\"state\":\"waiting\",\"walk\":{}}", "$.walk", "wrong_type" },
		{ "{\"schema\":1,\"version\":1,\"id\":\"i\",\"state\":\"waiting\",\"walk\":[{}]}", "$.walk[0].step", "missing" },
		{ "{\"schema\":1,\"version\":1,\"id\":\"i\",\"state\":\"waiting\",\"walk\":[{\"step\":\"a\",\"end\":\"x\"}]}",
			"$.walk[0].end", "not_one_of" },
		{ "{\"schema\":1,\"version\":1,\"id\":\"i\",\"state\":\"waiting\",\"holds\":7}", "$.holds", "wrong_type" },
		{ "{\"schema\":1,\"version\":1,\"id\":\"i\",\"state\":\"waiting\",\"holds\":[{\"reason\":\"a\"}]}", "$.holds[0].until",
			"missing" },
		{ "{\"schema\":1,\"version\":1,\"id\":\"i\",\"state\":\"waiting\",\"next_at\":\"x\"}", "$.next_at", "wrong_type" },
	};
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct escalation e;
		struct err err = { 0 };

		assert_int_equal(escalation_read(arena, rows[i].json, strlen(rows[i].json), &e, &err), -EBADMSG);
		if (strcmp(err.path, rows[i].path) || strcmp(err.code, rows[i].code))
			fail_msg("%s: %s %s %s", rows[i].json, err.path, err.code, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_table),
		cmocka_unit_test(steps_and_holds_are_noted),
		cmocka_unit_test(opened_closed_and_opened_again),
		cmocka_unit_test(opened_again_with_an_attempt_under_way),
		cmocka_unit_test(stopped_stays_stopped),
		cmocka_unit_test(paid_after_it_was_given_up),
		cmocka_unit_test(a_stop_is_stored),
		cmocka_unit_test(closed_in_every_state),
		cmocka_unit_test(a_persons_hold_outlives_a_closing),
		cmocka_unit_test(order_does_not_matter),
		cmocka_unit_test(holds_are_told_and_renewed),
		cmocka_unit_test(a_broken_promise_is_told),
		cmocka_unit_test(payments_are_counted_with_the_debtor),
		cmocka_unit_test(the_policy_is_chosen_once),
		cmocka_unit_test(deposits_are_counted_with_the_debtor),
		cmocka_unit_test(nobody_said_that_it_was_sent),
		cmocka_unit_test(a_hold_takes_back_the_call),
		cmocka_unit_test(skips_that_are_due),
		cmocka_unit_test(stored_and_read_again),
		cmocka_unit_test(damaged_documents),
	};

	return cmocka_run_group_tests_name("escalation", tests, NULL, NULL);
}
