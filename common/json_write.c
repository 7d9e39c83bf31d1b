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

/* Behind `plain` bytes that need nothing. */
static void quote_slowly(struct buf *buf, const char *text, size_t len, size_t plain)
{
	size_t from = 0;

	buf_add_char(buf, '"');
	for (size_t i = plain; i < len; i += json_plain(text + i, len - i)) {
		size_t n = sequence((const unsigned char *)text + i, len - i);

		if (n > 1) {
			i += n;
			continue;
		}
		buf_add(buf, text + from, i - from);
		from = i++;
		if (text[from] == '"' || text[from] == '\\')
			buf_add_char(buf, '\\'); /* it follows with what is behind it */
		else
			escape(buf, (unsigned char)text[from++], n != 0);
	}
	buf_add(buf, text + from, len - from);
	buf_add_char(buf, '"');
}

/*
 * Copies what stands in a string as it is, and looks at it on the way: hundreds of strings are written for each contact. False: it is not
 * such, and nothing counts that was written. Eight bytes of room behind it are written to.
 */
static inline bool copy_plain(char *to, const char *text, size_t len)
{
	uint64_t first, last;

	if (len >= 16) {
#if defined(__SSE2__)
		for (size_t n = 0; n < len; n += 16) {
			size_t at = n < len - 16 ? n : len - 16; /* the last sixteen may have been seen in part */

			if (json_not_plain16(text + at))
				return false;
			memcpy(to + at, text + at, 16);
		}
#else
		if (json_plain(text, len) < len)
			return false;
		memcpy(to, text, len);
#endif
		return true;
	}
	if (len >= 8) {
		memcpy(&first, text, 8);
		memcpy(&last, text + len - 8, 8);
		if (json_not_plain(first) | json_not_plain(last))
			return false;
		memcpy(to, &first, 8);
		memcpy(to + len - 8, &last, 8);
		return true;
	}
	if (len == 0)
		return true;
	first = json_short_word(text, len);
	if (json_not_plain(first) & ((UINT64_C(1) << 8 * len) - 1))
		return false;
	first = htole64(first);
	memcpy(to, &first, 8);
	return true;
}

#define STRING_ROOM 16 /* beyond a string's own bytes: quotes, comma, colon, what copy_plain() writes behind */

/* Gives what is behind it; NULL: the text needs quote_slowly(). */
static inline char *put_string(char *at, const char *text, size_t len)
{
	*at = '"';
	if (!copy_plain(at + 1, text, len))
		return NULL;
	at[1 + len] = '"';
	return at + len + 2;
}

static void quote(struct buf *buf, const char *text, size_t len)
{
	char *end;

	buf_reserve(buf, len + STRING_ROOM);
	end = put_string(buf->data + buf->len, text, len);
	if (!end) {
		quote_slowly(buf, text, len, json_plain(text, len));
		return;
	}
	*end = '\0';
	buf->len = (size_t)(end - buf->data);
}

/* `more`: bytes that its value is known to need. */
static void begin_with(struct json_writer *w, const char *key, size_t more)
{
	size_t len = key ? strlen(key) : 0;
	char *at, *end;

	buf_reserve(w->buf, len + STRING_ROOM + more); /* at once for all of it */
	at = w->buf->data + w->buf->len;
	if (w->comma)
		*at++ = ',';
	w->comma = true;
	end = key ? put_string(at, key, len) : at;
	if (key && end)
		*end++ = ':';
	w->buf->len = (size_t)((end ? end : at) - w->buf->data);
	w->buf->data[w->buf->len] = '\0';
	if (end)
		return;
	quote_slowly(w->buf, key, len, json_plain(key, len));
	buf_add_char(w->buf, ':');
}

static void begin(struct json_writer *w, const char *key)
{
	begin_with(w, key, 0);
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
	begin_with(w, key, len + STRING_ROOM);
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
	if (value)
		buf_add(w->buf, "true", 4);
	else
		buf_add(w->buf, "false", 5);
}

void jw_null(struct json_writer *w, const char *key)
{
	begin(w, key);
	buf_add(w->buf, "null", 4);
}

void jw_raw(struct json_writer *w, const char *key, const char *json, size_t len)
{
	begin(w, key);
	buf_add(w->buf, json, len);
}
