/* Whole files in and out, in a folder of the test's own. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "tests/support/tree.h"

static char dir[64];

static char *in_dir(struct arena *arena, const char *name)
{
	return arena_printf(arena, "%s/%s", dir, name);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/dunningd-test-file-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	tree_remove(dir);
	return 0;
}

static void replaced_and_read(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf big = { 0 };
	CLEANUP(buf_clear) struct buf back = { 0 };
	char *path = in_dir(arena, "one");
	struct stat st;

	(void)state;
	umask(022);
	for (int i = 0; i < 300000; i++)
		buf_add_char(&big, (char)i);
	assert_int_equal(file_replace(path, big.data, big.len, 0640), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(file_read(path, big.len, &back, NULL), 0); /* exactly as large as allowed */
	assert_int_equal(back.len, big.len);
	assert_memory_equal(back.data, big.data, big.len);
	assert_int_equal(back.data[back.len], '\0');
	assert_int_equal(file_replace(path, "x", 1, 0600), 0);
	buf_reset(&back);
	buf_add_str(&back, "before ");
	assert_int_equal(file_read(path, 10, &back, NULL), 0);
	assert_string_equal(back.data, "before x");
	assert_int_equal(file_replace(path, NULL, 0, 0600), 0);
	buf_reset(&back);
	assert_int_equal(file_read(path, 0, &back, NULL), 0);
	assert_int_equal(back.len, 0);
	assert_int_equal(access(in_dir(arena, "one.new"), F_OK), -1);
}

static void relative_names(void **state)
{
	CLEANUP(buf_clear) struct buf back = { 0 };
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(file_replace("relative", "r", 1, 0600), 0);
	assert_int_equal(file_read("relative", 9, &back, NULL), 0);
	assert_string_equal(back.data, "r");
	assert_int_equal(fchdir(here), 0);
	closep(&here);
}

static void what_cannot_be_read(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf back = { 0 };
	char *path = in_dir(arena, "large");
	struct err err = { 0 };

	(void)state;
	assert_int_equal(file_read(in_dir(arena, "none"), 9, &back, &err), -ENOENT);
	assert_string_equal(err.code, "unreadable");
	assert_non_null(strstr(err.text, "none cannot be opened: No such file"));
	err_clear(&err);
	assert_int_equal(file_read(dir, 9, &back, &err), -EISDIR);
	assert_non_null(strstr(err.text, "cannot be read"));
	err_clear(&err);
	assert_int_equal(file_replace(path, "0123456789", 10, 0600), 0);
	assert_int_equal(file_read(path, 9, &back, &err), -EFBIG);
	assert_non_null(strstr(err.text, "larger than 9 bytes"));
	assert_int_equal(file_read("/dev/zero", 1 << 20, &back, NULL), -EFBIG); /* also one without an end */
}

static void what_cannot_be_replaced(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf back = { 0 };
	char *path = in_dir(arena, "kept"), *folder = in_dir(arena, "folder");
	struct rlimit limit, small;
	char large[4096] = { 0 };

	(void)state;
	assert_int_equal(file_replace(in_dir(arena, "no/such/folder"), "x", 1, 0600), -ENOENT);
	/* a write that fails leaves the old file, and nothing beside it */
	assert_int_equal(file_replace(path, "old", 3, 0600), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	small = (struct rlimit){ 100, limit.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(file_replace(path, large, sizeof(large), 0600), -EFBIG); /* after a short write */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(file_read(path, 9, &back, NULL), 0);
	assert_string_equal(back.data, "old");
	assert_int_equal(access(in_dir(arena, "kept.new"), F_OK), -1);
	/* a folder cannot be replaced by a file */
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(file_replace(folder, "x", 1, 0600), -EISDIR);
	assert_int_equal(access(in_dir(arena, "folder.new"), F_OK), -1);
}

static void folders(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	char *deep = in_dir(arena, "a/b//c");
	struct stat st;

	(void)state;
	assert_int_equal(file_make_dirs(deep, 0750), 0);
	assert_int_equal(file_make_dirs(deep, 0750), 0);
	assert_int_equal(stat(deep, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0750);
	assert_int_equal(file_make_dirs(in_dir(arena, "a/d/"), 0700), 0);
	assert_int_equal(file_replace(in_dir(arena, "plain"), "x", 1, 0600), 0);
	assert_int_equal(file_make_dirs(in_dir(arena, "plain/sub"), 0700), -ENOTDIR);
	assert_int_equal(file_make_dirs(in_dir(arena, "plain"), 0700), -ENOTDIR); /* it exists, but as a file */
}

static void lists(void **state)
{
	static const char *const names[] = { "b.json", "a.json", "B.json", ".hidden.json", "c.txt", "json", ".json", "a.json.new" };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	char *folder = in_dir(arena, "list"), **found = NULL;
	size_t count = 99;

	(void)state;
	assert_int_equal(file_list(arena, folder, ".json", &found, &count), -ENOENT);
	assert_int_equal(file_make_dirs(folder, 0700), 0);
	assert_int_equal(file_list(arena, folder, ".json", &found, &count), 0);
	assert_int_equal(count, 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(file_replace(arena_printf(arena, "%s/%s", folder, names[i]), "", 0, 0600), 0);
	assert_int_equal(file_list(arena, folder, ".json", &found, &count), 0);
	assert_int_equal(count, 3);
	assert_string_equal(found[0], "B.json");
	assert_string_equal(found[1], "a.json");
	assert_string_equal(found[2], "b.json");
	assert_int_equal(file_list(arena, folder, "", &found, &count), 0);
	assert_int_equal(count, 6);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaced_and_read),
		cmocka_unit_test(relative_names),
		cmocka_unit_test(what_cannot_be_read),
		cmocka_unit_test(what_cannot_be_replaced),
		cmocka_unit_test(folders),
		cmocka_unit_test(lists),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
