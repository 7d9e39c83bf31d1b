/* A journal that was taken back to an older state, with the real daemon and the real Redis: refused, sealed, and gone on from under an
 * origin of its own. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/date.h"
#include "common/file.h"
#include "daemon/generation.h"
#include "daemon/keystore.h"
#include "daemon/signed_log.h"
#include "tests/support/world.h"

#define WAIT_MS 40000
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
#define ORIGIN "test.example/world"

struct fixture {
	struct world world;
	struct arena *arena;
	struct log_key key;
	int year, pushed;
};

static int setup(void **state)
{
	static const uint8_t seed[32] = { 0x0f, 0x1e, 0x2d, 0x3c, 0x4b, 0x5a, 0x69, 0x78, 0x87, 0x96, 0xa5, 0xb4, 0xc3, 0xd2, 0xe1, 0xf0, 0x0f,
		0x1e, 0x2d, 0x3c, 0x4b, 0x5a, 0x69, 0x78, 0x87, 0x96, 0xa5, 0xb4, 0xc3, 0xd2, 0xe1, 0xf0 }; /* the world's */
	struct fixture *f = calloc(1, sizeof(*f));
	int month, day;

	world_open(&f->world, &(struct world_options){ .plain = false });
	f->arena = arena_create();
	date_split((date){ (int32_t)(time(NULL) / 86400) }, &f->year, &month, &day);
	assert_int_equal(log_key_make(seed, ORIGIN, &f->key), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	world_close(&f->world, getenv("KEEP") != NULL);
	arena_free(f->arena);
	free(f);
	return 0;
}

/* --- steps ----------------------------------------------------------------------------------------------------------------------------- */

static const char *in_state(struct fixture *f, const char *name)
{
	return arena_printf(f->arena, "%s/%s", f->world.state, name);
}

static void shell(struct fixture *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void shell(struct fixture *f, const char *format, ...)
{
	char command[2000];
	va_list args;

	(void)f;
	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (process_run((const char *[]){ "sh", "-c", command, NULL }, NULL, WAIT_MS) != 0)
		fail_msg("%s", command);
}

static void start(struct fixture *f)
{
	world_start(&f->world, NULL);
	if (!world_ready(&f->world, WAIT_MS))
		fail_msg("the daemon does not come up: see %s", f->world.dir);
}

static void stop(struct fixture *f)
{
	assert_int_equal(process_stop(&f->world.daemon, WAIT_MS), 0);
}

static void kill_it(struct fixture *f)
{
	process_kill(&f->world.daemon);
}

static void push(struct fixture *f, int count)
{
	world_push_range(&f->world, WORLD_FINALIZED, f->pushed, count, 3);
	f->pushed += count;
}

static struct json trail(struct fixture *f, const char *key)
{
	struct json *status = arena_alloc(f->arena, sizeof(*status)), *all = arena_alloc(f->arena, sizeof(*all));

	*status = world_status(&f->world, f->arena);
	*all = json_get(status, "trail");
	return json_get(all, key);
}

static void wait_signed(struct fixture *f)
{
	int64_t deadline = real_ms() + WAIT_MS;
	struct json behind, records;

	do {
		assert_true(real_ms() < deadline);
		pause_ms(20);
		behind = trail(f, "behind");
		records = trail(f, "records");
	} while (behind.type != JSON_INT || json_int(&behind) || json_int(&records) <= 0);
}

static void work(struct fixture *f, int count)
{
	push(f, count);
	assert_true(world_quiet(&f->world, WAIT_MS));
	wait_signed(f);
}

static const char *log_text(struct fixture *f)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	assert_int_equal(file_read(world_log(&f->world, f->arena), 16 << 20, &text, NULL), 0);
	return arena_strdup(f->arena, buf_str(&text));
}

static void wait_log(struct fixture *f, const char *says)
{
	int64_t deadline = real_ms() + WAIT_MS;

	while (!strstr(log_text(f), says)) {
		if (real_ms() > deadline)
			fail_msg("\"%s\" is not in the log: %s", says, log_text(f));
		pause_ms(10);
	}
}

static struct buf output;
static int ctl(struct fixture *f, const char *const *words)
{
	buf_reset(&output);
	return world_ctl(&f->world, words, &output);
}
#define CTL(f, ...) ctl(f, (const char *[]){ __VA_ARGS__, NULL })

static void seal(struct fixture *f, const char *known)
{
	int r = known ? CTL(f, "trail", "seal", "--yes", "--why", "the disk was restored", "--known", known) :
			CTL(f, "trail", "seal", "--yes", "--why", "the disk was restored");

	if (r != 0)
		fail_msg("trail seal: %d %s", r, buf_str(&output));
}

static struct checkpoint read_checkpoint(struct fixture *f, const char *path, const char *origin)
{
	struct buf *text = arena_alloc(f->arena, sizeof(*text));
	struct checkpoint ret;
	struct note_key key;
	struct err err = { 0 };
	int r;

	assert_int_equal(note_key_make(arena_printf(f->arena, "%s/%d", origin, f->year), NOTE_ED25519, f->key.verifier.public_key, &key), 0);
	r = signed_log_read(path, &key, text, &ret, &err);
	if (r < 0)
		fail_msg("%s: %s", path, err.text);
	buf_clear(text);
	return ret;
}

static struct checkpoint present(struct fixture *f, const char *origin)
{
	return read_checkpoint(f, in_state(f, arena_printf(f->arena, "log/%d/checkpoint", f->year)), origin);
}

static const char *new_origin(struct fixture *f, unsigned number)
{
	struct generation generation;
	struct err err = { 0 };

	if (generation_read(f->world.state, ORIGIN, f->arena, &generation, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(generation.number, number);
	return generation.origin;
}

/* --- what Redis has ---------------------------------------------------------------------------------------------------------------------- */

struct shot {
	const struct redis_reply *keys;
	const char **values;
};

/* Every key of that kind with its value; documents of the system and of places change with every start. */
static struct shot shoot(struct fixture *f, const char *kind)
{
	struct shot shot;

	shot.keys = world_redis(&f->world, f->arena, (const char *[]){ "KEYS", world_key(&f->world, f->arena, kind), NULL });
	shot.values = arena_alloc(f->arena, (shot.keys->count + 1) * sizeof(char *));
	for (size_t i = 0; i < shot.keys->count; i++) {
		const struct redis_reply *value =
			world_redis(&f->world, f->arena, (const char *[]){ "GET", shot.keys->items[i].str, NULL });

		shot.values[i] = value->str ? value->str : "";
	}
	return shot;
}

static void still_there(struct fixture *f, const struct shot *shot, bool exactly)
{
	for (size_t i = 0; i < shot->keys->count; i++) {
		const struct redis_reply *value =
			world_redis(&f->world, f->arena, (const char *[]){ "GET", shot->keys->items[i].str, NULL });

		if (!value->str || (exactly && strcmp(value->str, shot->values[i]) != 0))
			fail_msg("%s was %s, is %s", shot->keys->items[i].str, shot->values[i], value->str ? value->str : "gone");
	}
}

static int64_t length(struct fixture *f, const char *command, const char *name)
{
	return world_redis_int(&f->world, (const char *[]){ command, world_key(&f->world, f->arena, name), NULL });
}

static void once_each(struct fixture *f)
{
	struct world_sent sent = world_sent(&f->world, f->arena, f->pushed);

	for (int i = 0; i < f->pushed; i++)
		if (sent.captured[i] != 1)
			fail_msg("invoice %d has %d messages", i, sent.captured[i]);
}

/* Of every debtor: what the key store had given before it was taken back is not given to anybody else. */
static void slots_are_new(struct fixture *f)
{
	struct shot debtors = shoot(f, "debtor:*");

	for (size_t i = 0; i < debtors.keys->count; i++) {
		struct json root, place, slot;

		assert_int_equal(json_parse(f->arena, debtors.values[i], strlen(debtors.values[i]), 0, &root, NULL), 0);
		place = json_get(&root, "trail");
		slot = json_at(&place, 1);
		if (json_int(&slot) < KEYSTORE_LEAP)
			fail_msg("%s: %s", debtors.keys->items[i].str, debtors.values[i]);
	}
}

/* A life, a copy of its state directory, a second life of which the copy knows nothing; the copy is put back. */
static void roll_back(struct fixture *f, int before, int after)
{
	start(f);
	work(f, before);
	stop(f);
	shell(f, "cp -a %s %s.old", f->world.state, f->world.state);
	start(f);
	work(f, after);
	stop(f);
	shell(f, "mv %s %s.lost && mv %s.old %s", f->world.state, f->world.state, f->world.state, f->world.state);
}

/* --- stories ------------------------------------------------------------------------------------------------------------------------------- */

static void rolled_back_sealed_and_gone_on_from(void **state)
{
	struct fixture *f = *state;
	const char *origin, *known = arena_printf(f->arena, "%s/known", f->world.dir);
	struct checkpoint lost, old, now;
	struct json json;

	start(f);
	work(f, 20);
	world_push(&f->world, "{\"broken", 8);
	assert_true(world_quiet(&f->world, WAIT_MS));
	stop(f);
	shell(f, "cp -a %s %s.old", f->world.state, f->world.state);
	start(f);
	work(f, 20);
	shell(f, "cp %s %s", in_state(f, arena_printf(f->arena, "log/%d/checkpoint", f->year)), known);
	lost = read_checkpoint(f, known, ORIGIN);
	/* what is on the wire when it dies: the provider has taken it, and nobody here knows */
	world_behave(&f->world, "{\"mode\":\"hang\",\"ms\":600000,\"count\":4}");
	push(f, 4);
	for (int64_t deadline = real_ms() + WAIT_MS; world_sent(&f->world, f->arena, f->pushed).messages < f->pushed; pause_ms(20))
		assert_true(real_ms() < deadline);
	kill_it(f);
	shell(f, "rm -r %s && mv %s.old %s", f->world.state, f->world.state, f->world.state);
	old = present(f, ORIGIN);
	assert_true(old.size < lost.size);

	/* refused, and it says what to do */
	world_start(&f->world, NULL);
	wait_log(f, "the journal was rolled back");
	wait_log(f, "dunningctl trail seal --yes --why");
	push(f, 3);
	stop(f);
	assert_int_equal(present(f, ORIGIN).size, old.size);
	assert_int_equal(CTL(f, "trail", "seal", "--yes", "--why", "x", "--known", f->world.config), 78);
	assert_non_null(strstr(buf_str(&output), "no signed checkpoint"));
	assert_int_equal(CTL(f, "trail", "seal", "--why", "the disk was restored", "--known", known), 0);
	assert_non_null(strstr(buf_str(&output), "nothing was changed"));
	assert_int_equal(access(in_state(f, "sealed"), F_OK), -1);
	assert_int_equal(access(in_state(f, "journal"), F_OK), 0);

	seal(f, known);
	origin = new_origin(f, 2);
	assert_int_equal(strncmp(origin, ORIGIN "/g2-", strlen(ORIGIN "/g2-")), 0);
	assert_int_equal(access(in_state(f, "sealed/1/journal"), F_OK), 0);
	assert_int_equal(access(in_state(f, "journal"), F_OK), -1);

	start(f);
	assert_true(world_quiet(&f->world, 90000));
	work(f, 10);
	json = trail(f, "origin");
	assert_string_equal(json_str(&json), origin);
	once_each(f);
	assert_int_equal(length(f, "HLEN", "attempts"), 0);
	slots_are_new(f);
	now = present(f, origin);
	assert_true(now.size > 0);
	/* what was signed under the old origin is as it was, and nothing was signed there since */
	assert_int_equal(read_checkpoint(f, in_state(f, arena_printf(f->arena, "sealed/1/log/%d/checkpoint", f->year)), ORIGIN).size, old.size);
	assert_int_equal(CTL(f, "trail", "log", "--customer", "~system", "--json"), 0);
	assert_non_null(strstr(buf_str(&output), "\"kind\":\"log.opened\""));
	assert_non_null(strstr(buf_str(&output), arena_printf(f->arena, "\"size\":%llu,", (unsigned long long)lost.size)));
	assert_non_null(strstr(buf_str(&output), "the disk was restored"));
	assert_true(world_trail_verifies(&f->world));
	stop(f);
	assert_true(world_trail_verifies(&f->world));
}

/* Everything can be made again from the new journal alone. */
static void flushed_after_a_sealing(void **state)
{
	struct fixture *f = *state;
	struct shot invoices, debtors, attempts;
	int64_t dead, outbound, due;

	start(f);
	world_push(&f->world, "{\"broken", 8);
	world_push_range(&f->world, WORLD_FINALIZED, 0, 30, 3);
	f->pushed = 30;
	assert_true(world_quiet(&f->world, WAIT_MS));
	world_push_range(&f->world, WORLD_PAID, 0, 10, 3);
	assert_true(world_quiet(&f->world, WAIT_MS));
	stop(f);
	f->world.starts = 0;
	roll_back(f, 5, 15);
	seal(f, NULL);
	start(f);
	wait_log(f, "adopt[0]: all that Redis has is in the journal");
	stop(f);
	invoices = shoot(f, "escalation:*");
	debtors = shoot(f, "debtor:*");
	attempts = shoot(f, "attempt:*");
	dead = length(f, "XLEN", "dead");
	outbound = length(f, "XLEN", "outbound");
	due = length(f, "ZCARD", "due");
	assert_int_equal(invoices.keys->count, f->pushed);
	assert_true(attempts.keys->count >= 40 && dead >= 1 && outbound > 100);
	(void)world_redis(&f->world, f->arena, (const char *[]){ "FLUSHALL", NULL });
	start(f);
	wait_log(f, "groups redone");
	stop(f);
	still_there(f, &invoices, true);
	still_there(f, &debtors, false);
	still_there(f, &attempts, true);
	assert_int_equal(length(f, "XLEN", "dead"), dead);
	assert_int_equal(length(f, "XLEN", "outbound"), outbound);
	assert_int_equal(length(f, "ZCARD", "due"), due);
	once_each(f);
}

/* However often it dies while it takes over, it ends with all. */
static void killed_while_it_takes_over(void **state)
{
	struct fixture *f = *state;
	struct shot invoices;
	bool done = false;
	int killed = 0;

	roll_back(f, 300, 300);
	seal(f, NULL);
	for (int ms = 10; !done && killed < 60; ms += 3 + ms / 8) {
		int64_t until;

		world_start(&f->world, NULL);
		wait_log(f, "ready: ");
		until = real_ms() + ms;
		while (real_ms() < until)
			pause_ms(1);
		/* it may have died between the last page and the words for it */
		done = strstr(log_text(f), "adopt[0]: all that Redis has is in the journal") || strstr(log_text(f), "dunner[0]: sending");
		if (!done)
			killed++;
		kill_it(f);
		once_each(f);
	}
	assert_true(done);
	assert_true(killed > 2);
	start(f);
	assert_null(strstr(log_text(f), "adopt[0]: the journal of"));
	work(f, 5);
	stop(f);
	invoices = shoot(f, "escalation:*");
	assert_int_equal(invoices.keys->count, f->pushed);
	(void)world_redis(&f->world, f->arena, (const char *[]){ "FLUSHALL", NULL });
	start(f);
	stop(f);
	still_there(f, &invoices, true);
	once_each(f);
	assert_true(world_trail_verifies(&f->world));
}

/* Nothing is wrong with it, but somebody has the key: its daemon writes the last word. */
static void a_log_that_can_be_written_ends_with_log_sealed(void **state)
{
	struct fixture *f = *state;
	struct checkpoint old;
	struct json json;
	uint64_t records;
	const char *text;

	start(f);
	work(f, 10);
	seal(f, NULL); /* while it runs */
	assert_int_equal(WEXITSTATUS(process_wait(&f->world.daemon, WAIT_MS)), 0);
	old = read_checkpoint(f, in_state(f, arena_printf(f->arena, "sealed/1/log/%d/checkpoint", f->year)), ORIGIN);
	assert_int_equal(CTL(f, "trail", "log", "--customer", "~system", "--json"), 0);
	text = strstr(buf_str(&output), "\"kind\":\"log.sealed\"");
	assert_non_null(text);
	assert_non_null(strstr(text, "the disk was restored"));
	assert_null(strstr(text + 1, "\"kind\""));
	start(f);
	assert_true(world_quiet(&f->world, WAIT_MS));
	work(f, 5);
	json = trail(f, "records");
	records = (uint64_t)json_int(&json);
	assert_true(records > 0 && present(f, new_origin(f, 2)).size == records);
	assert_int_equal(CTL(f, "trail", "log", "--customer", "~system", "--json"), 0); /* over both */
	text = strstr(buf_str(&output), "\"kind\":\"log.sealed\"");
	assert_non_null(strstr(text, arena_printf(f->arena, "\"size\":%llu,", (unsigned long long)old.size)));
	assert_non_null(strstr(buf_str(&output), arena_printf(f->arena, "\"index\":%llu,\"record\":", (unsigned long long)old.size - 1)));
	once_each(f);
	assert_int_equal(CTL(f, "trail", "verify"), 0);
	assert_non_null(strstr(buf_str(&output), "trail verify "));
	assert_int_equal(CTL(f, "trail", "verify", in_state(f, "sealed/1")), 0);
	assert_non_null(strstr(buf_str(&output), ORIGIN "/20"));
	assert_true(world_trail_verifies(&f->world));
	stop(f);
}

static void fails_with(struct fixture *f, int status, const char *says);

/* The signed log tells it before Redis is asked. */
static void a_journal_behind_what_was_signed(void **state)
{
	struct fixture *f = *state;
	struct checkpoint old;
	const char *origin;

	roll_back(f, 5, 10);
	shell(f, "cp -a %s.lost/log %s.lost/head %s", f->world.state, f->world.state, f->world.dir);
	shell(f, "rm -r %s/log %s/head && mv %s/log %s/head %s", f->world.state, f->world.state, f->world.dir, f->world.dir, f->world.state);
	old = present(f, ORIGIN);
	fails_with(f, 74, "dunningctl trail seal --yes --why");
	seal(f, NULL);
	assert_non_null(strstr(buf_str(&output), arena_printf(f->arena, "%llu", (unsigned long long)old.size)));
	origin = new_origin(f, 2);
	start(f);
	work(f, 5);
	once_each(f);
	assert_int_equal(CTL(f, "status"), 0);
	assert_non_null(strstr(buf_str(&output), origin));
	assert_int_equal(CTL(f, "trail", "status"), 0);
	assert_non_null(strstr(buf_str(&output), origin));
	assert_int_equal(CTL(f, "trail", "key", "show"), 0);
	assert_non_null(strstr(buf_str(&output), origin));
	assert_int_equal(CTL(f, "trail", "log", "--customer", "~system", "--json"), 0);
	assert_non_null(strstr(buf_str(&output), arena_printf(f->arena, "\"size\":%llu,", (unsigned long long)old.size)));
	stop(f);
}

static void fails_with(struct fixture *f, int status, const char *says)
{
	world_start(&f->world, NULL);
	assert_int_equal(WEXITSTATUS(process_wait(&f->world.daemon, WAIT_MS)), status);
	if (!strstr(log_text(f), says))
		fail_msg("\"%s\" is not in the log: %s", says, log_text(f));
}

/* Cut off anywhere, a sealing is ended by the same command, and as it was begun; the daemon does not start meanwhile. */
static void a_sealing_that_was_cut_off_is_ended(void **state)
{
	struct fixture *f = *state;
	const char *origin;

	roll_back(f, 5, 5);
	shell(f, "cp -a %s %s.copy", f->world.state, f->world.state);
	seal(f, NULL);
	origin = new_origin(f, 2);
	for (int step = 0; step < 5; step++) { /* as it would be after so many steps */
		shell(f, "mv %s %s.done && cp -a %s.copy %s && mkdir -p %s/sealed/1", f->world.state, f->world.state, f->world.state,
			f->world.state, f->world.state);
		if (step > 0)
			shell(f, "cp %s.done/sealed/1/next %s/sealed/1", f->world.state, f->world.state);
		for (int i = 0; i < step - 1; i++)
			shell(f, "mv %s/%s %s/sealed/1", f->world.state, (const char *[]){ "journal", "log", "head" }[i], f->world.state);
		fails_with(f, 78, "run `dunningctl trail seal --yes --why ...` again");
		seal(f, NULL);
		if (step > 0) /* the one that was drawn */
			assert_string_equal(new_origin(f, 2), origin);
		origin = new_origin(f, 2);
		shell(f, "diff -r %s/sealed/1/journal %s.done/sealed/1/journal && diff -r %s/sealed/1/head %s.done/sealed/1/head", f->world.state,
			f->world.state, f->world.state, f->world.state);
		shell(f, "rm -r %s.done", f->world.state);
	}
	start(f);
	work(f, 3);
	once_each(f);
	stop(f);
}

/* Taken back once more, to the sealing itself: Redis knows records of the new log already. Under the same origin it must not begin again. */
static void taken_back_to_its_sealing(void **state)
{
	struct fixture *f = *state;
	const char *second;

	roll_back(f, 5, 5);
	seal(f, NULL);
	second = new_origin(f, 2);
	shell(f, "cp -a %s %s.sealed", f->world.state, f->world.state);
	start(f);
	work(f, 5);
	stop(f);
	shell(f, "rm -r %s && mv %s.sealed %s", f->world.state, f->world.state, f->world.state);
	world_start(&f->world, NULL);
	wait_log(f, "the journal was rolled back");
	stop(f);
	assert_int_equal(CTL(f, "trail", "seal", "--yes", "--why", "again"), 0);
	if (access(in_state(f, "sealed/2"), F_OK) != 0)
		fail_msg("not sealed: %s", buf_str(&output));
	assert_string_not_equal(new_origin(f, 3), second);
	start(f);
	work(f, 5);
	once_each(f);
	stop(f);
	assert_true(world_trail_verifies(&f->world));
}

/* The new log's journal is empty, and Redis too: nobody knows what was sent. */
static void emptied_after_its_sealing(void **state)
{
	struct fixture *f = *state;

	roll_back(f, 5, 5);
	seal(f, NULL);
	(void)world_redis(&f->world, f->arena, (const char *[]){ "FLUSHALL", NULL });
	world_start(&f->world, NULL);
	wait_log(f, "restore Redis from its newest backup");
	stop(f);
}

static void refused(struct fixture *f, const char *whole, const char *says)
{
	if (CTL(f, "trail", "verify", whole) != 1 || !strstr(buf_str(&output), says))
		fail_msg("not refused with \"%s\": %s", says, buf_str(&output));
}

/* What a lawyer gets of a debtor with records before and behind a sealing: all of it at once, each generation told apart, and checked. */
static void a_case_over_a_sealing_is_handed_over_as_one(void **state)
{
	struct fixture *f = *state;
	const char *whole = arena_printf(f->arena, "%s/whole", f->world.dir), *zip = arena_printf(f->arena, "%s/whole.zip", f->world.dir),
		   *then = arena_printf(f->arena, "%s/then", f->world.dir), *key;
	struct json root, verifier;

	start(f);
	work(f, 4);
	stop(f);
	seal(f, NULL);
	start(f);
	assert_true(world_quiet(&f->world, 90000));
	world_push_range(&f->world, WORLD_PAID, 0, 1, 3);
	world_push_range(&f->world, WORLD_FINALIZED, 30, 1, 3);
	assert_true(world_quiet(&f->world, WAIT_MS));
	wait_signed(f);
	stop(f);
	assert_int_equal(CTL(f, "trail", "key", "show", "--json"), 0);
	assert_int_equal(json_parse(f->arena, buf_str(&output), output.len, 0, &root, NULL), 0);
	verifier = json_get(&root, "verifier_key");
	key = json_str(&verifier);

	assert_int_equal(CTL(f, "evidence", "inv_0", "--out", whole), 0);
	shell(f, "cd %s && test -f g1/manifest && test -f g2/manifest && test -f report.en.html && test -f report.fr.pdf && test -f report.de.html", whole);
	shell(f, "grep -q '^g1 " ORIGIN "$' %s/generations && grep -q '^g2 " ORIGIN "/g2-' %s/generations", whole, whole);
	shell(f, "grep -q g1/%d- %s/report.en.html && grep -q g2/%d- %s/report.en.html", f->year, whole, f->year, whole);
	shell(f, "sh %s/g1/verify.sh %s/g1 && sh %s/g2/verify.sh %s/g2", whole, whole, whole, whole);
	if (CTL(f, "trail", "verify", whole, "--key", key) != 0)
		fail_msg("%s: %s", key, buf_str(&output));
	assert_non_null(strstr(buf_str(&output), "g1/records"));
	assert_non_null(strstr(buf_str(&output), "g2/records"));
	assert_non_null(strstr(buf_str(&output), ORIGIN "/g2-"));
	assert_int_equal(CTL(f, "evidence", "inv_0", "--out", zip), 0);
	assert_int_equal(CTL(f, "trail", "verify", zip, "--key", key), 0);
	assert_int_equal(CTL(f, "trail", "verify", zip, "--key", "example.com+27e1a8e2+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), 1);

	shell(f, "cp -a %s %s.kept", whole, whole);
	shell(f, "echo x >>%s/g1/records/0001/leaf", whole);
	refused(f, whole, "g1/");
	shell(f, "rm -r %s && cp -a %s.kept %s && rm -r %s/g1", whole, whole, whole, whole);
	refused(f, whole, "the list names it, and it is not here");
	shell(f, "sed -i /^g1/d %s/generations", whole);
	refused(f, whole, "g1/VERIFY.txt is missing");
	shell(f, "rm -r %s && cp -a %s.kept %s && sed -i 's,^g1 ,&x,' %s/generations", whole, whole, whole, whole);
	refused(f, whole, "its log is not of");
	shell(f, "rm -r %s && cp -a %s.kept %s && touch %s/g3", whole, whole, whole, whole);
	refused(f, whole, "belongs to no generation");
	shell(f, "rm -r %s && cp -a %s.kept %s && sed -i s/Invoice/invoice/ %s/report.en.html", whole, whole, whole, whole);
	refused(f, whole, "report.en.html");
	shell(f, "rm -r %s && cp -a %s.kept %s && rm %s/manifest", whole, whole, whole, whole);
	assert_int_not_equal(CTL(f, "trail", "verify", whole), 0);

	assert_int_equal(CTL(f, "evidence", "inv_0", "--out", then, "--state", in_state(f, "sealed/1")), 0); /* one alone is what it was */
	assert_int_equal(CTL(f, "trail", "verify", then, "--key", key), 0);
	shell(f, "test ! -e %s/generations && cmp %s/manifest %s.kept/g1/manifest", then, then, whole);
	shell(f, "rm -r %s", whole);
	assert_int_equal(CTL(f, "evidence", "inv_30", "--out", whole), 0); /* known since the sealing alone */
	shell(f, "test -f %s/manifest && test ! -e %s/generations", whole, whole);
}

static int clear_output(void **state)
{
	(void)state;
	buf_clear(&output);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rolled_back_sealed_and_gone_on_from),
		TEST(flushed_after_a_sealing),
		TEST(killed_while_it_takes_over),
		TEST(a_log_that_can_be_written_ends_with_log_sealed),
		TEST(a_journal_behind_what_was_signed),
		TEST(a_sealing_that_was_cut_off_is_ended),
		TEST(taken_back_to_its_sealing),
		TEST(emptied_after_its_sealing),
		TEST(a_case_over_a_sealing_is_handed_over_as_one),
	};

	return cmocka_run_group_tests_name("seal_daemon", tests, NULL, clear_output);
}
