#include "daemon/log_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDERS_OPEN 8

/* Kept open while files in it are renamed: an error of the disk is told to descriptors that were open when it happened. */
struct folder {
	char path[LOG_PATH_SIZE];
	int fd;
	bool changed;
};

struct log_files {
	uint16_t year;
	int state; /* the state directory */
	struct folder folders[FOLDERS_OPEN];
	size_t count;
};

/* No space may pass; anything else leaves the disk unknown. */
static int io_error(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG ? -ENOSPC : -EIO;
}

int log_files_open(const char *state_dir, uint16_t year, struct log_files **ret)
{
	struct log_files *files = xcalloc(1, sizeof(*files));

	files->year = year;
	files->state = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (files->state < 0) {
		int r = -errno;

		free(files);
		return r;
	}
	*ret = files;
	return 0;
}

static void close_folders(struct log_files *files)
{
	while (files->count > 0)
		(void)close(files->folders[--files->count].fd);
}

void log_files_close(struct log_files *files)
{
	if (!files)
		return;
	close_folders(files);
	(void)close(files->state);
	free(files);
}

/* --- paths -------------------------------------------------------------------------------------------- */

char *log_files_tile(const struct log_files *files, const struct merkle_tile *tile, char ret[LOG_PATH_SIZE])
{
	char path[MERKLE_PATH_SIZE];

	(void)snprintf(ret, LOG_PATH_SIZE, "log/%04u/%s", (unsigned)files->year, merkle_tile_path(tile, path));
	return ret;
}

char *log_files_head(const struct log_files *files, char ret[LOG_PATH_SIZE])
{
	(void)snprintf(ret, LOG_PATH_SIZE, "head/%04u", (unsigned)files->year);
	return ret;
}

char *log_files_checkpoint(const struct log_files *files, char ret[LOG_PATH_SIZE])
{
	(void)snprintf(ret, LOG_PATH_SIZE, "log/%04u/checkpoint", (unsigned)files->year);
	return ret;
}

/* --- reading ------------------------------------------------------------------------------------------ */

int log_files_read(struct log_files *files, const char *path, size_t max, struct buf *ret)
{
	CLEANUP(closep) int fd = openat(files->state, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t before = ret->len;
	ssize_t n = 1;

	if (fd < 0)
		return errno == ENOTDIR ? -ENOENT : -errno;
	while (n > 0) {
		buf_reserve(ret, 32768);
		n = read(fd, ret->data + ret->len, 32768);
		if (n < 0)
			return -errno;
		ret->len += (size_t)n;
		ret->data[ret->len] = '\0';
		if (ret->len - before > max)
			return -EFBIG;
	}
	return 0;
}

bool log_files_has(struct log_files *files, const struct merkle_tile *tile)
{
	char path[LOG_PATH_SIZE];
	struct stat st;

	return fstatat(files->state, log_files_tile(files, tile, path), &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
		(tile->level == MERKLE_ENTRIES ? st.st_size > 0 : (uint64_t)st.st_size == (uint64_t)tile->width * SHA256_SIZE);
}

/* --- folders ------------------------------------------------------------------------------------------ */

int log_files_sync(struct log_files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		if (files->folders[i].changed && fsync(files->folders[i].fd) < 0)
			return -EIO;
		files->folders[i].changed = false;
	}
	return 0;
}

/* Opens the folder that `path` lies in, and makes what is missing of it. A descriptor of the caller's. */
static int make_folder(struct log_files *files, const char *path)
{
	int at = files->state, r = 0;
	const char *name = path;

	while (r == 0 && *name) {
		char part[LOG_PATH_SIZE];
		size_t len = strcspn(name, "/");
		int next;

		(void)snprintf(part, sizeof(part), "%.*s", (int)len, name);
		name += len + (name[len] == '/');
		if (mkdirat(at, part, 0700) == 0)
			r = fsync(at) < 0 ? -EIO : 0;
		else if (errno != EEXIST)
			r = io_error(errno);
		next = r == 0 ? openat(at, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) : -1;
		if (r == 0 && next < 0)
			r = -EIO;
		if (at != files->state)
			(void)close(at);
		at = next;
	}
	return r < 0 ? r : at;
}

static int folder_of(struct log_files *files, const char *path, struct folder **ret)
{
	struct folder *folder;
	char dir[LOG_PATH_SIZE];
	int r;

	(void)snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	for (size_t i = 0; i < files->count; i++) {
		if (strcmp(files->folders[i].path, dir) == 0) {
			*ret = &files->folders[i];
			return 0;
		}
	}
	if (files->count == FOLDERS_OPEN) {
		r = log_files_sync(files);
		if (r < 0)
			return r;
		close_folders(files);
	}
	r = make_folder(files, dir);
	if (r < 0)
		return r;
	folder = &files->folders[files->count++];
	*folder = (struct folder){ .fd = r };
	(void)snprintf(folder->path, sizeof(folder->path), "%s", dir);
	*ret = folder;
	return 0;
}

/* --- writing ------------------------------------------------------------------------------------------ */

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? io_error(errno) : -ENOSPC;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

int log_files_replace(struct log_files *files, const char *path, const void *bytes, size_t len)
{
	const char *name = strrchr(path, '/') + 1;
	char temporary[LOG_PATH_SIZE + 8];
	struct folder *folder;
	int fd, r = folder_of(files, path, &folder);

	if (r < 0)
		return r;
	(void)snprintf(temporary, sizeof(temporary), "%s.new", name);
	fd = openat(folder->fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return io_error(errno);
	r = write_all(fd, bytes, len);
	if (r == 0 && fsync(fd) < 0)
		r = -EIO;
	if (close(fd) < 0 && r == 0)
		r = -EIO;
	if (r == 0 && renameat(folder->fd, temporary, folder->fd, name) < 0)
		r = io_error(errno);
	if (r < 0) {
		(void)unlinkat(folder->fd, temporary, 0);
		return r;
	}
	folder->changed = true;
	return 0;
}

int log_files_put(struct log_files *files, const char *path, const void *bytes, size_t len, bool mend)
{
	CLEANUP(buf_clear) struct buf there = { 0 };
	struct folder *folder;
	int r = log_files_read(files, path, len, &there);

	if (r == -ENOENT) {
		r = log_files_replace(files, path, bytes, len);
		return r < 0 ? r : LOG_PUT_NEW;
	}
	if (r == 0 && there.len == len && memcmp(there.data, bytes, len) == 0) {
		r = folder_of(files, path, &folder);
		if (r < 0)
			return r;
		folder->changed = true; /* its name may have come just before the process was killed */
		return LOG_PUT_SAME;
	}
	if (r == -EIO)
		return r;
	if (!mend)
		return -EEXIST;
	r = log_files_replace(files, path, bytes, len);
	return r < 0 ? r : LOG_PUT_MENDED;
}

int log_files_drop_partial(struct log_files *files, const struct merkle_tile *tile)
{
	struct merkle_tile full = { tile->level, tile->index, MERKLE_TILE_WIDTH };
	char path[LOG_PATH_SIZE], folder[LOG_PATH_SIZE + 2];
	struct dirent *entry;
	DIR *stream;
	int fd;

	(void)snprintf(folder, sizeof(folder), "%s.p", log_files_tile(files, &full, path));
	fd = openat(files->state, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	stream = fdopendir(fd);
	if (!stream) {
		(void)close(fd);
		return -errno;
	}
	for (size_t i = 0; i < files->count; i++) /* it is about to go, so it is neither synced nor found again */
		if (strcmp(files->folders[i].path, folder) == 0) {
			(void)close(files->folders[i].fd);
			files->folders[i] = files->folders[--files->count];
		}
	while ((entry = readdir(stream)))
		if (entry->d_name[0] != '.')
			(void)unlinkat(dirfd(stream), entry->d_name, 0);
	closedir(stream);
	(void)unlinkat(files->state, folder, AT_REMOVEDIR); /* what stays does no harm: it is tried again when the tile is made again */
	return 0;
}
