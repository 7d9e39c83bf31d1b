/* json_internal - the parsed document, shared by json.c and json_tree.c. For them only. */
#ifndef DUNNINGD_COMMON_JSON_INTERNAL_H
#define DUNNINGD_COMMON_JSON_INTERNAL_H

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

#endif
