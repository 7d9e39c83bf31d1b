#include "daemon/hooks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <syslog.h>
#include <time.h>

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "common/contact.h"
#include "common/hash.h"
#include "common/keys.h"
#include "common/utc.h"
#include "common/unsubscribe.h"
#include "daemon/hooks_internal.h"
#include "daemon/http_guard.h"
#include "daemon/intake.h"
#include "daemon/log_id.h"

#define HEADERS_MAX 100
#define HTTP_GONE 410
#define DEADLINE_MS 10000
#define ANSWER_MS 120000 /* Redis may be long in taking a batch */
#define CONNECTIONS_MAX 256
#define TELL_MS 10000
#define HELD_MAX (96u << 20) /* bytes of requests that are not whole yet: at least one of the longest */
#define IN_HAND_MAX (64u << 20) /* bytes of those that wait for Redis; of each some copies are made */
#define PORTION 500 /* events that are saved at once */

struct call { /* one request that waits for Redis */
	struct hooks *hooks;
	struct library *library; /* a reference: its webhook lies there */
	struct arena *arena;
	struct evhttp_request *request; /* NULL once answered */
	struct hook_origin origin;
	struct hook_request asked;
	struct hook_proof proof;
	struct intake_batch batch; /* the portion that is being saved */
	size_t bytes; /* of its body */
	const struct hook_event *rest; /* behind it */
	size_t rest_count;
	struct hook_event wish; /* of an unsubscription */
	bool page; /* a person reads the answer */
	struct call *next, **link;
};

struct hooks {
	struct hooks_settings settings;
	struct library *library; /* a reference */
	struct evhttp *http;
	struct http_guard *guard;
	struct intake *intake;
	struct call *calls;
	struct hooks_counts counts;
	size_t in_hand; /* bytes of the calls' bodies */
	bool answering; /* what goes out is our answer */
	int64_t told_at; /* wall: of the last line about a refusal */
	uint64_t untold;
};

static void note(struct hooks *hooks, int priority, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void note(struct hooks *hooks, int priority, const char *format, ...)
{
	char line[1200];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	hooks->settings.note(priority, line, hooks->settings.note_arg);
}

/* --- answers ------------------------------------------------------------------------------------------------------------------ */

static void answer(struct hooks *hooks, struct evhttp_request *request, int status, const char *type, const char *text)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);

	evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "Connection", "close");
	if (status == HTTP_SERVUNAVAIL)
		evhttp_add_header(headers, "Retry-After", "30");
	if (status == 401)
		evhttp_add_header(headers, "WWW-Authenticate", "Basic realm=\"hooks\""); /* some providers send theirs only when asked */
	hooks->counts.refused += status >= 400 && status < 500;
	hooks->counts.unsaved += status == HTTP_SERVUNAVAIL;
	(void)evbuffer_add_printf(evhttp_request_get_output_buffer(request), "%s\n", text);
	hooks->answering = true;
	evhttp_send_reply(request, status, NULL, NULL);
	hooks->answering = false;
}

static void call_free(struct call *call)
{
	*call->link = call->next;
	if (call->next)
		call->next->link = call->link;
	call->hooks->in_hand -= call->bytes;
	library_free(call->library);
	if (call->batch.arena && call->batch.arena != call->arena) /* it was cut off */
		arena_free(call->batch.arena);
	arena_free(call->arena);
	free(call);
}

/* Whoever hung up meanwhile is only forgotten: evhttp keeps a request until it is answered. */
static void call_answer(struct call *call, int status, const char *text)
{
	const struct hook_answer *own = status == HTTP_OK && call->origin.hook ? hook_answer(call->origin.hook) : NULL;
	bool has = own && own->body;

	answer(call->hooks, TAKE(call->request), status, has ? own->type : "text/plain", has ? own->body : text);
	call_free(call);
}

/* As the debtor's page looks; whoever asks is told no more of us than there. */
static void call_show(struct call *call, int status, enum page_kind kind)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(call->request);
	const char *page = NULL;
	struct err err = { 0 };

	if (unsubscribe_page(&call->hooks->settings, &call->asked, kind, call->arena, &page, &err) < 0) {
		note(call->hooks, LOG_ERR | MSG(PAGE_FAILS), "hooks: the page of a mail's link cannot be shown: %s", err.text);
		page = "";
	}
	evhttp_add_header(headers, "Content-Security-Policy", page_policy);
	evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	evhttp_add_header(headers, "X-Robots-Tag", "noindex, nofollow");
	evhttp_add_header(headers, "Referrer-Policy", "no-referrer"); /* the link is a key */
	answer(call->hooks, TAKE(call->request), status, "text/html; charset=utf-8", page);
	call_free(call);
}

/* --- a request ---------------------------------------------------------------------------------------------------------------- */

/* "/hooks/<provider>[/<path>][/<secret>]": the parts as they stand; nothing in them needs an escape. */
struct target {
	const char *provider, *path, *secret;
	const struct library_provider *to;
	const struct hook *hook;
};

static bool find_target(const struct hooks *hooks, const char *uri, struct arena *arena, struct target *ret)
{
	char *parts[4] = { NULL }, *at = arena_memdup(arena, uri, strcspn(uri, "?"));
	size_t count = 0;

	*ret = (struct target){ .path = "", .secret = "" };
	if (strncmp(at, "/hooks/", 7) != 0 || strchr(at, '%') || strchr(at, '#'))
		return false;
	for (at += 7; at && count < ARRAY_LEN(parts); count++) {
		parts[count] = at;
		at = strchr(at, '/');
		if (at)
			*at++ = '\0';
		if (!*parts[count])
			return false;
	}
	if (at)
		return false;
	ret->provider = parts[0];
	ret->to = library_provider(hooks->library, parts[0]);
	if (!ret->to || !ret->to->adapter)
		return false;
	if (count > 1 && (ret->hook = adapter_hook(ret->to->adapter, parts[1])))
		ret->path = parts[1];
	else
		ret->hook = adapter_hook(ret->to->adapter, "");
	if (!ret->hook)
		return false;
	at = parts[*ret->path ? 2 : 1];
	ret->secret = at ? at : "";
	return hook_secret_in_path(ret->hook) ? count <= (*ret->path ? 3u : 2u) : !at;
}

static int read_headers(struct evhttp_request *request, struct arena *arena, struct hook_request *ret)
{
	struct http_header *headers = arena_alloc(arena, HEADERS_MAX * sizeof(*headers));
	const struct evkeyval *header;

	TAILQ_FOREACH(header, evhttp_request_get_input_headers(request), next)
	{
		if (ret->header_count == HEADERS_MAX)
			return -E2BIG;
		headers[ret->header_count++] =
			(struct http_header){ arena_strdup(arena, header->key), arena_strdup(arena, header->value) };
	}
	ret->headers = headers;
	return 0;
}

static void read_body(struct evhttp_request *request, struct arena *arena, struct hook_request *ret)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(request);
	size_t len = evbuffer_get_length(in);
	char *body = arena_alloc(arena, len + 1);

	(void)evbuffer_copyout(in, body, len);
	ret->body = body;
	ret->body_len = len;
}

/* evhttp leaves the body of a GET unread: what stands there would be the next request. */
static bool has_body(struct evhttp_request *request)
{
	const char *len = evhttp_find_header(evhttp_request_get_input_headers(request), "Content-Length");

	return (len && len[strspn(len, "0")]) || evbuffer_get_length(evhttp_request_get_input_buffer(request));
}

/* A GET carries its data in the query: that is what is verified, read and kept. `uri` outlives the answer. */
static void read_query(const char *uri, struct hook_request *ret)
{
	const char *query = strchr(uri, '?');

	ret->body = query ? query + 1 : "";
	ret->body_len = strlen(ret->body);
}

/* Where the file does not say more, as the configuration says: evhttp's own limit is that of the webhook with the most. `hook` NULL: a link of ours. */
static bool too_large(const struct hooks *hooks, struct evhttp_request *request, const struct hook *hook)
{
	size_t len = evbuffer_get_length(evhttp_request_get_input_buffer(request));

	return len > (size_t)hooks->settings.config->hooks_body_bytes && (!hook || len > hook_body_bytes(hook));
}

static int64_t wall_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Whoever floods us must not fill the log. */
static void tell_refused(struct hooks *hooks, int priority, const char *provider, const char *why)
{
	hooks->untold++;
	if (wall_ms() - hooks->told_at < TELL_MS && wall_ms() >= hooks->told_at)
		return;
	note(hooks, priority, "hooks: a request for %s%s is refused: %s (%llu since the last such line)",
		provider ? "provider " : "", provider ? provider : "somebody", why, (unsigned long long)hooks->untold);
	hooks->told_at = wall_ms();
	hooks->untold = 0;
}

static int refuse(struct hooks *hooks, const struct target *target, int r, const struct err *err)
{
	int status = r == -EACCES ? hook_refused_status(target->hook) : r == -EBADMSG ? HTTP_BADREQUEST : HTTP_SERVUNAVAIL;

	tell_refused(hooks, (status == HTTP_SERVUNAVAIL ? LOG_ERR : LOG_NOTICE) | MSG(HOOK_REFUSED), target->provider, err->code);
	return status;
}

/* Its head says that it is longer than any may be: evhttp neither reads it nor asks us. */
static void on_too_large(void *arg)
{
	struct hooks *hooks = arg;

	if (hooks->answering)
		return;
	hooks->counts.refused++;
	tell_refused(hooks, LOG_WARNING | MSG(HOOK_REFUSED), NULL, "too_large");
}

/* It may be an answer with files over a line that is too slow for them. */
static void on_cut(void *arg)
{
	struct hooks *hooks = arg;

	hooks->counts.refused++;
	tell_refused(hooks, LOG_WARNING | MSG(HOOK_REFUSED), NULL, "cut_short");
}

/* 0, or the status of the refusal. */
static int take(struct call *call, const struct target *target)
{
	struct hooks *hooks = call->hooks;
	struct adapter_input input = { .settings = target->to->settings, .secret = hooks->settings.secret,
		.secret_arg = hooks->settings.secret_arg, .now = call->asked.now };
	struct hook_event *events;
	struct err err = { 0 };
	const char *question;
	size_t count;
	int r;

	r = hook_verify(target->hook, &input, &call->asked, call->arena, &call->proof, &err);
	if (r == 0)
		r = hook_read(target->hook, &call->asked, call->arena, &events, &count, &err);
	if (r < 0)
		return refuse(hooks, target, r, &err);
	call->origin = (struct hook_origin){ .provider = arena_strdup(call->arena, target->provider),
		.source = arena_printf(call->arena, "/hooks/%s%s%s", target->provider, *target->path ? "/" : "", target->path), .hook = target->hook, .request = &call->asked, .verified = call->proof.verified,
		.alone = count == 1, .now = hooks->settings.now(hooks->settings.now_arg) };
	question = hook_asks(target->hook, &call->asked, call->arena);
	if (question)
		note(hooks, LOG_NOTICE, "hooks: provider %s asks whether it may write here; to say yes open %.900s", target->provider, question);
	call->batch = (struct intake_batch){ .adapter = target->to->adapter, .origin = &call->origin, .once = call->proof.once, .seen_ms = HOOK_SEEN_MS };
	call->rest = events;
	call->rest_count = count;
	return 0;
}

static void on_taken(const struct intake_result *result, void *arg);

/* Portion by portion, so that neither Redis nor we have a long one in hand. What is saved of a request that fails later is known when it comes again. */
static void take_portion(struct call *call)
{
	call->batch.arena = arena_create();
	call->batch.events = call->rest;
	call->batch.count = call->rest_count < PORTION ? call->rest_count : PORTION;
	call->rest += call->batch.count;
	call->rest_count -= call->batch.count;
	intake_take(call->hooks->intake, &call->batch, on_taken, call);
}

static void on_taken(const struct intake_result *result, void *arg)
{
	struct call *call = arg;

	call->hooks->counts.taken += result->added;
	call->hooks->counts.known += result->known;
	if (call->batch.arena != call->arena) {
		arena_free(call->batch.arena);
		call->batch.arena = call->arena;
	}
	if (result->end == INTAKE_SAVED && call->rest_count) {
		take_portion(call);
		return;
	}
	if (result->end == INTAKE_SAVED && result->lost)
		call_show(call, HTTP_GONE, PAGE_KIND_UNKNOWN);
	else if (result->end == INTAKE_SAVED && call->page)
		call_show(call, HTTP_OK, PAGE_KIND_LEFT);
	else if (result->end == INTAKE_SAVED)
		call_answer(call, HTTP_OK, "ok");
	else if (result->end == INTAKE_REPLAYED)
		call_answer(call, 401, "used before");
	else
		call_answer(call, HTTP_SERVUNAVAIL, "not saved");
}

/* RFC 8058: the POST counts; a GET, which any program that looks at the mail may send, only asks. */
static void unsubscribe(struct call *call, const char *uri)
{
	static const struct hook_proof proof = { .verified = true };
	struct hooks *hooks = call->hooks;
	enum evhttp_cmd_type method = evhttp_request_get_command(call->request);
	const char *token = uri + strlen(UNSUBSCRIBE_PATH);
	int r;

	call->page = true;
	call->asked.now = wall_ms();
	if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_POST) {
		call_answer(call, HTTP_BADMETHOD, "GET and POST alone");
		return;
	}
	if ((method == EVHTTP_REQ_GET && has_body(call->request)) || read_headers(call->request, call->arena, &call->asked) < 0) {
		call_answer(call, HTTP_BADREQUEST, "not read");
		return;
	}
	if (method == EVHTTP_REQ_GET && strcmp(token, UNSUBSCRIBE_STYLE) == 0) {
		answer(hooks, TAKE(call->request), HTTP_OK, "text/css; charset=utf-8", buf_str(page_texts_style(hooks->settings.texts)));
		call_free(call);
		return;
	}
	if (too_large(hooks, call->request, NULL)) {
		call_answer(call, HTTP_ENTITYTOOLARGE, "too large");
		return;
	}
	read_body(call->request, call->arena, &call->asked);
	r = unsubscribe_read(hooks->settings.install_key, &call->asked, token, call->arena, &call->wish);
	if (r == -EACCES) {
		call_answer(call, HTTP_NOTFOUND, "this address is not one of ours");
	} else if (method == EVHTTP_REQ_GET) {
		call_show(call, HTTP_OK, PAGE_KIND_LEAVE);
	} else if (r < 0) {
		call_answer(call, HTTP_BADREQUEST, "List-Unsubscribe=One-Click is not asked for");
	} else {
		call->proof = proof;
		call->origin = (struct hook_origin){ .provider = "unsubscribe", .source = "/hooks/unsubscribe", .request = &call->asked,
			.verified = true, .alone = true, .now = hooks->settings.now(hooks->settings.now_arg) };
		call->batch = (struct intake_batch){ .arena = call->arena, .origin = &call->origin, .events = &call->wish, .count = 1,
			.seen_ms = HOOK_SEEN_MS };
		intake_take(hooks->intake, &call->batch, on_taken, call);
	}
}

static void on_request(struct evhttp_request *request, void *arg)
{
	struct hooks *hooks = arg;
	const char *uri = evhttp_request_get_uri(request);
	struct target target;
	struct err err = { 0 };
	struct call *call;
	int status;
	bool get;

	http_guard_whole(hooks->guard, request);
	if (http_request_check(request, &err) < 0) {
		answer(hooks, request, HTTP_BADREQUEST, "text/plain", err.text);
		return;
	}
	call = xcalloc(1, sizeof(*call));
	call->hooks = hooks;
	call->library = library_ref(hooks->library);
	call->arena = arena_create();
	call->request = request;
	call->next = hooks->calls;
	call->link = &hooks->calls;
	if (call->next)
		call->next->link = &call->next;
	hooks->calls = call;
	if (strncmp(uri, UNSUBSCRIBE_PATH, strlen(UNSUBSCRIBE_PATH)) == 0) {
		unsubscribe(call, uri);
		return;
	}
	if (!find_target(hooks, uri, call->arena, &target)) {
		call_answer(call, HTTP_NOTFOUND, "there is no such webhook");
		return;
	}
	get = hook_by_get(target.hook);
	if (evhttp_request_get_command(request) != (get ? EVHTTP_REQ_GET : EVHTTP_REQ_POST)) {
		call_answer(call, HTTP_BADMETHOD, get ? "GET alone" : "POST alone");
		return;
	}
	if (get && has_body(request)) {
		call_answer(call, HTTP_BADREQUEST, "a GET has no body");
		return;
	}
	if (too_large(hooks, request, target.hook)) { /* it may be an answer that its provider gives up now */
		tell_refused(hooks, LOG_WARNING | MSG(HOOK_REFUSED), target.provider, "too_large");
		call_answer(call, HTTP_ENTITYTOOLARGE, "too large");
		return;
	}
	if (hooks->in_hand && hooks->in_hand + evbuffer_get_length(evhttp_request_get_input_buffer(request)) > IN_HAND_MAX) {
		call_answer(call, HTTP_SERVUNAVAIL, "busy");
		return;
	}
	call->bytes = evbuffer_get_length(evhttp_request_get_input_buffer(request));
	hooks->in_hand += call->bytes;
	call->asked = (struct hook_request){ .url = arena_join(call->arena, hooks->settings.config->hooks_public_url, uri),
		.path_secret = target.secret, .now = wall_ms() };
	if (read_headers(request, call->arena, &call->asked) < 0) {
		call_answer(call, HTTP_BADREQUEST, "too many headers");
		return;
	}
	if (get)
		read_query(uri, &call->asked);
	else
		read_body(request, call->arena, &call->asked);
	status = take(call, &target);
	if (status)
		call_answer(call, status, status == HTTP_BADREQUEST ? "not read" : status == HTTP_SERVUNAVAIL ? "not ready" : "not verified");
	else
		take_portion(call);
}

/* --- the whole ---------------------------------------------------------------------------------------------------------------- */

static int most_bytes(const char *path, const struct hook *hook, void *arg)
{
	size_t *most = arg;

	(void)path;
	if (hook_body_bytes(hook) > *most)
		*most = hook_body_bytes(hook);
	return 0;
}

/* As the configuration says, or as one of the files does that are in use: evhttp has one limit for all addresses. */
static size_t body_limit(const struct hooks *hooks)
{
	size_t most = (size_t)hooks->settings.config->hooks_body_bytes;

	for (size_t i = 0; i < hooks->library->provider_count; i++)
		if (hooks->library->providers[i].adapter)
			(void)adapter_each_hook(hooks->library->providers[i].adapter, most_bytes, &most);
	return most;
}

static int tell_open(const char *path, const struct hook *hook, void *arg)
{
	(void)path;
	*(bool *)arg |= hook_unverified(hook);
	return 0;
}

static void tell_library(struct hooks *hooks)
{
	for (size_t i = 0; i < hooks->library->provider_count; i++) {
		const struct library_provider *p = &hooks->library->providers[i];
		bool open = false;

		if (p->adapter)
			(void)adapter_each_hook(p->adapter, tell_open, &open);
		if (open)
			note(hooks, LOG_WARNING | MSG(HOOK_UNSIGNED), "hooks: anybody may write to a webhook of provider %s: what it tells is recorded and changes nothing",
				p->name);
	}
}

int hooks_create(struct event_base *base, const struct hooks_settings *settings, struct library *library, struct hooks **ret,
	struct err *err)
{
	CLEANUP(hooks_destroyp) struct hooks *hooks = xcalloc(1, sizeof(*hooks));
	struct http_limits limits = { .head = 16384, .connections = CONNECTIONS_MAX, .evict = true, .deadline_ms = DEADLINE_MS,
		.answer_ms = ANSWER_MS, .cut = on_cut, .held = HELD_MAX, .too_large = on_too_large, .arg = hooks };
	int r, port;

	hooks->settings = *settings;
	hooks->library = library_ref(library);
	limits.body = body_limit(hooks);
	hooks->http = evhttp_new(base);
	hooks->guard = http_guard_create(base, hooks->http, &limits);
	/* All of them: what is no POST is told so, by us. */
	evhttp_set_allowed_methods(hooks->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
		EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
	evhttp_set_gencb(hooks->http, on_request, hooks);
	r = http_guard_listen(hooks->guard, hooks->http, "hooks", settings->config->hooks_listen, &port, err);
	if (r < 0)
		return r;
	note(hooks, LOG_INFO, "hooks: listening at port %d", port);
	hooks->intake = intake_create(base, &(struct intake_settings){ .config = settings->config, .redis = settings->redis,
		.install_key = settings->install_key, .now = settings->now, .now_arg = settings->now_arg, .note = settings->note, .note_arg = settings->note_arg });
	tell_library(hooks);
	*ret = TAKE(hooks);
	return 0;
}

void hooks_use(struct hooks *hooks, struct library *library, const struct page_texts *texts)
{
	struct library *old = hooks->library;

	hooks->settings.texts = texts;
	hooks->library = library_ref(library);
	library_free(old);
	evhttp_set_max_body_size(hooks->http, (ev_ssize_t)body_limit(hooks));
	tell_library(hooks);
}

void hooks_destroy(struct hooks *hooks)
{
	if (!hooks)
		return;
	intake_destroy(hooks->intake); /* it calls nobody any more */
	while (hooks->calls)
		call_answer(hooks->calls, HTTP_SERVUNAVAIL, "stopping");
	if (hooks->http)
		evhttp_free(hooks->http);
	http_guard_destroy(hooks->guard);
	library_free(hooks->library);
	free(hooks);
}

struct hooks_counts hooks_counts(const struct hooks *hooks)
{
	return hooks->counts;
}
