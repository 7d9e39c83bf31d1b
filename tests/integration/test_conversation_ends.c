/* Rows of the practice that are about consequences and ends, each as a story: README.md says which row is where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/story.h"

static const char policy[] =
	"{\"name\":\"talk\",\"title\":\"talk\",\"caps\":[{\"contacts\":2,\"days\":7}],\"min_gap\":\"48h\",\"max_contacts\":3,\"steps\":["
	"{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"reminder\",\"tone\":\"friendly\"},"
	"{\"id\":\"firm\",\"at\":\"due+12d\",\"channel\":\"email\",\"template\":\"reminder\",\"tone\":\"firm\",\"effects\":[\"work.hold_requested\"]},"
	"{\"id\":\"more\",\"at\":\"due+30d\",\"channel\":\"email\",\"template\":\"reminder\",\"tone\":\"firm\"}]}";

#define START "2026-03-31T08:00:00Z" /* a Tuesday; due on Wednesday 1 April, Easter Monday is 6 April */

static int setup(void **state)
{
	struct story *s = calloc(1, sizeof(*s));

	story_open(s, policy, START);
	story_invoice(s, "inv_1", "2026-04-01", 120000);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	story_close(*state);
	free(*state);
	return 0;
}

static void row_3_work_begins_when_the_deposit_is_paid(void **state)
{
	struct story *s = *state;

	story_event(s, "invoice.updated", "inv_1", "2026-03-31T07:00:00Z", ",\"invoice\":{\"id\":\"inv_1\",\"number\":\"F-inv_1\",\"version\":2,"
		"\"kind\":\"deposit\",\"status\":\"open\",\"issued_on\":\"2026-03-02\",\"due_on\":\"2026-04-01\",\"starts_on\":\"2026-04-07\",\"currency\":\"EUR\","
		"\"total_minor\":120000,\"due_minor\":120000}");
	assert_int_equal(story_count(s, "work.hold_requested"), 0);
	story_until(s, "2026-04-03T08:00:00Z"); /* it is overdue; the work would start on the 7th */
	assert_int_equal(story_count(s, "invoice.overdue"), 1);
	assert_int_equal(story_count(s, "work.hold_requested"), 0);
	story_until(s, "2026-04-07T08:00:00Z");
	assert_int_equal(story_count(s, "work.hold_requested"), 1);
	assert_int_equal(story_count(s, "work.release_allowed"), 0);
	story_event(s, "invoice.payment_received", "inv_1", "2026-04-07T07:00:00Z", ",\"payment_id\":\"a\",\"amount_minor\":120000");
	assert_int_equal(story_count(s, "work.release_allowed"), 1);
	story_event(s, "invoice.payment_reversed", "inv_1", "2026-04-07T07:30:00Z", ",\"payment_id\":\"a\"");
	assert_int_equal(story_count(s, "work.hold_requested"), 2); /* charged back: nobody works for nothing */
	story_ends_well(s);
}

static void row_18_work_rests_until_all_that_held_it_is_paid(void **state)
{
	struct story *s = *state;

	story_event(s, "invoice.finalized", "inv_2", "2026-03-31T07:00:00Z", ",\"invoice\":{\"id\":\"inv_2\",\"number\":\"F-inv_2\",\"version\":1,"
		"\"status\":\"open\",\"issued_on\":\"2026-03-02\",\"due_on\":\"2026-04-01\",\"currency\":\"EUR\",\"total_minor\":500,"
		"\"due_minor\":500},\"customer_id\":\"cus_inv_1\"");
	story_until(s, "2026-04-15T08:00:00Z"); /* one mail about both */
	story_sent_is(s, "inv_2", "reminder 2026-04-02\nfirm 2026-04-13\n");
	assert_int_equal(story_count(s, "work.hold_requested"), 2);
	story_event(s, "invoice.paid", "inv_1", "2026-04-15T07:00:00Z", "");
	assert_int_equal(story_count(s, "work.release_allowed"), 0); /* the other one is open */
	story_event(s, "invoice.paid", "inv_2", "2026-04-15T07:30:00Z", "");
	assert_int_equal(story_count(s, "work.release_allowed"), 1);
	assert_true(story_recorded(s, "inv_2", "work.release_allowed"));
	story_ends_well(s);
}

static void row_35_after_the_last_contact_a_person_decides(void **state)
{
	struct story *s = *state;

	story_until(s, "2026-06-15T08:00:00Z");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\nfirm 2026-04-13\nmore 2026-05-04\n"); /* three, as the policy allows; 1 May is a holiday */
	story_wait_tasks(s, "exhausted:inv_1 ");
	assert_int_equal(story_count(s, "invoice.will_be_due"), 1);
	assert_int_equal(story_count(s, "invoice.overdue"), 1);
	assert_int_equal(story_count(s, "escalation.exhausted"), 1);
	(void)STORY_REFUSED(s, "decide", "exhausted:inv_1", "pursue", "once more"); /* no contact more is allowed */
	(void)STORY_CTL(s, "decide", "exhausted:inv_1", "settle", "they would pay a part");
	story_wait_tasks(s, "agree_settlement:inv_1 ");
	story_until(s, "2026-07-20T08:00:00Z"); /* nothing was agreed */
	story_wait_tasks(s, "exhausted:inv_1 ");
	(void)STORY_CTL(s, "decide", "exhausted:inv_1", "write_off", "it is not worth a lawyer");
	story_wait_tasks(s, "");
	assert_true(story_recorded(s, "inv_1", "decision.recorded"));
	{
		struct json shown = STORY_CTL(s, "show", "inv_1");

		assert_string_equal(story_str(&shown, "closed"), "uncollectible");
	}
	assert_int_equal(story_count(s, "escalation.exhausted"), 1);
	story_ends_well(s);
}

/* The step is lost, and a person is asked why: until he has looked, or it is paid. */
static void a_refused_message_is_looked_at(void **state)
{
	struct story *s = *state;

	story_invoice(s, "inv_2", "2026-04-01", 5000);
	world_behave(&s->world, "{\"mode\":\"error\",\"status\":400,\"count\":2}");
	story_until(s, "2026-04-02T15:00:00Z");
	story_wait_tasks(s, "refused:inv_1 refused:inv_2 ");
	(void)STORY_CTL(s, "task", "done", "refused:inv_1", "their server took no attachment");
	story_wait_tasks(s, "refused:inv_2 ");
	story_event(s, "invoice.paid", "inv_2", "2026-04-02T15:00:00Z", "");
	story_wait_tasks(s, "");
	story_ends_well(s);
}

/* Whether the reminder went out when it was paid: nothing more is said to them until somebody knows. */
static void in_doubt_when_it_was_paid(void **state)
{
	struct story *s = *state;
	const struct redis_reply *attempts;

	world_behave(&s->world, "{\"mode\":\"close_after_read\",\"capture\":false}");
	story_until(s, "2026-04-02T09:00:00Z");
	story_event(s, "invoice.paid", "inv_1", "2026-04-02T09:00:00Z", "");
	attempts = world_redis(&s->world, s->arena, (const char *const[]){ "HKEYS", world_key(&s->world, s->arena, "attempts"), NULL });
	assert_int_equal(attempts->count, 1);
	story_until(s, "2026-04-05T09:00:00Z");
	story_until(s, "2026-06-05T09:00:00Z");
	story_wait_tasks(s, arena_printf(s->arena, "unknown_attempt:%s ", attempts->items[0].str));
	(void)STORY_REFUSED(s, "decide", "inv_1", "stop", "it is paid");
	(void)STORY_CTL(s, "decide", "inv_1", "not_sent", "the provider's own list has nothing");
	story_wait_tasks(s, "");
	assert_true(story_recorded(s, "inv_1", "attempt.reconciled"));
	(void)STORY_REFUSED(s, "decide", "inv_1", "not_sent", "once more");
	story_ends_well(s);
}

/* Only a person refuses: others are told of whom to think twice about, and why. */
static void row_31_whom_to_work_for_no_more_is_suggested(void **state)
{
	struct story *s = *state;

	(void)STORY_CTL(s, "call", "log", "inv_1", "they will not pay at all", "--outcome", "refuses");
	story_applied(s);
	assert_int_equal(story_count(s, "customer.block_suggested"), 1);
	assert_true(story_recorded(s, "inv_1", "customer.block_suggested"));
	story_event(s, "invoice.marked_uncollectible", "inv_1", "2026-03-31T07:30:00Z", "");
	story_event(s, "invoice.marked_uncollectible", "inv_1", "2026-03-31T07:30:00Z", ""); /* told again, of the same */
	assert_int_equal(story_count(s, "customer.block_suggested"), 2);
	assert_int_equal(story_count(s, "work.hold_requested"), 0); /* nothing is stopped by itself */
	story_ends_well(s);
}

static void row_32_insolvency_stops_everything_with_a_task(void **state)
{
	struct story *s = *state;

	story_until(s, "2026-04-03T08:00:00Z");
	story_event(s, "customer.insolvency_opened", "inv_1", "2026-04-03T07:00:00Z", ",\"customer_id\":\"cus_inv_1\"");
	story_until(s, "2026-06-15T08:00:00Z");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\n");
	assert_string_equal(story_tasks(s), "insolvency:inv_1 ");
	story_ends_well(s);
}

/* What explain says holds it; "" when nothing does. */
static const char *held(struct story *s, const char *invoice)
{
	struct json explained = STORY_CTL(s, "explain", invoice), action = json_get(&explained, "action");

	return json_str(&action) && strcmp(json_str(&action), "hold") == 0 ? story_str(&explained, "rule") : "";
}

/* A record of this event stands in the trail. */
static bool told(struct story *s, const char *invoice, const char *event)
{
	struct json log = STORY_CTL(s, "trail", "log", invoice);

	for (size_t i = 0; i < json_len(&log); i++) {
		struct json one = json_at(&log, i), record = json_get(&one, "record");

		if (strcmp(story_str(&record, "event"), event) == 0)
			return true;
	}
	return false;
}

static const char *closed(struct story *s, const char *invoice)
{
	struct json shown = STORY_CTL(s, "show", invoice);

	return story_str(&shown, "closed");
}

/* One invoice each, told before the reminder is owed; of three of them the contrary afterwards. The effects are those of dunningd-events(5). */
static void each_event_has_its_effect(void **state)
{
	static const char *const others[] = { "lost", "credited", "silent", "insolvent", "announced" };
	static const struct {
		const char *type, *invoice, *more;
	} before[] = {
		{ "invoice.viewed", "inv_1", "" },
		{ "invoice.delivery_failed", "lost", "" },
		{ "credit_note.issued", "credited", ",\"credit_note_id\":\"n\",\"amount_minor\":120000" },
		{ "customer.opted_out", "silent", ",\"customer_id\":\"cus_silent\",\"channel\":\"email\"" },
		{ "customer.insolvency_opened", "insolvent", ",\"customer_id\":\"cus_insolvent\"" },
		{ "invoice.payment_announced", "announced", ",\"announcement_id\":\"a\",\"until_on\":\"2026-04-08\"" },
	}, after[] = {
		{ "invoice.sent", "lost", "" },
		{ "credit_note.voided", "credited", ",\"credit_note_id\":\"n\",\"amount_minor\":120000" },
		{ "customer.insolvency_ended", "insolvent", ",\"customer_id\":\"cus_insolvent\",\"who\":\"lea\",\"why\":\"it is another firm\"" },
	};
	struct story *s = *state;

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		story_invoice(s, others[i], "2026-04-01", 120000);
	for (size_t i = 0; i < ARRAY_LEN(before); i++)
		story_event(s, before[i].type, before[i].invoice, "2026-03-31T07:30:00Z", before[i].more);
	story_until(s, "2026-04-03T08:00:00Z");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\n"); /* who looked at it is reminded all the same */
	assert_string_equal(held(s, "lost"), "undelivered");
	assert_string_equal(closed(s, "credited"), "paid");
	assert_string_equal(story_walk(s, "silent", "reminder"), "skipped opted_out");
	assert_string_equal(held(s, "insolvent"), "insolvency");
	assert_string_equal(held(s, "announced"), "announced");
	story_wait_tasks(s, "fix_address:lost insolvency:insolvent ");
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		story_sent_is(s, others[i], "");
	for (size_t i = 0; i < ARRAY_LEN(after); i++)
		story_event(s, after[i].type, after[i].invoice, "2026-04-03T07:30:00Z", after[i].more);
	for (size_t i = 0; i < ARRAY_LEN(before); i++)
		assert_true(told(s, before[i].invoice, before[i].type));
	for (size_t i = 0; i < ARRAY_LEN(after); i++)
		assert_true(told(s, after[i].invoice, after[i].type));
	story_wait_tasks(s, "");
	assert_string_equal(closed(s, "credited"), "");
	story_until(s, "2026-04-10T15:00:00Z");
	story_sent_is(s, "lost", "reminder 2026-04-03\n");
	story_sent_is(s, "credited", "reminder 2026-04-03\n");
	story_sent_is(s, "insolvent", "reminder 2026-04-03\n");
	story_sent_is(s, "announced", "reminder 2026-04-09\n"); /* the day has passed, and no money came */
	story_until(s, "2026-06-15T08:00:00Z");
	story_sent_is(s, "silent", "");
	story_ends_well(s);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(row_3_work_begins_when_the_deposit_is_paid),
		STORY(row_18_work_rests_until_all_that_held_it_is_paid),
		STORY(row_35_after_the_last_contact_a_person_decides),
		STORY(row_31_whom_to_work_for_no_more_is_suggested),
		STORY(row_32_insolvency_stops_everything_with_a_task),
		STORY(a_refused_message_is_looked_at),
		STORY(in_doubt_when_it_was_paid),
		STORY(each_event_has_its_effect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
