/*
 * merkle - the tree of a transparency log over leaf hashes: its root, the tiles that it is published in, proofs and their checks. Pure.
 * Sizes and indexes count leaves. All hashes are SHA-256, 32 bytes. Sources: RFC 6962 section 2.1 (tree and proofs), RFC 9162 sections
 * 2.1.3.2 and 2.1.4.2 (checks), C2SP tlog-tiles (c2sp.org/tlog-tiles).
 */
#ifndef DUNNINGD_COMMON_MERKLE_H
#define DUNNINGD_COMMON_MERKLE_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/hash.h"

/* SHA-256(0x00 || entry): RFC 6962 section 2.1. */
void merkle_leaf_hash(const void *entry, size_t len, uint8_t ret[SHA256_SIZE]);

/* --- the root, leaf by leaf --------------------------------------------------------------------- */

/*
 * All that must be remembered of a tree to let it grow: the roots of its complete subtrees, one for each bit that is set in `size`, the
 * largest first. { 0 } is the empty tree. Nothing to free.
 */
struct merkle_range {
	uint64_t size;
	uint8_t roots[64][SHA256_SIZE];
};
void merkle_append(struct merkle_range *range, const uint8_t leaf_hash[SHA256_SIZE]); /* size < 2^64 - 1 */
void merkle_root(const struct merkle_range *range, uint8_t ret[SHA256_SIZE]); /* of the empty tree: SHA-256("") */

/* --- tiles -------------------------------------------------------------------------------------- */

#define MERKLE_TILE_WIDTH 256 /* hashes in a full tile: of height 8 */
#define MERKLE_LEVEL_MAX 63
#define MERKLE_ENTRIES 64 /* as level: not hashes but the entries themselves, bundled and numbered as the tiles of level 0 */
#define MERKLE_PATH_SIZE 64 /* bytes of a path, NUL included */

/*
 * Hash i of a tile of level L is the root of the 256^L leaves from (index * 256 + i) * 256^L on: tlog-tiles, "Merkle Tree". All of them
 * must be there: above level 0 only full tiles count.
 */
struct merkle_tile {
	unsigned level; /* 0 to 63, or MERKLE_ENTRIES */
	uint64_t index;
	unsigned width; /* hashes in it: 1 to 256 */
};
/* Hashes that level has in all in a log of that size; its last tile is partial unless they fill it. */
uint64_t merkle_level_size(uint64_t size, unsigned level);
/* Width of that tile in a log of that size: 256 = full, 0 = there is none. */
unsigned merkle_tile_width(uint64_t size, unsigned level, uint64_t index);
/* "tile/0/x001/x234/067", "tile/entries/000.p/17": tlog-tiles, "Merkle Tree" and "Partial Tiles". Returns ret. */
char *merkle_tile_path(const struct merkle_tile *tile, char ret[MERKLE_PATH_SIZE]);
/* The one text that merkle_tile_path() gives; anything else is -EBADMSG, and *ret is untouched. */
int merkle_tile_parse(const char *path, struct merkle_tile *ret);

/*
 * Where a log of `size` leaves is read from. `read` fills `ret` with the tile's `width` hashes, 0 or -errno; it is asked for tiles of that
 * size alone (never for entries), and what it gives is believed: prove against a root that is trusted.
 */
struct merkle_tiles {
	uint64_t size;
	int (*read)(const struct merkle_tile *tile, uint8_t (*ret)[SHA256_SIZE], void *arg);
	void *arg;
};
/* The contents of a tile above level 0, from the full tiles below it. -ERANGE: not a tile of this log; else what `read` said. */
int merkle_tile_make(const struct merkle_tiles *tiles, const struct merkle_tile *tile, uint8_t (*ret)[SHA256_SIZE]);
/* The whole range out of the tiles: the second way to a root, and the way to go on after a restart. 0, or what `read` said. */
int merkle_range_load(const struct merkle_tiles *tiles, struct merkle_range *ret);

/* Appends an entry to a bundle: u16 length, bytes (tlog-tiles, "Log entries"). -EMSGSIZE above 65,535 bytes. */
int merkle_bundle_add(struct buf *bundle, const void *entry, size_t len);
/* Splits a bundle that must hold exactly `width` entries; they are borrowed from it. -EBADMSG. */
int merkle_bundle_read(const void *bundle, size_t len, unsigned width, struct slice *ret);

/* --- proofs ------------------------------------------------------------------------------------- */

#define MERKLE_PROOF_MAX 65

struct merkle_proof {
	size_t count;
	uint8_t hashes[MERKLE_PROOF_MAX][SHA256_SIZE]; /* from the leaves up */
};
/* That leaf `index` is in the log of tiles->size: RFC 6962 section 2.1.1. -ERANGE: it is not; else what `read` said. */
int merkle_inclusion(const struct merkle_tiles *tiles, uint64_t index, struct merkle_proof *ret);
/* That the log of tiles->size has grown out of that of `old` leaves: RFC 6962 section 2.1.2. From 0, and between equals, it is empty
 * (C2SP tlog-witness). -ERANGE: old > tiles->size; else what `read` said. */
int merkle_consistency(const struct merkle_tiles *tiles, uint64_t old, struct merkle_proof *ret);

/* 0, or -EBADMSG: it proves nothing. RFC 9162 sections 2.1.3.2 and 2.1.4.2; old = 0 must bring the empty tree's root and no hash. */
int merkle_inclusion_check(const struct merkle_proof *proof, uint64_t index, uint64_t size, const uint8_t leaf_hash[SHA256_SIZE],
	const uint8_t root[SHA256_SIZE]);
int merkle_consistency_check(const struct merkle_proof *proof, uint64_t old, uint64_t size, const uint8_t old_root[SHA256_SIZE],
	const uint8_t root[SHA256_SIZE]);

#endif
