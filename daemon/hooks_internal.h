/* hooks_internal - the one address under /hooks/ that is no provider's. */
#ifndef DUNNINGD_DAEMON_HOOKS_INTERNAL_H
#define DUNNINGD_DAEMON_HOOKS_INTERNAL_H

#include "common/hash.h"
#include "daemon/hooks.h"

enum unsubscribe_step {
	UNSUBSCRIBE_ASK, /* the question, with its button */
	UNSUBSCRIBE_DONE,
	UNSUBSCRIBE_LOST, /* nobody knows any more to whom that mail went: an answer to a mail still stops them */
};
/* What a browser is shown. In the arena. */
const char *unsubscribe_page(const struct hook_request *asked, enum unsubscribe_step step, struct arena *arena);
/* A POST's wish, as an event. -EACCES: the token is not ours; then *ret is empty. -EBADMSG: the body does not ask for it. */
int unsubscribe_read(const uint8_t install_key[32], const struct hook_request *asked, const char *token, struct arena *arena,
	struct hook_event *ret);

#endif
