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
#include "tests/support/shipped.h"

#define ACCEPTED OUTCOME_ACCEPTED, SCOPE_MESSAGE
#define REFUSED OUTCOME_REFUSED, SCOPE_MESSAGE
#define RECIPIENT OUTCOME_REFUSED, SCOPE_RECIPIENT
#define CONFIG OUTCOME_REFUSED, SCOPE_PROVIDER
#define THROTTLED OUTCOME_THROTTLED, SCOPE_MESSAGE
#define QUOTA OUTCOME_THROTTLED, SCOPE_PROVIDER
#define DOUBT OUTCOME_IN_DOUBT, SCOPE_MESSAGE
#define AGAIN OUTCOME_TEMPORARY, SCOPE_MESSAGE

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

static const struct answer {
	const char *provider;
	int status;
	const char *head, *body;
	enum outcome_kind kind;
	enum outcome_scope scope;
	const char *reason, *id;
} answers[] = {
	{ "sendgrid", 202, "X-Message-Id: 14c5d75ce93.dfd.64b469\r\n", "", ACCEPTED, "accepted", "14c5d75ce93.dfd.64b469" },
	{ "sendgrid", 400, "", "{\"errors\":[{\"field\":\"personalizations.0.to.0.email\"}]}", RECIPIENT, "bad_address", NULL },
	{ "sendgrid", 400, "", "{\"errors\":[{\"field\":\"from\"}]}", CONFIG, "sender", NULL },
	{ "mailgun", 200, "", "{\"id\":\"<20260402@mg.acme.example>\",\"message\":\"Queued. Thank you.\"}", ACCEPTED, "accepted",
		"20260402@mg.acme.example" },
	{ "mailgun", 200, "", "Mailgun Magnificent API", DOUBT, "no_id", NULL },
	{ "mailgun", 400, "", "{\"message\":\"'to' parameter is not a valid address. please check documentation\"}", RECIPIENT, "bad_address",
		NULL },
	{ "mailgun", 400, "", "{\"message\":\"'from' parameter is not a valid address.\"}", CONFIG, "sender", NULL },
	{ "mailgun", 401, "", "Forbidden", CONFIG, "config", NULL },
	{ "mailgun", 404, "", "{\"message\":\"Domain not found: x\"}", CONFIG, "domain", NULL },
	{ "mailgun", 402, "", "{}", QUOTA, "quota", NULL },
	{ "postmark", 200, "", "{\"ErrorCode\":0,\"MessageID\":\"b7bc2f4a-e38e-4336-af7d-e6c392c2f817\"}", ACCEPTED, "accepted",
		"b7bc2f4a-e38e-4336-af7d-e6c392c2f817" },
	{ "postmark", 422, "", "{\"ErrorCode\":300,\"Message\":\"Error parsing 'To': Illegal email address 'x'.\"}", RECIPIENT, "bad_address", NULL },
	{ "postmark", 422, "", "{\"ErrorCode\":300,\"Message\":\"Error parsing 'Reply-To': Illegal email domain 'x' in address 'a@x'.\"}", CONFIG, "sender", NULL },
	{ "postmark", 422, "", "{\"ErrorCode\":300,\"Message\":\"Invalid 'From' address: 'x'.\"}", CONFIG, "sender", NULL },
	{ "postmark", 200, "", "{\"MessageID\":\"b7bc\",\"Message\":\"Message accepted, but delivery may be delayed.\"}", ACCEPTED, "accepted", "b7bc" },
	{ "postmark", 422, "", "{\"ErrorCode\":300,\"Message\":\"Provide either email TextBody or HtmlBody or both.\"}", REFUSED, "refused", NULL },
	{ "postmark", 422, "", "{\"ErrorCode\":406,\"Message\":\"You tried to send to a recipient that has been marked as inactive.\"}", RECIPIENT,
		"suppressed", NULL },
	{ "postmark", 422, "", "{\"ErrorCode\":405}", QUOTA, "no_credit", NULL },
	{ "postmark", 422, "", "{\"ErrorCode\":400}", CONFIG, "sender", NULL },
	{ "postmark", 422, "", "{\"ErrorCode\":412}", CONFIG, "config", NULL },
	{ "postmark", 422, "", "{\"ErrorCode\":411}", REFUSED, "attachment", NULL },
	{ "postmark", 200, "", "{\"ErrorCode\":409}", REFUSED, "refused", NULL },
	{ "brevo", 201, "", "{\"messageId\":\"<202604020850.1@smtp-relay.brevo.example>\"}", ACCEPTED, "accepted",
		"202604020850.1@smtp-relay.brevo.example" },
	{ "brevo", 400, "", "{\"code\":\"duplicate_request\",\"message\":\"x\"}", ACCEPTED, "duplicate", NULL },
	{ "brevo", 400, "", "{\"code\":\"invalid_parameter\",\"message\":\"email is not valid in to\"}", RECIPIENT, "bad_address", NULL },
	{ "brevo", 400, "", "{\"code\":\"invalid_parameter\",\"message\":\"sender is not valid\"}", CONFIG, "sender", NULL },
	{ "brevo", 402, "", "{\"code\":\"not_enough_credits\"}", QUOTA, "no_credit", NULL },
	{ "mailjet", 200, "", "{\"Messages\":[{\"Status\":\"success\",\"To\":[{\"MessageID\":1152921504606846977}]}]}", ACCEPTED, "accepted",
		"1152921504606846977" },
	{ "mailjet", 400, "", "{\"Messages\":[{\"Status\":\"error\",\"Errors\":[{\"ErrorCode\":\"mj-0013\",\"ErrorRelatedTo\":[\"To[0].Email\"]}]}]}",
		RECIPIENT, "bad_address", NULL },
	{ "mailjet", 400, "", "{\"Messages\":[{\"Status\":\"error\",\"Errors\":[{\"ErrorCode\":\"mj-0013\",\"ErrorRelatedTo\":[\"From.Email\"]}]}]}", CONFIG,
		"sender", NULL },
	{ "mailjet", 400, "", "{\"Messages\":[{\"Status\":\"error\",\"Errors\":[{\"ErrorCode\":\"send-0008\"}]}]}", CONFIG, "sender", NULL },
	{ "mailjet", 200, "", "{\"Messages\":[{\"Status\":\"error\",\"Errors\":[]}]}", REFUSED, "refused", NULL },
	{ "resend", 200, "", "{\"id\":\"49a3999c-0ce1-4ea6-ab68-afcd6dc2e794\"}", ACCEPTED, "accepted", "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794" },
	{ "resend", 409, "", "{\"name\":\"concurrent_idempotent_requests\"}", DOUBT, "same_key", NULL },
	{ "resend", 409, "", "{\"name\":\"invalid_idempotent_request\"}", DOUBT, "same_key", NULL },
	{ "resend", 422, "", "{\"name\":\"validation_error\",\"message\":\"Invalid `to` field.\"}", RECIPIENT, "bad_address", NULL },
	{ "resend", 422, "", "{\"name\":\"validation_error\",\"message\":\"Invalid `from` field.\"}", CONFIG, "sender", NULL },
	{ "resend", 429, "", "{\"name\":\"daily_quota_exceeded\"}", QUOTA, "quota", NULL },
	{ "resend", 429, "", "{\"name\":\"rate_limit_exceeded\"}", THROTTLED, "throttled", NULL },
	{ "amazon-ses", 200, "", "{\"MessageId\":\"0102018e-000000\"}", ACCEPTED, "accepted", "0102018e-000000" },
	{ "amazon-ses", 400, "x-amzn-ErrorType: MessageRejected\r\n", "{\"message\":\"Email address is not verified. The following identities failed the "
		"check in region\"}", CONFIG, "sender", NULL },
	{ "amazon-ses", 400, "x-amzn-ErrorType: BadRequestException:http://x/\r\n", "{\"message\":\"Missing final '@domain'\"}", RECIPIENT, "bad_address",
		NULL },
	{ "amazon-ses", 400, "x-amzn-ErrorType: SendingPausedException\r\n", "{}", CONFIG, "config", NULL },
	{ "amazon-ses", 400, "x-amzn-ErrorType: LimitExceededException\r\n", "{}", QUOTA, "quota", NULL },
	{ "amazon-ses", 400, "x-amzn-ErrorType: MailFromDomainNotVerifiedException\r\n", "{}", CONFIG, "sender", NULL },
	{ "amazon-ses", 400, "x-amzn-ErrorType: BadRequestException\r\n", "{\"message\":\"Address is on the suppression list\"}", RECIPIENT,
		"suppressed", NULL },
	{ "sparkpost", 200, "", "{\"results\":{\"id\":\"6683\",\"total_accepted_recipients\":1,\"total_rejected_recipients\":0}}", ACCEPTED, "accepted",
		"6683" },
	{ "sparkpost", 200, "", "{\"results\":{\"id\":\"6683\",\"total_accepted_recipients\":0,\"total_rejected_recipients\":1}}", RECIPIENT,
		"bad_address", NULL },
	{ "sparkpost", 400, "", "{\"errors\":[{\"code\":\"5002\"}]}", RECIPIENT, "bad_address", NULL },
	{ "sparkpost", 400, "", "{\"errors\":[{\"code\":\"7001\"}]}", CONFIG, "sender", NULL },
	{ "sparkpost", 420, "", "{\"errors\":[{\"message\":\"Exceed Sending Limit (daily)\"}]}", QUOTA, "quota", NULL },
	{ "generic-json", 202, "", "{\"id\":\"1\"}", ACCEPTED, "accepted", "1" },
	{ "generic-json", 400, "", "{}", REFUSED, "refused", NULL },
	{ "twilio-sms", 201, "", "{\"sid\":\"SM1\"}", ACCEPTED, "accepted", "SM1" },
	{ "twilio-sms", 400, "", "{\"code\":21211}", RECIPIENT, "bad_address", NULL },
	{ "twilio-sms", 400, "", "{\"code\":21610}", RECIPIENT, "stopped", NULL },
	{ "vonage", 200, "", "{\"message-count\":\"2\",\"messages\":[{\"status\":\"0\",\"message-id\":\"0A1\"},{\"status\":\"0\",\"message-id\":\"0A2\"}]}",
		ACCEPTED, "accepted", "0A1" },
	{ "vonage", 200, "", "{\"messages\":[{\"status\":\"0\",\"message-id\":\"0A1\"},{\"status\":\"9\"}]}", DOUBT, "partly", NULL },
	{ "vonage", 200, "", "{\"messages\":[{\"status\":\"0\"}]}", DOUBT, "partly", NULL },
	{ "vonage", 200, "", "{\"messages\":[{\"status\":\"1\"}]}", THROTTLED, "throttled", NULL },
	{ "vonage", 200, "", "{\"messages\":[{\"status\":\"3\"}]}", REFUSED, "refused", NULL },
	{ "vonage", 200, "", "{\"messages\":[{\"status\":\"4\"}]}", CONFIG, "config", NULL },
	{ "vonage", 200, "", "{\"messages\":[{\"status\":\"5\"}]}", DOUBT, "server_error", NULL },
	{ "vonage", 200, "", "{\"messages\":[{\"status\":\"6\"}]}", RECIPIENT, "bad_address", NULL },
	{ "vonage", 200, "", "{\"messages\":[{\"status\":\"7\"}]}", RECIPIENT, "stopped", NULL },
	{ "vonage", 200, "", "{\"messages\":[{\"status\":\"9\"}]}", QUOTA, "no_credit", NULL },
	{ "vonage", 200, "", "{\"messages\":[{\"status\":\"12\"}]}", REFUSED, "too_long", NULL },
	{ "vonage", 200, "", "{\"messages\":[{\"status\":\"15\"}]}", CONFIG, "sender", NULL },
	{ "vonage", 200, "", "{\"messages\":[{\"status\":\"29\"}]}", CONFIG, "not_allowed", NULL },
	{ "vonage", 200, "", "{\"messages\":[]}", DOUBT, "no_id", NULL },
	{ "ovh", 200, "", "{\"ids\":[389674829],\"invalidReceivers\":[],\"validReceivers\":[\"+33612345678\"]}", ACCEPTED, "accepted", "389674829" },
	{ "ovh", 200, "", "{\"ids\":[],\"invalidReceivers\":[\"+33612345678\"]}", RECIPIENT, "bad_address", NULL },
	{ "ovh", 400, "", "{\"message\":\"Not enough credits\"}", QUOTA, "no_credit", NULL },
	{ "ovh", 400, "", "{\"message\":\"Sender ACME does not exists\"}", CONFIG, "sender", NULL },
	{ "ovh", 401, "", "{\"message\":\"Invalid Timestamp or Query out of time\",\"errorCode\":\"QUERY_TIME_OUT\"}", CONFIG, "clock", NULL },
	{ "ovh", 404, "", "{\"message\":\"This service does not exist\"}", CONFIG, "service", NULL },
	{ "brevo-sms", 201, "", "{\"messageId\":9007199254740993}", ACCEPTED, "accepted", "9007199254740993" },
	{ "brevo-sms", 400, "", "{\"code\":\"invalid_parameter\",\"message\":\"Invalid telephone number\"}", RECIPIENT, "bad_address", NULL },
	{ "brevo-sms", 402, "", "{\"code\":\"not_enough_credits\"}", QUOTA, "no_credit", NULL },
	{ "brevo-sms", 400, "", "{\"message\":\"contact is blacklisted\"}", RECIPIENT, "stopped", NULL },
	{ "telnyx", 200, "", "{\"data\":{\"id\":\"40385f64\",\"to\":[{\"status\":\"queued\"}]}}", ACCEPTED, "accepted", "40385f64" },
	{ "telnyx", 400, "", "{\"errors\":[{\"code\":\"40300\"}]}", RECIPIENT, "stopped", NULL },
	{ "telnyx", 400, "", "{\"errors\":[{\"code\":\"10002\"}]}", RECIPIENT, "bad_address", NULL },
	{ "telnyx", 400, "", "{\"errors\":[{\"code\":\"40305\",\"title\":\"Invalid 'from' address\"}]}", CONFIG, "sender", NULL },
	{ "telnyx", 400, "", "{\"errors\":[{\"code\":\"20100\"}]}", QUOTA, "no_credit", NULL },
	{ "telnyx", 400, "", "{\"errors\":[{\"code\":\"10015\"}]}", REFUSED, "refused", NULL },
	{ "plivo", 202, "", "{\"message_uuid\":[\"db342550\"]}", ACCEPTED, "accepted", "db342550" },
	{ "plivo", 400, "", "{\"error\":\"dst parameter is not valid\"}", RECIPIENT, "bad_address", NULL },
	{ "plivo", 402, "", "{}", QUOTA, "no_credit", NULL },
	{ "plivo", 400, "", "{\"error\":\"number has opted out\"}", RECIPIENT, "stopped", NULL },
	{ "infobip", 200, "", "{\"messages\":[{\"messageId\":\"" SHIPPED_ATTEMPT "\",\"status\":{\"groupId\":1,\"name\":\"PENDING_ACCEPTED\"}}]}", ACCEPTED,
		"accepted", SHIPPED_ATTEMPT },
	{ "infobip", 200, "", "{\"messages\":[{\"messageId\":\"1\",\"status\":{\"groupId\":5,\"name\":\"REJECTED_NOT_ENOUGH_CREDITS\"}}]}", QUOTA,
		"no_credit", NULL },
	{ "infobip", 200, "", "{\"messages\":[{\"messageId\":\"1\",\"status\":{\"groupId\":5,\"name\":\"REJECTED_DESTINATION\"}}]}", RECIPIENT, "bad_address",
		NULL },
	{ "infobip", 200, "", "{\"messages\":[{\"messageId\":\"1\",\"status\":{\"groupId\":5,\"name\":\"REJECTED_DESTINATION_ON_BLACKLIST\"}}]}", RECIPIENT,
		"stopped", NULL },
	{ "infobip", 200, "", "{\"messages\":[{\"messageId\":\"1\",\"status\":{\"groupId\":5,\"name\":\"REJECTED_FLOODING_FILTER\"}}]}", REFUSED, "refused",
		NULL },
	{ "infobip", 200, "", "{\"messages\":[{\"messageId\":\"1\",\"status\":{\"groupId\":2,\"name\":\"UNDELIVERABLE_NOT_DELIVERED\"}}]}", RECIPIENT,
		"bad_address", NULL },
	{ "sinch", 201, "", "{\"id\":\"01FC66621\",\"client_reference\":\"x\"}", ACCEPTED, "accepted", "01FC66621" },
	{ "sinch", 400, "", "{\"code\":\"syntax_invalid_parameter_format\",\"text\":\"Invalid recipient\"}", RECIPIENT, "bad_address", NULL },
	{ "sinch", 402, "", "{}", QUOTA, "no_credit", NULL },
	{ "sinch", 403, "", "{\"code\":\"blocked_account\",\"text\":\"x\"}", QUOTA, "no_credit", NULL },
	{ "sinch", 403, "", "{\"code\":\"illegal_number_type\",\"text\":\"x\"}", RECIPIENT, "bad_address", NULL },
	{ "sinch", 403, "", "{\"code\":\"missing_callback_url\",\"text\":\"x\"}", CONFIG, "config", NULL },
	{ "lob", 200, "", "{\"id\":\"ltr_4868c3b754655f90\"}", ACCEPTED, "accepted", "ltr_4868c3b754655f90" },
	{ "lob", 422, "", "{\"error\":{\"message\":\"to.address_zip is invalid\",\"code\":\"invalid\"}}", RECIPIENT, "bad_address", NULL },
	{ "lob", 422, "", "{\"error\":{\"message\":\"from must be a US address\"}}", CONFIG, "sender", NULL },
	{ "lob", 403, "", "{\"error\":{\"message\":\"limit of letters reached\"}}", QUOTA, "quota", NULL },
	{ "lob", 409, "", "{}", DOUBT, "same_key", NULL },
	{ "merci-facteur", 200, "", "{\"success\":true,\"error\":null,\"envoi_id\":[123456]}", ACCEPTED, "accepted", "123456" },
	{ "merci-facteur", 400, "", "{\"success\":false,\"error\":{\"code\":\"ERROR_ANTIDOUBLON\"}}", ACCEPTED, "duplicate", NULL },
	{ "merci-facteur", 200, "", "{\"success\":false,\"error\":{\"code\":\"NO_CREDIT\"}}", QUOTA, "no_credit", NULL },
	{ "merci-facteur", 200, "", "{\"success\":false,\"error\":{\"code\":\"BAD_DEST\"}}", RECIPIENT, "bad_address", NULL },
	{ "merci-facteur", 200, "", "{\"success\":false,\"error\":{\"code\":\"BAD_FILE\"}}", REFUSED, "refused", NULL },
	{ "merci-facteur", 400, "", "{\"success\":false,\"error\":{\"code\":\"INVALID_TOKEN\"}}", AGAIN, "token_expired", NULL },
	{ "mysendingbox", 200, "", "{\"_id\":\"Sk1\",\"wrong_address\":false}", ACCEPTED, "accepted", "Sk1" },
	{ "mysendingbox", 422, "", "{\"error\":{\"message\":\"The field to.address_city is required\"}}", RECIPIENT, "bad_address", NULL },
	{ "mysendingbox", 402, "", "{}", QUOTA, "no_credit", NULL },
	{ "clicksend", 200, "", "{\"data\":{\"recipients\":[{\"status\":\"SUCCESS\",\"message_id\":\"AC7F\"}]}}", ACCEPTED, "accepted", "AC7F" },
	{ "clicksend", 200, "", "{\"data\":{\"recipients\":[{\"status\":\"INVALID_RECIPIENT\"}]}}", RECIPIENT, "bad_address", NULL },
	{ "clicksend", 200, "", "{\"data\":{\"recipients\":[{\"status\":\"INSUFFICIENT_CREDIT\"}]}}", QUOTA, "no_credit", NULL },
	{ "clicksend", 200, "", "{\"data\":{\"recipients\":[{\"status\":\"THROTTLED\"}]}}", THROTTLED, "throttled", NULL },
	{ "clicksend", 200, "", "{\"data\":{\"recipients\":[{\"status\":\"SOMETHING_NEW\"}]}}", REFUSED, "refused", NULL },
	{ "twilio-voice", 201, "", "{\"sid\":\"CA1\"}", ACCEPTED, "accepted", "CA1" },
	{ "twilio-voice", 400, "", "{\"code\":21211}", RECIPIENT, "bad_address", NULL },
	{ "twilio-voice", 400, "", "{\"code\":21610}", RECIPIENT, "stopped", NULL },
	{ "twilio-voice", 400, "", "{\"code\":21210}", CONFIG, "sender", NULL },
};

static void means(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		const struct answer *row = &answers[i];
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct outcome o = read_answer(row->provider, row->status, row->head, row->body, false, arena);

		if (o.kind != row->kind || o.scope != row->scope || strcmp(o.reason, row->reason) ||
			!o.provider_id != !row->id || (row->id && strcmp(o.provider_id, row->id)))
			fail_msg("%s %d %s\n%s %s %s %s", row->provider, row->status, row->body, outcome_names[o.kind], scope_names[o.scope],
				o.reason, o.provider_id ? o.provider_id : "-");
	}
}

/* No shipped file without an answer that it takes and one that refuses. */
static void each_has_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < shipped_count; i++) {
		size_t accepted = 0, refused = 0;

		for (size_t k = 0; k < ARRAY_LEN(answers); k++) {
			if (strcmp(answers[k].provider, shipped[i].name) != 0)
				continue;
			accepted += answers[k].kind == OUTCOME_ACCEPTED;
			refused += answers[k].kind == OUTCOME_REFUSED;
		}
		if (accepted == 0 || refused == 0)
			fail_msg("%s has no row of one kind", shipped[i].name);
	}
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
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct outcome o;

		if (answers[i].kind != OUTCOME_ACCEPTED || !answers[i].id || answers[i].head[0])
			continue;
		o = read_answer(answers[i].provider, answers[i].status, "", answers[i].body, true, arena);
		if (o.kind != OUTCOME_IN_DOUBT)
			fail_msg("%s: %s", answers[i].provider, outcome_names[o.kind]);
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
