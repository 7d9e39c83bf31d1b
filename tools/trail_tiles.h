/*
 * trail_tiles - the files of a signed log as they lie on the disk, read as they were for one size: a daemon may have signed more since, and
 * where it did full files have come in the place of partial ones. Format: common/FORMATS.md section 9.
 */
#ifndef DUNNINGD_TOOLS_TRAIL_TILES_H
#define DUNNINGD_TOOLS_TRAIL_TILES_H

#include "common/buf.h"
#include "common/merkle.h"

struct trail_tiles { /* borrowed */
	const char *state_dir;
	uint16_t year;
};
/* Appends the tile, or bundle of entries, of that very width. -EBADMSG: it has not that many; -errno. */
int trail_tiles_file(const struct trail_tiles *tiles, const struct merkle_tile *tile, struct buf *ret);
int trail_tiles_read(const struct merkle_tile *tile, uint8_t (*ret)[SHA256_SIZE], void *tiles); /* of struct merkle_tiles */

#endif
