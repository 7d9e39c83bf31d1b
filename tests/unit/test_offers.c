/* Offers: who stands for them, and those of less that are accepted by paying them, whatever is read first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/config.h"
#include "common/page.h"
#include "tests/unit/escalation_world.h"

#define WITH(members) POLICY(members, MAIL("reminder", "due+1d", "") "," MAIL("second", "due+8d", "") "," MAIL("third", "due+30d", ""))

static void refresh(struct world *w, const char *now)
{
	world_at(w, now);
	escalation_refresh(&w->e, &w->debtor, &w->rules, &w->fx);
}

static const struct instalment three[] = { { { 20558 }, 40000 }, { { 20588 }, 40001 }, { { 20619 }, 39999 } };

#define LESS 108000 /* of 120000 */

static struct made_offer less_by(const char *code, const char *made_at, date until, int64_t settles_at)
{
	return (struct made_offer){ .code = code, .approver = "Ada", .made_at = made_at ? at(made_at) : 0, .until = until, .amount = settles_at,
		.settles_at = settles_at };
}

#define CAME(when, sum) { .paid_at = when, .amount = sum }
#define BACK(when, sum, ended) { .paid_at = when, .amount = sum, .ended_at = ended }

static const struct paid_row {
	const char *name;
	struct {
		const char *paid_at;
		int64_t amount;
		const char *ended_at; /* charged back; NULL = not */
	} payments[3];
	enum fact_kind other; /* told beside it, on that day; PAYMENT = nothing */
	const char *other_at;
	const char *closed; /* NULL: it is open */
	bool stands; /* a settlement is in the facts by it */
} paid_rows[] = {
	{ "all of it in time", { CAME("2026-04-15T08:00:00Z", LESS) }, 0, NULL, "settled", true },
	{ "a cent less", { CAME("2026-04-15T08:00:00Z", LESS - 1) }, 0, NULL, NULL, false },
	{ "a cent more", { CAME("2026-04-15T08:00:00Z", LESS + 1) }, 0, NULL, "settled", true },
	{ "in two parts", { CAME("2026-04-15T08:00:00Z", 8000), CAME("2026-04-20T08:00:00Z", 100000) }, 0, NULL, "settled", true },
	{ "with what was paid before it", { CAME("2026-04-03T08:00:00Z", 8000), CAME("2026-04-20T08:00:00Z", 100000) }, 0, NULL, "settled", true },
	{ "the second part too late", { CAME("2026-04-15T08:00:00Z", 8000), CAME("2026-04-23T12:00:00Z", 100000) }, 0, NULL, NULL, false },
	{ "on the last day, where it ends last", { CAME("2026-04-23T11:59:59Z", LESS) }, 0, NULL, "settled", true },
	{ "all that is owed", { CAME("2026-04-15T08:00:00Z", 120000) }, 0, NULL, "paid", false },
	{ "the rest later", { CAME("2026-04-15T08:00:00Z", LESS), CAME("2026-04-27T08:00:00Z", 12000) }, 0, NULL, "paid", false },
	{ "the rest, which went back", { CAME("2026-04-15T08:00:00Z", LESS), BACK("2026-04-17T08:00:00Z", 12000, "2026-04-20T08:00:00Z") }, 0, NULL,
		"settled", true },
	{ "charged back", { BACK("2026-04-15T08:00:00Z", LESS, "2026-04-20T08:00:00Z") }, 0, NULL, NULL, true },
	{ "charged back, and paid again in time", { BACK("2026-04-15T08:00:00Z", LESS, "2026-04-20T08:00:00Z"), CAME("2026-04-21T08:00:00Z", LESS) }, 0, NULL,
		"settled", true },
	{ "charged back, and paid again too late", { BACK("2026-04-15T08:00:00Z", LESS, "2026-04-20T08:00:00Z"), CAME("2026-04-25T08:00:00Z", LESS) }, 0,
		NULL, NULL, true },
	{ "never there together", { BACK("2026-04-15T08:00:00Z", 60000, "2026-04-16T08:00:00Z"), CAME("2026-04-17T08:00:00Z", 60000) }, 0, NULL, NULL, false },
	{ "all that is owed, charged back", { BACK("2026-04-15T08:00:00Z", 120000, "2026-04-20T08:00:00Z") }, 0, NULL, NULL, false },
	{ "a plan was agreed instead", { CAME("2026-04-15T08:00:00Z", LESS) }, FACT_PLAN, "2026-04-10T08:00:00Z", NULL, false },
	{ "another settlement was agreed instead", { CAME("2026-04-15T08:00:00Z", LESS) }, FACT_SETTLEMENT, "2026-04-10T08:00:00Z", NULL, false },
	{ "a settlement that was agreed before it", { CAME("2026-04-15T08:00:00Z", LESS) }, FACT_SETTLEMENT, "2026-04-02T08:00:00Z", "settled", true },
	{ "a credit note in time, and money too late", { CAME("2026-04-25T08:00:00Z", 1) }, FACT_CREDIT, "2026-04-15T08:00:00Z", NULL, false },
	{ "it is given up", { CAME("2026-04-15T08:00:00Z", LESS) }, FACT_UNCOLLECTIBLE, "2026-04-16T08:00:00Z", "uncollectible", false },
};

static void tell_payment(struct world *w, const struct paid_row *row, int n)
{
	const char *ended_at = row->payments[n].ended_at;
	struct fact *fact = add_fact(w, FACT_PAYMENT, row->payments[n].paid_at, NULL);

	fact->id = arena_printf(w->arena, "p%d", n);
	fact->amount = row->payments[n].amount;
	if (!ended_at)
		return;
	fact->ended = true;
	fact->told = fact->order;
	fact->order.time = at(ended_at);
}

static void tell_other(struct world *w, const struct paid_row *row)
{
	struct fact *fact = row->other ? add_fact(w, row->other, row->other_at, row->other == FACT_SETTLEMENT ? "2026-04-12" : NULL) : NULL;

	if (fact && row->other == FACT_CREDIT)
		fact->amount = LESS;
	if (fact && row->other == FACT_SETTLEMENT) {
		fact->amount = 119000;
		fact->settles = true;
	}
}

/* Whatever is read first, and whether the offer's day has passed by then: the facts say whether it was kept. */
static void less_is_accepted_by_paying_it(void **state)
{
	static const char *const days[] = { "2026-04-24T08:00:00Z", "2026-05-02T08:00:00Z" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(paid_rows) * 8; i++) {
		const struct paid_row *row = &paid_rows[i / 8];
		bool backwards = i & 1, late = i & 2, other_last = i & 4;
		struct made_offer offer = less_by("less", "2026-04-09T08:00:00Z", date_of(2026, 4, 22), LESS);
		int64_t held_until;
		bool stands = false;
		struct world w;

		world_init(&w, WITH(""), TEN);
		walked(&w, "reminder", STEP_SENT, NULL, TEN);
		w.e.offers = &offer;
		w.e.offer_count = 1;
		if (late)
			refresh(&w, days[1]);
		if (!other_last)
			tell_other(&w, row);
		for (int n = 0; n < 3; n++) {
			int k = backwards ? 2 - n : n;

			if (row->payments[k].paid_at)
				tell_payment(&w, row, k);
			refresh(&w, days[late]);
		}
		if (other_last)
			tell_other(&w, row);
		refresh(&w, days[1]);
		held_until = w.e.next_at;
		refresh(&w, days[1]);
		for (size_t k = 0; k < w.e.invoice.fact_count; k++)
			stands |= w.e.invoice.facts[k].kind == FACT_SETTLEMENT && strcmp(w.e.invoice.facts[k].id, "offer less") == 0;
		if (strcmp(w.e.closed ? w.e.closed : "", row->closed ? row->closed : "") != 0 || stands != row->stands || w.e.next_at != held_until)
			fail_msg("%s (%zu): %s, %d", row->name, i % 8, w.e.closed ? w.e.closed : "open", stands);
		assert_int_equal(count_drafts(w.fx.records, NULL), 0); /* nothing of it is told twice */
		world_clear(&w);
	}
}

static void what_paying_less_tells(void **state)
{
	struct made_offer offers[] = { less_by("less", "2026-04-09T08:00:00Z", date_of(2026, 4, 22), LESS), less_by("never", NULL, date_of(2026, 4, 22), 60000),
		{ .code = "parts", .made_at = at("2026-04-09T08:00:00Z"), .until = date_of(2026, 4, 22), .instalments = three, .instalment_count = ARRAY_LEN(three) } };
	CLEANUP(buf_clear) struct buf stored = { 0 };
	struct escalation again;
	struct fact *payment;
	struct draft *told;
	struct world w;

	(void)state;
	world_init(&w, WITH("\"courtesy\":{\"thanks\":\"t\",\"apology\":\"t\"},"), TEN);
	walked(&w, "reminder", STEP_SENT, NULL, TEN);
	walked(&w, "second", STEP_SENT, NULL, "2026-04-09T08:00:00Z");
	debtor_open_add(&w.debtor, w.arena, "inv_42");
	w.e.offers = offers;
	w.e.offer_count = ARRAY_LEN(offers);
	payment = add_fact(&w, FACT_PAYMENT, "2026-04-15T08:00:00Z", NULL);
	payment->amount = 60000;
	refresh(&w, "2026-04-15T08:00:00Z"); /* what never went out is no offer */
	assert_true(!w.e.closed && !count_drafts(w.fx.records, "settlement.agreed"));
	payment->amount = LESS;
	refresh(&w, "2026-04-15T09:00:00Z");
	told = find_draft(w.fx.records, "settlement.agreed");
	assert_true(w.e.closed && count_drafts(w.fx.records, "settlement.agreed") == 1);
	assert_tells(told, "\"offer\":\"less\",\"accepted_by\":\"payment\",\"accepted_minor\":108000,\"until_on\":\"2026-04-22\"");
	assert_tells(find_draft(w.fx.events, "escalation.closed"), "\"reason\":\"settled\"");
	assert_int_equal(w.debtor.thanks_count, 0);
	escalation_write(&stored, &w.e); /* read again, it is known for what it is: nothing is told twice, and it goes with the payment */
	assert_int_equal(escalation_read(w.arena, buf_str(&stored), stored.len, &again, NULL), 0);
	world_at(&w, "2026-04-15T10:00:00Z");
	offers_paid(&again, &w.fx);
	assert_true(again.invoice.fact_count == 2 && !w.fx.records);
	again.invoice.facts[0].amount--;
	offers_paid(&again, &w.fx);
	assert_int_equal(again.invoice.fact_count, 1);
	payment->ended = true; /* it goes back, and newer figures know of it */
	payment->told = payment->order;
	payment->order.time = at("2026-04-17T08:00:00Z");
	w.e.invoice.order.time = at("2026-04-17T09:00:00Z");
	w.e.invoice.order.version = 0;
	refresh(&w, "2026-04-17T10:00:00Z");
	assert_string_equal(w.e.held, "settlement"); /* as one that was agreed: until its day */
	refresh(&w, "2026-04-23T08:00:00Z");
	assert_int_equal(count_drafts(w.fx.records, "settlement.broken"), 1);
	assert_null(w.e.held);
	walked(&w, "third", STEP_SENT, NULL, "2026-05-04T08:00:00Z"); /* for all of it; and then it turns out that it had been paid again */
	*add_fact(&w, FACT_PAYMENT, "2026-04-20T08:00:00Z", NULL) = (struct fact){ .kind = FACT_PAYMENT, .id = "again", .until_on = date_none(),
		.order = { 0, at("2026-05-05T08:00:00Z"), "s", "5" }, .at = at("2026-04-20T08:00:00Z"), .amount = LESS };
	refresh(&w, "2026-05-05T08:00:00Z");
	assert_string_equal(w.e.closed, "settled");
	assert_string_equal(escalation_next(&w.e, &w.debtor, &w.rules).aside.id, "paid:apology");
	world_clear(&w);
}

/* Of two that were made, and of what figures alone tell. */
static void which_offer_was_paid(void **state)
{
	static const struct {
		const char *name;
		int64_t first, again; /* paid on 15 April, and taken back on 16 April if `again` is paid on 2 May */
		int64_t figures; /* of 15 April have as paid */
		const char *closed, *id;
		int64_t before, credited; /* paid before it was made, and told; figures have a credit note, too */
	} rows[] = {
		{ "the first", LESS, 0, 0, "settled", "offer less", 0, 0 },
		{ "the second, by its own day", 0, 96000, 0, "settled", "offer least", 0, 0 },
		{ "not the first any more", 0, LESS - 1, 0, "settled", "offer least", 0, 0 },
		{ "the first, taken back, and then the second", LESS, 96000, 0, "settled", "offer least", 0, 0 },
		{ "the first, taken back, and then less than the second", LESS, 95999, 0, "", "offer less", 0, 0 },
		{ "by figures", 0, 0, LESS, "settled", "offer less", 0, 0 },
		{ "not quite, by figures", 0, 0, 95999, "", NULL, 0, 0 },
		{ "all of it, by figures", 0, 0, 120000, "paid", NULL, 0, 0 },
		{ "by figures, with what was paid before it", 0, 0, LESS, "settled", "offer less", 60000, 0 },
		{ "no money since it was made: a credit note", 0, 0, 60000, "", NULL, 60000, 48000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct made_offer offers[] = { less_by("less", "2026-04-09T08:00:00Z", date_of(2026, 4, 22), LESS),
			less_by("least", "2026-04-27T08:00:00Z", date_of(2026, 5, 8), 96000) };
		struct fact *last;
		struct world w;

		world_init(&w, WITH(""), TEN);
		w.e.offers = offers;
		w.e.offer_count = 2;
		if (rows[i].first) {
			struct fact *first = add_fact(&w, FACT_PAYMENT, "2026-04-15T08:00:00Z", NULL);

			first->id = "first";
			first->amount = rows[i].first;
			first->told = first->order;
			first->ended = rows[i].again;
			first->order.time = rows[i].again ? at("2026-04-16T08:00:00Z") : first->at;
		}
		if (rows[i].again)
			add_fact(&w, FACT_PAYMENT, "2026-05-02T08:00:00Z", NULL)->amount = rows[i].again;
		if (rows[i].before)
			add_fact(&w, FACT_PAYMENT, "2026-04-01T08:00:00Z", NULL)->amount = rows[i].before;
		w.e.invoice.snapshot.paid = rows[i].figures;
		w.e.invoice.snapshot.credited = rows[i].credited;
		if (rows[i].figures)
			w.e.invoice.order.time = at("2026-04-15T08:00:00Z");
		refresh(&w, "2026-05-03T08:00:00Z");
		last = w.e.invoice.fact_count ? &w.e.invoice.facts[w.e.invoice.fact_count - 1] : NULL;
		if (strcmp(w.e.closed ? w.e.closed : "", rows[i].closed) != 0 || (last && last->kind == FACT_SETTLEMENT) != !!rows[i].id ||
			(rows[i].id && strcmp(last->id, rows[i].id) != 0))
			fail_msg("%s: %s, %s", rows[i].name, w.e.closed ? w.e.closed : "open", last ? last->id : "nothing");
		world_clear(&w);
	}
}

/* Figures alone tell of money, and say no day: what they had by then is remembered, whichever are read first, until payments say how it was. */
static void what_figures_tell(void **state)
{
	static const struct {
		const char *name;
		struct {
			const char *at;
			int64_t paid, credited;
		} figures[3];
		const char *told; /* a payment of what the first have, which is read last */
		const char *closed;
	} rows[] = {
		{ "it was paid as offered", { { "2026-04-15T08:00:00Z", LESS, 0 } }, "2026-04-15T07:00:00Z", "settled" },
		{ "paid before the offer, and a credit note", { { "2026-04-15T08:00:00Z", 60000, 48000 } }, "2026-04-01T08:00:00Z", "" },
		{ "newer ones have the same", { { "2026-04-15T08:00:00Z", LESS, 0 }, { "2026-05-02T08:00:00Z", LESS, 0 } }, NULL, "settled" },
		{ "too late", { { "2026-05-02T08:00:00Z", LESS, 0 } }, NULL, "" },
		{ "it went back", { { "2026-04-15T08:00:00Z", LESS, 0 }, { "2026-05-02T08:00:00Z", 0, 0 } }, NULL, "" },
		{ "the rest came, and went back",
			{ { "2026-04-15T08:00:00Z", LESS, 0 }, { "2026-04-20T08:00:00Z", 120000, 0 }, { "2026-05-02T08:00:00Z", LESS, 0 } }, NULL, "settled" },
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		struct made_offer offer = less_by("less", "2026-04-09T08:00:00Z", date_of(2026, 4, 22), LESS);
		CLEANUP(buf_clear) struct buf stored = { 0 };
		struct escalation again;
		struct world w;

		world_init(&w, WITH(""), TEN);
		w.e.offers = &offer;
		w.e.offer_count = 1;
		for (int n = 0; n < 3; n++) {
			int k = i & 1 ? 2 - n : n;
			struct event event = { .type = EVENT_INVOICE_UPDATED, .has_snapshot = true, .snapshot = w.e.invoice.snapshot, .source = "s", .id = "f" };

			if (!rows[i / 2].figures[k].at)
				continue;
			event.snapshot.paid = rows[i / 2].figures[k].paid;
			event.snapshot.credited = rows[i / 2].figures[k].credited;
			event.time = event.at = at(rows[i / 2].figures[k].at);
			event.order = (struct fact_order){ 10 + k, event.time, "s", "f" };
			(void)offers_figures(&w.e, &event);
			(void)invoice_apply(&w.e.invoice, &event, w.arena);
			refresh(&w, "2026-05-03T08:00:00Z");
		}
		if (rows[i / 2].told)
			add_fact(&w, FACT_PAYMENT, rows[i / 2].told, NULL)->amount = rows[i / 2].figures[0].paid;
		refresh(&w, "2026-05-03T09:00:00Z");
		if (strcmp(w.e.closed ? w.e.closed : "", rows[i / 2].closed) != 0)
			fail_msg("%s (%zu): %s", rows[i / 2].name, i % 2, w.e.closed ? w.e.closed : "open");
		escalation_write(&stored, &w.e);
		assert_int_equal(escalation_read(w.arena, buf_str(&stored), stored.len, &again, NULL), 0);
		assert_memory_equal(&again.offers[0].figures, &w.e.offers[0].figures, sizeof(again.offers[0].figures));
		world_clear(&w);
	}
}

#define SETTLING POLICY("", MAIL("reminder", "due+1d", "") ",{\"id\":\"ask\",\"at\":\"due+5d\",\"gate\":\"decision\",\"role\":\"owner\"}," \
	MAIL("compromise", "due+8d", ",\"requires\":[\"approval\"],\"offers\":[{\"code\":\"less\",\"percent\":10,\"within\":\"14d\"}]") \
	",{\"id\":\"formal\",\"at\":\"due+30d\",\"channel\":\"email\",\"template\":\"t\",\"tone\":\"legal\",\"requires\":[\"approval\"]}," \
	"{\"id\":\"end\",\"at\":\"due+90d\",\"gate\":\"decision\",\"role\":\"owner\"}")

/* Figures of before the offer have a payment that went back since: it and what came after it are not the sum. */
static void what_went_back_is_not_counted_twice(void **state)
{
	struct made_offer offer = less_by("less", "2026-04-09T08:00:00Z", date_of(2026, 4, 22), LESS);
	struct event event = { .type = EVENT_INVOICE_UPDATED, .has_snapshot = true, .source = "s", .id = "f", .order = { 10, at("2026-04-10T08:00:00Z"), "s", "f" } };
	struct fact *first, *second, *credit;
	struct world w;

	(void)state;
	world_init(&w, WITH(""), TEN);
	w.e.offers = &offer;
	w.e.offer_count = 1;
	event.snapshot = w.e.invoice.snapshot;
	event.snapshot.paid = 6000;
	event.time = event.at = event.order.time;
	assert_true(offers_figures(&w.e, &event));
	first = add_fact(&w, FACT_PAYMENT, "2026-04-09T09:00:00Z", NULL);
	first->amount = 6000;
	first->told = first->order;
	first->order = (struct fact_order){ 0, at("2026-04-12T08:00:00Z"), "s", "3" };
	first->ended = true;
	second = add_fact(&w, FACT_PAYMENT, "2026-04-14T08:00:00Z", NULL);
	second->id = "g";
	second->amount = LESS - 1;
	credit = add_fact(&w, FACT_CREDIT, "2026-04-20T08:00:00Z", NULL);
	credit->id = "h";
	credit->amount = 1000;
	refresh(&w, "2026-05-03T09:00:00Z");
	assert_null(w.e.closed);
	world_clear(&w);
}

/* To settle is a word for what is offered: whoever said it threatened nobody. */
static void what_a_person_decided(void **state)
{
	static const struct {
		int64_t approved, settling; /* at; 0 = not decided */
		bool offers, threatens;
		const char *approver;
	} rows[] = {
		{ 0, 0, false, false, NULL }, { 5, 0, true, true, "lea" }, { 0, 5, true, false, "ada" }, { 5, 6, true, true, "ada" },
		{ 6, 5, true, true, "lea" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct next_action next;
		const char *approver;
		struct world w;

		world_init(&w, SETTLING, "2026-04-20T08:00:00Z");
		walked(&w, "reminder", STEP_SENT, NULL, TEN);
		walked(&w, "ask", STEP_DONE, NULL, "2026-04-07T08:00:00Z");
		w.e.approved = (struct approved){ .by = rows[i].approved ? "lea" : NULL, .step = "ask", .at = rows[i].approved };
		w.e.settling = (struct approved){ .by = rows[i].settling ? "ada" : NULL, .step = "ask", .at = rows[i].settling };
		next = escalation_next(&w.e, &w.debtor, &w.rules);
		if ((next.kind == NEXT_CONTACT) != rows[i].offers)
			fail_msg("row %zu: %d %s", i, (int)next.kind, next.why);
		approver = offers_approver(&w.e);
		assert_true(rows[i].approver ? approver && strcmp(approver, rows[i].approver) == 0 : !approver);
		walked(&w, "compromise", STEP_SENT, NULL, "2026-04-20T08:00:00Z");
		world_at(&w, "2026-05-20T08:00:00Z");
		next = escalation_next(&w.e, &w.debtor, &w.rules);
		if ((next.kind == NEXT_CONTACT) != rows[i].threatens || (next.kind == NEXT_HELD && strcmp(next.why, "incomplete") != 0))
			fail_msg("row %zu: %d %s", i, (int)next.kind, next.why);
		world_clear(&w);
	}
}

/* What was agreed and broken is over: a day may be promised again, and what is offered since may be accepted. */
static void what_is_broken_is_in_nobodys_way(void **state)
{
	static const char text[] = "{\"origin\":\"test.example\",\"creditor\":{\"name\":\"Acme\",\"locale\":\"fr-FR\",\"zone\":\"Europe/Paris\","
		"\"bank\":\"FR76 3000\"},\"senders\":{\"default\":{\"name\":\"Acme\",\"email\":\"a@acme.example\"}}}";
	static const enum fact_kind kinds[] = { FACT_PLAN, FACT_SETTLEMENT };
	static const struct {
		const char *source, *made_at; /* of what is broken; of the offers */
		bool broken, promise, accept;
	} rows[] = {
		{ "s", "2026-04-09T08:00:00Z", false, false, false },
		{ "s", "2026-04-09T08:00:00Z", true, true, true },
		{ "/p/0123", "2026-04-09T08:00:00Z", true, true, true },
		{ "s", "2026-03-30T08:00:00Z", true, true, false }, /* they were passed over then */
		{ "/p/0123", "2026-03-30T08:00:00Z", true, true, false },
	};
	CLEANUP(config_freep) struct config *config = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(config_parse(text, sizeof(text) - 1, &config, &err), 0);
	for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		struct made_offer offers[] = { less_by("less", rows[i / 2].made_at, date_of(2026, 4, 22), LESS),
			{ .code = "parts", .made_at = at(rows[i / 2].made_at), .until = date_of(2026, 4, 22), .instalments = three, .instalment_count = 3 } };
		struct page_link link = { .channel = CHANNEL_EMAIL, .invoice_id = "inv_42", .language = "en" };
		struct page_case c = { .config = config, .link = &link, .link_text = "the-link", .now = at("2026-04-10T08:00:00Z") };
		struct page_limits limits;
		bool plan = i & 1;
		struct fact *fact;
		struct world w;

		world_init(&w, WITH(""), "2026-04-10T08:00:00Z");
		c.e = &w.e;
		c.debtor = &w.debtor;
		c.policy = w.policy;
		w.e.offers = offers;
		w.e.offer_count = ARRAY_LEN(offers);
		fact = add_fact(&w, kinds[!plan], "2026-04-01T08:00:00Z", plan ? NULL : "2026-04-07");
		fact->order.source = rows[i / 2].source;
		w.e.ended = (struct agreed_end[]){ { .what = plan ? "plan" : "settlement", .id = fact->id, .told_at = fact->order.time } };
		w.e.ended_count = rows[i / 2].broken;
		if (page_allows(&c, PAGE_PROMISE, &limits) != rows[i / 2].promise || page_allows(&c, PAGE_PLAN, &limits) != rows[i / 2].accept ||
			page_allows(&c, PAGE_SETTLEMENT, &limits) != rows[i / 2].accept)
			fail_msg("%s, row %zu", plan ? "a plan" : "a settlement", i / 2);
		world_clear(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(less_is_accepted_by_paying_it),
		cmocka_unit_test(what_paying_less_tells),
		cmocka_unit_test(which_offer_was_paid),
		cmocka_unit_test(what_figures_tell),
		cmocka_unit_test(what_went_back_is_not_counted_twice),
		cmocka_unit_test(what_a_person_decided),
		cmocka_unit_test(what_is_broken_is_in_nobodys_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
