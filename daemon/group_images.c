#include "daemon/group_images.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int entry_order(const char *a, const char *b)
{
	uint64_t at[2] = { strtoull(a, NULL, 10), strtoull(b, NULL, 10) };
	const char *dash[2] = { strchr(a, '-'), strchr(b, '-') };

	if (at[0] != at[1])
		return at[0] < at[1] ? -1 : 1;
	at[0] = dash[0] ? strtoull(dash[0] + 1, NULL, 10) : 0;
	at[1] = dash[1] ? strtoull(dash[1] + 1, NULL, 10) : 0;
	return at[0] == at[1] ? 0 : at[0] < at[1] ? -1 : 1;
}

static int by_entry(const void *a, const void *b)
{
	const struct image *one = a, *other = b;
	int order = strcmp(one->key, other->key);

	return order ? order : entry_order(one->field, other->field);
}

/*
 * The journal keeps a group's images case by case. Where a stream's entries belong to several, their order is another one than that of their
 * ids, and Redis takes none below the last. Everything else keeps its order: each key belongs to one case.
 */
static struct image *order_entries(const struct image *images, size_t count, struct arena *arena)
{
	struct image *sorted = arena_alloc(arena, (count + 1) * sizeof(*sorted));
	size_t n = 0, from;

	for (size_t i = 0; i < count; i++)
		if (!image_is_entry(&images[i]))
			sorted[n++] = images[i];
	from = n;
	for (size_t i = 0; i < count; i++)
		if (image_is_entry(&images[i]))
			sorted[n++] = images[i];
	qsort(sorted + from, n - from, sizeof(*sorted), by_entry);
	return sorted;
}

struct opened {
	struct arena *arena;
	struct image *images;
	size_t count, capacity;
};

static int take_images(struct opened *o, const struct buf *plain)
{
	struct reader content = reader_init(plain->data, plain->len);
	struct image image;
	int r;

	while ((r = image_read(&content, o->arena, &image)) == 1) {
		o->images = arena_grow(o->arena, o->images, o->count, &o->capacity, sizeof(image));
		o->images[o->count++] = image;
	}
	return r;
}

static int open_blob(struct opened *o, struct reader *reader, const struct journal_group *group, const struct keys_port *port)
{
	CLEANUP(buf_clear) struct buf plain = { 0 };
	struct case_keys keys;
	struct blob blob;
	int r = blob_read(reader, &blob);

	if (r == 0)
		r = port->open(port->self, blob.year, blob.slot, &keys);
	if (r == 0)
		r = blob_open(&blob, &keys, group->head.id, GROUP_ID_SIZE, &plain);
	if (r == -ENOENT) /* erased, all of the case or that class: what was erased is not rebuilt */
		return 0;
	return r < 0 ? r : take_images(o, &plain);
}

int group_images_open(const struct journal_group *group, const struct keys_port *keys, struct arena *arena, struct image **ret, size_t *count)
{
	struct opened o = { .arena = arena };

	for (size_t f = 0; f < group->image_count; f++) {
		struct reader reader = reader_init(group->images[f].data, group->images[f].len);
		uint8_t blobs = reader_u8(&reader);

		for (uint8_t b = 0; b < blobs; b++) {
			int r = open_blob(&o, &reader, group, keys);

			if (r < 0)
				return r;
		}
	}
	*ret = order_entries(o.images, o.count, arena);
	*count = o.count;
	return 0;
}
