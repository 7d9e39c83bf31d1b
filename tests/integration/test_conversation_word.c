/*
 * Rows of the practice that are about keeping our word: what is announced is carried out or taken back in writing, and what goes to a
 * lawyer goes with the evidence. Each as a story: README.md says which row is where.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/hash.h"
#include "tests/support/story.h"

/* A threat by mail, after a decision; what it announces is a handover. */
static const char policy[] =
	"{\"name\":\"talk\",\"title\":\"talk\",\"caps\":[{\"contacts\":2,\"days\":7}],\"min_gap\":\"48h\",\"steps\":["
	"{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"reminder\",\"tone\":\"friendly\"},"
	"{\"id\":\"clarification\",\"at\":\"due+7d\",\"channel\":\"email\",\"template\":\"clarification\",\"tone\":\"neutral\"},"
	"{\"id\":\"ask\",\"at\":\"due+12d\",\"gate\":\"decision\",\"role\":\"owner\"},"
	"{\"id\":\"formal\",\"at\":\"due+20d\",\"channel\":\"email\",\"template\":\"reminder\",\"tone\":\"legal\",\"deadline\":\"10d\","
	"\"requires\":[\"approval\",\"clarification\",\"contract\"],\"announces\":{\"step\":\"give\",\"within\":\"20d\"}},"
	"{\"id\":\"give\",\"at\":\"formal+14d\",\"action\":\"handover\",\"role\":\"owner\",\"requires\":[\"notice\",\"contract\"]},"
	"{\"id\":\"again\",\"at\":\"give+20d\",\"channel\":\"email\",\"template\":\"reminder\",\"tone\":\"legal\","
	"\"announces\":{\"step\":\"end\",\"within\":\"20d\"}},"
	"{\"id\":\"end\",\"at\":\"again+10d\",\"gate\":\"decision\",\"role\":\"owner\"}]}";

#define START "2026-03-31T08:00:00Z" /* a Tuesday; due on Wednesday 1 April, Easter Monday is 6 April */
#define FIGURES(id, more) \
	",\"invoice\":{\"id\":\"" id "\",\"number\":\"F-" id "\",\"version\":2,\"status\":\"open\",\"issued_on\":\"2026-03-02\"," \
	"\"due_on\":\"2026-04-01\",\"currency\":\"EUR\",\"total_minor\":120000,\"due_minor\":120000" more "}"

static void until_formal(struct story *s, const char *const *invoices)
{
	story_until(s, "2026-04-14T08:00:00Z");
	for (; *invoices; invoices++)
		(void)STORY_CTL(s, "--who", "lea", "decide", *invoices, "continue", "they can pay");
	story_applied(s);
}

static const char *of_commitment(struct story *s, const char *invoice, const char *key)
{
	struct json rows = STORY_CTL(s, "commitment", "list", "--all");

	for (size_t i = 0; i < json_len(&rows); i++) {
		struct json row = json_at(&rows, i);

		if (strcmp(story_str(&row, "invoice"), invoice) == 0)
			return story_str(&row, key);
	}
	return "";
}

/*
 * Four debtors, one ladder. inv_1: what the threat must rest on lacks, comes, and the threat is carried out. inv_2: it is taken back in
 * writing. inv_3: nobody says anything, which gets loud. inv_4: paid.
 */
static void row_41_a_threat_is_our_word(void **state)
{
	static const char *const four[] = { "inv_1", "inv_2", "inv_3", "inv_4", NULL };
	struct story *s = *state;
	struct json shown;

	for (size_t i = 0; four[i]; i++)
		story_invoice(s, four[i], "2026-04-01", 120000);
	for (size_t i = 1; four[i]; i++)
		story_event(s, "invoice.updated", four[i], "2026-03-31T07:00:00Z", arena_printf(s->arena, FIGURES("%s", ",\"refs\":{\"contract\":\"C-17\"}"),
			four[i], four[i]));
	until_formal(s, four);
	story_until(s, "2026-04-23T08:00:00Z"); /* owed on the 22nd */
	story_sent_is(s, "inv_1", "reminder 2026-04-02\nclarification 2026-04-08\n");
	shown = STORY_CTL(s, "explain", "inv_1");
	assert_string_equal(story_str(&shown, "rule"), "incomplete");
	assert_string_equal(story_str(&shown, "lacks"), "contract");
	story_wait_tasks(s, "complete_evidence:inv_1 commitment:inv_2 commitment:inv_3 commitment:inv_4 ");
	(void)STORY_REFUSED(s, "handover", "inv_1", "we go on", "--to", "lawyer", "--out", "/nowhere");
	story_event(s, "invoice.updated", "inv_1", "2026-04-23T07:00:00Z", FIGURES("inv_1", ",\"terms\":{\"late_fee_ref\":\"CGV-7\"}"));
	story_until(s, "2026-04-24T08:00:00Z");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\nclarification 2026-04-08\nformal 2026-04-23\n");
	assert_string_equal(of_commitment(s, "inv_1", "state"), "open");
	assert_string_equal(of_commitment(s, "inv_1", "what"), "give");
	assert_string_equal(of_commitment(s, "inv_1", "approver"), "lea");

	story_event(s, "invoice.paid", "inv_4", "2026-04-24T07:00:00Z", "");
	assert_string_equal(of_commitment(s, "inv_4", "state"), "lapsed");
	assert_int_equal(story_count(s, "commitment.lapsed"), 1);

	/* Nobody lets it drop. */
	story_until(s, "2026-05-08T08:00:00Z");
	story_wait_tasks(s, "commitment:inv_2 commitment:inv_3 commitment:inv_1 decision:inv_2:give decision:inv_3:give decision:inv_1:give ");
	(void)STORY_REFUSED(s, "decide", "inv_2", "stop", "it is not worth it");
	(void)STORY_REFUSED(s, "task", "done", "commitment:inv_2", "seen");
	(void)STORY_REFUSED(s, "decide", "inv_2", "continue", "later");
	(void)STORY_REFUSED(s, "commitment", "execute", "inv_2", "done"); /* it takes a handover */
	(void)STORY_CTL(s, "commitment", "withdraw", "inv_2", "we found a mistake of ours");
	story_applied(s);
	story_until(s, "2026-05-11T08:00:00Z");
	story_sent_is(s, "inv_2", "reminder 2026-04-02\nclarification 2026-04-08\nformal 2026-04-22\nwithdrawn 2026-05-11\n");
	assert_non_null(strstr(story_text(s, "inv_2", "withdrawn"), "On 22 April 2026 we told you"));
	assert_string_equal(story_walk(s, "inv_2", "give"), "skipped withdrawn");
	assert_true(story_recorded(s, "inv_2", "commitment.withdrawn"));
	(void)STORY_REFUSED(s, "commitment", "withdraw", "inv_2", "twice");

	/* Its day passes: 20 days after the 22nd and the 23rd of April. */
	story_until(s, "2026-05-12T08:00:00Z");
	assert_int_equal(story_count(s, "commitment.overdue"), 1);
	assert_string_equal(of_commitment(s, "inv_3", "state"), "OVERDUE");
	story_until(s, "2026-05-14T08:00:00Z");
	assert_int_equal(story_count(s, "commitment.overdue"), 2);
	story_until(s, "2026-07-01T08:00:00Z"); /* and nothing else is announced meanwhile: not to inv_2 either, whose next threat hangs on that gate */
	story_sent_is(s, "inv_3", "reminder 2026-04-02\nclarification 2026-04-08\nformal 2026-04-22\n");
	assert_int_equal(story_count(s, "commitment.opened"), 4);
	story_ends_well(s);
}

static const char contract[] = "%PDF-1.4 what both signed";

static const char *read_bundle(struct story *s, const char *path)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct err err = { 0 };

	if (file_read(arena_printf(s->arena, "%s/%s", s->world.dir, path), 1 << 20, &text, &err) < 0)
		fail_msg("%s", err.text);
	return arena_strdup(s->arena, buf_str(&text));
}

/* Rows 33, 47 and 49: the contract itself, what the court's form asks for, and how this customer paid before. */
static void look_into_the_bundle(struct story *s, const char *digest)
{
	const char *sheet = read_bundle(s, "two/claim/fr-petites-creances.txt"), *history = read_bundle(s, "two/history.txt");

	(void)STORY_CTL(s, "trail", "verify", arena_printf(s->arena, "%s/two", s->world.dir));
	assert_string_equal(read_bundle(s, arena_printf(s->arena, "two/documents/%s.pdf", digest)), contract);
	assert_non_null(strstr(sheet, "4. Debtor\n   Dupont SARL\n\n5. Debtor address\n   1 rue X, 75002 Paris"));
	assert_non_null(strstr(sheet, "contract C-17"));
	assert_non_null(strstr(sheet, "Principal\n   \xe2\x82\xac" "1,200.00\n"));
	assert_non_null(strstr(history, "F-old\t2026-01-02\t2026-02-01\t300.00 EUR\t2026-02-05\t4\n"));
	assert_non_null(strstr(history, "1 paid, 1 of them late, by 4 days in all"));
	assert_null(strstr(history, "inv_1"));
}

/* Row 34: texts of one's own, one by one, and which file each part is. */
static void texts_of_ones_own(struct story *s)
{
	struct json shown;

	assert_int_equal(file_make_dirs(arena_printf(s->arena, "%s/templates/en", s->world.dir), 0700), 0);
	world_put(&s->world, "templates/en/reminder.txt", "It is me: {{invoice.number}}.\n");
	shown = STORY_CTL(s, "template", "preview", "reminder", "--locale", "en-GB");
	assert_string_equal(story_str(&shown, "text"), "It is me: F-2026-0042.\n");
	assert_non_null(strstr(story_str(&shown, "from_txt"), "/templates/en/reminder.txt (yours)"));
	assert_non_null(strstr(story_str(&shown, "from_subject"), "/en/reminder.subject (shipped)"));
	assert_string_equal(story_str(&shown, "from_html"), ""); /* it went with the shipped text */
}

static void rows_33_34_43_47_49_the_case_goes_to_others_with_its_evidence(void **state)
{
	static const char *const two[] = { "inv_1", "inv_2", NULL };
	struct story *s = *state;
	const char *bundle = arena_printf(s->arena, "%s/bundle.zip", s->world.dir);
	uint8_t sum[SHA256_SIZE];
	char digest[2 * SHA256_SIZE + 1];
	struct json shown, rows, row;

	sha256(contract, strlen(contract), sum);
	hex_format(sum, SHA256_SIZE, digest);
	for (size_t i = 0; two[i]; i++) {
		story_invoice(s, two[i], "2026-04-01", 120000);
		story_event(s, "invoice.updated", two[i], "2026-03-31T07:00:00Z",
			arena_printf(s->arena, FIGURES("%s", ",\"refs\":{\"contract\":\"C-17\",\"contract_sha256\":\"%s\"}"), two[i], two[i], digest));
	}
	story_event(s, "invoice.paid", "old", "2026-02-05T09:00:00Z", ",\"customer_id\":\"cus_inv_2\""); /* told before the invoice itself: nobody is reminded */
	story_event(s, "invoice.finalized", "old", "2026-01-02T09:00:00Z", ",\"customer_id\":\"cus_inv_2\",\"invoice\":{\"id\":\"old\","
		"\"number\":\"F-old\",\"version\":1,\"status\":\"open\",\"issued_on\":\"2026-01-02\",\"due_on\":\"2026-02-01\",\"currency\":\"EUR\","
		"\"total_minor\":30000,\"due_minor\":30000}");
	/* Too early: nothing was announced, which the policy asks for (row 52); and the ways before a court are shown (rows 44, 47, 50). */
	(void)STORY_REFUSED(s, "handover", "inv_1", "now", "--to", "court", "--out", bundle);
	until_formal(s, two);
	story_until(s, "2026-05-08T08:00:00Z");
	shown = STORY_CTL(s, "handover", "inv_1", "--check", "--to", "court");
	assert_string_equal(story_str(&shown, "complete"), "3 of 5"); /* neither a receipt nor the invoice's document */
	rows = json_get(&shown, "procedures");
	assert_true(json_len(&rows) >= 3);
	row = json_at(&rows, 0);
	assert_string_equal(story_str(&row, "procedure"), "fr-petites-creances");
	assert_non_null(strstr(story_str(&row, "advice"), "diateur des entreprises"));
	assert_string_equal(story_str(&row, "form_url"), "https://www.petitescreances.fr");

	/* A dispute comes first (row 52). */
	story_event(s, "dispute.opened", "inv_1", "2026-05-08T07:00:00Z", ",\"dispute_id\":\"d1\",\"reason\":\"quality\"");
	(void)STORY_REFUSED(s, "handover", "inv_1", "now", "--to", "court", "--out", bundle);
	story_event(s, "dispute.resolved", "inv_1", "2026-05-08T07:30:00Z", ",\"dispute_id\":\"d1\"");
	(void)STORY_CTL(s, "handover", "inv_1", "it was announced", "--to", "court", "--out", bundle);
	story_applied(s);
	assert_true(story_recorded(s, "inv_1", "handover.requested"));
	assert_string_equal(of_commitment(s, "inv_1", "state"), "fulfilled");
	assert_string_equal(story_walk(s, "inv_1", "give"), "done court");
	assert_int_equal(story_count(s, "handover.requested"), 1);
	assert_int_equal(story_count(s, "customer.block_suggested"), 1);
	(void)STORY_CTL(s, "trail", "verify", bundle);
	(void)STORY_REFUSED(s, "handover", "inv_1", "again", "--to", "agency", "--out", bundle);

	/* From then on nothing is done by itself (row 45), and a payment still closes it. */
	story_until(s, "2026-08-14T08:00:00Z");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\nclarification 2026-04-08\nformal 2026-04-22\n");
	shown = STORY_CTL(s, "explain", "inv_1");
	assert_string_equal(story_str(&shown, "rule"), "handed_over");
	(void)STORY_CTL(s, "handover", "inv_1", "they have an order", "--result", "kept");
	story_event(s, "invoice.paid", "inv_1", "2026-08-14T07:00:00Z", "");
	shown = STORY_CTL(s, "show", "inv_1");
	assert_string_equal(story_str(&shown, "closed"), "paid");

	/* What is given back is ours again. */
	assert_int_equal(file_make_dirs(arena_printf(s->arena, "%s/documents", s->world.dir), 0700), 0);
	world_put(&s->world, arena_printf(s->arena, "documents/%s.pdf", digest), contract);
	world_configure(&s->world, "\"creditor\":", arena_printf(s->arena, "\"documents\":{\"dir\":\"%s/documents\"},\"creditor\":", s->world.dir));
	(void)STORY_CTL(s, "handover", "inv_2", "they collect", "--to", "agency", "--history", "--out", arena_printf(s->arena, "%s/two", s->world.dir));
	look_into_the_bundle(s, digest);
	texts_of_ones_own(s);
	story_applied(s);
	(void)STORY_CTL(s, "handover", "inv_2", "no hope, they say", "--result", "returned");
	story_applied(s);
	assert_true(story_recorded(s, "inv_2", "handover.ended"));
	story_until(s, "2026-09-15T08:00:00Z");
	story_sent_is(s, "inv_2", "reminder 2026-04-02\nclarification 2026-04-08\nformal 2026-04-22\nagain 2026-09-03\n");
	story_ends_well(s);
}

/* Less, or three parts, until a day; what is accepted then is the agreement, what comes later is void. */
static void row_39_an_offer_stands_until_its_day(void **state)
{
	struct story *s = *state;
	struct json rows, row;

	story_invoice(s, "inv_1", "2026-04-01", 100001);
	story_invoice(s, "inv_2", "2026-04-01", 100001);
	story_invoice(s, "inv_3", "2026-04-01", 100001);
	story_until(s, "2026-04-09T08:00:00Z"); /* written on the 8th */
	rows = STORY_CTL(s, "offer", "list", "inv_1");
	row = json_at(&rows, 0);
	assert_string_equal(story_str(&row, "code"), "less");
	assert_string_equal(story_str(&row, "until"), "2026-04-22");
	assert_string_equal(story_str(&row, "state"), "stands");
	assert_string_equal(story_str(&row, "approver"), "Mme Durand");
	assert_non_null(strstr(story_text(s, "inv_1", "compromise"), "- less: \xe2\x82\xac" "900.01 in all, paid by 22 April 2026."));
	assert_non_null(strstr(story_text(s, "inv_1", "compromise"),
		"- parts: \xe2\x82\xac" "333.35 by 22 April 2026; \xe2\x82\xac" "333.33 by 22 May 2026; \xe2\x82\xac" "333.33 by 22 June 2026;"));
	assert_true(story_recorded(s, "inv_1", "offer.made"));

	/* By an event; and by telephone, to a person. */
	story_event(s, "settlement.agreed", "inv_1", "2026-04-09T07:00:00Z", ",\"offer\":\"less\"");
	(void)STORY_CTL(s, "offer", "accept", "inv_2", "parts", "on the telephone");
	story_applied(s);
	rows = STORY_CTL(s, "explain", "inv_1");
	assert_string_equal(story_str(&rows, "rule"), "settlement");
	rows = STORY_CTL(s, "explain", "inv_2");
	assert_string_equal(story_str(&rows, "rule"), "plan");
	story_event(s, "invoice.payment_received", "inv_1", "2026-04-09T07:30:00Z", ",\"payment_id\":\"p1\",\"amount_minor\":90000");
	rows = STORY_CTL(s, "show", "inv_1");
	assert_string_equal(story_str(&rows, "closed"), ""); /* a cent is missing */
	story_event(s, "invoice.payment_received", "inv_1", "2026-04-09T07:40:00Z", ",\"payment_id\":\"p2\",\"amount_minor\":1");
	rows = STORY_CTL(s, "show", "inv_1");
	assert_string_equal(story_str(&rows, "closed"), "settled");

	/* Its day counts by when it was said, not by when it is read; an unknown one is nobody's word. */
	story_until(s, "2026-04-23T08:00:00Z");
	(void)STORY_REFUSED(s, "offer", "accept", "inv_3", "less", "too late");
	(void)STORY_REFUSED(s, "offer", "accept", "inv_3", "more", "what?");
	story_event(s, "settlement.agreed", "inv_3", "2026-04-23T07:00:00Z", ",\"offer\":\"less\"");
	rows = STORY_CTL(s, "dead", "list");
	row = json_at(&rows, 0);
	assert_string_equal(story_str(&row, "reason"), "offer_expired");
	story_event(s, "settlement.agreed", "inv_3", "2026-04-22T15:00:00Z", ",\"offer\":\"less\"");
	assert_true(story_recorded(s, "inv_3", "settlement.agreed"));
	story_until(s, "2026-06-30T08:00:00Z"); /* the second instalment was due on the 22nd of May: the plan is broken */
	assert_int_equal(story_count(s, "payment_plan.broken"), 1);
	story_ends_well(s);
}

static const char offers[] =
	"{\"name\":\"talk\",\"title\":\"talk\",\"caps\":[{\"contacts\":2,\"days\":7}],\"min_gap\":\"48h\",\"group\":\"none\",\"steps\":["
	"{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"reminder\",\"tone\":\"friendly\"},"
	"{\"id\":\"compromise\",\"at\":\"due+7d\",\"channel\":\"email\",\"template\":\"compromise\",\"tone\":\"neutral\",\"offers\":["
	"{\"code\":\"less\",\"percent\":10,\"within\":\"14d\",\"approved_by\":\"Mme Durand\"},"
	"{\"code\":\"parts\",\"instalments\":3,\"every\":\"30d\",\"within\":\"14d\",\"approved_by\":\"Mme Durand\"}]},"
	"{\"id\":\"reset\",\"at\":\"due+10d\",\"channel\":\"email\",\"template\":\"expectation_reset\",\"tone\":\"neutral\","
	"\"if\":{\"tags\":[\"tolerated\"]}},"
	"{\"id\":\"warning\",\"at\":\"due+16d\",\"channel\":\"email\",\"template\":\"stop_work_warning\",\"tone\":\"firm\",\"deadline\":\"5d\","
	"\"effects\":[\"work.hold_requested\"],\"hold_after\":\"7d\"},"
	"{\"id\":\"ask\",\"at\":\"due+40d\",\"gate\":\"decision\",\"role\":\"owner\"}]}";

static void rows_17_18_work_rests_after_a_warning(void **state)
{
	struct story *s = *state;

	for (int i = 1; i <= 3; i++) {
		const char *invoice = arena_printf(s->arena, "inv_%d", i);

		story_invoice(s, invoice, "2026-04-01", 120000);
		if (i < 3)
			story_event(s, "invoice.updated", invoice, "2026-03-31T07:00:00Z", arena_printf(s->arena, FIGURES("%s", "%s"), invoice, invoice,
				i == 1 ? ",\"tags\":[\"tolerated\"]" : ""));
	}
	story_until(s, "2026-04-20T08:00:00Z");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\ncompromise 2026-04-08\nreset 2026-04-13\nwarning 2026-04-20\n");
	story_sent_is(s, "inv_2", "reminder 2026-04-02\ncompromise 2026-04-08\nwarning 2026-04-17\n");
	assert_non_null(strstr(story_text(s, "inv_2", "warning"), "reached us by 22 April 2026, we will put current orders and work on hold"));
	assert_non_null(strstr(story_text(s, "inv_1", "reset"), "we rely on being paid on the day that was agreed"));
	assert_int_equal(story_count(s, "work.hold_announced"), 3);
	assert_int_equal(story_count(s, "work.hold_requested"), 0);
	/* inv_2 is disputed when its day comes, inv_3 is paid before. */
	story_event(s, "dispute.opened", "inv_2", "2026-04-20T07:00:00Z", ",\"dispute_id\":\"d1\"");
	story_event(s, "invoice.paid", "inv_3", "2026-04-20T07:00:00Z", "");
	story_until(s, "2026-04-28T08:00:00Z");
	assert_int_equal(story_count(s, "work.hold_requested"), 1);
	assert_true(story_recorded(s, "inv_1", "work.hold_requested"));
	story_event(s, "dispute.resolved", "inv_2", "2026-04-28T07:00:00Z", ",\"dispute_id\":\"d1\"");
	story_until(s, "2026-04-29T08:00:00Z");
	assert_true(story_recorded(s, "inv_2", "work.hold_requested"));
	story_event(s, "invoice.paid", "inv_2", "2026-04-29T07:00:00Z", "");
	assert_int_equal(story_count(s, "work.release_allowed"), 1);
	story_ends_well(s);
}

/* What it has cost and what may still come stand with the question; the answer is a person's, and on record. */
static void row_40_is_it_worth_it(void **state)
{
	static const char *const four[] = { "inv_1", "inv_2", "inv_3", "inv_4", NULL };
	struct story *s = *state;
	struct json tasks, task, shown, field;

	world_configure(&s->world, "\"brake\":{", "\"costs\":{\"currency\":\"EUR\",\"hour\":6000,\"email\":100},\"brake\":{");
	for (size_t i = 0; four[i]; i++)
		story_invoice(s, four[i], "2026-04-01", 120000);
	story_event(s, "invoice.paid", "inv_4", "2026-04-02T07:00:00Z", ""); /* a day late: one case of our own, which is too few */
	story_until(s, "2026-04-09T08:00:00Z");
	(void)STORY_CTL(s, "call", "log", "inv_1", "nobody there", "--outcome", "voicemail", "--minutes", "25");
	(void)STORY_CTL(s, "call", "log", "inv_1", "nobody there", "--outcome", "voicemail");
	story_applied(s);
	story_until(s, "2026-05-12T08:00:00Z"); /* asked on the 11th, 40 days past due */
	story_wait_tasks(s, "decision:inv_1:ask decision:inv_2:ask decision:inv_3:ask ");
	tasks = STORY_CTL(s, "tasks");
	task = json_at(&tasks, 0);
	/* 3 mails at 1.00, 25 minutes and 10 of the second call at 60.00 an hour; 85 of 100 after 40 days, of 1,200.00 */
	assert_non_null(strstr(story_str(&task, "script"), "So far: 3 messages and 35 minutes of people, 38,00"));
	assert_non_null(strstr(story_str(&task, "script"), "85 of 100 are paid in the end (as the trade says, too few of yours are known): about 1"));
	assert_non_null(strstr(story_str(&task, "script"), "020,00"));
	(void)STORY_CTL(s, "--who", "lea", "decide", "inv_1", "pursue", "they can pay");
	(void)STORY_CTL(s, "decide", "inv_2", "settle", "they are in trouble");
	(void)STORY_CTL(s, "decide", "inv_3", "write_off", "nothing is to be had");
	story_wait_tasks(s, "exhausted:inv_1 agree_settlement:inv_2 ");
	assert_string_equal(story_walk(s, "inv_1", "ask"), "done pursue");
	assert_string_equal(story_walk(s, "inv_2", "ask"), "done settle"); /* no offer is left behind it */
	shown = STORY_CTL(s, "show", "inv_3");
	assert_string_equal(story_str(&shown, "closed"), "uncollectible");
	assert_true(story_recorded(s, "inv_3", "decision.recorded"));
	shown = STORY_CTL(s, "worth", "inv_1");
	field = json_get(&shown, "cases");
	assert_int_equal(json_int(&field), 1); /* inv_3 reached that age, and was lost; inv_4 was paid before */
	/* Reversible: newer figures open it again. */
	story_event(s, "invoice.updated", "inv_3", "2026-05-12T09:00:00Z", FIGURES("inv_3", ""));
	shown = STORY_CTL(s, "show", "inv_3");
	assert_string_equal(story_str(&shown, "closed"), "");
	shown = STORY_CTL(s, "worth", "inv_1");
	field = json_get(&shown, "cases");
	assert_int_equal(json_int(&field), 0);
	story_ends_well(s);
}

/* The shipped ladder: whoever decides to settle stands for the offer, which goes out then, and not before. */
static void row_39_who_settles_approves_the_offer(void **state)
{
	struct story *s = *state;
	struct json rows, row;

	story_invoice(s, "inv_1", "2026-04-01", 120000);
	story_invoice(s, "inv_2", "2026-04-01", 120000);
	story_until(s, "2026-05-05T08:00:00Z"); /* day 25 was a Sunday, and the week before had its two contacts */
	(void)STORY_CTL(s, "--who", "lea", "decide", "inv_1", "settle", "they are in trouble");
	story_applied(s);
	story_until(s, "2026-05-06T08:00:00Z");
	assert_string_equal(story_walk(s, "inv_1", "worth-it"), "done settle");
	assert_string_equal(story_walk(s, "inv_1", "compromise"), "sent");
	assert_string_equal(story_walk(s, "inv_2", "compromise"), "not walked"); /* nobody decided */
	rows = STORY_CTL(s, "offer", "list", "inv_1");
	assert_int_equal(json_len(&rows), 2);
	row = json_at(&rows, 0);
	assert_string_equal(story_str(&row, "code"), "less");
	assert_string_equal(story_str(&row, "approver"), "lea");
	assert_string_equal(story_str(&row, "state"), "stands");
	assert_non_null(strstr(story_text(s, "inv_1", "compromise"), "\xe2\x82\xac" "1,080.00 in all"));
	assert_true(story_recorded(s, "inv_1", "offer.made"));
	story_until(s, "2026-07-01T08:00:00Z");
	assert_string_equal(story_walk(s, "inv_1", "formal-notice"), "not walked"); /* that she did not approve */
	rows = STORY_CTL(s, "explain", "inv_1");
	assert_string_equal(story_str(&rows, "rule"), "incomplete");
	assert_non_null(strstr(story_str(&rows, "lacks"), "approval"));
	story_ends_well(s);
}

static const char fees[] =
	"{\"name\":\"talk\",\"title\":\"talk\",\"caps\":[{\"contacts\":2,\"days\":7}],\"min_gap\":\"48h\",\"group\":\"none\",\"late\":{\"regime\":\"FR-B2B\"},"
	"\"steps\":[{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"reminder\",\"tone\":\"friendly\"},"
	"{\"id\":\"penalties\",\"at\":\"due+15d\",\"channel\":\"email\",\"template\":\"penalties\",\"tone\":\"firm\",\"fees\":true,"
	"\"if\":{\"kinds\":[\"company\"]}},"
	"{\"id\":\"again\",\"at\":\"due+22d\",\"channel\":\"email\",\"template\":\"penalties\",\"tone\":\"firm\",\"fees\":true,"
	"\"if\":{\"kinds\":[\"company\"]}}]}";

static int64_t minor_of(const struct json *shown, const char *key)
{
	struct json money = json_get(shown, key), minor = json_get(&money, "minor");

	return minor.type == JSON_INT ? json_int(&minor) : 0;
}

static const char *fee_of_invoice(struct story *s, const char *invoice, int64_t amount)
{
	struct json shown = STORY_CTL(s, "fees", invoice);

	assert_int_equal(minor_of(&shown, "amount"), amount);
	return story_str(&shown, "fee");
}

/* Owed once it was stated, once, beside the balance; waived by a person or an event, before or after. */
static void rows_29_30_the_late_fee_has_an_account_of_its_own(void **state)
{
	static const char *const four[] = { "inv_1", "inv_2", "inv_3", "inv_4", NULL };
	struct story *s = *state;
	struct json shown;

	for (size_t i = 0; four[i]; i++)
		story_invoice(s, four[i], "2026-04-01", 120000);
	story_event(s, "fee.waived", "inv_3", "2026-04-01T07:00:00Z", ",\"reason\":\"an old customer\"");
	story_until(s, "2026-04-03T08:00:00Z");
	assert_string_equal(fee_of_invoice(s, "inv_1", 0), "not stated, and so not owed");
	story_event(s, "invoice.paid", "inv_4", "2026-04-03T07:00:00Z", "");
	/* Row 30: a link that has ended is asked for anew; in time, and not. */
	story_event(s, "invoice.updated", "inv_2", "2026-04-03T07:30:00Z",
		FIGURES("inv_2", ",\"payment_url\":\"https://pay.example/new\",\"payment_url_until\":\"2026-05-01T00:00:00Z\""));
	story_event(s, "invoice.updated", "inv_3", "2026-04-03T07:30:00Z",
		FIGURES("inv_3", ",\"payment_url\":\"https://pay.example/old\",\"payment_url_until\":\"2026-04-10T00:00:00Z\""));
	story_until(s, "2026-04-17T08:00:00Z");
	assert_non_null(strstr(story_text(s, "inv_2", "penalties"), "https://pay.example/new"));
	assert_null(strstr(story_text(s, "inv_3", "penalties"), "pay.example"));
	assert_int_equal(story_count(s, "invoice.payment_url_requested"), 1);
	assert_true(story_recorded(s, "inv_3", "payment_url.requested"));
	story_sent_is(s, "inv_3", "reminder 2026-04-02\npenalties 2026-04-16\n"); /* an hour later, the same day */
	assert_non_null(strstr(story_text(s, "inv_1", "penalties"), "\xe2\x82\xac" "40.00 for each invoice"));
	assert_string_equal(fee_of_invoice(s, "inv_1", 4000), "owed");
	assert_string_equal(fee_of_invoice(s, "inv_3", 0), "waived");
	assert_string_equal(fee_of_invoice(s, "inv_4", 0), "not stated, and so not owed");
	assert_int_equal(story_count(s, "fee.accrued"), 2);
	shown = STORY_CTL(s, "fees", "inv_1");
	assert_int_equal(minor_of(&shown, "interest"), 639); /* 120000 x 12.15 % x 16 / 365 = 639.12 */
	assert_int_equal(minor_of(&shown, "balance"), 120000);
	(void)STORY_CTL(s, "fee", "waive", "inv_2", "we were slow ourselves");
	story_applied(s);
	(void)STORY_REFUSED(s, "fee", "waive", "inv_2", "again");
	assert_string_equal(fee_of_invoice(s, "inv_2", 4000), "waived");
	assert_true(story_recorded(s, "inv_2", "fee.waived"));
	story_event(s, "invoice.updated", "inv_2", "2026-04-17T08:00:00Z", FIGURES("inv_2", ",\"terms\":{\"late_fee_ref\":\"CGV-7\"}"));
	story_applied(s);
	shown = STORY_CTL(s, "fees", "inv_2"); /* what was agreed is not known: as in a notice, nothing is said */
	assert_int_equal(minor_of(&shown, "interest"), 0);
	assert_non_null(strstr(story_str(&shown, "interest_unknown"), "agreed"));
	/* Stated again, it is owed no second time; paid, the invoice is closed, and the fee stands. */
	story_until(s, "2026-04-28T08:00:00Z");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\npenalties 2026-04-16\nagain 2026-04-23\n");
	assert_int_equal(story_count(s, "fee.accrued"), 2);
	(void)STORY_CTL(s, "fee", "charge", "inv_1", "they agreed to it", "--on", "2026-04-17");
	story_applied(s);
	(void)STORY_REFUSED(s, "fee", "charge", "inv_1", "again", "--on", "2026-04-17");
	(void)STORY_REFUSED(s, "fee", "charge", "inv_2", "it was waived");
	assert_int_equal(story_count(s, "fee.accrued"), 3);
	shown = STORY_CTL(s, "fees", "inv_1");
	assert_int_equal(minor_of(&shown, "charged"), 639);
	assert_int_equal(minor_of(&shown, "owed"), 4639);
	assert_int_equal(minor_of(&shown, "balance"), 120000);
	story_event(s, "invoice.payment_received", "inv_1", "2026-04-28T07:00:00Z", ",\"payment_id\":\"p1\",\"amount_minor\":120000,\"fee_minor\":4000");
	shown = STORY_CTL(s, "show", "inv_1");
	assert_string_equal(story_str(&shown, "closed"), "paid");
	assert_string_equal(fee_of_invoice(s, "inv_1", 4000), "owed");
	shown = STORY_CTL(s, "fees", "inv_1");
	assert_int_equal(minor_of(&shown, "paid"), 4000);
	assert_int_equal(minor_of(&shown, "owed"), 639);
	assert_int_equal(minor_of(&shown, "balance"), 0);
	assert_int_equal(minor_of(&shown, "chargeable"), 440); /* 27 days until it was paid come to 1078.52 */
	(void)STORY_CTL(s, "fee", "charge", "inv_1", "until it was paid");
	story_applied(s);
	(void)STORY_REFUSED(s, "fee", "charge", "inv_1", "again");
	shown = STORY_CTL(s, "fees", "inv_1");
	assert_int_equal(minor_of(&shown, "charged"), 1079);
	assert_int_equal(minor_of(&shown, "owed"), 1079);
	story_ends_well(s);
}

static int setup_fees(void **state)
{
	struct story *s = calloc(1, sizeof(*s));

	story_open(s, fees, START);
	*state = s;
	return 0;
}

static int setup_amicable(void **state)
{
	struct story *s = calloc(1, sizeof(*s));

	story_open(s, "{\"name\":\"talk\",\"title\":\"talk\",\"extends\":\"fr-b2b-amicable\"}", START);
	*state = s;
	return 0;
}

static int setup_offers(void **state)
{
	struct story *s = calloc(1, sizeof(*s));

	story_open(s, offers, START);
	*state = s;
	return 0;
}

static int setup(void **state)
{
	struct story *s = calloc(1, sizeof(*s));

	story_open(s, policy, START);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	story_close(*state);
	free(*state);
	return 0;
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(row_41_a_threat_is_our_word),
		STORY(rows_33_34_43_47_49_the_case_goes_to_others_with_its_evidence),
		cmocka_unit_test_setup_teardown(row_39_an_offer_stands_until_its_day, setup_offers, teardown),
		cmocka_unit_test_setup_teardown(row_39_who_settles_approves_the_offer, setup_amicable, teardown),
		cmocka_unit_test_setup_teardown(rows_17_18_work_rests_after_a_warning, setup_offers, teardown),
		cmocka_unit_test_setup_teardown(rows_29_30_the_late_fee_has_an_account_of_its_own, setup_fees, teardown),
		cmocka_unit_test_setup_teardown(row_40_is_it_worth_it, setup_offers, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
