/*
 * hooks_fixture - the world of the tests with a provider that has webhooks, requests signed as it signs them, and a client that sends any
 * bytes. For the tests of hooks.
 */
#ifndef DUNNINGD_TESTS_INTEGRATION_HOOKS_FIXTURE_H
#define DUNNINGD_TESTS_INTEGRATION_HOOKS_FIXTURE_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/hash.h"
#include "tests/support/world.h"

#define WAIT_MS 30000
#define KEY "a key of the webhooks"
#define FIXTURE static __attribute__((unused))

static const char hooked_file[] =
	"{\"adapter\":1,\"name\":\"hooked\",\"channel\":[\"email\",\"sms\"],\"config\":{\"base_url\":{\"required\":true},"
	"\"key\":{\"secret\":true},\"key_next\":{\"secret\":true}},\"features\":{},\"limits\":{\"concurrency\":50},"
	"\"send\":{\"method\":\"POST\",\"url\":\"{config.base_url}/send\",\"auth\":{\"kind\":\"none\"},"
	"\"headers\":[[\"Idempotency-Key\",\"{dispatch.id}\"]],"
	"\"body\":{\"kind\":\"json\",\"value\":{\"attempt\":\"{dispatch.id}\",\"channel\":\"{channel}\",\"to\":{\"email\":{\"$opt\":\"{to.email}\"},"
	"\"phone\":{\"$opt\":\"{to.phone}\"}},\"invoices\":\"{invoices}\",\"text\":\"{text}\",\"unsubscribe\":{\"$opt\":\"{list_unsubscribe}\"}}},\"timeout_ms\":2000},"
	"\"response\":{\"id\":\"/id\",\"rules\":[{\"status\":\"2xx\",\"require\":[\"/id\"],\"outcome\":\"accepted\"}]},"
	"\"webhooks\":[{\"parse\":\"json\",\"verify\":{\"kind\":\"hmac\",\"key\":[\"{config.key}\",\"{config.key_next}\"],"
	"\"parts\":[{\"header\":\"svix-id\"},{\"literal\":\".\"},{\"header\":\"svix-timestamp\"},{\"literal\":\".\"},{\"body\":true}],"
	"\"signature\":{\"header\":\"svix-signature\",\"encoding\":\"base64\",\"separator\":\" \",\"prefix\":\"v1,\"},"
	"\"timestamp\":{\"header\":\"svix-timestamp\"}}," /* EVENTS */
	"\"events\":{\"attempt\":[\"/attempt\",{\"query\":\"d\"}],\"message\":\"/message\",\"id\":\"/event\",\"time\":\"/time\",\"type\":\"/type\","
	"\"map\":{\"sent\":\"sent\",\"delivered\":\"delivered\",\"deferred\":\"deferred\",\"hard\":\"bounced_hard\",\"soft\":\"bounced_soft\","
	"\"complained\":\"complained\",\"opened\":\"opened\",\"stopped\":\"stopped\",\"replied\":\"replied\",\"nothing\":\"ignored\",\"failed\":\"failed\",\"kept_back\":\"suppressed\"},"
	"\"reason\":\"/reason\",\"address\":\"/address\",\"text\":\"/text\",\"files\":{\"each\":\"/files\",\"name\":\"/name\"}}},"
	"{\"path\":\"token\",\"parse\":\"json\",\"verify\":{\"kind\":\"hmac\",\"key\":\"{config.key}\",\"parts\":[\"/signature/timestamp\","
	"\"/signature/token\"],\"signature\":{\"pointer\":\"/signature/signature\",\"encoding\":\"hex\"},"
	"\"timestamp\":{\"pointer\":\"/signature/timestamp\"},\"once\":\"/signature/token\"},"
	"\"events\":{\"attempt\":\"/attempt\",\"type\":\"/type\",\"map\":{\"delivered\":\"delivered\"}}},"
	"{\"path\":\"shared\",\"parse\":\"json\",\"verify\":{\"kind\":\"header\",\"name\":\"X-Secret\",\"value\":\"{config.key}\"},"
	"\"events\":{\"attempt\":\"/attempt\",\"type\":\"/type\",\"map\":{\"delivered\":\"delivered\"}}},"
	"{\"path\":\"hidden\",\"parse\":\"json\",\"verify\":{\"kind\":\"path_secret\",\"value\":\"{config.key_next}\"},"
	"\"events\":{\"attempt\":\"/attempt\",\"type\":\"/type\",\"map\":{\"delivered\":\"delivered\"}}},"
	"{\"path\":\"asked\",\"parse\":\"query\",\"verify\":{\"kind\":\"path_secret\",\"value\":\"{config.key_next}\"},"
	"\"events\":{\"attempt\":\"/d\",\"id\":[\"/id\",\"/ptt\"],\"type\":\"/ptt\",\"map\":{\"1\":\"delivered\"}}},"
	"{\"path\":\"open\",\"parse\":\"json\",\"verify\":{\"kind\":\"none\",\"why\":\"to be tested\"},"
	"\"events\":{\"attempt\":\"/attempt\",\"type\":\"/type\",\"map\":{\"hard\":\"bounced_hard\",\"stopped\":\"stopped\"}}}]}";

/* --- the world ---------------------------------------------------------------------------------------------------------------- */

FIXTURE char *replaced(struct arena *arena, const char *text, const char *what, const char *with)
{
	const char *at;
	char *ret = arena_strdup(arena, "");

	while ((at = strstr(text, what))) {
		ret = arena_printf(arena, "%s%.*s%s", ret, (int)(at - text), text, with);
		text = at + strlen(what);
	}
	return arena_printf(arena, "%s%s", ret, text);
}

FIXTURE void put_file(const struct world *w, struct arena *arena, const char *name, const char *text)
{
	const char *path = arena_printf(arena, "%s/%s", w->dir, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

/* A port that is free now. */
FIXTURE int free_port(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	close(fd);
	return ntohs(at.sin_port);
}

/* Its configuration with webhooks. */
FIXTURE int hooks_open(struct world *w, const struct world_options *options)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf config = { 0 };
	int port;
	char *text;

	world_open(w, options);
	port = free_port();
	put_file(w, arena, "hooked.json", hooked_file);
	put_file(w, arena, "credentials/hook-key", KEY);
	put_file(w, arena, "credentials/hook-key-next", "another");
	assert_int_equal(file_read(w->config, 100000, &config, NULL), 0);
	text = replaced(arena, buf_str(&config), "\"creditor\":",
		arena_printf(arena, "\"hooks\":{\"listen\":\"127.0.0.1:%d\",\"public_url\":\"https://dunning.example\",\"body_bytes\":65536},\"creditor\":",
			port));
	text = replaced(arena, text, "\"providers\":{", "\"providers\":{\"mailbox\":{\"file\":\"mailbox.json\",\"secrets\":{\"door\":\"hook-key-next\"}},");
	text = replaced(arena, text, "\"file\":\"sandbox.json\"",
		arena_printf(arena, "\"file\":\"%s/hooked.json\",\"secrets\":{\"key\":\"hook-key\",\"key_next\":\"hook-key-next\"}", w->dir));
	put_file(w, arena, w->config + strlen(w->dir) + 1, text);
	return port;
}

/* --- requests ----------------------------------------------------------------------------------------------------------------- */

FIXTURE int connect_to(int port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	assert_true(fd >= 0);
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Sends the bytes and reads to the end. The status of the (first) answer, 0: it was hung up without one, -1: nothing came in time. */
FIXTURE int send_raw(int port, const char *bytes, size_t len, int wait_ms)
{
	int fd = connect_to(port);
	int64_t deadline = real_ms() + wait_ms;
	char text[4096];
	size_t got = 0;
	int status = 0;

	if (fd < 0)
		return 0;
	(void)!send(fd, bytes, len, MSG_NOSIGNAL); /* it may be refused before its end */
	while (got < sizeof(text) - 1) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		int64_t left = deadline - real_ms();
		ssize_t n;

		if (left <= 0 || poll(&wait, 1, (int)left) <= 0) {
			close(fd);
			return -1;
		}
		n = recv(fd, text + got, sizeof(text) - 1 - got, 0);
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	close(fd);
	text[got] = '\0';
	(void)sscanf(text, "HTTP/1.%*d %d", &status);
	return status;
}

struct signed_request { /* NULL and 0: as a good one has it */
	const char *path, *id, *time, *key, *body;
	const char *more; /* headers, each with its line end */
};

FIXTURE const char *sign(struct arena *arena, const struct signed_request *r)
{
	CLEANUP(buf_clear) struct buf base64 = { 0 };
	const char *text = arena_printf(arena, "%s.%s.%s", r->id, r->time, r->body);
	uint8_t mac[SHA256_SIZE];

	hmac_sha256(r->key, strlen(r->key), text, strlen(text), mac);
	base64_add(&base64, mac, sizeof(mac));
	return arena_strdup(arena, buf_str(&base64));
}

FIXTURE char *signed_text(struct arena *arena, const struct signed_request *asked)
{
	static int number;
	struct signed_request r = *asked;

	r.path = r.path ? r.path : "/hooks/sandbox";
	r.id = r.id ? r.id : arena_printf(arena, "msg_%d", ++number);
	r.time = r.time ? r.time : arena_printf(arena, "%lld", (long long)time(NULL));
	r.key = r.key ? r.key : KEY;
	return arena_printf(arena, "POST %s HTTP/1.1\r\nHost: dunning.example\r\nContent-Type: application/json\r\nsvix-id: %s\r\n"
		"svix-timestamp: %s\r\nsvix-signature: v1,%s\r\n%sContent-Length: %zu\r\n\r\n%s",
		r.path, r.id, r.time, sign(arena, &r), r.more ? r.more : "", strlen(r.body), r.body);
}

/* Its status. */
FIXTURE int tell(int port, const char *body)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *text = signed_text(arena, &(struct signed_request){ .body = body });

	return send_raw(port, text, strlen(text), WAIT_MS);
}

FIXTURE int64_t stream_len(struct world *w, const char *name)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *argv[] = { "XLEN", world_key(w, arena, name), NULL };

	return world_redis_int(w, argv);
}

#endif
