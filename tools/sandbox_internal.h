/* sandbox_internal - the program's one object, and what answers which path. */
#ifndef DUNNINGD_TOOLS_SANDBOX_INTERNAL_H
#define DUNNINGD_TOOLS_SANDBOX_INTERNAL_H

#include "daemon/http_guard.h"
#include "tools/sandbox_book.h"
#include "tools/sandbox_http.h"
#include "tools/sandbox_tell.h"

struct sandbox {
	struct event_base *base;
	struct evhttp *http;
	struct http_guard *guard;
	struct sandbox_keys *keys;
	struct sandbox_book *book;
	struct sandbox_teller *teller;
	struct sandbox_order order;
	struct sandbox_lates lates;
	const char *clock_file; /* of the daemon's state directory; NULL = the computer's clock */
	int64_t by_mode[MODE_COUNT]; /* requests treated so */
	int64_t malformed;
	int64_t second; /* of the limit per second */
	int64_t in_second;
};

int64_t sandbox_now(const struct sandbox *sandbox); /* ms UTC; of the clock file, if any */

/* sandbox_send.c */
void sandbox_on_send(struct sandbox *sandbox, struct evhttp_request *request);
struct sandbox_taking { /* a message, as POST /send has it, and how its provider answers */
	const char *attempt;
	const struct json *body;
	bool every; /* no key: each request is one more message */
	int status, status_again;
	void (*write)(struct buf *body, struct evhttp_request *request, const struct sandbox_message *message, bool duplicate, const void *arg);
	const void *arg;
};
/* Captures it, and answers, or what else is to be done with it just now. */
void sandbox_take(struct sandbox *sandbox, struct evhttp_request *request, const struct sandbox_taking *taking);

/* sandbox_faces.c; false: the path is no provider's. */
bool sandbox_on_face(struct sandbox *sandbox, struct evhttp_request *request, const char *path);

/* sandbox_ask.c */
void sandbox_on_messages(struct sandbox *sandbox, struct evhttp_request *request);
void sandbox_on_counts(struct sandbox *sandbox, struct evhttp_request *request);
void sandbox_on_behave_get(struct sandbox *sandbox, struct evhttp_request *request);
void sandbox_on_behave(struct sandbox *sandbox, struct evhttp_request *request);
void sandbox_on_hooks_get(struct sandbox *sandbox, struct evhttp_request *request);
void sandbox_on_hooks(struct sandbox *sandbox, struct evhttp_request *request);
void sandbox_on_told(struct sandbox *sandbox, struct evhttp_request *request);
void sandbox_on_tell(struct sandbox *sandbox, struct evhttp_request *request);

/* sandbox_site.c: for people. `rest` is what follows "/message/". */
void sandbox_on_list(struct sandbox *sandbox, struct evhttp_request *request);
void sandbox_on_modes(struct sandbox *sandbox, struct evhttp_request *request);
void sandbox_on_style(struct sandbox *sandbox, struct evhttp_request *request);
void sandbox_on_message(struct sandbox *sandbox, struct evhttp_request *request, const char *rest);
void sandbox_on_form(struct sandbox *sandbox, struct evhttp_request *request, const char *rest);

#endif
