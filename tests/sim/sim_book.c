/*
 * The book: debtors, their invoices, and what happens to them, told as events; some late, twice, in the wrong order or broken.
 * Snapshots are always what the ledger knew at that version, so the judge can read the events as facts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/keys.h"
#include "common/zone.h"
#include "tests/sim/sim_book.h"

static const struct {
	const char *zone, *country, *locale, *currency;
} places[] = {
	{ "Europe/Paris", "FR", "fr-FR", "EUR" },
	{ "Europe/Berlin", "DE", "de-DE", "EUR" },
	{ "Europe/London", "GB", "en-GB", "GBP" },
	{ "America/New_York", "US", "en-US", "USD" },
	{ "America/Sao_Paulo", "BR", "en-US", "USD" },
	{ "Asia/Tokyo", "JP", "en-US", "JPY" },
	{ "Asia/Kolkata", "IN", "en-US", "EUR" },
	{ "Australia/Lord_Howe", "AU", "en-GB", "EUR" },
	{ "Pacific/Apia", "WS", "en-GB", "EUR" },
	{ "Europe/Brussels", "BE", "fr-BE", "EUR" },
	{ "Europe/Amsterdam", "NL", "nl-NL", "EUR" },
	{ "Europe/Madrid", "ES", "es-ES", "EUR" },
	{ "Atlantic/Canary", "ES", "es-ES", "EUR" },
	{ "Europe/Rome", "IT", "it-IT", "EUR" },
	{ "America/Los_Angeles", "US", "en-US", "USD" },
	{ "America/St_Johns", "CA", "en-CA", "USD" },
};
#define CROWD_MAX 40 /* what a producer may say at once */
#define PLACES_OF_LIFE 9 /* the others are those of random policies alone: one more would change every seed's life */
static const char *const roles[] = { "billing", "owner", "parent_company" };

/* --- writing events ------------------------------------------------------------------------------------------------------- */

struct text {
	struct buf buf;
	struct json_writer w;
};

static void begin_event(struct book *book, struct text *t, const char *type, const char *subject, int64_t time)
{
	char id[32], when[UTC_TEXT_SIZE];

	*t = (struct text){ 0 };
	t->w = jw_init(&t->buf);
	snprintf(id, sizeof(id), "ev-%llu", (unsigned long long)++book->next_event);
	jw_object(&t->w, NULL);
	jw_str(&t->w, "specversion", "1.0");
	jw_str(&t->w, "id", id);
	jw_str(&t->w, "source", "https://billing.example/sim");
	jw_str(&t->w, "type", type);
	jw_opt_str(&t->w, "subject", subject);
	jw_str(&t->w, "time", utc_format(time, when));
	jw_object(&t->w, "data");
}

static char *end_event(struct book *book, struct text *t)
{
	char *text;

	jw_end_object(&t->w);
	jw_end_object(&t->w);
	text = arena_strdup(book->arena, buf_str(&t->buf));
	buf_clear(&t->buf);
	return text;
}

/* pay0@cus_01.example, +33100000000: the first letters and the last digit say whose it is. */
static void write_contact(struct text *t, const struct sim_debtor *d, int role)
{
	char text[64];

	jw_object(&t->w, NULL);
	snprintf(text, sizeof(text), "c%d", role + 1);
	jw_str(&t->w, "id", text);
	jw_str(&t->w, "role", roles[role]);
	snprintf(text, sizeof(text), "%s%d@%s.example", role ? roles[role] : "pay", d->address, d->id);
	if (!d->no_email)
		jw_str(&t->w, "email", text);
	snprintf(text, sizeof(text), "+3310000000%d", role);
	if (d->phone)
		jw_str(&t->w, "phone", text);
	jw_end_object(&t->w);
}

const char *book_role(const struct sim_debtor *debtor, const char *address)
{
	(void)debtor;
	if (address && address[0] == '+' && strlen(address) == 12)
		return (size_t)(address[11] - '0') < ARRAY_LEN(roles) ? roles[address[11] - '0'] : NULL;
	for (size_t i = 0; address && i < ARRAY_LEN(roles); i++) {
		const char *name = i ? roles[i] : "pay";

		if (strncmp(address, name, strlen(name)) == 0 && address[strlen(name)] >= '0' && address[strlen(name)] <= '9')
			return roles[i];
	}
	return NULL;
}

static void write_customer(struct text *t, const struct sim_debtor *d)
{
	jw_object(&t->w, "customer");
	jw_str(&t->w, "id", d->id);
	jw_str(&t->w, "name", d->name);
	jw_opt_str(&t->w, "country", d->country_unknown ? NULL : places[d->place].country);
	jw_str(&t->w, "kind", d->kind ? d->kind : "company");
	jw_str(&t->w, "locale", places[d->place].locale);
	jw_opt_str(&t->w, "timezone", d->zone_unknown ? NULL : places[d->place].zone);
	if (!d->country_unknown) {
		jw_object(&t->w, "postal");
		jw_str(&t->w, "line1", "1 High Street");
		jw_str(&t->w, "city", "Town");
		jw_end_object(&t->w);
	}
	jw_array(&t->w, "contacts");
	for (int i = 0; i < (int)ARRAY_LEN(roles); i++)
		if (i == 0 || (i == 1 && d->owner) || (i == 2 && d->parent))
			write_contact(t, d, i);
	jw_end_array(&t->w);
	jw_end_object(&t->w);
}

static void write_invoice(struct text *t, const struct sim_invoice *i)
{
	char text[DATE_TEXT_SIZE], url[100];
	int64_t due = i->total - i->paid - i->credited;

	jw_object(&t->w, "invoice");
	jw_str(&t->w, "id", i->id);
	jw_str(&t->w, "number", i->id);
	jw_int(&t->w, "version", i->version);
	jw_str(&t->w, "status", i->voided ? "void" : due <= 0 ? "paid" : "open");
	jw_str(&t->w, "issued_on", date_format(i->issued_on, text));
	jw_str(&t->w, "due_on", date_format(i->due_on, text));
	jw_str(&t->w, "currency", places[i->debtor->place].currency);
	jw_int(&t->w, "total_minor", i->total);
	jw_int(&t->w, "paid_minor", i->paid);
	jw_int(&t->w, "credited_minor", i->credited);
	jw_int(&t->w, "due_minor", due);
	snprintf(url, sizeof(url), "https://pay.example/%s", i->id);
	jw_str(&t->w, "payment_url", url);
	jw_end_object(&t->w);
}

/* --- deliveries -------------------------------------------------------------------------------------------------------------- */

struct delivery {
	struct sim *sim;
	struct sim_invoice *invoice; /* NULL: of a debtor */
	const char *stream, *text;
	bool raw;
	bool opens; /* says that something is still owed: dropped once the story took another turn */
};

/* What stands behind this member in compact JSON; NULL: it is not there. */
static const char *named(struct arena *arena, const char *text, const char *member)
{
	const char *at = strstr(text, member);

	return at ? arena_printf(arena, "%.*s", (int)strcspn(at + strlen(member), "\""), at + strlen(member)) : NULL;
}

const char *book_stream(struct sim *sim, const char *stream, const char *text)
{
	struct book *book = sim->book;
	const char *debtor;

	if (sim->weather.partitions == 1)
		return stream;
	debtor = named(book->arena, text, "\"customer_id\":\"");
	if (!debtor)
		debtor = named(book->arena, text, "\"customer\":{\"id\":\"");
	return debtor ? arena_printf(book->arena, "dunning:{%u}%s", partition_of(debtor, (uint32_t)sim->weather.partitions), strchr(stream, '}') + 1) : stream;
}

static void deliver(void *arg)
{
	struct delivery *d = arg;
	struct sim *sim = d->sim;

	if (d->invoice && d->invoice->turned && d->opens)
		return;
	d->stream = book_stream(sim, d->stream, d->text);
	if (!redis_add(sim->redis, d->stream, d->text, d->raw)) { /* the producer tries again */
		sim_after(sim, NULL, rng_range(&sim->world, 100, 3000), true, deliver, NULL, d);
		return;
	}
	sim_note(sim, "event: %.150s", d->text + (strstr(d->text, "\"type\"") ? strstr(d->text, "\"type\"") - d->text : 0));
	judge_event_added(sim->judge, d->stream, d->text, d->raw);
	redis_entry_added(sim->redis, d->stream);
}

static struct delivery *delivery_new(struct sim *sim, struct sim_invoice *invoice, const char *stream, const char *text)
{
	struct delivery *d = arena_alloc(sim->book->arena, sizeof(*d));

	*d = (struct delivery){ .sim = sim, .invoice = invoice, .stream = stream, .text = text };
	return d;
}

static const char *stream_for(struct sim *sim)
{
	static const char *const streams[] = { "dunning:{0}:events", "dunning:{0}:events:billing", "dunning:{0}:events:bank" };

	return streams[rng_range(&sim->world, 0, 2)];
}

/* Into the calendar: mostly at once, sometimes hours late, sometimes twice. */
static void tell(struct sim *sim, struct sim_invoice *invoice, int64_t at, bool opens, const char *text)
{
	struct delivery *d = delivery_new(sim, invoice, stream_for(sim), text);
	int64_t delay = rng_range(&sim->world, 0, 5000);

	if (sim->mode != MODE_LIFE) {
		order_add(sim, at, text);
		return;
	}
	d->opens = opens;
	if (rng_chance(&sim->world, sim->weather.late))
		delay = rng_range(&sim->world, 0, rng_chance(&sim->world, 300000) ? 3 * DAY_MS : 2 * HOUR_MS);
	sim_at_wall(sim, at + delay, deliver, NULL, d);
	if (rng_chance(&sim->world, sim->weather.twice)) {
		struct delivery *again = delivery_new(sim, invoice, rng_chance(&sim->world, 500000) ? d->stream : stream_for(sim),
			text);

		again->opens = opens;
		sim_at_wall(sim, at + delay + rng_range(&sim->world, 0, rng_chance(&sim->world, 500000) ? MINUTE_MS : 5 * DAY_MS),
			deliver, NULL, again);
	}
}

void book_tell(struct sim *sim, const char *stream, int64_t at, const char *text)
{
	sim_at_wall(sim, at, deliver, NULL, delivery_new(sim, NULL, stream, text));
}

void book_resend(struct sim *sim, const char *stream, const char *text, bool raw)
{
	struct delivery *d = delivery_new(sim, NULL, arena_strdup(sim->book->arena, stream),
		arena_strdup(sim->book->arena, text));

	d->raw = raw;
	sim_after(sim, NULL, rng_range(&sim->world, 0, 8000), true, deliver, NULL, d);
}

/* --- one invoice's events ------------------------------------------------------------------------------------------------------ */

static char *finalized(struct book *book, const struct sim_invoice *i, int64_t at)
{
	struct text t;

	begin_event(book, &t, "invoice.finalized", NULL, at);
	write_invoice(&t, i);
	write_customer(&t, i->debtor);
	return end_event(book, &t);
}

static char *updated(struct book *book, const struct sim_invoice *i, int64_t at)
{
	struct text t;

	begin_event(book, &t, "invoice.updated", NULL, at);
	write_invoice(&t, i);
	jw_str(&t.w, "customer_id", i->debtor->id);
	return end_event(book, &t);
}

/* A fact about an invoice: type, and the members that it may need. */
static char *fact(struct book *book, const struct sim_invoice *i, int64_t at, const char *type, const char *id_key, int id,
	int64_t amount, date until)
{
	struct text t;
	char text[64];

	begin_event(book, &t, type, NULL, at);
	jw_str(&t.w, "invoice_id", i->id);
	if (book->next_event % 3 || book->all_named)
		jw_str(&t.w, "customer_id", i->debtor->id);
	if (id_key) {
		snprintf(text, sizeof(text), "%s-%s-%d", id_key, i->id, id);
		jw_str(&t.w, id_key, text);
	}
	if (amount) {
		jw_int(&t.w, "amount_minor", amount);
		jw_int(&t.w, "after_version", i->version);
	}
	if (amount && id_key && id % 3 == 0 && strcmp(id_key, "payment_id") == 0)
		jw_int(&t.w, "fee_minor", 1000 + id); /* paid for late fees beside it: it must never count for the invoice */
	if (date_is_set(until))
		jw_str(&t.w, "until_on", date_format(until, text));
	return end_event(book, &t);
}

static date day_of(const struct sim_invoice *i, int64_t at, int32_t plus)
{
	const struct zone *zone;

	if (zone_get(places[i->debtor->place].zone, &zone) < 0)
		abort();
	return date_add_days(zone_date(zone, at), plus);
}

/* What a list of open invoices has of it from now on. */
static void moved(struct sim *sim, struct sim_invoice *i, int64_t at)
{
	i->history = arena_grow(sim->book->arena, i->history, i->history_count, &i->history_capacity, sizeof(*i->history));
	i->history[i->history_count++] = (struct sim_figures){ at, i->voided ? 0 : i->total - i->paid - i->credited, i->version };
}

static void pay(struct sim *sim, struct sim_invoice *i, int64_t at, bool all)
{
	struct book *book = sim->book;
	int64_t open = i->total - i->paid - i->credited, amount = all ? open : rng_range(&sim->world, 1, open - 1);
	bool credit = rng_chance(&sim->world, 150000);

	if (open <= 1)
		return;
	if (all && sim->weather.lists && rng_chance(&book->silent, 150000)) { /* only the next list shows it */
		i->paid += open;
		moved(sim, i, at);
		return;
	}
	if (all && rng_chance(&sim->world, 300000)) {
		i->paid += open;
		moved(sim, i, at);
		tell(sim, i, at, false, fact(book, i, at - (book->next_event % 5 ? 0 : 40 * DAY_MS) /* a value date */, "invoice.paid", NULL, 0, 0, date_none()));
		return;
	}
	tell(sim, i, at, false,
		fact(book, i, at, credit ? "credit_note.issued" : "invoice.payment_received",
			credit ? "credit_note_id" : "payment_id", ++i->facts, amount, date_none()));
	if (credit)
		i->credited += amount;
	else
		i->paid += amount;
	i->version++;
	moved(sim, i, at);
	if (rng_chance(&sim->world, 600000))
		tell(sim, i, at + rng_range(&sim->world, 0, DAY_MS), !all, updated(book, i, at + 1));
}

/*
 * Two instalments; both are paid in time, or the story goes on and who knows. Some are mistyped, and nobody amends them. One plan an invoice: the
 * judge knows no more.
 */
static int64_t agree_plan(struct sim *sim, struct sim_invoice *i, int64_t at)
{
	struct book *book = sim->book;
	int64_t open = i->total - i->paid - i->credited, first = rng_range(&sim->world, 1, open - 1), second = open - first;
	bool mistyped = rng_chance(&sim->world, 150000);
	char a[DATE_TEXT_SIZE], b[DATE_TEXT_SIZE];
	struct text t;

	date_format(day_of(i, at, (int32_t)rng_range(&sim->world, 5, 12)), a);
	date_format(day_of(i, at, (int32_t)rng_range(&sim->world, 18, 25)), b);
	begin_event(book, &t, "payment_plan.agreed", NULL, at);
	jw_str(&t.w, "invoice_id", i->id);
	if (book->all_named)
		jw_str(&t.w, "customer_id", i->debtor->id);
	jw_str(&t.w, "plan_id", i->id);
	jw_array(&t.w, "instalments");
	for (int k = 0; k < 2; k++) {
		jw_object(&t.w, NULL);
		jw_str(&t.w, "due_on", k ? b : a);
		jw_int(&t.w, "amount_minor", !k ? first : mistyped ? second / 2 + 1 : second);
		jw_end_object(&t.w);
	}
	jw_end_array(&t.w);
	tell(sim, i, at, false, end_event(book, &t));
	i->plan = true;
	if (rng_chance(&sim->world, 400000))
		return at + rng_range(&sim->world, 8 * DAY_MS, 30 * DAY_MS);
	for (int k = 0; k < 2; k++) {
		at += k ? rng_range(&sim->world, DAY_MS, 12 * DAY_MS) : rng_range(&sim->world, HOUR_MS, 4 * DAY_MS);
		tell(sim, i, at, false, fact(book, i, at, "invoice.payment_received", "payment_id", ++i->facts, k ? second : first, date_none()));
		i->paid += k ? second : first;
		i->version++;
		moved(sim, i, at);
	}
	return INT64_MAX;
}

/* One turn of an invoice's story; gives the time of the next. */
static int64_t turn(struct sim *sim, struct sim_invoice *i, int64_t at)
{
	struct book *book = sim->book;
	int64_t end;
	int id = ++i->facts;

	switch (rng_range(&sim->world, 0, 12)) {
	case 12:
		if (i->total - i->paid - i->credited > 100 && !i->plan)
			return agree_plan(sim, i, at);
		return at + DAY_MS;
	case 0:
	case 1:
		pay(sim, i, at, false);
		return at + rng_range(&sim->world, HOUR_MS, 10 * DAY_MS);
	case 2:
	case 3:
		pay(sim, i, at, true);
		return INT64_MAX;
	case 4:
		if (rng_chance(&sim->world, 400000)) {
			i->voided = true;
			moved(sim, i, at);
			tell(sim, i, at, false, fact(book, i, at, "invoice.voided", NULL, 0, 0, date_none()));
			return INT64_MAX;
		}
		return at + DAY_MS;
	case 5:
	case 6:
		end = at + rng_range(&sim->world, HOUR_MS, 12 * DAY_MS);
		tell(sim, i, at, false, fact(book, i, at, "dispute.opened", "dispute_id", id, 0, date_none()));
		tell(sim, i, end, false, fact(book, i, end, "dispute.resolved", "dispute_id", id, 0, date_none()));
		return end + rng_range(&sim->world, HOUR_MS, 10 * DAY_MS);
	case 7:
		tell(sim, i, at, false, fact(book, i, at, "promise.made", "promise_id", id, 0,
			day_of(i, at, (int32_t)rng_range(&sim->world, 0, 9))));
		if (rng_chance(&sim->world, 200000)) {
			end = at + rng_range(&sim->world, HOUR_MS, 4 * DAY_MS);
			tell(sim, i, end, false, fact(book, i, end, "promise.withdrawn", "promise_id", id, 0, date_none()));
		}
		return at + rng_range(&sim->world, DAY_MS, 14 * DAY_MS);
	case 8:
		tell(sim, i, at, false, fact(book, i, at, "invoice.payment_announced", "announcement_id", id, 0,
			rng_chance(&sim->world, 500000) ? day_of(i, at, 3) : date_none()));
		return at + rng_range(&sim->world, 8 * DAY_MS, 14 * DAY_MS);
	case 9:
		end = at + rng_range(&sim->world, HOUR_MS, 6 * DAY_MS);
		tell(sim, i, at, false, fact(book, i, at, "invoice.delivery_failed", NULL, 0, 0, date_none()));
		tell(sim, i, end, false, fact(book, i, end, "invoice.sent", NULL, 0, 0, date_none()));
		return end + rng_range(&sim->world, DAY_MS, 8 * DAY_MS);
	case 10:
		tell(sim, i, at, false, fact(book, i, at, "invoice.viewed", NULL, 0, 0, date_none()));
		return at + rng_range(&sim->world, HOUR_MS, 5 * DAY_MS);
	default:
		i->version++;
		moved(sim, i, at);
		tell(sim, i, at, true, updated(book, i, at));
		return at + rng_range(&sim->world, HOUR_MS, 5 * DAY_MS);
	}
}

static void live_invoice(struct sim *sim, struct sim_invoice *i, int64_t at, int64_t last)
{
	bool tale = rng_chance(&sim->world, 700000); /* the others are just never paid, unless for an offer: sim_offers.c */

	i->quiet = !tale;
	moved(sim, i, at);
	tell(sim, i, at, false, finalized(sim->book, i, at));
	at += rng_range(&sim->world, MINUTE_MS, 20 * DAY_MS);
	while (tale && at < last)
		at = turn(sim, i, at);
}

/* --- turns that were not written beforehand ---------------------------------------------------------------------------------------- */

void book_money(struct sim *sim, struct sim_invoice *i, const char *type, int id, int64_t amount, int64_t at)
{
	struct book *book = sim->book;
	int64_t now = sim_wall(sim);
	bool back = strcmp(type, "invoice.payment_reversed") == 0, credit = strcmp(type, "credit_note.issued") == 0;
	char *text = fact(book, i, now, type, credit ? "credit_note_id" : "payment_id", id, amount, date_none()), when[UTC_TEXT_SIZE];

	if (!back && !credit && at < now) /* told late: the end of `data` and of the event stand behind it */
		text = arena_printf(book->arena, "%.*s,\"paid_at\":\"%s\"}}", (int)strlen(text) - 2, text, utc_format(at, when));
	tell(sim, i, now, false, text);
	if (credit)
		i->credited += amount;
	else
		i->paid += back ? -amount : amount;
	i->version++;
	moved(sim, i, now);
	if (back || rng_chance(&sim->offers, 600000)) /* what went back is a question until the figures say it, too */
		tell(sim, i, now + rng_range(&sim->offers, 0, DAY_MS), true, updated(book, i, now + 1));
}

void book_says(struct sim *sim, struct sim_invoice *i, const char *text)
{
	tell(sim, i, sim_wall(sim), false, arena_strdup(sim->book->arena, text));
}

/* --- a debtor's own events ----------------------------------------------------------------------------------------------------- */

static char *of_debtor(struct book *book, const struct sim_debtor *d, int64_t at, const char *type, int64_t until,
	const char *channel, const char *reply)
{
	struct text t;
	char when[UTC_TEXT_SIZE];

	begin_event(book, &t, type, NULL, at);
	jw_str(&t.w, "customer_id", d->id);
	if (until)
		jw_str(&t.w, "until", utc_format(until, when));
	jw_opt_str(&t.w, "channel", channel);
	jw_opt_str(&t.w, "reply_id", reply);
	return end_event(book, &t);
}

static void live_debtor(struct sim *sim, struct sim_debtor *d, int64_t last)
{
	struct book *book = sim->book;
	int64_t at = sim->begin + rng_range(&sim->world, DAY_MS, 30 * DAY_MS);
	struct text t;

	while (at < last) {
		switch (rng_range(&sim->world, 0, 5)) {
		case 0:
			d->address++;
			begin_event(book, &t, "customer.updated", NULL, at);
			write_customer(&t, d);
			tell(sim, NULL, at, false, end_event(book, &t));
			break;
		case 1:
			tell(sim, NULL, at, false, of_debtor(book, d, at, "customer.paused",
				at + rng_range(&sim->world, HOUR_MS, 10 * DAY_MS), NULL, NULL));
			break;
		case 2:
			tell(sim, NULL, at, false, of_debtor(book, d, at, "customer.paused", 0, NULL, NULL));
			at += rng_range(&sim->world, HOUR_MS, 6 * DAY_MS);
			tell(sim, NULL, at, false, of_debtor(book, d, at, "customer.resumed", 0, NULL, NULL));
			break;
		case 3:
			if (rng_chance(&sim->world, 250000))
				tell(sim, NULL, at, false, of_debtor(book, d, at, "customer.opted_out", 0, "email", NULL));
			break;
		default:
			break;
		}
		at += rng_range(&sim->world, DAY_MS, 40 * DAY_MS);
	}
}

/* What no parser can take; some still name an invoice, which must then rest. */
static void live_malformed(struct sim *sim, int64_t last)
{
	struct book *book = sim->book;

	for (int n = 0; n < 12; n++) {
		struct sim_invoice *i = &book->invoices[rng_range(&sim->world, 0, (int64_t)book->invoice_count - 1)];
		int64_t at = rng_range(&sim->world, sim->begin, last);
		struct delivery *d;
		struct text t;
		const char *text;

		if (!rng_chance(&sim->world, sim->weather.malformed))
			continue;
		switch (n % 4) {
		case 0:
			begin_event(book, &t, "invoice.payment_received", NULL, at);
			jw_str(&t.w, "invoice_id", i->id);
			jw_str(&t.w, "amount_minor", "twelve");
			text = end_event(book, &t);
			break;
		case 1:
			begin_event(book, &t, "invoice.shredded", NULL, at);
			jw_str(&t.w, "invoice_id", i->id);
			text = end_event(book, &t);
			break;
		case 2:
			text = "{\"specversion\":\"1.0\",\"id\":";
			break;
		default:
			text = "[\"evnt\",\"x\"]";
			break;
		}
		d = delivery_new(sim, NULL, stream_for(sim), text);
		d->raw = n % 4 == 3;
		sim_at_wall(sim, at, deliver, NULL, d);
	}
}

/* --- at the worst moment ---------------------------------------------------------------------------------------------------------- */

/* Their address is another one from now on; or they want no more mail, where there is another channel. */
static void move_away(struct sim *sim, struct sim_debtor *d, int64_t delay)
{
	struct book *book = sim->book;
	int64_t at = sim_wall(sim);
	const char *event;
	struct text t;

	if (sim->policy->steps[0].has_fallback && rng_chance(&book->moving, 400000)) {
		event = of_debtor(book, d, at, "customer.opted_out", 0, "email", NULL);
	} else {
		d->address++;
		begin_event(book, &t, "customer.updated", NULL, at);
		write_customer(&t, d);
		event = end_event(book, &t);
	}
	sim->provoked++;
	sim_after(sim, NULL, delay, true, deliver, NULL, delivery_new(sim, NULL, "dunning:{0}:events", event));
}

/* stream NULL: any. */
static void provoke(struct sim *sim, const struct message *message, const char *stream, int64_t delay)
{
	struct book *book = sim->book;
	struct sim_invoice *i = NULL;
	int64_t at = sim_wall(sim);
	const char *id;
	char *text;
	struct delivery *d;

	if (!message->invoice_count)
		return;
	id = message->invoice_ids[rng_range(&sim->world, 0, (int64_t)message->invoice_count - 1)];
	for (size_t k = 0; k < book->invoice_count; k++)
		if (strcmp(book->invoices[k].id, id) == 0)
			i = &book->invoices[k];
	if (!i || i->turned)
		return;
	if (rng_chance(&book->moving, 300000)) {
		move_away(sim, i->debtor, delay);
		return;
	}
	switch (rng_range(&sim->world, 0, 6)) {
	case 0:
		text = fact(book, i, at, "invoice.paid", NULL, 0, 0, date_none());
		i->turned = true;
		break;
	case 1:
		text = fact(book, i, at, "invoice.payment_received", "payment_id", 1000 + ++i->facts, i->total, date_none());
		i->turned = true;
		break;
	case 2:
		text = fact(book, i, at, "invoice.voided", NULL, 0, 0, date_none());
		i->turned = true;
		break;
	case 3:
		text = fact(book, i, at, "dispute.opened", "dispute_id", 1000 + ++i->facts, 0, date_none());
		tell(sim, i, at + rng_range(&sim->world, HOUR_MS, 4 * DAY_MS), false,
			fact(book, i, at + 1, "dispute.resolved", "dispute_id", 1000 + i->facts, 0, date_none()));
		break;
	case 4:
		text = of_debtor(book, i->debtor, at, "customer.paused", at + rng_range(&sim->world, HOUR_MS, 3 * DAY_MS), NULL,
			NULL);
		break;
	case 5:
		text = fact(book, i, at, "promise.made", "promise_id", 1000 + ++i->facts, 0, day_of(i, at, 2));
		break;
	default:
		text = of_debtor(book, i->debtor, at, "customer.opted_out", 0, "email", NULL);
		if (!rng_chance(&sim->world, 200000))
			return;
		break;
	}
	sim->provoked++;
	d = delivery_new(sim, NULL, stream ? stream : stream_for(sim), text);
	sim_after(sim, NULL, delay, true, deliver, NULL, d);
}

void book_provoke(struct sim *sim, const struct message *message, int64_t delay)
{
	provoke(sim, message, NULL, delay);
}

static void pause_one(struct sim *sim, const char *but, const char *stream, int64_t span, int64_t delay)
{
	const struct sim_debtor *debtor = &sim->book->debtors[rng_range(&sim->world, 0, (int64_t)sim->book->debtor_count - 1)];
	int64_t at = sim_wall(sim);

	if (but && strcmp(debtor->id, but) == 0)
		return;
	sim_after(sim, NULL, delay, true, deliver, NULL,
		delivery_new(sim, NULL, stream, of_debtor(sim->book, debtor, at, "customer.paused", at + span, NULL, NULL)));
}

void book_provoke_any(struct sim *sim, int64_t delay)
{
	struct book *book = sim->book;
	const struct sim_debtor unheard = { .id = arena_printf(book->arena, "cus_new_%llu", (unsigned long long)book->next_event + 1) };
	int64_t at = sim_wall(sim);

	if (rng_chance(&sim->world, 500000)) /* of whom nothing is at hand */
		sim_after(sim, NULL, delay, true, deliver, NULL, delivery_new(sim, NULL, stream_for(sim),
			of_debtor(book, &unheard, at, "customer.paused", at + HOUR_MS, NULL, NULL)));
	else
		pause_one(sim, NULL, stream_for(sim), HOUR_MS, delay);
}

void book_provoke_last(struct sim *sim, const struct message *message, int64_t delay)
{
	const char *stream = stream_for(sim);

	for (int64_t n = rng_range(&sim->world, CROWD_MAX / 4, CROWD_MAX); n > 0; n--)
		pause_one(sim, message->debtor_id, stream, MINUTE_MS, delay);
	provoke(sim, message, stream, delay);
}

/* --- making it ------------------------------------------------------------------------------------------------------------------------ */

struct book *book_create(struct sim *sim, int debtors, int invoices)
{
	struct book *book = xcalloc(1, sizeof(*book));

	book->all_named = sim->weather.partitions > 1;
	book->arena = arena_create();
	rng_seed(&book->silent, sim->seed, "silent");
	rng_seed(&book->moving, sim->seed, "moving");
	book->debtor_count = (size_t)debtors;
	book->debtors = arena_alloc(book->arena, book->debtor_count * sizeof(*book->debtors));
	book->invoice_count = (size_t)invoices;
	book->invoices = arena_alloc(book->arena, book->invoice_count * sizeof(*book->invoices));
	for (size_t i = 0; i < book->debtor_count; i++) {
		struct sim_debtor *d = &book->debtors[i];

		d->id = arena_printf(book->arena, "cus_%02zu", i);
		d->name = arena_printf(book->arena, "Customer %zu", i);
		d->place = (size_t)rng_range(&sim->world, 0, PLACES_OF_LIFE - 1);
		d->phone = rng_chance(&sim->world, 500000);
	}
	for (size_t i = 0; i < book->invoice_count; i++) {
		struct sim_invoice *v = &book->invoices[i];

		v->id = arena_printf(book->arena, "inv_%03zu", i);
		v->debtor = &book->debtors[rng_range(&sim->world, 0, debtors - 1)];
		v->total = rng_range(&sim->world, 2000, 900000);
		v->version = 1;
	}
	return book;
}

void book_mix(struct sim *sim, struct rng *rng)
{
	static const char *const kinds[] = { "company", "company", "sole_trader", "consumer", "consumer", "public" };

	for (size_t i = 0; i < sim->book->debtor_count; i++) {
		struct sim_debtor *d = &sim->book->debtors[i];

		d->place = (size_t)rng_range(rng, rng_chance(rng, 300000) ? PLACES_OF_LIFE : 0, (int64_t)ARRAY_LEN(places) - 1);
		d->kind = kinds[rng_range(rng, 0, (int64_t)ARRAY_LEN(kinds) - 1)];
		d->zone_unknown = rng_chance(rng, 250000);
		d->country_unknown = rng_chance(rng, 100000);
		d->phone = rng_chance(rng, 800000);
		d->no_email = d->phone && rng_chance(rng, 150000);
		d->owner = rng_chance(rng, 500000);
		d->parent = rng_chance(rng, 200000);
	}
}

void book_schedule(struct sim *sim)
{
	struct book *book = sim->book;
	int64_t last = sim->calm_at - 3 * DAY_MS;

	for (size_t k = 0; k < book->invoice_count; k++) {
		struct sim_invoice *i = &book->invoices[k];
		int64_t at = sim->begin + rng_range(&sim->world, 0, (last - sim->begin) * 6 / 10);
		int64_t terms = rng_range(&sim->world, 0, 9) ? rng_range(&sim->world, 5, 25) : -rng_range(&sim->world, 1, 40);

		i->issued_on = day_of(i, at, terms < 0 ? (int32_t)terms - 10 : 0);
		i->due_on = day_of(i, at, (int32_t)terms);
		live_invoice(sim, i, at, last);
	}
	for (size_t k = 0; k < book->debtor_count; k++)
		live_debtor(sim, &book->debtors[k], last);
	if (sim->mode == MODE_LIFE)
		live_malformed(sim, last);
}

const char *book_zone(const struct book *book, const char *debtor_id)
{
	for (size_t i = 0; i < book->debtor_count; i++)
		if (strcmp(book->debtors[i].id, debtor_id) == 0)
			return book->debtors[i].zone_unknown ? SIM_CREDITOR_ZONE : places[book->debtors[i].place].zone;
	return "UTC";
}

const char *book_place_zone(const struct sim_debtor *debtor)
{
	return places[debtor->place].zone;
}

const char *book_place_country(const struct sim_debtor *debtor)
{
	return places[debtor->place].country;
}

const char *book_country(const struct book *book, const char *debtor_id)
{
	for (size_t i = 0; i < book->debtor_count; i++)
		if (strcmp(book->debtors[i].id, debtor_id) == 0)
			return places[book->debtors[i].place].country;
	return "";
}

void book_destroy(struct book *book)
{
	if (!book)
		return;
	arena_free(book->arena);
	free(book);
}
