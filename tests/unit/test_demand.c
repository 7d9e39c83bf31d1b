/* What a letter must contain: every published case. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/demand.h"
#include "tests/unit/law_cases.h"

static void answer(const struct json *given, struct json_writer *w, struct err *err, void *arg)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	(void)demand_answer(arena, arg, given, w, err);
}

static void cases(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json file = law_vectors(arena, "notices.json"), list = json_get(&file, "vectors");
	struct demands data;
	struct err err = { 0 };

	(void)state;
	if (demands_read(arena, law_data(arena, "notices"), &data, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	assert_int_equal(law_run_cases(arena, &list, answer, &data), 4);
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(cases) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
