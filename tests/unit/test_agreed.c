/* What was agreed and what stands beside the ladder, by the rules alone: instalments, promises, holds, and what an event must say. */
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

/* --- instalments --------------------------------------------------------------------------------------------------------------- */

static const struct instalment three[] = { { { 20558 }, 40000 }, { { 20588 }, 40001 }, { { 20619 }, 39999 } };
static const struct fact plan = { .kind = FACT_PLAN, .id = "pl", .instalments = three, .instalment_count = 3 };

static void payments_go_to_the_oldest_instalment(void **state)
{
	static const struct {
		int64_t balance;
		int index; /* -1: all are met */
		int64_t rest;
	} rows[] = {
		{ 120000, 0, 40000 }, { 119999, 0, 39999 }, { 80001, 0, 1 }, { 80000, 1, 40001 }, { 79999, 1, 40000 }, { 40000, 1, 1 },
		{ 39999, 2, 39999 }, { 1, 2, 1 }, { 0, -1, 0 },
		{ 130000, 0, 50000 }, /* what no instalment covers is asked for with the first */
	};

	(void)state;
	assert_int_equal(plan_sum(&plan), 120000);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct instalment_view next = { 0 };
		bool open = plan_next(&plan, rows[i].balance, &next);

		if (open != (rows[i].index >= 0) || (open && ((int)next.index != rows[i].index || next.rest != rows[i].rest)))
			fail_msg("balance %lld: instalment %zu, %lld open", (long long)rows[i].balance, next.index, (long long)next.rest);
	}
}

/* Whatever is paid, in whatever order: what is open of the first instalment and all later ones is the balance, to the cent. */
static void sums_are_exact(void **state)
{
	(void)state;
	for (int64_t balance = 0; balance <= 120000; balance += 7) {
		struct instalment_view next;
		int64_t later = 0;

		if (!plan_next(&plan, balance, &next)) {
			assert_int_equal(balance, 0);
			continue;
		}
		for (size_t i = next.index + 1; i < plan.instalment_count; i++)
			later += three[i].amount;
		assert_int_equal(next.rest + later, balance);
		assert_true(next.rest > 0 && next.rest <= three[next.index].amount);
	}
}

/* --- promises ------------------------------------------------------------------------------------------------------------------ */

#define WITH(members) POLICY(members, MAIL("reminder", "due+1d", "") "," MAIL("second", "due+8d", "") "," MAIL("third", "due+30d", ""))

static void refresh(struct world *w, const char *now)
{
	world_at(w, now);
	escalation_refresh(&w->e, &w->debtor, &w->rules, &w->fx);
}

static void a_broken_promise_leads_up_the_ladder(void **state)
{
	struct world w;
	struct next_action next;

	(void)state;
	world_init(&w, WITH("\"promise\":{\"broken\":\"third\"},"), TEN);
	walked(&w, "reminder", STEP_SENT, NULL, TEN);
	add_fact(&w, FACT_PROMISE, "2026-04-03T08:00:00Z", "2026-04-09");
	refresh(&w, "2026-04-08T08:00:00Z");
	assert_string_equal(w.e.held, "promise");
	assert_int_equal(w.e.ended_count, 0);
	w.rules.behind = true; /* a payment may lie unread */
	refresh(&w, "2026-04-10T08:00:00Z");
	assert_int_equal(w.e.ended_count, 0);
	w.rules.behind = false;
	refresh(&w, "2026-04-10T08:00:00Z");
	assert_int_equal(w.e.ended_count, 1);
	assert_string_equal(w.e.reenter, "third");
	assert_string_equal(w.e.walk[1].step, "second");
	assert_string_equal(w.e.walk[1].reason, "promise_broken");
	next = escalation_next(&w.e, &w.debtor, &w.rules);
	assert_int_equal(next.kind, NEXT_CONTACT);
	assert_int_equal(next.step, 2);
	refresh(&w, "2026-04-10T09:00:00Z"); /* found once */
	assert_int_equal(w.e.ended_count, 1);
	assert_null(find_draft(w.fx.events, "promise.broken"));
	world_clear(&w);
}

static void a_dispute_keeps_a_promise_from_being_broken(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, WITH("\"promise\":{\"broken\":\"third\"},"), TEN);
	add_fact(&w, FACT_PROMISE, "2026-04-03T08:00:00Z", "2026-04-09");
	add_fact(&w, FACT_DISPUTE, "2026-04-04T08:00:00Z", NULL);
	refresh(&w, "2026-04-20T08:00:00Z");
	assert_int_equal(w.e.ended_count, 0);
	assert_null(w.e.reenter);
	world_clear(&w);
}

static void limits_of_promises(void **state)
{
	struct next_action next;
	struct world w;

	(void)state;
	world_init(&w, WITH("\"promise\":{\"within\":\"10d\",\"most\":1},"), TEN);
	walked(&w, "reminder", STEP_SENT, NULL, TEN);
	add_fact(&w, FACT_PROMISE, "2026-04-02T08:00:00Z", "2026-12-24");
	next = escalation_next(&w.e, &w.debtor, &w.rules);
	assert_string_equal(next.why, "promise");
	assert_int_equal(next.at, at("2026-04-13T07:00:00Z")); /* ten days later, behind a weekend */
	w.e.ended = &(struct agreed_end){ "promise", "another", 1, 2, false };
	w.e.ended_count = 1;
	next = escalation_next(&w.e, &w.debtor, &w.rules);
	assert_string_not_equal(next.why, "promise");
	world_clear(&w);
}

/* --- plans: paid in time, told late ---------------------------------------------------------------------------------------------- */

static void an_instalment_that_was_told_late(void **state)
{
	static const struct {
		const char *name, *paid_at;
		int64_t amount;
		bool stands;
	} rows[] = {
		{ "on its day", "2026-04-15T10:00:00Z", 40000, true },
		{ "within the days of grace", "2026-04-18T21:00:00Z", 40000, true },
		{ "after them", "2026-04-21T10:00:00Z", 40000, false },
		{ "not all of it", "2026-04-15T10:00:00Z", 39999, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fact *payment;
		struct world w;

		world_init(&w, WITH("\"plan\":{\"broken\":\"third\",\"grace\":\"3d\"},"), TEN);
		walked(&w, "reminder", STEP_SENT, NULL, TEN);
		w.facts[0] = plan;
		w.facts[0].order.time = at("2026-04-03T08:00:00Z");
		w.facts[0].until_on = date_none();
		w.e.invoice.fact_count = 1;
		refresh(&w, "2026-04-21T08:00:00Z");
		assert_true(w.e.ended_count == 1 && w.e.reenter);
		payment = add_fact(&w, FACT_PAYMENT, "2026-04-22T08:00:00Z", NULL);
		payment->at = at(rows[i].paid_at);
		payment->amount = rows[i].amount;
		w.rules.behind = true; /* that more may lie unread takes nothing away */
		refresh(&w, "2026-04-22T08:00:00Z");
		if ((w.e.ended_count == 0) != rows[i].stands || (count_drafts(w.fx.records, "plan.restored") == 1) != rows[i].stands ||
			!w.e.reenter != rows[i].stands || (w.e.held && strcmp(w.e.held, "plan") == 0) != rows[i].stands)
			fail_msg("%s: %zu", rows[i].name, w.e.ended_count);
		w.rules.behind = false;
		if (rows[i].stands) { /* the next one is not paid */
			refresh(&w, "2026-04-22T09:00:00Z");
			assert_null(find_draft(w.fx.records, "plan.restored"));
			refresh(&w, "2026-05-20T08:00:00Z");
			assert_int_equal(count_drafts(w.fx.events, "payment_plan.broken"), 1);
			assert_int_equal(w.e.ended_count, 1);
		}
		world_clear(&w);
	}
}

/* --- beside the ladder ----------------------------------------------------------------------------------------------------------- */

#define CALLS POLICY("\"courtesy\":{\"thanks\":\"thanks\",\"apology\":\"sorry\"},", MAIL("reminder", "due+1d", "") "," \
	"{\"id\":\"call\",\"at\":\"due+5d\",\"channel\":\"call\",\"template\":\"t\",\"deadline\":\"2bd\",\"confirm\":\"recap\"}," MAIL("last", "due+40d", ""))
#define CALLED "2026-04-07T08:00:00Z"

static void call_made(struct world *w, enum call_outcome outcome)
{
	w->e.calls = 1;
	w->e.call = (struct call_made){ .at = at(CALLED), .number = 1, .outcome = outcome, .until_on = date_none(), .step = "call" };
}

static void each_hold_lets_the_mail_of_a_call_pass_or_not(void **state)
{
	static const struct {
		const char *name;
		void (*put)(struct world *w);
		enum next_kind kind;
	} rows[] = { { "operator", operator_hold, NEXT_HELD }, { "insolvency", insolvent, NEXT_HELD }, { "paused", paused_until, NEXT_HELD } };
	static const struct {
		enum fact_kind fact;
		bool passes;
	} facts[] = { { FACT_DISPUTE, true }, { FACT_PROMISE, true }, { FACT_ANNOUNCED, true }, { FACT_UNDELIVERED, true }, { FACT_PLAN, true },
		{ FACT_SETTLEMENT, true } };
	static const char *const said[] = { "says_paid", "waiting_approval", "lacks_reference", "refuses" };
	struct world w;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		world_init(&w, CALLS, CALLED);
		call_made(&w, CALL_DISPUTE);
		rows[i].put(&w);
		if (escalation_next(&w.e, &w.debtor, &w.rules).kind != rows[i].kind)
			fail_msg("%s", rows[i].name);
		world_clear(&w);
	}
	for (size_t i = 0; i < ARRAY_LEN(facts); i++) {
		struct next_action next;

		world_init(&w, CALLS, CALLED);
		call_made(&w, CALL_DISPUTE);
		add_fact(&w, facts[i].fact, "2026-04-07T07:00:00Z", "2026-04-20");
		next = escalation_next(&w.e, &w.debtor, &w.rules);
		if ((next.kind == NEXT_ASIDE) != facts[i].passes || next.at != w.rules.now || !next.held || strcmp(next.aside.id, "confirm:1") != 0)
			fail_msg("fact %d: kind %d", (int)facts[i].fact, (int)next.kind);
		world_clear(&w);
	}
	for (size_t i = 0; i < ARRAY_LEN(said); i++) { /* what the call itself came to */
		world_init(&w, CALLS, CALLED);
		call_made(&w, CALL_PAID);
		escalation_hold(&w.e, w.arena, &(struct hold_entry){ said[i], w.rules.now, w.rules.now + DAY_MS, NULL, NULL });
		if (escalation_next(&w.e, &w.debtor, &w.rules).kind != NEXT_ASIDE)
			fail_msg("%s", said[i]);
		world_clear(&w);
	}
}

static void once_a_day_once_at_all_and_in_time(void **state)
{
	struct next_action next;
	struct world w;

	(void)state;
	world_init(&w, CALLS, CALLED);
	call_made(&w, CALL_PROMISE);
	contacted(&w, "2026-04-07T07:30:00Z", CHANNEL_CALL); /* the call itself is no letter */
	assert_int_equal(escalation_next(&w.e, &w.debtor, &w.rules).at, w.rules.now);
	w.e.rests_until = w.rules.now + 2 * DAY_MS; /* the ladder alone */
	assert_int_equal(escalation_next(&w.e, &w.debtor, &w.rules).at, w.rules.now);
	w.e.retry_at = w.rules.now + 5 * MINUTE_MS; /* it was put off itself */
	assert_int_equal(escalation_next(&w.e, &w.debtor, &w.rules).at, w.e.retry_at);
	escalation_retry(&w.e);
	contacted(&w, "2026-04-07T07:40:00Z", CHANNEL_EMAIL); /* about another invoice */
	next = escalation_next(&w.e, &w.debtor, &w.rules);
	assert_int_equal(next.kind, NEXT_ASIDE);
	assert_int_equal(next.at, at("2026-04-08T07:00:00Z"));
	assert_string_equal(next.why, "same_day");
	walked(&w, "confirm:1", STEP_SENT, NULL, CALLED);
	assert_int_not_equal(escalation_next(&w.e, &w.debtor, &w.rules).kind, NEXT_ASIDE);
	world_clear(&w);

	world_init(&w, CALLS, "2026-04-11T08:00:00Z");
	call_made(&w, CALL_PROMISE);
	next = escalation_next(&w.e, &w.debtor, &w.rules);
	assert_int_equal(next.kind, NEXT_SKIP);
	assert_string_equal(next.why, "stale");
	world_clear(&w);
}

/* A weekend is no time to answer in. */
static void an_answer_has_business_days(void **state)
{
	static const struct {
		const char *at, *guess, *until;
	} replies[] = { { "2026-04-10T14:00:00Z", NULL, "2026-04-15T07:00:00Z" }, { "2026-04-13T14:00:00Z", NULL, "2026-04-16T14:00:00Z" },
		{ "2026-04-13T14:00:00Z", "out_of_office", "2026-04-16T14:00:00Z" }, { "2026-04-10T14:00:00Z", "paid", "2026-04-17T14:00:00Z" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
		struct next_action next;
		struct world w;

		world_init(&w, CALLS, replies[i].at);
		add_fact(&w, FACT_REPLY, replies[i].at, NULL)->reason = replies[i].guess;
		next = escalation_next(&w.e, &w.debtor, &w.rules);
		if (next.kind != NEXT_HELD || strcmp(next.why, "reply") != 0 || next.at != at(replies[i].until))
			fail_msg("%zu: %d %s, until %lld", i, (int)next.kind, next.why, (long long)next.at);
		world_clear(&w);
	}
}

static void it_counts_for_no_limit(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, POLICY("\"max_contacts\":2,", MAIL("reminder", "due+1d", "") "," MAIL("second", "due+8d", "")), "2026-04-09T08:00:00Z");
	walked(&w, "reminder", STEP_SENT, NULL, TEN);
	walked(&w, "confirm:1", STEP_SENT, NULL, CALLED);
	contacted(&w, "2026-04-08T08:00:00Z", CHANNEL_EMAIL);
	w.made[0].aside = true; /* yesterday, and the gap is two days */
	assert_int_equal(escalation_next(&w.e, &w.debtor, &w.rules).at, w.rules.now);
	w.made[0].at = at("2026-04-09T07:30:00Z"); /* today: tomorrow, then */
	assert_int_equal(escalation_next(&w.e, &w.debtor, &w.rules).at, at("2026-04-10T07:00:00Z"));
	world_clear(&w);
}

static void thanks_and_apologies(void **state)
{
	static const struct {
		const char *name, *paid_at, *closed_at, *walked;
		const char *id; /* NULL: nothing */
	} rows[] = {
		{ "paid after the reminder", "2026-04-07T10:00:00Z", "2026-04-07T12:00:00Z", "2026-04-02T08:00:00Z", "paid:thanks" },
		{ "both crossed", "2026-04-01T10:00:00Z", "2026-04-07T12:00:00Z", "2026-04-02T08:00:00Z", "paid:apology" },
		{ "told before the reminder", "2026-04-01T10:00:00Z", "2026-04-02T07:00:00Z", "2026-04-02T08:00:00Z", "paid:thanks" },
		{ "never reminded", "2026-04-07T10:00:00Z", "2026-04-07T12:00:00Z", NULL, NULL },
		{ "long ago", "2026-03-31T10:00:00Z", "2026-04-02T09:00:00Z", "2026-04-02T08:00:00Z", NULL },
		{ "paid weeks before the reminder", "2026-03-04T10:00:00Z", "2026-04-07T12:00:00Z", "2026-04-02T08:00:00Z", "paid:apology" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct next_action next;
		struct world w;

		world_init(&w, CALLS, i < 2 ? "2026-04-08T08:00:00Z" : i == 2 ? "2026-04-03T08:00:00Z" : "2026-04-08T08:00:00Z");
		add_fact(&w, FACT_PAID, rows[i].paid_at, NULL);
		w.e.state = ESCALATION_CLOSED;
		w.e.closed = "paid";
		w.e.closed_at = at(rows[i].closed_at);
		if (rows[i].walked)
			walked(&w, "reminder", STEP_SENT, NULL, rows[i].walked);
		next = escalation_next(&w.e, &w.debtor, &w.rules);
		if (strcmp(next.kind == NEXT_ASIDE ? next.aside.id : "", rows[i].id ? rows[i].id : "") != 0)
			fail_msg("%s: %d %s", rows[i].name, (int)next.kind, next.aside.id);
		if (next.kind == NEXT_NONE && next.aside.id[0])
			fail_msg("%s: nothing is next, and yet it names %s", rows[i].name, next.aside.id);
		contacted(&w, "2026-04-07T13:00:00Z", CHANNEL_EMAIL); /* thanked for another invoice yesterday: that is another word */
		assert_int_equal(escalation_next(&w.e, &w.debtor, &w.rules).kind, next.kind);
		world_clear(&w);
	}
}

/* It waits an hour for what else is paid with it, and its debtor's file knows of it until it is out. */
static void thanks_wait_for_others(void **state)
{
	struct fact *payment;
	struct world w;

	(void)state;
	world_init(&w, CALLS, "2026-04-08T08:00:00Z");
	walked(&w, "reminder", STEP_SENT, NULL, TEN);
	debtor_open_add(&w.debtor, w.arena, "inv_42");
	payment = add_fact(&w, FACT_PAYMENT, "2026-04-08T08:00:00Z", NULL);
	payment->amount = 120000;
	refresh(&w, "2026-04-08T08:00:00Z");
	assert_string_equal(w.e.closed, "paid");
	assert_int_equal(w.e.next_at, at("2026-04-08T09:00:00Z"));
	assert_true(w.debtor.thanks_count == 1 && strcmp(w.debtor.thanks[0], "inv_42") == 0);
	assert_true(debtor_owes_nothing(&w.debtor));
	payment->ended = true; /* it goes back */
	refresh(&w, "2026-04-08T08:10:00Z");
	assert_true(w.debtor.thanks_count == 0 && !debtor_owes_nothing(&w.debtor));
	payment->ended = false;
	refresh(&w, "2026-04-08T08:20:00Z");
	assert_int_equal(w.e.next_at, at("2026-04-08T09:20:00Z"));
	walked(&w, "paid:thanks", STEP_SENT, NULL, "2026-04-08T09:20:00Z");
	refresh(&w, "2026-04-08T09:20:00Z");
	assert_true(w.debtor.thanks_count == 0 && w.e.next_at == 0);
	world_clear(&w);
}

/* What is owed still of an invoice that is closed. */
static void what_is_left_is_counted(void **state)
{
	struct fact *payment, *loss;
	struct world w;

	(void)state;
	world_init(&w, CALLS, TEN);
	w.e.late_fee = (struct late_fee){ .amount = 4000, .currency = "EUR", .at = 9 };
	payment = add_fact(&w, FACT_PAYMENT, TEN, NULL);
	payment->amount = 120000;
	for (int i = 0; i < 2; i++) { /* however often it is looked at */
		refresh(&w, TEN);
		assert_true(w.debtor.still_owed == 1 && !debtor_owes_nothing(&w.debtor));
	}
	payment->fee = 4000;
	refresh(&w, TEN);
	assert_true(w.debtor.still_owed == 0 && debtor_owes_nothing(&w.debtor));
	memcpy(w.e.late_fee.currency, "GBP", 4); /* nothing is paid towards it */
	refresh(&w, TEN);
	assert_int_equal(w.debtor.still_owed, 1);
	assert_true(late_fee_waive(&w.e, "lea", "peace", w.rules.now, &w.fx));
	refresh(&w, TEN);
	assert_int_equal(w.debtor.still_owed, 0);
	payment->amount = 1;
	refresh(&w, TEN); /* it is open again, and among those */
	assert_true(w.debtor.still_owed == 0 && w.debtor.open_count == 1);
	loss = add_fact(&w, FACT_UNCOLLECTIBLE, TEN, NULL);
	refresh(&w, TEN);
	assert_true(w.debtor.still_owed == 1 && w.debtor.open_count == 0);
	loss->kind = FACT_VOIDED;
	refresh(&w, TEN);
	assert_int_equal(w.debtor.still_owed, 0);
	world_clear(&w);
}

/* --- what an event must say ------------------------------------------------------------------------------------------------------ */

#define HANDOVER "\"command\":\"handover\",\"target\":\"i\",\"who\":\"a\",\"why\":\"b\",\"to\":\"court\""
#define A32 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void bad_events(void **state)
{
	static const struct {
		const char *type, *data, *path, *code;
	} rows[] = {
		{ "operator.command", "\"command\":\"call_log\",\"target\":\"i\",\"who\":\"a\",\"why\":\"b\"", "$.data.outcome", "missing" },
		{ "call.completed", "\"invoice_id\":\"i\",\"outcome\":\"nice\"", "$.data.outcome", "not_one_of" },
		{ "call.completed", "\"invoice_id\":\"i\",\"outcome\":\"none\"", "$.data.outcome", "not_one_of" },
		{ "call.completed", "\"invoice_id\":\"i\",\"outcome\":\"promise\"", "$.data.until_on", "missing" },
		{ "call.completed", "\"invoice_id\":\"i\",\"outcome\":\"call_back_at\"", "$.data.back_at", "missing" },
		{ "call.completed", "\"invoice_id\":\"i\",\"outcome\":\"call_back_at\",\"back_at\":\"soon\"", "$.data.back_at", "bad_time" },
		{ "call.completed", "\"invoice_id\":\"i\",\"outcome\":\"dispute\",\"reason\":\"it was wet\"", "$.data.reason", "bad_id" },
		{ "payment_plan.agreed", "\"invoice_id\":\"i\",\"instalments\":[]", "$.data.instalments", "bad_list" },
		{ "payment_plan.agreed", "\"invoice_id\":\"i\",\"instalments\":[{\"due_on\":\"2026-04-01\",\"amount_minor\":0}]",
			"$.data.instalments[0].amount_minor", "out_of_range" },
		{ "payment_plan.agreed", "\"invoice_id\":\"i\",\"instalments\":[{\"due_on\":\"2026-04-31\",\"amount_minor\":1}]",
			"$.data.instalments[0].due_on", "bad_date" },
		{ "payment_plan.amended", "\"invoice_id\":\"i\",\"instalments\":[{\"due_on\":\"2026-04-02\",\"amount_minor\":1},"
			"{\"due_on\":\"2026-04-02\",\"amount_minor\":1}]", "$.data.instalments[1].due_on", "bad_order" },
		{ "operator.command", HANDOVER ",\"procedure\":\"" A32 A32 A32 A32 "a\"", "$.data.procedure", "too_long" },
		{ "operator.command", HANDOVER ",\"bundle_sha256\":\"" A32 A32 "a\"", "$.data.bundle_sha256", "too_long" },
		{ "operator.command", HANDOVER ",\"bundle_sha256\":\"" A32 "\"", "$.data.bundle_sha256", "bad_digest" },
		{ "operator.command", HANDOVER ",\"bundle_sha256\":\"of the bundle\"", "$.data.bundle_sha256", "bad_digest" },
		{ "operator.command", HANDOVER ",\"procedure\":7", "$.data.procedure", "wrong_type" },
		{ "settlement.agreed", "\"invoice_id\":\"i\",\"method\":\"potatoes\"", "$.data.method", "not_one_of" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const char *text = arena_printf(arena, "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"%s\","
			"\"time\":\"2026-03-02T09:00:00Z\",\"data\":{%s}}", rows[i].type, rows[i].data);
		struct err err = { 0 };
		struct event e;

		if (event_parse(arena, text, strlen(text), NULL, &e, &err) != -EBADMSG || strcmp(err.code, rows[i].code) != 0 ||
			strcmp(err.path, rows[i].path) != 0)
			fail_msg("%s: %s %s %s", text, err.code, err.path, err.text);
	}
}

static void bad_policies(void **state)
{
	static const struct {
		const char *members, *path, *code;
	} rows[] = {
		{ "\"promise\":{\"within\":\"30\"},", "$.promise.within", "bad_days" },
		{ "\"promise\":{\"within\":\"0d\"},", "$.promise.within", "bad_days" },
		{ "\"promise\":{\"most\":0},", "$.promise.most", "out_of_range" },
		{ "\"promise\":{\"broken\":\"formal\"},", "$.promise.broken", "unknown_step" },
		{ "\"promise\":{\"thank\":\"x\"},", "$.promise.thank", "unknown_member" },
		{ "\"plan\":{\"grace\":\"2bd\"},", "$.plan.grace", "bad_days" },
		{ "\"plan\":{\"broken\":\"due\"},", "$.plan.broken", "unknown_step" },
		{ "\"courtesy\":{\"sorry\":\"x\"},", "$.courtesy.sorry", "unknown_member" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const char *text = arena_printf(arena, "{\"name\":\"p\",%s\"steps\":[" MAIL("reminder", "due+1d", "") "]}", rows[i].members);
		struct policy *policy = NULL;
		struct err err = { 0 };

		if (policy_parse(text, strlen(text), &policy, &err) != -EBADMSG || strcmp(err.path, rows[i].path) != 0 ||
			strcmp(err.code, rows[i].code) != 0)
			fail_msg("%s: %s %s %s", text, err.code, err.path, err.text);
	}
}

/* --- stored and read again ------------------------------------------------------------------------------------------------------- */

static void all_of_it_is_stored(void **state)
{
	CLEANUP(buf_clear) struct buf first = { 0 }, second = { 0 };
	struct escalation again;
	struct err err = { 0 };
	struct world w;

	(void)state;
	world_init(&w, CALLS, CALLED);
	call_made(&w, CALL_PROMISE);
	w.e.call.until_on = date_of(2026, 4, 20);
	w.e.call.contact = "c2";
	w.e.call.tell = "as said";
	w.e.ended = &(struct agreed_end){ "plan", "pl", 5, 6, false };
	w.e.ended_count = 1;
	w.e.reenter = "last";
	w.e.reenter_why = "plan_broken";
	w.e.reenter_on = date_of(2026, 4, 21);
	w.facts[w.e.invoice.fact_count] = plan;
	w.facts[w.e.invoice.fact_count++].until_on = date_none();
	*add_fact(&w, FACT_SETTLEMENT, CALLED, "2026-05-01") = (struct fact){ .kind = FACT_SETTLEMENT, .id = "st", .order = { 0, 1, "s", "3" },
		.at = 1, .amount = 7, .settles = true, .in_kind = true, .until_on = date_none() };
	add_fact(&w, FACT_DISPUTE, CALLED, NULL)->reason = "quality";
	escalation_write(&first, &w.e);
	assert_int_equal(escalation_read(w.arena, buf_str(&first), first.len, &again, &err), 0);
	escalation_write(&second, &again);
	assert_string_equal(buf_str(&first), buf_str(&second));
	assert_int_equal(again.invoice.facts[0].instalments[2].amount, 39999);
	assert_true(again.call.outcome == CALL_PROMISE && again.ended_count == 1 && date_diff(again.reenter_on, date_of(2026, 4, 21)) == 0);
	world_clear(&w);
}

static const struct sum_row {
	const char *name;
	int64_t paid, later; /* before and after it was agreed; told as payments */
	int64_t figures; /* paid by figures that are newer than it */
	int64_t fee; /* on the late account */
	int64_t sum; /* of the plan; its first instalment is 40000 */
	const char *told; /* NULL: it adds up */
} sum_rows[] = {
	{ "all that is open", 0, 0, 0, 0, 120000, NULL },
	{ "less", 0, 0, 0, 0, 119999, "plan_differs: the instalments come to 1199.99 EUR, 1200.00 were open" },
	{ "more than the invoice", 0, 0, 0, 0, 120001, "plan_differs: the instalments come to 1200.01 EUR, 1200.00 were open" },
	{ "with the late charges", 0, 0, 0, 4000, 124000, NULL },
	{ "more than with them", 0, 0, 0, 4000, 124001, "plan_differs: the instalments come to 1240.01 EUR, 1200.00 were open" },
	{ "the rest of it", 30000, 0, 0, 0, 90000, NULL },
	{ "the whole, though a part was paid", 30000, 0, 0, 0, 120000, NULL },
	{ "less than the rest", 30000, 0, 0, 0, 89000, "plan_differs: the instalments come to 890.00 EUR, 900.00 were open" },
	{ "an instalment was paid", 0, 40000, 0, 0, 120000, NULL },
	{ "an instalment was paid, by a plan for less", 0, 40000, 0, 0, 100000, "plan_differs: the instalments come to 1000.00 EUR, 1200.00 were open" },
	{ "an instalment was paid, by figures alone", 0, 0, 40000, 0, 120000, NULL },
};

/* What nobody can have meant is on a person's desk with both sums, before an instalment is asked for with a wrong one. */
static void a_plan_that_does_not_add_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sum_rows); i++) {
		const struct sum_row *row = &sum_rows[i];
		struct instalment parts[2] = { { date_of(2026, 4, 20), 40000 }, { date_of(2026, 5, 20), row->sum - 40000 } };
		struct invoice_view view;
		const struct task *task;
		struct world w;

		world_init(&w, WITH("\"plan\":{\"broken\":\"third\",\"grace\":\"3d\"},"), TEN);
		walked(&w, "reminder", STEP_SENT, NULL, TEN);
		*add_fact(&w, FACT_PLAN, "2026-04-03T08:00:00Z", NULL) = (struct fact){ .kind = FACT_PLAN, .id = "pl", .until_on = date_none(),
			.order = { 0, at("2026-04-03T08:00:00Z"), "s", "2" }, .at = at("2026-04-03T08:00:00Z"), .instalments = parts, .instalment_count = 2 };
		if (row->paid)
			add_fact(&w, FACT_PAYMENT, "2026-04-03T07:00:00Z", NULL)->amount = row->paid;
		if (row->later)
			add_fact(&w, FACT_PAYMENT, "2026-04-05T07:00:00Z", NULL)->amount = row->later;
		if (row->figures) {
			w.e.invoice.order = (struct fact_order){ 2, at("2026-04-05T07:00:00Z"), "s", "3" };
			w.e.invoice.snapshot.paid = row->figures;
		}
		w.e.late_fee = (struct late_fee){ .amount = row->fee, .currency = "EUR", .at = row->fee ? 1 : 0 };
		refresh(&w, "2026-04-06T08:00:00Z");
		task = find_task(&w.fx, "reconcile");
		view = invoice_view(&w.e.invoice);
		if (strcmp(w.e.held, row->told ? "reconcile" : "plan") != 0 || !task != !row->told || (task && strcmp(task->reason, row->told) != 0))
			fail_msg("%s: %s, %s", row->name, w.e.held, task ? task->reason : "no task");
		assert_true(!row->told == !escalation_differs(&w.e, &view, w.arena));
		refresh(&w, "2026-04-24T08:00:00Z"); /* whether it is kept, nobody can say then */
		assert_int_equal(count_drafts(w.fx.events, "payment_plan.broken"), !row->told && !row->later && !row->figures);
		if (row->told && !row->paid && !row->later) { /* amended, it adds up */
			parts[1].amount = 80000;
			w.facts[0].order.time = at("2026-04-24T07:00:00Z");
			parts[0].due_on = date_of(2026, 5, 4);
			refresh(&w, "2026-04-24T09:00:00Z");
			assert_string_equal(w.e.held, "plan");
			task = find_task(&w.fx, "reconcile");
			assert_true(task && task->close);
		}
		world_clear(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(payments_go_to_the_oldest_instalment), cmocka_unit_test(a_plan_that_does_not_add_up),
		cmocka_unit_test(sums_are_exact),
		cmocka_unit_test(a_broken_promise_leads_up_the_ladder),
		cmocka_unit_test(a_dispute_keeps_a_promise_from_being_broken),
		cmocka_unit_test(limits_of_promises),
		cmocka_unit_test(an_instalment_that_was_told_late),
		cmocka_unit_test(each_hold_lets_the_mail_of_a_call_pass_or_not),
		cmocka_unit_test(once_a_day_once_at_all_and_in_time),
		cmocka_unit_test(it_counts_for_no_limit), cmocka_unit_test(an_answer_has_business_days),
		cmocka_unit_test(thanks_and_apologies),
		cmocka_unit_test(thanks_wait_for_others),
		cmocka_unit_test(what_is_left_is_counted),
		cmocka_unit_test(bad_events),
		cmocka_unit_test(bad_policies),
		cmocka_unit_test(all_of_it_is_stored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
