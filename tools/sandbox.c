/*
 * dunningd-sandbox - an HTTP provider on 127.0.0.1 that delivers nothing: it captures messages, shows them on a page, and misbehaves when
 * it is told to. For the quickstart, for tests, and for trying policies and templates out.
 *
 *	POST /send                  a message: 202 {"id"}; its attempt again: 200 {"id","duplicate":true}
 *	GET  /messages              ?attempt= &to= &invoice=: {"messages":[...]} in the order of arrival
 *	GET  /counts                requests = captured + duplicates + lost, and what was malformed or made to fail
 *	GET  /behave, POST /behave  what to do with the next requests; see struct behaviour
 *	GET  /, /message/ID         for people
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "common/file.h"
#include "common/played_clock.h"
#include "common/utc.h"
#include "daemon/http_guard.h"
#include "tools/sandbox_book.h"
#include "tools/sandbox_page.h"

#define ATTEMPT_LEN 26
#define VALUE_MAX 100
#define WAIT_MAX_MS (10 * MINUTE_MS)

/* Kept-alive connections are the point of some tests: only the cap on connections matters here. */
static const struct http_limits limits = { .head = 16384, .body = 4 << 20, .connections = 512, .deadline_ms = 24 * HOUR_MS };

enum mode { MODE_OK, MODE_ERROR, MODE_429, MODE_401, MODE_HANG, MODE_CLOSE, MODE_SLOW, MODE_NO_DEDUPE, MODE_COUNT };
static const char *const mode_names[MODE_COUNT + 1] = { "ok", "error", "429", "401", "hang", "close_after_read", "slow", "no_dedupe",
	NULL };

static const struct mode_row {
	bool takes; /* the message is captured, whatever is answered, unless the order says otherwise */
	int status; /* 0 = as for ok */
	int64_t ms; /* until the answer, or the end of the connection */
} modes[MODE_COUNT] = {
	[MODE_OK] = { true, 0, 0 },
	[MODE_ERROR] = { false, 500, 0 }, /* "status": any other; with "capture": true the worst kind of failure */
	[MODE_429] = { false, 429, 0 }, /* "retry_after": seconds or a date, as it will stand in the header */
	[MODE_401] = { false, 401, 0 },
	[MODE_HANG] = { true, 0, MINUTE_MS }, /* no answer; the connection is closed after "ms" */
	[MODE_CLOSE] = { true, 0, 0 }, /* reads all, then closes without an answer */
	[MODE_SLOW] = { true, 0, 1000 }, /* answers after "ms" */
	[MODE_NO_DEDUPE] = { true, 0, 0 }, /* a provider that knows no idempotency keys */
};

/* {"mode":"error","count":3,"status":503,"ms":200,"retry_after":"2","capture":true,"dedupe":false,"to":"a@b.example"} */
struct behaviour {
	enum mode mode;
	int64_t count; /* of requests it is still for; 0 = all. Then the mode is ok again */
	int64_t status, ms;
	bool capture, dedupe; /* dedupe stays when the count is used up */
	char *retry_after; /* NULL = none */
	char *to; /* only for messages to this address; NULL = for all */
};

/* A request that is answered, or cut off, later. */
struct waiting {
	struct sandbox *sandbox;
	struct evhttp_request *request;
	struct event *timer;
	struct buf answer;
	int status; /* 0 = none: the connection is closed */
	struct waiting *next, **link;
};

struct sandbox {
	struct event_base *base;
	struct evhttp *http;
	struct http_guard *guard;
	struct sandbox_book *book;
	struct behaviour behaviour;
	struct waiting *waiting;
	const char *clock_file; /* of the daemon's state directory; NULL = the computer's clock */
	int64_t by_mode[MODE_COUNT]; /* requests treated so */
	int64_t malformed;
};

static int64_t sandbox_now(const struct sandbox *sandbox)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct played_clock clock;
	struct timespec now;
	int64_t real;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	real = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	if (sandbox->clock_file && file_read(sandbox->clock_file, PLAYED_CLOCK_FILE_MAX, &text, NULL) == 0 &&
		played_clock_read(text.data, text.len, &clock, NULL) == 0)
		return played_clock_at(&clock, real);
	return real;
}

/* --- answers -------------------------------------------------------------------------------------------------------------------- */

static void answer_as(struct evhttp_request *request, int status, const char *type, const char *csp, const struct buf *body)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);

	evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	evhttp_add_header(headers, "Referrer-Policy", "no-referrer");
	if (csp)
		evhttp_add_header(headers, "Content-Security-Policy", csp);
	evbuffer_add(evhttp_request_get_output_buffer(request), body->data, body->len);
	evhttp_send_reply(request, status, NULL, NULL);
}

static void answer(struct evhttp_request *request, int status, struct buf *body)
{
	buf_add_char(body, '\n');
	answer_as(request, status, "application/json", NULL, body);
}

static void write_error(struct buf *body, const char *code, const char *path, const char *text)
{
	struct json_writer w = jw_init(body);

	jw_object(&w, NULL);
	jw_str(&w, "error", code);
	jw_opt_str(&w, "path", path);
	jw_str(&w, "text", text);
	jw_end_object(&w);
}

static void answer_error(struct evhttp_request *request, int status, const struct err *err)
{
	CLEANUP(buf_clear) struct buf body = { 0 };

	write_error(&body, err->code[0] ? err->code : "refused", err->path, err->text);
	answer(request, status, &body);
}

static void waiting_end(struct waiting *waiting)
{
	*waiting->link = waiting->next;
	if (waiting->next)
		waiting->next->link = waiting->link;
	event_free(waiting->timer);
	buf_clear(&waiting->answer);
	free(waiting);
}

static void on_waited(evutil_socket_t fd, short what, void *arg)
{
	struct waiting *waiting = arg;
	struct evhttp_connection *connection = evhttp_request_get_connection(waiting->request);

	(void)fd, (void)what;
	if (waiting->status || !connection) /* without a connection evhttp only frees the request */
		answer(waiting->request, waiting->status ? waiting->status : HTTP_INTERNAL, &waiting->answer);
	else
		evhttp_connection_free(connection);
	waiting_end(waiting);
}

/* Also for 0 ms: a connection is never freed inside its own callback. */
static void wait_for(struct sandbox *sandbox, struct evhttp_request *request, int64_t ms, int status, struct buf *body)
{
	struct waiting *waiting = xcalloc(1, sizeof(*waiting));

	*waiting = (struct waiting){ .sandbox = sandbox, .request = request, .status = status, .answer = *body,
		.next = sandbox->waiting, .link = &sandbox->waiting };
	*body = (struct buf){ 0 };
	if (waiting->next)
		waiting->next->link = &waiting->next;
	sandbox->waiting = waiting;
	waiting->timer = evtimer_new(sandbox->base, on_waited, waiting);
	event_add(waiting->timer, &(struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 });
}

/* --- bodies of requests ------------------------------------------------------------------------------------------------------- */

/* Strictly, and shallow enough to be read again where it is logged and listed. */
static int read_object(struct evhttp_request *request, struct arena *arena, struct json *ret, struct err *err)
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

static int check_message(struct evhttp_request *request, const struct json *body, const char **attempt, struct err *err)
{
	const char *key = evhttp_find_header(evhttp_request_get_input_headers(request), "Idempotency-Key"), *channel;
	struct json to = json_get(body, "to");
	int r;

	if ((r = json_get_id(body, "attempt", attempt, err)) < 0 || (r = json_get_str(body, "channel", 16, &channel, err)) < 0)
		return r;
	if (strlen(*attempt) != ATTEMPT_LEN)
		return json_refuse(body, "attempt", err, "bad_id", "must have %d characters", ATTEMPT_LEN);
	if (to.type == JSON_NONE)
		return json_refuse(body, "to", err, "missing", "must be there: whom it is for");
	if (!key || strcmp(key, *attempt))
		return err_set(err, -EBADMSG, "bad_key", "", "the header Idempotency-Key must be the attempt's id");
	return 0;
}

/* --- POST /send ----------------------------------------------------------------------------------------------------------------- */

static bool is_for(const char *address, const struct json *body)
{
	struct json to = json_get(body, "to"), inner;
	const char *key;

	if (!address || (json_str(&to) && !strcmp(json_str(&to), address)))
		return true;
	for (size_t i = 0; to.type == JSON_OBJECT && json_member(&to, &i, &key, &inner);)
		if (json_str(&inner) && !strcmp(json_str(&inner), address))
			return true;
	return false;
}

static void behave_ok(struct behaviour *b)
{
	free(b->retry_after);
	free(b->to);
	*b = (struct behaviour){ .mode = MODE_OK, .capture = true, .dedupe = b->dedupe };
}

/* What this request meets; `ret` owns its strings. */
static void take_behaviour(struct sandbox *sandbox, const struct json *body, struct behaviour *ret)
{
	struct behaviour *b = &sandbox->behaviour;

	*ret = (struct behaviour){ .mode = MODE_OK, .capture = true, .dedupe = b->dedupe };
	if (!is_for(b->to, body))
		return;
	*ret = *b;
	ret->to = NULL;
	ret->retry_after = b->retry_after ? xstrdup(b->retry_after) : NULL;
	if (b->count && --b->count == 0)
		behave_ok(b);
}

static void write_taken(struct buf *body, const struct sandbox_message *message, bool duplicate)
{
	struct json_writer w = jw_init(body);

	jw_object(&w, NULL);
	jw_str(&w, "id", message->id);
	if (duplicate)
		jw_bool(&w, "duplicate", true);
	jw_end_object(&w);
}

static void on_send(struct sandbox *sandbox, struct evhttp_request *request)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf body = { 0 };
	const struct sandbox_message *message = NULL;
	struct sandbox_request taken = { .now = sandbox_now(sandbox) };
	struct behaviour b;
	struct json root;
	struct err err = { 0 };
	bool duplicate = false;
	int r, status;

	if (read_object(request, arena, &root, &err) < 0 || check_message(request, &root, &taken.attempt, &err) < 0) {
		sandbox->malformed++;
		answer_error(request, HTTP_BADREQUEST, &err);
		return;
	}
	take_behaviour(sandbox, &root, &b);
	taken.body = &root;
	taken.take = b.capture;
	taken.dedupe = b.dedupe;
	taken.mode = mode_names[b.mode];
	r = sandbox_book_add(sandbox->book, &taken, &message, &duplicate);
	if (r < 0) {
		free(b.retry_after);
		(void)err_set(&err, r, "not_logged", "", "the log cannot be written: %s", strerror(-r));
		answer_error(request, HTTP_INTERNAL, &err);
		return;
	}
	sandbox->by_mode[b.mode]++;
	status = b.status ? (int)b.status : duplicate ? HTTP_OK : 202;
	if (b.status || !message) /* an answer without an id, whether the message was captured or not */
		write_error(&body, "told_to", "", "the sandbox was told to answer so");
	else
		write_taken(&body, message, duplicate);
	if (b.retry_after)
		evhttp_add_header(evhttp_request_get_output_headers(request), "Retry-After", b.retry_after);
	free(b.retry_after);
	if (b.mode == MODE_HANG || b.mode == MODE_CLOSE)
		wait_for(sandbox, request, b.ms, 0, &body);
	else if (b.ms)
		wait_for(sandbox, request, b.ms, status, &body);
	else
		answer(request, status, &body);
}

/* --- /behave, /counts, /messages ----------------------------------------------------------------------------------------------------- */

static int read_behaviour(const struct json *root, struct behaviour *b, const char **retry_after, const char **to, struct err *err)
{
	static const char *const members[] = { "mode", "count", "status", "ms", "retry_after", "capture", "dedupe", "to", NULL };
	int mode = 0, r;

	if ((r = json_only(root, members, err)) < 0 || (r = json_get_word(root, "mode", mode_names, &mode, err)) < 0)
		return r;
	*b = (struct behaviour){ .mode = (enum mode)mode, .status = modes[mode].status, .ms = modes[mode].ms,
		.capture = modes[mode].takes, .dedupe = mode != MODE_NO_DEDUPE };
	if ((r = json_opt_int(root, "count", 0, INT32_MAX, &b->count, err)) < 0 ||
		(r = json_opt_int(root, "status", 200, 599, &b->status, err)) < 0 ||
		(r = json_opt_int(root, "ms", 0, WAIT_MAX_MS, &b->ms, err)) < 0 ||
		(r = json_opt_str(root, "retry_after", VALUE_MAX, retry_after, err)) < 0 ||
		(r = json_opt_bool(root, "capture", &b->capture, err)) < 0 ||
		(r = json_opt_bool(root, "dedupe", &b->dedupe, err)) < 0 || (r = json_opt_str(root, "to", 254, to, err)) < 0)
		return r;
	if (*retry_after && strpbrk(*retry_after, "\r\n"))
		return json_refuse(root, "retry_after", err, "control_character", "must be one line");
	return 0;
}

static void answer_behaviour(struct sandbox *sandbox, struct evhttp_request *request)
{
	CLEANUP(buf_clear) struct buf body = { 0 };
	struct json_writer w = jw_init(&body);
	const struct behaviour *b = &sandbox->behaviour;

	jw_object(&w, NULL);
	jw_str(&w, "mode", mode_names[b->mode]);
	jw_opt_int(&w, "count", b->count);
	jw_opt_int(&w, "status", b->status);
	jw_opt_int(&w, "ms", b->ms);
	jw_opt_str(&w, "retry_after", b->retry_after);
	jw_bool(&w, "capture", b->capture);
	jw_bool(&w, "dedupe", b->dedupe);
	jw_opt_str(&w, "to", b->to);
	jw_end_object(&w);
	answer(request, HTTP_OK, &body);
}

static void on_behave(struct sandbox *sandbox, struct evhttp_request *request)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *retry_after = NULL, *to = NULL;
	struct behaviour fresh;
	struct json root;
	struct err err = { 0 };

	if (read_object(request, arena, &root, &err) < 0 || read_behaviour(&root, &fresh, &retry_after, &to, &err) < 0) {
		answer_error(request, HTTP_BADREQUEST, &err);
		return;
	}
	behave_ok(&sandbox->behaviour); /* frees the old one's strings */
	sandbox->behaviour = fresh;
	sandbox->behaviour.retry_after = retry_after ? xstrdup(retry_after) : NULL;
	sandbox->behaviour.to = to ? xstrdup(to) : NULL;
	answer_behaviour(sandbox, request);
}

static void on_counts(struct sandbox *sandbox, struct evhttp_request *request)
{
	CLEANUP(buf_clear) struct buf body = { 0 };
	struct json_writer w = jw_init(&body);
	struct sandbox_counts counts = sandbox_book_counts(sandbox->book);

	jw_object(&w, NULL);
	jw_int(&w, "requests", counts.requests);
	jw_int(&w, "captured", counts.captured);
	jw_int(&w, "duplicates", counts.duplicates);
	jw_int(&w, "lost", counts.lost);
	jw_int(&w, "malformed", sandbox->malformed);
	jw_object(&w, "by_mode");
	for (size_t i = 0; i < MODE_COUNT; i++)
		jw_opt_int(&w, mode_names[i], sandbox->by_mode[i]);
	jw_end_object(&w);
	jw_end_object(&w);
	answer(request, HTTP_OK, &body);
}

static int read_filter(const struct evkeyvalq *query, struct sandbox_filter *ret, struct err *err)
{
	const struct evkeyval *pair;

	TAILQ_FOREACH(pair, query, next)
	{
		if (!strcmp(pair->key, "attempt"))
			ret->attempt = pair->value;
		else if (!strcmp(pair->key, "to"))
			ret->to = pair->value;
		else if (!strcmp(pair->key, "invoice"))
			ret->invoice = pair->value;
		else
			return err_set(err, -EBADMSG, "bad_query", "", "known are attempt, to and invoice");
	}
	return 0;
}

static void on_messages(struct sandbox *sandbox, struct evhttp_request *request)
{
	CLEANUP(buf_clear) struct buf body = { 0 };
	const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request));
	struct json_writer w = jw_init(&body);
	struct sandbox_filter filter = { 0 };
	struct evkeyvalq pairs = { 0 };
	struct err err = { 0 };

	if (query && evhttp_parse_query_str(query, &pairs) < 0)
		(void)err_set(&err, -EBADMSG, "bad_query", "", "the query cannot be read");
	else if (query)
		(void)read_filter(&pairs, &filter, &err);
	if (err.code[0]) {
		answer_error(request, HTTP_BADREQUEST, &err);
	} else {
		jw_object(&w, NULL);
		sandbox_book_write(sandbox->book, &filter, &w, "messages");
		jw_end_object(&w);
		answer(request, HTTP_OK, &body);
	}
	evhttp_clear_headers(&pairs);
}

/* --- pages ------------------------------------------------------------------------------------------------------------------------ */

static void on_list(struct sandbox *sandbox, struct evhttp_request *request)
{
	CLEANUP(buf_clear) struct buf body = { 0 };

	sandbox_page_list(sandbox->book, sandbox_now(sandbox), mode_names[sandbox->behaviour.mode], &body);
	answer_as(request, HTTP_OK, "text/html; charset=utf-8", SANDBOX_PAGE_CSP, &body);
}

/* "/message/ID" and "/message/ID/html" */
static void on_message(struct sandbox *sandbox, struct evhttp_request *request, const char *rest)
{
	CLEANUP(buf_clear) struct buf body = { 0 };
	char id[SANDBOX_ID_SIZE] = "";
	size_t len = strcspn(rest, "/");
	const struct sandbox_message *message;
	bool html = !strcmp(rest + len, "/html");
	struct err err = { 0 };

	if (len < sizeof(id))
		memcpy(id, rest, len);
	message = sandbox_book_find(sandbox->book, id);
	if (!message || (rest[len] && !html) || (html && sandbox_page_html(message, &body) < 0)) {
		(void)err_set(&err, -ENOENT, "not_found", "", "there is no such message");
		answer_error(request, HTTP_NOTFOUND, &err);
		return;
	}
	if (!html)
		sandbox_page_message(message, &body);
	answer_as(request, HTTP_OK, "text/html; charset=utf-8", html ? SANDBOX_HTML_CSP : SANDBOX_PAGE_CSP, &body);
}

/* --- routes ------------------------------------------------------------------------------------------------------------------------- */

static const struct route {
	const char *path;
	enum evhttp_cmd_type method;
	void (*run)(struct sandbox *sandbox, struct evhttp_request *request);
} routes[] = {
	{ "/send", EVHTTP_REQ_POST, on_send },
	{ "/messages", EVHTTP_REQ_GET, on_messages },
	{ "/counts", EVHTTP_REQ_GET, on_counts },
	{ "/behave", EVHTTP_REQ_GET, answer_behaviour },
	{ "/behave", EVHTTP_REQ_POST, on_behave },
	{ "/", EVHTTP_REQ_GET, on_list },
};

static void on_request(struct evhttp_request *request, void *arg)
{
	static const char message_path[] = "/message/";
	struct sandbox *sandbox = arg;
	struct err err = { 0 };
	enum evhttp_cmd_type method = evhttp_request_get_command(request);
	const char *path = NULL;
	bool known = false;

	if (http_request_check(request, &err) == 0)
		path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
	if (!path) {
		sandbox->malformed++;
		answer_error(request, HTTP_BADREQUEST, &err);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		if (strcmp(path, routes[i].path))
			continue;
		known = true;
		if (routes[i].method == method) {
			routes[i].run(sandbox, request);
			return;
		}
	}
	if (method == EVHTTP_REQ_GET && !strncmp(path, message_path, strlen(message_path))) {
		on_message(sandbox, request, path + strlen(message_path));
		return;
	}
	(void)err_set(&err, -ENOENT, known ? "bad_method" : "not_found", "", known ? "not with this method" : "there is no such path");
	answer_error(request, known ? HTTP_BADMETHOD : HTTP_NOTFOUND, &err);
}

/* --- the program --------------------------------------------------------------------------------------------------------------------- */

static int serve(struct sandbox *sandbox, uint16_t port, const char *port_file)
{
	struct evhttp_bound_socket *socket;
	struct sockaddr_in address = { 0 };
	socklen_t len = sizeof(address);
	char text[16];
	int r;

	sandbox->http = evhttp_new(sandbox->base);
	sandbox->guard = http_guard_create(sandbox->base, sandbox->http, &limits);
	evhttp_set_allowed_methods(sandbox->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST);
	evhttp_set_gencb(sandbox->http, on_request, sandbox);
	socket = evhttp_bind_socket_with_handle(sandbox->http, "127.0.0.1", port);
	if (!socket) {
		fprintf(stderr, "dunningd-sandbox: 127.0.0.1:%u cannot be listened on: %s\n", port, strerror(errno));
		return -EADDRINUSE;
	}
	http_guard_watch(sandbox->guard, socket);
	if (getsockname(evhttp_bound_socket_get_fd(socket), (struct sockaddr *)&address, &len) < 0)
		return -errno;
	(void)snprintf(text, sizeof(text), "%u\n", ntohs(address.sin_port));
	if (port_file && (r = file_replace(port_file, text, strlen(text), 0644)) < 0) {
		fprintf(stderr, "dunningd-sandbox: %s cannot be written: %s\n", port_file, strerror(-r));
		return r;
	}
	fputs(text, stdout);
	fflush(stdout);
	return 0;
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	(void)event_base_loopbreak(arg);
}

static int run(struct sandbox *sandbox, uint16_t port, const char *port_file, const char *log)
{
	static const int signals[] = { SIGTERM, SIGINT };
	struct event *events[ARRAY_LEN(signals)] = { NULL };
	struct err err = { 0 };
	int r = sandbox_book_create(log, &sandbox->book, &err);

	if (r < 0) {
		fprintf(stderr, "dunningd-sandbox: %s\n", err.text);
		return r;
	}
	sandbox->base = event_base_new();
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		events[i] = evsignal_new(sandbox->base, signals[i], on_signal, sandbox->base);
		event_add(events[i], NULL);
	}
	r = serve(sandbox, port, port_file);
	if (r == 0 && event_base_dispatch(sandbox->base) < 0)
		r = -EIO;
	while (sandbox->waiting) /* evhttp_free() frees their requests */
		waiting_end(sandbox->waiting);
	evhttp_free(sandbox->http);
	http_guard_destroy(sandbox->guard);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		event_free(events[i]);
	event_base_free(sandbox->base);
	behave_ok(&sandbox->behaviour);
	sandbox_book_destroy(sandbox->book);
	return r;
}

static const struct option_row {
	const char *name, *value, *help;
} option_rows[] = {
	{ "port", "N", "listen on 127.0.0.1:N; 0 takes a free one (the default). The port is the first line of the output" },
	{ "port-file", "FILE", "write the port there too" },
	{ "log", "FILE", "append each request as a line of JSON before it is answered; a new start reads it again" },
	{ "clock", "FILE", "the clock file of a daemon that plays one (STATE/clock): received_at is by that clock" },
	{ "help", NULL, "this text" },
};

static void usage(FILE *out)
{
	fputs("usage: dunningd-sandbox [OPTION...]\nAn HTTP provider that delivers nothing: it captures messages and shows them.\n", out);
	for (size_t i = 0; i < ARRAY_LEN(option_rows); i++) {
		const struct option_row *row = &option_rows[i];
		char name[40];

		(void)snprintf(name, sizeof(name), "--%s%s%s", row->name, row->value ? " " : "", row->value ? row->value : "");
		fprintf(out, "  %-18s %s\n", name, row->help);
	}
}

static bool parse_port(const char *text, uint16_t *ret)
{
	char *end;
	unsigned long n;

	if (*text < '0' || *text > '9')
		return false;
	n = strtoul(text, &end, 10);
	*ret = (uint16_t)n;
	return !*end && n <= UINT16_MAX;
}

int main(int argc, char **argv)
{
	enum { PORT, PORT_FILE, LOG, CLOCK, HELP, COUNT };
	_Static_assert(ARRAY_LEN(option_rows) == COUNT, "a row for each option");
	struct option options[COUNT + 1] = { 0 };
	struct sandbox sandbox = { .behaviour = { .capture = true, .dedupe = true } };
	const char *values[COUNT] = { NULL };
	uint16_t port = 0;
	int option;

	for (int i = 0; i < COUNT; i++)
		options[i] = (struct option){ option_rows[i].name, option_rows[i].value ? required_argument : no_argument, NULL, i };
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == HELP) {
			usage(stdout);
			return 0;
		}
		if (option >= COUNT) {
			usage(stderr);
			return 2;
		}
		values[option] = optarg;
	}
	if (optind < argc || (values[PORT] && !parse_port(values[PORT], &port))) {
		usage(stderr);
		return 2;
	}
	sandbox.clock_file = values[CLOCK];
	(void)signal(SIGPIPE, SIG_IGN);
	return run(&sandbox, port, values[PORT_FILE], values[LOG]) < 0 ? 1 : 0;
}
