#include "common/mime.h"

#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "common/hash.h"
#include "common/utc.h"

#define WORD_BYTES 30 /* in one encoded word: behind any header's name the line stays within the 76 characters of RFC 2047 */
#define LINE_MAX_QP 75 /* and the '=' that breaks it: 76, RFC 2045 */
#define FILE_LINE_BYTES 57 /* 76 characters in base64: RFC 2045 section 6.8 */
#define RAW_HEADER_MAX 900 /* bytes; a line may have 998 */
#define QUOTED_MAX 200 /* bytes of a name, each of which may need a backslash, and an address stands behind it */

void mime_date(struct buf *out, int64_t at)
{
	static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t seconds = (time_t)(at / SECOND_MS);
	struct tm tm = { 0 };

	(void)gmtime_r(&seconds, &tm);
	buf_printf(out, "Date: %s, %02d %s %04d %02d:%02d:%02d +0000", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
		tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* --- headers of mail ------------------------------------------------------------------------------------------------------ */

static bool is_plain(const char *s)
{
	for (const unsigned char *p = (const unsigned char *)s; *p; p++)
		if (*p < 0x20 || *p > 0x7e)
			return false;
	return !strstr(s, "=?") && strlen(s) <= RAW_HEADER_MAX;
}

static void add_words(struct buf *out, const char *s)
{
	for (size_t left = strlen(s), n; left; s += n, left -= n) {
		n = left < WORD_BYTES ? left : WORD_BYTES;
		while (n < left && n > 1 && ((unsigned char)s[n] & 0xc0) == 0x80) /* a character is never cut */
			n--;
		buf_add_str(out, "=?UTF-8?B?");
		base64_add(out, s, n);
		buf_add_str(out, n < left ? "?=\r\n " : "?=");
	}
}

void mime_header(struct buf *out, const char *name, const char *value)
{
	if (!value)
		return;
	buf_printf(out, "%s: ", name);
	if (is_plain(value))
		buf_add_str(out, value);
	else
		add_words(out, value);
	buf_add_str(out, "\r\n");
}

static void add_mailbox(struct buf *out, const char *header, const char *name, const char *email)
{
	if (!email)
		return;
	buf_printf(out, "%s: ", header);
	if (name && *name && is_plain(name) && strlen(name) <= QUOTED_MAX) {
		buf_add_char(out, '"');
		for (const char *p = name; *p; p++) {
			if (*p == '"' || *p == '\\')
				buf_add_char(out, '\\');
			buf_add_char(out, *p);
		}
		buf_add_char(out, '"');
	} else if (name && *name) {
		add_words(out, name);
		buf_add_str(out, "\r\n");
	}
	buf_printf(out, "%s<%s>\r\n", name && *name ? " " : "", email);
}

/* --- bodies of mail --------------------------------------------------------------------------------------------------------- */

/* RFC 2045 section 6.7. It never holds "=_", so no boundary that begins so can occur in it. */
static void add_quoted(struct buf *out, const char *s)
{
	size_t line = 0;

	for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
		bool end = p[1] == '\0' || p[1] == '\n' || (p[1] == '\r' && p[2] == '\n');
		bool raw = (*p >= 0x20 && *p <= 0x7e && *p != '=') || *p == '\t';

		if (*p == '\r' && p[1] == '\n')
			continue;
		if (*p == '\n') {
			buf_add_str(out, "\r\n");
			line = 0;
			continue;
		}
		if (end && (*p == ' ' || *p == '\t'))
			raw = false;
		if (line + (raw ? 1 : 3) > LINE_MAX_QP) {
			buf_add_str(out, "=\r\n");
			line = 0;
		}
		if (raw)
			buf_add_char(out, (char)*p);
		else
			buf_printf(out, "=%02X", *p);
		line += raw ? 1 : 3;
	}
	buf_add_str(out, "\r\n");
}

static void add_part(struct buf *out, const char *type, const char *body)
{
	buf_printf(out, "Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", type);
	add_quoted(out, body);
}

static void add_texts(struct buf *out, const struct message *m)
{
	if (!m->html) {
		add_part(out, "plain", m->text);
	} else if (!m->text) {
		add_part(out, "html", m->html);
	} else {
		buf_printf(out, "Content-Type: multipart/alternative; boundary=\"=_%s\"\r\n\r\n", m->attempt_id);
		buf_printf(out, "--=_%s\r\n", m->attempt_id);
		add_part(out, "plain", m->text);
		buf_printf(out, "--=_%s\r\n", m->attempt_id);
		add_part(out, "html", m->html);
		buf_printf(out, "--=_%s--\r\n", m->attempt_id);
	}
}

void mime_base64(struct buf *out, const struct attachment *a, const char *line_end)
{
	for (size_t i = 0; i < a->len; i += FILE_LINE_BYTES) {
		base64_add(out, (const char *)a->data + i, a->len - i < FILE_LINE_BYTES ? a->len - i : FILE_LINE_BYTES);
		buf_add_str(out, line_end);
	}
}

/* The name as RFC 2231 section 4 has it. */
static void add_file(struct buf *out, const struct attachment *a)
{
	buf_printf(out, "Content-Type: %s\r\nContent-Disposition: attachment; filename*=utf-8''", a->type);
	for (const unsigned char *p = (const unsigned char *)a->name; *p; p++) {
		if ((*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z') || *p == '.' || *p == '-' || *p == '_')
			buf_add_char(out, (char)*p);
		else
			buf_printf(out, "%%%02X", *p);
	}
	buf_add_str(out, "\r\nContent-Transfer-Encoding: base64\r\n\r\n");
	mime_base64(out, a, "\r\n");
}

/* --- the whole ------------------------------------------------------------------------------------------------------------ */

void mime_head(const struct message *m, int64_t at, struct buf *out)
{
	const char *domain = m->from.email ? strrchr(m->from.email, '@') : NULL;

	mime_date(out, at);
	buf_add_str(out, "\r\n");
	add_mailbox(out, "From", m->from.name, m->from.email);
	add_mailbox(out, "To", m->to.name, m->to.email);
	add_mailbox(out, "Reply-To", NULL, m->from.reply_to);
	mime_header(out, "Subject", m->subject);
	buf_printf(out, "Message-ID: <%s%s>\r\n", m->attempt_id, domain ? domain : "@dunningd.invalid");
	mime_header(out, "Auto-Submitted", "auto-generated");
	mime_header(out, "Content-Language", m->locale);
	mime_header(out, "List-Unsubscribe", m->list_unsubscribe);
	mime_header(out, "List-Unsubscribe-Post", m->list_unsubscribe_post);
}

void mime_body(const struct message *m, struct buf *out)
{
	buf_add_str(out, "MIME-Version: 1.0\r\n");
	if (m->attachment_count == 0) {
		add_texts(out, m);
		return;
	}
	buf_printf(out, "Content-Type: multipart/mixed; boundary=\"=_m_%s\"\r\n\r\n", m->attempt_id);
	if (m->text || m->html) {
		buf_printf(out, "--=_m_%s\r\n", m->attempt_id);
		add_texts(out, m);
	}
	for (size_t i = 0; i < m->attachment_count; i++) {
		buf_printf(out, "--=_m_%s\r\n", m->attempt_id);
		add_file(out, &m->attachments[i]);
	}
	buf_printf(out, "--=_m_%s--\r\n", m->attempt_id);
}
