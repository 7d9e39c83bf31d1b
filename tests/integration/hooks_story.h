/* hooks_story - a daemon whose provider tells it something: an invoice that is overdue, what went out, and what the documents come to say. */
#ifndef DUNNINGD_TESTS_INTEGRATION_HOOKS_STORY_H
#define DUNNINGD_TESTS_INTEGRATION_HOOKS_STORY_H

#include "tests/integration/hooks_fixture.h"

static const char event[] =
	"{\"specversion\":\"1.0\",\"id\":\"f-ID\",\"source\":\"https://billing.example/eu\",\"type\":\"invoice.finalized\","
	"\"time\":\"2026-03-02T09:00:00Z\",\"data\":{\"invoice\":{\"id\":\"ID\",\"number\":\"F-ID\",\"version\":1,\"issued_on\":\"2026-03-02\","
	"\"due_on\":\"2026-04-01\",\"currency\":\"EUR\",\"total_minor\":120000,\"due_minor\":120000},"
	"\"customer\":{\"id\":\"CUS\",\"name\":\"Dupont SARL\",\"country\":\"FR\",\"locale\":\"fr-FR\",\"timezone\":\"Europe/Paris\","
	"\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"email\":\"one@CUS.example\",\"phone\":\"+33612345678\"},"
	"{\"id\":\"c2\",\"role\":\"billing\",\"email\":\"two@CUS.example\"}]}}}";
static const char policy[] =
	"{\"name\":\"now\",\"title\":\"at once\",\"window\":{\"zone\":\"debtor\",\"days\":\"mon-sun\",\"hours\":\"00:00-24:00\"},"
	"\"caps\":[],\"min_gap\":\"0h\",\"same_day\":true,\"group\":\"none\","
	"\"steps\":[{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"plain\",\"tone\":\"friendly\",\"else\":\"sms\"}]}";

struct hooked {
	struct world world;
	int port;
};

FIXTURE int setup(void **state)
{
	struct hooked *h = calloc(1, sizeof(*h));
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	h->port = hooks_open(&h->world, &(struct world_options){ 0 });
	put_file(&h->world, arena, "policies/now.json", policy);
	put_file(&h->world, arena, "templates/fr/plain.sms", "Facture {{invoice.number}}");
	put_file(&h->world, arena, "hooked.json", replaced(arena, hooked_file, "\"webhooks\":[{", "\"webhooks\":[{\"body_bytes\":300000,"));
	world_measure(&h->world);
	world_start(&h->world, NULL);
	if (!world_ready(&h->world, WAIT_MS))
		return -1;
	*state = h;
	return 0;
}

FIXTURE int teardown(void **state)
{
	struct hooked *h = *state;

	world_close(&h->world, false);
	free(h);
	return 0;
}

FIXTURE void push_invoice(struct hooked *h, const char *id, const char *customer)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	char *text = replaced(arena, replaced(arena, event, "ID", id), "CUS", customer);

	world_push(&h->world, text, strlen(text));
}

FIXTURE struct json document(struct hooked *h, struct arena *arena, const char *kind, const char *id)
{
	const char *argv[] = { "GET", arena_printf(arena, "%s", world_key(&h->world, arena, arena_printf(arena, "%s:%s", kind, id))), NULL };
	const struct redis_reply *reply = world_redis(&h->world, arena, argv);
	struct json *ret = arena_alloc(arena, sizeof(*ret));

	if (reply->type == REDIS_STRING)
		assert_int_equal(json_parse(arena, reply->str, reply->len, 0, ret, NULL), 0);
	return *ret;
}

FIXTURE const char *member(const struct json *json, const char *key)
{
	struct json value = json_get(json, key);

	return json_str(&value) ? json_str(&value) : "";
}

/* The attempts about an invoice, as the provider has them: address and id of the i-th. */
FIXTURE size_t sent_to(struct hooked *h, struct arena *arena, const char *invoice, size_t i, const char **address, const char **attempt)
{
	struct json said = world_ask_sandbox(&h->world, arena, arena_printf(arena, "/messages?invoice=%s", invoice)),
		    messages = json_get(&said, "messages"), one = json_at(&messages, i), to = json_get(&one, "to");

	*attempt = member(&one, "attempt");
	*address = json_str(&to) ? json_str(&to) : member(&to, strcmp(member(&one, "channel"), "sms") == 0 ? "phone" : "email");
	return json_len(&messages);
}

/* Waits until the provider has so many messages about the invoice. */
FIXTURE const char *wait_sent(struct hooked *h, struct arena *arena, const char *invoice, size_t count, const char *expected)
{
	const char *address = "", *attempt = "";

	for (int64_t deadline = real_ms() + WAIT_MS; real_ms() < deadline; pause_ms(20))
		if (sent_to(h, arena, invoice, count - 1, &address, &attempt) >= count)
			break;
	assert_string_equal(address, expected);
	return attempt;
}

/* Waits until the text stands in the document. */
FIXTURE void wait_says(struct hooked *h, const char *kind, const char *id, const char *text)
{
	CLEANUP(buf_clear) struct buf seen = { 0 };

	for (int64_t deadline = real_ms() + WAIT_MS; real_ms() < deadline; pause_ms(20)) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct json json = document(h, arena, kind, id);

		buf_reset(&seen);
		if (json.type == JSON_OBJECT)
			json_write(&seen, &json);
		if (strstr(buf_str(&seen), text))
			return;
	}
	fail_msg("%s %s does not come to say %s: %s", kind, id, text, buf_str(&seen));
}

FIXTURE void tell_of(struct hooked *h, const char *type, const char *attempt, const char *number, const char *more)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	assert_int_equal(tell(h->port, arena_printf(arena, "{\"type\":\"%s\",\"attempt\":\"%s\",\"event\":\"%s-%s\"%s}", type, attempt, attempt, number,
						      more ? more : "")), 200);
}

FIXTURE const char *state_of(struct hooked *h, struct arena *arena, const char *invoice)
{
	struct json doc = document(h, arena, "escalation", invoice);

	return member(&doc, "state");
}

FIXTURE void ctl_says(struct hooked *h, const char *const *words, const char *text)
{
	CLEANUP(buf_clear) struct buf output = { 0 };

	assert_int_equal(world_ctl(&h->world, words, &output), 0);
	if (!strstr(buf_str(&output), text))
		fail_msg("%s is not said: %s", text, buf_str(&output));
}

/* Whether it is well or not. */
FIXTURE void status_has(struct hooked *h, const char *option, const char *text)
{
	CLEANUP(buf_clear) struct buf output = { 0 };

	(void)world_ctl(&h->world, (const char *const[]){ "status", option, NULL }, &output);
	if (!strstr(buf_str(&output), text))
		fail_msg("%s is not said: %s", text, buf_str(&output));
}

FIXTURE bool trail_keeps(struct hooked *h, const char *customer, const char *text)
{
	CLEANUP(buf_clear) struct buf output = { 0 };

	if (world_ctl(&h->world, (const char *const[]){ "trail", "log", "--customer", customer, "--parts", NULL }, &output) != 0)
		fail_msg("%s", buf_str(&output));
	return strstr(buf_str(&output), text) != NULL;
}

FIXTURE const char *member_text(struct hooked *h, struct arena *arena, const char *kind, const char *id)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct json json = document(h, arena, kind, id);

	json_write(&text, &json);
	return arena_strdup(arena, buf_str(&text));
}

/* From a mail server, as curl hands it on: a report, an answer to the next one, and what a program sends for who clicked on the head's mailto. */
FIXTURE void give_mail(struct hooked *h, struct arena *arena, const char *secret, const char *mail, int expected)
{
	const char *text = arena_printf(arena, "POST /hooks/mailbox/%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
					       "Content-Length: %zu\r\n\r\n%s", secret, strlen(mail), mail);

	assert_int_equal(send_raw(h->port, text, strlen(text), WAIT_MS), expected);
}

#endif
