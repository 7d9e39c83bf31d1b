/*
 * tiler - a log's right edge: the last, partial tile of each level and the last, partial entry bundle. Fed entry by entry it gives out
 * every file of the log as it fills up, and the partial ones when asked: C2SP tlog-tiles. Pure. What it holds is bytes of tiles, so its
 * root is a second way to it, beside struct merkle_range. Some 64 KiB whatever the log's size: keep it on the heap.
 */
#ifndef DUNNINGD_COMMON_TILER_H
#define DUNNINGD_COMMON_TILER_H

#include "common/merkle.h"

#define TILER_LEVELS 8 /* 256^8 = 2^64 leaves */

struct tiler { /* { 0 } is the empty log */
	uint64_t size;
	uint8_t hashes[TILER_LEVELS][MERKLE_TILE_WIDTH][SHA256_SIZE];
	struct buf bundle; /* entries of the last one */
};
void tiler_clear(struct tiler *tiler);
void tiler_copy(struct tiler *to, const struct tiler *from); /* `to` was initialised */

/* One file of the log: all its bytes, borrowed. 0 goes on, else it ends the call and is given back. */
typedef int (*tiler_fn)(const struct merkle_tile *tile, const void *bytes, size_t len, void *arg);
/*
 * Appends an entry (at most 65,535 bytes, else -EMSGSIZE); `fn` gets the bundle and the tiles that are full now, lowest level first, NULL:
 * nobody does. When fn ends it, the tiler is of no further use.
 */
int tiler_add(struct tiler *tiler, const void *entry, size_t len, tiler_fn fn, void *arg);
int tiler_edge(const struct tiler *tiler, tiler_fn fn, void *arg); /* all partial files of the log as it is */
void tiler_root(const struct tiler *tiler, uint8_t ret[SHA256_SIZE]); /* out of the tiles' bytes */

/* Appends the bytes of a file of the log, or more: of a partial one the full one that came after it will do. 0 or -errno. */
typedef int (*tiler_read_fn)(const struct merkle_tile *tile, struct buf *ret, void *arg);
/* The edge of a log of that size, from its files. -EBADMSG: a file is too short, or bundle and tile do not agree; else what `read` said. */
int tiler_load(struct tiler *tiler, uint64_t size, tiler_read_fn read, void *arg);

#endif
