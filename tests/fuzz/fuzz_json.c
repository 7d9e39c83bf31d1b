/*
 * Input: one byte of flags, a text. What the scanner lets through json-c builds, it is written as JSON again, and that is stable;
 * what it refuses has a code and a path.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"

/* Every value by every way to it. */
static void walk(const struct json *json, int depth)
{
	char path[160];
	const char *key;
	struct json value;
	size_t members = 0;

	json_path(json, NULL, path, sizeof(path));
	assert(path[0] == '$' && depth <= JSON_DEPTH_MAX);
	if (json->type == JSON_STRING) {
		assert(json_str(json));
		(void)id_valid(json_str(json));
	}
	for (size_t i = 0; json->type == JSON_ARRAY && i < json_len(json); i++) {
		value = json_at(json, i);
		walk(&value, depth + 1);
	}
	for (size_t i = 0; members < 64 && json_member(json, &i, &key, &value); members++) {
		struct json again = json_get(json, key);

		assert(again.node == value.node); /* a name is there once */
		walk(&value, depth + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf once = { 0 };
	CLEANUP(buf_clear) struct buf twice = { 0 };
	struct err err = { 0 };
	struct json root;
	unsigned flags;
	char *text;
	int r;

	if (!size)
		return 0;
	flags = data[0] & (JSON_COMMENTS | JSON_FRACTIONS);
	size--;
	text = malloc(size ? size : 1); /* of its own: a read past the end is seen */
	assert(text);
	memcpy(text, data + 1, size);
	r = json_scan(text, size, flags, &err);
	assert((r == 0) == !err.code[0]);
	if (r < 0) {
		assert(err.path[0] == '$' && err.text[0]);
		assert(json_parse(arena, text, size, flags, &root, NULL) == r);
		free(text);
		return 0;
	}
	r = json_parse(arena, text, size, flags, &root, &err);
	free(text);
	assert(r == 0);
	walk(&root, 0);
	json_write(&once, &root);
	assert(json_parse(arena, once.data, once.len, flags & JSON_FRACTIONS, &root, &err) == 0);
	json_write(&twice, &root);
	assert(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
	return 0;
}
