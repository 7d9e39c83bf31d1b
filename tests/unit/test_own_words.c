/* What is said beside the policy's own texts: a person's note, once; that a debtor was waited for too long; thanks. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/contact_world.h"

#define WORDS "Thank you for the tour <of> the workshop."

static void add(struct world *w, const char *name, const char *text)
{
	struct err err = { 0 };

	if (notice_set_add(w->notices, "en", name, NOTICE_TEXT, text, strlen(text), &err) < 0 ||
		notice_set_add(w->notices, "en", name, NOTICE_SUBJECT, "Invoice", 7, &err) < 0)
		fail_msg("%s", err.text);
}

static int write_note(struct world *w, size_t i, const char *text, int64_t until)
{
	struct event command = { .type = EVENT_OPERATOR_COMMAND, .command = "note", .who = "lea", .time = w->env.now, .until = until };
	struct err err = { 0 };

	return note_command(&w->e[i], &command, text, w->env.now, w->arena, &err);
}

/* The message without its last newline. */
static const char *release(struct world *w, enum channel channel)
{
	struct contact_plan *p = arena_alloc(w->arena, sizeof(*p));
	struct contact_released out;
	struct err err = { 0 };

	assert_true(contact_plan(&w->env, &w->debtor, w->candidates, INVOICES, "inv_1", p));
	p->channel = channel;
	if (contact_release(&w->env, &w->debtor, p, NULL, NULL, &w->fx, &out, &err) < 0)
		fail_msg("%s %s", err.code, err.text);
	return arena_printf(w->arena, "%.*s", (int)strlen(out.message.text) - (out.message.text[strlen(out.message.text) - 1] == '\n'), out.message.text);
}

static struct attempt_entry entry_of(const struct world *w)
{
	static const char *const ids[] = { "inv_1", "inv_0", "inv_2" };

	return (struct attempt_entry){ .id = w->e[1].attempt, .debtor_id = "cus_7", .step = "reminder", .channel = "email", .provider = "outbox",
		.invoice_ids = ids, .invoice_count = INVOICES, .released_at = w->env.now };
}

static void settle(struct world *w, enum outcome_kind kind, const char *now)
{
	struct outcome outcome = { .kind = kind, .reason = kind == OUTCOME_ACCEPTED ? "accepted" : "no_route" };
	struct provider_traits traits = { 0 };
	struct attempt_entry entry = entry_of(w);

	world_at(w, now);
	assert_true(contact_settle(&w->env, &w->debtor, w->candidates, INVOICES, &entry, &traits, &outcome, &w->fx));
}

static void init(struct world *w)
{
	world_init(w, LADDER(""));
	add(w, "t", "{{balance}}{{#notes}}\n{{note}}{{/notes}}");
}

static void a_note_is_said_once(void **state)
{
	struct world w;
	char before[ATTEMPT_ID_SIZE];

	(void)state;
	init(&w);
	assert_int_equal(write_note(&w, 0, WORDS, 0), 0);
	assert_int_equal(write_note(&w, 2, WORDS, 0), 0); /* the same about another of them is said once */
	assert_string_equal(strchr(release(&w, CHANNEL_EMAIL), '\n') + 1, WORDS);
	memcpy(before, w.e[1].attempt, sizeof(before));
	assert_string_equal(w.e[0].note.attempt, before);
	assert_int_equal(write_note(&w, 0, "another", 0), -EBADMSG); /* it is on its way */
	settle(&w, OUTCOME_TEMPORARY, "2026-04-09T08:01:00Z");
	assert_true(w.e[0].note.said_at == 0); /* no byte of it left */
	world_at(&w, "2026-04-09T08:30:00Z");
	assert_string_equal(strchr(release(&w, CHANNEL_EMAIL), '\n') + 1, WORDS);
	settle(&w, OUTCOME_ACCEPTED, "2026-04-09T08:31:00Z");
	assert_true(w.e[0].note.said_at == w.env.now && w.e[2].note.said_at == w.env.now);
	assert_tells(find_draft(w.fx.records, "note.said"), "\"who\":\"lea\"");
	world_at(&w, "2026-04-16T08:30:00Z");
	assert_null(strchr(release(&w, CHANNEL_EMAIL), '\n'));
	world_clear(&w);
}

static void a_note_that_bounced_is_said_again(void **state)
{
	struct attempt_entry entry;
	struct world w;

	(void)state;
	init(&w);
	assert_int_equal(write_note(&w, 1, WORDS, 0), 0);
	(void)release(&w, CHANNEL_EMAIL);
	entry = entry_of(&w);
	settle(&w, OUTCOME_ACCEPTED, "2026-04-09T08:01:00Z");
	contact_bounced(&w.debtor, &w.candidates[1], 1, entry.id, "bounced_hard", &w.fx);
	assert_string_equal(note_to_say(&w.e[1], CHANNEL_EMAIL, w.env.now), WORDS);
	world_clear(&w);
}

/* A template of the user's that has no place for it leaves it for the next message. */
static void what_the_message_does_not_have_is_not_said(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, LADDER(""));
	assert_int_equal(write_note(&w, 1, WORDS, 0), 0);
	(void)release(&w, CHANNEL_EMAIL);
	settle(&w, OUTCOME_ACCEPTED, "2026-04-09T08:01:00Z");
	assert_string_equal(note_to_say(&w.e[1], CHANNEL_EMAIL, w.env.now), WORDS);
	world_clear(&w);
}

static void what_a_note_may_be(void **state)
{
	CLEANUP(buf_clear) struct buf json = { 0 };
	char text[PERSONAL_NOTE_MAX + 2];
	struct escalation again;
	struct err err = { 0 };
	struct world w;

	(void)state;
	init(&w);
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(write_note(&w, 1, text, 0), -EBADMSG);
	assert_int_equal(write_note(&w, 1, "two\nlines", 0), -EBADMSG);
	assert_int_equal(write_note(&w, 1, "", 0), -EBADMSG);
	assert_int_equal(write_note(&w, 1, NULL, 0), -EBADMSG);
	assert_int_equal(write_note(&w, 1, WORDS, w.env.now), -EBADMSG);
	assert_int_equal(write_note(&w, 1, text + 1, w.env.now + DAY_MS), 0);
	assert_null(note_to_say(&w.e[1], CHANNEL_SMS, w.env.now)); /* a text message has no room for so much */
	assert_non_null(note_to_say(&w.e[1], CHANNEL_LETTER, w.env.now));
	assert_null(note_to_say(&w.e[1], CHANNEL_EMAIL, w.env.now + DAY_MS)); /* its day is over */
	escalation_write(&json, &w.e[1]);
	assert_int_equal(escalation_read(w.arena, buf_str(&json), json.len, &again, &err), 0);
	assert_true(strcmp(again.note.text, text + 1) == 0 && strcmp(again.note.by, "lea") == 0 && again.note.until == w.env.now + DAY_MS);
	assert_int_equal(note_command(&w.e[1], &(struct event){ .command = "note_remove" }, NULL, w.env.now, w.arena, NULL), 0);
	assert_int_equal(note_command(&w.e[1], &(struct event){ .command = "note_remove" }, NULL, w.env.now, w.arena, NULL), -EBADMSG);
	world_clear(&w);
}

/* The debtor was treated more gently before: the first overdue reminder says what changed, and no other. */
static void expectations_are_reset_once(void **state)
{
	struct world w;

	(void)state;
	init(&w);
	add(&w, RESET_TEMPLATE, "until now");
	assert_string_not_equal(release(&w, CHANNEL_EMAIL), "until now");
	world_clear(&w);

	init(&w);
	add(&w, RESET_TEMPLATE, "until now");
	w.e[1].reset_from = "gentle"; /* the one that leads */
	assert_string_equal(release(&w, CHANNEL_EMAIL), "until now");
	assert_tells(find_draft(w.fx.records, "attempt.intent"), "\"template\":\"" RESET_TEMPLATE "\"");
	settle(&w, OUTCOME_ACCEPTED, "2026-04-09T08:01:00Z");
	world_at(&w, "2026-04-16T08:30:00Z");
	assert_string_not_equal(release(&w, CHANNEL_EMAIL), "until now");
	world_clear(&w);

	init(&w);
	w.e[1].reset_from = "gentle"; /* a user's own texts have none of that name */
	assert_string_not_equal(release(&w, CHANNEL_EMAIL), "until now");
	world_clear(&w);
}

static void a_stricter_choice_is_remembered(void **state)
{
	struct selection s = { .by = SELECTED_BY_RULE, .rule = "late", .asked = true, .settled = true, .habits = true };
	struct rules rules;
	struct world w;

	(void)state;
	init(&w);
	set_policy(&w, 0, POLICY("", MAIL("m", "due+9d", "")));
	s.before = w.policies[0];
	s.policy = w.policies[1];
	w.debtor.walks = "gentle";
	w.e[1].state = ESCALATION_NONE;
	rules = (struct rules){ .policy = w.policies[1], .creditor_zone = "Europe/Paris", .now = w.env.now, .selection = &s };
	escalation_refresh(&w.e[1], &w.debtor, &rules, &w.fx);
	assert_string_equal(w.e[1].reset_from, "p");
	assert_tells(find_draft(w.fx.records, "policy.stricter"), "\"before\":\"p\"");
	assert_string_equal(w.debtor.walks, "p");
	s.habits = false; /* what the invoice is says nothing about the debtor */
	w.e[2].state = ESCALATION_NONE;
	escalation_refresh(&w.e[2], &w.debtor, &rules, &w.fx);
	assert_null(w.e[2].reset_from);
	s.habits = true;
	w.e[0].state = ESCALATION_NONE;
	w.e[0].invoice.snapshot.kind = 1;
	w.debtor.walks = "gentle";
	escalation_refresh(&w.e[0], &w.debtor, &rules, &w.fx);
	assert_true(!w.e[0].reset_from && strcmp(w.debtor.walks, "gentle") == 0); /* a deposit has a ladder of its own */
	world_clear(&w);
}

static void close_paid(struct world *w, size_t i, const char *when, const char *reminded)
{
	struct escalation *e = &w->e[i];

	e->invoice.snapshot.status = INVOICE_PAID;
	e->invoice.snapshot.paid = e->invoice.snapshot.total;
	e->state = ESCALATION_CLOSED;
	e->closed = "paid";
	e->closed_at = at(when);
	e->walk = arena_alloc(w->arena, 2 * sizeof(*e->walk));
	e->walk[0] = (struct walked){ "reminder", STEP_SENT, NULL, at(reminded), "x", NULL };
	e->walk_count = 1;
	e->walk_capacity = 2;
	w->candidates[i].policy = w->policies[0];
}

/* One word for all that was paid, also for what was told just now; and that it was all only where it was. */
static void what_was_paid_is_thanked_for_once(void **state)
{
	static const char words[] = "Thanks for{{#invoices}} {{number}}{{/invoices}}.{{#nothing_open}} That was all.{{/nothing_open}}";
	static const struct {
		const char *name, *reminded; /* the third: NULL = open; before its payment: thanks too */
		int64_t owed;
		size_t count;
		const char *says;
	} rows[] = {
		{ "all", "2026-04-02T08:00:00Z", 0, 3, "Thanks for inv_1 F-0 inv_2. That was all." },
		{ "one is open", NULL, 0, 2, "Thanks for inv_1 F-0." },
		{ "late charges are", "2026-04-02T08:00:00Z", 1, 3, "Thanks for inv_1 F-0 inv_2." },
		{ "one is an apology", "2026-04-08T08:00:00Z", 0, 2, "Thanks for inv_1 F-0. That was all." },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct contact_plan p;
		struct world w;
		const char *said;

		world_init(&w, POLICY("\"courtesy\":{\"thanks\":\"t\",\"apology\":\"t\"},", MAIL("reminder", "due+1d", "")));
		add_template(&w, "en", NOTICE_TEXT, words);
		close_paid(&w, 0, "2026-04-09T07:50:00Z", "2026-04-02T08:00:00Z");
		close_paid(&w, 1, "2026-04-09T07:00:00Z", "2026-04-02T08:00:00Z"); /* an hour ago */
		if (rows[i].reminded)
			close_paid(&w, 2, "2026-04-09T07:55:00Z", rows[i].reminded);
		else
			debtor_open_add(&w.debtor, w.arena, "inv_2");
		w.e[0].invoice.order.time = w.e[1].invoice.order.time = at("2026-04-06T09:00:00Z"); /* that is when it was paid */
		w.e[2].invoice.order.time = at("2026-04-06T09:00:00Z");
		w.debtor.still_owed = rows[i].owed;
		assert_false(contact_plan(&w.env, &w.debtor, w.candidates, INVOICES, "inv_0", &p)); /* its hour is not over */
		said = release(&w, CHANNEL_EMAIL);
		if (strcmp(said, rows[i].says) != 0)
			fail_msg("%s: %s", rows[i].name, said);
		for (size_t k = 0; k < INVOICES; k++)
			assert_int_equal(w.e[k].step && strcmp(w.e[k].step, "paid:thanks") == 0, k < rows[i].count);
		settle(&w, OUTCOME_TEMPORARY, "2026-04-09T08:01:00Z"); /* that one never went out */
		world_at(&w, "2026-04-09T08:30:00Z");
		assert_string_equal(release(&w, CHANNEL_EMAIL), rows[i].says);
		settle(&w, OUTCOME_ACCEPTED, "2026-04-09T08:31:00Z");
		world_at(&w, "2026-04-10T08:30:00Z"); /* nor is anybody thanked again */
		for (size_t k = 0; k < rows[i].count; k++)
			assert_false(contact_plan(&w.env, &w.debtor, w.candidates, INVOICES, w.e[k].invoice.id, &p));
		world_clear(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_note_is_said_once),
		cmocka_unit_test(a_note_that_bounced_is_said_again),
		cmocka_unit_test(what_the_message_does_not_have_is_not_said),
		cmocka_unit_test(what_a_note_may_be),
		cmocka_unit_test(expectations_are_reset_once),
		cmocka_unit_test(a_stricter_choice_is_remembered),
		cmocka_unit_test(what_was_paid_is_thanked_for_once),
	};

	return cmocka_run_group_tests_name("own_words", tests, NULL, NULL);
}
