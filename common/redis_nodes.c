#include "common/redis_nodes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"

int redis_slot(const char *key)
{
	const char *open = strchr(key, '{'), *close = open ? strchr(open + 1, '}') : NULL;

	if (close && close > open + 1)
		return crc16_redis(open + 1, (size_t)(close - open - 1)) % REDIS_SLOTS;
	return crc16_redis(key, strlen(key)) % REDIS_SLOTS;
}

static int make_node(const char *host, size_t len, int64_t port, struct redis_node *ret)
{
	if (!len || len >= sizeof(ret->host) || port < 1 || port > 65535)
		return -EPROTO;
	memcpy(ret->host, host, len);
	ret->host[len] = '\0';
	ret->port = (int)port;
	return 0;
}

int redis_redirection(const struct redis_reply *error, const char *asked_host, struct redis_node *ret)
{
	const char *at, *colon;

	if (error->type != REDIS_ERROR)
		return -EPROTO;
	at = strchr(error->str, ' '); /* MOVED 3999 127.0.0.1:6381 */
	at = at ? strchr(at + 1, ' ') : NULL;
	colon = at ? strrchr(at, ':') : NULL; /* an IPv6 address has more of them */
	if (!colon)
		return -EPROTO;
	at++;
	if (colon == at)
		return make_node(asked_host, strlen(asked_host), strtol(colon + 1, NULL, 10), ret);
	return make_node(at, (size_t)(colon - at), strtol(colon + 1, NULL, 10), ret);
}

/* [host, port, id, ...]. Host NULL or empty: the one that was asked; "?": its name is not known to who was asked. */
static int read_node(const struct redis_reply *reply, const char *asked_host, struct redis_node *ret)
{
	const struct redis_reply *host;

	if (reply->type != REDIS_ARRAY || reply->count < 2 || reply->items[1].type != REDIS_INTEGER)
		return -EPROTO;
	host = &reply->items[0];
	if (host->type == REDIS_NIL || (host->type == REDIS_STRING && host->len == 0))
		return make_node(asked_host, strlen(asked_host), reply->items[1].integer, ret);
	if (host->type != REDIS_STRING)
		return -EPROTO;
	if (strcmp(host->str, "?") == 0)
		return -ENOENT;
	return make_node(host->str, host->len, reply->items[1].integer, ret);
}

static void remember(const struct redis_node *node, struct redis_node *known, size_t *count)
{
	for (size_t i = 0; i < *count; i++)
		if (known[i].port == node->port && strcmp(known[i].host, node->host) == 0)
			return;
	if (*count < REDIS_NODES_MAX)
		known[(*count)++] = *node;
}

int redis_slots_read(const struct redis_reply *slots, int slot, const char *asked_host, struct redis_node *ret, struct redis_node *known,
	size_t *known_count)
{
	int result = -ENOENT;
	size_t most = 0;

	*known_count = 0;
	if (slots->type != REDIS_ARRAY)
		return -EPROTO;
	for (size_t i = 0; i < slots->count; i++) {
		const struct redis_reply *range = &slots->items[i];

		if (range->type != REDIS_ARRAY || range->count < 3 || range->items[0].type != REDIS_INTEGER || range->items[1].type != REDIS_INTEGER)
			return -EPROTO;
		if (range->count > most)
			most = range->count;
		if (range->items[0].integer <= slot && slot <= range->items[1].integer)
			result = read_node(&range->items[2], asked_host, ret);
		if (result == -EPROTO)
			return result;
	}
	for (size_t k = 2; k < most; k++) /* the primaries, then the replicas */
		for (size_t i = 0; i < slots->count; i++) {
			struct redis_node node;

			if (k < slots->items[i].count && read_node(&slots->items[i].items[k], asked_host, &node) == 0)
				remember(&node, known, known_count);
		}
	return result;
}

int redis_primary_read(const struct redis_reply *reply, struct redis_node *ret)
{
	if (reply->type == REDIS_NIL || (reply->type == REDIS_ARRAY && reply->count == 0)) /* a null array comes as one without items */
		return -ENOENT;
	if (reply->type != REDIS_ARRAY || reply->count != 2 || reply->items[0].type != REDIS_STRING || reply->items[1].type != REDIS_STRING)
		return -EPROTO;
	return make_node(reply->items[0].str, reply->items[0].len, strtol(reply->items[1].str, NULL, 10), ret);
}

bool redis_role_is_primary(const struct redis_reply *role)
{
	return role->type == REDIS_ARRAY && role->count && role->items[0].type == REDIS_STRING && strcmp(role->items[0].str, "master") == 0;
}
