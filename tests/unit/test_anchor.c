/* When an anchor is asked, and how long the oldest leaf waits: played over hours and days; and the file that keeps it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/anchor.h"

#define T0 INT64_C(1800000000000)
#define EVERY HOUR_MS

static struct anchor_state state;
static struct anchor_mark *mark;

static int begin(void **arg)
{
	(void)arg;
	anchor_state_clear(&state);
	mark = anchor_mark(&state, "tsa-1", ANCHOR_TIMESTAMP);
	return 0;
}

static int end(void **arg)
{
	(void)arg;
	anchor_state_clear(&state);
	return 0;
}

static bool due(int64_t now)
{
	return anchor_due(&state, mark, EVERY, now);
}

/* --- when -------------------------------------------------------------------------------------------------- */

static void an_empty_log_calls_for_nothing(void **arg)
{
	(void)arg;
	assert_int_equal(anchor_due_at(&state, mark, EVERY), 0);
	assert_true(anchor_seen(&state, 0, T0));
	assert_false(due(T0));
	assert_int_equal(anchor_age_ms(mark, T0 + DAY_MS), 0);
}

static void the_first_leaf_is_anchored_at_once(void **arg)
{
	(void)arg;
	assert_true(anchor_seen(&state, 1, T0));
	assert_true(due(T0));
	assert_int_equal(anchor_age_ms(mark, T0 + 5), 5);
}

static void new_leaves_call_once_an_hour(void **arg)
{
	(void)arg;
	anchor_seen(&state, 10, T0);
	anchor_done(&state, mark, 10, T0, T0);
	assert_false(due(T0));
	anchor_seen(&state, 11, T0 + 60 * SECOND_MS);
	anchor_seen(&state, 12, T0 + 120 * SECOND_MS);
	assert_false(due(T0 + EVERY - 1));
	assert_true(due(T0 + EVERY));
	assert_int_equal(anchor_age_ms(mark, T0 + EVERY), EVERY - 60 * SECOND_MS); /* the oldest one's */
}

static void an_idle_log_is_left_alone(void **arg)
{
	(void)arg;
	anchor_seen(&state, 10, T0);
	anchor_done(&state, mark, 10, T0, T0);
	anchor_seen(&state, 10, T0 + 40 * DAY_MS);
	assert_int_equal(anchor_due_at(&state, mark, EVERY), 0);
}

static void its_own_record_calls_for_nothing(void **arg)
{
	struct anchor_mark *other = anchor_mark(&state, "tsa-2", ANCHOR_TIMESTAMP);

	(void)arg;
	mark = anchor_mark(&state, "tsa-1", ANCHOR_TIMESTAMP);
	anchor_seen(&state, 10, T0);
	anchor_done(&state, mark, 10, T0, T0);
	anchor_token(&state);
	anchor_done(&state, other, 10, T0, T0);
	anchor_token(&state);
	for (int hours = 1; hours < 100; hours++) {
		anchor_seen(&state, 12, T0 + hours * HOUR_MS);
		assert_false(due(T0 + hours * HOUR_MS));
		assert_false(anchor_due(&state, other, EVERY, T0 + hours * HOUR_MS));
	}
	anchor_seen(&state, 13, T0 + 100 * HOUR_MS); /* but this one does */
	assert_true(due(T0 + 100 * HOUR_MS));
	assert_true(anchor_due(&state, other, EVERY, T0 + 100 * HOUR_MS));
	anchor_done(&state, mark, 13, T0 + 100 * HOUR_MS, T0 + 100 * HOUR_MS);
	assert_false(due(T0 + 200 * HOUR_MS));
}

static void leaves_that_came_during_a_request_wait_from_its_beginning(void **arg)
{
	(void)arg;
	anchor_seen(&state, 10, T0);
	anchor_seen(&state, 15, T0 + 20 * SECOND_MS);
	anchor_done(&state, mark, 10, T0 + 1, T0 + 5 * SECOND_MS);
	assert_int_equal(anchor_age_ms(mark, T0 + MINUTE_MS), 55 * SECOND_MS);
	assert_true(due(T0 + 5 * SECOND_MS + EVERY));
}

static void failures_put_the_next_try_off_and_off(void **arg)
{
	static const int64_t minutes[] = { 1, 2, 4, 8, 16, 32, 60, 60, 60 };
	int64_t now = T0;

	(void)arg;
	anchor_seen(&state, 10, now);
	for (size_t i = 0; i < ARRAY_LEN(minutes); i++) {
		assert_true(due(now));
		anchor_failed(&state, mark, "timeout", now);
		assert_string_equal(mark->word, "timeout");
		assert_false(due(now + minutes[i] * MINUTE_MS - 1));
		now += minutes[i] * MINUTE_MS;
	}
	for (int i = 0; i < 100; i++) /* no overflow, whatever it takes */
		anchor_failed(&state, mark, "timeout", now);
	assert_true(due(now + HOUR_MS));
	anchor_done(&state, mark, 10, now, now);
	assert_string_equal(mark->word, "");
	assert_int_equal(mark->failures, 0);
	assert_int_equal(anchor_age_ms(mark, now + DAY_MS), 0);
}

/* Also when nothing new calls for it; until it answers well, whatever else becomes of it meanwhile. The hold is a person's to lift. */
static void who_disagrees_is_asked_again(void **arg)
{
	static const char *const words[] = { "ahead", "forked" };

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		state.held = false;
		anchor_seen(&state, 10, T0);
		anchor_done(&state, mark, 10, T0, T0);
		assert_false(due(T0 + DAY_MS));
		anchor_failed(&state, mark, words[i], T0);
		assert_true(mark->disagrees && state.held);
		assert_false(due(T0 + MINUTE_MS - 1));
		assert_true(due(T0 + MINUTE_MS));
		anchor_failed(&state, mark, "timeout", T0);
		assert_true(mark->disagrees);
		anchor_want(mark);
		assert_true(due(T0));
		anchor_well(mark);
		assert_false(mark->disagrees || due(T0 + DAY_MS));
		assert_true(state.held);
	}
}

/* Whatever fails, and however often it is tried: the age goes on, and the alarm comes after 25 hours. */
static void failures_do_not_rejuvenate_what_waits(void **arg)
{
	int64_t now = T0;

	(void)arg;
	anchor_seen(&state, 10, now);
	while (now < T0 + ANCHOR_ALARM_MS) {
		assert_true(anchor_age_ms(mark, now) < ANCHOR_ALARM_MS);
		anchor_seen(&state, state.size + 1, now);
		if (due(now))
			anchor_failed(&state, mark, "refused", now);
		now += MINUTE_MS;
	}
	assert_true(anchor_age_ms(mark, now) >= ANCHOR_ALARM_MS);
}

static void a_person_is_not_kept_waiting(void **arg)
{
	(void)arg;
	anchor_seen(&state, 10, T0);
	anchor_done(&state, mark, 10, T0, T0);
	anchor_want(mark);
	assert_false(due(T0)); /* there is nothing to anchor */
	anchor_token(&state);
	anchor_seen(&state, 11, T0 + 1);
	assert_true(due(T0 + 1)); /* even its own record */
	anchor_failed(&state, mark, "timeout", T0 + 1);
	assert_false(due(T0 + 2));
	anchor_want(mark);
	assert_true(due(T0 + 2));
	anchor_done(&state, mark, 11, T0 + 2, T0 + 2);
	assert_false(mark->wanted);
}

static void a_clock_set_back_does_not_stop_it(void **arg)
{
	(void)arg;
	anchor_seen(&state, 10, T0);
	anchor_done(&state, mark, 10, T0, T0);
	anchor_seen(&state, 11, T0);
	assert_false(due(T0 + 1));
	assert_true(due(T0 - DAY_MS));
	assert_int_equal(anchor_age_ms(mark, T0 - DAY_MS), 0);
}

static void a_log_never_gets_smaller(void **arg)
{
	(void)arg;
	assert_true(anchor_seen(&state, 10, T0));
	assert_false(anchor_seen(&state, 9, T0));
	assert_int_equal(state.size, 10);
	state.size = 5; /* restored, but what was vouched for is known */
	mark->size = 10;
	assert_false(anchor_seen(&state, 9, T0));
}

static void there_may_be_more_records_than_are_remembered(void **arg)
{
	(void)arg;
	for (uint64_t i = 0; i < 3 * ANCHOR_TOKENS_MAX; i++) {
		anchor_seen(&state, i, T0);
		anchor_token(&state);
	}
	assert_int_equal(state.token_count, ANCHOR_TOKENS_MAX);
	assert_int_equal(state.tokens[0], 2 * ANCHOR_TOKENS_MAX);
}

static void queued_files_keep_a_store_busy(void **arg)
{
	(void)arg;
	anchor_queue(mark, "300/tsa-1");
	anchor_queue(mark, "300/tsa-2");
	assert_true(due(T0));
	anchor_unqueue(mark);
	assert_string_equal(mark->queue[0], "300/tsa-2");
	anchor_unqueue(mark);
	assert_false(due(T0));
	for (int i = 0; i < ANCHOR_QUEUE_MAX + 5; i++)
		anchor_queue(mark, "x");
	assert_int_equal(mark->queue_count, ANCHOR_QUEUE_MAX);
}

static void an_anchor_of_another_kind_begins_anew(void **arg)
{
	(void)arg;
	anchor_seen(&state, 10, T0);
	anchor_done(&state, mark, 10, T0, T0);
	anchor_queue(mark, "10/x");
	assert_ptr_equal(anchor_mark(&state, "tsa-1", ANCHOR_TIMESTAMP), mark);
	assert_int_equal(mark->size, 10);
	assert_ptr_equal(anchor_mark(&state, "tsa-1", ANCHOR_S3), mark);
	assert_true(mark->size == 0 && mark->queue_count == 0 && state.mark_count == 1);
}

/* --- the file ------------------------------------------------------------------------------------------------ */

static void the_file_reads_back(void **arg)
{
	CLEANUP(buf_clear) struct buf text = { 0 }, again = { 0 };
	struct anchor_state read = { 0 };
	struct err err = { 0 };

	(void)arg;
	anchor_seen(&state, 300, T0);
	anchor_done(&state, mark, 299, T0 + 3, T0 + 2);
	anchor_failed(&state, mark, "ahead", T0 + 4);
	anchor_token(&state);
	anchor_queue(mark, "299/tsa-1");
	mark->tiles = 1;
	mark->known = 298;
	(void)anchor_mark(&state, "witness-1", ANCHOR_WITNESS);
	anchor_state_add(&text, &state);
	if (anchor_state_parse(text.data, text.len, &read, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	anchor_state_add(&again, &read);
	assert_string_equal(buf_str(&again), buf_str(&text));
	assert_true(read.held && read.marks[0].disagrees && !read.marks[1].disagrees);
	assert_int_equal(read.marks[1].kind, ANCHOR_WITNESS);
	assert_int_equal(read.marks[0].next_try, T0 + 4 + ANCHOR_RETRY_MIN_MS);
	anchor_state_clear(&read);
}

static void what_was_given_is_kept_until_it_is_recorded(void **arg)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct anchor_unrecorded one = { .name = "tsa-1", .kind = ANCHOR_TIMESTAMP, .at = T0, .serial = "01ab", .authority = "CN=A" };
	struct anchor_state read = { 0 };

	(void)arg;
	for (one.size = 1; one.size <= 3; one.size++)
		anchor_unrecorded(&state, &one);
	assert_false(anchor_recorded(&state, "tsa-2", 2));
	assert_false(anchor_recorded(&state, "tsa-1", 4));
	assert_true(anchor_recorded(&state, "tsa-1", 2));
	assert_false(anchor_recorded(&state, "tsa-1", 2));
	anchor_state_add(&text, &state);
	assert_int_equal(anchor_state_parse(text.data, text.len, &read, NULL), 0);
	assert_int_equal(read.unrecorded_count, 2);
	assert_int_equal(read.unrecorded[0].size, 1);
	assert_int_equal(read.unrecorded[1].size, 3);
	assert_int_equal(read.unrecorded[1].at, T0);
	assert_string_equal(read.unrecorded[1].serial, "01ab");
	assert_string_equal(read.unrecorded[1].authority, "CN=A");
	anchor_state_clear(&read);
	for (one.size = 10; one.size < 10 + ANCHOR_UNRECORDED_MAX; one.size++) /* never without end */
		anchor_unrecorded(&state, &one);
	assert_int_equal(state.unrecorded_count, ANCHOR_UNRECORDED_MAX);
	assert_int_equal(state.unrecorded[0].size, 10);
}

static void damaged_files_are_refused(void **arg)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{\"v\":2,\"size\":1,\"tokens\":[],\"anchors\":{}}",
		"{\"v\":1,\"size\":-1,\"tokens\":[],\"anchors\":{}}",
		"{\"v\":1,\"size\":1,\"tokens\":[-1],\"anchors\":{}}",
		"{\"v\":1,\"size\":1,\"tokens\":[],\"anchors\":{\"a\":{}}}",
		"{\"v\":1,\"size\":1,\"tokens\":[],\"unrecorded\":{},\"anchors\":{}}",
		"{\"v\":1,\"size\":1,\"tokens\":[],\"anchors\":{},\"unrecorded\":[{\"anchor\":\"timestamp\",\"name\":\"a/b\",\"size\":1,\"at\":1,"
		"\"serial\":\"\",\"authority\":\"\"}]}",
		"{\"v\":1,\"size\":1,\"tokens\":[],\"anchors\":{\"a\":{\"kind\":\"s3\",\"size\":0,\"at\":0,\"asked_at\":0,\"waiting_since\":0,\"next_try\":0,"
		"\"failures\":0,\"failed\":\"\",\"known\":0,\"tiles\":0,\"queue\":[\"../../x\"]}}}",
	};

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct anchor_state read = { 0 };
		struct err err = { 0 };

		if (anchor_state_parse(bad[i], strlen(bad[i]), &read, &err) != -EBADMSG || !err.text[0])
			fail_msg("row %zu is taken", i);
		assert_int_equal(read.mark_count, 0);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	static const struct CMUnitTest tests[] = {
		TEST(an_empty_log_calls_for_nothing),
		TEST(the_first_leaf_is_anchored_at_once),
		TEST(new_leaves_call_once_an_hour),
		TEST(an_idle_log_is_left_alone),
		TEST(its_own_record_calls_for_nothing),
		TEST(leaves_that_came_during_a_request_wait_from_its_beginning),
		TEST(failures_put_the_next_try_off_and_off),
		TEST(who_disagrees_is_asked_again),
		TEST(failures_do_not_rejuvenate_what_waits),
		TEST(a_person_is_not_kept_waiting),
		TEST(a_clock_set_back_does_not_stop_it),
		TEST(a_log_never_gets_smaller),
		TEST(there_may_be_more_records_than_are_remembered),
		TEST(queued_files_keep_a_store_busy),
		TEST(an_anchor_of_another_kind_begins_anew),
		TEST(the_file_reads_back),
		TEST(what_was_given_is_kept_until_it_is_recorded),
		TEST(damaged_files_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
