/* SHA256_Init() and its like are marked as deprecated for EVP, which allocates for each digest and takes twice as long for a short one. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "common/hash.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/cleanup.h"

/* Fetched once for the process: a fetch costs more than a short message. */
static EVP_CIPHER *cipher_gcm, *cipher_stream;
static pthread_once_t fetched = PTHREAD_ONCE_INIT;
static _Thread_local EVP_CIPHER_CTX *cipher_ctx, *stream_ctx;
static pthread_key_t thread_end;

static void must(bool ok)
{
	if (!ok) {
		fputs("libcrypto failed\n", stderr);
		abort();
	}
}

static void free_contexts(void *arg)
{
	(void)arg;
	EVP_CIPHER_CTX_free(cipher_ctx);
	EVP_CIPHER_CTX_free(stream_ctx);
	cipher_ctx = stream_ctx = NULL;
}

static void free_at_exit(void)
{
	free_contexts(NULL);
	EVP_CIPHER_free(cipher_gcm);
	EVP_CIPHER_free(cipher_stream);
}

static void fetch(void)
{
	cipher_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	cipher_stream = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);
	must(cipher_gcm && cipher_stream);
	must(pthread_key_create(&thread_end, free_contexts) == 0);
	atexit(free_at_exit);
}

static void prepare(void)
{
	must(pthread_once(&fetched, fetch) == 0);
	if (!cipher_ctx) {
		cipher_ctx = EVP_CIPHER_CTX_new();
		stream_ctx = EVP_CIPHER_CTX_new();
		must(cipher_ctx && stream_ctx);
		/* Once: to name the cipher again with each key would build the context anew. */
		must(EVP_CipherInit_ex2(cipher_ctx, cipher_gcm, NULL, NULL, 1, NULL) == 1);
		must(EVP_CipherInit_ex2(stream_ctx, cipher_stream, NULL, NULL, 1, NULL) == 1);
		must(pthread_setspecific(thread_end, cipher_ctx) == 0);
	}
}

void sha256_slices(const struct slice *parts, size_t count, uint8_t ret[SHA256_SIZE])
{
	SHA256_CTX ctx;

	(void)SHA256_Init(&ctx);
	for (size_t i = 0; i < count; i++)
		if (parts[i].len)
			(void)SHA256_Update(&ctx, parts[i].data, parts[i].len);
	(void)SHA256_Final(ret, &ctx);
	cleanse(&ctx, sizeof(ctx)); /* it knows as much as a key that was put in */
}

void sha256(const void *data, size_t len, uint8_t ret[SHA256_SIZE])
{
	struct slice one = { data, len };

	sha256_slices(&one, 1, ret);
}

#define BLOCK 64 /* bytes, of SHA-256 */
#define HMAC_PARTS_MAX 8

/* RFC 2104 by two digests. Words, not bytes: a log's tags are looked through by the million. */
void hmac_sha256_slices(const void *key, size_t key_len, const struct slice *parts, size_t count, uint8_t ret[SHA256_SIZE])
{
	uint64_t pad[BLOCK / sizeof(uint64_t)] = { 0 };
	struct slice all[HMAC_PARTS_MAX + 1] = { { (const uint8_t *)pad, BLOCK } };

	must(count <= HMAC_PARTS_MAX);
	if (key_len > BLOCK)
		sha256(key, key_len, (uint8_t *)pad);
	else if (key_len)
		memcpy(pad, key, key_len);
	for (size_t i = 0; i < ARRAY_LEN(pad); i++)
		pad[i] ^= UINT64_C(0x3636363636363636);
	memcpy(all + 1, parts, count * sizeof(*parts));
	sha256_slices(all, count + 1, ret);
	for (size_t i = 0; i < ARRAY_LEN(pad); i++)
		pad[i] ^= UINT64_C(0x3636363636363636) ^ UINT64_C(0x5c5c5c5c5c5c5c5c);
	all[1] = (struct slice){ ret, SHA256_SIZE };
	sha256_slices(all, 2, ret);
	cleanse(pad, sizeof(pad));
}

void hmac_sha256(const void *key, size_t key_len, const void *data, size_t len, uint8_t ret[SHA256_SIZE])
{
	struct slice one = { data, len };

	hmac_sha256_slices(key, key_len, &one, 1, ret);
}

/* --- checksums ----------------------------------------------------------------------------------------------------- */

static uint32_t crc32c_table(uint32_t crc, const uint8_t *data, size_t len)
{
	while (len--) {
		crc ^= *data++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (0x82F63B78u & (0u - (crc & 1)));
	}
	return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_hardware(uint32_t crc, const uint8_t *data, size_t len)
{
	uint64_t wide = crc;

	for (; len >= 8; data += 8, len -= 8) {
		uint64_t word;

		memcpy(&word, data, 8);
		wide = __builtin_ia32_crc32di(wide, word);
	}
	crc = (uint32_t)wide;
	for (; len; data++, len--)
		crc = __builtin_ia32_crc32qi(crc, *data);
	return crc;
}
#endif

uint32_t crc32c(uint32_t seed, const void *data, size_t len)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("sse4.2"))
		return ~crc32c_hardware(~seed, data, len);
#endif
	return ~crc32c_table(~seed, data, len);
}

uint16_t crc16_redis(const void *data, size_t len)
{
	const uint8_t *at = data;
	unsigned crc = 0;

	while (len--) {
		crc ^= (unsigned)*at++ << 8;
		for (int i = 0; i < 8; i++)
			crc = crc & 0x8000 ? (crc << 1 ^ 0x1021) & 0xFFFF : crc << 1;
	}
	return (uint16_t)crc;
}

/* --- AES-256-GCM ----------------------------------------------------------------------------------------------------- */

void aes_gcm_seal_in_place(const uint8_t key[AES_KEY_SIZE], const uint8_t nonce[AES_NONCE_SIZE], const void *aad, size_t aad_len,
	uint8_t *text, size_t len)
{
	int n = 0;

	prepare();
	must(EVP_EncryptInit_ex2(cipher_ctx, NULL, key, nonce, NULL) == 1);
	if (aad_len)
		must(EVP_EncryptUpdate(cipher_ctx, NULL, &n, aad, (int)aad_len) == 1);
	if (len)
		must(EVP_EncryptUpdate(cipher_ctx, text, &n, text, (int)len) == 1 && (size_t)n == len);
	must(EVP_EncryptFinal_ex(cipher_ctx, text + len, &n) == 1);
	must(EVP_CIPHER_CTX_ctrl(cipher_ctx, EVP_CTRL_AEAD_GET_TAG, AES_TAG_SIZE, text + len) == 1);
}

void aes_gcm_seal(const uint8_t key[AES_KEY_SIZE], const uint8_t nonce[AES_NONCE_SIZE], const void *aad, size_t aad_len,
	const void *plain, size_t len, struct buf *out)
{
	buf_reserve(out, len + AES_TAG_SIZE);
	if (len)
		memcpy(out->data + out->len, plain, len);
	aes_gcm_seal_in_place(key, nonce, aad, aad_len, (uint8_t *)out->data + out->len, len);
	out->len += len + AES_TAG_SIZE;
	out->data[out->len] = '\0';
}

int aes_gcm_open(const uint8_t key[AES_KEY_SIZE], const uint8_t nonce[AES_NONCE_SIZE], const void *aad, size_t aad_len,
	const void *sealed, size_t len, struct buf *out)
{
	const uint8_t *in = sealed;
	uint8_t tag[AES_TAG_SIZE], *at;
	int n = 0, end = 0;

	if (len < AES_TAG_SIZE || len > INT32_MAX)
		return -EBADMSG;
	prepare();
	len -= AES_TAG_SIZE;
	memcpy(tag, in + len, AES_TAG_SIZE);
	buf_reserve(out, len + AES_TAG_SIZE);
	at = (uint8_t *)out->data + out->len;
	must(EVP_DecryptInit_ex2(cipher_ctx, NULL, key, nonce, NULL) == 1);
	if (aad_len)
		must(EVP_DecryptUpdate(cipher_ctx, NULL, &n, aad, (int)aad_len) == 1);
	n = 0;
	if (len)
		must(EVP_DecryptUpdate(cipher_ctx, at, &n, in, (int)len) == 1);
	must(EVP_CIPHER_CTX_ctrl(cipher_ctx, EVP_CTRL_AEAD_SET_TAG, AES_TAG_SIZE, tag) == 1);
	if (EVP_DecryptFinal_ex(cipher_ctx, at + n, &end) != 1) {
		cleanse(at, len);
		out->data[out->len] = '\0';
		return -EBADMSG;
	}
	out->len += len;
	out->data[out->len] = '\0';
	return 0;
}

/* --- Ed25519 ------------------------------------------------------------------------------------------------------------ */

void ed25519_public_key(const uint8_t seed[ED25519_SEED_SIZE], uint8_t ret[ED25519_KEY_SIZE])
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, ED25519_SEED_SIZE);
	size_t len = ED25519_KEY_SIZE;

	must(key && EVP_PKEY_get_raw_public_key(key, ret, &len) == 1 && len == ED25519_KEY_SIZE);
	EVP_PKEY_free(key);
}

void ed25519_sign(const uint8_t seed[ED25519_SEED_SIZE], const void *data, size_t len, uint8_t ret[ED25519_SIGNATURE_SIZE])
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, ED25519_SEED_SIZE);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t size = ED25519_SIGNATURE_SIZE;

	must(key && ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1);
	must(EVP_DigestSign(ctx, ret, &size, data, len) == 1 && size == ED25519_SIGNATURE_SIZE);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
}

bool ed25519_verify(const uint8_t key[ED25519_KEY_SIZE], const void *data, size_t len,
	const uint8_t signature[ED25519_SIGNATURE_SIZE])
{
	EVP_PKEY *public = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, ED25519_KEY_SIZE);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good;

	must(public && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, public) == 1);
	(void)ERR_set_mark(); /* whoever asks the library for errors next must not find this refusal. Of an empty queue both say 0 */
	good = EVP_DigestVerify(ctx, signature, ED25519_SIGNATURE_SIZE, data, len) == 1;
	(void)ERR_pop_to_mark();
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(public);
	return good;
}

/* --- random, secrets, encodings ---------------------------------------------------------------------------------------- */

static void system_random(uint8_t *at, size_t len)
{
	while (len) {
		ssize_t n = getrandom(at, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		must(n > 0);
		at += n;
		len -= (size_t)n;
	}
}

#define POOL_SIZE 4096

/*
 * Made a page at a time, since a system call for each salt and nonce costs more than what is done with it: AES-256 in counter mode under a
 * key that the kernel gives for this page alone, and which is forgotten with it. The kernel's own generator takes ten times as long.
 */
static _Thread_local uint8_t pool[POOL_SIZE];
static _Thread_local size_t pool_left;

static void forget_pool(void)
{
	pool_left = 0;
}

static void watch_forks(void)
{
	must(pthread_atfork(NULL, NULL, forget_pool) == 0); /* a child must not give out what its parent will */
}

static void fill_pool(void)
{
	uint8_t seed[AES_KEY_SIZE + 16];
	int n = 0;

	prepare();
	system_random(seed, sizeof(seed));
	memset(pool, 0, POOL_SIZE);
	must(EVP_EncryptInit_ex2(stream_ctx, NULL, seed, seed + AES_KEY_SIZE, NULL) == 1 &&
		EVP_EncryptUpdate(stream_ctx, pool, &n, pool, POOL_SIZE) == 1 && n == POOL_SIZE);
	cleanse(seed, sizeof(seed));
	memset(seed, 0, sizeof(seed));
	must(EVP_EncryptInit_ex2(stream_ctx, NULL, seed, seed + AES_KEY_SIZE, NULL) == 1); /* the context forgets it too */
}

void random_bytes(void *ret, size_t len)
{
	static pthread_once_t watched = PTHREAD_ONCE_INIT;
	uint8_t *at = pool + POOL_SIZE - pool_left;

	if (len > POOL_SIZE / 8) {
		system_random(ret, len);
		return;
	}
	if (len > pool_left) {
		must(pthread_once(&watched, watch_forks) == 0);
		fill_pool();
		pool_left = POOL_SIZE;
		at = pool;
	}
	memcpy(ret, at, len);
	cleanse(at, len); /* what was given out is nobody else's to find */
	pool_left -= len;
}

bool equal_secret(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

void cleanse(void *p, size_t len)
{
	explicit_bzero(p, len); /* OPENSSL_cleanse() goes by eight bytes, and 30 are asked for in each contact */
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_add(struct buf *buf, const void *data, size_t len)
{
	const uint8_t *in = data;
	char *out;

	buf_reserve(buf, (len + 2) / 3 * 4);
	out = buf->data + buf->len;
	for (; len >= 3; in += 3, len -= 3) {
		*out++ = base64_digits[in[0] >> 2];
		*out++ = base64_digits[(in[0] & 3) << 4 | in[1] >> 4];
		*out++ = base64_digits[(in[1] & 15) << 2 | in[2] >> 6];
		*out++ = base64_digits[in[2] & 63];
	}
	if (len) {
		*out++ = base64_digits[in[0] >> 2];
		*out++ = base64_digits[(in[0] & 3) << 4 | (len > 1 ? in[1] >> 4 : 0)];
		*out++ = len > 1 ? base64_digits[(in[1] & 15) << 2] : '=';
		*out++ = '=';
	}
	*out = '\0';
	buf->len = (size_t)(out - buf->data);
}

/* Each digit's value and one; 0: no digit. Of random bytes a branch a digit would guess wrong half the time. */
static const uint8_t base64_values[256] = {
	['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8,
	['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
	['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
	['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
	['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
	['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
	['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
	['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

/* The 24 bits of four digits. `all` gathers their values: above 63 when any was no digit. */
static unsigned base64_quad(const uint8_t digits[4], unsigned *all)
{
	unsigned a = base64_values[digits[0]] - 1u, b = base64_values[digits[1]] - 1u, c = base64_values[digits[2]] - 1u,
		 d = base64_values[digits[3]] - 1u;

	*all |= a | b | c | d;
	return a << 18 | b << 12 | c << 6 | d;
}

int base64_decode(const char *text, size_t len, struct buf *out)
{
	const uint8_t *in = (const uint8_t *)text, *last;
	uint8_t tail[4], *at;
	unsigned bits, all = 0;
	size_t pad = 0;

	if (len % 4)
		return -EBADMSG;
	if (!len)
		return 0;
	last = in + len - 4;
	buf_reserve(out, len / 4 * 3);
	at = (uint8_t *)out->data + out->len;
	for (; in < last; in += 4) {
		bits = base64_quad(in, &all);
		*at++ = (uint8_t)(bits >> 16);
		*at++ = (uint8_t)(bits >> 8);
		*at++ = (uint8_t)bits;
	}
	memcpy(tail, last, sizeof(tail));
	for (; pad < 2 && tail[3 - pad] == '='; pad++)
		tail[3 - pad] = 'A'; /* zero */
	bits = base64_quad(tail, &all);
	if (all > 63 || bits & ((1u << 8 * pad) - 1)) { /* leftover bits must be zero */
		out->data[out->len] = '\0';
		return -EBADMSG;
	}
	for (size_t i = 0; i < 3 - pad; i++)
		*at++ = (uint8_t)(bits >> (16 - 8 * i));
	*at = '\0';
	out->len += len / 4 * 3 - pad;
	return 0;
}

char *hex_format(const void *data, size_t len, char *ret)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *in = data;

	for (size_t i = 0; i < len; i++) {
		ret[2 * i] = digits[in[i] >> 4];
		ret[2 * i + 1] = digits[in[i] & 15];
	}
	ret[2 * len] = '\0';
	return ret;
}

static int hex_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int hex_parse(const char *text, size_t bytes, void *ret)
{
	uint8_t *out = ret;

	if (strlen(text) != 2 * bytes)
		return -EBADMSG;
	for (size_t i = 0; i < bytes; i++) {
		int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EBADMSG;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}
