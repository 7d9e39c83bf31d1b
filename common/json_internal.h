/* json_internal - the parsed document and what a string is made of, shared by json.c and json_*.c. For them only. */
#ifndef DUNNINGD_COMMON_JSON_INTERNAL_H
#define DUNNINGD_COMMON_JSON_INTERNAL_H

#include <endian.h>
#include <string.h>

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
		struct json_node *items;
	};
};

/* Builds what json_scan() has passed without JSON_COMMENTS. Everything lies in the arena. */
struct json_node *json_tree(struct arena *arena, const char *text, size_t len);

/*
 * How many bytes at `text` stand in a string as they are: ASCII but controls, the quote and the backslash. Eight at a time, since nearly
 * all text is such: in each byte the high bit is left where it is none of them, the borrow of a byte can only disturb those behind it.
 */
static inline size_t json_plain(const char *text, size_t len)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	size_t n = 0;

	for (; len - n >= 8; n += 8) {
		uint64_t word, other;

		memcpy(&word, text + n, 8);
		word = le64toh(word);
		other = word | (word - ones * 0x20) | ((word ^ ones * '"') - ones) | ((word ^ ones * '\\') - ones);
		other &= ones * 0x80;
		if (other)
			return n + (size_t)__builtin_ctzll(other) / 8;
	}
	for (; n < len; n++) {
		unsigned char c = (unsigned char)text[n];

		if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
			break;
	}
	return n;
}

#endif
