#include "common/tiler.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/cleanup.h"

void tiler_clear(struct tiler *tiler)
{
	buf_clear(&tiler->bundle);
	tiler->size = 0;
}

void tiler_copy(struct tiler *to, const struct tiler *from)
{
	to->size = from->size;
	memcpy(to->hashes, from->hashes, sizeof(to->hashes));
	buf_reset(&to->bundle);
	buf_add(&to->bundle, from->bundle.data, from->bundle.len);
}

/* The last tile of each level is read from the edge; merkle_range_load() asks for no other. */
static int read_edge(const struct merkle_tile *tile, uint8_t (*ret)[SHA256_SIZE], void *arg)
{
	const struct tiler *tiler = arg;

	assert(tile->level < TILER_LEVELS && tile->width < MERKLE_TILE_WIDTH &&
		tile->index == merkle_level_size(tiler->size, tile->level) / MERKLE_TILE_WIDTH);
	memcpy(ret, tiler->hashes[tile->level], tile->width * sizeof(*ret));
	return 0;
}

static void edge_range(const struct tiler *tiler, struct merkle_range *ret)
{
	struct merkle_tiles tiles = { tiler->size, read_edge, (void *)(uintptr_t)tiler };
	int r = merkle_range_load(&tiles, ret);

	assert(r == 0);
	(void)r;
}

void tiler_root(const struct tiler *tiler, uint8_t ret[SHA256_SIZE])
{
	struct merkle_range range;

	edge_range(tiler, &range);
	merkle_root(&range, ret);
}

/* The root of a full tile: that of a tree of 256 leaves with these hashes. */
static void tile_root(const uint8_t (*hashes)[SHA256_SIZE], uint8_t ret[SHA256_SIZE])
{
	struct merkle_range range = { 0 };

	for (size_t i = 0; i < MERKLE_TILE_WIDTH; i++)
		merkle_append(&range, hashes[i]);
	merkle_root(&range, ret);
}

int tiler_add(struct tiler *tiler, const void *entry, size_t len, tiler_fn fn, void *arg)
{
	uint64_t index = tiler->size;
	uint8_t hash[SHA256_SIZE];
	int r = merkle_bundle_add(&tiler->bundle, entry, len);

	if (r < 0)
		return r;
	tiler->size++;
	if (index % MERKLE_TILE_WIDTH == MERKLE_TILE_WIDTH - 1) {
		struct merkle_tile bundle = { MERKLE_ENTRIES, index / MERKLE_TILE_WIDTH, MERKLE_TILE_WIDTH };

		r = fn ? fn(&bundle, tiler->bundle.data, tiler->bundle.len, arg) : 0;
		buf_reset(&tiler->bundle);
	}
	merkle_leaf_hash(entry, len, hash);
	for (unsigned level = 0; r == 0 && level < TILER_LEVELS; level++, index /= MERKLE_TILE_WIDTH) {
		struct merkle_tile tile = { level, index / MERKLE_TILE_WIDTH, MERKLE_TILE_WIDTH };

		memcpy(tiler->hashes[level][index % MERKLE_TILE_WIDTH], hash, SHA256_SIZE);
		if (index % MERKLE_TILE_WIDTH != MERKLE_TILE_WIDTH - 1)
			return 0;
		r = fn ? fn(&tile, tiler->hashes[level], sizeof(tiler->hashes[level]), arg) : 0;
		tile_root((const uint8_t(*)[SHA256_SIZE])tiler->hashes[level], hash);
	}
	return r;
}

int tiler_edge(const struct tiler *tiler, tiler_fn fn, void *arg)
{
	unsigned width = (unsigned)(tiler->size % MERKLE_TILE_WIDTH);
	int r = 0;

	if (width) {
		struct merkle_tile bundle = { MERKLE_ENTRIES, tiler->size / MERKLE_TILE_WIDTH, width };

		r = fn(&bundle, tiler->bundle.data, tiler->bundle.len, arg);
	}
	for (unsigned level = 0; r == 0 && level < TILER_LEVELS; level++) {
		uint64_t index = merkle_level_size(tiler->size, level) / MERKLE_TILE_WIDTH;
		struct merkle_tile tile = { level, index, merkle_tile_width(tiler->size, level, index) };

		if (tile.width)
			r = fn(&tile, tiler->hashes[level], tile.width * SHA256_SIZE, arg);
	}
	return r;
}

/* --- from files ----------------------------------------------------------------------------------- */

/* The first `width` entries of a bundle, each as its leaf's hash says. */
static int load_bundle(struct tiler *tiler, unsigned width, const struct buf *bytes)
{
	struct reader r = reader_init(bytes->data, bytes->len);

	for (unsigned i = 0; i < width; i++) {
		struct slice entry = reader_take(&r, reader_u16be(&r));
		uint8_t hash[SHA256_SIZE];

		if (r.bad)
			return -EBADMSG;
		merkle_leaf_hash(entry.data, entry.len, hash);
		if (memcmp(hash, tiler->hashes[0][i], SHA256_SIZE) != 0)
			return -EBADMSG;
		(void)merkle_bundle_add(&tiler->bundle, entry.data, entry.len);
	}
	return 0;
}

int tiler_load(struct tiler *tiler, uint64_t size, tiler_read_fn read, void *arg)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	unsigned entries = (unsigned)(size % MERKLE_TILE_WIDTH);
	struct merkle_tile bundle = { MERKLE_ENTRIES, size / MERKLE_TILE_WIDTH, entries };
	int r;

	buf_reset(&tiler->bundle);
	tiler->size = size;
	for (unsigned level = 0; level < TILER_LEVELS; level++) {
		uint64_t index = merkle_level_size(size, level) / MERKLE_TILE_WIDTH;
		struct merkle_tile tile = { level, index, merkle_tile_width(size, level, index) };

		if (!tile.width)
			continue;
		buf_reset(&bytes);
		r = read(&tile, &bytes, arg);
		if (r < 0)
			return r;
		if (bytes.len < tile.width * SHA256_SIZE)
			return -EBADMSG;
		memcpy(tiler->hashes[level], bytes.data, tile.width * SHA256_SIZE);
	}
	buf_reset(&bytes);
	r = entries ? read(&bundle, &bytes, arg) : 0;
	return r < 0 ? r : load_bundle(tiler, entries, &bytes);
}
