/* What others are told of an invoice's day and of work that rests because of it: once each, and on its day. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overdue_is_told_once),
		cmocka_unit_test(overdue_is_told_on_its_day),
		cmocka_unit_test(a_hold_of_work_is_told_once),
	};

	return cmocka_run_group_tests_name("told", tests, NULL, NULL);
}
