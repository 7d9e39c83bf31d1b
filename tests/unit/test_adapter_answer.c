/* What a provider's answer means: the file's rules, the built-in ones, ids, waits in all forms, and look-ups. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/adapter.h"
#include "common/cleanup.h"
#include "common/utc.h"
#include "tests/unit/adapter_parsed.h"

#define FILE_(response, more) \
	"{\"adapter\":1,\"name\":\"x\",\"channel\":\"email\",\"send\":{\"method\":\"POST\",\"url\":\"https://x.example\"," \
	"\"auth\":{\"kind\":\"none\"}},\"response\":" response more "}"
#define PLAIN FILE_("{\"id\":\"/id\"}", "")
#define ID(source) FILE_("{\"id\":" source "}", "")
#define RULES(rules) FILE_("{\"id\":\"/id\",\"rules\":[" rules "]}", "")
#define NOW INT64_C(1775030400000) /* 2026-04-01T08:00:00Z, a Wednesday */

static struct http_answer answer_of(int status, const char *head, const char *body)
{
	return (struct http_answer){ .status = status, .head = head, .head_len = head ? strlen(head) : 0, .body = body,
		.body_len = body ? strlen(body) : 0 };
}

static struct outcome read_answer(const char *json, int status, const char *head, const char *body, struct arena *arena)
{
	CLEANUP(adapter_freep) struct adapter *adapter = parse(json);
	struct http_answer answer = answer_of(status, head, body);
	struct outcome outcome;

	adapter_answer(adapter, &answer, NOW, arena, &outcome);
	if (outcome.reason) /* the file's words end with the adapter */
		outcome.reason = arena_strdup(arena, outcome.reason);
	return outcome;
}

/* --- outcomes -------------------------------------------------------------------------------------------------------- */

static const struct outcome_row {
	const char *name, *json;
	int status;
	const char *body;
	enum outcome_kind kind;
	enum outcome_scope scope;
	const char *reason, *id;
} outcome_rows[] = {
	/* without a word in the file */
	{ "2xx with its id", PLAIN, 202, "{\"id\":\"m-1\"}", OUTCOME_ACCEPTED, SCOPE_MESSAGE, "accepted", "m-1" },
	{ "2xx without it", PLAIN, 200, "{}", OUTCOME_IN_DOUBT, SCOPE_MESSAGE, "no_id", NULL },
	{ "2xx with garbage", PLAIN, 200, "<html>", OUTCOME_IN_DOUBT, SCOPE_MESSAGE, "no_id", NULL },
	{ "2xx with nothing", PLAIN, 204, NULL, OUTCOME_IN_DOUBT, SCOPE_MESSAGE, "no_id", NULL },
	{ "a redirect", PLAIN, 302, "{\"id\":\"m-1\"}", OUTCOME_IN_DOUBT, SCOPE_MESSAGE, "unclear", NULL },
	{ "400", PLAIN, 400, "{\"id\":\"m-1\"}", OUTCOME_REFUSED, SCOPE_MESSAGE, "refused", NULL },
	{ "401: the account, not the message", PLAIN, 401, NULL, OUTCOME_REFUSED, SCOPE_PROVIDER, "config", NULL },
	{ "403: the account, not the message", PLAIN, 403, NULL, OUTCOME_REFUSED, SCOPE_PROVIDER, "config", NULL },
	{ "402", PLAIN, 402, NULL, OUTCOME_REFUSED, SCOPE_MESSAGE, "refused", NULL },
	{ "408", PLAIN, 408, NULL, OUTCOME_IN_DOUBT, SCOPE_MESSAGE, "unclear", NULL },
	{ "409", PLAIN, 409, NULL, OUTCOME_IN_DOUBT, SCOPE_MESSAGE, "unclear", NULL },
	{ "425", PLAIN, 425, NULL, OUTCOME_IN_DOUBT, SCOPE_MESSAGE, "unclear", NULL },
	{ "429", PLAIN, 429, NULL, OUTCOME_THROTTLED, SCOPE_MESSAGE, "throttled", NULL },
	{ "499", PLAIN, 499, NULL, OUTCOME_REFUSED, SCOPE_MESSAGE, "refused", NULL },
	{ "500", PLAIN, 500, NULL, OUTCOME_IN_DOUBT, SCOPE_MESSAGE, "server_error", NULL },
	{ "503", PLAIN, 503, NULL, OUTCOME_IN_DOUBT, SCOPE_MESSAGE, "server_error", NULL },
	{ "a status that does not exist", PLAIN, 999, NULL, OUTCOME_IN_DOUBT, SCOPE_MESSAGE, "unclear", NULL },
	{ "no status", PLAIN, 0, NULL, OUTCOME_IN_DOUBT, SCOPE_MESSAGE, "unclear", NULL },
	/* ids */
	{ "a number", PLAIN, 200, "{\"id\":77}", OUTCOME_ACCEPTED, SCOPE_MESSAGE, "accepted", "77" },
	{ "null is no id", PLAIN, 200, "{\"id\":null}", OUTCOME_IN_DOUBT, SCOPE_MESSAGE, "no_id", NULL },
	{ "an object is no id", PLAIN, 200, "{\"id\":{}}", OUTCOME_IN_DOUBT, SCOPE_MESSAGE, "no_id", NULL },
	{ "an empty id is none", PLAIN, 200, "{\"id\":\"\"}", OUTCOME_IN_DOUBT, SCOPE_MESSAGE, "no_id", NULL },
	{ "a blank in an id", PLAIN, 200, "{\"id\":\"a b\"}", OUTCOME_IN_DOUBT, SCOPE_MESSAGE, "no_id", NULL },
	{ "a line end in an id", PLAIN, 200, "{\"id\":\"a\\nb\"}", OUTCOME_IN_DOUBT, SCOPE_MESSAGE, "no_id", NULL },
	{ "letters beyond ASCII", PLAIN, 200, "{\"id\":\"\xc3\xa9\"}", OUTCOME_IN_DOUBT, SCOPE_MESSAGE, "no_id", NULL },
	{ "deep in the body", ID("\"/a/1/b~1c~0d\""), 200, "{\"a\":[0,{\"b/c~d\":\"deep\"}]}", OUTCOME_ACCEPTED, SCOPE_MESSAGE,
		"accepted", "deep" },
	{ "not so deep", ID("\"/a/1/b\""), 200, "{\"a\":[0,\"x\"]}", OUTCOME_IN_DOUBT, SCOPE_MESSAGE, "no_id", NULL },
	{ "not in the list", ID("\"/a/7\""), 200, "{\"a\":[0]}", OUTCOME_IN_DOUBT, SCOPE_MESSAGE, "no_id", NULL },
	{ "the whole body", ID("\"\""), 200, "\"m-1\"", OUTCOME_ACCEPTED, SCOPE_MESSAGE, "accepted", "m-1" },
	{ "in a header", ID("{\"header\":\"x-message-id\"}"), 202, NULL, OUTCOME_ACCEPTED, SCOPE_MESSAGE, "accepted", "h-1" },
	{ "without its angles", ID("{\"pointer\":\"/id\",\"transform\":\"strip_angle\"}"), 200, "{\"id\":\"<a@b>\"}", OUTCOME_ACCEPTED,
		SCOPE_MESSAGE, "accepted", "a@b" },
	{ "that has none", ID("{\"pointer\":\"/id\",\"transform\":\"strip_angle\"}"), 200, "{\"id\":\"a@b\"}", OUTCOME_ACCEPTED,
		SCOPE_MESSAGE, "accepted", "a@b" },
	{ "up to a character", ID("{\"pointer\":\"/id\",\"transform\":\"before:.\"}"), 200, "{\"id\":\"abc.filter1\"}", OUTCOME_ACCEPTED,
		SCOPE_MESSAGE, "accepted", "abc" },
	{ "that is not in it", ID("{\"pointer\":\"/id\",\"transform\":\"before:.\"}"), 200, "{\"id\":\"abc\"}", OUTCOME_ACCEPTED,
		SCOPE_MESSAGE, "accepted", "abc" },
	{ "nothing before it", ID("{\"pointer\":\"/id\",\"transform\":\"before:.\"}"), 200, "{\"id\":\".abc\"}", OUTCOME_IN_DOUBT,
		SCOPE_MESSAGE, "no_id", NULL },
	/* rules of the file */
	{ "by status", RULES("{\"status\":404,\"outcome\":\"bad_address\"}"), 404, NULL, OUTCOME_REFUSED, SCOPE_RECIPIENT, "bad_address",
		NULL },
	{ "by class", RULES("{\"status\":\"5xx\",\"outcome\":\"temporary\"}"), 503, NULL, OUTCOME_TEMPORARY, SCOPE_MESSAGE, "temporary",
		NULL },
	{ "by one of several", RULES("{\"status\":[400,\"5xx\"],\"outcome\":\"suppressed\"}"), 599, NULL, OUTCOME_REFUSED,
		SCOPE_RECIPIENT, "suppressed", NULL },
	{ "none of them", RULES("{\"status\":[400,\"5xx\"],\"outcome\":\"suppressed\"}"), 404, NULL, OUTCOME_REFUSED, SCOPE_MESSAGE,
		"refused", NULL },
	{ "the first that fits", RULES("{\"status\":400,\"json\":{\"/code\":7},\"outcome\":\"stopped\"},{\"status\":400,\"outcome\":\"quota\"}"),
		400, "{\"code\":8}", OUTCOME_THROTTLED, SCOPE_PROVIDER, "quota", NULL },
	{ "by a number", RULES("{\"json\":{\"/code\":7},\"outcome\":\"stopped\"}"), 400, "{\"code\":7}", OUTCOME_REFUSED, SCOPE_RECIPIENT,
		"stopped", NULL },
	{ "a number is no text", RULES("{\"json\":{\"/code\":7},\"outcome\":\"stopped\"}"), 400, "{\"code\":\"7\"}", OUTCOME_REFUSED,
		SCOPE_MESSAGE, "refused", NULL },
	{ "by a flag", RULES("{\"json\":{\"/ok\":false},\"outcome\":\"config\"}"), 200, "{\"ok\":false,\"id\":\"m\"}", OUTCOME_REFUSED,
		SCOPE_PROVIDER, "config", NULL },
	{ "by one of some texts", RULES("{\"json\":{\"/e\":[\"a\",\"b\"]},\"outcome\":\"stopped\"}"), 400, "{\"e\":\"b\"}", OUTCOME_REFUSED,
		SCOPE_RECIPIENT, "stopped", NULL },
	{ "by none of some", RULES("{\"json\":{\"/e\":{\"not\":[\"a\",\"b\"]}},\"outcome\":\"stopped\"}"), 400, "{\"e\":\"c\"}", OUTCOME_REFUSED,
		SCOPE_RECIPIENT, "stopped", NULL },
	{ "which must be there", RULES("{\"json\":{\"/e\":{\"not\":\"a\"}},\"outcome\":\"stopped\"}"), 400, "{}", OUTCOME_REFUSED,
		SCOPE_MESSAGE, "refused", NULL },
	{ "by what is there", RULES("{\"json\":{\"/e\":{\"exists\":true}},\"outcome\":\"stopped\"}"), 400, "{\"e\":0}", OUTCOME_REFUSED,
		SCOPE_RECIPIENT, "stopped", NULL },
	{ "null is not", RULES("{\"json\":{\"/e\":{\"exists\":true}},\"outcome\":\"stopped\"}"), 400, "{\"e\":null}", OUTCOME_REFUSED,
		SCOPE_MESSAGE, "refused", NULL },
	{ "by what is not there", RULES("{\"json\":{\"/e\":{\"exists\":false}},\"outcome\":\"stopped\"}"), 400, "{}", OUTCOME_REFUSED,
		SCOPE_RECIPIENT, "stopped", NULL },
	{ "by a header", RULES("{\"header\":{\"X-Kind\":\"spam\"},\"outcome\":\"stopped\"}"), 400, NULL, OUTCOME_REFUSED, SCOPE_RECIPIENT,
		"stopped", NULL },
	{ "by a number in a header", RULES("{\"header\":{\"x-code\":[8,7]},\"outcome\":\"stopped\"}"), 400, NULL, OUTCOME_REFUSED,
		SCOPE_RECIPIENT, "stopped", NULL },
	{ "by a header that is not there", RULES("{\"header\":{\"X-None\":{\"exists\":false}},\"outcome\":\"stopped\"}"), 400, NULL,
		OUTCOME_REFUSED, SCOPE_RECIPIENT, "stopped", NULL },
	{ "all that is required", RULES("{\"status\":\"2xx\",\"require\":[\"/a\",\"/b\"],\"outcome\":\"accepted\"}"), 200,
		"{\"a\":1,\"id\":\"m\"}", OUTCOME_ACCEPTED, SCOPE_MESSAGE, "accepted", "m" },
	{ "own scope and reason", RULES("{\"status\":400,\"outcome\":\"refused\",\"scope\":\"recipient\",\"reason\":\"no_mailbox\"}"), 400, NULL,
		OUTCOME_REFUSED, SCOPE_RECIPIENT, "no_mailbox", NULL },
	{ "accepted by rule needs its id too", RULES("{\"status\":202,\"outcome\":\"accepted\",\"reason\":\"queued\"}"), 202, "{}",
		OUTCOME_IN_DOUBT, SCOPE_MESSAGE, "no_id", NULL },
	{ "a duplicate was accepted before", RULES("{\"status\":409,\"outcome\":\"duplicate\"}"), 409, "{}", OUTCOME_ACCEPTED, SCOPE_MESSAGE,
		"duplicate", NULL },
	{ "in doubt by rule", RULES("{\"status\":400,\"outcome\":\"in_doubt\"}"), 400, NULL, OUTCOME_IN_DOUBT, SCOPE_MESSAGE, "in_doubt", NULL },
};

static void outcome_row(void **state)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nX-Message-Id:  h-1 \r\nX-KIND: spam\r\nX-Code: 7\r\n";
	const struct outcome_row *row = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct outcome outcome = read_answer(row->json, row->status, head, row->body, arena);

	assert_string_equal(outcome.reason, row->reason);
	assert_int_equal(outcome.kind, row->kind);
	assert_int_equal(outcome.scope, row->scope);
	assert_int_equal(outcome.status, row->status);
	if (row->id)
		assert_string_equal(outcome.provider_id, row->id);
	else
		assert_null(outcome.provider_id);
	assert_int_equal(outcome.raw_len, strlen(head) + 2 + (row->body ? strlen(row->body) : 0));
	assert_memory_equal(outcome.raw, head, strlen(head)); /* the proof, as it came */
}

static void answers_that_end_early(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = parse(PLAIN);
	struct http_answer answer = answer_of(200, "HTTP/1.1 200 OK\r\n", "{\"id\":\"m-1\"}");
	struct outcome outcome;
	char *longest = arena_alloc(arena, 300);

	(void)state;
	answer.truncated = true; /* it went on: what is kept cannot be believed */
	adapter_answer(adapter, &answer, NOW, arena, &outcome);
	assert_int_equal(outcome.kind, OUTCOME_IN_DOUBT);
	answer = answer_of(200, NULL, NULL);
	adapter_answer(adapter, &answer, NOW, arena, &outcome);
	assert_int_equal(outcome.kind, OUTCOME_IN_DOUBT);
	assert_int_equal(outcome.raw_len, 2);
	answer.status = 429;
	adapter_answer(adapter, &answer, NOW, arena, &outcome);
	assert_true(outcome.kind == OUTCOME_THROTTLED && outcome.retry_after_ms == 0);
	memset(longest, 'i', 201);
	outcome = read_answer(PLAIN, 200, "", arena_printf(arena, "{\"id\":\"%s\"}", longest), arena);
	assert_int_equal(outcome.kind, OUTCOME_IN_DOUBT); /* of no sane length */
	longest[200] = '\0';
	outcome = read_answer(PLAIN, 200, "", arena_printf(arena, "{\"id\":\"%s\"}", longest), arena);
	assert_int_equal(outcome.kind, OUTCOME_ACCEPTED);
}

static void headers_are_found(void **state)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nA: 1\r\na: 2\r\nAb:\t x y \t\r\nEmpty:\r\nNo-Colon\r\nLast: end";
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const struct http_answer answer = answer_of(200, head, NULL), none = { 0 };

	(void)state;
	assert_string_equal(http_head_get(&answer, "a", arena), "1"); /* the first */
	assert_string_equal(http_head_get(&answer, "AB", arena), "x y");
	assert_string_equal(http_head_get(&answer, "empty", arena), "");
	assert_string_equal(http_head_get(&answer, "Last", arena), "end");
	assert_null(http_head_get(&answer, "No-Colon", arena));
	assert_null(http_head_get(&answer, "B", arena));
	assert_null(http_head_get(&answer, "x y", arena));
	assert_null(http_head_get(&none, "a", arena));
}

/* --- how long to wait ------------------------------------------------------------------------------------------------ */

#define WAIT(unit) RULES("{\"status\":429,\"outcome\":\"throttled\",\"retry_after\":{\"header\":\"X-Reset\",\"unit\":\"" unit "\"}}")
#define IN_BODY(unit) RULES("{\"status\":429,\"outcome\":\"throttled\",\"retry_after\":{\"pointer\":\"/wait\"" unit "}}")
#define MOST (400 * DAY_MS)

static const struct wait_row {
	const char *name, *json, *head, *body;
	int64_t ms;
} wait_rows[] = {
	{ "seconds", PLAIN, "Retry-After: 120\r\n", NULL, 120000 },
	{ "a date, by our clock", PLAIN, "Retry-After: Wed, 01 Apr 2026 08:05:00 GMT\r\n", NULL, 300000 },
	{ "a date, by the provider's clock", PLAIN,
		"Date: Wed, 01 Apr 2026 09:00:00 GMT\r\nRetry-After: Wed, 01 Apr 2026 09:05:00 GMT\r\n", NULL, 300000 },
	{ "whose clock is unreadable", PLAIN, "Date: now\r\nRetry-After: Wed, 01 Apr 2026 08:05:00 GMT\r\n", NULL, 300000 },
	{ "a date that has passed", PLAIN, "Retry-After: Wed, 01 Apr 2026 07:00:00 GMT\r\n", NULL, 1 },
	{ "a date far away", PLAIN, "Retry-After: Wed, 01 Apr 2099 07:00:00 GMT\r\n", NULL, MOST },
	{ "none", PLAIN, "", NULL, 0 },
	{ "nothing in it", PLAIN, "Retry-After:\r\n", NULL, 0 },
	{ "nonsense", PLAIN, "Retry-After: soon\r\n", NULL, 0 },
	{ "a number and more", PLAIN, "Retry-After: 12 s\r\n", NULL, 0 },
	{ "less than nothing", PLAIN, "Retry-After: -5\r\n", NULL, 0 },
	{ "zero: at once, but it was said", PLAIN, "Retry-After: 0\r\n", NULL, 1 },
	{ "a fraction is rounded up", PLAIN, "Retry-After: 1.5\r\n", NULL, 2000 },
	{ "a dot alone", PLAIN, "Retry-After: 1.\r\n", NULL, 2000 },
	{ "two dots", PLAIN, "Retry-After: 1.5.2\r\n", NULL, 0 },
	{ "ages", PLAIN, "Retry-After: 999999999\r\n", NULL, MOST },
	{ "beyond all numbers", PLAIN, "Retry-After: 99999999999999999999\r\n", NULL, MOST },
	{ "and a fraction of that", PLAIN, "Retry-After: 9223372036854775807.5\r\n", NULL, MOST },
	{ "the rule's own", RULES("{\"status\":429,\"outcome\":\"throttled\",\"retry_after_s\":60}"), "", NULL, 60000 },
	{ "the answer's goes before it", RULES("{\"status\":429,\"outcome\":\"throttled\",\"retry_after_s\":60}"), "Retry-After: 5\r\n", NULL,
		5000 },
	{ "seconds in another header", WAIT("s"), "X-Reset: 7\r\n", NULL, 7000 },
	{ "milliseconds", WAIT("ms"), "X-Reset: 7\r\n", NULL, 7 },
	{ "an instant", WAIT("epoch"), "X-Reset: 1775030460\r\n", NULL, 60000 },
	{ "an instant in ms", WAIT("epoch_ms"), "X-Reset: 1775030400500\r\n", NULL, 500 },
	{ "an instant that has passed", WAIT("epoch"), "X-Reset: 1\r\n", NULL, 1 },
	{ "a date where a number must be", WAIT("s"), "X-Reset: Wed, 01 Apr 2026 08:05:00 GMT\r\n", NULL, 0 },
	{ "not there: Retry-After helps", WAIT("s"), "Retry-After: 3\r\n", NULL, 3000 },
	{ "a number in the body", IN_BODY(""), "", "{\"wait\":9}", 9000 },
	{ "a fraction in the body", IN_BODY(""), "", "{\"wait\":0.25}", 1000 },
	{ "a text in the body", IN_BODY(",\"unit\":\"ms\""), "", "{\"wait\":\"9\"}", 9 },
	{ "a huge fraction", IN_BODY(""), "", "{\"wait\":1e300}", MOST },
	{ "a flag", IN_BODY(""), "", "{\"wait\":true}", 0 },
};

static void wait_row(void **state)
{
	const struct wait_row *row = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	assert_int_equal(read_answer(row->json, 429, row->head, row->body, arena).retry_after_ms, row->ms);
	assert_int_equal(read_answer(row->json, 400, row->head, row->body, arena).retry_after_ms, 0); /* a refusal has none */
}

static void dates_of_http(void **state)
{
	static const struct {
		const char *text, *at; /* NULL: refused */
	} rows[] = {
		{ "Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z" },
		{ "Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37Z" },
		{ "Sun Nov  6 08:49:37 1994", "1994-11-06T08:49:37Z" },
		{ "Wednesday, 01-Apr-26 08:49:37 GMT", "2026-04-01T08:49:37Z" },
		{ "Wed, 1 Apr 2026 10:49:37 +0200", "2026-04-01T08:49:37Z" },
		{ "Wed, 1 Apr 2026 03:19:37 -0530", "2026-04-01T08:49:37Z" },
		{ "Wed, 1 Apr 2026 08:49:37 UTC", "2026-04-01T08:49:37Z" },
		{ "Sun, 29 Feb 2028 00:00:00 GMT", "2028-02-29T00:00:00Z" },
		{ "Sun, 29 Feb 2026 00:00:00 GMT", NULL },
		{ "Sun, 06 Nov 1994 08:49:37 EST", NULL },
		{ "Sun, 06 Nov 1994 08:49:37 +02:00", NULL },
		{ "Sun, 06 Nov 1994 08:49:37 +0200x", NULL },
		{ "Sun, 06 Nov 1994 08:49:37 +x200", NULL },
		{ "Sun, 06 Nov 1994 08:49:37", NULL },
		{ "Sun, 06 Nov 1994 08:49:37 GMT and more", NULL },
		{ "Sun, 06 Nox 1994 08:49:37 GMT", NULL },
		{ "Sun, 06 Nov 1994 24:49:37 GMT", NULL },
		{ "Sun, 06 Nov 1994 08:60:37 GMT", NULL },
		{ "Sun, 06 Nov 1994 08:49:61 GMT", NULL },
		{ "Sun, 06 Nov 1969 08:49:37 GMT", NULL },
		{ "Sun, 31 Nov 1994 08:49:37 GMT", NULL },
		{ "1994-11-06T08:49:37Z", NULL },
		{ "", NULL },
		{ "7", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t at = -7;
		int r = http_date_parse(rows[i].text, &at);
		char text[UTC_TEXT_SIZE];

		if (r != (rows[i].at ? 0 : -EINVAL) || (rows[i].at && strcmp(utc_format(at, text), rows[i].at)))
			fail_msg("%s: %d %lld", rows[i].text, r, (long long)at);
		if (!rows[i].at)
			assert_int_equal(at, -7);
	}
}

/* --- look-ups -------------------------------------------------------------------------------------------------------- */

#define LOOKUP(more) FILE_("{\"id\":\"/id\"}", ",\"lookup\":{\"request\":{\"method\":\"GET\",\"url\":\"https://x.example/list\"," \
	"\"query\":[[\"since\",\"{sent_at|epoch}\"]]},\"match\":{\"/ref\":\"{dispatch.id}\",\"/to\":\"{to.email}\"},\"id\":\"/mid\"" more "}")
#define MINE "\"ref\":\"01JX9000000000000000000000\",\"to\":\"a@b.example\""
#define LIST LOOKUP(",\"each\":\"/items\"")
#define DATED LOOKUP(",\"each\":\"/items\",\"since\":\"/at\"")
#define PAGED LOOKUP(",\"each\":\"/items\",\"more\":\"/next\"")

static const struct lookup_row {
	const char *name, *json;
	int status;
	const char *body;
	int r;
	const char *id;
} lookup_rows[] = {
	{ "found", LIST, 200, "{\"items\":[{\"mid\":\"m-0\",\"ref\":\"other\",\"to\":\"a@b.example\"},{\"mid\":\"m-1\"," MINE "}]}", 1, "m-1" },
	{ "missed", LIST, 200, "{\"items\":[{\"mid\":\"m-0\",\"ref\":\"other\",\"to\":\"a@b.example\"},7,null,{}]}", 0, NULL },
	{ "an empty list", LIST, 200, "{\"items\":[]}", 0, NULL },
	{ "all must match", LIST, 200, "{\"items\":[{\"mid\":\"m-1\",\"ref\":\"01JX9000000000000000000000\",\"to\":\"c@d.example\"}]}", 0, NULL },
	{ "no list", LIST, 200, "{}", -EBADMSG, NULL },
	{ "no JSON", LIST, 200, "<html>", -EBADMSG, NULL },
	{ "nothing", LIST, 200, NULL, -EBADMSG, NULL },
	{ "a list that is a text", LIST, 200, "{\"items\":\"x\"}", -EBADMSG, NULL },
	{ "an error tells nothing", LIST, 500, "{\"items\":[]}", -EBADMSG, NULL },
	{ "nor does a refusal", LIST, 404, "{\"items\":[]}", -EBADMSG, NULL },
	{ "found without its id", LIST, 200, "{\"items\":[{" MINE "}]}", -EBADMSG, NULL },
	{ "one object", LOOKUP(""), 200, "{\"mid\":\"m-1\"," MINE "}", 1, "m-1" },
	{ "another object", LOOKUP(""), 200, "{\"mid\":\"m-1\",\"ref\":\"x\",\"to\":\"a@b.example\"}", 0, NULL },
	{ "a status that is a miss", LOOKUP(",\"not_found_status\":404"), 404, NULL, 0, NULL },
	{ "another is not", LOOKUP(",\"not_found_status\":404"), 410, NULL, -EBADMSG, NULL },
	{ "young enough", DATED, 200, "{\"items\":[{\"mid\":\"m-1\",\"at\":\"2026-04-01T07:59:00Z\"," MINE "}]}", 1, "m-1" },
	{ "clocks differ by less than a minute", DATED, 200, "{\"items\":[{\"mid\":\"m-1\",\"at\":\"Wed, 01 Apr 2026 07:58:00 GMT\"," MINE "}]}", 1,
		"m-1" },
	{ "an older one is another", DATED, 200, "{\"items\":[{\"mid\":\"m-1\",\"at\":\"2026-04-01T07:57:59Z\"," MINE "}]}", 0, NULL },
	{ "without a time it may be this one: nothing is proven", DATED, 200, "{\"items\":[{\"mid\":\"m-1\"," MINE "}]}", -EBADMSG, NULL },
	{ "with an unreadable time too", DATED, 200, "{\"items\":[{\"mid\":\"m-1\",\"at\":\"yesterday\"," MINE "}]}", -EBADMSG, NULL },
	{ "missed on the first of several pages", PAGED, 200, "{\"items\":[],\"next\":\"p2\"}", -EBADMSG, NULL },
	{ "found there", PAGED, 200, "{\"items\":[{\"mid\":\"m-1\"," MINE "}],\"next\":\"p2\"}", 1, "m-1" },
	{ "missed on the last page", PAGED, 200, "{\"items\":[],\"next\":null}", 0, NULL },
	{ "whose next is not there", PAGED, 200, "{\"items\":[]}", 0, NULL },
	{ "whose next is empty", PAGED, 200, "{\"items\":[],\"next\":\"\"}", 0, NULL },
	{ "that has no more", PAGED, 200, "{\"items\":[],\"next\":false}", 0, NULL },
	{ "missed, and there is more", PAGED, 200, "{\"items\":[],\"next\":true}", -EBADMSG, NULL },
	{ "missed, and more by number", PAGED, 200, "{\"items\":[],\"next\":2}", -EBADMSG, NULL },
	{ "missed, and more by link", PAGED, 200, "{\"items\":[],\"next\":{\"href\":\"x\"}}", -EBADMSG, NULL },
};

static void lookup_row(void **state)
{
	const struct lookup_row *row = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = parse(row->json);
	struct message message = { .attempt_id = "01JX9000000000000000000000", .to = { .email = "a@b.example" },
		.from = { .email = "c@d.example" }, .subject = "s", .text = "t" };
	const struct adapter_input input = { .message = &message, .now = NOW, .sent_at = NOW - MINUTE_MS };
	struct http_answer answer = answer_of(row->status, "", row->body);
	struct adapter_lookup *lookup;
	struct http_request request;
	const char *id = NULL;

	assert_int_equal(adapter_lookup_request(adapter, &input, arena, &request, &lookup, NULL), 0);
	assert_string_equal(request.method, "GET");
	assert_string_equal(request.url, "https://x.example/list?since=1775030340");
	assert_int_equal(adapter_lookup_answer(lookup, &answer, arena, &id), row->r);
	if (row->id)
		assert_string_equal(id, row->id);
	else
		assert_null(id);
	answer.truncated = true; /* half a list proves nothing */
	if (row->status == 200)
		assert_int_equal(adapter_lookup_answer(lookup, &answer, arena, &id), -EBADMSG);
}

static void no_lookup(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = parse(PLAIN), *other = parse(LIST);
	struct message message = { .attempt_id = "01JX9000000000000000000000", .to = { .phone = "+331" } };
	const struct adapter_input input = { .message = &message };
	struct adapter_lookup *lookup = NULL;
	struct http_request request;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(adapter_lookup_request(adapter, &input, arena, &request, &lookup, &err), -ENOTSUP);
	assert_string_equal(err.code, "no_lookup");
	err_clear(&err);
	assert_int_equal(adapter_lookup_request(other, &input, arena, &request, &lookup, &err), -EBADMSG); /* nothing to compare with */
	assert_string_equal(err.code, "missing_value");
	assert_null(lookup);
}

#define ROWS(rows, fn)                                                                                               \
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)                                                                 \
	tests[count++] = (struct CMUnitTest){ .name = rows[i].name, .test_func = fn, .initial_state = (void *)(uintptr_t)&rows[i] }

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(answers_that_end_early),
		cmocka_unit_test(headers_are_found),
		cmocka_unit_test(dates_of_http),
		cmocka_unit_test(no_lookup),
	};
	static struct CMUnitTest tests[ARRAY_LEN(others) + ARRAY_LEN(outcome_rows) + ARRAY_LEN(wait_rows) + ARRAY_LEN(lookup_rows)];
	size_t count = ARRAY_LEN(others);

	memcpy(tests, others, sizeof(others));
	ROWS(outcome_rows, outcome_row);
	ROWS(wait_rows, wait_row);
	ROWS(lookup_rows, lookup_row);
	return cmocka_run_group_tests_name("adapter_answer", tests, NULL, NULL);
}
