/* sandbox_fixture - a sandbox of a test's own with a folder, and what asks it. For the tests of the sandbox alone. */
#ifndef DUNNINGD_TESTS_INTEGRATION_SANDBOX_FIXTURE_H
#define DUNNINGD_TESTS_INTEGRATION_SANDBOX_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "tests/support/http_get.h"

#define PROGRAM BUILD_DIR "/dunningd-sandbox"
#define WAIT_MS 20000
#define FIXTURE static __attribute__((unused))

struct fixture {
	char dir[64], log[80], clock[80], port_file[80];
	char url[64]; /* "http://127.0.0.1:PORT" */
	pid_t pid; /* 0 = not running */
	int out;
	struct http_reply reply;
	struct arena *arena;
};

/* --- the program --------------------------------------------------------------------------------------------------------- */

FIXTURE pid_t spawn(const char *const *argv, int *out)
{
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)dup2(fds[1], STDOUT_FILENO);
		execv(PROGRAM, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(fds[1]);
	*out = fds[0];
	return pid;
}

FIXTURE int ended(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* The first line of what it prints; empty when it ended before. */
FIXTURE void read_first_line(int fd, char *line, size_t size)
{
	size_t len = 0;

	while (len + 1 < size) {
		struct pollfd wanted = { .fd = fd, .events = POLLIN };

		assert_int_equal(poll(&wanted, 1, WAIT_MS), 1);
		if (read(fd, line + len, 1) != 1 || line[len] == '\n')
			break;
		len++;
	}
	line[len] = '\0';
}

FIXTURE void start(struct fixture *f)
{
	const char *argv[] = { PROGRAM, "--log", f->log, "--clock", f->clock, "--port-file", f->port_file, "--keys", f->dir,
		NULL };
	CLEANUP(buf_clear) struct buf written = { 0 };
	char port[16];

	f->pid = spawn(argv, &f->out);
	read_first_line(f->out, port, sizeof(port));
	assert_true(atoi(port) > 0);
	assert_int_equal(file_read(f->port_file, 100, &written, NULL), 0);
	assert_int_equal(atoi(buf_str(&written)), atoi(port));
	(void)snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%s", port);
}

FIXTURE void stop(struct fixture *f, int sig)
{
	assert_int_equal(kill(f->pid, sig), 0);
	assert_int_equal(ended(f->pid), sig == SIGTERM ? 0 : -sig);
	f->pid = 0;
	close(f->out);
}

FIXTURE int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/dunningd-sandbox-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->log, sizeof(f->log), "%s/log", f->dir);
	(void)snprintf(f->clock, sizeof(f->clock), "%s/clock", f->dir);
	(void)snprintf(f->port_file, sizeof(f->port_file), "%s/port", f->dir);
	f->arena = arena_create();
	start(f);
	*state = f;
	return 0;
}

FIXTURE int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->pid)
		stop(f, SIGTERM);
	(void)unlink(f->log);
	(void)unlink(f->clock);
	(void)unlink(f->port_file);
	(void)unlink(arena_printf(f->arena, "%s/sandbox-secret", f->dir));
	(void)unlink(arena_printf(f->arena, "%s/sandbox-p256.pem", f->dir));
	assert_int_equal(rmdir(f->dir), 0);
	http_reply_clear(&f->reply);
	arena_free(f->arena);
	free(f);
	return 0;
}

/* --- requests --------------------------------------------------------------------------------------------------------------- */

#define ATTEMPT_A "01ARZ3NDEKTSV4RRFFQ69G5FA0"
#define ATTEMPT_B "01ARZ3NDEKTSV4RRFFQ69G5FA1"
#define ATTEMPT_C "01ARZ3NDEKTSV4RRFFQ69G5FA2"
#define KEY_OF(attempt) ((const char *const[]){ "Content-Type: application/json", "Idempotency-Key: " attempt, NULL })
#define MESSAGE(attempt, to, invoice)                                                                                          \
	"{\"attempt\":\"" attempt "\",\"channel\":\"email\",\"to\":" to ",\"from\":{\"email\":\"us@acme.example\"},"           \
	"\"subject\":\"Rappel\",\"text\":\"1 200,00 \\u20ac\",\"invoices\":[\"" invoice "\"]}"
#define SEND(f, attempt) post(f, "/send", KEY_OF(attempt), MESSAGE(attempt, "\"a@dupont.example\"", "inv_1"))

FIXTURE long get(struct fixture *f, const char *target)
{
	return http_get(arena_printf(f->arena, "%s%s", f->url, target), &f->reply);
}

FIXTURE long post(struct fixture *f, const char *target, const char *const *headers, const char *body)
{
	return http_post(arena_printf(f->arena, "%s%s", f->url, target), headers, body, &f->reply);
}

FIXTURE const char *reply_str(struct fixture *f, const char *key)
{
	struct json root = http_reply_json(&f->reply, f->arena), value = json_get(&root, key);
	const char *s = json_str(&value);

	return s ? s : "";
}

FIXTURE void behave(struct fixture *f, const char *order)
{
	if (post(f, "/behave", NULL, order) != 200)
		fail_msg("%s was answered %s", order, buf_str(&f->reply.body));
}

FIXTURE void counts_are(struct fixture *f, int64_t requests, int64_t captured, int64_t duplicates, int64_t lost)
{
	const struct {
		const char *key;
		int64_t value;
	} rows[] = { { "requests", requests }, { "captured", captured }, { "duplicates", duplicates }, { "lost", lost } };
	struct json root;

	assert_int_equal(get(f, "/counts"), 200);
	root = http_reply_json(&f->reply, f->arena);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct json value = json_get(&root, rows[i].key);

		if (value.type != JSON_INT || json_int(&value) != rows[i].value)
			fail_msg("%s should be %lld: %s", rows[i].key, (long long)rows[i].value, buf_str(&f->reply.body));
	}
}

/* Attempts of the messages that /messages gives, joined by spaces. */
FIXTURE const char *attempts(struct fixture *f, const char *query)
{
	struct json root, list;
	const char *text = "";

	assert_int_equal(get(f, arena_printf(f->arena, "/messages%s", query)), 200);
	root = http_reply_json(&f->reply, f->arena);
	list = json_get(&root, "messages");
	assert_int_equal(list.type, JSON_ARRAY);
	for (size_t i = 0; i < json_len(&list); i++) {
		struct json item = json_at(&list, i), attempt = json_get(&item, "attempt");

		text = arena_printf(f->arena, "%s%s%s", text, i ? " " : "", json_str(&attempt));
	}
	return text;
}

FIXTURE void says(struct fixture *f, const char *part)
{
	if (!strstr(buf_str(&f->reply.body), part))
		fail_msg("\"%s\" is not there: %s", part, buf_str(&f->reply.body));
}

FIXTURE void has_header(struct fixture *f, const char *name, const char *part)
{
	const char *value = http_reply_header(&f->reply, name, f->arena);

	if (!value || !strstr(value, part))
		fail_msg("%s: %s", name, value ? value : "(none)");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
