/* Which requests a copy takes, and how each answer goes on. Whole stories: the answers of a store in turn. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/s3.h"
#include "common/utc.h"

#define UNTIL INT64_C(2110000000001) /* 2036-11-11T07:06:40.001Z */
#define LOCKED "x-amz-object-lock-mode: COMPLIANCE\r\nx-amz-object-lock-retain-until-date: 2036-11-11T07:06:41.000Z\r\n"
#define SUM "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=" /* of "test" */

static const struct s3_store store = { "https://s3.example", "bucket", 5000 };

struct reply {
	int status;
	const char *head, *body;
};
struct row {
	const char *name;
	enum s3_lock lock;
	bool moving;
	struct reply replies[6];
	const char *asked; /* methods in turn */
	enum s3_step end;
};

static const struct row rows[] = {
	{ "put, then seen to be locked", S3_COMPLIANCE, false, { { 200, "", "" }, { 200, "Content-Length: 4\r\n" LOCKED, "" } }, "PUT HEAD", S3_COPIED },
	{ "no lock asked, none looked for", S3_NO_LOCK, false, { { 200, "", "" }, { 200, "Content-Length: 4\r\n", "" } }, "PUT HEAD", S3_COPIED },
	{ "put, and not locked", S3_COMPLIANCE, false, { { 200, "", "" }, { 200, "Content-Length: 4\r\n", "" } }, "PUT HEAD", S3_UNLOCKED },
	{ "put, and locked less strictly", S3_COMPLIANCE, false,
		{ { 200, "", "" },
			{ 200, "x-amz-object-lock-mode: GOVERNANCE\r\nx-amz-object-lock-retain-until-date: 2036-11-11T07:06:41Z\r\n", "" } },
		"PUT HEAD", S3_UNLOCKED },
	{ "put, and locked for less", S3_GOVERNANCE, false,
		{ { 200, "", "" },
			{ 200, "x-amz-object-lock-mode: GOVERNANCE\r\nx-amz-object-lock-retain-until-date: 2036-11-11T07:06:40Z\r\n", "" } },
		"PUT HEAD", S3_UNLOCKED },
	{ "put, and cut short", S3_COMPLIANCE, false, { { 200, "", "" }, { 200, "Content-Length: 3\r\n" LOCKED, "" } }, "PUT HEAD", S3_CONFLICT },
	{ "put, and of another sum", S3_COMPLIANCE, false,
		{ { 200, "", "" }, { 200, "Content-Length: 4\r\nx-amz-checksum-sha256: AAAA\r\n" LOCKED, "" } }, "PUT HEAD", S3_CONFLICT },
	{ "put, and of the right sum", S3_COMPLIANCE, false,
		{ { 200, "", "" }, { 200, "Content-Length: 4\r\nx-amz-checksum-sha256: " SUM "\r\n" LOCKED, "" } }, "PUT HEAD", S3_COPIED },
	{ "put, and then not there", S3_COMPLIANCE, false, { { 200, "", "" }, { 404, "", "" } }, "PUT HEAD", S3_FAILED },
	{ "there already, the same", S3_COMPLIANCE, false, { { 412, "", "" }, { 200, "", "test" }, { 200, LOCKED, "" } }, "PUT GET HEAD", S3_COPIED },
	{ "there already, locked until an earlier day", S3_COMPLIANCE, false,
		{ { 412, "", "" }, { 200, "", "test" },
			{ 200, "x-amz-object-lock-mode: COMPLIANCE\r\nx-amz-object-lock-retain-until-date: 2030-01-01T00:00:00Z\r\n", "" } },
		"PUT GET HEAD", S3_COPIED },
	{ "there already, and not locked", S3_COMPLIANCE, false, { { 412, "", "" }, { 200, "", "test" }, { 200, "", "" } }, "PUT GET HEAD", S3_UNLOCKED },
	{ "there already, with other bytes", S3_COMPLIANCE, false, { { 412, "", "" }, { 200, "", "tEst" } }, "PUT GET", S3_CONFLICT },
	{ "there already, with more bytes", S3_COMPLIANCE, false, { { 412, "", "" }, { 200, "", "test!" } }, "PUT GET", S3_CONFLICT },
	{ "there already, and gone", S3_COMPLIANCE, false, { { 412, "", "" }, { 404, "", "" } }, "PUT GET", S3_FAILED },
	{ "no conditional writes, not there", S3_COMPLIANCE, false,
		{ { 501, "", "" }, { 404, "", "" }, { 200, "", "" }, { 200, LOCKED, "" } }, "PUT HEAD PUT HEAD", S3_COPIED },
	{ "no conditional writes, there", S3_COMPLIANCE, false,
		{ { 501, "", "" }, { 200, "", "" }, { 200, "", "test" }, { 200, LOCKED, "" } }, "PUT HEAD GET HEAD", S3_COPIED },
	{ "no conditional writes, there with other bytes", S3_COMPLIANCE, false, { { 501, "", "" }, { 200, "", "" }, { 200, "", "tesT" } },
		"PUT HEAD GET", S3_CONFLICT },
	{ "nothing is implemented", S3_COMPLIANCE, false, { { 501, "", "" }, { 404, "", "" }, { 501, "", "" } }, "PUT HEAD PUT", S3_REFUSED },
	{ "the moving one is overwritten", S3_NO_LOCK, true, { { 200, "", "" }, { 200, "Content-Length: 4\r\n", "" } }, "PUT HEAD", S3_COPIED },
	{ "the moving one is not compared", S3_NO_LOCK, true, { { 412, "", "" } }, "PUT", S3_FAILED },
	{ "wrong signature", S3_COMPLIANCE, false, { { 403, "", "" } }, "PUT", S3_REFUSED },
	{ "may write, not look", S3_COMPLIANCE, false, { { 200, "", "" }, { 403, "", "" } }, "PUT HEAD", S3_REFUSED },
	{ "no such bucket", S3_COMPLIANCE, false, { { 404, "", "" } }, "PUT", S3_REFUSED },
	{ "a bucket without Object Lock", S3_COMPLIANCE, false, { { 400, "", "" } }, "PUT", S3_REFUSED },
	{ "two writers at once", S3_COMPLIANCE, false, { { 409, "", "" } }, "PUT", S3_FAILED },
	{ "slow down", S3_COMPLIANCE, false, { { 503, "", "" } }, "PUT", S3_FAILED },
	{ "a fault", S3_COMPLIANCE, false, { { 500, "", "" } }, "PUT", S3_FAILED },
	{ "moved elsewhere", S3_COMPLIANCE, false, { { 301, "", "" } }, "PUT", S3_FAILED },
	{ "no answer", S3_COMPLIANCE, false, { { 0, "", "" } }, "PUT", S3_FAILED },
	{ "no answer to the check", S3_COMPLIANCE, false, { { 200, "", "" }, { 0, "", "" } }, "PUT HEAD", S3_FAILED },
};

static struct s3_object object_of(const struct row *row)
{
	return (struct s3_object){ .key = "trail.example.com/acme/2026/checkpoints/300", .type = "text/plain", .bytes = { (const uint8_t *)"test", 4 },
		.lock = row->lock, .retain_until = row->lock ? UNTIL : 0, .moving = row->moving };
}

static void story(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf asked = { 0 };
	const struct row *row = *state;
	struct s3_object object = object_of(row);
	struct s3_upload upload;

	s3_begin(&upload, &store, &object);
	for (size_t i = 0; upload.step < S3_COPIED; i++) {
		const struct reply *reply = &row->replies[i];
		struct http_request request;
		struct http_answer answer = { .status = reply->status, .body = reply->body };

		assert_non_null(reply->head);
		s3_request(&upload, arena, &request);
		buf_printf(&asked, "%s%s", i ? " " : "", request.method);
		answer.head = arena_printf(arena, "HTTP/1.1 %d x\r\n%s", reply->status, reply->head);
		answer.head_len = strlen(answer.head);
		answer.body_len = strlen(reply->body);
		(void)s3_answer(&upload, &answer);
	}
	assert_string_equal(buf_str(&asked), row->asked);
	assert_string_equal(s3_step_word(upload.step), s3_step_word(row->end));
}

/* --- requests ------------------------------------------------------------------------------------------- */

static const char *value_of(const struct http_request *request, const char *name)
{
	for (size_t i = 0; i < request->header_count; i++)
		if (strcmp(request->headers[i].name, name) == 0)
			return request->headers[i].value;
	return "-";
}

static void what_a_locked_put_says(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct s3_object object = object_of(&rows[0]);
	struct s3_upload upload;
	struct http_request request;

	(void)state;
	object.key = "trail.example.com/a b/2026/caf\xc3\xa9+1";
	s3_begin(&upload, &store, &object);
	s3_request(&upload, arena, &request);
	assert_string_equal(request.url, "https://s3.example/bucket/trail.example.com/a%20b/2026/caf%C3%A9%2B1");
	assert_int_equal(request.body_len, 4);
	assert_int_equal(request.timeout_ms, 5000);
	assert_string_equal(value_of(&request, "x-amz-content-sha256"), "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
	assert_string_equal(value_of(&request, "x-amz-checksum-sha256"), SUM);
	assert_string_equal(value_of(&request, "If-None-Match"), "*");
	assert_string_equal(value_of(&request, "x-amz-object-lock-mode"), "COMPLIANCE");
	assert_string_equal(value_of(&request, "x-amz-object-lock-retain-until-date"), "2036-11-11T07:06:41Z");
}

static void what_the_others_say(void **state)
{
	static const char none[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct s3_object object = object_of(&rows[0]);
	struct s3_upload upload;
	struct http_request request;

	(void)state;
	s3_begin(&upload, &store, &object);
	for (upload.step = S3_LOOK; upload.step <= S3_CHECK; upload.step++) {
		if (upload.step == S3_PUT)
			continue;
		s3_request(&upload, arena, &request);
		assert_null(request.body);
		assert_string_equal(value_of(&request, "x-amz-content-sha256"), none);
		assert_string_equal(value_of(&request, "If-None-Match"), "-");
		assert_string_equal(value_of(&request, "x-amz-object-lock-mode"), "-");
	}
	upload.step = S3_PUT;
	upload.unconditional = true;
	s3_request(&upload, arena, &request);
	assert_string_equal(value_of(&request, "If-None-Match"), "-");
	object.moving = true;
	object.lock = S3_NO_LOCK;
	s3_begin(&upload, &store, &object);
	s3_request(&upload, arena, &request);
	assert_string_equal(value_of(&request, "If-None-Match"), "-");
	assert_string_equal(value_of(&request, "x-amz-object-lock-mode"), "-");
}

/* --- versions --------------------------------------------------------------------------------------------------- */

#define LIST(truncated, inside) "<?xml version=\"1.0\"?><ListVersionsResult xmlns=\"x\"><Name>b</Name>" inside "<IsTruncated>" truncated "</IsTruncated></ListVersionsResult>"
#define VERSION(kind, key, id, latest) "<" kind "><Key>" key "</Key><VersionId>" id "</VersionId><IsLatest>" latest "</IsLatest></" kind ">"

static const struct list_row {
	const char *name, *xml;
	int r;
	bool latest, more;
	size_t count;
	const char *first;
} list_rows[] = {
	{ "none", LIST("false", ""), 0, false, false, 0, NULL },
	{ "one, the newest", LIST("false", VERSION("Version", "a/b", "null", "true")), 0, true, false, 0, NULL },
	{ "an older one, of several lines", LIST("false", VERSION("Version", "a/b", "2", "true") "\n" VERSION("Version", "a/b", "1", "false")), 0, true, false, 1, "1" },
	{ "a mark of deletion that is older", LIST("false", VERSION("Version", "a/b", "2", "true") VERSION("DeleteMarker", "a/b", "d", "false")), 0, true, false, 1, "d" },
	{ "deleted: the mark is the newest", LIST("false", VERSION("DeleteMarker", "a/b", "d", "true") VERSION("Version", "a/b", "1", "false")), 0, true, false, 1, "1" },
	{ "another one that begins so", LIST("false", VERSION("Version", "a/b", "2", "true") VERSION("Version", "a/bc", "1", "false")), 0, true, false, 0, NULL },
	{ "there are more", LIST("true", VERSION("Version", "a/b", "2", "true")), 0, true, true, 0, NULL },
	{ "an entity in an id", LIST("false", VERSION("Version", "a/b", "x&amp;y", "false")), 0, false, false, 1, "x&y" },
	{ "an entity that is not XML's own", LIST("false", VERSION("Version", "a/b", "x&#38;y", "false")), -EBADMSG, false, false, 0, NULL },
	{ "a version without id", LIST("false", "<Version><Key>a/b</Key><IsLatest>false</IsLatest></Version>"), -EBADMSG, false, false, 0, NULL },
	{ "a version with an empty id", LIST("false", VERSION("Version", "a/b", "", "false")), -EBADMSG, false, false, 0, NULL },
	{ "cut short", "<ListVersionsResult><IsTruncated>false</IsTruncated>", -EBADMSG, false, false, 0, NULL },
	{ "not said whether it is whole", "<ListVersionsResult></ListVersionsResult>", -EBADMSG, false, false, 0, NULL },
	{ "another document", "<Error><Code>NotImplemented</Code></Error>", -EBADMSG, false, false, 0, NULL },
	{ "nothing", "", -EBADMSG, false, false, 0, NULL },
};

static void list_is_read(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const struct list_row *row = *state;
	struct s3_versions versions;

	assert_int_equal(s3_versions_read(row->xml, strlen(row->xml), "a/b", arena, &versions), row->r);
	if (row->r < 0)
		return;
	assert_int_equal(versions.latest, row->latest);
	assert_int_equal(versions.more, row->more);
	assert_int_equal(versions.count, row->count);
	if (row->first)
		assert_string_equal(versions.old[0], row->first);
}

static void what_lists_and_deletes(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct http_request http;

	(void)state;
	s3_versions_request(&store, "o/keys/2026/0000000.keys", arena, &http);
	assert_string_equal(http.method, "GET");
	assert_string_equal(http.url, "https://s3.example/bucket?max-keys=100&prefix=o%2Fkeys%2F2026%2F0000000.keys&versions=");
	s3_delete_request(&store, "o/a b", "3/L4+x=", arena, &http);
	assert_string_equal(http.method, "DELETE");
	assert_string_equal(http.url, "https://s3.example/bucket/o/a%20b?versionId=3%2FL4%2Bx%3D");
}

static void what_must_be_erasable_is_never_locked(void **state)
{
	static const struct http_answer put = { .status = 200, .head = "HTTP/1.1 200 OK\r\n\r\n", .head_len = 19 };
	static const char head[] = "HTTP/1.1 200 OK\r\nx-amz-object-lock-mode: GOVERNANCE\r\n\r\n";
	struct http_answer locked = { .status = 200, .head = head, .head_len = sizeof(head) - 1 };
	struct s3_object object = { .key = "k", .type = "text/plain", .moving = true, .erasable = true };
	struct s3_upload upload;

	(void)state;
	s3_begin(&upload, &store, &object);
	assert_int_equal(s3_answer(&upload, &put), S3_CHECK);
	assert_int_equal(s3_answer(&upload, &locked), S3_LOCKED);
	assert_string_equal(s3_step_word(S3_LOCKED), "locked");
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(what_a_locked_put_says),
		cmocka_unit_test(what_the_others_say),
		cmocka_unit_test(what_lists_and_deletes),
		cmocka_unit_test(what_must_be_erasable_is_never_locked),
	};
	struct CMUnitTest tests[ARRAY_LEN(rows) + ARRAY_LEN(others) + ARRAY_LEN(list_rows)];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].name, .test_func = story, .initial_state = (void *)(uintptr_t)&rows[i] };
	memcpy(tests + ARRAY_LEN(rows), others, sizeof(others));
	for (size_t i = 0; i < ARRAY_LEN(list_rows); i++)
		tests[ARRAY_LEN(rows) + ARRAY_LEN(others) + i] =
			(struct CMUnitTest){ .name = list_rows[i].name, .test_func = list_is_read, .initial_state = (void *)(uintptr_t)&list_rows[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
