/*
 * Hostile words in every text of a message, for every shipped provider: refused, or literal. "Literal" is: what is sent has the same
 * members, fields, parts and headers as with harmless words, and the words stand in it whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/adapter.h"
#include "common/buf.h"
#include "common/json.h"
#include "tests/support/shipped.h"

static const char *const words[] = {
	/* line breaks and controls */
	"a\r\nBcc: x@evil.example", "a\nBcc: x@evil.example", "a\rBcc: x", "a\r\n\r\nbody", "a\n.\nMAIL FROM:<x>", "a\x01" "b", "a\x1b[2J", "a\x7f", "a\tb",
	"a\xc2\x85" "b", "a\xe2\x80\xa8" "Bcc: x", "a\xe2\x80\xa9" "Bcc: x", "a\x0b" "b", "a\x0c" "b", "a\x08",
	/* quotes and brackets of every place they land in */
	"\"", "\\", "\\\"", "\",\"to\":[\"x@evil.example\"]", "\"}],\"x\":[{\"y\":\"", "'", "`", "a\" <x@evil.example>, \"b", "<x@evil.example>", "a,b;c:d",
	"=?UTF-8?B?QmNjOiB4?=", "{}", "{{", "}}", "{config.api_key}", "{token}", "{{{text}}}", "${x}", "$(x)", "%s%n", "%0d%0aBcc:x", "%00", "&Bcc=x&To=y", "=", "+",
	"a&b=c", "?x=y#z", "a/../../b", "..", ".", "//evil.example/", "\\\\evil", "http://169.254.169.254/", "--", "---", "------",
	/* markup, TwiML */
	"<script>alert(1)</script>", "</Say><Dial>+1900</Dial><Say>", "<Response/>", "]]>", "<!--", "&lt;", "&#0;", "<!DOCTYPE x [<!ENTITY y SYSTEM \"file:///\">]>",
	/* letters that look another way, or turn around */
	"\xe2\x80\xae" "cba", "\xe2\x81\xa6" "x", "\xef\xbb\xbf" "a", "\xe2\x80\x8b", "\xcc\x81\xcc\x81\xcc\x81", "\xf0\x9f\x98\x80", "\xd0\xb0" "cme", "\xc3\xa9\xc3\xa8",
	"\xe4\xb8\xad\xe6\x96\x87", "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d", "\xf0\x90\x8d\x88",
	/* long */
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	/* nothing */
	"", " ", "  a  ",
};
#define WRAPS 3 /* alone, before and behind others */

static const struct field {
	const char *name;
	size_t offset;
} fields[] = {
	{ "to.name", offsetof(struct message, to.name) },
	{ "to.email", offsetof(struct message, to.email) },
	{ "to.phone", offsetof(struct message, to.phone) },
	{ "from.name", offsetof(struct message, from.name) },
	{ "from.email", offsetof(struct message, from.email) },
	{ "from.phone", offsetof(struct message, from.phone) },
	{ "from.reply_to", offsetof(struct message, from.reply_to) },
	{ "to.line1", offsetof(struct message, to_postal.line1) },
	{ "to.line2", offsetof(struct message, to_postal.line2) },
	{ "to.postcode", offsetof(struct message, to_postal.postcode) },
	{ "to.city", offsetof(struct message, to_postal.city) },
	{ "to.country", offsetof(struct message, to_postal.country) },
	{ "from.line1", offsetof(struct message, from_postal.line1) },
	{ "from.city", offsetof(struct message, from_postal.city) },
	{ "locale", offsetof(struct message, locale) },
	{ "subject", offsetof(struct message, subject) },
	{ "text", offsetof(struct message, text) },
	{ "html", offsetof(struct message, html) },
	{ "debtor_id", offsetof(struct message, debtor_id) },
	{ "step", offsetof(struct message, step) },
	{ "policy", offsetof(struct message, policy) },
};

/* --- the shape of a request: names, not values ------------------------------------------------------------------------ */

static void json_shape(struct buf *out, const struct json *value, int depth)
{
	const char *key;
	struct json item;

	buf_printf(out, "%d", (int)value->type);
	if (value->type == JSON_OBJECT) {
		for (size_t i = 0; json_member(value, &i, &key, &item);) {
			item.parent = NULL;
			buf_printf(out, "{%s:", key);
			json_shape(out, &item, depth + 1);
			buf_add_char(out, '}');
		}
	} else if (value->type == JSON_ARRAY) {
		for (size_t i = 0; i < json_len(value); i++) {
			item = json_at(value, i);
			item.parent = NULL;
			json_shape(out, &item, depth + 1);
		}
	}
}

static void count_tags(struct buf *out, const char *escaped)
{
	size_t n = 0;

	for (const char *p = escaped; *p && *p != '&'; p++)
		n += strncmp(p, "%3C", 3) == 0;
	buf_printf(out, "<%zu", n);
}

/* A form's JSON text is shaped too, and so is TwiML. */
static void form_shape(struct buf *out, const char *p, struct arena *arena)
{
	while (p && *p) {
		size_t len = strcspn(p, "&"), name = strcspn(p, "=&");

		buf_printf(out, "[%.*s=", (int)name, p);
		if (strncmp(p, "Twiml=", 6) == 0)
			count_tags(out, p + 6);
		if (strncmp(p, "adress=", 7) == 0 || strncmp(p, "content=%7B", 11) == 0) {
			CLEANUP(buf_clear) struct buf text = { 0 };
			struct json value;
			char hex[3] = "";

			for (const char *q = p + name + 1; q < p + len; q++) {
				if (*q == '%') {
					memcpy(hex, q + 1, 2);
					buf_add_char(&text, (char)strtoul(hex, NULL, 16));
					q += 2;
				} else {
					buf_add_char(&text, *q);
				}
			}
			if (json_parse(arena, arena_memdup(arena, text.data, text.len), text.len, 0, &value, NULL) == 0)
				json_shape(out, &value, 0);
		}
		p = p[len] ? p + len + 1 : NULL;
	}
}

static void multipart_shape(struct buf *out, const struct http_request *request, const char *boundary)
{
	const char *p = request->body, *end = p + request->body_len, *line;
	size_t len = strlen(boundary);

	while ((p = memmem(p, (size_t)(end - p), boundary, len))) {
		line = memmem(p, (size_t)(end - p), "name=\"", 6);
		if (line && line < p + 200)
			buf_printf(out, "[%.*s]", (int)strcspn(line + 6, "\""), line + 6);
		p += len;
	}
}

static const char *shape(const struct http_request *request, struct arena *arena)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	const char *type = "";
	struct json value;
	struct err err = { 0 };

	buf_printf(&out, "%s %s\n", request->method, request->url);
	for (size_t i = 0; i < request->header_count; i++) {
		const struct http_header *header = &request->headers[i];

		buf_printf(&out, "%s\n", header->name);
		for (const unsigned char *p = (const unsigned char *)header->value; *p; p++) {
			if (*p < 0x20 || *p == 0x7f)
				return "a control character in a header";
		}
		if (strcmp(header->name, "Content-Type") == 0)
			type = header->value;
	}
	if (strcmp(type, "application/json") == 0) {
		if (json_parse(arena, request->body, request->body_len, JSON_FRACTIONS, &value, &err) < 0)
			return arena_printf(arena, "no JSON: %s", err.text);
		json_shape(&out, &value, 0);
	} else if (strncmp(type, "multipart/form-data; boundary=", 30) == 0) {
		multipart_shape(&out, request, type + 30);
	} else {
		form_shape(&out, request->body, arena);
	}
	return arena_memdup(arena, buf_str(&out), out.len);
}

/* --- trying ------------------------------------------------------------------------------------------------------------- */

static const char *wrap(struct arena *arena, const char *word, size_t how)
{
	return how == 0 ? word : how == 1 ? arena_printf(arena, "%s rest", word) : arena_printf(arena, "begin %s", word);
}

static int make(const struct adapter *adapter, struct adapter_input *input, struct arena *arena, struct http_request *ret)
{
	static const struct adapter_bound bound = { "upload.url", "https://files.example/1.pdf" };

	input->token = "T0";
	input->bound = &bound;
	input->bound_count = 1;
	return adapter_request(adapter, input, arena, ret, NULL);
}

/* Returns whether it was taken. */
static bool try_word(const struct shipped *provider, const struct adapter *adapter, const struct field *field, const char *word)
{
	struct provider_settings settings = { .name = provider->name, .settings = provider->settings };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct message harmless = shipped_message(provider->channel, adapter_takes_files(adapter)), hostile = harmless;
	struct adapter_input one = shipped_input(&settings, &harmless), other = shipped_input(&settings, &hostile);
	struct http_request plain, request;
	const char *wanted, *got;

	/* empty words may leave a member out, which is no escape */
	if (!*word || !*(const char **)((char *)&hostile + field->offset))
		return false;
	*(const char **)((char *)&hostile + field->offset) = word;
	if (make(adapter, &other, arena, &request) < 0)
		return false;
	assert_int_equal(make(adapter, &one, arena, &plain), 0);
	wanted = shape(&plain, arena);
	got = shape(&request, arena);
	if (strcmp(wanted, got) != 0)
		fail_msg("%s, %s: %s\n%s\n--- with harmless words:\n%s", provider->name, field->name, word, got, wanted);
	return true;
}

static void nothing_escapes(void **state)
{
	size_t taken = 0, refused = 0;

	(void)state;
	for (size_t i = 0; i < shipped_count; i++) {
		CLEANUP(adapter_freep) struct adapter *adapter = shipped_load(shipped[i].name);
		CLEANUP(arena_freep) struct arena *arena = arena_create();

		for (size_t f = 0; f < ARRAY_LEN(fields); f++) {
			for (size_t k = 0; k < ARRAY_LEN(words) * WRAPS; k++) {
				bool yes = try_word(&shipped[i], adapter, &fields[f], wrap(arena, words[k / WRAPS], k % WRAPS));

				taken += yes;
				refused += !yes;
			}
		}
	}
	print_message("%zu words, %zu taken, %zu refused\n", ARRAY_LEN(words) * WRAPS, taken, refused);
	assert_true(ARRAY_LEN(words) * WRAPS >= 150 && taken > 10000 && refused > 10000);
}

/* Whatever stands in one line is refused with a break in it, for each provider. */
static void lines_have_no_breaks(void **state)
{
	(void)state;
	for (size_t i = 0; i < shipped_count; i++) {
		CLEANUP(adapter_freep) struct adapter *adapter = shipped_load(shipped[i].name);

		for (size_t f = 0; f < ARRAY_LEN(fields); f++) {
			bool body = strcmp(fields[f].name, "text") == 0 || strcmp(fields[f].name, "html") == 0;

			for (size_t k = 0; k < 15 && !body; k++) {
				if (try_word(&shipped[i], adapter, &fields[f], words[k]))
					fail_msg("%s takes a control character in %s", shipped[i].name, fields[f].name);
			}
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(nothing_escapes), cmocka_unit_test(lines_have_no_breaks) };

	return cmocka_run_group_tests_name("provider_injection", tests, NULL, NULL);
}
