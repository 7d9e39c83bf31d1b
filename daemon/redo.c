#include "daemon/redo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/flow.h"

static int by_entry(const void *a, const void *b)
{
	const struct image *one = a, *other = b;
	int order = strcmp(one->key, other->key);

	return order ? order : inbox_compare(one->field, other->field);
}

/*
 * The journal keeps a group's images case by case. Where a stream's entries belong to several, their order is another one than that of their
 * ids, and Redis takes none below the last. Everything else keeps its order: each key belongs to one case.
 */
static void order_entries(struct redo_group *group, struct arena *arena)
{
	struct image *sorted = arena_alloc(arena, (group->image_count + 1) * sizeof(*sorted));
	size_t n = 0, from;

	for (size_t i = 0; i < group->image_count; i++)
		if (!image_is_entry(&group->images[i]))
			sorted[n++] = group->images[i];
	from = n;
	for (size_t i = 0; i < group->image_count; i++)
		if (image_is_entry(&group->images[i]))
			sorted[n++] = group->images[i];
	qsort(sorted + from, n - from, sizeof(*sorted), by_entry);
	group->images = sorted;
}

int redo_open(const struct keys_port *port, struct arena *arena, const struct journal_group *group, struct redo_group *to)
{
	size_t capacity = 0;

	to->head = group->head;
	for (size_t f = 0; f < group->image_count; f++) {
		struct reader reader = reader_init(group->images[f].data, group->images[f].len);
		uint8_t blobs = reader_u8(&reader);

		for (uint8_t b = 0; b < blobs; b++) {
			struct buf *plain = arena_alloc(arena, sizeof(*plain));
			struct case_keys keys;
			struct blob blob;
			struct reader content;
			struct image image;
			int result = blob_read(&reader, &blob);

			if (result < 0)
				return result;
			result = port->open(port->self, blob.year, blob.slot, &keys);
			if (result == -ENOENT)
				continue; /* erased: what was erased is not rebuilt */
			if (result < 0)
				return result;
			result = blob_open(&blob, &keys, group->head.id, GROUP_ID_SIZE, plain);
			if (result == -ENOENT) /* that class was */
				continue;
			if (result < 0) {
				buf_clear(plain);
				return result;
			}
			content = reader_init(plain->data, plain->len);
			while ((result = image_read(&content, arena, &image)) == 1) {
				to->images = arena_grow(arena, to->images, to->image_count, &capacity, sizeof(image));
				to->images[to->image_count++] = image;
			}
			buf_clear(plain);
			if (result < 0)
				return result;
		}
	}
	order_entries(to, arena);
	return 0;
}
