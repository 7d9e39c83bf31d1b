/*
 * Input: one byte chooses the provider, two are the status, then the head up to a NUL, then the body. Whatever a provider answers,
 * only a 2xx with an id (or a rule that says so) is accepted, ids are printable, and waits are of sane length.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/adapter.h"
#include "common/utc.h"

#define SEND "\"send\":{\"method\":\"POST\",\"url\":\"https://x.example\",\"auth\":{\"kind\":\"none\"}}"
#define HEAD "{\"adapter\":1,\"name\":\"x\",\"channel\":\"email\"," SEND ",\"response\":"
#define LOOKUP_ "\"lookup\":{\"request\":{\"method\":\"GET\",\"url\":\"https://x.example\"},"
#define LOOKUP "\"lookup\":{\"request\":{\"method\":\"GET\",\"url\":\"https://x.example\"},\"match\":{\"/ref\":\"{dispatch.id}\"},\"id\":\"/id\","

/* What comes before leaves no doubt, and what it gives breaks no header. */
static void read_before(const struct adapter *adapter, const struct http_answer *answer, struct arena *arena)
{
	struct adapter_bound bound[ADAPTER_BINDS_MAX];
	struct outcome failed = { 0 };
	const char *token;
	int64_t until;
	size_t count = 0;

	if (!adapter_has_token(adapter))
		return;
	if (adapter_token_answer(adapter, answer, 1775030400000, arena, &token, &until, &failed) == 0)
		assert(*token && until > 1775030400000 && !strpbrk(token, "\r\n"));
	else
		assert(failed.reason && failed.kind != OUTCOME_IN_DOUBT && failed.kind != OUTCOME_ACCEPTED && !failed.raw);
	if (adapter_step_answer(adapter, 0, answer, 1775030400000, arena, bound, &count, &failed) < 0)
		assert(failed.reason && failed.kind != OUTCOME_IN_DOUBT && failed.kind != OUTCOME_ACCEPTED);
	for (size_t i = 0; i < count; i++)
		assert(bound[i].value && !strpbrk(bound[i].value, "\r\n"));
}

static const char *const files[] = {
	HEAD "{\"id\":\"/id\"}," LOOKUP "\"each\":\"/items\",\"since\":\"/at\",\"more\":\"/next\"}}",
	HEAD "{\"id\":{\"header\":\"X-Id\",\"transform\":\"strip_angle\"},\"rules\":[{\"status\":429,\"outcome\":\"throttled\",\"retry_after\":"
		"{\"pointer\":\"/a/0/wait\"}},{\"status\":\"5xx\",\"outcome\":\"temporary\",\"retry_after\":{\"header\":\"X-Reset\",\"unit\":\"epoch\"}}]},"
		LOOKUP "\"not_found_status\":404}}",
	HEAD "{\"id\":{\"pointer\":\"/a~1b/0\",\"transform\":\"before:.\"},\"rules\":[{\"status\":200,\"json\":{\"/code\":{\"not\":[0,\"ok\",true]}},"
		"\"outcome\":\"refused\"},{\"header\":{\"X-Kind\":[\"a\",7]},\"outcome\":\"throttled\",\"retry_after\":{\"header\":\"X-Reset\",\"unit\":\"ms\"}},"
		"{\"status\":[429,\"3xx\"],\"require\":[\"/x\"],\"outcome\":\"quota\",\"retry_after\":{\"pointer\":\"/at\",\"unit\":\"epoch_ms\"}}]}}",
	HEAD "{\"id\":\"/m/0/id\",\"rules\":[{\"status\":200,\"json\":{\"/m/*/s\":{\"all\":[\"0\",0]}},\"outcome\":\"accepted\"},{\"json\":{\"/m/*/s\":{\"like\":"
		"[\"*a*b*\",\"c*\"]}},\"outcome\":\"stopped\"},{\"status\":\"4xx\",\"body\":{\"like\":\"*no*credit*\"},\"outcome\":\"quota\"}]},"
		LOOKUP_ "\"match\":\"request\",\"id\":\"\",\"since\":\"/t\"},\"token\":{\"request\":{\"method\":\"GET\",\"url\":\"https://x.example\",\"auth\":"
		"{\"kind\":\"none\"}},\"value\":\"/t\",\"expires_at\":\"/e\"},\"steps\":[{\"name\":\"a\",\"request\":{\"method\":\"PUT\",\"url\":\"https://x.example\","
		"\"auth\":{\"kind\":\"none\"}},\"bind\":{\"x\":\"/m/0\",\"y\":{\"header\":\"X-Y\"}}}]}",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = NULL;
	struct message message = { .attempt_id = "01JX9000000000000000000000", .to = { .email = "a@b.example" },
		.from = { .email = "c@d.example" }, .subject = "s", .text = "t" };
	const struct adapter_input input = { .message = &message, .now = 1775030400000, .sent_at = 1775030300000 };
	struct http_answer answer = { 0 };
	struct adapter_lookup *lookup;
	struct http_request request;
	struct outcome outcome;
	const uint8_t *nul;
	const char *file, *id = NULL;
	int64_t at;

	if (size < 3)
		return 0;
	file = files[data[0] % ARRAY_LEN(files)];
	answer.truncated = data[0] & 0x80;
	answer.status = data[1] << 8 | data[2];
	if (answer.status >= 1000)
		answer.status %= 1000;
	data += 3;
	size -= 3;
	nul = size ? memchr(data, 0, size) : NULL;
	answer.head_len = nul ? (size_t)(nul - data) : size;
	answer.body_len = nul ? size - answer.head_len - 1 : 0;
	answer.head = answer.head_len ? (const char *)data : NULL;
	answer.body = answer.body_len ? (const char *)nul + 1 : NULL;

	if (adapter_parse(file, strlen(file), &adapter, NULL) < 0)
		abort();
	read_before(adapter, &answer, arena);
	adapter_answer(adapter, &answer, input.now, arena, &outcome);
	assert(outcome.reason && outcome.kind < OUTCOME_COUNT && outcome.scope < SCOPE_COUNT);
	assert(outcome.raw_len == answer.head_len + 2 + answer.body_len);
	assert(outcome.retry_after_ms >= 0 && outcome.retry_after_ms <= 400 * DAY_MS);
	assert((outcome.kind == OUTCOME_ACCEPTED) == (outcome.provider_id != NULL));
	if (outcome.kind == OUTCOME_ACCEPTED) {
		assert(answer.status >= 200 && answer.status <= 299 && strlen(outcome.provider_id) <= 200);
		for (const char *p = outcome.provider_id; *p; p++)
			assert(*p > ' ' && *p <= '~');
	}
	if (adapter_lookup_request(adapter, &input, arena, &request, &lookup, NULL) == 0) {
		int r = adapter_lookup_answer(lookup, &answer, arena, &id);

		assert((r == 1) == (id != NULL) && r <= 1);
	}
	if (http_date_parse(arena_memdup(arena, answer.head ? answer.head : "", answer.head_len), &at) == 0)
		assert(at > -DAY_MS * 5);
	return 0;
}
