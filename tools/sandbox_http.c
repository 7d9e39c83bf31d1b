#include "tools/sandbox_http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#define ENDLESS_CHUNK 65536
#define ENDLESS_MAX ((size_t)256 << 20) /* even so */

void sandbox_answer_as(struct evhttp_request *request, int status, const char *type, const char *csp, const struct buf *body)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);

	evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	evhttp_add_header(headers, "Referrer-Policy", "same-origin"); /* with "no-referrer" our own forms have the Origin "null" */
	if (csp)
		evhttp_add_header(headers, "Content-Security-Policy", csp);
	evbuffer_add(evhttp_request_get_output_buffer(request), body->data, body->len);
	evhttp_send_reply(request, status, NULL, NULL);
}

void sandbox_answer(struct evhttp_request *request, int status, struct buf *body)
{
	if (!body->len) {
		evhttp_send_reply(request, status, NULL, NULL);
		return;
	}
	buf_add_char(body, '\n');
	sandbox_answer_as(request, status, SANDBOX_JSON, NULL, body);
}

void sandbox_write_error(struct buf *body, const char *code, const char *path, const char *text)
{
	struct json_writer w = jw_init(body);

	jw_object(&w, NULL);
	jw_str(&w, "error", code);
	jw_opt_str(&w, "path", path);
	jw_str(&w, "text", text);
	jw_end_object(&w);
}

void sandbox_answer_error(struct evhttp_request *request, int status, const struct err *err)
{
	CLEANUP(buf_clear) struct buf body = { 0 };

	sandbox_write_error(&body, err->code[0] ? err->code : "refused", err->path, err->text);
	sandbox_answer(request, status, &body);
}

int sandbox_read_object(struct evhttp_request *request, struct arena *arena, struct json *ret, struct err *err)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(request);
	size_t len = evbuffer_get_length(in);
	char *text = arena_alloc(arena, len + 5);
	int r;

	(void)evbuffer_copyout(in, text + 2, len);
	r = json_parse(arena, text + 2, len, JSON_FRACTIONS, ret, err);
	if (r < 0)
		return r;
	if (ret->type != JSON_OBJECT)
		return err_set(err, -EBADMSG, "wrong_type", "$", "the body must be a JSON object");
	text[0] = text[1] = '[';
	text[2 + len] = text[3 + len] = ']';
	return json_scan(text, len + 4, JSON_FRACTIONS, err);
}

/* --- later ---------------------------------------------------------------------------------------------------------------------- */

struct sandbox_late {
	struct evhttp_request *request;
	struct event *timer;
	struct buf answer;
	enum sandbox_how how;
	int status;
	size_t sent; /* of an endless body */
	struct sandbox_late *next, **link;
};

static void late_end(struct sandbox_late *late)
{
	*late->link = late->next;
	if (late->next)
		late->next->link = late->link;
	event_free(late->timer);
	buf_clear(&late->answer);
	free(late);
}

static void wait_ms(struct sandbox_late *late, int64_t ms)
{
	event_add(late->timer, &(struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 });
}

/* As much as the peer reads, until it has had enough. Whether it goes on. */
static bool send_more(struct sandbox_late *late, struct evhttp_connection *connection)
{
	static const char dots[ENDLESS_CHUNK] = "..............................................................................................";
	struct evbuffer *chunk;

	if (!late->sent)
		evhttp_send_reply_start(late->request, HTTP_OK, NULL);
	if (late->sent >= ENDLESS_MAX) {
		evhttp_connection_free(connection);
		return false;
	}
	if (evbuffer_get_length(bufferevent_get_output(evhttp_connection_get_bufferevent(connection))) < ENDLESS_CHUNK) {
		chunk = evbuffer_new();
		evbuffer_add(chunk, dots, sizeof(dots));
		evhttp_send_reply_chunk(late->request, chunk);
		evbuffer_free(chunk);
		late->sent += sizeof(dots);
	}
	wait_ms(late, 1);
	return true;
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	struct sandbox_late *late = arg;
	struct evhttp_connection *connection = evhttp_request_get_connection(late->request);

	(void)fd, (void)what;
	if (!connection && late->sent) {
		evhttp_send_reply_end(late->request); /* without a connection evhttp only frees the request */
	} else if (!connection || late->how == HOW_ANSWER) {
		sandbox_answer(late->request, late->status, &late->answer);
	} else if (late->how == HOW_ENDLESS) {
		if (send_more(late, connection))
			return;
	} else {
		if (late->how == HOW_CUT)
			(void)!send(bufferevent_getfd(evhttp_connection_get_bufferevent(connection)), "HTTP/1.1 2", 10, MSG_NOSIGNAL);
		evhttp_connection_free(connection);
	}
	late_end(late);
}

void sandbox_answer_late(struct sandbox_lates *lates, struct evhttp_request *request, enum sandbox_how how, int64_t ms, int status,
	struct buf *body)
{
	struct sandbox_late *late = xcalloc(1, sizeof(*late));

	*late = (struct sandbox_late){ .request = request, .how = how, .status = status, .answer = *body, .next = lates->first,
		.link = &lates->first };
	*body = (struct buf){ 0 };
	if (late->next)
		late->next->link = &late->next;
	lates->first = late;
	late->timer = evtimer_new(lates->base, on_time, late);
	wait_ms(late, ms);
}

void sandbox_lates_end(struct sandbox_lates *lates)
{
	while (lates->first) {
		if (!evhttp_request_get_connection(lates->first->request)) /* its client left: nobody else has it */
			evhttp_request_free(lates->first->request);
		late_end(lates->first);
	}
}
