/* Proof files against published data: each case a test of its own. What is taken is what would be written, and nothing altered passes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/tlog_proof.h"
#include "tests/unit/vectors.h"

#define KEYS_MAX 8

static size_t read_keys(const struct json *row, struct note_key *ret)
{
	struct json vkeys = json_get(row, "vkeys");

	assert_true(json_len(&vkeys) > 0 && json_len(&vkeys) <= KEYS_MAX);
	for (size_t i = 0; i < json_len(&vkeys); i++) {
		struct json vkey = json_at(&vkeys, i);

		assert_int_equal(note_key_parse(json_str(&vkey), &ret[i]), 0);
	}
	return json_len(&vkeys);
}

static int check(struct slice file, struct slice leaf, const char *origin, const struct note_key *keys, size_t count)
{
	struct tlog_proof proof;
	uint8_t hash[SHA256_SIZE];
	int r = tlog_proof_parse(file.data, file.len, &proof);

	merkle_leaf_hash(leaf.data, leaf.len, hash);
	return r < 0 ? r : tlog_proof_check(&proof, hash, origin, keys, count, NULL);
}

static void published(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json root = vector_json(arena, "tlog-proofs.json"), rows = json_get(&root, "cases"), row = { 0 };
	struct note_key keys[KEYS_MAX];
	struct slice file, leaf;
	const char *origin;
	size_t count;
	int r;

	for (size_t i = 0; i < json_len(&rows); i++) {
		row = json_at(&rows, i);
		if (strcmp(vector_text(&row, "desc"), *state) == 0)
			break;
	}
	assert_string_equal(vector_text(&row, "desc"), *state);
	count = read_keys(&row, keys);
	file = vector_base64(arena, &row, "proof_base64");
	leaf = vector_hex(arena, vector_text(&row, "leaf_hex"));
	origin = vector_text(&row, "origin");
	r = check(file, leaf, origin, keys, count);
	if (strcmp(vector_text(&row, "expect"), "either") != 0 && (r == 0) != vector_valid(&row))
		fail_msg("%d, not %s", r, vector_text(&row, "expect"));
	if (r < 0)
		return;
	assert_true(check(file, leaf, "vectors.example.com/another", keys, count) < 0);
	{
		CLEANUP(buf_clear) struct buf again = { 0 };
		struct tlog_proof proof;

		assert_int_equal(tlog_proof_parse(file.data, file.len, &proof), 0);
		tlog_proof_add(&again, &proof);
		assert_int_equal(again.len, file.len);
		assert_memory_equal(again.data, file.data, file.len);
	}
}

/* No bit but those of what is not authenticated (extra, and strangers' signatures) may be another. */
static void no_bit_may_be_another(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct slice file = vector_file(arena, "log-300/proofs/100.tlog-proof"), leaf = vector_file(arena, "log-300/proofs/100.leaf"),
		     vkey = vector_file(arena, "log-300/vkey");
	struct note_key key;
	const char *origin;

	(void)state;
	((char *)vkey.data)[strcspn((const char *)vkey.data, "\n")] = '\0';
	assert_int_equal(note_key_parse((const char *)vkey.data, &key), 0);
	origin = key.name;
	assert_int_equal(check(file, leaf, origin, &key, 1), 0);
	for (size_t i = 0; i < 8 * file.len; i++) {
		((uint8_t *)file.data)[i / 8] ^= (uint8_t)(1 << i % 8);
		if (check(file, leaf, origin, &key, 1) == 0)
			fail_msg("bit %zu altered and taken", i);
		((uint8_t *)file.data)[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t len = 0; len < file.len; len++)
		assert_true(check((struct slice){ file.data, len }, leaf, origin, &key, 1) < 0);
}

static void a_proof_too_long_is_refused(void **state)
{
	CLEANUP(buf_clear) struct buf file = { 0 };
	struct tlog_proof proof;

	(void)state;
	buf_add_str(&file, "c2sp.org/tlog-proof@v1\nindex 1\n");
	for (size_t i = 0; i <= MERKLE_PROOF_MAX; i++)
		buf_add_str(&file, "GNVAXlq0nxOVV59NkvRQp1MWIfjcc6HqwfQjd2zx8EU=\n");
	buf_add_str(&file, "\nx\n1\nGNVAXlq0nxOVV59NkvRQp1MWIfjcc6HqwfQjd2zx8EU=\n\n\u2014 x AAAAAAAA\n");
	assert_int_equal(tlog_proof_parse(file.data, file.len, &proof), -EBADMSG);
}

int main(void)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct CMUnitTest tests[80] = { cmocka_unit_test(no_bit_may_be_another), cmocka_unit_test(a_proof_too_long_is_refused) };
	size_t count = 2;

	if (access(vector_path(arena, "tlog-proofs.json"), R_OK) == 0) { /* else the tests above say so */
		struct json root = vector_json(arena, "tlog-proofs.json"), rows = json_get(&root, "cases");

		for (size_t i = 0; i < json_len(&rows) && count < ARRAY_LEN(tests); i++, count++) {
			struct json row = json_at(&rows, i), desc = json_get(&row, "desc");

			tests[count] = (struct CMUnitTest){ .name = json_str(&desc), .test_func = published,
				.initial_state = (void *)(uintptr_t)json_str(&desc) };
		}
	}
	return _cmocka_run_group_tests("tlog_proof", tests, count, NULL, NULL);
}
