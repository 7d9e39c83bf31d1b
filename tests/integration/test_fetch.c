/*
 * An invoice's PDF from the address that its event names, against a real peer: what is taken, what is refused and why, and that no address
 * of our own networks is ever connected to, whatever a host list, a redirect or a name says.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>

#include <cmocka.h>

#include "common/fetch_url.h"
#include "common/hash.h"
#include "daemon/fetch.h"
#include "daemon/http_client_wire.h"
#include "tests/support/http_peer.h"

#define WAIT_S 60
#define PDF "%PDF-1.7\n1 0 obj\n%%EOF\n"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n" PDF
#define TO(url) "HTTP/1.1 302 Found\r\nLocation: " url "\r\nContent-Length: 0\r\n\r\n"

struct fixture {
	struct event_base *base;
	struct http_peer *peer;
	struct fetch *fetch;
	struct arena *arena;
	const char *hosts[8];
	int64_t now, again_ms;
};

static int64_t mono(void *arg)
{
	return ((struct fixture *)arg)->now;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_int_equal(wire_global_init(NULL), 0);
	f->base = event_base_new();
	f->peer = http_peer_create(NULL);
	f->arena = arena_create();
	f->hosts[0] = arena_printf(f->arena, "127.0.0.1:%u", http_peer_port(f->peer));
	f->hosts[1] = "10.0.0.1";
	f->hosts[2] = "169.254.169.254";
	f->hosts[3] = "192.168.1.1:8443";
	f->hosts[4] = "100.64.0.1";
	f->hosts[5] = "dunningd-nowhere.invalid";
	f->fetch = fetch_create(f->base, &(struct fetch_settings){ .hosts = f->hosts, .mono = mono, .arg = f });
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fetch_destroy(f->fetch);
	http_peer_destroy(f->peer);
	event_base_free(f->base);
	arena_free(f->arena);
	free(f);
	wire_global_cleanup();
	return 0;
}

static int want(struct fixture *f, const char *url, const char *sha256, struct attachment *ret, struct err *err)
{
	struct document_wanted wanted = { "inv_1", 1, sha256, url, 0, false };
	int r;

	err_clear(err);
	r = fetch_document(f->fetch, &wanted, f->arena, ret, err);
	f->again_ms = wanted.again_ms;
	return r;
}

/* Asks until it is there, or is not. */
static int had(struct fixture *f, const char *url, const char *sha256, struct attachment *ret, struct err *err)
{
	time_t end = time(NULL) + WAIT_S;
	int r;

	while ((r = want(f, url, sha256, ret, err)) == -EAGAIN) {
		assert_true(time(NULL) < end);
		assert_true(event_base_loop(f->base, EVLOOP_ONCE) >= 0);
	}
	return r;
}

static const char *at(struct fixture *f, const char *path)
{
	return arena_printf(f->arena, "http://%s%s", f->hosts[0], path);
}

static void play(struct fixture *f, enum peer_act act, const char *bytes)
{
	http_peer_script(f->peer, &(struct peer_step){ act, bytes }, 1);
}

static const struct row {
	const char *name;
	enum peer_act act;
	const char *answer;
	const char *code; /* of the refusal; NULL = it is taken */
} rows[] = {
	{ "a PDF", PEER_ANSWER, OK, NULL },
	{ "not found", PEER_ANSWER, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "no_answer" },
	{ "a login page", PEER_ANSWER, "HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\nContent-Length: 15\r\n\r\n<html>log in%PDF", "no_pdf" },
	{ "nothing", PEER_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "no_pdf" },
	{ "the half of it", PEER_ANSWER_CLOSE, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" PDF, "no_answer" },
	{ "more and more", PEER_FLOOD, "HTTP/1.1 200 OK\r\n\r\n" PDF, "too_long" },
	{ "a closed door", PEER_CLOSE, NULL, "no_answer" },
	{ "to a cloud's secrets", PEER_ANSWER, TO("http://169.254.169.254/latest/meta-data"), "bad_url" },
	{ "to a cloud's secrets by https, listed", PEER_ANSWER, TO("https://169.254.169.254/x.pdf"), "no_answer" },
	{ "to a host that is not listed", PEER_ANSWER, TO("https://example.com/x.pdf"), "host_not_listed" },
	{ "to a network of ours, listed", PEER_ANSWER, TO("https://192.168.1.1:8443/x.pdf"), "no_answer" },
	{ "to a file", PEER_ANSWER, TO("file:///etc/passwd"), "redirected" },
	{ "to another scheme's host", PEER_ANSWER, TO("//example.com/x.pdf"), "redirected" },
	{ "round and round", PEER_ANSWER, TO("/again"), "redirected" },
};

static void row(void **state)
{
	const struct row *row = *state;
	struct attachment file = { 0 };
	struct err err = { 0 };
	struct fixture *f;
	void *made;
	int r;

	assert_int_equal(setup(&made), 0);
	f = made;
	play(f, row->act, row->answer);
	r = had(f, at(f, "/inv.pdf"), NULL, &file, &err);
	if (row->code) {
		assert_true(r < 0);
		assert_string_equal(err.code, row->code);
	} else {
		assert_int_equal(r, 0);
		assert_int_equal(file.len, strlen(PDF));
		assert_memory_equal(file.data, PDF, file.len);
	}
	teardown(&made);
}

static void never_into_our_networks(void **state)
{
	static const char *const urls[] = { "https://10.0.0.1/x.pdf", "https://100.64.0.1/x.pdf", "https://192.168.1.1:8443/x.pdf",
		"https://169.254.169.254/x.pdf" };
	struct fixture *f = *state;
	struct attachment file;
	struct err err = { 0 };

	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		assert_int_equal(had(f, urls[i], NULL, &file, &err), -EIO);
		assert_non_null(strstr(err.text, "forbidden_address"));
	}
	assert_int_equal(had(f, "https://dunningd-nowhere.invalid/x.pdf", NULL, &file, &err), -EIO);
	assert_non_null(strstr(err.text, "name_not_resolved"));
}

static void its_digest_is_checked_and_it_is_kept(void **state)
{
	struct fixture *f = *state;
	struct attachment file;
	struct err err = { 0 };
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	sha256(PDF, strlen(PDF), digest);
	hex_format(digest, SHA256_SIZE, hex);
	play(f, PEER_ANSWER, OK);
	assert_int_equal(had(f, at(f, "/a.pdf"), hex, &file, &err), 0);
	assert_int_equal(had(f, at(f, "/a.pdf"), hex, &file, &err), 0);
	assert_int_equal(http_peer_requests(f->peer), 1); /* it was at hand */
	f->now += 10 * 60000;
	assert_int_equal(want(f, at(f, "/a.pdf"), hex, &file, &err), -EAGAIN); /* and is forgotten */
	assert_int_equal(had(f, at(f, "/a.pdf"), hex, &file, &err), 0);
	assert_int_equal(http_peer_requests(f->peer), 2);
	hex[0] = hex[0] == '0' ? '1' : '0';
	assert_int_equal(had(f, at(f, "/a.pdf"), hex, &file, &err), -EIO);
	assert_string_equal(err.code, "bad_digest");
	assert_int_equal(http_peer_requests(f->peer), 3);
	assert_int_equal(want(f, at(f, "/a.pdf"), hex, &file, &err), -EIO); /* a failure is asked for again after a minute */
	f->now += 60000;
	assert_int_equal(want(f, at(f, "/a.pdf"), hex, &file, &err), -EAGAIN);
}

/* A redirect that is allowed is followed; no header of it says who we are but the name of the program. */
static void a_redirect_is_followed(void **state)
{
	struct fixture *f = *state;
	const struct peer_step steps[] = { { PEER_ANSWER, TO("/real.pdf?x=1") }, { PEER_ANSWER, OK } };
	CLEANUP(buf_clear) struct buf request = { 0 };
	struct attachment file;
	struct err err = { 0 };

	http_peer_script(f->peer, steps, 2);
	assert_int_equal(had(f, at(f, "/a.pdf"), NULL, &file, &err), 0);
	assert_true(http_peer_request(f->peer, 1, &request));
	assert_int_equal(strncmp(request.data, "GET /real.pdf?x=1 HTTP/1.1\r\n", 28), 0);
	assert_null(strstr(request.data, "Authorization"));
	assert_null(strstr(request.data, "Cookie"));
}

/* As many as may be asked for at once, and no more; what waits comes to its turn. */
static void few_at_once(void **state)
{
	struct fixture *f = *state;
	struct attachment file;
	struct err err = { 0 };

	play(f, PEER_HOLD, OK);
	for (int i = 0; i < 10; i++) { /* who is far behind comes again later */
		assert_int_equal(want(f, at(f, arena_printf(f->arena, "/%d.pdf", i)), NULL, &file, &err), -EAGAIN);
		assert_int_equal(f->again_ms, 2000 + 25 * (i > FETCH_AT_ONCE ? i - FETCH_AT_ONCE : 0));
	}
	while (http_peer_requests(f->peer) < FETCH_AT_ONCE)
		assert_true(event_base_loop(f->base, EVLOOP_NONBLOCK) >= 0);
	http_peer_go(f->peer);
	for (int i = 0; i < 10; i++)
		assert_int_equal(had(f, at(f, arena_printf(f->arena, "/%d.pdf", i)), NULL, &file, &err), 0);
	assert_int_equal(http_peer_most_at_once(f->peer), FETCH_AT_ONCE);
}

static const struct address_row {
	const char *url;
	int r;
} addresses[] = {
	{ "https://billing.example/x.pdf", 0 }, { "https://BILLING.example:443/x.pdf?a=b#c", 0 }, { "https://a.b.erp.example/x", 0 },
	{ "https://erp.example/x", -EACCES }, { "https://xerp.example/x", -EACCES },
	{ "https://billing.example.evil.example/x", -EACCES }, { "https://billing.example:8443/x", -EACCES },
	{ "https://ports.example:8443/x", 0 }, { "https://ports.example/x", -EACCES }, { "http://billing.example/x", -EBADMSG },
	{ "http://127.0.0.1:99/x", 0 }, { "http://127.0.0.1:98/x", -EACCES }, { "http://127.0.0.1.evil.example:99/x", -EBADMSG },
	{ "ftp://billing.example/x", -EBADMSG }, { "file:///etc/passwd", -EBADMSG }, { "https://user@billing.example/x", -EBADMSG },
	{ "https://billing.example@evil.example/x", -EBADMSG }, { "https://billing.example\\@evil.example/x", -EBADMSG },
	{ "https://evil.example/billing.example", -EACCES }, { "https://[::1]/x", -EBADMSG }, { "https:///x", -EBADMSG },
	{ "https://billing.example:/x", -EBADMSG }, { "https://billing.example:443443/x", -EBADMSG },
	{ "https://billing.example/\r\nHost: evil", -EBADMSG }, { "https://billing.example/ x", -EBADMSG },
	{ "https://billing.example/\xc3\xa9", -EBADMSG }, { "https://billing%2eexample/x", -EBADMSG },
	{ "https://billing.example.:443/x", -EACCES }, { "", -EBADMSG }, { "https://2130706433/x", -EACCES },
	{ "https://0x7f.1/x", -EACCES },
};

static void which_addresses(void **state)
{
	static const char *const hosts[] = { "billing.example", "*.erp.example", "ports.example:8443", "127.0.0.1:99", NULL };
	static const char *const good[] = { "a", "a.example", "*.a.example", "a.example:1", "127.0.0.1:65535" };
	static const char *const bad[] = { "", "*", "*.", "*.com", "https://a", "a/b", "a:0", "a:65536", "a:x", "a b", ".a", "a.",
		"a..b", "\xc3\xa9", "[::1]", "u@a" };
	bool local;

	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++)
		if (fetch_url_check(hosts, addresses[i].url, &local, NULL) != addresses[i].r)
			fail_msg("%s", addresses[i].url);
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(fetch_host_ok(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (fetch_host_ok(bad[i]))
			fail_msg("%s", bad[i]);
}

int main(void)
{
	struct CMUnitTest tests[5 + sizeof(rows) / sizeof(*rows)] = {
		cmocka_unit_test_setup_teardown(never_into_our_networks, setup, teardown),
		cmocka_unit_test_setup_teardown(its_digest_is_checked_and_it_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(a_redirect_is_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(few_at_once, setup, teardown),
		cmocka_unit_test(which_addresses),
	};
	size_t n = 5;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		tests[n++] = (struct CMUnitTest){ .name = rows[i].name, .test_func = row, .initial_state = (void *)(uintptr_t)&rows[i] };
	return cmocka_run_group_tests_name("fetch", tests, NULL, NULL);
}
