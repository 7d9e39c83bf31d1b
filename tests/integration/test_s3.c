/* Copies into a store that recomputes each signature and keeps Object Lock, over libcurl as the daemon uses it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <event2/event.h>

#include "common/s3.h"
#include "common/utc.h"
#include "daemon/http_client_wire.h"
#include "tests/support/http_peer.h"
#include "tests/support/s3_peer.h"

#define KEY "trail.example.com/acme/2026/checkpoints/300"
#define UNTIL INT64_C(2110000000000)

static struct world {
	struct event_base *base;
	struct http_peer *http;
	struct s3_peer *s3;
	struct wire *wire;
	struct http_signer signer;
	struct s3_store store;
	struct s3_upload upload;
	struct arena *arena;
	char endpoint[64];
} w;

static void open_world(const struct s3_peer_settings *more)
{
	struct s3_peer_settings settings = *more;

	settings.region = "eu-west-3";
	settings.id = "AKIDEXAMPLE";
	settings.secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
	settings.bucket = "copies";
	settings.keys_bucket = "keys";
	w = (struct world){ .signer = { "eu-west-3", "s3", settings.id, settings.secret } };
	w.arena = arena_create();
	w.base = event_base_new();
	w.http = http_peer_create(NULL);
	w.s3 = s3_peer_create(&settings);
	http_peer_handler(w.http, s3_peer_answer, w.s3);
	assert_int_equal(wire_global_init(NULL), 0);
	w.wire = wire_create(w.base, NULL);
	snprintf(w.endpoint, sizeof(w.endpoint), "http://127.0.0.1:%u", http_peer_port(w.http));
	w.store = (struct s3_store){ w.endpoint, settings.bucket, 5000 };
}

static void close_world(void)
{
	wire_destroy(w.wire);
	wire_global_cleanup();
	http_peer_destroy(w.http);
	s3_peer_destroy(w.s3);
	event_base_free(w.base);
	arena_free(w.arena);
}

static void step(void);

static void on_done(const struct wire_result *result, void *arg)
{
	static const struct http_answer none;

	(void)arg;
	if (s3_answer(&w.upload, result->end == WIRE_ANSWERED ? &result->answer : &none) < S3_COPIED)
		step();
	else
		event_base_loopbreak(w.base);
}

static void step(void)
{
	struct http_request *http = arena_alloc(w.arena, sizeof(*http));
	struct wire_request request = { .http = http, .body_max = s3_answer_max(&w.upload), .signer = &w.signer, .done = on_done };

	s3_request(&w.upload, w.arena, http);
	wire_start(w.wire, &request);
}

static const char *copy(const char *key, const void *bytes, size_t len, enum s3_lock lock, bool moving)
{
	struct s3_object object = { .key = key, .type = "application/octet-stream", .bytes = { bytes, len }, .lock = lock,
		.retain_until = lock ? UNTIL : 0, .moving = moving };

	s3_begin(&w.upload, &w.store, &object);
	step();
	event_base_loop(w.base, EVLOOP_NO_EXIT_ON_EMPTY);
	return s3_step_word(w.upload.step);
}

static void assert_kept(const char *key, const char *text, const char *lock)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 }, locked = { 0 };

	assert_true(s3_peer_object(w.s3, key, &bytes, &locked));
	assert_string_equal(buf_str(&bytes), text);
	assert_string_equal(buf_str(&locked), lock);
}

/* One request that is no upload's; the answer in the arena. */
static struct http_answer answer_to_last;

static void on_answer(const struct wire_result *result, void *arg)
{
	(void)arg;
	answer_to_last = result->answer;
	answer_to_last.body = arena_memdup(w.arena, result->answer.body_len ? result->answer.body : "", result->answer.body_len);
	event_base_loopbreak(w.base);
}

static void ask(const struct http_request *http)
{
	struct wire_request request = { .http = http, .body_max = S3_VERSIONS_BYTES, .signer = &w.signer, .done = on_answer };

	wire_start(w.wire, &request);
	event_base_loop(w.base, EVLOOP_NO_EXIT_ON_EMPTY);
}

static void list(const char *key, struct s3_versions *ret)
{
	struct http_request http;

	s3_versions_request(&w.store, key, w.arena, &http);
	ask(&http);
	assert_int_equal(answer_to_last.status, 200);
	assert_int_equal(s3_versions_read(answer_to_last.body, answer_to_last.body_len, key, w.arena, ret), 0);
}

static int erase(const char *key, const char *version)
{
	struct http_request http;

	s3_delete_request(&w.store, key, version, w.arena, &http);
	ask(&http);
	return answer_to_last.status;
}

static const char *copy_key(const char *text)
{
	struct s3_object object = { .key = "trail/keys/2026/0000000.keys", .type = "application/octet-stream", .moving = true, .erasable = true,
		.bytes = { (const uint8_t *)text, strlen(text) } };

	w.store.bucket = "keys";
	s3_begin(&w.upload, &w.store, &object);
	step();
	event_base_loop(w.base, EVLOOP_NO_EXIT_ON_EMPTY);
	return s3_step_word(w.upload.step);
}

/* --- tests ------------------------------------------------------------------------------------------------ */

static void signed_locked_and_never_overwritten(void **state)
{
	static char large[300000];

	(void)state;
	open_world(&(struct s3_peer_settings){ 0 });
	assert_string_equal(copy(KEY, "one", 3, S3_COMPLIANCE, false), "copied");
	assert_kept(KEY, "one", "COMPLIANCE until 2036-11-11T07:06:40Z");
	assert_string_equal(copy(KEY, "one", 3, S3_COMPLIANCE, false), "copied"); /* again: compared */
	assert_string_equal(copy(KEY, "two", 3, S3_COMPLIANCE, false), "conflict");
	assert_kept(KEY, "one", "COMPLIANCE until 2036-11-11T07:06:40Z");
	assert_string_equal(copy("journal/1", "x", 1, S3_GOVERNANCE, false), "copied");
	assert_kept("journal/1", "x", "GOVERNANCE until 2036-11-11T07:06:40Z");
	assert_string_equal(copy("empty", "", 0, S3_COMPLIANCE, false), "copied");
	memset(large, 'z', sizeof(large) - 1);
	assert_string_equal(copy("tile/entries/000", large, sizeof(large) - 1, S3_COMPLIANCE, false), "copied");
	assert_string_equal(copy("tile/entries/000", large, sizeof(large) - 1, S3_COMPLIANCE, false), "copied");
	assert_kept("tile/entries/000", large, "COMPLIANCE until 2036-11-11T07:06:40Z");
	close_world();
}

static void the_moving_one_is_overwritten_and_not_locked(void **state)
{
	(void)state;
	open_world(&(struct s3_peer_settings){ 0 });
	assert_string_equal(copy("checkpoint", "one", 3, S3_NO_LOCK, true), "copied");
	assert_string_equal(copy("checkpoint", "three", 5, S3_NO_LOCK, true), "copied");
	assert_kept("checkpoint", "three", "");
	close_world();
}

static void names_are_encoded_once(void **state)
{
	(void)state;
	open_world(&(struct s3_peer_settings){ 0 });
	assert_string_equal(copy("a b/c+d~e", "x", 1, S3_COMPLIANCE, false), "copied");
	assert_kept("a%20b/c%2Bd~e", "x", "COMPLIANCE until 2036-11-11T07:06:40Z");
	close_world();
}

static void without_conditional_writes_it_looks_first(void **state)
{
	(void)state;
	open_world(&(struct s3_peer_settings){ .no_conditions = true });
	assert_string_equal(copy(KEY, "one", 3, S3_COMPLIANCE, false), "copied");
	assert_string_equal(copy(KEY, "one", 3, S3_COMPLIANCE, false), "copied");
	assert_string_equal(copy(KEY, "two", 3, S3_COMPLIANCE, false), "conflict");
	assert_kept(KEY, "one", "COMPLIANCE until 2036-11-11T07:06:40Z");
	close_world();
}

static void a_store_that_forgets_locks_is_found_out(void **state)
{
	(void)state;
	open_world(&(struct s3_peer_settings){ .forgets_locks = true });
	assert_string_equal(copy(KEY, "one", 3, S3_COMPLIANCE, false), "unlocked");
	close_world();
}

static void wrong_secret_region_or_bucket_is_refused(void **state)
{
	CLEANUP(buf_clear) struct buf why = { 0 };

	(void)state;
	open_world(&(struct s3_peer_settings){ 0 });
	w.signer.secret = "another";
	assert_string_equal(copy(KEY, "one", 3, S3_COMPLIANCE, false), "refused");
	s3_peer_why(w.s3, &why);
	assert_string_equal(buf_str(&why), "SignatureDoesNotMatch");
	close_world();
	open_world(&(struct s3_peer_settings){ 0 });
	w.signer.region = "eu-west-1";
	assert_string_equal(copy(KEY, "one", 3, S3_COMPLIANCE, false), "refused");
	close_world();
	open_world(&(struct s3_peer_settings){ 0 });
	w.store.bucket = "others";
	assert_string_equal(copy(KEY, "one", 3, S3_COMPLIANCE, false), "refused");
	assert_int_equal(s3_peer_count(w.s3), 0);
	close_world();
}

static void a_store_that_is_away_or_broken_is_tried_later(void **state)
{
	static const struct peer_step steps[] = {
		{ PEER_ANSWER, "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n" },
		{ PEER_CLOSE, NULL },
		{ PEER_HANG, NULL },
		{ PEER_ANSWER, NULL },
	};

	(void)state;
	open_world(&(struct s3_peer_settings){ 0 });
	w.store.timeout_ms = 300;
	http_peer_script(w.http, steps, ARRAY_LEN(steps));
	for (int i = 0; i < 3; i++)
		assert_string_equal(copy(KEY, "one", 3, S3_COMPLIANCE, false), "failed");
	w.store.timeout_ms = 5000;
	assert_string_equal(copy(KEY, "one", 3, S3_COMPLIANCE, false), "copied");
	close_world();
}

static void old_versions_are_found_and_deleted(void **state)
{
	static const char key[] = "trail/keys/2026/0000000.keys";
	struct s3_versions versions;

	(void)state;
	open_world(&(struct s3_peer_settings){ 0 });
	for (int i = 0; i < 3; i++)
		assert_string_equal(copy_key(i == 0 ? "one" : i == 1 ? "two" : "three"), "copied");
	s3_peer_put(w.s3, "/keys/trail/keys/2026/0000000.keys.new", "another", NULL, NULL);
	list(key, &versions);
	assert_true(versions.latest && !versions.more && versions.count == 2);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(erase(key, versions.old[i]), 204);
	list(key, &versions);
	assert_true(versions.latest && !versions.more && versions.count == 0);
	assert_int_equal(s3_peer_versions(w.s3, "/keys/trail/keys/2026/0000000.keys"), 1);
	assert_kept("/keys/trail/keys/2026/0000000.keys", "three", "");
	assert_kept("/keys/trail/keys/2026/0000000.keys.new", "another", "");
	close_world();
}

static void more_versions_than_one_list_holds(void **state)
{
	struct s3_versions versions;

	(void)state;
	open_world(&(struct s3_peer_settings){ 0 });
	for (int i = 0; i < S3_VERSIONS_MAX + 20; i++)
		s3_peer_put(w.s3, "/keys/x", "old", NULL, NULL);
	w.store.bucket = "keys";
	list("x", &versions);
	assert_true(versions.latest && versions.more && versions.count == S3_VERSIONS_MAX - 1);
	close_world();
}

static void a_bucket_that_locks_by_itself_is_no_place_for_keys(void **state)
{
	struct s3_versions versions;

	(void)state;
	open_world(&(struct s3_peer_settings){ .locks_keys = true });
	assert_string_equal(copy_key("one"), "locked");
	(void)copy_key("two");
	list("trail/keys/2026/0000000.keys", &versions);
	assert_int_equal(versions.count, 1);
	assert_int_equal(erase("trail/keys/2026/0000000.keys", versions.old[0]), 403);
	close_world();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(signed_locked_and_never_overwritten),
		cmocka_unit_test(the_moving_one_is_overwritten_and_not_locked),
		cmocka_unit_test(names_are_encoded_once),
		cmocka_unit_test(without_conditional_writes_it_looks_first),
		cmocka_unit_test(a_store_that_forgets_locks_is_found_out),
		cmocka_unit_test(wrong_secret_region_or_bucket_is_refused),
		cmocka_unit_test(a_store_that_is_away_or_broken_is_tried_later),
		cmocka_unit_test(old_versions_are_found_and_deleted),
		cmocka_unit_test(more_versions_than_one_list_holds),
		cmocka_unit_test(a_bucket_that_locks_by_itself_is_no_place_for_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
