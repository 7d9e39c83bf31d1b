/* A signed log larger than what is handed to the second thread at once, held against its leaves: every damage is told, in its place. */
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
#include "common/tiler.h"
#include "tests/support/process.h"
#include "tests/support/tree.h"
#include "tools/trail_signed.h"

#define LEAVES 20001 /* 78 full tiles and a partial one */
#define YEAR 2026
#define ORIGIN "trail.example.com/acme/2026"

static char dir[100];
static struct tiler tiler;
static char found[500]; /* "code file" of each finding */

static void make_leaf(uint64_t index, char ret[LEAF_SIZE])
{
	uint8_t hash[SHA256_SIZE];

	sha256(&index, sizeof(index), hash);
	record_leaf(hash, hash, ret);
}

static void put(const char *name, const void *data, size_t len)
{
	char path[400];

	(void)snprintf(path, sizeof(path), "%s/log/2026/%s", dir, name);
	*strrchr(path, '/') = '\0';
	assert_int_equal(file_make_dirs(path, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/log/2026/%s", dir, name);
	assert_int_equal(file_replace(path, data, len, 0600), 0);
}

static int put_tile(const struct merkle_tile *tile, const void *bytes, size_t len, void *arg)
{
	char path[MERKLE_PATH_SIZE];

	(void)arg;
	put(merkle_tile_path(tile, path), bytes, len);
	return 0;
}

static void put_checkpoint(void)
{
	static const uint8_t seed[ED25519_SEED_SIZE] = { 1 };
	struct checkpoint checkpoint = { .origin = { (const uint8_t *)ORIGIN, strlen(ORIGIN) }, .size = LEAVES };
	CLEANUP(buf_clear) struct buf text = { 0 };
	CLEANUP(buf_clear) struct buf note = { 0 };
	uint8_t public_key[ED25519_KEY_SIZE];
	struct note_key key;

	tiler_root(&tiler, checkpoint.root);
	ed25519_public_key(seed, public_key);
	assert_int_equal(note_key_make(ORIGIN, NOTE_ED25519, public_key, &key), 0);
	assert_int_equal(checkpoint_add(&text, &checkpoint), 0);
	assert_int_equal(note_begin(&note, text.data, text.len), 0);
	assert_int_equal(note_sign(&note, text.data, text.len, &key, seed), 0);
	put("checkpoint", note.data, note.len);
	put("../../head/2026", note.data, note.len);
}

static int begin(void **state)
{
	char leaf[LEAF_SIZE];

	(void)state;
	(void)snprintf(dir, sizeof(dir), "%s/dunningd-signed-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(dir));
	for (uint64_t i = 0; i < LEAVES; i++) {
		make_leaf(i, leaf);
		assert_int_equal(tiler_add(&tiler, leaf, LEAF_SIZE, put_tile, NULL), 0);
	}
	assert_int_equal(tiler_edge(&tiler, put_tile, NULL), 0);
	put_checkpoint();
	return 0;
}

static int end(void **state)
{
	(void)state;
	tiler_clear(&tiler);
	tree_remove(dir);
	return 0;
}

static void on_finding(const struct trail_finding *finding, void *arg)
{
	size_t len = strlen(found);

	(void)arg;
	(void)snprintf(found + len, sizeof(found) - len, "%s %s\n", finding->code, finding->file);
}

/* Holds all leaves against the log; leaf `wrong` is given as another one, and leaf `missing` not at all. What was found stands in `found`. */
static void hold(uint64_t wrong, uint64_t missing, uint64_t *files)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct trail_signed *trail = trail_signed_open(dir, NULL, true, on_finding, NULL, arena);
	char leaf[LEAF_SIZE];
	size_t findings = 0;
	uint8_t root[SHA256_SIZE], expected[SHA256_SIZE];
	bool rooted;

	found[0] = '\0';
	for (uint64_t i = 0; i < LEAVES; i++) {
		make_leaf(i == wrong ? UINT64_MAX : i, leaf);
		if (i != missing)
			trail_signed_leaf(trail, YEAR, i, leaf);
	}
	trail_signed_end(trail);
	for (const char *p = found; (p = strchr(p, '\n')); p++)
		findings++;
	assert_int_equal(trail_signed_findings(trail), findings);
	rooted = trail_signed_root(trail, YEAR, root);
	assert_int_equal(rooted, missing == UINT64_MAX);
	tiler_root(&tiler, expected);
	if (rooted)
		assert_int_equal(memcmp(root, expected, SHA256_SIZE) == 0, wrong == UINT64_MAX);
	*files = trail_signed_log(trail, YEAR)->files;
}

static void a_whole_one(void **state)
{
	uint64_t files;

	(void)state;
	hold(UINT64_MAX, UINT64_MAX, &files);
	assert_string_equal(found, "");
	assert_int_equal(files, 79 + 79 + 1); /* tiles of level 0, bundles, the tile of level 1 */
}

static void flip(const char *name)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	char path[400];

	(void)snprintf(path, sizeof(path), "%s/log/2026/%s", dir, name);
	assert_int_equal(file_read(path, 100000, &bytes, NULL), 0);
	bytes.data[bytes.len / 2] ^= 1;
	assert_int_equal(file_replace(path, bytes.data, bytes.len, 0600), 0);
}

/* In the first leaves handed over, in those in between, and in the last. */
static void every_damaged_file(void **state)
{
	static const char *const names[] = { "tile/entries/000", "tile/0/020", "tile/entries/040", "tile/0/077", "tile/entries/078.p/33" };
	uint64_t files;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		flip(names[i]);
	hold(UINT64_MAX, UINT64_MAX, &files);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		flip(names[i]);
	assert_string_equal(found, "tile_differs log/2026/tile/entries/000\ntile_differs log/2026/tile/0/020\n"
				   "tile_differs log/2026/tile/entries/040\ntile_differs log/2026/tile/0/077\n"
				   "tile_differs log/2026/tile/entries/078.p/33\n");
	hold(UINT64_MAX, UINT64_MAX, &files);
	assert_string_equal(found, "");
}

static void another_leaf(void **state)
{
	uint64_t files;

	(void)state;
	hold(10000, UINT64_MAX, &files);
	assert_string_equal(found, "tile_differs log/2026/tile/entries/039\ntile_differs log/2026/tile/0/039\n"
				   "signed_root log/2026/checkpoint\ntile_differs log/2026/tile/1/000.p/78\n");
}

/* Which the journal's own walk tells: no root is made up over the gap. */
static void a_leaf_left_out(void **state)
{
	uint64_t files;

	(void)state;
	hold(UINT64_MAX, 8192, &files);
	assert_string_equal(found, "");
	assert_int_equal(files, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_whole_one), cmocka_unit_test(every_damaged_file), cmocka_unit_test(another_leaf),
		cmocka_unit_test(a_leaf_left_out) };

	return cmocka_run_group_tests(tests, begin, end);
}
