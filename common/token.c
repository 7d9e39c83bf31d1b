#include "common/token.h"

#include <string.h>

#include "common/buf.h"
#include "common/hash.h"
#include "common/json.h"
#include "common/utc.h"

#define FORMAT 1
#define FORMAT_UUID 2 /* a link whose invoice has a UUID for an id: its 16 bytes, for a text message */
#define UUID_LEN 36
#define HEAD 9 /* bytes before the invoice's id */
#define MAC 16
#define NO_CHANNEL 255
#define FORM_HEAD 17 /* format, minute, nonce */
#define SKEW_MINUTES 5
#define ANYWHERE_MS (12 * HOUR_MS) /* a day ends last at UTC-12 */

static void mac_of(const struct token_keys *keys, int number, const struct slice *parts, size_t count, uint8_t ret[SHA256_SIZE])
{
	const uint8_t n = (uint8_t)number;
	const struct slice name[] = { { (const uint8_t *)"dunningd page key\n", 18 }, { &n, 1 } };
	uint8_t key[SHA256_SIZE];

	hmac_sha256_slices(keys->install_key, 32, name, ARRAY_LEN(name), key);
	hmac_sha256_slices(key, sizeof(key), parts, count, ret);
	cleanse(key, sizeof(key));
}

static void link_mac(const struct token_keys *keys, int number, const void *data, size_t len, uint8_t ret[SHA256_SIZE])
{
	const struct slice parts[] = { { (const uint8_t *)"dunningd page link\n", 19 }, { data, len } };

	mac_of(keys, number, parts, ARRAY_LEN(parts), ret);
}

static struct slice text_slice(const char *text)
{
	return (struct slice){ (const uint8_t *)text, strlen(text) };
}

static void form_mac(const struct token_keys *keys, int number, const char *link_text, const char *action, const uint8_t head[FORM_HEAD],
	uint8_t ret[SHA256_SIZE])
{
	const struct slice parts[] = { text_slice("dunningd page form\n"), text_slice(link_text), text_slice("\n"), text_slice(action),
		text_slice("\n"), { head, FORM_HEAD } };

	mac_of(keys, number, parts, ARRAY_LEN(parts), ret);
}

/* One text alone stands for some bytes: what decodes to them otherwise is refused. */
static bool decode(const char *text, size_t max, struct buf *ret)
{
	CLEANUP(buf_clear) struct buf plain = { 0 };
	CLEANUP(buf_clear) struct buf again = { 0 };
	size_t len = strlen(text);

	if (!len || len > max)
		return false;
	for (size_t i = 0; i < len; i++)
		buf_add_char(&plain, text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i]);
	while (plain.len % 4)
		buf_add_char(&plain, '=');
	if (base64_decode(plain.data, plain.len, ret) < 0)
		return false;
	base64url_add(&again, ret->data, ret->len);
	return again.len == len && memcmp(again.data, text, len) == 0;
}

/* "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" in small letters, as it is written again. */
static const char *uuid_text(const uint8_t bytes[16], struct arena *arena)
{
	char hex[33];

	hex_format(bytes, 16, hex);
	return arena_printf(arena, "%.8s-%.4s-%.4s-%.4s-%s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static bool uuid_bytes(const char *id, uint8_t ret[16], struct arena *arena)
{
	char hex[33], *to = hex;

	if (strlen(id) != UUID_LEN)
		return false;
	for (size_t i = 0; i < UUID_LEN; i++)
		if (i != 8 && i != 13 && i != 18 && i != 23)
			*to++ = id[i];
	*to = '\0';
	return hex_parse(hex, 16, ret) == 0 && strcmp(uuid_text(ret, arena), id) == 0;
}

void page_link_language(const char *tag, char ret[3])
{
	memset(ret, 0, 3);
	if (tag && strcspn(tag, "-_") == 2 && tag[0] >= 'a' && tag[0] <= 'z' && tag[1] >= 'a' && tag[1] <= 'z')
		memcpy(ret, tag, 2);
}

const char *page_link_write(const struct token_keys *keys, const struct page_link *link, struct arena *arena)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	CLEANUP(buf_clear) struct buf text = { 0 };
	uint8_t mac[SHA256_SIZE], uuid[16];
	bool short_id = uuid_bytes(link->invoice_id, uuid, arena);

	buf_add_char(&bytes, short_id ? FORMAT_UUID : FORMAT);
	buf_add_char(&bytes, (char)keys->newest);
	buf_add_char(&bytes, (char)(link->channel < CHANNEL_COUNT ? (int)link->channel : NO_CHANNEL));
	buf_add_u16be(&bytes, (uint16_t)link->partition);
	buf_add_u16be(&bytes, (uint16_t)link->last_on.days);
	buf_add(&bytes, link->language, 2);
	if (short_id)
		buf_add(&bytes, uuid, sizeof(uuid));
	else
		buf_add_str(&bytes, link->invoice_id);
	link_mac(keys, keys->newest, bytes.data, bytes.len, mac);
	buf_add(&bytes, mac, MAC);
	base64url_add(&text, bytes.data, bytes.len);
	return arena_strdup(arena, buf_str(&text));
}

bool page_link_read(const struct token_keys *keys, const char *text, int64_t now, struct arena *arena, struct page_link *ret)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	const uint8_t *at;
	uint8_t mac[SHA256_SIZE];
	size_t len;

	if (!decode(text, LINK_TEXT_MAX, &bytes) || bytes.len <= HEAD + MAC)
		return false;
	at = (const uint8_t *)bytes.data;
	len = bytes.len - MAC;
	if ((at[0] != FORMAT && (at[0] != FORMAT_UUID || len != HEAD + 16)) || at[1] < keys->oldest || at[1] > keys->newest)
		return false;
	link_mac(keys, at[1], at, len, mac);
	if (!equal_secret(mac, at + len, MAC))
		return false;
	*ret = (struct page_link){ .key = at[1], .channel = at[2] < CHANNEL_COUNT ? (enum channel)at[2] : CHANNEL_COUNT,
		.partition = read_u16be(at + 3), .last_on = { read_u16be(at + 5) },
		.invoice_id = at[0] == FORMAT ? arena_memdup(arena, at + HEAD, len - HEAD) : uuid_text(at + HEAD, arena) };
	memcpy(ret->language, at + 7, 2);
	return (at[0] == FORMAT_UUID || strlen(ret->invoice_id) == len - HEAD) && id_valid(ret->invoice_id) &&
		now < ((int64_t)ret->last_on.days + 1) * DAY_MS + ANYWHERE_MS;
}

const char *page_link_id(const char *text, char ret[LINK_ID_SIZE])
{
	uint8_t digest[SHA256_SIZE];

	sha256(text, strlen(text), digest);
	return hex_format(digest, (LINK_ID_SIZE - 1) / 2, ret);
}

const char *form_token_write(const struct token_keys *keys, const struct page_link *link, const char *link_text, const char *action,
	int64_t now, const uint8_t nonce[12], struct arena *arena)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	CLEANUP(buf_clear) struct buf text = { 0 };
	uint8_t mac[SHA256_SIZE];

	buf_add_char(&bytes, FORMAT);
	buf_add_u32be(&bytes, (uint32_t)(now / MINUTE_MS));
	buf_add(&bytes, nonce, 12);
	form_mac(keys, link->key, link_text, action, (const uint8_t *)bytes.data, mac);
	buf_add(&bytes, mac, MAC);
	base64url_add(&text, bytes.data, bytes.len);
	return arena_strdup(arena, buf_str(&text));
}

bool form_token_read(const struct token_keys *keys, const struct page_link *link, const char *link_text, const char *action, int64_t now,
	const char *text, char id[TOKEN_ID_SIZE])
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	const uint8_t *at;
	uint8_t mac[SHA256_SIZE];
	int64_t minute;

	if (!decode(text, 64, &bytes) || bytes.len != FORM_HEAD + MAC)
		return false;
	at = (const uint8_t *)bytes.data;
	form_mac(keys, link->key, link_text, action, at, mac);
	if (at[0] != FORMAT || !equal_secret(mac, at + FORM_HEAD, MAC))
		return false;
	minute = read_u32be(at + 1);
	hex_format(at + 5, 12, id);
	return minute <= now / MINUTE_MS + SKEW_MINUTES && now / MINUTE_MS - minute <= FORM_HOURS * 60;
}
