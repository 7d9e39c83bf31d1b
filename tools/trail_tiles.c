#include "tools/trail_tiles.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/file.h"

#define FILE_MAX (MERKLE_TILE_WIDTH * (2 + 65535))

static int load(const struct trail_tiles *tiles, const struct merkle_tile *tile, struct buf *ret)
{
	CLEANUP(buf_clear) struct buf path = { 0 };
	char name[MERKLE_PATH_SIZE];

	buf_printf(&path, "%s/log/%04u/%s", tiles->state_dir, (unsigned)tiles->year, merkle_tile_path(tile, name));
	return file_read(buf_str(&path), FILE_MAX, ret, NULL);
}

/* The beginning of a full one. */
static int cut(const struct merkle_tile *tile, const struct buf *whole, struct buf *ret)
{
	struct slice entries[MERKLE_TILE_WIDTH];

	if (tile->level != MERKLE_ENTRIES) {
		if (whole->len != MERKLE_TILE_WIDTH * SHA256_SIZE)
			return -EBADMSG;
		buf_add(ret, whole->data, (size_t)tile->width * SHA256_SIZE);
		return 0;
	}
	if (merkle_bundle_read(whole->data, whole->len, MERKLE_TILE_WIDTH, entries) < 0)
		return -EBADMSG;
	for (size_t i = 0; i < tile->width; i++)
		(void)merkle_bundle_add(ret, entries[i].data, entries[i].len);
	return 0;
}

int trail_tiles_file(const struct trail_tiles *tiles, const struct merkle_tile *tile, struct buf *ret)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 }, whole = { 0 };
	struct slice entries[MERKLE_TILE_WIDTH];
	int r = load(tiles, tile, &bytes);

	if (r == -ENOENT && tile->width < MERKLE_TILE_WIDTH) {
		r = load(tiles, &(struct merkle_tile){ tile->level, tile->index, MERKLE_TILE_WIDTH }, &whole);
		return r < 0 ? r : cut(tile, &whole, ret);
	}
	if (r < 0)
		return r;
	if (tile->level == MERKLE_ENTRIES ? merkle_bundle_read(bytes.data, bytes.len, tile->width, entries) < 0 :
					    bytes.len != (size_t)tile->width * SHA256_SIZE)
		return -EBADMSG;
	buf_add(ret, bytes.data, bytes.len);
	return 0;
}

int trail_tiles_read(const struct merkle_tile *tile, uint8_t (*ret)[SHA256_SIZE], void *arg)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	int r = trail_tiles_file(arg, tile, &bytes);

	if (r == 0)
		memcpy(ret, bytes.data, bytes.len);
	return r;
}
