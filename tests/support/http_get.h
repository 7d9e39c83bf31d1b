/* http_get - one HTTP exchange for tests, on libcurl: blocking, never repeated, every failure told apart from every answer. */
#ifndef DUNNINGD_TESTS_SUPPORT_HTTP_GET_H
#define DUNNINGD_TESTS_SUPPORT_HTTP_GET_H

#include <stddef.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/json.h"

#define HTTP_TEST_TIMEOUT_MS 20000

struct http_reply {
	long status; /* 0 = no answer: see `failure` */
	const char *failure; /* libcurl's word for why there was none: "Server returned nothing ..."; NULL = answered */
	struct buf head, body;
};

/* Of the caller's, zeroed at first; each exchange empties it. http_reply_clear works as CLEANUP(http_reply_clear). */
void http_reply_clear(struct http_reply *reply);
/* The value of a header, in the arena; NULL = absent. */
const char *http_reply_header(const struct http_reply *reply, const char *name, struct arena *arena);
/* The body as JSON; fails the test when it is none. */
struct json http_reply_json(const struct http_reply *reply, struct arena *arena);

/*
 * A client keeps its connection, as real ones do. `headers`: lines "Name: value", ended by NULL; may be NULL. timeout_ms 0 is
 * HTTP_TEST_TIMEOUT_MS. http_exchange() gives the status.
 */
struct http_caller;
struct http_caller *http_caller_create(void);
void http_caller_destroy(struct http_caller *client);
DEFINE_CLEANUP(struct http_caller, http_caller_destroy)
long http_exchange(struct http_caller *client, const char *method, const char *url, const char *const *headers,
	const char *body, long timeout_ms, struct http_reply *ret);
long http_connections(const struct http_caller *client); /* opened by the last exchange */

/* With a connection of its own each. */
long http_get(const char *url, struct http_reply *ret);
long http_get_unix(const char *socket, const char *url, struct http_reply *ret); /* the host of `url`: localhost */
long http_post_unix(const char *socket, const char *url, const char *json, struct http_reply *ret);
long http_post(const char *url, const char *const *headers, const char *body, struct http_reply *ret);

int http_free_port(void); /* of 127.0.0.1, free now */

#endif
