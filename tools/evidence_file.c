/* A bundle on the disk: folder or zip file. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "tools/evidence.h"

#define BUNDLE_MAX (4ull << 30)
#define DEPTH_MAX 12

static bool is_zip(const char *path)
{
	size_t len = strlen(path);

	return len > 4 && strcmp(path + len - 4, ".zip") == 0;
}

static int failed(struct err *err, int r, const char *path)
{
	return err_set(err, r, "unwritable", path, "%s: %s", path, strerror(-r));
}

int evidence_write(const struct bundle *bundle, const char *path, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf zip = { 0 };
	int r = 0;

	if (access(path, F_OK) == 0)
		return failed(err, -EEXIST, path);
	if (is_zip(path)) {
		r = bundle_zip(bundle, &zip);
		if (r == 0)
			r = file_replace(path, zip.data, zip.len, 0600);
		return r < 0 ? failed(err, r, path) : 0;
	}
	for (size_t i = 0; i < bundle->count && r == 0; i++) {
		const struct bundle_file *file = &bundle->files[i];
		char *full = arena_printf(arena, "%s/%s", path, file->path), *name = strrchr(full, '/');

		*name = '\0';
		r = file_make_dirs(full, 0700);
		*name = '/';
		if (r == 0) {
			CLEANUP(closep) int fd = open(full, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

			if (fd < 0)
				r = -errno;
			for (size_t at = 0; at < file->data.len && r == 0;) {
				ssize_t n = write(fd, file->data.data + at, file->data.len - at);

				if (n < 0 && errno != EINTR)
					r = -errno;
				at += n > 0 ? (size_t)n : 0;
			}
		}
		if (r < 0)
			return failed(err, r, full);
	}
	return r;
}

/* Plain files alone: a link would lead the reader, or what it is shown, elsewhere. */
static int read_folder(struct bundle *bundle, const char *root, const char *below, int depth, uint64_t *left, struct err *err)
{
	const char *path = arena_printf(bundle->arena, "%s%s%s", root, below[0] ? "/" : "", below);
	DIR *dir = opendir(path);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return failed(err, -errno, path);
	while (r == 0 && (entry = readdir(dir)) != NULL) {
		CLEANUP(buf_clear) struct buf data = { 0 };
		const char *name = arena_printf(bundle->arena, "%s%s%s", below, below[0] ? "/" : "", entry->d_name);
		const char *full = arena_printf(bundle->arena, "%s/%s", root, name);
		struct stat st;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (lstat(full, &st) < 0)
			r = failed(err, -errno, full);
		else if (!bundle_path_valid(name) || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) || depth == DEPTH_MAX ||
			 bundle->count == BUNDLE_FILES_MAX || (S_ISREG(st.st_mode) && (uint64_t)st.st_size > *left))
			r = err_set(err, -EBADMSG, "files", full, "%s belongs to no bundle", full);
		else if (S_ISDIR(st.st_mode))
			r = read_folder(bundle, root, name, depth + 1, left, err);
		else if ((r = file_read(full, (size_t)st.st_size, &data, err)) == 0) {
			bundle_add(bundle, name, buf_str(&data), data.len);
			*left -= data.len;
		}
	}
	closedir(dir);
	return r;
}

int evidence_read(const char *path, struct bundle *bundle, struct err *err)
{
	CLEANUP(buf_clear) struct buf zip = { 0 };
	uint64_t left = BUNDLE_MAX;
	struct stat st;
	int r;

	if (stat(path, &st) < 0)
		return err_set(err, -errno, "unreadable", path, "%s: %s", path, strerror(errno));
	if (S_ISDIR(st.st_mode)) {
		r = read_folder(bundle, path, "", 0, &left, err);
	} else {
		r = file_read(path, BUNDLE_MAX, &zip, err);
		if (r == 0) /* what is read is borrowed */
			r = bundle_unzip(arena_memdup(bundle->arena, buf_str(&zip), zip.len), zip.len, bundle, err);
	}
	bundle_sort(bundle);
	return r;
}
