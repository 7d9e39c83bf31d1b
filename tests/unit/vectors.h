/*
 * vectors - the published test data of transparency logs, which lies beside the tree (tlog-vectors/). Absent: the test is skipped, but
 * where CI runs it must be there.
 */
#ifndef TESTS_VECTORS_H
#define TESTS_VECTORS_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/hash.h"
#include "common/json.h"

#define VECTORS static __attribute__((unused))

VECTORS char *vector_path(struct arena *arena, const char *name)
{
	const char *shared = getenv("DUNNINGD_SHARED");

	return shared ? arena_printf(arena, "%s/tlog-vectors/%s", shared, name) :
			arena_printf(arena, "%s/../shared/tlog-vectors/%s", SOURCE_DIR, name);
}

/* The file's bytes; in the arena. */
VECTORS struct slice vector_file(struct arena *arena, const char *name)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	struct err err = { 0 };

	if (access(vector_path(arena, name), R_OK) != 0 && !getenv("CI"))
		skip();
	if (file_read(vector_path(arena, name), 1 << 26, &bytes, &err) < 0)
		fail_msg("%s", err.text);
	return (struct slice){ arena_memdup(arena, buf_str(&bytes), bytes.len), bytes.len };
}

static void put_over(char *text, const char *old, const char *fresh)
{
	for (char *at = text; (at = strstr(at, old)) != NULL;)
		memcpy(at, fresh, strlen(fresh));
}

/* Our reader takes no integer above int64 and no U+0000: 2^64 - 1 is read as -1, and what is shown for people beside base64 changed. */
VECTORS struct json vector_json(struct arena *arena, const char *name)
{
	struct slice text = vector_file(arena, name);
	struct err err = { 0 };
	struct json root;

	put_over((char *)text.data, "18446744073709551615", "-1                  ");
	put_over((char *)text.data, "\\u0000", "\\u0001");
	if (json_parse(arena, (const char *)text.data, text.len, JSON_FRACTIONS, &root, &err) < 0)
		fail_msg("%s: %s", name, err.text);
	return root;
}

VECTORS const char *vector_text(const struct json *object, const char *key)
{
	struct json v = json_get(object, key);

	assert_non_null(json_str(&v));
	return json_str(&v);
}

VECTORS uint64_t vector_number(const struct json *object, const char *key)
{
	struct json v = json_get(object, key);

	assert_int_equal(v.type, JSON_INT);
	return (uint64_t)json_int(&v);
}

VECTORS bool vector_valid(const struct json *object)
{
	return strcmp(vector_text(object, "expect"), "valid") == 0;
}

VECTORS void vector_hash(const struct json *object, const char *key, uint8_t ret[SHA256_SIZE])
{
	assert_int_equal(hex_parse(vector_text(object, key), SHA256_SIZE, ret), 0);
}

/* Hexadecimal of any length; in the arena. */
VECTORS struct slice vector_hex(struct arena *arena, const char *text)
{
	size_t len = strlen(text) / 2;
	uint8_t *bytes = arena_alloc(arena, len + 1);

	assert_int_equal(hex_parse(text, len, bytes), 0);
	return (struct slice){ bytes, len };
}

VECTORS struct slice vector_base64(struct arena *arena, const struct json *object, const char *key)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	const char *text = vector_text(object, key);

	assert_int_equal(base64_decode(text, strlen(text), &bytes), 0);
	return (struct slice){ arena_memdup(arena, buf_str(&bytes), bytes.len), bytes.len };
}

#endif
