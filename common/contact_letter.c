/* A contact on paper: the letter is made before its intent is recorded, so that the trail has the very bytes that are handed over. */
#include <errno.h>
#include <string.h>

#include "common/contact.h"
#include "common/hash.h"
#include "common/letter.h"
#include "common/statement.h"

#define POST_DAYS 3 /* business days: a letter is dated, and names a last day */

/* "F-2026-0042", "F-2026-0042 (+ 2)": what the reader may quote. */
static const char *reference_of(const struct contact_plan *plan, struct arena *arena)
{
	const struct invoice *first = &plan->members[0]->invoice;
	const char *number = first->snapshot.number ? first->snapshot.number : first->id;

	return plan->member_count > 1 ? arena_printf(arena, "%s (+ %zu)", number, plan->member_count - 1) : number;
}

/*
 * Registered electronic mail needs an address, and of a consumer the consent beforehand, of which we have no record (CPCE L100): then the
 * letter is registered on paper, which may be sent to anybody.
 */
static void choose_delivery(const struct debtor *debtor, const struct contact_plan *plan, struct message *m)
{
	enum letter_delivery delivery = plan->step->delivery;
	bool consumer = debtor->customer.kind == 2;

	m->registered = delivery != LETTER_SIMPLE;
	m->electronic = delivery == LETTER_E_REGISTERED && m->to.email && !consumer;
}

int contact_letter(const struct contact_env *env, const struct debtor *debtor, const struct contact_plan *plan, const struct sender *sender,
	const struct notice *notice, struct message *m, struct arena *arena, struct err *err)
{
	const struct config *config = env->config;
	const struct zone *zone = schedule_window(plan->policy, debtor, config->creditor.zone, env->holidays).zone;
	const char *house = debtor->customer.name ? debtor->customer.name : plan->contact->name;
	struct letter letter = { .locale = notice->format, .creditor = &config->creditor, .from = config->creditor_postal, .sender = sender,
		.to_name = house, .attention = plan->contact->name, .to = debtor->customer.postal, .written_on = zone_date(zone, env->now),
		.reference = reference_of(plan, arena), .attempt = m->attempt_id, .subject = notice->subject, .body = notice->text };
	struct attachment *file = arena_alloc(arena, sizeof(*file));
	CLEANUP(buf_clear) struct buf pdf = { 0 };
	int r;

	m->to.name = house;
	m->to_postal = debtor->customer.postal;
	m->from_postal = config->creditor_postal;
	choose_delivery(debtor, plan, m);
	letter.form = letter_form_of(letter.from.country, letter.to.country);
	letter.delivery = m->electronic ? LETTER_E_REGISTERED : m->registered ? LETTER_REGISTERED : LETTER_SIMPLE;
	if (env->checkpoint)
		letter.checkpoint = env->checkpoint(arena, env->checkpoint_arg);
	r = letter_pdf(&letter, &pdf, err);
	if (r < 0)
		return r;
	*file = (struct attachment){ .name = arena_printf(arena, "%s.pdf", m->attempt_id), .type = "application/pdf",
		.data = arena_memdup(arena, pdf.data, pdf.len), .len = pdf.len };
	m->attachments = file;
	m->attachment_count = 1;
	return 0;
}

static const struct escalation *older(const struct escalation *a, const struct escalation *b)
{
	int32_t days = date_diff(a->invoice.snapshot.due_on, b->invoice.snapshot.due_on);

	return days < 0 || (days == 0 && strcmp(a->invoice.id, b->invoice.id) <= 0) ? a : b;
}

int contact_statement(const struct contact_env *env, const struct debtor *debtor, const struct contact_plan *plan, const struct sender *sender,
	const struct notice *notice, struct message *m, struct arena *arena, struct err *err)
{
	const struct config *config = env->config;
	const struct zone *zone = schedule_window(plan->policy, debtor, config->creditor.zone, env->holidays).zone;
	size_t count = plan->open_count ? plan->open_count : plan->member_count;
	struct statement_line *lines = arena_alloc(arena, (count + 1) * sizeof(*lines));
	const struct escalation **sorted = arena_alloc(arena, (count + 1) * sizeof(*sorted));
	struct statement statement = { .locale = notice->format, .creditor = &config->creditor, .from = config->creditor_postal,
		.to = debtor->customer.postal, .sender = sender, .debtor_name = debtor->customer.name ? debtor->customer.name : plan->contact->name,
		.written_on = zone_date(zone, env->now), .lines = lines, .count = count, .left_out = plan->open_left_out };
	struct attachment *file = arena_alloc(arena, sizeof(*file));
	CLEANUP(buf_clear) struct buf pdf = { 0 };
	int r;

	for (size_t i = 0; i < count; i++) { /* the oldest first */
		size_t at = i;

		sorted[i] = plan->open_count ? plan->open[i] : plan->members[i];
		for (; at > 0 && older(sorted[i], sorted[at - 1]) == sorted[i]; at--)
			;
		for (const struct escalation *one = sorted[i]; at <= i; at++) {
			const struct escalation *next = sorted[at];

			sorted[at] = one;
			one = next;
		}
	}
	for (size_t i = 0; i < count; i++) {
		const struct snapshot *s = &sorted[i]->invoice.snapshot;
		struct invoice_view view = invoice_view(&sorted[i]->invoice);

		lines[i] = (struct statement_line){ s->number ? s->number : sorted[i]->invoice.id, s->issued_on, s->due_on, s->total,
			s->total - view.balance, view.balance, view.dispute != NULL };
	}
	memcpy(statement.currency, plan->members[0]->invoice.snapshot.currency, 4);
	r = statement_pdf(&statement, arena, &pdf, &file->name, err);
	if (r < 0)
		return r;
	file->type = "application/pdf";
	file->data = arena_memdup(arena, pdf.data, pdf.len);
	file->len = pdf.len;
	m->attachments = file;
	m->attachment_count = 1;
	return 0;
}

/* --- without a provider: a person prints and posts it ---------------------------------------------------------------- */

const char *const *contact_enclosures(const struct contact_env *env, const struct contact_plan *plan)
{
	bool formal = plan->channel == CHANNEL_LETTER && plan->step->notice && !plan->beside && env->demands;
	const struct demand_kind *kind = formal ? demand_kind(env->demands, plan->step->notice) : NULL;

	return kind && *kind->enclosures ? kind->enclosures : NULL;
}

bool contact_by_hand(const struct contact_env *env, const struct contact_plan *plan)
{
	return plan->step->kind == STEP_CALL ||
	       (plan->channel == CHANNEL_LETTER && (!env->config->channel_providers[CHANNEL_LETTER][0] || contact_enclosures(env, plan)));
}

/* What the person who posts it reads. */
static const char *post_script(const struct contact_env *env, const struct contact_plan *plan, const struct message *m, const char *address,
	bool behind, const struct contact_papers *papers, struct arena *arena)
{
	const char *script = arena_printf(arena, "Print and post%s: %s, %s\n", m->registered ? ", registered" : "", m->to.name, address);
	const char *const *enclosures = contact_enclosures(env, plan);
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	for (size_t i = 0; enclosures && enclosures[i]; i++)
		script = arena_printf(arena, "%s%s%s", script, i ? ", " : "Enclose: ", enclosures[i]);
	script = enclosures ? arena_printf(arena, "%s\n", script) : script;
	for (size_t i = 1; i < m->attachment_count; i++) { /* in documents.dir they have their digests for names */
		sha256(m->attachments[i].data, m->attachments[i].len, digest);
		script = behind ? arena_printf(arena, "%s%s%s%s", script, i == 1 ? "Behind it in the same document: " : ", ", m->attachments[i].name,
					  i + 1 == m->attachment_count ? "\n" : "") :
				  arena_printf(arena, "%sEnclose %s (%s.pdf)\n", script, m->attachments[i].name, hex_format(digest, SHA256_SIZE, hex));
	}
	for (size_t i = 0; i < papers->count; i++)
		script = arena_printf(arena, "%sIt goes without an invoice: %s\n", script, papers->whys[i]);
	return script;
}

int contact_open_post(const struct contact_env *env, struct debtor *debtor, const struct contact_plan *plan, struct effects *fx,
	struct err *err)
{
	struct business_time when = schedule_window(plan->policy, debtor, env->config->creditor.zone, env->holidays);
	struct message m = { .channel = CHANNEL_LETTER, .to = { .name = plan->contact->name, .email = NULL } };
	const struct sender *sender;
	const char *address;
	struct contact_papers papers;
	struct attachment printed;
	struct err unread = { 0 };
	struct notice notice;
	struct draft *record;
	struct task task;
	bool behind = false;
	date last;
	int r;

	m.attempt_id = contact_attempt(env, debtor, plan, fx->arena, &address);
	if ((r = contact_links(env, plan, fx, err)) < 0 ||
		(r = contact_render(env, debtor, plan, CHANNEL_LETTER, m.attempt_id, fx->arena, &notice, &sender, err)) < 0 ||
		(r = contact_letter(env, debtor, plan, sender, &notice, &m, fx->arena, err)) < 0 ||
		(r = contact_documents(env, plan, &m, &papers, fx->arena, err)) < 0)
		return r;
	last = business_add_days(&when, zone_date(when.zone, env->now), POST_DAYS);
	printed = m.attachments[0];
	if (m.attachment_count > 1 && !env->unkept) {
		r = contact_merge(env, plan, &m, fx->arena, &printed, &unread);
		if (r == -EAGAIN)
			return err_set(err, r, unread.code, "", "%s", unread.text);
		if (r < 0 && papers.fetched)
			return err_set(err, r, CONTACT_NO_DOCUMENT, "", "its enclosures: %s", unread.text); /* nobody could find them to enclose them */
		if (r < 0)
			printed = m.attachments[0]; /* they are read by eye, and enclosed by hand */
		behind = r == 0;
	}
	task = (struct task){ .id = arena_printf(fx->arena, "post:%s:%s", plan->members[0]->invoice.id, plan->step->id), .kind = "post",
		.debtor_id = debtor->id, .invoice_ids = contact_ids(plan, fx->arena), .invoice_count = plan->member_count, .step = plan->step->id,
		.role = plan->step->role, .owner = plan->step->owner, .opened_at = env->now, .deadline = zone_to_utc(when.zone, last, when.to_minute),
		.script = post_script(env, plan, &m, address, behind, &papers, fx->arena),
		.document = printed.data, .document_len = printed.len };
	contact_written(env, debtor, plan, &notice, task.id, fx);
	debtor_contact_add(debtor, fx->arena, env->now, CHANNEL_LETTER, task.id); /* it may be posted at any moment */
	*debtor_contact_made(debtor, task.id) = (struct contact_made){ .at = env->now, .channel = CHANNEL_LETTER, .attempt = task.id, .to = address };
	record = contact_task_opened(plan, &task, fx);
	if (behind) {
		papers.merged = m.attachments + 1;
		papers.merged_count = m.attachment_count - 1;
		m.attachments = &printed;
		m.attachment_count = 1;
	}
	contact_documents_write(&record->w, &m, &papers);
	return 0;
}
