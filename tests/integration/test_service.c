/* What systemd hears from us: a NOTIFY_SOCKET of our own, also in the abstract namespace; and the sockets that it hands us. */
#include <arpa/inet.h>
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
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "daemon/service.h"
#include "tests/support/tree.h"

#define WATCHDOG_MS 600

struct fixture {
	char dir[64];
	int fd; /* systemd's end */
	struct event_base *base;
	struct service *service;
	bool alive;
	char message[1024]; /* the last received */
};

static bool is_alive(void *arg)
{
	return ((struct fixture *)arg)->alive;
}

static void listen_at(struct fixture *f, const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = strlen(name);

	memcpy(address.sun_path, name, len);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	f->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
		0);
	setenv("NOTIFY_SOCKET", name, 1);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char text[80];

	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/dunningd-service-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(text, sizeof(text), "%s/notify", f->dir);
	listen_at(f, text);
	(void)snprintf(text, sizeof(text), "%d", WATCHDOG_MS * 1000);
	setenv("WATCHDOG_USEC", text, 1);
	(void)snprintf(text, sizeof(text), "%d", (int)getpid());
	setenv("WATCHDOG_PID", text, 1);
	f->base = event_base_new();
	event_base_priority_init(f->base, SERVICE_PRIORITIES);
	f->alive = true;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	service_destroy(f->service);
	event_base_free(f->base);
	close(f->fd);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("CREDENTIALS_DIRECTORY");
	tree_remove(f->dir);
	free(f);
	return 0;
}

/* The next datagram, or NULL: there is none. */
static const char *received(struct fixture *f)
{
	ssize_t n = recv(f->fd, f->message, sizeof(f->message) - 1, MSG_DONTWAIT);

	if (n < 0)
		return NULL;
	f->message[n] = '\0';
	return f->message;
}

static int64_t mono_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void ready_comes_once_and_status_only_when_it_changes(void **state)
{
	struct fixture *f = *state;

	f->service = service_create(f->base, is_alive, f);
	assert_null(received(f));
	service_ready(f->service, "running\nREADY=0");
	assert_string_equal(received(f), "READY=1\nSTATUS=running READY=0"); /* no assignment slips in */
	service_status(f->service, "held: suspended");
	assert_string_equal(received(f), "STATUS=held: suspended");
	service_status(f->service, "held: suspended");
	assert_null(received(f));
	service_extend(f->service, 90000);
	assert_string_equal(received(f), "EXTEND_TIMEOUT_USEC=90000000");
	service_stopping(f->service, "2 requests on the wire");
	assert_string_equal(received(f), "STOPPING=1\nSTATUS=2 requests on the wire");
	assert_null(received(f));
}

static void reloading_is_one_message_with_its_time(void **state)
{
	struct fixture *f = *state;
	int64_t before = mono_us(), told;
	char rest;

	f->service = service_create(f->base, is_alive, f);
	service_reloading(f->service);
	assert_non_null(received(f));
	assert_int_equal(sscanf(f->message, "RELOADING=1\nMONOTONIC_USEC=%" SCNd64 "%c", &told, &rest), 1);
	assert_true(told >= before && told <= mono_us());
	service_ready(f->service, "running");
	assert_string_equal(received(f), "READY=1\nSTATUS=running");
}

static void the_abstract_namespace_works_too(void **state)
{
	struct fixture *f = *state;
	char name[80];

	close(f->fd);
	(void)snprintf(name, sizeof(name), "@dunningd-test-%d", (int)getpid());
	listen_at(f, name);
	f->service = service_create(f->base, is_alive, f);
	service_ready(f->service, "running");
	assert_string_equal(received(f), "READY=1\nSTATUS=running");
}

/* Runs the loop for so long; the number of pings, and the longest gap between two. */
static int pings(struct fixture *f, int ms, int64_t *gap)
{
	int64_t end = mono_us() + ms * 1000, last = mono_us();
	int count = 0;

	*gap = 0;
	while (mono_us() < end) {
		event_base_loop(f->base, EVLOOP_NONBLOCK);
		while (received(f)) {
			int64_t now = mono_us();

			assert_string_equal(f->message, "WATCHDOG=1");
			if (now - last > *gap)
				*gap = now - last;
			last = now;
			count++;
		}
		poll(NULL, 0, 1);
	}
	return count;
}

static void the_watchdog_is_fed_while_work_goes_on(void **state)
{
	struct fixture *f = *state;
	int64_t gap;

	f->service = service_create(f->base, is_alive, f);
	assert_int_equal(service_watchdog_ms(f->service), WATCHDOG_MS / 3);
	assert_in_range(pings(f, 2 * WATCHDOG_MS, &gap), 4, 7);
	assert_in_range(gap, 0, WATCHDOG_MS * 1000);
	f->alive = false;
	assert_int_equal(pings(f, 2 * WATCHDOG_MS, &gap), 0);
	f->alive = true;
	assert_true(pings(f, WATCHDOG_MS, &gap) > 0);
}

/* A loop that never comes to rest: an event that makes itself active again and again. */
static void busy(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	event_active(*(struct event **)arg, EV_TIMEOUT, 0);
}

static void a_loop_that_never_rests_starves_it(void **state)
{
	struct fixture *f = *state;
	struct event_config *config = event_config_new();
	struct event *spin;
	struct timeval slice = { .tv_usec = 10000 };
	int64_t gap;

	event_base_free(f->base);
	event_config_set_max_dispatch_interval(config, &slice, 16, 1);
	f->base = event_base_new_with_config(config);
	event_config_free(config);
	event_base_priority_init(f->base, SERVICE_PRIORITIES);
	f->service = service_create(f->base, is_alive, f);
	spin = event_new(f->base, -1, EV_PERSIST, busy, &spin);
	event_active(spin, EV_TIMEOUT, 0);
	event_base_loopexit(f->base, &(struct timeval){ .tv_usec = WATCHDOG_MS * 1000 });
	event_base_dispatch(f->base);
	assert_null(received(f));
	event_free(spin);
	assert_true(pings(f, WATCHDOG_MS, &gap) > 0); /* and feeds it again afterwards */
}

static void without_a_limit_there_is_no_watchdog(void **state)
{
	struct fixture *f = *state;
	int64_t gap;

	unsetenv("WATCHDOG_USEC");
	f->service = service_create(f->base, is_alive, f);
	assert_int_equal(service_watchdog_ms(f->service), 0);
	assert_int_equal(pings(f, 100, &gap), 0);
}

/* --- sockets ------------------------------------------------------------------------------------------------------------ */

static int tcp_socket(bool listening, struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(*at);

	*at = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_int_equal(bind(fd, (struct sockaddr *)at, sizeof(*at)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)at, &size), 0);
	if (listening)
		assert_int_equal(listen(fd, 5), 0);
	return fd;
}

/* In a process of its own, as systemd starts one: what it is given are its descriptors from 3 on. */
static int handed(const int *fds, int count, const char *names, int (*look)(const struct sockaddr_in *at), const struct sockaddr_in *at)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		int high[4];
		char text[20];

		for (int i = 0; i < count; i++)
			high[i] = fcntl(fds[i], F_DUPFD, 50);
		for (int i = 0; i < count; i++)
			(void)dup2(high[i], 3 + i);
		(void)snprintf(text, sizeof(text), "%d", (int)getpid());
		setenv("LISTEN_PID", text, 1);
		(void)snprintf(text, sizeof(text), "%d", count);
		setenv("LISTEN_FDS", text, 1);
		setenv("LISTEN_FDNAMES", names, 1);
		_exit(look(at));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int finds_both(const struct sockaddr_in *at)
{
	int unit = service_socket("hooks", (const struct sockaddr *)at, sizeof(*at)); /* whatever its address */
	int kept = service_socket("page", (const struct sockaddr *)at, sizeof(*at));

	if (unit != 3 || kept != 4 || !(fcntl(unit, F_GETFL) & O_NONBLOCK) || !(fcntl(kept, F_GETFD) & FD_CLOEXEC))
		return 1;
	return service_socket("metrics", (const struct sockaddr *)at, sizeof(*at)) == -ENOENT ? 0 : 2;
}

static bool accepts(int fd)
{
	int listens = 0;
	socklen_t size = sizeof(listens);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens;
}

static int finds_another_address(const struct sockaddr_in *at)
{
	struct sockaddr_in other = *at;

	other.sin_port = htons((uint16_t)(ntohs(at->sin_port) ^ 1));
	return service_socket("page", (struct sockaddr *)&other, sizeof(other)) == -ENOENT && !accepts(3) ? 0 : 1;
}

static int finds_no_listener(const struct sockaddr_in *at)
{
	return service_socket("hooks", (const struct sockaddr *)at, sizeof(*at)) == -EINVAL ? 0 : 1;
}

static int finds_no_second(const struct sockaddr_in *at)
{
	return service_socket("page", (const struct sockaddr *)at, sizeof(*at)) == 3 && !accepts(4) ? 0 : 1;
}

static int wants_none(const struct sockaddr_in *at)
{
	(void)at;
	return !service_socket_unused("page") && !accepts(3) && service_socket_unused("hooks") ? 0 : 1;
}

static void sockets_come_from_units_and_from_the_store(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in at, other;
	int fds[2] = { tcp_socket(true, &other), tcp_socket(true, &at) }, bare;

	assert_int_equal(handed(fds, 2, "hooks:kept-page", finds_both, &at), 0);
	assert_null(received(f));
	/* The configuration names another address now. */
	assert_int_equal(handed(fds + 1, 1, "kept-page", finds_another_address, &at), 0);
	assert_string_equal(received(f), "FDSTOREREMOVE=1\nFDNAME=kept-page");
	assert_int_equal(handed((int[]){ fds[1], fds[0] }, 2, "kept-page:hooks", wants_none, &at), 0);
	assert_string_equal(received(f), "FDSTOREREMOVE=1\nFDNAME=kept-page");
	/* A socket unit took the place of what was kept. */
	assert_int_equal(handed((int[]){ fds[0], fds[1] }, 2, "page:kept-page", finds_no_second, &at), 0);
	assert_string_equal(received(f), "FDSTOREREMOVE=1\nFDNAME=kept-page");
	bare = tcp_socket(false, &at);
	assert_int_equal(handed(&bare, 1, "hooks", finds_no_listener, &at), 0);
	close(bare);
	close(fds[0]);
	close(fds[1]);
}

static void a_socket_is_left_with_its_name(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in at, told = { 0 };
	char text[200] = "";
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec part = { text, sizeof(text) - 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	int fd = tcp_socket(true, &at), copy = -1;
	socklen_t size = sizeof(told);

	service_socket_keep("page", fd);
	close(fd);
	assert_true(recvmsg(f->fd, &message, MSG_DONTWAIT) > 0);
	assert_string_equal(text, "FDSTORE=1\nFDNAME=kept-page");
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			memcpy(&copy, CMSG_DATA(c), sizeof(copy));
	assert_int_equal(getsockname(copy, (struct sockaddr *)&told, &size), 0);
	assert_int_equal(told.sin_port, at.sin_port);
	close(copy);
}

/* --- credentials ------------------------------------------------------------------------------------------------------- */

struct credential_row {
	const char *name, *file; /* NULL: no such file */
	size_t len;
	bool binary;
	int r;
	size_t left; /* bytes read */
};
static const struct credential_row rows[] = {
	{ "a secret", "s3cret", 6, false, 0, 6 },
	{ "with a newline", "s3cret\n", 7, false, 0, 6 },
	{ "with two", "s3cret\n\n", 8, false, 0, 7 },
	{ "bytes stay as they are", "\0\n", 2, true, 0, 2 },
	{ "NUL in a text", "a\0b", 3, false, -EBADMSG, 0 },
	{ "empty", "", 0, false, -EBADMSG, 0 },
	{ "a newline alone", "\n", 1, false, -EBADMSG, 0 },
	{ "missing", NULL, 0, false, -ENOENT, 0 },
};

static void credentials(void **state)
{
	struct fixture *f = *state;
	char path[120];

	for (int given = 0; given < 2; given++) {
		if (!given)
			setenv("CREDENTIALS_DIRECTORY", f->dir, 1);
		else
			unsetenv("CREDENTIALS_DIRECTORY");
		for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
			CLEANUP(buf_clear) struct buf buf = { 0 };
			struct err err = { 0 };

			(void)snprintf(path, sizeof(path), "%s/mail-token", f->dir);
			(void)unlink(path);
			if (rows[i].file)
				assert_int_equal(file_replace(path, rows[i].file, rows[i].len, 0400), 0);
			assert_int_equal(credential_read(given ? f->dir : NULL, "mail-token", rows[i].binary, &buf, &err),
				rows[i].r);
			if (rows[i].r == 0) {
				assert_int_equal(buf.len, rows[i].left);
				continue;
			}
			assert_non_null(strstr(err.text, "mail-token"));
			assert_null(strstr(err.text, "s3cret"));
		}
	}
}

static void no_credential_is_read_elsewhere(void **state)
{
	static const char *const names[] = { "", "..", "../etc/passwd", "/etc/passwd", ".hidden", "a/b" };
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf big = { 0 };
	CLEANUP(buf_clear) struct buf buf = { 0 };
	char path[120];

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(credential_read(f->dir, names[i], false, &buf, NULL), -EINVAL);
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_int_equal(credential_read(NULL, "mail-token", false, &buf, NULL), -ENOENT);
	for (int i = 0; i < CREDENTIAL_MAX + 1; i++)
		buf_add_char(&big, 'x');
	(void)snprintf(path, sizeof(path), "%s/mail-token", f->dir);
	assert_int_equal(file_replace(path, big.data, big.len, 0400), 0);
	assert_int_equal(credential_read(f->dir, "mail-token", false, &buf, NULL), -EFBIG);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ready_comes_once_and_status_only_when_it_changes),
		TEST(reloading_is_one_message_with_its_time),
		TEST(the_abstract_namespace_works_too),
		TEST(the_watchdog_is_fed_while_work_goes_on),
		TEST(a_loop_that_never_rests_starves_it),
		TEST(without_a_limit_there_is_no_watchdog),
		TEST(sockets_come_from_units_and_from_the_store),
		TEST(a_socket_is_left_with_its_name),
		TEST(credentials),
		TEST(no_credential_is_read_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
