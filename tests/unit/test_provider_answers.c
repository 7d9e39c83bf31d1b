/*
 * What each shipped provider's answers mean: every provider with every kind of answer, outcome, scope, reason and id. What all have in
 * common is tried with each: a redirect is never followed, a 2xx without its id, with garbage or without end is in doubt, a 5xx too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/adapter.h"
#include "common/file.h"
#include "common/json.h"
#include "tests/support/provider_answers.h"
#include "tests/support/shipped.h"

static struct outcome read_answer(const char *provider, int status, const char *head, const char *body, bool truncated, struct arena *arena)
{
	CLEANUP(adapter_freep) struct adapter *adapter = shipped_load(provider);
	const char *whole = arena_printf(arena, "HTTP/1.1 %d X\r\n%s", status, head);
	const struct http_answer answer = { .status = status, .head = whole, .head_len = strlen(whole), .body = body, .body_len = strlen(body),
		.truncated = truncated };
	struct outcome outcome;

	adapter_answer(adapter, &answer, SHIPPED_NOW, arena, &outcome);
	outcome.reason = arena_strdup(arena, outcome.reason); /* the file's words end with the adapter */
	return outcome;
}

/* --- each provider's own answers -------------------------------------------------------------------------------------- */

static void means(void **state)
{
	(void)state;
	for (size_t i = 0; i < provider_answer_count; i++) {
		const struct provider_answer *row = &provider_answers[i];
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct outcome o = read_answer(row->provider, row->status, row->head, row->body, false, arena);

		if (o.kind != row->kind || o.scope != row->scope || strcmp(o.reason, row->reason) ||
			(row->retry_after_ms && o.retry_after_ms != row->retry_after_ms) || !o.provider_id != !row->id || (row->id && strcmp(o.provider_id, row->id)))
			fail_msg("%s %d %s\n%s %s %s %s, %lld ms", row->provider, row->status, row->body, outcome_names[o.kind],
				scope_names[o.scope], o.reason, o.provider_id ? o.provider_id : "-", (long long)o.retry_after_ms);
	}
}

/* No shipped file without an answer that it takes and one that refuses. */
static void each_has_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < shipped_count; i++) {
		size_t accepted = 0, refused = 0;

		for (size_t k = 0; k < provider_answer_count; k++) {
			if (strcmp(provider_answers[k].provider, shipped[i].name) != 0)
				continue;
			accepted += provider_answers[k].kind == OUTCOME_ACCEPTED;
			refused += provider_answers[k].kind == OUTCOME_REFUSED;
		}
		if (accepted == 0 || refused == 0)
			fail_msg("%s has no row of one kind", shipped[i].name);
	}
}

/* No rule of a file without an answer that it is for: by its reason, or else the outcome's name. */
static void each_rule_has_a_row(void **state)
{
	unsigned missing = 0;

	(void)state;
	for (size_t i = 0; i < shipped_count; i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		CLEANUP(buf_clear) struct buf text = { 0 };
		struct json root, response, rules;

		assert_int_equal(file_read(arena_printf(arena, SOURCE_DIR "/daemon/share/providers/%s.json", shipped[i].name), ADAPTER_FILE_MAX, &text, NULL), 0);
		assert_int_equal(json_parse(arena, buf_str(&text), text.len, JSON_COMMENTS, &root, NULL), 0);
		response = json_get(&root, "response");
		rules = json_get(&response, "rules");
		for (size_t r = 0; r < json_len(&rules); r++) {
			struct json rule = json_at(&rules, r), reason = json_get(&rule, "reason"), outcome = json_get(&rule, "outcome");
			const char *word = json_str(&reason) ? json_str(&reason) : json_str(&outcome);
			size_t k = 0;

			while (k < provider_answer_count &&
				(strcmp(provider_answers[k].provider, shipped[i].name) != 0 || strcmp(provider_answers[k].reason, word) != 0))
				k++;
			if (k == provider_answer_count)
				print_message("%s: no row for rule %zu, %s\n", shipped[i].name, r, word);
			missing += k == provider_answer_count;
		}
	}
	assert_int_equal(missing, 0);
}

/* --- what all have in common -------------------------------------------------------------------------------------------- */

static const struct common {
	const char *name;
	int status;
	const char *head, *body;
	enum outcome_kind kind;
	enum outcome_scope scope;
	int64_t retry_after_ms;
} common_rows[] = {
	{ "throttled, seconds", 429, "Retry-After: 7\r\n", "{}", THROTTLED, 7000 },
	{ "throttled, a date", 429, "Retry-After: Thu, 02 Apr 2026 08:50:30 GMT\r\n", "{}", THROTTLED, 30000 },
	{ "forbidden", 403, "", "{}", CONFIG, 0 },
	{ "server error", 500, "", "{\"message\":\"x\",\"error\":\"y\",\"errors\":[]}", DOUBT, 0 },
	{ "bad gateway, in HTML", 502, "Content-Type: text/html\r\n", "<html>502</html>", DOUBT, 0 },
	{ "away, and says until when", 503, "Retry-After: 5\r\n", "", DOUBT, 0 },
	{ "gateway time-out", 504, "", "", DOUBT, 0 },
	{ "2xx without an id", 200, "", "{}", DOUBT, 0 },
	{ "2xx without a body", 200, "", "", DOUBT, 0 },
	{ "2xx, a list", 200, "", "[]", DOUBT, 0 },
	{ "2xx, garbage", 200, "", "\x01\xff{", DOUBT, 0 },
	{ "2xx, HTML", 200, "Content-Type: text/html\r\n", "<html>welcome</html>", DOUBT, 0 },
	{ "204", 204, "", "", DOUBT, 0 },
	{ "a redirect into this network", 302, "Location: http://169.254.169.254/latest/meta-data\r\n", "", DOUBT, 0 },
	{ "a redirect that keeps the method", 307, "Location: https://x.example/\r\n", "", DOUBT, 0 },
	{ "asked for too slowly", 408, "", "", DOUBT, 0 },
	{ "too early", 425, "", "", DOUBT, 0 },
	{ "no such thing as a teapot", 418, "", "", REFUSED, 0 },
	{ "continue", 100, "", "", DOUBT, 0 },
};

static void in_common(void **state)
{
	const struct common *row = *state;

	for (size_t i = 0; i < shipped_count; i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct outcome o = read_answer(shipped[i].name, row->status, row->head, row->body, false, arena);

		if (o.kind != row->kind || o.scope != row->scope || o.provider_id || o.retry_after_ms != row->retry_after_ms)
			fail_msg("%s: %s %s %s, %lld ms", shipped[i].name, outcome_names[o.kind], scope_names[o.scope], o.reason,
				(long long)o.retry_after_ms);
	}
}

/* The account's credentials are refused, or only a token that has ended. */
static void unauthorized(void **state)
{
	(void)state;
	for (size_t i = 0; i < shipped_count; i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		CLEANUP(adapter_freep) struct adapter *adapter = shipped_load(shipped[i].name);
		struct outcome o = read_answer(shipped[i].name, 401, "", "{}", false, arena);

		if (adapter_has_token(adapter))
			assert_true(o.kind == OUTCOME_TEMPORARY && strcmp(o.reason, "token_expired") == 0);
		else if (o.kind != OUTCOME_REFUSED || o.scope != SCOPE_PROVIDER)
			fail_msg("%s: %s %s", shipped[i].name, outcome_names[o.kind], scope_names[o.scope]);
	}
}

/* An answer that was cut because it did not end cannot be believed, unless the id stands in its head. */
static void endless(void **state)
{
	(void)state;
	for (size_t i = 0; i < provider_answer_count; i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct outcome o;

		if (provider_answers[i].kind != OUTCOME_ACCEPTED || !provider_answers[i].id || provider_answers[i].head[0])
			continue;
		o = read_answer(provider_answers[i].provider, provider_answers[i].status, "", provider_answers[i].body, true, arena);
		if (o.kind != OUTCOME_IN_DOUBT)
			fail_msg("%s: %s", provider_answers[i].provider, outcome_names[o.kind]);
	}
}

/* --- promises ------------------------------------------------------------------------------------------------------------- */

static void promises(void **state)
{
	static const struct {
		const char *provider;
		int64_t window_s;
		bool lookup, files, token;
		size_t steps;
	} rows[] = {
		{ "sendgrid", 0, false, true, false, 0 }, { "mailgun", 0, true, true, false, 0 }, { "postmark", 0, true, true, false, 0 },
		{ "brevo", 900, true, true, false, 0 }, { "mailjet", 0, true, true, false, 0 }, { "resend", 86400, false, true, false, 0 },
		{ "amazon-ses", 0, false, true, false, 0 }, { "sparkpost", 0, false, true, false, 0 }, { "generic-json", 0, false, true, false, 0 },
		{ "twilio-sms", 0, true, false, false, 0 }, { "vonage", 0, false, false, false, 0 }, { "ovh", 0, true, false, false, 0 },
		{ "brevo-sms", 0, true, false, false, 0 }, { "telnyx", 0, false, false, false, 0 }, { "plivo", 0, false, false, false, 0 },
		{ "infobip", 0, true, false, false, 0 }, { "sinch", 0, true, false, false, 0 }, { "lob", 86400, true, true, false, 0 },
		{ "merci-facteur", 2592000, false, true, true, 0 }, { "mysendingbox", 0, true, true, false, 0 },
		{ "clicksend", 0, false, true, false, 1 }, { "twilio-voice", 0, false, false, false, 0 },
	};

	(void)state;
	assert_int_equal(ARRAY_LEN(rows), shipped_count);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct shipped *provider = shipped_find(rows[i].provider);
		CLEANUP(adapter_freep) struct adapter *adapter = shipped_load(rows[i].provider);

		assert_true(adapter_serves(adapter, provider->channel));
		assert_int_equal(adapter_idempotency_ms(adapter), rows[i].window_s * 1000);
		assert_int_equal(adapter_can_lookup(adapter), rows[i].lookup);
		assert_int_equal(adapter_takes_files(adapter), rows[i].files);
		assert_int_equal(adapter_has_token(adapter), rows[i].token);
		assert_int_equal(adapter_step_count(adapter), rows[i].steps);
		/* none promises that what its list does not have was never sent */
		assert_int_equal(adapter_lookup_conclusive_ms(adapter), 0);
	}
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(means),
		cmocka_unit_test(each_has_rows),
		cmocka_unit_test(each_rule_has_a_row),
		cmocka_unit_test(unauthorized),
		cmocka_unit_test(endless),
		cmocka_unit_test(promises),
	};
	static struct CMUnitTest tests[ARRAY_LEN(others) + ARRAY_LEN(common_rows)];
	size_t count = ARRAY_LEN(others);

	memcpy(tests, others, sizeof(others));
	for (size_t i = 0; i < ARRAY_LEN(common_rows); i++)
		tests[count++] = (struct CMUnitTest){ .name = common_rows[i].name, .test_func = in_common,
			.initial_state = (void *)(uintptr_t)&common_rows[i] };
	return cmocka_run_group_tests_name("provider_answers", tests, NULL, NULL);
}
