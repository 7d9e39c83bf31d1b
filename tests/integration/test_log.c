/* Log lines: the journal's native form, and that a reader who has stopped never stops us. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/log.h"

struct fixture {
	char path[64];
	int journal; /* journald's end */
	int pipe[2]; /* stderr: read end, write end */
	struct log *log;
	char got[8192];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)snprintf(f->path, sizeof(f->path), "/tmp/dunningd-log-%d", (int)getpid());
	(void)unlink(f->path);
	strcpy(address.sun_path, f->path);
	f->journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->journal, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(pipe2(f->pipe, O_CLOEXEC | O_NONBLOCK), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	log_destroy(f->log);
	close(f->journal);
	close(f->pipe[0]);
	close(f->pipe[1]);
	(void)unlink(f->path);
	unsetenv("JOURNAL_STREAM");
	free(f);
	return 0;
}

static const char *from_journal(struct fixture *f)
{
	ssize_t n = recv(f->journal, f->got, sizeof(f->got) - 1, MSG_DONTWAIT);

	f->got[n < 0 ? 0 : n] = '\0';
	return n < 0 ? NULL : f->got;
}

static const char *from_stderr(struct fixture *f)
{
	ssize_t n = read(f->pipe[0], f->got, sizeof(f->got) - 1);

	f->got[n < 0 ? 0 : n] = '\0';
	return n < 0 ? NULL : f->got;
}

static void the_journal_gets_fields(void **state)
{
	struct fixture *f = *state;

	f->log = log_create(f->path, f->pipe[1]);
	log_line(f->log, LOG_WARNING, "clock", "moved by %d s", 70);
	assert_string_equal(from_journal(f), "MESSAGE=clock: moved by 70 s\nPRIORITY=4\nSYSLOG_IDENTIFIER=dunningd\n");
	log_partition(f->log, LOG_INFO, "dunner", 7, "sending\nPRIORITY=0");
	assert_string_equal(from_journal(f),
		"MESSAGE=dunner[7]: sending PRIORITY=0\nPRIORITY=6\nSYSLOG_IDENTIFIER=dunningd\nDUNNINGD_PARTITION=7\n");
	log_line(f->log, LOG_CRIT | MSG(NO_SPACE), "journal", "no space"); /* one that the catalogue has something to say about */
	assert_non_null(from_journal(f));
	assert_non_null(strstr(f->got, "MESSAGE=journal: no space\nPRIORITY=2\nSYSLOG_IDENTIFIER=dunningd\nMESSAGE_ID="));
	assert_non_null(strstr(f->got, log_ids[MSG_NO_SPACE]));
	assert_null(from_stderr(f));
}

static void others_get_levels(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	char text[64];

	f->log = log_create(NULL, f->pipe[1]);
	log_line(f->log, LOG_ERR | MSG(ENDS), "main", "no");
	assert_string_equal(from_stderr(f), "<3>main: no\n");
	log_destroy(f->log);
	assert_int_equal(fstat(f->pipe[1], &st), 0); /* a stream of the journal that is not our stderr */
	(void)snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino + 1);
	setenv("JOURNAL_STREAM", text, 1);
	f->log = log_create(NULL, f->pipe[1]);
	log_line(f->log, LOG_ERR, "main", "no");
	assert_string_equal(from_stderr(f), "<3>main: no\n");
	assert_null(from_journal(f));
}

static void stderr_takes_over_when_journald_is_gone(void **state)
{
	struct fixture *f = *state;

	f->log = log_create(f->path, f->pipe[1]);
	(void)unlink(f->path);
	log_line(f->log, LOG_ERR, "main", "still heard");
	assert_string_equal(from_stderr(f), "<3>main: still heard\n");
}

static void a_stopped_reader_costs_lines_not_time(void **state)
{
	struct fixture *f = *state;
	int seen = 0, last = -1, number;
	bool told = false;

	f->log = log_create(f->path, f->pipe[1]);
	for (int i = 0; i < 2000; i++)
		log_line(f->log, LOG_INFO, "test", "line %d", i);
	assert_true(log_flush(f->log) > 0);
	assert_true(log_dropped(f->log) > 0);
	do {
		while (from_journal(f)) {
			if (sscanf(f->got, "MESSAGE=test: line %d", &number) == 1) {
				assert_true(number > last); /* in order */
				last = number;
				seen++;
			}
			told |= strstr(f->got, "lines were dropped") != NULL;
		}
	} while (log_flush(f->log) > 0 || from_journal(f));
	assert_true(told);
	assert_true(seen >= 256);
	assert_true((uint64_t)seen + log_dropped(f->log) >= 1999);
}

static void a_closed_stderr_does_no_harm(void **state)
{
	struct fixture *f = *state;

	signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	f->log = log_create(NULL, f->pipe[1]);
	close(f->pipe[0]);
	f->pipe[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < 1000; i++)
		log_line(f->log, LOG_INFO, "test", "line %d", i);
	assert_true(log_dropped(f->log) >= 1000);
	assert_int_equal(log_flush(f->log), 0);
	log_line(NULL, LOG_INFO, "test", "nobody");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_journal_gets_fields),
		TEST(others_get_levels),
		TEST(stderr_takes_over_when_journald_is_gone),
		TEST(a_stopped_reader_costs_lines_not_time),
		TEST(a_closed_stderr_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
