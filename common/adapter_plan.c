/* Requests as provider files describe them, compiled and checked: where they go, with which headers, what stands in them. */
#include <string.h>
#include <strings.h>

#include "common/adapter_internal.h"
#include "common/utc.h"

int parse_text_member(const struct adapter *adapter, const struct json *json, const char *key,
	unsigned places, struct text *ret, struct err *err)
{
	struct json value = json_get(json, key);

	if (value.type == JSON_NONE)
		return json_refuse(json, key, err, "missing", "is missing");
	return text_parse(adapter, &value, places, ret, err);
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

/* What a value may not bring into a header, the file may not either. */
static int check_line(const struct json *json, const struct text *text, struct err *err)
{
	for (size_t i = 0; i < text->count; i++) {
		for (const char *p = text->parts[i].literal; p && *p; p++) {
			if ((unsigned char)*p < 0x20 || *p == 0x7f)
				return json_refuse(json, NULL, err, "control_character",
					"a header is one line without control characters");
		}
	}
	return 0;
}

int headers_check(const struct json *json, const struct field *fields, size_t count,
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
		if (r == 0)
			r = check_line(json, &field->text, err);
		for (size_t k = 0; k < 2 && r == 0; k++)
			r = headers_check(json, field->kids[k], field->kid_count[k], err);
		if (r < 0)
			return r;
	}
	return 0;
}

const char *text_secret(const struct adapter *adapter, const struct text *text)
{
	for (size_t k = 0; k < text->count; k++) {
		const struct text_part *part = &text->parts[k];

		if (part->literal)
			continue;
		if (strcmp(part->ref.source, "{token}") == 0 || strncmp(part->ref.source, "{token|", 7) == 0)
			return "token";
		for (size_t i = 0; part->ref.name && i < adapter->setting_count; i++) {
			if (adapter->settings[i].secret && strcmp(adapter->settings[i].name, part->ref.name) == 0)
				return part->ref.name;
		}
	}
	return NULL;
}

/* A secret may stand in a query only where auth says so by name. */
static int check_query(const struct adapter *adapter, const struct json *json,
	const struct field *fields, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		const char *secret = text_secret(adapter, &fields[i].text);

		if (!secret)
			secret = text_secret(adapter, &fields[i].name_text);
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

static int parse_raw(const struct adapter *adapter, const struct json *body, unsigned places, struct request_plan *ret,
	struct err *err)
{
	int r = json_get_str(body, "type", 100, &ret->raw_type, err);

	for (const char *p = ret->raw_type; r == 0 && *p; p++) {
		if (*p < ' ' || *p > '~')
			r = json_refuse(body, "type", err, "bad_header", "must be like text/plain; charset=utf-8");
	}
	return r < 0 ? r : parse_text_member(adapter, body, "value", places, &ret->raw, err);
}

static int parse_body(const struct adapter *adapter, const struct json *request, unsigned places, struct request_plan *ret,
	struct err *err)
{
	static const char *const kinds[] = { "json", "form", "multipart", "raw", NULL };
	static const char *const members[][4] = { { "kind", "value", NULL }, { "kind", "fields", NULL }, { "kind", "fields", NULL },
		{ "kind", "value", "type", NULL } };
	struct json body = { 0 }, value;
	int kind = 0;
	int r = json_opt_object(request, "body", &body, err);

	if (r < 0 || body.type == JSON_NONE)
		return r;
	if ((r = json_get_word(&body, "kind", kinds, &kind, err)) < 0 || (r = json_only(&body, members[kind], err)) < 0)
		return r;
	ret->body = (enum body_kind)(kind + 1);
	value = json_get(&body, members[kind][1]);
	if (value.type == JSON_NONE)
		return json_refuse(&body, members[kind][1], err, "missing", "is missing");
	if (ret->body == BODY_JSON)
		return node_parse(adapter, &value, places, &ret->json, err);
	if (ret->body == BODY_RAW)
		return parse_raw(adapter, &body, places, ret, err);
	return fields_parse(adapter, &value, places | (ret->body == BODY_MULTIPART ? PLACE_MULTIPART : 0), &ret->form, err);
}

/* A beginning that can be judged without the settings: the file's own, or a setting's default. */
static int check_base(const struct adapter *adapter, const struct json *json, const struct text *url, struct err *err)
{
	static const char *const good[] = { "https://", "http://localhost", "http://127.", "http://[::1]" };
	const struct text_part *first = &url->parts[0];
	const char *base = first->literal;

	for (size_t i = 0; !base && first->ref.name && i < adapter->setting_count; i++) {
		if (strcmp(adapter->settings[i].name, first->ref.name) == 0)
			base = adapter->settings[i].fallback;
	}
	for (size_t i = 0; base && i < ARRAY_LEN(good); i++) {
		if (strncmp(base, good[i], strlen(good[i])) == 0)
			base = NULL;
	}
	return base ? json_refuse(json, "url", err, "bad_url", "\"%s\": must begin with https://, or with http:// on this machine", base) : 0;
}

/* Bodies of a GET; and a query, which would have to be sorted before it is signed. */
static int check_plan(const struct json *json, const struct request_plan *plan, struct err *err)
{
	if (strcmp(plan->method, "GET") == 0 && plan->body != BODY_NONE)
		return json_refuse(json, "body", err, "unknown_member", "a GET has no body");
	if (plan->auth.kind == AUTH_SIGV4 && plan->query.count > 0)
		return json_refuse(json, "query", err, "unknown_member", "a request that sigv4 signs has no query");
	return 0;
}

int plan_parse(const struct adapter *adapter, const struct json *json, unsigned places, const struct auth *inherited,
	struct request_plan *ret, struct err *err)
{
	static const char *const members[] = { "method", "url", "query", "headers", "auth", "body", "timeout_ms", NULL };
	static const char *const methods[] = { "POST", "PUT", "GET", NULL };
	struct json headers = { 0 }, query = { 0 };
	int method = 0, r;

	ret->timeout_ms = 30 * SECOND_MS;
	if ((r = json_only(json, members, err)) < 0 || (r = json_get_word(json, "method", methods, &method, err)) < 0 ||
		(r = parse_text_member(adapter, json, "url", (places & ~(unsigned)PLACE_AGAIN) | PLACE_URL, &ret->url, err)) < 0 ||
		(r = check_base(adapter, json, &ret->url, err)) < 0 ||
		(r = json_opt_int(json, "timeout_ms", 1000, 120000, &ret->timeout_ms, err)) < 0 ||
		(r = json_opt_array(json, "query", &query, err)) < 0 || (r = json_opt_array(json, "headers", &headers, err)) < 0 ||
		(r = parse_body(adapter, json, places, ret, err)) < 0)
		return r;
	ret->method = methods[method];
	if (query.type == JSON_ARRAY && ((r = fields_parse(adapter, &query, places & ~(unsigned)PLACE_AGAIN, &ret->query, err)) < 0 ||
						(r = check_query(adapter, json, ret->query.fields, ret->query.count, err)) < 0))
		return r;
	if (headers.type == JSON_ARRAY && ((r = fields_parse(adapter, &headers, places & ~(unsigned)PLACE_AGAIN, &ret->headers, err)) < 0 ||
						  (r = headers_check(&headers, ret->headers.fields, ret->headers.count, err)) < 0))
		return r;
	if (inherited && !json_has(json, "auth"))
		ret->auth = *inherited;
	else if ((r = auth_parse(adapter, json, &ret->auth, err)) < 0)
		return r;
	return check_plan(json, ret, err);
}
