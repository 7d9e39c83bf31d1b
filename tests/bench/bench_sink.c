/*
 * bench_sink - a provider that costs little: HTTP/1.1 on a kept connection, every POST is answered 200 with an id of its own. It counts
 * attempt ids ("attempt":"..." in the body), so that a missing or a doubled message shows.
 * GET /stats: {"total", "unique", "first", "last", "body_bytes", "head_bytes"}; GET /stats?wait=N the same, answered once there are N
 * unique ones, so that nobody needs to ask again and again while it is measured; GET /reset forgets all.
 */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define ROOM 65536
#define PEERS_MAX 4096
#define ID_SIZE 26
#define SLOTS (1u << 22)

struct peer {
	size_t len;
	char data[ROOM];
};

struct sink {
	struct peer *peers[PEERS_MAX]; /* by descriptor */
	char (*ids)[ID_SIZE]; /* open addressing; an empty slot begins with NUL */
	int64_t total, unique, body_bytes, head_bytes;
	double first, last;
	int waiter; /* descriptor of who waits for `awaited` unique ones; -1 = nobody */
	int64_t awaited;
};

static void count_attempt(struct sink *sink, const char *body, size_t len)
{
	static const char mark[] = "\"attempt\":\"";
	const char *at = memmem(body, len, mark, sizeof(mark) - 1);
	uint64_t hash = 14695981039346656037u;

	sink->total++;
	sink->last = bench_now();
	if (sink->total == 1)
		sink->first = sink->last;
	if (!at || (size_t)(body + len - at) < sizeof(mark) - 1 + ID_SIZE)
		return;
	at += sizeof(mark) - 1;
	for (int i = 0; i < ID_SIZE; i++)
		hash = (hash ^ (unsigned char)at[i]) * 1099511628211u;
	for (uint32_t slot = (uint32_t)(hash >> 32) % SLOTS;; slot = (slot + 1) % SLOTS) {
		if (!sink->ids[slot][0]) {
			memcpy(sink->ids[slot], at, ID_SIZE);
			sink->unique++;
			return;
		}
		if (memcmp(sink->ids[slot], at, ID_SIZE) == 0)
			return;
	}
}

static void answer(int fd, const char *body)
{
	char text[700];
	int len = snprintf(text, sizeof(text),
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);

	while (write(fd, text, (size_t)len) < 0 && errno == EINTR)
		;
}

static void tell(const struct sink *sink, int fd)
{
	char body[400];

	snprintf(body, sizeof(body),
		"{\"total\":%lld,\"unique\":%lld,\"first\":%.6f,\"last\":%.6f,\"now\":%.6f,\"body_bytes\":%lld,\"head_bytes\":%lld}\n",
		(long long)sink->total, (long long)sink->unique, sink->first, sink->last, bench_now(), (long long)sink->body_bytes,
		(long long)sink->head_bytes);
	answer(fd, body);
}

static void tell_waiter(struct sink *sink)
{
	if (sink->waiter < 0 || sink->unique < sink->awaited)
		return;
	tell(sink, sink->waiter);
	sink->waiter = -1;
}

static void get(struct sink *sink, int fd, const char *path)
{
	static const char wait[] = "/stats?wait=";

	if (strncmp(path, wait, sizeof(wait) - 1) == 0) {
		sink->waiter = fd;
		sink->awaited = strtoll(path + sizeof(wait) - 1, NULL, 10);
		tell_waiter(sink);
		return;
	}
	if (strncmp(path, "/reset", 6) == 0) {
		memset(sink->ids, 0, (size_t)SLOTS * ID_SIZE);
		sink->total = sink->unique = 0;
		sink->first = sink->last = 0;
	}
	tell(sink, fd);
}

static void take_requests(struct sink *sink, int fd, struct peer *peer)
{
	size_t at = 0;

	while (at < peer->len) {
		char *head = peer->data + at, *end = memmem(head, peer->len - at, "\r\n\r\n", 4);
		size_t head_len, body_len = 0;
		char body[64];

		if (!end)
			break;
		head_len = (size_t)(end - head) + 4;
		for (char *line = head; line && line < end; line = memchr(line, '\n', (size_t)(end - line))) {
			line += line != head;
			if (strncasecmp(line, "content-length:", 15) == 0)
				body_len = strtoul(line + 15, NULL, 10);
		}
		if (at + head_len + body_len > peer->len)
			break;
		at += head_len + body_len;
		if (memcmp(head, "POST ", 5) != 0) {
			get(sink, fd, head + 4);
			continue;
		}
		sink->head_bytes = (int64_t)head_len;
		sink->body_bytes = (int64_t)body_len;
		count_attempt(sink, end + 4, body_len);
		snprintf(body, sizeof(body), "{\"id\":\"msg_%010lld\"}", (long long)sink->total);
		answer(fd, body);
		tell_waiter(sink);
	}
	memmove(peer->data, peer->data + at, peer->len - at);
	peer->len -= at;
}

static int listen_at(int *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)*port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, 1024) < 0 ||
		getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		bench_die("cannot listen: %s", strerror(errno));
	*port = ntohs(address.sin_port);
	return fd;
}

static void accept_all(struct sink *sink, int loop, int listener)
{
	int fd, one = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

		if (fd >= PEERS_MAX) {
			close(fd);
			continue;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (!sink->peers[fd])
			sink->peers[fd] = calloc(1, sizeof(struct peer));
		sink->peers[fd]->len = 0;
		epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "port", 1, NULL, 'p' }, { "port-file", 1, NULL, 'f' }, { 0 } };
	struct epoll_event event = { .events = EPOLLIN }, events[256];
	const char *port_file = NULL;
	struct sink *sink = calloc(1, sizeof(*sink));
	int option, port = 0, listener, loop;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		switch (option) {
		case 'p': port = (int)bench_number(optarg, 0, 65535); break;
		case 'f': port_file = optarg; break;
		default: bench_die("usage: bench_sink [--port N] [--port-file FILE]");
		}
	signal(SIGPIPE, SIG_IGN);
	sink->waiter = -1;
	sink->ids = calloc(SLOTS, ID_SIZE);
	listener = listen_at(&port);
	loop = epoll_create1(EPOLL_CLOEXEC);
	event.data.fd = listener;
	epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event);
	if (port_file) {
		FILE *file = fopen(port_file, "w");

		if (!file || fprintf(file, "%d\n", port) < 0 || fclose(file) != 0)
			bench_die("%s: %s", port_file, strerror(errno));
	}
	for (;;) {
		int count = epoll_wait(loop, events, 256, -1);

		for (int i = 0; i < count; i++) {
			int fd = events[i].data.fd;
			struct peer *peer;
			ssize_t n;

			if (fd == listener) {
				accept_all(sink, loop, listener);
				continue;
			}
			peer = sink->peers[fd];
			n = read(fd, peer->data + peer->len, ROOM - peer->len);
			if (n < 0 && (errno == EAGAIN || errno == EINTR))
				continue;
			if (n <= 0 || (peer->len += (size_t)n) == ROOM) {
				if (fd == sink->waiter)
					sink->waiter = -1;
				close(fd);
				continue;
			}
			take_requests(sink, fd, peer);
		}
	}
}
