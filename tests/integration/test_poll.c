/*
 * What providers do not tell by themselves, against the running daemon and a peer that lists it: killed in the middle and started again,
 * nothing is lost and nothing is told twice; what cannot be read is asked for later and later.
 */
#include "tests/integration/hooks_fixture.h"

#include <pthread.h>
#include <signal.h>

#include "tests/support/http_peer.h"

static const char polls[] =
	",\"poll\":[{\"name\":\"answers\",\"interval_s\":1,"
	"\"request\":{\"method\":\"GET\",\"url\":\"{config.poll_url}/incoming\"},\"cursor\":{\"pointer\":\"\",\"kind\":\"number\"},"
	"\"item\":{\"request\":{\"method\":\"GET\",\"url\":\"{config.poll_url}/incoming/{poll.item|path}\"}},"
	"\"events\":{\"id\":\"/id\",\"address\":\"/sender\",\"time\":\"/at\",\"type\":\"/kind\",\"map\":{\"stop\":\"stopped\"}}},"
	"{\"name\":\"letters\",\"when\":\"letters\",\"interval_s\":1,\"each\":\"/data\",\"next\":\"/next\","
	"\"request\":{\"method\":\"GET\",\"url\":\"{config.poll_url}/letters\",\"query\":[[\"since\",\"{poll.since|iso8601}\"],"
	"[\"page\",{\"$opt\":\"{poll.page}\"}]]},\"cursor\":{\"pointer\":\"/changed\",\"kind\":\"time\"},"
	"\"events\":{\"id\":[\"/id\",\"/status\"],\"attempt\":\"/ref\",\"address\":\"/to\",\"time\":\"/changed\",\"type\":\"/status\","
	"\"map\":{\"stop\":\"stopped\",\"delivered\":\"delivered\",\"sent\":\"sent\"}}},"
	"{\"name\":\"never\",\"when\":\"nothing\",\"request\":{\"method\":\"GET\",\"url\":\"{config.poll_url}/never\"},"
	"\"events\":{\"message\":\"/id\",\"type\":\"/status\",\"map\":{\"x\":\"sent\"}}}]}";

struct polled {
	struct world world;
	int port;
	struct http_peer *peer;
	pthread_mutex_t lock;
	int answers, letters; /* listed now */
	const char *broken; /* what the list of letters is answered with instead */
	const char *ref; /* a letter of ours, delivered; "" = none */
	int64_t lists, never; /* requests */
	int refused; /* of one that is never given out: by a status, and by what nobody can read, in turn */
};

static void answer_json(struct buf *out, const char *body)
{
	buf_printf(out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
}

/* Three pages of them, the newest first, as most lists have it; very many on one. */
static void list_letters(struct polled *p, const char *head, struct buf *body)
{
	const char *page = strstr(head, "page=");
	int number = page ? atoi(page + 5) : 1, size = p->letters > 1000 ? p->letters : (p->letters + 2) / 3, first = p->letters - (number - 1) * size;

	buf_add_str(body, "{\"data\":[");
	if (number == 1 && *p->ref)
		buf_printf(body, "{\"id\":\"ours\",\"ref\":\"%s\",\"status\":\"delivered\",\"changed\":\"2026-03-02T10:00:00Z\"}%s", p->ref,
			p->letters ? "," : "");
	for (int i = first; i > first - size && i > 0; i--)
		buf_printf(body, "%s{\"id\":%d,\"to\":\"l%d@nowhere.example\",\"status\":\"stop\",\"changed\":\"2026-03-02T09:%02d:00Z\"}",
			i == first ? "" : ",", i, i, i % 60);
	buf_add_str(body, "]");
	if (number < 3 && p->letters > 3 && p->letters <= 1000)
		buf_printf(body, ",\"next\":%d", number + 1);
	buf_add_str(body, "}");
}

static void on_ask(const struct buf *request, struct buf *out, void *arg)
{
	struct polled *p = arg;
	CLEANUP(buf_clear) struct buf body = { 0 };
	const char *head = request->data;
	int id;

	pthread_mutex_lock(&p->lock);
	if (sscanf(head, "GET /incoming/%d ", &id) == 1 && id == 48) {
		if (p->refused++ % 2 == 0)
			buf_add_str(out, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
		else
			buf_add_char(&body, '{');
	} else if (sscanf(head, "GET /incoming/%d ", &id) == 1) {
		buf_printf(&body, "{\"id\":%d,\"sender\":\"a%d@nowhere.example\",\"kind\":\"stop\",\"at\":\"2026-03-02 09:00:00\"}", id, id);
		for (int i = 0; i < (id == 46 ? 5000000 : id == 47 ? 300000 : 0); i++) /* more than is taken; more than a list may have */
			buf_add_char(&body, ' ');
	} else if (strncmp(head, "GET /incoming ", 14) == 0) {
		p->lists++;
		for (int i = p->answers; i > 0; i--)
			buf_printf(&body, "%c%d", i == p->answers ? '[' : ',', i);
		buf_add_str(&body, p->answers ? "]" : "[]");
	} else if (strncmp(head, "GET /letters", 12) == 0) {
		p->lists++;
		if (p->broken)
			buf_add_str(out, p->broken);
		else
			list_letters(p, head, &body);
	} else {
		p->never++;
	}
	if (!out->len)
		answer_json(out, buf_str(&body));
	pthread_mutex_unlock(&p->lock);
}

static void listed(struct polled *p, int answers, int letters, const char *ref, const char *broken)
{
	pthread_mutex_lock(&p->lock);
	p->answers = answers;
	p->letters = letters;
	p->ref = ref;
	p->broken = broken;
	pthread_mutex_unlock(&p->lock);
}

static int setup(void **state)
{
	struct polled *p = calloc(1, sizeof(*p));
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	char *file;

	pthread_mutex_init(&p->lock, NULL);
	p->ref = "";
	p->peer = http_peer_create(NULL);
	http_peer_handler(p->peer, on_ask, p);
	p->port = hooks_open(&p->world, &(struct world_options){ 0 });
	file = replaced(arena, hooked_file, "\"concurrency\":50", "\"concurrency\":50,\"per_second\":60");
	file = replaced(arena, file, "\"key_next\":{\"secret\":true}}",
		arena_printf(arena, "\"key_next\":{\"secret\":true},\"nothing\":{},\"letters\":{\"default\":\"yes\"},\"poll_url\":{\"default\":\"http://127.0.0.1:%u\"}}",
			http_peer_port(p->peer)));
	file[strlen(file) - 1] = '\0';
	put_file(&p->world, arena, "hooked.json", arena_join(arena, file, polls));
	world_measure(&p->world);
	world_start(&p->world, NULL);
	if (!world_ready(&p->world, WAIT_MS))
		return -1;
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct polled *p = *state;

	world_close(&p->world, false);
	http_peer_destroy(p->peer);
	pthread_mutex_destroy(&p->lock);
	free(p);
	return 0;
}

static int64_t counted(struct polled *p, const char *key)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json status = world_status(&p->world, arena), poll = json_get(&status, "poll"), value = json_get(&poll, key);

	return value.type == JSON_INT ? json_int(&value) : -1;
}

static int64_t lists(struct polled *p)
{
	int64_t n;

	pthread_mutex_lock(&p->lock);
	n = p->lists;
	pthread_mutex_unlock(&p->lock);
	return n;
}

static void wait_dead(struct polled *p, int64_t count)
{
	int64_t deadline = real_ms() + WAIT_MS;

	while (stream_len(&p->world, "dead") < count && real_ms() < deadline)
		pause_ms(20);
	assert_int_equal(stream_len(&p->world, "dead"), count);
}

/* A whole round more of each, and all of it applied. */
static void wait_rounds(struct polled *p)
{
	int64_t from = counted(p, "asked"), deadline = real_ms() + WAIT_MS;

	while (counted(p, "asked") < from + 3 && real_ms() < deadline)
		pause_ms(20);
	assert_true(counted(p, "asked") >= from + 3);
	assert_true(world_quiet(&p->world, WAIT_MS));
}

/* Each is a STOP of somebody unknown, which becomes a dead letter for a person to look at: they can be counted. */
static void killed_in_the_middle(void **state)
{
	struct polled *p = *state;
	size_t before;

	listed(p, 40, 30, "", NULL);
	for (int i = 0; i < 2; i++) {
		int64_t deadline = real_ms() + WAIT_MS;

		before = http_peer_requests(p->peer);
		while (http_peer_requests(p->peer) < before + 7 && real_ms() < deadline)
			pause_ms(1);
		process_kill(&p->world.daemon);
		assert_true(stream_len(&p->world, "dead") < 70);
		world_start(&p->world, NULL);
		assert_true(world_ready(&p->world, WAIT_MS));
	}
	wait_dead(p, 70);
	listed(p, 45, 33, "", NULL);
	wait_dead(p, 78);
	wait_rounds(p);
	assert_int_equal(stream_len(&p->world, "dead"), 78);
	listed(p, 45, 1010, "", NULL); /* more than one request may tell */
	wait_dead(p, 1055);
	wait_rounds(p);
	assert_int_equal(stream_len(&p->world, "dead"), 1055);
	assert_int_equal(p->never, 0); /* its setting is empty */
}

/* An answer that cannot be used moves nothing on, and is not asked for again at once. */
static void broken_lists_wait(void **state)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 399900\r\n\r\n{\"data\":[";
	static char large[400000];
	static const char *const broken[] = { "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n", large };
	struct polled *p = *state;
	int64_t dead = stream_len(&p->world, "dead"), taken;

	memset(large, ' ', sizeof(large) - 1);
	memcpy(large, head, strlen(head));
	taken = counted(p, "taken");
	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		int64_t failed = counted(p, "failed"), deadline = real_ms() + WAIT_MS;

		listed(p, 45, 36, "", broken[i]);
		while (counted(p, "failed") == failed && real_ms() < deadline)
			pause_ms(20);
		if (counted(p, "failed") == failed)
			fail_msg("answer %zu is not called a failure", i);
		world_fires_above(&p->world, "DunningdPollsFail", "dunningd_polls_total{result=\"failed\"}", (double)failed);
		world_fires_above(&p->world, "DunningdPollsFail", "dunningd_polls_total{result=\"asked\"}", 0);
		listed(p, 45, 33, "", NULL);
		wait_rounds(p); /* and it goes on as before */
		assert_int_equal(counted(p, "taken"), taken);
	}
	assert_int_equal(stream_len(&p->world, "dead"), dead);
}

/* One that is too long to be read does not bar the way of those behind it, and is not lost: a person is told where to read it. */
static void too_long_to_read(void **state)
{
	struct polled *p = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	int64_t dead = stream_len(&p->world, "dead");
	const struct redis_reply *dead_ones;
	size_t told = 0;

	listed(p, 47, 33, "", NULL);
	wait_dead(p, dead + 2);
	wait_rounds(p);
	assert_int_equal(stream_len(&p->world, "dead"), dead + 2);
	dead_ones = world_redis(&p->world, arena, (const char *const[]){ "XREVRANGE", world_key(&p->world, arena, "dead"), "+", "-", "COUNT", "2", NULL });
	for (size_t i = 0; i < dead_ones->count; i++)
		for (size_t k = 0; k < dead_ones->items[i].items[1].count; k++)
			told += strstr(dead_ones->items[i].items[1].items[k].str, "read it at the provider (sandbox, 46)") != NULL;
	assert_int_equal(told, 1);
}

/* Nor does one that never comes: after three rounds a person is told, and the next one is read. */
static void one_that_always_fails(void **state)
{
	struct polled *p = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	int64_t dead = stream_len(&p->world, "dead");
	const struct redis_reply *dead_ones;
	size_t told = 0;

	listed(p, 49, 33, "", NULL);
	wait_dead(p, dead + 2);
	wait_rounds(p);
	assert_int_equal(stream_len(&p->world, "dead"), dead + 2);
	assert_int_equal(p->refused, 3);
	dead_ones = world_redis(&p->world, arena, (const char *const[]){ "XREVRANGE", world_key(&p->world, arena, "dead"), "+", "-", "COUNT", "2", NULL });
	for (size_t i = 0; i < dead_ones->count; i++)
		for (size_t k = 0; k < dead_ones->items[i].items[1].count; k++)
			told += strstr(dead_ones->items[i].items[1].items[k].str, "read it at the provider (sandbox, 48)") != NULL;
	assert_int_equal(told, 1);
}

/* A letter of ours that arrived: in the debtor's file, once. */
static void it_is_evidence(void **state)
{
	struct polled *p = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json said, messages, one, value;
	const char *attempt = NULL, *argv[] = { "GET", NULL, NULL };
	int64_t taken = counted(p, "taken"), deadline = real_ms() + WAIT_MS;

	world_push_range(&p->world, WORLD_FINALIZED, 0, 1, 1);
	for (; !attempt && real_ms() < deadline; pause_ms(20)) {
		said = world_ask_sandbox(&p->world, arena, "/messages");
		messages = json_get(&said, "messages");
		one = json_at(&messages, 0);
		value = json_get(&one, "attempt");
		attempt = json_str(&value);
	}
	assert_non_null(attempt);
	assert_true(world_quiet(&p->world, WAIT_MS));
	argv[1] = world_key(&p->world, arena, arena_printf(arena, "attempt:%s", attempt));
	assert_int_equal(world_redis(&p->world, arena, argv)->type, REDIS_STRING);
	listed(p, 45, 33, attempt, NULL);
	for (deadline = real_ms() + WAIT_MS; counted(p, "taken") == taken && real_ms() < deadline;)
		pause_ms(20);
	assert_int_equal(counted(p, "taken"), taken + 1);
	wait_rounds(p);
	assert_int_equal(counted(p, "taken"), taken + 1);
	assert_true(lists(p) > 0);
	assert_int_equal(process_stop(&p->world.daemon, WAIT_MS), 0);
	assert_true(world_trail_verifies(&p->world));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_in_the_middle),
		cmocka_unit_test(broken_lists_wait),
		cmocka_unit_test(too_long_to_read),
		cmocka_unit_test(one_that_always_fails),
		cmocka_unit_test(it_is_evidence),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
