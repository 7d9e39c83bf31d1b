/*
 * Who vouched for the log in a bundle: real stamps of a throwaway authority, real cosignatures of a witness. What holds is said with whom it
 * goes back to; every way in which one can be wrong, for whoever can also make the manifest anew, is refused by its name.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/timestamp.h"
#include "common/witness.h"
#include "tests/support/authority.h"
#include "tests/support/witness_peer.h"
#include "tests/unit/bundle_world.h"

#define SIZE 300
#define STAMPED 150
#define NOW INT64_C(1800000000) /* s: when the authority stamps */
#define FOLDER "log/2026/anchored/150/"

struct vouched {
	struct arena *arena;
	struct bundle_world world;
	struct bundle_anchor anchor;
	struct authority *authority;
	struct witness_peer *witness;
	struct bundle bundle; /* without its manifest */
	struct buf said; /* "name state text" lines */
};

static void add(struct vouched *v, const char *name, const void *data, size_t len)
{
	bundle_add(&v->bundle, arena_printf(v->arena, FOLDER "%s", name), data, len);
}

static void add_stamp(struct vouched *v, const char *name, const struct slice *over, bool listed)
{
	CLEANUP(buf_clear) struct buf query = { 0 }, answer = { 0 }, crl = { 0 };
	struct timestamp_query asked = { .nonce = 42 };
	const char *root = authority_root(v->authority, v->arena);

	sha256(over->data, over->len, asked.imprint);
	timestamp_query_add(&query, &asked);
	authority_answer(v->authority, query.data, query.len, NOW, &answer);
	authority_crl(v->authority, NOW - 3600, false, &crl);
	add(v, arena_printf(v->arena, "%s.tsq", name), query.data, query.len);
	add(v, arena_printf(v->arena, "%s.tsr", name), answer.data, answer.len);
	add(v, arena_printf(v->arena, "%s.pem", name), root, strlen(root));
	if (listed)
		add(v, arena_printf(v->arena, "%s.crl", name), crl.data, crl.len);
}

static void add_cosigned(struct vouched *v)
{
	CLEANUP(buf_clear) struct buf request = { 0 }, answer = { 0 }, file = { 0 }, key = { 0 };
	struct witness_request asked = { .checkpoint = v->anchor.note };
	const char *line;

	buf_add_str(&request, "POST /add-checkpoint HTTP/1.1\r\n\r\n");
	assert_int_equal(witness_request_add(&request, &asked), 0);
	witness_peer_answer(&request, &answer, v->witness);
	line = strstr(buf_str(&answer), "\r\n\r\n") + 4;
	buf_add(&file, v->anchor.note.data, v->anchor.note.len);
	buf_add_str(&file, line);
	witness_peer_key(v->witness, &key);
	buf_add_char(&key, '\n');
	add(v, "w.cosigned", file.data, file.len);
	add(v, "w.vkey", key.data, key.len);
}

/* Six records, the last three behind the anchored checkpoint. */
static int setup(void **state)
{
	struct vouched *v = calloc(1, sizeof(*v));

	v->arena = arena_create();
	v->authority = authority_create(AUTHORITY_SOUND);
	world_begin(&v->world, v->arena, SIZE);
	for (uint64_t i = 0; i < 6; i++)
		world_record(&v->world, i * (SIZE - 1) / 5, "\"kind\":\"attempt.intent\"", NULL, 0);
	world_sign(&v->world);
	v->witness = witness_peer_create(&v->world.log.key);
	v->anchor = (struct bundle_anchor){ .size = STAMPED, .note = world_note(&v->world, STAMPED) };
	assert_int_equal(bundle_anchor_ready(&v->world.log, &v->anchor), 0);
	for (size_t i = 0; i < 3; i++)
		v->world.records[i].anchor = &v->anchor;
	v->bundle = world_bundle(&v->world, SIZE_MAX, true);
	bundle_add_anchor(&v->bundle, &v->world.log, &v->anchor);
	*state = v;
	return 0;
}

static int teardown(void **state)
{
	struct vouched *v = *state;

	buf_clear(&v->said);
	authority_destroy(v->authority);
	witness_peer_destroy(v->witness);
	arena_free(v->arena);
	free(v);
	return 0;
}

static void on_line(const struct check_line *line, void *arg)
{
	static const char *const states[] = { [CHECK_GOOD] = "good", [CHECK_NOT] = "NOT", [CHECK_REFUSED] = "REFUSED" };
	struct vouched *v = arg;

	buf_printf(&v->said, "%s %s: %s\n", line->name, states[line->state], line->text);
}

/* The check that refused it, "" when it holds. */
static const char *judge(struct vouched *v, const struct bundle *bundle, struct bundle_checking how)
{
	static struct err err;

	how.ahead = 10;
	how.line = on_line;
	how.arg = v;
	err = (struct err){ 0 };
	buf_reset(&v->said);
	return bundle_check(bundle, &how, &err) < 0 ? err.code : "";
}

/* The manifest made anew by the log's key holder, over the bundle with these bytes in that file's place; NULL: without it. */
static struct bundle with(struct vouched *v, const char *name, const void *data, size_t len)
{
	const char *path = arena_printf(v->arena, FOLDER "%s", name ? name : "");
	struct bundle ret = { .arena = v->arena };

	for (size_t i = 0; i < v->bundle.count; i++)
		if (!name || strcmp(v->bundle.files[i].path, path) != 0)
			bundle_add(&ret, v->bundle.files[i].path, v->bundle.files[i].data.data, v->bundle.files[i].data.len);
	if (name && data)
		bundle_add(&ret, path, data, len);
	assert_int_equal(bundle_finish(&ret, &v->world.log.key, BUNDLE_SEED), 0);
	return ret;
}

static const struct bundle_checking nobody = { 0 };

static const char *judge_with(struct vouched *v, const char *name, const void *data, size_t len)
{
	struct bundle bundle = with(v, name, data, len);

	return judge(v, &bundle, nobody);
}

static struct slice file_of(struct vouched *v, const char *name)
{
	for (size_t i = 0; i < v->bundle.count; i++)
		if (strcmp(v->bundle.files[i].path, arena_printf(v->arena, FOLDER "%s", name)) == 0)
			return v->bundle.files[i].data;
	fail_msg("no %s", name);
	return (struct slice){ 0 };
}

#define assert_says(v, text)                                                                                                      \
	do {                                                                                                                      \
		if (!strstr(buf_str(&(v)->said), text))                                                                           \
			fail_msg("\"%s\" is not said:\n%s", text, buf_str(&(v)->said));                                           \
	} while (0)

/* --- what holds ---------------------------------------------------------------------------------------- */

static void nobody_vouched(void **state)
{
	struct vouched *v = *state;

	assert_string_equal(judge_with(v, NULL, NULL, 0), "");
	assert_says(v, "anchored NOT: not anchored");
	assert_says(v, "witnessed NOT: not witnessed");
}

static void a_stamp_with_its_list(void **state)
{
	struct vouched *v = *state;

	add_stamp(v, "tsa", &v->anchor.note, true);
	assert_string_equal(judge_with(v, NULL, NULL, 0), "");
	assert_says(v, "stamp good: " FOLDER "tsa.tsr: 150 records of " BUNDLE_ORIGIN "/2026 stood at 2027-01-15T08:00:00Z, signed by CN=A test authority");
	assert_says(v, "revocation good: ");
	assert_says(v, "anchored good: 3 of the 6 records");
	assert_says(v, "anchored NOT: not anchored: 3 records are younger");
	assert_says(v, "witnessed NOT: not witnessed");
}

static void without_a_list_revocation_is_not_checked(void **state)
{
	struct vouched *v = *state;

	add_stamp(v, "tsa", &v->anchor.note, false);
	assert_string_equal(judge_with(v, NULL, NULL, 0), "");
	assert_says(v, "stamp good: ");
	assert_says(v, "revocation NOT: " FOLDER "tsa.tsr: revocation not checked");
}

/* As openssl x509 -fingerprint prints it, and said once for any number of stamps. */
static void the_root_is_named(void **state)
{
	struct vouched *v = *state;
	struct bundle bundle;
	const uint8_t other[1][SHA256_SIZE] = { { 1, 2, 3 } };
	uint8_t own[1][SHA256_SIZE];
	const char *at, *hex;

	add_stamp(v, "tsa", &v->anchor.note, false);
	add_stamp(v, "tsb", &v->anchor.note, false);
	bundle = with(v, NULL, NULL, 0);
	assert_string_equal(judge(v, &bundle, nobody), "");
	assert_says(v, "root NOT: not compared: ");
	at = strstr(buf_str(&v->said), "root NOT");
	assert_null(strstr(at + 1, "root NOT"));
	hex = strstr(at, "(--root): ") + strlen("(--root): ");
	for (size_t i = 0; i < SHA256_SIZE; i++)
		own[0][i] = (uint8_t)strtoul(hex + 3 * i, NULL, 16);
	assert_string_equal(judge(v, &bundle, (struct bundle_checking){ .roots = own, .root_count = 1 }), "");
	assert_says(v, "root good: ");
	assert_null(strstr(buf_str(&v->said), "root NOT"));
	assert_string_equal(judge(v, &bundle, (struct bundle_checking){ .roots = other, .root_count = 1 }), "root");
}

static void a_cosignature(void **state)
{
	struct vouched *v = *state;
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct note_key key, other;
	struct bundle bundle;

	add_cosigned(v);
	bundle = with(v, NULL, NULL, 0);
	assert_string_equal(judge(v, &bundle, nobody), "");
	assert_says(v, "witness good: " FOLDER "w.cosigned: witness.test.example.com signed that 150 records");
	assert_says(v, "witness_key NOT: not compared");
	assert_says(v, "witnessed good: 3 of the 6 records");
	assert_says(v, "anchored NOT: not anchored");
	witness_peer_key(v->witness, &text);
	assert_int_equal(note_key_parse(buf_str(&text), &key), 0);
	assert_string_equal(judge(v, &bundle, (struct bundle_checking){ .witnesses = &key, .witness_count = 1 }), "");
	assert_says(v, "witness_key good: ");
	assert_int_equal(note_key_make(key.name, NOTE_COSIGNATURE, v->world.log.key.public_key, &other), 0);
	assert_string_equal(judge(v, &bundle, (struct bundle_checking){ .witnesses = &other, .witness_count = 1 }), "witness_key");
	bundle = with(v, "w.vkey", NULL, 0);
	assert_string_equal(judge(v, &bundle, nobody), "");
	assert_says(v, "witness NOT: " FOLDER "w.cosigned was not checked");
	assert_says(v, "witnessed NOT: not witnessed: no signature of a witness could be checked");
	assert_string_equal(judge(v, &bundle, (struct bundle_checking){ .witnesses = &key, .witness_count = 1 }), "");
	assert_says(v, "witnessed good: ");
}

/* --- what does not --------------------------------------------------------------------------------------- */

static void a_stamp_over_something_else(void **state)
{
	struct vouched *v = *state;

	add_stamp(v, "tsa", &v->world.log.note, false); /* of this log, rightly stamped: but not of this size */
	assert_string_equal(judge_with(v, NULL, NULL, 0), "stamp");
	assert_says(v, "stamp REFUSED: " FOLDER "tsa.tsr was asked for other bytes");
}

static void a_stamp_that_lacks_something(void **state)
{
	struct vouched *v = *state;
	CLEANUP(authority_destroyp) struct authority *stranger = authority_create(AUTHORITY_SOUND);
	const char *root = authority_root(stranger, v->arena);
	CLEANUP(buf_clear) struct buf revoking = { 0 }, foreign = { 0 }, old = { 0 };
	struct slice crl;

	add_stamp(v, "tsa", &v->anchor.note, true);
	assert_string_equal(judge_with(v, "tsa.tsq", NULL, 0), "stamp");
	assert_string_equal(judge_with(v, "tsa.pem", NULL, 0), "stamp");
	assert_string_equal(judge_with(v, "tsa.pem", "x", 1), "stamp");
	assert_string_equal(judge_with(v, "tsa.tsr", "x", 1), "stamp");
	crl = file_of(v, "tsa.crl");
	assert_string_equal(judge_with(v, "tsa.crl", crl.data, crl.len - 1), "stamp");
	authority_crl(v->authority, NOW - 3600, true, &revoking);
	assert_string_equal(judge_with(v, "tsa.crl", revoking.data, revoking.len), "stamp");
	assert_says(v, "certificate revoked");
	authority_crl(v->authority, NOW - 30 * 86400, false, &old);
	assert_string_equal(judge_with(v, "tsa.crl", old.data, old.len), "stamp");
	authority_crl(stranger, NOW - 3600, false, &foreign);
	assert_string_equal(judge_with(v, "tsa.crl", foreign.data, foreign.len), "stamp");
	assert_string_equal(judge_with(v, "tsa.pem", root, strlen(root)), "stamp");
	assert_says(v, "the authority's certificate is not believed");
}

static void an_authority_whose_certificate_had_expired(void **state)
{
	struct vouched *v = *state;

	authority_destroy(v->authority);
	v->authority = authority_create(AUTHORITY_EXPIRED);
	add_stamp(v, "tsa", &v->anchor.note, false);
	assert_string_equal(judge_with(v, NULL, NULL, 0), "stamp");
	assert_says(v, "expired");
}

/* Each byte of it: refused, or what is said of it, signed by the authority, is the same. */
static void no_bit_of_a_stamp(void **state)
{
	struct vouched *v = *state;
	struct slice whole;
	struct buf said = { 0 };
	size_t refused = 0;
	char *copy;

	add_stamp(v, "tsa", &v->anchor.note, false);
	whole = file_of(v, "tsa.tsr");
	assert_string_equal(judge_with(v, NULL, NULL, 0), "");
	buf_add_str(&said, buf_str(&v->said));
	copy = arena_memdup(v->arena, whole.data, whole.len);
	for (size_t i = 0; i < whole.len; i++) {
		copy[i] ^= (char)(1 << i % 8);
		if (judge_with(v, "tsa.tsr", copy, whole.len)[0])
			refused++;
		else
			assert_string_equal(buf_str(&v->said), buf_str(&said));
		copy[i] ^= (char)(1 << i % 8);
	}
	assert_true(refused > whole.len * 9 / 10);
	buf_clear(&said);
	copy = arena_memdup(v->arena, file_of(v, "tsa.tsq").data, file_of(v, "tsa.tsq").len);
	for (size_t i = 0; i < file_of(v, "tsa.tsq").len; i++) {
		copy[i] ^= (char)(1 << i % 8);
		assert_string_equal(judge_with(v, "tsa.tsq", copy, file_of(v, "tsa.tsq").len), "stamp");
		copy[i] ^= (char)(1 << i % 8);
	}
}

static void no_bit_of_a_cosignature(void **state)
{
	static const char *const names[] = { "w.cosigned", "w.vkey" };
	struct vouched *v = *state;

	add_cosigned(v);
	for (size_t k = 0; k < ARRAY_LEN(names); k++) {
		struct slice whole = file_of(v, names[k]);
		char *copy = arena_memdup(v->arena, whole.data, whole.len);

		for (size_t i = 0; i < whole.len; i++) {
			const char *code;

			copy[i] ^= (char)(1 << i % 7);
			code = judge_with(v, names[k], copy, whole.len);
			if (strcmp(code, "witness") != 0)
				fail_msg("byte %zu of %s: \"%s\"", i, names[k], code);
			copy[i] ^= (char)(1 << i % 7);
		}
	}
}

static void what_speaks_of_no_checkpoint(void **state)
{
	static const char *const paths[] = { "log/2026/anchored/151/tsa.tsr", "log/2026/anchored/150/a/tsa.tsr", "log/2026/anchored/tsa.tsr",
		"log/2025/anchored/150/tsa.tsr" };
	struct vouched *v = *state;

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct bundle bundle = { .arena = v->arena };

		for (size_t k = 0; k < v->bundle.count; k++)
			bundle_add(&bundle, v->bundle.files[k].path, v->bundle.files[k].data.data, v->bundle.files[k].data.len);
		bundle_add(&bundle, paths[i], "x", 1);
		assert_int_equal(bundle_finish(&bundle, &v->world.log.key, BUNDLE_SEED), 0);
		assert_string_equal(judge(v, &bundle, nobody), "anchored");
	}
}

#define each(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { each(nobody_vouched), each(a_stamp_with_its_list), each(without_a_list_revocation_is_not_checked),
		each(the_root_is_named), each(a_cosignature), each(a_stamp_over_something_else), each(a_stamp_that_lacks_something),
		each(an_authority_whose_certificate_had_expired), each(no_bit_of_a_stamp), each(no_bit_of_a_cosignature),
		each(what_speaks_of_no_checkpoint) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
