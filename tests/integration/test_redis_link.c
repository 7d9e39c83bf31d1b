/* The connection to a real Redis: words and databases, scripts, errors as the server says them, TLS, and a server that goes and comes. */
#include <errno.h>
#include <setjmp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include <cmocka.h>

#include "common/redis_link.h"
#include "tests/support/tree.h"

struct server {
	char dir[64], path[100], cert[100], key[100];
	int tls_port;
	pid_t pid;
};

static int64_t mono(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

/* A port that was free a moment ago. */
static int free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	close(fd);
	return ntohs(address.sin_port);
}

static void server_start(struct server *s)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int64_t deadline = mono() + 20000;
	char port[16];
	int fd;

	snprintf(port, sizeof(port), "%d", s->tls_port);
	s->pid = fork();
	if (s->pid == 0) {
		execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", s->path, "--dir", s->dir, "--save", "", "--logfile", "log",
			"--bind", "127.0.0.1", "--tls-port", port, "--tls-cert-file", s->cert, "--tls-key-file", s->key, "--tls-ca-cert-file", s->cert,
			"--tls-auth-clients", "no", (char *)NULL);
		_exit(127);
	}
	memcpy(address.sun_path, s->path, strlen(s->path));
	for (;;) { /* until it listens */
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
			break;
		close(fd);
		if (mono() > deadline)
			fail_msg("redis-server does not listen");
		assert_int_equal(waitpid(s->pid, NULL, WNOHANG), 0);
		poll(NULL, 0, 10);
	}
	close(fd);
}

static void server_stop(struct server *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	unlink(s->path);
}

static int set_up(void **state)
{
	static struct server server;
	char command[500];

	snprintf(server.dir, sizeof(server.dir), "/tmp/dunningd-test-redis-XXXXXX");
	assert_non_null(mkdtemp(server.dir));
	snprintf(server.path, sizeof(server.path), "%s/s", server.dir);
	snprintf(server.cert, sizeof(server.cert), "%s/cert", server.dir);
	snprintf(server.key, sizeof(server.key), "%s/key", server.dir);
	snprintf(command, sizeof(command),
		"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost "
		"-addext subjectAltName=DNS:localhost -keyout %s -out %s 2>/dev/null",
		server.key, server.cert);
	assert_int_equal(system(command), 0);
	server.tls_port = free_port();
	server_start(&server);
	*state = &server;
	return 0;
}

static int tear_down(void **state)
{
	struct server *server = *state;

	server_stop(server);
	tree_remove(server->dir);
	return 0;
}

/* --- one link ------------------------------------------------------------------------------------------------------------ */

struct user {
	struct event_base *base;
	struct redis_link *link;
	struct arena *arena;
	int connects, losses, calls, r;
	char why[200];
	int64_t integer;
	enum redis_class class;
};

static void on_state(bool connected, const char *why, void *arg)
{
	struct user *u = arg;

	*(connected ? &u->connects : &u->losses) += 1;
	snprintf(u->why, sizeof(u->why), "%s", why);
}

static void on_done(int r, const struct redis_reply *reply, void *arg)
{
	struct user *u = arg;

	u->calls++;
	u->r = r;
	u->integer = reply ? reply->integer : 0;
	u->class = reply ? redis_reply_class(reply) : REDIS_OK;
}

static void wait_for(struct user *u, const int *count, int wanted)
{
	int64_t deadline = mono() + 20000;

	while (*count < wanted) { /* the link wakes the loop for its deadlines */
		if (mono() > deadline)
			fail_msg("waited twenty seconds in vain: %s", u->why);
		event_base_loop(u->base, EVLOOP_ONCE);
	}
}

static void begin(struct user *u, const struct redis_url *url)
{
	*u = (struct user){ .base = event_base_new(), .arena = arena_create() };
	u->link = redis_link_create(u->base, url, on_state, u);
}

static void end(struct user *u)
{
	redis_link_destroy(u->link);
	event_base_free(u->base);
	arena_free(u->arena);
}

static struct redis_url url_of(const struct server *s)
{
	struct redis_url url;

	assert_int_equal(redis_url_parse(s->path, &url, NULL), 0);
	return url;
}

#define CALL(u, ret, ...)                                                                                                     \
	redis_call((u)->base, (u)->link, (u)->arena, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *),             \
		(const char *const[]){ __VA_ARGS__ }, NULL, ret)

static void words(void **state)
{
	struct redis_url url = url_of(*state), second;
	const struct redis_reply *reply;
	const char *const binary[] = { "SET", "bin", "a\0b\r\n" };
	struct user u, other;

	begin(&u, &url);
	assert_int_equal(CALL(&u, &reply, "SET", "k", "v"), 0);
	assert_int_equal(reply->type, REDIS_STATUS);
	assert_int_equal(CALL(&u, &reply, "GET", "k"), 0);
	assert_string_equal(reply->str, "v");
	assert_int_equal(CALL(&u, &reply, "GET", "none"), 0);
	assert_int_equal(reply->type, REDIS_NIL);
	assert_int_equal(redis_call(u.base, u.link, u.arena, 3, binary, (size_t[]){ 3, 3, 5 }, &reply), 0);
	assert_int_equal(CALL(&u, &reply, "MGET", "k", "bin", "none"), 0);
	assert_int_equal(reply->count, 3);
	assert_int_equal(reply->items[1].len, 5);
	assert_memory_equal(reply->items[1].str, "a\0b\r\n", 6);
	/* another database is another one */
	second = url;
	second.db = 2;
	begin(&other, &second);
	assert_int_equal(CALL(&other, &reply, "GET", "k"), 0);
	assert_int_equal(reply->type, REDIS_NIL);
	end(&other);
	end(&u);
}

/* Errors as this server says them. */
static void classes(void **state)
{
	struct redis_url url = url_of(*state);
	const struct redis_reply *reply;
	struct user u;

	begin(&u, &url);
	assert_int_equal(CALL(&u, &reply, "SET", "string", "v"), 0);
	assert_int_equal(CALL(&u, &reply, "LPUSH", "string", "v"), 0);
	assert_int_equal(redis_reply_class(reply), REDIS_TAMPERED);
	assert_int_equal(CALL(&u, &reply, "XREADGROUP", "GROUP", "g", "c", "STREAMS", "none", ">"), 0);
	assert_int_equal(redis_reply_class(reply), REDIS_TAMPERED);
	assert_int_equal(CALL(&u, &reply, "EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "0"), 0);
	assert_int_equal(redis_reply_class(reply), REDIS_NOSCRIPT);
	assert_int_equal(CALL(&u, &reply, "XGROUP", "CREATE", "stream", "g", "$", "MKSTREAM"), 0);
	assert_int_equal(CALL(&u, &reply, "XGROUP", "CREATE", "stream", "g", "$"), 0); /* BUSYGROUP */
	assert_int_equal(redis_reply_class(reply), REDIS_OTHER);
	assert_int_equal(CALL(&u, &reply, "NOSUCHCOMMAND"), 0);
	assert_int_equal(redis_reply_class(reply), REDIS_OTHER);
	assert_int_equal(CALL(&u, &reply, "AUTH", "word"), 0);
	assert_int_equal(redis_reply_class(reply), REDIS_DENIED);
	assert_int_equal(CALL(&u, &reply, "CONFIG", "SET", "maxmemory", "1"), 0);
	assert_int_equal(CALL(&u, &reply, "SET", "more", "v"), 0);
	assert_int_equal(redis_reply_class(reply), REDIS_NOSPACE);
	assert_int_equal(CALL(&u, &reply, "CONFIG", "SET", "maxmemory", "0"), 0);
	assert_int_equal(CALL(&u, &reply, "CONFIG", "SET", "min-replicas-to-write", "1"), 0);
	assert_int_equal(CALL(&u, &reply, "SET", "more", "v"), 0);
	assert_int_equal(redis_reply_class(reply), REDIS_NOREPLICAS);
	assert_int_equal(CALL(&u, &reply, "CONFIG", "SET", "min-replicas-to-write", "0"), 0);
	assert_int_equal(CALL(&u, &reply, "REPLICAOF", "127.0.0.1", "1"), 0);
	assert_int_equal(CALL(&u, &reply, "SET", "more", "v"), 0);
	assert_int_equal(redis_reply_class(reply), REDIS_READONLY);
	assert_int_equal(CALL(&u, &reply, "CONFIG", "SET", "replica-serve-stale-data", "no"), 0);
	assert_int_equal(CALL(&u, &reply, "GET", "more"), 0);
	assert_int_equal(redis_reply_class(reply), REDIS_DOWN); /* MASTERDOWN */
	assert_int_equal(CALL(&u, &reply, "REPLICAOF", "NO", "ONE"), 0);
	end(&u);
}

static void users(void **state)
{
	struct redis_url url = url_of(*state), named;
	const struct redis_reply *reply;
	struct user u, user, wrong;

	begin(&u, &url);
	assert_int_equal(CALL(&u, &reply, "ACL", "SETUSER", "dunner", "on", ">s3cret", "~dunning:*", "+get", "+ping", "+eval", "+evalsha"), 0);
	named = url;
	snprintf(named.user, sizeof(named.user), "dunner");
	snprintf(named.password, sizeof(named.password), "s3cret");
	begin(&user, &named);
	assert_int_equal(CALL(&user, &reply, "GET", "dunning:x"), 0);
	assert_int_equal(reply->type, REDIS_NIL);
	assert_int_equal(CALL(&user, &reply, "GET", "other"), 0);
	assert_int_equal(redis_reply_class(reply), REDIS_DENIED);
	assert_int_equal(CALL(&user, &reply, "SET", "dunning:x", "v"), 0);
	assert_int_equal(redis_reply_class(reply), REDIS_DENIED);
	assert_int_equal(CALL(&user, &reply, "EVAL", "return redis.call('SET', KEYS[1], 'v')", "1", "dunning:x"), 0);
	assert_int_equal(redis_reply_class(reply), REDIS_DENIED); /* from inside a script too */
	end(&user);
	snprintf(named.password, sizeof(named.password), "wrong");
	begin(&wrong, &named);
	wait_for(&wrong, &wrong.losses, 1);
	assert_int_equal(wrong.connects, 0);
	assert_memory_equal(wrong.why, "WRONGPASS", 9);
	end(&wrong);
	end(&u);
}

static void scripts(void **state)
{
	const char *const argv[] = { "script:k", "7" };
	struct redis_url url = url_of(*state);
	const struct redis_reply *reply;
	struct redis_script script;
	struct user u;

	redis_script_init(&script, "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('INCR', KEYS[1])");
	begin(&u, &url);
	wait_for(&u, &u.connects, 1);
	assert_int_equal(CALL(&u, &reply, "SCRIPT", "FLUSH"), 0);
	for (int i = 0; i < 4; i++) /* the first ones are sent whole, later ones by their digest */
		redis_link_script(u.link, &script, 1, 2, argv, NULL, 0, on_done, &u);
	wait_for(&u, &u.calls, 4);
	assert_int_equal(u.r, 0);
	assert_int_equal(u.integer, 8);
	assert_int_equal(CALL(&u, &reply, "SCRIPT", "EXISTS", script.sha1), 0);
	assert_int_equal(reply->items[0].integer, 1);
	end(&u);
}

static void encrypted(void **state)
{
	struct server *server = *state;
	const struct redis_reply *reply;
	struct redis_url url;
	struct user u;
	char text[64];

	snprintf(text, sizeof(text), "rediss://localhost:%d/0", server->tls_port);
	assert_int_equal(redis_url_parse(text, &url, NULL), 0);
	/* a certificate that nobody vouches for: no word is said over it */
	begin(&u, &url);
	wait_for(&u, &u.losses, 1);
	assert_int_equal(u.connects, 0);
	end(&u);
	/* one that is trusted, for another name */
	setenv("SSL_CERT_FILE", server->cert, 1);
	snprintf(url.host, sizeof(url.host), "127.0.0.1");
	begin(&u, &url);
	wait_for(&u, &u.losses, 1);
	assert_int_equal(u.connects, 0);
	end(&u);
	snprintf(url.host, sizeof(url.host), "localhost");
	begin(&u, &url);
	assert_int_equal(CALL(&u, &reply, "PING"), 0);
	assert_string_equal(reply->str, "PONG");
	end(&u);
	unsetenv("SSL_CERT_FILE");
}

/* Killed with a command under way: its outcome is unknown; then a new server, and the same link works again. */
static void goes_and_comes(void **state)
{
	const char *const argv[] = { "BLPOP", "never", "0" };
	struct server *server = *state;
	struct redis_url url = url_of(server);
	const struct redis_reply *reply;
	struct user u;

	begin(&u, &url);
	wait_for(&u, &u.connects, 1);
	redis_link_command(u.link, 3, argv, NULL, 0, on_done, &u);
	server_stop(server);
	wait_for(&u, &u.calls, 1);
	assert_int_equal(u.r, -ENOTCONN);
	assert_false(redis_link_connected(u.link));
	server_start(server);
	wait_for(&u, &u.connects, 2);
	assert_int_equal(CALL(&u, &reply, "PING"), 0);
	assert_int_equal(u.calls, 1);
	end(&u);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),
		cmocka_unit_test(classes),
		cmocka_unit_test(users),
		cmocka_unit_test(scripts),
		cmocka_unit_test(encrypted),
		cmocka_unit_test(goes_and_comes),
	};

	signal(SIGPIPE, SIG_IGN); /* as every program that has a link: the peer may hang up at any byte */
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
