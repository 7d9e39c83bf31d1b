/* What comes before the request that sends: a token, kept for as long as it lives, and the steps of the provider's file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/hash.h"
#include "daemon/http_client_internal.h"

#define TOKENS_REFUSED_MAX 3 /* in a row: then it is not the token */

void token_drop(struct provider *provider)
{
	if (provider->token)
		cleanse(provider->token, strlen(provider->token));
	free(provider->token);
	provider->token = NULL;
}

/* One that has ended early is replaced with the next try. When fresh ones are refused too, it is the account. */
void token_judge(struct provider *provider, struct outcome *outcome)
{
	if (outcome->kind != OUTCOME_TEMPORARY || strcmp(outcome->reason, "token_expired") != 0) {
		provider->tokens_refused = 0;
		return;
	}
	token_drop(provider);
	if (++provider->tokens_refused < TOKENS_REFUSED_MAX)
		return;
	outcome->kind = OUTCOME_REFUSED;
	outcome->scope = SCOPE_PROVIDER;
}

/* The request cannot even be made: nothing was sent, and the same would come of it again. */
void request_explain(const struct request *request, const struct err *err, struct outcome *ret)
{
	struct provider *provider = request->provider;
	bool credential = strcmp(err->code, "no_credential") == 0;

	if (credential)
		http_client_note(request->client, LOG_ERR | MSG(CANNOT_SEND), "http: provider %s: %s", provider->name, err->text);
	*ret = (struct outcome){ .kind = OUTCOME_REFUSED,
		.scope = credential				? SCOPE_PROVIDER :
			 strcmp(err->code, "bad_address") == 0	? SCOPE_RECIPIENT :
								  SCOPE_MESSAGE,
		.reason = credential ? "config" : arena_strdup(request->arena, err->code[0] ? err->code : "bad_value") };
}

static struct adapter_input input_of(struct request *request, const struct message *message, int64_t sent_at)
{
	const struct http_client_settings *settings = &request->client->settings;

	request->token = arena_strdup(request->arena, request->provider->token); /* that one may be dropped meanwhile */
	return (struct adapter_input){ .settings = request->provider->settings, .secret = settings->secret,
		.secret_arg = settings->secret_arg, .message = message, .now = settings->now(settings->now_arg), .sent_at = sent_at,
		.token = request->token,
		.bound = request->bound, .bound_count = request->bound_count };
}

static bool has_token(const struct provider *provider)
{
	const struct http_client_settings *settings = &provider->client->settings;

	return provider->token && settings->now(settings->now_arg) < provider->token_until;
}

/* Nothing reached anybody: whatever became of a request before the one that sends, this is certain. */
static void failed_before(struct request *request, const struct wire_result *result)
{
	struct outcome *outcome = &request->outcome;

	if (result->end != WIRE_ANSWERED)
		*outcome = (struct outcome){ .kind = OUTCOME_TEMPORARY, .reason = result->reason ? result->reason : "no_connection" };
	outcome->remote = result->remote;
	request->found = LOOKUP_FAILED;
	token_judge(request->provider, outcome);
	request_finish(request);
}

static void on_token(const struct wire_result *result, void *arg)
{
	struct request *request = arg;
	struct provider *provider = request->provider;
	const struct http_client_settings *settings = &request->client->settings;
	const char *token;

	provider->token_asked = false;
	if (result->end != WIRE_ANSWERED ||
		adapter_token_answer(request->adapter, &result->answer, settings->now(settings->now_arg), request->arena, &token,
			&provider->token_until, &request->outcome) < 0) {
		failed_before(request, result);
		return;
	}
	token_drop(provider);
	provider->token = xstrdup(token);
	provider_pump_soon(provider); /* for those that wait for it */
	request_go_on(request);
}

static void on_step(const struct wire_result *result, void *arg)
{
	struct request *request = arg;
	const struct http_client_settings *settings = &request->client->settings;
	size_t count = 0;

	if (result->end != WIRE_ANSWERED ||
		adapter_step_answer(request->adapter, request->step, &result->answer, settings->now(settings->now_arg), request->arena,
			request->bound + request->bound_count, &count, &request->outcome) < 0) {
		failed_before(request, result);
		return;
	}
	request->bound_count += count;
	request->step++;
	request_go_on(request);
}

static void ask(struct request *request, wire_done_fn done)
{
	const struct wire_request wire = { .http = &request->http, .fresh = true, .signer = request->http.signer, .body_max = HTTP_ANSWER_MAX,
		.done = done, .arg = request };

	wire_start(request->provider->wire, &wire);
}

void request_go_on(struct request *request)
{
	const struct adapter *adapter = request->adapter;
	static const struct message nobody = { 0 }; /* a poll is about nobody in particular */
	struct adapter_input input = input_of(request, request->message ? request->message : &nobody, request->sent_at);
	bool token = adapter_has_token(adapter) && !has_token(request->provider);
	bool step = !token && !request->looked_up && !request->poll && request->step < adapter_step_count(adapter);
	struct err err = { 0 };
	int r;

	if (token)
		r = adapter_token_request(adapter, &input, request->arena, &request->http, &err);
	else if (step)
		r = adapter_step_request(adapter, request->step, &input, request->arena, &request->http, &err);
	else if (request->poll)
		r = adapter_poll_request(adapter, request->poll, &input, &request->position, request->arena, &request->http, &err);
	else if (request->looked_up)
		r = adapter_lookup_request(adapter, &input, request->arena, &request->http, &request->lookup, &err);
	else
		r = adapter_request(adapter, &input, request->arena, &request->http, &err);
	if (r < 0) {
		request_explain(request, &err, &request->outcome);
		if (request->poll || request->looked_up) /* what only a question lacks is no reason not to send */
			request->outcome = (struct outcome){ .kind = OUTCOME_CANCELLED, .reason = "unasked" };
		request->found = LOOKUP_FAILED;
		request_finish(request);
	} else if (token) {
		request->provider->token_asked = true;
		ask(request, on_token);
	} else if (step) {
		ask(request, on_step);
	} else {
		request_send(request);
	}
}

int request_prepare(struct request *request, const struct message *message, int64_t sent_at)
{
	const struct adapter *adapter = request->adapter;
	bool before = adapter_has_token(adapter) || adapter_step_count(adapter) > 0;
	struct adapter_input input = input_of(request, message, sent_at);
	struct message *copy;
	struct err err = { 0 };
	int r;

	if (before)
		input.secret = NULL;
	r = request->looked_up ? adapter_lookup_request(adapter, &input, request->arena, &request->http, &request->lookup, &err) :
				 adapter_request(adapter, &input, request->arena, &request->http, &err);
	if (r < 0) {
		request_refuse(request, &err);
		return r;
	}
	if (!before)
		return 0;
	request->lookup = NULL;
	request->http = (struct http_request){ 0 };
	copy = arena_alloc(request->arena, sizeof(*copy));
	message_copy(message, request->arena, copy);
	request->message = copy;
	request->sent_at = sent_at;
	request->bound = arena_alloc(request->arena, (adapter_step_count(adapter) + 1) * ADAPTER_BINDS_MAX * sizeof(*request->bound));
	return 0;
}
