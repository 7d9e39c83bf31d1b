/*
 * A provider that closes a kept-alive connection after it has read a POST, through the whole daemon: libcurl would repeat the request by
 * itself on a new connection; dunningd must not, and cannot know whether it counts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/world.h"

#define WAIT_MS 30000
#define CLOSES "{\"mode\":\"close_after_read\",\"count\":1,\"dedupe\":false}"
#define CLOSES_LATER "{\"mode\":\"close_after_read\",\"count\":1,\"ms\":2000}"

/* One connection, so that the second message goes where the first went. */
static int open_world(void **state, bool plain)
{
	struct world *w = calloc(1, sizeof(*w));

	world_open(w, &(struct world_options){ .plain = plain, .concurrency = 1 });
	*state = w;
	world_measure(w);
	world_start(w, NULL);
	assert_true(world_ready(w, WAIT_MS));
	return 0;
}

static int setup(void **state)
{
	return open_world(state, false);
}

static int plain_setup(void **state)
{
	return open_world(state, true);
}

static int teardown(void **state)
{
	world_close(*state, false);
	free(*state);
	return 0;
}

static int64_t number(const struct json *object, const char *key)
{
	struct json value = json_get(object, key);

	return json_int(&value);
}

static const char *state_of(struct world *w, struct arena *arena, int invoice)
{
	struct json doc = world_escalation(w, arena, invoice), state = json_get(&doc, "state");

	return json_str(&state) ? json_str(&state) : "";
}

static struct json provider(struct world *w, struct arena *arena)
{
	struct json status = world_status(w, arena), providers = json_get(&status, "providers");

	return json_at(&providers, 0);
}

/* As the partition counts them. */
static int64_t doubts(struct world *w)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json status = world_status(w, arena), partitions = json_get(&status, "partitions"), one = json_at(&partitions, 0);

	return number(&one, "in_doubt");
}

static int64_t requests(struct world *w)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json counts = world_ask_sandbox(w, arena, "/counts");

	return number(&counts, "requests");
}

/*
 * A provider that knows keys keeps its connection. What is in doubt may be sent again under its key; it is paid meanwhile, so that the
 * decision does not stand any more.
 */
static void on_a_kept_alive_connection(void **state)
{
	struct world *w = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	int64_t deadline = real_ms() + WAIT_MS;
	struct world_sent sent;
	struct json one;

	world_push_range(w, WORLD_FINALIZED, 0, 1, 1);
	assert_true(world_quiet(w, WAIT_MS));
	world_behave(w, CLOSES_LATER);
	world_push_range(w, WORLD_FINALIZED, 1, 1, 1);
	while (requests(w) < 2 && real_ms() < deadline)
		pause_ms(5);
	world_push_range(w, WORLD_PAID, 1, 1, 1);
	do { /* the sandbox holds the connection open until then */
		one = provider(w, arena);
		pause_ms(5);
	} while (number(&one, "in_doubt") == 0 && real_ms() < deadline);
	assert_int_equal(number(&one, "in_doubt"), 1);
	assert_int_equal(number(&one, "repeats_stopped"), 1); /* libcurl was about to */
	w->options.plain = true; /* to be quiet, it need not be settled: the look-up has a minute */
	assert_true(world_quiet(w, WAIT_MS));
	sent = world_sent(w, arena, 2);
	assert_true(requests(w) == 2 && sent.captured[0] == 1 && sent.captured[1] == 1 && sent.repeated == 0);
	assert_string_equal(state_of(w, arena, 1), "closed"); /* and its attempt is one whose outcome is not known */
	assert_int_equal(world_redis_int(w, (const char *const[]){ "HLEN", world_key(w, arena, "attempts"), NULL }), 1);
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);
	assert_true(world_trail_verifies(w));
}

/* One that knows none gets each request on a connection of its own, and the doubt stays for a person. */
static void on_a_connection_of_its_own(void **state)
{
	struct world *w = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct world_sent sent;
	struct json one;

	world_push_range(w, WORLD_FINALIZED, 0, 1, 1);
	assert_true(world_quiet(w, WAIT_MS));
	world_behave(w, CLOSES);
	world_push_range(w, WORLD_FINALIZED, 1, 1, 1);
	assert_true(world_quiet(w, WAIT_MS));
	assert_string_equal(state_of(w, arena, 1), "in_doubt");
	one = provider(w, arena);
	assert_int_equal(number(&one, "in_doubt"), 1);
	world_fires(w, "DunningdInDoubt", "dunningd_attempts_in_doubt", 1);
	world_fires(w, "DunningdProviderFails", "dunningd_attempts_total{channel=\"email\",provider=\"sandbox\",outcome=\"in_doubt\"}", 1);
	assert_int_equal(requests(w), 2);

	world_push_range(w, WORLD_FINALIZED, 2, 1, 1); /* others go on, and nothing comes of it later either */
	assert_true(world_quiet(w, WAIT_MS));
	sent = world_sent(w, arena, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(sent.captured[i], 1);
	assert_string_equal(state_of(w, arena, 1), "in_doubt");
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);

	world_start(w, NULL);
	assert_true(world_ready(w, WAIT_MS));
	assert_true(world_quiet(w, WAIT_MS));
	assert_int_equal(requests(w), 3);
	world_fires(w, "DunningdInDoubt", "dunningd_attempts_in_doubt", 1);
	assert_int_equal(world_ctl(w, (const char *const[]){ "decide", "inv_1", "sent", "the provider has it", NULL }, NULL), 0);
	for (int64_t deadline = real_ms() + WAIT_MS; doubts(w) > 0; pause_ms(20)) /* and nobody is asked any more */
		assert_true(real_ms() < deadline);
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);
	assert_true(world_trail_verifies(w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(on_a_kept_alive_connection, setup, teardown),
		cmocka_unit_test_setup_teardown(on_a_connection_of_its_own, plain_setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
