/*
 * A call that speaks, and what comes back of it, against the running daemon: the peer plays Twilio's part, takes the call with its TwiML, and
 * calls back, signed, that somebody took it and which key was pressed.
 */
#include "tests/integration/hooks_fixture.h"

#include "tests/support/http_peer.h"

static const char event[] =
	"{\"specversion\":\"1.0\",\"id\":\"f-ID\",\"source\":\"https://billing.example/eu\",\"type\":\"invoice.finalized\","
	"\"time\":\"2026-03-02T09:00:00Z\",\"data\":{\"invoice\":{\"id\":\"ID\",\"number\":\"F-ID\",\"version\":1,\"issued_on\":\"2026-03-02\","
	"\"due_on\":\"2026-04-01\",\"currency\":\"EUR\",\"total_minor\":120000,\"due_minor\":120000},"
	"\"customer\":{\"id\":\"CUS\",\"name\":\"Dupont SARL\",\"country\":\"FR\",\"locale\":\"fr-FR\",\"timezone\":\"Europe/Paris\","
	"\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"phone\":\"+33612345678\"}]}}}";
static const char policy[] =
	"{\"name\":\"now\",\"title\":\"at once\",\"window\":{\"zone\":\"debtor\",\"days\":\"mon-sun\",\"hours\":\"00:00-24:00\"},"
	"\"caps\":[],\"min_gap\":\"0h\",\"group\":\"none\","
	"\"steps\":[{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"voice\",\"template\":\"plain\",\"tone\":\"friendly\"}]}";
static const char taken[] = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{\"sid\":\"CA1\"}";

struct voiced {
	struct world world;
	int port;
	struct http_peer *peer;
};

static int setup(void **state)
{
	static const struct peer_step yes = { PEER_ANSWER, taken };
	struct voiced *v = calloc(1, sizeof(*v));
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf config = { 0 }, file = { 0 };
	char *text;

	v->peer = http_peer_create(NULL);
	http_peer_script(v->peer, &yes, 1);
	v->port = hooks_open(&v->world, &(struct world_options){ 0 });
	put_file(&v->world, arena, "policies/now.json", policy);
	put_file(&v->world, arena, "templates/fr/plain.voice", "La facture {{invoice.number}} & sa relance");
	assert_int_equal(file_read(SOURCE_DIR "/daemon/share/providers/twilio-voice.json", 1 << 20, &file, NULL), 0);
	put_file(&v->world, arena, "hooked.json", buf_str(&file)); /* the shipped one, under the name that the fixture has */
	assert_int_equal(file_read(v->world.config, 100000, &config, NULL), 0);
	text = replaced(arena, buf_str(&config), "\"secrets\":{\"key\":\"hook-key\",\"key_next\":\"hook-key-next\"}", "\"secrets\":{\"auth_token\":\"hook-key\"}");
	text = replaced(arena, text, arena_printf(arena, "\"base_url\":\"http://127.0.0.1:%d\"", v->world.port),
		arena_printf(arena, "\"account_sid\":\"AC1\",\"from\":\"+33700000000\","
			"\"answer_url\":\"https://dunning.example/hooks/sandbox/answer\",\"base_url\":\"http://127.0.0.1:%u\"", http_peer_port(v->peer)));
	text = replaced(arena, text, "\"channels\":{\"email\":\"sandbox\",\"sms\":\"sandbox\"}", "\"channels\":{\"voice\":\"sandbox\"}");
	put_file(&v->world, arena, v->world.config + strlen(v->world.dir) + 1, text);
	world_start(&v->world, NULL);
	if (!world_ready(&v->world, WAIT_MS))
		return -1;
	*state = v;
	return 0;
}

static int teardown(void **state)
{
	struct voiced *v = *state;

	world_close(&v->world, false);
	http_peer_destroy(v->peer);
	free(v);
	return 0;
}

/* The id of the attempt in the n-th call's own address for what becomes of it. */
static const char *attempt_of(struct voiced *v, struct arena *arena, size_t n)
{
	CLEANUP(buf_clear) struct buf request = { 0 };
	const char *at, *say;

	for (int64_t deadline = real_ms() + WAIT_MS; http_peer_requests(v->peer) <= n && real_ms() < deadline;)
		pause_ms(20);
	assert_true(http_peer_request(v->peer, n, &request));
	assert_non_null(strstr(buf_str(&request), "POST /2010-04-01/Accounts/AC1/Calls.json"));
	assert_non_null(strstr(buf_str(&request), "%3CGather%20numDigits%3D%221%22"));
	say = strstr(buf_str(&request), "La%20facture%20F-call_");
	assert_non_null(say);
	assert_non_null(strstr(say, "%26amp%3B%20sa%20relance")); /* text, not markup */
	assert_non_null(strstr(say, "tapez%201")); /* which keys there are, in the debtor's language */
	assert_non_null(strstr(buf_str(&request), "%3CSay%20language%3D%22fr-FR%22%20voice%3D%22Polly.Lea%22"));
	at = strstr(buf_str(&request), "StatusCallback=https%3A%2F%2Fdunning.example%2Fhooks%2Fsandbox%2Fstatus%3F"); /* nobody typed it */
	assert_non_null(at);
	at = strstr(at, "d%3D");
	assert_non_null(at);
	return arena_memdup(arena, at + 4, 26);
}

/* As Twilio does it: HMAC-SHA1 over the address, then names and values, which the caller gives in their order. */
static int call_back(struct voiced *v, const char *path, const char *body, const char *key, char *said, size_t size)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf base64 = { 0 };
	const char *fields = replaced(arena, replaced(arena, replaced(arena, body, "&", ""), "=", ""), "%2B", "+");
	const char *text = arena_printf(arena, "https://dunning.example%s%s", path, fields), *request;
	uint8_t mac[HASH_SIZE_MAX];
	size_t got = 0;
	int fd, status = 0;

	(void)hmac_any(HASH_SHA1, key, strlen(key), text, strlen(text), mac);
	base64_add(&base64, mac, 20);
	request = arena_printf(arena, "POST %s HTTP/1.1\r\nHost: dunning.example\r\nContent-Type: application/x-www-form-urlencoded\r\n"
		"X-Twilio-Signature: %s\r\nContent-Length: %zu\r\n\r\n%s", path, buf_str(&base64), strlen(body), body);
	fd = connect_to(v->port);
	assert_true(fd >= 0);
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
	for (ssize_t n; got < size - 1 && (n = recv(fd, said + got, size - 1 - got, 0)) > 0;)
		got += (size_t)n;
	close(fd);
	said[got] = '\0';
	(void)sscanf(said, "HTTP/1.%*d %d", &status);
	return status;
}

static void wait_says(struct voiced *v, const char *key, const char *text)
{
	CLEANUP(buf_clear) struct buf seen = { 0 };

	for (int64_t deadline = real_ms() + WAIT_MS; real_ms() < deadline; pause_ms(20)) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const struct redis_reply *reply = world_redis(&v->world, arena, (const char *const[]){ "GET", world_key(&v->world, arena, key), NULL });

		buf_reset(&seen);
		if (reply->type == REDIS_STRING)
			buf_add(&seen, reply->str, reply->len);
		if (strstr(buf_str(&seen), text))
			return;
	}
	fail_msg("%s does not come to say %s: %s", key, text, buf_str(&seen));
}

static void push(struct voiced *v, const char *id, const char *customer)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	char *text = replaced(arena, replaced(arena, event, "ID", id), "CUS", customer);

	world_push(&v->world, text, strlen(text));
}

static bool trail_keeps(struct voiced *v, const char *customer, const char *text)
{
	CLEANUP(buf_clear) struct buf output = { 0 };

	if (world_ctl(&v->world, (const char *const[]){ "trail", "log", "--customer", customer, "--parts", NULL }, &output) != 0)
		fail_msg("%s", buf_str(&output));
	return strstr(buf_str(&output), text) != NULL;
}

/* Somebody took the call, and pressed 1: the call arrived, and the invoice waits for the money; paid it is not. */
static void a_key_is_an_answer(void **state)
{
	struct voiced *v = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *attempt, *path, *answer, *escalation = "escalation:call_1";
	char said[2000];

	push(v, "call_1", "called");
	attempt = attempt_of(v, arena, 0);
	path = arena_printf(arena, "/hooks/sandbox/status?d=%s", attempt);
	answer = arena_printf(arena, "/hooks/sandbox/answer?d=%s", attempt);
	assert_int_equal(call_back(v, path, "CallSid=CA1&CallStatus=initiated&To=%2B33612345678", KEY, said, sizeof(said)), 200);
	assert_int_equal(call_back(v, answer, "CallSid=CA1&Digits=1&To=%2B33612345678", "another", said, sizeof(said)), 401);
	assert_int_equal(call_back(v, answer, "CallSid=CA1&Digits=1&To=%2B33612345678", KEY, said, sizeof(said)), 200);
	assert_non_null(strstr(said, "Content-Type: text/xml"));
	assert_non_null(strstr(said, "\r\n\r\n<Response><Hangup/></Response>")); /* what Twilio does next */
	assert_int_equal(call_back(v, answer, "CallSid=CA1&Digits=1&To=%2B33612345678", KEY, said, sizeof(said)), 200); /* told again */
	assert_int_equal(call_back(v, path, "CallSid=CA1&CallStatus=completed&To=%2B33612345678", KEY, said, sizeof(said)), 200);
	wait_says(v, escalation, "\"held\":\"says_paid\"");
	wait_says(v, "debtor:called", ",4,"); /* DELIVERY_DELIVERED */
	wait_says(v, escalation, "\"facts\":[{\"kind\":\"announced\"");
	wait_says(v, escalation, "\"state\":\"waiting\""); /* open: nothing was paid by pressing a key */
	assert_true(world_quiet(&v->world, WAIT_MS));
	assert_true(trail_keeps(v, "called", "1: I have paid"));
	assert_true(trail_keeps(v, "called", "guess paid"));
}

/* 2: a person calls back; until then nobody is written to. */
static void two_asks_for_a_person(void **state)
{
	struct voiced *v = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf tasks = { 0 };
	const char *attempt;
	char said[2000];

	push(v, "call_3", "two");
	attempt = attempt_of(v, arena, 1);
	assert_int_equal(call_back(v, arena_printf(arena, "/hooks/sandbox/answer?d=%s", attempt), "CallSid=CA1&Digits=2&To=%2B33612345678", KEY, said,
				 sizeof(said)), 200);
	wait_says(v, "escalation:call_3", "\"held\":\"reply\"");
	assert_true(world_quiet(&v->world, WAIT_MS));
	assert_int_equal(world_ctl(&v->world, (const char *const[]){ "tasks", NULL }, &tasks), 0);
	assert_non_null(strstr(buf_str(&tasks), "answer_reply:call_3"));
	assert_true(trail_keeps(v, "two", "2: please call me"));
}

/* 9: this channel is closed to all of the debtor's invoices. */
static void nine_wants_no_more(void **state)
{
	struct voiced *v = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *attempt;
	char said[2000];

	push(v, "call_2", "nine");
	attempt = attempt_of(v, arena, 2);
	assert_int_equal(call_back(v, arena_printf(arena, "/hooks/sandbox/answer?d=%s", attempt), "CallSid=CA1&Digits=9&To=%2B33612345678", KEY, said,
				 sizeof(said)), 200);
	wait_says(v, "debtor:nine", "\"opt_out_voice\":{\"on\":true");
	assert_true(world_quiet(&v->world, WAIT_MS));
	assert_int_equal(http_peer_requests(v->peer), 3);
	assert_int_equal(process_stop(&v->world.daemon, WAIT_MS), 0);
	assert_true(world_trail_verifies(&v->world));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_an_answer),
		cmocka_unit_test(two_asks_for_a_person),
		cmocka_unit_test(nine_wants_no_more),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
