/*
 * journal_fixture - a journal in a folder of its own with groups of known content, for the tests that read and break it. Included by
 * one file a program.
 */
#ifndef TESTS_JOURNAL_FIXTURE_H
#define TESTS_JOURNAL_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "daemon/journal.h"
#include "tests/support/tree.h"

#define ORIGIN "test.example/acme/host-a"
#define WAIT_S 20
#define FIXTURE static __attribute__((unused))
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

/* --- faults: the program's fdatasync() stands before the C library's --------------------------------------- */

static atomic_int syncs, fail_sync; /* fail_sync n: the n-th from now fails */
static atomic_bool trace_syncs;
static char traced[64]; /* 'k' key store, 'j' journal, in order; written by one thread at a time */

int fdatasync(int fd)
{
	char link[64], path[512] = "";

	atomic_fetch_add(&syncs, 1);
	if (atomic_load(&fail_sync) > 0 && atomic_fetch_sub(&fail_sync, 1) == 1) {
		errno = EIO;
		return -1;
	}
	if (atomic_load(&trace_syncs)) {
		size_t len = strlen(traced);

		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		if (readlink(link, path, sizeof(path) - 1) > 0 && len < sizeof(traced) - 1)
			traced[len] = strstr(path, "/keys") ? 'k' : strstr(path, "/journal/") ? 'j' : '?';
	}
	return (int)syscall(SYS_fdatasync, fd);
}

/* --- fixture ------------------------------------------------------------------------------------------------ */

struct fixture {
	char dir[64];
	struct event_base *base;
	struct journal *journal;
	const struct journal_port *port;
	struct keystore *keys;
	uint64_t segment_bytes;
	int done; /* callbacks so far */
	int results[4096];
	void (*then)(struct fixture *f); /* the next callback calls it, once */
};

FIXTURE int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/dunningd-journal-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->base = event_base_new();
	f->segment_bytes = 64 << 10;
	*state = f;
	return 0;
}

FIXTURE int teardown(void **state)
{
	struct fixture *f = *state;

	journal_close(f->journal);
	keystore_close(f->keys);
	event_base_free(f->base);
	tree_remove(f->dir);
	free(f);
	return 0;
}

FIXTURE int try_open(struct fixture *f, struct err *err)
{
	struct journal_settings settings = { .state_dir = f->dir, .origin = ORIGIN,
		.segment_bytes = f->segment_bytes, .keys = f->keys };
	int r = journal_open(&settings, f->base, &f->journal, err);

	f->port = r == 0 ? journal_port(f->journal) : NULL;
	return r;
}

FIXTURE void open_journal(struct fixture *f)
{
	struct err err = { 0 };

	if (try_open(f, &err) != 0)
		fail_msg("journal_open: %s", err.text);
}

FIXTURE void close_journal(struct fixture *f)
{
	journal_close(f->journal);
	f->journal = NULL;
}

FIXTURE void on_done(int r, void *arg)
{
	struct fixture *f = arg;
	void (*then)(struct fixture *) = f->then;

	f->results[f->done++ % 4096] = r;
	f->then = NULL;
	if (then)
		then(f);
}

FIXTURE int64_t mono_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

FIXTURE void wait_done(struct fixture *f, int count)
{
	int64_t deadline = mono_s() + WAIT_S;
	struct timeval second = { 1, 0 };

	while (f->done < count) {
		assert_true(mono_s() < deadline);
		(void)event_base_loopexit(f->base, &second);
		(void)event_base_loop(f->base, EVLOOP_ONCE);
	}
}

/* Content follows from (partition, pseq, salt) alone, so that a replay can be checked without keeping it. */
struct content {
	struct buf bytes;
	struct slice records[4], images[2];
	size_t record_count, image_count;
};

FIXTURE void make_content(struct content *c, uint32_t partition, uint64_t pseq, uint32_t salt)
{
	size_t starts[6], count = 0;

	memset(c, 0, sizeof(*c));
	c->record_count = (pseq + partition) % 4;
	c->image_count = 1 + pseq % 2;
	for (size_t i = 0; i < c->record_count + c->image_count; i++) {
		starts[count++] = c->bytes.len;
		buf_printf(&c->bytes, "body %zu of %u/%llu/%u;", i, (unsigned)partition, (unsigned long long)pseq,
			(unsigned)salt);
		for (size_t j = 0; j < (pseq * 37 + i * 11) % 190; j++)
			buf_add_char(&c->bytes, (char)(j * 31 + pseq));
	}
	for (size_t i = 0; i < count; i++) {
		struct slice s = { (uint8_t *)c->bytes.data + starts[i],
			(i + 1 < count ? starts[i + 1] : c->bytes.len) - starts[i] };

		if (i < c->record_count)
			c->records[i] = s;
		else
			c->images[i - c->record_count] = s;
	}
}

FIXTURE void make_id(uint32_t partition, uint64_t pseq, uint32_t salt, uint8_t ret[GROUP_ID_SIZE])
{
	memset(ret, 0, GROUP_ID_SIZE);
	ret[0] = 1;
	ret[1] = (uint8_t)partition;
	ret[2] = (uint8_t)salt;
	memcpy(ret + 4, &pseq, sizeof(pseq));
}

FIXTURE void hand_over(struct fixture *f, uint16_t year, uint32_t partition, uint64_t pseq, uint32_t salt)
{
	struct journal_group group = { .head = { .partition = partition, .pseq = pseq, .epoch = 3, .year = year,
					       .run_id = "r", .repl_id = "s", .decided_at = 1785000000000 } };
	struct content c;

	make_content(&c, partition, pseq, salt);
	make_id(partition, pseq, salt, group.head.id);
	make_id(partition, pseq - 1, salt, group.head.predecessor);
	group.head.first_index = f->port->next_index(f->port->self, year);
	group.records = c.records;
	group.record_count = c.record_count;
	group.images = c.images;
	group.image_count = c.image_count;
	f->port->append(f->port->self, &group, on_done, f);
	assert_int_equal(f->port->next_index(f->port->self, year), group.head.first_index + c.record_count);
	buf_clear(&c.bytes);
}

/* Hands over and waits: one write of its own. */
FIXTURE void append(struct fixture *f, uint16_t year, uint32_t partition, uint64_t pseq, uint32_t salt)
{
	int before = f->done;

	hand_over(f, year, partition, pseq, salt);
	assert_int_equal(f->done, before); /* never before the call has returned */
	wait_done(f, before + 1);
	assert_int_equal(f->results[before % 4096], 0);
}

struct replayed {
	uint32_t partition;
	uint64_t pseqs[4096];
	size_t count;
	uint32_t salt; /* of the groups expected */
	bool wrong;
};

FIXTURE int on_replay(const struct journal_group *group, void *arg)
{
	struct replayed *replayed = arg;
	struct content c;
	uint8_t id[GROUP_ID_SIZE];

	make_id(group->head.partition, group->head.pseq, replayed->salt, id);
	make_content(&c, group->head.partition, group->head.pseq, replayed->salt);
	if (group->head.partition != replayed->partition || memcmp(id, group->head.id, sizeof(id)) != 0 ||
		group->record_count != c.record_count || group->image_count != c.image_count)
		replayed->wrong = true;
	for (size_t i = 0; !replayed->wrong && i < c.record_count; i++)
		if (group->records[i].len != c.records[i].len ||
			memcmp(group->records[i].data, c.records[i].data, c.records[i].len) != 0)
			replayed->wrong = true;
	for (size_t i = 0; !replayed->wrong && i < c.image_count; i++)
		if (group->images[i].len != c.images[i].len ||
			memcmp(group->images[i].data, c.images[i].data, c.images[i].len) != 0)
			replayed->wrong = true;
	replayed->pseqs[replayed->count++ % 4096] = group->head.pseq;
	buf_clear(&c.bytes);
	return 0;
}

FIXTURE int replay(struct fixture *f, uint32_t partition, uint64_t above, struct replayed *ret)
{
	uint32_t salt = ret->salt;

	memset(ret, 0, sizeof(*ret));
	ret->partition = partition;
	ret->salt = salt;
	return f->port->replay(f->port->self, partition, above, on_replay, ret);
}

/* Exactly above + 1 ... upto, in order, with the right content. */
FIXTURE void assert_replay(struct fixture *f, uint32_t partition, uint64_t above, uint64_t upto)
{
	struct replayed replayed = { 0 };

	assert_int_equal(replay(f, partition, above, &replayed), 0);
	assert_false(replayed.wrong);
	assert_int_equal(replayed.count, upto - above);
	for (size_t i = 0; i < replayed.count; i++)
		assert_int_equal(replayed.pseqs[i], above + 1 + i);
}

FIXTURE int knows(struct fixture *f, uint32_t partition, uint64_t pseq, uint32_t salt)
{
	uint8_t id[GROUP_ID_SIZE];

	make_id(partition, pseq, salt, id);
	return f->port->knows(f->port->self, partition, pseq, id);
}

/* Names of the segments, in order. */
FIXTURE char **segment_names(struct fixture *f, struct arena *arena, size_t *count)
{
	char **names;

	assert_int_equal(file_list(arena, arena_printf(arena, "%s/journal", f->dir), ".journal", &names, count), 0);
	return names;
}

FIXTURE const char *segment_path(struct fixture *f, struct arena *arena, size_t i)
{
	size_t count;
	char **names = segment_names(f, arena, &count);

	assert_true(i < count);
	return arena_printf(arena, "%s/journal/%s", f->dir, names[i]);
}

FIXTURE void put_file(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	assert_int_equal(close(fd), 0);
}

#endif
