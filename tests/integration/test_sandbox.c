/* The sandbox as its clients see it: over HTTP, by its log, and after it was killed. */
#include "tests/integration/sandbox_fixture.h"

/* --- capturing ---------------------------------------------------------------------------------------------------------------- */

static void an_attempt_is_captured_once(void **state)
{
	struct fixture *f = *state;
	struct json root, list, message, value;
	const char *id;

	assert_int_equal(SEND(f, ATTEMPT_A), 202);
	id = reply_str(f, "id");
	assert_true(*id);
	assert_int_equal(SEND(f, ATTEMPT_B), 202);
	assert_string_not_equal(reply_str(f, "id"), id);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(SEND(f, ATTEMPT_A), 200);
		assert_string_equal(reply_str(f, "id"), id);
		root = http_reply_json(&f->reply, f->arena);
		value = json_get(&root, "duplicate");
		assert_true(json_bool(&value));
	}
	counts_are(f, 4, 2, 2, 0);
	assert_string_equal(attempts(f, ""), ATTEMPT_A " " ATTEMPT_B);
	root = http_reply_json(&f->reply, f->arena);
	list = json_get(&root, "messages");
	message = json_at(&list, 0);
	value = json_get(&message, "deliveries");
	assert_int_equal(json_int(&value), 3);
	value = json_get(&message, "id");
	assert_string_equal(json_str(&value), id);
	value = json_get(&message, "text"); /* as it came */
	assert_string_equal(json_str(&value), "1 200,00 \xe2\x82\xac");
	value = json_get(&message, "received_at");
	assert_non_null(json_str(&value));
}

static void messages_are_found(void **state)
{
	static const struct {
		const char *query, *attempts;
	} rows[] = {
		{ "", ATTEMPT_A " " ATTEMPT_B " " ATTEMPT_C },
		{ "?attempt=" ATTEMPT_B, ATTEMPT_B },
		{ "?to=a@dupont.example", ATTEMPT_A " " ATTEMPT_C },
		{ "?to=b%40durand.example", ATTEMPT_B },
		{ "?invoice=inv_2", ATTEMPT_B " " ATTEMPT_C },
		{ "?invoice=inv_2&to=a@dupont.example", ATTEMPT_C },
		{ "?attempt=" ATTEMPT_A "&invoice=inv_2", "" },
		{ "?to=dupont.example", "" },
		{ "?attempt=01ARZ3NDEKTSV4RRFFQ69G5FA9", "" },
	};
	struct fixture *f = *state;

	assert_int_equal(SEND(f, ATTEMPT_A), 202);
	assert_int_equal(post(f, "/send", KEY_OF(ATTEMPT_B), MESSAGE(ATTEMPT_B, "{\"email\":\"b@durand.example\"}", "inv_2")), 202);
	assert_int_equal(post(f, "/send", KEY_OF(ATTEMPT_C), MESSAGE(ATTEMPT_C, "[\"a@dupont.example\"]", "inv_2")), 202);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *found = attempts(f, rows[i].query);

		if (strcmp(found, rows[i].attempts))
			fail_msg("%s gives \"%s\"", rows[i].query, found);
	}
	assert_int_equal(get(f, "/messages?recipient=x"), 400); /* a slip must not look like "none" */
	assert_int_equal(get(f, "/nothing"), 404);
	assert_int_equal(get(f, "/send"), 405);
}

static void what_is_no_message_is_refused(void **state)
{
	static const struct {
		const char *attempt, *body, *code; /* attempt: the key; NULL = no header */
	} rows[] = {
		{ ATTEMPT_A, "attempt=" ATTEMPT_A, "bad_json" },
		{ ATTEMPT_A, "", "bad_json" },
		{ ATTEMPT_A, "[]", "wrong_type" },
		{ ATTEMPT_A, "{\"channel\":\"email\",\"to\":\"a@b.example\"}", "missing" },
		{ ATTEMPT_A, "{\"attempt\":\"" ATTEMPT_A "\",\"to\":\"a@b.example\"}", "missing" },
		{ ATTEMPT_A, "{\"attempt\":\"" ATTEMPT_A "\",\"channel\":\"email\"}", "missing" },
		{ "x", "{\"attempt\":\"x\",\"channel\":\"email\",\"to\":\"a@b.example\"}", "bad_id" },
		{ NULL, MESSAGE(ATTEMPT_A, "\"a@b.example\"", "inv_1"), "bad_key" },
		{ ATTEMPT_B, MESSAGE(ATTEMPT_A, "\"a@b.example\"", "inv_1"), "bad_key" },
		{ ATTEMPT_A, "{\"attempt\":\"" ATTEMPT_A "\",\"attempt\":\"" ATTEMPT_A "\"}", "duplicate_key" },
		{ ATTEMPT_A, MESSAGE(ATTEMPT_A, "\"a@b.example\xff\"", "inv_1"), "bad_utf8" },
		/* As deep as an event may be, but then too deep for the list it would stand in. */
		{ ATTEMPT_A, MESSAGE(ATTEMPT_A, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", "inv_1"), "too_deep" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *headers[] = { rows[i].attempt ? arena_printf(f->arena, "Idempotency-Key: %s", rows[i].attempt) : NULL, NULL };

		if (post(f, "/send", headers, rows[i].body) != 400 || strcmp(reply_str(f, "error"), rows[i].code))
			fail_msg("%s was answered %ld %s", rows[i].body, f->reply.status, buf_str(&f->reply.body));
	}
	counts_are(f, 0, 0, 0, 0);
	assert_non_null(strstr(buf_str(&f->reply.body), "\"malformed\":12"));
	assert_int_equal(SEND(f, ATTEMPT_A), 202);
}

/* As a provider has it, by that provider's own way to know a request again, and it is found there where the provider has a list. */
static void it_answers_as_providers_do(void **state)
{
	static const char resend[] = "{\"from\":\"A <a@x.example>\",\"to\":[\"\\\"D, D\\\" <d@x.example>\"],\"subject\":\"S\",\"text\":\"T\","
		"\"tags\":[{\"name\":\"attempt\",\"value\":\"" ATTEMPT_A "\"}],\"attachments\":[{\"filename\":\"f.pdf\",\"content\":\"JVBERg==\"}]}";
	static const char brevo[] = "{\"to\":[{\"email\":\"d@x.example\"}],\"subject\":\"S\",\"textContent\":\"T\",\"tags\":[\"" ATTEMPT_B "\"]}";
	static const char twilio[] = "To=%2B33612345678&From=%2B337&Body=Bonjour+%C3%A0+vous&StatusCallback=https%3A%2F%2Fx%2Fs%3Fd%3D" ATTEMPT_C;
	static const char *const json[] = { "Content-Type: application/json", NULL };
	static const char *const form[] = { "Content-Type: application/x-www-form-urlencoded", NULL };
	struct fixture *f = *state;
	char *id;

	assert_int_equal(post(f, "/emails", KEY_OF(ATTEMPT_A), resend), 200);
	id = arena_strdup(f->arena, reply_str(f, "id"));
	assert_int_equal(strlen(id), 36);
	assert_int_equal(post(f, "/emails", KEY_OF(ATTEMPT_A), resend), 200);
	assert_string_equal(reply_str(f, "id"), id);
	assert_int_equal(post(f, "/emails", KEY_OF(ATTEMPT_A),
		"{\"to\":[\"e@x.example\"],\"tags\":[{\"value\":\"" ATTEMPT_A "\"}]}"), 409);
	assert_string_equal(attempts(f, "?to=d@x.example"), ATTEMPT_A);
	assert_non_null(strstr(buf_str(&f->reply.body), "\"attachments\":[{\"name\":\"f.pdf\""));

	assert_int_equal(post(f, "/v3/smtp/email", json, brevo), 201);
	assert_int_equal(post(f, "/v3/smtp/email", json, brevo), 400);
	assert_string_equal(reply_str(f, "code"), "duplicate_request");
	assert_int_equal(get(f, "/v3/smtp/statistics/events?tags=%5B%22" ATTEMPT_B "%22%5D"), 200);
	assert_non_null(strstr(buf_str(&f->reply.body), "\"tag\":\"" ATTEMPT_B "\""));
	assert_int_equal(get(f, "/v3/smtp/statistics/events?tags=%5B%22" ATTEMPT_A "%22%5D"), 200);
	assert_non_null(strstr(buf_str(&f->reply.body), "{\"events\":[]}"));

	assert_int_equal(post(f, "/2010-04-01/Accounts/AC1/Messages.json", form, twilio), 201);
	assert_int_equal(post(f, "/2010-04-01/Accounts/AC1/Messages.json", form, twilio), 201); /* no key: one more */
	assert_int_equal(get(f, "/2010-04-01/Accounts/AC1/Messages.json?To=%2B33612345678"), 200);
	assert_non_null(strstr(buf_str(&f->reply.body), "\"body\":\"Bonjour \xc3\xa0 vous\""));
	assert_string_equal(attempts(f, "?to=%2B33612345678"), ATTEMPT_C " " ATTEMPT_C);

	assert_int_equal(post(f, "/v3/mail/send", json, "{\"personalizations\":[{\"to\":[{\"email\":\"401@x.example\"}]}]}"), 401); /* as it is told to */
	assert_int_equal(post(f, "/v3/mail/send", json, "{\"personalizations\":[]}"), 400);
	assert_int_equal(post(f, "/v3/mail/send", json, "nothing"), 400);
	assert_int_equal(post(f, "/v3/mail/send/x", json, "{}"), 404);
}

/* --- misbehaving -------------------------------------------------------------------------------------------------------------- */

static void orders_are_obeyed(void **state)
{
	static const struct {
		const char *order;
		long status; /* 0 = the connection is closed without an answer */
		bool captured, id;
		const char *retry_after;
	} rows[] = {
		{ "{\"mode\":\"ok\"}", 202, true, true, NULL },
		{ "{\"mode\":\"error\"}", 500, false, false, NULL },
		{ "{\"mode\":\"error\",\"status\":503,\"retry_after\":\"7\"}", 503, false, false, "7" },
		{ "{\"mode\":\"error\",\"status\":502,\"capture\":true}", 502, true, false, NULL },
		{ "{\"mode\":\"error\",\"status\":202,\"capture\":true}", 202, true, false, NULL },
		{ "{\"mode\":\"429\",\"retry_after\":\"120\"}", 429, false, false, "120" },
		{ "{\"mode\":\"429\",\"retry_after\":\"Wed, 21 Oct 2026 07:28:00 GMT\"}", 429, false, false,
			"Wed, 21 Oct 2026 07:28:00 GMT" },
		{ "{\"mode\":\"401\"}", 401, false, false, NULL },
		{ "{\"mode\":\"slow\",\"ms\":20}", 202, true, true, NULL },
		{ "{\"mode\":\"hang\",\"ms\":20}", 0, true, false, NULL },
		{ "{\"mode\":\"hang\",\"ms\":20,\"capture\":false}", 0, false, false, NULL },
		{ "{\"mode\":\"close_after_read\"}", 0, true, false, NULL },
		{ "{\"mode\":\"no_dedupe\"}", 202, true, true, NULL },
	};
	struct fixture *f = *state;
	int64_t captured = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *attempt = arena_printf(f->arena, "01ARZ3NDEKTSV4RRFFQ69G5F%02zu", i);
		const char *headers[] = { arena_printf(f->arena, "Idempotency-Key: %s", attempt), NULL }, *when;

		behave(f, rows[i].order);
		(void)post(f, "/send", headers, arena_printf(f->arena, "{\"attempt\":\"%s\",\"channel\":\"sms\",\"to\":\"+33100\"}", attempt));
		captured += rows[i].captured;
		if (f->reply.status != rows[i].status || !f->reply.status != (f->reply.failure != NULL))
			fail_msg("%s: answered %ld", rows[i].order, f->reply.status);
		if (f->reply.status) {
			when = http_reply_header(&f->reply, "Retry-After", f->arena);
			assert_true(rows[i].retry_after ? when && !strcmp(when, rows[i].retry_after) : !when);
			assert_int_equal(*reply_str(f, "id") != '\0', rows[i].id);
		}
		counts_are(f, (int64_t)i + 1, captured, 0, (int64_t)i + 1 - captured);
		assert_string_equal(attempts(f, arena_printf(f->arena, "?attempt=%s", attempt)), rows[i].captured ? attempt : "");
	}
	assert_int_equal(get(f, "/counts"), 200);
	assert_non_null(strstr(buf_str(&f->reply.body), "\"by_mode\":{\"ok\":1,\"error\":4,\"429\":2,\"401\":1,\"hang\":2,"
							 "\"close_after_read\":1,\"slow\":1,\"no_dedupe\":1}"));
}

/* Each of the table, asked for by the recipient and by a header; nothing else changes. */
static void a_recipient_asks_for_a_mode(void **state)
{
	static const struct {
		const char *name;
		long status; /* 0 = none came */
		bool captured;
		const char *text; /* in the body */
	} rows[] = {
		{ "error", 500, false, "told_to" },
		{ "503", 503, false, "unavailable" },
		{ "401", 401, false, "unauthorized" },
		{ "429", 429, false, "throttled" },
		{ "429_date", 429, false, "throttled" },
		{ "quota", 429, false, "quota" },
		{ "bad_address", 422, false, "bad_address" },
		{ "stopped", 422, false, "stopped" },
		{ "close_after_read", 0, true, NULL },
		{ "cut_before", 0, false, NULL },
		{ "cut_after", 0, true, NULL },
		{ "no_id", 202, true, "{}" },
		{ "garbage", 200, true, "<html>" },
		{ "redirect", 302, false, "moved" },
		{ "bounce", 202, true, "\"id\"" },
		{ "nothing.known", 202, true, "\"id\"" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		const char *attempt = arena_printf(f->arena, "01ARZ3NDEKTSV4RRFFQ69G5F%02zu", i), *when, *name = rows[i / 2].name;
		const char *headers[] = { arena_printf(f->arena, "Idempotency-Key: %s", attempt),
			i % 2 && strcmp(name, "nothing.known") ? arena_printf(f->arena, "Sandbox-Mode: %s", name) : NULL, NULL };

		(void)post(f, "/send", headers, arena_printf(f->arena, "{\"attempt\":\"%s\",\"channel\":\"email\",\"to\":{\"email\":\"%s@b.example\"}}",
						     attempt, i % 2 ? "a" : name));
		if (f->reply.status != rows[i / 2].status || (rows[i / 2].text && !strstr(buf_str(&f->reply.body), rows[i / 2].text)))
			fail_msg("%s: answered %ld %s", name, f->reply.status, buf_str(&f->reply.body));
		when = f->reply.status ? http_reply_header(&f->reply, "Retry-After", f->arena) : NULL;
		assert_true((when != NULL) == (rows[i / 2].status == 429));
		if (when)
			assert_true((strstr(when, " GMT") != NULL) == !strcmp(name, "429_date"));
		assert_string_equal(attempts(f, arena_printf(f->arena, "?attempt=%s", attempt)), rows[i / 2].captured ? attempt : "");
	}
	assert_int_equal(post(f, "/send", ((const char *const[]){ "Idempotency-Key: " ATTEMPT_A, "Sandbox-Mode: explode", NULL }),
				 MESSAGE(ATTEMPT_A, "\"a@b.example\"", "inv_1")), 400);
	/* By telephone: the mode's number stands at the end. */
	assert_int_equal(post(f, "/send", KEY_OF(ATTEMPT_A), MESSAGE(ATTEMPT_A, "{\"phone\":\"+33639980003\"}", "inv_1")), 401);
	assert_int_equal(post(f, "/send", KEY_OF(ATTEMPT_A), MESSAGE(ATTEMPT_A, "{\"phone\":\"+33639980099\"}", "inv_1")), 202);
}

/* It goes on until the client has had enough, and then costs nothing. How much comes in a time depends on the machine: until it is much. */
static void an_endless_body_ends_with_its_reader(void **state)
{
	struct fixture *f = *state;

	behave(f, "{\"mode\":\"endless\"}");
	for (long ms = 100; ms < WAIT_MS; ms *= 2) {
		CLEANUP(http_caller_destroyp) struct http_caller *client = http_caller_create();
		long status = http_exchange(client, "POST", arena_printf(f->arena, "%s/send", f->url), KEY_OF(ATTEMPT_A),
			MESSAGE(ATTEMPT_A, "\"a@dupont.example\"", "inv_1"), ms, &f->reply);

		if (status || f->reply.body.len > 200000)
			break;
	}
	assert_true(f->reply.failure && f->reply.body.len > 200000);
	behave(f, "{\"mode\":\"ok\"}");
	assert_int_equal(SEND(f, ATTEMPT_A), 200);
	stop(f, SIGTERM);
}

/* More than it is told to take in a second is throttled, in both forms of Retry-After. */
static void a_limit_throttles(void **state)
{
	struct fixture *f = *state;
	int taken = 0, seconds = 0, dates = 0;

	behave(f, "{\"mode\":\"ok\",\"per_second\":2}");
	for (int i = 0; i < 40 && (!seconds || !dates); i++) {
		const char *attempt = arena_printf(f->arena, "01ARZ3NDEKTSV4RRFFQ69G5F%02d", i), *when;
		const char *headers[] = { arena_printf(f->arena, "Idempotency-Key: %s", attempt), NULL };
		long status = post(f, "/send", headers, arena_printf(f->arena, "{\"attempt\":\"%s\",\"channel\":\"sms\",\"to\":\"+33100\"}", attempt));

		taken += status == 202;
		if (status == 202)
			continue;
		assert_int_equal(status, 429);
		when = http_reply_header(&f->reply, "Retry-After", f->arena);
		assert_non_null(when);
		*(strstr(when, "GMT") ? &dates : &seconds) += 1;
	}
	assert_true(taken >= 2 && seconds && dates);
}

/* As Stripe and Resend do: a key belongs to one message. */
static void a_key_is_one_message(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(SEND(f, ATTEMPT_A), 202);
	assert_int_equal(post(f, "/send", KEY_OF(ATTEMPT_A), MESSAGE(ATTEMPT_A, "\"a@dupont.example\"", "inv_2")), 409);
	assert_string_equal(reply_str(f, "error"), "key_reused");
	assert_int_equal(SEND(f, ATTEMPT_A), 200);
	counts_are(f, 2, 1, 1, 0);
	says(f, "\"conflicts\":1");
}

static void an_order_lasts_as_long_as_it_says(void **state)
{
	struct fixture *f = *state;

	behave(f, "{\"mode\":\"error\",\"count\":2,\"to\":\"a@dupont.example\"}");
	assert_int_equal(post(f, "/send", KEY_OF(ATTEMPT_B), MESSAGE(ATTEMPT_B, "{\"email\":\"b@c.example\"}", "inv_2")), 202);
	assert_int_equal(SEND(f, ATTEMPT_A), 500);
	assert_int_equal(get(f, "/behave"), 200);
	assert_string_equal(reply_str(f, "mode"), "error");
	assert_int_equal(SEND(f, ATTEMPT_A), 500);
	assert_int_equal(SEND(f, ATTEMPT_A), 202);
	assert_int_equal(get(f, "/behave"), 200);
	assert_string_equal(reply_str(f, "mode"), "ok");
	counts_are(f, 4, 2, 0, 2);
}

/* That the provider knows no keys is a trait, not a mishap: it stays when the mishaps are used up. */
static void without_dedupe_all_is_captured(void **state)
{
	struct fixture *f = *state;
	const char *id;

	behave(f, "{\"mode\":\"close_after_read\",\"count\":1,\"dedupe\":false}");
	assert_int_equal(SEND(f, ATTEMPT_A), 0);
	assert_int_equal(SEND(f, ATTEMPT_A), 202);
	id = reply_str(f, "id");
	counts_are(f, 2, 2, 0, 0);
	assert_string_equal(attempts(f, "?attempt=" ATTEMPT_A), ATTEMPT_A " " ATTEMPT_A);
	behave(f, "{\"mode\":\"ok\"}");
	assert_int_equal(SEND(f, ATTEMPT_A), 200);
	assert_string_not_equal(reply_str(f, "id"), id); /* the first one's */
	assert_true(*reply_str(f, "id"));
}

static void a_kept_connection_is_closed_under_the_client(void **state)
{
	struct fixture *f = *state;
	CLEANUP(http_caller_destroyp) struct http_caller *client = http_caller_create();
	const char *url = arena_printf(f->arena, "%s/send", f->url);
	const char *message = MESSAGE(ATTEMPT_B, "\"a@dupont.example\"", "inv_1");

	assert_int_equal(http_exchange(client, "POST", url, KEY_OF(ATTEMPT_A), MESSAGE(ATTEMPT_A, "\"a@b.example\"", "inv_1"), 0,
				 &f->reply), 202);
	assert_int_equal(http_connections(client), 1);
	behave(f, "{\"mode\":\"close_after_read\",\"count\":1}");
	assert_int_equal(http_exchange(client, "POST", url, KEY_OF(ATTEMPT_B), message, 0, &f->reply), 0);
	counts_are(f, 2, 2, 0, 0); /* read to its end, and once */
	assert_int_equal(http_exchange(client, "POST", url, KEY_OF(ATTEMPT_B), message, 0, &f->reply), 200);
}

/* A client that gives up leaves nothing behind that could trip the sandbox: neither before the time is up nor at its end. */
static void hanging_clients_may_leave(void **state)
{
	struct fixture *f = *state;
	CLEANUP(http_caller_destroyp) struct http_caller *client = http_caller_create();
	const char *url = arena_printf(f->arena, "%s/send", f->url);

	behave(f, "{\"mode\":\"hang\",\"count\":2}");
	assert_int_equal(http_exchange(client, "POST", url, KEY_OF(ATTEMPT_A), MESSAGE(ATTEMPT_A, "\"a@b.example\"", "inv_1"), 1,
				 &f->reply), 0);
	behave(f, "{\"mode\":\"hang\",\"count\":1,\"ms\":100}");
	assert_int_equal(http_exchange(client, "POST", url, KEY_OF(ATTEMPT_B), MESSAGE(ATTEMPT_B, "\"a@b.example\"", "inv_1"), 1,
				 &f->reply), 0);
	behave(f, "{\"mode\":\"slow\",\"count\":1,\"ms\":200}"); /* outlasts the second one */
	assert_int_equal(SEND(f, ATTEMPT_C), 202);
	stop(f, SIGTERM); /* with one still hanging */
}

static void bad_orders_are_refused(void **state)
{
	static const char *const orders[] = { "", "{}", "{\"mode\":\"explode\"}", "{\"mode\":\"ok\",\"x\":1}",
		"{\"mode\":\"error\",\"status\":99}", "{\"mode\":\"slow\",\"ms\":-1}", "{\"mode\":\"429\",\"retry_after\":5}",
		"{\"mode\":\"429\",\"retry_after\":\"5\\r\\nX: y\"}", "{\"mode\":\"ok\",\"count\":\"2\"}" };
	struct fixture *f = *state;

	behave(f, "{\"mode\":\"401\"}");
	for (size_t i = 0; i < ARRAY_LEN(orders); i++)
		if (post(f, "/behave", NULL, orders[i]) != 400)
			fail_msg("%s was answered %ld", orders[i], f->reply.status);
	assert_int_equal(SEND(f, ATTEMPT_A), 401); /* the old order stands */
}

/* --- the log ------------------------------------------------------------------------------------------------------------------- */

static void a_kill_loses_nothing(void **state)
{
	struct fixture *f = *state;
	const char *id;
	FILE *log;

	assert_int_equal(SEND(f, ATTEMPT_A), 202);
	id = reply_str(f, "id");
	assert_int_equal(SEND(f, ATTEMPT_A), 200);
	behave(f, "{\"mode\":\"error\",\"count\":1}");
	assert_int_equal(SEND(f, ATTEMPT_B), 500);
	stop(f, SIGKILL);
	log = fopen(f->log, "a"); /* as a kill within a write leaves it */
	assert_non_null(log);
	fputs("{\"received_at\":\"2026-", log);
	fclose(log);
	start(f);
	counts_are(f, 3, 1, 1, 1);
	assert_string_equal(attempts(f, ""), ATTEMPT_A);
	assert_int_equal(SEND(f, ATTEMPT_A), 200);
	assert_string_equal(reply_str(f, "id"), id);
	assert_int_equal(SEND(f, ATTEMPT_B), 202);
	assert_string_not_equal(reply_str(f, "id"), id);
	stop(f, SIGKILL);
	start(f); /* what was written behind the torn line is whole */
	counts_are(f, 5, 2, 2, 1);
	assert_string_equal(attempts(f, ""), ATTEMPT_A " " ATTEMPT_B);
}

static void a_foreign_log_is_refused(void **state)
{
	struct fixture *f = *state;
	const char *argv[] = { PROGRAM, "--log", f->port_file, NULL };
	char line[100];
	pid_t pid;
	int out;

	pid = spawn(argv, &out);
	read_first_line(out, line, sizeof(line));
	close(out);
	assert_int_equal(ended(pid), 1);
	assert_string_equal(line, "");
}

/* A provider's keys are set once, in dunningd's configuration: they outlive the sandbox. */
static void keys_are_kept(void **state)
{
	struct fixture *f = *state;
	const char *secret = arena_printf(f->arena, "%s/sandbox-secret", f->dir), *before;
	const char *argv[] = { PROGRAM, "--keys", f->dir, NULL };
	int out;

	assert_int_equal(get(f, "/hooks"), 200);
	before = arena_strdup(f->arena, buf_str(&f->reply.body));
	stop(f, SIGKILL);
	start(f);
	assert_int_equal(get(f, "/hooks"), 200);
	assert_string_equal(buf_str(&f->reply.body), before);
	assert_non_null(strstr(before, "\"resend\":\"whsec_"));
	stop(f, SIGTERM);
	assert_int_equal(file_replace(secret, "too short", 9, 0600), 0);
	assert_int_equal(ended(spawn(argv, &out)), 1);
	close(out);
}

/* Nobody listens there: it is tried again, and left when the sandbox ends. */
static void what_is_not_heard_is_repeated(void **state)
{
	struct fixture *f = *state;
	const char *id;

	assert_int_equal(SEND(f, ATTEMPT_A), 202);
	id = reply_str(f, "id");
	assert_int_equal(post(f, "/tell", NULL, arena_printf(f->arena, "{\"message\":\"%s\",\"what\":\"delivered\"}", id)), 409); /* where to? */
	assert_string_equal(reply_str(f, "error"), "no_hooks");
	(void)get(f, arena_printf(f->arena, "/message/%s", id));
	says(f, "start it with --hooks");
	assert_int_equal(post(f, "/hooks", NULL, "{\"to\":\"http://127.0.0.1:1\",\"retry_ms\":1}"), 200);
	assert_int_equal(post(f, "/tell", NULL, arena_printf(f->arena, "{\"message\":\"%s\",\"what\":\"delivered\"}", id)), 202);
	assert_int_equal(post(f, "/tell", NULL, arena_printf(f->arena, "{\"message\":\"%s\",\"what\":\"opened\",\"after_ms\":600000}", id)), 202);
	do {
		assert_int_equal(get(f, "/told"), 200); /* CTest's own time limit ends this */
	} while (!strstr(buf_str(&f->reply.body), "\"state\":\"given up\",\"tries\":10"));
	says(f, "\"state\":\"waiting\",\"tries\":0");
	stop(f, SIGTERM); /* with one that waits */
}

static void wrong_usage_is_told(void **state)
{
	static const struct {
		const char *argv[4];
		int status;
	} rows[] = {
		{ { PROGRAM, "--help" }, 0 },
		{ { PROGRAM, "--explode" }, 2 },
		{ { PROGRAM, "--port", "65536" }, 2 },
		{ { PROGRAM, "--port", "-1" }, 2 },
		{ { PROGRAM, "file" }, 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char line[200];
		int out, status;
		pid_t pid = spawn(rows[i].argv, &out);

		read_first_line(out, line, sizeof(line));
		close(out);
		status = ended(pid);
		/* The reader was gone before all the help was out. */
		if (status != rows[i].status && !(rows[i].status == 0 && status == -SIGPIPE))
			fail_msg("row %zu: %d", i, status);
	}
}

static void time_is_the_played_one(void **state)
{
	static const char clock[] = "{\"base_wall\":1770278400000,\"base_real\":1,\"rate\":0}\n";
	struct fixture *f = *state;

	assert_int_equal(file_replace(f->clock, clock, strlen(clock), 0600), 0);
	assert_int_equal(SEND(f, ATTEMPT_A), 202);
	assert_int_equal(get(f, "/messages"), 200);
	assert_non_null(strstr(buf_str(&f->reply.body), "\"received_at\":\"2026-02-05T08:00:00Z\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_attempt_is_captured_once),
		TEST(messages_are_found),
		TEST(what_is_no_message_is_refused),
		TEST(it_answers_as_providers_do),
		TEST(orders_are_obeyed),
		TEST(a_recipient_asks_for_a_mode),
		TEST(an_endless_body_ends_with_its_reader),
		TEST(a_limit_throttles),
		TEST(a_key_is_one_message),
		TEST(an_order_lasts_as_long_as_it_says),
		TEST(without_dedupe_all_is_captured),
		TEST(a_kept_connection_is_closed_under_the_client),
		TEST(hanging_clients_may_leave),
		TEST(bad_orders_are_refused),
		TEST(a_kill_loses_nothing),
		TEST(a_foreign_log_is_refused),
		TEST(keys_are_kept),
		TEST(what_is_not_heard_is_repeated),
		TEST(wrong_usage_is_told),
		TEST(time_is_the_played_one),
	};

	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
