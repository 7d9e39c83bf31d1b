/*
 * sandbox_tell - the webhooks of the sandbox on their way: each is sent until it is answered with 2xx, with pauses that double, as providers
 * do, and given up after SANDBOX_TRIES. To 127.0.0.1 alone: the sandbox reaches nobody.
 */
#ifndef DUNNINGD_TOOLS_SANDBOX_TELL_H
#define DUNNINGD_TOOLS_SANDBOX_TELL_H

#include <event2/event.h>

#include "tools/sandbox_webhook.h"

#define SANDBOX_TRIES 10
#define SANDBOX_RETRY_MS 500 /* the first pause; the last is four minutes */
#define SANDBOX_TEXT_MAX 5000 /* of a reply */

enum sandbox_tell_state { TELL_WAITING, TELL_TAKEN, TELL_GIVEN_UP, TELL_STATE_COUNT };
extern const char *const sandbox_tell_states[TELL_STATE_COUNT + 1];

struct sandbox_told {
	struct sandbox_saying saying; /* its strings are the telling's */
	enum sandbox_tell_state state;
	int tries;
	int status; /* of the last answer; 0 = none came */
};

struct sandbox_teller;
/* `keys` is borrowed for life. */
struct sandbox_teller *sandbox_teller_create(struct event_base *base, const struct sandbox_keys *keys);
void sandbox_teller_destroy(struct sandbox_teller *teller); /* NULL is allowed */
DEFINE_CLEANUP(struct sandbox_teller, sandbox_teller_destroy)

/*
 * Where the webhooks go: "http://127.0.0.1:PORT", and the public address that stands before /hooks/ in what is signed; NULL = the same.
 * `retry_ms` 0 = SANDBOX_RETRY_MS. -EBADMSG: `to` is something else.
 */
int sandbox_teller_aim(struct sandbox_teller *teller, const char *to, const char *public_url, int64_t retry_ms, struct err *err);
const char *sandbox_teller_to(const struct sandbox_teller *teller); /* NULL = nowhere yet */
const char *sandbox_teller_public(const struct sandbox_teller *teller);

/*
 * Sends it after `after_ms`, `times` times (one event told again). `saying->event` NULL: a fresh one. -ENOTSUP as sandbox_webhook_make();
 * -EDESTADDRREQ: it is not known where to.
 */
int sandbox_tell(struct sandbox_teller *teller, const struct sandbox_saying *saying, int times, int64_t after_ms, struct err *err);

size_t sandbox_teller_len(const struct sandbox_teller *teller);
const struct sandbox_told *sandbox_teller_at(const struct sandbox_teller *teller, size_t i); /* in the order of telling */

#endif
