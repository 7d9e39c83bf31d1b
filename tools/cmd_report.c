/*
 * dunningctl report: figures of the whole book out of its documents, exact to the cent, each currency for itself, as of the end of a day in the
 * creditor's zone.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/utc.h"
#include "tools/cmd.h"

struct asked {
	const struct zone *zone; /* the creditor's */
	date day;
	int64_t until; /* ms UTC: the day's end, itself not included */
	int64_t days; /* the span that ends with the day; 0 = all */
	const char *customer;
};

static int read_asked(struct ctl *ctl, const struct invocation *call, int64_t fallback_days, struct asked *ret)
{
	const char *day = command_option(call, "date"), *days = fallback_days >= 0 ? command_option(call, "days") : NULL;
	char *end = NULL;
	int r = ctl_config(ctl, false);

	if (r != 0)
		return r;
	if (zone_get(ctl->config->creditor.zone, &ret->zone) < 0 && zone_get("UTC", &ret->zone) < 0)
		return ctl_fail(ctl, EXIT_CONFIG, "unknown_zone", "the creditor's time zone is not known here");
	ret->day = zone_date(ret->zone, ctl->now);
	if (day && date_parse(day, &ret->day) < 0)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "--date must be a day like 2026-03-02, not \"%s\"", day);
	ret->until = zone_to_utc(ret->zone, date_add_days(ret->day, 1), 0);
	ret->days = days ? strtoll(days, &end, 10) : fallback_days;
	if (days && (*end || ret->days < 1 || ret->days > 3650))
		return ctl_fail(ctl, EXIT_USAGE, "usage", "--days must be 1 to 3650, not \"%s\"", days);
	return 0;
}

/* Names that came before: a scan may give a key twice, and a contact may be about several invoices. Each counts once. */
struct seen {
	const char **ids;
	size_t count, size; /* size: of the table, a power of two */
};

static bool first_time(struct arena *arena, struct seen *seen, const char *id)
{
	size_t at;

	if (seen->count * 2 >= seen->size) {
		struct seen before = *seen;

		seen->size = seen->size ? seen->size * 2 : 1024;
		seen->ids = arena_alloc(arena, seen->size * sizeof(*seen->ids));
		seen->count = 0;
		for (size_t i = 0; i < before.size; i++)
			if (before.ids[i])
				(void)first_time(arena, seen, before.ids[i]);
	}
	for (at = crc32c(0, id, strlen(id)) & (seen->size - 1); seen->ids[at]; at = (at + 1) & (seen->size - 1))
		if (strcmp(seen->ids[at], id) == 0)
			return false;
	seen->ids[at] = arena_strdup(arena, id);
	seen->count++;
	return true;
}

/* Every invoice that is known; `look` looks at one. */
typedef int (*look_fn)(struct ctl *ctl, const struct asked *asked, const struct entry *entry, void *arg);
struct looking {
	const struct asked *asked;
	look_fn look;
	void *arg;
	struct seen seen;
};

static int look_page(struct ctl *ctl, struct arena *arena, struct entry *entries, size_t count, void *arg)
{
	struct looking *l = arg;
	int r = 0;

	(void)arena;
	for (size_t i = 0; i < count && r == 0; i++)
		if (first_time(ctl->arena, &l->seen, entries[i].e.invoice.id))
			r = l->look(ctl, l->asked, &entries[i], l->arg);
	return r;
}

static void bad_document(const char *invoice_id, const struct err *err, void *arg)
{
	(void)arg;
	fprintf(stderr, "dunningctl: the document of invoice %s is not one of ours, and left out: %s %s\n", invoice_id, err->path, err->text);
}

static int look_at_all(struct ctl *ctl, const struct asked *asked, look_fn look, void *arg)
{
	struct looking l = { .asked = asked, .look = look, .arg = arg };
	int r = 0;

	for (uint32_t p = 0; r == 0 && p < ctl_partitions(ctl); p++)
		r = entries_scan(ctl, p, look_page, bad_document, &l);
	return r;
}

static int show(struct ctl *ctl, const struct invocation *call, const struct table *table, const char *empty)
{
	if (command_option(call, "csv"))
		view_csv(&ctl->view, table);
	else
		view_table(&ctl->view, table, empty);
	return EXIT_DONE;
}

static int overflow(struct ctl *ctl, const char *currency)
{
	return ctl_fail(ctl, EXIT_FOUND, "out_of_range", "the amounts in %s do not add up within 2^53 minor units", currency);
}

/* --- a sum for each currency and name ------------------------------------------------------------------------------------------ */

struct sum {
	char currency[4];
	const char *name, *name2;
	int64_t count, amount, amount2, count2, count3;
	__int128 weighted, weighted2;
};
struct sums {
	struct arena *arena;
	struct sum *items;
	size_t count, capacity;
};

static struct sum *sum_of(struct sums *sums, const char *currency, const char *name, const char *name2)
{
	for (size_t i = 0; i < sums->count; i++)
		if (strcmp(sums->items[i].currency, currency) == 0 && strcmp(sums->items[i].name, name) == 0 && strcmp(sums->items[i].name2, name2) == 0)
			return &sums->items[i];
	sums->items = arena_grow(sums->arena, sums->items, sums->count, &sums->capacity, sizeof(*sums->items));
	sums->items[sums->count] = (struct sum){ .name = arena_strdup(sums->arena, name), .name2 = arena_strdup(sums->arena, name2) };
	snprintf(sums->items[sums->count].currency, 4, "%s", currency);
	return &sums->items[sums->count++];
}

static int by_name(const void *a, const void *b)
{
	const struct sum *x = a, *y = b;
	int r = strcmp(x->currency, y->currency);

	if (r == 0)
		r = strcmp(x->name, y->name);
	return r ? r : strcmp(x->name2, y->name2);
}

static void sort(struct sums *sums)
{
	if (sums->count)
		qsort(sums->items, sums->count, sizeof(*sums->items), by_name);
}

/* What it owed at the end of the day: a person's end of it, and what was closed as a loss, count from when that was. */
static int64_t owed(const struct asked *asked, const struct entry *entry)
{
	const struct escalation *e = &entry->e;

	if (e->closed && strcmp(e->closed, "stopped") == 0 && e->closed_at < asked->until)
		return 0;
	return invoice_balance_at(&e->invoice, asked->zone, asked->until);
}

/* --- aging --------------------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int32_t most; /* days past due */
} buckets[] = { { "not due", 0 }, { "1-30", 30 }, { "31-60", 60 }, { "61-90", 90 }, { "over 90", INT32_MAX } };

static int look_aging(struct ctl *ctl, const struct asked *asked, const struct entry *entry, void *arg)
{
	const struct snapshot *s = &entry->e.invoice.snapshot;
	int64_t amount = owed(asked, entry);
	struct sum *all, *one;
	size_t b = 0;

	if (!amount || (asked->customer && (!entry->e.invoice.debtor_id || strcmp(entry->e.invoice.debtor_id, asked->customer) != 0)))
		return 0;
	while (date_diff(asked->day, s->due_on) > buckets[b].most)
		b++;
	for (size_t i = 0; i < ARRAY_LEN(buckets); i++) /* all of them, also those that are empty */
		(void)sum_of(arg, s->currency, (char[]){ (char)('0' + i), '\0' }, "");
	one = sum_of(arg, s->currency, (char[]){ (char)('0' + b), '\0' }, "");
	one->count++;
	if (!money_add(one->amount, amount, &one->amount))
		return overflow(ctl, s->currency);
	all = sum_of(arg, s->currency, "9", "");
	all->count++;
	return money_add(all->amount, amount, &all->amount) ? 0 : overflow(ctl, s->currency);
}

static const struct column aging_columns[] = { { "currency", "CURRENCY", false }, { "days_past_due", "DAYS PAST DUE", false },
	{ "invoices", "INVOICES", true }, { "amount", "AMOUNT", true }, { 0 } };

static int run_aging(struct ctl *ctl, const struct invocation *call)
{
	struct asked asked = { .customer = command_option(call, "customer") };
	struct sums sums = { .arena = ctl->arena };
	struct table *t = table_create(ctl->arena, aging_columns);
	int r = read_asked(ctl, call, -1, &asked);

	if (r == 0)
		r = look_at_all(ctl, &asked, look_aging, &sums);
	sort(&sums);
	for (size_t i = 0; i < sums.count && r == 0; i++) {
		const struct sum *s = &sums.items[i];

		table_add(t, (struct cell[]){ cell_text(s->currency), cell_text(s->name[0] == '9' ? "total" : buckets[s->name[0] - '0'].name),
			cell_number(s->count), cell_money(s->amount, s->currency) });
	}
	return r == 0 ? show(ctl, call, t, "Nothing is owed.") : r;
}

/* --- DSO ----------------------------------------------------------------------------------------------------------------------- */

/* amount: receivables at the end of the day; amount2: billed in the span, without what was credited; weighted: by amount, days it took to be paid. */
static int look_dso(struct ctl *ctl, const struct asked *asked, const struct entry *entry, void *arg)
{
	const struct invoice *invoice = &entry->e.invoice;
	const struct snapshot *s = &invoice->snapshot;
	struct invoice_view view = invoice_view(invoice);
	date from = date_add_days(asked->day, (int32_t)(1 - asked->days)), issued = s->issued_on, paid_on;
	struct sum *sum;
	int64_t paid;

	if (!invoice->known || s->status == INVOICE_DRAFT)
		return 0;
	sum = sum_of(arg, s->currency, "", "");
	if (!money_add(sum->amount, owed(asked, entry), &sum->amount))
		return overflow(ctl, s->currency);
	if (!date_is_set(issued))
		issued = zone_date(asked->zone, invoice->order.time);
	if (view.state != STATE_VOID && date_diff(issued, from) >= 0 && date_diff(issued, asked->day) <= 0 &&
		!money_add(sum->amount2, s->total - view.credited, &sum->amount2))
		return overflow(ctl, s->currency);
	if (view.state != STATE_PAID)
		return 0;
	paid_on = zone_date(asked->zone, invoice_paid_at(invoice));
	if (date_diff(paid_on, from) < 0 || date_diff(paid_on, asked->day) > 0)
		return 0;
	paid = s->total - view.credited; /* it may be said to be paid without a figure */
	sum->count++;
	sum->count3 += paid;
	sum->weighted += (__int128)date_diff(paid_on, issued) * paid;
	sum->weighted2 += (__int128)date_diff(paid_on, s->due_on) * paid;
	return 0;
}

/* In tenths, rounded to the nearest; none where nothing was there to divide by. */
static struct cell tenths(struct arena *arena, __int128 above, int64_t below)
{
	__int128 n = above * 10;
	int64_t value;

	if (below <= 0)
		return cell_none();
	value = (int64_t)((n + (n < 0 ? -1 : 1) * (below / 2)) / below);
	return cell_text(arena_printf(arena, "%s%" PRId64 ".%" PRId64, value < 0 ? "-" : "", (value < 0 ? -value : value) / 10,
		(value < 0 ? -value : value) % 10));
}

static const struct column dso_columns[] = { { "currency", "CURRENCY", false }, { "receivables", "RECEIVABLES", true }, { "billed", "BILLED", true },
	{ "days", "IN DAYS", true }, { "dso", "DSO", true }, { "paid_invoices", "PAID", true }, { "days_to_pay", "DAYS TO PAY", true },
	{ "days_late", "DAYS LATE", true }, { 0 } };

static int run_dso(struct ctl *ctl, const struct invocation *call)
{
	struct table *t = table_create(ctl->arena, dso_columns);
	struct sums sums = { .arena = ctl->arena };
	struct asked asked = { 0 };
	int r = read_asked(ctl, call, 90, &asked);

	if (r == 0)
		r = look_at_all(ctl, &asked, look_dso, &sums);
	sort(&sums);
	for (size_t i = 0; i < sums.count && r == 0; i++) {
		const struct sum *s = &sums.items[i];

		table_add(t, (struct cell[]){ cell_text(s->currency), cell_money(s->amount, s->currency), cell_money(s->amount2, s->currency),
			cell_number(asked.days), tenths(ctl->arena, (__int128)s->amount * asked.days, s->amount2), cell_number(s->count),
			tenths(ctl->arena, s->weighted, s->count3), tenths(ctl->arena, s->weighted2, s->count3) });
	}
	return r == 0 ? show(ctl, call, t, "No invoice is known.") : r;
}

/* --- steps --------------------------------------------------------------------------------------------------------------------- */

/* The last contact before the money came. */
static const struct walked *worked(const struct escalation *e, int64_t paid_at)
{
	const struct walked *last = NULL;

	for (size_t i = 0; i < e->walk_count; i++)
		if (e->walk[i].end != STEP_SKIPPED && !aside_id(e->walk[i].step) && e->walk[i].attempt && e->walk[i].at <= paid_at)
			last = &e->walk[i];
	return last;
}

/* count: taken; count2: after which it was paid; count3: within 48 hours; amount: what came then; amount2: how often it was skipped. */
static int look_steps(struct ctl *ctl, const struct asked *asked, const struct entry *entry, void *arg)
{
	const struct escalation *e = &entry->e;
	bool paid = e->closed && strcmp(e->closed, "paid") == 0;
	int64_t paid_at = paid ? invoice_paid_at(&e->invoice) : 0, from = asked->days ? asked->until - asked->days * DAY_MS : INT64_MIN;
	const struct walked *last = paid ? worked(e, paid_at) : NULL;

	for (size_t i = 0; i < e->walk_count; i++) {
		const struct walked *walked = &e->walk[i];
		struct sum *sum;

		if (walked->at >= asked->until || walked->at < from || aside_id(walked->step))
			continue;
		sum = sum_of(arg, e->invoice.snapshot.currency, e->policy ? e->policy : "", walked->step);
		sum->count += walked->end != STEP_SKIPPED;
		sum->amount2 += walked->end == STEP_SKIPPED;
		if (walked != last || paid_at >= asked->until)
			continue;
		sum->count2++;
		sum->count3 += paid_at - walked->at <= 48 * HOUR_MS;
		if (!money_add(sum->amount, invoice_view(&e->invoice).paid, &sum->amount))
			return overflow(ctl, e->invoice.snapshot.currency);
	}
	return 0;
}

static const struct column steps_columns[] = { { "currency", "CURRENCY", false }, { "policy", "POLICY", false }, { "step", "STEP", false },
	{ "taken", "TAKEN", true }, { "skipped", "SKIPPED", true }, { "paid_after", "PAID AFTER IT", true }, { "percent", "%", true },
	{ "paid_within_48h", "WITHIN 48 H", true }, { "amount", "AMOUNT", true }, { 0 } };

static int run_steps(struct ctl *ctl, const struct invocation *call)
{
	struct table *t = table_create(ctl->arena, steps_columns);
	struct sums sums = { .arena = ctl->arena };
	struct asked asked = { 0 };
	int r = read_asked(ctl, call, 0, &asked);

	if (r == 0)
		r = look_at_all(ctl, &asked, look_steps, &sums);
	sort(&sums);
	for (size_t i = 0; i < sums.count && r == 0; i++) {
		const struct sum *s = &sums.items[i];

		table_add(t, (struct cell[]){ cell_text(s->currency), cell_text(s->name), cell_text(s->name2), cell_number(s->count),
			cell_number(s->amount2), cell_number(s->count2), tenths(ctl->arena, (__int128)s->count2 * 100, s->count), cell_number(s->count3),
			cell_money(s->amount, s->currency) });
	}
	return r == 0 ? show(ctl, call, t, "No step was taken.") : r;
}

/* --- cost ---------------------------------------------------------------------------------------------------------------------- */

struct tally {
	struct sums sums; /* by channel; count: contacts */
	struct seen attempts;
};

static const char *channel_of(const struct entry *entry, const char *step)
{
	int index = entry->policy ? policy_step_index(entry->policy, step) : -1;

	if (strncmp(step, "stop:", 5) == 0)
		return step + 5;
	if (aside_id(step))
		return channel_names[CHANNEL_EMAIL];
	if (index < 0 || entry->policy->steps[index].kind == STEP_GATE || entry->policy->steps[index].kind == STEP_ACTION)
		return NULL;
	return entry->policy->steps[index].kind == STEP_CALL ? channel_names[CHANNEL_CALL] : channel_names[entry->policy->steps[index].channel];
}

static int look_cost(struct ctl *ctl, const struct asked *asked, const struct entry *entry, void *arg)
{
	int64_t from = asked->days ? asked->until - asked->days * DAY_MS : INT64_MIN;
	struct tally *costs = arg;

	for (size_t i = 0; i < entry->e.walk_count; i++) {
		const struct walked *walked = &entry->e.walk[i];
		const char *channel = channel_of(entry, walked->step);

		if (walked->end == STEP_SKIPPED || !walked->attempt || walked->at >= asked->until || walked->at < from ||
			(!channel && entry->policy) || !first_time(ctl->arena, &costs->attempts, walked->attempt))
			continue;
		sum_of(&costs->sums, "", channel ? channel : "unknown", "")->count++;
	}
	return 0;
}

/* "email=0.01,letter=1.80": of one contact. */
static int price_of(struct ctl *ctl, const char *prices, const char *channel, const char *currency, int64_t *ret)
{
	size_t len = strlen(channel);
	int exponent = currency_exponent(currency);

	*ret = 0;
	for (const char *at = prices; at && *at; at += strcspn(at, ","), at += *at == ',') {
		char *end;
		int64_t minor;

		if (strncmp(at, channel, len) != 0 || at[len] != '=')
			continue;
		minor = strtoll(at + len + 1, &end, 10);
		for (int i = 0; i < exponent; i++) {
			if (*end == '.' && i == 0)
				end++;
			minor = minor * 10 + (*end >= '0' && *end <= '9' ? *end++ - '0' : 0);
		}
		if (minor < 0 || minor > 100000000 || (*end && *end != ','))
			return ctl_fail(ctl, EXIT_USAGE, "usage", "--prices wants channels and what a contact costs, such as email=0.01,letter=1.80,call=6.50");
		*ret = minor;
	}
	return 0;
}

static const struct column cost_columns[] = { { "channel", "CHANNEL", false }, { "contacts", "CONTACTS", true }, { "each", "EACH", true },
	{ "cost", "COST", true }, { 0 } };

static int run_cost(struct ctl *ctl, const struct invocation *call)
{
	const char *prices = command_option(call, "prices"), *currency = command_option(call, "currency") ? command_option(call, "currency") : "EUR";
	struct tally costs = { .sums = { .arena = ctl->arena } };
	struct table *t = table_create(ctl->arena, cost_columns);
	struct asked asked = { 0 };
	int64_t all = 0, contacts = 0;
	int r = read_asked(ctl, call, 0, &asked);

	if (r == 0 && currency_exponent(currency) < 0)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "--currency must be an ISO 4217 code like EUR");
	if (r == 0)
		r = look_at_all(ctl, &asked, look_cost, &costs);
	sort(&costs.sums);
	for (size_t i = 0; i < costs.sums.count && r == 0; i++) {
		const struct sum *s = &costs.sums.items[i];
		int64_t each;

		r = price_of(ctl, prices, s->name, currency, &each);
		if (r == 0 && !money_add(all, each * s->count, &all))
			return overflow(ctl, currency);
		contacts += s->count;
		table_add(t, (struct cell[]){ cell_text(s->name), cell_number(s->count), prices ? cell_money(each, currency) : cell_none(),
			prices ? cell_money(each * s->count, currency) : cell_none() });
	}
	if (r == 0 && costs.sums.count)
		table_add(t, (struct cell[]){ cell_text("total"), cell_number(contacts), cell_none(), prices ? cell_money(all, currency) : cell_none() });
	return r == 0 ? show(ctl, call, t, "Nobody was contacted.") : r;
}

/* --- promises ------------------------------------------------------------------------------------------------------------------ */

static int look_promises(struct ctl *ctl, const struct asked *asked, const struct entry *entry, void *arg)
{
	const struct invoice *invoice = &entry->e.invoice;
	struct invoice_view view = invoice_view(invoice);

	for (size_t i = 0; i < invoice->fact_count; i++) {
		const struct fact *fact = &invoice->facts[i];
		const char *state = NULL;
		date until = fact->until_on;
		int64_t amount = view.balance;
		struct instalment_view next;

		if ((fact->kind != FACT_PROMISE && fact->kind != FACT_PLAN && fact->kind != FACT_SETTLEMENT) || fact->ended ||
			fact->order.time >= asked->until)
			continue;
		for (size_t k = 0; k < entry->e.ended_count; k++)
			if (strcmp(entry->e.ended[k].what, fact_names[fact->kind]) == 0 && strcmp(entry->e.ended[k].id, fact->id) == 0 &&
				entry->e.ended[k].told_at == fact->order.time && entry->e.ended[k].at < asked->until)
				state = entry->e.ended[k].kept ? "kept" : "broken";
		if (!state && entry->e.state == ESCALATION_CLOSED)
			continue;
		if (fact->kind == FACT_PLAN && plan_next(fact, view.balance, &next)) {
			until = next.due_on;
			amount = next.rest;
		} else if (fact->kind == FACT_SETTLEMENT && fact->settles) {
			amount = fact->amount - view.paid - view.credited;
		}
		if (!state)
			state = date_is_set(until) && date_diff(until, asked->day) < 0 ? "overdue" : date_is_set(until) && date_diff(until, asked->day) == 0 ? "due today" : "open";
		table_add(arg, (struct cell[]){ cell_text(arena_strdup(ctl->arena, invoice->id)), cell_text(arena_strdup(ctl->arena, invoice->debtor_id)),
			cell_text(fact_names[fact->kind]), cell_date(until), cell_text(state),
			invoice->known && amount > 0 ? cell_money(amount, arena_strdup(ctl->arena, invoice->snapshot.currency)) : cell_none(),
			cell_number(entry->d ? entry->d->promises_kept : 0), cell_number(entry->d ? entry->d->promises_broken : 0) });
	}
	return 0;
}

static const struct column promise_columns[] = { { "invoice", "INVOICE", false }, { "customer", "CUSTOMER", false }, { "what", "WHAT", false },
	{ "until_on", "UNTIL", false }, { "state", "STATE", false }, { "amount", "AMOUNT", true }, { "customer_kept", "KEPT BEFORE", true },
	{ "customer_broken", "BROKEN BEFORE", true }, { 0 } };

static int run_promises(struct ctl *ctl, const struct invocation *call)
{
	struct table *t = table_create(ctl->arena, promise_columns);
	struct asked asked = { 0 };
	int r = read_asked(ctl, call, -1, &asked);

	if (r == 0)
		r = look_at_all(ctl, &asked, look_promises, t);
	return r == 0 ? show(ctl, call, t, "Nothing is promised.") : r;
}

/* --- the books ----------------------------------------------------------------------------------------------------------------- */

static int look_book(struct ctl *ctl, const struct asked *asked, const struct entry *entry, void *arg)
{
	const struct invoice *invoice = &entry->e.invoice;
	const char *finding = book_finding(invoice, ctl_books(ctl, entry->partition), ctl->now), *currency = arena_strdup(ctl->arena, invoice->snapshot.currency);
	int64_t due = 0, as_of = 0;
	bool listed = book_listed(invoice, &due, &as_of);

	(void)asked;
	if (!finding)
		return 0;
	table_add(arg, (struct cell[]){ cell_text(arena_strdup(ctl->arena, invoice->id)), cell_text(arena_strdup(ctl->arena, invoice->debtor_id)),
		cell_text(finding), invoice->known ? cell_money(invoice_view(invoice).balance, currency) : cell_none(),
		!listed || strcmp(finding, "not_listed") == 0 ? cell_none() : invoice->known ? cell_money(due, currency) : cell_number(due),
		cell_time(listed ? as_of : 0, NULL), cell_flag(book_holds(finding)) });
	return 0;
}

static const struct column book_columns[] = { { "invoice", "INVOICE", false }, { "customer", "CUSTOMER", false }, { "finding", "FINDING", false },
	{ "ours", "HERE", true }, { "listed", "LISTED", true }, { "as_of", "AS OF", false }, { "held", "HELD", false }, { 0 } };

static int run_book(struct ctl *ctl, const struct invocation *call)
{
	struct table *t = table_create(ctl->arena, book_columns);
	struct asked asked = { 0 };
	bool any = false;
	int r = ctl_config(ctl, false);

	if (r == 0)
		r = look_at_all(ctl, &asked, look_book, t);
	for (uint32_t p = 0; r == 0 && p < ctl_partitions(ctl); p++) {
		const struct books *books = ctl_books(ctl, p);

		for (size_t i = 0; i < books->count; i++) {
			const struct book_told *book = &books->items[i];

			any = true;
			if (book->have)
				ctl_warn(ctl, "list %s of %s: %" PRId64 " of %" PRId64 " parts came", book->snapshot_id, book->source, book->came, book->parts);
			else if (!command_option(call, "csv"))
				view_say(&ctl->view, "List %s of %s, as of %s", book->snapshot_id, book->source, view_time(ctl->arena, book->as_of, NULL));
		}
	}
	if (r == 0 && !any)
		ctl_warn(ctl, "no list of open invoices was ever told: send book.snapshot (dunningd-events(5))");
	return r == 0 ? show(ctl, call, t, "The books agree.") : r;
}

/* --- rows ---------------------------------------------------------------------------------------------------------------------- */

#define DATE_OPTION { "date", "DAY", "as of the end of that day in the creditor's zone (today)" }
#define CSV_OPTION { "csv", NULL, "as comma-separated values" }
static const struct option_row day_options[] = { DATE_OPTION, CSV_OPTION, { 0 } };
static const struct option_row aging_options[] = { DATE_OPTION, { "customer", "ID", "of one customer" }, CSV_OPTION, { 0 } };
static const struct option_row dso_options[] = { DATE_OPTION, { "days", "N", "what was billed and paid in so many days until then (90)" }, CSV_OPTION, { 0 } };
static const struct option_row steps_options[] = { DATE_OPTION, { "days", "N", "what was done in so many days until then (all)" }, CSV_OPTION, { 0 } };
static const struct option_row cost_options[] = { DATE_OPTION, { "days", "N", "of so many days until then (all)" },
	{ "prices", "LIST", "what a contact costs by its channel, such as email=0.01,letter=1.80,call=6.50" },
	{ "currency", "CODE", "of the prices (EUR)" }, CSV_OPTION, { 0 } };
static const struct option_row book_options[] = { CSV_OPTION, { 0 } };

const struct command cmd_report_aging = { .name = "report aging", .args = "", .help = "what is owed, by days past due", .options = aging_options,
	.more = "Sums are exact, each currency for itself. Of a day that is over, payments count from when they were made; what only the figures\n"
		"of an invoice told, from when they were told.", .run = run_aging };
const struct command cmd_report_dso = { .name = "report dso", .args = "", .help = "days sales outstanding, and how long payment takes",
	.more = "DSO: receivables at the end of the day, over what was billed in the span without credits, times its days. Days to pay and days\n"
		"late: of what was paid in the span, weighted by amount.", .options = dso_options, .run = run_dso };
const struct command cmd_report_steps = { .name = "report steps", .args = "", .help = "which steps were taken, and after which the money came",
	.options = steps_options, .run = run_steps };
const struct command cmd_report_cost = { .name = "report cost", .args = "", .help = "how many contacts were made by which channel, and their price",
	.options = cost_options, .run = run_cost };
const struct command cmd_report_promises = { .name = "report promises", .args = "", .help = "promises, plans and settlements: due, broken, kept",
	.options = day_options, .run = run_promises };
const struct command cmd_report_book = { .name = "report book", .args = "", .help = "where a producer's list of open invoices says otherwise than we know",
	.more = "never_heard_of: listed, and no event told of it. not_listed: open here alone. less, more: another balance there. closed_here: paid or\n"
		"voided here, open there. not_listed and less are held until the next list, newer figures or a payment clears them.",
	.options = book_options, .run = run_book };
