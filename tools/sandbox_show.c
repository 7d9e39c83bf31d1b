/* A message as its recipient would see it: a mail, a bubble on a telephone, a sheet of paper, a voice. */
#include <string.h>

#include "common/sms.h"
#include "tools/sandbox_page.h"

static const char *of(const struct json *body, const char *whose, const char *key)
{
	struct json who = json_get(body, whose);

	return json_str(&who) && strcmp(key, "name") != 0 ? json_str(&who) : page_get(&who, key);
}

static void add_person(struct buf *buf, const struct json *body, const char *whose, const char *key)
{
	const char *name = of(body, whose, "name"), *address = of(body, whose, key);

	page_line(buf, name);
	buf_add_str(buf, *name && *address ? " &lt;" : "");
	page_line(buf, address);
	buf_add_str(buf, *name && *address ? "&gt;" : "");
}

static void add_files(struct buf *buf, const struct sandbox_message *message, const struct json *body)
{
	struct json files = json_get(body, "attachments");

	if (!json_len(&files))
		return;
	buf_add_str(buf, "<h2>Attached</h2><ul>");
	for (size_t i = 0; i < json_len(&files); i++) {
		struct json file = json_at(&files, i);

		buf_printf(buf, "<li><a href=\"/message/%s/file/%zu\">", message->id, i);
		page_line(buf, *page_get(&file, "name") ? page_get(&file, "name") : "a file");
		buf_printf(buf, "</a> <span class=\"soft\">about %zu KB</span></li>", (strlen(page_get(&file, "data")) * 3 / 4 + 1023) / 1024);
	}
	buf_add_str(buf, "</ul>");
}

static void show_email(const struct sandbox_message *message, const struct json *body, struct buf *ret)
{
	struct json html = json_get(body, "html");

	buf_add_str(ret, "<h1>");
	page_line(ret, page_get(body, "subject"));
	buf_add_str(ret, "</h1><dl><dt>From</dt><dd>");
	add_person(ret, body, "from", "email");
	buf_add_str(ret, "</dd><dt>To</dt><dd>");
	add_person(ret, body, "to", "email");
	buf_add_str(ret, "</dd>");
	if (*of(body, "from", "reply_to")) {
		buf_add_str(ret, "<dt>Answers to</dt><dd>");
		page_line(ret, of(body, "from", "reply_to"));
		buf_add_str(ret, "</dd>");
	}
	buf_add_str(ret, "</dl><div class=\"twins\">");
	if (html.type == JSON_STRING)
		buf_printf(ret, "<div><h2>As HTML</h2><iframe sandbox=\"\" title=\"HTML\" src=\"/message/%s/html\"></iframe></div>", message->id);
	buf_add_str(ret, "<div><h2>As text</h2><pre class=\"card\" dir=\"auto\">");
	page_text(ret, page_get(body, "text"));
	buf_add_str(ret, "</pre></div></div>");
	add_files(ret, message, body);
}

/* With what the recipient answered. */
static void show_sms(const struct sandbox_view *view, const struct sandbox_message *message, const struct json *body, struct buf *ret)
{
	const char *text = page_get(body, "text");
	struct sms_size size = sms_measure(text);

	buf_add_str(ret, "<h1>SMS to ");
	page_line(ret, of(body, "to", "phone"));
	buf_add_str(ret, "</h1><div class=\"card phone\"><div class=\"who\">");
	page_line(ret, *of(body, "from", "name") ? of(body, "from", "name") : of(body, "from", "phone"));
	buf_add_str(ret, "</div><pre class=\"bubble\" dir=\"auto\">");
	page_text(ret, text);
	buf_add_str(ret, "</pre>");
	for (size_t i = 0; i < sandbox_teller_len(view->teller); i++) {
		const struct sandbox_saying *saying = &sandbox_teller_at(view->teller, i)->saying;

		if (saying->message != message || (saying->word != WORD_REPLIED && saying->word != WORD_STOPPED))
			continue;
		buf_add_str(ret, "<pre class=\"bubble own\" dir=\"auto\">");
		page_text(ret, saying->word == WORD_STOPPED ? "STOP" : saying->text);
		buf_add_str(ret, "</pre>");
	}
	buf_printf(ret, "</div><p class=\"soft\">%zu %s of %s, %zu %s</p>", size.parts, size.parts == 1 ? "part" : "parts",
		size.gsm7 ? "GSM-7" : "UCS-2", size.units, size.gsm7 ? "septets" : "UTF-16 units");
}

static void add_lines(struct buf *buf, const struct json *object, const char *const *keys)
{
	for (; *keys; keys++) {
		const char *text = page_get(object, *keys);

		if (*text) {
			page_line(buf, text);
			buf_add_str(buf, "<br>");
		}
	}
}

static void show_letter(const struct sandbox_message *message, const struct json *body, struct buf *ret)
{
	static const char *const lines[] = { "line1", "line2", NULL }, *const places[] = { "postcode", "city", NULL },
				 *const ends[] = { "region", "country", NULL };
	struct json to = json_get(body, "to"), address = json_get(&to, "address"), registered = json_get(body, "registered");

	buf_add_str(ret, json_bool(&registered) ? "<h1>Registered letter</h1>" : "<h1>Letter</h1>");
	buf_add_str(ret, "<article class=\"sheet\">");
	page_line(ret, of(body, "from", "name"));
	buf_add_str(ret, "<address class=\"window\">");
	page_line(ret, of(body, "to", "name"));
	buf_add_str(ret, "<br>");
	add_lines(ret, &address, lines);
	for (size_t i = 0; places[i]; i++) {
		page_line(ret, page_get(&address, places[i]));
		buf_add_char(ret, ' ');
	}
	buf_add_str(ret, "<br>");
	add_lines(ret, &address, ends);
	buf_add_str(ret, "</address><p><strong>");
	page_line(ret, page_get(body, "subject"));
	buf_add_str(ret, "</strong></p><pre dir=\"auto\">");
	page_text(ret, page_get(body, "text"));
	buf_add_str(ret, "</pre></article>");
	add_files(ret, message, body);
}

/* Each line is spoken in one breath. */
static void show_call(const struct json *body, struct buf *ret)
{
	const char *at = page_get(body, "text");

	buf_add_str(ret, "<h1>Call to ");
	page_line(ret, of(body, "to", "phone"));
	buf_add_str(ret, "</h1><p class=\"soft\">Spoken");
	if (*page_get(body, "locale")) {
		buf_add_str(ret, " in ");
		page_line(ret, page_get(body, "locale"));
	}
	buf_add_str(ret, ", from ");
	page_line(ret, of(body, "from", "phone"));
	buf_add_str(ret, "</p><div class=\"card script\">");
	while (*at) {
		size_t len = strcspn(at, "\n");
		char *line = xcalloc(1, len + 1);

		memcpy(line, at, len);
		if (line[strspn(line, " \t\r")]) {
			buf_add_str(ret, "<p dir=\"auto\">");
			page_text(ret, line);
			buf_add_str(ret, "</p>");
		}
		freep(&line);
		at += len + (at[len] != '\0');
	}
	buf_add_str(ret, "</div>");
}

void page_show(const struct sandbox_view *view, const struct sandbox_message *message, const struct json *body, struct buf *ret)
{
	const char *channel = page_get(body, "channel");

	if (strcmp(channel, "sms") == 0)
		show_sms(view, message, body, ret);
	else if (strcmp(channel, "letter") == 0)
		show_letter(message, body, ret);
	else if (strcmp(channel, "voice") == 0)
		show_call(body, ret);
	else
		show_email(message, body, ret);
}
