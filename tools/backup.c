#include "tools/backup.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "common/hash.h"
#include "common/utc.h"
#include "tools/trail_files.h"

#define FILE_MAX (2u << 30)

/* A path of the manifest leads nowhere else. */
static bool inside(const char *path)
{
	return path[0] && path[0] != '/' && strcmp(path, "..") != 0 && strncmp(path, "../", 3) != 0 && !strstr(path, "/../");
}

static int check_file(struct ctl *ctl, const char *dir, const struct json *file)
{
	const char *path = json_text(file, "path"), *wanted = json_text(file, "sha256");
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	struct err err = { 0 };
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	if (!path || !wanted || !inside(path))
		return ctl_fail(ctl, EXIT_FOUND, "manifest", "%s/" BACKUP_MANIFEST " is no manifest of a backup", dir);
	if (file_read(arena_printf(ctl->arena, "%s/%s", dir, path), FILE_MAX, &bytes, &err) < 0)
		return ctl_fail(ctl, EXIT_FOUND, "missing", "%s", err.text);
	sha256(bytes.data ? bytes.data : "", bytes.len, digest);
	if (strcmp(hex_format(digest, sizeof(digest), hex), wanted) != 0)
		return ctl_fail(ctl, EXIT_FOUND, "altered", "%s/%s is not what was written: its SHA-256 is %s, and was %s", dir, path, hex, wanted);
	return 0;
}

static int64_t count_files(struct ctl *ctl, const char *dir)
{
	DIR *at = opendir(dir);
	int64_t count = 0;

	for (const struct dirent *e; at && (e = readdir(at));) {
		const char *path = arena_printf(ctl->arena, "%s/%s", dir, e->d_name);
		struct stat st;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || lstat(path, &st) < 0)
			continue;
		count += S_ISDIR(st.st_mode) ? count_files(ctl, path) : 1;
	}
	if (at)
		closedir(at);
	return count;
}

static int read_manifest(struct ctl *ctl, const char *dir, struct backup_sum *ret)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct json format, partitions;
	struct err err = { 0 };

	if (file_read(arena_printf(ctl->arena, "%s/" BACKUP_MANIFEST, dir), BACKUP_MANIFEST_MAX, &text, &err) < 0)
		return ctl_fail(ctl, EXIT_FOUND, "no_backup", "%s: a backup has it, and has it last: this one is not whole", err.text);
	if (json_parse(ctl->arena, arena_memdup(ctl->arena, text.data, text.len), text.len, 0, &ret->manifest, &err) < 0)
		return ctl_fail(ctl, EXIT_FOUND, "manifest", "%s/" BACKUP_MANIFEST ": %s %s", dir, err.path, err.text);
	format = json_get(&ret->manifest, "format");
	if (json_int(&format) != BACKUP_FORMAT || !json_text(&ret->manifest, "made_at") || utc_parse(json_text(&ret->manifest, "made_at"), &ret->made_at) < 0)
		return ctl_fail(ctl, EXIT_FOUND, "manifest", "%s/" BACKUP_MANIFEST " is no manifest of a backup that this version knows", dir);
	partitions = json_get(&ret->manifest, "partitions");
	if (!json_text(&ret->manifest, "origin") || strcmp(json_text(&ret->manifest, "origin"), ctl->config->origin) != 0 || json_int(&partitions) != ctl->config->partitions ||
		!json_text(&ret->manifest, "prefix") || strcmp(json_text(&ret->manifest, "prefix"), ctl->config->prefix) != 0)
		return ctl_fail(ctl, EXIT_FOUND, "another_one", "%s is a backup of origin %s, prefix %s, %lld partitions; the configuration says %s, %s, %lld", dir,
			json_text(&ret->manifest, "origin") ? json_text(&ret->manifest, "origin") : "unknown", json_text(&ret->manifest, "prefix") ? json_text(&ret->manifest, "prefix") : "unknown",
			(long long)json_int(&partitions), ctl->config->origin, ctl->config->prefix, (long long)ctl->config->partitions);
	return 0;
}

static void on_finding(const struct trail_finding *finding, void *arg)
{
	const struct ctl *ctl = arg;

	ctl_warn(ctl, "%s, byte %llu: %s", finding->file, (unsigned long long)finding->offset, finding->text);
}

static int walk_journal(struct ctl *ctl, const char *dir, struct backup_sum *ret)
{
	struct trail_walk walk = { .state_dir = arena_printf(ctl->arena, "%s/state", dir), .finding = on_finding, .arg = ctl };
	struct trail_sum sum = { 0 };
	struct err err = { 0 };

	if (trail_walk(&walk, ctl->arena, &sum, &err) < 0)
		return ctl_fail_err(ctl, EXIT_FOUND, &err);
	if (sum.findings)
		return ctl_fail(ctl, EXIT_FOUND, "journal", "the journal in %s is not whole: %llu findings", dir, (unsigned long long)sum.findings);
	ret->groups = sum.groups;
	ret->records = sum.records;
	ret->last_at = sum.last_at;
	return 0;
}

int backup_verify(struct ctl *ctl, const char *dir, struct backup_sum *ret)
{
	struct json files;
	int64_t there;
	int r = read_manifest(ctl, dir, ret);

	if (r != 0)
		return r;
	files = json_get(&ret->manifest, "files");
	for (size_t i = 0; r == 0 && i < json_len(&files); i++) {
		struct json one = json_at(&files, i);

		r = check_file(ctl, dir, &one);
	}
	there = count_files(ctl, dir) - 1;
	if (r == 0 && there != (int64_t)json_len(&files))
		r = ctl_fail(ctl, EXIT_FOUND, "altered", "%s has %lld files, and its manifest %lld: somebody added or took some", dir, (long long)there,
			(long long)json_len(&files));
	return r == 0 ? walk_journal(ctl, dir, ret) : r;
}
