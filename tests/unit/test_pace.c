/* How fast a provider is asked: each rule alone, then the rate and the fairness over played hours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/pace.h"
#include "common/utc.h"

#define WALL INT64_C(1772442000000) /* 2026-03-02T09:00:00Z */
#define MS INT64_C(1000)
#define SEC INT64_C(1000000)

struct world {
	struct pace pace;
	struct pace_time now;
};

static struct world world(struct pace_limits limits)
{
	struct world w = { .now = { 1000 * SEC, WALL } };

	pace_init(&w.pace, &limits);
	return w;
}

static void pass(struct world *w, int64_t us)
{
	w->now.us += us;
	w->now.wall += us / MS;
}

static enum pace_why start(struct world *w)
{
	return pace_start(&w->pace, &w->now, true).why;
}

static bool end_as(struct world *w, enum outcome_kind kind, enum outcome_scope scope, int status, int64_t retry_after)
{
	struct outcome outcome = { .kind = kind, .scope = scope, .status = status, .retry_after_ms = retry_after, .reason = "test" };

	return pace_end(&w->pace, &w->now, &outcome, 1000);
}

static void accept(struct world *w)
{
	(void)end_as(w, OUTCOME_ACCEPTED, SCOPE_MESSAGE, 202, 0);
}

/* One request that ends so at once. */
static bool once(struct world *w, enum outcome_kind kind, enum outcome_scope scope, int status, int64_t retry_after)
{
	assert_int_equal(start(w), PACE_GO);
	return end_as(w, kind, scope, status, retry_after);
}

static void ask_is(struct world *w, size_t ahead, enum pace_why why, int64_t wait_us)
{
	struct pace_verdict verdict = pace_ask(&w->pace, &w->now, ahead);

	assert_string_equal(pace_why_names[verdict.why], pace_why_names[why]);
	if (wait_us >= 0)
		assert_int_equal(verdict.wait_us, wait_us);
}

static void grown(struct world *w) /* the careful beginning is over */
{
	w->pace.window = w->pace.limits.concurrency;
}

/* --- rate ----------------------------------------------------------------------------------------------------------------- */

static void a_rate_keeps_its_distance(void **state)
{
	struct world w = world((struct pace_limits){ .per_second = 4, .concurrency = 9 });

	(void)state;
	assert_int_equal(start(&w), PACE_GO);
	assert_int_equal(start(&w), PACE_RATE);
	pass(&w, 249 * MS);
	assert_int_equal(start(&w), PACE_RATE);
	pass(&w, 1 * MS);
	assert_int_equal(start(&w), PACE_GO);
	pass(&w, 900 * MS); /* a rest is not made up for */
	assert_int_equal(start(&w), PACE_GO);
	assert_int_equal(start(&w), PACE_RATE);
}

static void a_burst_is_what_the_file_grants(void **state)
{
	struct world w = world((struct pace_limits){ .per_second = 2, .burst = 3, .concurrency = 9 });

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(start(&w), PACE_GO);
	assert_int_equal(start(&w), PACE_RATE);
	pass(&w, 500 * MS);
	assert_int_equal(start(&w), PACE_GO);
	assert_int_equal(start(&w), PACE_RATE);
}

/* Whatever the timers do, and as fast as anybody asks: no second has more starts than the rate. */
static void no_second_has_more(void **state)
{
	static const int64_t rates[] = { 1, 2, 7, 30, 49, 50, 100, 450, 3000 };

	(void)state;
	for (size_t r = 0; r < ARRAY_LEN(rates); r++) {
		struct world w = world((struct pace_limits){ .per_second = rates[r], .concurrency = 250 });
		int64_t *starts = xcalloc(100000, sizeof(*starts));
		size_t count = 0, first = 0;

		srand(7);
		for (int64_t stop = w.now.us + 20 * SEC; w.now.us < stop;) {
			struct pace_verdict verdict = pace_start(&w.pace, &w.now, true);

			if (verdict.why == PACE_GO) {
				starts[count++] = w.now.us;
				accept(&w);
				while (w.now.us - starts[first] >= SEC)
					first++;
				if (count - first > (size_t)rates[r])
					fail_msg("%zu in a second of %lld", count - first, (long long)rates[r]);
			} else {
				assert_int_equal(verdict.why, PACE_RATE);
				pass(&w, verdict.wait_us + rand() % 3000); /* the loop is busy */
			}
		}
		if ((int64_t)count < rates[r] * 20 * 8 / 10) /* and it is used */
			fail_msg("only %zu of %lld", count, (long long)rates[r] * 20);
		free(starts);
	}
}

static void what_is_released_begins_within_a_second(void **state)
{
	struct world w = world((struct pace_limits){ .per_second = 4, .concurrency = 40 });

	(void)state;
	grown(&w);
	ask_is(&w, 0, PACE_GO, -1);
	ask_is(&w, 4, PACE_GO, -1);
	ask_is(&w, 5, PACE_RATE, 250 * MS);
	w.pace.queued = 3;
	ask_is(&w, 1, PACE_GO, -1);
	ask_is(&w, 2, PACE_RATE, 250 * MS);
	ask_is(&w, 10, PACE_RATE, 2250 * MS);
}

static void concurrency_is_kept(void **state)
{
	struct world w = world((struct pace_limits){ .concurrency = 2 });

	(void)state;
	grown(&w);
	assert_int_equal(start(&w), PACE_GO);
	assert_int_equal(start(&w), PACE_GO);
	assert_int_equal(start(&w), PACE_CONCURRENCY);
	w.pace.span_us = 500 * MS;
	ask_is(&w, 3, PACE_GO, -1); /* made ready meanwhile: four a second */
	ask_is(&w, 4, PACE_CONCURRENCY, 250 * MS);
	accept(&w);
	assert_int_equal(start(&w), PACE_GO);
}

/* At every start, and when an outage is over. */
static void it_begins_carefully(void **state)
{
	struct world w = world((struct pace_limits){ .concurrency = 16 });
	size_t hand = 0, rounds = 0;

	(void)state;
	for (; w.pace.window < 16; rounds++) {
		for (hand = 0; pace_ask(&w.pace, &w.now, 0).why == PACE_GO; hand++)
			assert_int_equal(start(&w), PACE_GO);
		assert_int_equal(hand, 1u << rounds);
		for (size_t i = 0; i < hand; i++)
			accept(&w);
	}
	assert_int_equal(rounds, 4);
	assert_int_equal(w.pace.window, 16);
	(void)once(&w, OUTCOME_IN_DOUBT, SCOPE_MESSAGE, 0, 0);
	assert_int_equal(w.pace.window, 8);
}

/* --- what the provider says ---------------------------------------------------------------------------------------------- */

static void retry_after_is_kept(void **state)
{
	struct world w = world((struct pace_limits){ .concurrency = 4 });

	(void)state;
	assert_true(once(&w, OUTCOME_THROTTLED, SCOPE_MESSAGE, 429, 600000));
	ask_is(&w, 0, PACE_RETRY_AFTER, 600 * SEC);
	assert_int_equal(start(&w), PACE_RETRY_AFTER);
	pass(&w, 600 * SEC - 1);
	assert_int_equal(start(&w), PACE_RETRY_AFTER);
	pass(&w, 1);
	(void)once(&w, OUTCOME_THROTTLED, SCOPE_MESSAGE, 429, 1); /* at least a second, at most a day */
	ask_is(&w, 0, PACE_RETRY_AFTER, PACE_PAUSE_MIN_MS * MS);
	pass(&w, PACE_PAUSE_MIN_MS * MS);
	(void)once(&w, OUTCOME_THROTTLED, SCOPE_MESSAGE, 429, INT64_MAX / 4);
	ask_is(&w, 0, PACE_RETRY_AFTER, PACE_PAUSE_MAX_MS * MS);
	pace_forgive(&w.pace);
	ask_is(&w, 0, PACE_GO, -1);
}

static void without_one_the_pause_doubles(void **state)
{
	struct world w = world((struct pace_limits){ .concurrency = 4 });
	int64_t pause = PACE_PAUSE_MIN_MS;

	(void)state;
	for (int i = 0; i < 12; i++) {
		assert_true(once(&w, OUTCOME_THROTTLED, SCOPE_MESSAGE, 429, 0));
		ask_is(&w, 0, PACE_RETRY_AFTER, pause * MS);
		pass(&w, pause * MS);
		pause = pause * 2 < PACE_PAUSE_DOUBLED_MS ? pause * 2 : PACE_PAUSE_DOUBLED_MS;
	}
	(void)once(&w, OUTCOME_ACCEPTED, SCOPE_MESSAGE, 202, 0);
	(void)once(&w, OUTCOME_THROTTLED, SCOPE_MESSAGE, 429, 0);
	ask_is(&w, 0, PACE_RETRY_AFTER, PACE_PAUSE_MIN_MS * MS);
}

/* Whatever the status: the file's rule has read the answer. */
static void throttled_by_any_status(void **state)
{
	static const struct {
		enum outcome_scope scope;
		int status;
		enum pace_why why;
	} rows[] = { { SCOPE_MESSAGE, 429, PACE_RETRY_AFTER }, { SCOPE_MESSAGE, 200, PACE_RETRY_AFTER }, { SCOPE_MESSAGE, 400, PACE_RETRY_AFTER },
		{ SCOPE_MESSAGE, 503, PACE_RETRY_AFTER }, { SCOPE_RECIPIENT, 429, PACE_GO }, { SCOPE_RECIPIENT, 200, PACE_GO },
		{ SCOPE_MESSAGE, 0, PACE_GO } }; /* the last one never left */

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world w = world((struct pace_limits){ .concurrency = 4 });

		assert_int_equal(once(&w, OUTCOME_THROTTLED, rows[i].scope, rows[i].status, 60000), rows[i].why != PACE_GO);
		ask_is(&w, 0, rows[i].why, rows[i].why ? 60 * SEC : -1);
	}
}

/* --- the breaker --------------------------------------------------------------------------------------------------------- */

static const struct trouble {
	const char *name;
	enum outcome_kind kind;
	enum outcome_scope scope;
	int status;
	bool counts, certain;
} troubles[] = {
	{ "no connection counts", OUTCOME_TEMPORARY, SCOPE_MESSAGE, 0, true, true },
	{ "a failed step before it counts", OUTCOME_TEMPORARY, SCOPE_MESSAGE, 503, true, true },
	{ "silence counts, and leaves a doubt", OUTCOME_IN_DOUBT, SCOPE_MESSAGE, 0, true, false },
	{ "an error of the server counts, and leaves a doubt", OUTCOME_IN_DOUBT, SCOPE_MESSAGE, 502, true, false },
	{ "an answer without an id counts", OUTCOME_IN_DOUBT, SCOPE_MESSAGE, 200, true, false },
	{ "a bad address does not", OUTCOME_REFUSED, SCOPE_RECIPIENT, 400, false, true },
	{ "a token that ran out does not", OUTCOME_TEMPORARY, SCOPE_MESSAGE, 401, false, true },
	{ "what was cancelled here does not", OUTCOME_CANCELLED, SCOPE_MESSAGE, 0, false, true },
	{ "a request that could not be made does not", OUTCOME_REFUSED, SCOPE_MESSAGE, 0, false, true },
};

static void trouble(void **state)
{
	const struct trouble *row = *state;
	struct world w = world((struct pace_limits){ .concurrency = 4, .failures = 3 });

	for (int i = 0; i < 2; i++)
		assert_false(once(&w, row->kind, row->scope, row->status, 0));
	ask_is(&w, 0, PACE_GO, -1);
	assert_int_equal(once(&w, row->kind, row->scope, row->status, 0), row->counts);
	ask_is(&w, 0, row->counts ? PACE_DOWN : PACE_GO, row->counts ? PACE_DOWN_MS * MS : -1);
	if (row->counts)
		assert_int_equal(pace_ask(&w.pace, &w.now, 0).certain, row->certain);
}

static void one_that_ends_well_is_none(void **state)
{
	struct world w = world((struct pace_limits){ .concurrency = 4, .failures = 3 });

	(void)state;
	for (int i = 0; i < 9; i++)
		(void)once(&w, i % 3 == 2 ? OUTCOME_ACCEPTED : OUTCOME_TEMPORARY, SCOPE_MESSAGE, i % 3 == 2 ? 202 : 0, 0);
	ask_is(&w, 0, PACE_GO, -1);
}

static void one_message_probes(void **state)
{
	struct world w = world((struct pace_limits){ .concurrency = 4, .failures = 1 });
	int64_t pause = PACE_DOWN_MS;

	(void)state;
	grown(&w);
	(void)once(&w, OUTCOME_TEMPORARY, SCOPE_MESSAGE, 0, 0);
	for (int i = 0; i < 10; i++) {
		ask_is(&w, 0, PACE_DOWN, pause * MS);
		assert_int_equal(start(&w), PACE_DOWN);
		pass(&w, pause * MS);
		ask_is(&w, 0, PACE_GO, -1);
		ask_is(&w, 1, PACE_DOWN, PACE_PROBE_LOOK_MS * MS);
		assert_int_equal(start(&w), PACE_GO);
		assert_int_equal(start(&w), PACE_DOWN); /* one */
		ask_is(&w, 0, PACE_DOWN, PACE_PROBE_LOOK_MS * MS);
		assert_true(end_as(&w, OUTCOME_TEMPORARY, SCOPE_MESSAGE, 0, 0));
		pause = pause * 2 < PACE_DOWN_MAX_MS ? pause * 2 : PACE_DOWN_MAX_MS;
	}
	assert_int_equal(pause, PACE_DOWN_MAX_MS);
	pass(&w, pause * MS);
	assert_int_equal(start(&w), PACE_GO);
	(void)end_as(&w, OUTCOME_CANCELLED, SCOPE_MESSAGE, 0, 0); /* it told nothing: the next one does */
	assert_int_equal(start(&w), PACE_GO);
	accept(&w);
	assert_int_equal(w.pace.open, PACE_GO);
	assert_int_equal(w.pace.window, 1); /* slowly: there may be much waiting */
	(void)once(&w, OUTCOME_TEMPORARY, SCOPE_MESSAGE, 0, 0);
	ask_is(&w, 0, PACE_DOWN, PACE_DOWN_MS * MS); /* from the beginning */
}

/* What was on its way when it opened neither closes it nor makes the pause longer. */
static void late_answers_tell_nothing(void **state)
{
	struct world w = world((struct pace_limits){ .concurrency = 4, .failures = 1 });

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(start(&w), PACE_GO);
	assert_true(end_as(&w, OUTCOME_TEMPORARY, SCOPE_MESSAGE, 0, 0));
	assert_false(end_as(&w, OUTCOME_TEMPORARY, SCOPE_MESSAGE, 0, 0));
	accept(&w);
	ask_is(&w, 0, PACE_DOWN, PACE_DOWN_MS * MS);
	pass(&w, PACE_DOWN_MS * MS);
	assert_int_equal(start(&w), PACE_DOWN); /* the fourth is out still */
	accept(&w);
	assert_int_equal(start(&w), PACE_GO);
}

static void a_refused_account_opens_at_once(void **state)
{
	struct world w = world((struct pace_limits){ .concurrency = 4, .failures = 100 });

	(void)state;
	assert_true(once(&w, OUTCOME_REFUSED, SCOPE_PROVIDER, 401, 0));
	ask_is(&w, 0, PACE_REFUSED, PACE_REFUSED_MS * MS);
	assert_true(pace_ask(&w.pace, &w.now, 0).certain);
	pass(&w, PACE_REFUSED_MS * MS);
	assert_true(once(&w, OUTCOME_REFUSED, SCOPE_PROVIDER, 401, 0));
	ask_is(&w, 0, PACE_REFUSED, 2 * PACE_REFUSED_MS * MS);
	pace_forgive(&w.pace); /* a person mended it */
	(void)once(&w, OUTCOME_ACCEPTED, SCOPE_MESSAGE, 202, 0);
	ask_is(&w, 0, PACE_GO, -1);
}

/* No pause: a pause is waited for, and a quota that is used up is what a second provider is for. */
static void a_quota_that_is_told_opens_at_once(void **state)
{
	struct world w = world((struct pace_limits){ .concurrency = 4, .failures = 100 });

	(void)state;
	assert_int_equal(start(&w), PACE_GO);
	assert_true(once(&w, OUTCOME_THROTTLED, SCOPE_PROVIDER, 429, 90000));
	assert_false(end_as(&w, OUTCOME_THROTTLED, SCOPE_PROVIDER, 429, 90000)); /* it was on its way */
	ask_is(&w, 0, PACE_QUOTA, 90 * SEC); /* as it says, also less than for an account that is refused */
	assert_true(pace_ask(&w.pace, &w.now, 0).certain);
	pass(&w, 90 * SEC);
	assert_true(once(&w, OUTCOME_THROTTLED, SCOPE_PROVIDER, 402, INT64_MAX / 4));
	ask_is(&w, 0, PACE_QUOTA, PACE_PAUSE_MAX_MS * MS);
	pass(&w, PACE_PAUSE_MAX_MS * MS);
	(void)once(&w, OUTCOME_ACCEPTED, SCOPE_MESSAGE, 202, 0); /* the one that tries */
	ask_is(&w, 0, PACE_GO, -1);
	for (int64_t pause = PACE_REFUSED_MS; pause < PACE_REFUSED_MAX_MS; pause *= 2) { /* without a word of when */
		assert_true(once(&w, OUTCOME_THROTTLED, SCOPE_PROVIDER, 402, 0));
		ask_is(&w, 0, PACE_QUOTA, pause * MS);
		pass(&w, pause * MS);
	}
}

/* --- quotas -------------------------------------------------------------------------------------------------------------- */

static void a_quota_is_kept(void **state)
{
	struct world w = world((struct pace_limits){ .concurrency = 4, .quota = { [PACE_HOUR] = 3, [PACE_DAY] = 4 } });

	(void)state;
	grown(&w);
	pass(&w, 50 * 60 * SEC);
	ask_is(&w, 2, PACE_GO, -1);
	ask_is(&w, 3, PACE_QUOTA, 600 * SEC);
	for (int i = 0; i < 3; i++)
		(void)once(&w, OUTCOME_ACCEPTED, SCOPE_MESSAGE, 202, 0);
	assert_int_equal(start(&w), PACE_QUOTA);
	assert_int_equal(pace_start(&w.pace, &w.now, false).why, PACE_GO); /* a look-up is no message */
	accept(&w);
	pass(&w, -120 * 60 * SEC); /* a clock set back earns nothing */
	w.now.us += 120 * 60 * SEC;
	assert_int_equal(start(&w), PACE_QUOTA);
	pass(&w, 130 * 60 * SEC);
	(void)once(&w, OUTCOME_ACCEPTED, SCOPE_MESSAGE, 202, 0);
	ask_is(&w, 0, PACE_QUOTA, (pace_window_end(PACE_DAY, WALL) - w.now.wall) * MS);
}

static void an_earlier_life_counts(void **state)
{
	struct world w = world((struct pace_limits){ .concurrency = 4, .quota = { [PACE_DAY] = 10 } });

	(void)state;
	pace_used(&w.pace, PACE_DAY, pace_window_from(PACE_DAY, WALL) - DAY_MS, 9); /* yesterday's */
	ask_is(&w, 0, PACE_GO, -1);
	pace_used(&w.pace, PACE_DAY, pace_window_from(PACE_DAY, WALL), 4); /* a partition's */
	pace_used(&w.pace, PACE_DAY, pace_window_from(PACE_DAY, WALL), 5); /* and another's */
	(void)once(&w, OUTCOME_ACCEPTED, SCOPE_MESSAGE, 202, 0);
	ask_is(&w, 0, PACE_QUOTA, -1);
}

/* --- one account, several processes ---------------------------------------------------------------------------------------- */

static void shares_keep_the_whole(void **state)
{
	const struct pace_limits limits = { .per_second = 60, .burst = 13, .concurrency = 7, .quota = { [PACE_DAY] = 100, [PACE_HOUR] = 1 } };
	static const int64_t led[] = { 3, 4, 5 };
	struct world w[3];
	int64_t first = 0, quota = 0, concurrency = 0;
	int started = 0;

	(void)state;
	for (int i = 0; i < 3; i++) {
		w[i] = world(limits);
		pace_share(&w[i].pace, led[i], 12);
		quota += w[i].pace.limits.quota[PACE_DAY];
		concurrency += w[i].pace.limits.concurrency;
		assert_int_equal(w[i].pace.limits.quota[PACE_HOUR], 1); /* never none */
		w[i].pace.limits.quota[PACE_HOUR] = w[i].pace.limits.quota[PACE_DAY] = 0;
		w[i].now.us += 10 * SEC;
	}
	assert_in_range(quota, 98, 100);
	assert_in_range(concurrency, 5, 7);
	for (int64_t us = 0; us < SEC; us += MS)
		for (int i = 0; i < 3; i++) {
			w[i].now.us += MS;
			while (start(&w[i]) == PACE_GO) {
				accept(&w[i]);
				started++;
			}
			first += us == 0 && i == 2 ? started : 0;
		}
	assert_in_range(first, 10, 16); /* the burst is one for all, and what a late timer may make up for */
	assert_in_range(started, 60, 60 + 16);
}

static void a_share_changes(void **state)
{
	struct world w = world((struct pace_limits){ .per_second = 12, .concurrency = 6, .quota = { [PACE_DAY] = 60 } });

	(void)state;
	pace_share(&w.pace, 6, 12);
	for (int i = 0; i < 29; i++) {
		assert_int_equal(start(&w), PACE_GO);
		accept(&w);
		pass(&w, SEC / 6 + MS);
	}
	ask_is(&w, 1, PACE_QUOTA, -1);
	pace_share(&w.pace, 12, 12); /* the other one is gone: its part is ours */
	assert_int_equal(w.pace.limits.concurrency, 6);
	assert_int_equal(w.pace.window, 3); /* it grows into it */
	grown(&w);
	ask_is(&w, 1, PACE_GO, -1);
	for (int i = 0; i < 12; i++) {
		assert_int_equal(start(&w), PACE_GO);
		accept(&w);
		pass(&w, SEC / 12 + MS);
	}
	pace_share(&w.pace, 4, 12); /* two came: what was used stays used */
	assert_int_equal(w.pace.limits.concurrency, 2);
	ask_is(&w, 0, PACE_QUOTA, -1);
	pace_limit(&w.pace, &(struct pace_limits){ .per_second = 12, .concurrency = 9 }); /* a reload keeps the share */
	assert_int_equal(w.pace.limits.concurrency, 3);
}

static void windows_of_the_calendar(void **state)
{
	int64_t at, expected;

	(void)state;
	assert_int_equal(utc_parse("2026-12-31T23:59:59Z", &at), 0);
	assert_int_equal(utc_parse("2027-01-01T00:00:00Z", &expected), 0);
	for (int w = 0; w < PACE_WINDOW_COUNT; w++)
		assert_int_equal(pace_window_end((enum pace_window)w, at), expected);
	assert_int_equal(utc_parse("2026-12-01T00:00:00Z", &expected), 0);
	assert_int_equal(pace_window_from(PACE_MONTH, at), expected);
	assert_int_equal(pace_window_from(PACE_MONTH, expected), expected);
	assert_int_equal(pace_window_from(PACE_HOUR, at), at - 3599 * SECOND_MS);
}

/* --- turns --------------------------------------------------------------------------------------------------------------- */

static void a_burst_waits_behind_itself(void **state)
{
	struct world w = world((struct pace_limits){ .per_second = 10, .concurrency = 4 });
	int64_t last = 0, slot;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		slot = pace_slot(&w.pace, &w.now, "cus_big", 50 * MS);
		assert_true(slot >= 50 * MS && slot > last);
		last = slot;
	}
	assert_in_range(last, 95 * SEC, 105 * SEC); /* a thousand at ten a second: nothing is given away */
	assert_true(pace_slot(&w.pace, &w.now, "cus_small", 50 * MS) <= SEC);
	/* With both there, the big one's later messages leave every second turn to the small one. */
	slot = pace_slot(&w.pace, &w.now, "cus_small", 50 * MS);
	assert_true(slot <= 2 * SEC);
}

static void many_debtors_share_the_rate(void **state)
{
	struct world w = world((struct pace_limits){ .per_second = 10, .concurrency = 4 });
	int64_t last = 0;
	char who[16];

	(void)state;
	for (int i = 0; i < 10000; i++) {
		int64_t slot;

		snprintf(who, sizeof(who), "cus_%d", i);
		slot = pace_slot(&w.pace, &w.now, who, MS);
		last = slot > last ? slot : last;
	}
	assert_in_range(last, 800 * SEC, 2000 * SEC); /* 1000 s is what it takes */
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_LEN(troubles) + 22];
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_LEN(troubles); i++)
		tests[count++] = (struct CMUnitTest){ .name = troubles[i].name, .test_func = trouble, .initial_state = (void *)&troubles[i] };
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(a_rate_keeps_its_distance);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(a_burst_is_what_the_file_grants);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(no_second_has_more);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(what_is_released_begins_within_a_second);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(concurrency_is_kept);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(it_begins_carefully);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(retry_after_is_kept);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(without_one_the_pause_doubles);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(throttled_by_any_status);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(one_that_ends_well_is_none);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(one_message_probes);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(late_answers_tell_nothing);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(a_refused_account_opens_at_once);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(a_quota_that_is_told_opens_at_once);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(a_quota_is_kept);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(an_earlier_life_counts);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(shares_keep_the_whole);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(a_share_changes);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(windows_of_the_calendar);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(a_burst_waits_behind_itself);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(many_debtors_share_the_rate);
	return _cmocka_run_group_tests("pace", tests, count, NULL, NULL);
}
