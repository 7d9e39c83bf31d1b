/*
 * Input: a provider file up to a NUL, then texts of a message, each up to a NUL: name, address, subject, text, debtor, a setting. A
 * request that is built goes to https or to this machine, has no control characters in its headers, and a JSON body that can be read.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/adapter_internal.h"

static const char *next_text(struct arena *arena, const uint8_t **data, size_t *size, const char *otherwise)
{
	const uint8_t *nul = *size ? memchr(*data, 0, *size) : NULL;
	size_t len = nul ? (size_t)(nul - *data) : *size;
	const char *text = len ? arena_memdup(arena, *data, len) : otherwise;

	*data += nul ? len + 1 : len;
	*size -= nul ? len + 1 : len;
	return text;
}

static const char *secret_of(const char *credential, void *arg)
{
	(void)arg;
	return credential[0] == '-' ? NULL : "s3cret\"value";
}

static void check_request(const struct http_request *request, struct arena *arena)
{
	bool json = false;

	assert(request->method[0] && request->timeout_ms >= 1000);
	assert(!strncmp(request->url, "https://", 8) || !strncmp(request->url, "http://127.", 11) ||
		!strncasecmp(request->url, "http://localhost", 16) || !strncmp(request->url, "http://[::1]", 12));
	for (const char *p = request->url; *p; p++)
		assert(*p > ' ' && *p <= '~');
	for (size_t i = 0; i < request->header_count; i++) {
		assert(token_valid(request->headers[i].name));
		for (const unsigned char *p = (const unsigned char *)request->headers[i].value; *p; p++)
			assert(*p >= 0x20 && *p != 0x7f);
		json |= !strcmp(request->headers[i].name, "Content-Type") && !strcmp(request->headers[i].value, "application/json");
	}
	if (json && request->body_len) {
		struct json body;
		struct err err = { 0 };

		/* A $map over its own names may name one twice: the file's fault, not a value's. */
		if (json_parse(arena, request->body, request->body_len, JSON_FRACTIONS, &body, &err) < 0)
			assert(!strcmp(err.code, "duplicate_key"));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const invoices[] = { "INV-1", "INV/2?" };
	static const struct attachment files[] = { { "a\xc3\xa9.pdf", "application/pdf", "%PDF\0\r\n--", 9 } };
	static const struct adapter_bound bound[] = { { "up.url", "https://x.example/\"?&" }, { "up.id", "7" } };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = NULL;
	struct message message = { .attempt_id = "01JX9000000000000000000000", .provider = "x", .locale = "fr", .step = "s",
		.policy = "p", .invoice_ids = invoices, .invoice_count = 2, .registered = true,
		.to_postal = { .line1 = "1 rue <X>", .postcode = "75001", .city = "Paris", .country = "FR" } };
	struct provider_settings settings = { .name = "x" };
	struct adapter_input input = { .settings = &settings, .secret = secret_of, .message = &message, .now = 1775030400000,
		.sent_at = 1775030300000, .bound = bound, .bound_count = 2 };
	const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
	size_t file_len = nul ? (size_t)(nul - data) : size;
	struct adapter_lookup *lookup;
	struct http_request request;
	struct err err = { 0 };
	const char **pairs, *setting;

	if (adapter_parse((const char *)data, file_len, &adapter, &err) < 0) {
		assert(!adapter && err.code[0] && err.path[0] == '$' && err.text[0]);
		return 0;
	}
	data += nul ? file_len + 1 : file_len;
	size -= nul ? file_len + 1 : file_len;
	message.to.name = next_text(arena, &data, &size, "\"N\" <x>");
	message.to.email = next_text(arena, &data, &size, "a@b.example");
	message.subject = next_text(arena, &data, &size, "S&=?#/..");
	message.text = next_text(arena, &data, &size, "T\n{\"a\"}");
	message.debtor_id = next_text(arena, &data, &size, "..");
	setting = next_text(arena, &data, &size, "https://x.example");
	message.to.phone = message.from.phone = "+33100000000";
	message.from.email = "c@d.example";
	pairs = arena_alloc(arena, (2 * adapter->setting_count + 1) * sizeof(*pairs));
	for (size_t i = 0; i < adapter->setting_count; i++) {
		pairs[2 * i] = adapter->settings[i].name;
		pairs[2 * i + 1] = adapter->settings[i].secret ? "credential" : setting;
	}
	settings.settings = pairs;
	(void)adapter_check_settings(adapter, &settings, NULL);
	if (adapter_takes_files(adapter)) {
		message.attachments = files;
		message.attachment_count = 1;
	}
	for (int c = 0; c < CHANNEL_COUNT; c++) {
		for (int masked = 0; masked < 2; masked++) {
			message.channel = (enum channel)c;
			input.secret = masked ? NULL : secret_of;
			input.token = c & 1 ? "T\"0&" : NULL;
			err_clear(&err);
			if (adapter_has_token(adapter) && adapter_token_request(adapter, &input, arena, &request, NULL) == 0)
				check_request(&request, arena);
			for (size_t i = 0; i < adapter_step_count(adapter); i++)
				if (adapter_step_request(adapter, i, &input, arena, &request, NULL) == 0)
					check_request(&request, arena);
			if (adapter_request(adapter, &input, arena, &request, &err) < 0)
				assert(err.code[0] && err.text[0]);
			else
				check_request(&request, arena);
			if (adapter_lookup_request(adapter, &input, arena, &request, &lookup, NULL) == 0)
				check_request(&request, arena);
		}
	}
	return 0;
}
