/* What somebody on call types: `doctor` finds what was broken on purpose, `config` tells what holds, whether or not the daemon runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/hash.h"
#include "tests/support/world.h"
#include "tools/unit_file.h"

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

__attribute__((format(printf, 1, 2))) static void shell(const char *format, ...)
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

/* The configuration with a provider more, whose webhooks are verified by a certificate that counts for so many days; the right one lies beside it. */
static void certified_for(const char *days)
{
	CLEANUP(buf_clear) struct buf config = { 0 }, pem = { 0 }, quoted = { 0 };
	const char *providers;

	shell("cp %s %s.right; cd %s && openssl req -x509 -newkey rsa:2048 -nodes -keyout sns.key -out sns.pem -subj /CN=sns -days %s 2>/dev/null && printf key >credentials/ses-key",
		world.config, world.config, world.dir, days);
	assert_int_equal(file_read(arena_printf(arena, "%s/sns.pem", world.dir), 8192, &pem, NULL), 0);
	assert_int_equal(file_read(world.config, 1 << 20, &config, NULL), 0);
	for (const char *p = buf_str(&pem); *p; p++)
		buf_add_str(&quoted, *p == '\n' ? "\\n" : (char[]){ *p, '\0' });
	providers = strstr(buf_str(&config), "\"providers\":{");
	assert_non_null(providers);
	providers += strlen("\"providers\":{");
	world_put(&world, strrchr(world.config, '/') + 1, arena_printf(arena, "%.*s\"ses\":{\"file\":\"amazon-ses.json\",\"settings\":{\"key_id\":\"k\",\"region\":\"eu-west-3\","
		"\"base_url\":\"https://email.eu-west-3.amazonaws.com\",\"topic\":\"t\",\"sns_certificate\":\"%s\"},\"secrets\":{\"secret_key\":\"ses-key\"}},%s",
		(int)(providers - buf_str(&config)), buf_str(&config), buf_str(&quoted), providers));
}

static void the_doctor_finds_what_is_wrong(void **state)
{
	static const char *const right[] = { "config", "files", "provider", "keys", "owner", "disk_space", "disk_inodes", "redis_settings", "redis_version",
		"redis_persistence", "redis_memory" };
	const char *wrap = arena_printf(arena, "%s/credentials/wrap-key", world.dir);
	CLEANUP(buf_clear) struct buf log = { 0 };
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
	certified_for("40");
	assert_string_equal(of("certificate", false), "");
	shell("mv %s.right %s", world.config, world.config);
	certified_for("20");
	assert_string_equal(of("certificate", false), "warn");
	assert_non_null(strstr(SAID(1, "doctor"), "provider ses: sns_certificate runs out at "));
	world_start(&world, NULL);
	assert_true(world_ready(&world, WAIT_MS));
	assert_int_equal(process_stop(&world.daemon, WAIT_MS), 0);
	assert_int_equal(file_read(world_log(&world, arena), 1 << 24, &log, NULL), 0);
	assert_non_null(strstr(buf_str(&log), "hooks: provider ses: the certificate in its setting sns_certificate runs out at "));
	shell("mv %s.right %s", world.config, world.config);
	world_start(&world, NULL);
	assert_true(world_ready(&world, WAIT_MS));
}

/* --- top ------------------------------------------------------------------------------------------------------------------------------- */

/* Whoever looks is told, wherever they look. */
/* Where the folder lacks a key, as when it lies encrypted, what systemd opened for the unit that runs is read: as root, who may. */
static void what_systemd_opened_is_read(void **state)
{
	const char *name = arena_printf(arena, "ops-%d", (int)getpid()), *config = arena_printf(arena, "%s/%s.json", world.dir, name);
	const char *opened = arena_printf(arena, UNIT_CREDENTIALS "/dunningd@%s.service", name);
	const char *doctor[] = { BUILD_DIR "/dunningctl", "--config", config, "--share", SOURCE_DIR "/daemon/share", "doctor", NULL };
	CLEANUP(buf_clear) struct buf without = { 0 }, with = { 0 };

	(void)state;
	if (getuid() != 0 || file_make_dirs(opened, 0700) < 0)
		skip();
	shell("cp %s %s && mv %s/credentials/wrap-key %s/wrap-key.away", world.config, config, world.dir, world.dir);
	assert_int_equal(process_run(doctor, &without, WAIT_MS), 1);
	shell("cp %s/wrap-key.away %s/wrap-key", world.dir, opened);
	(void)process_run(doctor, &with, WAIT_MS);
	shell("mv %s/wrap-key.away %s/credentials/wrap-key && rm -r %s %s", world.dir, world.dir, opened, config);
	assert_non_null(strstr(buf_str(&without), "credential \"wrap-key\" is missing"));
	assert_null(strstr(buf_str(&with), "is missing"));
	assert_non_null(strstr(buf_str(&with), "the wrap key opens the key store"));
}

static void a_suspension_is_not_well(void **state)
{
	const char *told;

	(void)state;
	(void)SAID(0, "suspend", "the bank is down");
	assert_true(world_quiet(&world, WAIT_MS));
	told = SAID(1, "status");
	assert_non_null(strstr(told, "a person suspended all sending: the bank is down"));
	assert_non_null(strstr(told, "LED BY")); /* who leads each partition, by which lease */
	assert_null(strstr(told, "WRITER"));
	assert_non_null(strstr(SAID(0, "top", "--once"), "a person suspended all sending: the bank is down"));
	assert_string_equal(of("suspended", false), "warn");
	(void)SAID(0, "release", "it is up");
	assert_true(world_quiet(&world, WAIT_MS));
	assert_string_equal(of("suspended", false), "");
}

static void the_screen_and_the_plain_text(void **state)
{
	const char *once = SAID(0, "top", "--once");
	CLEANUP(buf_clear) struct buf seen = { 0 };

	(void)state;
	assert_non_null(strstr(once, "FLOW "));
	assert_non_null(strstr(once, "sandbox          asked "));
	assert_non_null(strstr(once, "TIMERS "));
	assert_non_null(strstr(SAID(2, "top", "--every", "soon"), "not \"soon\""));
	/* Redis is away: it is said, and looked at again; the pipe ends it. */
	(void)SAID(69, "--redis", "redis://127.0.0.1:1", "top", "--once");
	shell("test 2 = \"$(%s/dunningctl --config %s --redis redis://127.0.0.1:1 top --every 1s | grep -m 2 -c '^Redis cannot be asked from here')\"", BUILD_DIR, world.config);
	/* A terminal, whose user looks and leaves. */
	shell("printf q | TERM=xterm script -q -e -c '%s/dunningctl --config %s top' %s/screen >/dev/null", BUILD_DIR, world.config, world.dir);
	assert_int_equal(file_read(arena_printf(arena, "%s/screen", world.dir), 1 << 20, &seen, NULL), 0);
	assert_non_null(strstr(buf_str(&seen), "\x1b[")); /* drawn, not printed */
	assert_non_null(strstr(buf_str(&seen), "PROVIDER"));
	assert_non_null(strstr(buf_str(&seen), "q ends"));
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

/* --- rebuild --------------------------------------------------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A reply as sorted lines, `stride` items each: the order within a hash or a set means nothing. */
static void add_sorted(struct buf *out, const struct redis_reply *reply, size_t stride)
{
	const char **lines = arena_alloc(arena, (reply->count / stride + 1) * sizeof(*lines));
	size_t count = 0;

	for (size_t i = 0; i < reply->count / stride; i++)
		if (strcmp(reply->items[i * stride].str, "epoch") != 0 && strcmp(reply->items[i * stride].str, "redo") != 0) /* the cursor's */
			lines[count++] = arena_printf(arena, "  %s%s%s\n", reply->items[i * stride].str, stride > 1 ? " = " : "", stride > 1 ? reply->items[i * stride + 1].str : "");
	qsort(lines, count, sizeof(*lines), by_text);
	for (size_t i = 0; i < count; i++)
		buf_add_str(out, lines[i]);
}

#define REDIS(...) world_redis(&world, arena, (const char *const[]){ __VA_ARGS__, NULL })

static void add_key(struct buf *out, const char *key)
{
	const char *type = REDIS("TYPE", key)->str;
	const struct redis_reply *entries;

	buf_printf(out, "%s %s until %lld\n", type, key, (long long)REDIS("PEXPIRETIME", key)->integer);
	if (strcmp(type, "string") == 0)
		buf_printf(out, "  %s\n", REDIS("GET", key)->str);
	else if (strcmp(type, "hash") == 0)
		add_sorted(out, REDIS("HGETALL", key), 2);
	else if (strcmp(type, "zset") == 0)
		add_sorted(out, REDIS("ZRANGE", key, "0", "-1", "WITHSCORES"), 2);
	else if (strcmp(type, "stream") != 0)
		fail_msg("%s is a %s", key, type);
	entries = strcmp(type, "stream") == 0 ? REDIS("XRANGE", key, "-", "+") : NULL;
	for (size_t i = 0; entries && i < entries->count; i++) {
		buf_printf(out, "  %s", entries->items[i].items[0].str);
		for (size_t k = 0; k < entries->items[i].items[1].count; k++)
			buf_printf(out, " %s", entries->items[i].items[1].items[k].str);
		buf_add_char(out, '\n');
	}
}

/*
 * All of the prefix's keys, but for what belongs to the server or a life and not to the book: the inbound streams, the lease, who lives, and the
 * cursor's epoch and word about a redo.
 */
static const char *everything(void)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	const struct redis_reply *keys = REDIS("KEYS", arena_printf(arena, "%s:*", world.prefix));
	const char **names = arena_alloc(arena, (keys->count + 1) * sizeof(*names));
	size_t count = 0;

	for (size_t i = 0; i < keys->count; i++)
		if (!strstr(keys->items[i].str, ":events") && !strstr(keys->items[i].str, ":lease") && !strstr(keys->items[i].str, ":instances"))
			names[count++] = keys->items[i].str;
	qsort(names, count, sizeof(*names), by_text);
	for (size_t i = 0; i < count; i++) {
		add_key(&out, names[i]);
	}
	assert_true(count > 8);
	return arena_strdup(arena, buf_str(&out));
}

/* A book is spread over other partitions only where nobody writes it, and the journals have all that its Redis has. */
static void nothing_is_spread_that_is_led_or_ahead(void)
{
	const char *cursor = arena_printf(arena, "%s:{0}:cursor", world.prefix), *lease = arena_printf(arena, "%s:{0}:lease", world.prefix);
	const char *pseq = arena_strdup(arena, REDIS("HGET", cursor, "pseq")->str), *receipts = arena_printf(arena, "%s:{0}:receipts", world.prefix);
	char digest[2 * SHA256_SIZE + 1];

	memset(digest, 'a', sizeof(digest) - 1);
	digest[sizeof(digest) - 1] = '\0';

	(void)REDIS("SET", lease, "host-z 0");
	assert_non_null(strstr(SAID(1, "instances", "rebuild", "--partitions", "2", "--prefix", "spread"), "led by host-z"));
	(void)REDIS("DEL", lease);
	(void)REDIS("HINCRBY", cursor, "pseq", "1");
	assert_non_null(strstr(SAID(1, "instances", "rebuild", "--partitions", "2", "--prefix", "spread"), "these journals have it up to group"));
	(void)REDIS("HSET", cursor, "pseq", pseq);
	(void)REDIS("SET", arena_printf(arena, "%s:{0}:body:%s", world.prefix, digest), "the scanned receipt", "PX", "600000");
	(void)REDIS("XADD", receipts, "1-1", "event", arena_printf(arena, "{\"data\":{\"webhook\":{\"apart\":\"%s\"}}}", digest), "wait", "{\"seen_ms\":1}");
	(void)REDIS("XADD", receipts, "1-2", "event", "{}", "wait", "{}");
	(void)REDIS("SET", "spread:{1}:lease", "~rebuild 0"); /* of a run that was cut off ... */
	(void)REDIS("XADD", "spread:{0}:receipts", "1-1", "event", "{}", "wait", "{}"); /* ... after this one */
	assert_non_null(strstr(SAID(0, "instances", "rebuild", "--partitions", "2", "--prefix", "spread"), "would be made again"));
	assert_non_null(strstr(SAID(0, "instances", "rebuild", "--partitions", "2", "--prefix", "spread", "--yes"), "made again"));
	assert_string_equal(REDIS("HGET", "spread:{1}:cursor", "writer")->str, "~rebuild");
	assert_int_equal(REDIS("XLEN", "spread:{0}:receipts")->integer, 2); /* no journal has them */
	assert_string_equal(REDIS("GET", arena_printf(arena, "spread:{0}:body:%s", digest))->str, "the scanned receipt");
	assert_true(REDIS("PTTL", arena_printf(arena, "spread:{0}:body:%s", digest))->integer > 0);
}

static void redis_is_made_again_from_the_journal(void **state)
{
	static const char broken[] = "{\"specversion\":\"1.0\"}";
	const char *before, *after;
	struct world_sent sent;

	(void)state;
	world_push_range(&world, WORLD_FINALIZED, 2, 30, 3);
	world_push_range(&world, WORLD_PAID, 2, 10, 3);
	world_push(&world, broken, strlen(broken));
	(void)SAID(0, "hold", "inv_1", "we talk to them");
	assert_true(world_quiet(&world, WAIT_MS));
	sent = world_sent(&world, arena, 32);
	assert_non_null(strstr(SAID(69, "rebuild"), "stop it first"));
	assert_int_equal(process_stop(&world.daemon, WAIT_MS), 0);
	assert_non_null(strstr(SAID(1, "rebuild"), "not empty"));
	before = everything();
	nothing_is_spread_that_is_led_or_ahead();
	(void)REDIS("FLUSHALL");
	shell("cp -p %s/book %s/book && sed -i 's/\"shared\":false/\"shared\":true/' %s/book", world.state, world.dir, world.state);
	assert_non_null(strstr(SAID(1, "rebuild"), "dunningctl instances rebuild --yes")); /* it would set back what others have led */
	shell("mv %s/book %s/book", world.dir, world.state);
	assert_non_null(strstr(SAID(0, "rebuild"), "as the journal left it"));
	after = everything();
	if (strcmp(before, after) != 0) {
		shell("mkdir -p %s/rebuilt", world.dir);
		world_put(&world, "rebuilt/before", before);
		world_put(&world, "rebuilt/after", after);
		(void)!system(arena_printf(arena, "diff %s/rebuilt/before %s/rebuilt/after | cut -c 1-300 | head -20", world.dir, world.dir));
		fail_msg("the rebuilt state is another one");
	}

	/* An event that comes before the start has a greater id than the last one read: what was lost is asked for all the same. */
	world_push_range(&world, WORLD_FINALIZED, 32, 1, 3);
	world_start(&world, NULL);
	assert_true(world_ready(&world, WAIT_MS));
	assert_true(world_quiet(&world, WAIT_MS));
	assert_non_null(strstr(SAID(1, "status"), arena_printf(arena, "entries of %s may be missing", world_key(&world, arena, "events"))));
	(void)SAID(0, "gap", "closed", "nothing was under way");
	assert_true(world_quiet(&world, WAIT_MS));
	assert_null(strstr(SAID(1, "status"), "may be missing"));
	assert_int_equal(world_sent(&world, arena, 33).messages, sent.messages + 1); /* nobody was written to twice */
	assert_int_equal(world_sent(&world, arena, 33).repeated, 0);
	assert_true(world_trail_verifies(&world));
}

/* --- backup, restore, replay ----------------------------------------------------------------------------------------------------------- */

#define FIRST 33 /* invoices that are there when it begins */
#define BEFORE 40 /* more, most of which are in the backup */
#define AFTER 30 /* more, of which it knows nothing */
#define ALL (FIRST + BEFORE + AFTER)

static void each_once(int count)
{
	struct world_sent sent = world_sent(&world, arena, count);

	for (int i = 12; i < count; i++) /* the first ones: some are held, some were paid at once */
		if (sent.captured[i] != 1)
			fail_msg("invoice %d: %d messages", i, sent.captured[i]);
}

static void start_again(void)
{
	world_start(&world, NULL);
	assert_true(world_ready(&world, WAIT_MS));
}

static bool is_running(void)
{
	struct json status = world_status(&world, arena), partitions = json_get(&status, "partitions"), one = json_at(&partitions, 0),
		    state = json_get(&one, "state");

	return json_str(&state) && strcmp(json_str(&state), "running") == 0;
}

/* What stood there before. */
static const char *another_log_wrote_last(void)
{
	const char *system = world_key(&world, arena, "debtor:~system"), *text = REDIS("GET", system)->str, *trail = strstr(text, "\"trail\":["), *log;

	assert_non_null(trail);
	log = strchr(trail + strlen("\"trail\":["), '"') + 1;
	(void)REDIS("SET", system, arena_printf(arena, "%.*sx%s", (int)(log - text), text, log));
	return text;
}

static void a_backup_that_redis_is_ahead_of(void **state)
{
	const char *dir = arena_printf(arena, "%s/backup", world.dir), *told, *system;

	(void)state;
	world_push_range(&world, WORLD_FINALIZED, FIRST, BEFORE, 3); /* and while they are taken in: */
	shell("mkdir -p %s/two/journal && touch %s/two/journal/x", world.state, world.state);
	told = SAID(0, "backup", dir);
	/* All that a daemon makes is known as its own: a name that is not would be in no backup. */
	shell("cd %s && for n in *; do test -e %s/state/$n || test -z \"$(find $n -type f)\" || case $n in two | lock) ;; *.new) ;; *) echo $n is in no backup; exit 1 ;; esac; done", world.state, dir);
	assert_non_null(strstr(told, "each file's digest, and the journal from end to end"));
	assert_non_null(strstr(SAID(1, "backup", dir), "is not empty"));
	assert_true(world_quiet(&world, WAIT_MS));
	world_push_range(&world, WORLD_FINALIZED, FIRST + BEFORE, AFTER, 3);
	assert_true(world_quiet(&world, WAIT_MS));
	each_once(ALL);
	assert_non_null(strstr(SAID(69, "restore", "--replace", dir), "stop it first"));
	assert_int_equal(process_stop(&world.daemon, WAIT_MS), 0);
	assert_non_null(strstr(SAID(1, "restore", dir), "--replace moves what is there aside"));
	shell("mv %s/keys %s/keys", world.state, world.dir);
	assert_non_null(strstr(SAID(1, "backup", arena_printf(arena, "%s/keyless", world.dir)), "keys cannot be read"));
	shell("mv %s/keys %s/keys", world.dir, world.state);

	/* Nothing is touched while it is not whole. */
	shell("f=$(ls %s/state/policies/* | head -n 1) && cp $f %s/right && echo >>$f", dir, world.dir);
	assert_non_null(strstr(SAID(1, "restore", "--replace", dir), "is not what was written"));
	shell("f=$(ls %s/state/policies/* | head -n 1) && cp %s/right $f && touch %s/state/more", dir, world.dir, dir);
	assert_non_null(strstr(SAID(1, "restore", "--replace", dir), "somebody added or took some"));
	shell("rm %s/state/more", dir);
	shell("sed 's#%s#%s/nowhere.sock#' %s >%s/away.json", world.redis_socket, world.dir, world.config, world.dir);
	shell("%s/dunningctl --config %s/away.json --credentials %s/credentials restore --replace %s 2>%s/said; test $? = 69", BUILD_DIR, world.dir, world.dir, dir,
		world.dir);
	shell("test -d %s/journal && ! ls -d %s.replaced-* 2>/dev/null && ! ls -d %s.restoring 2>/dev/null", world.state, world.state, world.state);

	/* Another instance's folder lies in this one: it is in no backup of it, and stays where it is. */
	shell("! ls %s/state/two 2>/dev/null && test -e %s/two/journal/x", dir, world.state);
	(void)REDIS("HSET", world_key(&world, arena, "cursor"), "writer", "host-b");
	assert_non_null(strstr(SAID(0, "restore", "--replace", dir), "NEWER than this journal")); /* that is this very log, under another name */
	shell("rm -r %s.replaced-*", world.state);
	system = another_log_wrote_last();
	(void)REDIS("HSET", world_key(&world, arena, "cursor"), "left host-a", "1000000 0");
	assert_non_null(strstr(SAID(0, "restore", "--replace", dir), "NEWER than this journal")); /* it was led on after the backup, and then lost */
	shell("rm -r %s.replaced-*", world.state);
	(void)REDIS("HDEL", world_key(&world, arena, "cursor"), "left host-a");
	told = SAID(0, "restore", "--replace", dir);
	shell("test -e %s/two/journal/x && ! ls -d %s.restoring %s/restoring %s.replaced-*/two 2>/dev/null && test -d $(ls -d %s.replaced-*)/journal", world.state, world.state,
		world.state, world.state, world.state);
	assert_non_null(strstr(told, "led by host-b since: this one takes its turn"));
	assert_null(strstr(told, "trail seal"));
	assert_null(strstr(told, "dunningctl release"));
	shell("rm -r %s.replaced-*", world.state);
	(void)REDIS("HSET", world_key(&world, arena, "cursor"), "writer", "host-a");
	(void)REDIS("SET", world_key(&world, arena, "debtor:~system"), system);
	told = SAID(0, "restore", "--replace", dir);
	assert_non_null(strstr(told, "NEWER than this journal"));
	assert_non_null(strstr(told, "dunningctl trail seal --yes"));
	assert_non_null(strstr(told, ".replaced-"));

	/* It is as the daemon says, too: nothing is sent. */
	world_start(&world, NULL);
	assert_true(world_ready(&world, WAIT_MS));
	for (int64_t deadline = real_ms() + WAIT_MS;; pause_ms(20)) {
		CLEANUP(buf_clear) struct buf out = { 0 };

		(void)world_ctl(&world, (const char *const[]){ "status", NULL }, &out);
		if (strstr(buf_str(&out), "Redis holds group "))
			break;
		assert_true(real_ms() < deadline);
	}
	(void)process_stop(&world.daemon, WAIT_MS);
	/* Another user's, as it is on a real host: what root makes there is theirs too. */
	if (geteuid() == 0)
		shell("chown -R 65534:65534 %s && rm %s/lock", world.state, world.state);
	(void)SAID(0, "trail", "seal", "--yes", "--why", "restored the backup");
	if (geteuid() == 0)
		shell("test -e %s/generation && test -z \"$(find %s ! -user 65534)\" && chown -R root:root %s", world.state, world.state, world.state);
	start_again();
	for (int64_t deadline = real_ms() + WAIT_MS; !is_running(); pause_ms(20)) /* all is taken over: the next backup is to have it */
		assert_true(real_ms() < deadline);
	(void)SAID(0, "replay", arena_printf(arena, "%s/unread.ndjson", dir));
	assert_true(world_quiet(&world, WAIT_MS));
	each_once(ALL);
	assert_true(world_trail_verifies(&world));
}

/* The journal of then and an empty Redis: what was sent since is known to nobody, and nothing is sent before somebody says so. */
static void a_backup_and_an_empty_redis(void **state)
{
	const char *tar = arena_printf(arena, "%s/b.tar", world.dir), *dir = arena_printf(arena, "%s/unpacked", world.dir), *told;
	int before, messages;

	(void)state;
	shell("%s/dunningctl --config %s --credentials %s/credentials backup - >%s", BUILD_DIR, world.config, world.dir, tar);
	shell("mkdir %s && tar -xf %s -C %s && cd %s && jq -r '.files[] | \"\\(.sha256)  \\(.path)\"' manifest.json | sha256sum -c --quiet", dir, tar, dir, dir);
	before = world_sent(&world, arena, ALL).messages;
	world_push_range(&world, WORLD_FINALIZED, ALL, AFTER, 3); /* a day later */
	assert_true(world_quiet(&world, WAIT_MS));
	messages = world_sent(&world, arena, ALL + AFTER).messages;
	assert_int_equal(messages, before + AFTER);
	process_kill(&world.daemon);
	(void)REDIS("FLUSHALL");
	/* Whose order to suspend does not arrive has nothing put back either, which somebody might start. */
	(void)REDIS("SET", world_key(&world, arena, "events:operator"), "no stream");
	shell("ls -di %s/journal >%s/was && ! %s/dunningctl --config %s --credentials %s/credentials restore --replace %s && ls -di %s/journal | cmp - %s/was && "
		"test ! -e %s/restoring", world.state, world.dir, BUILD_DIR, world.config, world.dir, dir, world.state, world.dir, world.state);
	(void)REDIS("FLUSHALL");
	shell("rm -r %s.restoring", world.state);
	told = SAID(0, "restore", "--replace", dir);
	assert_non_null(strstr(told, "empty: the next start makes it again from the journal"));
	assert_non_null(strstr(told, "dunningctl release"));

	start_again();
	(void)SAID(0, "replay", arena_printf(arena, "%s/unread.ndjson", dir));
	world_push_range(&world, WORLD_FINALIZED, ALL, AFTER, 3); /* the producers tell again what they told since */
	for (int64_t deadline = real_ms() + WAIT_MS; !world_applied(&world); pause_ms(20))
		assert_true(real_ms() < deadline);
	told = SAID(1, "status");
	assert_non_null(strstr(told, "a person suspended all sending: restored the backup of "));
	assert_int_equal(world_sent(&world, arena, ALL + AFTER).messages, messages);
	(void)SAID(0, "release", "the provider shows what was sent");
	assert_true(world_quiet(&world, WAIT_MS));
	(void)SAID(0, "gap", "closed", "all was told again");
	(void)SAID(0, "clock", "confirm", "NTP is back");
	for (int64_t deadline = real_ms() + WAIT_MS;; pause_ms(20)) { /* who lifts a hold of all sending stands in the trail */
		told = SAID(0, "trail", "log", "--customer", "~system");
		if (strstr(told, "clock_confirm") && strstr(told, "NTP is back"))
			break;
		assert_true(real_ms() < deadline);
	}
	each_once(ALL + AFTER); /* sent again under the same attempt id: once, for who knows such ids */
	assert_true(world_trail_verifies(&world));
}

/* Out of a Redis that somebody restored beside ours. */
static void out_of_another_redis(void **state)
{
	struct json root, pushed;
	int status;

	(void)state;
	world_push_range(&world, WORLD_FINALIZED, ALL + AFTER, 5, 3);
	root = ask(&status, (const char *const[]){ "replay", "--dry-run", "--from", arena_printf(arena, "unix:%s", world.redis_socket), "--since", "2026-01-01T00:00:00Z", NULL });
	pushed = json_get(&root, "pushed");
	assert_int_equal(status, 0);
	assert_true(json_int(&pushed) >= 5);
	(void)SAID(0, "replay", "--from", arena_printf(arena, "unix:%s", world.redis_socket), "--since", "2026-01-01T00:00:00Z");
	assert_non_null(strstr(SAID(2, "replay"), "one of them"));
	assert_non_null(strstr(SAID(2, "replay", "--from", arena_printf(arena, "unix:%s", world.redis_socket), "--producer", "bnak"), "there is no \"bnak\""));
	assert_null(strstr(SAID(1, "replay", "--from", arena_printf(arena, "unix:%s", world.redis_socket), "--since", "2100-01-01T00:00:00Z"), "gap closed"));
	world_put(&world, "strange.ndjson", "{\"stream\":\"else:{0}:events\",\"event\":\"{}\"}\n");
	assert_null(strstr(SAID(1, "replay", arena_printf(arena, "%s/strange.ndjson", world.dir)), "gap closed"));
	assert_non_null(strstr(SAID(2, "replay", "--from", "redis://127.0.0.1:1", "--since", "noon"), "not \"noon\""));
	assert_true(world_quiet(&world, WAIT_MS));
	each_once(ALL + AFTER + 5);
}

/* --- load ------------------------------------------------------------------------------------------------------------------------------ */

static void a_bounded_load_where_nobody_is_reached(void **state)
{
	struct json root, n;
	int status;

	(void)state;
	root = ask(&status, (const char *const[]){ "load", "--events", "40", "--rate", "2000", NULL });
	n = json_get(&root, "events");
	assert_int_equal(status, 0);
	assert_int_equal(json_int(&n), 40);
	assert_non_null(strstr(SAID(0, "list", "--limit", "500"), text(&root, "run")));
	assert_non_null(strstr(SAID(2, "load", "--events", "0"), "--events wants 1 to"));
	assert_non_null(strstr(SAID(2, "load", "--events", "12x"), "--events wants 1 to"));
	assert_non_null(strstr(SAID(2, "--redis", "redis://127.0.0.1:1", "load"), "no --redis"));
	shell("cp %s %s.right && sed -i 's/\"origin\":\"test\\./\"origin\":\"test.other./' %s", world.config, world.config, world.config);
	assert_non_null(strstr(SAID(1, "load"), "the daemon that runs writes the trail test."));
	shell("cp %s.right %s && sed -i -E 's/(\"origin\":\"test\\.[^\"]*)[^\"]\"/\\1\"/' %s", world.config, world.config, world.config); /* its beginning */
	assert_non_null(strstr(SAID(1, "load"), "the daemon that runs writes the trail test."));
	shell("mv %s.right %s", world.config, world.config);
	shell("cp %s %s.right && sed -i 's/\"origin\":\"test\\./\"origin\":\"trail./' %s", world.config, world.config, world.config);
	assert_non_null(strstr(SAID(1, "load"), "origin begins with"));
	shell("cp %s.right %s && sed -i 's|\"providers\":{|&\"away\":{\"file\":\"generic-json.json\",\"settings\":{\"url\":\"https://provider.example/\"},"
	      "\"secrets\":{\"token\":\"sandbox-secret\"}},|' %s", world.config, world.config, world.config);
	assert_non_null(strstr(SAID(1, "load"), "providers on this computer; \"away\" is not"));
	shell("mv %s.right %s", world.config, world.config);
}

/* --- the manual ------------------------------------------------------------------------------------------------------------------------- */

/* What somebody would see who types it: with the world's files in the place of theirs. Takes the backslashes of roff away. */
static const char *line_of(const char *line, size_t len)
{
	static const char *const names[][2] = { { "/backup/", "/page-" }, { "dupont.zip", "/dupont.zip" }, { "events.ndjson", "/events.ndjson" },
		{ "redis://10.0.0.7:6379", NULL }, { "INV-1", NULL }, { "cus_7", NULL },
		{ "/etc/dunningd/two.json", NULL } };
	const char *const others[] = { "", "", "", arena_printf(arena, "unix:%s", world.redis_socket), "inv_20", "cus_6", world.config };
	CLEANUP(buf_clear) struct buf out = { 0 };

	for (size_t i = 0; i < len; i++) {
		size_t k = 0;

		i += line[i] == '\\';
		while (k < ARRAY_LEN(names) && strncmp(line + i, names[k][0], strlen(names[k][0])) != 0)
			k++;
		if (k == ARRAY_LEN(names)) {
			buf_add_char(&out, line[i]);
			continue;
		}
		buf_printf(&out, "%s%s", names[k][1] ? world.dir : others[k], names[k][1] ? names[k][1] : "");
		i += strlen(names[k][0]) - 1;
	}
	return arena_strdup(arena, buf_str(&out));
}

/* Each line of the operator's guide that says "dunningctl": it is understood, and where it is refused that is not for how it was typed. */
static void the_guide_says_what_can_be_typed(void **state)
{
	CLEANUP(buf_clear) struct buf page = { 0 };
	int count = 0;

	(void)state;
	assert_int_equal(file_read(SOURCE_DIR "/daemon/dunningd-operations.7", 1 << 20, &page, NULL), 0);
	world_put(&world, "events.ndjson", "");
	for (const char *line = buf_str(&page); *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *typed, *told;
		int status;

		if (strncmp(line, "dunningctl ", 11) != 0)
			continue;
		typed = line_of(line + 11, strcspn(line + 11, "\n"));
		told = arena_printf(arena, BUILD_DIR "/dunningctl --config %s --share " SOURCE_DIR "/daemon/share --credentials %s/credentials --who ann %s >>%s/guide.log 2>&1",
			world.config, world.dir, typed, world.dir);
		status = system(told);
		if (!WIFEXITED(status) || WEXITSTATUS(status) == 2 || WEXITSTATUS(status) == 78)
			fail_msg("dunningctl %s: exit status %d, see %s/guide.log", typed, WEXITSTATUS(status), world.dir);
		count++;
	}
	assert_true(count > 40);
}

/* The journal begins with the book's time in the other partitions: what counts is the run that took over what it was spread to. */
static void a_spread_book_is_made_again_from_the_journal(void **state)
{
	const char *before, *after;
	struct world_sent sent;

	(void)state;
	(void)process_stop(&world.daemon, WAIT_MS);
	world_renew(&world, 0);
	start_again();
	world_push_range(&world, WORLD_FINALIZED, 0, 12, 2);
	assert_true(world_quiet(&world, WAIT_MS));
	assert_int_equal(process_stop(&world.daemon, WAIT_MS), 0);
	(void)SAID(0, "instances", "rebuild", "--partitions", "2", "--prefix", "apart", "--yes");
	world_configure(&world, arena_printf(arena, "\"prefix\":\"%s\",", world.prefix), "\"prefix\":\"apart\",\"partitions\":2,");
	snprintf(world.prefix, sizeof(world.prefix), "apart");
	world.options.partitions = 2;
	start_again();
	world_push_range(&world, WORLD_FINALIZED, 12, 12, 2);
	assert_true(world_quiet(&world, WAIT_MS));
	assert_int_equal(process_stop(&world.daemon, WAIT_MS), 0);
	before = everything();
	sent = world_sent(&world, arena, 24);
	(void)REDIS("FLUSHALL");
	assert_non_null(strstr(SAID(0, "rebuild"), "as the journal left it"));
	after = everything();
	if (strcmp(before, after) != 0) {
		world_put(&world, "before", before);
		world_put(&world, "after", after);
		(void)!system(arena_printf(arena, "diff %s/before %s/after | cut -c 1-300 | head -20", world.dir, world.dir));
		fail_msg("the rebuilt state is another one");
	}
	start_again();
	assert_true(world_quiet(&world, WAIT_MS));
	assert_int_equal(world_sent(&world, arena, 24).messages, sent.messages); /* nobody was written to twice */
	assert_int_equal(world_sent(&world, arena, 24).repeated, sent.repeated);
	assert_true(world_trail_verifies(&world));
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
		cmocka_unit_test(what_systemd_opened_is_read),
		cmocka_unit_test(a_suspension_is_not_well),
		cmocka_unit_test(the_screen_and_the_plain_text),
		cmocka_unit_test(what_counts_and_what_a_restart_would_change),
		cmocka_unit_test(redis_is_made_again_from_the_journal),
		cmocka_unit_test(a_backup_that_redis_is_ahead_of),
		cmocka_unit_test(a_backup_and_an_empty_redis),
		cmocka_unit_test(out_of_another_redis),
		cmocka_unit_test(a_bounded_load_where_nobody_is_reached),
		cmocka_unit_test(the_guide_says_what_can_be_typed),
		cmocka_unit_test(a_spread_book_is_made_again_from_the_journal),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
