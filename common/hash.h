/*
 * hash - digests, MACs, ciphers, encodings. Digests and ciphers by OpenSSL's libcrypto, the only module that includes it
 * (beside anchors later). Algorithms are fetched once; functions here are for one thread at a time per `struct hash_ctx`;
 * the free functions use a context per thread.
 */
#ifndef DUNNINGD_COMMON_HASH_H
#define DUNNINGD_COMMON_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

#define SHA256_SIZE 32
#define AES_KEY_SIZE 32
#define AES_NONCE_SIZE 12
#define AES_TAG_SIZE 16
#define ED25519_SEED_SIZE 32
#define ED25519_KEY_SIZE 32
#define ED25519_SIGNATURE_SIZE 64

void sha256(const void *data, size_t len, uint8_t ret[SHA256_SIZE]);
void sha256_slices(const struct slice *parts, size_t count, uint8_t ret[SHA256_SIZE]); /* of their concatenation */
void hmac_sha256(const void *key, size_t key_len, const void *data, size_t len, uint8_t ret[SHA256_SIZE]);
void hmac_sha256_slices(const void *key, size_t key_len, const struct slice *parts, size_t count, uint8_t ret[SHA256_SIZE]);
uint32_t crc32c(uint32_t seed, const void *data, size_t len); /* Castagnoli; start with seed 0, chain with the result */
uint16_t crc16_redis(const void *data, size_t len); /* CRC-16/XMODEM as in Redis Cluster key slots */

/* They cannot fail. In place: `text` becomes ciphertext, the tag is written behind it; key NULL: as in this thread's call before. Else appended. */
void aes_gcm_seal_in_place(const uint8_t key[AES_KEY_SIZE], const uint8_t nonce[AES_NONCE_SIZE], const void *aad, size_t aad_len,
	uint8_t *text, size_t len);
void aes_gcm_seal(const uint8_t key[AES_KEY_SIZE], const uint8_t nonce[AES_NONCE_SIZE], const void *aad, size_t aad_len,
	const void *plain, size_t len, struct buf *out);
/* Appends the plaintext; -EBADMSG when key, nonce, aad or bytes are not the ones sealed (nothing is appended). */
int aes_gcm_open(const uint8_t key[AES_KEY_SIZE], const uint8_t nonce[AES_NONCE_SIZE], const void *aad, size_t aad_len,
	const void *sealed, size_t len, struct buf *out);

/* Ed25519 (RFC 8032 section 5.1, without prehash or context). The seed is what the RFC calls the private key. */
void ed25519_public_key(const uint8_t seed[ED25519_SEED_SIZE], uint8_t ret[ED25519_KEY_SIZE]);
void ed25519_sign(const uint8_t seed[ED25519_SEED_SIZE], const void *data, size_t len, uint8_t ret[ED25519_SIGNATURE_SIZE]);
bool ed25519_verify(const uint8_t key[ED25519_KEY_SIZE], const void *data, size_t len,
	const uint8_t signature[ED25519_SIGNATURE_SIZE]);

/* Digests and MACs (RFC 2104) by choice, for what others prescribe. Return the size. */
enum hash_kind { HASH_SHA1, HASH_SHA256, HASH_SHA512 };
#define HASH_SIZE_MAX 64
size_t hash_any(enum hash_kind kind, const void *data, size_t len, uint8_t ret[HASH_SIZE_MAX]);
size_t hmac_any(enum hash_kind kind, const void *key, size_t key_len, const void *data, size_t len, uint8_t ret[HASH_SIZE_MAX]);
/* RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 "RS256"); appends the signature. -EBADMSG: `pem` is no RSA private key without a password. */
int rs256_sign(const char *pem, const void *data, size_t len, struct buf *out);
/* ECDSA over P-256 with SHA-256 (FIPS 186-5). `key`: a DER SubjectPublicKeyInfo (RFC 5480), `signature` DER. False also for what is no key. */
bool ecdsa_p256_verify(const void *key, size_t key_len, const void *data, size_t len, const void *signature, size_t signature_len);
/* RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2) by the key of a PEM certificate, which itself is not checked; SHA-1 or SHA-256. */
bool rsa_certificate_verify(const char *pem, bool sha1, const void *data, size_t len, const void *signature, size_t signature_len);
int certificate_end(const char *pem, int64_t *ret); /* its notAfter, ms UTC; -EBADMSG */

void random_bytes(void *ret, size_t len); /* the operating system's; ends the process if it cannot */
bool equal_secret(const void *a, const void *b, size_t len); /* constant time */
void cleanse(void *p, size_t len);

void base64_add(struct buf *buf, const void *data, size_t len); /* RFC 4648 section 4, padded */
void base64url_add(struct buf *buf, const void *data, size_t len); /* RFC 4648 section 5, not padded: as in a JWT */
int base64_decode(const char *text, size_t len, struct buf *out); /* strict: -EBADMSG */
char *hex_format(const void *data, size_t len, char *ret); /* lower case, 2 * len + 1 bytes; returns ret */
int hex_parse(const char *text, size_t bytes, void *ret); /* exactly 2 * bytes digits; -EBADMSG */

#endif
