/* keystore_internal - what keystore.c and keystore_erase.c share. For them only. */
#ifndef DUNNINGD_DAEMON_KEYSTORE_INTERNAL_H
#define DUNNINGD_DAEMON_KEYSTORE_INTERNAL_H

#include <pthread.h>
#include <sys/types.h>

#include "common/hash.h"
#include "daemon/keystore.h"

#define SHARD_MAGIC "dunningd-keys/v1\n"
#define SHARD_MAGIC_SIZE 17
#define SHARD_SUFFIX ".keys"
#define SHARD_HEAD_SIZE 64
#define SHARD_PLAIN_SIZE (SHARD_MAGIC_SIZE + 2 + 4) /* what the header's check value vouches for */
#define SLOT_SIZE 160
#define SLOT_HEAD_SIZE 4
#define SLOT_PLAIN_SIZE (32 * (1 + CLASS_COUNT))
#define SHARD_SIZE (SHARD_HEAD_SIZE + KEYSTORE_SHARD_SLOTS * SLOT_SIZE)
#define SLOT_AAD_MAGIC "dunningd-key/v1\n"
#define ALL_CLASSES ((1u << CLASS_COUNT) - 1)
#define SHARD_NAME_SIZE 24

_Static_assert(SHARD_PLAIN_SIZE + AES_NONCE_SIZE + AES_TAG_SIZE <= SHARD_HEAD_SIZE, "header");
_Static_assert(SLOT_HEAD_SIZE + AES_NONCE_SIZE + SLOT_PLAIN_SIZE + AES_TAG_SIZE == SLOT_SIZE, "slot");

enum slot_state { SLOT_FREE = 0, SLOT_USED = 1, SLOT_ERASED = 2 };

/* A year's folder, and its last shard, open for new slots. */
struct key_year {
	uint16_t year;
	uint32_t next_slot;
	int dir; /* owned */
	int shard; /* open for new slots, owned; -1: none yet */
	uint32_t shard_number;
	uint64_t rewrites; /* as of its opening: it may be another file by now */
};

/* A file or folder to be synced before the next group: owns its descriptor, so that a shard may be closed meanwhile. */
struct unsynced {
	int fd;
	uint64_t what; /* so that it is noted once */
	struct unsynced *next;
};

/* Class keys to be deleted before the next group is durable. */
struct erasure {
	uint16_t year;
	uint32_t slot;
	unsigned classes; /* bit per enum key_class */
	int dir; /* the year's folder; borrowed */
	struct erasure *next;
};

struct cache_entry {
	struct case_keys keys;
	uint32_t newer, older; /* places in the use order, CACHE_NONE at the ends */
	uint32_t next; /* in the bucket */
};
#define CACHE_NONE UINT32_MAX

struct keystore {
	uint8_t wrap_key[32];
	int dir;
	struct key_year *years; /* few: linear */
	size_t year_count, year_capacity;
	uint32_t leap; /* where the slots of a new year begin */
	struct cache_entry *cache;
	uint32_t cache_size, cache_used;
	uint32_t *buckets;
	uint32_t bucket_count; /* a power of two */
	uint32_t newest, oldest;
	struct keystore_counters counters;
	pthread_mutex_t mutex; /* guards `unsynced` and `erasures` */
	struct unsynced *unsynced;
	struct erasure *erasures;
	pthread_mutex_t files; /* held while a shard is rewritten, and while a slot is added to one. Taken before `mutex` */
	uint64_t rewrites; /* of shards, so far; guarded by `files` */
	struct keys_port port;
};

int keystore_no_space(int error); /* a quota or a file size limit is "no space" for us: it may pass. -errno */
void keystore_shard_name(uint32_t shard, char ret[SHARD_NAME_SIZE]);
off_t keystore_slot_offset(uint32_t slot);
void keystore_slot_seal(const struct keystore *keys, const struct case_keys *fresh, unsigned classes, uint8_t ret[SLOT_SIZE]);
int keystore_slot_unseal(const struct keystore *keys, uint16_t year, uint32_t slot, const uint8_t bytes[SLOT_SIZE],
	struct case_keys *ret); /* -ENOENT, -EBADMSG */
int keystore_write_at(int fd, const void *data, size_t len, off_t offset);
int keystore_read_at(int fd, void *ret, size_t len, off_t offset);
uint64_t keystore_what_shard(uint16_t year, uint32_t shard); /* its `what` in the list of what is not synced */
struct key_year *keystore_year(struct keystore *keys, uint16_t year); /* NULL: none */
void keystore_cache_drop(struct keystore *keys, uint16_t year, uint32_t slot);

/* keystore_erase.c */
void keystore_erase(void *self, uint16_t year, uint32_t slot, unsigned classes); /* the port's */
unsigned keystore_erasing(struct keystore *keys, uint16_t year, uint32_t slot); /* classes that are to go, and may still be on the disk */
int keystore_mask(struct case_keys *keys, unsigned erased); /* zeros for them. -ENOENT: nothing is left */
int keystore_rewrite(struct keystore *keys); /* deletes what is to go from the disk; the writer's thread. -ENOSPC: try again later. -errno */
void keystore_drop_erasures(struct keystore *keys);

#endif
