/*
 * A provider file written from dunningd-provider(5) alone, carrier.json, for an API that none of the shipped files resembles: JSON text in a
 * form field, the id in an array within an array, refusals with status 200, events signed with Ed25519. Through the real daemon, against a
 * peer that reads the requests by itself.
 */
#include "tests/integration/hooks_fixture.h"

#include <ctype.h>
#include <openssl/evp.h>

#include "tests/support/http_peer.h"

#define RING "the ring of loft 17"
#define NUMBER "9007199254740993" /* 2^53 + 1: no double holds it */

static const char event[] =
	"{\"specversion\":\"1.0\",\"id\":\"f-ID\",\"source\":\"https://billing.example/eu\",\"type\":\"invoice.finalized\","
	"\"time\":\"2026-03-02T09:00:00Z\",\"data\":{\"invoice\":{\"id\":\"ID\",\"number\":\"F-ID & 50%+1\",\"version\":1,\"issued_on\":\"2026-03-02\","
	"\"due_on\":\"2026-04-01\",\"currency\":\"EUR\",\"total_minor\":120000,\"due_minor\":120000},"
	"\"customer\":{\"id\":\"c-ID\",\"name\":\"Dupont SARL\",\"country\":\"FR\",\"locale\":\"fr-FR\",\"timezone\":\"Europe/Paris\","
	"\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"name\":\"Mme Ro\\u00ff\",\"email\":\"one@ID.example\"},"
	"{\"id\":\"c2\",\"role\":\"billing\",\"email\":\"two@ID.example\"}]}}}";

/* What the carrier says about a box. */
static const struct answer {
	const char *box, *body;
} answers[] = {
	{ "one@closed.example", "{\"verdict\":\"grounded\",\"complaints\":[{\"code\":\"late\"},{\"code\":\"box_closed\"}]}" },
	{ "one@storm.example", "{\"verdict\":\"grounded\",\"complaints\":[{\"code\":\"storm\"}],\"come_back_in\":7200}" },
	{ "one@refused.example", "{\"verdict\":\"grounded\",\"complaints\":[{\"code\":\"too_heavy\"}]}" },
	{ "one@silent.example", "{\"verdict\":\"departed\",\"departures\":[{\"birds\":[]}]}" },
};

struct carrier {
	struct world world;
	struct http_peer *peer;
	EVP_PKEY *key;
	int port;
};

/* --- the carrier's own reading ------------------------------------------------------------------------------------------------- */

/* Of a form as browsers send it. NULL: no such field, or it is there twice. */
static char *form_field(struct arena *arena, const char *body, const char *name)
{
	char *ret = NULL;

	for (const char *p = body; *p;) {
		size_t len = strcspn(p, "&"), n = 0;
		char *value = arena_alloc(arena, len + 1), *equals;

		for (size_t i = 0; i < len; i++) {
			char hex[3] = { 0 };

			if (p[i] == '%' && isxdigit((unsigned char)p[i + 1]) && isxdigit((unsigned char)p[i + 2])) {
				memcpy(hex, p + i + 1, 2);
				value[n++] = (char)strtol(hex, NULL, 16);
				i += 2;
			} else {
				value[n++] = p[i] == '+' ? ' ' : p[i];
			}
		}
		value[n] = '\0';
		equals = strchr(value, '=');
		if (equals && (size_t)(equals - value) == strlen(name) && strncmp(value, name, strlen(name)) == 0) {
			if (ret)
				return NULL;
			ret = equals + 1;
		}
		p += len + (p[len] == '&');
	}
	return ret;
}

/* "/to/box"; an absent one is JSON_NONE. */
static struct json value_at(const struct json *value, const char *pointer)
{
	struct json at = *value;
	char name[40];

	while (sscanf(pointer, "/%39[^/]", name) == 1) {
		at = at.type == JSON_ARRAY ? json_at(&at, strtoul(name, NULL, 10)) : json_get(&at, name);
		at.parent = NULL;
		pointer += 1 + strlen(name);
	}
	return at;
}

static const char *str_at(const struct json *value, const char *pointer)
{
	struct json at = value_at(value, pointer);

	return json_str(&at) ? json_str(&at) : "";
}

/* The one bird of a request; false: this is no request that the carrier takes. */
static bool read_manifest(const struct buf *request, struct arena *arena, struct json *ret)
{
	const char *text = arena_memdup(arena, request->data, request->len), *body = strstr(text, "\r\n\r\n");
	char *manifest, *version;
	struct json root;

	if (!body || strncmp(text, "POST /v7/lofts/17%2F4/departures HTTP/1.1\r\n", 43) != 0 || !strstr(text, "\r\nX-Loft-Key: " RING "\r\n") ||
		!strstr(text, "\r\nContent-Type: application/x-www-form-urlencoded\r\n"))
		return false;
	version = form_field(arena, body + 4, "version");
	manifest = form_field(arena, body + 4, "manifest");
	if (!version || strcmp(version, "7") != 0 || !manifest ||
		json_parse(arena, manifest, strlen(manifest), 0, &root, NULL) < 0)
		return false;
	*ret = value_at(&root, "/flock/0");
	return ret->type == JSON_OBJECT;
}

static void answer(const struct buf *request, struct buf *out, void *arg)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *body = "{\"verdict\":\"departed\",\"departures\":[{\"birds\":[{\"number\":" NUMBER "}]}]}";
	struct json bird;
	bool good = read_manifest(request, arena, &bird);

	(void)arg;
	for (size_t i = 0; good && i < ARRAY_LEN(answers); i++)
		if (strcmp(str_at(&bird, "/to/box"), answers[i].box) == 0)
			body = answers[i].body;
	buf_printf(out, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", good ? "200 OK" : "400 Bad Request",
		strlen(body), body);
}

/* --- the world ------------------------------------------------------------------------------------------------------------------- */

static int setup(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf config = { 0 }, key = { 0 };
	struct carrier *c = calloc(1, sizeof(*c));
	uint8_t raw[32];
	size_t len = sizeof(raw);
	char *text;

	world_open(&c->world, &(struct world_options){ 0 });
	c->peer = http_peer_create(NULL);
	http_peer_handler(c->peer, answer, NULL);
	c->port = free_port();
	c->key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	assert_non_null(c->key);
	assert_int_equal(EVP_PKEY_get_raw_public_key(c->key, raw, &len), 1);
	base64_add(&key, raw, len);
	put_file(&c->world, arena, "credentials/loft-ring", RING);
	assert_int_equal(file_read(c->world.config, 100000, &config, NULL), 0);
	text = replaced(arena, buf_str(&config), "\"creditor\":",
		arena_printf(arena, "\"hooks\":{\"listen\":\"127.0.0.1:%d\",\"public_url\":\"https://dunning.example\"},\"creditor\":", c->port));
	text = replaced(arena, text, "\"providers\":{",
		arena_printf(arena, "\"providers\":{\"birds\":{\"file\":\"" SOURCE_DIR "/tests/integration/carrier.json\","
				    "\"settings\":{\"base_url\":\"http://127.0.0.1:%u\",\"loft\":\"17/4\",\"bulletin_key\":\"%s\"},"
				    "\"secrets\":{\"ring\":\"loft-ring\"}},",
			http_peer_port(c->peer), buf_str(&key)));
	text = replaced(arena, text, "\"email\":\"sandbox\"", "\"email\":\"birds\"");
	put_file(&c->world, arena, c->world.config + strlen(c->world.dir) + 1, text);
	world_start(&c->world, NULL);
	if (!world_ready(&c->world, WAIT_MS))
		return -1;
	*state = c;
	return 0;
}

static int teardown(void **state)
{
	struct carrier *c = *state;

	world_close(&c->world, false);
	http_peer_destroy(c->peer);
	EVP_PKEY_free(c->key);
	free(c);
	return 0;
}

static void push_invoice(struct carrier *c, const char *id)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	char *text = replaced(arena, event, "ID", id);

	world_push(&c->world, text, strlen(text));
}

/* Waits for the n-th request, counted from 0, and gives its bird. */
static struct json wait_bird(struct carrier *c, struct arena *arena, size_t n)
{
	CLEANUP(buf_clear) struct buf request = { 0 };
	struct json bird = { 0 };
	int64_t deadline = real_ms() + WAIT_MS;

	while (http_peer_requests(c->peer) <= n && real_ms() < deadline)
		pause_ms(10);
	if (!http_peer_request(c->peer, n, &request) || !read_manifest(&request, arena, &bird))
		fail_msg("request %zu: %s", n, request.data ? buf_str(&request) : "did not come");
	return bird;
}

/* Waits until the document says so. */
static void wait_says(struct carrier *c, const char *document, const char *text)
{
	CLEANUP(buf_clear) struct buf seen = { 0 };

	for (int64_t deadline = real_ms() + WAIT_MS; real_ms() < deadline; pause_ms(10)) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const char *argv[] = { "GET", world_key(&c->world, arena, document), NULL };
		const struct redis_reply *reply = world_redis(&c->world, arena, argv);

		buf_reset(&seen);
		if (reply->type == REDIS_STRING)
			buf_add(&seen, reply->str, reply->len);
		if (strstr(buf_str(&seen), text))
			return;
	}
	fail_msg("%s does not come to say %s: %s", document, text, buf_str(&seen));
}

static void trail_says(struct carrier *c, const char *invoice, const char *text)
{
	CLEANUP(buf_clear) struct buf output = { 0 };

	if (world_ctl(&c->world, (const char *const[]){ "trail", "log", invoice, "--json", NULL }, &output) != 0 || !strstr(buf_str(&output), text))
		fail_msg("%s: the trail does not say %s: %s", invoice, text, buf_str(&output));
}

/* The status that a bulletin gets which is signed for `said`, and says `news`. */
static int bulletin(struct carrier *c, const char *news, const char *said)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf base64 = { 0 }, body = { 0 }, told = { 0 };
	const char *now = arena_printf(arena, "%lld", (long long)time(NULL)), *text;
	struct json_writer w = jw_init(&body), v = jw_init(&told);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t signature[64];
	size_t len = sizeof(signature);

	jw_object(&w, NULL);
	jw_str(&w, "bulletin", news);
	jw_end_object(&w);
	jw_object(&v, NULL);
	jw_str(&v, "bulletin", said);
	jw_end_object(&v);
	text = arena_printf(arena, "%s|%s", now, buf_str(&told));
	assert_int_equal(EVP_DigestSignInit(md, NULL, NULL, NULL, c->key), 1);
	assert_int_equal(EVP_DigestSign(md, signature, &len, (const unsigned char *)text, strlen(text)), 1);
	EVP_MD_CTX_free(md);
	base64_add(&base64, signature, len);
	text = arena_printf(arena, "POST /hooks/birds HTTP/1.1\r\nHost: dunning.example\r\nContent-Type: application/json\r\nX-Bulletin-Time: %s\r\n"
				   "X-Bulletin-Signature: %s\r\nContent-Length: %zu\r\n\r\n%s",
		now, buf_str(&base64), body.len, buf_str(&body));
	return send_raw(c->port, text, strlen(text), WAIT_MS);
}

/* --- tests ------------------------------------------------------------------------------------------------------------------------ */

static void sent_and_delivered(void **state)
{
	struct carrier *c = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	size_t n = http_peer_requests(c->peer);
	const char *news;
	struct json bird;

	push_invoice(c, "good");
	bird = wait_bird(c, arena, n);
	assert_string_equal(str_at(&bird, "/to/box"), "one@good.example");
	assert_string_equal(str_at(&bird, "/to/name"), "Mme Ro\xc3\xbf");
	assert_string_equal(str_at(&bird, "/from/box"), "factures@acme.example");
	assert_string_equal(str_at(&bird, "/tongue"), "FRA");
	assert_string_equal(str_at(&bird, "/title"), "Facture F-good & 50%+1");
	assert_non_null(strstr(str_at(&bird, "/markup"), "F-good &amp; 50%+1"));
	assert_string_equal(str_at(&bird, "/echo/attempt"), str_at(&bird, "/ref"));
	assert_int_equal(strlen(str_at(&bird, "/ref")), 26);
	wait_says(c, "escalation:good", "\"end\":\"sent\"");
	trail_says(c, "good", "\"" NUMBER "\"");

	news = arena_printf(arena, "{\"news\":[{\"bulletin_no\":1,\"what\":\"landed\",\"number\":" NUMBER ",\"at\":\"2026-04-02T10:00:00Z\",\"echo\":{"
				   "\"attempt\":\"%s\"}}]}", str_at(&bird, "/ref"));
	assert_int_equal(bulletin(c, news, "{\"news\":[]}"), 401);
	assert_int_equal(bulletin(c, news, news), 200);
	assert_int_equal(bulletin(c, news, news), 200); /* once more, and it says nothing new */
	wait_says(c, "debtor:c-good", arena_printf(arena, "\"%s\",\"one@good.example\",4", str_at(&bird, "/ref"))); /* DELIVERY_DELIVERED */
	assert_true(world_quiet(&c->world, WAIT_MS));
	assert_int_equal(http_peer_requests(c->peer), n + 1);
}

/* The box is refused: the next contact is asked. */
static void refused_inside_a_200(void **state)
{
	struct carrier *c = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	size_t n = http_peer_requests(c->peer);
	struct json bird;

	push_invoice(c, "closed");
	bird = wait_bird(c, arena, n);
	assert_string_equal(str_at(&bird, "/to/box"), "one@closed.example");
	bird = wait_bird(c, arena, n + 1);
	assert_string_equal(str_at(&bird, "/to/box"), "two@closed.example");
	wait_says(c, "escalation:closed", "\"end\":\"sent\"");
	trail_says(c, "closed", "\"no_such_box\"");

	push_invoice(c, "refused");
	wait_says(c, "escalation:refused", "\"end\":\"skipped\",\"reason\":\"refused\"");
	trail_says(c, "refused", "\"grounded\"");
	assert_int_equal(http_peer_requests(c->peer), n + 3);
}

static void comes_back_when_told(void **state)
{
	struct carrier *c = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	size_t n = http_peer_requests(c->peer);

	push_invoice(c, "storm");
	(void)wait_bird(c, arena, n);
	wait_says(c, "escalation:storm", "\"retry_at\":");
	trail_says(c, "storm", "\"throttled\"");
	assert_int_equal(http_peer_requests(c->peer), n + 1);
	assert_int_equal(process_stop(&c->world.daemon, WAIT_MS), 0);
	assert_true(world_trail_verifies(&c->world));
}

/* A 200 without the number: it may have flown. The bulletin tells. */
static void a_doubt_ends_with_a_bulletin(void **state)
{
	struct carrier *c = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	size_t n = http_peer_requests(c->peer);
	const char *news;
	struct json bird;

	push_invoice(c, "silent");
	bird = wait_bird(c, arena, n);
	wait_says(c, "escalation:silent", "\"state\":\"in_doubt\"");
	news = arena_printf(arena, "{\"news\":[{\"bulletin_no\":2,\"what\":\"airborne\",\"at\":\"2026-04-02T10:00:00Z\",\"echo\":{\"attempt\":\"%s\"}}]}",
		str_at(&bird, "/ref"));
	assert_int_equal(bulletin(c, news, news), 200);
	wait_says(c, "escalation:silent", "\"end\":\"sent\"");
	trail_says(c, "silent", "\"attempt.reconciled\"");
	assert_true(world_quiet(&c->world, WAIT_MS));
	assert_int_equal(http_peer_requests(c->peer), n + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sent_and_delivered),
		cmocka_unit_test(refused_inside_a_200),
		cmocka_unit_test(a_doubt_ends_with_a_bulletin),
		cmocka_unit_test(comes_back_when_told), /* the provider rests then */
	};

	return cmocka_run_group_tests_name("man_page_provider", tests, setup, teardown);
}
