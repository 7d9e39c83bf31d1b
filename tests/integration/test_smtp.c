/* Mail through a real Postfix: what arrives, what it refuses, and connections cut at each place where it matters. */
#include "tests/integration/http_fixture.h"

#include "common/adapter_hook.h"
#include "common/file.h"
#include "tests/support/cutter.h"
#include "tests/support/mail_server.h"

#define PDF_SIZE 150000 /* more than libcurl hands over at once */

static struct mail_server server;
static struct cutter *cutter;

/* --- the fixture's provider SLOW is the mail server ---------------------------------------------------------------------------- */

static struct {
	char url[80];
	const char *pairs[13];
	struct smtp_settings smtp;
} mail;

static void use_server(struct fixture *f, const char *scheme, const char *host, int port, const char *const *more)
{
	struct err err = { 0 };
	size_t n = 0;

	(void)snprintf(mail.url, sizeof(mail.url), "%s://%s:%d", scheme, host, port);
	mail.pairs[n++] = "url";
	mail.pairs[n++] = mail.url;
	while (more && *more)
		mail.pairs[n++] = *more++;
	mail.pairs[n] = NULL;
	f->settings[SLOW].settings = mail.pairs;
	if (smtp_settings_read(&f->settings[SLOW], &mail.smtp, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	adapter_free((struct adapter *)(uintptr_t)f->providers[SLOW].adapter);
	f->providers[SLOW].adapter = NULL;
	f->providers[SLOW].smtp = &mail.smtp;
	http_client_use(f->client, &f->library);
}

static int setup_mail(void **state)
{
	struct fixture *f;

	mail_server_settle(&server);
	if (setup(state) != 0)
		return -1;
	f = *state;
	cutter_set(cutter, CUT_NEVER, NULL, 0);
	use_server(f, "smtp", "127.0.0.1", cutter_port(cutter), NULL);
	return 0;
}

#define MAIL_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup_mail, teardown)

static struct message make_mail(struct fixture *f, size_t n, const char *to)
{
	struct message m = make_message(f, SLOW, n);

	m.to.email = to;
	m.from.email = "accounts@sender.test";
	m.written_at = NOW;
	return m;
}

static const struct outcome *mail_trip(struct fixture *f, size_t n, const char *to)
{
	struct message m = make_mail(f, n, to);

	send_message(f, &m, n);
	return trip_ends(f, n);
}

static void told(const struct outcome *o, const char *text)
{
	CLEANUP(buf_clear) struct buf raw = { 0 };

	buf_add(&raw, o->raw ? o->raw : "", o->raw_len);
	if (!strstr(buf_str(&raw), text))
		fail_msg("not in the dialogue: %s\n%s", text, buf_str(&raw));
}

static void not_told(const struct outcome *o, const char *text)
{
	CLEANUP(buf_clear) struct buf raw = { 0 };

	buf_add(&raw, o->raw ? o->raw : "", o->raw_len);
	if (strstr(buf_str(&raw), text))
		fail_msg("in the dialogue: %s\n%s", text, buf_str(&raw));
}

/* --- what arrives ------------------------------------------------------------------------------------------------------------ */

static void make_pdf(unsigned char pdf[PDF_SIZE])
{
	uint32_t x = 17;

	for (size_t i = 0; i < PDF_SIZE; i++) {
		x = x * 1664525 + 1013904223;
		pdf[i] = (unsigned char)(x >> 24);
	}
	memcpy(pdf, "%PDF-1.7\r\n\0\n.\r\n", 16);
}

static const char *header(const struct buf *got, const char *name, struct arena *arena)
{
	const char *at = strstr(got->data, arena_printf(arena, "\n%s: ", name));

	return at ? arena_printf(arena, "%.*s", (int)strcspn(at + strlen(name) + 3, "\n"), at + strlen(name) + 3) : "";
}

/* From the last line that is followed by an empty one: the attachment's base64. */
static void read_file(const struct buf *got, struct buf *ret)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	const char *at = strstr(got->data, "Content-Type: application/pdf\n");

	assert_non_null(at);
	for (at = strstr(at, "\n\n") + 2; *at != '-'; at++)
		if (*at != '\n')
			buf_add_char(&text, *at);
	assert_int_equal(base64_decode(text.data, text.len, ret), 0);
}

static void a_mail_arrives_as_it_was_written(void **state)
{
	static unsigned char pdf[PDF_SIZE];
	const struct attachment file = { .name = "Facture n\302\260 42.pdf", .type = "application/pdf", .data = pdf, .len = PDF_SIZE };
	struct fixture *f = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf got = { 0 }, sent = { 0 }, lines = { 0 }, back = { 0 };
	struct message m = make_mail(f, 0, "debtor@example.test");
	struct err err = { 0 };

	make_pdf(pdf);
	m.to.name = "M\303\274ller & S\303\266hne, \"GmbH\"";
	m.from.name = "Soci\303\251t\303\251 Dupont";
	m.from.reply_to = "answers@sender.test";
	m.subject = "Votre facture n\302\260 42 \342\200\224 rappel";
	m.text = "Bonjour,\n.\n..\n.cach\303\251\nFrom here on\n\nMerci\n";
	m.html = "<p>Bonjour</p>\n.\n";
	m.attachments = &file;
	m.attachment_count = 1;
	send_message(f, &m, 0);
	assert_outcome(trip_ends(f, 0), OUTCOME_ACCEPTED, "accepted");
	assert_int_equal(f->trips[0].asked, 1);
	assert_int_equal(f->trips[0].outcome.status, 250);
	assert_true(strlen(f->trips[0].outcome.provider_id) >= 6 && strlen(f->trips[0].outcome.provider_id) < 30);
	told(&f->trips[0].outcome, arena_printf(arena, "queued as %s\r\n", f->trips[0].outcome.provider_id));
	told(&f->trips[0].outcome, "S: 220 mail.example.test ESMTP");
	told(&f->trips[0].outcome, "C: EHLO ");
	told(&f->trips[0].outcome, "C: MAIL FROM:<accounts@sender.test>\r\nS: 250 2.1.0 Ok\r\n");
	told(&f->trips[0].outcome, "C: RCPT TO:<debtor@example.test>\r\nS: 250 2.1.5 Ok\r\n");
	told(&f->trips[0].outcome, "C: DATA\r\nS: 354 ");
	told(&f->trips[0].outcome, "C: .\r\nS: 250 2.0.0 Ok: queued as ");
	assert_string_equal(f->trips[0].outcome.remote, arena_printf(arena, "127.0.0.1:%d", cutter_port(cutter)));

	mail_server_has(&server, "debtor", 1);
	mail_server_read(&server, "debtor", &got);
	assert_int_equal(smtp_mail(&m, &sent, &err), 0);
	for (size_t i = 0; i < sent.len; i++)
		if (sent.data[i] != '\r')
			buf_add_char(&lines, sent.data[i]);
	assert_true(got.len > lines.len);
	assert_string_equal(got.data + got.len - lines.len, lines.data);
	assert_int_equal(strncmp(got.data, "Return-Path: <accounts@sender.test>\n", 36), 0);
	assert_string_equal(header(&got, "Date", arena), "Mon, 02 Mar 2026 09:00:00 +0000");
	assert_string_equal(header(&got, "Message-ID", arena), arena_printf(arena, "<%s@sender.test>", f->ids[0]));
	assert_string_equal(header(&got, "Reply-To", arena), "<answers@sender.test>");
	assert_string_equal(header(&got, "Subject", arena), "=?UTF-8?B?Vm90cmUgZmFjdHVyZSBuwrAgNDIg4oCUIHJhcHBl?=");
	assert_null(strstr(got.data, "X-Dunningd")); /* what we call the debtor and the step is nobody else's business */
	read_file(&got, &back);
	assert_int_equal(back.len, PDF_SIZE);
	assert_memory_equal(back.data, pdf, PDF_SIZE);
}

static void an_address_beyond_ascii(void **state)
{
	struct fixture *f = *state;

	assert_outcome(mail_trip(f, 0, "zo\303\251@example.test"), OUTCOME_ACCEPTED, "accepted");
	told(&f->trips[0].outcome, "C: RCPT TO:<zo\303\251@example.test>");
	told(&f->trips[0].outcome, " SMTPUTF8\r\n");
	mail_server_has(&server, "zoe", 1);
}

/* --- what the server says no to ------------------------------------------------------------------------------------------------- */

static void what_the_server_refuses(void **state)
{
	static const struct {
		const char *to;
		enum outcome_kind kind;
		enum outcome_scope scope;
		const char *reason;
		int status;
	} rows[] = {
		{ "nobody@example.test", OUTCOME_REFUSED, SCOPE_RECIPIENT, "bad_address", 550 },
		{ "closed@example.test", OUTCOME_REFUSED, SCOPE_RECIPIENT, "bad_address", 550 },
		{ "policy@example.test", OUTCOME_REFUSED, SCOPE_MESSAGE, "refused", 550 },
		{ "later@example.test", OUTCOME_TEMPORARY, SCOPE_MESSAGE, "deferred", 450 },
		{ "debtor@example.test>\r\nRCPT TO:<later@example.test", OUTCOME_REFUSED, SCOPE_RECIPIENT, "bad_address", 0 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct outcome *o = mail_trip(f, i, rows[i].to);

		assert_outcome(o, rows[i].kind, rows[i].reason);
		assert_int_equal(o->scope, rows[i].scope);
		assert_int_equal(o->status, rows[i].status);
		assert_int_equal(f->trips[i].asked, 0);
		assert_null(o->provider_id);
		if (o->status)
			told(o, "C: RCPT TO:<");
	}
	assert_int_equal(status_of(f, SLOW).paused_ms, 0);
	assert_int_equal(status_of(f, SLOW).stopped_ms, 0);
	assert_outcome(mail_trip(f, ARRAY_LEN(rows), "debtor@elsewhere.test"), OUTCOME_REFUSED, "config"); /* it does not relay for us */
	assert_true(status_of(f, SLOW).stopped_ms > 0);
}

static void too_large_for_it(void **state)
{
	static unsigned char big[2000000];
	const struct attachment file = { .name = "a.pdf", .type = "application/pdf", .data = big, .len = sizeof(big) };
	struct fixture *f = *state;
	struct message m = make_mail(f, 0, "debtor@example.test");

	m.attachments = &file;
	m.attachment_count = 1;
	send_message(f, &m, 0);
	assert_outcome(trip_ends(f, 0), OUTCOME_REFUSED, "too_large");
	assert_int_equal(f->trips[0].asked, 0);
}

static void no_time_for_us(void **state)
{
	struct fixture *f = *state;

	cutter_set(cutter, CUT_SAY_FIRST, "421 4.3.2 too busy\r\n", 0);
	assert_outcome(mail_trip(f, 0, "debtor@example.test"), OUTCOME_TEMPORARY, "deferred");
	assert_int_equal(f->trips[0].outcome.scope, SCOPE_PROVIDER);
	assert_true(status_of(f, SLOW).paused_ms > 0);
}

static void nobody_there(void **state)
{
	struct fixture *f = *state;

	char detail[60];
	int port = free_port();

	use_server(f, "smtp", "127.0.0.1", port, NULL);
	assert_outcome(mail_trip(f, 0, "debtor@example.test"), OUTCOME_TEMPORARY, "no_connection");
	assert_int_equal(f->trips[0].outcome.scope, SCOPE_MESSAGE);
	(void)snprintf(detail, sizeof(detail), "127.0.0.1:%d: Connection refused", port);
	assert_string_equal(f->trips[0].outcome.detail, detail);
}

/* --- the connection is lost ----------------------------------------------------------------------------------------------------------- */

static void lost_before_the_end_is_certain(void **state)
{
	static unsigned char pdf[1300000]; /* more than all buffers on the way */
	const struct attachment file = { .name = "a.pdf", .type = "application/pdf", .data = pdf, .len = sizeof(pdf) };
	static const char *const words[] = { "EHLO", "MAIL", "RCPT", "DATA" };
	struct fixture *f = *state;
	size_t before = mail_server_count(&server, "debtor"), n = 0;
	struct message m;

	for (; n < ARRAY_LEN(words); n++) {
		cutter_set(cutter, CUT_AT_WORD, words[n], 0);
		assert_outcome(mail_trip(f, n, "debtor@example.test"), OUTCOME_TEMPORARY, "connection_lost");
		assert_int_equal(f->trips[n].asked, 0);
	}
	cutter_set(cutter, CUT_IN_MAIL, NULL, 60000);
	m = make_mail(f, n, "debtor@example.test");
	m.attachments = &file;
	m.attachment_count = 1;
	send_message(f, &m, n);
	assert_outcome(trip_ends(f, n), OUTCOME_TEMPORARY, "connection_lost");
	assert_int_equal(f->trips[n].asked, 0);
	/* and the same again goes through, once */
	cutter_set(cutter, CUT_NEVER, NULL, 0);
	m.attempt_id = f->ids[n + 1];
	send_message(f, &m, n + 1);
	assert_outcome(trip_ends(f, n + 1), OUTCOME_ACCEPTED, "accepted");
	mail_server_has(&server, "debtor", before + 1);
	mail_server_settle(&server);
	assert_int_equal(mail_server_count(&server, "debtor"), before + 1);
}

static void lost_after_the_end_is_a_doubt(void **state)
{
	struct fixture *f = *state;
	size_t before = mail_server_count(&server, "debtor");

	cutter_set(cutter, CUT_AFTER_END, NULL, 0);
	assert_outcome(mail_trip(f, 0, "debtor@example.test"), OUTCOME_IN_DOUBT, "connection_lost");
	assert_int_equal(f->trips[0].asked, 1);
	told(&f->trips[0].outcome, "C: .\r\n");
	mail_server_has(&server, "debtor", before + 1); /* it was sent, and we cannot know */
}

static void its_answer_to_the_end_counts(void **state)
{
	static const struct {
		const char *says;
		enum outcome_kind kind;
		const char *reason;
	} rows[] = {
		{ "451 4.3.0 no room\r\n", OUTCOME_TEMPORARY, "deferred" },
		{ "554 5.7.1 spam\r\n", OUTCOME_REFUSED, "refused" },
		{ "421 4.4.2 bye\r\n", OUTCOME_TEMPORARY, "deferred" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cutter_set(cutter, CUT_SAY_END, rows[i].says, 0);
		assert_outcome(mail_trip(f, i, "debtor@example.test"), rows[i].kind, rows[i].reason);
	}
}

static void may_start_has_the_last_word(void **state)
{
	struct fixture *f = *state;
	size_t before = mail_server_count(&server, "debtor");

	f->trips[0].declines = true;
	assert_outcome(mail_trip(f, 0, "debtor@example.test"), OUTCOME_CANCELLED, "not_started");
	assert_int_equal(f->trips[0].asked, 1);
	assert_outcome(mail_trip(f, 1, "debtor@example.test"), OUTCOME_ACCEPTED, "accepted");
	mail_server_has(&server, "debtor", before + 1);
	mail_server_settle(&server);
	assert_int_equal(mail_server_count(&server, "debtor"), before + 1);
}

/* The cutter's thread wakes no loop. */
static void wait_for_hold(struct fixture *f)
{
	int64_t end = mono_ms() + WAIT_S * 1000;

	while (!cutter_holds(cutter)) {
		event_base_loop(f->base, EVLOOP_NONBLOCK);
		if (mono_ms() > end)
			fail_msg("the end of the mail never came by");
		pause_ms(1);
	}
}

/* libcurl waits for that answer within one call: it must not be the loop that waits. */
static void a_slow_answer_holds_nothing_up(void **state)
{
	struct fixture *f = *state;
	struct message m = make_mail(f, 0, "debtor@example.test");

	cutter_set(cutter, CUT_HOLD_END, NULL, 0);
	send_message(f, &m, 0);
	script(f, PEER_ANSWER, OK);
	wait_for_hold(f);
	assert_outcome(trip(f, SAFE, 1), OUTCOME_ACCEPTED, "accepted");
	assert_int_equal(f->trips[0].done, 0);
	cutter_go(cutter);
	assert_outcome(trip_ends(f, 0), OUTCOME_ACCEPTED, "accepted");
}

static void the_end_comes_at_once(void **state)
{
	struct fixture *f = *state;
	struct message m = make_mail(f, 0, "debtor@example.test");
	int64_t began;

	cutter_set(cutter, CUT_HOLD_END, NULL, 0);
	send_message(f, &m, 0);
	UNTIL(f, f->trips[0].asked);
	began = mono_ms();
	http_client_destroy(f->client);
	f->client = NULL;
	assert_true(mono_ms() - began < 3000);
	assert_int_equal(f->trips[0].done, 0);
}

/* --- TLS and log-in -------------------------------------------------------------------------------------------------------------------- */

static void trust(struct fixture *f, const char *ca)
{
	http_client_destroy(f->client);
	open_client(f, ca, secret);
}

static void tls_from_the_start(void **state)
{
	struct fixture *f = *state;

	trust(f, server.certificate);
	use_server(f, "smtps", "localhost", server.tls_port, NULL);
	assert_outcome(mail_trip(f, 0, "debtor@example.test"), OUTCOME_ACCEPTED, "accepted");
	use_server(f, "smtps", "127.0.0.1", server.tls_port, NULL); /* the certificate is of another name */
	assert_outcome(mail_trip(f, 1, "debtor@example.test"), OUTCOME_TEMPORARY, "tls");
	trust(f, NULL);
	use_server(f, "smtps", "localhost", server.tls_port, NULL);
	assert_outcome(mail_trip(f, 2, "debtor@example.test"), OUTCOME_TEMPORARY, "tls");
}

/* Where clouds tell their machines' secrets: no packet goes there. */
static void link_local_is_no_server(void **state)
{
	static const char *const hosts[] = { "169.254.169.254", "[fe80::a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		use_server(f, "smtps", hosts[i], 465, NULL);
		assert_outcome(mail_trip(f, i, "debtor@example.test"), OUTCOME_TEMPORARY, "forbidden_address");
	}
}

static void starttls_is_not_a_wish(void **state)
{
	static const char *const wanted[] = { "starttls", "true", NULL };
	struct fixture *f = *state;

	trust(f, server.certificate);
	use_server(f, "smtp", "localhost", server.port, wanted);
	assert_outcome(mail_trip(f, 0, "debtor@example.test"), OUTCOME_ACCEPTED, "accepted");
	told(&f->trips[0].outcome, "C: STARTTLS\r\nS: 220 ");
	cutter_set(cutter, CUT_AT_WORD, "STARTTLS", 0);
	use_server(f, "smtp", "localhost", cutter_port(cutter), wanted);
	assert_outcome(mail_trip(f, 1, "debtor@example.test"), OUTCOME_TEMPORARY, "connection_lost");
	not_told(&f->trips[1].outcome, "MAIL");
	trust(f, NULL);
	use_server(f, "smtp", "localhost", server.port, wanted);
	assert_outcome(mail_trip(f, 2, "debtor@example.test"), OUTCOME_TEMPORARY, "tls");
	not_told(&f->trips[2].outcome, "MAIL");
}

static void logging_in(void **state)
{
	static const char *const right[] = { "user", MAIL_USER "@example.test", "password", "mail-token", "starttls", "true", NULL };
	static const char *const wrong[] = { "user", "somebody@example.test", "password", "mail-token", "starttls", "true", NULL };
	static const char *const none[] = { "starttls", "true", NULL };
	struct fixture *f = *state;

	trust(f, server.certificate);
	use_server(f, "smtp", "localhost", server.login_port, right);
	(void)mail_trip(f, 0, "debtor@example.test");
	told(&f->trips[0].outcome, "C: AUTH PLAIN");
	assert_outcome(&f->trips[0].outcome, OUTCOME_ACCEPTED, "accepted");
	told(&f->trips[0].outcome, "***\r\nS: 235 2.7.0 ");
	not_told(&f->trips[0].outcome, "s3cret");
	not_told(&f->trips[0].outcome, "czNjcmV0"); /* the same in base64, at its three places: */
	not_told(&f->trips[0].outcome, "AczNjcmV0");
	not_told(&f->trips[0].outcome, "MzY3JldA");
	not_told(&f->trips[0].outcome, "zM2NyZXQ");
	use_server(f, "smtp", "localhost", server.login_port, none);
	assert_outcome(mail_trip(f, 1, "debtor@example.test"), OUTCOME_REFUSED, "config"); /* Postfix: 554 5.7.1, Client host rejected */
	use_server(f, "smtp", "localhost", server.login_port, wrong);
	assert_outcome(mail_trip(f, 2, "debtor@example.test"), OUTCOME_REFUSED, "config");
	assert_int_equal(f->trips[2].outcome.scope, SCOPE_PROVIDER);
	assert_int_equal(f->trips[2].outcome.status, 535);
	assert_true(status_of(f, SLOW).stopped_ms > 0);
	assert_outcome(mail_trip(f, 3, "debtor@example.test"), OUTCOME_REFUSED, "config"); /* not asked again */
	assert_int_equal(f->trips[3].outcome.status, 0);
	f->no_secrets = true;
	use_server(f, "smtp", "localhost", server.login_port, right);
	assert_outcome(mail_trip(f, 4, "debtor@example.test"), OUTCOME_REFUSED, "config");
	assert_non_null(strstr(buf_str(&f->notes), "mail-token"));
}

/* What the server finds out later comes back as a mail: given to the webhook of mailbox.json as it stands, it is about that very attempt. */
static void what_comes_back_is_told(void **state)
{
	static const char *const login[] = { "user", MAIL_USER "@example.test", "password", "mail-token", "starttls", "true", NULL };
	static const char *const door[] = { "door", "door-name", NULL };
	struct fixture *f = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = NULL;
	CLEANUP(buf_clear) struct buf file = { 0 }, got = { 0 };
	struct provider_settings settings = { .name = "mailbox", .settings = door };
	struct hook_request request = { .url = "https://dunning.example/hooks/mailbox/x", .path_secret = "x" };
	size_t before = mail_server_count(&server, "debtor"), count = 0;
	struct message m = make_mail(f, 0, "anna@example.test");
	struct hook_event *events;
	struct err err = { 0 };

	if (file_read(SOURCE_DIR "/daemon/share/providers/mailbox.json", ADAPTER_FILE_MAX, &file, &err) < 0 ||
		adapter_parse(buf_str(&file), file.len, &adapter, &err) < 0 || adapter_check_settings(adapter, &settings, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	assert_false(adapter_sends(adapter));
	m.from.email = "debtor@example.test";
	trust(f, server.certificate);
	use_server(f, "smtp", "localhost", server.login_port, login);
	send_message(f, &m, 0);
	assert_outcome(trip_ends(f, 0), OUTCOME_ACCEPTED, "accepted");
	mail_server_has(&server, "debtor", before + 1);
	mail_server_read(&server, "debtor", &got);
	request.body = got.data;
	request.body_len = got.len;
	if (hook_read(adapter_hook(adapter, ""), &request, arena, &events, &count, &err) < 0)
		fail_msg("%s %s: %s", err.path, err.text, got.data);
	assert_int_equal(count, 1);
	assert_string_equal(hook_words[events[0].word], "bounced_hard");
	assert_string_equal(events[0].attempt_id, f->ids[0]);
	assert_string_equal(events[0].recipient, "anna@example.test");
	assert_non_null(strstr(events[0].reason, "unknown user"));
}

static int begin(void **state)
{
	(void)state;
	mail_server_open(&server);
	cutter = cutter_create(server.port);
	return 0;
}

static int end(void **state)
{
	(void)state;
	cutter_destroy(cutter);
	mail_server_close(&server);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MAIL_TEST(a_mail_arrives_as_it_was_written),
		MAIL_TEST(an_address_beyond_ascii),
		MAIL_TEST(what_the_server_refuses),
		MAIL_TEST(too_large_for_it),
		MAIL_TEST(no_time_for_us),
		MAIL_TEST(nobody_there),
		MAIL_TEST(lost_before_the_end_is_certain),
		MAIL_TEST(lost_after_the_end_is_a_doubt),
		MAIL_TEST(its_answer_to_the_end_counts),
		MAIL_TEST(may_start_has_the_last_word),
		MAIL_TEST(a_slow_answer_holds_nothing_up),
		MAIL_TEST(the_end_comes_at_once),
		MAIL_TEST(tls_from_the_start),
		MAIL_TEST(link_local_is_no_server),
		MAIL_TEST(starttls_is_not_a_wish),
		MAIL_TEST(what_comes_back_is_told), MAIL_TEST(logging_in),
	};

	if (!mail_server_can()) { /* Postfix wants root, and its package */
		fprintf(stderr, "skipped: no root, or no Postfix and saslpasswd2\n");
		return 77;
	}
	return cmocka_run_group_tests_name("smtp", tests, begin, end);
}
