/* The HTTP transport against a real peer: what is made of an answer, and of every way in which one may not come. */
#include "tests/integration/http_fixture.h"

/* --- answers ---------------------------------------------------------------------------------------------------------------- */

/* Each on a provider of its own state: 401 and 429 would turn the next one away. */
static const struct answer_row {
	const char *name;
	enum peer_act act;
	const char *bytes;
	enum outcome_kind kind;
	const char *reason;
	int status;
} answers[] = {
	{ "2xx without its id", PEER_ANSWER, NO("200 OK", ""), OUTCOME_IN_DOUBT, "no_id", 200 },
	{ "2xx, not JSON", PEER_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n<p>", OUTCOME_IN_DOUBT, "no_id", 200 },
	{ "2xx until the end", PEER_ANSWER_CLOSE, "HTTP/1.1 200 OK\r\n\r\n{\"id\":\"x\"}", OUTCOME_ACCEPTED, "accepted", 200 },
	{ "chunked", PEER_ANSWER, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n{\"id\":\"x\"}\r\n0\r\nTrailer: x\r\n\r\n",
		OUTCOME_ACCEPTED, "accepted", 200 },
	{ "an interim answer first", PEER_ANSWER, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" OK, OUTCOME_ACCEPTED, "accepted", 202 },
	{ "an interim answer alone", PEER_ANSWER_CLOSE, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", OUTCOME_IN_DOUBT,
		"connection_lost", 103 },
	{ "refused", PEER_ANSWER, NO("422 Unprocessable", ""), OUTCOME_REFUSED, "refused", 422 },
	{ "conflict", PEER_ANSWER, NO("409 Conflict", ""), OUTCOME_IN_DOUBT, "unclear", 409 },
	{ "bad gateway", PEER_ANSWER, NO("502 Bad Gateway", ""), OUTCOME_IN_DOUBT, "server_error", 502 },
	{ "a redirect is not followed", PEER_ANSWER, NO("307 Go", "Location: /elsewhere\r\n"), OUTCOME_IN_DOUBT, "unclear", 307 },
	{ "expectation failed", PEER_ANSWER, NO("417 No", ""), OUTCOME_REFUSED, "refused", 417 },
	{ "garbage", PEER_ANSWER_CLOSE, "SSH-2.0-OpenSSH_9.2\r\n\r\n", OUTCOME_IN_DOUBT, "bad_answer", 0 },
	{ "half a head", PEER_ANSWER_CLOSE, "HTTP/1.1 422 Unproc", OUTCOME_IN_DOUBT, "connection_lost", 0 },
	{ "a refusal cut short", PEER_ANSWER_CLOSE, "HTTP/1.1 422 No\r\nContent-Length: 100\r\n\r\n{", OUTCOME_IN_DOUBT, "connection_lost",
		422 },
	{ "an id cut short", PEER_ANSWER_CLOSE, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"id\":\"x\"}", OUTCOME_IN_DOUBT,
		"connection_lost", 200 },
	{ "a chunk cut short", PEER_ANSWER_CLOSE, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{\"id\":\"x\"}",
		OUTCOME_IN_DOUBT, "connection_lost", 200 },
	{ "a flood that says yes", PEER_FLOOD, "HTTP/1.1 200 OK\r\n\r\n{\"id\":\"x\"}", OUTCOME_IN_DOUBT, "no_id", 200 },
	{ "a flood that says no", PEER_FLOOD, "HTTP/1.1 422 No\r\n\r\n", OUTCOME_REFUSED, "refused", 422 },
	{ "a head without end", PEER_FLOOD, "HTTP/1.1 200 OK\r\nX: ", OUTCOME_IN_DOUBT, "bad_answer", 200 },
};

static void answer_means(void **state)
{
	struct fixture *f = *state;
	char line[20];

	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		const struct answer_row *row = &answers[i];
		const struct outcome *outcome;
		size_t before = http_peer_requests(f->peer);

		script(f, row->act, row->bytes);
		outcome = trip(f, i % 2 ? SAFE : PLAIN, i);
		if (outcome->kind != row->kind || strcmp(outcome->reason, row->reason) != 0 || outcome->status != row->status)
			fail_msg("%s: %s, %s, %d", row->name, outcome_names[outcome->kind], outcome->reason, outcome->status);
		if (http_peer_requests(f->peer) != before + 1)
			fail_msg("%s: %zu requests", row->name, http_peer_requests(f->peer) - before);
		assert_true(outcome->raw_len <= HTTP_ANSWER_MAX + WIRE_HEAD_MAX + 2);
		assert_int_equal(f->trips[i].asked, 1);
		(void)snprintf(line, sizeof(line), "HTTP/1.1 %d", row->status);
		if (row->status && strncmp(outcome->raw, line, strlen(line)) != 0) /* of the last head, not of an interim one */
			fail_msg("%s: %.200s", row->name, outcome->raw);
		if (outcome->raw && strstr(outcome->raw, "Trailer"))
			fail_msg("%s: a trailer is no header", row->name);
	}
}

static void a_long_head_is_no_answer(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf answer = { 0 };

	buf_add_str(&answer, "HTTP/1.1 422 No\r\n");
	while (answer.len < WIRE_HEAD_MAX)
		buf_printf(&answer, "X-%zu: something\r\n", answer.len);
	buf_add_str(&answer, "Content-Length: 2\r\n\r\n{}");
	script(f, PEER_ANSWER, answer.data);
	assert_outcome(trip(f, SAFE, 0), OUTCOME_IN_DOUBT, "bad_answer");
	assert_true(f->trips[0].outcome.raw_len <= WIRE_HEAD_MAX + 2);
}

static void silence_and_drops_end_at_the_deadline(void **state)
{
	struct fixture *f = *state;

	script(f, PEER_HANG, NULL);
	assert_outcome(trip(f, SLOW, 0), OUTCOME_IN_DOUBT, "timeout");
	assert_int_equal(f->trips[0].asked, 1);
	script(f, PEER_DRIP, "HTTP/1.1 200 OK\r\n\r\n{\"id\":\"x\"}"); /* each drop comes soon enough, the end never does */
	assert_outcome(trip(f, SLOW, 1), OUTCOME_IN_DOUBT, "timeout");
	assert_int_equal(f->trips[1].outcome.status, 200);
	assert_non_null(strstr(f->trips[1].outcome.raw, "{\"id\":\"x\"}"));
	assert_int_equal(http_peer_requests(f->peer), 2);
}

/* --- providers that want to be left alone ------------------------------------------------------------------------------------- */

static void is_paused(struct fixture *f, const char *answer, int64_t least, int64_t most)
{
	const struct outcome *outcome;

	script(f, PEER_ANSWER, answer);
	outcome = trip(f, SAFE, 0);
	assert_outcome(outcome, OUTCOME_THROTTLED, "throttled");
	assert_in_range(outcome->retry_after_ms, least, most);
	script(f, PEER_ANSWER, OK);
	outcome = trip(f, SAFE, 1);
	assert_outcome(outcome, OUTCOME_THROTTLED, "throttled");
	assert_true(outcome->retry_after_ms > 0 && outcome->retry_after_ms <= (most ? most : PACE_PAUSE_MIN_MS) + 1);
	assert_int_equal(http_peer_requests(f->peer), 1);
	assert_int_equal(f->trips[1].asked, 0);
	assert_true(status_of(f, SAFE).paused_ms > 0);
	assert_outcome(trip(f, PLAIN, 2), OUTCOME_ACCEPTED, "accepted"); /* another provider is not concerned */
	http_client_use(f->client, &f->library);
	assert_outcome(trip(f, SAFE, 3), OUTCOME_ACCEPTED, "accepted");
}

static void retry_after_in_seconds(void **state)
{
	is_paused(*state, NO("429 Slow down", "Retry-After: 600\r\n"), 600000, 600000);
}

static void retry_after_as_a_date(void **state)
{
	is_paused(*state, NO("429 Slow down", "Retry-After: Mon, 02 Mar 2026 09:10:00 GMT\r\n"), 600000, 600000);
}

static void what_waits_is_turned_away_too(void **state)
{
	struct fixture *f = *state;
	const struct peer_step steps[] = { { PEER_HOLD, NO("429 Slow down", "Retry-After: 600\r\n") }, { PEER_ANSWER, OK } };

	http_peer_script(f->peer, steps, ARRAY_LEN(steps));
	f->settings[PLAIN].concurrency = 1;
	for (size_t i = 0; i < 4; i++)
		send_one(f, PLAIN, i);
	peer_has(f, 1);
	assert_int_equal(status_of(f, PLAIN).queued, 3);
	http_peer_go(f->peer);
	for (size_t i = 0; i < 4; i++)
		assert_outcome(trip_ends(f, i), OUTCOME_THROTTLED, "throttled");
	assert_int_equal(http_peer_requests(f->peer), 1);
}

static void is_stopped(struct fixture *f, const char *answer)
{
	script(f, PEER_ANSWER, answer);
	assert_outcome(trip(f, SAFE, 0), OUTCOME_REFUSED, "config");
	assert_int_equal(f->trips[0].outcome.scope, SCOPE_PROVIDER);
	script(f, PEER_ANSWER, OK);
	assert_outcome(trip(f, SAFE, 1), OUTCOME_REFUSED, "config");
	assert_int_equal(f->trips[1].outcome.scope, SCOPE_PROVIDER);
	look_up(f, SAFE, 2);
	UNTIL(f, f->trips[2].looked_up);
	assert_int_equal(f->trips[2].found, LOOKUP_FAILED);
	assert_int_equal(http_peer_requests(f->peer), 1);
	assert_true(status_of(f, SAFE).stopped_ms > 0);
	assert_non_null(strstr(f->notes.data, "<3>http: provider safe refuses this account"));
	http_client_use(f->client, &f->library);
	assert_outcome(trip(f, SAFE, 3), OUTCOME_ACCEPTED, "accepted");
}

static void status_401_stops_the_provider(void **state)
{
	is_stopped(*state, NO("401 Who are you", ""));
}

static void status_403_stops_the_provider(void **state)
{
	is_stopped(*state, NO("403 No", ""));
}

static void failures_in_a_row_open_the_breaker(void **state)
{
	struct fixture *f = *state;

	f->settings[PLAIN].failures = 3;
	script(f, PEER_CLOSE, NULL);
	for (size_t i = 0; i < 3; i++)
		assert_outcome(trip(f, PLAIN, i), OUTCOME_IN_DOUBT, "connection_lost");
	script(f, PEER_ANSWER, OK);
	assert_outcome(trip(f, PLAIN, 3), OUTCOME_TEMPORARY, "provider_down");
	assert_int_equal(http_peer_requests(f->peer), 3);
	assert_int_equal(f->trips[3].asked, 0);
	assert_non_null(strstr(f->notes.data, "<3>http: provider plain fails (connection_lost, status 0): one message tries it in 30 s"));
	http_client_use(f->client, &f->library);
	assert_outcome(trip(f, PLAIN, 4), OUTCOME_ACCEPTED, "accepted");
}

/* --- look-ups --------------------------------------------------------------------------------------------------------------------- */

static enum lookup_result looks_up(struct fixture *f, enum peer_act act, const char *bytes, size_t n)
{
	script(f, act, bytes);
	look_up(f, SAFE, n);
	UNTIL(f, f->trips[n].looked_up);
	return f->trips[n].found;
}

static void a_look_up_finds_misses_or_fails(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf got = { 0 };
	static const char found[] = "HTTP/1.1 200 OK\r\nContent-Length: 68\r\n\r\n"
				    "{\"messages\":[{\"attempt\":\"01HQZZ00000000000000000000\",\"id\":\"msg_7\"}]}";
	static const char none[] = "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"messages\":[]}";

	assert_int_equal(looks_up(f, PEER_ANSWER, found, 0), LOOKUP_FOUND);
	assert_string_equal(f->trips[0].found_id, "msg_7");
	assert_true(http_peer_request(f->peer, 0, &got));
	assert_ptr_equal(strstr(got.data, "GET /messages?attempt=01HQZZ00000000000000000000 HTTP/1.1\r\n"), got.data);
	assert_int_equal(looks_up(f, PEER_ANSWER, none, 1), LOOKUP_MISSED);
	assert_int_equal(looks_up(f, PEER_ANSWER, found, 2), LOOKUP_MISSED); /* another attempt's */
	assert_int_equal(looks_up(f, PEER_ANSWER, NO("500 Oh", ""), 3), LOOKUP_FAILED);
	assert_int_equal(looks_up(f, PEER_ANSWER_CLOSE, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"messages\":[]}", 4), LOOKUP_FAILED);
	assert_int_equal(looks_up(f, PEER_FLOOD, "HTTP/1.1 200 OK\r\n\r\n{\"messages\":[]}", 5), LOOKUP_FAILED);
	assert_int_equal(f->trips[0].asked, 0);
}

static void a_look_up_may_be_tried_again(void **state)
{
	struct fixture *f = *state;
	const struct peer_step steps[] = { { PEER_ANSWER, OK }, { PEER_CLOSE, NULL },
		{ PEER_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"messages\":[]}" } };

	http_peer_script(f->peer, steps, ARRAY_LEN(steps));
	assert_outcome(trip(f, SAFE, 0), OUTCOME_ACCEPTED, "accepted");
	look_up(f, SAFE, 1);
	UNTIL(f, f->trips[1].looked_up);
	assert_int_equal(f->trips[1].found, LOOKUP_MISSED);
	assert_int_equal(http_peer_requests(f->peer), 3);
}

static void pauses_look_ups(struct fixture *f, const char *answer, const char *ms)
{
	static const char none[] = "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"messages\":[]}";
	size_t asked;

	assert_int_equal(looks_up(f, PEER_ANSWER, answer, 0), LOOKUP_FAILED);
	assert_non_null(strstr(f->notes.data, "asks for a pause of its look-ups of "));
	assert_non_null(strstr(f->notes.data, ms));
	asked = http_peer_requests(f->peer);
	assert_int_equal(looks_up(f, PEER_ANSWER, none, 2), LOOKUP_FAILED);
	assert_int_equal(http_peer_requests(f->peer), asked); /* not even tried */
	script(f, PEER_ANSWER, OK);
	assert_outcome(trip(f, SAFE, 3), OUTCOME_ACCEPTED, "accepted"); /* messages have another limit */
}

static void a_look_up_honours_seconds(void **state)
{
	pauses_look_ups(*state, NO("429 Slow down", "Retry-After: 600\r\n"), " 600000 ms");
}

static void a_look_up_honours_a_date(void **state)
{
	pauses_look_ups(*state, NO("429 Slow down", "Retry-After: Mon, 02 Mar 2026 09:10:00 GMT\r\n"), " 600000 ms");
}

static void a_look_up_without_either_waits_a_minute(void **state)
{
	pauses_look_ups(*state, NO("429 Slow down", ""), " 60000 ms");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answer_means),
		TEST(a_long_head_is_no_answer),
		TEST(silence_and_drops_end_at_the_deadline),
		TEST(retry_after_in_seconds),
		TEST(retry_after_as_a_date),
		TEST(what_waits_is_turned_away_too),
		TEST(status_401_stops_the_provider),
		TEST(failures_in_a_row_open_the_breaker),
		TEST(status_403_stops_the_provider),
		TEST(a_look_up_finds_misses_or_fails),
		TEST(a_look_up_may_be_tried_again),
		TEST(a_look_up_honours_seconds),
		TEST(a_look_up_honours_a_date),
		TEST(a_look_up_without_either_waits_a_minute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
