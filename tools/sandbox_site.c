/* The sandbox's pages over HTTP, and the forms on them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>

#include "tools/sandbox_files.h"
#include "tools/sandbox_internal.h"
#include "tools/sandbox_page.h"

#define HTML "text/html; charset=utf-8"

static struct sandbox_view view_of(const struct sandbox *sandbox)
{
	return (struct sandbox_view){ sandbox->book, sandbox->teller, sandbox_now(sandbox), sandbox_mode_names[sandbox->order.mode] };
}

void sandbox_on_list(struct sandbox *sandbox, struct evhttp_request *request)
{
	CLEANUP(buf_clear) struct buf body = { 0 };
	struct sandbox_view view = view_of(sandbox);

	sandbox_page_list(&view, &body);
	sandbox_answer_as(request, HTTP_OK, HTML, SANDBOX_PAGE_CSP, &body);
}

void sandbox_on_modes(struct sandbox *sandbox, struct evhttp_request *request)
{
	CLEANUP(buf_clear) struct buf body = { 0 };

	(void)sandbox;
	sandbox_page_modes(&body);
	sandbox_answer_as(request, HTTP_OK, HTML, SANDBOX_PAGE_CSP, &body);
}

void sandbox_on_style(struct sandbox *sandbox, struct evhttp_request *request)
{
	CLEANUP(buf_clear) struct buf body = { 0 };

	(void)sandbox;
	buf_add(&body, sandbox_style, sandbox_style_len);
	sandbox_answer_as(request, HTTP_OK, "text/css; charset=utf-8", "default-src 'none'", &body);
}

static void not_found(struct evhttp_request *request)
{
	struct err err = { 0 };

	(void)err_set(&err, -ENOENT, "not_found", "", "there is no such message");
	sandbox_answer_error(request, HTTP_NOTFOUND, &err);
}

/* "ID", "ID/more": *more is what follows the first '/', "" when there is none. */
static const struct sandbox_message *find(const struct sandbox *sandbox, const char *rest, const char **more)
{
	char id[SANDBOX_ID_SIZE] = "";
	size_t len = strcspn(rest, "/");

	if (len < sizeof(id))
		memcpy(id, rest, len);
	*more = rest[len] ? rest + len + 1 : "";
	return rest[len] && !rest[len + 1] ? NULL : sandbox_book_find(sandbox->book, id);
}

static void answer_file(struct evhttp_request *request, const struct sandbox_message *message, const char *number)
{
	CLEANUP(buf_clear) struct buf body = { 0 };
	char name[64], header[120];

	if (!*number || strlen(number) > 3 || strspn(number, "0123456789") != strlen(number) ||
		sandbox_page_file(message, strtoul(number, NULL, 10), name, &body) < 0) {
		not_found(request);
		return;
	}
	(void)snprintf(header, sizeof(header), "attachment; filename=\"%s\"", *name ? name : "file");
	evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Disposition", header);
	sandbox_answer_as(request, HTTP_OK, "application/octet-stream", SANDBOX_HTML_CSP, &body);
}

void sandbox_on_message(struct sandbox *sandbox, struct evhttp_request *request, const char *rest)
{
	CLEANUP(buf_clear) struct buf body = { 0 };
	struct sandbox_view view = view_of(sandbox);
	const char *more;
	const struct sandbox_message *message = find(sandbox, rest, &more);
	bool html = !strcmp(more, "html");

	if (message && !strncmp(more, "file/", 5)) {
		answer_file(request, message, more + 5);
		return;
	}
	if (!message || (*more && !html) || (html && sandbox_page_html(message, &body) < 0)) {
		not_found(request);
		return;
	}
	if (!html)
		sandbox_page_message(&view, message, &body);
	sandbox_answer_as(request, HTTP_OK, HTML, html ? SANDBOX_HTML_CSP : SANDBOX_PAGE_CSP, &body);
}

static bool utf8_valid(const char *text)
{
	const char *end = text + strlen(text);
	size_t n = 1;

	for (; text < end && n; text += n)
		n = utf8_len(text, end);
	return n != 0;
}

/* "ID/tell", from the page of the message; back to it. */
void sandbox_on_form(struct sandbox *sandbox, struct evhttp_request *request, const char *rest)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf body = { 0 };
	struct evbuffer *in = evhttp_request_get_input_buffer(request);
	size_t len = evbuffer_get_length(in);
	char *form = arena_alloc(arena, len + 1);
	struct evkeyvalq fields = { 0 };
	const char *more, *what = NULL, *text = NULL;
	struct sandbox_saying saying = { .at = sandbox_now(sandbox), .message = find(sandbox, rest, &more) };
	struct err err = { 0 };
	int word = 0;

	if (!saying.message || strcmp(more, "tell")) {
		not_found(request);
		return;
	}
	(void)evbuffer_copyout(in, form, len);
	if (evhttp_parse_query_str(form, &fields) == 0) {
		what = evhttp_find_header(&fields, "what");
		text = evhttp_find_header(&fields, "text");
	}
	while (word < WORD_COUNT && (!what || strcmp(what, sandbox_words[word])))
		word++;
	saying.word = (enum sandbox_word)word;
	saying.text = text;
	if (word == WORD_COUNT || (text && (strlen(text) > SANDBOX_TEXT_MAX || !utf8_valid(text))))
		(void)err_set(&err, -EBADMSG, "bad_form", "", "the form says nothing that can be told");
	else
		(void)sandbox_tell(sandbox->teller, &saying, 1, 0, &err);
	evhttp_clear_headers(&fields);
	if (err.code[0]) {
		sandbox_answer_error(request, HTTP_BADREQUEST, &err);
		return;
	}
	evhttp_add_header(evhttp_request_get_output_headers(request), "Location", arena_printf(arena, "/message/%s", saying.message->id));
	sandbox_answer_as(request, 303, HTML, SANDBOX_PAGE_CSP, &body);
}
