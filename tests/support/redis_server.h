/* redis_server - a redis-server of the test's own: in a folder, on a Unix socket, ended by its pid, and with the test should that die. */
#ifndef DUNNINGD_TESTS_SUPPORT_REDIS_SERVER_H
#define DUNNINGD_TESTS_SUPPORT_REDIS_SERVER_H

#include <sys/types.h>

struct redis_server {
	pid_t pid; /* 0 = none */
	char dir[64], socket[80], log[80];
};

/*
 * Starts it in `dir` (which must be there) and waits for its PONG. `options`: more words for its command line, NULL-terminated, NULL =
 * none; as it comes it has appendonly yes, appendfsync always and noeviction, as dunningd asks for. Fails the test with its log.
 */
void redis_server_start(struct redis_server *server, const char *dir, const char *const *options);
/* SIGTERM and waits; SIGKILL when it does not end. Its folder stays. */
void redis_server_stop(struct redis_server *server);
void redis_server_kill(struct redis_server *server); /* SIGKILL, as in a power cut of its host */

#endif
