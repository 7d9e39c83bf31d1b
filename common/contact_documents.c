/* The invoices' own documents: what a message carries of them, what it waits for, and what it goes without. */
#include <errno.h>
#include <string.h>

#include "common/contact.h"
#include "common/hash.h"
#include "common/pdf_merge.h"
#include "common/utc.h"

#define PAUSE_MS (30 * MINUTE_MS) /* from one try to the next */
#define MERGE_AGAIN_MS MINUTE_MS /* where the others' PDFs take all the time */
#define LINK_WAIT_MS HOUR_MS /* for a producer that makes a new payment link */
#define WAIT_MS DAY_MS /* from the first try until the step's word counts */

static void write_files(struct json_writer *w, const char *key, const struct attachment *files, size_t count)
{
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	if (count == 0)
		return;
	jw_array(w, key);
	for (size_t i = 0; i < count; i++) {
		sha256(files[i].data, files[i].len, digest);
		jw_object(w, NULL);
		jw_int(w, "size", (int64_t)files[i].len);
		jw_str(w, "sha256", hex_format(digest, SHA256_SIZE, hex));
		jw_end_object(w);
	}
	jw_end_array(w);
}

void contact_documents_write(struct json_writer *w, const struct message *m, const struct contact_papers *papers)
{
	write_files(w, "attachments", m->attachments, m->attachment_count);
	write_files(w, "merged", papers->merged, papers->merged_count);
	if (papers->count > 0) {
		jw_array(w, "documents_omitted");
		for (size_t i = 0; i < papers->count; i++) {
			jw_object(w, NULL);
			jw_str(w, "invoice", papers->invoice_ids[i]);
			jw_str(w, "why", papers->whys[i]);
			jw_end_object(w);
		}
		jw_end_array(w);
	}
}

/* Of an invoice: its own document, or that of the contract it rests on. */
struct paper {
	struct escalation *e;
	bool contract;
	const char *name, *sha256, *url;
};

/* "F/2026 17" is "F-2026 17.pdf": a plain file name everywhere. */
static const char *document_name(const char *number, struct arena *arena)
{
	char *name = arena_printf(arena, "%.100s.pdf", number);

	for (char *p = name; *p; p++)
		if (!((*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z') || *p == '_' || *p == ' ' ||
			    (*p == '.' && p > name)))
			*p = '-';
	return name;
}

static struct paper paper_of(struct escalation *e, bool contract, struct arena *arena)
{
	const struct snapshot *s = &e->invoice.snapshot;
	const char *number = s->number ? s->number : e->invoice.id;

	if (!contract)
		return (struct paper){ e, false, document_name(number, arena), s->pdf_sha256, s->pdf_url };
	return (struct paper){ e, true, document_name(s->contract ? s->contract : arena_printf(arena, "%s-contract", number), arena),
		s->contract_sha256, s->contract_url };
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* What the step attaches: every invoice's document, and each contract's once, where one was told of. Returns how many. */
static size_t papers_wanted(const struct contact_plan *plan, struct paper *ret, struct arena *arena)
{
	size_t count = 0, own = plan->member_count;

	for (size_t i = 0; i < own; i++)
		ret[count++] = paper_of(plan->members[i], false, arena);
	for (size_t i = 0; plan->step->attach_contract && i < own; i++) {
		struct paper one = paper_of(plan->members[i], true, arena);
		bool known = !one.sha256 && !one.url;

		for (size_t k = own; k < count && !known; k++)
			known = same(ret[k].sha256, one.sha256) && same(ret[k].url, one.url);
		if (!known)
			ret[count++] = one;
	}
	return count;
}

static int get_document(const struct contact_env *env, const struct paper *paper, struct arena *arena, struct attachment *ret, int64_t *again_ms,
	size_t *fetched, struct err *err)
{
	const struct invoice *invoice = &paper->e->invoice;
	const char *what = paper->contract ? "contract" : "document";
	struct document_wanted wanted = { invoice->id, invoice->order.version ? invoice->order.version : invoice->order.time,
		paper->sha256, paper->url, 0, false };
	struct err inner = { 0 };
	int r;

	if (env->unkept && (paper->sha256 || paper->url)) { /* it is only foretold: nothing is read or asked for */
		*ret = (struct attachment){ paper->name, "application/pdf", "%PDF-", 5 };
		return 0;
	}
	if (!env->document || (!paper->sha256 && !paper->url))
		return err_set(err, -EBADMSG, CONTACT_NO_DOCUMENT, "", "invoice %s has no document: its events tell neither pdf_sha256 nor pdf_url",
			invoice->id);
	r = env->document(&wanted, arena, ret, &inner, env->document_arg);
	if (r == -EAGAIN && wanted.again_ms > *again_ms)
		*again_ms = wanted.again_ms;
	if (r < 0)
		return err_set(err, r, inner.code, inner.path, "the %s of invoice %s: %s", what, invoice->id,
			r == -EAGAIN ? "it is still being fetched" : inner.text);
	*fetched += wanted.fetched;
	ret->name = paper->name;
	ret->type = "application/pdf";
	return 0;
}

/* A reminder is still one without its copy of the invoice, which its text can link; a formal notice and a letter are only what they are whole. */
static bool goes_without(const struct step *step, const struct message *m)
{
	if (step->without_document != WITHOUT_DOCUMENT_UNSAID)
		return step->without_document == WITHOUT_DOCUMENT_SEND;
	return m->channel == CHANNEL_EMAIL && step->tone < TONE_FORMAL;
}

/* `missing` says why: whether the contact waits, for a person after all, or goes without. 0: it goes without. */
static int decide_missing(const struct contact_env *env, const struct contact_plan *plan, struct escalation *e, const struct message *m, int r,
	const struct err *missing, struct contact_papers *papers, struct arena *arena, struct err *err)
{
	if (env->now < e->document_until)
		return err_set(err, r, CONTACT_DOCUMENT_AWAITED, missing->path, "%s", missing->text);
	if (!goes_without(plan->step, m))
		return err_set(err, r == -EAGAIN ? -EIO : r, CONTACT_NO_DOCUMENT, missing->path, "%s", missing->text);
	papers->invoice_ids[papers->count] = e->invoice.id;
	papers->whys[papers->count++] = arena_strdup(arena, missing->text);
	return 0;
}

static void put_off(const struct contact_plan *plan, int64_t until, const char *why)
{
	for (size_t i = 0; i < plan->member_count; i++) {
		plan->members[i]->retry_at = until;
		plan->members[i]->retry_why = why;
	}
}

static void ask_for_link(const struct escalation *e, const char *step, int64_t wait_until, struct effects *fx)
{
	const struct snapshot *s = &e->invoice.snapshot;
	char text[UTC_TEXT_SIZE];

	for (int i = 0; i < 2; i++) {
		struct draft *draft = i ? effects_event(fx, "invoice.payment_url_requested", e->invoice.debtor_id, e->invoice.id) :
					  effects_record(fx, "payment_url.requested", e->invoice.debtor_id);

		if (!i)
			jw_str(&draft->w, "invoice", e->invoice.id);
		jw_str(&draft->w, "step", step);
		jw_str(&draft->w, "expired", utc_format(s->payment_url_until, text));
		jw_str(&draft->w, "wanted_by", utc_format(wait_until, text));
	}
}

int contact_links(const struct contact_env *env, const struct contact_plan *plan, struct effects *fx, struct err *err)
{
	int64_t until = 0;

	for (size_t i = 0; i < plan->member_count && !plan->beside; i++) {
		struct escalation *e = plan->members[i];

		if (!e->invoice.snapshot.payment_url || payment_link_of(e, env->now))
			continue;
		if (!e->link_until) {
			e->link_until = env->now + LINK_WAIT_MS;
			ask_for_link(e, plan->steps[i]->id, e->link_until, fx);
		}
		until = e->link_until > until ? e->link_until : until;
	}
	if (until <= env->now)
		return 0;
	put_off(plan, until, RETRY_PAYMENT_LINK);
	return err_set(err, -EAGAIN, CONTACT_LINK_AWAITED, "", "its payment link has expired, and another one was asked for");
}

int contact_merge(const struct contact_env *env, const struct contact_plan *plan, const struct message *m, struct arena *arena,
	struct attachment *ret, struct err *err)
{
	struct pdf_part *parts = arena_alloc(arena, m->attachment_count * sizeof(*parts));
	CLEANUP(buf_clear) struct buf whole = { 0 };
	size_t total = 0;
	int r;

	for (size_t i = 0; i < m->attachment_count; i++) {
		parts[i] = (struct pdf_part){ m->attachments[i].name, m->attachments[i].data, m->attachments[i].len };
		total += m->attachments[i].len;
	}
	if (total > ATTACHMENT_BYTES_MAX)
		return err_set(err, -EBADMSG, "too_long", "", "together they have more than %zu MiB", ATTACHMENT_BYTES_MAX >> 20);
	r = env->merge ? env->merge(parts, m->attachment_count, &whole, err, env->merge_arg) : pdf_merge(parts, m->attachment_count, &whole, err);
	if (r == -EAGAIN) {
		put_off(plan, env->now + MERGE_AGAIN_MS, "document");
		return err_set(err, r, CONTACT_DOCUMENT_AWAITED, "", "its documents are yet to be made one");
	}
	if (r < 0)
		return r;
	*ret = m->attachments[0];
	ret->data = arena_memdup(arena, whole.data, whole.len);
	ret->len = whole.len;
	return 0;
}

int contact_documents(const struct contact_env *env, const struct contact_plan *plan, struct message *m, struct contact_papers *papers,
	struct arena *arena, struct err *err)
{
	size_t before = m->attachment_count, capacity = m->provider && env->capacity ? env->capacity(m->provider, env->capacity_arg) : ATTACHMENTS_MAX;
	struct paper *wanted = arena_alloc(arena, 2 * plan->member_count * sizeof(*wanted));
	struct attachment *files;
	struct err awaited = { 0 };
	int64_t again_ms = 0;
	size_t count;
	int r, worst = 0;

	papers->count = papers->merged_count = papers->fetched = 0;
	if (!plan->step->attach_invoice || (m->channel != CHANNEL_EMAIL && (m->channel != CHANNEL_LETTER || plan->step->channel != CHANNEL_LETTER)))
		return 0; /* a letter that only stands in for a mail goes alone */
	count = papers_wanted(plan, wanted, arena);
	files = arena_alloc(arena, (before + count + 1) * sizeof(*files));
	if (before + count > ATTACHMENTS_MAX)
		return err_set(err, -EBADMSG, "too_long", "", "more than %d documents for one message", ATTACHMENTS_MAX);
	for (size_t i = 0; i < before; i++)
		files[i] = m->attachments[i];
	m->attachments = files;
	for (size_t i = 0; i < count; i++) { /* all are asked for at once */
		struct escalation *e = wanted[i].e;
		struct err missing = { 0 };

		r = get_document(env, &wanted[i], arena, &files[m->attachment_count], &again_ms, &papers->fetched, &missing);
		if (r < 0 && !e->document_until)
			e->document_until = env->now + WAIT_MS;
		if (r == 0)
			m->attachment_count++;
		else if (r == -EAGAIN && env->now < e->document_until)
			worst = r;
		else if (worst != -EAGAIN && (r = decide_missing(env, plan, e, m, r, &missing, papers, arena, &awaited)) < 0)
			worst = r;
	}
	if (worst == -EAGAIN) {
		put_off(plan, env->now + again_ms, "document");
		return err_set(err, worst, CONTACT_DOCUMENT_AWAITED, "", "its document is being fetched");
	}
	if (worst < 0)
		return err_set(err, worst, awaited.code, awaited.path, "%s", awaited.text);
	if (m->channel == CHANNEL_LETTER && m->attachment_count > capacity && !env->unkept) {
		r = contact_merge(env, plan, m, arena, &files[0], &awaited);
		if (r < 0)
			return err_set(err, r, r == -EAGAIN ? awaited.code : CONTACT_NO_DOCUMENT, "", "its enclosures: %s", awaited.text);
		papers->merged = arena_memdup(arena, files + before, count * sizeof(*files));
		papers->merged_count = m->attachment_count - before;
		m->attachment_count = 1;
	}
	return 0;
}

/* The message cannot be made for its channel: the step's other one, where that reaches somebody. */
static bool other_channel(const struct contact_env *env, const struct debtor *debtor, const struct contact_plan *plan, size_t i)
{
	struct rules rules = contact_rules(env, plan->policy);
	struct escalation *e = plan->members[i];
	enum channel channel;
	struct permit permit;

	if (plan->beside || !plan->steps[i]->has_fallback || plan->channel != plan->steps[i]->channel || e->channel_failed)
		return false;
	e->channel_failed = channel_names[plan->channel];
	if (escalation_reach(e, debtor, &rules, plan->steps[i], env->now, &channel, &permit))
		return true;
	e->channel_failed = NULL;
	return false;
}

/* Beside a closed invoice no hold is told of, and no timer looks again. */
static void ask_person(const struct contact_plan *plan, const struct escalation *e, const struct hold_entry *hold, struct effects *fx)
{
	struct task task = { .id = arena_printf(fx->arena, "review:%s", e->invoice.id), .kind = "review", .debtor_id = e->invoice.debtor_id,
		.invoice_ids = &e->invoice.id, .invoice_count = 1, .step = plan->step->id, .reason = hold->why, .opened_at = hold->since,
		.deadline = hold->until };

	effects_task(fx, &task);
}

bool contact_put_off(const struct contact_env *env, const struct debtor *debtor, const struct contact_plan *plan, size_t i, int r,
	const struct err *err, struct effects *fx)
{
	bool awaited = strcmp(err->code, CONTACT_DOCUMENT_AWAITED) == 0 || strcmp(err->code, CONTACT_LINK_AWAITED) == 0;
	bool person = strcmp(err->code, CONTACT_NO_DOCUMENT) == 0 || strcmp(err->code, CONTACT_INCOMPLETE) == 0;
	struct hold_entry hold = { .since = env->now, .why = arena_strdup(fx->arena, err->text) };
	struct escalation *e = plan->members[i];

	if (r == -EAGAIN && awaited)
		return true; /* it has its time already */
	if (!awaited && !person && other_channel(env, debtor, plan, i))
		return true;
	/* else it cannot be made, lacks something, or has no provider: a person must mend the configuration, or the data */
	hold.reason = awaited ? CONTACT_DOCUMENT_AWAITED : person ? arena_strdup(fx->arena, err->code) : HOLD_UNRENDERABLE;
	hold.until = env->now + (awaited ? PAUSE_MS : DAY_MS);
	escalation_hold(e, fx->arena, &hold);
	if (plan->beside && plan->asides[0].kind == ASIDE_STOPPED) { /* it passes every hold */
		e->retry_at = hold.until;
		e->retry_why = NULL;
	}
	if (!awaited && e->state == ESCALATION_CLOSED)
		ask_person(plan, e, &hold, fx);
	return awaited;
}
