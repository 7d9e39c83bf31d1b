/* json_internal - the parsed document and what a string is made of, shared by json.c and json_*.c. For them only. */
#ifndef DUNNINGD_COMMON_JSON_INTERNAL_H
#define DUNNINGD_COMMON_JSON_INTERNAL_H

#include <endian.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "common/json.h"

struct json_node {
	enum json_type type; /* JSON_NULL: null */
	uint32_t count; /* items of a container; bytes of a string */
	const char *key; /* of a member */
	union {
		bool truth;
		int64_t whole;
		double fraction;
		const char *text;
		struct {
			struct json_node *items;
			uint64_t names; /* of an object: json_name_bit() of all its members' */
		};
	};
};

/* Most of what a document may have is not there: one bit tells that for most names. */
static inline uint64_t json_name_bit(const char *name)
{
	unsigned first = (unsigned char)name[0], second = first ? (unsigned char)name[1] : 0, third = second ? (unsigned char)name[2] : 0;

	return UINT64_C(1) << ((first + second * 6 + third * 9) & 63);
}

/* Builds what json_scan() has passed without JSON_COMMENTS. Everything lies in the arena. */
struct json_node *json_tree(struct arena *arena, const char *text, size_t len);

/* In each byte that is none of those of json_plain() the high bit; behind the first such one a borrow may leave others. */
static inline uint64_t json_not_plain(uint64_t word)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);

	return (word | (word - ones * 0x20) | ((word ^ ones * '"') - ones) | ((word ^ ones * '\\') - ones)) & (ones * 0x80);
}

/* Fewer than eight bytes, at least one, as the low ones of a word: by two or three loads that overlap. */
static inline uint64_t json_short_word(const char *text, size_t len)
{
	uint32_t low, high;

	if (len < 4)
		return (uint64_t)(unsigned char)text[0] | (uint64_t)(unsigned char)text[len / 2] << 8 * (len / 2) |
			(uint64_t)(unsigned char)text[len - 1] << 8 * (len - 1);
	memcpy(&low, text, 4);
	memcpy(&high, text + len - 4, 4);
	return (uint64_t)le32toh(low) | (uint64_t)le32toh(high) << 8 * (len - 4);
}

#if defined(__SSE2__)
/* A bit for each of sixteen bytes that is none of those of json_plain(): what is beyond ASCII is below zero. */
static inline unsigned json_not_plain16(const char *text)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)text);
	__m128i other = _mm_or_si128(_mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20)),
		_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))));

	return (unsigned)_mm_movemask_epi8(other);
}
#endif

/*
 * How many bytes at `text` stand in a string as they are: ASCII but controls, the quote and the backslash. By sixteen or by words of eight,
 * since nearly all text is such.
 */
static inline size_t json_plain(const char *text, size_t len)
{
	uint64_t word, other;
	size_t n = 0;

#if defined(__SSE2__)
	for (; len - n >= 16; n += 16) {
		unsigned found = json_not_plain16(text + n);

		if (found)
			return n + (size_t)__builtin_ctz(found);
	}
	if (n && n < len) { /* the last sixteen: what stands before `n` is known to be plain */
		unsigned found = json_not_plain16(text + len - 16);

		return found ? len - 16 + (size_t)__builtin_ctz(found) : len;
	}
#endif
	for (; len - n >= 8; n += 8) {
		memcpy(&word, text + n, 8);
		other = json_not_plain(le64toh(word));
		if (other)
			return n + (size_t)__builtin_ctzll(other) / 8;
	}
	if (n == len)
		return n;
	other = json_not_plain(json_short_word(text + n, len - n)); /* at the latest the zeros behind the text are not plain */
	return n + (size_t)__builtin_ctzll(other) / 8;
}

#endif
