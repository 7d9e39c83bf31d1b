#include "tests/support/s3_peer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/hash.h"

#define OBJECTS_MAX 4096

struct object {
	char *key;
	struct buf bytes;
	char mode[16], until[40]; /* "" = not locked */
};

struct s3_peer {
	struct s3_peer_settings settings;
	pthread_mutex_t mutex;
	struct object objects[OBJECTS_MAX];
	size_t count;
	struct buf why;
};

struct request {
	struct arena *arena;
	const char *method, *path, *head; /* head: header lines */
	struct slice body;
};

struct s3_peer *s3_peer_create(const struct s3_peer_settings *settings)
{
	struct s3_peer *peer = xcalloc(1, sizeof(*peer));

	peer->settings = *settings;
	pthread_mutex_init(&peer->mutex, NULL);
	return peer;
}

void s3_peer_destroy(struct s3_peer *peer)
{
	if (!peer)
		return;
	for (size_t i = 0; i < peer->count; i++) {
		free(peer->objects[i].key);
		buf_clear(&peer->objects[i].bytes);
	}
	buf_clear(&peer->why);
	pthread_mutex_destroy(&peer->mutex);
	free(peer);
}

/* --- requests and answers --------------------------------------------------------------------------------- */

static void read_request(const struct buf *raw, struct request *ret)
{
	const char *end = strstr(buf_str(raw), "\r\n\r\n"), *first = strstr(buf_str(raw), "\r\n");
	char *line = arena_memdup(ret->arena, raw->data, (size_t)(first - raw->data)), *save = NULL;

	ret->method = strtok_r(line, " ", &save);
	ret->path = strtok_r(NULL, " ", &save);
	ret->head = arena_memdup(ret->arena, first + 2, (size_t)(end - first));
	ret->body = (struct slice){ (const uint8_t *)end + 4, raw->len - (size_t)(end + 4 - raw->data) };
}

/* The value of a header, trimmed; NULL = absent. */
static const char *header(const struct request *request, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = request->head; *line; line = strstr(line, "\r\n") + 2) {
		const char *end = strstr(line, "\r\n"), *value = line + len + 1;

		if (!end)
			return NULL;
		if (strncasecmp(line, name, len) != 0 || line[len] != ':')
			continue;
		while (value < end && (*value == ' ' || *value == '\t'))
			value++;
		while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
			end--;
		return arena_memdup(request->arena, value, (size_t)(end - value));
	}
	return NULL;
}

static void reply(struct buf *out, const char *status, const char *headers, const struct slice *body, bool head_only)
{
	buf_printf(out, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n", status, headers, body ? body->len : 0);
	if (body && !head_only)
		buf_add(out, body->data, body->len);
}

static void refuse(struct s3_peer *peer, struct buf *out, const char *status, const char *why)
{
	buf_reset(&peer->why);
	buf_add_str(&peer->why, why);
	reply(out, status, "", NULL, true);
}

/* --- AWS Signature Version 4 ------------------------------------------------------------------------------- */

static const char *member(struct arena *arena, const char *authorization, const char *name)
{
	const char *at = strstr(authorization, name);

	return at ? arena_memdup(arena, at + strlen(name), strcspn(at + strlen(name), ", ")) : "";
}

static void derive(const struct s3_peer *peer, const char *day, uint8_t key[SHA256_SIZE])
{
	CLEANUP(buf_clear) struct buf secret = { 0 };

	buf_printf(&secret, "AWS4%s", peer->settings.secret);
	hmac_sha256(secret.data, secret.len, day, strlen(day), key);
	hmac_sha256(key, SHA256_SIZE, peer->settings.region, strlen(peer->settings.region), key);
	hmac_sha256(key, SHA256_SIZE, "s3", 2, key);
	hmac_sha256(key, SHA256_SIZE, "aws4_request", 12, key);
}

/* Every header whose name S3 demands to be signed. */
static bool all_signed(const struct request *request, const char *names)
{
	const char *list = arena_printf(request->arena, ";%s;", names);

	for (const char *line = request->head; *line; line = strstr(line, "\r\n") + 2) {
		char *name = arena_memdup(request->arena, line, strcspn(line, ":"));

		for (char *p = name; *p; p++)
			*p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
		if ((strncmp(name, "x-amz-", 6) == 0 || strcmp(name, "host") == 0 || strcmp(name, "if-none-match") == 0) &&
			!strstr(list, arena_printf(request->arena, ";%s;", name)))
			return false;
	}
	return true;
}

/* NULL: the signature is right; else what is wrong. */
static const char *check_signature(const struct s3_peer *peer, const struct request *request)
{
	const char *authorization = header(request, "Authorization"), *date = header(request, "x-amz-date"),
		   *payload = header(request, "x-amz-content-sha256"), *names, *scope;
	CLEANUP(buf_clear) struct buf canonical = { 0 }, text = { 0 };
	uint8_t hash[SHA256_SIZE], key[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1], *list, *save = NULL;

	if (!authorization || strncmp(authorization, "AWS4-HMAC-SHA256 ", 17) != 0 || !date || strlen(date) != 16 || !payload)
		return "not signed";
	sha256(request->body.data, request->body.len, hash);
	if (strcmp(payload, hex_format(hash, sizeof(hash), hex)) != 0)
		return "x-amz-content-sha256 is not the body's";
	scope = arena_printf(request->arena, "%.8s/%s/s3/aws4_request", date, peer->settings.region);
	if (strcmp(member(request->arena, authorization, "Credential="), arena_printf(request->arena, "%s/%s", peer->settings.id, scope)) != 0)
		return "another credential or scope";
	names = member(request->arena, authorization, "SignedHeaders=");
	if (!all_signed(request, names))
		return "a header is not signed";
	buf_printf(&canonical, "%s\n%s\n\n", request->method, request->path);
	list = arena_strdup(request->arena, names);
	for (char *name = strtok_r(list, ";", &save); name; name = strtok_r(NULL, ";", &save))
		buf_printf(&canonical, "%s:%s\n", name, header(request, name) ? header(request, name) : "");
	buf_printf(&canonical, "\n%s\n%s", names, payload);
	sha256(canonical.data, canonical.len, hash);
	buf_printf(&text, "AWS4-HMAC-SHA256\n%s\n%s\n%s", date, scope, hex_format(hash, sizeof(hash), hex));
	derive(peer, arena_memdup(request->arena, date, 8), key);
	hmac_sha256(key, sizeof(key), text.data, text.len, hash);
	return strcmp(member(request->arena, authorization, "Signature="), hex_format(hash, sizeof(hash), hex)) == 0 ? NULL : "SignatureDoesNotMatch";
}

/* --- objects ------------------------------------------------------------------------------------------------ */

static struct object *find(struct s3_peer *peer, const char *key)
{
	for (size_t i = 0; i < peer->count; i++)
		if (strcmp(peer->objects[i].key, key) == 0)
			return &peer->objects[i];
	return NULL;
}

static void keep(struct s3_peer *peer, const char *key, const void *bytes, size_t len, const char *mode, const char *until)
{
	struct object *object = find(peer, key);

	if (!object) {
		if (peer->count == OBJECTS_MAX)
			abort();
		object = &peer->objects[peer->count++];
		object->key = xstrdup(key);
	}
	buf_reset(&object->bytes);
	buf_add(&object->bytes, bytes, len);
	object->mode[0] = object->until[0] = '\0';
	if (mode && !peer->settings.forgets_locks) {
		snprintf(object->mode, sizeof(object->mode), "%s", mode);
		snprintf(object->until, sizeof(object->until), "%s", until);
	}
}

static const char *sum_of(const struct request *request, const struct slice *bytes)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	uint8_t hash[SHA256_SIZE];

	sha256(bytes->data, bytes->len, hash);
	base64_add(&text, hash, sizeof(hash));
	return arena_strdup(request->arena, buf_str(&text));
}

static void put(struct s3_peer *peer, const struct request *request, const char *key, struct buf *out)
{
	const char *mode = header(request, "x-amz-object-lock-mode"), *until = header(request, "x-amz-object-lock-retain-until-date");
	const char *sum = header(request, "x-amz-checksum-sha256"), *condition = header(request, "If-None-Match");
	struct object *object = find(peer, key);

	if (condition && peer->settings.no_conditions)
		refuse(peer, out, "501 Not Implemented", "If-None-Match is not known");
	else if (!mode != !until || (mode && strcmp(mode, "COMPLIANCE") != 0 && strcmp(mode, "GOVERNANCE") != 0))
		refuse(peer, out, "400 Bad Request", "lock mode and date must come together");
	else if (mode && !sum && !header(request, "Content-MD5"))
		refuse(peer, out, "400 Bad Request", "a lock needs Content-MD5 or a checksum");
	else if (sum && strcmp(sum, sum_of(request, &request->body)) != 0)
		refuse(peer, out, "400 Bad Request", "BadDigest");
	else if (object && condition)
		refuse(peer, out, "412 Precondition Failed", "it exists");
	else if (object && object->mode[0]) /* S3 would keep a second version; here it shows */
		refuse(peer, out, "403 Forbidden", "a locked object was to be overwritten");
	else {
		keep(peer, key, request->body.data, request->body.len, mode, until);
		reply(out, "200 OK", "", NULL, true);
	}
}

static void get(struct s3_peer *peer, const struct request *request, const char *key, struct buf *out)
{
	struct object *object = find(peer, key);
	CLEANUP(buf_clear) struct buf headers = { 0 };
	struct slice bytes;

	if (!object) {
		refuse(peer, out, "404 Not Found", "no such key");
		return;
	}
	bytes = (struct slice){ (const uint8_t *)object->bytes.data, object->bytes.len };
	if (header(request, "x-amz-checksum-mode"))
		buf_printf(&headers, "x-amz-checksum-sha256: %s\r\n", sum_of(request, &bytes));
	if (object->mode[0])
		buf_printf(&headers, "x-amz-object-lock-mode: %s\r\nx-amz-object-lock-retain-until-date: %s\r\n", object->mode, object->until);
	reply(out, "200 OK", buf_str(&headers), &bytes, strcmp(request->method, "HEAD") == 0);
}

void s3_peer_answer(const struct buf *raw, struct buf *answer, void *arg)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct request request = { .arena = arena };
	struct s3_peer *peer = arg;
	const char *why, *bucket;

	read_request(raw, &request);
	bucket = arena_printf(arena, "/%s/", peer->settings.bucket);
	pthread_mutex_lock(&peer->mutex);
	why = check_signature(peer, &request);
	if (why)
		refuse(peer, answer, "403 Forbidden", why);
	else if (strncmp(request.path, bucket, strlen(bucket)) != 0)
		refuse(peer, answer, "404 Not Found", "no such bucket");
	else if (strcmp(request.method, "PUT") == 0)
		put(peer, &request, request.path + strlen(bucket), answer);
	else
		get(peer, &request, request.path + strlen(bucket), answer);
	pthread_mutex_unlock(&peer->mutex);
}

size_t s3_peer_count(struct s3_peer *peer)
{
	size_t count;

	pthread_mutex_lock(&peer->mutex);
	count = peer->count;
	pthread_mutex_unlock(&peer->mutex);
	return count;
}

bool s3_peer_object(struct s3_peer *peer, const char *key, struct buf *bytes, struct buf *lock)
{
	const struct object *object;

	pthread_mutex_lock(&peer->mutex);
	object = find(peer, key);
	if (object) {
		buf_reset(bytes);
		buf_reset(lock);
		buf_add(bytes, object->bytes.data, object->bytes.len);
		if (object->mode[0])
			buf_printf(lock, "%s until %s", object->mode, object->until);
	}
	pthread_mutex_unlock(&peer->mutex);
	return object != NULL;
}

void s3_peer_put(struct s3_peer *peer, const char *key, const char *bytes, const char *mode, const char *until)
{
	pthread_mutex_lock(&peer->mutex);
	keep(peer, key, bytes, strlen(bytes), mode, until);
	pthread_mutex_unlock(&peer->mutex);
}

void s3_peer_why(struct s3_peer *peer, struct buf *ret)
{
	pthread_mutex_lock(&peer->mutex);
	buf_reset(ret);
	buf_add(ret, peer->why.data, peer->why.len);
	pthread_mutex_unlock(&peer->mutex);
}
