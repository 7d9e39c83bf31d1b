/*
 * The state directory is lost altogether, and comes back from the store of copies by plain means: its objects are put where
 * dunningd-operations.7 ("FROM A STORE OF COPIES") says. Redis is as it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "tests/support/http_peer.h"
#include "tests/support/s3_peer.h"
#include "tests/support/world.h"

#define WAIT_MS 60000
#define ORIGIN "test.example/world"
#define ROUND 300

struct fixture {
	struct world world;
	struct arena *arena;
	struct s3_peer *s3;
	struct http_peer *http;
	int pushed; /* invoices */
};

static const char *in_world(struct fixture *f, const char *name)
{
	return arena_printf(f->arena, "%s/%s", f->world.dir, name);
}

static void put(struct fixture *f, const char *name, const char *text)
{
	assert_int_equal(file_replace(in_world(f, name), text, strlen(text), 0600), 0);
}

/* The world's configuration with the smallest segments and a store. */
static void configure(struct fixture *f)
{
	CLEANUP(buf_clear) struct buf text = { 0 }, changed = { 0 };
	const char *at;

	assert_int_equal(file_read(f->world.config, 1 << 20, &text, NULL), 0);
	at = strstr(buf_str(&text), "\"trail\":{");
	assert_non_null(at);
	at += strlen("\"trail\":{");
	buf_add(&changed, text.data, (size_t)(at - text.data));
	buf_printf(&changed,
		"\"anchors\":{\"copies\":{\"kind\":\"s3\",\"url\":\"http://127.0.0.1:%u\",\"bucket\":\"copies\",\"keys_bucket\":\"keys\","
		"\"region\":\"eu-west-3\",\"id\":\"s3-id\",\"secret\":\"s3-secret\",\"timeout\":\"3s\"}},%s",
		http_peer_port(f->http), at);
	assert_int_equal(file_replace(f->world.config, changed.data, changed.len, 0600), 0);
}

static struct fixture *create(const char *clock)
{
	static const struct s3_peer_settings s3 = { .region = "eu-west-3", .id = "AKIDEXAMPLE", .secret = "secret/key", .bucket = "copies",
		.keys_bucket = "keys" };
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->arena = arena_create();
	world_open(&f->world, &(struct world_options){ .clock = clock });
	f->s3 = s3_peer_create(&s3);
	f->http = http_peer_create(NULL);
	http_peer_handler(f->http, s3_peer_answer, f->s3);
	put(f, "credentials/s3-id", "AKIDEXAMPLE");
	put(f, "credentials/s3-secret", "secret/key");
	configure(f);
	return f;
}

static void destroy(struct fixture *f)
{
	world_close(&f->world, false);
	http_peer_destroy(f->http);
	s3_peer_destroy(f->s3);
	arena_free(f->arena);
	free(f);
}

static const char *ctl(struct fixture *f, const char *const *words)
{
	CLEANUP(buf_clear) struct buf output = { 0 };
	int r = world_ctl(&f->world, words, &output);

	if (r != 0)
		fail_msg("%s %s: %d %s", words[0], words[1] ? words[1] : "", r, buf_str(&output));
	return arena_strdup(f->arena, buf_str(&output));
}

/* A member of the one anchor's "copies". */
static int64_t copies_say(struct fixture *f, const char *key)
{
	struct json status = world_status(&f->world, f->arena), anchors = json_get(&status, "anchors"), each = json_get(&anchors, "each"),
		    one = json_at(&each, 0), copies = json_get(&one, "copies"), value = json_get(&copies, key);

	return json_int(&value);
}

/* Its journal knows less than Redis. */
static bool is_refused(struct fixture *f)
{
	struct json status = world_status(&f->world, f->arena), partitions = json_get(&status, "partitions"), one = json_at(&partitions, 0),
		    state = json_get(&one, "state");

	return json_str(&state) && strcmp(json_str(&state), "refused") == 0;
}

static void until(struct fixture *f, bool (*holds)(struct fixture *f), const char *what)
{
	int64_t deadline = real_ms() + WAIT_MS;

	for (; !holds(f); pause_ms(50))
		if (real_ms() > deadline)
			fail_msg("%s: %lld of %lld segments, %lld of %lld shards", what, (long long)copies_say(f, "segments_copied"),
				(long long)copies_say(f, "segments"), (long long)copies_say(f, "shards_copied"), (long long)copies_say(f, "shards"));
}

static bool all_is_copied(struct fixture *f)
{
	const char *anchor[] = { "trail", "anchor", NULL };
	int64_t segments = copies_say(f, "segments"), shards = copies_say(f, "shards");

	if (segments > 1 && shards && copies_say(f, "segments_copied") == segments && copies_say(f, "shards_copied") == shards)
		return true;
	(void)world_ctl(&f->world, anchor, NULL);
	return false;
}

/* A checkpoint with every invoice that was pushed. */
static bool log_is_copied(struct fixture *f)
{
	const char *anchor[] = { "trail", "anchor", NULL };
	struct json status = world_status(&f->world, f->arena), anchors = json_get(&status, "anchors"), copied = json_get(&anchors, "copied");

	if (json_int(&copied) >= f->pushed)
		return true;
	(void)world_ctl(&f->world, anchor, NULL);
	return false;
}

/* What the page says: the objects below these names go below these folders; "X.0000", "X.0001" ... make up X. */
static void restore(struct fixture *f)
{
	const char *const making[] = { "mkdir", "-p", arena_printf(f->arena, "%s/journal", f->world.state),
		arena_printf(f->arena, "%s/keys", f->world.state), NULL };

	assert_int_equal(process_run(making, NULL, WAIT_MS), 0);
	for (size_t i = 0;; i++) {
		CLEANUP(buf_clear) struct buf path = { 0 }, bytes = { 0 }, to = { 0 };
		const char *at;

		if (!s3_peer_each(f->s3, i, &path, &bytes))
			return;
		if ((at = strstr(buf_str(&path), "/journal/")))
			buf_printf(&to, "%s%s", f->world.state, at);
		else if (strncmp(buf_str(&path), "/keys/" ORIGIN "/keys/", strlen("/keys/" ORIGIN "/keys/")) == 0)
			buf_printf(&to, "%s/keys/%s", f->world.state, buf_str(&path) + strlen("/keys/" ORIGIN "/keys/"));
		else if (strlen(buf_str(&path)) > 11 && strcmp(buf_str(&path) + path.len - 11, "/checkpoint") == 0)
			buf_printf(&to, "%s", in_world(f, "known"));
		else
			continue;
		at = strrchr(buf_str(&to), '/');
		assert_int_equal(file_make_dirs(arena_printf(f->arena, "%.*s", (int)(at - to.data), to.data), 0700), 0);
		assert_int_equal(file_replace(buf_str(&to), bytes.data ? bytes.data : "", bytes.len, 0600), 0);
	}
}

/* Of all checkpoints there the largest one that does not go beyond what came back: its tree is made again from the journal. */
static void restore_log(struct fixture *f)
{
	const char *status = ctl(f, (const char *[]){ "trail", "status", "--json", NULL });
	CLEANUP(buf_clear) struct buf best = { 0 };
	struct json root, records, logs, log, year;
	unsigned long long size = 0;

	assert_int_equal(json_parse(f->arena, status, strlen(status), 0, &root, NULL), 0);
	records = json_get(&root, "records");
	logs = json_get(&root, "logs");
	log = json_at(&logs, 0);
	year = json_get(&log, "year");
	for (size_t i = 0;; i++) {
		CLEANUP(buf_clear) struct buf path = { 0 }, bytes = { 0 };
		unsigned long long n;
		const char *at;

		if (!s3_peer_each(f->s3, i, &path, &bytes))
			break;
		at = strstr(buf_str(&path), "/checkpoints/");
		if (!at || (n = strtoull(at + strlen("/checkpoints/"), NULL, 10)) <= size || n > (unsigned long long)json_int(&records))
			continue;
		size = n;
		buf_reset(&best);
		buf_add(&best, bytes.data, bytes.len);
	}
	assert_true(size > 0);
	for (int i = 0; i < 2; i++) {
		const char *to = i ? arena_printf(f->arena, "%s/log/%lld/checkpoint", f->world.state, (long long)json_int(&year)) :
				     arena_printf(f->arena, "%s/head/%lld", f->world.state, (long long)json_int(&year));

		assert_int_equal(file_make_dirs(arena_printf(f->arena, "%.*s", (int)(strrchr(to, '/') - to), to), 0700), 0);
		assert_int_equal(file_replace(to, best.data, best.len, 0600), 0);
	}
	(void)ctl(f, (const char *[]){ "trail", "rebuild", NULL });
}

static void a_lost_state_directory_comes_back(void **state)
{
	struct fixture *f = create(NULL);
	struct world *w = &f->world;
	static const struct peer_step fault = { PEER_ANSWER, "HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n" }, real = { PEER_ANSWER, NULL };
	const char *const lose[] = { "rm", "-rf", w->state, NULL };
	const char *seal[] = { "trail", "seal", "--yes", "--why", "the disk was lost", "--known", in_world(f, "known"), NULL };
	struct world_sent sent;
	const char *said;
	int64_t deadline;
	int copied, files;

	(void)state;
	world_measure(w);
	http_peer_script(f->http, &fault, 1);
	world_start(w, NULL);
	assert_true(world_ready(w, WAIT_MS));
	world_push_range(w, WORLD_FINALIZED, 0, 1, 1);
	f->pushed = 1;
	world_fires_above(w, "DunningdCopiesWait", "dunningd_trail_copies_waiting_seconds{anchor=\"copies\"}", 0);
	http_peer_script(f->http, &real, 1);
	for (deadline = real_ms() + WAIT_MS; copies_say(f, "segments") < 2;) {
		if (real_ms() > deadline)
			fail_msg("%d invoices fill no two segments", f->pushed);
		world_push_range(w, WORLD_FINALIZED, f->pushed, ROUND, 1);
		f->pushed += ROUND;
		assert_true(world_quiet(w, WAIT_MS));
		until(f, log_is_copied, "copied");
	}
	until(f, all_is_copied, "copied");
	said = strstr(ctl(f, (const char *[]){ "status", NULL }), " closed segments, ");
	assert_non_null(said);
	assert_int_equal(sscanf(said, " closed segments, %d of %d key files", &copied, &files), 2);
	assert_int_equal(copied, files);
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);
	assert_non_null(strstr(ctl(f, (const char *[]){ "trail", "status", "--json", NULL }), "\"shards_copied\":"));
	assert_int_equal(process_run(lose, NULL, WAIT_MS), 0);
	restore(f);
	restore_log(f);

	/* What was written last is lost. Started too early, it says so and sends nothing, whatever comes. */
	world_start(w, NULL);
	assert_true(world_ready(w, WAIT_MS));
	until(f, is_refused, "refused");
	world_fires(w, "DunningdRefused", "dunningd_partitions{state=\"refused\"}", 1);
	world_push_range(w, WORLD_FINALIZED, f->pushed, ROUND, 1);
	for (deadline = real_ms() + 2000; real_ms() < deadline; pause_ms(50))
		assert_true(is_refused(f));
	sent = world_sent(w, f->arena, f->pushed + ROUND);
	assert_int_equal(sent.messages, f->pushed);
	(void)process_stop(&w->daemon, WAIT_MS);

	/* Sealed by a person, it goes on under another origin, takes over what Redis has, and sends nothing twice. */
	(void)ctl(f, seal);
	world_start(w, NULL);
	assert_true(world_ready(w, WAIT_MS));
	assert_true(world_quiet(w, WAIT_MS));
	f->pushed += ROUND;
	sent = world_sent(w, f->arena, f->pushed);
	assert_int_equal(sent.messages, f->pushed);
	assert_int_equal(sent.repeated, 0);
	for (int i = 0; i < f->pushed; i++)
		if (sent.captured[i] != 1)
			fail_msg("invoice %d: %d messages", i, sent.captured[i]);
	assert_true(world_trail_verifies(w));
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);

	/* What came back can be read: the first debtor's file, out of the sealed trail and the restored keys. */
	(void)ctl(f, (const char *[]){ "evidence", "inv_0", "--out", in_world(f, "then.zip"), "--state",
			 arena_printf(f->arena, "%s/sealed/1", w->state), NULL });
	assert_non_null(strstr(ctl(f, (const char *[]){ "trail", "verify", in_world(f, "then.zip"), NULL }), "complete"));
	destroy(f);
}

/* --- erased ------------------------------------------------------------------------------------------------------ */

static void start_at(struct fixture *f, const char *clock)
{
	f->world.options.clock = clock;
	world_start(&f->world, NULL);
	assert_true(world_ready(&f->world, WAIT_MS));
	f->world.options.clock = "rate:0";
}

static bool keys_are_copied(struct fixture *f)
{
	int64_t shards = copies_say(f, "shards");

	return shards && copies_say(f, "shards_copied") == shards;
}

static bool may_be_erased(struct fixture *f)
{
	const char *erase[] = { "trail", "erase", "cus_0", "--yes", "--why", "asked by letter", NULL };

	return world_ctl(&f->world, erase, NULL) == 0;
}

static bool is_recorded(struct fixture *f)
{
	return strstr(ctl(f, (const char *[]){ "trail", "log", "--customer", "~system", NULL }), "erasure.copies") != NULL;
}

static void what_is_erased_here_is_gone_there_and_recorded(void **state)
{
	struct fixture *f = create("rate:0");
	struct world *w = &f->world;
	CLEANUP(buf_clear) struct buf there = { 0 }, lock = { 0 }, here = { 0 };
	int64_t deadline;

	(void)state;
	start_at(f, "start:2026-03-02T10:00:00Z,rate:0");
	w->events_at = INT64_C(1772445600000);
	world_push_range(w, WORLD_FINALIZED, 0, 2, 1);
	world_push_range(w, WORLD_PAID, 0, 2, 1);
	for (deadline = real_ms() + WAIT_MS; !world_applied(w); pause_ms(20))
		assert_true(real_ms() < deadline);
	until(f, keys_are_copied, "copied");
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);
	start_at(f, "start:2037-03-02T10:00:00Z,rate:0");
	until(f, may_be_erased, "erased");
	until(f, is_recorded, "recorded");
	until(f, keys_are_copied, "copied again");
	assert_int_equal(s3_peer_versions(f->s3, "/keys/" ORIGIN "/keys/2026/0000000.keys"), 1);
	assert_true(s3_peer_object(f->s3, "/keys/" ORIGIN "/keys/2026/0000000.keys", &there, &lock));
	assert_int_equal(file_read(arena_printf(f->arena, "%s/keys/2026/0000000.keys", w->state), 1 << 20, &here, NULL), 0);
	assert_true(here.len == there.len && memcmp(here.data, there.data, here.len) == 0);
	assert_string_equal(buf_str(&lock), "");
	assert_true(world_trail_verifies(w));
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);
	destroy(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lost_state_directory_comes_back),
		cmocka_unit_test(what_is_erased_here_is_gone_there_and_recorded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
