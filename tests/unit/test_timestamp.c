/* Time stamps against published ones, and against a throwaway authority: each way in which an answer can be wrong, by its word. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/timestamp.h"
#include "common/utc.h"
#include "tests/support/authority.h"
#include "tests/unit/vectors.h"

#define FOLDER "timestamp/"
#define VECTOR_TIME INT64_C(1795359169000) /* Nov 22 14:52:49 2026 GMT */
#define ROOT "292c47ce0714cd39053fc1c9c0b14ab14497b6a3297cf9619f8a05571119aa5e" /* openssl x509 -in ca.pem -noout -fingerprint -sha256 */
#define NOW INT64_C(1800000000) /* s: when the throwaway authority stamps */

static struct timestamp_trust *trust_of(const char *pem)
{
	struct timestamp_trust *trust = NULL;
	struct err err = { 0 };

	if (timestamp_trust_parse(pem, strlen(pem), &trust, &err) < 0)
		fail_msg("%s", err.text);
	return trust;
}

static const char *file_text(struct arena *arena, const char *name)
{
	return (const char *)vector_file(arena, arena_printf(arena, FOLDER "%s", name)).data;
}

static void read_query(struct arena *arena, struct timestamp_query *ret)
{
	struct slice der = vector_file(arena, FOLDER "checkpoint.tsq");

	assert_int_equal(timestamp_query_parse(der.data, der.len, ret), 0);
}

/* --- the request -------------------------------------------------------------------------------------- */

static void same_request_as_openssl(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf again = { 0 };
	struct slice der = vector_file(arena, FOLDER "checkpoint.tsq"), data = vector_file(arena, FOLDER "checkpoint");
	struct timestamp_query query = { .nonce = UINT64_C(0xF96BB1CA169FA046) };

	(void)state;
	sha256(data.data, data.len, query.imprint);
	timestamp_query_add(&again, &query);
	assert_int_equal(again.len, der.len);
	assert_memory_equal(again.data, der.data, der.len);
}

static void requests_read_back(void **state)
{
	static const uint64_t nonces[] = { 1, 0x7f, 0x80, 0xffff, UINT64_C(1) << 63, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(nonces); i++) {
		CLEANUP(buf_clear) struct buf der = { 0 };
		struct timestamp_query query = { .imprint = { 7, 8 }, .nonce = nonces[i] }, again;

		timestamp_query_add(&der, &query);
		assert_int_equal(timestamp_query_parse(der.data, der.len, &again), 0);
		assert_int_equal(again.nonce, nonces[i]);
		assert_memory_equal(again.imprint, query.imprint, SHA256_SIZE);
		for (size_t cut = 0; cut < der.len; cut++)
			assert_int_equal(timestamp_query_parse(der.data, cut, &again), -EBADMSG);
		buf_add_char(&der, '\0');
		assert_int_equal(timestamp_query_parse(der.data, der.len, &again), -EBADMSG);
	}
}

static void request_without_nonce_is_none_of_ours(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct slice der = vector_file(arena, FOLDER "no-nonce-no-cert.tsq");
	struct timestamp_query query;

	(void)state;
	assert_int_equal(timestamp_query_parse(der.data, der.len, &query), -EBADMSG);
}

/* --- the published answers ------------------------------------------------------------------------------ */

struct row {
	const char *name, *file;
	const char *roots[2]; /* files, joined */
	const char *policy;
	int64_t now; /* 0 = that of the stamp; tolerance a minute */
	const char *code; /* NULL = holds */
	const char *serial;
};

static const struct row rows[] = {
	{ "granted: holds", "granted.tsr", { "ca.pem" }, NULL, 0, NULL, "11" },
	{ "granted, under the pinned policy: holds", "granted.tsr", { "ca.pem" }, "1.3.6.1.4.1.32473.1.1", 0, NULL, "11" },
	{ "granted, under another policy", "granted.tsr", { "ca.pem" }, "1.3.6.1.4.1.32473.1.2", 0, "policy", NULL },
	{ "granted, 59 s before: holds", "granted.tsr", { "ca.pem" }, NULL, VECTOR_TIME + 59 * SECOND_MS, NULL, "11" },
	{ "granted, 61 s before", "granted.tsr", { "ca.pem" }, NULL, VECTOR_TIME + 61 * SECOND_MS, "time", NULL },
	{ "granted, 61 s ahead", "granted.tsr", { "ca.pem" }, NULL, VECTOR_TIME - 61 * SECOND_MS, "time", NULL },
	{ "signed under another root", "untrusted.tsr", { "ca.pem" }, NULL, 0, "untrusted", NULL },
	{ "for other data", "other-data.tsr", { "ca.pem" }, NULL, 0, "imprint", NULL },
	{ "with another nonce", "other-nonce.tsr", { "ca.pem" }, NULL, 0, "nonce", NULL },
	{ "without a nonce", "no-cert.tsr", { "ca.pem", "tsa.pem" }, NULL, 0, "nonce", NULL },
	{ "the authority refused", "rejected.tsr", { "ca.pem" }, NULL, 0, "refused", NULL },
	{ "half a file", "cut.tsr", { "ca.pem" }, NULL, 0, "malformed", NULL },
	{ "one bit of the signature changed", "bad-signature.tsr", { "ca.pem" }, NULL, 0, "signature", NULL },
};

static void published(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(timestamp_trust_freep) struct timestamp_trust *trust = NULL;
	const struct row *row = *state;
	struct slice answer = vector_file(arena, arena_printf(arena, FOLDER "%s", row->file));
	struct timestamp_wanted wanted = { .policy = row->policy, .now = row->now ? row->now : VECTOR_TIME, .tolerance_ms = MINUTE_MS };
	struct timestamp stamp = { .at = -7 };
	struct err err = { 0 };
	char hex[2 * SHA256_SIZE + 1];
	int r;

	trust = trust_of(arena_join(arena, file_text(arena, row->roots[0]), row->roots[1] ? file_text(arena, row->roots[1]) : ""));
	wanted.trust = trust;
	read_query(arena, &wanted.query);
	r = timestamp_check(answer.data, answer.len, &wanted, &stamp, &err);
	assert_string_equal(err.code, row->code ? row->code : "");
	assert_int_equal(r, row->code ? -EKEYREJECTED : 0);
	if (row->code) {
		assert_int_equal(stamp.at, -7);
		assert_true(err.text[0] != '\0');
		return;
	}
	assert_int_equal(stamp.at, VECTOR_TIME);
	assert_string_equal(stamp.serial, row->serial);
	assert_string_equal(stamp.policy, "1.3.6.1.4.1.32473.1.1");
	assert_string_equal(stamp.authority, "CN=Test TSA,O=Test data\\, not a trust service");
	assert_string_equal(hex_format(stamp.root, SHA256_SIZE, hex), ROOT);
}

static void refusal_has_the_authoritys_words(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(timestamp_trust_freep) struct timestamp_trust *trust = trust_of(file_text(arena, "ca.pem"));
	struct slice answer = vector_file(arena, FOLDER "rejected.tsr");
	struct timestamp_wanted wanted = { .trust = trust, .tolerance_ms = -1 };
	struct timestamp stamp;
	struct err err = { 0 };

	(void)state;
	read_query(arena, &wanted.query);
	assert_int_equal(timestamp_check(answer.data, answer.len, &wanted, &stamp, &err), -EKEYREJECTED);
	assert_string_equal(err.text, "the authority refused, status 2: Message digest algorithm is not supported.");
}

/* Every case of expected.json has its row above; where it knows the data alone and no nonce, ours asks for more. */
static void all_published_files_are_tried(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json root = vector_json(arena, FOLDER "expected.json"), cases = json_get(&root, "cases");

	(void)state;
	assert_true(json_len(&cases) > 0);
	for (size_t i = 0; i < json_len(&cases); i++) {
		struct json one = json_at(&cases, i);
		bool found = false;

		for (size_t k = 0; k < ARRAY_LEN(rows); k++)
			found |= strcmp(rows[k].file, vector_text(&one, "file")) == 0;
		if (!found)
			fail_msg("%s has no row", vector_text(&one, "file"));
	}
}

/* A flipped bit anywhere is found, or changes nothing that is signed or believed. */
static void no_flipped_bit_changes_what_it_says(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(timestamp_trust_freep) struct timestamp_trust *trust = trust_of(file_text(arena, "ca.pem"));
	struct slice answer = vector_file(arena, FOLDER "granted.tsr");
	uint8_t *bytes = arena_memdup(arena, answer.data, answer.len);
	struct timestamp_wanted wanted = { .trust = trust, .now = VECTOR_TIME, .tolerance_ms = -1 };
	struct timestamp whole, stamp;
	size_t refused = 0;

	(void)state;
	read_query(arena, &wanted.query);
	assert_int_equal(timestamp_check(bytes, answer.len, &wanted, &whole, NULL), 0);
	for (size_t i = 0; i < answer.len; i++) {
		bytes[i] ^= (uint8_t)(1 << i % 8);
		if (timestamp_check(bytes, answer.len, &wanted, &stamp, NULL) == 0) {
			assert_int_equal(stamp.at, whole.at);
			assert_string_equal(stamp.serial, whole.serial);
			assert_string_equal(stamp.policy, whole.policy);
		} else {
			refused++;
		}
		bytes[i] ^= (uint8_t)(1 << i % 8);
	}
	assert_true(refused > answer.len * 9 / 10);
}

/* --- a throwaway authority ------------------------------------------------------------------------------- */

static int ask(struct authority *authority, const char *roots, int64_t at, struct timestamp *stamp, struct err *err)
{
	CLEANUP(timestamp_trust_freep) struct timestamp_trust *trust = trust_of(roots);
	CLEANUP(buf_clear) struct buf request = { 0 }, answer = { 0 };
	struct timestamp_wanted wanted = { .query = { { 1, 2, 3 }, 42 }, .trust = trust, .now = at * SECOND_MS };

	timestamp_query_add(&request, &wanted.query);
	authority_answer(authority, request.data, request.len, at, &answer);
	return timestamp_check(answer.data, answer.len, &wanted, stamp, err);
}

static void fresh_stamp_holds(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(authority_destroyp) struct authority *authority = authority_create(AUTHORITY_SOUND);
	struct timestamp stamp;
	struct err err = { 0 };

	(void)state;
	if (ask(authority, authority_root(authority, arena), NOW, &stamp, &err) < 0)
		fail_msg("%s: %s", err.code, err.text);
	assert_int_equal(stamp.at, NOW * SECOND_MS);
	assert_string_equal(stamp.authority, "CN=A test authority");
	assert_string_equal(stamp.serial, "65");
}

static void certificate_of_another_day_is_expired(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(authority_destroyp) struct authority *authority = authority_create(AUTHORITY_EXPIRED);
	struct timestamp stamp;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(ask(authority, authority_root(authority, arena), NOW, &stamp, &err), -EKEYREJECTED);
	assert_string_equal(err.code, "expired");
	/* Judged at the time it states: then it was valid, today it is no more. */
	assert_int_equal(ask(authority, authority_root(authority, arena), 1050000000, &stamp, NULL), 0);
}

/* What is found first beside the roots is taken for the signer's: of another purpose, or simply another one. */
static void certificate_for_servers_is_refused(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(authority_destroyp) struct authority *authority = authority_create(AUTHORITY_NO_PURPOSE);
	struct timestamp stamp;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(ask(authority, arena_join(arena, authority_root(authority, arena), authority_twin(authority, arena)), NOW, &stamp, &err),
		-EKEYREJECTED);
	assert_string_equal(err.code, "purpose");
}

static void another_certificate_than_named_is_refused(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(authority_destroyp) struct authority *authority = authority_create(AUTHORITY_SOUND);
	struct timestamp stamp;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(ask(authority, arena_join(arena, authority_root(authority, arena), authority_twin(authority, arena)), NOW, &stamp, &err),
		-EKEYREJECTED);
	assert_string_equal(err.code, "ess");
}

/* An answer with its certificates removed: the same bytes but for them, so the signature would hold. */
static void answer_without_certificate_is_refused(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(authority_destroyp) struct authority *authority = authority_create(AUTHORITY_SOUND);
	CLEANUP(timestamp_trust_freep) struct timestamp_trust *trust = trust_of(authority_root(authority, arena));
	CLEANUP(timestamp_trust_freep) struct timestamp_trust *both =
		trust_of(arena_join(arena, authority_root(authority, arena), authority_certificate(authority, arena)));
	CLEANUP(buf_clear) struct buf request = { 0 }, answer = { 0 };
	struct timestamp_wanted wanted = { .query = { { 1, 2, 3 }, 42 }, .trust = trust, .now = NOW * SECOND_MS, .tolerance_ms = 0 };
	struct timestamp stamp;
	struct err err = { 0 };

	(void)state;
	timestamp_query_add(&request, &wanted.query);
	request.data[request.len - 1] = 0; /* certReq, its last byte: FALSE */
	authority_answer(authority, request.data, request.len, NOW, &answer);
	assert_int_equal(timestamp_check(answer.data, answer.len, &wanted, &stamp, &err), -EKEYREJECTED);
	assert_string_equal(err.code, "no_certificate");
	wanted.trust = both;
	assert_int_equal(timestamp_check(answer.data, answer.len, &wanted, &stamp, NULL), 0);
}

/* The library looks at the signature anyway when the token names its authority: this one does not. */
static void wrong_signature_without_a_name_is_refused(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(authority_destroyp) struct authority *authority = authority_create(AUTHORITY_SOUND);
	CLEANUP(timestamp_trust_freep) struct timestamp_trust *trust = trust_of(authority_root(authority, arena));
	CLEANUP(buf_clear) struct buf request = { 0 }, answer = { 0 };
	struct timestamp_wanted wanted = { .query = { { 1, 2, 3 }, 42 }, .trust = trust, .now = NOW * SECOND_MS };
	struct timestamp stamp;
	struct err err = { 0 };

	(void)state;
	timestamp_query_add(&request, &wanted.query);
	authority_answer(authority, request.data, request.len, NOW, &answer);
	answer.data[answer.len - 1] ^= 1;
	assert_int_equal(timestamp_check(answer.data, answer.len, &wanted, &stamp, &err), -EKEYREJECTED);
	assert_string_equal(err.code, "signature");
}

struct list_row {
	const char *name;
	int64_t made; /* s after the stamp */
	bool revoked, stranger;
	size_t cut;
	const char *code;
};

static void lists_of_revoked_certificates(void **state)
{
	static const struct list_row lists[] = {
		{ "of that day", -3600, false, false, 0, NULL },
		{ "of that very second", 0, false, false, 0, NULL },
		{ "with its certificate on it", -3600, true, false, 0, "revoked" },
		{ "of last month", -30 * 86400, false, false, 0, "crl" },
		{ "of tomorrow", 86400, false, false, 0, "crl" },
		{ "of somebody else", -3600, false, true, 0, "crl" },
		{ "cut short", -3600, false, false, 1, "crl" },
	};
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(authority_destroyp) struct authority *authority = authority_create_listing("http://crl.example/list.crl");
	CLEANUP(authority_destroyp) struct authority *stranger = authority_create(AUTHORITY_SOUND);
	CLEANUP(timestamp_trust_freep) struct timestamp_trust *trust = trust_of(authority_root(authority, arena));
	CLEANUP(buf_clear) struct buf request = { 0 }, answer = { 0 };
	struct timestamp_wanted wanted = { .query = { { 1, 2, 3 }, 42 }, .trust = trust, .now = NOW * SECOND_MS };
	struct timestamp stamp;

	(void)state;
	timestamp_query_add(&request, &wanted.query);
	authority_answer(authority, request.data, request.len, NOW, &answer);
	assert_int_equal(timestamp_check(answer.data, answer.len, &wanted, &stamp, NULL), 0);
	assert_string_equal(stamp.crl_url, "http://crl.example/list.crl");
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		CLEANUP(buf_clear) struct buf crl = { 0 };
		struct err err = { 0 };

		authority_crl(lists[i].stranger ? stranger : authority, NOW + lists[i].made, lists[i].revoked, &crl);
		wanted.crl = (struct slice){ (const uint8_t *)crl.data, crl.len - lists[i].cut };
		(void)timestamp_check(answer.data, answer.len, &wanted, &stamp, &err);
		if (strcmp(err.code, lists[i].code ? lists[i].code : "") != 0)
			fail_msg("%s: %s: %s", lists[i].name, err.code, err.text);
	}
}

/* --- whom to believe --------------------------------------------------------------------------------------- */

static void trust_needs_a_root(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(authority_destroyp) struct authority *authority = authority_create(AUTHORITY_SOUND);
	const char *root = authority_root(authority, arena), *own = authority_certificate(authority, arena);
	char *damaged = arena_join(arena, root, root);
	const struct {
		const char *pem, *code;
	} bad[] = { { "", "no_certificate" }, { "hello", "no_certificate" }, { own, "no_root" }, { damaged, "no_certificate" } };
	struct timestamp_trust *trust = NULL;

	(void)state;
	memset(damaged + strlen(root) + 60, '!', 20);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = { 0 };

		assert_int_equal(timestamp_trust_parse(bad[i].pem, strlen(bad[i].pem), &trust, &err), -EBADMSG);
		assert_string_equal(err.code, bad[i].code);
		assert_null(trust);
	}
}

static void policies_are_object_identifiers(void **state)
{
	(void)state;
	assert_int_equal(timestamp_policy_valid("1.3.6.1.4.1.32473.1.1"), 0);
	assert_int_equal(timestamp_policy_valid("1.3.6.1.4.1.x"), -EINVAL);
	assert_int_equal(timestamp_policy_valid("sha256"), -EINVAL);
	assert_int_equal(timestamp_policy_valid(""), -EINVAL);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(same_request_as_openssl),
		cmocka_unit_test(requests_read_back),
		cmocka_unit_test(request_without_nonce_is_none_of_ours),
		cmocka_unit_test(refusal_has_the_authoritys_words),
		cmocka_unit_test(all_published_files_are_tried),
		cmocka_unit_test(no_flipped_bit_changes_what_it_says),
		cmocka_unit_test(fresh_stamp_holds),
		cmocka_unit_test(certificate_of_another_day_is_expired),
		cmocka_unit_test(certificate_for_servers_is_refused),
		cmocka_unit_test(another_certificate_than_named_is_refused),
		cmocka_unit_test(answer_without_certificate_is_refused),
		cmocka_unit_test(wrong_signature_without_a_name_is_refused),
		cmocka_unit_test(lists_of_revoked_certificates),
		cmocka_unit_test(trust_needs_a_root),
		cmocka_unit_test(policies_are_object_identifiers),
	};
	struct CMUnitTest tests[ARRAY_LEN(rows) + ARRAY_LEN(others)];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].name, .test_func = published, .initial_state = (void *)(uintptr_t)&rows[i] };
	memcpy(tests + ARRAY_LEN(rows), others, sizeof(others));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
