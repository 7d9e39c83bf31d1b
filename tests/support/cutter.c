#include "tests/support/cutter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"

struct cutter {
	int listener, port, server_port;
	int end[2]; /* a pipe: closed to end all */
	pthread_t thread;
	pthread_mutex_t mutex;
	/* under the mutex */
	enum cut cut;
	const char *text;
	size_t bytes;
	bool holds, go;
	unsigned turn; /* counts the cuts: the next one lets go what the last one held */
};

struct wire {
	struct cutter *cutter;
	int client, server;
	enum cut cut;
	const char *text;
	size_t bytes, passed; /* of the mail */
	unsigned turn;
	bool mail; /* the server has said 354 */
	bool ended; /* the end of the mail has come by */
	char last[5];
};

static int connect_to(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static bool pass(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

static bool sees_end(struct wire *w, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		memmove(w->last, w->last + 1, 4);
		w->last[4] = bytes[i];
		if (memcmp(w->last, "\r\n.\r\n", 5) == 0)
			return true;
	}
	return false;
}

/* False: the connection ends here. */
static bool from_client(struct wire *w)
{
	char bytes[4096];
	ssize_t n = recv(w->client, bytes, sizeof(bytes), 0);

	if (n <= 0)
		return false;
	if (!w->mail && w->cut == CUT_AT_WORD && strncasecmp(bytes, w->text, strlen(w->text)) == 0)
		return false;
	if (w->mail && !w->ended) {
		w->passed += (size_t)n;
		if (w->cut == CUT_IN_MAIL && w->passed > w->bytes)
			return false;
		w->ended = sees_end(w, bytes, (size_t)n);
	}
	return pass(w->server, bytes, (size_t)n);
}

static bool hold(struct wire *w)
{
	struct cutter *cutter = w->cutter;
	bool go = false;

	while (!go) {
		struct pollfd end = { .fd = cutter->end[0], .events = POLLIN };

		pthread_mutex_lock(&cutter->mutex);
		go = cutter->go || cutter->turn != w->turn;
		cutter->holds = !go;
		pthread_mutex_unlock(&cutter->mutex);
		if (!go && poll(&end, 1, 5) > 0)
			return false;
	}
	return true;
}

static bool from_server(struct wire *w)
{
	char bytes[4096];
	ssize_t n = recv(w->server, bytes, sizeof(bytes), 0);

	if (n <= 0)
		return false;
	if (n >= 3 && memcmp(bytes, "354", 3) == 0)
		w->mail = true;
	if (w->ended && w->cut == CUT_AFTER_END)
		return false;
	if (w->ended && w->cut == CUT_SAY_END) {
		w->cut = CUT_NEVER;
		return pass(w->client, w->text, strlen(w->text));
	}
	if (w->ended && w->cut == CUT_HOLD_END) {
		w->cut = CUT_NEVER;
		if (!hold(w))
			return false;
	}
	return pass(w->client, bytes, (size_t)n);
}

/* False: all ends. */
static bool carry(struct wire *w)
{
	for (;;) {
		struct pollfd fds[3] = { { .fd = w->client, .events = POLLIN }, { .fd = w->server, .events = POLLIN },
			{ .fd = w->cutter->end[0], .events = POLLIN } };

		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			return false;
		if (fds[2].revents)
			return false;
		if (fds[1].revents && !from_server(w))
			return true;
		if (fds[0].revents && !from_client(w))
			return true;
	}
}

static void *run(void *arg)
{
	struct cutter *cutter = arg;
	bool goes_on = true;

	while (goes_on) {
		struct pollfd fds[2] = { { .fd = cutter->listener, .events = POLLIN }, { .fd = cutter->end[0], .events = POLLIN } };
		struct wire w = { .cutter = cutter };

		if ((poll(fds, 2, -1) < 0 && errno != EINTR) || fds[1].revents)
			break;
		if (!fds[0].revents || (w.client = accept4(cutter->listener, NULL, NULL, SOCK_CLOEXEC)) < 0)
			continue;
		pthread_mutex_lock(&cutter->mutex);
		w.cut = cutter->cut;
		w.text = cutter->text;
		w.bytes = cutter->bytes;
		w.turn = cutter->turn;
		pthread_mutex_unlock(&cutter->mutex);
		if (w.cut == CUT_SAY_FIRST) {
			(void)pass(w.client, w.text, strlen(w.text));
		} else {
			w.server = connect_to(cutter->server_port);
			goes_on = carry(&w);
			(void)close(w.server);
		}
		(void)close(w.client);
	}
	return NULL;
}

struct cutter *cutter_create(int server_port)
{
	struct cutter *cutter = xcalloc(1, sizeof(*cutter));
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);

	cutter->server_port = server_port;
	cutter->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* Little lies on the way: what the client could send has come by here, or almost. Its own buffer is sized by the segments too. */
	assert_int_equal(setsockopt(cutter->listener, SOL_SOCKET, SO_RCVBUF, &(int){ 8192 }, sizeof(int)), 0);
	assert_int_equal(setsockopt(cutter->listener, IPPROTO_TCP, TCP_MAXSEG, &(int){ 1000 }, sizeof(int)), 0);
	assert_int_equal(bind(cutter->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(cutter->listener, (struct sockaddr *)&address, &len), 0);
	assert_int_equal(listen(cutter->listener, 16), 0);
	cutter->port = ntohs(address.sin_port);
	assert_int_equal(pipe(cutter->end), 0);
	(void)pthread_mutex_init(&cutter->mutex, NULL);
	assert_int_equal(pthread_create(&cutter->thread, NULL, run, cutter), 0);
	return cutter;
}

void cutter_destroy(struct cutter *cutter)
{
	if (!cutter)
		return;
	(void)close(cutter->end[1]);
	(void)pthread_join(cutter->thread, NULL);
	(void)close(cutter->end[0]);
	(void)close(cutter->listener);
	(void)pthread_mutex_destroy(&cutter->mutex);
	free(cutter);
}

int cutter_port(const struct cutter *cutter)
{
	return cutter->port;
}

void cutter_set(struct cutter *cutter, enum cut cut, const char *text, size_t bytes)
{
	pthread_mutex_lock(&cutter->mutex);
	cutter->cut = cut;
	cutter->text = text;
	cutter->bytes = bytes;
	cutter->holds = cutter->go = false;
	cutter->turn++;
	pthread_mutex_unlock(&cutter->mutex);
}

bool cutter_holds(struct cutter *cutter)
{
	bool holds;

	pthread_mutex_lock(&cutter->mutex);
	holds = cutter->holds;
	pthread_mutex_unlock(&cutter->mutex);
	return holds;
}

void cutter_go(struct cutter *cutter)
{
	pthread_mutex_lock(&cutter->mutex);
	cutter->go = true;
	pthread_mutex_unlock(&cutter->mutex);
}
