/*
 * Input: two bytes are the status, one says which upload, then an answer's head up to a NUL, then its body. Whatever a store answers, an upload
 * ends after few requests, and what must be locked is not copied until its head says so. The body is also read as a list of versions.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "common/adapter.h"
#include "common/cleanup.h"
#include "common/s3.h"

static void versions(const char *xml, size_t len, struct arena *arena)
{
	struct s3_versions found;

	if (s3_versions_read(xml, len, "a/b", arena, &found) < 0)
		return;
	assert(found.count <= S3_VERSIONS_MAX);
	for (size_t i = 0; i < found.count; i++) {
		struct http_request http;

		assert(found.old[i] && strlen(found.old[i]) <= len);
		s3_delete_request(&(struct s3_store){ .endpoint = "https://s3.example", .bucket = "b" }, "a/b", found.old[i], arena, &http);
		assert(!strpbrk(http.url, " \r\n\"<>#")); /* it is a stranger's word */
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const struct s3_store store = { .endpoint = "https://s3.example", .bucket = "b" };
	struct s3_object object = { .key = "a/b", .type = "text/plain", .bytes = { (const uint8_t *)"abc", 3 }, .retain_until = INT64_C(1800000000000) };
	struct http_answer answer = { 0 };
	struct s3_upload upload;
	size_t answers = 0;
	const char *text;

	if (size < 3)
		return 0;
	answer.status = 100 + (data[0] << 8 | data[1]) % 500;
	object.lock = (enum s3_lock)(data[2] % 3);
	object.moving = object.lock == S3_NO_LOCK && data[2] & 4;
	object.erasable = object.lock == S3_NO_LOCK && data[2] & 8;
	answer.truncated = data[2] & 16;
	size -= 3;
	text = size ? arena_memdup(arena, data + 3, size) : ""; /* NUL-terminated beyond it */
	answer.head = text;
	answer.head_len = strnlen(text, size);
	answer.body = text + answer.head_len + (answer.head_len < size);
	answer.body_len = size - answer.head_len - (answer.head_len < size);
	versions(answer.body, answer.body_len, arena);
	s3_begin(&upload, &store, &object);
	while (upload.step < S3_COPIED) {
		struct http_request http;

		assert(++answers < 10);
		s3_request(&upload, arena, &http);
		(void)s3_answer(&upload, &answer);
	}
	assert(upload.step <= S3_FAILED && s3_step_word(upload.step));
	if (upload.step == S3_COPIED && object.lock != S3_NO_LOCK)
		assert(memmem(answer.head, answer.head_len, object.lock == S3_GOVERNANCE ? "GOVERNANCE" : "COMPLIANCE", 10));
	return 0;
}
