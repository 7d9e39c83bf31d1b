/* The tree, its tiles and proofs, against published data; and that no altered proof passes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/merkle.h"
#include "tests/unit/vectors.h"

/* A log in memory: its leaf hashes. Tiles above level 0 are made from those below; what is asked for is checked. */
struct memory_log {
	struct merkle_tiles tiles;
	uint8_t (*leaves)[SHA256_SIZE];
	int failure; /* what reading gives instead */
};

static int read_tile(const struct merkle_tile *tile, uint8_t (*ret)[SHA256_SIZE], void *arg)
{
	struct memory_log *log = arg;

	assert_true(tile->width >= 1 && tile->width <= merkle_tile_width(log->tiles.size, tile->level, tile->index));
	if (log->failure)
		return log->failure;
	if (tile->level)
		return merkle_tile_make(&log->tiles, tile, ret);
	memcpy(ret, log->leaves + tile->index * MERKLE_TILE_WIDTH, tile->width * sizeof(*ret));
	return 0;
}

static void log_fill(struct memory_log *log, struct arena *arena, const struct json *tree)
{
	struct json leaves = json_get(tree, "leaves_hex"), generated = json_get(tree, "leaves_generated");
	uint64_t count = json_len(&leaves) ? json_len(&leaves) : vector_number(&generated, "count");

	*log = (struct memory_log){ .tiles = { count, read_tile, log } };
	log->leaves = arena_alloc(arena, count * SHA256_SIZE);
	for (uint64_t i = 0; i < count; i++) {
		if (json_len(&leaves)) {
			struct json leaf = json_at(&leaves, i);
			struct slice entry = vector_hex(arena, json_str(&leaf));

			merkle_leaf_hash(entry.data, entry.len, log->leaves[i]);
		} else {
			char entry[64];
			int len = snprintf(entry, sizeof(entry), "%s%llu", vector_text(&generated, "prefix"), (unsigned long long)i);

			merkle_leaf_hash(entry, (size_t)len, log->leaves[i]);
		}
	}
}

/* False: there is a hash in it of a length that no reader of ours would take. */
static bool read_proof(const struct json *hashes, struct merkle_proof *ret)
{
	ret->count = 0;
	for (size_t i = 0; i < json_len(hashes); i++) {
		struct json hash = json_at(hashes, i);

		assert_true(ret->count < MERKLE_PROOF_MAX);
		if (hex_parse(json_str(&hash), SHA256_SIZE, ret->hashes[ret->count++]) < 0)
			return false;
	}
	return true;
}

static void assert_same(const struct merkle_proof *a, const struct merkle_proof *b)
{
	assert_int_equal(a->count, b->count);
	assert_memory_equal(a->hashes, b->hashes, a->count * SHA256_SIZE);
}

/* --- what is published ------------------------------------------------------------------------------ */

/* One leaf at a time, and the same root out of the tiles. */
static void check_roots(struct memory_log *log, const struct json *roots)
{
	struct merkle_range grown = { 0 }, loaded;
	uint8_t expected[SHA256_SIZE], root[SHA256_SIZE];

	assert_true(json_len(roots) > 0);
	for (size_t i = 0; i < json_len(roots); i++) {
		struct json row = json_at(roots, i);

		log->tiles.size = vector_number(&row, "size");
		while (grown.size < log->tiles.size)
			merkle_append(&grown, log->leaves[grown.size]);
		vector_hash(&row, "root", expected);
		merkle_root(&grown, root);
		assert_memory_equal(root, expected, SHA256_SIZE);
		assert_int_equal(merkle_range_load(&log->tiles, &loaded), 0);
		assert_int_equal(loaded.size, grown.size);
		merkle_root(&loaded, root);
		assert_memory_equal(root, expected, SHA256_SIZE);
	}
}

static void root_at(struct memory_log *log, uint64_t size, uint8_t ret[SHA256_SIZE])
{
	struct merkle_range range;
	uint64_t before = log->tiles.size;

	log->tiles.size = size;
	assert_int_equal(merkle_range_load(&log->tiles, &range), 0);
	merkle_root(&range, ret);
	log->tiles.size = before;
}

static void check_inclusion(struct memory_log *log, const struct json *rows)
{
	for (size_t i = 0; i < json_len(rows); i++) {
		struct json row = json_at(rows, i), hashes = json_get(&row, "proof");
		uint64_t size = vector_number(&row, "size"), index = vector_number(&row, "index");
		struct merkle_proof expected, made;
		uint8_t root[SHA256_SIZE], leaf[SHA256_SIZE];

		assert_true(read_proof(&hashes, &expected));
		root_at(log, size, root);
		vector_hash(&row, "leaf_hash", leaf);
		assert_memory_equal(leaf, log->leaves[index], SHA256_SIZE);
		log->tiles.size = size;
		assert_int_equal(merkle_inclusion(&log->tiles, index, &made), 0);
		assert_same(&made, &expected);
		assert_int_equal(merkle_inclusion_check(&made, index, size, leaf, root), 0);
		for (size_t k = 0; k < made.count; k++) { /* no hash of it may be another, nor be left out at the end */
			made.hashes[k][i % SHA256_SIZE] ^= 1;
			assert_int_equal(merkle_inclusion_check(&made, index, size, leaf, root), -EBADMSG);
			made.hashes[k][i % SHA256_SIZE] ^= 1;
			made.count = k;
			assert_int_equal(merkle_inclusion_check(&made, index, size, leaf, root), -EBADMSG);
			made.count = expected.count;
		}
		memset(made.hashes[made.count++], 0, SHA256_SIZE);
		assert_int_equal(merkle_inclusion_check(&made, index, size, leaf, root), -EBADMSG);
		if (size > 1) /* nor does it stand for the leaf beside */
			assert_int_equal(merkle_inclusion_check(&expected, index ^ 1, size, leaf, root), -EBADMSG);
		leaf[0] ^= 1;
		assert_int_equal(merkle_inclusion_check(&expected, index, size, leaf, root), -EBADMSG);
	}
}

static void check_consistency(struct memory_log *log, const struct json *rows)
{
	for (size_t i = 0; i < json_len(rows); i++) {
		struct json row = json_at(rows, i), hashes = json_get(&row, "proof");
		uint64_t old = vector_number(&row, "old_size"), size = vector_number(&row, "new_size");
		struct merkle_proof expected, made;
		uint8_t old_root[SHA256_SIZE], root[SHA256_SIZE];

		assert_true(read_proof(&hashes, &expected));
		root_at(log, old, old_root);
		root_at(log, size, root);
		log->tiles.size = size;
		assert_int_equal(merkle_consistency(&log->tiles, old, &made), 0);
		assert_same(&made, &expected);
		assert_int_equal(merkle_consistency_check(&made, old, size, old_root, root), 0);
		for (size_t k = 0; k < made.count; k++) {
			made.hashes[k][i % SHA256_SIZE] ^= 1;
			assert_int_equal(merkle_consistency_check(&made, old, size, old_root, root), -EBADMSG);
			made.hashes[k][i % SHA256_SIZE] ^= 1;
			made.count = k;
			assert_int_equal(merkle_consistency_check(&made, old, size, old_root, root), -EBADMSG);
			made.count = expected.count;
		}
		memset(made.hashes[made.count++], 0, SHA256_SIZE);
		assert_int_equal(merkle_consistency_check(&made, old, size, old_root, root), -EBADMSG);
		root[31] ^= 1;
		assert_int_equal(merkle_consistency_check(&expected, old, size, old_root, root), -EBADMSG);
		root[31] ^= 1;
		old_root[31] ^= 1;
		assert_int_equal(merkle_consistency_check(&expected, old, size, old_root, root), -EBADMSG);
	}
}

static void check_trees(const char *file)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json root = vector_json(arena, file), trees = json_get(&root, "trees");

	assert_true(json_len(&trees) > 0);
	for (size_t i = 0; i < json_len(&trees); i++) {
		struct json tree = json_at(&trees, i), roots = json_get(&tree, "roots"), inclusion = json_get(&tree, "inclusion"),
			    consistency = json_get(&tree, "consistency");
		struct memory_log log;

		log_fill(&log, arena, &tree);
		assert_true(json_len(&inclusion) > 0 && json_len(&consistency) > 0);
		check_roots(&log, &roots);
		check_inclusion(&log, &inclusion);
		check_consistency(&log, &consistency);
	}
}

static void small_trees(void **state)
{
	(void)state;
	check_trees("merkle-small.json");
}

static void a_large_tree(void **state)
{
	(void)state;
	check_trees("merkle-large.json");
}

/* Damaged proofs that others collected, and the whole ones they come from. */
static void published_checks(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json root = vector_json(arena, "merkle-published.json"), inclusion = json_get(&root, "inclusion"),
		    consistency = json_get(&root, "consistency");
	size_t valid = 0, checked = 0;

	(void)state;
	for (size_t i = 0; i < json_len(&inclusion); i++) {
		struct json row = json_at(&inclusion, i), hashes = json_get(&row, "proof");
		struct merkle_proof proof;
		uint8_t leaf[SHA256_SIZE], head[SHA256_SIZE];

		if (!read_proof(&hashes, &proof) || hex_parse(vector_text(&row, "leaf_hash"), SHA256_SIZE, leaf) < 0 ||
			hex_parse(vector_text(&row, "root"), SHA256_SIZE, head) < 0) {
			assert_false(vector_valid(&row));
			continue;
		}
		checked++;
		valid += vector_valid(&row);
		if (merkle_inclusion_check(&proof, vector_number(&row, "index"), vector_number(&row, "size"), leaf, head) !=
			(vector_valid(&row) ? 0 : -EBADMSG))
			fail_msg("%s: not %s", vector_text(&row, "name"), vector_text(&row, "expect"));
	}
	for (size_t i = 0; i < json_len(&consistency); i++) {
		struct json row = json_at(&consistency, i), hashes = json_get(&row, "proof");
		struct merkle_proof proof;
		uint8_t old[SHA256_SIZE], head[SHA256_SIZE];

		if (!read_proof(&hashes, &proof) || hex_parse(vector_text(&row, "old_root"), SHA256_SIZE, old) < 0 ||
			hex_parse(vector_text(&row, "new_root"), SHA256_SIZE, head) < 0) {
			assert_false(vector_valid(&row));
			continue;
		}
		checked++;
		valid += vector_valid(&row);
		if (merkle_consistency_check(&proof, vector_number(&row, "old_size"), vector_number(&row, "new_size"), old, head) !=
			(vector_valid(&row) ? 0 : -EBADMSG))
			fail_msg("%s: not %s", vector_text(&row, "name"), vector_text(&row, "expect"));
	}
	assert_int_equal(valid, 11);
	assert_true(checked > 120);
}

static void level_of(const struct json *row, struct merkle_tile *ret)
{
	struct json level = json_get(row, "level");

	ret->level = json_str(&level) ? MERKLE_ENTRIES : (unsigned)json_int(&level);
}

static void tile_paths(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json root = vector_json(arena, "tiles.json"), paths = json_get(&root, "paths"), bad = json_get(&root, "malformed_paths");

	(void)state;
	assert_true(json_len(&paths) > 0 && json_len(&bad) > 0);
	for (size_t i = 0; i < json_len(&paths); i++) {
		struct json row = json_at(&paths, i);
		struct merkle_tile tile = { .index = vector_number(&row, "index"), .width = (unsigned)vector_number(&row, "width") }, parsed;
		char path[MERKLE_PATH_SIZE];

		level_of(&row, &tile);
		assert_string_equal(merkle_tile_path(&tile, path), vector_text(&row, "path"));
		assert_int_equal(merkle_tile_parse(path, &parsed), 0);
		assert_int_equal(parsed.level, tile.level);
		assert_int_equal(parsed.index, tile.index);
		assert_int_equal(parsed.width, tile.width);
	}
	for (size_t i = 0; i < json_len(&bad); i++) {
		struct json path = json_at(&bad, i);
		struct merkle_tile tile;

		if (merkle_tile_parse(json_str(&path), &tile) != -EBADMSG)
			fail_msg("%s was taken for a tile", json_str(&path));
	}
}

static void tile_sizes(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json root = vector_json(arena, "tiles.json"), sizes = json_get(&root, "sizes");

	(void)state;
	assert_true(json_len(&sizes) > 0);
	for (size_t i = 0; i < json_len(&sizes); i++) {
		struct json row = json_at(&sizes, i), levels = json_get(&row, "levels");
		uint64_t size = vector_number(&row, "size");

		for (unsigned level = 0; level <= MERKLE_LEVEL_MAX; level++) {
			struct json at = json_at(&levels, level);
			uint64_t full = level < json_len(&levels) ? vector_number(&at, "full_tiles") : 0;
			unsigned partial = level < json_len(&levels) ? (unsigned)vector_number(&at, "partial_width") : 0;

			assert_int_equal(merkle_level_size(size, level), full * MERKLE_TILE_WIDTH + partial);
			if (full)
				assert_int_equal(merkle_tile_width(size, level, full - 1), MERKLE_TILE_WIDTH);
			assert_int_equal(merkle_tile_width(size, level, full), partial);
			assert_int_equal(merkle_tile_width(size, level, full + 1), 0);
			assert_int_equal(merkle_tile_width(size, level, UINT64_MAX), 0);
		}
		assert_int_equal(merkle_level_size(size, MERKLE_ENTRIES), size);
	}
}

/* A whole log as it lies on a disk: entries give the leaf hashes, those the tile above. */
static void tiles_on_a_disk(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct memory_log log = { .tiles = { 300, read_tile, &log } };
	uint64_t n = 0;

	(void)state;
	log.leaves = arena_alloc(arena, 300 * SHA256_SIZE);
	for (uint64_t i = 0; i < 2; i++) {
		struct merkle_tile tile = { 0, i, merkle_tile_width(300, 0, i) }, entries = { MERKLE_ENTRIES, i, tile.width };
		char path[MERKLE_PATH_SIZE];
		struct slice hashes = vector_file(arena, arena_join(arena, "log-300/", merkle_tile_path(&tile, path)));
		struct slice bundle = vector_file(arena, arena_join(arena, "log-300/", merkle_tile_path(&entries, path)));
		struct slice split[MERKLE_TILE_WIDTH];
		CLEANUP(buf_clear) struct buf again = { 0 };

		assert_int_equal(hashes.len, tile.width * SHA256_SIZE);
		assert_int_equal(merkle_bundle_read(bundle.data, bundle.len, tile.width, split), 0);
		for (unsigned k = 0; k < tile.width; k++) {
			merkle_leaf_hash(split[k].data, split[k].len, log.leaves[n]);
			assert_memory_equal(log.leaves[n++], hashes.data + k * SHA256_SIZE, SHA256_SIZE);
			assert_int_equal(merkle_bundle_add(&again, split[k].data, split[k].len), 0);
		}
		assert_int_equal(again.len, bundle.len);
		assert_memory_equal(again.data, bundle.data, bundle.len);
	}
	assert_int_equal(n, 300);
	for (unsigned level = 1; merkle_level_size(300, level); level++) {
		struct merkle_tile tile = { level, 0, merkle_tile_width(300, level, 0) };
		uint8_t made[MERKLE_TILE_WIDTH][SHA256_SIZE];
		char path[MERKLE_PATH_SIZE];
		struct slice hashes = vector_file(arena, arena_join(arena, "log-300/", merkle_tile_path(&tile, path)));

		assert_int_equal(merkle_tile_make(&log.tiles, &tile, made), 0);
		assert_int_equal(hashes.len, tile.width * SHA256_SIZE);
		assert_memory_equal(made, hashes.data, hashes.len);
		tile.width++; /* one that is not full yet below */
		assert_int_equal(merkle_tile_make(&log.tiles, &tile, made), -ERANGE);
	}
}

static void the_longest_entry(struct arena *arena, const struct json *row, size_t len)
{
	CLEANUP(buf_clear) struct buf bundle = { 0 };
	uint8_t *entry = arena_alloc(arena, len), hash[SHA256_SIZE], expected[SHA256_SIZE];
	struct slice split;

	for (size_t i = 0; i < len; i++) /* as the row's "entry_generated" says */
		entry[i] = (uint8_t)((i * 7 + 7) % 251);
	assert_int_equal(merkle_bundle_add(&bundle, entry, len), 0);
	assert_int_equal(bundle.len, vector_number(row, "bundle_length"));
	sha256(bundle.data, bundle.len, hash);
	vector_hash(row, "bundle_sha256", expected);
	assert_memory_equal(hash, expected, SHA256_SIZE);
	assert_int_equal(merkle_bundle_read(bundle.data, bundle.len, 1, &split), 0);
	assert_int_equal(split.len, len);
}

static void bundles(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json root = vector_json(arena, "entry-bundles.json"), valid = json_get(&root, "valid"), bad = json_get(&root, "malformed");
	CLEANUP(buf_clear) struct buf none = { 0 };
	struct slice split[MERKLE_TILE_WIDTH];
	size_t max = vector_number(&root, "max_entry_length");

	(void)state;
	assert_true(json_len(&valid) > 0 && json_len(&bad) > 0);
	for (size_t i = 0; i < json_len(&valid); i++) {
		struct json row = json_at(&valid, i), entries = json_get(&row, "entries_hex"), hashes = json_get(&row, "leaf_hashes");
		CLEANUP(buf_clear) struct buf again = { 0 };
		struct slice bundle;

		if (json_has(&row, "entry_generated")) {
			the_longest_entry(arena, &row, max);
			continue;
		}
		bundle = vector_hex(arena, vector_text(&row, "bundle_hex"));
		assert_int_equal(merkle_bundle_read(bundle.data, bundle.len, (unsigned)vector_number(&row, "width"), split), 0);
		for (size_t k = 0; k < json_len(&entries); k++) {
			struct json hex = json_at(&entries, k), hash = json_at(&hashes, k);
			struct slice entry = vector_hex(arena, json_str(&hex)), expected = vector_hex(arena, json_str(&hash));
			uint8_t leaf[SHA256_SIZE];

			assert_int_equal(split[k].len, entry.len);
			assert_memory_equal(split[k].data, entry.data, entry.len);
			merkle_leaf_hash(entry.data, entry.len, leaf);
			assert_memory_equal(leaf, expected.data, SHA256_SIZE);
			assert_int_equal(merkle_bundle_add(&again, entry.data, entry.len), 0);
		}
		assert_int_equal(again.len, bundle.len);
		assert_memory_equal(again.data, bundle.data, bundle.len);
	}
	for (size_t i = 0; i < json_len(&bad); i++) {
		struct json row = json_at(&bad, i);
		struct slice bundle = vector_hex(arena, vector_text(&row, "bundle_hex"));

		if (merkle_bundle_read(bundle.data, bundle.len, (unsigned)vector_number(&row, "width"), split) != -EBADMSG)
			fail_msg("%s: taken", vector_text(&row, "desc"));
	}
	assert_int_equal(merkle_bundle_add(&none, arena_alloc(arena, max + 1), max + 1), -EMSGSIZE);
	assert_int_equal(none.len, 0);
}

/* --- beyond it -------------------------------------------------------------------------------------- */

static void no_such_leaf(void **state)
{
	struct memory_log log = { .tiles = { 0, read_tile, &log } };
	struct merkle_proof proof = { 0 };
	uint8_t empty[SHA256_SIZE], other[SHA256_SIZE] = { 1 };

	(void)state;
	sha256("", 0, empty);
	assert_int_equal(merkle_inclusion(&log.tiles, 0, &proof), -ERANGE);
	assert_int_equal(merkle_consistency(&log.tiles, 1, &proof), -ERANGE);
	assert_int_equal(merkle_inclusion_check(&proof, 0, 0, empty, empty), -EBADMSG);
	assert_int_equal(merkle_consistency(&log.tiles, 0, &proof), 0);
	assert_int_equal(proof.count, 0);
	assert_int_equal(merkle_consistency_check(&proof, 0, 0, empty, empty), 0);
	assert_int_equal(merkle_consistency_check(&proof, 0, 0, empty, other), -EBADMSG);
	assert_int_equal(merkle_consistency_check(&proof, 0, 5, empty, other), 0);
	assert_int_equal(merkle_consistency_check(&proof, 0, 5, other, other), -EBADMSG);
	assert_int_equal(merkle_consistency_check(&proof, 5, 0, other, empty), -EBADMSG);
}

static void what_reading_says_is_handed_on(void **state)
{
	uint8_t leaves[5][SHA256_SIZE] = { { 0 } };
	struct memory_log log = { .tiles = { 5, read_tile, &log }, .leaves = leaves, .failure = -EIO };
	struct merkle_proof proof;
	struct merkle_range range;

	(void)state;
	assert_int_equal(merkle_inclusion(&log.tiles, 3, &proof), -EIO);
	assert_int_equal(merkle_consistency(&log.tiles, 3, &proof), -EIO);
	assert_int_equal(merkle_range_load(&log.tiles, &range), -EIO);
}

static void the_greatest_index(void **state)
{
	struct merkle_tile tile = { MERKLE_ENTRIES, UINT64_MAX, 255 }, parsed;
	char path[MERKLE_PATH_SIZE];

	(void)state;
	assert_string_equal(merkle_tile_path(&tile, path), "tile/entries/x018/x446/x744/x073/x709/x551/615.p/255");
	assert_int_equal(merkle_tile_parse(path, &parsed), 0);
	assert_int_equal(parsed.index, UINT64_MAX);
	assert_int_equal(merkle_tile_parse("tile/0/x018/x446/x744/x073/x709/x551/616", &parsed), -EBADMSG);
	assert_int_equal(merkle_tile_parse("tile/0/x001/x018/x446/x744/x073/x709/x551/615", &parsed), -EBADMSG);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_trees),
		cmocka_unit_test(a_large_tree),
		cmocka_unit_test(published_checks),
		cmocka_unit_test(tile_paths),
		cmocka_unit_test(tile_sizes),
		cmocka_unit_test(tiles_on_a_disk),
		cmocka_unit_test(bundles),
		cmocka_unit_test(no_such_leaf),
		cmocka_unit_test(what_reading_says_is_handed_on),
		cmocka_unit_test(the_greatest_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
