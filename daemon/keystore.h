/*
 * keystore - the keys of every case, sealed by the wrap key, in <state>/keys/<year>/<shard>: the one part of the trail that is
 * really deleted. Fixed slots, 1,024 a shard; a bounded cache of opened ones. Format: common/FORMATS.md.
 *
 * All calls come from the loop's thread but keystore_sync(), which the journal's writer calls before the groups that use new slots, or
 * say that keys were erased.
 */
#ifndef DUNNINGD_DAEMON_KEYSTORE_H
#define DUNNINGD_DAEMON_KEYSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "daemon/ports.h"

#define KEYSTORE_SHARD_SLOTS 1024u

struct keystore;

/*
 * Makes <state_dir>/keys when missing and holds the wrap key against the newest shard of each year. `cache_keys`: cases whose keys
 * stay open in memory, at least 1. -EKEYREJECTED: another wrap key sealed them. -EBADMSG: a shard is damaged. -errno. `err` names
 * the file. The wrap key is copied, and cleansed by keystore_close().
 */
int keystore_open(const char *state_dir, const uint8_t wrap_key[32], size_t cache_keys,
	struct keystore **ret, struct err *err);
void keystore_close(struct keystore *keys); /* NULL is allowed */
DEFINE_CLEANUP(struct keystore, keystore_close)

/*
 * open: -ENOENT, -EBADMSG (damaged), -errno; a class key that was erased comes as zeros. create: -ENOSPC (also for a quota or file
 * size limit: nothing was used up, try again later), -errno.
 */
const struct keys_port *keystore_port(struct keystore *keys);

/*
 * New slots come far behind all that are there: the key store may have been taken back with the journal, and what was lost must not be
 * given again, for Redis still names those slots as other cases', and would have them erased. Once, before a generation's first slot.
 */
#define KEYSTORE_LEAP (1024u * KEYSTORE_SHARD_SLOTS)
void keystore_leap(struct keystore *keys);

/*
 * Makes every slot created, and every erasure asked for, before the call durable. From any one thread. -ENOSPC: an erasure found none;
 * nothing is lost, try again later. Any other -errno: the caller must not go on, and not try again.
 */
int keystore_sync(struct keystore *keys);

/* --- keystore_copy.c: copies of shards that are kept elsewhere. Pure; `shard`: KEYSTORE_SHARD_BYTES --- */

#define KEYSTORE_SHARD_BYTES 163904u /* of a shard's file: common/FORMATS.md section 8 */

bool keystore_copy_is(const void *shard, size_t len, uint16_t year, uint32_t number); /* by length and head; no key is asked for */
unsigned keystore_copy_erased(const void *shard); /* class keys that are gone from it */
/* Whether `now` can have come out of `before`. False: one of the two was set back, and must not be put in the place of the other. */
bool keystore_copy_follows(const void *now, const void *before);

struct keystore_counters {
	uint64_t hits, misses, created;
	size_t cached;
};
struct keystore_counters keystore_counters(const struct keystore *keys);

#endif
