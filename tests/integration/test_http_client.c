/* The HTTP transport against a real peer: what is sent, how often, how fast, and in which surroundings. */
#include "tests/integration/http_fixture.h"

#include <sched.h>
#include <stdatomic.h>

#include "common/hash.h"

/* --- what is sent --------------------------------------------------------------------------------------------------------- */

static void a_message_is_sent_as_the_file_says(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf got = { 0 };
	const struct outcome *outcome;
	char remote[40];

	script(f, PEER_ANSWER, OK);
	outcome = trip(f, SAFE, 7);
	assert_outcome(outcome, OUTCOME_ACCEPTED, "accepted");
	assert_string_equal(outcome->provider_id, "msg_1");
	assert_int_equal(outcome->status, 202);
	(void)snprintf(remote, sizeof(remote), "127.0.0.1:%u", http_peer_port(f->peer));
	assert_string_equal(outcome->remote, remote);
	assert_non_null(strstr(outcome->raw, "HTTP/1.1 202 Accepted"));
	assert_int_equal(f->trips[7].asked, 1);
	assert_int_equal(f->trips[7].done, 1);
	assert_true(http_peer_request(f->peer, 0, &got));
	assert_ptr_equal(strstr(got.data, "POST /send HTTP/1.1\r\n"), got.data);
	assert_non_null(strstr(got.data, "\r\nAuthorization: Bearer s3cret\r\n"));
	assert_non_null(strstr(got.data, "\r\nContent-Type: application/json\r\n"));
	assert_non_null(strstr(got.data, "\r\nIdempotency-Key: 01HQZZ00000000000000000007\r\n"));
	assert_non_null(strstr(got.data, "\r\n\r\n{\"attempt\":\"01HQZZ00000000000000000007\",\"text\":\"Please pay\"}"));
	assert_null(strcasestr(got.data, "Expect:"));
	assert_null(strcasestr(got.data, "Accept-Encoding"));
	assert_int_equal(status_of(f, SAFE).outcomes[OUTCOME_ACCEPTED], 1);
	assert_int_equal(status_of(f, SAFE).in_flight, 0);
}

static void a_large_message_is_sent_at_once(void **state)
{
	struct fixture *f = *state;
	struct message message = make_message(f, SAFE, 0);
	CLEANUP(freep) char *text = malloc(1500001);

	memset(text, 'x', 1500000);
	text[1500000] = '\0';
	message.text = text;
	script(f, PEER_ANSWER, OK);
	send_message(f, &message, 0);
	memset(text, 'y', 1500000); /* the input is borrowed for the call only */
	assert_outcome(trip_ends(f, 0), OUTCOME_ACCEPTED, "accepted");
	CLEANUP(buf_clear) struct buf got = { 0 };
	assert_true(http_peer_request(f->peer, 0, &got));
	assert_null(strstr(got.data, "yy"));
	assert_null(strcasestr(got.data, "Expect:"));
}

static void a_callback_may_start_the_next(void **state)
{
	struct fixture *f = *state;

	script(f, PEER_ANSWER, OK);
	f->trips[0].again = true;
	assert_outcome(trip(f, SAFE, 0), OUTCOME_ACCEPTED, "accepted");
	assert_outcome(trip_ends(f, 1), OUTCOME_ACCEPTED, "accepted");
}

static void connections_are_kept_where_a_doubt_costs_nothing(void **state)
{
	struct fixture *f = *state;

	script(f, PEER_ANSWER, OK);
	for (size_t i = 0; i < 3; i++)
		assert_outcome(trip(f, SAFE, i), OUTCOME_ACCEPTED, "accepted");
	assert_int_equal(http_peer_connections(f->peer), 1);
	for (size_t i = 3; i < 6; i++)
		assert_outcome(trip(f, PLAIN, i), OUTCOME_ACCEPTED, "accepted");
	assert_int_equal(http_peer_connections(f->peer), 4);
}

/* --- once, and no more ------------------------------------------------------------------------------------------------------ */

static void dies_after_the_second(struct fixture *f, enum peer_act act)
{
	const struct peer_step steps[] = { { PEER_ANSWER, OK }, { act, NULL }, { PEER_ANSWER, OK } };

	http_peer_script(f->peer, steps, ARRAY_LEN(steps));
	assert_outcome(trip(f, SAFE, 0), OUTCOME_ACCEPTED, "accepted");
	assert_outcome(trip(f, SAFE, 1), OUTCOME_IN_DOUBT, "connection_lost");
	assert_int_equal(f->trips[1].asked, 1);
	assert_int_equal(http_peer_requests(f->peer), 2); /* libcurl alone would make it 3, and call it accepted */
	assert_int_equal(status_of(f, SAFE).repeats_stopped, 1);
	assert_outcome(trip(f, SAFE, 2), OUTCOME_ACCEPTED, "accepted");
	assert_int_equal(http_peer_requests(f->peer), 3);
}

static void a_kept_connection_that_ends_is_not_tried_again(void **state)
{
	dies_after_the_second(*state, PEER_CLOSE);
}

static void a_kept_connection_that_is_reset_is_not_tried_again(void **state)
{
	dies_after_the_second(*state, PEER_RESET);
}

static void a_connection_that_ends_before_its_first_answer(void **state)
{
	struct fixture *f = *state;

	script(f, PEER_CLOSE, NULL);
	assert_outcome(trip(f, PLAIN, 0), OUTCOME_IN_DOUBT, "connection_lost");
	assert_outcome(trip(f, SAFE, 1), OUTCOME_IN_DOUBT, "connection_lost");
	assert_int_equal(http_peer_requests(f->peer), 2);
	assert_int_equal(status_of(f, SAFE).repeats_stopped, 0);
}

static void no_means_that_no_byte_leaves(void **state)
{
	struct fixture *f = *state;

	script(f, PEER_ANSWER, OK);
	f->trips[0].declines = true;
	assert_outcome(trip(f, SAFE, 0), OUTCOME_CANCELLED, "not_started");
	assert_int_equal(f->trips[0].asked, 1);
	assert_int_equal(f->trips[0].done, 1);
	assert_outcome(trip(f, SAFE, 1), OUTCOME_ACCEPTED, "accepted");
	assert_int_equal(http_peer_requests(f->peer), 1);
	CLEANUP(buf_clear) struct buf got = { 0 };
	assert_true(http_peer_request(f->peer, 0, &got));
	assert_int_equal(http_peer_bytes(f->peer), got.len);
}

static void nobody_there_is_surely_not_sent(void **state)
{
	struct fixture *f = *state;

	http_peer_destroy(f->peer);
	f->peer = NULL;
	assert_outcome(trip(f, SAFE, 0), OUTCOME_TEMPORARY, "no_connection");
	assert_int_equal(f->trips[0].asked, 0);
	assert_null(f->trips[0].outcome.remote);
}

static void a_handshake_that_never_ends_is_surely_not_sent(void **state)
{
	struct fixture *f = *state;

	(void)snprintf(f->url, sizeof(f->url), "https://127.0.0.1:%u", http_peer_port(f->peer));
	assert_outcome(trip(f, SLOW, 0), OUTCOME_TEMPORARY, "timeout");
	assert_int_equal(f->trips[0].asked, 0);
	assert_true(http_peer_bytes(f->peer) > 0); /* the greeting, but nothing of the request */
}

/* On the same loop, in order: connecting ends before something three times as late, though the request itself had longer. */
static void connecting_has_a_deadline_of_its_own(void **state)
{
	struct fixture *f = *state;
	struct event *later;
	bool was_later = false;

	(void)snprintf(f->url, sizeof(f->url), "https://127.0.0.1:%u", http_peer_port(f->peer));
	later = evtimer_new(f->base, on_late, &was_later);
	event_add(later, &(struct timeval){ .tv_sec = 3 * WIRE_CONNECT_MS / 1000 });
	assert_outcome(trip(f, SAFE, 0), OUTCOME_TEMPORARY, "timeout");
	assert_false(was_later);
	event_free(later);
}

static void a_stranger_is_not_spoken_to(void **state)
{
	struct fixture *f = *state;

	http_peer_destroy(f->peer);
	f->peer = http_peer_create(f->ca);
	(void)snprintf(f->url, sizeof(f->url), "https://localhost:%u", http_peer_port(f->peer));
	script(f, PEER_ANSWER, OK);
	assert_outcome(trip(f, SAFE, 0), OUTCOME_TEMPORARY, "tls"); /* its authority is not among the system's */
	assert_int_equal(f->trips[0].asked, 0);
	assert_int_equal(http_peer_requests(f->peer), 0);
	http_client_destroy(f->client);
	open_client(f, f->ca, secret);
	assert_outcome(trip(f, SAFE, 1), OUTCOME_ACCEPTED, "accepted");
	assert_outcome(trip(f, SAFE, 2), OUTCOME_ACCEPTED, "accepted");
	assert_int_equal(f->trips[1].asked, 1);
}

/* --- pace -------------------------------------------------------------------------------------------------------------------------- */

static void no_more_at_once_than_allowed(void **state)
{
	struct fixture *f = *state;
	struct http_provider_status status;

	script(f, PEER_HOLD, OK);
	for (size_t i = 0; i < 6; i++)
		send_one(f, PLAIN, i); /* its file says 2 */
	peer_has(f, 2);
	status = status_of(f, PLAIN);
	assert_int_equal(status.in_flight, 2);
	assert_int_equal(status.queued, 4);
	http_peer_go(f->peer);
	for (size_t i = 0; i < 6; i++)
		assert_outcome(trip_ends(f, i), OUTCOME_ACCEPTED, "accepted");
	assert_int_equal(http_peer_most_at_once(f->peer), 2);
	assert_int_equal(http_peer_requests(f->peer), 6);
}

static void three_hundred_at_once(void **state)
{
	struct fixture *f = *state;

	script(f, PEER_HOLD, OK);
	f->settings[SAFE].concurrency = 300;
	for (size_t i = 0; i < 300; i++)
		send_one(f, SAFE, i);
	peer_has(f, 300);
	assert_int_equal(http_peer_most_at_once(f->peer), 300);
	http_peer_go(f->peer);
	for (size_t i = 0; i < 300; i++)
		assert_outcome(trip_ends(f, i), OUTCOME_ACCEPTED, "accepted");
	assert_int_equal(http_peer_requests(f->peer), 300);
}

static void no_more_a_second_than_allowed(void **state)
{
	struct fixture *f = *state;
	int64_t begun = mono_ms();

	script(f, PEER_ANSWER, OK);
	for (size_t i = 0; i < 3; i++)
		send_one(f, SLOW, i); /* its file says 4 a second */
	for (size_t i = 0; i < 3; i++)
		assert_outcome(trip_ends(f, i), OUTCOME_ACCEPTED, "accepted");
	assert_true(f->last_asked - begun >= 450); /* later is always right, sooner never */
}

static void stopping_lets_nothing_new_out(void **state)
{
	struct fixture *f = *state;

	script(f, PEER_HOLD, OK);
	f->settings[PLAIN].concurrency = 1;
	for (size_t i = 0; i < 3; i++)
		send_one(f, PLAIN, i);
	peer_has(f, 1);
	http_client_stop(f->client);
	send_one(f, SAFE, 3);
	send_one(f, OUTBOX, 4);
	for (size_t i = 1; i < 5; i++) {
		assert_outcome(trip_ends(f, i), OUTCOME_TEMPORARY, "stopping");
		assert_int_equal(f->trips[i].asked, 0);
	}
	http_peer_go(f->peer);
	assert_outcome(trip_ends(f, 0), OUTCOME_ACCEPTED, "accepted"); /* what was on the wire is waited for */
	assert_int_equal(http_peer_requests(f->peer), 1);
}

/* --- surroundings ------------------------------------------------------------------------------------------------------------------ */

struct wired {
	bool done;
	enum wire_end end;
	char reason[32];
	unsigned asked;
};

static bool wired_may(void *arg)
{
	((struct wired *)arg)->asked++;
	return true;
}

static void on_wired(const struct wire_result *result, void *arg)
{
	struct wired *wired = arg;

	wired->done = true;
	wired->end = result->end;
	(void)snprintf(wired->reason, sizeof(wired->reason), "%s", result->reason);
}

/* One request below the providers: with no header of a provider's file. */
static struct wired wire_once(struct fixture *f, const char *url)
{
	const struct http_request http = { .method = "GET", .url = url, .timeout_ms = 20000 };
	struct wire *wire = wire_create(f->base, NULL);
	struct wired wired = { 0 };
	const struct wire_request request = { .http = &http, .body_max = 100, .may_start = wired_may, .done = on_wired, .arg = &wired };

	wire_start(wire, &request);
	UNTIL(f, wired.done);
	wire_destroy(wire);
	return wired;
}

struct fenced {
	atomic_bool asked, fencing, over;
	bool done;
};

/* Asked, it takes its time: whoever comes to the fence meanwhile must find it there. */
static bool may_slowly(void *arg)
{
	struct fenced *fenced = arg;
	uint8_t digest[SHA256_SIZE] = { 0 };

	atomic_store(&fenced->asked, true);
	while (!atomic_load(&fenced->fencing))
		sched_yield();
	for (int i = 0; i < 100000; i++)
		sha256(digest, sizeof(digest), digest);
	atomic_store(&fenced->over, true);
	return true;
}

static void on_fenced(const struct wire_result *result, void *arg)
{
	(void)result;
	((struct fenced *)arg)->done = true;
}

static void a_fence_waits_for_a_request_that_starts(void **state)
{
	struct fixture *f = *state;
	char url[60];
	struct http_request http = { .method = "POST", .url = url, .body = "x", .body_len = 1, .timeout_ms = 20000 };
	struct wire *wire = wire_create(f->base, NULL);
	struct fenced fenced = { 0 };
	const struct wire_request request = { .http = &http, .body_max = 100, .may_start = may_slowly, .done = on_fenced, .arg = &fenced };
	time_t until = time(NULL) + WAIT_S;

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", http_peer_port(f->peer));
	script(f, PEER_ANSWER, OK);
	wire_fence(wire); /* nothing starts: at once */
	wire_start(wire, &request);
	while (!atomic_load(&fenced.asked) && time(NULL) < until)
		event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_true(fenced.asked);
	atomic_store(&fenced.fencing, true);
	wire_fence(wire);
	assert_true(fenced.over);
	UNTIL(f, fenced.done);
	wire_destroy(wire);
}

static void the_environment_changes_nothing(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = { "http_proxy", "all_proxy", "ALL_PROXY", "https_proxy" };
	CLEANUP(http_peer_destroyp) struct http_peer *proxy = http_peer_create(NULL);
	CLEANUP(buf_clear) struct buf got = { 0 };
	char url[60], netrc[80];

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u", http_peer_port(proxy));
	(void)snprintf(netrc, sizeof(netrc), "%s/.netrc", f->dir);
	assert_int_equal(file_replace(netrc, "machine 127.0.0.1 login eve password evil\n", 42, 0600), 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		setenv(names[i], url, 1);
	setenv("HOME", f->dir, 1);
	script(f, PEER_ANSWER, NO("422 No", "Set-Cookie: a=b; Path=/\r\nAlt-Svc: h2=\":1\"\r\n"));
	assert_outcome(trip(f, SAFE, 0), OUTCOME_REFUSED, "refused");
	assert_outcome(trip(f, SAFE, 1), OUTCOME_REFUSED, "refused");
	assert_int_equal(wire_once(f, f->url).end, WIRE_ANSWERED);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unsetenv(names[i]);
	unlink(netrc);
	assert_int_equal(http_peer_connections(proxy), 0);
	assert_true(http_peer_request(f->peer, 1, &got) && http_peer_request(f->peer, 2, &got));
	assert_null(strcasestr(got.data, "Cookie"));
	assert_null(strstr(got.data, "Basic")); /* .netrc is for requests without Authorization */
}

/* What the adapter refuses already is refused here once more; 192.0.2.1 belongs to nobody, and no packet is sent to it. */
static void only_https_leaves_this_machine(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *url, *reason;
	} rows[] = {
		{ "http://192.0.2.1/", "not_loopback" },
		{ "http://[2001:db8::1]/", "not_loopback" },
		{ "http://[::ffff:192.0.2.1]/", "not_loopback" },
		/* link-local, and what is no host: not with https either */
		{ "https://169.254.169.254/latest/meta-data/", "forbidden_address" },
		{ "https://[::ffff:169.254.169.254]/", "forbidden_address" },
		{ "https://[fe80::a9fe:a9fe]/", "forbidden_address" },
		{ "https://[64:ff9b::169.254.169.254]/", "forbidden_address" },
		{ "https://[2002:a9fe:a9fe::1]/", "forbidden_address" },
		{ "https://0.0.0.0/", "forbidden_address" },
		{ "https://[::]/", "forbidden_address" },
		{ "https://224.0.0.1/", "forbidden_address" },
		{ "https://255.255.255.255/", "forbidden_address" },
		{ "https://[ff02::1]/", "forbidden_address" },
		{ "https://2852039166/", "forbidden_address" }, /* 169.254.169.254 as one number */
		{ "https://0xa9.0xfe.0xa9.0xfe/", "forbidden_address" },
		{ "ftp://127.0.0.1/x", "no_connection" },
		{ "file:///etc/hostname", "no_connection" },
		{ "gopher://127.0.0.1/x", "no_connection" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct wired wired = wire_once(f, rows[i].url);

		assert_int_equal(wired.end, WIRE_UNSENT);
		assert_string_equal(wired.reason, rows[i].reason);
		assert_int_equal(wired.asked, 0);
	}
}

static void a_request_that_cannot_be_made(void **state)
{
	struct fixture *f = *state;
	struct message message = make_message(f, SAFE, 0);

	script(f, PEER_ANSWER, OK);
	message.to.email = "nobody";
	send_message(f, &message, 0);
	assert_outcome(trip_ends(f, 0), OUTCOME_REFUSED, "bad_address");
	assert_int_equal(f->trips[0].outcome.scope, SCOPE_RECIPIENT);
	message = make_message(f, SAFE, 1);
	message.subject = "Invoice\r\nBcc: eve@example.com";
	send_message(f, &message, 1);
	assert_outcome(trip_ends(f, 1), OUTCOME_REFUSED, "control_character");
	assert_int_equal(f->trips[1].outcome.scope, SCOPE_MESSAGE);
	message = make_message(f, SAFE, 2);
	message.provider = "nobody";
	send_message(f, &message, 2);
	assert_outcome(trip_ends(f, 2), OUTCOME_REFUSED, "config");
	assert_int_equal(f->trips[2].outcome.scope, SCOPE_PROVIDER);
	f->no_secrets = true;
	assert_outcome(trip(f, SAFE, 3), OUTCOME_REFUSED, "config");
	assert_int_equal(f->trips[3].outcome.scope, SCOPE_PROVIDER);
	http_client_destroy(f->client);
	open_client(f, NULL, NULL);
	assert_outcome(trip(f, SAFE, 4), OUTCOME_REFUSED, "config"); /* never the form for records, with "***" in it */
	assert_int_equal(http_peer_connections(f->peer), 0);
}

static void the_outbox_is_behind_the_same_port(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	char path[120];

	script(f, PEER_ANSWER, OK);
	assert_outcome(trip(f, OUTBOX, 0), OUTCOME_ACCEPTED, "accepted");
	f->config.shadow = true;
	assert_outcome(trip(f, SAFE, 1), OUTCOME_ACCEPTED, "accepted");
	look_up(f, SAFE, 1);
	UNTIL(f, f->trips[1].looked_up);
	assert_int_equal(f->trips[1].found, LOOKUP_FOUND);
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "%s/outbox/%s.eml", f->dir, f->ids[i]);
		assert_int_equal(stat(path, &st), 0);
	}
	assert_int_equal(http_peer_connections(f->peer), 0);
	assert_int_equal(status_of(f, OUTBOX).outcomes[OUTCOME_ACCEPTED], 2);
}

/* --- life ----------------------------------------------------------------------------------------------------------------------------- */

static void a_request_ends_by_the_rules_it_began_with(void **state)
{
	struct fixture *f = *state;
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{\"id\":\"a\",\"ref\":\"b\"}\n";

	script(f, PEER_HOLD, answer);
	send_one(f, SAFE, 0);
	look_up(f, SAFE, 1);
	peer_has(f, 2);
	free_adapters(f); /* a reload: the old files are gone */
	make_adapters(f, "/ref");
	http_client_use(f->client, &f->library);
	http_peer_go(f->peer);
	assert_string_equal(trip_ends(f, 0)->provider_id, "a");
	UNTIL(f, f->trips[1].looked_up);
	assert_string_equal(trip(f, SAFE, 2)->provider_id, "b");
}

static void nothing_is_called_after_the_end(void **state)
{
	struct fixture *f = *state;

	script(f, PEER_HANG, NULL);
	f->settings[PLAIN].concurrency = 1;
	for (size_t i = 0; i < 3; i++)
		send_one(f, PLAIN, i);
	send_one(f, OUTBOX, 3);
	look_up(f, SAFE, 4);
	peer_has(f, 2);
	send_one(f, OUTBOX, 5); /* waits for its turn of the loop */
	http_client_destroy(f->client);
	f->client = NULL;
	f->trips[3].done = 0; /* it may have been written by then */
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(f->trips[i].done + f->trips[i].looked_up, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_is_sent_as_the_file_says),
		TEST(a_large_message_is_sent_at_once),
		TEST(a_callback_may_start_the_next),
		TEST(connections_are_kept_where_a_doubt_costs_nothing),
		TEST(a_kept_connection_that_ends_is_not_tried_again),
		TEST(a_kept_connection_that_is_reset_is_not_tried_again),
		TEST(a_connection_that_ends_before_its_first_answer),
		TEST(no_means_that_no_byte_leaves),
		TEST(nobody_there_is_surely_not_sent),
		TEST(a_handshake_that_never_ends_is_surely_not_sent),
		TEST(connecting_has_a_deadline_of_its_own),
		TEST(a_stranger_is_not_spoken_to),
		TEST(no_more_at_once_than_allowed),
		TEST(three_hundred_at_once),
		TEST(no_more_a_second_than_allowed),
		TEST(stopping_lets_nothing_new_out),
		TEST(a_fence_waits_for_a_request_that_starts),
		TEST(the_environment_changes_nothing),
		TEST(only_https_leaves_this_machine),
		TEST(a_request_that_cannot_be_made),
		TEST(the_outbox_is_behind_the_same_port),
		TEST(a_request_ends_by_the_rules_it_began_with),
		TEST(nothing_is_called_after_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
