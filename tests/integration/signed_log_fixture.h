/*
 * signed_log_fixture - a signed log over a real journal in a folder of its own, and every step of the writing in the test's hands. Included
 * by one file a program.
 */
#ifndef TESTS_SIGNED_LOG_FIXTURE_H
#define TESTS_SIGNED_LOG_FIXTURE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/tiler.h"
#include "daemon/journal.h"
#include "daemon/journal_leaves.h"
#include "daemon/signed_log.h"
#include "tests/support/tree.h"

#define ORIGIN "test.example/acme"
#define YEAR 2026
#define FIXTURE static __attribute__((unused))
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

/* --- every step of the writing, in the program's own hands ------------------------------------------------------------------------ */

static int steps; /* taken so far */
static int die_at, fail_at, full_at; /* the step that ends the process, finds a broken disk, or a full one; 0 = none */
static volatile bool always_full; /* no folder can be made any more, and no file gets its name */

FIXTURE bool tracing;
static struct trace_row {
	char what; /* 's' a file or folder was synced, 'r' a file got its name, 'm' a folder was made, 'u' a name was removed */
	char path[200];
} trace[4096];
static size_t traced;

FIXTURE void note_step(char what, int fd, const char *name)
{
	char link[64], path[160];
	ssize_t len;

	if (!tracing || traced == ARRAY_LEN(trace))
		return;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	trace[traced].what = what;
	snprintf(trace[traced++].path, sizeof(trace->path), "%.*s%s%s", (int)(len < 0 ? 0 : len), path, name ? "/" : "", name ? name : "");
}

FIXTURE bool step_fails(void)
{
	steps++;
	if (die_at && steps == die_at)
		_exit(77);
	if (fail_at && steps == fail_at) {
		errno = EIO;
		return true;
	}
	if (full_at && steps == full_at) {
		errno = ENOSPC;
		return true;
	}
	return false;
}

/* It does not sync: the kernel outlives the crashes here, and what syncs are for is their order (the_order_of_writing). */
int fsync(int fd)
{
	full_at += full_at == steps + 1; /* a sync does not find the disk full */
	note_step('s', fd, NULL);
	return step_fails() ? -1 : 0;
}

static bool fail_sync; /* the journal's */

int fdatasync(int fd)
{
	(void)fd;
	errno = EIO;
	return fail_sync ? -1 : 0;
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	note_step('r', to_dir, to);
	errno = ENOSPC;
	return always_full || step_fails() ? -1 : (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

int mkdirat(int dir, const char *path, mode_t mode)
{
	note_step('m', dir, path);
	return step_fails() ? -1 : (int)syscall(SYS_mkdirat, dir, path, mode);
}

int unlinkat(int dir, const char *path, int flags)
{
	note_step('u', dir, path);
	return step_fails() ? -1 : (int)syscall(SYS_unlinkat, dir, path, flags);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
	return step_fails() ? -1 : (ssize_t)syscall(SYS_write, fd, bytes, len);
}

/* --- fixture ------------------------------------------------------------------------------------------------------------------------ */

struct fixture {
	char dir[64];
	struct event_base *base;
	struct journal *journal;
	struct arena *arena;
	struct log_key key;
	uint64_t pseq;
	int done, expect; /* what the journal says of the next group: 0, -errno */
	uint32_t salt; /* of all leaves */
	struct signed_log *log;
	struct signed_log_report report;
	struct err err;
};

FIXTURE void open_journal(struct fixture *f)
{
	struct journal_settings settings = { .state_dir = f->dir, .origin = ORIGIN, .segment_bytes = 1 << 20 };
	struct err err = { 0 };

	if (journal_open(&settings, f->base, &f->journal, &err) != 0)
		fail_msg("journal_open: %s", err.text);
}

FIXTURE void close_journal(struct fixture *f)
{
	journal_close(f->journal);
	f->journal = NULL;
}

FIXTURE int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	static const uint8_t seed[32] = { 7, 7, 7 };

	die_at = fail_at = full_at = 0;
	strcpy(f->dir, "/tmp/dunningd-signed-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->base = event_base_new();
	f->arena = arena_create();
	assert_int_equal(log_key_make(seed, ORIGIN, &f->key), 0);
	open_journal(f);
	*state = f;
	return 0;
}

FIXTURE int teardown(void **state)
{
	struct fixture *f = *state;

	die_at = fail_at = full_at = 0;
	signed_log_close(f->log);
	journal_close(f->journal);
	event_base_free(f->base);
	arena_free(f->arena);
	tree_remove(f->dir);
	free(f);
	return 0;
}

FIXTURE void make_leaf(const struct fixture *f, uint64_t index, char ret[LEAF_SIZE])
{
	uint8_t commitment[32], tag[32];
	uint64_t name[2] = { index, f->salt };

	sha256(name, sizeof(name), commitment);
	sha256(commitment, sizeof(commitment), tag);
	record_leaf(commitment, tag, ret);
}

FIXTURE void on_done(int r, void *arg)
{
	struct fixture *f = arg;

	assert_int_equal(r, f->expect);
	f->done++;
}

FIXTURE uint64_t journal_size(struct fixture *f)
{
	size_t count;
	const struct frames_log *logs = journal_logs(f->journal, &count);

	for (size_t i = 0; i < count; i++)
		if (logs[i].year == YEAR)
			return logs[i].next_index;
	return 0;
}

/* One group: records with a blob that cannot be opened, which nobody here wants to. */
FIXTURE void append(struct fixture *f, uint16_t year, size_t records)
{
	const struct journal_port *port = journal_port(f->journal);
	static char bodies[1000][LEAF_SIZE + 1 + 11 + 28];
	struct slice slices[1000], image = { (const uint8_t *)"\0", 1 };
	struct journal_group group = { .head = { .pseq = ++f->pseq, .epoch = 1, .year = year, .run_id = "r", .repl_id = "s" },
		.records = slices, .record_count = records, .images = &image, .image_count = f->pseq % 2 };
	int before = f->done;

	assert_true(records <= ARRAY_LEN(slices));
	group.head.first_index = port->next_index(port->self, year);
	memcpy(group.head.id, &f->pseq, sizeof(f->pseq));
	for (size_t i = 0; i < records; i++) {
		memset(bodies[i], 0, sizeof(bodies[i]));
		make_leaf(f, group.head.first_index + i, bodies[i]);
		bodies[i][LEAF_SIZE] = 1;
		bodies[i][LEAF_SIZE + 1] = CLASS_FACTS;
		bodies[i][LEAF_SIZE + 11] = 28; /* the last byte of the length: nonce and tag */
		slices[i] = (struct slice){ (const uint8_t *)bodies[i], sizeof(bodies[i]) };
	}
	port->append(port->self, &group, on_done, f);
	while (f->done == before)
		assert_true(event_base_loop(f->base, EVLOOP_ONCE) >= 0);
}

/* The journal as it is with so many records of the year, in groups of very different sizes. */
FIXTURE void grow_journal(struct fixture *f, uint64_t size)
{
	static const size_t groups[] = { 1, 0, 3, 300, 7, 1000 };
	size_t i = 0;

	while (journal_size(f) < size) {
		uint64_t left = size - journal_size(f);
		size_t records = groups[i++ % ARRAY_LEN(groups)];

		append(f, YEAR, left < records ? (size_t)left : records);
	}
}

FIXTURE int try_open(struct fixture *f, bool rebuild)
{
	struct signed_log_settings settings = { .state_dir = f->dir, .year = YEAR, .key = &f->key, .signs = true,
		.rebuild = rebuild };

	signed_log_close(f->log);
	f->log = NULL;
	err_clear(&f->err);
	return signed_log_open(&settings, journal_size(f), &f->log, &f->report, &f->err);
}

FIXTURE void open_log(struct fixture *f)
{
	if (try_open(f, false) < 0)
		fail_msg("signed_log_open: %s", f->err.text);
}

FIXTURE void sign_all(struct fixture *f)
{
	while (signed_log_size(f->log) < journal_size(f))
		if (signed_log_extend(f->log, journal_size(f), &f->err) < 0)
			fail_msg("signed_log_extend: %s", f->err.text);
}

FIXTURE void sign_to(struct fixture *f, uint64_t size)
{
	grow_journal(f, size);
	sign_all(f);
}

FIXTURE char *state_path(struct fixture *f, const char *name)
{
	return arena_printf(f->arena, "%s/%s", f->dir, name);
}

FIXTURE void read_file(struct fixture *f, const char *name, struct buf *ret)
{
	struct err err = { 0 };

	if (file_read(state_path(f, name), 1 << 20, ret, &err) < 0)
		fail_msg("%s", err.text);
}

FIXTURE void write_file(struct fixture *f, const char *name, const void *bytes, size_t len)
{
	assert_int_equal(file_replace(state_path(f, name), bytes, len, 0600), 0);
}

FIXTURE void assert_refused(struct fixture *f, int r, const char *code)
{
	assert_int_equal(try_open(f, false), r);
	assert_null(f->log);
	assert_string_equal(f->err.code, code);
	assert_true(strlen(f->err.text) > 40);
}

/* A checkpoint on the disk, verified as anybody would; 0: there is none. */
FIXTURE uint64_t signed_size(struct fixture *f, const char *name, uint8_t root[SHA256_SIZE])
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct checkpoint checkpoint;
	struct note_key key;
	int r;

	log_key_of_year(&f->key.verifier, YEAR, &key);
	err_clear(&f->err);
	r = signed_log_read(state_path(f, name), &key, &text, &checkpoint, &f->err);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		fail_msg("checkpoint: %s", f->err.text);
	if (root)
		memcpy(root, checkpoint.root, SHA256_SIZE);
	return checkpoint.size;
}

FIXTURE uint64_t published(struct fixture *f, uint8_t root[SHA256_SIZE])
{
	uint64_t size = signed_size(f, arena_printf(f->arena, "log/%d/checkpoint", YEAR), root);

	if (signed_size(f, arena_printf(f->arena, "head/%d", YEAR), NULL) < size)
		fail_msg("%llu records are published, and the head does not know it", (unsigned long long)size);
	return size;
}

FIXTURE size_t count_files(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	size_t count = 0;

	if (!dir)
		return 0;
	while ((entry = readdir(dir))) {
		char inner[512];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
		count += entry->d_type == DT_DIR ? count_files(inner) : 1;
	}
	closedir(dir);
	return count;
}

struct comparing {
	struct fixture *f;
	size_t files;
};

FIXTURE int compare_file(const struct merkle_tile *tile, const void *bytes, size_t len, void *arg)
{
	struct comparing *c = arg;
	CLEANUP(buf_clear) struct buf there = { 0 };
	struct merkle_tile full = { tile->level, tile->index, MERKLE_TILE_WIDTH };
	char path[MERKLE_PATH_SIZE];

	if (file_read(state_path(c->f, arena_printf(c->f->arena, "log/%d/%s", YEAR, merkle_tile_path(tile, path))), 1 << 16, &there, NULL) == 0)
		assert_int_equal(there.len, len);
	else /* a reader then takes the full one: tlog-tiles, "Partial Tiles" */
		read_file(c->f, arena_printf(c->f->arena, "log/%d/%s", YEAR, merkle_tile_path(&full, path)), &there);
	if (there.len < len || memcmp(there.data, bytes, len) != 0)
		fail_msg("%s has other bytes", path);
	c->files++;
	return 0;
}

/* That every file of a log of these leaves is there, byte for byte; how many. */
FIXTURE size_t check_files(struct fixture *f, uint64_t size)
{
	CLEANUP(freep) struct tiler *tiler = xcalloc(1, sizeof(*tiler));
	struct comparing comparing = { f, 0 };
	uint8_t root[SHA256_SIZE], signed_root[SHA256_SIZE];
	char leaf[LEAF_SIZE];

	while (tiler->size < size) {
		make_leaf(f, tiler->size, leaf);
		assert_int_equal(tiler_add(tiler, leaf, LEAF_SIZE, compare_file, &comparing), 0);
	}
	assert_int_equal(tiler_edge(tiler, compare_file, &comparing), 0);
	assert_int_equal(published(f, signed_root), size);
	if (size) {
		tiler_root(tiler, root);
		assert_memory_equal(root, signed_root, SHA256_SIZE);
	}
	tiler_clear(tiler);
	return comparing.files;
}

#endif
