/*
 * Whether a request comes from the provider: what each signs stands in its documentation, and in the comment of its shipped file. Nothing
 * of the body is looked at before, unless the signature itself stands in it.
 */
#include "common/adapter_hook_internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/hash.h"
#include "common/utc.h"

#define SIGNATURES_MAX 16 /* in one header */

static int denied(struct err *err, const char *code, const char *text)
{
	return err_set(err, -EACCES, code, "", "%s", text);
}

/* --- where values stand ------------------------------------------------------------------------------------------------------- */

int header_get(const struct hook_request *request, const char *name, const char **ret, struct err *err)
{
	*ret = NULL;
	for (size_t i = 0; i < request->header_count; i++) {
		if (strcasecmp(request->headers[i].name, name) != 0)
			continue;
		if (*ret)
			return err_set(err, -EACCES, "twice", "", "the header %s stands twice", name);
		*ret = request->headers[i].value;
	}
	return 0;
}

const char *query_get(const char *url, const char *name, struct arena *arena)
{
	const char *query = strchr(url, '?'), *found = NULL;
	struct form_pair *pairs;
	size_t count;

	if (!query || form_decode(query + 1, strcspn(query + 1, "#"), arena, &pairs, &count, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		if (strlen(name) != pairs[i].name_len || memcmp(name, pairs[i].name, pairs[i].name_len) != 0)
			continue;
		if (found || memchr(pairs[i].value, '\0', pairs[i].value_len))
			return NULL;
		found = pairs[i].value;
	}
	return found;
}

/* --- what is signed ----------------------------------------------------------------------------------------------------------- */

struct check {
	const struct hook *hook;
	const struct verify_plan *plan;
	const struct adapter_input *input;
	struct hook_reading reading;
	struct json *document;
};

static bool is_form(const struct check *c)
{
	return c->hook->form != FORM_QUERY && form_is(c->reading.request, "application/x-www-form-urlencoded");
}

static int compare_bytes(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t len = a_len < b_len ? a_len : b_len;
	int r = len ? memcmp(a, b, len) : 0;

	return r ? r : (a_len > b_len) - (a_len < b_len);
}

static int compare_pairs(const void *a, const void *b)
{
	const struct form_pair *x = a, *y = b;
	int r = compare_bytes(x->name, x->name_len, y->name, y->name_len);

	return r ? r : compare_bytes(x->value, x->value_len, y->value, y->value_len);
}

/* Each name with its value, in the order of bytes; of a name several values each once, sorted. A body that is no form adds nothing. */
static int add_form(const struct check *c, struct buf *out, struct err *err)
{
	const struct hook_request *request = c->reading.request;
	struct form_pair *pairs;
	size_t count;
	int r;

	if (!is_form(c))
		return 0;
	r = form_decode(request->body, request->body_len, c->reading.arena, &pairs, &count, err);
	if (r < 0)
		return r;
	if (count)
		qsort(pairs, count, sizeof(*pairs), compare_pairs);
	for (size_t i = 0; i < count; i++) {
		if (i && compare_pairs(&pairs[i - 1], &pairs[i]) == 0)
			continue;
		buf_add(out, pairs[i].name, pairs[i].name_len);
		buf_add(out, pairs[i].value, pairs[i].value_len);
	}
	return 0;
}

static int sorted_query(const char *url, struct arena *arena, struct form_pair **ret, size_t *count, struct err *err)
{
	const char *query = url + strcspn(url, "?#");
	int r;

	*count = 0;
	if (*query != '?')
		return 0;
	r = form_decode(query + 1, strcspn(query + 1, "#"), arena, ret, count, err);
	if (r == 0 && *count)
		qsort(*ret, *count, sizeof(**ret), compare_pairs);
	return r;
}

/*
 * The address, its query decoded and in the order of bytes. Where a form follows, '?' stands in any case. As Plivo signs, version 3:
 * github.com/plivo/plivo-python, plivo/utils/signature_v3.py.
 */
static int add_sorted_url(const struct check *c, const char *url, const char *between, struct buf *out, struct err *err)
{
	bool form = is_form(c) && c->reading.request->body_len;
	struct form_pair *pairs = NULL;
	size_t count = 0;
	int r = sorted_query(url, c->reading.arena, &pairs, &count, err);

	if (r < 0)
		return r;
	buf_add(out, url, strcspn(url, "?#"));
	if (count || form)
		buf_add_char(out, '?');
	for (size_t i = 0; i < count; i++) {
		if (i)
			buf_add_char(out, '&');
		buf_add(out, pairs[i].name, pairs[i].name_len);
		buf_add_char(out, '=');
		buf_add(out, pairs[i].value, pairs[i].value_len);
	}
	if (count && form)
		buf_add_str(out, between);
	return 0;
}

/* The same address with its port said, when it is not, and without it when it is the scheme's own. NULL: it is another port. */
static const char *other_port(const char *url, struct arena *arena)
{
	bool https = strncasecmp(url, "https://", 8) == 0;
	const char *port = https ? ":443" : ":80", *host = strstr(url, "://"), *end, *colon;

	if (!host)
		return NULL;
	host += 3;
	end = host + strcspn(host, "/?#");
	colon = memchr(host, ']', (size_t)(end - host)); /* [::1] */
	colon = memchr(colon ? colon : host, ':', (size_t)(end - (colon ? colon : host)));
	if (!colon)
		return arena_printf(arena, "%.*s%s%s", (int)(end - url), url, port, end);
	if ((size_t)(end - colon) != strlen(port) || strncmp(colon, port, strlen(port)) != 0)
		return NULL;
	return arena_printf(arena, "%.*s%s", (int)(colon - url), url, end);
}

static int signed_text(const struct check *c, const char *url, struct buf *out, struct err *err)
{
	const struct hook_request *request = c->reading.request;

	for (size_t i = 0; i < c->plan->part_count; i++) {
		const struct signed_part *part = &c->plan->parts[i];
		const char *text = NULL;
		int r = 0;

		switch (part->kind) {
		case PART_URL:
			buf_add_str(out, url);
			break;
		case PART_BODY:
			buf_add(out, request->body, request->body_len);
			break;
		case PART_FORM_SORTED:
			r = add_form(c, out, err);
			break;
		case PART_URL_SORTED:
			r = add_sorted_url(c, url, part->literal, out, err);
			break;
		case PART_LITERAL:
			buf_add_str(out, part->literal);
			break;
		case PART_SOURCE:
			r = source_get(&c->reading, &part->source, &text, err);
			if (r == 0 && !text)
				return denied(err, "no_signature", "a part of what is signed is not there");
			if (text)
				buf_add_str(out, text);
			break;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* A form is signed by its fields; of another body its digest stands in the address, which is signed. */
static int check_body(const struct check *c, struct err *err)
{
	const struct hook_request *request = c->reading.request;
	const char *told;
	uint8_t digest[SHA256_SIZE], claimed[SHA256_SIZE];
	bool form = false, body = c->plan->once.kind != SOURCE_NONE || c->hook->form == FORM_QUERY; /* a query stands in the address */

	for (size_t i = 0; i < c->plan->part_count; i++) {
		body |= c->plan->parts[i].kind == PART_BODY;
		form |= c->plan->parts[i].kind == PART_FORM_SORTED;
	}
	if (body || (form && is_form(c)))
		return 0;
	told = c->plan->body_hash ? query_get(request->url, c->plan->body_hash, c->reading.arena) : NULL;
	if (!told || hex_parse(told, sizeof(claimed), claimed) < 0)
		return denied(err, "unsigned_body", "nothing that is signed covers the body");
	sha256(request->body, request->body_len, digest);
	return equal_secret(digest, claimed, sizeof(digest)) ? 0 : denied(err, "bad_signature", "the body is not the one that was signed");
}

/* --- time --------------------------------------------------------------------------------------------------------------------- */

/* `at` in ms UTC. What is from the future would stay fresh for longer than its events are known. */
static int check_age(const struct check *c, int64_t at, int64_t tolerance, struct err *err)
{
	int64_t age = c->reading.request->now - at, ahead = tolerance < HOOK_AHEAD_MS ? tolerance : HOOK_AHEAD_MS;

	return age <= tolerance && -age <= ahead ? 0 : denied(err, "stale", "the signature is too old, or from the future");
}

static int check_time(const struct check *c, struct err *err)
{
	const char *text = NULL;
	int64_t at;
	int r;

	if (!c->plan->tolerance_ms)
		return 0;
	r = source_get(&c->reading, &c->plan->time, &text, err);
	if (r < 0)
		return r;
	if (!text || !*text || strlen(text) > 15 || text[strspn(text, "0123456789")])
		return denied(err, "no_time", "the time of the signature is not there, or no number");
	at = strtoll(text, NULL, 10);
	/* in seconds this would be the year 5138 */
	if (c->plan->time_unit == TIME_SECONDS || (c->plan->time_unit == TIME_AUTO && at < INT64_C(100000000000)))
		at *= 1000;
	return check_age(c, at, c->plan->tolerance_ms, err);
}

/* --- signatures --------------------------------------------------------------------------------------------------------------- */

struct signature {
	uint8_t *bytes;
	size_t len;
};

static int decode(enum hook_encoding encoding, const char *text, size_t len, struct buf *out)
{
	char *copy;
	int r;

	if (encoding == ENCODING_RAW) {
		buf_add(out, text, len);
		return 0;
	}
	if (encoding == ENCODING_BASE64)
		return base64_decode(text, len, out);
	if (len % 2)
		return -EBADMSG;
	copy = xmalloc(len + 1);
	memcpy(copy, text, len);
	copy[len] = '\0';
	buf_reserve(out, len / 2);
	r = hex_parse(copy, len / 2, out->data + out->len);
	cleanse(copy, len);
	free(copy);
	if (r == 0)
		out->len += len / 2;
	return r;
}

/* All that are of the form; others beside them belong to keys or schemes that we do not know. */
static int read_signatures(const struct check *c, struct signature ret[SIGNATURES_MAX], size_t *count, struct err *err)
{
	const struct verify_plan *plan = c->plan;
	size_t prefix = plan->signature_prefix ? strlen(plan->signature_prefix) : 0;
	const char *text = NULL;
	int r = source_get(&c->reading, &plan->signature, &text, err);

	*count = 0;
	if (r < 0)
		return r;
	if (!text || !*text)
		return denied(err, "no_signature", "there is no signature");
	while (text && *count < SIGNATURES_MAX) {
		const char *stop = plan->separator ? strchr(text, plan->separator) : NULL;
		size_t len = stop ? (size_t)(stop - text) : strlen(text);
		CLEANUP(buf_clear) struct buf bytes = { 0 };

		while (plan->separator && len && *text == ' ')
			text++, len--;
		if (len >= prefix && strncmp(text, plan->signature_prefix ? plan->signature_prefix : "", prefix) == 0 &&
			decode(plan->encoding, text + prefix, len - prefix, &bytes) == 0 && bytes.len)
			ret[(*count)++] = (struct signature){ arena_memdup(c->reading.arena, bytes.data, bytes.len), bytes.len };
		text = stop ? stop + 1 : NULL;
	}
	return *count ? 0 : denied(err, "bad_signature", "the signature is not of the form that it must have");
}

static bool fits(const struct verify_plan *plan, const struct buf *key, const struct buf *text, const struct signature *signature)
{
	uint8_t mac[HASH_SIZE_MAX];
	size_t size;

	switch (plan->kind) {
	case VERIFY_HMAC:
		size = hmac_any(plan->hash, key->data, key->len, buf_str(text), text->len, mac);
		return signature->len == size && equal_secret(mac, signature->bytes, size);
	case VERIFY_ED25519:
		return key->len == ED25519_KEY_SIZE && signature->len == ED25519_SIGNATURE_SIZE &&
			ed25519_verify((const uint8_t *)key->data, buf_str(text), text->len, signature->bytes);
	default:
		return ecdsa_p256_verify(key->data, key->len, buf_str(text), text->len, signature->bytes, signature->len);
	}
}

/* The i-th key. 1 when it is set, 0 when not, -EBADMSG when it is no key. */
static int read_key(const struct check *c, size_t i, struct buf *ret, struct err *err)
{
	const struct verify_plan *plan = c->plan;
	const char *text = NULL;
	size_t prefix = plan->key_prefix ? strlen(plan->key_prefix) : 0;
	int r = setting_value(c->hook->adapter, c->input, plan->keys[i], &text, err);

	if (r < 0)
		return r;
	if (!text || !*text)
		return 0;
	if (prefix && strncmp(text, plan->key_prefix, prefix) == 0)
		text += prefix;
	if (decode(plan->key_encoding, text, strlen(text), ret) < 0 || !ret->len)
		return err_set(err, -ENOENT, "no_key", plan->keys[i], "the setting %s holds no key of the kind that is asked for", plan->keys[i]);
	return 1;
}

static int check_signature(const struct check *c, struct err *err)
{
	const struct hook_request *request = c->reading.request;
	const char *urls[2] = { request->url, other_port(request->url, c->reading.arena) };
	CLEANUP(buf_clear) struct buf as_told = { 0 }, as_other = { 0 };
	struct buf *const texts[2] = { &as_told, &as_other };
	struct signature signatures[SIGNATURES_MAX];
	size_t count, keys = 0, ways = 1;
	bool good = false;
	int r;

	for (size_t i = 0; i < c->plan->part_count; i++)
		if ((c->plan->parts[i].kind == PART_URL || c->plan->parts[i].kind == PART_URL_SORTED) && urls[1])
			ways = 2;
	r = read_signatures(c, signatures, &count, err);
	for (size_t i = 0; r == 0 && i < ways; i++)
		r = signed_text(c, urls[i], texts[i], err);
	for (size_t i = 0; r >= 0 && i < c->plan->key_count; i++) {
		struct buf key = { 0 };

		r = read_key(c, i, &key, err);
		if (r > 0) {
			keys++;
			for (size_t k = 0; k < count * ways; k++) /* all of them: how long it takes tells nothing */
				good |= fits(c->plan, &key, texts[k % ways], &signatures[k / ways]);
		}
		if (key.data)
			cleanse(key.data, key.len);
		buf_clear(&key);
	}
	if (r < 0)
		return r;
	if (!keys)
		return err_set(err, -ENOENT, "no_key", "", "none of the settings that hold its keys is set");
	return good ? 0 : denied(err, "bad_signature", "the signature is not one of this request by any of the keys");
}

/* --- shared secrets ----------------------------------------------------------------------------------------------------------- */

/* Whatever their lengths: digests are compared. */
static bool same(const char *a, const char *b)
{
	uint8_t x[SHA256_SIZE], y[SHA256_SIZE];

	sha256(a, strlen(a), x);
	sha256(b, strlen(b), y);
	return equal_secret(x, y, sizeof(x));
}

static const char *basic_word(const struct check *c, const char *password, struct err *err)
{
	CLEANUP(buf_clear) struct buf plain = { 0 }, word = { 0 };
	const char *user = NULL;

	if (setting_value(c->hook->adapter, c->input, c->plan->user, &user, err) < 0 || !user)
		return NULL;
	buf_add_str(&plain, user);
	buf_add_char(&plain, ':');
	buf_add_str(&plain, password);
	base64_add(&word, plain.data, plain.len);
	cleanse(plain.data, plain.len);
	return arena_memdup(c->reading.arena, word.data, word.len);
}

static int check_secret(const struct check *c, struct err *err)
{
	const struct hook_request *request = c->reading.request;
	const char *told = request->path_secret, *secret;
	bool good = false;
	size_t keys = 0;
	int r = 0;

	if (c->plan->kind == VERIFY_BASIC) {
		r = header_get(request, "Authorization", &told, err);
		told = r == 0 && told && strncasecmp(told, "Basic ", 6) == 0 ? told + 6 : NULL;
	} else if (c->plan->kind == VERIFY_HEADER) {
		r = header_get(request, c->plan->header, &told, err);
	}
	if (r < 0)
		return r;
	for (size_t i = 0; i < c->plan->key_count; i++) {
		secret = NULL;
		r = setting_value(c->hook->adapter, c->input, c->plan->keys[i], &secret, err);
		if (r < 0)
			return r;
		if (!secret || !*secret)
			continue;
		if (c->plan->kind == VERIFY_BASIC && !(secret = basic_word(c, secret, err)))
			continue;
		keys++;
		good |= same(secret, told ? told : "");
	}
	if (!keys)
		return err_set(err, -ENOENT, "no_key", "", "none of the settings that hold its secrets is set");
	if (!told || !*told)
		return denied(err, "no_signature", "there is no secret");
	return good ? 0 : denied(err, "bad_signature", "the secret is another");
}

/* --- Amazon SNS --------------------------------------------------------------------------------------------------------------- */

static const char *member_text(const struct json *json, const char *key)
{
	struct json value = json_get(json, key);

	return json_str(&value);
}

/*
 * docs.aws.amazon.com/sns, "Verifying the signatures of Amazon SNS messages": lines of name and value, in this order. The certificate is
 * pinned in the settings: nothing that a request names is fetched. It is one for all of SNS's customers, so the topic must be ours.
 */
static int check_sns(const struct check *c, struct err *err)
{
	static const char *const told[] = { "Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type", NULL };
	static const char *const asked[] = { "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type", NULL };
	const char *type = member_text(c->document, "Type"), *signature = member_text(c->document, "Signature"),
		   *version = member_text(c->document, "SignatureVersion");
	const char *topic = member_text(c->document, "TopicArn"), *ours = NULL;
	CLEANUP(buf_clear) struct buf text = { 0 }, bytes = { 0 };
	bool good = false;
	size_t keys = 0;
	int64_t at;

	if (setting_value(c->hook->adapter, c->input, c->plan->user, &ours, err) < 0 || !ours)
		return err_set(err, -ENOENT, "no_key", "", "no topic is set");
	if (!topic || !same(topic, ours))
		return denied(err, "bad_signature", "the topic is another's");
	if (!type || !signature || !version || (strcmp(version, "1") != 0 && strcmp(version, "2") != 0))
		return denied(err, "no_signature", "Type, Signature and SignatureVersion must be there");
	for (const char *const *name = strcmp(type, "Notification") == 0 ? told : asked; *name; name++) {
		const char *value = member_text(c->document, *name);

		if (!value && strcmp(*name, "Subject") == 0)
			continue;
		if (!value)
			return denied(err, "no_signature", "a part of what is signed is not there");
		buf_printf(&text, "%s\n", *name);
		buf_add_str(&text, value);
		buf_add_char(&text, '\n');
	}
	if (base64_decode(signature, strlen(signature), &bytes) < 0)
		return denied(err, "bad_signature", "the signature is no base64");
	for (size_t i = 0; i < c->plan->key_count; i++) {
		const char *pem = NULL;
		int r = setting_value(c->hook->adapter, c->input, c->plan->keys[i], &pem, err);

		if (r < 0)
			return r;
		if (!pem || !*pem)
			continue;
		keys++;
		good |= rsa_certificate_verify(pem, version[0] == '1', text.data, text.len, bytes.data, bytes.len);
	}
	if (!keys)
		return err_set(err, -ENOENT, "no_key", "", "no certificate is set");
	if (!good)
		return denied(err, "bad_signature", "the signature is not one of this message by the certificate");
	if (utc_parse(member_text(c->document, "Timestamp"), &at) < 0)
		return denied(err, "no_time", "the time of the message cannot be read");
	return check_age(c, at, HOOK_FRESH_MS, err);
}

bool hook_certificate(const struct hook *hook, const struct provider_settings *settings, const char **setting, int64_t *until)
{
	bool given = false;

	for (size_t i = 0; hook->verify.kind == VERIFY_SNS && i < hook->verify.key_count; i++) {
		const char *pem = settings_get(settings, hook->verify.keys[i]);
		int64_t end = 0;

		if (!pem || !*pem)
			continue;
		if (certificate_end(pem, &end) < 0)
			end = 0;
		if (given && end <= *until)
			continue;
		given = true;
		*setting = hook->verify.keys[i];
		*until = end;
	}
	return given;
}

/* --- JSON web tokens ---------------------------------------------------------------------------------------------------------- */

static int check_jwt(const struct check *c, struct err *err)
{
	const struct hook_request *request = c->reading.request;
	const char *token = NULL, *other = other_port(request->url, c->reading.arena);
	struct err last = { 0 };
	size_t keys = 0;
	bool good = false;
	int r = header_get(request, c->plan->header, &token, err);

	if (r < 0)
		return r;
	if (token && strncasecmp(token, "Bearer ", 7) == 0)
		token += 7;
	for (size_t i = 0; r >= 0 && i < c->plan->key_count; i++) {
		struct buf key = { 0 };

		r = read_key(c, i, &key, err);
		if (r > 0) {
			keys++;
			err_clear(&last);
			good |= token && jwt_check(c->plan, request, other, token, &key, c->reading.arena, &last) == 0;
			cleanse(key.data, key.len);
		}
		buf_clear(&key);
	}
	if (r < 0)
		return r;
	if (!keys)
		return err_set(err, -ENOENT, "no_key", "", "none of the settings that hold its keys is set");
	if (!token || !*token)
		return denied(err, "no_signature", "there is no token");
	return good ? 0 : denied(err, last.code, last.text);
}

/* --- the whole ---------------------------------------------------------------------------------------------------------------- */

static bool needs_document(const struct verify_plan *plan)
{
	bool needed = plan->kind == VERIFY_SNS || plan->signature.kind == SOURCE_POINTER || plan->time.kind == SOURCE_POINTER ||
		plan->once.kind == SOURCE_POINTER;

	for (size_t i = 0; i < plan->part_count; i++)
		needed |= plan->parts[i].kind == PART_SOURCE && plan->parts[i].source.kind == SOURCE_POINTER;
	return needed;
}

static int read_once(const struct check *c, struct hook_proof *ret, struct err *err)
{
	uint8_t digest[SHA256_SIZE];
	const char *text = NULL;
	int r;

	if (c->plan->once.kind == SOURCE_NONE)
		return 0;
	r = source_get(&c->reading, &c->plan->once, &text, err);
	if (r < 0)
		return r;
	if (!text || !*text)
		return denied(err, "no_signature", "what counts only once is not there");
	sha256(text, strlen(text), digest);
	ret->once = hex_format(digest, sizeof(digest), arena_alloc(c->reading.arena, HOOK_ID_SIZE));
	return 0;
}

int hook_verify(const struct hook *hook, const struct adapter_input *input, const struct hook_request *request, struct arena *arena,
	struct hook_proof *ret, struct err *err)
{
	struct check c = { .hook = hook, .plan = &hook->verify, .input = input,
		.reading = { .request = request, .arena = arena } };
	int r = 0;

	*ret = (struct hook_proof){ .verified = true };
	if (needs_document(c.plan)) {
		r = hook_document(hook, request, arena, &c.document, err);
		c.reading.element = c.reading.outer = c.document;
	}
	if (r < 0)
		return r;
	switch (c.plan->kind) {
	case VERIFY_NONE:
		ret->verified = false;
		return 0;
	case VERIFY_BASIC:
	case VERIFY_HEADER:
	case VERIFY_PATH:
		return check_secret(&c, err);
	case VERIFY_SNS:
		return check_sns(&c, err);
	case VERIFY_JWT:
		return check_jwt(&c, err);
	default:
		if ((r = check_signature(&c, err)) < 0 || (r = check_body(&c, err)) < 0 || (r = check_time(&c, err)) < 0)
			return r;
		return read_once(&c, ret, err);
	}
}
