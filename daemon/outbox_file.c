/* How a message looks as a file: mail as RFC 5322 and MIME, the rest as plain lines. */
#include <string.h>

#include "common/mime.h"
#include "daemon/outbox.h"

static void add_line(struct buf *out, const char *name, const char *value)
{
	if (value)
		buf_printf(out, "%s: %s\n", name, value);
}

static void add_party(struct buf *out, const char *name, const struct party *party)
{
	const char *address = party->phone ? party->phone : party->email;

	if (!party->name && !address)
		return;
	buf_printf(out, "%s: %s%s%s\n", name, party->name ? party->name : "", party->name && address ? ", " : "",
		address ? address : "");
}

static void add_postal(struct buf *out, const char *who, const struct postal *postal)
{
	const char *const lines[] = { postal->line1, postal->line2, postal->postcode, postal->city, postal->region, postal->country };
	bool any = false;

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		if (!lines[i] || !*lines[i])
			continue;
		if (any)
			buf_printf(out, ", %s", lines[i]);
		else
			buf_printf(out, "%s address: %s", who, lines[i]);
		any = true;
	}
	if (any)
		buf_add_char(out, '\n');
}

static void render_text(const struct message *m, struct buf *out)
{
	add_line(out, "Channel", channel_names[m->channel]);
	add_party(out, "From", &m->from);
	add_party(out, "To", &m->to);
	add_line(out, "Subject", m->subject);
	add_line(out, "Attempt", m->attempt_id);
	add_line(out, "Provider", m->provider);
	add_line(out, "Debtor", m->debtor_id);
	add_line(out, "Policy", m->policy);
	add_line(out, "Step", m->step);
	for (size_t i = 0; i < m->invoice_count; i++)
		add_line(out, "Invoice", m->invoice_ids[i]);
	add_postal(out, "To", &m->to_postal);
	add_postal(out, "From", &m->from_postal);
	if (m->registered)
		add_line(out, "Registered", "yes");
	buf_printf(out, "\n%s\n", m->text ? m->text : m->html ? m->html : "");
	for (size_t i = 0; i < m->attachment_count; i++) { /* nothing is lost: base64 -d makes the file of it */
		const struct attachment *a = &m->attachments[i];

		buf_printf(out, "\nAttachment: %s (%s, %zu bytes)\n", a->name, a->type, a->len);
		mime_base64(out, a, "\n");
	}
}

/* What a debtor need not know stands here for whoever looks into the folder. */
static void render_mail(const struct message *m, int64_t now, struct buf *out)
{
	mime_head(m, now, out);
	mime_header(out, "X-Dunningd-Attempt", m->attempt_id);
	mime_header(out, "X-Dunningd-Provider", m->provider);
	mime_header(out, "X-Dunningd-Debtor", m->debtor_id);
	mime_header(out, "X-Dunningd-Policy", m->policy);
	mime_header(out, "X-Dunningd-Step", m->step);
	for (size_t i = 0; i < m->invoice_count; i++)
		mime_header(out, "X-Dunningd-Invoice", m->invoice_ids[i]);
	mime_body(m, out);
}

const struct attachment *outbox_letter(const struct message *message)
{
	bool letter = message->channel == CHANNEL_LETTER && message->attachment_count == 1; /* with enclosures: all of them as text */

	return letter && strcmp(message->attachments[0].type, "application/pdf") == 0 ? &message->attachments[0] : NULL;
}

void outbox_render(const struct message *message, int64_t now, struct buf *ret)
{
	const struct attachment *letter = outbox_letter(message);

	if (message->channel == CHANNEL_EMAIL) {
		render_mail(message, now, ret);
	} else if (letter) {
		buf_add(ret, letter->data, letter->len);
	} else {
		mime_date(ret, now);
		buf_add_char(ret, '\n');
		render_text(message, ret);
	}
}
