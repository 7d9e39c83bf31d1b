#include "common/redis_reply.h"

#include <string.h>

void redis_reply_copy(struct arena *arena, const struct redis_reply *from, struct redis_reply *to)
{
	struct redis_reply *items;

	*to = *from;
	if (from->str)
		to->str = arena_memdup(arena, from->str, from->len);
	if (!from->count)
		return;
	items = arena_alloc(arena, from->count * sizeof(*items));
	for (size_t i = 0; i < from->count; i++)
		redis_reply_copy(arena, &from->items[i], &items[i]);
	to->items = items;
}

enum redis_class redis_reply_class(const struct redis_reply *reply)
{
	static const struct {
		const char *prefix;
		enum redis_class class;
	} rows[] = {
		{ "LOADING", REDIS_RETRY }, { "BUSY", REDIS_RETRY }, { "TRYAGAIN", REDIS_RETRY },
		{ "CLUSTERDOWN", REDIS_DOWN }, { "MASTERDOWN", REDIS_DOWN }, { "READONLY", REDIS_READONLY },
		{ "MOVED", REDIS_MOVED }, { "ASK", REDIS_ASK }, { "NOREPLICAS", REDIS_NOREPLICAS },
		{ "MISCONF", REDIS_NOSPACE }, { "OOM", REDIS_NOSPACE }, { "NOSCRIPT", REDIS_NOSCRIPT },
		{ "NOGROUP", REDIS_TAMPERED }, { "UNBLOCKED", REDIS_TAMPERED }, { "WRONGTYPE", REDIS_TAMPERED },
		{ "NOAUTH", REDIS_DENIED }, { "WRONGPASS", REDIS_DENIED }, { "NOPERM", REDIS_DENIED },
		{ "ERR The user executing the script", REDIS_DENIED }, { "ERR ACL failure in script", REDIS_DENIED },
		{ "ERR AUTH", REDIS_DENIED },
	};
	static const char aborted[] = "EXECABORT Transaction discarded because of: ";
	const char *text = reply->str;

	if (reply->type != REDIS_ERROR)
		return REDIS_OK;
	if (strncmp(text, aborted, strlen(aborted)) == 0) /* EXEC itself was refused: behind it stands why */
		text += strlen(aborted);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t n = strlen(rows[i].prefix);

		/* Whole words: BUSYKEY and BUSYGROUP ask for something else than BUSY. */
		if (strncmp(text, rows[i].prefix, n) == 0 && (!text[n] || strchr(" ,:", text[n])))
			return rows[i].class;
	}
	return REDIS_OTHER;
}
