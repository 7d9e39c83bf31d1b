/* A JSON web token (RFC 7519) signed by HMAC-SHA256 (RFC 7515, alg HS256 and no other), whose claims hold digests of what it came with. */
#include "common/adapter_hook_internal.h"

#include <errno.h>
#include <string.h>

#include "common/hash.h"
#include "common/utc.h"

#define TOKEN_MAX 8000

static int denied(struct err *err, const char *code, const char *text)
{
	return err_set(err, -EACCES, code, "", "%s", text);
}

/* RFC 4648 section 5, without padding. */
static int base64url_decode(const char *text, size_t len, struct arena *arena, struct buf *out)
{
	char *plain = arena_alloc(arena, len + 4);

	if (memchr(text, '+', len) || memchr(text, '/', len) || memchr(text, '=', len))
		return -EBADMSG;
	for (size_t i = 0; i < len; i++)
		plain[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
	while (len % 4)
		plain[len++] = '=';
	return base64_decode(plain, len, out);
}

static int read_part(const char *text, size_t len, struct arena *arena, struct json *ret)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };

	if (base64url_decode(text, len, arena, &bytes) < 0 || json_parse(arena, buf_str(&bytes), bytes.len, JSON_FRACTIONS, ret, NULL) < 0)
		return -EBADMSG;
	return ret->type == JSON_OBJECT ? 0 : -EBADMSG;
}

static bool is_digest_of(const struct json *claim, const void *data, size_t len)
{
	uint8_t digest[SHA256_SIZE], told[SHA256_SIZE];
	const char *text = json_str(claim);

	sha256(data, len, digest);
	return text && hex_parse(text, sizeof(told), told) == 0 && equal_secret(digest, told, sizeof(digest));
}

/* Seconds; 0 = absent. False: it is no number. */
static bool read_time(const struct json *claims, const char *name, int64_t *ret)
{
	struct json value = json_get(claims, name);

	*ret = value.type == JSON_INT ? json_int(&value) : 0;
	if (value.type == JSON_DOUBLE && json_double(&value) > 0 && json_double(&value) < 1e11)
		*ret = (int64_t)json_double(&value);
	return value.type == JSON_NONE || (*ret > 0 && *ret < INT64_C(100000000000));
}

static int check_times(const struct verify_plan *plan, const struct json *claims, int64_t now, struct err *err)
{
	int64_t exp, nbf, iat, tolerance = plan->tolerance_ms / 1000;

	now /= 1000;
	if (!read_time(claims, "exp", &exp) || !read_time(claims, "nbf", &nbf) || !read_time(claims, "iat", &iat) || (!exp && !iat))
		return denied(err, "no_time", "the token does not say how long it is good for");
	if ((exp && exp < now - tolerance) || (!exp && iat < now - tolerance) || iat > now + tolerance || nbf > now + tolerance)
		return denied(err, "stale", "the token is too old, or from the future");
	return 0;
}

int jwt_check(const struct verify_plan *plan, const struct hook_request *request, const char *other_url, const char *token,
	const struct buf *key, struct arena *arena, struct err *err)
{
	const char *first = strchr(token, '.'), *second = first ? strchr(first + 1, '.') : NULL;
	CLEANUP(buf_clear) struct buf signature = { 0 };
	struct json head, claims, claim, alg;
	uint8_t mac[SHA256_SIZE];

	if (!second || strchr(second + 1, '.') || strlen(token) > TOKEN_MAX ||
		base64url_decode(second + 1, strlen(second + 1), arena, &signature) < 0 || signature.len != sizeof(mac))
		return denied(err, "bad_signature", "this is no token of that kind");
	hmac_sha256(key->data, key->len, token, (size_t)(second - token), mac);
	if (!equal_secret(mac, signature.data, sizeof(mac)))
		return denied(err, "bad_signature", "the token is not signed by any of the keys");
	if (read_part(token, (size_t)(first - token), arena, &head) < 0 || read_part(first + 1, (size_t)(second - first - 1), arena, &claims) < 0)
		return denied(err, "bad_signature", "the token cannot be read");
	alg = json_get(&head, "alg");
	if (!json_str(&alg) || strcmp(json_str(&alg), "HS256") != 0 || json_has(&head, "crit"))
		return denied(err, "bad_signature", "the token is of another kind");
	claim = json_get(&claims, plan->body_claim);
	if ((claim.type != JSON_NONE || request->body_len) && !is_digest_of(&claim, request->body, request->body_len))
		return denied(err, "bad_signature", "the body is not the one that was signed");
	claim = json_get(&claims, plan->url_claim ? plan->url_claim : "");
	if (plan->url_claim && !is_digest_of(&claim, request->url, strlen(request->url)) &&
		!(other_url && is_digest_of(&claim, other_url, strlen(other_url))))
		return denied(err, "bad_signature", "the address is not the one that was signed");
	return check_times(plan, &claims, request->now, err);
}
