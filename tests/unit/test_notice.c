/* Notices: which template is taken, what values become in each part, what is refused, and what a check finds. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/notice.h"

#define NNBSP "\xe2\x80\xaf"
#define NBSP "\xc2\xa0"
#define EURO "\xe2\x82\xac"

static const struct creditor creditor = { .name = "Acme & Co", .legal_id = "SIREN 1", .address = "1 rue\nParis", .bank = "FR76",
	.locale = "en-GB", .zone = "Europe/Paris", .email = "info@acme.example", .phone = "01 02", .url = "https://acme.example" };
static const struct sender desk = { "default", "Desk", "desk@acme.example", "reply@acme.example", "+331" };

static void add(struct notice_set *set, const char *locale, const char *name, enum notice_part part, const char *text)
{
	struct err err = { 0 };

	if (notice_set_add(set, locale, name, part, text, strlen(text), &err) < 0)
		fail_msg("%s", err.text);
}

static struct notice_invoice one_invoice(void)
{
	return (struct notice_invoice){ .number = "F-1", .payment_url = "https://pay.example/1", .pdf_url = "https://pdf.example/1",
		.issued_on = date_of(2026, 3, 2), .due_on = date_of(2026, 4, 1), .total = { 120000, "EUR" }, .balance = { 60000, "EUR" },
		.days_past_due = 15 };
}

static struct notice_input about(const struct notice_invoice *invoices, size_t count, const char *locale)
{
	struct notice_input input = { .locale = locale, .fallback_locale = "en-GB", .creditor = &creditor, .sender = &desk,
		.debtor_name = "Dupont SARL", .contact_name = "Mme Roy", .invoices = invoices, .invoice_count = count,
		.balance = { 0, "EUR" }, .today = date_of(2026, 4, 16), .deadline = date_none(),
		.attempt_id = "01JX9000000000000000000000" };

	for (size_t i = 0; i < count; i++)
		input.balance.minor += invoices[i].balance.minor;
	return input;
}

/* Renders one text as the given part of "t" in English; NULL and err when it cannot be. */
static const char *render(struct arena *arena, enum notice_part part, const char *text, const struct notice_input *input,
	struct err *err)
{
	CLEANUP(notice_set_freep) struct notice_set *set = notice_set_create();
	enum channel channel = part == NOTICE_SMS ? CHANNEL_SMS : CHANNEL_EMAIL;
	struct notice notice;

	add(set, "en", "t", NOTICE_SUBJECT, part == NOTICE_SUBJECT ? text : "s");
	add(set, "en", "t", NOTICE_TEXT, part == NOTICE_TEXT ? text : "t");
	add(set, "en", "t", part == NOTICE_SMS ? NOTICE_SMS : NOTICE_HTML, part >= NOTICE_HTML ? text : "h");
	if (notice_render(set, "t", channel, input, arena, &notice, err) < 0)
		return NULL;
	return part == NOTICE_SUBJECT ? notice.subject : part == NOTICE_HTML ? notice.html : notice.text;
}

/* --- the model, and what values become where ------------------------------------------------------------------------- */

static const struct value_row {
	const char *name;
	enum notice_part part;
	const char *text, *expected; /* of the hostile invoice below */
} value_rows[] = {
	{ "creditor in HTML", NOTICE_HTML, "<p>{{creditor.name}}", "<p>Acme &amp; Co" },
	{ "creditor in a subject", NOTICE_SUBJECT, "{{creditor.name}}", "Acme & Co" },
	{ "debtor in HTML", NOTICE_HTML, "{{#debtor}}{{name}}{{/debtor}}", "&lt;b&gt;X&lt;/b&gt; Bcc: all@x.example\n" },
	{ "debtor in text", NOTICE_TEXT, "{{#debtor}}{{name}}{{/debtor}}.", "<b>X</b> Bcc: all@x.example\n.\n" },
	{ "debtor in a subject: no header of its own", NOTICE_SUBJECT, "{{#debtor}}{{name}}{{/debtor}}.",
		"<b>X</b> Bcc: all@x.example ." },
	{ "debtor in an SMS", NOTICE_SMS, "{{#debtor}}{{name}}{{/debtor}}.", "<b>X</b> Bcc: all@x.example ." },
	{ "a number with braces is no tag", NOTICE_TEXT, "{{invoice.number}}", "{{creditor.bank}}\"'\n" },
	{ "a number in HTML", NOTICE_HTML, "{{invoice.number}}", "{{creditor.bank}}&quot;&#39;" },
	{ "amounts of the reader's locale", NOTICE_TEXT, "{{invoice.total}} {{invoice.balance}} {{balance}}",
		EURO "1,200.00 " EURO "600.00 " EURO "600.00\n" },
	{ "dates", NOTICE_TEXT, "{{invoice.due_on}}, {{today}}", "1 April 2026, 16 April 2026\n" },
	{ "overdue", NOTICE_TEXT, "{{#invoice.overdue}}{{invoice.days_past_due}} {{invoice.days_until_due}}{{/invoice.overdue}}",
		"15 0\n" },
	{ "plurals", NOTICE_TEXT, "{{#invoice.days_plural.other}}days{{/invoice.days_plural.other}}"
		"{{#count_plural.one}} one{{/count_plural.one}}{{#one}} 1{{/one}}{{#many}} n{{/many}} {{count}}", "days one 1 1\n" },
	{ "only what a browser may follow", NOTICE_HTML, "{{#invoice.payment_url}}<a href=\"{{.}}\">{{/invoice.payment_url}}none", "none" },
	{ "a link to a PDF", NOTICE_HTML, "{{#invoice.pdf_url}}<a href=\"{{.}}\">{{/invoice.pdf_url}}",
		"<a href=\"https://pdf.example/?a=1&amp;b=2\">" },
	{ "sender", NOTICE_TEXT, "{{sender.name}} {{sender.email}} {{sender.reply_to}} {{#sender.phone}}{{.}}{{/sender.phone}}",
		"Desk desk@acme.example reply@acme.example +331\n" },
	{ "empty lines that sections leave", NOTICE_TEXT, "\n\n\na\n\n{{#deadline}}\nx\n{{/deadline}}\n\n\nb\n\n\n", "a\n\nb\n" },
	{ "no deadline", NOTICE_TEXT, "{{^deadline}}none{{/deadline}}{{#attempt_id}} {{.}}{{/attempt_id}}",
		"none 01JX9000000000000000000000\n" },
};

static void value_row(void **state)
{
	const struct value_row *row = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct notice_invoice invoice = one_invoice();
	struct notice_input input = about(&invoice, 1, "en-GB");
	struct err err = { 0 };
	const char *text;

	invoice.number = "{{creditor.bank}}\"'";
	invoice.payment_url = "javascript:alert(1)";
	invoice.pdf_url = "https://pdf.example/?a=1&b=2";
	input.debtor_name = "<b>X</b>\r Bcc: all@x.example\n";
	text = render(arena, row->part, row->text, &input, &err);
	if (!text)
		fail_msg("%s", err.text);
	assert_string_equal(text, row->expected);
}

static void several_invoices(void **state)
{
	static const char text[] = "{{#invoices}}{{number}}{{#first}} first{{/first}}{{#last}} last{{/last}} {{days_until_due}};{{/invoices}}"
		"{{#payment_url}} pay {{.}}{{/payment_url}}{{#many}} {{count}}{{/many}} {{balance}}";
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct notice_invoice invoices[3] = { one_invoice(), one_invoice(), one_invoice() };
	struct notice_input input;

	(void)state;
	invoices[1].number = "F-2";
	invoices[2].number = "F-3";
	invoices[2].days_past_due = -7;
	invoices[2].issued_on = date_none();
	input = about(invoices, 3, "en");
	assert_string_equal(render(arena, NOTICE_TEXT, text, &input, NULL),
		"F-1 first 0;F-2 0;F-3 last 7; pay https://pay.example/1 3 " EURO "1,800.00\n"); /* one link pays them all */
	invoices[1].payment_url = "https://pay.example/2";
	assert_string_equal(render(arena, NOTICE_TEXT, text, &input, NULL), "F-1 first 0;F-2 0;F-3 last 7; 3 " EURO "1,800.00\n");
	invoices[1].payment_url = NULL;
	assert_null(strstr(render(arena, NOTICE_TEXT, text, &input, NULL), "pay"));
	invoices[0].payment_url = NULL;
	assert_null(strstr(render(arena, NOTICE_TEXT, text, &input, NULL), "pay"));
	assert_string_equal(render(arena, NOTICE_TEXT, "{{#payment_url}}x{{/payment_url}}{{#contact}}Dear {{name}}{{/contact}}", &input, NULL),
		"Dear Mme Roy\n");
}

static void bare_input(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const struct creditor bare = { .name = "Acme", .locale = "en", .zone = "UTC", .email = "info@acme.example", .phone = "7" };
	const struct sender named = { .profile = "x", .name = "Desk" };
	struct notice_invoice invoice = one_invoice();
	struct notice_input input = about(&invoice, 1, "en");

	(void)state;
	input.creditor = &bare;
	input.sender = NULL;
	input.debtor_name = "";
	input.contact_name = NULL;
	assert_string_equal(render(arena, NOTICE_TEXT, "{{sender.name}} {{sender.email}} {{sender.reply_to}} {{sender.phone}}"
		"{{#debtor}}d{{/debtor}}{{#contact}}c{{/contact}}{{#creditor.bank}}b{{/creditor.bank}}", &input, NULL),
		"Acme info@acme.example info@acme.example 7\n");
	input.sender = &named;
	assert_string_equal(render(arena, NOTICE_TEXT, "{{sender.name}} {{sender.email}}", &input, NULL), "Desk info@acme.example\n");
}

static void an_sms_is_short(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct notice_invoice invoice = one_invoice();
	struct notice_input input = about(&invoice, 1, "fr");
	char url[130] = "https://pay.example/", words[600];
	struct err err = { 0 };

	(void)state;
	input.debtor_name = "Soci\xc3\xa9t\xc3\xa9 des Moulins de la Haute Vall\xc3\xa9" "e du Loir";
	assert_string_equal(render(arena, NOTICE_SMS, "{{#debtor}}{{name}}{{/debtor}}", &input, NULL),
		"Soci\xc3\xa9t\xc3\xa9 des Moulins de la Haute Vall\xc3\xa9" "e d...");
	input.debtor_name = "1234567890123456789012345678901234567890"; /* just fits */
	assert_string_equal(render(arena, NOTICE_SMS, "{{#debtor}}{{name}}{{/debtor}}", &input, NULL), input.debtor_name);
	memset(url + 20, 'u', 101);
	invoice.payment_url = url;
	assert_string_equal(render(arena, NOTICE_SMS, "x{{#payment_url}}{{.}}{{/payment_url}}", &input, NULL), "x"); /* 121 bytes */
	url[120] = '\0';
	assert_non_null(strstr(render(arena, NOTICE_SMS, "x{{#payment_url}}{{.}}{{/payment_url}}", &input, NULL), "uuu"));
	memset(words, 'w', sizeof(words));
	words[459] = '\0';
	assert_non_null(render(arena, NOTICE_SMS, words, &input, NULL));
	words[459] = 'w';
	words[460] = '\0';
	assert_null(render(arena, NOTICE_SMS, words, &input, &err));
	assert_string_equal(err.code, "too_long");
	assert_non_null(strstr(err.text, "en/t.sms: must be at most 459 characters once rendered, and is 460"));
	for (size_t i = 0; i < 459; i++) /* characters, not bytes */
		memcpy(words + (i < 200 ? 2 * i : 400), "\xc3\xa9", 3);
	assert_non_null(render(arena, NOTICE_SMS, words, &input, NULL));
}

/* --- which template -------------------------------------------------------------------------------------------------- */

static struct notice_set *many_languages(void)
{
	struct notice_set *set = notice_set_create();
	static const char *const locales[] = { "en", "fr", "fr-CA" };

	for (size_t i = 0; i < ARRAY_LEN(locales); i++) {
		char text[60];

		snprintf(text, sizeof(text), "%s {{balance}}", locales[i]);
		add(set, locales[i], "t", NOTICE_TEXT, text);
		add(set, locales[i], "t", NOTICE_SUBJECT, "s");
	}
	add(set, "de", "t", NOTICE_TEXT, "de, without a subject");
	add(set, "en", "t", NOTICE_SMS, "sms");
	return set;
}

static const struct locale_row {
	const char *name, *locale, *fallback, *used, *text;
} locale_rows[] = {
	{ "the region's own", "fr-CA", "en-GB", "fr-CA", "fr-CA 600,00" NBSP EURO "\n" },
	{ "the language, with the reader's amounts", "fr-CH", "en-GB", "fr", "fr 600.00" NBSP EURO "\n" },
	{ "the language", "fr", "en-GB", "fr", "fr 600,00" NBSP EURO "\n" },
	{ "the creditor's, with the creditor's amounts", "it-IT", "en-GB", "en", "en " EURO "600.00\n" },
	{ "an incomplete folder is none", "de-DE", "fr-FR", "fr", "fr 600,00" NBSP EURO "\n" },
	{ "no locale known", NULL, "en-GB", "en", "en " EURO "600.00\n" },
};

static void locale_row(void **state)
{
	const struct locale_row *row = *state;
	CLEANUP(notice_set_freep) struct notice_set *set = many_languages();
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct notice_invoice invoice = one_invoice();
	struct notice_input input = about(&invoice, 1, row->locale);
	struct notice notice;
	struct err err = { 0 };

	input.fallback_locale = row->fallback;
	if (notice_render(set, "t", CHANNEL_EMAIL, &input, arena, &notice, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(notice.locale, row->used);
	assert_string_equal(notice.text, row->text);
	assert_null(notice.html);
}

static void no_template(void **state)
{
	CLEANUP(notice_set_freep) struct notice_set *set = many_languages();
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct notice_invoice invoice = one_invoice();
	struct notice_input input = about(&invoice, 1, "it");
	static const struct {
		const char *name, *fallback, *says;
		enum channel channel;
	} rows[] = {
		{ "none", "en-GB", "template \"none\" must exist for email in the folder \"en-GB\" as .subject and .txt", CHANNEL_EMAIL },
		{ "t", "de", "must exist for email in the folder \"de\"", CHANNEL_EMAIL },
		{ "t", "fr", "must exist for sms in the folder \"fr\" as .sms", CHANNEL_SMS },
		{ "none", "fr", "must exist for call in the folder \"fr\" as .txt", CHANNEL_CALL },
		{ "t", NULL, "in the folder \"?\"", CHANNEL_EMAIL },
		{ "t", "en", "must exist for letter in the folder \"en\" as .subject and .letter", CHANNEL_LETTER },
		{ "t", "en", "must exist for voice in the folder \"en\" as .voice", CHANNEL_VOICE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct notice notice = { .locale = "before" };
		struct err err = { 0 };

		input.fallback_locale = rows[i].fallback;
		assert_int_equal(notice_render(set, rows[i].name, rows[i].channel, &input, arena, &notice, &err), -ENOENT);
		assert_string_equal(err.code, "no_template");
		if (!strstr(err.text, rows[i].says))
			fail_msg("%s", err.text);
		assert_string_equal(notice.locale, "before");
	}
}

static void partials_and_digests(void **state)
{
	CLEANUP(notice_set_freep) struct notice_set *set = many_languages();
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct notice_invoice invoice = one_invoice();
	struct notice_input input = about(&invoice, 1, "fr-CA");
	struct notice first, second;

	(void)state;
	add(set, "fr", "_foot", NOTICE_TEXT, "pied {{#one}}{{>_deep}}{{/one}}");
	add(set, "fr", "_deep", NOTICE_TEXT, "profond");
	add(set, "fr", "_foot", NOTICE_HTML, "pas celui-ci");
	add(set, "fr-CA", "t", NOTICE_TEXT, "{{>_foot}}");
	assert_int_equal(notice_render(set, "t", CHANNEL_EMAIL, &input, arena, &first, NULL), 0);
	assert_string_equal(first.text, "pied profond\n"); /* of the language, when the region has none */
	add(set, "en", "t", NOTICE_TEXT, "another file"); /* not this message's */
	assert_int_equal(notice_render(set, "t", CHANNEL_EMAIL, &input, arena, &second, NULL), 0);
	assert_string_equal(first.digest, second.digest);
	add(set, "fr", "_deep", NOTICE_TEXT, "autre"); /* a partial of a partial is part of it */
	assert_int_equal(notice_render(set, "t", CHANNEL_EMAIL, &input, arena, &second, NULL), 0);
	assert_string_not_equal(first.digest, second.digest);
}

static void replacing_drops_the_other_body(void **state)
{
	CLEANUP(notice_set_freep) struct notice_set *set = many_languages();
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct notice_invoice invoice = one_invoice();
	struct notice_input input = about(&invoice, 1, "en");
	struct notice notice;

	(void)state;
	add(set, "en", "t", NOTICE_HTML, "<p>ours");
	assert_int_equal(notice_render(set, "t", CHANNEL_EMAIL, &input, arena, &notice, NULL), 0);
	assert_string_equal(notice.html, "<p>ours");
	notice_set_drop(set, "en", "t", NOTICE_TEXT);
	assert_int_equal(notice_render(set, "t", CHANNEL_EMAIL, &input, arena, &notice, NULL), -ENOENT);
	add(set, "en", "t", NOTICE_TEXT, "theirs");
	assert_int_equal(notice_render(set, "t", CHANNEL_EMAIL, &input, arena, &notice, NULL), 0);
	assert_null(notice.html);
	add(set, "en", "t", NOTICE_HTML, "<p>theirs");
	notice_set_drop(set, "en", "t", NOTICE_HTML);
	assert_int_equal(notice_render(set, "t", CHANNEL_EMAIL, &input, arena, &notice, NULL), -ENOENT);
	notice_set_drop(set, "en", "nothing", NOTICE_SMS);
	notice_set_drop(set, "en", "t", NOTICE_SMS);
	assert_int_equal(notice_render(set, "t", CHANNEL_SMS, &input, arena, &notice, NULL), -ENOENT);
	notice_set_free(NULL);
}

/* --- refusals -------------------------------------------------------------------------------------------------------- */

static void files_that_are_refused(void **state)
{
	static const struct {
		const char *locale, *name, *text, *says;
	} rows[] = {
		{ "french", "t", "x", "folder \"french\" must be a language such as" },
		{ "", "t", "x", "must be a language" },
		{ "en", "T", "x", "must be named by a-z" },
		{ "en", "", "x", "must be named by a-z" },
		{ "en", "a1234567890123456789012345678901234567890123456789012345678901234", "x", "at most 64" },
		{ "en", "t", "{{#a}}", "line 1" },
		{ "en", "t", "\n{{a", "line 2" },
	};
	CLEANUP(notice_set_freep) struct notice_set *set = notice_set_create();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = { 0 };

		assert_int_equal(notice_set_add(set, rows[i].locale, rows[i].name, NOTICE_TEXT, rows[i].text, strlen(rows[i].text), &err),
			-EBADMSG);
		assert_string_equal(err.code, "bad_template");
		if (!strstr(err.text, rows[i].says))
			fail_msg("%s", err.text);
	}
}

/* What is held is compiled when it is needed: it renders the same and has the same digest, and what is wrong in it is told then, not before. */
static void held_until_it_is_needed(void **state)
{
	static const char *const texts[] = { "Dear {{debtor.name}}\n{{> bye}}\n", "Bye\n", "{{#a}}\n" };
	static const char *const names[] = { "t", "bye", "broken" };
	CLEANUP(notice_set_freep) struct notice_set *held_set = notice_set_create();
	CLEANUP(notice_set_freep) struct notice_set *added = notice_set_create();
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct notice_invoice invoice = one_invoice();
	struct notice_input input = about(&invoice, 1, "en-GB");
	struct notice held, plain;
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_int_equal(notice_set_hold(held_set, "en", names[i], NOTICE_TEXT, texts[i], strlen(texts[i]), &err), 0);
		assert_int_equal(notice_set_hold(held_set, "en", names[i], NOTICE_SUBJECT, "s", 1, &err), 0);
		if (i == 2)
			continue;
		add(added, "en", names[i], NOTICE_TEXT, texts[i]);
		add(added, "en", names[i], NOTICE_SUBJECT, "s");
	}
	assert_int_equal(notice_set_find(held_set, "en", "broken", CHANNEL_EMAIL, &err), 0);
	assert_int_equal(notice_render(held_set, "t", CHANNEL_EMAIL, &input, arena, &held, &err), 0);
	assert_int_equal(notice_render(added, "t", CHANNEL_EMAIL, &input, arena, &plain, &err), 0);
	assert_string_equal(held.text, "Dear Dupont SARL\nBye\n");
	assert_string_equal(held.text, plain.text);
	assert_string_equal(held.digest, plain.digest);
	for (int again = 0; again < 2; again++) { /* and not once alone */
		struct err why = { 0 };

		assert_int_equal(notice_set_check(held_set, "en", "broken", CHANNEL_EMAIL, NULL, &why), -EBADMSG);
		assert_string_equal(why.code, "bad_template");
		assert_non_null(strstr(why.text, "en/broken.txt: line 1"));
		assert_int_equal(notice_render(held_set, "broken", CHANNEL_EMAIL, &input, arena, &held, NULL), -EBADMSG);
	}
	assert_int_equal(notice_set_hold(held_set, "french", "t", NOTICE_TEXT, "x", 1, &err), -EBADMSG);
}

/* Never a half-filled notice: the file, the line and the name are told. */
static void renderings_that_are_refused(void **state)
{
	static const struct {
		enum notice_part part;
		const char *text, *code, *says;
	} rows[] = {
		{ NOTICE_TEXT, "Dear\n{{nobody}}", "missing_variable", "en/t.txt:" },
		{ NOTICE_HTML, "{{deadline}}", "missing_variable", "en/t.html:" },
		{ NOTICE_SUBJECT, "{{invoices}}", "not_text", "en/t.subject:" },
		{ NOTICE_TEXT, "{{>_foot}}", "missing_partial", "en/t.txt:" },
		{ NOTICE_TEXT, " {{#deadline}}x{{/deadline}}\n", "empty", "must not render to nothing" },
		{ NOTICE_SUBJECT, " \n", "empty", "must not render to nothing" },
		{ NOTICE_SMS, "{{#deadline}}x{{/deadline}}", "empty", "must not render to nothing" },
	};
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf longest = { 0 };
	struct notice_invoice invoice = one_invoice();
	struct notice_input input = about(&invoice, 1, "en");
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		err_clear(&err);
		assert_null(render(arena, rows[i].part, rows[i].text, &input, &err));
		if (strcmp(err.code, rows[i].code) || !strstr(err.text, rows[i].says))
			fail_msg("%s: %s: %s", rows[i].text, err.code, err.text);
	}
	for (int i = 0; i < 901; i++)
		buf_add_char(&longest, 's');
	err_clear(&err);
	assert_null(render(arena, NOTICE_SUBJECT, buf_str(&longest), &input, &err));
	assert_non_null(strstr(err.text, "at most 900 bytes once rendered, and is 901"));
	longest.data[900] = '\0';
	assert_non_null(render(arena, NOTICE_SUBJECT, buf_str(&longest), &input, NULL));
}

static void incomplete_input(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct notice_invoice invoice = one_invoice();
	struct notice_input input = about(&invoice, 1, "en");
	struct err err = { 0 };

	(void)state;
	input.invoice_count = 0;
	assert_null(render(arena, NOTICE_TEXT, "x", &input, &err));
	assert_string_equal(err.code, "incomplete");
	input.invoice_count = 1;
	invoice.due_on = date_none();
	assert_null(render(arena, NOTICE_TEXT, "x", &input, NULL));
	invoice.due_on = date_of(2026, 4, 1);
	invoice.number = "";
	assert_null(render(arena, NOTICE_TEXT, "x", &input, NULL));
	invoice.number = NULL;
	assert_null(render(arena, NOTICE_TEXT, "x", &input, NULL));
}

static const struct check_row {
	const char *name;
	enum notice_part part;
	const char *text, *partial, *code, *says; /* code NULL: passes */
} check_rows[] = {
	{ "all names of the model", NOTICE_TEXT,
		"{{creditor.name}}{{sender.name}}{{sender.email}}{{sender.reply_to}}{{#sender.phone}}{{.}}{{/sender.phone}}"
		"{{#creditor}}{{name}}{{#legal_id}}{{.}}{{/legal_id}}{{#bank}}{{bank}}{{/bank}}{{/creditor}}"
		"{{#contact.name}}{{.}}{{/contact.name}}{{#invoices}}{{number}}{{due_on}}{{total}}{{balance}}{{days_past_due}}"
		"{{#issued_on}}{{.}}{{/issued_on}}{{#pdf_url}}{{.}}{{/pdf_url}}{{^last}},{{/last}}"
		"{{#days_plural.few}}{{/days_plural.few}}{{/invoices}}{{#invoice.days_plural.zero}}{{/invoice.days_plural.zero}}"
		"{{count}}{{#count_plural.many}}{{/count_plural.many}}{{balance}}{{today}}{{#deadline}}{{.}}{{/deadline}}",
		NULL, NULL, NULL },
	{ "a name that does not exist", NOTICE_TEXT, "a\n{{creditor.nmae}}", NULL, "unknown_variable",
		"en/t.txt: line 2: \"creditor.nmae\" must be one of the names in dunningd-policy(5)" },
	{ "no such plural", NOTICE_TEXT, "{{#count_plural.three}}x{{/count_plural.three}}", NULL, "unknown_variable", "count_plural.three" },
	{ "a plural of nothing", NOTICE_TEXT, "{{#total_plural.one}}x{{/total_plural.one}}y", NULL, "unknown_variable", "total_plural" },
	{ "a plural of a very long name", NOTICE_TEXT,
		"{{#aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa_plural.one}}{{/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa_plural.one}}y", NULL,
		"unknown_variable", "aaa" },
	{ "optional without a section", NOTICE_TEXT, "{{deadline}}", NULL, "missing_variable", "deadline" },
	{ "optional in one kind of message", NOTICE_SUBJECT, "{{#debtor}}{{name}}{{/debtor}}", NULL, "empty", "en/t.subject" },
	{ "raw in HTML", NOTICE_HTML, "<p>{{{creditor.name}}}", NULL, "raw_value", "written with two braces" },
	{ "raw in HTML, the other way", NOTICE_HTML, "<p>{{&creditor.name}}", NULL, "raw_value", "written with two braces" },
	{ "raw in text is nothing special", NOTICE_TEXT, "{{{creditor.name}}}", NULL, NULL, NULL },
	{ "a partial that is not there", NOTICE_HTML, "{{>_foot}}", NULL, "missing_partial", "must exist as _foot.html" },
	{ "a partial", NOTICE_TEXT, "{{>_foot}}", "{{creditor.name}}", NULL, NULL },
	{ "a fault in a partial", NOTICE_TEXT, "{{>_foot}}", "{{x}}", "unknown_variable", "en/_foot.txt: line 1" },
	{ "a circle of partials", NOTICE_TEXT, "{{>_foot}}", "{{#many}}{{>_foot}}{{/many}}", "too_deep", "must not lead back to itself" },
};

static void check_row(void **state)
{
	const struct check_row *row = *state;
	CLEANUP(notice_set_freep) struct notice_set *set = notice_set_create();
	struct err err = { 0 };
	int r;

	add(set, "en", "t", NOTICE_SUBJECT, row->part == NOTICE_SUBJECT ? row->text : "s");
	add(set, "en", "t", NOTICE_TEXT, row->part == NOTICE_TEXT ? row->text : "t");
	if (row->part == NOTICE_HTML)
		add(set, "en", "t", NOTICE_HTML, row->text);
	if (row->partial)
		add(set, "en", "_foot", NOTICE_TEXT, row->partial);
	r = notice_set_check(set, "en-GB", "t", CHANNEL_EMAIL, NULL, &err);
	if (r != (row->code ? -EBADMSG : 0) || strcmp(err.code, row->code ? row->code : "") ||
		(row->says && !strstr(err.text, row->says)))
		fail_msg("%d %s: %s", r, err.code, err.text);
	assert_int_equal(notice_set_check(set, "fr", "t", CHANNEL_EMAIL, NULL, NULL), -ENOENT);
}

#define ROWS(rows, fn)                                                                                               \
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)                                                                 \
	tests[count++] = (struct CMUnitTest){ .name = rows[i].name, .test_func = fn, .initial_state = (void *)(uintptr_t)&rows[i] }

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(several_invoices),
		cmocka_unit_test(bare_input),
		cmocka_unit_test(an_sms_is_short),
		cmocka_unit_test(no_template),
		cmocka_unit_test(partials_and_digests),
		cmocka_unit_test(replacing_drops_the_other_body),
		cmocka_unit_test(files_that_are_refused),
		cmocka_unit_test(held_until_it_is_needed),
		cmocka_unit_test(renderings_that_are_refused),
		cmocka_unit_test(incomplete_input),
	};
	static struct CMUnitTest tests[ARRAY_LEN(others) + ARRAY_LEN(value_rows) + ARRAY_LEN(locale_rows) + ARRAY_LEN(check_rows)];
	size_t count = ARRAY_LEN(others);

	memcpy(tests, others, sizeof(others));
	ROWS(value_rows, value_row);
	ROWS(locale_rows, locale_row);
	ROWS(check_rows, check_row);
	return cmocka_run_group_tests_name("notice", tests, NULL, NULL);
}
