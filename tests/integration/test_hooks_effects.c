/*
 * What providers tell, from the request to what is done about it: receipts before the answer, twice, out of order and after a crash; bounces,
 * STOP and answers.
 */
#include "tests/integration/hooks_story.h"

#include <signal.h>

#include "common/file.h"
#include "common/hash.h"
#include "common/keys.h"
#include "common/unsubscribe.h"

/* --- receipts ----------------------------------------------------------------------------------------------------------------- */

/* In every order and twice: a message that bounced for good bounced, and its step went to the next contact once. */
static void receipts_end_the_same(void **state)
{
	static const char *const orders[][4] = { { "sent", "deferred", "delivered", "hard" }, { "hard", "delivered", "deferred", "sent" },
		{ "delivered", "hard", "sent", "deferred" } };
	struct hooked *h = *state;

	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const char *id = arena_printf(arena, "order_%zu", i), *customer = arena_printf(arena, "order-%zu", i), *attempt;
		const char *address, *other;

		push_invoice(h, id, customer);
		attempt = wait_sent(h, arena, id, 1, arena_printf(arena, "one@%s.example", customer));
		wait_says(h, "escalation", id, "\"end\":\"sent\"");
		for (int twice = 0; twice < 2; twice++)
			for (size_t k = 0; k < 4; k++)
				tell_of(h, orders[i][k], attempt, arena_printf(arena, "%zu%d", k, twice), ",\"time\":1772442000");
		other = wait_sent(h, arena, id, 2, arena_printf(arena, "two@%s.example", customer));
		assert_string_not_equal(other, attempt);
		tell_of(h, "delivered", other, "last", NULL);
		assert_true(world_quiet(&h->world, WAIT_MS));
		wait_says(h, "debtor", customer, arena_printf(arena, "\"%s\",\"one@%s.example\",8", attempt, customer)); /* DELIVERY_BOUNCED_HARD */
		wait_says(h, "debtor", customer, arena_printf(arena, "\"%s\",\"two@%s.example\",4", other, customer));
		assert_int_equal(sent_to(h, arena, id, 0, &address, &attempt), 2);
	}
	assert_int_equal(stream_len(&h->world, "dead"), 0);
	ctl_says(h, (const char *const[]){ "show", "order_0", NULL }, "one@order-0.example (email)");
	ctl_says(h, (const char *const[]){ "show", "order_0", NULL }, "delivered");
	ctl_says(h, (const char *const[]){ "status", NULL }, "events taken");
}

/* Given up by its provider: the next address, then the other channel, then a person; what comes later goes to the first address again. */
static void what_is_given_up(void **state)
{
	struct hooked *h = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *attempt, *address;

	push_invoice(h, "given-up", "given-up");
	attempt = wait_sent(h, arena, "given-up", 1, "one@given-up.example");
	wait_says(h, "escalation", "given-up", "\"end\":\"sent\"");
	tell_of(h, "deferred", attempt, "0", NULL);
	tell_of(h, "failed", attempt, "1", ",\"reason\":\"the mailbox is full\"");
	attempt = wait_sent(h, arena, "given-up", 2, "two@given-up.example");
	wait_says(h, "escalation", "given-up", "\"end\":\"sent\"");
	tell_of(h, "failed", attempt, "2", NULL);
	attempt = wait_sent(h, arena, "given-up", 3, "+33612345678");
	wait_says(h, "escalation", "given-up", "\"end\":\"sent\"");
	tell_of(h, "failed", attempt, "3", NULL);
	wait_says(h, "escalation", "given-up", "\"end\":\"skipped\"");
	assert_true(world_quiet(&h->world, WAIT_MS));
	assert_int_equal(sent_to(h, arena, "given-up", 2, &address, &attempt), 3);
	ctl_says(h, (const char *const[]){ "tasks", NULL }, "refused:given-up");
	push_invoice(h, "next-one", "given-up");
	(void)wait_sent(h, arena, "next-one", 1, "one@given-up.example");
}

/* It is told before its own answer comes, and before that is committed: the answer is believed, and nothing is sent twice. */
static void a_receipt_before_the_answer(void **state)
{
	struct hooked *h = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *attempt, *address;

	world_behave(&h->world, "{\"mode\":\"slow\",\"ms\":1000,\"count\":1}");
	push_invoice(h, "early", "early");
	attempt = wait_sent(h, arena, "early", 1, "one@early.example");
	tell_of(h, "delivered", attempt, "0", NULL);
	wait_says(h, "debtor", "early", ",4,"); /* while the answer is on its way */
	wait_says(h, "escalation", "early", "\"end\":\"sent\"");
	assert_true(world_quiet(&h->world, WAIT_MS));
	assert_int_equal(sent_to(h, arena, "early", 0, &address, &attempt), 1);
}

static const char *message_of(struct hooked *h, struct arena *arena, const char *invoice)
{
	struct json said = world_ask_sandbox(&h->world, arena, arena_printf(arena, "/messages?invoice=%s", invoice)), messages = json_get(&said, "messages"),
		    one = json_at(&messages, 0);

	return arena_strdup(arena, member(&one, "id"));
}

static void wait_holds(struct hooked *h, const char *why)
{
	const char *seen = "";

	for (int64_t deadline = real_ms() + WAIT_MS; strcmp(seen, why) != 0 && real_ms() < deadline; pause_ms(20)) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct json status = world_status(&h->world, arena), partitions = json_get(&status, "partitions"), first = json_at(&partitions, 0);

		seen = strcmp(member(&first, "holding"), why) == 0 ? why : "";
	}
	assert_string_equal(seen, why);
}

/*
 * The same told by the provider's own id, which nobody knows here until the answer is committed. The answer has come, and Redis does not take the
 * commit for a while: what is told is kept there, and does its work as soon as the id is known.
 */
static void a_receipt_before_the_commit(void **state)
{
	struct hooked *h = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *attempt, *message;

	world_behave(&h->world, "{\"mode\":\"slow\",\"ms\":1000,\"count\":1}");
	push_invoice(h, "commit", "commit");
	attempt = wait_sent(h, arena, "commit", 1, "one@commit.example");
	(void)world_redis(&h->world, arena, (const char *const[]){ "ACL", "SETUSER", "default", "-hset", NULL });
	message = message_of(h, arena, "commit");
	wait_holds(h, "store_refuses");
	world_fires(&h->world, "DunningdSendingHeld", "dunningd_partitions_held{reason=\"store_refuses\"}", 1);
	assert_string_equal(state_of(h, arena, "commit"), "sending");
	assert_int_equal(tell(h->port, arena_printf(arena, "{\"type\":\"hard\",\"message\":\"%s\",\"event\":\"commit-0\"}", message)), 200);
	assert_int_equal(stream_len(&h->world, "receipts"), 1);
	status_has(h, NULL, "Receipts waiting");
	status_has(h, "--json", "\"receipts_waiting\":1");
	(void)world_redis(&h->world, arena, (const char *const[]){ "ACL", "SETUSER", "default", "+hset", NULL });
	wait_says(h, "debtor", "commit", arena_printf(arena, "\"%s\",\"one@commit.example\",8", attempt));
	(void)wait_sent(h, arena, "commit", 2, "two@commit.example");
	wait_says(h, "escalation", "commit", "\"end\":\"sent\"");
	assert_true(world_quiet(&h->world, WAIT_MS));
	assert_int_equal(stream_len(&h->world, "receipts"), 0);
	status_has(h, "--json", "\"receipts_waiting\":0");
	assert_int_equal(stream_len(&h->world, "dead"), 0);
}

/* No answer comes at all: the attempt is in doubt, until the provider speaks of it. */
static void a_receipt_settles_a_doubt(void **state)
{
	struct hooked *h = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *attempt, *address;

	world_behave(&h->world, "{\"mode\":\"hang\",\"count\":1}");
	push_invoice(h, "doubt", "doubt");
	attempt = wait_sent(h, arena, "doubt", 1, "one@doubt.example");
	wait_says(h, "escalation", "doubt", "\"state\":\"in_doubt\"");
	tell_of(h, "sent", attempt, "0", NULL);
	wait_says(h, "escalation", "doubt", "\"end\":\"sent\"");
	assert_true(world_quiet(&h->world, WAIT_MS));
	assert_string_equal(state_of(h, arena, "doubt"), "waiting");
	assert_int_equal(sent_to(h, arena, "doubt", 0, &address, &attempt), 1);
}

/* The daemon dies with the answer under way; what it is told after its restart settles it. While it is down nobody answers. */
static void a_receipt_after_a_crash(void **state)
{
	struct hooked *h = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *attempt, *address;

	world_behave(&h->world, "{\"mode\":\"hang\",\"count\":1}");
	push_invoice(h, "crash", "crash");
	attempt = wait_sent(h, arena, "crash", 1, "one@crash.example");
	process_kill(&h->world.daemon);
	assert_int_equal(tell(h->port, "{\"type\":\"delivered\",\"event\":\"x\"}"), 0);
	world_start(&h->world, NULL);
	assert_true(world_ready(&h->world, WAIT_MS));
	tell_of(h, "delivered", attempt, "0", NULL);
	wait_says(h, "escalation", "crash", "\"end\":\"sent\"");
	assert_true(world_quiet(&h->world, WAIT_MS));
	assert_int_equal(sent_to(h, arena, "crash", 0, &address, &attempt), 1);
}

/* --- what people want --------------------------------------------------------------------------------------------------------- */

/* No more by this channel, for all invoices of the debtor: those that come go by the other one. */
static void stop_is_for_all_invoices(void **state)
{
	static const char *const words[] = { "stopped", "complained" };
	struct hooked *h = *state;

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const char *one = arena_printf(arena, "stop_%zu", i), *two = arena_printf(arena, "stops_%zu", i),
			   *customer = arena_printf(arena, "stop-%zu", i);
		const char *attempt;

		push_invoice(h, one, customer);
		attempt = wait_sent(h, arena, one, 1, arena_printf(arena, "one@%s.example", customer));
		tell_of(h, words[i], attempt, "0", NULL);
		wait_says(h, "debtor", customer, "\"opt_out_email\":{\"on\":true");
		push_invoice(h, two, customer);
		(void)wait_sent(h, arena, two, 1, "+33612345678");
	}
}

/* The provider did not send it at all, for it knows that they want none: it goes the other way, once, and so does the next. */
static void what_was_kept_back_goes_another_way(void **state)
{
	struct hooked *h = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *attempt;

	push_invoice(h, "kept", "kept");
	attempt = wait_sent(h, arena, "kept", 1, "one@kept.example");
	wait_says(h, "escalation", "kept", "\"end\":\"sent\"");
	tell_of(h, "kept_back", attempt, "0", NULL);
	(void)wait_sent(h, arena, "kept", 2, "+33612345678");
	wait_says(h, "debtor", "kept", "\"opt_out_email\":{\"on\":true");
	tell_of(h, "kept_back", attempt, "0", NULL);
	tell_of(h, "kept_back", attempt, "1", NULL);
	push_invoice(h, "kept_too", "kept");
	(void)wait_sent(h, arena, "kept_too", 1, "+33612345678");
	assert_true(world_quiet(&h->world, WAIT_MS));
	assert_int_equal(sent_to(h, arena, "kept", 1, &attempt, &attempt), 2);
}

static const char *signed_token(struct hooked *h, struct arena *arena, const char *attempt)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	char token[UNSUBSCRIBE_TOKEN_SIZE];
	uint8_t key[32];

	assert_int_equal(file_read(arena_printf(arena, "%s/credentials/install-key", h->world.dir), 1000, &text, NULL), 0);
	assert_int_equal(hex_parse(text.data, sizeof(key), key), 0);
	unsubscribe_token(key, attempt, token);
	return arena_strdup(arena, token);
}

/* The mail's own link: looking at it changes nothing, a POST of the mail program stops mail, once however often, and nobody else's does. */
static void one_click_stops_mail(void **state)
{
	static const char click[] = "List-Unsubscribe=One-Click", link[] = "<https://dunning.example/hooks/unsubscribe/",
		style[] = "GET /hooks/unsubscribe/page.css HTTP/1.1\r\nHost: x\r\n\r\n";
	struct hooked *h = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *attempt, *token, *get, *post, *other, *empty, *lost;
	struct json said, messages, one;

	push_invoice(h, "click", "click");
	attempt = wait_sent(h, arena, "click", 1, "one@click.example");
	wait_says(h, "escalation", "click", "\"end\":\"sent\"");
	said = world_ask_sandbox(&h->world, arena, "/messages?invoice=click");
	messages = json_get(&said, "messages");
	one = json_at(&messages, 0);
	token = arena_strdup(arena, member(&one, "unsubscribe"));
	assert_memory_equal(token, link, strlen(link));
	token += strlen(link);
	assert_memory_equal(token, attempt, strlen(attempt));
	assert_string_equal(strchr(token, '>'), ">, <mailto:factures@acme.example?subject=STOP&body=STOP>");
	token = arena_memdup(arena, token, strcspn(token, ">"));
	get = arena_printf(arena, "GET /hooks/unsubscribe/%s HTTP/1.1\r\nHost: x\r\n\r\n", token);
	empty = arena_printf(arena, "POST /hooks/unsubscribe/%s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", token);
	post = arena_printf(arena, "POST /hooks/unsubscribe/%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
		"Content-Length: %zu\r\n\r\n%s", token, strlen(click), click);
	other = replaced(arena, post, token, arena_printf(arena, "%.*s%c", (int)strlen(token) - 1, token, strchr(token, '\0')[-1] == '0' ? '1' : '0'));
	assert_int_equal(send_raw(h->port, get, strlen(get), WAIT_MS), 200);
	assert_int_equal(send_raw(h->port, style, sizeof(style) - 1, WAIT_MS), 200);
	assert_int_equal(send_raw(h->port, empty, strlen(empty), WAIT_MS), 400);
	assert_int_equal(send_raw(h->port, other, strlen(other), WAIT_MS), 404);
	/* ours, and of a mail that nobody knows any more: it is not said to be done, however often */
	assert_string_equal(signed_token(h, arena, attempt), token);
	lost = arena_printf(arena, "%.*s%c", ATTEMPT_ID_SIZE - 2, attempt, attempt[ATTEMPT_ID_SIZE - 2] == '0' ? '1' : '0');
	lost = replaced(arena, post, token, signed_token(h, arena, lost));
	assert_int_equal(send_raw(h->port, lost, strlen(lost), WAIT_MS), 410);
	assert_int_equal(send_raw(h->port, lost, strlen(lost), WAIT_MS), 410);
	assert_true(world_quiet(&h->world, WAIT_MS));
	assert_null(strstr(member_text(h, arena, "debtor", "click"), "opt_out_email"));
	assert_int_equal(send_raw(h->port, post, strlen(post), WAIT_MS), 200);
	assert_int_equal(send_raw(h->port, post, strlen(post), WAIT_MS), 200);
	wait_says(h, "debtor", "click", "\"opt_out_email\":{\"on\":true");
	push_invoice(h, "clicked", "click");
	(void)wait_sent(h, arena, "clicked", 1, "+33612345678");
}

/* STOP by SMS from America: the one confirmation that its law knows goes to that number, and then nothing more. */
static void a_stop_by_sms_is_confirmed(void **state)
{
	struct hooked *h = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *text = replaced(arena, replaced(arena, event, "ID", "us"), "CUS", "us"), *attempt, *address;

	text = replaced(arena, text, "\"country\":\"FR\",\"locale\":\"fr-FR\",\"timezone\":\"Europe/Paris\"",
		"\"country\":\"US\",\"locale\":\"en-US\",\"timezone\":\"America/New_York\"");
	text = replaced(arena, text, "\"email\":\"one@us.example\",\"phone\":\"+33612345678\"",
		"\"phone\":\"+12025550100\",\"consent\":{\"sms\":true}");
	text = replaced(arena, text, ",{\"id\":\"c2\",\"role\":\"billing\",\"email\":\"two@us.example\"}", "");
	world_push(&h->world, text, strlen(text));
	attempt = wait_sent(h, arena, "us", 1, "+12025550100");
	wait_says(h, "escalation", "us", "\"end\":\"sent\"");
	tell_of(h, "replied", attempt, "0", ",\"text\":\"Stop\"");
	(void)wait_sent(h, arena, "us", 2, "+12025550100");
	wait_says(h, "debtor", "us", "\"+12025550100\",true]");
	tell_of(h, "replied", attempt, "1", ",\"text\":\"STOP!\"");
	assert_true(world_quiet(&h->world, WAIT_MS));
	assert_int_equal(sent_to(h, arena, "us", 0, &address, &attempt), 2);
	assert_true(trail_keeps(h, "us", "the last one"));
	assert_int_equal(world_ctl(&h->world, (const char *const[]){ "check", NULL }, NULL), 0);
}

/* An answer holds its invoices, opens a task and is kept with its text. */
static void an_answer_holds(void **state)
{
	struct hooked *h = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *attempt;
	const struct redis_reply *task;
	const char *argv[] = { "HGET", world_key(&h->world, arena, "tasks"), "answer_reply:reply", NULL };

	push_invoice(h, "reply", "reply");
	attempt = wait_sent(h, arena, "reply", 1, "one@reply.example");
	tell_of(h, "replied", attempt, "0", ",\"text\":\"Nous avons r\\u00e9gl\\u00e9 hier, cordialement\",\"address\":\"one@reply.example\","
		"\"files\":[{\"name\":\"ordre-de-virement.pdf\"}]");
	wait_says(h, "escalation", "reply", "\"held\":\"reply\"");
	task = world_redis(&h->world, arena, argv);
	assert_int_equal(task->type, REDIS_STRING);
	assert_non_null(strstr(task->str, "\"reason\":\"says_paid\"")); /* for whoever answers: where to look first */
	assert_true(world_quiet(&h->world, WAIT_MS));
	assert_true(trail_keeps(h, "reply", "cordialement"));
	assert_true(trail_keeps(h, "reply", "svix-signature")); /* with what proves it */
	assert_true(trail_keeps(h, "reply", "\"files\":[{\"name\":\"ordre-de-virement.pdf\"")); /* and what came with it */

	push_invoice(h, "stop_by_reply", "stop-by-reply");
	attempt = wait_sent(h, arena, "stop_by_reply", 1, "one@stop-by-reply.example");
	tell_of(h, "replied", attempt, "0", ",\"text\":\"STOP\"");
	wait_says(h, "debtor", "stop-by-reply", "\"opt_out_email\":{\"on\":true");
}

/* A provider that does not echo our id: its own leads there, or the address does. */
static void other_ways_to_find_it(void **state)
{
	struct hooked *h = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json said, messages, one;
	const char *attempt;

	push_invoice(h, "by_id", "by-id");
	attempt = wait_sent(h, arena, "by_id", 1, "one@by-id.example");
	wait_says(h, "escalation", "by_id", "\"end\":\"sent\"");
	said = world_ask_sandbox(&h->world, arena, "/messages?invoice=by_id");
	messages = json_get(&said, "messages");
	one = json_at(&messages, 0);
	assert_int_equal(tell(h->port, arena_printf(arena, "{\"type\":\"hard\",\"message\":\"%s\",\"event\":\"by-id\",\"address\":\"x@y.example\"}",
						   member(&one, "id"))), 200);
	wait_says(h, "debtor", "by-id", arena_printf(arena, "\"%s\",\"one@by-id.example\",8", attempt));
	(void)wait_sent(h, arena, "by_id", 2, "two@by-id.example");

	push_invoice(h, "by_address", "by-address");
	attempt = wait_sent(h, arena, "by_address", 1, "one@by-address.example");
	assert_int_equal(tell(h->port, "{\"type\":\"delivered\",\"address\":\"one@by-address.example\",\"event\":\"by-address-0\"}"), 200);
	wait_says(h, "debtor", "by-address", "\"addresses\":[[\"one@by-address.example\",0,false,");
	assert_int_equal(tell(h->port, "{\"type\":\"replied\",\"address\":\"ONE@by-address.example\",\"text\":\"Stop!\",\"event\":\"by-address-1\"}"), 200);
	wait_says(h, "debtor", "by-address", "\"opt_out_email\":{\"on\":true");
	wait_says(h, "escalation", "by_address", "\"held\":\"reply\"");
	(void)attempt;
}

/*
 * The scanned receipt of a registered letter is no event any more by its size: it is kept as it came, with its digest, in the file that is handed to a
 * court, and nowhere else.
 */
static void a_scanned_receipt_is_kept(void **state)
{
	struct hooked *h = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf list = { 0 }, record = { 0 }, kept = { 0 };
	char *scan = arena_alloc(arena, 200001), hex[2 * SHA256_SIZE + 1];
	const char *attempt, *body, *out = "", *line = NULL;
	uint8_t digest[SHA256_SIZE];

	memset(scan, 'A', 200000);
	push_invoice(h, "scanned", "scanned");
	attempt = wait_sent(h, arena, "scanned", 1, "one@scanned.example");
	wait_says(h, "escalation", "scanned", "\"end\":\"sent\"");
	body = arena_printf(arena, "{\"type\":\"delivered\",\"attempt\":\"%s\",\"event\":\"scan\",\"proof\":\"%s\"}", attempt, scan);
	assert_int_equal(tell(h->port, body), 200);
	assert_int_equal(tell(h->port, arena_printf(arena, "{\"attempt\":\"%s\",\"more\":\"%s%s\"}", attempt, scan, scan)), 413);
	line = signed_text(arena, &(struct signed_request){ .path = "/hooks/sandbox/open", .body = body }); /* whose file asks for no more than others have */
	assert_int_equal(send_raw(h->port, line, strlen(line), WAIT_MS), 413);
	line = NULL;
	wait_says(h, "debtor", "scanned", arena_printf(arena, "\"%s\",\"one@scanned.example\",4", attempt));
	assert_true(world_quiet(&h->world, WAIT_MS));
	sha256(body, strlen(body), digest);
	hex_format(digest, sizeof(digest), hex);
	assert_int_equal(world_redis_int(&h->world, (const char *const[]){ "EXISTS", world_key(&h->world, arena, arena_printf(arena, "body:%s", hex)), NULL }), 0);
	for (int64_t deadline = real_ms() + WAIT_MS, n = 0; !line && real_ms() < deadline; pause_ms(100)) { /* what is in it is signed */
		out = arena_printf(arena, "%s/scanned-%lld", h->world.dir, (long long)n++);
		buf_reset(&list);
		if (world_ctl(&h->world, (const char *const[]){ "evidence", "scanned", "--out", out, NULL }, &list) != 0)
			continue; /* nothing of it is signed yet; else the end says why */
		assert_int_equal(file_read(arena_printf(arena, "%s/manifest", out), 1 << 20, &list, NULL), 0);
		line = strstr(buf_str(&list), hex); /* the digest of one of its files */
	}
	if (!line)
		fail_msg("%s is not there: %s", hex, buf_str(&list));
	assert_int_equal(world_ctl(&h->world, (const char *const[]){ "trail", "verify", out, NULL }, NULL), 0);
	line = arena_printf(arena, "%.*s", (int)strcspn(line, "\n"), line);
	line = strrchr(line, ' ') + 1;
	assert_int_equal(file_read(arena_printf(arena, "%s/%s", out, line), 1 << 20, &kept, NULL), 0);
	assert_true(kept.len == strlen(body) && memcmp(kept.data, body, kept.len) == 0);
	assert_string_equal(strstr(line, "/parts/"), "/parts/webhook.body");
	assert_int_equal(file_read(arena_printf(arena, "%s/%.*s/record.json", out, (int)(strstr(line, "/parts/") - line), line), 1 << 20, &record, NULL), 0);
	assert_non_null(strstr(buf_str(&record), arena_printf(arena, "\"body_sha256\":\"%s\"", hex)));
}

/* Whom it is about is not known: somebody must look. */
static void a_stop_of_nobody_is_looked_at(void **state)
{
	struct hooked *h = *state;
	int64_t dead = stream_len(&h->world, "dead");

	assert_int_equal(tell(h->port, "{\"type\":\"stopped\",\"address\":\"nobody@nowhere.example\",\"event\":\"nobody\"}"), 200);
	assert_int_equal(tell(h->port, "{\"type\":\"delivered\",\"attempt\":\"01JX9000000000000000000042\",\"event\":\"nobody\"}"), 200);
	assert_true(world_quiet(&h->world, WAIT_MS));
	assert_int_equal(stream_len(&h->world, "dead"), dead + 1);
}

/* Whoever proves nothing may say what he likes. */
static void an_outsider_changes_nothing(void **state)
{
	struct hooked *h = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *attempt, *address, *text;
	CLEANUP(buf_clear) struct buf before = { 0 }, after = { 0 };
	struct json doc;

	push_invoice(h, "outsider", "outsider");
	attempt = wait_sent(h, arena, "outsider", 1, "one@outsider.example");
	wait_says(h, "escalation", "outsider", "\"end\":\"sent\"");
	doc = document(h, arena, "debtor", "outsider");
	doc = json_get(&doc, "contacts");
	json_write(&before, &doc);
	for (int i = 0; i < 2; i++) {
		text = signed_text(arena, &(struct signed_request){ .path = "/hooks/sandbox/open", .key = "none",
			.body = arena_printf(arena, "{\"type\":\"%s\",\"attempt\":\"%s\"}", i ? "hard" : "stopped", attempt) });
		assert_int_equal(send_raw(h->port, text, strlen(text), WAIT_MS), 200);
	}
	assert_true(world_quiet(&h->world, WAIT_MS));
	doc = document(h, arena, "debtor", "outsider");
	assert_false(json_has(&doc, "opt_out_email"));
	assert_false(json_has(&doc, "addresses"));
	doc = json_get(&doc, "contacts");
	json_write(&after, &doc);
	assert_string_equal(buf_str(&before), buf_str(&after));
	assert_int_equal(sent_to(h, arena, "outsider", 0, &address, &attempt), 1);
}

/* What was pushed can be asked for at once; where nobody reads it that is told, and what was pushed stays. */
static void push_waits_until_it_is_read(void **state)
{
	struct hooked *h = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	for (int i = 0; i < 5; i++) {
		const char *id = arena_printf(arena, "waited_%d", i);
		const char *push[] = { "push", "--wait", replaced(arena, replaced(arena, event, "ID", id), "CUS", "waited"), NULL };

		assert_int_equal(world_ctl(&h->world, push, NULL), 0);
		ctl_says(h, (const char *const[]){ "explain", id, NULL }, id);
	}
}

static void the_trail_holds(void **state)
{
	struct hooked *h = *state;
	CLEANUP(buf_clear) struct buf output = { 0 };

	assert_true(world_quiet(&h->world, WAIT_MS));
	if (world_ctl(&h->world, (const char *const[]){ "check", NULL }, &output) != 0)
		fail_msg("%s", buf_str(&output));
	assert_int_equal(process_stop(&h->world.daemon, WAIT_MS), 0);
	assert_true(world_trail_verifies(&h->world));
}

/* --- partitions --------------------------------------------------------------------------------------------------------------- */

#define PARTITIONS 4

static int setup_partitions(void **state)
{
	struct hooked *h = calloc(1, sizeof(*h));
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf config = { 0 };

	h->port = hooks_open(&h->world, &(struct world_options){ 0 });
	put_file(&h->world, arena, "policies/now.json", policy);
	put_file(&h->world, arena, "templates/fr/plain.sms", "Facture {{invoice.number}}");
	assert_int_equal(file_read(h->world.config, 100000, &config, NULL), 0);
	put_file(&h->world, arena, h->world.config + strlen(h->world.dir) + 1,
		replaced(arena, buf_str(&config), "\"creditor\":", "\"partitions\":4,\"creditor\":"));
	world_start(&h->world, NULL);
	if (!world_ready(&h->world, WAIT_MS))
		return -1;
	*state = h;
	return 0;
}

static void wait_key_says(struct hooked *h, const char *key, const char *text)
{
	CLEANUP(buf_clear) struct buf seen = { 0 };

	for (int64_t deadline = real_ms() + WAIT_MS; real_ms() < deadline; pause_ms(20)) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const struct redis_reply *reply = world_redis(&h->world, arena, (const char *const[]){ "GET", key, NULL });

		buf_reset(&seen);
		if (reply->type == REDIS_STRING)
			buf_add(&seen, reply->str, reply->len);
		if (strstr(buf_str(&seen), text))
			return;
	}
	fail_msg("%s does not come to say %s: %s", key, text, buf_str(&seen));
}

/* Each is told in the partition of its debtor: by our id, which holds it, or by asking all. One request may be about several. */
static void each_partition_is_told(void **state)
{
	struct hooked *h = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf body = { 0 };
	unsigned seen = 0;
	char *keys[8];

	for (int i = 0; i < 8; i++) {
		const char *customer = arena_printf(arena, "part-%d", i), *id = arena_printf(arena, "part_%d", i), *attempt;
		struct keyspace keyspace = { h->world.prefix, partition_of(customer, PARTITIONS) };
		const char *add[] = { "XADD", key_events(arena, &keyspace, NULL), "*", "event",
			replaced(arena, replaced(arena, event, "ID", id), "CUS", customer), NULL };

		seen |= 1u << keyspace.partition;
		keys[i] = key_debtor(arena, &keyspace, customer);
		(void)world_redis(&h->world, arena, add);
		attempt = wait_sent(h, arena, id, 1, arena_printf(arena, "one@%s.example", customer));
		buf_printf(&body, "%c{\"type\":\"delivered\",\"event\":\"part-%d\",", i ? ',' : '[', i);
		if (i % 2)
			buf_printf(&body, "\"attempt\":\"%s\"}", attempt);
		else
			buf_printf(&body, "\"address\":\"one@%s.example\"}", customer);
	}
	buf_add_char(&body, ']');
	assert_int_equal(seen, 15); /* all four */
	assert_int_equal(tell(h->port, body.data), 200);
	for (int i = 0; i < 8; i++)
		wait_key_says(h, keys[i], i % 2 ? ",4," : "\"addresses\":[[");
	assert_int_equal(process_stop(&h->world.daemon, WAIT_MS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(receipts_end_the_same),
		cmocka_unit_test(what_is_given_up),
		cmocka_unit_test(a_receipt_before_the_answer),
		cmocka_unit_test(a_receipt_before_the_commit),
		cmocka_unit_test(a_receipt_settles_a_doubt),
		cmocka_unit_test(a_receipt_after_a_crash),
		cmocka_unit_test(stop_is_for_all_invoices), cmocka_unit_test(what_was_kept_back_goes_another_way),
		cmocka_unit_test(one_click_stops_mail),
		cmocka_unit_test(a_stop_by_sms_is_confirmed),
		cmocka_unit_test(an_answer_holds),
		cmocka_unit_test(other_ways_to_find_it),
		cmocka_unit_test(a_scanned_receipt_is_kept),
		cmocka_unit_test(a_stop_of_nobody_is_looked_at),
		cmocka_unit_test(an_outsider_changes_nothing),
		cmocka_unit_test(push_waits_until_it_is_read), cmocka_unit_test(the_trail_holds),
	};

	const struct CMUnitTest partitioned[] = { cmocka_unit_test(each_partition_is_told) };

	return cmocka_run_group_tests(tests, setup, teardown) + cmocka_run_group_tests(partitioned, setup_partitions, teardown);
}
