#include "common/mime_read.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/hash.h"
#include "common/mime_html.h"
#include "common/reply.h"

#define DEPTH_MAX 6 /* multiparts within multiparts */
#define PARTS_MAX 100 /* of one mail, all depths together */
#define HEADER_MAX 4000

struct reading {
	struct arena *arena;
	size_t parts;
	bool html; /* which parts are looked for: text/html, else text/plain */
};

/* --- headers ---------------------------------------------------------------------------------------------------------------------- */

static const char *line_end(const char *at, const char *end)
{
	const char *nl = memchr(at, '\n', (size_t)(end - at));

	return nl ? nl + 1 : end;
}

/* The value of a header, its folded lines as one, "" when it is absent; *body: what stands behind the empty line. */
static const char *header(const char *mail, const char *end, const char *name, const char **body, struct arena *arena)
{
	CLEANUP(buf_clear) struct buf value = { 0 };
	size_t len = strlen(name);
	bool ours = false, done = false;

	while (mail < end && *mail != '\n' && !(*mail == '\r' && mail + 1 < end && mail[1] == '\n')) {
		const char *next = line_end(mail, end);
		bool folded = *mail == ' ' || *mail == '\t';

		if (!folded) {
			done |= ours; /* the first of that name counts */
			ours = !done && (size_t)(next - mail) > len && strncasecmp(mail, name, len) == 0 && mail[len] == ':';
		}
		for (const char *p = ours && !folded ? mail + len + 1 : mail; ours && p < next && value.len < HEADER_MAX; p++)
			if (*p != '\r' && *p != '\n' && *p)
				buf_add_char(&value, *p);
		mail = next;
	}
	*body = mail < end ? line_end(mail, end) : end;
	return value.len ? arena_strdup(arena, buf_str(&value) + strspn(buf_str(&value), " \t")) : "";
}

/* Of "text/plain; charset="utf-8"; x=y" the value of a parameter; "" when it is absent. */
static const char *parameter(const char *value, const char *name, struct arena *arena)
{
	size_t len = strlen(name);

	for (const char *at = strchr(value, ';'); at; at = strchr(at, ';')) {
		at += 1 + strspn(at + 1, " \t");
		if (strncasecmp(at, name, len) != 0 || at[len + strspn(at + len, " \t")] != '=')
			continue;
		at = strchr(at, '=') + 1;
		at += strspn(at, " \t");
		return *at == '"' ? arena_memdup(arena, at + 1, strcspn(at + 1, "\"")) : arena_memdup(arena, at, strcspn(at, "; \t"));
	}
	return "";
}

static bool begins(const char *value, const char *word)
{
	return strncasecmp(value, word, strlen(word)) == 0;
}

/* --- contents --------------------------------------------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void decode_quoted(const char *p, const char *end, struct buf *out)
{
	for (; p < end; p++) {
		if (*p != '=') {
			buf_add_char(out, *p);
		} else if (end - p > 2 && hex_digit(p[1]) >= 0 && hex_digit(p[2]) >= 0) {
			buf_add_char(out, (char)(16 * hex_digit(p[1]) + hex_digit(p[2])));
			p += 2;
		} else { /* a soft line end: with what blanks stand before it */
			const char *next = p + 1 + strspn(p + 1, " \t\r"); /* a line may be as long as the mail: its end is not looked for */

			if (next < end && *next != '\n')
				buf_add_char(out, '=');
			else
				p = next < end ? next : end - 1;
		}
	}
}

static bool decode(const char *body, const char *end, const char *encoding, struct buf *out)
{
	CLEANUP(buf_clear) struct buf plain = { 0 };

	if (begins(encoding, "quoted-printable")) {
		decode_quoted(body, end, out);
	} else if (begins(encoding, "base64")) {
		for (const char *p = body; p < end; p++)
			if (!strchr(" \t\r\n", *p) || !*p)
				buf_add_char(&plain, *p);
		return base64_decode(buf_str(&plain), plain.len, out) == 0;
	} else {
		buf_add(out, body, (size_t)(end - body));
	}
	return true;
}

/* Windows-1252, which is ISO 8859-1 where that has no characters; 0x80 to 0x9f, 0 = none. */
static const uint16_t high[32] = { 0x20ac, 0, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017d, 0, 0,
	0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0, 0x017e, 0x0178 };

static void add_character(struct buf *out, unsigned c)
{
	if (c < 0x80) {
		buf_add_char(out, (char)c);
		return;
	}
	if (c < 0x800) {
		buf_add_char(out, (char)(0xc0 | c >> 6));
	} else {
		buf_add_char(out, (char)(0xe0 | c >> 12));
		buf_add_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	buf_add_char(out, (char)(0x80 | (c & 0x3f)));
}

static bool is_utf8(const struct buf *text)
{
	const char *p = buf_str(text), *end = p + text->len;

	for (size_t n; p < end; p += n)
		if ((n = utf8_len(p, end)) == 0)
			return false;
	return true;
}

/* Into UTF-8 that an event may hold. */
static const char *clean(const struct buf *text, const char *charset, size_t max, struct arena *arena)
{
	bool latin = begins(charset, "iso-8859-1") || begins(charset, "windows-1252"); /* -15 too: it differs in eight signs, of which one is the euro */
	bool utf8 = !latin && (!*charset || begins(charset, "utf-8") || begins(charset, "us-ascii")), euro = begins(charset, "iso-8859-15");
	CLEANUP(buf_clear) struct buf out = { 0 };
	const char *p = buf_str(text), *end = p + text->len;

	if (utf8 && !is_utf8(text)) { /* what calls itself so and is not is mostly this */
		utf8 = false;
		latin = true;
	}
	while (p < end && out.len < max) {
		unsigned char c = (unsigned char)*p;
		size_t n = utf8 && c >= 0x80 ? utf8_len(p, end) : 1;

		if (c >= 0x80 && utf8)
			buf_add(&out, p, c == 0xc2 && (unsigned char)p[1] < 0xa0 ? 0 : n); /* no C1 controls */
		else if (c >= 0x80 && latin)
			add_character(&out, euro && c == 0xa4 ? 0x20ac : c >= 0xa0 ? c : high[c - 0x80] ? high[c - 0x80] : '?');
		else if (c >= 0x80)
			buf_add_char(&out, '?');
		else if (c == '\n' || c == '\t' || (c >= 0x20 && c < 0x7f))
			buf_add_char(&out, (char)c);
		p += n;
	}
	return arena_memdup(arena, buf_str(&out), out.len);
}

const char *mime_utf8(const char *text, size_t len, const char *charset, struct arena *arena)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };

	buf_add(&bytes, text, len);
	return clean(&bytes, charset, MIME_HTML_MAX, arena);
}

/* --- parts ------------------------------------------------------------------------------------------------------------------------ */

static const char *find_text(struct reading *reading, const char *mail, const char *end, int depth);

/* The line at `at` is "--boundary" or "--boundary--". */
static bool is_boundary(const char *at, const char *end, const char *boundary)
{
	size_t len = strlen(boundary);

	return (size_t)(end - at) >= len + 2 && at[0] == '-' && at[1] == '-' && memcmp(at + 2, boundary, len) == 0;
}

static const char *find_in_parts(struct reading *reading, const char *body, const char *end, const char *boundary, int depth)
{
	const char *part = NULL;

	if (!*boundary || depth == DEPTH_MAX)
		return NULL;
	for (const char *at = body; at < end; at = line_end(at, end)) {
		const char *text;

		if (!is_boundary(at, end, boundary))
			continue;
		if (part && (text = find_text(reading, part, at, depth + 1)))
			return text;
		part = line_end(at, end);
	}
	return part && part < end ? find_text(reading, part, end, depth + 1) : NULL; /* it was cut */
}

static const char *find_text(struct reading *reading, const char *mail, const char *end, int depth)
{
	const char *body, *type, *encoding, *disposition, *ret;
	CLEANUP(buf_clear) struct buf text = { 0 };

	if (reading->parts >= PARTS_MAX)
		return NULL;
	reading->parts++;
	type = header(mail, end, "Content-Type", &body, reading->arena);
	encoding = header(mail, end, "Content-Transfer-Encoding", &body, reading->arena);
	disposition = header(mail, end, "Content-Disposition", &body, reading->arena);
	if (begins(type, "multipart/"))
		return find_in_parts(reading, body, end, parameter(type, "boundary", reading->arena), depth);
	if (reading->html ? !begins(type, "text/html") : *type && !begins(type, "text/plain"))
		return NULL;
	if (begins(disposition, "attachment") || !decode(body, end, encoding, &text))
		return NULL;
	ret = clean(&text, parameter(type, "charset", reading->arena), reading->html ? MIME_HTML_MAX : MIME_TEXT_MAX, reading->arena);
	return reading->html ? mime_html_text(ret, strlen(ret), MIME_TEXT_MAX, reading->arena) : ret;
}

const char *mime_text(const char *mail, size_t len, struct arena *arena)
{
	for (int html = 0; html < 2; html++) {
		struct reading reading = { .arena = arena, .html = html };
		const char *text = find_text(&reading, mail, mail + len, 0);

		if (text && text[strspn(text, " \t\n")])
			return text;
	}
	return NULL;
}

/* --- the whole -------------------------------------------------------------------------------------------------------------------- */

/* "<left@right>": all of it, or its left side; NULL where none begins at `at`. */
static const char *angled(const char *at, bool local, struct arena *arena)
{
	size_t len;

	if (at[0] != '<')
		return NULL;
	at++;
	len = strcspn(at, local ? "@<> \t" : "<> \t");
	return len && at[len] == (local ? '@' : '>') ? arena_memdup(arena, at, len) : NULL;
}

static const char *last_angled(const char *value)
{
	const char *last = strrchr(value, '<');

	return last ? last : "";
}

/* The first part of that type, decoded or NULL, at most one level of multipart down: a report stands on top (RFC 6522). */
static const char *find_part(const char *body, const char *end, const char *boundary, const char *type, const char **part_end, struct arena *arena)
{
	const char *part = NULL, *inner;
	size_t parts = 0;

	for (const char *at = body; *boundary && at < end && parts < PARTS_MAX; at = line_end(at, end)) {
		if (!is_boundary(at, end, boundary))
			continue;
		parts++;
		if (part && begins(header(part, at, "Content-Type", &inner, arena), type)) {
			*part_end = at;
			return inner;
		}
		part = line_end(at, end);
	}
	if (part && part < end && begins(header(part, end, "Content-Type", &inner, arena), type)) {
		*part_end = end;
		return inner;
	}
	return NULL;
}

/* "rfc822; ann@b.example": what stands behind the kind. */
static const char *behind_kind(const char *value)
{
	const char *at = strchr(value, ';');

	return at ? at + 1 + strspn(at + 1, " \t") : value;
}

static void opt(struct json_writer *w, const char *key, const char *value, struct arena *arena)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	if (value)
		buf_add_str(&text, value);
	if (text.len)
		jw_str(w, key, clean(&text, "", MIME_TEXT_MAX, arena));
}

/* Fields of the whole message first, then an empty line, then those of each recipient (RFC 3464, section 2.1). */
static bool write_report(struct json_writer *w, const char *body, const char *end, const char *boundary, struct arena *arena)
{
	const char *status_end, *returned_end, *at = find_part(body, end, boundary, "message/delivery-status", &status_end, arena), *rest, *inner;
	const char *returned = find_part(body, end, boundary, "message/rfc822", &returned_end, arena);
	const char *action = "", *status = "", *recipient = "", *diagnostic = "";
	size_t blocks = 0;

	if (!returned)
		returned = find_part(body, end, boundary, "text/rfc822-headers", &returned_end, arena);
	for (; at && at < status_end && !*action && blocks < PARTS_MAX; at = rest, blocks++) {
		action = header(at, status_end, "Action", &rest, arena);
		status = header(at, status_end, "Status", &rest, arena);
		recipient = header(at, status_end, "Final-Recipient", &rest, arena);
		diagnostic = header(at, status_end, "Diagnostic-Code", &rest, arena);
	}
	if (!*action)
		return false;
	jw_object(w, "report");
	opt(w, "action", arena_memdup(arena, action, strcspn(action, " \t;(")), arena);
	opt(w, "status", arena_memdup(arena, status, strspn(status, "0123456789.")), arena);
	opt(w, "recipient", behind_kind(recipient), arena);
	opt(w, "diagnostic", behind_kind(diagnostic), arena);
	if (returned)
		opt(w, "original", angled(header(returned, returned_end, "Message-ID", &inner, arena), true, arena), arena);
	jw_end_object(w);
	return true;
}

void mime_document(struct json_writer *w, const char *mail, size_t len, struct arena *arena)
{
	const char *end = mail + len, *body, *type = header(mail, end, "Content-Type", &body, arena);
	const char *automatic = header(mail, end, "Auto-Submitted", &body, arena);
	const char *answers = angled(header(mail, end, "In-Reply-To", &body, arena), true, arena);
	const char *text = mime_text(mail, len, arena), *subject = header(mail, end, "Subject", &body, arena);
	bool machine = *automatic && !begins(automatic, "no"), stop = reply_is_stop(subject);
	bool report = begins(type, "multipart/report") && begins(parameter(type, "report-type", arena), "delivery-status");

	if (!answers)
		answers = angled(last_angled(header(mail, end, "References", &body, arena)), true, arena);
	jw_object(w, NULL);
	report = report && write_report(w, body, end, parameter(type, "boundary", arena), arena);
	/* A click on "unsubscribe" sends the subject that our own head asks for (RFC 2369); Gmail writes a text of its own below it (from memory). */
	stop = stop && (machine || (text && begins(text, "This message was automatically generated")));
	jw_str(w, "kind", report ? "report" : machine && !stop && !reply_is_stop(text) ? "automatic" : "mail");
	opt(w, "id", angled(header(mail, end, "Message-ID", &body, arena), false, arena), arena);
	if (!report) /* whoever it is from, it is not about them */
		opt(w, "from", header(mail, end, "From", &body, arena), arena);
	opt(w, "subject", subject, arena);
	opt(w, "answers", answers, arena);
	opt(w, "text", stop ? subject : text, arena);
	jw_end_object(w);
}
