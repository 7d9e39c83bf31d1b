/*
 * Erasing keys. The shard is written anew without them, synced, and put in the place of the old one; then the slot in the old file, which
 * has no name any more, is overwritten too, so that its blocks do not keep it. What lies below (a file system that copies on write, a
 * drive that spreads its wear) is beyond reach: the keys there are still sealed by the wrap key.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/keystore_internal.h"

#define FRESH_SUFFIX ".new"

void keystore_erase(void *self, uint16_t year, uint32_t slot, unsigned classes)
{
	struct keystore *keys = self;
	const struct key_year *folder = keystore_year(keys, year);
	struct erasure *item;

	if (!folder || slot >= folder->next_slot || !(classes & ALL_CLASSES))
		return;
	keystore_cache_drop(keys, year, slot);
	item = xmalloc(sizeof(*item));
	pthread_mutex_lock(&keys->mutex);
	*item = (struct erasure){ year, slot, classes & ALL_CLASSES, folder->dir, keys->erasures };
	keys->erasures = item;
	pthread_mutex_unlock(&keys->mutex);
}

unsigned keystore_erasing(struct keystore *keys, uint16_t year, uint32_t slot)
{
	unsigned classes = 0;

	pthread_mutex_lock(&keys->mutex);
	for (const struct erasure *e = keys->erasures; e; e = e->next)
		if (e->year == year && e->slot == slot)
			classes |= e->classes;
	pthread_mutex_unlock(&keys->mutex);
	return classes;
}

int keystore_mask(struct case_keys *keys, unsigned erased)
{
	bool left = false;

	for (int class = 0; class < CLASS_COUNT; class ++) {
		if (erased >> class & 1)
			cleanse(keys->class_key[class], sizeof(keys->class_key[class]));
		left |= case_keys_has(keys, (enum key_class)class);
	}
	if (left)
		return 0;
	cleanse(keys, sizeof(*keys));
	return -ENOENT;
}

/* The slot without the classes that are to go. Zeros behind the first byte where none is left. 1: changed, 0: they are gone already; -errno. */
static int erase_slot(const struct keystore *keys, const struct erasure *e, uint8_t bytes[SLOT_SIZE])
{
	struct case_keys slot;
	unsigned left;
	int r;

	if (bytes[0] != SLOT_USED || !(bytes[1] & e->classes))
		return 0;
	left = bytes[1] & ~e->classes & ALL_CLASSES;
	if (!left) { /* also one that is damaged */
		memset(bytes, 0, SLOT_SIZE);
		bytes[0] = SLOT_ERASED;
		return 1;
	}
	r = keystore_slot_unseal(keys, e->year, e->slot, bytes, &slot);
	if (r < 0)
		return r;
	(void)keystore_mask(&slot, e->classes);
	keystore_slot_seal(keys, &slot, left, bytes);
	cleanse(&slot, sizeof(slot));
	return 1;
}

static int write_new(int dir, const char *name, const uint8_t *bytes)
{
	CLEANUP(closep) int fd = -1;
	char fresh[SHARD_NAME_SIZE + sizeof(FRESH_SUFFIX)];
	int r;

	(void)snprintf(fresh, sizeof(fresh), "%s" FRESH_SUFFIX, name);
	fd = openat(dir, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return keystore_no_space(errno);
	r = keystore_write_at(fd, bytes, SHARD_SIZE, 0);
	if (r == 0 && fsync(fd) < 0)
		r = keystore_no_space(errno) == -ENOSPC ? -EIO : -errno; /* never tried again */
	if (r == 0 && renameat(dir, fresh, dir, name) < 0)
		r = keystore_no_space(errno);
	if (r == 0 && fsync(dir) < 0)
		r = -EIO;
	if (r < 0)
		(void)unlinkat(dir, fresh, 0);
	return r;
}

/* What waits to be synced there is the old file: the new one is noted again when a slot comes to it. */
static void replaced(struct keystore *keys, uint16_t year, uint32_t shard)
{
	pthread_mutex_lock(&keys->mutex);
	for (struct unsynced *item = keys->unsynced; item; item = item->next)
		if (item->what == keystore_what_shard(year, shard))
			item->what = UINT64_MAX;
	pthread_mutex_unlock(&keys->mutex);
}

/* All that is to go from the first one's shard. */
static int rewrite_shard(struct keystore *keys, const struct erasure *list)
{
	CLEANUP(freep) uint8_t *bytes = xmalloc(SHARD_SIZE);
	uint8_t zeros[SLOT_SIZE] = { 0 };
	uint32_t shard = list->slot / KEYSTORE_SHARD_SLOTS;
	CLEANUP(closep) int old = -1;
	char name[SHARD_NAME_SIZE];
	bool changed = false;
	int r;

	keystore_shard_name(shard, name);
	old = openat(list->dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (old < 0)
		return errno == ENOENT ? 0 : -errno;
	r = keystore_read_at(old, bytes, SHARD_SIZE, 0);
	for (const struct erasure *e = list; e && r >= 0; e = e->next) {
		if (e->year != list->year || e->slot / KEYSTORE_SHARD_SLOTS != shard)
			continue;
		r = erase_slot(keys, e, bytes + keystore_slot_offset(e->slot));
		changed |= r > 0;
	}
	if (r < 0 || !changed)
		return r < 0 ? r : 0;
	r = write_new(list->dir, name, bytes);
	if (r < 0)
		return r;
	keys->rewrites++;
	replaced(keys, list->year, shard);
	for (const struct erasure *e = list; e; e = e->next)
		if (e->year == list->year && e->slot / KEYSTORE_SHARD_SLOTS == shard)
			(void)keystore_write_at(old, zeros, sizeof(zeros), keystore_slot_offset(e->slot));
	(void)fdatasync(old);
	return 0;
}

static void drop(struct keystore *keys, uint16_t year, uint32_t shard, const struct erasure *known)
{
	struct erasure **at = &keys->erasures;

	while (*at && *at != known) /* what came since stays */
		at = &(*at)->next;
	while (*at) {
		struct erasure *e = *at;

		if (e->year != year || e->slot / KEYSTORE_SHARD_SLOTS != shard) {
			at = &e->next;
			continue;
		}
		*at = e->next;
		free(e);
	}
}

int keystore_rewrite(struct keystore *keys)
{
	for (;;) {
		const struct erasure *list;
		uint32_t shard;
		uint16_t year;
		int r;

		pthread_mutex_lock(&keys->mutex);
		list = keys->erasures; /* others come in front of it; only this thread takes any out */
		pthread_mutex_unlock(&keys->mutex);
		if (!list)
			return 0;
		year = list->year;
		shard = list->slot / KEYSTORE_SHARD_SLOTS;
		pthread_mutex_lock(&keys->files);
		r = rewrite_shard(keys, list);
		pthread_mutex_unlock(&keys->files);
		if (r < 0)
			return r;
		pthread_mutex_lock(&keys->mutex);
		drop(keys, year, shard, list);
		pthread_mutex_unlock(&keys->mutex);
	}
}

void keystore_drop_erasures(struct keystore *keys)
{
	for (struct erasure *e = keys->erasures, *next; e; e = next) {
		next = e->next;
		free(e);
	}
	keys->erasures = NULL;
}
