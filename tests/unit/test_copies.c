/* What lies in a store of copies: the file that keeps it, and until when a segment may be locked. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/copies.h"
#include "common/utc.h"

#define SUM "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ROW(year, sum) "{\"year\":" year ",\"shard\":1,\"sha256\":\"" sum "\",\"erased\":0}"
#define FILE_OF(segment, keys) "{\"v\":1,\"where\":\"\",\"segment\":\"" segment "\",\"parts\":0,\"keys\":[" keys "]}"

static void what_is_written_is_read(void **state)
{
	CLEANUP(copies_clear) struct copies one = { .where = "abc", .segment = "00000000000000000001-2026-00000000000000000000.journal", .parts = 3 }, two = { 0 };
	CLEANUP(buf_clear) struct buf text = { 0 }, again = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 100; i++) {
		struct copies_shard *shard = copies_shard(&one, (uint16_t)(2026 + i % 3), i * 7919 % 100);

		(void)snprintf(shard->sum, sizeof(shard->sum), "%s", i % 10 ? SUM : ""); /* one that is not there is not written */
		shard->erased = i;
		shard->changed_at = 5;
	}
	for (size_t i = 1; i < one.count; i++)
		assert_true(one.shards[i - 1].year < one.shards[i].year ||
			(one.shards[i - 1].year == one.shards[i].year && one.shards[i - 1].number < one.shards[i].number));
	copies_add(&text, &one);
	assert_int_equal(copies_parse(buf_str(&text), text.len, &two, NULL), 0);
	assert_int_equal(two.count, 90);
	assert_int_equal(two.parts, 3);
	assert_string_equal(two.where, "abc");
	assert_int_equal(two.shards[0].changed_at, 0);
	copies_add(&again, &two);
	assert_string_equal(buf_str(&text), buf_str(&again));
}

static void a_shard_is_made_once(void **state)
{
	CLEANUP(copies_clear) struct copies copies = { 0 };

	(void)state;
	copies_shard(&copies, 2026, 7)->erased = 1;
	copies_shard(&copies, 2026, 6)->erased = 2;
	assert_int_equal(copies_shard(&copies, 2026, 7)->erased, 1);
	assert_int_equal(copies.count, 2);
}

static const struct row {
	const char *name, *text;
} rows[] = {
	{ "nothing", "" },
	{ "no object", "[]" },
	{ "another version", "{\"v\":2,\"where\":\"\",\"segment\":\"\",\"parts\":0,\"keys\":[]}" },
	{ "without keys", "{\"v\":1,\"where\":\"\",\"segment\":\"\",\"parts\":0}" },
	{ "a name that is too long", FILE_OF("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg", "") },
	{ "a year before its time", FILE_OF("", ROW("1", SUM)) },
	{ "a sum of other digits", FILE_OF("", ROW("2026", "x123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")) },
	{ "a sum that is too short", FILE_OF("", ROW("2026", "01")) },
	{ "a shard that is none", FILE_OF("", "7") },
};

static void refused(void **state)
{
	const struct row *row = *state;
	CLEANUP(copies_clear) struct copies copies = { 0 };

	assert_int_equal(copies_parse(row->text, strlen(row->text), &copies, NULL), -EBADMSG);
	assert_true(!copies.shards && !copies.segment[0]);
}

static void locked_for_no_longer_than_the_shortest_period(void **state)
{
	char text[UTC_TEXT_SIZE];

	(void)state;
	assert_string_equal(utc_format(copies_lock_until(2026, 24), text), "2028-01-01T00:00:00Z");
	assert_string_equal(utc_format(copies_lock_until(2026, 0), text), "2026-01-01T00:00:00Z");
	assert_string_equal(utc_format(copies_lock_until(2027, 7), text), "2027-08-01T00:00:00Z");
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(a_shard_is_made_once),
		cmocka_unit_test(locked_for_no_longer_than_the_shortest_period),
	};
	struct CMUnitTest tests[ARRAY_LEN(rows) + ARRAY_LEN(others)];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].name, .test_func = refused, .initial_state = (void *)(uintptr_t)&rows[i] };
	memcpy(tests + ARRAY_LEN(rows), others, sizeof(others));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
