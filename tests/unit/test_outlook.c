/* What a simulation assumes of those who pay, and the page that shows what comes of it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/escalation.h"
#include "common/file.h"
#include "common/keys.h"
#include "common/utc.h"
#include "tests/support/first_day.h"
#include "tools/outlook_html.h"

#define NOW INT64_C(1772441696000) /* 2026-03-02 */

/* --- assumptions -------------------------------------------------------------------------------------------------------- */

static void assumptions_are_read(void **state)
{
	static const struct {
		const char *text;
		int r;
		enum answer answer;
		int32_t days;
	} rows[] = {
		{ "nobody-pays", 0, NOBODY_PAYS, 0 },
		{ "pays-after:reminder", 0, PAYS_AFTER, 3 },
		{ "pays-after:reminder+5d", 0, PAYS_AFTER, 5 },
		{ "share:20", 0, PAYS_SHARE, 7 },
		{ "history", 0, PAYS_HISTORY, 0 },
		{ "share:101", -EINVAL, 0, 0 },
		{ "share:", -EINVAL, 0, 0 },
		{ "pays-after:", -EINVAL, 0, 0 },
		{ "pays-after:reminder+5h", -EINVAL, 0, 0 },
		{ "everybody", -EINVAL, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct assumption got = { 0 };
		struct err err = { 0 };

		assert_int_equal(assumption_parse(rows[i].text, &got, &err), rows[i].r);
		if (rows[i].r == 0) {
			assert_int_equal(got.answer, rows[i].answer);
			assert_int_equal(got.days, rows[i].days);
		} else {
			assert_non_null(strstr(err.text, "history"));
		}
	}
}

/* --- the history ---------------------------------------------------------------------------------------------------------- */

/* An invoice with two contacts, `first` and `second` days ago; paid `paid` days ago, or open (-1). */
static void add(struct payment_history *history, int first, int second, int paid)
{
	struct walked walk[] = { { .step = "reminder", .end = STEP_SENT, .at = NOW - first * DAY_MS },
		{ .step = "text", .end = STEP_SKIPPED, .reason = "no_address", .at = NOW - first * DAY_MS },
		{ .step = "call", .end = STEP_DONE, .at = NOW - second * DAY_MS } };
	struct fact payment = { .kind = FACT_PAYMENT, .id = "p", .amount = 100, .at = NOW - paid * DAY_MS };
	struct escalation e = { .invoice = { .id = "i", .known = true, .snapshot = { .total = 100 } }, .walk = walk, .walk_count = ARRAY_LEN(walk) };

	if (paid >= 0) {
		e.state = ESCALATION_CLOSED;
		e.closed = "paid";
		e.invoice.facts = &payment;
		e.invoice.fact_count = 1;
	} else {
		e.state = ESCALATION_WAITING;
	}
	payment_history_add(history, &e, NOW);
}

static void a_payment_belongs_to_the_contact_before_it(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct payment_history history;
	const struct paid_step *all;

	(void)state;
	payment_history_begin(&history, arena);
	add(&history, 50, 40, 46); /* 4 days after the reminder, before the call */
	add(&history, 50, 40, 38); /* 2 days after the call */
	add(&history, 50, 40, -1); /* never */
	add(&history, 50, 3, -1); /* the call may still bear fruit */
	all = &history.steps[0];
	assert_int_equal(all->contacts, 4 + 2); /* reminders, and the calls of the second and the third */
	assert_int_equal(all->paid, 2);
	assert_int_equal(all->days[4], 1);
	assert_int_equal(all->days[2], 1);
	assert_int_equal(history.count, 3); /* nobody was contacted by "text" */
	assert_string_equal(history.steps[1].step, "reminder");
	assert_int_equal(history.steps[1].contacts, 4);
	assert_int_equal(history.steps[1].paid, 1);
	assert_int_equal(history.steps[2].contacts, 2);
	assert_int_equal(history.steps[2].paid, 1);
	assert_ptr_equal(payment_history_of(&history, "reminder"), all); /* four are too few */
}

static void people_pay_as_often_and_as_soon_as_they_did(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct payment_history history;
	int64_t days[HISTORY_DAYS_MAX + 1] = { 0 };

	(void)state;
	payment_history_begin(&history, arena);
	for (int i = 0; i < 30; i++)
		add(&history, 50, 40, i < 6 ? 46 : i < 9 ? 49 : -1);
	assert_ptr_equal(payment_history_of(&history, "reminder"), &history.steps[1]);
	for (uint32_t i = 0; i < 3000; i++)
		days[payment_history_answer(&history, "reminder", (uint32_t)(((uint64_t)(2 * i + 1) << 31) / 3000))]++;
	assert_int_equal(days[4], 600);
	assert_int_equal(days[1], 300);
	assert_int_equal(days[0], 2100); /* not at all */
}

/* --- gates ------------------------------------------------------------------------------------------------------------------ */

#define MAIL(id, at, tone) "{\"id\":\"" id "\",\"at\":\"due+" at "\",\"channel\":\"email\",\"template\":\"reminder\",\"tone\":\"" tone "\"}"
#define POLICY(name, steps) "{\"name\":\"" name "\",\"title\":\"T\",\"caps\":[],\"steps\":[" steps "]}"
static const char asks[] = POLICY("asks", MAIL("first", "1d", "friendly") ",{\"id\":\"worth-it\",\"at\":\"due+10d\",\"gate\":\"decision\","
	"\"role\":\"owner\",\"owner\":\"Lea Martin\",\"approver\":\"Anne \\\"Nan\\\" Durand\"}," MAIL("last", "15d", "neutral"));
static const char asks_nobody[] = POLICY("asks-nobody", MAIL("other", "20d", "friendly"));
static const char invoice[] = "{\"specversion\":\"1.0\",\"id\":\"e1\",\"source\":\"https://billing.example\",\"type\":\"invoice.finalized\","
	"\"time\":\"2026-03-01T08:00:00Z\",\"data\":{\"invoice\":{\"id\":\"inv_1\",\"number\":\"F-1\",\"status\":\"open\",\"issued_on\":\"2026-02-01\","
	"\"due_on\":\"2026-03-03\",\"currency\":\"EUR\",\"total_minor\":120000,\"due_minor\":120000},\"customer\":{\"id\":\"cus_1\",\"name\":\"D\","
	"\"country\":\"FR\",\"timezone\":\"Europe/Paris\",\"contacts\":[{\"id\":\"c\",\"email\":\"c@d.example\"}]}}}";

/* A book of one invoice, and the policy that it walks beside the shipped ones. */
struct played {
	struct arena *arena;
	struct config *config;
	struct library *library;
	struct book book;
};

static void open_policy(struct played *p, const char *name, const char *policy)
{
	char path[] = "/tmp/dunningd-test-outlook-XXXXXX.json";
	struct err err = { 0 };
	const char *text;
	int fd = mkstemps(path, 5);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(file_replace(path, policy, strlen(policy), 0600), 0);
	*p = (struct played){ .arena = arena_create() };
	p->book.arena = p->arena;
	text = first_day_config(p->arena, "fr-FR", "Europe/Paris", name);
	if (config_parse(text, strlen(text), &p->config, &err) < 0 ||
		library_load_with(p->config, SOURCE_DIR "/daemon/share", path, &p->library, &err) < 0)
		fail_msg("%s: %s %s", name, err.path, err.text);
	assert_int_equal(unlink(path), 0);
}

static void close_policy(struct played *p)
{
	library_free(p->library);
	config_free(p->config);
	arena_free(p->arena);
}

/* The book as the daemon has it `days` later, into another one. */
static void walk(struct played *p, int days, struct book *to)
{
	const struct simulation_watch nobody = { 0 };
	CLEANUP(simulation_freep) struct simulation *sim = simulation_create(&(struct simulation_settings){ .config = p->config,
		.library = p->library, .begin = NOW, .end = NOW + days * DAY_MS }, &nobody);
	struct keyspace keys = simulation_keys(sim);
	struct book_doc *docs = arena_alloc(to->arena, 2 * sizeof(*docs));
	struct book_due *due = arena_alloc(to->arena, sizeof(*due));
	struct escalation e = { .invoice.id = "inv_1" };
	struct err err = { 0 };

	simulation_event(sim, NOW, invoice, sizeof(invoice) - 1, false);
	if (simulation_run(sim, &err) < 0)
		fail_msg("%s", err.text);
	docs[0] = (struct book_doc){ .kind = BOOK_ESCALATION, .id = "inv_1" };
	docs[1] = (struct book_doc){ .kind = BOOK_DEBTOR, .id = "cus_1" };
	for (int i = 0; i < 2; i++) {
		const char *text = simulation_get(sim, i ? key_debtor(to->arena, &keys, "cus_1") : key_escalation(to->arena, &keys, "inv_1"), &docs[i].len);

		assert_non_null(text);
		docs[i].text = arena_memdup(to->arena, text, docs[i].len);
	}
	assert_int_equal(escalation_read(to->arena, docs[0].text, docs[0].len, &e, &err), 0);
	assert_int_equal(e.state, ESCALATION_GATE);
	*due = (struct book_due){ "inv_1", e.next_at };
	to->docs = docs;
	to->doc_count = 2;
	to->dues = due;
	to->due_count = 1;
}

/* The contacts of sixty days from `begin` on, "first last"; nothing is refused. */
static const char *contacts_of(struct played *p, const struct book *book, int64_t begin, bool gates, const char *moved_from, const char *moved_to)
{
	struct outlook_settings settings = { .config = p->config, .library = p->library, .book = book, .begin = begin, .end = begin + 60 * DAY_MS,
		.gates = gates, .moved_from = moved_from, .moved_to = moved_to };
	CLEANUP(outlook_freep) struct outlook *o = NULL;
	struct err err = { 0 };
	const char *list = "";

	if (outlook_play(&settings, &o, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < o->contact_count; i++)
		list = arena_printf(p->arena, "%s%s%s", list, *list ? " " : "", o->contacts[i].step);
	for (size_t i = 0; i < o->tally_count; i++)
		if (strcmp(o->tallies[i].kind, "refused") == 0)
			fail_msg("refused: %s", o->tallies[i].reason);
	return list;
}

static void whoever_is_asked_goes_on(void **state)
{
	struct played p;
	struct book live;

	(void)state;
	open_policy(&p, "asks", asks);
	book_add_event(&p.book, &(struct book_event){ NOW, invoice, sizeof(invoice) - 1, false });
	assert_string_equal(contacts_of(&p, &p.book, NOW, false, NULL, NULL), "first");
	assert_string_equal(contacts_of(&p, &p.book, NOW, true, NULL, NULL), "first last");
	live = (struct book){ .arena = p.arena };
	walk(&p, 12, &live);
	assert_string_equal(contacts_of(&p, &live, NOW + 12 * DAY_MS, false, NULL, NULL), "");
	assert_string_equal(contacts_of(&p, &live, NOW + 12 * DAY_MS, true, NULL, NULL), "last"); /* also who was asked before */
	assert_string_equal(contacts_of(&p, &live, NOW + 12 * DAY_MS, true, "asks", "asks"), "last");
	close_policy(&p);
}

/* Under a policy that has neither the steps that were taken nor the question that is open. */
static void a_question_that_is_not_asked_there_holds_nobody(void **state)
{
	struct played p, other;
	struct book live;

	(void)state;
	open_policy(&p, "asks", asks);
	live = (struct book){ .arena = p.arena };
	walk(&p, 12, &live);
	open_policy(&other, "asks-nobody", asks_nobody);
	assert_string_equal(contacts_of(&other, &live, NOW + 12 * DAY_MS, false, "asks", "asks-nobody"), "other");
	close_policy(&other);
	close_policy(&p);
}

/* --- the page --------------------------------------------------------------------------------------------------------------- */

static size_t count_of(const char *text, const char *needle)
{
	size_t n = 0;

	for (; (text = strstr(text, needle)); text += strlen(needle))
		n++;
	return n;
}

static void the_page_shows_steps_and_debtors_and_nothing_raw(void **state)
{
	static const char *const invoices[] = { "inv_1" };
	static const char *const reminder = "reminder", *const gate = "worth-it";
	struct outlook_contact contacts[] = {
		{ .at = NOW, .day = { NOW / DAY_MS }, .minute = 600, .debtor = "cus_1", .name = "<b>Dupont</b> & \"Co\"", .step = reminder, .channel = "email",
			.tone = "friendly", .invoices = invoices, .invoice_count = 1, .why = "min_gap" },
		{ .at = NOW + DAY_MS, .day = { NOW / DAY_MS + 1 }, .minute = 601, .debtor = "cus_1", .step = reminder, .channel = "sms", .tone = "friendly",
			.invoices = invoices, .invoice_count = 1 },
	};
	struct outlook_tally tallies[] = { { "deferred", reminder, "min_gap", 7 }, { "gate", gate, "decision", 4 }, { "hold", NULL, "exhausted", 2 } };
	struct outlook o = { .begin = NOW, .end = NOW + 30 * DAY_MS, .contacts = contacts, .contact_count = ARRAY_LEN(contacts), .tallies = tallies,
		.tally_count = ARRAY_LEN(tallies), .debtors = 1 };
	CLEANUP(buf_clear) struct buf page = { 0 };
	const char *text;

	(void)state;
	outlook_html(&page, &(struct outlook_page){ .title = "What <will> go out", .outlook = &o });
	text = buf_str(&page);
	assert_null(strstr(text, "<b>Dupont"));
	assert_null(strstr(text, "<will>"));
	assert_null(strstr(text, "<script"));
	assert_non_null(strstr(text, "&lt;b&gt;Dupont&lt;/b&gt; &amp; &quot;Co&quot;"));
	assert_int_equal(count_of(text, "min&nbsp;gap&nbsp;7"), 1); /* once for a step that goes out by two channels */
	assert_int_equal(count_of(text, "decision&nbsp;4"), 1);
	assert_int_equal(count_of(text, "hold&nbsp;exhausted&nbsp;2"), 1);
	assert_non_null(strstr(text, "2026-03-02 reminder</span>, <span class=\"d\">2026-03-03 reminder"));
	assert_int_equal(count_of(text, "<rect "), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(assumptions_are_read),
		cmocka_unit_test(a_payment_belongs_to_the_contact_before_it),
		cmocka_unit_test(people_pay_as_often_and_as_soon_as_they_did),
		cmocka_unit_test(whoever_is_asked_goes_on),
		cmocka_unit_test(a_question_that_is_not_asked_there_holds_nobody),
		cmocka_unit_test(the_page_shows_steps_and_debtors_and_nothing_raw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
