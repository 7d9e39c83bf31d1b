/* Digests, MACs, ciphers, checksums and encodings against the vectors that their authors published. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/hash.h"

static void same_hex(const void *bytes, size_t len, const char *hex)
{
	char text[2 * 64 + 1];

	assert_string_equal(hex_format(bytes, len, text), hex);
}

static size_t from_hex(const char *hex, uint8_t *bytes)
{
	size_t len = strlen(hex) / 2;

	assert_int_equal(hex_parse(hex, len, bytes), 0);
	return len;
}

/* FIPS 180-4 examples. */
static void sha256_vectors(void **state)
{
	static const struct {
		const char *text, *digest;
	} cases[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
			"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};
	struct slice parts[] = { { (const uint8_t *)"a", 1 }, { NULL, 0 }, { (const uint8_t *)"bc", 2 } };
	CLEANUP(buf_clear) struct buf million = { 0 };
	uint8_t digest[SHA256_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		sha256(cases[i].text, strlen(cases[i].text), digest);
		same_hex(digest, sizeof(digest), cases[i].digest);
	}
	sha256_slices(parts, 3, digest);
	same_hex(digest, sizeof(digest), cases[1].digest);
	sha256_slices(NULL, 0, digest);
	same_hex(digest, sizeof(digest), cases[0].digest);
	for (int i = 0; i < 1000000; i++)
		buf_add_char(&million, 'a');
	sha256(million.data, million.len, digest);
	same_hex(digest, sizeof(digest), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* RFC 4231 (HMAC-SHA-256) and RFC 2202 (HMAC-SHA-1). */
static void hmac_vectors(void **state)
{
	uint8_t key[131], data[50], mac[HASH_SIZE_MAX];
	static const char large_key[] = "Test Using Larger Than Block-Size Key - Hash Key First";
	struct slice parts[] = { { (const uint8_t *)"what do ya want ", 16 }, { (const uint8_t *)"for nothing?", 12 } };

	(void)state;
	memset(key, 0x0b, 20);
	hmac_sha256(key, 20, "Hi There", 8, mac);
	same_hex(mac, 32, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	assert_int_equal(hmac_any(HASH_SHA1, key, 20, "Hi There", 8, mac), 20);
	same_hex(mac, 20, "b617318655057264e28bc0b6fb378c8ef146be00");
	hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, mac);
	same_hex(mac, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	hmac_sha256_slices("Jefe", 4, parts, 2, mac);
	same_hex(mac, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	(void)hmac_any(HASH_SHA1, "Jefe", 4, "what do ya want for nothing?", 28, mac);
	same_hex(mac, 20, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
	memset(key, 0xaa, sizeof(key));
	memset(data, 0xdd, sizeof(data));
	hmac_sha256(key, 20, data, 50, mac);
	same_hex(mac, 32, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
	hmac_sha256(key, 131, large_key, strlen(large_key), mac); /* a key longer than the block */
	same_hex(mac, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	(void)hmac_any(HASH_SHA1, key, 80, large_key, strlen(large_key), mac);
	same_hex(mac, 20, "aa4ae5e15272d00e95705637ce8a3b55ed402112");
	hmac_sha256(NULL, 0, NULL, 0, mac);
	same_hex(mac, 32, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

/* RFC 3720, appendix B.4, and the check value of the catalogue. */
static void crc32c_vectors(void **state)
{
	uint8_t bytes[32] = { 0 };
	uint32_t whole;

	(void)state;
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(0, "", 0), 0);
	assert_int_equal(crc32c(0, bytes, 32), 0x8a9136aa);
	memset(bytes, 0xff, 32);
	assert_int_equal(crc32c(0, bytes, 32), 0x62a8ab43);
	for (size_t i = 0; i < 32; i++)
		bytes[i] = (uint8_t)i;
	assert_int_equal(crc32c(0, bytes, 32), 0x46dd794e);
	for (size_t i = 0; i < 32; i++)
		bytes[i] = (uint8_t)(31 - i);
	assert_int_equal(crc32c(0, bytes, 32), 0x113fdb5c);
	whole = crc32c(0, bytes, 32);
	for (size_t cut = 0; cut <= 32; cut++) /* in two parts, at any alignment */
		assert_int_equal(crc32c(crc32c(0, bytes, cut), bytes + cut, 32 - cut), whole);
}

/* CRC-16/XMODEM, and slots that Redis Cluster's own documentation and CLUSTER KEYSLOT give. */
static void crc16_vectors(void **state)
{
	(void)state;
	assert_int_equal(crc16_redis("123456789", 9), 0x31c3);
	assert_int_equal(crc16_redis("", 0), 0);
	assert_int_equal(crc16_redis("foo", 3) % 16384, 12182);
	assert_int_equal(crc16_redis("bar", 3) % 16384, 5061);
	assert_int_equal(crc16_redis("somekey", 7) % 16384, 11058);
}

/* AES-256-GCM: test cases 13 to 16 of McGrew and Viega's specification. */
static void aes_gcm_vectors(void **state)
{
	static const struct {
		const char *key, *nonce, *aad, *plain, *sealed;
	} cases[] = {
		{ "0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "", "",
			"530f8afbc74536b9a963b4f1c4cb738b" },
		{ "0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "",
			"00000000000000000000000000000000", "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919" },
		{ "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888", "",
			"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657"
			"ba637b391aafd255",
			"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0a"
			"bcc9f662898015adb094dac5d93471bdec1a502270e3cc6c" },
		{ "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
			"feedfacedeadbeeffeedfacedeadbeefabaddad2",
			"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657"
			"ba637b39",
			"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0a"
			"bcc9f66276fc6ece0f4e1768cddf8853bb2d551b" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(buf_clear) struct buf out = { 0 };
		CLEANUP(buf_clear) struct buf back = { 0 };
		uint8_t key[32], nonce[12], aad[32], plain[64], sealed[80];
		size_t aad_len = from_hex(cases[i].aad, aad), len = from_hex(cases[i].plain, plain);
		size_t sealed_len = from_hex(cases[i].sealed, sealed);

		from_hex(cases[i].key, key);
		from_hex(cases[i].nonce, nonce);
		buf_add_str(&out, "head");
		aes_gcm_seal(key, nonce, aad, aad_len, plain, len, &out);
		assert_int_equal(out.len, 4 + sealed_len);
		assert_memory_equal(out.data + 4, sealed, sealed_len);
		for (int again = 0; again < 3; again++) { /* under a key that is set already */
			uint8_t text[80];

			memcpy(text, plain, len);
			aes_gcm_seal_in_place(NULL, nonce, aad, aad_len, text, len);
			assert_memory_equal(text, sealed, sealed_len);
		}
		buf_add_str(&back, "head");
		assert_int_equal(aes_gcm_open(key, nonce, aad, aad_len, sealed, sealed_len, &back), 0);
		assert_int_equal(back.len, 4 + len);
		assert_memory_equal(back.data + 4, plain, len);
		/* any bit wrong, anywhere: nothing comes out */
		for (size_t bit = 0; bit < 8 * (sealed_len + 32 + 12 + aad_len); bit++) {
			size_t at = bit / 8;
			uint8_t *byte = at < sealed_len ? sealed + at : at < sealed_len + 32 ? key + at - sealed_len :
				at < sealed_len + 44 ? nonce + at - sealed_len - 32 : aad + at - sealed_len - 44;

			*byte ^= (uint8_t)(1u << bit % 8);
			assert_int_equal(aes_gcm_open(key, nonce, aad, aad_len, sealed, sealed_len, &back), -EBADMSG);
			assert_int_equal(back.len, 4 + len);
			*byte ^= (uint8_t)(1u << bit % 8);
		}
		for (size_t cut = 0; cut < sealed_len; cut++)
			assert_int_equal(aes_gcm_open(key, nonce, aad, aad_len, sealed, cut, &back), -EBADMSG);
		assert_int_equal(back.len, 4 + len);
	}
}

/* RFC 4648, section 10. */
static void base64_vectors(void **state)
{
	static const char *const cases[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" }, { "\xff\xfe\xfb", "//77" } };
	static const char *const bad[] = { "Z", "Zg", "Zg=", "Zg===", "=", "====", "Zh==", "Zm9=", "Zg==Zg==", "Zm9v\n", "Zm 9", "Zm-_", "Z===",
		"Zm9v=Zm9", "Z=g=", "\xc3\xa9g=", "Z*9vZm9v" };
	CLEANUP(buf_clear) struct buf none = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(buf_clear) struct buf text = { 0 };
		CLEANUP(buf_clear) struct buf back = { 0 };

		base64_add(&text, cases[i][0], strlen(cases[i][0]));
		assert_string_equal(buf_str(&text), cases[i][1]);
		assert_int_equal(base64_decode(text.data, text.len, &back), 0);
		assert_string_equal(buf_str(&back), cases[i][0]);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CLEANUP(buf_clear) struct buf back = { 0 };

		buf_add_str(&back, "kept");
		if (base64_decode(bad[i], strlen(bad[i]), &back) != -EBADMSG)
			fail_msg("\"%s\" was accepted", bad[i]);
		assert_int_equal(back.len, 4);
	}
	assert_int_equal(base64_decode("Zg\0=", 4, &none), -EBADMSG);
	assert_int_equal(none.len, 0);
}

static void hexadecimal(void **state)
{
	uint8_t bytes[4];
	char text[9];

	(void)state;
	assert_int_equal(hex_parse("00fFa9", 3, bytes), 0);
	assert_memory_equal(bytes, "\x00\xff\xa9", 3);
	assert_string_equal(hex_format(bytes, 3, text), "00ffa9");
	assert_int_equal(hex_parse("", 0, bytes), 0);
	assert_int_equal(hex_parse("00ff", 3, bytes), -EBADMSG);
	assert_int_equal(hex_parse("00ffa90", 3, bytes), -EBADMSG);
	assert_int_equal(hex_parse("0g", 1, bytes), -EBADMSG);
	assert_int_equal(hex_parse("g0", 1, bytes), -EBADMSG);
	assert_int_equal(hex_parse(" 0", 1, bytes), -EBADMSG);
	assert_int_equal(hex_parse("0x", 1, bytes), -EBADMSG);
}

static void secrets(void **state)
{
	uint8_t a[64] = { 0 }, b[64] = { 0 };

	(void)state;
	random_bytes(a, sizeof(a));
	random_bytes(b, sizeof(b));
	random_bytes(b, 0);
	assert_false(equal_secret(a, b, sizeof(a))); /* once in 2^512 */
	assert_true(equal_secret(a, a, sizeof(a)));
	assert_true(equal_secret(a, b, 0));
	memcpy(b, a, sizeof(b));
	b[63] ^= 1;
	assert_false(equal_secret(a, b, sizeof(a)));
	cleanse(a, sizeof(a));
	memset(b, 0, sizeof(b));
	assert_memory_equal(a, b, sizeof(a));
}

/* RFC 8032 section 7.1, tests 1 to 3. */
static void ed25519_vectors(void **state)
{
	static const struct {
		const char *seed, *key, *message, *signature;
		size_t len;
	} rows[] = {
		{ "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
			"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
			"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e"
			"7a100b", 0 },
		{ "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
			"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "\x72",
			"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612"
			"bb0c00", 1 },
		{ "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
			"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "\xaf\x82",
			"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea"
			"1ec40a", 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t seed[ED25519_SEED_SIZE], key[ED25519_KEY_SIZE], signature[ED25519_SIGNATURE_SIZE];

		assert_int_equal(hex_parse(rows[i].seed, sizeof(seed), seed), 0);
		ed25519_public_key(seed, key);
		same_hex(key, sizeof(key), rows[i].key);
		ed25519_sign(seed, rows[i].message, rows[i].len, signature);
		same_hex(signature, sizeof(signature), rows[i].signature);
		assert_true(ed25519_verify(key, rows[i].message, rows[i].len, signature));
		assert_false(ed25519_verify(key, "another", 7, signature));
		signature[i] ^= 1;
		assert_false(ed25519_verify(key, rows[i].message, rows[i].len, signature));
		signature[i] ^= 1;
		key[31] ^= 0x40; /* often no point of the curve at all */
		assert_false(ed25519_verify(key, rows[i].message, rows[i].len, signature));
	}
}

static void *in_a_thread(void *arg)
{
	uint8_t *digest = arg;

	for (int i = 0; i < 1000; i++)
		sha256("abc", 3, digest);
	return NULL;
}

/* Contexts are per thread, and go with it. */
static void threads(void **state)
{
	pthread_t threads[4];
	uint8_t digests[4][SHA256_SIZE];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, in_a_thread, digests[i]), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		same_hex(digests[i], SHA256_SIZE, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_vectors),
		cmocka_unit_test(hmac_vectors),
		cmocka_unit_test(crc32c_vectors),
		cmocka_unit_test(crc16_vectors),
		cmocka_unit_test(aes_gcm_vectors),
		cmocka_unit_test(ed25519_vectors),
		cmocka_unit_test(base64_vectors),
		cmocka_unit_test(hexadecimal),
		cmocka_unit_test(secrets),
		cmocka_unit_test(threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
