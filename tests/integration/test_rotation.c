/* One log key takes over from another in the real daemon: old, both, new; each reader at each step. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "daemon/signed_log.h"
#include "tests/support/world.h"

#define WAIT_MS 30000
#define ORIGIN "test.example/world"

static const char old_seed[] = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"; /* the world's */
static const char new_seed[] = "a11ce5eeda11ce5eeda11ce5eeda11ce5eeda11ce5eeda11ce5eeda11ce5eed0";
static const char other_seed[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

static struct world world;
static struct arena *arena;
static int pushed;

static int setup(void **state)
{
	(void)state;
	pushed = 0;
	arena = arena_create();
	world_open(&world, &(struct world_options){ .clock = "rate:0" });
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_close(&world, getenv("KEEP") != NULL);
	arena_free(arena);
	return 0;
}

static const char *verifier(const char *seed)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	uint8_t bytes[ED25519_SEED_SIZE];
	struct log_key key;

	assert_int_equal(hex_parse(seed, sizeof(bytes), bytes), 0);
	assert_int_equal(log_key_make(bytes, ORIGIN, &key), 0);
	note_key_add(&text, &key.verifier);
	return arena_strdup(arena, buf_str(&text));
}

/* The credentials; NULL: there is none. */
static void keys(const char *key, const char *next)
{
	const char *path = arena_printf(arena, "%s/credentials/trail-next-key", world.dir);

	assert_int_equal(file_replace(arena_printf(arena, "%s/credentials/trail-log-key", world.dir), key, strlen(key), 0600), 0);
	if (next)
		assert_int_equal(file_replace(path, next, strlen(next), 0600), 0);
	else
		assert_true(unlink(path) == 0 || errno == ENOENT);
}

static void push(int count)
{
	world_push_range(&world, WORLD_FINALIZED, pushed, count, 3);
	pushed += count;
}

static void live(const char *clock)
{
	world.options.clock = clock;
	world_start(&world, NULL);
	assert_true(world_ready(&world, WAIT_MS));
	push(5);
	assert_true(world_quiet(&world, WAIT_MS));
	assert_int_equal(process_stop(&world.daemon, WAIT_MS), 0);
	world.options.clock = "rate:1";
}

static void refused(void)
{
	world_start(&world, NULL);
	assert_int_equal(WEXITSTATUS(process_wait(&world.daemon, WAIT_MS)), 78);
}

/* Whether this key signed what `trail verify --full` reads. */
static bool believes(const char *seed)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	int r = world_ctl(&world, (const char *[]){ "trail", "verify", "--full", "--key", verifier(seed), NULL }, &out);

	assert_true(r == 0 || r == 1);
	if (r == 1 && !strstr(buf_str(&out), "other_key"))
		fail_msg("%s", buf_str(&out));
	return r == 0;
}

/* A bundle as its reader checks it, with the key that was published. */
static void bundled(const char *name, const char *seed)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	const char *dir = arena_printf(arena, "%s/%s", world.dir, name);
	const char *script[] = { "sh", SOURCE_DIR "/tools/evidence/verify.sh", dir, verifier(seed), NULL };

	if (world_ctl(&world, (const char *[]){ "evidence", "--debtor", "cus_0", "-o", dir, NULL }, &out) != 0)
		fail_msg("%s", buf_str(&out));
	buf_reset(&out);
	if (world_ctl(&world, (const char *[]){ "trail", "verify", dir, "--key", verifier(seed), NULL }, &out) != 0)
		fail_msg("%s", buf_str(&out));
	buf_reset(&out);
	if (process_run(script, &out, WAIT_MS) != 0)
		fail_msg("%s", buf_str(&out));
}

static const char *logged(void)
{
	CLEANUP(buf_clear) struct buf out = { 0 };

	assert_int_equal(world_ctl(&world, (const char *[]){ "--json", "trail", "log", "--customer", "~system", NULL }, &out), 0);
	return arena_strdup(arena, buf_str(&out));
}

static void old_both_new(void **state)
{
	const char *record;

	(void)state;
	world.events_at = INT64_C(2114380800000); /* 2037-01-01 */
	live("start:2036-12-30T08:00:00Z,rate:1"); /* this year's log gets no more records under two keys: both must sign it all the same */
	live("start:2037-02-01T08:00:00Z,rate:1");
	assert_true(believes(old_seed));
	assert_false(believes(new_seed));
	keys(new_seed, NULL);
	refused(); /* nobody has vouched for it */
	keys(new_seed, other_seed);
	refused();
	keys(old_seed, old_seed);
	refused();

	keys(old_seed, new_seed);
	live("rate:1");
	assert_true(believes(old_seed));
	assert_true(believes(new_seed));
	assert_false(believes(other_seed));
	record = strstr(logged(), "\"kind\":\"key.rotated\"");
	assert_non_null(record);
	assert_non_null(strstr(record, verifier(old_seed)));
	assert_non_null(strstr(record, verifier(new_seed)));
	bundled("while-both-sign", old_seed);

	keys(new_seed, NULL);
	live("rate:1");
	assert_true(believes(new_seed));
	assert_false(believes(old_seed));
	bundled("with-the-new", new_seed);
	keys(old_seed, NULL);
	refused(); /* not back */
	keys(new_seed, NULL);
	live("rate:1");
	assert_true(believes(new_seed));
}

/* The checkpoint of both, as a stranger reads it: in each year's log. */
static void both_sign_every_year(void **state)
{
	uint8_t seeds[2][ED25519_SEED_SIZE];

	(void)state;
	world.events_at = INT64_C(2114380800000);
	live("start:2036-12-30T08:00:00Z,rate:1");
	live("start:2037-02-01T08:00:00Z,rate:1");
	keys(old_seed, new_seed);
	live("rate:1");
	assert_int_equal(hex_parse(old_seed, sizeof(seeds[0]), seeds[0]), 0);
	assert_int_equal(hex_parse(new_seed, sizeof(seeds[1]), seeds[1]), 0);
	for (uint16_t year = 2036; year <= 2037; year++)
		for (int i = 0; i < 4; i++) {
			CLEANUP(buf_clear) struct buf text = { 0 };
			struct checkpoint checkpoint;
			struct log_key key;
			struct note_key of_year;
			struct err err = { 0 };
			const char *path = arena_printf(arena, i < 2 ? "%s/log/%u/checkpoint" : "%s/head/%u", world.state, (unsigned)year);

			assert_int_equal(log_key_make(seeds[i % 2], ORIGIN, &key), 0);
			log_key_of_year(&key.verifier, year, &of_year);
			if (signed_log_read(path, &of_year, &text, &checkpoint, &err) < 0)
				fail_msg("%s", err.text);
			assert_true(checkpoint.size > 0);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(old_both_new, setup, teardown),
		cmocka_unit_test_setup_teardown(both_sign_every_year, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
