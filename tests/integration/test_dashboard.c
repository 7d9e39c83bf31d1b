/*
 * The dashboard against the running daemon: who is let in and who is not, each view, what is done with who and why, and that a reading of
 * somebody's letters stands in the trail. In a browser: tests/outside/dashboard.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/dashboard_story.h"
#include "tests/support/http_get.h"

#define WAIT_MS 20000

struct boarded {
	struct dashboard_story d;
	struct story *s;
	struct http_caller *caller;
	struct http_reply reply;
};

static int setup(void **state)
{
	struct boarded *f = calloc(1, sizeof(*f));

	f->caller = http_caller_create();
	dashboard_story_open(&f->d, 2);
	f->s = &f->d.story;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct boarded *f = *state;

	story_ends_well(f->s);
	http_reply_clear(&f->reply);
	http_caller_destroy(f->caller);
	dashboard_story_close(&f->d);
	free(f);
	return 0;
}

static long ask(struct boarded *f, const char *method, const char *path, const char *token, const char *header, const char *body)
{
	const char *headers[4] = { NULL };
	size_t n = 0;

	if (token)
		headers[n++] = arena_printf(f->s->arena, "Authorization: Bearer %s", token);
	if (body)
		headers[n++] = "Content-Type: application/x-www-form-urlencoded";
	if (header)
		headers[n++] = header;
	return http_exchange(f->caller, method, dashboard_story_url(&f->d, path), headers, body, 0, &f->reply);
}

static const char *page(struct boarded *f)
{
	return buf_str(&f->reply.body);
}

static void shows(struct boarded *f, const char *path, const char *text)
{
	assert_int_equal(ask(f, "GET", path, DASHBOARD_READER, "Accept-Language: en", NULL), 200);
	if (!strstr(page(f), text))
		fail_msg("%s does not say \"%s\": %s", path, text, page(f));
}

static const char *header(struct boarded *f, const char *name)
{
	const char *value = http_reply_header(&f->reply, name, f->s->arena);

	return value ? value : "";
}

/* --- who is let in ---------------------------------------------------------------------------------------------------------------- */

static void nobody_without_a_token(void **state)
{
	static const char *const places[] = { "/", "/tasks", "/invoices?q=lid", "/invoice?id=lid-1", "/debtor?id=cus-lid-1",
		"/message?log=2026&n=9&part=html", "/policies",
		"/health", "/do?what=hold&id=lid-6", "/no-such-place" };
	struct boarded *f = *state;
	const char *first;

	assert_int_equal(ask(f, "GET", "/", NULL, NULL, NULL), 401);
	first = arena_strdup(f->s->arena, page(f));
	assert_non_null(strstr(first, "name=\"token\""));
	for (size_t i = 0; i < ARRAY_LEN(places); i++) { /* one page, whatever is asked for and whatever is shown */
		assert_int_equal(ask(f, "GET", places[i], NULL, NULL, NULL), 401);
		assert_string_equal(page(f), first);
	}
	assert_int_equal(ask(f, "GET", "/health", DASHBOARD_READER "x", NULL, NULL), 401);
	assert_string_equal(page(f), first);
	assert_int_equal(ask(f, "GET", "/health", "", NULL, NULL), 401);
	assert_int_equal(ask(f, "GET", "/", NULL, "Cookie: dunningd_session=00", NULL), 401);
	assert_int_equal(ask(f, "POST", "/do", NULL, NULL, "what=hold&id=lid-6&why=x"), 401);
	assert_int_equal(ask(f, "GET", "/dashboard.css", NULL, NULL, NULL), 200);
	assert_int_equal(ask(f, "DELETE", "/", DASHBOARD_ACTOR, NULL, NULL), 405);
}

static void heads_are_strict(void **state)
{
	struct boarded *f = *state;

	assert_int_equal(ask(f, "GET", "/policies", DASHBOARD_READER, NULL, NULL), 200);
	assert_string_equal(header(f, "Content-Security-Policy"),
		"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
	assert_string_equal(header(f, "Cache-Control"), "no-store");
	assert_string_equal(header(f, "X-Content-Type-Options"), "nosniff");
	assert_null(strstr(page(f), "style="));
	assert_null(strstr(page(f), "<script"));
	assert_int_equal(ask(f, "HEAD", "/policies", DASHBOARD_READER, NULL, NULL), 200);
}

/* A token becomes a cookie; one that was changed opens nothing. */
static void a_token_becomes_a_cookie(void **state)
{
	struct boarded *f = *state;
	const char *cookie, *value;
	char *forged;

	assert_int_equal(ask(f, "POST", "/sign-in", NULL, NULL, "token=nobody-has-this-one"), 401);
	assert_int_equal(ask(f, "POST", "/sign-in", NULL, "Sec-Fetch-Site: cross-site", "token=" DASHBOARD_READER), 403);
	assert_int_equal(ask(f, "POST", "/sign-in", NULL, "Origin: https://evil.example", "token=" DASHBOARD_READER), 403);
	assert_int_equal(ask(f, "POST", "/sign-in", NULL, "X-Forwarded-Proto: https", "token=" DASHBOARD_READER), 303);
	value = header(f, "Set-Cookie");
	assert_non_null(strstr(value, "; HttpOnly; SameSite=Strict; Secure"));
	cookie = arena_printf(f->s->arena, "Cookie: %.*s", (int)strcspn(value, ";"), value);
	assert_int_equal(ask(f, "GET", "/", NULL, cookie, NULL), 200);
	assert_non_null(strstr(page(f), "Nora"));
	forged = arena_strdup(f->s->arena, cookie);
	forged[strlen(forged) - 41] = '1'; /* whose it is, before the signature */
	assert_int_equal(ask(f, "GET", "/", NULL, forged, NULL), 401);
	assert_int_equal(ask(f, "GET", "/do?what=hold&id=lid-6", NULL, cookie, NULL), 403); /* she reads */
}

/* --- what is shown ------------------------------------------------------------------------------------------------------------------ */

static void every_view_says_its_thing(void **state)
{
	struct boarded *f = *state;
	const char *key = world_key(&f->s->world, f->s->arena, "lease");
	const struct redis_reply *left;

	shows(f, "/", "All is well");
	shows(f, "/", "first reminder</strong> <a class=\"soft\" href=\"/debtor?id=cus-lid-4\">"); /* sent that day */
	shows(f, "/", "/invoices?state=held\">dispute</a>");
	shows(f, "/", "<tr><th scope=\"row\">Over 90 days</th>"); /* of what is owed */
	shows(f, "/tasks", "lid-2");
	assert_null(strstr(page(f), "/do?")); /* whoever only reads is offered nothing to do */
	shows(f, "/invoices", "Boulangerie Martin");
	shows(f, "/invoices?state=held", "F-2026-lid-3");
	assert_null(strstr(page(f), "F-2026-lid-4"));
	shows(f, "/invoices?q=garage", "/debtor?id=cus-lid-3");
	shows(f, "/invoices?q=LID-7", "F-2026-lid-7");
	assert_null(strstr(page(f), "F-2026-lid-6"));
	/* what a larger number of partitions left behind is no invoice of ours */
	left = world_redis(&f->s->world, f->s->arena, (const char *const[]){ "GET", world_key(&f->s->world, f->s->arena, "escalation:lid-7"), NULL });
	(void)world_redis(&f->s->world, f->s->arena, (const char *const[]){ "SET",
		arena_printf(f->s->arena, "%.*s{99}:escalation:lid-7", (int)(strchr(key, '{') - key), key), left->str, NULL });
	shows(f, "/invoices?q=LID-7", "F-2026-lid-7");
	assert_null(strstr(strstr(page(f), "/invoice?id=lid-7") + 1, "/invoice?id=lid-7"));
	shows(f, "/invoices?state=closed", "F-2026-old-1");
	shows(f, "/invoice?id=lid-3", "Held until 21 Apr 2026");
	shows(f, "/policies", "Reminders, step by step");
	shows(f, "/health", "sandbox");
	assert_int_equal(ask(f, "GET", "/", DASHBOARD_READER, "Accept-Language: fr-CA, en;q=0.3", NULL), 200);
	assert_non_null(strstr(page(f), "Tout va bien"));
	shows(f, "/?l=de", "All is well"); /* reports speak German, the dashboard does not */
	shows(f, "/invoices?from=0:9223372036854775807", "Boulangerie Martin"); /* no place of any list: its beginning */
	shows(f, "/tasks?from=0:9223372036854775807", "lid-2");
	assert_int_equal(ask(f, "GET", "/invoice?id=nobody", DASHBOARD_READER, NULL, NULL), 404);
	assert_int_equal(ask(f, "GET", "/invoice?id=%3Cscript%3E", DASHBOARD_READER, NULL, NULL), 404);
	shows(f, "/debtor?id=cus-lid-6", "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;Söhne&quot;");
	assert_null(strstr(page(f), "<script>"));
}

static void until_read(struct boarded *f, const char *customer, int64_t times)
{
	int64_t deadline = real_ms() + WAIT_MS;

	while (dashboard_story_readings(&f->d, customer) < times) {
		if (real_ms() > deadline)
			fail_msg("that the file of %s was read does not stand in the trail", customer);
		pause_ms(20);
	}
}

/* The letter as it was sent; and that it was read, by whom. */
static void a_file_is_read_and_that_is_recorded(void **state)
{
	struct boarded *f = *state;
	const char *link, *sent = strstr(story_text(f->s, "lid-1", "reminder"), "Sauf erreur");
	int64_t before = dashboard_story_readings(&f->d, "cus-lid-1");

	shows(f, "/debtor?id=cus-lid-1", "compta@lid-1.example");
	assert_non_null(sent);
	assert_non_null(strstr(page(f), arena_memdup(f->s->arena, sent, strcspn(sent, "\r\n")))); /* as the provider got it */
	until_read(f, "cus-lid-1", before + 1);
	link = strstr(page(f), "/message?log=");
	assert_non_null(link);
	link = arena_memdup(f->s->arena, link, strcspn(link, "\""));
	assert_int_equal(ask(f, "GET", link, NULL, NULL, NULL), 401);
	link = arena_printf(f->s->arena, "/message?log=2026&n=%d&part=html", atoi(strstr(link, "n=") + 2));
	assert_int_equal(ask(f, "GET", link, DASHBOARD_READER, NULL, NULL), 200);
	assert_non_null(strstr(header(f, "Content-Security-Policy"), "sandbox; default-src 'none'"));
	assert_non_null(strstr(page(f), "F-2026-lid-1"));
	until_read(f, "cus-lid-1", before + 2);
	assert_int_equal(ask(f, "GET", "/message?log=2026&n=0&part=html", DASHBOARD_READER, NULL, NULL), 404);
	assert_int_equal(ask(f, "GET", "/debtor?id=cus-lid-1&from=2026-0", DASHBOARD_READER, NULL, NULL), 200); /* another's record: nothing of it */
	assert_null(strstr(page(f), "daemon"));
}

/* --- what is done -------------------------------------------------------------------------------------------------------------------- */

static const char *pass_of(struct boarded *f)
{
	const char *at = strstr(page(f), "name=\"pass\" value=\"");

	assert_non_null(at);
	at += strlen("name=\"pass\" value=\"");
	return arena_memdup(f->s->arena, at, strcspn(at, "\""));
}

/* Until it says so: what was told has a stream of its own. */
static void explained(struct boarded *f, const char *invoice, const char *rule)
{
	int64_t deadline = real_ms() + WAIT_MS;
	struct json said;

	while (said = STORY_CTL(f->s, "explain", invoice), strcmp(story_str(&said, "rule"), rule) != 0) {
		if (real_ms() > deadline)
			fail_msg("%s: \"%s\" instead of \"%s\"", invoice, story_str(&said, "rule"), rule);
		pause_ms(20);
	}
}

static void holds_with_who_and_why(void **state)
{
	struct boarded *f = *state;
	const char *pass, *body;
	struct json said;

	assert_int_equal(ask(f, "GET", "/do?what=hold&id=lid-6", DASHBOARD_READER, NULL, NULL), 403);
	assert_int_equal(ask(f, "GET", "/do?what=hold&id=lid-6", DASHBOARD_ACTOR, NULL, NULL), 200);
	pass = pass_of(f);
	body = arena_printf(f->s->arena, "what=hold&id=lid-6&pass=%s&why=a+call&until=2026-05-10", pass);
	assert_int_equal(ask(f, "POST", "/do", DASHBOARD_READER, NULL, body), 403); /* not hers, and she only reads */
	assert_int_equal(ask(f, "POST", "/do", DASHBOARD_ACTOR, "Sec-Fetch-Site: cross-site", body), 403);
	assert_int_equal(ask(f, "POST", "/do", DASHBOARD_ACTOR, NULL, "what=hold&id=lid-6&why=x"), 403);
	assert_int_equal(ask(f, "POST", "/do", DASHBOARD_ACTOR, NULL, arena_printf(f->s->arena, "what=hold&id=lid-4&pass=%s&why=x", pass)), 403);
	assert_int_equal(ask(f, "POST", "/do", DASHBOARD_ACTOR, NULL, arena_printf(f->s->arena, "what=hold&id=lid-6&pass=%s&why=+&until=2020-01-01", pass)),
		422);
	assert_non_null(strstr(page(f), "id=\"why-wrong\""));
	assert_non_null(strstr(page(f), "id=\"until-wrong\""));
	explained(f, "lid-6", "schedule");
	assert_int_equal(ask(f, "POST", "/do", DASHBOARD_ACTOR, NULL, body), 303);
	assert_string_equal(header(f, "Location"), "/invoice?id=lid-6&told=1");
	assert_int_equal(ask(f, "POST", "/do", DASHBOARD_ACTOR, NULL, body), 303); /* twice: it counts once */
	explained(f, "lid-6", "operator");
	said = STORY_CTL(f->s, "explain", "lid-6");
	assert_string_equal(story_str(&said, "hold_by"), "Anne Roy");
	assert_string_equal(story_str(&said, "hold_why"), "a call");
	assert_int_equal(ask(f, "POST", "/do", DASHBOARD_ACTOR, NULL,
		arena_printf(f->s->arena, "what=hold&id=lid-6&pass=%s&why=a+letter&until=2026-05-11", pass)), 303); /* Back, and corrected: another order */
	for (int64_t deadline = real_ms() + WAIT_MS; strcmp(story_str(&said, "hold_why"), "a letter") != 0; said = STORY_CTL(f->s, "explain", "lid-6")) {
		if (real_ms() > deadline)
			fail_msg("it is held for %s", story_str(&said, "hold_why"));
		pause_ms(20);
	}
	assert_int_equal(ask(f, "GET", "/do?what=resume&id=lid-6", DASHBOARD_ACTOR, NULL, NULL), 200);
	assert_int_equal(ask(f, "POST", "/do", DASHBOARD_ACTOR, NULL, arena_printf(f->s->arena, "what=resume&id=lid-6&pass=%s&why=settled", pass_of(f))),
		303);
	explained(f, "lid-6", "schedule");
}

static void does_and_decides(void **state)
{
	struct boarded *f = *state;
	const char *task, *id;

	assert_int_equal(ask(f, "GET", "/tasks", DASHBOARD_ACTOR, NULL, NULL), 200);
	task = strstr(page(f), "/do?what=done&amp;id=");
	assert_non_null(task);
	id = arena_memdup(f->s->arena, task + strlen("/do?what=done&amp;id="), strcspn(task + strlen("/do?what=done&amp;id="), "&"));
	assert_int_equal(ask(f, "GET", arena_printf(f->s->arena, "/do?what=done&id=%s&p=0", id), DASHBOARD_ACTOR, NULL, NULL), 200);
	assert_int_equal(ask(f, "POST", "/do", DASHBOARD_ACTOR, NULL, arena_printf(f->s->arena, "what=done&p=0&id=%s&pass=%s&why=looked+at", id,
		pass_of(f))), 303);
	assert_int_equal(ask(f, "GET", "/do?what=decide&id=lid-6", DASHBOARD_ACTOR, NULL, NULL), 404); /* nothing is to be decided there */
	assert_int_equal(ask(f, "GET", "/do?what=decide&id=decision%3Alid-5%3Aworth-it", DASHBOARD_ACTOR, NULL, NULL), 200);
	assert_int_equal(ask(f, "POST", "/do", DASHBOARD_ACTOR, NULL,
		arena_printf(f->s->arena, "what=decide&id=decision%%3Alid-5%%3Aworth-it&pass=%s&why=enough&decision=sent", pass_of(f))), 422);
	assert_int_equal(ask(f, "POST", "/do", DASHBOARD_ACTOR, NULL,
		arena_printf(f->s->arena, "what=decide&id=decision%%3Alid-5%%3Aworth-it&pass=%s&why=enough&decision=stop", pass_of(f))), 303);
	story_wait_tasks(f->s, "decision:lid-7:worth-it ");
	assert_true(story_recorded(f->s, "lid-5", "operator.command"));
}

/* Over the control socket nobody signs in; but a name that leads here from elsewhere is no way in. */
static void over_the_socket(void **state)
{
	struct boarded *f = *state;
	const char *socket = arena_printf(f->s->arena, "%s/control", f->s->world.dir);

	assert_int_equal(http_get_unix(socket, "http://localhost/health", &f->reply), 200);
	assert_non_null(strstr(page(f), arena_printf(f->s->arena, "uid %u", (unsigned)getuid())));
	assert_int_equal(http_get_unix(socket, "http://localhost/do?what=hold&id=lid-6", &f->reply), 200);
	assert_non_null(strstr(page(f), "name=\"who\""));
	assert_int_equal(http_get_unix(socket, "http://rebound.example/health", &f->reply), 400);
	assert_int_equal(http_get_unix(socket, "http://127.rebound.example/health", &f->reply), 400);
	assert_int_equal(http_get_unix(socket, "http://rebound/health", &f->reply), 400);
	assert_int_equal(http_get_unix(socket, "http://rebound.example/status", &f->reply), 403);
	assert_int_equal(http_get_unix(socket, "http://localhost/status", &f->reply), 200);
}

static void start_with(struct boarded *f, const char *was, const char *now)
{
	struct world *w = &f->s->world;
	int64_t deadline = real_ms() + WAIT_MS;

	assert_int_equal(WEXITSTATUS(process_stop(&w->daemon, WAIT_MS)), 0);
	world_configure(w, was, now);
	world_start(w, NULL);
	while (ask(f, "GET", "/invoice?id=lid-6", DASHBOARD_ACTOR, NULL, NULL) != 200) {
		if (real_ms() > deadline)
			fail_msg("%s", page(f));
		pause_ms(20);
	}
}

/* What is said to be told must survive the server that took it, as redis.replicas wants. */
static void nothing_is_told_that_no_replica_has(void **state)
{
	struct boarded *f = *state;

	start_with(f, "\"replicas\":0", "\"replicas\":1");
	assert_int_equal(ask(f, "GET", "/do?what=hold&id=lid-6", DASHBOARD_ACTOR, NULL, NULL), 200);
	assert_int_equal(ask(f, "POST", "/do", DASHBOARD_ACTOR, NULL, arena_printf(f->s->arena, "what=hold&id=lid-6&pass=%s&why=a+call&until=2026-05-10",
		pass_of(f))), 503);
	start_with(f, "\"replicas\":1", "\"replicas\":0");
}

static void who_guesses_waits(void **state)
{
	struct boarded *f = *state;
	long status = 0;

	for (int i = 0; i < 40 && status != 429; i++)
		status = ask(f, "GET", "/health", "guessed-by-a-program-0000", "X-Forwarded-For: 192.0.2.7", NULL);
	assert_int_equal(status, 429);
	assert_int_equal(ask(f, "GET", "/health", DASHBOARD_READER, NULL, NULL), 200); /* others do not */
}

/* How often Redis was asked to walk through its keys. */
static int64_t scans(struct world *w, struct arena *arena)
{
	const struct redis_reply *info = world_redis(w, arena, (const char *const[]){ "INFO", "commandstats", NULL });
	const char *at = strstr(info->str, "cmdstat_scan:calls=");

	return at ? strtoll(at + strlen("cmdstat_scan:calls="), NULL, 10) : 0;
}

/* Three partitions on one server: everything is found, under its own partition, and by one walk for debtors and one for invoices. */
static void one_walk_for_each_server(void **state)
{
	const struct world_options options = { .partitions = 3 };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct http_reply reply = { 0 };
	const char *socket;
	struct world w = { 0 };
	const char *cursor = "0";
	int64_t before, walk;

	(void)state;
	world_open(&w, &options);
	socket = arena_printf(arena, "%s/control", w.dir);
	world_start(&w, NULL);
	assert_true(world_ready(&w, WAIT_MS));
	world_push_range(&w, WORLD_FINALIZED, 0, 12, 1);
	assert_true(world_quiet(&w, WAIT_MS));
	before = scans(&w, arena);
	do
		cursor = world_redis(&w, arena, (const char *const[]){ "SCAN", cursor, "COUNT", "50", NULL })->items[0].str;
	while (strcmp(cursor, "0") != 0);
	walk = scans(&w, arena) - before;
	before += walk;
	assert_int_equal(http_get_unix(socket, "http://localhost/invoices?q=inv_", &reply), 200);
	assert_int_equal(scans(&w, arena) - before, 2 * walk);
	for (int i = 0; i < 12; i++)
		if (!strstr(reply.body.data, arena_printf(arena, "/invoice?id=inv_%d\"", i)))
			fail_msg("inv_%d is not found: %s", i, reply.body.data);
	assert_int_equal(http_get_unix(socket, "http://localhost/invoices?q=dupont", &reply), 200);
	assert_non_null(strstr(reply.body.data, "/debtor?id=cus_"));
	assert_int_equal(http_get_unix(socket, "http://localhost/", &reply), 200);
	if (!strstr(reply.body.data, "14,400.00") && !strstr(reply.body.data, "14\u202f400,00"))
		fail_msg("not all of it is owed: %s", reply.body.data);
	http_reply_clear(&reply);
	world_close(&w, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_without_a_token), cmocka_unit_test(heads_are_strict), cmocka_unit_test(a_token_becomes_a_cookie),
		cmocka_unit_test(every_view_says_its_thing), cmocka_unit_test(a_file_is_read_and_that_is_recorded), cmocka_unit_test(holds_with_who_and_why),
		cmocka_unit_test(does_and_decides), cmocka_unit_test(over_the_socket),
		cmocka_unit_test(nothing_is_told_that_no_replica_has), cmocka_unit_test(who_guesses_waits),
		cmocka_unit_test(one_walk_for_each_server),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
