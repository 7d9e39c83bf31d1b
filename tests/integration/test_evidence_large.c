/*
 * A bundle out of a log of 100,000 records, as it lies on a disk: checked by dunningctl and by verify.sh, on a machine with a shell and openssl
 * alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "tests/support/process.h"
#include "tests/support/tree.h"
#include "tests/unit/bundle_world.h"

#define LEAVES 100000
#define RECORDS 10
#define WAIT_MS 120000

static char dir[100];
static struct arena *arena;
static struct bundle_world world;

static const char *at(const char *name)
{
	return arena_printf(arena, "%s/%s", dir, name);
}

static void write_bundle(const char *name, const struct bundle *bundle)
{
	for (size_t i = 0; i < bundle->count; i++) {
		char *path = arena_printf(arena, "%s/%s/%s", dir, name, bundle->files[i].path), *end = strrchr(path, '/');
		FILE *file;

		*end = '\0';
		assert_int_equal(file_make_dirs(path, 0700), 0);
		*end = '/';
		file = fopen(path, "wb");
		assert_non_null(file);
		assert_int_equal(fwrite(bundle->files[i].data.data, 1, bundle->files[i].data.len, file), bundle->files[i].data.len);
		assert_int_equal(fclose(file), 0);
	}
}

static int begin(void **state)
{
	(void)state;
	arena = arena_create();
	snprintf(dir, sizeof(dir), "%s/dunningd-large-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(dir));
	world_begin(&world, arena, LEAVES);
	for (size_t i = 0; i < RECORDS; i++)
		world_record(&world, i * (LEAVES - 1) / (RECORDS - 1), "\"kind\":\"attempt.intent\",\"time\":\"2026-04-01T09:00:00Z\"", NULL, 0);
	world_sign(&world);
	return 0;
}

static int end(void **state)
{
	(void)state;
	tree_remove(dir);
	arena_free(arena);
	return 0;
}

static int verify_sh(const char *bundle, bool grep)
{
	const char *argv[] = { "env", "-i", arena_printf(arena, "PATH=%s/only", dir), arena_printf(arena, "TMPDIR=%s", dir), "/bin/sh",
		SOURCE_DIR "/tools/evidence/verify.sh", bundle, NULL };

	(void)file_make_dirs(at("only"), 0700);
	(void)unlink(at("only/openssl"));
	assert_int_equal(symlink("/usr/bin/openssl", at("only/openssl")), 0);
	(void)unlink(at("only/grep"));
	if (grep)
		assert_int_equal(symlink("/usr/bin/grep", at("only/grep")), 0);
	return process_run(argv, NULL, WAIT_MS);
}

static int verify(const char *bundle)
{
	const char *argv[] = { BUILD_DIR "/dunningctl", "trail", "verify", bundle, NULL };

	return process_run(argv, NULL, WAIT_MS);
}

static void a_whole_one(void **state)
{
	struct bundle bundle = world_bundle(&world, SIZE_MAX, true);

	(void)state;
	assert_int_equal(bundle_finish(&bundle, &world.log.key, BUNDLE_SEED), 0);
	write_bundle("whole", &bundle);
	assert_int_equal(verify(at("whole")), 0);
	assert_int_equal(verify_sh(at("whole"), true), 0);
	assert_int_equal(verify_sh(at("whole"), false), 0);
}

/* By whoever has the log's key, behind the last one that is there: only the leaves tell. */
static void the_last_record_left_out(void **state)
{
	struct bundle bundle = world_bundle(&world, RECORDS - 1, true);

	(void)state;
	assert_int_equal(bundle_finish(&bundle, &world.log.key, BUNDLE_SEED), 0);
	write_bundle("robbed", &bundle);
	assert_int_equal(verify(at("robbed")), 1);
	assert_int_equal(verify_sh(at("robbed"), true), 1);
}

static void another_record_left_out(void **state)
{
	struct bundle bundle = world_bundle(&world, 3, true);

	(void)state;
	assert_int_equal(bundle_finish(&bundle, &world.log.key, BUNDLE_SEED), 0);
	write_bundle("gap", &bundle);
	assert_int_equal(verify(at("gap")), 1);
	assert_int_equal(verify_sh(at("gap"), false), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_whole_one), cmocka_unit_test(the_last_record_left_out),
		cmocka_unit_test(another_record_left_out) };

	return cmocka_run_group_tests(tests, begin, end);
}
