/* What the flow makes of the pace: who waits, with which reason, and which provider a message goes to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/flow_world.h"

#define DUE "2026-04-07"
#define BOTH "[\"a\",\"b\"]"
#define PROVIDER(n, rest) "\"" n "\":{\"file\":\"" n ".json\"" rest "}"

static struct world *with(const char *email, const char *providers)
{
	struct world *w = open_world_with(0, email, providers);

	settle(w);
	pass(w, 500);
	assert_int_equal(w->dunner->state, DUNNER_RUNNING);
	return w;
}

static void open_for(struct world *w, const char *provider, enum pace_why why, int64_t ms, bool certain)
{
	struct pace *pace = paces_find(w->paces, provider);

	pace->open = why;
	pace->open_until = (w->mono + ms) * 1000;
	pace->certain = certain;
}

static bool document_has(struct world *w, const char *key, const char *text)
{
	const struct item *item = find(w, arena_printf(w->arena, "dunning:{0}:%s", key), "");

	return item && memmem(item->value, item->len, text, strlen(text));
}

static bool task_says(struct world *w, const char *reason)
{
	const struct item *item = find(w, "dunning:{0}:tasks", "provider:a");
	const char *text = arena_printf(w->arena, "\"reason\":\"%s\"", reason);

	return item && memmem(item->value, item->len, text, strlen(text));
}

static int64_t timer_of(struct world *w, const char *invoice)
{
	const struct item *item = find(w, "dunning:{0}:due", invoice);

	return item ? item->score - OFFSET - w->mono : -1;
}

static void a_message_that_waits_has_one_time_and_a_reason(void **state)
{
	struct world *w = with("\"a\"", PROVIDER("a", ""));

	(void)state;
	open_for(w, "a", PACE_DOWN, 60000, false);
	push(w, 1, INVOICE("1", DUE));
	pass(w, 1000);
	assert_int_equal(w->sent, 0);
	assert_true(document_has(w, "escalation:inv_1", "\"retry_why\":\"provider_down\""));
	assert_true(document_has(w, "escalation:inv_1", "\"state\":\"waiting\""));
	assert_in_range(timer_of(w, "inv_1"), 57000, 61000);
	assert_false(told(w, "contact.failed")); /* nothing was tried */
	pass(w, 62000);
	assert_int_equal(w->sent, 1);
	assert_false(document_has(w, "escalation:inv_1", "retry_why"));
	close_world(w);
}

static void each_that_waits_has_a_time_of_its_own(void **state)
{
	struct world *w = with("\"a\"", PROVIDER("a", ",\"per_second\":1"));

	(void)state;
	open_for(w, "a", PACE_DOWN, 10000, true);
	push(w, 1, INVOICE("1", DUE));
	push(w, 2, INVOICE("2", DUE));
	push(w, 3, INVOICE("3", DUE));
	pass(w, 1000);
	assert_int_equal(w->sent, 0);
	assert_true(timer_of(w, "inv_1") > 0 && timer_of(w, "inv_2") > 0 && timer_of(w, "inv_3") > 0);
	assert_true(llabs(timer_of(w, "inv_1") - timer_of(w, "inv_2")) >= 1000);
	assert_true(llabs(timer_of(w, "inv_2") - timer_of(w, "inv_3")) >= 1000);
	close_world(w);
}

static void another_provider_after_a_certain_failure(void **state)
{
	struct world *w = with(BOTH, PROVIDER("a", "") "," PROVIDER("b", ""));

	(void)state;
	open_for(w, "a", PACE_REFUSED, 600000, true);
	push(w, 1, INVOICE("1", DUE));
	pass(w, 1000);
	assert_string_equal(w->sent_by, " b");
	close_world(w);
}

static size_t told_times(const struct world *w, const char *type)
{
	size_t n = 0;

	for (size_t i = 0; i < w->item_count; i++)
		n += strstr(w->items[i]->key, ":outbound") && memmem(w->items[i]->value, w->items[i]->len, type, strlen(type));
	return n;
}

/* One message finds out; the others go where there is room, and one task stands for all of it. */
static void a_quota_that_is_told_moves_all(void **state)
{
	struct world *w = with(BOTH, PROVIDER("a", "") "," PROVIDER("b", ""));

	(void)state;
	w->answer = OUTCOME_THROTTLED;
	w->scope = SCOPE_PROVIDER;
	w->answers_so = "a";
	push(w, 1, INVOICE("1", DUE));
	pass(w, 1000);
	assert_string_equal(w->sent_by, " a b");
	push(w, 2, INVOICE("2", DUE));
	push(w, 3, INVOICE("3", DUE));
	pass(w, 3000);
	assert_string_equal(w->sent_by, " a b b b");
	assert_true(document_has(w, "debtor:~system", "\"refusing\":[\"a\"]"));
	assert_non_null(find(w, "dunning:{0}:tasks", "provider:a"));
	end_life(w);
	w->config->channel_providers[CHANNEL_EMAIL][0] = "b"; /* nobody asks it from now on */
	w->config->channel_providers[CHANNEL_EMAIL][1] = NULL;
	begin(w);
	pass(w, 2000);
	assert_null(find(w, "dunning:{0}:tasks", "provider:a"));
	assert_int_equal(told_times(w, "task.closed"), 1);
	close_world(w);
}

static void a_provider_that_refuses_is_one_task(void **state)
{
	struct world *w = with("\"a\"", PROVIDER("a", ""));

	(void)state;
	w->answer = OUTCOME_REFUSED;
	w->scope = SCOPE_PROVIDER;
	push(w, 1, INVOICE("1", DUE));
	push(w, 2, INVOICE("2", DUE));
	pass(w, 40 * MINUTE_MS);
	assert_true(w->sent >= 2); /* it was tried again */
	assert_non_null(find(w, "dunning:{0}:tasks", "provider:a"));
	assert_int_equal(told_times(w, "task.opened"), 1);
	assert_true(task_says(w, "refused"));
	w->answer = OUTCOME_THROTTLED; /* another reason now: the task says so, once */
	pass(w, 3 * HOUR_MS);
	assert_true(task_says(w, "throttled"));
	assert_int_equal(told_times(w, "task.opened"), 2);
	w->answer = OUTCOME_ACCEPTED;
	w->scope = SCOPE_MESSAGE;
	pass(w, 6 * HOUR_MS);
	assert_null(find(w, "dunning:{0}:tasks", "provider:a"));
	assert_int_equal(told_times(w, "task.closed"), 1);
	assert_false(document_has(w, "debtor:~system", "refusing"));
	close_world(w);
}

static void none_while_there_is_a_doubt(void **state)
{
	struct world *w = with(BOTH, PROVIDER("a", "") "," PROVIDER("b", ""));

	(void)state;
	open_for(w, "a", PACE_DOWN, 60000, false); /* it may have sent what it did not answer */
	push(w, 1, INVOICE("1", DUE));
	pass(w, 1000);
	assert_string_equal(w->sent_by, "");
	pass(w, 62000);
	assert_string_equal(w->sent_by, " a");
	close_world(w);
}

static void nor_because_one_is_busy(void **state)
{
	struct world *w = with(BOTH, PROVIDER("a", ",\"per_second\":1") "," PROVIDER("b", ""));

	(void)state;
	paces_find(w->paces, "a")->next_start = (w->mono + 5000) * 1000;
	push(w, 1, INVOICE("1", DUE));
	pass(w, 1000);
	assert_string_equal(w->sent_by, "");
	assert_true(document_has(w, "escalation:inv_1", "\"retry_why\":\"rate\""));
	pass(w, 5000);
	assert_string_equal(w->sent_by, " a");
	close_world(w);
}

static void a_message_that_failed_goes_to_the_next(void **state)
{
	struct world *w = with(BOTH, PROVIDER("a", "") "," PROVIDER("b", ""));

	(void)state;
	w->answer = OUTCOME_TEMPORARY;
	w->held[APPEND] = false;
	push(w, 1, INVOICE("1", DUE));
	settle(w);
	pass(w, 200);
	while (!w->sent)
		pass(w, 100);
	w->answer = OUTCOME_ACCEPTED;
	pass(w, 1000);
	assert_string_equal(w->sent_by, " a b");
	close_world(w);
}

/* And when that one fails too it is not tried round and round: after the usual wait the first has its turn. */
static void when_all_fail_it_waits(void **state)
{
	struct world *w = with(BOTH, PROVIDER("a", "") "," PROVIDER("b", ""));

	(void)state;
	w->answer = OUTCOME_TEMPORARY;
	push(w, 1, INVOICE("1", DUE));
	pass(w, 10000);
	assert_string_equal(w->sent_by, " a b");
	w->answer = OUTCOME_ACCEPTED;
	pass(w, 5 * MINUTE_MS);
	assert_string_equal(w->sent_by, " a b a");
	close_world(w);
}

static void nor_when_the_next_is_out_for_long(void **state)
{
	struct world *w = with(BOTH, PROVIDER("a", "") "," PROVIDER("b", ""));

	(void)state;
	open_for(w, "b", PACE_REFUSED, 3600000, true);
	w->answer = OUTCOME_TEMPORARY;
	push(w, 1, INVOICE("1", DUE));
	pass(w, 10000);
	assert_string_equal(w->sent_by, " a");
	w->answer = OUTCOME_ACCEPTED;
	pass(w, 5 * MINUTE_MS);
	assert_string_equal(w->sent_by, " a a");
	close_world(w);
}

static void an_attempt_in_doubt_stays_with_its_provider(void **state)
{
	struct world *w = with(BOTH, PROVIDER("a", "") "," PROVIDER("b", ""));

	(void)state;
	w->answer = OUTCOME_IN_DOUBT;
	push(w, 1, INVOICE("1", DUE));
	pass(w, 2000);
	open_for(w, "a", PACE_REFUSED, 36000000, true);
	w->answer = OUTCOME_ACCEPTED;
	pass(w, 2 * HOUR_MS);
	assert_string_equal(w->sent_by, " a");
	close_world(w);
}

static void a_quota_outlives_the_process(void **state)
{
	struct world *w = with("\"a\"", PROVIDER("a", ",\"per_day\":2"));

	(void)state;
	push(w, 1, INVOICE("1", DUE));
	push(w, 2, INVOICE("2", DUE));
	pass(w, 3000);
	assert_int_equal(w->sent, 2);
	assert_true(document_has(w, "debtor:~system", "\"quotas\":[\"a day 1775692800000 2\"]"));
	end_life(w);
	begin(w);
	settle(w);
	pass(w, 500);
	push(w, 3, INVOICE("3", DUE));
	pass(w, 3000);
	assert_int_equal(w->sent, 2);
	assert_true(document_has(w, "escalation:inv_3", "\"retry_why\":\"quota\""));
	close_world(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_that_waits_has_one_time_and_a_reason),
		cmocka_unit_test(each_that_waits_has_a_time_of_its_own),
		cmocka_unit_test(another_provider_after_a_certain_failure),
		cmocka_unit_test(a_quota_that_is_told_moves_all),
		cmocka_unit_test(a_provider_that_refuses_is_one_task),
		cmocka_unit_test(none_while_there_is_a_doubt),
		cmocka_unit_test(nor_because_one_is_busy),
		cmocka_unit_test(a_message_that_failed_goes_to_the_next),
		cmocka_unit_test(when_all_fail_it_waits),
		cmocka_unit_test(nor_when_the_next_is_out_for_long),
		cmocka_unit_test(an_attempt_in_doubt_stays_with_its_provider),
		cmocka_unit_test(a_quota_outlives_the_process),
	};

	return cmocka_run_group_tests_name("pacing", tests, NULL, NULL);
}
