/*
 * GET /metrics, /healthz and /readyz of the running daemon: the values move with what happens, also to where an alert fires, both texts are
 * well-formed, nobody's name is in them, and "healthy" and "ready" are said and taken back for a reason.
 */
#include "tests/integration/hooks_fixture.h"

#include <signal.h>

#include "common/date.h"
#include "common/utc.h"
#include "tests/support/exposition.h"
#include "tests/support/http_get.h"

struct watched {
	struct world world;
	struct buf text; /* the last answer */
};

static int setup(void **state)
{
	struct watched *t = calloc(1, sizeof(*t));
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf policy = { 0 };

	world_open(&t->world, &(struct world_options){ 0 });
	world_measure(&t->world);
	assert_int_equal(file_read(arena_printf(arena, "%s/policies/now.json", t->world.dir), 100000, &policy, NULL), 0);
	put_file(&t->world, arena, "policies/now.json", replaced(arena, buf_str(&policy), "\"caps\"", "\"freshness\":\"26h\",\"caps\""));
	/* A short watchdog, and nobody who listens to it: for /healthz to go by. */
	world_start(&t->world, (const char *const[]){ "env", "WATCHDOG_USEC=1300000", NULL });
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct watched *t = *state;

	buf_clear(&t->text);
	world_close(&t->world, false);
	free(t);
	return 0;
}

static long ask(struct watched *t, const char *path, bool open)
{
	CLEANUP(http_caller_destroyp) struct http_caller *caller = http_caller_create();
	CLEANUP(http_reply_clear) struct http_reply reply = { 0 };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *const headers[] = { open ? "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.2" : "Accept: text/plain", NULL };

	(void)http_exchange(caller, "GET", arena_printf(arena, "http://127.0.0.1:%d%s", t->world.metrics_port, path), headers, NULL, 0, &reply);
	buf_reset(&t->text);
	buf_add(&t->text, reply.body.data, reply.body.len);
	return reply.status;
}

static void until_told(struct watched *t, const char *path, long status, const char *body)
{
	int64_t deadline = real_ms() + WAIT_MS;
	long got;

	while ((got = ask(t, path, false)) != status || strcmp(buf_str(&t->text), body) != 0) {
		if (real_ms() > deadline)
			fail_msg("%s: %ld %s", path, got, buf_str(&t->text));
		pause_ms(20);
	}
}

static void until_status(struct watched *t, const char *path, long status)
{
	int64_t deadline = real_ms() + WAIT_MS;

	while (ask(t, path, false) != status) {
		if (real_ms() > deadline)
			fail_msg("%s is not %ld: %s", path, status, buf_str(&t->text));
		pause_ms(20);
	}
}

/* As either text, in turn: a scrape that is not well-formed fails. -1: there is no such sample. */
static double value(struct watched *t, const char *sample)
{
	double ret = -1;

	for (int open = 0; open < 2; open++) {
		assert_int_equal(ask(t, "/metrics", open), 200);
		if (exposition_fault(buf_str(&t->text), open))
			fail_msg("%s", exposition_fault(buf_str(&t->text), open));
	}
	(void)exposition_value(buf_str(&t->text), sample, &ret);
	return ret;
}

static void until_value(struct watched *t, const char *sample, double least)
{
	int64_t deadline = real_ms() + WAIT_MS;

	while (value(t, sample) < least) {
		if (real_ms() > deadline)
			fail_msg("%s is not %f:\n%s", sample, least, buf_str(&t->text));
		pause_ms(20);
	}
}

static void until_below(struct watched *t, const char *sample, double most)
{
	int64_t deadline = real_ms() + WAIT_MS;

	while (value(t, sample) >= most) {
		if (real_ms() > deadline)
			fail_msg("%s is still %f:\n%s", sample, most, buf_str(&t->text));
		pause_ms(20);
	}
}

static void is(struct watched *t, const char *sample, double expected)
{
	double got = value(t, sample);

	if (got > expected || got < expected)
		fail_msg("%s is %f, not %f", sample, got, expected);
}

#define ATTEMPT(outcome) "dunningd_attempts_total{channel=\"email\",provider=\"sandbox\",outcome=\"" outcome "\"}"
#define TOOK(what) "dunningd_attempt_duration_seconds_" what "{channel=\"email\",provider=\"sandbox\""

/* Nobody's name, address or invoice: only these labels are there, and their values are short words. */
static void only_words_of_ours(struct watched *t)
{
	static const char labels[] = " version state reason change partition channel provider outcome anchor kind result le ";

	for (const char *at = buf_str(&t->text); (at = strpbrk(at, "{,")); at++) {
		char name[40];
		size_t len = strcspn(at + 1, "=\n ,}"), value;

		if (at[1 + len] != '=' || at[2 + len] != '"')
			continue; /* a comma of a help text */
		(void)snprintf(name, sizeof(name), " %.*s ", (int)len, at + 1);
		value = strcspn(at + len + 3, "\"");
		if (!strstr(labels, name) || value > 20 || strspn(at + len + 3, "abcdefghijklmnopqrstuvwxyz0123456789_.+Inf") < value)
			fail_msg("%.80s", at);
	}
}

static void values_move(struct watched *t)
{
	is(t, ATTEMPT("accepted"), -1);
	is(t, "dunningd_events_total", 0);
	world_push_range(&t->world, WORLD_FINALIZED, 0, 3, 1);
	assert_true(world_quiet(&t->world, WAIT_MS));
	is(t, "dunningd_events_total", 3);
	is(t, "dunningd_contacts_total", 3);
	is(t, ATTEMPT("accepted"), 3);
	is(t, TOOK("count") "}", 3);
	is(t, TOOK("bucket") ",le=\"+Inf\"}", 3);
	is(t, "dunningd_attempts_in_flight", 0);
	is(t, "dunningd_ready", 1);
	until_value(t, "dunningd_healthy", 1);
	is(t, "dunningd_partitions{state=\"running\"}", 1);
	is(t, "dunningd_inbox_waiting{partition=\"0\"}", 0);
	assert_true(value(t, "dunningd_inbox_lag_seconds{partition=\"0\"}") >= 0);
	assert_true(value(t, "dunningd_lease_left_seconds{partition=\"0\"}") > 1);
	is(t, "dunningd_clock_doubt{reason=\"clock_unset\"}", 0);
	is(t, "dunningd_partitions_held{reason=\"clock_unset\"}", 0);
	assert_true(value(t, "dunningd_journal_sync_seconds_count") >= 2);
	assert_true(value(t, "dunningd_journal_records_total") >= 3);
	assert_true(value(t, "dunningd_law_days_left") >= 0);
	until_value(t, "dunningd_loop_stall_seconds_count", 1);
	until_value(t, "dunningd_trail_checkpoints_total", 1);
	only_words_of_ours(t);
	if (getenv("SCRAPE_TO")) { /* for tests/run: the older text, which other programs read */
		assert_int_equal(ask(t, "/metrics", false), 200);
		assert_int_equal(file_replace(getenv("SCRAPE_TO"), t->text.data, t->text.len, 0600), 0);
	}
}

static void what_is_held_waits(struct watched *t)
{
	const char *const suspend[] = { "suspend", "wrong invoices", NULL }, *const release[] = { "release", "right again", NULL };

	assert_int_equal(world_ctl(&t->world, suspend, NULL), 0);
	until_told(t, "/readyz", 503, "partition 0: sending is held: suspended\n");
	until_told(t, "/healthz", 200, "ok\n");
	world_fires(&t->world, "DunningdSuspended", "dunningd_partitions_held{reason=\"suspended\"}", 1);
	world_fires(&t->world, "DunningdNotReady", "dunningd_ready", 0);
	world_fires_above(&t->world, "DunningdNotReady", "dunningd_lease_left_seconds{partition=\"0\"}", 0);
	world_push_range(&t->world, WORLD_FINALIZED, 3, 2, 1);
	world_push(&t->world, "{}", 2);
	world_fires(&t->world, "DunningdDueBacklog", "dunningd_due_backlog{partition=\"0\"}", 2);
	world_fires(&t->world, "DunningdDeadLetters", "dunningd_dead_letters_kept{partition=\"0\"}", 1);
	is(t, "dunningd_dead_letters_total", 1);
	is(t, ATTEMPT("accepted"), 3);
	assert_int_equal(world_ctl(&t->world, release, NULL), 0);
	until_told(t, "/readyz", 200, "ok\n");
	until_value(t, ATTEMPT("accepted"), 5);
	is(t, "dunningd_partitions_held{reason=\"suspended\"}", 0);
	world_fires(&t->world, "DunningdDueBacklog", "dunningd_ready", 1);
}

static void holds_are_counted(struct watched *t)
{
	assert_int_equal(world_ctl(&t->world, (const char *const[]){ "hold", "inv_4", "asked to", NULL }, NULL), 0);
	until_value(t, "dunningd_holds_total{reason=\"operator\",change=\"opened\"}", 1);
	assert_int_equal(world_ctl(&t->world, (const char *const[]){ "resume", "inv_4", "asked to", NULL }, NULL), 0);
	until_value(t, "dunningd_holds_total{reason=\"operator\",change=\"ended\"}", 1);
	is(t, "dunningd_holds_total{reason=\"operator\",change=\"opened\"}", 1);
}

/* Up to when payments are known, and that this is long ago for the policy. */
static void payments_are_told(struct watched *t, int64_t until)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	char text[UTC_TEXT_SIZE];
	const char *event;

	utc_format(until, text);
	event = arena_printf(arena, "{\"specversion\":\"1.0\",\"id\":\"w-%s\",\"source\":\"https://bank.example\",\"type\":\"ledger.watermark\","
		"\"time\":\"%s\",\"data\":{\"complete_until\":\"%s\"}}", text, text, text);
	world_push(&t->world, event, strlen(event));
}

static void a_feed_that_stopped_is_told(struct watched *t)
{
	const char *const status[] = { "status", NULL };
	CLEANUP(buf_clear) struct buf said = { 0 };
	int64_t now = (int64_t)time(NULL) * 1000;

	is(t, "dunningd_feed_stale{partition=\"0\"}", 0); /* none ever spoke */
	payments_are_told(t, now - 30 * HOUR_MS);
	world_fires(&t->world, "DunningdFeedStale", "dunningd_feed_stale{partition=\"0\"}", 1);
	assert_true(value(t, "dunningd_payments_age_seconds{partition=\"0\"}") > 29 * 3600);
	assert_int_equal(world_ctl(&t->world, status, &said), 1);
	assert_non_null(strstr(buf_str(&said), "older than the policy allows"));
	payments_are_told(t, now);
	until_below(t, "dunningd_feed_stale{partition=\"0\"}", 1);
}

/* The whole of it stands still for more than a second: the last bucket but one has less than all. */
static void a_pause_is_a_stall(struct watched *t)
{
	int64_t deadline = real_ms() + WAIT_MS, until;
	double all = 0, most = 0;

	assert_int_equal(kill(t->world.daemon.pid, SIGSTOP), 0);
	for (until = real_ms() + 1200; real_ms() < until;) /* this is the time that is measured */
		pause_ms(10);
	assert_int_equal(kill(t->world.daemon.pid, SIGCONT), 0);
	while (all <= most) {
		if (real_ms() > deadline)
			fail_msg("DunningdStalls: %s", buf_str(&t->text));
		all = value(t, "dunningd_loop_stall_seconds_count");
		assert_true(exposition_value(buf_str(&t->text), "dunningd_loop_stall_seconds_bucket{le=\"1.0\"}", &most));
	}
	until_told(t, "/healthz", 200, "ok\n");
}

/* A counter that goes back is read as a restart: who leads the partition again counts on. */
static void a_lost_lease_takes_no_count_away(struct watched *t)
{
	static const char *const counters[] = { "dunningd_events_total", "dunningd_contacts_total", "dunningd_dead_letters_total" };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *lease = world_key(&t->world, arena, "lease");
	double before[ARRAY_LEN(counters)];

	for (size_t i = 0; i < ARRAY_LEN(counters); i++) {
		before[i] = value(t, counters[i]);
		assert_true(before[i] > 0);
	}
	(void)world_redis(&t->world, arena, (const char *const[]){ "SET", lease, "host-z 0", NULL });
	until_below(t, "dunningd_partitions{state=\"running\"}", 1);
	(void)world_redis(&t->world, arena, (const char *const[]){ "DEL", lease, NULL });
	until_value(t, "dunningd_partitions{state=\"running\"}", 1);
	for (size_t i = 0; i < ARRAY_LEN(counters); i++)
		assert_true(value(t, counters[i]) >= before[i]);
}

static void no_progress_is_no_health(struct watched *t)
{
	assert_int_equal(kill(t->world.redis.pid, SIGSTOP), 0);
	until_status(t, "/healthz", 503);
	assert_non_null(strstr(buf_str(&t->text), "partition 0: no progress for "));
	world_fires(&t->world, "DunningdUnhealthy", "dunningd_healthy", 0);
	world_fires_above(&t->world, "DunningdInboxLag", "dunningd_inbox_lag_seconds{partition=\"0\"}", 1);
	process_kill(&t->world.redis);
	until_told(t, "/readyz", 503, "partition 0: Redis is away\n");
	world_fires(&t->world, "DunningdRedisAway", "dunningd_redis_connected{partition=\"0\"}", 0);
	until_told(t, "/healthz", 200, "ok\n"); /* to wait for Redis is right */
}

static void a_restart_is_seen(struct watched *t)
{
	double before = value(t, "dunningd_start_time_seconds");

	assert_true(before > 0);
	process_kill(&t->world.daemon);
	world_restart_redis(&t->world);
	world_start(&t->world, NULL);
	assert_true(world_ready(&t->world, WAIT_MS));
	world_fires_above(&t->world, "DunningdRestarts", "dunningd_start_time_seconds", before);
}

static void watched(void **state)
{
	struct watched *t = *state;
	CLEANUP(http_reply_clear) struct http_reply reply = { 0 };
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	until_told(t, "/readyz", 200, "ok\n");
	until_told(t, "/healthz", 200, "ok\n");
	assert_int_equal(ask(t, "/", false), 404);
	assert_int_equal(ask(t, "/metricsx", false), 404);
	assert_int_equal(ask(t, "/metrics?name[]=x", false), 200);
	assert_int_equal(http_post(arena_printf(arena, "http://127.0.0.1:%d/metrics", t->world.metrics_port), NULL, "x", &reply), 405);
	values_move(t);
	what_is_held_waits(t);
	holds_are_counted(t);
	a_feed_that_stopped_is_told(t);
	a_pause_is_a_stall(t);
	a_lost_lease_takes_no_count_away(t);
	no_progress_is_no_health(t);
	a_restart_is_seen(t);
}

static int close_world(void **state)
{
	world_close(*state, false);
	free(*state);
	return 0;
}

/* Two hours ahead, by a played clock that stands. The last day of one entry of the law is the day before, that of another one that day. */
static void the_law_runs_out_and_the_clock_is_doubted(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	int64_t ahead = ((int64_t)time(NULL) + 7200) * 1000;
	char now[UTC_TEXT_SIZE], past[DATE_TEXT_SIZE], soon[DATE_TEXT_SIZE];
	date today = { (int32_t)(ahead / DAY_MS) };

	*state = w;
	utc_format(ahead, now);
	world_open(w, &(struct world_options){ .clock = arena_printf(arena, "start:%s,rate:0", now) });
	world_configure(w, "\"creditor\":", arena_printf(arena, "\"law\":{\"dir\":\"%s/law\"},\"creditor\":", w->dir));
	world_put(w, "law/own.json", arena_printf(arena,
		"{\"as_of\":\"2026-11-22\",\"terms\":{\"FR\":{\"known_until\":\"%s\"},\"DE\":{\"known_until\":\"%s\"}}}",
		date_format(date_add_days(today, -1), past), date_format(today, soon)));
	world_measure(w);
	world_start(w, NULL);
	assert_true(world_ready(w, WAIT_MS));
	world_fires_above(w, "DunningdLawRanOut", "dunningd_law_entries_ran_out", 0);
	world_fires(w, "DunningdLawRunsOut", "dunningd_law_days_left", 0);
	world_push_range(w, WORLD_FINALIZED, 0, 1, 1);
	assert_true(world_quiet(w, WAIT_MS));
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);
	w->options.clock = NULL; /* the computer's, which is behind the newest record */
	world_start(w, NULL);
	assert_true(world_ready(w, WAIT_MS));
	world_fires(w, "DunningdClockDoubt", "dunningd_clock_doubt{reason=\"clock_before_log\"}", 1);
}

/* 150 ms for each fdatasync(): none of them is in the bucket of 100 ms. */
static void a_slow_disk_is_seen(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *before[] = { "strace", "-D", "-f", "-q", "-o", NULL, "-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_exit=150000", NULL };

	*state = w;
	world_open(w, &(struct world_options){ 0 });
	if (system("strace -V >/dev/null 2>&1") != 0) {
		assert_null(getenv("CI"));
		skip();
	}
	before[5] = arena_printf(arena, "%s/trace", w->dir);
	world_measure(w);
	world_start(w, before);
	assert_true(world_ready(w, WAIT_MS));
	world_push_range(w, WORLD_FINALIZED, 0, 1, 1);
	assert_true(world_quiet(w, WAIT_MS));
	world_fires_above(w, "DunningdDiskSlow", "dunningd_journal_sync_seconds_bucket{le=\"+Inf\"}", 0);
	world_fires(w, "DunningdDiskSlow", "dunningd_journal_sync_seconds_bucket{le=\"0.1\"}", 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(watched, setup, teardown),
		cmocka_unit_test_teardown(the_law_runs_out_and_the_clock_is_doubted, close_world),
		cmocka_unit_test_teardown(a_slow_disk_is_seen, close_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
