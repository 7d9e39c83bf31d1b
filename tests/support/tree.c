#include "tests/support/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "tests/support/process.h"

#define WAIT_MS 20000

static int on_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

void tree_remove(const char *path)
{
	int64_t end = real_ms() + WAIT_MS;

	/* Again, while a child of a process that was killed still writes there: redis-server has such. */
	while (nftw(path, on_entry, 16, FTW_DEPTH | FTW_PHYS) < 0 && (errno == ENOTEMPTY || access(path, F_OK) == 0)) {
		if (real_ms() > end)
			fail_msg("%s cannot be removed: %s", path, strerror(errno));
		pause_ms(5);
	}
}

static void copy_file(int from, int to, const char *path)
{
	char bytes[65536];
	ssize_t n;

	while ((n = read(from, bytes, sizeof(bytes))) > 0)
		if (write(to, bytes, (size_t)n) != n)
			fail_msg("%s cannot be copied: %s", path, strerror(errno));
	assert_int_equal(n, 0);
}

void tree_copy(const char *from, const char *to)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	DIR *dir = opendir(from);

	if (!dir || (mkdir(to, 0700) < 0 && errno != EEXIST))
		fail_msg("%s to %s: %s", from, to, strerror(errno));
	for (const struct dirent *entry; (entry = readdir(dir));) {
		const char *source = arena_printf(arena, "%s/%s", from, entry->d_name), *target = arena_printf(arena, "%s/%s", to, entry->d_name);
		struct stat st;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		assert_int_equal(lstat(source, &st), 0);
		if (S_ISDIR(st.st_mode)) {
			tree_copy(source, target);
		} else if (S_ISREG(st.st_mode)) {
			CLEANUP(closep) int in = open(source, O_RDONLY | O_CLOEXEC);
			CLEANUP(closep) int out = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

			copy_file(in, out, source);
			assert_int_equal(fchmod(out, st.st_mode & 07777), 0);
		}
	}
	(void)closedir(dir);
}
