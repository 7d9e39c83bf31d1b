/* The real daemon signs its trail: beside its work, at its end, after it was killed; and it refuses what must not go on. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/date.h"
#include "common/file.h"
#include "common/merkle.h"
#include "daemon/signed_log.h"
#include "tests/support/world.h"

#define WAIT_MS 30000
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

struct fixture {
	struct world world;
	struct note_key key; /* of this year's log */
	int year;
	int pushed;
	struct seen { /* every checkpoint that was ever seen */
		uint64_t size;
		uint8_t root[SHA256_SIZE];
	} seen[10000];
	size_t seen_count;
};

static int setup(void **state)
{
	static const uint8_t seed[32] = { 0x0f, 0x1e, 0x2d, 0x3c, 0x4b, 0x5a, 0x69, 0x78, 0x87, 0x96, 0xa5, 0xb4, 0xc3, 0xd2, 0xe1, 0xf0, 0x0f,
		0x1e, 0x2d, 0x3c, 0x4b, 0x5a, 0x69, 0x78, 0x87, 0x96, 0xa5, 0xb4, 0xc3, 0xd2, 0xe1, 0xf0 }; /* the world's */
	struct fixture *f = calloc(1, sizeof(*f));
	struct log_key key;
	int month, day;

	world_open(&f->world, &(struct world_options){ .plain = false });
	date_split((date){ (int32_t)(time(NULL) / 86400) }, &f->year, &month, &day);
	assert_int_equal(log_key_make(seed, "test.example/world", &key), 0);
	log_key_of_year(&key.verifier, (uint16_t)f->year, &f->key);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	world_close(&f->world, false);
	free(f);
	return 0;
}

static const char *state_path(struct fixture *f, struct arena *arena, const char *name)
{
	return arena_printf(arena, "%s/%s", f->world.state, name);
}

/* The checkpoint now; it must never be smaller than one before. */
static uint64_t look(struct fixture *f)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct seen *last = f->seen_count ? &f->seen[f->seen_count - 1] : NULL;
	struct checkpoint checkpoint;
	struct err err = { 0 };
	int r = signed_log_read(state_path(f, arena, arena_printf(arena, "log/%d/checkpoint", f->year)), &f->key, &text, &checkpoint, &err);

	if (r == -ENOENT && !last)
		return 0;
	if (r < 0)
		fail_msg("checkpoint: %d %s", r, err.text);
	assert_true(!last || checkpoint.size >= last->size);
	if (last && checkpoint.size == last->size)
		assert_memory_equal(checkpoint.root, last->root, SHA256_SIZE); /* one root for a size, for ever */
	else if (f->seen_count < ARRAY_LEN(f->seen)) {
		f->seen[f->seen_count].size = checkpoint.size;
		memcpy(f->seen[f->seen_count++].root, checkpoint.root, SHA256_SIZE);
	}
	return checkpoint.size;
}

static int disk_tile(const struct merkle_tile *tile, uint8_t (*ret)[SHA256_SIZE], void *arg)
{
	struct fixture *f = arg;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	struct merkle_tile full = { tile->level, tile->index, MERKLE_TILE_WIDTH };
	char path[MERKLE_PATH_SIZE];

	if (file_read(state_path(f, arena, arena_printf(arena, "log/%d/%s", f->year, merkle_tile_path(tile, path))), 1 << 16, &bytes, NULL) < 0)
		assert_int_equal(file_read(state_path(f, arena, arena_printf(arena, "log/%d/%s", f->year, merkle_tile_path(&full, path))),
					 1 << 16, &bytes, NULL), 0);
	assert_true(bytes.len >= tile->width * SHA256_SIZE);
	memcpy(ret, bytes.data, tile->width * SHA256_SIZE);
	return 0;
}

/* Everything that was ever published is a beginning of what stands there now: by the tiles, and by proofs. */
static void check_history(struct fixture *f)
{
	struct merkle_tiles now = { look(f), disk_tile, f };
	const struct seen *last = &f->seen[f->seen_count - 1];

	for (size_t i = 0; i < f->seen_count; i++) {
		struct merkle_tiles then = { f->seen[i].size, disk_tile, f };
		struct merkle_range range;
		struct merkle_proof proof;
		uint8_t root[SHA256_SIZE];

		assert_int_equal(merkle_range_load(&then, &range), 0);
		merkle_root(&range, root);
		assert_memory_equal(root, f->seen[i].root, SHA256_SIZE);
		assert_int_equal(merkle_consistency(&now, f->seen[i].size, &proof), 0);
		assert_int_equal(merkle_consistency_check(&proof, f->seen[i].size, last->size, f->seen[i].root, last->root), 0);
	}
}

static int64_t trail_number(struct fixture *f, const char *key)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json status = world_status(&f->world, arena), trail = json_get(&status, "trail"), value = json_get(&trail, key);

	return value.type == JSON_INT ? json_int(&value) : -1;
}

static void push(struct fixture *f, int count)
{
	world_push_range(&f->world, WORLD_FINALIZED, f->pushed, count, 3);
	f->pushed += count;
}

/* Until all is signed, and more than `size` records are. */
static void wait_signed(struct fixture *f, uint64_t size)
{
	int64_t deadline = real_ms() + WAIT_MS;

	while (trail_number(f, "behind") != 0 || look(f) <= size) {
		assert_true(real_ms() < deadline);
		pause_ms(20);
		(void)look(f);
	}
}

static void start(struct fixture *f)
{
	world_start(&f->world, NULL);
	assert_true(world_ready(&f->world, WAIT_MS));
}

/* --- beside its work ------------------------------------------------------------------------------------------------------------------ */

static void signed_while_it_works(void **state)
{
	struct fixture *f = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf out = { 0 };
	uint64_t size;

	start(f);
	push(f, 100);
	assert_true(world_quiet(&f->world, WAIT_MS));
	wait_signed(f, 0);
	size = look(f);
	assert_int_equal(size, trail_number(f, "records"));
	assert_true(size > 300); /* opened, intent, submitted, of each at least */
	assert_true(trail_number(f, "checkpoints") >= 1);
	assert_int_equal(world_ctl(&f->world, (const char *[]){ "status", NULL }, &out), 0);
	if (!strstr(buf_str(&out), arena_printf(arena, "signed up to %llu records", (unsigned long long)size)))
		fail_msg("status does not say it: %s", buf_str(&out));
	for (int i = 0; i < 6; i++) { /* and whoever looks meanwhile finds it whole, every file of it */
		CLEANUP(buf_clear) struct buf said = { 0 };

		push(f, 60);
		if (world_ctl(&f->world, (const char *[]){ "trail", "verify", "--full", NULL }, &said) != 0)
			fail_msg("beside the running daemon: %s", buf_str(&said));
	}
	assert_true(world_quiet(&f->world, WAIT_MS));
	assert_int_equal(process_stop(&f->world.daemon, WAIT_MS), 0); /* at the end all that is durable is signed */
	assert_true(look(f) > size);
	check_history(f);
	size = look(f);
	start(f); /* its own start is recorded, and signed */
	wait_signed(f, size);
	assert_true(world_trail_verifies(&f->world));
	check_history(f);
}

static void not_signed_without_a_key(void **state)
{
	struct fixture *f = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf out = { 0 };

	assert_int_equal(unlink(arena_printf(arena, "%s/credentials/trail-log-key", f->world.dir)), 0);
	start(f);
	push(f, 5);
	assert_true(world_quiet(&f->world, WAIT_MS));
	assert_int_equal(world_ctl(&f->world, (const char *[]){ "status", NULL }, &out), 0);
	assert_non_null(strstr(buf_str(&out), "not signed"));
	assert_int_equal(process_stop(&f->world.daemon, WAIT_MS), 0);
	assert_int_equal(look(f), 0);
	/* a key that comes later signs what there is from the beginning */
	assert_int_equal(file_replace(arena_printf(arena, "%s/credentials/trail-log-key", f->world.dir),
				 "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0", 64, 0600), 0);
	start(f);
	wait_signed(f, 15);
}

/* --- killed --------------------------------------------------------------------------------------------------------------------------- */

static void killed_again_and_again(void **state)
{
	struct fixture *f = *state;

	srand(1);
	for (int round = 0; round < 12 || (f->seen_count < 8 && round < 60); round++) {
		int64_t until;

		start(f);
		push(f, 40);
		until = real_ms() + rand() % (500 * (1 + round / 6)); /* from before its first record to well behind some; a busy machine is slow */
		while (real_ms() < until) {
			(void)look(f);
			pause_ms(5);
		}
		assert_int_equal(kill(f->world.daemon.pid, SIGKILL), 0);
		(void)process_wait(&f->world.daemon, WAIT_MS);
		(void)look(f);
	}
	start(f);
	assert_true(world_quiet(&f->world, WAIT_MS));
	wait_signed(f, 0);
	assert_true(f->seen_count > 5);
	check_history(f);
	assert_int_equal(process_stop(&f->world.daemon, WAIT_MS), 0);
	check_history(f);
	assert_true(world_trail_verifies(&f->world));
}

/* --- refused ---------------------------------------------------------------------------------------------------------------------------- */

/* What the daemon that was started last has logged. */
static void logged(struct fixture *f, struct buf *ret)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	assert_int_equal(file_read(world_log(&f->world, arena), 1 << 20, ret, NULL), 0);
}

static void ends_with(struct fixture *f, int status, const char *says)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	world_start(&f->world, NULL);
	assert_int_equal(WEXITSTATUS(process_wait(&f->world.daemon, WAIT_MS)), status);
	logged(f, &text);
	if (!strstr(buf_str(&text), says))
		fail_msg("\"%s\" is not in the log: %s", says, buf_str(&text));
}

static void run_shell(const char *command)
{
	assert_int_equal(process_run((const char *[]){ "sh", "-c", command, NULL }, NULL, WAIT_MS), 0);
}

/* The state directory is restored, but for the signed log: a rolled-back journal must not be signed over. */
static void a_restored_journal_is_refused(void **state)
{
	struct fixture *f = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *dir = f->world.state;
	uint64_t size;

	start(f);
	push(f, 10);
	assert_true(world_quiet(&f->world, WAIT_MS));
	assert_int_equal(process_stop(&f->world.daemon, WAIT_MS), 0);
	run_shell(arena_printf(arena, "cp -r %s/journal %s/journal.old", dir, dir));
	start(f);
	push(f, 10);
	assert_true(world_quiet(&f->world, WAIT_MS));
	assert_int_equal(process_stop(&f->world.daemon, WAIT_MS), 0);
	size = look(f);
	run_shell(arena_printf(arena, "mv %s/journal %s/journal.new && mv %s/journal.old %s/journal", dir, dir, dir, dir));
	ends_with(f, 74, "the journal was taken back to an older state");
	assert_int_equal(look(f), size);
	run_shell(arena_printf(arena, "rm -r %s/journal && mv %s/journal.new %s/journal", dir, dir, dir));
	start(f);
	wait_signed(f, 0);
	check_history(f);
}

static void another_key_is_refused(void **state)
{
	struct fixture *f = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *path = arena_printf(arena, "%s/credentials/trail-log-key", f->world.dir);

	start(f);
	push(f, 3);
	assert_true(world_quiet(&f->world, WAIT_MS));
	assert_int_equal(process_stop(&f->world.daemon, WAIT_MS), 0);
	assert_int_equal(file_replace(path, "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", 64, 0600), 0);
	ends_with(f, 78, "is signed by another key");
	assert_int_equal(file_replace(path, "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0", 64, 0600), 0);
	start(f);
	wait_signed(f, 0);
	check_history(f);
}

/* Records of that kind in the system's file, as they stand one behind the other; "" = none. */
static void system_records(struct fixture *f, const char *kind, struct buf *ret)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	buf_reset(ret);
	assert_int_equal(world_ctl(&f->world, (const char *[]){ "trail", "log", "--customer", "~system", "--json", NULL }, &text), 0);
	for (const char *at = buf_str(&text); (at = strstr(at, kind)); at++) {
		const char *end = strstr(at, "}}");

		buf_add(ret, at, end ? (size_t)(end - at) : strlen(at));
	}
}

/* Until a record of tiles made again has that text. */
static void wait_mended(struct fixture *f, const char *text, struct buf *record)
{
	CLEANUP(buf_clear) struct buf log = { 0 };

	for (int64_t deadline = real_ms() + WAIT_MS; system_records(f, "\"log.mended\"", record), !strstr(buf_str(record), text); pause_ms(50))
		if (real_ms() >= deadline) {
			logged(f, &log);
			fail_msg("no record has %s: %s\nlogged: %s", text, buf_str(record), buf_str(&log));
		}
}

/* One bit in the tile of the newest leaves. */
static void spoil_last_tile(struct fixture *f)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	uint64_t last = look(f) - 1;
	struct merkle_tile tile = { 0, last / MERKLE_TILE_WIDTH, (unsigned)(last % MERKLE_TILE_WIDTH) + 1 };
	char name[MERKLE_PATH_SIZE];
	const char *path = state_path(f, arena, arena_printf(arena, "log/%d/%s", f->year, merkle_tile_path(&tile, name)));

	assert_int_equal(file_read(path, 1 << 16, &bytes, NULL), 0);
	bytes.data[0] ^= 1;
	assert_int_equal(file_replace(path, bytes.data, bytes.len, 0600), 0);
}

/* Tiles that are lost are made again, and it says so, in the trail too. */
static void lost_tiles_come_back(void **state)
{
	struct fixture *f = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf text = { 0 };
	CLEANUP(buf_clear) struct buf record = { 0 };

	start(f);
	push(f, 100);
	assert_true(world_quiet(&f->world, WAIT_MS));
	assert_int_equal(process_stop(&f->world.daemon, WAIT_MS), 0);
	run_shell(arena_printf(arena, "rm -r %s/log/%d/tile", f->world.state, f->year));
	start(f);
	wait_signed(f, 0);
	check_history(f);
	logged(f, &text);
	assert_non_null(strstr(buf_str(&text), "made again from the journal"));
	wait_mended(f, "\"log.mended\"", &record);
	assert_non_null(strstr(buf_str(&record), arena_printf(arena, "\"log\":\"test.example/world/%d\"", f->year)));
	assert_null(strstr(buf_str(&record), "\"missing\":0,"));
	assert_non_null(strstr(buf_str(&record), "\"other_bytes\":0"));
	assert_int_equal(process_stop(&f->world.daemon, WAIT_MS), 0);
	spoil_last_tile(f);
	start(f);
	wait_mended(f, "\"other_bytes\":1", &record);
	assert_true(world_trail_verifies(&f->world));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(signed_while_it_works),
		TEST(not_signed_without_a_key),
		TEST(killed_again_and_again),
		TEST(a_restored_journal_is_refused),
		TEST(another_key_is_refused),
		TEST(lost_tiles_come_back),
	};

	return cmocka_run_group_tests_name("signed_daemon", tests, NULL, NULL);
}
