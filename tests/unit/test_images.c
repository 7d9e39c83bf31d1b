#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/images.h"

static const struct image images[] = {
	{ IMAGE_SET, "dunning:{0}:escalation:INV-1", NULL, "{\"a\":\"\0\"}", 9, 0 },
	{ IMAGE_SET_UNTIL, "dunning:{0}:attempt:X", NULL, "v", 1, 1785000000123 },
	{ IMAGE_DEL, "dunning:{0}:debtor:C-1", NULL, NULL, 0, 0 },
	{ IMAGE_ZADD, "dunning:{0}:due", "INV-1", NULL, 0, -5 },
	{ IMAGE_ZREM, "dunning:{0}:due", "INV-1", NULL, 0, 0 },
	{ IMAGE_HSET, "dunning:{0}:cursor", "dunning:{0}:events", "1-1", 3, 0 },
	{ IMAGE_HDEL, "dunning:{0}:attempts", "01ABC", NULL, 0, 0 },
	{ IMAGE_XADD, "dunning:{0}:outbound", "17-0", "[\"event\",\"{}\"]", 14, INT64_MAX },
	{ IMAGE_XADD_EVENT, "dunning:{0}:outbound", "17-1", "{\"a\":1}", 7, 0 },
	{ IMAGE_SET, "empty", NULL, "", 0, 0 },
};

static void every_operation_has_a_row(void **state)
{
	bool seen[IMAGE_OP_COUNT] = { true };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(images); i++)
		seen[images[i].op] = true;
	for (size_t i = 0; i < IMAGE_OP_COUNT; i++)
		assert_true(seen[i]);
}

static void round_trip(void **state)
{
	struct arena *arena = arena_create();
	struct buf bytes = { 0 };
	struct reader r;
	struct image image;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(images); i++)
		image_add(&bytes, &images[i]);
	r = reader_init(bytes.data, bytes.len);
	for (size_t i = 0; i < ARRAY_LEN(images); i++) {
		assert_int_equal(image_read(&r, arena, &image), 1);
		assert_int_equal(image.op, images[i].op);
		assert_string_equal(image.key, images[i].key);
		if (images[i].field)
			assert_string_equal(image.field, images[i].field);
		else
			assert_null(image.field);
		assert_int_equal(image.value_len, images[i].value_len);
		if (images[i].value)
			assert_memory_equal(image.value, images[i].value, images[i].value_len);
		assert_true(image.number == images[i].number);
	}
	assert_int_equal(image_read(&r, arena, &image), 0);
	buf_clear(&bytes);
	arena_free(arena);
}

/* What an operation does not carry is not written, whatever the caller left there. */
static void nothing_superfluous(void **state)
{
	struct image zrem = { IMAGE_ZREM, "k", "f", "value", 5, 7 }, image;
	struct arena *arena = arena_create();
	struct buf bytes = { 0 };
	struct reader r;

	(void)state;
	image_add(&bytes, &zrem);
	r = reader_init(bytes.data, bytes.len);
	assert_int_equal(image_read(&r, arena, &image), 1);
	assert_int_equal(image.value_len, 0);
	assert_int_equal(image.number, 0);
	buf_clear(&bytes);
	arena_free(arena);
}

struct bad_row {
	const char *name;
	const char *bytes;
	size_t len;
};
#define BYTES(s) s, sizeof(s) - 1
static const struct bad_row bad[] = {
	{ "no such operation", BYTES("\x0a\0\1k\0\0\0\0\0\0\0\0\0\0\0\0\0\0") },
	{ "operation 0", BYTES("\0\0\1k\0\0\0\0\0\0\0\0\0\0\0\0\0\0") },
	{ "empty key", BYTES("\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0") },
	{ "NUL in the key", BYTES("\3\0\2k\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0") },
	{ "DEL with a field", BYTES("\3\0\1k\0\1f\0\0\0\0\0\0\0\0\0\0\0\0") },
	{ "DEL with a value", BYTES("\3\0\1k\0\0\0\0\0\1v\0\0\0\0\0\0\0\0") },
	{ "DEL with a number", BYTES("\3\0\1k\0\0\0\0\0\0\0\0\0\0\0\0\0\1") },
	{ "value longer than the bytes", BYTES("\1\0\1k\0\0\xff\xff\xff\xff\0\0\0\0\0\0\0\0") },
	{ "cut short", BYTES("\3\0\1k\0\0\0\0\0\0\0\0\0\0\0\0\0") },
};

static void refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct arena *arena = arena_create();
		struct reader r = reader_init(bad[i].bytes, bad[i].len);
		struct image image;

		if (image_read(&r, arena, &image) != -EBADMSG)
			fail_msg("accepted: %s", bad[i].name);
		arena_free(arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_operation_has_a_row),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(nothing_superfluous),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
