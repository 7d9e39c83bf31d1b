/* The built-in mail server provider, without a server: its settings, the mail's form, and what each dialogue means. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/smtp.h"

#define ID "01HQZZ00000000000000000001"

/* --- settings --------------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	const char *pairs[9];
	const char *path; /* of what is wrong; NULL = it is right */
	enum smtp_tls tls;
} settings_rows[] = {
	{ "STARTTLS to everybody else", { "url", "smtp://mail.example.com:587" }, NULL, SMTP_STARTTLS },
	{ "also where it is said", { "url", "smtp://mail.example.com", "starttls", "true" }, NULL, SMTP_STARTTLS },
	{ "TLS from the start", { "url", "smtps://mail.example.com:465" }, NULL, SMTP_TLS },
	{ "this machine needs none", { "url", "smtp://127.0.0.1:25" }, NULL, SMTP_PLAIN },
	{ "by its name", { "url", "smtp://localhost" }, NULL, SMTP_PLAIN },
	{ "by IPv6", { "url", "smtp://[::1]:25" }, NULL, SMTP_PLAIN },
	{ "and may have it", { "url", "smtp://127.0.0.1:25", "starttls", "true" }, NULL, SMTP_STARTTLS },
	{ "with a log-in", { "url", "smtps://m.example", "user", "u", "password", "cred" }, NULL, SMTP_TLS },
	{ "all of it", { "url", "smtps://m.example", "helo", "h.example", "return_path", "b@x.example" }, NULL, SMTP_TLS },
	{ "nothing", { NULL }, "$.settings.url", 0 },
	{ "never in the clear to others", { "url", "smtp://mail.example.com", "starttls", "false" }, "$.settings.starttls", 0 },
	{ "a name that only begins like this machine", { "url", "smtp://127.0.0.1.example.com", "starttls", "false" }, "$.settings.starttls", 0 },
	{ "not both", { "url", "smtps://mail.example.com", "starttls", "true" }, "$.settings.starttls", 0 },
	{ "neither yes nor no", { "url", "smtp://mail.example.com", "starttls", "maybe" }, "$.settings.starttls", 0 },
	{ "another scheme", { "url", "https://mail.example.com" }, "$.settings.url", 0 },
	{ "a user in the URL", { "url", "smtps://u:p@mail.example.com" }, "$.settings.url", 0 },
	{ "a path in the URL", { "url", "smtps://mail.example.com/x" }, "$.settings.url", 0 },
	{ "no port", { "url", "smtps://mail.example.com:" }, "$.settings.url", 0 },
	{ "no such port", { "url", "smtps://mail.example.com:70000" }, "$.settings.url", 0 },
	{ "a line break in the URL", { "url", "smtps://mail.example.com\r\nRSET" }, "$.settings.url", 0 },
	{ "a line break in the name", { "url", "smtps://m.example", "helo", "a\r\nMAIL" }, "$.settings.helo", 0 },
	{ "no return path", { "url", "smtps://m.example", "return_path", "<>" }, "$.settings.return_path", 0 },
	{ "a user alone", { "url", "smtps://m.example", "user", "u" }, "$.secrets.password", 0 },
	{ "a password alone", { "url", "smtps://m.example", "password", "c" }, "$.settings.user", 0 },
	{ "an unknown one", { "url", "smtps://m.example", "usr", "u" }, "$.settings", 0 },
};

static void settings_are_checked(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(settings_rows) / sizeof(*settings_rows); i++) {
		const struct provider_settings given = { .name = "mail", .file = "smtp", .settings = settings_rows[i].pairs };
		struct smtp_settings got;
		struct err err = { 0 };
		int r = smtp_settings_read(&given, &got, &err);

		if (r != (settings_rows[i].path ? -EBADMSG : 0) || (r < 0 && strcmp(err.path, settings_rows[i].path) != 0) ||
			(r == 0 && got.tls != settings_rows[i].tls))
			fail_msg("%s: %d %s %s", settings_rows[i].name, r, err.path, err.text);
	}
}

/* --- dialogues ------------------------------------------------------------------------------------------------------------------ */

#define HELLO "S:220 hi\nC:EHLO me\nS:250-mx\nS:250-SIZE 1000\nS:250 SMTPUTF8\n"
#define UP_TO_MAIL HELLO "C:MAIL FROM:<a@b.c>\n"
#define UP_TO_RCPT UP_TO_MAIL "S:250 2.1.0 Ok\nC:RCPT TO:<d@e.f>\n"
#define UP_TO_END UP_TO_RCPT "S:250 2.1.5 Ok\nC:DATA\nS:354 go\nE:\n"

static const struct {
	const char *name, *dialogue, *broken;
	enum outcome_kind kind;
	enum outcome_scope scope;
	const char *reason, *id;
	int status;
} rows[] = {
	{ "Postfix takes it", UP_TO_END "S:250 2.0.0 Ok: queued as 4F1B2C\n", "bad_answer", OUTCOME_ACCEPTED, 0, "accepted", "4F1B2C", 250 },
	{ "Exim takes it", UP_TO_END "S:250 OK id=1rX0ab-0004Cd-1p\n", "bad_answer", OUTCOME_ACCEPTED, 0, "accepted", "1rX0ab-0004Cd-1p", 250 },
	{ "OpenSMTPD takes it", UP_TO_END "S:250 2.0.0 8b8c1c5e Message accepted for delivery\n", "bad_answer", OUTCOME_ACCEPTED, 0, "accepted",
		"8b8c1c5e", 250 },
	{ "another takes it", UP_TO_END "S:250 2.6.0 thanks\n", "bad_answer", OUTCOME_ACCEPTED, 0, "accepted", "thanks", 250 },
	{ "one of few words takes it", UP_TO_END "S:250\n", "bad_answer", OUTCOME_ACCEPTED, 0, "accepted", "250", 250 },
	{ "in two lines", UP_TO_END "S:250-2.0.0 wait\nS:250 2.0.0 Ok: queued as X1\n", "bad_answer", OUTCOME_ACCEPTED, 0, "accepted", "X1", 250 },
	{ "it goes after it has taken it", UP_TO_END "S:250 2.0.0 Ok: queued as X1\nS:421 bye\n", "connection_lost", OUTCOME_ACCEPTED, 0, "accepted",
		"X1", 250 },
	{ "and QUIT changes nothing", UP_TO_END "S:250 2.0.0 Ok: queued as X1\nC:QUIT\nS:221 2.0.0 Bye\n", "bad_answer", OUTCOME_ACCEPTED, 0,
		"accepted", "X1", 250 },
	{ "no answer to the end", UP_TO_END, "timeout", OUTCOME_IN_DOUBT, 0, "timeout", NULL, 0 },
	{ "half an answer to the end", UP_TO_END "S:250-2.0.0 wait\n", "connection_lost", OUTCOME_IN_DOUBT, 0, "connection_lost", NULL, 0 },
	{ "an answer that is none", UP_TO_END "S:hello\n", "bad_answer", OUTCOME_IN_DOUBT, 0, "bad_answer", NULL, 0 },
	{ "a 354 again", UP_TO_END "S:354 go\n", "bad_answer", OUTCOME_IN_DOUBT, 0, "bad_answer", NULL, 354 },
	{ "refused at the end", UP_TO_END "S:554 5.7.1 spam\n", "bad_answer", OUTCOME_REFUSED, SCOPE_MESSAGE, "refused", NULL, 554 },
	{ "put off at the end", UP_TO_END "S:451 4.3.0 no room\n", "bad_answer", OUTCOME_TEMPORARY, SCOPE_MESSAGE, "deferred", NULL, 451 },
	{ "it goes instead of an answer", UP_TO_END "S:421 4.3.2 down\n", "bad_answer", OUTCOME_TEMPORARY, SCOPE_PROVIDER, "deferred", NULL, 421 },
	{ "too large at the end", UP_TO_END "S:552 5.3.4 too big\n", "bad_answer", OUTCOME_REFUSED, SCOPE_MESSAGE, "too_large", NULL, 552 },
	{ "unknown recipient", UP_TO_RCPT "S:550 5.1.1 who\n", "x", OUTCOME_REFUSED, SCOPE_RECIPIENT, "bad_address", NULL, 550 },
	{ "in two lines too", UP_TO_RCPT "S:550-5.1.1 who\nS:550 5.1.1 is that\n", "x", OUTCOME_REFUSED, SCOPE_RECIPIENT, "bad_address", NULL, 550 },
	{ "a domain without mail", UP_TO_RCPT "S:556 5.1.10 null MX\n", "x", OUTCOME_REFUSED, SCOPE_RECIPIENT, "bad_address", NULL, 556 },
	{ "a closed mailbox", UP_TO_RCPT "S:550 5.2.1 closed\n", "x", OUTCOME_REFUSED, SCOPE_RECIPIENT, "bad_address", NULL, 550 },
	{ "a full one", UP_TO_RCPT "S:552 5.2.2 full\n", "x", OUTCOME_REFUSED, SCOPE_MESSAGE, "refused", NULL, 552 },
	{ "policy", UP_TO_RCPT "S:550 5.7.1 no\n", "x", OUTCOME_REFUSED, SCOPE_MESSAGE, "refused", NULL, 550 },
	{ "nothing but a number", UP_TO_RCPT "S:550 no\n", "x", OUTCOME_REFUSED, SCOPE_MESSAGE, "refused", NULL, 550 },
	{ "and then QUIT", UP_TO_RCPT "S:550 5.1.1 who\nC:QUIT\nS:221 Bye\n", "x", OUTCOME_REFUSED, SCOPE_RECIPIENT, "bad_address", NULL, 550 },
	{ "greylisted", UP_TO_RCPT "S:450 4.7.1 later\n", "x", OUTCOME_TEMPORARY, SCOPE_MESSAGE, "deferred", NULL, 450 },
	{ "one that wants a log-in", UP_TO_RCPT "S:530 5.7.0 log in\n", "x", OUTCOME_REFUSED, SCOPE_PROVIDER, "config", NULL, 530 },
	{ "our sender is unknown", UP_TO_MAIL "S:550 5.1.8 who are you\n", "x", OUTCOME_REFUSED, SCOPE_PROVIDER, "bad_sender", NULL, 550 },
	{ "or not ours", UP_TO_MAIL "S:553 <a@b.c> is not yours\n", "x", OUTCOME_REFUSED, SCOPE_PROVIDER, "bad_sender", NULL, 553 },
	{ "we are not wanted", UP_TO_MAIL "S:550 5.7.1 not from here\n", "x", OUTCOME_REFUSED, SCOPE_PROVIDER, "config", NULL, 550 },
	{ "nor without a word of why", UP_TO_MAIL "S:554 no\n", "x", OUTCOME_REFUSED, SCOPE_PROVIDER, "config", NULL, 554 },
	{ "too large by its SIZE", UP_TO_MAIL "S:552 5.3.4 too big\n", "x", OUTCOME_REFUSED, SCOPE_MESSAGE, "too_large", NULL, 552 },
	{ "by one of few words", UP_TO_MAIL "S:552 too big\n", "x", OUTCOME_REFUSED, SCOPE_MESSAGE, "too_large", NULL, 552 },
	{ "for the mailbox", UP_TO_MAIL "S:550 5.2.3 too big for it\n", "x", OUTCOME_REFUSED, SCOPE_MESSAGE, "too_large", NULL, 550 },
	{ "no room", UP_TO_MAIL "S:552 5.2.2 full\n", "x", OUTCOME_REFUSED, SCOPE_MESSAGE, "refused", NULL, 552 },
	{ "its addresses are not ASCII", UP_TO_MAIL "S:550 5.6.7 no UTF-8\n", "x", OUTCOME_REFUSED, SCOPE_MESSAGE, "refused", NULL, 550 },
	{ "our sender, told at RCPT", UP_TO_RCPT "S:550 5.1.8 <a@b.c>: Sender address rejected: Domain not found\n", "x", OUTCOME_REFUSED, SCOPE_PROVIDER, "bad_sender", NULL, 550 },
	{ "its form", UP_TO_RCPT "S:553 5.1.7 bad sender\n", "x", OUTCOME_REFUSED, SCOPE_PROVIDER, "bad_sender", NULL, 553 },
	{ "Postfix does not relay for us", UP_TO_RCPT "S:554 5.7.1 <d@e.f>: Relay access denied\n", "x", OUTCOME_REFUSED, SCOPE_PROVIDER, "config", NULL, 554 },
	{ "a name like it is no word of it", UP_TO_RCPT "S:550 <relay@relay.example>: not here\n", "x", OUTCOME_REFUSED, SCOPE_MESSAGE, "refused", NULL, 550 },
	{ "nor wants it our host", UP_TO_RCPT "S:554 5.7.1 <h[127.0.0.1]>: Client host rejected: Access denied\n", "x", OUTCOME_REFUSED, SCOPE_PROVIDER, "config",
		NULL, 554 },
	{ "nor our sender", UP_TO_RCPT "S:553 5.7.1 <a@b.c>: Sender address rejected: not owned by user x\n", "x", OUTCOME_REFUSED, SCOPE_PROVIDER, "config",
		NULL, 553 },
	{ "our host is on a list", UP_TO_RCPT "S:554 5.7.1 Service unavailable; Client host [1.2.3.4] blocked using zen.spamhaus.org; https://a.b/c\n", "x",
		OUTCOME_REFUSED, SCOPE_PROVIDER, "config", NULL, 554 },
	{ "told at DATA", UP_TO_RCPT "S:250 Ok\nC:DATA\nS:554 5.7.1 Service unavailable; Client host [1.2.3.4] blocked using a.b\n", "x", OUTCOME_REFUSED,
		SCOPE_PROVIDER, "config", NULL, 554 },
	{ "our name is", UP_TO_RCPT "S:554 5.7.1 Service unavailable; Helo command [h.example] blocked using a.b\n", "x", OUTCOME_REFUSED, SCOPE_PROVIDER,
		"config", NULL, 554 },
	{ "our name", UP_TO_RCPT "S:504 5.5.2 <h>: Helo command rejected: need fully-qualified hostname\n", "x", OUTCOME_REFUSED, SCOPE_PROVIDER, "config", NULL,
		504 },
	{ "our sender's domain is", UP_TO_RCPT "S:554 5.7.1 Service unavailable; Sender address [a@b.c] blocked using a.b\n", "x", OUTCOME_REFUSED,
		SCOPE_PROVIDER, "config", NULL, 554 },
	{ "the recipient's is", UP_TO_RCPT "S:554 5.7.1 Service unavailable; Recipient address [d@e.f] blocked using a.b\n", "x", OUTCOME_REFUSED, SCOPE_MESSAGE,
		"refused", NULL, 554 },
	{ "by Exim", UP_TO_RCPT "S:550 rejected because 1.2.3.4 is in a black list at zen.spamhaus.org\n", "x", OUTCOME_REFUSED, SCOPE_PROVIDER, "config", NULL, 550 },
	{ "by Microsoft", UP_TO_RCPT "S:550 5.7.606 Access denied, banned sending IP [1.2.3.4]\n", "x", OUTCOME_REFUSED, SCOPE_PROVIDER, "config", NULL, 550 },
	{ "on a line of several", UP_TO_RCPT "S:550-5.7.1 mail from your IP address 1.2.3.4 is not taken\nS:550 5.7.1 see a.b\n", "x", OUTCOME_REFUSED,
		SCOPE_PROVIDER, "config", NULL, 550 },
	{ "a line of the reply before", UP_TO_MAIL "S:250-your IP is known\nS:250 Ok\nC:RCPT TO:<d@e.f>\nS:550 no\n", "x", OUTCOME_REFUSED, SCOPE_MESSAGE,
		"refused", NULL, 550 },
	{ "our SPF", UP_TO_RCPT "S:550 5.7.23 <d@e.f>: Recipient address rejected: Message rejected due to: SPF fail\n", "x", OUTCOME_REFUSED, SCOPE_PROVIDER,
		"config", NULL, 550 },
	{ "our DKIM, at the end", UP_TO_END "S:550-5.7.26 Unauthenticated email from b.c is not accepted\nS:550 5.7.26 see a.b\n", "x", OUTCOME_REFUSED,
		SCOPE_PROVIDER, "config", NULL, 550 },
	{ "what stands in it, at the end", UP_TO_END "S:554 5.7.1 a link in it is blocked using uribl.example\n", "x", OUTCOME_REFUSED, SCOPE_MESSAGE, "refused",
		NULL, 554 },
	{ "a name that is not in the book", UP_TO_RCPT "S:550 5.1.1 d@e.f not listed in Domino Directory\n", "x", OUTCOME_REFUSED, SCOPE_RECIPIENT, "bad_address",
		NULL, 550 },
	{ "nor does Exim", UP_TO_RCPT "S:550 relay not permitted\n", "x", OUTCOME_REFUSED, SCOPE_PROVIDER, "config", NULL, 550 },
	{ "nor does Exchange", UP_TO_RCPT "S:550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain\n", "x", OUTCOME_REFUSED, SCOPE_PROVIDER, "config", NULL, 550 },
	{ "nor does Sendmail", UP_TO_RCPT "S:550 5.7.1 <d@e.f>... Relaying denied\n", "x", OUTCOME_REFUSED, SCOPE_PROVIDER, "config", NULL, 550 },
	{ "lost before the end", UP_TO_RCPT "S:250 Ok\nC:DATA\nS:354 go\n", "connection_lost", OUTCOME_TEMPORARY, SCOPE_MESSAGE, "connection_lost",
		NULL, 0 },
	{ "no time at the door", "S:421 busy\n", "x", OUTCOME_TEMPORARY, SCOPE_PROVIDER, "deferred", NULL, 421 },
	{ "not for us at the door", "S:554 no mail here\n", "x", OUTCOME_REFUSED, SCOPE_PROVIDER, "config", NULL, 554 },
	{ "a wrong password", HELLO "C:AUTH PLAIN AHUAcA==\nS:535 5.7.8 no\n", "config", OUTCOME_REFUSED, SCOPE_PROVIDER, "config", NULL, 535 },
	{ "no log-in now", HELLO "C:AUTH PLAIN AHUAcA==\nS:454 4.7.0 later\n", "config", OUTCOME_TEMPORARY, SCOPE_PROVIDER, "deferred", NULL, 454 },
	{ "no way to log in that both know", HELLO, "config", OUTCOME_REFUSED, SCOPE_PROVIDER, "config", NULL, 250 },
	{ "no STARTTLS", HELLO, "tls", OUTCOME_TEMPORARY, SCOPE_MESSAGE, "tls", NULL, 0 },
	{ "nobody", "", "no_connection", OUTCOME_TEMPORARY, SCOPE_MESSAGE, "no_connection", NULL, 0 },
};

static void play(struct smtp_dialogue *d, const char *dialogue)
{
	for (const char *line = dialogue; *line; line += strcspn(line, "\n") + 1) {
		char text[600];

		snprintf(text, sizeof(text), "%.*s\r\n", (int)strcspn(line + 2, "\n"), line + 2);
		if (*line == 'E')
			smtp_ended(d, "mail", 4);
		else if (*line == 'S')
			smtp_heard(d, text, strlen(text));
		else
			smtp_said(d, text, strlen(text));
	}
}

static void what_a_dialogue_means(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		CLEANUP(smtp_dialogue_clear) struct smtp_dialogue d = { 0 };
		struct outcome o;

		play(&d, rows[i].dialogue);
		smtp_outcome(&d, rows[i].broken, arena, &o);
		if (o.kind != rows[i].kind || o.scope != rows[i].scope || strcmp(o.reason, rows[i].reason) != 0 || o.status != rows[i].status ||
			!o.provider_id != !rows[i].id || (o.provider_id && strcmp(o.provider_id, rows[i].id) != 0))
			fail_msg("%s: %s %s %s %d %s", rows[i].name, outcome_names[o.kind], scope_names[o.scope], o.reason, o.status,
				o.provider_id ? o.provider_id : "-");
	}
}

static void no_secret_is_kept(void **state)
{
	CLEANUP(smtp_dialogue_clear) struct smtp_dialogue d = { 0 };

	(void)state;
	play(&d, HELLO "C:AUTH PLAIN AHNlY3JldA==\nS:535 no\nC:AUTH LOGIN\nS:334 VXNlcm5hbWU6\nC:dXNlcg==\nS:334 UGFzc3dvcmQ6\n"
		       "C:MAIL c2VjcmV0\nS:235 ok\nC:c2VjcmV0\nC:MAIL FROM:<a@b.c>\n");
	assert_string_equal(d.text.data,
		"S: 220 hi\r\nC: EHLO me\r\nS: 250-mx\r\nS: 250-SIZE 1000\r\nS: 250 SMTPUTF8\r\nC: AUTH PLAIN ***\r\nS: 535 no\r\n"
		"C: AUTH LOGIN\r\nS: 334 VXNlcm5hbWU6\r\nC: ***\r\nS: 334 UGFzc3dvcmQ6\r\nC: ***\r\nS: 235 ok\r\nC: ***\r\nC: MAIL FROM:<a@b.c>\r\n");
}

static void what_the_server_says_of_itself(void **state)
{
	CLEANUP(smtp_dialogue_clear) struct smtp_dialogue d = { 0 };
	struct message m = { .to.email = "a@b.c", .from.email = "d@e.f" };

	(void)state;
	play(&d, HELLO);
	assert_null(smtp_hindrance(&d, &m, "d@e.f", 1000));
	assert_string_equal(smtp_hindrance(&d, &m, "d@e.f", 1001), "too_large");
	m.to.email = "\303\251@b.c";
	assert_null(smtp_hindrance(&d, &m, "d@e.f", 10));
	play(&d, "C:STARTTLS\nS:220 go\nC:EHLO me\nS:250 mx\n"); /* what it said before counts no more */
	assert_string_equal(smtp_hindrance(&d, &m, "d@e.f", 10), "no_smtputf8");
	m.to.email = "a@b.c";
	assert_null(smtp_hindrance(&d, &m, "d@e.f", 1001));
}

static void one_that_talks_for_ever(void **state)
{
	CLEANUP(smtp_dialogue_clear) struct smtp_dialogue d = { 0 };

	(void)state;
	for (int i = 0; i < 20000 && !d.too_long; i++)
		play(&d, "S:250-and another thing\n");
	assert_true(d.too_long);
	assert_true(d.text.len <= SMTP_DIALOGUE_MAX);
}

/* --- the mail ----------------------------------------------------------------------------------------------------------------------- */

static char *repeat(struct arena *arena, const char *s, size_t times, size_t max)
{
	char *made = arena_alloc(arena, max + 1);
	size_t n = strlen(s), at = 0;

	for (size_t i = 0; i < times && at + n <= max; i++, at += n)
		memcpy(made + at, s, n);
	made[at] = '\0';
	return made;
}

/* RFC 5322 section 2.1.1: at most 998 bytes between CRLFs, and no CR or LF alone. */
static void check_lines(const struct buf *mail)
{
	size_t line = 0;

	for (size_t i = 0; i < mail->len; i++) {
		if (mail->data[i] == '\r' && i + 1 < mail->len && mail->data[i + 1] == '\n') {
			assert_true(line <= 998);
			line = 0;
			i++;
			continue;
		}
		assert_true(mail->data[i] != '\r' && mail->data[i] != '\n');
		assert_true((mail->data[i] & 0x80) == 0);
		line++;
	}
	assert_int_equal(line, 0);
}

static void the_form_of_a_mail(void **state)
{
	static const char *const pieces[] = { "x", "\"", "\303\251", "\342\202\254", "\360\237\230\200", "=?", "y ", ".", ".\n", "\r\n.\r\n", "a\n" };
	static const size_t sizes[] = { 0, 1, 74, 75, 76, 77, 300, 500, 997, 998, 999, 5000 };
	const struct attachment file = { .name = "x.pdf", .type = "application/pdf", .data = "\0\n.\r\n", .len = 5 };

	(void)state;
	for (size_t p = 0; p < sizeof(pieces) / sizeof(*pieces); p++) {
		for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
			CLEANUP(arena_freep) struct arena *arena = arena_create();
			CLEANUP(buf_clear) struct buf once = { 0 }, twice = { 0 };
			bool one_line = !strchr(pieces[p], '\n');
			const char *body = repeat(arena, pieces[p], 10000, sizes[s]);
			const char *name = one_line ? repeat(arena, pieces[p], 10000, sizes[s] < 500 ? sizes[s] : 500) : "n";
			struct message m = { .attempt_id = ID, .channel = CHANNEL_EMAIL, .provider = "mail",
				.to = { .name = name, .email = "a@example.com" }, .from = { .name = name, .email = "b@example.com" },
				.subject = one_line ? body : "S", .text = body, .html = body, .attachments = &file, .attachment_count = 1,
				.written_at = 1772442000000 };
			struct err err = { 0 };

			assert_int_equal(smtp_mail(&m, &once, &err), 0);
			assert_int_equal(smtp_mail(&m, &twice, &err), 0);
			check_lines(&once);
			assert_int_equal(once.len, twice.len);
			assert_memory_equal(once.data, twice.data, once.len);
		}
	}
}

static void no_header_can_be_slipped_in(void **state)
{
	static const char *const evil[] = { "a\r\nBcc: x@y.z", "a\nBcc: x@y.z", "a\rb", "a\342\200\250b", "a\302\205b", "a\x01" };

	(void)state;
	for (size_t i = 0; i < sizeof(evil) / sizeof(*evil); i++) {
		struct message good = { .attempt_id = ID, .channel = CHANNEL_EMAIL, .provider = "mail", .to.email = "a@example.com",
			.from.email = "b@example.com", .subject = "S", .text = "T" };

		for (int field = 0; field < 7; field++) {
			CLEANUP(buf_clear) struct buf mail = { 0 };
			struct message m = good;
			struct err err = { 0 };
			const char **const fields[] = { &m.to.name, &m.to.email, &m.from.name, &m.from.email, &m.from.reply_to, &m.subject, &m.locale };

			*fields[field] = evil[i];
			assert_int_equal(smtp_mail(&m, &mail, &err), -EBADMSG);
			assert_int_equal(mail.len, 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_are_checked),
		cmocka_unit_test(what_a_dialogue_means),
		cmocka_unit_test(no_secret_is_kept),
		cmocka_unit_test(what_the_server_says_of_itself),
		cmocka_unit_test(one_that_talks_for_ever),
		cmocka_unit_test(the_form_of_a_mail),
		cmocka_unit_test(no_header_can_be_slipped_in),
	};

	return cmocka_run_group_tests_name("smtp", tests, NULL, NULL);
}
