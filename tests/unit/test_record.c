#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/record.h"

#define RECORD "{\"v\":1,\"kind\":\"attempt.intent\",\"seq\":3}"

static void assert_hex(const uint8_t bytes[32], const char *expected)
{
	char text[65];

	assert_string_equal(hex_format(bytes, 32, text), expected);
}

/* The published sample, also confirmed with sha256sum and `openssl mac`. */
static void sample_holds(void **state)
{
	uint8_t salt[32], case_key[32], commitment[32], tag_key[32], tag[32], hash[32];
	char leaf[LEAF_SIZE];

	(void)state;
	assert_int_equal(
		hex_parse("df8c0f4206102e86d758e42760cfe97ec61395983cccb6f796263c426b5161e2", 32, salt), 0);
	assert_int_equal(
		hex_parse("c8268036f77ebfbf3050ed0a61dddd1d27edc2fd1346e3e6b7c1b1eef75e8f9f", 32, case_key),
		0);
	record_commitment(salt, RECORD, strlen(RECORD), commitment);
	assert_hex(commitment, "fbaa1f466642e4b88b791cc98f554509b7e642f6f6657968f0e9c671dbd0f82f");
	record_tag_key(case_key, "trail.example.com/acme/host-a/2027", tag_key);
	assert_hex(tag_key, "a41b0161e0991698e005c9be426d29f3ee26e2625dd9ac723c9b60fef93ab115");
	record_tag(tag_key, 3, tag);
	assert_hex(tag, "08086b87d919e63cd2debb7711a3c622952e9bf5b6fc59207aa487b119f778dd");
	record_leaf(commitment, tag, leaf);
	assert_memory_equal(leaf, "dunningd-leaf/v1\n", 17);
	record_leaf_hash(leaf, hash);
	assert_hex(hash, "a01e326a8ba0f501172e3ff634be88e0d8ca612835b2ba8dce18d9795351fe54");
}

static void part_is_not_a_record(void **state)
{
	uint8_t salt[32] = { 7 }, record[32], part[32], expected[32];

	(void)state;
	record_commitment(salt, "x", 1, record);
	part_commitment(salt, "x", 1, part);
	assert_memory_not_equal(record, part, 32);
	sha256("dunningd-part/v1\n\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0x", 50,
		expected);
	assert_memory_equal(part, expected, 32);
}

struct body_fixture {
	struct case_keys keys;
	struct record_secret secret;
	struct part parts[2];
	char leaf[LEAF_SIZE];
	struct buf body;
};

static void make_body(struct body_fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->keys.year = 2026;
	f->keys.slot = 4711;
	for (size_t i = 0; i < CLASS_COUNT; i++)
		memset(f->keys.class_key[i], (int)i + 1, 32);
	memset(&f->secret, 0x5a, sizeof(f->secret));
	f->parts[0] = (struct part){ .name = "to.json", .class = CLASS_IDENTITY, .data = "bob", .len = 3 };
	f->parts[1] = (struct part){ .name = "mail", .class = CLASS_CONTENT, .data = "", .len = 0 };
	memset(f->parts[0].salt, 0x11, SALT_SIZE);
	memset(f->parts[1].salt, 0x22, SALT_SIZE);
	record_leaf((uint8_t[32]){ 1 }, (uint8_t[32]){ 2 }, f->leaf);
	record_body_add(&f->body, f->leaf, &f->keys, &f->secret, RECORD, strlen(RECORD), f->parts, 2);
}

static void body_round_trip(void **state)
{
	struct body_fixture f;
	struct record_body body;
	struct buf content = { 0 };
	uint8_t salt[SALT_SIZE];

	(void)state;
	make_body(&f);
	assert_int_equal(record_body_read(f.body.data, f.body.len, &body), 0);
	assert_int_equal(body.blob_count, 3);
	assert_memory_equal(body.leaf, f.leaf, LEAF_SIZE);
	assert_int_equal(body.blobs[0].class, CLASS_FACTS);
	assert_int_equal(body.blobs[1].class, CLASS_IDENTITY);
	assert_int_equal(body.blobs[0].slot, 4711);
	assert_int_equal(record_body_open(&body, 0, &f.keys, salt, &content), 0);
	assert_string_equal(content.data, RECORD);
	assert_memory_equal(salt, f.secret.salt, SALT_SIZE);
	buf_reset(&content);
	assert_int_equal(record_body_open(&body, 1, &f.keys, salt, &content), 0);
	assert_string_equal(content.data, "bob");
	assert_memory_equal(salt, f.parts[0].salt, SALT_SIZE);
	buf_reset(&content);
	assert_int_equal(record_body_open(&body, 2, &f.keys, salt, &content), 0);
	assert_int_equal(content.len, 0);
	assert_int_equal(record_body_open(&body, 3, &f.keys, salt, &content), -EBADMSG);
	buf_clear(&content);
	buf_clear(&f.body);
}

/* Another leaf, slot, year or key opens nothing, and leaves the output alone. */
static void body_is_bound(void **state)
{
	struct body_fixture f;
	struct record_body body;
	struct case_keys other;
	struct buf content = { 0 };
	uint8_t salt[SALT_SIZE];

	(void)state;
	make_body(&f);
	assert_int_equal(record_body_read(f.body.data, f.body.len, &body), 0);
	buf_add_str(&content, "before");
	for (int i = 0; i < 3; i++) {
		other = f.keys;
		other.slot += i == 0;
		other.year = (uint16_t)(other.year + (i == 1));
		other.class_key[CLASS_FACTS][31] ^= i == 2;
		assert_int_equal(record_body_open(&body, 0, &other, salt, &content), -EBADMSG);
	}
	f.body.data[LEAF_SIZE - 10] ^= 1; /* the leaf is the associated data of all */
	for (size_t i = 0; i < body.blob_count; i++)
		assert_int_equal(record_body_open(&body, i, &f.keys, salt, &content), -EBADMSG);
	assert_string_equal(content.data, "before");
	buf_clear(&content);
	buf_clear(&f.body);
}

/* Every truncation is refused, and a byte too many. */
static void body_is_whole(void **state)
{
	struct body_fixture f;
	struct record_body body;

	(void)state;
	make_body(&f);
	for (size_t len = 0; len < f.body.len; len++)
		assert_int_equal(record_body_read(f.body.data, len, &body), -EBADMSG);
	buf_add_char(&f.body, 0);
	assert_int_equal(record_body_read(f.body.data, f.body.len, &body), -EBADMSG);
	f.body.len--;
	f.body.data[LEAF_SIZE] = 0;
	assert_int_equal(record_body_read(f.body.data, f.body.len, &body), -EBADMSG);
	f.body.data[LEAF_SIZE] = 9;
	assert_int_equal(record_body_read(f.body.data, f.body.len, &body), -EBADMSG);
	f.body.data[LEAF_SIZE] = 3;
	f.body.data[LEAF_SIZE + 1] = CLASS_COUNT;
	assert_int_equal(record_body_read(f.body.data, f.body.len, &body), -EBADMSG);
	f.body.data[LEAF_SIZE + 1] = CLASS_FACTS;
	assert_int_equal(record_body_read(f.body.data, f.body.len, &body), 0);
	f.body.data[0] = 'D';
	assert_int_equal(record_body_read(f.body.data, f.body.len, &body), -EBADMSG);
	buf_clear(&f.body);
}

static void classes_have_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < CLASS_COUNT; i++)
		assert_non_null(class_names[i]);
	assert_null(class_names[CLASS_COUNT]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sample_holds),
		cmocka_unit_test(part_is_not_a_record),
		cmocka_unit_test(body_round_trip),
		cmocka_unit_test(body_is_bound),
		cmocka_unit_test(body_is_whole),
		cmocka_unit_test(classes_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
