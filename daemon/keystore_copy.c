/* Copies of shards elsewhere, told apart by their sealed bytes: no key is needed to see which of two is the later one. */
#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "daemon/keystore_internal.h"

_Static_assert(SHARD_SIZE == KEYSTORE_SHARD_BYTES, "shard");

static const uint8_t *slot_at(const uint8_t *shard, uint32_t slot)
{
	return shard + keystore_slot_offset(slot);
}

bool keystore_copy_is(const void *shard, size_t len, uint16_t year, uint32_t number)
{
	const uint8_t *head = shard;

	return len == SHARD_SIZE && memcmp(head, SHARD_MAGIC, SHARD_MAGIC_SIZE) == 0 && read_u16be(head + SHARD_MAGIC_SIZE) == year &&
		read_u32be(head + SHARD_MAGIC_SIZE + 2) == number;
}

unsigned keystore_copy_erased(const void *shard)
{
	unsigned count = 0;

	for (uint32_t i = 0; i < KEYSTORE_SHARD_SLOTS; i++) {
		const uint8_t *slot = slot_at(shard, i);
		unsigned left = slot[0] == SLOT_USED ? slot[1] & ALL_CLASSES : slot[0] == SLOT_ERASED ? 0 : ALL_CLASSES;

		count += (unsigned)(CLASS_COUNT - __builtin_popcount(left));
	}
	return count;
}

/* A slot is filled once, then only loses classes: each time it is sealed anew. */
static bool slot_follows(const uint8_t *now, const uint8_t *before)
{
	if (before[0] == SLOT_FREE || now[0] == SLOT_ERASED)
		return true;
	if (before[0] == SLOT_ERASED || now[0] != SLOT_USED || (now[1] & ~before[1] & ALL_CLASSES))
		return false;
	return now[1] != before[1] || memcmp(now, before, SLOT_SIZE) == 0;
}

bool keystore_copy_follows(const void *now, const void *before)
{
	for (uint32_t i = 0; i < KEYSTORE_SHARD_SLOTS; i++)
		if (!slot_follows(slot_at(now, i), slot_at(before, i)))
			return false;
	return true;
}
