#include "common/images.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* What each operation carries beside its key; what it does not carry is empty or 0 in the bytes. */
static const struct {
	bool field, value, number;
} carries[IMAGE_OP_COUNT] = {
	[IMAGE_SET] = { .value = true },
	[IMAGE_SET_UNTIL] = { .value = true, .number = true },
	[IMAGE_DEL] = { 0 },
	[IMAGE_ZADD] = { .field = true, .number = true },
	[IMAGE_ZREM] = { .field = true },
	[IMAGE_HSET] = { .field = true, .value = true },
	[IMAGE_HDEL] = { .field = true },
	[IMAGE_XADD] = { .field = true, .value = true, .number = true },
	[IMAGE_XADD_EVENT] = { .field = true, .value = true, .number = true },
};

static void add_text(struct buf *out, const char *text, size_t len)
{
	assert(len <= UINT16_MAX);
	buf_add_u16be(out, (uint16_t)len);
	buf_add(out, text, len);
}

void image_add(struct buf *out, const struct image *image)
{
	bool field, value, number;

	assert(image->op > 0 && image->op < IMAGE_OP_COUNT && image->key && image->key[0]);
	field = carries[image->op].field;
	value = carries[image->op].value;
	number = carries[image->op].number;
	assert((!field || image->field) && image->value_len <= UINT32_MAX);
	buf_add_char(out, (char)image->op);
	add_text(out, image->key, strlen(image->key));
	add_text(out, field ? image->field : "", field ? strlen(image->field) : 0);
	buf_add_u32be(out, value ? (uint32_t)image->value_len : 0);
	buf_add(out, value ? image->value : "", value ? image->value_len : 0);
	buf_add_u64be(out, number ? (uint64_t)image->number : 0);
}

static const char *read_text(struct reader *r, struct arena *arena)
{
	struct slice text = reader_take(r, reader_u16be(r));

	if (r->bad || (text.len > 0 && memchr(text.data, 0, text.len)))
		return NULL;
	return arena_memdup(arena, text.len > 0 ? (const void *)text.data : "", text.len);
}

int image_read(struct reader *r, struct arena *arena, struct image *ret)
{
	struct image image = { 0 };
	struct slice value;
	unsigned op;

	if (reader_left(r) == 0)
		return r->bad ? -EBADMSG : 0;
	op = reader_u8(r);
	if (op == 0 || op >= IMAGE_OP_COUNT)
		return -EBADMSG;
	image.op = (enum image_op)op;
	image.key = read_text(r, arena);
	image.field = read_text(r, arena);
	value = reader_take(r, reader_u32be(r));
	image.number = (int64_t)reader_u64be(r);
	if (r->bad || !image.key || !image.field || !image.key[0])
		return -EBADMSG;
	if ((!carries[op].field && image.field[0]) || (!carries[op].value && value.len > 0) ||
		(!carries[op].number && image.number != 0))
		return -EBADMSG;
	if (!carries[op].field)
		image.field = NULL;
	if (carries[op].value) {
		image.value = arena_memdup(arena, value.len > 0 ? (const void *)value.data : "", value.len);
		image.value_len = value.len;
	}
	*ret = image;
	return 1;
}
