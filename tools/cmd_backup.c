/*
 * A copy of what cannot be made again: the state directory, and what lay in Redis's streams and was not read yet. All else of Redis is made
 * again from the journal. Taken beside the running daemon; the order of copying is what makes it whole:
 *
 *	what is unread in the streams      what is applied while we copy is in the journal as well, and facts count once
 *	log/<year>/checkpoint, then head/  the signer writes them the other way round: so it is a state that a crash may leave
 *	tiles, policies and the rest       more of them than the checkpoint needs does no harm
 *	journal/, oldest first             its last segment may be torn, as after a crash; a later one is left for the next backup
 *	keys/                              a key is durable before the group that first uses it: so none is missing
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "common/hash.h"
#include "common/utc.h"
#include "daemon/state_dir.h"
#include "tools/backup.h"
#include "tools/cmd.h"
#include "tools/trail_files.h"

#define BLOCK 4096
#define SAME_LOOKS 20 /* at a file of keys, until two readings are the same */
#define PAGE "500" /* entries of a stream */
#define TAR_BLOCK 512

struct copying {
	struct ctl *ctl;
	const char *state, *dir; /* dir NULL: a tar stream on standard output */
	struct buf manifest;
	struct json_writer w; /* of the manifest's files */
	int64_t files, bytes, unread, segments;
	int64_t made_at;
};

/* --- where it goes --------------------------------------------------------------------------------------------------------------------- */

static int write_all(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* POSIX ustar: header, bytes, zeros up to the next block. */
static int put_tar(const char *name, const void *data, size_t len, int64_t at)
{
	static const char zeros[TAR_BLOCK];
	char head[TAR_BLOCK] = { 0 };
	unsigned sum = 0;
	int r;

	if (strlen(name) >= 100 || len > UINT64_C(077777777777))
		return -ENAMETOOLONG;
	memcpy(head, name, strlen(name));
	(void)snprintf(head + 100, 8, "%07o", 0600);
	(void)snprintf(head + 108, 8, "%07o", 0);
	(void)snprintf(head + 116, 8, "%07o", 0);
	(void)snprintf(head + 124, 12, "%011llo", (unsigned long long)len);
	(void)snprintf(head + 136, 12, "%011llo", (unsigned long long)(at / 1000));
	memset(head + 148, ' ', 8);
	head[156] = '0';
	memcpy(head + 257, "ustar\00000", 8);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += (unsigned char)head[i];
	(void)snprintf(head + 148, 8, "%06o", sum);
	r = write_all(STDOUT_FILENO, head, sizeof(head));
	if (r == 0)
		r = write_all(STDOUT_FILENO, data, len);
	return r < 0 || len % TAR_BLOCK == 0 ? r : write_all(STDOUT_FILENO, zeros, TAR_BLOCK - len % TAR_BLOCK);
}

static int put_file(struct copying *c, const char *name, const void *data, size_t len)
{
	const char *path = arena_printf(c->ctl->arena, "%s/%s", c->dir ? c->dir : "", name);
	char *folder = arena_strdup(c->ctl->arena, path);

	if (!c->dir)
		return put_tar(name, data, len, c->made_at);
	*strrchr(folder, '/') = '\0';
	if (file_make_dirs(folder, 0700) < 0)
		return -errno;
	return file_replace(path, data, len, 0600);
}

/* 0 or an exit code, said already. */
static int put(struct copying *c, const char *name, const void *data, size_t len)
{
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];
	int r = put_file(c, name, data ? data : "", len);

	if (r < 0)
		return ctl_fail(c->ctl, EXIT_FOUND, "not_written", "%s/%s cannot be written: %s", c->dir ? c->dir : "standard output", name, strerror(-r));
	sha256(data ? data : "", len, digest);
	jw_object(&c->w, NULL);
	jw_str(&c->w, "path", name);
	jw_int(&c->w, "size", (int64_t)len);
	jw_str(&c->w, "sha256", hex_format(digest, sizeof(digest), hex));
	jw_end_object(&c->w);
	c->files++;
	c->bytes += (int64_t)len;
	return 0;
}

/* --- the state directory --------------------------------------------------------------------------------------------------------------- */

/* Without the zeros that are kept free behind the last write: up to the block after the last byte that is none. */
static size_t used_of(int fd, size_t size)
{
	char block[BLOCK];

	for (size_t end = size; end;) {
		size_t from = (end - 1) / BLOCK * BLOCK;

		if (pread(fd, block, end - from, (off_t)from) != (ssize_t)(end - from))
			return size;
		for (size_t i = 0; i < end - from; i++)
			if (block[i])
				return from + (size_t)2 * BLOCK < size ? from + (size_t)2 * BLOCK : size;
		end = from;
	}
	return 0;
}

static int read_once(const char *path, bool last, struct buf *ret)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	size_t len;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	len = last ? used_of(fd, (size_t)st.st_size) : (size_t)st.st_size;
	buf_reset(ret);
	buf_reserve(ret, len + 1);
	while (ret->len < len) {
		ssize_t n = pread(fd, ret->data + ret->len, len - ret->len, (off_t)ret->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break; /* closed meanwhile: shorter, and whole */
		ret->len += (size_t)n;
	}
	return 0;
}

enum manner { ONCE, LAST, TWICE };

static int copy(struct copying *c, const char *name, enum manner manner)
{
	const char *path = arena_printf(c->ctl->arena, "%s/%s", c->state, name);
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	CLEANUP(buf_clear) struct buf again = { 0 };
	int r = read_once(path, manner == LAST, &bytes);

	for (int i = 0; r == 0 && manner == TWICE && i < SAME_LOOKS; i++) { /* slots are written in place */
		r = read_once(path, false, &again);
		if (r == 0 && again.len == bytes.len && memcmp(again.data, bytes.data, again.len) == 0)
			break;
		buf_reset(&bytes);
		buf_add(&bytes, again.data, again.len);
	}
	if (r == -ENOENT)
		return 0; /* replaced or trimmed since the folder was read */
	if (r < 0)
		return ctl_fail(c->ctl, EXIT_FOUND, "unreadable", "%s cannot be read: %s", path, strerror(-r));
	return put(c, arena_printf(c->ctl->arena, "state/%s", name), bytes.data, bytes.len);
}

struct names {
	char **items;
	size_t count, capacity;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool left_out(const char *name)
{
	size_t len = strlen(name);

	return name[0] == '.' || strcmp(name, "lock") == 0 || (len > 4 && strcmp(name + len - 4, ".new") == 0);
}

static int list(struct copying *c, const char *folder, struct names *ret);

static int list_one(struct copying *c, char *name, struct names *ret)
{
	struct stat st;

	if (lstat(arena_printf(c->ctl->arena, "%s/%s", c->state, name), &st) < 0) /* replaced or trimmed meanwhile is no fault */
		return errno == ENOENT ? 0 : ctl_fail(c->ctl, EXIT_FOUND, "unreadable", "%s/%s cannot be read: %s", c->state, name, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return list(c, name, ret);
	if (!S_ISREG(st.st_mode))
		return 0;
	ret->items = arena_grow(c->ctl->arena, ret->items, ret->count, &ret->capacity, sizeof(*ret->items));
	ret->items[ret->count++] = name;
	return 0;
}

/*
 * All files below `folder` ("" = all), as paths from the state directory. 0 or an exit code, said already: a folder that cannot be read would be
 * a backup without what lies in it. A trail that is not signed has no log; keys there always are.
 */
static int list(struct copying *c, const char *folder, struct names *ret)
{
	const char *path = arena_printf(c->ctl->arena, "%s/%s", c->state, folder);
	const struct dirent *e;
	DIR *at = opendir(path);
	int r = 0;

	if (!at)
		return errno == ENOENT && strcmp(folder, "keys") != 0 ? 0 :
			ctl_fail(c->ctl, EXIT_FOUND, "unreadable", "%s cannot be read: %s", path, strerror(errno));
	while (r == 0 && (errno = 0, e = readdir(at)))
		if (!left_out(e->d_name) && (*folder || state_dir_has(e->d_name))) /* beside them may lie other instances' */
			r = list_one(c, arena_printf(c->ctl->arena, "%s%s%s", folder, *folder ? "/" : "", e->d_name), ret);
	if (r == 0 && errno)
		r = ctl_fail(c->ctl, EXIT_FOUND, "unreadable", "%s cannot be read: %s", path, strerror(errno));
	closedir(at);
	if (ret->count)
		qsort(ret->items, ret->count, sizeof(*ret->items), by_name);
	return r;
}

static bool below(const char *name, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(name, folder, len) == 0 && name[len] == '/';
}

/* Which of the comment's steps a file belongs to. */
static int step_of(const char *name)
{
	size_t len = strlen(name);

	if (below(name, "log"))
		return len > 11 && strcmp(name + len - 11, "/checkpoint") == 0 ? 0 : 2;
	return below(name, "head") ? 1 : below(name, "journal") ? 3 : below(name, "keys") ? 4 : 2;
}

static int copy_state(struct copying *c)
{
	int r = 0;

	for (int step = 0; r == 0 && step < 5; step++) {
		static const char *const folders[] = { "log", "head", "", "journal", "keys" };
		struct names names = { 0 };
		size_t last = SIZE_MAX;

		r = list(c, folders[step], &names); /* anew: what came since may be needed */
		for (size_t i = 0; i < names.count; i++)
			if (step_of(names.items[i]) == 3)
				last = i;
		for (size_t i = 0; r == 0 && i < names.count; i++) {
			if (step_of(names.items[i]) != step)
				continue;
			c->segments += step == 3;
			r = copy(c, names.items[i], step == 4 ? TWICE : i == last ? LAST : ONCE);
		}
	}
	return r;
}

/* --- what is unread ---------------------------------------------------------------------------------------------------------------------- */

static void add_entry(struct copying *c, struct buf *out, const char *stream, const struct redis_reply *entry)
{
	struct json_writer w = jw_init(out);
	const struct redis_reply *fields = &entry->items[1];

	jw_object(&w, NULL);
	jw_str(&w, "stream", stream);
	jw_str(&w, "id", entry->items[0].str);
	for (size_t i = 0; i + 1 < fields->count; i += 2)
		if (strcmp(fields->items[i].str, "event") == 0)
			jw_strn(&w, "event", fields->items[i + 1].str, fields->items[i + 1].len);
	jw_end_object(&w);
	buf_add_char(out, '\n');
	c->unread++;
}

static int unread_of(struct copying *c, struct buf *out, uint32_t partition, const char *producer)
{
	struct keyspace keys = ctl_keys(c->ctl, partition);
	const char *stream = key_events(c->ctl->arena, &keys, producer), *from;
	const struct redis_reply *reply;
	int r = ctl_ask(c->ctl, c->ctl->arena, &reply, "HGET", key_of(c->ctl->arena, &keys, "cursor"), stream, NULL);

	if (r != 0)
		return r;
	from = reply->type == REDIS_STRING ? arena_printf(c->ctl->arena, "(%s", reply->str) : "-";
	for (;;) {
		r = ctl_ask(c->ctl, c->ctl->arena, &reply, "XRANGE", stream, from, "+", "COUNT", PAGE, NULL);
		if (r != 0 || !reply->count)
			return r;
		for (size_t i = 0; i < reply->count; i++)
			add_entry(c, out, stream, &reply->items[i]);
		from = arena_printf(c->ctl->arena, "(%s", reply->items[reply->count - 1].items[0].str);
	}
}

static int copy_unread(struct copying *c)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	int r = 0;

	for (uint32_t p = 0; r == 0 && p < ctl_partitions(c->ctl); p++)
		for (size_t i = 0; r == 0 && i < c->ctl->config->producer_count; i++)
			r = unread_of(c, &out, p, c->ctl->config->producers[i].name);
	return r == 0 ? put(c, "unread.ndjson", out.data, out.len) : r;
}

/* --- all of it ----------------------------------------------------------------------------------------------------------------------------- */

static int begin(struct copying *c)
{
	DIR *at = c->dir ? opendir(c->dir) : NULL;
	size_t entries = 0;
	char text[UTC_TEXT_SIZE];

	for (const struct dirent *e; at && (e = readdir(at));)
		entries += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	if (at)
		closedir(at);
	if (entries)
		return ctl_fail(c->ctl, EXIT_FOUND, "not_empty", "%s is not empty: a backup wants a folder of its own", c->dir);
	if (c->dir && file_make_dirs(c->dir, 0700) < 0)
		return ctl_fail(c->ctl, EXIT_FOUND, "not_written", "%s cannot be made: %s", c->dir, strerror(errno));
	if (!c->dir && isatty(STDOUT_FILENO))
		return ctl_fail(c->ctl, EXIT_USAGE, "usage", "the standard output is a terminal: dunningctl backup - >FILE.tar");
	if (access(arena_printf(c->ctl->arena, "%s/journal", c->state), R_OK | X_OK) < 0)
		return ctl_fail(c->ctl, EXIT_FOUND, "no_journal", "%s/journal cannot be read: %s", c->state, strerror(errno));
	if (access(arena_printf(c->ctl->arena, "%s/restoring", c->state), F_OK) == 0)
		return ctl_fail(c->ctl, EXIT_FOUND, "restoring", "%s: a backup was being put back, and that was cut off", c->state);
	c->w = jw_init(&c->manifest);
	jw_object(&c->w, NULL);
	jw_int(&c->w, "format", BACKUP_FORMAT);
	jw_str(&c->w, "dunningd", DUNNINGD_VERSION);
	jw_str(&c->w, "made_at", utc_format(c->made_at, text));
	jw_str(&c->w, "origin", c->ctl->config->origin);
	jw_str(&c->w, "prefix", c->ctl->config->prefix);
	jw_int(&c->w, "partitions", c->ctl->config->partitions);
	jw_array(&c->w, "files");
	return 0;
}

static int finish(struct copying *c)
{
	int r;

	jw_end_array(&c->w);
	jw_end_object(&c->w);
	buf_add_char(&c->manifest, '\n');
	r = put_file(c, BACKUP_MANIFEST, c->manifest.data, c->manifest.len);
	if (r == 0 && !c->dir) {
		static const char end[2 * TAR_BLOCK];

		r = write_all(STDOUT_FILENO, end, sizeof(end));
	}
	return r < 0 ? ctl_fail(c->ctl, EXIT_FOUND, "not_written", "the manifest cannot be written: %s", strerror(-r)) : 0;
}

static int run_backup(struct ctl *ctl, const struct invocation *call)
{
	struct copying c = { .ctl = ctl, .dir = strcmp(call->args[0], "-") == 0 ? NULL : call->args[0] };
	struct fields *f = fields_create(ctl->arena);
	struct backup_sum sum = { 0 };
	const char *sealed;
	CLEANUP(buf_clear) struct buf before = { 0 };
	CLEANUP(buf_clear) struct buf after = { 0 };
	struct timespec now;
	int r = ctl_config(ctl, true);

	if (r != 0)
		return r;
	clock_gettime(CLOCK_REALTIME, &now);
	c.made_at = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	c.state = ctl->config->state_dir;
	sealed = arena_printf(ctl->arena, "%s/generation", c.state);
	(void)file_read(sealed, 1 << 20, &before, NULL);
	r = begin(&c);
	if (r == 0)
		r = copy_unread(&c);
	if (r == 0)
		r = copy_state(&c);
	(void)file_read(sealed, 1 << 20, &after, NULL);
	if (r == 0 && strcmp(buf_str(&before), buf_str(&after)) != 0)
		r = ctl_fail(ctl, EXIT_FOUND, "sealed", "the trail was sealed meanwhile: make the backup again");
	if (r == 0)
		r = finish(&c);
	buf_clear(&c.manifest);
	if (r == 0 && c.dir)
		r = backup_verify(ctl, c.dir, &sum);
	if (r != 0 || !c.dir)
		return r;
	fields_add(f, "dir", "Backup", cell_text(c.dir));
	fields_add(f, "made_at", "Made", cell_time(c.made_at, NULL));
	fields_add(f, "files", "Files", cell_number(c.files));
	fields_add(f, "bytes", "Bytes", cell_number(c.bytes));
	fields_add(f, "groups", "Groups", cell_number((int64_t)sum.groups));
	fields_add(f, "records", "Records", cell_number((int64_t)sum.records));
	fields_add(f, "unread", "Unread events", cell_number(c.unread));
	fields_add(f, "verified", "Verified", cell_text("each file's digest, and the journal from end to end"));
	fields_add(f, NULL, "Not in it", cell_text("credentials (install-key, wrap-key, trail-log-key, secrets) and the configuration: keep them elsewhere"));
	view_fields(&ctl->view, f);
	return EXIT_DONE;
}

const struct command cmd_backup = { .name = "backup", .args = "DIR|-", .min_args = 1, .max_args = 1,
	.help = "copy what cannot be made again, beside the running daemon, and verify the copy",
	.more = "Into a new folder, or as a tar stream: the state directory, and the events that lie in Redis unread; all else of Redis is made again from\n"
		"the journal. Debtors' keys are in it, so what is erased later lives on in older backups: keep them no longer than you must, and the wrap key\n"
		"elsewhere. Of several instances each needs a backup of its own. A stream is verified by `restore`.", .run = run_backup };
