/* What holds all sending is told to others: once when it begins, once when it ends, and by no restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/flow_world.h"

/* Events of that type in the outbound stream that say this as well. */
static int count(const struct world *w, const char *type, const char *says)
{
	int n = 0;

	for (size_t i = 0; i < w->item_count; i++)
		n += strstr(w->items[i]->key, ":outbound") && memmem(w->items[i]->value, w->items[i]->len, type, strlen(type)) &&
			memmem(w->items[i]->value, w->items[i]->len, says, strlen(says));
	return n;
}

static void assert_told(const struct world *w, const char *why, int suspended, int resumed)
{
	const char *says = arena_printf(w->arena, "\"reason\":\"%s\"", why);

	assert_int_equal(count(w, "sending.suspended", says), suspended);
	assert_int_equal(count(w, "sending.resumed", says), resumed);
}

static void restart(struct world *w)
{
	end_life(w);
	begin(w);
	pass(w, 2000);
	assert_int_equal(w->dunner->state, DUNNER_RUNNING);
}

/* As many as are allowed go out; one more is planned, and then a person must look, however long it takes and whatever is started anew. */
static void the_brake_holds_until_a_person_releases(void **state)
{
	struct world *w = running(0);

	(void)state;
	w->config->brake_contacts_per_hour = 2;
	push(w, 1, INVOICE("1", "2026-04-07"));
	push(w, 2, INVOICE("2", "2026-04-07"));
	pass(w, 2000);
	assert_int_equal(w->sent, 2);
	assert_null(flow_holding(w->dunner));
	push(w, 3, INVOICE("3", "2026-04-07"));
	push(w, 4, INVOICE("4", "2026-04-07"));
	pass(w, 2000);
	assert_int_equal(w->sent, 2);
	assert_string_equal(flow_holding(w->dunner), "brake");
	assert_told(w, "brake", 1, 0);
	assert_int_equal(count(w, "task.opened", "\"task\":\"brake\""), 1);
	pass(w, 2 * HOUR_MS);
	restart(w);
	assert_string_equal(flow_holding(w->dunner), "brake");
	assert_true(dunner_suspend(w->dunner, "ann", "let me see", 0)); /* that is not it */
	pass(w, 2000);
	assert_string_equal(flow_holding(w->dunner), "suspended");
	assert_true(w->dunner->braked);
	assert_int_equal(count(w, "task.closed", "\"task\":\"brake\""), 0);
	assert_told(w, "brake", 1, 0);
	assert_int_equal(w->sent, 2);
	assert_true(dunner_release(w->dunner, "ann", "they are right"));
	pass(w, 2000);
	assert_int_equal(w->sent, 4);
	assert_int_equal(count(w, "task.closed", "\"task\":\"brake\""), 1);
	assert_int_equal(count(w, "sending.resumed", "they are right"), 1);
	restart(w);
	assert_null(flow_holding(w->dunner));
	assert_told(w, "brake", 1, 0);
	assert_int_equal(count(w, "task.opened", "\"task\":\"brake\""), 1);
	close_world(w);
}

static void a_time_that_a_person_named_ends(void **state)
{
	struct world *w = running(0);

	(void)state;
	assert_true(dunner_suspend(w->dunner, "ann", "moving house", port_now(w) + HOUR_MS));
	push(w, 1, INVOICE("1", "2026-04-07"));
	pass(w, 2000);
	assert_string_equal(flow_holding(w->dunner), "suspended");
	assert_told(w, "moving house", 1, 0);
	pass(w, HOUR_MS / 2);
	assert_told(w, "until", 0, 0);
	end_life(w);
	w->mono += HOUR_MS; /* it is over while nothing runs */
	begin(w);
	pass(w, 2000);
	assert_null(flow_holding(w->dunner));
	assert_told(w, "until", 0, 1);
	assert_int_equal(w->sent, 1);
	restart(w);
	assert_told(w, "until", 0, 1);
	assert_true(w->dunner->suspended); /* by a clock that is set right, it holds again */
	assert_true(dunner_suspend(w->dunner, "ann", "once more", port_now(w) + HOUR_MS));
	assert_true(dunner_suspend(w->dunner, "ann", "for good", 0));
	pass(w, 2 * HOUR_MS);
	assert_string_equal(flow_holding(w->dunner), "suspended");
	assert_told(w, "until", 0, 1);
	close_world(w);
}

/* Below the limit, hour after hour. */
static void the_brake_counts_by_the_hour(void **state)
{
	struct world *w = running(0);

	(void)state;
	w->config->brake_contacts_per_hour = 1;
	push(w, 1, INVOICE("1", "2026-04-07"));
	pass(w, 2000);
	pass(w, HOUR_MS);
	push(w, 2, INVOICE("2", "2026-04-07"));
	pass(w, 2000);
	assert_int_equal(w->sent, 2);
	assert_null(flow_holding(w->dunner));
	assert_told(w, "brake", 0, 0);
	close_world(w);
}

/* Until a contact is decided, and its group in the journal. */
static void until_planned(struct world *w)
{
	w->held[COMMIT] = true;
	for (int i = 0; i < 20 && !(w->dunner->decided && w->dunner->decided->releases && w->dunner->decided->journaled); i++) {
		if (waiting(w, COMMIT))
			one(w, COMMIT);
		pass(w, 500);
	}
	assert_non_null(w->dunner->decided);
	assert_non_null(w->dunner->decided->releases);
}

/* A daemon that dies again and again has no new hour each time. */
static void a_start_begins_no_hour(void **state)
{
	struct world *w = running(0);

	(void)state;
	w->config->brake_contacts_per_hour = 2;
	push(w, 1, INVOICE("1", "2026-04-07"));
	pass(w, 2000);
	restart(w);
	push(w, 2, INVOICE("2", "2026-04-07"));
	pass(w, 2000);
	assert_int_equal(w->sent, 2);
	restart(w);
	push(w, 3, INVOICE("3", "2026-04-07"));
	until_planned(w);
	assert_string_equal(flow_holding(w->dunner), "brake"); /* killed as soon as anybody can see it */
	assert_string_equal(flow_holding(w->dunner), "brake");
	restart(w);
	assert_int_equal(w->sent, 2);
	assert_string_equal(flow_holding(w->dunner), "brake");
	assert_told(w, "brake", 1, 0);
	assert_true(dunner_release(w->dunner, "ann", "they are right"));
	pass(w, 2000);
	assert_int_equal(w->sent, 3);
	restart(w);
	push(w, 4, INVOICE("4", "2026-04-07"));
	pass(w, 2000);
	assert_int_equal(w->sent, 4);
	assert_null(flow_holding(w->dunner));
	pass(w, HOUR_MS);
	restart(w);
	push(w, 5, INVOICE("5", "2026-04-07"));
	push(w, 6, INVOICE("6", "2026-04-07"));
	pass(w, 2000);
	assert_int_equal(w->sent, 6);
	assert_null(flow_holding(w->dunner));
	close_world(w);
}

/* The kill came between the decision and its release: the contact is planned anew, and is one all the same. */
static void what_never_went_counts_once(void **state)
{
	struct world *w = running(0);

	(void)state;
	w->config->brake_contacts_per_hour = 2;
	push(w, 1, INVOICE("1", "2026-04-07"));
	for (int kill = 0; kill < 3; kill++) {
		until_planned(w);
		end_life(w);
		begin(w);
	}
	pass(w, 5000);
	push(w, 2, INVOICE("2", "2026-04-07"));
	pass(w, 5000);
	assert_int_equal(w->sent, 2);
	assert_null(flow_holding(w->dunner));
	assert_int_equal(w->dunner->hour_contacts, 2);
	close_world(w);
}

static void a_doubted_clock_is_told_once(void **state)
{
	struct world *w = running(0);

	(void)state;
	w->doubt = "clock_jump";
	pass(w, 60000);
	assert_told(w, "clock_jump", 1, 0);
	restart(w);
	pass(w, 60000);
	assert_told(w, "clock_jump", 1, 0);
	end_life(w);
	w->doubt = NULL; /* it is over while nobody looks */
	begin(w);
	pass(w, 60000);
	assert_told(w, "clock_jump", 1, 1);
	restart(w);
	assert_told(w, "clock_jump", 1, 1);
	assert_int_equal(count(w, "task.opened", ""), 0);
	w->doubt = "clock_unset";
	pass(w, 60000);
	w->doubt = "clock_jump";
	pass(w, 60000);
	assert_told(w, "clock_unset", 1, 1);
	assert_told(w, "clock_jump", 2, 1);
	close_world(w);
}

/* Nothing can be written down, that included: both are told when there is space, with since when it was so. */
static void no_space_is_told_afterwards(void **state)
{
	struct world *w = running(0);
	int64_t since = w->mono + OFFSET;

	(void)state;
	w->fails[APPEND] = -ENOSPC;
	push(w, 1, INVOICE("1", LATER));
	pass(w, 60000);
	assert_string_equal(flow_holding(w->dunner), "no_space");
	assert_told(w, "no_space", 0, 0);
	w->fails[APPEND] = 0;
	pass(w, 60000);
	assert_null(flow_holding(w->dunner));
	assert_told(w, "no_space", 1, 1);
	for (int64_t ms = 0; !count(w, "sending.suspended", arena_printf(w->arena, "\"since\":%lld", (long long)(since + ms))); ms++)
		assert_true(ms < 60000);
	restart(w);
	assert_told(w, "no_space", 1, 1);
	close_world(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_brake_holds_until_a_person_releases),
		cmocka_unit_test(a_time_that_a_person_named_ends), cmocka_unit_test(the_brake_counts_by_the_hour),
		cmocka_unit_test(a_start_begins_no_hour), cmocka_unit_test(what_never_went_counts_once),
		cmocka_unit_test(a_doubted_clock_is_told_once),
		cmocka_unit_test(no_space_is_told_afterwards),
	};

	return cmocka_run_group_tests_name("flow held", tests, NULL, NULL);
}
