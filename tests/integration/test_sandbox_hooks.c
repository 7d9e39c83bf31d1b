/*
 * What the sandbox tells, by the real daemon: in its own scheme and in those of Twilio, SendGrid and Resend, each through the shipped file.
 * A receipt, a bounce, an answer and STOP change the state; what cannot be delivered at once is repeated.
 */
#include "tests/integration/hooks_fixture.h"

#include "tests/support/http_get.h"

static const char event[] =
	"{\"specversion\":\"1.0\",\"id\":\"f-ID\",\"source\":\"https://billing.example/eu\",\"type\":\"invoice.finalized\","
	"\"time\":\"2026-03-02T09:00:00Z\",\"data\":{\"invoice\":{\"id\":\"ID\",\"number\":\"F-ID\",\"version\":1,\"issued_on\":\"2026-03-02\","
	"\"due_on\":\"2026-04-01\",\"currency\":\"EUR\",\"total_minor\":120000,\"due_minor\":120000},"
	"\"customer\":{\"id\":\"CUS\",\"name\":\"Dupont SARL\",\"country\":\"FR\",\"locale\":\"fr-FR\",\"timezone\":\"Europe/Paris\","
	"\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"email\":\"MAIL\",\"phone\":\"PHONE\"},"
	"{\"id\":\"c2\",\"role\":\"billing\",\"email\":\"two@ID.example\"}]}}}";
static const char policy[] =
	"{\"name\":\"now\",\"title\":\"at once\",\"window\":{\"zone\":\"debtor\",\"days\":\"mon-sun\",\"hours\":\"00:00-24:00\"},"
	"\"caps\":[],\"min_gap\":\"0h\",\"group\":\"none\","
	"\"steps\":[{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"plain\",\"tone\":\"friendly\",\"else\":\"sms\"}]}";

struct told_world {
	struct world world;
	int port; /* of the daemon's webhooks */
};

static const char *member(const struct json *json, const char *key)
{
	struct json value = json_get(json, key);

	return json_str(&value) ? json_str(&value) : "";
}

static long post(struct told_world *t, const char *path, const char *body, struct http_reply *reply)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	return http_post(arena_printf(arena, "http://127.0.0.1:%d%s", t->world.port, path), NULL, body, reply);
}

/* With the shipped files of all four, and the sandbox's keys. */
static void add_providers(struct told_world *t)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf config = { 0 };
	struct json said = world_ask_sandbox(&t->world, arena, "/hooks"), keys = json_get(&said, "keys");
	const char *text;

	put_file(&t->world, arena, "credentials/resend-key", member(&keys, "resend"));
	put_file(&t->world, arena, "credentials/some-key", "x");
	assert_int_equal(file_read(t->world.config, 100000, &config, NULL), 0);
	text = replaced(arena, buf_str(&config), "\"creditor\":",
		arena_printf(arena, "\"hooks\":{\"listen\":\"127.0.0.1:%d\",\"public_url\":\"https://dunning.example\"},\"creditor\":", t->port));
	text = replaced(arena, text, "{\"sandbox\":{\"file\":\"sandbox.json\",",
		arena_printf(arena,
			"{\"twilio-sms\":{\"file\":\"twilio-sms.json\",\"settings\":{\"account_sid\":\"AC1\"},\"secrets\":{\"auth_token\":\"sandbox-secret\"}},"
			"\"sendgrid\":{\"file\":\"sendgrid.json\",\"settings\":{\"webhook_key\":\"%s\",\"inbound_key\":\"%s\"},\"secrets\":{\"api_key\":\"some-key\"}},"
			"\"resend\":{\"file\":\"resend.json\",\"secrets\":{\"api_key\":\"some-key\",\"webhook_key\":\"resend-key\","
			"\"inbound_key\":\"resend-key\"}},"
			"\"sandbox\":{\"file\":\"sandbox.json\",\"secrets\":{\"webhook_key\":\"sandbox-secret\"},",
			member(&keys, "sendgrid"), member(&keys, "sendgrid")));
	put_file(&t->world, arena, t->world.config + strlen(t->world.dir) + 1, text);
}

static int setup(void **state)
{
	struct told_world *t = calloc(1, sizeof(*t));
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(http_reply_clear) struct http_reply reply = { 0 };
	CLEANUP(buf_clear) struct buf log = { 0 };

	world_open(&t->world, &(struct world_options){ 0 });
	t->port = free_port();
	put_file(&t->world, arena, "policies/now.json", policy);
	put_file(&t->world, arena, "templates/fr/plain.sms", "Facture {{invoice.number}}");
	add_providers(t);
	assert_int_equal(post(t, "/hooks", arena_printf(arena, "{\"to\":\"http://127.0.0.1:%d\",\"public_url\":\"https://dunning.example\",\"retry_ms\":20}",
						t->port), &reply), 200);
	world_start(&t->world, NULL);
	*state = t;
	if (world_ready(&t->world, WAIT_MS))
		return 0;
	(void)file_read(arena_printf(arena, "%s/daemon-%s-0.log", t->world.dir, t->world.prefix), 100000, &log, NULL);
	print_error("%s\n", buf_str(&log));
	return -1;
}

static int teardown(void **state)
{
	struct told_world *t = *state;

	world_close(&t->world, false);
	free(t);
	return 0;
}

static void push_of(struct told_world *t, const char *id, const char *customer, const char *mail, const char *phone)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *text = replaced(arena, replaced(arena, event, "ID", id), "CUS", customer);

	text = replaced(arena, replaced(arena, text, "MAIL", mail), "PHONE", phone);
	world_push(&t->world, text, strlen(text));
}

static void push_invoice(struct told_world *t, const char *id, const char *mail, const char *phone)
{
	push_of(t, id, id, mail, phone);
}

/* Waits until so many messages about the invoice were captured: the attempt of the last. */
static const char *wait_sent(struct told_world *t, struct arena *arena, const char *invoice, size_t count)
{
	for (int64_t deadline = real_ms() + WAIT_MS; real_ms() < deadline; pause_ms(20)) {
		struct json said = world_ask_sandbox(&t->world, arena, arena_printf(arena, "/messages?invoice=%s", invoice)),
			    messages = json_get(&said, "messages"), one = json_at(&messages, count - 1);

		if (json_len(&messages) >= count)
			return member(&one, "attempt");
	}
	fail_msg("%s: there is no message %zu", invoice, count);
	return "";
}

/* Until the text stands in the document of Redis. */
static void wait_says(struct told_world *t, const char *kind, const char *id, const char *text)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *argv[] = { "GET", world_key(&t->world, arena, arena_printf(arena, "%s:%s", kind, id)), NULL }, *seen = "";

	for (int64_t deadline = real_ms() + WAIT_MS; real_ms() < deadline; pause_ms(20)) {
		const struct redis_reply *reply = world_redis(&t->world, arena, argv);

		seen = reply->type == REDIS_STRING ? reply->str : "";
		if (strstr(seen, text))
			return;
	}
	fail_msg("%s %s does not come to say %s: %s", kind, id, text, seen);
}

static void tell_it(struct told_world *t, const char *attempt, const char *what, const char *more)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(http_reply_clear) struct http_reply reply = { 0 };

	if (post(t, "/tell", arena_printf(arena, "{\"attempt\":\"%s\",\"what\":\"%s\"%s}", attempt, what, more), &reply) != 202)
		fail_msg("%s is not told: %s", what, buf_str(&reply.body));
}

/* Until all that was told is settled: each in the state, the last with the status after so many tries (0 = whatever). */
static void wait_told(struct told_world *t, const char *state, int status, int64_t tries)
{
	for (int64_t deadline = real_ms() + WAIT_MS; real_ms() < deadline; pause_ms(20)) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct json said = world_ask_sandbox(&t->world, arena, "/told"), told = json_get(&said, "told"), last = { 0 }, value;
		bool settled = json_len(&told) > 0;

		for (size_t i = 0; i < json_len(&told); i++) {
			last = json_at(&told, i);
			settled = settled && strcmp(member(&last, "state"), "waiting") != 0;
		}
		if (!settled)
			continue;
		assert_string_equal(member(&last, "state"), state);
		value = json_get(&last, "status");
		assert_int_equal(json_int(&value), status);
		value = json_get(&last, "tries");
		if (tries)
			assert_int_equal(json_int(&value), tries);
		return;
	}
	fail_msg("what was told is not settled");
}

/* --- tests --------------------------------------------------------------------------------------------------------------------- */

static void a_receipt_and_a_bounce(void **state)
{
	struct told_world *t = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *attempt;

	push_invoice(t, "receipt", "one@receipt.example", "+33612345678");
	attempt = wait_sent(t, arena, "receipt", 1);
	tell_it(t, attempt, "delivered", ",\"times\":2");
	wait_says(t, "debtor", "receipt", arena_printf(arena, "\"%s\",\"one@receipt.example\",4", attempt));
	wait_told(t, "taken", 200, 1);
	push_invoice(t, "gone", "bounce@gone.example", "+33612345678"); /* it bounces by itself: the next contact is tried */
	(void)wait_sent(t, arena, "gone", 2);
	wait_says(t, "debtor", "gone", "\"bounce@gone.example\",8");
}

/* In the schemes of those whose files are shipped, with their words; each is about the attempt, whoever carried it. */
static void each_scheme_is_understood(void **state)
{
	static const char *const schemes[] = { "sandbox", "twilio", "sendgrid", "resend" };
	struct told_world *t = *state;

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const char *id = arena_printf(arena, "as-%s", schemes[i]), *as = arena_printf(arena, ",\"as\":\"%s\"", schemes[i]), *attempt;

		push_invoice(t, id, arena_printf(arena, "one@%s.example", id), "+33612345678");
		attempt = wait_sent(t, arena, id, 1);
		wait_says(t, "escalation", id, "\"end\":\"sent\"");
		tell_it(t, attempt, "delivered", as);
		wait_says(t, "debtor", id, arena_printf(arena, "\"%s\",\"one@%s.example\",4", attempt, id));
		tell_it(t, attempt, "bounced", as);
		(void)wait_sent(t, arena, id, 2);
		wait_told(t, "taken", 200, 1);
	}
}

static void a_stop_and_an_answer(void **state)
{
	struct told_world *t = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *argv[] = { "HGET", world_key(&t->world, arena, "tasks"), "answer_reply:answer", NULL }, *attempt;

	push_invoice(t, "stop", "one@stop.example", "+33612345670");
	attempt = wait_sent(t, arena, "stop", 1);
	tell_it(t, attempt, "stopped", "");
	wait_says(t, "debtor", "stop", "\"opt_out_email\":{\"on\":true");
	push_invoice(t, "answer", "one@answer.example", "+33612345671");
	attempt = wait_sent(t, arena, "answer", 1);
	tell_it(t, attempt, "replied", ",\"as\":\"sendgrid\",\"text\":\"Nous contestons cette facture : r\\u00e9clamation n\\u00b0 7\"");
	wait_says(t, "escalation", "answer", "\"held\":\"reply\"");
	assert_int_equal(world_redis(&t->world, arena, argv)->type, REDIS_STRING);
}

/* By SMS, as Twilio sends it: found by the number that it comes from. */
static void a_stop_by_sms(void **state)
{
	struct told_world *t = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *attempt;

	push_invoice(t, "mailed", "one@mailed.example", "+33612345672");
	tell_it(t, wait_sent(t, arena, "mailed", 1), "stopped", ""); /* by mail no more */
	wait_says(t, "debtor", "mailed", "\"opt_out_email\":{\"on\":true");
	push_of(t, "texted", "mailed", "one@mailed.example", "+33612345672");
	attempt = wait_sent(t, arena, "texted", 1);
	wait_says(t, "escalation", "texted", "\"end\":\"sent\"");
	tell_it(t, attempt, "stopped", ",\"as\":\"twilio\"");
	wait_says(t, "debtor", "mailed", "\"opt_out_sms\":{\"on\":true");
}

/* While the daemon is down its provider goes on trying; then it is told once. */
static void it_is_told_until_it_is_heard(void **state)
{
	struct told_world *t = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *attempt;

	push_invoice(t, "down", "one@down.example", "+33612345673");
	attempt = wait_sent(t, arena, "down", 1);
	wait_says(t, "escalation", "down", "\"end\":\"sent\"");
	process_kill(&t->world.daemon);
	tell_it(t, attempt, "delivered", "");
	world_start(&t->world, NULL);
	assert_true(world_ready(&t->world, WAIT_MS));
	wait_says(t, "debtor", "down", arena_printf(arena, "\"%s\",\"one@down.example\",4", attempt));
	wait_told(t, "taken", 200, 0);
}

/* It is not just any request that is taken: signed for another address, Twilio's is refused, and in the end given up. */
static void what_is_signed_wrongly_is_refused(void **state)
{
	struct told_world *t = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(http_reply_clear) struct http_reply reply = { 0 };
	const char *attempt;

	push_invoice(t, "wrong", "one@wrong.example", "+33612345674");
	attempt = wait_sent(t, arena, "wrong", 1);
	assert_int_equal(post(t, "/hooks", arena_printf(arena, "{\"to\":\"http://127.0.0.1:%d\",\"public_url\":\"https://other.example\",\"retry_ms\":1}",
						t->port), &reply), 200);
	tell_it(t, attempt, "delivered", ",\"as\":\"twilio\"");
	wait_told(t, "given up", 401, 10);
	assert_int_equal(post(t, "/hooks", arena_printf(arena, "{\"to\":\"http://127.0.0.1:%d\",\"public_url\":\"https://dunning.example\"}", t->port),
				 &reply), 200);
}

static void what_cannot_be_told_is_said(void **state)
{
	static const struct {
		const char *path, *body;
		long status;
	} rows[] = {
		{ "/tell", "{\"attempt\":\"nobody\",\"what\":\"delivered\"}", 404 },
		{ "/tell", "{\"message\":\"sbx-1\",\"what\":\"delivered\"}", 404 },
		{ "/tell", "{\"what\":\"delivered\"}", 404 },
		{ "/tell", "{\"attempt\":\"%s\",\"what\":\"vanished\"}", 400 },
		{ "/tell", "{\"attempt\":\"%s\",\"what\":\"delivered\",\"as\":\"pigeon\"}", 400 },
		{ "/tell", "{\"attempt\":\"%s\",\"what\":\"complained\",\"as\":\"twilio\"}", 400 },
		{ "/tell", "{\"attempt\":\"%s\",\"what\":\"delivered\",\"times\":101}", 400 },
		{ "/tell", "{\"attempt\":\"%s\",\"what\":\"delivered\",\"event\":\"x\\r\\ny\"}", 400 },
		{ "/hooks", "{\"to\":\"http://192.0.2.1:80\"}", 400 },
		{ "/hooks", "{\"to\":\"http://127.0.0.1:80@evil.example\"}", 400 },
		{ "/hooks", "{\"to\":\"https://127.0.0.1:443\"}", 400 },
	};
	struct told_world *t = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(http_reply_clear) struct http_reply reply = { 0 };
	const char *attempt;

	push_invoice(t, "unsaid", "one@unsaid.example", "+33612345675");
	attempt = wait_sent(t, arena, "unsaid", 1);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (post(t, rows[i].path, replaced(arena, rows[i].body, "%s", attempt), &reply) != rows[i].status)
			fail_msg("%s is answered %ld %s", rows[i].body, reply.status, buf_str(&reply.body));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_receipt_and_a_bounce),
		cmocka_unit_test(each_scheme_is_understood),
		cmocka_unit_test(a_stop_and_an_answer),
		cmocka_unit_test(a_stop_by_sms),
		cmocka_unit_test(it_is_told_until_it_is_heard),
		cmocka_unit_test(what_is_signed_wrongly_is_refused),
		cmocka_unit_test(what_cannot_be_told_is_said),
	};

	return cmocka_run_group_tests_name("sandbox_hooks", tests, setup, teardown);
}
