/* Which records of which logs, in one line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/ranges.h"

struct row {
	const char *name;
	struct {
		const char *origin;
		uint64_t index;
	} records[8];
	const char *text;
};

static const struct row rows[] = {
	{ "none", { { NULL, 0 } }, "" },
	{ "one", { { "a/2026", 0 } }, "a/2026 0" },
	{ "two side by side", { { "a/2026", 3 }, { "a/2026", 4 } }, "a/2026 3-4" },
	{ "runs and gaps", { { "a/2026", 0 }, { "a/2026", 1 }, { "a/2026", 2 }, { "a/2026", 7 }, { "a/2026", 9 } }, "a/2026 0-2,7,9" },
	{ "of two logs", { { "a/2026", 5 }, { "a/2027", 6 }, { "a/2027", 8 } }, "a/2026 5; a/2027 6,8" },
	{ "the same twice", { { "a/2026", 5 }, { "a/2026", 5 } }, "a/2026 5,5" },
};

static void row_holds(void **state)
{
	const struct row *row = *state;
	struct ranges ranges = { 0 };

	for (size_t i = 0; row->records[i].origin; i++)
		ranges_add(&ranges, row->records[i].origin, row->records[i].index);
	assert_string_equal(ranges_text(&ranges), row->text);
	assert_string_equal(ranges_text(&ranges), row->text);
	ranges_clear(&ranges);
}

/* All are named or counted, and the line has an end. */
static void too_many(void **state)
{
	struct ranges ranges = { 0 };
	const char *text;
	size_t named = 0;
	uint64_t more = 0;

	(void)state;
	for (uint64_t i = 0; i < 10000; i++)
		ranges_add(&ranges, "trail.example.com/acme/2026", 2 * i);
	text = ranges_text(&ranges);
	assert_true(strlen(text) < 8000);
	for (const char *at = text; *at && *at != ';'; at++)
		named += *at == ',' || *at == ' ';
	assert_non_null(strstr(text, "; and "));
	more = strtoull(strstr(text, "; and ") + 6, NULL, 10);
	assert_int_equal(named + more, 10000);
	ranges_clear(&ranges);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_LEN(rows) + 1];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].name, .test_func = row_holds, .initial_state = (void *)(uintptr_t)&rows[i] };
	tests[ARRAY_LEN(rows)] = (struct CMUnitTest)cmocka_unit_test(too_many);
	return _cmocka_run_group_tests("ranges", tests, ARRAY_LEN(tests), NULL, NULL);
}
