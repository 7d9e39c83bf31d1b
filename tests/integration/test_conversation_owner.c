/* The owner's side of the conversation, each as a story: what a person tells, what the books say, what he is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/story.h"

static const char policy[] =
	"{\"name\":\"talk\",\"title\":\"talk\",\"caps\":[{\"contacts\":2,\"days\":7}],\"min_gap\":\"48h\",\"freshness\":\"26h\","
	"\"promise\":{\"within\":\"30d\",\"most\":2,\"thanks\":\"promise_thanks\",\"broken\":\"second\"},\"steps\":["
	"{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"reminder\",\"tone\":\"friendly\"},"
	"{\"id\":\"second\",\"at\":\"due+12d\",\"channel\":\"email\",\"template\":\"reminder\",\"tone\":\"neutral\","
	"\"attach\":\"statement\"}]}";

#define START "2026-03-31T08:00:00Z" /* a Tuesday; due on Wednesday 1 April, Easter Monday is 6 April */

static int setup(void **state)
{
	struct story *s = calloc(1, sizeof(*s));

	story_open(s, policy, START);
	story_invoice(s, "inv_1", "2026-04-01", 120000);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	story_close(*state);
	free(*state);
	return 0;
}

static struct json only(const struct json *list)
{
	assert_int_equal(json_len(list), 1);
	return json_at(list, 0);
}

static void has(const char *text, const char *needle)
{
	if (!strstr(text, needle))
		fail_msg("\"%s\" is not in:\n%s", needle, text);
}

static void wait_task(struct story *s, const char *task, bool open)
{
	for (int64_t deadline = real_ms() + 20000; !strstr(story_tasks(s), task) == open; pause_ms(20))
		if (real_ms() > deadline)
			fail_msg("open tasks: %s", story_tasks(s));
}

static const char *action(struct story *s, const char *invoice)
{
	struct json explained = STORY_CTL(s, "explain", invoice);

	return arena_printf(s->arena, "%s %s", story_str(&explained, "action"), story_str(&explained, "rule"));
}

/* --- what a person tells -------------------------------------------------------------------------------------------------- */

static void what_a_person_was_told_becomes_a_fact(void **state)
{
	struct story *s = *state;
	struct json list, one;

	(void)STORY_CTL(s, "promise", "make", "inv_1", "2026-04-24", "Mme Roy on the telephone", "--who", "alice");
	story_applied(s);
	story_sent_is(s, "inv_1", "promise 2026-03-31\n"); /* it is thanked for */
	story_applied(s);
	for (int64_t deadline = real_ms() + 20000; strcmp(action(s, "inv_1"), "hold promise") != 0 && real_ms() < deadline; pause_ms(10))
		; /* the provider had it a moment before that is known */
	assert_string_equal(action(s, "inv_1"), "hold promise");
	list = STORY_CTL(s, "promise", "list");
	one = only(&list);
	assert_string_equal(story_str(&one, "state"), "stands");
	assert_string_equal(story_str(&one, "until_on"), "2026-04-24");
	(void)STORY_CTL(s, "promise", "withdraw", "inv_1", "a mistake of mine");
	story_applied(s);
	list = STORY_CTL(s, "promise", "list", "inv_1");
	one = only(&list);
	assert_string_equal(story_str(&one, "state"), "withdrawn");
	(void)STORY_REFUSED(s, "promise", "withdraw", "inv_1", "again"); /* none stands */

	(void)STORY_REFUSED(s, "plan", "make", "inv_1", "by mail", "2026-04-15=400.00", "2026-05-15=400.00"); /* 1,200.00 are owed */
	(void)STORY_CTL(s, "plan", "make", "inv_1", "by mail", "2026-04-15=400.00", "2026-05-15=800");
	story_applied(s);
	assert_string_equal(action(s, "inv_1"), "hold plan");
	(void)STORY_CTL(s, "plan", "cancel", "inv_1", "they want to pay at once");
	story_applied(s);

	(void)STORY_CTL(s, "dispute", "open", "inv_1", "quality", "two boxes were wet");
	story_wait_tasks(s, "review_dispute:inv_1 ");
	list = STORY_CTL(s, "dispute", "list");
	one = only(&list);
	assert_string_equal(story_str(&one, "reason"), "quality");
	(void)STORY_CTL(s, "dispute", "resolve", "inv_1", "we send two more");
	story_wait_tasks(s, "");

	(void)STORY_CTL(s, "settle", "agree", "inv_1", "rebate for the boxes", "--amount", "1000.00", "--until", "2026-04-20", "--by", "bob");
	story_applied(s);
	assert_string_equal(action(s, "inv_1"), "hold settlement");
	list = STORY_CTL(s, "settle", "list");
	assert_int_equal(json_len(&list), 1);
	story_event(s, "invoice.payment_received", "inv_1", "2026-03-31T08:00:00Z", ",\"payment_id\":\"x\",\"amount_minor\":100000");
	one = STORY_CTL(s, "show", "inv_1");
	assert_string_equal(story_str(&one, "closed"), "settled");
	list = STORY_CTL(s, "trail", "log", "inv_1");
	assert_true(story_recorded(s, "inv_1", "promise.withdrawn") && story_recorded(s, "inv_1", "settlement.agreed"));
	for (size_t i = 0, said = 0; i < json_len(&list); i++) { /* with who and why */
		struct json record = json_at(&list, i), leaf = json_get(&record, "record");

		if (strcmp(story_str(&leaf, "kind"), "promise.made") == 0) {
			assert_string_equal(story_str(&leaf, "actor"), "person:alice");
			assert_string_equal(story_str(&leaf, "why"), "Mme Roy on the telephone");
			said++;
		}
		assert_true(i + 1 < json_len(&list) || said == 1);
	}
	story_ends_well(s);
}

/* --- the books ------------------------------------------------------------------------------------------------------------- */

static void snapshot(struct story *s, const char *id, const char *time, int part, int parts, const char *items)
{
	const char *event = arena_printf(s->arena, "{\"specversion\":\"1.0\",\"id\":\"b-%s-%d\",\"source\":\"https://billing.example/talk\","
		"\"type\":\"book.snapshot\",\"time\":\"%s\",\"data\":{\"snapshot_id\":\"%s\",\"as_of\":\"%s\",\"part\":%d,\"parts\":%d,\"invoices\":[%s]}}", id, part, time,
		id, time, part, parts, items);

	world_push(&s->world, event, strlen(event));
	story_applied(s);
}

static const char *findings(struct story *s)
{
	struct json list = STORY_CTL(s, "report", "book");
	const char *all = "";

	for (size_t i = 0; i < json_len(&list); i++) {
		struct json one = json_at(&list, i);

		all = arena_printf(s->arena, "%s%s %s\n", all, story_str(&one, "invoice"), story_str(&one, "finding"));
	}
	return all;
}

/*
 * Complaints 1 and 11: nobody told of the payment, and the reminder would go out tomorrow. The list of open invoices comes in the night, in
 * two parts, the second one first and twice.
 */
static void what_was_never_closed_is_not_chased(void **state)
{
	struct story *s = *state;

	story_invoice(s, "inv_2", "2026-04-01", 50000);
	story_invoice(s, "inv_3", "2026-04-01", 70000);
	snapshot(s, "n1", "2026-03-31T08:00:00Z", 2, 2, "{\"id\":\"inv_3\",\"due_minor\":20000},{\"id\":\"inv_9\",\"due_minor\":100}");
	snapshot(s, "n1", "2026-03-31T08:00:00Z", 2, 2, "{\"id\":\"inv_3\",\"due_minor\":20000},{\"id\":\"inv_9\",\"due_minor\":100}");
	assert_string_equal(findings(s), "inv_3 less\n"); /* inv_2 may still be in the other part */
	snapshot(s, "n1", "2026-03-31T08:00:00Z", 1, 2, "{\"id\":\"inv_1\",\"due_minor\":120000}");
	assert_string_equal(action(s, "inv_2"), "hold book_differs");
	story_until(s, "2026-04-03T08:00:00Z");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\n"); /* the lists agree about this one */
	story_sent_is(s, "inv_2", "");
	story_sent_is(s, "inv_3", "");
	story_wait_tasks(s, "compare_books:inv_3 compare_books:inv_9 compare_books:inv_2 ");
	assert_true(story_recorded(s, "inv_2", "book.difference"));
	/* The event that was lost comes after all, for one; the other one is in the next list as we have it. */
	story_event(s, "invoice.payment_received", "inv_2", "2026-03-30T08:00:00Z", ",\"payment_id\":\"x\",\"amount_minor\":50000");
	snapshot(s, "n2", "2026-04-03T08:00:00Z", 1, 1, "{\"id\":\"inv_1\",\"due_minor\":120000},{\"id\":\"inv_3\",\"due_minor\":70000}");
	assert_string_equal(findings(s), "");
	story_until(s, "2026-04-08T08:00:00Z");
	story_sent_is(s, "inv_3", "reminder 2026-04-03\n");
	story_wait_tasks(s, "");
	story_ends_well(s);
}

/* --- reports --------------------------------------------------------------------------------------------------------------- */

static const char *aging(struct story *s, const char *day)
{
	struct json list = STORY_CTL(s, "report", "aging", "--date", day);
	const char *all = "";

	for (size_t i = 0; i < json_len(&list); i++) {
		struct json one = json_at(&list, i), amount = json_get(&one, "amount"), minor = json_get(&amount, "minor");

		if (json_int(&minor))
			all = arena_printf(s->arena, "%s%s %s %lld\n", all, story_str(&one, "currency"), story_str(&one, "days_past_due"), (long long)json_int(&minor));
	}
	return all;
}

static void reports_are_exact_with_part_payments_credits_and_reversals(void **state)
{
	CLEANUP(buf_clear) struct buf csv = { 0 };
	struct story *s = *state;
	struct json list, one;

	story_event(s, "invoice.finalized", "inv_y", "2026-01-05T07:00:00Z", ",\"invoice\":{\"id\":\"inv_y\",\"number\":\"Y\",\"version\":1,"
		"\"status\":\"open\",\"issued_on\":\"2026-01-05\",\"due_on\":\"2026-02-04\",\"currency\":\"JPY\",\"total_minor\":9001,"
		"\"due_minor\":9001},\"customer_id\":\"cus_inv_1\"");
	story_event(s, "invoice.payment_received", "inv_1", "2026-03-20T09:00:00Z", ",\"payment_id\":\"a\",\"amount_minor\":40000");
	story_event(s, "credit_note.issued", "inv_1", "2026-03-22T09:00:00Z", ",\"credit_note_id\":\"c\",\"amount_minor\":1");
	story_event(s, "invoice.payment_reversed", "inv_1", "2026-03-25T09:00:00Z", ",\"payment_id\":\"a\"");
	assert_string_equal(aging(s, "2026-03-31"), "EUR not due 119999\nEUR total 119999\nJPY 31-60 9001\nJPY total 9001\n");
	assert_string_equal(aging(s, "2026-03-24"), "EUR not due 79999\nEUR total 79999\nJPY 31-60 9001\nJPY total 9001\n");
	assert_string_equal(aging(s, "2026-03-21"), "EUR not due 80000\nEUR total 80000\nJPY 31-60 9001\nJPY total 9001\n");
	assert_string_equal(aging(s, "2026-03-02"), "EUR not due 120000\nEUR total 120000\nJPY 1-30 9001\nJPY total 9001\n");
	assert_string_equal(aging(s, "2026-02-01"), "JPY not due 9001\nJPY total 9001\n");
	assert_string_equal(aging(s, "2026-01-04"), "");
	assert_int_equal(world_ctl(&s->world, (const char *const[]){ "report", "aging", "--csv", "--date", "2026-03-21", NULL }, &csv), 0);
	assert_non_null(strstr(buf_str(&csv), "currency,days_past_due,invoices,amount,amount_currency\r\nEUR,not due,1,800.00,EUR\r\n"));
	assert_non_null(strstr(buf_str(&csv), "JPY,total,1,9001,JPY\r\n"));
	list = STORY_CTL(s, "report", "dso", "--days", "90");
	one = json_at(&list, 0);
	assert_string_equal(story_str(&one, "dso"), "90.0"); /* all that was billed in these days is still owed */
	(void)STORY_CTL(s, "promise", "make", "inv_1", "2026-04-09", "by mail");
	story_event(s, "ledger.watermark", "inv_1", "2026-03-31T08:00:00Z", ",\"complete_until\":\"2026-03-31T07:00:00Z\"");
	story_until(s, "2026-04-14T08:00:00Z");
	wait_task(s, "feed_stale ", true); /* nothing came for two weeks: that is nobody's event, and told all the same */
	assert_int_equal(story_count(s, "sending.suspended"), 1);
	one = STORY_CTL(s, "digest");
	has(story_str(&one, "text"), "Attention\u00a0: le flux de paiements est en retard");
	story_event(s, "ledger.watermark", "inv_1", "2026-04-14T08:00:00Z", ",\"complete_until\":\"2026-04-14T07:00:00Z\"");
	wait_task(s, "feed_stale ", false);
	assert_int_equal(story_count(s, "sending.resumed"), 1);
	list = STORY_CTL(s, "report", "promises");
	one = only(&list);
	assert_string_equal(story_str(&one, "state"), "overdue"); /* the reversal holds everything: nobody was asked, nothing is judged */
	list = STORY_CTL(s, "report", "cost", "--prices", "email=0.05");
	one = json_at(&list, 0);
	assert_string_equal(story_str(&one, "channel"), "email");
	list = STORY_CTL(s, "report", "steps");
	assert_true(json_len(&list) >= 1);
	story_ends_well(s);
}

/* --- the digest ------------------------------------------------------------------------------------------------------------ */

static const char *digests(struct story *s)
{
	struct json root = world_ask_sandbox(&s->world, s->arena, "/messages"), all = json_get(&root, "messages");
	const char *steps = "";

	for (size_t i = 0; i < json_len(&all); i++) {
		struct json one = json_at(&all, i);

		if (strncmp(story_str(&one, "step"), "digest:", 7) == 0)
			steps = arena_printf(s->arena, "%s%s ", steps, story_str(&one, "step") + 7);
	}
	return steps;
}

static const char *digest_text(struct story *s, const char *key)
{
	struct json root = world_ask_sandbox(&s->world, s->arena, "/messages"), all = json_get(&root, "messages");

	for (size_t i = json_len(&all); i-- > 0;) {
		struct json one = json_at(&all, i);

		if (strncmp(story_str(&one, "step"), "digest:", 7) == 0)
			return story_str(&one, key);
	}
	return "";
}

static void wait_digests(struct story *s, const char *expected)
{
	for (int64_t deadline = real_ms() + 20000; strcmp(digests(s), expected) != 0; pause_ms(20))
		if (real_ms() > deadline)
			fail_msg("digests: %s; expected: %s", digests(s), expected);
}

/* Complaints 3 and 14, and row 13: once a day somebody is told; a kill -9 in the middle of it doubles nothing. */
static void row_13_the_owner_is_told_once_a_day(void **state)
{
	struct story *s = *state;
	struct json same;

	world_configure(&s->world, "\"creditor\":", "\"digest\":{\"email\":\"owner@acme.example\",\"at\":\"07:30\"},\"creditor\":");
	story_invoice(s, "inv_2", "2026-04-01", 50000);
	(void)STORY_CTL(s, "dispute", "open", "inv_2", "quality", "two boxes were wet");
	(void)STORY_CTL(s, "promise", "make", "inv_1", "2026-04-10", "by mail");
	story_until(s, "2026-04-01T04:00:00Z"); /* it runs with the new setting; 06:00 in Paris */
	assert_string_equal(digests(s), "");
	world_behave(&s->world, "{\"mode\":\"hang\",\"count\":1}");
	story_until(s, "2026-04-01T05:30:00Z");
	wait_digests(s, "2026-04-01 "); /* the provider has it, and says nothing: nobody knows */
	has(digest_text(s, "subject"), "Acme SARL");
	has(digest_text(s, "subject"), "31 mars 2026");
	has(digest_text(s, "text"), "Vous attend: 1\n- traiter un litige");
	has(digest_text(s, "text"), "Suspendu: 2\n- 1 litige\n- 1 promesse de paiement\n");
	has(digest_text(s, "text"), "Envoyé: 1\n- promesse de paiement: F-inv_1 (cus_inv_1)");
	has(digest_text(s, "html"), "<html lang=\"fr\">");
	same = STORY_CTL(s, "digest");
	assert_string_equal(story_str(&same, "text"), digest_text(s, "text"));
	process_kill(&s->world.daemon);
	s->running = false;
	story_until(s, "2026-04-14T06:00:00Z"); /* the promise is broken meanwhile: its Friday was over on Monday */
	wait_digests(s, "2026-04-01 2026-04-02 2026-04-03 2026-04-04 2026-04-05 2026-04-06 2026-04-07 2026-04-08 2026-04-09 2026-04-10 2026-04-11 "
			"2026-04-12 2026-04-13 2026-04-14 ");
	assert_int_equal(world_sent(&s->world, s->arena, 0).repeated, 0); /* asked once each, that of the kill too */
	{ /* the step that follows carries a statement of account */
		struct json root = world_ask_sandbox(&s->world, s->arena, "/messages?invoice=inv_1"), all = json_get(&root, "messages"),
			    last = json_at(&all, json_len(&all) - 1), files = json_get(&last, "attachments"), file = only(&files);

		assert_string_equal(story_str(&last, "step"), "second");
		assert_string_equal(story_str(&file, "name"), "statement.pdf");
	}
	same = STORY_CTL(s, "digest", "--date", "2026-04-14");
	has(story_str(&same, "text"), "Non tenu: 1\n- promesse de paiement: F-inv_1");
	story_ends_well(s);
}

/* --- people ---------------------------------------------------------------------------------------------------------------- */

/* As the sandbox got it: "address of the recipient < address of the sender / where answers go". */
static const char *posted(struct story *s, const char *step)
{
	struct json said = world_ask_sandbox(&s->world, s->arena, "/messages?invoice=inv_1"), messages = json_get(&said, "messages");

	for (size_t i = 0; i < json_len(&messages); i++) {
		struct json one = json_at(&messages, i), to = json_get(&one, "to"), from = json_get(&one, "from");

		if (strcmp(story_str(&one, "step"), step) == 0)
			return arena_printf(s->arena, "%s < %s / %s", story_str(&to, "email"), story_str(&from, "email"), story_str(&from, "reply_to"));
	}
	return "nobody";
}

/* Nobody outside the house until a named person lets this one be written to, until a day; who signs is the step's, and so is whose task it is. */
static void row_24_an_outsider_needs_a_word_that_ends(void **state)
{
	struct story *s = *state;
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct json rows, row;

	story_event(s, "customer.updated", "inv_1", "2026-03-31T07:00:00Z", ",\"customer\":{\"id\":\"cus_inv_1\",\"name\":\"Dupont SARL\",\"country\":\"FR\","
		"\"kind\":\"company\",\"owner\":\"Lea\",\"locale\":\"en-GB\",\"timezone\":\"Europe/Paris\",\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\","
		"\"name\":\"Mme Roy\",\"email\":\"compta@dupont.example\"},{\"id\":\"c2\",\"role\":\"manager\",\"name\":\"M. Petit\","
		"\"email\":\"petit@dupont.example\"},{\"id\":\"c9\",\"role\":\"guarantor\",\"relation\":\"external\",\"name\":\"M. Garant\","
		"\"email\":\"garant@parent.example\"}]}");
	story_until(s, "2026-04-10T08:00:00Z");
	assert_string_equal(posted(s, "reminder"), "compta@dupont.example < factures@acme.example / ");
	assert_string_equal(posted(s, "second"), "petit@dupont.example < director@acme.example / office@acme.example");
	/* a year at most, from today on; and of this customer's contacts */
	assert_int_equal(world_ctl(&s->world, (const char *const[]){ "allow", "cus_inv_1", "c9", "they vouch", "--until", "2027-04-12", NULL }, &out), 2);
	assert_int_equal(world_ctl(&s->world, (const char *const[]){ "allow", "cus_inv_1", "c9", "they vouch", "--until", "2026-04-09", NULL }, &out), 2);
	(void)STORY_REFUSED(s, "allow", "cus_inv_1", "c8", "they vouch");
	(void)STORY_REFUSED(s, "allow", "cus_inv_1", "c1", "they vouch");
	(void)STORY_CTL(s, "allow", "cus_inv_1", "c9", "they vouch for it", "--until", "2026-04-25", "--who", "Mme Durand");
	story_applied(s);
	rows = STORY_CTL(s, "trail", "log", "--customer", "cus_inv_1");
	row = json_at(&rows, json_len(&rows) - 1);
	row = json_get(&row, "record");
	assert_string_equal(story_str(&row, "kind"), "outsider.allowed");
	assert_string_equal(story_str(&row, "actor"), "person:Mme Durand");
	assert_string_equal(story_str(&row, "until_on"), "2026-04-25");
	rows = STORY_CTL(s, "show", "inv_1");
	rows = json_get(&rows, "contacts");
	row = json_at(&rows, 2);
	assert_string_equal(story_str(&row, "allowed_until"), "2026-04-25");
	assert_string_equal(story_str(&row, "allowed_by"), "Mme Durand");
	story_until(s, "2026-05-20T08:00:00Z");
	assert_string_equal(posted(s, "third"), "garant@parent.example < director@acme.example / office@acme.example");
	assert_string_equal(posted(s, "fourth"), "petit@dupont.example < director@acme.example / office@acme.example"); /* its day is over */
	/* whose task it is */
	wait_task(s, "inv_1:decide", true);
	rows = STORY_CTL(s, "tasks", "--owner", "director");
	row = only(&rows);
	assert_string_equal(story_str(&row, "id"), "decision:inv_1:decide");
	rows = STORY_CTL(s, "tasks", "--owner", "accounts");
	assert_int_equal(json_len(&rows), 0);
	/* by name: the gate's is its approver's, and only his answer counts; what is nobody's step is the customer's owner's */
	rows = STORY_CTL(s, "tasks", "--owner", "Mme Durand");
	assert_int_equal(json_len(&rows), 1);
	story_event(s, "dispute.opened", "inv_1", "2026-05-20T07:00:00Z", ",\"dispute_id\":\"x\"");
	rows = STORY_CTL(s, "tasks", "--owner", "Lea");
	row = only(&rows);
	assert_string_equal(story_str(&row, "id"), "review_dispute:inv_1");
	(void)STORY_REFUSED(s, "--who", "Lea", "decide", "inv_1", "continue", "go on");
	(void)STORY_REFUSED(s, "--who", "Lea", "skip", "inv_1", "go on", "--step", "decide");
	(void)STORY_CTL(s, "--who", "Mme Durand", "decide", "inv_1", "continue", "go on");
	story_applied(s);
	assert_string_equal(story_walk(s, "inv_1", "decide"), "done continue");
	story_ends_well(s);
}

static const char people[] =
	"{\"name\":\"talk\",\"title\":\"talk\",\"caps\":[{\"contacts\":2,\"days\":7}],\"min_gap\":\"48h\",\"steps\":["
	"{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"reminder\",\"tone\":\"friendly\",\"to\":[\"guarantor\",\"billing\"]},"
	"{\"id\":\"second\",\"at\":\"due+7d\",\"channel\":\"email\",\"template\":\"reminder\",\"tone\":\"neutral\",\"sender\":\"director\","
	"\"to\":[\"guarantor\",\"manager\"]},"
	"{\"id\":\"third\",\"at\":\"due+15d\",\"channel\":\"email\",\"template\":\"reminder\",\"tone\":\"neutral\",\"sender\":\"director\","
	"\"to\":[\"guarantor\",\"manager\"]},"
	"{\"id\":\"fourth\",\"at\":\"due+30d\",\"channel\":\"email\",\"template\":\"reminder\",\"tone\":\"neutral\",\"sender\":\"director\","
	"\"to\":[\"guarantor\",\"manager\"]},"
	"{\"id\":\"decide\",\"at\":\"due+40d\",\"gate\":\"decision\",\"role\":\"director\",\"approver\":\"Mme Durand\"}]}";

static int setup_people(void **state)
{
	struct story *s = calloc(1, sizeof(*s));

	story_open(s, people, START);
	story_invoice(s, "inv_1", "2026-04-01", 120000);
	*state = s;
	return 0;
}

/* --- what an invoice rests on, said before it is due ------------------------------------------------------------------------ */

static const char explained[] =
	"{\"name\":\"talk\",\"title\":\"talk\",\"caps\":[],\"expect_sent\":\"2d\",\"steps\":["
	"{\"id\":\"terms\",\"at\":\"due-7d\",\"channel\":\"call\",\"template\":\"call_script_terms\",\"tone\":\"friendly\",\"deadline\":\"3bd\"},"
	"{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"reminder\",\"tone\":\"friendly\"},"
	"{\"id\":\"firm\",\"at\":\"due+8d\",\"channel\":\"email\",\"template\":\"firm_reminder\",\"tone\":\"firm\"}]}";
#define TERMS_SHA256 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define NOTE "Thank you for the tour of the workshop."

static void rows_2_6_11_15_20_what_an_invoice_rests_on(void **state)
{
	struct story *s = *state;
	struct json shown, tasks, task;
	const char *mail;

	story_invoice(s, "inv_1", "2026-04-01", 120000);
	story_event(s, "invoice.updated", "inv_1", "2026-03-24T07:00:00Z", ",\"invoice\":{\"id\":\"inv_1\",\"number\":\"F-inv_1\",\"version\":2,"
		"\"status\":\"open\",\"issued_on\":\"2026-03-02\",\"due_on\":\"2026-04-01\",\"currency\":\"EUR\",\"total_minor\":120000,\"due_minor\":120000,"
		"\"terms\":{\"url\":\"https://acme.example/terms\",\"sha256\":\"" TERMS_SHA256 "\",\"agreed_on\":\"2026-01-15\"},"
		"\"refs\":{\"purchase_order\":\"PO-9\",\"delivery_proof\":[\"LS-17\",\"LS-18\"]}}");
	shown = STORY_CTL(s, "show", "inv_1");
	assert_string_equal(story_str(&shown, "terms_url"), "https://acme.example/terms");
	assert_string_equal(story_str(&shown, "terms_sha256"), TERMS_SHA256);
	assert_string_equal(story_str(&shown, "terms_agreed_on"), "2026-01-15");
	assert_string_equal(story_str(&shown, "delivery_proof"), "LS-17, LS-18");

	/* Row 11: a call explains, a week before anything is due. Row 20: what they lack is a task. */
	story_until(s, "2026-03-25T09:00:00Z");
	story_wait_tasks(s, "call:inv_1:terms ");
	tasks = STORY_CTL(s, "tasks");
	task = only(&tasks);
	has(story_str(&task, "script"), "Nothing is owed today");
	has(story_str(&task, "script"), "your order PO-9");
	has(story_str(&task, "script"), "agreed on 15 January 2026, can be read here: https://acme.example/terms");
	(void)STORY_CTL(s, "call", "log", "call:inv_1:terms", "they want the order number on it", "--outcome", "waiting_approval", "--reason",
		"purchase_order");
	story_wait_tasks(s, "give_reference:inv_1 ");
	assert_string_equal(story_walk(s, "inv_1", "terms"), "done waiting_approval");
	assert_string_equal(action(s, "inv_1"), "hold lacks_reference");
	(void)STORY_CTL(s, "resume", "inv_1", "sent it to Mme Roy again, with PO-9 on it");
	story_wait_tasks(s, "");

	/* Row 6: two days, and nobody said that the invoice was sent. */
	story_until(s, "2026-03-26T09:00:00Z");
	story_wait_tasks(s, "check_sent:inv_1 ");
	story_event(s, "invoice.sent", "inv_1", "2026-03-26T08:30:00Z", "");
	story_wait_tasks(s, "");

	/* Row 15: a word of one's own, once. */
	(void)STORY_CTL(s, "note", "add", "inv_1", "not this one");
	story_applied(s);
	(void)STORY_CTL(s, "note", "remove", "inv_1", "too short");
	story_applied(s);
	(void)STORY_REFUSED(s, "note", "remove", "inv_1", "again");
	(void)STORY_CTL(s, "--who", "lea", "note", "add", "inv_1", NOTE);
	story_until(s, "2026-04-03T08:00:00Z");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\n");
	mail = story_text(s, "inv_1", "reminder");
	has(mail, NOTE);
	has(mail, "your order PO-9");
	assert_true(story_recorded(s, "inv_1", "note.said"));
	shown = STORY_CTL(s, "show", "inv_1");
	assert_string_equal(story_str(&shown, "note_state"), "was said");
	assert_string_equal(story_str(&shown, "note_by"), "lea");

	/* Row 2: the firm text names the terms. */
	story_until(s, "2026-04-10T08:00:00Z");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\nfirm 2026-04-09\n");
	mail = story_text(s, "inv_1", "firm");
	has(mail, "Our terms, agreed on 15 January 2026, can be read here: https://acme.example/terms");
	assert_null(strstr(mail, NOTE));
	story_ends_well(s);
}

static int setup_explained(void **state)
{
	struct story *s = calloc(1, sizeof(*s));

	story_open(s, explained, "2026-03-24T08:00:00Z");
	*state = s;
	return 0;
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(what_a_person_was_told_becomes_a_fact),
		STORY(what_was_never_closed_is_not_chased),
		STORY(row_13_the_owner_is_told_once_a_day),
		cmocka_unit_test_setup_teardown(row_24_an_outsider_needs_a_word_that_ends, setup_people, teardown),
		STORY(reports_are_exact_with_part_payments_credits_and_reversals),
		cmocka_unit_test_setup_teardown(rows_2_6_11_15_20_what_an_invoice_rests_on, setup_explained, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
