#include "tools/sandbox_page.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/utc.h"

#define LIST_MAX 200

static const char style[] =
	"<style>:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}"
	"h1{font-size:1.3rem;margin:0}p.sub{margin:.2rem 0 1.5rem;opacity:.7}table{border-collapse:collapse;width:100%}"
	"th,td{text-align:left;padding:.45rem .7rem .45rem 0;border-bottom:1px solid #8884;vertical-align:top}th{font-weight:600}"
	"td.n{white-space:nowrap;font-variant-numeric:tabular-nums}td.s{overflow-wrap:anywhere}.c{display:inline-block;padding:0 .5em;"
	"border-radius:.6em;background:#8883}pre{white-space:pre-wrap;overflow-wrap:anywhere;padding:1rem;background:#8882;"
	"border-radius:.4rem}iframe{width:100%;height:34rem;border:1px solid #8884;border-radius:.4rem;background:#fff}"
	"dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.2rem}dt{opacity:.7}dd{margin:0;overflow-wrap:anywhere}"
	"</style>";

static void add_escaped(struct buf *buf, const char *text)
{
	for (; text && *text; text++) {
		switch (*text) {
		case '&':
			buf_add_str(buf, "&amp;");
			break;
		case '<':
			buf_add_str(buf, "&lt;");
			break;
		case '>':
			buf_add_str(buf, "&gt;");
			break;
		case '"':
			buf_add_str(buf, "&quot;");
			break;
		case '\'':
			buf_add_str(buf, "&#39;");
			break;
		default:
			buf_add_char(buf, *text);
		}
	}
}

static void begin_page(struct buf *buf, const char *title, bool reloads)
{
	buf_add_str(buf, "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
			 "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">");
	if (reloads)
		buf_add_str(buf, "<meta http-equiv=\"refresh\" content=\"2\">");
	buf_add_str(buf, "<title>");
	add_escaped(buf, title);
	buf_add_str(buf, "</title>");
	buf_add_str(buf, style);
	buf_add_str(buf, "</head><body>");
}

/* An address is a string, a person with one is an object, several are a list: all become one readable line. */
static void add_value(struct buf *buf, const struct json *value)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct json inner;
	const char *key;

	if (value->type == JSON_NONE || value->type == JSON_NULL)
		return;
	if (value->type == JSON_STRING) {
		add_escaped(buf, json_str(value));
	} else if (value->type == JSON_ARRAY) {
		for (size_t i = 0; i < json_len(value); i++) {
			inner = json_at(value, i);
			buf_add_str(buf, i ? ", " : "");
			add_value(buf, &inner);
		}
	} else if (value->type == JSON_OBJECT) {
		bool some = false;

		for (size_t i = 0; json_member(value, &i, &key, &inner);) {
			if (inner.type == JSON_NONE)
				continue;
			buf_add_str(buf, some ? " · " : "");
			add_value(buf, &inner);
			some = true;
		}
	} else {
		json_write(&text, value);
		add_escaped(buf, buf_str(&text));
	}
}

static void add_member(struct buf *buf, const struct json *body, const char *key)
{
	struct json value = json_get(body, key);

	add_value(buf, &value);
}

/* "2026-02-05 08:00": seconds would only distract. */
static void add_time(struct buf *buf, int64_t at)
{
	char text[UTC_TEXT_SIZE];

	utc_format(at, text);
	text[16] = '\0';
	text[10] = ' ';
	buf_add_str(buf, text);
}

static void add_row(struct buf *buf, const struct sandbox_message *message)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json body = sandbox_message_body(message, arena), subject = json_get(&body, "subject");

	buf_add_str(buf, "<tr><td class=\"n\">");
	add_time(buf, message->received_at);
	buf_add_str(buf, "</td><td><span class=\"c\">");
	add_member(buf, &body, "channel");
	buf_add_str(buf, "</span></td><td class=\"s\">");
	add_member(buf, &body, "to");
	buf_printf(buf, "</td><td class=\"s\"><a href=\"/message/%s\">", message->id);
	add_member(buf, &body, json_str(&subject) && *json_str(&subject) ? "subject" : "text");
	buf_add_str(buf, "</a></td><td class=\"s\">");
	add_member(buf, &body, "invoices");
	buf_printf(buf, "</td><td class=\"n\">%" PRId64 "</td></tr>", message->deliveries);
}

void sandbox_page_list(const struct sandbox_book *book, int64_t now, const char *mode, struct buf *ret)
{
	struct sandbox_counts counts = sandbox_book_counts(book);
	size_t len = sandbox_book_len(book), shown = 0;

	begin_page(ret, "Sandbox: captured messages", true);
	buf_add_str(ret, "<h1>Captured messages</h1><p class=\"sub\">Nothing here was delivered to anybody. It is ");
	add_time(ret, now);
	buf_printf(ret, " UTC; %" PRId64 " requests, %" PRId64 " messages, %" PRId64 " asked again, %" PRId64 " lost; mode ",
		counts.requests, counts.captured, counts.duplicates, counts.lost);
	add_escaped(ret, mode);
	buf_add_str(ret, ".</p>");
	if (!len)
		buf_add_str(ret, "<p>None so far. This page reloads by itself.</p>");
	else
		buf_add_str(ret, "<table><thead><tr><th>Received (UTC)</th><th>Channel</th><th>To</th><th>Message</th>"
				 "<th>Invoices</th><th>Requests</th></tr></thead><tbody>");
	for (size_t i = len; i-- > 0 && shown < LIST_MAX; shown++)
		add_row(ret, sandbox_book_at(book, i));
	if (len)
		buf_add_str(ret, "</tbody></table>");
	if (len > LIST_MAX)
		buf_printf(ret, "<p>The newest %d of %zu; all of them: <a href=\"/messages\">/messages</a></p>", LIST_MAX, len);
	buf_add_str(ret, "</body></html>\n");
}

void sandbox_page_message(const struct sandbox_message *message, struct buf *ret)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json body = sandbox_message_body(message, arena), value;
	const char *key;

	begin_page(ret, message->id, false);
	buf_add_str(ret, "<p><a href=\"/\">All messages</a></p><h1>");
	add_member(ret, &body, "subject");
	buf_add_str(ret, "</h1><dl><dt>received</dt><dd>");
	add_time(ret, message->received_at);
	buf_printf(ret, " UTC</dd><dt>id</dt><dd>%s</dd><dt>requests</dt><dd>%" PRId64 "</dd>", message->id, message->deliveries);
	for (size_t i = 0; json_member(&body, &i, &key, &value);) {
		if (!strcmp(key, "subject") || !strcmp(key, "text") || !strcmp(key, "html"))
			continue;
		buf_add_str(ret, "<dt>");
		add_escaped(ret, key);
		buf_add_str(ret, "</dt><dd>");
		add_value(ret, &value);
		buf_add_str(ret, "</dd>");
	}
	buf_add_str(ret, "</dl><h2>Text</h2><pre>");
	add_member(ret, &body, "text");
	buf_add_str(ret, "</pre>");
	value = json_get(&body, "html");
	if (value.type == JSON_STRING)
		buf_printf(ret, "<h2>HTML</h2><iframe sandbox=\"\" title=\"HTML\" src=\"/message/%s/html\"></iframe>", message->id);
	buf_add_str(ret, "</body></html>\n");
}

int sandbox_page_html(const struct sandbox_message *message, struct buf *ret)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json body = sandbox_message_body(message, arena), html = json_get(&body, "html");

	if (html.type != JSON_STRING)
		return -ENOENT;
	buf_add_str(ret, json_str(&html));
	return 0;
}
