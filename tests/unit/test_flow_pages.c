/* How many entries one read brings: all of them have to be held, however long they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/flow_world.h"

#define LONG (3 << 20)

static const char *long_event(struct world *w)
{
	char *text = arena_alloc(w->arena, LONG + 1);

	memset(text, 'x', LONG);
	text[LONG] = '\0';
	return text;
}

static size_t most_of(struct world *w, int from, int count, const char *event)
{
	w->page_most = 0;
	for (int i = 0; i < count; i++)
		push(w, from + i, event);
	settle(w);
	pass(w, 3000);
	return w->page_most;
}

static void few_are_asked_for_while_they_are_long(void **state)
{
	struct world *w = running(0);
	const char *event = long_event(w);

	(void)state;
	assert_int_equal(most_of(w, 1, 16, event), 8); /* nobody knows yet */
	assert_true(most_of(w, 20, 8, event) <= 4);
	close_world(w);
}

static void more_are_asked_for_while_they_are_short(void **state)
{
	struct world *w = running(0);

	(void)state;
	assert_int_equal(most_of(w, 1, 40, "x"), 16); /* 8, then 16, then what is left */
	close_world(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_are_asked_for_while_they_are_long),
		cmocka_unit_test(more_are_asked_for_while_they_are_short),
	};

	return cmocka_run_group_tests_name("flow pages", tests, NULL, NULL);
}
