#include "common/record.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define LEAF_MAGIC "dunningd-leaf/v1\n"
#define RECORD_MAGIC "dunningd-record/v1\n"
#define PART_MAGIC "dunningd-part/v1\n"
#define TAG_KEY_MAGIC "dunningd-tag-key/v1\n"
#define TAG_MAGIC "dunningd-tag/v1\n"
#define LITERAL(s) { (const uint8_t *)(s), sizeof(s) - 1 }
#define BASE64_LINE 45 /* 44 characters for 32 bytes, and LF */

const char *const class_names[CLASS_COUNT + 1] = {
	[CLASS_IDENTITY] = "identity",
	[CLASS_CONTENT] = "content",
	[CLASS_FACTS] = "facts",
};

/* --- commitment, tag, leaf --------------------------------------------------------------------- */

void record_commitment(const uint8_t salt[SALT_SIZE], const void *bytes, size_t len, uint8_t ret[32])
{
	struct slice parts[] = { LITERAL(RECORD_MAGIC), { salt, SALT_SIZE }, { bytes, len } };

	sha256_slices(parts, ARRAY_LEN(parts), ret);
}

void part_commitment(const uint8_t salt[SALT_SIZE], const void *bytes, size_t len, uint8_t ret[32])
{
	struct slice parts[] = { LITERAL(PART_MAGIC), { salt, SALT_SIZE }, { bytes, len } };

	sha256_slices(parts, ARRAY_LEN(parts), ret);
}

void record_tag_key(const uint8_t case_key[32], const char *origin, uint8_t ret[32])
{
	struct slice parts[] = { LITERAL(TAG_KEY_MAGIC), { (const uint8_t *)origin, strlen(origin) },
		LITERAL("\n") };

	hmac_sha256_slices(case_key, 32, parts, ARRAY_LEN(parts), ret);
}

void record_tag(const uint8_t tag_key[32], uint64_t n, uint8_t ret[32])
{
	char number[U64_TEXT_SIZE];
	struct slice parts[] = { LITERAL(TAG_MAGIC), { (const uint8_t *)number, u64_format(n, number) }, LITERAL("\n") };

	hmac_sha256_slices(tag_key, 32, parts, ARRAY_LEN(parts), ret);
}

void record_leaf(const uint8_t commitment[32], const uint8_t tag[32], char ret[LEAF_SIZE])
{
	CLEANUP(buf_clear) struct buf leaf = { 0 };

	buf_reserve(&leaf, LEAF_SIZE);
	buf_add_str(&leaf, LEAF_MAGIC);
	base64_add(&leaf, commitment, 32);
	buf_add_char(&leaf, '\n');
	base64_add(&leaf, tag, 32);
	buf_add_char(&leaf, '\n');
	assert(leaf.len == LEAF_SIZE);
	memcpy(ret, leaf.data, LEAF_SIZE);
}

int record_leaf_read(const char leaf[LEAF_SIZE], uint8_t commitment[32], uint8_t tag[32])
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	const char *first = leaf + strlen(LEAF_MAGIC), *second = first + 45; /* 44 characters for 32 bytes, and a line end */

	if (memcmp(leaf, LEAF_MAGIC, strlen(LEAF_MAGIC)) != 0 || first[44] != '\n' || second[44] != '\n' ||
		base64_decode(first, 44, &out) < 0 || base64_decode(second, 44, &out) < 0 || out.len != 64)
		return -EBADMSG;
	memcpy(commitment, out.data, 32);
	memcpy(tag, out.data + 32, 32);
	return 0;
}

void record_leaf_hash(const char leaf[LEAF_SIZE], uint8_t ret[32])
{
	struct slice parts[] = { LITERAL("\0"), { (const uint8_t *)leaf, LEAF_SIZE } };

	sha256_slices(parts, ARRAY_LEN(parts), ret);
}

bool case_keys_has(const struct case_keys *keys, enum key_class class)
{
	uint8_t any = 0;

	for (size_t i = 0; i < sizeof(keys->class_key[class]); i++)
		any |= keys->class_key[class][i];
	return any != 0;
}

/* --- blobs ------------------------------------------------------------------------------------- */

void blob_lay(struct buf *out, const struct case_keys *keys, enum key_class class, const uint8_t nonce[12], const struct slice *content,
	size_t content_count, struct seal *ret)
{
	static const uint8_t tag[AES_TAG_SIZE];
	size_t len = 0, sealed_len;

	assert(class < CLASS_COUNT && case_keys_has(keys, class));
	for (size_t i = 0; i < content_count; i++)
		len += content[i].len;
	sealed_len = AES_NONCE_SIZE + len + AES_TAG_SIZE;
	assert(sealed_len <= UINT32_MAX);
	buf_reserve(out, 11 + sealed_len + 1);
	buf_add_char(out, (char)class);
	buf_add_u16be(out, keys->year);
	buf_add_u32be(out, keys->slot);
	buf_add_u32be(out, (uint32_t)sealed_len);
	buf_add(out, nonce, AES_NONCE_SIZE);
	ret->at = out->len;
	ret->len = len;
	memcpy(ret->key, keys->class_key[class], sizeof(ret->key));
	for (size_t i = 0; i < content_count; i++)
		buf_add(out, content[i].data, content[i].len);
	buf_add(out, tag, sizeof(tag));
}

void seal_run(const struct seal *seal, uint8_t *body, const void *aad, size_t aad_len)
{
	uint8_t *text = body + seal->at;

	aes_gcm_seal_in_place(seal->key, text - AES_NONCE_SIZE, aad, aad_len, text, seal->len);
}

int blob_read(struct reader *r, struct blob *ret)
{
	struct blob blob;
	unsigned class = reader_u8(r);

	blob.year = reader_u16be(r);
	blob.slot = reader_u32be(r);
	blob.sealed = reader_take(r, reader_u32be(r));
	if (r->bad || class >= CLASS_COUNT || blob.sealed.len < AES_NONCE_SIZE + AES_TAG_SIZE)
		return -EBADMSG;
	blob.class = (enum key_class)class;
	*ret = blob;
	return 0;
}

int blob_open(const struct blob *blob, const struct case_keys *keys, const void *aad, size_t aad_len,
	struct buf *plain)
{
	if (blob->year != keys->year || blob->slot != keys->slot || blob->class >= CLASS_COUNT ||
		blob->sealed.len < AES_NONCE_SIZE + AES_TAG_SIZE)
		return -EBADMSG;
	if (!case_keys_has(keys, blob->class))
		return -ENOENT;
	return aes_gcm_open(keys->class_key[blob->class], blob->sealed.data, aad, aad_len,
		blob->sealed.data + AES_NONCE_SIZE, blob->sealed.len - AES_NONCE_SIZE, plain);
}

/* --- the body of a record frame ---------------------------------------------------------------- */

void record_body_lay(struct buf *out, const char leaf[LEAF_SIZE], const struct case_keys *keys, const struct record_secret *secret,
	const void *record, size_t len, const struct part *parts, size_t part_count, struct seal *seals)
{
	struct slice content[] = { { secret->salt, SALT_SIZE }, { record, len } };
	size_t from = out->len;

	assert(part_count <= RECORD_PARTS_MAX);
	buf_add(out, leaf, LEAF_SIZE);
	buf_add_char(out, (char)(1 + part_count));
	blob_lay(out, keys, CLASS_FACTS, secret->nonce[0], content, ARRAY_LEN(content), &seals[0]);
	for (size_t i = 0; i < part_count; i++) {
		content[0] = (struct slice){ parts[i].salt, SALT_SIZE };
		content[1] = (struct slice){ parts[i].data, parts[i].len };
		blob_lay(out, keys, parts[i].class, secret->nonce[1 + i], content, ARRAY_LEN(content), &seals[1 + i]);
	}
	for (size_t i = 0; i <= part_count; i++)
		seals[i].at -= from;
}

void record_body_add(struct buf *out, const char leaf[LEAF_SIZE], const struct case_keys *keys,
	const struct record_secret *secret, const void *record, size_t len, const struct part *parts,
	size_t part_count)
{
	struct seal seals[1 + RECORD_PARTS_MAX];
	size_t from = out->len;

	record_body_lay(out, leaf, keys, secret, record, len, parts, part_count, seals);
	for (size_t i = 0; i <= part_count; i++)
		seal_run(&seals[i], (uint8_t *)out->data + from, leaf, LEAF_SIZE);
	cleanse(seals, sizeof(seals));
}

static bool leaf_shaped(const char *leaf)
{
	return memcmp(leaf, LEAF_MAGIC, sizeof(LEAF_MAGIC) - 1) == 0 &&
		leaf[LEAF_SIZE - BASE64_LINE - 1] == '\n' && leaf[LEAF_SIZE - 1] == '\n';
}

int record_body_read(const void *body, size_t len, struct record_body *ret)
{
	struct reader r = reader_init(body, len);
	struct slice leaf = reader_take(&r, LEAF_SIZE);
	size_t count = reader_u8(&r);

	if (r.bad || !leaf_shaped((const char *)leaf.data) || count < 1 ||
		count > ARRAY_LEN(ret->blobs))
		return -EBADMSG;
	ret->leaf = (const char *)leaf.data;
	ret->blob_count = count;
	for (size_t i = 0; i < count; i++)
		if (blob_read(&r, &ret->blobs[i]) < 0)
			return -EBADMSG;
	return reader_left(&r) > 0 ? -EBADMSG : 0;
}

int record_body_open(const struct record_body *body, size_t i, const struct case_keys *keys,
	uint8_t salt[SALT_SIZE], struct buf *content)
{
	CLEANUP(buf_clear) struct buf plain = { 0 };
	int r;

	if (i >= body->blob_count)
		return -EBADMSG;
	r = blob_open(&body->blobs[i], keys, body->leaf, LEAF_SIZE, &plain);
	if (r < 0)
		return r;
	if (plain.len < SALT_SIZE)
		return -EBADMSG;
	memcpy(salt, plain.data, SALT_SIZE);
	buf_add(content, plain.data + SALT_SIZE, plain.len - SALT_SIZE);
	cleanse(plain.data, plain.len);
	return 0;
}
