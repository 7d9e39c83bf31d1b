/*
 * Every shipped provider on a wire: each answer that it has, and one that fails: no connection, one that ends, is reset, hangs, drips or
 * does not end, a redirect. Before the first byte it surely was not sent, after it there is a doubt; and never are there two of a message on
 * the wire.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "daemon/http_client.h"
#include "tests/support/http_peer.h"
#include "tests/support/process.h"
#include "tests/support/provider_answers.h"
#include "tests/support/shipped.h"

#define COUNT_MAX 40
#define WAIT_S 60

struct trip {
	unsigned asked, done;
	enum outcome_kind kind;
	enum outcome_scope scope;
	char reason[40], id[80];
	int status;
	int64_t retry_after_ms;
};

struct world {
	char dir[40], url[60];
	struct event_base *base;
	struct http_peer *peer;
	struct config config;
	struct provider_settings settings[COUNT_MAX];
	const char *pairs[COUNT_MAX][26];
	struct library library;
	struct library_provider providers[COUNT_MAX];
	struct http_client *client;
	struct trip trips[COUNT_MAX];
	bool late;
};

static bool may_start(void *arg)
{
	((struct trip *)arg)->asked++;
	return true;
}

static void on_done(const struct outcome *outcome, void *arg)
{
	struct trip *trip = arg;

	trip->done++;
	trip->kind = outcome->kind;
	trip->scope = outcome->scope;
	trip->status = outcome->status;
	trip->retry_after_ms = outcome->retry_after_ms;
	snprintf(trip->reason, sizeof(trip->reason), "%s", outcome->reason);
	snprintf(trip->id, sizeof(trip->id), "%s", outcome->provider_id ? outcome->provider_id : "");
}

static int64_t now(void *arg)
{
	(void)arg;
	return SHIPPED_NOW;
}

static void create_client(struct world *w)
{
	const struct http_client_settings settings = { .config = &w->config, .state_dir = w->dir, .secret = shipped_secret, .now = now };
	struct err err = { 0 };

	if (http_client_create(w->base, &settings, &w->library, &w->client, &err) < 0)
		fail_msg("%s", err.text);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	(void)snprintf(w->dir, sizeof(w->dir), "/tmp/dunningd-wire-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	assert_true(shipped_count <= COUNT_MAX);
	w->base = event_base_new();
	w->peer = http_peer_create(NULL);
	(void)snprintf(w->url, sizeof(w->url), "http://127.0.0.1:%u", http_peer_port(w->peer));
	for (size_t i = 0; i < shipped_count; i++) {
		const char **pairs = w->pairs[i];

		for (const char *const *p = shipped[i].settings; *p; p++)
			*pairs++ = *p;
		*pairs++ = strcmp(shipped[i].name, "generic-json") == 0 ? "url" : "base_url"; /* the last one counts */
		*pairs = w->url;
		w->settings[i] = (struct provider_settings){ .name = shipped[i].name, .settings = w->pairs[i] };
		w->providers[i] = (struct library_provider){ .name = shipped[i].name, .adapter = shipped_load_fast(shipped[i].name),
			.settings = &w->settings[i] };
	}
	w->config.providers = w->settings;
	w->library.providers = w->providers;
	w->config.provider_count = w->library.provider_count = shipped_count;
	create_client(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char outbox[60];

	http_client_destroy(w->client);
	http_peer_destroy(w->peer);
	event_base_free(w->base);
	for (size_t i = 0; i < shipped_count; i++)
		adapter_free((struct adapter *)(uintptr_t)w->providers[i].adapter);
	(void)snprintf(outbox, sizeof(outbox), "%s/outbox", w->dir);
	assert_int_equal(rmdir(outbox), 0);
	assert_int_equal(rmdir(w->dir), 0);
	free(w);
	return 0;
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	((struct world *)arg)->late = true;
}

static void send_one(struct world *w, size_t i)
{
	const struct transport_port *port = http_client_port(w->client);
	struct message message = shipped_message(shipped[i].channel, adapter_takes_files(w->providers[i].adapter));

	message.provider = shipped[i].name;
	port->start(port->self, &message, may_start, on_done, &w->trips[i]);
}

static void wait_for(struct world *w, size_t i)
{
	struct event *late = evtimer_new(w->base, on_late, w);

	event_add(late, &(struct timeval){ .tv_sec = WAIT_S });
	while (!w->trips[i].done && !w->late)
		event_base_loop(w->base, EVLOOP_ONCE);
	event_free(late);
	if (w->late)
		fail_msg("%s: it never ends", shipped[i].name);
}

static bool walks(const struct world *w, size_t i) /* requests come before the one that sends */
{
	return adapter_has_token(w->providers[i].adapter) || adapter_step_count(w->providers[i].adapter) > 0;
}

#define JSON_ANSWER(length, body) "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " length "\r\n\r\n" body
static const char *before(const struct world *w, size_t i)
{
	return adapter_has_token(w->providers[i].adapter) ? JSON_ANSWER("28", "{\"success\":true,\"token\":\"T\"}") :
							    JSON_ANSWER("35", "{\"data\":{\"_url\":\"https://x/1.pdf\"}}");
}

static void expect(const struct world *w, size_t i, enum outcome_kind kind, const char *reason, unsigned asked)
{
	const struct trip *trip = &w->trips[i];

	if (trip->done != 1 || trip->asked != asked || trip->kind != kind || (reason && strcmp(trip->reason, reason) != 0))
		fail_msg("%s: %s %s %d, asked %u, done %u", shipped[i].name, outcome_names[trip->kind], trip->reason, trip->status, trip->asked,
			trip->done);
}

/* All of them at once, then those that walk through steps, one by one. Each request is on the wire once. */
static void all(struct world *w, enum peer_act act, const char *bytes, enum outcome_kind kind, const char *reason)
{
	const struct peer_step step = { act, bytes };
	size_t requests = 0;

	http_peer_script(w->peer, &step, 1);
	for (size_t i = 0; i < shipped_count; i++) {
		if (walks(w, i))
			continue;
		send_one(w, i);
		requests++;
	}
	for (size_t i = 0; i < shipped_count; i++) {
		if (walks(w, i))
			continue;
		wait_for(w, i);
		expect(w, i, kind, reason, 1);
	}
	assert_int_equal(http_peer_requests(w->peer), requests);
	for (size_t i = 0; i < shipped_count; i++) {
		struct peer_step steps[COUNT_MAX + 10];

		if (!walks(w, i))
			continue;
		for (size_t k = 0; k <= requests; k++)
			steps[k] = (struct peer_step){ PEER_ANSWER, before(w, i) };
		steps[requests + 1] = step;
		http_peer_script(w->peer, steps, requests + 2);
		send_one(w, i);
		wait_for(w, i);
		expect(w, i, kind, reason, 1);
		requests += 2;
		assert_int_equal(http_peer_requests(w->peer), requests);
	}
}

static void nobody_listens(void **state)
{
	struct world *w = *state;

	http_peer_destroy(TAKE(w->peer));
	for (size_t i = 0; i < shipped_count; i++)
		send_one(w, i);
	for (size_t i = 0; i < shipped_count; i++) {
		wait_for(w, i);
		expect(w, i, OUTCOME_TEMPORARY, "no_connection", 0);
	}
}

/* A port that takes no connection and refuses none: its queue is full. */
static int full_port(int queued[2], int *port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	struct pollfd wait;

	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	*port = ntohs(at.sin_port);
	for (size_t i = 0; i < 2; i++) { /* one more than it holds: that it is full is seen by the second, which hangs */
		queued[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (i ? SOCK_NONBLOCK : 0), 0);
		(void)connect(queued[i], (struct sockaddr *)&at, sizeof(at));
	}
	wait = (struct pollfd){ .fd = queued[1], .events = POLLOUT };
	assert_int_equal(poll(&wait, 1, 50), 0);
	return fd;
}

static void the_time_is_over_before_the_first_byte(void **state)
{
	struct world *w = *state;
	int queued[2], port, fd = full_port(queued, &port);

	(void)snprintf(w->url, sizeof(w->url), "http://127.0.0.1:%d", port);
	for (size_t i = 0; i < shipped_count; i++)
		send_one(w, i);
	for (size_t i = 0; i < shipped_count; i++) {
		wait_for(w, i);
		expect(w, i, OUTCOME_TEMPORARY, "timeout", 0);
		assert_int_equal(w->trips[i].status, 0); /* nobody looked at it: see contact_settle() */
	}
	assert_int_equal(http_peer_connections(w->peer), 0);
	close(queued[0]);
	close(queued[1]);
	close(fd);
}

static void the_time_is_over_after_the_first_byte(void **state)
{
	all(*state, PEER_DRIP, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"id\":\"1\",", OUTCOME_IN_DOUBT, "timeout");
}

static void the_connection_ends(void **state)
{
	all(*state, PEER_CLOSE, NULL, OUTCOME_IN_DOUBT, "connection_lost");
}

static void the_connection_is_reset(void **state)
{
	all(*state, PEER_RESET, NULL, OUTCOME_IN_DOUBT, "connection_lost");
}

static void no_answer_comes(void **state)
{
	all(*state, PEER_HANG, NULL, OUTCOME_IN_DOUBT, "timeout");
}

static void half_an_answer(void **state)
{
	all(*state, PEER_ANSWER_CLOSE, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"id\":", OUTCOME_IN_DOUBT, "connection_lost");
}

static void an_answer_without_end(void **state)
{
	all(*state, PEER_FLOOD, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"id\":\"1\",\"x\":\"", OUTCOME_IN_DOUBT, "no_id");
}

static void a_redirect_into_this_network(void **state)
{
	all(*state, PEER_ANSWER, "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/meta-data\r\nContent-Length: 0\r\n\r\n",
		OUTCOME_IN_DOUBT, "unclear");
}

/* Back to where it came from: were it followed, the peer would see two. */
static void a_redirect_home(void **state)
{
	struct world *w = *state;
	char bytes[200];

	(void)snprintf(bytes, sizeof(bytes), "HTTP/1.1 307 Temporary Redirect\r\nLocation: %s/again\r\nContent-Length: 0\r\n\r\n", w->url);
	all(w, PEER_ANSWER, bytes, OUTCOME_IN_DOUBT, "unclear");
}

static void too_much_at_once(void **state)
{
	struct world *w = *state;

	all(w, PEER_ANSWER, "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\n{}", OUTCOME_THROTTLED, NULL);
	for (size_t i = 0; i < shipped_count; i++) {
		struct http_provider_status status;

		assert_true(http_client_status(w->client, i, &status));
		assert_true(status.paused_ms > 5000 && status.paused_ms <= 7000);
	}
}

static void too_much_until_then(void **state)
{
	struct world *w = *state;

	all(w, PEER_ANSWER, "HTTP/1.1 429 Too Many Requests\r\nRetry-After: Thu, 02 Apr 2026 08:50:30 GMT\r\nContent-Length: 2\r\n\r\n{}",
		OUTCOME_THROTTLED, NULL);
	for (size_t i = 0; i < shipped_count; i++)
		assert_int_equal(w->trips[i].retry_after_ms, 30000);
}

/* One by one, as nothing more is asked of an account that is refused; a token that is refused is replaced with the next try. */
static void who_are_you(void **state)
{
	static const struct peer_step refusal = { PEER_ANSWER, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}" };
	struct world *w = *state;
	struct peer_step steps[2 * COUNT_MAX];
	size_t requests = 0;

	for (size_t i = 0; i < shipped_count; i++) {
		bool token = adapter_has_token(w->providers[i].adapter);

		if (walks(w, i))
			steps[requests++] = (struct peer_step){ PEER_ANSWER, before(w, i) };
		steps[requests++] = refusal;
		http_peer_script(w->peer, steps, requests);
		send_one(w, i);
		wait_for(w, i);
		expect(w, i, token ? OUTCOME_TEMPORARY : OUTCOME_REFUSED, token ? "token_expired" : "config", 1);
		assert_int_equal(w->trips[i].scope, token ? SCOPE_MESSAGE : SCOPE_PROVIDER);
		assert_int_equal(http_peer_requests(w->peer), requests);
	}
}

static void a_fault_over_there(void **state)
{
	all(*state, PEER_ANSWER, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
		OUTCOME_IN_DOUBT, "server_error");
}

static void accepted_without_an_id(void **state)
{
	all(*state, PEER_ANSWER, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", OUTCOME_IN_DOUBT, "no_id");
}

static void garbage(void **state)
{
	all(*state, PEER_ANSWER, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 6\r\n\r\n\x01\xff{\"\r\n", OUTCOME_IN_DOUBT,
		"no_id");
}

/* Every answer that each provider has, each to a client that knows nothing yet: what it means, and that nothing was asked twice. */
static void what_each_says(void **state)
{
	struct world *w = *state;
	size_t requests = 0;

	for (size_t k = 0; k < provider_answer_count; k++) {
		const struct provider_answer *row = &provider_answers[k];
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct peer_step *steps = arena_alloc(arena, (requests + 2) * sizeof(*steps));
		struct trip *trip;
		size_t i = 0;

		while (strcmp(shipped[i].name, row->provider) != 0)
			i++;
		http_client_destroy(w->client);
		create_client(w);
		trip = &w->trips[i];
		*trip = (struct trip){ 0 };
		for (size_t n = 0; n <= requests; n++)
			steps[n] = (struct peer_step){ PEER_ANSWER, before(w, i) };
		requests += walks(w, i) ? 2 : 1;
		steps[requests - 1] = (struct peer_step){ PEER_ANSWER, arena_printf(arena, "HTTP/1.1 %d X\r\n%sContent-Length: %zu\r\n\r\n%s",
			row->status, row->head, strlen(row->body), row->body) };
		http_peer_script(w->peer, steps, requests);
		send_one(w, i);
		wait_for(w, i);
		if (trip->done != 1 || trip->asked != 1 || trip->kind != row->kind || trip->scope != row->scope || strcmp(trip->reason, row->reason) != 0 ||
			strcmp(trip->id, row->id ? row->id : "") != 0 || (row->retry_after_ms && trip->retry_after_ms != row->retry_after_ms))
			fail_msg("%s %d %s%s: %s %s %s %s, asked %u, done %u", row->provider, row->status, row->head, row->body,
				outcome_names[trip->kind], scope_names[trip->scope], trip->reason, trip->id, trip->asked, trip->done);
		if (http_peer_requests(w->peer) != requests)
			fail_msg("%s %d %s: %zu requests instead of %zu", row->provider, row->status, row->body, http_peer_requests(w->peer), requests);
	}
}

/* NULs and all, to the last byte, with its length said before. */
static void a_document_arrives_whole(void **state)
{
	static const char pdf[] = "\r\n\r\n%PDF-1.4\n<<>>\0\xff%%EOF\r\n\r\n--";
	struct world *w = *state;
	const struct peer_step step = { PEER_ANSWER, JSON_ANSWER("14", "{\"id\":\"ltr_1\"}") };
	CLEANUP(buf_clear) struct buf got = { 0 };
	const char *body, *length;
	size_t i = 0;

	while (strcmp(shipped[i].name, "lob") != 0)
		i++;
	http_peer_script(w->peer, &step, 1);
	send_one(w, i);
	wait_for(w, i);
	expect(w, i, OUTCOME_ACCEPTED, "accepted", 1);
	assert_true(http_peer_request(w->peer, 0, &got));
	assert_non_null(memmem(got.data, got.len, pdf, sizeof(pdf) - 1));
	body = strstr(got.data, "\r\n\r\n");
	length = strcasestr(got.data, "\r\nContent-Length: ");
	assert_int_equal(strtoul(length + 18, NULL, 10), got.len - (size_t)(body + 4 - got.data));
	assert_non_null(strstr(got.data, "\r\nIdempotency-Key: " SHIPPED_ATTEMPT "\r\n"));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nobody_listens),
		TEST(the_time_is_over_before_the_first_byte),
		TEST(the_time_is_over_after_the_first_byte),
		TEST(the_connection_ends),
		TEST(the_connection_is_reset),
		TEST(no_answer_comes),
		TEST(half_an_answer),
		TEST(an_answer_without_end),
		TEST(a_redirect_into_this_network),
		TEST(a_redirect_home),
		TEST(too_much_at_once),
		TEST(too_much_until_then),
		TEST(who_are_you),
		TEST(a_fault_over_there),
		TEST(accepted_without_an_id),
		TEST(garbage),
		TEST(what_each_says),
		TEST(a_document_arrives_whole),
	};

	return cmocka_run_group_tests_name("provider_wire", tests, NULL, NULL);
}
