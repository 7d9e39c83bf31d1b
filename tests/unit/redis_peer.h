/*
 * redis_peer - a server on a Unix socket in a folder of its own, in the loop of the link under test: it answers PING, and then exactly
 * the bytes that the test wants.
 */
#ifndef DUNNINGD_TESTS_UNIT_REDIS_PEER_H
#define DUNNINGD_TESTS_UNIT_REDIS_PEER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/buf.h"

struct peer {
	char dir[64], path[100];
	struct event_base *base;
	int listener, fd;
	struct event *accepting, *reading;
	struct buf seen; /* what came on the present connection */
	int connections;
	bool greeted, mute; /* mute: does not even answer PING */
	const char *hello; /* sent in place of +PONG */
	const char *answer; /* sent once after each further read; NULL = silence */
	size_t answer_len;
	bool then_close;
};

static void peer_close(struct peer *p)
{
	if (p->fd < 0)
		return;
	event_free(p->reading);
	close(p->fd);
	p->fd = -1;
}

static void peer_send(struct peer *p, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = send(p->fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0)
			return; /* the link hung up: that is its right */
		bytes += n;
		len -= (size_t)n;
	}
}

static void on_peer_read(evutil_socket_t fd, short what, void *arg)
{
	struct peer *p = arg;
	char chunk[4096];
	ssize_t n = read(fd, chunk, sizeof(chunk));

	(void)what;
	if (n <= 0) {
		peer_close(p);
		return;
	}
	buf_add(&p->seen, chunk, (size_t)n);
	if (p->mute)
		return;
	if (!p->greeted) {
		if (!strstr(p->seen.data, "PING"))
			return;
		p->greeted = true;
		peer_send(p, p->hello ? p->hello : "+PONG\r\n", strlen(p->hello ? p->hello : "+PONG\r\n"));
		buf_reset(&p->seen);
		return;
	}
	if (p->answer)
		peer_send(p, p->answer, p->answer_len);
	if (p->then_close)
		peer_close(p);
}

static void on_peer_accept(evutil_socket_t fd, short what, void *arg)
{
	struct peer *p = arg;
	int got = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

	(void)what;
	assert_true(got >= 0);
	peer_close(p);
	p->fd = got;
	p->connections++;
	p->greeted = false;
	buf_reset(&p->seen);
	p->reading = event_new(p->base, got, EV_READ | EV_PERSIST, on_peer_read, p);
	event_add(p->reading, NULL);
}

static void peer_open(struct peer *p)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	*p = (struct peer){ .fd = -1, .base = event_base_new() };
	snprintf(p->dir, sizeof(p->dir), "/tmp/dunningd-test-redis-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/s", p->dir);
	memcpy(address.sun_path, p->path, strlen(p->path));
	p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(p->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(p->listener, 5), 0);
	p->accepting = event_new(p->base, p->listener, EV_READ | EV_PERSIST, on_peer_accept, p);
	event_add(p->accepting, NULL);
}

static void peer_end(struct peer *p)
{
	peer_close(p);
	event_free(p->accepting);
	close(p->listener);
	unlink(p->path);
	rmdir(p->dir);
	buf_clear(&p->seen);
	event_base_free(p->base);
}

#endif
