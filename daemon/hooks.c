#include "daemon/hooks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>

#include "common/contact.h"
#include "common/hash.h"
#include "common/keys.h"
#include "common/utc.h"
#include "daemon/http_guard.h"

#define HEADERS_MAX 100
#define REDIS_MS 4000 /* shorter than a connection's deadline: 503 in time is better than silence */
#define DEADLINE_MS 10000
#define CONNECTIONS_MAX 256
#define BACKLOG 512
#define TELL_MS 10000

static const char save_text[] =
	"local n, once = tonumber(ARGV[1]), KEYS[tonumber(ARGV[1]) + 2]\n"
	"if once then\n"
	"  local was = redis.call('GET', once)\n"
	"  if was and was ~= ARGV[3] then return -1 end\n"
	"end\n"
	"local added = 0\n"
	"for i = 1, n do\n"
	"  if redis.call('EXISTS', KEYS[i + 1]) == 0 then\n"
	"    redis.call('XADD', KEYS[1], '*', 'event', ARGV[i + 3])\n"
	"    redis.call('SET', KEYS[i + 1], '1', 'PX', ARGV[2])\n"
	"    added = added + 1\n"
	"  end\n"
	"end\n"
	"if once then redis.call('SET', once, ARGV[3], 'PX', ARGV[2]) end\n"
	"return added\n";

struct call;
struct told { /* one event on its way into a stream */
	struct call *call;
	struct hook_event event;
	uint32_t partition;
	bool found;
	struct attempt_entry entry; /* when found */
	const char *attempt_id; /* ours: echoed, or where a reference led; NULL = not known */
	bool by_address; /* it was the address that led there */
};

struct call { /* one request that waits for Redis */
	struct hooks *hooks;
	struct library *library; /* a reference: its webhook lies there */
	struct arena *arena;
	struct evhttp_request *request; /* NULL once answered */
	struct hook_origin origin;
	struct hook_request asked;
	struct hook_proof proof;
	const struct adapter *adapter;
	struct told *told;
	size_t count, waits; /* waits: answers of Redis still to come */
	uint32_t saving; /* the partition whose events are being saved */
	size_t batch; /* how many they are */
	bool failed;
	struct call *next, **link;
};

struct hooks {
	struct hooks_settings settings;
	struct library *library; /* a reference */
	struct evhttp *http;
	struct http_guard *guard;
	struct redis_link *redis;
	struct redis_script save;
	struct call *calls;
	struct hooks_counts counts;
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

static void answer(struct hooks *hooks, struct evhttp_request *request, int status, const char *text)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);

	evhttp_add_header(headers, "Content-Type", "text/plain");
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "Connection", "close");
	if (status == HTTP_SERVUNAVAIL)
		evhttp_add_header(headers, "Retry-After", "30");
	if (status == 401)
		evhttp_add_header(headers, "WWW-Authenticate", "Basic realm=\"hooks\""); /* some providers send theirs only when asked */
	hooks->counts.refused += status >= 400 && status < 500;
	hooks->counts.unsaved += status == HTTP_SERVUNAVAIL;
	(void)evbuffer_add_printf(evhttp_request_get_output_buffer(request), "%s\n", text);
	evhttp_send_reply(request, status, NULL, NULL);
}

static void call_free(struct call *call)
{
	*call->link = call->next;
	if (call->next)
		call->next->link = call->link;
	library_free(call->library);
	arena_free(call->arena);
	free(call);
}

/* Whoever hung up meanwhile is only forgotten: evhttp keeps a request until it is answered. */
static void call_answer(struct call *call, int status, const char *text)
{
	answer(call->hooks, TAKE(call->request), status, text);
	call_free(call);
}

/* --- into the stream ---------------------------------------------------------------------------------------------------------- */

static void save_next(struct call *call);

static char *seen_key(struct call *call, uint32_t partition, const char *what, const char *id)
{
	struct keyspace keys = { call->hooks->settings.config->prefix, partition };
	const char *both = arena_printf(call->arena, "%s\n%s\n%s\n%s", what, call->origin.provider, call->origin.path, id);
	uint8_t digest[SHA256_SIZE];
	char hex[2 * 16 + 1];

	sha256(both, strlen(both), digest);
	return key_of(call->arena, &keys, arena_printf(call->arena, "hook:%s", hex_format(digest, 16, hex)));
}

static void on_saved(int r, const struct redis_reply *reply, void *arg)
{
	struct call *call = arg;
	int64_t added = reply && reply->type == REDIS_INTEGER ? reply->integer : 0;

	if (r < 0 || reply->type != REDIS_INTEGER) {
		if (reply && reply->type == REDIS_ERROR)
			note(call->hooks, LOG_ERR, "hooks: Redis did not take what provider %s told: %.100s", call->origin.provider, reply->str);
		call_answer(call, HTTP_SERVUNAVAIL, "not saved");
		return;
	}
	if (added < 0) {
		note(call->hooks, LOG_WARNING, "hooks: provider %s: a token that was used came with another body", call->origin.provider);
		call_answer(call, 401, "used before");
		return;
	}
	call->hooks->counts.taken += (uint64_t)added;
	call->hooks->counts.known += call->batch - (uint64_t)added;
	call->saving++;
	save_next(call);
}

/* Those of one partition together: its script is one command for Redis, all or nothing. */
static bool save_partition(struct call *call, uint32_t partition)
{
	struct hooks *hooks = call->hooks;
	struct keyspace keyspace = { hooks->settings.config->prefix, partition };
	const char *once = partition == 0 ? call->proof.once : NULL;
	const char **argv = arena_alloc(call->arena, (2 * call->count + 8) * sizeof(*argv));
	size_t *lens = arena_alloc(call->arena, (2 * call->count + 8) * sizeof(*lens));
	size_t keys = 0, args, n = 0;
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	argv[keys++] = key_events(call->arena, &keyspace, NULL);
	for (size_t i = 0; i < call->count; i++)
		if (call->told[i].partition == partition)
			argv[keys++] = seen_key(call, partition, "event", call->told[i].event.id);
	n = call->batch = keys - 1;
	if (once)
		argv[keys++] = seen_key(call, partition, "once", once);
	if (!n && !once)
		return false;
	args = keys;
	sha256(call->asked.body, call->asked.body_len, digest);
	argv[args++] = arena_printf(call->arena, "%zu", n);
	argv[args++] = arena_printf(call->arena, "%lld", (long long)HOOK_SEEN_MS);
	argv[args++] = arena_strdup(call->arena, hex_format(digest, sizeof(digest), hex));
	for (size_t i = 0; i < args; i++)
		lens[i] = strlen(argv[i]);
	for (size_t i = 0; i < call->count; i++) {
		CLEANUP(buf_clear) struct buf text = { 0 };

		if (call->told[i].partition != partition)
			continue;
		hook_event_write(&text, &call->origin, &call->told[i].event, call->told[i].found ? &call->told[i].entry : NULL,
			call->told[i].by_address);
		argv[args] = arena_memdup(call->arena, buf_str(&text), text.len);
		lens[args++] = text.len;
	}
	redis_link_script(hooks->redis, &hooks->save, keys, args, argv, lens, REDIS_MS, on_saved, call);
	return true;
}

static void save_next(struct call *call)
{
	for (; call->saving < (uint32_t)call->hooks->settings.config->partitions; call->saving++)
		if (save_partition(call, call->saving))
			return;
	call_answer(call, HTTP_OK, "ok");
}

/* --- whom it is about --------------------------------------------------------------------------------------------------------- */

static void on_entry(int r, const struct redis_reply *reply, void *arg)
{
	struct told *told = arg;
	struct call *call = told->call;

	if (r < 0 || reply->type == REDIS_ERROR)
		call->failed = true;
	else if (reply->type == REDIS_STRING)
		told->found = attempt_entry_read(call->arena, arena_memdup(call->arena, reply->str, reply->len), reply->len, &told->entry, NULL) == 0 &&
			told->entry.id;
	if (--call->waits)
		return;
	if (call->failed)
		call_answer(call, HTTP_SERVUNAVAIL, "not saved");
	else
		save_next(call);
}

/* What an id itself tells: its partition. */
static uint32_t partition_in(const char *attempt_id, uint32_t partitions)
{
	uint32_t partition = attempt_partition(attempt_id);

	return partition < partitions ? partition : 0;
}

static void find_attempts(struct call *call)
{
	struct hooks *hooks = call->hooks;

	for (size_t i = 0; i < call->count; i++)
		call->waits += call->told[i].attempt_id != NULL;
	if (!call->waits) {
		save_next(call);
		return;
	}
	for (size_t i = 0; i < call->count; i++) {
		struct told *told = &call->told[i];
		struct keyspace keys = { .prefix = hooks->settings.config->prefix };
		const char *argv[] = { "GET", NULL };

		if (!told->attempt_id)
			continue;
		told->partition = keys.partition = partition_in(told->attempt_id, (uint32_t)hooks->settings.config->partitions);
		argv[1] = key_attempt(call->arena, &keys, told->attempt_id);
		redis_link_command(hooks->redis, ARRAY_LEN(argv), argv, NULL, REDIS_MS, on_entry, told);
	}
}

/* --- by a reference, where our id was not echoed -------------------------------------------------------------------------------- */

#define REFERENCES_MAX (1 + CHANNEL_COUNT)

/* The keys that may lead to its attempt, best first. */
static size_t references(const struct call *call, const struct told *told, uint32_t partition, const char *ret[REFERENCES_MAX])
{
	const struct hooks_settings *s = &call->hooks->settings;
	struct keyspace keys = { s->config->prefix, partition };
	size_t n = 0;

	if (told->event.attempt_id)
		return 0;
	if (told->event.message_id)
		ret[n++] = key_reference(call->arena, &keys, s->install_key, "message", call->origin.provider, told->event.message_id);
	for (int c = 0; c < CHANNEL_COUNT && told->event.address; c++)
		if (adapter_serves(call->adapter, (enum channel)c))
			ret[n++] = key_reference(call->arena, &keys, s->install_key, "address", channel_names[c], told->event.address);
	return n;
}

struct asking { /* one partition's references */
	struct call *call;
	uint32_t partition;
};

static void on_references(int r, const struct redis_reply *reply, void *arg)
{
	const struct asking *asking = arg;
	struct call *call = asking->call;
	size_t at = 0;

	call->failed |= r < 0 || reply->type != REDIS_ARRAY;
	for (size_t i = 0; !call->failed && i < call->count; i++) {
		struct told *told = &call->told[i];
		const char *keys[REFERENCES_MAX];
		size_t n = references(call, told, asking->partition, keys);

		for (size_t k = 0; k < n && at < reply->count; k++, at++) {
			const struct redis_reply *id = &reply->items[at];
			bool by_address = k > 0 || !told->event.message_id;

			if (id->type != REDIS_STRING || id->len != ATTEMPT_ID_SIZE - 1 || (told->attempt_id && (by_address || !told->by_address)))
				continue;
			told->attempt_id = arena_strdup(call->arena, id->str);
			told->by_address = by_address;
		}
	}
	if (--call->waits)
		return;
	if (call->failed)
		call_answer(call, HTTP_SERVUNAVAIL, "not saved");
	else
		find_attempts(call);
}

static void find_references(struct call *call)
{
	uint32_t partitions = (uint32_t)call->hooks->settings.config->partitions;
	const char **argv = arena_alloc(call->arena, (REFERENCES_MAX * call->count + 2) * sizeof(*argv));

	call->waits = 1; /* until all are asked */
	for (uint32_t p = 0; p < partitions; p++) {
		struct asking *asking = arena_alloc(call->arena, sizeof(*asking));
		size_t argc = 0;

		*asking = (struct asking){ call, p };
		argv[argc++] = "MGET";
		for (size_t i = 0; i < call->count; i++)
			argc += references(call, &call->told[i], p, argv + argc);
		if (argc == 1)
			continue;
		call->waits++;
		redis_link_command(call->hooks->redis, argc, argv, NULL, REDIS_MS, on_references, asking);
	}
	if (--call->waits == 0)
		find_attempts(call);
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

static int64_t wall_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int refuse(struct hooks *hooks, const struct target *target, int r, const struct err *err)
{
	int status = r == -EACCES ? hook_refused_status(target->hook) : r == -EBADMSG ? HTTP_BADREQUEST : HTTP_SERVUNAVAIL;

	/* Whoever floods us must not fill the log. */
	hooks->untold++;
	if (wall_ms() - hooks->told_at >= TELL_MS || wall_ms() < hooks->told_at) {
		note(hooks, status == HTTP_SERVUNAVAIL ? LOG_ERR : LOG_NOTICE, "hooks: a request for provider %s is refused: %s (%llu since the last such line)",
			target->provider, err->code, (unsigned long long)hooks->untold);
		hooks->told_at = wall_ms();
		hooks->untold = 0;
	}
	return status;
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
		.path = arena_strdup(call->arena, target->path), .hook = target->hook, .request = &call->asked, .verified = call->proof.verified,
		.alone = count == 1, .now = hooks->settings.now(hooks->settings.now_arg) };
	question = hook_asks(target->hook, &call->asked, call->arena);
	if (question)
		note(hooks, LOG_NOTICE, "hooks: provider %s asks whether it may write here; to say yes open %.900s", target->provider, question);
	call->adapter = target->to->adapter;
	call->told = arena_alloc(call->arena, (count + 1) * sizeof(*call->told));
	for (size_t i = 0; i < count; i++) {
		if (events[i].word == HOOK_IGNORED)
			continue;
		call->told[call->count++] = (struct told){ .call = call, .event = events[i], .attempt_id = events[i].attempt_id };
	}
	return 0;
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

	if (http_request_check(request, &err) < 0) {
		answer(hooks, request, HTTP_BADREQUEST, err.text);
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
	else if (!call->count)
		call_answer(call, HTTP_OK, "ok");
	else if (!redis_link_connected(hooks->redis))
		call_answer(call, HTTP_SERVUNAVAIL, "not saved");
	else
		find_references(call);
}

/* --- the whole ---------------------------------------------------------------------------------------------------------------- */

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
			note(hooks, LOG_WARNING, "hooks: anybody may write to a webhook of provider %s: what it tells is recorded and changes nothing",
				p->name);
	}
}

static int listen_at(struct hooks *hooks, struct event_base *base, struct err *err)
{
	const char *address = hooks->settings.config->hooks_listen;
	struct sockaddr_storage at;
	struct evhttp_bound_socket *bound;
	struct evconnlistener *listener;
	int len = sizeof(at);
	socklen_t size = sizeof(at);

	if (evutil_parse_sockaddr_port(address, (struct sockaddr *)&at, &len) < 0)
		return err_set(err, -EBADMSG, "bad_address", "$.hooks.listen", "%s is no address with a port", address);
	listener = evconnlistener_new_bind(base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, BACKLOG,
		(struct sockaddr *)&at, len);
	if (!listener)
		return err_set(err, errno ? -errno : -EINVAL, "no_socket", "$.hooks.listen", "%s cannot be listened at: %s", address,
			strerror(errno));
	if (getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&at, &size) == 0)
		note(hooks, LOG_INFO, "hooks: listening at port %d", at.ss_family == AF_INET6 ?
			ntohs(((struct sockaddr_in6 *)&at)->sin6_port) : ntohs(((struct sockaddr_in *)&at)->sin_port));
	bound = evhttp_bind_listener(hooks->http, listener);
	if (!bound) {
		evconnlistener_free(listener);
		return err_set(err, -ENOMEM, "no_socket", "$.hooks.listen", "%s cannot be served", address);
	}
	http_guard_watch(hooks->guard, bound);
	return 0;
}

int hooks_create(struct event_base *base, const struct hooks_settings *settings, struct library *library, struct hooks **ret,
	struct err *err)
{
	CLEANUP(hooks_destroyp) struct hooks *hooks = xcalloc(1, sizeof(*hooks));
	struct http_limits limits = { .head = 16384, .body = (size_t)settings->config->hooks_body_bytes, .connections = CONNECTIONS_MAX,
		.evict = true, .deadline_ms = DEADLINE_MS };
	int r;

	hooks->settings = *settings;
	hooks->library = library_ref(library);
	hooks->http = evhttp_new(base);
	hooks->guard = http_guard_create(base, hooks->http, &limits);
	/* All of them: what is no POST is told so, by us. */
	evhttp_set_allowed_methods(hooks->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
		EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
	evhttp_set_gencb(hooks->http, on_request, hooks);
	redis_script_init(&hooks->save, save_text);
	r = listen_at(hooks, base, err);
	if (r < 0)
		return r;
	hooks->redis = redis_link_create(base, settings->redis, NULL, NULL);
	tell_library(hooks);
	*ret = TAKE(hooks);
	return 0;
}

void hooks_use(struct hooks *hooks, struct library *library)
{
	struct library *old = hooks->library;

	hooks->library = library_ref(library);
	library_free(old);
	tell_library(hooks);
}

void hooks_destroy(struct hooks *hooks)
{
	if (!hooks)
		return;
	redis_link_destroy(hooks->redis); /* it calls nobody any more */
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
