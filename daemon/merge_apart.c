#include "daemon/merge_apart.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PARTS_MAX 200 /* more than any message has attachments */
#define GROWTH_MAX ((size_t)1 << 20) /* the whole has no more than its parts, twice, and this */

enum { SAYS_PDF = 'P', SAYS_ERROR = 'E' }; /* the answer's first byte; then the PDF, or code '\n' text */

static int64_t mono(void)
{
	struct timespec at;

	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

static int write_all(int fd, const void *data, size_t len)
{
	for (const char *p = data; len > 0;) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		p += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* --- the process -------------------------------------------------------------------------------------------------------------- */

static int read_parts(const struct buf *in, struct pdf_part *parts, size_t *count)
{
	struct reader r = reader_init(in->data, in->len);

	*count = reader_u32be(&r);
	if (*count > PARTS_MAX)
		return -EBADMSG;
	for (size_t i = 0; i < *count; i++) {
		parts[i].name = (const char *)reader_take(&r, reader_u32be(&r)).data; /* with its NUL */
		parts[i].len = reader_u32be(&r);
		parts[i].data = reader_take(&r, parts[i].len).data;
	}
	return r.bad ? -EBADMSG : 0;
}

static void limit(void)
{
	const struct rlimit cpu = { MERGE_CPU_S, MERGE_CPU_S }, none = { 0, 0 };

	(void)setrlimit(RLIMIT_CPU, &cpu);
	(void)setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__ /* its shadow has terabytes */
	const struct rlimit memory = { MERGE_MEMORY_MAX, MERGE_MEMORY_MAX };

	(void)setrlimit(RLIMIT_AS, &memory);
#endif
}

int merge_apart_main(void)
{
	CLEANUP(buf_clear) struct buf in = { 0 };
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct pdf_part parts[PARTS_MAX];
	struct err err = { 0 };
	size_t count;
	ssize_t n;

	limit();
	do {
		buf_reserve(&in, 1 << 16);
		n = read(STDIN_FILENO, in.data + in.len, 1 << 16);
		in.len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	if (n < 0 || read_parts(&in, parts, &count) < 0)
		return 64;
	buf_add_char(&out, SAYS_PDF);
	if (pdf_merge(parts, count, &out, &err) < 0) {
		buf_reset(&out);
		buf_printf(&out, "%c%s\n%s", SAYS_ERROR, err.code, err.text);
	}
	return write_all(STDOUT_FILENO, out.data, out.len) < 0;
}

/* --- the daemon's side --------------------------------------------------------------------------------------------------------- */

/* A file in memory, so that nobody waits for anybody to read. */
static int put_parts(const struct pdf_part *parts, size_t count)
{
	CLEANUP(buf_clear) struct buf in = { 0 };
	int fd = memfd_create("pdfs", MFD_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	buf_add_u32be(&in, (uint32_t)count);
	for (size_t i = 0; i < count; i++) {
		buf_add_u32be(&in, (uint32_t)strlen(parts[i].name) + 1);
		buf_add(&in, parts[i].name, strlen(parts[i].name) + 1);
		buf_add_u32be(&in, (uint32_t)parts[i].len);
		buf_add(&in, parts[i].data, parts[i].len);
	}
	r = write_all(fd, in.data, in.len);
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	if (r < 0)
		(void)close(fd);
	return r < 0 ? r : fd;
}

/* None of our environment, where secrets may be; nothing of ours is open there. */
static int start(const char *program, int in, int out, pid_t *ret)
{
	char name[] = "dunningd", mode[] = "--merge-pdfs", *argv[] = { name, mode, NULL }, *none[] = { NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t set;
	int r;

	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	(void)posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	(void)posix_spawnattr_init(&attributes);
	(void)sigemptyset(&set);
	(void)posix_spawnattr_setsigmask(&attributes, &set);
	(void)sigaddset(&set, SIGPIPE);
	(void)posix_spawnattr_setsigdefault(&attributes, &set);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	r = -posix_spawn(ret, program, &files, &attributes, argv, none);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&files);
	return r;
}

/* False: it took too long, or too much came. */
static bool read_answer(int fd, size_t max, struct buf *ret)
{
	int64_t until = mono() + MERGE_WAIT_MS;

	for (;;) {
		struct pollfd one = { .fd = fd, .events = POLLIN };
		int64_t left = until - mono();
		ssize_t n;

		if (left <= 0 || ret->len > max)
			return false;
		if (poll(&one, 1, (int)left) <= 0)
			continue;
		buf_reserve(ret, 1 << 16);
		n = read(fd, ret->data + ret->len, 1 << 16);
		if (n == 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
		ret->len += n > 0 ? (size_t)n : 0;
		ret->data[ret->len] = '\0';
	}
}

static int run(const struct merge_apart *apart, const struct pdf_part *parts, size_t count, size_t max, struct buf *answer, bool *whole)
{
	CLEANUP(closep) int in = put_parts(parts, count);
	CLEANUP(closep) int from = -1;
	int ends[2], status = 0, r;
	pid_t pid;

	if (in < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return in < 0 ? in : -errno;
	from = ends[0];
	r = start(apart->program, in, ends[1], &pid);
	(void)close(ends[1]);
	if (r < 0)
		return r;
	*whole = read_answer(from, max, answer);
	if (!*whole)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	*whole = *whole && WIFEXITED(status) && WEXITSTATUS(status) == 0 && answer->len > 0;
	return 0;
}

int merge_apart(const struct pdf_part *parts, size_t count, struct buf *out, struct err *err, void *arg)
{
	struct merge_apart *apart = arg;
	CLEANUP(buf_clear) struct buf answer = { 0 };
	size_t max = GROWTH_MAX;
	const char *text;
	bool whole = false;
	int r;

	if (mono() < apart->rest_until)
		return err_set(err, -EAGAIN, "not_now", "", "others took too long to be made one PDF");
	if (count > PARTS_MAX)
		return err_set(err, -EBADMSG, "too_long", "", "more than %d documents for one PDF", PARTS_MAX);
	for (size_t i = 0; i < count; i++)
		max += 2 * parts[i].len;
	r = run(apart, parts, count, max, &answer, &whole);
	if (r < 0)
		return err_set(err, r, "no_process", "", "the process that makes one PDF cannot be started: %s", strerror(-r));
	if (!whole) {
		apart->rest_until = mono() + MERGE_REST_MS;
		return err_set(err, -EBADMSG, "bad_pdf", "", "%.100s%s: to make one PDF of them takes more time or memory than documents may", parts[0].name,
			count > 1 ? " and the others" : "");
	}
	if (*answer.data == SAYS_PDF) {
		buf_add(out, answer.data + 1, answer.len - 1);
		return 0;
	}
	text = strchr(buf_str(&answer), '\n');
	return err_set(err, -EBADMSG, text && strncmp(answer.data + 1, "too_long\n", 9) == 0 ? "too_long" : "bad_pdf", "", "%s", text ? text + 1 : "");
}
