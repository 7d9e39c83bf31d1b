/* One stream entry onto the loaded documents: its facts, its record, or the dead letter that it becomes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/migration.h"
#include "common/order.h"
#include "common/reply.h"
#include "common/utc.h"
#include "daemon/flow.h"

#define DEAD_HOLD_MS (72 * HOUR_MS)

/* The record of an applied event. NULL: recorded under its own type's name as `event.applied`. */
static const char *const record_kinds[EVENT_TYPE_COUNT] = {
	[EVENT_INVOICE_FINALIZED] = "invoice.opened",
	[EVENT_INVOICE_UPDATED] = "invoice.changed",
	[EVENT_INVOICE_SENT] = "invoice.changed",
	[EVENT_INVOICE_DELIVERY_FAILED] = "invoice.changed",
	[EVENT_INVOICE_VIEWED] = "invoice.changed",
	[EVENT_INVOICE_PAID] = "payment.confirmed",
	[EVENT_INVOICE_PAYMENT_RECEIVED] = "payment.received",
	[EVENT_INVOICE_PAYMENT_ANNOUNCED] = "payment.announced",
	[EVENT_INVOICE_PAYMENT_FAILED] = "payment.failed",
	[EVENT_INVOICE_PAYMENT_REVERSED] = "payment.reversed",
	[EVENT_INVOICE_VOIDED] = "invoice.changed",
	[EVENT_INVOICE_MARKED_UNCOLLECTIBLE] = "invoice.changed",
	[EVENT_CREDIT_NOTE_ISSUED] = "credit.issued",
	[EVENT_CREDIT_NOTE_VOIDED] = "credit.voided",
	[EVENT_DISPUTE_OPENED] = "dispute.opened",
	[EVENT_DISPUTE_RESOLVED] = "dispute.resolved",
	[EVENT_PROMISE_MADE] = "promise.made",
	[EVENT_PROMISE_WITHDRAWN] = "promise.withdrawn",
	[EVENT_PAYMENT_PLAN_AGREED] = "plan.agreed",
	[EVENT_PAYMENT_PLAN_AMENDED] = "plan.amended",
	[EVENT_PAYMENT_PLAN_CANCELLED] = "plan.cancelled",
	[EVENT_SETTLEMENT_AGREED] = "settlement.agreed",
	[EVENT_FEE_WAIVED] = "fee.waived",
	[EVENT_CUSTOMER_UPDATED] = "customer.changed",
	[EVENT_CUSTOMER_PAUSED] = "customer.changed",
	[EVENT_CUSTOMER_RESUMED] = "customer.changed",
	[EVENT_CUSTOMER_OPTED_OUT] = "consent.withdrawn",
	[EVENT_CUSTOMER_INSOLVENCY_OPENED] = "customer.changed",
	[EVENT_CUSTOMER_INSOLVENCY_ENDED] = "customer.changed",
	[EVENT_CONTACT_REPLY_RECEIVED] = "inbound.message",
	[EVENT_CONTACT_DELIVERY_UPDATED] = "attempt.event",
	[EVENT_CALL_COMPLETED] = "phone.note",
	[EVENT_LETTER_STATUS_UPDATED] = "attempt.event",
	[EVENT_LEDGER_WATERMARK] = "ledger.watermark",
	[EVENT_BOOK_SNAPSHOT] = "book.snapshot",
	[EVENT_OPERATOR_COMMAND] = "operator.command",
};

static void advance(struct dunner *d, struct group *g, const struct entry *entry)
{
	const char *stream = d->read_at[entry->stream].stream;

	if (!g->positions)
		g->positions = arena_alloc(g->arena, d->stream_count * sizeof(*g->positions));
	for (size_t i = 0; i < g->position_count; i++)
		if (g->positions[i].stream == stream) {
			snprintf(g->positions[i].id, STREAM_ID_SIZE, "%s", entry->id);
			return;
		}
	g->positions[g->position_count].stream = stream;
	snprintf(g->positions[g->position_count].id, STREAM_ID_SIZE, "%s", entry->id);
	g->position_count++;
}

void decide_touch_debtor(struct group *g, struct doc *debtor)
{
	debtor->touched = true;
	if (debtor->hinted) /* what opens behind it in this group is looked at itself */
		return;
	debtor->hinted = true;
	for (size_t i = 0; i < debtor->d->open_count; i++) { /* a timer is only a hint to look */
		g->hints = arena_grow(g->arena, g->hints, g->hint_count, &g->hint_capacity, sizeof(*g->hints));
		g->hints[g->hint_count++] = debtor->d->open[i];
	}
}

/*
 * A producer that counts partitions otherwise than we do. What is known of the customer is in another one: taken here, it would be contacted as
 * somebody else, with caps and a will of its own. `dunningctl dead replay` brings it where it belongs.
 */
static int check_place(const struct dunner *d, const struct event *e, const struct doc *invoice, struct err *err)
{
	uint32_t partitions = (uint32_t)d->config->partitions;

	if (partitions == 1)
		return 0;
	if (e->customer_id && partition_of(e->customer_id, partitions) != d->settings.partition)
		return err_set(err, -EBADMSG, "wrong_partition", "$.data.customer.id", "this customer is in partition %u",
			partition_of(e->customer_id, partitions));
	/* Kept here it would wait for an invoice that may well come elsewhere, and be chased there although it is paid. */
	if (e->invoice_id && !e->customer_id && !(invoice && invoice->loaded && invoice->e->invoice.debtor_id))
		return err_set(err, -EBADMSG, "wrong_partition", "$.data.customer_id",
			"it names no customer, and invoice %s is not known in partition %u", e->invoice_id, d->settings.partition);
	return 0;
}

static void hold_dead(struct dunner *d, struct group *g, const char *invoice_id, const char *customer_id)
{
	struct doc *invoice = group_find(d, g, DOC_ESCALATION, invoice_id);
	struct doc *debtor = group_find(d, g, DOC_DEBTOR, customer_id);
	int64_t now = flow_now(d);

	sender_touch(d, customer_id, invoice_id);
	if (invoice && invoice->loaded) {
		struct hold_entry hold = { .reason = "dead_letter", .since = now, .until = now + DEAD_HOLD_MS };

		escalation_hold(invoice->e, g->arena, &hold);
		invoice->touched = true;
	} else if (debtor && debtor->loaded && debtor->existed) {
		debtor->d->dead_letter_until = now + DEAD_HOLD_MS;
		decide_touch_debtor(g, debtor);
	}
}

static void dead_letter(struct dunner *d, struct group *g, struct input *input)
{
	struct dead_letter *dead = arena_alloc(g->arena, sizeof(*dead));
	const struct entry *entry = input->entry;
	struct doc *debtor = group_find(d, g, DOC_DEBTOR, input->event.customer_id);
	struct draft *draft;
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	*dead = (struct dead_letter){ .raw = entry->event ? entry->event : entry->raw,
		.raw_len = entry->event ? entry->len : entry->raw_len, .stream = d->read_at[entry->stream].stream,
		.id = entry->id, .debtor_id = debtor && debtor->loaded && debtor->existed ? input->event.customer_id : NULL,
		.err = &input->err };
	*g->dead_end = dead;
	g->dead_end = &dead->next;
	d->dead++;
	draft = effects_record(&g->fx, "event.dead",
		debtor && debtor->loaded && debtor->existed ? input->event.customer_id : NULL);
	jw_str(&draft->w, "stream_id", entry->id);
	jw_str(&draft->w, "reason", input->err.code);
	jw_str(&draft->w, "path", input->err.path);
	sha256(dead->raw ? dead->raw : "", dead->raw_len, digest);
	jw_str(&draft->w, "sha256", hex_format(digest, SHA256_SIZE, hex));
	jw_opt_str(&draft->w, "held_invoice", input->event.invoice_id);
	jw_opt_str(&draft->w, "held_customer", input->event.customer_id);
	if (strcmp(input->err.code, "wrong_partition") != 0) /* nobody is here whom it could hold, and nobody is made up for it */
		hold_dead(d, g, input->event.invoice_id, input->event.customer_id);
	if (strcmp(input->err.code, "unknown_sender") == 0 && !input->event.unverified)
		decide_unknown_came(d, g);
	for (size_t i = 0; i < input->also_count; i++)
		hold_dead(d, g, input->also[i].invoice_id, input->also[i].customer_id);
	dunner_log(d, LOG_WARNING | MSG(DEAD_LETTER), "inbox: entry %s of %s is dead: %s %s", entry->id, dead->stream, input->err.code,
		input->err.path);
}

static int check_allowed(struct dunner *d, struct group *g, struct input *input)
{
	const struct event *e = &input->event;
	const struct producer *producer = &d->config->producers[input->entry->stream];
	struct doc *invoice = group_find(d, g, DOC_ESCALATION, e->invoice_id);

	if (!(producer->types >> e->type & 1))
		return err_set(&input->err, -EBADMSG, "not_allowed", "$.type", "this producer may not send %s", event_type_names[e->type]);
	if (check_place(d, e, invoice, &input->err) < 0)
		return -EBADMSG;
	if (invoice && invoice->loaded && invoice->e->invoice.debtor_id && e->customer_id &&
		strcmp(invoice->e->invoice.debtor_id, e->customer_id) != 0)
		return err_set(&input->err, -EBADMSG, "customer_mismatch", "$.data.customer.id",
			"this invoice belongs to another customer");
	if (e->has_snapshot && e->snapshot.policy && !library_policy(d->library, e->snapshot.policy))
		return err_set(&input->err, -EBADMSG, "unknown_policy", "$.data.invoice.policy",
			"no policy of that name is loaded");
	if (e->has_customer && e->customer.policy && !library_policy(d->library, e->customer.policy))
		return err_set(&input->err, -EBADMSG, "unknown_policy", "$.data.customer.policy",
			"no policy of that name is loaded");
	if (invoice && invoice->loaded && invoice->e->invoice.fact_count >= INVOICE_FACTS_MAX)
		return err_set(&input->err, -EBADMSG, "too_many_facts", "$.data", "an invoice keeps at most %d facts",
			INVOICE_FACTS_MAX);
	return 0;
}

static void write_agreed(struct json_writer *w, const struct event *e)
{
	char text[DATE_TEXT_SIZE];

	jw_opt_str(w, "offer", e->offer);
	if (e->outcome)
		jw_str(w, "outcome", call_outcome_names[e->outcome]);
	if (e->type == EVENT_DISPUTE_OPENED && e->reason && id_valid(e->reason))
		jw_str(w, "reason", e->reason);
	if (e->settles)
		jw_int(w, "accepted_minor", e->amount);
	if (e->in_kind)
		jw_str(w, "method", "other");
	jw_opt_str(w, "accepted_by", e->accepted_by);
	if (e->instalment_count)
		jw_array(w, "instalments");
	for (size_t i = 0; i < e->instalment_count; i++) {
		jw_object(w, NULL);
		jw_str(w, "due_on", date_format(e->instalments[i].due_on, text));
		jw_int(w, "amount_minor", e->instalments[i].amount);
		jw_end_object(w);
	}
	if (e->instalment_count)
		jw_end_array(w);
}

static void write_facts(struct json_writer *w, const struct event *e)
{
	char text[DATE_TEXT_SIZE];

	jw_str(w, "event", event_type_names[e->type]);
	jw_str(w, "event_id", e->id);
	jw_str(w, "event_source", e->source);
	jw_int(w, "event_time", e->time);
	jw_opt_str(w, "invoice", e->invoice_id);
	if (e->invoice_count) { /* of the attempt that it tells of, or that it answers */
		jw_array(w, "invoices");
		for (size_t i = 0; i < e->invoice_count; i++)
			jw_str(w, NULL, e->invoice_ids[i]);
		jw_end_array(w);
	}
	jw_opt_str(w, "fact", e->fact_id);
	jw_opt_int(w, "amount_minor", e->amount);
	jw_opt_str(w, "attempt", e->attempt_id);
	jw_opt_str(w, "letter", e->letter);
	jw_opt_str(w, "tracking", e->tracking);
	jw_opt_str(w, "carrier", e->carrier);
	jw_opt_str(w, "who", e->who);
	jw_opt_str(w, "why", e->why);
	write_agreed(w, e);
	if (e->delivery)
		jw_str(w, "delivery", delivery_names[e->delivery]);
	if (e->unverified)
		jw_bool(w, "unverified", true);
	if (e->type == EVENT_CONTACT_REPLY_RECEIVED)
		jw_opt_str(w, "guess", invoice_guess(e));
	if (e->announced)
		jw_bool(w, e->type == EVENT_INVOICE_PAYMENT_ANNOUNCED ? "already_paid" : "announced", true);
	if (date_is_set(e->until_on))
		jw_str(w, "until_on", date_format(e->until_on, text));
	if (!e->has_snapshot)
		return;
	jw_opt_str(w, "number", e->snapshot.number);
	jw_opt_int(w, "version", e->order.version);
	if (date_is_set(e->snapshot.issued_on))
		jw_str(w, "issued_on", date_format(e->snapshot.issued_on, text));
	jw_str(w, "due_on", date_format(e->snapshot.due_on, text));
	if (date_is_set(e->snapshot.starts_on))
		jw_str(w, "starts_on", date_format(e->snapshot.starts_on, text));
	jw_str(w, "currency", e->snapshot.currency);
	jw_int(w, "total_minor", e->snapshot.total);
	jw_int(w, "paid_minor", e->snapshot.paid);
	jw_int(w, "credited_minor", e->snapshot.credited);
	jw_int(w, "due_minor", e->snapshot.due);
	jw_opt_str(w, "pdf_sha256", e->snapshot.pdf_sha256);
	jw_opt_str(w, "terms_url", e->snapshot.terms_url);
	jw_opt_str(w, "terms_sha256", e->snapshot.terms_sha256);
	if (date_is_set(e->snapshot.terms_agreed_on))
		jw_str(w, "terms_agreed_on", date_format(e->snapshot.terms_agreed_on, text));
	jw_opt_str(w, "purchase_order", e->snapshot.purchase_order);
	jw_opt_str(w, "delivery_proof", e->snapshot.delivery_proof);
}

/* --- what a provider tells of a message --------------------------------------------------------------------------------- */

static uint64_t opted_out(const struct debtor *debtor)
{
	uint64_t bits = 0;

	for (int c = 0; c < CHANNEL_COUNT; c++)
		bits |= (uint64_t)debtor->opt_out[c].on << c;
	return bits;
}

/* A receipt that only says how it goes stops nobody from being written to. */
static bool harmless(const struct event *e)
{
	return (e->type == EVENT_CONTACT_DELIVERY_UPDATED || e->type == EVENT_LETTER_STATUS_UPDATED) &&
		(e->unverified || e->delivery < DELIVERY_COMPLAINED);
}

/* Whoever posts letters knows an invoice, not our ids: its last letter is meant. One posted by hand is known by its task. */
static void name_letter(struct dunner *d, struct group *g, struct event *e, struct doc *invoice, struct debtor *debtor)
{
	const struct policy *policy = invoice ? decide_policy(d, invoice->e, debtor) : NULL;

	for (size_t i = invoice ? invoice->e->walk_count : 0; i-- > 0 && !e->attempt_id;) {
		const struct walked *walked = &invoice->e->walk[i];
		int step = policy ? policy_step_index(policy, walked->step) : -1;
		const struct contact_made *made = walked->attempt ? debtor_contact_made(debtor, walked->attempt) : NULL;

		if (made && made->channel != CHANNEL_LETTER)
			continue; /* a step of letters that went out with a mail about other invoices */
		/* What was told before it was posted is about another one; days are often all that a carrier tells. */
		if (walked->attempt && walked->end != STEP_SKIPPED && walked->at <= e->time + DAY_MS && step >= 0 && policy->steps[step].kind == STEP_MESSAGE &&
			(policy->steps[step].channel == CHANNEL_LETTER || strncmp(walked->attempt, "post:", 5) == 0))
			e->attempt_id = walked->attempt;
	}
	for (size_t i = debtor->contact_count; i-- > 0 && e->attempt_id && !e->address;) { /* "post:<invoice>:<step>@<when>" */
		size_t len = strlen(e->attempt_id);

		if (strncmp(debtor->contacts[i].attempt, e->attempt_id, len) == 0 && debtor->contacts[i].attempt[len] == '@')
			e->address = debtor->contacts[i].to;
	}
	if (!e->invoice_count && invoice) {
		e->invoice_ids = arena_memdup(g->arena, &invoice->id, sizeof(invoice->id));
		e->invoice_count = 1;
	}
}

/* The provider's bytes that are too long to stand in the event: a scanned receipt, say. */
static void record_body(struct dunner *d, struct group *g, const struct event *e, struct draft *draft)
{
	struct doc *body = group_find(d, g, DOC_BODY, e->apart);
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1] = "";

	if (!e->apart)
		return;
	jw_str(&draft->w, "body_sha256", e->apart);
	if (body && body->loaded && body->existed) {
		sha256(body->bytes.data, body->bytes.len, digest);
		hex_format(digest, sizeof(digest), hex);
	}
	if (strcmp(hex, e->apart) != 0) {
		jw_bool(&draft->w, "body_lost", true);
		return;
	}
	draft_part(draft, "webhook.body", "application/octet-stream", CLASS_IDENTITY, body->bytes.data, body->bytes.len);
	body->touched |= !e->apart_stays;
}

static void record_event(struct dunner *d, struct group *g, const struct input *input, const char *debtor_id)
{
	const struct event *e = &input->event;
	struct draft *draft = effects_record(&g->fx, record_kinds[e->type], debtor_id);

	write_facts(&draft->w, e);
	record_body(d, g, e, draft);
	draft_part(draft, "event.json", "application/json", CLASS_IDENTITY, input->entry->event, input->entry->len);
}

void decide_event(struct dunner *d, struct group *g, struct input *input)
{
	const struct event *e = &input->event;
	struct doc *invoice = group_find(d, g, DOC_ESCALATION, e->invoice_id), *debtor;
	const char *debtor_id = e->customer_id;
	bool changed = false, told = false;

	advance(d, g, input->entry);
	if (input->parsed < 0 || !harmless(e))
		sender_touch(d, e->customer_id, e->invoice_id);
	d->events++;
	if (g->careful && d->trying == TRY_POISON && input->parsed == 0)
		input->parsed = err_set(&input->err, -EBADMSG, "poison", "",
			"three starts ended while this entry was being decided");
	if (input->parsed < 0 || check_allowed(d, g, input) < 0 || (e->type != EVENT_OPERATOR_COMMAND && legal_offer(d, g, input) < 0)) {
		dead_letter(d, g, input);
		return;
	}
	if (e->who && input->entry->stream == 1) /* the operator's: see config.h */
		g->fx.actor = arena_printf(g->arena, "person:%s", e->who);
	if (e->type == EVENT_OPERATOR_COMMAND) {
		if (decide_command(d, g, input) < 0)
			dead_letter(d, g, input);
		return;
	}
	if (!debtor_id && invoice && invoice->loaded)
		debtor_id = invoice->e->invoice.debtor_id;
	debtor = group_find(d, g, DOC_DEBTOR, debtor_id);
	if (e->type == EVENT_LEDGER_WATERMARK) {
		struct doc *system = group_case(d, g, NULL);

		changed = debtor_feed_told(system->d, g->arena, e->ledger, e->watermark);
		d->payments_known_to = debtor_payments_known_to(system->d, d->config->ledgers);
		system->touched |= changed;
	}
	if (e->book) {
		decide_book(d, g, input);
		return;
	}
	if (e->type == EVENT_CALL_COMPLETED && e->outcome && invoice && invoice->loaded) { /* one that nobody told of yet is known from here on */
		if (!escalation_commanded(invoice->e, g->arena, e))
			return; /* told again: a call counts once */
		decide_call(d, g, e, invoice);
		return;
	}
	if (e->type == EVENT_FEE_WAIVED) {
		legal_waive_fee(d, g, e, invoice);
		return;
	}
	if (e->letter && invoice && invoice->loaded && debtor && debtor->loaded)
		name_letter(d, g, &input->event, invoice, debtor->d);
	if (decide_names_nothing(e) && debtor && debtor->loaded && debtor->d->open_count) {
		input->event.invoice_ids = arena_memdup(g->arena, debtor->d->open, debtor->d->open_count * sizeof(*debtor->d->open));
		input->event.invoice_count = debtor->d->open_count;
	}
	if (debtor && debtor->loaded) {
		uint64_t out = opted_out(debtor->d);

		if (!harmless(e))
			sender_touch(d, debtor_id, NULL);
		decide_name_bounced(&input->event, debtor->d);
		told = e->type == EVENT_CONTACT_DELIVERY_UPDATED || e->type == EVENT_CONTACT_REPLY_RECEIVED || e->letter;
		if (debtor_apply(debtor->d, e, g->arena)) {
			changed = true;
			if (harmless(e))
				debtor->touched = true; /* nothing is owed sooner because of it */
			else
				decide_touch_debtor(g, debtor);
		}
		if (told)
			decide_told(d, g, e, debtor->d, opted_out(debtor->d) != out, changed);
		decide_customer_said(d, g, e, debtor);
	}
	if (invoice && invoice->loaded)
		invoice->touched |= offers_figures(invoice->e, e);
	if (invoice && invoice->loaded && invoice_apply(&invoice->e->invoice, e, g->arena)) {
		changed = true;
		invoice->touched = true;
		if (debtor && debtor->loaded)
			debtor->touched = true;
	}
	/* What only tells something is evidence and changes nothing: kept once, by the stream's own order. */
	if (!changed && (e->type == EVENT_INVOICE_VIEWED || e->type == EVENT_CONTACT_DELIVERY_UPDATED ||
				e->type == EVENT_CONTACT_REPLY_RECEIVED || e->type == EVENT_CALL_COMPLETED || e->type == EVENT_LETTER_STATUS_UPDATED))
		changed = true;
	if (changed)
		record_event(d, g, input, debtor && debtor->loaded ? debtor_id : NULL);
}

/* --- a person's commands ------------------------------------------------------------------------------------------- */

const char *decide_task_invoice(struct arena *arena, const char *task_id)
{
	const char *from = strchr(task_id, ':'), *end;

	if (!from)
		return NULL;
	/* the step's id has no colon, an invoice's may: the last one ends it; tasks of a hold have no step */
	end = strrchr(from + 1, ':');
	if (!end || (strncmp(task_id, "call:", 5) != 0 && strncmp(task_id, "post:", 5) != 0))
		end = strncmp(task_id, "decision:", 9) == 0 || strncmp(task_id, "no_address:", 11) == 0 ?
			      end :
			      from + 1 + strlen(from + 1);
	return arena_printf(arena, "%.*s", (int)(end ? end - from - 1 : (long)strlen(from + 1)), from + 1);
}

static void close_task(struct group *g, const struct escalation *e, const char *id, const char *kind, const char *result)
{
	struct task task = { .id = arena_strdup(g->arena, id), .kind = kind, .debtor_id = e->invoice.debtor_id,
		.invoice_ids = arena_memdup(g->arena, &e->invoice.id, sizeof(e->invoice.id)), .invoice_count = 1,
		.step = e->step, .close = true, .result = result };

	effects_task(&g->fx, &task);
}

const char *decide_task_now(const struct group *g, const char *task)
{
	bool call = strncmp(task, "call:", 5) == 0;
	const char *now = NULL;

	for (const struct doc *doc = g->docs; doc; doc = doc->next) {
		if (doc->kind != DOC_ESCALATION || !doc->loaded || doc->e->state != ESCALATION_TASK)
			continue;
		if (strcmp(doc->e->task, task) == 0)
			return arena_strdup(g->arena, task);
		if (call && !now && doc->e->asked_as && strcmp(doc->e->asked_as, task) == 0)
			now = doc->e->task;
	}
	return now ? arena_strdup(g->arena, now) : NULL;
}

/* Everyone who shares the task: a letter to post is about all the invoices that were owed one. What came of a call is for decide_call(). */
static void task_done(struct dunner *d, struct group *g, struct doc *invoice, const struct event *e)
{
	bool post = strncmp(e->target, "post:", 5) == 0;
	const char *id = post ? decide_task_now(g, e->target) : e->target;
	struct doc *debtor = group_find(d, g, DOC_DEBTOR, invoice->e->invoice.debtor_id);
	const char *made = contact_told_id(g->arena, id ? id : e->target, e);
	const char *kind = arena_printf(g->arena, "%.*s", (int)strcspn(e->target, ":"), e->target);
	bool back = strcmp(kind, "call_back") == 0;

	if (!id || (back && !invoice->e->call_back.at) || (strcmp(kind, "refused") == 0 && !invoice->e->refused))
		return; /* said twice, or too late: there is no such thing to be done */
	close_task(g, invoice->e, id, kind, "done");
	escalation_task_done(invoice->e, debtor && debtor->loaded ? debtor->d : NULL, id, &g->fx);
	invoice->touched = true;
	if (!debtor || !debtor->loaded)
		return;
	sender_touch(d, debtor->id, NULL); /* it counts for caps and gap: what is on its way now may be too much */
	if (back)
		debtor_contact_add(debtor->d, g->arena, flow_now(d), CHANNEL_CALL, made);
	decide_touch_debtor(g, debtor); /* a contact may be used again, for the others too */
	(void)debtor_contact_remove(debtor->d, id); /* it counts from now on */
	for (struct doc *doc = g->docs; doc && post; doc = doc->next) {
		if (doc->kind != DOC_ESCALATION || !doc->loaded || !doc->e->task || strcmp(doc->e->task, id) != 0 ||
			!escalation_move(doc->e, TRIGGER_TASK_ENDED))
			continue;
		doc->touched = true;
		escalation_step_effects(doc->e, debtor->d, decide_policy(d, doc->e, debtor->d), doc->e->step, strrchr(id, ':') + 1, &g->fx);
		escalation_walked(doc->e, g->arena, doc->e->step, STEP_DONE, NULL, flow_now(d), arena_strdup(g->arena, id));
		escalation_said(doc->e, arena_strdup(g->arena, strrchr(id, ':') + 1));
		debtor_contact_add(debtor->d, g->arena, flow_now(d), CHANNEL_LETTER, made);
		if (debtor->d->customer.postal.line1)
			debtor_contact_made(debtor->d, made)->to = debtor_address(debtor->d, NULL, CHANNEL_LETTER, g->arena);
		debtor->touched = true;
	}
}

static void gate_decided(struct dunner *d, struct group *g, struct doc *doc, const struct event *command, const char *decision)
{
	struct escalation *e = doc->e;
	struct draft *draft = effects_record(&g->fx, "decision.recorded", e->invoice.debtor_id);
	struct doc *debtor = group_find(d, g, DOC_DEBTOR, e->invoice.debtor_id);
	struct debtor *who = debtor && debtor->loaded ? debtor->d : NULL;
	const struct approved approved = { .by = command->who, .step = e->step, .at = flow_now(d) };

	jw_str(&draft->w, "invoice", doc->id);
	jw_str(&draft->w, "step", e->step);
	jw_str(&draft->w, "decision", decision);
	if (e->task)
		close_task(g, e, e->task, "decision", "done");
	if (who)
		debtor->touched = true;
	if (strcmp(decision, "stop") == 0) {
		e->task = NULL; /* closed as done, above */
		escalation_stop(e, who, &g->fx);
		return;
	}
	if (strcmp(decision, "settle") != 0)
		commitment_decided(e, command, &g->fx);
	if (strcmp(decision, "continue") == 0 || strcmp(decision, "pursue") == 0)
		e->approved = approved;
	escalation_move(e, TRIGGER_DECIDED);
	escalation_step_effects(e, who, decide_policy(d, e, who), e->step, e->step, &g->fx);
	escalation_walked(e, g->arena, e->step, STEP_DONE, decision, flow_now(d), NULL);
	if (strcmp(decision, "settle") == 0 && legal_settle(d, g, command, doc))
		e->settling = approved; /* the offer, and no threat; where they are still to agree on something, nothing */
	else if (strcmp(decision, "write_off") == 0)
		legal_write_off(g, command, doc);
}

static void exhausted_decided(struct dunner *d, struct group *g, struct doc *doc, const struct event *command, const char *decision)
{
	struct doc *debtor = group_find(d, g, DOC_DEBTOR, doc->e->invoice.debtor_id);
	struct draft *draft = effects_record(&g->fx, "decision.recorded", doc->e->invoice.debtor_id);

	jw_str(&draft->w, "invoice", doc->id);
	jw_str(&draft->w, "decision", decision);
	escalation_exhausted_decided(doc->e, &g->fx);
	if (debtor && debtor->loaded)
		debtor->touched = true;
	if (strcmp(decision, "settle") == 0)
		legal_agree(d, g, command, doc);
	else if (strcmp(decision, "write_off") == 0)
		legal_write_off(g, command, doc);
	else
		escalation_stop(doc->e, debtor && debtor->loaded ? debtor->d : NULL, &g->fx);
}

static const struct policy *policy_of(struct dunner *d, struct group *g, const struct escalation *e)
{
	struct doc *debtor = group_find(d, g, DOC_DEBTOR, e->invoice.debtor_id);

	return decide_policy(d, e, debtor && debtor->loaded ? debtor->d : NULL);
}

/* dunningctl refuses the same, with the same words, before it asks. */
static int check_step(struct dunner *d, struct group *g, const struct escalation *e, const char *step, struct err *err)
{
	const struct policy *policy = policy_of(d, g, e);

	if (policy && policy_step_index(policy, step) < 0 && !aside_id(step))
		return err_set(err, -EBADMSG, "unknown_step", "$.data.step", "policy %s has no such step", policy->name);
	for (size_t i = 0; i < e->walk_count; i++)
		if (strcmp(e->walk[i].step, step) == 0)
			return err_set(err, -EBADMSG, "walked", "$.data.step", "this step of the invoice is over already");
	return 0;
}

/*
 * To the version that the person saw, and from the one: the daemon may have loaded another since, and the invoice may have gone on. 0: *to
 * and *plan; *to NULL: it walks that version already.
 */
static int plan_migration(struct dunner *d, const struct escalation *e, const struct event *command, const struct policy **to,
	struct migration *plan, struct err *err)
{
	struct json digest = json_get(&command->data, "policy_digest"), from = json_get(&command->data, "from_digest");

	*to = json_str(&digest) ? library_policy_digest(d->library, json_str(&digest)) : NULL;
	if (!*to)
		return err_set(err, -EBADMSG, "unknown_policy", "$.data.policy_digest", "this version is not loaded here: reload, and ask again");
	*plan = migration_plan(e, *to, command->step);
	if (plan->refused && strcmp(plan->refused, "same") == 0) {
		*to = NULL;
		return 0;
	}
	if (json_str(&from) && (!e->policy_digest || strcmp(json_str(&from), e->policy_digest) != 0))
		return err_set(err, -EBADMSG, "moved", "$.data.from_digest", "the invoice walks another version by now");
	return plan->refused ? err_set(err, -EBADMSG, plan->refused, "$.data", "the invoice cannot go over to this policy%s%s",
				       plan->step ? ": step " : "", plan->step ? plan->step : "") :
			       0;
}

static void command_invoice(struct dunner *d, struct group *g, const struct event *e, struct doc *doc)
{
	struct json word = json_get(&e->data, "decision");
	const char *decision = word.type == JSON_STRING ? json_str(&word) : "";
	struct escalation *esc = doc->e;
	int64_t now = flow_now(d);

	doc->touched = true;
	sender_touch(d, NULL, doc->id);
	if (strcmp(e->command, "hold") == 0) {
		if (e->until && e->until <= now)
			return; /* read late: it is over */
		struct hold_entry hold = { .reason = "operator", .since = now,
			.until = e->until ? e->until : now + 30 * DAY_MS, .who = e->who, .why = e->why };

		escalation_hold(esc, g->arena, &hold);
	} else if (strcmp(e->command, "resume") == 0) {
		escalation_resume(esc, e->time);
	} else if (strcmp(e->command, "retry") == 0) {
		escalation_retry(esc);
	} else if (strcmp(e->command, "skip") == 0) {
		const char *step = e->step ? e->step : esc->step, *left = NULL;
		struct draft *draft;

		if (!step) {
			struct doc *debtor = group_find(d, g, DOC_DEBTOR, esc->invoice.debtor_id);
			const struct policy *policy = policy_of(d, g, esc);
			struct rules rules = decide_rules(d, policy);
			struct next_action next = escalation_next(esc, debtor && debtor->loaded ? debtor->d : NULL, &rules);

			if (policy && (next.kind == NEXT_CONTACT || next.kind == NEXT_GATE))
				step = policy->steps[next.step].id;
			if (step && policy->steps[next.step].approver && strcmp(policy->steps[next.step].approver, e->who) != 0)
				return; /* named, it would have been refused */
		}
		if (!step || esc->state == ESCALATION_SENDING || esc->state == ESCALATION_DOUBT ||
			(esc->state == ESCALATION_CLOSED && esc->attempt)) /* paid while it is on its way: its outcome is still to come */
			return;
		if (esc->step && strcmp(esc->step, step) == 0) { /* TASK or GATE: another step's task stays */
			if (esc->task)
				close_task(g, esc, esc->task, esc->state == ESCALATION_GATE ? "decision" : task_kind(esc->task), "skipped");
			left = esc->state == ESCALATION_TASK ? esc->task : NULL;
			escalation_move(esc, esc->state == ESCALATION_GATE ? TRIGGER_DECIDED : TRIGGER_TASK_ENDED);
		}
		draft = effects_record(&g->fx, "attempt.skipped", esc->invoice.debtor_id);
		jw_str(&draft->w, "invoice", doc->id);
		jw_str(&draft->w, "step", step);
		jw_str(&draft->w, "reason", "operator");
		escalation_walked(esc, g->arena, step, STEP_SKIPPED, "operator", now, NULL);
		if (left)
			decide_task_left(d, g, doc, left);
	} else if (strcmp(e->command, "decide") == 0 && escalation_asks(esc, decision)) { /* else the question is over */
		if (esc->state == ESCALATION_GATE) {
			gate_decided(d, g, doc, e, decision);
		} else if (esc->attempt) {
			esc->verdict = decision; /* kept with the document until the reconciler has the attempt's entry at hand */
			d->reconcile_all = d->reconcile_again = true;
		} else {
			exhausted_decided(d, g, doc, e, decision);
		}
	}
}

/*
 * Brakes and retention holds count by their time, then as they stand in the stream: a suspend and its release may carry the same millisecond, and a played
 * clock stands still. False: read again after the store lost its place, or sent again: what was done since stands.
 */
static bool brake_counts(struct group *g, const struct input *input, const struct debtor_switch *stands, struct fact_order *ret)
{
	const struct event *e = &input->event;
	unsigned long long ms = 0, seq = 0;

	(void)sscanf(input->entry->id, "%llu-%llu", &ms, &seq);
	*ret = (struct fact_order){ .time = e->time, .source = arena_printf(g->arena, "%020llu-%020llu", ms, seq),
		.id = arena_printf(g->arena, "%s %s", e->source, e->id) };
	if (!stands->set)
		return true;
	return fact_time_compare(ret, &stands->order) > 0 &&
	       (ret->time != stands->order.time || !stands->order.id || strcmp(ret->id, stands->order.id) != 0);
}

/* A retention hold: nothing of this debtor's file is erased while it lasts. */
static int command_retain(struct dunner *d, struct group *g, struct input *input)
{
	const struct event *e = &input->event;
	struct doc *debtor = group_find(d, g, DOC_DEBTOR, e->target);
	bool on = strcmp(e->command, "retain") == 0;
	struct fact_order order;
	struct draft *draft;

	if (!debtor || !debtor->loaded || !debtor->existed)
		return err_set(&input->err, -EBADMSG, "unknown_customer", "$.data.target", "there is no file of this customer");
	if (!brake_counts(g, input, &debtor->d->retained, &order))
		return 0;
	debtor->d->retained = (struct debtor_switch){ .set = true, .on = on, .order = order, .reason = e->why };
	g->fx.actor = arena_printf(g->arena, "person:%s", e->who);
	draft = effects_record(&g->fx, on ? "retention_hold.opened" : "retention_hold.ended", debtor->id);
	jw_str(&draft->w, "who", e->who);
	jw_str(&draft->w, "why", e->why);
	jw_str(&draft->w, "event_id", e->id);
	debtor->touched = true;
	g->fx.actor = "daemon";
	return 0;
}

int decide_command(struct dunner *d, struct group *g, struct input *input)
{
	const struct event *e = &input->event;
	const char *id = e->target && strchr(e->target, ':') ? decide_task_invoice(g->arena, e->target) : e->target, *customer = decide_task_customer(e);
	struct doc *doc = customer ? NULL : group_find(d, g, DOC_ESCALATION, id), *debtor = group_find(d, g, DOC_DEBTOR, customer);
	struct doc *system = group_case(d, g, NULL);
	bool brake = strcmp(e->command, "suspend") == 0 || strcmp(e->command, "release") == 0;
	const struct policy *to = NULL;
	struct migration plan;
	struct fact_order order;
	struct draft *draft;

	if (e->target && (strcmp(e->command, "retain") == 0 || strcmp(e->command, "unretain") == 0))
		return command_retain(d, g, input);
	if (e->target && (strcmp(e->command, "allow") == 0 || strcmp(e->command, "forbid") == 0))
		return legal_allow(d, g, input);
	if (e->target && strcmp(e->command, "task_done") == 0 && order_may_be_done(g->arena, e->target, &input->err) < 0)
		return -EBADMSG;
	if (!customer && (!doc || !doc->loaded || !doc->existed))
		doc = group_find(d, g, DOC_ESCALATION, e->target);
	if (debtor && (!debtor->loaded || !debtor->existed))
		debtor = NULL;
	/* A hold may come before the invoice that it names, on another stream: it is kept with the stub. */
	if (doc && (!doc->loaded || (!doc->existed && !doc->touched && doc->e->state == ESCALATION_NONE && strcmp(e->command, "hold") != 0)))
		doc = NULL;
	if (brake ? !brake_counts(g, input, &system->d->suspended, &order) : doc && !escalation_commanded(doc->e, g->arena, e))
		return 0; /* read again after the store lost its place, or sent again: what was done since stands */
	if (doc && e->step && strcmp(e->command, "skip") == 0 && check_step(d, g, doc->e, e->step, &input->err) < 0) {
		doc->e->command_count--; /* it was not taken: sent again, it is looked at again */
		return -EBADMSG;
	}
	if (doc && strcmp(e->command, "migrate") == 0 && plan_migration(d, doc->e, e, &to, &plan, &input->err) < 0) {
		doc->e->command_count--;
		return -EBADMSG;
	}
	if (doc && legal_check(d, g, e, doc, &input->err) < 0) {
		doc->e->command_count--;
		return -EBADMSG;
	}
	g->fx.actor = arena_printf(g->arena, "person:%s", e->who);
	draft = effects_record(&g->fx, "operator.command", doc ? doc->e->invoice.debtor_id : debtor ? debtor->id : NULL);
	jw_str(&draft->w, "command", e->command);
	jw_opt_str(&draft->w, "target", e->target);
	jw_str(&draft->w, "who", e->who);
	jw_str(&draft->w, "why", e->why);
	jw_opt_str(&draft->w, "step", e->step);
	jw_str(&draft->w, "event_id", e->id);
	if (strcmp(e->command, "note") == 0 && e->text)
		draft_part(draft, "note.txt", "text/plain; charset=utf-8", CLASS_CONTENT, e->text, strlen(e->text));
	if (brake) {
		bool on = e->command[0] == 's';

		system->d->suspended = (struct debtor_switch){ .set = true, .on = on, .until = e->until,
			.order = order, .reason = e->why };
		system->touched = true;
		d->suspended = on;
		d->suspended_until = e->until;
		brake_anew(d, system);
		if (!on)
			brake_released(d, g, system);
		draft = effects_event(&g->fx, on ? "sending.suspended" : "sending.resumed", NULL, NULL);
		jw_str(&draft->w, "reason", e->why);
	} else if (strcmp(e->command, "task_done") == 0 && e->target && strncmp(e->target, "provider:", 9) == 0) {
		(void)pacing_task_done(d, g, e->target + 9);
	} else if (strcmp(e->command, "task_done") == 0 && e->target && strncmp(e->target, "unknown_sender:", 15) == 0) {
		decide_unknown_seen(d, g, e->target);
	} else if (debtor) {
		decide_customer_answered(d, g, debtor);
	} else if (strcmp(e->command, "gap_closed") == 0) {
		decide_gap_closed(d, system, e->time);
	} else if (doc && strcmp(e->command, "call_log") == 0) {
		decide_call(d, g, e, doc);
	} else if (doc && strcmp(e->command, "task_done") == 0) {
		task_done(d, g, doc, e);
	} else if (doc && legal_said(d, g, e, doc)) {
		; /* what was announced is carried out or taken back, or the case goes to somebody else */
	} else if (to) {
		sender_touch(d, NULL, doc->id);
		migration_apply(doc->e, to, &plan, &g->fx);
		doc->touched = true;
	} else if (doc) {
		command_invoice(d, g, e, doc);
	}
	g->fx.actor = "daemon";
	return 0;
}
