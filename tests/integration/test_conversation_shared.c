/* One call, or one letter, about several invoices: over for one of them, it is still owed to the others. And a letter that waits to be posted is a contact. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/story.h"

static const char calls[] =
	"{\"name\":\"talk\",\"title\":\"talk\",\"group\":\"debtor\",\"caps\":[{\"contacts\":2,\"days\":7}],\"min_gap\":\"48h\",\"steps\":["
	"{\"id\":\"call\",\"at\":\"due+5d\",\"channel\":\"call\",\"template\":\"call_script\",\"tone\":\"friendly\",\"deadline\":\"2bd\"}]}";
static const char letters[] =
	"{\"name\":\"talk\",\"title\":\"talk\",\"group\":\"debtor\",\"late\":{\"regime\":\"FR-B2B\"},\"caps\":[{\"contacts\":2,\"days\":7}],\"min_gap\":\"48h\","
	"\"steps\":[{\"id\":\"formal\",\"at\":\"due+5d\",\"channel\":\"letter\",\"delivery\":\"registered\",\"deadline\":\"10d\",\"fees\":true,"
	"\"template\":\"formal_notice_fr\",\"tone\":\"legal\",\"if\":{\"kinds\":[\"company\"],\"countries\":[\"FR\"]}},{\"id\":\"after\",\"at\":\"formal+14d\",\"gate\":\"decision\",\"role\":\"owner\"}]}";

static const char both[] =
	"{\"name\":\"talk\",\"title\":\"talk\",\"group\":\"debtor\",\"late\":{\"regime\":\"FR-B2B\"},\"caps\":[{\"contacts\":2,\"days\":7}],\"min_gap\":\"48h\","
	"\"steps\":[{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"reminder\",\"tone\":\"friendly\"},{\"id\":\"formal\","
	"\"at\":\"due+20d\",\"channel\":\"letter\",\"delivery\":\"registered\",\"deadline\":\"10d\",\"fees\":true,\"template\":\"formal_notice_fr\","
	"\"tone\":\"legal\",\"if\":{\"kinds\":[\"company\"],\"countries\":[\"FR\"]}},{\"id\":\"after\",\"at\":\"formal+14d\",\"gate\":\"decision\","
	"\"role\":\"owner\"}]}";

#define START "2026-03-31T08:00:00Z" /* a Tuesday; due on Wednesday 1 April, Easter Monday is 6 April */
#define OWED "2026-04-07T08:00:00Z" /* the step is due since 09:00 in Paris */

static void invoice(struct story *s, const char *id, const char *due_on)
{
	const char *event = arena_printf(s->arena, "{\"specversion\":\"1.0\",\"id\":\"ev-%d\",\"source\":\"https://billing.example/talk\",\"type\":\"invoice.finalized\","
		"\"time\":\"2026-03-02T08:00:00Z\",\"data\":{\"invoice\":{\"id\":\"%s\",\"number\":\"F-%s\",\"version\":1,\"status\":\"open\",\"issued_on\":\"2026-03-02\","
		"\"due_on\":\"%s\",\"currency\":\"EUR\",\"total_minor\":100000,\"due_minor\":100000},"
		"\"customer\":{\"id\":\"cus_x\",\"name\":\"Dupont SARL\",\"country\":\"FR\",\"kind\":\"company\",\"locale\":\"fr-FR\","
		"\"postal\":{\"line1\":\"12 rue X\",\"postcode\":\"69002\",\"city\":\"Lyon\"},\"timezone\":\"Europe/Paris\",\"contacts\":[{\"id\":\"c1\","
		"\"role\":\"billing\",\"name\":\"Mme Roy\",\"email\":\"compta@dupont.example\",\"phone\":\"+33100000000\"}]}}}", ++s->events, id, id, due_on);

	world_push(&s->world, event, strlen(event));
	story_applied(s);
}

static void begin(struct story *s, const char *policy, const char *task)
{
	story_open(s, policy, START);
	invoice(s, "inv_1", "2026-04-01");
	invoice(s, "inv_2", "2026-04-01");
	invoice(s, "inv_3", "2026-04-01");
	story_until(s, OWED);
	story_wait_tasks(s, task);
}

static void a_disputed_invoice_leaves_the_call_to_the_others(void **state)
{
	struct story s[1];

	(void)state;
	begin(s, calls, "call:inv_1:call ");
	story_event(s, "dispute.opened", "inv_1", OWED, ",\"dispute_id\":\"d1\",\"reason\":\"quality\"");
	story_wait_tasks(s, "call:inv_2:call review_dispute:inv_1 ");
	(void)STORY_CTL(s, "call", "log", "call:inv_1:call", "nobody there", "--outcome", "voicemail"); /* as it stood on the list of the morning */
	story_wait_tasks(s, "review_dispute:inv_1 exhausted:inv_2 exhausted:inv_3 ");
	assert_string_equal(story_walk(s, "inv_1", "call"), "not walked");
	assert_string_equal(story_walk(s, "inv_2", "call"), "done voicemail");
	assert_string_equal(story_walk(s, "inv_3", "call"), "done voicemail");
	story_ends_well(s);
	story_close(s);
}

static void a_letter_that_names_a_paid_invoice_is_made_anew(void **state)
{
	struct story s[1];

	(void)state;
	begin(s, letters, "post:inv_1:formal ");
	story_event(s, "invoice.paid", "inv_1", OWED, "");
	story_wait_tasks(s, "post:inv_2:formal ");
	(void)STORY_CTL(s, "skip", "inv_2", "they are in touch about this one");
	story_wait_tasks(s, "post:inv_3:formal exhausted:inv_2 ");
	(void)STORY_CTL(s, "task", "done", "post:inv_3:formal", "posted");
	story_wait_tasks(s, "exhausted:inv_2 commitment:inv_3 ");
	assert_string_equal(story_walk(s, "inv_2", "formal"), "skipped operator");
	assert_string_equal(story_walk(s, "inv_3", "formal"), "done");
	story_ends_well(s);
	story_close(s);
}

/* The letter about inv_1 waits to be posted since 09:00 of 21 April, when the reminder about inv_2 is owed, too. */
static void until_both_are_owed(struct story *s)
{
	story_open(s, both, START);
	invoice(s, "inv_1", "2026-04-01");
	invoice(s, "inv_2", "2026-04-20");
	story_until(s, "2026-04-21T09:00:00Z");
	story_wait_tasks(s, "post:inv_1:formal ");
	story_sent_is(s, "inv_2", "");
}

static void a_letter_that_waits_to_be_posted_is_a_contact(void **state)
{
	struct story s[1];

	(void)state;
	until_both_are_owed(s);
	story_until(s, "2026-04-22T09:00:00Z");
	(void)STORY_CTL(s, "task", "done", "post:inv_1:formal", "posted"); /* it counts from here on */
	story_wait_tasks(s, "commitment:inv_1 ");
	story_until(s, "2026-04-24T08:30:00Z");
	story_sent_is(s, "inv_2", "");
	story_until(s, "2026-04-24T10:00:00Z");
	story_sent_is(s, "inv_2", "reminder 2026-04-24\n");
	story_ends_well(s);
	story_close(s);
}

static void one_that_is_never_posted_is_none(void **state)
{
	struct story s[1];

	(void)state;
	until_both_are_owed(s);
	story_event(s, "invoice.paid", "inv_1", "2026-04-21T09:00:00Z", "");
	story_wait_tasks(s, "");
	story_sent_is(s, "inv_2", "reminder 2026-04-21\n");
	story_ends_well(s);
	story_close(s);
}

static const char *debtor(struct story *s)
{
	return world_redis(&s->world, s->arena, (const char *const[]){ "GET", world_key(&s->world, s->arena, "debtor:cus_x"), NULL })->str;
}

/* Nobody posts it in time. */
static void one_that_expires_is_none(void **state)
{
	struct story s[1];

	(void)state;
	story_open(s, both, START);
	invoice(s, "inv_1", "2026-04-01");
	invoice(s, "inv_2", "2026-04-22");
	story_until(s, "2026-04-21T09:00:00Z");
	story_wait_tasks(s, "post:inv_1:formal ");
	story_until(s, "2026-04-24T17:00:00Z");
	assert_string_equal(story_walk(s, "inv_1", "formal"), "skipped task_expired");
	if (strstr(debtor(s), "post:"))
		fail_msg("a letter that nobody posted is among the contacts");
	story_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_disputed_invoice_leaves_the_call_to_the_others),
		cmocka_unit_test(a_letter_that_names_a_paid_invoice_is_made_anew),
		cmocka_unit_test(a_letter_that_waits_to_be_posted_is_a_contact),
		cmocka_unit_test(one_that_is_never_posted_is_none),
		cmocka_unit_test(one_that_expires_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
