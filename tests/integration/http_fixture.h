/*
 * http_fixture - a client with four providers, the peer that all of them lead to, and trips of messages between them. For the tests of
 * http_client.
 */
#ifndef DUNNINGD_TESTS_INTEGRATION_HTTP_FIXTURE_H
#define DUNNINGD_TESTS_INTEGRATION_HTTP_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/utc.h"
#include "daemon/http_client.h"
#include "daemon/http_client_wire.h"
#include "tests/support/http_peer.h"

#define NOW INT64_C(1772442000000) /* 2026-03-02T09:00:00Z */
#define WAIT_S 60 /* a test that hangs fails then */
#define OK "HTTP/1.1 202 Accepted\r\nContent-Length: 14\r\n\r\n{\"id\":\"msg_1\"}"
#define NO(status, more) "HTTP/1.1 " status "\r\n" more "Content-Length: 2\r\n\r\n{}"

enum which { SAFE, PLAIN, SLOW, OUTBOX, PROVIDERS };

/* What became of one message. */
struct trip {
	struct fixture *f;
	bool declines; /* may_start says no */
	bool again; /* the callback starts another one, trips[1] */
	bool started; /* start() has returned */
	unsigned asked, done, looked_up;
	struct arena *arena;
	struct outcome outcome;
	enum lookup_result found;
	const char *found_id;
};

struct fixture {
	char dir[64], ca[80];
	struct event_base *base;
	struct http_peer *peer;
	struct config config;
	struct provider_settings settings[PROVIDERS];
	const char *pairs[5];
	struct library library;
	struct library_provider providers[PROVIDERS];
	struct http_client *client;
	struct trip trips[300];
	char ids[300][ATTEMPT_ID_SIZE];
	struct buf notes;
	char url[80];
	bool no_secrets, slashed, late; /* slashed: the secret has what is escaped */
	int64_t first_asked, last_asked; /* mono ms */
};

static const char *secret(const char *credential, void *arg)
{
	struct fixture *f = arg;

	return !f->no_secrets && strcmp(credential, "mail-token") == 0 ? (f->slashed ? "a/b+c\"d" : "s3cret") : NULL;
}

static inline int64_t now(void *arg)
{
	(void)arg;
	return NOW;
}

static inline void on_note(int priority, const char *line, void *arg)
{
	struct fixture *f = arg;

	buf_printf(&f->notes, "<%d>%s\n", priority & LOG_PRIMASK, line);
}

static inline struct adapter *make_adapter(const char *name, const char *features, const char *limits, int timeout_ms, const char *id)
{
	CLEANUP(buf_clear) struct buf json = { 0 };
	struct adapter *adapter = NULL;
	struct err err = { 0 };

	buf_printf(&json,
		"{\"adapter\":1,\"name\":\"%s\",\"channel\":[\"email\",\"sms\"],"
		"\"config\":{\"url\":{\"required\":true},\"token\":{\"required\":true,\"secret\":true}},"
		"\"features\":{\"max_request_bytes\":4194304,%s},\"limits\":{%s},"
		"\"send\":{\"method\":\"POST\",\"url\":\"{config.url}/send\",\"auth\":{\"kind\":\"bearer\",\"token\":\"{config.token}\"},"
		"\"body\":{\"kind\":\"json\",\"value\":{\"attempt\":\"{dispatch.id}\",\"text\":\"{text}\"}},\"timeout_ms\":%d},"
		"\"response\":{\"id\":\"%s\",\"rules\":[]},"
		"\"lookup\":{\"request\":{\"method\":\"GET\",\"url\":\"{config.url}/messages\",\"query\":[[\"attempt\",\"{dispatch.id}\"]]},"
		"\"each\":\"/messages\",\"match\":{\"/attempt\":\"{dispatch.id}\"},\"id\":\"/id\",\"conclusive_after_s\":60}}",
		name, features, limits, timeout_ms, id);
	if (adapter_parse(buf_str(&json), json.len, &adapter, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	return adapter;
}

static inline void make_adapters(struct fixture *f, const char *id)
{
	static const char known[] = "\"idempotency\":{\"kind\":\"header\",\"header\":\"Idempotency-Key\",\"window_s\":86400}";

	f->providers[SAFE].adapter = make_adapter("safe", known, "", 20000, id);
	f->providers[PLAIN].adapter = make_adapter("plain", "\"idempotency\":\"none\"", "\"concurrency\":2", 20000, id);
	f->providers[SLOW].adapter = make_adapter("slow", known, "\"per_second\":4", 1000, id);
}

static inline void free_adapters(struct fixture *f)
{
	for (size_t i = 0; i < PROVIDERS; i++)
		adapter_free((struct adapter *)(uintptr_t)f->providers[i].adapter);
}

static inline void open_client(struct fixture *f, const char *ca, adapter_secret_fn secrets)
{
	const struct http_client_settings settings = { .config = &f->config, .state_dir = f->dir, .ca_file = ca, .secret = secrets,
		.secret_arg = f, .now = now, .note = on_note, .note_arg = f };
	struct err err = { 0 };

	if (http_client_create(f->base, &settings, &f->library, &f->client, &err) < 0)
		fail_msg("%s", err.text);
}

static inline int setup(void **state)
{
	static const char *const names[PROVIDERS] = { "safe", "plain", "slow", "outbox" };
	struct fixture *f = calloc(1, sizeof(*f));
	struct event_config *config = event_config_new();

	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/dunningd-http-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->ca, sizeof(f->ca), "%s/ca.pem", f->dir);
	event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
	f->base = event_base_new_with_config(config);
	event_config_free(config);
	f->peer = http_peer_create(NULL);
	(void)snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%u", http_peer_port(f->peer));
	f->pairs[0] = "url";
	f->pairs[1] = f->url;
	f->pairs[2] = "token";
	f->pairs[3] = "mail-token";
	make_adapters(f, "/id");
	for (size_t i = 0; i < PROVIDERS; i++) {
		f->settings[i] = (struct provider_settings){ .name = names[i], .settings = f->pairs, .failures = 1000 };
		f->providers[i].name = names[i];
		f->providers[i].settings = &f->settings[i];
	}
	f->config.providers = f->settings;
	f->library.providers = f->providers;
	f->config.provider_count = f->library.provider_count = PROVIDERS;
	for (size_t i = 0; i < ARRAY_LEN(f->trips); i++) {
		f->trips[i].f = f;
		(void)snprintf(f->ids[i], sizeof(f->ids[i]), "01HQZZ00000000000000000%03u", (unsigned)i);
	}
	open_client(f, NULL, secret);
	*state = f;
	return 0;
}

static inline void remove_dir(const char *dir)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	char **names;
	size_t count;

	if (file_list(arena, dir, "", &names, &count) == 0)
		for (size_t i = 0; i < count; i++)
			assert_int_equal(unlink(arena_printf(arena, "%s/%s", dir, names[i])), 0);
	assert_int_equal(rmdir(dir), 0);
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;
	char outbox[80];

	http_client_destroy(f->client);
	http_peer_destroy(f->peer);
	event_base_free(f->base);
	free_adapters(f);
	for (size_t i = 0; i < ARRAY_LEN(f->trips); i++)
		arena_free(f->trips[i].arena);
	(void)unlink(f->ca);
	(void)snprintf(outbox, sizeof(outbox), "%s/outbox", f->dir);
	remove_dir(outbox);
	assert_int_equal(rmdir(f->dir), 0);
	buf_clear(&f->notes);
	free(f);
	return 0;
}

/* --- the flow's side ----------------------------------------------------------------------------------------------------- */

static inline int64_t mono_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline void send_one(struct fixture *f, enum which which, size_t n);

static inline bool may_start(void *arg)
{
	struct trip *trip = arg;

	trip->asked++;
	trip->f->last_asked = mono_ms();
	return !trip->declines;
}

static inline void on_done(const struct outcome *outcome, void *arg)
{
	struct trip *trip = arg;

	assert_true(trip->started); /* never from within the starting call */
	trip->done++;
	trip->arena = arena_create();
	trip->outcome = *outcome;
	trip->outcome.reason = arena_strdup(trip->arena, outcome->reason);
	trip->outcome.provider_id = arena_strdup(trip->arena, outcome->provider_id);
	trip->outcome.remote = arena_strdup(trip->arena, outcome->remote);
	trip->outcome.detail = arena_strdup(trip->arena, outcome->detail);
	trip->outcome.raw = outcome->raw_len ? arena_memdup(trip->arena, outcome->raw, outcome->raw_len) : NULL;
	if (trip->again)
		send_one(trip->f, SAFE, 1);
}

static inline void on_lookup(enum lookup_result result, const char *provider_id, void *arg)
{
	struct trip *trip = arg;

	assert_true(trip->started);
	trip->looked_up++;
	trip->found = result;
	if (!trip->arena)
		trip->arena = arena_create();
	trip->found_id = arena_strdup(trip->arena, provider_id);
}

static inline struct message make_message(struct fixture *f, enum which which, size_t n)
{
	static const char *const invoices[] = { "INV-1" };

	return (struct message){ .attempt_id = f->ids[n], .channel = CHANNEL_EMAIL, .provider = f->settings[which].name,
		.to = { .name = "A", .email = "a@example.com" }, .from = { .name = "B", .email = "b@example.com" }, .locale = "en",
		.subject = "Invoice", .text = "Please pay", .debtor_id = "D1", .step = "s", .policy = "p", .invoice_ids = invoices,
		.invoice_count = 1 };
}

static inline void send_message(struct fixture *f, const struct message *message, size_t n)
{
	const struct transport_port *port = http_client_port(f->client);

	port->start(port->self, message, may_start, on_done, &f->trips[n]);
	f->trips[n].started = true;
}

static inline void send_one(struct fixture *f, enum which which, size_t n)
{
	struct message message = make_message(f, which, n);

	send_message(f, &message, n);
}

static inline void look_up(struct fixture *f, enum which which, size_t n)
{
	const struct transport_port *port = http_client_port(f->client);
	struct message message = make_message(f, which, n);

	port->lookup(port->self, &message, NOW - 1000, on_lookup, &f->trips[n]);
	f->trips[n].started = true;
}

static inline void on_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	*(bool *)arg = true;
}

/* Runs the loop until `condition` holds. */
#define UNTIL(f, condition)                                                                              \
	do {                                                                                             \
		struct event *late_ = evtimer_new((f)->base, on_late, &(f)->late);                       \
		event_add(late_, &(struct timeval){ .tv_sec = WAIT_S });                                 \
		while (!(condition)) {                                                                   \
			event_base_loop((f)->base, EVLOOP_ONCE);                                         \
			if ((f)->late)                                                                   \
				fail_msg("it never came: " #condition);                                  \
		}                                                                                        \
		event_free(late_);                                                                       \
	} while (0)

/* For conditions that the peer's thread makes true: the loop does not wake up for them. */
static inline void peer_has(struct fixture *f, size_t requests)
{
	int64_t end = mono_ms() + WAIT_S * 1000;

	while (http_peer_requests(f->peer) < requests) {
		event_base_loop(f->base, EVLOOP_NONBLOCK);
		if (mono_ms() > end)
			fail_msg("the peer never got %zu requests", requests);
	}
}

static const struct outcome *trip_ends(struct fixture *f, size_t n)
{
	UNTIL(f, f->trips[n].done);
	return &f->trips[n].outcome;
}

/* Sends one message and tells what became of it. */
static inline const struct outcome *trip(struct fixture *f, enum which which, size_t n)
{
	send_one(f, which, n);
	return trip_ends(f, n);
}

static inline void script(struct fixture *f, enum peer_act act, const char *bytes)
{
	const struct peer_step step = { act, bytes };

	http_peer_script(f->peer, &step, 1);
}

static inline struct http_provider_status status_of(struct fixture *f, enum which which)
{
	struct http_provider_status status;

	for (size_t i = 0; http_client_status(f->client, i, &status); i++)
		if (strcmp(status.name, f->settings[which].name) == 0)
			return status;
	fail_msg("no status of %s", f->settings[which].name);
	return status;
}

#define assert_outcome(got_, kind_, reason_)                               \
	do {                                                                  \
		const struct outcome *o_ = (got_);                         \
		assert_string_equal(outcome_names[o_->kind], outcome_names[kind_]); \
		assert_string_equal(o_->reason, reason_);                     \
	} while (0)

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
