/* What a simulation assumes of those who pay, and the page that shows what comes of it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/utc.h"
#include "tools/outlook_html.h"

#define NOW INT64_C(1772441696000) /* 2026-03-02 */

/* --- assumptions -------------------------------------------------------------------------------------------------------- */

static void assumptions_are_read(void **state)
{
	static const struct {
		const char *text;
		int r;
		enum answer answer;
		int32_t days;
	} rows[] = {
		{ "nobody-pays", 0, NOBODY_PAYS, 0 },
		{ "pays-after:reminder", 0, PAYS_AFTER, 3 },
		{ "pays-after:reminder+5d", 0, PAYS_AFTER, 5 },
		{ "share:20", 0, PAYS_SHARE, 7 },
		{ "history", 0, PAYS_HISTORY, 0 },
		{ "share:101", -EINVAL, 0, 0 },
		{ "share:", -EINVAL, 0, 0 },
		{ "pays-after:", -EINVAL, 0, 0 },
		{ "pays-after:reminder+5h", -EINVAL, 0, 0 },
		{ "everybody", -EINVAL, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct assumption got = { 0 };
		struct err err = { 0 };

		assert_int_equal(assumption_parse(rows[i].text, &got, &err), rows[i].r);
		if (rows[i].r == 0) {
			assert_int_equal(got.answer, rows[i].answer);
			assert_int_equal(got.days, rows[i].days);
		} else {
			assert_non_null(strstr(err.text, "history"));
		}
	}
}

/* --- the history ---------------------------------------------------------------------------------------------------------- */

/* An invoice with two contacts, `first` and `second` days ago; paid `paid` days ago, or open (-1). */
static void add(struct payment_history *history, int first, int second, int paid)
{
	struct walked walk[] = { { .step = "reminder", .end = STEP_SENT, .at = NOW - first * DAY_MS },
		{ .step = "text", .end = STEP_SKIPPED, .reason = "no_address", .at = NOW - first * DAY_MS },
		{ .step = "call", .end = STEP_DONE, .at = NOW - second * DAY_MS } };
	struct fact payment = { .kind = FACT_PAYMENT, .id = "p", .amount = 100, .at = NOW - paid * DAY_MS };
	struct escalation e = { .invoice = { .id = "i", .known = true, .snapshot = { .total = 100 } }, .walk = walk, .walk_count = ARRAY_LEN(walk) };

	if (paid >= 0) {
		e.state = ESCALATION_CLOSED;
		e.closed = "paid";
		e.invoice.facts = &payment;
		e.invoice.fact_count = 1;
	} else {
		e.state = ESCALATION_WAITING;
	}
	payment_history_add(history, &e, NOW);
}

static void a_payment_belongs_to_the_contact_before_it(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct payment_history history;
	const struct paid_step *all;

	(void)state;
	payment_history_begin(&history, arena);
	add(&history, 50, 40, 46); /* 4 days after the reminder, before the call */
	add(&history, 50, 40, 38); /* 2 days after the call */
	add(&history, 50, 40, -1); /* never */
	add(&history, 50, 3, -1); /* the call may still bear fruit */
	all = &history.steps[0];
	assert_int_equal(all->contacts, 4 + 2); /* reminders, and the calls of the second and the third */
	assert_int_equal(all->paid, 2);
	assert_int_equal(all->days[4], 1);
	assert_int_equal(all->days[2], 1);
	assert_int_equal(history.count, 3); /* nobody was contacted by "text" */
	assert_string_equal(history.steps[1].step, "reminder");
	assert_int_equal(history.steps[1].contacts, 4);
	assert_int_equal(history.steps[1].paid, 1);
	assert_int_equal(history.steps[2].contacts, 2);
	assert_int_equal(history.steps[2].paid, 1);
	assert_ptr_equal(payment_history_of(&history, "reminder"), all); /* four are too few */
}

static void people_pay_as_often_and_as_soon_as_they_did(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct payment_history history;
	int64_t days[HISTORY_DAYS_MAX + 1] = { 0 };

	(void)state;
	payment_history_begin(&history, arena);
	for (int i = 0; i < 30; i++)
		add(&history, 50, 40, i < 6 ? 46 : i < 9 ? 49 : -1);
	assert_ptr_equal(payment_history_of(&history, "reminder"), &history.steps[1]);
	for (uint32_t i = 0; i < 3000; i++)
		days[payment_history_answer(&history, "reminder", (uint32_t)(((uint64_t)(2 * i + 1) << 31) / 3000))]++;
	assert_int_equal(days[4], 600);
	assert_int_equal(days[1], 300);
	assert_int_equal(days[0], 2100); /* not at all */
}

/* --- the page --------------------------------------------------------------------------------------------------------------- */

static size_t count_of(const char *text, const char *needle)
{
	size_t n = 0;

	for (; (text = strstr(text, needle)); text += strlen(needle))
		n++;
	return n;
}

static void the_page_shows_steps_and_debtors_and_nothing_raw(void **state)
{
	static const char *const invoices[] = { "inv_1" };
	static const char *const reminder = "reminder", *const gate = "worth-it";
	struct outlook_contact contacts[] = {
		{ .at = NOW, .day = { NOW / DAY_MS }, .minute = 600, .debtor = "cus_1", .name = "<b>Dupont</b> & \"Co\"", .step = reminder, .channel = "email",
			.tone = "friendly", .invoices = invoices, .invoice_count = 1, .why = "min_gap" },
		{ .at = NOW + DAY_MS, .day = { NOW / DAY_MS + 1 }, .minute = 601, .debtor = "cus_1", .step = reminder, .channel = "sms", .tone = "friendly",
			.invoices = invoices, .invoice_count = 1 },
	};
	struct outlook_tally tallies[] = { { "deferred", reminder, "min_gap", 7 }, { "gate", gate, "decision", 4 }, { "hold", NULL, "exhausted", 2 } };
	struct outlook o = { .begin = NOW, .end = NOW + 30 * DAY_MS, .contacts = contacts, .contact_count = ARRAY_LEN(contacts), .tallies = tallies,
		.tally_count = ARRAY_LEN(tallies), .debtors = 1 };
	CLEANUP(buf_clear) struct buf page = { 0 };
	const char *text;

	(void)state;
	outlook_html(&page, &(struct outlook_page){ .title = "What <will> go out", .outlook = &o });
	text = buf_str(&page);
	assert_null(strstr(text, "<b>Dupont"));
	assert_null(strstr(text, "<will>"));
	assert_null(strstr(text, "<script"));
	assert_non_null(strstr(text, "&lt;b&gt;Dupont&lt;/b&gt; &amp; &quot;Co&quot;"));
	assert_int_equal(count_of(text, "min&nbsp;gap&nbsp;7"), 1); /* once for a step that goes out by two channels */
	assert_int_equal(count_of(text, "decision&nbsp;4"), 1);
	assert_int_equal(count_of(text, "hold&nbsp;exhausted&nbsp;2"), 1);
	assert_non_null(strstr(text, "2026-03-02 reminder</span>, <span class=\"d\">2026-03-03 reminder"));
	assert_int_equal(count_of(text, "<rect "), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(assumptions_are_read),
		cmocka_unit_test(a_payment_belongs_to_the_contact_before_it),
		cmocka_unit_test(people_pay_as_often_and_as_soon_as_they_did),
		cmocka_unit_test(the_page_shows_steps_and_debtors_and_nothing_raw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
