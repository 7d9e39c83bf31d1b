/* The walk of one invoice: its states, its holds, what comes next, what is told, and its stored form. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/escalation.h"
#include "common/utc.h"

#define MAIL(id, at, more) \
	"{\"id\":\"" id "\",\"at\":\"" at "\",\"channel\":\"email\",\"template\":\"t\",\"tone\":\"neutral\"" more "}"
#define POLICY(members, steps) "{\"name\":\"p\"," members "\"steps\":[" steps "]}"
#define CALL_STEP "{\"id\":\"call\",\"at\":\"due+15d\",\"channel\":\"call\",\"template\":\"t\",\"deadline\":\"2bd\"}"
#define GATE_STEP "{\"id\":\"gate\",\"at\":\"due+25d\",\"gate\":\"decision\",\"role\":\"owner\"}"
#define LADDER POLICY("", MAIL("reminder", "due+1d", "") "," MAIL("second", "due+8d", "") "," CALL_STEP "," GATE_STEP)
#define NOTHING "{\"name\":\"p\",\"do_nothing\":true}"

static int64_t at(const char *text)
{
	int64_t ret;

	if (utc_parse(text, &ret) < 0)
		fail_msg("%s", text);
	return ret;
}

/* One open invoice of one debtor in Paris, due on Wednesday 1 April 2026. */
struct world {
	struct arena *arena;
	struct policy *policy;
	struct contact contact;
	struct contact_made made[4];
	struct fact facts[8];
	struct walked walk[8];
	struct debtor debtor;
	struct escalation e;
	struct rules rules;
	struct effects fx;
};

static void world_at(struct world *w, const char *now)
{
	w->rules.now = at(now);
	effects_init(&w->fx, w->arena, w->rules.now);
}

static void world_init(struct world *w, const char *policy, const char *now)
{
	struct err err = { 0 };

	memset(w, 0, sizeof(*w));
	w->arena = arena_create();
	if (policy && policy_parse(policy, strlen(policy), &w->policy, &err) < 0)
		fail_msg("%s: %s %s", err.path, err.code, err.text);
	w->contact = (struct contact){ .id = "c1", .role = "billing", .name = "Mme Roy", .email = "compta@dupont.example",
		.phone = "+33100000000" };
	w->debtor = (struct debtor){ .id = "cus_7", .known = true, .contacts = w->made,
		.customer = { .name = "Dupont SARL", .country = "FR", .locale = "fr-FR", .timezone = "Europe/Paris",
			.contacts = &w->contact, .contact_count = 1 } };
	w->e.invoice = (struct invoice){ .id = "inv_42", .debtor_id = "cus_7", .known = true, .facts = w->facts,
		.fact_capacity = ARRAY_LEN(w->facts), .order = { 1, at("2026-03-02T09:00:00Z"), "s", "1" },
		.snapshot = { .number = "F-42", .status = INVOICE_OPEN, .issued_on = date_of(2026, 3, 2),
			.due_on = date_of(2026, 4, 1), .currency = "EUR", .total = 120000, .due = 120000 } };
	w->e.walk = w->walk;
	w->e.walk_capacity = ARRAY_LEN(w->walk);
	w->e.state = ESCALATION_WAITING;
	w->e.opened_at = at("2026-03-02T09:00:00Z");
	w->rules = (struct rules){ .policy = w->policy, .creditor_zone = "Europe/Paris" };
	world_at(w, now);
}

static void world_clear(struct world *w)
{
	arena_free(w->arena);
	policy_free(w->policy);
}

static struct fact *add_fact(struct world *w, enum fact_kind kind, const char *told, const char *until)
{
	struct fact *fact = &w->facts[w->e.invoice.fact_count++];

	*fact = (struct fact){ .kind = kind, .id = "f", .order = { 0, at(told), "s", "2" }, .at = at(told), .until_on = date_none() };
	if (until)
		assert_int_equal(date_parse(until, &fact->until_on), 0);
	return fact;
}

static void walked(struct world *w, const char *step, enum step_end end, const char *reason, const char *when)
{
	w->walk[w->e.walk_count++] = (struct walked){ step, end, reason, at(when), "x" };
}

static void contacted(struct world *w, const char *when, enum channel channel)
{
	w->made[w->debtor.contact_count++] = (struct contact_made){ at(when), channel, "x" };
}

static struct draft *find_draft(struct draft *list, const char *kind)
{
	for (; list; list = list->next)
		if (strcmp(list->kind, kind) == 0)
			return list;
	return NULL;
}

static size_t count_drafts(const struct draft *list, const char *kind)
{
	size_t n = 0;

	for (; list; list = list->next)
		n += !kind || strcmp(list->kind, kind) == 0;
	return n;
}

static const struct task *find_task(const struct effects *fx, const char *kind)
{
	for (const struct task *t = fx->tasks; t; t = t->next)
		if (strcmp(t->kind, kind) == 0)
			return t;
	return NULL;
}

#define assert_tells(draft, text) assert_non_null(strstr(buf_str(&(draft)->data), text))

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
		[ESCALATION_CLOSED] = { ESCALATION_WAITING, 0, ESCALATION_CLOSED, ESCALATION_CLOSED, ESCALATION_CLOSED, 0, 0, 0, 0, 0 },
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
	struct escalation e = { .step = "b", .attempt = "x", .task = "t", .since = 1, .look_at = 2, .tries = 3, .retry_at = 4,
		.deferred = "d" };
	struct hold_entry hold = { "operator", 1, 2, "me", "because" };

	(void)state;
	escalation_walked(&e, arena, "a", STEP_SKIPPED, "no_address", 5, NULL);
	assert_string_equal(e.step, "b"); /* another step's end leaves the one in hand */
	assert_true(e.walk_count == 1 && e.tries == 0 && e.retry_at == 0 && !e.deferred);
	escalation_walked(&e, arena, "b", STEP_SENT, NULL, 6, "x");
	assert_true(!e.step && !e.attempt && !e.task && !e.since && !e.look_at && e.walk_count == 2);
	assert_int_equal(e.walk[1].end, STEP_SENT);

	escalation_hold(&e, arena, &hold);
	escalation_hold(&e, arena, &(struct hold_entry){ .reason = "decided", .until = 9 });
	hold.until = 7;
	escalation_hold(&e, arena, &hold);
	assert_int_equal(e.hold_count, 2); /* replaced, not doubled */
	assert_int_equal(e.holds[0].until, 7);
	assert_false(escalation_unhold(&e, "dead_letter"));
	assert_true(escalation_unhold(&e, "operator"));
	assert_true(e.hold_count == 1 && strcmp(e.holds[0].reason, "decided") == 0);
	assert_true(escalation_unhold(&e, NULL));
	assert_false(escalation_unhold(&e, NULL));
}

/* --- what comes next ------------------------------------------------------------------------------------------------- */

static void as_it_is(struct world *w)
{
	(void)w;
}

static void operator_hold(struct world *w)
{
	escalation_hold(&w->e, w->arena, &(struct hold_entry){ "operator", w->rules.now, at("2026-05-01T00:00:00Z"), "me", "x" });
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

static void insolvent(struct world *w)
{
	w->debtor.insolvent = (struct debtor_switch){ .set = true, .on = true, .order = { 0, at("2026-03-20T00:00:00Z"), "", "" } };
}

static void paused_until(struct world *w)
{
	w->debtor.paused = (struct debtor_switch){ .set = true, .on = true, .until = at("2026-06-01T00:00:00Z") };
}

static void paused_open_end(struct world *w)
{
	w->debtor.paused = (struct debtor_switch){ .set = true, .on = true, .order = { 0, at("2026-01-01T00:00:00Z"), "", "" } };
}

static void paused_over(struct world *w)
{
	w->debtor.paused = (struct debtor_switch){ .set = true, .on = true, .until = at("2026-04-01T00:00:00Z") };
}

static void disputed(struct world *w)
{
	add_fact(w, FACT_DISPUTE, "2026-03-10T12:00:00Z", NULL);
}

static void dispute_over(struct world *w)
{
	add_fact(w, FACT_DISPUTE, "2026-03-10T12:00:00Z", NULL)->ended = true;
}

static void payment_reversed(struct world *w)
{
	struct fact *fact = add_fact(w, FACT_PAYMENT, "2026-03-10T12:00:00Z", NULL);

	fact->amount = 120000;
	fact->ended = true;
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

static void promised(struct world *w)
{
	add_fact(w, FACT_PROMISE, "2026-04-01T12:00:00Z", "2026-04-10"); /* a Friday */
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

static void no_address(struct world *w)
{
	w->contact.email = NULL;
}

static void no_address_at_all(struct world *w)
{
	w->debtor.customer.contact_count = 0;
}

static void outsider(struct world *w)
{
	w->contact.external = true;
}

static void opted_out(struct world *w)
{
	w->debtor.opt_out[CHANNEL_EMAIL] = (struct debtor_switch){ .set = true, .on = true };
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

static void task_open(struct world *w)
{
	w->e.state = ESCALATION_TASK;
	w->e.look_at = at("2026-04-20T15:30:00Z");
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

#define IF(members) POLICY("", MAIL("reminder", "due+1d", ",\"if\":{" members "}"))
#define TEN "2026-04-02T08:00:00Z" /* 10:00 on Thursday 2 April, the day after the due date */

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
	{ "a reply waits three days for an answer", LADDER, TEN, replied, NEXT_HELD, "reply", "2026-04-04T12:00:00Z", 0 },
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
	{ "stale, but nothing is owed yet", LADDER, "2026-03-20T08:00:00Z", stale_feed, NEXT_HELD, "feed_stale",
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
	assert_int_equal(w.e.next_at, at("2026-04-02T07:00:00Z"));
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

static void stopped_stays_stopped(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, LADDER, TEN);
	w.e.state = ESCALATION_CLOSED;
	w.e.closed = "stopped";
	w.e.next_at = 7;
	refresh(&w, TEN);
	assert_int_equal(w.e.state, ESCALATION_CLOSED);
	assert_int_equal(w.e.next_at, 0);
	w.e.closed = NULL; /* an old document */
	refresh(&w, TEN);
	assert_int_equal(w.e.state, ESCALATION_WAITING);
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
		assert_true(!w.e.held && w.e.hold_count == 0);
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
	world_clear(&w);

	world_init(&w, LADDER, TEN);
	promised(&w);
	refresh(&w, TEN);
	w.facts[0].ended = true; /* withdrawn: not broken */
	refresh(&w, "2026-04-03T07:00:00Z");
	assert_null(find_draft(w.fx.events, "promise.broken"));
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
	assert_null(w.walk[1].attempt);
	assert_int_equal(count_drafts(w.fx.records, "attempt.skipped"), 2);
	assert_tells(find_draft(w.fx.events, "contact.skipped"), "\"reason\":\"no_address\"");
	assert_string_equal(find_task(&w.fx, "no_address")->id, "no_address:inv_42:early");
	assert_int_equal(w.e.next_at, at("2026-04-16T07:00:00Z")); /* the call */
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
	w.e = (struct escalation){ .version = 7, .invoice = w.e.invoice, .state = ESCALATION_DOUBT, .policy = "p",
		.policy_digest = w.policy->digest, .opened_at = 1, .walk = w.walk, .step = "second", .attempt = "a2", .task = "t",
		.since = 2, .look_at = 3, .tries = 4, .retry_at = 5, .deferred = "second cap 9", .held = "dispute",
		.closed = "paid", .closed_at = 6, .overdue_told = true, .next_at = 8 };
	walked(&w, "reminder", STEP_SENT, NULL, "2026-04-02T08:00:00Z");
	walked(&w, "call", STEP_DONE, "done", "2026-04-16T08:00:00Z");
	w.walk[w.e.walk_count++] = (struct walked){ "x", STEP_SKIPPED, "no_address", 9, NULL };
	promised(&w);
	escalation_hold(&w.e, w.arena, &(struct hold_entry){ "operator", 1, 2, "me", "because" });
	escalation_hold(&w.e, w.arena, &(struct hold_entry){ .reason = "dead_letter", .until = 3 });
	escalation_write(&first, &w.e);
	if (escalation_read(w.arena, first.data, first.len, &again, &err) < 0)
		fail_msg("%s: %s %s", err.path, err.code, err.text);
	escalation_write(&second, &again);
	assert_string_equal(buf_str(&first), buf_str(&second));
	assert_true(again.state == ESCALATION_DOUBT && again.walk_count == 3 && again.hold_count == 2 && again.overdue_told);
	assert_string_equal(again.holds[0].why, "because");
	assert_null(again.holds[1].who);
	assert_null(again.walk[2].attempt);
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
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(whole_table),
		cmocka_unit_test(steps_and_holds_are_noted),
		cmocka_unit_test(without_a_debtor),
		cmocka_unit_test(opened_closed_and_opened_again),
		cmocka_unit_test(stopped_stays_stopped),
		cmocka_unit_test(closed_in_every_state),
		cmocka_unit_test(order_does_not_matter),
		cmocka_unit_test(overdue_is_told_once),
		cmocka_unit_test(holds_are_told_and_renewed),
		cmocka_unit_test(a_broken_promise_is_told),
		cmocka_unit_test(a_hold_takes_back_the_call),
		cmocka_unit_test(skips_that_are_due),
		cmocka_unit_test(stored_and_read_again),
		cmocka_unit_test(damaged_documents),
	};
	static struct CMUnitTest tests[ARRAY_LEN(others) + ARRAY_LEN(next_rows)];

	memcpy(tests, others, sizeof(others));
	for (size_t i = 0; i < ARRAY_LEN(next_rows); i++)
		tests[ARRAY_LEN(others) + i] = (struct CMUnitTest){ .name = next_rows[i].name, .test_func = next_row,
			.initial_state = (void *)(uintptr_t)&next_rows[i] };
	return cmocka_run_group_tests_name("escalation", tests, NULL, NULL);
}
