#include "daemon/debtor_page.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "common/hash.h"
#include "common/keys.h"
#include "common/page.h"
#include "common/throttle.h"
#include "common/unsubscribe.h"
#include "common/utc.h"
#include "daemon/documents.h"
#include "daemon/http_guard.h"
#include "daemon/log_id.h"

#define BODY_MAX 65536 /* the longest text that a form takes, each byte written as %XX */
#define CONNECTIONS_MAX 256
#define DEADLINE_MS 15000
#define REDIS_MS 5000
#define RECEIPT_MS "604800000" /* a week: longer than any form's token is good */
#define RETRY_S "120"

/* Whoever reads calmly never comes near these; a link that was passed around, or somebody who guesses, does. */
static const struct throttle_rate link_reads = { 60, 5000 }, link_words = { 20, 180000 }, address_reads = { 300, 250 }, guesses = { 20, 30000 };
static const struct throttle_rate link_documents = { 6, 10000 }; /* each is read whole, of up to DOCUMENT_MAX, and held until it is sent */


/* 1: it is in the stream now; 0: it was, from the same form filled in the same way; -1: from the same form filled in otherwise. */
static const char save_text[] =
	"local was = redis.call('GET', KEYS[2])\n"
	"if was then\n"
	"  if string.sub(was, 1, 64) == ARGV[1] then return 0 end\n"
	"  return -1\n"
	"end\n"
	"redis.call('XADD', KEYS[1], '*', 'event', ARGV[2])\n"
	"redis.call('SET', KEYS[2], ARGV[1] .. ARGV[3], 'PX', '" RECEIPT_MS "')\n"
	"return 1\n";
#define DIGEST_LEN 64 /* hex, before the receipt */

enum asked { ASKED_HOME, ASKED_FORM, ASKED_SAID, ASKED_DOCUMENT };

struct visit { /* one request that waits for Redis */
	struct debtor_page *page;
	struct evhttp_request *request; /* NULL once answered */
	struct arena *arena;
	bool post;
	enum asked asked;
	enum page_action action; /* FORM */
	const char *offer_id; /* FORM: which offer it is about; NULL = none */
	const char *link_text, *said_id; /* said_id: of the receipt, SAID; of the form's token, when it is posted */
	struct page_link link;
	const char *chosen; /* language; NULL = none was */
	struct keyspace keys;
	const struct form_pair *pairs;
	size_t pair_count;
	const char *token; /* as it was posted; NULL: by a mail program, see unsubscribes() */
	char digest[DIGEST_LEN + 1]; /* of the posted body */
	struct escalation *e;
	struct debtor *debtor; /* NULL: not known */
	struct page_receipt *receipt; /* of said_id; NULL = there is none */
	const char *was; /* its digest */
	struct page_case c;
	struct visit *next, **at;
};

struct debtor_page {
	struct debtor_page_settings settings;
	struct library *library; /* a reference */
	struct token_keys keys;
	const char *base; /* path of public_url: "" or "/folder" */
	struct evhttp *http;
	struct http_guard *guard;
	struct redis_links *redis;
	struct redis_script save;
	struct throttle *throttle;
	struct visit *visits;
	struct debtor_page_counts counts;
};

static void note(struct debtor_page *page, int priority, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void note(struct debtor_page *page, int priority, const char *format, ...)
{
	char line[600];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	page->settings.note(priority, line, page->settings.note_arg);
}

static int64_t now_of(const struct debtor_page *page)
{
	return page->settings.now(page->settings.now_arg);
}

static int64_t mono_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- answers ---------------------------------------------------------------------------------------------------------------------- */

static void visit_free(struct visit *visit)
{
	*visit->at = visit->next;
	if (visit->next)
		visit->next->at = visit->at;
	arena_free(visit->arena);
	free(visit);
}

/* Ends the visit. HEAD gets the head alone. */
static void answer(struct visit *visit, int status, const char *type, const void *data, size_t len)
{
	struct debtor_page *page = visit->page;
	struct evhttp_request *request = TAKE(visit->request);
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct evbuffer *out = evhttp_request_get_output_buffer(request);

	evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "Connection", "close");
	evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	evhttp_add_header(headers, "X-Robots-Tag", "noindex, nofollow");
	evhttp_add_header(headers, "Referrer-Policy", "no-referrer"); /* the link is a key: no other site may see it */
	evhttp_add_header(headers, "Cross-Origin-Opener-Policy", "same-origin");
	evhttp_add_header(headers, "Cross-Origin-Resource-Policy", "same-origin");
	if (strncmp(type, "text/html", 9) == 0)
		evhttp_add_header(headers, "Content-Security-Policy", page_policy);
	if (status == 429 || status == HTTP_SERVUNAVAIL)
		evhttp_add_header(headers, "Retry-After", RETRY_S);
	if (status == HTTP_BADMETHOD)
		evhttp_add_header(headers, "Allow", "GET, HEAD, POST");
	page->counts.shown += status == HTTP_OK;
	page->counts.refused += status >= 400 && status < 500;
	page->counts.unsaved += status == HTTP_SERVUNAVAIL;
	if (evhttp_request_get_command(request) != EVHTTP_REQ_HEAD)
		(void)evbuffer_add(out, data, len);
	evhttp_send_reply(request, status, NULL, NULL);
	visit_free(visit);
}

static void answer_view(struct visit *visit, int status, struct page_view *view)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct err err = { 0 };

	view->config = visit->page->settings.config;
	view->base = visit->page->base;
	view->link_text = visit->link_text;
	view->language = visit->link.language;
	view->chosen = visit->chosen;
	if (page_render(visit->page->settings.texts, view, visit->arena, &out, &err) < 0) {
		note(visit->page, LOG_ERR | MSG(PAGE_FAILS), "page: cannot be shown: %s", err.text);
		answer(visit, HTTP_INTERNAL, "text/plain; charset=utf-8", "this page cannot be shown\n", 26);
		return;
	}
	answer(visit, status, "text/html; charset=utf-8", out.data, out.len);
}

static void answer_kind(struct visit *visit, int status, enum page_kind kind)
{
	answer_view(visit, status, &(struct page_view){ .kind = kind, .c = visit->c.e ? &visit->c : NULL });
}

static void answer_home(struct visit *visit, int status)
{
	answer_view(visit, status, &(struct page_view){ .kind = PAGE_KIND_HOME, .c = &visit->c, .receipt = visit->receipt });
}

static void answer_form(struct visit *visit, int status, const struct page_limits *limits, const struct made_offer *offer,
	const struct page_said *said, const char *token)
{
	answer_view(visit, status, &(struct page_view){ .kind = PAGE_KIND_FORM, .c = &visit->c, .action = visit->action, .limits = limits,
		.offer = offer, .said = said, .token = token });
}

/* Read again by GET, so that a reload sends nothing twice. A mail program follows nowhere (RFC 8058 section 3.1). */
static void answer_said(struct visit *visit)
{
	const char *to;

	if (!visit->token) {
		answer_kind(visit, HTTP_OK, PAGE_KIND_LEFT);
		return;
	}
	to = arena_printf(visit->arena, "%s/p/%s/said/%s%s%s", visit->page->base, visit->link_text, visit->said_id,
		visit->chosen ? "?l=" : "", visit->chosen ? visit->chosen : "");

	evhttp_add_header(evhttp_request_get_output_headers(visit->request), "Location", to);
	answer(visit, 303, "text/plain; charset=utf-8", "", 0);
}

/* Only a plain name: a header carries it. */
static const char *file_name(struct visit *visit)
{
	const char *number = visit->e->invoice.snapshot.number;
	bool plain = number && *number && strlen(number) <= 80 &&
		strspn(number, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(number);

	return arena_printf(visit->arena, "inline; filename=\"%s.pdf\"", plain ? number : "invoice");
}

static void answer_document(struct visit *visit)
{
	const struct debtor_page *page = visit->page;
	const char *digest = visit->e->invoice.snapshot.pdf_sha256;
	struct attachment document = { 0 };
	struct err err = { 0 };

	if (visit->c.has_document && evhttp_request_get_command(visit->request) == EVHTTP_REQ_HEAD) {
		answer(visit, HTTP_OK, "application/pdf", "", 0);
		return;
	}
	if (!digest || documents_read(page->settings.config->documents_dir, digest, visit->arena, &document, &err) < 0) {
		answer_home(visit, HTTP_NOTFOUND);
		return;
	}
	evhttp_add_header(evhttp_request_get_output_headers(visit->request), "Content-Disposition", file_name(visit));
	answer(visit, HTTP_OK, "application/pdf", document.data, document.len);
}

/* What a form's token is for: of an offer, for these terms alone. */
static const char *good_for(const struct visit *visit)
{
	const char *action = page_action_names[visit->action];

	return visit->offer_id ? arena_printf(visit->arena, "%s/%s", action, visit->offer_id) : action;
}

/* --- what was posted ---------------------------------------------------------------------------------------------------------------- */

static void on_saved(int r, const struct redis_reply *reply, void *arg)
{
	struct visit *visit = arg;

	if (r < 0 || reply->type != REDIS_INTEGER) {
		if (reply && reply->type == REDIS_ERROR)
			note(visit->page, LOG_ERR | MSG(REDIS_REFUSES), "page: Redis did not take what a debtor said: %.100s", reply->str);
		answer_kind(visit, HTTP_SERVUNAVAIL, PAGE_KIND_UNSAVED);
		return;
	}
	visit->page->counts.said += reply->integer == 1;
	if (reply->integer < 0)
		answer_kind(visit, 403, PAGE_KIND_AGAIN);
	else
		answer_said(visit);
}

static void save(struct visit *visit, const struct page_said *said)
{
	CLEANUP(buf_clear) struct buf event = { 0 };
	CLEANUP(buf_clear) struct buf receipt = { 0 };
	const struct page_receipt kept = page_receipt_of(&visit->c, said, visit->said_id, visit->arena);
	const char *argv[5] = { key_events(visit->arena, &visit->keys, NULL),
		key_of(visit->arena, &visit->keys, arena_printf(visit->arena, "page:%s", visit->said_id)), visit->digest };
	size_t lens[5] = { strlen(argv[0]), strlen(argv[1]), DIGEST_LEN };

	page_event(&visit->c, said, visit->said_id, &event);
	page_receipt_write(&receipt, &kept);
	argv[3] = arena_memdup(visit->arena, event.data, lens[3] = event.len);
	argv[4] = arena_memdup(visit->arena, receipt.data, lens[4] = receipt.len);
	redis_link_script_kept(redis_links_at(visit->page->redis, visit->keys.partition), &visit->page->save, visit->page->settings.config->redis_replicas, 2,
		ARRAY_LEN(argv), argv, lens, REDIS_MS, on_saved, visit);
}

/* Whether what the form is about can be said now; *offer: which of those that were made, NULL = none. */
static bool allowed(const struct visit *visit, struct page_limits *limits, const struct made_offer **offer)
{
	*offer = visit->offer_id ? page_offer(&visit->c, visit->action, visit->offer_id) : NULL;
	return page_allows(&visit->c, visit->action, limits) && !visit->offer_id == !*offer;
}

static void take(struct visit *visit)
{
	const struct made_offer *offer;
	struct page_limits limits;
	struct page_said said;

	if (visit->was && strcmp(visit->was, visit->digest) == 0) { /* sent twice */
		answer_said(visit);
		return;
	}
	if (visit->was) {
		answer_kind(visit, 403, PAGE_KIND_AGAIN);
		return;
	}
	visit->receipt = NULL;
	if (!allowed(visit, &limits, &offer)) {
		if (!visit->token)
			answer_said(visit); /* no mail goes there already */
		else
			answer_home(visit, 409);
	} else if (!page_read(&visit->c, visit->action, &limits, visit->pairs, visit->pair_count, visit->arena, &said)) {
		answer_form(visit, 422, &limits, offer, &said, visit->token); /* not used yet */
	} else {
		said.offer = offer;
		save(visit, &said);
	}
}

/* --- what is shown ------------------------------------------------------------------------------------------------------------------ */

static void show_form(struct visit *visit)
{
	const struct made_offer *offer;
	struct page_limits limits;
	uint8_t nonce[12];

	if (!allowed(visit, &limits, &offer)) {
		answer_home(visit, HTTP_OK);
		return;
	}
	random_bytes(nonce, sizeof(nonce));
	answer_form(visit, HTTP_OK, &limits, offer, NULL, form_token_write(&visit->page->keys, &visit->link, visit->link_text, good_for(visit),
		visit->c.now, nonce, visit->arena));
}

static void show(struct visit *visit)
{
	switch (visit->asked) {
	case ASKED_DOCUMENT:
		answer_document(visit);
		break;
	case ASKED_FORM:
		show_form(visit);
		break;
	default:
		answer_home(visit, HTTP_OK);
		break;
	}
}

static bool has_document(struct visit *visit)
{
	const char *dir = visit->page->settings.config->documents_dir, *digest = visit->e->invoice.snapshot.pdf_sha256;

	return dir && digest && strspn(digest, "0123456789abcdef") == 2 * SHA256_SIZE && !digest[2 * SHA256_SIZE] &&
		access(arena_printf(visit->arena, "%s/%s.pdf", dir, digest), R_OK) == 0;
}

static void on_ready(struct visit *visit)
{
	struct debtor_page *page = visit->page;

	visit->c = (struct page_case){ .config = page->settings.config, .e = visit->e, .debtor = visit->debtor, .link = &visit->link,
		.policy = visit->e->policy_digest ? library_policy_digest(page->library, visit->e->policy_digest) : NULL,
		.link_text = visit->link_text, .now = now_of(page), .has_document = has_document(visit) };
	if (visit->post)
		take(visit);
	else
		show(visit);
}

static void on_debtor(int r, const struct redis_reply *reply, void *arg)
{
	struct visit *visit = arg;

	if (r < 0 || reply->type == REDIS_ERROR) {
		answer_kind(visit, HTTP_SERVUNAVAIL, PAGE_KIND_UNSAVED);
		return;
	}
	if (reply->type == REDIS_STRING) {
		visit->debtor = arena_alloc(visit->arena, sizeof(*visit->debtor));
		if (debtor_read(visit->arena, arena_memdup(visit->arena, reply->str, reply->len), reply->len, visit->debtor, NULL) < 0)
			visit->debtor = NULL;
	}
	on_ready(visit);
}

/* A receipt of another link is none. */
static void read_receipt(struct visit *visit, const struct redis_reply *reply)
{
	char link_id[LINK_ID_SIZE];

	if (reply->type != REDIS_STRING || reply->len <= DIGEST_LEN)
		return;
	visit->receipt = arena_alloc(visit->arena, sizeof(*visit->receipt));
	if (page_receipt_read(visit->arena, arena_memdup(visit->arena, reply->str + DIGEST_LEN, reply->len - DIGEST_LEN), reply->len - DIGEST_LEN,
		    visit->receipt) < 0 || strcmp(visit->receipt->link_id, page_link_id(visit->link_text, link_id)) != 0)
		visit->receipt = NULL;
	else
		visit->was = arena_memdup(visit->arena, reply->str, DIGEST_LEN);
}

static void on_invoice(int r, const struct redis_reply *reply, void *arg)
{
	struct visit *visit = arg;
	const struct redis_reply *doc = r == 0 && reply->type == REDIS_ARRAY && reply->count == 2 ? &reply->items[0] : NULL;
	const char *argv[] = { "GET", NULL };

	if (!doc) {
		answer_kind(visit, HTTP_SERVUNAVAIL, PAGE_KIND_UNSAVED);
		return;
	}
	visit->e = arena_alloc(visit->arena, sizeof(*visit->e));
	if (doc->type != REDIS_STRING ||
		escalation_read(visit->arena, arena_memdup(visit->arena, doc->str, doc->len), doc->len, visit->e, NULL) < 0 ||
		!visit->e->invoice.known) { /* never told, or erased */
		answer_kind(visit, HTTP_NOTFOUND, PAGE_KIND_LOST);
		return;
	}
	read_receipt(visit, &reply->items[1]);
	if (!visit->e->invoice.debtor_id) {
		on_ready(visit);
		return;
	}
	argv[1] = key_debtor(visit->arena, &visit->keys, visit->e->invoice.debtor_id);
	redis_link_command(redis_links_at(visit->page->redis, visit->keys.partition), ARRAY_LEN(argv), argv, NULL, REDIS_MS, on_debtor, visit);
}

static void ask(struct visit *visit)
{
	const char *argv[] = { "MGET", NULL, NULL };

	if (!redis_link_connected(redis_links_at(visit->page->redis, visit->keys.partition))) {
		answer_kind(visit, HTTP_SERVUNAVAIL, PAGE_KIND_UNSAVED);
		return;
	}
	argv[1] = key_escalation(visit->arena, &visit->keys, visit->link.invoice_id);
	argv[2] = key_of(visit->arena, &visit->keys, arena_printf(visit->arena, "page:%s", visit->said_id ? visit->said_id : "-"));
	redis_link_command(redis_links_at(visit->page->redis, visit->keys.partition), ARRAY_LEN(argv), argv, NULL, REDIS_MS, on_invoice, visit);
}

/* --- a request ---------------------------------------------------------------------------------------------------------------------- */

static bool is_hex(const char *text, size_t len)
{
	return strlen(text) == len && strspn(text, "0123456789abcdef") == len;
}

/* "/p/<link>[/<what>[/<id>]]". False: there is no such place. */
static bool read_target(struct visit *visit, const char *uri)
{
	char *parts[3] = { NULL }, *at = arena_memdup(visit->arena, uri, strcspn(uri, "?"));
	size_t count = 0;

	if (strncmp(at, "/p/", 3) != 0)
		return false;
	for (at += 3; at && count < ARRAY_LEN(parts); count++) {
		parts[count] = at;
		at = strchr(at, '/');
		if (at)
			*at++ = '\0';
	}
	visit->link_text = parts[0];
	if (at || !*parts[0])
		return false;
	if (count == 1)
		return true;
	if (count == 3 && strcmp(parts[1], "said") == 0) {
		visit->asked = ASKED_SAID;
		visit->said_id = parts[2];
		return is_hex(parts[2], TOKEN_ID_SIZE - 1);
	}
	visit->asked = ASKED_DOCUMENT;
	if (strcmp(parts[1], "invoice.pdf") == 0)
		return count == 2;
	visit->asked = ASKED_FORM;
	visit->offer_id = parts[2];
	for (int a = 0; a < PAGE_ACTION_COUNT; a++)
		if (strcmp(parts[1], page_action_names[a]) == 0) {
			visit->action = (enum page_action)a;
			return page_takes_offer(visit->action) ? count == 3 && is_hex(parts[2], PAGE_OFFER_SIZE - 1) : count == 2;
		}
	return false;
}

/* "?l=fr" among whatever else stands in the query: mailers add words of their own. The reader's choice counts more than ours. */
static void read_language(struct visit *visit, const char *uri)
{
	for (const char *at = strchr(uri, '?'); at; at = strchr(at + 1, '&')) {
		const char *language = strncmp(at + 1, "l=", 2) == 0 && strcspn(at + 3, "&") == 2 ? arena_memdup(visit->arena, at + 3, 2) : "";

		if (!page_texts_speak(visit->page->settings.texts, language))
			continue;
		visit->chosen = language;
		page_link_language(language, visit->link.language);
	}
}

/* The address that the proxy saw: it writes it behind whatever the visitor claims. The proxy itself is on this computer. */
static const char *address_of(struct evhttp_request *request)
{
	const struct evkeyval *header;
	const char *told = NULL;
	char *peer = NULL;
	ev_uint16_t port;

	evhttp_connection_get_peer(evhttp_request_get_connection(request), &peer, &port);
	if (!peer || (strncmp(peer, "127.", 4) != 0 && strcmp(peer, "::1") != 0))
		return peer ? peer : "";
	TAILQ_FOREACH(header, evhttp_request_get_input_headers(request), next)
		if (strcasecmp(header->key, "X-Forwarded-For") == 0)
			told = header->value;
	if (!told)
		return peer;
	return strrchr(told, ',') ? strrchr(told, ',') + 1 : told;
}

/* One household or office of IPv6 is a network of 64 bits. */
static bool may_come(struct debtor_page *page, struct evhttp_request *request, char kind, const struct throttle_rate *rate)
{
	const char *text = address_of(request);
	struct in6_addr six;

	text += strspn(text, " \t");
	if (inet_pton(AF_INET6, text, &six) == 1)
		return throttle_take(page->throttle, kind, &six, 8, rate, mono_ms());
	return throttle_take(page->throttle, kind, text, strlen(text), rate, mono_ms());
}

static bool is_form(struct evhttp_request *request)
{
	static const char form[] = "application/x-www-form-urlencoded";
	const char *type = evhttp_find_header(evhttp_request_get_input_headers(request), "Content-Type");

	return type && strncasecmp(type, form, sizeof(form) - 1) == 0 && strchr("; \t", type[sizeof(form) - 1]);
}

/*
 * RFC 8058: what stands in a mail's head was clicked. Its program has no form of ours, and the link was in that mail alone. Told again it is the same
 * word, however it is written.
 */
static bool unsubscribes(struct visit *visit, const char *body, size_t len)
{
	char *id = arena_alloc(visit->arena, TOKEN_ID_SIZE);
	uint8_t digest[SHA256_SIZE];

	if (visit->action != PAGE_STOP || visit->link.channel != CHANNEL_EMAIL || !unsubscribe_asked(body, len))
		return false;
	sha256(visit->link_text, strlen(visit->link_text), digest);
	hex_format(digest, sizeof(digest), visit->digest);
	snprintf(id, TOKEN_ID_SIZE, "%.*s", TOKEN_ID_SIZE - 1, visit->digest);
	visit->said_id = id;
	return true;
}

/* What was posted, as far as it is ours: the form's token comes first, and nothing else is looked at without it. */
static bool read_posted(struct visit *visit)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(visit->request);
	size_t len = evbuffer_get_length(in);
	char *body = arena_alloc(visit->arena, len + 1), *id = arena_alloc(visit->arena, TOKEN_ID_SIZE);
	struct form_pair *pairs;
	uint8_t digest[SHA256_SIZE];

	(void)evbuffer_copyout(in, body, len);
	if (unsubscribes(visit, body, len))
		return true;
	if (!is_form(visit->request) || form_decode(body, len, visit->arena, &pairs, &visit->pair_count, NULL) < 0 ||
		form_get(pairs, visit->pair_count, "token", 64, false, visit->arena, &visit->token) != FORM_TEXT ||
		!form_token_read(&visit->page->keys, &visit->link, visit->link_text, good_for(visit), now_of(visit->page),
			visit->token, id))
		return false;
	visit->pairs = pairs;
	visit->said_id = id;
	sha256(body, len, digest);
	hex_format(digest, sizeof(digest), visit->digest);
	return true;
}

static void begin(struct visit *visit, const char *uri)
{
	struct debtor_page *page = visit->page;
	enum evhttp_cmd_type method = evhttp_request_get_command(visit->request);
	char link_id[LINK_ID_SIZE];

	visit->post = method == EVHTTP_REQ_POST;
	if (!visit->post && method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD) {
		answer_kind(visit, HTTP_BADMETHOD, PAGE_KIND_LOST);
		return;
	}
	if (!visit->post && strcmp(uri, "/p/page.css") == 0) {
		answer(visit, HTTP_OK, "text/css; charset=utf-8", page_texts_style(page->settings.texts)->data, page_texts_style(page->settings.texts)->len);
		return;
	}
	if (!may_come(page, visit->request, 'a', &address_reads)) {
		answer_kind(visit, 429, PAGE_KIND_BUSY);
		return;
	}
	if (!read_target(visit, uri) || !page_link_read(&page->keys, visit->link_text, now_of(page), visit->arena, &visit->link) ||
		visit->link.partition >= (uint64_t)page->settings.config->partitions) {
		visit->link_text = NULL;
		visit->link.language[0] = '\0'; /* whoever holds no good link gets one page, whatever stands in it */
		if (may_come(page, visit->request, 'g', &guesses))
			answer_kind(visit, HTTP_NOTFOUND, PAGE_KIND_LOST);
		else
			answer_kind(visit, 429, PAGE_KIND_BUSY);
		return;
	}
	read_language(visit, uri);
	visit->keys = (struct keyspace){ page->settings.config->prefix, visit->link.partition };
	(void)page_link_id(visit->link_text, link_id);
	if (!throttle_take(page->throttle, visit->post ? 'w' : 'r', link_id, sizeof(link_id), visit->post ? &link_words : &link_reads, mono_ms()))
		answer_kind(visit, 429, PAGE_KIND_BUSY);
	else if (method == EVHTTP_REQ_GET && visit->asked == ASKED_DOCUMENT &&
		!throttle_take(page->throttle, 'd', link_id, sizeof(link_id), &link_documents, mono_ms()))
		answer_kind(visit, 429, PAGE_KIND_BUSY);
	else if (visit->post && visit->asked != ASKED_FORM)
		answer_kind(visit, HTTP_BADMETHOD, PAGE_KIND_AGAIN);
	else if (visit->post && !read_posted(visit))
		answer_kind(visit, 403, PAGE_KIND_AGAIN);
	else
		ask(visit);
}

static void on_request(struct evhttp_request *request, void *arg)
{
	struct debtor_page *page = arg;
	struct visit *visit = xcalloc(1, sizeof(*visit));
	struct err err = { 0 };

	visit->page = page;
	visit->arena = arena_create();
	visit->request = request;
	visit->next = page->visits;
	visit->at = &page->visits;
	if (visit->next)
		visit->next->at = &visit->next;
	page->visits = visit;
	if (http_request_check(request, &err) < 0)
		answer_kind(visit, HTTP_BADREQUEST, PAGE_KIND_LOST);
	else
		begin(visit, evhttp_request_get_uri(request));
}

/* --- the whole ---------------------------------------------------------------------------------------------------------------------- */

int debtor_page_create(struct event_base *base, const struct debtor_page_settings *settings, struct library *library,
	struct debtor_page **ret, struct err *err)
{
	CLEANUP(debtor_page_destroyp) struct debtor_page *page = xcalloc(1, sizeof(*page));
	const struct http_limits limits = { .head = 8192, .body = BODY_MAX, .connections = CONNECTIONS_MAX, .evict = true, .deadline_ms = DEADLINE_MS };
	const struct config *config = settings->config;
	uint8_t key[32];
	int r, port;

	page->settings = *settings;
	page->library = library_ref(library);
	page->keys = (struct token_keys){ settings->install_key, (int)config->page_key, (int)config->page_oldest_key };
	page->base = strchr(config->page_public_url + 8, '/'); /* behind "https://" */
	page->base = page->base ? page->base : "";
	random_bytes(key, sizeof(key));
	page->throttle = throttle_create(key);
	page->http = evhttp_new(base);
	page->guard = http_guard_create(base, page->http, &limits);
	evhttp_set_allowed_methods(page->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
		EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
	evhttp_set_gencb(page->http, on_request, page);
	r = http_guard_listen(page->guard, page->http, "page", config->page_listen, &port, err);
	if (r < 0)
		return r;
	note(page, LOG_INFO, "page: listening at port %d", port);
	redis_script_init(&page->save, save_text);
	page->redis = redis_links_create(base, settings->redis, config->prefix, (uint32_t)config->partitions, NULL, NULL);
	redis_links_open(page->redis);
	*ret = TAKE(page);
	return 0;
}

void debtor_page_use(struct debtor_page *page, struct library *library, const struct page_texts *texts)
{
	page->settings.texts = texts;
	library_free(page->library);
	page->library = library_ref(library);
}

void debtor_page_destroy(struct debtor_page *page)
{
	if (!page)
		return;
	redis_links_destroy(page->redis); /* it calls nobody any more */
	while (page->visits)
		answer_kind(page->visits, HTTP_SERVUNAVAIL, PAGE_KIND_UNSAVED);
	if (page->http)
		evhttp_free(page->http);
	http_guard_destroy(page->guard);
	throttle_free(page->throttle);
	library_free(page->library);
	free(page);
}

const char *debtor_page_link(const struct debtor_page *page, uint32_t partition, const char *invoice_id, struct arena *arena)
{
	const struct config *config = page->settings.config;
	const struct page_link link = { .partition = partition, .channel = CHANNEL_COUNT, .invoice_id = invoice_id,
		.last_on = { (int32_t)(now_of(page) / DAY_MS + config->page_link_days) } };

	return arena_printf(arena, "%s/p/%s", config->page_public_url, page_link_write(&page->keys, &link, arena));
}

struct debtor_page_counts debtor_page_counts(const struct debtor_page *page)
{
	return page->counts;
}
