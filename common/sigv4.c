#include "common/sigv4.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/utc.h"

#define EMPTY_PATH "/"

struct url_parts {
	const char *host, *path, *query; /* host: with its port, unless it is the scheme's own; query without '?', "" = none */
};

static struct url_parts split_url(const char *url, struct arena *arena)
{
	const char *scheme_end = strstr(url, "://"), *host = scheme_end ? scheme_end + 3 : url, *query = strchr(host, '?');
	size_t host_len = strcspn(host, "/?"), end = query ? (size_t)(query - host) : strlen(host);
	const char *port = strncmp(url, "https", 5) == 0 ? ":443" : ":80";
	struct url_parts ret = { .path = EMPTY_PATH, .query = query ? query + 1 : "" };

	if (end > host_len)
		ret.path = arena_printf(arena, "%.*s", (int)(end - host_len), host + host_len);
	if (host_len > strlen(port) && memcmp(host + host_len - strlen(port), port, strlen(port)) == 0)
		host_len -= strlen(port);
	ret.host = arena_printf(arena, "%.*s", (int)host_len, host);
	return ret;
}

/* S3 takes the path as it is encoded; the others have each byte of that encoded once more. */
static const char *canonical_path(const char *path, const char *service, struct arena *arena)
{
	CLEANUP(buf_clear) struct buf out = { 0 };

	if (strcmp(service, "s3") == 0)
		return path;
	for (const char *p = path; *p; p++)
		if (isalnum((unsigned char)*p) || strchr("-._~/", *p))
			buf_add_char(&out, *p);
		else
			buf_printf(&out, "%%%02X", (unsigned char)*p);
	return arena_strdup(arena, buf_str(&out));
}

static int by_name(const void *a, const void *b)
{
	const struct http_header *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static const char *lower(const char *text, struct arena *arena)
{
	char *ret = arena_strdup(arena, text);

	for (char *p = ret; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return ret;
}

/* Without spaces around it, and with one where there are several. */
static void add_trimmed(struct buf *out, const char *value)
{
	bool space = false, any = false;

	for (; *value; value++) {
		if (*value == ' ' || *value == '\t') {
			space = any;
			continue;
		}
		if (space)
			buf_add_char(out, ' ');
		buf_add_char(out, *value);
		space = false;
		any = true;
	}
}

static void hash_hex(const void *data, size_t len, char hex[2 * SHA256_SIZE + 1])
{
	uint8_t digest[SHA256_SIZE];

	sha256(data, len, digest);
	hex_format(digest, sizeof(digest), hex);
}

/* What is signed: the hash of the canonical request. `names` gets the signed headers' list. */
static void canonical_request(struct arena *arena, const struct http_request *request, const struct http_signer *signer, const char *when,
	char hex[2 * SHA256_SIZE + 1], struct buf *names)
{
	struct url_parts url = split_url(request->url, arena);
	struct http_header *headers = arena_alloc(arena, (request->header_count + 2) * sizeof(*headers));
	CLEANUP(buf_clear) struct buf text = { 0 };
	char payload[2 * SHA256_SIZE + 1];
	const char *said = NULL;
	size_t count = 0;

	for (; count < request->header_count; count++) {
		headers[count] = (struct http_header){ lower(request->headers[count].name, arena), request->headers[count].value };
		if (strcmp(headers[count].name, "x-amz-content-sha256") == 0)
			said = headers[count].value;
	}
	headers[count++] = (struct http_header){ "host", url.host };
	headers[count++] = (struct http_header){ SIGV4_DATE, when };
	qsort(headers, count, sizeof(*headers), by_name);
	hash_hex(request->body ? request->body : "", request->body ? request->body_len : 0, payload);
	buf_printf(&text, "%s\n%s\n%s\n", request->method, canonical_path(url.path, signer->service, arena), url.query);
	for (size_t i = 0; i < count; i++) {
		buf_printf(&text, "%s:", headers[i].name);
		add_trimmed(&text, headers[i].value);
		buf_add_char(&text, '\n');
		buf_printf(names, "%s%s", i ? ";" : "", headers[i].name);
	}
	buf_printf(&text, "\n%s\n%s", buf_str(names), said ? said : payload);
	hash_hex(text.data, text.len, hex);
}

struct sigv4 sigv4_sign(struct arena *arena, const struct http_request *request, const struct http_signer *signer, int64_t now)
{
	CLEANUP(buf_clear) struct buf names = { 0 };
	CLEANUP(buf_clear) struct buf text = { 0 };
	CLEANUP(buf_clear) struct buf secret = { 0 };
	char when[UTC_TEXT_SIZE], hex[2 * SHA256_SIZE + 1];
	const char *scope, *steps[4];
	uint8_t derived[SHA256_SIZE], signature[SHA256_SIZE];
	struct sigv4 ret;

	utc_format(now - now % SECOND_MS, when); /* 2026-11-30T15:40:00Z */
	ret.date = arena_printf(arena, "%.4s%.2s%.2sT%.2s%.2s%.2sZ", when, when + 5, when + 8, when + 11, when + 14, when + 17);
	scope = arena_printf(arena, "%.8s/%s/%s/aws4_request", ret.date, signer->region, signer->service);
	canonical_request(arena, request, signer, ret.date, hex, &names);
	buf_printf(&text, "AWS4-HMAC-SHA256\n%s\n%s\n%s", ret.date, scope, hex);
	buf_printf(&secret, "AWS4%s", signer->secret);
	steps[0] = arena_printf(arena, "%.8s", ret.date);
	steps[1] = signer->region;
	steps[2] = signer->service;
	steps[3] = "aws4_request";
	hmac_sha256(secret.data, secret.len, steps[0], strlen(steps[0]), derived);
	for (int i = 1; i < 4; i++)
		hmac_sha256(derived, sizeof(derived), steps[i], strlen(steps[i]), derived);
	hmac_sha256(derived, sizeof(derived), text.data, text.len, signature);
	ret.authorization = arena_printf(arena, "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s", signer->id, scope, buf_str(&names),
		hex_format(signature, sizeof(signature), hex));
	cleanse(secret.data, secret.len);
	cleanse(derived, sizeof(derived));
	return ret;
}
