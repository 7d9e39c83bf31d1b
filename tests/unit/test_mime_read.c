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
#define HTML(text) "Content-Type: text/html; charset=utf-8\n\n" text
#define MULTI(kind) "Content-Type: multipart/" kind ";\r\n boundary=\"b 1\"\r\n\r\npreamble\r\n"

static const struct row {
	const char *name, *mail, *text; /* NULL: none */
} rows[] = {
	{ "no MIME at all", "Subject: Re\n\nWe paid.\n", "We paid.\n" },
	{ "with its lines as on the wire", TEXT("; charset=us-ascii") "\r\nWe\r\npaid.\r\n", "We\npaid.\n" },
	{ "UTF-8", TEXT("; charset=\"UTF-8\"") "Content-Transfer-Encoding: 8bit\r\n\r\nPay\xc3\xa9 \xe2\x82\xac", "Pay\xc3\xa9 \xe2\x82\xac" },
	{ "quoted-printable",
		TEXT("; charset=utf-8") "Content-Transfer-Encoding: Quoted-Printable\r\n\r\nPay=C3=A9 =\r\nhier =3D 5 =zz=\r\n",
		"Pay\xc3\xa9 hier = 5 =zz" },
	{ "base64", TEXT("; charset=utf-8") "Content-Transfer-Encoding: base64\r\n\r\nV2Ug\r\ncGFpZA==\r\n", "We paid" },
	{ "damaged base64", TEXT("") "Content-Transfer-Encoding: base64\r\n\r\nV2Ug*\r\n", NULL },
	{ "Latin 1", TEXT(";charset=iso-8859-1") "\r\nPay\xe9", "Pay\xc3\xa9" },
	{ "Windows", TEXT("; charset=windows-1252") "\r\n\x80 5 \x93x\x94 \x81", "\xe2\x82\xac 5 \xe2\x80\x9cx\xe2\x80\x9d ?" },
	{ "the euro of Latin 9", TEXT("; charset=ISO-8859-15") "\r\n\xa4", "\xe2\x82\xac" },
	{ "what says UTF-8 and is not", TEXT("; charset=utf-8") "\r\nPay\xe9", "Pay\xc3\xa9" },
	{ "another character set", TEXT("; charset=koi8-r") "\r\nok \xc1\xc2", "ok ??" },
	{ "control characters", TEXT("") "\r\na\x01" "b\x1b[31m\tc\x7f\xc2\x85", "ab[31m\tc" },
	{ "alternatives",
		MULTI("alternative") "--b 1\r\nContent-Type: text/html\r\n\r\n<p>no\r\n--b 1\r\nContent-Type: text/plain\r\n\r\nyes\r\n--b 1--\r\n",
		"yes\n" },
	{ "within others",
		MULTI("mixed") "--b 1\nContent-Type: multipart/alternative; boundary=c\n\n--c\nContent-Type: text/plain\n\ndeep\n--c--\n--b 1--\n",
		"deep\n" },
	{ "an attached text is none",
		MULTI("mixed") "--b 1\nContent-Type: text/plain\nContent-Disposition: attachment; filename=x.txt\n\nfile\n--b 1\n\nbody\n--b 1--\n",
		"body\n" },
	{ "cut in the middle", MULTI("mixed") "--b 1\nContent-Type: text/plain\n\nhal", "hal" },
	{ "HTML alone", "Content-Type: text/html\n\n<p>x", "x" },
	{ "HTML beside an empty text",
		MULTI("alternative") "--b 1\n\n \n--b 1\nContent-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n<p>pay=E9 hier\n--b 1--\n",
		"pay\xc3\xa9 hier" },
	{ "an attached page is none", "Content-Type: text/html\nContent-Disposition: attachment\n\n<p>x", NULL },
	{ "styles, scripts and comments", HTML("<HTML><head><title>t</title><style>p{a:b}</style></head><!-- c > --><sc" "ript>1<2</script><body>x<?y?>"), "x" },
	{ "lines where a browser has them", HTML(" a\n b<br>c<div>d<b>e</b></div>\n<p>f</p><p>g</p><ul><li>h<li>i</ul><br><br><br>j"), "a b\nc\nde\n\nf\n\ng\n\nh\ni\n\nj" },
	{ "characters by their names", HTML("pay&eacute;&nbsp;hier &amp; &lt;&#233;&#xE9;&euro;&rsquo;&bogus; &#0;&#1;&#xd800;&"),
		"pay\xc3\xa9 hier & <\xc3\xa9\xc3\xa9\xe2\x82\xac\xe2\x80\x99&bogus; &#0;&#xd800;&" },
	{ "what it quotes", HTML("<div>STOP</div><div class=\"gmail_quote\"><div>Le lun. a &eacute;crit&nbsp;:<br></div><blockquote>x<br>y</blockquote></div>z"
		"<blockquote type=cite>q</blockquote>w"), "STOP\n> Le lun. a \xc3\xa9" "crit :\n> x\n> y\nz\n> q\nw" },
	{ "a sign that is no tag", HTML("1 < 2 <3 <"), "1 < 2 <3 <" },
	{ "tags without an end", HTML("a<b c"), "a" },
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

/* --- the whole as an object ----------------------------------------------------------------------------------------------------------- */

#define OURS "01JX9000000000000000000042"
#define REPORT(fields, returned)                                                                                                            \
	"From: MAILER-DAEMON@mx.example (Mail Delivery System)\nSubject: Undelivered Mail\nAuto-Submitted: auto-replied\n"                      \
	"Message-Id: <d1@mx.example>\nContent-Type: multipart/report; report-type=delivery-status;\n\tboundary=\"b/1\"\n\nMIME\n\n--b/1\n"       \
	"Content-Type: text/plain\n\nI am sorry.\n--b/1\nContent-Type: message/delivery-status\n\n" fields "\n--b/1\n" returned "\n--b/1--\n"
#define FIELDS(action, status)                                                                                                              \
	"Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; ann@b.example\nAction: " action "\nStatus: " status                        \
	"\nDiagnostic-Code: smtp; 550 5.1.1\n  no such user\n"
#define RETURNED "Content-Type: message/rfc822\n\nFrom: x@y.example\nMessage-ID: <" OURS "@y.example>\nSubject: s\n\nbody\n"

static const struct whole {
	const char *name, *mail, *json;
} wholes[] = {
	{ "a mail", "From: Ann <ann@b.example>\nSubject: Re: s\nMessage-ID: <m1@b.example>\nIn-Reply-To:\n <" OURS "@y.example>\n\nwe pay\n",
		"{\"kind\":\"mail\",\"id\":\"m1@b.example\",\"from\":\"Ann <ann@b.example>\",\"subject\":\"Re: s\",\"answers\":\"" OURS
		"\",\"text\":\"we pay\\n\"}" },
	{ "the last of what it refers to", "References: <a@x> <" OURS "@y.example>\nAuto-Submitted: no\n\nx",
		"{\"kind\":\"mail\",\"answers\":\"" OURS "\",\"text\":\"x\"}" },
	{ "an absence", "Auto-Submitted: auto-replied (vacation)\nIn-Reply-To: <" OURS "@y.example>\n\naway\n",
		"{\"kind\":\"automatic\",\"answers\":\"" OURS "\",\"text\":\"away\\n\"}" },
	{ "unsubscribed by a program", "From: ann@b.example\nSubject: STOP\nAuto-Submitted: auto-generated\n\nSent by a click.\n",
		"{\"kind\":\"mail\",\"from\":\"ann@b.example\",\"subject\":\"STOP\",\"text\":\"STOP\"}" },
	{ "by the text alone", "Auto-Submitted: auto-generated\n\nSTOP\n", "{\"kind\":\"mail\",\"text\":\"STOP\\n\"}" },
	{ "by one that does not say what it is", "Subject: stop\n\nThis message was automatically generated by Gmail.\n",
		"{\"kind\":\"mail\",\"subject\":\"stop\",\"text\":\"stop\"}" },
	{ "who has more to say is read", "Subject: Stop\n\nWe paid yesterday.\n", "{\"kind\":\"mail\",\"subject\":\"Stop\",\"text\":\"We paid yesterday.\\n\"}" },
	{ "an absence that is no wish", "Subject: Re: STOP\nAuto-Submitted: auto-replied\n\naway\n",
		"{\"kind\":\"automatic\",\"subject\":\"Re: STOP\",\"text\":\"away\\n\"}" },
	{ "it bounced", REPORT(FIELDS("failed", "5.1.1"), RETURNED),
		"{\"report\":{\"action\":\"failed\",\"status\":\"5.1.1\",\"recipient\":\"ann@b.example\",\"diagnostic\":\"550 5.1.1  no such user\","
		"\"original\":\"" OURS "\"},\"kind\":\"report\",\"id\":\"d1@mx.example\","
		"\"subject\":\"Undelivered Mail\",\"text\":\"I am sorry.\\n\"}" },
	{ "its headers alone came back",
		REPORT(FIELDS("delayed (still trying)", "4.4.1 (no answer)"), "Content-Type: text/rfc822-headers\n\nMessage-ID: <" OURS "@y.example>\n"),
		"{\"report\":{\"action\":\"delayed\",\"status\":\"4.4.1\",\"recipient\":\"ann@b.example\",\"diagnostic\":\"550 5.1.1  no such user\","
		"\"original\":\"" OURS "\"},\"kind\":\"report\",\"id\":\"d1@mx.example\","
		"\"subject\":\"Undelivered Mail\",\"text\":\"I am sorry.\\n\"}" },
	{ "a report that tells nothing", "Content-Type: multipart/report; report-type=delivery-status; boundary=b\nAuto-Submitted: auto-replied\n\n--b--\n",
		"{\"kind\":\"automatic\"}" },
	{ "ids that are none", "Message-ID: x@y\nIn-Reply-To: <a b>\nReferences: <a\n\n", "{\"kind\":\"mail\"}" },
	{ "what is no UTF-8 and controls", "Subject: caf\xe9\x07\x1b[2J\n\n", "{\"kind\":\"mail\",\"subject\":\"caf\xc3\xa9[2J\"}" },
	{ "nothing", "", "{\"kind\":\"mail\"}" },
};

static void whole(void **state)
{
	const struct whole *one = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct json_writer w = jw_init(&text);

	mime_document(&w, one->mail, strlen(one->mail), arena);
	assert_string_equal(buf_str(&text), one->json);
}

/* Every beginning of every mail, and multiparts without end: nothing is read beyond, and it ends soon. */
/* Each of them was looked for to the end of the mail once more: what takes a moment here took minutes, and the daemon with it. */
static void no_mail_takes_longer_than_its_length(void **state)
{
	static const struct {
		const char *head, *again;
	} mails[] = { { "Content-Type: text/html\n\n", "<style>" }, { "Content-Type: text/html\n\n", "<script><head><title>" }, { "Content-Type: text/html\n\n", "< " },
		{ "Content-Type: text/html\n\n", "&<a" }, { "Content-Type: text/html\n\n", "<!-" }, { "Content-Transfer-Encoding: quoted-printable\n\n", "=z" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(mails); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		CLEANUP(buf_clear) struct buf mail = { 0 };

		buf_add_str(&mail, mails[i].head);
		while (mail.len < (size_t)4 * 1024 * 1024)
			buf_add_str(&mail, mails[i].again);
		(void)mime_text(buf_str(&mail), mail.len, arena);
	}
}

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
	for (size_t i = 0; i < sizeof(wholes) / sizeof(*wholes); i++)
		for (size_t len = 0; len <= strlen(wholes[i].mail); len++) {
			CLEANUP(buf_clear) struct buf text = { 0 };
			struct json_writer w = jw_init(&text);
			char *exact = malloc(len + 1);

			memcpy(exact, wholes[i].mail, len);
			exact[len] = '\0';
			mime_document(&w, exact, len, arena);
			free(exact);
		}
	buf_add_str(&mail, "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n");
	for (int i = 0; i < 200000; i++) /* so many recipients of whom nothing is told, and so many parts */
		buf_add_str(&mail, "\n");
	for (int i = 0; i < 200000; i++)
		buf_add_str(&mail, "--b\n");
	{
		CLEANUP(buf_clear) struct buf text = { 0 };
		CLEANUP(arena_freep) struct arena *own = arena_create();
		struct json_writer w = jw_init(&text);

		mime_document(&w, mail.data, mail.len, own);
		assert_string_equal(buf_str(&text), "{\"kind\":\"mail\"}");
	}
	buf_reset(&mail);
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
	enum { ROWS = sizeof(rows) / sizeof(*rows), WHOLES = sizeof(wholes) / sizeof(*wholes) };
	struct CMUnitTest tests[2 + ROWS + WHOLES] = { cmocka_unit_test(whatever_comes), cmocka_unit_test(no_mail_takes_longer_than_its_length) };

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		tests[2 + i] = (struct CMUnitTest){ .name = rows[i].name, .test_func = row, .initial_state = (void *)(uintptr_t)&rows[i] };
	for (size_t i = 0; i < WHOLES; i++)
		tests[2 + ROWS + i] = (struct CMUnitTest){ .name = wholes[i].name, .test_func = whole, .initial_state = (void *)(uintptr_t)&wholes[i] };
	return cmocka_run_group_tests_name("mime_read", tests, NULL, NULL);
}
