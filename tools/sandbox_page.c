#include "tools/sandbox_page.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/hash.h"
#include "common/utc.h"
#include "tools/sandbox_modes.h"

#define LIST_MAX 200

/* --- text ------------------------------------------------------------------------------------------------------------------------- */

void page_text(struct buf *buf, const char *text)
{
	for (; text && *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '&')
			buf_add_str(buf, "&amp;");
		else if (c == '<')
			buf_add_str(buf, "&lt;");
		else if (c == '>')
			buf_add_str(buf, "&gt;");
		else if (c == '"')
			buf_add_str(buf, "&quot;");
		else if (c == '\'')
			buf_add_str(buf, "&#39;");
		else if (c == '\r' && text[1] == '\n')
			continue;
		else if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7f)
			buf_printf(buf, "&#x24%02x;", c == 0x7f ? 0x21u : c); /* U+2400: pictures of them */
		else
			buf_add_char(buf, *text);
	}
}

void page_line(struct buf *buf, const char *text)
{
	buf_add_str(buf, "<bdi>");
	page_text(buf, text);
	buf_add_str(buf, "</bdi>");
}

const char *page_get(const struct json *object, const char *key)
{
	struct json value = json_get(object, key);

	return json_str(&value) ? json_str(&value) : "";
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

/* An address is a string, a person with one is an object, several are a list: all become one readable line. */
static void add_value(struct buf *buf, const struct json *value)
{
	struct json inner;
	const char *key;
	bool some = false;

	if (value->type == JSON_STRING)
		page_line(buf, json_str(value));
	for (size_t i = 0; value->type == JSON_ARRAY && i < json_len(value); i++) {
		inner = json_at(value, i);
		buf_add_str(buf, i ? ", " : "");
		add_value(buf, &inner);
	}
	for (size_t i = 0; value->type == JSON_OBJECT && json_member(value, &i, &key, &inner);) {
		if (inner.type == JSON_NONE)
			continue;
		buf_add_str(buf, some ? " · " : "");
		add_value(buf, &inner);
		some = true;
	}
}

/* --- the frame of all pages ----------------------------------------------------------------------------------------------------------- */

static void begin_page(struct buf *buf, const char *title, int reload_s)
{
	buf_add_str(buf, "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
			 "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">");
	if (reload_s)
		buf_printf(buf, "<meta http-equiv=\"refresh\" content=\"%d\">", reload_s);
	buf_add_str(buf, "<link rel=\"stylesheet\" href=\"/page.css\"><title>");
	page_text(buf, title);
	buf_add_str(buf, "</title></head><body><header><nav><a href=\"/\">Messages</a><a href=\"/modes\">What it can be asked for</a>"
			 "</nav></header><main>");
}

static void end_page(struct buf *buf)
{
	buf_add_str(buf, "</main></body></html>\n");
}

/* --- what was told ------------------------------------------------------------------------------------------------------------------- */

static const char *class_of(enum sandbox_word word)
{
	switch (word) {
	case WORD_SENT:
	case WORD_DELIVERED:
	case WORD_OPENED:
		return "good";
	case WORD_DEFERRED:
	case WORD_REPLIED:
		return "wait";
	default:
		return "bad";
	}
}

static void add_chips(struct buf *buf, const struct sandbox_view *view, const struct sandbox_message *message)
{
	for (size_t i = 0; i < sandbox_teller_len(view->teller); i++) {
		const struct sandbox_told *told = sandbox_teller_at(view->teller, i);

		if (told->saying.message == message)
			buf_printf(buf, " <span class=\"chip %s\">%s</span>", class_of(told->saying.word), sandbox_words[told->saying.word]);
	}
}

static void add_told(struct buf *buf, const struct sandbox_told *told)
{
	static const char *const classes[TELL_STATE_COUNT] = { "wait", "good", "bad" };

	buf_printf(buf, "<li><span class=\"%s\">%s</span>", class_of(told->saying.word), sandbox_words[told->saying.word]);
	if (told->saying.word == WORD_REPLIED && told->saying.text) {
		buf_add_str(buf, " “");
		page_line(buf, told->saying.text);
		buf_add_str(buf, "”");
	}
	buf_printf(buf, ", as %s: <span class=\"%s\">%s</span> <span class=\"soft\">after %d %s", sandbox_schemes[told->saying.scheme],
		classes[told->state], sandbox_tell_states[told->state], told->tries, told->tries == 1 ? "try" : "tries");
	if (told->status)
		buf_printf(buf, ", answered %d", told->status);
	else if (told->tries)
		buf_add_str(buf, ", no answer");
	buf_add_str(buf, "</span></li>");
}

static bool any_waiting(const struct sandbox_view *view, const struct sandbox_message *message)
{
	for (size_t i = 0; i < sandbox_teller_len(view->teller); i++) {
		const struct sandbox_told *told = sandbox_teller_at(view->teller, i);

		if (told->saying.message == message && told->state == TELL_WAITING)
			return true;
	}
	return false;
}

/* Which words make sense depends on the channel. */
static void add_forms(struct buf *buf, const struct sandbox_view *view, const struct sandbox_message *message, const char *channel)
{
	static const struct {
		enum sandbox_word word;
		const char *label, *class, *channels;
	} rows[] = { { WORD_DELIVERED, "Delivered", "main", "email sms letter voice" }, { WORD_OPENED, "Opened", "", "email" },
		{ WORD_DEFERRED, "Deferred", "", "email" }, { WORD_BOUNCED_SOFT, "Given up", "", "email sms voice" },
		{ WORD_BOUNCED, "Bounced for good", "danger", "email sms letter voice" }, { WORD_COMPLAINED, "Complained", "danger", "email" },
		{ WORD_STOPPED, "STOP", "danger", "email sms voice" } };

	buf_add_str(buf, "<h2>Say what became of it</h2>");
	if (!sandbox_teller_to(view->teller)) {
		buf_add_str(buf, "<p class=\"soft\">The sandbox does not know where dunningd listens for webhooks: start it with --hooks, or POST "
				 "/hooks.</p>");
		return;
	}
	buf_printf(buf, "<form method=\"post\" action=\"/message/%s/tell\">", message->id);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strstr(rows[i].channels, *channel ? channel : "email"))
			buf_printf(buf, "<button class=\"%s\" name=\"what\" value=\"%s\">%s</button>", rows[i].class, sandbox_words[rows[i].word],
				rows[i].label);
	buf_add_str(buf, "</form>");
	buf_printf(buf, "<form method=\"post\" action=\"/message/%s/tell\"><input name=\"text\" maxlength=\"1000\" required "
			"aria-label=\"The recipient's answer\" placeholder=\"The recipient answers…\"><button name=\"what\" value=\"replied\">"
			"Reply</button></form>", message->id);
}

static void add_tellings(struct buf *buf, const struct sandbox_view *view, const struct sandbox_message *message)
{
	bool some = false;

	for (size_t i = 0; i < sandbox_teller_len(view->teller); i++) {
		const struct sandbox_told *told = sandbox_teller_at(view->teller, i);

		if (told->saying.message != message)
			continue;
		buf_add_str(buf, some ? "" : "<h2>Told to dunningd</h2><ol>");
		add_told(buf, told);
		some = true;
	}
	buf_add_str(buf, some ? "</ol>" : "");
}

/* --- pages --------------------------------------------------------------------------------------------------------------------------- */

static void add_card(struct buf *buf, const struct sandbox_view *view, const struct sandbox_message *message)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json body = sandbox_message_body(message, arena), to = json_get(&body, "to"), invoices = json_get(&body, "invoices");
	const char *subject = page_get(&body, "subject");

	buf_printf(buf, "<li><a class=\"card\" href=\"/message/%s\"><span class=\"what\">", message->id);
	page_line(buf, *subject ? subject : page_get(&body, "text"));
	buf_add_str(buf, "</span><span class=\"row\"><span class=\"chip\">");
	page_line(buf, page_get(&body, "channel"));
	buf_add_str(buf, "</span><span>");
	add_value(buf, &to);
	buf_add_str(buf, "</span><span class=\"soft\">");
	add_value(buf, &invoices);
	buf_add_str(buf, "</span>");
	add_chips(buf, view, message);
	if (message->deliveries > 1)
		buf_printf(buf, "<span class=\"chip wait\">asked %" PRId64 " times</span>", message->deliveries);
	buf_add_str(buf, "<span class=\"soft time\">");
	add_time(buf, message->received_at);
	buf_add_str(buf, "</span></span></a></li>");
}

void sandbox_page_list(const struct sandbox_view *view, struct buf *ret)
{
	struct sandbox_counts counts = sandbox_book_counts(view->book);
	size_t len = sandbox_book_len(view->book), shown = 0;

	begin_page(ret, "Sandbox: captured messages", 3);
	buf_add_str(ret, "<h1>Captured messages</h1><p class=\"soft\">Nothing here was delivered to anybody. Open one to see it as its recipient "
			 "would, and to say what became of it. It is ");
	add_time(ret, view->now);
	buf_printf(ret, " UTC; %" PRId64 " requests, %" PRId64 " messages, %" PRId64 " asked again, %" PRId64 " lost; mode ",
		counts.requests, counts.captured, counts.duplicates, counts.lost);
	page_text(ret, view->mode);
	buf_add_str(ret, ".</p>");
	buf_add_str(ret, len ? "<ul class=\"list\">" : "<p>None so far. This page reloads by itself.</p>");
	for (size_t i = len; i-- > 0 && shown < LIST_MAX; shown++)
		add_card(ret, view, sandbox_book_at(view->book, i));
	buf_add_str(ret, len ? "</ul>" : "");
	if (len > LIST_MAX)
		buf_printf(ret, "<p>The newest %d of %zu; all of them: <a href=\"/messages\">/messages</a></p>", LIST_MAX, len);
	end_page(ret);
}

void sandbox_page_modes(struct buf *ret)
{
	begin_page(ret, "Sandbox: what it can be asked for", 0);
	buf_add_str(ret, "<h1>What the sandbox can be asked for</h1><p>By the recipient, <code>NAME@any.example</code> or "
			 "<code>+336399800NN</code>; by the header <code>Sandbox-Mode: NAME</code> of the request; or for all requests: "
			 "<code>curl -d '{\"mode\":\"NAME\",\"count\":3}' …/behave</code>.</p><dl class=\"modes card\">");
	for (int i = 0; i < MODE_COUNT; i++) {
		buf_printf(ret, "<dt><code>%s</code> · %02d</dt><dd>", sandbox_mode_names[i], i);
		page_text(ret, sandbox_modes[i].help);
		buf_add_str(ret, "</dd>");
	}
	buf_add_str(ret, "</dl>");
	end_page(ret);
}

static void add_facts(struct buf *buf, const struct sandbox_message *message, const struct json *body)
{
	static const char *const shown[] = { "subject", "text", "html", "attachments" };
	const char *key;
	struct json value;

	buf_add_str(buf, "<details><summary>What dunningd asked for</summary><dl class=\"card\"><dt>received</dt><dd>");
	add_time(buf, message->received_at);
	buf_printf(buf, " UTC</dd><dt>id</dt><dd>%s</dd><dt>requests</dt><dd>%" PRId64 "</dd>", message->id, message->deliveries);
	for (size_t i = 0; json_member(body, &i, &key, &value);) {
		bool skip = value.type == JSON_NONE;

		for (size_t k = 0; k < ARRAY_LEN(shown); k++)
			skip = skip || !strcmp(key, shown[k]);
		if (skip)
			continue;
		buf_add_str(buf, "<dt>");
		page_line(buf, key);
		buf_add_str(buf, "</dt><dd>");
		if (value.type == JSON_BOOL)
			buf_add_str(buf, json_bool(&value) ? "yes" : "no");
		add_value(buf, &value);
		buf_add_str(buf, "</dd>");
	}
	buf_add_str(buf, "</dl></details>");
}

void sandbox_page_message(const struct sandbox_view *view, const struct sandbox_message *message, struct buf *ret)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json body = sandbox_message_body(message, arena);

	begin_page(ret, message->id, any_waiting(view, message) ? 1 : 0);
	page_show(view, message, &body, ret);
	add_forms(ret, view, message, page_get(&body, "channel"));
	add_tellings(ret, view, message);
	add_facts(ret, message, &body);
	end_page(ret);
}

/* --- parts --------------------------------------------------------------------------------------------------------------------------- */

int sandbox_page_html(const struct sandbox_message *message, struct buf *ret)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json body = sandbox_message_body(message, arena), html = json_get(&body, "html");

	if (html.type != JSON_STRING)
		return -ENOENT;
	buf_add_str(ret, json_str(&html));
	return 0;
}

int sandbox_page_file(const struct sandbox_message *message, size_t i, char name[64], struct buf *ret)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json body = sandbox_message_body(message, arena), files = json_get(&body, "attachments"), file = json_at(&files, i);
	const char *data = page_get(&file, "data"), *given = page_get(&file, "name");
	size_t n = 0;

	if (i >= json_len(&files) || !*data || base64_decode(data, strlen(data), ret) < 0)
		return -ENOENT;
	for (; *given && n < 63; given++)
		if ((*given >= 'a' && *given <= 'z') || (*given >= 'A' && *given <= 'Z') || (*given >= '0' && *given <= '9') || strchr("-_.", *given))
			name[n++] = *given;
	name[n] = '\0';
	return 0;
}
