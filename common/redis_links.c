#include "common/redis_links.h"

#include <stdlib.h>

#include "common/cleanup.h"
#include "common/hash.h"
#include "common/keys.h"

struct redis_links {
	struct event_base *base;
	struct redis_url url;
	const char *prefix;
	redis_state_fn state;
	void *arg;
	struct redis_link **links; /* NULL: not asked for so far */
	uint32_t count;
};

struct redis_links *redis_links_create(struct event_base *base, const struct redis_url *url, const char *prefix, uint32_t partitions,
	redis_state_fn state, void *arg)
{
	struct redis_links *links = xcalloc(1, sizeof(*links));

	*links = (struct redis_links){ .base = base, .url = *url, .prefix = prefix, .state = state, .arg = arg,
		.count = url->kind == REDIS_CLUSTER ? partitions : 1 };
	links->links = xcalloc(links->count, sizeof(struct redis_link *));
	if (links->count == 1)
		redis_links_open(links);
	return links;
}

void redis_links_destroy(struct redis_links *links)
{
	if (!links)
		return;
	for (uint32_t i = 0; i < links->count; i++)
		redis_link_destroy(links->links[i]);
	free(links->links);
	cleanse(&links->url, sizeof(links->url));
	free(links);
}

void redis_links_open(struct redis_links *links)
{
	for (uint32_t i = 0; i < links->count; i++)
		(void)redis_links_at(links, i);
}

uint32_t redis_links_count(const struct redis_links *links)
{
	return links->count;
}

struct redis_link *redis_links_at(struct redis_links *links, uint32_t partition)
{
	uint32_t i = partition < links->count ? partition : 0;

	if (!links->links[i]) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct keyspace keys = { links->prefix, i };

		links->links[i] = redis_link_create_for(links->base, &links->url, key_of(arena, &keys, "lease"), links->state, links->arg);
	}
	return links->links[i];
}

struct redis_link *redis_links_for(struct redis_links *links, size_t argc, const char *const *argv)
{
	uint32_t partition;

	for (size_t i = 1; i < argc && links->count > 1; i++)
		if (key_partition(argv[i], links->prefix, &partition))
			return redis_links_at(links, partition);
	return redis_links_at(links, 0);
}

bool redis_links_connected(const struct redis_links *links)
{
	for (uint32_t i = 0; i < links->count; i++)
		if (links->links[i] && redis_link_connected(links->links[i]))
			return true;
	return false;
}
