/*
 * Receipts that name their message by the provider's id alone, and come before that id is known: against a real Redis, which is told by hand
 * what the flow would commit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include <cmocka.h>

#include "common/contact.h"
#include "common/event.h"
#include "common/keys.h"
#include "common/utc.h"
#include "daemon/intake.h"
#include "tests/support/process.h"
#include "tests/support/redis_server.h"
#include "tests/support/tree.h"

#define WAIT_MS 20000
#define NOW INT64_C(1772442000000)
#define PARTITIONS 4
#define DEBTOR "cus_1"

static const char file[] =
	"{\"adapter\":1,\"name\":\"post\",\"channel\":\"email\",\"features\":{},\"limits\":{},\"config\":{\"key\":{\"secret\":true}},"
	"\"send\":{\"method\":\"POST\",\"url\":\"https://x.example/\",\"auth\":{\"kind\":\"none\"}},"
	"\"response\":{\"id\":\"/id\",\"rules\":[{\"status\":\"2xx\",\"outcome\":\"accepted\"}]},"
	"\"webhooks\":[{\"parse\":\"json\",\"verify\":{\"kind\":\"none\",\"why\":\"x\"},"
	"\"events\":{\"message\":\"/id\",\"type\":\"/type\",\"map\":{\"x\":\"delivered\"}}}]}";
static const uint8_t install_key[32] = "of an installation of this test";

struct fixture {
	char dir[64];
	struct redis_server redis;
	struct event_base *base;
	struct redis_link *link;
	struct config config;
	struct adapter *adapter;
	struct intake *intake;
	struct arena *arena;
	int64_t now;
	char attempt[ATTEMPT_ID_SIZE];
	struct intake_result result;
	bool done, anybody; /* anybody: nothing says that it is the provider who tells */
};

static int64_t the_time(void *arg)
{
	return ((struct fixture *)arg)->now;
}

static void on_note(int priority, const char *line, void *arg)
{
	(void)priority, (void)line, (void)arg;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct redis_url url;
	struct err err = { 0 };

	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/dunningd-intake-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	redis_server_start(&f->redis, f->dir, NULL);
	f->base = event_base_new();
	f->arena = arena_create();
	f->now = NOW;
	assert_int_equal(redis_url_parse(f->redis.socket, &url, NULL), 0);
	f->link = redis_link_create(f->base, &url, NULL, NULL);
	if (adapter_parse(file, sizeof(file) - 1, &f->adapter, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	f->config = (struct config){ .prefix = "dunning", .partitions = PARTITIONS };
	f->intake = intake_create(f->base, &(struct intake_settings){ .config = &f->config, .redis = &url, .install_key = install_key, .now = the_time,
		.now_arg = f, .note = on_note });
	while (!redis_links_connected(intake_links(f->intake)) || !redis_link_connected(f->link))
		assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
	attempt_id(install_key, &(struct attempt_name){ .debtor = DEBTOR, .invoice = "inv_1", .step = "s", .channel = "email", .recipient = "a@b.example",
		.partition = partition_of(DEBTOR, PARTITIONS), .due_at = NOW }, f->attempt);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	intake_destroy(f->intake);
	redis_link_destroy(f->link);
	adapter_free(f->adapter);
	event_base_free(f->base);
	arena_free(f->arena);
	redis_server_stop(&f->redis);
	tree_remove(f->dir);
	free(f);
	return 0;
}

static const struct redis_reply *ask(struct fixture *f, const char *const *argv)
{
	const struct redis_reply *reply;
	size_t argc = 0;

	while (argv[argc])
		argc++;
	assert_int_equal(redis_call(f->base, f->link, f->arena, argc, argv, NULL, &reply), 0);
	if (reply->type == REDIS_ERROR)
		fail_msg("%s: %s", argv[0], reply->str);
	return reply;
}

static const char *key(struct fixture *f, uint32_t partition, const char *name)
{
	return key_of(f->arena, &(struct keyspace){ "dunning", partition }, name);
}

static int64_t length(struct fixture *f, uint32_t partition, const char *name)
{
	return ask(f, (const char *const[]){ "XLEN", key(f, partition, name), NULL })->integer;
}

static void wait_length(struct fixture *f, uint32_t partition, const char *name, int64_t count)
{
	for (int64_t deadline = real_ms() + WAIT_MS; length(f, partition, name) != count && real_ms() < deadline; pause_ms(1)) /* asking runs the loop */
		(void)event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_int_equal(length(f, partition, name), count);
}

static void on_done(const struct intake_result *result, void *arg)
{
	struct fixture *f = arg;

	f->result = *result;
	f->done = true;
}

/* As the provider's webhook tells it. */
static struct intake_result tell_all(struct fixture *f, const char *provider, const struct hook_event *events, size_t count, const char *body)
{
	struct hook_request request = { .url = "https://dunning.example/hooks/post", .body = body, .body_len = strlen(body), .now = f->now };
	struct hook_origin origin = { .provider = provider, .source = "/hooks/post", .hook = adapter_hook(f->adapter, ""), .request = &request,
		.verified = !f->anybody, .alone = count == 1, .now = f->now };
	struct intake_batch batch = { .arena = f->arena, .adapter = f->adapter, .origin = &origin, .events = events, .count = count, .seen_ms = HOOK_SEEN_MS };

	f->done = false;
	intake_take(f->intake, &batch, on_done, f);
	while (!f->done)
		assert_true(event_base_loop(f->base, EVLOOP_ONCE) >= 0);
	return f->result;
}

static struct intake_result tell_with(struct fixture *f, const char *provider, const struct hook_event *event, const char *body)
{
	return tell_all(f, provider, event, 1, body);
}

static struct intake_result tell(struct fixture *f, const char *provider, const struct hook_event *event)
{
	return tell_with(f, provider, event, "{\"id\":1}");
}

static const char *entry_text(struct fixture *f)
{
	static const char *const invoices[] = { "inv_1" };
	CLEANUP(buf_clear) struct buf text = { 0 };

	attempt_entry_write(&text, &(struct attempt_entry){ .id = f->attempt, .debtor_id = DEBTOR, .step = "s", .channel = "email", .provider = "post",
		.invoice_ids = invoices, .invoice_count = 1, .released_at = NOW - SECOND_MS });
	return arena_strdup(f->arena, buf_str(&text));
}

/* Its release is committed; nobody knows yet what became of it. */
static void released(struct fixture *f)
{
	uint32_t partition = partition_of(DEBTOR, PARTITIONS);

	(void)ask(f, (const char *const[]){ "FLUSHALL", NULL });
	f->now = NOW;
	(void)ask(f, (const char *const[]){ "HSET", key(f, partition, "attempts"), f->attempt, entry_text(f), NULL });
	(void)ask(f, (const char *const[]){ "SET", key_attempt(f->arena, &(struct keyspace){ "dunning", partition }, f->attempt), entry_text(f), NULL });
	assert_int_not_equal(partition, 0);
}

/* Its answer is: one transaction. */
static void answered(struct fixture *f, const char *message)
{
	struct keyspace keys = { "dunning", partition_of(DEBTOR, PARTITIONS) };

	(void)ask(f, (const char *const[]){ "MULTI", NULL });
	(void)ask(f, (const char *const[]){ "HDEL", key_of(f->arena, &keys, "attempts"), f->attempt, NULL });
	(void)ask(f, (const char *const[]){ "SET", key_reference(f->arena, &keys, install_key, "message", "post", message), f->attempt, NULL });
	(void)ask(f, (const char *const[]){ "EXEC", NULL });
}

/* The i-th event of a partition's stream. */
static int event_at(struct fixture *f, uint32_t partition, size_t i, struct event *ret, struct err *err)
{
	const struct redis_reply *all = ask(f, (const char *const[]){ "XRANGE", key_events(f->arena, &(struct keyspace){ "dunning", partition }, NULL), "-", "+", NULL }),
				 *fields;

	assert_true(i < all->count);
	fields = &all->items[i].items[1];
	assert_int_equal(fields->count, 2);
	return event_parse(f->arena, fields->items[1].str, fields->items[1].len, NULL, ret, err);
}

/* --- receipts ----------------------------------------------------------------------------------------------------------------- */

/* It is taken, and waits; what is not ours does not. Once its message is known it is told where its debtor is, once however often it came. */
static void it_waits_for_its_message(void **state)
{
	struct fixture *f = *state;
	const struct hook_event hard = { .word = HOOK_BOUNCED_HARD, .message_id = "m-1", .id = "e1", .said = "bounce" },
		foreign = { .word = HOOK_BOUNCED_HARD, .message_id = "m-1", .id = "e2" };
	uint32_t partition = partition_of(DEBTOR, PARTITIONS);
	struct event e;
	struct err err = { 0 };

	released(f);
	assert_int_equal(tell(f, "post", &hard).added, 1);
	assert_int_equal(f->result.end, INTAKE_SAVED);
	assert_int_equal(length(f, 0, INTAKE_WAITS), 1);
	assert_int_equal(tell(f, "post", &hard).known, 1);
	assert_int_equal(tell(f, "other", &foreign).added, 1); /* a provider that has nothing of ours */
	wait_length(f, 0, "events", 1);
	assert_int_equal(event_at(f, 0, 0, &e, &err), 0); /* evidence of nobody's */
	assert_null(e.customer_id);
	assert_int_equal(length(f, 0, INTAKE_WAITS), 1);
	assert_int_equal(length(f, partition, "events"), 0);
	answered(f, "M-1");
	wait_length(f, 0, INTAKE_WAITS, 0);
	assert_int_equal(length(f, partition, "events"), 1);
	if (event_at(f, partition, 0, &e, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	assert_string_equal(e.id, "e1");
	assert_string_equal(e.customer_id, DEBTOR);
	assert_string_equal(e.attempt_id, f->attempt);
	assert_int_equal(e.invoice_count, 1);
	assert_string_equal(e.invoice_ids[0], "inv_1");
	assert_int_equal(e.channel, CHANNEL_EMAIL);
	assert_int_equal(e.delivery, DELIVERY_BOUNCED_HARD);
	assert_false(e.unverified);
	assert_int_equal(tell(f, "post", &hard).known, 1);
	assert_int_equal(length(f, partition, "events") + length(f, 0, "events"), 2);
}

/* However many more come in the meantime. */
static void others_do_not_hold_it_up(void **state)
{
	struct fixture *f = *state;
	const struct hook_event good = { .word = HOOK_DELIVERED, .message_id = "m-9", .id = "e9" };
	uint32_t partition = partition_of(DEBTOR, PARTITIONS);
	int64_t deadline = real_ms() + WAIT_MS, last = 0;

	released(f);
	(void)tell(f, "post", &good);
	answered(f, "m-9");
	for (int i = 0; length(f, partition, "events") == 0 && real_ms() < deadline; pause_ms(1)) {
		const char *id = arena_printf(f->arena, "other-%d", i);

		(void)event_base_loop(f->base, EVLOOP_NONBLOCK);
		if (real_ms() - last < 50)
			continue;
		assert_int_equal(tell(f, "post", &(struct hook_event){ .word = HOOK_DELIVERED, .message_id = id, .id = id }).end, INTAKE_SAVED);
		last = real_ms();
		i++;
	}
	assert_int_equal(length(f, partition, "events"), 1);
}

/* Nobody's in the end: what says that a message did not arrive is looked at by a person, the rest is kept as it is. */
static void nobody_claims_it(void **state)
{
	struct fixture *f = *state;
	const struct hook_event hard = { .word = HOOK_BOUNCED_HARD, .message_id = "m-2", .id = "e3" },
		good = { .word = HOOK_DELIVERED, .message_id = "m-3", .id = "e4" };
	struct event e;
	struct err err = { 0 };

	released(f);
	(void)tell(f, "post", &hard);
	(void)tell(f, "post", &good);
	f->now += INTAKE_WAIT_MS;
	wait_length(f, 0, INTAKE_WAITS, 0);
	assert_int_equal(length(f, 0, "events"), 2);
	assert_int_equal(event_at(f, 0, 0, &e, &err), -EBADMSG);
	assert_string_equal(err.code, "no_attempt");
	assert_int_equal(event_at(f, 0, 1, &e, &err), 0);
	assert_null(e.customer_id);
}

/* Who complained is written to until it is known who that is: a person looks for him after some minutes, whatever is in doubt. */
static void a_complaint_does_not_wait_for_days(void **state)
{
	struct fixture *f = *state;
	const struct hook_event complaint = { .word = HOOK_COMPLAINED, .message_id = "m-10", .id = "e10" },
		hard = { .word = HOOK_BOUNCED_HARD, .message_id = "m-11", .id = "e11" };
	struct event e;
	struct err err = { 0 };

	released(f);
	(void)tell(f, "post", &complaint);
	(void)tell(f, "post", &hard);
	f->now += 5 * MINUTE_MS;
	wait_length(f, 0, INTAKE_WAITS, 1);
	assert_int_equal(event_at(f, 0, 0, &e, &err), -EBADMSG);
	assert_string_equal(err.code, "unknown_sender");
}

/* The address says whom it is about, and its own message what became of which; who wants no more does not wait for that. */
static void its_address_is_known(void **state)
{
	struct fixture *f = *state;
	const struct hook_event stop = { .word = HOOK_STOPPED, .message_id = "m-4", .id = "e5", .address = "a@b.example" },
		hard = { .word = HOOK_BOUNCED_HARD, .message_id = "m-5", .id = "e6", .address = "a@b.example" };
	struct keyspace keys = { "dunning", partition_of(DEBTOR, PARTITIONS) };
	struct event e;
	struct err err = { 0 };

	released(f);
	(void)ask(f, (const char *const[]){ "SET", key_reference(f->arena, &keys, install_key, "address", "email", "a@b.example"), f->attempt, NULL });
	(void)tell(f, "post", &stop);
	assert_int_equal(length(f, keys.partition, "events"), 1);
	(void)tell(f, "post", &hard);
	assert_int_equal(length(f, keys.partition, "events"), 1);
	assert_int_equal(length(f, 0, INTAKE_WAITS), 1);
	answered(f, "another message");
	wait_length(f, 0, INTAKE_WAITS, 0);
	assert_int_equal(event_at(f, keys.partition, 1, &e, &err), 0);
	assert_string_equal(e.customer_id, DEBTOR);
	assert_null(e.attempt_id);
	assert_int_equal(e.delivery, DELIVERY_BOUNCED_HARD);
}

/* What is too long for an event lies beside it, under its digest, and goes where it goes. */
static void its_bytes_go_along(void **state)
{
	struct fixture *f = *state;
	const struct hook_event proof = { .word = HOOK_DELIVERED, .message_id = "m-8", .id = "e8" };
	struct keyspace keys = { "dunning", partition_of(DEBTOR, PARTITIONS) };
	char *scan = arena_alloc(f->arena, 200001);
	const struct redis_reply *kept;
	struct event e;
	struct err err = { 0 };

	memset(scan, 'A', 200000);
	released(f);
	assert_int_equal(tell_with(f, "post", &proof, scan).end, INTAKE_SAVED);
	answered(f, "m-8");
	wait_length(f, 0, INTAKE_WAITS, 0);
	assert_int_equal(event_at(f, keys.partition, 0, &e, &err), 0);
	assert_int_equal(e.apart_bytes, 200000);
	kept = ask(f, (const char *const[]){ "GET", key_body(f->arena, &keys, e.apart), NULL });
	assert_int_equal(kept->type, REDIS_STRING);
	assert_int_equal(kept->len, 200000);
	assert_memory_equal(kept->str, scan, kept->len);
	assert_true(ask(f, (const char *const[]){ "PTTL", key_body(f->arena, &keys, e.apart), NULL })->integer > 0);
	for (int64_t deadline = real_ms() + WAIT_MS; ask(f, (const char *const[]){ "KEYS", "*:body:*", NULL })->count != 1 && real_ms() < deadline; pause_ms(1))
		(void)event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_int_equal(ask(f, (const char *const[]){ "KEYS", "*:body:*", NULL })->count, 1); /* and no more where it waited */
}

static size_t bodies(struct fixture *f)
{
	return ask(f, (const char *const[]){ "KEYS", "*:body:*", NULL })->count;
}

/* Of several in one request each has its own. */
static void each_has_its_bytes(void **state)
{
	struct fixture *f = *state;
	char *a = arena_alloc(f->arena, 100001), *b = arena_alloc(f->arena, 100001);
	const struct hook_event two[] = { { .word = HOOK_DELIVERED, .message_id = "m-15", .id = "e15", .raw = a, .raw_len = 100000 },
		{ .word = HOOK_DELIVERED, .message_id = "m-16", .id = "e16", .raw = b, .raw_len = 100000 } };

	memset(a, 'A', 100000);
	memset(b, 'B', 100000);
	released(f);
	assert_int_equal(tell_all(f, "post", two, ARRAY_LEN(two), "[]").added, 2);
	assert_int_equal(bodies(f), 2);
}

#define MANY 3000 /* of one partition more than one script takes */

static void forget(struct fixture *f, const char *pattern, size_t most)
{
	const struct redis_reply *keys = ask(f, (const char *const[]){ "KEYS", pattern, NULL });

	for (size_t i = 0; i < keys->count && i < most; i++)
		(void)ask(f, (const char *const[]){ "DEL", keys->items[i].str, NULL });
}

/* To all who share an address, however many; where only some of them were told, a repetition tells the others, and has the bytes for them. */
static void all_who_share_an_address(void **state)
{
	struct fixture *f = *state;
	const struct hook_event mail = { .word = HOOK_REPLIED, .id = "e14", .address = "a@b.example", .text = "x" };
	char *scan = arena_alloc(f->arena, 200001);
	struct event e;
	struct err err = { 0 };
	int64_t told = 0;

	(void)ask(f, (const char *const[]){ "FLUSHALL", NULL });
	memset(scan, 'A', 200000);
	for (uint32_t p = 0; p < PARTITIONS; p++) {
		const char *set[2 * MANY + 3] = { "HSET", key_address(f->arena, &(struct keyspace){ "dunning", p }, install_key, mail.address) };
		size_t n = 2;

		for (int i = 0; i < MANY; i++) {
			const char *id = arena_printf(f->arena, "cus_%d", i);

			if (partition_of(id, PARTITIONS) != p)
				continue;
			set[n++] = id;
			set[n++] = "1";
		}
		(void)ask(f, set);
	}
	assert_int_equal(tell_with(f, "post", &mail, scan).end, INTAKE_SAVED);
	assert_int_equal(f->result.added, MANY);
	for (uint32_t p = 0; p < PARTITIONS; p++) {
		assert_true(length(f, p, "events") > 500);
		told += length(f, p, "events");
		for (int64_t i = length(f, p, "events"), behind = 0; i-- > 0 && behind < 3; behind++) { /* the last one takes them along */
			assert_int_equal(event_at(f, p, (size_t)i, &e, &err), 0);
			assert_int_equal(e.apart_stays, behind > 0);
		}
		assert_int_equal(event_at(f, p, 0, &e, &err), 0);
		assert_true(e.apart_stays);
	}
	assert_int_equal(told, MANY);
	assert_int_equal(bodies(f), PARTITIONS);
	forget(f, "*:body:*", SIZE_MAX);
	assert_int_equal(tell_with(f, "post", &mail, scan).known, MANY);
	assert_int_equal(bodies(f), 0);
	forget(f, "*:hook:*", 1);
	assert_int_equal(tell_with(f, "post", &mail, scan).added, 1);
	assert_int_equal(f->result.known, MANY - 1);
	assert_int_equal(bodies(f), 1);
}

/* Of what anybody may have written no more is kept than an event holds. */
static void the_bytes_of_anybody_are_not_kept(void **state)
{
	struct fixture *f = *state;
	const struct hook_event proof = { .word = HOOK_DELIVERED, .message_id = "m-13", .id = "e13" };
	char *scan = arena_alloc(f->arena, 200001);
	struct event e;
	struct err err = { 0 };

	memset(scan, 'A', 200000);
	released(f);
	f->anybody = true;
	(void)tell_with(f, "post", &proof, scan);
	f->anybody = false;
	assert_int_equal(f->result.added, 1);
	assert_int_equal(event_at(f, 0, 0, &e, &err), 0);
	assert_true(e.unverified && !e.apart);
	assert_int_equal(ask(f, (const char *const[]){ "KEYS", "*:body:*", NULL })->count, 0);
}

/* Providers repeat themselves within one request too. */
static void twice_in_one_request(void **state)
{
	struct fixture *f = *state;
	const struct hook_event two[] = { { .word = HOOK_DELIVERED, .message_id = "m-12", .id = "e12", .raw = "{}", .raw_len = 2 },
		{ .word = HOOK_DELIVERED, .message_id = "m-12", .id = "e12", .raw = "{}", .raw_len = 2 } };

	released(f);
	(void)tell_all(f, "post", two, ARRAY_LEN(two), "[{},{}]");
	assert_int_equal(f->result.added, 1);
	assert_int_equal(f->result.known, 1);
	assert_int_equal(length(f, 0, INTAKE_WAITS), 1);
}

/* There is an end to how many wait: the provider keeps what is not taken, and the oldest go on their way: to a person, as they may be ours. */
static void only_so_many_wait(void **state)
{
	static const char fill[] = "for i = 1, tonumber(ARGV[1]) do redis.call('XADD', KEYS[1], '*', 'event', ARGV[2], 'wait', '{\"seen_ms\":1000}') end return 0";
	struct fixture *f = *state;
	const struct hook_event one = { .word = HOOK_DELIVERED, .message_id = "m-6", .id = "e7" };
	const char *text = arena_printf(f->arena, "{\"specversion\":\"1.0\",\"id\":\"x\",\"source\":\"/hooks/post\",\"type\":\"contact.delivery_updated\","
		"\"time\":\"2026-03-02T09:00:00Z\",\"data\":{\"provider\":\"post\",\"provider_id\":\"m-7\",\"status\":\"failed\",\"verified\":true,"
		"\"webhook\":{\"received_at\":%lld}}}", (long long)NOW);
	struct event e;
	struct err err = { 0 };

	released(f);
	(void)ask(f, (const char *const[]){ "EVAL", fill, "1", key(f, 0, INTAKE_WAITS), arena_printf(f->arena, "%d", INTAKE_WAITS_MAX), text, NULL });
	assert_int_equal(tell(f, "post", &one).end, INTAKE_UNSAVED);
	wait_length(f, 0, INTAKE_WAITS, INTAKE_WAITS_KEPT);
	assert_int_equal(length(f, 0, "events"), INTAKE_WAITS_MAX - INTAKE_WAITS_KEPT);
	assert_int_equal(event_at(f, 0, 0, &e, &err), -EBADMSG);
	assert_string_equal(err.code, "no_attempt");
	assert_int_equal(tell(f, "post", &one).end, INTAKE_SAVED);
	assert_int_equal(length(f, 0, INTAKE_WAITS), INTAKE_WAITS_KEPT + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_waits_for_its_message),
		cmocka_unit_test(others_do_not_hold_it_up),
		cmocka_unit_test(nobody_claims_it),
		cmocka_unit_test(a_complaint_does_not_wait_for_days),
		cmocka_unit_test(its_address_is_known),
		cmocka_unit_test(its_bytes_go_along),
		cmocka_unit_test(each_has_its_bytes),
		cmocka_unit_test(all_who_share_an_address),
		cmocka_unit_test(the_bytes_of_anybody_are_not_kept),
		cmocka_unit_test(twice_in_one_request),
		cmocka_unit_test(only_so_many_wait),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
