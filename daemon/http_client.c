#include "daemon/http_client.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "daemon/http_client_internal.h"

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

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

	if (request->asked) {
		request->asked(request->answer, request->arg);
	} else if (request->looked_up) {
		if (counters)
			counters->lookups[request->found]++;
		request->looked_up(request->found, request->found_id, request->arg);
	} else {
		if (counters)
			counters->outcomes[request->outcome.kind]++;
		request_mask(request);
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

static struct pace_time pace_now(const struct http_client *client)
{
	int64_t wall = client->settings.now(client->settings.now_arg);

	return (struct pace_time){ client->settings.played ? wall * 1000 : mono_us(), wall };
}

/* Whether the provider is not to be asked now; the request is settled then. */
static bool turned_away(struct request *request, const struct pace_verdict *verdict)
{
	int64_t wait = verdict->wait_us / 1000 + 1;

	if (request->client->stopping) {
		settle(request, OUTCOME_TEMPORARY, SCOPE_MESSAGE, "stopping", 0);
		return true;
	}
	if (request->looked_up && pace_now(request->client).us < request->provider->lookups_from) {
		settle(request, OUTCOME_THROTTLED, SCOPE_MESSAGE, "throttled", 0);
		return true;
	}
	switch (verdict->why) {
	case PACE_REFUSED:
		settle(request, OUTCOME_REFUSED, SCOPE_PROVIDER, request->provider->stopped_reason, 0);
		return true;
	case PACE_DOWN:
	case PACE_QUOTA:
		settle(request, OUTCOME_TEMPORARY, SCOPE_MESSAGE, verdict->why == PACE_QUOTA ? "quota" : "provider_down", wait);
		return true;
	case PACE_RETRY_AFTER:
		settle(request, OUTCOME_THROTTLED, SCOPE_MESSAGE, "throttled", wait);
		return true;
	default:
		return false;
	}
}

static void note_less(struct provider *provider, const struct outcome *outcome)
{
	const struct pace *pace = provider->pace;
	static const char *const words[] = { "config", "stopped", "token_expired" };
	long long left = (long long)((larger(pace->open ? pace->open_until : 0, pace->paused_until) - pace_now(provider->client).us) / 1000);

	if (pace->open == PACE_DOWN) {
		http_client_note(provider->client, LOG_ERR | MSG(PROVIDER_FAILS), "http: provider %s fails (%s, status %d): one message tries it in %lld s", provider->name,
			outcome->reason, outcome->status, (left + 500) / 1000);
	} else if (pace->open) {
		provider->stopped_reason = "config";
		for (size_t i = 0; i < ARRAY_LEN(words); i++)
			if (strcmp(words[i], outcome->reason) == 0)
				provider->stopped_reason = words[i];
		http_client_note(provider->client, LOG_ERR | MSG(PROVIDER_REFUSES_US), "http: provider %s refuses this account (%s, status %d): not asked again for %lld minutes",
			provider->name, outcome->reason, outcome->status, (left + 30000) / 60000);
	} else {
		http_client_note(provider->client, LOG_WARNING | MSG(PROVIDER_PAUSES), "http: provider %s asks for a pause of %lld ms", provider->name, left);
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
}

/* Off the wire, with its outcome. */
void request_finish(struct request *request)
{
	struct provider *provider = request->provider;
	struct pace_time now = pace_now(request->client);

	*request->link = request->next;
	if (request->next)
		request->next->link = request->link;
	if (pace_end(provider->pace, &now, &request->outcome, mono_us() - request->begun_at))
		note_less(provider, &request->outcome);
	deliver(request);
	provider_pump_soon(provider);
}

/* Being asked too often pauses the provider as ever. That the account may not list is no reason not to send. */
static const struct http_answer *read_poll(struct request *request, const struct wire_result *result)
{
	const struct http_client_settings *settings = &request->client->settings;
	int status = result->end == WIRE_ANSWERED ? result->answer.status : 0;

	request->outcome = (struct outcome){ .kind = status / 100 == 2 ? OUTCOME_ACCEPTED : OUTCOME_CANCELLED, .reason = "poll" };
	if (status == 429)
		adapter_answer(request->adapter, &result->answer, settings->now(settings->now_arg), request->arena, &request->outcome);
	if (status == 401)
		token_drop(request->provider);
	return status ? &result->answer : NULL;
}

/* Lists have limits of their own (Brevo: 300 an hour), so that too many look-ups hold back look-ups alone, for as long as is asked for. */
static void pause_lookups(struct request *request, const struct http_answer *answer)
{
	const struct http_client_settings *settings = &request->client->settings;
	struct outcome outcome;
	int64_t ms;

	adapter_answer(request->adapter, answer, settings->now(settings->now_arg), request->arena, &outcome);
	ms = outcome.retry_after_ms ? outcome.retry_after_ms : HTTP_LOOKUPS_PAUSE_MS;
	ms = larger(ms, PACE_PAUSE_MIN_MS);
	ms = ms < PACE_PAUSE_MAX_MS ? ms : PACE_PAUSE_MAX_MS;
	request->provider->lookups_from = larger(request->provider->lookups_from, pace_now(request->client).us + ms * 1000);
	http_client_note(request->client, LOG_WARNING | MSG(PROVIDER_PAUSES), "http: provider %s asks for a pause of its look-ups of %lld ms",
		request->provider->name, (long long)ms);
}

static void on_answer(const struct wire_result *result, void *arg)
{
	struct request *request = arg;
	int found;

	if (request->poll) {
		request->answer = read_poll(request, result);
	} else if (request->lookup) {
		found = result->end == WIRE_ANSWERED ?
				adapter_lookup_answer(request->lookup, &result->answer, request->arena, &request->found_id) :
				-EIO;
		request->found = found > 0 ? LOOKUP_FOUND : found == 0 ? LOOKUP_MISSED : LOOKUP_FAILED;
		if (result->end == WIRE_ANSWERED && result->answer.status == 401)
			token_drop(request->provider);
		if (result->end == WIRE_ANSWERED && result->answer.status == 429)
			pause_lookups(request, &result->answer);
		/* For the pace alone: who can be asked lives. One that fails tells little, and no message hangs on it. */
		request->outcome = (struct outcome){ .kind = found >= 0 ? OUTCOME_ACCEPTED : OUTCOME_CANCELLED, .reason = "lookup" };
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
	bool reads = request->lookup || request->poll;
	const struct wire_request wire = {
		.http = &request->http,
		.fresh = !reads && adapter_idempotency_ms(request->adapter) == 0,
		.repeatable = reads && strcmp(request->http.method, "GET") == 0,
		.signer = request->http.signer,
		.body_max = request->poll && request->position.item ? HTTP_ITEM_MAX : reads ? HTTP_LOOKUP_MAX : HTTP_ANSWER_MAX,
		.may_start = reads ? NULL : ask_may_start,
		.done = on_answer,
		.arg = request,
	};

	wire_start(request->provider->wire, &wire);
}

static void on_mail(const struct outcome *outcome, void *arg)
{
	struct request *request = arg;

	request->outcome = *outcome;
	request->outcome.reason = arena_strdup(request->arena, outcome->reason);
	request->outcome.provider_id = arena_strdup(request->arena, outcome->provider_id);
	request->outcome.remote = arena_strdup(request->arena, outcome->remote);
	request->outcome.detail = arena_strdup(request->arena, outcome->detail);
	request->outcome.raw = outcome->raw_len ? arena_memdup(request->arena, outcome->raw, outcome->raw_len) : NULL;
	request_finish(request);
}

static void send_mail(struct request *request)
{
	const struct http_client_settings *settings = &request->client->settings;
	struct smtp_request mail = { .message = request->message, .mail = request->mail, .len = request->mail_len,
		.may_start = ask_may_start, .done = on_mail, .arg = request };
	struct smtp_settings smtp;
	struct err err = { 0 };

	if (smtp_settings_read(request->provider->settings, &smtp, &err) == 0 && smtp.password) {
		mail.password = settings->secret(smtp.password, settings->secret_arg);
		if (!mail.password)
			(void)err_set(&err, -ENOENT, "no_credential", "", "the credential \"%s\" is not there", smtp.password);
	}
	if (err.code[0]) {
		request_explain(request, &err, &request->outcome);
		request_finish(request);
		return;
	}
	mail.settings = &smtp;
	smtp_client_start(request->client->smtp, &mail);
}

static void begin(struct request *request)
{
	struct provider *provider = request->provider;

	request->next = provider->active;
	request->link = &provider->active;
	if (request->next)
		request->next->link = &request->next;
	provider->active = request;
	request->begun_at = mono_us();
	if (request->mail)
		send_mail(request);
	else if (request->message || request->poll)
		request_go_on(request);
	else
		request_send(request);
}

static struct request *take_first(struct provider *provider)
{
	provider->pace->queued--;
	return list_take(&provider->queue);
}

static void on_pump(evutil_socket_t fd, short what, void *arg)
{
	struct provider *provider = arg;
	int64_t wait = 0, left = 0;

	(void)fd, (void)what;
	while (provider->queue.first) {
		struct request *first = provider->queue.first;
		struct pace_limits limits = paces_limits(provider->settings, first->adapter); /* as it was when the request was made */
		struct pace_time now = pace_now(provider->client);
		struct pace_verdict verdict = { 0 };

		left = first->queued_at + (int64_t)HTTP_QUEUE_MS * 1000 - mono_us();
		wait = left;
		pace_limit(provider->pace, &limits);
		if (left > 0 && !provider->client->stopping) {
			if (provider->token_asked)
				break;
			if (first->looked_up && now.us < provider->lookups_from) {
				(void)turned_away(take_first(provider), &verdict);
				continue;
			}
			verdict = pace_start(provider->pace, &now, !first->looked_up && !first->poll);
			if (verdict.why == PACE_GO) {
				begin(take_first(provider));
				continue;
			}
			if (verdict.why == PACE_RATE || verdict.why == PACE_CONCURRENCY) {
				wait = verdict.wait_us;
				break;
			}
		}
		(void)take_first(provider);
		if (!turned_away(first, &verdict))
			settle(first, OUTCOME_TEMPORARY, SCOPE_MESSAGE, "paced", 0);
	}
	if (!provider->queue.first)
		return;
	if (wait > left)
		wait = left;
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
	return client->settings.config->shadow || (provider && !provider->adapter && !provider->smtp);
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

static int prepare_mail(struct request *request, const struct message *message)
{
	CLEANUP(buf_clear) struct buf mail = { 0 };
	struct message *copy = arena_alloc(request->arena, sizeof(*copy));
	struct err err = { 0 };
	int r = smtp_mail(message, &mail, &err);

	if (r < 0) {
		request_refuse(request, &err);
		return r;
	}
	/* Of the message itself only who it is from and for is still wanted. */
	*copy = (struct message){ .to.email = arena_strdup(request->arena, message->to.email),
		.from = { .email = arena_strdup(request->arena, message->from.email),
			.reply_to = arena_strdup(request->arena, message->from.reply_to) } };
	request->message = copy;
	request->mail = arena_memdup(request->arena, mail.data, mail.len);
	request->mail_len = mail.len;
	return 0;
}

/* Into the queue, unless the provider is not to be asked at all. */
static void enqueue(struct request *request, const struct message *message, int64_t sent_at)
{
	struct provider *provider = request->provider;
	struct pace_time now = pace_now(request->client);
	struct pace_verdict verdict = pace_ask(provider->pace, &now, 0);

	if (turned_away(request, &verdict))
		return;
	if (!request->poll && (provider->smtp ? prepare_mail(request, message) : request_prepare(request, message, sent_at)) < 0)
		return;
	provider->pace->queued++;
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
		http_client_note(client, LOG_ERR | MSG(CANNOT_SEND), "http: attempt %s: there is no provider %s", message->attempt_id, message->provider);
		settle(request, OUTCOME_REFUSED, SCOPE_PROVIDER, "config", 0);
		return;
	}
	enqueue(request, message, 0);
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
	if (!provider || provider->smtp || client->stopping) { /* a mail server cannot be asked */
		settle(request, OUTCOME_TEMPORARY, SCOPE_MESSAGE, "stopping", 0);
		return;
	}
	enqueue(request, message, sent_at);
}

void http_client_ask(struct http_client *client, const char *provider, const struct adapter *adapter, const struct poll *poll,
	const struct poll_position *position, http_asked_fn fn, void *arg)
{
	struct provider *of = find(client, provider);
	struct request *request = request_new(client, of, arg);

	adapter_free(request->adapter);
	request->adapter = adapter_ref(adapter);
	request->asked = fn;
	request->poll = poll;
	request->position = (struct poll_position){ .has_cursor = position->has_cursor, .cursor = position->cursor,
		.page = arena_strdup(request->arena, position->page), .item = arena_strdup(request->arena, position->item) };
	if (!of || client->stopping || goes_to_outbox(client, of))
		settle(request, OUTCOME_TEMPORARY, SCOPE_MESSAGE, "stopping", 0);
	else
		enqueue(request, NULL, 0);
}

const struct transport_port *http_client_port(struct http_client *client)
{
	return &client->port;
}

/* --- life ------------------------------------------------------------------------------------------------------------------------ */

void http_client_use(struct http_client *client, const struct library *library)
{
	struct paces *paces = client->settings.paces ? client->settings.paces : client->own_paces;

	paces_use(paces, library);
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
		provider->smtp = fresh->smtp != NULL;
		/* By name from the configuration, which lives on: the library's own pointer may not. */
		provider->settings = config_provider(client->settings.config, fresh->name);
		assert(provider->settings);
		if (!provider->wire && provider->adapter)
			provider->wire = wire_create(client->base, client->settings.ca_file);
		provider->pace = paces_find(paces, fresh->name);
		provider->tokens_refused = 0;
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

static int64_t left_ms(const struct http_client *client, int64_t until)
{
	int64_t left = until - pace_now(client).us;

	return left > 0 ? (left + 999) / 1000 : 0;
}

bool http_client_status(const struct http_client *client, size_t index, struct http_provider_status *ret)
{
	struct outbox_counters outbox;

	for (const struct provider *provider = client->providers; provider; provider = provider->next) {
		struct wire_counters wire = { 0 };

		if ((!provider->wire && !provider->smtp) || index--) /* neither: the outbox, which comes last */
			continue;
		if (provider->wire)
			wire_count(provider->wire, &wire);
		*ret = provider->counters;
		ret->name = provider->name;
		ret->repeats_stopped = wire.repeats_stopped;
		ret->slow_calls = wire.slow_calls;
		ret->queued = provider->queue.count;
		ret->pace = provider->pace;
		ret->in_flight = provider->pace->active;
		ret->paused_ms = left_ms(client, provider->pace->paused_until);
		ret->stopped_ms = provider->pace->open ? left_ms(client, provider->pace->open_until) : 0;
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
	if (!settings->paces)
		client->own_paces = paces_create(settings->config);
	client->deliver = event_new(base, -1, 0, on_deliver, client);
	r = wire_global_init(err);
	if (r < 0)
		return r;
	client->global = true;
	buf_printf(&dir, "%s/outbox", settings->state_dir);
	r = outbox_create(base, buf_str(&dir), &client->outbox, err);
	if (r < 0)
		return r;
	r = smtp_client_create(base, settings->ca_file, &client->smtp);
	if (r < 0)
		return err_set(err, r, "no_eventfd", "", "no mail server can be spoken to: %s", strerror(-r));
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
	smtp_client_destroy(client->smtp); /* its threads speak for the requests that go with the providers */
	for (struct provider *provider = client->providers, *next; provider; provider = next) {
		next = provider->next;
		provider_free(provider);
	}
	free_list(&client->settled);
	outbox_destroy(client->outbox);
	paces_free(client->own_paces);
	event_free(client->deliver);
	if (client->global)
		wire_global_cleanup();
	free(client);
}
