/*
 * buf - a growing byte string. Always NUL-terminated behind len once something was added.
 */
#ifndef DUNNINGD_COMMON_BUF_H
#define DUNNINGD_COMMON_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct arena;
struct buf {
	char *data; /* owned; NULL while empty */
	size_t len;
	size_t capacity;
	struct arena *arena; /* it grows in there, and the arena owns its bytes; NULL: in malloc's memory */
};

void buf_clear(struct buf *buf); /* frees; the buf is empty and usable again. Works as CLEANUP(buf_clear) */
void buf_reset(struct buf *buf); /* len = 0, keeps the memory */
void buf_grow(struct buf *buf, size_t extra); /* for buf_reserve() */
static inline void buf_reserve(struct buf *buf, size_t extra) /* these few are called by the hundred for each document */
{
	if (buf->len + extra >= buf->capacity)
		buf_grow(buf, extra);
}
static inline void buf_add(struct buf *buf, const void *data, size_t len)
{
	buf_reserve(buf, len);
	if (len)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}
static inline void buf_add_str(struct buf *buf, const char *s)
{
	buf_add(buf, s, strlen(s));
}
static inline void buf_add_char(struct buf *buf, char c)
{
	buf_reserve(buf, 1);
	buf->data[buf->len++] = c;
	buf->data[buf->len] = '\0';
}
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define U64_TEXT_SIZE 21
size_t u64_format(uint64_t n, char text[U64_TEXT_SIZE]); /* decimal; returns the length */
void buf_add_int(struct buf *buf, int64_t n); /* decimal; faster than printf */
void buf_add_u16be(struct buf *buf, uint16_t n);
void buf_add_u32be(struct buf *buf, uint32_t n);
void buf_add_u64be(struct buf *buf, uint64_t n);
const char *buf_str(const struct buf *buf); /* never NULL: "" when empty */
char *buf_take(struct buf *buf); /* the caller owns the malloced string; the buf is empty */

uint16_t read_u16be(const void *p);
uint32_t read_u32be(const void *p);
uint64_t read_u64be(const void *p);

/* A borrowed slice of bytes, and a reader that never runs past its end. */
struct slice {
	const uint8_t *data;
	size_t len;
};
struct reader {
	const uint8_t *at;
	const uint8_t *end;
	bool bad; /* set by the first read past the end; every later read gives 0 or an empty slice */
};
struct reader reader_init(const void *data, size_t len);
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16be(struct reader *r);
uint32_t reader_u32be(struct reader *r);
uint64_t reader_u64be(struct reader *r);
struct slice reader_take(struct reader *r, size_t len);
size_t reader_left(const struct reader *r);

/* Bytes of the character at p: 1 to 4, or 0 when it is no well-formed UTF-8 (RFC 3629). p < end. */
size_t utf8_len(const char *p, const char *end);

#endif
