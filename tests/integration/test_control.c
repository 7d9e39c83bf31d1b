/* The control socket as a client sees it, byte by byte, and the guard around evhttp. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "daemon/control.h"
#include "daemon/http_guard.h"

#define WAIT_MS 20000

struct fixture {
	char dir[64], path[80];
	struct event_base *base;
	struct control *control;
	struct control_callbacks callbacks;
	struct buf called; /* what the callbacks were told */
	struct buf got; /* the last answer */
};

static void on_status(struct json_writer *w, void *arg)
{
	(void)arg;
	jw_str(w, "state", "running");
}

static int on_suspend(const char *who, const char *why, int64_t until, struct json_writer *elsewhere, struct err *err, void *arg)
{
	struct fixture *f = arg;

	(void)elsewhere, (void)err;
	buf_printf(&f->called, "suspend %s|%s|%" PRId64, who, why, until);
	return 0;
}

static int on_release(const char *who, const char *why, struct json_writer *elsewhere, struct err *err, void *arg)
{
	struct fixture *f = arg;

	buf_printf(&f->called, "release %s|%s", who, why);
	if (strcmp(why, "two are elsewhere") != 0)
		return 0;
	jw_int(elsewhere, NULL, 1);
	jw_int(elsewhere, NULL, 3);
	return err_set(err, -EAGAIN, "led_elsewhere", "", "not all");
}

static int on_reload(struct err *err, void *arg)
{
	struct fixture *f = arg;

	buf_add_str(&f->called, "reload");
	return err_set(err, -EBADMSG, "wrong_type", "$.steps", "fr.json is bad");
}

static int on_confirm(const char *who, const char *why, struct err *err, void *arg)
{
	struct fixture *f = arg;

	(void)err;
	buf_printf(&f->called, "confirm %s|%s", who, why);
	return 0;
}

static int on_seal(const char *who, const char *why, struct err *err, void *arg)
{
	struct fixture *f = arg;

	(void)err;
	buf_printf(&f->called, "seal %s|%s", who, why);
	return 0;
}

static int on_agreed(const char *who, const char *why, struct err *err, void *arg)
{
	struct fixture *f = arg;

	(void)err;
	buf_printf(&f->called, "agreed %s|%s", who, why);
	return 0;
}

static int on_anchor(const char *who, const char *why, struct err *err, void *arg)
{
	struct fixture *f = arg;

	(void)err;
	buf_printf(&f->called, "anchor %s|%s", who, why);
	return 0;
}

static int on_erase(const struct dunner_erasure *erasure, struct err *err, void *arg)
{
	struct fixture *f = arg;

	if (strcmp(erasure->customer, "busy") == 0)
		return err_set(err, -EBUSY, "busy", "", "another one is under way");
	buf_printf(&f->called, "erase %s|%s|%s|%u|%d|%d", erasure->who, erasure->why, erasure->customer, erasure->classes, erasure->until_year,
		erasure->yes);
	return 0;
}

static int on_reading(const struct control_reading *reading, struct err *err, void *arg)
{
	struct fixture *f = arg;

	(void)err;
	buf_printf(&f->called, "%s %s|%s|%s|%s|%s|%s|%s|%s", reading->exported ? "export" : "read", reading->uid == (int64_t)getuid() ? "us" : "?",
		reading->who, reading->command, reading->customer, reading->invoice ? reading->invoice : "-", reading->whom ? reading->whom : "-",
		reading->records, reading->digest ? reading->digest : "-");
	return 0;
}

static void on_erasure(struct json_writer *w, void *arg)
{
	(void)arg;
	jw_str(w, "state", "none");
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err = { 0 };

	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/dunningd-control-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->path, sizeof(f->path), "%s/control", f->dir);
	f->base = event_base_new();
	f->callbacks = (struct control_callbacks){ .status = on_status, .suspend = on_suspend, .release = on_release, .reload = on_reload,
		.seal = on_seal, .confirm_clock = on_confirm, .anchor = on_anchor, .agreed = on_agreed, .erase = on_erase, .erasure = on_erasure, .reading = on_reading, .arg = f };
	if (control_create(f->base, f->path, &f->callbacks, &f->control, &err) < 0)
		fail_msg("%s", err.text);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	control_destroy(f->control);
	event_base_free(f->base);
	assert_int_equal(rmdir(f->dir), 0); /* no socket is left behind */
	buf_clear(&f->called);
	buf_clear(&f->got);
	free(f);
	return 0;
}

static int64_t mono_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int dial(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(address.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Runs the loop until the peer closes; what it sent is added to `ret`. False: not within the time. */
static bool read_end(struct event_base *base, int fd, struct buf *ret, int ms)
{
	int64_t end = mono_ms() + ms;
	char bytes[4096];

	while (mono_ms() < end) {
		ssize_t n = read(fd, bytes, sizeof(bytes));

		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return true;
		if (n > 0)
			buf_add(ret, bytes, (size_t)n);
		event_base_loop(base, EVLOOP_NONBLOCK);
		if (n < 0)
			poll(NULL, 0, 1);
	}
	return false;
}

/* Sends the bytes as they are; gives the status. */
static int exchange(struct fixture *f, const char *bytes)
{
	int fd = dial(f->path), status = 0;
	size_t len = strlen(bytes);

	buf_reset(&f->called);
	buf_reset(&f->got);
	assert_int_equal(write(fd, bytes, len), len);
	assert_true(read_end(f->base, fd, &f->got, WAIT_MS));
	close(fd);
	if (sscanf(buf_str(&f->got), "HTTP/1.%*d %d", &status) != 1)
		fail_msg("no answer: %s", buf_str(&f->got));
	return status;
}

static int post(struct fixture *f, const char *path, const char *body)
{
	CLEANUP(buf_clear) struct buf request = { 0 };

	buf_printf(&request, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", path, strlen(body), body);
	return exchange(f, request.data);
}

#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct row {
	const char *name, *path, *body;
	int status;
	const char *called; /* "" = nobody */
	const char *answer; /* part of it */
};
static const struct row rows[] = {
	{ "erase all", "/erase", "{\"who\":\"a\",\"why\":\"w\",\"customer\":\"c1\",\"classes\":[\"identity\",\"content\",\"facts\"],\"yes\":true}", 200,
		"erase a|w|c1|7|0|1", "\"ok\":true" },
	{ "what would go of an old year", "/erase", "{\"who\":\"a\",\"why\":\"w\",\"customer\":\"c1\",\"classes\":[\"content\"],\"until_year\":2021}", 200,
		"erase a|w|c1|2|2021|0", "\"ok\":true" },
	{ "one at a time", "/erase", "{\"who\":\"a\",\"why\":\"w\",\"customer\":\"busy\",\"classes\":[\"content\"]}", 409, "", "\"error\":\"busy\"" },
	{ "no class", "/erase", "{\"who\":\"a\",\"why\":\"w\",\"customer\":\"c1\",\"classes\":[]}", 400, "", "\"missing\"" },
	{ "no such class", "/erase", "{\"who\":\"a\",\"why\":\"w\",\"customer\":\"c1\",\"classes\":[\"all\"]}", 400, "", "\"not_one_of\"" },
	{ "erase nobody", "/erase", "{\"who\":\"a\",\"why\":\"w\",\"classes\":[\"facts\"]}", 400, "", "customer" },
	{ "erase a bad id", "/erase", "{\"who\":\"a\",\"why\":\"w\",\"customer\":\"*\",\"classes\":[\"facts\"]}", 400, "", "\"bad_id\"" },
	{ "erase without why", "/erase", "{\"who\":\"a\",\"customer\":\"c1\",\"classes\":[\"facts\"]}", 400, "", "why" },
	{ "suspend until released", "/suspend", "{\"who\":\"alice\",\"why\":\"wrong invoices\"}", 200,
		"suspend alice|wrong invoices|0", "{\"ok\":true}" },
	{ "suspend until an instant", "/suspend",
		"{\"who\":\"alice\",\"why\":\"x\",\"until\":\"2026-03-02T09:00:00Z\"}", 200,
		"suspend alice|x|1772442000000", "{\"ok\":true}" },
	{ "release", "/release", "{\"who\":\"bob\",\"why\":\"mended\"}", 200, "release bob|mended", "{\"ok\":true}" },
	{ "release what others lead", "/release", "{\"who\":\"bob\",\"why\":\"two are elsewhere\"}", 409, "release bob|two are elsewhere",
		"{\"error\":\"led_elsewhere\",\"text\":\"not all\",\"elsewhere\":[1,3]}" },
	{ "ask the anchors", "/anchor", "{\"who\":\"bob\",\"why\":\"court\"}", 200, "anchor bob|court", "true" },
	{ "ask the anchors and say nothing", "/anchor", "", 400, "", "" },
	{ "let the trail go on", "/anchor/agreed", "{\"who\":\"bob\",\"why\":\"theirs\"}", 200, "agreed bob|theirs", "true" },
	{ "let the trail go on without a reason", "/anchor/agreed", "{\"who\":\"bob\"}", 400, "", "\"path\":\"$.why\"" },
	{ "seal the trail", "/seal", "{\"who\":\"bob\",\"why\":\"key lost\"}", 200, "seal bob|key lost", "true" },
	{ "a reading", "/reading",
		"{\"who\":\"bob\",\"kind\":\"read\",\"command\":\"trail log\",\"customer\":\"c1\",\"records\":\"o/2026 1-3,5\"}", 200,
		"read us|bob|trail log|c1|-|-|o/2026 1-3,5|-", "true" },
	{ "an export", "/reading",
		"{\"who\":\"bob\",\"kind\":\"export\",\"command\":\"evidence\",\"customer\":\"c1\",\"invoice\":\"i1\",\"for\":\"Me X\","
		"\"records\":\"o/2026 1\",\"digest\":\"" DIGEST "\"}", 200, "export us|bob|evidence|c1|i1|Me X|o/2026 1|" DIGEST, "true" },
	{ "an export without a digest", "/reading",
		"{\"who\":\"bob\",\"kind\":\"export\",\"command\":\"evidence\",\"customer\":\"c1\",\"records\":\"o/2026 1\"}", 400, "", "bad_digest" },
	{ "a reading of nothing", "/reading", "{\"who\":\"bob\",\"kind\":\"read\",\"command\":\"trail log\",\"customer\":\"c1\"}", 400, "",
		"records" },
	{ "a reading by nobody", "/reading", "{\"kind\":\"read\",\"command\":\"trail log\",\"customer\":\"c1\",\"records\":\"o 1\"}", 400, "",
		"who" },
	{ "another kind of reading", "/reading",
		"{\"who\":\"bob\",\"kind\":\"look\",\"command\":\"trail log\",\"customer\":\"c1\",\"records\":\"o 1\"}", 400, "", "not_one_of" },
	{ "confirm the clock", "/clock/confirm", "{\"who\":\"bob\",\"why\":\"ntp\"}", 200, "confirm bob|ntp", "true" },
	{ "what is refused says why", "/reload", "", 409, "reload",
		"{\"error\":\"wrong_type\",\"path\":\"$.steps\",\"text\":\"fr.json is bad\"}" },
	{ "reload takes nothing", "/reload", "{\"who\":\"x\"}", 400, "", "unknown_member" },
	{ "nobody", "/suspend", "{\"why\":\"x\"}", 400, "", "\"path\":\"$.who\"" },
	{ "an empty name", "/suspend", "{\"who\":\"\",\"why\":\"x\"}", 400, "", "\"path\":\"$.who\"" },
	{ "no reason", "/suspend", "{\"who\":\"x\"}", 400, "", "\"path\":\"$.why\"" },
	{ "two lines", "/suspend", "{\"who\":\"x\",\"why\":\"a\\nb\"}", 400, "", "control_character" },
	{ "no instant", "/suspend", "{\"who\":\"x\",\"why\":\"y\",\"until\":\"tomorrow\"}", 400, "", "bad_time" },
	{ "until is not for release", "/release", "{\"who\":\"x\",\"why\":\"y\",\"until\":\"2026-03-02T09:00:00Z\"}", 400,
		"", "unknown_member" },
	{ "no JSON", "/suspend", "who=alice", 400, "", "bad_json" },
	{ "no object", "/suspend", "[]", 400, "", "wrong_type" },
	{ "nothing", "/suspend", "", 400, "", "bad_json" },
	{ "unknown", "/explode", "{}", 404, "", "not_found" },
	{ "unknown below a known one", "/suspend/x", "{}", 404, "", "not_found" },
	{ "the status is not posted", "/status", "{}", 405, "", "bad_method" },
};

static void row_holds(void **state)
{
	static const struct row *next = rows; /* cmocka gives the fixture the state: rows come in their order */
	const struct row *row = next++;
	struct fixture *f = *state;

	assert_int_equal(post(f, row->path, row->body), row->status);
	assert_string_equal(buf_str(&f->called), row->called);
	if (!strstr(buf_str(&f->got), row->answer))
		fail_msg("%s", buf_str(&f->got));
}

static void the_status_is_one_object(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(exchange(f, "GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n"), 200);
	assert_non_null(strstr(buf_str(&f->got), "\r\n\r\n{\"state\":\"running\"}\n"));
	assert_int_equal(exchange(f, "GET /suspend HTTP/1.1\r\nHost: localhost\r\n\r\n"), 405);
	assert_string_equal(buf_str(&f->called), "");
}

static const char *const odd[] = {
	"POST /reload HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
	"POST /reload HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: +2\r\n\r\n{}",
	"POST /reload HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
	"POST /reload HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding : chunked\r\nContent-Length: 2\r\n\r\n{}",
	"POST /reload HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nHost: y\r\nContent-Length: 2\r\n\r\n{}",
	"POST /reload HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX Y: z\r\nContent-Length: 2\r\n\r\n{}",
	"POST http://x/reload HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
	"POST /re\xc3\xa9load HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
};

static void odd_requests_are_refused(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		int status = exchange(f, odd[i]);

		if (status < 400 || status > 405 || f->called.len)
			fail_msg("%s\nwas answered %s", odd[i], buf_str(&f->got));
	}
}

/* What a page of another site can make a browser send to a port that `ssh -L` brought to this socket. */
static const char *const foreign[] = {
	"Host: localhost\r\nContent-Type: text/plain\r\n",
	"Host: localhost\r\n",
	"Host: localhost\r\nContent-Type: application/jsonx\r\n",
	"Host: localhost:8029\r\nOrigin: https://evil.example\r\nContent-Type: application/json\r\n",
	"Host: localhost:8029\r\nOrigin: http://localhost:8029\r\nContent-Type: application/json\r\n",
	"Host: localhost:8029\r\nReferer: http://localhost:8029/tasks\r\nContent-Type: application/json\r\n",
	"Host: localhost:8029\r\nSec-Fetch-Site: none\r\nContent-Type: application/json\r\n",
	"Host: localhost:8029\r\nsec-fetch-mode: no-cors\r\nContent-Type: application/json\r\n",
	"Host: evil.example\r\nContent-Type: application/json\r\n",
	"Host: 127.evil.example\r\nContent-Type: application/json\r\n",
	"Host: 127.0.0.1.evil.example:80\r\nContent-Type: application/json\r\n",
	"Host: 128.0.0.1\r\nContent-Type: application/json\r\n",
	"Host: [::1].evil.example\r\nContent-Type: application/json\r\n",
	"Host: [::1\r\nContent-Type: application/json\r\n",
	"Host: localhost.evil.example\r\nContent-Type: application/json\r\n",
	"Host: localhost:80.evil.example\r\nContent-Type: application/json\r\n",
	"Host: evil\r\nContent-Type: application/json\r\n",
	"Host: \r\nContent-Type: application/json\r\n",
};
static const char *const local[] = { "localhost", "LOCALHOST:8029", "127.0.0.1", "127.1.2.3:8029", "[::1]", "[::1]:8029" };

static void what_a_browser_sends_commands_nothing(void **state)
{
	struct fixture *f = *state;
	char request[512];

	for (size_t i = 0; i < ARRAY_LEN(foreign); i++) {
		snprintf(request, sizeof(request), "POST /suspend HTTP/1.1\r\n%sContent-Length: 23\r\n\r\n{\"who\":\"a\",\"why\":\"b\"}  ", foreign[i]);
		if (exchange(f, request) != 403 || f->called.len)
			fail_msg("%s\nwas answered %s", request, buf_str(&f->got));
	}
	assert_int_equal(exchange(f, "GET /config HTTP/1.1\r\nHost: 127.evil.example\r\n\r\n"), 403);
	assert_int_equal(exchange(f, "GET /status HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Mode: navigate\r\n\r\n"), 403);
	for (size_t i = 0; i < ARRAY_LEN(local); i++) {
		snprintf(request, sizeof(request), "POST /suspend HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json; charset=utf-8\r\n"
			"Content-Length: 23\r\n\r\n{\"who\":\"a\",\"why\":\"b\"}  ", local[i]);
		if (exchange(f, request) != 200 || !f->called.len)
			fail_msg("%s\nwas answered %s", request, buf_str(&f->got));
	}
}

static void large_requests_are_refused(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf body = { 0 };

	buf_add_str(&body, "{\"who\":\"");
	for (int i = 0; i < CONTROL_BODY_MAX; i++)
		buf_add_char(&body, 'x');
	buf_add_str(&body, "\",\"why\":\"x\"}");
	assert_int_equal(post(f, "/suspend", body.data), 413);
	buf_reset(&body);
	buf_add_str(&body, "GET /status HTTP/1.1\r\nX: ");
	for (int i = 0; i < 9000; i++)
		buf_add_char(&body, 'x');
	buf_add_str(&body, "\r\n\r\n");
	assert_int_equal(exchange(f, body.data), 400);
}

static void what_became_of_an_erasure(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(exchange(f, "GET /erase HTTP/1.1\r\nHost: localhost\r\n\r\n"), 200);
	assert_non_null(strstr(buf_str(&f->got), "{\"state\":\"none\"}"));
	assert_int_equal(exchange(f, "PUT /erase HTTP/1.1\r\nHost: localhost\r\n\r\n") == 200, 0);
}

static void only_a_dead_socket_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct control *second = NULL;
	struct err err = { 0 };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat st;
	int fd;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(control_create(f->base, f->path, &f->callbacks, &second, &err), -EADDRINUSE);
	assert_non_null(strstr(err.text, f->path));
	assert_int_equal(exchange(f, "GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n"), 200); /* the first one serves on */

	control_destroy(f->control);
	f->control = NULL;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); /* as a killed process leaves it: bound, and nobody there */
	strcpy(address.sun_path, f->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	assert_int_equal(control_create(f->base, f->path, &f->callbacks, &f->control, &err), 0);
	assert_int_equal(exchange(f, "GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n"), 200);
}

static void a_path_too_long_is_refused(void **state)
{
	struct fixture *f = *state;
	struct control *second = NULL;
	struct err err = { 0 };
	char path[200];

	(void)snprintf(path, sizeof(path), "%s/%0110d", f->dir, 0);
	assert_int_equal(control_create(f->base, path, &f->callbacks, &second, &err), -ENAMETOOLONG);
	assert_non_null(strstr(err.text, f->dir));
}

static int open_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void on_any(struct evhttp_request *request, void *arg)
{
	(void)arg;
	evhttp_send_reply(request, 200, NULL, NULL);
}

/* Slow clients fill the cap; each is cut at its deadline, and the one behind them is served then. */
static void slow_clients_are_cut(void **state)
{
	static const struct http_limits limits = { .head = 1024, .body = 1024, .connections = 4, .deadline_ms = 700 };
	struct fixture *f = *state;
	struct evhttp *http = evhttp_new(f->base);
	struct http_guard *guard = http_guard_create(f->base, http, &limits);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct evconnlistener *listener;
	int slow[4], good, before;
	int64_t begun, next_byte = 0;
	bool served = false;
	char path[100];

	(void)snprintf(path, sizeof(path), "%s/guarded", f->dir);
	strcpy(address.sun_path, path);
	listener = evconnlistener_new_bind(f->base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 64,
		(struct sockaddr *)&address, sizeof(address));
	http_guard_watch(guard, evhttp_bind_listener(http, listener));
	evhttp_set_gencb(http, on_any, NULL);
	before = open_descriptors();
	begun = mono_ms();
	for (size_t i = 0; i < ARRAY_LEN(slow); i++) {
		slow[i] = dial(path);
		while (http_guard_connections(guard) <= i)
			event_base_loop(f->base, EVLOOP_NONBLOCK);
	}
	good = dial(path);
	assert_int_equal(write(good, "GET / HTTP/1.0\r\n\r\n", 18), 18);
	while (!served && mono_ms() - begun < WAIT_MS) {
		char c;

		if (mono_ms() >= next_byte) { /* never idle for long */
			for (size_t i = 0; i < ARRAY_LEN(slow); i++)
				(void)!send(slow[i], "G", 1, MSG_NOSIGNAL);
			next_byte = mono_ms() + 100;
		}
		assert_true(http_guard_connections(guard) <= 4);
		event_base_loop(f->base, EVLOOP_NONBLOCK);
		served = read(good, &c, 1) == 1;
		poll(NULL, 0, 1);
	}
	assert_true(served);
	assert_true(mono_ms() - begun >= limits.deadline_ms);
	close(good);
	for (size_t i = 0; i < ARRAY_LEN(slow); i++)
		close(slow[i]);
	for (begun = mono_ms(); http_guard_connections(guard) && mono_ms() - begun < WAIT_MS;)
		event_base_loop(f->base, EVLOOP_ONCE);
	assert_int_equal(http_guard_connections(guard), 0);
	assert_int_equal(open_descriptors(), before);
	evhttp_free(http);
	http_guard_destroy(guard);
	assert_int_equal(unlink(path), 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	struct CMUnitTest tests[ARRAY_LEN(rows) + 8];
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[count++] = (struct CMUnitTest){ .name = rows[i].name, .test_func = row_holds, .setup_func = setup,
			.teardown_func = teardown };
	tests[count++] = (struct CMUnitTest)TEST(the_status_is_one_object);
	tests[count++] = (struct CMUnitTest)TEST(odd_requests_are_refused);
	tests[count++] = (struct CMUnitTest)TEST(what_a_browser_sends_commands_nothing);
	tests[count++] = (struct CMUnitTest)TEST(large_requests_are_refused);
	tests[count++] = (struct CMUnitTest)TEST(what_became_of_an_erasure);
	tests[count++] = (struct CMUnitTest)TEST(only_a_dead_socket_is_replaced);
	tests[count++] = (struct CMUnitTest)TEST(a_path_too_long_is_refused);
	tests[count++] = (struct CMUnitTest)TEST(slow_clients_are_cut);
	return _cmocka_run_group_tests("control", tests, count, NULL, NULL);
}
