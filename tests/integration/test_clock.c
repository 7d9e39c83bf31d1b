/* The clock on a real event loop. What the computer's clock shows is ours: the program's clock_gettime() stands before the C library's. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/utc.h"
#include "daemon/clock.h"

#define START INT64_C(1772442000000) /* 2026-03-02T09:00:00Z */

static int64_t real_shift, boot_shift; /* ms added to what the kernel says */

int clock_gettime(clockid_t id, struct timespec *ret)
{
	int64_t shift = id == CLOCK_REALTIME ? real_shift : id == CLOCK_BOOTTIME ? boot_shift : 0;
	long r = syscall(SYS_clock_gettime, id, ret);

	ret->tv_sec += shift / 1000;
	return (int)r;
}

/* Time passes for both clocks, as it would in suspend. */
static void pass(int64_t ms)
{
	real_shift += ms;
	boot_shift += ms;
}

struct fixture {
	char dir[64];
	struct event_base *base;
	struct clock *clock;
	const struct clock_port *port;
	int fired;
	int64_t fired_at;
	int notes;
};

static void on_note(int priority, const char *line, void *arg)
{
	struct fixture *f = arg;

	(void)priority;
	assert_true(line[0]);
	f->notes++;
}

static void open_clock(struct fixture *f, const char *spec, uint32_t partitions)
{
	struct played_spec played;
	struct clock_settings settings = { .played = spec ? &played : NULL, .state_dir = f->dir, .partitions = partitions,
		.note = on_note, .arg = f };
	struct err err = { 0 };

	if (spec)
		assert_int_equal(played_spec_parse(spec, &played, NULL), 0);
	if (clock_create(&settings, f->base, &f->clock, &err) < 0)
		fail_msg("%s", err.text);
	f->port = clock_port(f->clock, 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct event_config *config = event_config_new();

	real_shift = boot_shift = 0;
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/dunningd-clock-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
	f->base = event_base_new_with_config(config);
	event_config_free(config);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char path[80];

	clock_destroy(f->clock);
	event_base_free(f->base);
	(void)snprintf(path, sizeof(path), "%s/clock", f->dir);
	(void)unlink(path);
	(void)rmdir(f->dir);
	free(f);
	return 0;
}

static int64_t now(struct fixture *f)
{
	return f->port->now(f->port->self);
}

static const char *doubt(struct fixture *f)
{
	return f->port->doubt(f->port->self);
}

static void on_timer(void *arg)
{
	struct fixture *f = arg;

	f->fired++;
	f->fired_at = f->port->mono(f->port->self);
}

static void give_up(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	*(bool *)arg = true;
}

/* Runs the loop until fired reaches `count`; false when it did not within `ms`. */
static bool wait_fired(struct fixture *f, int count, int ms)
{
	bool over = false;
	struct event *limit = evtimer_new(f->base, give_up, &over);

	event_add(limit, &(struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 });
	while (!over && f->fired < count)
		event_base_loop(f->base, EVLOOP_ONCE);
	event_free(limit);
	return f->fired >= count;
}

/* --- the computer's clock ---------------------------------------------------------------------------------------------- */

static void timers_fire_when_due(void **state)
{
	struct fixture *f = *state;
	struct port_timer *timer;
	int64_t before;

	open_clock(f, NULL, 1);
	timer = f->port->timer_create(f->port->self, on_timer, f);
	before = f->port->mono(f->port->self);
	f->port->timer_in(f->port->self, timer, 30);
	assert_int_equal(f->fired, 0);
	assert_true(wait_fired(f, 1, 5000));
	assert_true(f->fired_at >= before + 30);

	before = now(f);
	f->port->timer_at(f->port->self, timer, before + 30);
	assert_true(wait_fired(f, 2, 5000));
	assert_true(now(f) >= before + 30);

	f->port->timer_at(f->port->self, timer, before); /* past: soon, but not from within the call */
	assert_int_equal(f->fired, 2);
	assert_true(wait_fired(f, 3, 5000));

	f->port->timer_in(f->port->self, timer, 10); /* armed anew: the latter counts */
	f->port->timer_in(f->port->self, timer, 60000);
	assert_false(wait_fired(f, 4, 60));
	f->port->timer_in(f->port->self, timer, 1);
	f->port->timer_stop(f->port->self, timer);
	assert_false(wait_fired(f, 4, 60));
	f->port->timer_destroy(f->port->self, timer);
}

static void a_jump_is_doubted_for_five_minutes(void **state)
{
	struct fixture *f = *state;

	open_clock(f, NULL, 1);
	assert_null(doubt(f));
	pass(8 * HOUR_MS); /* suspend is nothing special */
	assert_null(doubt(f));
	real_shift += 59 * SECOND_MS;
	assert_null(doubt(f));
	real_shift += 365 * DAY_MS;
	assert_string_equal(doubt(f), "clock_jump");
	assert_int_equal(f->notes, 2); /* how far, and what follows */
	pass(CLOCK_TRUST_MS - SECOND_MS);
	assert_string_equal(doubt(f), "clock_jump");
	real_shift -= 365 * DAY_MS; /* set back: the waiting begins anew */
	assert_string_equal(doubt(f), "clock_jump");
	pass(CLOCK_TRUST_MS - SECOND_MS);
	assert_string_equal(doubt(f), "clock_jump");
	pass(2 * SECOND_MS);
	assert_null(doubt(f));
}

static void a_person_confirms_a_jump(void **state)
{
	struct fixture *f = *state;

	open_clock(f, NULL, 1);
	real_shift -= HOUR_MS;
	assert_string_equal(doubt(f), "clock_jump");
	clock_confirm(f->clock);
	assert_null(doubt(f));
	real_shift += HOUR_MS; /* holds for that jump alone */
	assert_string_equal(doubt(f), "clock_jump");
}

static void small_steps_add_up_but_drift_is_followed(void **state)
{
	struct fixture *f = *state;

	open_clock(f, NULL, 1);
	for (int i = 0; i < 2000; i++) { /* 400 ppm for nearly three weeks */
		pass(900 * SECOND_MS);
		if (i % 3 == 0)
			real_shift += SECOND_MS;
		assert_null(doubt(f));
	}
	for (int i = 0; i < 3; i++) { /* steps of 25 s, one a second */
		pass(SECOND_MS);
		assert_null(doubt(f));
		real_shift += 25 * SECOND_MS;
	}
	assert_string_equal(doubt(f), "clock_jump");
}

static void a_clock_before_the_log_is_doubted(void **state)
{
	struct fixture *f = *state;

	open_clock(f, NULL, 1);
	clock_last_record(f->clock, now(f) + 50 * SECOND_MS);
	assert_null(doubt(f));
	clock_last_record(f->clock, now(f) + HOUR_MS);
	clock_last_record(f->clock, now(f)); /* an earlier one changes nothing */
	assert_string_equal(doubt(f), "clock_before_log");
	pass(HOUR_MS);
	assert_null(doubt(f));
	clock_last_record(f->clock, now(f) + HOUR_MS);
	clock_confirm(f->clock);
	assert_null(doubt(f));
}

static void a_clock_that_was_never_set_is_doubted(void **state)
{
	struct fixture *f = *state;

	real_shift = SECOND_MS - (int64_t)time(NULL) * 1000;
	open_clock(f, NULL, 1);
	assert_string_equal(doubt(f), "clock_unset");
	clock_confirm(f->clock);
	assert_null(doubt(f));
}

/* --- the played clock -------------------------------------------------------------------------------------------------- */

static void a_played_clock_runs_at_its_rate(void **state)
{
	struct fixture *f = *state;
	struct port_timer *timer;
	int64_t begun;

	open_clock(f, "start:2026-03-02T09:00:00Z,rate:3600", 1);
	begun = now(f);
	assert_true(begun >= START && begun < START + 30 * MINUTE_MS);
	timer = f->port->timer_create(f->port->self, on_timer, f);
	f->port->timer_at(f->port->self, timer, begun + 6 * MINUTE_MS); /* a tenth of a second */
	assert_true(wait_fired(f, 1, 5000));
	assert_true(now(f) >= begun + 6 * MINUTE_MS);
	f->port->timer_destroy(f->port->self, timer);
	real_shift += HOUR_MS; /* of the computer's clock: no concern of a played one */
	assert_null(doubt(f));
}

static void a_played_clock_goes_on_after_a_restart(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct played_clock seen;
	char path[80];
	int64_t before;

	open_clock(f, "start:2026-03-02T09:00:00Z,rate:3600", 1);
	real_shift += 2 * SECOND_MS;
	before = now(f);
	(void)snprintf(path, sizeof(path), "%s/clock", f->dir);
	assert_int_equal(file_read(path, PLAYED_CLOCK_FILE_MAX, &text, NULL), 0);
	assert_int_equal(played_clock_read(text.data, text.len, &seen, NULL), 0);
	assert_true(llabs(played_clock_at(&seen, (int64_t)time(NULL) * 1000 + real_shift) - before) < 2 * HOUR_MS);
	clock_destroy(f->clock);
	open_clock(f, "start:2026-03-02T09:00:00Z,rate:60", 1);
	assert_true(now(f) >= before && now(f) < before + HOUR_MS);
}

static void it_jumps_when_all_are_idle(void **state)
{
	struct fixture *f = *state;
	struct port_timer *timer;
	const struct clock_port *other;

	open_clock(f, "start:2026-03-02T09:00:00Z,rate:0,jump,until:2026-03-12T09:00:00Z", 2);
	other = clock_port(f->clock, 1);
	timer = f->port->timer_create(f->port->self, on_timer, f);
	f->port->timer_at(f->port->self, timer, START + 3 * DAY_MS);
	f->port->idle(f->port->self, true, START + 3 * DAY_MS);
	assert_false(wait_fired(f, 1, 100)); /* the other has not said anything yet */
	other->idle(other->self, false, START + DAY_MS);
	assert_false(wait_fired(f, 1, 100));
	assert_true(now(f) == START);
	other->idle(other->self, true, START + 5 * DAY_MS);
	assert_true(wait_fired(f, 1, 5000)); /* to the soonest of both */
	assert_true(now(f) == START + 3 * DAY_MS);

	f->port->timer_at(f->port->self, timer, START + 40 * DAY_MS);
	f->port->idle(f->port->self, true, START + 4 * DAY_MS);
	f->port->idle(f->port->self, false, START + 4 * DAY_MS); /* something came in the meantime */
	assert_false(wait_fired(f, 2, 100));
	assert_true(now(f) == START + 3 * DAY_MS);

	f->port->idle(f->port->self, true, START + 40 * DAY_MS);
	other->idle(other->self, true, 0);
	assert_false(wait_fired(f, 2, 100)); /* not beyond its bound */
	assert_true(now(f) == START + 10 * DAY_MS);
	f->port->timer_destroy(f->port->self, timer);
}

static void a_broken_clock_file_is_refused(void **state)
{
	struct fixture *f = *state;
	struct played_spec spec = { .rate = 1 };
	struct clock_settings settings = { .played = &spec, .state_dir = f->dir, .partitions = 1 };
	struct err err = { 0 };
	char path[80];

	(void)snprintf(path, sizeof(path), "%s/clock", f->dir);
	assert_int_equal(file_replace(path, "{\"rate\":1}", 10, 0600), 0);
	assert_int_equal(clock_create(&settings, f->base, &f->clock, &err), -EBADMSG);
	settings.played = NULL; /* it is over: nobody goes on by it */
	assert_int_equal(clock_create(&settings, f->base, &f->clock, NULL), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_non_null(strstr(err.text, path));
	assert_string_equal(err.path, "$.base_wall");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(timers_fire_when_due),
		TEST(a_jump_is_doubted_for_five_minutes),
		TEST(a_person_confirms_a_jump),
		TEST(small_steps_add_up_but_drift_is_followed),
		TEST(a_clock_before_the_log_is_doubted),
		TEST(a_clock_that_was_never_set_is_doubted),
		TEST(a_played_clock_runs_at_its_rate),
		TEST(a_played_clock_goes_on_after_a_restart),
		TEST(it_jumps_when_all_are_idle),
		TEST(a_broken_clock_file_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
