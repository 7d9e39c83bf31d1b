/* A rendered contact: its stored form, and that no header, address or number slips through that is none. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/message.h"

static const char *const invoices[] = { "inv_42", "inv_7" };
static const struct message sample = {
	.attempt_id = "01KN4C2Q00000000000000000A", .channel = CHANNEL_EMAIL, .provider = "sendgrid",
	.to = { "Mme Roy", "compta@dupont.example", "+33100000000", NULL },
	.from = { "Comptes", "accounts@creditor.example", NULL, "reply@creditor.example" },
	.locale = "fr", .subject = "Facture F-42", .text = "Bonjour,\nligne deux\n", .html = "<p>Bonjour</p>",
	.debtor_id = "cus_7", .step = "reminder", .policy = "fr-b2b", .invoice_ids = invoices, .invoice_count = 2,
};

static void same(const char *a, const char *b)
{
	assert_int_equal(!a, !b);
	if (a)
		assert_string_equal(a, b);
}

static void same_message(const struct message *a, const struct message *b)
{
	const struct party *parties[] = { &a->to, &b->to, &a->from, &b->from };

	for (int i = 0; i < 4; i += 2) {
		same(parties[i]->name, parties[i + 1]->name);
		same(parties[i]->email, parties[i + 1]->email);
		same(parties[i]->phone, parties[i + 1]->phone);
		same(parties[i]->reply_to, parties[i + 1]->reply_to);
	}
	same(a->attempt_id, b->attempt_id);
	assert_int_equal(a->channel, b->channel);
	same(a->provider, b->provider);
	same(a->locale, b->locale);
	same(a->subject, b->subject);
	same(a->text, b->text);
	same(a->html, b->html);
	same(a->debtor_id, b->debtor_id);
	same(a->step, b->step);
	same(a->policy, b->policy);
	assert_int_equal(a->invoice_count, b->invoice_count);
	for (size_t i = 0; i < a->invoice_count; i++)
		same(a->invoice_ids[i], b->invoice_ids[i]);
	same(a->to_postal.line1, b->to_postal.line1);
	same(a->to_postal.country, b->to_postal.country);
	same(a->from_postal.city, b->from_postal.city);
	assert_int_equal(a->registered, b->registered);
	assert_int_equal(a->electronic, b->electronic);
	assert_int_equal(a->attachment_count, b->attachment_count);
	for (size_t i = 0; i < a->attachment_count; i++) {
		same(a->attachments[i].name, b->attachments[i].name);
		same(a->attachments[i].type, b->attachments[i].type);
		assert_int_equal(a->attachments[i].len, b->attachments[i].len);
		assert_memory_equal(a->attachments[i].data, b->attachments[i].data, a->attachments[i].len);
	}
}

static void write(struct buf *out, const struct message *message)
{
	struct json_writer w = jw_init(out);

	message_write(&w, NULL, message);
}

static void stored_and_read(void **state)
{
	static const struct attachment files[] = { { "F-42.pdf", "application/pdf", "%PDF\0\xff\r\n", 8 }, { "\xc3\xa9.txt", "text/plain", "", 0 } };
	struct message messages[] = { sample, sample, sample, { .attempt_id = "a", .channel = CHANNEL_LETTER, .provider = "p" } };

	(void)state;
	messages[1].channel = CHANNEL_SMS;
	messages[1].subject = messages[1].html = NULL;
	messages[1].text = ""; /* an empty string stays one */
	messages[1].to.name = "";
	messages[1].invoice_count = 0;
	messages[2].channel = CHANNEL_LETTER;
	messages[2].to_postal = (struct postal){ .line1 = "1 rue X", .line2 = "", .postcode = "75001", .city = "Paris", .country = "FR" };
	messages[2].from_postal.city = "Lyon";
	messages[2].attachments = files;
	messages[2].attachment_count = ARRAY_LEN(files);
	messages[2].registered = messages[2].electronic = true;
	for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		CLEANUP(buf_clear) struct buf once = { 0 };
		CLEANUP(buf_clear) struct buf twice = { 0 };
		struct json root;
		struct message back, copy;
		struct err err = { 0 };

		message_copy(&messages[i], arena, &copy);
		same_message(&messages[i], &copy);
		write(&once, &copy);
		assert_int_equal(json_parse(arena, once.data, once.len, 0, &root, &err), 0);
		if (message_read(&root, arena, &back, &err) < 0)
			fail_msg("%s %s", err.path, err.text);
		same_message(&messages[i], &back);
		write(&twice, &back);
		assert_string_equal(once.data, twice.data);
	}
}

static void not_read(void **state)
{
	static const char *const cases[][3] = {
		{ "[]", "wrong_type", "$" },
		{ "{}", "missing", "$.attempt_id" },
		{ "{\"attempt_id\":\"a\"}", "missing", "$.channel" },
		{ "{\"attempt_id\":\"a\",\"channel\":\"fax\"}", "not_one_of", "$.channel" },
		{ "{\"attempt_id\":\"a\",\"channel\":\"sms\"}", "missing", "$.provider" },
		{ "{\"attempt_id\":\"a\",\"channel\":\"sms\",\"provider\":\"p\"}", "missing", "$.to" },
		{ "{\"attempt_id\":\"a\",\"channel\":\"sms\",\"provider\":\"p\",\"to\":{\"name\":1}}", "wrong_type", "$.to.name" },
		{ "{\"attempt_id\":\"a\",\"channel\":\"sms\",\"provider\":\"p\",\"to\":{},\"from\":{\"reply_to\":[]}}", "wrong_type", "$.from.reply_to" },
		{ "{\"attempt_id\":\"a\",\"channel\":\"sms\",\"provider\":\"p\",\"to\":{},\"from\":{}}", "missing", "$.invoice_ids" },
		{ "{\"attempt_id\":\"a\",\"channel\":\"sms\",\"provider\":\"p\",\"to\":{},\"from\":{},\"invoice_ids\":[\"i\",2]}", "wrong_type",
			"$.invoice_ids[1]" },
		{ "{\"attempt_id\":\"a\",\"channel\":\"sms\",\"provider\":\"p\",\"to\":{},\"from\":{},\"subject\":7,\"invoice_ids\":[]}", "wrong_type",
			"$.subject" },
	};
	CLEANUP(buf_clear) struct buf many = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct message back = sample;
		struct err err = { 0 };
		struct json root;

		assert_int_equal(json_parse(arena, cases[i][0], strlen(cases[i][0]), 0, &root, NULL), 0);
		assert_int_equal(message_read(&root, arena, &back, &err), -EBADMSG);
		assert_string_equal(err.code, cases[i][1]);
		assert_string_equal(err.path, cases[i][2]);
		same_message(&back, &sample); /* untouched */
	}
	buf_add_str(&many, "{\"attempt_id\":\"a\",\"channel\":\"sms\",\"provider\":\"p\",\"to\":{},\"from\":{},\"invoice_ids\":[\"i\"");
	for (int i = 0; i < 1000; i++)
		buf_add_str(&many, ",\"i\"");
	buf_add_str(&many, "]}");
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json root;
	struct err err = { 0 };
	struct message back;

	assert_int_equal(json_parse(arena, many.data, many.len, 0, &root, NULL), 0);
	assert_int_equal(message_read(&root, arena, &back, &err), -EBADMSG);
	assert_string_equal(err.code, "too_long");
}

/* --- checks ------------------------------------------------------------------------------------------------------------ */

static void addresses(void **state)
{
	static const char *const good[] = { "a@b.example", "first.last@sub.example.com", "a+b@b.example", "o'neil@b.example", "a_b-c!#$%&*/=?^`{|}~@b.example",
		"j\xc3\xbcrgen@m\xc3\xbcller.example", "a@xn--mller-kva.example", "1@1.example", "a@localhost" };
	static const char *const bad[] = { "", "a", "@", "a@", "@b.example", "a@b@c", "a b@c.example", "a@b c", "<a@b.example>", "a@b.example>", "A <a@b.example>",
		"a@b.example,c@d.example", "a@b.example;c@d.example", "\"a b\"@c.example", "a(comment)@b.example", "a@[127.0.0.1]", "a\\@b.example", ".a@b.example",
		"a.@b.example", "a..b@c.example", "a@b..example", "a@.b.example", "a@b.example.", "a@-b.example", "a@b.example\r\nBcc: x@y.example", "a\n@b.example",
		"a@b.example\x01", "a\x7f@b.example", "a@b\xc2\x85.example", "a\xe2\x80\xa8@b.example", "a\xe2\x80\xa9@b.example", "a\t@b.example",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b.example" /* 65 */ };
	char wide[400] = "a@";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (!email_valid(good[i]))
			fail_msg("%s was refused", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (email_valid(bad[i]))
			fail_msg("%s was accepted", bad[i]);
	memset(wide + 2, 'b', 253);
	assert_true(email_valid(wide));
	wide[2 + 253] = 'b';
	assert_false(email_valid(wide));
}

static void numbers(void **state)
{
	static const char *const good[] = { "+123", "+33100000000", "+123456789012345" };
	static const char *const bad[] = { "", "+", "+12", "+0123456", "33100000000", "0033100000000", "+1234567890123456", "+33 1", "+33-1-00", "+33(0)1", "+331x",
		"++331", "+\xd9\xa1\xd9\xa2\xd9\xa3", "+331\n", "tel:+33100" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(phone_valid(good[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (phone_valid(bad[i]))
			fail_msg("%s was accepted", bad[i]);
}

static void attachments(void **state)
{
	static const struct {
		struct attachment file;
		const char *code;
	} rows[] = {
		{ { "F-42.pdf", "application/pdf", "x", 1 }, "" },
		{ { "Relev\xc3\xa9 de compte.pdf", "application/vnd.a+b", "x", 1 }, "" },
		{ { "", "application/pdf", "x", 1 }, "bad_attachment" },
		{ { ".bashrc", "application/pdf", "x", 1 }, "bad_attachment" },
		{ { "../F.pdf", "application/pdf", "x", 1 }, "bad_attachment" },
		{ { "a\\b.pdf", "application/pdf", "x", 1 }, "bad_attachment" },
		{ { "a\".pdf", "application/pdf", "x", 1 }, "bad_attachment" },
		{ { "a\r\nX: y.pdf", "application/pdf", "x", 1 }, "bad_attachment" },
		{ { "F.pdf", "pdf", "x", 1 }, "bad_attachment" },
		{ { "F.pdf", "application/", "x", 1 }, "bad_attachment" },
		{ { "F.pdf", "text/plain; charset=x", "x", 1 }, "bad_attachment" },
		{ { "F.pdf", "text/plain\r\nX: y", "x", 1 }, "bad_attachment" },
		{ { "F.pdf", "application/pdf", "x", ATTACHMENT_BYTES_MAX + 1 }, "too_long" },
	};
	struct attachment many[ATTACHMENTS_MAX + 1];
	struct message m = sample;
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		m.attachments = &rows[i].file;
		m.attachment_count = 1;
		err_clear(&err);
		assert_int_equal(message_check(&m, &err), rows[i].code[0] ? -EBADMSG : 0);
		assert_string_equal(err.code, rows[i].code);
	}
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = rows[0].file;
	m.attachments = many;
	m.attachment_count = ARRAY_LEN(many);
	assert_int_equal(message_check(&m, &err), -EBADMSG);
	m.attachment_count--;
	m.text = m.html = NULL; /* a file alone says something too */
	assert_int_equal(message_check(&m, &err), 0);
}

static void letters(void **state)
{
	static const char *const countries[] = { NULL, "", "F", "fr", "FRA", "F1" };
	const struct postal whole = { .line1 = "1 rue X", .postcode = "75001", .city = "Paris", .country = "FR" };
	struct message m = sample;
	struct err err = { 0 };

	(void)state;
	m.to_postal = whole;
	assert_int_equal(message_check_postal(&m, &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(countries); i++) {
		m.to_postal.country = countries[i];
		assert_int_equal(message_check_postal(&m, &err), -EBADMSG);
		assert_string_equal(err.code, "bad_address");
	}
	m.to_postal = whole;
	m.to_postal.line1 = NULL;
	assert_int_equal(message_check_postal(&m, NULL), -EBADMSG);
	m.to_postal = whole;
	m.to_postal.city = "";
	assert_int_equal(message_check_postal(&m, NULL), -EBADMSG);
	m.to_postal = whole;
	m.to.name = NULL;
	assert_int_equal(message_check_postal(&m, NULL), -EBADMSG);
}

static void checked(void **state)
{
	struct message m;
	struct err err;

	(void)state;
#define CHECK(change, wanted_code, wanted_path)                                                                               \
	do {                                                                                                                   \
		m = sample;                                                                                                    \
		err = (struct err){ 0 };                                                                                       \
		change;                                                                                                        \
		assert_int_equal(message_check(&m, &err), (wanted_code)[0] ? -EBADMSG : 0);                                     \
		assert_string_equal(err.code, wanted_code);                                                                    \
		assert_string_equal(err.path, wanted_path);                                                                    \
	} while (0)
	CHECK((void)0, "", "");
	CHECK(m.to.email = NULL, "bad_address", "$.to.email");
	CHECK(m.to.email = "a@b\r\nBcc: c@d", "bad_address", "$.to.email");
	CHECK(m.from.email = NULL, "bad_sender", "$.from.email");
	CHECK(m.from.email = "nobody", "bad_sender", "$.from.email");
	CHECK(m.from.reply_to = "nobody", "bad_sender", "$.from.reply_to");
	CHECK(m.subject = NULL, "missing", "$.subject");
	CHECK((m.text = NULL, m.html = NULL), "missing", "$.text");
	CHECK(m.text = NULL, "", "");
	CHECK(m.html = NULL, "", "");
	/* SMS and voice need a number, calls and letters are a person's business */
	CHECK((m.channel = CHANNEL_SMS, m.to.phone = NULL), "bad_address", "$.to.phone");
	CHECK((m.channel = CHANNEL_VOICE, m.to.phone = "0123"), "bad_address", "$.to.phone");
	CHECK((m.channel = CHANNEL_SMS, m.to.email = NULL, m.from.email = NULL, m.subject = NULL), "", "");
	CHECK((m.channel = CHANNEL_CALL, m.to.phone = NULL, m.to.email = NULL), "", "");
	CHECK((m.channel = CHANNEL_LETTER, m.to.phone = NULL, m.to.email = NULL), "", "");
	/* one line each, or a header could be written into it */
	static const char *const breaks[] = { "a\r\nX-Header: y", "a\nb", "a\rb", "a\tb", "a\x1b[2J", "a\x7f", "a\xc2\x85" "b", "a\xe2\x80\xa8" "b", "a\xe2\x80\xa9" "b" };
	for (size_t i = 0; i < ARRAY_LEN(breaks); i++) {
		CHECK(m.subject = breaks[i], "control_character", "$.subject");
		CHECK(m.to.name = breaks[i], "control_character", "$.to.name");
		CHECK(m.to.phone = breaks[i], "control_character", "$.to.phone");
		CHECK(m.to.reply_to = breaks[i], "control_character", "$.to.reply_to");
		CHECK(m.from.name = breaks[i], "control_character", "$.from.name");
		CHECK(m.from.email = breaks[i], "control_character", "$.from.email");
		CHECK(m.from.phone = breaks[i], "control_character", "$.from.phone");
		CHECK(m.from.reply_to = breaks[i], "control_character", "$.from.reply_to");
		CHECK(m.attempt_id = breaks[i], "control_character", "$.attempt_id");
		CHECK(m.provider = breaks[i], "control_character", "$.provider");
		CHECK(m.locale = breaks[i], "control_character", "$.locale");
		CHECK(m.debtor_id = breaks[i], "control_character", "$.debtor_id");
		CHECK(m.step = breaks[i], "control_character", "$.step");
		CHECK(m.policy = breaks[i], "control_character", "$.policy");
		CHECK(m.to_postal.line2 = breaks[i], "control_character", "$.to_postal");
		CHECK(m.from_postal.city = breaks[i], "control_character", "$.from_postal");
		CHECK((m.invoice_ids = &breaks[i], m.invoice_count = 1), "control_character", "$.invoice_ids");
	}
	/* wherever it stands: text is looked at by words of eight bytes, too */
	for (size_t i = 0; i < ARRAY_LEN(breaks); i++)
		for (int before = 0; before < 18; before++) {
			char text[64];

			snprintf(text, sizeof(text), "%.*s%s and nothing else", before, "Invoice ~ F-2026-42", breaks[i]);
			CHECK(m.subject = text, "control_character", "$.subject");
		}
	CHECK(m.subject = "Invoice ~ F-2026-42 \xc2\xab and what more there is to say \xc2\xbb", "", "");
	/* letters of the same first bytes are no controls */
	CHECK(m.subject = "\xc2\xa0\xc2\xab Facture \xc2\xbb \xe2\x80\x93 \xe2\x82\xac", "", "");
}

static void words(void **state)
{
	(void)state;
	for (int i = 0; i < CHANNEL_COUNT; i++)
		assert_non_null(channel_names[i]);
	assert_null(channel_names[CHANNEL_COUNT]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(stored_and_read),
		cmocka_unit_test(not_read),
		cmocka_unit_test(addresses),
		cmocka_unit_test(numbers),
		cmocka_unit_test(checked),
		cmocka_unit_test(attachments),
		cmocka_unit_test(letters),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
