/* Rows of the practice that are about calls, each as a story: README.md says which row is where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/story.h"

static const char policy[] =
	"{\"name\":\"talk\",\"title\":\"talk\",\"caps\":[{\"contacts\":2,\"days\":7}],\"min_gap\":\"48h\",\"promise\":{\"within\":\"21d\"},\"steps\":["
	"{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"reminder\",\"tone\":\"friendly\"},"
	"{\"id\":\"call\",\"at\":\"due+5d\",\"channel\":\"call\",\"template\":\"call_script\",\"tone\":\"friendly\",\"deadline\":\"2bd\","
	"\"confirm\":\"call_recap\"},"
	"{\"id\":\"second\",\"at\":\"due+12d\",\"channel\":\"email\",\"template\":\"reminder\",\"tone\":\"neutral\"}]}";

#define START "2026-03-31T08:00:00Z" /* a Tuesday; due on Wednesday 1 April, Easter Monday is 6 April */
#define CALLED "2026-04-07T08:00:00Z" /* the call is due since 09:00 in Paris */

static int setup(void **state)
{
	struct story *s = calloc(1, sizeof(*s));

	story_open(s, policy, START);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	story_close(*state);
	free(*state);
	return 0;
}

static void until_the_call(struct story *s)
{
	story_invoice(s, "inv_1", "2026-04-01", 120000);
	story_until(s, CALLED);
	story_sent_is(s, "inv_1", "reminder 2026-04-02\n");
	story_wait_tasks(s, "call:inv_1:call ");
}

static void says(const char *text, const char *needle)
{
	if (!strstr(text, needle))
		fail_msg("it does not say \"%s\":\n%s", needle, text);
}

static void row_38_after_a_call_a_mail_states_what_was_agreed(void **state)
{
	struct story *s = *state;
	const char *mail;

	until_the_call(s);
	(void)STORY_CTL(s, "call", "log", "call:inv_1:call", "they sounded annoyed", "--outcome", "promise", "--until", "2026-04-15", "--tell",
		"M. Petit signs the transfer himself.");
	story_wait_tasks(s, "");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\nconfirm 2026-04-07\n");
	mail = story_text(s, "inv_1", "confirm:1");
	says(mail, "compta@dupont.example");
	says(mail, "You told us that you will pay by 15 April 2026.");
	says(mail, "M. Petit signs the transfer himself.");
	if (strstr(mail, "annoyed"))
		fail_msg("our notes went out:\n%s", mail);
	assert_string_equal(story_walk(s, "inv_1", "call"), "done promise");
	assert_string_equal(story_walk(s, "inv_1", "confirm:1"), "sent");
	assert_true(story_recorded(s, "inv_1", "phone.note"));
	story_until(s, "2026-04-15T15:00:00Z"); /* nobody is written to while the promise runs */
	story_sent_is(s, "inv_1", "reminder 2026-04-02\nconfirm 2026-04-07\n");
	story_until(s, "2026-04-17T08:00:00Z");
	assert_int_equal(story_count(s, "promise.broken"), 1);
	story_sent_is(s, "inv_1", "reminder 2026-04-02\nconfirm 2026-04-07\nsecond 2026-04-16\n");
	story_ends_well(s);
}

static void row_38_paid_meanwhile_no_mail_goes_out(void **state)
{
	struct story *s = *state;

	story_invoice(s, "inv_1", "2026-04-01", 120000);
	story_until(s, "2026-04-07T16:00:00Z"); /* 18:00 in Paris: the mail waits for the morning */
	(void)STORY_CTL(s, "call", "log", "inv_1", "they will look for it", "--outcome", "invoice_not_received");
	story_wait_tasks(s, "fix_address:inv_1 ");
	assert_string_equal(story_walk(s, "inv_1", "call"), "done invoice_not_received");
	story_event(s, "invoice.paid", "inv_1", "2026-04-07T17:00:00Z", "");
	story_wait_tasks(s, "");
	assert_string_equal(story_walk(s, "inv_1", "confirm:1"), "skipped paid");
	story_until(s, "2026-04-20T08:00:00Z");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\n");
	story_ends_well(s);
}

static void row_38_a_call_demands_an_outcome(void **state)
{
	struct story *s = *state;

	until_the_call(s);
	assert_int_equal(world_ctl(&s->world, (const char *const[]){ "call", "log", "inv_1", "we spoke", NULL }, NULL), 2);
	assert_int_equal(world_ctl(&s->world, (const char *const[]){ "call", "log", "inv_1", "we spoke", "--outcome", "nice", NULL }, NULL), 2);
	assert_int_equal(world_ctl(&s->world, (const char *const[]){ "call", "log", "inv_1", "we spoke", "--outcome", "promise", NULL }, NULL), 2);
	/* the policy lets a promise pause for 21 days */
	(void)STORY_REFUSED(s, "call", "log", "inv_1", "next quarter", "--outcome", "promise", "--until", "2026-06-30");
	story_wait_tasks(s, "call:inv_1:call ");
	(void)STORY_CTL(s, "call", "log", "inv_1", "the machine answered", "--outcome", "voicemail");
	story_wait_tasks(s, "");
	assert_string_equal(story_walk(s, "inv_1", "call"), "done voicemail");
	story_until(s, "2026-04-14T08:00:00Z"); /* nobody was reached: nothing is confirmed, the ladder goes on */
	story_sent_is(s, "inv_1", "reminder 2026-04-02\nsecond 2026-04-14\n");
	story_ends_well(s);
}

static void row_22_who_asks_to_be_called_again_is_called_again(void **state)
{
	struct story *s = *state;
	const char *successor = "{\"specversion\":\"1.0\",\"id\":\"new-1\",\"source\":\"https://crm.example\",\"type\":\"customer.updated\","
				"\"time\":\"2026-04-22T15:00:00Z\",\"data\":{\"customer\":{\"id\":\"cus_inv_1\",\"name\":\"Dupont SARL\",\"country\":\"FR\","
				"\"timezone\":\"Europe/Paris\",\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"name\":\"M. Blanc\","
				"\"email\":\"blanc@dupont.example\"}]}}}";

	until_the_call(s);
	(void)STORY_CTL(s, "call", "log", "inv_1", "in a meeting", "--outcome", "call_back_at", "--back", "2026-04-09T09:00:00Z");
	story_wait_tasks(s, "");
	story_until(s, "2026-04-09T08:30:00Z");
	assert_string_equal(story_tasks(s), "");
	story_until(s, "2026-04-09T09:30:00Z");
	story_wait_tasks(s, "call:inv_1:call ");
	(void)STORY_CTL(s, "call", "log", "call:inv_1:call", "nobody there", "--outcome", "voicemail");
	story_wait_tasks(s, "");
	/* She rings us herself: no step is owed, and she is called all the same, and not written to before. */
	(void)STORY_CTL(s, "call", "log", "inv_1", "rang us, is travelling", "--outcome", "call_back_at", "--back", "2026-04-17T09:00:00Z");
	story_wait_tasks(s, "call_back:inv_1 ");
	story_until(s, "2026-04-17T08:30:00Z"); /* the next mail is owed since the day before */
	story_sent_is(s, "inv_1", "reminder 2026-04-02\n");
	(void)STORY_CTL(s, "call", "log", "call_back:inv_1", "Mme Roy has left", "--outcome", "wrong_contact");
	story_wait_tasks(s, "fix_contact:inv_1 ");
	story_until(s, "2026-04-22T15:00:00Z"); /* who has left is not written to */
	story_sent_is(s, "inv_1", "reminder 2026-04-02\n");
	story_wait_tasks(s, "fix_contact:inv_1 ");
	world_push(&s->world, successor, strlen(successor));
	story_applied(s);
	story_wait_tasks(s, "exhausted:inv_1 "); /* the policy's last step */
	story_sent_is(s, "inv_1", "reminder 2026-04-02\nsecond 2026-04-22\n");
	says(story_text(s, "inv_1", "second"), "blanc@dupont.example");
	story_ends_well(s);
}

static void row_36_a_dispute_on_the_telephone_holds_the_ladder(void **state)
{
	struct story *s = *state;

	until_the_call(s);
	(void)STORY_CTL(s, "call", "log", "inv_1", "two boxes were wet", "--outcome", "dispute", "--reason", "quality", "--contact", "c2");
	story_wait_tasks(s, "review_dispute:inv_1 ");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\nconfirm 2026-04-07\n");
	says(story_text(s, "inv_1", "confirm:1"), "petit@dupont.example"); /* whom we spoke with */
	says(story_text(s, "inv_1", "confirm:1"), "do not agree with it");
	assert_null(strstr(story_text(s, "inv_1", "confirm:1"), "pay.example")); /* who disputes is not asked to pay in the same breath */
	story_until(s, "2026-06-01T08:00:00Z");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\nconfirm 2026-04-07\n");
	story_ends_well(s);
}

static void a_telephone_system_tells_the_same_twice(void **state)
{
	struct story *s = *state;
	const char *earlier = "{\"specversion\":\"1.0\",\"id\":\"c-0\",\"source\":\"https://pbx.example\",\"type\":\"call.completed\","
			      "\"time\":\"2026-04-01T08:00:00Z\",\"data\":{\"invoice_id\":\"inv_1\",\"call_id\":\"c-0\",\"outcome\":\"voicemail\"}}";
	const char *call = "{\"specversion\":\"1.0\",\"id\":\"c-1\",\"source\":\"https://pbx.example\",\"type\":\"call.completed\","
			   "\"time\":\"2026-04-07T08:00:00Z\",\"data\":{\"invoice_id\":\"inv_1\",\"call_id\":\"c-1\",\"outcome\":\"in_payment\","
			   "\"until_on\":\"2026-04-10\"}}";

	until_the_call(s);
	world_push(&s->world, earlier, strlen(earlier)); /* told late: it was over before anybody was asked to call */
	story_applied(s);
	story_wait_tasks(s, "call:inv_1:call ");
	for (int i = 0; i < 2; i++) {
		world_push(&s->world, call, strlen(call));
		story_applied(s);
	}
	story_wait_tasks(s, "");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\nconfirm 2026-04-07\n");
	says(story_text(s, "inv_1", "confirm:2"), "expected on 10 April 2026");
	story_until(s, "2026-04-10T15:00:00Z");
	assert_string_equal(story_walk(s, "inv_1", "confirm:3"), "not walked");
	story_ends_well(s);
}

static void paid_on_the_telephone_is_a_word_and_no_payment(void **state)
{
	struct story *s = *state;
	int64_t ended;

	until_the_call(s);
	(void)STORY_CTL(s, "call", "log", "inv_1", "transferred last week, they say", "--outcome", "paid");
	story_wait_tasks(s, "find_payment:inv_1 "); /* somebody looks */
	story_sent_is(s, "inv_1", "reminder 2026-04-02\nconfirm 2026-04-07\n");
	says(story_text(s, "inv_1", "confirm:1"), "We are looking for the payment");
	story_until(s, "2026-04-13T08:00:00Z");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\nconfirm 2026-04-07\n");
	ended = story_count(s, "escalation.resumed");
	(void)STORY_CTL(s, "task", "done", "find_payment:inv_1", "no such transfer"); /* sooner than the week is over */
	story_wait_tasks(s, "");
	assert_int_equal(story_count(s, "escalation.resumed"), ended + 1);
	story_until(s, "2026-04-15T08:00:00Z"); /* it never came */
	story_sent_is(s, "inv_1", "reminder 2026-04-02\nconfirm 2026-04-07\nsecond 2026-04-14\n");
	story_wait_tasks(s, "exhausted:inv_1 ");
	story_ends_well(s);
}

static void insolvency_stops_everything(void **state)
{
	struct story *s = *state;

	until_the_call(s);
	(void)STORY_CTL(s, "call", "log", "inv_1", "a liquidator is named", "--outcome", "insolvent");
	story_wait_tasks(s, "insolvency:inv_1 ");
	story_until(s, "2026-07-01T08:00:00Z");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\n");
	(void)STORY_CTL(s, "insolvency", "end", "cus_inv_1", "it is another firm of that name");
	story_sent_is(s, "inv_1", "reminder 2026-04-02\nsecond 2026-07-01\n");
	story_wait_tasks(s, "exhausted:inv_1 "); /* the policy's last step */
	(void)STORY_REFUSED(s, "insolvency", "end", "cus_inv_1", "once more");
	story_ends_well(s);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(row_38_after_a_call_a_mail_states_what_was_agreed),
		STORY(row_38_paid_meanwhile_no_mail_goes_out),
		STORY(row_38_a_call_demands_an_outcome),
		STORY(row_22_who_asks_to_be_called_again_is_called_again),
		STORY(row_36_a_dispute_on_the_telephone_holds_the_ladder),
		STORY(a_telephone_system_tells_the_same_twice),
		STORY(paid_on_the_telephone_is_a_word_and_no_payment),
		STORY(insolvency_stops_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
