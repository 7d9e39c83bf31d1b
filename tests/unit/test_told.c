/* What others are told of an invoice's day, of work that rests because of it, and of the end of its ladder: once each, and on its day. */
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

static void refresh(struct world *w, const char *now)
{
	world_at(w, now);
	escalation_refresh(&w->e, &w->debtor, &w->rules, &w->fx);
}

static void overdue_is_told_once(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, LADDER, TEN);
	refresh(&w, "2026-04-01T21:59:00Z"); /* still the due date in Paris */
	assert_null(find_draft(w.fx.events, "invoice.overdue"));
	refresh(&w, "2026-04-01T22:00:00Z");
	assert_tells(find_draft(w.fx.events, "invoice.overdue"), "\"balance_minor\":120000");
	refresh(&w, "2026-04-01T22:01:00Z");
	assert_null(find_draft(w.fx.events, "invoice.overdue"));
	assert_true(w.e.overdue_told);
	world_clear(&w);
}

/* The first step comes days later, or a dispute holds it: the day after the due date is looked at all the same, once. */
static void overdue_is_told_on_its_day(void **state)
{
	struct world w;

	(void)state;
	for (int held = 0; held < 2; held++) {
		world_init(&w, POLICY("", MAIL("reminder", "due+5d", "")), TEN);
		if (held)
			add_fact(&w, FACT_DISPUTE, "2026-03-30T12:00:00Z", NULL);
		refresh(&w, "2026-03-31T09:00:00Z");
		assert_int_equal(w.e.next_at, at("2026-04-02T07:00:00Z")); /* 9:00 in Paris */
		assert_int_equal(w.e.acts_at, held ? w.e.held_until : at("2026-04-06T07:00:00Z"));
		w.rules.behind = true; /* a payment may lie unread */
		refresh(&w, "2026-04-02T07:00:00Z");
		assert_null(find_draft(w.fx.events, "invoice.overdue"));
		assert_int_equal(w.e.next_at, at("2026-04-02T07:00:00Z"));
		w.rules.behind = false;
		refresh(&w, "2026-04-02T07:00:00Z");
		assert_non_null(find_draft(w.fx.events, "invoice.overdue"));
		assert_true(w.e.next_at > at("2026-04-03T22:00:00Z"));
		world_clear(&w);
	}
	world_init(&w, POLICY("", MAIL("reminder", "due+5d", "")), TEN);
	add_fact(&w, FACT_PAID, "2026-03-30T12:00:00Z", NULL);
	refresh(&w, "2026-03-31T09:00:00Z");
	assert_int_equal(w.e.state, ESCALATION_CLOSED);
	assert_true(!w.e.next_at || w.e.next_at > at("2026-04-03T22:00:00Z")); /* nothing to look at */
	world_clear(&w);
}

static const struct due_row {
	const char *policy, *due_on, *told; /* told: when business opens in Paris */
} due_rows[] = {
	{ POLICY("", MAIL("first", "due-5d", "") "," MAIL("second", "due-2d", "") "," MAIL("third", "due+1d", "")), "2026-04-01", "2026-03-27T08:00:00Z" },
	{ POLICY("", MAIL("first", "due-5bd", "") "," MAIL("second", "due+9d", "")), "2026-04-01", "2026-03-25T08:00:00Z" },
	{ LADDER, "2026-04-01", "2026-03-25T08:00:00Z" }, /* no step before it: a week */
	{ NOTHING, "2026-04-01", "2026-03-25T08:00:00Z" },
	{ POLICY("", MAIL("first", "due-4d", "") "," MAIL("second", "due+9d", "")), "2026-04-01", "2026-03-30T07:00:00Z" }, /* on a Saturday */
	{ POLICY("", MAIL("first", "due-2d", "") "," MAIL("second", "due+9d", "")), "2026-03-30", "2026-03-27T08:00:00Z" }, /* only Sunday lies between */
};

/* Others hear of an invoice before its day, once, whenever its first step is and whatever holds it; and nobody hears twice that a hold was renewed. */
static void will_be_due_is_told_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(due_rows); i++) {
		for (int held = 0; held < 2; held++) {
			struct draft *draft;
			struct world w;

			world_init(&w, due_rows[i].policy, TEN);
			assert_int_equal(date_parse(due_rows[i].due_on, &w.e.invoice.snapshot.due_on), 0);
			if (held)
				add_fact(&w, FACT_DISPUTE, "2026-03-20T12:00:00Z", NULL);
			refresh(&w, "2026-03-23T09:00:00Z");
			assert_null(find_draft(w.fx.events, "invoice.will_be_due"));
			if (w.e.next_at != at(due_rows[i].told))
				fail_msg("row %zu, held %d: looked at %lld", i, held, (long long)w.e.next_at);
			refresh(&w, due_rows[i].told);
			draft = find_draft(w.fx.events, "invoice.will_be_due");
			assert_non_null(draft);
			assert_tells(draft, "\"balance_minor\":120000,\"currency\":\"EUR\",\"due_on\":\"2026-0");
			assert_null(w.fx.tasks);
			assert_int_equal(w.e.held_until != 0, held || due_rows[i].policy == due_rows[3].policy);
			refresh(&w, "2026-03-30T10:00:00Z");
			assert_null(find_draft(w.fx.events, "invoice.will_be_due"));
			assert_true(w.e.next_at <= at("2026-04-02T07:00:00Z"));
			refresh(&w, "2026-04-02T07:00:00Z");
			assert_int_equal(count_drafts(w.fx.events, "invoice.overdue"), 1);
			assert_null(find_draft(w.fx.events, "invoice.will_be_due"));
			assert_null(w.fx.tasks); /* the dispute's two weeks are not over */
			if (held)
				assert_int_equal(w.e.next_at, at("2026-04-03T12:00:00Z"));
			world_clear(&w);
		}
	}
}

/* Known late, or nobody's debt any more. */
static void will_be_due_is_not_told(void **state)
{
	struct world w;

	(void)state;
	for (int i = 0; i < 4; i++) {
		world_init(&w, LADDER, TEN);
		if (i == 2)
			add_fact(&w, FACT_PAID, "2026-03-20T12:00:00Z", NULL);
		if (i == 3)
			w.e.invoice.snapshot.status = INVOICE_DRAFT;
		refresh(&w, i == 0 ? "2026-04-02T09:00:00Z" : i == 1 ? "2026-04-01T09:00:00Z" : "2026-03-30T09:00:00Z");
		assert_null(find_draft(w.fx.events, "invoice.will_be_due"));
		if (i == 0) { /* a later day does not bring it back */
			w.e.invoice.snapshot.due_on = date_of(2026, 4, 9);
			refresh(&w, "2026-04-03T09:00:00Z");
			assert_null(w.fx.events);
		}
		world_clear(&w);
	}
}

static void the_end_of_the_ladder_is_told_once(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, POLICY("\"max_contacts\":1,", MAIL("first", "due+1d", "") "," MAIL("second", "due+8d", "")), TEN);
	refresh(&w, TEN);
	assert_null(find_draft(w.fx.events, "escalation.exhausted"));
	walked(&w, "first", STEP_SENT, NULL, TEN);
	refresh(&w, "2026-04-02T08:01:00Z");
	assert_tells(find_draft(w.fx.events, "escalation.exhausted"), "\"balance_minor\":120000");
	assert_non_null(find_task(&w.fx, "exhausted"));
	refresh(&w, "2026-04-03T08:00:00Z");
	assert_null(w.fx.events);
	disputed(&w); /* another hold takes its place for a while */
	refresh(&w, "2026-04-06T08:00:00Z");
	w.facts[0].ended = true;
	refresh(&w, "2026-04-07T08:00:00Z");
	assert_string_equal(w.e.held, "exhausted");
	assert_null(find_draft(w.fx.events, "escalation.exhausted"));
	refresh(&w, "2026-06-01T09:00:00Z");
	assert_string_equal(find_task(&w.fx, "exhausted")->reason, "renewed");
	assert_null(find_draft(w.fx.events, "escalation.exhausted"));
	world_clear(&w);

	world_init(&w, POLICY("", MAIL("first", "due+1d", "")), TEN); /* all steps taken, and paid */
	walked(&w, "first", STEP_SENT, NULL, TEN);
	add_fact(&w, FACT_PAID, TEN, NULL);
	refresh(&w, "2026-04-02T08:01:00Z");
	assert_null(find_draft(w.fx.events, "escalation.exhausted"));
	world_clear(&w);
}

/* A document from before its hold's end was noted. */
static void an_old_hold_is_renewed(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, LADDER, TEN);
	disputed(&w);
	refresh(&w, TEN);
	w.e.held_until = 0;
	refresh(&w, "2026-04-07T12:00:00Z");
	assert_string_equal(find_task(&w.fx, "review_dispute")->reason, "renewed");
	assert_int_equal(w.e.held_until, at("2026-04-21T12:00:00Z"));
	world_clear(&w);
}

/* A deposit holds work once its day has passed; its steps, and those of any other invoice, ask for it no second time. */
static void a_hold_of_work_is_told_once(void **state)
{
	struct world w;

	(void)state;
	for (int deposit = 0; deposit < 2; deposit++) {
		world_init(&w, POLICY("", MAIL("reminder", "due+1d", ",\"effects\":[\"work.hold_requested\"]") ","
			MAIL("second", "due+8d", ",\"effects\":[\"work.hold_requested\"],\"hold_after\":\"7d\"") ","
			MAIL("last", "due+15d", ",\"effects\":[\"work.hold_requested\"]")), TEN);
		w.e.invoice.snapshot.kind = deposit; /* of invoice_kind_names */
		refresh(&w, TEN);
		assert_int_equal(count_drafts(w.fx.events, "work.hold_requested"), (size_t)deposit);
		world_at(&w, TEN);
		escalation_step_effects(&w.e, &w.debtor, w.policy, "reminder", "reminder", &w.fx);
		assert_int_equal(count_drafts(w.fx.events, "work.hold_requested"), (size_t)!deposit);
		world_at(&w, "2026-04-09T08:00:00Z");
		escalation_step_effects(&w.e, &w.debtor, w.policy, "second", "second", &w.fx);
		escalation_step_effects(&w.e, &w.debtor, w.policy, "last", "last", &w.fx);
		assert_int_equal(count_drafts(w.fx.events, NULL), 0); /* nor is announced what is so */
		assert_true(w.debtor.work_held_count == 1 && !w.e.work_hold_at);
		world_clear(&w);
	}
	world_init(&w, POLICY("", MAIL("second", "due+8d", ",\"effects\":[\"work.hold_requested\"],\"hold_after\":\"7d\"") ","
		MAIL("last", "due+15d", ",\"effects\":[\"work.hold_requested\"]")), "2026-04-09T08:00:00Z");
	refresh(&w, "2026-04-09T08:00:00Z");
	escalation_step_effects(&w.e, &w.debtor, w.policy, "second", "second", &w.fx);
	escalation_step_effects(&w.e, &w.debtor, w.policy, "last", "last", &w.fx);
	assert_int_equal(count_drafts(w.fx.events, "work.hold_announced"), 1);
	assert_int_equal(count_drafts(w.fx.events, "work.hold_requested"), 1);
	refresh(&w, "2026-04-16T08:00:01Z"); /* what was announced is there already */
	assert_int_equal(w.e.work_hold_at, 0);
	assert_null(find_draft(w.fx.events, "work.hold_requested"));
	world_clear(&w);
}

static const struct start_row {
	const char *name, *due_on, *starts_on, *waits; /* waits: the last instant at which work does not rest; it does a minute later */
	int kind;
} start_rows[] = {
	{ "no day was told: when the due date is over", "2026-04-01", NULL, "2026-04-01T21:59:00Z", 1 }, /* in Paris */
	{ "before it is due", "2026-04-01", "2026-03-27", "2026-03-26T22:59:00Z", 1 },
	{ "on the due date", "2026-04-01", "2026-04-01", "2026-03-31T21:59:00Z", 1 },
	{ "later", "2026-04-01", "2026-04-20", "2026-04-19T21:59:00Z", 1 },
	{ "no deposit", "2026-04-01", "2026-04-20", NULL, 0 },
};

/* The work that a deposit is for has a day of its own: nobody begins on it, and nobody is stopped before it. */
static void work_waits_from_its_day_on(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(start_rows); i++) {
		const struct start_row *row = &start_rows[i];
		struct world w;

		world_init(&w, POLICY("", MAIL("reminder", "due+30d", "")), TEN);
		w.e.invoice.snapshot.kind = row->kind; /* of invoice_kind_names */
		assert_int_equal(date_parse(row->due_on, &w.e.invoice.snapshot.due_on), 0);
		if (row->starts_on)
			assert_int_equal(date_parse(row->starts_on, &w.e.invoice.snapshot.starts_on), 0);
		refresh(&w, "2026-03-09T09:00:00Z");
		if (row->waits) {
			refresh(&w, row->waits);
			if (w.debtor.work_held_count || find_draft(w.fx.events, "work.hold_requested"))
				fail_msg("%s: too early", row->name);
			if (w.e.next_at <= w.rules.now || w.e.next_at > w.rules.now + 4 * DAY_MS)
				fail_msg("%s: nobody looks", row->name);
			w.rules.behind = true;
			escalation_refresh(&w.e, &w.debtor, &w.rules, &w.fx);
			w.rules.now += MINUTE_MS;
			escalation_refresh(&w.e, &w.debtor, &w.rules, &w.fx);
			assert_int_equal(w.debtor.work_held_count, 0); /* the payment may lie unread */
			w.rules.behind = false;
			escalation_refresh(&w.e, &w.debtor, &w.rules, &w.fx);
			if (w.debtor.work_held_count != 1)
				fail_msg("%s: work goes on", row->name);
			assert_tells(find_draft(w.fx.events, "work.hold_requested"), "deposit_unpaid");
		}
		refresh(&w, "2026-04-24T09:00:00Z");
		assert_int_equal(w.debtor.work_held_count, row->waits != NULL);
		assert_null(find_draft(w.fx.events, "work.hold_requested"));
		assert_true(w.e.overdue_told);
		world_clear(&w);
	}
}

/* Another day is told: what rests goes on resting, and what does not waits for the new one. */
static void the_day_of_the_work_is_moved(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, POLICY("", MAIL("reminder", "due+30d", "")), TEN);
	w.e.invoice.snapshot.kind = 1;
	w.e.invoice.snapshot.starts_on = date_of(2026, 4, 20);
	refresh(&w, TEN);
	assert_true(w.e.overdue_told && !w.debtor.work_held_count);
	w.e.invoice.snapshot.starts_on = date_of(2026, 4, 27);
	refresh(&w, "2026-04-20T09:00:00Z");
	assert_int_equal(w.debtor.work_held_count, 0);
	w.e.invoice.snapshot.starts_on = date_none();
	refresh(&w, "2026-04-21T09:00:00Z");
	assert_int_equal(w.debtor.work_held_count, 1);
	w.e.invoice.snapshot.starts_on = date_of(2026, 5, 27);
	refresh(&w, "2026-04-22T09:00:00Z");
	assert_int_equal(w.debtor.work_held_count, 1);
	assert_int_equal(count_drafts(w.fx.events, NULL), 0);
	world_clear(&w);
}

static void payment(struct world *w, bool reversed)
{
	struct fact *fact = w->e.invoice.fact_count ? &w->facts[0] : add_fact(w, FACT_PAYMENT, "2026-04-03T08:00:00Z", NULL);

	fact->amount = 120000;
	fact->ended = reversed;
}

/* Money that comes and goes back, told in any order and twice: work rests in the end as if it had never come, and each is told of it once. */
static void a_payment_that_went_back(void **state)
{
	enum { DEPOSIT_LATE, STEP_HELD, PAID_IN_TIME, SENT_WHILE_PAID, WARNED, WARNED_WHILE_PAID, NOTHING_HELD, ROWS };

	(void)state;
	for (int row = 0; row < ROWS; row++) {
		for (int told = 0; told < 4; told++) { /* 0: the reversal first; 1: in order; 2: each twice; 3: paid and reversed twice */
			bool warned = row == WARNED || row == WARNED_WHILE_PAID, sent = row == STEP_HELD || row == WARNED;
			size_t asked = 0, released = 0;
			struct world w;

			world_init(&w, POLICY("", MAIL("first", "due+1d", ",\"effects\":[\"work.hold_requested\"]") ","
				MAIL("warns", "due+8d", ",\"effects\":[\"work.hold_requested\"],\"hold_after\":\"7d\"")), TEN);
			w.e.invoice.snapshot.kind = row == DEPOSIT_LATE || row == PAID_IN_TIME; /* of invoice_kind_names */
			refresh(&w, row == PAID_IN_TIME ? "2026-03-31T09:00:00Z" : TEN);
			asked += count_drafts(w.fx.events, "work.hold_requested");
			if (sent)
				escalation_step_effects(&w.e, &w.debtor, w.policy, warned ? "warns" : "first", NULL, &w.fx);
			asked += row == STEP_HELD;
			for (int i = 0; i < 8; i++) {
				bool reversed = told == 0 || (told == 1 ? i >= 4 : told == 2 ? i >= 2 : i % 2);

				payment(&w, reversed);
				refresh(&w, row == PAID_IN_TIME ? "2026-03-31T10:00:00Z" : "2026-04-03T09:00:00Z");
				assert_int_equal(w.e.state, reversed ? ESCALATION_WAITING : ESCALATION_CLOSED);
				assert_int_equal(w.debtor.work_held_count, reversed && (row == DEPOSIT_LATE || row == STEP_HELD ||
					(row == SENT_WHILE_PAID && i)));
				asked += count_drafts(w.fx.events, "work.hold_requested");
				released += count_drafts(w.fx.events, "work.release_allowed");
				if (i == 0 && (row == SENT_WHILE_PAID || row == WARNED_WHILE_PAID)) {
					world_at(&w, "2026-04-03T09:01:00Z");
					escalation_step_effects(&w.e, &w.debtor, w.policy, warned ? "warns" : "first", NULL, &w.fx);
					asked += count_drafts(w.fx.events, "work.hold_requested");
				}
				if (w.e.state == ESCALATION_CLOSED)
					assert_int_equal(w.e.next_at, 0);
			}
			w.e.invoice.fact_count = 0; /* newer figures, without that payment */
			refresh(&w, "2026-04-11T09:00:00Z"); /* the day is long past, and what was warned of has come */
			asked += count_drafts(w.fx.events, "work.hold_requested");
			if (w.debtor.work_held_count != (row != NOTHING_HELD))
				fail_msg("row %d, told %d: work rests because of %zu", row, told, w.debtor.work_held_count);
			if (row != PAID_IN_TIME) /* to begin is told with each payment in time, and to stop when its day has passed */
				assert_int_equal(asked, released + (row != NOTHING_HELD));
			assert_int_equal(asked, row == NOTHING_HELD ? 0 : 1 + ((row == DEPOSIT_LATE || row == STEP_HELD) && told ? told == 3 ? 4 : 1 : 0) +
				(row == SENT_WHILE_PAID && told == 3 ? 3 : 0));
			world_clear(&w);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overdue_is_told_once),
		cmocka_unit_test(overdue_is_told_on_its_day),
		cmocka_unit_test(will_be_due_is_told_once),
		cmocka_unit_test(will_be_due_is_not_told),
		cmocka_unit_test(the_end_of_the_ladder_is_told_once),
		cmocka_unit_test(an_old_hold_is_renewed),
		cmocka_unit_test(a_hold_of_work_is_told_once),
		cmocka_unit_test(work_waits_from_its_day_on),
		cmocka_unit_test(the_day_of_the_work_is_moved),
		cmocka_unit_test(a_payment_that_went_back),
	};

	return cmocka_run_group_tests_name("told", tests, NULL, NULL);
}
