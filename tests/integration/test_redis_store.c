/* What the store's scripts do in a real Redis, where the flow's tests and the simulator play them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include <cmocka.h>

#include "common/redis_url.h"
#include "daemon/redis_store.h"
#include "tests/support/redis_server.h"

#define MAIN "dunning:{0}:events"
#define BANK "dunning:{0}:events:bank"

struct fixture {
	struct redis_server redis;
	struct event_base *base;
	struct redis_store *store;
	const struct store_port *port;
	bool connected, answered;
	int r;
	uint64_t count;
	struct store_cursor cursor;
};

static void on_state(bool connected, const char *why, void *arg)
{
	struct fixture *f = arg;

	(void)why;
	f->connected = connected;
	event_base_loopbreak(f->base);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct redis_url url;
	struct err err = { 0 };
	char dir[] = "/tmp/dunningd-store.XXXXXX", text[120];

	assert_non_null(mkdtemp(dir));
	redis_server_start(&f->redis, dir, NULL);
	snprintf(text, sizeof(text), "unix://%s", f->redis.socket);
	assert_int_equal(redis_url_parse(text, &url, &err), 0);
	f->base = event_base_new();
	f->store = redis_store_create(f->base, &url, "dunning", 0, on_state, f);
	f->port = redis_store_port(f->store);
	while (!f->connected)
		assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[100];

	redis_store_destroy(f->store);
	event_base_free(f->base);
	redis_server_stop(&f->redis);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->redis.dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static void wait_answer(struct fixture *f)
{
	for (f->answered = false; !f->answered;)
		assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
	assert_int_equal(f->r, 0);
}

static void on_tried(int r, bool granted, uint64_t count, int64_t until, const char *owner, void *arg)
{
	struct fixture *f = arg;

	(void)granted, (void)until, (void)owner;
	f->answered = true;
	f->r = r;
	f->count = count;
}

static uint64_t try(struct fixture *f, const char *stream, const char *id, uint64_t epoch)
{
	f->port->trying(f->port->self, stream, id, epoch, on_tried, f);
	wait_answer(f);
	return f->count;
}

static void on_cursor(int r, const struct store_cursor *cursor, void *arg)
{
	struct fixture *f = arg;

	f->answered = true;
	f->r = r;
	f->cursor = *cursor; /* its strings are not looked at later */
}

static void an_entry_is_counted_once_a_life_in_its_stream(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(try(f, BANK, "5-0", 1), 1);
	assert_int_equal(try(f, BANK, "5-0", 1), 1);
	/* what comes before it in each life does not make its count begin anew */
	assert_int_equal(try(f, MAIN, "7-0", 2), 1);
	assert_int_equal(try(f, MAIN, NULL, 2), 0);
	assert_int_equal(try(f, BANK, "5-0", 2), 2);
	assert_int_equal(try(f, MAIN, "8-0", 3), 1);
	assert_int_equal(try(f, BANK, "5-0", 3), 3);
	f->port->cursor(f->port->self, on_cursor, f);
	wait_answer(f);
	assert_int_equal(f->cursor.stream_count, 0); /* a count is no position */
	assert_int_equal(try(f, BANK, "5-1", 3), 1);
	assert_int_equal(try(f, BANK, NULL, 3), 0);
	assert_int_equal(try(f, BANK, "5-0", 4), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_entry_is_counted_once_a_life_in_its_stream, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
