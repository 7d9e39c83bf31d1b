/* The whole way of a mail: an event, the daemon, a real Postfix, the mailbox; and what the trail says of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/hash.h"
#include "common/utc.h"
#include "tests/support/http_peer.h"
#include "tests/support/mail_server.h"
#include "tests/support/world.h"

static struct mail_server server;
static struct http_peer *billing; /* where the invoices' PDFs lie */

/* The world's configuration, with our own in front of the same places. */
static void configure(struct world *w, const char *providers)
{
	CLEANUP(buf_clear) struct buf text = { 0 }, made = { 0 };
	const char *at, *rest;

	assert_int_equal(file_read(w->config, 1 << 20, &text, NULL), 0);
	at = strstr(text.data, "\"providers\":{");
	rest = at + strlen("\"providers\":{");
	buf_add(&made, text.data, (size_t)(at - text.data));
	buf_printf(&made, "\"documents\":{\"dir\":\"%s/documents\",\"fetch\":[\"127.0.0.1:%u\"]},\"providers\":{%s,", w->dir,
		http_peer_port(billing), providers);
	at = strstr(rest, "\"email\":\"sandbox\"");
	buf_add(&made, rest, (size_t)(at - rest));
	buf_printf(&made, "\"email\":\"mail\"%s", at + strlen("\"email\":\"sandbox\""));
	assert_int_equal(file_replace(w->config, made.data, made.len, 0600), 0);
}

static void put(const struct world *w, const char *name, const void *data, size_t len)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	assert_int_equal(file_replace(path, data, len, 0600), 0);
}

/* `pdf`: members of the invoice. */
static void finalized(struct world *w, const char *id, const char *pdf)
{
	char now[UTC_TEXT_SIZE], due[UTC_TEXT_SIZE], event[2000];
	int64_t at = (int64_t)time(NULL) * SECOND_MS;
	int n;

	utc_format(at, now);
	utc_format(at - 2 * DAY_MS, due);
	due[10] = '\0';
	n = snprintf(event, sizeof(event),
		"{\"specversion\":\"1.0\",\"id\":\"e-%s\",\"source\":\"https://billing.example/eu\",\"type\":\"invoice.finalized\","
		"\"subject\":\"invoice/%s\",\"time\":\"%s\",\"data\":{\"invoice\":{\"id\":\"%s\",\"number\":\"F/2026/42\",\"version\":1,"
		"\"kind\":\"standard\",\"status\":\"open\",\"issued_on\":\"2026-01-02\",\"due_on\":\"%s\",\"currency\":\"EUR\","
		"\"total_minor\":120000,\"paid_minor\":0,\"credited_minor\":0,\"due_minor\":120000%s},"
		"\"customer\":{\"id\":\"cus_%s\",\"name\":\"Dupont SARL\",\"country\":\"FR\",\"kind\":\"company\",\"locale\":\"fr-FR\","
		"\"timezone\":\"Europe/Paris\",\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"relation\":\"internal\",\"name\":\"Mme Roy\","
		"\"email\":\"debtor@example.test\",\"channels\":[\"email\"]}]}}}",
		id, id, now, id, due, pdf, id);
	world_push(w, event, (size_t)n);
}

static void finalized_sha256(struct world *w, const char *id, const char *hex)
{
	char member[120];

	snprintf(member, sizeof(member), ",\"pdf_sha256\":\"%s\"", hex);
	finalized(w, id, member);
}

static void finalized_url(struct world *w, const char *id, const char *path)
{
	char member[120];

	snprintf(member, sizeof(member), ",\"pdf_url\":\"http://127.0.0.1:%u%s\"", http_peer_port(billing), path);
	finalized(w, id, member);
}

static void explains(struct world *w, const char *id, const char *what)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	for (int64_t end = real_ms() + 30000; !strstr(buf_str(&text), what);) {
		assert_true(real_ms() < end);
		buf_reset(&text);
		(void)world_ctl(w, (const char *const[]){ "explain", id, NULL }, &text);
		pause_ms(20);
	}
}

/* /gone is not there; all else is a PDF that says where it is from. */
static void on_billing(const struct buf *request, struct buf *answer, void *arg)
{
	CLEANUP(buf_clear) struct buf body = { 0 };

	(void)arg;
	if (strncmp(request->data, "GET /gone", 9) != 0)
		buf_printf(&body, "%%PDF-1.7\n%.*s\n%%%%EOF\n", (int)strcspn(request->data, "\r"), request->data);
	buf_printf(answer, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s", body.len ? "200 OK" : "404 Not Found", body.len, buf_str(&body));
}

static void read_pdf(const struct buf *mail, struct buf *ret)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	const char *at = strstr(mail->data, "Content-Type: application/pdf\n");

	assert_non_null(at);
	assert_int_equal(strncmp(at + 30, "Content-Disposition: attachment; filename*=utf-8''F-2026-42.pdf\n", 64), 0);
	for (at = strstr(at, "\n\n") + 2; *at != '-'; at++)
		if (*at != '\n')
			buf_add_char(&text, *at);
	assert_int_equal(base64_decode(text.data, text.len, ret), 0);
}

static const char policy[] =
	"{\"name\":\"now\",\"title\":\"at once\",\"window\":{\"zone\":\"debtor\",\"days\":\"mon-sun\",\"hours\":\"00:00-24:00\"},"
	"\"caps\":[],\"min_gap\":\"0h\",\"group\":\"none\",\"steps\":[{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\","
	"\"template\":\"plain\",\"tone\":\"friendly\",\"attach\":\"invoice\"}]}";

static void an_invoice_arrives_with_its_pdf(void **state)
{
	static unsigned char pdf[70000];
	CLEANUP(buf_clear) struct buf mail = { 0 }, got = { 0 }, log = { 0 };
	const struct world_options options = { 0 };
	int nobody = free_port();
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1], name[120], text[300];
	struct world w;

	(void)state;
	for (size_t i = 0; i < sizeof(pdf); i++)
		pdf[i] = (unsigned char)(i * 31 + i / 251);
	memcpy(pdf, "%PDF-1.7\n", 9);
	sha256(pdf, sizeof(pdf), digest);
	hex_format(digest, SHA256_SIZE, hex);
	world_open(&w, &options);
	snprintf(text, sizeof(text), "\"mail\":{\"file\":\"smtp\",\"settings\":{\"url\":\"smtp://127.0.0.1:%d\"}},"
		"\"nobody\":{\"file\":\"smtp\",\"settings\":{\"url\":\"smtp://127.0.0.1:%d\"}}", server.port, nobody);
	configure(&w, text);
	put(&w, "policies/now.json", policy, strlen(policy));
	snprintf(text, sizeof(text), "%s/documents", w.dir);
	assert_int_equal(file_make_dirs(text, 0700), 0);
	snprintf(name, sizeof(name), "documents/%s.pdf", hex);
	put(&w, name, pdf, sizeof(pdf));
	world_start(&w, NULL);
	assert_true(world_ready(&w, 30000));
	finalized_sha256(&w, "inv_42", hex);
	mail_server_has(&server, "debtor", 1);
	mail_server_read(&server, "debtor", &mail);
	assert_non_null(strstr(mail.data, "\nSubject: Facture F/2026/42\n"));
	assert_non_null(strstr(mail.data, "\nFrom: \"Acme SARL\" <factures@acme.example>\n"));
	/* without a reply-to, webhooks or a page: whoever wants no more writes to whom an answer goes */
	assert_non_null(strstr(mail.data, "\nList-Unsubscribe: <mailto:factures@acme.example?subject=STOP&body=STOP>\n"));
	assert_null(strstr(mail.data, "List-Unsubscribe-Post"));
	read_pdf(&mail, &got);
	assert_int_equal(got.len, sizeof(pdf));
	assert_memory_equal(got.data, pdf, sizeof(pdf));
	assert_true(world_quiet(&w, 30000));
	/* the trail has the document's digest, the mail and the server's own words */
	assert_int_equal(world_ctl(&w, (const char *const[]){ "trail", "log", "--parts", "inv_42", NULL }, &log), 0);
	assert_non_null(strstr(log.data, hex));
	assert_non_null(strstr(log.data, "C: RCPT TO:<debtor@example.test>"));
	assert_non_null(strstr(log.data, "S: 250 2.0.0 Ok: queued as "));
	assert_non_null(strstr(log.data, "filename*=utf-8''F-2026-42.pdf"));
	assert_true(world_trail_verifies(&w));
	/* with another document in its place nothing is sent, and one sees why */
	hex[0] = hex[0] == '0' ? '1' : '0';
	snprintf(name, sizeof(name), "documents/%s.pdf", hex);
	put(&w, name, pdf, sizeof(pdf));
	finalized_sha256(&w, "inv_43", hex);
	explains(&w, "inv_43", "has another digest");
	mail_server_settle(&server);
	assert_int_equal(mail_server_count(&server, "debtor"), 1);
	/* one that lies at an address is fetched, and the record has the digest of what went out */
	finalized_url(&w, "inv_44", "/44.pdf?key=abc");
	mail_server_has(&server, "debtor", 2);
	buf_reset(&mail);
	buf_reset(&got);
	mail_server_read(&server, "debtor", &mail);
	read_pdf(&mail, &got);
	assert_string_equal(got.data, "%PDF-1.7\nGET /44.pdf?key=abc HTTP/1.1\n%%EOF\n");
	sha256(got.data, got.len, digest);
	buf_reset(&log);
	assert_int_equal(world_ctl(&w, (const char *const[]){ "trail", "log", "--parts", "inv_44", NULL }, &log), 0);
	assert_non_null(strstr(log.data, hex_format(digest, SHA256_SIZE, hex)));
	/* and one that does not is waited for, and one sees why */
	finalized_url(&w, "inv_45", "/gone.pdf");
	explains(&w, "inv_45", "its pdf_url answers HTTP 404");
	mail_server_settle(&server);
	assert_int_equal(mail_server_count(&server, "debtor"), 2);
	/* one by hand is dated, as all are: what is from 1970 lands among the spam */
	buf_reset(&log);
	buf_reset(&mail);
	assert_int_equal(world_ctl(&w, (const char *const[]){ "provider", "test", "mail", "debtor@example.test", NULL }, &log), 0);
	mail_server_has(&server, "debtor", 3);
	mail_server_read(&server, "debtor", &mail);
	assert_non_null(strstr(mail.data, "\nSubject: TEST of dunningd by mail\n"));
	assert_non_null(strstr(mail.data, "\nDate: "));
	assert_null(strstr(mail.data, " Jan 1970 "));
	/* and where nobody listens it says where, and why */
	buf_reset(&log);
	assert_int_equal(world_ctl(&w, (const char *const[]){ "provider", "test", "nobody", "debtor@example.test", NULL }, &log), 1);
	snprintf(text, sizeof(text), "127.0.0.1:%d: Connection refused", nobody);
	assert_non_null(strstr(log.data, text));
	assert_null(strstr(log.data, "Status"));
	assert_true(world_trail_verifies(&w));
	world_close(&w, false);
}

static int begin(void **state)
{
	(void)state;
	billing = http_peer_create(NULL);
	http_peer_handler(billing, on_billing, NULL);
	mail_server_open(&server);
	return 0;
}

static int end(void **state)
{
	(void)state;
	mail_server_close(&server);
	http_peer_destroy(billing);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_invoice_arrives_with_its_pdf),
	};

	if (!mail_server_can()) { /* Postfix wants root, and its package */
		fprintf(stderr, "skipped: no root, or no Postfix and saslpasswd2\n");
		return 77;
	}
	return cmocka_run_group_tests_name("mail", tests, begin, end);
}
