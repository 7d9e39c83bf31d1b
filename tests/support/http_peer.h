/*
 * http_peer - the other side of an HTTP request: a thread that listens on 127.0.0.1 and does with each request what its script says.
 * It notes what it got before it does anything else, so that whoever has seen its answer sees the note too.
 */
#ifndef DUNNINGD_TESTS_SUPPORT_HTTP_PEER_H
#define DUNNINGD_TESTS_SUPPORT_HTTP_PEER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/cleanup.h"

enum peer_act {
	PEER_ANSWER, /* the bytes, and the connection stays open */
	PEER_HOLD, /* the same, but not before http_peer_go() */
	PEER_ANSWER_CLOSE, /* the bytes, then an orderly end */
	PEER_CLOSE, /* nothing, and an orderly end */
	PEER_RESET, /* nothing, and a reset */
	PEER_HANG, /* nothing, and the connection stays open */
	PEER_DRIP, /* the bytes, then one more each few milliseconds for ever */
	PEER_FLOOD, /* the bytes, then more and more until the client closes */
};

struct peer_step {
	enum peer_act act;
	const char *bytes; /* a whole answer, or whatever shall stand for one; borrowed for life. NULL = the handler's, or none */
};
/* Appends the answer to a whole request. From the peer's own thread. */
typedef void (*peer_answer_fn)(const struct buf *request, struct buf *answer, void *arg);

struct http_peer;

/* `certificate`: NULL = plain HTTP; else it speaks TLS, and its own authority is written to this file (PEM). */
struct http_peer *http_peer_create(const char *certificate);
void http_peer_destroy(struct http_peer *peer); /* NULL is allowed */
DEFINE_CLEANUP(struct http_peer, http_peer_destroy)

unsigned http_peer_port(const struct http_peer *peer);
/* The n-th request (over all connections, from 0) gets the n-th step; beyond the last one, the last one again. Copied. */
void http_peer_script(struct http_peer *peer, const struct peer_step *steps, size_t count);
/* Who answers where the script has no bytes, and where there is no script. Before the first request. */
void http_peer_handler(struct http_peer *peer, peer_answer_fn fn, void *arg);
void http_peer_go(struct http_peer *peer); /* from now on nothing is held */

size_t http_peer_requests(struct http_peer *peer); /* whole ones */
size_t http_peer_connections(struct http_peer *peer); /* accepted, also those that sent nothing */
size_t http_peer_bytes(struct http_peer *peer); /* that arrived, also those of no whole request; plain HTTP only */
size_t http_peer_most_at_once(struct http_peer *peer); /* requests that waited for their answer at the same time */
/* Head and body of the n-th request as they came; false: there is none. */
bool http_peer_request(struct http_peer *peer, size_t n, struct buf *ret);

#endif
