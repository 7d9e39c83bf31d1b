/* Sums that a law fixes or caps: every published case. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/fees.h"
#include "tests/unit/law_cases.h"

static void answer(const struct json *given, struct json_writer *w, struct err *err, void *arg)
{
	(void)fees_answer(arg, NULL, given, w, err);
}

static void cases(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json file = law_vectors(arena, "fees.json"), list = json_get(&file, "vectors");
	struct fees data;
	struct err err = { 0 };

	(void)state;
	if (fees_read(arena, law_data(arena, "fees"), &data, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	assert_int_equal(law_run_cases(arena, &list, answer, &data), 27);
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(cases) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
