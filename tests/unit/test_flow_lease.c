/* Owning the partition: what is asked of the store about it, and what becomes of an answer that is late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/flow_world.h"

/* The process was stopped between question and answer: it was ours once, and nothing may start by it. It is asked for again, and not in five seconds. */
static void a_lease_told_late_is_renewed_at_once(void **state)
{
	struct world *w = running(0);

	(void)state;
	w->held[LEASE] = true;
	pass(w, LEASE_RENEW_MS + 1000);
	assert_int_equal(waiting(w, LEASE), 1);
	pass(w, 2 * LEASE_TTL_MS);
	assert_true(w->dunner->lease_until < w->mono);
	w->held[LEASE] = false;
	pass(w, 300);
	assert_true(w->dunner->lease_until > w->mono + LEASE_TTL_MS - 1000);
	close_world(w);
}

/* Another one gave the partition away while we were told to stop: what the store grants us then, nobody else would get before it runs out. */
static void a_stop_gives_back_what_is_being_granted(void **state)
{
	struct world *w = open_world(0);

	(void)state;
	w->held[LEASE] = w->held[RELEASE] = true;
	settle(w);
	assert_int_equal(waiting(w, LEASE), 1);
	dunner_stop(w->dunner);
	assert_int_equal(waiting(w, RELEASE), 1);
	assert_int_equal(w->stopped, 0);
	w->held[LEASE] = false;
	pass(w, 2 * LEASE_TTL_MS);
	assert_int_equal(w->dunner->epoch, 0);
	assert_int_equal(waiting(w, LEASE), 0); /* nor is it asked for again */
	w->held[RELEASE] = false;
	pass(w, 1000);
	assert_int_equal(w->stopped, 1);
	close_world(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lease_told_late_is_renewed_at_once),
		cmocka_unit_test(a_stop_gives_back_what_is_being_granted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
