/* What happened, out of the records of a bundle; and what the report says of it. */
#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/case_file.h"
#include "common/report.h"
#include "common/report_words.h"
#include "tests/unit/bundle_world.h"
#include "tools/evidence.h"

#define AT(kind, time) "\"kind\":\"" kind "\",\"time\":\"" time "\",\"build\":\"0.1.0\","
#define APPLIED(event, id, time) "\"event\":\"" event "\",\"event_id\":\"" id "\",\"event_source\":\"s\",\"event_time\":" time ","
#define INVOICE(id, number, total, paid, credited, due)                                                                          \
	"\"invoice\":\"" id "\",\"number\":\"" number "\",\"issued_on\":\"2026-03-02\",\"due_on\":\"2026-04-01\",\"currency\":\"EUR\"," \
	"\"total_minor\":" total ",\"paid_minor\":" paid ",\"credited_minor\":" credited ",\"due_minor\":" due
#define ATTEMPT(id) "\"attempt\":\"" id "\",\"invoices\":[\"i1\",\"i2\"],\"step\":\"reminder\",\"channel\":\"email\",\"provider\":\"p\""

struct story {
	struct bundle_world w;
	struct case_file file;
	struct bundle bundle;
};

static struct story *begin(struct arena *arena)
{
	struct story *s = arena_alloc(arena, sizeof(*s));

	world_begin(&s->w, arena, 300);
	return s;
}

static void tell(struct story *s, const char *members)
{
	world_record(&s->w, s->w.count, members, NULL, 0);
}

static void tell_with(struct story *s, const char *members, const char *name, const char *data)
{
	struct bundle_part part = { .name = name, .there = data != NULL, .data = { (const uint8_t *)data, data ? strlen(data) : 0 } };

	world_record(&s->w, s->w.count, members, &part, 1);
}

static void read_story(struct story *s)
{
	struct err err = { 0 };

	world_sign(&s->w);
	s->bundle = world_bundle(&s->w, SIZE_MAX, false);
	assert_int_equal(bundle_finish(&s->bundle, &s->w.log.key, NULL), 0);
	if (case_file_read(&s->bundle, &s->file, &err) < 0)
		fail_msg("%s", err.text);
}

static void two_invoices(struct story *s)
{
	tell(s, AT("invoice.opened", "2026-03-02T09:00:00Z") APPLIED("invoice.finalized", "e1", "1772442000000") INVOICE("i1", "F-1", "120000", "0", "0", "120000"));
	tell(s, AT("invoice.opened", "2026-03-02T09:00:00Z") APPLIED("invoice.finalized", "e2", "1772442000000") INVOICE("i2", "F-2", "5050", "0", "0", "5050"));
}

static void html(struct story *s, enum report_language l, struct buf *ret)
{
	struct report report;

	report_make(&s->file, l, s->bundle.arena, &report);
	report_html(&report, ret);
}

static void says(const struct buf *page, const char *text)
{
	if (!strstr(buf_str(page), text))
		fail_msg("the report does not say %s", text);
}

/* --- account --------------------------------------------------------------------------------------- */

static void the_account_adds_up(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct story *s = begin(arena);

	(void)state;
	two_invoices(s);
	tell(s, AT("payment.received", "2026-04-02T09:00:00Z") APPLIED("invoice.payment_received", "e3", "1775120400000") "\"invoice\":\"i1\",\"fact\":\"p1\",\"amount_minor\":40000");
	tell(s, AT("credit.issued", "2026-04-03T09:00:00Z") APPLIED("credit_note.issued", "e4", "1775206800000") "\"invoice\":\"i1\",\"fact\":\"c1\",\"amount_minor\":999");
	tell(s, AT("payment.reversed", "2026-04-04T09:00:00Z") APPLIED("invoice.payment_reversed", "e5", "1775293200000") "\"invoice\":\"i1\",\"fact\":\"p1\"");
	tell(s, AT("payment.confirmed", "2026-04-05T09:00:00Z") APPLIED("invoice.paid", "e6", "1775379600000") INVOICE("i2", "F-2", "5050", "5050", "0", "0"));
	tell(s, AT("invoice.closed", "2026-04-05T09:00:00Z") "\"invoice\":\"i2\",\"reason\":\"paid\"");
	read_story(s);
	assert_int_equal(s->file.invoice_count, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct case_invoice *v = &s->file.invoices[i];
		int64_t sum = 0;

		for (size_t k = 0; k < v->booking_count; k++) {
			sum += v->bookings[k].amount;
			assert_int_equal(v->bookings[k].balance, sum);
		}
		assert_int_equal(sum, v->balance);
	}
	assert_int_equal(s->file.invoices[0].balance, 120000 - 999);
	assert_int_equal(s->file.invoices[0].booking_count, 4);
	assert_string_equal(s->file.invoices[0].bookings[1].kind, "payment");
	assert_string_equal(s->file.invoices[0].bookings[3].kind, "payment_reversed");
	assert_int_equal(s->file.invoices[1].balance, 0);
	assert_string_equal(s->file.invoices[1].closed, "paid");
}

static void a_void_invoice_owes_nothing(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct story *s = begin(arena);

	(void)state;
	two_invoices(s);
	tell(s, AT("invoice.changed", "2026-04-02T09:00:00Z") APPLIED("invoice.voided", "e3", "1775120400000") "\"invoice\":\"i1\"");
	read_story(s);
	assert_int_equal(s->file.invoices[0].balance, 0);
	assert_string_equal(s->file.invoices[0].bookings[1].kind, "voided");
	assert_int_equal(s->file.invoices[0].bookings[1].amount, -120000);
}

/* --- contacts -------------------------------------------------------------------------------------- */

static void a_grouped_contact_stands_once(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf page = { 0 };
	struct story *s = begin(arena);

	(void)state;
	two_invoices(s);
	tell_with(s, AT("attempt.intent", "2026-04-02T07:00:00Z") ATTEMPT("A1") ",\"rule\":{\"zone\":\"Europe/Paris\"}", "recipient.json",
		"{\"contact\":\"c1\",\"name\":\"M. <b>Dûpont</b>\",\"address\":\"a@b.example\"}");
	tell(s, AT("attempt.cancelled", "2026-04-02T07:00:01Z") ATTEMPT("A1") ",\"reason\":\"not_started\"");
	tell_with(s, AT("attempt.intent", "2026-04-03T07:00:00Z") ATTEMPT("A1") ",\"rule\":{\"zone\":\"Europe/Paris\"}", "recipient.json",
		"{\"contact\":\"c1\",\"name\":\"M. <b>Dûpont</b>\",\"address\":\"a@b.example\"}");
	tell(s, AT("attempt.in_doubt", "2026-04-03T07:00:30Z") ATTEMPT("A1") ",\"reason\":\"timeout\"");
	tell(s, AT("attempt.reconciled", "2026-04-03T07:10:00Z") ATTEMPT("A1") ",\"reason\":\"accepted\",\"provider_id\":\"x9\",\"status\":202");
	tell(s, AT("attempt.intent", "2026-04-09T07:00:00Z") ATTEMPT("A2"));
	tell(s, AT("attempt.reconciled", "2026-04-09T08:00:00Z") ATTEMPT("A2") ",\"reason\":\"never_sent\"");
	tell(s, AT("attempt.intent", "2026-04-10T07:00:00Z") ATTEMPT("A3"));
	read_story(s);
	assert_int_equal(s->file.contact_count, 2);
	assert_int_equal(s->file.contacts[0].invoice_count, 2);
	assert_string_equal(s->file.contacts[0].outcome, "accepted");
	assert_string_equal(s->file.contacts[0].place.folder, "records/0005");
	assert_string_equal(s->file.contacts[0].provider_id, "x9");
	assert_null(s->file.contacts[1].outcome);
	html(s, REPORT_FR, &page);
	says(&page, "M. &lt;b&gt;Dûpont&lt;/b&gt;\na@b.example");
	says(&page, "3 avril 2026\n09:00 (07:00\u00a0UTC)");
	says(&page, "sort non consigné");
	assert_null(strstr(buf_str(&page), "Contact n° 3"));
	assert_null(strstr(buf_str(&page), "<script"));
	assert_null(strstr(buf_str(&page), "http:"));
	buf_reset(&page);
	html(s, REPORT_DE, &page);
	says(&page, "<html lang=\"de\">");
	says(&page, "Beweismittel: Mahnungen und Zahlungen");
	says(&page, "3. April 2026\n09:00 (07:00\u00a0UTC)");
	says(&page, "Kontakt Nr.\u00a01: E-Mail, 3. April 2026");
	says(&page, "erste Zahlungserinnerung");
	says(&page, "dem Anbieter übergeben, von ihm angenommen");
	says(&page, "kein Ergebnis verzeichnet");
	says(&page, "Ortszeit des Schuldners (Europe/Paris)");
	says(&page, "ihre Würdigung ist Sache des Gerichts");
	assert_null(strstr(buf_str(&page), "Bordereau")); /* French procedure asks for that */
}

static void a_call_is_a_contact_when_it_was_made(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf page = { 0 };
	struct story *s = begin(arena);

	(void)state;
	two_invoices(s);
	tell_with(s, AT("task.opened", "2026-04-06T07:00:00Z") "\"task\":\"call:i1:call\",\"task_kind\":\"call\",\"invoices\":[\"i1\",\"i2\"],\"step\":\"call\"",
		"script.txt", "Say hello.");
	tell_with(s, AT("phone.note", "2026-04-07T07:00:00Z") "\"task\":\"call:i1:call\",\"invoices\":[\"i1\",\"i2\"],\"outcome\":\"in_payment\",\"who\":\"Léa\"",
		"notes.txt", "will pay");
	tell(s, AT("task.closed", "2026-04-07T07:00:00Z") "\"task\":\"call:i1:call\",\"task_kind\":\"call\",\"invoices\":[\"i1\"],\"step\":\"call\",\"result\":\"done\"");
	tell(s, AT("task.opened", "2026-04-16T07:00:00Z") "\"task\":\"call:i1:again\",\"task_kind\":\"call\",\"invoices\":[\"i1\"],\"step\":\"again\"");
	tell(s, AT("task.closed", "2026-04-17T07:00:00Z") "\"task\":\"call:i1:again\",\"task_kind\":\"call\",\"invoices\":[\"i1\"],\"step\":\"again\",\"result\":\"expired\"");
	read_story(s);
	assert_int_equal(s->file.contact_count, 1);
	assert_int_equal(s->file.contacts[0].invoice_count, 2);
	assert_string_equal(s->file.contacts[0].place.folder, "records/0005");
	html(s, REPORT_EN, &page);
	says(&page, "“will pay” (Léa)");
	says(&page, "Say hello.");
	says(&page, "what was said is not recorded");
	buf_reset(&page);
	html(s, REPORT_DE, &page);
	says(&page, "„will pay“ (Léa)");
	says(&page, "was gesagt wurde, ist nicht aufgezeichnet");
}

/* What came as an event is read as it came; a provider's word stays the provider's. */
static void events_and_receipts(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf page = { 0 };
	struct story *s = begin(arena);

	(void)state;
	tell_with(s, AT("invoice.opened", "2026-03-02T09:00:00Z") APPLIED("invoice.finalized", "e1", "1772442000000") INVOICE("i1", "F-1", "1", "0", "0", "1"),
		"event.json",
		"{\"specversion\":\"1.0\",\"id\":\"e1\",\"source\":\"s\",\"type\":\"example.invoice.finalized\",\"time\":\"2026-03-02T09:00:00Z\","
		"\"data\":{\"invoice\":{\"id\":\"i1\",\"number\":\"F-1\",\"version\":1,\"status\":\"open\",\"issued_on\":\"2026-03-02\","
		"\"due_on\":\"2026-04-01\",\"currency\":\"EUR\",\"total_minor\":120000,\"paid_minor\":0,\"credited_minor\":0,\"due_minor\":120000},"
		"\"customer\":{\"id\":\"cus_7\",\"name\":\"Dupont\",\"country\":\"FR\",\"kind\":\"company\",\"locale\":\"fr-FR\",\"timezone\":"
		"\"Europe/Paris\",\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"email\":\"a@b.example\"}]}}}");
	tell_with(s, AT("attempt.intent", "2026-04-02T07:00:00Z") ATTEMPT("A1"), "message.json",
		"{\"attempt_id\":\"A1\",\"channel\":\"email\",\"provider\":\"p\",\"to\":{\"email\":\"a@b.example\"},\"from\":{\"name\":\"Acme\",\"email\":"
		"\"c@d.example\"},\"locale\":\"fr\",\"subject\":\"Rappel\",\"text\":\"Bonjour\",\"html\":\"<p>Bonjour</p>\",\"debtor_id\":\"cus_7\","
		"\"step\":\"reminder\",\"policy\":\"p\",\"invoice_ids\":[\"i1\",\"i2\"]}");
	tell(s, AT("attempt.submitted", "2026-04-02T07:00:01Z") ATTEMPT("A1") ",\"reason\":\"accepted\",\"provider_id\":\"x1\"");
	tell_with(s, AT("attempt.event", "2026-04-02T07:05:00Z") APPLIED("contact.delivery_updated", "e2", "1775113500000") "\"invoice\":\"i1\"",
		"event.json", "{\"type\":\"contact.delivery_updated\",\"data\":{\"provider_id\":\"x1\",\"status\":\"opened\"}}");
	tell_with(s, AT("attempt.event", "2026-04-02T07:06:00Z") APPLIED("contact.delivery_updated", "e3", "1775113560000") "\"invoice\":\"i1\"",
		"event.json", "{\"type\":\"contact.delivery_updated\",\"data\":{\"attempt_id\":\"A9\",\"status\":\"bounced\"}}");
	tell_with(s, AT("attempt.event", "2026-04-02T07:07:00Z") APPLIED("contact.delivery_updated", "e4", "1775113620000")
		"\"attempt\":\"A1\",\"delivery\":\"opened\"", "event.json", "{\"data\":{\"attempt_id\":\"A1\",\"status\":\"opened\"}}");
	/* told late, and by nobody who proved who he is: neither is the last word */
	tell_with(s, AT("attempt.event", "2026-04-02T07:08:00Z") APPLIED("contact.delivery_updated", "e5", "1775113680000")
		"\"attempt\":\"A1\",\"delivery\":\"sent\"", "event.json", "{\"data\":{\"attempt_id\":\"A1\",\"status\":\"sent\"}}");
	tell_with(s, AT("attempt.event", "2026-04-02T07:09:00Z") APPLIED("contact.delivery_updated", "e6", "1775113740000")
		"\"attempt\":\"A1\",\"delivery\":\"bounced_hard\",\"unverified\":true", "event.json",
		"{\"data\":{\"attempt_id\":\"A1\",\"status\":\"bounced\"}}");
	tell(s, AT("invoice.changed", "2026-04-03T07:00:00Z") "\"invoice\":\"i1\",\"change\":\"reopened\"");
	read_story(s);
	assert_string_equal(s->file.debtor_name, "Dupont");
	assert_string_equal(s->file.creditor, "Acme");
	assert_int_equal(s->file.invoices[0].total, 120000); /* the event's own word */
	assert_string_equal(s->file.contacts[0].receipt, "opened");
	assert_string_equal(s->file.contacts[0].receipt_place.folder, "records/0006");
	html(s, REPORT_EN, &page);
	says(&page, "opened, as the provider says (no proof of reading)");
	says(&page, "Bonjour");
	says(&page, "€1,200.00");
	buf_reset(&page);
	html(s, REPORT_DE, &page);
	says(&page, "angenommen; danach geöffnet laut Anbieter (kein Beweis der Kenntnisnahme)");
	says(&page, "1.200,00\u00a0€");
	says(&page, "Dupont (Kunde cus_7)");
	assert_null(strstr(buf_str(&page), "gelesen")); /* of what a provider tells nobody can say so */
}

static void what_is_withheld_is_named(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf page = { 0 };
	struct story *s = begin(arena);

	(void)state;
	two_invoices(s);
	tell_with(s, AT("attempt.intent", "2026-04-02T07:00:00Z") ATTEMPT("A1"), "recipient.json", NULL);
	tell(s, AT("attempt.submitted", "2026-04-02T07:00:00Z") ATTEMPT("A1") ",\"reason\":\"accepted\"");
	s->w.records[1].open = false;
	read_story(s);
	assert_int_equal(s->file.closed_records, 1);
	assert_int_equal(s->file.closed_parts, 1);
	assert_true(s->file.contacts[0].recipient_closed);
	html(s, REPORT_EN, &page);
	says(&page, "1 of 4 records");
	says(&page, "withheld");
	buf_reset(&page);
	html(s, REPORT_DE, &page);
	says(&page, "1 von 4 Aufzeichnungen");
	says(&page, "nicht offengelegt oder gelöscht: 1");
}

static void silences_have_their_reasons(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf page = { 0 };
	struct story *s = begin(arena);

	(void)state;
	two_invoices(s);
	tell(s, AT("hold.opened", "2026-04-02T07:00:00Z") "\"invoice\":\"i1\",\"hold\":\"dispute\",\"until\":1776852000000");
	tell(s, AT("attempt.skipped", "2026-04-03T07:00:00Z") "\"invoice\":\"i1\",\"step\":\"text\",\"reason\":\"no_address\"");
	tell(s, AT("phone.note", "2026-04-03T07:00:00Z") "\"invoice\":\"i1\"");
	read_story(s);
	assert_int_equal(s->file.entry_count, 5);
	assert_true(s->file.entries[2].silence && s->file.entries[3].silence && !s->file.entries[4].silence);
	html(s, REPORT_FR, &page);
	says(&page, "contestation (jusqu’au 22 avril 2026)");
	says(&page, "SMS\u00a0: pas d’adresse");
	buf_reset(&page);
	html(s, REPORT_DE, &page);
	says(&page, "Einwendung (bis zum 22. April 2026)");
	says(&page, "SMS: keine Adresse oder Nummer für diesen Kanal");
	says(&page, "Warum zeitweise nichts versandt wurde");
}

/* --- languages --------------------------------------------------------------------------------------- */

static void every_word_is_there_in_all(void **state)
{
	const struct report_word *word;
	size_t count = 0;

	(void)state;
	for (; (word = report_word_at(count)); count++)
		for (int l = 0; l < REPORT_LANGUAGE_COUNT; l++)
			if (!word->words[l] || !word->words[l][0])
				fail_msg("%s says nothing in %s", word->code, report_tags[l]);
	assert_true(count > 200);
	assert_string_equal(word_step(REPORT_DE, "plan:9f86d081:2026-05-05:late"), "Erinnerung an eine Rate");
	assert_string_equal(word_step(REPORT_DE, "final-demand"), "letzte Mahnung");
	assert_string_equal(word_receipt(REPORT_DE, "delivered"), "Zustellung laut Anbieter");
}

static bool is_word(const char *text, const char *all, size_t len)
{
	const char *before = text > all ? text - 1 : "", *after = text + len;

	return !isalnum((unsigned char)*before) && !((unsigned char)*before & 0x80) && !isalnum((unsigned char)*after) && !((unsigned char)*after & 0x80);
}

/* A whole word of the tables that only another language has: "Payment received" has no place in German, "SMS" has. */
static void says_nothing_of(const struct buf *page, enum report_language own, enum report_language other)
{
	const struct report_word *word, *same;

	for (size_t i = 0; (word = report_word_at(i)); i++) {
		const char *text = word->words[other], *at = buf_str(page);
		bool shared = false;

		for (size_t k = 0; !shared && (same = report_word_at(k)); k++)
			shared = strstr(same->words[own], text) || strcmp(same->code, text) == 0;
		while (!shared && (at = strstr(at, text))) {
			if (is_word(at, buf_str(page), strlen(text)))
				fail_msg("the %s report says \"%s\"", report_tags[own], text);
			at++;
		}
	}
}

/* Every kind, reason, step and outcome there is, in one report: each language has its words, and none of another's. */
static void no_language_speaks_another(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct case_contact *contacts = arena_alloc(arena, 1000 * sizeof(*contacts));
	struct case_entry *entries = arena_alloc(arena, 1000 * sizeof(*entries));
	struct case_file file = { .debtor = "cus_7", .zone = "Europe/Berlin", .origin = "o", .contacts = contacts, .entries = entries };
	const struct report_word *word;

	(void)state;
	for (size_t i = 0; (word = report_word_at(i)); i++) {
		contacts[file.contact_count++] = (struct case_contact){ .place = { "records/0001", "2026-1", 1 }, .step = word->code, .channel = "sms",
			.outcome = word->code, .receipt = word->code };
		entries[file.entry_count++] = (struct case_entry){ .place = { "records/0001", "2026-1", 1 }, .kind = word->code, .reason = word->code,
			.silence = i % 2 };
	}
	for (int own = 0; own < REPORT_LANGUAGE_COUNT; own++) {
		CLEANUP(buf_clear) struct buf page = { 0 };
		struct report report;

		report_make(&file, (enum report_language)own, arena, &report);
		report_html(&report, &page);
		for (size_t i = 0; (word = report_word_at(i)); i++)
			if (strchr(word->code, '.')) /* kinds of records alone have one */
				says(&page, word->words[own]);
		for (int other = 0; other < REPORT_LANGUAGE_COUNT; other++)
			if (other != own)
				says_nothing_of(&page, (enum report_language)own, (enum report_language)other);
	}
}

/* --- reports in a bundle ------------------------------------------------------------------------------ */

struct told {
	enum check_state states[4];
	size_t count;
	char text[200]; /* the last one */
};

static void on_line(const struct check_line *line, void *arg)
{
	struct told *told = arg;

	if (strcmp(line->name, "report") != 0)
		return;
	assert_true(told->count < ARRAY_LEN(told->states));
	told->states[told->count++] = line->state;
	snprintf(told->text, sizeof(told->text), "%s", line->text);
}

/* The story's bundle as this version would make it, with the reports in those languages: "fr en de it". */
static int check_with(struct story *s, const char *languages, const char *forged, struct told *ret)
{
	struct bundle bundle = world_bundle(&s->w, SIZE_MAX, false);
	struct err err = { 0 };

	for (const char *at = languages; *at; at += strcspn(at, " "), at += strspn(at, " ")) {
		CLEANUP(buf_clear) struct buf page = { 0 };
		const char *tag = arena_printf(s->w.arena, "%.*s", (int)strcspn(at, " "), at);
		int l = 0;

		while (l < REPORT_LANGUAGE_COUNT && strcmp(report_tags[l], tag) != 0)
			l++;
		html(s, l < REPORT_LANGUAGE_COUNT ? (enum report_language)l : REPORT_EN, &page);
		if (forged && strcmp(forged, tag) == 0)
			memcpy(strstr(page.data, "2026"), "2025", 4);
		bundle_add(&bundle, arena_printf(s->w.arena, "report.%s.html", tag), arena_memdup(s->w.arena, page.data, page.len), page.len);
	}
	bundle_add(&bundle, "process/version", DUNNINGD_VERSION "\n", strlen(DUNNINGD_VERSION "\n"));
	assert_int_equal(bundle_finish(&bundle, &s->w.log.key, NULL), 0);
	*ret = (struct told){ 0 };
	return evidence_check_reports(&bundle, on_line, ret, &err);
}

/* A bundle that was made before there was German is as good as ever; what is there must be true, in each language. */
static void a_report_that_is_not_there_is_no_lie(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct story *s = begin(arena);
	struct told told;

	(void)state;
	two_invoices(s);
	read_story(s);
	assert_int_equal(check_with(s, "fr en de", NULL, &told), 0);
	assert_true(told.count == 1 && told.states[0] == CHECK_GOOD);
	assert_int_equal(check_with(s, "fr en", NULL, &told), 0);
	assert_true(told.count == 1 && told.states[0] == CHECK_GOOD);
	for (int l = 0; l < REPORT_LANGUAGE_COUNT; l++) {
		assert_int_equal(check_with(s, "fr en de", report_tags[l], &told), -EBADMSG);
		assert_true(told.count == 1 && told.states[0] == CHECK_REFUSED);
		assert_non_null(strstr(told.text, report_tags[l]));
	}
	assert_int_equal(check_with(s, "", NULL, &told), 0); /* nothing to compare is nothing found good */
	assert_true(told.count == 1 && told.states[0] == CHECK_NOT);
	assert_int_equal(check_with(s, "fr en it", NULL, &told), 0);
	assert_true(told.count == 2 && told.states[0] == CHECK_GOOD && told.states[1] == CHECK_NOT);
	assert_string_equal(told.text, "report.it.html is in no language that is known here: not compared");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_account_adds_up), cmocka_unit_test(a_void_invoice_owes_nothing),
		cmocka_unit_test(a_grouped_contact_stands_once), cmocka_unit_test(a_call_is_a_contact_when_it_was_made),
		cmocka_unit_test(events_and_receipts), cmocka_unit_test(what_is_withheld_is_named), cmocka_unit_test(silences_have_their_reasons),
		cmocka_unit_test(every_word_is_there_in_all), cmocka_unit_test(no_language_speaks_another),
		cmocka_unit_test(a_report_that_is_not_there_is_no_lie) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
