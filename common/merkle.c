#include "common/merkle.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"

#define TILE_HEIGHT 8

/* RFC 6962 section 2.1: what leaves and nodes begin with, so that neither can be taken for the other. */
static const uint8_t leaf_prefix = 0x00, node_prefix = 0x01;

void merkle_leaf_hash(const void *entry, size_t len, uint8_t ret[SHA256_SIZE])
{
	struct slice parts[] = { { &leaf_prefix, 1 }, { entry, len } };

	sha256_slices(parts, ARRAY_LEN(parts), ret);
}

/* ret may be left or right. */
static void node_hash(const uint8_t left[SHA256_SIZE], const uint8_t right[SHA256_SIZE], uint8_t ret[SHA256_SIZE])
{
	struct slice parts[] = { { &node_prefix, 1 }, { left, SHA256_SIZE }, { right, SHA256_SIZE } };

	sha256_slices(parts, ARRAY_LEN(parts), ret);
}

/* The greatest power of two below n; n > 1. */
static uint64_t split(uint64_t n)
{
	return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

static size_t bits(uint64_t n)
{
	return (size_t)__builtin_popcountll(n);
}

/* --- the root, leaf by leaf ---------------------------------------------------------------------- */

void merkle_append(struct merkle_range *range, const uint8_t leaf_hash[SHA256_SIZE])
{
	size_t top = bits(range->size);
	uint8_t hash[SHA256_SIZE];

	assert(range->size < UINT64_MAX);
	memcpy(hash, leaf_hash, SHA256_SIZE);
	for (uint64_t n = range->size; n & 1; n >>= 1)
		node_hash(range->roots[--top], hash, hash);
	memcpy(range->roots[top], hash, SHA256_SIZE);
	range->size++;
}

void merkle_root(const struct merkle_range *range, uint8_t ret[SHA256_SIZE])
{
	size_t top = bits(range->size);

	if (!top) {
		sha256("", 0, ret);
		return;
	}
	memcpy(ret, range->roots[--top], SHA256_SIZE);
	while (top)
		node_hash(range->roots[--top], ret, ret);
}

/* --- tiles --------------------------------------------------------------------------------------- */

uint64_t merkle_level_size(uint64_t size, unsigned level)
{
	if (level == MERKLE_ENTRIES)
		return size;
	return level < 64 / TILE_HEIGHT ? size >> (TILE_HEIGHT * level) : 0;
}

unsigned merkle_tile_width(uint64_t size, unsigned level, uint64_t index)
{
	uint64_t hashes = merkle_level_size(size, level), full = hashes / MERKLE_TILE_WIDTH;

	return index < full ? MERKLE_TILE_WIDTH : index == full ? (unsigned)(hashes % MERKLE_TILE_WIDTH) : 0;
}

char *merkle_tile_path(const struct merkle_tile *tile, char ret[MERKLE_PATH_SIZE])
{
	uint64_t unit = 1;
	size_t at;

	assert(tile->level <= MERKLE_ENTRIES && tile->width >= 1 && tile->width <= MERKLE_TILE_WIDTH);
	at = (size_t)(tile->level == MERKLE_ENTRIES ? snprintf(ret, MERKLE_PATH_SIZE, "tile/entries/") :
						      snprintf(ret, MERKLE_PATH_SIZE, "tile/%u/", tile->level));
	while (tile->index / unit >= 1000)
		unit *= 1000;
	for (; unit > 1; unit /= 1000)
		at += (size_t)snprintf(ret + at, MERKLE_PATH_SIZE - at, "x%03u/", (unsigned)(tile->index / unit % 1000));
	at += (size_t)snprintf(ret + at, MERKLE_PATH_SIZE - at, "%03u", (unsigned)(tile->index % 1000));
	if (tile->width < MERKLE_TILE_WIDTH)
		(void)snprintf(ret + at, MERKLE_PATH_SIZE - at, ".p/%u", tile->width);
	return ret;
}

/* Digits at *at, at most `max` of them; 0 with *at unmoved when there are none. */
static unsigned take_number(const char **at, size_t max)
{
	unsigned n = 0;

	for (; max && **at >= '0' && **at <= '9'; max--, (*at)++)
		n = 10 * n + (unsigned)(**at - '0');
	return n;
}

static bool take_text(const char **at, const char *text)
{
	size_t len = strlen(text);
	bool there = strncmp(*at, text, len) == 0;

	if (there)
		*at += len;
	return there;
}

/* Reads generously, and then takes only what would be written the same: so every other spelling is refused by one rule. */
int merkle_tile_parse(const char *path, struct merkle_tile *ret)
{
	struct merkle_tile tile = { .level = MERKLE_ENTRIES, .width = MERKLE_TILE_WIDTH };
	char again[MERKLE_PATH_SIZE];
	const char *at = path;
	bool more = true;

	if (!take_text(&at, "tile/"))
		return -EBADMSG;
	if (!take_text(&at, "entries/")) {
		tile.level = take_number(&at, 2);
		if (tile.level > MERKLE_LEVEL_MAX || !take_text(&at, "/"))
			return -EBADMSG;
	}
	while (more) {
		bool group = take_text(&at, "x");
		unsigned n = take_number(&at, 3);

		if (__builtin_mul_overflow(tile.index, 1000, &tile.index) || __builtin_add_overflow(tile.index, n, &tile.index))
			return -EBADMSG;
		more = group && take_text(&at, "/");
	}
	if (take_text(&at, ".p/")) {
		tile.width = take_number(&at, 3);
		if (tile.width < 1 || tile.width >= MERKLE_TILE_WIDTH)
			return -EBADMSG;
	}
	if (strcmp(merkle_tile_path(&tile, again), path) != 0)
		return -EBADMSG;
	*ret = tile;
	return 0;
}

/* The root of `count` hashes, a power of two; they are overwritten. */
static void fold(uint8_t (*hashes)[SHA256_SIZE], size_t count, uint8_t ret[SHA256_SIZE])
{
	for (; count > 1; count /= 2)
		for (size_t i = 0; i < count / 2; i++)
			node_hash(hashes[2 * i], hashes[2 * i + 1], hashes[i]);
	memcpy(ret, hashes[0], SHA256_SIZE);
}

int merkle_tile_make(const struct merkle_tiles *tiles, const struct merkle_tile *tile, uint8_t (*ret)[SHA256_SIZE])
{
	uint8_t below[MERKLE_TILE_WIDTH][SHA256_SIZE];

	if (tile->level < 1 || tile->level > MERKLE_LEVEL_MAX || tile->width < 1 ||
		tile->width > merkle_tile_width(tiles->size, tile->level, tile->index))
		return -ERANGE;
	for (unsigned i = 0; i < tile->width; i++) {
		struct merkle_tile child = { tile->level - 1, tile->index * MERKLE_TILE_WIDTH + i, MERKLE_TILE_WIDTH };
		int r = tiles->read(&child, below, tiles->arg);

		if (r < 0)
			return r;
		fold(below, MERKLE_TILE_WIDTH, ret[i]);
	}
	return 0;
}

/* The root of the 2^height leaves from `index` * 2^height on, which the log must have. */
static int subtree(const struct merkle_tiles *tiles, unsigned height, uint64_t index, uint8_t ret[SHA256_SIZE])
{
	uint8_t hashes[MERKLE_TILE_WIDTH][SHA256_SIZE];
	unsigned within = height % TILE_HEIGHT; /* levels of nodes above the tile's hashes */
	uint64_t first = index << within; /* of its hashes, in the tile's level */
	struct merkle_tile tile = { height / TILE_HEIGHT, first / MERKLE_TILE_WIDTH, 0 };
	int r;

	tile.width = merkle_tile_width(tiles->size, tile.level, tile.index);
	assert(first % MERKLE_TILE_WIDTH + (UINT64_C(1) << within) <= tile.width);
	r = tiles->read(&tile, hashes, tiles->arg);
	if (r < 0)
		return r;
	fold(hashes + first % MERKLE_TILE_WIDTH, (size_t)1 << within, ret);
	return 0;
}

/* The roots of the complete subtrees of the leaves from `first` on, which stand at a multiple of the greatest one. */
static int load(const struct merkle_tiles *tiles, uint64_t first, uint64_t size, struct merkle_range *ret)
{
	uint64_t at = first;

	ret->size = size;
	for (uint64_t left = size, i = 0; left; i++) {
		unsigned height = 63 - (unsigned)__builtin_clzll(left);
		int r = subtree(tiles, height, at >> height, ret->roots[i]);

		if (r < 0)
			return r;
		at += UINT64_C(1) << height;
		left -= UINT64_C(1) << height;
	}
	return 0;
}

int merkle_range_load(const struct merkle_tiles *tiles, struct merkle_range *ret)
{
	return load(tiles, 0, tiles->size, ret);
}

int merkle_bundle_add(struct buf *bundle, const void *entry, size_t len)
{
	if (len > UINT16_MAX)
		return -EMSGSIZE;
	buf_add_u16be(bundle, (uint16_t)len);
	buf_add(bundle, entry, len);
	return 0;
}

int merkle_bundle_read(const void *bundle, size_t len, unsigned width, struct slice *ret)
{
	struct reader r = reader_init(bundle, len);

	for (unsigned i = 0; i < width; i++)
		ret[i] = reader_take(&r, reader_u16be(&r));
	return r.bad || reader_left(&r) ? -EBADMSG : 0;
}

/* --- proofs -------------------------------------------------------------------------------------- */

/* Adds the root of the leaves [low, high). */
static int add_root(const struct merkle_tiles *tiles, uint64_t low, uint64_t high, struct merkle_proof *ret)
{
	struct merkle_range range;
	int r = load(tiles, low, high - low, &range);

	if (r < 0)
		return r;
	assert(ret->count < MERKLE_PROOF_MAX);
	merkle_root(&range, ret->hashes[ret->count++]);
	return 0;
}

/* PATH(index, [low, high)) of RFC 6962 section 2.1.1. */
static int path(const struct merkle_tiles *tiles, uint64_t index, uint64_t low, uint64_t high, struct merkle_proof *ret)
{
	uint64_t middle;
	int r;

	if (high - low == 1)
		return 0;
	middle = low + split(high - low);
	if (index < middle) {
		r = path(tiles, index, low, middle, ret);
		return r < 0 ? r : add_root(tiles, middle, high, ret);
	}
	r = path(tiles, index, middle, high, ret);
	return r < 0 ? r : add_root(tiles, low, middle, ret);
}

int merkle_inclusion(const struct merkle_tiles *tiles, uint64_t index, struct merkle_proof *ret)
{
	ret->count = 0;
	return index < tiles->size ? path(tiles, index, 0, tiles->size, ret) : -ERANGE;
}

/* SUBPROOF of RFC 6962 section 2.1.2: the old log ends at `old` within [low, high). `whole`: that is its own root, which is known. */
static int subproof(const struct merkle_tiles *tiles, uint64_t old, uint64_t low, uint64_t high, bool whole, struct merkle_proof *ret)
{
	uint64_t middle;
	int r;

	if (old == high)
		return whole ? 0 : add_root(tiles, low, high, ret);
	middle = low + split(high - low);
	if (old <= middle) {
		r = subproof(tiles, old, low, middle, whole, ret);
		return r < 0 ? r : add_root(tiles, middle, high, ret);
	}
	r = subproof(tiles, old, middle, high, false, ret);
	return r < 0 ? r : add_root(tiles, low, middle, ret);
}

int merkle_consistency(const struct merkle_tiles *tiles, uint64_t old, struct merkle_proof *ret)
{
	ret->count = 0;
	if (old > tiles->size)
		return -ERANGE;
	return old ? subproof(tiles, old, 0, tiles->size, true, ret) : 0;
}

/* One step up both checks' way: whether the hash that comes next stands on the left. */
static bool from_left(uint64_t *node, uint64_t *last)
{
	bool left = *node & 1 || *node == *last;

	while (left && !(*node & 1) && *node) { /* a node without a sibling is its own parent */
		*node >>= 1;
		*last >>= 1;
	}
	*node >>= 1;
	*last >>= 1;
	return left;
}

int merkle_inclusion_check(const struct merkle_proof *proof, uint64_t index, uint64_t size, const uint8_t leaf_hash[SHA256_SIZE],
	const uint8_t root[SHA256_SIZE])
{
	uint64_t node = index, last = size - 1;
	uint8_t hash[SHA256_SIZE];

	if (index >= size)
		return -EBADMSG;
	memcpy(hash, leaf_hash, SHA256_SIZE);
	for (size_t i = 0; i < proof->count; i++) {
		if (!last)
			return -EBADMSG;
		if (from_left(&node, &last))
			node_hash(proof->hashes[i], hash, hash);
		else
			node_hash(hash, proof->hashes[i], hash);
	}
	return !last && memcmp(hash, root, SHA256_SIZE) == 0 ? 0 : -EBADMSG;
}

int merkle_consistency_check(const struct merkle_proof *proof, uint64_t old, uint64_t size, const uint8_t old_root[SHA256_SIZE],
	const uint8_t root[SHA256_SIZE])
{
	uint64_t node = old - 1, last = size - 1;
	uint8_t before[SHA256_SIZE], now[SHA256_SIZE];
	size_t next = 0;

	if (!old) {
		sha256("", 0, before);
		if (memcmp(old_root, before, SHA256_SIZE) != 0)
			return -EBADMSG;
	}
	if (old == size)
		return !proof->count && memcmp(old_root, root, SHA256_SIZE) == 0 ? 0 : -EBADMSG;
	if (!old)
		return proof->count ? -EBADMSG : 0;
	if (old > size || !proof->count)
		return -EBADMSG;
	for (; node & 1; node >>= 1)
		last >>= 1;
	memcpy(before, node ? proof->hashes[next++] : old_root, SHA256_SIZE); /* of a power of two the proof leaves it out */
	memcpy(now, before, SHA256_SIZE);
	for (; next < proof->count; next++) {
		if (!last)
			return -EBADMSG;
		if (from_left(&node, &last)) {
			node_hash(proof->hashes[next], before, before);
			node_hash(proof->hashes[next], now, now);
		} else {
			node_hash(now, proof->hashes[next], now);
		}
	}
	return !last && memcmp(before, old_root, SHA256_SIZE) == 0 && memcmp(now, root, SHA256_SIZE) == 0 ? 0 : -EBADMSG;
}
