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

#include "common/redis_link_internal.h"
#include "common/redis_link_reader.h"

#define TIMEOUT_MS 10000
#define BACKOFF_MIN_MS 50
#define BACKOFF_MAX_MS 5000
#define STEADY_MS 1000 /* a connection that stood so long was a good one */
#define SEEK_BACKOFF_MAX_MS 1000 /* where another server may have taken over by now */
#define DRAIN_TURNS 16 /* reads beyond the first, before others get their turn */
#define WRITE_MAX (256 * 1024) /* bytes of one write */
#define SEND_BUFFER (1024 * 1024) /* of a local socket, as far as the system lets us: a commit should fit, the loop is busy meanwhile */
#define SCAN_MS 20 /* how often deadlines are looked at */

int64_t link_mono(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void link_arm(struct event *event, int ms)
{
	struct timeval after = { ms / 1000, ms % 1000 * 1000 };

	evtimer_add(event, &after);
}

void link_scan(struct redis_link *link)
{
	if (!evtimer_pending(link->scan, NULL))
		link_arm(link->scan, SCAN_MS);
}

static void free_waiting(struct waiting *w)
{
	arena_free(w->kept);
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
	link_seek_end(link);
	if (link->watch)
		event_free(link->watch);
	redis_link_destroy(link->aside);
	free(link->key);
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
void link_write(struct redis_link *link, size_t argc, const char *const *argv, const size_t *lens)
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

void link_push(struct redis_link *link, struct waiting *w)
{
	w->next = NULL;
	*link->last = w;
	link->last = &w->next;
	link_scan(link);
}

void link_push_failed(struct redis_link *link, struct waiting *w)
{
	w->next = NULL;
	*link->failed_last = w;
	link->failed_last = &w->next;
	event_active(link->scan, EV_TIMEOUT, 0);
}

struct waiting *link_waiting(redis_done_fn done, void *arg, int timeout_ms)
{
	struct waiting *w = xcalloc(1, sizeof(*w));

	w->done = done;
	w->arg = arg;
	w->since = link_mono();
	w->deadline = w->since + (timeout_ms ? timeout_ms : TIMEOUT_MS);
	return w;
}

void redis_link_command(struct redis_link *link, size_t argc, const char *const *argv, const size_t *lens, int timeout_ms,
	redis_done_fn done, void *arg)
{
	struct waiting *w = link_waiting(done, arg, timeout_ms);

	if (!link->ready) {
		link_push_failed(link, w);
		return;
	}
	link_write(link, argc, argv, lens);
	link_push(link, w);
}

void redis_script_init(struct redis_script *script, const char *text)
{
	unsigned char digest[SHA_DIGEST_LENGTH];

	script->text = text;
	SHA1((const unsigned char *)text, strlen(text), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(script->sha1 + 2 * i, 3, "%02x", digest[i]);
}

/* --- reading --------------------------------------------------------------------------------------------------------- */

/* Why this server is not the one to ask any more, as its answer tells; NULL: it is. */
static const char *elsewhere(struct redis_link *link, enum redis_class class, const struct redis_reply *reply)
{
	switch (class) {
	case REDIS_READONLY:
		return "it is no primary any more";
	case REDIS_MOVED:
		if (link->url.kind != REDIS_CLUSTER)
			return "it is a node of a cluster: the address must begin with redis+cluster://";
		link->redirected = redis_redirection(reply, link->at.host, &link->at) == 0;
		return "its slot is at another node";
	case REDIS_DOWN:
		return link->url.kind == REDIS_SINGLE ? NULL : "its cluster is down, or it has no primary";
	default:
		return NULL;
	}
}

static void answer(struct redis_link *link, const struct redis_reply *reply)
{
	const struct bufferevent *bev = link->bev;
	struct waiting *w = link->first;
	enum redis_class class = redis_reply_class(reply);
	const char *why;

	if (!w) { /* nobody asked: this connection is not to be believed */
		link_disconnect(link, -EPROTO, "an unexpected reply");
		return;
	}
	link->first = w->next;
	if (!link->first)
		link->last = &link->first;
	if (w->script && !w->whole && class == REDIS_NOSCRIPT) {
		link_send_script(link, w, true); /* once */
		link_push(link, w);
		return;
	}
	if (class == REDIS_ASK && link_follow(link, w, reply))
		return;
	if (w->replicas && !w->kept && class == REDIS_OK) {
		link_await_replicas(link, w, reply);
		return;
	}
	why = elsewhere(link, class, reply);
	if (!w->kept)
		w->done(0, reply, w->arg);
	else if (reply->type == REDIS_INTEGER && reply->integer >= w->replicas)
		w->done(0, &w->reply, w->arg);
	else
		w->done(-EAGAIN, NULL, w->arg);
	free_waiting(w);
	if (why && link->bev == bev && !link->destroyed)
		link_disconnect(link, -ENOTCONN, why);
}

void link_leave(struct redis_link *link)
{
	if (--link->inside == 0 && link->destroyed)
		destroy_now(link);
}

/* Gives what was read to the reader and takes its replies. False: this connection is no more. */
static bool feed(struct redis_link *link, struct bufferevent *bev, const char *data, size_t len)
{
	void *raw = NULL;

	if (redisReaderFeed(link->reader, data, len) != REDIS_OK) {
		link_disconnect(link, -EPROTO, link->reader->errstr);
		return false;
	}
	while (link->bev == bev && !link->destroyed) {
		if (redisReaderGetReply(link->reader, &raw) != REDIS_OK) {
			link_disconnect(link, -EPROTO, link->reader->errstr);
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
	link_leave(link);
}

/* --- connecting -------------------------------------------------------------------------------------------------------- */

static void tell(struct redis_link *link, bool connected, const char *why)
{
	if (link->state && !link->destroyed)
		link->state(connected, why, link->state_arg);
}

void link_disconnect(struct redis_link *link, int why, const char *text)
{
	bool was = link->ready || link->connecting;
	int most = link->url.kind == REDIS_SINGLE ? BACKOFF_MAX_MS : SEEK_BACKOFF_MAX_MS;
	char reason[200];

	snprintf(reason, sizeof(reason), "%s", text);
	link->ready = link->connecting = false;
	if (link->bev) {
		bufferevent_free(link->bev);
		link->bev = NULL;
	}
	link->failure = why;
	if (link->url.kind != REDIS_SINGLE) {
		link_seek_end(link);
		link->seek_next += !link->redirected;
		link->found = link->redirected;
		link->redirected = false;
	}
	if (link->first) {
		*link->failed_last = link->first;
		link->failed_last = link->last;
		link->first = NULL;
		link->last = &link->first;
		event_active(link->scan, EV_TIMEOUT, 0);
	}
	if (link->ready_at && link_mono() - link->ready_at > STEADY_MS)
		link->backoff = 0;
	link->ready_at = 0;
	link->backoff = link->backoff ? link->backoff * 2 : BACKOFF_MIN_MS;
	if (link->backoff > most)
		link->backoff = most;
	if (!link->destroyed)
		link_arm(link->timer, link->backoff);
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
		link_disconnect(link, -EACCES, text);
		return;
	}
}

static void on_ready(int r, const struct redis_reply *reply, void *arg)
{
	struct redis_link *link = arg;
	char where[300];

	if (r < 0)
		return;
	if (reply->type == REDIS_ERROR && redis_reply_class(reply) != REDIS_RETRY) {
		on_hello(r, reply, arg);
		return;
	}
	link->connecting = false;
	link->ready = true;
	link->ready_at = link_mono();
	link_seek_watch(link);
	if (link->url.kind == REDIS_SINGLE)
		snprintf(where, sizeof(where), "connected");
	else
		snprintf(where, sizeof(where), "connected to %s, port %d", link->at.host, link->at.port);
	tell(link, true, where);
}

static void on_role(int r, const struct redis_reply *reply, void *arg)
{
	struct redis_link *link = arg;

	if (r < 0)
		return;
	if (reply->type == REDIS_ERROR)
		on_hello(r, reply, arg);
	else if (!redis_role_is_primary(reply))
		link_disconnect(link, -ENOTCONN, "it is no primary");
}

/*
 * Whether its node serves the slot is told by answer(). That the key is being moved, is of another kind, or is none that this user may read, as a
 * producer's may not, is no fault: who may do nothing at all is told by PING.
 */
static void on_served(int r, const struct redis_reply *reply, void *arg)
{
	(void)r, (void)reply, (void)arg;
}

static void greet(struct redis_link *link)
{
	char db[16];
	const char *auth[] = { "AUTH", link->url.user, link->url.password };
	const char *select[] = { "SELECT", db }, *role[] = { "ROLE" }, *served[] = { "GET", link->key }, *ping[] = { "PING" };

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
	if (link->url.kind != REDIS_SINGLE)
		redis_link_command(link, 1, role, NULL, CONNECT_MS, on_role, link);
	if (link->url.kind == REDIS_CLUSTER && link->key)
		redis_link_command(link, 2, served, NULL, CONNECT_MS, on_served, link);
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
			link_disconnect(link, -ENOTCONN,
				what & BEV_EVENT_EOF ? "the server closed the connection" :
						       evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
	}
	link_leave(link);
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

	SSL_set1_host(ssl, link->at.host);
	SSL_set_tlsext_host_name(ssl, link->at.host);
	return bufferevent_openssl_socket_new(link->base, -1, ssl, BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
}

static void new_reader(struct redis_link *link)
{
	if (link->reader)
		redisReaderFree(link->reader);
	arena_clear(link->replies); /* a part of one that did not come whole */
	link->reader = reader_create(link->replies);
}

void link_connect(struct redis_link *link)
{
	int r;

	link->bev = new_bufferevent(link);
	if (!link->bev) {
		link_disconnect(link, -ENOTCONN, "no socket");
		return;
	}
	new_reader(link);
	link->connection++;
	link->connecting = true;
	link->connect_deadline = link_mono() + CONNECT_MS;
	link_scan(link);
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
		bool v6 = strchr(link->at.host, ':') != NULL;

		snprintf(text, sizeof(text), v6 ? "[%s]:%d" : "%s:%d",
			strcmp(link->at.host, "localhost") == 0 ? "127.0.0.1" : link->at.host, link->at.port);
		if (evutil_parse_sockaddr_port(text, (struct sockaddr *)&numeric, &len) == 0) {
			r = bufferevent_socket_connect(link->bev, (struct sockaddr *)&numeric, len);
		} else {
			if (!link->dns)
				link->dns = evdns_base_new(link->base,
					EVDNS_BASE_INITIALIZE_NAMESERVERS | EVDNS_BASE_DISABLE_WHEN_INACTIVE);
			r = bufferevent_socket_connect_hostname(link->bev, link->dns, AF_UNSPEC, link->at.host,
				link->at.port);
		}
	}
	if (r < 0 && link->bev)
		link_disconnect(link, -ENOTCONN, "cannot connect");
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct redis_link *link = arg;

	(void)fd, (void)what;
	link->inside++;
	if (!link->bev && !link->connecting && !link->destroyed) {
		if (link->url.kind == REDIS_SINGLE || link->found)
			link_connect(link);
		else
			link_seek(link);
	}
	link_leave(link);
}

static void on_scan(evutil_socket_t fd, short what, void *arg)
{
	struct redis_link *link = arg;
	struct waiting *failed = link->failed;
	int failure = link->failure ? link->failure : -ENOTCONN;
	int64_t now = link_mono();

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
		link_disconnect(link, -ETIMEDOUT, "no connection in time");
	for (struct waiting *w = link->first; w && !link->destroyed && link->bev; w = w->next)
		if (now > w->deadline) {
			link_disconnect(link, -ETIMEDOUT, "no answer in time");
			break;
		}
	if (!link->destroyed && (link->first || link->failed || link->connecting)) /* else nobody waits, and an idle link wakes nobody */
		link_scan(link);
	link_leave(link);
}

struct redis_link *redis_link_create(struct event_base *base, const struct redis_url *url, redis_state_fn state, void *arg)
{
	return redis_link_create_for(base, url, NULL, state, arg);
}

struct redis_link *redis_link_create_for(struct event_base *base, const struct redis_url *url, const char *key, redis_state_fn state, void *arg)
{
	struct redis_link *link = xcalloc(1, sizeof(*link));

	link->base = base;
	link->replies = arena_create();
	link->url = *url;
	link->at.port = url->port;
	memcpy(link->at.host, url->host, sizeof(url->host));
	if (key)
		link->key = xstrdup(key);
	link->state = state;
	link->state_arg = arg;
	link->last = &link->first;
	link->failed_last = &link->failed;
	link->timer = evtimer_new(base, on_timer, link);
	link->scan = evtimer_new(base, on_scan, link);
	if (!link->timer || !link->scan)
		xmalloc(SIZE_MAX);
	link_arm(link->timer, 0);
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

bool redis_link_same_server(const struct redis_link *one, const struct redis_link *other)
{
	return one->ready && other->ready && one->at.port == other->at.port && strcmp(one->at.host, other->at.host) == 0;
}

void redis_link_drop(struct redis_link *link, const char *why)
{
	if (link->bev)
		link_disconnect(link, -ENOTCONN, why);
}
