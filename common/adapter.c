#include "common/adapter.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/adapter_hook_internal.h"
#include "common/adapter_internal.h"
#include "common/utc.h"

#define TEMPLATE_MAX 2000

/* --- loading ------------------------------------------------------------------------------------------------------------ */

static int parse_config(struct adapter *adapter, const struct json *root, struct err *err)
{
	static const char *const members[] = { "required", "secret", "default", "help", NULL };
	struct json config = { 0 }, row;
	const char *key, *help = NULL;
	int r = json_opt_object(root, "config", &config, err);

	adapter->settings =
		arena_alloc(adapter->arena, (json_len(&config) + 1) * sizeof(*adapter->settings));
	for (size_t i = 0; r == 0 && json_member(&config, &i, &key, &row);) {
		struct setting *setting = &adapter->settings[adapter->setting_count++];

		setting->name = key;
		if (!token_valid(key))
			return json_refuse(&config, key, err, "bad_id",
				"a setting's name has letters, digits, '-' and '_'");
		if (row.type != JSON_OBJECT)
			return json_refuse(&config, key, err, "wrong_type", "must be an object");
		if ((r = json_only(&row, members, err)) < 0 ||
			(r = json_opt_bool(&row, "required", &setting->required, err)) < 0 ||
			(r = json_opt_bool(&row, "secret", &setting->secret, err)) < 0 ||
			(r = json_opt_str(&row, "help", 400, &help, err)) < 0 ||
			(r = json_opt_str(&row, "default", TEMPLATE_MAX, &setting->fallback, err)) < 0)
			return r;
		if (setting->secret && setting->fallback)
			return json_refuse(&row, "default", err, "unknown_member",
				"a secret has no default");
	}
	return r;
}

/* "sms", or a list of such words. */
static int parse_channels(struct adapter *adapter, const struct json *root, struct err *err)
{
	struct json value = json_get(root, "channel"), item = value;
	size_t count = value.type == JSON_ARRAY ? json_len(&value) : 1;

	for (size_t i = 0; i < count; i++) {
		size_t channel = 0;

		if (value.type == JSON_ARRAY)
			item = json_at(&value, i);
		while (channel < CHANNEL_COUNT &&
			(item.type != JSON_STRING || strcmp(channel_names[channel], json_str(&item))))
			channel++;
		if (channel == CHANNEL_COUNT)
			return json_refuse(root, "channel", err, "not_one_of",
				"must be email, sms, call, letter or voice, or a list of these");
		adapter->channels |= 1u << channel;
	}
	return adapter->channels ? 0 : json_refuse(root, "channel", err, "missing", "is missing");
}

static int parse_idempotency(struct adapter *adapter, const struct json *features, struct err *err)
{
	static const char *const members[] = { "kind", "header", "window_s", NULL };
	static const char *const kinds[] = { "header", "body", NULL };
	struct json value = json_get(features, "idempotency");
	int64_t window = 0;
	int kind = 0, r;

	if (value.type == JSON_NONE || (value.type == JSON_STRING && !strcmp(json_str(&value), "none")))
		return 0;
	if (value.type != JSON_OBJECT)
		return json_refuse(features, "idempotency", err, "not_one_of",
			"must be \"none\" or {kind, header, window_s}");
	if ((r = json_only(&value, members, err)) < 0 ||
		(r = json_get_word(&value, "kind", kinds, &kind, err)) < 0 ||
		(r = json_get_int(&value, "window_s", 1, 400 * 86400, &window, err)) < 0)
		return r;
	adapter->idempotency_ms = window * SECOND_MS;
	if (kind == 0 && (r = json_get_str(&value, "header", 100, &adapter->idempotency_header, err)) == 0)
		r = header_name_parse(&value, "header", adapter->idempotency_header, err);
	return r;
}

static int parse_features(struct adapter *adapter, const struct json *root, struct err *err)
{
	static const char *const features_members[] = { "idempotency", "max_request_bytes", NULL };
	static const char *const limits_members[] = { "per_second", "concurrency", NULL };
	struct json features = { 0 }, limits = { 0 };
	int r;

	adapter->concurrency = 4;
	adapter->max_request_bytes = 1024 * 1024;
	if ((r = json_opt_object(root, "features", &features, err)) < 0 ||
		(r = json_opt_object(root, "limits", &limits, err)) < 0)
		return r;
	if (features.type == JSON_OBJECT &&
		((r = json_only(&features, features_members, err)) < 0 ||
			(r = json_opt_int(&features, "max_request_bytes", 1000, 50 * 1024 * 1024,
				 &adapter->max_request_bytes, err)) < 0 ||
			(r = parse_idempotency(adapter, &features, err)) < 0))
		return r;
	if (limits.type == JSON_OBJECT &&
		((r = json_only(&limits, limits_members, err)) < 0 ||
			(r = json_opt_int(&limits, "per_second", 1, 100000, &adapter->per_second,
				 err)) < 0 ||
			(r = json_opt_int(&limits, "concurrency", 1, 250, &adapter->concurrency,
				 err)) < 0))
		return r;
	return 0;
}

static int parse_text_member(const struct adapter *adapter, const struct json *json, const char *key,
	unsigned places, struct text *ret, struct err *err)
{
	struct json value = json_get(json, key);

	if (value.type == JSON_NONE)
		return json_refuse(json, key, err, "missing", "is missing");
	return text_parse(adapter, &value, places, ret, err);
}

static int parse_auth(const struct adapter *adapter, const struct json *request, struct auth *ret,
	struct err *err)
{
	static const char *const kinds[] = { "none", "basic", "bearer", "header", "query", NULL };
	static const char *const members[][5] = {
		[AUTH_NONE] = { "kind", NULL },
		[AUTH_BASIC] = { "kind", "user", "password", NULL },
		[AUTH_BEARER] = { "kind", "token", NULL },
		[AUTH_HEADER] = { "kind", "name", "value", NULL },
		[AUTH_QUERY] = { "kind", "name", "value", NULL },
	};
	struct json auth;
	int kind = 0, r;

	if ((r = json_get_object(request, "auth", &auth, err)) < 0 ||
		(r = json_get_word(&auth, "kind", kinds, &kind, err)) < 0 ||
		(r = json_only(&auth, members[kind], err)) < 0)
		return r;
	ret->kind = (enum auth_kind)kind;
	switch (ret->kind) {
	case AUTH_NONE:
		return 0;
	case AUTH_BASIC:
		r = parse_text_member(adapter, &auth, "user", 0, &ret->user, err);
		return r < 0 ? r : parse_text_member(adapter, &auth, "password", 0, &ret->secret, err);
	case AUTH_BEARER:
		return parse_text_member(adapter, &auth, "token", 0, &ret->secret, err);
	case AUTH_HEADER:
	case AUTH_QUERY:
		r = json_get_str(&auth, "name", 100, &ret->name, err);
		if (r == 0)
			r = header_name_parse(&auth, "name", ret->name, err);
		return r < 0 ? r : parse_text_member(adapter, &auth, "value", 0, &ret->secret, err);
	}
	return 0;
}

/* What libcurl writes itself, or what would let a file change how the request is framed. */
static bool header_reserved(const char *name)
{
	static const char *const reserved[] = { "Host", "Content-Length", "Transfer-Encoding",
		"Connection", "Expect", "TE", "Trailer", "Upgrade", "Content-Type" };

	for (size_t i = 0; i < ARRAY_LEN(reserved); i++) {
		if (strcasecmp(reserved[i], name) == 0)
			return true;
	}
	return false;
}

static int check_headers(const struct json *json, const struct field *fields, size_t count,
	struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		const struct field *field = &fields[i];
		int r = 0;

		if (field->kind == NODE_MAP)
			r = json_refuse(json, NULL, err, "bad_header",
				"the names of headers are fixed: no $map");
		else if (field->name)
			r = header_name_parse(json, NULL, field->name, err);
		if (r == 0 && field->name && header_reserved(field->name))
			r = json_refuse(json, NULL, err, "bad_header",
				"the header %s is not the file's to set", field->name);
		for (size_t k = 0; k < 2 && r == 0; k++)
			r = check_headers(json, field->kids[k], field->kid_count[k], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_body(const struct adapter *adapter, const struct json *request, unsigned places,
	struct request_plan *ret, struct err *err)
{
	static const char *const kinds[] = { "json", "form", NULL };
	static const char *const members[][3] = { { "kind", "value", NULL }, { "kind", "fields", NULL } };
	struct json body = { 0 }, value;
	int kind = 0;
	int r = json_opt_object(request, "body", &body, err);

	if (r < 0 || body.type == JSON_NONE)
		return r;
	if ((r = json_get_word(&body, "kind", kinds, &kind, err)) < 0 ||
		(r = json_only(&body, members[kind], err)) < 0)
		return r;
	ret->body = kind == 0 ? BODY_JSON : BODY_FORM;
	value = json_get(&body, members[kind][1]);
	if (value.type == JSON_NONE)
		return json_refuse(&body, members[kind][1], err, "missing", "is missing");
	return kind == 0 ? node_parse(adapter, &value, places, &ret->json, err) :
			   fields_parse(adapter, &value, places, &ret->form, err);
}

/* places: PLACE_LOOKUP for a look-up's. One without auth of its own takes that of `send`. */
static int parse_request(const struct adapter *adapter, const struct json *json, unsigned places,
	struct request_plan *ret, struct err *err)
{
	static const char *const members[] = { "method", "url", "query", "headers", "auth", "body",
		"timeout_ms", NULL };
	static const char *const methods[] = { "POST", "PUT", "GET", NULL };
	struct json headers = { 0 }, query = { 0 };
	int method = 0, r;

	ret->timeout_ms = 30 * SECOND_MS;
	if ((r = json_only(json, members, err)) < 0 ||
		(r = json_get_word(json, "method", methods, &method, err)) < 0 ||
		(r = parse_text_member(adapter, json, "url", places | PLACE_URL, &ret->url, err)) < 0 ||
		(r = json_opt_int(json, "timeout_ms", 1000, 120000, &ret->timeout_ms, err)) < 0 ||
		(r = json_opt_array(json, "query", &query, err)) < 0 ||
		(r = json_opt_array(json, "headers", &headers, err)) < 0 ||
		(r = parse_body(adapter, json, places, ret, err)) < 0)
		return r;
	ret->method = methods[method];
	if (query.type == JSON_ARRAY &&
		(r = fields_parse(adapter, &query, places, &ret->query, err)) < 0)
		return r;
	if (headers.type == JSON_ARRAY &&
		((r = fields_parse(adapter, &headers, places, &ret->headers, err)) < 0 ||
			(r = check_headers(&headers, ret->headers.fields, ret->headers.count, err)) < 0))
		return r;
	if (strcmp(ret->method, "GET") == 0 && ret->body != BODY_NONE)
		return json_refuse(json, "body", err, "unknown_member", "a GET has no body");
	if ((places & PLACE_LOOKUP) && !json_has(json, "auth")) {
		ret->auth = adapter->send.auth;
		return 0;
	}
	return parse_auth(adapter, json, &ret->auth, err);
}

static const char *names_secret(const struct adapter *adapter, const struct text *text)
{
	for (size_t k = 0; k < text->count; k++) {
		const char *name = text->parts[k].ref.name;

		for (size_t i = 0; name && i < adapter->setting_count; i++) {
			if (adapter->settings[i].secret && strcmp(adapter->settings[i].name, name) == 0)
				return name;
		}
	}
	return NULL;
}

/* A secret may stand in a query only where auth says so by name. */
static int check_query(const struct adapter *adapter, const struct json *json,
	const struct field *fields, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		const char *secret = names_secret(adapter, &fields[i].text);

		if (!secret)
			secret = names_secret(adapter, &fields[i].name_text);
		if (secret)
			return json_refuse(json, "query", err, "secret_in_url",
				"\"%s\" is a secret and would stand in a URL", secret);
		for (size_t k = 0; k < 2; k++) {
			int r = check_query(adapter, json, fields[i].kids[k], fields[i].kid_count[k],
				err);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int parse_matches(struct adapter *adapter, const struct json *lookup, struct err *err)
{
	struct lookup_plan *plan = &adapter->lookup;
	struct json match, value;
	const char *key;
	int r = json_get_object(lookup, "match", &match, err);

	if (r < 0)
		return r;
	if (json_len(&match) == 0)
		return json_refuse(lookup, "match", err, "missing",
			"must not be empty: any message would do");
	plan->matches = arena_alloc(adapter->arena, json_len(&match) * sizeof(*plan->matches));
	for (size_t i = 0; r == 0 && json_member(&match, &i, &key, &value);) {
		struct lookup_match *m = &plan->matches[plan->match_count++];

		m->pointer = key;
		r = pointer_parse(&match, key, key, err);
		if (r == 0)
			r = text_parse(adapter, &value, PLACE_LOOKUP, &m->text, err);
	}
	return r;
}

static int parse_lookup(struct adapter *adapter, const struct json *root, struct err *err)
{
	static const char *const members[] = { "request", "each", "match", "id", "since", "more",
		"not_found_status", "not_before_s", "conclusive_after_s", NULL };
	struct lookup_plan *plan = &adapter->lookup;
	struct json lookup = { 0 }, request, id;
	int64_t before = 0, conclusive = 0, not_found = 0;
	int r = json_opt_object(root, "lookup", &lookup, err);

	if (r < 0 || lookup.type == JSON_NONE)
		return r;
	plan->each = "";
	id = json_get(&lookup, "id");
	if ((r = json_only(&lookup, members, err)) < 0 ||
		(r = json_get_object(&lookup, "request", &request, err)) < 0 ||
		(r = parse_request(adapter, &request, PLACE_LOOKUP, &adapter->lookup_request, err)) < 0 ||
		(r = check_query(adapter, &request, adapter->lookup_request.query.fields,
			 adapter->lookup_request.query.count, err)) < 0 ||
		(r = json_opt_str(&lookup, "each", 200, &plan->each, err)) < 0 ||
		(r = pointer_parse(&lookup, "each", plan->each, err)) < 0 ||
		(r = parse_matches(adapter, &lookup, err)) < 0 ||
		(r = json_opt_str(&lookup, "since", 200, &plan->since, err)) < 0 ||
		(r = json_opt_str(&lookup, "more", 200, &plan->more, err)) < 0 ||
		(r = json_opt_int(&lookup, "not_found_status", 404, 410, &not_found, err)) < 0 ||
		(r = json_opt_int(&lookup, "not_before_s", 0, 86400, &before, err)) < 0 ||
		(r = json_opt_int(&lookup, "conclusive_after_s", 1, 30 * 86400, &conclusive, err)) < 0)
		return r;
	if ((plan->since && (r = pointer_parse(&lookup, "since", plan->since, err)) < 0) ||
		(plan->more && (r = pointer_parse(&lookup, "more", plan->more, err)) < 0))
		return r;
	if (strcmp(adapter->lookup_request.method, "GET") != 0)
		return json_refuse(&request, "method", err, "not_one_of", "a look-up is a GET");
	if (id.type == JSON_NONE)
		return json_refuse(&lookup, "id", err, "missing", "is missing");
	adapter->has_lookup = true;
	plan->not_found_status = (int)not_found;
	plan->not_before_ms = before * SECOND_MS;
	plan->conclusive_ms = conclusive * SECOND_MS;
	return id_source_parse(&id, &plan->id, err);
}

static int parse_root(struct adapter *adapter, const struct json *root, struct err *err)
{
	static const char *const members[] = { "adapter", "name", "channel", "help", "config",
		"features", "limits", "send", "response", "lookup", "webhooks", NULL };
	struct json send, response;
	const char *help = NULL;
	int64_t version = 0;
	int r;

	if (root->type != JSON_OBJECT)
		return json_refuse(root, NULL, err, "wrong_type", "must be an object");
	if ((r = json_only(root, members, err)) < 0 ||
		(r = json_get_int(root, "adapter", 1, 1, &version, err)) < 0 ||
		(r = json_get_id(root, "name", &adapter->name, err)) < 0 ||
		(r = json_opt_str(root, "help", TEMPLATE_MAX, &help, err)) < 0 ||
		(r = parse_channels(adapter, root, err)) < 0 ||
		(r = parse_config(adapter, root, err)) < 0 ||
		(r = parse_features(adapter, root, err)) < 0 ||
		(r = json_get_object(root, "send", &send, err)) < 0 ||
		(r = parse_request(adapter, &send, 0, &adapter->send, err)) < 0 ||
		(r = check_query(adapter, &send, adapter->send.query.fields,
			 adapter->send.query.count, err)) < 0 ||
		(r = json_get_object(root, "response", &response, err)) < 0 ||
		(r = response_parse(adapter->arena, &response, &adapter->response, err)) < 0)
		return r;
	if (strcmp(adapter->send.method, "GET") == 0)
		return json_refuse(&send, "method", err, "not_one_of", "must be POST or PUT");
	r = parse_lookup(adapter, root, err);
	return r < 0 ? r : hooks_parse(adapter, root, err);
}

int adapter_parse(const char *json, size_t len, struct adapter **ret, struct err *err)
{
	struct adapter *adapter = xcalloc(1, sizeof(*adapter));
	struct json root;
	int r;

	adapter->references = 1;
	adapter->arena = arena_create();
	r = json_parse(adapter->arena, json, len, JSON_COMMENTS, &root, err);
	if (r == 0)
		r = parse_root(adapter, &root, err);
	if (r < 0)
		adapter_free(adapter);
	else
		*ret = adapter;
	return r;
}

struct adapter *adapter_ref(const struct adapter *adapter)
{
	struct adapter *counted = (struct adapter *)(uintptr_t)adapter;

	counted->references++;
	return counted;
}

void adapter_free(struct adapter *adapter)
{
	if (!adapter || --adapter->references > 0)
		return;
	arena_free(adapter->arena);
	freep(&adapter);
}

const char *adapter_name(const struct adapter *adapter)
{
	return adapter->name;
}

bool adapter_serves(const struct adapter *adapter, enum channel channel)
{
	return adapter->channels >> channel & 1;
}

int64_t adapter_idempotency_ms(const struct adapter *adapter)
{
	return adapter->idempotency_ms;
}

int64_t adapter_concurrency(const struct adapter *adapter)
{
	return adapter->concurrency;
}

int64_t adapter_per_second(const struct adapter *adapter)
{
	return adapter->per_second;
}

bool adapter_can_lookup(const struct adapter *adapter)
{
	return adapter->has_lookup;
}

int64_t adapter_lookup_not_before_ms(const struct adapter *adapter)
{
	return adapter->lookup.not_before_ms;
}

int64_t adapter_lookup_conclusive_ms(const struct adapter *adapter)
{
	return adapter->lookup.conclusive_ms;
}
