/* A keyspace made of after-images: as Redis would have it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tools/projection.h"

static void put(struct projection *p, enum image_op op, const char *key, const char *field, const char *value, int64_t number)
{
	struct image image = { .op = op, .key = key, .field = field, .value = value, .value_len = value ? strlen(value) : 0, .number = number };

	projection_apply(p, &image);
}

static void the_last_word_stands(void **state)
{
	CLEANUP(projection_freep) struct projection *p = projection_create();

	(void)state;
	put(p, IMAGE_SET, "a", NULL, "one", 0);
	put(p, IMAGE_SET, "a", NULL, "two", 0);
	put(p, IMAGE_SET_UNTIL, "b", NULL, "x", 1234);
	assert_string_equal(projection_find(p, "a")->value, "two");
	assert_int_equal(projection_find(p, "b")->until, 1234);
	put(p, IMAGE_SET, "b", NULL, "y", 0);
	assert_int_equal(projection_find(p, "b")->until, 0);
	put(p, IMAGE_DEL, "a", NULL, NULL, 0);
	assert_null(projection_find(p, "a"));
	put(p, IMAGE_SET, "a", NULL, "three", 0);
	assert_string_equal(projection_find(p, "a")->value, "three");
}

static void entries_only_grow(void **state)
{
	CLEANUP(projection_freep) struct projection *p = projection_create();

	(void)state;
	put(p, IMAGE_XADD_EVENT, "s", "9-0", "{}", 100);
	put(p, IMAGE_XADD_EVENT, "s", "10-0", "{}", 100);
	put(p, IMAGE_XADD_EVENT, "s", "9-5", "{}", 100); /* done again */
	put(p, IMAGE_XADD, "s", "10-1", "[]", 100);
	assert_int_equal(projection_find(p, "s")->count, 3);
	assert_string_equal(projection_find(p, "s")->fields[2].name, "10-1");
	assert_false(projection_find(p, "s")->fields[2].event);
}

/* Against a plain list: many members come, change and go. */
static void members_come_and_go(void **state)
{
	CLEANUP(projection_freep) struct projection *p = projection_create();
	int64_t scores[300] = { 0 };
	uint64_t seed = 7;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		char name[16];
		int n;

		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
		n = (int)((seed >> 33) % 300);
		snprintf(name, sizeof(name), "inv_%d", n);
		scores[n] = (seed >> 20) & 1 ? i + 1 : 0;
		put(p, scores[n] ? IMAGE_ZADD : IMAGE_ZREM, "due", name, NULL, scores[n]);
		if (i % 500 == 0 || i > 19990)
			for (int k = 0; k < 300; k++) {
				const struct projected *due = projection_find(p, "due");
				const struct projected_field *field;

				snprintf(name, sizeof(name), "inv_%d", k);
				field = due ? projected_find(due, name) : NULL;
				assert_int_equal(field ? field->number : 0, scores[k]);
			}
	}
	for (int k = 0; k < 300; k++) {
		char name[16];

		snprintf(name, sizeof(name), "inv_%d", k);
		put(p, IMAGE_ZREM, "due", name, NULL, 0);
	}
	assert_null(projection_find(p, "due")); /* with its last member the key is gone */
}

static void fields_have_the_last_value(void **state)
{
	CLEANUP(projection_freep) struct projection *p = projection_create();

	(void)state;
	put(p, IMAGE_HSET, "h", "a", "1", 0);
	put(p, IMAGE_HSET, "h", "b", "2", 0);
	put(p, IMAGE_HSET, "h", "a", "3", 0);
	put(p, IMAGE_HDEL, "h", "b", NULL, 0);
	put(p, IMAGE_HDEL, "h", "c", NULL, 0);
	assert_int_equal(projection_find(p, "h")->count, 1);
	assert_string_equal(projected_find(projection_find(p, "h"), "a")->value, "3");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_last_word_stands), cmocka_unit_test(entries_only_grow),
		cmocka_unit_test(members_come_and_go), cmocka_unit_test(fields_have_the_last_value) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
