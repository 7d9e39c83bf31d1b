/*
 * prism - what dunningd asks of the providers, before Prism, which holds each request and each answer to the provider's published
 * description.
 *
 *	prism --prism INDEX.JS --specs DIR [--only NAME] [--keep]
 *
 * For each description, and its strict form, Prism is run as a check (proxy --errors) in front of the sandbox, which answers as that
 * provider does. The real http_client sends messages of every kind through the shipped files: text alone, HTML, a PDF, names beyond
 * ASCII, a text of many parts, a registered letter, and looks each up. A request that is not as described is answered by 422, an answer by
 * 500: both would show as another outcome than accepted. What the sandbox then has is what was sent, and each look-up finds it.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/file.h"
#include "daemon/http_client.h"
#include "tests/support/http_get.h"
#include "tests/support/process.h"
#include "tests/support/shipped.h"

#define WAIT_MS 60000

static const char *prism, *specs;
static char dir[] = "/tmp/dunningd-prism-XXXXXX";

struct trip {
	bool done, looked_up;
	struct outcome outcome;
	char reason[80], raw[4000];
	enum lookup_result found;
};

static bool may_start(void *arg)
{
	(void)arg;
	return true;
}

static void on_done(const struct outcome *outcome, void *arg)
{
	struct trip *trip = arg;
	size_t len = outcome->raw_len < sizeof(trip->raw) - 1 ? outcome->raw_len : sizeof(trip->raw) - 1;

	trip->done = true;
	trip->outcome = *outcome;
	snprintf(trip->reason, sizeof(trip->reason), "%s", outcome->reason);
	if (outcome->raw && outcome->raw_len > len)
		memcpy(trip->raw, outcome->raw + outcome->raw_len - len, len); /* the end: there stand the reasons */
	else if (outcome->raw)
		memcpy(trip->raw, outcome->raw, len);
}

static void on_found(enum lookup_result result, const char *provider_id, void *arg)
{
	struct trip *trip = arg;

	(void)provider_id;
	trip->looked_up = true;
	trip->found = result;
}

static int64_t now(void *arg)
{
	(void)arg;
	return SHIPPED_NOW;
}

static int free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), port;

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		abort();
	port = ntohs(address.sin_port);
	close(fd);
	return port;
}

static bool listens(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

	close(fd);
	return yes;
}

static void wait_listening(struct process *process, int port, const char *log)
{
	int64_t end = real_ms() + WAIT_MS;

	while (!listens(port)) {
		if (real_ms() > end || !process_running(process)) {
			fprintf(stderr, "nothing listens: see %s\n", log);
			exit(1);
		}
		pause_ms(20);
	}
}

/* Returns its port. */
static int start_prism(struct process *process, const char *description, int upstream)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	int port = free_port();
	const char *log = arena_printf(arena, "%s/proxy.log", dir);
	const char *const argv[] = { "node", prism, "proxy", "--errors", "-h", "127.0.0.1", "-p", arena_printf(arena, "%d", port),
		arena_printf(arena, "%s/%s", specs, description), arena_printf(arena, "http://127.0.0.1:%d", upstream), NULL };

	process_start(process, argv, log);
	wait_listening(process, port, log);
	return port;
}

static int start_sandbox(struct process *process)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	int port = free_port();
	const char *log = arena_printf(arena, "%s/sandbox.log", dir);
	const char *const argv[] = { BUILD_DIR "/dunningd-sandbox", "--port", arena_printf(arena, "%d", port), NULL };

	process_start(process, argv, log);
	wait_listening(process, port, log);
	return port;
}

/* --- one provider ---------------------------------------------------------------------------------------------------------- */

struct world {
	struct event_base *base;
	struct config config;
	struct provider_settings settings;
	const char *pairs[24];
	struct library library;
	struct library_provider provider;
	struct http_client *client;
};

static void open_world(struct world *w, const struct shipped *provider, struct adapter *adapter, const char *url)
{
	const struct http_client_settings settings = { .config = &w->config, .state_dir = dir, .secret = shipped_secret, .now = now };
	struct err err = { 0 };
	size_t n = 0;

	*w = (struct world){ .base = event_base_new() };
	for (; provider->settings[n]; n++)
		w->pairs[n] = provider->settings[n];
	w->pairs[n++] = "base_url";
	w->pairs[n++] = url;
	w->settings = (struct provider_settings){ .name = provider->name, .settings = w->pairs, .hooks_url = "https://dunning.example/hooks/us" };
	w->provider = (struct library_provider){ .name = provider->name, .adapter = adapter, .settings = &w->settings };
	w->config.providers = &w->settings;
	w->library.providers = &w->provider;
	w->config.provider_count = w->library.provider_count = 1;
	if (http_client_create(w->base, &settings, &w->library, &w->client, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	*(bool *)arg = true;
}

static bool wait_for(struct world *w, const bool *done)
{
	bool late = false;
	struct event *timer = evtimer_new(w->base, on_late, &late);

	event_add(timer, &(struct timeval){ .tv_sec = WAIT_MS / 1000 });
	while (!*done && !late)
		event_base_loop(w->base, EVLOOP_ONCE);
	event_free(timer);
	return *done;
}

/* The newest message that the sandbox has is this one. */
static bool has_arrived(int sandbox, const struct message *message, size_t count)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(http_reply_clear) struct http_reply reply = { 0 };
	struct json root, messages, last, text, html, subject, files;

	if (http_get(arena_printf(arena, "http://127.0.0.1:%d/messages", sandbox), &reply) != 200)
		return false;
	root = http_reply_json(&reply, arena);
	messages = json_get(&root, "messages");
	last = json_at(&messages, json_len(&messages) ? json_len(&messages) - 1 : 0);
	text = json_get(&last, "text");
	html = json_get(&last, "html");
	subject = json_get(&last, "subject");
	files = json_get(&last, "attachments");
	if (json_len(&messages) != count || json_len(&files) != message->attachment_count)
		return false;
	if (message->channel == CHANNEL_LETTER)
		return true;
	if (message->channel == CHANNEL_EMAIL && (!json_str(&subject) || strcmp(json_str(&subject), message->subject) != 0))
		return false;
	if (message->channel == CHANNEL_EMAIL && message->html && (!json_str(&html) || strcmp(json_str(&html), message->html) != 0))
		return false;
	return json_str(&text) && (message->channel == CHANNEL_VOICE ? strstr(json_str(&text), "<Say") != NULL : strcmp(json_str(&text), message->text) == 0);
}

static int try_variant(struct world *w, const struct shipped *provider, const struct adapter *adapter, enum shipped_variant variant, int sandbox)
{
	const struct transport_port *port = http_client_port(w->client);
	struct message message = shipped_variant(provider, adapter_takes_files(adapter), variant);
	struct trip trip = { 0 };
	char id[ATTEMPT_ID_SIZE] = SHIPPED_ATTEMPT;

	id[ATTEMPT_ID_SIZE - 2] = (char)('0' + variant); /* each message is one of its own */
	message.attempt_id = id;
	message.provider = provider->name;
	port->start(port->self, &message, may_start, on_done, &trip);
	if (!wait_for(w, &trip.done) || trip.outcome.kind != OUTCOME_ACCEPTED) {
		printf("%s, variant %d: %s %s %d\n%s\n", provider->name, variant, trip.done ? outcome_names[trip.outcome.kind] : "no answer",
			trip.reason, trip.outcome.status, trip.raw);
		return 1;
	}
	if (!has_arrived(sandbox, &message, (size_t)variant + 1)) {
		printf("%s, variant %d: the sandbox has something else\n", provider->name, variant);
		return 1;
	}
	if (!adapter_can_lookup(adapter))
		return 0;
	port->lookup(port->self, &message, SHIPPED_NOW, on_found, &trip);
	if (!wait_for(w, &trip.looked_up) || trip.found != LOOKUP_FOUND) {
		printf("%s, variant %d: the look-up does not find it\n", provider->name, variant);
		return 1;
	}
	return 0;
}

static int try_description(const char *name, const char *description)
{
	const struct shipped *provider = shipped_find(name);
	struct adapter *adapter = shipped_load(name);
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct process sandbox = { 0 }, proxy = { 0 };
	int answers = start_sandbox(&sandbox), checks = start_prism(&proxy, description, answers), failed = 0;
	struct world w;

	open_world(&w, provider, adapter, arena_printf(arena, "http://127.0.0.1:%d", checks));
	for (int v = 0; v < SHIPPED_VARIANTS; v++)
		failed += try_variant(&w, provider, adapter, (enum shipped_variant)v, answers);
	http_client_destroy(w.client);
	event_base_free(w.base);
	adapter_free(adapter);
	(void)process_stop(&proxy, 2000);
	(void)process_stop(&sandbox, 2000);
	printf("%s, %s: %d of %d\n", name, description, SHIPPED_VARIANTS - failed, SHIPPED_VARIANTS);
	fflush(stdout);
	return failed;
}

/* The strict form, where there is one, and the other. */
static int try_provider(const struct shipped_description *row)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *strict = strstr(row->description, ".strict");
	int failed = try_description(row->provider, row->description);

	if (strict)
		failed += try_description(row->provider, arena_printf(arena, "%.*s%s", (int)(strict - row->description), row->description,
								 strict + strlen(".strict")));
	return failed;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "prism", required_argument, NULL, 'p' }, { "specs", required_argument, NULL, 's' },
		{ "only", required_argument, NULL, 'o' }, { "keep", no_argument, NULL, 'k' }, { 0 } };
	const char *const remove[] = { "rm", "-rf", dir, NULL };
	const char *only = NULL;
	bool keep = false;
	int failed = 0, c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'p')
			prism = optarg;
		else if (c == 's')
			specs = optarg;
		else if (c == 'o')
			only = optarg;
		else if (c == 'k')
			keep = true;
		else
			return 2;
	}
	if (!prism || !specs || !mkdtemp(dir)) {
		fprintf(stderr, "usage: prism --prism INDEX.JS --specs DIR [--only NAME] [--keep]\n");
		return 2;
	}
	for (size_t i = 0; i < SHIPPED_DESCRIPTIONS; i++)
		if (!only || strcmp(only, shipped_descriptions[i].provider) == 0)
			failed += try_provider(&shipped_descriptions[i]);
	if (!keep && !failed)
		(void)process_run(remove, NULL, 10000);
	else
		printf("logs: %s\n", dir);
	return failed != 0;
}
