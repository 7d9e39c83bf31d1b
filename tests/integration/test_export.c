/*
 * `dunningctl trail export`: what it writes is the log of the checkpoint in it, as anybody who knows C2SP tlog-tiles reads it. The reader here
 * stands on the rules alone: names, widths, leaf and node hashes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/hash.h"
#include "common/merkle.h"
#include "common/note.h"
#include "tests/support/log_maker.h"
#include "tests/support/process.h"
#include "tests/support/tree.h"

#define WAIT_MS 60000
#define FILE_MAX (64u << 20)

struct fixture {
	char dir[100];
	struct arena *arena;
	const char *key;
};

static const char *at(struct fixture *f, const char *name)
{
	return arena_printf(f->arena, "%s/%s", f->dir, name);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct note_key key;

	f->arena = arena_create();
	snprintf(f->dir, sizeof(f->dir), "%s/dunningd-export-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	log_maker_key(&key);
	note_key_add(&text, &key);
	f->key = arena_strdup(f->arena, buf_str(&text));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tree_remove(f->dir);
	arena_free(f->arena);
	free(f);
	return 0;
}

static void export(struct fixture *f, int expected, const char *out, const char *from, const char *to)
{
	const char *argv[16] = { BUILD_DIR "/dunningctl", "trail", "export", f->dir, "--log", "2026", "--key", f->key, "-o", out };
	CLEANUP(buf_clear) struct buf output = { 0 };
	size_t n = 10;
	int r;

	if (from)
		argv[n++] = "--from", argv[n++] = from;
	if (to)
		argv[n++] = "--to", argv[n++] = to;
	r = process_run(argv, &output, WAIT_MS);
	if (r != expected)
		fail_msg("%d: %s", r, buf_str(&output));
}

static void node(const uint8_t *left, const uint8_t *right, uint8_t *ret)
{
	uint8_t both[65] = { 1 };

	memcpy(both + 1, left, 32);
	memcpy(both + 33, right, 32);
	sha256(both, sizeof(both), ret);
}

/* RFC 6962 section 2.1, as it is written there. */
static void root_of(uint8_t (*leaves)[32], uint64_t count, uint8_t *ret)
{
	uint8_t left[32], right[32];
	uint64_t k = 1;

	if (count <= 1) {
		if (count)
			memcpy(ret, leaves[0], 32);
		else
			sha256("", 0, ret);
		return;
	}
	while (2 * k < count)
		k *= 2;
	root_of(leaves, k, left);
	root_of(leaves + k, count - k, right);
	node(left, right, ret);
}

static const char *tile_name(struct fixture *f, const char *level, uint64_t n, uint64_t width)
{
	const char *name = n < 1000 ? arena_printf(f->arena, "%03d", (int)n) : arena_printf(f->arena, "x%03d/%03d", (int)(n / 1000), (int)(n % 1000));

	return width == 256 ? arena_printf(f->arena, "tile/%s/%s", level, name) : arena_printf(f->arena, "tile/%s/%s.p/%d", level, name, (int)width);
}

static void read_export(struct fixture *f, const char *out, const char *name, struct buf *ret)
{
	struct err err = { 0 };

	if (file_read(arena_printf(f->arena, "%s/%s", out, name), FILE_MAX, ret, &err) < 0)
		fail_msg("%s", err.text);
}

static size_t count_files(struct fixture *f, const char *out)
{
	CLEANUP(buf_clear) struct buf output = { 0 };
	size_t ret = 0;

	(void)f;
	assert_int_equal(process_run((const char *const[]){ "find", out, "-type", "f", NULL }, &output, WAIT_MS), 0);
	for (const char *c = buf_str(&output); *c; c++)
		ret += *c == '\n';
	return ret;
}

/* All of a log of `size` leaves is there, and nothing else. */
static void reads_as(struct fixture *f, const char *out, uint64_t size)
{
	CLEANUP(buf_clear) struct buf note = { 0 };
	uint8_t (*leaves)[32] = malloc((size ? size : 1) * 32), (*level)[32] = malloc((size ? size : 1) * 32), root[32];
	struct checkpoint head;
	struct note_key key;
	struct note_seal seal;
	struct note parsed;
	size_t files = 1;
	uint64_t count = 0;

	log_maker_key(&key);
	read_export(f, out, "checkpoint", &note);
	assert_int_equal(note_parse(note.data, note.len, &parsed), 0);
	assert_int_equal(note_verify(&parsed, &key, 1, &seal), 0);
	assert_int_equal(checkpoint_parse(parsed.text.data, parsed.text.len, &head), 0);
	assert_int_equal(head.size, size);
	for (uint64_t n = 0; n * 256 < size; n++, files++) {
		CLEANUP(buf_clear) struct buf bundle = { 0 };
		uint64_t width = size - n * 256 < 256 ? size - n * 256 : 256;
		size_t pos = 0;

		read_export(f, out, tile_name(f, "entries", n, width), &bundle);
		for (uint64_t i = 0; i < width; i++) {
			size_t len = (size_t)(uint8_t)bundle.data[pos] << 8 | (uint8_t)bundle.data[pos + 1];
			CLEANUP(buf_clear) struct buf leaf = { 0 };

			buf_add_char(&leaf, '\0');
			buf_add(&leaf, bundle.data + pos + 2, len);
			sha256(leaf.data, leaf.len, leaves[count++]);
			pos += 2 + len;
		}
		assert_int_equal(pos, bundle.len);
	}
	root_of(leaves, count, root);
	assert_memory_equal(root, head.root, 32);
	memcpy(level, leaves, count * 32);
	for (int l = 0; count; l++) {
		const char *name = arena_printf(f->arena, "%d", l);

		for (uint64_t n = 0; n * 256 < count; n++, files++) {
			CLEANUP(buf_clear) struct buf tile = { 0 };
			uint64_t width = count - n * 256 < 256 ? count - n * 256 : 256;

			read_export(f, out, tile_name(f, name, n, width), &tile);
			assert_int_equal(tile.len, width * 32);
			assert_memory_equal(tile.data, level[n * 256], tile.len);
			if (width == 256)
				root_of(level + n * 256, 256, level[n]);
		}
		count /= 256;
	}
	assert_int_equal(count_files(f, out), files);
	free(leaves);
	free(level);
}

static void logs_of_all_sizes(void **state)
{
	static const uint64_t sizes[] = { 1, 2, 255, 256, 257, 600, 66049 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		const char *out = at(f, arena_printf(f->arena, "out-%d", (int)sizes[i]));

		log_maker_write(f->dir, sizes[i], 0);
		export(f, 0, out, NULL, NULL);
		reads_as(f, out, sizes[i]);
		export(f, 2, out, NULL, NULL); /* never over something */
	}
}

/* A daemon has signed more, and the partial files of the checkpoint that is read are gone: full ones have come in their place. */
static void files_that_have_grown(void **state)
{
	struct fixture *f = *state;
	const char *checkpoint = at(f, "log/2026/checkpoint");
	CLEANUP(buf_clear) struct buf old = { 0 };

	log_maker_write(f->dir, 300, 0);
	assert_int_equal(file_read(checkpoint, FILE_MAX, &old, NULL), 0);
	log_maker_write(f->dir, 1000, 0);
	assert_int_equal(process_run((const char *const[]){ "rm", "-rf", at(f, "log/2026/tile/0/001.p"), at(f, "log/2026/tile/entries/001.p"), NULL }, NULL,
				 WAIT_MS), 0);
	assert_int_equal(file_replace(checkpoint, old.data, old.len, 0600), 0);
	export(f, 0, at(f, "out"), NULL, NULL);
	reads_as(f, at(f, "out"), 300);
}

/* The bundles that hold these entries, and all tiles: enough for each proof. */
static void a_range(void **state)
{
	struct fixture *f = *state;

	log_maker_write(f->dir, 1000, 0);
	export(f, 0, at(f, "out"), "300", "511");
	assert_int_equal(count_files(f, at(f, "out")), 1 + 4 + 1 + 1); /* checkpoint, two levels, one bundle */
	assert_int_equal(access(at(f, "out/tile/entries/001"), F_OK), 0);
	export(f, 0, at(f, "more"), "511", "512");
	assert_int_equal(access(at(f, "more/tile/entries/001"), F_OK), 0);
	assert_int_equal(access(at(f, "more/tile/entries/002"), F_OK), 0);
	assert_int_equal(count_files(f, at(f, "more")), 1 + 4 + 1 + 2);
	export(f, 2, at(f, "none"), "512", "300");
	export(f, 2, at(f, "none"), "1000", NULL);
	export(f, 2, at(f, "none"), NULL, "1000");
	export(f, 2, at(f, "none"), "-1", NULL);
	assert_int_equal(access(at(f, "none"), F_OK), -1);
}

/* What does not lead to the checkpoint is not handed over. */
static void damaged_files(void **state)
{
	static const char *const files[] = { "tile/0/000", "tile/0/002.p/88", "tile/1/000.p/2", "tile/entries/001", "tile/entries/002.p/88", "checkpoint" };
	struct fixture *f = *state;

	log_maker_write(f->dir, 600, 0);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		const char *path = at(f, arena_printf(f->arena, "log/2026/%s", files[i])), *out = at(f, "out");
		CLEANUP(buf_clear) struct buf bytes = { 0 };

		assert_int_equal(file_read(path, FILE_MAX, &bytes, NULL), 0);
		bytes.data[bytes.len / 2] ^= 1;
		assert_int_equal(file_replace(path, bytes.data, bytes.len, 0600), 0);
		export(f, 1, out, NULL, NULL);
		assert_int_equal(access(out, F_OK), -1);
		bytes.data[bytes.len / 2] ^= 1;
		assert_int_equal(file_replace(path, bytes.data, bytes.len, 0600), 0);
	}
	export(f, 0, at(f, "whole.zip"), NULL, NULL);
	f->key = "vectors.example.com/trail-a+752d6978+Ad5lPzH7ROASpZhGQTpQ96eNkXeumzrjrCXTiB0Z2cGg";
	export(f, 1, at(f, "out"), NULL, NULL);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(logs_of_all_sizes), TEST(files_that_have_grown), TEST(a_range), TEST(damaged_files) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
