/* What a webhook told, as an event of the inbound stream: whom it is about, what became of the message, and the bytes that say so. */
#include <errno.h>
#include <string.h>

#include "common/contact.h"
#include "common/hash.h"
#include "common/utc.h"
#include "daemon/intake.h"

#define BODY_KEPT_MAX (96 * 1024) /* in base64 it still fits into an event */
#define APART_MAX (8 * 1024 * 1024) /* what goes beside it, through Redis into the trail; of more the digest is kept, and each file's */

static bool plain_text(const char *text, size_t len)
{
	for (const char *p = text, *end = text + len; p < end;) {
		size_t n = utf8_len(p, end);

		if (!n || ((unsigned char)*p < 0x20 && !strchr("\t\r\n", *p)) || !*p)
			return false;
		p += n;
	}
	return true;
}

/* A secret that is sent along is not kept: only what a signature needs to be checked again. */
static void write_headers(struct json_writer *w, const struct hook_origin *origin)
{
	const char *name;

	if (!origin->hook)
		return;
	jw_object(w, "headers");
	for (size_t i = 0; (name = hook_signed_header(origin->hook, i)); i++)
		for (size_t k = 0; k < origin->request->header_count; k++)
			if (strcasecmp(origin->request->headers[k].name, name) == 0)
				jw_str(w, name, origin->request->headers[k].value);
	jw_end_object(w);
}

static struct slice bytes_of(const struct hook_origin *origin, const struct hook_event *event)
{
	return origin->alone ? (struct slice){ (const uint8_t *)origin->request->body, origin->request->body_len } :
			       (struct slice){ (const uint8_t *)event->raw, event->raw_len };
}

bool intake_event_apart(const struct hook_origin *origin, const struct hook_event *event, struct slice *ret)
{
	*ret = bytes_of(origin, event);
	return origin->verified && !event->unread && ret->len > BODY_KEPT_MAX && ret->len <= APART_MAX;
}

/* The bytes that are signed, when they are about this debtor alone; else his part of them, and the digest of the whole. */
static void write_evidence(struct json_writer *w, const struct hook_origin *origin, const struct hook_event *event, const struct intake_proof *proof)
{
	const struct hook_request *request = origin->request;
	CLEANUP(buf_clear) struct buf base64 = { 0 };
	struct slice bytes = bytes_of(origin, event);

	jw_object(w, "webhook");
	jw_int(w, "received_at", origin->now);
	jw_str(w, "body_sha256", proof->body_sha256);
	if (origin->hook && !hook_secret_in_path(origin->hook))
		jw_str(w, "url", request->url);
	write_headers(w, origin);
	if (bytes.len > BODY_KEPT_MAX) {
		if (proof->apart_sha256) { /* else the digest alone */
			jw_str(w, "apart", proof->apart_sha256);
			jw_int(w, "apart_bytes", (int64_t)bytes.len);
			if (proof->apart_stays)
				jw_bool(w, "apart_stays", true);
		}
	} else if (!origin->alone) {
		jw_strn(w, "part", event->raw, event->raw_len);
	} else if (plain_text(request->body, request->body_len)) {
		jw_strn(w, "body", request->body, request->body_len);
	} else {
		base64_add(&base64, request->body, request->body_len);
		jw_str(w, "body_base64", buf_str(&base64));
	}
	jw_end_object(w);
}

static const char *status_of(enum hook_word word)
{
	return word == HOOK_BOUNCED_HARD || word == HOOK_BOUNCED_SOFT ? "bounced" : hook_words[word];
}

/* `exactly`: it is about this very attempt. */
static void write_who(struct json_writer *w, const struct attempt_entry *entry, bool exactly)
{
	jw_opt_str(w, "customer_id", id_valid(entry->debtor_id) ? entry->debtor_id : NULL); /* of the digest there is none */
	jw_array(w, "invoice_ids");
	for (size_t i = 0; i < entry->invoice_count; i++)
		jw_str(w, NULL, entry->invoice_ids[i]);
	jw_end_array(w);
	if (exactly)
		jw_opt_str(w, "attempt_id", entry->id);
	jw_str(w, "channel", entry->channel);
}

static void write_data(struct json_writer *w, const struct hook_origin *origin, const struct hook_event *event, const struct attempt_entry *entry,
	bool by_address)
{
	if (entry)
		write_who(w, entry, !by_address || event->word == HOOK_REPLIED);
	else
		jw_opt_str(w, "attempt_id", event->attempt_id);
	if (entry && by_address)
		jw_bool(w, "by_address", true);
	jw_str(w, "provider", origin->provider);
	jw_opt_str(w, "provider_id", event->message_id);
	if (event->word == HOOK_REPLIED)
		jw_str(w, "reply_id", event->id);
	else
		jw_str(w, "status", status_of(event->word));
	if (event->word == HOOK_BOUNCED_HARD)
		jw_bool(w, "permanent", true);
	jw_opt_str(w, "said", event->said);
	jw_opt_str(w, "reason", event->reason);
	jw_opt_str(w, "address", event->address);
	jw_opt_str(w, "recipient", event->recipient);
	jw_opt_str(w, "text", event->text);
	if (event->announced)
		jw_bool(w, "announced", true);
	if (event->files)
		jw_raw(w, "files", event->files, strlen(event->files));
	jw_bool(w, "verified", origin->verified);
}

void intake_event_write(struct buf *out, const struct hook_origin *origin, const struct hook_event *event, const struct intake_proof *proof,
	const struct attempt_entry *entry, bool by_address)
{
	struct json_writer w = jw_init(out);
	char time[UTC_TEXT_SIZE];

	if (event->unread) { /* no event, whatever stands in it: a dead letter that says where it came from, and why */
		jw_array(&w, NULL);
		jw_str(&w, NULL, origin->source);
		jw_str(&w, NULL, event->reason);
		jw_raw(&w, NULL, event->raw, event->raw_len);
		jw_end_array(&w);
		return;
	}
	/* One from the future would win over all that follow: for us it happened by now. */
	utc_format(event->at && event->at < origin->now ? event->at : origin->now, time);
	jw_object(&w, NULL);
	jw_str(&w, "specversion", "1.0");
	jw_str(&w, "id", event->id);
	jw_str(&w, "source", origin->source);
	jw_str(&w, "type", event->word == HOOK_REPLIED ? "contact.reply_received" :
			   hook_word_of_letters(event->word) ? "letter.status_updated" : "contact.delivery_updated");
	jw_str(&w, "time", time);
	jw_object(&w, "data");
	write_data(&w, origin, event, entry, by_address);
	write_evidence(&w, origin, event, proof);
	jw_end_object(&w);
	jw_end_object(&w);
}

/* That it arrived, or goes on, is kept in the trail in any case, and nobody needs to look for it. */
static bool is_grave(const struct json *data)
{
	static const char *const words[] = { "failed", "unclaimed", "refused", "stopped", "suppressed", "complained" };
	struct json status = json_get(data, "status"), permanent = json_get(data, "permanent");

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (json_str(&status) && strcmp(json_str(&status), words[i]) == 0)
			return true;
	return json_bool(&permanent);
}

int intake_event_claim(struct buf *out, const char *text, size_t len, const struct attempt_entry *entry, bool by_address, bool given_up)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json_writer w = jw_init(out);
	struct json root, data, value;
	const char *key;

	if (json_parse(arena, text, len, 0, &root, NULL) < 0 || json_get(&root, "data").type != JSON_OBJECT)
		return -EBADMSG;
	data = json_get(&root, "data");
	jw_object(&w, NULL);
	for (size_t i = 0; json_member(&root, &i, &key, &value);)
		if (strcmp(key, "data") != 0)
			jw_json(&w, key, &value);
	jw_object(&w, "data");
	if (entry)
		write_who(&w, entry, !by_address);
	for (size_t i = 0; json_member(&data, &i, &key, &value);)
		jw_json(&w, key, &value);
	if (!entry && given_up && is_grave(&data))
		jw_bool(&w, "given_up", true);
	jw_end_object(&w);
	jw_end_object(&w);
	return 0;
}
