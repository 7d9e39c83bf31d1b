/*
 * http_guard - what evhttp lacks: a cap on connections, a deadline for the whole of each, calm when descriptors run out, and a
 * strict look at a request's head. By its public functions alone, so that any libevent 2.1 will do.
 */
#ifndef DUNNINGD_DAEMON_HTTP_GUARD_H
#define DUNNINGD_DAEMON_HTTP_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>
#include <event2/http.h>

#include "common/cleanup.h"
#include "common/err.h"

struct http_guard;

struct http_limits {
	size_t head, body; /* bytes; more is answered with 400 or 413 */
	size_t connections; /* beyond these, new ones wait in the kernel's queue */
	bool evict; /* the oldest makes room instead: who is slow keeps nobody out */
	int64_t deadline_ms; /* for all of a connection, from accept to the last byte; more while much comes, at a floor of 64 KB a second */
	int64_t answer_ms; /* for what follows http_guard_whole() */
	size_t held; /* bytes of requests that are not whole yet, of all connections together: beyond, the oldest that has much goes. 0 = no limit */
	void (*too_large)(void *arg); /* evhttp itself answered 413; NULL = nobody wants to know */
	void (*cut)(void *arg); /* a request of which much had come was over before it was whole: too slow, for the room, or they went; NULL = nobody wants to know */
	void *arg;
};

/* Sets the limits on `http` (borrowed, must outlive the guard) before anything is bound to it. */
struct http_guard *http_guard_create(struct event_base *base, struct evhttp *http, const struct http_limits *limits);
/* After evhttp_free(): its connections are gone then. NULL is allowed. */
void http_guard_destroy(struct http_guard *guard);
DEFINE_CLEANUP(struct http_guard, http_guard_destroy)
/* Watches this listener too. Once bound, evhttp owns it. */
void http_guard_watch(struct http_guard *guard, struct evhttp_bound_socket *socket);
/*
 * Listens at a numeric address with its port, and watches that; or at the socket that systemd hands over as `name`, whatever its address.
 * -EBADMSG, -errno: `err` says why, at the setting `name`.listen; *port is the one that it has, also where the address asked for any (0).
 */
int http_guard_listen(struct http_guard *guard, struct evhttp *http, const char *name, const char *address, int *port, struct err *err);
/*
 * It is whole, and no other follows on its connection: what it holds counts for `held` no longer, and the time that its answer takes is ours. Without
 * this word all of it is the connection's.
 */
void http_guard_whole(struct http_guard *guard, struct evhttp_request *request);
size_t http_guard_connections(const struct http_guard *guard);

/*
 * That no proxy could read the request otherwise than we do: names are tokens, Content-Length and Host stand once at most, the length
 * is digits, there is no Transfer-Encoding, the target is a path of printable ASCII without spaces. 0, or -EBADMSG and why.
 */
int http_request_check(struct evhttp_request *request, struct err *err);
/*
 * Its Host names this machine: an address of 127/8, [::1] or localhost, with or without a port; or it has none, as of no browser. A name that
 * somebody else's server turned into 127.0.0.1 is none of these (DNS rebinding).
 */
bool http_host_is_local(struct evhttp_request *request);
/* A browser sent it for a page: it has Origin, Referer or Sec-Fetch-*, which programs do not send and pages cannot leave out together. */
bool http_is_of_browser(struct evhttp_request *request);

#endif
