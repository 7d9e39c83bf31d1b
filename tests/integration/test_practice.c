/*
 * Rows of the practice that one spring of one creditor shows: it is played once, in set_up(), with a debtor for each row, and each test looks
 * at its own. What takes a story of its own is in test_conversation_*.c; README.md says row by row where it is, and
 * tests/check_practice.sh that none is without.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/file.h"
#include "tests/support/story.h"

#define MAIL(id, at, template, tone) "{\"id\":\"" id "\",\"at\":\"" at "\",\"channel\":\"email\",\"template\":\"" template "\",\"tone\":\"" tone "\""
#define HEAD(name) "{\"name\":\"" name "\",\"title\":\"t\",\"caps\":[{\"contacts\":2,\"days\":7}],\"min_gap\":\"48h\","
static const char policy[] = HEAD("talk") "\"promise\":{\"within\":\"30d\",\"most\":2},\"steps\":["
	MAIL("reminder", "due+1d", "reminder", "friendly") "},"
	MAIL("clarification", "due+8d", "clarification", "neutral") ",\"sender\":\"director\"},"
	MAIL("firm", "due+15d", "firm_reminder", "firm") "},"
	"{\"id\":\"ask\",\"at\":\"due+22d\",\"gate\":\"decision\",\"role\":\"owner\"},"
	MAIL("formal", "due+30d", "reminder", "legal") ",\"deadline\":\"10d\",\"requires\":[\"approval\",\"clarification\",\"contract\"],"
	"\"announces\":{\"step\":\"give\",\"within\":\"30d\"}},"
	"{\"id\":\"give\",\"at\":\"formal+14d\",\"action\":\"handover\",\"role\":\"owner\",\"requires\":[\"notice\",\"clarification\"]}]}";
static const char fed[] = HEAD("fed") "\"freshness\":\"26h\",\"steps\":[" MAIL("reminder", "due+1d", "reminder", "friendly") "}]}";
/* What is refused: words of a court in the first reminder; and warned of: firm words before anything is owed. */
static const char threat[] = HEAD("threat") "\"steps\":[" MAIL("reminder", "due+1d", "court", "friendly") "}]}";
static const char harsh[] = HEAD("harsh") "\"steps\":[" MAIL("reminder", "due-3d", "pre_due", "firm") "}]}";

#define START "2026-03-31T08:00:00Z" /* a Tuesday; due on Wednesday 1 April, Easter Monday is 6 April, 1 May a Friday */

/* By any producer, and told twice. */
static void told(struct story *s, const char *source, const char *id, const char *type, const char *time, const char *data)
{
	const char *event = arena_printf(s->arena, "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"%s\",\"type\":\"%s\",\"time\":\"%s\",\"data\":{%s}}",
		id, source, type, time, data);

	world_push(&s->world, event, strlen(event));
	world_push(&s->world, event, strlen(event));
}

static void invoice(struct story *s, const char *id, const char *due_on, const char *locale, const char *more)
{
	told(s, "https://billing.example/talk", arena_printf(s->arena, "f-%s", id), "invoice.finalized", "2026-03-02T08:00:00Z",
		arena_printf(s->arena, "\"invoice\":{\"id\":\"%s\",\"number\":\"F-%s\",\"version\":1,\"status\":\"open\",\"issued_on\":\"2026-03-02\","
			"\"due_on\":\"%s\",\"currency\":\"EUR\",\"total_minor\":120000,\"due_minor\":120000,\"payment_url\":\"https://pay.example/%s\"%s},"
			"\"customer\":{\"id\":\"cus_%s\",\"name\":\"Dupont SARL\",\"country\":\"FR\",\"kind\":\"company\",\"locale\":\"%s\",\"timezone\":"
			"\"Europe/Paris\",\"contacts\":[{\"id\":\"c1\",\"name\":\"Mme Roy\",\"email\":\"%s@dupont.example\"}]}",
			id, id, due_on, id, more, id, locale, id));
}

#define ASKED "reminder 2026-04-02\nclarification 2026-04-09\n"
#define CONTRACT ",\"refs\":{\"contract\":\"C-17\"}"

static void has(const char *text, const char *needle)
{
	if (!strstr(text, needle))
		fail_msg("\"%s\" is not in:\n%s", needle, text);
}

static const char *rule(struct story *s, const char *id)
{
	struct json explained = STORY_CTL(s, "explain", id);

	return arena_strdup(s->arena, story_str(&explained, "rule"));
}

static int set_up(void **state)
{
	struct story *s = *state = calloc(1, sizeof(*s));

	story_open(s, policy, START);
	world_put(&s->world, "policies/fed.json", fed);
	world_put(&s->world, "threat.json", threat);
	world_put(&s->world, "harsh.json", harsh);
	world_put(&s->world, "templates/fr/court.txt", "Bonjour,\n\nPayez {{balance}}, sinon nous saisirons le tribunal.\n");
	world_put(&s->world, "templates/fr/court.subject", "Facture {{invoice.number}}\n");
	(void)STORY_CTL(s, "reload");
	/* Row 5: a bank and a shop tell of payments under the same id, before anybody told of the invoice; each is told twice. */
	told(s, "https://bank.example", "p-1", "invoice.payment_received", "2026-03-30T07:00:00Z",
		"\"invoice_id\":\"r5\",\"payment_id\":\"bank\",\"amount_minor\":20000");
	told(s, "https://shop.example", "p-1", "invoice.payment_received", "2026-03-30T07:00:00Z",
		"\"invoice_id\":\"r5\",\"payment_id\":\"shop\",\"amount_minor\":10000");
	invoice(s, "r5", "2026-04-01", "en-GB", "");
	invoice(s, "r7", "2026-04-15", "en-GB", ",\"policy\":\"uk-b2b\""); /* as it is shipped */
	invoice(s, "r9", "2026-04-01", "fr-FR", "");
	invoice(s, "r26", "2026-04-01", "en-GB", CONTRACT);
	invoice(s, "r36", "2026-04-01", "en-GB", "");
	invoice(s, "r42", "2026-04-01", "en-GB", "");
	invoice(s, "r43", "2026-04-01", "en-GB", CONTRACT);
	invoice(s, "r52", "2026-04-01", "en-GB", CONTRACT);
	invoice(s, "r16", "2026-06-24", "en-GB", ",\"policy\":\"fed\"");
	story_applied(s);
	story_until(s, "2026-04-03T08:00:00Z");
	story_event(s, "promise.made", "r43", "2026-04-03T07:00:00Z", ",\"promise_id\":\"x\",\"until_on\":\"2026-04-07\"");
	story_event(s, "dispute.opened", "r52", "2026-04-03T07:00:00Z", ",\"dispute_id\":\"x\",\"reason\":\"quality\"");
	story_until(s, "2026-04-10T08:00:00Z");
	story_event(s, "contact.reply_received", "r36", "2026-04-10T07:00:00Z",
		",\"customer_id\":\"cus_r36\",\"reply_id\":\"x\",\"channel\":\"email\",\"text\":\"Two of the boxes never came.\"");
	has(story_tasks(s), "answer_reply:r36");
	(void)STORY_CTL(s, "--who", "lea", "dispute", "open", "r36", "not_delivered", "two boxes, says Mme Roy");
	story_until(s, "2026-04-24T08:00:00Z");
	story_event(s, "invoice.paid", "r7", "2026-04-24T07:00:00Z", "");
	(void)STORY_CTL(s, "--who", "lea", "decide", "r42", "continue", "they can pay");
	(void)STORY_CTL(s, "--who", "lea", "decide", "r43", "continue", "they can pay");
	story_applied(s);
	assert_string_equal(rule(s, "r36"), "dispute");
	has(story_tasks(s), "review_dispute:r36 ");
	story_sent_is(s, "r36", ASKED);
	(void)STORY_CTL(s, "--who", "lea", "dispute", "resolve", "r36", "both came today");
	story_event(s, "ledger.watermark", "r16", "2026-04-24T08:00:00Z", ",\"complete_until\":\"2026-04-24T08:00:00Z\"");
	story_until(s, "2026-05-05T08:00:00Z");
	return 0;
}

static int tear_down(void **state)
{
	struct story *s = *state;

	story_close(s);
	free(s);
	return 0;
}

static void has_not(const char *text, const char *needle)
{
	if (strstr(text, needle))
		fail_msg("\"%s\" is in:\n%s", needle, text);
}

static const char *said(struct story *s, int status, const char *const *words)
{
	CLEANUP(buf_clear) struct buf out = { 0 };

	assert_int_equal(world_ctl(&s->world, words, &out), status);
	return arena_strdup(s->arena, buf_str(&out));
}

#define SAID(s, status, ...) said(s, status, (const char *const[]){ __VA_ARGS__, NULL })

static const char *whole_file(struct story *s, const char *folder, const char *name)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	assert_int_equal(file_read(arena_printf(s->arena, "%s/%s", folder, name), 8 << 20, &text, NULL), 0);
	return arena_strdup(s->arena, buf_str(&text));
}

/* The first record of this kind about the invoice. */
static struct json record(struct story *s, const char *id, const char *kind)
{
	struct json log = STORY_CTL(s, "trail", "log", id, "--parts");

	for (size_t i = 0; i < json_len(&log); i++) {
		struct json one = json_at(&log, i), leaf = json_get(&one, "record");

		if (strcmp(story_str(&leaf, "kind"), kind) == 0)
			return one;
	}
	fail_msg("no %s about %s", kind, id);
	return log;
}

static void row_5_any_producer_each_once_in_any_order(void **state)
{
	has(story_text(*state, "r5", "reminder"), "€900.00"); /* 1,200.00 less 200.00 and 100.00 */
	assert_int_equal(world_sent(&((struct story *)*state)->world, ((struct story *)*state)->arena, 0).repeated, 0);
}

static void row_7_reminded_on_the_day_after_the_due_date(void **state)
{
	story_sent_is(*state, "r7", "pre-due 2026-04-10\nreminder 2026-04-16\n");
	has(story_text(*state, "r7", "reminder"), "According to our records");
}

static void row_9_courteous_as_long_as_most_have_forgotten(void **state)
{
	struct story *s = *state;

	has(story_text(s, "r9", "reminder"), "Si vous avez déjà effectué ce règlement, nous vous en remercions");
	has(story_text(s, "r9", "reminder"), "Un oubli est vite arrivé");
	has(SAID(s, 0, "policy", "check", arena_printf(s->arena, "%s/harsh.json", s->world.dir)), "firm_before_due");
}

/* The article's own sentence; and from the second step on from another mailbox, with another for the answers. */
static void row_14_neutral_words_from_another_mailbox(void **state)
{
	struct story *s = *state;
	struct json root = world_ask_sandbox(&s->world, s->arena, "/messages?invoice=r9"), all = json_get(&root, "messages");
	static const char *const from[] = { "factures@acme.example ", "director@acme.example office@acme.example", "factures@acme.example " };

	has(story_text(s, "r9", "reminder"), "Sauf erreur de notre part, votre facture n°\u00a0F-r9 reste impayée. Merci de procéder au règlement dès que possible.");
	for (size_t i = 0; i < ARRAY_LEN(from); i++) {
		struct json one = json_at(&all, i), by = json_get(&one, "from");

		assert_string_equal(arena_printf(s->arena, "%s %s", story_str(&by, "email"), story_str(&by, "reply_to")), from[i]);
	}
}

static void row_19_vague_about_what_comes(void **state)
{
	static const char *const steps[] = { "reminder", "clarification", "firm" }, *const words[] = { "tribunal", "avocat", "huissier", "poursuite", "justice" };
	struct story *s = *state;

	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		for (size_t k = 0; k < ARRAY_LEN(words); k++)
			has_not(story_text(s, "r9", steps[i]), words[k]);
	has(SAID(s, 1, "policy", "check", arena_printf(s->arena, "%s/threat.json", s->world.dir)), "threat_early");
}

static void row_21_everybody_can_see_what_was_said(void **state)
{
	const char *text = SAID(*state, 0, "timeline", "r43");

	for (size_t i = 0; i < 6; i++)
		has(text, ((const char *const[]){ "reminder", "x, until 2026-04-07", "promise.broken", "clarification", "firm", "formal" })[i]);
}

/* Out of the log, not out of somebody's memory; and anybody can check it. */
static void row_25_the_grievance_is_documented(void **state)
{
	struct story *s = *state;
	const char *folder = arena_printf(s->arena, "%s/grievance", s->world.dir), *report;

	(void)STORY_CTL(s, "evidence", "r9", "--out", folder);
	(void)STORY_CTL(s, "trail", "verify", folder);
	report = whole_file(s, folder, "report.en.html");
	has(report, "F-r9");
	has(report, "2 April 2026");
	has(report, "1,200.00");
}

/* Two decisions, one before it and one after it: nobody decided about r26, and nothing was threatened. */
static void row_26_a_threat_between_two_decisions(void **state)
{
	struct story *s = *state;

	story_sent_is(s, "r26", "reminder 2026-04-02\nclarification 2026-04-09\nfirm 2026-04-16\n");
	story_sent_is(s, "r43", "reminder 2026-04-02\nclarification 2026-04-09\nfirm 2026-04-16\nformal 2026-05-04\n");
	has(story_tasks(s), "decision:r26:ask ");
	assert_int_equal(story_count(s, "commitment.opened"), 1);
}

static void row_27_the_state_of_the_money_at_a_glance(void **state)
{
	struct story *s = *state;
	struct json list = STORY_CTL(s, "list"), rows = STORY_CTL(s, "report", "aging"), row, amount, minor;

	assert_int_equal(json_len(&list), 8); /* r7 is paid */
	row = json_at(&rows, json_len(&rows) - 1);
	amount = json_get(&row, "amount");
	minor = json_get(&amount, "minor");
	assert_string_equal(story_str(&row, "days_past_due"), "total");
	assert_int_equal(json_int(&minor), 8 * 120000 - 30000);
	row = STORY_CTL(s, "report", "dso", "--days", "90");
	assert_true(json_len(&row) == 1);
	row = STORY_CTL(s, "digest");
	has(story_str(&row, "text"), "r26");
}

/* A file with a version, and each contact says which one it followed. */
static void row_28_the_protocol_is_a_file_with_a_version(void **state)
{
	struct story *s = *state;
	struct json shown = STORY_CTL(s, "policy", "show", "talk"), intent = record(s, "r26", "attempt.intent"), leaf = json_get(&intent, "record");
	struct json diff, same, dropped;

	assert_string_equal(story_str(&leaf, "policy_name"), "talk");
	assert_int_equal(strlen(story_str(&leaf, "policy_digest")), 64);
	assert_string_equal(story_str(&leaf, "policy_digest"), story_str(&shown, "digest"));
	/* What another one would lead to: all that was asked waits for a person, and what comes by itself stays on its day. */
	diff = STORY_CTL(s, "policy", "diff", "talk", "fed", "--days", "60", "--summary");
	same = json_get(&diff, "same");
	dropped = json_get(&diff, "dropped");
	assert_int_equal(json_int(&same), 1);
	assert_int_equal(json_int(&dropped), 0);
}

/* The bytes that went out, and what was answered to them. */
/* Asked, answered with a reason, put right: nothing is said meanwhile, and what follows is the next step, not the question again. */
static void row_36_asked_exactly_why(void **state)
{
	struct story *s = *state;
	const char *asked = story_text(s, "r36", "clarification");
	struct json opened = record(s, "r36", "dispute.opened"), leaf = json_get(&opened, "record");

	has(asked, "Could you tell us what stands in the way?");
	has(asked, "We will put right without delay whatever is ours to put right.");
	has(asked, "€1,200.00");
	assert_string_equal(story_str(&leaf, "reason"), "not_delivered");
	assert_true(story_recorded(s, "r36", "inbound.message") && story_recorded(s, "r36", "dispute.resolved"));
	story_sent_is(s, "r36", ASKED "firm 2026-04-24\n");
}

static void row_37_copies_of_everything(void **state)
{
	struct story *s = *state;
	struct json root = world_ask_sandbox(&s->world, s->arena, "/messages?invoice=r9"), all = json_get(&root, "messages"), first = json_at(&all, 0);
	const char *log = SAID(s, 0, "trail", "log", "r9", "--parts"), *text = story_str(&first, "text");

	has(log, arena_printf(s->arena, "%.*s", (int)strcspn(text, "\n"), text));
	has(log, "Sauf erreur de notre part, votre facture n°\u00a0F-r9 reste impayée.");
	for (size_t i = 0; i < 3; i++, log++) { /* three went out, each with its answer */
		log = strstr(log, "attempt.submitted");
		assert_non_null(log);
		has(log, "HTTP/1.1 202 Accepted");
	}
}

/* What the threat must rest on lacks: it waits, and says so; and goes out once it is there. */
static void row_42_no_threat_before_we_could_proceed(void **state)
{
	struct story *s = *state;

	assert_string_equal(rule(s, "r42"), "incomplete");
	has(story_tasks(s), "complete_evidence:r42 ");
	story_event(s, "invoice.updated", "r42", "2026-05-05T07:00:00Z", ",\"invoice\":{\"id\":\"r42\",\"number\":\"F-r42\",\"version\":2,\"status\":\"open\","
		"\"issued_on\":\"2026-03-02\",\"due_on\":\"2026-04-01\",\"currency\":\"EUR\",\"total_minor\":120000,\"due_minor\":120000" CONTRACT "}");
	story_sent_is(s, "r42", "reminder 2026-04-02\nclarification 2026-04-09\nfirm 2026-04-16\nformal 2026-05-05\n");
}

static struct json before_court(struct story *s)
{
	static struct json shown; /* for rows 44 and 50; in the story's arena */

	if (shown.type != JSON_OBJECT)
		shown = STORY_CTL(s, "handover", "r43", "--check", "--to", "court");
	return shown;
}

static void row_44_who_advises_for_little(void **state)
{
	struct json shown = before_court(*state), ways = json_get(&shown, "procedures");

	assert_true(json_len(&ways) > 0);
	for (size_t i = 0; i < json_len(&ways); i++) {
		struct json way = json_at(&ways, i);

		has(story_str(&way, "advice"), "justice.fr");
	}
}

/* What a judge asks for, counted before anybody goes to one. */
static void row_50_what_is_missing_is_known_before(void **state)
{
	struct story *s = *state;
	struct json shown = before_court(s), checks = json_get(&shown, "checks");

	assert_string_equal(story_str(&shown, "complete"), "4 of 6");
	for (size_t i = 0; i < json_len(&checks); i++) {
		struct json one = json_at(&checks, i), there = json_get(&one, "there");
		const char *what = story_str(&one, "what");
		bool lacks = strcmp(what, "delivered") == 0 || strcmp(what, "document") == 0;

		if (json_bool(&there) != !lacks)
			fail_msg("%s", what);
	}
}

/* Asked why first, nothing open between us: else nobody goes to court. */
static void row_52_amicable_as_long_as_possible(void **state)
{
	struct story *s = *state;
	const char *bundle = arena_printf(s->arena, "%s/none.zip", s->world.dir);

	story_sent_is(s, "r52", "reminder 2026-04-02\n");
	has(SAID(s, 1, "handover", "r52", "now", "--to", "court", "--out", bundle), "a dispute is open");
	has(SAID(s, 1, "handover", "r5", "now", "--to", "court", "--out", bundle), "notice"); /* nothing was announced */
	story_event(s, "promise.made", "r43", "2026-05-05T07:00:00Z", ",\"promise_id\":\"y\",\"until_on\":\"2026-05-06\"");
	has(SAID(s, 1, "handover", "r43", "now", "--to", "court", "--out", bundle), "a promise to pay is open");
	story_event(s, "promise.withdrawn", "r43", "2026-05-05T07:30:00Z", ",\"promise_id\":\"y\"");
}

static void row_48_it_can_be_proved(void **state)
{
	struct story *s = *state;
	const char *folder = arena_printf(s->arena, "%s/case", s->world.dir), *report;

	(void)STORY_CTL(s, "handover", "r43", "as it was announced", "--to", "lawyer", "--out", folder);
	story_applied(s);
	report = whole_file(s, folder, "report.en.html");
	for (size_t i = 0; i < 5; i++)
		has(report, ((const char *const[]){ "2 April 2026", "4 May 2026", "Promise to pay", "7 April 2026", "Promise broken" })[i]);
}

static void row_45_nothing_goes_out_by_itself_after_that(void **state)
{
	struct story *s = *state;

	story_until(s, "2026-06-26T08:00:00Z");
	story_sent_is(s, "r43", "reminder 2026-04-02\nclarification 2026-04-09\nfirm 2026-04-16\nformal 2026-05-04\n");
	assert_string_equal(rule(s, "r43"), "handed_over");
	story_event(s, "invoice.paid", "r43", "2026-06-26T07:00:00Z", ""); /* they came to their senses */
	assert_true(story_recorded(s, "r43", "invoice.closed"));
}

/* No news of payments, no chasing; with news it goes on. */
static void row_16_somebody_watches_the_bank_account(void **state)
{
	struct story *s = *state;

	story_sent_is(s, "r16", ""); /* owed since yesterday */
	assert_string_equal(rule(s, "r16"), "feed_stale");
	story_event(s, "ledger.watermark", "r16", "2026-06-26T08:00:00Z", ",\"complete_until\":\"2026-06-26T07:30:00Z\"");
	story_until(s, "2026-06-26T09:00:00Z");
	story_sent_is(s, "r16", "reminder 2026-06-26\n");
}

/* Whatever became of each of them: something comes next, or something holds it until a day. */
static void row_51_nobody_gives_up_quietly(void **state)
{
	struct story *s = *state;
	struct json rows = STORY_CTL(s, "list");

	assert_int_equal(json_len(&rows), 7); /* all but r7 and r43, which are paid */
	for (size_t i = 0; i < json_len(&rows); i++) {
		struct json one = json_at(&rows, i);

		if (strcmp(story_str(&one, "at"), "2026-06-26T09:00:00Z") <= 0 || !story_str(&one, "action")[0])
			fail_msg("%s: %s %s without an end", story_str(&one, "invoice"), story_str(&one, "action"), story_str(&one, "why"));
	}
	story_ends_well(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_5_any_producer_each_once_in_any_order),
		cmocka_unit_test(row_7_reminded_on_the_day_after_the_due_date),
		cmocka_unit_test(row_9_courteous_as_long_as_most_have_forgotten),
		cmocka_unit_test(row_14_neutral_words_from_another_mailbox),
		cmocka_unit_test(row_19_vague_about_what_comes),
		cmocka_unit_test(row_21_everybody_can_see_what_was_said),
		cmocka_unit_test(row_25_the_grievance_is_documented),
		cmocka_unit_test(row_26_a_threat_between_two_decisions),
		cmocka_unit_test(row_27_the_state_of_the_money_at_a_glance),
		cmocka_unit_test(row_28_the_protocol_is_a_file_with_a_version),
		cmocka_unit_test(row_36_asked_exactly_why),
		cmocka_unit_test(row_37_copies_of_everything),
		cmocka_unit_test(row_42_no_threat_before_we_could_proceed),
		cmocka_unit_test(row_44_who_advises_for_little),
		cmocka_unit_test(row_50_what_is_missing_is_known_before),
		cmocka_unit_test(row_52_amicable_as_long_as_possible),
		cmocka_unit_test(row_48_it_can_be_proved),
		cmocka_unit_test(row_45_nothing_goes_out_by_itself_after_that), /* until 26 June */
		cmocka_unit_test(row_16_somebody_watches_the_bank_account),
		cmocka_unit_test(row_51_nobody_gives_up_quietly),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
