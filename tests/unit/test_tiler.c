/* The files of a log as it grows: against published ones, and against the definition, leaf by leaf. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/tiler.h"
#include "tests/unit/vectors.h"

/* Files by their path, as they were given out. */
struct files {
	struct arena *arena;
	struct file {
		char path[MERKLE_PATH_SIZE];
		struct slice bytes;
	} *files;
	size_t count, capacity;
	int failure_at; /* the n-th file from now ends it */
};

static int keep(const struct merkle_tile *tile, const void *bytes, size_t len, void *arg)
{
	struct files *f = arg;

	if (f->failure_at && --f->failure_at == 0)
		return -EIO;
	f->files = arena_grow(f->arena, f->files, f->count, &f->capacity, sizeof(*f->files));
	merkle_tile_path(tile, f->files[f->count].path);
	f->files[f->count++].bytes = (struct slice){ arena_memdup(f->arena, bytes, len), len };
	return 0;
}

static const struct slice *file_of(const struct files *f, const struct merkle_tile *tile)
{
	char path[MERKLE_PATH_SIZE];
	const struct slice *found = NULL;

	merkle_tile_path(tile, path);
	for (size_t i = 0; i < f->count; i++) {
		if (strcmp(f->files[i].path, path) != 0)
			continue;
		if (found && (found->len != f->files[i].bytes.len || memcmp(found->data, f->files[i].bytes.data, found->len) != 0))
			fail_msg("%s was given out twice, with other bytes", path);
		found = &f->files[i].bytes;
	}
	return found;
}

static size_t entry_of(uint64_t i, char ret[128])
{
	return (size_t)snprintf(ret, 128, "entry vectors %llu", (unsigned long long)i);
}

/* The root of leaves [low, high) by the definition: RFC 6962 section 2.1. */
static void plain_root(uint64_t low, uint64_t high, uint8_t ret[SHA256_SIZE])
{
	uint8_t both[1 + 2 * SHA256_SIZE] = { 1 };
	uint64_t k = 1;
	char entry[128];

	if (high - low == 1) {
		merkle_leaf_hash(entry, entry_of(low, entry), ret);
		return;
	}
	while (2 * k < high - low)
		k *= 2;
	plain_root(low, low + k, both + 1);
	plain_root(low + k, high, both + 1 + SHA256_SIZE);
	sha256(both, sizeof(both), ret);
}

/* Every file that a log of that size has, and no other: tlog-tiles, "Merkle Tree". */
static void check_files(const struct files *f, uint64_t size)
{
	size_t expected = 0;

	for (unsigned level = 0; level <= MERKLE_ENTRIES; level++) {
		uint64_t span = 1, hashes = merkle_level_size(size, level);

		for (unsigned i = 0; i < level && level < MERKLE_ENTRIES && hashes; i++)
			span *= 256;
		for (uint64_t n = 0; n * 256 < hashes; n++, expected++) {
			struct merkle_tile tile = { level, n, merkle_tile_width(size, level, n) };
			const struct slice *bytes = file_of(f, &tile);
			CLEANUP(buf_clear) struct buf expect = { 0 };

			assert_non_null(bytes);
			for (uint64_t i = n * 256; i < n * 256 + tile.width; i++) {
				uint8_t hash[SHA256_SIZE];
				char entry[128];

				if (level == MERKLE_ENTRIES) {
					merkle_bundle_add(&expect, entry, entry_of(i, entry));
					continue;
				}
				plain_root(i * span, (i + 1) * span, hash);
				buf_add(&expect, hash, SHA256_SIZE);
			}
			assert_int_equal(bytes->len, expect.len);
			assert_memory_equal(bytes->data, expect.data, expect.len);
		}
	}
	assert_int_equal(f->count, expected);
}

static void grow(struct tiler *tiler, uint64_t size, tiler_fn fn, void *arg)
{
	char entry[128];

	while (tiler->size < size)
		assert_int_equal(tiler_add(tiler, entry, entry_of(tiler->size, entry), fn, arg), 0);
}

static const uint64_t sizes[] = { 0, 1, 255, 256, 257, 65536, 66049 };

static void files_by_definition(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		CLEANUP(freep) struct tiler *tiler = xcalloc(1, sizeof(*tiler));
		struct files files = { .arena = arena };
		uint8_t root[SHA256_SIZE], expected[SHA256_SIZE];

		grow(tiler, sizes[i], keep, &files);
		assert_int_equal(tiler_edge(tiler, keep, &files), 0);
		check_files(&files, sizes[i]);
		tiler_root(tiler, root);
		if (sizes[i])
			plain_root(0, sizes[i], expected);
		else
			sha256("", 0, expected);
		assert_memory_equal(root, expected, SHA256_SIZE);
		tiler_clear(tiler);
	}
}

static void published_roots(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(freep) struct tiler *tiler = xcalloc(1, sizeof(*tiler));
	struct json root = vector_json(arena, "merkle-large.json"), trees = json_get(&root, "trees"), tree = json_at(&trees, 0),
		    roots = json_get(&tree, "roots");

	(void)state;
	assert_true(json_len(&roots) > 10);
	for (size_t i = 0; i < json_len(&roots); i++) {
		struct json row = json_at(&roots, i);
		uint8_t expected[SHA256_SIZE], actual[SHA256_SIZE];

		grow(tiler, vector_number(&row, "size"), NULL, NULL);
		vector_hash(&row, "root", expected);
		tiler_root(tiler, actual);
		assert_memory_equal(actual, expected, SHA256_SIZE);
	}
	tiler_clear(tiler);
}

/* The published log's own entries, read out of its bundles, give the files that are published with it. */
static void a_published_log(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(freep) struct tiler *tiler = xcalloc(1, sizeof(*tiler));
	static const unsigned widths[] = { 256, 44 };
	static const char *const bundles[] = { "log-300/tile/entries/000", "log-300/tile/entries/001.p/44" };
	struct files files = { .arena = arena };

	(void)state;
	for (size_t b = 0; b < ARRAY_LEN(bundles); b++) {
		struct slice bytes = vector_file(arena, bundles[b]), entries[256];

		assert_int_equal(merkle_bundle_read(bytes.data, bytes.len, widths[b], entries), 0);
		for (unsigned i = 0; i < widths[b]; i++)
			assert_int_equal(tiler_add(tiler, entries[i].data, entries[i].len, keep, &files), 0);
	}
	assert_int_equal(tiler_edge(tiler, keep, &files), 0);
	assert_int_equal(files.count, 5);
	for (size_t i = 0; i < files.count; i++) {
		struct slice expected = vector_file(arena, arena_printf(arena, "log-300/%s", files.files[i].path));

		assert_int_equal(files.files[i].bytes.len, expected.len);
		assert_memory_equal(files.files[i].bytes.data, expected.data, expected.len);
	}
	tiler_clear(tiler);
}

/* --- going on from files ------------------------------------------------------------------------------------------------------------ */

struct shelf {
	struct files *files;
	struct merkle_tile spoil; /* width 0: none */
	size_t cut;
	int failure;
};

static int read_file(const struct merkle_tile *tile, struct buf *ret, void *arg)
{
	struct shelf *shelf = arg;
	const struct slice *bytes = file_of(shelf->files, tile);
	struct merkle_tile full = { tile->level, tile->index, MERKLE_TILE_WIDTH };
	size_t before = ret->len;

	if (shelf->failure)
		return shelf->failure;
	if (!bytes)
		bytes = file_of(shelf->files, &full);
	assert_non_null(bytes);
	buf_add(ret, bytes->data, bytes->len);
	if (shelf->spoil.width && shelf->spoil.level == tile->level) {
		if (shelf->cut)
			ret->len -= shelf->cut;
		else
			ret->data[before + 5] ^= 1;
	}
	return 0;
}

static void from_files(void **state)
{
	static const uint64_t from[] = { 0, 1, 2, 255, 256, 257, 511, 512, 600, 65535, 65536, 65537, 66049 };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(freep) struct tiler *grown = xcalloc(1, sizeof(*grown));
	CLEANUP(freep) struct tiler *loaded = xcalloc(1, sizeof(*loaded));
	CLEANUP(freep) struct tiler *copy = xcalloc(1, sizeof(*copy));
	struct files files = { .arena = arena };
	struct shelf shelf = { .files = &files };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(from); i++) {
		uint8_t expected[SHA256_SIZE], actual[SHA256_SIZE];

		grow(grown, from[i], keep, &files);
		assert_int_equal(tiler_edge(grown, keep, &files), 0);
		assert_int_equal(tiler_load(loaded, from[i], read_file, &shelf), 0);
		tiler_root(grown, expected);
		tiler_root(loaded, actual);
		assert_memory_equal(actual, expected, SHA256_SIZE);
		tiler_copy(copy, loaded);
		grow(loaded, from[i] + 300, NULL, NULL); /* and it grows as if it had never been away */
		grow(copy, from[i] + 300, NULL, NULL);
		tiler_root(loaded, actual);
		tiler_root(copy, expected);
		assert_memory_equal(actual, expected, SHA256_SIZE);
		assert_int_equal(loaded->bundle.len, copy->bundle.len);
	}
	/* the full files of a larger log hold the partial ones of a smaller one */
	assert_int_equal(tiler_load(loaded, 600, read_file, &shelf), 0);
	assert_int_equal(tiler_load(loaded, 513, read_file, &shelf), 0);
	tiler_clear(grown);
	tiler_clear(loaded);
	tiler_clear(copy);
}

static void files_that_are_damaged(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(freep) struct tiler *tiler = xcalloc(1, sizeof(*tiler));
	struct files files = { .arena = arena };
	struct shelf shelf = { .files = &files };
	uint8_t right[SHA256_SIZE], root[SHA256_SIZE];
	char longest[65536] = "";

	(void)state;
	grow(tiler, 300, keep, &files);
	assert_int_equal(tiler_edge(tiler, keep, &files), 0);
	tiler_root(tiler, right);
	shelf.failure = -ENOENT;
	assert_int_equal(tiler_load(tiler, 300, read_file, &shelf), -ENOENT);
	shelf.failure = 0;
	for (unsigned level = 0; level <= MERKLE_ENTRIES; level = level == 1 ? MERKLE_ENTRIES : level + 1) {
		shelf.spoil = (struct merkle_tile){ level, 0, 1 };
		shelf.cut = 1;
		assert_int_equal(tiler_load(tiler, 300, read_file, &shelf), -EBADMSG);
		shelf.cut = 0;
		if (level == 1) { /* nothing to hold it against but the root */
			assert_int_equal(tiler_load(tiler, 300, read_file, &shelf), 0);
			tiler_root(tiler, root);
			assert_memory_not_equal(root, right, SHA256_SIZE);
		} else {
			assert_int_equal(tiler_load(tiler, 300, read_file, &shelf), -EBADMSG);
		}
	}
	assert_int_equal(tiler_add(tiler, longest, sizeof(longest), NULL, NULL), -EMSGSIZE);
	tiler_clear(tiler);
}

static void whoever_takes_them_may_end_it(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	char entry[128];

	(void)state;
	for (int nth = 1; nth <= 3; nth++) { /* the bundle, its tile, and at the edge the first file */
		CLEANUP(freep) struct tiler *tiler = xcalloc(1, sizeof(*tiler));
		struct files files = { .arena = arena, .failure_at = nth };

		grow(tiler, 255, NULL, NULL);
		assert_int_equal(tiler_add(tiler, entry, entry_of(255, entry), keep, &files), nth < 3 ? -EIO : 0);
		if (nth == 3)
			assert_int_equal(tiler_edge(tiler, keep, &files), -EIO);
		tiler_clear(tiler);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_by_definition),
		cmocka_unit_test(published_roots),
		cmocka_unit_test(a_published_log),
		cmocka_unit_test(from_files),
		cmocka_unit_test(files_that_are_damaged),
		cmocka_unit_test(whoever_takes_them_may_end_it),
	};

	return cmocka_run_group_tests_name("tiler", tests, NULL, NULL);
}
