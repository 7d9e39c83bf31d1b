/* What is asked before the request that sends, against a real peer: tokens and steps. None of it can leave a doubt. */
#include "tests/integration/http_fixture.h"

#define TOKEN(token) "HTTP/1.1 200 OK\r\nContent-Length: 35\r\n\r\n{\"access_token\":\"" token "\",\"life\":3600}"
#define UP "HTTP/1.1 201 Created\r\nLocation: /files/7\r\nContent-Length: 2\r\n\r\n{}"

static const char walking[] =
	"{\"adapter\":1,\"name\":\"slow\",\"channel\":\"email\",\"config\":{\"url\":{\"required\":true},\"token\":{\"required\":true,\"secret\":true}},"
	"\"limits\":{\"concurrency\":5},"
	"\"token\":{\"request\":{\"method\":\"POST\",\"url\":\"{config.url}/token\",\"auth\":{\"kind\":\"basic\",\"user\":\"me\",\"password\":"
	"\"{config.token}\"},\"body\":{\"kind\":\"form\",\"fields\":[[\"grant_type\",\"client_credentials\"]]},\"timeout_ms\":1000},"
	"\"value\":\"/access_token\",\"expires_in\":\"/life\"},"
	"\"steps\":[{\"name\":\"up\",\"request\":{\"method\":\"PUT\",\"url\":\"{config.url}/up\",\"auth\":{\"kind\":\"bearer\",\"token\":\"{token}\"},"
	"\"body\":{\"kind\":\"raw\",\"type\":\"text/plain\",\"value\":\"{text}\"},\"timeout_ms\":1000},\"bind\":{\"at\":{\"header\":\"Location\"}}}],"
	"\"send\":{\"method\":\"POST\",\"url\":\"{config.url}/send\",\"auth\":{\"kind\":\"header\",\"name\":\"X-Token\",\"value\":\"{token}\"},"
	"\"body\":{\"kind\":\"json\",\"value\":{\"file\":\"{steps.up.at}\"}},\"timeout_ms\":1000},"
	"\"response\":{\"id\":\"/id\"},"
	"\"lookup\":{\"request\":{\"method\":\"GET\",\"url\":\"{config.url}/list\"},\"match\":\"request\",\"id\":\"/id\"}}";

static const char signing[] =
	"{\"adapter\":1,\"name\":\"slow\",\"channel\":\"email\",\"config\":{\"url\":{\"required\":true},\"token\":{\"required\":true,\"secret\":true}},"
	"\"send\":{\"method\":\"POST\",\"url\":\"{config.url}/v2/send\",\"auth\":{\"kind\":\"sigv4\",\"service\":\"ses\",\"region\":\"eu-west-3\",\"key_id\":"
	"\"AKID\",\"secret\":\"{config.token}\"},\"body\":{\"kind\":\"json\",\"value\":{\"text\":\"{text}\"}}},\"response\":{\"id\":\"/id\"}}";

static void use(struct fixture *f, const char *json)
{
	struct adapter *adapter = NULL;
	struct err err = { 0 };

	if (adapter_parse(json, strlen(json), &adapter, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	adapter_free((struct adapter *)(uintptr_t)f->providers[SLOW].adapter);
	f->providers[SLOW].adapter = adapter;
	http_client_use(f->client, &f->library);
}

/* The n-th request begins so and has this in it. */
static void got(struct fixture *f, size_t n, const char *line, const char *has)
{
	CLEANUP(buf_clear) struct buf request = { 0 };

	assert_true(http_peer_request(f->peer, n, &request));
	if (strncmp(request.data, line, strlen(line)) != 0 || !strstr(request.data, has))
		fail_msg("not %s ... %s:\n%s", line, has, request.data);
}

#define STEPS(f, ...)                                                                                  \
	do {                                                                                             \
		const struct peer_step steps_[] = { __VA_ARGS__ };                                       \
		http_peer_script((f)->peer, steps_, ARRAY_LEN(steps_));                                  \
	} while (0)

static void a_token_and_a_step(void **state)
{
	struct fixture *f = *state;

	use(f, walking);
	STEPS(f, { PEER_ANSWER, TOKEN("T0-0") }, { PEER_ANSWER, UP }, { PEER_ANSWER, OK }, { PEER_ANSWER, UP }, { PEER_ANSWER, OK });
	assert_outcome(trip(f, SLOW, 0), OUTCOME_ACCEPTED, "accepted");
	assert_string_equal(f->trips[0].outcome.provider_id, "msg_1");
	assert_int_equal(f->trips[0].asked, 1);
	got(f, 0, "POST /token ", "Authorization: Basic bWU6czNjcmV0\r\n");
	got(f, 0, "POST /token ", "\r\n\r\ngrant_type=client_credentials");
	got(f, 1, "PUT /up ", "Authorization: Bearer T0-0\r\n");
	got(f, 1, "PUT /up ", "\r\n\r\nPlease pay");
	got(f, 2, "POST /send ", "X-Token: T0-0\r\n");
	got(f, 2, "POST /send ", "{\"file\":\"/files/7\"}");
	/* the token is kept, the step is walked again */
	assert_outcome(trip(f, SLOW, 1), OUTCOME_ACCEPTED, "accepted");
	got(f, 3, "PUT /up ", "Bearer T0-0\r\n");
	assert_int_equal(http_peer_requests(f->peer), 5);
}

static void one_token_for_all_that_wait(void **state)
{
	struct fixture *f = *state;

	use(f, walking);
	STEPS(f, { PEER_HOLD, TOKEN("T0-0") }, { PEER_ANSWER, UP });
	for (size_t i = 0; i < 5; i++)
		send_one(f, SLOW, i);
	peer_has(f, 1);
	for (int i = 0; i < 20; i++)
		event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_int_equal(http_peer_requests(f->peer), 1);
	http_peer_go(f->peer);
	for (size_t i = 0; i < 5; i++)
		assert_outcome(trip_ends(f, i), OUTCOME_IN_DOUBT, "no_id"); /* the script answers the last one as a step */
	assert_int_equal(http_peer_requests(f->peer), 11);
}

/* Whatever happens before: surely not sent, and never asked whether it may start. */
static void lost_before(struct fixture *f, size_t n, enum outcome_kind kind, const char *reason)
{
	assert_outcome(trip(f, SLOW, n), kind, reason);
	assert_int_equal(f->trips[n].asked, 0);
}

static void what_fails_before_leaves_no_doubt(void **state)
{
	struct fixture *f = *state;

	use(f, walking);
	STEPS(f, { PEER_CLOSE, NULL }, { PEER_HANG, NULL }, { PEER_ANSWER, NO("500 No", "") },
		{ PEER_ANSWER, "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n" }, { PEER_ANSWER, TOKEN("T0-0") },
		{ PEER_ANSWER, OK }, { PEER_RESET, NULL }, { PEER_ANSWER, UP }, { PEER_CLOSE, NULL },
		{ PEER_ANSWER, NO("429 Slow down", "Retry-After: 9\r\n") });
	lost_before(f, 0, OUTCOME_TEMPORARY, "connection_lost");
	lost_before(f, 1, OUTCOME_TEMPORARY, "timeout");
	lost_before(f, 2, OUTCOME_TEMPORARY, "server_error");
	lost_before(f, 3, OUTCOME_TEMPORARY, "server_error");
	lost_before(f, 4, OUTCOME_TEMPORARY, "no_value"); /* the step's answer has no Location */
	lost_before(f, 5, OUTCOME_TEMPORARY, "connection_lost");
	assert_outcome(trip(f, SLOW, 6), OUTCOME_IN_DOUBT, "connection_lost"); /* this one may have been sent */
	assert_int_equal(f->trips[6].asked, 1);
	lost_before(f, 7, OUTCOME_THROTTLED, "throttled");
	assert_int_equal(http_peer_requests(f->peer), 10);
	assert_true(status_of(f, SLOW).paused_ms > 8000);
}

static void a_token_that_is_refused(void **state)
{
	struct fixture *f = *state;

	use(f, walking);
	STEPS(f, { PEER_ANSWER, NO("401 No", "") });
	lost_before(f, 0, OUTCOME_REFUSED, "config");
	assert_int_equal(f->trips[0].outcome.scope, SCOPE_PROVIDER);
	assert_true(status_of(f, SLOW).stopped_ms > 0);
	assert_int_equal(f->trips[0].outcome.raw_len, 0);
	assert_outcome(trip(f, SLOW, 1), OUTCOME_REFUSED, "config");
	assert_int_equal(http_peer_requests(f->peer), 1);
}

static void a_token_that_ended_early(void **state)
{
	struct fixture *f = *state;

	use(f, walking);
	STEPS(f, { PEER_ANSWER, TOKEN("T0-0") }, { PEER_ANSWER, UP }, { PEER_ANSWER, NO("401 No", "") }, { PEER_ANSWER, TOKEN("T0-1") },
		{ PEER_ANSWER, UP }, { PEER_ANSWER, OK }, { PEER_ANSWER, UP }, { PEER_ANSWER, NO("401 No", "") }, { PEER_ANSWER, TOKEN("T0-2") },
		{ PEER_ANSWER, NO("401 No", "") }, { PEER_ANSWER, TOKEN("T0-3") }, { PEER_ANSWER, UP }, { PEER_ANSWER, NO("401 No", "") });
	assert_outcome(trip(f, SLOW, 0), OUTCOME_TEMPORARY, "token_expired");
	assert_outcome(trip(f, SLOW, 1), OUTCOME_ACCEPTED, "accepted");
	got(f, 5, "POST /send ", "X-Token: T0-1\r\n");
	/* when fresh ones are refused again and again it is the account */
	assert_outcome(trip(f, SLOW, 2), OUTCOME_TEMPORARY, "token_expired");
	assert_outcome(trip(f, SLOW, 3), OUTCOME_TEMPORARY, "token_expired"); /* in the step */
	assert_outcome(trip(f, SLOW, 4), OUTCOME_REFUSED, "token_expired");
	assert_int_equal(f->trips[4].outcome.scope, SCOPE_PROVIDER);
	assert_true(status_of(f, SLOW).stopped_ms > 0);
}

static void a_look_up_has_a_token_and_no_steps(void **state)
{
	struct fixture *f = *state;

	use(f, walking);
	STEPS(f, { PEER_ANSWER, TOKEN("T0-0") }, { PEER_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n[{\"id\":\"m\"}]" },
		{ PEER_CLOSE, NULL });
	look_up(f, SLOW, 0);
	UNTIL(f, f->trips[0].looked_up);
	assert_int_equal(f->trips[0].found, LOOKUP_FOUND);
	assert_string_equal(f->trips[0].found_id, "m");
	got(f, 1, "GET /list ", "X-Token: T0-0\r\n");
	look_up(f, SLOW, 1);
	UNTIL(f, f->trips[1].looked_up);
	assert_int_equal(f->trips[1].found, LOOKUP_FAILED);
}

/* The provider ended it before its time: the next look-up has a new one, as the next message would. */
static void a_look_up_with_a_token_that_ended_early(void **state)
{
	struct fixture *f = *state;

	use(f, walking);
	STEPS(f, { PEER_ANSWER, TOKEN("T0-0") }, { PEER_ANSWER, NO("401 No", "") }, { PEER_ANSWER, TOKEN("T0-1") },
		{ PEER_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n[{\"id\":\"m\"}]" });
	look_up(f, SLOW, 0);
	UNTIL(f, f->trips[0].looked_up);
	assert_int_equal(f->trips[0].found, LOOKUP_FAILED);
	look_up(f, SLOW, 1);
	UNTIL(f, f->trips[1].looked_up);
	assert_int_equal(f->trips[1].found, LOOKUP_FOUND);
	got(f, 3, "GET /list ", "X-Token: T0-1\r\n");
}

/* What is recorded of an answer has neither the token that it refuses, nor a secret as others write it. */
static void what_is_said_back_is_masked(void **state)
{
	static const char echo[] = "HTTP/1.1 401 No\r\nContent-Length: 67\r\n\r\n{\"not\":\"TT0000-0\",\"nor\":\"a\\/b+c\\\"d\",\"or\":\"a%2fb%2bc%22d\",\"etc\":111}";
	struct fixture *f = *state;
	const struct outcome *outcome;

	f->slashed = true;
	use(f, walking);
	STEPS(f, { PEER_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 39\r\n\r\n{\"access_token\":\"TT0000-0\",\"life\":3600}" }, { PEER_ANSWER, UP }, { PEER_ANSWER, echo });
	outcome = trip(f, SLOW, 0);
	assert_outcome(outcome, OUTCOME_TEMPORARY, "token_expired");
	assert_non_null(memmem(outcome->raw, outcome->raw_len, "{\"not\":\"********\",\"nor\":\"*********\",\"or\":\"*************\"", 56));
}

static void on_asked(const struct http_answer *answer, void *arg)
{
	assert_null(answer);
	*(bool *)arg = true;
}

/* A poll that cannot be asked, for want of its own key, is no reason not to send. */
static void a_poll_without_its_key(void **state)
{
	static const char polling[] =
		"{\"adapter\":1,\"name\":\"slow\",\"channel\":\"email\",\"config\":{\"url\":{\"required\":true},\"token\":{\"required\":true,\"secret\":true}},"
		"\"send\":{\"method\":\"POST\",\"url\":\"{config.url}/send\",\"auth\":{\"kind\":\"none\"},\"body\":{\"kind\":\"json\",\"value\":{}}},"
		"\"response\":{\"id\":\"/id\"},\"poll\":[{\"name\":\"in\",\"request\":{\"method\":\"GET\",\"url\":\"{config.url}/in\","
		"\"auth\":{\"kind\":\"bearer\",\"token\":\"{config.token}\"}},\"events\":{\"message\":\"/id\",\"type\":\"/t\",\"map\":{\"x\":\"sent\"}}}]}";
	struct fixture *f = *state;
	const struct adapter *adapter;
	bool asked = false;

	use(f, polling);
	STEPS(f, { PEER_ANSWER, OK });
	adapter = f->providers[SLOW].adapter;
	f->no_secrets = true;
	http_client_ask(f->client, "slow", adapter, adapter_poll(adapter, 0), &(struct poll_position){ 0 }, on_asked, &asked);
	UNTIL(f, asked);
	assert_int_equal(http_peer_requests(f->peer), 0);
	assert_int_equal(status_of(f, SLOW).stopped_ms, 0);
	assert_outcome(trip(f, SLOW, 0), OUTCOME_ACCEPTED, "accepted");
}

static void an_address_that_is_none_asks_nothing(void **state)
{
	struct fixture *f = *state;
	struct message message = make_message(f, SLOW, 0);

	use(f, walking);
	message.to.email = "nobody";
	send_message(f, &message, 0);
	assert_outcome(trip_ends(f, 0), OUTCOME_REFUSED, "bad_address");
	assert_int_equal(f->trips[0].outcome.scope, SCOPE_RECIPIENT);
	assert_int_equal(http_peer_requests(f->peer), 0);
}

static void signed_for_aws(void **state)
{
	struct fixture *f = *state;

	use(f, signing);
	STEPS(f, { PEER_ANSWER, OK });
	assert_outcome(trip(f, SLOW, 0), OUTCOME_ACCEPTED, "accepted");
	got(f, 0, "POST /v2/send ", "Authorization: AWS4-HMAC-SHA256 Credential=AKID/");
	got(f, 0, "POST /v2/send ", "/eu-west-3/ses/aws4_request, SignedHeaders=");
	got(f, 0, "POST /v2/send ", "{\"text\":\"Please pay\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_token_and_a_step),
		TEST(one_token_for_all_that_wait),
		TEST(what_fails_before_leaves_no_doubt),
		TEST(a_token_that_is_refused),
		TEST(a_token_that_ended_early),
		TEST(a_look_up_has_a_token_and_no_steps),
		TEST(a_look_up_with_a_token_that_ended_early),
		TEST(what_is_said_back_is_masked),
		TEST(a_poll_without_its_key),
		TEST(an_address_that_is_none_asks_nothing),
		TEST(signed_for_aws),
	};

	return cmocka_run_group_tests_name("http_before", tests, NULL, NULL);
}
