/* Who owes: switches in any order of arrival, the contact to use, what was done lately, and the stored form. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/debtor.h"
#include "common/utc.h"

static struct event told(enum event_type type, int64_t time, const char *id)
{
	struct event e = { .type = type, .id = id, .source = "crm", .time = time, .customer_id = "cus_7", .channel = CHANNEL_COUNT,
		.until_on = date_none() };

	e.order = (struct fact_order){ 0, time, e.source, id };
	return e;
}

static struct event updated(int64_t time, const char *id, const char *name)
{
	struct event e = told(EVENT_CUSTOMER_UPDATED, time, id);

	e.has_customer = true;
	e.customer.name = name;
	return e;
}

/* The newest event decides, whenever it comes. */
static void switches(void **state)
{
	struct event events[] = { told(EVENT_CUSTOMER_PAUSED, 10, "a"), told(EVENT_CUSTOMER_RESUMED, 20, "b"), told(EVENT_CUSTOMER_PAUSED, 30, "c"),
		told(EVENT_CUSTOMER_OPTED_OUT, 15, "d"), told(EVENT_CUSTOMER_INSOLVENCY_OPENED, 12, "e"), updated(25, "f", "new"),
		updated(5, "g", "old") };
	size_t n = ARRAY_LEN(events);
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf first = { 0 };

	(void)state;
	events[2].until = 99;
	events[2].reason = "holidays";
	events[3].channel = CHANNEL_SMS;
	for (size_t start = 0; start < n; start++) /* seven rotations, forward and backward, each told twice */
		for (int back = 0; back < 2; back++) {
			CLEANUP(buf_clear) struct buf out = { 0 };
			struct debtor debtor = { .id = "cus_7" };

			for (size_t i = 0; i < n; i++) {
				const struct event *e = &events[back ? (start + n - i) % n : (start + i) % n];

				debtor_apply(&debtor, e, arena);
				assert_false(debtor_apply(&debtor, e, arena));
			}
			assert_true(debtor.paused.on);
			assert_int_equal(debtor.paused.until, 99);
			assert_string_equal(debtor.paused.reason, "holidays");
			assert_true(debtor.insolvent.on);
			assert_true(debtor_opted_out(&debtor, CHANNEL_SMS));
			assert_false(debtor_opted_out(&debtor, CHANNEL_EMAIL));
			assert_string_equal(debtor.customer.name, "new");
			debtor_write(&out, &debtor);
			if (!first.len)
				buf_add(&first, out.data, out.len);
			assert_string_equal(out.data, first.data);
		}
}

static void a_postal_address_is_kept(void **state)
{
	static const char event[] = "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"customer.updated\","
		"\"subject\":\"customer/cus_7\",\"time\":\"2026-03-02T09:00:00Z\",\"data\":{\"customer\":{\"id\":\"cus_7\",\"name\":\"A\","
		"\"country\":\"FR\",\"postal\":{\"line1\":\"3, rue X\",\"postcode\":\"69002\",\"city\":\"Lyon\"},\"contacts\":[{\"id\":\"c\","
		"\"email\":\"a@b.example\"}]}}}";
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct debtor debtor = { .id = "cus_7" }, back = { 0 };
	struct err err = { 0 };
	struct event e;

	(void)state;
	if (event_parse(arena, event, strlen(event), NULL, &e, &err) < 0)
		fail_msg("%s %s %s", err.code, err.path, err.text);
	assert_true(debtor_apply(&debtor, &e, arena));
	debtor_write(&out, &debtor);
	assert_int_equal(debtor_read(arena, out.data, out.len, &back, &err), 0);
	assert_string_equal(back.customer.postal.line1, "3, rue X");
	assert_string_equal(back.customer.postal.postcode, "69002");
	assert_string_equal(back.customer.postal.city, "Lyon");
	assert_string_equal(back.customer.postal.country, "FR"); /* the customer's */
	assert_null(back.customer.postal.region);
}

static void switched_off(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct debtor debtor = { .id = "cus_7" };
	struct event pause = told(EVENT_CUSTOMER_PAUSED, 10, "a"), resume = told(EVENT_CUSTOMER_RESUMED, 20, "b"),
		     all = told(EVENT_CUSTOMER_OPTED_OUT, 5, "c"), nothing = told(EVENT_INVOICE_PAID, 50, "d");

	(void)state;
	pause.until = 99;
	resume.until = 77;
	assert_true(debtor_apply(&debtor, &pause, arena));
	assert_true(debtor_apply(&debtor, &resume, arena));
	assert_false(debtor.paused.on);
	assert_int_equal(debtor.paused.until, 0); /* what is off has no end */
	pause = told(EVENT_CUSTOMER_INSOLVENCY_OPENED, 10, "e");
	resume = told(EVENT_CUSTOMER_INSOLVENCY_ENDED, 20, "f");
	assert_true(debtor_apply(&debtor, &resume, arena)); /* told in whatever order */
	assert_false(debtor_apply(&debtor, &pause, arena));
	assert_false(debtor.insolvent.on);
	pause = told(EVENT_CUSTOMER_INSOLVENCY_OPENED, 30, "g");
	assert_true(debtor_apply(&debtor, &pause, arena));
	assert_true(debtor.insolvent.on);
	assert_true(debtor_apply(&debtor, &all, arena));
	for (int i = 0; i < CHANNEL_COUNT; i++)
		assert_true(debtor_opted_out(&debtor, (enum channel)i));
	assert_false(debtor_apply(&debtor, &nothing, arena));
}

/* An invoice's version says nothing about its customer: there, time alone orders. */
static void versions_do_not_order_customers(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct debtor debtor = { .id = "cus_7" };
	struct event late = updated(20, "a", "late"), early = updated(10, "b", "early");

	(void)state;
	late.order.version = 1;
	early.order.version = 9;
	assert_true(debtor_apply(&debtor, &late, arena));
	assert_false(debtor_apply(&debtor, &early, arena));
	assert_string_equal(debtor.customer.name, "late");
}

/* --- whom to contact ---------------------------------------------------------------------------------------------------- */

static void contacts_by_role_and_channel(void **state)
{
	static struct contact contacts[] = {
		{ .id = "out", .role = "billing", .external = true, .email = "lawyer@x.example", .phone = "+331" },
		{ .id = "sms-only", .role = "billing", .email = "a@x.example", .phone = "+332", .channels = 1u << CHANNEL_SMS },
		{ .id = "second", .role = "billing", .email = "b@x.example" },
		{ .id = "boss", .role = "owner", .email = "c@x.example", .phone = "+333", .sms_consent = true },
	};
	struct debtor debtor = { .id = "cus_7", .customer = { .contacts = contacts, .contact_count = ARRAY_LEN(contacts) } };
	static const char *const billing[] = { "billing", NULL }, *const both[] = { "owner", "billing", NULL }, *const none[] = { "legal", NULL },
			  *const nobody[] = { NULL };

	(void)state;
	assert_string_equal(debtor_contact(&debtor, CHANNEL_EMAIL, billing, 0)->id, "second"); /* not the outsider, not the one for SMS */
	assert_string_equal(debtor_contact(&debtor, CHANNEL_SMS, billing, 0)->id, "sms-only");
	assert_string_equal(debtor_contact(&debtor, CHANNEL_EMAIL, both, 0)->id, "boss"); /* in the order of the roles */
	assert_null(debtor_contact(&debtor, CHANNEL_CALL, billing, 0)); /* no number that may be called */
	assert_string_equal(debtor_contact(&debtor, CHANNEL_CALL, both, 0)->id, "boss");
	assert_null(debtor_contact(&debtor, CHANNEL_EMAIL, none, 0));
	assert_null(debtor_contact(&debtor, CHANNEL_EMAIL, nobody, 0));
	debtor.customer.kind = 2; /* a consumer: a text message only with consent */
	assert_null(debtor_contact(&debtor, CHANNEL_SMS, billing, 0));
	assert_string_equal(debtor_contact(&debtor, CHANNEL_SMS, both, 0)->id, "boss");
	assert_string_equal(debtor_contact(&debtor, CHANNEL_EMAIL, billing, 0)->id, "second");
	assert_null(debtor_contact(&debtor, CHANNEL_VOICE, both, 0)); /* nor by a voice that nobody speaks */
	contacts[3].voice_consent = true;
	assert_string_equal(debtor_contact(&debtor, CHANNEL_VOICE, both, 0)->id, "boss");
	contacts[3].voice_consent = false;
	debtor.customer.kind = 0;
	assert_string_equal(debtor_contact(&debtor, CHANNEL_VOICE, both, 0)->id, "boss");
	debtor.customer.country = "US"; /* of anybody: 47 CFR 64.1200(a)(1) */
	assert_null(debtor_contact(&debtor, CHANNEL_VOICE, both, 0));
	assert_string_equal(debtor_contact(&debtor, CHANNEL_CALL, both, 0)->id, "boss"); /* a person may */
	debtor.customer.kind = 0;
	contacts[1].phone = "+12025550100"; /* a business in America: the same */
	assert_null(debtor_contact(&debtor, CHANNEL_SMS, billing, 0));
	contacts[1].sms_consent = true;
	assert_string_equal(debtor_contact(&debtor, CHANNEL_SMS, billing, 0)->id, "sms-only");
	contacts[1].phone = "+332";
	contacts[1].sms_consent = false;
	debtor.opt_out[CHANNEL_EMAIL] = (struct debtor_switch){ .set = true, .on = true };
	assert_null(debtor_contact(&debtor, CHANNEL_EMAIL, both, 0));
	assert_non_null(debtor_contact(&debtor, CHANNEL_SMS, both, 0));
}

/* A call told that a person is the wrong one. */
static void a_wrong_contact_is_passed_over(void **state)
{
	struct contact contacts[] = {
		{ .id = "c1", .role = "billing", .name = "Roy", .email = "roy@x.example", .phone = "+331" },
		{ .id = "c2", .role = "billing", .name = "Petit", .email = "petit@x.example" },
	};
	struct contact others[] = { contacts[0], contacts[1] };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct debtor debtor = { .id = "cus_7", .customer = { .name = "X", .contacts = contacts, .contact_count = 2,
		.postal = { .line1 = "1", .city = "Y", .country = "FR" } } }, back = { 0 };
	static const char *const billing[] = { "billing", NULL };
	struct event same = updated(20, "a", "X"), moved = updated(30, "b", "X");

	(void)state;
	debtor_wrong_add(&debtor, arena, &contacts[0], "i1", 1000);
	debtor_wrong_add(&debtor, arena, &contacts[0], "i1", 1000); /* said twice */
	debtor_wrong_add(&debtor, arena, &contacts[0], "i2", 1000);
	assert_int_equal(debtor.wrong_count, 2);
	assert_string_equal(debtor_contact(&debtor, CHANNEL_EMAIL, billing, 0)->id, "c2");
	assert_null(debtor_contact(&debtor, CHANNEL_CALL, billing, 0));
	assert_string_equal(debtor_contact(&debtor, CHANNEL_LETTER, billing, 0)->id, "c2"); /* the house stands: somebody else opens it */
	assert_int_equal(debtor_wrong_until(&debtor, CHANNEL_CALL, billing, 2000), 1000 + WRONG_WAIT_MS);
	assert_int_equal(debtor_wrong_until(&debtor, CHANNEL_CALL, billing, 1000 + WRONG_WAIT_MS), 0);
	debtor_write(&out, &debtor);
	assert_int_equal(debtor_read(arena, out.data, out.len, &back, NULL), 0);
	assert_int_equal(back.wrong_count, 2);
	assert_true(debtor_wrong(&back, &contacts[0]));
	assert_false(debtor_wrong(&back, &contacts[1]));
	/* the same told again says nothing new; another name is another person */
	same.has_customer = moved.has_customer = true;
	same.customer.contacts = contacts;
	moved.customer.contacts = others;
	same.customer.contact_count = moved.customer.contact_count = 2;
	others[0].name = "Blanc";
	assert_true(debtor_apply(&back, &same, arena));
	assert_true(debtor_wrong_told(&back, "i1"));
	assert_true(debtor_apply(&back, &moved, arena));
	assert_false(debtor_wrong_told(&back, "i1"));
	assert_string_equal(debtor_contact(&back, CHANNEL_EMAIL, billing, 0)->id, "c1");
	/* a person has seen to it: what another invoice's call told of the same one, too, and of nobody else */
	debtor_wrong_add(&debtor, arena, &contacts[1], "i3", 1000);
	debtor_wrong_seen(&debtor, "i2");
	assert_int_equal(debtor.wrong_count, 1);
	assert_false(debtor_wrong(&debtor, &contacts[0]));
	assert_true(debtor_wrong(&debtor, &contacts[1]));
	debtor_wrong_seen(&debtor, "another");
	assert_int_equal(debtor.wrong_count, 0);
	/* nobody knows who it was: nobody is passed over, and it is mended when any of them is another */
	debtor_wrong_add(&debtor, arena, NULL, "i1", 1000);
	assert_string_equal(debtor_contact(&debtor, CHANNEL_EMAIL, billing, 0)->id, "c1");
	debtor_wrong_mended(&debtor);
	assert_true(debtor_wrong_told(&debtor, "i1"));
	debtor.customer.contacts = others;
	debtor_wrong_mended(&debtor);
	assert_false(debtor_wrong_told(&debtor, "i1"));
	for (int i = 0; i < 2 * WRONG_MAX; i++)
		debtor_wrong_add(&debtor, arena, &contacts[0], arena_printf(arena, "i%d", i), i);
	assert_int_equal(debtor.wrong_count, WRONG_MAX);
	assert_int_equal(debtor.wrong[0].at, WRONG_MAX);
}

static void zones_and_locales(void **state)
{
	struct debtor debtor = { .id = "cus_7" };
	struct contact contact = { .id = "c1" };

	(void)state;
	assert_string_equal(debtor_zone(&debtor, "UTC"), "UTC");
	assert_string_equal(debtor_locale(&debtor, NULL, "en"), "en");
	debtor.customer.timezone = "Europe/Paris";
	debtor.customer.locale = "fr-FR";
	assert_string_equal(debtor_zone(&debtor, "UTC"), "Europe/Paris");
	assert_string_equal(debtor_locale(&debtor, NULL, "en"), "fr-FR");
	assert_string_equal(debtor_locale(&debtor, &contact, "en"), "fr-FR");
	contact.locale = "de";
	assert_string_equal(debtor_locale(&debtor, &contact, "en"), "de");
}

/* --- lists ------------------------------------------------------------------------------------------------------------------ */

static void open_invoices_sorted(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct debtor debtor = { .id = "cus_7" };

	(void)state;
	for (int i = 0; i < 100; i++) {
		const char *id = arena_printf(arena, "inv_%02d", i * 37 % 100);

		debtor_open_add(&debtor, arena, id);
		debtor_open_add(&debtor, arena, arena_strdup(arena, id));
	}
	assert_int_equal(debtor.open_count, 100);
	for (size_t i = 1; i < debtor.open_count; i++)
		assert_true(strcmp(debtor.open[i - 1], debtor.open[i]) < 0);
	debtor_open_remove(&debtor, "inv_50");
	debtor_open_remove(&debtor, "inv_50");
	debtor_open_remove(&debtor, "other");
	assert_int_equal(debtor.open_count, 99);
	assert_string_equal(debtor.open[50], "inv_51");
	for (int i = 0; i < 100; i++)
		debtor_open_remove(&debtor, arena_printf(arena, "inv_%02d", i));
	assert_int_equal(debtor.open_count, 0);
}

static void recent_contacts(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct debtor debtor = { .id = "cus_7" };

	(void)state;
	for (int i = 0; i < DEBTOR_CONTACTS_KEPT + 5; i++)
		debtor_contact_add(&debtor, arena, i, CHANNEL_EMAIL, arena_printf(arena, "a%d", i));
	assert_int_equal(debtor.contact_count, DEBTOR_CONTACTS_KEPT); /* the oldest went */
	assert_string_equal(debtor.contacts[0].attempt, "a5");
	debtor_contact_add(&debtor, arena, 99, CHANNEL_SMS, "a20"); /* the same attempt again: once, and now the newest */
	assert_int_equal(debtor.contact_count, DEBTOR_CONTACTS_KEPT);
	assert_string_equal(debtor.contacts[DEBTOR_CONTACTS_KEPT - 1].attempt, "a20");
	assert_int_equal(debtor.contacts[DEBTOR_CONTACTS_KEPT - 1].at, 99);
	(void)debtor_contact_remove(&debtor, "a21");
	(void)debtor_contact_remove(&debtor, "a21");
	assert_int_equal(debtor.contact_count, DEBTOR_CONTACTS_KEPT - 1);
	for (size_t i = 0; i < debtor.contact_count; i++)
		assert_string_not_equal(debtor.contacts[i].attempt, "a21");
}

/* --- stored form -------------------------------------------------------------------------------------------------------------- */

static void everything_is_kept(void **state)
{
	static const char text[] =
		"{\"schema\":1,\"version\":12,\"id\":\"cus_7\",\"customer\":{\"name\":\"Dupont\",\"country\":\"FR\",\"kind\":2,\"locale\":\"fr-FR\","
		"\"timezone\":\"Europe/Paris\",\"policy\":\"fr-b2b\",\"contacts\":[{\"id\":\"c1\",\"role\":\"owner\",\"name\":\"Roy\",\"email\":\"a@b.example\","
		"\"phone\":\"+331\",\"locale\":\"fr\",\"external\":true,\"channels\":3,\"sms_consent\":true,\"voice_consent\":true}]},\"order\":[0,5,\"crm\",\"e1\"],"
		"\"paused\":{\"on\":true,\"order\":[0,6,\"crm\",\"e2\"],\"until\":99,\"reason\":\"holidays\"},"
		"\"insolvent\":{\"on\":false,\"order\":[0,7,\"crm\",\"e3\"]},\"opt_out_sms\":{\"on\":true,\"order\":[0,8,\"crm\",\"e4\"]},"
		"\"stop_reply_sms\":[8,\"+331\",true],"
		"\"contacts\":[[100,0,\"a1\"],[200,1,\"a2\"]],\"open\":[\"inv_1\",\"inv_2\"],\"paid\":4,\"paid_late\":2,\"promises_broken\":1,"
		"\"thanks\":[\"inv_3\"],\"still_owed\":1,\"dead_letter_until\":77,\"indexed\":true,"
		"\"trail\":[2026,42,7,\"trail.example.com/acme/a\",3,\"trail.example.com/acme/a/2025\",9,"
		"\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"],\"tenure\":3,"
		"\"suspended\":{\"on\":true,\"order\":[0,9,\"operator\",\"e5\"],\"reason\":\"audit\"},\"running\":true,\"feeds\":[[\"bank\",123]],"
		"\"policies\":[\"d1 2026 4\"],\"gaps\":[\"dunning:{0}:events 17-0 18\"],\"quotas\":[\"mail day 86400000 3\"],\"unknown_since\":5}";
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct debtor debtor;
	struct err err = { 0 };

	(void)state;
	if (debtor_read(arena, text, strlen(text), &debtor, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	debtor_write(&out, &debtor);
	assert_string_equal(out.data, text);
	assert_int_equal(debtor.trail.prev_index, 9);
	assert_int_equal(strlen(debtor.trail.prev_hash), 64);
	assert_true(debtor.opt_out[CHANNEL_SMS].on && !debtor.opt_out[CHANNEL_CALL].set);
}

static void the_least(void **state)
{
	static const char text[] = "{\"schema\":1,\"version\":0,\"id\":\"c\"}";
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct debtor debtor;

	(void)state;
	assert_int_equal(debtor_read(arena, text, strlen(text), &debtor, NULL), 0);
	assert_false(debtor.known);
	debtor_write(&out, &debtor);
	assert_string_equal(out.data, "{\"schema\":1,\"version\":0,\"id\":\"c\",\"trail\":[0,0,0,\"\",0]}");
}

static void broken_documents(void **state)
{
	static const char *const cases[][3] = {
		{ "nonsense", "bad_json", "$" },
		{ "[]", "missing", "$.schema" },
		{ "{\"schema\":2,\"version\":1,\"id\":\"c\"}", "out_of_range", "$.schema" },
		{ "{\"schema\":1,\"id\":\"c\"}", "missing", "$.version" },
		{ "{\"schema\":1,\"version\":-1,\"id\":\"c\"}", "out_of_range", "$.version" },
		{ "{\"schema\":1,\"version\":1}", "missing", "$.id" },
		{ "{\"schema\":1,\"version\":1,\"id\":\"c\",\"customer\":{\"kind\":4}}", "out_of_range", "$.customer.kind" },
		{ "{\"schema\":1,\"version\":1,\"id\":\"c\",\"customer\":{\"contacts\":7}}", "wrong_type", "$.customer.contacts" },
		{ "{\"schema\":1,\"version\":1,\"id\":\"c\",\"customer\":{\"contacts\":[{}]}}", "missing", "$.customer.contacts[0].id" },
		{ "{\"schema\":1,\"version\":1,\"id\":\"c\",\"customer\":{\"contacts\":[{\"id\":\"x\",\"channels\":32}]}}", "out_of_range",
			"$.customer.contacts[0].channels" },
		{ "{\"schema\":1,\"version\":1,\"id\":\"c\",\"contacts\":[[1,5,\"a\"]]}", "out_of_range", "$.contacts[0][1]" },
		{ "{\"schema\":1,\"version\":1,\"id\":\"c\",\"contacts\":[[1,-1,\"a\"]]}", "out_of_range", "$.contacts[0][1]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct debtor debtor;
		struct err err = { 0 };

		assert_int_equal(debtor_read(arena, cases[i][0], strlen(cases[i][0]), &debtor, &err), -EBADMSG);
		assert_string_equal(err.code, cases[i][1]);
		assert_string_equal(err.path, cases[i][2]);
	}
}

/* What is odd but harmless is read, and written as something whole. */
static void odd_documents(void **state)
{
	static const char text[] = "{\"schema\":1,\"version\":1,\"id\":\"c\",\"open\":[7,\"a\"],\"contacts\":[7,[1]],\"trail\":[\"x\",2,3,4,5,6,7,\"short\"],"
				   "\"paused\":7,\"policies\":[null],\"insolvent\":{}}";
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf once = { 0 };
	CLEANUP(buf_clear) struct buf twice = { 0 };
	struct debtor debtor;

	(void)state;
	assert_int_equal(debtor_read(arena, text, strlen(text), &debtor, NULL), 0);
	assert_string_equal(debtor.open[0], "");
	assert_string_equal(debtor.trail.prev_hash, "");
	debtor_write(&once, &debtor);
	assert_int_equal(debtor_read(arena, once.data, once.len, &debtor, NULL), 0);
	debtor_write(&twice, &debtor);
	assert_string_equal(once.data, twice.data);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(switches),
		cmocka_unit_test(switched_off),
		cmocka_unit_test(a_postal_address_is_kept),
		cmocka_unit_test(versions_do_not_order_customers),
		cmocka_unit_test(contacts_by_role_and_channel),
		cmocka_unit_test(a_wrong_contact_is_passed_over),
		cmocka_unit_test(zones_and_locales),
		cmocka_unit_test(open_invoices_sorted),
		cmocka_unit_test(recent_contacts),
		cmocka_unit_test(everything_is_kept),
		cmocka_unit_test(the_least),
		cmocka_unit_test(broken_documents),
		cmocka_unit_test(odd_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
