#include "common/form.h"

#include <errno.h>
#include <string.h>

#include "common/buf.h"

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* `*decoded` is its length, as %00 is a byte like others here. NULL: a broken escape. */
static const char *url_decode(const char *text, size_t len, struct arena *arena, size_t *decoded)
{
	char *out = arena_alloc(arena, len + 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] != '%') {
			out[n++] = text[i] == '+' ? ' ' : text[i];
			continue;
		}
		if (i + 2 >= len || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0)
			return NULL;
		out[n++] = (char)(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2]));
		i += 2;
	}
	*decoded = n;
	return out;
}

int form_decode(const char *text, size_t len, struct arena *arena, struct form_pair **ret, size_t *count, struct err *err)
{
	const char *end = text + len;
	size_t capacity = 0;

	*ret = NULL;
	*count = 0;
	while (text < end) {
		const char *stop = memchr(text, '&', (size_t)(end - text)), *equals;
		struct form_pair pair = { .value = "" };

		stop = stop ? stop : end;
		equals = memchr(text, '=', (size_t)(stop - text));
		pair.name = url_decode(text, (size_t)((equals ? equals : stop) - text), arena, &pair.name_len);
		if (equals)
			pair.value = url_decode(equals + 1, (size_t)(stop - equals - 1), arena, &pair.value_len);
		if (!pair.name || !pair.value)
			return err_set(err, -EBADMSG, "bad_form", "", "an escape in the form is no %%XX");
		if (*count == FORM_PAIRS_MAX)
			return err_set(err, -EBADMSG, "too_long", "", "a form has at most %d fields", FORM_PAIRS_MAX);
		if (stop > text) {
			*ret = arena_grow(arena, *ret, *count, &capacity, sizeof(**ret));
			(*ret)[(*count)++] = pair;
		}
		text = stop + 1;
	}
	return 0;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* C0 and C1 controls, and what turns the direction of writing: nobody types them, and a reader of the record could be misled. */
static bool is_control(const char *p, size_t len)
{
	const unsigned char *u = (const unsigned char *)p;

	if (len == 1)
		return *u < 0x20 || *u == 0x7f;
	if (len == 2)
		return u[0] == 0xc2 && u[1] < 0xa0;
	return len == 3 && u[0] == 0xe2 && ((u[1] == 0x80 && (u[2] == 0xa8 || u[2] == 0xa9 || (u[2] >= 0xaa && u[2] <= 0xae))) ||
		(u[1] == 0x81 && u[2] >= 0xa6 && u[2] <= 0xa9));
}

enum form_got form_get(const struct form_pair *pairs, size_t count, const char *name, size_t max, bool lines, struct arena *arena,
	const char **ret)
{
	const struct form_pair *found = NULL;
	const char *at, *end;
	char *out, *to;

	*ret = "";
	for (size_t i = 0; i < count; i++) {
		if (pairs[i].name_len != strlen(name) || memcmp(pairs[i].name, name, pairs[i].name_len) != 0)
			continue;
		if (found)
			return FORM_BAD;
		found = &pairs[i];
	}
	if (!found)
		return FORM_NONE;
	for (at = found->value, end = at + found->value_len; at < end && is_space(*at);)
		at++;
	while (end > at && is_space(end[-1]))
		end--;
	if (at == end)
		return FORM_NONE;
	to = out = arena_alloc(arena, (size_t)(end - at) + 1);
	while (at < end) {
		size_t len = utf8_len(at, end);

		if (len == 1 && lines && (*at == '\n' || *at == '\r' || *at == '\t')) {
			*to++ = *at == '\t' ? ' ' : '\n';
			at += *at == '\r' && at + 1 < end && at[1] == '\n' ? 2 : 1;
			continue;
		}
		if (!len || is_control(at, len))
			return FORM_BAD;
		memcpy(to, at, len);
		to += len;
		at += len;
	}
	*ret = out;
	return (size_t)(to - out) > max ? FORM_LONG : FORM_TEXT;
}
