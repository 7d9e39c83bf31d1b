#include "common/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE (64 * 1024)
#define PIECE (32 * 1024)
#define ZEROS_KEPT 4096
#define LARGE (4u << 20)

int file_read(const char *path, size_t max, struct buf *ret, struct err *err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t before = ret->len;
	struct stat st;

	if (fd < 0)
		return err_set(err, -errno, "unreadable", "", "%s cannot be opened: %s", path, strerror(errno));
	/* At once: a large one would be moved again and again while it grows. One byte more, so that its end is seen. */
	if (fstat(fd, &st) == 0 && st.st_size > 0)
		buf_reserve(ret, ((size_t)st.st_size < max ? (size_t)st.st_size : max) + 1);
	for (;;) {
		ssize_t n;

		if (ret->len + 1 >= ret->capacity)
			buf_reserve(ret, READ_SIZE);
		n = read(fd, ret->data + ret->len, ret->capacity - ret->len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, -errno, "unreadable", "", "%s cannot be read: %s", path, strerror(errno));
		ret->len += (size_t)n;
		ret->data[ret->len] = '\0';
		if (n == 0)
			return 0;
		if (ret->len - before > max)
			return err_set(err, -EFBIG, "unreadable", "", "%s is larger than %zu bytes", path, max);
	}
}

static bool all_zero(const char *p, size_t len)
{
	return p[0] == 0 && memcmp(p, p + 1, len - 1) == 0;
}

/* Reading a large file costs less than to be given its memory page by page: large pages, where the system has them. */
static void in_large_pages(const struct buf *buf)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = ((uintptr_t)buf->data + buf->len + page - 1) / page * page, to = (uintptr_t)buf->data + buf->capacity;

	if (to > from && to - from >= LARGE)
		(void)madvise((void *)from, to - from, MADV_HUGEPAGE);
}

int file_read_written(int fd, struct buf *ret)
{
	struct stat st;
	size_t zeros = 0;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return -errno;
	buf_reserve(ret, (size_t)st.st_size + PIECE); /* not touched before something is read into it */
	in_large_pages(ret);
	for (;;) {
		char *at;

		buf_reserve(ret, zeros + PIECE);
		at = ret->data + ret->len;
		n = read(fd, at, PIECE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		if (all_zero(at, (size_t)n)) { /* the next piece is read over it */
			zeros += (size_t)n;
			continue;
		}
		if (zeros) {
			memmove(at + zeros, at, (size_t)n);
			memset(at, 0, zeros);
		}
		ret->len += zeros + (size_t)n;
		zeros = 0;
	}
	zeros = zeros < ZEROS_KEPT ? zeros : ZEROS_KEPT;
	memset(ret->data + ret->len, 0, zeros + 1);
	ret->len += zeros;
	return 0;
}

int file_sync_dir(const char *path)
{
	CLEANUP(freep) char *dir = xstrdup(path);
	char *slash = strrchr(dir, '/');
	CLEANUP(closep) int fd = -1;

	if (slash)
		slash[slash == dir] = '\0';
	fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int file_replace_unsynced(const char *path, const void *data, size_t len, unsigned mode)
{
	struct buf temporary = { 0 };
	int fd, r;

	buf_printf(&temporary, "%s.new", path);
	fd = open(temporary.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	r = fd < 0 ? -errno : write_all(fd, data, len);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (fd >= 0 && close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(temporary.data, path) < 0)
		r = -errno;
	if (r < 0 && fd >= 0)
		(void)unlink(temporary.data);
	buf_clear(&temporary);
	return r;
}

int file_replace(const char *path, const void *data, size_t len, unsigned mode)
{
	int r = file_replace_unsynced(path, data, len, mode);

	return r < 0 ? r : file_sync_dir(path);
}

int file_make_dirs(const char *path, unsigned mode)
{
	CLEANUP(freep) char *copy = xstrdup(path);
	struct stat found;

	for (char *at = copy + 1;; at++) {
		char end = *at;

		if (end != '/' && end != '\0')
			continue;
		*at = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			return -errno;
		*at = end;
		if (!end)
			return stat(copy, &found) < 0 ? -errno : S_ISDIR(found.st_mode) ? 0 : -ENOTDIR;
	}
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int file_list(struct arena *arena, const char *dir, const char *suffix, char ***ret, size_t *count)
{
	DIR *stream = opendir(dir);
	struct dirent *entry;
	char **names = NULL;
	size_t n = 0, capacity = 0, tail = strlen(suffix);

	if (!stream)
		return -errno;
	while ((entry = readdir(stream))) {
		size_t len = strlen(entry->d_name);

		if (entry->d_name[0] == '.' || len < tail || strcmp(entry->d_name + len - tail, suffix) != 0)
			continue;
		names = arena_grow(arena, names, n, &capacity, sizeof(*names));
		names[n++] = arena_strdup(arena, entry->d_name);
	}
	closedir(stream);
	if (n)
		qsort(names, n, sizeof(*names), by_bytes);
	*ret = names;
	*count = n;
	return 0;
}
