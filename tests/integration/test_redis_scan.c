/* What erasing asks of a real Redis: a walk over all documents of a kind, and streams that forget entries for good. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include <cmocka.h>

#include "common/redis_link.h"
#include "daemon/redis_store.h"
#include "tests/support/redis_server.h"
#include "tests/support/tree.h"

#define WAIT_S 20
#define STREAM "dunning:{0}:outbound"

struct fixture {
	char dir[64];
	struct redis_server redis;
	struct event_base *base;
	struct redis_store *store;
	const struct store_port *port;
	struct redis_link *link;
	struct arena *arena;
	int r;
	bool done;
	char next[40];
	size_t found;
	char seen[3000];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct redis_url url;

	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/dunningd-scan-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	redis_server_start(&f->redis, f->dir, NULL);
	f->base = event_base_new();
	f->arena = arena_create();
	assert_int_equal(redis_url_parse(f->redis.socket, &url, NULL), 0);
	f->link = redis_link_create(f->base, &url, NULL, NULL);
	f->store = redis_store_create(f->base, &url, "dunning", 0, "", NULL, NULL);
	f->port = redis_store_port(f->store);
	while (!f->port->connected(f->port->self))
		assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	redis_store_destroy(f->store);
	redis_link_destroy(f->link);
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

#define ASK(f, ...) ask(f, (const char *const[]){ __VA_ARGS__, NULL })

static void run_until_done(struct fixture *f)
{
	(void)event_base_loopexit(f->base, &(struct timeval){ .tv_sec = WAIT_S });
	for (f->done = false; !f->done;)
		if (event_base_loop(f->base, EVLOOP_ONCE) != 0 || event_base_got_exit(f->base))
			fail_msg("no answer");
}

/* --- walking ---------------------------------------------------------------------------------------------------------------------- */

static void on_scanned(int r, const char *next, const char *const *keys, const struct store_value *values, size_t count, void *arg)
{
	struct fixture *f = arg;

	f->r = r;
	f->done = true;
	if (r < 0)
		return;
	(void)snprintf(f->next, sizeof(f->next), "%s", next);
	for (size_t i = 0; i < count; i++) {
		int n = atoi(keys[i] + strlen("dunning:{0}:escalation:"));

		assert_true(n >= 0 && n < (int)sizeof(f->seen));
		assert_int_equal(atoi(values[i].data), n);
		f->found += !f->seen[n];
		f->seen[n] = 1;
	}
}

static void a_walk_finds_all_of_a_kind_and_nothing_else(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3000; i++) {
		char key[60], value[20];

		(void)snprintf(key, sizeof(key), "dunning:{0}:%s:%d", i % 3 ? "escalation" : "debtor", i);
		(void)snprintf(value, sizeof(value), "%d", i);
		(void)ASK(f, "SET", key, value);
	}
	(void)snprintf(f->next, sizeof(f->next), "0");
	do {
		f->port->scan(f->port->self, arena_strdup(f->arena, f->next), "dunning:{0}:escalation:*", on_scanned, f);
		run_until_done(f);
		assert_int_equal(f->r, 0);
	} while (strcmp(f->next, "0") != 0);
	assert_int_equal(f->found, 2000);
}

/* --- forgetting -------------------------------------------------------------------------------------------------------------------- */

static void on_scrubbed(int r, void *arg)
{
	struct fixture *f = arg;

	f->r = r;
	f->done = true;
}

static void scrub(struct fixture *f, const char *const *ids, size_t count)
{
	f->port->scrub(f->port->self, STREAM, ids, count, on_scrubbed, f);
	run_until_done(f);
}

/* Entries 1-1 to <count>-1, in one script. */
static void fill(struct fixture *f, const char *count)
{
	(void)ASK(f, "EVAL", "for i = 1, tonumber(ARGV[1]) do redis.call('XADD', KEYS[1], i .. '-1', 'event', 'text' .. i) end return 1", "1",
		STREAM, count);
}

static const char *last_id(struct fixture *f)
{
	const struct redis_reply *info = ASK(f, "XINFO", "STREAM", STREAM);

	for (size_t i = 0; i + 1 < info->count; i += 2)
		if (strcmp(info->items[i].str, "last-generated-id") == 0)
			return info->items[i + 1].str;
	return "";
}

static bool dumped(struct fixture *f, const char *text)
{
	const struct redis_reply *dump = ASK(f, "DUMP", STREAM);

	return memmem(dump->str, dump->len, text, strlen(text)) != NULL;
}

static void a_long_stream_forgets_over_many_pages(void **state)
{
	static const char *const ids[] = { "7-1", "10000-1", "10001-1", "20000-1", "25000-1", "99999-1" };
	struct fixture *f = *state;
	const struct redis_reply *pending;

	(void)ASK(f, "CONFIG", "SET", "rdbcompression", "no");
	fill(f, "25000");
	(void)ASK(f, "XGROUP", "CREATE", STREAM, "crm", "0");
	(void)ASK(f, "XGROUP", "CREATE", STREAM, "late", "20-1");
	(void)ASK(f, "XREADGROUP", "GROUP", "crm", "one", "COUNT", "12000", "STREAMS", STREAM, ">");
	(void)ASK(f, "XACK", STREAM, "crm", "1-1", "2-1");
	scrub(f, ids, 6);
	assert_int_equal(f->r, 0);
	assert_int_equal(ASK(f, "XLEN", STREAM)->integer, 24995);
	assert_string_equal(last_id(f), "25000-1");
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(ASK(f, "XRANGE", STREAM, ids[i], ids[i])->count, 0);
	assert_false(dumped(f, "text10001"));
	assert_true(dumped(f, "text10002"));
	pending = ASK(f, "XPENDING", STREAM, "crm");
	assert_int_equal(pending->items[0].integer, 12000 - 2 - 3);
	assert_string_equal(ASK(f, "XREADGROUP", "GROUP", "crm", "two", "COUNT", "1", "STREAMS", STREAM, ">")->items[0].items[1].items[0].items[0].str,
		"12001-1");
	assert_string_equal(ASK(f, "XREADGROUP", "GROUP", "late", "x", "COUNT", "1", "STREAMS", STREAM, ">")->items[0].items[1].items[0].items[0].str,
		"21-1");
	assert_int_equal(ASK(f, "EXISTS", "dunning:{0}:scrubbed")->integer, 0);
}

static void a_stream_may_become_empty_and_keeps_its_last_id(void **state)
{
	static const char *const ids[] = { "1-1", "2-1", "3-1" };
	struct fixture *f = *state;

	fill(f, "3");
	scrub(f, ids, 3);
	assert_int_equal(f->r, 0);
	assert_int_equal(ASK(f, "XLEN", STREAM)->integer, 0);
	assert_string_equal(last_id(f), "3-1");
	scrub(f, ids, 3); /* and again */
	assert_int_equal(f->r, 0);
	assert_string_equal(last_id(f), "3-1");
}

static void what_was_left_over_of_one_that_broke_off_is_no_harm(void **state)
{
	static const char *const ids[] = { "2-1" };
	struct fixture *f = *state;

	fill(f, "3");
	(void)ASK(f, "XADD", "dunning:{0}:scrubbed", "9-9", "event", "old");
	scrub(f, ids, 1);
	assert_int_equal(f->r, 0);
	assert_int_equal(ASK(f, "XLEN", STREAM)->integer, 2);
	assert_string_equal(last_id(f), "3-1");
}

static void no_stream_at_all_is_no_error(void **state)
{
	static const char *const ids[] = { "2-1" };
	struct fixture *f = *state;

	scrub(f, ids, 1);
	assert_int_equal(f->r, 0);
	assert_int_equal(ASK(f, "EXISTS", STREAM)->integer, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(a_walk_finds_all_of_a_kind_and_nothing_else), TEST(a_long_stream_forgets_over_many_pages),
		TEST(a_stream_may_become_empty_and_keeps_its_last_id), TEST(what_was_left_over_of_one_that_broke_off_is_no_harm),
		TEST(no_stream_at_all_is_no_error) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
