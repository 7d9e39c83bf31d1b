/*
 * redis_nodes - which server holds a key: the slots of a cluster, the primary that sentinels know, where a redirection leads. Pure.
 * Source: the Redis Cluster specification; CLUSTER SLOTS, SENTINEL GET-MASTER-ADDR-BY-NAME and ROLE of Redis 7 and Valkey 8.
 */
#ifndef DUNNINGD_COMMON_REDIS_NODES_H
#define DUNNINGD_COMMON_REDIS_NODES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/redis_reply.h"
#include "common/redis_url.h"

#define REDIS_SLOTS 16384

/* Of the part in braces, where there is one that is not empty: keys of one partition are in one slot. */
int redis_slot(const char *key);

/*
 * Where a MOVED or ASK leads. An empty host means the one that was asked. -EPROTO: it leads nowhere.
 */
int redis_redirection(const struct redis_reply *error, const char *asked_host, struct redis_node *ret);

/*
 * The answer of CLUSTER SLOTS. The primary of `slot`: 0, -ENOENT when nobody serves it, or when its host is not known there; -EPROTO.
 * `known` gets all nodes of which it tells, primaries first, REDIS_NODES_MAX at most. A host that is not named is the one that was asked.
 */
int redis_slots_read(const struct redis_reply *slots, int slot, const char *asked_host, struct redis_node *ret, struct redis_node *known,
	size_t *known_count);

/* The answer of SENTINEL GET-MASTER-ADDR-BY-NAME: 0, -ENOENT when it watches none of that name, -EPROTO. */
int redis_primary_read(const struct redis_reply *reply, struct redis_node *ret);

bool redis_role_is_primary(const struct redis_reply *role); /* the answer of ROLE */

#endif
