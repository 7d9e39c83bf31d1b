/*
 * Input: one byte of how many commands are asked, then what the server answers to them before it hangs up. Every command is told
 * exactly once, no reply is deeper or longer than promised, and nothing that comes unasked does harm.
 */
#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/redis_link.h"
#include "common/redis_nodes.h"

#define COMMANDS_MAX 8

static struct peer {
	struct event_base *base;
	int listener;
	struct redis_url url;
} peer;

struct play {
	struct redis_link *link;
	int connects, losses, told[COMMANDS_MAX];
};
struct asked {
	struct play *play;
	size_t i;
};

static void walk(const struct redis_reply *reply, int depth)
{
	assert(depth <= 8 && reply->type <= REDIS_ARRAY);
	if (reply->type == REDIS_STRING || reply->type == REDIS_STATUS || reply->type == REDIS_ERROR) {
		assert(reply->str[reply->len] == '\0');
		(void)strlen(reply->str);
	}
	for (size_t i = 0; i < reply->count; i++)
		walk(&reply->items[i], depth + 1);
}

static void on_state(bool connected, const char *why, void *arg)
{
	struct play *play = arg;

	assert(why);
	*(connected ? &play->connects : &play->losses) += 1;
}

static void is_node(const struct redis_node *node)
{
	assert(strlen(node->host) < sizeof(node->host) && node->port >= 1 && node->port <= 65535);
}

/* As if it had been asked where a key is. */
static void ask_nodes(const struct redis_reply *reply)
{
	struct redis_node node, known[REDIS_NODES_MAX];
	size_t count = 0;

	if (redis_redirection(reply, "asked", &node) == 0)
		is_node(&node);
	if (redis_slots_read(reply, 5000, "asked", &node, known, &count) == 0)
		is_node(&node);
	assert(count <= REDIS_NODES_MAX);
	for (size_t i = 0; i < count; i++)
		is_node(&known[i]);
	if (redis_primary_read(reply, &node) == 0)
		is_node(&node);
	(void)redis_role_is_primary(reply);
}

static void on_done(int r, const struct redis_reply *reply, void *arg)
{
	struct asked *asked = arg;

	asked->play->told[asked->i]++;
	assert((r == 0) == (reply != NULL));
	if (reply) {
		walk(reply, 0);
		(void)redis_reply_class(reply);
		ask_nodes(reply);
	}
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
}

static void tear_down(void)
{
	unlink(peer.url.path);
	*strrchr(peer.url.path, '/') = '\0';
	rmdir(peer.url.path);
}

static void set_up(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char dir[] = "/tmp/dunningd-fuzz-redis-XXXXXX";

	if (peer.base)
		return;
	signal(SIGPIPE, SIG_IGN); /* as every program that has a link */
	assert(mkdtemp(dir));
	snprintf(peer.url.path, sizeof(peer.url.path), "%s/s", dir);
	memcpy(address.sun_path, peer.url.path, sizeof(peer.url.path));
	peer.base = event_base_new();
	peer.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert(peer.listener >= 0 && bind(peer.listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	assert(listen(peer.listener, 8) == 0);
	atexit(tear_down);
}

static void send_all(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0) {
			at += n;
			len -= (size_t)n;
		} else if (errno != EAGAIN) {
			return; /* the link hung up first */
		}
		event_base_loop(peer.base, EVLOOP_NONBLOCK);
	}
}

static bool all_told(const struct play *play, size_t commands)
{
	for (size_t i = 0; i < commands; i++)
		if (!play->told[i])
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *const argv[] = { "GET", "k" };
	struct redis_script script;
	struct play play = { 0 };
	struct asked asked[COMMANDS_MAX];
	struct event *wake;
	size_t commands;
	int fd;

	if (!size)
		return 0;
	set_up();
	while ((fd = accept4(peer.listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		close(fd); /* the link before may have come back already */
	commands = data[0] % (COMMANDS_MAX + 1);
	redis_script_init(&script, "return 1");
	wake = event_new(peer.base, peer.listener, EV_READ, on_ready, NULL);
	event_add(wake, NULL);
	play.link = redis_link_create(peer.base, &peer.url, on_state, &play);
	while (event_pending(wake, EV_READ, NULL))
		event_base_loop(peer.base, EVLOOP_ONCE);
	event_free(wake);
	fd = accept4(peer.listener, NULL, NULL, SOCK_CLOEXEC);
	assert(fd >= 0);
	send_all(fd, "+PONG\r\n", 7);
	while (!play.connects)
		event_base_loop(peer.base, EVLOOP_ONCE);
	for (size_t i = 0; i < commands; i++) {
		asked[i] = (struct asked){ &play, i };
		if (data[0] & 0x80 && i % 2)
			redis_link_script(play.link, &script, 1, 1, argv, NULL, 0, on_done, &asked[i]);
		else
			redis_link_command(play.link, 2, argv, NULL, 0, on_done, &asked[i]);
	}
	send_all(fd, data + 1, size - 1);
	shutdown(fd, SHUT_WR);
	while (!play.losses || !all_told(&play, commands)) /* it hangs up at the latest at the end of the bytes */
		event_base_loop(peer.base, EVLOOP_ONCE);
	close(fd);
	redis_link_destroy(play.link);
	for (size_t i = 0; i < commands; i++)
		assert(play.told[i] == 1);
	return 0;
}
