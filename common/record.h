/*
 * record - a trail record: leaf, commitment, tag, and the encrypted blobs that stand beside it in the journal. Pure.
 * Formats: common/FORMATS.md; they are final, a later version gets a new version line.
 */
#ifndef DUNNINGD_COMMON_RECORD_H
#define DUNNINGD_COMMON_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/hash.h"

#define LEAF_SIZE 107 /* "dunningd-leaf/v1\n" and two base64 SHA-256 with LF: 17 + 45 + 45 */
#define SALT_SIZE 32

enum key_class { CLASS_IDENTITY, CLASS_CONTENT, CLASS_FACTS, CLASS_COUNT };
extern const char *const class_names[CLASS_COUNT + 1]; /* "identity", "content", "facts" */

/* The keys of one case (one debtor's file) in one log year. */
struct case_keys {
	uint16_t year; /* log year, 2026 */
	uint32_t slot; /* in that year's key store */
	uint8_t case_key[32]; /* the same in every year: behind the tags */
	uint8_t class_key[CLASS_COUNT][32]; /* zeros: erased */
};
bool case_keys_has(const struct case_keys *keys, enum key_class class); /* false: that class was erased */

/* SHA-256("dunningd-record/v1\n" || salt || bytes), and the same for parts with "dunningd-part/v1\n". */
void record_commitment(const uint8_t salt[SALT_SIZE], const void *bytes, size_t len, uint8_t ret[32]);
void part_commitment(const uint8_t salt[SALT_SIZE], const void *bytes, size_t len, uint8_t ret[32]);
/* HMAC-SHA-256(casekey, "dunningd-tag-key/v1\n" || origin || "\n") */
void record_tag_key(const uint8_t case_key[32], const char *origin, uint8_t ret[32]);
/* HMAC-SHA-256(tagkey, "dunningd-tag/v1\n" || decimal n || "\n") */
void record_tag(const uint8_t tag_key[32], uint64_t n, uint8_t ret[32]);
void record_leaf(const uint8_t commitment[32], const uint8_t tag[32], char ret[LEAF_SIZE]);
int record_leaf_read(const char leaf[LEAF_SIZE], uint8_t commitment[32], uint8_t tag[32]); /* -EBADMSG: not as record_leaf() writes it */
/* SHA-256(0x00 || leaf): RFC 6962 */
void record_leaf_hash(const char leaf[LEAF_SIZE], uint8_t ret[32]);

/*
 * A sealed blob: u8 class, u16 year, u32 slot, u32 length of what follows, nonce[12], AES-256-GCM(class key, content) with tag.
 * All integers big-endian.
 */
struct blob {
	enum key_class class;
	uint16_t year;
	uint32_t slot;
	struct slice sealed; /* nonce, ciphertext, tag; borrowed */
};
/*
 * A blob that is laid out whole and whose content is still plain: the sealing can be left to another thread. `body` is the caller's
 * number of what it lies in, `at` the content's place there; the nonce stands before it, behind it is room for the tag.
 */
struct seal {
	size_t body, at, len;
	uint8_t key[32]; /* the holder wipes it */
};
void blob_lay(struct buf *out, const struct case_keys *keys, enum key_class class, const uint8_t nonce[12], const struct slice *content,
	size_t content_count, struct seal *ret); /* ret->at: within `out` */
void seal_run(const struct seal *seal, uint8_t *body, const void *aad, size_t aad_len);
int blob_read(struct reader *r, struct blob *ret); /* -EBADMSG */
/* -ENOENT: its class key was erased. -EBADMSG. `plain` is appended to. */
int blob_open(const struct blob *blob, const struct case_keys *keys, const void *aad, size_t aad_len, struct buf *plain);

/* A part: something large, or to be erased apart from the rest. The record names it by its commitment. */
struct part {
	const char *name, *media_type; /* "message.json", "application/json" */
	enum key_class class;
	const void *data;
	size_t len;
	uint8_t salt[SALT_SIZE];
};

/*
 * The body of a journal's record frame: leaf, u8 number of blobs, blobs. Blob 0 (class facts) holds salt || record bytes, each
 * further one salt || bytes of a part; the leaf is the associated data of all.
 */
struct record_secret { /* fresh random bytes, one draw per record: salt of the record and nonces of all its blobs */
	uint8_t salt[SALT_SIZE];
	uint8_t nonce[8][AES_NONCE_SIZE]; /* [0] the record, [1 + i] part i: at most 7 parts */
};
#define RECORD_PARTS_MAX 7
void record_body_add(struct buf *out, const char leaf[LEAF_SIZE], const struct case_keys *keys,
	const struct record_secret *secret, const void *record, size_t len, const struct part *parts, size_t part_count);
/* The same with blobs only laid: `seals` has 1 + part_count of them, `at` counted from where the body begins, `body` left alone. */
void record_body_lay(struct buf *out, const char leaf[LEAF_SIZE], const struct case_keys *keys, const struct record_secret *secret,
	const void *record, size_t len, const struct part *parts, size_t part_count, struct seal *seals);
struct record_body {
	const char *leaf; /* LEAF_SIZE bytes */
	struct blob blobs[1 + RECORD_PARTS_MAX];
	size_t blob_count;
};
int record_body_read(const void *body, size_t len, struct record_body *ret); /* -EBADMSG */
/* Decrypts blob i of a body: splits off its salt. -ENOENT: its class key was erased. -EBADMSG. `content` is appended to. */
int record_body_open(const struct record_body *body, size_t i, const struct case_keys *keys, uint8_t salt[SALT_SIZE],
	struct buf *content);

#endif
