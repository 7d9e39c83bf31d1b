/* What a provider tells of a message, in any order and as often as it likes; who is written to next; and what an answer seems to say. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/contact_world.h"

#define FALLBACK ",\"else\":\"sms\""

/* --- events ------------------------------------------------------------------------------------------------------------------- */

#define EVENT(type, data) \
	"{\"specversion\":\"1.0\",\"id\":\"e1\",\"source\":\"/hooks/x\",\"type\":\"" type "\",\"time\":\"2026-04-09T08:00:00Z\",\"data\":{" data "}}"
#define UPDATED(data) EVENT("contact.delivery_updated", data)

static const struct parse_row {
	const char *name, *json;
	enum delivery_state delivery;
	bool unverified;
	const char *code, *path; /* NULL: taken */
} parse_rows[] = {
	{ "delivered", UPDATED("\"customer_id\":\"c\",\"status\":\"delivered\",\"attempt_id\":\"a\""), DELIVERY_DELIVERED, false, NULL, NULL },
	{ "bounced", UPDATED("\"status\":\"bounced\""), DELIVERY_BOUNCED_SOFT, false, NULL, NULL },
	{ "bounced for good", UPDATED("\"status\":\"bounced\",\"permanent\":true"), DELIVERY_BOUNCED_HARD, false, NULL, NULL },
	{ "given up", UPDATED("\"status\":\"failed\""), DELIVERY_FAILED, false, NULL, NULL },
	{ "an outsider's word", UPDATED("\"status\":\"opened\",\"verified\":false"), DELIVERY_OPENED, true, NULL, NULL },
	{ "a word of tomorrow", UPDATED("\"status\":\"teleported\""), DELIVERY_NONE, false, NULL, NULL },
	{ "no word", UPDATED(""), DELIVERY_NONE, false, NULL, NULL },
	{ "none", UPDATED("\"status\":\"none\""), DELIVERY_NONE, false, NULL, NULL },
	{ "a number", UPDATED("\"status\":7"), 0, false, "wrong_type", "$.data.status" },
	{ "STOP by nobody", UPDATED("\"status\":\"stopped\""), 0, false, "missing", "$.data.customer" },
	{ "a complaint by nobody", UPDATED("\"status\":\"complained\""), 0, false, "missing", "$.data.customer" },
	{ "a bad attempt", UPDATED("\"attempt_id\":\"a b\""), 0, false, "bad_id", "$.data.attempt_id" },
	{ "bad invoices", UPDATED("\"invoice_ids\":[\"a b\"]"), 0, false, "bad_id", "$.data.invoice_ids" },
	{ "no invoices", UPDATED("\"invoice_ids\":7"), 0, false, "wrong_type", "$.data.invoice_ids" },
	{ "a reply", EVENT("contact.reply_received", "\"customer_id\":\"c\",\"text\":\"STOP\",\"invoice_ids\":[\"i\"]"), DELIVERY_NONE, false, NULL,
		NULL },
};

static void parses(void **state)
{
	const struct parse_row *row = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct event e;
	struct err err = { 0 };
	int r = event_parse(arena, row->json, strlen(row->json), NULL, &e, &err);

	assert_string_equal(err.code, row->code ? row->code : "");
	assert_string_equal(err.path, row->path ? row->path : "");
	if (r < 0)
		return;
	assert_int_equal(e.delivery, row->delivery);
	assert_int_equal(e.unverified, row->unverified);
}

/* --- any order ---------------------------------------------------------------------------------------------------------------- */

static struct event receipt(const char *attempt, enum delivery_state delivery, int64_t time, const char *id)
{
	return (struct event){ .type = EVENT_CONTACT_DELIVERY_UPDATED, .id = id, .source = "/hooks/x", .time = time, .at = time,
		.order = { .time = time, .source = "/hooks/x", .id = id }, .customer_id = "cus_7", .attempt_id = attempt, .delivery = delivery,
		.channel = CHANNEL_EMAIL };
}

static void order_does_not_matter(void **state)
{
	struct event events[] = { receipt("a1", DELIVERY_SENT, 10, "1"), receipt("a1", DELIVERY_DEFERRED, 11, "2"),
		receipt("a1", DELIVERY_BOUNCED_HARD, 12, "3"), receipt("a1", DELIVERY_DELIVERED, 13, "4"),
		receipt("a1", DELIVERY_BOUNCED_HARD, 9, "5"), receipt("a2", DELIVERY_DELIVERED, 20, "6"), receipt("a2", DELIVERY_COMPLAINED, 21, "7"),
		receipt("a3", DELIVERY_BOUNCED_HARD, 30, "8"), receipt("unknown", DELIVERY_DELIVERED, 99, "9") };
	CLEANUP(buf_clear) struct buf first = { 0 };
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 500; round++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		CLEANUP(buf_clear) struct buf out = { 0 }, again = { 0 };
		struct debtor debtor = { .id = "cus_7" }, back;
		struct err err = { 0 };

		for (int i = 1; i <= 3; i++) {
			debtor_contact_add(&debtor, arena, i, CHANNEL_EMAIL, arena_printf(arena, "a%d", i));
			debtor_contact_made(&debtor, arena_printf(arena, "a%d", i))->to = i == 3 ? "other@x.example" : "ann@x.example";
		}
		for (size_t i = ARRAY_LEN(events); i-- > 1;) { /* shuffled, the same in each run */
			size_t k = (seed = seed * 1103515245u + 12345u) / 65536u % (i + 1);
			struct event e = events[i];

			events[i] = events[k];
			events[k] = e;
		}
		for (size_t i = 0; i < ARRAY_LEN(events); i++) {
			(void)debtor_apply(&debtor, &events[i], arena);
			assert_false(debtor_apply(&debtor, &events[i], arena)); /* twice */
		}
		assert_int_equal(debtor_contact_made(&debtor, "a1")->delivery, DELIVERY_DELIVERED); /* of the latest instant */
		assert_int_equal(debtor_contact_made(&debtor, "a2")->delivery, DELIVERY_COMPLAINED);
		assert_true(debtor_opted_out(&debtor, CHANNEL_EMAIL));
		assert_false(debtor_opted_out(&debtor, CHANNEL_SMS));
		assert_false(debtor_address_dead(&debtor, CHANNEL_EMAIL, "ann@x.example")); /* delivered to later */
		assert_true(debtor_address_dead(&debtor, CHANNEL_EMAIL, "other@x.example"));
		assert_false(debtor_address_dead(&debtor, CHANNEL_SMS, "other@x.example"));
		debtor_write(&out, &debtor);
		if (!first.len)
			buf_add(&first, out.data, out.len);
		assert_string_equal(out.data, first.data);
		assert_int_equal(debtor_read(arena, out.data, out.len, &back, &err), 0);
		debtor_write(&again, &back);
		assert_string_equal(out.data, again.data);
	}
}

static void an_outsider_changes_nothing(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct debtor debtor = { .id = "cus_7" };
	struct event e = receipt("a1", DELIVERY_STOPPED, 10, "1"), reply = { .type = EVENT_CONTACT_REPLY_RECEIVED, .text = "STOP",
		.channel = CHANNEL_SMS, .unverified = true, .order = { .time = 1, .source = "s", .id = "i" } };

	(void)state;
	e.unverified = true;
	debtor_contact_add(&debtor, arena, 1, CHANNEL_EMAIL, "a1");
	assert_false(debtor_apply(&debtor, &e, arena));
	assert_false(debtor_apply(&debtor, &reply, arena));
	e.unverified = reply.unverified = false;
	assert_true(debtor_apply(&debtor, &e, arena));
	assert_true(debtor_apply(&debtor, &reply, arena));
	assert_true(debtor_opted_out(&debtor, CHANNEL_SMS) && debtor_opted_out(&debtor, CHANNEL_EMAIL));
	assert_false(debtor_opted_out(&debtor, CHANNEL_CALL));
}

/* Only so many addresses are kept: those that were told of last. */
static void addresses_are_bounded(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct debtor debtor = { .id = "cus_7" };

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_true(debtor_address_told(&debtor, arena, CHANNEL_EMAIL, arena_printf(arena, "%d@x.example", (i * 37) % 100), true, 1000 + i));
	assert_int_equal(debtor.address_count, ADDRESSES_MAX);
	assert_false(debtor_address_told(&debtor, arena, CHANNEL_EMAIL, "63@x.example", false, 1099)); /* of two at once the bad news */
	assert_false(debtor_address_told(&debtor, arena, CHANNEL_EMAIL, "63@x.example", true, 1099));
	assert_true(debtor_address_told(&debtor, arena, CHANNEL_EMAIL, "26@x.example", false, 1200));
	assert_true(debtor_address_told(&debtor, arena, CHANNEL_EMAIL, "26@x.example", true, 1200));
	assert_false(debtor_address_told(&debtor, arena, CHANNEL_EMAIL, "late@x.example", true, 5));
	assert_true(debtor_address_dead(&debtor, CHANNEL_EMAIL, "63@x.example")); /* 99 * 37 mod 100 */
	assert_false(debtor_address_dead(&debtor, CHANNEL_EMAIL, "0@x.example"));
	assert_true(debtor_address_dead(&debtor, CHANNEL_EMAIL, "63@X.Example")); /* providers write it as they like */
}

/* --- who is next -------------------------------------------------------------------------------------------------------------- */

static struct contact two[] = {
	{ .id = "c1", .role = "billing", .name = "Mme Roy", .email = "compta@dupont.example", .phone = "+33100000000" },
	{ .id = "c2", .role = "billing", .name = "M. Blanc", .email = "blanc@dupont.example" },
};

/* A reminder to the first contact was released; its entry. */
static struct attempt_entry released(struct world *w, const char *policy, size_t contacts)
{
	struct contact_plan plan;
	struct contact_released out;
	struct err err = { 0 };

	world_init(w, policy);
	w->debtor.customer.contacts = two;
	w->debtor.customer.contact_count = contacts;
	assert_true(contact_plan(&w->env, &w->debtor, w->candidates, 1, "inv_0", &plan));
	assert_string_equal(plan.contact->id, "c1");
	assert_int_equal(contact_release(&w->env, &w->debtor, &plan, NULL, NULL, &w->fx, &out, &err), 0);
	return (struct attempt_entry){ .id = out.message.attempt_id, .debtor_id = "cus_7", .step = out.message.step, .channel = "email",
		.provider = "p", .invoice_ids = out.message.invoice_ids, .invoice_count = 1, .released_at = w->env.now };
}

/* The step is owed to this contact by this channel now, and goes out; its entry. */
static struct attempt_entry released_next(struct world *w, const char *contact, enum channel channel)
{
	struct contact_plan plan;
	struct contact_released out;
	struct err err = { 0 };

	assert_true(contact_plan(&w->env, &w->debtor, w->candidates, 1, "inv_0", &plan));
	assert_string_equal(plan.contact->id, contact);
	assert_int_equal(plan.channel, channel);
	assert_int_equal(contact_release(&w->env, &w->debtor, &plan, NULL, NULL, &w->fx, &out, &err), 0);
	return (struct attempt_entry){ .id = out.message.attempt_id, .debtor_id = "cus_7", .step = out.message.step, .channel = channel_names[channel],
		.provider = "p", .invoice_ids = out.message.invoice_ids, .invoice_count = 1, .released_at = w->env.now };
}

static const struct provider_traits traits = { .lookup = true };

static void settle(struct world *w, struct attempt_entry *entry, const struct outcome *outcome)
{
	effects_init(&w->fx, w->arena, w->env.now);
	assert_true(contact_settle(&w->env, &w->debtor, w->candidates, 1, entry, &traits, outcome, &w->fx));
}

static void tell_at(struct world *w, const struct attempt_entry *entry, enum delivery_state delivery, int64_t at)
{
	struct event e = receipt(entry->id, delivery, at, "e");
	struct contact_made *made;

	(void)debtor_apply(&w->debtor, &e, w->arena);
	made = debtor_contact_made(&w->debtor, entry->id);
	if (made && delivery_reached_nobody(delivery) != delivery_reached_nobody(made->delivery))
		return; /* another is told of a later instant */
	if (delivery == DELIVERY_BOUNCED_HARD)
		contact_bounced(&w->debtor, w->candidates, 1, entry->id, "bounced_hard", &w->fx);
	if (delivery == DELIVERY_FAILED)
		contact_failed(&w->debtor, w->candidates, 1, entry, "daily quota", &w->fx);
}

static void tell(struct world *w, const struct attempt_entry *entry, enum delivery_state delivery)
{
	tell_at(w, entry, delivery, w->env.now);
}

static struct next_action next_of(struct world *w)
{
	struct rules rules = { .policy = w->policies[0], .creditor_zone = "Europe/Paris", .now = w->env.now };

	return escalation_next(&w->e[0], &w->debtor, &rules);
}

static const struct outcome accepted = { .kind = OUTCOME_ACCEPTED, .reason = "accepted", .provider_id = "m", .status = 200 };
static const struct outcome lost = { .kind = OUTCOME_IN_DOUBT, .reason = "timeout" };
#define GAP "\"min_gap\":\"48h\","

/* Bounced after the answer, or told before it: the second contact is next, at once, and not the first again. */
static void a_bounce_goes_to_the_next_contact(void **state)
{
	(void)state;
	for (int before = 0; before < 2; before++) {
		struct contact_plan plan;
		struct world w;
		struct attempt_entry entry = released(&w, POLICY(GAP, MAIL("reminder", "due+1d", "")), 2);

		if (before)
			tell(&w, &entry, DELIVERY_BOUNCED_HARD);
		settle(&w, &entry, &accepted);
		assert_non_null(find_draft(w.fx.records, "attempt.submitted"));
		if (!before) {
			assert_int_equal(w.e[0].walk_count, 1);
			tell(&w, &entry, DELIVERY_BOUNCED_HARD);
		}
		assert_tells(find_draft(w.fx.records, "attempt.undelivered"), "\"step\":\"reminder\"");
		assert_int_equal(w.e[0].walk_count, 0);
		assert_int_equal(next_of(&w).kind, NEXT_CONTACT);
		assert_true(next_of(&w).at <= w.env.now); /* the gap is not counted from what reached nobody */
		assert_true(contact_plan(&w.env, &w.debtor, w.candidates, 1, "inv_0", &plan));
		assert_string_equal(plan.contact->id, "c2");
		tell(&w, &entry, DELIVERY_BOUNCED_HARD); /* twice */
		assert_int_equal(w.e[0].tries, 1);
		world_clear(&w);
	}
}

/* Nobody else has an address: by the other channel; else a task. */
static void then_the_other_channel_then_a_task(void **state)
{
	struct contact_plan plan;
	struct world w;
	struct attempt_entry entry = released(&w, POLICY("", MAIL("reminder", "due+1d", FALLBACK)), 1);
	struct rules rules;

	(void)state;
	settle(&w, &entry, &accepted);
	tell(&w, &entry, DELIVERY_BOUNCED_HARD);
	assert_true(contact_plan(&w.env, &w.debtor, w.candidates, 1, "inv_0", &plan));
	assert_int_equal(plan.channel, CHANNEL_SMS);
	world_clear(&w);

	entry = released(&w, POLICY("", MAIL("reminder", "due+1d", "")), 1);
	settle(&w, &entry, &accepted);
	tell(&w, &entry, DELIVERY_BOUNCED_HARD);
	rules = (struct rules){ .policy = w.policies[0], .creditor_zone = "Europe/Paris", .now = w.env.now };
	escalation_refresh(&w.e[0], &w.debtor, &rules, &w.fx);
	assert_string_equal(w.e[0].walk[0].reason, "no_address");
	assert_false(find_task(&w.fx, "no_address")->close);
	world_clear(&w);
}

/*
 * Given up by the provider, told after its answer or before it: the address is as good as before, and still nobody was reached. The next of the role
 * is, then the other channel, then a person is asked.
 */
static void what_never_left_was_not_sent(void **state)
{
	(void)state;
	for (int before = 0; before < 2; before++) {
		CLEANUP(buf_clear) struct buf kept = { 0 };
		struct escalation again;
		struct contact_plan plan;
		struct world w;
		struct attempt_entry entry = released(&w, POLICY(GAP, MAIL("reminder", "due+1d", FALLBACK)), 2);

		if (before)
			tell(&w, &entry, DELIVERY_FAILED);
		settle(&w, &entry, &accepted);
		if (!before)
			tell(&w, &entry, DELIVERY_FAILED);
		assert_tells(find_draft(w.fx.records, "attempt.undelivered"), "\"step\":\"reminder\"");
		assert_null(find_task(&w.fx, "refused"));
		assert_int_equal(w.e[0].walk_count, 0);
		assert_false(debtor_address_dead(&w.debtor, CHANNEL_EMAIL, debtor_contact_made(&w.debtor, entry.id)->to));
		assert_true(next_of(&w).at <= w.env.now); /* the gap is not counted from what reached nobody */
		tell(&w, &entry, DELIVERY_FAILED); /* twice */
		assert_int_equal(w.e[0].tries, 1);
		escalation_write(&kept, &w.e[0]); /* whom it passes over outlives the daemon */
		assert_int_equal(escalation_read(w.arena, kept.data, kept.len, &again, NULL), 0);
		w.e[0] = again;

		entry = released_next(&w, "c2", CHANNEL_EMAIL);
		settle(&w, &entry, &accepted);
		tell(&w, &entry, DELIVERY_FAILED); /* not the first again */
		assert_int_equal(w.e[0].walk_count, 0);
		assert_true(contact_plan(&w.env, &w.debtor, w.candidates, 1, "inv_0", &plan));
		assert_int_equal(plan.channel, CHANNEL_SMS);
		world_clear(&w);
	}
}

/* Both addresses one after the other, then the telephone, then a task: it ends. */
static void given_up_everywhere(void **state)
{
	static const struct { const char *contact; enum channel channel; } turns[] = { { "c2", CHANNEL_EMAIL }, { "c1", CHANNEL_SMS } };

	(void)state;
	for (int fallback = 0; fallback < 2; fallback++) {
		struct world w;
		struct attempt_entry entry = released(&w, fallback ? POLICY("", MAIL("reminder", "due+1d", FALLBACK)) : POLICY("", MAIL("reminder", "due+1d", "")), 2);

		for (size_t i = 0; i <= (fallback ? 2u : 1u); i++) {
			if (i)
				entry = released_next(&w, turns[i - 1].contact, turns[i - 1].channel);
			assert_null(find_task(&w.fx, "refused"));
			settle(&w, &entry, &accepted);
			tell(&w, &entry, DELIVERY_FAILED);
		}
		assert_true(w.e[0].walk_count == 1 && w.e[0].walk[0].end == STEP_SKIPPED);
		assert_string_equal(w.e[0].walk[0].reason, "refused");
		assert_string_equal(find_task(&w.fx, "refused")->step, "reminder");
		effects_init(&w.fx, w.arena, w.env.now);
		tell(&w, &entry, DELIVERY_FAILED);
		assert_null(w.fx.tasks);
		world_clear(&w);
	}
}

/* Later steps were taken by then, and are not undone: a person is told, once; of what is paid nobody is. */
static void what_never_left_and_is_past(void **state)
{
	const struct needs notice = { .facts = 1u << NEED_NOTICE };
	struct world w;
	struct attempt_entry entry = released(&w, LADDER(""), 2);

	(void)state;
	settle(&w, &entry, &accepted);
	escalation_walked(&w.e[0], w.arena, "second", STEP_SENT, NULL, w.env.now, "another");
	w.e[0].commitment = (struct commitment){ .state = COMMITMENT_OPEN, .step = "reminder", .attempt = entry.id, .opened_at = w.env.now, .made = 1 };
	assert_false(escalation_missing(&w.e[0], &w.debtor, w.policies[0], &notice).facts);
	tell(&w, &entry, DELIVERY_FAILED);
	assert_int_equal(w.e[0].commitment.state, COMMITMENT_LAPSED); /* nobody was warned by it, and nothing rests on it */
	assert_true(escalation_missing(&w.e[0], &w.debtor, w.policies[0], &notice).facts);
	assert_int_equal(w.e[0].walk_count, 2);
	assert_string_equal(w.e[0].walk[0].reason, "failed");
	assert_string_equal(find_task(&w.fx, "refused")->step, "reminder");
	effects_init(&w.fx, w.arena, w.env.now);
	tell(&w, &entry, DELIVERY_FAILED);
	assert_null(w.fx.tasks);
	world_clear(&w);

	entry = released(&w, LADDER(""), 2);
	settle(&w, &entry, &accepted);
	w.e[0].state = ESCALATION_CLOSED; /* paid */
	tell(&w, &entry, DELIVERY_FAILED);
	assert_int_equal(w.e[0].walk_count, 1);
	assert_null(w.fx.tasks);
	world_clear(&w);
}

/* A person is asked to decide, or to call, when it turns out that nobody was reached: that waits, and the next of the role is written to. */
static void what_a_person_was_asked_for_waits(void **state)
{
	static const enum escalation_state states[] = { ESCALATION_GATE, ESCALATION_TASK };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct world w;
		struct attempt_entry entry = released(&w, LADDER(""), 2);
		bool gate = states[i % 2] == ESCALATION_GATE;

		settle(&w, &entry, &accepted);
		w.e[0].commitment = (struct commitment){ .state = COMMITMENT_OPEN, .step = "reminder", .attempt = entry.id, .opened_at = w.env.now, .made = 1 };
		escalation_walked(&w.e[0], w.arena, "confirm:1", STEP_SENT, NULL, w.env.now, "beside"); /* no step of the ladder */
		assert_true(escalation_move(&w.e[0], gate ? TRIGGER_GATE_OPENED : TRIGGER_TASK_OPENED));
		w.e[0].step = "second";
		w.e[0].task = gate ? "decision:inv_0:second" : "call:inv_0:second";
		tell(&w, &entry, i < 2 ? DELIVERY_BOUNCED_HARD : DELIVERY_FAILED);
		assert_int_equal(w.e[0].state, ESCALATION_WAITING);
		assert_true(find_task(&w.fx, gate ? "decision" : "call")->close);
		assert_null(find_task(&w.fx, "refused"));
		assert_int_equal(w.e[0].commitment.state, COMMITMENT_LAPSED);
		assert_int_equal(w.e[0].walk_count, 1);
		(void)released_next(&w, "c2", CHANNEL_EMAIL);
		world_clear(&w);
	}
}

/* Another step is on its way, or went out: that is not undone, and a person is told; what the lost one announced is not our word. */
static void a_bounce_that_comes_too_late(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct world w;
		struct attempt_entry entry = released(&w, LADDER(""), 2);

		settle(&w, &entry, &accepted);
		w.e[0].commitment = (struct commitment){ .state = COMMITMENT_OPEN, .step = "reminder", .attempt = entry.id, .opened_at = w.env.now, .made = 1 };
		if (i == 2) {
			escalation_walked(&w.e[0], w.arena, "second", STEP_SENT, NULL, w.env.now, "another");
		} else {
			w.e[0].state = i ? ESCALATION_DOUBT : ESCALATION_SENDING;
			w.e[0].step = "second";
			w.e[0].attempt = "another";
		}
		tell(&w, &entry, DELIVERY_BOUNCED_HARD);
		assert_string_equal(w.e[0].walk[0].reason, "failed");
		assert_string_equal(find_task(&w.fx, "refused")->reason, "bounced_hard");
		assert_int_equal(w.e[0].commitment.state, COMMITMENT_LAPSED);
		effects_init(&w.fx, w.arena, w.env.now);
		tell(&w, &entry, DELIVERY_BOUNCED_HARD); /* twice */
		assert_null(w.fx.tasks);
		world_clear(&w);
	}
}

/* It was delivered, and a bounce of an earlier instant is told after that: it does not go out again. */
static void the_later_instant_counts(void **state)
{
	struct world w;
	struct attempt_entry entry = released(&w, POLICY("", MAIL("reminder", "due+1d", "")), 1);

	(void)state;
	settle(&w, &entry, &accepted);
	tell_at(&w, &entry, DELIVERY_DELIVERED, w.env.now);
	tell_at(&w, &entry, DELIVERY_BOUNCED_HARD, w.env.now - 100000);
	assert_int_equal(w.e[0].walk_count, 1);
	assert_int_equal(w.e[0].walk[0].end, STEP_SENT);
	assert_int_equal(debtor_contact_made(&w.debtor, entry.id)->delivery, DELIVERY_DELIVERED);
	world_clear(&w);
}

/* Another message reached that address later: it is good, and yet this step does not go there twice. */
static void an_address_that_bounced_is_not_asked_again(void **state)
{
	struct world w;
	struct attempt_entry entry = released(&w, LADDER(""), 2);

	(void)state;
	settle(&w, &entry, &accepted);
	assert_true(debtor_address_told(&w.debtor, w.arena, CHANNEL_EMAIL, two[0].email, false, w.env.now + 1));
	tell(&w, &entry, DELIVERY_BOUNCED_HARD);
	assert_false(debtor_address_dead(&w.debtor, CHANNEL_EMAIL, two[0].email));
	(void)released_next(&w, "c2", CHANNEL_EMAIL);
	world_clear(&w);
}

/* Nobody fetched it, and then it turns out that nobody is there: the first is no question any more. */
static void a_wrong_address_ends_the_question(void **state)
{
	struct world w;
	struct attempt_entry entry = released(&w, POLICY("", MAIL("reminder", "due+1d", "")), 1);

	(void)state;
	settle(&w, &entry, &accepted);
	assert_true(escalation_letter_unclaimed(&w.e[0], entry.id, "unclaimed", &w.fx));
	assert_false(find_task(&w.fx, "letter_unclaimed")->close);
	effects_init(&w.fx, w.arena, w.env.now);
	tell(&w, &entry, DELIVERY_BOUNCED_HARD);
	assert_int_equal(w.e[0].walk_count, 0);
	assert_true(find_task(&w.fx, "letter_unclaimed")->close);
	world_clear(&w);
}

static void what_went_on_meanwhile_stays(void **state)
{
	struct world w;
	struct attempt_entry entry = released(&w, LADDER(""), 2);

	(void)state;
	settle(&w, &entry, &accepted);
	escalation_walked(&w.e[0], w.arena, "second", STEP_SENT, NULL, w.env.now, "another");
	tell(&w, &entry, DELIVERY_BOUNCED_HARD);
	assert_int_equal(w.e[0].walk_count, 2);
	assert_null(find_draft(w.fx.records, "attempt.undelivered"));
	world_clear(&w);

	entry = released(&w, LADDER(""), 2);
	settle(&w, &entry, &accepted);
	w.e[0].state = ESCALATION_CLOSED; /* paid */
	tell(&w, &entry, DELIVERY_BOUNCED_HARD);
	assert_int_equal(w.e[0].walk_count, 1);
	world_clear(&w);
}

/* The answer never came, and yet the provider spoke of it. */
static void a_receipt_settles_a_doubt(void **state)
{
	struct world w;
	struct attempt_entry entry = released(&w, LADDER(""), 1);

	(void)state;
	tell(&w, &entry, DELIVERY_SENT);
	settle(&w, &entry, &lost);
	assert_tells(find_draft(w.fx.records, "attempt.submitted"), "\"reason\":\"webhook\"");
	assert_int_equal(w.e[0].walk[0].end, STEP_SENT);
	world_clear(&w);

	entry = released(&w, LADDER(""), 1); /* somebody answers it */
	for (int named = -1; named < 2; named++) {
		struct event reply = receipt(entry.id, DELIVERY_NONE, w.env.now, "r");

		reply.type = EVENT_CONTACT_REPLY_RECEIVED;
		reply.unverified = named < 0;
		reply.by_address = named == 0; /* perhaps an earlier one */
		assert_int_equal(debtor_apply(&w.debtor, &reply, w.arena), named > 0);
		assert_false(debtor_apply(&w.debtor, &reply, w.arena)); /* twice */
	}
	settle(&w, &entry, &lost);
	assert_tells(find_draft(w.fx.records, "attempt.submitted"), "\"reason\":\"webhook\"");
	assert_int_equal(w.e[0].walk[0].end, STEP_SENT);
	world_clear(&w);

	entry = released(&w, LADDER(""), 1); /* nothing was told */
	effects_init(&w.fx, w.arena, w.env.now);
	assert_false(contact_settle(&w.env, &w.debtor, w.candidates, 1, &entry, &traits, &lost, &w.fx));
	assert_int_equal(w.e[0].state, ESCALATION_DOUBT);
	world_clear(&w);
}

/* Refused at once, because of the recipient. */
static void a_refused_recipient(void **state)
{
	const struct outcome bad = { .kind = OUTCOME_REFUSED, .scope = SCOPE_RECIPIENT, .reason = "bad_address", .status = 400 };
	const struct outcome stopped = { .kind = OUTCOME_REFUSED, .scope = SCOPE_RECIPIENT, .reason = "stopped", .status = 400 };
	struct contact_plan plan;
	struct world w;
	struct attempt_entry entry = released(&w, LADDER(""), 2);

	(void)state;
	settle(&w, &entry, &bad);
	assert_null(find_task(&w.fx, "refused"));
	assert_true(contact_plan(&w.env, &w.debtor, w.candidates, 1, "inv_0", &plan));
	assert_string_equal(plan.contact->id, "c2");
	assert_int_equal(w.e[0].tries, 1);
	world_clear(&w);

	entry = released(&w, LADDER(""), 2);
	settle(&w, &entry, &stopped);
	assert_true(debtor_opted_out(&w.debtor, CHANNEL_EMAIL)); /* for both of them */
	assert_tells(find_draft(w.fx.records, "consent.withdrawn"), "\"channel\":\"email\",\"how\":\"stopped\"");
	assert_false(contact_plan(&w.env, &w.debtor, w.candidates, 1, "inv_0", &plan));
	assert_string_equal(next_of(&w).why, "opted_out");
	world_clear(&w);
}

int main(void)
{
	static const struct CMUnitTest single[] = {
		cmocka_unit_test(order_does_not_matter),
		cmocka_unit_test(an_outsider_changes_nothing),
		cmocka_unit_test(addresses_are_bounded),
		cmocka_unit_test(a_bounce_goes_to_the_next_contact),
		cmocka_unit_test(then_the_other_channel_then_a_task),
		cmocka_unit_test(what_never_left_was_not_sent),
		cmocka_unit_test(given_up_everywhere),
		cmocka_unit_test(what_never_left_and_is_past),
		cmocka_unit_test(a_wrong_address_ends_the_question),
		cmocka_unit_test(what_a_person_was_asked_for_waits),
		cmocka_unit_test(a_bounce_that_comes_too_late),
		cmocka_unit_test(the_later_instant_counts),
		cmocka_unit_test(an_address_that_bounced_is_not_asked_again),
		cmocka_unit_test(what_went_on_meanwhile_stays),
		cmocka_unit_test(a_receipt_settles_a_doubt),
		cmocka_unit_test(a_refused_recipient),
	};
	static struct CMUnitTest tests[ARRAY_LEN(parse_rows) + ARRAY_LEN(single)];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(parse_rows); i++)
		tests[n++] = (struct CMUnitTest){ parse_rows[i].name, parses, NULL, NULL, (void *)(uintptr_t)&parse_rows[i] };
	memcpy(tests + n, single, sizeof(single));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
