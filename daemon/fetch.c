#include "daemon/fetch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fetch_url.h"
#include "common/hash.h"
#include "daemon/http_client_wire.h"

#define FAILED_MS 60000 /* so long a failure is the answer */
#define KEPT_MS (10 * 60000) /* and a document, after it was asked for last */
#define FRESH_MS 30000 /* not given away for another one before whoever wants it can have come */

enum state { ASKED, HAVE, FAILED };

struct kept {
	struct fetch *fetch;
	struct arena *arena; /* what is said of it, and the request */
	char key[2 * SHA256_SIZE + 1]; /* of what is wanted */
	const char *sha256; /* wanted; NULL = any */
	enum state state;
	const char *url; /* that is asked now */
	bool local;
	unsigned redirects;
	struct http_request request;
	int64_t at; /* mono: asked for last; FAILED: when it failed */
	char *data; /* HAVE */
	size_t len;
	struct err err; /* FAILED */
	struct kept *next;
};

struct fetch {
	struct fetch_settings settings;
	struct wire *wire;
	struct kept *all;
	size_t count, bytes, under_way;
};

static int64_t mono(const struct fetch *fetch)
{
	return fetch->settings.mono(fetch->settings.arg);
}

static void drop(struct kept **link)
{
	struct kept *k = *link;

	*link = k->next;
	k->fetch->count--;
	k->fetch->bytes -= k->len;
	free(k->data);
	arena_free(k->arena);
	free(k);
}

/* What nobody came for, and failures that may be tried anew. */
static void sweep(struct fetch *fetch)
{
	int64_t now = mono(fetch);

	for (struct kept **link = &fetch->all; *link;) {
		struct kept *k = *link;

		if (k->state != ASKED && now - k->at >= (k->state == FAILED ? FAILED_MS : KEPT_MS))
			drop(link);
		else
			link = &k->next;
	}
}

/* Whether one more may be asked for; the one that lies here for longest goes for it, when it has lain for a while. */
static bool make_room(struct fetch *fetch)
{
	if (fetch->under_way >= FETCH_AT_ONCE)
		return false;
	while (fetch->count >= FETCH_KEPT_MAX || fetch->bytes + (fetch->under_way + 1) * FETCH_BYTES_MAX > FETCH_KEPT_BYTES) {
		struct kept **oldest = NULL;

		for (struct kept **link = &fetch->all; *link; link = &(*link)->next)
			if ((*link)->state != ASKED && (!oldest || (*link)->at < (*oldest)->at))
				oldest = link;
		if (!oldest || mono(fetch) - (*oldest)->at < FRESH_MS)
			return false;
		drop(oldest);
	}
	return true;
}

/* --- asking ----------------------------------------------------------------------------------------------------------------------- */

static void fail(struct kept *k, const char *code, const char *text)
{
	k->state = FAILED;
	k->at = mono(k->fetch);
	err_clear(&k->err);
	(void)err_set(&k->err, -EIO, code, "", "%s", text);
}

static void ask(struct kept *k);

static void follow(struct kept *k, const struct http_answer *answer)
{
	const char *location = http_head_get(answer, "Location", k->arena);
	const char *url = location ? fetch_url_follow(k->url, location, k->arena) : NULL;
	struct err err = { 0 };

	if (!url || k->redirects++ == FETCH_REDIRECTS_MAX) {
		fail(k, "redirected", "its pdf_url leads on and on, or to no address");
		return;
	}
	if (fetch_url_check(k->fetch->settings.hosts, url, &k->local, &err) < 0) {
		fail(k, err.code, arena_printf(k->arena, "its pdf_url leads elsewhere: %s", err.text));
		return;
	}
	k->url = url;
	ask(k);
}

static void take(struct kept *k, const struct http_answer *answer)
{
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	if (answer->truncated) {
		fail(k, "too_long", arena_printf(k->arena, "what its pdf_url gives has more than %zu MiB", FETCH_BYTES_MAX >> 20));
		return;
	}
	if (answer->body_len < 5 || memcmp(answer->body, "%PDF-", 5) != 0) {
		fail(k, "no_pdf", "what its pdf_url gives is no PDF");
		return;
	}
	sha256(answer->body, answer->body_len, digest);
	if (k->sha256 && strcmp(k->sha256, hex_format(digest, SHA256_SIZE, hex)) != 0) {
		fail(k, "bad_digest", arena_printf(k->arena, "what its pdf_url gives has another digest: %s", hex));
		return;
	}
	k->data = xmalloc(answer->body_len);
	memcpy(k->data, answer->body, answer->body_len);
	k->len = answer->body_len;
	k->fetch->bytes += k->len;
	k->state = HAVE;
	k->at = mono(k->fetch);
}

static void on_done(const struct wire_result *result, void *arg)
{
	struct kept *k = arg;

	k->fetch->under_way--;
	if (result->end != WIRE_ANSWERED)
		fail(k, "no_answer", arena_printf(k->arena, "nothing came from its pdf_url: %s", result->reason));
	else if (result->answer.status >= 300 && result->answer.status < 400)
		follow(k, &result->answer);
	else if (result->answer.status != 200)
		fail(k, "no_answer", arena_printf(k->arena, "its pdf_url answers HTTP %d", result->answer.status));
	else
		take(k, &result->answer);
}

static void ask(struct kept *k)
{
	static const struct http_header accept = { "Accept", "application/pdf" };
	struct wire_request request = { .http = &k->request, .fresh = true, .repeatable = true, .public_only = !k->local,
		.body_max = FETCH_BYTES_MAX, .done = on_done, .arg = k };

	k->request = (struct http_request){ .method = "GET", .url = k->url, .headers = &accept, .header_count = 1, .timeout_ms = FETCH_TIMEOUT_MS };
	k->fetch->under_way++;
	wire_start(k->fetch->wire, &request);
}

/* --- the port --------------------------------------------------------------------------------------------------------------------- */

/* The same address of a later version of the invoice is asked anew: it may give another document. */
static void key_of_wanted(const struct document_wanted *wanted, char key[2 * SHA256_SIZE + 1])
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	uint8_t digest[SHA256_SIZE];

	buf_printf(&text, "%s\n%s\n%s\n%lld", wanted->sha256 ? wanted->sha256 : "", wanted->url, wanted->invoice_id, (long long)wanted->version);
	sha256(text.data, text.len, digest);
	hex_format(digest, SHA256_SIZE, key);
}

static struct kept *find(struct fetch *fetch, const char *key)
{
	struct kept *k = fetch->all;

	while (k && strcmp(k->key, key) != 0)
		k = k->next;
	return k;
}

static struct kept *add(struct fetch *fetch, const char *key, const struct document_wanted *wanted, bool local)
{
	struct kept *k = xcalloc(1, sizeof(*k));

	k->fetch = fetch;
	k->arena = arena_create();
	memcpy(k->key, key, sizeof(k->key));
	k->sha256 = wanted->sha256 ? arena_strdup(k->arena, wanted->sha256) : NULL;
	k->url = arena_strdup(k->arena, wanted->url);
	k->local = local;
	k->at = mono(fetch);
	k->next = fetch->all;
	fetch->all = k;
	fetch->count++;
	return k;
}

int fetch_document(struct fetch *fetch, const struct document_wanted *wanted, struct arena *arena, struct attachment *ret, struct err *err)
{
	char key[2 * SHA256_SIZE + 1];
	struct kept *k;
	bool local;
	int r = fetch_url_check(fetch->settings.hosts, wanted->url, &local, err);

	if (r < 0)
		return r;
	sweep(fetch);
	key_of_wanted(wanted, key);
	k = find(fetch, key);
	if (!k) {
		if (make_room(fetch))
			ask(add(fetch, key, wanted, local));
		return -EAGAIN;
	}
	if (k->state == FAILED)
		return err_set(err, -EIO, k->err.code, "", "%s", k->err.text);
	k->at = mono(fetch);
	if (k->state == ASKED)
		return -EAGAIN;
	ret->data = arena_memdup(arena, k->data, k->len);
	ret->len = k->len;
	return 0;
}

struct fetch *fetch_create(struct event_base *base, const struct fetch_settings *settings)
{
	struct fetch *fetch = xcalloc(1, sizeof(*fetch));

	fetch->settings = *settings;
	fetch->wire = wire_create(base, settings->ca_file);
	return fetch;
}

void fetch_destroy(struct fetch *fetch)
{
	if (!fetch)
		return;
	wire_destroy(fetch->wire); /* first: it borrows the requests */
	while (fetch->all)
		drop(&fetch->all);
	free(fetch);
}
