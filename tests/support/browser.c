#include "tests/support/browser.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/file.h"
#include "common/hash.h"
#include "tests/support/http_get.h"
#include "tests/support/world.h"

#define WAIT_MS 20000
#define ELEMENT "element-6066-11e4-a52e-4f735466cecf" /* the name that W3C WebDriver gives to a reference */

struct browser {
	struct process driver;
	struct http_caller *caller;
	struct http_reply reply;
	char url[200]; /* of the session */
};

static int free_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || getsockname(fd, (struct sockaddr *)&at, &len) < 0)
		world_fail("there is no port");
	close(fd);
	return ntohs(at.sin_port);
}

/* The answer's "value"; *ok false when it is an error. */
static struct json ask(struct browser *b, struct arena *arena, const char *method, const char *path, const char *body, bool *ok)
{
	const char *const headers[] = { "Content-Type: application/json", NULL };
	struct json root = { 0 };
	long status = http_exchange(b->caller, method, arena_join(arena, b->url, path), headers, body, 2L * WAIT_MS, &b->reply);

	*ok = status == 200;
	if (status && json_parse(arena, arena_memdup(arena, buf_str(&b->reply.body), b->reply.body.len), b->reply.body.len, JSON_FRACTIONS, &root, NULL) < 0)
		*ok = false;
	return json_get(&root, "value");
}

static struct json must(struct browser *b, struct arena *arena, const char *path, const char *body)
{
	bool ok;
	struct json value = ask(b, arena, body ? "POST" : "GET", path, body, &ok);

	if (!ok)
		world_fail("the browser, %s %.800s: %.800s", path, body ? body : "", b->reply.status ? buf_str(&b->reply.body) : b->reply.failure);
	return value;
}

static const char *quoted(struct arena *arena, const char *text)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct json_writer w = jw_init(&out);

	jw_str(&w, NULL, text);
	return arena_strdup(arena, buf_str(&out));
}

/* A test that fails ends there: Chromium is no child of ours, and would stay. */
static struct browser *left;

static void end_left(void)
{
	browser_close(left);
}

struct browser *browser_open(const char *log)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct browser *b = xcalloc(1, sizeof(*b));
	int port = free_port();
	struct json value, id;
	bool ok = false;

	b->caller = http_caller_create();
	(void)snprintf(b->url, sizeof(b->url), "http://127.0.0.1:%d", port);
	process_start(&b->driver, (const char *const[]){ "chromedriver", arena_printf(arena, "--port=%d", port), NULL }, log);
	for (int64_t end = real_ms() + WAIT_MS; !ok; pause_ms(20)) {
		(void)ask(b, arena, "GET", "/status", NULL, &ok);
		if (real_ms() > end || !process_running(&b->driver))
			world_fail("chromedriver does not come up: %s", log);
	}
	/* Its own sandbox cannot be had by root. */
	value = must(b, arena, "/session",
		arena_printf(arena, "{\"capabilities\":{\"alwaysMatch\":{\"goog:loggingPrefs\":{\"browser\":\"ALL\"},\"goog:chromeOptions\":{\"args\":["
				    "\"--headless=new\",\"--disable-gpu\",\"--disable-dev-shm-usage\",\"--no-proxy-server\"%s]}}}}",
			geteuid() == 0 ? ",\"--no-sandbox\"" : ""));
	id = json_get(&value, "sessionId");
	(void)snprintf(b->url, sizeof(b->url), "http://127.0.0.1:%d/session/%s", port, json_str(&id));
	if (!left)
		(void)atexit(end_left);
	left = b;
	return b;
}

void browser_close(struct browser *b)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	bool ok;

	if (!b)
		return;
	left = NULL;
	(void)ask(b, arena, "DELETE", "", NULL, &ok);
	(void)process_stop(&b->driver, 5000);
	http_caller_destroy(b->caller);
	http_reply_clear(&b->reply);
	free(b);
}

static void devtools(struct browser *b, const char *command, const char *params)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	(void)must(b, arena, "/goog/cdp/execute", arena_printf(arena, "{\"cmd\":\"%s\",\"params\":%s}", command, params));
}

void browser_look(struct browser *b, int width, int height, bool dark)
{
	char params[200];

	(void)snprintf(params, sizeof(params), "{\"width\":%d,\"height\":%d,\"deviceScaleFactor\":1,\"mobile\":%s}", width, height,
		width < 600 ? "true" : "false");
	devtools(b, "Emulation.setDeviceMetricsOverride", params);
	(void)snprintf(params, sizeof(params), "{\"features\":[{\"name\":\"prefers-color-scheme\",\"value\":\"%s\"}]}", dark ? "dark" : "light");
	devtools(b, "Emulation.setEmulatedMedia", params);
}

void browser_go(struct browser *b, const char *url)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	(void)must(b, arena, "/url", arena_printf(arena, "{\"url\":%s}", quoted(arena, url)));
}

struct json browser_eval(struct browser *b, struct arena *arena, const char *script)
{
	return must(b, arena, "/execute/sync", arena_printf(arena, "{\"script\":%s,\"args\":[]}", quoted(arena, script)));
}

/* A page that is just being replaced gives an error: asked again. */
void browser_wait(struct browser *b, const char *script)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *body = arena_printf(arena, "{\"script\":%s,\"args\":[]}", quoted(arena, script));

	for (int64_t end = real_ms() + WAIT_MS; real_ms() < end; pause_ms(20)) {
		bool ok;
		struct json value = ask(b, arena, "POST", "/execute/sync", body, &ok);

		if (ok && json_bool(&value))
			return;
	}
	world_fail("the page does not come to this: %s: %.2000s", script, buf_str(&b->reply.body));
}

static const char *find(struct browser *b, struct arena *arena, const char *css)
{
	struct json found = must(b, arena, "/element", arena_printf(arena, "{\"using\":\"css selector\",\"value\":%s}", quoted(arena, css)));
	struct json id = json_get(&found, ELEMENT);

	return json_str(&id);
}

void browser_click(struct browser *b, const char *css)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	(void)must(b, arena, arena_printf(arena, "/element/%s/click", find(b, arena, css)), "{}");
}

void browser_type(struct browser *b, const char *css, const char *text)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	(void)must(b, arena, arena_printf(arena, "/element/%s/value", find(b, arena, css)), arena_printf(arena, "{\"text\":%s}", quoted(arena, text)));
}

void browser_press(struct browser *b, const char *keys)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json found = must(b, arena, "/element/active", NULL), id = json_get(&found, ELEMENT);

	(void)must(b, arena, arena_printf(arena, "/element/%s/value", json_str(&id)), arena_printf(arena, "{\"text\":%s}", quoted(arena, keys)));
}

void browser_scripts(struct browser *b, bool on)
{
	devtools(b, "Emulation.setScriptExecutionDisabled", on ? "{\"value\":false}" : "{\"value\":true}");
}

void browser_frame(struct browser *b, int index)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	(void)must(b, arena, "/frame", index < 0 ? "{\"id\":null}" : arena_printf(arena, "{\"id\":%d}", index));
}

static void keep(const struct json *base64, const char *path)
{
	CLEANUP(buf_clear) struct buf data = { 0 };
	const char *text = json_str(base64);

	if (!text || base64_decode(text, strlen(text), &data) < 0 || file_replace(path, data.data, data.len, 0644) < 0)
		world_fail("%s cannot be written", path);
}

void browser_shot(struct browser *b, const char *path)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json value = must(b, arena, "/screenshot", NULL);

	keep(&value, path);
}

void browser_print(struct browser *b, const char *path)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json value = must(b, arena, "/goog/cdp/execute", "{\"cmd\":\"Page.printToPDF\",\"params\":{\"paperWidth\":8.27,\"paperHeight\":11.69}}"),
		    pdf = json_get(&value, "data");

	keep(&pdf, path);
}

const char *browser_console(struct browser *b, struct arena *arena)
{
	struct json lines = must(b, arena, "/se/log", "{\"type\":\"browser\"}");
	const char *text = "";

	for (size_t i = 0; i < json_len(&lines); i++) {
		struct json line = json_at(&lines, i), message = json_get(&line, "message");

		text = arena_printf(arena, "%s%s\n", text, json_str(&message));
	}
	return text;
}

void browser_must_be(struct browser *b, const char *script, const char *expected, const char *where)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json value = browser_eval(b, arena, script);

	if (!json_str(&value) || strcmp(json_str(&value), expected) != 0)
		world_fail("%s: \"%s\" instead of \"%s\"", where, json_str(&value) ? json_str(&value) : "(no text)", expected);
}

bool browser_holds_to_wcag(struct browser *b, const struct buf *axe, const char *where)
{
	CLEANUP(buf_clear) struct buf script = { 0 };

	if (!axe->len)
		return false;
	buf_add(&script, axe->data, axe->len);
	buf_add_str(&script, "\nreturn axe.run(document,{runOnly:['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice']}).then(r=>"
		"r.violations.map(v=>v.id+': '+v.nodes.map(n=>n.html.slice(0,160)+' '+(n.any[0]?n.any[0].message:'')).join(' | ')).join('\\n'))");
	browser_scripts(b, true); /* it needs timers of its own */
	browser_must_be(b, buf_str(&script), "", where);
	browser_scripts(b, false);
	return true;
}
