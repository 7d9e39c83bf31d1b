/* Names that others hold us to: Redis keys, partitions, attempt ids. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/attempt.h"
#include "common/cleanup.h"
#include "common/hash.h"
#include "common/keys.h"

/* The table of the design contract, section 4. */
static void keys_of_the_contract(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct keyspace zero = { "dunning", 0 }, other = { "acme", 63 };
	uint32_t partition;

	(void)state;
	assert_string_equal(key_of(arena, &zero, "cursor"), "dunning:{0}:cursor");
	assert_string_equal(key_pattern(arena, "dunning", "escalation"), "dunning:{*}:escalation:*");
	assert_true(key_partition("dunning:{12}:escalation:inv_42", "dunning", &partition));
	assert_int_equal(partition, 12);
	assert_false(key_partition("dunning2:{1}:escalation:x", "dunning", &partition));
	assert_false(key_partition("dunning:{}:x", "dunning", &partition));
	assert_false(key_partition("dunning:{1x}:x", "dunning", &partition));
	assert_false(key_partition("dunning:{12345678901}:x", "dunning", &partition));
	assert_string_equal(key_escalation(arena, &zero, "inv_42"), "dunning:{0}:escalation:inv_42");
	assert_string_equal(key_debtor(arena, &zero, "cus:7"), "dunning:{0}:debtor:cus:7");
	assert_string_equal(key_debtor(arena, &zero, SYSTEM_CASE), "dunning:{0}:debtor:~system");
	assert_string_equal(key_attempt(arena, &other, "01JX9"), "acme:{63}:attempt:01JX9");
	assert_string_equal(key_events(arena, &zero, NULL), "dunning:{0}:events");
	assert_string_equal(key_events(arena, &other, "operator"), "acme:{63}:events:operator");
}

/* An id tells its partition; a reference tells nothing, and the same for the same, however it is written. */
static void ids_lead_back(void **state)
{
	static const uint8_t key[32] = "k", other_key[32] = "o";
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct keyspace zero = { "dunning", 0 };
	const char *one = key_reference(arena, &zero, key, "address", "email", "ann@x.example");

	(void)state;
	for (uint32_t p = 0; p < 1024; p++) {
		struct attempt_name name = { "d", "i", "s", "email", "a@b", 0, p, INT64_C(1775030400000) + p };
		char id[ATTEMPT_ID_SIZE];

		attempt_id(key, &name, id);
		assert_int_equal(attempt_partition(id), p);
	}
	assert_int_equal(strlen(one), strlen("dunning:{0}:ref:") + 32);
	assert_string_equal(one, key_reference(arena, &zero, key, "address", "email", "Ann@X.example"));
	assert_string_not_equal(one, key_reference(arena, &zero, other_key, "address", "email", "ann@x.example"));
	assert_string_not_equal(one, key_reference(arena, &zero, key, "address", "sms", "ann@x.example"));
	assert_string_not_equal(one, key_reference(arena, &zero, key, "message", "email", "ann@x.example"));
	one = key_address(arena, &zero, key, "ann@x.example");
	assert_int_equal(strlen(one), strlen("dunning:{0}:address:") + 32);
	assert_string_equal(one, key_address(arena, &zero, key, "Ann@X.example"));
	assert_string_not_equal(one, key_address(arena, &zero, other_key, "ann@x.example"));
}

/* (CRC16 mod 16384) mod N; slots as CLUSTER KEYSLOT gives them. */
static void partitions(void **state)
{
	int seen[64] = { 0 };

	(void)state;
	assert_int_equal(partition_of("foo", 16384), 12182);
	assert_int_equal(partition_of("bar", 16384), 5061);
	assert_int_equal(partition_of("somekey", 16384), 11058);
	assert_int_equal(partition_of("foo", 64), 12182 % 64);
	assert_int_equal(partition_of("anything", 1), 0);
	for (int i = 0; i < 10000; i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();

		seen[partition_of(arena_printf(arena, "cus_%d", i), 64)]++;
	}
	for (int i = 0; i < 64; i++) /* nobody is left out, nobody carries twice the load */
		assert_in_range(seen[i], 80, 320);
}

/* --- attempt ids ------------------------------------------------------------------------------------------------------ */

static const uint8_t install_key[32] = "an install key of 32 bytes, yes!";
static const struct attempt_name sample = { "cus_7", "inv_42", "reminder", "email", "c1", 1, 5, 1775030400000 };

static unsigned digit(char c)
{
	return (unsigned)(strchr("0123456789ABCDEFGHJKMNPQRSTVWXYZ", c) - "0123456789ABCDEFGHJKMNPQRSTVWXYZ");
}

/* Read back by its definition: base 32, 2 spare bits, 48 of the instant, 10 of the partition, 70 of the MAC. */
static void shape(void **state)
{
	CLEANUP(buf_clear) struct buf input = { 0 };
	static const char *const fields[] = { "dunningd attempt 1", "cus_7", "inv_42", "reminder", "email", "c1" };
	uint8_t mac[SHA256_SIZE];
	char id[ATTEMPT_ID_SIZE];
	unsigned __int128 all = 0, expected;

	(void)state;
	attempt_id(install_key, &sample, id);
	assert_int_equal(strlen(id), 26);
	assert_int_equal(strspn(id, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), 26);
	assert_in_range(id[0], '0', '7'); /* a ULID's first character */
	for (int i = 0; i < 26; i++)
		all = all << 5 | digit(id[i]);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		buf_add_u32be(&input, (uint32_t)strlen(fields[i]));
		buf_add_str(&input, fields[i]);
	}
	buf_add_u32be(&input, 1);
	hmac_sha256(install_key, 32, input.data, input.len, mac);
	expected = (unsigned __int128)1775030400000u << 80 | (unsigned __int128)5 << 70;
	expected |= (unsigned __int128)read_u64be(mac) << 6 | mac[8] >> 2;
	assert_true(all == expected);
}

/* It sorts by the step's instant, also beside real ULIDs. */
static void sorts_by_time(void **state)
{
	struct attempt_name name = sample;
	char before[ATTEMPT_ID_SIZE], after[ATTEMPT_ID_SIZE];

	(void)state;
	name.due_at = 1469918176385; /* the example of the ULID specification: 01ARYZ6S41... */
	name.partition = 0;
	attempt_id(install_key, &name, before);
	assert_memory_equal(before, "01ARYZ6S41", 10);
	for (int i = 0; i < 50; i++) {
		name.due_at += 1 + i * 3600000ll;
		attempt_id(install_key, &name, after);
		assert_true(strcmp(before, after) < 0);
		memcpy(before, after, sizeof(before));
	}
}

/* Whatever differs gives another id; whatever does not, the same. */
static void every_field_counts(void **state)
{
	struct attempt_name names[] = { sample, sample, sample, sample, sample, sample, sample, sample, sample, sample, sample, sample };
	char ids[ARRAY_LEN(names) + 1][ATTEMPT_ID_SIZE], again[ATTEMPT_ID_SIZE];
	uint8_t other_key[32] = { 0 };

	(void)state;
	names[1].debtor = "cus_8";
	names[2].invoice = "inv_43";
	names[3].step = "call";
	names[4].channel = "sms";
	names[5].recipient = "c2";
	names[6].attempt_try = 2;
	names[7].partition = 6;
	names[8].due_at++;
	names[9].debtor = "cus_7inv_42"; /* the same bytes, cut elsewhere */
	names[9].invoice = "";
	names[10].recipient = NULL; /* none is not the empty one */
	names[11].recipient = "";
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		attempt_id(install_key, &names[i], ids[i]);
		attempt_id(install_key, &names[i], again);
		assert_string_equal(ids[i], again);
	}
	attempt_id(other_key, &sample, ids[ARRAY_LEN(names)]);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(ids[i], ids[k]);
}

static void words(void **state)
{
	(void)state;
	for (int i = 0; i < OUTCOME_COUNT; i++)
		assert_non_null(outcome_names[i]);
	assert_null(outcome_names[OUTCOME_COUNT]);
	assert_string_equal(outcome_names[OUTCOME_IN_DOUBT], "in_doubt");
	for (int i = 0; i < SCOPE_COUNT; i++)
		assert_non_null(scope_names[i]);
	assert_null(scope_names[SCOPE_COUNT]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_the_contract),
		cmocka_unit_test(ids_lead_back),
		cmocka_unit_test(partitions),
		cmocka_unit_test(shape),
		cmocka_unit_test(sorts_by_time),
		cmocka_unit_test(every_field_counts),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
