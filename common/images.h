/*
 * images - the after-images of a group: every write that the store will make, so that it can be made again. Pure.
 * Each is idempotent: doing a group's list twice, or a later group's after it, ends in the same state.
 */
#ifndef DUNNINGD_COMMON_IMAGES_H
#define DUNNINGD_COMMON_IMAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/cleanup.h"

enum image_op {
	IMAGE_SET = 1, /* key, value */
	IMAGE_SET_UNTIL, /* key, value, number = expires at, ms UTC */
	IMAGE_DEL, /* key */
	IMAGE_ZADD, /* key, field = member, number = score */
	IMAGE_ZREM, /* key, field = member */
	IMAGE_HSET, /* key, field, value */
	IMAGE_HDEL, /* key, field */
	IMAGE_XADD, /* key, field = explicit stream id, value = the fields as a JSON array of strings [k,v,k,v], number = MAXLEN or 0.
	               Skipped when the stream's last id is not below it. */
	IMAGE_XADD_EVENT, /* the same with one field `event`, whose value it is */
	IMAGE_OP_COUNT
};

struct image {
	enum image_op op;
	const char *key; /* whole Redis key */
	const char *field;
	const void *value;
	size_t value_len;
	int64_t number;
};

static inline bool image_is_entry(const struct image *image)
{
	return image->op == IMAGE_XADD || image->op == IMAGE_XADD_EVENT;
}

void image_add(struct buf *out, const struct image *image);
/* Reads the next one; strings are NUL-terminated copies in the arena. 1, 0 at the end, -EBADMSG. */
int image_read(struct reader *r, struct arena *arena, struct image *ret);

#endif
