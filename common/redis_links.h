/*
 * redis_links - for those who ask of every partition: one link where one server holds them all, one for each partition where a cluster does.
 */
#ifndef DUNNINGD_COMMON_REDIS_LINKS_H
#define DUNNINGD_COMMON_REDIS_LINKS_H

#include "common/redis_link.h"

struct redis_links;

/* `prefix` is borrowed, `url` copied; `state` (may be NULL) hears of each link. Links of a cluster are made when they are first asked for. */
struct redis_links *redis_links_create(struct event_base *base, const struct redis_url *url, const char *prefix, uint32_t partitions,
	redis_state_fn state, void *arg);
void redis_links_destroy(struct redis_links *links); /* no callback afterwards. NULL is allowed */
void redis_links_open(struct redis_links *links); /* all of them, so that they are connected when they are wanted */
uint32_t redis_links_count(const struct redis_links *links); /* 1: one server holds every partition */
struct redis_link *redis_links_at(struct redis_links *links, uint32_t partition);
/* That of the first word that is a key, or a pattern of keys, of a partition; the first one where there is none. */
struct redis_link *redis_links_for(struct redis_links *links, size_t argc, const char *const *argv);
bool redis_links_connected(const struct redis_links *links); /* one of them at least */

#endif
