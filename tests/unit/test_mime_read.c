/* The text that somebody wrote, out of whole mails: encodings, character sets, multiparts, and mails that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/mime_read.h"

#define TEXT(more) "From: a@x.example\r\nContent-Type: text/plain" more "\r\n"
#define MULTI(kind) "Content-Type: multipart/" kind ";\r\n boundary=\"b 1\"\r\n\r\npreamble\r\n"

static const struct row {
	const char *name, *mail, *text; /* NULL: none */
} rows[] = {
	{ "no MIME at all", "Subject: Re\n\nWe paid.\n", "We paid.\n" },
	{ "with its lines as on the wire", TEXT("; charset=us-ascii") "\r\nWe\r\npaid.\r\n", "We\npaid.\n" },
	{ "UTF-8", TEXT("; charset=\"UTF-8\"") "Content-Transfer-Encoding: 8bit\r\n\r\nPay\xc3\xa9 \xe2\x82\xac", "Pay\xc3\xa9 \xe2\x82\xac" },
	{ "quoted-printable", TEXT("; charset=utf-8") "Content-Transfer-Encoding: Quoted-Printable\r\n\r\nPay=C3=A9 =\r\nhier =3D 5 =zz=\r\n", "Pay\xc3\xa9 hier = 5 =zz" },
	{ "base64", TEXT("; charset=utf-8") "Content-Transfer-Encoding: base64\r\n\r\nV2Ug\r\ncGFpZA==\r\n", "We paid" },
	{ "damaged base64", TEXT("") "Content-Transfer-Encoding: base64\r\n\r\nV2Ug*\r\n", NULL },
	{ "Latin 1", TEXT(";charset=iso-8859-1") "\r\nPay\xe9", "Pay\xc3\xa9" },
	{ "Windows", TEXT("; charset=windows-1252") "\r\n\x80 5 \x93x\x94 \x81", "\xe2\x82\xac 5 \xe2\x80\x9cx\xe2\x80\x9d ?" },
	{ "the euro of Latin 9", TEXT("; charset=ISO-8859-15") "\r\n\xa4", "\xe2\x82\xac" },
	{ "what says UTF-8 and is not", TEXT("; charset=utf-8") "\r\nPay\xe9", "Pay\xc3\xa9" },
	{ "another character set", TEXT("; charset=koi8-r") "\r\nok \xc1\xc2", "ok ??" },
	{ "control characters", TEXT("") "\r\na\x01" "b\x1b[31m\tc\x7f\xc2\x85", "ab[31m\tc" },
	{ "alternatives", MULTI("alternative") "--b 1\r\nContent-Type: text/html\r\n\r\n<p>no\r\n--b 1\r\nContent-Type: text/plain\r\n\r\nyes\r\n--b 1--\r\n", "yes\n" },
	{ "within others", MULTI("mixed") "--b 1\nContent-Type: multipart/alternative; boundary=c\n\n--c\nContent-Type: text/plain\n\ndeep\n--c--\n--b 1--\n", "deep\n" },
	{ "an attached text is none", MULTI("mixed") "--b 1\nContent-Type: text/plain\nContent-Disposition: attachment; filename=x.txt\n\nfile\n--b 1\n\nbody\n--b 1--\n",
		"body\n" },
	{ "cut in the middle", MULTI("mixed") "--b 1\nContent-Type: text/plain\n\nhal", "hal" },
	{ "HTML alone", "Content-Type: text/html\n\n<p>x", NULL },
	{ "a multipart without boundary", "Content-Type: multipart/mixed\n\n--\n\nx\n", NULL },
	{ "nothing written", TEXT("") "\r\n \r\n\t\r\n", NULL },
	{ "headers alone", "Subject: x", NULL },
	{ "nothing", "", NULL },
	{ "the first of two headers counts", "Content-Type: text/plain\nContent-Type: text/html\n\nx", "x" },
};

static void row(void **state)
{
	const struct row *row = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *text = mime_text(row->mail, strlen(row->mail), arena);

	if (!row->text)
		assert_null(text);
	else
		assert_string_equal(text ? text : "(none)", row->text);
}

/* Every beginning of every mail, and multiparts without end: nothing is read beyond, and it ends soon. */
static void whatever_comes(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf mail = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		for (size_t len = 0; len <= strlen(rows[i].mail); len++) {
			char *exact = malloc(len + 1);

			memcpy(exact, rows[i].mail, len);
			exact[len] = '\0';
			(void)mime_text(exact, len, arena);
			free(exact);
		}
	for (int i = 0; i < 20000; i++)
		buf_add_str(&mail, "Content-Type: multipart/mixed; boundary=a\n\n--a\n");
	assert_null(mime_text(mail.data, mail.len, arena));
	buf_reset(&mail);
	buf_add_str(&mail, "Content-Type: text/plain\n\n");
	for (int i = 0; i < 200000; i++)
		buf_add_str(&mail, "\xe2\x82\xac");
	assert_true(strlen(mime_text(mail.data, mail.len, arena)) <= MIME_TEXT_MAX + 3);
}

int main(void)
{
	struct CMUnitTest tests[1 + sizeof(rows) / sizeof(*rows)] = { cmocka_unit_test(whatever_comes) };

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		tests[1 + i] = (struct CMUnitTest){ .name = rows[i].name, .test_func = row, .initial_state = (void *)(uintptr_t)&rows[i] };
	return cmocka_run_group_tests_name("mime_read", tests, NULL, NULL);
}
