/* What each outcome of an attempt means for its invoices, and how a doubt is settled. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/contact_world.h"

/* --- outcomes -------------------------------------------------------------------------------------------------------- */


static const struct settle_row {
	const char *name;
	struct outcome outcome;
	bool doubt; /* it was in doubt before */
	bool settled;
	enum escalation_state state; /* of the members afterwards */
	const char *record, *event; /* NULL: none */
	int64_t retry_ms; /* from now; 0 = none */
	size_t contacts; /* that count afterwards */
	const char *task; /* opened; NULL = none */
	size_t walk;
	int64_t tries;
} settle_rows[] = {
	{ "accepted", { OUTCOME_ACCEPTED, SCOPE_MESSAGE, "accepted", "m-1", 202, 0, "HTTP", 4, "203.0.113.7:443", NULL, NULL }, false, true,
		ESCALATION_WAITING, "attempt.submitted", "contact.submitted", 0, 1, NULL, 1, 0 },
	{ "accepted after a doubt", { .kind = OUTCOME_ACCEPTED, .reason = "duplicate", .provider_id = "m-1", .status = 202 }, true,
		true, ESCALATION_WAITING, "attempt.reconciled", "contact.reconciled", 0, 1, NULL, 1, 0 },
	{ "refused for good", { .kind = OUTCOME_REFUSED, .scope = SCOPE_RECIPIENT, .reason = "bad_address", .status = 400 }, false, true,
		ESCALATION_WAITING, "attempt.failed", "contact.failed", 2 * DAY_MS, 0, "refused", 1, 0 }, /* the ladder rests for min_gap */
	{ "refused because of the account", { .kind = OUTCOME_REFUSED, .scope = SCOPE_PROVIDER, .reason = "config", .status = 401 },
		false, true, ESCALATION_WAITING, "attempt.failed", "contact.failed", 15 * MINUTE_MS, 0, NULL, 0, 1 },
	{ "throttled", { .kind = OUTCOME_THROTTLED, .reason = "throttled", .status = 429, .retry_after_ms = 3 * HOUR_MS }, false, true,
		ESCALATION_WAITING, "attempt.failed", "contact.failed", 3 * HOUR_MS, 0, NULL, 0, 1 },
	{ "throttled without a word", { .kind = OUTCOME_THROTTLED, .reason = "throttled", .status = 429 }, false, true,
		ESCALATION_WAITING, "attempt.failed", "contact.failed", MINUTE_MS, 0, NULL, 0, 1 },
	{ "throttled for ever", { .kind = OUTCOME_THROTTLED, .reason = "throttled", .status = 429, .retry_after_ms = INT64_MAX / 4 },
		false, true, ESCALATION_WAITING, "attempt.failed", "contact.failed", DAY_MS, 0, NULL, 0, 1 },
	{ "quota spent", { .kind = OUTCOME_THROTTLED, .scope = SCOPE_PROVIDER, .reason = "quota", .status = 429 }, false, true,
		ESCALATION_WAITING, "attempt.failed", "contact.failed", 15 * MINUTE_MS, 0, NULL, 0, 1 },
	{ "no connection", { .kind = OUTCOME_TEMPORARY, .reason = "connect" }, false, true, ESCALATION_WAITING, "attempt.failed",
		"contact.failed", 5 * MINUTE_MS, 0, NULL, 0, 0 },
	{ "put off", { .kind = OUTCOME_TEMPORARY, .reason = "deferred", .status = 452 }, false, true, ESCALATION_WAITING, "attempt.failed",
		"contact.failed", 5 * MINUTE_MS, 0, NULL, 0, 1 },
	{ "may_start said no", { .kind = OUTCOME_CANCELLED, .reason = "stale" }, false, true, ESCALATION_WAITING, "attempt.cancelled",
		"contact.cancelled", 0, 0, NULL, 0, 0 },
	{ "a time-out", { .kind = OUTCOME_IN_DOUBT, .reason = "timeout" }, false, false, ESCALATION_DOUBT, "attempt.in_doubt",
		"contact.unknown", 0, 1, NULL, 0, 0 },
	/* What happens to a resend never settles a doubt. */
	{ "a resend that times out", { .kind = OUTCOME_IN_DOUBT, .reason = "timeout" }, true, false, ESCALATION_DOUBT, NULL, NULL, 0, 1,
		NULL, 0, 0 },
	{ "a resend that may not start", { .kind = OUTCOME_CANCELLED, .reason = "stale" }, true, false, ESCALATION_DOUBT, NULL, NULL, 0,
		1, NULL, 0, 0 },
	{ "a resend without a connection", { .kind = OUTCOME_TEMPORARY, .reason = "connect" }, true, false, ESCALATION_DOUBT, NULL, NULL,
		0, 1, NULL, 0, 0 },
	{ "a resend that is throttled", { .kind = OUTCOME_THROTTLED, .reason = "throttled", .status = 429 }, true, false,
		ESCALATION_DOUBT, NULL, NULL, 0, 1, NULL, 0, 0 },
	{ "a resend that is refused", { .kind = OUTCOME_REFUSED, .reason = "refused", .status = 400 }, true, false, ESCALATION_DOUBT,
		NULL, NULL, 0, 1, NULL, 0, 0 },
};

/*
 * "452 mailbox full" for a day: later and later, then by the other channel, then to a person; a provider that nobody reaches is waited for, and
 * so is one that says itself that it is ill.
 */
static void put_off_for_long(void **state)
{
	static const char *const ladders[] = { POLICY("", MAIL("reminder", "due+1d", ",\"else\":\"sms\"")), LADDER("") };
	static const int minutes[] = { 5, 10, 20, 40, 80, 160, 240, 240, 240, 240 };
	const struct provider_traits traits = { .idempotent = true };

	(void)state;
	for (size_t k = 0; k < 6; k++) { /* the last four: without an answer, or ill */
		struct outcome later = { .kind = OUTCOME_TEMPORARY, .reason = "deferred", .status = k < 2 ? 452 : k < 4 ? 0 : 503 };
		struct attempt_entry entry;
		struct world w;

		world_sending(&w, ladders[k % 2], &entry);
		for (size_t i = 0;; i++) {
			effects_init(&w.fx, w.arena, w.env.now);
			assert_true(contact_settle(&w.env, &w.debtor, w.candidates, INVOICES, &entry, &traits, &later, &w.fx));
			if (i == (k < 2 ? ARRAY_LEN(minutes) : 30))
				break;
			assert_null(w.fx.tasks);
			for (size_t m = 0; m < 2; m++) {
				assert_int_equal(w.e[m].retry_at, w.env.now + (k == 2 || k == 3 ? 5 : minutes[i < ARRAY_LEN(minutes) ? i : ARRAY_LEN(minutes) - 1]) * MINUTE_MS);
				assert_int_equal(w.e[m].tries, later.status ? i + 1 : 0);
				w.e[m].state = ESCALATION_SENDING;
				w.e[m].step = "reminder";
				w.e[m].attempt = "a1";
			}
			w.env.now = w.e[0].retry_at;
		}
		if (k < 4)
			assert_int_equal(w.e[0].put_off, 0);
		if (k == 0) {
			assert_string_equal(w.e[0].channel_failed, "email");
			assert_true(w.e[0].walk_count == 0 && w.e[0].retry_at == 0);
		} else if (k == 1) {
			assert_string_equal(w.e[0].walk[0].reason, "refused");
			assert_string_equal(find_task(&w.fx, "refused")->reason, "deferred");
		} else {
			assert_true(w.e[0].walk_count == 0 && !w.fx.tasks && !w.e[0].channel_failed);
		}
		world_clear(&w);
	}
}

/* One mailbox was full for all that time: somebody else of the role may have room, and the address stays as good as it was. */
static void put_off_and_the_next_of_the_role(void **state)
{
	const struct outcome later = { .kind = OUTCOME_TEMPORARY, .reason = "deferred", .status = 452 };
	const struct provider_traits traits = { .idempotent = true };
	struct contact both[2] = { { 0 }, { .id = "c2", .role = "billing", .email = "blanc@dupont.example" } };
	struct contact_plan plan;
	struct attempt_entry entry;
	struct world w;

	(void)state;
	world_sending(&w, POLICY("", MAIL("reminder", "due+1d", ",\"else\":\"sms\"")), &entry);
	both[0] = w.contact;
	w.debtor.customer.contacts = both;
	w.debtor.customer.contact_count = 2;
	debtor_contact_made(&w.debtor, "a1")->to = both[0].email;
	w.e[0].put_off = w.e[1].put_off = 10;
	assert_true(contact_settle(&w.env, &w.debtor, w.candidates, INVOICES, &entry, &traits, &later, &w.fx));
	for (size_t i = 0; i < 2; i++) {
		assert_true(w.e[i].walk_count == 0 && w.e[i].retry_at == 0 && w.e[i].put_off == 0 && w.e[i].tries == 1);
		assert_null(w.e[i].channel_failed);
	}
	assert_null(w.fx.tasks);
	assert_false(debtor_address_dead(&w.debtor, CHANNEL_EMAIL, both[0].email));
	assert_true(contact_plan(&w.env, &w.debtor, w.candidates, 2, "inv_0", &plan));
	assert_string_equal(plan.contact->id, "c2");
	world_clear(&w);
}

/* What one channel refuses for good goes by the step's other one, and only then is given up. */
static void the_other_channel(void **state)
{
	static const char ladder[] = POLICY("", MAIL("reminder", "due+1d", ",\"else\":\"sms\"") "," MAIL("second", "due+8d", ""));
	const struct outcome refused = { .kind = OUTCOME_REFUSED, .scope = SCOPE_MESSAGE, .reason = "refused", .status = 400 };
	const struct provider_traits traits = { .idempotent = true };
	struct rules rules = { .creditor_zone = "Europe/Paris" };
	const struct contact *to;
	struct attempt_entry entry;
	struct permit permit;
	enum channel channel;
	struct world w;

	(void)state;
	world_sending(&w, ladder, &entry);
	assert_true(contact_settle(&w.env, &w.debtor, w.candidates, INVOICES, &entry, &traits, &refused, &w.fx));
	assert_int_equal(w.e[0].state, ESCALATION_WAITING);
	assert_true(w.e[0].walk_count == 0 && w.e[0].tries == 1 && w.e[0].retry_at == 0); /* owed still, at once, as another attempt */
	assert_string_equal(w.e[0].channel_failed, "email");
	assert_null(w.fx.tasks); /* nobody need do anything yet */
	rules.policy = w.policies[0];
	rules.now = w.env.now;
	to = escalation_reach(&w.e[0], &w.debtor, &rules, &w.policies[0]->steps[0], w.env.now, &channel, &permit);
	assert_true(to && channel == CHANNEL_SMS);
	w.contact.phone = NULL;
	assert_null(escalation_reach(&w.e[0], &w.debtor, &rules, &w.policies[0]->steps[0], w.env.now, &channel, &permit));
	assert_string_equal(permit.why, "refused");

	entry = (struct attempt_entry){ .id = "a3", .debtor_id = "cus_7", .step = "reminder", .channel = "sms", .provider = "outbox",
		.invoice_ids = two_ids, .invoice_count = 2, .released_at = w.env.now };
	for (size_t i = 0; i < 2; i++) {
		w.e[i].state = ESCALATION_SENDING;
		w.e[i].step = "reminder";
		w.e[i].attempt = "a3";
	}
	assert_true(contact_settle(&w.env, &w.debtor, w.candidates, INVOICES, &entry, &traits, &refused, &w.fx));
	assert_int_equal(w.e[0].walk[0].end, STEP_SKIPPED);
	assert_string_equal(w.e[0].walk[0].reason, "refused");
	assert_null(w.e[0].channel_failed);
	assert_string_equal(w.fx.tasks->kind, "refused");
	world_clear(&w);
}

static void settle_row(void **state)
{
	const struct settle_row *row = *state;
	const struct provider_traits traits = { .idempotent = true };
	struct attempt_entry entry;
	struct world w;

	world_sending(&w, LADDER(""), &entry);
	if (row->doubt) {
		entry.in_doubt = true;
		entry.doubt_since = w.env.now - 30 * SECOND_MS;
		for (size_t i = 0; i < INVOICES; i++)
			w.e[i].state = ESCALATION_DOUBT;
	}
	assert_int_equal(contact_settle(&w.env, &w.debtor, w.candidates, INVOICES, &entry, &traits, &row->outcome, &w.fx),
		row->settled);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(w.e[i].state, row->state);
		assert_int_equal(w.e[i].walk_count, row->walk);
		assert_int_equal(w.e[i].refused ? w.e[i].rests_until : w.e[i].retry_at, row->retry_ms ? w.env.now + row->retry_ms : 0);
		assert_int_equal(w.e[i].tries, row->tries);
		if (row->settled)
			assert_true(!w.e[i].attempt && !w.e[i].step);
		else
			assert_true(w.e[i].attempt && w.e[i].look_at > w.env.now);
	}
	assert_string_equal(w.e[2].attempt, "a2"); /* not its attempt: untouched */
	assert_int_equal(w.debtor.contact_count, row->contacts);
	if (row->record) {
		assert_tells(find_draft(w.fx.records, row->record), "\"attempt\":\"a1\",\"invoices\":[\"inv_0\",\"inv_1\"]");
		assert_tells(find_draft(w.fx.records, row->record), row->outcome.reason);
		assert_tells(find_draft(w.fx.events, row->event), "\"step\":\"reminder\"");
	} else {
		assert_true(!w.fx.records && !w.fx.events);
	}
	if (row->task)
		assert_false(find_task(&w.fx, row->task)->close);
	else
		assert_null(w.fx.tasks);
	if (row->outcome.raw)
		assert_non_null(find_part(find_draft(w.fx.records, row->record), "answer"));
	if (row->walk && row->outcome.kind == OUTCOME_ACCEPTED) {
		assert_int_equal(w.e[0].walk[0].end, STEP_SENT);
		assert_int_equal(w.e[0].walk[0].at, row->doubt ? w.env.now : entry.released_at);
		assert_string_equal(w.e[0].walk[0].attempt, "a1");
		assert_tells(find_draft(w.fx.events, "escalation.stage_changed"), "\"step\":\"reminder\"");
	} else if (row->walk) {
		assert_int_equal(w.e[0].walk[0].end, STEP_SKIPPED);
		assert_string_equal(w.e[0].walk[0].reason, "refused");
	}
	if (!row->settled) {
		assert_true(entry.in_doubt);
		assert_int_equal(entry.resends, row->doubt);
		assert_int_equal(entry.doubt_since, row->outcome.kind == OUTCOME_IN_DOUBT || !row->doubt ?
			w.env.now : w.env.now - 30 * SECOND_MS);
	}
	world_clear(&w);
}

static void settled_in_other_ways(void **state)
{
	const struct provider_traits traits = { .lookup = true };
	struct outcome found = { .kind = OUTCOME_ACCEPTED, .reason = "lookup", .provider_id = "m-1" };
	struct attempt_entry entry;
	struct world w;

	(void)state;
	/* A closed invoice's answer is recorded and changes nothing; effects of the step are told for what was sent. */
	world_sending(&w, POLICY("", MAIL("reminder", "due+1d", ",\"effects\":[\"work.hold_requested\"]")), &entry);
	w.e[0].state = ESCALATION_CLOSED;
	entry.in_doubt = true;
	entry.unknown_at = 5;
	w.e[1].state = ESCALATION_DOUBT;
	assert_true(contact_settle(&w.env, &w.debtor, w.candidates, INVOICES, &entry, &traits, &found, &w.fx));
	assert_int_equal(w.e[0].state, ESCALATION_CLOSED);
	assert_int_equal(w.e[0].walk_count, 1);
	assert_tells(find_draft(w.fx.events, "work.hold_requested"), "\"step\":\"reminder\"");
	assert_tells(find_draft(w.fx.records, "attempt.reconciled"), "\"how\":\"lookup\"");
	assert_true(find_task(&w.fx, "unknown_attempt")->close); /* a person need not look any more */
	assert_int_equal(w.debtor.contacts[0].at, entry.released_at); /* a look-up of the only request: when it went */
	world_clear(&w);

	/* Without the debtor's document, and with a policy that is gone. */
	world_sending(&w, LADDER(""), &entry);
	w.candidates[0].policy = NULL;
	found.status = 200;
	assert_true(contact_settle(&w.env, NULL, w.candidates, 1, &entry, &traits, &found, &w.fx));
	assert_int_equal(w.e[0].state, ESCALATION_WAITING);
	world_clear(&w);
}

#define WARNS POLICY("", MAIL("reminder", "due+1d", ",\"announces\":{\"step\":\"gate\",\"within\":\"20d\"}," \
	"\"effects\":[\"work.hold_requested\"],\"hold_after\":\"7d\"") "," \
	"{\"id\":\"gate\",\"at\":\"due+25d\",\"gate\":\"decision\",\"role\":\"owner\"}")

/* Paid while the warning was on its way: nothing would end what follows from it. Its day is noted for when that payment goes back. */
static void a_warning_that_came_too_late(void **state)
{
	const struct provider_traits traits = { 0 };
	const struct outcome sent = { .kind = OUTCOME_ACCEPTED, .reason = "accepted", .status = 202 };
	struct attempt_entry entry;
	struct world w;

	(void)state;
	world_sending(&w, WARNS, &entry);
	w.e[0].state = ESCALATION_CLOSED;
	assert_true(contact_settle(&w.env, &w.debtor, w.candidates, INVOICES, &entry, &traits, &sent, &w.fx));
	assert_int_equal(w.e[0].walk[0].end, STEP_SENT);
	assert_int_equal(w.e[0].work_hold_at, w.env.now + 7 * DAY_MS);
	for (const struct draft *draft = w.fx.records; draft; draft = draft->next)
		assert_true(strcmp(draft->kind, "work.hold_announced") != 0 || !strstr(buf_str(&draft->data), "inv_0"));
	assert_int_equal(w.e[0].commitment.state, COMMITMENT_NONE);
	assert_int_equal(w.e[1].work_hold_at, w.env.now + 7 * DAY_MS);
	assert_int_equal(w.e[1].commitment.state, COMMITMENT_OPEN);
	world_clear(&w);
}

/* Nothing that it said stands: nobody was warned, told of the fee, or offered anything. */
static void a_warning_that_bounced(void **state)
{
	const struct provider_traits traits = { 0 };
	const struct outcome sent = { .kind = OUTCOME_ACCEPTED, .reason = "accepted", .status = 202 };
	struct made_offer offers[] = { { .code = "old", .attempt = "a0", .made_at = 1 }, { .code = "new", .attempt = "a1" } };
	struct attempt_entry entry;
	struct world w;

	(void)state;
	world_sending(&w, WARNS, &entry);
	w.e[0].late_fee = w.e[1].late_fee = (struct late_fee){ .amount = 4000, .currency = "EUR", .step = "reminder", .attempt = "a1" };
	w.e[0].offers = offers;
	w.e[0].offer_count = 2;
	assert_true(contact_settle(&w.env, &w.debtor, w.candidates, INVOICES, &entry, &traits, &sent, &w.fx));
	assert_true(w.e[0].work_hold_at && w.e[0].late_fee.at && w.e[0].offers[1].made_at);
	assert_true(late_fee_waive(&w.e[1], "me", "why", w.env.now, &w.fx));
	effects_init(&w.fx, w.arena, w.env.now);
	contact_bounced(&w.debtor, w.candidates, INVOICES, "a1", "bounced_hard", &w.fx);
	assert_int_equal(w.e[0].commitment.state, COMMITMENT_LAPSED);
	assert_true(!w.e[0].work_hold_at && !w.e[0].work_hold_step);
	assert_true(!w.e[0].late_fee.amount && !w.e[0].late_fee.at && !w.e[0].late_fee.waived_at);
	assert_tells(find_draft(w.fx.events, "fee.waived"), "\"fee_minor\":4000");
	assert_int_equal(w.e[0].offer_count, 1);
	assert_string_equal(w.e[0].offers[0].code, "old");
	assert_string_equal(w.e[1].late_fee.why, "why"); /* what a person let go stays so */
	world_clear(&w);

	world_sending(&w, WARNS, &entry);
	w.e[0].work_hold_at = w.env.now + DAY_MS; /* another step's warning arrived */
	w.e[0].work_hold_step = "earlier";
	w.candidates[0].policy = NULL;
	assert_true(contact_settle(&w.env, &w.debtor, w.candidates, 1, &entry, &traits, &sent, &w.fx));
	contact_bounced(&w.debtor, w.candidates, 1, "a1", "bounced_hard", &w.fx);
	assert_string_equal(w.e[0].work_hold_step, "earlier");
	world_clear(&w);
}

#define RESTS POLICY("", MAIL("reminder", "due+1d", "") "," MAIL("later", "due+9d", "") "," MAIL("last", "due+30d", ",\"requires\":[\"later\"]"))

/* What went out with another invoice's words, on paper or on the telephone, is no evidence that its own were read. */
static void another_ones_words(void **state)
{
	const struct provider_traits traits = { 0 };
	const struct outcome sent = { .kind = OUTCOME_ACCEPTED, .reason = "accepted", .status = 202 };
	const struct event call = { .id = "e1", .source = "s", .outcome = CALL_WAITING_APPROVAL, .who = "lea", .until_on = date_none() };
	const struct needs *needs;
	struct attempt_entry entry;
	struct world w;

	(void)state;
	for (int spoken = 0; spoken < 2; spoken++) {
		world_sending(&w, RESTS, &entry);
		needs = &w.policies[0]->steps[2].needs;
		w.e[0].step = w.e[1].step = "later";
		for (size_t i = 0; i < 2 && spoken; i++) {
			w.e[i].state = ESCALATION_TASK;
			w.e[i].task = "call:inv_0:reminder";
		}
		if (spoken)
			contact_called(&w.env, &w.debtor, w.candidates, 2, &call, "call:inv_0:reminder", &w.fx);
		else
			assert_true(contact_settle(&w.env, &w.debtor, w.candidates, 2, &entry, &traits, &sent, &w.fx));
		for (size_t i = 0; i < 2; i++) {
			assert_string_equal(w.e[i].walk[0].step, "later");
			assert_string_equal(w.e[i].walk[0].said, "reminder");
			assert_int_equal(escalation_missing(&w.e[i], &w.debtor, w.policies[i], needs).steps, 1u << 1);
		}
		w.e[0].walk[0].said = NULL; /* its own */
		assert_int_equal(escalation_missing(&w.e[0], &w.debtor, w.policies[0], needs).steps, 0);
		world_clear(&w);
	}
}

#define HOLDS POLICY("", MAIL("reminder", "due+1d", ",\"effects\":[\"work.hold_requested\"]") "," \
	MAIL("later", "due+9d", ",\"effects\":[\"work.hold_requested\"]"))

/* What was asked of others at once is taken back with the message that said so, once nothing else holds; and what another one's step said is nobody's. */
static void a_hold_that_rests_on_a_bounced_mail(void **state)
{
	const struct provider_traits traits = { 0 };
	const struct outcome sent = { .kind = OUTCOME_ACCEPTED, .reason = "accepted", .status = 202 };
	struct attempt_entry entry;
	struct world w;

	(void)state;
	world_sending(&w, HOLDS, &entry);
	assert_true(contact_settle(&w.env, &w.debtor, w.candidates, INVOICES, &entry, &traits, &sent, &w.fx));
	assert_int_equal(w.debtor.work_held_count, 2);
	effects_init(&w.fx, w.arena, w.env.now);
	contact_bounced(&w.debtor, w.candidates, 1, "a1", "bounced_hard", &w.fx);
	assert_int_equal(w.debtor.work_held_count, 1);
	assert_null(find_draft(w.fx.records, "work.release_allowed")); /* the other one holds it */
	contact_bounced(&w.debtor, w.candidates + 1, 1, "a1", "bounced_hard", &w.fx);
	assert_int_equal(w.debtor.work_held_count, 0);
	assert_tells(find_draft(w.fx.records, "work.release_allowed"), "\"reason\":\"undelivered\"");
	world_clear(&w);

	world_sending(&w, HOLDS, &entry);
	w.e[0].step = "later"; /* it went out as the other one's reminder */
	assert_true(contact_settle(&w.env, &w.debtor, w.candidates, 1, &entry, &traits, &sent, &w.fx));
	assert_int_equal(w.e[0].walk_count, 1);
	assert_int_equal(w.debtor.work_held_count, 0);
	assert_null(find_draft(w.fx.records, "work.hold_requested"));
	world_clear(&w);
}

/* The mail that takes back what was announced may have reached nobody: a person writes, unless it was paid. */
static void a_withdrawal_that_did_not_go(void **state)
{
	const struct provider_traits traits = { 0 };
	const struct outcome refused = { .kind = OUTCOME_REFUSED, .scope = SCOPE_MESSAGE, .reason = "refused", .status = 400 };

	(void)state;
	for (int i = 0; i < 4; i++) {
		bool unknown = i % 2, paid = i / 2;
		struct attempt_entry entry;
		struct world w;

		world_sending(&w, WARNS, &entry);
		entry.step = w.e[0].step = "withdrawn:1";
		entry.in_doubt = unknown;
		w.e[0].state = paid ? ESCALATION_CLOSED : unknown ? ESCALATION_DOUBT : ESCALATION_SENDING;
		w.e[0].invoice.snapshot.status = paid ? INVOICE_PAID : INVOICE_OPEN;
		w.e[0].commitment = (struct commitment){ .state = COMMITMENT_WITHDRAWN, .step = "reminder", .made = 1 };
		if (unknown)
			assert_true(contact_unknown(&w.env, &w.debtor, w.candidates, 1, &entry, "no_proof", &w.fx));
		else
			assert_true(contact_settle(&w.env, &w.debtor, w.candidates, 1, &entry, &traits, &refused, &w.fx));
		assert_int_equal(w.e[0].walk_count, 1);
		assert_true(!find_task(&w.fx, "withdraw_in_writing") == paid);
		if (!paid)
			assert_string_equal(find_task(&w.fx, "withdraw_in_writing")->reason, unknown ? "unknown" : "refused");
		world_clear(&w);
	}
}

static const struct doubt_row {
	const char *name;
	struct provider_traits traits;
	int64_t resends, since, unknown; /* s ago; 0 = not */
	int64_t released; /* s ago */
	enum doubt_step step;
	int64_t in; /* s from now */
} doubt_rows[] = {
	{ "the first resend waits a moment", { .idempotent = true }, 0, 2, 0, 2, DOUBT_WAIT, 3 },
	{ "then it goes", { .idempotent = true }, 0, 5, 0, 5, DOUBT_RESEND_NOW, 0 },
	{ "the second waits longer", { .idempotent = true }, 1, 60, 0, 70, DOUBT_WAIT, 60 },
	{ "and goes", { .idempotent = true }, 1, 120, 0, 130, DOUBT_RESEND_NOW, 0 },
	{ "the fifth", { .idempotent = true }, 4, 960, 0, 2000, DOUBT_RESEND_NOW, 0 },
	{ "not a sixth: a webhook may still come", { .idempotent = true }, 5, 100, 0, 2000, DOUBT_WAIT, 3500 },
	{ "within 80 % of the window", { .idempotent = true, .window_ms = 1000 * SECOND_MS }, 0, 5, 0, 799, DOUBT_RESEND_NOW, 0 },
	{ "not behind it", { .idempotent = true, .window_ms = 1000 * SECOND_MS }, 0, 5, 0, 800, DOUBT_WAIT, 3595 },
	{ "without a key never", { 0 }, 0, 5, 0, 5, DOUBT_WAIT, 3595 },
	{ "after an hour nobody knows", { 0 }, 0, 3600, 0, 3600, DOUBT_UNKNOWN, 0 },
	{ "a look-up has its time", { .lookup = true, .not_before_ms = 30 * SECOND_MS }, 0, 10, 0, 10, DOUBT_WAIT, 20 },
	{ "and is made", { .lookup = true, .not_before_ms = 30 * SECOND_MS }, 0, 30, 0, 30, DOUBT_LOOKUP_NOW, 0 },
	{ "one that proves nothing ends", { .lookup = true, .not_before_ms = 30 * SECOND_MS }, 0, 3629, 0, 3630, DOUBT_LOOKUP_NOW, 0 },
	{ "and nobody knows", { .lookup = true, .not_before_ms = 30 * SECOND_MS }, 0, 3630, 0, 3630, DOUBT_UNKNOWN, 0 },
	{ "one that is conclusive late is waited for", { .lookup = true, .conclusive_after_ms = 7200 * SECOND_MS }, 0, 10799, 0, 10800,
		DOUBT_LOOKUP_NOW, 0 },
	{ "but not for ever", { .lookup = true, .conclusive_after_ms = 7200 * SECOND_MS }, 0, 10800, 0, 10800, DOUBT_UNKNOWN, 0 },
	{ "a look-up after the resends", { .idempotent = true, .lookup = true }, 5, 100, 0, 2000, DOUBT_LOOKUP_NOW, 0 },
	{ "unknown: a weekly look", { .idempotent = true }, 0, 90000, 86400, 90000, DOUBT_WAIT, 6 * 86400 },
	{ "and again", { .idempotent = true }, 0, 900000, 8 * 86400, 900000, DOUBT_WAIT, 6 * 86400 },
};

static void doubt_row(void **state)
{
	const struct doubt_row *row = *state;
	const int64_t now = at(NOW);
	const struct attempt_entry entry = { .released_at = now - row->released * SECOND_MS, .in_doubt = true,
		.doubt_since = now - row->since * SECOND_MS, .resends = row->resends,
		.unknown_at = row->unknown ? now - row->unknown * SECOND_MS : 0 };
	int64_t next = 0;

	assert_int_equal(contact_doubt_next(&entry, &row->traits, now, &next), row->step);
	if (row->step == DOUBT_WAIT)
		assert_int_equal(next - now, row->in * SECOND_MS);
	else
		assert_true(next <= now);
}

/* Seldomer and seldomer, at the first moment that proves something, and once more before the end. */
static void look_ups_back_off(void **state)
{
	static const struct {
		struct provider_traits traits;
		int64_t asked[12]; /* s behind the doubt; 0 = no more */
		int64_t end;
	} rows[] = {
		{ { .lookup = true }, { 1, 60, 180, 420, 900, 1860, 3540 }, 3600 },
		{ { .lookup = true, .not_before_ms = 60 * SECOND_MS }, { 60, 120, 240, 480, 960, 1920, 3600 }, 3660 },
		{ { .lookup = true, .not_before_ms = 30 * SECOND_MS, .conclusive_after_ms = 600 * SECOND_MS }, { 30, 90, 210, 450, 600, 1890, 3810, 4140 }, 4200 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const int64_t since = at(NOW);
		struct attempt_entry entry = { .released_at = since, .in_doubt = true, .doubt_since = since };
		int64_t next = 0, now = since;
		size_t asked = 0;

		for (enum doubt_step step; now += SECOND_MS, (step = contact_doubt_next(&entry, &rows[i].traits, now, &next)) != DOUBT_UNKNOWN;) {
			if (step != DOUBT_LOOKUP_NOW) {
				assert_true(next > now);
				continue;
			}
			assert_int_equal((now - since) / SECOND_MS, rows[i].asked[asked]);
			asked++;
			entry.lookups++;
		}
		assert_int_equal(rows[i].asked[asked], 0);
		assert_int_equal((now - since) / SECOND_MS, rows[i].end);
	}
}

static const struct unknown_row {
	const char *name, *rule;
	bool settled;
	enum escalation_state state;
} unknown_rows[] = {
	{ "unknown: hold", "hold", false, ESCALATION_DOUBT },
	{ "unknown: skip", "skip", true, ESCALATION_WAITING },
	{ "unknown: resend", "resend", true, ESCALATION_WAITING },
};

static void unknown_row(void **state)
{
	const struct unknown_row *row = *state;
	CLEANUP(buf_clear) struct buf json = { 0 };
	struct attempt_entry entry;
	struct world w;

	buf_printf(&json, POLICY("", MAIL("reminder", "due+1d", ",\"in_doubt\":\"%s\"")), row->rule);
	world_sending(&w, buf_str(&json), &entry);
	w.e[0].state = w.e[1].state = ESCALATION_DOUBT;
	entry.in_doubt = true;
	for (int round = 0; round < 2; round++) {
		effects_init(&w.fx, w.arena, w.env.now);
		assert_int_equal(contact_unknown(&w.env, &w.debtor, w.candidates, INVOICES, &entry, "no_proof", &w.fx), row->settled);
		assert_int_equal(w.e[0].state, row->state);
		assert_int_equal(entry.unknown_at, w.env.now);
		assert_int_equal(w.debtor.contact_count, 1); /* it may have been one */
		if (round) /* told once */
			assert_true(!w.fx.records && !w.fx.tasks);
		else
			assert_tells(find_draft(w.fx.records, "attempt.unknown"), row->rule);
		if (row->settled)
			break;
	}
	if (strcmp(row->rule, "hold") == 0) {
		assert_int_equal(w.e[0].look_at, w.env.now + 7 * DAY_MS);
	} else if (strcmp(row->rule, "skip") == 0) {
		assert_string_equal(w.e[0].walk[0].reason, "unknown");
		assert_null(find_task(&w.fx, "unknown_attempt"));
	} else {
		assert_true(w.e[0].walk_count == 0 && w.e[0].tries == 1 && w.e[0].retry_at == w.env.now);
		assert_string_equal(w.e[0].provider_only, entry.provider); /* no other provider sends what this one may have sent */
	}
	world_clear(&w);
}

static void a_person_is_asked(void **state)
{
	struct attempt_entry entry;
	struct world w;

	(void)state;
	world_sending(&w, LADDER(""), &entry);
	entry.step = "gone"; /* no longer in the policy: the careful rule */
	assert_false(contact_unknown(&w.env, &w.debtor, w.candidates, 2, &entry, "no_proof", &w.fx));
	assert_string_equal(find_task(&w.fx, "unknown_attempt")->id, "unknown_attempt:a1");
	assert_string_equal(find_task(&w.fx, "unknown_attempt")->reason, "no_proof");
	effects_init(&w.fx, w.arena, w.env.now);
	assert_false(contact_unknown(&w.env, NULL, NULL, 0, &entry, "no_proof", &w.fx));
	world_clear(&w);
}

static void never_sent(void **state)
{
	struct attempt_entry entry;
	struct world w;

	(void)state;
	world_sending(&w, LADDER(""), &entry);
	w.e[0].state = w.e[1].state = ESCALATION_DOUBT;
	entry.unknown_at = 7;
	contact_never_sent(&w.debtor, w.candidates, INVOICES, &entry, "person:me", &w.fx);
	assert_true(w.e[0].state == ESCALATION_WAITING && !w.e[0].attempt && w.e[0].retry_at == 0 && w.e[0].walk_count == 0);
	assert_string_equal(w.e[2].attempt, "a2");
	assert_int_equal(w.debtor.contact_count, 0);
	assert_tells(find_draft(w.fx.records, "attempt.reconciled"), "\"how\":\"person:me\",\"reason\":\"never_sent\"");
	assert_true(find_task(&w.fx, "unknown_attempt")->close);
	world_clear(&w);

	world_sending(&w, LADDER(""), &entry);
	contact_never_sent(NULL, w.candidates, 1, &entry, "lookup", &w.fx);
	assert_null(w.fx.tasks);
	world_clear(&w);
}

static void before_a_resend(void **state)
{
	struct attempt_entry entry;
	struct world w;

	(void)state;
	world_sending(&w, LADDER("\"freshness\":\"2d\","), &entry);
	w.e[0].state = w.e[1].state = ESCALATION_DOUBT;
	assert_true(contact_stands(&w.env, &w.debtor, w.candidates, 2, &entry)); /* its own contact does not defer it */
	assert_int_equal(w.e[0].state, ESCALATION_DOUBT);
	assert_false(contact_stands(&w.env, NULL, w.candidates, 2, &entry));
	assert_false(contact_stands(&w.env, &w.debtor, w.candidates, 1, &entry)); /* one of them is gone */
	w.e[1].attempt = "a9";
	assert_false(contact_stands(&w.env, &w.debtor, w.candidates, 2, &entry));
	w.e[1].attempt = "a1";
	w.e[1].state = ESCALATION_CLOSED; /* paid */
	assert_false(contact_stands(&w.env, &w.debtor, w.candidates, 2, &entry));
	w.e[1].state = ESCALATION_DOUBT;
	w.env.payments_known_to = w.env.now - 2 * DAY_MS - 1;
	assert_false(contact_stands(&w.env, &w.debtor, w.candidates, 2, &entry));
	w.env.payments_known_to = w.env.now - 2 * DAY_MS;
	w.debtor.paused = (struct debtor_switch){ .set = true, .on = true, .until = w.env.now + 1 };
	assert_false(contact_stands(&w.env, &w.debtor, w.candidates, 2, &entry));
	w.debtor.paused.on = false;
	w.e[0].step = "second"; /* another one would be owed */
	assert_false(contact_stands(&w.env, &w.debtor, w.candidates, 2, &entry));
	w.e[0].step = "reminder";
	w.candidates[0].policy = NULL;
	assert_false(contact_stands(&w.env, &w.debtor, w.candidates, 2, &entry));
	w.candidates[0].policy = w.policies[0];
	assert_true(contact_stands(&w.env, &w.debtor, w.candidates, 2, &entry));
	debtor_contact_add(&w.debtor, w.arena, w.env.now, CHANNEL_CALL, "call:inv_9"); /* somebody rang meanwhile: it may be the one that arrives */
	assert_false(contact_stands(&w.env, &w.debtor, w.candidates, 2, &entry));
	debtor_contact_made(&w.debtor, "call:inv_9")->aside = true;
	assert_true(contact_stands(&w.env, &w.debtor, w.candidates, 2, &entry));
	(void)debtor_contact_remove(&w.debtor, "call:inv_9");
	world_at(&w, "2026-04-09T20:00:00Z"); /* it may be the one that arrives: not at night */
	assert_false(contact_stands(&w.env, &w.debtor, w.candidates, 2, &entry));
	world_clear(&w);
}

/* Two currencies are two messages: the second one waits until the debtor's next day, unless the policy says otherwise; so does one in doubt. */
static void one_message_a_day(void **state)
{
	static const struct {
		const char *policy, *at, *why;
	} rows[] = { { LADDER("\"min_gap\":\"0h\",\"caps\":[],"), "2026-04-10T07:00:00Z", "same_day" },
		{ LADDER("\"min_gap\":\"1h\",\"caps\":[],\"group\":\"none\","), "2026-04-10T07:00:00Z", "same_day" },
		{ LADDER("\"min_gap\":\"0h\",\"caps\":[],\"same_day\":true,"), NOW, "schedule" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rules rules = { .creditor_zone = "Europe/Paris", .now = at(NOW) };
		struct attempt_entry entry;
		struct next_action next;
		struct world w;

		world_sending(&w, rows[i].policy, &entry);
		memcpy(w.e[2].invoice.snapshot.currency, "USD", 4);
		w.e[2].state = ESCALATION_WAITING;
		rules.policy = w.policies[2];
		next = escalation_next(&w.e[2], &w.debtor, &rules);
		assert_int_equal(next.kind, NEXT_CONTACT);
		assert_string_equal(next.why, rows[i].why);
		assert_int_equal(next.at, at(rows[i].at));
		w.e[0].state = w.e[1].state = ESCALATION_DOUBT;
		assert_true(contact_stands(&w.env, &w.debtor, w.candidates, 2, &entry));
		debtor_contact_add(&w.debtor, w.arena, at(NOW) - 2 * HOUR_MS, CHANNEL_LETTER, "by hand");
		assert_int_equal(contact_stands(&w.env, &w.debtor, w.candidates, 2, &entry), at(rows[i].at) == at(NOW));
		world_clear(&w);
	}
}

/* A doubt lets nobody write to an address that is no longer theirs, nor by a channel that they closed; what is sent again are the same bytes. */
static void a_resend_goes_where_it_went(void **state)
{
	static const char ladder[] = POLICY("", MAIL("reminder", "due+1d", ",\"else\":\"sms\""));
	const struct message mail = { .channel = CHANNEL_EMAIL, .to = { .email = "compta@dupont.example" } };
	const struct message text = { .channel = CHANNEL_SMS, .to = { .phone = "+33100000000" } };
	struct attempt_entry entry;
	struct world w;

#define STANDS(lead_count) contact_stands(&w.env, &w.debtor, w.candidates, lead_count, &entry)
#define REACHES(message) contact_reaches(&w.env, &w.debtor, &w.candidates[0], message)
	(void)state;
	world_sending(&w, ladder, &entry);
	w.e[0].state = w.e[1].state = ESCALATION_DOUBT;
	assert_true(STANDS(2) && REACHES(&mail) && !REACHES(&text));
	w.contact.email = "Compta@Dupont.example"; /* the same mailbox */
	assert_true(REACHES(&mail));
	w.contact.email = "new@dupont.example"; /* theirs was mistyped, and is mended now */
	assert_true(STANDS(2) && !REACHES(&mail));
	w.contact.email = "compta@dupont.example";
	assert_true(debtor_address_told(&w.debtor, w.arena, CHANNEL_EMAIL, w.contact.email, true, w.env.now));
	assert_true(!REACHES(&mail) && REACHES(&text));
	assert_true(debtor_address_told(&w.debtor, w.arena, CHANNEL_EMAIL, w.contact.email, false, w.env.now + 1));
	assert_true(REACHES(&mail));
	w.debtor.opt_out[CHANNEL_EMAIL] = (struct debtor_switch){ .set = true, .on = true };
	assert_true(STANDS(2) && !REACHES(&mail)); /* the step is owed still, by text */
	assert_true(REACHES(&text));
	w.contact.phone = "+33100000009";
	assert_false(REACHES(&text));
	w.debtor.customer.contact_count = 0;
	assert_false(REACHES(&text));
	world_clear(&w);
}

static void a_letter_and_a_word_go_again_where_they_went(void **state)
{
	static const char letters[] = POLICY("", "{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"letter\",\"delivery\":\"e-registered\","
		"\"template\":\"t\",\"tone\":\"neutral\"}");
	static const char calls[] = POLICY("\"freshness\":\"2d\",", "{\"id\":\"call\",\"at\":\"due+1d\",\"channel\":\"call\",\"template\":\"t\",\"deadline\":\"2bd\","
		"\"confirm\":\"t\"}");
	const struct postal house = { .line1 = "1 rue Haute", .postcode = "69001", .city = "Lyon", .country = "FR" };
	const struct message paper = { .channel = CHANNEL_LETTER, .to_postal = house, .registered = true };
	const struct message signed_mail = { .channel = CHANNEL_LETTER, .to_postal = house, .registered = true, .electronic = true,
		.to = { .email = "compta@dupont.example" } };
	const struct message word = { .channel = CHANNEL_EMAIL, .to = { .email = "compta@dupont.example" } };
	struct walked walked[] = { { "call", STEP_DONE, NULL, 0, "x", NULL } };
	struct attempt_entry entry;
	struct world w;

	(void)state;
	world_sending(&w, letters, &entry);
	entry.channel = "letter";
	w.e[0].state = w.e[1].state = ESCALATION_DOUBT;
	w.debtor.customer.postal = house;
	assert_true(STANDS(2) && REACHES(&paper) && REACHES(&signed_mail));
	w.contact.email = "new@dupont.example";
	assert_true(REACHES(&paper) && !REACHES(&signed_mail));
	w.debtor.customer.postal.line1 = "2 rue Haute";
	assert_false(REACHES(&paper));
	world_clear(&w);

	world_sending(&w, calls, &entry);
	entry.step = w.e[0].step = "confirm:1";
	entry.invoice_count = 1;
	walked[0].at = w.env.now - HOUR_MS;
	w.e[0].state = ESCALATION_DOUBT;
	w.e[0].walk = walked;
	w.e[0].walk_count = 1;
	w.e[0].calls = 1;
	w.e[0].call = (struct call_made){ .at = w.env.now - HOUR_MS, .number = 1, .outcome = CALL_WAITING_APPROVAL, .until_on = date_none(), .step = "call" };
	w.debtor.contacts[0].aside = true;
	assert_true(STANDS(1) && REACHES(&word));
	w.env.payments_known_to = w.env.now - 2 * DAY_MS - 1; /* it may be paid */
	assert_false(STANDS(1));
	w.env.payments_known_to = w.env.now;
	w.contact.email = "new@dupont.example";
	assert_true(STANDS(1) && !REACHES(&word));
	world_clear(&w);
#undef STANDS
#undef REACHES
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(the_other_channel),
		cmocka_unit_test(put_off_and_the_next_of_the_role), cmocka_unit_test(put_off_for_long),
		cmocka_unit_test(settled_in_other_ways),
		cmocka_unit_test(a_warning_that_came_too_late),
		cmocka_unit_test(a_warning_that_bounced),
		cmocka_unit_test(another_ones_words),
		cmocka_unit_test(a_hold_that_rests_on_a_bounced_mail),
		cmocka_unit_test(a_withdrawal_that_did_not_go),
		cmocka_unit_test(look_ups_back_off),
		cmocka_unit_test(a_person_is_asked),
		cmocka_unit_test(never_sent),
		cmocka_unit_test(before_a_resend),
		cmocka_unit_test(one_message_a_day),
		cmocka_unit_test(a_resend_goes_where_it_went),
		cmocka_unit_test(a_letter_and_a_word_go_again_where_they_went),
	};
	static struct CMUnitTest tests[ARRAY_LEN(others) + ARRAY_LEN(settle_rows) + ARRAY_LEN(doubt_rows) + ARRAY_LEN(unknown_rows)];
	size_t count = ARRAY_LEN(others);

#define ROWS(rows, fn)                                                                                               \
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)                                                                 \
	tests[count++] = (struct CMUnitTest){ .name = rows[i].name, .test_func = fn, .initial_state = (void *)(uintptr_t)&rows[i] }
	memcpy(tests, others, sizeof(others));
	ROWS(settle_rows, settle_row);
	ROWS(doubt_rows, doubt_row);
	ROWS(unknown_rows, unknown_row);
	return cmocka_run_group_tests_name("contact_settle", tests, NULL, NULL);
}
