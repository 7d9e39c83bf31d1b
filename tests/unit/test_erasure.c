/* What goes of a debtor's document and its invoices' when keys of its file are erased. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/erasure.h"
#include "common/utc.h"

#define OURS "trail.example.com/acme"
#define THEIRS "trail.example.com/other-host"
#define ALL TRAIL_CLASSES
#define ONLY(class) (1u << (class))

/* One year for who and what, two for the facts. */
#define RULE(class, years) "{\"class\":\"" class "\",\"records\":\"contacts\",\"start\":\"last_event\",\"years\":" years ",\"source\":\"s\",\"certainty\":\"c\"}"
static const char periods[] = "{\"as_of\":\"2026-01-01\",\"rules\":[" RULE("identity", "1") "," RULE("content", "1") "," RULE("facts", "2") "]}";

static int64_t at(const char *text)
{
	int64_t ret = 0;

	if (utc_parse(text, &ret) < 0)
		fail_msg("%s", text);
	return ret;
}

struct bench {
	struct arena *arena;
	struct retention *retention;
	const struct zone *zone;
	struct debtor debtor;
	struct erasure_invoice invoices[2];
	struct erasure_file file;
	struct erasure_request request;
	struct erasure_plan plan;
	struct erasing work;
};

/* Keys of 2020 (ours), 2021 (ours), and 2024, the present one; an invoice of 2020 to 2021, one of 2024. */
static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct trail_place *place = &b->debtor.trail;

	b->arena = arena_create();
	assert_int_equal(retention_parse(periods, sizeof(periods) - 1, &b->retention, NULL), 0);
	assert_int_equal(zone_get("UTC", &b->zone), 0);
	b->debtor.id = "cus_1";
	b->debtor.known = true;
	b->debtor.customer.name = "Dupont";
	b->debtor.customer.country = "FR";
	b->debtor.paused = (struct debtor_switch){ .set = true, .on = true, .reason = "ill" };
	b->debtor.order.time = at("2020-05-05T00:00:00Z");
	debtor_trail_begin(place, b->arena, OURS, 1, 2020, 7);
	place->n = 5;
	debtor_trail_begin(place, b->arena, OURS, 1, 2021, 3);
	debtor_trail_begin(place, b->arena, OURS, 1, 2024, 9);
	b->invoices[0] = (struct erasure_invoice){ .life = { .id = "INV-1", .opened_at = at("2020-02-02T00:00:00Z"),
						    .closed_at = at("2021-03-03T00:00:00Z") } };
	b->invoices[1] = (struct erasure_invoice){ .life = { .id = "INV-2", .opened_at = at("2024-02-02T00:00:00Z") } };
	b->invoices[0].attempts = arena_alloc(b->arena, 2 * sizeof(struct erasure_attempt));
	b->invoices[0].attempts[0] = (struct erasure_attempt){ "A20", at("2020-04-04T00:00:00Z") };
	b->invoices[0].attempts[1] = (struct erasure_attempt){ "A21", at("2021-01-04T00:00:00Z") };
	b->invoices[0].attempt_count = 2;
	b->file = (struct erasure_file){ &b->debtor, b->invoices, 2, NULL, 0, false };
	b->request = (struct erasure_request){ ALL, 0, OURS };
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	retention_free(b->retention);
	arena_free(b->arena);
	free(b);
	return 0;
}

static void plan(struct bench *b, const char *now)
{
	erasure_plan(b->retention, &b->file, &b->request, b->zone, at(now), b->arena, &b->plan);
}

static bool apply(struct bench *b)
{
	return erasure_apply(&b->debtor, &b->plan, &b->file, b->zone, b->arena, &b->work);
}

static bool has(const char *const *items, size_t count, const char *item)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(items[i], item) == 0)
			return true;
	return false;
}

static void old_years_go_while_the_customer_goes_on(void **state)
{
	struct bench *b = *state;

	plan(b, "2026-01-01T00:00:00Z");
	assert_int_equal(b->plan.count, 9);
	assert_int_equal(b->plan.going, 6);
	assert_int_equal(b->plan.refused, 3);
	assert_true(b->plan.left[CLASS_IDENTITY] && b->plan.left[CLASS_CONTENT] && b->plan.left[CLASS_FACTS]);
	assert_true(erasure_drops(&b->plan, &b->debtor, b->zone, &b->invoices[0]));
	assert_false(erasure_drops(&b->plan, &b->debtor, b->zone, &b->invoices[1]));
	assert_false(apply(b));
	assert_true(b->debtor.known);
	assert_string_equal(b->debtor.customer.name, "Dupont");
	assert_int_equal(b->debtor.trail.year, 2024);
	assert_int_equal(b->debtor.trail.earlier_count, 0);
	assert_int_equal(b->work.key_count, 2);
	assert_int_equal(b->work.keys[0].slot, 7);
	assert_int_equal(b->work.keys[0].classes, ALL);
	assert_int_equal(b->work.keys[0].n, 5);
	assert_int_equal(b->work.keys[1].slot, 3);
	assert_true(has(b->work.ids, b->work.id_count, "INV-1"));
	assert_false(has(b->work.ids, b->work.id_count, "INV-2"));
	assert_false(has(b->work.ids, b->work.id_count, "cus_1"));
	assert_true(has(b->work.attempts, b->work.attempt_count, "A20") && has(b->work.attempts, b->work.attempt_count, "A21"));
}

static void an_invoice_stays_as_long_as_one_of_its_years(void **state)
{
	struct bench *b = *state;

	b->request.until_year = 2020;
	plan(b, "2026-01-01T00:00:00Z");
	assert_int_equal(b->plan.going, 3);
	assert_false(erasure_drops(&b->plan, &b->debtor, b->zone, &b->invoices[0]));
	assert_false(apply(b));
	assert_int_equal(b->work.id_count, 0);
	assert_int_equal(b->work.attempt_count, 1); /* a message is of its year */
	assert_string_equal(b->work.attempts[0], "A20");
	assert_int_equal(b->debtor.trail.earlier_count, 1);
	assert_int_equal(b->debtor.trail.earlier[0].year, 2021);
}

static void who_it_is_goes_first(void **state)
{
	struct bench *b = *state;

	b->invoices[1].life.closed_at = at("2024-03-03T00:00:00Z");
	plan(b, "2025-12-01T00:00:00Z"); /* facts of 2024: until 2026 */
	assert_false(b->plan.left[CLASS_IDENTITY]);
	assert_true(b->plan.left[CLASS_FACTS]);
	assert_true(erasure_drops(&b->plan, &b->debtor, b->zone, &b->invoices[0]));
	assert_false(erasure_drops(&b->plan, &b->debtor, b->zone, &b->invoices[1]));
	assert_false(apply(b));
	assert_null(b->debtor.customer.name);
	assert_string_equal(b->debtor.customer.country, "FR");
	assert_true(b->debtor.paused.on); /* without its words */
	assert_null(b->debtor.paused.reason);
	assert_int_equal(b->debtor.trail.year, 0); /* a new file begins */
	assert_int_equal(b->debtor.trail.earlier_count, 1);
	assert_int_equal(b->debtor.trail.earlier[0].slot, 9);
	assert_int_equal(b->debtor.trail.earlier[0].classes, ONLY(CLASS_FACTS));
	assert_true(has(b->work.ids, b->work.id_count, "cus_1") && has(b->work.ids, b->work.id_count, "INV-2"));
}

/* Whatever the document keeps beside the customer's data: addresses of which something was told, who said stop, who was let in or is the wrong one. */
static void nothing_of_the_document_says_who_it_was(void **state)
{
	static const char *const said[] = { "dupont@example.org", "+33612345678", "Martin", "accountant", "digest-of-dupont", "ill" };
	struct bench *b = *state;
	struct debtor *d = &b->debtor;
	CLEANUP(buf_clear) struct buf before = { 0 }, after = { 0 };

	assert_true(debtor_address_told(d, b->arena, CHANNEL_EMAIL, said[0], true, at("2024-02-03T00:00:00Z")));
	d->stop_replies[CHANNEL_SMS] = (struct stop_reply){ at("2024-02-04T00:00:00Z"), said[1], true };
	d->allowed = &(struct allowed){ .contact = "c9", .who = said[2], .why = said[3], .on = true, .last_on = date_of(2024, 3, 1) };
	d->wrong = &(struct wrong_contact){ "c1", said[4], "INV-2", at("2024-02-05T00:00:00Z") };
	d->allowed_count = d->wrong_count = 1;
	debtor_write(&before, d);
	b->invoices[1].life.closed_at = at("2024-03-03T00:00:00Z");
	plan(b, "2025-12-01T00:00:00Z");
	(void)apply(b);
	debtor_write(&after, d);
	for (size_t i = 0; i < sizeof(said) / sizeof(*said); i++) {
		assert_non_null(strstr(buf_str(&before), said[i]));
		assert_null(strstr(buf_str(&after), said[i]));
	}
	assert_true(d->stop_replies[CHANNEL_SMS].confirmed); /* once is enough, whoever it was */
}

static void the_last_key_takes_the_document_along(void **state)
{
	struct bench *b = *state;

	b->invoices[1].life.closed_at = at("2024-03-03T00:00:00Z");
	plan(b, "2027-12-01T00:00:00Z");
	assert_int_equal(b->plan.refused, 0);
	assert_true(erasure_drops(&b->plan, &b->debtor, b->zone, &b->invoices[1]));
	assert_true(apply(b));
	assert_int_equal(b->work.key_count, 3);
}

static void another_instances_keys_are_not_at_hand(void **state)
{
	struct bench *b = *state;

	b->invoices[1].life.closed_at = at("2024-03-03T00:00:00Z");
	b->debtor.trail.earlier[1].log = THEIRS;
	plan(b, "2027-12-01T00:00:00Z");
	assert_int_equal(b->plan.going, 6);
	assert_int_equal(b->plan.refused, 3);
	assert_false(apply(b));
	assert_int_equal(b->work.key_count, 2);
	assert_int_equal(b->debtor.trail.earlier_count, 1);
	assert_string_equal(b->debtor.customer.name, "Dupont"); /* there it can still be read who it is */
}

static void classes_that_are_not_asked_for_stay(void **state)
{
	struct bench *b = *state;

	b->request.classes = ONLY(CLASS_CONTENT);
	plan(b, "2026-01-01T00:00:00Z");
	assert_int_equal(b->plan.count, 3);
	assert_int_equal(b->plan.going, 2);
	assert_false(erasure_drops(&b->plan, &b->debtor, b->zone, &b->invoices[0]));
	assert_false(apply(b));
	assert_int_equal(b->work.keys[0].classes, ONLY(CLASS_CONTENT));
	assert_int_equal(b->debtor.trail.earlier[0].classes, ALL & ~ONLY(CLASS_CONTENT));
	assert_int_equal(b->work.id_count, 0);
}

static void the_night_looks_only_where_something_has_run_out(void **state)
{
	struct bench *b = *state;

	assert_false(erasure_may_have_expired(b->retention, &b->debtor, &b->request, b->zone, at("2021-05-05T00:00:00Z")));
	assert_true(erasure_may_have_expired(b->retention, &b->debtor, &b->request, b->zone, at("2021-05-06T00:00:00Z")));
	b->debtor.retained.on = true;
	assert_false(erasure_may_have_expired(b->retention, &b->debtor, &b->request, b->zone, at("2021-05-06T00:00:00Z")));
}

/* Invoices may lie behind it: for what is left of such a file it waits until accounts may go, too. */
static void the_night_does_not_look_again_and_again(void **state)
{
	static const char rules[] = "{\"as_of\":\"2026-01-01\",\"rules\":[" RULE("identity", "1") "," RULE("content", "1") "," RULE("facts", "2")
		",{\"class\":\"facts\",\"records\":\"accounts\",\"start\":\"year_end\",\"years\":10,\"source\":\"s\",\"certainty\":\"c\"}]}";
	struct bench *b = *state;

	b->request.classes = ONLY(CLASS_FACTS);
	assert_true(erasure_may_have_expired(b->retention, &b->debtor, &b->request, b->zone, at("2024-05-06T00:00:00Z")));
	retention_free(b->retention);
	assert_int_equal(retention_parse(rules, sizeof(rules) - 1, &b->retention, NULL), 0);
	assert_false(erasure_may_have_expired(b->retention, &b->debtor, &b->request, b->zone, at("2024-05-06T00:00:00Z")));
	assert_true(erasure_may_have_expired(b->retention, &b->debtor, &b->request, b->zone, at("2031-01-01T00:00:00Z")));
}

static void a_document_comes_back_as_it_was(void **state)
{
	struct bench *b = *state;
	CLEANUP(buf_clear) struct buf text = { 0 }, again = { 0 };
	struct debtor read;

	plan(b, "2026-01-01T00:00:00Z");
	b->debtor.retained = (struct debtor_switch){ .set = true, .on = true, .reason = "a case" };
	(void)apply(b);
	debtor_trail_begin(&b->debtor.trail, b->arena, OURS, 1, 2025, 1);
	debtor_erasing_add(&b->debtor, b->arena, &b->work);
	debtor_write(&text, &b->debtor);
	assert_int_equal(debtor_read(b->arena, text.data, text.len, &read, NULL), 0);
	debtor_write(&again, &read);
	assert_string_equal(buf_str(&text), buf_str(&again));
	assert_true(read.retained.on);
	assert_int_equal(read.trail.earlier[0].slot, 9);
	assert_int_equal(read.erasing[0].keys[0].classes, ALL);
	assert_string_equal(read.erasing[0].ids[0], "INV-1");
	debtor_erasing_remove(&read, "cus_1");
	assert_int_equal(read.erasing_count, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(old_years_go_while_the_customer_goes_on), TEST(an_invoice_stays_as_long_as_one_of_its_years),
		TEST(who_it_is_goes_first), TEST(nothing_of_the_document_says_who_it_was),
		TEST(the_last_key_takes_the_document_along), TEST(another_instances_keys_are_not_at_hand),
		TEST(classes_that_are_not_asked_for_stay),
		TEST(the_night_looks_only_where_something_has_run_out), TEST(the_night_does_not_look_again_and_again),
		TEST(a_document_comes_back_as_it_was) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
