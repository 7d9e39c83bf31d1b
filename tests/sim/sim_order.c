/*
 * The order of arrival must not matter: one history of events is told to two worlds, to a calm one as it happened, to the other in
 * random order, delayed, partly twice, in the seed's weather. What is known of every invoice and debtor in the end must be the same.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "tests/sim/sim_book.h"
#include "tests/sim/sim_judge.h"
#include "tests/support/facts.h"

#define HISTORY_DAYS 60
#define TELLING_MS (6 * DAY_MS)
#define REST_MS (2 * DAY_MS)
#define AFTER_MS (30 * DAY_MS) /* then it is known what is known; so long some go on, and how they write to whom is judged */
#define PEOPLE "dunning:{0}:events:operator"

struct tale_item {
	int64_t at; /* when it happened */
	const char *text;
};

struct tale {
	struct tale_item *items;
	size_t count, capacity;
};

void order_add(struct sim *sim, int64_t at, const char *text)
{
	struct tale *tale = sim->tale;

	tale->items = arena_grow(sim->arena, tale->items, tale->count, &tale->capacity, sizeof(*tale->items));
	tale->items[tale->count++] = (struct tale_item){ at, text };
}

/* --- what the book's own stories do not hold --------------------------------------------------------------------------------- */

__attribute__((format(printf, 4, 5)))
static void extra(struct sim *sim, int64_t at, const char *type, const char *format, ...)
{
	char data[500], when[UTC_TEXT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(data, sizeof(data), format, args);
	va_end(args);
	order_add(sim, at, arena_printf(sim->arena,
		"{\"specversion\":\"1.0\",\"id\":\"extra-%zu\",\"source\":\"https://billing.example/sim\",\"type\":\"%s\",\"time\":\"%s\","
		"\"data\":{%s}}", sim->tale->count, type, utc_format(at, when), data));
}

/* One list of the producer in two parts, the first of which has the invoice; and a younger one in one part, which may not. */
static void lists_of(struct sim *sim, const struct sim_invoice *i, int64_t at, int n)
{
	char as_of[UTC_TEXT_SIZE];

	utc_format(at - HOUR_MS, as_of);
	extra(sim, at, "book.snapshot", "\"snapshot_id\":\"%s-%d\",\"as_of\":\"%s\",\"part\":1,\"parts\":2,\"invoices\":[{\"id\":\"%s\","
		"\"customer_id\":\"%s\",\"version\":%d,\"due_minor\":%lld}]", i->id, n, as_of, i->id, i->debtor->id, 1 + n % 3, (long long)i->total / (1 + n % 2));
	extra(sim, at, "book.snapshot", "\"snapshot_id\":\"%s-%d\",\"as_of\":\"%s\",\"part\":2,\"parts\":2,\"invoices\":[]", i->id, n, as_of);
	utc_format(at + DAY_MS, as_of);
	extra(sim, at + DAY_MS, "book.snapshot", "\"snapshot_id\":\"%s-%d-b\",\"as_of\":\"%s\",\"invoices\":[{\"id\":\"%s\",\"due_minor\":%d}]", i->id, n,
		as_of, n % 2 ? i->id : "inv_elsewhere", 5 + n);
}

static void extras_of(struct sim *sim, const struct sim_invoice *i, int64_t at)
{
	char when[UTC_TEXT_SIZE];
	struct rng *rng = &sim->world;
	int64_t later = at + rng_range(rng, 1, 20 * DAY_MS), amount = rng_range(rng, 1, i->total);
	int n = (int)rng_range(rng, 0, 99);

	switch (rng_range(rng, 0, 17)) {
	case 0:
		extra(sim, at, "invoice.payment_received", "\"invoice_id\":\"%s\",\"payment_id\":\"x%d\",\"amount_minor\":%lld,\"fee_minor\":%d",
			i->id, n, (long long)amount, n % 7 * 100);
		extra(sim, later, "invoice.payment_reversed", "\"invoice_id\":\"%s\",\"payment_id\":\"x%d\",\"amount_minor\":%lld",
			i->id, n, (long long)amount);
		break;
	case 1:
		extra(sim, at, "credit_note.issued", "\"invoice_id\":\"%s\",\"credit_note_id\":\"x%d\",\"amount_minor\":%lld",
			i->id, n, (long long)amount);
		extra(sim, later, "credit_note.voided", "\"invoice_id\":\"%s\",\"credit_note_id\":\"x%d\",\"amount_minor\":%lld",
			i->id, n, (long long)amount);
		break;
	case 2:
		extra(sim, at, "payment_plan.agreed", "\"invoice_id\":\"%s\",\"plan_id\":\"x%d\"", i->id, n);
		extra(sim, later, "payment_plan.cancelled", "\"invoice_id\":\"%s\",\"plan_id\":\"x%d\"", i->id, n);
		break;
	case 3:
		extra(sim, at, "invoice.voided", "\"invoice_id\":\"%s\"", i->id);
		extra(sim, later, "invoice.marked_uncollectible", "\"invoice_id\":\"%s\"", i->id);
		break;
	case 15:
		extra(sim, at, "invoice.marked_uncollectible", "\"invoice_id\":\"%s\"", i->id);
		if (n % 2) /* and paid after all */
			extra(sim, later, "invoice.payment_received", "\"invoice_id\":\"%s\",\"payment_id\":\"x%d\",\"amount_minor\":%lld", i->id, n,
				(long long)i->total);
		else
			extra(sim, later, "invoice.paid", "\"invoice_id\":\"%s\"", i->id);
		break;
	case 4:
		extra(sim, at, "invoice.paid", "\"invoice_id\":\"%s\"", i->id);
		extra(sim, later, "invoice.voided", "\"invoice_id\":\"%s\"", i->id);
		break;
	case 5:
		if (n % 2) /* less for all of it, by a day; what is paid lies before that or behind it */
			extra(sim, at, "settlement.agreed", "\"invoice_id\":\"%s\",\"settlement_id\":\"x%d\",\"amount_minor\":%lld,\"until_on\":\"%.10s\"",
				i->id, n, (long long)amount, utc_format(at + 10 * DAY_MS, when));
		else
			extra(sim, at, "settlement.agreed", "\"invoice_id\":\"%s\",\"settlement_id\":\"x%d\"", i->id, n);
		if (n % 2)
			extra(sim, later, "invoice.payment_received", "\"invoice_id\":\"%s\",\"payment_id\":\"x%d\",\"amount_minor\":%lld", i->id, n,
				(long long)amount);
		extra(sim, later, "contact.reply_received", "\"invoice_id\":\"%s\",\"customer_id\":\"%s\",\"reply_id\":\"x%d\"",
			i->id, i->debtor->id, n);
		break;
	case 17: /* less is agreed and paid, the money goes back, and less still is agreed */
		extra(sim, at, "settlement.agreed", "\"invoice_id\":\"%s\",\"settlement_id\":\"x%d\",\"amount_minor\":%lld,\"until_on\":\"%.10s\"",
			i->id, n, (long long)amount, utc_format(at + n % 12 * DAY_MS, when));
		extra(sim, at + DAY_MS, "invoice.payment_received", "\"invoice_id\":\"%s\",\"payment_id\":\"x%d\",\"amount_minor\":%lld", i->id, n, (long long)amount);
		extra(sim, later, "invoice.payment_reversed", "\"invoice_id\":\"%s\",\"payment_id\":\"x%d\",\"amount_minor\":%lld", i->id, n, (long long)amount);
		if (n % 2)
			extra(sim, later + HOUR_MS, "settlement.agreed", "\"invoice_id\":\"%s\",\"settlement_id\":\"y%d\",\"amount_minor\":%lld,\"until_on\":\"%.10s\"",
				i->id, n, (long long)amount / 2 + 1, utc_format(later + 20 * DAY_MS, when));
		break;
	case 6:
		extra(sim, at, "customer.insolvency_opened", "\"customer_id\":\"%s\"", i->debtor->id);
		if (n % 2)
			extra(sim, later, "customer.insolvency_ended", "\"customer_id\":\"%s\"", i->debtor->id);
		break;
	case 7:
		extra(sim, at, "invoice.payment_failed", "\"invoice_id\":\"%s\",\"payment_id\":\"x%d\"", i->id, n);
		extra(sim, later, "ledger.watermark", "\"complete_until\":\"%s\"", utc_format(at, when));
		break;
	case 8:
		extra(sim, at, "payment_plan.agreed", "\"invoice_id\":\"%s\",\"plan_id\":\"x%d\",\"instalments\":[{\"due_on\":\"2026-12-0%d\","
			"\"amount_minor\":%lld}]", i->id, n, 1 + n % 9, (long long)amount);
		extra(sim, later, "payment_plan.amended", "\"invoice_id\":\"%s\",\"plan_id\":\"x%d\",\"instalments\":[{\"due_on\":\"2027-01-0%d\","
			"\"amount_minor\":%lld}]", i->id, n, 1 + n % 9, (long long)amount);
		break;
	case 9:
		extra(sim, at, "letter.status_updated", "\"invoice_id\":\"%s\",\"status\":\"posted\"", i->id);
		extra(sim, later, "letter.status_updated", "\"invoice_id\":\"%s\",\"status\":\"%s\"", i->id,
			n % 3 == 0 ? "delivered" : n % 3 == 1 ? "unclaimed" : "returned");
		break;
	case 10:
		extra(sim, at, "contact.delivery_updated", "\"customer_id\":\"%s\",\"invoice_id\":\"%s\",\"channel\":\"email\",\"status\":\"%s\"",
			i->debtor->id, i->id, n % 2 ? "delivered" : "complained");
		break;
	case 11:
		extra(sim, at, "call.completed", "\"invoice_id\":\"%s\",\"customer_id\":\"%s\"", i->id, i->debtor->id);
		extra(sim, later, "fee.waived", "\"invoice_id\":\"%s\",\"reason\":\"kindness\"", i->id);
		break;
	case 12:
		lists_of(sim, i, at, n);
		break;
	case 13:
		extra(sim, at, "call.completed", "\"invoice_id\":\"%s\",\"customer_id\":\"%s\",\"outcome\":\"promise\",\"until_on\":\"2026-11-0%d\"",
			i->id, i->debtor->id, 1 + n % 9);
		break;
	case 14:
		extra(sim, at, "operator.command", "\"command\":\"hold\",\"target\":\"%s\",\"who\":\"anna\",\"why\":\"sim\"", i->id);
		extra(sim, later, "operator.command", "\"command\":\"resume\",\"target\":\"%s\",\"who\":\"anna\",\"why\":\"sim\"", i->id);
		break;
	default:
		extra(sim, at, "promise.made", "\"invoice_id\":\"%s\",\"promise_id\":\"x%d\",\"until_on\":\"2026-11-0%d\"", i->id, n,
			1 + n % 9);
		extra(sim, later, "promise.made", "\"invoice_id\":\"%s\",\"promise_id\":\"x%d\",\"until_on\":\"2026-12-0%d\"", i->id,
			n, 1 + n % 9);
		break;
	}
}

/* --- telling it ----------------------------------------------------------------------------------------------------------------- */

static int by_time(const void *a, const void *b)
{
	const struct tale_item *x = a, *y = b;

	return x->at != y->at ? (x->at < y->at ? -1 : 1) : strcmp(x->text, y->text);
}

/* A person's words are taken from their own stream alone, and stand there in the order in which they were said. */
static bool by_person(const char *text)
{
	return strstr(text, "\"type\":\"operator.command\"") != NULL;
}

static void tell_in_order(struct sim *sim)
{
	for (size_t i = 0; i < sim->tale->count; i++) {
		const char *text = sim->tale->items[i].text;

		book_tell(sim, by_person(text) ? PEOPLE : "dunning:{0}:events", sim->begin + (int64_t)i * 500, text);
	}
}

static void tell_anyhow(struct sim *sim)
{
	static const char *const streams[] = { "dunning:{0}:events", "dunning:{0}:events:billing", "dunning:{0}:events:bank" };
	int64_t span = rng_chance(&sim->net, 500000) ? TELLING_MS : 10 * MINUTE_MS, said = 0;

	for (size_t i = 0; i < sim->tale->count; i++) {
		const char *text = sim->tale->items[i].text;
		bool person = by_person(text);

		for (int64_t n = rng_range(&sim->net, 1, 2); n > 0; n--) {
			int64_t at = rng_range(&sim->net, 0, span);

			if (person) /* who is told that it did not work says it again, before the next */
				at = said = (at > said ? at : said) + 10 * MINUTE_MS;
			book_tell(sim, person ? PEOPLE : streams[rng_range(&sim->net, 0, 2)], sim->begin + at, text);
		}
	}
}

static void take_dump(struct sim *sim, struct dump *dump);

static void dump_now(void *arg)
{
	struct sim *sim = arg;

	take_dump(sim, sim->dump);
}

void order_schedule(struct sim *sim)
{
	int64_t begin = sim->begin, calm_at = sim->calm_at;

	sim->tale = arena_alloc(sim->arena, sizeof(*sim->tale));
	sim->begin = begin - HISTORY_DAYS * DAY_MS;
	sim->calm_at = begin;
	book_schedule(sim);
	for (size_t i = 0; i < sim->book->invoice_count; i++)
		if (rng_chance(&sim->world, 500000))
			extras_of(sim, &sim->book->invoices[i],
				sim->begin + rng_range(&sim->world, 0, HISTORY_DAYS * DAY_MS));
	sim->begin = begin;
	sim->calm_at = calm_at;
	qsort(sim->tale->items, sim->tale->count, sizeof(*sim->tale->items), by_time);
	if (sim->mode == MODE_IN_ORDER)
		tell_in_order(sim);
	else
		tell_anyhow(sim);
	sim_at_wall(sim, sim->dump_at, dump_now, NULL, sim);
}

/* --- what is known in the end ------------------------------------------------------------------------------------------------------ */

#define SAID " (a person's word)"

struct dump {
	struct arena *arena;
	const char **lines;
	size_t count, capacity;
};

static void dump_line(struct dump *dump, const char *key, const struct buf *text)
{
	dump->lines = arena_grow(dump->arena, dump->lines, dump->count, &dump->capacity, sizeof(char *));
	dump->lines[dump->count++] = arena_printf(dump->arena, "%s %s", key, buf_str(text));
}

static void dump_escalation(const char *key, const char *value, void *arg)
{
	struct dump *dump = arg;
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct escalation e;
	struct err err = { 0 };

	if (escalation_read(dump->arena, value, strlen(value), &e, &err) == 0)
		escalation_facts(&text, &e, dump->arena);
	dump_line(dump, key, &text);
	for (size_t i = 0; i < e.hold_count; i++)
		if (e.holds[i].who) {
			buf_reset(&text);
			buf_printf(&text, "%s by %s" SAID, e.holds[i].reason, e.holds[i].who);
			dump_line(dump, key, &text);
		}
}

/* Without what the daemon did: contacts made, the place in the trail. */
static void dump_debtor(const char *key, const char *value, void *arg)
{
	struct dump *dump = arg;
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct debtor d;
	struct err err = { 0 };

	if (strchr(key, '~')) /* the system's own file */
		return;
	if (debtor_read(dump->arena, value, strlen(value), &d, &err) == 0) {
		d.version = 0;
		d.contact_count = d.address_count = 0; /* of what was sent, and to whom in vain */
		d.promises_kept = 0; /* found when it was found */
		d.thanks_count = 0; /* of what was sent, too */
		d.trail = (struct trail_place){ 0 };
		d.promises_broken = d.deposits_late = 0; /* by the day of the last look, which is not the same */
		d.unknown_since = 0; /* what came while an invoice was open was read for that one */
		d.walks = NULL; /* chosen for an invoice that is open when it is looked at */
		debtor_write(&text, &d);
	}
	dump_line(dump, key, &text);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void take_dump(struct sim *sim, struct dump *dump)
{
	redis_each(sim->redis, "dunning:{0}:escalation:", dump_escalation, dump);
	redis_each(sim->redis, "dunning:{0}:debtor:", dump_debtor, dump);
	qsort(dump->lines, dump->count, sizeof(char *), by_text);
}

/* An entry that was quarantined as poison, by three crashes at one place, lies on a person's desk and not in the documents. */
static bool quarantined(const struct sim *sim)
{
	if (sim->judge->poisoned)
		return true;
	for (size_t i = 0; i < sim->judge->told_count; i++)
		if (sim->judge->told[i].broken)
			return true;
	return false;
}

/* Words that were lost with the store come again in any order, which nobody would say them in. */
static void drop_words(struct dump *dump)
{
	size_t kept = 0;

	for (size_t i = 0; i < dump->count; i++)
		if (!strstr(dump->lines[i], SAID))
			dump->lines[kept++] = dump->lines[i];
	dump->count = kept;
}

static void compare(struct sim *sim, const struct dump *in_order, const struct dump *anyhow)
{
	for (size_t i = 0; i < in_order->count || i < anyhow->count; i++) {
		const char *a = i < in_order->count ? in_order->lines[i] : "nothing", *b = i < anyhow->count ? anyhow->lines[i] : "nothing";
		size_t same = 0;

		if (strcmp(a, b) == 0)
			continue;
		while (a[same] && a[same] == b[same])
			same++;
		same = same > 60 ? same - 60 : 0;
		sim_breach(sim, "5 order of arrival", "%.40s ... in order: %.160s ... else: %.160s", a, a + same, b + same);
		return;
	}
}

bool order_play(uint64_t seed, bool verbose, char *breach, size_t size)
{
	struct arena *arena = arena_create();
	struct dump dumps[2] = { { .arena = arena }, { .arena = arena } };
	bool kept = true;

	for (int i = 0; i < 2 && kept; i++) {
		struct sim sim;
		int64_t end;

		sim_begin(&sim, seed, 0, verbose);
		sim.mode = i == 0 ? MODE_IN_ORDER : MODE_ANYHOW;
		end = sim.begin + (i == 0 ? HOUR_MS : TELLING_MS);
		sim.calm_at = i == 0 ? sim.begin : end;
		sim.dump_at = end + REST_MS;
		sim.dump = &dumps[i];
		sim.end = sim.dump_at + (i == 1 && seed % 4 == 0 ? AFTER_MS : MINUTE_MS);
		world_run(&sim);
		for (int k = 0; k <= i && (sim.rollbacks || sim.flushes); k++)
			drop_words(&dumps[k]);
		if (i == 1 && !sim.broken && !quarantined(&sim))
			compare(&sim, &dumps[0], &dumps[1]);
		kept = !sim.broken;
		snprintf(breach, size, "%s", sim.breach);
		world_end(&sim);
		arena_free(sim.arena);
	}
	arena_free(arena);
	return kept;
}
