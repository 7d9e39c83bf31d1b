#include "common/unsubscribe.h"

#include <assert.h>
#include <string.h>

#include "common/buf.h"
#include "common/hash.h"

#define MAC_BYTES 16
#define LINE_BYTES 800 /* a line of a mail has 998 at most, and ends behind some words of ours */
#define ONE_CLICK "List-Unsubscribe=One-Click"

static void token_mac(const uint8_t install_key[32], const char *attempt_id, char ret[2 * MAC_BYTES + 1])
{
	static const char label[] = "dunningd unsubscribe 1";
	const struct slice parts[] = { { (const uint8_t *)label, sizeof(label) }, { (const uint8_t *)attempt_id, strlen(attempt_id) } };
	uint8_t mac[SHA256_SIZE];

	hmac_sha256_slices(install_key, 32, parts, ARRAY_LEN(parts), mac);
	(void)hex_format(mac, MAC_BYTES, ret);
}

void unsubscribe_token(const uint8_t install_key[32], const char *attempt_id, char ret[UNSUBSCRIBE_TOKEN_SIZE])
{
	size_t len = strlen(attempt_id);

	assert(len == ATTEMPT_ID_SIZE - 1);
	memcpy(ret, attempt_id, len);
	ret[len] = '-';
	token_mac(install_key, attempt_id, ret + len + 1);
}

bool unsubscribe_check(const uint8_t install_key[32], const char *token, char attempt_id[ATTEMPT_ID_SIZE])
{
	char right[UNSUBSCRIBE_TOKEN_SIZE];

	if (strlen(token) != UNSUBSCRIBE_TOKEN_SIZE - 1 || token[ATTEMPT_ID_SIZE - 1] != '-')
		return false;
	memcpy(attempt_id, token, ATTEMPT_ID_SIZE - 1);
	attempt_id[ATTEMPT_ID_SIZE - 1] = '\0';
	unsubscribe_token(install_key, attempt_id, right);
	return equal_secret(token, right, UNSUBSCRIBE_TOKEN_SIZE - 1);
}

/* RFC 6068: what is no letter, digit or one of a few signs stands as %XX. */
static void add_mailto(struct buf *out, const char *address)
{
	static const char as_is[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$'*+@";

	buf_add_str(out, "<mailto:");
	for (const char *p = address; *p; p++) {
		if (strchr(as_is, *p))
			buf_add_char(out, *p);
		else
			buf_printf(out, "%%%02X", (unsigned char)*p);
	}
	buf_add_str(out, "?subject=STOP&body=STOP>"); /* some programs fill in the one, some the other: both are read */
}

void unsubscribe_offer(const struct config *config, const uint8_t install_key[32], const char *page, struct message *message, struct arena *arena)
{
	const char *answers = message->from.reply_to ? message->from.reply_to : message->from.email;
	CLEANUP(buf_clear) struct buf value = { 0 };
	char token[UNSUBSCRIBE_TOKEN_SIZE];

	if (!config->list_unsubscribe || message->channel != CHANNEL_EMAIL)
		return;
	if (config->hooks_listen) {
		unsubscribe_token(install_key, message->attempt_id, token);
		buf_printf(&value, "<%s" UNSUBSCRIBE_PATH "%s>", config->hooks_public_url, token);
	} else if (page && strlen(page) < LINE_BYTES) {
		buf_printf(&value, "<%s" UNSUBSCRIBE_PAGE ">", page);
	}
	if (value.len)
		message->list_unsubscribe_post = ONE_CLICK;
	if (answers && value.len + 3 * strlen(answers) < LINE_BYTES) {
		buf_add_str(&value, value.len ? ", " : "");
		add_mailto(&value, answers);
	}
	if (value.len)
		message->list_unsubscribe = arena_memdup(arena, value.data, value.len);
}

/* A part of multipart/form-data: its name in the head, its value behind the empty line. */
static bool in_multipart(const char *body, size_t len)
{
	static const char name[] = "name=\"List-Unsubscribe\"", value[] = "\r\n\r\nOne-Click\r\n";
	const char *at = memmem(body, len, name, strlen(name));
	const char *end = at ? memmem(at, len - (size_t)(at - body), "\r\n\r\n", 4) : NULL;

	return end && (size_t)(body + len - end) >= strlen(value) && memcmp(end, value, strlen(value)) == 0;
}

bool unsubscribe_asked(const char *body, size_t len)
{
	for (const char *at = body, *end = body + len; at < end;) {
		size_t n = (size_t)(end - at);
		const char *stop = memchr(at, '&', n);

		n = stop ? (size_t)(stop - at) : n;
		if (n == strlen(ONE_CLICK) && memcmp(at, ONE_CLICK, n) == 0)
			return true;
		at += n + 1;
	}
	return in_multipart(body, len);
}
