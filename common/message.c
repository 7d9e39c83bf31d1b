#include "common/message.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/hash.h"

#define NAME_MAX_LEN 500
#define WRITTEN_AT_MAX INT64_C(253402300799999) /* the end of the year 9999 */
#define ADDRESS_MAX_LEN 320
#define SUBJECT_MAX_LEN 2000
#define BODY_MAX_LEN ((size_t)1024 * 1024)
#define INVOICES_MAX 1000

const char *const channel_names[CHANNEL_COUNT + 1] = { "email", "sms", "call", "letter", "voice",
	NULL };
const char *const letter_delivery_names[LETTER_DELIVERY_COUNT + 1] = { "simple", "registered", "e-registered", NULL };

static struct party copy_party(const struct party *from, struct arena *arena)
{
	return (struct party){ .name = arena_strdup(arena, from->name), .email = arena_strdup(arena, from->email),
		.phone = arena_strdup(arena, from->phone), .reply_to = arena_strdup(arena, from->reply_to) };
}

static struct postal copy_postal(const struct postal *from, struct arena *arena)
{
	return (struct postal){ .line1 = arena_strdup(arena, from->line1), .line2 = arena_strdup(arena, from->line2),
		.postcode = arena_strdup(arena, from->postcode), .city = arena_strdup(arena, from->city),
		.region = arena_strdup(arena, from->region), .country = arena_strdup(arena, from->country) };
}

void message_copy(const struct message *from, struct arena *arena, struct message *ret)
{
	const char **ids = arena_alloc(arena, (from->invoice_count + 1) * sizeof(*ids));
	struct attachment *files = arena_alloc(arena, (from->attachment_count + 1) * sizeof(*files));

	for (size_t i = 0; i < from->invoice_count; i++)
		ids[i] = arena_strdup(arena, from->invoice_ids[i]);
	for (size_t i = 0; i < from->attachment_count; i++)
		files[i] = (struct attachment){ .name = arena_strdup(arena, from->attachments[i].name),
			.type = arena_strdup(arena, from->attachments[i].type), .len = from->attachments[i].len,
			.data = arena_memdup(arena, from->attachments[i].data, from->attachments[i].len) };
	*ret = (struct message){ .attempt_id = arena_strdup(arena, from->attempt_id), .channel = from->channel,
		.provider = arena_strdup(arena, from->provider), .to = copy_party(&from->to, arena), .from = copy_party(&from->from, arena),
		.to_postal = copy_postal(&from->to_postal, arena), .from_postal = copy_postal(&from->from_postal, arena),
		.locale = arena_strdup(arena, from->locale), .subject = arena_strdup(arena, from->subject),
		.text = arena_strdup(arena, from->text), .html = arena_strdup(arena, from->html), .attachments = files,
		.attachment_count = from->attachment_count, .registered = from->registered, .electronic = from->electronic, .debtor_id = arena_strdup(arena, from->debtor_id),
		.step = arena_strdup(arena, from->step), .policy = arena_strdup(arena, from->policy), .invoice_ids = ids,
		.invoice_count = from->invoice_count, .written_at = from->written_at,
		.list_unsubscribe = arena_strdup(arena, from->list_unsubscribe),
		.list_unsubscribe_post = arena_strdup(arena, from->list_unsubscribe_post) };
}

/* Unlike jw_opt_str, an empty string stays an empty string. */
static void write_str(struct json_writer *w, const char *key, const char *value)
{
	if (value)
		jw_str(w, key, value);
}

/* The members of a postal address, as they are written. */
static const struct {
	const char *key;
	size_t offset;
} postal_rows[] = {
	{ "line1", offsetof(struct postal, line1) },
	{ "line2", offsetof(struct postal, line2) },
	{ "postcode", offsetof(struct postal, postcode) },
	{ "city", offsetof(struct postal, city) },
	{ "region", offsetof(struct postal, region) },
	{ "country", offsetof(struct postal, country) },
};

static const char **postal_member(const struct postal *postal, size_t row)
{
	return (const char **)((uintptr_t)postal + postal_rows[row].offset);
}

void postal_write(struct json_writer *w, const char *key, const struct postal *postal)
{
	bool any = false;

	for (size_t i = 0; i < ARRAY_LEN(postal_rows); i++)
		any = any || *postal_member(postal, i);
	if (!any)
		return;
	jw_object(w, key);
	for (size_t i = 0; i < ARRAY_LEN(postal_rows); i++)
		write_str(w, postal_rows[i].key, *postal_member(postal, i));
	jw_end_object(w);
}

const char *postal_line(const struct postal *postal, struct arena *arena)
{
	const char *const parts[] = { postal->line1, postal->line2, postal->postcode, postal->city, postal->region, postal->country };
	CLEANUP(buf_clear) struct buf line = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (parts[i] && *parts[i]) {
			buf_add_str(&line, line.len == 0 ? "" : parts[i] == postal->city && postal->postcode ? " " : ", ");
			buf_add_str(&line, parts[i]);
		}
	return line.len ? arena_memdup(arena, line.data, line.len) : NULL;
}

const char *message_address(const struct message *message, struct arena *arena)
{
	switch (message->channel) {
	case CHANNEL_EMAIL:
		return message->to.email;
	case CHANNEL_LETTER:
		return postal_line(&message->to_postal, arena);
	default:
		return message->to.phone;
	}
}

static void write_party(struct json_writer *w, const char *key, const struct party *party)
{
	jw_object(w, key);
	write_str(w, "name", party->name);
	write_str(w, "email", party->email);
	write_str(w, "phone", party->phone);
	write_str(w, "reply_to", party->reply_to);
	jw_end_object(w);
}

static void write_attachments(struct json_writer *w, const struct message *message)
{
	jw_array(w, "attachments");
	for (size_t i = 0; i < message->attachment_count; i++) {
		const struct attachment *a = &message->attachments[i];
		CLEANUP(buf_clear) struct buf data = { 0 };

		base64_add(&data, a->data, a->len);
		jw_object(w, NULL);
		jw_str(w, "name", a->name);
		jw_str(w, "type", a->type);
		jw_str(w, "data", buf_str(&data));
		jw_end_object(w);
	}
	jw_end_array(w);
}

void message_write(struct json_writer *w, const char *key, const struct message *message)
{
	jw_object(w, key);
	jw_str(w, "attempt_id", message->attempt_id);
	jw_str(w, "channel", channel_names[message->channel]);
	jw_str(w, "provider", message->provider);
	write_party(w, "to", &message->to);
	write_party(w, "from", &message->from);
	postal_write(w, "to_postal", &message->to_postal);
	postal_write(w, "from_postal", &message->from_postal);
	write_str(w, "locale", message->locale);
	write_str(w, "subject", message->subject);
	write_str(w, "text", message->text);
	write_str(w, "html", message->html);
	write_str(w, "debtor_id", message->debtor_id);
	write_str(w, "step", message->step);
	write_str(w, "policy", message->policy);
	jw_array(w, "invoice_ids");
	for (size_t i = 0; i < message->invoice_count; i++)
		jw_str(w, NULL, message->invoice_ids[i]);
	jw_end_array(w);
	if (message->attachment_count > 0)
		write_attachments(w, message);
	if (message->registered)
		jw_bool(w, "registered", true);
	if (message->electronic)
		jw_bool(w, "electronic", true);
	write_str(w, "list_unsubscribe", message->list_unsubscribe);
	write_str(w, "list_unsubscribe_post", message->list_unsubscribe_post);
	if (message->written_at)
		jw_int(w, "written_at", message->written_at);
	jw_end_object(w);
}

static int read_party(const struct json *message, const char *key, struct party *ret,
	struct err *err)
{
	struct json party;
	int r = json_get_object(message, key, &party, err);

	if (r < 0 || (r = json_opt_str(&party, "name", NAME_MAX_LEN, &ret->name, err)) < 0 ||
		(r = json_opt_str(&party, "email", ADDRESS_MAX_LEN, &ret->email, err)) < 0 ||
		(r = json_opt_str(&party, "phone", ADDRESS_MAX_LEN, &ret->phone, err)) < 0)
		return r;
	return json_opt_str(&party, "reply_to", ADDRESS_MAX_LEN, &ret->reply_to, err);
}

int postal_read(const struct json *message, const char *key, struct postal *ret, struct err *err)
{
	struct json postal = { 0 };
	int r = json_opt_object(message, key, &postal, err);

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(postal_rows); i++)
		r = json_opt_str(&postal, postal_rows[i].key, NAME_MAX_LEN, postal_member(ret, i), err);
	return r;
}

static int read_invoices(const struct json *message, struct arena *arena, struct message *ret,
	struct err *err)
{
	struct json list;
	const char **ids;
	size_t count;
	int r = json_get_array(message, "invoice_ids", &list, err);

	if (r < 0)
		return r;
	count = json_len(&list);
	if (count > INVOICES_MAX)
		return json_refuse(&list, NULL, err, "too_long", "more than %d invoices",
			INVOICES_MAX);
	ids = arena_alloc(arena, (count + 1) * sizeof(*ids));
	for (size_t i = 0; i < count; i++) {
		struct json item = json_at(&list, i);

		if (item.type != JSON_STRING)
			return json_refuse(&item, NULL, err, "wrong_type", "must be a string");
		ids[i] = json_str(&item);
	}
	ret->invoice_ids = ids;
	ret->invoice_count = count;
	return 0;
}

static int read_attachments(const struct json *message, struct arena *arena, struct message *ret, struct err *err)
{
	struct json list = { 0 };
	struct attachment *made;
	size_t total = 0;
	int r = json_opt_array(message, "attachments", &list, err);

	if (r < 0 || json_len(&list) == 0)
		return r;
	if (json_len(&list) > ATTACHMENTS_MAX)
		return json_refuse(&list, NULL, err, "too_long", "more than %d attachments", ATTACHMENTS_MAX);
	made = arena_alloc(arena, json_len(&list) * sizeof(*made));
	for (size_t i = 0; i < json_len(&list); i++) {
		struct json item = json_at(&list, i);
		CLEANUP(buf_clear) struct buf data = { 0 };
		const char *text = NULL;

		if (item.type != JSON_OBJECT)
			return json_refuse(&item, NULL, err, "wrong_type", "must be an object");
		if ((r = json_get_str(&item, "name", NAME_MAX_LEN, &made[i].name, err)) < 0 ||
			(r = json_get_str(&item, "type", NAME_MAX_LEN, &made[i].type, err)) < 0 ||
			(r = json_get_str(&item, "data", 2 * ATTACHMENT_BYTES_MAX, &text, err)) < 0)
			return r;
		if (base64_decode(text, strlen(text), &data) < 0)
			return json_refuse(&item, "data", err, "wrong_type", "must be base64");
		total += data.len;
		if (total > ATTACHMENT_BYTES_MAX)
			return json_refuse(&list, NULL, err, "too_long", "the attachments are too large");
		made[i].data = arena_memdup(arena, buf_str(&data), data.len);
		made[i].len = data.len;
	}
	ret->attachments = made;
	ret->attachment_count = json_len(&list);
	return 0;
}

int message_read(const struct json *json, struct arena *arena, struct message *ret, struct err *err)
{
	struct message m = { 0 };
	int channel = 0;
	int r;

	if (json->type != JSON_OBJECT)
		return json_refuse(json, NULL, err, "wrong_type", "must be an object");
	if ((r = json_get_str(json, "attempt_id", 64, &m.attempt_id, err)) < 0 ||
		(r = json_get_word(json, "channel", channel_names, &channel, err)) < 0 ||
		(r = json_get_str(json, "provider", NAME_MAX_LEN, &m.provider, err)) < 0 ||
		(r = read_party(json, "to", &m.to, err)) < 0 ||
		(r = read_party(json, "from", &m.from, err)) < 0 ||
		(r = postal_read(json, "to_postal", &m.to_postal, err)) < 0 ||
		(r = postal_read(json, "from_postal", &m.from_postal, err)) < 0 ||
		(r = json_opt_str(json, "locale", 64, &m.locale, err)) < 0 ||
		(r = json_opt_str(json, "subject", SUBJECT_MAX_LEN, &m.subject, err)) < 0 ||
		(r = json_opt_str(json, "text", BODY_MAX_LEN, &m.text, err)) < 0 ||
		(r = json_opt_str(json, "html", BODY_MAX_LEN, &m.html, err)) < 0 ||
		(r = json_opt_str(json, "debtor_id", NAME_MAX_LEN, &m.debtor_id, err)) < 0 ||
		(r = json_opt_str(json, "step", NAME_MAX_LEN, &m.step, err)) < 0 ||
		(r = json_opt_str(json, "policy", NAME_MAX_LEN, &m.policy, err)) < 0 ||
		(r = read_invoices(json, arena, &m, err)) < 0 ||
		(r = read_attachments(json, arena, &m, err)) < 0 ||
		(r = json_opt_bool(json, "registered", &m.registered, err)) < 0 || (r = json_opt_bool(json, "electronic", &m.electronic, err)) < 0 ||
		(r = json_opt_str(json, "list_unsubscribe", SUBJECT_MAX_LEN, &m.list_unsubscribe, err)) < 0 ||
		(r = json_opt_str(json, "list_unsubscribe_post", 64, &m.list_unsubscribe_post, err)) < 0 ||
		(r = json_opt_int(json, "written_at", 0, WRITTEN_AT_MAX, &m.written_at, err)) < 0)
		return r;
	m.channel = (enum channel)channel;
	*ret = m;
	return 0;
}

/*
 * No C0 or C1 control, no U+2028 or U+2029: providers build MIME headers even from JSON members, and a line break in one
 * would let its writer add headers of his own.
 */
static bool is_one_line(const char *s)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	size_t len = strlen(s), plain = 0;
	uint64_t word;

	/* By words while each byte is between the space and the tilde: nearly all are. A borrow or carry only ends it sooner. */
	for (; len - plain >= 8; plain += 8) {
		memcpy(&word, s + plain, 8);
		if ((word | (word - ones * 0x20) | (word + ones)) & (ones * 0x80))
			break;
	}
	for (const unsigned char *p = (const unsigned char *)s + plain; *p; p++) {
		if (*p < 0x20 || *p == 0x7f)
			return false;
		if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
			return false;
		if (p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9))
			return false;
	}
	return true;
}

bool email_valid(const char *s)
{
	const char *at = strchr(s, '@');
	size_t local = at ? (size_t)(at - s) : 0;

	if (!at || local == 0 || local > 64 || strlen(at + 1) > 253 || strlen(at + 1) < 1)
		return false;
	if (strpbrk(s, " \t\"(),:;<>[\\]") || strchr(at + 1, '@') || !is_one_line(s))
		return false;
	return at[1] != '.' && at[1] != '-' && s[0] != '.' && at[-1] != '.' && !strstr(s, "..") &&
		s[strlen(s) - 1] != '.';
}

bool phone_valid(const char *s)
{
	size_t digits;

	if (*s != '+')
		return false;
	digits = strspn(s + 1, "0123456789");
	return s[1] != '0' && digits >= 3 && digits <= 15 && !s[1 + digits];
}

bool country_valid(const char *s)
{
	return s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z' && !s[2];
}

static int check_postal(const struct postal *postal, const char *path, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(postal_rows); i++) {
		const char *line = *postal_member(postal, i);

		if (line && !is_one_line(line))
			return err_set(err, -EBADMSG, "control_character", path, "must be one line without control characters");
	}
	return 0;
}

int postal_check(const struct json *object, const char *key, const struct postal *p, struct err *err)
{
	if (check_postal(p, key, NULL) < 0)
		return json_refuse(object, key, err, "control_character", "must be lines without control characters");
	if (!p->line1 || !*p->line1 || !p->city || !*p->city || !p->country || !country_valid(p->country))
		return json_refuse(object, key, err, "bad_address", "needs line1, city and a country of two letters like FR");
	return 0;
}

int message_check_postal(const struct message *m, struct err *err)
{
	const struct postal *p = &m->to_postal;

	if (!m->to.name || !*m->to.name || !p->line1 || !*p->line1 || !p->city || !*p->city || !p->country || !country_valid(p->country))
		return err_set(err, -EBADMSG, "bad_address", "$.to_postal",
			"a letter needs a name, a first line, a city and a country of two letters");
	return 0;
}

/* A name that is no path and breaks no header; a type of two tokens. */
static int check_attachments(const struct message *m, struct err *err)
{
	static const char token[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&^_.+-";
	size_t total = 0;

	if (m->attachment_count > ATTACHMENTS_MAX)
		return err_set(err, -EBADMSG, "too_long", "$.attachments", "more than %d attachments", ATTACHMENTS_MAX);
	for (size_t i = 0; i < m->attachment_count; i++) {
		const struct attachment *a = &m->attachments[i];
		size_t type = strspn(a->type, token);

		if (!*a->name || a->name[0] == '.' || strlen(a->name) > 200 || strpbrk(a->name, "/\\\"") || !is_one_line(a->name))
			return err_set(err, -EBADMSG, "bad_attachment", "$.attachments", "an attachment's name is no plain file name");
		if (type == 0 || a->type[type] != '/' || !a->type[type + 1] || a->type[type + 1 + strspn(a->type + type + 1, token)])
			return err_set(err, -EBADMSG, "bad_attachment", "$.attachments", "an attachment's type must be like application/pdf");
		total += a->len;
	}
	if (total > ATTACHMENT_BYTES_MAX)
		return err_set(err, -EBADMSG, "too_long", "$.attachments", "the attachments have more than %zu bytes", ATTACHMENT_BYTES_MAX);
	return 0;
}

int message_check(const struct message *m, struct err *err)
{
	const struct {
		const char *path, *value;
	} lines[] = {
		{ "$.attempt_id", m->attempt_id },
		{ "$.provider", m->provider },
		{ "$.to.name", m->to.name },
		{ "$.to.email", m->to.email },
		{ "$.to.phone", m->to.phone },
		{ "$.to.reply_to", m->to.reply_to },
		{ "$.from.name", m->from.name },
		{ "$.from.email", m->from.email },
		{ "$.from.phone", m->from.phone },
		{ "$.from.reply_to", m->from.reply_to },
		{ "$.locale", m->locale },
		{ "$.subject", m->subject },
		{ "$.debtor_id", m->debtor_id },
		{ "$.step", m->step },
		{ "$.policy", m->policy },
		{ "$.list_unsubscribe", m->list_unsubscribe },
		{ "$.list_unsubscribe_post", m->list_unsubscribe_post },
	};

	int r;

	/* Addresses first: theirs is the code that a person can act on. */
	if (m->channel == CHANNEL_EMAIL && (!m->to.email || !email_valid(m->to.email)))
		return err_set(err, -EBADMSG, "bad_address", "$.to.email",
			"the recipient has no usable mail address");
	if ((m->channel == CHANNEL_SMS || m->channel == CHANNEL_VOICE) &&
		(!m->to.phone || !phone_valid(m->to.phone)))
		return err_set(err, -EBADMSG, "bad_address", "$.to.phone",
			"the recipient has no usable number (E.164 with '+')");
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		if (lines[i].value && !is_one_line(lines[i].value))
			return err_set(err, -EBADMSG, "control_character", lines[i].path,
				"must be one line without control characters");
	}
	for (size_t i = 0; i < m->invoice_count; i++) {
		if (!is_one_line(m->invoice_ids[i]))
			return err_set(err, -EBADMSG, "control_character", "$.invoice_ids",
				"must be one line without control characters");
	}
	if (m->from.email && !email_valid(m->from.email))
		return err_set(err, -EBADMSG, "bad_sender", "$.from.email", "not a mail address");
	if (m->from.reply_to && !email_valid(m->from.reply_to))
		return err_set(err, -EBADMSG, "bad_sender", "$.from.reply_to",
			"not a mail address");
	if (m->channel == CHANNEL_EMAIL && !m->from.email)
		return err_set(err, -EBADMSG, "bad_sender", "$.from.email",
			"an email needs a sender's address");
	if (m->channel == CHANNEL_EMAIL && !m->subject)
		return err_set(err, -EBADMSG, "missing", "$.subject", "an email needs a subject");
	if ((r = check_postal(&m->to_postal, "$.to_postal", err)) < 0 || (r = check_postal(&m->from_postal, "$.from_postal", err)) < 0 ||
		(r = check_attachments(m, err)) < 0)
		return r;
	if (!m->text && !m->html && m->attachment_count == 0)
		return err_set(err, -EBADMSG, "missing", "$.text",
			"there is nothing to say: neither text nor HTML");
	return 0;
}
