/* What follows from an invoice's facts, in whatever order they came, and its stored form. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/invoice.h"
#include "common/utc.h"

/* An event in a few figures. */
struct told {
	enum event_type type;
	int day; /* of March 2026, 09:00 UTC */
	int64_t version;
	const char *fact;
	int64_t amount;
	/* figures, when total is not 0 */
	int64_t total, paid, credited;
	enum invoice_status status; /* INVOICE_DRAFT is told by `draft`: open unless it says otherwise */
	bool draft;
	int64_t after_version;
	int paid_day; /* 0 = as told */
	int until_day;
	bool automatic;
	bool announced; /* a reply: by a key */
	bool settles; /* a settlement for `amount` */
};

static int64_t instant(int day)
{
	return date_of(2026, 3, 1).days * DAY_MS + (day - 1) * DAY_MS + 9 * HOUR_MS;
}

static struct event event_of(struct arena *arena, const struct told *t, size_t i)
{
	struct event e = { .type = t->type, .id = arena_printf(arena, "e%zu", i), .source = "billing", .time = instant(t->day),
		.invoice_id = "inv_1", .customer_id = "cus_1", .fact_id = t->fact, .amount = t->amount, .after_version = t->after_version,
		.until_on = t->until_day ? date_of(2026, 3, t->until_day) : date_none(), .channel = CHANNEL_COUNT, .announced = t->announced,
		.settles = t->settles };

	e.order = (struct fact_order){ t->version, e.time, e.source, e.id };
	e.at = t->paid_day ? instant(t->paid_day) : e.time;
	if (t->total) {
		e.has_snapshot = true;
		e.snapshot = (struct snapshot){ .status = t->status || t->draft ? t->status : INVOICE_OPEN, .total = t->total, .paid = t->paid, .credited = t->credited,
			.due = t->total - t->paid - t->credited, .currency = "EUR", .issued_on = date_none(), .due_on = date_of(2026, 4, 1),
			.automatic = t->automatic };
	}
	return e;
}

#define TOLD_MAX 7
struct row {
	const char *name;
	struct told told[TOLD_MAX]; /* ends with day 0 */
	enum invoice_state state;
	int64_t balance, paid, credited;
	const char *reconcile;
	const char *in_force; /* "dispute promise announced undelivered plan settlement reply automatic" */
};
#define FINAL(day_, version_, ...) { EVENT_INVOICE_FINALIZED, .day = day_, .version = version_, .total = 1000, ##__VA_ARGS__ }
#define LOST(day_) { EVENT_INVOICE_MARKED_UNCOLLECTIBLE, .day = day_ }
#define SETTLED { EVENT_SETTLEMENT_AGREED, 2, .fact = "s", .amount = 700, .until_day = 13, .settles = true }
#define UPDATED(day_, version_, ...) { EVENT_INVOICE_UPDATED, .day = day_, .version = version_, .total = 1000, ##__VA_ARGS__ }

static const struct row rows[] = {
	{ "nothing but a fact: unknown", { { EVENT_INVOICE_PAID, .day = 2 } }, STATE_UNKNOWN, 0, 0, 0, NULL, "" },
	{ "open", { FINAL(1, 1) }, STATE_OPEN, 1000, 0, 0, NULL, "" },
	{ "a draft", { FINAL(1, 1, .draft = true) }, STATE_DRAFT, 1000, 0, 0, NULL, "" },
	{ "paid by its producer's word", { FINAL(1, 1), { EVENT_INVOICE_PAID, .day = 2 } }, STATE_PAID, 1000, 0, 0, NULL, "" },
	{ "paid by its status", { FINAL(1, 1), UPDATED(2, 2, .status = INVOICE_PAID) }, STATE_PAID, 1000, 0, 0, NULL, "" },
	{ "paid by the figures", { FINAL(1, 1), UPDATED(2, 2, .paid = 1000) }, STATE_PAID, 0, 1000, 0, NULL, "" },
	{ "paid by one payment", { FINAL(1, 1), { EVENT_INVOICE_PAYMENT_RECEIVED, 2, .fact = "p1", .amount = 1000 } }, STATE_PAID, 0, 1000, 0, NULL, "" },
	{ "paid in two parts", { FINAL(1, 1), { EVENT_INVOICE_PAYMENT_RECEIVED, 2, .fact = "p1", .amount = 400 },
		{ EVENT_INVOICE_PAYMENT_RECEIVED, 3, .fact = "p2", .amount = 600 } }, STATE_PAID, 0, 1000, 0, NULL, "" },
	{ "paid in part", { FINAL(1, 1), { EVENT_INVOICE_PAYMENT_RECEIVED, 2, .fact = "p1", .amount = 400 } }, STATE_OPEN, 600, 400, 0, NULL, "" },
	{ "the same payment told twice", { FINAL(1, 1), { EVENT_INVOICE_PAYMENT_RECEIVED, 2, .fact = "p1", .amount = 400 },
		{ EVENT_INVOICE_PAYMENT_RECEIVED, 3, .fact = "p1", .amount = 400 } }, STATE_OPEN, 600, 400, 0, NULL, "" },
	{ "a payment corrected", { FINAL(1, 1), { EVENT_INVOICE_PAYMENT_RECEIVED, 2, .fact = "p1", .amount = 400 },
		{ EVENT_INVOICE_PAYMENT_RECEIVED, 3, .fact = "p1", .amount = 300 } }, STATE_OPEN, 700, 300, 0, NULL, "" },
	{ "more than owed", { FINAL(1, 1), { EVENT_INVOICE_PAYMENT_RECEIVED, 2, .fact = "p1", .amount = 1400 } }, STATE_PAID, 0, 1400, 0, NULL, "" },
	{ "a payment that the figures know", { FINAL(1, 1), { EVENT_INVOICE_PAYMENT_RECEIVED, 2, .fact = "p1", .amount = 400 },
		UPDATED(3, 2, .paid = 400) }, STATE_OPEN, 600, 400, 0, NULL, "" },
	{ "a payment beyond the figures, by version", { UPDATED(3, 2, .paid = 400),
		{ EVENT_INVOICE_PAYMENT_RECEIVED, 2, .fact = "p2", .amount = 100, .after_version = 2 } }, STATE_OPEN, 500, 500, 0, NULL, "" },
	{ "a payment within the figures, by version", { UPDATED(3, 2, .paid = 400),
		{ EVENT_INVOICE_PAYMENT_RECEIVED, 5, .fact = "p2", .amount = 100, .after_version = 1 } }, STATE_OPEN, 600, 400, 0, NULL, "" },
	{ "a payment told late, dated before the figures", { UPDATED(10, 0, .paid = 400),
		{ EVENT_INVOICE_PAYMENT_RECEIVED, 12, .fact = "p1", .amount = 400, .paid_day = 9 } }, STATE_OPEN, 600, 400, 0, NULL, "" },
	{ "two readings differ: the kinder, and a person", { UPDATED(10, 2, .paid = 100),
		{ EVENT_INVOICE_PAYMENT_RECEIVED, 8, .fact = "p1", .amount = 400, .paid_day = 8 } }, STATE_OPEN, 600, 400, 0, "payments_differ", "" },
	{ "a credit note", { FINAL(1, 1), { EVENT_CREDIT_NOTE_ISSUED, 2, .fact = "c1", .amount = 250 } }, STATE_OPEN, 750, 0, 250, NULL, "" },
	{ "a credit note voided", { FINAL(1, 1), { EVENT_CREDIT_NOTE_ISSUED, 2, .fact = "c1", .amount = 250 },
		{ EVENT_CREDIT_NOTE_VOIDED, 3, .fact = "c1" } }, STATE_OPEN, 1000, 0, 0, NULL, "" },
	{ "credited away", { FINAL(1, 1), { EVENT_CREDIT_NOTE_ISSUED, 2, .fact = "c1", .amount = 1000 } }, STATE_PAID, 0, 0, 1000, NULL, "" },
	{ "paid and credited together", { FINAL(1, 1), { EVENT_CREDIT_NOTE_ISSUED, 2, .fact = "c1", .amount = 300 },
		{ EVENT_INVOICE_PAYMENT_RECEIVED, 3, .fact = "p1", .amount = 700 } }, STATE_PAID, 0, 700, 300, NULL, "" },
	{ "a payment reversed: open, and a person first", { FINAL(1, 1), { EVENT_INVOICE_PAYMENT_RECEIVED, 2, .fact = "p1", .amount = 1000 },
		{ EVENT_INVOICE_PAYMENT_REVERSED, 3, .fact = "p1" } }, STATE_OPEN, 1000, 0, 0, "payment_reversed", "" },
	{ "paid by word, its payment reversed", { FINAL(1, 1), { EVENT_INVOICE_PAID, .day = 2 }, { EVENT_INVOICE_PAYMENT_RECEIVED, 2, .fact = "p1", .amount = 1000 },
		{ EVENT_INVOICE_PAYMENT_REVERSED, 3, .fact = "p1" } }, STATE_OPEN, 1000, 0, 0, "payment_reversed", "" },
	{ "reversed, then newer figures: they know", { FINAL(1, 1), { EVENT_INVOICE_PAYMENT_RECEIVED, 2, .fact = "p1", .amount = 1000 },
		{ EVENT_INVOICE_PAYMENT_REVERSED, 3, .fact = "p1" }, UPDATED(4, 2) }, STATE_OPEN, 1000, 0, 0, NULL, "" },
	{ "reversed before it was received", { FINAL(1, 1), { EVENT_INVOICE_PAYMENT_REVERSED, 3, .fact = "p1" },
		{ EVENT_INVOICE_PAYMENT_RECEIVED, 2, .fact = "p1", .amount = 1000 } }, STATE_OPEN, 1000, 0, 0, "payment_reversed", "" },
	{ "voided", { FINAL(1, 1), { EVENT_INVOICE_VOIDED, .day = 2 } }, STATE_VOID, 1000, 0, 0, NULL, "" },
	{ "void by its status", { FINAL(1, 1), UPDATED(2, 2, .status = INVOICE_VOID) }, STATE_VOID, 1000, 0, 0, NULL, "" },
	{ "voided, and paid as well", { FINAL(1, 1), { EVENT_INVOICE_PAID, .day = 2 }, { EVENT_INVOICE_VOIDED, .day = 3 } }, STATE_VOID, 1000, 0, 0, NULL, "" },
	{ "voided, then figures again: open", { FINAL(1, 1), { EVENT_INVOICE_VOIDED, .day = 2 }, UPDATED(3, 2) }, STATE_OPEN, 1000, 0, 0, NULL, "" },
	{ "uncollectible", { FINAL(1, 1), { EVENT_INVOICE_MARKED_UNCOLLECTIBLE, .day = 2 } }, STATE_UNCOLLECTIBLE, 1000, 0, 0, NULL, "" },
	{ "uncollectible by its status", { FINAL(1, 1, .status = INVOICE_UNCOLLECTIBLE) }, STATE_UNCOLLECTIBLE, 1000, 0, 0, NULL, "" },
	{ "uncollectible, and paid after all", { FINAL(1, 1), LOST(3), { EVENT_INVOICE_PAYMENT_RECEIVED, 5, .fact = "p1", .amount = 1000 } }, STATE_PAID, 0,
		1000, 0, NULL, "" },
	{ "uncollectible, paid before and told late", { FINAL(1, 1), LOST(3), { EVENT_INVOICE_PAYMENT_RECEIVED, 5, .fact = "p1", .amount = 1000, .paid_day = 2 } },
		STATE_PAID, 0, 1000, 0, NULL, "" },
	{ "uncollectible, a part is paid", { FINAL(1, 1), LOST(3), { EVENT_INVOICE_PAYMENT_RECEIVED, 5, .fact = "p1", .amount = 400 } }, STATE_UNCOLLECTIBLE,
		600, 400, 0, NULL, "" },
	{ "uncollectible, credited in part before, the rest is paid", { FINAL(1, 1), { EVENT_CREDIT_NOTE_ISSUED, 2, .fact = "c1", .amount = 200 }, LOST(3),
		{ EVENT_INVOICE_PAYMENT_RECEIVED, 5, .fact = "p1", .amount = 800 } }, STATE_PAID, 0, 800, 200, NULL, "" },
	{ "a loss that is booked by a credit note", { FINAL(1, 1), { EVENT_INVOICE_PAYMENT_RECEIVED, 2, .fact = "p1", .amount = 100 }, LOST(3),
		{ EVENT_CREDIT_NOTE_ISSUED, 4, .fact = "c1", .amount = 900 } }, STATE_UNCOLLECTIBLE, 0, 100, 900, NULL, "" },
	{ "uncollectible, then said to be paid", { FINAL(1, 1), LOST(3), { EVENT_INVOICE_PAID, .day = 4 } }, STATE_PAID, 1000, 0, 0, NULL, "" },
	{ "said to be paid, then uncollectible", { FINAL(1, 1), { EVENT_INVOICE_PAID, .day = 2 }, LOST(3) }, STATE_UNCOLLECTIBLE, 1000, 0, 0, NULL, "" },
	{ "uncollectible by its status, and paid after all", { FINAL(1, 1, .status = INVOICE_UNCOLLECTIBLE),
		{ EVENT_INVOICE_PAYMENT_RECEIVED, 5, .fact = "p1", .amount = 1000 } }, STATE_PAID, 0, 1000, 0, NULL, "" },
	{ "uncollectible, paid, and the payment reversed", { FINAL(1, 1), LOST(3), { EVENT_INVOICE_PAYMENT_RECEIVED, 5, .fact = "p1", .amount = 1000 },
		{ EVENT_INVOICE_PAYMENT_REVERSED, 6, .fact = "p1" } }, STATE_UNCOLLECTIBLE, 1000, 0, 0, "payment_reversed", "" },
	{ "paid by one version, then open by a later one: it knows", { FINAL(1, 1), { EVENT_INVOICE_PAID, .day = 2, .version = 1 }, UPDATED(3, 2) }, STATE_OPEN,
		1000, 0, 0, NULL, "" },
	{ "paid, then open by a version that need not know: a person looks", { FINAL(1, 1), { EVENT_INVOICE_PAID, .day = 2 }, UPDATED(3, 2) }, STATE_OPEN, 1000,
		0, 0, "paid_then_open", "" },
	{ "paid on a day before its only figures: a person looks", { FINAL(5, 1), { EVENT_INVOICE_PAID, .day = 2 } }, STATE_OPEN, 1000, 0, 0, "paid_then_open",
		"" },
	{ "the same, by the same version", { FINAL(5, 1), { EVENT_INVOICE_PAID, .day = 2, .version = 1 } }, STATE_OPEN, 1000, 0, 0, "paid_then_open", "" },
	{ "the same, and told again as of now", { FINAL(5, 1), { EVENT_INVOICE_PAID, .day = 2 }, { EVENT_INVOICE_PAID, .day = 6 } }, STATE_PAID, 1000, 0, 0, NULL,
		"" },
	{ "paid, the money went back, then open: that is why", { FINAL(1, 1), { EVENT_INVOICE_PAID, .day = 2 },
		{ EVENT_INVOICE_PAYMENT_RECEIVED, 2, .fact = "p1", .amount = 1000 }, { EVENT_INVOICE_PAYMENT_REVERSED, 3, .fact = "p1" }, UPDATED(4, 2) },
		STATE_OPEN, 1000, 0, 0, NULL, "" },
	{ "the same without versions", { FINAL(1, 0), { EVENT_INVOICE_PAID, .day = 2 }, { EVENT_INVOICE_PAYMENT_REVERSED, 3, .fact = "p1" }, UPDATED(4, 0) },
		STATE_OPEN, 1000, 0, 0, NULL, "" },
	{ "the money went back, then paid, then open: a person looks", { FINAL(1, 1), { EVENT_INVOICE_PAYMENT_REVERSED, 2, .fact = "p1" },
		{ EVENT_INVOICE_PAID, .day = 3 }, UPDATED(4, 2) }, STATE_OPEN, 1000, 0, 0, "paid_then_open", "" },
	{ "paid, then open without a version: a person looks", { FINAL(1, 0), { EVENT_INVOICE_PAID, .day = 2 }, UPDATED(3, 0) }, STATE_OPEN, 1000, 0, 0,
		"paid_then_open", "" },
	{ "older figures come last", { UPDATED(5, 2, .paid = 1000), FINAL(1, 1) }, STATE_PAID, 0, 1000, 0, NULL, "" },
	{ "a dispute", { FINAL(1, 1), { EVENT_DISPUTE_OPENED, 2, .fact = "d1" } }, STATE_OPEN, 1000, 0, 0, NULL, "dispute" },
	{ "a dispute resolved", { FINAL(1, 1), { EVENT_DISPUTE_OPENED, 2, .fact = "d1" }, { EVENT_DISPUTE_RESOLVED, 3, .fact = "d1" } }, STATE_OPEN, 1000, 0,
		0, NULL, "" },
	{ "one of two disputes resolved", { FINAL(1, 1), { EVENT_DISPUTE_OPENED, 2, .fact = "d1" }, { EVENT_DISPUTE_OPENED, 2, .fact = "d2" },
		{ EVENT_DISPUTE_RESOLVED, 3, .fact = "d1" } }, STATE_OPEN, 1000, 0, 0, NULL, "dispute" },
	{ "a promise", { FINAL(1, 1), { EVENT_PROMISE_MADE, 2, .fact = "p", .until_day = 20 } }, STATE_OPEN, 1000, 0, 0, NULL, "promise" },
	{ "a promise withdrawn", { FINAL(1, 1), { EVENT_PROMISE_MADE, 2, .fact = "p", .until_day = 20 }, { EVENT_PROMISE_WITHDRAWN, 3, .fact = "p" } },
		STATE_OPEN, 1000, 0, 0, NULL, "" },
	{ "a payment announced", { FINAL(1, 1), { EVENT_INVOICE_PAYMENT_ANNOUNCED, 2, .fact = "a", .until_day = 9 } }, STATE_OPEN, 1000, 0, 0, NULL,
		"announced" },
	{ "not delivered", { FINAL(1, 1), { EVENT_INVOICE_DELIVERY_FAILED, .day = 2 } }, STATE_OPEN, 1000, 0, 0, NULL, "undelivered" },
	{ "sent again", { FINAL(1, 1), { EVENT_INVOICE_DELIVERY_FAILED, .day = 2 }, { EVENT_INVOICE_SENT, .day = 3 } }, STATE_OPEN, 1000, 0, 0, NULL, "" },
	{ "sent, then not delivered", { FINAL(1, 1), { EVENT_INVOICE_SENT, .day = 2 }, { EVENT_INVOICE_DELIVERY_FAILED, .day = 3 } }, STATE_OPEN, 1000, 0, 0, NULL,
		"undelivered" },
	{ "a plan", { FINAL(1, 1), { EVENT_PAYMENT_PLAN_AGREED, 2, .fact = "l" }, { EVENT_PAYMENT_PLAN_AMENDED, 3, .fact = "l" } }, STATE_OPEN, 1000, 0, 0,
		NULL, "plan" },
	{ "a plan cancelled", { FINAL(1, 1), { EVENT_PAYMENT_PLAN_AGREED, 2, .fact = "l" }, { EVENT_PAYMENT_PLAN_CANCELLED, 3, .fact = "l" } }, STATE_OPEN,
		1000, 0, 0, NULL, "" },
	{ "a settlement", { FINAL(1, 1), { EVENT_SETTLEMENT_AGREED, 2, .fact = "s" } }, STATE_OPEN, 1000, 0, 0, NULL, "settlement" },
	{ "settled in time", { FINAL(1, 1), SETTLED, { EVENT_INVOICE_PAYMENT_RECEIVED, 12, .fact = "p1", .amount = 700 } }, STATE_SETTLED, 300, 700, 0, NULL,
		"settlement" },
	{ "settled on the last day, which ends at UTC-12", { FINAL(1, 1), SETTLED, { EVENT_INVOICE_PAYMENT_RECEIVED, 14, .fact = "p1", .amount = 700 } },
		STATE_SETTLED, 300, 700, 0, NULL, "settlement" },
	{ "settled in time, told late", { FINAL(1, 1), SETTLED, { EVENT_INVOICE_PAYMENT_RECEIVED, 20, .fact = "p1", .amount = 700, .paid_day = 13 } },
		STATE_SETTLED, 300, 700, 0, NULL, "settlement" },
	{ "paid after the settlement's last day", { FINAL(1, 1), SETTLED, { EVENT_INVOICE_PAYMENT_RECEIVED, 20, .fact = "p1", .amount = 700 } }, STATE_OPEN,
		300, 700, 0, NULL, "settlement" },
	{ "the same, and figures know it", { FINAL(1, 1), SETTLED, { EVENT_INVOICE_PAYMENT_RECEIVED, 20, .fact = "p1", .amount = 700 },
		UPDATED(21, 2, .paid = 700) }, STATE_OPEN, 300, 700, 0, NULL, "settlement" },
	{ "the rest of it after the last day", { FINAL(1, 1), SETTLED, { EVENT_INVOICE_PAYMENT_RECEIVED, 12, .fact = "p1", .amount = 699 },
		{ EVENT_INVOICE_PAYMENT_RECEIVED, 20, .fact = "p2", .amount = 1 }, UPDATED(21, 2, .paid = 700) }, STATE_OPEN, 300, 700, 0, NULL, "settlement" },
	{ "settled in time, figures anew since", { FINAL(1, 1), SETTLED, { EVENT_INVOICE_PAYMENT_RECEIVED, 12, .fact = "p1", .amount = 700 },
		UPDATED(21, 2, .paid = 700) }, STATE_SETTLED, 300, 700, 0, NULL, "settlement" },
	{ "settled by what figures say, and say again", { FINAL(1, 1), SETTLED, UPDATED(12, 2, .paid = 700), UPDATED(21, 3, .paid = 700) }, STATE_SETTLED, 300,
		700, 0, NULL, "settlement" },
	{ "settled with what was paid before", { FINAL(1, 1, .paid = 300), SETTLED, { EVENT_INVOICE_PAYMENT_RECEIVED, 10, .fact = "p1", .amount = 400 },
		UPDATED(21, 2, .paid = 700) }, STATE_SETTLED, 300, 700, 0, NULL, "settlement" },
	{ "settled with a credit note, in time", { FINAL(1, 1), SETTLED, { EVENT_CREDIT_NOTE_ISSUED, 3, .fact = "c1", .amount = 200 },
		{ EVENT_INVOICE_PAYMENT_RECEIVED, 10, .fact = "p1", .amount = 500 } }, STATE_SETTLED, 300, 500, 200, NULL, "settlement" },
	{ "a settlement without a last day", { FINAL(1, 1), { EVENT_SETTLEMENT_AGREED, 2, .fact = "s", .amount = 700, .settles = true },
		{ EVENT_INVOICE_PAYMENT_RECEIVED, 28, .fact = "p1", .amount = 700 } }, STATE_SETTLED, 300, 700, 0, NULL, "settlement" },
	{ "a reply", { FINAL(1, 1), { EVENT_CONTACT_REPLY_RECEIVED, 2, .fact = "r" } }, STATE_OPEN, 1000, 0, 0, NULL, "reply" },
	{ "a key that says paid", { FINAL(1, 1), { EVENT_CONTACT_REPLY_RECEIVED, 2, .fact = "r", .announced = true } }, STATE_OPEN, 1000, 0, 0, NULL,
		"announced" },
	{ "charged by itself", { FINAL(1, 1, .automatic = true) }, STATE_OPEN, 1000, 0, 0, NULL, "automatic" },
	{ "charged by itself, and that failed", { FINAL(1, 1, .automatic = true), { EVENT_INVOICE_PAYMENT_FAILED, 2, .fact = "p1" } }, STATE_OPEN, 1000, 0, 0,
		NULL, "" },
	{ "a dispute told with a version, resolved without", { FINAL(1, 1), { EVENT_DISPUTE_OPENED, 2, .version = 1, .fact = "d1" },
		{ EVENT_DISPUTE_RESOLVED, 3, .fact = "d1" } }, STATE_OPEN, 1000, 0, 0, NULL, "" },
	{ "a dispute told without a version, opened again with one", { FINAL(1, 1), { EVENT_DISPUTE_OPENED, 2, .fact = "d1" },
		{ EVENT_DISPUTE_RESOLVED, 3, .fact = "d1" }, { EVENT_DISPUTE_OPENED, 4, .version = 2, .fact = "d1" } }, STATE_OPEN, 1000, 0, 0, NULL, "dispute" },
	{ "a payment told with a version and without: once", { FINAL(1, 1), { EVENT_INVOICE_PAYMENT_RECEIVED, 2, .version = 2, .fact = "p1", .amount = 400 },
		{ EVENT_INVOICE_PAYMENT_RECEIVED, 3, .fact = "p1", .amount = 400 } }, STATE_OPEN, 600, 400, 0, NULL, "" },
	{ "figures without a version come later: they speak", { FINAL(1, 1), UPDATED(3, 0, .paid = 1000), UPDATED(2, 2) }, STATE_PAID, 0, 1000, 0,
		NULL, "" },
	{ "figures without a version came before: they do not", { UPDATED(2, 0, .paid = 300), UPDATED(3, 1), UPDATED(4, 2, .paid = 100) },
		STATE_OPEN, 900, 100, 0, NULL, "" },
	{ "versions and times that run in a circle", { UPDATED(12, 1, .paid = 1), UPDATED(10, 2, .paid = 2), UPDATED(11, 0, .paid = 3),
		UPDATED(9, 0, .paid = 4) }, STATE_OPEN, 997, 3, 0, NULL, "" },
	{ "only seen", { FINAL(1, 1), { EVENT_INVOICE_VIEWED, .day = 2 } }, STATE_OPEN, 1000, 0, 0, NULL, "" },
};

static size_t count_of(const struct row *row)
{
	size_t n = 0;

	while (n < TOLD_MAX && row->told[n].day)
		n++;
	return n;
}

static const char *in_force(struct arena *arena, const struct invoice_view *v)
{
	const char *text = arena_printf(arena, "%s%s%s%s%s%s%s%s", v->dispute ? "dispute " : "", v->promise ? "promise " : "",
		v->announced ? "announced " : "", v->undelivered ? "undelivered " : "", v->plan ? "plan " : "", v->settlement ? "settlement " : "",
		v->reply ? "reply " : "", v->automatic ? "automatic " : "");
	size_t len = strlen(text);

	return len ? arena_printf(arena, "%.*s", (int)len - 1, text) : "";
}

static int by_identity(const void *a, const void *b)
{
	const struct fact *x = a, *y = b;
	int r = x->kind != y->kind ? (int)x->kind - (int)y->kind : strcmp(x->id, y->id);

	return r ? r : fact_order_compare(&x->order, &y->order);
}

static void stored(struct buf *out, struct invoice *invoice)
{
	struct json_writer w = jw_init(out);

	if (invoice->fact_count)
		qsort(invoice->facts, invoice->fact_count, sizeof(*invoice->facts), by_identity);
	jw_object(&w, NULL);
	invoice_write(&w, invoice);
	jw_end_object(&w);
}

static void check_view(const struct row *row, struct arena *arena, const struct invoice *invoice)
{
	struct invoice_view view = invoice_view(invoice);

	assert_int_equal(view.state, row->state);
	assert_int_equal(view.balance, row->balance);
	assert_int_equal(view.paid, row->paid);
	assert_int_equal(view.credited, row->credited);
	assert_int_equal(!view.reconcile, !row->reconcile);
	if (row->reconcile)
		assert_string_equal(view.reconcile, row->reconcile);
	assert_string_equal(in_force(arena, &view), row->in_force);
}

static void swap(size_t *a, size_t *b)
{
	size_t kept = *a;

	*a = *b;
	*b = kept;
}

static bool next_order(size_t *order, size_t n)
{
	size_t i = n - 1, k = n - 1;

	while (i > 0 && order[i - 1] >= order[i])
		i--;
	if (i == 0)
		return false;
	while (order[k] <= order[i - 1])
		k--;
	swap(&order[i - 1], &order[k]);
	for (k = n - 1; i < k; i++, k--)
		swap(&order[i], &order[k]);
	return true;
}

/* In every order, each event told two times, stored and read between: the same invoice. */
static void row_holds(void **state)
{
	const struct row *row = *state;
	size_t n = count_of(row), order[TOLD_MAX];
	CLEANUP(arena_freep) struct arena *events = arena_create();
	CLEANUP(buf_clear) struct buf first = { 0 };
	struct event e[TOLD_MAX];

	for (size_t i = 0; i < n; i++) {
		e[i] = event_of(events, &row->told[i], i);
		order[i] = i;
	}
	do {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		CLEANUP(buf_clear) struct buf once = { 0 };
		CLEANUP(buf_clear) struct buf twice = { 0 };
		struct invoice invoice = { .id = "inv_1" }, back;
		struct json root;
		struct err err = { 0 };

		for (size_t i = 0; i < n; i++) {
			invoice_apply(&invoice, &e[order[i]], arena);
			assert_false(invoice_apply(&invoice, &e[order[i]], arena)); /* told again: nothing new */
			for (size_t k = 0; k < i; k++)
				assert_false(invoice_apply(&invoice, &e[order[k]], arena));
		}
		check_view(row, arena, &invoice);
		stored(&once, &invoice);
		if (!first.len)
			buf_add(&first, once.data, once.len);
		assert_string_equal(first.data, once.data);
		assert_int_equal(json_parse(arena, once.data, once.len, 0, &root, &err), 0);
		if (invoice_read(&root, arena, &back, &err) < 0)
			fail_msg("%s %s", err.path, err.text);
		check_view(row, arena, &back);
		stored(&twice, &back);
		assert_string_equal(once.data, twice.data);
		for (size_t i = 0; i < n; i++) /* and it still knows them */
			assert_false(invoice_apply(&back, &e[i], arena));
	} while (n > 1 && next_order(order, n));
}

/* --- identities -------------------------------------------------------------------------------------------------------- */

static void facts_without_an_id(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct told told[] = { { EVENT_INVOICE_PAYMENT_RECEIVED, 2, .amount = 100 }, { EVENT_INVOICE_PAYMENT_RECEIVED, 2, .amount = 100 },
		FINAL(1, 1) };
	struct invoice invoice = { .id = "inv_1" };
	struct event e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(told); i++) { /* (source, id) is the identity: two events are two payments */
		e = event_of(arena, &told[i], i);
		assert_true(invoice_apply(&invoice, &e, arena));
		assert_false(invoice_apply(&invoice, &e, arena));
	}
	assert_int_equal(invoice_view(&invoice).paid, 200);
	assert_int_equal(strlen(invoice.facts[0].id), 24);
	assert_string_not_equal(invoice.facts[0].id, invoice.facts[1].id);
}

/* Of several customers the one counts whom the last event names, in the order of facts: figures' versions before mere times. */
static void the_debtor_follows_the_order(void **state)
{
	static const struct told told[] = { { EVENT_INVOICE_VIEWED, .day = 9 }, FINAL(1, 1), UPDATED(3, 2), UPDATED(2, 3), { EVENT_INVOICE_VIEWED, .day = 8 } };
	static const char *const named[] = { "cus_0", "cus_1", "cus_2", NULL, "cus_4" };
	size_t order[ARRAY_LEN(told)] = { 0, 1, 2, 3, 4 };

	(void)state;
	do {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		CLEANUP(buf_clear) struct buf text = { 0 };
		struct invoice invoice = { .id = "inv_1" };
		struct json root;

		for (size_t i = 0; i < ARRAY_LEN(told); i++) {
			struct event e = event_of(arena, &told[order[i]], order[i]);

			e.customer_id = named[order[i]];
			invoice_apply(&invoice, &e, arena);
			assert_false(invoice_apply(&invoice, &e, arena));
			buf_reset(&text);
			stored(&text, &invoice);
			assert_int_equal(json_parse(arena, arena_strdup(arena, buf_str(&text)), text.len, 0, &root, NULL), 0);
			assert_int_equal(invoice_read(&root, arena, &invoice, NULL), 0);
		}
		assert_string_equal(invoice.debtor_id, "cus_2");
	} while (next_order(order, ARRAY_LEN(told)));
}

static uint32_t next_random(uint32_t *seed)
{
	return (*seed = *seed * 1664525 + 1013904223) >> 8;
}

/* Any mix of events with versions and without, of times that contradict them, in any order: the same invoice in the end. */
static void any_order_of_any_mix(void **state)
{
	static const enum event_type types[] = { EVENT_INVOICE_UPDATED, EVENT_INVOICE_PAYMENT_RECEIVED, EVENT_INVOICE_PAYMENT_REVERSED,
		EVENT_DISPUTE_OPENED, EVENT_DISPUTE_RESOLVED, EVENT_INVOICE_PAID, EVENT_INVOICE_VOIDED };
	enum { EVENTS = 12 };
	uint32_t seed = 7;

	(void)state;
	for (int round = 0; round < 300; round++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		CLEANUP(buf_clear) struct buf first = { 0 };
		struct event e[EVENTS];

		for (size_t i = 0; i < EVENTS; i++) {
			enum event_type type = types[next_random(&seed) % ARRAY_LEN(types)];
			struct told told = { type, 1 + (int)(next_random(&seed) % 5), next_random(&seed) % 4, "f", .amount = next_random(&seed) % 99,
				.total = type == EVENT_INVOICE_UPDATED ? 1000 : 0, .paid = next_random(&seed) % 2 };

			e[i] = event_of(arena, &told, i);
			e[i].customer_id = next_random(&seed) % 2 ? "cus_1" : "cus_2";
		}
		for (int telling = 0; telling < 8; telling++) {
			CLEANUP(buf_clear) struct buf text = { 0 };
			struct invoice invoice = { .id = "inv_1" };

			for (size_t i = EVENTS - 1; i > 0; i--) {
				size_t k = next_random(&seed) % (i + 1);
				struct event kept = e[i];

				e[i] = e[k];
				e[k] = kept;
			}
			for (size_t i = 0; i < EVENTS; i++)
				invoice_apply(&invoice, &e[i], arena);
			stored(&text, &invoice);
			if (!first.len)
				buf_add(&first, text.data, text.len);
			assert_string_equal(buf_str(&first), buf_str(&text));
		}
	}
}

static void words(void **state)
{
	(void)state;
	for (int i = 0; i < FACT_KIND_COUNT; i++)
		assert_non_null(fact_names[i]);
	assert_null(fact_names[FACT_KIND_COUNT]);
	for (int i = 0; i < INVOICE_STATUS_COUNT; i++)
		assert_non_null(invoice_status_names[i]);
}

/* --- how it was paid, and what was promised ---------------------------------------------------------------------------------- */

/* Up to two promises; instants in hours from 1 March 2026, days of March. What is asked on day 20, in Paris. */
static const struct promise_row {
	const char *name;
	struct {
		int made, until;
		bool withdrawn;
	} promises[2];
	int paid_day; /* 0 = not */
	int today, broken;
} promise_rows[] = {
	{ "its day is not over", { { 24, 20, false } }, 0, 20, 0 },
	{ "its day is over", { { 24, 19, false } }, 0, 20, 1 },
	{ "withdrawn", { { 24, 19, true } }, 0, 20, 0 },
	{ "paid on its day", { { 24, 10, false } }, 10, 20, 0 },
	{ "paid a day later", { { 24, 10, false } }, 11, 20, 1 },
	{ "another word in time", { { 24, 10, false }, { 9 * 24 + 22, 25, false } }, 0, 20, 0 },
	{ "another word at night, the day after where they are", { { 24, 10, false }, { 9 * 24 + 23, 25, false } }, 0, 20, 1 },
	{ "the other one is withdrawn", { { 24, 10, false }, { 48, 25, true } }, 0, 20, 1 },
	{ "both", { { 24, 5, false }, { 7 * 24, 12, false } }, 0, 20, 2 },
};

static void promises_are_broken(void **state)
{
	const struct zone *zone;

	(void)state;
	assert_int_equal(zone_get("Europe/Paris", &zone), 0);
	for (size_t i = 0; i < sizeof(promise_rows) / sizeof(promise_rows[0]); i++) {
		const struct promise_row *row = &promise_rows[i];
		struct fact facts[2];
		struct invoice invoice = { .id = "i", .facts = facts };
		int64_t broken;

		for (size_t k = 0; k < 2 && row->promises[k].made; k++)
			facts[invoice.fact_count++] = (struct fact){ .kind = FACT_PROMISE, .id = k ? "b" : "a",
				.order = { 0, date_of(2026, 3, 1).days * DAY_MS + row->promises[k].made * HOUR_MS, "s", "e" },
				.ended = row->promises[k].withdrawn, .until_on = date_of(2026, 3, row->promises[k].until) };
		broken = invoice_promises_broken(&invoice, zone, date_of(2026, 3, row->today),
			row->paid_day ? date_of(2026, 3, row->paid_day) : date_none());
		if (broken != row->broken)
			fail_msg("%s: %lld", row->name, (long long)broken);
	}
}

static void when_it_was_paid(void **state)
{
	struct fact facts[3] = { { .kind = FACT_PAYMENT, .id = "a", .at = 100 }, { .kind = FACT_PAYMENT, .id = "b", .at = 300, .ended = true },
		{ .kind = FACT_PAYMENT, .id = "c", .at = 200 } };
	struct invoice invoice = { .id = "i", .facts = facts, .fact_count = 3, .order = { 1, 999, "s", "e" } };

	(void)state;
	assert_int_equal(invoice_paid_at(&invoice), 200); /* the last that did not come back */
	invoice.fact_count = 0;
	assert_int_equal(invoice_paid_at(&invoice), 999);
}

/* The producer says days later that it is paid: no day of its own where the payments told cover it, and the only one where they do not. */
static void that_it_is_paid_is_told_later(void **state)
{
	static const struct {
		int64_t paid, credited, expected;
	} told[] = { { 1000, 0, 200 }, { 900, 100, 200 }, { 900, 0, 800 }, { 0, 0, 800 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(told); i++) {
		struct fact facts[3] = { { .kind = FACT_PAID, .id = "", .at = 800 }, { .kind = FACT_PAYMENT, .id = "a", .at = 200, .amount = told[i].paid,
			.ended = !told[i].paid }, { .kind = FACT_CREDIT, .id = "c", .at = 300, .amount = told[i].credited } };
		struct invoice invoice = { .id = "i", .facts = facts, .fact_count = 3, .order = { 1, 999, "s", "e" }, .snapshot.total = 1000 };

		assert_int_equal(invoice_paid_at(&invoice), told[i].expected);
	}
}

/* --- stored form -------------------------------------------------------------------------------------------------------- */

static void everything_is_kept(void **state)
{
	static const char text[] =
		"{\"id\":\"inv_1\",\"debtor\":\"cus_1\",\"debtor_order\":[6,4,\"s\",\"h\"],\"snapshot\":{\"number\":\"F-1\",\"kind\":3,\"status\":\"uncollectible\",\"issued_on\":\"2026-03-01\","
		"\"due_on\":\"2026-04-01\",\"currency\":\"KWD\",\"total\":9007199254740991,\"paid\":1,\"credited\":2,\"payment_url\":\"https://pay.example\","
		"\"pdf_url\":\"https://pdf.example\",\"pdf_sha256\":\"ab\",\"policy\":\"fr-b2b\",\"late_fee_ref\":\"CGV\",\"tags\":\"a,b\",\"automatic\":true},"
		"\"order\":[7,1772442000000,\"s\",\"i\"],\"beside\":{\"status\":\"open\",\"currency\":\"KWD\",\"total\":8},"
		"\"beside_order\":[0,5,\"s\",\"b\"],\"facts\":[{\"kind\":\"promise\",\"id\":\"p\",\"order\":[0,5,\"\",\"\"],\"ended\":true,\"amount\":3,"
		"\"at\":-1,\"after_version\":9,\"until_on\":\"2026-05-01\"},{\"kind\":\"paid\",\"order\":[0,6,\"s\",\"j\"]}]}";
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct json_writer w = jw_init(&out);
	struct json root;
	struct invoice invoice;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(json_parse(arena, text, strlen(text), 0, &root, &err), 0);
	if (invoice_read(&root, arena, &invoice, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	assert_int_equal(invoice.snapshot.due, 9007199254740991 - 3);
	assert_int_equal(invoice.facts[1].at, 6); /* as told, unless it says otherwise */
	assert_string_equal(invoice.facts[1].id, "");
	jw_object(&w, NULL);
	invoice_write(&w, &invoice);
	jw_end_object(&w);
	assert_string_equal(out.data, text);
}

static void broken_documents(void **state)
{
	static const char *const cases[][3] = {
		{ "{}", "missing", "$.id" },
		{ "{\"id\":1}", "wrong_type", "$.id" },
		{ "{\"id\":\"i\",\"debtor\":1}", "wrong_type", "$.debtor" },
		{ "{\"id\":\"i\",\"snapshot\":[]}", "wrong_type", "$.snapshot" },
		{ "{\"id\":\"i\",\"snapshot\":{}}", "missing", "$.snapshot.status" },
		{ "{\"id\":\"i\",\"snapshot\":{\"kind\":4}}", "out_of_range", "$.snapshot.kind" },
		{ "{\"id\":\"i\",\"snapshot\":{\"status\":\"new\"}}", "not_one_of", "$.snapshot.status" },
		{ "{\"id\":\"i\",\"snapshot\":{\"status\":\"open\",\"due_on\":7}}", "bad_date", "$.snapshot.due_on" },
		{ "{\"id\":\"i\",\"snapshot\":{\"status\":\"open\",\"due_on\":\"soon\"}}", "bad_date", "$.snapshot.due_on" },
		{ "{\"id\":\"i\",\"snapshot\":{\"status\":\"open\",\"currency\":\"EURO\"}}", "too_long", "$.snapshot.currency" },
		{ "{\"id\":\"i\",\"snapshot\":{\"status\":\"open\",\"currency\":\"EUR\"}}", "missing", "$.snapshot.total" },
		{ "{\"id\":\"i\",\"snapshot\":{\"status\":\"open\",\"currency\":\"EUR\",\"total\":-1}}", "out_of_range", "$.snapshot.total" },
		{ "{\"id\":\"i\",\"beside\":{}}", "missing", "$.beside.status" },
		{ "{\"id\":\"i\",\"facts\":{}}", "wrong_type", "$.facts" },
		{ "{\"id\":\"i\",\"facts\":[7]}", "missing", "$.facts[0].kind" },
		{ "{\"id\":\"i\",\"facts\":[{\"kind\":\"gift\"}]}", "not_one_of", "$.facts[0].kind" },
		{ "{\"id\":\"i\",\"facts\":[{\"kind\":\"payment\",\"amount\":-1}]}", "out_of_range", "$.facts[0].amount" },
		{ "{\"id\":\"i\",\"facts\":[{\"kind\":\"payment\",\"until_on\":\"2026-02-30\"}]}", "bad_date", "$.facts[0].until_on" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct json root;
		struct invoice invoice;
		struct err err = { 0 };

		assert_int_equal(json_parse(arena, cases[i][0], strlen(cases[i][0]), 0, &root, NULL), 0);
		assert_int_equal(invoice_read(&root, arena, &invoice, &err), -EBADMSG);
		assert_string_equal(err.code, cases[i][1]);
		assert_string_equal(err.path, cases[i][2]);
	}
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(facts_without_an_id),
		cmocka_unit_test(the_debtor_follows_the_order),
		cmocka_unit_test(any_order_of_any_mix),
		cmocka_unit_test(words),
		cmocka_unit_test(promises_are_broken),
		cmocka_unit_test(when_it_was_paid),
		cmocka_unit_test(that_it_is_paid_is_told_later),
		cmocka_unit_test(everything_is_kept),
		cmocka_unit_test(broken_documents),
	};
	struct CMUnitTest tests[ARRAY_LEN(rows)];
	int failed;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].name,
			.test_func = row_holds,
			.initial_state = (void *)(uintptr_t)&rows[i] };
	failed = cmocka_run_group_tests_name("facts in every order", tests, NULL, NULL);
	return failed + cmocka_run_group_tests_name("invoice", others, NULL, NULL);
}
