/* The writer: compact, the same bytes for the same calls. */
#include <string.h>

#include "common/json_internal.h"

struct json_writer jw_init(struct buf *buf)
{
	return (struct json_writer){ .buf = buf };
}

/* Length of the valid UTF-8 sequence at p, 0 when there is none. */
static size_t sequence(const unsigned char *p, size_t left)
{
	size_t n = *p < 0x80 ? 1 : *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : *p < 0xf5 ? 4 : 0;

	if (!n || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] >= 0xa0) || (*p == 0xf0 && p[1] < 0x90) ||
		(*p == 0xf4 && p[1] >= 0x90))
		return 0;
	return n;
}

static void escape(struct buf *buf, unsigned char c, bool valid)
{
	static const char digits[] = "0123456789abcdef";

	if (!valid) {
		buf_add_str(buf, "\xef\xbf\xbd");
	} else if (c == '"' || c == '\\') {
		buf_add_char(buf, '\\');
		buf_add_char(buf, (char)c);
	} else if (c == '\n') {
		buf_add_str(buf, "\\n");
	} else if (c == '\r') {
		buf_add_str(buf, "\\r");
	} else if (c == '\t') {
		buf_add_str(buf, "\\t");
	} else {
		buf_add_str(buf, "\\u00");
		buf_add_char(buf, digits[c >> 4]);
		buf_add_char(buf, digits[c & 15]);
	}
}

static void quote(struct buf *buf, const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t from = 0, i = json_plain(text, len);
	char *at;

	buf_reserve(buf, len + 2);
	at = buf->data + buf->len;
	*at++ = '"';
	if (i == len) { /* nearly always */
		memcpy(at, text, len);
		memcpy(at + len, "\"", 2);
		buf->len += len + 2;
		return;
	}
	buf->len++;
	while (i < len) {
		size_t n = p[i] >= 0x80 ? sequence(p + i, len - i) : 1;

		if (p[i] >= 0x80 && n) {
			i += n;
		} else {
			buf_add(buf, text + from, i - from);
			escape(buf, p[i], n != 0);
			from = ++i;
		}
		i += json_plain(text + i, len - i);
	}
	buf_add(buf, text + from, len - from);
	buf_add_char(buf, '"');
}

/* A member's name is ours and nearly always plain. */
static void name(struct buf *buf, const char *key)
{
	size_t len = strlen(key);
	char *at;

	if (json_plain(key, len) < len) {
		quote(buf, key, len);
		buf_add_char(buf, ':');
		return;
	}
	buf_reserve(buf, len + 3);
	at = buf->data + buf->len;
	*at++ = '"';
	memcpy(at, key, len);
	memcpy(at + len, "\":", 3);
	buf->len += len + 3;
}

static void begin(struct json_writer *w, const char *key)
{
	if (w->comma)
		buf_add_char(w->buf, ',');
	w->comma = true;
	if (key)
		name(w->buf, key);
}

static void open_with(struct json_writer *w, const char *key, char c)
{
	begin(w, key);
	buf_add_char(w->buf, c);
	w->comma = false;
}

static void close_with(struct json_writer *w, char c)
{
	buf_add_char(w->buf, c);
	w->comma = true;
}

void jw_object(struct json_writer *w, const char *key)
{
	open_with(w, key, '{');
}

void jw_end_object(struct json_writer *w)
{
	close_with(w, '}');
}

void jw_array(struct json_writer *w, const char *key)
{
	open_with(w, key, '[');
}

void jw_end_array(struct json_writer *w)
{
	close_with(w, ']');
}

void jw_strn(struct json_writer *w, const char *key, const char *value, size_t len)
{
	begin(w, key);
	quote(w->buf, value, len);
}

void jw_str(struct json_writer *w, const char *key, const char *value)
{
	jw_strn(w, key, value, strlen(value));
}

void jw_opt_str(struct json_writer *w, const char *key, const char *value)
{
	if (value && *value)
		jw_str(w, key, value);
}

void jw_int(struct json_writer *w, const char *key, int64_t value)
{
	begin(w, key);
	buf_add_int(w->buf, value);
}

void jw_opt_int(struct json_writer *w, const char *key, int64_t value)
{
	if (value)
		jw_int(w, key, value);
}

void jw_bool(struct json_writer *w, const char *key, bool value)
{
	begin(w, key);
	buf_add_str(w->buf, value ? "true" : "false");
}

void jw_null(struct json_writer *w, const char *key)
{
	begin(w, key);
	buf_add_str(w->buf, "null");
}

void jw_raw(struct json_writer *w, const char *key, const char *json, size_t len)
{
	begin(w, key);
	buf_add(w->buf, json, len);
}
