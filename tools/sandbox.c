/*
 * dunningd-sandbox - an HTTP provider on 127.0.0.1 that delivers nothing: it captures messages, shows them on a page, misbehaves when it is
 * told to, and tells dunningd by webhooks what is said to have become of them. For the quickstart, for tests, and for trying policies and
 * templates out. POST /send is described in sandbox_send.c, the rest of the interface in sandbox_ask.c, the modes in sandbox_modes.h.
 */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "common/file.h"
#include "common/played_clock.h"
#include "common/utc.h"
#include "tools/sandbox_internal.h"

/* Kept-alive connections are the point of some tests: only the cap on connections matters here. */
static const struct http_limits limits = { .head = 16384, .body = 4 << 20, .connections = 512, .deadline_ms = 24 * HOUR_MS };

int64_t sandbox_now(const struct sandbox *sandbox)
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

/* --- routes ------------------------------------------------------------------------------------------------------------------------- */

static const struct route {
	const char *path;
	enum evhttp_cmd_type method;
	void (*run)(struct sandbox *sandbox, struct evhttp_request *request);
} routes[] = {
	{ "/send", EVHTTP_REQ_POST, sandbox_on_send },
	{ "/messages", EVHTTP_REQ_GET, sandbox_on_messages },
	{ "/counts", EVHTTP_REQ_GET, sandbox_on_counts },
	{ "/behave", EVHTTP_REQ_GET, sandbox_on_behave_get },
	{ "/behave", EVHTTP_REQ_POST, sandbox_on_behave },
	{ "/hooks", EVHTTP_REQ_GET, sandbox_on_hooks_get },
	{ "/hooks", EVHTTP_REQ_POST, sandbox_on_hooks },
	{ "/tell", EVHTTP_REQ_POST, sandbox_on_tell },
	{ "/told", EVHTTP_REQ_GET, sandbox_on_told },
	{ "/", EVHTTP_REQ_GET, sandbox_on_list },
	{ "/modes", EVHTTP_REQ_GET, sandbox_on_modes },
	{ "/page.css", EVHTTP_REQ_GET, sandbox_on_style },
};

/*
 * Other pages in the same browser must not order anything here, nor read it under a name of theirs that leads to 127.0.0.1: the Host is
 * this machine, and whoever names an Origin is ourselves.
 */
static bool is_ours(struct evhttp_request *request)
{
	const char *host = evhttp_find_header(evhttp_request_get_input_headers(request), "Host");
	const char *origin = evhttp_find_header(evhttp_request_get_input_headers(request), "Origin");
	size_t len = host ? strcspn(host, ":") : 0;

	if (!host || !((len == 9 && !strncmp(host, "127.0.0.1", len)) || (len == 9 && !strncmp(host, "localhost", len))))
		return false;
	return !origin || (!strncmp(origin, "http://", 7) && !strcmp(origin + 7, host));
}

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
		sandbox_answer_error(request, HTTP_BADREQUEST, &err);
		return;
	}
	if (!is_ours(request)) {
		(void)err_set(&err, -EACCES, "foreign", "", "this is for 127.0.0.1 alone, and for no other page");
		sandbox_answer_error(request, 403, &err);
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
	if (!strncmp(path, message_path, strlen(message_path))) {
		(method == EVHTTP_REQ_GET ? sandbox_on_message : sandbox_on_form)(sandbox, request, path + strlen(message_path));
		return;
	}
	if (!known && sandbox_on_face(sandbox, request, path))
		return;
	(void)err_set(&err, -ENOENT, known ? "bad_method" : "not_found", "", known ? "not with this method" : "there is no such path");
	sandbox_answer_error(request, known ? HTTP_BADMETHOD : HTTP_NOTFOUND, &err);
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

struct start {
	uint16_t port;
	const char *port_file, *log, *keys, *hooks, *public_url; /* NULL = none */
};

static int get_ready(struct sandbox *sandbox, const struct start *start, struct err *err)
{
	int r;

	if ((r = sandbox_book_create(start->log, &sandbox->book, err)) < 0 || (r = sandbox_keys_load(start->keys, &sandbox->keys, err)) < 0)
		return r;
	sandbox->base = sandbox->lates.base = event_base_new();
	sandbox->teller = sandbox_teller_create(sandbox->base, sandbox->keys);
	return start->hooks ? sandbox_teller_aim(sandbox->teller, start->hooks, start->public_url, 0, err) : 0;
}

static void clean_up(struct sandbox *sandbox)
{
	sandbox_lates_end(&sandbox->lates); /* evhttp_free() frees their requests */
	if (sandbox->http)
		evhttp_free(sandbox->http);
	http_guard_destroy(sandbox->guard);
	sandbox_teller_destroy(sandbox->teller);
	if (sandbox->base)
		event_base_free(sandbox->base);
	sandbox_order_clear(&sandbox->order);
	sandbox_keys_free(sandbox->keys);
	sandbox_book_destroy(sandbox->book);
}

static int run(struct sandbox *sandbox, const struct start *start)
{
	static const int signals[] = { SIGTERM, SIGINT };
	struct event *events[ARRAY_LEN(signals)] = { NULL };
	struct err err = { 0 };
	int r = get_ready(sandbox, start, &err);

	if (r < 0) {
		fprintf(stderr, "dunningd-sandbox: %s\n", err.text);
		clean_up(sandbox);
		return r;
	}
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		events[i] = evsignal_new(sandbox->base, signals[i], on_signal, sandbox->base);
		event_add(events[i], NULL);
	}
	r = serve(sandbox, start->port, start->port_file);
	if (r == 0 && event_base_dispatch(sandbox->base) < 0)
		r = -EIO;
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		event_free(events[i]);
	clean_up(sandbox);
	return r;
}

static const struct option_row {
	const char *name, *value, *help;
} option_rows[] = {
	{ "port", "N", "listen on 127.0.0.1:N; 0 takes a free one (the default). The port is the first line of the output" },
	{ "port-file", "FILE", "write the port there too" },
	{ "log", "FILE", "append each request as a line of JSON before it is answered; a new start reads it again" },
	{ "clock", "FILE", "the clock file of a daemon that plays one (STATE/clock): received_at is by that clock" },
	{ "hooks", "URL", "http://127.0.0.1:PORT, where dunningd listens for webhooks (hooks.listen); later: POST /hooks" },
	{ "public-url", "URL", "what stands before /hooks/ in what is signed (hooks.public_url)" },
	{ "keys", "DIR", "keep the keys of the webhooks there; without it there are fresh ones for each run (GET /hooks shows them)" },
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
	enum { PORT, PORT_FILE, LOG, CLOCK, HOOKS, PUBLIC_URL, KEYS, HELP, COUNT };
	_Static_assert(ARRAY_LEN(option_rows) == COUNT, "a row for each option");
	struct option options[COUNT + 1] = { 0 };
	struct sandbox sandbox = { 0 };
	struct start start;
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
	sandbox_order_init(&sandbox.order);
	start = (struct start){ port, values[PORT_FILE], values[LOG], values[KEYS], values[HOOKS], values[PUBLIC_URL] };
	return run(&sandbox, &start) < 0 ? 1 : 0;
}
