/* What providers are asked for: files refused with a reason, requests, lists read from where one has come, and the shipped files' own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/adapter_poll.h"
#include "tests/unit/hook_testing.h"

#define POLLS(polls) \
	"{\"adapter\":1,\"name\":\"x\",\"channel\":\"sms\",\"config\":{\"on\":{},\"key\":{\"secret\":true}}," \
	"\"send\":{\"method\":\"POST\",\"url\":\"https://x.example\",\"auth\":{\"kind\":\"none\"}},\"response\":{\"id\":\"/id\"},\"poll\":" polls "}"
#define GET(url) "\"request\":{\"method\":\"GET\",\"url\":\"" url "\"}"
#define EVENT "\"events\":{\"message\":\"/id\",\"type\":\"/s\",\"map\":{\"x\":\"sent\"}}"
#define POLL(members) POLLS("[{\"name\":\"a\"," members "}]")
#define WITH(members) POLL(GET("https://x.example") "," members "," EVENT)

static const struct refusal {
	const char *json, *code, *path, *says;
} refusals[] = {
	{ POLLS("{}"), "wrong_type", "$.poll", "" },
	{ POLLS("[7]"), "wrong_type", "$.poll[0]", "" },
	{ POLLS("[{}]"), "missing", "$.poll[0].name", "" },
	{ POLL("\"x\":1"), "unknown_member", "$.poll[0].x", "" },
	{ POLL(EVENT), "missing", "$.poll[0].request", "" },
	{ POLL("\"request\":{\"method\":\"POST\",\"url\":\"https://x.example\"}," EVENT), "not_one_of", "$.poll[0].request.method", "by GET" },
	{ POLL(GET("https://x.example/{to.phone}") "," EVENT), "unknown_value", "$.poll[0].request.url", "has no meaning here" },
	{ POLL(GET("https://x.example/{dispatch.id}") "," EVENT), "unknown_value", "$.poll[0].request.url", "has no meaning here" },
	{ POLL(GET("https://x.example/{config.key}") "," EVENT), "secret_in_url", "$.poll[0].request.url", "" },
	{ POLL(GET("https://x.example")), "missing", "$.poll[0].events", "" },
	{ WITH("\"when\":\"nothing\""), "unknown_value", "$.poll[0].when", "not declared" },
	{ WITH("\"when\":\"key\""), "bad_value", "$.poll[0].when", "no switch" },
	{ WITH("\"interval_s\":0"), "out_of_range", "$.poll[0].interval_s", "" },
	{ WITH("\"each\":\"x\""), "bad_pointer", "$.poll[0].each", "" },
	{ WITH("\"cursor\":{\"pointer\":\"\"}"), "missing", "$.poll[0].cursor.kind", "" },
	{ WITH("\"newest_first\":true,\"next\":\"/next\""), "bad_value", "$.poll[0].newest_first", "with cursor and next" },
	{ WITH("\"next\":7"), "wrong_type", "$.poll[0].next", "pointer" },
	{ WITH("\"next\":{\"pointer\":\"/n\"}"), "missing", "$.poll[0].next.query", "" },
	{ WITH("\"next\":{\"pointer\":\"n\",\"query\":\"page\"}"), "bad_pointer", "$.poll[0].next.pointer", "" },
	{ WITH("\"next\":{\"pointer\":\"/n\",\"query\":\"page\",\"x\":1}"), "unknown_member", "$.poll[0].next.x", "" },
	{ WITH("\"item\":{\"id\":\"\"}"), "missing", "$.poll[0].item.request", "" },
	{ POLL(GET("https://x.example") ",\"events\":{\"message\":{\"header\":\"X\"},\"type\":\"/s\",\"map\":{\"x\":\"sent\"}}"), "bad_value",
		"$.poll[0].events", "pointers alone" },
	{ POLLS("[{\"name\":\"a\"," GET("https://x.example") "," EVENT "},{\"name\":\"a\"," GET("https://x.example") "," EVENT "}]"), "not_unique",
		"$.poll[1].name", "" },
	{ POLLS("[{\"name\":\"A\"," GET("https://x.example") "," EVENT "}]"), "bad_id", "$.poll[0].name", "" },
};

static void refusal_says(void **state)
{
	const struct refusal *row = *state;
	struct adapter *adapter = NULL;
	struct err err = { 0 };

	if (adapter_parse(row->json, strlen(row->json), &adapter, &err) == 0) {
		adapter_free(adapter);
		fail_msg("taken: %s", row->json);
	}
	assert_string_equal(err.code, row->code);
	assert_string_equal(err.path, row->path);
	if (!strstr(err.text, row->says))
		fail_msg("\"%s\" does not say \"%s\"", err.text, row->says);
}

#define NUMBERS WITH("\"cursor\":{\"pointer\":\"/n\",\"kind\":\"number\"},\"next\":\"/next\",\"each\":\"/l\"")
#define TIMES WITH("\"cursor\":{\"pointer\":\"/t\",\"kind\":\"time\"},\"overlap_s\":60")
#define IDS WITH("\"cursor\":{\"pointer\":\"\",\"kind\":\"number\"},\"item\":{\"request\":{\"method\":\"GET\",\"url\":\"https://x.example/{poll.item|path}\"}}")
#define NEWEST WITH("\"cursor\":{\"pointer\":\"/n\",\"kind\":\"number\"},\"next\":\"/next\",\"each\":\"/l\",\"newest_first\":true")
#define ADDRESSED WITH("\"each\":\"/l\",\"next\":{\"pointer\":\"/next\",\"query\":\"page\"}")
#define MINUTE INT64_C(1767225660000)

/* What is new in a list since the position: cursors, ids or the elements themselves; behind '>' the next page. */
static const struct listing {
	const char *name, *json;
	bool has_cursor;
	int64_t cursor;
	const char *body, *says; /* says NULL: refused */
} listings[] = {
	{ "all of them, in their order", NUMBERS, false, 0, "{\"l\":[{\"n\":9},{\"n\":\"7\"},{\"n\":8}]}", "7{\"n\":\"7\"} 8{\"n\":8} 9{\"n\":9} " },
	{ "the newer ones, and a page", NUMBERS, true, 7, "{\"l\":[{\"n\":9},{\"n\":7},{\"n\":8}],\"next\":2}", "8{\"n\":8} 9{\"n\":9} >2" },
	{ "the newest first: down to what is known", NEWEST, true, 7, "{\"l\":[{\"n\":9},{\"n\":8}],\"next\":2}", "8{\"n\":8} 9{\"n\":9} >2" },
	{ "the newest first: and no further", NEWEST, true, 7, "{\"l\":[{\"n\":8},{\"n\":7}],\"next\":2}", "8{\"n\":8} " },
	{ "the newest first: one page at first", NEWEST, false, 0, "{\"l\":[{\"n\":8},{\"n\":7}],\"next\":2}", "7{\"n\":7} 8{\"n\":8} " },
	{ "a page in an address", ADDRESSED, false, 0, "{\"l\":[],\"next\":\"https://y.example/l/?limit=9&page=2%2B\"}", ">2+" },
	{ "no address", ADDRESSED, false, 0, "{\"l\":[],\"next\":null}", "" },
	{ "an address without a page", ADDRESSED, false, 0, "{\"l\":[],\"next\":\"https://y.example/l/2\"}", NULL },
	{ "no page", NUMBERS, true, 9, "{\"l\":[{\"n\":9}],\"next\":null}", "" },
	{ "an empty list", NUMBERS, false, 0, "{\"l\":[],\"next\":\"\"}", "" },
	{ "an element without its number", NUMBERS, false, 0, "{\"l\":[{\"n\":9},{}]}", NULL },
	{ "no list", NUMBERS, false, 0, "{\"l\":{}}", NULL },
	{ "no JSON", NUMBERS, false, 0, "{", NULL },
	{ "nothing", NUMBERS, false, 0, "", NULL },
	{ "times, with those shortly before", TIMES, true, MINUTE, "[{\"t\":\"2026-01-01T00:00:00Z\"},{\"t\":\"2025-12-31T23:59:59Z\"},{\"t\":1767225700}]",
		"1767225600000{\"t\":\"2026-01-01T00:00:00Z\"} 1767225700000{\"t\":1767225700} " },
	{ "ids alone", IDS, true, 5550, "[5552,5551,5550]", "5551#55515551 5552#55525552 " },
	{ "ids that are none", IDS, false, 0, "[{}]", NULL },
};

static void listing_reads(void **state)
{
	const struct listing *row = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = parse(row->json);
	CLEANUP(buf_clear) struct buf said = { 0 };
	struct http_answer answer = { .status = 200, .head = "", .body = row->body, .body_len = strlen(row->body) };
	struct poll_position position = { .has_cursor = row->has_cursor, .cursor = row->cursor };
	struct poll_item *items;
	const char *page;
	struct err err = { 0 };
	size_t count;
	int r = poll_read_list(adapter_poll(adapter, 0), &answer, &position, arena, &items, &count, &page, &err);

	if (!row->says) {
		assert_int_equal(r, -EBADMSG);
		assert_true(err.code[0]);
		return;
	}
	assert_int_equal(r, 0);
	for (size_t i = 0; i < count; i++)
		buf_printf(&said, "%lld%s%s%s ", (long long)items[i].cursor, items[i].id ? "#" : "", items[i].id ? items[i].id : "",
			items[i].json ? items[i].json : "");
	if (page)
		buf_printf(&said, ">%s", page);
	assert_string_equal(buf_str(&said), row->says);
	answer.truncated = true;
	assert_int_equal(poll_read_list(adapter_poll(adapter, 0), &answer, &position, arena, &items, &count, &page, NULL), -EBADMSG);
}

/* The shipped ones: what is asked, and what the answer tells. */
static const struct shipped_poll {
	const char *provider, *name, *switched;
	struct poll_position position;
	const char *url, *answer, *says;
} polls[] = {
	{ "ovh", "answers", "poll_answers", { 0 }, "https://eu.api.ovh.com/1.0/sms/sms-ab12345-1/incoming", NULL, NULL },
	{ "ovh", "answers", "poll_answers", { .item = "5551" }, "https://eu.api.ovh.com/1.0/sms/sms-ab12345-1/incoming/5551",
		"{\"id\":5551,\"creationDatetime\":\"2026-01-01T01:00:00+01:00\",\"sender\":\"+33612345678\",\"message\":\"STOP\",\"tag\":\"d01\",\"credits\":0}",
		"replied at=1767225600000 address=+33612345678 text=STOP; " },
	{ "ovh", "stops", "poll_stops", { 0 }, "https://eu.api.ovh.com/1.0/sms/sms-ab12345-1/blacklists", NULL, NULL },
	{ "ovh", "stops", "poll_stops", { .item = "+33612345678" }, "https://eu.api.ovh.com/1.0/sms/sms-ab12345-1/blacklists/%2B33612345678",
		"{\"number\":\"+33612345678\",\"dateCreation\":\"2026-01-01T01:00:00+01:00\",\"smsOutgoingID\":389674829,\"batchID\":null}",
		"stopped message=389674829 at=1767225600000 address=+33612345678; " },
	{ "ovh", "stops", "poll_stops", { .item = "33612345678" }, "https://eu.api.ovh.com/1.0/sms/sms-ab12345-1/blacklists/33612345678",
		"{\"number\":\"33612345678\",\"dateCreation\":\"2026-01-01T01:00:00+01:00\",\"smsOutgoingID\":null}",
		"stopped at=1767225600000 address=+33612345678; " },
	{ "ovh", "receipts", "poll_receipts", { 0 },
		"https://eu.api.ovh.com/1.0/sms/sms-ab12345-1/outgoing?creationDatetime.from=2025-12-30T00%3A00%3A10Z", NULL, NULL },
	{ "ovh", "receipts", "poll_receipts", { .item = "389674829" }, "https://eu.api.ovh.com/1.0/sms/sms-ab12345-1/outgoing/389674829",
		"{\"id\":389674829,\"receiver\":\"+33612345678\",\"deliveryReceipt\":1,\"ptt\":1,\"tag\":\"d01\"}",
		"delivered message=389674829 reason=1 address=+33612345678; " },
	{ "resend", "inbound", "poll_inbound", { 0 }, "https://api.resend.com/emails/receiving?limit=100", NULL, NULL },
	{ "resend", "inbound", "poll_inbound", { .page = "e-99" }, "https://api.resend.com/emails/receiving?limit=100&after=e-99", NULL, NULL },
	{ "resend", "inbound", "poll_inbound", { .item = "e-1" }, "https://api.resend.com/emails/receiving/e-1?html_format=cid",
		"{\"object\":\"email\",\"id\":\"e-1\",\"to\":[\"us@x.example\"],\"from\":\"Ann <a@x.example>\",\"created_at\":\"2026-01-01 00:00:00.123456+00\","
		"\"subject\":\"Re: Rappel\",\"html\":\"<p>paid</p>\",\"text\":\"We paid yesterday.\",\"attachments\":[{\"id\":\"f\",\"filename\":\"slip.pdf\","
		"\"content_type\":\"application/pdf\"}]}",
		"replied at=1767225600123 address=a@x.example text=We paid yesterday. files=[{\"name\":\"slip.pdf\",\"type\":\"application/pdf\"}]; " },
	{ "clicksend", "letters", "poll_letters", { .page = "2" },
		"https://rest.clicksend.com/v3/post/letters/history?date_from=1764633610&limit=100&page=2", NULL, NULL },
	{ "clicksend", "letters", "poll_letters", { 0 }, "https://rest.clicksend.com/v3/post/letters/history?date_from=1764633610&limit=100",
		"[{\"message_id\":\"m-1\",\"custom_string\":\"" ATTEMPT "\",\"status\":\"Delivered\"}]", "delivered attempt=" ATTEMPT " message=m-1; " },
};

/* ClickSend's next page, as its own description has it: https://rest.clicksend.com/v3/.../?page=2, and null behind the last. */
static void clicksend_has_pages(void **state)
{
	static const char *const bodies[] = { "{\"data\":{\"current_page\":1,\"last_page\":2,\"next_page_url\":"
		"\"https://rest.clicksend.com/v3/post/letters/history/?page=2\",\"data\":[{\"message_id\":\"m-1\",\"status\":\"Sent\"}]}}",
		"{\"data\":{\"current_page\":2,\"last_page\":2,\"next_page_url\":null,\"data\":[]}}" };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = shipped(arena, "clicksend");
	struct poll_position position = { 0 };
	struct poll_item *items;
	const char *page = NULL;
	size_t count;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		struct http_answer answer = { .status = 200, .head = "", .body = bodies[i], .body_len = strlen(bodies[i]) };

		assert_int_equal(poll_read_list(adapter_poll(adapter, 0), &answer, &position, arena, &items, &count, &page, NULL), 0);
		assert_int_equal(count, 1 - i);
		if (i == 0)
			assert_string_equal(page, "2");
		else
			assert_null(page);
	}
}

/* Numbers alone, each of which is asked for. */
static void ovh_lists_numbers(void **state)
{
	static const char body[] = "[\"+33612345678\",\"+33698765432\"]";
	const struct http_answer answer = { .status = 200, .head = "", .body = body, .body_len = strlen(body) };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = shipped(arena, "ovh");
	const struct poll_position position = { 0 };
	struct poll_item *items;
	const char *page = NULL;
	size_t count, i = 0;

	(void)state;
	while (strcmp(poll_name(adapter_poll(adapter, i)), "stops") != 0)
		i++;
	assert_true(poll_by_item(adapter_poll(adapter, i)));
	assert_int_equal(poll_read_list(adapter_poll(adapter, i), &answer, &position, arena, &items, &count, &page, NULL), 0);
	assert_true(count == 2 && !page);
	assert_string_equal(items[1].id, "+33698765432");
	assert_true(poll_seen_ms(adapter_poll(adapter, i)) > INT64_C(90) * 24 * 3600 * 1000); /* it stands there for good, and is told of now and then */
}

static const char *any_secret(const char *credential, void *arg)
{
	(void)credential, (void)arg;
	return "s3cret";
}

static void shipped_poll_asks(void **state)
{
	const struct shipped_poll *row = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = shipped(arena, row->provider);
	CLEANUP(buf_clear) struct buf said = { 0 };
	const char *given[] = { "service", "sms-ab12345-1", "application_key", "k", "application_secret", "a", "consumer_key", "b", "username", "u",
		"api_key", "c", "inbound_key", "d", NULL, NULL, NULL };
	struct provider_settings settings = { .name = "x", .settings = given };
	struct adapter_input input = { .settings = &settings, .secret = any_secret, .now = NOW };
	const struct poll *poll = NULL;
	struct http_request request;
	struct hook_event *events;
	struct err err = { 0 };
	size_t count = 0;

	for (size_t i = 0; i < adapter_poll_count(adapter); i++)
		if (strcmp(poll_name(adapter_poll(adapter, i)), row->name) == 0)
			poll = adapter_poll(adapter, i);
	assert_non_null(poll);
	assert_false(poll_wanted(poll, &settings));
	given[14] = row->switched;
	given[15] = "yes";
	assert_true(poll_wanted(poll, &settings));
	if (adapter_poll_request(adapter, poll, &input, &row->position, arena, &request, &err) < 0)
		fail_msg("%s %s", err.code, err.text);
	assert_string_equal(request.method, "GET");
	assert_string_equal(request.url, row->url);
	assert_true(poll_seen_ms(poll) >= INT64_C(7) * 24 * 3600 * 1000);
	if (!row->answer)
		return;
	assert_int_equal(hook_read(poll_hook(poll), &(struct hook_request){ .url = request.url, .path_secret = "", .body = row->answer,
							    .body_len = strlen(row->answer) }, arena, &events, &count, &err), 0);
	for (size_t i = 0; i < count; i++)
		expect(&said, &events[i]);
	assert_string_equal(buf_str(&said), row->says);
}

/* What a poll needs must be set where it is asked for, and only there. */
static void its_own_settings(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = shipped(arena, "resend");
	static const char *const plain[] = { "api_key", "k", NULL, NULL }, *const lacking[] = { "api_key", "k", "poll_inbound", "yes", NULL, NULL },
				 *const whole[] = { "api_key", "k", "poll_inbound", "yes", "inbound_key", "i", NULL, NULL };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(adapter_check_settings(adapter, &(struct provider_settings){ .name = "x", .settings = plain }, &err), 0);
	assert_int_equal(adapter_check_settings(adapter, &(struct provider_settings){ .name = "x", .settings = whole }, &err), 0);
	assert_true(adapter_check_settings(adapter, &(struct provider_settings){ .name = "x", .settings = lacking }, &err) < 0);
	assert_non_null(strstr(err.text, "{config.inbound_key}"));
}

int main(void)
{
	static struct CMUnitTest tests[ARRAY_LEN(refusals) + ARRAY_LEN(listings) + ARRAY_LEN(polls) + 3];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
		tests[n++] = (struct CMUnitTest){ refusals[i].json, refusal_says, NULL, NULL, (void *)(uintptr_t)&refusals[i] };
	for (size_t i = 0; i < ARRAY_LEN(listings); i++)
		tests[n++] = (struct CMUnitTest){ listings[i].name, listing_reads, NULL, NULL, (void *)(uintptr_t)&listings[i] };
	for (size_t i = 0; i < ARRAY_LEN(polls); i++)
		tests[n++] = (struct CMUnitTest){ polls[i].url, shipped_poll_asks, NULL, NULL, (void *)(uintptr_t)&polls[i] };
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(clicksend_has_pages);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(ovh_lists_numbers);
	tests[n] = (struct CMUnitTest)cmocka_unit_test(its_own_settings);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
