/* What `dunningctl status` makes of what the daemon says and of what stands in Redis: how bad it is, and what to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/file.h"
#include "tests/support/tree.h"
#include "tools/findings.h"
#include "tools/unit_file.h"

#define RUNNING "{\"partition\":0,\"state\":\"running\",\"holding\":null,\"reason\":null,\"redis_connected\":true,\"redis_error\":null,\"caught_up_ms\":3}"
#define PARTITION(members) "{\"version\":\"" DUNNINGD_VERSION "\",\"mode\":\"live\",\"partitions\":[{\"partition\":0," members "}]}"
#define BESIDE(members) "{\"version\":\"" DUNNINGD_VERSION "\",\"mode\":\"live\",\"partitions\":[" RUNNING "]," members "}"

struct row {
	const char *name, *status;
	enum grade grade;
	const char *code, *todo; /* of the one finding; NULL = none. `todo`: stands in it */
};

static const struct row rows[] = {
	{ "all is well", BESIDE("\"log_lines_dropped\":0"), GRADE_OK, NULL, NULL },
	{ "refused", PARTITION("\"state\":\"refused\",\"reason\":\"the journal was rolled back\",\"redis_connected\":true"), GRADE_FAIL, "refused", "RESTORING" },
	{ "Redis is away", PARTITION("\"state\":\"running\",\"redis_connected\":false"), GRADE_FAIL, "redis_away", "systemctl status redis-server" },
	{ "a Redis with bad settings", PARTITION("\"state\":\"waiting_for_redis\",\"redis_connected\":true"), GRADE_FAIL, "waiting_for_redis", "doctor" },
	{ "draining", PARTITION("\"state\":\"draining\",\"redis_connected\":true,\"holding\":\"backlog\""), GRADE_NOTE, "draining", "wait" },
	{ "another leads", PARTITION("\"state\":\"passive\",\"owner\":\"b\",\"redis_connected\":true"), GRADE_OK, NULL, NULL },
	{ "another has it and refuses", PARTITION("\"state\":\"passive\",\"owner\":\"b\",\"refused_by\":\"b\",\"redis_connected\":true"), GRADE_FAIL, "refused",
		"on the host of b" },
	{ "nobody leads", PARTITION("\"state\":\"passive\",\"owner\":null,\"redis_connected\":true"), GRADE_FAIL, "not_led", "dunningctl status" },
	{ "nobody leads any more", PARTITION("\"state\":\"passive\",\"owner\":null,\"unled_ms\":15000,\"redis_connected\":true"), GRADE_FAIL, "not_led", "dunningctl status" },
	{ "a take-over", PARTITION("\"state\":\"passive\",\"owner\":null,\"unled_ms\":14999,\"redis_connected\":true"), GRADE_NOTE, "not_led_yet", "wait" },
	{ "the disk is full", PARTITION("\"state\":\"running\",\"redis_connected\":true,\"holding\":\"no_space\""), GRADE_FAIL, "no_space", "df" },
	{ "the brake", PARTITION("\"state\":\"running\",\"redis_connected\":true,\"holding\":\"brake\""), GRADE_FAIL, "brake", "dunningctl release" },
	{ "a word of tomorrow", PARTITION("\"state\":\"running\",\"redis_connected\":true,\"holding\":\"moon\""), GRADE_FAIL, "moon", "dunningd(8)" },
	{ "suspended is the book's to tell", PARTITION("\"state\":\"running\",\"redis_connected\":true,\"holding\":\"suspended\""), GRADE_OK, NULL, NULL },
	{ "a gap", PARTITION("\"state\":\"running\",\"redis_connected\":true,\"reason\":\"entries may be missing\""), GRADE_FAIL, "events_missing", "dunningctl gap closed" },
	{ "nobody tells of payments", PARTITION("\"state\":\"running\",\"redis_connected\":true,\"feed_stale\":true"), GRADE_FAIL, "feed_stale", "ledger.watermark" },
	{ "payments are known", PARTITION("\"state\":\"running\",\"redis_connected\":true,\"feed_stale\":false"), GRADE_OK, NULL, NULL },
	{ "nobody tells two partitions, said once", "{\"mode\":\"live\",\"partitions\":[{\"partition\":0,\"state\":\"running\",\"feed_stale\":true},"
		"{\"partition\":1,\"state\":\"running\",\"feed_stale\":true}]}", GRADE_FAIL, "feed_stale", NULL },
	{ "not read for long", PARTITION("\"state\":\"running\",\"redis_connected\":true,\"caught_up_ms\":61000"), GRADE_FAIL, "not_read", "SLOWLOG" },
	{ "read just now", PARTITION("\"state\":\"running\",\"redis_connected\":true,\"caught_up_ms\":60000"), GRADE_OK, NULL, NULL },
	{ "the clock, held", "{\"mode\":\"live\",\"clock_doubt\":\"clock_jump\",\"partitions\":[{\"partition\":0,\"state\":\"running\",\"holding\":\"clock_jump\"}]}", GRADE_FAIL,
		"clock_jump", "clock confirm" },
	{ "the clock, with nothing to hold", BESIDE("\"clock_doubt\":\"clock_before_log\""), GRADE_FAIL, "clock_before_log", "timedatectl" },
	{ "a provider is down", BESIDE("\"providers\":[{\"name\":\"brevo\",\"state\":\"down\",\"last_error\":{\"reason\":\"timeout\"}}]"), GRADE_WARN, "provider_down",
		"provider health brevo" },
	{ "a provider refuses the account", BESIDE("\"providers\":[{\"name\":\"brevo\",\"state\":\"stopped\"}]"), GRADE_FAIL, "provider_stopped", "systemctl restart dunningd" },
	{ "a provider pauses", BESIDE("\"providers\":[{\"name\":\"brevo\",\"state\":\"paused\"}]"), GRADE_NOTE, "provider_paused", NULL },
	{ "set back", BESIDE("\"anchors\":{\"set_back\":true,\"each\":[]}"), GRADE_FAIL, "trail_set_back", "RESTORING" },
	{ "an anchor is late", BESIDE("\"anchors\":{\"set_back\":false,\"each\":[{\"name\":\"tsa\",\"alarm\":true,\"failed\":\"timeout\"}]}"), GRADE_WARN, "anchor_late", "trail anchor" },
	{ "unsigned", BESIDE("\"trail\":{\"signed\":false}"), GRADE_NOTE, "unsigned", "trail key new" },
	{ "no space to sign", BESIDE("\"trail\":{\"signed\":true,\"no_space\":true}"), GRADE_FAIL, "log_no_space", "df" },
	{ "the law ran out", BESIDE("\"law\":{\"unknown\":2,\"run_out_soon\":0}"), GRADE_NOTE, "law_ran_out", "law.dir" },
	{ "the law runs out", BESIDE("\"law\":{\"unknown\":0,\"run_out_soon\":2}"), GRADE_NOTE, "law_runs_out", "law status" },
	{ "another configuration lies there", BESIDE("\"config_file\":\"/etc/dunningd/dunningd.json\",\"config_changed\":true"), GRADE_WARN, "config_changed",
		"--check-config" },
	{ "the configuration is the one it runs with", BESIDE("\"config_changed\":false"), GRADE_OK, NULL, NULL },
	{ "shadow", "{\"mode\":\"shadow\",\"partitions\":[" RUNNING "]}", GRADE_NOTE, "shadow", "live" },
	{ "an older daemon runs", "{\"mode\":\"live\",\"version\":\"0.0.0\",\"partitions\":[" RUNNING "]}", GRADE_NOTE, "other_version", "restart" },
};

static void row_holds(void **state)
{
	const struct row *row = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct findings findings = { .arena = arena };
	struct json status;

	assert_int_equal(json_parse(arena, row->status, strlen(row->status), JSON_FRACTIONS, &status, NULL), 0);
	findings_daemon(&findings, &status);
	assert_int_equal(findings.count, row->code ? 1 : 0);
	assert_int_equal(findings_well(&findings), row->grade < GRADE_WARN);
	if (!row->code)
		return;
	assert_string_equal(findings.items[0].code, row->code);
	assert_int_equal(findings.items[0].grade, row->grade);
	if (row->todo && !strstr(findings.items[0].todo, row->todo))
		fail_msg("%s does not tell %s", findings.items[0].todo, row->todo);
}

static void the_verdict_counts(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct findings findings = { .arena = arena };

	(void)state;
	assert_string_equal(findings_verdict(&findings), "Well: nothing needs you.");
	findings_add(&findings, GRADE_NOTE, "a", NULL, "a");
	findings_add(&findings, GRADE_OK, "b", NULL, "b");
	assert_string_equal(findings_verdict(&findings), "Well: nothing needs you.");
	findings_add(&findings, GRADE_WARN, "c", NULL, "c");
	assert_string_equal(findings_verdict(&findings), "Not quite well: 1 thing can wait for the morning.");
	findings_add(&findings, GRADE_FAIL, "d", NULL, "d");
	assert_string_equal(findings_verdict(&findings), "NOT WELL: 1 thing needs you now, 1 thing can wait for the morning.");
	findings_add(&findings, GRADE_FAIL, "e", NULL, "e");
	assert_non_null(strstr(findings_verdict(&findings), "2 things need you now"));
	assert_int_equal(table_rows(findings_table(&findings, false)), 4);
	assert_int_equal(table_rows(findings_table(&findings, true)), 5);
}

static void the_book(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct findings findings = { .arena = arena };
	struct book_look look = { .now = 1800000000000, .oldest_due = 1800000000000 - 600000 };

	(void)state;
	findings_book(&findings, &look);
	assert_int_equal(findings.count, 0);
	look.oldest_due--;
	findings_book(&findings, &look);
	assert_string_equal(findings.items[0].code, "timers_late");
	look.played = true;
	findings_book(&findings, &look);
	assert_int_equal(findings.count, 1);
	look = (struct book_look){ .now = 1, .partitions = 4, .dead = 2, .tasks = 4, .tasks_late = 1, .suspended = "the bank is down",
		.suspended_until = 1772442000000, .suspended_in = 3 };
	findings_book(&findings, &look);
	assert_int_equal(findings.count, 4);
	assert_string_equal(findings.items[1].what, "a person suspended all sending until 2026-03-02T09:00:00Z: the bank is down (in 3 of 4 partitions)");
	assert_string_equal(findings.items[2].todo, "dunningctl dead list");
	assert_string_equal(findings.items[3].code, "tasks_late");
}

/* What is true of several partitions is said once, and of which. */
static void said_once_of_several(void **state)
{
	static const char text[] = "{\"partitions\":[{\"partition\":0,\"state\":\"running\",\"holding\":\"brake\"},{\"partition\":2,\"state\":\"refused\",\"reason\":\"x\"},"
		"{\"partition\":3,\"state\":\"running\",\"holding\":\"brake\"},{\"partition\":11,\"state\":\"running\",\"holding\":\"brake\"}]}";
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct findings findings = { .arena = arena };
	struct json status;

	(void)state;
	assert_int_equal(json_parse(arena, text, strlen(text), JSON_FRACTIONS, &status, NULL), 0);
	findings_daemon(&findings, &status);
	assert_int_equal(findings.count, 2);
	assert_string_equal(findings.items[0].what, "nothing is sent: more contacts in an hour than brake.contacts_per_hour (partitions 0, 3, 11)");
	assert_string_equal(findings.items[1].what, "nothing is sent: x (partition 2)");
}

static void the_law_is_told_once(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct findings findings = { .arena = arena };
	static const char text[] = BESIDE("\"law\":{\"unknown\":2,\"run_out_soon\":1}");
	struct json status;

	(void)state;
	assert_int_equal(json_parse(arena, text, strlen(text), 0, &status, NULL), 0);
	findings_law(&findings, 2, 1); /* what doctor sees in the files; then the daemon says the same */
	findings_daemon(&findings, &status);
	assert_int_equal(findings.count, 2);
	assert_true(findings_well(&findings));
}

static void a_partition_is_held_by_itself(void **state)
{
	static const char text[] = "{\"partitions\":[{\"partition\":0,\"state\":\"passive\",\"holding\":null},{\"partition\":1,\"state\":\"running\",\"holding\":null},"
		"{\"partition\":2,\"state\":\"running\",\"holding\":\"brake\"},{\"partition\":3,\"state\":\"refused\"}]}";
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json status;

	(void)state;
	assert_int_equal(json_parse(arena, text, strlen(text), JSON_FRACTIONS, &status, NULL), 0);
	assert_false(findings_held(&status, 0)); /* led elsewhere, or by nobody */
	assert_false(findings_held(&status, 1));
	assert_true(findings_held(&status, 2));
	assert_true(findings_held(&status, 3));
	assert_true(findings_held(&status, 4));
}

/* --- what the daemon stands on --- */

struct redis_row {
	const char *name, *info, *settings[7], *code;
	enum grade grade;
};
#define GOOD "appendonly", "yes", "maxmemory-policy", "noeviction", "appendfsync", "always"
#define WELL "redis_version:7.0.15\r\nused_memory:1048576\r\nmaxmemory:0\r\ntotal_system_memory:8589934592\r\naof_last_write_status:ok\r\nrole:master\r\n"

static const struct redis_row redis_rows[] = {
	{ "Redis as it should be", WELL, { GOOD }, NULL, GRADE_OK },
	{ "no append only file", WELL, { "appendonly", "no", "maxmemory-policy", "noeviction", "appendfsync", "always" }, "redis_appendonly", GRADE_FAIL },
	{ "eviction", WELL, { "appendonly", "yes", "maxmemory-policy", "volatile-ttl", "appendfsync", "always" }, "redis_eviction", GRADE_FAIL },
	{ "never synced", WELL, { "appendonly", "yes", "maxmemory-policy", "noeviction", "appendfsync", "no" }, "redis_fsync", GRADE_FAIL },
	{ "synced each second", WELL, { "appendonly", "yes", "maxmemory-policy", "noeviction", "appendfsync", "everysec" }, "redis_fsync", GRADE_NOTE },
	{ "settings not shown", WELL, { NULL }, "redis_settings", GRADE_WARN },
	{ "nothing is told", NULL, { GOOD }, "redis_info", GRADE_WARN },
	{ "an old Redis", "redis_version:6.2.14\r\n", { GOOD }, "redis_version", GRADE_WARN },
	{ "just older", "redis_version:7.0.9\r\n", { GOOD }, "redis_version", GRADE_WARN },
	{ "a newer one", "redis_version:7.2\r\n", { GOOD }, NULL, GRADE_OK },
	{ "Valkey tells an old version beside its own", "redis_version:7.2.4\r\nvalkey_version:8.1.1\r\n", { GOOD }, NULL, GRADE_OK },
	{ "the last write failed", "redis_version:7.0.15\r\naof_last_write_status:err\r\n", { GOOD }, "redis_persistence", GRADE_FAIL },
	{ "the last save failed", "redis_version:7.0.15\r\nrdb_last_bgsave_status:err\r\n", { GOOD }, "redis_persistence", GRADE_FAIL },
	{ "the last rewrite failed", "redis_version:7.0.15\r\naof_last_bgrewrite_status:err\r\n", { GOOD }, "redis_persistence", GRADE_WARN },
	{ "loading", "redis_version:7.0.15\r\nloading:1\r\n", { GOOD }, "redis_loading", GRADE_WARN },
	{ "memory nearly full", "redis_version:7.0.15\r\nused_memory:95000000\r\nmaxmemory:100000000\r\n", { GOOD }, "redis_memory", GRADE_FAIL },
	{ "memory fills", "redis_version:7.0.15\r\nused_memory:75000000\r\nmaxmemory:100000000\r\n", { GOOD }, "redis_memory", GRADE_WARN },
	{ "the computer's memory fills", "redis_version:7.0.15\r\nused_memory:75000000\r\nmaxmemory:0\r\ntotal_system_memory:100000000\r\n", { GOOD }, "redis_memory", GRADE_WARN },
	{ "a replica", "redis_version:7.0.15\r\nrole:slave\r\n", { GOOD }, "redis_replica", GRADE_FAIL },
};

static void redis_row_holds(void **state)
{
	const struct redis_row *row = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct findings findings = { .arena = arena };
	struct redis_look look = { .info = row->info, .settings = row->settings[0] ? row->settings : NULL, .setting_count = 6, .checked = true };
	const struct finding *found = NULL;

	findings_redis(&findings, &look);
	for (size_t i = 0; i < findings.count; i++)
		if (findings.items[i].grade != GRADE_OK) {
			assert_null(found);
			found = &findings.items[i];
		}
	if (!row->code) {
		assert_null(found);
		return;
	}
	assert_non_null(found);
	assert_string_equal(found->code, row->code);
	assert_int_equal(found->grade, row->grade);
	assert_non_null(found->todo);
}

/* Where another server may take over, it should have what was written. */
static void replicas_are_asked_for(void **state)
{
	static const struct {
		const char *info;
		int64_t replicas;
		bool fails_over;
		enum grade grade;
	} looks[] = { { WELL, 0, false, GRADE_OK }, { WELL, 0, true, GRADE_WARN }, { WELL, 1, true, GRADE_FAIL }, { WELL "connected_slaves:1\r\n", 1, true, GRADE_OK } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct findings findings = { .arena = arena };
		struct redis_look look = { .info = looks[i].info, .replicas = looks[i].replicas, .fails_over = looks[i].fails_over };
		enum grade said = GRADE_OK;

		findings_redis(&findings, &look);
		for (size_t k = 0; k < findings.count; k++)
			if (strcmp(findings.items[k].code, "redis_replicas") == 0)
				said = findings.items[k].grade;
		assert_int_equal(said, looks[i].grade);
	}
}

static enum grade worst(const struct findings *findings)
{
	enum grade grade = GRADE_OK;

	for (size_t i = 0; i < findings->count; i++)
		grade = findings->items[i].grade > grade ? findings->items[i].grade : grade;
	return grade;
}

#define WORST(call)                                             \
	({                                                      \
		struct findings f = { .arena = arena };         \
		call;                                           \
		worst(&f);                                      \
	})
#define MIB (UINT64_C(1) << 20)

static void disk_clock_zones_and_files(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct disk_look disk = { .path = "/s", .bytes = 100000 * MIB, .bytes_free = 50000 * MIB, .inodes = 100000, .inodes_free = 90000, .segment = 64 * MIB };
	struct clock_look clock = { .now = 1800000000000, .known = true, .synced = true };
	struct path_look path = { "/s", "it", 0700, 100, 100, true };
	const date today = { 20786 }; /* 2026-11-29 */

	(void)state;
	assert_int_equal(WORST(findings_disk(&f, &disk)), GRADE_OK);
	disk.bytes_free = 9999 * MIB;
	assert_int_equal(WORST(findings_disk(&f, &disk)), GRADE_WARN);
	disk.bytes_free = 128 * MIB - 1;
	assert_int_equal(WORST(findings_disk(&f, &disk)), GRADE_FAIL);
	disk.bytes_free = 50000 * MIB;
	disk.inodes_free = 4999;
	assert_int_equal(WORST(findings_disk(&f, &disk)), GRADE_WARN);
	disk.inodes_free = 999;
	assert_int_equal(WORST(findings_disk(&f, &disk)), GRADE_FAIL);
	disk.inodes = disk.inodes_free = 0; /* btrfs */
	assert_int_equal(WORST(findings_disk(&f, &disk)), GRADE_OK);

	assert_int_equal(WORST(findings_clock(&f, &clock)), GRADE_OK);
	clock.synced = false;
	assert_int_equal(WORST(findings_clock(&f, &clock)), GRADE_WARN);
	clock.known = false; /* in a container, say */
	assert_int_equal(WORST(findings_clock(&f, &clock)), GRADE_OK);
	clock.last_record = clock.now + 60001;
	assert_int_equal(WORST(findings_clock(&f, &clock)), GRADE_FAIL);
	clock.last_record = clock.now + 60000;
	assert_int_equal(WORST(findings_clock(&f, &clock)), GRADE_OK);
	clock.now = 1000;
	assert_int_equal(WORST(findings_clock(&f, &clock)), GRADE_FAIL);

	assert_int_equal(WORST(findings_tz(&f, "2025b", "2025b", today)), GRADE_OK);
	assert_int_equal(WORST(findings_tz(&f, "2024b", "2025b", today)), GRADE_WARN);
	assert_int_equal(WORST(findings_tz(&f, "", "", today)), GRADE_WARN);

	assert_int_equal(WORST(findings_path(&f, &path)), GRADE_OK);
	path.mode = 0710;
	assert_int_equal(WORST(findings_path(&f, &path)), GRADE_FAIL);
	path.secret = false;
	assert_int_equal(WORST(findings_path(&f, &path)), GRADE_OK);
	assert_int_equal(WORST(findings_certificate(&f, "mail", "sns_certificate", 2, 1)), GRADE_WARN);
	assert_int_equal(WORST(findings_certificate(&f, "mail", "sns_certificate", 1, 1)), GRADE_FAIL);
	assert_int_equal(WORST(findings_certificate(&f, "mail", "sns_certificate", 0, 1)), GRADE_FAIL);
	path.mode = 0664;
	assert_int_equal(WORST(findings_path(&f, &path)), GRADE_WARN);
	path.mode = 0644;
	path.uid = 0; /* root's own is well */
	assert_int_equal(WORST(findings_path(&f, &path)), GRADE_OK);
	path.uid = 101;
	assert_int_equal(WORST(findings_path(&f, &path)), GRADE_FAIL);
}

/* --- systemd's unit --- */

static void put_unit_file(const char *dir, const char *name, const char *text)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *path = arena_printf(arena, "%s/%s", dir, name);

	assert_int_equal(file_make_dirs(arena_printf(arena, "%.*s", (int)(strrchr(path, '/') - path), path), 0700), 0);
	assert_int_equal(file_replace(path, text, strlen(text), 0600), 0);
}

static void a_unit_says_what_lies_encrypted(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	char dir[] = "/tmp/dunningd-units.XXXXXX";

	(void)state;
	assert_string_equal(unit_of(arena, "/etc/dunningd/dunningd.json"), "dunningd.service");
	assert_string_equal(unit_of(arena, "/etc/dunningd/acme.json"), "dunningd@acme.service");
	assert_string_equal(unit_of(arena, "acme.corp.json"), "dunningd@acme.corp.service");
	assert_non_null(mkdtemp(dir));
	assert_false(unit_encrypts(dir, "dunningd.service", "wrap-key"));
	put_unit_file(dir, "dunningd.service.d/override.conf", "[Service]\nLoadCredential=\n  LoadCredentialEncrypted = wrap-key:/etc/k.cred\n"
		"#LoadCredentialEncrypted=trail-log-key:/etc/l.cred\nLoadCredential=install-key:/etc/i\nLoadCredentialEncrypted=long-name:/etc/n.cred");
	put_unit_file(dir, "dunningd@.service.d/all.conf", "[Service]\nSetCredentialEncrypted=api-key: \\\n  k6iUCUh0\n");
	put_unit_file(dir, "dunningd@acme.service", "[Service]\nLoadCredentialEncrypted=install-key\n");
	assert_true(unit_encrypts(dir, "dunningd.service", "wrap-key"));
	assert_true(unit_encrypts(dir, "dunningd.service", "long-name"));
	assert_false(unit_encrypts(dir, "dunningd.service", "long")); /* its beginning */
	assert_false(unit_encrypts(dir, "dunningd.service", "install-key")); /* it lies there in the clear */
	assert_false(unit_encrypts(dir, "dunningd.service", "trail-log-key")); /* a comment */
	assert_false(unit_encrypts(dir, "dunningd.service", "api-key")); /* another unit's */
	assert_true(unit_encrypts(dir, "dunningd@acme.service", "api-key")); /* its template's */
	assert_true(unit_encrypts(dir, "dunningd@acme.service", "install-key"));
	assert_false(unit_encrypts(dir, "dunningd@acme.service", "wrap-key"));
	tree_remove(dir);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_LEN(rows) + ARRAY_LEN(redis_rows) + 8];
	size_t n = ARRAY_LEN(rows);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].name, .test_func = row_holds, .initial_state = (void *)(uintptr_t)&rows[i] };
	for (size_t i = 0; i < ARRAY_LEN(redis_rows); i++)
		tests[n++] = (struct CMUnitTest){ .name = redis_rows[i].name, .test_func = redis_row_holds, .initial_state = (void *)(uintptr_t)&redis_rows[i] };
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(replicas_are_asked_for);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(the_verdict_counts);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(the_book);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(said_once_of_several);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(the_law_is_told_once);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(a_partition_is_held_by_itself);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(disk_clock_zones_and_files);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(a_unit_says_what_lies_encrypted);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
