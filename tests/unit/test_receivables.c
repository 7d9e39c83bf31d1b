/* What is owed by age, and how long it took, where somebody said "paid" without a figure, or the money went back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/receivables.h"
#include "common/utc.h"
#include "common/zone.h"

static int64_t instant(int month, int day)
{
	return date_of(2026, month, day).days * DAY_MS + 9 * HOUR_MS;
}

/* Of 1,000.00, issued on 2 March, due on 1 April 2026. */
static void tell(struct arena *arena, struct escalation *e, enum event_type type, int month, int day, const char *payment, int64_t amount)
{
	struct event event = { .type = type, .id = arena_printf(arena, "e-%d-%d-%d", (int)type, month, day), .source = "billing",
		.time = instant(month, day), .at = instant(month, day), .invoice_id = "i", .customer_id = "c", .fact_id = payment, .amount = amount,
		.until_on = date_none(), .channel = CHANNEL_COUNT };

	event.order = (struct fact_order){ type == EVENT_INVOICE_FINALIZED ? 1 : 0, event.time, event.source, event.id };
	if (type == EVENT_SETTLEMENT_AGREED) {
		event.settles = true;
		event.until_on = date_of(2026, 4, 13);
	}
	if (type == EVENT_INVOICE_FINALIZED) {
		event.has_snapshot = true;
		event.snapshot = (struct snapshot){ .status = INVOICE_OPEN, .total = 100000, .due = 100000, .currency = "EUR",
			.issued_on = date_of(2026, 3, 2), .due_on = date_of(2026, 4, 1) };
	}
	assert_true(invoice_apply(&e->invoice, &event, arena));
}

struct day {
	int month, day;
	int64_t owed;
};

static void owed_on(const struct escalation *e, const struct zone *zone, const struct day *days)
{
	for (; days->month; days++) {
		struct span span = span_of(zone, date_of(2026, days->month, days->day), 30);

		if (owed_at(e, &span) != days->owed)
			fail_msg("on %d.%d. %lld are owed, not %lld", days->day, days->month, (long long)owed_at(e, &span), (long long)days->owed);
	}
}

/* "Paid", without a figure; the payment it was about goes back in May: owed again from then on, and not before. */
static void charged_back_after_somebody_said_paid(void **state)
{
	static const struct day days[] = { { 3, 1, 0 }, { 3, 31, 100000 }, { 4, 9, 100000 }, { 4, 10, 0 }, { 5, 4, 0 }, { 5, 5, 100000 }, { 6, 30, 100000 }, { 0 } };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct escalation e = { .invoice.id = "i" };
	struct book_figures figures;
	const struct zone *zone;

	(void)state;
	assert_int_equal(zone_get("Europe/Paris", &zone), 0);
	tell(arena, &e, EVENT_INVOICE_FINALIZED, 3, 2, NULL, 0);
	tell(arena, &e, EVENT_INVOICE_PAYMENT_RECEIVED, 4, 10, "p", 100000);
	tell(arena, &e, EVENT_INVOICE_PAID, 4, 10, NULL, 0);
	tell(arena, &e, EVENT_INVOICE_PAYMENT_REVERSED, 5, 5, "p", 0);
	owed_on(&e, zone, days);
	book_figures_begin(&figures, zone, date_of(2026, 6, 30));
	book_figures_add(&figures, &e);
	assert_int_equal(figures.currencies[0].amount[age_of(90)], 100000);
	assert_int_equal(figures.currencies[0].all, 100000);
}

/* What is paid by word alone took as long as any other, for all that was billed. */
static void days_to_pay_without_a_figure(void **state)
{
	static const struct day days[] = { { 4, 9, 100000 }, { 4, 10, 0 }, { 12, 31, 0 }, { 0 } };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct escalation e = { .invoice.id = "i" };
	struct sales sales;
	const struct zone *zone;
	struct span span;

	(void)state;
	assert_int_equal(zone_get("Europe/Paris", &zone), 0);
	tell(arena, &e, EVENT_INVOICE_FINALIZED, 3, 2, NULL, 0);
	tell(arena, &e, EVENT_INVOICE_PAID, 4, 10, NULL, 0);
	owed_on(&e, zone, days);
	span = span_of(zone, date_of(2026, 4, 30), 30);
	assert_true(sales_of(&e, &span, &sales));
	assert_true(sales.paid);
	assert_int_equal(sales.amount, 100000);
	assert_int_equal(sales.days_to_pay, 39);
	assert_int_equal(sales.days_late, 9);
	span = span_of(zone, date_of(2026, 5, 31), 30); /* not in these days */
	assert_true(sales_of(&e, &span, &sales));
	assert_false(sales.paid);
}

/* 700.00 by 13 April for all of it: paid in time nothing is owed, paid in May the rest of the invoice is. */
static void a_settlement_paid_late_leaves_the_rest(void **state)
{
	static const struct day late[] = { { 4, 10, 100000 }, { 4, 30, 100000 }, { 5, 4, 100000 }, { 5, 5, 30000 }, { 6, 30, 30000 }, { 0 } },
		in_time[] = { { 4, 9, 100000 }, { 4, 10, 0 }, { 6, 30, 0 }, { 0 } };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const struct zone *zone;

	(void)state;
	assert_int_equal(zone_get("Europe/Paris", &zone), 0);
	for (int i = 0; i < 2; i++) {
		struct escalation e = { .invoice.id = "i" };

		tell(arena, &e, EVENT_INVOICE_FINALIZED, 3, 2, NULL, 0);
		tell(arena, &e, EVENT_SETTLEMENT_AGREED, 4, 3, "s", 70000);
		tell(arena, &e, EVENT_INVOICE_PAYMENT_RECEIVED, i ? 5 : 4, i ? 5 : 10, "p", 70000);
		owed_on(&e, zone, i ? late : in_time);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(charged_back_after_somebody_said_paid),
		cmocka_unit_test(days_to_pay_without_a_figure),
		cmocka_unit_test(a_settlement_paid_late_leaves_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
