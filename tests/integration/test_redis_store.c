/* What the store's scripts and transactions do in a real Redis, where the flow's tests and the simulator play them. */
#include <errno.h>
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
#include "tests/support/tree.h"

#define MAIN "dunning:{0}:events"
#define BANK "dunning:{0}:events:bank"

struct fixture {
	struct redis_server redis;
	struct event_base *base;
	struct redis_store *store;
	const struct store_port *port;
	bool connected, answered, granted;
	char begun[8];
	int r;
	uint64_t count, partial;
	struct store_cursor cursor;
	enum commit_status status;
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
	f->store = redis_store_create(f->base, &url, "dunning", 0, "00000000000000aa", on_state, f);
	f->port = redis_store_port(f->store);
	while (!f->connected)
		assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	redis_store_destroy(f->store);
	event_base_free(f->base);
	redis_server_stop(&f->redis);
	tree_remove(f->redis.dir);
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

/* What redis-cli says, over a connection of its own. */
static const char *cli(const struct fixture *f, const char *words)
{
	static char text[400];
	char command[400];
	FILE *out;
	size_t n;

	snprintf(command, sizeof(command), "redis-cli -s '%s' --raw %s", f->redis.socket, words);
	out = popen(command, "r");
	assert_non_null(out);
	n = fread(text, 1, sizeof(text) - 1, out);
	assert_int_equal(pclose(out), 0);
	text[n && text[n - 1] == '\n' ? n - 1 : n] = '\0';
	return text;
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
	/* a third life within seconds is not held against it, until that has gone on for a while */
	assert_int_equal(try(f, BANK, "5-0", 3), 2);
	cli(f, "EVAL \"local f = 'trying " BANK "'; local s = redis.call('HGET', KEYS[1], f); "
		"return redis.call('HSET', KEYS[1], f, (string.gsub(s, '%d+$', function(t) return string.format('%d', t - 8) end)))\" 1 'dunning:{0}:cursor'");
	assert_int_equal(try(f, BANK, "5-0", 4), 3);
	assert_int_equal(try(f, BANK, "5-0", 5), 4);
	f->port->cursor(f->port->self, on_cursor, f);
	wait_answer(f);
	assert_int_equal(f->cursor.stream_count, 0); /* a count is no position */
	assert_int_equal(try(f, BANK, "5-1", 5), 1);
	assert_int_equal(try(f, BANK, NULL, 5), 0);
	assert_int_equal(try(f, BANK, "5-0", 6), 1);
}

/* --- commits ---------------------------------------------------------------------------------------------------------------- */

#define CURSOR "dunning:{0}:cursor"
#define DOC "dunning:{0}:debtor:a"

static void on_committed(int r, enum commit_status status, void *arg)
{
	struct fixture *f = arg;

	f->answered = true;
	f->r = r;
	f->status = status;
}

static void begin_commit(struct fixture *f, uint64_t epoch, uint64_t pseq, const struct image *images, size_t count)
{
	static struct group_header head;
	static struct store_commit commit;

	head = (struct group_header){ .pseq = pseq };
	memset(head.id, (int)pseq, sizeof(head.id));
	memset(head.predecessor, (int)pseq - 1, sizeof(head.predecessor));
	commit = (struct store_commit){ .head = &head, .epoch = epoch, .writer = "w", .images = images, .image_count = count };
	f->answered = false;
	f->port->commit(f->port->self, &commit, on_committed, f);
}

static enum commit_status commit_images(struct fixture *f, uint64_t epoch, uint64_t pseq, const struct image *images, size_t count)
{
	begin_commit(f, epoch, pseq, images, count);
	wait_answer(f);
	return f->status;
}

static enum commit_status commit(struct fixture *f, uint64_t epoch, uint64_t pseq, const char *value)
{
	struct image set = { .op = IMAGE_SET, .key = DOC, .value = value, .value_len = strlen(value) };

	return commit_images(f, epoch, pseq, &set, 1);
}

/* A question behind the look that follows each commit: when it is answered, that was, too. */
static void settle(struct fixture *f)
{
	f->port->cursor(f->port->self, on_cursor, f);
	wait_answer(f);
}

static void a_commit_happens_where_the_store_stands_before_it(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(commit(f, 1, 2, "gap"), COMMIT_GAP);
	assert_int_equal(commit(f, 1, 1, "one"), COMMIT_APPLIED);
	assert_int_equal(commit(f, 1, 1, "again"), COMMIT_ALREADY);
	assert_int_equal(commit(f, 1, 2, "two"), COMMIT_APPLIED);
	assert_int_equal(commit(f, 1, 4, "gap"), COMMIT_GAP);
	assert_int_equal(commit(f, 1, 2, "again"), COMMIT_ALREADY);
	assert_int_equal(commit(f, 2, 3, "another epoch"), COMMIT_GAP);
	assert_string_equal(cli(f, "GET '" DOC "'"), "two");
	cli(f, "HSET '" CURSOR "' epoch 2");
	assert_int_equal(commit(f, 1, 3, "stale"), COMMIT_STALE);
	assert_int_equal(commit(f, 2, 3, "three"), COMMIT_APPLIED);
	assert_string_equal(cli(f, "GET '" DOC "'"), "three");
}

/* The look ahead said yes, and then somebody came. */
static void nothing_is_written_when_the_cursor_was_touched_since(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(commit(f, 1, 1, "one"), COMMIT_APPLIED);
	settle(f);
	cli(f, "HSET '" CURSOR "' epoch 2");
	assert_int_equal(commit(f, 1, 2, "stale"), COMMIT_STALE);
	assert_string_equal(cli(f, "GET '" DOC "'"), "one");
	cli(f, "HSET '" CURSOR "' epoch 1");
	assert_int_equal(commit(f, 1, 2, "two"), COMMIT_APPLIED);
	settle(f);
	cli(f, "FLUSHALL");
	assert_int_equal(commit(f, 1, 3, "gap"), COMMIT_GAP);
	assert_string_equal(cli(f, "EXISTS '" DOC "'"), "0");
}

/* What touched it was of no account: it is looked at again, and written. */
static void what_changes_nothing_only_costs_another_look(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(commit(f, 1, 1, "one"), COMMIT_APPLIED);
	settle(f);
	assert_int_equal(try(f, BANK, "5-0", 1), 1);
	assert_int_equal(commit(f, 1, 2, "two"), COMMIT_APPLIED);
	assert_string_equal(cli(f, "GET '" DOC "'"), "two");
}

/* A watch ends with its connection. */
static void a_look_over_an_earlier_connection_counts_for_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(commit(f, 1, 1, "one"), COMMIT_APPLIED);
	settle(f);
	cli(f, "CLIENT KILL TYPE normal SKIPME yes");
	while (f->connected)
		assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
	cli(f, "HSET '" CURSOR "' epoch 2");
	while (!f->connected)
		assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
	assert_int_equal(commit(f, 1, 2, "stale"), COMMIT_STALE);
	assert_string_equal(cli(f, "GET '" DOC "'"), "one");
}

static void a_refused_command_refuses_all_of_them(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(commit(f, 1, 1, "one"), COMMIT_APPLIED);
	cli(f, "CONFIG SET maxmemory 1");
	begin_commit(f, 1, 2, &(struct image){ .op = IMAGE_SET, .key = DOC, .value = "two", .value_len = 3 }, 1);
	while (!f->answered)
		assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
	assert_int_equal(f->r, -ENOSPC);
	assert_string_equal(cli(f, "GET '" DOC "'"), "one");
	cli(f, "CONFIG SET maxmemory 0");
	assert_int_equal(commit(f, 1, 2, "two"), COMMIT_APPLIED);
	assert_string_equal(cli(f, "GET '" DOC "'"), "two");
}

static void an_entry_that_is_there_is_forgiven_and_a_wrong_kind_is_not(void **state)
{
	struct fixture *f = *state;
	struct image add[] = { { .op = IMAGE_XADD, .key = MAIN, .field = "5-1", .value = "[\"event\",\"a\\nb\"]", .value_len = 16 },
		{ .op = IMAGE_XADD, .key = MAIN, .field = "4-1", .value = "[\"event\",\"c\"]", .value_len = 13, .number = 10 },
		{ .op = IMAGE_ZADD, .key = "dunning:{0}:due", .field = "x", .number = -5 },
		{ .op = IMAGE_ZADD, .key = "dunning:{0}:due", .field = "y", .number = 7 },
		{ .op = IMAGE_ZREM, .key = "dunning:{0}:due", .field = "x" },
		{ .op = IMAGE_HSET, .key = "dunning:{0}:attempts", .field = "f", .value = "v", .value_len = 1 },
		{ .op = IMAGE_HSET, .key = "dunning:{0}:attempts", .field = "g", .value = "w", .value_len = 1 },
		{ .op = IMAGE_HDEL, .key = "dunning:{0}:attempts", .field = "f" } };

	assert_int_equal(commit_images(f, 1, 1, add, ARRAY_LEN(add)), COMMIT_APPLIED);
	assert_string_equal(cli(f, "XRANGE '" MAIN "' - +"), "5-1\nevent\na\nb");
	assert_string_equal(cli(f, "ZRANGE 'dunning:{0}:due' 0 -1 WITHSCORES"), "y\n7");
	assert_string_equal(cli(f, "HGETALL 'dunning:{0}:attempts'"), "g\nw");
	cli(f, "SET 'dunning:{0}:tasks' x");
	assert_int_equal(commit_images(f, 1, 2, &(struct image){ .op = IMAGE_HSET, .key = "dunning:{0}:tasks", .field = "f", .value = "v",
		.value_len = 1 }, 1), COMMIT_BROKEN);
	assert_non_null(strstr(redis_store_last_error(f->store), "WRONGTYPE"));
	cli(f, "SET 'dunning:{0}:outbound' x");
	assert_int_equal(commit_images(f, 1, 3, &(struct image){ .op = IMAGE_XADD_EVENT, .key = "dunning:{0}:outbound", .field = "3-1",
		.value = "v", .value_len = 1 }, 1), COMMIT_BROKEN);
}

/* A watch that was refused guards nothing, and a MULTI that was refused lets each command through on its own. */
static void what_is_not_allowed_to_watch_writes_nothing(void **state)
{
	static const char *const words[] = { "watch", "multi", "exec" };
	struct fixture *f = *state;
	char text[80];

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		snprintf(text, sizeof(text), "ACL SETUSER default -%s", words[i]);
		cli(f, text);
		cli(f, "CLIENT KILL TYPE normal SKIPME yes");
		while (f->connected)
			assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
		while (!f->connected)
			assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
		begin_commit(f, 1, 1, &(struct image){ .op = IMAGE_SET, .key = DOC, .value = "one", .value_len = 3 }, 1);
		while (!f->answered)
			assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
		assert_string_equal(cli(f, "EXISTS '" DOC "' '" CURSOR "'"), "0");
		assert_int_equal(f->r, -EPERM);
		snprintf(text, sizeof(text), "ACL SETUSER default +%s", words[i]);
		cli(f, text);
	}
	assert_int_equal(commit(f, 1, 1, "one"), COMMIT_APPLIED);
	settle(f);
	cli(f, "ACL SETUSER default -watch"); /* in the middle of a connection: the look ahead is no longer guarded */
	begin_commit(f, 1, 2, &(struct image){ .op = IMAGE_SET, .key = DOC, .value = "two", .value_len = 3 }, 1);
	while (!f->answered)
		assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
	assert_int_equal(f->r, 0);
	settle(f);
	begin_commit(f, 1, 3, &(struct image){ .op = IMAGE_SET, .key = DOC, .value = "three", .value_len = 5 }, 1);
	while (!f->answered)
		assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
	assert_int_equal(f->r, -EPERM);
	assert_string_equal(cli(f, "GET '" DOC "'"), "two");
}

static void on_members(int r, const char *book, const char *begun, const struct store_member *members, size_t count, void *arg)
{
	struct fixture *f = arg;

	f->partial = 0;
	for (size_t i = 0; i < count; i++)
		f->partial += members[i].partial;
	f->r = r;
	if (r == -EEXIST) {
		f->answered = true;
		return;
	}
	assert_int_equal(r, 0);
	assert_string_equal(book, "b");
	snprintf(f->begun, sizeof(f->begun), "%s", begun);
	f->count = count;
	f->answered = true;
}

/*
 * Which partitions have groups, each one says of those that it leads: a shard that loses one is not the only one that knew of it. And whether it
 * reaches them all.
 */
static void begun_partitions_are_known_to_all(void **state)
{
	struct fixture *f = *state;
	static const struct { const char *instance, *says, *hears; bool partial; uint64_t partials; } rows[] = { { "host-a", "0000", "0000", false, 0 },
		{ "host-a", "0110", "0110", true, 1 }, { "host-b", "0001", "0111", true, 2 }, { "host-a", "0000", "0111", false, 1 }, { "host-b", "", "0111", false, 0 } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		f->answered = false;
		redis_store_announce(f->store, &(struct store_announcement){ .instance = rows[i].instance, .origin = "o", .ttl_ms = 10000, .led = 1, .partial = rows[i].partial,
			.book = "b", .new_book = "b", .begun = rows[i].says, .whose = rows[i].instance, .refused = "" }, on_members, f);
		while (!f->answered)
			assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
		assert_string_equal(f->begun, rows[i].hears);
		assert_int_equal(f->count, i < 2 ? 1 : 2);
		assert_int_equal(f->partial, rows[i].partials);
	}
}

/* A process that has the name of one that lives must not be taken for it, nor speak for it. */
static void a_name_is_of_one_home(void **state)
{
	struct fixture *f = *state;
	static const struct { const char *whose; int64_t led; int r; const char *why; } rows[] = {
		{ "aa", 0, 0, "the first one" }, { "aa", 2, 0, "once more, or started again" }, { "bb", 0, -EEXIST, "another one" },
		{ "bb", 1, -EEXIST, "another one that leads, too" }, { "bb", -1, -EEXIST, "it goes, and takes nothing along" }, { "aa", 0, 0, "the first one lives on" },
		{ "bb", 1, 0, "who leads, before who does not" }, { "aa", 0, -EEXIST, "which is told so" }, { "bb", -1, 0, "it leaves" },
		{ "aa", 1, 0, "and the name is free" }, { "bb", 0, -EEXIST, "and taken" } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		f->answered = false;
		redis_store_announce(f->store, &(struct store_announcement){ .instance = "host-a", .origin = "o", .ttl_ms = 10000, .led = rows[i].led,
			.book = "b", .new_book = "b", .begun = "", .whose = rows[i].whose, .refused = "" }, on_members, f);
		while (!f->answered)
			assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
		if (f->r != rows[i].r)
			fail_msg("%s: %d", rows[i].why, f->r);
	}
	cli(f, "HDEL 'dunning:{0}:instances' '~of host-a'"); /* as an older version says it */
	f->answered = false;
	redis_store_announce(f->store, &(struct store_announcement){ .instance = "host-a", .origin = "o", .ttl_ms = 10000, .book = "b", .new_book = "b",
		.begun = "", .whose = "aa", .refused = "" }, on_members, f);
	while (!f->answered)
		assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
	assert_int_equal(f->r, -EEXIST);
}

static void on_lease(int r, bool granted, uint64_t epoch, int64_t until, const char *owner, void *arg)
{
	struct fixture *f = arg;

	(void)until;
	assert_int_equal(r, 0);
	assert_string_equal(owner, "host-a");
	f->granted = granted;
	f->count = epoch;
	f->answered = true;
}

/* Asked by a process of its own. */
static bool asks(struct fixture *f, const char *home, const char *name)
{
	struct redis_store *store;
	struct redis_url url;
	struct err err = { 0 };
	char text[120];

	snprintf(text, sizeof(text), "unix://%s", f->redis.socket);
	assert_int_equal(redis_url_parse(text, &url, &err), 0);
	f->connected = f->answered = false;
	store = redis_store_create(f->base, &url, "dunning", 0, home, on_state, f);
	while (!f->connected)
		assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
	redis_store_port(store)->lease(store, name, 15000, 0, 0, on_lease, f);
	while (!f->answered)
		assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
	redis_store_destroy(store);
	return f->granted;
}

#define HERE "00000000000000aa"
#define CLONE "00000000000000bb"

/* Only the lock that both held says that the one before is gone: the name alone, which clones share, says nothing. */
static void a_living_lease_goes_to_its_own_home_alone(void **state)
{
	struct fixture *f = *state;
	uint64_t epoch;

	assert_true(asks(f, HERE, "host-a"));
	epoch = f->count;
	assert_false(asks(f, CLONE, "host-a"));
	assert_false(asks(f, "", "host-a"));
	assert_false(asks(f, HERE, "host-b"));
	assert_true(asks(f, HERE, "host-a")); /* started again after a kill */
	assert_int_equal(f->count, epoch + 1);
	cli(f, "SET 'dunning:{0}:lease' 'host-a 0123456789abcdef' PX 15000"); /* of a version that says no home */
	assert_false(asks(f, HERE, "host-a"));
	cli(f, "DEL 'dunning:{0}:lease'"); /* it ran out */
	assert_true(asks(f, CLONE, "host-a"));
	assert_false(asks(f, HERE, "host-a"));
	cli(f, "DEL 'dunning:{0}:lease'");
	assert_true(asks(f, "", "host-a"));
	assert_false(asks(f, "", "host-a")); /* what cannot be told is not taken to be the same */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_commit_happens_where_the_store_stands_before_it, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_written_when_the_cursor_was_touched_since, setup, teardown),
		cmocka_unit_test_setup_teardown(what_changes_nothing_only_costs_another_look, setup, teardown),
		cmocka_unit_test_setup_teardown(a_look_over_an_earlier_connection_counts_for_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_refused_command_refuses_all_of_them, setup, teardown),
		cmocka_unit_test_setup_teardown(an_entry_that_is_there_is_forgiven_and_a_wrong_kind_is_not, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_not_allowed_to_watch_writes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(an_entry_is_counted_once_a_life_in_its_stream, setup, teardown),
		cmocka_unit_test_setup_teardown(begun_partitions_are_known_to_all, setup, teardown),
		cmocka_unit_test_setup_teardown(a_name_is_of_one_home, setup, teardown),
		cmocka_unit_test_setup_teardown(a_living_lease_goes_to_its_own_home_alone, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
