/* What the daemon stands on: Redis, the disk, the clock, the tz data, who may read its files. Judged from what was looked at. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/utc.h"
#include "tools/findings.h"

#define REDIS_OLDEST "7.0.15" /* of Debian 12; older ones lack what we use, or have known holes */
#define BUILT INT64_C(1767225600000) /* 2026-01-01: an earlier clock is wrong */
#define GIB (UINT64_C(1) << 30)

/* --- Redis --------------------------------------------------------------------------------------------------------------------------- */

/* Of INFO, a line "name:value"; NULL = it is not there. In the arena. */
static const char *info(struct findings *f, const struct redis_look *look, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = look->info; at && *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
		if (strncmp(at, name, len) == 0 && at[len] == ':')
			return arena_printf(f->arena, "%.*s", (int)strcspn(at + len + 1, "\r\n"), at + len + 1);
	return NULL;
}

static bool info_is(struct findings *f, const struct redis_look *look, const char *name, const char *value)
{
	const char *found = info(f, look, name);

	return found && strcmp(found, value) == 0;
}

static const char *setting(const struct redis_look *look, const char *name)
{
	for (size_t i = 0; look->settings && i + 1 < look->setting_count; i += 2)
		if (strcmp(look->settings[i], name) == 0)
			return look->settings[i + 1];
	return NULL;
}

/* Dotted numbers: whether a comes before b. */
static bool older(const char *a, const char *b)
{
	for (;;) {
		char *a_end, *b_end;
		unsigned long x = strtoul(a, &a_end, 10), y = strtoul(b, &b_end, 10);

		if (x != y)
			return x < y;
		if (*a_end != '.' || *b_end != '.')
			return *a_end != '.' && *b_end == '.';
		a = a_end + 1;
		b = b_end + 1;
	}
}

static void redis_settings(struct findings *f, const struct redis_look *look)
{
	const char *append = setting(look, "appendonly"), *policy = setting(look, "maxmemory-policy"), *sync = setting(look, "appendfsync");
	enum grade wrong = look->checked ? GRADE_FAIL : GRADE_WARN;
	size_t before = f->count;

	if (!look->settings) {
		findings_add(f, GRADE_WARN, "redis_settings", "allow the Redis user +config|get (share/redis-acl.conf)",
			"Redis does not show its settings to this user: appendonly yes and noeviction are only assumed");
		return;
	}
	if (append && strcmp(append, "yes") != 0)
		findings_add(f, wrong, "redis_appendonly", "redis-cli CONFIG SET appendonly yes; redis-cli CONFIG REWRITE",
			"appendonly is %s: what was accepted is lost when Redis stops%s", append, look->checked ? ", and the daemon refuses it" : "");
	if (policy && strcmp(policy, "noeviction") != 0)
		findings_add(f, wrong, "redis_eviction", "redis-cli CONFIG SET maxmemory-policy noeviction; redis-cli CONFIG REWRITE",
			"maxmemory-policy is %s: Redis drops data when memory is short", policy);
	if (sync && strcmp(sync, "no") == 0)
		findings_add(f, wrong, "redis_fsync", "redis-cli CONFIG SET appendfsync everysec; redis-cli CONFIG REWRITE",
			"appendfsync is no: what was accepted in the last half minute is lost in a power cut");
	else if (sync && strcmp(sync, "always") != 0)
		findings_add(f, GRADE_NOTE, "redis_fsync", "redis-cli CONFIG SET appendfsync always; redis-cli CONFIG REWRITE",
			"appendfsync is %s: events of the last second can be lost in a power cut", sync);
	if (f->count == before || f->items[before].grade < GRADE_WARN)
		findings_add(f, GRADE_OK, "redis_settings", NULL, "appendonly yes, noeviction");
}

static void redis_memory(struct findings *f, const struct redis_look *look)
{
	const char *used = info(f, look, "used_memory"), *most = info(f, look, "maxmemory"), *all = info(f, look, "total_system_memory");
	uint64_t is = used ? strtoull(used, NULL, 10) : 0, limit = most ? strtoull(most, NULL, 10) : 0, system = all ? strtoull(all, NULL, 10) : 0;

	if (limit && is > limit / 10 * 9)
		findings_add(f, GRADE_FAIL, "redis_memory", "redis-cli CONFIG SET maxmemory BYTES, on a computer that has them",
			"Redis uses %" PRIu64 " of %" PRIu64 " MiB that it may: soon it refuses writes, and nothing is sent", is >> 20, limit >> 20);
	else if ((limit && is > limit / 10 * 7) || (!limit && system && is > system / 10 * 7))
		findings_add(f, GRADE_WARN, "redis_memory", "give Redis more memory; redis-cli INFO memory", "Redis uses %" PRIu64 " of %" PRIu64 " MiB", is >> 20,
			(limit ? limit : system) >> 20);
	else if (used)
		findings_add(f, GRADE_OK, "redis_memory", NULL, "Redis uses %" PRIu64 " MiB", is >> 20);
}

static void redis_persistence(struct findings *f, const struct redis_look *look)
{
	static const char *const writes[] = { "aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status" };
	size_t before = f->count;

	for (size_t i = 0; i < ARRAY_LEN(writes); i++)
		if (info_is(f, look, writes[i], "err"))
			findings_add(f, i == 1 ? GRADE_WARN : GRADE_FAIL, "redis_persistence", "df -h; journalctl -u redis-server -n 50; redis-cli INFO persistence",
				"Redis could not write to its disk (%s: err)%s", writes[i], i == 1 ? "" : ": it may refuse writes, and then nothing is sent");
	if (info_is(f, look, "loading", "1"))
		findings_add(f, GRADE_WARN, "redis_loading", "wait: it ends by itself", "Redis is loading its data");
	if (f->count == before)
		findings_add(f, GRADE_OK, "redis_persistence", NULL, "Redis writes to its disk");
}

void findings_redis(struct findings *f, const struct redis_look *look)
{
	const char *version = info(f, look, "redis_version"), *valkey = info(f, look, "valkey_version"), *replicas = info(f, look, "connected_slaves");

	redis_settings(f, look);
	if (!look->info) {
		findings_add(f, GRADE_WARN, "redis_info", "allow the Redis user +info (share/redis-acl.conf)", "Redis does not tell this user how it is");
		return;
	}
	if (valkey)
		findings_add(f, GRADE_OK, "redis_version", NULL, "Valkey %s", valkey);
	else if (version && older(version, REDIS_OLDEST))
		findings_add(f, GRADE_WARN, "redis_version", "apt install redis-server", "Redis %s is older than " REDIS_OLDEST, version);
	else if (version)
		findings_add(f, GRADE_OK, "redis_version", NULL, "Redis %s", version);
	redis_persistence(f, look);
	redis_memory(f, look);
	if (info_is(f, look, "role", "slave"))
		findings_add(f, GRADE_FAIL, "redis_replica", "redis-cli INFO replication; name the primary in redis.url",
			"this Redis is a replica: it takes no writes");
	if (look->replicas && strtoll(replicas ? replicas : "0", NULL, 10) < look->replicas)
		findings_add(f, GRADE_FAIL, "redis_replicas", "redis-cli INFO replication", "%s replicas are connected, and redis.replicas wants %lld: nothing is sent",
			replicas ? replicas : "0", (long long)look->replicas);
	else if (look->fails_over && !look->replicas)
		findings_add(f, GRADE_WARN, "redis_replicas", "set redis.replicas, and min-replicas-to-write 1 in redis.conf",
			"redis.replicas is 0: what was saved may be lost with its primary, and while one is cut off from the others two instances may lead");
}

/* --- disk, clock, tz data ------------------------------------------------------------------------------------------------------------- */

void findings_disk(struct findings *f, const struct disk_look *look)
{
	bool few = look->inodes && look->inodes_free < look->inodes / 20;

	if (look->bytes_free < 2 * look->segment)
		findings_add(f, GRADE_FAIL, "disk_space", "df -h; make room: what waits goes on by itself", "%" PRIu64 " MiB are free where %s lies: less than two segments of the journal",
			look->bytes_free >> 20, look->path);
	else if (look->bytes_free < look->bytes / 10 && look->bytes_free < 20 * GIB)
		findings_add(f, GRADE_WARN, "disk_space", "df -h", "%" PRIu64 " of %" PRIu64 " MiB are free where %s lies", look->bytes_free >> 20, look->bytes >> 20,
			look->path);
	else
		findings_add(f, GRADE_OK, "disk_space", NULL, "%" PRIu64 " MiB are free where %s lies", look->bytes_free >> 20, look->path);
	if (look->inodes && (look->inodes_free < 1000 || few))
		findings_add(f, look->inodes_free < 1000 ? GRADE_FAIL : GRADE_WARN, "disk_inodes", "df -i", "%" PRIu64 " of %" PRIu64 " inodes are free where %s lies",
			look->inodes_free, look->inodes, look->path);
	else if (look->inodes)
		findings_add(f, GRADE_OK, "disk_inodes", NULL, "%" PRIu64 " inodes are free", look->inodes_free);
}

void findings_clock(struct findings *f, const struct clock_look *look)
{
	char text[UTC_TEXT_SIZE];

	utc_format(look->now, text);
	if (look->now < BUILT)
		findings_add(f, GRADE_FAIL, "clock", "timedatectl set-ntp true", "the clock shows %s: it was never set", text);
	else if (look->last_record > look->now + MINUTE_MS)
		findings_add(f, GRADE_FAIL, "clock", "timedatectl; if it is right: dunningctl clock confirm \"WHY\"",
			"the clock shows %s, earlier than the trail's last record: nothing is sent", text);
	else if (look->known && !look->synced)
		findings_add(f, GRADE_WARN, "clock_sync", "timedatectl set-ntp true; timedatectl timesync-status", "the clock is not synchronised: %s", text);
	else
		findings_add(f, GRADE_OK, "clock", NULL, "%s%s", text, look->known ? ", synchronised" : "");
}

void findings_tz(struct findings *f, const char *version, const char *system, date today)
{
	char text[DATE_TEXT_SIZE];
	long now = strtol(date_format(today, text), NULL, 10), year = strtol(version, NULL, 10);

	if (!version[0])
		findings_add(f, GRADE_WARN, "tz_data", "reinstall libicu", "ICU does not say which time zone data it has");
	else if (year + 2 <= now)
		findings_add(f, GRADE_WARN, "tz_data", "a newer Debian, or newer zone files for ICU in ICU_TIMEZONE_FILES_DIR",
			"ICU's time zone data are of %s%s%s%s: debtors in countries that changed their clocks since are met an hour off", version,
			system[0] ? " (the system's: " : "", system, system[0] ? ")" : "");
	else
		findings_add(f, GRADE_OK, "tz_data", NULL, "time zone data %s%s%s%s", version, system[0] ? ", the system's " : "", system, "");
}

/* --- certificates ------------------------------------------------------------------------------------------------------------------------ */

void findings_certificate(struct findings *f, const char *provider, const char *setting, int64_t until, int64_t now)
{
	const char *todo = arena_printf(f->arena, "put the provider's new one into providers.%s.settings, beside %s; then systemctl restart dunningd", provider, setting);
	char text[UTC_TEXT_SIZE];

	if (!until)
		findings_add(f, GRADE_FAIL, "certificate", todo, "provider %s: %s is no certificate in PEM: all that it tells is refused", provider, setting);
	else if (until <= now)
		findings_add(f, GRADE_FAIL, "certificate", todo, "provider %s: %s ran out at %s: what it tells is refused once it signs by another", provider, setting,
			utc_format(until, text));
	else
		findings_add(f, GRADE_WARN, "certificate", todo, "provider %s: %s runs out at %s: what it tells is refused once it signs by another", provider, setting,
			utc_format(until, text));
}

/* --- files ------------------------------------------------------------------------------------------------------------------------------ */

void findings_path(struct findings *f, const struct path_look *look)
{
	unsigned others = look->mode & (look->secret ? S_IRWXG | S_IRWXO : S_IWGRP | S_IWOTH);

	if (look->uid != look->owner && look->uid != 0)
		findings_add(f, GRADE_FAIL, "owner", arena_printf(f->arena, "chown %u %s", look->owner, look->path), "%s %s belongs to user %u, and should to %u",
			look->what, look->path, look->uid, look->owner);
	if (others)
		findings_add(f, look->secret ? GRADE_FAIL : GRADE_WARN, "mode", arena_printf(f->arena, "chmod go-%s %s", look->secret ? "rwx" : "w", look->path),
			"others than its owner may %s %s %s (mode %04o)", look->secret ? "open" : "write to", look->what, look->path, look->mode & 07777);
}
