/*
 * http_client_multi - what http_client_wire.c, which has the thread and the way there and back, and http_client_multi.c, which has libcurl,
 * share. All but what says so is called in the thread alone.
 */
#ifndef DUNNINGD_DAEMON_HTTP_CLIENT_MULTI_H
#define DUNNINGD_DAEMON_HTTP_CLIENT_MULTI_H

#include <netinet/in.h>

#include "common/buf.h"
#include "daemon/http_client_wire.h"

/* The loop's, then the thread's, then the loop's again; never both's. */
struct transfer {
	struct wire_request request;
	struct transfer *after; /* on its way between the two */
	struct shard *shard;
	void *easy; /* NULL: not begun, or let go */
	struct curl_slist *headers;
	bool plain; /* http: the peer must be this machine */
	bool usual; /* a POST without a signer: its handle serves the next one with nothing but the request set anew */
	const char *strayed; /* why it may not go where its name leads; NULL = it may */
	unsigned asked; /* times that libcurl was about to send the request */
	bool declined;
	bool head_done, head_too_long, truncated;
	struct buf head, body;
	char remote[INET6_ADDRSTRLEN + 10];
	struct wire_result result; /* once it is over */
	struct transfer *next, **link;
};

void transfer_free(struct transfer *t);

struct multi; /* the requests of one wire that are under way */
typedef void (*multi_over_fn)(struct transfer *t, void *arg); /* its result is there, and it is let go */

/* Called before the thread runs. `base`: the thread's. Both are borrowed. */
struct multi *multi_create(struct event_base *base, const char *ca_file, multi_over_fn over, void *arg);
void multi_destroy(struct multi *all); /* once it has ended. Cuts and frees what is under way */
void multi_begin(struct multi *all, struct transfer *t);
void multi_fence(struct multi *all); /* in any thread: see wire_fence() */
void multi_count(const struct multi *all, struct wire_counters *ret); /* in any thread; not what is in flight */

int multi_global_init(struct err *err); /* as wire_global_init() */
void multi_global_cleanup(void);

#endif
