/*
 * A whole mail by anyone, and what is guessed from its text. The text that comes out is UTF-8 of bounded length without a control character
 * but '\n' and the tab, is more than white space, and a mail whose one part it is gives it again. As an object it is JSON that says what kind it is.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/mime_html.h"
#include "common/mime_read.h"
#include "common/reply.h"

static void is_clean(const char *text)
{
	size_t len = strlen(text);

	assert(len <= MIME_TEXT_MAX + 3);
	assert(strspn(text, " \t\n") < len);
	for (const char *c = text; *c; c++)
		assert(((unsigned char)*c >= 0x20 && *c != 0x7f) || *c == '\n' || *c == '\t');
	for (const char *c = text; (c = strchr(c, '\xc2')); c++) /* C1 is control too */
		assert((unsigned char)c[1] >= 0xa0);
	for (const char *c = text; *c;) { /* RFC 3629 */
		size_t n = (unsigned char)*c < 0x80 ? 1 : utf8_len(c, text + len);

		assert(n);
		c += n;
	}
}

static void is_judged(const char *text)
{
	enum reply_wish wish = reply_wish(text);

	assert(wish >= REPLY_NONE && wish < REPLY_WISH_COUNT);
	assert(!reply_is_stop(text) || wish == REPLY_OPT_OUT);
	(void)reply_guess(text);
}

/* As HTML, where it is UTF-8. */
static void is_page(const char *html, size_t len, struct arena *arena)
{
	const char *text;

	for (size_t i = 0, n; i < len; i += n)
		if (!(n = (unsigned char)html[i] < 0x80 ? 1 : utf8_len(html + i, html + len)))
			return;
	text = mime_html_text(html, len, MIME_TEXT_MAX, arena);
	assert(!*text || (*text != ' ' && *text != '\n'));
	if (text[strspn(text, " \t\n")])
		is_clean(text);
	is_judged(text);
}

static void is_object(const char *mail, size_t len, struct arena *arena)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct json_writer w = jw_init(&text);
	struct json json, kind;

	mime_document(&w, mail, len, arena);
	assert(json_parse(arena, buf_str(&text), text.len, 0, &json, NULL) == 0);
	kind = json_get(&json, "kind");
	assert(json_str(&kind) && (strcmp(json_str(&kind), "report") == 0) == json_has(&json, "report"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(freep) char *exact = malloc(size + 1);
	CLEANUP(buf_clear) struct buf again = { 0 };
	const char *text, *second;

	memcpy(exact, data, size);
	exact[size] = '\0';
	is_judged(exact); /* whatever bytes */
	is_page(exact, size, arena);
	is_object(exact, size, arena);
	text = mime_text(exact, size, arena);
	if (!text)
		return 0;
	is_clean(text);
	is_judged(text);
	buf_add_str(&again, "Content-Type: text/plain; charset=utf-8\n\n");
	buf_add_str(&again, text);
	second = mime_text(again.data, again.len, arena);
	assert(second && strcmp(second, text) == 0);
	return 0;
}
