#include "tests/support/http_get.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <curl/curl.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/adapter.h"

struct http_caller {
	CURL *curl;
	const char *socket; /* a Unix one; NULL = TCP */
	int tries; /* times that a request was about to be written, in the exchange under way */
};

/* On a kept-alive connection that proves dead, libcurl would send a POST a second time by itself. */
static int on_ready(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	struct http_caller *client = arg;

	(void)ip, (void)local_ip, (void)port, (void)local_port;
	return client->tries++ ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

void http_reply_clear(struct http_reply *reply)
{
	buf_clear(&reply->head);
	buf_clear(&reply->body);
	*reply = (struct http_reply){ 0 };
}

const char *http_reply_header(const struct http_reply *reply, const char *name, struct arena *arena)
{
	struct http_answer answer = { .head = buf_str(&reply->head), .head_len = reply->head.len };

	return http_head_get(&answer, name, arena);
}

struct json http_reply_json(const struct http_reply *reply, struct arena *arena)
{
	struct json root;
	struct err err = { 0 };
	const char *text = buf_str(&reply->body);

	if (json_parse(arena, text, reply->body.len, JSON_FRACTIONS, &root, &err) < 0)
		fail_msg("no JSON (%s): %ld %s", err.text, reply->status, text);
	return root;
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *arg)
{
	buf_add(arg, bytes, size * count);
	return size * count;
}

struct http_caller *http_caller_create(void)
{
	struct http_caller *client = xcalloc(1, sizeof(*client));

	client->curl = curl_easy_init();
	assert_non_null(client->curl);
	return client;
}

void http_caller_destroy(struct http_caller *client)
{
	if (!client)
		return;
	curl_easy_cleanup(client->curl);
	free(client);
}

long http_exchange(struct http_caller *client, const char *method, const char *url, const char *const *headers,
	const char *body, long timeout_ms, struct http_reply *ret)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");
	CURL *curl = client->curl;
	CURLcode code;

	for (size_t i = 0; headers && headers[i]; i++)
		list = curl_slist_append(list, headers[i]);
	http_reply_clear(ret);
	client->tries = 0;
	curl_easy_reset(curl); /* keeps the connections */
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	if (client->socket)
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, client->socket);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms ? timeout_ms : (long)HTTP_TEST_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &ret->body);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_bytes);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, &ret->head);
	curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, on_ready);
	curl_easy_setopt(curl, CURLOPT_PREREQDATA, client);
	if (body) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
	}
	code = curl_easy_perform(curl);
	curl_slist_free_all(list);
	if (code == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret->status);
	else
		ret->failure = curl_easy_strerror(code);
	return ret->status;
}

long http_connections(const struct http_caller *client)
{
	long count = 0;

	curl_easy_getinfo(client->curl, CURLINFO_NUM_CONNECTS, &count);
	return count;
}

long http_get(const char *url, struct http_reply *ret)
{
	CLEANUP(http_caller_destroyp) struct http_caller *client = http_caller_create();

	return http_exchange(client, "GET", url, NULL, NULL, 0, ret);
}

long http_get_unix(const char *socket, const char *url, struct http_reply *ret)
{
	CLEANUP(http_caller_destroyp) struct http_caller *client = http_caller_create();

	client->socket = socket;
	return http_exchange(client, "GET", url, NULL, NULL, 0, ret);
}

long http_post_unix(const char *socket, const char *url, const char *json, struct http_reply *ret)
{
	CLEANUP(http_caller_destroyp) struct http_caller *client = http_caller_create();
	const char *const headers[] = { "Content-Type: application/json", NULL };

	client->socket = socket;
	return http_exchange(client, "POST", url, headers, json, 0, ret);
}

long http_post(const char *url, const char *const *headers, const char *body, struct http_reply *ret)
{
	CLEANUP(http_caller_destroyp) struct http_caller *client = http_caller_create();

	return http_exchange(client, "POST", url, headers, body, 0, ret);
}

int http_free_port(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || getsockname(fd, (struct sockaddr *)&at, &len) < 0)
		abort();
	close(fd);
	return ntohs(at.sin_port);
}
