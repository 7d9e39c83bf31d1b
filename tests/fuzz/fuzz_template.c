/* Input: one byte of options, a template up to a NUL, a partial up to a NUL, the context in JSON. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "common/template.h"

struct texts {
	const struct template *itself, *partial;
};

static const struct template *partial_of(const char *name, void *arg)
{
	const struct texts *texts = arg;

	return !strcmp(name, "self") ? texts->itself : !strcmp(name, "p") ? texts->partial : NULL;
}

static struct slice next_text(struct slice *rest)
{
	const uint8_t *nul = rest->len ? memchr(rest->data, 0, rest->len) : NULL;
	size_t len = nul ? (size_t)(nul - rest->data) : rest->len;
	struct slice text = { rest->data, len };

	rest->data += nul ? len + 1 : len;
	rest->len -= nul ? len + 1 : len;
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char fallback[] = "{\"a\":[1,{\"b\":\"<\\r\\n\\u202e\"},\"x\"],\"b\":true,\"c\":{\"d\":1.5}}";
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(template_freep) struct template *itself = NULL;
	CLEANUP(template_freep) struct template *partial = NULL;
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct err err = { 0 };
	struct slice rest, text;
	struct texts texts;
	struct template_use use;
	enum template_escape escape;
	struct json context;

	if (size < 2)
		return 0;
	escape = (enum template_escape)(data[0] % (ESCAPE_URL + 1));
	rest = (struct slice){ data + 1, size - 1 };
	text = next_text(&rest);
	if (template_parse((const char *)text.data, text.len, &itself, &err) < 0) {
		assert(*err.code && *err.text);
		return 0;
	}
	text = next_text(&rest);
	(void)template_parse((const char *)text.data, text.len, &partial, NULL);
	if (json_parse(arena, (const char *)rest.data, rest.len, JSON_FRACTIONS, &context, NULL) < 0 &&
		json_parse(arena, fallback, sizeof(fallback) - 1, JSON_FRACTIONS, &context, NULL) < 0)
		return 0;
	for (size_t i = 0; template_next(itself, &i, &use);)
		assert(*use.name && use.line);
	texts = (struct texts){ itself, partial };
	if (template_render(itself, &context, escape, partial_of, &texts, data[0] & 0x80, &out, &err) < 0)
		assert(!out.len && *err.code);
	assert(out.len <= TEMPLATE_OUTPUT_MAX);
	if ((escape == ESCAPE_HEADER || escape == ESCAPE_SMS) && out.len) {
		for (size_t i = 0; i < out.len; i++)
			assert((uint8_t)out.data[i] >= 0x20 && out.data[i] != 0x7f);
		assert(out.data[0] != ' ' && out.data[out.len - 1] != ' ');
	}
	return 0;
}
