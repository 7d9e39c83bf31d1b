#include "tests/support/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int64_t real_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void pause_ms(int ms)
{
	(void)poll(NULL, 0, ms);
}

static pid_t start(const char *const *argv, int out)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0) {
		perror("fork");
		abort();
	}
	if (pid)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	(void)dup2(out, STDOUT_FILENO);
	(void)dup2(out, STDERR_FILENO);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

void process_start(struct process *process, const char *const *argv, const char *log)
{
	int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (out < 0) {
		perror(log);
		abort();
	}
	process->status = -1;
	process->pid = start(argv, out);
	close(out);
}

static int reap(struct process *process, int flags)
{
	int status = -1;

	if (!process->pid || waitpid(process->pid, &status, flags) != process->pid)
		return -1;
	process->pid = 0;
	process->status = status;
	return status;
}

bool process_running(struct process *process)
{
	(void)reap(process, WNOHANG);
	return process->pid != 0;
}

int process_wait(struct process *process, int ms)
{
	int64_t deadline = real_ms() + ms;
	int status;

	while ((status = reap(process, WNOHANG)) < 0 && process->pid && real_ms() < deadline)
		pause_ms(2);
	return status;
}

void process_kill(struct process *process)
{
	if (!process->pid)
		return;
	(void)kill(process->pid, SIGKILL);
	(void)reap(process, 0);
}

int process_stop(struct process *process, int ms)
{
	int status;

	if (!process->pid)
		return -1;
	(void)kill(process->pid, SIGTERM);
	status = process_wait(process, ms);
	if (process->pid)
		process_kill(process);
	return status;
}

int process_run(const char *const *argv, struct buf *output, int ms)
{
	struct process process = { 0 };
	int64_t deadline = real_ms() + ms;
	int ends[2], status;
	char chunk[4096];
	ssize_t n = 1;

	if (pipe2(ends, O_CLOEXEC) < 0) {
		perror("pipe");
		abort();
	}
	process.pid = start(argv, ends[1]);
	close(ends[1]);
	while (n > 0 && real_ms() < deadline) {
		struct pollfd ready = { .fd = ends[0], .events = POLLIN };

		if (poll(&ready, 1, (int)(deadline - real_ms())) <= 0)
			break;
		n = read(ends[0], chunk, sizeof(chunk));
		if (n > 0 && output)
			buf_add(output, chunk, (size_t)n);
	}
	close(ends[0]);
	status = process_wait(&process, n == 0 ? 5000 : 0);
	process_kill(&process);
	return status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
