/* The real daemon over New Year: each year's log ends with log.sealed, the next names its end; also killed right there, or not running. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/date.h"
#include "common/file.h"
#include "common/utc.h"
#include "tests/support/world.h"

#define WAIT_MS 30000

static struct world world;
static int pushed;

static int setup(void **state)
{
	(void)state;
	pushed = 0;
	world_open(&world, &(struct world_options){ .clock = "rate:0" });
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_close(&world, getenv("KEEP") != NULL);
	return 0;
}

static void push(int count)
{
	world_push_range(&world, WORLD_FINALIZED, pushed, count, 3);
	pushed += count;
}

static void start(const char *clock)
{
	world.options.clock = clock;
	world_start(&world, NULL);
	assert_true(world_ready(&world, WAIT_MS));
	world.options.clock = "rate:0";
}

static bool begun(int year)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	char **names;
	size_t count;

	if (file_list(arena, arena_printf(arena, "%s/journal", world.state), ".journal", &names, &count) < 0)
		return false; /* killed before it was made */
	for (size_t i = 0; i < count; i++)
		if (strstr(names[i], arena_printf(arena, "-%d-", year)))
			return true;
	return false;
}

static void verify(void)
{
	CLEANUP(buf_clear) struct buf out = { 0 };

	if (world_ctl(&world, (const char *[]){ "trail", "verify", "--full", NULL }, &out) != 0)
		fail_msg("%s", buf_str(&out));
}

static int count_of(const char *text, const char *what)
{
	int count = 0;

	while ((text = strstr(text, what))) {
		count++;
		text += strlen(what);
	}
	return count;
}

/* The trail's own word: how many logs were sealed at a year's end, and how many began behind another. */
static void count_turns(int *sealed, int *linked, int *rooted)
{
	CLEANUP(buf_clear) struct buf out = { 0 };

	assert_int_equal(world_ctl(&world, (const char *[]){ "--json", "trail", "log", "--customer", "~system", NULL }, &out), 0);
	*sealed = count_of(buf_str(&out), "\"why\":\"year_ended\"");
	*linked = count_of(buf_str(&out), "\"kind\":\"log.begun\"");
	*rooted = count_of(buf_str(&out), "\"root\":\"");
}

static void expect_turns(int count)
{
	int sealed, linked, rooted;

	verify();
	count_turns(&sealed, &linked, &rooted);
	assert_int_equal(sealed, count);
	assert_int_equal(linked, count);
	assert_int_equal(rooted, count);
}

static void until_begun(int year)
{
	int64_t deadline = real_ms() + WAIT_MS;

	while (!begun(year)) {
		assert_true(real_ms() < deadline);
		push(1);
		pause_ms(20);
	}
}

static void a_year_ends_while_it_works(void **state)
{
	(void)state;
	world.events_at = (int64_t)date_of(2036, 12, 31).days * DAY_MS;
	start("start:2036-12-31T23:59:30Z,rate:20");
	until_begun(2037);
	push(10);
	assert_true(world_quiet(&world, WAIT_MS));
	assert_int_equal(process_stop(&world.daemon, WAIT_MS), 0);
	expect_turns(1);
}

/* Whatever was cut off is done again from the journal: one seal, one link, nothing in between. */
static void killed_at_the_turn(void **state)
{
	(void)state;
	srand(3);
	world.events_at = (int64_t)date_of(2036, 12, 31).days * DAY_MS;
	for (int year = 2036; year < 2040; year++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const char *clock = arena_printf(arena, "start:%d-12-31T23:59:50Z,rate:20", year);

		for (int round = 0; round < 20 && !begun(year + 1); round++) {
			int64_t until;

			start(clock);
			clock = "rate:20"; /* where it was */
			until = real_ms() + 100 + rand() % 400;
			while (real_ms() < until && !begun(year + 1)) {
				push(1);
				pause_ms(5);
			}
			assert_int_equal(kill(world.daemon.pid, SIGKILL), 0);
			(void)process_wait(&world.daemon, WAIT_MS);
		}
		assert_true(begun(year + 1));
		start("rate:20");
		push(3);
		assert_true(world_quiet(&world, WAIT_MS));
		assert_int_equal(process_stop(&world.daemon, WAIT_MS), 0);
		expect_turns(year - 2035);
	}
}

/* Its log is sealed by the next life's first word; a year without a record has no log. */
static void an_instance_that_slept_over_it(void **state)
{
	(void)state;
	world.events_at = (int64_t)date_of(2036, 5, 1).days * DAY_MS;
	start("start:2036-06-01T08:00:00Z,rate:1");
	push(5);
	assert_true(world_quiet(&world, WAIT_MS));
	assert_int_equal(process_stop(&world.daemon, WAIT_MS), 0);
	expect_turns(0);
	start("start:2038-03-01T08:00:00Z,rate:1");
	push(5);
	assert_true(world_quiet(&world, WAIT_MS));
	assert_int_equal(process_stop(&world.daemon, WAIT_MS), 0);
	assert_false(begun(2037));
	assert_true(begun(2038));
	expect_turns(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_year_ends_while_it_works, setup, teardown),
		cmocka_unit_test_setup_teardown(killed_at_the_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(an_instance_that_slept_over_it, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
