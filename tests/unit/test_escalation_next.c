/* What comes next for one invoice: holds with their ends, deferrals, spacing, skips and conditions. */
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

/* --- what comes next ------------------------------------------------------------------------------------------------- */

static void as_it_is(struct world *w)
{
	(void)w;
}

static void operator_hold_over(struct world *w)
{
	escalation_hold(&w->e, w->arena, &(struct hold_entry){ "operator", 1, w->rules.now, "me", "x" });
}

static void debtor_dead_letter(struct world *w)
{
	w->debtor.dead_letter_until = at("2026-04-05T00:00:00Z");
}

static void unknown_customer(struct world *w)
{
	w->debtor.known = false;
}

static void paused_open_end(struct world *w)
{
	w->debtor.paused = (struct debtor_switch){ .set = true, .on = true, .order = { 0, at("2026-01-01T00:00:00Z"), "", "" } };
}

static void paused_over(struct world *w)
{
	w->debtor.paused = (struct debtor_switch){ .set = true, .on = true, .until = at("2026-04-01T00:00:00Z") };
}

static void dispute_over(struct world *w)
{
	add_fact(w, FACT_DISPUTE, "2026-03-10T12:00:00Z", NULL)->ended = true;
}

static void has_plan(struct world *w)
{
	add_fact(w, FACT_PLAN, "2026-03-10T12:00:00Z", NULL);
}

static void settled(struct world *w)
{
	add_fact(w, FACT_SETTLEMENT, "2026-03-10T12:00:00Z", NULL);
}

static void undelivered(struct world *w)
{
	add_fact(w, FACT_UNDELIVERED, "2026-03-31T12:00:00Z", NULL);
}

static void replied(struct world *w)
{
	add_fact(w, FACT_REPLY, "2026-04-01T12:00:00Z", NULL);
}

static void replied_long_ago(struct world *w)
{
	add_fact(w, FACT_REPLY, "2026-03-01T12:00:00Z", NULL);
}

static void unknown_policy(struct world *w)
{
	w->rules.policy = NULL;
}

static void promise_over(struct world *w)
{
	add_fact(w, FACT_PROMISE, "2026-03-01T12:00:00Z", "2026-04-01");
}

static void announced_for(struct world *w)
{
	add_fact(w, FACT_ANNOUNCED, "2026-04-01T12:00:00Z", "2026-04-07");
}

static void announced(struct world *w)
{
	add_fact(w, FACT_ANNOUNCED, "2026-04-01T12:00:00Z", NULL);
}

static void automatic(struct world *w)
{
	w->e.invoice.snapshot.automatic = true;
}

static void charge_failed(struct world *w)
{
	automatic(w);
	add_fact(w, FACT_CHARGE_FAILED, "2026-04-01T12:00:00Z", NULL);
}

static void drafted_again(struct world *w)
{
	w->e.invoice.snapshot.status = INVOICE_DRAFT;
}

static void small(struct world *w)
{
	w->e.invoice.snapshot.total = 999;
}

static void one_sent(struct world *w)
{
	walked(w, "reminder", STEP_SENT, NULL, "2026-04-02T08:00:00Z");
}

static void one_perhaps_sent(struct world *w)
{
	walked(w, "reminder", STEP_SKIPPED, "unknown", "2026-04-02T08:00:00Z");
}

static void one_skipped(struct world *w)
{
	walked(w, "reminder", STEP_SKIPPED, "operator", "2026-04-02T08:00:00Z");
}

static void all_over(struct world *w)
{
	walked(w, "reminder", STEP_SENT, NULL, "2026-04-02T08:00:00Z");
	walked(w, "second", STEP_SENT, NULL, "2026-04-09T08:00:00Z");
	walked(w, "call", STEP_DONE, NULL, "2026-04-16T08:00:00Z");
	walked(w, "gate", STEP_DONE, NULL, "2026-04-27T08:00:00Z");
	walked(w, "of-an-older-version", STEP_SENT, NULL, "2026-04-27T08:00:00Z");
}

static void three_over(struct world *w)
{
	all_over(w);
	w->e.walk_count = 3;
}

static void recently_contacted(struct world *w)
{
	contacted(w, "2026-04-01T10:00:00Z", CHANNEL_EMAIL);
}

static void often_contacted(struct world *w)
{
	contacted(w, "2026-03-28T10:00:00Z", CHANNEL_EMAIL);
	contacted(w, "2026-03-30T10:00:00Z", CHANNEL_SMS);
}

static void failed_before(struct world *w)
{
	w->e.retry_at = at("2026-04-02T09:10:00Z");
}

static void failed_before_evening(struct world *w)
{
	w->e.retry_at = at("2026-04-02T16:00:00Z");
}

static void no_address_at_all(struct world *w)
{
	w->debtor.customer.contact_count = 0;
}

static void outsider(struct world *w)
{
	w->contact.external = true;
}

static void only_a_phone_texted(struct world *w)
{
	w->contact.email = NULL;
	contacted(w, "2026-03-30T10:00:00Z", CHANNEL_SMS);
}

static void consumer(struct world *w)
{
	w->debtor.customer.kind = 2;
}

static void tagged(struct world *w)
{
	w->e.invoice.snapshot.tags = "vip-2,vip,other";
}

static void nearly_tagged(struct world *w)
{
	w->e.invoice.snapshot.tags = "vip-2,vi";
}

static void part_paid(struct world *w)
{
	w->e.invoice.snapshot.paid = 70000;
}

static void stale_feed(struct world *w)
{
	w->rules.feed_stale_since = 1;
}

static void sending(struct world *w)
{
	w->e.state = ESCALATION_SENDING;
	w->e.look_at = 77;
}

static void in_doubt(struct world *w)
{
	w->e.state = ESCALATION_DOUBT;
	w->e.look_at = 78;
}

static void task_and_dispute(struct world *w)
{
	task_open(w);
	disputed(w);
}

static void gate_open(struct world *w)
{
	w->e.state = ESCALATION_GATE;
	w->e.look_at = at("2026-05-20T15:30:00Z");
}

static void closed(struct world *w)
{
	w->e.state = ESCALATION_CLOSED;
}

static void stub(struct world *w)
{
	w->e.state = ESCALATION_STUB;
}

#define GATE_IF(conditions) POLICY("", "{\"id\":\"g\",\"at\":\"due+1d\",\"gate\":\"decision\",\"role\":\"owner\",\"if\":{" conditions "}}")
#define IF(members) POLICY("", MAIL("reminder", "due+1d", ",\"if\":{" members "}"))

static const struct next_row {
	const char *name, *policy, *now;
	void (*arrange)(struct world *w);
	enum next_kind kind;
	const char *why, *at;
	size_t step;
} next_rows[] = {
	{ "owed now", LADDER, TEN, as_it_is, NEXT_CONTACT, "schedule", TEN, 0 },
	{ "owed tomorrow at the opening", LADDER, "2026-04-01T10:00:00Z", as_it_is, NEXT_CONTACT, "schedule", "2026-04-02T07:00:00Z",
		0 },
	{ "owed, but it is night", LADDER, "2026-04-02T20:00:00Z", as_it_is, NEXT_CONTACT, "window", "2026-04-03T07:00:00Z", 0 },
	{ "first seen very late: the first overdue step", LADDER, "2026-06-02T08:00:00Z", as_it_is, NEXT_CONTACT, "schedule",
		"2026-06-02T08:00:00Z", 0 },
	/* holds, each with its end */
	{ "operator", LADDER, TEN, operator_hold, NEXT_HELD, "operator", "2026-05-01T00:00:00Z", 0 },
	{ "an operator's hold ends by itself", LADDER, TEN, operator_hold_over, NEXT_CONTACT, "schedule", TEN, 0 },
	{ "a dead letter named the debtor", LADDER, TEN, debtor_dead_letter, NEXT_HELD, "dead_letter", "2026-04-05T00:00:00Z", 0 },
	{ "customer data never came", LADDER, TEN, unknown_customer, NEXT_HELD, "no_customer", "2026-04-02T09:00:00Z", 0 },
	{ "insolvency is renewed monthly", LADDER, TEN, insolvent, NEXT_HELD, "insolvency", "2026-04-19T00:00:00Z", 0 },
	{ "paused until", LADDER, TEN, paused_until, NEXT_HELD, "paused", "2026-06-01T00:00:00Z", 0 },
	{ "paused without an end is renewed", LADDER, TEN, paused_open_end, NEXT_HELD, "paused", "2026-05-01T00:00:00Z", 0 },
	{ "a pause ends by itself", LADDER, TEN, paused_over, NEXT_CONTACT, "schedule", TEN, 0 },
	{ "dispute", LADDER, TEN, disputed, NEXT_HELD, "dispute", "2026-04-07T12:00:00Z", 0 },
	{ "a resolved dispute", LADDER, TEN, dispute_over, NEXT_CONTACT, "schedule", TEN, 0 },
	{ "a payment came back", LADDER, TEN, payment_reversed, NEXT_HELD, "reconcile", "2026-04-06T09:00:00Z", 0 },
	{ "plan", LADDER, TEN, has_plan, NEXT_HELD, "plan", "2026-04-09T12:00:00Z", 0 },
	{ "settlement", LADDER, TEN, settled, NEXT_HELD, "settlement", "2026-04-09T12:00:00Z", 0 },
	{ "undelivered", LADDER, TEN, undelivered, NEXT_HELD, "undelivered", "2026-04-07T12:00:00Z", 0 },
	{ "a reply waits three days for an answer", LADDER, TEN, replied, NEXT_HELD, "reply", "2026-04-06T07:00:00Z", 0 },
	{ "an old reply", LADDER, TEN, replied_long_ago, NEXT_CONTACT, "schedule", TEN, 0 },
	{ "unknown policy", LADDER, TEN, unknown_policy, NEXT_HELD, "unknown_policy", "2026-04-02T09:00:00Z", 0 },
	{ "a promise until Friday holds to Monday's opening", LADDER, TEN, promised, NEXT_HELD, "promise", "2026-04-13T07:00:00Z", 0 },
	{ "a promise that passed", LADDER, TEN, promise_over, NEXT_CONTACT, "schedule", TEN, 0 },
	{ "payment announced for a day", LADDER, TEN, announced_for, NEXT_HELD, "announced", "2026-04-08T07:00:00Z", 0 },
	{ "payment announced", LADDER, TEN, announced, NEXT_HELD, "announced", "2026-04-08T12:00:00Z", 0 },
	{ "charged automatically", LADDER, TEN, automatic, NEXT_HELD, "automatic", "2026-05-01T09:00:00Z", 0 },
	{ "the charge failed", LADDER, TEN, charge_failed, NEXT_CONTACT, "schedule", TEN, 0 },
	{ "taken back to draft", LADDER, TEN, drafted_again, NEXT_HELD, "draft", "2026-04-06T09:00:00Z", 0 },
	{ "a policy that does nothing", NOTHING, TEN, as_it_is, NEXT_HELD, "do_nothing", "2026-05-31T09:00:00Z", 0 },
	{ "below the minimum", POLICY("\"minimum\":{\"EUR\":1000},", MAIL("a", "due+1d", "")), TEN, small, NEXT_HELD, "below_minimum",
		"2026-05-01T09:00:00Z", 0 },
	{ "a minimum of another currency", POLICY("\"minimum\":{\"USD\":1000},", MAIL("a", "due+1d", "")), TEN, small, NEXT_CONTACT,
		"schedule", TEN, 0 },
	{ "as many contacts as allowed", POLICY("\"max_contacts\":1,", MAIL("reminder", "due+1d", "") "," MAIL("b", "due+9d", "")),
		"2026-04-20T08:00:00Z", one_sent, NEXT_HELD, "exhausted", "2026-05-01T09:00:00Z", 0 },
	{ "what was perhaps sent counts", POLICY("\"max_contacts\":1,", MAIL("reminder", "due+1d", "") "," MAIL("b", "due+9d", "")),
		"2026-04-20T08:00:00Z", one_perhaps_sent, NEXT_HELD, "exhausted", "2026-05-01T09:00:00Z", 0 },
	{ "what was skipped does not", POLICY("\"max_contacts\":1,", MAIL("reminder", "due+1d", "") "," MAIL("b", "due+9d", "")),
		"2026-04-20T08:00:00Z", one_skipped, NEXT_CONTACT, "schedule", "2026-04-20T08:00:00Z", 1 },
	{ "the ladder is at its end", LADDER, "2026-06-02T08:00:00Z", all_over, NEXT_HELD, "exhausted", "2026-06-30T09:00:00Z", 0 },
	{ "stale payment feed", LADDER, TEN, stale_feed, NEXT_HELD, "feed_stale", "2026-04-02T09:00:00Z", 0 },
	{ "stale, but nothing is owed yet", LADDER, "2026-03-20T08:00:00Z", stale_feed, NEXT_CONTACT, "schedule",
		"2026-04-02T07:00:00Z", 0 },
	/* deferrals: still owed */
	{ "the gap after another contact", LADDER, TEN, recently_contacted, NEXT_CONTACT, "min_gap", "2026-04-03T10:00:00Z", 0 },
	{ "the cap over all invoices", LADDER, TEN, often_contacted, NEXT_CONTACT, "cap", "2026-04-06T07:00:00Z", 0 },
	{ "a certain failure waits", LADDER, TEN, failed_before, NEXT_CONTACT, "retry", "2026-04-02T09:10:00Z", 0 },
	{ "and not into the night", LADDER, TEN, failed_before_evening, NEXT_CONTACT, "retry", "2026-04-03T07:00:00Z", 0 },
	{ "the cap of the channel that will be used", POLICY("\"min_gap\":\"0h\",\"caps\":[{\"channel\":\"sms\",\"contacts\":1,\"days\":7}],",
		MAIL("a", "due+1d", ",\"else\":\"sms\"")), TEN, only_a_phone_texted, NEXT_CONTACT, "cap", "2026-04-06T10:00:00Z", 0 },
	/* spacing */
	{ "the second keeps its distance", LADDER, "2026-04-03T08:00:00Z", one_sent, NEXT_CONTACT, "schedule", "2026-04-09T07:00:00Z", 1 },
	{ "from a step that was perhaps sent too", LADDER, "2026-04-03T08:00:00Z", one_perhaps_sent, NEXT_CONTACT, "schedule",
		"2026-04-09T07:00:00Z", 1 },
	{ "the gate", LADDER, "2026-04-17T08:00:00Z", three_over, NEXT_GATE, "schedule", "2026-04-27T07:00:00Z", 3 },
	/* skips */
	{ "no address", LADDER, TEN, no_address, NEXT_SKIP, "no_address", "2026-04-02T07:00:00Z", 0 },
	{ "nobody at all", LADDER, TEN, no_address_at_all, NEXT_SKIP, "no_address", "2026-04-02T07:00:00Z", 0 },
	{ "only an outsider", LADDER, TEN, outsider, NEXT_SKIP, "no_address", "2026-04-02T07:00:00Z", 0 },
	{ "opted out", LADDER, TEN, opted_out, NEXT_SKIP, "opted_out", "2026-04-02T07:00:00Z", 0 },
	{ "the fallback helps", POLICY("", MAIL("a", "due+1d", ",\"else\":\"sms\"")), TEN, no_address, NEXT_CONTACT, "schedule", TEN, 0 },
	{ "not yet: a skip has its time too", LADDER, "2026-03-20T08:00:00Z", no_address, NEXT_SKIP, "no_address",
		"2026-04-02T07:00:00Z", 0 },
	{ "pre-due steps expire at the due date", POLICY("", MAIL("a", "due-7d", "")), TEN, as_it_is, NEXT_SKIP, "past_due",
		"2026-03-25T08:00:00Z", 0 },
	{ "on the due date too", POLICY("", MAIL("a", "due-7d", "")), "2026-04-01T08:00:00Z", as_it_is, NEXT_SKIP, "past_due",
		"2026-03-25T08:00:00Z", 0 },
	{ "the day before it may still go", POLICY("", MAIL("a", "due-7d", "")), "2026-03-31T08:00:00Z", as_it_is, NEXT_CONTACT,
		"schedule", "2026-03-31T08:00:00Z", 0 },
	{ "a gap that leads past the due date", POLICY("", MAIL("a", "due-1d", "")), "2026-03-31T08:00:00Z", often_contacted, NEXT_SKIP,
		"past_due", "2026-03-31T07:00:00Z", 0 },
	{ "anchored on a skipped step", POLICY("", MAIL("reminder", "due+1d", "") "," MAIL("b", "reminder+7d", "")), TEN, one_skipped,
		NEXT_SKIP, "anchor_skipped", TEN, 1 },
	/* conditions */
	{ "balance enough", IF("\"balance_min_minor\":120000"), TEN, as_it_is, NEXT_CONTACT, "schedule", TEN, 0 },
	{ "the currency", IF("\"currency\":\"EUR\",\"balance_min_minor\":120000"), TEN, as_it_is, NEXT_CONTACT, "schedule", TEN, 0 },
	{ "another currency", IF("\"currency\":\"JPY\",\"balance_min_minor\":120000"), TEN, as_it_is, NEXT_SKIP, "condition",
		"2026-04-02T07:00:00Z", 0 },
	{ "balance too small", IF("\"balance_min_minor\":120001"), TEN, as_it_is, NEXT_SKIP, "condition", "2026-04-02T07:00:00Z", 0 },
	{ "what was paid is off the balance", IF("\"balance_min_minor\":50001"), TEN, part_paid, NEXT_SKIP, "condition",
		"2026-04-02T07:00:00Z", 0 },
	{ "balance small enough", IF("\"balance_max_minor\":50000"), TEN, part_paid, NEXT_CONTACT, "schedule", TEN, 0 },
	{ "balance too large", IF("\"balance_max_minor\":119999"), TEN, as_it_is, NEXT_SKIP, "condition", "2026-04-02T07:00:00Z", 0 },
	{ "not overdue enough", IF("\"days_past_due_min\":2"), TEN, as_it_is, NEXT_SKIP, "condition", "2026-04-02T07:00:00Z", 0 },
	{ "too overdue", IF("\"days_past_due_max\":0"), TEN, as_it_is, NEXT_SKIP, "condition", "2026-04-02T07:00:00Z", 0 },
	{ "of the kind", IF("\"kinds\":[\"public\",\"consumer\"]"), TEN, consumer, NEXT_CONTACT, "schedule", TEN, 0 },
	{ "of another kind", IF("\"kinds\":[\"public\",\"company\"]"), TEN, consumer, NEXT_SKIP, "condition", "2026-04-02T07:00:00Z", 0 },
	{ "of the country", IF("\"countries\":[\"DE\",\"FR\"]"), TEN, as_it_is, NEXT_CONTACT, "schedule", TEN, 0 },
	{ "of another country", IF("\"countries\":[\"DE\"]"), TEN, as_it_is, NEXT_SKIP, "condition", "2026-04-02T07:00:00Z", 0 },
	{ "with the tag", IF("\"tags\":[\"x\",\"vip\"]"), TEN, tagged, NEXT_CONTACT, "schedule", TEN, 0 },
	{ "with no tag", IF("\"tags\":[\"vip\"]"), TEN, as_it_is, NEXT_SKIP, "condition", "2026-04-02T07:00:00Z", 0 },
	{ "a decision about enough", GATE_IF("\"balance_min_minor\":120000"), TEN, as_it_is, NEXT_GATE, "schedule", "2026-04-02T07:00:00Z", 0 },
	{ "a decision that is not worth it", GATE_IF("\"balance_min_minor\":120001"), TEN, as_it_is, NEXT_SKIP, "condition",
		"2026-04-02T07:00:00Z", 0 },
	{ "a tag is whole", IF("\"tags\":[\"vip\"]"), TEN, nearly_tagged, NEXT_SKIP, "condition", "2026-04-02T07:00:00Z", 0 },
	/* states */
	{ "sending", LADDER, TEN, sending, NEXT_BUSY, "sending", NULL, 0 },
	{ "in doubt", LADDER, TEN, in_doubt, NEXT_RESOLVE, "in_doubt", NULL, 0 },
	{ "an open call", LADDER, TEN, task_open, NEXT_TASK_END, "task", "2026-04-20T15:30:00Z", 0 },
	{ "an open call and a dispute", LADDER, TEN, task_and_dispute, NEXT_HELD, "dispute", "2026-04-07T12:00:00Z", 0 },
	{ "an open gate", LADDER, TEN, gate_open, NEXT_GATE_END, "decision", "2026-05-20T15:30:00Z", 0 },
	{ "closed", LADDER, TEN, closed, NEXT_NONE, NULL, NULL, 0 },
	{ "a stub", LADDER, TEN, stub, NEXT_NONE, NULL, NULL, 0 },
};

static void next_row(void **state)
{
	const struct next_row *row = *state;
	struct world w;
	struct next_action next;
	char text[UTC_TEXT_SIZE];

	world_init(&w, row->policy, row->now);
	row->arrange(&w);
	next = escalation_next(&w.e, &w.debtor, &w.rules);
	if (row->why)
		assert_string_equal(next.why, row->why);
	else
		assert_null(next.why);
	assert_int_equal(next.kind, row->kind);
	if (row->at)
		assert_string_equal(utc_format(next.at, text), row->at);
	assert_int_equal(next.step, row->step);
	if (next.kind == NEXT_HELD)
		assert_true(next.at > w.rules.now); /* every hold has an end */
	if (next.kind == NEXT_BUSY || next.kind == NEXT_RESOLVE)
		assert_int_equal(next.at, w.e.look_at);
	world_clear(&w);
}

static void without_a_debtor(void **state)
{
	struct world w;
	struct next_action next;

	(void)state;
	world_init(&w, LADDER, TEN);
	next = escalation_next(&w.e, NULL, &w.rules);
	assert_true(next.kind == NEXT_HELD && strcmp(next.why, "no_customer") == 0 && next.at > w.rules.now);
	w.rules.now = w.e.opened_at - 1; /* a clock that went back */
	assert_int_equal(escalation_next(&w.e, NULL, &w.rules).at, w.e.opened_at + DAY_MS);
	world_clear(&w);
}

int main(void)
{
	static struct CMUnitTest tests[ARRAY_LEN(next_rows) + 1] = { cmocka_unit_test(without_a_debtor) };

	for (size_t i = 0; i < ARRAY_LEN(next_rows); i++)
		tests[i + 1] = (struct CMUnitTest){ .name = next_rows[i].name, .test_func = next_row,
			.initial_state = (void *)(uintptr_t)&next_rows[i] };
	return cmocka_run_group_tests_name("escalation_next", tests, NULL, NULL);
}
