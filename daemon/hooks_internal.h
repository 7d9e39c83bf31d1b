/* hooks_internal - the one address under /hooks/ that is no provider's. */
#ifndef DUNNINGD_DAEMON_HOOKS_INTERNAL_H
#define DUNNINGD_DAEMON_HOOKS_INTERNAL_H

#include "common/hash.h"
#include "daemon/hooks.h"

#define UNSUBSCRIBE_STYLE "page.css" /* behind UNSUBSCRIBE_PATH: of its page */
/* What a browser is shown: PAGE_KIND_LEAVE, _LEFT or _UNKNOWN. In the arena. -EBADMSG: err says why. */
int unsubscribe_page(const struct hooks_settings *settings, const struct hook_request *asked, enum page_kind kind, struct arena *arena,
	const char **ret, struct err *err);
/* A POST's wish, as an event. -EACCES: the token is not ours; then *ret is empty. -EBADMSG: the body does not ask for it. */
int unsubscribe_read(const uint8_t install_key[32], const struct hook_request *asked, const char *token, struct arena *arena,
	struct hook_event *ret);

#endif
