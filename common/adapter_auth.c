/* How a request proves whose it is: the `auth` of provider files, compiled and applied. */
#include <errno.h>
#include <string.h>

#include "common/adapter_internal.h"

/* --- compiling ---------------------------------------------------------------------------------------------------------- */

static int parse_parts(const struct adapter *adapter, const struct json *auth, struct auth *ret, struct err *err)
{
	struct json list;
	int r = json_get_array(auth, "parts", &list, err);

	if (r < 0)
		return r;
	if (json_len(&list) == 0)
		return json_refuse(auth, "parts", err, "missing", "must not be empty");
	ret->parts = arena_alloc(adapter->arena, json_len(&list) * sizeof(*ret->parts));
	for (; r == 0 && ret->part_count < json_len(&list); ret->part_count++) {
		struct json item = json_at(&list, ret->part_count);

		r = text_parse(adapter, &item, PLACE_SIGNED, &ret->parts[ret->part_count], err);
	}
	return r;
}

static int parse_signed(const struct adapter *adapter, const struct json *auth, struct auth *ret, struct err *err)
{
	static const char *const hashes[] = { "sha1", "sha256", "sha512", NULL };
	static const char *const encodings[] = { "hex", "base64", NULL };
	static const char *const key_encodings[] = { "raw", "base64", NULL };
	struct json headers;
	int hash = 0, encoding = 0, key_encoding = 0, r;

	ret->join = "";
	if ((r = parse_parts(adapter, auth, ret, err)) < 0 || (r = json_opt_str(auth, "join", 10, &ret->join, err)) < 0 ||
		(r = json_get_word(auth, "hash", hashes, &hash, err)) < 0 ||
		(r = json_opt_word(auth, "encoding", encodings, &encoding, err)) < 0 ||
		(r = json_opt_word(auth, "key_encoding", key_encodings, &key_encoding, err)) < 0 ||
		(r = json_get_array(auth, "headers", &headers, err)) < 0 ||
		(r = fields_parse(adapter, &headers, PLACE_SIGNATURE, &ret->fields, err)) < 0 ||
		(r = headers_check(&headers, ret->fields.fields, ret->fields.count, err)) < 0)
		return r;
	ret->hash = (enum hash_kind)hash;
	ret->base64 = encoding == 1;
	ret->base64_key = key_encoding == 1;
	return json_has(auth, "key") ? parse_text_member(adapter, auth, "key", 0, &ret->secret, err) : 0;
}

static int parse_sigv4(const struct adapter *adapter, const struct json *auth, struct auth *ret, struct err *err)
{
	int r;

	if ((r = json_get_str(auth, "service", 40, &ret->service, err)) < 0)
		return r;
	if (!token_valid(ret->service))
		return json_refuse(auth, "service", err, "bad_id", "must be a word like ses");
	r = parse_text_member(adapter, auth, "region", 0, &ret->region, err);
	if (r == 0)
		r = parse_text_member(adapter, auth, "key_id", 0, &ret->user, err);
	return r < 0 ? r : parse_text_member(adapter, auth, "secret", 0, &ret->secret, err);
}

static int parse_jwt(const struct adapter *adapter, const struct json *auth, struct auth *ret, struct err *err)
{
	struct json claims;
	int r;

	ret->lifetime_s = 300;
	if ((r = json_get_array(auth, "claims", &claims, err)) < 0 || (r = fields_parse(adapter, &claims, 0, &ret->fields, err)) < 0 ||
		(r = json_opt_int(auth, "lifetime_s", 10, 86400, &ret->lifetime_s, err)) < 0)
		return r;
	return parse_text_member(adapter, auth, "key", 0, &ret->secret, err);
}

static int parse_named(const struct adapter *adapter, const struct json *auth, struct auth *ret, struct err *err)
{
	int r = json_get_str(auth, "name", 100, &ret->name, err);

	if (r == 0)
		r = header_name_parse(auth, "name", ret->name, err);
	return r < 0 ? r : parse_text_member(adapter, auth, "value", 0, &ret->secret, err);
}

int auth_parse(const struct adapter *adapter, const struct json *request, struct auth *ret, struct err *err)
{
	static const char *const kinds[] = { "none", "basic", "bearer", "header", "query", "signed", "sigv4", "jwt_rs256", NULL };
	static const char *const members[][9] = {
		[AUTH_NONE] = { "kind", NULL },
		[AUTH_BASIC] = { "kind", "user", "password", NULL },
		[AUTH_BEARER] = { "kind", "token", NULL },
		[AUTH_HEADER] = { "kind", "name", "value", NULL },
		[AUTH_QUERY] = { "kind", "name", "value", NULL },
		[AUTH_SIGNED] = { "kind", "parts", "join", "hash", "key", "key_encoding", "encoding", "headers", NULL },
		[AUTH_SIGV4] = { "kind", "region", "service", "key_id", "secret", NULL },
		[AUTH_JWT] = { "kind", "key", "claims", "lifetime_s", NULL },
	};
	struct json auth;
	int kind = 0, r;

	if ((r = json_get_object(request, "auth", &auth, err)) < 0 || (r = json_get_word(&auth, "kind", kinds, &kind, err)) < 0 ||
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
		return parse_named(adapter, &auth, ret, err);
	case AUTH_SIGNED:
		return parse_signed(adapter, &auth, ret, err);
	case AUTH_SIGV4:
		return parse_sigv4(adapter, &auth, ret, err);
	case AUTH_JWT:
		return parse_jwt(adapter, &auth, ret, err);
	}
	return 0;
}

/* --- applying --------------------------------------------------------------------------------------------------------------- */

static bool masked(const struct scope *scope)
{
	return !scope->input->secret;
}

static int authorization(const struct scope *scope, const struct buf *value, struct http_request *request,
	struct http_header *headers, struct err *err)
{
	return request_add_header(request, headers, "Authorization", arena_memdup(scope->arena, buf_str(value), value->len), err);
}

/* Masked, basic auth shows its kind only: base64 would look like a real one. */
static int apply_basic(const struct scope *scope, const struct auth *auth, const char *secret, struct http_request *request,
	struct http_header *headers, struct err *err)
{
	CLEANUP(buf_clear) struct buf value = { 0 };
	const char *user, *pair;
	int r = text_string(scope, &auth->user, &user, err);

	if (r < 0)
		return r;
	if (strchr(user, ':'))
		return err_set(err, -EBADMSG, "bad_value", "", "the user of basic auth must not contain ':'");
	pair = arena_printf(scope->arena, "%s:%s", user, secret);
	buf_add_str(&value, "Basic ");
	if (masked(scope))
		buf_add_str(&value, "***");
	else
		base64_add(&value, pair, strlen(pair));
	return authorization(scope, &value, request, headers, err);
}

static int collect_parts(const struct scope *scope, const struct auth *auth, struct buf *out, struct err *err)
{
	struct value v;
	int r;

	for (size_t i = 0; i < auth->part_count; i++) {
		if (i > 0)
			buf_add_str(out, auth->join);
		r = text_value(scope, &auth->parts[i], &v, err);
		if (r < 0)
			return r;
		if (v.kind == VALUE_NONE)
			return err_set(err, -EBADMSG, "missing_value", v.s, "the message has no %s", v.s);
		if (v.kind == VALUE_BYTES)
			buf_add(out, v.s, v.count);
		else
			buf_add_str(out, value_string(scope, &v));
	}
	return 0;
}

static int sign(const struct scope *scope, const struct auth *auth, const char **ret, struct err *err)
{
	CLEANUP(buf_clear) struct buf parts = { 0 };
	CLEANUP(buf_clear) struct buf raw_key = { 0 };
	CLEANUP(buf_clear) struct buf text = { 0 };
	uint8_t digest[HASH_SIZE_MAX];
	char hex[2 * HASH_SIZE_MAX + 1];
	const char *key = NULL;
	size_t size;
	int r = collect_parts(scope, auth, &parts, err);

	if (r == 0 && auth->secret.count > 0)
		r = text_string(scope, &auth->secret, &key, err);
	if (r == 0 && key && auth->base64_key && base64_decode(key, strlen(key), &raw_key) < 0)
		r = err_set(err, -ENOENT, "no_credential", "", "the key of the signature is no base64");
	if (r < 0)
		return r;
	if (key && !auth->base64_key)
		buf_add_str(&raw_key, key);
	size = key ? hmac_any(auth->hash, buf_str(&raw_key), raw_key.len, buf_str(&parts), parts.len, digest) :
		     hash_any(auth->hash, buf_str(&parts), parts.len, digest);
	if (auth->base64)
		base64_add(&text, digest, size);
	else
		buf_add_str(&text, hex_format(digest, size, hex));
	*ret = arena_memdup(scope->arena, buf_str(&text), text.len);
	return 0;
}

static int apply_signed(const struct scope *scope, const struct auth *auth, struct http_request *request,
	struct http_header *headers, struct err *err)
{
	struct scope inner = *scope;
	struct pair_list pairs = { 0 };
	int r = 0;

	inner.request = request;
	inner.signature = "***";
	if (!masked(scope))
		r = sign(&inner, auth, &inner.signature, err);
	if (r < 0 || (r = fields_render(&inner, &auth->fields, &pairs, err)) < 0)
		return r;
	for (size_t i = 0; i < pairs.count && r == 0; i++)
		r = request_add_header(request, headers, pairs.pairs[i].name, pairs.pairs[i].value, err);
	return r;
}

/* It is signed on its way. */
static int apply_sigv4(const struct scope *scope, const struct auth *auth, const char *secret, struct http_request *request,
	struct http_header *headers, struct err *err)
{
	struct http_signer *signer = arena_alloc(scope->arena, sizeof(*signer));
	const char *region;
	int r = text_string(scope, &auth->region, &region, err);

	if (r < 0 || (r = text_string(scope, &auth->user, &signer->id, err)) < 0)
		return r;
	if (!token_valid(region))
		return err_set(err, -EBADMSG, "bad_value", "", "the region must be a word like eu-west-3");
	if (masked(scope))
		return request_add_header(request, headers, "Authorization", "AWS4-HMAC-SHA256 ***", err);
	signer->region = arena_strdup(scope->arena, region);
	signer->service = arena_strdup(scope->arena, auth->service);
	signer->id = arena_strdup(scope->arena, signer->id);
	signer->secret = arena_strdup(scope->arena, secret);
	request->signer = signer;
	return 0;
}

static void add_part(struct buf *token, const struct buf *part)
{
	base64url_add(token, buf_str(part), part->len);
}

/* RFC 7519, 7515 section 3.1 and 7518 section 3.3. */
static int apply_jwt(const struct scope *scope, const struct auth *auth, const char *key, struct http_request *request,
	struct http_header *headers, struct err *err)
{
	static const char head[] = "{\"alg\":\"RS256\",\"typ\":\"JWT\"}";
	CLEANUP(buf_clear) struct buf claims = { 0 };
	CLEANUP(buf_clear) struct buf token = { 0 };
	CLEANUP(buf_clear) struct buf signature = { 0 };
	struct json_writer w = jw_init(&claims);
	struct pair_list pairs = { 0 };
	int64_t now_s = scope->input->now / 1000;
	int r = fields_render(scope, &auth->fields, &pairs, err);

	if (r < 0)
		return r;
	if (masked(scope))
		return request_add_header(request, headers, "Authorization", "Bearer ***", err);
	jw_object(&w, NULL);
	for (size_t i = 0; i < pairs.count; i++)
		jw_str(&w, pairs.pairs[i].name, pairs.pairs[i].value);
	jw_int(&w, "iat", now_s);
	jw_int(&w, "exp", now_s + auth->lifetime_s);
	jw_end_object(&w);
	base64url_add(&token, head, sizeof(head) - 1);
	buf_add_char(&token, '.');
	add_part(&token, &claims);
	if (rs256_sign(key, token.data, token.len, &signature) < 0)
		return err_set(err, -ENOENT, "no_credential", "", "the credential is no RSA private key in PEM without a password");
	buf_add_char(&token, '.');
	add_part(&token, &signature);
	return request_add_header(request, headers, "Authorization",
		arena_printf(scope->arena, "Bearer %s", buf_str(&token)), err);
}

int auth_apply(const struct scope *scope, const struct auth *auth, struct http_request *request, struct http_header *headers,
	struct err *err)
{
	CLEANUP(buf_clear) struct buf value = { 0 };
	const char *secret;
	int r;

	if (auth->kind == AUTH_NONE || auth->kind == AUTH_QUERY)
		return 0;
	if (auth->kind == AUTH_SIGNED)
		return apply_signed(scope, auth, request, headers, err);
	r = text_string(scope, &auth->secret, &secret, err);
	if (r < 0)
		return r;
	switch (auth->kind) {
	case AUTH_BASIC:
		return apply_basic(scope, auth, secret, request, headers, err);
	case AUTH_SIGV4:
		return apply_sigv4(scope, auth, secret, request, headers, err);
	case AUTH_JWT:
		return apply_jwt(scope, auth, secret, request, headers, err);
	case AUTH_HEADER:
		return request_add_header(request, headers, auth->name, arena_strdup(scope->arena, secret), err);
	default:
		buf_printf(&value, "Bearer %s", secret);
		return authorization(scope, &value, request, headers, err);
	}
}
