#include "common/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

#define FIRST 256 /* bytes: most of what is written grows far beyond a few */
#define GROWS_FAST 4096 /* below it by four: each step copies, and few stay that small */

void buf_clear(struct buf *buf)
{
	if (!buf->arena)
		free(buf->data);
	*buf = (struct buf){ .arena = buf->arena };
}

void buf_reset(struct buf *buf)
{
	buf->len = 0;
	if (buf->data)
		buf->data[0] = '\0';
}

static void grow_in_arena(struct buf *buf, size_t need)
{
	size_t capacity = need > 2 * buf->capacity ? need : 2 * buf->capacity;
	char *data = arena_room(buf->arena, capacity);

	if (buf->data)
		memcpy(data, buf->data, buf->len + 1);
	buf->data = data;
	buf->capacity = capacity;
}

void buf_grow(struct buf *buf, size_t extra)
{
	size_t need = buf->len + extra + 1, least = buf->capacity < GROWS_FAST ? 4 * buf->capacity : 0;

	if (least < FIRST)
		least = FIRST;
	if (need < least)
		need = least;
	if (buf->arena)
		grow_in_arena(buf, need);
	else
		xgrow(&buf->data, &buf->capacity, need, 1);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	size_t room;
	va_list args;
	int n;

	buf_reserve(buf, 1);
	room = buf->capacity - buf->len;
	va_start(args, format);
	n = vsnprintf(buf->data + buf->len, room, format, args);
	va_end(args);
	if ((size_t)n >= room) {
		buf_reserve(buf, (size_t)n);
		va_start(args, format);
		vsnprintf(buf->data + buf->len, (size_t)n + 1, format, args);
		va_end(args);
	}
	buf->len += (size_t)n;
}

size_t u64_format(uint64_t n, char text[U64_TEXT_SIZE])
{
	char digits[U64_TEXT_SIZE], *at = digits + sizeof(digits) - 1;
	size_t len;

	*at = '\0';
	do {
		*--at = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	len = (size_t)(digits + sizeof(digits) - 1 - at);
	memcpy(text, at, len + 1);
	return len;
}

void buf_add_int(struct buf *buf, int64_t n)
{
	buf_reserve(buf, U64_TEXT_SIZE);
	if (n < 0)
		buf->data[buf->len++] = '-';
	buf->len += u64_format(n < 0 ? 0 - (uint64_t)n : (uint64_t)n, buf->data + buf->len);
}

static void add_be(struct buf *buf, uint64_t n, size_t bytes)
{
	uint8_t raw[8];

	for (size_t i = 0; i < bytes; i++)
		raw[i] = (uint8_t)(n >> (8 * (bytes - 1 - i)));
	buf_add(buf, raw, bytes);
}

void buf_add_u16be(struct buf *buf, uint16_t n)
{
	add_be(buf, n, 2);
}

void buf_add_u32be(struct buf *buf, uint32_t n)
{
	add_be(buf, n, 4);
}

void buf_add_u64be(struct buf *buf, uint64_t n)
{
	add_be(buf, n, 8);
}

const char *buf_str(const struct buf *buf)
{
	return buf->data ? buf->data : "";
}

char *buf_take(struct buf *buf)
{
	char *data = buf->data ? buf->data : xstrdup("");

	assert(!buf->arena);
	*buf = (struct buf){ 0 };
	return data;
}

static uint64_t read_be(const void *p, size_t bytes)
{
	const uint8_t *raw = p;
	uint64_t n = 0;

	for (size_t i = 0; i < bytes; i++)
		n = n << 8 | raw[i];
	return n;
}

uint16_t read_u16be(const void *p)
{
	return (uint16_t)read_be(p, 2);
}

uint32_t read_u32be(const void *p)
{
	return (uint32_t)read_be(p, 4);
}

uint64_t read_u64be(const void *p)
{
	return read_be(p, 8);
}

struct reader reader_init(const void *data, size_t len)
{
	const uint8_t *at = data;

	return (struct reader){ at, at ? at + len : at, false };
}

size_t reader_left(const struct reader *r)
{
	return (size_t)(r->end - r->at);
}

struct slice reader_take(struct reader *r, size_t len)
{
	struct slice taken = { r->at, len };

	if (r->bad || reader_left(r) < len) {
		r->bad = true;
		return (struct slice){ NULL, 0 };
	}
	r->at += len;
	return taken;
}

static uint64_t take_be(struct reader *r, size_t bytes)
{
	struct slice raw = reader_take(r, bytes);

	return raw.data ? read_be(raw.data, bytes) : 0;
}

uint8_t reader_u8(struct reader *r)
{
	return (uint8_t)take_be(r, 1);
}

uint16_t reader_u16be(struct reader *r)
{
	return (uint16_t)take_be(r, 2);
}

uint32_t reader_u32be(struct reader *r)
{
	return (uint32_t)take_be(r, 4);
}

uint64_t reader_u64be(struct reader *r)
{
	return take_be(r, 8);
}

size_t utf8_len(const char *p, const char *end)
{
	const uint8_t *b = (const uint8_t *)p;
	size_t left = (size_t)(end - p);
	size_t len = b[0] < 0x80 ? 1 : b[0] < 0xc2 ? 0 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : b[0] < 0xf5 ? 4 : 0;

	if (!len || len > left)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((b[i] & 0xc0) != 0x80)
			return 0;
	if ((b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xed && b[1] > 0x9f) || (b[0] == 0xf0 && b[1] < 0x90) ||
		(b[0] == 0xf4 && b[1] > 0x8f))
		return 0;
	return len;
}
