/* hooks_internal - the one address under /hooks/ that is no provider's. */
#ifndef DUNNINGD_DAEMON_HOOKS_INTERNAL_H
#define DUNNINGD_DAEMON_HOOKS_INTERNAL_H

#include "common/hash.h"
#include "daemon/hooks.h"

/* What a browser is shown: the question with its button, or that it is done. In the arena. */
const char *unsubscribe_page(const struct hook_request *asked, bool done, struct arena *arena);
/* A POST's wish, as an event. -EACCES: the token is not ours; then *ret is empty. -EBADMSG: the body does not ask for it. */
int unsubscribe_read(const uint8_t install_key[32], const struct hook_request *asked, const char *token, struct arena *arena,
	struct hook_event *ret);

#endif
