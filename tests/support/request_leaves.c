#include "tests/support/request_leaves.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/adapter.h"
#include "common/buf.h"

void leaf_add(struct arena *arena, struct leaves *leaves, const char *place, const char *value, size_t len)
{
	char *copy = arena_alloc(arena, len + 1);

	memcpy(copy, value, len);
	leaves->items = arena_grow(arena, leaves->items, leaves->count, &leaves->capacity, sizeof(*leaves->items));
	leaves->items[leaves->count++] = (struct leaf){ place, copy, len };
}

/* --- encodings ---------------------------------------------------------------------------------------------------------------- */

static int hex_value(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place; `plus`: it stands for a space. False: a character that must not stand there as it is. */
static bool unescape(const char *text, size_t len, bool plus, char *out, size_t *n)
{
	*n = 0;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '%') {
			if (i + 2 >= len || hex_value(text[i + 1]) < 0 || hex_value(text[i + 2]) < 0)
				return false;
			out[(*n)++] = (char)(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
			i += 2;
		} else if (c == '+' && plus) {
			out[(*n)++] = ' ';
		} else if (isalnum((unsigned char)c) || strchr("-._~*!'(),:@$;+", c)) {
			out[(*n)++] = c;
		} else {
			return false;
		}
	}
	out[*n] = '\0';
	return true;
}

bool leaf_base64(const char *text, size_t len, struct arena *arena, const char **ret, size_t *ret_len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t pad = len < 4 || text[len - 1] != '=' ? 0 : text[len - 2] != '=' ? 1 : 2;
	char *out = arena_alloc(arena, len + 1);
	unsigned bits = 0, held = 0;
	size_t n = 0;

	if (len % 4)
		return false;
	for (size_t i = 0; i < len - pad; i++) {
		const char *digit = text[i] ? strchr(digits, text[i]) : NULL;

		if (!digit)
			return false;
		bits = bits << 6 | (unsigned)(digit - digits);
		held += 6;
		if (held >= 8)
			out[n++] = (char)(bits >> (held -= 8) & 0xff);
	}
	out[n] = '\0';
	*ret = out;
	*ret_len = n;
	return true;
}

const char *leaf_words(const char *text, struct arena *arena, const char **end)
{
	CLEANUP(buf_clear) struct buf all = { 0 };
	bool any = false;

	while (strncasecmp(text, "=?utf-8?B?", 10) == 0) {
		const char *stop = strstr(text + 10, "?="), *piece;
		size_t len;

		if (!stop || !leaf_base64(text + 10, (size_t)(stop - text - 10), arena, &piece, &len))
			return NULL;
		buf_add(&all, piece, len);
		any = true;
		text = stop + 2;
		if (strncasecmp(text, " =?utf-8?B?", 11) == 0)
			text++;
	}
	*end = text;
	return any ? arena_memdup(arena, buf_str(&all), all.len) : NULL;
}

/* --- HTTP ----------------------------------------------------------------------------------------------------------- */

static const char *form(const char *text, size_t len, const char *what, struct arena *arena, struct leaves *ret)
{
	for (size_t at = 0; at < len || (at == len && len && text[len - 1] == '&');) {
		const char *end = memchr(text + at, '&', len - at), *equals;
		size_t all = end ? (size_t)(end - text) - at : len - at, n, m;
		char *name = arena_alloc(arena, all + 1), *value = arena_alloc(arena, all + 1);

		equals = memchr(text + at, '=', all);
		if (!equals || !unescape(text + at, (size_t)(equals - text) - at, true, name, &n) ||
			!unescape(equals + 1, all - ((size_t)(equals + 1 - text) - at), true, value, &m) || strlen(name) != n)
			return arena_printf(arena, "no %s: %.*s", what, (int)all, text + at);
		leaf_add(arena, ret, arena_printf(arena, "%s %s", what, name), value, m);
		at += all + 1;
	}
	return NULL;
}

static const char *url(const char *text, struct arena *arena, struct leaves *ret)
{
	const char *host = strstr(text, "://"), *path = host ? host + 3 + strcspn(host + 3, "/?#") : NULL, *query;
	size_t n;

	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p <= ' ' || *p > '~' || strchr("\"<>\\^`{|}#", *p))
			return "the URL has a character that none may have";
	if (!path || (strncmp(text, "https://", 8) != 0 && strncmp(text, "http://127.0.0.1", 16) != 0) || memchr(host, '@', (size_t)(path - host)))
		return "no URL to a provider";
	leaf_add(arena, ret, "url host", text, (size_t)(path - text));
	query = strchr(path, '?');
	for (unsigned i = 0; *path == '/'; i++) {
		size_t len = strcspn(++path, "/?");
		char *segment = arena_alloc(arena, len + 1);

		if (!unescape(path, len, false, segment, &n) || (len && strspn(path, ".") == len) || strncasecmp(path, "%2e", 3) == 0)
			return "a bad segment of the path";
		leaf_add(arena, ret, arena_printf(arena, "url path %u", i), segment, n);
		path += len;
	}
	return query ? form(query + 1, strlen(query + 1), "query", arena, ret) : NULL;
}

static const char *headers(const struct http_request *request, struct arena *arena, struct leaves *ret, const char **type)
{
	for (size_t i = 0; i < request->header_count; i++) {
		const struct http_header *header = &request->headers[i];
		const char *place = arena_printf(arena, "header %zu %s", i, header->name), *value = header->value, *plain;
		size_t len;

		if (!header->name[0] || strspn(header->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != strlen(header->name))
			return "a bad name of a header";
		for (const unsigned char *p = (const unsigned char *)value; *p; p++)
			if (*p < 0x20 || *p == 0x7f)
				return "a control character in a header";
		if (strcasecmp(header->name, "Content-Type") == 0)
			*type = value;
		if (strncmp(value, "Basic ", 6) == 0) {
			if (!leaf_base64(value + 6, strlen(value + 6), arena, &plain, &len))
				return "Basic without base64";
			leaf_add(arena, ret, place, plain, len);
		} else {
			leaf_add(arena, ret, place, value, strlen(value));
		}
	}
	return NULL;
}

static const char *find(const char *from, const char *end, const char *what)
{
	return memmem(from, (size_t)(end - from), what, strlen(what));
}

/* Its two headers and no other. `filename` as it stands there. */
static const char *part_head(const char *p, const char *end, const char *place, struct arena *arena, struct leaves *ret)
{
	const char *line = find(p, end, "\r\n"), *quote;

	if (strncmp(p, "Content-Disposition: form-data; name=\"", 38) != 0 || !line)
		return "a part without a name";
	p += 38;
	quote = memchr(p, '"', (size_t)(line - p));
	if (!quote)
		return "a part without a name";
	leaf_add(arena, ret, arena_printf(arena, "%s name", place), p, (size_t)(quote - p));
	p = quote + 1;
	if (p == line)
		return line + 2 == end ? NULL : "a part with another header";
	if (strncmp(p, "; filename=\"", 12) != 0)
		return "a part with a strange disposition";
	p += 12;
	quote = memchr(p, '"', (size_t)(line - p));
	if (!quote || quote + 1 != line)
		return "a file with a strange name";
	leaf_add(arena, ret, arena_printf(arena, "%s filename", place), p, (size_t)(quote - p));
	p = line + 2;
	line = find(p, end, "\r\n");
	if (!line || line + 2 != end || strncmp(p, "Content-Type: ", 14) != 0)
		return "a file with other headers than its type";
	leaf_add(arena, ret, arena_printf(arena, "%s type", place), p + 14, (size_t)(line - p - 14));
	return NULL;
}

static const char *multipart(const char *text, size_t len, const char *boundary, struct arena *arena, struct leaves *ret)
{
	const char *line = arena_printf(arena, "--%s\r\n", boundary), *between = arena_printf(arena, "\r\n--%s", boundary), *p = text, *end = text + len;
	const char *wrong;

	if (!boundary[0] || strlen(boundary) > 70 || len < strlen(line) || memcmp(p, line, strlen(line)) != 0)
		return "no multipart";
	p += strlen(line);
	for (unsigned i = 0;; i++) {
		const char *place = arena_printf(arena, "part %u", i), *body = find(p, end, "\r\n\r\n"), *stop;

		stop = body ? find(body + 4, end, between) : NULL;
		if (!stop)
			return "a part without end";
		if ((wrong = part_head(p, body + 2, place, arena, ret)))
			return wrong;
		leaf_add(arena, ret, place, body + 4, (size_t)(stop - body - 4));
		p = stop + strlen(between);
		if (end - p == 4 && memcmp(p, "--\r\n", 4) == 0)
			return NULL;
		if (end - p < 2 || memcmp(p, "\r\n", 2) != 0)
			return "something behind a boundary";
		p += 2;
	}
}

const char *leaves_of_request(const struct http_request *request, struct arena *arena, struct leaves *ret)
{
	const char *type = "", *wrong;

	leaf_add(arena, ret, "method", request->method, strlen(request->method));
	if ((wrong = url(request->url, arena, ret)) || (wrong = headers(request, arena, ret, &type)))
		return wrong;
	if (!request->body)
		return NULL;
	if (strcmp(type, "application/json") == 0)
		return leaves_of_json(request->body, request->body_len, "", arena, ret);
	if (strncmp(type, "multipart/form-data; boundary=", 30) == 0)
		return multipart(request->body, request->body_len, type + 30, arena, ret);
	if (strcmp(type, "application/x-www-form-urlencoded") == 0)
		return form(request->body, request->body_len, "form", arena, ret);
	return arena_printf(arena, "a body of the type %s", type);
}

/* --- mail ------------------------------------------------------------------------------------------------------------------------ */

/* `encoding`'s opposite; lines end with LF afterwards. */
static const char *decoded(const char *p, const char *end, const char *encoding, struct arena *arena, size_t *len)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	const char *plain;

	for (; p < end; p++) {
		if (*p == '\r')
			continue;
		if (strcmp(encoding, "base64") == 0) {
			if (*p != '\n')
				buf_add_char(&out, *p);
		} else if (*p == '=' && p + 2 < end && p[1] == '\r' && p[2] == '\n') {
			p += 2;
		} else if (*p == '=' && p + 2 < end && hex_value(p[1]) >= 0 && hex_value(p[2]) >= 0) {
			buf_add_char(&out, (char)(hex_value(p[1]) * 16 + hex_value(p[2])));
			p += 2;
		} else if (*p == '=' || (*p != '\n' && *p != '\t' && ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e))) {
			return NULL;
		} else {
			buf_add_char(&out, *p);
		}
	}
	*len = out.len;
	if (strcmp(encoding, "base64") == 0)
		return leaf_base64(buf_str(&out), out.len, arena, &plain, len) ? plain : NULL;
	return strcmp(encoding, "quoted-printable") == 0 ? arena_memdup(arena, buf_str(&out), out.len) : NULL;
}

static const char *entity(const char *p, const char *end, const char *place, struct arena *arena, struct leaves *ret)
{
	const char *encoding = "7bit", *boundary = NULL, *wrong, *text;
	size_t len;

	while (end - p >= 2 && memcmp(p, "\r\n", 2) != 0) {
		CLEANUP(buf_clear) struct buf unfolded = { 0 };
		const char *colon, *value, *words, *rest = "";
		const char *stop = find(p, end, "\r\n");

		for (;; stop = find(p, end, "\r\n")) {
			if (!stop || stop - p > 998)
				return "a header line without end, or too long";
			buf_add(&unfolded, p, (size_t)(stop - p));
			p = stop + 2;
			if (p >= end || (*p != ' ' && *p != '\t'))
				break;
		}
		for (const unsigned char *c = (const unsigned char *)buf_str(&unfolded); *c; c++)
			if ((*c < 0x20 && *c != '\t') || *c > 0x7e)
				return "a header beyond printable ASCII";
		text = arena_memdup(arena, buf_str(&unfolded), unfolded.len);
		colon = strstr(text, ": ");
		if (!colon || strcspn(text, " ()<>@,;:\\\"") != (size_t)(colon - text))
			return arena_printf(arena, "no header: %s", text);
		value = colon + 2;
		words = leaf_words(value, arena, &rest);
		if (words)
			value = arena_printf(arena, "\"%s\"%s", words, rest); /* as its quoted form would read */
		leaf_add(arena, ret, arena_printf(arena, "%s %.*s%s", place, (int)(colon - text), text, words ? " in words" : ""), value, strlen(value));
		if (strncasecmp(text, "Content-Transfer-Encoding: ", 27) == 0)
			encoding = colon + 2;
		if (strncasecmp(text, "Content-Type: multipart/", 24) == 0 && (boundary = strstr(text, "boundary=\"")))
			boundary = arena_printf(arena, "--%.*s", (int)strcspn(boundary + 10, "\""), boundary + 10);
	}
	p += 2;
	if (!boundary) {
		text = decoded(p, end, encoding, arena, &len);
		if (!text)
			return "a body that is not encoded as it says";
		leaf_add(arena, ret, arena_printf(arena, "%s body", place), text, len);
		return NULL;
	}
	for (unsigned i = 0;; i++) {
		const char *stop;

		if (strncmp(p, boundary, strlen(boundary)) != 0)
			return "no boundary where one must be";
		p += strlen(boundary);
		if (strncmp(p, "--\r\n", 4) == 0)
			return p + 4 == end || strncmp(p + 4, "--", 2) == 0 ? NULL : "something behind the last part";
		p += 2;
		stop = find(p, end, arena_printf(arena, "\r\n%s", boundary));
		if (!stop)
			return "a part without end";
		if ((wrong = entity(p, stop + 2, arena_printf(arena, "%s.%u", place, i), arena, ret)))
			return wrong;
		p = stop + 2;
	}
}

const char *leaves_of_mail(const char *text, size_t len, struct arena *arena, struct leaves *ret)
{
	return entity(text, text + len, "mail", arena, ret);
}
