/*
 * What the sandbox tells, by the real daemon: in its own scheme and in those of Twilio, SendGrid and Resend, each through the shipped file.
 * A receipt, a bounce, an answer and STOP change the state; what cannot be delivered at once is repeated.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/sandbox_world.h"

#define WAIT_MS 30000

static const char *member(const struct json *json, const char *key)
{
	struct json value = json_get(json, key);

	return json_str(&value) ? json_str(&value) : "";
}

static int setup(void **state)
{
	struct sandbox_world *t = calloc(1, sizeof(*t));

	sandbox_world_open(t, NULL);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct sandbox_world *t = *state;

	world_close(&t->world, false);
	free(t);
	return 0;
}

static void tell_it(struct sandbox_world *t, const char *attempt, const char *what, const char *more)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(http_reply_clear) struct http_reply reply = { 0 };

	if (sandbox_world_post(t, "/tell", arena_printf(arena, "{\"attempt\":\"%s\",\"what\":\"%s\"%s}", attempt, what, more), &reply) != 202)
		fail_msg("%s is not told: %s", what, buf_str(&reply.body));
}

/* Until all that was told is settled: each in the state, the last with the status after so many tries (0 = whatever). */
static void wait_told(struct sandbox_world *t, const char *state, int status, int64_t tries)
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
	struct sandbox_world *t = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *attempt;

	sandbox_world_push(t, "receipt", "receipt", "one@receipt.example", "+33612345678");
	attempt = sandbox_world_sent(t, arena, "receipt", 1);
	tell_it(t, attempt, "delivered", ",\"times\":2");
	sandbox_world_says(t, "debtor", "receipt", arena_printf(arena, "\"%s\",\"one@receipt.example\",4", attempt));
	wait_told(t, "taken", 200, 1);
	sandbox_world_push(t, "gone", "gone", "bounce@gone.example", "+33612345678"); /* it bounces by itself: the next contact is tried */
	(void)sandbox_world_sent(t, arena, "gone", 2);
	sandbox_world_says(t, "debtor", "gone", "\"bounce@gone.example\",8");
}

/* In the schemes of those whose files are shipped, with their words; each is about the attempt, whoever carried it. */
static void each_scheme_is_understood(void **state)
{
	static const char *const schemes[] = { "sandbox", "twilio", "sendgrid", "resend" };
	struct sandbox_world *t = *state;

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const char *id = arena_printf(arena, "as-%s", schemes[i]), *as = arena_printf(arena, ",\"as\":\"%s\"", schemes[i]), *attempt;

		sandbox_world_push(t, id, id, arena_printf(arena, "one@%s.example", id), "+33612345678");
		attempt = sandbox_world_sent(t, arena, id, 1);
		sandbox_world_says(t, "escalation", id, "\"end\":\"sent\"");
		tell_it(t, attempt, "delivered", as);
		sandbox_world_says(t, "debtor", id, arena_printf(arena, "\"%s\",\"one@%s.example\",4", attempt, id));
		tell_it(t, attempt, "bounced", as);
		(void)sandbox_world_sent(t, arena, id, 2);
		wait_told(t, "taken", 200, 1);
		/* a mailbox that stayed full, told as each of them does: it reached nobody, and the address is as good as before */
		id = arena_printf(arena, "full-%s", schemes[i]);
		sandbox_world_push(t, id, id, arena_printf(arena, "one@%s.example", id), "+33612345678");
		attempt = sandbox_world_sent(t, arena, id, 1);
		sandbox_world_says(t, "escalation", id, "\"end\":\"sent\"");
		tell_it(t, attempt, "bounced_soft", as);
		(void)sandbox_world_sent(t, arena, id, 2);
		sandbox_world_says(t, "debtor", id, arena_printf(arena, "\"%s\",\"one@%s.example\",9", attempt, id)); /* DELIVERY_FAILED */
		sandbox_world_push(t, arena_printf(arena, "%s-too", id), id, arena_printf(arena, "one@%s.example", id), "+33612345678");
		attempt = sandbox_world_sent(t, arena, arena_printf(arena, "%s-too", id), 1);
		sandbox_world_says(t, "debtor", id, arena_printf(arena, "\"%s\",\"one@%s.example\"", attempt, id));
	}
}

static void a_stop_and_an_answer(void **state)
{
	struct sandbox_world *t = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *argv[] = { "HGET", world_key(&t->world, arena, "tasks"), "answer_reply:answer", NULL }, *attempt;
	CLEANUP(buf_clear) struct buf log = { 0 };
	const struct redis_reply *task;

	sandbox_world_push(t, "stop", "stop", "one@stop.example", "+33612345670");
	attempt = sandbox_world_sent(t, arena, "stop", 1);
	tell_it(t, attempt, "stopped", "");
	sandbox_world_says(t, "debtor", "stop", "\"opt_out_email\":{\"on\":true");
	sandbox_world_push(t, "answer", "answer", "one@answer.example", "+33612345671");
	attempt = sandbox_world_sent(t, arena, "answer", 1);
	tell_it(t, attempt, "replied", ",\"as\":\"sendgrid\",\"text\":\"Nous contestons cette facture : r\\u00e9clamation n\\u00b0 7\"");
	sandbox_world_says(t, "escalation", "answer", "\"held\":\"reply\"");
	task = world_redis(&t->world, arena, argv);
	assert_int_equal(task->type, REDIS_STRING);
	assert_non_null(strstr(task->str, "clamation n\u00b0 7\\n\\n(All of it, with what came with it and before it: dunningctl trail log answer --parts)"));
	assert_int_equal(world_ctl(&t->world, (const char *const[]){ "trail", "log", "answer", NULL }, &log), 0);
	assert_non_null(strstr(buf_str(&log), "inbound.message"));
	assert_non_null(strstr(buf_str(&log), "invoices [\"answer\"]"));
}

/* By SMS, as Twilio sends it: found by the number that it comes from. */
static void a_stop_by_sms(void **state)
{
	struct sandbox_world *t = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *attempt;

	sandbox_world_push(t, "mailed", "mailed", "one@mailed.example", "+33612345672");
	tell_it(t, sandbox_world_sent(t, arena, "mailed", 1), "stopped", ""); /* by mail no more */
	sandbox_world_says(t, "debtor", "mailed", "\"opt_out_email\":{\"on\":true");
	sandbox_world_push(t, "texted", "mailed", "one@mailed.example", "+33612345672");
	attempt = sandbox_world_sent(t, arena, "texted", 1);
	sandbox_world_says(t, "escalation", "texted", "\"end\":\"sent\"");
	tell_it(t, attempt, "stopped", ",\"as\":\"twilio\"");
	sandbox_world_says(t, "debtor", "mailed", "\"opt_out_sms\":{\"on\":true");
}

/* While the daemon is down its provider goes on trying; then it is told once. */
static void it_is_told_until_it_is_heard(void **state)
{
	struct sandbox_world *t = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *attempt;

	sandbox_world_push(t, "down", "down", "one@down.example", "+33612345673");
	attempt = sandbox_world_sent(t, arena, "down", 1);
	sandbox_world_says(t, "escalation", "down", "\"end\":\"sent\"");
	process_kill(&t->world.daemon);
	tell_it(t, attempt, "delivered", "");
	world_start(&t->world, NULL);
	assert_true(world_ready(&t->world, WAIT_MS));
	sandbox_world_says(t, "debtor", "down", arena_printf(arena, "\"%s\",\"one@down.example\",4", attempt));
	wait_told(t, "taken", 200, 0);
}

/* It is not just any request that is taken: signed for another address, Twilio's is refused, and in the end given up. */
static void what_is_signed_wrongly_is_refused(void **state)
{
	struct sandbox_world *t = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *attempt;

	sandbox_world_push(t, "wrong", "wrong", "one@wrong.example", "+33612345674");
	attempt = sandbox_world_sent(t, arena, "wrong", 1);
	sandbox_world_aim(t, "https://other.example", 1);
	tell_it(t, attempt, "delivered", ",\"as\":\"twilio\"");
	wait_told(t, "given up", 401, 10);
	sandbox_world_aim(t, SANDBOX_WORLD_PUBLIC, 20);
}

/* A story of long ago: Redis ends keys by the computer's clock, and must not have ended those that lead from a receipt to its message. */
static void a_played_story_hears_its_receipts(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct sandbox_world t = { 0 };
	const char *attempt;

	(void)state;
	sandbox_world_open(&t, "start:2026-04-02T10:00:00Z,rate:1");
	sandbox_world_push(&t, "played", "played", "one@played.example", "+33612345676");
	attempt = sandbox_world_sent(&t, arena, "played", 1);
	tell_it(&t, attempt, "delivered", "");
	sandbox_world_says(&t, "debtor", "played", arena_printf(arena, "\"%s\",\"one@played.example\",4", attempt));
	world_close(&t.world, false);
}

static const char *with_attempt(struct arena *arena, const char *text, const char *attempt)
{
	const char *at = strstr(text, "ATTEMPT");

	return at ? arena_printf(arena, "%.*s%s%s", (int)(at - text), text, attempt, at + strlen("ATTEMPT")) : text;
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
		{ "/tell", "{\"attempt\":\"ATTEMPT\",\"what\":\"vanished\"}", 400 },
		{ "/tell", "{\"attempt\":\"ATTEMPT\",\"what\":\"delivered\",\"as\":\"pigeon\"}", 400 },
		{ "/tell", "{\"attempt\":\"ATTEMPT\",\"what\":\"complained\",\"as\":\"twilio\"}", 400 },
		{ "/tell", "{\"attempt\":\"ATTEMPT\",\"what\":\"delivered\",\"times\":101}", 400 },
		{ "/tell", "{\"attempt\":\"ATTEMPT\",\"what\":\"delivered\",\"event\":\"x\\r\\ny\"}", 400 },
		{ "/hooks", "{\"to\":\"http://192.0.2.1:80\"}", 400 },
		{ "/hooks", "{\"to\":\"http://127.0.0.1:80@evil.example\"}", 400 },
		{ "/hooks", "{\"to\":\"https://127.0.0.1:443\"}", 400 },
	};
	struct sandbox_world *t = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(http_reply_clear) struct http_reply reply = { 0 };
	const char *attempt;

	sandbox_world_push(t, "unsaid", "unsaid", "one@unsaid.example", "+33612345675");
	attempt = sandbox_world_sent(t, arena, "unsaid", 1);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (sandbox_world_post(t, rows[i].path, with_attempt(arena, rows[i].body, attempt), &reply) != rows[i].status)
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
		cmocka_unit_test(a_played_story_hears_its_receipts),
	};

	return cmocka_run_group_tests_name("sandbox_hooks", tests, setup, teardown);
}
