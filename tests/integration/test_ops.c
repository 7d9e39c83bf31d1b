/* What somebody on call types: `doctor` finds what was broken on purpose, `config` tells what holds, whether or not the daemon runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "tests/support/world.h"

#define WAIT_MS 60000

static struct world world;
static struct arena *arena;

/* dunningctl of the world, with --json: what it says, whatever its exit status, which goes to *status. */
static struct json ask(int *status, const char *const *words)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	const char *argv[16] = { "--json" };
	struct json root = { 0 };
	struct err err = { 0 };

	for (size_t i = 0; words[i]; i++)
		argv[i + 1] = words[i];
	*status = world_ctl(&world, argv, &out);
	if (json_parse(arena, arena_memdup(arena, buf_str(&out), out.len), out.len, JSON_FRACTIONS, &root, &err) < 0)
		fail_msg("dunningctl %s: %s: %s", words[0], err.text, buf_str(&out));
	return root;
}

static const char *text(const struct json *object, const char *key)
{
	struct json v = json_get(object, key);

	return json_str(&v) ? json_str(&v) : "";
}

static const char *said(int status, const char *const *words)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	int r = world_ctl(&world, words, &out);

	if (r != status)
		fail_msg("dunningctl %s: %d: %s", words[0], r, buf_str(&out));
	return arena_strdup(arena, buf_str(&out));
}
#define SAID(status, ...) said(status, (const char *const[]){ __VA_ARGS__, NULL })

static void shell(const char *format, ...)
{
	char command[600];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	assert_int_equal(system(command), 0);
}

/* --- doctor ---------------------------------------------------------------------------------------------------------------------------- */

static const char *const grades[] = { "", "ok", "note", "warn", "fail" };

/* The worst that `doctor` says of something; "" = nothing. */
static const char *of(const char *code, bool probing)
{
	const char *const words[] = { "doctor", probing ? "--probe" : NULL, NULL };
	int status;
	struct json root = ask(&status, words), findings = json_get(&root, "findings"), well = json_get(&root, "well");
	size_t worst = 0;

	assert_int_equal(status, json_bool(&well) ? 0 : 1);
	for (size_t i = 0; i < json_len(&findings); i++) {
		struct json one = json_at(&findings, i);

		for (size_t g = 1; g < ARRAY_LEN(grades); g++)
			if (strcmp(text(&one, "code"), code) == 0 && strcmp(text(&one, "grade"), grades[g]) == 0 && g > worst)
				worst = g;
		if (strcmp(text(&one, "grade"), "fail") == 0)
			assert_true(text(&one, "todo")[0]); /* never without a word of what to do */
	}
	return grades[worst];
}

static void redis_set(const char *name, const char *value)
{
	(void)world_redis(&world, arena, (const char *const[]){ "CONFIG", "SET", name, value, NULL });
}

static void the_doctor_finds_what_is_wrong(void **state)
{
	static const char *const right[] = { "config", "files", "provider", "keys", "owner", "disk_space", "disk_inodes", "redis_settings", "redis_version",
		"redis_persistence", "redis_memory" };
	const char *wrap = arena_printf(arena, "%s/credentials/wrap-key", world.dir);
	const char *said_all;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(right); i++)
		if (strcmp(of(right[i], false), "ok") != 0 && strcmp(of(right[i], false), "note") != 0)
			fail_msg("%s: %s", right[i], of(right[i], false));
	assert_string_not_equal(of("daemon", false), "fail");
	assert_string_equal(of("reach", false), "");
	assert_string_equal(of("reach", true), "ok");
	assert_string_equal(of("credential", false), "");

	redis_set("appendonly", "no");
	assert_string_equal(of("redis_appendonly", false), "fail");
	redis_set("appendonly", "yes");
	redis_set("maxmemory-policy", "allkeys-lru");
	assert_string_equal(of("redis_eviction", false), "fail");
	redis_set("maxmemory-policy", "noeviction");
	redis_set("maxmemory", "1mb");
	assert_string_equal(of("redis_memory", false), "fail");
	redis_set("maxmemory", "0");

	assert_int_equal(chmod(world.state, 0755), 0);
	assert_string_equal(of("mode", false), "fail");
	assert_int_equal(chmod(world.state, 0700), 0);
	assert_int_equal(chmod(wrap, 0644), 0);
	assert_string_equal(of("mode", false), "fail");
	assert_int_equal(chmod(wrap, 0600), 0);
	assert_string_equal(of("mode", false), "");
	if (getuid() == 0) {
		shell("chown 1 %s/journal/*", world.state);
		assert_string_equal(of("owner", false), "fail");
		shell("chown 0 %s/journal/*", world.state);
	}
	shell("mv %s %s.away", wrap, wrap);
	assert_string_equal(of("credential", false), "fail");
	shell("mv %s.away %s", wrap, wrap);
	shell("mv %s %s.right && printf 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff >%s", wrap, wrap, wrap);
	assert_string_equal(of("keys", false), "fail");
	shell("mv %s.right %s", wrap, wrap);

	/* Without the daemon all else is told. */
	assert_int_equal(process_stop(&world.daemon, WAIT_MS), 0);
	assert_string_equal(of("daemon", false), "fail");
	assert_string_equal(of("keys", false), "ok");
	said_all = SAID(1, "doctor");
	assert_non_null(strstr(said_all, "NOT WELL: "));
	assert_non_null(strstr(said_all, "do: systemctl start dunningd; journalctl -u dunningd -n 50"));
	shell("cp %s %s.right && sed -i 's/\"redis\"/\"radish\"/' %s", world.config, world.config, world.config);
	assert_string_equal(of("config", false), "fail");
	shell("mv %s.right %s", world.config, world.config);
	world_start(&world, NULL);
	assert_true(world_ready(&world, WAIT_MS));
}

/* --- config ---------------------------------------------------------------------------------------------------------------------------- */

static void what_counts_and_what_a_restart_would_change(void **state)
{
	struct json root, one;
	int status;

	(void)state;
	root = ask(&status, (const char *const[]){ "config", "show", "limits.concurrency", NULL });
	one = json_at(&root, 0);
	assert_int_equal(status, 0);
	assert_int_equal(json_len(&root), 1);
	assert_string_equal(text(&one, "from"), "file");
	root = ask(&status, (const char *const[]){ "config", "show", "redis.check_settings", NULL });
	one = json_at(&root, 0);
	assert_string_equal(text(&one, "from"), "default");
	assert_non_null(strstr(SAID(0, "config", "show", "redis.replicas"), "replicas that must have a release before its first byte leaves"));
	assert_non_null(strstr(SAID(1, "config", "show", "redis.color"), "no setting"));
	assert_non_null(strstr(SAID(0, "config", "diff"), "runs with what stands in the file"));
	shell("cp %s %s.right && sed -i 's/\"limits\":{/\"limits\":{\"batch\":77,/' %s", world.config, world.config, world.config);
	assert_non_null(strstr(SAID(1, "config", "diff"), "limits.batch  200      77"));
	assert_non_null(strstr(SAID(1, "config", "diff", arena_printf(arena, "%s.right", world.config)), "limits.batch  77    200"));
	assert_non_null(strstr(SAID(0, "config", "show", "limits.batch", "--running"), "200"));
	assert_non_null(strstr(SAID(0, "config", "diff", "--defaults"), "limits.batch"));
	assert_null(strstr(SAID(0, "config", "show"), "of dunningd in Redis"));
	shell("mv %s.right %s", world.config, world.config);
}

static int begin(void **state)
{
	(void)state;
	arena = arena_create();
	world_open(&world, &(struct world_options){ 0 });
	world_renew(&world, 0);
	world_start(&world, NULL);
	assert_true(world_ready(&world, WAIT_MS));
	world_push_range(&world, WORLD_FINALIZED, 0, 2, 1);
	assert_true(world_quiet(&world, WAIT_MS));
	return 0;
}

static int end(void **state)
{
	(void)state;
	(void)process_stop(&world.daemon, WAIT_MS);
	world_close(&world, false);
	arena_free(arena);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_doctor_finds_what_is_wrong),
		cmocka_unit_test(what_counts_and_what_a_restart_would_change),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
