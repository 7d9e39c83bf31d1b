#include "daemon/keystore_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/hash.h"

/* A quota or a file size limit is "no space" for us: it may pass. */
int keystore_no_space(int error)
{
	return error == EDQUOT || error == EFBIG ? -ENOSPC : -error;
}

/* --- cache ------------------------------------------------------------------------------------- */

static uint32_t *bucket_of(const struct keystore *keys, uint16_t year, uint32_t slot)
{
	uint32_t hash = (slot + year * 0x9e3779b1u) * 0x85ebca6bu;

	return &keys->buckets[(hash >> 8) & (keys->bucket_count - 1)];
}

static void order_take(struct keystore *keys, uint32_t i)
{
	struct cache_entry *entry = &keys->cache[i];

	if (entry->newer == CACHE_NONE)
		keys->newest = entry->older;
	else
		keys->cache[entry->newer].older = entry->older;
	if (entry->older == CACHE_NONE)
		keys->oldest = entry->newer;
	else
		keys->cache[entry->older].newer = entry->newer;
}

static void order_put(struct keystore *keys, uint32_t i)
{
	struct cache_entry *entry = &keys->cache[i];

	entry->newer = CACHE_NONE;
	entry->older = keys->newest;
	if (keys->newest == CACHE_NONE)
		keys->oldest = i;
	else
		keys->cache[keys->newest].newer = i;
	keys->newest = i;
}

static const struct case_keys *cache_find(struct keystore *keys, uint16_t year, uint32_t slot)
{
	for (uint32_t i = *bucket_of(keys, year, slot); i != CACHE_NONE; i = keys->cache[i].next) {
		const struct case_keys *found = &keys->cache[i].keys;

		if (found->year == year && found->slot == slot) {
			order_take(keys, i);
			order_put(keys, i);
			return found;
		}
	}
	return NULL;
}

static void cache_add(struct keystore *keys, const struct case_keys *fresh)
{
	uint32_t i, *bucket;

	if (keys->cache_used < keys->cache_size) {
		i = keys->cache_used++;
	} else {
		const struct case_keys *old = &keys->cache[keys->oldest].keys;

		i = keys->oldest;
		for (bucket = bucket_of(keys, old->year, old->slot); *bucket != i;)
			bucket = &keys->cache[*bucket].next;
		*bucket = keys->cache[i].next;
		order_take(keys, i);
		cleanse(&keys->cache[i].keys, sizeof(keys->cache[i].keys));
	}
	keys->cache[i].keys = *fresh;
	bucket = bucket_of(keys, fresh->year, fresh->slot);
	keys->cache[i].next = *bucket;
	*bucket = i;
	order_put(keys, i);
}

/* Its place is cleansed and stays in the use order, under a slot that no case has: a new one may take it. */
void keystore_cache_drop(struct keystore *keys, uint16_t year, uint32_t slot)
{
	uint32_t *bucket = bucket_of(keys, year, slot), i;

	while (*bucket != CACHE_NONE && (keys->cache[*bucket].keys.year != year || keys->cache[*bucket].keys.slot != slot))
		bucket = &keys->cache[*bucket].next;
	i = *bucket;
	if (i == CACHE_NONE)
		return;
	*bucket = keys->cache[i].next;
	cleanse(&keys->cache[i].keys, sizeof(keys->cache[i].keys));
	keys->cache[i].keys.slot = UINT32_MAX;
	bucket = bucket_of(keys, 0, UINT32_MAX);
	keys->cache[i].next = *bucket;
	*bucket = i;
}

static void cache_init(struct keystore *keys, size_t size)
{
	keys->cache_size = size < 1 ? 1 : size > (1u << 24) ? 1u << 24 : (uint32_t)size;
	keys->cache = xcalloc(keys->cache_size, sizeof(*keys->cache));
	for (keys->bucket_count = 16; keys->bucket_count < keys->cache_size;)
		keys->bucket_count *= 2;
	keys->buckets = xmalloc(keys->bucket_count * sizeof(*keys->buckets));
	for (uint32_t i = 0; i < keys->bucket_count; i++)
		keys->buckets[i] = CACHE_NONE;
	keys->newest = keys->oldest = CACHE_NONE;
}

/* --- a shard's bytes --------------------------------------------------------------------------- */

void keystore_shard_name(uint32_t shard, char ret[SHARD_NAME_SIZE])
{
	(void)snprintf(ret, SHARD_NAME_SIZE, "%07" PRIu32 SHARD_SUFFIX, shard);
}

off_t keystore_slot_offset(uint32_t slot)
{
	return SHARD_HEAD_SIZE + (off_t)(slot % KEYSTORE_SHARD_SLOTS) * SLOT_SIZE;
}

static void shard_plain(struct buf *out, uint16_t year, uint32_t shard)
{
	buf_add(out, SHARD_MAGIC, SHARD_MAGIC_SIZE);
	buf_add_u16be(out, year);
	buf_add_u32be(out, shard);
}

/* The header: magic, year, shard, and an empty text sealed with them: tells a wrong wrap key at once. */
static void shard_head(const struct keystore *keys, uint16_t year, uint32_t shard,
	uint8_t ret[SHARD_HEAD_SIZE])
{
	CLEANUP(buf_clear) struct buf head = { 0 };
	uint8_t nonce[AES_NONCE_SIZE];

	random_bytes(nonce, sizeof(nonce));
	shard_plain(&head, year, shard);
	buf_add(&head, nonce, sizeof(nonce));
	aes_gcm_seal(keys->wrap_key, nonce, head.data, SHARD_PLAIN_SIZE, "", 0, &head);
	memset(ret, 0, SHARD_HEAD_SIZE);
	memcpy(ret, head.data, head.len);
}

static int shard_head_check(const struct keystore *keys, uint16_t year, uint32_t shard,
	const uint8_t head[SHARD_HEAD_SIZE])
{
	CLEANUP(buf_clear) struct buf plain = { 0 };
	const uint8_t *nonce = head + SHARD_PLAIN_SIZE;

	shard_plain(&plain, year, shard);
	if (memcmp(plain.data, head, plain.len) != 0)
		return -EBADMSG;
	if (aes_gcm_open(keys->wrap_key, nonce, head, SHARD_PLAIN_SIZE, nonce + AES_NONCE_SIZE,
		    AES_TAG_SIZE, &plain) < 0)
		return -EKEYREJECTED;
	return 0;
}

static void slot_aad(struct buf *out, uint16_t year, uint32_t slot, uint8_t classes)
{
	buf_add_str(out, SLOT_AAD_MAGIC);
	buf_add_u16be(out, year);
	buf_add_u32be(out, slot);
	buf_add_char(out, (char)classes);
}

void keystore_slot_seal(const struct keystore *keys, const struct case_keys *fresh, unsigned classes,
	uint8_t ret[SLOT_SIZE])
{
	CLEANUP(buf_clear) struct buf slot = { 0 }, aad = { 0 };
	uint8_t nonce[AES_NONCE_SIZE], plain[SLOT_PLAIN_SIZE];

	memcpy(plain, fresh->case_key, 32);
	memcpy(plain + 32, fresh->class_key, sizeof(fresh->class_key));
	random_bytes(nonce, sizeof(nonce));
	slot_aad(&aad, fresh->year, fresh->slot, (uint8_t)classes);
	buf_add_char(&slot, SLOT_USED);
	buf_add_char(&slot, (char)classes);
	buf_add_u16be(&slot, 0);
	buf_add(&slot, nonce, sizeof(nonce));
	aes_gcm_seal(keys->wrap_key, nonce, aad.data, aad.len, plain, sizeof(plain), &slot);
	assert(slot.len == SLOT_SIZE);
	memcpy(ret, slot.data, SLOT_SIZE);
	cleanse(plain, sizeof(plain));
}

int keystore_slot_unseal(const struct keystore *keys, uint16_t year, uint32_t slot,
	const uint8_t bytes[SLOT_SIZE], struct case_keys *ret)
{
	CLEANUP(buf_clear) struct buf plain = { 0 }, aad = { 0 };
	const uint8_t *nonce = bytes + SLOT_HEAD_SIZE;

	if (bytes[0] == SLOT_FREE || bytes[0] == SLOT_ERASED)
		return -ENOENT;
	if (bytes[0] != SLOT_USED)
		return -EBADMSG;
	slot_aad(&aad, year, slot, bytes[1]);
	buf_reserve(&plain, SLOT_PLAIN_SIZE + 1);
	if (aes_gcm_open(keys->wrap_key, nonce, aad.data, aad.len, nonce + AES_NONCE_SIZE,
		    SLOT_PLAIN_SIZE + AES_TAG_SIZE, &plain) < 0)
		return -EBADMSG;
	ret->year = year;
	ret->slot = slot;
	memcpy(ret->case_key, plain.data, 32);
	memcpy(ret->class_key, plain.data + 32, sizeof(ret->class_key));
	cleanse(plain.data, plain.len);
	return 0;
}

/* --- files ------------------------------------------------------------------------------------- */

int keystore_write_at(int fd, const void *data, size_t len, off_t offset)
{
	const uint8_t *p = data;

	while (len > 0) {
		ssize_t n = pwrite(fd, p, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? keystore_no_space(errno) : -ENOSPC;
		p += n;
		len -= (size_t)n;
		offset += n;
	}
	return 0;
}

/* Bytes behind the end of the file come as zeros. */
int keystore_read_at(int fd, void *ret, size_t len, off_t offset)
{
	uint8_t *p = ret;

	memset(ret, 0, len);
	while (len > 0) {
		ssize_t n = pread(fd, p, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		p += n;
		len -= (size_t)n;
		offset += n;
	}
	return 0;
}

#define WHAT_ROOT 0u
static uint64_t what_year(uint16_t year)
{
	return 1u + year;
}
uint64_t keystore_what_shard(uint16_t year, uint32_t shard)
{
	return ((uint64_t)(1u + year) << 32) | shard;
}

/* Notes that `fd` must be synced: the list gets a descriptor of its own for the same open file. */
static int note_unsynced(struct keystore *keys, int fd, uint64_t what)
{
	const struct unsynced *known;
	int copy, r = 0;

	pthread_mutex_lock(&keys->mutex);
	for (known = keys->unsynced; known && known->what != what;)
		known = known->next;
	if (!known) {
		copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (copy < 0) {
			r = -errno;
		} else {
			struct unsynced *item = xmalloc(sizeof(*item));

			*item = (struct unsynced){ copy, what, keys->unsynced };
			keys->unsynced = item;
		}
	}
	pthread_mutex_unlock(&keys->mutex);
	return r;
}

/* Space for all slots at once, so that a slot is never refused halfway through a shard. */
static int reserve_shard(int fd)
{
	CLEANUP(freep) uint8_t *zeros = NULL;

	if (fallocate(fd, 0, 0, SHARD_SIZE) == 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != ENOSYS)
		return keystore_no_space(errno);
	zeros = xcalloc(1, SHARD_SIZE);
	return keystore_write_at(fd, zeros, SHARD_SIZE, 0);
}

/* Where the last byte other than zero ends, but not before the header's end. The caller's descriptor stays where it is. */
static int shard_used(int fd, size_t *ret)
{
	CLEANUP(freep) uint8_t *bytes = xmalloc(SHARD_SIZE);
	int r = keystore_read_at(fd, bytes, SHARD_SIZE, 0);

	if (r < 0)
		return r;
	for (*ret = SHARD_SIZE; *ret > SHARD_HEAD_SIZE && bytes[*ret - 1] == 0;)
		(*ret)--;
	return 0;
}

/*
 * 0: the header is this shard's. 1: there is none yet, or what a crash or a full disk left of it before its first sync: then none of its
 * slots was ever used, whatever they hold. -EKEYREJECTED, -EBADMSG, -errno.
 */
static int shard_head_state(const struct keystore *keys, uint16_t year, uint32_t number, int fd)
{
	uint8_t head[SHARD_HEAD_SIZE], zeros[SHARD_HEAD_SIZE] = { 0 };
	size_t used;
	int r = keystore_read_at(fd, head, sizeof(head), 0), blank;

	if (r < 0)
		return r;
	if (memcmp(head, zeros, sizeof(head)) == 0)
		return 1;
	r = shard_head_check(keys, year, number, head);
	if (r != -EKEYREJECTED && r != -EBADMSG)
		return r;
	blank = shard_used(fd, &used);
	return blank < 0 ? blank : used == SHARD_HEAD_SIZE ? 1 : r;
}

/* Opens the shard that the next slot of the year lies in, and makes it when there is none. */
static int open_shard(struct keystore *keys, struct key_year *year)
{
	uint32_t number = year->next_slot / KEYSTORE_SHARD_SLOTS;
	CLEANUP(closep) int fd = -1;
	char name[SHARD_NAME_SIZE];
	int r;

	keystore_shard_name(number, name);
	fd = openat(year->dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return keystore_no_space(errno);
	r = shard_head_state(keys, year->year, number, fd);
	if (r == 1) {
		uint8_t head[SHARD_HEAD_SIZE];

		r = reserve_shard(fd);
		if (r < 0)
			return r;
		shard_head(keys, year->year, number, head);
		r = keystore_write_at(fd, head, sizeof(head), 0);
	}
	if (r < 0)
		return r;
	/* Also when it was there: who made it may have been killed before the sync. */
	r = note_unsynced(keys, keys->dir, WHAT_ROOT);
	if (r == 0)
		r = note_unsynced(keys, year->dir, what_year(year->year));
	if (r < 0)
		return r;
	closep(&year->shard);
	year->shard = fd;
	year->shard_number = number;
	fd = -1;
	return 0;
}

/* The slot behind the highest that has a byte other than zero. A slot written but never used is no harm. */
static int find_next_slot(const struct key_year *year, uint32_t shard, uint32_t *ret)
{
	CLEANUP(closep) int fd = -1;
	char name[SHARD_NAME_SIZE];
	size_t last;
	int r;

	keystore_shard_name(shard, name);
	fd = openat(year->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	r = shard_used(fd, &last);
	if (r < 0)
		return r;
	*ret = shard * KEYSTORE_SHARD_SLOTS +
		(uint32_t)((last - SHARD_HEAD_SIZE + SLOT_SIZE - 1) / SLOT_SIZE);
	return 0;
}

static bool parse_number(const char *text, size_t len, uint32_t max, uint32_t *ret)
{
	uint64_t n = 0;

	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(text[i] - '0');
		if (n > max)
			return false;
	}
	*ret = (uint32_t)n;
	return true;
}

/* The number of the newest shard; -ENOENT when there is none. */
static int last_shard(const char *path, uint32_t *ret)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	uint32_t number, max = UINT32_MAX / KEYSTORE_SHARD_SLOTS - 1;
	char **names;
	size_t count;
	bool found = false;
	int r;

	r = file_list(arena, path, SHARD_SUFFIX, &names, &count);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		if (!parse_number(names[i], strlen(names[i]) - strlen(SHARD_SUFFIX), max, &number))
			continue;
		if (!found || number > *ret)
			*ret = number;
		found = true;
	}
	return found ? 0 : -ENOENT;
}

static int check_shard(const struct keystore *keys, const struct key_year *year, uint32_t shard,
	const char *path, struct err *err)
{
	CLEANUP(closep) int fd = -1;
	char name[SHARD_NAME_SIZE];
	int r;

	keystore_shard_name(shard, name);
	fd = openat(year->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	r = fd < 0 ? -errno : shard_head_state(keys, year->year, shard, fd);
	if (r == -EKEYREJECTED)
		return err_set(err, r, "wrong_wrap_key", "",
			"%s/%s was sealed with another wrap key: restore the credential", path, name);
	if (r == -EBADMSG)
		return err_set(err, r, "damaged", "", "%s/%s is no key shard: restore it from its copy",
			path, name);
	if (r < 0)
		return err_set(err, r, "unreadable", "", "%s/%s: %s", path, name, strerror(-r));
	return 0; /* where it is none yet, open_shard() mends it */
}

struct key_year *keystore_year(struct keystore *keys, uint16_t year)
{
	for (size_t i = 0; i < keys->year_count; i++)
		if (keys->years[i].year == year)
			return &keys->years[i];
	return NULL;
}

static struct key_year *add_year(struct keystore *keys, uint16_t year, int dir)
{
	xgrow(&keys->years, &keys->year_capacity, keys->year_count + 1, sizeof(*keys->years));
	keys->years[keys->year_count] = (struct key_year){ .year = year, .dir = dir, .shard = -1 };
	return &keys->years[keys->year_count++];
}

/* Opens a year's folder and finds where its next slot goes. `path`: of the folder. */
static int load_year(struct keystore *keys, uint16_t number, const char *path, struct err *err)
{
	struct key_year *year;
	uint32_t shard;
	int dir, r;

	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir < 0)
		return err_set(err, -errno, "unreadable", "", "%s: %s", path, strerror(errno));
	year = add_year(keys, number, dir);
	r = last_shard(path, &shard);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = check_shard(keys, year, shard, path, err);
	if (r == 0)
		r = find_next_slot(year, shard, &year->next_slot);
	return r < 0 ? err_set(err, r, "unreadable", "", "%s: %s", path, strerror(-r)) : 0;
}

static int make_year(struct keystore *keys, uint16_t number, struct key_year **ret)
{
	char name[8];
	int dir;

	(void)snprintf(name, sizeof(name), "%04u", (unsigned)number);
	if (mkdirat(keys->dir, name, 0700) < 0 && errno != EEXIST)
		return keystore_no_space(errno);
	dir = openat(keys->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir < 0)
		return -errno;
	*ret = add_year(keys, number, dir);
	(*ret)->next_slot = keys->leap;
	return 0;
}

void keystore_leap(struct keystore *keys)
{
	keys->leap = KEYSTORE_LEAP;
	for (size_t i = 0; i < keys->year_count; i++) {
		struct key_year *year = &keys->years[i];

		year->next_slot = year->next_slot / KEYSTORE_SHARD_SLOTS * KEYSTORE_SHARD_SLOTS + KEYSTORE_LEAP;
	}
}

/* --- the port ---------------------------------------------------------------------------------- */

static int port_open(void *self, uint16_t year, uint32_t slot, struct case_keys *ret)
{
	struct keystore *keys = self;
	const struct case_keys *cached = cache_find(keys, year, slot);
	const struct key_year *folder;
	unsigned erased;
	CLEANUP(closep) int fd = -1;
	char name[SHARD_NAME_SIZE];
	uint8_t bytes[SLOT_SIZE];
	int r;

	if (cached) {
		keys->counters.hits++;
		*ret = *cached;
		return 0;
	}
	keys->counters.misses++;
	folder = keystore_year(keys, year);
	if (!folder || slot >= folder->next_slot)
		return -ENOENT;
	erased = keystore_erasing(keys, year, slot); /* asked before the file is read: what is no longer under way is done there */
	if (erased) /* the old file's slot is overwritten when the new one is there: never read between the two */
		pthread_mutex_lock(&keys->files);
	keystore_shard_name(slot / KEYSTORE_SHARD_SLOTS, name);
	fd = openat(folder->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	r = fd < 0 ? -errno : keystore_read_at(fd, bytes, sizeof(bytes), keystore_slot_offset(slot));
	if (erased)
		pthread_mutex_unlock(&keys->files);
	if (r == 0)
		r = keystore_slot_unseal(keys, year, slot, bytes, ret);
	if (r == 0)
		r = keystore_mask(ret, erased);
	if (r == 0)
		cache_add(keys, ret);
	return r;
}

static int create(struct keystore *keys, uint16_t number, const uint8_t case_key[32], struct case_keys *ret)
{
	struct key_year *year = keystore_year(keys, number);
	struct case_keys fresh = { .year = number };
	uint8_t bytes[SLOT_SIZE];
	uint32_t shard;
	int r;

	if (!year) {
		r = make_year(keys, number, &year);
		if (r < 0)
			return r;
	}
	shard = year->next_slot / KEYSTORE_SHARD_SLOTS;
	if (year->shard < 0 || year->shard_number != shard || year->rewrites != keys->rewrites) {
		r = open_shard(keys, year);
		if (r < 0)
			return r;
		year->rewrites = keys->rewrites;
	}
	fresh.slot = year->next_slot;
	if (case_key)
		memcpy(fresh.case_key, case_key, sizeof(fresh.case_key));
	else
		random_bytes(fresh.case_key, sizeof(fresh.case_key));
	random_bytes(fresh.class_key, sizeof(fresh.class_key));
	keystore_slot_seal(keys, &fresh, ALL_CLASSES, bytes);
	r = keystore_write_at(year->shard, bytes, sizeof(bytes), keystore_slot_offset(fresh.slot));
	/* Noted after it was written: a sync that took the list just before need not cover it, the next one does. */
	if (r == 0)
		r = note_unsynced(keys, year->shard, keystore_what_shard(number, shard));
	if (r == 0) {
		year->next_slot++;
		keys->counters.created++;
		cache_add(keys, &fresh);
		*ret = fresh;
	}
	cleanse(&fresh, sizeof(fresh));
	return r;
}

static int port_create(void *self, uint16_t number, const uint8_t case_key[32], struct case_keys *ret)
{
	struct keystore *keys = self;
	int r;

	pthread_mutex_lock(&keys->files); /* a shard that is being rewritten would leave the new slot behind: rare, and soon over */
	r = create(keys, number, case_key, ret);
	pthread_mutex_unlock(&keys->files);
	return r;
}

int keystore_sync(struct keystore *keys)
{
	struct unsynced *list, *next;
	int r = keystore_rewrite(keys);

	if (r < 0)
		return r;
	pthread_mutex_lock(&keys->mutex);
	list = TAKE(keys->unsynced);
	pthread_mutex_unlock(&keys->mutex);
	for (; list; list = next) {
		next = list->next;
		/* A new file's size and a folder's entries are part of what fdatasync() makes durable. */
		if (r == 0 && fdatasync(list->fd) < 0)
			r = -errno;
		if (close(list->fd) < 0 && r == 0)
			r = -errno;
		free(list);
	}
	return r;
}

/* --- opening and closing ----------------------------------------------------------------------- */

static int load_years(struct keystore *keys, const char *path, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	char **names;
	size_t count;
	uint32_t year;
	int r;

	r = file_list(arena, path, "", &names, &count);
	if (r < 0)
		return err_set(err, r, "unreadable", "", "%s: %s", path, strerror(-r));
	for (size_t i = 0; i < count; i++) {
		if (!parse_number(names[i], strlen(names[i]), UINT16_MAX, &year))
			continue;
		r = load_year(keys, (uint16_t)year, arena_printf(arena, "%s/%s", path, names[i]), err);
		if (r < 0)
			return r;
	}
	return 0;
}

int keystore_open(const char *state_dir, const uint8_t wrap_key[32], size_t cache_keys,
	struct keystore **ret, struct err *err)
{
	CLEANUP(keystore_closep) struct keystore *keys = xcalloc(1, sizeof(*keys));
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *path = arena_printf(arena, "%s/keys", state_dir);
	int r;

	keys->dir = -1;
	(void)pthread_mutex_init(&keys->mutex, NULL);
	(void)pthread_mutex_init(&keys->files, NULL);
	memcpy(keys->wrap_key, wrap_key, sizeof(keys->wrap_key));
	cache_init(keys, cache_keys);
	keys->port = (struct keys_port){ .self = keys, .open = port_open, .create = port_create,
		.erase = keystore_erase };
	r = file_make_dirs(path, 0700);
	if (r == 0)
		keys->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r < 0 || keys->dir < 0) {
		r = r < 0 ? r : -errno;
		return err_set(err, r, "unreadable", "", "%s: %s", path, strerror(-r));
	}
	r = load_years(keys, path, err);
	if (r < 0)
		return r;
	*ret = TAKE(keys);
	return 0;
}

void keystore_close(struct keystore *keys)
{
	struct unsynced *next;

	if (!keys)
		return;
	for (struct unsynced *item = keys->unsynced; item; item = next) {
		next = item->next;
		closep(&item->fd);
		free(item);
	}
	keystore_drop_erasures(keys);
	for (size_t i = 0; i < keys->year_count; i++) {
		closep(&keys->years[i].shard);
		closep(&keys->years[i].dir);
	}
	free(keys->years);
	closep(&keys->dir);
	cleanse(keys->cache, keys->cache_used * sizeof(*keys->cache));
	free(keys->cache);
	free(keys->buckets);
	(void)pthread_mutex_destroy(&keys->mutex);
	(void)pthread_mutex_destroy(&keys->files);
	cleanse(keys->wrap_key, sizeof(keys->wrap_key));
	free(keys);
}

const struct keys_port *keystore_port(struct keystore *keys)
{
	return &keys->port;
}

struct keystore_counters keystore_counters(const struct keystore *keys)
{
	struct keystore_counters counters = keys->counters;

	counters.cached = keys->cache_used;
	return counters;
}
