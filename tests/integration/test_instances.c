/* Several instances on one Redis that fails over, or is put back: what they know of each other, and what they refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/file.h"
#include "tests/support/redis_server.h"
#include "tests/support/world.h"

#define WAIT_MS 60000
#define INSTANCES 2
#define GIVES_WITHIN_MS 8000 /* an instance that has more partitions than another one gives them away */

struct fixture {
	struct world world;
	struct world_instance instances[INSTANCES];
	struct redis_server replica;
	const char *replica_dir, *replica_port; /* of its primary */
	struct arena *arena;
	int partitions;
};

#define REDIS(f, ...) world_redis(&(f)->world, (f)->arena, (const char *const[]){ __VA_ARGS__, NULL })

static struct fixture *create(int partitions, int replicas)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->arena = arena_create();
	f->partitions = partitions;
	world_open(&f->world, &(struct world_options){ .partitions = partitions, .replicas = replicas });
	for (int i = 0; i < INSTANCES; i++)
		world_instance(&f->world, i ? "host-b" : "host-a", &f->instances[i]);
	return f;
}

static void destroy(struct fixture *f)
{
	for (int i = 0; i < INSTANCES; i++)
		process_kill(&f->instances[i].process);
	redis_server_kill(&f->replica);
	world_close(&f->world, false);
	arena_free(f->arena);
	free(f);
}

static void start(struct fixture *f, int i)
{
	world_instance_start(&f->world, &f->instances[i]);
}

static void stop(struct fixture *f, int i)
{
	assert_int_equal(process_stop(&f->instances[i].process, WAIT_MS), 0);
}

static const char *log_of(struct fixture *f, int i)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	if (file_read(f->instances[i].log, 64 << 20, &text, NULL) < 0)
		return "";
	return arena_strdup(f->arena, buf_str(&text));
}

typedef bool (*holds_fn)(struct fixture *f, int i, const char *what);

static void until(struct fixture *f, holds_fn holds, int i, const char *what)
{
	int64_t deadline = real_ms() + WAIT_MS;

	for (; !holds(f, i, what); pause_ms(50))
		if (real_ms() > deadline)
			fail_msg("%s: %s\n%s", f->instances[i].name, what, log_of(f, i));
}

static bool says(struct fixture *f, int i, const char *what)
{
	return strstr(log_of(f, i), what) != NULL;
}

static const char *book_of(struct fixture *f, int i)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	return file_read(arena_printf(f->arena, "%s/book", f->instances[i].state), 1 << 20, &text, NULL) < 0 ? NULL : arena_strdup(f->arena, buf_str(&text));
}

/* Of this instance so many partitions are in this state. */
static int in_state(struct fixture *f, int i, const char *state)
{
	struct json status = world_instance_status(&f->world, &f->instances[i], f->arena), partitions = json_get(&status, "partitions");
	int count = 0;

	for (size_t p = 0; p < json_len(&partitions); p++) {
		struct json one = json_at(&partitions, p), word = json_get(&one, "state");

		count += json_str(&word) && strcmp(json_str(&word), state) == 0;
	}
	return count;
}

static bool all_in_book(struct fixture *f, int i, const char *what)
{
	const char *begun = REDIS(f, "HGET", world_key(&f->world, f->arena, "instances"), "~begun")->str;

	(void)i, (void)what;
	return begun && !strchr(begun, '0');
}

static bool all_led(struct fixture *f, int i, const char *what)
{
	int led = 0;

	(void)i, (void)what;
	for (int k = 0; k < INSTANCES; k++)
		led += in_state(f, k, "running");
	return led == f->partitions;
}

/* Its Redis gets a replica, or has it again. */
static void add_replica(struct fixture *f)
{
	if (!f->replica_port) {
		f->replica_dir = arena_printf(f->arena, "%s/r", f->world.dir);
		f->replica_port = arena_printf(f->arena, "%d", world_free_port());
		assert_int_equal(file_make_dirs(f->replica_dir, 0700), 0);
		(void)REDIS(f, "CONFIG", "SET", "bind", "127.0.0.1");
		(void)REDIS(f, "CONFIG", "SET", "port", f->replica_port);
	}
	redis_server_start(&f->replica, f->replica_dir, (const char *const[]){ "--replicaof", "127.0.0.1", f->replica_port, NULL });
}

/*
 * At their very first start the primary is lost to a replica that had nothing yet: it seems to be a Redis that lost everything, and the instances
 * must not have believed before that their word is kept.
 */
static void a_fail_over_at_the_first_start_leaves_nothing_refused(void **state)
{
	struct fixture *f = create(4, 1);

	(void)state;
	for (int i = 0; i < INSTANCES; i++)
		start(f, i);
	for (int i = 0; i < INSTANCES; i++)
		until(f, says, i, "too few of Redis's replicas have whose book this is");
	for (int i = 0; i < INSTANCES; i++)
		assert_null(book_of(f, i));
	(void)REDIS(f, "FLUSHALL");
	add_replica(f);
	until(f, all_led, 0, "all partitions are led");
	for (int i = 0; i < INSTANCES; i++)
		assert_non_null(strstr(book_of(f, i), REDIS(f, "HGET", world_key(&f->world, f->arena, "instances"), "~book")->str));
	for (int i = 0; i < INSTANCES; i++)
		stop(f, i);
	destroy(f);
}

static const char *rebuild(struct fixture *f, int status)
{
	CLEANUP(buf_clear) struct buf said = { 0 };
	const char *words[] = { "instances", "rebuild", "--yes", f->instances[0].state, f->instances[1].state, NULL };

	assert_int_equal(world_ctl_with(&f->world, f->instances[0].config, words, &said), status);
	return arena_strdup(f->arena, buf_str(&said));
}

/* What was put together must survive the server that took it. */
static void a_rebuild_is_done_once_the_replicas_have_it(void **state)
{
	struct fixture *f = create(2, 1);

	(void)state;
	add_replica(f);
	for (int i = 0; i < INSTANCES; i++)
		start(f, i);
	until(f, all_led, 0, "all partitions are led");
	until(f, all_in_book, 0, "all partitions are begun");
	for (int i = 0; i < INSTANCES; i++)
		stop(f, i);
	redis_server_stop(&f->replica);
	(void)REDIS(f, "FLUSHALL");
	assert_non_null(strstr(rebuild(f, 69), "not yet on 1 replicas"));
	assert_string_equal(REDIS(f, "HGET", world_key(&f->world, f->arena, "instances"), "~begun")->str, "11");
	assert_int_equal(REDIS(f, "EXISTS", world_key(&f->world, f->arena, "lease"))->integer, 0);
	add_replica(f);
	assert_non_null(strstr(rebuild(f, 0), "made again"));
	for (int i = 0; i < INSTANCES; i++)
		start(f, i);
	until(f, all_led, 0, "all partitions are led");
	destroy(f);
}

/* Where a partition stands: what a backup of Redis would have of it. */
struct place {
	const char *pseq, *group, *writer, *epoch;
};

static struct place place_of(struct fixture *f)
{
	const struct redis_reply *at = REDIS(f, "HMGET", world_key(&f->world, f->arena, "cursor"), "pseq", "group", "writer", "epoch");

	return (struct place){ at->items[0].str, at->items[1].str, at->items[2].str, at->items[3].str };
}

static void put_back(struct fixture *f, const struct place *to)
{
	(void)REDIS(f, "HSET", world_key(&f->world, f->arena, "cursor"), "pseq", to->pseq, "group", to->group, "writer", to->writer, "epoch", to->epoch);
}

/* It alone, until it leads; then it is stopped. */
static struct place lead(struct fixture *f, int i)
{
	struct place place;

	start(f, i);
	until(f, all_led, i, "it leads");
	place = place_of(f);
	stop(f, i);
	return place;
}

static bool is_refused(struct fixture *f, int i, const char *what)
{
	(void)what;
	return in_state(f, i, "refused") == f->partitions;
}

static bool status_says(struct fixture *f, int i, const char *what)
{
	CLEANUP(buf_clear) struct buf said = { 0 };
	int r = world_ctl_with(&f->world, f->instances[i].config, (const char *const[]){ "status", NULL }, &said);

	return r == 1 && strstr(buf_str(&said), what);
}

/* Redis was put back to before another one led: the one that sees it refuses, and each says so. */
static void who_stands_by_says_that_the_leader_refuses(void **state)
{
	struct fixture *f = create(1, 0);
	struct place before;

	(void)state;
	before = lead(f, 0);
	(void)lead(f, 1);
	put_back(f, &before);
	start(f, 1);
	until(f, is_refused, 1, "it refuses");
	start(f, 0);
	until(f, status_says, 0, "host-b, which has its lease, refuses it");
	stop(f, 1);
	destroy(f);
}

static bool book_says(struct fixture *f, int i, const char *what)
{
	const char *book = book_of(f, i);

	return book && strstr(book, what);
}

/* Redis is put back to before another one led, and the journal of who takes over does not show it: it wrote nothing since. But it heard of it. */
static void who_only_heard_of_a_later_leader_refuses(void **state)
{
	struct fixture *f = create(1, 0);
	struct place before;
	const char *text;

	(void)state;
	before = lead(f, 0);
	assert_string_equal(before.epoch, "1");
	start(f, 1);
	until(f, all_led, 1, "it leads");
	start(f, 0);
	until(f, book_says, 0, "\"epochs\":[2]");
	stop(f, 0);
	text = arena_printf(f->arena, "{\"book\":\"%s\",\"shared\":true,\"epochs\":[9]}", REDIS(f, "HGET", world_key(&f->world, f->arena, "instances"), "~book")->str);
	assert_int_equal(file_replace(arena_printf(f->arena, "%s/book", f->instances[0].state), text, strlen(text), 0600), 0);
	start(f, 0); /* who leads has gone on from there: what is heard now counts */
	until(f, book_says, 0, "\"epochs\":[2]");
	for (int i = 0; i < INSTANCES; i++)
		stop(f, i);
	put_back(f, &before);
	for (int times = 0; times < 2; times++) { /* nor does a first look at it hide it from the second */
		start(f, 0);
		until(f, is_refused, 0, "it refuses");
		assert_string_equal(place_of(f).epoch, before.epoch);
		if (times == 0)
			stop(f, 0);
	}
	start(f, 1);
	until(f, status_says, 1, "host-a, which has its lease, refuses it");
	for (int i = 0; i < INSTANCES; i++)
		stop(f, i);
	(void)REDIS(f, "FLUSHALL");
	(void)rebuild(f, 0);
	start(f, 0);
	until(f, all_led, 0, "it leads");
	stop(f, 0);
	destroy(f);
}

static bool leads_one(struct fixture *f, int i, const char *what)
{
	return all_led(f, i, what) && in_state(f, i, "running") == 1;
}

static void run(const char *program, const char *option, const char *from, const char *to)
{
	assert_int_equal(process_run((const char *const[]){ program, option, from, to, NULL }, NULL, WAIT_MS), 0);
}

/*
 * A host is lost, and an older state directory of it put back, or none. One partition shows it, which another instance leads: the log is that of all
 * partitions, and must not be written on in any other one either.
 */
static void a_journal_that_was_rolled_back_writes_its_log_nowhere(void **state)
{
	(void)state;
	for (int none = 0; none < 2; none++) {
		struct fixture *f = create(2, 0);
		const char *dir = f->instances[0].state, *backup = arena_printf(f->arena, "%s/backup", f->world.dir);
		const char *seal[] = { "trail", "seal", "--yes", "--why", "the host was lost", NULL };
		CLEANUP(buf_clear) struct buf said = { 0 };

		(void)lead(f, 0);
		start(f, 1);
		until(f, all_led, 1, "it leads");
		run("cp", "-a", dir, backup);
		start(f, 0);
		until(f, leads_one, 0, "it leads one of two");
		process_kill(&f->instances[0].process);
		until(f, all_led, 1, "all is taken over");
		assert_int_equal(in_state(f, 1, "running"), 2);
		run("rm", "-rf", dir, dir);
		if (!none)
			run("cp", "-a", backup, dir);
		run("rm", "-f", f->instances[0].log, f->instances[0].log);
		start(f, 0);
		until(f, says, 0, "nothing is sent or signed any more: this log was set back");
		assert_true(in_state(f, 0, "refused") > 0);
		assert_null(strstr(log_of(f, 0), "is ours, epoch"));
		for (int64_t last = real_ms() + GIVES_WITHIN_MS; real_ms() < last; pause_ms(100)) /* whoever takes nothing is given nothing */
			assert_int_equal(in_state(f, 1, "running"), 2);
		stop(f, 0);
		if (world_ctl_with(&f->world, f->instances[0].config, seal, &said) != 0)
			fail_msg("%s", buf_str(&said));
		start(f, 0);
		until(f, leads_one, 0, "it leads one of two");
		destroy(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fail_over_at_the_first_start_leaves_nothing_refused),
		cmocka_unit_test(a_rebuild_is_done_once_the_replicas_have_it),
		cmocka_unit_test(who_stands_by_says_that_the_leader_refuses),
		cmocka_unit_test(who_only_heard_of_a_later_leader_refuses),
		cmocka_unit_test(a_journal_that_was_rolled_back_writes_its_log_nowhere),
	};

	return cmocka_run_group_tests_name("instances", tests, NULL, NULL);
}
