/*
 * redis_reply - what Redis answers, and what an error reply asks for. Pure.
 */
#ifndef DUNNINGD_COMMON_REDIS_REPLY_H
#define DUNNINGD_COMMON_REDIS_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

enum redis_type { REDIS_NIL, REDIS_STRING, REDIS_STATUS, REDIS_ERROR, REDIS_INTEGER, REDIS_ARRAY };

/* A reply, borrowed for the callback. Strings are NUL-terminated beyond len. */
struct redis_reply {
	enum redis_type type;
	const char *str;
	size_t len;
	int64_t integer;
	const struct redis_reply *items;
	size_t count;
};

/* What an error reply asks for. */
enum redis_class {
	REDIS_OK, /* no error */
	REDIS_RETRY, /* LOADING, BUSY, TRYAGAIN: not executed, later */
	REDIS_DOWN, /* CLUSTERDOWN, MASTERDOWN: not executed; another node may know more */
	REDIS_READONLY, /* a demoted primary: drop all connections, look anew */
	REDIS_MOVED, /* MOVED: not executed, at another node from now on */
	REDIS_ASK, /* not executed: this slot is being moved, and the key is not here any more */
	REDIS_NOREPLICAS,
	REDIS_NOSPACE, /* MISCONF, OOM: not executed */
	REDIS_NOSCRIPT,
	REDIS_TAMPERED, /* NOGROUP, UNBLOCKED, WRONGTYPE */
	REDIS_DENIED, /* NOAUTH, WRONGPASS, NOPERM, ACL */
	REDIS_OTHER,
};
enum redis_class redis_reply_class(const struct redis_reply *reply);
void redis_reply_copy(struct arena *arena, const struct redis_reply *from, struct redis_reply *to); /* with all that it holds */

#endif
