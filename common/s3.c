#include "common/s3.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/utc.h"

#define HEADERS_MAX 8

const char *s3_step_word(enum s3_step step)
{
	static const char *const words[] = { "look", "put", "compare", "check", "copied", "conflict", "unlocked", "locked", "refused", "failed" };

	return words[step];
}

void s3_begin(struct s3_upload *upload, const struct s3_store *store, const struct s3_object *object)
{
	assert(object->bytes.len <= S3_OBJECT_MAX && !((object->moving || object->erasable) && object->lock != S3_NO_LOCK));
	*upload = (struct s3_upload){ .store = store, .object = *object, .step = S3_PUT };
}

static void encode(struct buf *out, const char *text, const char *also)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (const char *p = text; *p; p++)
		if (strchr(plain, *p) || strchr(also, *p))
			buf_add_char(out, *p);
		else
			buf_printf(out, "%%%02X", (unsigned char)*p);
}

/* The bucket is the path's first part: that needs no name or certificate of its own. Each byte is encoded once, '/' never (SigV4, S3). */
static const char *object_url(const struct s3_store *store, const char *key, struct arena *arena)
{
	CLEANUP(buf_clear) struct buf url = { 0 };

	buf_printf(&url, "%s/%s/", store->endpoint, store->bucket);
	encode(&url, key, "/");
	return arena_strdup(arena, buf_str(&url));
}

static const char *lock_word(enum s3_lock lock)
{
	return lock == S3_COMPLIANCE ? "COMPLIANCE" : "GOVERNANCE";
}

static int64_t whole_second(int64_t at) /* the next one: never locked for less than was asked */
{
	return (at + SECOND_MS - 1) / SECOND_MS * SECOND_MS;
}

static const char *checksum(const struct s3_object *object, struct arena *arena)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	uint8_t hash[SHA256_SIZE];

	sha256(object->bytes.data, object->bytes.len, hash);
	base64_add(&text, hash, sizeof(hash));
	return arena_strdup(arena, buf_str(&text));
}

static const char *payload_hash(struct slice bytes, struct arena *arena)
{
	uint8_t hash[SHA256_SIZE];

	sha256(bytes.data, bytes.len, hash);
	return hex_format(hash, sizeof(hash), arena_alloc(arena, 2 * SHA256_SIZE + 1));
}

void s3_request(const struct s3_upload *upload, struct arena *arena, struct http_request *ret)
{
	const struct s3_object *object = &upload->object;
	struct http_header *headers = arena_alloc(arena, HEADERS_MAX * sizeof(*headers));
	bool put = upload->step == S3_PUT;
	char until[UTC_TEXT_SIZE];
	size_t n = 0;

	assert(upload->step < S3_COPIED);
	/* S3 demands it, and that it is signed. */
	headers[n++] = (struct http_header){ "x-amz-content-sha256", payload_hash(put ? object->bytes : (struct slice){ 0 }, arena) };
	if (put) {
		headers[n++] = (struct http_header){ "Content-Type", object->type };
		headers[n++] = (struct http_header){ "x-amz-checksum-sha256", checksum(object, arena) }; /* a lock demands it, or Content-MD5 */
		if (!object->moving && !upload->unconditional)
			headers[n++] = (struct http_header){ "If-None-Match", "*" };
		if (object->lock != S3_NO_LOCK) {
			headers[n++] = (struct http_header){ "x-amz-object-lock-mode", lock_word(object->lock) };
			headers[n++] = (struct http_header){ "x-amz-object-lock-retain-until-date",
				arena_strdup(arena, utc_format(whole_second(object->retain_until), until)) };
		}
	} else if (upload->step == S3_CHECK) {
		headers[n++] = (struct http_header){ "x-amz-checksum-mode", "ENABLED" };
	}
	assert(n <= HEADERS_MAX);
	*ret = (struct http_request){ .method = put ? "PUT" : upload->step == S3_COMPARE ? "GET" : "HEAD",
		.url = object_url(upload->store, object->key, arena),
		.headers = headers,
		.header_count = n,
		.body = put ? (object->bytes.len ? (const char *)object->bytes.data : "") : NULL,
		.body_len = put ? object->bytes.len : 0,
		.timeout_ms = upload->store->timeout_ms };
}

static void bare_request(const struct s3_store *store, const char *method, const char *url, struct arena *arena, struct http_request *ret)
{
	struct http_header *header = arena_alloc(arena, sizeof(*header));

	*header = (struct http_header){ "x-amz-content-sha256", payload_hash((struct slice){ 0 }, arena) };
	*ret = (struct http_request){ .method = method, .url = url, .headers = header, .header_count = 1, .timeout_ms = store->timeout_ms };
}

void s3_get_request(const struct s3_store *store, const char *key, struct arena *arena, struct http_request *ret)
{
	bare_request(store, "GET", object_url(store, key, arena), arena, ret);
}

/* A query stands sorted, with '=' behind each name, and '/' encoded: so it is signed (Signature Version 4, canonical query string). */
void s3_versions_request(const struct s3_store *store, const char *key, struct arena *arena, struct http_request *ret)
{
	CLEANUP(buf_clear) struct buf url = { 0 };

	buf_printf(&url, "%s/%s?max-keys=%d&prefix=", store->endpoint, store->bucket, S3_VERSIONS_MAX);
	encode(&url, key, "");
	buf_add_str(&url, "&versions=");
	bare_request(store, "GET", arena_strdup(arena, buf_str(&url)), arena, ret);
}

void s3_delete_request(const struct s3_store *store, const char *key, const char *version, struct arena *arena, struct http_request *ret)
{
	CLEANUP(buf_clear) struct buf url = { 0 };

	buf_printf(&url, "%s?versionId=", object_url(store, key, arena));
	encode(&url, version, "");
	bare_request(store, "DELETE", arena_strdup(arena, buf_str(&url)), arena, ret);
}

size_t s3_answer_max(const struct s3_upload *upload)
{
	return upload->step == S3_COMPARE ? upload->object.bytes.len + 1 : 4096;
}

static bool header_is(const struct http_answer *answer, const char *name, const char *value, struct arena *arena)
{
	const char *found = http_head_get(answer, name, arena);

	return found && strcmp(found, value) == 0;
}

/* What is there, as its head tells: all of it, the same, and locked as it should be. */
static enum s3_step check(const struct s3_upload *upload, const struct http_answer *answer)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const struct s3_object *object = &upload->object;
	const char *length = http_head_get(answer, "Content-Length", arena), *sum, *until;
	int64_t at;

	sum = http_head_get(answer, "x-amz-checksum-sha256", arena);
	if ((length && strtoull(length, NULL, 10) != object->bytes.len) || (sum && strcmp(sum, checksum(object, arena)) != 0))
		return S3_CONFLICT;
	if (object->erasable && http_head_get(answer, "x-amz-object-lock-mode", arena))
		return S3_LOCKED;
	if (object->lock == S3_NO_LOCK)
		return S3_COPIED;
	until = http_head_get(answer, "x-amz-object-lock-retain-until-date", arena);
	if (!header_is(answer, "x-amz-object-lock-mode", lock_word(object->lock), arena) || !until || utc_parse(until, &at) < 0)
		return S3_UNLOCKED;
	return upload->found || at >= object->retain_until ? S3_COPIED : S3_UNLOCKED;
}

static bool same_bytes(const struct s3_upload *upload, const struct http_answer *answer)
{
	const struct slice *bytes = &upload->object.bytes;

	return !answer->truncated && answer->body_len == bytes->len && (!bytes->len || memcmp(answer->body, bytes->data, bytes->len) == 0);
}

static enum s3_step next(struct s3_upload *upload, const struct http_answer *answer)
{
	int status = answer->status;
	bool conditional = upload->step == S3_PUT && !upload->object.moving && !upload->unconditional;

	if (status == 401 || status == 403)
		return S3_REFUSED;
	switch (upload->step) {
	case S3_PUT:
		if (status == 200)
			return S3_CHECK;
		if (conditional && status == 412)
			return S3_COMPARE;
		if (conditional && status == 501) { /* an older likeness of S3, which does not know If-None-Match */
			upload->unconditional = true;
			return S3_LOOK;
		}
		return status == 400 || status == 404 || status == 405 || status == 501 ? S3_REFUSED : S3_FAILED;
	case S3_LOOK:
		return status == 200 ? S3_COMPARE : status == 404 ? S3_PUT : S3_FAILED;
	case S3_COMPARE:
		if (status != 200)
			return S3_FAILED; /* 404: it went in between, or the store is slow to agree with itself */
		upload->found = true;
		return same_bytes(upload, answer) ? S3_CHECK : S3_CONFLICT;
	case S3_CHECK:
		return status == 200 ? check(upload, answer) : S3_FAILED;
	default:
		return upload->step;
	}
}

enum s3_step s3_answer(struct s3_upload *upload, const struct http_answer *answer)
{
	upload->step = next(upload, answer);
	return upload->step;
}
