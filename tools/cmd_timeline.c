/* What happened to one invoice, in order: its facts and steps out of its document, and what was told to others in the outbound stream. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/page.h"
#include "common/utc.h"
#include "tools/cmd.h"

#define PAGE "1000"

struct happening {
	int64_t at;
	size_t order; /* of those at one instant */
	const char *what, *detail, *id;
};

struct timeline {
	struct ctl *ctl;
	const struct entry *entry;
	struct happening *items;
	size_t count, capacity;
};

static void add(struct timeline *t, int64_t at, const char *what, const char *detail, const char *id)
{
	t->items = arena_grow(t->ctl->arena, t->items, t->count, &t->capacity, sizeof(*t->items));
	t->items[t->count] = (struct happening){ at, t->count, what, detail, id };
	t->count++;
}

static bool told(const struct timeline *t, const char *what, const char *id)
{
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->items[i].what, what) == 0 && t->items[i].id && id && strcmp(t->items[i].id, id) == 0)
			return true;
	return false;
}

/* --- the outbound stream --------------------------------------------------------------------------------------------------------- */

static const char *member(const struct json *object, const char *key)
{
	struct json v = json_get(object, key);

	return json_str(&v);
}

static bool concerns(const struct json *data, const char *subject, const char *invoice_id)
{
	struct json invoices = json_get(data, "invoices");
	const char *one = member(data, "invoice_id");

	if (subject && strncmp(subject, "invoice/", 8) == 0 && strcmp(subject + 8, invoice_id) == 0)
		return true;
	if (one && strcmp(one, invoice_id) == 0)
		return true;
	for (size_t i = 0; i < json_len(&invoices); i++) {
		struct json id = json_at(&invoices, i);

		if (json_str(&id) && strcmp(json_str(&id), invoice_id) == 0)
			return true;
	}
	return false;
}

/* The words of an outbound event that a person wants to see, in this order. */
static const char *details(struct arena *arena, const struct json *data, const struct zone *zone)
{
	static const char *const keys[] = { "kind", "step", "channel", "reason", "result", "policy", "provider", "tracking", "attempt", "task" };
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct json until = json_get(data, "until"), shadow = json_get(data, "shadow");

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const char *text = member(data, keys[i]);

		if (text && strcmp(keys[i], "attempt") == 0)
			buf_printf(&out, "%sattempt %s", out.len ? ", " : "", text);
		else if (text)
			buf_printf(&out, "%s%s", out.len ? ", " : "", text);
	}
	if (until.type == JSON_INT && json_int(&until))
		buf_printf(&out, "%suntil %s", out.len ? ", " : "", view_time(arena, json_int(&until), zone));
	if (json_bool(&shadow))
		buf_printf(&out, "%s%s", out.len ? ", " : "", CTL_TRIAL);
	return arena_strdup(arena, buf_str(&out));
}

static void add_event(struct timeline *t, const char *text, size_t len, const char *invoice_id)
{
	struct arena *arena = t->ctl->arena;
	struct json *root = arena_alloc(arena, sizeof(*root)), *data = arena_alloc(arena, sizeof(*data));
	const char *type, *time, *id;
	int64_t at;

	if (!memmem(text, len, invoice_id, strlen(invoice_id)) || json_parse(arena, text, len, 0, root, NULL) < 0)
		return;
	type = member(root, "type");
	time = member(root, "time");
	*data = json_get(root, "data");
	if (!type || !time || utc_parse(time, &at) < 0 || !concerns(data, member(root, "subject"), invoice_id))
		return;
	id = member(data, "attempt");
	if (!id)
		id = member(data, "step");
	add(t, at, type, details(arena, data, t->entry->zone), id);
}

/* The number before the dash in the id of the first entry of a range, 0 = none; and the time of its event. */
static int probe(struct timeline *t, struct arena *arena, const char *command, const char *stream, const char *from, const char *to,
	uint64_t *number, int64_t *at)
{
	const struct redis_reply *reply, *fields;
	struct json root;
	int r = ctl_ask(t->ctl, arena, &reply, command, stream, from, to, "COUNT", "1", NULL);

	*number = 0;
	*at = 0;
	if (r != 0 || !reply->count || reply->items[0].count != 2)
		return r;
	fields = &reply->items[0].items[1];
	*number = strtoull(reply->items[0].items[0].str, NULL, 10);
	if (fields->count == 2 && json_parse(arena, fields->items[1].str, fields->items[1].len, 0, &root, NULL) == 0 && member(&root, "time"))
		(void)utc_parse(member(&root, "time"), at);
	return 0;
}

/* Ids count the daemon's groups, which are in the order of time: where the invoice's story begins is found by halving. */
static int find_beginning(struct timeline *t, struct arena *arena, const char *stream, char *from, size_t size)
{
	int64_t opened = t->entry->e.opened_at, at;
	uint64_t low, high;
	int r = probe(t, arena, "XRANGE", stream, "-", "+", &low, &at);

	if (r == 0)
		r = probe(t, arena, "XREVRANGE", stream, "+", "-", &high, &at);
	if (r != 0 || !opened)
		return r;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2, found;

		arena_clear(arena);
		r = probe(t, arena, "XRANGE", stream, arena_printf(arena, "%" PRIu64, middle), "+", &found, &at);
		if (r != 0)
			return r;
		if (at < opened - DAY_MS) /* a day for clocks that were set */
			low = found > middle ? found : middle + 1;
		else
			high = middle;
	}
	snprintf(from, size, "%" PRIu64, low);
	return 0;
}

static int read_outbound(struct timeline *t, const char *invoice_id)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct keyspace keys = ctl_keys(t->ctl, t->entry->partition);
	const char *stream = key_of(t->ctl->arena, &keys, "outbound");
	char from[80] = "-";
	int r = find_beginning(t, arena, stream, from, sizeof(from));

	if (r != 0)
		return r;
	for (;;) {
		const struct redis_reply *reply;

		arena_clear(arena);
		r = ctl_ask(t->ctl, arena, &reply, "XRANGE", stream, from, "+", "COUNT", PAGE, NULL);
		if (r != 0 || !reply->count)
			return r;
		for (size_t i = 0; i < reply->count; i++) {
			const struct redis_reply *one = &reply->items[i];

			if (one->count == 2 && one->items[1].count == 2)
				add_event(t, one->items[1].items[1].str, one->items[1].items[1].len, invoice_id);
			snprintf(from, sizeof(from), "(%s", one->count ? one->items[0].str : "");
		}
	}
}

/* --- the document: what an outbound stream that was trimmed no longer tells ------------------------------------------------------ */

static void add_facts(struct timeline *t)
{
	const struct invoice *invoice = &t->entry->e.invoice;
	struct arena *arena = t->ctl->arena;

	if (invoice->known)
		add(t, invoice->order.time, "invoice", arena_printf(arena, "%s, version %lld", invoice_status_names[invoice->snapshot.status],
			(long long)invoice->order.version), NULL);
	for (size_t i = 0; i < invoice->fact_count; i++) {
		const struct fact *f = &invoice->facts[i];
		char text[64];

		if (f->amount && invoice->known) {
			struct money money = { .minor = f->amount };

			memcpy(money.currency, invoice->snapshot.currency, sizeof(money.currency));
			money_plain(money, text, sizeof(text));
			add(t, f->order.time, fact_names[f->kind], arena_printf(arena, "%s %s, %s%s", text, money.currency, f->id,
				f->ended ? ", withdrawn" : ""), NULL);
		} else {
			add(t, f->order.time, fact_names[f->kind], arena_printf(arena, "%s%s%s%s%s%s", f->id, f->ended ? ", ended" : "",
				f->reason ? ", " : "", f->reason ? f->reason : "",
				date_is_set(f->until_on) ? arena_printf(arena, ", until %s", date_format(f->until_on, text)) : "",
				page_said_here(f) ? ", said on the page" : ""), NULL);
		}
	}
}

static void add_walk(struct timeline *t)
{
	const struct escalation *e = &t->entry->e;

	for (size_t i = 0; i < e->walk_count; i++) {
		const struct walked *w = &e->walk[i];
		const char *reason = w->reason && strcmp(w->reason, WALKED_SHADOW) == 0 ? CTL_TRIAL : w->reason,
			   *detail = reason ? arena_printf(t->ctl->arena, "%s, %s", w->step, reason) : w->step;

		if (w->end == STEP_SKIPPED && !told(t, "contact.skipped", w->step))
			add(t, w->at, "contact.skipped", detail, w->step);
		if (w->end == STEP_DONE)
			add(t, w->at, "step.done", detail, w->step);
		if (w->end == STEP_SENT && !told(t, "contact.submitted", w->attempt) && !told(t, "contact.reconciled", w->attempt))
			add(t, w->at, "contact.submitted", arena_printf(t->ctl->arena, "%s, attempt %s", detail, w->attempt ? w->attempt : "?"),
				w->attempt);
	}
	if (e->opened_at && !told(t, "escalation.opened", NULL)) {
		bool opened = false, closed = false;

		for (size_t i = 0; i < t->count; i++) {
			opened |= strcmp(t->items[i].what, "escalation.opened") == 0;
			closed |= strcmp(t->items[i].what, "escalation.closed") == 0;
		}
		if (!opened)
			add(t, e->opened_at, "escalation.opened", e->policy, NULL);
		if (e->closed_at && !closed)
			add(t, e->closed_at, "escalation.closed", e->closed, NULL);
	}
}

static int by_time(const void *a, const void *b)
{
	const struct happening *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static const struct column columns[] = { { "at", "WHEN", false }, { "what", "WHAT", false }, { "detail", "DETAIL", false }, { 0 } };

static int run_timeline(struct ctl *ctl, const struct invocation *call)
{
	struct table *table = table_create(ctl->arena, columns);
	struct entry entry;
	struct timeline t = { .ctl = ctl, .entry = &entry };
	int r = entry_find(ctl, ctl->arena, call->args[0], &entry);

	if (r != 0)
		return r;
	add_facts(&t);
	r = read_outbound(&t, call->args[0]);
	if (r != 0)
		return r;
	add_walk(&t);
	qsort(t.items, t.count, sizeof(*t.items), by_time);
	for (size_t i = 0; i < t.count; i++) {
		const struct happening *h = &t.items[i];

		/* Fixed widths: a line looks the same whatever comes after it, so that two timelines can be compared. */
		view_say(&ctl->view, h->detail && *h->detail ? "%-31s %-25s %s" : "%-31s %s%s",
			view_time(ctl->arena, h->at, entry.zone), h->what, h->detail ? h->detail : "");
		table_add(table, (struct cell[]){ cell_time(h->at, entry.zone), cell_text(h->what), cell_text(h->detail) });
	}
	if (ctl->view.json)
		view_table(&ctl->view, table, "");
	return EXIT_DONE;
}

const struct command cmd_timeline = { .name = "timeline", .args = "INVOICE", .min_args = 1, .max_args = 1,
	.help = "what happened to one invoice, in order",
	.more = "Out of its document and the outbound stream, as long as that goes back. The whole and proven history is\n"
		"dunningctl trail log INVOICE.",
	.run = run_timeline };
