#include "daemon/http_client.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "daemon/http_client_internal.h"

#define BURST_US 20000 /* how far the pace may catch up after a late wake-up */

static int64_t mono_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now); /* a Retry-After goes on while the machine sleeps */
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void http_client_note(struct http_client *client, int priority, const char *format, ...)
{
	char line[400];
	va_list args;

	if (!client->settings.note)
		return;
	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	client->settings.note(priority, line, client->settings.note_arg);
}

static void list_init(struct request_list *list)
{
	*list = (struct request_list){ .end = &list->first };
}

static void list_add(struct request_list *list, struct request *request)
{
	request->next = NULL;
	*list->end = request;
	list->end = &request->next;
	list->count++;
}

static struct request *list_take(struct request_list *list)
{
	struct request *request = list->first;

	if (!request)
		return NULL;
	list->first = request->next;
	if (!list->first)
		list->end = &list->first;
	list->count--;
	return request;
}

static void request_free(struct request *request)
{
	adapter_free(request->adapter);
	arena_free(request->arena);
}

/* --- outcomes ---------------------------------------------------------------------------------------------------------------- */

static void deliver(struct request *request)
{
	struct http_provider_status *counters = request->provider ? &request->provider->counters : NULL;

	if (request->looked_up) {
		if (counters)
			counters->lookups[request->found]++;
		request->looked_up(request->found, request->found_id, request->arg);
	} else {
		if (counters)
			counters->outcomes[request->outcome.kind]++;
		request->done(&request->outcome, request->arg);
	}
	request_free(request);
}

static void on_deliver(evutil_socket_t fd, short what, void *arg)
{
	struct http_client *client = arg;
	struct request_list settled = client->settled;
	struct request *request;

	(void)fd, (void)what;
	if (settled.count == 0)
		return;
	list_init(&client->settled); /* a callback may start another one, which waits for its own turn of the loop */
	while ((request = list_take(&settled)))
		deliver(request);
}

/* Without a byte having left. The callback comes from the loop. */
static void settle(struct request *request, enum outcome_kind kind, enum outcome_scope scope, const char *reason, int64_t retry_after)
{
	request->outcome = (struct outcome){ .kind = kind, .scope = scope, .reason = reason, .retry_after_ms = retry_after };
	request->found = LOOKUP_FAILED;
	list_add(&request->client->settled, request);
	event_active(request->client->deliver, EV_TIMEOUT, 0);
}

/* Whether the provider is not to be asked now; the request is settled then. */
static bool turned_away(struct request *request, int64_t now)
{
	struct provider *provider = request->provider;

	if (request->client->stopping)
		settle(request, OUTCOME_TEMPORARY, SCOPE_MESSAGE, "stopping", 0);
	else if (now < provider->stopped_until)
		settle(request, OUTCOME_REFUSED, SCOPE_PROVIDER, provider->stopped_reason, 0);
	else if (now < provider->paused_until)
		settle(request, OUTCOME_THROTTLED, SCOPE_MESSAGE, "throttled", (provider->paused_until - now) / 1000 + 1);
	else
		return false;
	return true;
}

static void stop(struct provider *provider, const char *reason, int status)
{
	bool was = mono_us() < provider->stopped_until;
	static const char *const words[] = { "config", "quota", "stopped", "token_expired" };

	provider->stopped_reason = "config";
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(words[i], reason) == 0)
			provider->stopped_reason = words[i];
	provider->stopped_until = mono_us() + (int64_t)HTTP_STOP_MS * 1000;
	if (!was)
		http_client_note(provider->client, LOG_ERR, "http: provider %s refuses this account (%s, status %d): not asked again for %d minutes",
			provider->name, reason, status, HTTP_STOP_MS / 60000);
}

static void pause_provider(struct provider *provider, int64_t retry_after)
{
	int64_t doubled = (int64_t)HTTP_PAUSE_MIN_MS << (provider->throttled < 16 ? provider->throttled : 16);
	int64_t ms = retry_after, until;

	if (ms == 0)
		ms = doubled < HTTP_PAUSE_DOUBLED_MS ? doubled : HTTP_PAUSE_DOUBLED_MS;
	ms = ms < HTTP_PAUSE_MIN_MS ? HTTP_PAUSE_MIN_MS : ms > HTTP_PAUSE_MAX_MS ? HTTP_PAUSE_MAX_MS : ms;
	provider->throttled++;
	until = mono_us() + ms * 1000;
	if (until <= provider->paused_until)
		return;
	provider->paused_until = until;
	http_client_note(provider->client, LOG_WARNING, "http: provider %s asks for a pause of %lld ms", provider->name, (long long)ms);
}

void provider_learn(struct provider *provider, const struct outcome *outcome)
{
	bool whole = outcome->scope == SCOPE_PROVIDER;

	switch (outcome->kind) {
	case OUTCOME_ACCEPTED:
		provider->throttled = 0;
		break;
	case OUTCOME_REFUSED:
		if (whole)
			stop(provider, outcome->reason, outcome->status);
		break;
	case OUTCOME_THROTTLED:
		if (whole || outcome->status == 429)
			pause_provider(provider, outcome->retry_after_ms);
		break;
	case OUTCOME_TEMPORARY:
		if (whole && outcome->status)
			pause_provider(provider, outcome->retry_after_ms);
		break;
	case OUTCOME_IN_DOUBT:
	case OUTCOME_CANCELLED:
	case OUTCOME_COUNT:
		break;
	}
}

/* --- on the wire ---------------------------------------------------------------------------------------------------------------- */

void provider_pump_soon(struct provider *provider)
{
	event_active(provider->pump, EV_TIMEOUT, 0);
}

/* What came before the connection was lost: a person may want to see it. */
static void keep_answer(struct request *request, const struct http_answer *answer)
{
	char *raw;

	if (!answer->head_len)
		return;
	request->outcome.raw_len = answer->head_len + 2 + answer->body_len;
	raw = arena_alloc(request->arena, request->outcome.raw_len + 1);
	memcpy(raw, answer->head, answer->head_len);
	memcpy(raw + answer->head_len, "\r\n", 2);
	memcpy(raw + answer->head_len + 2, answer->body, answer->body_len);
	request->outcome.raw = raw;
	request->outcome.status = answer->status;
}

static void read_outcome(struct request *request, const struct wire_result *result)
{
	const struct http_client_settings *settings = &request->client->settings;
	struct outcome *outcome = &request->outcome;

	switch (result->end) {
	case WIRE_ANSWERED:
		adapter_answer(request->adapter, &result->answer, settings->now(settings->now_arg), request->arena, outcome);
		break;
	case WIRE_UNSENT:
		*outcome = (struct outcome){ .kind = OUTCOME_TEMPORARY, .reason = result->reason };
		break;
	case WIRE_DECLINED:
		*outcome = (struct outcome){ .kind = OUTCOME_CANCELLED, .reason = "not_started" };
		break;
	case WIRE_LOST:
		*outcome = (struct outcome){ .kind = OUTCOME_IN_DOUBT, .reason = result->reason };
		keep_answer(request, &result->answer);
		break;
	}
	outcome->remote = result->remote;
	token_judge(request->provider, outcome);
	provider_learn(request->provider, outcome);
}

/* Off the wire, with its outcome. */
void request_finish(struct request *request)
{
	struct provider *provider = request->provider;

	*request->link = request->next;
	if (request->next)
		request->next->link = request->link;
	provider->active_count--;
	deliver(request);
	provider_pump_soon(provider);
}

static void on_answer(const struct wire_result *result, void *arg)
{
	struct request *request = arg;
	int found;

	if (request->lookup) {
		found = result->end == WIRE_ANSWERED ?
				adapter_lookup_answer(request->lookup, &result->answer, request->arena, &request->found_id) :
				-EIO;
		request->found = found > 0 ? LOOKUP_FOUND : found == 0 ? LOOKUP_MISSED : LOOKUP_FAILED;
	} else {
		read_outcome(request, result);
	}
	request_finish(request);
}

/* The wire has one `arg` for both of its callbacks. */
static bool ask_may_start(void *arg)
{
	struct request *request = arg;

	return request->may_start(request->arg);
}

/*
 * A provider that knows our id again loses nothing when a kept connection turns out dead under a request: the doubt is resolved by a
 * second one with the same id. For one that does not, a new connection each time avoids the doubt.
 */
void request_send(struct request *request)
{
	const struct wire_request wire = {
		.http = &request->http,
		.fresh = !request->lookup && adapter_idempotency_ms(request->adapter) == 0,
		.repeatable = request->lookup && strcmp(request->http.method, "GET") == 0,
		.signer = request->http.signer,
		.body_max = request->lookup ? HTTP_LOOKUP_MAX : HTTP_ANSWER_MAX,
		.may_start = request->lookup ? NULL : ask_may_start,
		.done = on_answer,
		.arg = request,
	};

	wire_start(request->provider->wire, &wire);
}

static void begin(struct request *request)
{
	struct provider *provider = request->provider;

	request->next = provider->active;
	request->link = &provider->active;
	if (request->next)
		request->next->link = &request->next;
	provider->active = request;
	provider->active_count++;
	if (request->message)
		request_go_on(request);
	else
		request_send(request);
}

/* The configuration's word, else the provider file's. */
static int64_t concurrency(const struct provider *provider, const struct request *next)
{
	return provider->settings->concurrency ? provider->settings->concurrency : adapter_concurrency(next->adapter);
}

static int64_t per_second(const struct provider *provider, const struct request *next)
{
	return provider->settings->per_second ? provider->settings->per_second : adapter_per_second(next->adapter);
}

/* True: the pace lets one go now. False: *wait says when to look again. */
static bool keep_pace(struct provider *provider, const struct request *next, int64_t now, int64_t *wait)
{
	int64_t rate = per_second(provider, next);

	if (rate == 0)
		return true;
	if (provider->next_start > now) {
		*wait = provider->next_start - now;
		return false;
	}
	if (provider->next_start < now - BURST_US)
		provider->next_start = now - BURST_US;
	provider->next_start += (1000000 + rate - 1) / rate;
	return true;
}

static void on_pump(evutil_socket_t fd, short what, void *arg)
{
	struct provider *provider = arg;
	int64_t now = mono_us(), wait = 0;

	(void)fd, (void)what;
	while (provider->queue.first) {
		struct request *first = provider->queue.first;
		int64_t left = first->queued_at + (int64_t)HTTP_QUEUE_MS * 1000 - now;

		wait = left;
		if (left > 0 && now >= provider->stopped_until && now >= provider->paused_until && !provider->client->stopping) {
			if ((int64_t)provider->active_count >= concurrency(provider, first) || provider->token_asked ||
				!keep_pace(provider, first, now, &wait))
				break;
			begin(list_take(&provider->queue));
			continue;
		}
		(void)list_take(&provider->queue);
		if (!turned_away(first, now))
			settle(first, OUTCOME_TEMPORARY, SCOPE_MESSAGE, "paced", 0);
	}
	if (!provider->queue.first)
		return;
	if (wait > provider->queue.first->queued_at + (int64_t)HTTP_QUEUE_MS * 1000 - now)
		wait = provider->queue.first->queued_at + (int64_t)HTTP_QUEUE_MS * 1000 - now;
	wait += 999; /* never a little too early, again and again */
	event_add(provider->pump, &(struct timeval){ wait / 1000000, wait % 1000000 });
}

/* --- the port -------------------------------------------------------------------------------------------------------------------- */

static const char *no_secret(const char *credential, void *arg)
{
	(void)credential, (void)arg;
	return NULL;
}

static struct provider *find(const struct http_client *client, const char *name)
{
	for (struct provider *provider = client->providers; provider; provider = provider->next)
		if (strcmp(provider->name, name) == 0)
			return provider;
	return NULL;
}

static bool goes_to_outbox(const struct http_client *client, const struct provider *provider)
{
	return client->settings.config->shadow || (provider && !provider->adapter);
}

static struct request *request_new(struct http_client *client, struct provider *provider, void *arg)
{
	struct arena *arena = arena_create();
	struct request *request = arena_alloc(arena, sizeof(*request));

	request->arena = arena;
	request->client = client;
	request->provider = provider;
	request->adapter = provider && provider->adapter ? adapter_ref(provider->adapter) : NULL;
	request->arg = arg;
	request->queued_at = mono_us();
	return request;
}

void request_refuse(struct request *request, const struct err *err)
{
	struct outcome outcome;

	request_explain(request, err, &outcome);
	settle(request, outcome.kind, outcome.scope, outcome.reason, 0);
}

static void enqueue(struct request *request)
{
	list_add(&request->provider->queue, request);
	provider_pump_soon(request->provider);
}

static void port_start(void *self, const struct message *message, transport_may_start_fn may_start, transport_done_fn done, void *arg)
{
	struct http_client *client = self;
	struct provider *provider = find(client, message->provider);
	struct request *request;

	if (goes_to_outbox(client, provider) && !client->stopping) {
		outbox_start(client->outbox, message, client->settings.now(client->settings.now_arg), may_start, done, arg);
		return;
	}
	request = request_new(client, provider, arg);
	request->may_start = may_start;
	request->done = done;
	if (client->stopping) {
		settle(request, OUTCOME_TEMPORARY, SCOPE_MESSAGE, "stopping", 0);
		return;
	}
	if (!provider) {
		http_client_note(client, LOG_ERR, "http: attempt %s: there is no provider %s", message->attempt_id, message->provider);
		settle(request, OUTCOME_REFUSED, SCOPE_PROVIDER, "config", 0);
		return;
	}
	if (turned_away(request, mono_us()))
		return;
	if (request_prepare(request, message, 0) == 0)
		enqueue(request);
}

static void port_fence(void *self)
{
	struct http_client *client = self;

	for (struct provider *provider = client->providers; provider; provider = provider->next)
		if (provider->wire)
			wire_fence(provider->wire);
}

static int port_forget(void *self, const char *const *attempt_ids, size_t count)
{
	return outbox_forget(((struct http_client *)self)->outbox, attempt_ids, count);
}

static void port_lookup(void *self, const struct message *message, int64_t sent_at, transport_lookup_fn done, void *arg)
{
	struct http_client *client = self;
	struct provider *provider = find(client, message->provider);
	struct request *request;

	if (goes_to_outbox(client, provider)) {
		outbox_lookup(client->outbox, message, done, arg);
		return;
	}
	request = request_new(client, provider, arg);
	request->looked_up = done;
	if (!provider || client->stopping) {
		settle(request, OUTCOME_TEMPORARY, SCOPE_MESSAGE, "stopping", 0);
		return;
	}
	if (turned_away(request, mono_us()))
		return;
	if (request_prepare(request, message, sent_at) == 0)
		enqueue(request);
}

const struct transport_port *http_client_port(struct http_client *client)
{
	return &client->port;
}

/* --- life ------------------------------------------------------------------------------------------------------------------------ */

void http_client_use(struct http_client *client, const struct library *library)
{
	for (size_t i = 0; i < library->provider_count; i++) {
		const struct library_provider *fresh = &library->providers[i];
		struct provider *provider = find(client, fresh->name);

		if (!provider) {
			provider = xcalloc(1, sizeof(*provider));
			provider->client = client;
			provider->name = xstrdup(fresh->name);
			provider->pump = evtimer_new(client->base, on_pump, provider);
			list_init(&provider->queue);
			provider->next = client->providers;
			client->providers = provider;
		}
		adapter_free(provider->adapter);
		provider->adapter = fresh->adapter ? adapter_ref(fresh->adapter) : NULL;
		/* By name from the configuration, which lives on: the library's own pointer may not. */
		provider->settings = config_provider(client->settings.config, fresh->name);
		assert(provider->settings);
		if (!provider->wire && provider->adapter)
			provider->wire = wire_create(client->base, client->settings.ca_file);
		provider->paused_until = provider->stopped_until = 0;
		provider->throttled = provider->tokens_refused = 0;
		token_drop(provider); /* its credentials may be others now */
		provider_pump_soon(provider);
	}
}

void http_client_stop(struct http_client *client)
{
	client->stopping = true;
	for (struct provider *provider = client->providers; provider; provider = provider->next)
		provider_pump_soon(provider);
}

static int64_t left_ms(int64_t until)
{
	int64_t left = until - mono_us();

	return left > 0 ? (left + 999) / 1000 : 0;
}

bool http_client_status(const struct http_client *client, size_t index, struct http_provider_status *ret)
{
	struct outbox_counters outbox;

	for (const struct provider *provider = client->providers; provider; provider = provider->next) {
		struct wire_counters wire;

		if (!provider->wire || index--) /* without: the outbox, which comes last */
			continue;
		wire_count(provider->wire, &wire);
		*ret = provider->counters;
		ret->name = provider->name;
		ret->repeats_stopped = wire.repeats_stopped;
		ret->slow_calls = wire.slow_calls;
		ret->queued = provider->queue.count;
		ret->in_flight = provider->active_count;
		ret->paused_ms = left_ms(provider->paused_until);
		ret->stopped_ms = left_ms(provider->stopped_until);
		return true;
	}
	if (index > 0)
		return false;
	outbox_count(client->outbox, &outbox);
	*ret = (struct http_provider_status){ .name = "outbox", .outbox = true, .in_flight = outbox.in_flight };
	memcpy(ret->outcomes, outbox.outcomes, sizeof(ret->outcomes));
	return true;
}

int http_client_create(struct event_base *base, const struct http_client_settings *settings, const struct library *library,
	struct http_client **ret, struct err *err)
{
	CLEANUP(http_client_destroyp) struct http_client *client = xcalloc(1, sizeof(*client));
	CLEANUP(buf_clear) struct buf dir = { 0 };
	int r;

	client->base = base;
	client->settings = *settings;
	client->settings.state_dir = NULL;
	if (!settings->secret) /* never the form for records: "***" would go out as a password */
		client->settings.secret = no_secret;
	client->port = (struct transport_port){ .self = client, .start = port_start, .lookup = port_lookup,
		.fence = port_fence, .forget = port_forget };
	list_init(&client->settled);
	client->deliver = event_new(base, -1, 0, on_deliver, client);
	r = wire_global_init();
	if (r < 0)
		return err_set(err, r, "no_libcurl", "", "libcurl cannot be used");
	client->global = true;
	buf_printf(&dir, "%s/outbox", settings->state_dir);
	r = outbox_create(base, buf_str(&dir), &client->outbox, err);
	if (r < 0)
		return r;
	http_client_use(client, library);
	*ret = TAKE(client);
	return 0;
}

static void free_list(struct request_list *list)
{
	struct request *request;

	while ((request = list_take(list)))
		request_free(request);
}

static void provider_free(struct provider *provider)
{
	wire_destroy(provider->wire);
	for (struct request *request = provider->active, *next; request; request = next) {
		next = request->next;
		request_free(request);
	}
	free_list(&provider->queue);
	adapter_free(provider->adapter);
	token_drop(provider);
	event_free(provider->pump);
	free(provider->name);
	free(provider);
}

void http_client_destroy(struct http_client *client)
{
	if (!client)
		return;
	for (struct provider *provider = client->providers, *next; provider; provider = next) {
		next = provider->next;
		provider_free(provider);
	}
	free_list(&client->settled);
	outbox_destroy(client->outbox);
	event_free(client->deliver);
	if (client->global)
		wire_global_cleanup();
	free(client);
}
