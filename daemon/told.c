/* What a provider or a carrier tells of a message, onto the invoices that it is about. */
#include <string.h>
#include <strings.h>

#include "common/reply.h"
#include "common/utc.h"
#include "daemon/flow.h"

#define UNKNOWN_TASK_MS (72 * HOUR_MS)
#define CUSTOMER_TASK "answer_customer:"

/* The i-th of the attempt's invoices, when it is at hand and the debtor's. */
static struct doc *told_invoice(struct dunner *d, struct group *g, const struct event *e, size_t i, const char *debtor_id)
{
	struct doc *doc = group_find(d, g, DOC_ESCALATION, e->invoice_ids[i]);

	return doc && doc->loaded && doc->existed && doc->e->invoice.debtor_id && strcmp(doc->e->invoice.debtor_id, debtor_id) == 0 ? doc : NULL;
}

static void tell_others(struct group *g, const struct event *e)
{
	bool bounced = e->delivery == DELIVERY_BOUNCED_HARD || e->delivery == DELIVERY_BOUNCED_SOFT, failed = e->delivery == DELIVERY_FAILED || e->delivery == DELIVERY_SUPPRESSED;
	struct draft *event;

	if (!bounced && !failed && e->delivery != DELIVERY_DELIVERED)
		return;
	event = effects_event(&g->fx, bounced ? "contact.bounced" : failed ? "contact.failed" : "contact.delivered", e->customer_id,
		e->invoice_count ? e->invoice_ids[0] : e->invoice_id);
	jw_opt_str(&event->w, "attempt", e->attempt_id);
	jw_opt_str(&event->w, "reason", e->reason);
	jw_opt_str(&event->w, "tracking", e->tracking);
	if (bounced)
		jw_bool(&event->w, "permanent", e->delivery == DELIVERY_BOUNCED_HARD);
}

/* Beside the record of the event itself. */
static void record_consent(struct group *g, const struct event *e, const char *debtor_id)
{
	struct draft *draft = effects_record(&g->fx, "consent.withdrawn", debtor_id);

	jw_str(&draft->w, "channel", e->channel == CHANNEL_COUNT ? "all" : channel_names[e->channel]);
	jw_str(&draft->w, "how", e->type == EVENT_CONTACT_REPLY_RECEIVED ? "reply" : delivery_names[e->delivery]);
	jw_str(&draft->w, "event_id", e->id);
	jw_str(&draft->w, "event_source", e->source);
}

/*
 * A doubt ends: the provider has it, or somebody answered it. Also of what was paid while it was on its way. That nobody takes the letter is more
 * than that it left.
 */
static bool settles(const struct escalation *one, const struct event *e)
{
	return (one->state == ESCALATION_DOUBT || one->state == ESCALATION_CLOSED) && one->attempt && e->attempt_id &&
		(e->delivery || (e->type == EVENT_CONTACT_REPLY_RECEIVED && !e->by_address)) && strcmp(one->attempt, e->attempt_id) == 0 &&
		(!one->verdict || (letter_unclaimed(e->letter) && strcmp(one->verdict, VERDICT_WEBHOOK) == 0));
}

/* One task, however many of them come until somebody did it: anybody may write to us. */
static void ask_who_wrote(struct dunner *d, struct group *g, bool open)
{
	struct doc *system = group_case(d, g, NULL);
	struct task task = { .id = arena_printf(g->arena, "unknown_sender:%u", d->settings.partition), .kind = "unknown_sender", .opened_at = flow_now(d),
		.deadline = flow_now(d) + UNKNOWN_TASK_MS, .close = !open, .result = "done" };

	if (open == (system->d->unknown_since != 0))
		return;
	system->d->unknown_since = open ? flow_now(d) : 0;
	system->touched = true;
	effects_task(&g->fx, &task);
}

void decide_unknown_came(struct dunner *d, struct group *g)
{
	ask_who_wrote(d, g, true);
}

void decide_unknown_seen(struct dunner *d, struct group *g, const char *task)
{
	const struct task others = { .id = task, .kind = "unknown_sender", .opened_at = flow_now(d), .close = true, .result = "done" };

	if (strcmp(task, arena_printf(g->arena, "unknown_sender:%u", d->settings.partition)) == 0)
		ask_who_wrote(d, g, false);
	else
		effects_task(&g->fx, &others); /* of a partition that this one took in, when there were more */
}

/* One task, too, with their newest words: who writes each day does not put it off each day. */
static void ask_customer(struct dunner *d, struct group *g, struct doc *debtor, struct task *task, bool open)
{
	task->id = arena_printf(g->arena, CUSTOMER_TASK "%s", debtor->id);
	task->kind = "answer_reply";
	task->debtor_id = debtor->id;
	task->close = !open;
	task->result = "done";
	if (!open)
		debtor->d->unknown_since = 0;
	else if (!debtor->d->unknown_since)
		debtor->d->unknown_since = flow_now(d);
	task->opened_at = debtor->d->unknown_since;
	task->deadline = task->opened_at + UNKNOWN_TASK_MS;
	debtor->touched = true;
	effects_task(&g->fx, task);
}

static bool is_over(const struct doc *doc)
{
	return doc && doc->loaded && doc->e->state == ESCALATION_CLOSED;
}

void decide_customer_said(struct dunner *d, struct group *g, const struct event *e, struct doc *debtor)
{
	struct task task = { 0 };

	if (e->type != EVENT_CONTACT_REPLY_RECEIVED || e->unverified || e->announced ||
		(e->invoice_id && !is_over(group_find(d, g, DOC_ESCALATION, e->invoice_id))))
		return;
	for (size_t i = 0; i < e->invoice_count; i++) {
		struct doc *doc = told_invoice(d, g, e, i, debtor->id);

		if (doc && !is_over(doc))
			return;
	}
	task.reason = reply_task_reason(reply_reason(e->text));
	task.script = reply_task_script(g->arena, e->text, arena_printf(g->arena, "--customer %s", debtor->id));
	ask_customer(d, g, debtor, &task, true);
}

const char *decide_task_customer(const struct event *e)
{
	size_t n = strlen(CUSTOMER_TASK);
	bool ours = e->command && e->target && strcmp(e->command, "task_done") == 0 && strncmp(e->target, CUSTOMER_TASK, n) == 0;

	return ours && id_valid(e->target + n) ? e->target + n : NULL;
}

void decide_customer_answered(struct dunner *d, struct group *g, struct doc *debtor)
{
	if (debtor->d->unknown_since)
		ask_customer(d, g, debtor, &(struct task){ 0 }, false);
}

void decide_name_bounced(struct event *e, struct debtor *debtor)
{
	const struct contact_made *only = NULL;

	if (e->type != EVENT_CONTACT_DELIVERY_UPDATED || e->delivery != DELIVERY_BOUNCED_HARD || e->attempt_id || e->unverified || !e->address || !e->invoice_count)
		return;
	for (size_t i = 0; i < debtor->contact_count; i++) {
		const struct contact_made *made = &debtor->contacts[i];

		if (made->channel != e->channel || !made->to || strcasecmp(made->to, e->address) != 0)
			continue;
		if (only)
			return;
		only = made;
	}
	if (only)
		e->attempt_id = only->attempt;
}

bool decide_names_nothing(const struct event *e)
{
	return e->type == EVENT_CONTACT_REPLY_RECEIVED && !e->invoice_id && !e->invoice_count && !e->attempt_id;
}

void decide_told(struct dunner *d, struct group *g, const struct event *e, struct debtor *debtor, bool withdrawn, bool changed)
{
	struct candidate *failed = arena_alloc(g->arena, (e->invoice_count + 1) * sizeof(*failed));
	const struct contact_made *made = debtor_contact_made(debtor, e->attempt_id);
	bool another = debtor_told_of_another(debtor, e);
	/* What it says became of the message is not so any more: of a later instant the other is told. */
	bool overruled = made && (delivery_reached_nobody(e->delivery) ? !delivery_reached_nobody(made->delivery) :
		delivery_arrived(e->delivery) && delivery_reached_nobody(made->delivery));
	const char **tasks = arena_alloc(g->arena, (e->invoice_count + 1) * sizeof(*tasks)); /* that they wait for */
	size_t failed_count = 0;

	if (e->unverified)
		return;
	if (withdrawn)
		record_consent(g, e, debtor->id);
	if (changed && e->type != EVENT_CONTACT_REPLY_RECEIVED)
		tell_others(g, e);
	for (size_t i = 0; i < e->invoice_count; i++) {
		struct doc *doc = told_invoice(d, g, e, i, debtor->id);

		if (!doc)
			continue;
		if (e->type == EVENT_CONTACT_REPLY_RECEIVED)
			doc->touched |= invoice_apply(&doc->e->invoice, e, g->arena);
		if (settles(doc->e, e)) { /* kept with the document until the reconciler has the attempt's entry at hand */
			doc->e->verdict = letter_unclaimed(e->letter) ? arena_strdup(g->arena, e->letter) : VERDICT_WEBHOOK;
			doc->touched = true;
			d->reconcile_all = d->reconcile_again = true;
		} else if (another) { /* it went out, and that is all that it says of ours */
			continue;
		} else if (overruled) {
			continue;
		} else if ((e->delivery == DELIVERY_BOUNCED_HARD || e->delivery == DELIVERY_SUPPRESSED) && e->attempt_id) {
			struct candidate member = { .escalation = doc->e, .policy = decide_policy(d, doc->e, debtor) };
			const char *task = doc->e->state == ESCALATION_TASK ? doc->e->task : NULL;

			contact_bounced(debtor, &member, 1, e->attempt_id, delivery_names[e->delivery], &g->fx);
			doc->touched = true;
			if (task && doc->e->state != ESCALATION_TASK)
				decide_task_left(d, g, doc, task);
		} else if (e->delivery == DELIVERY_FAILED && e->attempt_id) {
			tasks[failed_count] = doc->e->state == ESCALATION_TASK ? doc->e->task : NULL;
			failed[failed_count++] = (struct candidate){ .escalation = doc->e, .policy = decide_policy(d, doc->e, debtor) };
			doc->touched = true;
		} else if (letter_unclaimed(e->letter)) {
			doc->touched |= escalation_letter_unclaimed(doc->e, e->attempt_id, e->letter, &g->fx);
		}
	}
	if (failed_count && !overruled && (made || e->channel != CHANNEL_COUNT)) {
		const struct attempt_entry entry = { .id = e->attempt_id, .debtor_id = debtor->id, .invoice_ids = e->invoice_ids,
			.invoice_count = e->invoice_count, .channel = channel_names[made ? made->channel : e->channel] };

		contact_failed(debtor, failed, failed_count, &entry, e->reason ? e->reason : "failed", &g->fx);
		for (size_t i = 0; i < failed_count; i++)
			if (tasks[i] && failed[i].escalation->state != ESCALATION_TASK)
				decide_task_left(d, g, group_find(d, g, DOC_ESCALATION, failed[i].escalation->invoice.id), tasks[i]);
	}
}
