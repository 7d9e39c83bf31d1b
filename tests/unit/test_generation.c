/* The file that says which generation a trail is of, and what sealing comes to, over folders made by hand. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "daemon/generation.h"
#include "daemon/state_dir.h"
#include "tests/support/tree.h"

#define ORIGIN "test.example/acme"

struct fixture {
	struct arena *arena;
	char dir[64];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->arena = arena_create();
	strcpy(f->dir, "/tmp/dunningd-test-generation-XXXXXX");
	*state = f;
	return mkdtemp(f->dir) ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tree_remove(f->dir);
	arena_free(f->arena);
	free(f);
	return 0;
}

static void put(struct fixture *f, const char *name, const char *text)
{
	assert_int_equal(file_replace(arena_printf(f->arena, "%s/%s", f->dir, name), text, strlen(text), 0600), 0);
}

static bool there(struct fixture *f, const char *name)
{
	return access(arena_printf(f->arena, "%s/%s", f->dir, name), F_OK) == 0;
}

static const char *contents(struct fixture *f, const char *name)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	assert_int_equal(file_read(arena_printf(f->arena, "%s/%s", f->dir, name), 1 << 16, &text, NULL), 0);
	return arena_strdup(f->arena, buf_str(&text));
}

static struct sealing sealing(const struct fixture *f)
{
	return (struct sealing){ .state_dir = f->dir, .configured = ORIGIN, .who = "anna", .why = "a \"test\"", .now = 1 };
}

static void without_a_file_it_is_the_first(void **state)
{
	struct fixture *f = *state;
	struct generation generation;

	assert_int_equal(generation_read(f->dir, ORIGIN, f->arena, &generation, NULL), 0);
	assert_int_equal(generation.number, 1);
	assert_string_equal(generation.origin, ORIGIN);
	assert_null(generation.sealed);
}

static void a_bad_file_is_refused(void **state)
{
	static const char *const texts[] = { "", "{}", "[]", "{\"generation\":2}", "{\"generation\":1,\"origin\":\"" ORIGIN "/g1-0\",\"sealed\":{}}",
		"{\"generation\":2,\"origin\":\"" ORIGIN "\",\"sealed\":{}}", "{\"generation\":2,\"origin\":\"" ORIGIN "x/g2-0\",\"sealed\":{}}",
		"{\"generation\":2,\"origin\":\"" ORIGIN "/g2-0\"}", "{\"generation\":2,\"origin\":\"" ORIGIN "/g2-0\",\"sealed\":{}" };
	struct fixture *f = *state;
	struct generation generation;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct err err = { 0 };

		put(f, "generation", texts[i]);
		if (generation_read(f->dir, ORIGIN, f->arena, &generation, &err) != -EBADMSG || !err.text[0])
			fail_msg("it takes %s", texts[i]);
	}
	put(f, "generation", "{\"generation\":2,\"origin\":\"" ORIGIN "/g2-0\",\"sealed\":{}}");
	assert_int_equal(generation_read(f->dir, ORIGIN, f->arena, &generation, NULL), 0);
	put(f, "restoring", "a backup, half of it");
	assert_int_equal(generation_read(f->dir, ORIGIN, f->arena, &generation, NULL), -ESTALE);
}

static void nothing_is_sealed_where_nothing_is(void **state)
{
	struct fixture *f = *state;
	struct sealing s = sealing(f);
	struct sealing_plan plan;
	struct err err = { 0 };

	assert_int_equal(generation_plan(&s, f->arena, &plan, &err), -ENOENT);
	assert_string_equal(err.code, "no_trail");
}

/* Twice, one after the other: each is kept with what it came after, and none has another's origin. */
static void sealed_twice(void **state)
{
	struct fixture *f = *state;
	struct sealing s = sealing(f);
	struct sealing_plan first = { 0 }, again = { 0 }, second = { 0 };
	struct generation now;
	struct err err = { 0 };

	assert_int_equal(file_make_dirs(arena_printf(f->arena, "%s/journal", f->dir), 0700), 0);
	assert_int_equal(file_make_dirs(arena_printf(f->arena, "%s/head", f->dir), 0700), 0);
	put(f, "head/2026", "what nobody can read is kept all the same");
	assert_int_equal(generation_plan(&s, f->arena, &first, &err), 0);
	assert_int_equal(generation_plan(&s, f->arena, &again, &err), 0);
	assert_string_not_equal(first.after.origin, again.after.origin); /* never drawn twice */
	assert_true(there(f, "journal") && !there(f, "sealed"));
	assert_int_equal(generation_seal(&s, &first, &err), 0);
	assert_true(there(f, "sealed/1/journal") && there(f, "sealed/1/head/2026") && !there(f, "journal") && !there(f, "head"));
	assert_int_equal(generation_read(f->dir, ORIGIN, f->arena, &now, &err), 0);
	assert_string_equal(now.origin, first.after.origin);
	assert_non_null(strstr(now.sealed, "a \\\"test\\\""));

	assert_int_equal(file_make_dirs(arena_printf(f->arena, "%s/journal", f->dir), 0700), 0);
	assert_int_equal(generation_plan(&s, f->arena, &second, &err), 0);
	assert_int_equal(second.before.number, 2);
	assert_int_equal(generation_seal(&s, &second, &err), 0);
	assert_string_equal(contents(f, "sealed/2/generation"), first.text);
	assert_string_equal(contents(f, "generation"), second.text);
	assert_non_null(strstr(second.after.sealed, first.after.origin));
	assert_int_equal(generation_read(generation_dir(f->arena, f->dir, 2), NULL, f->arena, &now, &err), 0);
	assert_string_equal(now.origin, first.after.origin);
}

/* What stands where it would be moved to is never written over. */
static void nothing_is_written_over(void **state)
{
	struct fixture *f = *state;
	struct sealing s = sealing(f);
	struct sealing_plan plan = { 0 };
	struct err err = { 0 };

	assert_int_equal(file_make_dirs(arena_printf(f->arena, "%s/journal", f->dir), 0700), 0);
	assert_int_equal(generation_plan(&s, f->arena, &plan, &err), 0);
	assert_int_equal(file_make_dirs(arena_printf(f->arena, "%s/sealed/1/journal", f->dir), 0700), 0);
	assert_int_equal(generation_seal(&s, &plan, &err), -EEXIST);
	assert_true(there(f, "journal") && !there(f, "generation"));
}

static void one_holds_the_lock(void **state)
{
	struct fixture *f = *state;
	struct err err = { 0 };
	int lock = generation_lock(f->dir, &err);

	assert_true(lock >= 0);
	assert_int_equal(generation_lock(f->dir, &err), -EBUSY);
	closep(&lock);
	lock = generation_lock(f->dir, &err);
	assert_true(lock >= 0);
	closep(&lock);
}

/* Root gives the lock to whom the directory is, and nothing that only goes by its name there. */
static void root_gives_nothing_else_away(void **state)
{
	struct fixture *f = *state;
	const char *folder = arena_printf(f->arena, "%s/one", f->dir), *path = arena_printf(f->arena, "%s/lock", folder);
	struct err err = { 0 };
	struct stat st;
	int lock;

	if (geteuid() != 0)
		skip();
	assert_int_equal(file_make_dirs(folder, 0700), 0);
	assert_int_equal(chown(folder, 65534, 65534), 0);
	put(f, "roots", "its own");
	assert_int_equal(link(arena_printf(f->arena, "%s/roots", f->dir), path), 0);
	assert_int_equal(generation_lock(folder, &err), -EPERM);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(unlink(path), 0);
	lock = generation_lock(folder, &err);
	assert_true(lock >= 0);
	closep(&lock);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 65534);
}

/* What a lease says of its process: the same for all that held this lock, and another one in a copy of the directory. */
static void a_copy_is_another_home(void **state)
{
	struct fixture *f = *state;
	char home[STATE_DIR_HOME_SIZE], again[STATE_DIR_HOME_SIZE], copy[STATE_DIR_HOME_SIZE];
	const char *folder = arena_printf(f->arena, "%s/one", f->dir), *other = arena_printf(f->arena, "%s/two", f->dir);
	struct err err = { 0 };
	int lock;

	assert_int_equal(file_make_dirs(folder, 0700), 0);
	state_dir_home(folder, home);
	assert_string_equal(home, ""); /* nobody ever held it */
	lock = generation_lock(folder, &err);
	assert_true(lock >= 0);
	state_dir_home(folder, home);
	closep(&lock);
	lock = generation_lock(folder, &err);
	state_dir_home(folder, again);
	closep(&lock);
	assert_int_equal(strlen(home), STATE_DIR_HOME_SIZE - 1);
	assert_int_equal(strspn(home, "0123456789abcdef"), STATE_DIR_HOME_SIZE - 1);
	assert_string_equal(again, home);
	tree_copy(folder, other);
	state_dir_home(other, copy);
	assert_int_equal(strlen(copy), STATE_DIR_HOME_SIZE - 1);
	assert_string_not_equal(copy, home);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_a_file_it_is_the_first),
		TEST(a_bad_file_is_refused),
		TEST(nothing_is_sealed_where_nothing_is),
		TEST(sealed_twice),
		TEST(nothing_is_written_over),
		TEST(one_holds_the_lock), TEST(root_gives_nothing_else_away),
		TEST(a_copy_is_another_home),
	};

	return cmocka_run_group_tests_name("generation", tests, NULL, NULL);
}
