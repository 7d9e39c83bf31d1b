/*
 * What users of other systems complain of, from the reports that they wrote: one test for each, named by its heading, all about one creditor
 * through one spring. The story is played once, in set_up(); each test looks at the invoices that are its own. README.md has the
 * headings.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/utc.h"
#include "common/zone.h"
#include "tests/support/story.h"

#define MAIL(id, at, template, tone) "{\"id\":\"" id "\",\"at\":\"" at "\",\"channel\":\"email\",\"template\":\"" template "\",\"tone\":\"" tone "\"}"
#define FEES(id, at) \
	"{\"id\":\"" id "\",\"at\":\"" at "\",\"channel\":\"email\",\"template\":\"penalties\",\"tone\":\"firm\",\"fees\":true,\"if\":{\"kinds\":[\"company\"]}}"
#define HEAD(name) "{\"name\":\"" name "\",\"title\":\"t\",\"caps\":[{\"contacts\":2,\"days\":7}],\"min_gap\":\"48h\",\"max_contacts\":3,"
static const char talk[] = HEAD("talk") "\"promise\":{\"within\":\"30d\",\"most\":2},\"steps\":[" MAIL("reminder", "due+1d", "reminder", "friendly") ","
	MAIL("second", "due+8d", "clarification", "neutral") "," MAIL("third", "due+20d", "firm_reminder", "firm") "]}";
static const char early[] = HEAD("early") "\"steps\":[" MAIL("pre", "due-45d", "pre_due", "friendly") "," MAIL("reminder", "due+1d", "reminder", "friendly") "]}";
static const char owing[] = HEAD("owing") "\"late\":{\"regime\":\"FR-B2B\"},\"steps\":[" MAIL("reminder", "due+1d", "reminder", "friendly") ","
	FEES("penalties", "due+8d") "," FEES("again", "due+20d") "]}";
static const char none[] = "{\"name\":\"none\",\"title\":\"t\",\"do_nothing\":true}";

/* A Monday. Good Friday (no holiday in Paris) is 3 April, Easter Monday 6 April. */
#define START "2026-03-30T08:00:00Z"

struct invoice_row {
	const char *id, *customer, *due_on;
	long total, paid;
	const char *zone, *email, *policy, *more; /* more: members of the invoice, beginning with a comma */
};
static const struct invoice_row invoices[] = {
	{ "paid", "cus_paid", "2026-04-01", 120000, 0, "Europe/Paris", "a@dupont.example", NULL, "" },
	{ "credited", "cus_credited", "2026-04-01", 120000, 0, "Europe/Paris", "b@dupont.example", NULL, "" },
	{ "doubled", "cus_doubled", "2026-04-01", 120000, 0, "Europe/Paris", "c@dupont.example", NULL, "" },
	{ "refused", "cus_refused", "2026-04-01", 120000, 0, "Europe/Paris", "bad_address@dupont.example", NULL, "" },
	{ "missed", "cus_missed", "2026-04-07", 120000, 0, "Europe/Paris", "d@dupont.example", NULL, "" },
	{ "part", "cus_part", "2026-04-01", 120000, 0, "Europe/Paris", "e@dupont.example", NULL, "" },
	{ "old", "cus_two", "2026-04-01", 10000, 0, "Europe/Paris", "f@dupont.example", NULL, "" },
	{ "new", "cus_two", "2026-04-03", 20000, 0, "Europe/Paris", "f@dupont.example", NULL, "" },
	{ "promised", "cus_promised", "2026-04-01", 120000, 0, "Europe/Paris", "g@dupont.example", NULL, "" },
	{ "disputed", "cus_disputed", "2026-04-01", 120000, 0, "Europe/Paris", "h@dupont.example", NULL, "" },
	{ "friend", "cus_friend", "2026-04-01", 120000, 0, "Europe/Paris", "i@dupont.example", "none", "" },
	{ "one", "cus_many", "2026-04-01", 1001, 0, "Europe/Paris", "j@dupont.example", NULL, "" },
	{ "two", "cus_many", "2026-04-01", 2002, 1, "Europe/Paris", "j@dupont.example", NULL, "" },
	{ "three", "cus_many", "2026-04-15", 4004, 0, "Europe/Paris", "j@dupont.example", NULL, "" },
	{ "far", "cus_far", "2026-03-31", 120000, 0, "Pacific/Auckland", "k@dupont.example", NULL, "" },
	{ "automatic", "cus_automatic", "2026-04-01", 120000, 0, "Europe/Paris", "l@dupont.example", NULL, ",\"collection\":\"charge_automatically\"" },
	{ "uncharged", "cus_uncharged", "2026-04-01", 120000, 0, "Europe/Paris", "m@dupont.example", NULL, ",\"collection\":\"charge_automatically\"" },
	{ "early", "cus_early", "2026-05-10", 120000, 0, "Europe/Paris", "n@dupont.example", "early", "" },
	{ "owing", "cus_owing", "2026-04-01", 120000, 0, "Europe/Paris", "o@dupont.example", "owing", "" },
};

static const char *event_of(struct story *s, const struct invoice_row *row, int times)
{
	return arena_printf(s->arena, "{\"specversion\":\"1.0\",\"id\":\"f-%s-%d\",\"source\":\"https://billing.example/talk\",\"type\":\"invoice.finalized\","
		"\"time\":\"2026-03-02T08:00:00Z\",\"data\":{\"invoice\":{\"id\":\"%s\",\"version\":1,\"issued_on\":\"2026-03-02\",\"due_on\":\"%s\","
		"\"currency\":\"EUR\",\"total_minor\":%ld,\"paid_minor\":%ld,\"due_minor\":%ld%s%s%s%s},\"customer\":{\"id\":\"%s\",\"name\":\"Dupont SARL\","
		"\"country\":\"%s\",\"kind\":\"company\",\"locale\":\"en-GB\",\"timezone\":\"%s\",\"contacts\":[{\"id\":\"c1\",\"email\":\"%s\"}]}}}", row->id, times, row->id,
		row->due_on, row->total, row->paid, row->total - row->paid, row->policy ? ",\"policy\":\"" : "", row->policy ? row->policy : "",
		row->policy ? "\"" : "", row->more, row->customer, strcmp(row->zone, "Europe/Paris") == 0 ? "FR" : "NZ", row->zone, row->email);
}

/* The daemon is down until then: nobody looks at a clock meanwhile. */
static void down_until(struct story *s, const char *until)
{
	assert_int_equal(process_stop(&s->world.daemon, 20000), 0);
	s->world.options.clock = arena_printf(s->arena, "start:%s,rate:0", until);
	world_start(&s->world, NULL);
	assert_true(world_ready(&s->world, 20000));
	s->world.options.clock = "rate:0";
}

static void killed(struct story *s)
{
	process_kill(&s->world.daemon);
	world_start(&s->world, NULL);
	assert_true(world_ready(&s->world, 20000));
}

static struct json messages(struct story *s, const char *invoice)
{
	struct json root = world_ask_sandbox(&s->world, s->arena, arena_printf(s->arena, "/messages?invoice=%s", invoice));

	return json_get(&root, "messages");
}

/* The provider has its message and has not answered; it dies not knowing. */
static void killed_in_flight(struct story *s, const char *invoice)
{
	int64_t deadline = real_ms() + 20000;

	for (;;) {
		struct json all = messages(s, invoice);

		if (json_len(&all))
			break;
		if (real_ms() > deadline)
			fail_msg("nothing was sent about %s", invoice);
		pause_ms(10);
	}
	assert_true(story_recorded(s, invoice, "attempt.intent"));
	assert_false(story_recorded(s, invoice, "attempt.submitted") || story_recorded(s, invoice, "attempt.in_doubt"));
	killed(s);
}

static int set_up(void **state)
{
	struct story *s = calloc(1, sizeof(*s));

	story_open(s, talk, START);
	world_put(&s->world, "policies/early.json", early);
	world_put(&s->world, "policies/owing.json", owing);
	world_put(&s->world, "policies/none.json", none);
	world_configure(&s->world, "\"creditor\":", "\"digest\":{\"email\":\"owner@acme.example\",\"locale\":\"en-GB\"},\"creditor\":");
	down_until(s, START);
	for (int times = 0; times < 3; times++) /* every event three times, under ids of its own */
		for (size_t i = 0; i < sizeof(invoices) / sizeof(*invoices); i++)
			if (times == 0 || strcmp(invoices[i].id, "doubled") == 0) {
				const char *event = event_of(s, &invoices[i], times);

				world_push(&s->world, event, strlen(event));
				world_push(&s->world, event, strlen(event));
			}
	story_applied(s);
	story_event(s, "invoice.payment_failed", "uncharged", "2026-04-01T08:00:00Z", ",\"payment_id\":\"x\"");
	story_event(s, "invoice.payment_received", "part", "2026-03-31T08:00:00Z", ",\"payment_id\":\"x\",\"amount_minor\":50000");
	story_event(s, "dispute.opened", "disputed", "2026-03-31T08:00:00Z", ",\"dispute_id\":\"x\",\"reason\":\"quality\"");
	story_event(s, "promise.made", "promised", "2026-03-31T08:00:00Z", ",\"promise_id\":\"x\",\"until_on\":\"2026-04-24\"");
	story_until(s, "2026-04-02T05:00:00Z"); /* two hours before the reminders */
	story_event(s, "invoice.payment_received", "paid", "2026-04-02T05:00:00Z", ",\"payment_id\":\"x\",\"amount_minor\":120000");
	story_event(s, "credit_note.issued", "credited", "2026-04-02T05:00:00Z", ",\"credit_note_id\":\"x\",\"amount_minor\":120000");
	world_behave(&s->world, "{\"mode\":\"hang\",\"count\":1,\"to\":\"c@dupont.example\"}");
	story_until(s, "2026-04-02T07:00:00Z");
	killed_in_flight(s, "doubled");
	story_until(s, "2026-04-02T15:00:00Z");
	story_until(s, "2026-04-07T15:00:00Z");
	story_event(s, "invoice.payment_received", "old", "2026-04-07T15:00:00Z", ",\"payment_id\":\"x\",\"amount_minor\":10000");
	down_until(s, "2026-04-13T08:00:00Z"); /* from Tuesday evening to Monday */
	story_until(s, "2026-04-28T08:00:00Z");
	for (int i = 0; i < 3; i++)
		killed(s);
	story_event(s, "invoice.payment_received", "owing", "2026-04-28T08:00:00Z", ",\"payment_id\":\"x\",\"amount_minor\":120000");
	story_until(s, "2026-07-01T08:00:00Z");
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct story *s = *state;

	story_close(s);
	free(s);
	return 0;
}

/* "step day" of each, in the zone; each was asked for once. */
static const char *sent_in(struct story *s, const char *invoice, const char *zone_name)
{
	struct json all = messages(s, invoice);
	const char *found = "";
	const struct zone *zone;

	assert_int_equal(zone_get(zone_name, &zone), 0);
	for (size_t i = 0; i < json_len(&all); i++) {
		struct json one = json_at(&all, i), deliveries = json_get(&one, "deliveries");
		char day[DATE_TEXT_SIZE];
		int64_t at;

		assert_int_equal(json_int(&deliveries), strcmp(invoice, "doubled") == 0 && i == 0 ? 2 : 1); /* the one that was under way */
		assert_int_equal(utc_parse(story_str(&one, "received_at"), &at), 0);
		found = arena_printf(s->arena, "%s%s %s\n", found, story_str(&one, "step"), date_format(zone_date(zone, at), day));
	}
	return found;
}

#define sent(s, invoice) sent_in(s, invoice, "Europe/Paris")
#define LADDER "reminder 2026-04-02\nsecond 2026-04-13\nthird 2026-04-27\n"

static void has(const char *text, const char *needle)
{
	if (!strstr(text, needle))
		fail_msg("\"%s\" is not in:\n%s", needle, text);
}

/* akaunting #259, killbill #695, erpnext #49066: reminded although paid, or credited to nothing. */
static void complaint_1_chased_although_paid_or_credited(void **state)
{
	struct story *s = *state;

	assert_string_equal(sent(s, "paid"), "");
	assert_string_equal(sent(s, "credited"), "");
	has(story_walk(s, "paid", "reminder"), "not walked");
}

/* invoiceninja #1693, #2649, FOSSBilling #3726, CryptoZing #93, adempiere #2369: the same reminder again, and again after every restart. */
static void complaint_2_duplicates_and_bursts(void **state)
{
	struct story *s = *state;

	assert_string_equal(sent(s, "doubled"), LADDER); /* six times told; killed while the first was under way, and three times later */
	assert_string_equal(story_walk(s, "doubled", "reminder"), "sent");
	assert_true(story_recorded(s, "doubled", "attempt.in_doubt") && story_recorded(s, "doubled", "attempt.reconciled"));
	assert_int_equal(world_sent(&s->world, s->arena, 0).repeated, 1); /* that one, under its own key: the provider has it once */
}

/* odoo #195327, invoiceninja #9311, #3293, #9190, #9140: the history says sent, and nobody got it. */
static void complaint_3_recorded_as_sent_never_sent(void **state)
{
	struct story *s = *state;
	const char *tasks = story_tasks(s);

	assert_string_equal(sent(s, "refused"), "");
	assert_string_equal(story_walk(s, "refused", "reminder"), "skipped no_address");
	assert_true(story_recorded(s, "refused", "attempt.failed"));
	assert_false(story_recorded(s, "refused", "attempt.submitted"));
	has(tasks, "no_address:refused:reminder ");
}

/* invoiceninja #637, #8665, #5860, Dolibarr #25197, #30771, OCA #330: whatever fell on a day on which nothing ran was never sent. */
static void complaint_4_reminder_lost_without_catch_up(void **state)
{
	struct story *s = *state;

	/* owed on the 8th, while the daemon was down: on Monday, and what follows keeps its distance */
	assert_string_equal(sent(s, "missed"), "reminder 2026-04-13\nsecond 2026-04-20\nthird 2026-05-04\n");
	assert_string_equal(sent(s, "part"), LADDER); /* paid in part, and reminded of the rest */
	has(story_text(s, "part", "reminder"), "€700.00");
}

/* killbill #2297, #535, invoiceninja #9162, #9312, #7465: the oldest is paid and the next stage is skipped; two stages within a night. */
static void complaint_5_wrong_stage(void **state)
{
	struct story *s = *state;

	assert_string_equal(sent(s, "old"), "reminder 2026-04-02\n");
	assert_string_equal(sent(s, "new"), "reminder 2026-04-07\nsecond 2026-04-14\nthird 2026-04-27\n");
}

/* invoiced.com 362217, 181881: "their promise has no value"; the disputer gets the next reminder. */
static void complaint_6_no_pause_for_promise_or_dispute(void **state)
{
	struct story *s = *state;

	assert_string_equal(sent(s, "disputed"), "");
	has(story_tasks(s), "review_dispute:disputed ");
	assert_true(strncmp(sent(s, "promised"), "reminder 2026-04-27\n", 20) == 0); /* when its day, a Friday, had passed */
	assert_int_equal(story_count(s, "promise.broken"), 1);
}

/* r/stripe, finaxis.ai, canyoupaythat.com: no escalation of tone, no rule for a customer, nobody can be left out. */
static void complaint_7_same_treatment_for_all(void **state)
{
	struct story *s = *state;
	struct json explained = STORY_CTL(s, "explain", "friend");

	assert_string_equal(sent(s, "friend"), "");
	assert_string_equal(story_str(&explained, "rule"), "do_nothing");
	assert_string_not_equal(story_text(s, "doubled", "reminder"), story_text(s, "doubled", "third"));
}

/* erpnext #12429, Zuora 19282, Repair-DeskPOS #735; and OCA #460: after one of them the others disappear. */
static void complaint_8_one_mail_for_each_invoice(void **state)
{
	struct story *s = *state;
	struct json all = messages(s, "one"), first = json_at(&all, 0), two = messages(s, "two"), other = json_at(&two, 0);

	assert_string_equal(story_str(&first, "attempt"), story_str(&other, "attempt")); /* one mail for both */
	has(sent(s, "three"), "reminder 2026-04-16\n"); /* the third has its own days */
}

static int64_t minor_of(const struct json *shown, const char *key)
{
	struct json money = json_get(shown, key), minor = json_get(&money, "minor");

	return minor.type == JSON_INT ? json_int(&minor) : 0;
}

/*
 * erpnext #46650, #42605, #46770, metasfresh #4175: sums that are not those of the invoices; 0.00. invoiceninja #2330, #11380: the late fee
 * again every hour, and on the invoice. erpnext #58220, #58227: it is lost once the principal is paid.
 */
static void complaint_9_money_errors(void **state)
{
	struct story *s = *state;
	struct json log = STORY_CTL(s, "trail", "log", "owing"), shown = STORY_CTL(s, "show", "owing");
	int accrued = 0;

	has(story_text(s, "one", "reminder"), "€30.02"); /* 10.01 and 20.02 without the cent that was paid */
	has(story_text(s, "one", "reminder"), "€10.01");
	/* Stated twice, and killed three times since: one fee. */
	assert_string_equal(sent(s, "owing"), "reminder 2026-04-02\npenalties 2026-04-13\nagain 2026-04-27\n");
	has(story_text(s, "owing", "again"), "€1,200.00");
	for (size_t i = 0; i < json_len(&log); i++) {
		struct json one = json_at(&log, i), record = json_get(&one, "record");

		accrued += strcmp(story_str(&record, "kind"), "fee.accrued") == 0;
	}
	assert_int_equal(accrued, 1);
	assert_int_equal(story_count(s, "fee.accrued"), 1);
	assert_string_equal(story_str(&shown, "closed"), "paid");
	shown = STORY_CTL(s, "fees", "owing");
	assert_string_equal(story_str(&shown, "fee"), "owed");
	assert_int_equal(minor_of(&shown, "amount"), 4000);
	assert_int_equal(minor_of(&shown, "owed"), 4000);
	assert_int_equal(minor_of(&shown, "balance"), 0);
}

/* invoiceninja #792, #8672: told 30 March, and it was the 31st. */
static void complaint_10_date_off_by_one(void **state)
{
	struct story *s = *state;
	struct json all = messages(s, "far"), first = json_at(&all, 0);

	has(story_str(&first, "text"), "31 March 2026");
	assert_true(strncmp(sent_in(s, "far", "Pacific/Auckland"), "reminder 2026-04-01\n", 20) == 0); /* the day after, over there */
	has(sent(s, "far"), "reminder 2026-03-31\n"); /* while it was still the due date here */
}

/* OCA #330, InvoicePlane-v2 #480, Dolibarr #14695: the reminders vanish from the history with a part payment. */
static void complaint_11_history_lost(void **state)
{
	struct story *s = *state;

	assert_string_equal(story_walk(s, "old", "reminder"), "sent"); /* closed since */
	assert_true(story_recorded(s, "old", "attempt.submitted") && story_recorded(s, "old", "payment.received"));
	assert_string_equal(story_walk(s, "part", "third"), "sent");
}

/* tendenci #1382: daily, for ever. invoiceninja #1730: three are not enough. */
static void complaint_12_endless_nagging(void **state)
{
	struct story *s = *state;

	assert_string_equal(sent(s, "doubled"), LADDER); /* it is July */
	has(story_tasks(s), "exhausted:doubled "); /* and a person decides */
}

/* invoiceninja #2379. */
static void complaint_13_who_pays_by_himself_is_reminded(void **state)
{
	struct story *s = *state;

	assert_string_equal(sent(s, "automatic"), "");
	has(sent(s, "uncharged"), "reminder 2026-04-02\n"); /* the charge failed */
}

/* invoiceninja #3299, #9140: "terrible feeling to find out e-mails haven't been going out for weeks". */
static void complaint_14_operator_blind(void **state)
{
	struct story *s = *state;
	struct json same = STORY_CTL(s, "digest", "--date", "2026-04-03"), root = world_ask_sandbox(&s->world, s->arena, "/messages"),
		    all = json_get(&root, "messages");
	const char *mail = "";

	for (size_t i = 0; i < json_len(&all); i++) {
		struct json one = json_at(&all, i);

		if (strcmp(story_str(&one, "step"), "digest:2026-04-03") == 0)
			mail = story_str(&one, "text");
	}
	has(mail, "Reached nobody: 1\n- reminder, no address: refused (cus_refused)");
	has(mail, "- no address: refused");
	has(story_str(&same, "text"), "Reached nobody: 1\n");
	assert_true(story_count(s, "invoice.overdue") >= 10);
}

/* trove.works on QuickBooks: from the vendor's servers, in the vendor's name. Each message is in the creditor's, and none speaks of us. */
static void complaint_15_sent_from_the_vendors_servers(void **state)
{
	static const char *const said[] = { "subject", "text", "html", "list_unsubscribe" };
	struct story *s = *state;
	struct json root = world_ask_sandbox(&s->world, s->arena, "/messages"), all = json_get(&root, "messages");

	assert_true(json_len(&all) > 25);
	for (size_t i = 0; i < json_len(&all); i++) {
		struct json one = json_at(&all, i), from = json_get(&one, "from");

		assert_string_equal(story_str(&from, "email"), "factures@acme.example");
		assert_string_equal(story_str(&from, "name"), "Acme SARL");
		assert_true(strcmp(story_str(&from, "reply_to"), "") == 0 || strstr(story_str(&from, "reply_to"), "@acme.example"));
		for (size_t k = 0; k < ARRAY_LEN(said); k++)
			assert_null(strcasestr(story_str(&one, said[k]), "dunningd"));
	}
}

/* HubSpot: at most seven days before it is due. */
static void complaint_16_too_short_before_it_is_due(void **state)
{
	assert_string_equal(sent(*state, "early"), "pre 2026-03-30\nreminder 2026-05-15\n"); /* told of four days late: the distance stays */
}

/*
 * killbill #1978: an invoice made by hand, with a due date set on it, and no catalogue behind it: a mail as that date comes near. These have
 * dates, an amount and a customer, not even a number.
 */
static void complaint_17_due_date_without_a_catalogue(void **state)
{
	struct story *s = *state;

	has(sent(s, "early"), "pre 2026-03-30\n");
	has(story_text(s, "early", "pre"), "is due on 10 May 2026");
	assert_string_equal(sent(s, "doubled"), LADDER);
	has(story_text(s, "doubled", "reminder"), "1 April 2026");
}

/* adempiere #1520: 0 to 3 days, 4 to 12, 13 and more, each with its own text. */
static void complaint_18_day_ranges_with_texts_of_their_own(void **state)
{
	struct story *s = *state;
	const char *first = story_text(s, "doubled", "reminder"), *second = story_text(s, "doubled", "second"), *third = story_text(s, "doubled", "third");

	assert_string_not_equal(first, second);
	assert_string_not_equal(second, third);
	story_ends_well(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(complaint_1_chased_although_paid_or_credited),
		cmocka_unit_test(complaint_2_duplicates_and_bursts),
		cmocka_unit_test(complaint_3_recorded_as_sent_never_sent),
		cmocka_unit_test(complaint_4_reminder_lost_without_catch_up),
		cmocka_unit_test(complaint_5_wrong_stage),
		cmocka_unit_test(complaint_6_no_pause_for_promise_or_dispute),
		cmocka_unit_test(complaint_7_same_treatment_for_all),
		cmocka_unit_test(complaint_8_one_mail_for_each_invoice),
		cmocka_unit_test(complaint_9_money_errors),
		cmocka_unit_test(complaint_10_date_off_by_one),
		cmocka_unit_test(complaint_11_history_lost),
		cmocka_unit_test(complaint_12_endless_nagging),
		cmocka_unit_test(complaint_13_who_pays_by_himself_is_reminded),
		cmocka_unit_test(complaint_14_operator_blind),
		cmocka_unit_test(complaint_15_sent_from_the_vendors_servers),
		cmocka_unit_test(complaint_16_too_short_before_it_is_due),
		cmocka_unit_test(complaint_17_due_date_without_a_catalogue),
		cmocka_unit_test(complaint_18_day_ranges_with_texts_of_their_own),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
