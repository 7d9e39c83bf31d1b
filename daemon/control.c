#include "daemon/control.h"

#include <errno.h>
#include <string.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "common/hash.h"
#include "common/utc.h"
#include "daemon/http_guard.h"

#define HTTP_FORBIDDEN 403
#define HTTP_CONFLICT 409

/* As long as the dashboard, which is here too, may need: a walk through the book, and a Redis that comes back late. */
static const struct http_limits limits = { .head = 8192, .body = CONTROL_BODY_MAX, .connections = 16, .deadline_ms = 30000 };

struct control {
	struct evhttp *http;
	struct http_guard *guard;
	const struct control_callbacks *callbacks;
	char *path; /* NULL until bound */
};

/* --- answers ---------------------------------------------------------------------------------------------------------------- */

static void answer(struct evhttp_request *request, int status, const struct buf *body)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct evbuffer *out = evhttp_request_get_output_buffer(request);

	evhttp_add_header(headers, "Content-Type", "application/json");
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "Connection", "close");
	evbuffer_add(out, body->data, body->len);
	evbuffer_add(out, "\n", 1);
	evhttp_send_reply(request, status, NULL, NULL);
}

/* `elsewhere`: an array; NULL or "[]" = none. */
static void answer_refused(struct evhttp_request *request, int status, const struct err *err, const struct buf *elsewhere)
{
	CLEANUP(buf_clear) struct buf body = { 0 };
	struct json_writer w = jw_init(&body);

	jw_object(&w, NULL);
	jw_str(&w, "error", err->code[0] ? err->code : "refused");
	jw_opt_str(&w, "path", err->path);
	jw_str(&w, "text", err->text);
	if (elsewhere && elsewhere->len > strlen("[]"))
		jw_raw(&w, "elsewhere", elsewhere->data, elsewhere->len);
	jw_end_object(&w);
	answer(request, status, &body);
}

static void answer_error(struct evhttp_request *request, int status, const struct err *err)
{
	answer_refused(request, status, err, NULL);
}

/* --- commands --------------------------------------------------------------------------------------------------------------- */

struct order {
	const char *who, *why; /* NULL where the row does not ask */
	int64_t until;
	struct json root; /* the body */
	struct dunner_erasure erasure; /* /erase */
	struct control_reading reading; /* /reading */
	struct control_test test; /* /provider/test */
	struct control_link link; /* /link */
	struct arena *arena;
	const char **url; /* /link: its answer */
	struct json_writer *elsewhere; /* /suspend, /release: in the array of those that are not led here */
	int64_t uid; /* who asks, by the kernel */
};

static int do_suspend(struct control *control, const struct order *order, struct err *err)
{
	return control->callbacks->suspend(order->who, order->why, order->until, order->elsewhere, err, control->callbacks->arg);
}

static int do_release(struct control *control, const struct order *order, struct err *err)
{
	return control->callbacks->release(order->who, order->why, order->elsewhere, err, control->callbacks->arg);
}

static int do_reload(struct control *control, const struct order *order, struct err *err)
{
	(void)order;
	return control->callbacks->reload(err, control->callbacks->arg);
}

static int do_confirm_clock(struct control *control, const struct order *order, struct err *err)
{
	return control->callbacks->confirm_clock(order->who, order->why, err, control->callbacks->arg);
}

static int do_seal(struct control *control, const struct order *order, struct err *err)
{
	return control->callbacks->seal(order->who, order->why, err, control->callbacks->arg);
}

static int do_anchor(struct control *control, const struct order *order, struct err *err)
{
	return control->callbacks->anchor(order->who, order->why, err, control->callbacks->arg);
}

static int do_agreed(struct control *control, const struct order *order, struct err *err)
{
	return control->callbacks->agreed(order->who, order->why, err, control->callbacks->arg);
}

static int do_erase(struct control *control, const struct order *order, struct err *err)
{
	return control->callbacks->erase(&order->erasure, err, control->callbacks->arg);
}

static int read_erasure(const struct json *root, struct order *ret, struct err *err)
{
	struct dunner_erasure *erasure = &ret->erasure;
	struct json classes;
	int64_t until_year = 0;
	int r;

	*erasure = (struct dunner_erasure){ .who = ret->who, .why = ret->why };
	if ((r = json_get_id(root, "customer", &erasure->customer, err)) < 0 ||
		(r = json_get_array(root, "classes", &classes, err)) < 0 ||
		(r = json_opt_int(root, "until_year", 1970, 9999, &until_year, err)) < 0 ||
		(r = json_opt_bool(root, "yes", &erasure->yes, err)) < 0)
		return r;
	for (size_t i = 0; i < json_len(&classes); i++) {
		struct json one = json_at(&classes, i);
		int class = 0;

		while (class < CLASS_COUNT && (one.type != JSON_STRING || strcmp(json_str(&one), class_names[class]) != 0))
			class++;
		if (class == CLASS_COUNT)
			return json_refuse(&one, NULL, err, "not_one_of", "must be identity, content or facts");
		erasure->classes |= 1u << class;
	}
	erasure->until_year = (int)until_year;
	return erasure->classes ? 0 : json_refuse(root, "classes", err, "missing", "name at least one class");
}

static int do_reading(struct control *control, const struct order *order, struct err *err)
{
	return control->callbacks->reading(&order->reading, err, control->callbacks->arg);
}

static int get_line(const struct json *root, const char *key, size_t max, const char **ret, struct err *err)
{
	int r = json_get_str(root, key, max, ret, err);

	if (r < 0)
		return r;
	for (const unsigned char *p = (const unsigned char *)*ret; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			return json_refuse(root, key, err, "control_character", "must be one line");
	return **ret ? 0 : json_refuse(root, key, err, "missing", "must not be empty");
}

static int opt_line(const struct json *root, const char *key, size_t max, const char **ret, struct err *err)
{
	*ret = NULL;
	return json_get(root, key).node ? get_line(root, key, max, ret, err) : 0;
}

static int read_reading(const struct json *root, struct order *ret, struct err *err)
{
	struct control_reading *reading = &ret->reading;
	uint8_t digest[32];
	const char *kind;
	int r;

	*reading = (struct control_reading){ .who = ret->who, .uid = ret->uid };
	if ((r = get_line(root, "kind", 16, &kind, err)) < 0 || (r = get_line(root, "command", CONTROL_WHY_MAX, &reading->command, err)) < 0 ||
		(r = json_get_id(root, "customer", &reading->customer, err)) < 0 ||
		(r = opt_line(root, "invoice", CONTROL_WHY_MAX, &reading->invoice, err)) < 0 ||
		(r = opt_line(root, "for", CONTROL_WHY_MAX, &reading->whom, err)) < 0 ||
		(r = get_line(root, "records", CONTROL_RECORDS_MAX, &reading->records, err)) < 0 ||
		(r = opt_line(root, "digest", 64, &reading->digest, err)) < 0)
		return r;
	reading->exported = strcmp(kind, "export") == 0;
	if (!reading->exported && strcmp(kind, "read") != 0)
		return json_refuse(root, "kind", err, "not_one_of", "must be read or export");
	if (reading->exported != (reading->digest != NULL) || (reading->digest && hex_parse(reading->digest, sizeof(digest), digest) < 0))
		return json_refuse(root, "digest", err, "bad_digest", "an export has the SHA-256 of its manifest, a reading has none");
	return 0;
}

static int do_link(struct control *control, const struct order *order, struct err *err)
{
	return control->callbacks->link(&order->link, order->arena, order->url, err, control->callbacks->arg);
}

static int read_link(const struct json *root, struct order *ret, struct err *err)
{
	int r = json_get_id(root, "invoice", &ret->link.invoice, err);

	ret->link.who = ret->who;
	ret->link.uid = ret->uid;
	return r < 0 ? r : json_get_int(root, "partition", 0, 65535, &ret->link.partition, err);
}

static int do_test(struct control *control, const struct order *order, struct err *err)
{
	return control->callbacks->test(&order->test, err, control->callbacks->arg);
}

static int read_test(const struct json *root, struct order *ret, struct err *err)
{
	struct control_test *test = &ret->test;
	int r;

	*test = (struct control_test){ .who = ret->who };
	if ((r = get_line(root, "provider", CONTROL_WHO_MAX, &test->provider, err)) < 0 ||
		(r = get_line(root, "address", CONTROL_WHY_MAX, &test->address, err)) < 0)
		return r;
	return opt_line(root, "channel", 32, &test->channel, err);
}

static void tell_tested(struct control *control, struct json_writer *w)
{
	control->callbacks->tested(w, control->callbacks->arg);
}

static void tell_status(struct control *control, struct json_writer *w)
{
	control->callbacks->status(w, control->callbacks->arg);
}

static void tell_config(struct control *control, struct json_writer *w)
{
	control->callbacks->config(w, control->callbacks->arg);
}

static void tell_erasure(struct control *control, struct json_writer *w)
{
	control->callbacks->erasure(w, control->callbacks->arg);
}

static const struct row {
	const char *path;
	enum evhttp_cmd_type method;
	const char *members[10]; /* of the body, NULL-terminated; none: it may be empty */
	int (*run)(struct control *control, const struct order *order, struct err *err); /* NULL: it only tells */
	void (*tell)(struct control *control, struct json_writer *w);
	int (*read)(const struct json *root, struct order *ret, struct err *err); /* of the body, what only this one has; may be NULL */
} rows[] = {
	{ "/status", EVHTTP_REQ_GET, { NULL }, NULL, tell_status, NULL },
	{ "/config", EVHTTP_REQ_GET, { NULL }, NULL, tell_config, NULL },
	{ "/suspend", EVHTTP_REQ_POST, { "who", "why", "until", NULL }, do_suspend, NULL, NULL },
	{ "/release", EVHTTP_REQ_POST, { "who", "why", NULL }, do_release, NULL, NULL },
	{ "/reload", EVHTTP_REQ_POST, { NULL }, do_reload, NULL, NULL },
	{ "/seal", EVHTTP_REQ_POST, { "who", "why", NULL }, do_seal, NULL, NULL },
	{ "/clock/confirm", EVHTTP_REQ_POST, { "who", "why", NULL }, do_confirm_clock, NULL, NULL },
	{ "/anchor", EVHTTP_REQ_POST, { "who", "why", NULL }, do_anchor, NULL, NULL },
	{ "/anchor/agreed", EVHTTP_REQ_POST, { "who", "why", NULL }, do_agreed, NULL, NULL },
	{ "/erase", EVHTTP_REQ_POST, { "who", "why", "customer", "classes", "until_year", "yes", NULL }, do_erase, NULL,
		read_erasure },
	{ "/reading", EVHTTP_REQ_POST, { "who", "kind", "command", "customer", "invoice", "for", "records", "digest", NULL }, do_reading, NULL,
		read_reading },
	{ "/link", EVHTTP_REQ_POST, { "who", "invoice", "partition", NULL }, do_link, NULL, read_link },
	{ "/provider/test", EVHTTP_REQ_POST, { "who", "provider", "address", "channel", NULL }, do_test, NULL, read_test },
	{ "/provider/test", EVHTTP_REQ_GET, { NULL }, NULL, tell_tested, NULL },
	{ "/erase", EVHTTP_REQ_GET, { NULL }, NULL, tell_erasure, NULL },
};

static int read_order(const struct row *row, const struct buf *body, struct arena *arena, struct order *ret, struct err *err)
{
	struct json *root = &ret->root;
	const char *until = NULL;
	int r;

	if (!row->members[0] && body->len == 0)
		return 0;
	r = json_parse(arena, buf_str(body), body->len, 0, root, err);
	if (r < 0)
		return r;
	if (root->type != JSON_OBJECT)
		return err_set(err, -EBADMSG, "wrong_type", "$", "the body must be a JSON object");
	r = json_only(root, row->members, err);
	if (r < 0 || !row->members[0])
		return r;
	r = get_line(root, "who", CONTROL_WHO_MAX, &ret->who, err);
	if (r == 0 && strcmp(row->members[1], "why") == 0)
		r = get_line(root, "why", CONTROL_WHY_MAX, &ret->why, err);
	if (r == 0)
		r = json_opt_str(root, "until", UTC_TEXT_SIZE, &until, err);
	if (r == 0 && until && utc_parse(until, &ret->until) < 0)
		return json_refuse(root, "until", err, "bad_time", "must be an instant such as 2026-03-02T09:00:00Z");
	return r == 0 && row->read ? row->read(root, ret, err) : r;
}

/* -1: it does not say. */
static int64_t uid_of(struct evhttp_request *request)
{
	int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(evhttp_request_get_connection(request)));
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 ? (int64_t)peer.uid : -1;
}

static void run(struct control *control, const struct row *row, struct evhttp_request *request)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf body = { 0 }, elsewhere = { 0 };
	struct evbuffer *in = evhttp_request_get_input_buffer(request);
	struct json_writer w = jw_init(&body), list = jw_init(&elsewhere);
	const char *url = NULL;
	struct order order = { .uid = uid_of(request), .arena = arena, .url = &url, .elsewhere = &list };
	struct err err = { 0 };
	size_t len = evbuffer_get_length(in);

	if (row->run) {
		buf_reserve(&body, len + 1);
		(void)evbuffer_copyout(in, body.data, len);
		body.len = len;
		body.data[len] = '\0';
		if (read_order(row, &body, arena, &order, &err) < 0) {
			answer_error(request, HTTP_BADREQUEST, &err);
			return;
		}
		jw_array(&list, NULL);
		if (row->run(control, &order, &err) < 0) {
			jw_end_array(&list);
			answer_refused(request, HTTP_CONFLICT, &err, &elsewhere);
			return;
		}
		buf_reset(&body);
	}
	jw_object(&w, NULL);
	if (row->run)
		jw_bool(&w, "ok", true);
	else
		row->tell(control, &w);
	jw_opt_str(&w, "url", url);
	jw_end_object(&w);
	answer(request, HTTP_OK, &body);
}

/*
 * `ssh -L` brings the socket to a port of somebody's own machine, for the dashboard: there every site that is open in the browser can send to it.
 * The commands are for programs. A body of another type a page could send without the browser asking us first (CORS).
 */
static int check_program(struct evhttp_request *request, struct err *err)
{
	const char *type = evhttp_find_header(evhttp_request_get_input_headers(request), "Content-Type");
	size_t len = type ? strcspn(type, "; ") : 0;

	if (!http_host_is_local(request))
		return err_set(err, -EPERM, "not_local", "", "Host must be localhost or an address of this machine");
	if (http_is_of_browser(request))
		return err_set(err, -EPERM, "from_a_browser", "", "commands are for programs: send no Origin, Referer or Sec-Fetch-*");
	if (evhttp_request_get_command(request) == EVHTTP_REQ_POST && (len != strlen("application/json") || strncasecmp(type, "application/json", len)))
		return err_set(err, -EPERM, "bad_type", "", "Content-Type must be application/json");
	return 0;
}

static void on_request(struct evhttp_request *request, void *arg)
{
	struct control *control = arg;
	struct err err = { 0 };
	const char *target = evhttp_request_get_uri(request), *takes = NULL;

	if (http_request_check(request, &err) < 0) {
		answer_error(request, HTTP_BADREQUEST, &err);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strcmp(target, rows[i].path))
			continue;
		if (check_program(request, &err) < 0) {
			answer_error(request, HTTP_FORBIDDEN, &err);
			return;
		}
		if (evhttp_request_get_command(request) == rows[i].method) {
			run(control, &rows[i], request);
			return;
		}
		takes = rows[i].method == EVHTTP_REQ_GET ? "GET" : "POST";
	}
	if (takes) {
		(void)err_set(&err, -EPERM, "bad_method", "", "%s takes %s", target, takes);
		answer_error(request, HTTP_BADMETHOD, &err);
		return;
	}
	if (control->callbacks->page && control->callbacks->page(request, uid_of(request), control->callbacks->arg))
		return;
	(void)err_set(&err, -ENOENT, "not_found", "", "there is no such command");
	answer_error(request, HTTP_NOTFOUND, &err);
}

/* --- the socket --------------------------------------------------------------------------------------------------------------- */

static bool somebody_answers(const struct sockaddr_un *address)
{
	CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	/* EAGAIN: a listener whose queue is full. */
	return fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN);
}

static int bind_socket(struct event_base *base, const char *path, struct evconnlistener **ret)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	if (somebody_answers(&address))
		return -EADDRINUSE;
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	*ret = evconnlistener_new_bind(base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 64,
		(struct sockaddr *)&address, sizeof(address));
	if (!*ret)
		return errno ? -errno : -EINVAL;
	/* Connecting asks for write permission; the folder says who gets as far as that. */
	if (chmod(path, 0660) < 0) {
		int r = -errno;

		evconnlistener_free(*ret);
		return r;
	}
	return 0;
}

int control_create(struct event_base *base, const char *path, const struct control_callbacks *callbacks,
	struct control **ret, struct err *err)
{
	CLEANUP(control_destroyp) struct control *control = xcalloc(1, sizeof(*control));
	struct evconnlistener *listener = NULL;
	struct evhttp_bound_socket *socket;
	int r = bind_socket(base, path, &listener);

	if (r < 0)
		return err_set(err, r, "no_socket", "", "the control socket %s cannot be opened: %s", path,
			r == -EADDRINUSE ? "another process answers there" : strerror(-r));
	control->callbacks = callbacks;
	control->path = xstrdup(path);
	control->http = evhttp_new(base);
	control->guard = http_guard_create(base, control->http, &limits);
	evhttp_set_allowed_methods(control->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD);
	evhttp_set_gencb(control->http, on_request, control);
	socket = evhttp_bind_listener(control->http, listener);
	if (!socket) {
		evconnlistener_free(listener);
		return err_set(err, -ENOMEM, "no_socket", "", "the control socket %s cannot be served", path);
	}
	http_guard_watch(control->guard, socket);
	*ret = TAKE(control);
	return 0;
}

void control_destroy(struct control *control)
{
	if (!control)
		return;
	if (control->http)
		evhttp_free(control->http);
	http_guard_destroy(control->guard);
	if (control->path)
		(void)unlink(control->path);
	free(control->path);
	free(control);
}
