#include "daemon/monitor.h"

#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/http.h>

#include "common/metrics.h"
#include "daemon/http_guard.h"

static const struct http_limits limits = { .head = 8192, .body = 1024, .connections = 16, .evict = true, .deadline_ms = 5000 };

struct monitor {
	struct evhttp *http;
	struct http_guard *guard;
	const struct monitor_callbacks *callbacks;
};

static void answer(struct evhttp_request *request, int status, const char *type, const struct buf *body)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);

	evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	evhttp_add_header(headers, "Connection", "close");
	if (status == HTTP_BADMETHOD)
		evhttp_add_header(headers, "Allow", "GET, HEAD");
	(void)evbuffer_add(evhttp_request_get_output_buffer(request), buf_str(body), body->len);
	evhttp_send_reply(request, status, NULL, NULL);
}

static void tell(struct evhttp_request *request, int status, const char *text)
{
	CLEANUP(buf_clear) struct buf body = { 0 };

	buf_printf(&body, "%s\n", text);
	answer(request, status, "text/plain; charset=utf-8", &body);
}

static void tell_whether(struct monitor *monitor, struct evhttp_request *request, bool (*ask)(struct buf *ret, void *arg))
{
	CLEANUP(buf_clear) struct buf why = { 0 };
	bool good = ask(&why, monitor->callbacks->arg);

	if (good)
		buf_add_str(&why, "ok\n");
	answer(request, good ? HTTP_OK : HTTP_SERVUNAVAIL, "text/plain; charset=utf-8", &why);
}

static void on_request(struct evhttp_request *request, void *arg)
{
	struct monitor *monitor = arg;
	const char *uri = evhttp_request_get_uri(request);
	CLEANUP(buf_clear) struct buf body = { 0 };
	size_t len = uri ? strcspn(uri, "?") : 0;
	struct err err = { 0 };
	bool open;

	if (http_request_check(request, &err) < 0) {
		tell(request, HTTP_BADREQUEST, err.text);
		return;
	}
	if (evhttp_request_get_command(request) != EVHTTP_REQ_GET && evhttp_request_get_command(request) != EVHTTP_REQ_HEAD) {
		tell(request, HTTP_BADMETHOD, "GET alone");
		return;
	}
	if (len == 8 && memcmp(uri, "/healthz", len) == 0) {
		tell_whether(monitor, request, monitor->callbacks->healthy);
	} else if (len == 7 && memcmp(uri, "/readyz", len) == 0) {
		tell_whether(monitor, request, monitor->callbacks->ready);
	} else if (len == 8 && memcmp(uri, "/metrics", len) == 0) {
		open = metrics_wants_open(evhttp_find_header(evhttp_request_get_input_headers(request), "Accept"));
		monitor->callbacks->metrics(open, &body, monitor->callbacks->arg);
		answer(request, HTTP_OK, metrics_media_type(open), &body);
	} else {
		tell(request, HTTP_NOTFOUND, "/metrics, /healthz and /readyz are here");
	}
}

int monitor_create(struct event_base *base, const char *address, const struct monitor_callbacks *callbacks, struct monitor **ret, int *port,
	struct err *err)
{
	CLEANUP(monitor_destroyp) struct monitor *monitor = xcalloc(1, sizeof(*monitor));
	int r;

	monitor->callbacks = callbacks;
	monitor->http = evhttp_new(base);
	monitor->guard = http_guard_create(base, monitor->http, &limits);
	/* All of them: what is no GET is told so, by us. */
	evhttp_set_allowed_methods(monitor->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
		EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
	evhttp_set_gencb(monitor->http, on_request, monitor);
	r = http_guard_listen(monitor->guard, monitor->http, "metrics", address, port, err);
	if (r < 0)
		return r;
	*ret = TAKE(monitor);
	return 0;
}

void monitor_destroy(struct monitor *monitor)
{
	if (!monitor)
		return;
	if (monitor->http)
		evhttp_free(monitor->http);
	http_guard_destroy(monitor->guard);
	free(monitor);
}
