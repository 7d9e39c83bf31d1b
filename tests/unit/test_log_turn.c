/* Which year's log a group goes to, where one ends, and what the next one names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/date.h"
#include "tests/unit/flow_world.h"

static int64_t at(int year, int month, int day)
{
	return (int64_t)date_of(year, month, day).days * DAY_MS;
}

static int root_answer;

static int log_root(uint16_t year, uint64_t size, uint8_t root[32], void *arg)
{
	(void)arg;
	assert_int_equal(year, 2026);
	assert_int_equal(size, 9);
	memset(root, 7, 32);
	return root_answer;
}

static struct log_turn turn_of(struct world *w, struct journal_log newest, int64_t now)
{
	struct log_turn turn;

	w->newest = newest;
	w->next_index = newest.year ? 9 : 0;
	assert_int_equal(log_turn(w->dunner, now, &turn), 0);
	return turn;
}

static void a_year_ends_with_the_first_group_behind_it(void **state)
{
	struct world *w = running(0);
	const struct journal_log none = { 0 }, open = { .year = 2026 };
	struct log_turn turn = turn_of(w, none, at(2026, 5, 1));

	(void)state;
	assert_true(turn.year == 2026 && !turn.ends && !turn.before);
	turn = turn_of(w, open, at(2027, 1, 1) - 1);
	assert_true(turn.year == 2026 && !turn.ends && !turn.before);
	turn = turn_of(w, open, at(2027, 1, 1));
	assert_true(turn.year == 2026 && turn.ends && !turn.before);
	turn = turn_of(w, open, at(2031, 1, 1));
	assert_true(turn.year == 2026 && turn.ends);
	turn = turn_of(w, open, at(2025, 12, 31)); /* a clock that was set back */
	assert_true(turn.year == 2026 && !turn.ends);
	close_world(w);
}

static void the_next_one_names_it(void **state)
{
	struct world *w = running(0);
	const struct journal_log ended = { .year = 2026, .ended = true };
	struct log_turn turn = turn_of(w, ended, at(2027, 3, 1));

	(void)state;
	assert_true(turn.year == 2027 && !turn.ends && turn.before == 2026 && turn.size == 9 && !turn.rooted);
	turn = turn_of(w, ended, at(2030, 3, 1));
	assert_true(turn.year == 2030 && turn.before == 2026);
	turn = turn_of(w, ended, at(2026, 12, 31)); /* never back into a log that is sealed */
	assert_true(turn.year == 2027 && !turn.ends && turn.before == 2026);
	close_world(w);
}

static void the_root_is_waited_for(void **state)
{
	struct world *w = running(0);
	struct journal_log ended = { .year = 2026, .ended = true };
	struct log_turn turn;

	(void)state;
	w->dunner->callbacks.log_root = log_root;
	turn = turn_of(w, ended, at(2027, 3, 1));
	assert_true(turn.rooted && turn.root[31] == 7);
	root_answer = -EAGAIN;
	assert_int_equal(log_turn(w->dunner, at(2027, 3, 1), &turn), -EAGAIN);
	w->dunner->trail_set_back = true;
	assert_int_equal(log_turn(w->dunner, at(2027, 3, 1), &turn), -EAGAIN);
	w->dunner->stopping = true; /* nothing is signed any more: it must still be possible to end the trail */
	turn = turn_of(w, ended, at(2027, 3, 1));
	assert_true(turn.before == 2026 && !turn.rooted);
	root_answer = 0;
	close_world(w);
}

/* While a group was built, another partition may have sealed the log, or its seal been refused for want of space. */
static void a_built_group_stands_only_where_it_belongs(void **state)
{
	struct world *w = running(0);
	struct group_header head = { .year = 2026, .first_index = 9, .decided_at = at(2027, 1, 1) };

	(void)state;
	w->newest = (struct journal_log){ .year = 2026 };
	w->next_index = 9;
	assert_true(log_turn_stands(w->dunner, &head));
	head.first_index = 8;
	assert_false(log_turn_stands(w->dunner, &head));
	head.first_index = 9;
	w->newest.ended = true;
	assert_false(log_turn_stands(w->dunner, &head));
	head = (struct group_header){ .year = 2027, .decided_at = at(2027, 1, 1) };
	assert_true(log_turn_stands(w->dunner, &head));
	w->newest.ended = false;
	assert_false(log_turn_stands(w->dunner, &head));
	close_world(w);
}

static void years_of_instants(void **state)
{
	(void)state;
	assert_int_equal(utc_year(0), 1970);
	assert_int_equal(utc_year(-1), 1969);
	assert_int_equal(utc_year(at(2027, 1, 1)), 2027);
	assert_int_equal(utc_year(at(2027, 1, 1) - 1), 2026);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_year_ends_with_the_first_group_behind_it),
		cmocka_unit_test(the_next_one_names_it),
		cmocka_unit_test(the_root_is_waited_for),
		cmocka_unit_test(a_built_group_stands_only_where_it_belongs),
		cmocka_unit_test(years_of_instants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
