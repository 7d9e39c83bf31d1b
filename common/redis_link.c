#include "common/redis_link.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>

#include "common/redis_link_reader.h"

#define TIMEOUT_MS 10000
#define CONNECT_MS 5000
#define BACKOFF_MIN_MS 50
#define BACKOFF_MAX_MS 5000
#define DRAIN_TURNS 16 /* reads beyond the first, before others get their turn */
#define WRITE_MAX (256 * 1024) /* bytes of one write */
#define SEND_BUFFER (1024 * 1024) /* of a local socket, as far as the system lets us: a commit should fit, the loop is busy meanwhile */
#define SCAN_MS 20 /* how often deadlines are looked at */

struct waiting {
	redis_done_fn done;
	void *arg;
	int64_t deadline;
	/* A script call that may have to be sent whole. */
	const struct redis_script *script;
	size_t keys, argc;
	char **argv;
	size_t *lens;
	struct waiting *next;
};

struct redis_link {
	struct event_base *base;
	struct redis_url url;
	redis_state_fn state;
	void *state_arg;
	struct evdns_base *dns;
	SSL_CTX *tls;
	struct bufferevent *bev;
	redisReader *reader;
	struct arena *replies; /* what the reader makes of the reply that it is at */
	struct event *timer; /* reconnect */
	uint64_t connection; /* how many there were */
	struct event *scan; /* deadlines, and failures to be told from the loop */
	struct waiting *first, **last; /* sent, in order */
	struct waiting *failed, **failed_last; /* told -ENOTCONN at the next turn of the loop */
	int failure;
	bool connecting, ready, destroyed;
	int inside; /* callbacks on the stack */
	int64_t connect_deadline;
	int backoff;
};

static void disconnect(struct redis_link *link, int why, const char *text);

static int64_t mono(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void arm(struct event *event, int ms)
{
	struct timeval after = { ms / 1000, ms % 1000 * 1000 };

	evtimer_add(event, &after);
}

static void free_waiting(struct waiting *w)
{
	free(w->argv);
	free(w->lens);
	free(w);
}

static void destroy_now(struct redis_link *link)
{
	struct waiting *lists[] = { link->first, link->failed };

	for (int i = 0; i < 2; i++)
		for (struct waiting *w = lists[i], *next; w; w = next) {
			next = w->next;
			free_waiting(w);
		}
	if (link->bev)
		bufferevent_free(link->bev);
	if (link->reader)
		redisReaderFree(link->reader);
	arena_free(link->replies);
	event_free(link->timer);
	event_free(link->scan);
	if (link->dns)
		evdns_base_free(link->dns, 0);
	SSL_CTX_free(link->tls);
	OPENSSL_cleanse(&link->url, sizeof(link->url));
	free(link);
}

/* --- writing --------------------------------------------------------------------------------------------------------- */

/* Decimal digits of n and CRLF behind `mark`; gives the end. */
static char *put_count(char *at, char mark, size_t n)
{
	char digits[24];
	size_t i = 0;

	*at++ = mark;
	do {
		digits[i++] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	while (i)
		*at++ = digits[--i];
	*at++ = '\r';
	*at++ = '\n';
	return at;
}

#define COUNT_SIZE 24

/* The command as it goes over the wire, put together in one piece. */
static void write_command(struct redis_link *link, size_t argc, const char *const *argv, const size_t *lens)
{
	struct evbuffer *out = bufferevent_get_output(link->bev);
	size_t size = COUNT_SIZE;
	struct evbuffer_iovec room;
	char *at;

	for (size_t i = 0; i < argc; i++)
		size += COUNT_SIZE + (lens ? lens[i] : strlen(argv[i])) + 2;
	if (evbuffer_reserve_space(out, (ev_ssize_t)size, &room, 1) != 1)
		xmalloc(SIZE_MAX); /* says so, and ends */
	at = put_count(room.iov_base, '*', argc);
	for (size_t i = 0; i < argc; i++) {
		size_t len = lens ? lens[i] : strlen(argv[i]);

		at = put_count(at, '$', len);
		memcpy(at, argv[i], len);
		at += len;
		*at++ = '\r';
		*at++ = '\n';
	}
	room.iov_len = (size_t)(at - (char *)room.iov_base);
	evbuffer_commit_space(out, &room, 1);
}

void redis_link_flush(struct redis_link *link)
{
	struct evbuffer *out;

	if (!link->ready || link->url.tls)
		return;
	out = bufferevent_get_output(link->bev);
	evbuffer_unfreeze(out, 1);
	(void)evbuffer_write(out, bufferevent_getfd(link->bev)); /* what is left, and a fault, is the bufferevent's */
	evbuffer_freeze(out, 1);
}

static void push(struct redis_link *link, struct waiting *w)
{
	w->next = NULL;
	*link->last = w;
	link->last = &w->next;
}

static void push_failed(struct redis_link *link, struct waiting *w)
{
	w->next = NULL;
	*link->failed_last = w;
	link->failed_last = &w->next;
	event_active(link->scan, EV_TIMEOUT, 0);
}

static struct waiting *new_waiting(redis_done_fn done, void *arg, int timeout_ms)
{
	struct waiting *w = xcalloc(1, sizeof(*w));

	w->done = done;
	w->arg = arg;
	w->deadline = mono() + (timeout_ms ? timeout_ms : TIMEOUT_MS);
	return w;
}

void redis_link_command(struct redis_link *link, size_t argc, const char *const *argv, const size_t *lens, int timeout_ms,
	redis_done_fn done, void *arg)
{
	struct waiting *w = new_waiting(done, arg, timeout_ms);

	if (!link->ready) {
		push_failed(link, w);
		return;
	}
	write_command(link, argc, argv, lens);
	push(link, w);
}

void redis_script_init(struct redis_script *script, const char *text)
{
	unsigned char digest[SHA_DIGEST_LENGTH];

	script->text = text;
	SHA1((const unsigned char *)text, strlen(text), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(script->sha1 + 2 * i, 3, "%02x", digest[i]);
}

static void send_script(struct redis_link *link, struct waiting *w, bool whole)
{
	const char **argv = xcalloc(w->argc + 3, sizeof(*argv));
	size_t *lens = xcalloc(w->argc + 3, sizeof(*lens));
	char keys[24];

	snprintf(keys, sizeof(keys), "%zu", w->keys);
	argv[0] = whole ? "EVAL" : "EVALSHA";
	argv[1] = whole ? w->script->text : w->script->sha1;
	argv[2] = keys;
	for (size_t i = 0; i < 3; i++)
		lens[i] = strlen(argv[i]);
	for (size_t i = 0; i < w->argc; i++) {
		argv[i + 3] = w->argv[i];
		lens[i + 3] = w->lens[i];
	}
	write_command(link, w->argc + 3, argv, lens);
	free(argv);
	free(lens);
}

void redis_link_script(struct redis_link *link, const struct redis_script *script, size_t keys, size_t argc,
	const char *const *argv, const size_t *lens, int timeout_ms, redis_done_fn done, void *arg)
{
	struct waiting *w = new_waiting(done, arg, timeout_ms);
	size_t size = 0;
	char *at;

	if (!link->ready) {
		push_failed(link, w);
		return;
	}
	w->script = script;
	w->keys = keys;
	w->argc = argc;
	w->lens = xcalloc(argc + 1, sizeof(*w->lens));
	for (size_t i = 0; i < argc; i++) {
		w->lens[i] = lens ? lens[i] : strlen(argv[i]);
		size += w->lens[i];
	}
	w->argv = xmalloc(argc * sizeof(*w->argv) + size + 1); /* the words lie behind their table */
	at = (char *)(w->argv + argc);
	for (size_t i = 0; i < argc; i++) {
		w->argv[i] = at;
		if (w->lens[i])
			memcpy(at, argv[i], w->lens[i]);
		at += w->lens[i];
	}
	send_script(link, w, false);
	push(link, w);
}

/* --- reading --------------------------------------------------------------------------------------------------------- */

static void answer(struct redis_link *link, const struct redis_reply *reply)
{
	struct waiting *w = link->first;

	if (!w) { /* nobody asked: this connection is not to be believed */
		disconnect(link, -EPROTO, "an unexpected reply");
		return;
	}
	link->first = w->next;
	if (!link->first)
		link->last = &link->first;
	if (w->script && redis_reply_class(reply) == REDIS_NOSCRIPT) {
		send_script(link, w, true);
		w->script = NULL; /* once */
		push(link, w);
		return;
	}
	w->done(0, reply, w->arg);
	free_waiting(w);
}

static void leave(struct redis_link *link)
{
	if (--link->inside == 0 && link->destroyed)
		destroy_now(link);
}

/* Gives what was read to the reader and takes its replies. False: this connection is no more. */
static bool feed(struct redis_link *link, struct bufferevent *bev, const char *data, size_t len)
{
	void *raw = NULL;

	if (redisReaderFeed(link->reader, data, len) != REDIS_OK) {
		disconnect(link, -EPROTO, link->reader->errstr);
		return false;
	}
	while (link->bev == bev && !link->destroyed) {
		if (redisReaderGetReply(link->reader, &raw) != REDIS_OK) {
			disconnect(link, -EPROTO, link->reader->errstr);
			return false;
		}
		if (!raw)
			return true;
		answer(link, raw);
		arena_clear(link->replies);
	}
	return false;
}

/*
 * A bufferevent reads 4 KiB in one turn of the loop: a page of stream entries would take fifty turns. What else lies in a plain socket is
 * taken from it directly. Its end or a fault shows again at the next read of the bufferevent, which tells of it.
 */
static void drain_socket(struct redis_link *link, struct bufferevent *bev)
{
	__attribute__((uninitialized)) char data[64 * 1024]; /* to fill it with zeros each time would cost more than to read */

	for (int turn = 0; turn < DRAIN_TURNS && !link->url.tls; turn++) {
		ssize_t n = recv(bufferevent_getfd(bev), data, sizeof(data), MSG_DONTWAIT);

		if (n <= 0 || !feed(link, bev, data, (size_t)n) || (size_t)n < sizeof(data) / 2)
			return;
	}
}

static void on_readable(struct bufferevent *bev, void *arg)
{
	struct redis_link *link = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	bool alive = true;
	size_t n;

	link->inside++;
	while (alive && (n = evbuffer_get_contiguous_space(in)) > 0) {
		if (n > 64 * 1024)
			n = 64 * 1024;
		alive = feed(link, bev, (const char *)evbuffer_pullup(in, (ev_ssize_t)n), n);
		if (alive)
			evbuffer_drain(in, n);
	}
	if (alive)
		drain_socket(link, bev);
	leave(link);
}

/* --- connecting -------------------------------------------------------------------------------------------------------- */

static void tell(struct redis_link *link, bool connected, const char *why)
{
	if (link->state && !link->destroyed)
		link->state(connected, why, link->state_arg);
}

static void disconnect(struct redis_link *link, int why, const char *text)
{
	bool was = link->ready || link->connecting;
	char reason[160];

	snprintf(reason, sizeof(reason), "%s", text);
	link->ready = link->connecting = false;
	if (link->bev) {
		bufferevent_free(link->bev);
		link->bev = NULL;
	}
	link->failure = why;
	if (link->first) {
		*link->failed_last = link->first;
		link->failed_last = link->last;
		link->first = NULL;
		link->last = &link->first;
		event_active(link->scan, EV_TIMEOUT, 0);
	}
	link->backoff = link->backoff ? link->backoff * 2 : BACKOFF_MIN_MS;
	if (link->backoff > BACKOFF_MAX_MS)
		link->backoff = BACKOFF_MAX_MS;
	if (!link->destroyed)
		arm(link->timer, link->backoff);
	if (was)
		tell(link, false, reason);
}

static void on_hello(int r, const struct redis_reply *reply, void *arg)
{
	struct redis_link *link = arg;

	if (r < 0)
		return;
	if (reply->type == REDIS_ERROR) {
		char text[200];

		snprintf(text, sizeof(text), "%s", reply->str);
		link->backoff = BACKOFF_MAX_MS / 2; /* a wrong password is not asked for again and again */
		disconnect(link, -EACCES, text);
		return;
	}
}

static void on_ready(int r, const struct redis_reply *reply, void *arg)
{
	struct redis_link *link = arg;

	if (r < 0)
		return;
	if (reply->type == REDIS_ERROR && redis_reply_class(reply) != REDIS_RETRY) {
		on_hello(r, reply, arg);
		return;
	}
	link->connecting = false;
	link->ready = true;
	link->backoff = 0;
	tell(link, true, "connected");
}

static void greet(struct redis_link *link)
{
	char db[16];
	const char *auth[] = { "AUTH", link->url.user, link->url.password };
	const char *select[] = { "SELECT", db }, *ping[] = { "PING" };

	link->ready = true; /* for our own commands alone: nothing else runs before the loop turns */
	if (link->url.password[0]) {
		if (link->url.user[0])
			redis_link_command(link, 3, auth, NULL, CONNECT_MS, on_hello, link);
		else
			redis_link_command(link, 2, (const char *const[]){ "AUTH", link->url.password }, NULL, CONNECT_MS,
				on_hello, link);
	}
	snprintf(db, sizeof(db), "%d", link->url.db);
	if (link->url.db)
		redis_link_command(link, 2, select, NULL, CONNECT_MS, on_hello, link);
	redis_link_command(link, 1, ping, NULL, CONNECT_MS, on_ready, link);
	link->ready = false;
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct redis_link *link = arg;

	link->inside++;
	if (link->bev == bev && !link->destroyed) {
		if (what & BEV_EVENT_CONNECTED)
			greet(link);
		else
			disconnect(link, -ENOTCONN,
				what & BEV_EVENT_EOF ? "the server closed the connection" :
						       evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
	}
	leave(link);
}

static struct bufferevent *new_bufferevent(struct redis_link *link)
{
	if (!link->url.tls)
		return bufferevent_socket_new(link->base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (!link->tls) {
		link->tls = SSL_CTX_new(TLS_client_method());
		SSL_CTX_set_min_proto_version(link->tls, TLS1_2_VERSION);
		SSL_CTX_set_default_verify_paths(link->tls);
		SSL_CTX_set_verify(link->tls, SSL_VERIFY_PEER, NULL);
	}
	SSL *ssl = SSL_new(link->tls);

	SSL_set1_host(ssl, link->url.host);
	SSL_set_tlsext_host_name(ssl, link->url.host);
	return bufferevent_openssl_socket_new(link->base, -1, ssl, BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
}

static void new_reader(struct redis_link *link)
{
	if (link->reader)
		redisReaderFree(link->reader);
	arena_clear(link->replies); /* a part of one that did not come whole */
	link->reader = reader_create(link->replies);
}

static void connect_now(struct redis_link *link)
{
	int r;

	link->bev = new_bufferevent(link);
	if (!link->bev) {
		disconnect(link, -ENOTCONN, "no socket");
		return;
	}
	new_reader(link);
	link->connection++;
	link->connecting = true;
	link->connect_deadline = mono() + CONNECT_MS;
	bufferevent_setcb(link->bev, on_readable, NULL, on_event, link);
	bufferevent_set_max_single_write(link->bev, WRITE_MAX);
	bufferevent_enable(link->bev, EV_READ | EV_WRITE);
	if (link->url.path[0]) {
		struct sockaddr_un address = { .sun_family = AF_UNIX };

		memcpy(address.sun_path, link->url.path, strlen(link->url.path));
		r = bufferevent_socket_connect(link->bev, (struct sockaddr *)&address, sizeof(address));
		if (r == 0)
			(void)setsockopt(bufferevent_getfd(link->bev), SOL_SOCKET, SO_SNDBUF, &(int){ SEND_BUFFER }, sizeof(int));
	} else {
		struct sockaddr_storage numeric;
		int len = sizeof(numeric);
		char text[300];
		bool v6 = strchr(link->url.host, ':') != NULL;

		snprintf(text, sizeof(text), v6 ? "[%s]:%d" : "%s:%d",
			strcmp(link->url.host, "localhost") == 0 ? "127.0.0.1" : link->url.host, link->url.port);
		if (evutil_parse_sockaddr_port(text, (struct sockaddr *)&numeric, &len) == 0) {
			r = bufferevent_socket_connect(link->bev, (struct sockaddr *)&numeric, len);
		} else {
			if (!link->dns)
				link->dns = evdns_base_new(link->base,
					EVDNS_BASE_INITIALIZE_NAMESERVERS | EVDNS_BASE_DISABLE_WHEN_INACTIVE);
			r = bufferevent_socket_connect_hostname(link->bev, link->dns, AF_UNSPEC, link->url.host,
				link->url.port);
		}
	}
	if (r < 0 && link->bev)
		disconnect(link, -ENOTCONN, "cannot connect");
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct redis_link *link = arg;

	(void)fd, (void)what;
	link->inside++;
	if (!link->bev && !link->destroyed)
		connect_now(link);
	leave(link);
}

static void on_scan(evutil_socket_t fd, short what, void *arg)
{
	struct redis_link *link = arg;
	struct waiting *failed = link->failed;
	int failure = link->failure ? link->failure : -ENOTCONN;
	int64_t now = mono();

	(void)fd, (void)what;
	link->inside++;
	link->failed = NULL;
	link->failed_last = &link->failed;
	while (failed) {
		struct waiting *next = failed->next;

		if (!link->destroyed)
			failed->done(failure == -EACCES ? -ENOTCONN : failure, NULL, failed->arg);
		free_waiting(failed);
		failed = next;
	}
	if (!link->destroyed && link->connecting && now > link->connect_deadline)
		disconnect(link, -ETIMEDOUT, "no connection in time");
	for (struct waiting *w = link->first; w && !link->destroyed && link->bev; w = w->next)
		if (now > w->deadline) {
			disconnect(link, -ETIMEDOUT, "no answer in time");
			break;
		}
	if (!link->destroyed && !evtimer_pending(link->scan, NULL))
		arm(link->scan, SCAN_MS);
	leave(link);
}

struct redis_link *redis_link_create(struct event_base *base, const struct redis_url *url, redis_state_fn state, void *arg)
{
	struct redis_link *link = xcalloc(1, sizeof(*link));

	link->base = base;
	link->replies = arena_create();
	link->url = *url;
	link->state = state;
	link->state_arg = arg;
	link->last = &link->first;
	link->failed_last = &link->failed;
	link->timer = evtimer_new(base, on_timer, link);
	link->scan = evtimer_new(base, on_scan, link);
	if (!link->timer || !link->scan)
		xmalloc(SIZE_MAX);
	arm(link->timer, 0);
	arm(link->scan, SCAN_MS);
	return link;
}

void redis_link_destroy(struct redis_link *link)
{
	if (!link)
		return;
	link->destroyed = true;
	link->ready = false;
	if (!link->inside)
		destroy_now(link);
}

bool redis_link_connected(const struct redis_link *link)
{
	return link->ready;
}

uint64_t redis_link_connection(const struct redis_link *link)
{
	return link->connection;
}

void redis_link_drop(struct redis_link *link, const char *why)
{
	if (link->bev)
		disconnect(link, -ENOTCONN, why);
}

/* --- for tools ----------------------------------------------------------------------------------------------------------- */

struct call {
	struct arena *arena;
	struct redis_reply reply;
	bool done;
	int r;
};

static void deep_copy(struct arena *arena, const struct redis_reply *from, struct redis_reply *to)
{
	struct redis_reply *items;

	*to = *from;
	if (from->str)
		to->str = arena_memdup(arena, from->str, from->len);
	if (!from->count)
		return;
	items = arena_alloc(arena, from->count * sizeof(*items));
	for (size_t i = 0; i < from->count; i++)
		deep_copy(arena, &from->items[i], &items[i]);
	to->items = items;
}

static void on_call(int r, const struct redis_reply *reply, void *arg)
{
	struct call *call = arg;

	call->r = r;
	if (reply)
		deep_copy(call->arena, reply, &call->reply);
	call->done = true;
}

int redis_call(struct event_base *base, struct redis_link *link, struct arena *arena, size_t argc, const char *const *argv,
	const size_t *lens, const struct redis_reply **ret)
{
	struct call *call = arena_alloc(arena, sizeof(*call));
	int64_t deadline = mono() + CONNECT_MS;

	call->arena = arena;
	while (!link->ready && mono() < deadline)
		event_base_loop(base, EVLOOP_ONCE);
	if (!link->ready)
		return -ENOTCONN;
	redis_link_command(link, argc, argv, lens, 0, on_call, call);
	while (!call->done)
		event_base_loop(base, EVLOOP_ONCE);
	*ret = &call->reply;
	return call->r;
}

/* --- what an error reply asks for ------------------------------------------------------------------------------------ */

enum redis_class redis_reply_class(const struct redis_reply *reply)
{
	static const struct {
		const char *prefix;
		enum redis_class class;
	} rows[] = {
		{ "LOADING", REDIS_RETRY }, { "BUSY", REDIS_RETRY }, { "TRYAGAIN", REDIS_RETRY },
		{ "CLUSTERDOWN", REDIS_RETRY }, { "MASTERDOWN", REDIS_RETRY }, { "READONLY", REDIS_READONLY },
		{ "MOVED", REDIS_MOVED }, { "ASK", REDIS_MOVED }, { "NOREPLICAS", REDIS_NOREPLICAS },
		{ "MISCONF", REDIS_NOSPACE }, { "OOM", REDIS_NOSPACE }, { "NOSCRIPT", REDIS_NOSCRIPT },
		{ "NOGROUP", REDIS_TAMPERED }, { "UNBLOCKED", REDIS_TAMPERED }, { "WRONGTYPE", REDIS_TAMPERED },
		{ "NOAUTH", REDIS_DENIED }, { "WRONGPASS", REDIS_DENIED }, { "NOPERM", REDIS_DENIED },
		{ "ERR The user executing the script", REDIS_DENIED }, { "ERR ACL failure in script", REDIS_DENIED },
		{ "ERR AUTH", REDIS_DENIED },
	};
	static const char aborted[] = "EXECABORT Transaction discarded because of: ";
	const char *text = reply->str;

	if (reply->type != REDIS_ERROR)
		return REDIS_OK;
	if (strncmp(text, aborted, strlen(aborted)) == 0) /* EXEC itself was refused: behind it stands why */
		text += strlen(aborted);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t n = strlen(rows[i].prefix);

		/* Whole words: BUSYKEY and BUSYGROUP ask for something else than BUSY. */
		if (strncmp(text, rows[i].prefix, n) == 0 && (!text[n] || strchr(" ,:", text[n])))
			return rows[i].class;
	}
	return REDIS_OTHER;
}
