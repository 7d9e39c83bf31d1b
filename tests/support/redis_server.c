#include "tests/support/redis_server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define START_MS 20000
#define STOP_MS 10000
#define LOOK_MS 10 /* between two looks */

static int64_t mono_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Between two looks at a condition that has a deadline. */
static void breathe(void)
{
	(void)poll(NULL, 0, LOOK_MS);
}

static bool ended(struct redis_server *server)
{
	int status;

	if (!server->pid || waitpid(server->pid, &status, WNOHANG) != server->pid)
		return !server->pid;
	server->pid = 0;
	return true;
}

static bool answers(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd one = { .fd = fd, .events = POLLIN };
	char text[16] = "";
	bool pong = false;

	strcpy(address.sun_path, path);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 && send(fd, "PING\r\n", 6, MSG_NOSIGNAL) == 6 &&
		poll(&one, 1, 1000) == 1 && recv(fd, text, sizeof(text) - 1, 0) > 0)
		pong = strncmp(text, "+PONG", 5) == 0;
	close(fd);
	return pong;
}

static void run(const struct redis_server *server, const char *const *options)
{
	const char *argv[48] = { "redis-server", "--port", "0", "--unixsocket", server->socket, "--unixsocketperm", "700", "--dir",
		server->dir, "--save", "", "--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction",
		"--daemonize", "no" };
	size_t n = 0;
	int fd;

	while (argv[n])
		n++;
	while (options && *options && n < 47)
		argv[n++] = *options++;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = open(server->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
		_exit(126);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

static void print_log(const struct redis_server *server)
{
	char text[4096];
	int fd = open(server->log, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	while (fd >= 0 && (n = read(fd, text, sizeof(text))) > 0)
		(void)fwrite(text, 1, (size_t)n, stderr);
	if (fd >= 0)
		close(fd);
}

void redis_server_start(struct redis_server *server, const char *dir, const char *const *options)
{
	int64_t deadline = mono_ms() + START_MS;

	*server = (struct redis_server){ 0 };
	(void)snprintf(server->dir, sizeof(server->dir), "%s", dir);
	(void)snprintf(server->socket, sizeof(server->socket), "%s/redis.sock", dir);
	(void)snprintf(server->log, sizeof(server->log), "%s/redis.log", dir);
	(void)unlink(server->socket);
	server->pid = fork();
	assert_true(server->pid >= 0);
	if (server->pid == 0)
		run(server, options);
	while (!answers(server->socket)) {
		if (ended(server) || mono_ms() > deadline) {
			print_log(server);
			redis_server_kill(server);
			fail_msg("redis-server does not answer on %s", server->socket);
		}
		breathe();
	}
}

void redis_server_stop(struct redis_server *server)
{
	int64_t deadline = mono_ms() + STOP_MS;

	if (server->pid)
		(void)kill(server->pid, SIGTERM);
	while (!ended(server)) {
		if (mono_ms() > deadline) {
			redis_server_kill(server);
			return;
		}
		breathe();
	}
}

void redis_server_kill(struct redis_server *server)
{
	if (!server->pid)
		return;
	(void)kill(server->pid, SIGKILL);
	(void)waitpid(server->pid, NULL, 0);
	server->pid = 0;
}
