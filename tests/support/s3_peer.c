#include "tests/support/s3_peer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/hash.h"

#define OBJECTS_MAX 4096

struct object {
	char *path; /* "/copies/name" */
	struct buf bytes;
	char mode[16], until[40]; /* "" = not locked */
	unsigned version; /* grows; unique */
	bool old; /* a newer version is there */
};

struct s3_peer {
	struct s3_peer_settings settings;
	pthread_mutex_t mutex;
	struct object objects[OBJECTS_MAX];
	size_t count;
	unsigned last_version;
	struct buf why;
};

struct request {
	struct arena *arena;
	const char *method, *path, *query, *head; /* query: "" = none; head: header lines */
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
		free(peer->objects[i].path);
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
	char *line = arena_memdup(ret->arena, raw->data, (size_t)(first - raw->data)), *save = NULL, *query;

	ret->method = strtok_r(line, " ", &save);
	ret->path = strtok_r(NULL, " ", &save);
	query = strchr(ret->path, '?');
	ret->query = query ? query + 1 : "";
	if (query)
		*query = '\0';
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

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The query as it must have been signed: sorted, each name with its '='. */
static const char *canonical_query(const struct request *request)
{
	char *text = arena_strdup(request->arena, request->query), *save = NULL, *parts[16];
	CLEANUP(buf_clear) struct buf out = { 0 };
	size_t n = 0;

	for (char *part = strtok_r(text, "&", &save); part && n < ARRAY_LEN(parts); part = strtok_r(NULL, "&", &save))
		parts[n++] = part;
	qsort(parts, n, sizeof(*parts), by_bytes);
	for (size_t i = 0; i < n; i++)
		buf_printf(&out, "%s%s%s", i ? "&" : "", parts[i], strchr(parts[i], '=') ? "" : "=");
	return arena_strdup(request->arena, buf_str(&out));
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
	buf_printf(&canonical, "%s\n%s\n%s\n", request->method, request->path, canonical_query(request));
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

static bool in_keys_bucket(const struct s3_peer *peer, const char *path)
{
	size_t len = peer->settings.keys_bucket ? strlen(peer->settings.keys_bucket) : 0;

	return len && strncmp(path + 1, peer->settings.keys_bucket, len) == 0 && path[1 + len] == '/';
}

static struct object *find(struct s3_peer *peer, const char *path)
{
	for (size_t i = 0; i < peer->count; i++)
		if (!peer->objects[i].old && strcmp(peer->objects[i].path, path) == 0)
			return &peer->objects[i];
	return NULL;
}

static void keep(struct s3_peer *peer, const char *path, const void *bytes, size_t len, const char *mode, const char *until)
{
	struct object *object = find(peer, path);

	if (object && in_keys_bucket(peer, path))
		object->old = true;
	if (!object || object->old) {
		if (peer->count == OBJECTS_MAX)
			abort();
		object = &peer->objects[peer->count++];
		*object = (struct object){ .path = xstrdup(path) };
	}
	object->version = ++peer->last_version;
	buf_reset(&object->bytes);
	buf_add(&object->bytes, bytes, len);
	object->mode[0] = object->until[0] = '\0';
	if (peer->settings.locks_keys && in_keys_bucket(peer, path)) {
		mode = "COMPLIANCE";
		until = "2999-01-01T00:00:00Z";
	}
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
	else if (object && object->mode[0] && !in_keys_bucket(peer, key)) /* S3 would keep a second version; here it shows */
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

/* "a%2Fb" -> "a/b". */
static const char *decoded(struct arena *arena, const char *text)
{
	char *out = arena_alloc(arena, strlen(text) + 1), *at = out;
	unsigned byte;

	for (; *text; text++)
		if (*text == '%' && sscanf(text + 1, "%2x", &byte) == 1) {
			*at++ = (char)byte;
			text += 2;
		} else {
			*at++ = *text;
		}
	*at = '\0';
	return out;
}

static const char *parameter(const struct request *request, const char *name)
{
	const char *query = arena_printf(request->arena, "&%s", request->query), *at = strstr(query, arena_printf(request->arena, "&%s=", name));

	if (!at)
		return NULL;
	at = strchr(at, '=') + 1;
	return decoded(request->arena, arena_memdup(request->arena, at, strcspn(at, "&")));
}

/* ListObjectVersions: the newest first. `bucket`: "/keys". */
static void list(struct s3_peer *peer, const struct request *request, const char *bucket, struct buf *out)
{
	const char *prefix = arena_printf(request->arena, "%s/%s", bucket, parameter(request, "prefix"));
	CLEANUP(buf_clear) struct buf xml = { 0 };
	int max = atoi(parameter(request, "max-keys")), listed = 0;
	bool more = false;
	struct slice body;

	if (peer->settings.unlisted) {
		refuse(peer, out, "403 Forbidden", "ListBucketVersions is not allowed");
		return;
	}
	buf_add_str(&xml, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListVersionsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
	for (size_t i = peer->count; i-- > 0;) {
		const struct object *object = &peer->objects[i];

		if (strncmp(object->path, prefix, strlen(prefix)) != 0)
			continue;
		more = listed++ == max;
		if (more)
			break;
		buf_printf(&xml, "<Version><Key>%s</Key><VersionId>v/%u+x</VersionId><IsLatest>%s</IsLatest><ETag>&quot;x&quot;</ETag></Version>",
			object->path + strlen(bucket) + 1, object->version, object->old ? "false" : "true");
	}
	buf_printf(&xml, "<IsTruncated>%s</IsTruncated></ListVersionsResult>", more ? "true" : "false");
	body = (struct slice){ (const uint8_t *)xml.data, xml.len };
	reply(out, "200 OK", "Content-Type: application/xml\r\n", &body, false);
}

/* DeleteObject of one version. Without one it would only be hidden: none of ours asks for that. */
static void delete_version(struct s3_peer *peer, const struct request *request, const char *path, struct buf *out)
{
	const char *version = parameter(request, "versionId");
	unsigned number;

	if (!version || sscanf(version, "v/%u+x", &number) != 1) {
		refuse(peer, out, "400 Bad Request", "a version must be named");
		return;
	}
	for (size_t i = 0; i < peer->count; i++) {
		struct object *object = &peer->objects[i];

		if (object->version != number || strcmp(object->path, path) != 0)
			continue;
		if (object->mode[0] || peer->settings.keeps_versions) {
			refuse(peer, out, "403 Forbidden", "it is locked, or must not be deleted");
			return;
		}
		free(object->path);
		buf_clear(&object->bytes);
		memmove(object, object + 1, (--peer->count - i) * sizeof(*object));
		break;
	}
	reply(out, "204 No Content", "", NULL, true);
}

void s3_peer_answer(const struct buf *raw, struct buf *answer, void *arg)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct request request = { .arena = arena };
	struct s3_peer *peer = arg;
	const char *why, *bucket, *rest;

	read_request(raw, &request);
	rest = strchr(request.path + 1, '/');
	bucket = rest ? arena_memdup(arena, request.path, (size_t)(rest - request.path)) : request.path;
	pthread_mutex_lock(&peer->mutex);
	why = check_signature(peer, &request);
	if (why)
		refuse(peer, answer, "403 Forbidden", why);
	else if (strcmp(bucket + 1, peer->settings.bucket) != 0 && (!peer->settings.keys_bucket || strcmp(bucket + 1, peer->settings.keys_bucket) != 0))
		refuse(peer, answer, "404 Not Found", "no such bucket");
	else if (strcmp(request.method, "PUT") == 0)
		put(peer, &request, request.path, answer);
	else if (strcmp(request.method, "DELETE") == 0)
		delete_version(peer, &request, request.path, answer);
	else if (parameter(&request, "versions"))
		list(peer, &request, bucket, answer);
	else
		get(peer, &request, request.path, answer);
	pthread_mutex_unlock(&peer->mutex);
}

void s3_peer_set(struct s3_peer *peer, const struct s3_peer_settings *settings)
{
	pthread_mutex_lock(&peer->mutex);
	peer->settings.no_conditions = settings->no_conditions;
	peer->settings.forgets_locks = settings->forgets_locks;
	peer->settings.locks_keys = settings->locks_keys;
	peer->settings.keeps_versions = settings->keeps_versions;
	peer->settings.unlisted = settings->unlisted;
	pthread_mutex_unlock(&peer->mutex);
}

/* Of a key as the tests name it; to be freed. */
static char *path_of(const struct s3_peer *peer, const char *key)
{
	CLEANUP(buf_clear) struct buf path = { 0 };

	if (key[0] != '/')
		buf_printf(&path, "/%s/", peer->settings.bucket);
	buf_add_str(&path, key);
	return buf_take(&path);
}

size_t s3_peer_count(struct s3_peer *peer)
{
	size_t count;

	pthread_mutex_lock(&peer->mutex);
	count = peer->count;
	pthread_mutex_unlock(&peer->mutex);
	return count;
}

size_t s3_peer_versions(struct s3_peer *peer, const char *key)
{
	CLEANUP(freep) char *path = path_of(peer, key);
	size_t count = 0;

	pthread_mutex_lock(&peer->mutex);
	for (size_t i = 0; i < peer->count; i++)
		count += strcmp(peer->objects[i].path, path) == 0;
	pthread_mutex_unlock(&peer->mutex);
	return count;
}

bool s3_peer_each(struct s3_peer *peer, size_t n, struct buf *path, struct buf *bytes)
{
	bool found;

	pthread_mutex_lock(&peer->mutex);
	found = n < peer->count;
	if (found) {
		buf_add_str(path, peer->objects[n].path);
		buf_add(bytes, peer->objects[n].bytes.data, peer->objects[n].bytes.len);
	}
	pthread_mutex_unlock(&peer->mutex);
	return found;
}

bool s3_peer_object(struct s3_peer *peer, const char *key, struct buf *bytes, struct buf *lock)
{
	CLEANUP(freep) char *path = path_of(peer, key);
	const struct object *object;

	pthread_mutex_lock(&peer->mutex);
	object = find(peer, path);
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
	CLEANUP(freep) char *path = path_of(peer, key);

	pthread_mutex_lock(&peer->mutex);
	keep(peer, path, bytes, strlen(bytes), mode, until);
	pthread_mutex_unlock(&peer->mutex);
}

void s3_peer_why(struct s3_peer *peer, struct buf *ret)
{
	pthread_mutex_lock(&peer->mutex);
	buf_reset(ret);
	buf_add(ret, peer->why.data, peer->why.len);
	pthread_mutex_unlock(&peer->mutex);
}
