/*
 * http_client_wire - one HTTP request on the wire, once: libcurl's multi interface in a thread of its own, which takes a quarter of a
 * send's work off the event loop. It knows nothing of providers; what it tells for certain is whether a byte of the request can have left
 * this machine.
 *
 * Only https, or http to this machine's own addresses; no redirects, proxies, cookies, .netrc or compression, whatever the environment
 * says. HTTP/1.1 alone: with HTTP/2 one would not know what a closed connection means for each of its streams.
 */
#ifndef DUNNINGD_DAEMON_HTTP_CLIENT_WIRE_H
#define DUNNINGD_DAEMON_HTTP_CLIENT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <event2/event.h>

#include "common/adapter.h"

#define WIRE_CONNECT_MS 5000 /* for name, connection and TLS; less when the request's own deadline is shorter */
#define WIRE_HEAD_MAX (32 * 1024) /* bytes of an answer's head */
#define WIRE_IDLE_S 15 /* a kept connection that lay idle for longer is not used again */

struct wire; /* the connections of one provider */

enum wire_end {
	WIRE_ANSWERED, /* a whole answer came, or all of it but the body's rest (answer.truncated) */
	WIRE_UNSENT, /* no byte of the request left */
	WIRE_DECLINED, /* likewise, because may_start said no */
	WIRE_LOST, /* it may have arrived, and no whole answer came */
};

struct wire_result {
	enum wire_end end;
	const char *reason; /* of UNSENT and LOST, a stable word: "no_connection", "tls", "timeout", "connection_lost" ... */
	struct http_answer answer; /* as far as it came; status 0 = nothing of it */
	const char *remote; /* "203.0.113.7:443"; NULL = no connection */
	bool repeat_stopped; /* libcurl was about to send the request a second time */
};

typedef bool (*wire_may_start_fn)(void *arg);
typedef void (*wire_done_fn)(const struct wire_result *result, void *arg);

struct wire_request {
	const struct http_request *http; /* borrowed until done */
	bool fresh; /* on a connection of its own, which is closed after it */
	bool repeatable; /* reads only: on a dead connection libcurl may send it again */
	bool public_only; /* the peer must be in the public network: whoever chose the address is not trusted with ours */
	bool public_http; /* plain http also beyond this machine: nothing secret goes, and what comes is signed */
	const struct http_signer *signer; /* borrowed until done; NULL = not signed. A query in the URL must be sorted, with '=' behind each name */
	size_t body_max; /* bytes of the answer's body that are kept; the connection is closed at more */
	wire_may_start_fn may_start; /* asked once, in the thread, when connected and before the first byte; NULL = yes. See wire_fence() */
	wire_done_fn done; /* once, from the loop */
	void *arg;
};

struct wire_counters {
	uint64_t repeats_stopped; /* by libcurl: see wire_result */
	uint64_t slow_calls; /* of libcurl that held its thread up for more than 100 ms */
	size_t in_flight;
};

/* Once for the process, before any wire. -ENOENT, -EIO: libcurl is not there, or cannot be used. */
int wire_global_init(struct err *err);
void wire_global_cleanup(void);

/* `base`: where `done` is called. `ca_file`: NULL = the system's certificates; copied. */
struct wire *wire_create(struct event_base *base, const char *ca_file);
void wire_destroy(struct wire *wire); /* cuts what is in flight; no callback afterwards. NULL is allowed */
void wire_start(struct wire *wire, const struct wire_request *request);
/*
 * Returns when no request is between its may_start() and its first byte. So what may_start() looks at, changed before this, is seen by all
 * requests of which nothing has left yet.
 */
void wire_fence(struct wire *wire);
bool wire_is_loopback(const struct sockaddr *address); /* also as ::ffff:127.x */
/*
 * Link-local, where clouds tell their machines' secrets to whoever asks, and what is no host, in whatever form: nothing of ours is there, whatever
 * a name server says. Private networks may be: a gateway of one's own, and with TLS it must prove its name.
 */
bool wire_is_nowhere(const struct sockaddr *address);
void wire_count(const struct wire *wire, struct wire_counters *ret);

#endif
