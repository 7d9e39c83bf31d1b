/* The invoices' own documents: what a message carries of them, what it waits for, and what it goes without. */
#include <errno.h>
#include <string.h>

#include "common/contact.h"
#include "common/hash.h"
#include "common/pdf_merge.h"
#include "common/utc.h"

#define PAUSE_MS (30 * MINUTE_MS) /* from one try to the next */
#define MERGE_AGAIN_MS MINUTE_MS /* where the others' PDFs take all the time */
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

static int get_document(const struct contact_env *env, const struct invoice *invoice, struct arena *arena, struct attachment *ret, int64_t *again_ms,
	size_t *fetched, struct err *err)
{
	const struct snapshot *s = &invoice->snapshot;
	struct document_wanted wanted = { invoice->id, invoice->order.version ? invoice->order.version : invoice->order.time,
		s->pdf_sha256, s->pdf_url, 0, false };
	struct err inner = { 0 };
	int r;

	if (env->unkept && (s->pdf_sha256 || s->pdf_url)) { /* it is only foretold: nothing is read or asked for */
		*ret = (struct attachment){ document_name(s->number ? s->number : invoice->id, arena), "application/pdf", "%PDF-", 5 };
		return 0;
	}
	if (!env->document || (!s->pdf_sha256 && !s->pdf_url))
		return err_set(err, -EBADMSG, CONTACT_NO_DOCUMENT, "", "invoice %s has no document: its events tell neither pdf_sha256 nor pdf_url",
			invoice->id);
	r = env->document(&wanted, arena, ret, &inner, env->document_arg);
	if (r == -EAGAIN && wanted.again_ms > *again_ms)
		*again_ms = wanted.again_ms;
	if (r < 0)
		return err_set(err, r, inner.code, inner.path, "the document of invoice %s: %s", invoice->id,
			r == -EAGAIN ? "it is still being fetched" : inner.text);
	*fetched += wanted.fetched;
	ret->name = document_name(s->number ? s->number : invoice->id, arena);
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

static void put_off(const struct contact_plan *plan, int64_t until)
{
	for (size_t i = 0; i < plan->member_count; i++) {
		plan->members[i]->retry_at = until;
		plan->members[i]->retry_why = "document";
	}
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
		put_off(plan, env->now + MERGE_AGAIN_MS);
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
	struct attachment *files = arena_alloc(arena, (before + plan->member_count + 1) * sizeof(*files));
	struct err awaited = { 0 };
	int64_t again_ms = 0;
	int r, worst = 0;

	papers->count = papers->merged_count = papers->fetched = 0;
	if (!plan->step->attach_invoice || (m->channel != CHANNEL_EMAIL && (m->channel != CHANNEL_LETTER || plan->step->channel != CHANNEL_LETTER)))
		return 0; /* a letter that only stands in for a mail goes alone */
	if (before + plan->member_count > ATTACHMENTS_MAX)
		return err_set(err, -EBADMSG, "too_long", "", "more than %d documents for one message", ATTACHMENTS_MAX);
	for (size_t i = 0; i < before; i++)
		files[i] = m->attachments[i];
	m->attachments = files;
	for (size_t i = 0; i < plan->member_count; i++) { /* all are asked for at once */
		struct escalation *e = plan->members[i];
		struct err missing = { 0 };

		r = get_document(env, &e->invoice, arena, &files[m->attachment_count], &again_ms, &papers->fetched, &missing);
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
		put_off(plan, env->now + again_ms);
		return err_set(err, worst, CONTACT_DOCUMENT_AWAITED, "", "its document is being fetched");
	}
	if (worst < 0)
		return err_set(err, worst, awaited.code, awaited.path, "%s", awaited.text);
	if (m->channel == CHANNEL_LETTER && m->attachment_count > capacity && !env->unkept) {
		r = contact_merge(env, plan, m, arena, &files[0], &awaited);
		if (r < 0)
			return err_set(err, r, r == -EAGAIN ? awaited.code : CONTACT_NO_DOCUMENT, "", "its enclosures: %s", awaited.text);
		papers->merged = arena_memdup(arena, files + before, plan->member_count * sizeof(*files));
		papers->merged_count = m->attachment_count - before;
		m->attachment_count = 1;
	}
	return 0;
}

bool contact_put_off(struct escalation *e, struct arena *arena, int r, const struct err *err, int64_t now)
{
	bool awaited = strcmp(err->code, CONTACT_DOCUMENT_AWAITED) == 0;
	bool person = strcmp(err->code, CONTACT_NO_DOCUMENT) == 0 || strcmp(err->code, CONTACT_INCOMPLETE) == 0;
	struct hold_entry hold = { .since = now, .why = arena_strdup(arena, err->text) };

	if (r == -EAGAIN && awaited)
		return true; /* it has its time already */
	/* else it cannot be rendered, lacks something, or has no provider: a person must mend the configuration */
	hold.reason = awaited ? CONTACT_DOCUMENT_AWAITED : person ? arena_strdup(arena, err->code) : "unrenderable";
	hold.until = now + (awaited ? PAUSE_MS : person ? DAY_MS : HOUR_MS);
	escalation_hold(e, arena, &hold);
	return awaited;
}
