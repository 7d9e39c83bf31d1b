/*
 * When dunningd must not send: a second daemon on the same state directory, the same partitions or with the same origin, no space, a Redis that
 * would forget or that is another book's. It says so, and goes on when it can.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "tests/support/http_get.h"
#include "tests/support/scrape.h"
#include "tests/support/world.h"

#define WAIT_MS 60000 /* a lease runs out after 15 s, and space is looked for every 10 s */

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	world_open(w, &(struct world_options){ 0 });
	world_measure(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_close(*state, false);
	free(*state);
	return 0;
}

static void start(struct world *w, const char *const *before)
{
	world_start(w, before);
	assert_true(world_ready(w, WAIT_MS));
}

/* A member of the one partition in GET /status of the daemon at `socket`; "" = none, or no answer. */
static const char *partition_says(struct arena *arena, const char *socket, const char *key)
{
	CLEANUP(http_reply_clear) struct http_reply reply = { 0 };
	struct json root, partitions, one, value;

	if (http_get_unix(socket, "http://localhost/status", &reply) != 200)
		return "";
	root = http_reply_json(&reply, arena);
	partitions = json_get(&root, "partitions");
	one = json_at(&partitions, 0);
	value = json_get(&one, key);
	return json_str(&value) ? json_str(&value) : "";
}

static void until_partition_says(const char *socket, const char *key, const char *what)
{
	int64_t deadline = real_ms() + WAIT_MS;

	for (;;) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const char *says = partition_says(arena, socket, key);

		if (strcmp(says, what) == 0)
			return;
		if (real_ms() > deadline)
			fail_msg("%s is \"%s\", not \"%s\"", key, says, what);
		pause_ms(20);
	}
}

static const char *control_of(const struct world *w, struct arena *arena)
{
	return arena_printf(arena, "%s/control", w->dir);
}

static bool log_has(const char *path, const char *what)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	return file_read(path, 64 << 20, &text, NULL) == 0 && strstr(buf_str(&text), what);
}

static int captured(struct world *w)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	return world_sent(w, arena, 1).messages;
}

/* --- a second daemon -------------------------------------------------------------------------------------------------------------------- */

static char *swap(struct arena *arena, const char *text, const char *what, const char *with)
{
	const char *at = strstr(text, what);

	assert_non_null(at);
	return arena_printf(arena, "%.*s%s%s", (int)(at - text), text, with, at + strlen(what));
}

static char *other_port(struct arena *arena, const char *text, int port, int other)
{
	return swap(arena, text, arena_printf(arena, ":%d\"", port), arena_printf(arena, ":%d\"", other));
}

/* The same configuration under another name, with a socket and a port of its own. Its path. */
static const char *second_config(struct world *w, struct arena *arena, bool own_state, const char *origin, int metrics)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	const char *path = arena_printf(arena, "%s/second.json", w->dir), *changed;

	assert_int_equal(file_read(w->config, 1 << 20, &text, NULL), 0);
	changed = swap(arena, text.data, "/control\"", "/second-control\"");
	changed = swap(arena, changed, "\"host-a\"", "\"host-b\"");
	changed = other_port(arena, changed, w->metrics_port, metrics);
	changed = swap(arena, changed, "\"test.example/world\"", arena_printf(arena, "\"%s\"", origin));
	if (own_state)
		changed = swap(arena, changed, "/state-0\"", "/state-b\"");
	assert_int_equal(file_replace(path, changed, strlen(changed), 0600), 0);
	return path;
}

static void second_start(struct world *w, struct arena *arena, bool own_state, const char *origin, int metrics, struct process *process)
{
	const char *argv[] = { arena_printf(arena, "%s/dunningd", w->programs), "--config", second_config(w, arena, own_state, origin, metrics),
		"--credentials", arena_printf(arena, "%s/credentials", w->dir), "--share", SOURCE_DIR "/daemon/share", NULL };

	process_start(process, argv, arena_printf(arena, "%s/second.log", w->dir));
}

/* It has the second one's name, and a state directory and an origin of its own. */
static void third_start(struct world *w, struct arena *arena, int metrics, struct process *process)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	const char *path = arena_printf(arena, "%s/third.json", w->dir), *changed;
	const char *argv[] = { arena_printf(arena, "%s/dunningd", w->programs), "--config", path, "--credentials",
		arena_printf(arena, "%s/credentials", w->dir), "--share", SOURCE_DIR "/daemon/share", NULL };

	assert_int_equal(file_read(arena_printf(arena, "%s/second.json", w->dir), 1 << 20, &text, NULL), 0);
	changed = swap(arena, text.data, "/second-control\"", "/third-control\"");
	changed = swap(arena, changed, "/state-b\"", "/state-c\"");
	changed = swap(arena, changed, "/world-b\"", "/world-c\"");
	changed = other_port(arena, changed, metrics, world_free_port());
	assert_int_equal(file_replace(path, changed, strlen(changed), 0600), 0);
	process_start(process, argv, arena_printf(arena, "%s/third.log", w->dir));
}

static void the_state_directory_has_one_daemon(void **state)
{
	struct world *w = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *log = arena_printf(arena, "%s/second.log", w->dir);
	struct process second = { 0 };
	int status;

	start(w, NULL);
	second_start(w, arena, false, "test.example/world", world_free_port(), &second);
	status = process_wait(&second, WAIT_MS);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 75);
	assert_true(log_has(log, w->state));
	assert_true(log_has(log, "held by another dunningd"));
	world_push_range(w, WORLD_FINALIZED, 0, 3, 1);
	assert_true(world_quiet(w, WAIT_MS));
	assert_int_equal(captured(w), 3);
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);
	assert_true(world_trail_verifies(w));
}

static long note_reading(const char *socket)
{
	struct http_reply reply = { 0 };
	long status = http_post_unix(socket, "http://localhost/reading",
		"{\"who\":\"a\",\"kind\":\"read\",\"command\":\"trail log\",\"customer\":\"c1\",\"records\":\"o/2026 1\"}", &reply);

	http_reply_clear(&reply);
	return status;
}

/* Asked at one of them, whoever leads. What dunningctl says. */
static const char *brake(struct world *w, struct arena *arena, const char *command, const char *why)
{
	CLEANUP(buf_clear) struct buf said = { 0 };
	int r = world_ctl_with(w, arena_printf(arena, "%s/second.json", w->dir), (const char *const[]){ command, why, NULL }, &said);

	if (r != 0)
		fail_msg("%s: %d: %s", command, r, buf_str(&said));
	return arena_strdup(arena, buf_str(&said));
}

static void the_partitions_have_one_owner(void **state)
{
	struct world *w = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *socket = arena_printf(arena, "%s/second-control", w->dir), *said;
	struct process second = { 0 }, third = { 0 };
	struct world_sent sent;
	int status, metrics = world_free_port();

	start(w, NULL);
	second_start(w, arena, true, "test.example/world-b", metrics, &second);
	until_partition_says(socket, "state", "passive");
	world_push_range(w, WORLD_FINALIZED, 0, 20, 2);
	assert_true(world_quiet(w, WAIT_MS));
	assert_string_equal(partition_says(arena, socket, "state"), "passive");
	scrape_fires(metrics, "DunningdLeaseLost", "dunningd_lease_left_seconds{partition=\"0\"}", 0);
	scrape_fires(metrics, "DunningdLeaseLost", "dunningd_redis_connected{partition=\"0\"}", 1);
	assert_int_equal(note_reading(socket), 409); /* its record would wait for as long as the other one lives */
	assert_non_null(strstr(brake(w, arena, "suspend", "the bank is down"), "All sending is suspended."));
	assert_string_equal(partition_says(arena, control_of(w, arena), "holding"), "suspended"); /* when dunningctl says so it is so */
	assert_non_null(strstr(brake(w, arena, "release", "it is up"), "Sending is released."));
	assert_string_equal(partition_says(arena, control_of(w, arena), "holding"), "");
	process_kill(&w->daemon);
	third_start(w, arena, metrics, &third);
	world_push_range(w, WORLD_FINALIZED, 20, 20, 2);
	assert_string_equal(partition_says(arena, socket, "state"), "passive");
	said = brake(w, arena, "suspend", "and now this"); /* until its lease has run out, or the other one has taken over */
	assert_non_null(strstr(said, "All sending is suspended."));
	until_partition_says(socket, "state", "running");
	assert_string_equal(partition_says(arena, socket, "holding"), "suspended");
	assert_int_equal(captured(w), 20);
	assert_non_null(strstr(brake(w, arena, "release", "it is mended"), "Sending is released."));
	assert_int_equal(note_reading(socket), 200);
	w->daemon = second; /* whom world_quiet() watches */
	assert_true(world_quiet(w, WAIT_MS));
	sent = world_sent(w, arena, 40);
	for (int i = 0; i < 40; i++)
		assert_int_equal(sent.captured[i], 1);
	status = process_wait(&third, WAIT_MS); /* of a clone of the second one, which lives */
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 78);
	assert_true(log_has(arena_printf(arena, "%s/third.log", w->dir), "another dunningd called host-b lives on this book"));
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);
}

static void until_captured(struct world *w, int count)
{
	int64_t deadline = real_ms() + WAIT_MS;

	while (captured(w) != count) {
		if (real_ms() > deadline)
			fail_msg("%d messages, not %d", captured(w), count);
		pause_ms(20);
	}
}

/* A ladder that went wrong, or a book that was imported twice: no more than this in an hour goes out before a person has looked, killed or not. */
static void the_brake_waits_for_a_person(void **state)
{
	struct world *w = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf said = { 0 };
	const char *control = control_of(w, arena);
	struct world_sent sent;

	world_configure(w, "\"contacts_per_hour\":1000000", "\"contacts_per_hour\":3");
	start(w, NULL);
	world_push_range(w, WORLD_FINALIZED, 0, 8, 1);
	until_captured(w, 3);
	until_partition_says(control, "holding", "brake");
	process_kill(&w->daemon);
	start(w, NULL);
	until_partition_says(control, "holding", "brake");
	assert_int_equal(world_ctl(w, (const char *const[]){ "tasks", NULL }, &said), 0);
	assert_non_null(strstr(buf_str(&said), "brake"));
	assert_int_equal(captured(w), 3);
	for (int allowed = 6; allowed <= 8; allowed += 2) { /* once more, as there are more of them than an hour may have */
		buf_clear(&said);
		assert_int_equal(world_ctl(w, (const char *const[]){ "release", "they are right", NULL }, &said), 0);
		until_captured(w, allowed);
		if (allowed < 8)
			until_partition_says(control, "holding", "brake");
	}
	assert_true(world_quiet(w, WAIT_MS));
	sent = world_sent(w, arena, 8);
	for (int i = 0; i < 8; i++)
		assert_int_equal(sent.captured[i], 1);
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);
	assert_true(world_trail_verifies(w));
}

static int exit_status(struct process *process)
{
	int status = process_wait(process, WAIT_MS);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static size_t records(struct world *w, struct arena *arena, const char *config)
{
	CLEANUP(buf_clear) struct buf said = { 0 };
	struct json root, value;

	(void)world_ctl_with(w, config, (const char *const[]){ "trail", "status", "--json", NULL }, &said);
	assert_int_equal(json_parse(arena, arena_strdup(arena, buf_str(&said)), said.len, 0, &root, NULL), 0);
	value = json_get(&root, "records");
	return value.type == JSON_INT ? (size_t)json_int(&value) : 0;
}

/* Two logs of one name would be two trails. Who came later ends, and has sent and recorded nothing. */
static void an_origin_has_one_trail(void **state)
{
	struct world *w = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *second_log = arena_printf(arena, "%s/second.log", w->dir);
	struct process second = { 0 };

	start(w, NULL);
	second_start(w, arena, true, "test.example/world", world_free_port(), &second);
	world_push_range(w, WORLD_FINALIZED, 0, 3, 1);
	assert_int_equal(exit_status(&second), 78);
	assert_true(log_has(second_log, "instance host-a writes a trail of the same origin (test.example/world): give each instance an origin of its own, "
		"$.origin"));
	assert_int_equal(records(w, arena, arena_printf(arena, "%s/second.json", w->dir)), 0);
	assert_true(world_quiet(w, WAIT_MS));
	assert_int_equal(captured(w), 3);
	assert_true(process_running(&w->daemon)); /* whose trail it is */
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);
	assert_true(world_trail_verifies(w));
}

/* Killed, and started anew under another name before what it said under the old one has run out: no two of them live. */
static void who_was_renamed_goes_on(void **state)
{
	struct world *w = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	start(w, NULL);
	world_push_range(w, WORLD_FINALIZED, 0, 3, 1);
	assert_true(world_quiet(w, WAIT_MS));
	process_kill(&w->daemon);
	world_configure(w, "\"instance\":\"host-a\"", "\"instance\":\"host-z\"");
	start(w, NULL);
	assert_true(log_has(world_log(w, arena), "instance host-a has our origin (test.example/world), or had it until a moment ago"));
	world_push_range(w, WORLD_FINALIZED, 3, 3, 1);
	assert_true(world_quiet(w, WAIT_MS));
	assert_int_equal(captured(w), 6);
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);
	assert_true(world_trail_verifies(w));
}

/* --- another book's Redis --------------------------------------------------------------------------------------------------------------- */

/* redis.url leads to where another installation has its book, under the same prefix: what waits there is not ours to send. */
static void another_books_redis_is_refused(void **state)
{
	struct world *w = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *cursor[] = { "HGETALL", world_key(w, arena, "cursor"), NULL };
	const struct redis_reply *before, *after;
	struct process second = { 0 };
	size_t recorded;

	start(w, NULL);
	world_push_range(w, WORLD_FINALIZED, 0, 2, 1);
	assert_true(world_quiet(w, WAIT_MS));
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);
	recorded = records(w, arena, w->config);
	assert_true(recorded > 0);

	(void)world_redis(w, arena, (const char *const[]){ "FLUSHALL", NULL });
	second_start(w, arena, true, "test.example/world-b", world_free_port(), &second);
	until_partition_says(arena_printf(arena, "%s/second-control", w->dir), "state", "running");
	assert_int_equal(process_stop(&second, WAIT_MS), 0);
	before = world_redis(w, arena, cursor);
	world_push_range(w, WORLD_FINALIZED, 2, 2, 1);

	world_start(w, NULL);
	assert_int_equal(exit_status(&w->daemon), 78);
	assert_true(log_has(world_log(w, arena), arena_printf(arena, "this Redis has another book under %s than %s was with: look at redis.url and prefix",
		w->prefix, w->state)));
	assert_int_equal(captured(w), 2);
	assert_int_equal(records(w, arena, w->config), recorded);
	after = world_redis(w, arena, cursor);
	assert_true(before->count > 0 && before->count == after->count);
	for (size_t i = 0; i < before->count; i++)
		assert_string_equal(before->items[i].str, after->items[i].str);
}

/* --- no space --------------------------------------------------------------------------------------------------------------------------- */

/* Events until the daemon holds; nothing is sent then, whatever comes. How many were pushed. */
static int push_until_full(struct world *w, struct arena *arena)
{
	int64_t deadline = real_ms() + WAIT_MS;
	int pushed = 0, before;

	while (strcmp(partition_says(arena, control_of(w, arena), "holding"), "no_space") != 0) {
		assert_true(real_ms() < deadline && process_running(&w->daemon));
		world_push_range(w, WORLD_FINALIZED, pushed, 20, 1);
		pushed += 20;
	}
	assert_true(log_has(world_log(w, arena), "no space: reading and sending are held"));
	before = captured(w);
	assert_true(before < pushed);
	world_push_range(w, WORLD_FINALIZED, pushed, 20, 1);
	return pushed + 20;
}

static void all_goes_on(struct world *w, struct arena *arena, int pushed)
{
	struct world_sent sent;

	assert_true(world_quiet(w, WAIT_MS));
	sent = world_sent(w, arena, pushed);
	for (int i = 0; i < pushed; i++)
		assert_int_equal(sent.captured[i], 1);
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);
	assert_true(world_trail_verifies(w));
}

static void a_short_write_holds_all(void **state)
{
	struct world *w = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct rlimit limit;
	int pushed, before;

	start(w, NULL);
	assert_int_equal(prlimit(w->daemon.pid, RLIMIT_FSIZE, NULL, &limit), 0);
	limit.rlim_cur = 300 * 1024;
	assert_int_equal(prlimit(w->daemon.pid, RLIMIT_FSIZE, &limit, NULL), 0);
	pushed = push_until_full(w, arena);
	before = captured(w);
	world_fires_above(w, "DunningdNoSpace", "dunningd_journal_no_space_total", 0);
	world_fires(w, "DunningdNoSpace", "dunningd_partitions_held{reason=\"no_space\"}", 1);
	limit.rlim_cur = 1; /* nor is there any for the log, which is a file here */
	assert_int_equal(prlimit(w->daemon.pid, RLIMIT_FSIZE, &limit, NULL), 0);
	assert_int_equal(world_ctl(w, (const char *const[]){ "reload", NULL }, NULL), 0);
	world_fires_above(w, "DunningdLogDropped", "dunningd_log_lines_dropped_total", 0);
	limit.rlim_cur = limit.rlim_max;
	assert_int_equal(captured(w), before);
	assert_int_equal(prlimit(w->daemon.pid, RLIMIT_FSIZE, &limit, NULL), 0);
	all_goes_on(w, arena, pushed);
}

/* In a mount namespace of the daemon's own, which goes with it. Only root may mount. */
static void a_full_disk_holds_all(void **state)
{
	struct world *w = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *before[] = { "unshare", "-m", "sh", "-c",
		arena_printf(arena, "mount -t tmpfs -o size=600k,mode=700 none '%s' && exec \"$@\"", w->state), "sh", NULL };
	const char *room[] = { "nsenter", "-m", "-t", NULL, "mount", "-o", "remount,size=64m", w->state, NULL };
	const char *probe[] = { "unshare", "-m", "true", NULL };
	int pushed;

	if (geteuid() != 0 || process_run(probe, NULL, WAIT_MS) != 0) {
		print_message("not root: only RLIMIT_FSIZE was tried\n");
		return;
	}
	assert_int_equal(file_make_dirs(w->state, 0700), 0);
	start(w, before);
	pushed = push_until_full(w, arena);
	room[3] = arena_printf(arena, "%d", (int)w->daemon.pid);
	assert_int_equal(process_run(room, NULL, WAIT_MS), 0);
	assert_true(world_quiet(w, WAIT_MS));
	assert_int_equal(captured(w), pushed);
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);
}

/* --- a Redis that would forget -------------------------------------------------------------------------------------------------------------- */

static void a_redis_that_would_forget_is_refused(void **state)
{
	static const char *const rows[][3] = { { "appendonly", "no", "yes" }, { "maxmemory-policy", "allkeys-lru", "noeviction" } };
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const char *set[] = { "CONFIG", "SET", rows[i][0], rows[i][1], NULL };
		const char *size[] = { "DBSIZE", NULL };
		int status;

		(void)world_redis(w, arena, set);
		world_start(w, NULL);
		status = process_wait(&w->daemon, WAIT_MS);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 78);
		assert_true(log_has(world_log(w, arena), rows[i][0]));
		assert_true(log_has(world_log(w, arena), rows[i][2]));
		assert_int_equal(world_redis_int(w, size), 0);
		set[3] = rows[i][2];
		(void)world_redis(w, arena, set);
	}
	start(w, NULL);
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_state_directory_has_one_daemon, setup, teardown),
		cmocka_unit_test_setup_teardown(the_partitions_have_one_owner, setup, teardown),
		cmocka_unit_test_setup_teardown(the_brake_waits_for_a_person, setup, teardown),
		cmocka_unit_test_setup_teardown(an_origin_has_one_trail, setup, teardown),
		cmocka_unit_test_setup_teardown(who_was_renamed_goes_on, setup, teardown),
		cmocka_unit_test_setup_teardown(another_books_redis_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_short_write_holds_all, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_disk_holds_all, setup, teardown),
		cmocka_unit_test_setup_teardown(a_redis_that_would_forget_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
