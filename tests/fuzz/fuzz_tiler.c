/* Files of a log that anybody may have written: an edge loaded from them is refused, or grows on without harm. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/tiler.h"

/* Each file: u16 length, bytes. */
static int read_file(const struct merkle_tile *tile, struct buf *ret, void *arg)
{
	struct reader *r = arg;
	struct slice bytes = reader_take(r, reader_u16be(r));

	(void)tile;
	if (r->bad)
		return -1;
	buf_add(ret, bytes.data, bytes.len);
	return 0;
}

static int count_file(const struct merkle_tile *tile, const void *bytes, size_t len, void *arg)
{
	size_t *sum = arg;

	for (size_t i = 0; i < len; i++)
		*sum += ((const uint8_t *)bytes)[i];
	*sum += tile->width;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(freep) struct tiler *tiler = xcalloc(1, sizeof(*tiler));
	struct reader r = reader_init(data, size);
	uint64_t leaves = reader_u64be(&r) >> 1;
	uint8_t root[SHA256_SIZE];
	size_t sum = 0;

	if (tiler_load(tiler, leaves, read_file, &r) == 0) {
		for (int i = 0; i < 300 && tiler->size < UINT64_MAX - 1; i++)
			if (tiler_add(tiler, data, size % 100, count_file, &sum) < 0)
				abort();
		if (tiler_edge(tiler, count_file, &sum) < 0)
			abort();
		tiler_root(tiler, root);
	}
	tiler_clear(tiler);
	return 0;
}
