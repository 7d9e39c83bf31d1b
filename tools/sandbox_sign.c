/*
 * What each provider signs, and how. Sources: Twilio, github.com/twilio/twilio-node, src/webhooks/webhooks.ts (getExpectedTwilioSignature);
 * SendGrid, github.com/sendgrid/sendgrid-nodejs, packages/eventwebhook; Resend signs as Svix does: github.com/svix/svix-webhooks,
 * javascript/src/webhook.ts. The tests hold all three to these very libraries.
 */
#include "tools/sandbox_webhook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"

static const char *base64_of(const void *data, size_t len, struct arena *arena)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	base64_add(&text, data, len);
	return arena_strdup(arena, buf_str(&text));
}

struct field {
	const char *name, *value;
};

static int compare_fields(const void *a, const void *b)
{
	return strcmp(((const struct field *)a)->name, ((const struct field *)b)->name);
}

/* The public address, then each field's name and value in the order of names. */
static const char *twilio(const struct sandbox_keys *keys, const struct sandbox_webhook *webhook, const char *public_url, struct arena *arena)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct field fields[16];
	uint8_t mac[HASH_SIZE_MAX];
	size_t count = 0, size;

	for (; webhook->fields[2 * count] && count < ARRAY_LEN(fields); count++)
		fields[count] = (struct field){ webhook->fields[2 * count], webhook->fields[2 * count + 1] };
	qsort(fields, count, sizeof(*fields), compare_fields);
	buf_printf(&text, "%s%s", public_url, webhook->path);
	for (size_t i = 0; i < count; i++) {
		buf_add_str(&text, fields[i].name);
		buf_add_str(&text, fields[i].value);
	}
	size = hmac_any(HASH_SHA1, sandbox_keys_secret(keys), strlen(sandbox_keys_secret(keys)), text.data, text.len, mac);
	return base64_of(mac, size, arena);
}

static const char *sendgrid(const struct sandbox_keys *keys, const struct sandbox_webhook *webhook, const char *seconds, struct arena *arena)
{
	CLEANUP(buf_clear) struct buf text = { 0 }, der = { 0 };

	buf_add_str(&text, seconds);
	buf_add(&text, webhook->body, webhook->body_len);
	sandbox_keys_sign(keys, text.data, text.len, &der);
	return base64_of(der.data, der.len, arena);
}

static const char *svix(const struct sandbox_keys *keys, const struct sandbox_webhook *webhook, const char *id, const char *seconds,
	struct arena *arena)
{
	CLEANUP(buf_clear) struct buf text = { 0 }, key = { 0 };
	uint8_t mac[SHA256_SIZE];

	(void)base64_decode(sandbox_keys_secret(keys), strlen(sandbox_keys_secret(keys)), &key);
	buf_printf(&text, "%s.%s.", id, seconds);
	buf_add(&text, webhook->body, webhook->body_len);
	hmac_sha256(key.data, key.len, text.data, text.len, mac);
	return arena_printf(arena, "v1,%s", base64_of(mac, sizeof(mac), arena));
}

/* Time, ".", body. */
static const char *own(const struct sandbox_keys *keys, const struct sandbox_webhook *webhook, const char *seconds, struct arena *arena)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	uint8_t mac[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	buf_printf(&text, "%s.", seconds);
	buf_add(&text, webhook->body, webhook->body_len);
	hmac_sha256(sandbox_keys_secret(keys), strlen(sandbox_keys_secret(keys)), text.data, text.len, mac);
	return arena_strdup(arena, hex_format(mac, sizeof(mac), hex));
}

const char *const *sandbox_sign(enum sandbox_scheme scheme, const struct sandbox_keys *keys, const struct sandbox_webhook *webhook,
	const char *public_url, const char *event, int64_t now, struct arena *arena)
{
	const char *seconds = arena_printf(arena, "%lld", (long long)(now / 1000)), **ret = arena_alloc(arena, 7 * sizeof(*ret));
	size_t n = 0;

	switch (scheme) {
	case SCHEME_TWILIO:
		ret[n++] = "X-Twilio-Signature";
		ret[n++] = twilio(keys, webhook, public_url, arena);
		break;
	case SCHEME_SENDGRID:
		ret[n++] = "X-Twilio-Email-Event-Webhook-Timestamp";
		ret[n++] = seconds;
		ret[n++] = "X-Twilio-Email-Event-Webhook-Signature";
		ret[n++] = sendgrid(keys, webhook, seconds, arena);
		break;
	case SCHEME_RESEND:
		ret[n++] = "svix-id";
		ret[n++] = arena_printf(arena, "msg_%s", event);
		ret[n++] = "svix-timestamp";
		ret[n++] = seconds;
		ret[n++] = "svix-signature";
		ret[n++] = svix(keys, webhook, ret[1], seconds, arena);
		break;
	default:
		ret[n++] = "Sandbox-Timestamp";
		ret[n++] = seconds;
		ret[n++] = "Sandbox-Signature";
		ret[n++] = own(keys, webhook, seconds, arena);
	}
	ret[n] = NULL;
	return ret;
}
