#include "daemon/http_client_multi.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/sigv4.h"
#include "daemon/http_client_curl.h"

#define SHARD_MAX 250 /* transfers under one multi handle: beyond it libcurl's own lists cost more than a second handle */
#define SLOW_MS 100

/*
 * A socket that libcurl wants watched, or wanted: a kept connection mostly comes to use again at once, and to take it out of the loop's
 * set and put it back are two system calls for each message. It goes when it is closed, or when something comes that nobody waits for.
 * Only what we opened ourselves stays: of that we hear when it is closed.
 */
struct watch {
	struct shard *shard;
	struct event *event;
	curl_socket_t fd;
	short events; /* what the loop watches it for; 0 = nothing */
	bool wanted, ours;
	struct watch *next, **link;
};

struct shard {
	struct multi *all;
	CURLM *multi;
	struct event *timer; /* libcurl's */
	struct watch *watches;
	struct transfer *transfers;
	size_t in_flight;
	struct shard *next;
};

struct multi {
	struct event_base *base; /* the thread's; borrowed */
	const char *ca_file; /* borrowed */
	multi_over_fn over;
	void *arg;
	struct shard *shards;
	size_t on_wire;
	struct event *tick;
	CURL *idle[SHARD_MAX]; /* easy handles to be used again, with their guards set */
	size_t idle_count;
	bool idle_plain; /* what for: a provider is at one address, so all of them for the same */
	bool is_starting; /* holds `starting` */
	/* others' too */
	pthread_mutex_t starting; /* held from before may_start() until the first bytes are sent */
	atomic_uint_fast64_t repeats_stopped, slow_calls;
};

static const struct timeval tick = { .tv_sec = 1 }; /* libcurl's clock is looked at so often even when a wake-up of its was lost */

static int64_t mono_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now); /* to some milliseconds, for SLOW_MS alone: it is asked twice for each step of a request */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- libcurl's questions, each from within its own calls: no multi call here ------------------------------------------------ */

bool wire_is_loopback(const struct sockaddr *address)
{
	struct in6_addr in6;

	if (address->sa_family == AF_INET)
		return (ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24) == 127;
	if (address->sa_family != AF_INET6)
		return false;
	in6 = ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
	return IN6_IS_ADDR_LOOPBACK(&in6) || (IN6_IS_ADDR_V4MAPPED(&in6) && in6.s6_addr[12] == 127);
}

/* The IPv4 address that this one is or leads to: mapped (RFC 4291), through NAT64 (RFC 6052), by 6to4 (RFC 3056). */
static bool leads_to_v4(const struct sockaddr *address, uint32_t *ret)
{
	static const struct {
		uint8_t prefix[12];
		size_t len, at;
	} forms[] = { { { [10] = 0xff, 0xff }, 12, 12 }, { { 0x00, 0x64, 0xff, 0x9b }, 12, 12 }, { { 0x20, 0x02 }, 2, 2 } };
	const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;

	if (address->sa_family == AF_INET)
		*ret = ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr);
	if (address->sa_family != AF_INET6)
		return address->sa_family == AF_INET;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		if (memcmp(v6->s6_addr, forms[i].prefix, forms[i].len) == 0) {
			memcpy(ret, &v6->s6_addr[forms[i].at], sizeof(*ret));
			*ret = ntohl(*ret);
			return true;
		}
	return false;
}

bool wire_is_nowhere(const struct sockaddr *address)
{
	const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
	uint32_t v4 = 0;

	if (leads_to_v4(address, &v4))
		return v4 >> 24 == 0 || v4 >> 16 == 0xa9fe || v4 >> 28 >= 0xe;
	return address->sa_family != AF_INET6 || IN6_IS_ADDR_LINKLOCAL(v6) || IN6_IS_ADDR_MULTICAST(v6) || IN6_IS_ADDR_UNSPECIFIED(v6);
}

/* Networks of one's own, and what leads into them (RFC 6890): not for an address that an event names, whatever a name server says. */
static bool is_private_v4(uint32_t v4)
{
	return v4 >> 24 == 10 || v4 >> 24 == 127 || v4 >> 20 == 0xac1 || v4 >> 16 == 0xc0a8 || v4 >> 22 == 0x191 /* 100.64/10 */ ||
	       v4 >> 8 == 0xc00000 || v4 >> 17 == 0x6309 /* 198.18/15 */;
}

static bool is_private(const struct sockaddr *address)
{
	const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
	uint32_t v4 = 0;

	if (address->sa_family == AF_INET)
		return is_private_v4(ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr));
	if (IN6_IS_ADDR_V4MAPPED(v6)) {
		memcpy(&v4, &v6->s6_addr[12], sizeof(v4));
		return is_private_v4(ntohl(v4));
	}
	/* 2000::/3 is the public network; of it 2002::/16 and 2001::/32 are tunnels to any IPv4 address, as 64:ff9b:: is, outside of it */
	return v6->s6_addr[0] >> 5 != 1 || (v6->s6_addr[0] == 0x20 && (v6->s6_addr[1] == 2 || (v6->s6_addr[1] == 1 && !v6->s6_addr[2] && !v6->s6_addr[3])));
}

static void on_ready(evutil_socket_t fd, short what, void *arg);

static struct watch *watch_of(struct shard *shard, curl_socket_t fd)
{
	struct watch *watch = shard->watches;

	while (watch && watch->fd != fd)
		watch = watch->next;
	if (watch)
		return watch;
	watch = xcalloc(1, sizeof(*watch));
	watch->shard = shard;
	watch->fd = fd;
	watch->event = event_new(shard->all->base, fd, EV_READ, on_ready, watch);
	watch->link = &shard->watches;
	watch->next = shard->watches;
	if (watch->next)
		watch->next->link = &watch->next;
	shard->watches = watch;
	return watch;
}

static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *t = arg;
	curl_socket_t fd;

	(void)purpose;
	if (t->plain && !t->request.public_http && !wire_is_loopback(&address->addr)) {
		t->strayed = "not_loopback"; /* a hosts file or a name server sends "localhost" elsewhere */
		return CURL_SOCKET_BAD;
	}
	if (wire_is_nowhere(&address->addr) || (t->request.public_only && is_private(&address->addr))) {
		t->strayed = "forbidden_address";
		return CURL_SOCKET_BAD;
	}
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	if (fd >= 0)
		watch_of(t->shard, fd)->ours = true;
	return fd;
}

/*
 * The exact boundary between "surely not sent" and "maybe". libcurl asks it each time that it is about to write a request, also when a
 * kept connection died and it would send the same bytes on a new one (Curl_retry_request): the peer may have taken the first ones.
 */
static int on_prereq(void *arg, char *remote, char *local, int remote_port, int local_port)
{
	struct transfer *t = arg;
	struct multi *all = t->shard->all;

	(void)local, (void)local_port;
	if (t->asked && !t->request.repeatable) {
		t->asked++;
		return CURL_PREREQFUNC_ABORT;
	}
	snprintf(t->remote, sizeof(t->remote), strchr(remote, ':') ? "[%s]:%d" : "%s:%d", remote, remote_port);
	t->asked++;
	if (t->request.may_start && !all->is_starting) { /* the bytes are sent in the very call that we are in: see act() */
		pthread_mutex_lock(&all->starting);
		all->is_starting = true;
	}
	if (t->asked == 1 && t->request.may_start && !t->request.may_start(t->request.arg)) {
		t->declined = true;
		return CURL_PREREQFUNC_ABORT;
	}
	return CURL_PREREQFUNC_OK;
}

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	size_t len = size * count;

	if (len >= 5 && memcmp(data, "HTTP/", 5) == 0 && t->body.len == 0) { /* also after an interim answer (1xx) */
		buf_reset(&t->head);
		t->head_done = false;
	}
	if (t->head_done) /* trailers say nothing that we asked for */
		return len;
	if (len <= 2 && (data[0] == '\r' || data[0] == '\n')) {
		t->head_done = true;
		return len;
	}
	if (t->head.len + len > WIRE_HEAD_MAX) {
		t->head_too_long = true;
		return 0;
	}
	buf_add(&t->head, data, len);
	return len;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	size_t len = size * count, room = t->request.body_max - t->body.len;

	buf_add(&t->body, data, len < room ? len : room);
	t->truncated = len > room;
	return t->truncated ? 0 : len;
}

static int on_timer(CURLM *multi, long ms, void *arg)
{
	struct shard *shard = arg;

	(void)multi;
	if (ms < 0)
		event_del(shard->timer);
	else
		event_add(shard->timer, &(struct timeval){ ms / 1000, ms % 1000 * 1000 });
	return 0;
}

/*
 * Before the descriptor is gone: a new socket might get its number while the loop still watches the old one. The watch itself stays
 * until libcurl takes it back, or uses it again for a socket of the same number.
 */
static int on_close(void *arg, curl_socket_t fd)
{
	struct shard *shard = arg;

	for (struct watch *watch = shard->watches; watch; watch = watch->next)
		if (watch->fd == fd) {
			event_del(watch->event);
			watch->events = 0;
			watch->ours = false;
		}
	return close(fd);
}

/* --- the thread's side ---------------------------------------------------------------------------------------------------------- */

static const char *reason_of(CURLcode code, bool sent)
{
	switch ((int)code) {
	case CURLE_OPERATION_TIMEDOUT:
		return "timeout";
	case CURLE_COULDNT_RESOLVE_HOST:
		return "name_not_resolved";
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return "tls";
	case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9: bytes that are no answer */
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_WRITE_ERROR: /* ours: the head is too long */
	case CURLE_OUT_OF_MEMORY: /* libcurl's own limits on a head: this, or from 8.6 on CURLE_TOO_LARGE */
	case 100:
		return sent ? "bad_answer" : "no_connection";
	default:
		return sent ? "connection_lost" : "no_connection";
	}
}

/* libcurl lets go of it. */
static void let_go(struct transfer *t, bool keep)
{
	struct multi *all = t->shard->all;

	*t->link = t->next;
	if (t->next)
		t->next->link = t->link;
	t->shard->in_flight--;
	all->on_wire--;
	(void)curl.multi_remove_handle(t->shard->multi, t->easy);
	if (keep && t->usual && all->idle_count < SHARD_MAX && (!all->idle_count || all->idle_plain == t->plain)) {
		all->idle_plain = t->plain;
		all->idle[all->idle_count++] = t->easy;
	} else {
		curl.easy_cleanup(t->easy);
	}
	t->easy = NULL;
	free(t->headers);
	t->headers = NULL;
}

static void finish(struct transfer *t, CURLcode code)
{
	struct multi *all = t->shard->all;
	struct wire_result *result = &t->result;
	long status = 0;

	result->remote = t->remote[0] ? t->remote : NULL;
	(void)curl.easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	result->answer = (struct http_answer){ .status = t->head.len ? (int)status : 0, .head = buf_str(&t->head), .head_len = t->head.len,
		.body = buf_str(&t->body), .body_len = t->body.len, .truncated = t->truncated };
	result->repeat_stopped = t->asked > 1 && !t->request.repeatable;
	if (result->repeat_stopped)
		atomic_fetch_add(&all->repeats_stopped, 1);
	if (t->declined)
		result->end = WIRE_DECLINED;
	else if (!t->asked)
		result->end = WIRE_UNSENT;
	else if ((code == CURLE_OK || t->truncated) && t->head_done && status >= 200)
		result->end = WIRE_ANSWERED;
	else
		result->end = WIRE_LOST;
	result->reason = t->strayed ? t->strayed : code == CURLE_OK ? "bad_answer" : reason_of(code, t->asked > 0);
	let_go(t, true); /* also of the request, which `done` may free */
	all->over(t, all->arg);
}

static void act(struct shard *shard, curl_socket_t fd, int mask)
{
	struct multi *all = shard->all;
	int64_t begun = mono_ms();
	CURLMsg *message;
	int n;

	(void)curl.multi_socket_action(shard->multi, fd, mask, &n);
	if (all->is_starting) {
		all->is_starting = false;
		pthread_mutex_unlock(&all->starting);
	}
	if (mono_ms() - begun > SLOW_MS)
		atomic_fetch_add(&all->slow_calls, 1);
	while ((message = curl.multi_info_read(shard->multi, &n))) {
		struct transfer *t = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
		finish(t, message->data.result); /* `message` is gone after it */
	}
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct watch *watch = arg;

	if (!watch->wanted) { /* the peer closed a kept connection, or speaks without being asked: libcurl sees it when it comes to use it */
		event_del(watch->event);
		watch->events = 0;
		return;
	}
	act(watch->shard, fd, (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct multi *all = arg;

	(void)fd, (void)what;
	for (struct shard *shard = all->shards; shard; shard = shard->next)
		if (shard->in_flight)
			act(shard, CURL_SOCKET_TIMEOUT, 0);
	if (all->on_wire)
		event_add(all->tick, &tick);
}

static void watch_free(struct watch *watch)
{
	*watch->link = watch->next;
	if (watch->next)
		watch->next->link = watch->link;
	event_free(watch->event);
	free(watch);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *mine)
{
	struct shard *shard = arg;
	struct watch *watch = mine ? mine : watch_of(shard, fd);
	short events = (short)(EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));

	(void)easy;
	watch->wanted = what != CURL_POLL_REMOVE;
	(void)curl.multi_assign(shard->multi, fd, watch->wanted ? watch : NULL);
	if (!watch->wanted && watch->ours && !(watch->events & EV_WRITE)) /* one that can be written to would wake the loop for ever */
		return 0;
	if (watch->wanted && watch->events == events)
		return 0;
	event_del(watch->event);
	watch->events = 0;
	if (!watch->wanted)
		return 0;
	event_assign(watch->event, shard->all->base, fd, events, on_ready, watch);
	event_add(watch->event, NULL);
	watch->events = events;
	return 0;
}

/* --- starting ------------------------------------------------------------------------------------------------------------------- */

static struct shard *shard_create(struct multi *all)
{
	struct shard *shard = xcalloc(1, sizeof(*shard));

	shard->all = all;
	shard->multi = curl.multi_init();
	if (!shard->multi)
		abort(); /* no memory: as xmalloc(), but libcurl says it in its own way */
	shard->timer = evtimer_new(all->base, on_timeout, shard);
	curl.multi_setopt(shard->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl.multi_setopt(shard->multi, CURLMOPT_SOCKETDATA, shard);
	curl.multi_setopt(shard->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl.multi_setopt(shard->multi, CURLMOPT_TIMERDATA, shard);
	curl.multi_setopt(shard->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	curl.multi_setopt(shard->multi, CURLMOPT_MAXCONNECTS, (long)SHARD_MAX);
	shard->next = all->shards;
	all->shards = shard;
	return shard;
}

static struct shard *shard_with_room(struct multi *all)
{
	for (struct shard *shard = all->shards; shard; shard = shard->next)
		if (shard->in_flight < SHARD_MAX)
			return shard;
	return shard_create(all);
}

#define SIGNED_HEADERS 2

static const struct http_header *signed_headers(const struct transfer *t, struct arena *arena)
{
	const struct http_request *http = t->request.http;
	struct http_header *headers = arena_alloc(arena, (http->header_count + SIGNED_HEADERS) * sizeof(*headers));
	struct sigv4 signature = sigv4_sign(arena, http, t->request.signer, (int64_t)time(NULL) * 1000);

	for (size_t i = 0; i < http->header_count; i++)
		headers[i] = http->headers[i];
	headers[http->header_count] = (struct http_header){ SIGV4_DATE, signature.date };
	headers[http->header_count + 1] = (struct http_header){ "Authorization", signature.authorization };
	return headers;
}

/* libcurl's list, which it only reads: in one piece, where its own functions allocate twice for each line. */
static void add_headers(struct transfer *t)
{
	static char no_expect[] = "Expect:", no_type[] = "Content-Type:"; /* "Name:" takes a header away */
	const struct http_request *http = t->request.http;
	CLEANUP(arena_freep) struct arena *arena = t->request.signer ? arena_create() : NULL;
	const struct http_header *headers = arena ? signed_headers(t, arena) : http->headers;
	size_t given = http->header_count + (arena ? SIGNED_HEADERS : 0), count = given + 1 + !http->body, size = count * sizeof(*t->headers);
	struct curl_slist *list;
	char *at;

	for (size_t i = 0; i < given; i++)
		size += strlen(headers[i].name) + strlen(headers[i].value) + 3;
	t->headers = list = xmalloc(size);
	at = (char *)(list + count);
	for (size_t i = 0; i < given; i++) {
		const struct http_header *header = &headers[i];

		list[i].data = at;
		at = stpcpy(at, header->name);
		at = stpcpy(at, *header->value ? ": " : ";"); /* "Name;" is an empty one */
		at = stpcpy(at, header->value) + 1;
	}
	list[given].data = no_expect; /* no waiting for 100, no second request after 417 */
	if (!http->body)
		list[count - 1].data = no_type;
	for (size_t i = 0; i < count; i++)
		list[i].next = i + 1 < count ? &list[i + 1] : NULL;
}

/* A guard that cannot be set must not be missing silently: none of these fails with the libraries that we are built for. */
#define SET(option, value)                                                   \
	do {                                                                 \
		if (curl.easy_setopt(easy, option, value) != CURLE_OK) {     \
			fprintf(stderr, "http: libcurl refuses " #option "\n"); \
			abort();                                             \
		}                                                            \
	} while (0)

/* What is the same for every usual request. */
static void set_guards(CURL *easy, const struct transfer *t)
{
	SET(CURLOPT_PROTOCOLS_STR, t->plain ? "http" : "https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, ""); /* not even from the environment */
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_HTTP09_ALLOWED, 0L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	if (t->shard->all->ca_file)
		SET(CURLOPT_CAINFO, t->shard->all->ca_file);
	SET(CURLOPT_PREREQFUNCTION, on_prereq);
	SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
	SET(CURLOPT_CLOSESOCKETFUNCTION, on_close);
	SET(CURLOPT_QUICK_EXIT, 1L); /* a slow name server never holds the loop up */
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_MAXAGE_CONN, (long)WIRE_IDLE_S);
	SET(CURLOPT_USERAGENT, "dunningd/" DUNNINGD_VERSION);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	if (t->usual)
		SET(CURLOPT_POST, 1L);
}

/* What a usual handle has of its last request, all of it. */
static void set_request(CURL *easy, struct transfer *t)
{
	const struct http_request *http = t->request.http;

	SET(CURLOPT_PRIVATE, t);
	SET(CURLOPT_PREREQDATA, t);
	SET(CURLOPT_OPENSOCKETDATA, t);
	SET(CURLOPT_CLOSESOCKETDATA, t->shard); /* the connection's: it outlives this transfer */
	SET(CURLOPT_FRESH_CONNECT, (long)t->request.fresh);
	SET(CURLOPT_FORBID_REUSE, (long)t->request.fresh);
	SET(CURLOPT_URL, http->url);
	SET(CURLOPT_TIMEOUT_MS, (long)http->timeout_ms);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(http->timeout_ms < WIRE_CONNECT_MS ? http->timeout_ms : WIRE_CONNECT_MS));
	if (strcmp(http->method, "GET") != 0 && strcmp(http->method, "HEAD") != 0) {
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)http->body_len);
		SET(CURLOPT_POSTFIELDS, http->body ? http->body : "");
	}
	add_headers(t);
	SET(CURLOPT_HTTPHEADER, t->headers);
	SET(CURLOPT_HEADERDATA, t);
	SET(CURLOPT_WRITEDATA, t);
}

/* And what the others have besides; their handles are not used again. */
static void set_unusual(CURL *easy, const struct transfer *t)
{
	const struct http_request *http = t->request.http;

	if (strcmp(http->method, "HEAD") == 0)
		SET(CURLOPT_NOBODY, 1L);
	else if (strcmp(http->method, "GET") != 0 && strcmp(http->method, "POST") != 0)
		SET(CURLOPT_CUSTOMREQUEST, http->method);
}

void multi_begin(struct multi *all, struct transfer *t)
{
	t->shard = shard_with_room(all);
	t->plain = strncmp(t->request.http->url, "https://", 8) != 0;
	t->usual = !t->request.signer && strcmp(t->request.http->method, "POST") == 0;
	if (t->usual && all->idle_count && all->idle_plain == t->plain) {
		t->easy = all->idle[--all->idle_count];
	} else {
		t->easy = curl.easy_init();
		if (!t->easy)
			abort();
		set_guards(t->easy, t);
		if (!t->usual)
			set_unusual(t->easy, t);
	}
	set_request(t->easy, t);
	t->link = &t->shard->transfers;
	t->next = *t->link;
	if (t->next)
		t->next->link = &t->next;
	*t->link = t;
	t->shard->in_flight++;
	if (all->on_wire++ == 0)
		event_add(all->tick, &tick);
	if (curl.multi_add_handle(t->shard->multi, t->easy) != CURLM_OK)
		abort(); /* no memory, or a call from within libcurl: ours to avoid */
}

/* --- life ------------------------------------------------------------------------------------------------------------------------ */

struct multi *multi_create(struct event_base *base, const char *ca_file, multi_over_fn over, void *arg)
{
	struct multi *all = xcalloc(1, sizeof(*all));

	all->base = base;
	all->ca_file = ca_file;
	all->over = over;
	all->arg = arg;
	all->tick = evtimer_new(base, on_tick, all);
	(void)pthread_mutex_init(&all->starting, NULL);
	return all;
}

void multi_destroy(struct multi *all)
{
	for (struct shard *shard = all->shards, *next; shard; shard = next) {
		next = shard->next;
		while (shard->transfers) {
			struct transfer *t = shard->transfers;

			let_go(t, false);
			transfer_free(t);
		}
		(void)curl.multi_cleanup(shard->multi); /* closes the kept connections: on_close, on_socket */
		while (shard->watches)
			watch_free(shard->watches);
		event_free(shard->timer);
		free(shard);
	}
	while (all->idle_count)
		curl.easy_cleanup(all->idle[--all->idle_count]);
	event_free(all->tick);
	(void)pthread_mutex_destroy(&all->starting);
	free(all);
}

void multi_fence(struct multi *all)
{
	pthread_mutex_lock(&all->starting);
	pthread_mutex_unlock(&all->starting);
}

void multi_count(const struct multi *all, struct wire_counters *ret)
{
	ret->repeats_stopped = atomic_load(&all->repeats_stopped);
	ret->slow_calls = atomic_load(&all->slow_calls);
}

int multi_global_init(struct err *err)
{
	int r = http_client_curl_load(err);

	if (r == 0 && curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		r = err_set(err, -EIO, "no_libcurl", "", "libcurl cannot be used");
	return r;
}

void multi_global_cleanup(void)
{
	curl.global_cleanup();
}
