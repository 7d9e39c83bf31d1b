#include "daemon/http_guard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>

#include "daemon/service.h"

#define SWEEP_MS 250
#define BACKLOG 512
#define MUCH 65536 /* bytes: who holds less does not go for what others hold */
#define PACE 64 /* bytes a ms: who sends no slower than that is not cut, however long it is */

struct connection {
	struct http_guard *guard;
	struct bufferevent *buffer; /* a reference of ours: evhttp does not say when it drops its own */
	int64_t begun; /* ms, monotonic; once its request is whole, since then */
	size_t came; /* bytes, of a request that is not whole yet: evhttp takes those of a chunked one away piece by piece, and has them all the same */
	bool whole; /* it is, as http_guard_whole() said */
	bool answered; /* or begun to be: evhttp itself refuses some by their head */
	bool ended; /* by us: evhttp has yet to see it */
	struct connection *next;
};

struct watched {
	struct evconnlistener *listener; /* evhttp's */
	struct watched *next;
};

struct http_guard {
	struct http_limits limits;
	struct connection *connections;
	size_t count;
	size_t held; /* what came of requests that are not whole */
	struct watched *watched;
	struct event *sweep; /* always on: it also opens listeners again */
};

static int64_t mono_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void set_listening(struct http_guard *guard, bool listening)
{
	for (struct watched *w = guard->watched; w; w = w->next)
		(void)(listening ? evconnlistener_enable(w->listener) : evconnlistener_disable(w->listener));
}

/* evhttp has dropped a buffer when none of its callbacks is left. */
static bool dropped(struct bufferevent *buffer)
{
	bufferevent_data_cb read_cb, write_cb;
	bufferevent_event_cb event_cb;

	bufferevent_getcb(buffer, &read_cb, &write_cb, &event_cb, NULL);
	return !read_cb && !write_cb && !event_cb;
}

static void end(struct connection *c) /* evhttp sees it and cleans up */
{
	(void)shutdown(bufferevent_getfd(c->buffer), SHUT_RDWR);
	c->ended = true;
}

/* Much came, and it is over before it was whole. Whoever sends it again, and is cut again, gives it up one day: somebody should know. */
static void tell_cut(const struct connection *c)
{
	if (!c->ended && !c->whole && !c->answered && c->came > MUCH && c->guard->limits.cut)
		c->guard->limits.cut(c->guard->limits.arg);
}

static void cut(struct connection *c)
{
	tell_cut(c);
	end(c);
}

/* The newest stands first. Whose request is whole waits for us, and goes where there is nobody else. */
static void evict(struct http_guard *guard)
{
	struct connection *oldest = NULL;

	for (struct connection *c = guard->connections; c; c = c->next)
		if (!c->ended && (!oldest || oldest->whole || !c->whole))
			oldest = c;
	if (oldest)
		cut(oldest);
}

/* What it held is freed when evhttp has seen the end, with the next sweep at the latest; until then nothing is added to it. */
static void make_room(struct http_guard *guard)
{
	struct connection *oldest = NULL;
	size_t ended = 0;

	for (struct connection *c = guard->connections; c; c = c->next) {
		if (c->ended)
			ended += c->came;
		else if (c->came > MUCH)
			oldest = c;
	}
	if (oldest && guard->held - ended > guard->limits.held)
		cut(oldest);
}

static void on_input(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
	struct connection *c = arg;
	struct http_guard *guard = c->guard;

	(void)buffer;
	c->came += info->n_added;
	guard->held += info->n_added;
	if (guard->limits.held && info->n_added && guard->held > guard->limits.held)
		make_room(guard);
}

static void on_output(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
	struct connection *c = arg;
	struct http_guard *guard = c->guard;
	char head[12];

	c->answered |= info->n_added > 0;
	if (guard->limits.too_large && !info->orig_size && evbuffer_copyout(buffer, head, sizeof(head)) == sizeof(head) &&
		memcmp(head + 8, " 413", 4) == 0)
		guard->limits.too_large(guard->limits.arg);
}

static void forget(struct http_guard *guard, struct connection *c)
{
	guard->held -= c->came;
	(void)evbuffer_remove_cb(bufferevent_get_input(c->buffer), on_input, c);
	(void)evbuffer_remove_cb(bufferevent_get_output(c->buffer), on_output, c);
	bufferevent_decref(c->buffer);
	free(c);
}

static void sweep(struct http_guard *guard)
{
	struct connection **link = &guard->connections;
	int64_t now = mono_ms();

	while (*link) {
		struct connection *c = *link;

		if (dropped(c->buffer)) { /* evhttp's own time is up when nothing comes at all; or they went */
			tell_cut(c);
			*link = c->next;
			forget(guard, c);
			guard->count--;
			continue;
		}
		if (now - c->begun > (c->whole ? guard->limits.answer_ms : guard->limits.deadline_ms + (int64_t)(c->came / PACE)))
			cut(c);
		link = &c->next;
	}
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct http_guard *guard = arg;

	(void)fd, (void)what;
	sweep(guard);
	if (guard->count < guard->limits.connections)
		set_listening(guard, true);
}

static struct bufferevent *on_connection(struct event_base *base, void *arg)
{
	struct http_guard *guard = arg;
	struct connection *c = xmalloc(sizeof(*c));

	if (guard->limits.evict && guard->count >= guard->limits.connections) {
		sweep(guard); /* many may be over already */
		if (guard->count >= guard->limits.connections)
			evict(guard);
	}
	/*
	 * Without BEV_OPT_CLOSE_ON_FREE evhttp closes the descriptor at once, while we hold the buffer: it would read from whatever has that
	 * descriptor next, and a request that comes in pieces would lack some.
	 */
	*c = (struct connection){ .guard = guard, .buffer = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE), .begun = mono_ms(), .next = guard->connections };
	bufferevent_incref(c->buffer);
	(void)evbuffer_add_cb(bufferevent_get_input(c->buffer), on_input, c);
	(void)evbuffer_add_cb(bufferevent_get_output(c->buffer), on_output, c);
	guard->connections = c;
	/* Those that were ended are counted until evhttp has seen it. */
	if (++guard->count >= guard->limits.connections * (guard->limits.evict ? 2 : 1))
		set_listening(guard, false);
	return c->buffer;
}

/* Out of descriptors: accept() would fail again at once, for ever. The next sweep tries again. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	(void)arg; /* evhttp's */
	(void)evconnlistener_disable(listener);
}

struct http_guard *http_guard_create(struct event_base *base, struct evhttp *http, const struct http_limits *limits)
{
	struct http_guard *guard = xcalloc(1, sizeof(*guard));

	guard->limits = *limits;
	guard->sweep = event_new(base, -1, EV_PERSIST, on_sweep, guard);
	event_add(guard->sweep, &(struct timeval){ .tv_usec = SWEEP_MS * 1000 });
	evhttp_set_max_headers_size(http, (ev_ssize_t)limits->head);
	evhttp_set_max_body_size(http, (ev_ssize_t)limits->body);
	evhttp_set_timeout(http, (int)((limits->deadline_ms + 999) / 1000));
	evhttp_set_bevcb(http, on_connection, guard);
	return guard;
}

void http_guard_destroy(struct http_guard *guard)
{
	if (!guard)
		return;
	for (struct connection *c = guard->connections, *next; c; c = next) {
		next = c->next;
		forget(guard, c);
	}
	for (struct watched *w = guard->watched, *next; w; w = next) {
		next = w->next;
		free(w);
	}
	event_free(guard->sweep);
	free(guard);
}

void http_guard_watch(struct http_guard *guard, struct evhttp_bound_socket *socket)
{
	struct watched *w = xmalloc(sizeof(*w));

	*w = (struct watched){ evhttp_bound_socket_get_listener(socket), guard->watched };
	guard->watched = w;
	evconnlistener_set_error_cb(w->listener, on_accept_error);
}

static int port_in(const struct sockaddr_storage *at)
{
	return at->ss_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)at)->sin6_port) : ntohs(((const struct sockaddr_in *)at)->sin_port);
}

static int port_of(int fd)
{
	struct sockaddr_storage at = { 0 };
	socklen_t size = sizeof(at);

	return getsockname(fd, (struct sockaddr *)&at, &size) == 0 ? port_in(&at) : 0;
}

int http_guard_listen(struct http_guard *guard, struct evhttp *http, const char *name, const char *address, int *port, struct err *err)
{
	const unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE;
	struct event_base *base = event_get_base(guard->sweep);
	struct sockaddr_storage at = { 0 };
	struct evhttp_bound_socket *bound;
	struct evconnlistener *listener;
	int len = sizeof(at), fd;
	char path[40];

	(void)snprintf(path, sizeof(path), "$.%s.listen", name);
	if (evutil_parse_sockaddr_port(address, (struct sockaddr *)&at, &len) < 0)
		return err_set(err, -EBADMSG, "bad_address", path, "%s is no address with a port", address);
	fd = service_socket(name, (struct sockaddr *)&at, (socklen_t)len);
	if (fd == -EINVAL)
		return err_set(err, -EBADMSG, "bad_socket", path, "what systemd hands over as \"%s\" is no listening TCP socket", name);
	listener = fd >= 0 ? evconnlistener_new(base, NULL, NULL, flags, 0, fd) :
			     evconnlistener_new_bind(base, NULL, NULL, flags, BACKLOG, (struct sockaddr *)&at, len);
	if (!listener)
		return err_set(err, errno ? -errno : -EINVAL, "no_socket", path, "%s cannot be listened at: %s", address, strerror(errno));
	*port = port_of(evconnlistener_get_fd(listener));
	bound = evhttp_bind_listener(http, listener);
	if (!bound) {
		evconnlistener_free(listener);
		return err_set(err, -ENOMEM, "no_socket", path, "%s cannot be served", address);
	}
	/* With any port (0) the next process has another one. */
	if (fd < 0 && port_in(&at))
		service_socket_keep(name, evconnlistener_get_fd(listener));
	http_guard_watch(guard, bound);
	return 0;
}

void http_guard_whole(struct http_guard *guard, struct evhttp_request *request)
{
	struct bufferevent *buffer = evhttp_connection_get_bufferevent(evhttp_request_get_connection(request));

	for (struct connection *c = guard->connections; c; c = c->next)
		if (c->buffer == buffer) {
			guard->held -= c->came;
			c->came = 0;
			c->whole = true;
			c->begun = mono_ms();
		}
}

size_t http_guard_connections(const struct http_guard *guard)
{
	return guard->count;
}

/* --- the head of a request ------------------------------------------------------------------------------------------------ */

static bool is_token(const char *name)
{
	static const char chars[] = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	return *name && strspn(name, chars) == strlen(name);
}

static bool is_path(const char *target)
{
	if (*target != '/')
		return false;
	for (const unsigned char *p = (const unsigned char *)target; *p; p++)
		if (*p <= 0x20 || *p >= 0x7f)
			return false;
	return true;
}

int http_request_check(struct evhttp_request *request, struct err *err)
{
	const char *target = evhttp_request_get_uri(request);
	const struct evkeyval *header;
	int lengths = 0, hosts = 0;

	if (!target || !is_path(target))
		return err_set(err, -EBADMSG, "bad_request", "", "the target must be a path");
	TAILQ_FOREACH(header, evhttp_request_get_input_headers(request), next)
	{
		if (!is_token(header->key))
			return err_set(err, -EBADMSG, "bad_request", "", "a header's name is no token");
		if (!strcasecmp(header->key, "Transfer-Encoding"))
			return err_set(err, -EBADMSG, "bad_request", "", "Transfer-Encoding is not taken: send Content-Length");
		if (!strcasecmp(header->key, "Host") && ++hosts > 1)
			return err_set(err, -EBADMSG, "bad_request", "", "Host stands twice");
		if (strcasecmp(header->key, "Content-Length"))
			continue;
		if (++lengths > 1 || !*header->value || strspn(header->value, "0123456789") != strlen(header->value))
			return err_set(err, -EBADMSG, "bad_request", "", "Content-Length must stand once, as digits");
	}
	return 0;
}

bool http_host_is_local(struct evhttp_request *request)
{
	const char *host = evhttp_find_header(evhttp_request_get_input_headers(request), "Host");
	char name[16]; /* "255.255.255.255" */
	struct in_addr address;
	size_t len;

	if (!host)
		return true;
	len = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
	if (len > strlen(host) || len >= sizeof(name) || (host[len] && (host[len] != ':' || strspn(host + len + 1, "0123456789") != strlen(host + len + 1))))
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	if (strcmp(name, "[::1]") == 0 || strcasecmp(name, "localhost") == 0)
		return true;
	return inet_pton(AF_INET, name, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

bool http_is_of_browser(struct evhttp_request *request)
{
	const struct evkeyval *header;

	TAILQ_FOREACH(header, evhttp_request_get_input_headers(request), next)
	{
		if (!strcasecmp(header->key, "Origin") || !strcasecmp(header->key, "Referer") || !strncasecmp(header->key, "Sec-Fetch-", 10))
			return true;
	}
	return false;
}
