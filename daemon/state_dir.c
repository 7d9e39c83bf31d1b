#include "daemon/state_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "common/hash.h"

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_VARIABLE "DUNNINGD_BOOT_ID"

const char *const state_dir_names[] = { "journal", "head", "log", "keys", "generation", "sealed", "anchors", "policies", "outbox", "clock", "book",
	"lock", "restoring", NULL };

bool state_dir_has(const char *path)
{
	size_t len = strcspn(path, "/");

	for (const char *const *name = state_dir_names; *name; name++)
		if (strlen(*name) == len && strncmp(*name, path, len) == 0)
			return true;
	return false;
}

static int give(int at, const char *name, uid_t uid, gid_t gid);

static int give_below(int at, const char *name, uid_t uid, gid_t gid)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r = 0;
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	if (!folder) {
		r = -errno;
		closep(&fd);
		return r;
	}
	while (r == 0 && (errno = 0, e = readdir(folder)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = give(fd, e->d_name, uid, gid);
	r = r == 0 ? -errno : r;
	closedir(folder);
	return r;
}

/* As root in a folder of somebody else's: no link is followed, and a file that has another name too may be anybody's. */
static int give(int at, const char *name, uid_t uid, gid_t gid)
{
	struct stat st;
	int r = 0;

	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(st.st_mode))
		r = give_below(at, name, uid, gid);
	else if (st.st_nlink != 1)
		return 0;
	if (r < 0 || (st.st_uid == uid && st.st_gid == gid))
		return r;
	return fchownat(at, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

int state_dir_give(const char *state_dir, uid_t uid, gid_t gid, struct err *err)
{
	CLEANUP(closep) int at = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int r = at < 0 || fstat(at, &st) < 0 ? -errno : 0;

	for (const char *const *name = state_dir_names; *name && r == 0; name++)
		r = give(at, *name, uid, gid);
	if (r == 0 && (st.st_uid != uid || st.st_gid != gid) && fchown(at, uid, gid) < 0)
		r = -errno;
	return r < 0 ? err_set(err, r, "owner", "", "%s cannot be given to the user that it belongs to: %s", state_dir, strerror(-r)) : 0;
}

int state_dir_give_back(const char *state_dir, struct err *err)
{
	struct stat st;

	if (stat(state_dir, &st) < 0)
		return err_set(err, -errno, "unreadable", "", "%s: %s", state_dir, strerror(errno));
	return state_dir_give(state_dir, st.st_uid, st.st_gid, err);
}

/* --- where it is ------------------------------------------------------------------------------------------------------------------ */

void boot_id_read(char ret[BOOT_ID_SIZE])
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	const char *given = getenv(BOOT_ID_VARIABLE);

	ret[0] = '\0';
	if (file_read(BOOT_ID_FILE, 100, &text, NULL) == 0 && text.len >= 36)
		snprintf(ret, BOOT_ID_SIZE, "%.36s", text.data);
	else if (given)
		snprintf(ret, BOOT_ID_SIZE, "%.36s", given);
}

void state_dir_home(const char *state_dir, char ret[STATE_DIR_HOME_SIZE])
{
	CLEANUP(buf_clear) struct buf of = { 0 };
	char boot[BOOT_ID_SIZE], hex[2 * SHA256_SIZE + 1];
	uint8_t digest[SHA256_SIZE];
	struct stat st;

	ret[0] = '\0';
	boot_id_read(boot);
	buf_printf(&of, "%s/lock", state_dir);
	if (!boot[0] || stat(buf_str(&of), &st) < 0)
		return;
	buf_reset(&of);
	for (const char *p = boot; *p; p++)
		if (*p != '-')
			buf_add(&of, p, 1);
	buf_printf(&of, " %ju %ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	sha256(of.data, of.len, digest);
	snprintf(ret, STATE_DIR_HOME_SIZE, "%.16s", hex_format(digest, sizeof(digest), hex));
}
