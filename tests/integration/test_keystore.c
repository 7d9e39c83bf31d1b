/* The key store on real files. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "daemon/keystore.h"
#include "tests/support/tree.h"

static const uint8_t wrap_key[32] = { 1, 2, 3 }, other_key[32] = { 3, 2, 1 };

struct fixture {
	char dir[64];
	struct keystore *keys;
	const struct keys_port *port;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/dunningd-keys-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	keystore_close(f->keys);
	tree_remove(f->dir);
	free(f);
	return 0;
}

static void reopen(struct fixture *f, size_t cache)
{
	struct err err = { 0 };

	keystore_close(f->keys);
	f->keys = NULL;
	if (keystore_open(f->dir, wrap_key, cache, &f->keys, &err) != 0)
		fail_msg("keystore_open: %s", err.text);
	f->port = keystore_port(f->keys);
}

static void assert_same(const struct case_keys *a, const struct case_keys *b)
{
	assert_int_equal(a->year, b->year);
	assert_int_equal(a->slot, b->slot);
	assert_memory_equal(a->case_key, b->case_key, 32);
	assert_memory_equal(a->class_key, b->class_key, sizeof(a->class_key));
}

static void keys_survive(void **state)
{
	struct fixture *f = *state;
	static const uint8_t given[32] = { 9, 9, 9 };
	struct case_keys made[3000], found;

	reopen(f, 64);
	assert_int_equal(f->port->open(f->port->self, 2026, 0, &found), -ENOENT);
	for (uint32_t i = 0; i < ARRAY_LEN(made); i++) {
		assert_int_equal(f->port->create(f->port->self, 2026, i == 7 ? given : NULL, &made[i]), 0);
		assert_int_equal(made[i].slot, i); /* over shards, without a gap */
		if (i > 0)
			assert_memory_not_equal(made[i].class_key, made[i - 1].class_key, sizeof(found.class_key));
	}
	assert_memory_equal(made[7].case_key, given, 32);
	assert_memory_not_equal(made[0].class_key[0], made[0].class_key[1], 32);
	assert_int_equal(keystore_sync(f->keys), 0);
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < ARRAY_LEN(made); i++) {
			assert_int_equal(f->port->open(f->port->self, 2026, i, &found), 0);
			assert_same(&found, &made[i]);
		}
		assert_int_equal(f->port->open(f->port->self, 2026, 3000, &found), -ENOENT);
		assert_int_equal(f->port->open(f->port->self, 2025, 0, &found), -ENOENT);
		reopen(f, 1);
	}
	assert_int_equal(f->port->create(f->port->self, 2026, NULL, &found), 0);
	assert_int_equal(found.slot, 3000);
	assert_int_equal(f->port->create(f->port->self, 2027, made[0].case_key, &found), 0);
	assert_int_equal(found.slot, 0);
	assert_int_equal(found.year, 2027);
	assert_int_equal(keystore_sync(f->keys), 0);
}

static void cache_is_bounded(void **state)
{
	struct fixture *f = *state;
	struct keystore_counters counters;
	struct case_keys found;

	reopen(f, 8);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(f->port->create(f->port->self, 2026, NULL, &found), 0);
	counters = keystore_counters(f->keys);
	assert_int_equal(counters.cached, 8);
	assert_int_equal(counters.created, 100);
	/* The newest eight are hits; the least recently used goes first. */
	for (uint32_t i = 92; i < 100; i++)
		assert_int_equal(f->port->open(f->port->self, 2026, i, &found), 0);
	assert_int_equal(keystore_counters(f->keys).hits, 8);
	assert_int_equal(f->port->open(f->port->self, 2026, 92, &found), 0); /* 93 is the oldest now */
	assert_int_equal(f->port->open(f->port->self, 2026, 5, &found), 0); /* drives 93 out */
	assert_int_equal(keystore_counters(f->keys).misses, 1);
	assert_int_equal(f->port->open(f->port->self, 2026, 92, &found), 0);
	assert_int_equal(keystore_counters(f->keys).misses, 1);
	assert_int_equal(f->port->open(f->port->self, 2026, 93, &found), 0);
	assert_int_equal(keystore_counters(f->keys).misses, 2);
	for (uint32_t i = 0; i < 5000; i++) { /* any order leaves it whole */
		uint32_t slot = (i * 7919u) % 100u;

		assert_int_equal(f->port->open(f->port->self, 2026, slot, &found), 0);
		assert_int_equal(found.slot, slot);
	}
	assert_int_equal(keystore_counters(f->keys).cached, 8);
}

static void wrong_wrap_key_is_refused(void **state)
{
	struct fixture *f = *state;
	struct err err = { 0 };
	struct case_keys made;

	reopen(f, 8);
	assert_int_equal(f->port->create(f->port->self, 2026, NULL, &made), 0);
	assert_int_equal(keystore_sync(f->keys), 0);
	keystore_close(f->keys);
	f->keys = NULL;
	assert_int_equal(keystore_open(f->dir, other_key, 8, &f->keys, &err), -EKEYREJECTED);
	assert_string_equal(err.code, "wrong_wrap_key");
	assert_null(f->keys);
	reopen(f, 8);
}

static void shard_path(const struct fixture *f, char ret[128])
{
	(void)snprintf(ret, 128, "%s/keys/2026/0000000.keys", f->dir);
}

/* A slot that was moved, changed or copied from elsewhere opens nothing. */
static void slots_are_bound(void **state)
{
	struct fixture *f = *state;
	struct case_keys made;
	struct buf bytes = { 0 };
	struct stat st;
	char path[128];
	uint8_t slot[160];

	reopen(f, 8);
	for (int i = 0; i < 3; i++)
		assert_int_equal(f->port->create(f->port->self, 2026, NULL, &made), 0);
	shard_path(f, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(file_read(path, 1 << 20, &bytes, NULL), 0);
	assert_int_equal(bytes.len, 64 + 1024 * 160);
	/* No key stands there in clear. */
	assert_null(memmem(bytes.data, bytes.len, made.case_key, 32));
	assert_null(memmem(bytes.data, bytes.len, made.class_key[1], 32));
	memcpy(slot, bytes.data + 64, sizeof(slot));
	memcpy(bytes.data + 64, bytes.data + 64 + 160, sizeof(slot)); /* slot 1 in the place of slot 0 */
	bytes.data[64 + 2 * 160 + 40] ^= 1;
	assert_int_equal(file_replace(path, bytes.data, bytes.len, 0600), 0);
	reopen(f, 8);
	assert_int_equal(f->port->open(f->port->self, 2026, 0, &made), -EBADMSG);
	assert_int_equal(f->port->open(f->port->self, 2026, 1, &made), 0);
	assert_int_equal(f->port->open(f->port->self, 2026, 2, &made), -EBADMSG);
	buf_clear(&bytes);
}

/* What a crash before the first sync may leave: an empty file, a file of zeros, slots without a header, or a part of the header alone. */
static void interrupted_shards_are_mended(void **state)
{
	struct fixture *f = *state;
	struct case_keys made, found;
	struct buf bytes = { 0 };
	char path[128];

	shard_path(f, path);
	for (int i = 0; i < 4; i++) {
		reopen(f, 8);
		assert_int_equal(f->port->create(f->port->self, 2026, NULL, &made), 0);
		buf_reset(&bytes);
		assert_int_equal(file_read(path, 1 << 20, &bytes, NULL), 0);
		if (i == 3)
			memset(bytes.data + 20, 0, bytes.len - 20);
		else
			memset(bytes.data, 0, i == 2 ? 64 : bytes.len);
		assert_int_equal(file_replace(path, bytes.data, i == 0 ? 0 : bytes.len, 0600), 0);
		reopen(f, 8);
		assert_int_equal(f->port->create(f->port->self, 2026, NULL, &made), 0);
		assert_int_equal(made.slot, i == 2 ? 1 : 0); /* never a place that has bytes */
		reopen(f, 8);
		assert_int_equal(f->port->open(f->port->self, 2026, made.slot, &found), 0);
		assert_same(&found, &made);
		assert_int_equal(unlink(path), 0);
	}
	buf_clear(&bytes);
}

static void damaged_header_is_refused(void **state)
{
	struct fixture *f = *state;
	struct err err = { 0 };
	struct case_keys made;
	struct buf bytes = { 0 };
	char path[128];

	reopen(f, 8);
	assert_int_equal(f->port->create(f->port->self, 2026, NULL, &made), 0);
	keystore_close(f->keys);
	f->keys = NULL;
	shard_path(f, path);
	assert_int_equal(file_read(path, 1 << 20, &bytes, NULL), 0);
	bytes.data[3] ^= 1;
	assert_int_equal(file_replace(path, bytes.data, bytes.len, 0600), 0);
	assert_int_equal(keystore_open(f->dir, wrap_key, 8, &f->keys, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "0000000.keys"));
	buf_clear(&bytes);
}

static void no_space_uses_up_nothing(void **state)
{
	struct fixture *f = *state;
	struct rlimit limit;
	struct case_keys made;

	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	reopen(f, 8);
	limit.rlim_cur = 1000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(f->port->create(f->port->self, 2026, NULL, &made), -ENOSPC);
	assert_int_equal(f->port->create(f->port->self, 2026, NULL, &made), -ENOSPC);
	limit.rlim_cur = RLIM_INFINITY;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(f->port->create(f->port->self, 2026, NULL, &made), 0);
	assert_int_equal(made.slot, 0);
	reopen(f, 8);
	assert_int_equal(f->port->open(f->port->self, 2026, 0, &made), 0);
}

/* --- erasing ---------------------------------------------------------------------------------------------------------------- */

#define BIT(class) (1u << (class))

static bool on_disk(struct fixture *f, const void *bytes, size_t len)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/keys/2026/0000000.keys", f->dir);
	assert_int_equal(file_read(path, 1 << 20, &text, NULL), 0);
	return memmem(text.data, text.len, bytes, len) != NULL;
}

static void slot_bytes(struct fixture *f, uint32_t slot, uint8_t ret[160])
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/keys/2026/0000000.keys", f->dir);
	assert_int_equal(file_read(path, 1 << 20, &text, NULL), 0);
	memcpy(ret, text.data + 64 + 160 * slot, 160);
}

static void one_class_is_erased_and_the_others_stay(void **state)
{
	struct fixture *f = *state;
	static const uint8_t zeros[32];
	struct case_keys made[3], found;

	reopen(f, 64);
	for (int i = 0; i < 3; i++)
		assert_int_equal(f->port->create(f->port->self, 2026, NULL, &made[i]), 0);
	assert_int_equal(keystore_sync(f->keys), 0);
	f->port->erase(f->port->self, 2026, 1, BIT(CLASS_CONTENT));
	for (int round = 0; round < 4; round++) { /* asked for; on the disk; opened again; asked for again */
		assert_int_equal(f->port->open(f->port->self, 2026, 1, &found), 0);
		assert_memory_equal(found.class_key[CLASS_CONTENT], zeros, 32);
		assert_false(case_keys_has(&found, CLASS_CONTENT));
		assert_memory_equal(found.class_key[CLASS_IDENTITY], made[1].class_key[CLASS_IDENTITY], 32);
		assert_memory_equal(found.class_key[CLASS_FACTS], made[1].class_key[CLASS_FACTS], 32);
		assert_memory_equal(found.case_key, made[1].case_key, 32);
		for (uint32_t other = 0; other < 3; other += 2) {
			assert_int_equal(f->port->open(f->port->self, 2026, other, &found), 0);
			assert_same(&found, &made[other]);
		}
		assert_int_equal(keystore_sync(f->keys), 0);
		if (round)
			reopen(f, 64);
		if (round == 2)
			f->port->erase(f->port->self, 2026, 1, BIT(CLASS_CONTENT));
	}
	assert_int_equal(f->port->create(f->port->self, 2026, NULL, &found), 0);
	assert_int_equal(found.slot, 3);
}

static void what_is_wholly_erased_is_gone(void **state)
{
	struct fixture *f = *state;
	uint8_t before[160], after[160], expected[160] = { 2 };
	struct case_keys made, found;

	reopen(f, 64);
	assert_int_equal(f->port->create(f->port->self, 2026, NULL, &made), 0);
	assert_int_equal(f->port->create(f->port->self, 2026, NULL, &made), 0);
	assert_int_equal(keystore_sync(f->keys), 0);
	slot_bytes(f, 1, before);
	f->port->erase(f->port->self, 2026, 1, BIT(CLASS_CONTENT) | BIT(CLASS_IDENTITY));
	f->port->erase(f->port->self, 2026, 1, BIT(CLASS_FACTS));
	assert_int_equal(f->port->open(f->port->self, 2026, 1, &found), -ENOENT);
	assert_int_equal(keystore_sync(f->keys), 0);
	slot_bytes(f, 1, after);
	assert_memory_equal(after, expected, sizeof(after));
	assert_false(on_disk(f, before + 4, 32));
	assert_int_equal(f->port->open(f->port->self, 2026, 1, &found), -ENOENT);
	reopen(f, 64);
	assert_int_equal(f->port->open(f->port->self, 2026, 1, &found), -ENOENT);
	assert_int_equal(f->port->open(f->port->self, 2026, 0, &found), 0);
	assert_int_equal(f->port->create(f->port->self, 2026, NULL, &found), 0); /* its slot is not given again */
	assert_int_equal(found.slot, 2);
}

static void slots_go_on_in_a_shard_that_was_rewritten(void **state)
{
	struct fixture *f = *state;
	struct case_keys made[40], found;

	reopen(f, 4);
	for (uint32_t i = 0; i < ARRAY_LEN(made); i++) {
		assert_int_equal(f->port->create(f->port->self, 2026, NULL, &made[i]), 0);
		if (i % 3 == 2) /* between a slot that is not synced yet and the next one */
			f->port->erase(f->port->self, 2026, i - 1, ~0u);
		if (i % 5 == 4)
			assert_int_equal(keystore_sync(f->keys), 0);
	}
	assert_int_equal(keystore_sync(f->keys), 0);
	reopen(f, 4);
	for (uint32_t i = 0; i < ARRAY_LEN(made); i++) {
		if (i % 3 == 1 && i + 1 < ARRAY_LEN(made)) {
			assert_int_equal(f->port->open(f->port->self, 2026, i, &found), -ENOENT);
			continue;
		}
		assert_int_equal(f->port->open(f->port->self, 2026, i, &found), 0);
		assert_same(&found, &made[i]);
	}
}

static void the_old_file_is_overwritten(void **state)
{
	struct fixture *f = *state;
	uint8_t before[160], after[160], zeros[160] = { 0 };
	struct case_keys made;
	char path[128];
	int fd;

	reopen(f, 4);
	assert_int_equal(f->port->create(f->port->self, 2026, NULL, &made), 0);
	assert_int_equal(keystore_sync(f->keys), 0);
	slot_bytes(f, 0, before);
	(void)snprintf(path, sizeof(path), "%s/keys/2026/0000000.keys", f->dir);
	fd = open(path, O_RDONLY); /* as somebody who looks into the blocks of a file that has no name any more */
	assert_true(fd >= 0);
	f->port->erase(f->port->self, 2026, 0, ~0u);
	assert_int_equal(keystore_sync(f->keys), 0);
	assert_int_equal(pread(fd, after, sizeof(after), 64), sizeof(after));
	assert_memory_equal(after, zeros, sizeof(after));
	assert_int_equal(close(fd), 0);
}

struct writer {
	struct keystore *keys;
	pthread_mutex_t mutex;
	bool stop;
	int r;
};

static void *sync_all_the_time(void *arg)
{
	struct writer *w = arg;
	bool stop = false;

	while (!stop && w->r == 0) {
		pthread_mutex_lock(&w->mutex);
		stop = w->stop;
		pthread_mutex_unlock(&w->mutex);
		w->r = keystore_sync(w->keys);
	}
	return NULL;
}

static void slots_come_and_go_beside_the_writer(void **state)
{
	struct fixture *f = *state;
	struct writer writer = { .mutex = PTHREAD_MUTEX_INITIALIZER };
	struct case_keys made[2500], found;
	static bool gone[ARRAY_LEN(made)];
	pthread_t thread;

	reopen(f, 16);
	writer.keys = f->keys;
	assert_int_equal(pthread_create(&thread, NULL, sync_all_the_time, &writer), 0);
	for (uint32_t i = 0; i < ARRAY_LEN(made); i++) {
		uint32_t old = i * 7919u % (i + 1);

		assert_int_equal(f->port->create(f->port->self, 2026, NULL, &made[i]), 0);
		if (i % 9 == 0) {
			f->port->erase(f->port->self, 2026, old, ~0u);
			gone[old] = true;
		}
		old = i * 104729u % (i + 1);
		assert_int_equal(f->port->open(f->port->self, 2026, old, &found), gone[old] ? -ENOENT : 0);
		if (!gone[old])
			assert_same(&found, &made[old]);
	}
	pthread_mutex_lock(&writer.mutex);
	writer.stop = true;
	pthread_mutex_unlock(&writer.mutex);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(writer.r, 0);
	reopen(f, 16);
	for (uint32_t i = 0; i < ARRAY_LEN(made); i++) {
		assert_int_equal(f->port->open(f->port->self, 2026, i, &found), gone[i] ? -ENOENT : 0);
		if (!gone[i])
			assert_same(&found, &made[i]);
	}
}

/* What a store that was taken back had lost is never given again, in this year or another one, nor after a restart. */
static void a_leap_gives_no_slot_again(void **state)
{
	struct fixture *f = *state;
	struct case_keys before[3], lost, after[2], other, found;

	reopen(f, 10);
	for (size_t i = 0; i < ARRAY_LEN(before); i++)
		assert_int_equal(f->port->create(f->port->self, 2026, NULL, &before[i]), 0);
	assert_int_equal(keystore_sync(f->keys), 0);
	lost = before[2];
	lost.slot++; /* was there once, and is named in Redis still */
	reopen(f, 10);
	keystore_leap(f->keys);
	assert_int_equal(f->port->create(f->port->self, 2026, NULL, &after[0]), 0);
	assert_int_equal(f->port->create(f->port->self, 2027, NULL, &other), 0);
	assert_true(after[0].slot >= KEYSTORE_LEAP && other.slot >= KEYSTORE_LEAP);
	f->port->erase(f->port->self, 2026, lost.slot, (1u << CLASS_COUNT) - 1); /* nothing is hit by it */
	f->port->erase(f->port->self, 2026, KEYSTORE_LEAP / 2, (1u << CLASS_COUNT) - 1);
	assert_int_equal(keystore_sync(f->keys), 0);
	reopen(f, 10);
	assert_int_equal(f->port->create(f->port->self, 2026, NULL, &after[1]), 0);
	assert_int_equal(after[1].slot, after[0].slot + 1);
	for (size_t i = 0; i < ARRAY_LEN(before); i++) {
		assert_int_equal(f->port->open(f->port->self, 2026, before[i].slot, &found), 0);
		assert_same(&found, &before[i]);
	}
	assert_int_equal(f->port->open(f->port->self, 2026, after[0].slot, &found), 0);
	assert_same(&found, &after[0]);
	assert_int_equal(f->port->open(f->port->self, 2026, lost.slot, &found), -ENOENT);
	assert_int_equal(f->port->open(f->port->self, 2026, KEYSTORE_LEAP / 2, &found), -ENOENT);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

static void read_shard(struct fixture *f, struct buf *ret)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/keys/2026/0000000.keys", f->dir);
	assert_int_equal(file_read(path, 1 << 20, ret, NULL), 0);
	assert_int_equal(ret->len, KEYSTORE_SHARD_BYTES);
}

static void a_copy_tells_which_is_later(void **state)
{
	CLEANUP(buf_clear) struct buf one = { 0 }, two = { 0 }, poorer = { 0 }, erased = { 0 }, fork = { 0 };
	struct fixture *f = *state;
	struct case_keys made;

	reopen(f, 64);
	assert_int_equal(f->port->create(f->port->self, 2026, NULL, &made), 0);
	read_shard(f, &one);
	assert_true(keystore_copy_is(one.data, one.len, 2026, 0));
	assert_false(keystore_copy_is(one.data, one.len, 2025, 0) || keystore_copy_is(one.data, one.len, 2026, 1));
	assert_false(keystore_copy_is(one.data, one.len - 1, 2026, 0));
	assert_int_equal(keystore_copy_erased(one.data), 0);
	assert_int_equal(f->port->create(f->port->self, 2026, NULL, &made), 0);
	read_shard(f, &two);
	f->port->erase(f->port->self, 2026, 1, 1u << CLASS_CONTENT);
	assert_int_equal(keystore_sync(f->keys), 0);
	read_shard(f, &poorer);
	assert_int_equal(keystore_copy_erased(poorer.data), 1);
	f->port->erase(f->port->self, 2026, 1, 7);
	f->port->erase(f->port->self, 2026, 0, 7);
	assert_int_equal(keystore_sync(f->keys), 0);
	read_shard(f, &erased);
	assert_int_equal(keystore_copy_erased(erased.data), 6);
	{
		const struct buf *order[] = { &one, &two, &poorer, &erased };

		for (size_t i = 0; i < ARRAY_LEN(order); i++)
			for (size_t k = 0; k < ARRAY_LEN(order); k++)
				if (keystore_copy_follows(order[i]->data, order[k]->data) != (i >= k))
					fail_msg("%zu after %zu", i, k);
	}
	buf_add(&fork, two.data, two.len); /* the same slot, given to somebody else */
	fork.data[64 + 160 + 20] ^= 1;
	assert_false(keystore_copy_follows(fork.data, two.data) || keystore_copy_follows(two.data, fork.data));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keys_survive),
		TEST(a_leap_gives_no_slot_again),
		TEST(cache_is_bounded),
		TEST(wrong_wrap_key_is_refused),
		TEST(slots_are_bound),
		TEST(interrupted_shards_are_mended),
		TEST(damaged_header_is_refused),
		TEST(no_space_uses_up_nothing),
		TEST(one_class_is_erased_and_the_others_stay),
		TEST(what_is_wholly_erased_is_gone),
		TEST(slots_go_on_in_a_shard_that_was_rewritten),
		TEST(the_old_file_is_overwritten),
		TEST(slots_come_and_go_beside_the_writer),
		TEST(a_copy_tells_which_is_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
