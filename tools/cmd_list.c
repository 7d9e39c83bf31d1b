/* The book as it stands: list, and the whole of one invoice. */
#include <stdlib.h>
#include <string.h>

#include "common/utc.h"
#include "tools/cmd.h"

/* --- list ----------------------------------------------------------------------------------------------------------------------- */

#define LIST_LIMIT 200
#define PAGE 500
#define LIST_MOST 1000000

struct listed { /* copied out of the page's arena */
	int64_t at;
	const struct cell *cells;
};

struct listing {
	const char *state, *debtor;
	bool all, held;
	struct listed *rows;
	size_t count, capacity;
	size_t limit; /* 0 = none */
};

static const struct column list_columns[] = {
	{ "invoice", "INVOICE", false }, { "number", "NUMBER", false }, { "customer", "CUSTOMER", false }, { "state", "STATE", false },
	{ "due_on", "DUE", false }, { "balance", "BALANCE", true }, { "action", "NEXT", false }, { "step", "STEP", false },
	{ "why", "WHY", false }, { "at", "WHEN", false }, { "policy", NULL, false }, { 0 },
};

static bool wanted(const struct listing *l, const struct entry *entry, const struct verdict *verdict)
{
	if (l->state ? strcmp(escalation_state_names[entry->e.state], l->state) != 0 : !l->all && !entry_open(entry))
		return false;
	if (l->held && verdict->next.kind != NEXT_HELD)
		return false;
	return !l->debtor || (entry->e.invoice.debtor_id && strcmp(entry->e.invoice.debtor_id, l->debtor) == 0);
}

static struct cell kept(struct ctl *ctl, const char *text)
{
	return cell_text(arena_strdup(ctl->arena, text));
}

static int list_page(struct ctl *ctl, struct arena *arena, struct entry *entries, size_t count, void *arg)
{
	struct listing *l = arg;

	(void)arena;
	for (size_t i = 0; i < count; i++) {
		const struct entry *entry = &entries[i];
		const struct invoice *invoice = &entry->e.invoice;
		struct verdict verdict = entry_next(ctl, entry);
		bool closed = entry->e.state == ESCALATION_CLOSED;
		int64_t at = closed ? entry->e.closed_at : verdict.next.at;

		if (!wanted(l, entry, &verdict))
			continue;
		l->rows = arena_grow(ctl->arena, l->rows, l->count, &l->capacity, sizeof(*l->rows));
		l->rows[l->count++] = (struct listed){ at, arena_memdup(ctl->arena,
			(struct cell[]){ kept(ctl, invoice->id), kept(ctl, invoice->snapshot.number), kept(ctl, invoice->debtor_id),
				cell_text(escalation_state_names[entry->e.state]), cell_date(invoice->known ? invoice->snapshot.due_on : date_none()),
				invoice->known ? cell_money(invoice_view(invoice).balance, arena_strdup(ctl->arena, invoice->snapshot.currency)) :
						 cell_none(),
				cell_text(closed ? "closed" : verdict_action(&verdict)), kept(ctl, verdict_step(entry, &verdict)),
				kept(ctl, closed ? entry->e.closed : verdict.next.why), cell_time(at, entry->zone),
				kept(ctl, entry->e.policy) },
			(ARRAY_LEN(list_columns) - 1) * sizeof(struct cell)) };
	}
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return strcmp(x->cells[0].text, y->cells[0].text);
}

static void bad_document(const char *invoice_id, const struct err *err, void *arg)
{
	(void)arg;
	fprintf(stderr, "dunningctl: the document of invoice %s is not one of ours: %s %s\n", invoice_id, err->path, err->text);
}

static int read_limit(struct ctl *ctl, const char *text, size_t *ret)
{
	char *end;
	unsigned long n;

	if (!text)
		return 0;
	n = strtoul(text, &end, 10);
	if (*end || text[0] < '0' || text[0] > '9' || n > LIST_MOST)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "--limit wants a number up to %d, not \"%s\"", LIST_MOST, text);
	*ret = n;
	return 0;
}

static int sooner(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* So many match, counted from the `before`-th on, that what the daemon looks at later than *at comes after them. */
static bool enough(const struct listing *l, size_t before, int64_t *at)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	size_t n = l->count - before;
	int64_t *times = arena_alloc(arena, (n + 1) * sizeof(*times));

	if (!l->limit || n <= l->limit)
		return false;
	for (size_t i = 0; i < n; i++)
		times[i] = l->rows[before + i].at;
	qsort(times, n, sizeof(*times), sooner);
	*at = times[l->limit];
	return true;
}

/* `timers`: ids, each with when it is looked at. */
static int list_ids(struct ctl *ctl, uint32_t partition, struct listing *l, size_t before, const struct redis_reply *timers)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	size_t n = timers->count / 2, at = 0;
	int64_t until;
	int r = 0;

	while (r == 0 && at < n && !(enough(l, before, &until) && strtod(timers->items[2 * at + 1].str, NULL) > (double)until)) {
		size_t some = n - at < PAGE ? n - at : PAGE, count;
		struct entry *entries;
		const char **ids;

		arena_clear(arena);
		entries = arena_alloc(arena, some * sizeof(*entries));
		ids = arena_alloc(arena, some * sizeof(*ids));
		for (size_t i = 0; i < some; i++)
			ids[i] = timers->items[2 * (at + i)].str;
		r = entries_load(ctl, arena, partition, ids, some, entries, &count, bad_document, NULL);
		if (r == 0)
			r = list_page(ctl, arena, entries, count, l);
		at += some;
	}
	return r;
}

/*
 * Those with a timer, soonest first, until enough match: a large book is not read as a whole. Their ids are read at once, since ranks
 * change while a daemon works. It also looks when nothing is done but tell others: who is looked at later may be written to sooner.
 */
static int list_timers(struct ctl *ctl, uint32_t partition, struct listing *l)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct keyspace keys = ctl_keys(ctl, partition);
	const char *due = key_of(arena, &keys, "due");
	bool filtered = l->held || l->state;
	const char *most = l->limit && !filtered ? arena_printf(arena, "%zu", l->limit) : "-1"; /* one more than asked for */
	const struct redis_reply *timers;
	size_t before = l->count;
	int64_t until;
	int r = ctl_ask(ctl, arena, &timers, "ZRANGE", due, "0", most, "WITHSCORES", NULL);

	if (r == 0)
		r = list_ids(ctl, partition, l, before, timers);
	if (r != 0 || filtered || !enough(l, before, &until))
		return r;
	l->count = before; /* once more, with those that are looked at before the last of these is written to */
	r = ctl_ask(ctl, arena, &timers, "ZRANGE", due, "-inf", arena_printf(arena, "%lld", (long long)until), "BYSCORE", "WITHSCORES", NULL);
	return r == 0 ? list_ids(ctl, partition, l, before, timers) : r;
}

/* The debtor's document names its open invoices. */
static int list_customer(struct ctl *ctl, struct listing *l)
{
	uint32_t partition = partition_of(l->debtor, ctl_partitions(ctl));
	struct keyspace keys = ctl_keys(ctl, partition);
	const struct redis_reply *reply;
	struct entry *entries;
	struct debtor d;
	struct err err = { 0 };
	size_t count;
	int r = ctl_ask(ctl, ctl->arena, &reply, "GET", key_debtor(ctl->arena, &keys, l->debtor), NULL);

	if (r != 0)
		return r;
	if (reply->type != REDIS_STRING)
		return ctl_fail(ctl, EXIT_FOUND, "unknown_customer", "no customer %s is known", l->debtor);
	if (debtor_read(ctl->arena, reply->str, reply->len, &d, &err) < 0)
		return ctl_fail(ctl, EXIT_FOUND, "not_ours", "the document of customer %s is not one of ours: %s %s", l->debtor, err.path,
			err.text);
	entries = arena_alloc(ctl->arena, (d.open_count + 1) * sizeof(*entries));
	r = entries_load(ctl, ctl->arena, partition, d.open, d.open_count, entries, &count, bad_document, NULL);
	return r == 0 ? list_page(ctl, ctl->arena, entries, count, l) : r;
}

static int gather(struct ctl *ctl, struct listing *l)
{
	bool whole = l->all || (l->state && (strcmp(l->state, "closed") == 0 || strcmp(l->state, "stub") == 0));
	int r = 0;

	if (l->debtor && !whole)
		return list_customer(ctl, l);
	for (uint32_t p = 0; r == 0 && p < ctl_partitions(ctl); p++)
		r = whole ? entries_scan(ctl, p, list_page, bad_document, l) : list_timers(ctl, p, l);
	return r;
}

static int run_list(struct ctl *ctl, const struct invocation *call)
{
	struct listing l = { .state = command_option(call, "state"), .debtor = command_option(call, "customer"),
		.all = command_option(call, "all"), .held = command_option(call, "held"), .limit = LIST_LIMIT };
	struct table *table = table_create(ctl->arena, list_columns);
	bool known = !l.state;
	size_t i;
	int r;

	for (int s = 0; l.state && s < ESCALATION_STATE_COUNT; s++)
		known |= strcmp(escalation_state_names[s], l.state) == 0;
	if (!known)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "there is no state \"%s\": stub, waiting, sending, in_doubt, task, gate, closed",
			l.state);
	r = read_limit(ctl, command_option(call, "limit"), &l.limit);
	if (r == 0)
		r = ctl_config(ctl, false);
	if (r == 0)
		r = gather(ctl, &l);
	if (r != 0)
		return r;
	if (l.count)
		qsort(l.rows, l.count, sizeof(*l.rows), by_time);
	for (i = 0; i < l.count && (!l.limit || table_rows(table) < l.limit); i++)
		if (i == 0 || strcmp(l.rows[i].cells[0].text, l.rows[i - 1].cells[0].text) != 0) /* a scan may give a key twice */
			table_add(table, l.rows[i].cells);
	view_table(&ctl->view, table, "No invoice matches.");
	if (i < l.count)
		ctl_warn(ctl, "there are more: --limit 0 shows all");
	return EXIT_DONE;
}

static const struct option_row list_options[] = {
	{ "all", NULL, "closed ones and stubs too" },
	{ "state", "STATE", "those in one state: waiting, sending, in_doubt, task, gate, closed, stub" },
	{ "held", NULL, "those that are held" },
	{ "customer", "CUSTOMER", "those of one customer" },
	{ "limit", "N", "so many at most, 0 for all (200)" },
	{ 0 },
};

const struct command cmd_list = { .name = "list", .args = "", .max_args = 0, .help = "the invoices being walked, soonest action first",
	.options = list_options, .run = run_list };

/* --- show ------------------------------------------------------------------------------------------------------------------------- */

static const struct column walk_columns[] = { { "step", "STEP", false }, { "end", "END", false }, { "reason", "REASON", false },
	{ "at", "WHEN", false }, { "proof", "ATTEMPT OR TASK", false }, { "delivery", "TOLD SINCE", false }, { "said", NULL, false }, { 0 } };
static const struct column fact_columns[] = { { "fact", "FACT", false }, { "id", "ID", false }, { "state", "STATE", false },
	{ "amount", "AMOUNT", true }, { "at", "WHEN", false }, { "until_on", "UNTIL", false }, { "source", "SOURCE", false }, { 0 } };
static const struct column hold_columns[] = { { "reason", "HOLD", false }, { "since", "SINCE", false }, { "until", "UNTIL", false },
	{ "who", "WHO", false }, { "why", "WHY", false }, { 0 } };
static const struct column contact_columns[] = { { "id", "CONTACT", false }, { "role", "ROLE", false }, { "name", "NAME", false },
	{ "email", "EMAIL", false }, { "phone", "PHONE", false }, { "external", "OUTSIDE", false }, { "allowed_until", "ALLOWED UNTIL", false },
	{ "allowed_by", NULL, false }, { 0 } };

static struct table *walk_table(struct ctl *ctl, const struct entry *entry)
{
	static const char *const ends[] = { [STEP_SENT] = "sent", [STEP_DONE] = "done", [STEP_SKIPPED] = "skipped" };
	struct table *t = table_create(ctl->arena, walk_columns);

	for (size_t i = 0; i < entry->e.walk_count; i++) {
		const struct walked *w = &entry->e.walk[i];
		const struct contact_made *made = entry->d ? debtor_contact_made(entry->d, w->attempt) : NULL;

		table_add(t, (struct cell[]){ cell_text(w->step), cell_text(ends[w->end]), cell_text(w->reason),
				      cell_time(w->at, entry->zone), cell_text(w->attempt),
				      made && made->delivery ? cell_text(delivery_names[made->delivery]) : cell_none(), cell_text(w->said) });
	}
	return t;
}

/* NULL: every one that was sent reached somebody, or was meant to. */
static const char *trial_words(struct ctl *ctl, const struct escalation *e)
{
	size_t count = 0;

	for (size_t i = 0; i < e->walk_count; i++)
		count += e->walk[i].reason && strcmp(e->walk[i].reason, WALKED_SHADOW) == 0;
	return count ? arena_printf(ctl->arena, "%zu step%s walked in shadow mode: " CTL_TRIAL, count, count == 1 ? "" : "s") : NULL;
}

static struct table *fact_table(struct ctl *ctl, const struct entry *entry)
{
	struct table *t = table_create(ctl->arena, fact_columns);
	const struct invoice *invoice = &entry->e.invoice;
	const char *currency = invoice->known ? invoice->snapshot.currency : "";

	for (size_t i = 0; i < invoice->fact_count; i++) {
		const struct fact *f = &invoice->facts[i];

		table_add(t, (struct cell[]){ cell_text(fact_names[f->kind]), cell_text(f->id), cell_text(f->ended ? "ended" : "in force"),
				      f->amount ? *currency ? cell_money(f->amount, currency) : cell_number(f->amount) : cell_none(),
				      cell_time(f->at ? f->at : f->order.time, entry->zone), cell_date(f->until_on),
				      cell_text(f->order.source) });
	}
	return t;
}

static struct table *hold_table(struct ctl *ctl, const struct entry *entry)
{
	struct table *t = table_create(ctl->arena, hold_columns);

	for (size_t i = 0; i < entry->e.hold_count; i++) {
		const struct hold_entry *h = &entry->e.holds[i];

		if (h->until > ctl->now)
			table_add(t, (struct cell[]){ cell_text(h->reason), cell_time(h->since, entry->zone),
					      cell_time(h->until, entry->zone), cell_text(h->who), cell_text(h->why) });
	}
	return t;
}

/* The word of a person that lets this outsider be written to now; NULL = there is none. */
static const struct allowed *allowed_now(const struct ctl *ctl, const struct debtor *d, const struct contact *c)
{
	for (size_t i = 0; c->external && debtor_allows(d, c, ctl->now) && i < d->allowed_count; i++)
		if (strcmp(d->allowed[i].contact, c->id) == 0)
			return &d->allowed[i];
	return NULL;
}

static struct table *contact_table(struct ctl *ctl, const struct debtor *d)
{
	struct table *t = table_create(ctl->arena, contact_columns);

	for (size_t i = 0; d && i < d->customer.contact_count; i++) {
		const struct contact *c = &d->customer.contacts[i];
		const struct allowed *allowed = allowed_now(ctl, d, c);

		table_add(t, (struct cell[]){ cell_text(c->id), cell_text(c->role), cell_text(c->name), cell_text(c->email),
				      cell_text(c->phone), cell_flag(c->external), allowed ? cell_date(allowed->last_on) : cell_none(),
				      cell_text(allowed ? allowed->who : NULL) });
	}
	return t;
}

static const char *opt_outs(struct ctl *ctl, const struct debtor *d)
{
	const char *list = NULL;

	for (int i = 0; d && i < CHANNEL_COUNT; i++)
		if (d->opt_out[i].on)
			list = list ? arena_printf(ctl->arena, "%s, %s", list, channel_names[i]) : channel_names[i];
	return list;
}

static const char *dead_addresses(struct ctl *ctl, const struct debtor *d)
{
	const char *list = NULL;

	for (size_t i = 0; d && i < d->address_count; i++)
		if (d->addresses[i].dead)
			list = arena_printf(ctl->arena, "%s%s%s (%s)", list ? list : "", list ? ", " : "", d->addresses[i].address,
				channel_names[d->addresses[i].channel]);
	return list;
}

static void add_figures(struct ctl *ctl, struct fields *f, const struct entry *entry)
{
	const struct snapshot *s = &entry->e.invoice.snapshot;
	struct invoice_view view = invoice_view(&entry->e.invoice);

	fields_add(f, "number", "Number", cell_text(s->number));
	fields_add(f, "kind", "Kind", cell_text(invoice_kind_names[s->kind]));
	fields_add(f, "status", "Status", cell_text(invoice_status_names[s->status]));
	fields_add(f, "issued_on", "Issued", cell_date(s->issued_on));
	fields_add(f, "due_on", "Due", cell_date(s->due_on));
	fields_add(f, "starts_on", "Work starts", cell_date(s->starts_on));
	fields_add(f, "total", "Total", cell_money(s->total, s->currency));
	fields_add(f, "paid", "Paid", cell_money(view.paid, s->currency));
	fields_add(f, "credited", "Credited", cell_money(view.credited, s->currency));
	fields_add(f, "balance", "Balance", cell_money(view.balance, s->currency));
	fields_add(f, "reconcile", "To be compared", cell_text(escalation_differs(&entry->e, &view, ctl->arena)));
	fields_add(f, "payment_url", "Payment page", cell_text(s->payment_url));
	fields_add(f, "terms", "Terms", cell_text(s->late_fee_ref));
	fields_add(f, "terms_url", "To be read at", cell_text(s->terms_url));
	fields_add(f, "terms_sha256", "Their digest", cell_text(s->terms_sha256));
	fields_add(f, "terms_agreed_on", "Agreed on", cell_date(s->terms_agreed_on));
	fields_add(f, "contract", "Contract", cell_text(s->contract));
	fields_add(f, "purchase_order", "Purchase order", cell_text(s->purchase_order));
	fields_add(f, "delivery_proof", "Proof of delivery", cell_text(s->delivery_proof));
	fields_add(f, "payment_url_until", "Of use until", cell_time(s->payment_url_until, entry->zone));
	fields_add(f, "automatic", "Charged by itself", s->automatic ? cell_flag(true) : cell_none());
}

static int run_show(struct ctl *ctl, const struct invocation *call)
{
	struct fields *f = fields_create(ctl->arena);
	struct entry entry;
	int r = entry_find(ctl, ctl->arena, call->args[0], &entry);
	const struct escalation *e = &entry.e;
	const struct debtor *d;

	if (r != 0)
		return r;
	d = entry.d;
	fields_add(f, "invoice", "Invoice", cell_text(e->invoice.id));
	if (e->invoice.known)
		add_figures(ctl, f, &entry);
	fields_add(f, "state", "State", cell_text(escalation_state_names[e->state]));
	fields_add(f, "closed", "Closed because", cell_text(e->closed));
	fields_add(f, "closed_at", "Closed", cell_time(e->closed_at, entry.zone));
	fields_add(f, "held", "Held", cell_text(e->held));
	fields_add(f, "step", "Step in hand", cell_text(e->step));
	fields_add(f, "attempt", "Attempt", cell_text(e->attempt));
	fields_add(f, "task", "Task", cell_text(e->task));
	fields_add(f, "tries", "Failed tries", e->tries ? cell_number(e->tries) : cell_none());
	fields_add(f, "opened_at", "Opened", cell_time(e->opened_at, entry.zone));
	fields_add(f, "timer", "Looked at next", cell_time(entry.timer, entry.zone));
	fields_add(f, "policy", "Policy", cell_text(e->policy));
	fields_add(f, "policy_digest", "Its version", cell_text(e->policy_digest));
	fields_add(f, "policy_by", "Chosen by", cell_text(e->policy_by));
	fields_add(f, "policy_rule", "By the rule", cell_text(e->policy_rule));
	fields_add(f, "stricter_than", "Stricter than", cell_text(e->reset_from));
	fields_add(f, "note", "Personal note", cell_text(e->note.text));
	fields_add(f, "note_by", "Written by", cell_text(e->note.by));
	fields_add(f, "note_state", "It", e->note.text ? cell_text(e->note.said_at ? "was said" : ctl->now >= e->note.until ? "is too old to be said" :
		"waits for the next message") : cell_none());
	fields_add(f, "note_until", "Of use until", cell_time(e->note.text && !e->note.said_at ? e->note.until : 0, entry.zone));
	fields_add(f, "partition", NULL, cell_number(entry.partition));
	fields_add(f, "customer", "Customer", cell_text(e->invoice.debtor_id));
	fields_add(f, "customer_name", "Name", cell_text(d ? d->customer.name : NULL));
	fields_add(f, "country", "Country", cell_text(d ? d->customer.country : NULL));
	fields_add(f, "zone", "Time zone", cell_text(entry.zone ? zone_name(entry.zone) : NULL));
	fields_add(f, "locale", "Language", cell_text(d ? d->customer.locale : NULL));
	fields_add(f, "opted_out", "Opted out of", cell_text(opt_outs(ctl, d)));
	fields_add(f, "dead_addresses", "Nobody is at", cell_text(dead_addresses(ctl, d)));
	fields_add(f, "paused", "Paused", d && d->paused.on ? cell_flag(true) : cell_none());
	fields_add(f, NULL, "Trial", cell_text(trial_words(ctl, e)));
	fields_table(f, "contacts", "Contacts", contact_table(ctl, d));
	fields_table(f, "holds", "Holds", hold_table(ctl, &entry));
	fields_table(f, "walk", "Steps walked", walk_table(ctl, &entry));
	fields_table(f, "facts", "Facts", fact_table(ctl, &entry));
	view_fields(&ctl->view, f);
	return EXIT_DONE;
}

const struct command cmd_show = { .name = "show", .args = "INVOICE", .min_args = 1, .max_args = 1,
	.help = "all that is known of one invoice and its debtor", .run = run_show };
