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

struct fixture {
	struct world world;
	struct world_instance instances[INSTANCES];
	struct redis_server replica;
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

static bool all_led(struct fixture *f, int i, const char *what)
{
	int led = 0;

	(void)i, (void)what;
	for (int k = 0; k < INSTANCES; k++)
		led += in_state(f, k, "running");
	return led == f->partitions;
}

/* Its Redis gets a replica; it must not have one yet. */
static void add_replica(struct fixture *f)
{
	const char *port = arena_printf(f->arena, "%d", world_free_port()), *dir = arena_printf(f->arena, "%s/r", f->world.dir);

	assert_int_equal(file_make_dirs(dir, 0700), 0);
	(void)REDIS(f, "CONFIG", "SET", "bind", "127.0.0.1");
	(void)REDIS(f, "CONFIG", "SET", "port", port);
	redis_server_start(&f->replica, dir, (const char *const[]){ "--replicaof", "127.0.0.1", port, NULL });
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fail_over_at_the_first_start_leaves_nothing_refused),
	};

	return cmocka_run_group_tests_name("instances", tests, NULL, NULL);
}
