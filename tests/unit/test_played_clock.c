#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/played_clock.h"
#include "common/utc.h"

#define MARCH INT64_C(1772442000000) /* 2026-03-02T09:00:00Z */
#define REAL INT64_C(1795000000000)
#define WALL_MAX INT64_C(253402300799999)

/* --- the words of --clock --------------------------------------------------------------------------------------------- */

struct spec_row {
	const char *name, *text;
	const char *code; /* NULL = accepted */
	struct played_spec spec;
};
static const struct spec_row spec_rows[] = {
	{ "a rate alone", "rate:3600", NULL, { 0, 3600, false, 0 } },
	{ "a standing clock", "rate:0,jump", NULL, { 0, 0, true, 0 } },
	{ "a start alone", "start:2026-03-02T09:00:00Z", NULL, { MARCH, -1, false, 0 } },
	{ "start and rate", "start:2026-03-02T09:00:00Z,rate:1000000", NULL, { MARCH, 1000000, false, 0 } },
	{ "an offset", "start:2026-03-02T10:00:00+01:00", NULL, { MARCH, -1, false, 0 } },
	{ "jumps with a bound", "jump,until:2026-03-02T09:00:00Z", NULL, { 0, -1, true, MARCH } },
	{ "the order is free", "until:2026-03-02T09:00:00Z,jump", NULL, { 0, -1, true, MARCH } },
	{ "nothing", "", "not_one_of", { 0 } },
	{ "an empty word", "jump,", "not_one_of", { 0 } },
	{ "an unknown word", "fast", "not_one_of", { 0 } },
	{ "no rate", "rate:", "out_of_range", { 0 } },
	{ "a negative rate", "rate:-1", "out_of_range", { 0 } },
	{ "a fraction", "rate:1.5", "out_of_range", { 0 } },
	{ "a rate too great", "rate:1000001", "out_of_range", { 0 } },
	{ "a rate beyond all numbers", "rate:99999999999999999999999", "out_of_range", { 0 } },
	{ "a date is no instant", "start:2026-03-02", "out_of_range", { 0 } },
	{ "the epoch is no start", "start:1970-01-01T00:00:00Z", "out_of_range", { 0 } },
	{ "something behind jump", "jump:1", "out_of_range", { 0 } },
	{ "twice", "rate:1,rate:2", "duplicate_key", { 0 } },
	{ "a bound without jumps", "until:2026-03-02T09:00:00Z", "missing", { 0 } },
};

static void spec_holds(void **state)
{
	const struct spec_row *row = *state;
	struct played_spec spec = { 0 };
	struct err err = { 0 };
	int r = played_spec_parse(row->text, &spec, &err);

	if (row->code) {
		assert_int_equal(r, -EINVAL);
		assert_string_equal(err.code, row->code);
		assert_true(err.text[0]);
		return;
	}
	assert_int_equal(r, 0);
	assert_true(spec.start == row->spec.start && spec.rate == row->spec.rate && spec.jump == row->spec.jump &&
		spec.until == row->spec.until);
}

/* --- arithmetic ------------------------------------------------------------------------------------------------------- */

struct at_row {
	const char *name;
	struct played_clock clock;
	int64_t real, wall; /* asked, shown */
};
static const struct at_row at_rows[] = {
	{ "at its base", { MARCH, REAL, 3600, false, 0 }, REAL, MARCH },
	{ "an hour in a second", { MARCH, REAL, 3600, false, 0 }, REAL + 1000, MARCH + HOUR_MS },
	{ "backwards as well", { MARCH, REAL, 2, false, 0 }, REAL - 500, MARCH - 1000 },
	{ "standing", { MARCH, REAL, 0, true, 0 }, REAL + DAY_MS, MARCH },
	{ "the ordinary rate", { MARCH, REAL, 1, false, 0 }, REAL + 7, MARCH + 7 },
	{ "never beyond 9999", { MARCH, 0, 1000000, false, 0 }, REAL, WALL_MAX },
	{ "nor when the numbers burst", { MARCH, 0, 1000000, false, 0 }, INT64_MAX, WALL_MAX },
	{ "never before 1970", { MARCH, REAL, 1000000, false, 0 }, 0, 0 },
	{ "nor when the numbers burst downwards", { MARCH, REAL, 1000000, false, 0 }, INT64_MIN + 1, 0 },
};

static void at_holds(void **state)
{
	const struct at_row *row = *state;

	assert_true(played_clock_at(&row->clock, row->real) == row->wall);
}

struct wait_row {
	const char *name;
	int64_t rate, ahead, wait;
};
static const struct wait_row wait_rows[] = {
	{ "already there", 60, 0, 0 },
	{ "already past", 60, -1, 0 },
	{ "a whole part", 60, 60, 1 },
	{ "rounded up, so that a timer is never early", 60, 61, 2 },
	{ "rounded up from nearly nothing", 60, 1, 1 },
	{ "the ordinary rate", 1, 1234, 1234 },
	{ "a standing clock never gets there", 0, 1, -1 },
	{ "nor does any beyond 9999", 1, WALL_MAX, -1 },
};

static void wait_holds(void **state)
{
	const struct wait_row *row = *state;
	struct played_clock clock = { MARCH, REAL, row->rate, false, 0 };

	assert_true(played_clock_wait(&clock, MARCH + row->ahead, REAL) == row->wait);
	if (row->wait > 0)
		assert_true(played_clock_at(&clock, REAL + row->wait) >= MARCH + row->ahead);
}

struct begin_row {
	const char *name;
	struct played_spec spec;
	bool again; /* there is a clock of before: base MARCH at REAL, rate 60 */
	int64_t wall, rate; /* begun at REAL + 1000 */
};
static const struct begin_row begin_rows[] = {
	{ "a fresh one starts now", { 0, -1, false, 0 }, false, REAL + 1000, 1 },
	{ "a fresh one starts where asked", { MARCH, 5, false, 0 }, false, MARCH, 5 },
	{ "an old one goes on", { 0, -1, false, 0 }, true, MARCH + 60000, 60 },
	{ "an old one at another rate", { 0, 0, true, 0 }, true, MARCH + 60000, 0 },
	{ "never back", { MARCH, -1, false, 0 }, true, MARCH + 60000, 60 },
	{ "but forward", { MARCH + DAY_MS, -1, false, 0 }, true, MARCH + DAY_MS, 60 },
};

static void begin_holds(void **state)
{
	const struct begin_row *row = *state;
	struct played_clock before = { MARCH, REAL, 60, false, 0 };
	struct played_clock clock = played_clock_begin(&row->spec, row->again ? &before : NULL, REAL + 1000);

	assert_true(clock.base_wall == row->wall);
	assert_true(clock.base_real == REAL + 1000);
	assert_true(clock.rate == row->rate);
	assert_true(clock.jump == row->spec.jump);
}

static void jumps(void **state)
{
	struct played_clock clock = { MARCH, REAL, 1, true, MARCH + 10 * DAY_MS };

	(void)state;
	assert_true(played_clock_jump(&clock, MARCH + DAY_MS, REAL + 5));
	assert_true(played_clock_at(&clock, REAL + 5) == MARCH + DAY_MS);
	assert_true(played_clock_at(&clock, REAL + 6) == MARCH + DAY_MS + 1);
	assert_false(played_clock_jump(&clock, MARCH, REAL + 6)); /* never back */
	assert_true(played_clock_jump(&clock, MARCH + 40 * DAY_MS, REAL + 6)); /* as far as it may */
	assert_true(played_clock_at(&clock, REAL + 6) == MARCH + 10 * DAY_MS);
	assert_false(played_clock_jump(&clock, MARCH + 40 * DAY_MS, REAL + 6));
}

/* --- the file ---------------------------------------------------------------------------------------------------------- */

struct file_row {
	const char *name, *json;
	const char *path; /* of the complaint; NULL = accepted */
};
static const struct file_row file_rows[] = {
	{ "all members", "{\"base_wall\":1,\"base_real\":2,\"rate\":3,\"jump\":true,\"until\":4}\n", NULL },
	{ "the least", "{\"base_wall\":1,\"base_real\":2,\"rate\":0}", NULL },
	{ "members of later versions", "{\"base_wall\":1,\"base_real\":2,\"rate\":0,\"more\":[]}", NULL },
	{ "no base", "{\"base_real\":2,\"rate\":0}", "$.base_wall" },
	{ "a rate too great", "{\"base_wall\":1,\"base_real\":2,\"rate\":1000001}", "$.rate" },
	{ "a negative rate", "{\"base_wall\":1,\"base_real\":2,\"rate\":-1}", "$.rate" },
	{ "no object", "[]", "$" },
};

static void file_holds(void **state)
{
	const struct file_row *row = *state;
	struct played_clock clock;
	struct err err = { 0 };
	int r = played_clock_read(row->json, strlen(row->json), &clock, &err);

	assert_int_equal(r, row->path ? -EBADMSG : 0);
	if (row->path)
		assert_string_equal(err.path, row->path);
}

static void file_round_trip(void **state)
{
	CLEANUP(buf_clear) struct buf buf = { 0 };
	struct played_clock clock = { MARCH, REAL, 86400, true, MARCH + DAY_MS }, back;

	(void)state;
	played_clock_write(&clock, &buf);
	assert_int_equal(played_clock_read(buf.data, buf.len, &back, NULL), 0);
	assert_true(back.base_wall == clock.base_wall && back.base_real == clock.base_real && back.rate == clock.rate &&
		back.jump == clock.jump && back.until == clock.until);
}

#define ADD_ROWS(rows, fn)                                                                         \
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)                                               \
	tests[count++] = (struct CMUnitTest){ .name = (rows)[i].name, .test_func = (fn),           \
		.initial_state = (void *)(uintptr_t) & (rows)[i] }

int main(void)
{
	struct CMUnitTest tests[80] = { { 0 } };
	size_t count = 0;

	ADD_ROWS(spec_rows, spec_holds);
	ADD_ROWS(at_rows, at_holds);
	ADD_ROWS(wait_rows, wait_holds);
	ADD_ROWS(begin_rows, begin_holds);
	ADD_ROWS(file_rows, file_holds);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(jumps);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(file_round_trip);
	return _cmocka_run_group_tests("played_clock", tests, count, NULL, NULL);
}
