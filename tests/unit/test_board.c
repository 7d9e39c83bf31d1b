/* The dashboard's pages: two languages that say the same, texts that stay texts, what is wrong in words, figures and queue out of documents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/board.h"
#include "tests/unit/escalation_world.h"

#define HOSTILE "\"><script>alert('x')</script>&"

static struct board board(struct arena *arena, struct buf *out, enum report_language language)
{
	struct board b = { .out = out, .arena = arena, .language = language, .now = at("2026-04-09T13:30:00Z"), .creditor = HOSTILE, .who = HOSTILE,
		.may_act = true, .may_leave = true, .here = "/?a=" HOSTILE };

	assert_int_equal(zone_get("Europe/Paris", &b.zone), 0);
	return b;
}

static size_t gaps(const char *text)
{
	size_t n = 0;

	for (; (text = strstr(text, "{}")); text += 2)
		n++;
	return n;
}

static void every_word_is_there_in_both(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct board fr = board(arena, NULL, REPORT_FR), en = board(arena, NULL, REPORT_EN);

	(void)state;
	for (int w = 0; w < BOARD_WORD_COUNT; w++) {
		const char *one = board_say(&fr, (enum board_word)w), *other = board_say(&en, (enum board_word)w);

		if (!one || !*one || !other || !*other || gaps(one) != gaps(other) || gaps(one) > 2)
			fail_msg("\"%s\" and \"%s\" do not say the same", one ? one : "", other ? other : "");
	}
	assert_string_equal(board_says(&en, W_NEXT_HELD, "x", "y"), "Held until x: y.");
	assert_string_equal(board_word(&fr, "dispute"), "litige");
	assert_string_equal(board_word(&en, "a_word_of_tomorrow"), "a word of tomorrow");
}

static void the_reader_chooses(void **state)
{
	static const struct {
		const char *accept;
		enum report_language language;
	} rows[] = { { NULL, REPORT_EN }, { "", REPORT_EN }, { "fr", REPORT_FR }, { "fr-CA, en;q=0.8", REPORT_FR }, { "en-GB,en;q=0.9,fr;q=0.8", REPORT_EN },
		{ "de, fr;q=0.7, en;q=0.3", REPORT_FR }, { "de", REPORT_EN }, { "fry", REPORT_EN }, { "fr;q=0", REPORT_EN }, { ",,;q=, fr", REPORT_FR } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (board_language(rows[i].accept) != rows[i].language)
			fail_msg("%s", rows[i].accept ? rows[i].accept : "(nothing)");
}

static void is_plain(const struct buf *out)
{
	const char *text = buf_str(out);

	assert_null(strstr(text, "<script"));
	assert_null(strstr(text, "style=\""));
	assert_null(strstr(text, "(null)"));
	assert_null(strstr(text, "%s"));
	assert_null(strstr(text, "{}"));
	assert_non_null(strstr(text, "</html>"));
}

/* Whatever a producer writes is text on every page. */
static void texts_stay_texts(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, LADDER, TEN);
	w.e.invoice.snapshot.number = HOSTILE;
	w.debtor.customer.name = HOSTILE;
	walked(&w, "reminder", STEP_SENT, HOSTILE, "2026-04-02T08:00:00Z");
	escalation_hold(&w.e, w.arena, &(struct hold_entry){ .reason = "operator", .until = INT64_MAX / 2, .who = HOSTILE, .why = HOSTILE });
	for (int l = 0; l < BOARD_LANGUAGE_COUNT; l++) {
		CLEANUP(buf_clear) struct buf out = { 0 };
		struct board b = board(w.arena, &out, (enum report_language)l);
		struct board_entry entry = { .e = w.e, .d = &w.debtor };
		struct board_list list = { .entries = &entry, .count = 1, .words = HOSTILE, .filter = FILTER_HELD, .next = "0:1", .walked = true };
		struct board_file file = { .d = &w.debtor, .entries = &entry, .count = 1, .other_log = HOSTILE };
		struct board_form form = { .action = BOARD_HOLD, .entry = &entry, .target = HOSTILE, .pass = "p", .why = HOSTILE, .why_wrong = "x" };

		board_list(&b, &list);
		is_plain(&out);
		buf_reset(&out);
		board_invoice(&b, &entry, true);
		is_plain(&out);
		buf_reset(&out);
		board_debtor(&b, &file);
		is_plain(&out);
		buf_reset(&out);
		board_form(&b, &form);
		is_plain(&out);
		buf_reset(&out);
		board_sign_in(&b, true);
		is_plain(&out);
	}
	world_clear(&w);
}

static int wrongs(struct arena *arena, const char *status, struct buf *items)
{
	struct board b = board(arena, NULL, REPORT_EN);
	struct json root;

	assert_int_equal(json_parse(arena, status, strlen(status), 0, &root, NULL), 0);
	return board_wrongs(&b, &root, items);
}

static void what_is_wrong_is_said(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf items = { 0 };

	(void)state;
	assert_int_equal(wrongs(arena, "{\"partitions\":[{\"partition\":0,\"state\":\"running\",\"redis_connected\":true}],\"trail\":{\"signed\":true}}",
		&items), 0);
	assert_int_equal(wrongs(arena, "{\"partitions\":[{\"partition\":3,\"state\":\"running\",\"redis_connected\":false},"
				       "{\"partition\":4,\"state\":\"refused\","
				       "\"reason\":\"<b>back</b>\",\"redis_connected\":true},{\"partition\":5,\"state\":\"running\",\"feed_stale\":true,\"holding\":\"brake\",\"dead\":7,"
				       "\"redis_connected\":true},{\"partition\":6,\"state\":\"passive\",\"owner\":null,\"redis_connected\":true}],"
				       "\"dead_letters\":2,\"clock_doubt\":\"clock_jump\",\"trail\":{\"signed\":false,\"no_space\":true},"
				       "\"providers\":[{\"name\":\"mail\",\"state\":\"down\"},{\"name\":\"sms\",\"state\":\"asked\"},"
				       "{\"name\":\"post\",\"state\":\"stopped\"},{\"name\":\"slow\",\"state\":\"paused\"}],\"anchors\":{\"set_back\":true}}",
				 &items), 11);
	assert_non_null(strstr(buf_str(&items), "Redis does not answer (partition 3)"));
	assert_non_null(strstr(buf_str(&items), "&lt;b&gt;back&lt;/b&gt;"));
	assert_non_null(strstr(buf_str(&items), "too many contacts an hour"));
	assert_non_null(strstr(buf_str(&items), "Provider mail does not answer"));
	assert_non_null(strstr(buf_str(&items), "Provider post refuses the account"));
	assert_null(strstr(buf_str(&items), "slow")); /* it asked for a pause */
	assert_non_null(strstr(buf_str(&items), "No instance leads partition 6"));
	assert_non_null(strstr(buf_str(&items), "2 events that cannot be read"));
	assert_non_null(strstr(buf_str(&items), "all sending is held. See"));
	/* what only proves less holds nothing, and unsigned is no fault */
	buf_reset(&items);
	assert_int_equal(wrongs(arena, "{\"partitions\":[{\"partition\":0,\"state\":\"passive\",\"owner\":\"b\",\"redis_connected\":true,\"dead\":3}],"
				       "\"dead_letters\":0,\"trail\":{\"signed\":false},\"anchors\":{\"set_back\":false,\"alarm\":true}}", &items), 1);
	assert_non_null(strstr(buf_str(&items), "has not vouched"));
	assert_null(strstr(buf_str(&items), "held"));
}

/* Every word of the daemon's flow_holding() and clock_doubt(): in French none is left as it stands in the code. */
static void what_holds_has_words(void **state)
{
	static const char *const words[] = { "trail_set_back", "adopting", "backlog", "no_space", "store_refuses", "replicas", "suspended", "brake", "clock_jump",
		"clock_unset", "clock_before_log" };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct board fr = board(arena, NULL, REPORT_FR), en = board(arena, NULL, REPORT_EN);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		char *plain = arena_strdup(arena, words[i]);

		for (char *p = plain; *p; p++)
			*p = *p == '_' ? ' ' : *p;
		if (strcmp(board_word(&fr, words[i]), plain) == 0 || strcmp(board_word(&fr, words[i]), board_word(&en, words[i])) == 0)
			fail_msg("%s has no words", words[i]);
	}
}

/* Ten days past due: one bucket; nothing billed long ago; the queue has it at its hour, and not while it is held. */
static void figures_and_queue(void **state)
{
	struct board_today today = { 0 };
	struct book_figures figures;
	const struct zone *zone;
	struct world w;

	(void)state;
	world_init(&w, LADDER, TEN);
	assert_int_equal(zone_get("Europe/Paris", &zone), 0);
	book_figures_begin(&figures, zone, date_add_days(w.e.invoice.snapshot.due_on, 31));
	book_figures_add(&figures, &w.e);
	book_figures_add(&figures, &w.e);
	assert_int_equal(figures.count, 1);
	assert_int_equal(figures.currencies[0].count[2], 2);
	assert_int_equal(figures.currencies[0].amount[2], 2 * w.e.invoice.snapshot.total);
	assert_int_equal(figures.currencies[0].all, figures.currencies[0].amount[2]);
	assert_int_equal(book_dso(&figures.currencies[0], 0), -1);
	assert_int_equal(book_dso(&figures.currencies[0], BOOK_MONTHS - 1), 900); /* all that was billed is owed */
	assert_int_equal(figures.spans[BOOK_MONTHS - 2].day.days, date_add_days(date_of(2026, 5, 1), -1).days);
	w.e.state = ESCALATION_WAITING;
	w.e.next_at = at("2026-04-11T07:15:00Z");
	board_queue_add(&today, zone, at("2026-04-09T13:30:00Z"), &w.e);
	w.e.held = "dispute";
	board_queue_add(&today, zone, at("2026-04-09T13:30:00Z"), &w.e);
	assert_int_equal(today.queue[2][9], 1); /* in Paris */
	w.e.held = NULL;
	w.e.acts_at = at("2026-04-12T07:15:00Z"); /* before that only something is told */
	board_queue_add(&today, zone, at("2026-04-09T13:30:00Z"), &w.e);
	assert_true(today.queue[2][9] == 1 && today.queue[3][9] == 1);
	w.e.acts_at = 0;
	w.e.next_at = at("2026-04-01T07:15:00Z");
	board_queue_add(&today, zone, at("2026-04-09T13:30:00Z"), &w.e);
	assert_int_equal(today.queue[0][15], 1); /* it is late: now */
	world_clear(&w);
}


#define STATUS                                                                                                                       \
	"{\"version\":\"1\",\"mode\":\"shadow\",\"started_at\":\"2026-04-01T08:00:00Z\",\"partitions\":[{\"partition\":0,\"state\":\"running\"," \
	"\"redis_connected\":true},{\"partition\":1,\"state\":\"passive\",\"owner\":\"b\",\"redis_connected\":true}],\"trail\":{\"origin\":\"o\",\"signed\":true," \
	"\"year\":2026,\"records\":9,\"size\":9,\"root\":\"ab\",\"behind\":0},\"providers\":[{\"name\":\"mail\",\"state\":\"stopped\",\"requests\":3," \
	"\"last_error\":{\"at\":\"2026-04-01T08:00:00Z\",\"reason\":\"<i>\"}}],\"anchors\":{\"each\":[{\"name\":\"tsa\",\"kind\":\"timestamp\"," \
	"\"state\":\"anchored\",\"size\":9}]}}"
#define TASK                                                                                                                         \
	"{\"kind\":\"decision\",\"invoices\":[\"INV-1\"],\"debtor\":\"cus_7\",\"step\":\"worth-it\",\"reason\":\"<b>\"," \
	"\"script\":\"<i>\",\"deadline\":1776000000000}"

static struct json parsed(struct arena *arena, const char *text)
{
	struct json *root = arena_alloc(arena, sizeof(*root));

	assert_int_equal(json_parse(arena, text, strlen(text), 0, root, NULL), 0);
	return *root;
}

static void says(const struct buf *out, const char *text)
{
	if (!strstr(buf_str(out), text))
		fail_msg("\"%s\" is not said: %s", text, buf_str(out));
}

/* The day of a book with one invoice of everything, and of an empty one. */
static void the_day(void **state)
{
	struct book_figures figures;
	struct digest digest;
	struct world w;

	(void)state;
	world_init(&w, LADDER, TEN);
	for (int l = 0; l < BOARD_LANGUAGE_COUNT; l++) {
		CLEANUP(buf_clear) struct buf out = { 0 };
		struct board b = board(w.arena, &out, (enum report_language)l);
		struct board_task waits[] = { { .id = "decision:INV-1:worth-it", .root = parsed(w.arena, TASK) },
			{ .id = "answer_customer:cus_9", .root = parsed(w.arena, "{\"kind\":\"answer_reply\",\"debtor\":\"cus_9\",\"invoices\":[]}") } };
		struct board_today today = { .as_of = b.now, .digest = &digest, .figures = &figures, .status = parsed(w.arena, STATUS) };

		digest_begin(&digest, w.arena, b.zone, date_of(2026, 4, 10), 0);
		book_figures_begin(&figures, b.zone, date_of(2026, 4, 9));
		board_today(&b, &today);
		is_plain(&out);
		says(&out, l == REPORT_EN ? "Nothing waits for you." : "Rien ne vous attend.");
		w.e.held = "dispute";
		w.e.walk_count = 0;
		walked(&w, "reminder", STEP_SENT, NULL, "2026-04-09T08:00:00Z");
		walked(&w, "call", STEP_SKIPPED, "no_address", "2026-04-09T08:00:00Z");
		assert_true(digest_invoice(&digest, &w.e));
		assert_false(digest_invoice(&digest, &w.e));
		book_figures_add(&figures, &w.e);
		today.tasks = waits;
		today.task_count = ARRAY_LEN(waits);
		today.tasks_open = 12;
		today.queue[1][9] = 3;
		buf_reset(&out);
		figures.more = true;
		board_today(&b, &today);
		is_plain(&out);
		says(&out, l == REPORT_EN ? "One thing needs your attention" : "Une chose demande votre attention"); /* the provider that refuses the account */
		says(&out, l == REPORT_EN ? "Other currencies are left out of these figures." : "D’autres monnaies ne sont pas dans ces chiffres.");
		says(&out, l == REPORT_EN ? "09:00 – 3 steps" : "09:00 – 3 étapes");
		says(&out, l == REPORT_EN ? "no address" : "pas d’adresse");
		says(&out, "<b>12</b>");
		says(&out, "<a href=\"/debtor?id=cus_9\">cus_9</a>"); /* it is about no invoice */
		today.as_of = 0;
		buf_reset(&out);
		board_today(&b, &today);
		says(&out, l == REPORT_EN ? "The book is being read" : "Les factures sont en cours de lecture");
	}
	world_clear(&w);
}

/* What ends by a word that the form cannot take says which; a message in doubt is answered for, and no "done" is offered there. */
static void each_task_ends_by_its_own_word(void **state)
{
	static const struct {
		const char *id, *task, *has, *has_not;
	} cases[] = {
		{ "call:INV-1:call", "{\"kind\":\"call\",\"invoices\":[\"INV-1\"]}", "<code>dunningctl call log call:INV-1:call ", "/do?" },
		{ "commitment:INV-1", "{\"kind\":\"commitment\",\"invoices\":[\"INV-1\"]}", "dunningctl commitment withdraw INV-1 WHY", "/do?" },
		{ "unknown_attempt:a1", "{\"kind\":\"unknown_attempt\",\"invoices\":[\"INV-1\"]}", "/do?what=decide&amp;id=INV-1&amp;", "what=done" },
		{ "refused:INV-1", "{\"kind\":\"refused\",\"invoices\":[\"INV-1\"]}", "/do?what=done&amp;id=refused%3AINV-1&amp;", "<code>" },
		{ "answer_customer:cus_9", "{\"kind\":\"answer_reply\",\"debtor\":\"cus_9\",\"invoices\":[],\"script\":\"hello\"}",
			"/do?what=done&amp;id=answer_customer%3Acus_9&amp;", "/invoice?" },
	};
	struct world w;

	(void)state;
	world_init(&w, LADDER, TEN);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(buf_clear) struct buf out = { 0 };
		struct board b = board(w.arena, &out, REPORT_EN);
		struct board_task task = { .id = cases[i].id, .root = parsed(w.arena, cases[i].task) };

		board_tasks(&b, &(struct board_tasks){ &task, 1, NULL });
		is_plain(&out);
		says(&out, cases[i].has);
		assert_null(strstr(out.data, cases[i].has_not));
	}
	world_clear(&w);
}

static void tasks_policies_and_health(void **state)
{
	struct policy_rule rule = { .policy = "other" };
	struct config config = { .policy_default = "ladder", .policy_rules = &rule, .policy_rule_count = 1 };
	struct library_unfit unfit = { "never", "<no> letter" };
	struct world w;

	(void)state;
	world_init(&w, LADDER, TEN);
	for (int l = 0; l < BOARD_LANGUAGE_COUNT; l++) {
		CLEANUP(buf_clear) struct buf out = { 0 };
		struct board b = board(w.arena, &out, (enum report_language)l);
		struct board_task task = { .id = "decision:INV-1:worth-it", .root = parsed(w.arena, TASK) };
		struct board_tasks tasks = { &task, 1, "0:50" }, none = { 0 };
		struct json status = parsed(w.arena, STATUS), bare = parsed(w.arena, "{\"trail\":{\"origin\":\"o\",\"signed\":false}}");
		struct policy *policies[] = { w.policy, &(struct policy){ .name = "nothing", .title = "" } };
		struct library library = { .policies = policies, .policy_count = 2, .unfit = &unfit, .unfit_count = 1 };

		board_tasks(&b, &tasks);
		is_plain(&out);
		says(&out, "what=decide&amp;id=decision%3AINV-1%3Aworth-it");
		board_tasks(&b, &none);
		buf_reset(&out);
		board_policies(&b, &library, &config);
		is_plain(&out);
		says(&out, "&lt;no&gt; letter");
		says(&out, l == REPORT_EN ? "first reminder" : "première relance");
		says(&out, l == REPORT_EN ? "This policy contacts nobody." : "Ce protocole ne relance personne.");
		buf_reset(&out);
		board_health(&b, &status);
		is_plain(&out);
		says(&out, l == REPORT_EN ? "time stamp" : "horodatage");
		says(&out, l == REPORT_EN ? "another instance has it" : "une autre instance s’en charge");
		buf_reset(&out);
		board_health(&b, &bare);
		is_plain(&out);
		says(&out, "dunningctl trail key new");
	}
	world_clear(&w);
}

/* What was said and what was not, newest first, each with its place in the trail. */
static void a_timeline(void **state)
{
	const struct attachment letter = { .name = HOSTILE, .type = "application/pdf", .data = "x", .len = 1 };
	const char *invoices[] = { "INV-1" };
	struct case_contact contacts[] = {
		{ .place = { .folder = "records/0001", .at = 1775000000000 }, .step = "reminder", .channel = "email", .outcome = "accepted", .receipt = "delivered",
			.name = HOSTILE, .address = HOSTILE, .invoices = invoices, .invoice_count = 1,
			.message = { .subject = HOSTILE, .text = HOSTILE, .html = "<p>x</p>", .attachments = &letter, .attachment_count = 1,
				.from = { .name = HOSTILE } } },
		{ .place = { .folder = "records/0002", .at = 1775100000000 }, .channel = "call", .outcome = "done", .note = HOSTILE, .by = HOSTILE,
			.message = { .text = "say" } },
		{ .place = { .folder = "records/0003", .at = 1775200000000 }, .step = "stop:sms", .channel = "sms", .message_closed = true },
	};
	struct case_entry entries[] = {
		{ .place = { .folder = "records/0003", .at = 1775050000000 }, .kind = "attempt.deferred", .invoice = "INV-1", .step = "call", .reason = "cap",
			.until = 1775060000000, .silence = true },
		{ .place = { .folder = "elsewhere" }, .kind = "phone.note", .text = HOSTILE },
	};
	struct case_file file = { .contacts = contacts, .contact_count = 3, .entries = entries, .entry_count = 2 };
	const struct board_record records[] = { { 2026, 7 }, { 2026, 8 }, { 2026, 9 } };
	struct world w;

	(void)state;
	world_init(&w, LADDER, TEN);
	w.debtor.opt_out[CHANNEL_SMS].on = true;
	w.contact.external = true;
	for (int l = 0; l < BOARD_LANGUAGE_COUNT; l++) {
		CLEANUP(buf_clear) struct buf out = { 0 };
		struct board b = board(w.arena, &out, (enum report_language)l);
		struct board_file shown = { .d = &w.debtor, .file = &file, .records = records, .record_count = 3, .older = "2026-6" };

		board_debtor(&b, &shown);
		is_plain(&out);
		says(&out, "/message?log=2026&amp;n=7&amp;part=html");
		says(&out, "/message?log=2026&amp;n=7&amp;part=0");
		says(&out, l == REPORT_EN ? "Record 2026/8" : "Enregistrement 2026/8");
		says(&out, l == REPORT_EN ? "The message is erased." : "Le message est effacé.");
		says(&out, "from=2026-6");
		assert_true(strstr(buf_str(&out), "2026/9") < strstr(buf_str(&out), "2026/7"));
		shown.older = NULL;
		shown.newest = shown.erased = true;
		buf_reset(&out);
		board_debtor(&b, &shown);
		says(&out, l == REPORT_EN ? "What came before is erased" : "Ce qui précède est effacé");
	}
	world_clear(&w);
}

/* Each kind of what comes next has its sentence, and what can be done about it. */
static void what_comes_next(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, LADDER, TEN);
	for (int kind = NEXT_NONE; kind <= NEXT_ASIDE; kind++) {
		CLEANUP(buf_clear) struct buf out = { 0 };
		struct board b = board(w.arena, &out, REPORT_EN);
		struct board_entry entry = { .e = w.e, .d = &w.debtor, .policy = w.policy,
			.next = { .kind = (enum next_kind)kind, .at = b.now + DAY_MS, .why = "dispute", .aside = { .id = "confirm:2" } } };
		struct board_list list = { .entries = &entry, .count = 1 };

		board_invoice(&b, &entry, false);
		is_plain(&out);
		board_list(&b, &list);
		is_plain(&out);
	}
	for (int s = ESCALATION_STUB; s < ESCALATION_STATE_COUNT; s++) {
		CLEANUP(buf_clear) struct buf out = { 0 };
		struct board b = board(w.arena, &out, REPORT_FR);
		struct board_entry entry = { .e = w.e, .next = { .kind = NEXT_NONE } };
		struct board_form form = { .action = BOARD_DECIDE, .entry = &entry, .target = "INV-1", .pass = "p", .decision = "pursue" };
		bool decides = s == ESCALATION_GATE || s == ESCALATION_DOUBT;

		entry.e.state = (enum escalation_state)s;
		entry.e.closed = s == ESCALATION_CLOSED ? "paid" : NULL;
		assert_int_equal(board_asked(&entry, BOARD_DECIDE), decides);
		assert_int_equal(board_asked(&entry, BOARD_HOLD), s != ESCALATION_CLOSED);
		board_form(&b, &form);
		is_plain(&out);
		board_invoice(&b, &entry, false);
		is_plain(&out);
		assert_int_equal(board_matches(&entry.e, FILTER_PERSON, NULL), s == ESCALATION_TASK || s == ESCALATION_GATE);
		assert_int_equal(board_matches(&entry.e, FILTER_CLOSED, "INV_4"), s == ESCALATION_CLOSED);
		assert_int_equal(board_matches(&entry.e, FILTER_DOUBT, "nobody"), false);
	}
	{
		struct board_entry entry = { .e = w.e };
		const char *const *words;

		entry.e.state = ESCALATION_WAITING;
		entry.e.held = "exhausted";
		words = escalation_answers(&entry.e);
		assert_string_equal(words[0], "settle");
		assert_string_equal(words[1], "write_off");
		assert_string_equal(words[2], "stop");
		assert_null(words[3]);
	}
	assert_true(board_debtor_matches(&w.debtor, "dupont"));
	assert_true(board_debtor_matches(&w.debtor, "COMPTA@"));
	assert_false(board_debtor_matches(&w.debtor, "martin"));
	world_clear(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_word_is_there_in_both), cmocka_unit_test(the_reader_chooses), cmocka_unit_test(texts_stay_texts),
		cmocka_unit_test(what_is_wrong_is_said), cmocka_unit_test(what_holds_has_words), cmocka_unit_test(figures_and_queue), cmocka_unit_test(the_day),
		cmocka_unit_test(each_task_ends_by_its_own_word), cmocka_unit_test(tasks_policies_and_health), cmocka_unit_test(a_timeline), cmocka_unit_test(what_comes_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
