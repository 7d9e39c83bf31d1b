#include "common/session.h"

#include <string.h>

#include "common/hash.h"

#define MAC_SIZE 20
#define HEAD_SIZE 24 /* until when, ms UTC; nonce */

/* Of a purpose, which ends with a NUL as every text does, so that no two sets of texts look alike. */
static void sign(const uint8_t key[32], const char *const *texts, size_t count, const void *head, size_t len, uint8_t ret[MAC_SIZE])
{
	struct slice parts[6];
	uint8_t mac[SHA256_SIZE];

	for (size_t i = 0; i < count; i++)
		parts[i] = (struct slice){ (const uint8_t *)texts[i], strlen(texts[i]) + 1 };
	parts[count] = (struct slice){ head, len };
	hmac_sha256_slices(key, 32, parts, count + 1, mac);
	memcpy(ret, mac, MAC_SIZE);
}

static const char *text_of(const struct buf *bytes, struct arena *arena)
{
	CLEANUP(buf_clear) struct buf hex = { 0 };

	buf_reserve(&hex, 2 * bytes->len + 1);
	return arena_strdup(arena, hex_format((const uint8_t *)bytes->data, bytes->len, hex.data));
}

const char *session_write(const uint8_t key[32], uint32_t who, int64_t now, const uint8_t nonce[16], struct arena *arena)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	const char *const purpose[] = { "session" };
	uint8_t mac[MAC_SIZE];

	buf_add_u64be(&bytes, (uint64_t)(now + SESSION_MS));
	buf_add(&bytes, nonce, 16);
	buf_add_u32be(&bytes, who);
	sign(key, purpose, 1, bytes.data, bytes.len, mac);
	buf_add(&bytes, mac, MAC_SIZE);
	return text_of(&bytes, arena);
}

bool session_read(const uint8_t key[32], const char *text, int64_t now, uint32_t *who)
{
	uint8_t bytes[HEAD_SIZE + 4 + MAC_SIZE], mac[MAC_SIZE];
	const char *const purpose[] = { "session" };

	if (strlen(text) != 2 * sizeof(bytes) || hex_parse(text, sizeof(bytes), bytes) < 0)
		return false;
	sign(key, purpose, 1, bytes, HEAD_SIZE + 4, mac);
	if (!equal_secret(mac, bytes + HEAD_SIZE + 4, MAC_SIZE) || (int64_t)read_u64be(bytes) <= now)
		return false;
	*who = read_u32be(bytes + HEAD_SIZE);
	return true;
}

const char *pass_write(const uint8_t key[32], const char *who, const char *action, const char *target, int64_t now, const uint8_t nonce[16],
	struct arena *arena)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	const char *const texts[] = { "form", who, action, target };
	uint8_t mac[MAC_SIZE];

	buf_add_u64be(&bytes, (uint64_t)(now + PASS_MS));
	buf_add(&bytes, nonce, 16);
	sign(key, texts, ARRAY_LEN(texts), bytes.data, bytes.len, mac);
	buf_add(&bytes, mac, MAC_SIZE);
	return text_of(&bytes, arena);
}

bool pass_read(const uint8_t key[32], const char *who, const char *action, const char *target, int64_t now, const char *text, char id[PASS_ID_SIZE])
{
	const char *const texts[] = { "form", who, action, target };
	uint8_t bytes[HEAD_SIZE + MAC_SIZE], mac[MAC_SIZE];

	if (strlen(text) != 2 * sizeof(bytes) || hex_parse(text, sizeof(bytes), bytes) < 0)
		return false;
	sign(key, texts, ARRAY_LEN(texts), bytes, HEAD_SIZE, mac);
	if (!equal_secret(mac, bytes + HEAD_SIZE, MAC_SIZE) || (int64_t)read_u64be(bytes) <= now)
		return false;
	hex_format(bytes + 8, 16, id);
	return true;
}
