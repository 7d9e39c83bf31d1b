#include "tests/support/http_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#define CONNECTIONS_MAX 600
#define DRIP_MS 5

struct connection {
	int fd;
	SSL *ssl; /* NULL: plain */
	struct buf in, out;
	enum peer_act act; /* once a request is there */
	bool answering, closing;
};

struct http_peer {
	int listener, wake;
	unsigned port;
	SSL_CTX *tls;
	pthread_t thread;
	struct connection *connections[CONNECTIONS_MAX];
	size_t open;
	bool going; /* the thread's copy */
	peer_answer_fn handler; /* NULL = none */
	void *handler_arg;
	pthread_mutex_t mutex;
	/* under the mutex */
	bool quit, go;
	struct peer_step *steps;
	size_t step_count;
	struct buf *requests;
	size_t request_count, request_capacity, accepted, bytes, most, waiting;
};

static void die(const char *what)
{
	perror(what);
	abort();
}

/* --- bytes ---------------------------------------------------------------------------------------------------------------- */

static ssize_t get(struct connection *c, void *bytes, size_t len)
{
	int n, why;

	if (!c->ssl)
		return recv(c->fd, bytes, len, 0);
	n = SSL_read(c->ssl, bytes, (int)len);
	if (n > 0)
		return n;
	why = SSL_get_error(c->ssl, n);
	if (why == SSL_ERROR_ZERO_RETURN)
		return 0;
	errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
	return -1;
}

static ssize_t put(struct connection *c, const void *bytes, size_t len)
{
	int n;

	if (!c->ssl)
		return send(c->fd, bytes, len, MSG_NOSIGNAL);
	n = SSL_write(c->ssl, bytes, (int)len);
	if (n > 0)
		return n;
	errno = SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
	return -1;
}

/* --- requests --------------------------------------------------------------------------------------------------------------- */

/* Length of the first request in the buffer; 0: it is not whole yet. */
static size_t request_length(const struct buf *in)
{
	const char *head = buf_str(in), *end = strstr(head, "\r\n\r\n"), *line = head;
	size_t body = 0;

	if (!end)
		return 0;
	while (line && line < end) {
		if (strncasecmp(line, "Content-Length:", 15) == 0)
			body = strtoul(line + 15, NULL, 10);
		line = strstr(line, "\r\n");
		line = line ? line + 2 : NULL;
	}
	return (size_t)(end - head) + 4 + body <= in->len ? (size_t)(end - head) + 4 + body : 0;
}

static struct peer_step take_request(struct http_peer *peer, struct connection *c, size_t len)
{
	struct peer_step step = { peer->handler ? PEER_ANSWER : PEER_HANG, NULL };
	CLEANUP(buf_clear) struct buf whole = { 0 };
	struct buf *kept;
	size_t n;

	pthread_mutex_lock(&peer->mutex);
	n = peer->request_count;
	xgrow((void **)&peer->requests, &peer->request_capacity, n + 1, sizeof(*peer->requests));
	kept = &peer->requests[peer->request_count++];
	*kept = (struct buf){ 0 };
	buf_add(kept, c->in.data, len);
	if (peer->step_count)
		step = peer->steps[n < peer->step_count ? n : peer->step_count - 1];
	if (++peer->waiting > peer->most)
		peer->most = peer->waiting;
	pthread_mutex_unlock(&peer->mutex);
	buf_add(&whole, c->in.data, len);
	if (peer->handler && !step.bytes && (step.act == PEER_ANSWER || step.act == PEER_HOLD || step.act == PEER_ANSWER_CLOSE))
		peer->handler(&whole, &c->out, peer->handler_arg);
	memmove(c->in.data, c->in.data + len, c->in.len - len);
	c->in.len -= len;
	c->in.data[c->in.len] = '\0';
	return step;
}

static void answered(struct http_peer *peer, struct connection *c)
{
	if (!c->answering)
		return;
	c->answering = false;
	pthread_mutex_lock(&peer->mutex);
	peer->waiting--;
	pthread_mutex_unlock(&peer->mutex);
}

static void act(struct http_peer *peer, struct connection *c)
{
	struct linger at_once = { .l_onoff = 1 };
	size_t len = c->answering ? 0 : request_length(&c->in);
	struct peer_step step;

	if (!len)
		return;
	step = take_request(peer, c, len);
	c->act = step.act;
	c->answering = true;
	if (step.bytes)
		buf_add_str(&c->out, step.bytes);
	if (step.act == PEER_RESET)
		(void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	c->closing = step.act == PEER_CLOSE || step.act == PEER_RESET;
}

static void flush(struct http_peer *peer, struct connection *c)
{
	static const char more[4096] = "                                                                ";

	if (c->answering && c->act == PEER_DRIP)
		buf_add_char(&c->out, ' ');
	while (c->answering && c->act == PEER_FLOOD && c->out.len < 65536)
		buf_add(&c->out, more, sizeof(more));
	if (c->answering && c->act == PEER_HOLD && !peer->going)
		return;
	while (c->out.len) {
		ssize_t n = put(c, c->out.data, c->out.len);

		if (n < 0) {
			c->closing |= errno != EAGAIN;
			return;
		}
		memmove(c->out.data, c->out.data + n, c->out.len - (size_t)n);
		c->out.len -= (size_t)n;
	}
	if (c->answering && (c->act == PEER_ANSWER || c->act == PEER_HOLD || c->act == PEER_ANSWER_CLOSE)) {
		c->closing |= c->act == PEER_ANSWER_CLOSE;
		answered(peer, c);
	}
}

/* --- the thread --------------------------------------------------------------------------------------------------------------- */

static void welcome(struct http_peer *peer)
{
	int fd = accept4(peer->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct connection *c;

	if (fd < 0)
		return;
	c = xcalloc(1, sizeof(*c));
	c->fd = fd;
	if (peer->tls) {
		c->ssl = SSL_new(peer->tls);
		SSL_set_fd(c->ssl, fd);
		SSL_set_accept_state(c->ssl);
	}
	peer->connections[peer->open++] = c;
	pthread_mutex_lock(&peer->mutex);
	peer->accepted++;
	pthread_mutex_unlock(&peer->mutex);
}

static void drop(struct http_peer *peer, size_t i)
{
	struct connection *c = peer->connections[i];

	answered(peer, c);
	SSL_free(c->ssl);
	close(c->fd);
	buf_clear(&c->in);
	buf_clear(&c->out);
	free(c);
	peer->connections[i] = peer->connections[--peer->open];
}

static void serve(struct http_peer *peer, struct connection *c, short events)
{
	char bytes[16384];

	while (events & (POLLIN | POLLHUP | POLLERR)) {
		ssize_t n = get(c, bytes, sizeof(bytes));

		if (n > 0) {
			pthread_mutex_lock(&peer->mutex);
			peer->bytes += (size_t)n;
			pthread_mutex_unlock(&peer->mutex);
			buf_add(&c->in, bytes, (size_t)n);
			continue;
		}
		c->closing |= n == 0 || errno != EAGAIN;
		break;
	}
	act(peer, c);
	if (!c->closing)
		flush(peer, c);
	act(peer, c); /* a second request may have been there already */
}

/* False: it is time to end. */
static bool woken(struct http_peer *peer)
{
	uint64_t count;
	bool quit;

	(void)!read(peer->wake, &count, sizeof(count));
	pthread_mutex_lock(&peer->mutex);
	quit = peer->quit;
	peer->going = peer->go;
	pthread_mutex_unlock(&peer->mutex);
	for (size_t i = 0; i < peer->open && !quit; i++)
		serve(peer, peer->connections[i], 0);
	return !quit;
}

static void *run(void *arg)
{
	struct http_peer *peer = arg;
	struct pollfd fds[CONNECTIONS_MAX + 2];

	for (;;) {
		size_t open = peer->open;
		int wait = -1;

		fds[0] = (struct pollfd){ peer->wake, POLLIN, 0 };
		fds[1] = (struct pollfd){ peer->open < CONNECTIONS_MAX ? peer->listener : -1, POLLIN, 0 };
		for (size_t i = 0; i < open; i++) {
			struct connection *c = peer->connections[i];
			bool held = c->answering && c->act == PEER_HOLD && !peer->going;
			bool more = (c->out.len && !held) || (c->answering && c->act == PEER_FLOOD);

			fds[i + 2] = (struct pollfd){ c->fd, (short)(POLLIN | (more ? POLLOUT : 0)), 0 };
			if (c->answering && c->act == PEER_DRIP)
				wait = DRIP_MS;
		}
		if (poll(fds, open + 2, wait) < 0 && errno != EINTR)
			die("poll");
		if (fds[0].revents && !woken(peer))
			return NULL;
		for (size_t i = 0; i < open; i++)
			if (fds[i + 2].revents || peer->connections[i]->act == PEER_DRIP)
				serve(peer, peer->connections[i], fds[i + 2].revents);
		for (size_t i = open; i-- > 0;)
			if (peer->connections[i]->closing)
				drop(peer, i);
		if (fds[1].revents)
			welcome(peer);
	}
}

/* --- certificate ---------------------------------------------------------------------------------------------------------------- */

static void add_extension(X509 *x, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&context, x, x, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	if (!extension || !X509_add_ext(x, extension, -1))
		die("certificate");
	X509_EXTENSION_free(extension);
}

/* It signs itself, for the names of this machine. */
static SSL_CTX *make_tls(const char *path)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	FILE *file = fopen(path, "we");

	if (!tls || !key || !x || !file)
		die(path);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -86400);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"http_peer", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
	add_extension(x, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
	if (!X509_sign(x, key, EVP_sha256()) || SSL_CTX_use_certificate(tls, x) != 1 || SSL_CTX_use_PrivateKey(tls, key) != 1 ||
		!PEM_write_X509(file, x))
		die("certificate");
	fclose(file);
	X509_free(x);
	EVP_PKEY_free(key);
	return tls;
}

/* --- life ------------------------------------------------------------------------------------------------------------------------ */

struct http_peer *http_peer_create(const char *certificate)
{
	struct http_peer *peer = xcalloc(1, sizeof(*peer));
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);

	if (certificate)
		peer->tls = make_tls(certificate);
	peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	peer->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (peer->listener < 0 || peer->wake < 0 || bind(peer->listener, (struct sockaddr *)&address, len) < 0 ||
		listen(peer->listener, 512) < 0 || getsockname(peer->listener, (struct sockaddr *)&address, &len) < 0)
		die("http_peer");
	peer->port = ntohs(address.sin_port);
	pthread_mutex_init(&peer->mutex, NULL);
	if (pthread_create(&peer->thread, NULL, run, peer))
		die("pthread_create");
	return peer;
}

static void wake(struct http_peer *peer, bool *flag)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&peer->mutex);
	*flag = true;
	pthread_mutex_unlock(&peer->mutex);
	if (write(peer->wake, &one, sizeof(one)) < 0)
		die("eventfd");
}

void http_peer_go(struct http_peer *peer)
{
	wake(peer, &peer->go);
}

void http_peer_destroy(struct http_peer *peer)
{
	if (!peer)
		return;
	wake(peer, &peer->quit);
	pthread_join(peer->thread, NULL);
	while (peer->open)
		drop(peer, 0);
	close(peer->listener);
	close(peer->wake);
	SSL_CTX_free(peer->tls);
	for (size_t i = 0; i < peer->request_count; i++)
		buf_clear(&peer->requests[i]);
	free(peer->requests);
	free(peer->steps);
	pthread_mutex_destroy(&peer->mutex);
	free(peer);
}

unsigned http_peer_port(const struct http_peer *peer)
{
	return peer->port;
}

void http_peer_handler(struct http_peer *peer, peer_answer_fn fn, void *arg)
{
	peer->handler = fn;
	peer->handler_arg = arg;
}

void http_peer_script(struct http_peer *peer, const struct peer_step *steps, size_t count)
{
	pthread_mutex_lock(&peer->mutex);
	free(peer->steps);
	peer->steps = xmalloc(count * sizeof(*steps));
	memcpy(peer->steps, steps, count * sizeof(*steps));
	peer->step_count = count;
	pthread_mutex_unlock(&peer->mutex);
}

static size_t read_count(struct http_peer *peer, const size_t *count)
{
	size_t n;

	pthread_mutex_lock(&peer->mutex);
	n = *count;
	pthread_mutex_unlock(&peer->mutex);
	return n;
}

size_t http_peer_requests(struct http_peer *peer)
{
	return read_count(peer, &peer->request_count);
}

size_t http_peer_connections(struct http_peer *peer)
{
	return read_count(peer, &peer->accepted);
}

size_t http_peer_bytes(struct http_peer *peer)
{
	return read_count(peer, &peer->bytes);
}

size_t http_peer_most_at_once(struct http_peer *peer)
{
	return read_count(peer, &peer->most);
}

bool http_peer_request(struct http_peer *peer, size_t n, struct buf *ret)
{
	bool there;

	pthread_mutex_lock(&peer->mutex);
	there = n < peer->request_count;
	if (there)
		buf_add(ret, peer->requests[n].data, peer->requests[n].len);
	pthread_mutex_unlock(&peer->mutex);
	return there;
}
