/* json_internal - the parsed document, shared by json.c and json_tree.c. For them only. */
#ifndef DUNNINGD_COMMON_JSON_INTERNAL_H
#define DUNNINGD_COMMON_JSON_INTERNAL_H

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
 * How many bytes from the first on stand in a string as they are: ASCII from the blank on but the quote and the backslash. Eight at a
 * time: for none of the three tests does a byte below the first hit of a word come out wrong, and the last word is looked at byte by byte.
 */
static inline size_t json_plain(const char *text, size_t len)
{
	const uint64_t ones = UINT64_MAX / 255, high = ones * 0x80;
	size_t i = 0;

	for (; len - i >= 8; i += 8) {
		uint64_t word, quotes, slashes;

		memcpy(&word, text + i, sizeof(word));
		quotes = word ^ ones * '"';
		slashes = word ^ ones * '\\';
		if ((((word - ones * 0x20) & ~word) | ((quotes - ones) & ~quotes) | ((slashes - ones) & ~slashes) | word) & high)
			break;
	}
	while (i < len && (unsigned char)text[i] >= 0x20 && (unsigned char)text[i] < 0x80 && text[i] != '"' && text[i] != '\\')
		i++;
	return i;
}

#endif
