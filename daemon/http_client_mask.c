/* What a provider says back of our secrets is not recorded: its answers are evidence, and leave the house. */
#include <string.h>

#include "common/hash.h"
#include "daemon/http_client_internal.h"

#define SECRET_MIN 6 /* bytes; what is shorter stands in any text */

struct mask {
	const struct http_client_settings *settings;
	char *bytes;
	size_t len;
};

static void cover(const struct mask *mask, const char *secret, size_t len)
{
	char *at = mask->bytes;

	if (len < SECRET_MIN)
		return;
	while ((at = memmem(at, mask->len - (size_t)(at - mask->bytes), secret, len))) {
		memset(at, '*', len);
		at += len;
	}
}

/* As it stands in a form or an address, with hex digits of either case. */
static void cover_escaped(const struct mask *mask, const char *secret)
{
	for (int lower = 0; lower < 2; lower++) {
		CLEANUP(buf_clear) struct buf text = { 0 };

		for (const unsigned char *p = (const unsigned char *)secret; *p; p++) {
			bool plain = (*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z') || strchr("-._~", *p);

			if (plain)
				buf_add_char(&text, (char)*p);
			else
				buf_printf(&text, lower ? "%%%02x" : "%%%02X", *p);
		}
		cover(mask, buf_str(&text), text.len);
	}
}

/* As it stands in JSON, where some escape the slash too. */
static void cover_json(const struct mask *mask, const char *secret)
{
	for (int slash = 0; slash < 2; slash++) {
		CLEANUP(buf_clear) struct buf text = { 0 };

		for (const char *p = secret; *p; p++) {
			if (*p == '"' || *p == '\\' || (slash && *p == '/'))
				buf_add_char(&text, '\\');
			buf_add_char(&text, *p);
		}
		cover(mask, buf_str(&text), text.len);
	}
}

/* In base64, behind whatever stands before it: of the three ways to fall between its digits, those digits that are the secret's alone. */
static void cover_base64(const struct mask *mask, const char *secret)
{
	size_t len = strlen(secret);

	for (size_t before = 0; before < 3; before++) {
		CLEANUP(buf_clear) struct buf plain = { 0 }, text = { 0 };
		size_t first = (before * 8 + 5) / 6, end = (before + len) * 8 / 6;

		buf_add(&plain, "xx", before);
		buf_add(&plain, secret, len);
		base64_add(&text, plain.data, plain.len);
		if (end > first)
			cover(mask, text.data + first, end - first);
	}
}

static void cover_all(const struct mask *mask, const char *secret)
{
	if (!secret)
		return;
	cover(mask, secret, strlen(secret));
	cover_escaped(mask, secret);
	cover_json(mask, secret);
	cover_base64(mask, secret);
}

static int on_secret(const char *credential, void *arg)
{
	const struct mask *mask = arg;

	cover_all(mask, mask->settings->secret ? mask->settings->secret(credential, mask->settings->secret_arg) : NULL);
	return 0;
}

void request_mask(struct request *request)
{
	struct outcome *outcome = &request->outcome;
	struct mask mask = { .settings = &request->client->settings, .len = outcome->raw_len };

	if (!outcome->raw_len || !request->provider || !request->adapter)
		return;
	mask.bytes = arena_memdup(request->arena, outcome->raw, outcome->raw_len);
	cover_all(&mask, request->provider->token);
	cover_all(&mask, request->token);
	(void)adapter_each_secret(request->adapter, request->provider->settings, on_secret, &mask);
	outcome->raw = mask.bytes;
}
