#include "common/case_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/note.h"
#include "common/tlog_proof.h"
#include "common/utc.h"

struct reading {
	const struct bundle *bundle;
	struct arena *arena;
	struct case_file *file;
	/* the record under way */
	struct json record;
	struct case_place place;
	const char *kind;
	bool system;
	const char *generation; /* folder of it, "g1/"; "" */
};

static int64_t number(const struct json *object, const char *key)
{
	struct json v = json_get(object, key);

	return json_int(&v);
}

static bool is(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static bool begins(const char *text, const char *with)
{
	return text && strncmp(text, with, strlen(with)) == 0;
}

/* --- whose record it is --------------------------------------------------------------------------- */

/* "call:<invoice>:<step>" and the like: the id between colons. */
static bool task_of(const char *target, const char *invoice)
{
	const char *at = target ? strchr(target, ':') : NULL;
	size_t len = strlen(invoice);

	return at && strncmp(at + 1, invoice, len) == 0 && (at[1 + len] == ':' || at[1 + len] == '\0');
}

bool case_concerns(const struct json *record, const char *invoice)
{
	struct json invoices = json_get(record, "invoices");

	if (is(json_text(record, "invoice"), invoice) || is(json_text(record, "held_invoice"), invoice) || is(json_text(record, "target"), invoice) ||
		task_of(json_text(record, "target"), invoice) || task_of(json_text(record, "task"), invoice))
		return true;
	for (size_t i = 0; i < json_len(&invoices); i++) {
		struct json one = json_at(&invoices, i);

		if (is(json_str(&one), invoice))
			return true;
	}
	return false;
}

bool case_names_invoice(const struct json *record)
{
	struct json invoices = json_get(record, "invoices");

	return json_text(record, "invoice") || json_text(record, "held_invoice") || json_text(record, "target") || json_text(record, "task") || json_len(&invoices);
}

/* --- parts ---------------------------------------------------------------------------------------- */

/* The part's bytes; NULL: withheld, erased, or the record names none of that name (*closed false then). */
static const struct bundle_file *part(struct reading *r, const char *name, bool *closed)
{
	struct json parts = json_get(&r->record, "parts");
	const struct bundle_file *file = bundle_find(r->bundle, arena_printf(r->arena, "%s/parts/%s", r->place.folder, name));

	*closed = false;
	for (size_t i = 0; i < json_len(&parts) && !file; i++) {
		struct json one = json_at(&parts, i);

		*closed |= is(json_text(&one, "name"), name);
	}
	return file;
}

static struct json part_json(struct reading *r, const char *name, bool *closed)
{
	const struct bundle_file *file = part(r, name, closed);
	struct json *ret = arena_alloc(r->arena, sizeof(*ret)); /* what is read out of it points to it */

	if (file && json_parse(r->arena, (const char *)file->data.data, file->data.len, 0, ret, NULL) < 0)
		*ret = (struct json){ 0 };
	return *ret;
}

static void count_closed_parts(struct reading *r)
{
	struct json parts = json_get(&r->record, "parts");

	for (size_t i = 0; i < json_len(&parts); i++) {
		struct json one = json_at(&parts, i);
		bool closed;

		if (json_text(&one, "name") && !part(r, json_text(&one, "name"), &closed))
			r->file->closed_parts++;
	}
}

/* --- contacts ------------------------------------------------------------------------------------- */

static struct case_contact *contact_of(struct reading *r, const char *attempt)
{
	for (size_t i = r->file->contact_count; attempt && i-- > 0;)
		if (is(r->file->contacts[i].attempt, attempt))
			return &r->file->contacts[i];
	return NULL;
}

/* One for each attempt, however many invoices it is about. What was cancelled and released again is the same one, as it left at last. */
static struct case_contact *contact_add(struct reading *r, const char *attempt)
{
	struct case_file *f = r->file;
	struct json invoices = json_get(&r->record, "invoices");
	struct case_contact *c = contact_of(r, attempt);
	const char **ids = arena_alloc(r->arena, (json_len(&invoices) + 1) * sizeof(*ids));

	if (!c) {
		f->contacts = arena_grow(r->arena, f->contacts, f->contact_count, &f->contact_capacity, sizeof(*f->contacts));
		c = &f->contacts[f->contact_count++];
	}
	*c = (struct case_contact){ .place = r->place, .attempt = attempt, .invoices = ids, .step = json_text(&r->record, "step") };
	for (size_t i = 0; i < json_len(&invoices); i++) {
		struct json one = json_at(&invoices, i);

		if (json_str(&one))
			ids[c->invoice_count++] = json_str(&one);
	}
	return c;
}

static void read_intent(struct reading *r)
{
	struct case_contact *c = contact_add(r, json_text(&r->record, "attempt"));
	struct json rule = json_get(&r->record, "rule"), shadow = json_get(&r->record, "shadow"), recipient, message;

	c->channel = json_text(&r->record, "channel");
	c->provider = json_text(&r->record, "provider");
	c->locale = json_text(&r->record, "locale");
	c->shadow = json_bool(&shadow);
	if (json_text(&rule, "zone"))
		r->file->zone = json_text(&rule, "zone");
	recipient = part_json(r, "recipient.json", &c->recipient_closed);
	c->name = json_text(&recipient, "name");
	c->address = json_text(&recipient, "address");
	message = part_json(r, "message.json", &c->message_closed);
	if (message.node && message_read(&message, r->arena, &c->message, NULL) == 0 && c->message.from.name)
		r->file->creditor = c->message.from.name;
}

/* "Print and post, registered: Dupont SARL, 12 rue X, 69002 Lyon, FR": where the letter went. */
static void read_house(struct case_contact *c, struct arena *arena)
{
	const char *at = strstr(c->message.text, ": "), *end = at ? strchr(at, '\n') : NULL;

	if (end)
		c->address = arena_printf(arena, "%.*s", (int)(end - at - 2), at + 2);
}

static void read_call(struct reading *r)
{
	bool opened = is(r->kind, "task.opened");
	struct case_contact *c = opened ? contact_add(r, json_text(&r->record, "task")) : contact_of(r, json_text(&r->record, "task"));
	const struct bundle_file *script;

	if (!c)
		return;
	c->channel = is(json_text(&r->record, "task_kind"), "post") ? "letter" : "call";
	if (opened) {
		script = part(r, "script.txt", &c->message_closed);
		if (script)
			c->message.text = arena_printf(r->arena, "%.*s", (int)script->data.len, script->data.data);
		if (script && strcmp(c->channel, "letter") == 0)
			read_house(c, r->arena);
		return;
	}
	c->outcome = is(json_text(&r->record, "result"), "done") ? "done" : "cancelled";
	c->content_place = c->place;
	c->place = r->place;
}

/* What came of a call, in the words of whoever made it, before its task is closed. */
static void read_phone(struct reading *r)
{
	struct case_contact *c = contact_of(r, json_text(&r->record, "task"));
	const struct bundle_file *notes;
	bool closed;

	if (!c)
		return;
	notes = part(r, "notes.txt", &closed);
	c->note = notes ? arena_printf(r->arena, "%.*s", (int)notes->data.len, notes->data.data) : NULL;
	c->by = json_text(&r->record, "who");
}

/* What a person said of a letter that was posted stands in the command, and of a call in older records. */
static void read_command(struct reading *r)
{
	struct case_contact *c = is(json_text(&r->record, "command"), "task_done") ? contact_of(r, json_text(&r->record, "target")) : NULL;

	if (!c)
		return;
	c->note = json_text(&r->record, "why");
	c->by = json_text(&r->record, "who");
}

static const struct {
	const char *kind, *outcome;
} outcomes[] = { { "attempt.submitted", "accepted" }, { "attempt.failed", "failed" }, { "attempt.in_doubt", "in_doubt" },
	{ "attempt.unknown", "unknown" }, { "attempt.reconciled", "accepted" }, { "attempt.cancelled", "cancelled" } };

static void read_outcome(struct reading *r)
{
	struct case_contact *c = contact_of(r, json_text(&r->record, "attempt"));

	for (size_t i = 0; i < ARRAY_LEN(outcomes) && c; i++) {
		if (!is(r->kind, outcomes[i].kind))
			continue;
		c->outcome = is(json_text(&r->record, "reason"), "never_sent") ? "cancelled" : outcomes[i].outcome;
		c->outcome_place = r->place;
		c->reason = json_text(&r->record, "reason");
		if (json_text(&r->record, "provider_id"))
			c->provider_id = json_text(&r->record, "provider_id");
		c->status = number(&r->record, "status");
	}
}

/* What the provider told later: it names the attempt, or the id that it had given itself. */
static void read_receipt(struct reading *r)
{
	bool closed;
	struct json event = part_json(r, "event.json", &closed), data = json_get(&event, "data");
	const char *status = json_text(&data, "status") ? json_text(&data, "status") : json_text(&data, "state");
	const char *attempt = json_text(&data, "attempt_id") ? json_text(&data, "attempt_id") :
		json_text(&data, "attempt") ? json_text(&data, "attempt") : json_text(&r->record, "attempt");
	struct json unverified = json_get(&r->record, "unverified");
	int64_t at = number(&r->record, "event_time");
	int rank = DELIVERY_COUNT - 1;

	while (rank > 0 && !is(delivery_names[rank], json_text(&r->record, "delivery")))
		rank--;
	if (json_bool(&unverified))
		return; /* anybody may have said so */
	for (size_t i = 0; i < r->file->contact_count && status; i++) {
		struct case_contact *c = &r->file->contacts[i];

		if (!is(c->attempt, attempt) && !is(c->provider_id, json_text(&data, "provider_id")))
			continue;
		if (json_text(&r->record, "tracking"))
			c->tracking = json_text(&r->record, "tracking");
		if (rank != c->receipt_rank && !delivery_counts((enum delivery_state)rank, at, (enum delivery_state)c->receipt_rank, c->receipt_at))
			continue;
		c->receipt_rank = rank;
		c->receipt_at = at;
		c->receipt = status;
		c->receipt_place = r->place;
	}
}

/* --- account -------------------------------------------------------------------------------------- */

static struct case_invoice *invoice_of(struct reading *r, const char *id)
{
	struct case_file *f = r->file;

	for (size_t i = 0; i < f->invoice_count; i++)
		if (is(f->invoices[i].id, id))
			return &f->invoices[i];
	f->invoices = arena_grow(r->arena, f->invoices, f->invoice_count, &f->invoice_capacity, sizeof(*f->invoices));
	f->invoices[f->invoice_count] = (struct case_invoice){ .id = id, .issued_on = date_none(), .due_on = date_none(), .state = { .id = id } };
	return &f->invoices[f->invoice_count++];
}

/* What was accepted for all of it, and until when it must be there. */
static void read_terms(const struct reading *r, struct event *ret)
{
	const char *until = json_text(&r->record, "until_on");

	if (!json_has(&r->record, "accepted_minor"))
		return;
	ret->settles = true;
	ret->amount = number(&r->record, "accepted_minor");
	if (until)
		(void)date_parse(until, &ret->until_on);
}

/* Out of the event as it came; where that is not disclosed, out of what the record says of it. False: it is of no known type. */
static bool read_event(struct reading *r, struct event *ret)
{
	const char *name = json_text(&r->record, "event"), *type;
	const struct bundle_file *file;
	struct json raw, total = json_get(&r->record, "total_minor");
	bool closed;

	*ret = (struct event){ .type = EVENT_TYPE_COUNT, .until_on = date_none() };
	for (size_t i = 0; i < EVENT_TYPE_COUNT && name; i++)
		if (strcmp(event_type_names[i], name) == 0)
			ret->type = (enum event_type)i;
	if (ret->type == EVENT_TYPE_COUNT)
		return false;
	file = part(r, "event.json", &closed);
	raw = part_json(r, "event.json", &closed);
	type = json_text(&raw, "type");
	if (type && strlen(type) >= strlen(name)) {
		const char *prefix = arena_printf(r->arena, "%.*s", (int)(strlen(type) - strlen(name)), type);

		if (event_parse(r->arena, (const char *)file->data.data, file->data.len, prefix, ret, NULL) == 0) {
			if (ret->offer) /* its terms are those of the offer, which the record tells */
				read_terms(r, ret);
			return true;
		}
		*ret = (struct event){ .type = ret->type, .until_on = date_none() };
	}
	ret->id = json_text(&r->record, "event_id") ? json_text(&r->record, "event_id") : "";
	ret->source = json_text(&r->record, "event_source") ? json_text(&r->record, "event_source") : "";
	ret->time = ret->at = number(&r->record, "event_time");
	ret->order = (struct fact_order){ number(&r->record, "version"), ret->time, ret->source, ret->id };
	ret->invoice_id = json_text(&r->record, "invoice");
	ret->customer_id = r->file->debtor;
	ret->fact_id = json_text(&r->record, "fact");
	ret->amount = number(&r->record, "amount_minor");
	read_terms(r, ret);
	ret->has_snapshot = total.type == JSON_INT;
	if (ret->has_snapshot) {
		struct snapshot *s = &ret->snapshot;
		const char *currency;

		s->number = json_text(&r->record, "number");
		s->status = INVOICE_OPEN;
		s->issued_on = s->due_on = date_none();
		(void)date_parse(json_text(&r->record, "issued_on") ? json_text(&r->record, "issued_on") : "", &s->issued_on);
		(void)date_parse(json_text(&r->record, "due_on") ? json_text(&r->record, "due_on") : "", &s->due_on);
		currency = json_text(&r->record, "currency"); /* a bundle is anyone's: what is no code would be cut within a character */
		(void)snprintf(s->currency, sizeof(s->currency), "%s", currency && currency_exponent(currency) >= 0 ? currency : "");
		s->total = json_int(&total);
		s->paid = number(&r->record, "paid_minor");
		s->credited = number(&r->record, "credited_minor");
		s->due = number(&r->record, "due_minor");
	}
	return true;
}

static int64_t owed(const struct invoice *invoice, const struct invoice_view *view)
{
	return view->state == STATE_PAID || view->state == STATE_VOID || view->state == STATE_SETTLED || view->state == STATE_UNKNOWN ?
		       0 :
		       invoice->snapshot.total - view->paid - view->credited;
}

static void book(struct reading *r, struct case_invoice *invoice, const char *kind, const char *ref, int64_t amount)
{
	int64_t before = invoice->booking_count ? invoice->bookings[invoice->booking_count - 1].balance : 0;

	if (!amount)
		return;
	invoice->bookings = arena_grow(r->arena, invoice->bookings, invoice->booking_count, &invoice->booking_capacity,
		sizeof(*invoice->bookings));
	invoice->bookings[invoice->booking_count++] =
		(struct case_booking){ .place = r->place, .kind = kind, .ref = ref, .amount = amount, .balance = before + amount };
}

/* The invoice's figures move as the daemon's own rules say; what moved is booked, so that the lines always add up. */
static void read_account(struct reading *r)
{
	struct event *event = arena_alloc(r->arena, sizeof(*event));
	struct invoice_view before, after;
	struct case_invoice *invoice;
	int64_t total, rest;

	if (!read_event(r, event))
		return;
	if (event->has_customer && event->customer.name) {
		r->file->debtor_name = event->customer.name;
		r->file->debtor_country = event->customer.country;
		if (event->customer.timezone)
			r->file->zone = event->customer.timezone;
	}
	if (!event->invoice_id)
		return;
	invoice = invoice_of(r, event->invoice_id);
	before = invoice_view(&invoice->state);
	total = invoice->state.known ? invoice->state.snapshot.total : 0;
	rest = -owed(&invoice->state, &before);
	if (!invoice->state.known)
		before.paid = before.credited = 0;
	(void)invoice_apply(&invoice->state, event, r->arena);
	after = invoice_view(&invoice->state);
	if (!invoice->state.known)
		return;
	rest += owed(&invoice->state, &after);
	rest -= invoice->state.snapshot.total - total - (after.paid - before.paid) - (after.credited - before.credited);
	book(r, invoice, total ? "changed" : "invoice", NULL, invoice->state.snapshot.total - total);
	book(r, invoice, after.paid > before.paid ? "payment" : "payment_reversed", event->fact_id, before.paid - after.paid);
	book(r, invoice, after.credited > before.credited ? "credit" : "credit_voided", event->fact_id, before.credited - after.credited);
	book(r, invoice, after.state == STATE_VOID ? "voided" : after.state == STATE_PAID ? "paid_in_full" : "changed", NULL, rest);
}

static void finish_invoice(struct case_invoice *invoice)
{
	const struct snapshot *s = &invoice->state.snapshot;
	struct invoice_view view = invoice_view(&invoice->state);

	if (!invoice->state.known)
		return;
	invoice->number = s->number;
	invoice->issued_on = s->issued_on;
	invoice->due_on = s->due_on;
	memcpy(invoice->currency, s->currency, sizeof(s->currency));
	invoice->total = s->total;
	invoice->paid = view.paid;
	invoice->credited = view.credited;
	invoice->balance = owed(&invoice->state, &view);
}

/* --- everything else ------------------------------------------------------------------------------ */

/* What explains that nothing was sent. */
static bool silences(const char *kind)
{
	static const char *const kinds[] = { "attempt.skipped", "attempt.deferred", "attempt.cancelled", "hold.", "sending.", "promise.", "dispute.",
		"payment.", "plan.", "settlement.", "consent.withdrawn", "invoice.closed", "stream.gap" };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (begins(kind, kinds[i]))
			return true;
	return false;
}

static const char *text_said(struct reading *r)
{
	bool closed;
	struct json event = part_json(r, "event.json", &closed), data = json_get(&event, "data");
	const char *keys[] = { "text", "note", "reason", "body", "status" };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (json_text(&data, keys[i]))
			return json_text(&data, keys[i]);
	return json_text(&r->record, "why");
}

static void read_entry(struct reading *r)
{
	static const char *const left_out[] = { "case.opened", "attempt.intent", "attempt.submitted", "policy.loaded", "daemon.start", "daemon.stop" };
	struct json invoices = json_get(&r->record, "invoices"), first = json_at(&invoices, 0);
	struct case_file *f = r->file;
	struct case_entry entry = { .place = r->place, .kind = r->kind, .invoice = json_text(&r->record, "invoice"), .step = json_text(&r->record, "step"),
		.until = number(&r->record, "until"), .amount = number(&r->record, "amount_minor"), .silence = silences(r->kind) };
	const char *const reasons[] = { "reason", "hold", "change", "decision", "command", "result", "outcome", "task_kind", "policy_name" };

	for (size_t i = 0; i < ARRAY_LEN(left_out); i++)
		if (is(r->kind, left_out[i]))
			return;
	for (size_t i = 0; i < ARRAY_LEN(reasons) && !entry.reason; i++)
		entry.reason = json_text(&r->record, reasons[i]);
	if (!entry.invoice)
		entry.invoice = json_str(&first);
	if (json_text(&r->record, "until_on")) {
		date until;

		if (date_parse(json_text(&r->record, "until_on"), &until) == 0)
			entry.until = until.days * DAY_MS;
	}
	entry.text = text_said(r);
	f->entries = arena_grow(r->arena, f->entries, f->entry_count, &f->entry_capacity, sizeof(*f->entries));
	f->entries[f->entry_count++] = entry;
}

static void read_closing(struct reading *r)
{
	struct case_invoice *invoice = json_text(&r->record, "invoice") ? invoice_of(r, json_text(&r->record, "invoice")) : NULL;
	const char *change = json_text(&r->record, "change");

	if (invoice && is(r->kind, "invoice.closed"))
		invoice->closed = json_text(&r->record, "reason");
	else if (invoice && change)
		invoice->closed = is(change, "reopened") ? NULL : change;
}

static void read_record(struct reading *r)
{
	const char *kind = r->kind;

	count_closed_parts(r);
	if (is(kind, "daemon.start") && json_text(&r->record, "process_sha256"))
		r->file->process = json_text(&r->record, "process_sha256");
	if (json_text(&r->record, "build"))
		r->file->build = json_text(&r->record, "build");
	if (is(kind, "attempt.intent"))
		read_intent(r);
	else if (begins(kind, "task.") && (is(json_text(&r->record, "task_kind"), "call") || is(json_text(&r->record, "task_kind"), "post")))
		read_call(r);
	else if (is(kind, "operator.command"))
		read_command(r);
	else if (is(kind, "phone.note"))
		read_phone(r);
	else if (is(kind, "attempt.event"))
		read_receipt(r);
	else if (begins(kind, "attempt."))
		read_outcome(r);
	else if (is(kind, "invoice.closed") || (is(kind, "invoice.changed") && !json_text(&r->record, "event")))
		read_closing(r);
	if (json_text(&r->record, "event"))
		read_account(r);
	read_entry(r);
}

/* --- the bundle ----------------------------------------------------------------------------------- */

/* Over several generations each log is named; in one it is the newest. */
static void add_origin(struct reading *r, const char *origin)
{
	const char *there = r->file->origin;

	if (!r->generation[0] || !there)
		r->file->origin = origin;
	else if (!strstr(there, origin))
		r->file->origin = arena_printf(r->arena, "%s, %s", there, origin);
}

static void note_place(struct reading *r)
{
	const struct bundle_file *file = bundle_find(r->bundle, arena_printf(r->arena, "%s/leaf.tlog-proof", r->place.folder));
	struct tlog_proof *proof = arena_alloc(r->arena, sizeof(*proof));
	struct checkpoint checkpoint;
	struct note note;

	r->place.proof = "?";
	if (!file || tlog_proof_parse(file->data.data, file->data.len, proof) < 0 ||
		note_parse(proof->checkpoint.data, proof->checkpoint.len, &note) < 0 ||
		checkpoint_parse(note.text.data, note.text.len, &checkpoint) < 0)
		return;
	add_origin(r, arena_memdup(r->arena, checkpoint.origin.data, checkpoint.origin.len));
	r->place.proof = arena_memdup(r->arena, checkpoint.origin.data, checkpoint.origin.len);
	r->place.proof = strrchr(r->place.proof, '/');
	r->place.proof = arena_printf(r->arena, "%s%s-%" PRIu64, r->generation, r->place.proof ? r->place.proof + 1 : "", proof->index);
}

static int read_folder(struct reading *r, const char *folder, struct err *err)
{
	const struct bundle_file *file = bundle_find(r->bundle, arena_printf(r->arena, "%s/record.json", folder));

	r->place = (struct case_place){ .folder = folder };
	note_place(r);
	if (!r->system)
		r->file->records++;
	if (!file) {
		r->file->closed_records += !r->system;
		return 0;
	}
	if (json_parse(r->arena, (const char *)file->data.data, file->data.len, 0, &r->record, err) < 0 ||
		!(r->kind = json_text(&r->record, "kind")) || !json_text(&r->record, "time") || utc_parse(json_text(&r->record, "time"), &r->place.at) < 0)
		return err_set(err, -EBADMSG, "record", folder, "%s/record.json is no record", folder);
	if (!r->system) {
		if (!r->file->debtor)
			r->file->debtor = json_text(&r->record, "case");
		if (!r->file->first_at)
			r->file->first_at = r->place.at;
		r->file->last_at = r->place.at;
	}
	read_record(r);
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct case_entry *one = a, *other = b;

	if (one->place.at != other->place.at)
		return one->place.at < other->place.at ? -1 : 1;
	return strcmp(one->place.folder, other->place.folder); /* records/ before system/ */
}

static int by_date(const void *a, const void *b)
{
	const struct case_contact *one = a, *other = b;

	if (one->place.at != other->place.at)
		return one->place.at < other->place.at ? -1 : 1;
	return strcmp(one->place.folder, other->place.folder);
}

/* Calls that nobody made and messages that never left are no contacts; that they were owed stands among the entries. */
static void order_contacts(struct case_file *f)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->contact_count; i++) {
		const struct case_contact *c = &f->contacts[i];

		if (is(c->outcome, "cancelled") || (is(c->channel, "call") && !c->outcome))
			continue;
		f->contacts[kept++] = *c;
	}
	f->contact_count = kept;
	if (kept)
		qsort(f->contacts, kept, sizeof(*f->contacts), by_date);
}

/* The folder of a generation that a path begins with, as its number; 0: none. */
static unsigned generation_of(const char *path)
{
	char *end;
	unsigned long number = path[0] == 'g' ? strtoul(path + 1, &end, 10) : 0;

	return number && *end == '/' ? (unsigned)number : 0;
}

/* Where the records of a bundle lie: "", or "g1/" and so on for several generations, by number. NULL behind the last. */
static const char **generation_folders(const struct bundle *bundle)
{
	const char **ret = NULL;
	size_t count = 0, capacity = 0;
	unsigned last = 0, next = 1;

	while (bundle_find(bundle, "generations") && next) {
		next = 0;
		for (size_t i = 0; i < bundle->count; i++) {
			unsigned number = generation_of(bundle->files[i].path);

			if (number > last && (!next || number < next))
				next = number;
		}
		last = next;
		ret = arena_grow(bundle->arena, ret, count, &capacity, sizeof(*ret));
		ret[count++] = next ? arena_printf(bundle->arena, "g%u/", next) : NULL;
	}
	if (!count) {
		ret = arena_alloc(bundle->arena, 2 * sizeof(*ret));
		ret[0] = "";
	}
	return ret;
}

static int read_generation(struct reading *r, const char *generation, struct err *err)
{
	const char *kind = r->system ? "system" : "records";
	int result = 0;

	r->generation = generation;
	for (size_t i = 1; result == 0; i++) {
		const char *folder = arena_printf(r->arena, "%s%s/%04zu", generation, kind, i);

		if (!bundle_find(r->bundle, arena_printf(r->arena, "%s/leaf", folder)))
			break;
		result = read_folder(r, folder, err);
	}
	return result;
}

int case_file_read(const struct bundle *bundle, struct case_file *ret, struct err *err)
{
	struct reading r = { .bundle = bundle, .arena = bundle->arena, .file = ret };
	const char **generations = generation_folders(bundle);
	int result = 0;

	*ret = (struct case_file){ .zone = "UTC" };
	for (int k = 0; k < 2; k++) {
		r.system = k == 1;
		for (size_t i = 0; generations[i] && result == 0; i++)
			result = read_generation(&r, generations[i], err);
	}
	if (result < 0)
		return result;
	for (size_t g = 0; generations[g]; g++) {
		const struct bundle_file *only = bundle_find(bundle, arena_printf(r.arena, "%scase/invoice", generations[g]));
		const char *logs = arena_printf(r.arena, "%slog/", generations[g]);

		if (only)
			ret->invoice = arena_printf(r.arena, "%.*s", (int)only->data.len - 1, (const char *)only->data.data);
		for (size_t i = 0; i < bundle->count; i++) {
			const char *path = bundle->files[i].path, *ending = strrchr(path, '.');

			ret->stamps += begins(path, logs) && is(ending, ".tsr");
			ret->witnesses += begins(path, logs) && is(ending, ".cosigned");
		}
	}
	order_contacts(ret);
	for (size_t i = 0; i < ret->invoice_count; i++)
		finish_invoice(&ret->invoices[i]);
	if (ret->entry_count)
		qsort(ret->entries, ret->entry_count, sizeof(*ret->entries), by_time);
	return 0;
}
