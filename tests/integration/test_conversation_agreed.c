/* Rows of the practice that are about what was agreed and what was paid, each as a story: README.md says which row is where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/story.h"

#define LADDER \
	"\"steps\":[{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"reminder\",\"tone\":\"friendly\"}," \
	"{\"id\":\"second\",\"at\":\"due+12d\",\"channel\":\"email\",\"template\":\"reminder\",\"tone\":\"neutral\"}," \
	"{\"id\":\"third\",\"at\":\"due+30d\",\"channel\":\"email\",\"template\":\"clarification\",\"tone\":\"neutral\"}," \
	"{\"id\":\"firm\",\"at\":\"due+60d\",\"channel\":\"email\",\"template\":\"clarification\",\"tone\":\"firm\"}]}"
#define HEAD "{\"name\":\"talk\",\"title\":\"talk\",\"caps\":[{\"contacts\":2,\"days\":7}],\"min_gap\":\"48h\","
#define AGREED \
	"\"promise\":{\"within\":\"30d\",\"most\":2,\"thanks\":\"promise_thanks\",\"broken\":\"third\"}," \
	"\"plan\":{\"remind\":\"plan_due\",\"before\":\"3d\",\"late\":\"plan_late\",\"grace\":\"5d\",\"broken\":\"firm\"}," \
	"\"courtesy\":{\"thanks\":\"payment_thanks\",\"apology\":\"apology\"},"
static const char policy[] = HEAD AGREED LADDER;

#define START "2026-03-31T08:00:00Z" /* a Tuesday; due on Wednesday 1 April, Easter Monday is 6 April */
#define AFTER_REMINDER "2026-04-03T08:00:00Z"

static int setup(void **state)
{
	struct story *s = calloc(1, sizeof(*s));

	story_open(s, policy, START);
	story_invoice(s, "inv_1", "2026-04-01", 120000);
	story_until(s, AFTER_REMINDER);
	story_sent_is(s, "inv_1", "reminder 2026-04-02\n");
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	story_close(*state);
	free(*state);
	return 0;
}

static void says(const char *text, const char *needle)
{
	if (!strstr(text, needle))
		fail_msg("it does not say \"%s\":\n%s", needle, text);
}

static int64_t debtor_number(struct story *s, const char *key)
{
	const struct redis_reply *reply = world_redis(&s->world, s->arena,
		(const char *const[]){ "GET", world_key(&s->world, s->arena, "debtor:cus_inv_1"), NULL });
	struct json root, value;
	struct err err = { 0 };

	if (json_parse(s->arena, reply->str, reply->len, 0, &root, &err) < 0)
		fail_msg("%s", err.text);
	value = json_get(&root, key);
	return value.type == JSON_NONE ? 0 : json_int(&value);
}

/* Of the same debtor. */
static void another_invoice(struct story *s, const char *id, const char *due_on)
{
	story_event(s, "invoice.finalized", id, "2026-04-03T07:30:00Z", arena_printf(s->arena, ",\"customer_id\":\"cus_inv_1\",\"invoice\":{"
		"\"id\":\"%s\",\"number\":\"F-%s\",\"version\":1,\"status\":\"open\",\"issued_on\":\"2026-03-02\",\"due_on\":\"%s\",\"currency\":\"EUR\","
		"\"total_minor\":50000,\"due_minor\":50000}", id, id, due_on));
}

/* --- promises ---------------------------------------------------------------------------------------------------------------- */

static void row_23_a_promise_pauses_is_thanked_for_and_kept(void **state)
{
	struct story *s = *state;

	story_event(s, "promise.made", "inv_1", "2026-04-03T07:00:00Z", ",\"promise_id\":\"p1\",\"until_on\":\"2026-04-24\"");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\npromise 2026-04-03\n");
	says(story_text(s, "inv_1", "promise:"), "by 24 April 2026");
	another_invoice(s, "inv_2", "2026-04-01");
	story_until(s, "2026-04-23T08:00:00Z"); /* "second" would have been owed on the 13th */
	story_sent_is(s, "inv_1", "reminder 2026-04-02\npromise 2026-04-03\n");
	story_event(s, "invoice.payment_received", "inv_1", "2026-04-23T07:00:00Z", ",\"payment_id\":\"x\",\"amount_minor\":120000");
	story_until(s, "2026-04-23T08:30:00Z");
	story_event(s, "invoice.payment_received", "inv_2", "2026-04-23T08:30:00Z", ",\"payment_id\":\"y\",\"amount_minor\":50000");
	story_until(s, "2026-04-24T08:00:00Z");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\npromise 2026-04-03\npaid 2026-04-23\n");
	story_sent_is(s, "inv_2", "reminder 2026-04-07\nsecond 2026-04-20\npaid 2026-04-23\n"); /* the same mail */
	says(story_text(s, "inv_1", "paid:thanks"), "invoices F-inv_1, F-inv_2 are settled. There is nothing more for you to do.");
	assert_true(story_recorded(s, "inv_1", "promise.kept"));
	assert_int_equal(debtor_number(s, "promises_kept"), 1);
	assert_int_equal(debtor_number(s, "promises_broken"), 0);
	story_ends_well(s);
}

static void row_23_a_broken_promise_goes_on_where_the_policy_says(void **state)
{
	struct story *s = *state;

	story_event(s, "promise.made", "inv_1", "2026-04-03T07:00:00Z", ",\"promise_id\":\"p1\",\"until_on\":\"2026-04-09\"");
	story_until(s, "2026-04-11T08:00:00Z");
	/* not "second" and not in May: the next working day */
	story_sent_is(s, "inv_1", "reminder 2026-04-02\npromise 2026-04-03\nthird 2026-04-10\n");
	assert_string_equal(story_walk(s, "inv_1", "second"), "skipped promise_broken");
	assert_int_equal(story_count(s, "promise.broken"), 1);
	assert_int_equal(debtor_number(s, "promises_broken"), 1);
	/* Two more: the second pauses, the third does no more. */
	story_event(s, "promise.made", "inv_1", "2026-04-11T07:00:00Z", ",\"promise_id\":\"p2\",\"until_on\":\"2026-04-20\"");
	story_until(s, "2026-04-21T08:00:00Z");
	assert_int_equal(debtor_number(s, "promises_broken"), 2);
	story_event(s, "promise.made", "inv_1", "2026-04-21T07:00:00Z", ",\"promise_id\":\"p3\",\"until_on\":\"2026-05-15\"");
	{
		struct json explained = STORY_CTL(s, "explain", "inv_1");

		assert_string_not_equal(story_str(&explained, "action"), "hold");
	}
	story_ends_well(s);
}

static void a_payment_told_late_makes_a_promise_kept_after_all(void **state)
{
	struct story *s = *state;

	story_event(s, "promise.made", "inv_1", "2026-04-03T07:00:00Z", ",\"promise_id\":\"p1\",\"until_on\":\"2026-04-09\"");
	another_invoice(s, "inv_2", "2026-06-01");
	story_until(s, "2026-04-11T08:00:00Z");
	assert_int_equal(debtor_number(s, "promises_broken"), 1);
	story_event(s, "invoice.payment_received", "inv_1", "2026-04-11T07:00:00Z",
		",\"payment_id\":\"x\",\"amount_minor\":120000,\"paid_at\":\"2026-04-08T10:00:00Z\"");
	assert_int_equal(debtor_number(s, "promises_broken"), 0);
	assert_int_equal(debtor_number(s, "promises_kept"), 1);
	/* The reminder of the 10th crossed with it: we say sorry on the next working day, once. */
	story_until(s, "2026-04-20T08:00:00Z");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\npromise 2026-04-03\nthird 2026-04-10\npaid 2026-04-13\n");
	says(story_text(s, "inv_1", "paid:apology"), "crossed");
	assert_null(strstr(story_text(s, "inv_1", "paid:apology"), "nothing more")); /* another invoice is open */
	story_ends_well(s);
}

static void a_promise_beyond_the_limit_pauses_no_longer_than_it(void **state)
{
	struct story *s = *state;
	struct json explained;

	story_event(s, "promise.made", "inv_1", "2026-04-03T07:00:00Z", ",\"promise_id\":\"p1\",\"until_on\":\"2026-12-24\"");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\npromise 2026-04-03\n"); /* until it is out, that mail comes next */
	explained = STORY_CTL(s, "explain", "inv_1");
	says(story_str(&explained, "sentence"), "2026-05-04"); /* 30 days end on a Sunday */
	story_ends_well(s);
}

/* --- plans ------------------------------------------------------------------------------------------------------------------- */

#define PLAN ",\"plan_id\":\"pl\",\"instalments\":[{\"due_on\":\"2026-04-15\",\"amount_minor\":40000}," \
	     "{\"due_on\":\"2026-05-15\",\"amount_minor\":40000},{\"due_on\":\"2026-06-15\",\"amount_minor\":40000}]"

static void row_12_a_plan_is_kept_with_a_notice_before_each_instalment(void **state)
{
	struct story *s = *state;

	story_event(s, "payment_plan.agreed", "inv_1", "2026-04-03T07:00:00Z", PLAN);
	story_until(s, "2026-04-14T08:00:00Z");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\nplan 2026-04-13\n"); /* three days before is a Sunday */
	says(story_text(s, "inv_1", "plan:"), "Instalment 1 of 3, €400.00, is due on 15 April 2026.");
	story_event(s, "invoice.payment_received", "inv_1", "2026-04-14T07:00:00Z", ",\"payment_id\":\"a\",\"amount_minor\":40000");
	story_until(s, "2026-05-14T08:00:00Z");
	/* More than the second asks for: what is over counts for the third. */
	story_event(s, "invoice.payment_received", "inv_1", "2026-05-14T07:00:00Z", ",\"payment_id\":\"b\",\"amount_minor\":55000");
	story_until(s, "2026-06-13T08:00:00Z");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\nplan 2026-04-13\nplan 2026-05-12\nplan 2026-06-12\n");
	says(story_text(s, "inv_1", "plan:"), "Instalment 3 of 3, €250.00, is due on 15 June 2026.");
	story_event(s, "invoice.payment_received", "inv_1", "2026-06-13T07:00:00Z", ",\"payment_id\":\"c\",\"amount_minor\":25000");
	story_until(s, "2026-06-30T08:00:00Z");
	assert_int_equal(story_count(s, "payment_plan.broken"), 0);
	assert_int_equal(story_count(s, "escalation.closed"), 1);
	story_ends_well(s);
}

static void row_8_a_missed_instalment_breaks_the_plan(void **state)
{
	struct story *s = *state;

	story_event(s, "payment_plan.agreed", "inv_1", "2026-04-03T07:00:00Z", PLAN);
	story_event(s, "invoice.payment_received", "inv_1", "2026-04-03T07:00:00Z", ",\"payment_id\":\"a\",\"amount_minor\":15000");
	story_until(s, "2026-04-18T08:00:00Z");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\nplan 2026-04-13\nplan 2026-04-16\n");
	says(story_text(s, "inv_1", "plan:"), "€250.00 of it is open"); /* its own small ladder: one friendly word, with what is left */
	assert_int_equal(story_count(s, "payment_plan.broken"), 0);
	story_until(s, "2026-04-22T08:00:00Z");
	assert_int_equal(story_count(s, "payment_plan.broken"), 1);
	assert_true(story_recorded(s, "inv_1", "plan.broken"));
	story_sent_is(s, "inv_1", "reminder 2026-04-02\nplan 2026-04-13\nplan 2026-04-16\nfirm 2026-04-21\n");
	says(story_text(s, "inv_1", "firm"), "€1,050.00"); /* all of it is owed again */
	assert_string_equal(story_walk(s, "inv_1", "third"), "skipped plan_broken");
	/* Amended to less than is open, it is a question; amended again, it is another plan, and holds. */
	story_event(s, "payment_plan.amended", "inv_1", "2026-04-22T06:30:00Z",
		",\"plan_id\":\"pl\",\"instalments\":[{\"due_on\":\"2026-05-20\",\"amount_minor\":100000}]");
	story_wait_tasks(s, "reconcile:inv_1 ");
	{
		struct json explained = STORY_CTL(s, "explain", "inv_1");

		says(story_str(&explained, "reconcile"), "come to 1000.00 EUR, 1050.00 were open");
	}
	story_event(s, "payment_plan.amended", "inv_1", "2026-04-22T07:00:00Z",
		",\"plan_id\":\"pl\",\"instalments\":[{\"due_on\":\"2026-05-20\",\"amount_minor\":105000}]");
	{
		struct json explained = STORY_CTL(s, "explain", "inv_1");

		says(story_str(&explained, "sentence"), "payment plan");
	}
	story_wait_tasks(s, "");
	story_event(s, "payment_plan.cancelled", "inv_1", "2026-04-22T07:30:00Z", ",\"plan_id\":\"pl\"");
	story_ends_well(s);
}

/* --- settlements and losses --------------------------------------------------------------------------------------------------- */

static void row_39_a_settlement_closes_when_it_is_paid(void **state)
{
	struct story *s = *state;

	story_event(s, "settlement.agreed", "inv_1", "2026-04-03T07:00:00Z",
		",\"settlement_id\":\"st\",\"amount_minor\":90000,\"until_on\":\"2026-04-30\",\"accepted_by\":\"anna\"");
	story_until(s, "2026-04-20T08:00:00Z"); /* held */
	story_event(s, "invoice.payment_received", "inv_1", "2026-04-20T07:00:00Z", ",\"payment_id\":\"a\",\"amount_minor\":89999");
	assert_int_equal(story_count(s, "escalation.closed"), 0);
	story_event(s, "invoice.payment_received", "inv_1", "2026-04-20T07:30:00Z", ",\"payment_id\":\"b\",\"amount_minor\":1");
	{
		struct json shown = STORY_CTL(s, "show", "inv_1");

		assert_string_equal(story_str(&shown, "closed"), "settled");
	}
	story_until(s, "2026-07-20T08:00:00Z");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\n");
	story_ends_well(s);
}

static void row_10_potatoes_settle_it_too(void **state)
{
	struct story *s = *state;

	story_event(s, "settlement.agreed", "inv_1", "2026-04-03T07:00:00Z", ",\"settlement_id\":\"st\",\"method\":\"other\",\"accepted_by\":\"anna\"");
	assert_int_equal(story_count(s, "escalation.closed"), 1);
	assert_true(story_recorded(s, "inv_1", "settlement.agreed"));
	story_until(s, "2026-07-20T08:00:00Z");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\n");
	story_ends_well(s);
}

static void row_39_a_settlement_that_is_not_paid_falls_away(void **state)
{
	struct story *s = *state;

	story_event(s, "settlement.agreed", "inv_1", "2026-04-03T07:00:00Z",
		",\"settlement_id\":\"st\",\"amount_minor\":90000,\"until_on\":\"2026-04-13\"");
	story_until(s, "2026-04-15T08:00:00Z");
	assert_true(story_recorded(s, "inv_1", "settlement.broken"));
	story_sent_is(s, "inv_1", "reminder 2026-04-02\nsecond 2026-04-14\n");
	says(story_text(s, "inv_1", "second"), "€1,200.00");
	story_event(s, "invoice.payment_received", "inv_1", "2026-04-15T07:00:00Z", ",\"payment_id\":\"a\",\"amount_minor\":90000"); /* too late for less */
	assert_int_equal(story_count(s, "escalation.closed"), 0);
	story_ends_well(s);
}

#define OFFERS \
	"\"steps\":[{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"reminder\",\"tone\":\"friendly\"}," \
	"{\"id\":\"compromise\",\"at\":\"due+7d\",\"channel\":\"email\",\"template\":\"compromise\",\"tone\":\"neutral\",\"offers\":[" \
	"{\"code\":\"less\",\"percent\":10,\"within\":\"14d\",\"approved_by\":\"Mme Durand\"}," \
	"{\"code\":\"parts\",\"instalments\":3,\"every\":\"30d\",\"within\":\"14d\",\"approved_by\":\"Mme Durand\"}]}," \
	"{\"id\":\"third\",\"at\":\"due+25d\",\"channel\":\"email\",\"template\":\"clarification\",\"tone\":\"neutral\"}]}"
static const char offers[] = HEAD "\"plan\":{\"grace\":\"2d\"},\"courtesy\":{\"apology\":\"apology\"}," OFFERS;

/* Nobody clicks, and nobody writes: what our own mail asks for is paid, or not quite, or told when the next reminder is out, or taken back. */
static void row_39_who_pays_what_was_offered_has_accepted_it(void **state)
{
	struct story s[1];
	struct json shown;

	(void)state;
	story_open(s, offers, START);
	story_invoice(s, "inv_1", "2026-04-01", 120000);
	story_invoice(s, "inv_2", "2026-04-01", 120000);
	story_invoice(s, "inv_3", "2026-04-01", 120000);
	story_until(s, "2026-04-09T08:00:00Z");
	says(story_text(s, "inv_1", "compromise"), "less: €1,080.00 in all, paid by 22 April 2026. We then regard the invoice as settled.");
	story_event(s, "invoice.payment_received", "inv_1", "2026-04-14T08:00:00Z", ",\"payment_id\":\"a\",\"amount_minor\":107999");
	story_event(s, "invoice.payment_received", "inv_3", "2026-04-14T08:00:00Z", ",\"payment_id\":\"c\",\"amount_minor\":108000");
	story_until(s, "2026-04-15T08:00:00Z");
	assert_false(story_recorded(s, "inv_1", "settlement.agreed"));
	story_event(s, "invoice.payment_received", "inv_1", "2026-04-15T08:00:00Z", ",\"payment_id\":\"b\",\"amount_minor\":1");
	shown = STORY_CTL(s, "show", "inv_1");
	assert_string_equal(story_str(&shown, "closed"), "settled");
	assert_true(story_recorded(s, "inv_1", "settlement.agreed"));
	assert_int_equal(story_count(s, "escalation.closed"), 2);
	story_event(s, "invoice.payment_reversed", "inv_3", "2026-04-15T09:00:00Z", ",\"payment_id\":\"c\"");
	story_event(s, "invoice.updated", "inv_3", "2026-04-15T10:00:00Z", ",\"invoice\":{\"id\":\"inv_3\",\"number\":\"F-inv_3\",\"version\":2,"
		"\"status\":\"open\",\"issued_on\":\"2026-03-02\",\"due_on\":\"2026-04-01\",\"currency\":\"EUR\",\"total_minor\":120000,\"due_minor\":120000}");
	story_until(s, "2026-04-28T08:00:00Z");
	assert_true(story_recorded(s, "inv_3", "settlement.broken"));
	says(story_text(s, "inv_3", "third"), "€1,200.00");
	story_event(s, "invoice.payment_received", "inv_2", "2026-04-28T07:00:00Z", /* paid on the offer's last day, and told with the statement of account */
		",\"payment_id\":\"d\",\"amount_minor\":108000,\"paid_at\":\"2026-04-22T15:00:00Z\"");
	story_until(s, "2026-06-20T08:00:00Z");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\ncompromise 2026-04-08\n");
	story_sent_is(s, "inv_2", "reminder 2026-04-02\ncompromise 2026-04-08\nthird 2026-04-27\npaid 2026-04-28\n");
	says(story_text(s, "inv_2", "paid"), "Your payment and our reminder crossed");
	story_sent_is(s, "inv_3", "reminder 2026-04-02\ncompromise 2026-04-08\nthird 2026-04-27\n");
	story_ends_well(s);
	story_close(s);
}

static void row_32_a_loss_is_written_off_and_that_can_be_taken_back(void **state)
{
	struct story *s = *state;

	story_event(s, "invoice.marked_uncollectible", "inv_1", "2026-04-03T07:00:00Z", "");
	{
		struct json shown = STORY_CTL(s, "show", "inv_1");

		assert_string_equal(story_str(&shown, "closed"), "uncollectible");
	}
	story_until(s, "2026-04-20T08:00:00Z");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\n");
	story_event(s, "invoice.updated", "inv_1", "2026-04-20T07:00:00Z", ",\"invoice\":{\"id\":\"inv_1\",\"number\":\"F-inv_1\",\"version\":2,"
		"\"status\":\"open\",\"issued_on\":\"2026-03-02\",\"due_on\":\"2026-04-01\",\"currency\":\"EUR\",\"total_minor\":120000,\"due_minor\":120000}");
	story_until(s, "2026-04-21T08:00:00Z");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\nsecond 2026-04-20\n");
	story_ends_well(s);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(row_23_a_promise_pauses_is_thanked_for_and_kept),
		STORY(row_23_a_broken_promise_goes_on_where_the_policy_says),
		STORY(a_payment_told_late_makes_a_promise_kept_after_all),
		STORY(a_promise_beyond_the_limit_pauses_no_longer_than_it),
		STORY(row_12_a_plan_is_kept_with_a_notice_before_each_instalment),
		STORY(row_8_a_missed_instalment_breaks_the_plan),
		STORY(row_39_a_settlement_closes_when_it_is_paid),
		STORY(row_10_potatoes_settle_it_too),
		STORY(row_39_a_settlement_that_is_not_paid_falls_away),
		cmocka_unit_test(row_39_who_pays_what_was_offered_has_accepted_it),
		STORY(row_32_a_loss_is_written_off_and_that_can_be_taken_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
