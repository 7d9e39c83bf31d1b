/*
 * bench_http - the bare libcurl loop: POSTs a body of the same size with headers of the same size as dunningd's to the sink, over kept
 * connections, by curl_multi on libevent, with a fresh easy handle for each, and does nothing else. Emits `name` in requests a second.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <event2/event.h>

#include "tests/bench/bench.h"

struct bench {
	struct event_base *base;
	CURLM *multi;
	struct event *timer;
	struct curl_slist *headers;
	const char *url;
	char *body;
	int64_t body_bytes, count, started, finished, failed;
};

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	(void)data, (void)arg;
	return size * n;
}

static void start(struct bench *b)
{
	CURL *easy = curl_easy_init();

	/* an attempt id of its own, in the place where the sink looks for it */
	snprintf(b->body, 40, "{\"attempt\":\"%026lld", (long long)b->started++);
	b->body[37] = '"';
	curl_easy_setopt(easy, CURLOPT_URL, b->url);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)b->body_bytes);
	curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, b->body);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, b->headers);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_multi_add_handle(b->multi, easy);
}

static void reap(struct bench *b)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(b->multi, &left))) {
		CURL *easy = message->easy_handle;
		long status = 0;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		if (message->data.result != CURLE_OK || status != 200)
			b->failed++;
		curl_multi_remove_handle(b->multi, easy);
		curl_easy_cleanup(easy);
		b->finished++;
		if (b->started < b->count)
			start(b);
	}
	if (b->finished == b->count)
		event_base_loopbreak(b->base);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct bench *b = arg;
	int running, flags = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);

	curl_multi_socket_action(b->multi, fd, flags, &running);
	reap(b);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct bench *b = arg;
	int running;

	(void)fd, (void)what;
	curl_multi_socket_action(b->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	reap(b);
}

static int set_timer(CURLM *multi, long ms, void *arg)
{
	struct bench *b = arg;
	struct timeval wait = { ms / 1000, ms % 1000 * 1000 };

	(void)multi;
	return ms < 0 ? evtimer_del(b->timer) : evtimer_add(b->timer, &wait);
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct bench *b = arg;
	struct event *event = known;

	(void)easy;
	if (event)
		event_free(event);
	event = NULL;
	if (what != CURL_POLL_REMOVE) {
		event = event_new(b->base, fd,
			(short)((what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0) | EV_PERSIST), on_socket, b);
		event_add(event, NULL);
	}
	curl_multi_assign(b->multi, fd, event);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "url", 1, NULL, 'u' }, { "count", 1, NULL, 'n' }, { "concurrency", 1, NULL, 'c' },
		{ "body-bytes", 1, NULL, 'b' }, { "head-bytes", 1, NULL, 'h' }, { "name", 1, NULL, 'm' }, { 0 } };
	struct bench b = { .body_bytes = 600 };
	const char *name = "raw.libcurl";
	int64_t concurrency = 64, head_bytes = 0;
	char filler[2048];
	double began, cpu;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		switch (option) {
		case 'u': b.url = optarg; break;
		case 'n': b.count = bench_number(optarg, 1, 100000000); break;
		case 'c': concurrency = bench_number(optarg, 1, 1000); break;
		case 'b': b.body_bytes = bench_number(optarg, 40, 60000); break;
		case 'h': head_bytes = bench_number(optarg, 0, 2000); break;
		case 'm': name = optarg; break;
		default: return 2;
		}
	if (!b.url || !b.count)
		bench_die("usage: bench_http --url URL --count N [--concurrency N] [--body-bytes N] [--head-bytes N] [--name NAME]");
	curl_global_init(CURL_GLOBAL_ALL);
	b.body = malloc((size_t)b.body_bytes + 1);
	memset(b.body, 'x', (size_t)b.body_bytes);
	b.body[b.body_bytes] = '\0';
	b.headers = curl_slist_append(NULL, "Content-Type: application/json");
	if (head_bytes > 170) { /* what libcurl's own lines do not fill */
		snprintf(filler, sizeof(filler), "X-Filler: %0*d", (int)head_bytes - 170, 0);
		b.headers = curl_slist_append(b.headers, filler);
	}
	b.base = event_base_new();
	b.multi = curl_multi_init();
	b.timer = evtimer_new(b.base, on_timer, &b);
	curl_multi_setopt(b.multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(b.multi, CURLMOPT_SOCKETDATA, &b);
	curl_multi_setopt(b.multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(b.multi, CURLMOPT_TIMERDATA, &b);
	curl_multi_setopt(b.multi, CURLMOPT_MAXCONNECTS, (long)concurrency + 1);
	began = bench_now();
	cpu = bench_cpu();
	while (b.started < b.count && b.started < concurrency)
		start(&b);
	event_base_dispatch(b.base);
	if (b.failed)
		bench_die("%lld of %lld requests failed", (long long)b.failed, (long long)b.count);
	bench_emit(name, (double)b.count / (bench_now() - began), "request/s");
	snprintf(filler, sizeof(filler), "%s.client_cpu", name);
	bench_emit(filler, (bench_cpu() - cpu) / (double)b.count * 1e6, "us/request");
	return 0;
}
