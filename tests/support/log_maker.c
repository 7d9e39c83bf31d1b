#include "tests/support/log_maker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/merkle.h"

static const uint8_t seed[ED25519_SEED_SIZE] = { 7, 7, 7 };

struct maker {
	const char *dir;
	unsigned salt;
};

static void must(bool ok, const char *what)
{
	if (!ok) {
		perror(what);
		abort();
	}
}

static size_t leaf(const struct maker *maker, uint64_t i, char ret[128])
{
	return (size_t)snprintf(ret, 128, "leaf %-10llu %u%90s", (unsigned long long)i, maker->salt, "");
}

static int read_tile(const struct merkle_tile *tile, uint8_t (*ret)[SHA256_SIZE], void *arg)
{
	CLEANUP(buf_clear) struct buf path = { 0 }, bytes = { 0 };
	const struct maker *maker = arg;
	char name[MERKLE_PATH_SIZE];

	buf_printf(&path, "%s/log/2026/%s", maker->dir, merkle_tile_path(tile, name));
	must(file_read(buf_str(&path), 1 << 20, &bytes, NULL) == 0 && bytes.len >= (size_t)tile->width * SHA256_SIZE, name);
	memcpy(ret, bytes.data, (size_t)tile->width * SHA256_SIZE);
	return 0;
}

static void write_file(const struct maker *maker, const char *name, const void *data, size_t len)
{
	CLEANUP(buf_clear) struct buf path = { 0 };
	char *slash;

	buf_printf(&path, "%s/log/2026/%s", maker->dir, name);
	slash = strrchr(path.data, '/');
	*slash = '\0';
	must(file_make_dirs(path.data, 0700) == 0, path.data);
	*slash = '/';
	must(file_replace(path.data, data, len, 0600) == 0, path.data);
}

static void write_entries(const struct maker *maker, uint64_t index, unsigned width)
{
	struct merkle_tile tile = { MERKLE_ENTRIES, index, width };
	CLEANUP(buf_clear) struct buf bundle = { 0 };
	uint8_t hashes[MERKLE_TILE_WIDTH][SHA256_SIZE];
	char name[MERKLE_PATH_SIZE], text[128];

	for (unsigned i = 0; i < width; i++) {
		size_t len = leaf(maker, index * MERKLE_TILE_WIDTH + i, text);

		must(merkle_bundle_add(&bundle, text, len) == 0, "bundle");
		merkle_leaf_hash(text, len, hashes[i]);
	}
	write_file(maker, merkle_tile_path(&tile, name), bundle.data, bundle.len);
	tile.level = 0;
	write_file(maker, merkle_tile_path(&tile, name), hashes, (size_t)width * SHA256_SIZE);
}

static void write_above(const struct maker *maker, const struct merkle_tiles *tiles, const struct merkle_tile *tile)
{
	uint8_t hashes[MERKLE_TILE_WIDTH][SHA256_SIZE];
	char name[MERKLE_PATH_SIZE];

	must(merkle_tile_make(tiles, tile, hashes) == 0, "tile");
	write_file(maker, merkle_tile_path(tile, name), hashes, (size_t)tile->width * SHA256_SIZE);
}

void log_maker_key(struct note_key *ret)
{
	uint8_t public_key[ED25519_KEY_SIZE];

	ed25519_public_key(seed, public_key);
	must(note_key_make(LOG_MAKER_ORIGIN, NOTE_ED25519, public_key, ret) == 0, "key");
}

void log_maker_write(const char *dir, uint64_t size, unsigned salt)
{
	struct maker maker = { dir, salt };
	struct merkle_tiles tiles = { size, read_tile, &maker };
	CLEANUP(buf_clear) struct buf text = { 0 }, note = { 0 };
	struct checkpoint head = { .origin = { (const uint8_t *)LOG_MAKER_ORIGIN, strlen(LOG_MAKER_ORIGIN) }, .size = size };
	struct merkle_range range = { 0 };
	struct note_key key;

	for (uint64_t i = 0; i * MERKLE_TILE_WIDTH < size; i++)
		write_entries(&maker, i, merkle_tile_width(size, 0, i));
	for (unsigned level = 1; merkle_level_size(size, level); level++)
		for (uint64_t i = 0; merkle_tile_width(size, level, i); i++) {
			struct merkle_tile tile = { level, i, merkle_tile_width(size, level, i) };

			write_above(&maker, &tiles, &tile);
		}
	must(merkle_range_load(&tiles, &range) == 0, "range");
	merkle_root(&range, head.root);
	log_maker_key(&key);
	must(checkpoint_add(&text, &head) == 0 && note_begin(&note, text.data, text.len) == 0 && note_sign(&note, text.data, text.len, &key, seed) == 0,
		"checkpoint");
	write_file(&maker, "checkpoint", note.data, note.len);
}
