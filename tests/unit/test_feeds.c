/* How far the payments of all ledgers are known, and when that is too old for a policy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/debtor.h"
#include "common/escalation.h"
#include "common/utc.h"

static void the_oldest_binds(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct debtor system = { 0 };

	(void)state;
	assert_int_equal(debtor_payments_known_to(&system, NULL), 0);
	assert_true(debtor_feed_told(&system, arena, "bank", 5000));
	assert_true(debtor_feed_told(&system, arena, "cards", 3000));
	assert_int_equal(debtor_payments_known_to(&system, NULL), 3000);
	assert_false(debtor_feed_told(&system, arena, "cards", 2000)); /* never back */
	assert_true(debtor_feed_told(&system, arena, "cards", 6000));
	assert_int_equal(debtor_payments_known_to(&system, NULL), 5000);
}

static void a_named_ledger_binds_before_it_spoke(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *const ledgers[] = { "bank", "cards", NULL };
	struct debtor system = { 0 };

	(void)state;
	assert_int_equal(debtor_payments_known_to(&system, ledgers), 1);
	(void)debtor_feed_told(&system, arena, "bank", 5000);
	assert_int_equal(debtor_payments_known_to(&system, ledgers), 1);
	(void)debtor_feed_told(&system, arena, "cards", 7000);
	assert_int_equal(debtor_payments_known_to(&system, ledgers), 5000);
}

static void bounded_and_kept(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct debtor system = { 0 }, again;

	(void)state;
	assert_false(debtor_feed_told(&system, arena, "bank", 0));
	for (int i = 0; i < FEEDS_MAX; i++)
		assert_true(debtor_feed_told(&system, arena, arena_printf(arena, "ledger-%d", i), 9000 + i));
	assert_false(debtor_feed_told(&system, arena, "one more", 100));
	assert_int_equal(debtor_payments_known_to(&system, NULL), 9000);
	system.id = "system";
	debtor_write(&text, &system);
	assert_int_equal(debtor_read(arena, text.data, text.len, &again, NULL), 0);
	assert_int_equal(again.feed_count, FEEDS_MAX);
	assert_int_equal(debtor_payments_known_to(&again, NULL), 9000);
}

static void too_old_for_the_policy(void **state)
{
	struct policy policy = { .freshness_ms = 26 * HOUR_MS };

	(void)state;
	assert_int_equal(feed_stale_since(&policy, 1000, 1000 + 26 * HOUR_MS), 0);
	assert_int_equal(feed_stale_since(&policy, 1000, 1001 + 26 * HOUR_MS), 1000 + 26 * HOUR_MS);
	assert_int_equal(feed_stale_since(&policy, 0, 90 * DAY_MS), 0); /* no feed was ever told of */
	policy.freshness_ms = 0;
	assert_int_equal(feed_stale_since(&policy, 1000, 90 * DAY_MS), 0);
	assert_int_equal(feed_stale_since(NULL, 1000, 90 * DAY_MS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_binds),
		cmocka_unit_test(a_named_ledger_binds_before_it_spoke),
		cmocka_unit_test(bounded_and_kept),
		cmocka_unit_test(too_old_for_the_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
