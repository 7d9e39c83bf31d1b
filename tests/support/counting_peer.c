#include "tests/support/counting_peer.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/hash.h"
#include "common/json.h"
#include "tests/support/http_get.h"
#include "tests/support/http_peer.h"
#include "tests/support/process.h"

#define ID_SIZE 27
#define RETRY_US 5000
#define BATCH 50 /* acceptances in one webhook request */

const char *const doubt_means_names[MEANS_COUNT + 1] = { "header", "duplicate", "lookup", "webhook", "none", NULL };

struct accepted {
	char attempt[ID_SIZE];
	int *invoices; /* numbers */
	size_t invoice_count;
};

struct counting_peer {
	enum doubt_means means;
	unsigned delay_us, fail_every;
	struct http_peer *http;
	pthread_mutex_t mutex;
	pthread_cond_t changed; /* there is news, or it is to end */
	pthread_t teller;
	bool telling;
	char url[120];
	/* under the mutex */
	struct accepted *accepted; /* in the order of their coming */
	size_t count, capacity, told; /* told: how many of them were taken */
	struct counting_totals totals;
	unsigned answers;
	bool quit;
};

/* --- its file --------------------------------------------------------------------------------------------------------------- */

#define FILE_FORMAT \
	"{\"adapter\":1,\"name\":\"counting\",\"channel\":[\"email\",\"sms\"],\"config\":{\"base_url\":{\"required\":true}%s}," \
	"\"features\":{%s},\"limits\":{\"concurrency\":50}," \
	"\"send\":{\"method\":\"POST\",\"url\":\"{config.base_url}/send\",\"auth\":{\"kind\":\"none\"}," \
	"\"body\":{\"kind\":\"json\",\"value\":{\"attempt\":\"{dispatch.id}\",\"invoices\":\"{invoices}\",\"text\":\"{text}\"}}," \
	"\"timeout_ms\":10000}," \
	"\"response\":{\"id\":\"/id\",\"rules\":[{\"status\":409,\"json\":{\"/error\":\"duplicate_request\"},\"outcome\":\"duplicate\"}," \
	"{\"status\":\"2xx\",\"require\":[\"/id\"],\"outcome\":\"accepted\"}]}%s}"

const char *counting_peer_file(enum doubt_means means)
{
	static char text[3000];
	static const struct {
		const char *config, *features, *rest;
	} parts[MEANS_COUNT] = {
		[MEANS_HEADER] = { "", "\"idempotency\":{\"kind\":\"header\",\"header\":\"X-Once\",\"window_s\":86400}", "" },
		[MEANS_DUPLICATE] = { "", "\"idempotency\":{\"kind\":\"body\",\"window_s\":86400}", "" },
		/* what was killed on its way has arrived or is gone within moments: it is all on this machine */
		[MEANS_LOOKUP] = { "", "", ",\"lookup\":{\"request\":{\"method\":\"GET\",\"url\":\"{config.base_url}/list\","
			"\"query\":[[\"attempt\",\"{dispatch.id}\"]]},\"each\":\"/list\",\"match\":{\"/attempt\":\"{dispatch.id}\"},"
			"\"id\":\"/id\",\"not_before_s\":5,\"conclusive_after_s\":5}" },
		[MEANS_WEBHOOK] = { ",\"key\":{\"secret\":true}", "", ",\"webhooks\":[{\"parse\":\"json\",\"verify\":{\"kind\":\"hmac\","
			"\"key\":\"{config.key}\",\"parts\":[{\"header\":\"X-Time\"},{\"body\":true}],\"signature\":{\"header\":\"X-Signature\","
			"\"encoding\":\"hex\"},\"timestamp\":{\"header\":\"X-Time\"}},\"each\":\"/told\",\"events\":{\"attempt\":\"/attempt\","
			"\"id\":\"/attempt\",\"type\":\"/what\",\"map\":{\"accepted\":\"sent\"}}}]" },
		[MEANS_NONE] = { "", "", "" },
	};

	snprintf(text, sizeof(text), FILE_FORMAT, parts[means].config, parts[means].features, parts[means].rest);
	return text;
}

/* --- requests --------------------------------------------------------------------------------------------------------------- */

static const struct accepted *find(const struct counting_peer *peer, const char *attempt)
{
	for (size_t i = peer->count; i-- > 0;)
		if (strcmp(peer->accepted[i].attempt, attempt) == 0)
			return &peer->accepted[i];
	return NULL;
}

static void say(struct buf *out, int status, const char *body)
{
	buf_printf(out, "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(body), body);
}

static void say_list(const struct counting_peer *peer, const char *head, struct buf *out)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	char attempt[ID_SIZE] = "";
	bool there;

	(void)sscanf(head, "GET /list?attempt=%26[0-9A-Z] HTTP", attempt);
	there = find(peer, attempt) != NULL;
	say(out, 200, arena_printf(arena, there ? "{\"list\":[{\"attempt\":\"%s\",\"id\":\"m-%s\"}]}" : "{\"list\":[]}", attempt, attempt));
}

static bool has_header(const char *head, const char *name, const char *value)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	return strstr(head, arena_printf(arena, "\r\n%s: %s\r\n", name, value)) != NULL;
}

static void keep(struct counting_peer *peer, const char *attempt, const struct json *invoices)
{
	struct accepted *one;

	xgrow((void **)&peer->accepted, &peer->capacity, peer->count + 1, sizeof(*peer->accepted));
	one = &peer->accepted[peer->count++];
	*one = (struct accepted){ .invoice_count = json_len(invoices) };
	snprintf(one->attempt, sizeof(one->attempt), "%s", attempt);
	one->invoices = xcalloc(one->invoice_count + 1, sizeof(*one->invoices));
	for (size_t i = 0; i < one->invoice_count; i++) {
		struct json id = json_at(invoices, i);

		one->invoices[i] = json_str(&id) ? atoi(json_str(&id) + strlen("inv_")) : -1;
	}
	peer->totals.messages++;
	pthread_cond_broadcast(&peer->changed);
}

static void take(struct counting_peer *peer, const char *head, struct buf *out)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *body = strstr(head, "\r\n\r\n"), *attempt = NULL;
	struct json root, invoices;
	bool again;

	if (!body || json_parse(arena, body + 4, strlen(body + 4), 0, &root, NULL) < 0 || json_get_id(&root, "attempt", &attempt, NULL) < 0 ||
		strlen(attempt) != ID_SIZE - 1 || json_get_array(&root, "invoices", &invoices, NULL) < 0 ||
		(peer->means == MEANS_HEADER && !has_header(head, "X-Once", attempt))) {
		peer->totals.malformed++;
		say(out, 400, "{}");
		return;
	}
	again = (peer->means == MEANS_HEADER || peer->means == MEANS_DUPLICATE) && find(peer, attempt);
	if (again)
		peer->totals.repeated++;
	else
		keep(peer, attempt, &invoices);
	if (peer->fail_every && !again && ++peer->answers % peer->fail_every == 0)
		say(out, 500, "{\"error\":\"oops\"}");
	else if (again && peer->means == MEANS_DUPLICATE)
		say(out, 409, "{\"error\":\"duplicate_request\"}");
	else
		say(out, 200, arena_printf(arena, "{\"id\":\"m-%s\"}", attempt));
}

/* Until it is to end, and no longer than that. */
static void rest(struct counting_peer *peer, unsigned us)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)(us % 1000000) * 1000;
	until.tv_sec += us / 1000000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&peer->mutex);
	while (!peer->quit && us && pthread_cond_clockwait(&peer->changed, &peer->mutex, CLOCK_MONOTONIC, &until) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&peer->mutex);
}

static void answer(const struct buf *request, struct buf *out, void *arg)
{
	struct counting_peer *peer = arg;
	const char *head = buf_str(request);

	pthread_mutex_lock(&peer->mutex);
	if (strncmp(head, "POST /send ", 11) == 0) {
		take(peer, head, out);
	} else {
		peer->totals.asked++;
		say_list(peer, head, out);
	}
	pthread_mutex_unlock(&peer->mutex);
	rest(peer, peer->delay_us); /* it is slow: what is asked meanwhile waits */
}

/* --- telling -------------------------------------------------------------------------------------------------------------------- */

/* Waits for some that were not told yet: them in an array, and how many; none at its end. */
static size_t write_news(struct counting_peer *peer, struct buf *body, bool *quit)
{
	struct json_writer w = jw_init(body);
	size_t n = 0;

	jw_object(&w, NULL);
	jw_array(&w, "told");
	pthread_mutex_lock(&peer->mutex);
	while (!peer->quit && peer->told == peer->count)
		pthread_cond_wait(&peer->changed, &peer->mutex);
	*quit = peer->quit;
	for (; n < BATCH && peer->told + n < peer->count; n++) {
		jw_object(&w, NULL);
		jw_str(&w, "attempt", peer->accepted[peer->told + n].attempt);
		jw_str(&w, "what", "accepted");
		jw_end_object(&w);
	}
	pthread_mutex_unlock(&peer->mutex);
	jw_end_array(&w);
	jw_end_object(&w);
	return n;
}

static void *tell(void *arg)
{
	CLEANUP(http_caller_destroyp) struct http_caller *caller = http_caller_create();
	CLEANUP(http_reply_clear) struct http_reply reply = { 0 };
	struct counting_peer *peer = arg;

	for (bool quit = false; !quit;) {
		CLEANUP(buf_clear) struct buf body = { 0 };
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		size_t n = write_news(peer, &body, &quit);
		const char *now = arena_printf(arena, "%lld", (long long)time(NULL)), *text = arena_printf(arena, "%s%s", now, buf_str(&body));
		char hex[2 * SHA256_SIZE + 1];
		uint8_t mac[SHA256_SIZE];

		hmac_sha256(COUNTING_KEY, strlen(COUNTING_KEY), text, strlen(text), mac);
		hex_format(mac, sizeof(mac), hex);
		if (n && http_exchange(caller, "POST", peer->url,
				(const char *const[]){ "Content-Type: application/json", arena_printf(arena, "X-Time: %s", now),
					arena_printf(arena, "X-Signature: %s", hex), NULL }, buf_str(&body), 0, &reply) == 200) {
			pthread_mutex_lock(&peer->mutex);
			peer->told += n;
			pthread_mutex_unlock(&peer->mutex);
		} else {
			rest(peer, RETRY_US); /* nobody listens just now */
		}
	}
	return NULL;
}

void counting_peer_tell(struct counting_peer *peer, int port, const char *path)
{
	snprintf(peer->url, sizeof(peer->url), "http://127.0.0.1:%d%s", port, path);
	peer->telling = pthread_create(&peer->teller, NULL, tell, peer) == 0;
	if (!peer->telling)
		abort();
}

void counting_peer_calm(struct counting_peer *peer)
{
	pthread_mutex_lock(&peer->mutex);
	peer->fail_every = 0;
	pthread_mutex_unlock(&peer->mutex);
}

bool counting_peer_told(struct counting_peer *peer)
{
	bool all;

	pthread_mutex_lock(&peer->mutex);
	all = peer->told == peer->count;
	pthread_mutex_unlock(&peer->mutex);
	return all;
}

/* --- life --------------------------------------------------------------------------------------------------------------------------- */

struct counting_peer *counting_peer_create(enum doubt_means means, unsigned delay_us, unsigned fail_every)
{
	struct counting_peer *peer = xcalloc(1, sizeof(*peer));

	peer->means = means;
	peer->delay_us = delay_us;
	peer->fail_every = fail_every;
	pthread_mutex_init(&peer->mutex, NULL);
	pthread_cond_init(&peer->changed, NULL);
	peer->http = http_peer_create(NULL);
	http_peer_handler(peer->http, answer, peer);
	return peer;
}

void counting_peer_destroy(struct counting_peer *peer)
{
	if (!peer)
		return;
	pthread_mutex_lock(&peer->mutex);
	peer->quit = true;
	pthread_cond_broadcast(&peer->changed);
	pthread_mutex_unlock(&peer->mutex);
	if (peer->telling)
		pthread_join(peer->teller, NULL);
	http_peer_destroy(peer->http);
	for (size_t i = 0; i < peer->count; i++)
		free(peer->accepted[i].invoices);
	free(peer->accepted);
	pthread_cond_destroy(&peer->changed);
	pthread_mutex_destroy(&peer->mutex);
	free(peer);
}

unsigned counting_peer_port(const struct counting_peer *peer)
{
	return http_peer_port(peer->http);
}

bool counting_peer_accepted(struct counting_peer *peer, const char *attempt)
{
	bool there;

	pthread_mutex_lock(&peer->mutex);
	there = find(peer, attempt) != NULL;
	pthread_mutex_unlock(&peer->mutex);
	return there;
}

struct counting_totals counting_peer_totals(struct counting_peer *peer, int *by_invoice, int count)
{
	struct counting_totals totals;

	memset(by_invoice, 0, (size_t)count * sizeof(*by_invoice));
	pthread_mutex_lock(&peer->mutex);
	totals = peer->totals;
	for (size_t i = 0; i < peer->count; i++)
		for (size_t k = 0; k < peer->accepted[i].invoice_count; k++)
			if (peer->accepted[i].invoices[k] >= 0 && peer->accepted[i].invoices[k] < count)
				by_invoice[peer->accepted[i].invoices[k]]++;
	pthread_mutex_unlock(&peer->mutex);
	return totals;
}
