/*
 * What is asked before the request that sends: a token, and steps whose answers give values to the next. None of them reaches a
 * recipient. So an answer that is lost, or a server's error, is a failure for certain, to be tried again.
 */
#include <errno.h>
#include <string.h>

#include "common/adapter_internal.h"
#include "common/utc.h"

#define VALUE_MAX 4000
#define TOKEN_LIFETIME_S 300 /* when neither the file nor the answer tells */
#define STEPS_MAX 8

/* --- compiling ---------------------------------------------------------------------------------------------------------- */

static int parse_exchange(struct adapter *adapter, const struct json *json, const struct auth *inherited, struct step *ret,
	struct err *err)
{
	struct json request, rules = { 0 };
	int r;

	if ((r = json_get_object(json, "request", &request, err)) < 0 ||
		(r = plan_parse(adapter, &request, 0, inherited, &ret->request, err)) < 0 ||
		(r = json_opt_array(json, "rules", &rules, err)) < 0 ||
		(r = rules_parse(adapter->arena, &rules, &ret->rules, &ret->rule_count, err)) < 0)
		return r;
	for (size_t i = 0; i < ret->rule_count; i++) {
		if (ret->rules[i].answer->kind == OUTCOME_IN_DOUBT)
			return json_refuse(&rules, NULL, err, "not_one_of", "nothing was sent by this request: it cannot be in doubt");
	}
	return 0;
}

static int parse_token(struct adapter *adapter, const struct json *root, struct err *err)
{
	static const char *const members[] = { "request", "value", "expires_in", "expires_at", "lifetime_s", "rules", NULL };
	struct json json = { 0 }, value;
	struct step *token;
	int r = json_opt_object(root, "token", &json, err);

	if (r < 0 || json.type == JSON_NONE)
		return r;
	token = arena_alloc(adapter->arena, sizeof(*token));
	token->name = "token";
	token->binds[0].name = "token";
	token->bind_count = 1;
	adapter->token_lifetime_s = TOKEN_LIFETIME_S;
	value = json_get(&json, "value");
	if (value.type == JSON_NONE)
		return json_refuse(&json, "value", err, "missing", "is missing: a pointer to the token");
	if ((r = json_only(&json, members, err)) < 0 || (r = parse_exchange(adapter, &json, NULL, token, err)) < 0 ||
		(r = id_source_parse(&value, &token->binds[0].source, err)) < 0 ||
		(r = json_opt_str(&json, "expires_in", 200, &adapter->token_lifetime, err)) < 0 ||
		(r = json_opt_int(&json, "lifetime_s", 30, 30 * 86400, &adapter->token_lifetime_s, err)) < 0)
		return r;
	adapter->token_ends = json_has(&json, "expires_at");
	if (adapter->token_ends && (r = json_get_str(&json, "expires_at", 200, &adapter->token_lifetime, err)) < 0)
		return r;
	if (adapter->token_lifetime &&
		(r = pointer_parse(&json, adapter->token_ends ? "expires_at" : "expires_in", adapter->token_lifetime, err)) < 0)
		return r;
	adapter->token = token; /* from here on it can be named */
	return 0;
}

static int parse_binds(struct adapter *adapter, const struct json *json, struct step *step, struct err *err)
{
	struct json bind, value;
	const char *key;
	int r = json_get_object(json, "bind", &bind, err);

	if (r < 0)
		return r;
	if (json_len(&bind) == 0 || json_len(&bind) > ADAPTER_BINDS_MAX)
		return json_refuse(json, "bind", err, "out_of_range", "must have 1 to %d values", ADAPTER_BINDS_MAX);
	for (size_t i = 0; r == 0 && json_member(&bind, &i, &key, &value);) {
		struct bind *b = &step->binds[step->bind_count++];

		if (!token_valid(key))
			return json_refuse(&bind, key, err, "bad_id", "a name has letters, digits, '-' and '_'");
		b->name = arena_printf(adapter->arena, "%s.%s", step->name, key);
		r = id_source_parse(&value, &b->source, err);
	}
	return r;
}

int steps_parse(struct adapter *adapter, const struct json *root, struct err *err)
{
	static const char *const members[] = { "name", "request", "bind", "rules", NULL };
	struct json list = { 0 };
	int r = parse_token(adapter, root, err);

	if (r < 0 || (r = json_opt_array(root, "steps", &list, err)) < 0)
		return r;
	if (json_len(&list) > STEPS_MAX)
		return json_refuse(&list, NULL, err, "too_long", "more than %d steps", STEPS_MAX);
	adapter->steps = arena_alloc(adapter->arena, (json_len(&list) + 1) * sizeof(*adapter->steps));
	for (size_t i = 0; r == 0 && i < json_len(&list); i++) {
		struct json item = json_at(&list, i);
		struct step *step = &adapter->steps[i];

		if (item.type != JSON_OBJECT)
			return json_refuse(&item, NULL, err, "wrong_type", "must be an object");
		if ((r = json_only(&item, members, err)) < 0 || (r = json_get_id(&item, "name", &step->name, err)) < 0)
			return r;
		if (!token_valid(step->name))
			return json_refuse(&item, "name", err, "bad_id", "a name has letters, digits, '-' and '_'");
		if ((r = parse_exchange(adapter, &item, NULL, step, err)) < 0 || (r = parse_binds(adapter, &item, step, err)) < 0)
			return r;
		adapter->step_count++;
	}
	return r;
}

/* --- asking ------------------------------------------------------------------------------------------------------------------ */

bool adapter_has_token(const struct adapter *adapter)
{
	return adapter->token != NULL;
}

size_t adapter_step_count(const struct adapter *adapter)
{
	return adapter->step_count;
}

int adapter_token_request(const struct adapter *adapter, const struct adapter_input *input, struct arena *arena,
	struct http_request *ret, struct err *err)
{
	const struct scope scope = { .adapter = adapter, .input = input, .arena = arena };

	return plan_build(&scope, &adapter->token->request, NULL, ret, err);
}

int adapter_step_request(const struct adapter *adapter, size_t step, const struct adapter_input *input, struct arena *arena,
	struct http_request *ret, struct err *err)
{
	const struct scope scope = { .adapter = adapter, .input = input, .arena = arena };

	return plan_build(&scope, &adapter->steps[step].request, NULL, ret, err);
}

/* --- the answers ------------------------------------------------------------------------------------------------------------- */

static void classify(int status, struct outcome *ret)
{
	if (status >= 200 && status <= 299)
		*ret = (struct outcome){ .kind = OUTCOME_TEMPORARY, .reason = "no_value" };
	else if (status == 401 || status == 403)
		*ret = (struct outcome){ .kind = OUTCOME_REFUSED, .scope = SCOPE_PROVIDER, .reason = "config" };
	else if (status == 429)
		*ret = (struct outcome){ .kind = OUTCOME_THROTTLED, .reason = "throttled" };
	else if (status >= 400 && status <= 499)
		*ret = (struct outcome){ .kind = OUTCOME_REFUSED, .reason = "refused" };
	else
		*ret = (struct outcome){ .kind = OUTCOME_TEMPORARY, .reason = "server_error" };
}

/* Unlike an id it may be long, and it goes nowhere but into the next request. */
static const char *bound_value(const struct reading *reading, const struct id_source *source)
{
	struct json value = source->pointer ? pointer_get(&reading->body, source->pointer) : (struct json){ 0 };
	const char *text = source->header ? http_head_get(reading->answer, source->header, reading->arena) :
					    scalar_text(&value, reading->arena);

	if (source->transform != ID_PLAIN)
		return reading_id(reading, &reading->body, source);
	if (!text || !*text || strlen(text) > VALUE_MAX)
		return NULL;
	for (const char *p = text; *p; p++) {
		if (*p < ' ' || *p > '~')
			return NULL;
	}
	return text;
}

/* 0: `ret` has all of its values. Otherwise `failed` says why not. */
static int read_step(const struct step *step, const struct reading *reading, struct adapter_bound *ret, struct outcome *failed)
{
	const struct rule *rule = rule_find(reading, step->rules, step->rule_count);
	int status = reading->answer->status;
	size_t n = 0;

	while ((!rule || rule->answer->kind == OUTCOME_ACCEPTED) && status >= 200 && status <= 299 && n < step->bind_count) {
		ret[n] = (struct adapter_bound){ step->binds[n].name, bound_value(reading, &step->binds[n].source) };
		if (!ret[n].value)
			break;
		n++;
	}
	if (n == step->bind_count)
		return 0;
	if (rule && rule->answer->kind != OUTCOME_ACCEPTED)
		*failed = (struct outcome){ .kind = rule->answer->kind, .scope = rule->scope,
			.reason = rule->reason ? rule->reason : rule->answer->name };
	else
		classify(status, failed);
	failed->status = status;
	if (failed->kind == OUTCOME_THROTTLED || failed->kind == OUTCOME_TEMPORARY)
		failed->retry_after_ms = reading_delay(reading, rule);
	failed->raw = reading_raw(reading, &failed->raw_len);
	return -EBADMSG;
}

int adapter_token_answer(const struct adapter *adapter, const struct http_answer *answer, int64_t now, struct arena *arena,
	const char **token, int64_t *until, struct outcome *failed)
{
	struct adapter_bound bound[ADAPTER_BINDS_MAX];
	int64_t lifetime_s = adapter->token_lifetime_s, said;
	struct reading reading;
	struct json value;

	reading_init(&reading, answer, now, arena);
	if (read_step(adapter->token, &reading, bound, failed) < 0) {
		failed->raw = NULL; /* whatever it is: it may hold the token */
		failed->raw_len = 0;
		return -EBADMSG;
	}
	value = adapter->token_lifetime ? pointer_get(&reading.body, adapter->token_lifetime) : (struct json){ 0 };
	said = json_int(&value);
	if (adapter->token_ends && said > 0)
		said = said - now / SECOND_MS;
	if (value.type == JSON_INT && said > 0 && said < 400 * 86400)
		lifetime_s = said;
	*token = bound[0].value;
	*until = now + lifetime_s * SECOND_MS * 9 / 10; /* never used in its last moments */
	return 0;
}

int adapter_step_answer(const struct adapter *adapter, size_t step, const struct http_answer *answer, int64_t now,
	struct arena *arena, struct adapter_bound *ret, size_t *count, struct outcome *failed)
{
	struct reading reading;

	reading_init(&reading, answer, now, arena);
	if (read_step(&adapter->steps[step], &reading, ret, failed) < 0) {
		if (adapter->token && failed->status == 401 && strcmp(failed->reason, "config") == 0)
			*failed = (struct outcome){ .kind = OUTCOME_TEMPORARY, .reason = "token_expired", .status = 401, .raw = failed->raw,
				.raw_len = failed->raw_len };
		return -EBADMSG;
	}
	*count = adapter->steps[step].bind_count;
	return 0;
}
