/*
 * ctl_fixture - an installation in a folder of its own, for the tests of dunningctl: a real redis-server, the daemon's own flow over its
 * own store, journal, key store and clock in this process, and the program itself as a child. Only the provider is a stand-in: it
 * answers each message as the test says. Included by one file a program.
 */
#ifndef TESTS_CTL_FIXTURE_H
#define TESTS_CTL_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/hash.h"
#include "common/keys.h"
#include "common/library.h"
#include "common/redis_link.h"
#include "common/utc.h"
#include "daemon/clock.h"
#include "daemon/control.h"
#include "daemon/dunner.h"
#include "daemon/journal.h"
#include "daemon/keystore.h"
#include "daemon/redis_store.h"
#include "tests/support/redis_server.h"
#include "tests/support/tree.h"

#define WAIT_MS 30000
#define START "2026-03-02T09:00:00Z" /* a Monday, 10:00 in Paris */
#define FIXTURE static __attribute__((unused))
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

struct fixture {
	char dir[64], config_file[96], state[80], credentials[96], share[80], control[80];
	struct redis_server redis;
	struct event_base *base;
	struct arena *arena;
	struct config *config;
	struct library *library;
	struct clock *clock;
	struct keystore *keys;
	struct journal *journal;
	struct redis_store *store;
	struct redis_link *link;
	struct dunner *dunner;
	struct transport_port transport;
	struct dunner_ports ports;
	enum outcome_kind answer; /* of the provider */
	enum channel refuses; /* it refuses all that goes by this channel; CHANNEL_COUNT = none */
	int sent;
	uint8_t install_key[32], wrap_key[32];
	bool bare; /* dunningctl is told of no folder */
	/* the last run of dunningctl */
	struct buf out, err;
};

FIXTURE int64_t mono_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

FIXTURE void put(const struct fixture *f, const char *name, const void *data, size_t len)
{
	char path[200];

	(void)snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	assert_int_equal(file_replace(path, data, len, 0600), 0);
}

FIXTURE void put_text(const struct fixture *f, const char *name, const char *text)
{
	put(f, name, text, strlen(text));
}

/* --- what is installed ------------------------------------------------------------------------------------------------------------ */

#define POLICY(name, steps)                                                                                                     \
	"{\"name\":\"" name "\",\"title\":\"Test\",\"window\":{\"zone\":\"debtor\",\"days\":\"mon-fri\",\"hours\":\"09:00-17:30\"}," \
	"\"caps\":[],\"min_gap\":\"24h\",\"steps\":[" steps "]}\n"
#define MAIL(id, at, tone) "{\"id\":\"" id "\",\"at\":\"" at "\",\"channel\":\"email\",\"template\":\"note\",\"tone\":\"" tone "\"}"

FIXTURE void install(struct fixture *f)
{
	static const char *const folders[] = { "credentials", "state", "share/policies", "share/templates/en", "share/providers", "share/law" };
	char path[200], text[1600];

	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", f->dir, folders[i]);
		assert_int_equal(file_make_dirs(path, 0700), 0);
	}
	memset(f->wrap_key, 7, sizeof(f->wrap_key));
	memset(f->install_key, 9, sizeof(f->install_key));
	put(f, "credentials/wrap-key", f->wrap_key, sizeof(f->wrap_key));
	put_text(f, "share/policies/ladder.json",
		POLICY("ladder", MAIL("reminder", "due+1d", "friendly") "," MAIL("second", "due+8d", "neutral") "," MAIL("last", "due+15d", "firm")));
	put_text(f, "share/policies/caller.json",
		POLICY("caller", "{\"id\":\"call\",\"at\":\"due+1d\",\"channel\":\"call\",\"template\":\"note\",\"tone\":\"friendly\",\"deadline\":\"2bd\"},"
			MAIL("after", "due+10d", "neutral")));
	put_text(f, "share/policies/asker.json",
		POLICY("asker", "{\"id\":\"worth-it\",\"at\":\"due+1d\",\"gate\":\"decision\",\"role\":\"owner\"}," MAIL("after", "due+10d", "neutral")));
	put_text(f, "share/templates/en/note.subject", "Invoice {{invoice.number}}");
	put_text(f, "share/templates/en/note.txt", "Dear {{#debtor.name}}{{debtor.name}}{{/debtor.name}}, {{balance}} of invoice {{invoice.number}} is open.\n");
	put_text(f, "share/templates/en/note.sms", "{{balance}} of {{invoice.number}} is open.\n");
	put_text(f, "share/templates/en/note.html", "<p>{{balance}} of {{invoice.number}}</p>");
	(void)snprintf(text, sizeof(text),
		"{\"origin\":\"test.example/acme\",\"instance\":\"host-a\",\"state_dir\":\"%s\",\"control_socket\":\"%s\","
		"\"retention\":{\"file\":\"" SOURCE_DIR "/daemon/share/retention.json\"},"
		"\"redis\":{\"url\":\"unix:%s\"},\"creditor\":{\"name\":\"Acme\",\"locale\":\"en-GB\",\"zone\":\"Europe/Paris\"},"
		"\"senders\":{\"default\":{\"name\":\"Acme\",\"email\":\"accounts@acme.example\"}},\"channels\":{\"email\":\"outbox\",\"sms\":\"outbox\"},"
		"\"policies\":{\"default\":\"ladder\"},\"limits\":{\"segment_bytes\":1048576}}",
		f->state, f->control, f->redis.socket);
	put_text(f, "dunningd.json", text);
}

/* --- the provider's stand-in -------------------------------------------------------------------------------------------------------- */

struct request {
	struct fixture *fixture;
	enum channel channel;
	transport_may_start_fn may_start;
	transport_done_fn done;
	void *arg;
};

FIXTURE void on_request(evutil_socket_t fd, short what, void *arg)
{
	struct request *request = arg;
	struct fixture *f = request->fixture;
	struct outcome outcome = { .kind = OUTCOME_CANCELLED, .reason = "cancelled" };
	char id[32];

	(void)fd, (void)what;
	if (request->may_start(request->arg)) {
		enum outcome_kind answer = request->channel == f->refuses ? OUTCOME_REFUSED : f->answer;

		f->sent++;
		(void)snprintf(id, sizeof(id), "sent-%d", f->sent);
		outcome = (struct outcome){ .kind = answer, .reason = outcome_names[answer],
			.provider_id = answer == OUTCOME_ACCEPTED ? id : NULL, .raw = "HTTP/1.1 202\r\n\r\n", .raw_len = 16 };
	}
	request->done(&outcome, request->arg);
	free(request);
}

FIXTURE void transport_start(void *self, const struct message *message, transport_may_start_fn may_start, transport_done_fn done,
	void *arg)
{
	struct fixture *f = self;
	struct request *request = xmalloc(sizeof(*request));

	*request = (struct request){ f, message->channel, may_start, done, arg };
	assert_int_equal(event_base_once(f->base, -1, EV_TIMEOUT, on_request, request, &(struct timeval){ 0 }), 0);
}

FIXTURE void transport_lookup(void *self, const struct message *message, int64_t sent_at, transport_lookup_fn done, void *arg)
{
	(void)self, (void)message, (void)sent_at, (void)done, (void)arg;
	fail_msg("the outbox is never looked up");
}

/* --- the flow ----------------------------------------------------------------------------------------------------------------------- */

FIXTURE void on_failed(int r, int exit_code, const char *reason, void *arg)
{
	(void)r, (void)exit_code, (void)arg;
	fail_msg("the flow ended: %s", reason);
}

FIXTURE void on_stopped(void *arg)
{
	struct fixture *f = arg;

	event_base_loopbreak(f->base);
}

FIXTURE void take_random(void *self, void *ret, size_t len)
{
	(void)self;
	random_bytes(ret, len);
}
static const struct random_port random_port = { .bytes = take_random };

FIXTURE void wait_for(struct fixture *f, bool (*holds)(struct fixture *f, const void *arg), const void *arg, const char *what)
{
	int64_t deadline = mono_ms() + WAIT_MS;

	while (!holds(f, arg)) {
		if (mono_ms() > deadline)
			fail_msg("it did not come to this: %s\n%s%s", what, buf_str(&f->out), buf_str(&f->err));
		(void)event_base_loopexit(f->base, &(struct timeval){ .tv_usec = 20000 });
		(void)event_base_loop(f->base, EVLOOP_ONCE);
	}
}

FIXTURE bool is_running(struct fixture *f, const void *arg)
{
	struct dunner_status status;

	(void)arg;
	dunner_status(f->dunner, &status);
	if (status.state == DUNNER_REFUSED)
		fail_msg("the flow refuses: %s", status.reason);
	return status.state == DUNNER_RUNNING;
}

/* At `start`, or where the state directory's clock stands; there it stands still. */
FIXTURE void start_flow(struct fixture *f, const char *start)
{
	struct played_spec spec = { .rate = 0 };
	struct clock_settings clock = { .played = &spec, .state_dir = f->state, .partitions = 1 };
	struct journal_settings journal = { .state_dir = f->state, .origin = f->config->origin,
		.segment_bytes = (uint64_t)f->config->limits.segment_bytes };
	struct dunner_settings settings = { .config = f->config, .install_key = f->install_key, .build = "test", .boot_id = "boot" };
	struct dunner_callbacks callbacks = { .failed = on_failed, .stopped = on_stopped, .arg = f };
	struct redis_url url;
	struct err err = { 0 };

	assert_int_equal(utc_parse(start, &spec.start), 0);
	assert_int_equal(redis_url_parse(f->redis.socket, &url, &err), 0);
	if (library_load(f->config, f->share, &f->library, &err) < 0 || library_keep(f->library, f->state, &err) < 0 ||
		clock_create(&clock, f->base, &f->clock, &err) < 0 ||
		keystore_open(f->state, f->wrap_key, 100, &f->keys, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	journal.keys = f->keys;
	if (journal_open(&journal, f->base, &f->journal, &err) < 0)
		fail_msg("%s", err.text);
	f->store = redis_store_create(f->base, &url, f->config->prefix, 0, "", NULL, NULL);
	f->transport = (struct transport_port){ .self = f, .start = transport_start, .lookup = transport_lookup };
	f->ports = (struct dunner_ports){ .clock = clock_port(f->clock, 0), .random = &random_port, .journal = journal_port(f->journal),
		.keys = keystore_port(f->keys), .store = redis_store_port(f->store), .transport = &f->transport };
	f->dunner = dunner_create(&f->ports, &settings, f->library, &callbacks);
	dunner_start(f->dunner);
	wait_for(f, is_running, NULL, "the flow runs");
}

FIXTURE bool has_stopped(struct fixture *f, const void *arg)
{
	struct dunner_status status;

	(void)arg;
	dunner_status(f->dunner, &status);
	return status.state == DUNNER_STOPPED;
}

FIXTURE void stop_flow(struct fixture *f)
{
	if (f->dunner) {
		dunner_stop(f->dunner);
		wait_for(f, has_stopped, NULL, "the flow stops");
		dunner_destroy(f->dunner);
	}
	redis_store_destroy(f->store);
	journal_close(f->journal);
	keystore_close(f->keys);
	clock_destroy(f->clock);
	library_free(f->library);
	f->dunner = NULL;
	f->store = NULL;
	f->journal = NULL;
	f->keys = NULL;
	f->clock = NULL;
	f->library = NULL;
}

FIXTURE int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct redis_url url;
	struct err err = { 0 };

	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/dunningd-ctl-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->config_file, sizeof(f->config_file), "%s/dunningd.json", f->dir);
	(void)snprintf(f->state, sizeof(f->state), "%s/state", f->dir);
	(void)snprintf(f->credentials, sizeof(f->credentials), "%s/credentials", f->dir);
	(void)snprintf(f->share, sizeof(f->share), "%s/share", f->dir);
	(void)snprintf(f->control, sizeof(f->control), "%s/control", f->dir);
	f->answer = OUTCOME_ACCEPTED;
	f->refuses = CHANNEL_COUNT;
	f->arena = arena_create();
	f->base = event_base_new();
	redis_server_start(&f->redis, f->dir, NULL);
	install(f);
	assert_int_equal(file_read(f->config_file, 65536, &text, &err), 0);
	if (config_parse(text.data, text.len, &f->config, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	assert_int_equal(redis_url_parse(f->redis.socket, &url, &err), 0);
	f->link = redis_link_create(f->base, &url, NULL, NULL);
	*state = f;
	return 0;
}

FIXTURE int teardown(void **state)
{
	struct fixture *f = *state;

	stop_flow(f);
	redis_link_destroy(f->link);
	event_base_free(f->base);
	config_free(f->config);
	arena_free(f->arena);
	redis_server_stop(&f->redis);
	tree_remove(f->dir);
	buf_clear(&f->out);
	buf_clear(&f->err);
	free(f);
	return 0;
}

/* --- Redis ---------------------------------------------------------------------------------------------------------------------------- */

/* Asks Redis; the words end with NULL. Lives as long as the test. */
FIXTURE const struct redis_reply *redis(struct fixture *f, ...)
{
	const char *argv[16];
	const struct redis_reply *reply;
	size_t argc = 0;
	va_list args;

	va_start(args, f);
	while (argc < ARRAY_LEN(argv) && (argv[argc] = va_arg(args, const char *)))
		argc++;
	va_end(args);
	assert_int_equal(redis_call(f->base, f->link, f->arena, argc, argv, NULL, &reply), 0);
	if (reply->type == REDIS_ERROR)
		fail_msg("%s: %s", argv[0], reply->str);
	return reply;
}

FIXTURE bool is_applied(struct fixture *f, const void *stream)
{
	const struct redis_reply *last = redis(f, "XREVRANGE", stream, "+", "-", "COUNT", "1", NULL),
				 *at = redis(f, "HGET", "dunning:{0}:cursor", stream, NULL);

	if (!last->count)
		return true;
	return at->type == REDIS_STRING && strcmp(at->str, last->items[0].items[0].str) == 0;
}

/* Everything that was pushed or ordered is applied. */
FIXTURE void settle(struct fixture *f)
{
	wait_for(f, is_applied, "dunning:{0}:events", "the events are applied");
	wait_for(f, is_applied, "dunning:{0}:events:operator", "the orders are applied");
}

struct escalation_wait {
	const char *invoice, *text; /* its document holds this text */
};

FIXTURE bool document_holds(struct fixture *f, const void *arg)
{
	const struct escalation_wait *wait = arg;
	const struct redis_reply *reply =
		redis(f, "GET", arena_printf(f->arena, "dunning:{0}:escalation:%s", wait->invoice), NULL);

	return reply->type == REDIS_STRING && strstr(reply->str, wait->text);
}

FIXTURE void wait_document(struct fixture *f, const char *invoice, const char *text)
{
	struct escalation_wait wait = { invoice, text };

	wait_for(f, document_holds, &wait, arena_printf(f->arena, "the document of %s holds %s", invoice, text));
}

/* --- dunningctl ----------------------------------------------------------------------------------------------------------------------- */

FIXTURE void run_child(const struct fixture *f, const char *const *words, size_t count, int in, int out, int err)
{
	const char *argv[40] = { BUILD_DIR "/dunningctl", "--config", f->config_file, "--share", f->share, "--credentials", f->credentials,
		"--who", "ann" };
	size_t n = f->bare ? 1 : 9;

	for (size_t i = 0; i < count; i++)
		argv[n++] = words[i];
	argv[n] = NULL;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
		_exit(126);
	execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

/* Whether the pipe has ended. */
FIXTURE bool drain(int fd, struct buf *to)
{
	for (;;) {
		char text[4096];
		ssize_t n = read(fd, text, sizeof(text));

		if (n < 0)
			return errno != EAGAIN && errno != EINTR;
		if (n == 0)
			return true;
		buf_add(to, text, (size_t)n);
	}
}

/* Runs it while the flow goes on; its exit status. `input` may be NULL. */
FIXTURE int ctl_run(struct fixture *f, const char *input, const char *const *words, size_t count)
{
	int64_t deadline = mono_ms() + WAIT_MS;
	int in[2], out[2], err[2], status;
	bool out_ended = false, err_ended = false;
	pid_t pid;

	buf_reset(&f->out);
	buf_reset(&f->err);
	assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC) | pipe2(err, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		run_child(f, words, count, in[0], out[1], err[1]);
	if (input)
		assert_int_equal(write(in[1], input, strlen(input)), strlen(input)); /* shorter than a pipe holds */
	close(in[0]), close(in[1]), close(out[1]), close(err[1]);
	(void)fcntl(out[0], F_SETFL, O_NONBLOCK);
	(void)fcntl(err[0], F_SETFL, O_NONBLOCK);
	while (!out_ended || !err_ended) {
		struct pollfd both[] = { { out_ended ? -1 : out[0], POLLIN, 0 }, { err_ended ? -1 : err[0], POLLIN, 0 } };

		if (mono_ms() > deadline) {
			(void)kill(pid, SIGKILL);
			(void)waitpid(pid, NULL, 0);
			fail_msg("dunningctl %s does not end", words[0]);
		}
		(void)event_base_loop(f->base, EVLOOP_NONBLOCK);
		(void)poll(both, 2, 5);
		out_ended = out_ended || drain(out[0], &f->out);
		err_ended = err_ended || drain(err[0], &f->err);
	}
	close(out[0]), close(err[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status))
		fail_msg("dunningctl %s died: %s", words[0], buf_str(&f->err));
	return WEXITSTATUS(status);
}

#define COUNT_WORDS(...) (sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))
#define ctl(f, ...) ctl_run(f, NULL, (const char *const[]){ __VA_ARGS__ }, COUNT_WORDS(__VA_ARGS__))
#define ctl_input(f, input, ...) ctl_run(f, input, (const char *const[]){ __VA_ARGS__ }, COUNT_WORDS(__VA_ARGS__))
/* The expected exit status, else what it said. */
#define assert_ctl(f, status, ...)                                                                                             \
	do {                                                                                                                   \
		int got_ = ctl(f, __VA_ARGS__);                                                                                \
		if (got_ != (status))                                                                                          \
			fail_msg("exit status %d, not %d: %s%s", got_, (status), buf_str(&(f)->out), buf_str(&(f)->err));      \
	} while (0)

FIXTURE void assert_says(struct fixture *f, const char *text)
{
	if (!strstr(buf_str(&f->out), text) && !strstr(buf_str(&f->err), text))
		fail_msg("it does not say \"%s\" but: %s%s", text, buf_str(&f->out), buf_str(&f->err));
}

/* The output of the last run as JSON. */
FIXTURE struct json *output(struct fixture *f)
{
	struct json *json = arena_alloc(f->arena, sizeof(*json));
	struct err err = { 0 };

	if (json_parse(f->arena, buf_str(&f->out), f->out.len, JSON_FRACTIONS, json, &err) < 0)
		fail_msg("no JSON (%s): %s%s", err.text, buf_str(&f->out), buf_str(&f->err));
	return json;
}

FIXTURE const char *text_of(const struct json *object, const char *key)
{
	struct json v = json_get(object, key);

	return json_str(&v) ? json_str(&v) : "";
}

FIXTURE int64_t number_of(const struct json *object, const char *key)
{
	struct json v = json_get(object, key);

	return json_int(&v);
}

/* An unpaid invoice of EUR 1,200.00 of a debtor in Paris; in the arena. */
FIXTURE const char *invoice_event(struct fixture *f, const char *id, const char *customer, const char *due_on, const char *policy)
{
	return arena_printf(f->arena,
		"{\"specversion\":\"1.0\",\"id\":\"fin-%s\",\"source\":\"https://billing.example\",\"type\":\"invoice.finalized\","
		"\"subject\":\"invoice/%s\",\"time\":\"2026-02-01T09:00:00Z\",\"data\":{\"invoice\":{\"id\":\"%s\",\"number\":\"F-%s\","
		"\"version\":1,\"kind\":\"standard\",\"status\":\"open\",\"issued_on\":\"2026-02-01\",\"due_on\":\"%s\",\"currency\":\"EUR\","
		"\"total_minor\":120000,\"paid_minor\":0,\"credited_minor\":0,\"due_minor\":120000,\"policy\":\"%s\"},"
		"\"customer\":{\"id\":\"%s\",\"name\":\"Dupont\",\"country\":\"FR\",\"kind\":\"company\",\"locale\":\"fr-FR\","
		"\"timezone\":\"Europe/Paris\",\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"relation\":\"internal\",\"name\":\"Mme Roy\","
		"\"email\":\"compta@dupont.example\",\"phone\":\"+33100000000\",\"channels\":[\"email\",\"call\"]}]}}}",
		id, id, id, id, due_on, policy, customer);
}

FIXTURE const char *fact_event(struct fixture *f, const char *type, const char *id, const char *more)
{
	return arena_printf(f->arena,
		"{\"specversion\":\"1.0\",\"id\":\"%s-%s\",\"source\":\"https://billing.example\",\"type\":\"%s\",\"subject\":\"invoice/%s\","
		"\"time\":\"2026-03-02T08:00:00Z\",\"data\":{\"invoice_id\":\"%s\"%s}}",
		type, id, type, id, id, more);
}

#endif
