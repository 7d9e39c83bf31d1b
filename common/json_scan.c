/*
 * The RFC 8259 scanner in front of json-c, which alone is too kind: it takes 'a', NaN, raw newlines, duplicate names, \u0000 and
 * saturates large integers. No recursion, no output: only yes or a reason.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json_internal.h"

#define NAMES_FIRST 64 /* open names of nearly every document; more are allocated */

struct name {
	size_t at, len; /* of the raw text between the quotes */
	uint64_t hash; /* of the decoded bytes */
};

struct level {
	bool object;
	size_t names; /* index of its first name */
	size_t index; /* of the present array item */
};

struct scan {
	const char *text;
	size_t len, at;
	unsigned flags;
	struct level levels[JSON_DEPTH_MAX];
	size_t depth;
	struct name *names, first[NAMES_FIRST];
	size_t name_count, name_capacity;
	struct err *err;
};

static int refuse(struct scan *s, const char *code, const char *what)
{
	char path[sizeof(s->err->path)];
	size_t n = 0, line = 1, column = 1;

	if (!s->err)
		return -EBADMSG;
	n += (size_t)snprintf(path, sizeof(path), "$");
	for (size_t i = 0; i < s->depth && n < sizeof(path) - 1; i++) {
		const struct level *level = &s->levels[i];
		size_t end = i + 1 < s->depth ? s->levels[i + 1].names : s->name_count;
		int wrote;

		if (level->object && end == level->names)
			break;
		if (level->object)
			wrote = snprintf(path + n, sizeof(path) - n, ".%.*s", (int)s->names[end - 1].len,
				s->text + s->names[end - 1].at);
		else
			wrote = snprintf(path + n, sizeof(path) - n, "[%zu]", level->index);
		n += wrote > 0 ? (size_t)wrote : 0;
	}
	for (size_t i = 0; path[i]; i++)
		if ((unsigned char)path[i] < 0x20 || (unsigned char)path[i] >= 0x7f)
			path[i] = '?'; /* it may be the very bytes that are refused */
	for (size_t i = 0; i < s->at && i < s->len; i++) {
		bool ends = s->text[i] == '\n';

		line += ends;
		column = ends ? 1 : column + (((unsigned char)s->text[i] & 0xc0) != 0x80); /* of characters */
	}
	return err_set(s->err, -EBADMSG, code, path, "%s in line %zu, column %zu", what, line, column);
}

static int skip_some_blank(struct scan *s)
{
	for (;;) {
		while (s->at < s->len && (s->text[s->at] == ' ' || s->text[s->at] == '\n' || s->text[s->at] == '\t' ||
						 s->text[s->at] == '\r'))
			s->at++;
		if (!(s->flags & JSON_COMMENTS) || s->at + 1 >= s->len || s->text[s->at] != '/')
			return 0;
		if (s->text[s->at + 1] == '/') {
			while (s->at < s->len && s->text[s->at] != '\n')
				s->at++;
		} else if (s->text[s->at + 1] == '*') {
			const char *end = memmem(s->text + s->at + 2, s->len - s->at - 2, "*/", 2);

			if (!end)
				return refuse(s, "bad_json", "a comment is not closed");
			s->at = (size_t)(end - s->text) + 2;
		} else {
			return 0;
		}
	}
}

/* Compact documents have none. */
static inline int skip_blank(struct scan *s)
{
	if (s->at < s->len && s->text[s->at] > ' ' && s->text[s->at] != '/')
		return 0;
	return skip_some_blank(s);
}

static int utf8(struct scan *s)
{
	const unsigned char *p = (const unsigned char *)s->text + s->at;
	size_t left = s->len - s->at, n = *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
	uint32_t c;

	if (*p < 0xc2 || *p > 0xf4 || left < n)
		return refuse(s, "bad_utf8", "the bytes are not UTF-8");
	c = *p & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return refuse(s, "bad_utf8", "the bytes are not UTF-8");
		c = c << 6 | (p[i] & 0x3fu);
	}
	if ((n == 3 && c < 0x800) || (n == 4 && c < 0x10000) || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return refuse(s, "bad_utf8", "the bytes are not UTF-8");
	s->at += n;
	return 0;
}

static int hex4(struct scan *s, uint32_t *ret)
{
	*ret = 0;
	for (int i = 0; i < 4; i++, s->at++) {
		char c = s->at < s->len ? s->text[s->at] : '\0';
		int v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
			c >= 'A' && c <= 'F'		       ? c - 'A' + 10 :
								 -1;

		if (v < 0)
			return refuse(s, "bad_json", "an escape needs four hexadecimal digits");
		*ret = *ret << 4 | (uint32_t)v;
	}
	return 0;
}

static void hash_byte(uint64_t *hash, unsigned c)
{
	*hash = (*hash ^ c) * UINT64_C(0x100000001b3);
}

static void hash_rune(uint64_t *hash, uint32_t c)
{
	if (c < 0x80) {
		hash_byte(hash, c);
		return;
	}
	if (c < 0x800) {
		hash_byte(hash, 0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			hash_byte(hash, 0xe0 | c >> 12);
		} else {
			hash_byte(hash, 0xf0 | c >> 18);
			hash_byte(hash, 0x80 | (c >> 12 & 0x3f));
		}
		hash_byte(hash, 0x80 | (c >> 6 & 0x3f));
	}
	hash_byte(hash, 0x80 | (c & 0x3f));
}

static int escape(struct scan *s, uint64_t *hash)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	uint32_t c, low;
	const char *simple;
	int r;

	s->at++;
	if (s->at >= s->len)
		return refuse(s, "bad_json", "the text ends in a string");
	simple = s->text[s->at] ? strchr(from, s->text[s->at]) : NULL;
	if (simple) {
		hash_byte(hash, (unsigned char)to[simple - from]);
		s->at++;
		return 0;
	}
	if (s->text[s->at] != 'u')
		return refuse(s, "bad_json", "an unknown escape");
	s->at++;
	r = hex4(s, &c);
	if (r < 0)
		return r;
	if (c == 0)
		return refuse(s, "bad_json", "U+0000 is not accepted");
	if (c >= 0xdc00 && c < 0xe000)
		return refuse(s, "bad_utf8", "a lone surrogate");
	if (c >= 0xd800 && c < 0xdc00) {
		if (s->len - s->at < 6 || s->text[s->at] != '\\' || s->text[s->at + 1] != 'u')
			return refuse(s, "bad_utf8", "a lone surrogate");
		s->at += 2;
		r = hex4(s, &low);
		if (r < 0)
			return r;
		if (low < 0xdc00 || low >= 0xe000)
			return refuse(s, "bad_utf8", "a lone surrogate");
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	hash_rune(hash, c);
	return 0;
}

/* `hash` of a value is NULL: only names are compared. */
static int string(struct scan *s, uint64_t *hash)
{
	uint64_t unused = 0;
	int r = 0;

	s->at++;
	*(hash ? hash : &unused) = UINT64_C(0xcbf29ce484222325);
	for (;;) {
		size_t from = s->at;
		unsigned char c;

		s->at += json_plain(s->text + from, s->len - from);
		for (; hash && from < s->at; from++)
			hash_byte(hash, (unsigned char)s->text[from]);
		if (s->at >= s->len)
			return refuse(s, "bad_json", "the text ends in a string");
		c = (unsigned char)s->text[s->at];
		if (c == '"')
			break;
		if (c < 0x20)
			return refuse(s, "bad_json", "a control character in a string");
		if (c == '\\') {
			r = escape(s, hash ? hash : &unused);
		} else {
			r = utf8(s);
			for (; r == 0 && hash && from < s->at; from++)
				hash_byte(hash, (unsigned char)s->text[from]);
		}
		if (r < 0)
			return r;
	}
	s->at++;
	return 0;
}

static bool digit(const struct scan *s)
{
	return s->at < s->len && s->text[s->at] >= '0' && s->text[s->at] <= '9';
}

/* Whether json-c can hold it: beyond the largest double it would be an infinity, which no JSON can say again. */
static bool fits_double(const char *text, size_t len)
{
	CLEANUP(freep) char *copy = xmalloc(len + 1);

	memcpy(copy, text, len);
	copy[len] = '\0';
	return isfinite(strtod(copy, NULL));
}

static int number(struct scan *s)
{
	bool minus = s->text[s->at] == '-', fraction = false, large = false;
	uint64_t n = 0;
	size_t first;

	s->at += minus;
	first = s->at;
	if (!digit(s))
		return refuse(s, "bad_json", "a number needs digits");
	for (; digit(s); s->at++) {
		uint64_t d = (uint64_t)(s->text[s->at] - '0');

		large |= n > (UINT64_MAX - d) / 10;
		n = n * 10 + d;
	}
	if (s->text[first] == '0' && s->at - first > 1)
		return refuse(s, "bad_json", "a number has a leading zero");
	if (s->at < s->len && s->text[s->at] == '.') {
		fraction = true;
		s->at++;
		if (!digit(s))
			return refuse(s, "bad_json", "a number needs digits behind the point");
		while (digit(s))
			s->at++;
	}
	if (s->at < s->len && (s->text[s->at] == 'e' || s->text[s->at] == 'E')) {
		fraction = true;
		s->at++;
		if (s->at < s->len && (s->text[s->at] == '+' || s->text[s->at] == '-'))
			s->at++;
		if (!digit(s))
			return refuse(s, "bad_json", "a number needs digits in its exponent");
		while (digit(s))
			s->at++;
	}
	if (fraction && !(s->flags & JSON_FRACTIONS))
		return refuse(s, "not_integer", "a number must be a whole one, without fraction or exponent");
	if (fraction)
		return fits_double(s->text + first, s->at - first) ? 0 : refuse(s, "out_of_range", "a number is too large");
	if (large || n > (uint64_t)INT64_MAX + minus)
		return refuse(s, "out_of_range", "a number does not fit 64 bits");
	return 0;
}

static int by_hash(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

#define FEW_NAMES 24

/* By insertion: faster than qsort() for as many members as an object mostly has. */
static void sort_few(struct name *names, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct name one = names[i];
		size_t k = i;

		for (; k && names[k - 1].hash > one.hash; k--)
			names[k] = names[k - 1];
		names[k] = one;
	}
}

/* Equal 64-bit hashes of decoded names count as equal names: a collision that refuses an honest file will not be met. */
static int close_object(struct scan *s)
{
	struct name *names = s->names + s->levels[s->depth - 1].names;
	size_t n = s->name_count - s->levels[s->depth - 1].names;

	if (n > FEW_NAMES)
		qsort(names, n, sizeof(*names), by_hash);
	else
		sort_few(names, n);
	for (size_t i = 1; i < n; i++)
		if (names[i].hash == names[i - 1].hash) {
			struct name twice = names[i];

			names[n - 1] = twice;
			return refuse(s, "duplicate_key", "an object has the same name twice, seen");
		}
	s->name_count = s->levels[s->depth - 1].names;
	s->depth--;
	return 0;
}

static int word(struct scan *s, const char *text)
{
	size_t n = strlen(text);

	if (s->len - s->at < n || memcmp(s->text + s->at, text, n) != 0)
		return refuse(s, "bad_json", "not a JSON value");
	s->at += n;
	return 0;
}

static void more_names(struct scan *s)
{
	size_t capacity = 2 * s->name_capacity;
	struct name *names = xmalloc(capacity * sizeof(*names));

	memcpy(names, s->names, s->name_count * sizeof(*names));
	if (s->names != s->first)
		free(s->names);
	s->names = names;
	s->name_capacity = capacity;
}

static int member_name(struct scan *s)
{
	struct name name;
	int r;

	if (s->at >= s->len || s->text[s->at] != '"')
		return refuse(s, "bad_json", "a member name in quotes is expected");
	name.at = s->at + 1;
	r = string(s, &name.hash);
	if (r < 0)
		return r;
	name.len = s->at - 1 - name.at;
	if (s->name_count == s->name_capacity)
		more_names(s);
	s->names[s->name_count++] = name;
	r = skip_blank(s);
	if (r < 0)
		return r;
	if (s->at >= s->len || s->text[s->at] != ':')
		return refuse(s, "bad_json", "a colon is expected");
	s->at++;
	return skip_blank(s);
}

/* A scalar, or the opening of a container: *opened says which. */
static int value(struct scan *s, bool *opened)
{
	char c;

	*opened = false;
	if (s->at >= s->len)
		return refuse(s, "bad_json", "a value is missing");
	c = s->text[s->at];
	switch (c) {
	case '{':
	case '[':
		if (s->depth == JSON_DEPTH_MAX)
			return refuse(s, "too_deep", "more than 32 levels");
		s->levels[s->depth++] = (struct level){ .object = c == '{', .names = s->name_count };
		s->at++;
		*opened = true;
		return 0;
	case '"':
		return string(s, NULL);
	case 't':
		return word(s, "true");
	case 'f':
		return word(s, "false");
	case 'n':
		return word(s, "null");
	default:
		if (c == '-' || (c >= '0' && c <= '9'))
			return number(s);
		return refuse(s, "bad_json", "not a JSON value");
	}
}

static bool closes(const struct scan *s)
{
	return s->at < s->len && s->text[s->at] == (s->levels[s->depth - 1].object ? '}' : ']');
}

static int close_level(struct scan *s)
{
	s->at++;
	if (s->levels[s->depth - 1].object)
		return close_object(s);
	s->depth--;
	return 0;
}

static int document(struct scan *s)
{
	bool opened, first = false;
	int r = skip_blank(s);

	if (r == 0)
		r = value(s, &opened);
	if (r < 0)
		return r;
	first = opened;
	while (s->depth) {
		struct level *level = &s->levels[s->depth - 1];

		r = skip_blank(s);
		if (r < 0)
			return r;
		if (closes(s)) { /* empty, or behind the last value */
			r = close_level(s);
			first = false;
			if (r < 0)
				return r;
			continue;
		}
		if (!first) {
			if (s->at >= s->len || s->text[s->at] != ',')
				return refuse(s, "bad_json", level->object ? "a comma or the end of the object is expected" :
					"a comma or the end of the list is expected");
			s->at++;
			level->index++;
			r = skip_blank(s);
			if (r < 0)
				return r;
			if (closes(s)) {
				if (!(s->flags & JSON_COMMENTS))
					return refuse(s, "bad_json", "a comma before the end");
				continue;
			}
		}
		if (level->object && (r = member_name(s)) < 0)
			return r;
		r = value(s, &first);
		if (r < 0)
			return r;
	}
	r = skip_blank(s);
	if (r < 0)
		return r;
	return s->at == s->len ? 0 : refuse(s, "bad_json", "something follows the value");
}

int json_scan(const char *text, size_t len, unsigned flags, struct err *err)
{
	__attribute__((uninitialized)) struct scan s;
	int r;

	s.text = text; /* one by one: the arrays need no zeros */
	s.len = len;
	s.at = s.depth = s.name_count = 0;
	s.flags = flags;
	s.err = err;
	s.names = s.first;
	s.name_capacity = NAMES_FIRST;
	r = document(&s);
	if (s.names != s.first)
		free(s.names);
	return r;
}
