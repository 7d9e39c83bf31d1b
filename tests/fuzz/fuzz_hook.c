/*
 * Input: a byte that says which webhook is meant, then texts, each up to a NUL: for 0 a provider file, then for all the address, a header's
 * name and value, another's, and the body. Nobody who lacks the key is believed, and what is read keeps to its bounds. The body is also the
 * list that each poll of the file is answered with.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/adapter_poll.h"
#include "common/buf.h"
#include "common/file.h"

static const char *next_text(struct arena *arena, const uint8_t **data, size_t *size)
{
	const uint8_t *nul = *size ? memchr(*data, 0, *size) : NULL;
	size_t len = nul ? (size_t)(nul - *data) : *size;
	const char *text = arena_memdup(arena, *data, len);

	*data += nul ? len + 1 : len;
	*size -= nul ? len + 1 : len;
	return text;
}

static const char *secret_of(const char *credential, void *arg)
{
	(void)credential, (void)arg;
	return "a secret that no input can sign with";
}

static struct adapter *shipped(const char *name)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct adapter *adapter = NULL;
	char path[200];

	snprintf(path, sizeof(path), "%s/daemon/share/providers/%s.json", SOURCE_DIR, name);
	if (file_read(path, ADAPTER_FILE_MAX, &text, NULL) < 0 || adapter_parse(buf_str(&text), text.len, &adapter, NULL) < 0)
		abort();
	return adapter;
}

struct trial {
	const struct hook_request *request;
	struct arena *arena;
};

static int try_hook(const char *path, const struct hook *hook, void *arg)
{
	static const char *const settings[] = { "auth_token", "credential", "webhook_key",
		"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE613L6k6s9t/BIBemRoP2HffuUCABww1AljHIkITzyz5wu09mY+7xWVTKyJpQOo7cW5rAczTSvrn/0aWZbxiDAQ==",
		NULL };
	const struct trial *trial = arg;
	struct provider_settings given = { .name = "x", .settings = settings };
	struct adapter_input input = { .settings = &given, .secret = secret_of, .now = trial->request->now };
	struct hook_event *events = NULL;
	struct hook_proof proof;
	struct err err = { 0 };
	size_t count = 0;
	int r = hook_verify(hook, &input, trial->request, trial->arena, &proof, &err);

	assert(strlen(path) <= 32);
	assert(r == 0 || r == -EACCES || r == -EBADMSG || r == -ENOENT);
	assert(r == 0 || err.code[0]);
	if (r == 0 && proof.once)
		assert(strlen(proof.once) == HOOK_ID_SIZE - 1);
	err_clear(&err);
	r = hook_read(hook, trial->request, trial->arena, &events, &count, &err);
	assert(r == 0 || (r == -EBADMSG && err.code[0]));
	assert(count <= HOOK_EVENTS_MAX);
	for (size_t i = 0; r == 0 && i < count; i++) {
		const struct hook_event *e = &events[i];

		assert(e->word < HOOK_WORD_COUNT && e->said && e->at >= 0 && strlen(e->id) == HOOK_ID_SIZE - 1);
		assert(!e->attempt_id || strlen(e->attempt_id) == ATTEMPT_ID_SIZE - 1);
		assert(!e->message_id || strlen(e->message_id) <= 200);
		assert(!e->text || strlen(e->text) <= 16000);
		assert(e->unread || (e->raw_len && e->raw[0] == '{'));
		assert(!e->files || e->files[0] == '[');
	}
	return 0;
}

static void try_polls(const struct adapter *adapter, const struct trial *trial)
{
	const struct http_answer answer = { .status = 200, .head = "", .body = trial->request->body, .body_len = trial->request->body_len };
	const struct poll_position position = { .has_cursor = true, .cursor = 7 };

	for (size_t i = 0; i < adapter_poll_count(adapter); i++) {
		const struct poll *poll = adapter_poll(adapter, i);
		struct poll_item *items = NULL;
		struct err err = { 0 };
		const char *page = NULL;
		size_t count = 0;
		int r = poll_read_list(poll, &answer, &position, trial->arena, &items, &count, &page, &err);

		assert(r == 0 || (r == -EBADMSG && err.code[0]));
		for (size_t k = 0; r == 0 && k < count; k++) {
			assert(poll_by_item(poll) ? items[k].id && *items[k].id : items[k].json && items[k].json[0] == '{');
			assert(!k || !items[k].has_cursor || items[k - 1].cursor <= items[k].cursor);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "sendgrid", "twilio-sms", "merci-facteur", "mailgun", "plivo", "ovh", "postmark" };
	static struct adapter *ours[ARRAY_LEN(names)];
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = NULL;
	struct hook_request request = { .path_secret = "", .now = 1767225610000 };
	struct http_header headers[2];
	struct trial trial = { &request, arena };
	struct err err = { 0 };
	uint8_t which;

	if (!size)
		return 0;
	if (!ours[0]) {
		for (size_t i = 0; i < ARRAY_LEN(names); i++)
			ours[i] = shipped(names[i]);
	}
	which = *data++ % (ARRAY_LEN(names) + 1);
	size--;
	if (which == 0) {
		const char *file = next_text(arena, &data, &size);

		if (adapter_parse(file, strlen(file), &adapter, &err) < 0) {
			assert(err.code[0] && err.text[0]);
			return 0;
		}
	} else {
		adapter = adapter_ref(ours[which - 1]);
	}
	request.url = next_text(arena, &data, &size);
	for (size_t i = 0; i < 2; i++) {
		headers[i].name = next_text(arena, &data, &size);
		headers[i].value = next_text(arena, &data, &size);
	}
	request.headers = headers;
	request.header_count = 2;
	request.body = arena_memdup(arena, data, size);
	request.body_len = size;
	try_polls(adapter, &trial);
	return adapter_each_hook(adapter, try_hook, &trial);
}
