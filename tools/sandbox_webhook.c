#include "tools/sandbox_webhook.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/hash.h"
#include "common/utc.h"

const char *const sandbox_schemes[SCHEME_COUNT + 1] = { "sandbox", "twilio", "sendgrid", "resend", NULL };
const char *const sandbox_words[WORD_COUNT + 1] = { "sent", "delivered", "deferred", "bounced", "bounced_soft", "complained", "opened",
	"stopped", "replied", NULL };

/* --- ids and addresses ---------------------------------------------------------------------------------------------------------- */

const char *sandbox_webhook_id(enum sandbox_scheme scheme, const struct sandbox_message *message, struct arena *arena)
{
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	sha256(message->id, strlen(message->id), digest);
	hex_format(digest, sizeof(digest), hex);
	switch (scheme) {
	case SCHEME_TWILIO:
		return arena_printf(arena, "SM%.32s", hex);
	case SCHEME_SENDGRID:
		return arena_printf(arena, "%.22s", hex);
	case SCHEME_RESEND:
		return arena_printf(arena, "%.8s-%.4s-4%.3s-8%.3s-%.12s", hex, hex + 8, hex + 12, hex + 15, hex + 18);
	default:
		return arena_strdup(arena, message->id);
	}
}

/* "to" or "from" may be an address, or a person with one. */
static const char *address_of(const struct json *body, const char *whose, const char *kind)
{
	struct json who = json_get(body, whose), address;

	if (json_str(&who))
		return json_str(&who);
	address = json_get(&who, kind);
	return json_str(&address) ? json_str(&address) : "";
}

struct made { /* a saying, with what every provider needs of it */
	const struct sandbox_saying *saying;
	struct arena *arena;
	struct json body;
	const char *id; /* the message's, of this provider */
	char at[UTC_TEXT_SIZE];
	const char *text;
};

static int not_said(const struct made *m, struct err *err)
{
	return err_set(err, -ENOTSUP, "not_said", "", "%s does not tell \"%s\"", sandbox_schemes[m->saying->scheme], sandbox_words[m->saying->word]);
}

static void set_json(const struct made *m, struct buf *body, struct sandbox_webhook *ret)
{
	ret->type = "application/json";
	ret->body = arena_memdup(m->arena, buf_str(body), body->len);
	ret->body_len = body->len;
}

/* --- Twilio: forms -------------------------------------------------------------------------------------------------------------- */

static void add_encoded(struct buf *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-_.", c))
			buf_add_char(out, (char)c);
		else if (c == ' ')
			buf_add_char(out, '+');
		else
			buf_printf(out, "%%%02X", c);
	}
}

static void set_form(const struct made *m, const char *const *fields, struct sandbox_webhook *ret)
{
	CLEANUP(buf_clear) struct buf body = { 0 };
	size_t count = 0;

	while (fields[count])
		count++;
	for (size_t i = 0; i < count; i++) {
		add_encoded(&body, fields[i]);
		if (i + 1 < count)
			buf_add_char(&body, i % 2 ? '&' : '=');
	}
	ret->type = "application/x-www-form-urlencoded; charset=utf-8";
	ret->body = arena_memdup(m->arena, buf_str(&body), body.len);
	ret->body_len = body.len;
	ret->fields = arena_memdup(m->arena, fields, (count + 1) * sizeof(*fields));
}

#define TWILIO_ACCOUNT "AC00000000000000000000000000000000"

static int make_twilio(const struct made *m, struct sandbox_webhook *ret, struct err *err)
{
	static const struct {
		const char *status, *code; /* Twilio's error codes: 30005 unknown handset, 30003 unreachable, as the file reads them */
	} rows[WORD_COUNT] = { [WORD_SENT] = { "sent", NULL }, [WORD_DELIVERED] = { "delivered", NULL }, [WORD_BOUNCED] = { "undelivered", "30005" },
		[WORD_BOUNCED_SOFT] = { "undelivered", "30003" }, [WORD_OPENED] = { "read", NULL } };
	enum sandbox_word word = m->saying->word;
	const char *to = address_of(&m->body, "to", "phone"), *from = address_of(&m->body, "from", "phone");

	if (word == WORD_STOPPED || word == WORD_REPLIED) {
		const char *const fields[] = { "MessageSid", arena_printf(m->arena, "SM%.32s", m->saying->event), "AccountSid", TWILIO_ACCOUNT,
			"From", to, "To", from, "Body", word == WORD_STOPPED ? "STOP" : m->text, "NumMedia", "0", "NumSegments", "1",
			word == WORD_STOPPED ? "OptOutType" : NULL, "STOP", NULL };

		ret->path = "/hooks/twilio-sms/inbound";
		set_form(m, fields, ret);
		return 0;
	}
	if (!rows[word].status)
		return not_said(m, err);
	const char *const fields[] = { "MessageSid", m->id, "MessageStatus", rows[word].status, "AccountSid", TWILIO_ACCOUNT, "ApiVersion",
		"2010-04-01", "To", to, "From", from, rows[word].code ? "ErrorCode" : NULL, rows[word].code, NULL };

	CLEANUP(buf_clear) struct buf path = { 0 };

	buf_add_str(&path, "/hooks/twilio-sms/status?d=");
	add_encoded(&path, m->saying->message->attempt);
	ret->path = arena_strdup(m->arena, buf_str(&path));
	set_form(m, fields, ret);
	return 0;
}

/* --- SendGrid ------------------------------------------------------------------------------------------------------------------- */

/* Inbound Parse: a multipart form. No text can hold the boundary, which is drawn for each. */
static void make_sendgrid_reply(const struct made *m, struct sandbox_webhook *ret)
{
	const char *boundary = arena_printf(m->arena, "sandbox-%s", m->saying->event);
	const char *const fields[] = { "from", address_of(&m->body, "to", "email"), "to", address_of(&m->body, "from", "email"), "subject", "Re:",
		"text", m->text, "charsets", "{\"from\":\"UTF-8\",\"to\":\"UTF-8\",\"subject\":\"UTF-8\",\"text\":\"UTF-8\"}", NULL };
	CLEANUP(buf_clear) struct buf body = { 0 };

	for (size_t i = 0; fields[i]; i += 2)
		buf_printf(&body, "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n", boundary, fields[i], fields[i + 1]);
	buf_printf(&body, "--%s--\r\n", boundary);
	ret->path = "/hooks/sendgrid/inbound";
	ret->type = arena_printf(m->arena, "multipart/form-data; boundary=%s", boundary);
	ret->body = arena_memdup(m->arena, buf_str(&body), body.len);
	ret->body_len = body.len;
}

static int make_sendgrid(const struct made *m, struct sandbox_webhook *ret, struct err *err)
{
	static const struct {
		const char *event, *type, *reason, *status;
	} rows[WORD_COUNT] = { [WORD_SENT] = { "processed", NULL, NULL, NULL }, [WORD_DELIVERED] = { "delivered", NULL, NULL, NULL },
		[WORD_DEFERRED] = { "deferred", NULL, NULL, NULL },
		[WORD_BOUNCED] = { "bounce", "bounce", "550 5.1.1 The sandbox knows nobody of this name", "5.1.1" },
		[WORD_BOUNCED_SOFT] = { "bounce", "blocked", "452 4.2.2 The mailbox in the sandbox is full", "4.2.2" },
		[WORD_COMPLAINED] = { "spamreport", NULL, NULL, NULL }, [WORD_OPENED] = { "open", NULL, NULL, NULL },
		[WORD_STOPPED] = { "unsubscribe", NULL, NULL, NULL } };
	enum sandbox_word word = m->saying->word;
	CLEANUP(buf_clear) struct buf body = { 0 };
	struct json_writer w = jw_init(&body);

	if (word == WORD_REPLIED) {
		make_sendgrid_reply(m, ret);
		return 0;
	}
	if (!rows[word].event)
		return not_said(m, err);
	jw_array(&w, NULL);
	jw_object(&w, NULL);
	jw_str(&w, "email", address_of(&m->body, "to", "email"));
	jw_int(&w, "timestamp", m->saying->at / 1000);
	jw_str(&w, "event", rows[word].event);
	jw_str(&w, "sg_event_id", m->saying->event);
	jw_str(&w, "sg_message_id", arena_printf(m->arena, "%s.recvd-sandbox-0", m->id));
	jw_opt_str(&w, "type", rows[word].type);
	jw_opt_str(&w, "reason", rows[word].reason);
	jw_opt_str(&w, "status", rows[word].status);
	jw_str(&w, "attempt", m->saying->message->attempt);
	jw_end_object(&w);
	jw_end_array(&w);
	buf_add_str(&body, "\r\n"); /* SendGrid's bodies end so, and it is signed */
	ret->path = "/hooks/sendgrid";
	set_json(m, &body, ret);
	return 0;
}

/* --- Resend --------------------------------------------------------------------------------------------------------------------- */

static void write_trouble(struct json_writer *w, const char *key, const char *type, const char *sub_key, const char *sub, const char *message)
{
	jw_object(w, key);
	jw_array(w, "diagnosticCode");
	jw_str(w, NULL, message);
	jw_end_array(w);
	jw_str(w, "message", message);
	jw_str(w, sub_key, sub);
	jw_str(w, "type", type);
	jw_end_object(w);
}

/* Of a reply it tells that it came, and not what it says. */
static void write_received(const struct made *m, struct json_writer *w)
{
	static const char *const empty[] = { "bcc", "cc", "attachments", NULL };

	jw_str(w, "message_id", arena_printf(m->arena, "<%s@sandbox.example>", m->saying->event));
	for (size_t i = 0; empty[i]; i++) {
		jw_array(w, empty[i]);
		jw_end_array(w);
	}
}

static int make_resend(const struct made *m, struct sandbox_webhook *ret, struct err *err)
{
	static const char *const types[WORD_COUNT] = { [WORD_SENT] = "email.sent", [WORD_DELIVERED] = "email.delivered",
		[WORD_DEFERRED] = "email.delivery_delayed", [WORD_BOUNCED] = "email.bounced", [WORD_BOUNCED_SOFT] = "email.bounced",
		[WORD_COMPLAINED] = "email.complained", [WORD_OPENED] = "email.opened", [WORD_STOPPED] = "email.suppressed",
		[WORD_REPLIED] = "email.received" };
	enum sandbox_word word = m->saying->word;
	bool reply = word == WORD_REPLIED;
	struct json subject = json_get(&m->body, "subject");
	CLEANUP(buf_clear) struct buf body = { 0 };
	struct json_writer w = jw_init(&body);

	if (!types[word])
		return not_said(m, err);
	jw_object(&w, NULL);
	jw_str(&w, "type", types[word]);
	jw_str(&w, "created_at", m->at);
	jw_object(&w, "data");
	jw_str(&w, "email_id", m->id);
	jw_str(&w, "created_at", m->at);
	jw_str(&w, "from", address_of(&m->body, reply ? "to" : "from", "email"));
	jw_array(&w, "to");
	jw_str(&w, NULL, address_of(&m->body, reply ? "from" : "to", "email"));
	jw_end_array(&w);
	jw_str(&w, "subject", json_str(&subject) ? json_str(&subject) : "");
	if (reply) {
		write_received(m, &w);
	} else {
		jw_object(&w, "tags");
		jw_str(&w, "attempt", m->saying->message->attempt);
		jw_end_object(&w);
	}
	if (word == WORD_BOUNCED)
		write_trouble(&w, "bounce", "Permanent", "subType", "NoEmail", "550 5.1.1 The sandbox knows nobody of this name");
	else if (word == WORD_BOUNCED_SOFT)
		write_trouble(&w, "bounce", "Transient", "subType", "MailboxFull", "452 4.2.2 The mailbox in the sandbox is full");
	else if (word == WORD_STOPPED)
		write_trouble(&w, "suppressed", "OnAccountSuppressionList", "reason", "previous_complaint", "The sandbox suppresses this address");
	jw_end_object(&w);
	jw_end_object(&w);
	ret->path = reply ? "/hooks/resend/inbound" : "/hooks/resend";
	set_json(m, &body, ret);
	return 0;
}

/* --- the sandbox's own -------------------------------------------------------------------------------------------------------------- */

static int make_own(const struct made *m, struct sandbox_webhook *ret)
{
	static const char *const reasons[WORD_COUNT] = { [WORD_BOUNCED] = "nobody of this name", [WORD_BOUNCED_SOFT] = "the mailbox is full",
		[WORD_DEFERRED] = "try again later" };
	struct json channel = json_get(&m->body, "channel");
	bool mail = json_str(&channel) && strcmp(json_str(&channel), "email") == 0;
	CLEANUP(buf_clear) struct buf body = { 0 };
	struct json_writer w = jw_init(&body);

	jw_object(&w, NULL);
	jw_str(&w, "event", m->saying->event);
	jw_str(&w, "type", sandbox_words[m->saying->word]);
	jw_int(&w, "time", m->saying->at / 1000);
	jw_str(&w, "attempt", m->saying->message->attempt);
	jw_str(&w, "message", m->id);
	jw_opt_str(&w, "address", address_of(&m->body, "to", mail ? "email" : "phone"));
	jw_opt_str(&w, "reason", reasons[m->saying->word]);
	if (m->saying->word == WORD_REPLIED)
		jw_str(&w, "text", m->text);
	jw_end_object(&w);
	ret->path = "/hooks/sandbox";
	set_json(m, &body, ret);
	return 0;
}

int sandbox_webhook_make(const struct sandbox_saying *saying, struct arena *arena, struct sandbox_webhook *ret, struct err *err)
{
	struct made made = { .saying = saying, .arena = arena, .body = sandbox_message_body(saying->message, arena),
		.id = sandbox_webhook_id(saying->scheme, saying->message, arena), .text = saying->text ? saying->text : "" };

	*ret = (struct sandbox_webhook){ 0 };
	utc_format(saying->at, made.at);
	switch (saying->scheme) {
	case SCHEME_TWILIO:
		return make_twilio(&made, ret, err);
	case SCHEME_SENDGRID:
		return make_sendgrid(&made, ret, err);
	case SCHEME_RESEND:
		return make_resend(&made, ret, err);
	default:
		return make_own(&made, ret);
	}
}
