#include "common/throttle.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/hash.h"

#define SETS 2048
#define WAYS 4

struct slot {
	uint64_t tag; /* 0 = free */
	int64_t free_at; /* when all that was taken is made up for */
};

struct throttle {
	uint8_t key[32];
	struct slot slots[SETS][WAYS];
};

struct throttle *throttle_create(const uint8_t key[32])
{
	struct throttle *throttle = xcalloc(1, sizeof(*throttle));

	memcpy(throttle->key, key, sizeof(throttle->key));
	return throttle;
}

void throttle_free(struct throttle *throttle)
{
	free(throttle);
}

/* Whoever is not known takes the place of the one who has the least to wait. */
static struct slot *find(struct throttle *throttle, uint64_t tag, int64_t now)
{
	struct slot *set = throttle->slots[tag % SETS], *least = set;

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].tag == tag)
			return &set[i];
		if (set[i].free_at < least->free_at)
			least = &set[i];
	}
	*least = (struct slot){ tag, now };
	return least;
}

bool throttle_take(struct throttle *throttle, char kind, const void *who, size_t len, const struct throttle_rate *rate, int64_t now)
{
	const struct slice parts[] = { { (const uint8_t *)&kind, 1 }, { who, len } };
	uint8_t mac[SHA256_SIZE];
	struct slot *slot;

	hmac_sha256_slices(throttle->key, sizeof(throttle->key), parts, ARRAY_LEN(parts), mac);
	slot = find(throttle, read_u64be(mac) | 1, now);
	if (slot->free_at < now)
		slot->free_at = now;
	if (slot->free_at - now > (rate->at_once - 1) * rate->every_ms)
		return false;
	slot->free_at += rate->every_ms;
	return true;
}
