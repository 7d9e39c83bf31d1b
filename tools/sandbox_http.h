/* sandbox_http - how the sandbox answers: at once, later, not at all, or badly. */
#ifndef DUNNINGD_TOOLS_SANDBOX_HTTP_H
#define DUNNINGD_TOOLS_SANDBOX_HTTP_H

#include <stdint.h>

#include <event2/event.h>
#include <event2/http.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/json.h"
#include "tools/sandbox_modes.h"

#define SANDBOX_JSON "application/json"

/* Of a browser's: no answer is kept, none is taken for what it is not. `csp` NULL = none. */
void sandbox_answer_as(struct evhttp_request *request, int status, const char *type, const char *csp, const struct buf *body);
void sandbox_answer(struct evhttp_request *request, int status, struct buf *body); /* JSON; adds a line end. Empty: no body at all */
void sandbox_answer_error(struct evhttp_request *request, int status, const struct err *err);
void sandbox_write_error(struct buf *body, const char *code, const char *path, const char *text);

/* The body as one JSON object: strictly, and shallow enough to be read again where it is logged and listed. */
int sandbox_read_object(struct evhttp_request *request, struct arena *arena, struct json *ret, struct err *err);

/* What waits for its answer. */
struct sandbox_late;
struct sandbox_lates {
	struct event_base *base;
	struct sandbox_late *first;
};
/* After `ms`, which may be 0: a connection is never cut inside its own callback. `body` is taken. */
void sandbox_answer_late(struct sandbox_lates *lates, struct evhttp_request *request, enum sandbox_how how, int64_t ms, int status,
	struct buf *body);
void sandbox_lates_end(struct sandbox_lates *lates); /* before evhttp_free(), which frees the requests of those who still wait */

#endif
