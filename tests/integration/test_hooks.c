/*
 * Webhooks against the running daemon: what is good is in Redis before it is answered, once however often it is told; what is forged,
 * replayed, smuggled or too large changes nothing; and who is slow, or many, keeps nobody out.
 */
#include "tests/integration/hooks_fixture.h"

#include <signal.h>
#include <sys/resource.h>

#define ATTEMPT "01JX9000000000000000000042"
#define BODY "{\"type\":\"delivered\",\"attempt\":\"" ATTEMPT "\",\"event\":\"e-0\"}"

struct hooked {
	struct world world;
	int port;
};

static int setup(void **state)
{
	struct hooked *h = calloc(1, sizeof(*h));

	h->port = hooks_open(&h->world, &(struct world_options){ 0 });
	world_measure(&h->world);
	world_start(&h->world, NULL);
	if (!world_ready(&h->world, WAIT_MS))
		return -1;
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	struct hooked *h = *state;

	world_close(&h->world, false);
	free(h);
	return 0;
}

static int64_t counted(struct hooked *h, const char *key)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json status = world_status(&h->world, arena), hooks = json_get(&status, "hooks"), value = json_get(&hooks, key);

	assert_int_equal(value.type, JSON_INT);
	return json_int(&value);
}

/* What was ever put in: the daemon trims what it has applied. */
static int64_t taken(struct hooked *h)
{
	return counted(h, "taken");
}

static void told_once(void **state)
{
	struct hooked *h = *state;
	int64_t before = taken(h);

	assert_int_equal(tell(h->port, "{\"type\":\"delivered\",\"attempt\":\"" ATTEMPT "\",\"event\":\"once\"}"), 200);
	assert_int_equal(taken(h), before + 1);
	/* signed anew, as a provider does that had no answer */
	assert_int_equal(tell(h->port, "{\"type\":\"delivered\",\"attempt\":\"" ATTEMPT "\",\"event\":\"once\"}"), 200);
	assert_int_equal(taken(h), before + 1);
	assert_int_equal(tell(h->port, "{\"type\":\"nothing\",\"event\":\"n\"}"), 200);
	assert_int_equal(tell(h->port, "[]"), 200);
	assert_int_equal(taken(h), before + 1);
	assert_int_equal(tell(h->port,
		"[{\"type\":\"delivered\",\"event\":\"once\",\"attempt\":\"" ATTEMPT "\"},{\"type\":\"opened\",\"event\":\"more\"}]"), 200);
	assert_int_equal(taken(h), before + 2);
}

/* The good request with `what` replaced by `with`; without `what`: `with` is the whole of it. */
static const struct bad_request {
	const char *name, *what, *with;
	struct signed_request asked; /* body NULL: BODY */
} bad_requests[] = {
	/* forged */
	{ "another signature", "svix-signature: v1,", "svix-signature: v1,AAAA", { 0 } },
	{ "no signature", "svix-signature", "x-signature", { 0 } },
	{ "an empty one", "svix-signature: v1,", "svix-signature: \r\nx: ", { 0 } },
	{ "an empty one of the right kind", "svix-signature: v1,", "svix-signature: v1,\r\nx: ", { 0 } },
	{ "of another kind", "svix-signature: v1,", "svix-signature: v1a,", { 0 } },
	{ "of a kind to come", "svix-signature: v1,", "svix-signature: v2,", { 0 } },
	{ "without kind", "svix-signature: v1,", "svix-signature: ", { 0 } },
	{ "twice", "svix-signature: v1,", "svix-signature: v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\nsvix-signature: v1,", { 0 } },
	{ "as hex", "svix-signature: v1,", "svix-signature: v1,6161616161616161616161616161616161616161616161616161616161616161\r\nx: ", { 0 } },
	{ "too short", "svix-signature: v1,", "svix-signature: v1,AAAA\r\nx: ", { 0 } },
	{ "of zeros", "svix-signature: v1,", "svix-signature: v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\nx: ", { 0 } },
	{ "by another key", NULL, NULL, { .key = "a key of somebody else" } },
	{ "by an empty key", NULL, NULL, { .key = "" } },
	{ "by the name of the key", NULL, NULL, { .key = "hook-key" } },
	{ "another id", "svix-id: ", "svix-id: x", { 0 } },
	{ "no id", "svix-id: ", "x-id: ", { 0 } },
	{ "two ids", "svix-id: ", "svix-id: x\r\nsvix-id: ", { 0 } },
	{ "another time", "svix-timestamp: 1", "svix-timestamp: 2", { 0 } },
	{ "no time", "svix-timestamp: ", "x-timestamp: ", { 0 } },
	{ "two times", "svix-timestamp: ", "svix-timestamp: 1767225600\r\nsvix-timestamp: ", { 0 } },
	{ "another body", "\"delivered\"", "\"complaint\"", { 0 } },
	{ "a letter of the body", "\"event\":\"e-0\"", "\"event\":\"e-1\"", { 0 } },
	{ "a name of the body", "\"attempt\"", "\"attemps\"", { 0 } },
	{ "a space more", "Content-Length: 73", "Content-Length: 74", { 0 } },
	{ "a body cut off", "Content-Length: 73", "Content-Length: 72", { 0 } },
	{ "no body", "Content-Length: 73", "Content-Length: 0", { 0 } },
	{ "for the webhook with a token", NULL, NULL, { .path = "/hooks/sandbox/token" } },
	{ "for the webhook with a secret", NULL, NULL, { .path = "/hooks/sandbox/shared" } },
	{ "a wrong secret", NULL, NULL, { .path = "/hooks/sandbox/shared", .more = "X-Secret: guess\r\n" } },
	{ "an empty secret", NULL, NULL, { .path = "/hooks/sandbox/shared", .more = "X-Secret: \r\n" } },
	{ "two secrets", NULL, NULL, { .path = "/hooks/sandbox/shared", .more = "X-Secret: " KEY "\r\nX-Secret: guess\r\n" } },
	{ "no secret in the path", NULL, NULL, { .path = "/hooks/sandbox/hidden" } },
	{ "a wrong secret in the path", NULL, NULL, { .path = "/hooks/sandbox/hidden/other" } },
	{ "a secret and more in the path", NULL, NULL, { .path = "/hooks/sandbox/hidden/another/x" } },
	{ "a token without signature", NULL, NULL, { .path = "/hooks/sandbox/token", .body = "{\"signature\":{\"token\":\"t\",\"timestamp\":\"1\"}}" } },
	{ "a token with a number for its signature", NULL, NULL,
		{ .path = "/hooks/sandbox/token", .body = "{\"signature\":{\"token\":\"t\",\"timestamp\":\"1\",\"signature\":7}}" } },
	/* replayed */
	{ "too old", NULL, NULL, { .time = "1767225600" } },
	{ "from the future", NULL, NULL, { .time = "4102444800" } },
	{ "in milliseconds", NULL, NULL, { .time = "1767225600000" } },
	{ "before the epoch", NULL, NULL, { .time = "-1" } },
	{ "a fraction", NULL, NULL, { .time = "1767225600.5" } },
	{ "a word", NULL, NULL, { .time = "now" } },
	{ "nothing", NULL, NULL, { .time = "" } },
	{ "a number that is too long", NULL, NULL, { .time = "1767225600000000000000" } },
	/* not for us */
	{ "GET", "POST ", "GET ", { 0 } },
	{ "HEAD", "POST ", "HEAD ", { 0 } },
	{ "POST where a GET is asked for", NULL, NULL, { .path = "/hooks/sandbox/asked/another?ptt=1" } },
	{ "GET with a body", "POST ", "GET ", { .path = "/hooks/sandbox/asked/another?ptt=1" } },
	{ "GET with a wrong secret", NULL, "GET /hooks/sandbox/asked/guess?ptt=1 HTTP/1.1\r\nHost: x\r\n\r\n", { 0 } },
	{ "GET with the secret in the query", NULL, "GET /hooks/sandbox/asked?another=1&ptt=1 HTTP/1.1\r\nHost: x\r\n\r\n", { 0 } },
	{ "GET with a broken escape", NULL, "GET /hooks/sandbox/asked/another?ptt=%0 HTTP/1.1\r\nHost: x\r\n\r\n", { 0 } },
	{ "GET with a NUL", NULL, "GET /hooks/sandbox/asked/another?ptt=%00 HTTP/1.1\r\nHost: x\r\n\r\n", { 0 } },
	{ "HEAD where a GET is asked for", NULL, "HEAD /hooks/sandbox/asked/another?ptt=1 HTTP/1.1\r\nHost: x\r\n\r\n", { 0 } },
	{ "PUT", "POST ", "PUT ", { 0 } },
	{ "DELETE", "POST ", "DELETE ", { 0 } },
	{ "OPTIONS", "POST ", "OPTIONS ", { 0 } },
	{ "PATCH", "POST ", "PATCH ", { 0 } },
	{ "TRACE", "POST ", "TRACE ", { 0 } },
	{ "no such method", "POST ", "GRAB ", { 0 } },
	{ "no provider", NULL, NULL, { .path = "/hooks/" } },
	{ "no path", NULL, NULL, { .path = "/" } },
	{ "the control socket's", NULL, NULL, { .path = "/suspend" } },
	{ "an unknown provider", NULL, NULL, { .path = "/hooks/sandbax" } },
	{ "one without webhooks", NULL, NULL, { .path = "/hooks/outbox" } },
	{ "an unknown path", NULL, NULL, { .path = "/hooks/sandbox/other" } },
	{ "a path too much", NULL, NULL, { .path = "/hooks/sandbox/token/x" } },
	{ "a slash too much", NULL, NULL, { .path = "/hooks/sandbox/" } },
	{ "two slashes", NULL, NULL, { .path = "/hooks//sandbox" } },
	{ "a slash before", NULL, NULL, { .path = "//hooks/sandbox" } },
	{ "dots", NULL, NULL, { .path = "/hooks/../hooks/sandbox" } },
	{ "an escape", NULL, NULL, { .path = "/hooks/%73andbox" } },
	{ "an escaped NUL", NULL, NULL, { .path = "/hooks/sandbox%00" } },
	{ "another case", NULL, NULL, { .path = "/hooks/Sandbox" } },
	{ "a whole address", NULL, NULL, { .path = "http://dunning.example/hooks/sandbox" } },
	{ "no slash", NULL, NULL, { .path = "hooks/sandbox" } },
	{ "a byte above ASCII", NULL, NULL, { .path = "/hooks/sandbox?\xc3\xa9" } },
	{ "a fragment", NULL, NULL, { .path = "/hooks/sandbox#x" } },
	/* smuggled */
	{ "chunks", NULL, NULL, { .more = "Transfer-Encoding: chunked\r\n" } },
	{ "chunks behind a space", NULL, NULL, { .more = "Transfer-Encoding : chunked\r\n" } },
	{ "chunks behind a tab", NULL, NULL, { .more = "Transfer-Encoding:\tchunked\r\n" } },
	{ "identity", NULL, NULL, { .more = "Transfer-Encoding: identity\r\n" } },
	{ "chunks of another case", NULL, NULL, { .more = "tRANSFER-eNCODING: xchunked\r\n" } },
	{ "chunks behind a bare line end", NULL, NULL, { .more = "X: y\nTransfer-Encoding: chunked\r\n" } },
	{ "two lengths", NULL, NULL, { .more = "Content-Length: 73\r\n" } },
	{ "two different lengths", NULL, NULL, { .more = "Content-Length: 5\r\n" } },
	{ "a length with a sign", "Content-Length: ", "Content-Length: +", { 0 } },
	{ "a length below zero", "Content-Length: ", "Content-Length: -", { 0 } },
	{ "a hexadecimal length", "Content-Length: 73", "Content-Length: 0x49", { 0 } },
	{ "a length of two numbers", "Content-Length: 73", "Content-Length: 73, 73", { 0 } },
	{ "a length in two lines", "Content-Length: 73", "Content-Length: 7\r\n 3", { 0 } },
	{ "an empty length", "Content-Length: 73", "Content-Length: ", { 0 } },
	{ "a length beyond all numbers", "Content-Length: 73", "Content-Length: 99999999999999999999999", { 0 } },
	{ "two hosts", "Host: dunning.example", "Host: dunning.example\r\nHost: other.example", { 0 } },
	{ "a name with a space", NULL, NULL, { .more = "X Y: z\r\n" } },
	{ "a name with a space behind", NULL, NULL, { .more = "svix-x : z\r\n" } },
	{ "no name", NULL, NULL, { .more = ": z\r\n" } },
	{ "no colon", NULL, NULL, { .more = "nothing\r\n" } },
	{ "HTTP/9", "HTTP/1.1", "HTTP/9.9", { 0 } },
	{ "no HTTP", NULL, "nothing of the kind\r\n\r\n", { 0 } },
	{ "two requests in one", NULL, NULL, { .body = "x\r\n\r\nPOST /hooks/sandbox HTTP/1.1\r\n\r\n" } },
	/* what is signed, and makes no sense */
	{ "no JSON", NULL, NULL, { .body = "hello" } },
	{ "nothing at all", NULL, NULL, { .body = "" } },
	{ "cut off", NULL, NULL, { .body = "{\"type\":\"delivered\"" } },
	{ "two values", NULL, NULL, { .body = "{} {}" } },
	{ "a number", NULL, NULL, { .body = "1" } },
	{ "the same name twice", NULL, NULL, { .body = "{\"type\":\"hard\",\"type\":\"delivered\"}" } },
	{ "bad UTF-8", NULL, NULL, { .body = "{\"type\":\"\xff\"}" } },
	{ "half a character", NULL, NULL, { .body = "{\"type\":\"\\ud800\"}" } },
	{ "too deep", NULL, NULL, { .body = "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}" } },
};

static const char *large_body(struct arena *arena, size_t len)
{
	char *body = arena_alloc(arena, len + 1);

	memset(body, ' ', len);
	body[len] = '\0';
	memcpy(body, BODY, strlen(BODY));
	return body;
}

/* Too large: in one header, in all, in their number, in the body, in the number of events. */
static size_t large_requests(struct arena *arena, const char *texts[8])
{
	CLEANUP(buf_clear) struct buf many = { 0 }, events = { 0 };
	size_t n = 0;

	texts[n++] = signed_text(arena, &(struct signed_request){ .body = large_body(arena, 65537) });
	texts[n++] = signed_text(arena, &(struct signed_request){ .body = large_body(arena, 1 << 20) });
	texts[n++] = signed_text(arena, &(struct signed_request){ .body = BODY,
		.more = arena_printf(arena, "X: %s\r\n", large_body(arena, 20000)) });
	for (int i = 0; i < 200; i++)
		buf_printf(&many, "X-%d: y\r\n", i);
	texts[n++] = signed_text(arena, &(struct signed_request){ .body = BODY, .more = buf_str(&many) });
	for (int i = 0; i < 20001; i++)
		buf_add_str(&events, i ? ",{}" : "[{}");
	buf_add_char(&events, ']');
	texts[n++] = signed_text(arena, &(struct signed_request){ .body = buf_str(&events) });
	texts[n++] = signed_text(arena, &(struct signed_request){ .body = BODY, .path = arena_printf(arena, "/hooks/sandbox?%s",
		replaced(arena, large_body(arena, 20000), " ", "x")) });
	return n;
}

static void nothing_bad_is_taken(void **state)
{
	struct hooked *h = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *keys[] = { "DBSIZE", NULL }, *texts[8];
	int64_t before = taken(h), known = counted(h, "known"), size;
	size_t large = large_requests(arena, texts);

	assert_true(world_quiet(&h->world, WAIT_MS));
	size = world_redis_int(&h->world, keys);
	for (size_t i = 0; i < ARRAY_LEN(bad_requests); i++) {
		const struct bad_request *row = &bad_requests[i];
		struct signed_request asked = row->asked;
		const char *good, *text;
		int status;

		if (!asked.body)
			asked.body = BODY;
		good = signed_text(arena, &asked);
		text = row->what ? replaced(arena, good, row->what, row->with) : row->with ? row->with : good;
		if (row->what && strcmp(text, good) == 0)
			fail_msg("%s: changes nothing", row->name);
		/* what is longer than it says is not waited for */
		status = send_raw(h->port, text, strlen(text), 12000);
		if (status && (status < 400 || status >= 500) && status != 501)
			fail_msg("%s: answered with %d", row->name, status);
		if (taken(h) != before || counted(h, "known") != known)
			fail_msg("%s: was taken", row->name);
	}
	for (size_t i = 0; i < large; i++) {
		int status = send_raw(h->port, texts[i], strlen(texts[i]), 12000);

		if (status && (status < 400 || status >= 500))
			fail_msg("large request %zu: answered with %d", i, status);
	}
	assert_int_equal(taken(h), before);
	assert_int_equal(counted(h, "known"), known);
	assert_int_equal(world_redis_int(&h->world, keys), size);
	assert_int_equal(stream_len(&h->world, "dead"), 0);
	assert_true(ARRAY_LEN(bad_requests) + large >= 60);
	assert_int_equal(tell(h->port, "{\"type\":\"opened\",\"event\":\"after all\"}"), 200); /* and it serves on */
	assert_int_equal(taken(h), before + 1);
}

/* As many as a body holds are taken, in portions; told again, after a part of them was, each is there once. */
static void many_in_one_request(void **state)
{
	struct hooked *h = *state;
	CLEANUP(buf_clear) struct buf events = { 0 };
	int64_t before = taken(h), known = counted(h, "known");

	for (int all = 0; all < 3; all++) {
		buf_reset(&events);
		for (int i = 0; i < (all ? 1600 : 700); i++)
			buf_printf(&events, "%c{\"type\":\"opened\",\"event\":\"m%d\"}", i ? ',' : '[', i);
		buf_add_char(&events, ']');
		assert_int_equal(tell(h->port, buf_str(&events)), 200);
		assert_int_equal(taken(h), before + (all ? 1600 : 700));
	}
	assert_int_equal(counted(h, "known"), known + 700 + 1600);
	assert_true(world_quiet(&h->world, WAIT_MS));
}

/* One that is no event is a dead letter that says why, once, and the others are told. */
static void an_odd_one_refuses_nobody(void **state)
{
	struct hooked *h = *state;
	CLEANUP(buf_clear) struct buf dead = { 0 };
	int64_t before = taken(h);

	for (int again = 0; again < 2; again++) {
		assert_int_equal(tell(h->port, "[{\"type\":\"opened\",\"event\":\"o1\"},1,{\"type\":\"opened\",\"event\":\"o2\",\"text\":\"a\\u0000b\"},"
			"{\"type\":\"opened\",\"type\":2},"
			"\"{\\\"specversion\\\":\\\"1.0\\\",\\\"id\\\":\\\"x\\\",\\\"source\\\":\\\"y\\\",\\\"type\\\":\\\"contact.reply_received\\\"}\"]"), 200);
		assert_int_equal(taken(h), before + 5);
	}
	assert_true(world_quiet(&h->world, WAIT_MS));
	assert_int_equal(stream_len(&h->world, "dead"), 3);
	assert_int_equal(world_ctl(&h->world, (const char *const[]){ "dead", "list", "--json", NULL }, &dead), 0);
	assert_non_null(strstr(buf_str(&dead), "wrong_type"));
}

/* A good token with another body is a forgery: it does not sign what it comes with. */
static void a_token_is_good_for_one_body(void **state)
{
	struct hooked *h = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	int64_t before = taken(h);
	const char *time_text = arena_printf(arena, "%lld", (long long)time(NULL)), *both = arena_printf(arena, "%stok", time_text), *text[2];
	uint8_t mac[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	hmac_sha256(KEY, strlen(KEY), both, strlen(both), mac);
	hex_format(mac, sizeof(mac), hex);
	for (int i = 0; i < 2; i++)
		text[i] = signed_text(arena, &(struct signed_request){ .path = "/hooks/sandbox/token",
			.body = arena_printf(arena,
				"{\"signature\":{\"timestamp\":\"%s\",\"token\":\"tok\",\"signature\":\"%s\"},\"type\":\"delivered\",\"n\":%d}", time_text,
				hex, i) });
	assert_int_equal(send_raw(h->port, text[0], strlen(text[0]), WAIT_MS), 200);
	assert_int_equal(send_raw(h->port, text[1], strlen(text[1]), WAIT_MS), 401);
	assert_int_equal(send_raw(h->port, text[0], strlen(text[0]), WAIT_MS), 200);
	assert_int_equal(taken(h), before + 1);
}

/* The other ways to prove who one is. */
static void secrets_are_taken(void **state)
{
	struct hooked *h = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *shared = signed_text(arena, &(struct signed_request){ .path = "/hooks/sandbox/shared", .more = "X-Secret: " KEY "\r\n",
		.key = "none", .body = "{\"type\":\"delivered\",\"n\":1}" });
	const char *hidden = signed_text(arena, &(struct signed_request){ .path = "/hooks/sandbox/hidden/another", .key = "none",
		.body = "{\"type\":\"delivered\",\"n\":2}" });
	const char *next = signed_text(arena, &(struct signed_request){ .key = "another", .body = "{\"type\":\"delivered\",\"n\":3}" });
	const char *two = replaced(arena, signed_text(arena, &(struct signed_request){ .body = "{\"type\":\"delivered\",\"n\":4}" }),
		"svix-signature: ", "svix-signature: v1,AAAA v1a,x ");
	int64_t before = taken(h);

	assert_int_equal(send_raw(h->port, shared, strlen(shared), WAIT_MS), 200);
	assert_int_equal(send_raw(h->port, hidden, strlen(hidden), WAIT_MS), 200);
	assert_int_equal(send_raw(h->port, next, strlen(next), WAIT_MS), 200);
	assert_int_equal(send_raw(h->port, two, strlen(two), WAIT_MS), 200);
	assert_int_equal(taken(h), before + 4);
}

/* A GET tells by its query, once however often, and a request of other data is another event. */
static void a_get_is_taken(void **state)
{
	struct hooked *h = *state;
	static const char *const requests[] = { "GET /hooks/sandbox/asked/another?id=1&ptt=1&d=" ATTEMPT " HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /hooks/sandbox/asked/another?id=1&ptt=1&d=" ATTEMPT " HTTP/1.0\r\nContent-Length: 0\r\n\r\n",
		"GET /hooks/sandbox/asked/another?id=2&ptt=1&d=" ATTEMPT " HTTP/1.1\r\nHost: x\r\n\r\n" };
	int64_t before = taken(h);

	for (size_t i = 0; i < ARRAY_LEN(requests); i++)
		assert_int_equal(send_raw(h->port, requests[i], strlen(requests[i]), WAIT_MS), 200);
	assert_int_equal(taken(h), before + 2);
}

/* No answer but 503 while it cannot be kept; then it comes again. */
static void nothing_is_taken_while_redis_is_away(void **state)
{
	struct hooked *h = *state;
	const char *body = "{\"type\":\"opened\",\"event\":\"while away\"}";
	int64_t before = taken(h) + counted(h, "known"), deadline;
	int status = 0;

	assert_int_equal(kill(h->world.redis.pid, SIGSTOP), 0); /* connected, and silent */
	assert_int_equal(tell(h->port, body), 503);
	assert_int_equal(kill(h->world.redis.pid, SIGCONT), 0);
	process_kill(&h->world.redis);
	assert_int_equal(tell(h->port, body), 503);
	assert_true(counted(h, "unsaved") > 0);
	world_fires_above(&h->world, "DunningdHooksUnsaved", "dunningd_hooks_total{result=\"unsaved\"}", 0);
	world_restart_redis(&h->world);
	for (deadline = real_ms() + WAIT_MS; status != 200 && real_ms() < deadline; pause_ms(20))
		status = tell(h->port, body);
	assert_int_equal(status, 200);
	assert_int_equal(taken(h) + counted(h, "known"), before + 1); /* known: what it did not answer it may have done before it was killed */
}

#define SLOW 500
#define SLOW_MS 3000
#define FLOOD 100

/* Of the daemon, ms: what it has used of a processor. */
static int64_t processor_ms(const struct hooked *h)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf text = { 0 };
	unsigned long user = 0, system = 0;
	const char *behind;

	assert_int_equal(file_read(arena_printf(arena, "/proc/%d/stat", (int)h->world.daemon.pid), 4096, &text, NULL), 0);
	behind = strrchr(buf_str(&text), ')');
	assert_non_null(behind);
	assert_int_equal(sscanf(behind + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system), 2);
	return (int64_t)(user + system) * 1000 / sysconf(_SC_CLK_TCK);
}

/* A head that never ends, 500 times, a byte each second: who is quick is served meanwhile, and they cost next to nothing. */
static void slow_ones_keep_nobody_out(void **state)
{
	struct hooked *h = *state;
	int fds[SLOW], open = 0, served = 0;
	struct rlimit limit;
	int64_t before = taken(h), begun, used, spent;
	size_t drips = 0;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int i = 0; i < SLOW; i++) {
		fds[i] = connect_to(h->port);
		if (fds[i] >= 0)
			open += send(fds[i], "POST /hooks/sandbox HTTP/1.1\r\nX-Slow: ", 39, MSG_NOSIGNAL) == 39;
	}
	assert_true(open > SLOW / 2);
	for (; served < 3; served++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const char *text = signed_text(arena, &(struct signed_request){ .body = arena_printf(arena, "{\"type\":\"opened\",\"event\":\"quick-%d\"}", served) });

		assert_int_equal(send_raw(h->port, text, strlen(text), 2000), 200);
	}
	assert_int_equal(taken(h), before + served);
	begun = real_ms();
	used = processor_ms(h);
	while ((spent = real_ms() - begun) < SLOW_MS) { /* a time in which they drip is what is being measured */
		for (; drips < (size_t)(spent * SLOW / 1000); drips++)
			if (fds[drips % SLOW] >= 0)
				(void)!send(fds[drips % SLOW], "x", 1, MSG_NOSIGNAL);
		pause_ms(10);
	}
	used = processor_ms(h) - used;
	print_message("%d slow ones for %lld ms: %lld ms of the processor\n", open, (long long)spent, (long long)used);
	assert_true(used * 100 < spent * 5);
	for (int i = 0; i < SLOW; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static bool logged(struct hooked *h, const char *what)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf log = { 0 };

	assert_int_equal(file_read(world_log(&h->world, arena), 64 << 20, &log, NULL), 0);
	return strstr(buf_str(&log), what) != NULL;
}

static const char *mail_of(struct arena *arena, const char *id, size_t file)
{
	return arena_printf(arena, "From: Ann <ann@x.example>\r\nSubject: paid\r\nMessage-ID: <%s@x.example>\r\nMIME-Version: 1.0\r\n"
		"Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\nContent-Type: text/plain\r\n\r\nWe paid, proof attached.\r\n--B\r\n"
		"Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=proof.pdf\r\n\r\n%s\r\n--B--\r\n", id, large_body(arena, file));
}

/* An answer with a large file is taken; what is longer than its provider's file allows is refused, counted and told, whoever finds that out. */
static void a_large_answer_is_taken(void **state)
{
	struct hooked *h = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *large = signed_text(arena, &(struct signed_request){ .path = "/hooks/mailbox/another", .body = mail_of(arena, "large", 9000000) });
	const char *larger = signed_text(arena, &(struct signed_request){ .body = large_body(arena, 70000) });
	static const char largest[] = "POST /hooks/mailbox/another HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n";
	int64_t before = taken(h), refused = counted(h, "refused"), deadline = real_ms() + WAIT_MS;
	int64_t asked = 0;

	assert_int_equal(send_raw(h->port, large, strlen(large), WAIT_MS), 200);
	assert_int_equal(taken(h), before + 1);
	assert_true(world_quiet(&h->world, WAIT_MS));
	for (; !logged(h, "a request for provider sandbox is refused: too_large") && real_ms() < deadline; asked++)
		assert_int_equal(send_raw(h->port, larger, strlen(larger), WAIT_MS), 413); /* a line says of how many */
	assert_true(logged(h, "a request for provider sandbox is refused: too_large"));
	assert_int_equal(counted(h, "refused"), refused + asked);
	for (; !logged(h, "a request for somebody is refused: too_large") && real_ms() < deadline; asked++)
		assert_int_equal(send_raw(h->port, largest, strlen(largest), WAIT_MS), 413);
	assert_true(logged(h, "a request for somebody is refused: too_large"));
	assert_int_equal(counted(h, "refused"), refused + asked);
}

/* Who sends large bodies and never ends goes when there are too many of them: the oldest first, and the others are served. */
static void what_is_held_has_an_end(void **state)
{
	struct hooked *h = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	static const char *const heads[] = { "Content-Length: 11000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n800000\r\n" };
	const char *much = large_body(arena, 8 << 20);

	for (size_t way = 0; way < ARRAY_LEN(heads); way++) { /* the second is refused, once it is whole */
		const char *head = arena_printf(arena, "POST /hooks/mailbox/another HTTP/1.1\r\nHost: x\r\n%s", heads[way]);
		int fds[16], ended = 0;

		for (size_t i = 0; i < ARRAY_LEN(fds); i++) { /* 128 MiB */
			fds[i] = connect_to(h->port);
			assert_true(fds[i] >= 0);
			assert_int_equal(send(fds[i], head, strlen(head), MSG_NOSIGNAL), (ssize_t)strlen(head));
			(void)!send(fds[i], much, strlen(much), MSG_NOSIGNAL);
		}
		assert_int_equal(tell(h->port, arena_printf(arena, "{\"type\":\"opened\",\"event\":\"beside the large %zu\"}", way)), 200);
		for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
			struct pollfd wait = { .fd = fds[i], .events = POLLIN };

			ended += poll(&wait, 1, 0) > 0;
		}
		for (size_t i = 0; i < ARRAY_LEN(fds); i++)
			close(fds[i]);
		assert_in_range(ended, 3, 8);
	}
}

/* A line that is slow and steady may take its time; one that stands still may not, and of a long body that is lost so somebody hears. */
static void a_long_body_over_a_slow_line(void **state)
{
	struct hooked *h = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	static const char mail[] = "From: slow@x.example\r\nMessage-ID: <slow@x.example>\r\n\r\n", end[] = "\r\n";
	enum { PIECE = 90000, PIECES = 11 };
	const char *piece = large_body(arena, PIECE);
	int64_t refused = counted(h, "refused"), next = real_ms();
	const char *head = arena_printf(arena, "POST /hooks/mailbox/another HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s",
		strlen(mail) + (size_t)PIECE * PIECES + strlen(end), mail);
	int steady = connect_to(h->port), still = connect_to(h->port);
	char answer[100] = "";

	assert_int_equal(send(steady, head, strlen(head), MSG_NOSIGNAL), (ssize_t)strlen(head));
	assert_int_equal(send(still, head, strlen(head), MSG_NOSIGNAL), (ssize_t)strlen(head));
	assert_int_equal(send(still, piece, PIECE, MSG_NOSIGNAL), PIECE);
	for (int i = 0; i < PIECES; i++) { /* 11 s in all, when every other is cut after ten */
		assert_int_equal(send(steady, piece, PIECE, MSG_NOSIGNAL), PIECE);
		for (next += 1000; real_ms() < next;)
			pause_ms(20);
	}
	assert_int_equal(send(steady, end, strlen(end), MSG_NOSIGNAL), (ssize_t)strlen(end));
	assert_true(recv(steady, answer, sizeof(answer) - 1, 0) > 0);
	if (!strstr(answer, " 200 "))
		fail_msg("%s", answer);
	for (int64_t deadline = real_ms() + WAIT_MS; !logged(h, "is refused: cut_short") && real_ms() < deadline; pause_ms(20))
		;
	assert_true(logged(h, "is refused: cut_short"));
	assert_int_equal(counted(h, "refused"), refused + 1);
	close(steady);
	close(still);
}

/* Of the numbers below `limit` those that the daemon has no file under. */
static int free_below(const struct hooked *h, int limit)
{
	int n = 0;

	for (int fd = 0; fd < limit; fd++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)h->world.daemon.pid, fd);
		n += readlink(path, (char[8]){ 0 }, 8) < 0;
	}
	return n;
}

/* Until the trail is signed: what signs it opens files, and is not what is tried here. */
static void wait_signed(struct hooked *h)
{
	int64_t behind = -1, deadline = real_ms() + WAIT_MS;

	assert_true(world_quiet(&h->world, WAIT_MS));
	while (behind && real_ms() < deadline) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct json status = world_status(&h->world, arena), trail = json_get(&status, "trail"), value = json_get(&trail, "behind");

		behind = json_int(&value);
		pause_ms(10);
	}
	assert_int_equal(behind, 0);
}

/* More connections than there are descriptors: accept() fails again and again, which costs nothing, and when they are gone all is as before. */
static void out_of_descriptors(void **state)
{
	struct hooked *h = *state;
	struct rlimit limit, before;
	int fds[FLOOD];
	int64_t begun, used, spent, deadline = real_ms() + WAIT_MS;

	wait_signed(h);
	assert_int_equal(prlimit(h->world.daemon.pid, RLIMIT_NOFILE, NULL, &before), 0);
	limit = before;
	for (limit.rlim_cur = 0; free_below(h, (int)limit.rlim_cur) < FLOOD / 10;)
		limit.rlim_cur++;
	assert_int_equal(prlimit(h->world.daemon.pid, RLIMIT_NOFILE, &limit, NULL), 0);
	for (int i = 0; i < FLOOD; i++)
		fds[i] = connect_to(h->port);
	while (free_below(h, (int)limit.rlim_cur) && real_ms() < deadline)
		pause_ms(10);
	assert_int_equal(free_below(h, (int)limit.rlim_cur), 0);
	begun = real_ms();
	used = processor_ms(h);
	while ((spent = real_ms() - begun) < SLOW_MS) /* a time in which it could spin is what is being measured */
		pause_ms(10);
	used = processor_ms(h) - used;
	assert_int_equal(free_below(h, (int)limit.rlim_cur), 0); /* still none is left */
	print_message("without descriptors for %lld ms: %lld ms of the processor\n", (long long)spent, (long long)used);
	assert_true(used * 100 < spent * 10);
	for (int i = 0; i < FLOOD; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	assert_int_equal(tell(h->port, "{\"type\":\"opened\",\"event\":\"after the flood\"}"), 200);
	assert_int_equal(prlimit(h->world.daemon.pid, RLIMIT_NOFILE, &before, NULL), 0);
}

/* The daemon that listens ends as it should, also with requests under way. */
static void it_ends(void **state)
{
	struct hooked *h = *state;
	int fd = connect_to(h->port);

	assert_true(fd >= 0);
	assert_int_equal(send(fd, "POST /hooks/sandbox HTTP/1.1\r\n", 30, MSG_NOSIGNAL), 30);
	assert_int_equal(process_stop(&h->world.daemon, WAIT_MS), 0);
	close(fd);
	assert_true(world_trail_verifies(&h->world));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(told_once),
		cmocka_unit_test(nothing_bad_is_taken),
		cmocka_unit_test(many_in_one_request),
		cmocka_unit_test(an_odd_one_refuses_nobody),
		cmocka_unit_test(a_token_is_good_for_one_body),
		cmocka_unit_test(secrets_are_taken),
		cmocka_unit_test(a_get_is_taken),
		cmocka_unit_test(out_of_descriptors),
		cmocka_unit_test(slow_ones_keep_nobody_out),
		cmocka_unit_test(a_large_answer_is_taken),
		cmocka_unit_test(a_long_body_over_a_slow_line),
		cmocka_unit_test(what_is_held_has_an_end),
		cmocka_unit_test(nothing_is_taken_while_redis_is_away),
		cmocka_unit_test(it_ends),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
