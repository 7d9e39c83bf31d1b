/*
 * played_clock - a wall clock that starts where one likes and runs at a rate, for demonstrations and tests with the real
 * programs. Pure: the daemon plays it and writes its base to <state>/clock; dunningctl and the sandbox read that file and
 * compute the same instant.
 */
#ifndef DUNNINGD_COMMON_PLAYED_CLOCK_H
#define DUNNINGD_COMMON_PLAYED_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

#define PLAYED_CLOCK_RATE_MAX 1000000
#define PLAYED_CLOCK_FILE_MAX 4096 /* bytes of <state>/clock */

struct played_clock {
	int64_t base_wall; /* ms UTC: what this clock showed ... */
	int64_t base_real; /* ... when the computer's clock showed this, ms UTC */
	int64_t rate; /* played ms for each real one; 0 = it stands still */
	bool jump; /* goes on to the next due instant whenever nothing is in flight */
	int64_t until; /* never jumps beyond it; 0 = no bound */
};

/* What a person asks for with --clock. */
struct played_spec {
	int64_t start; /* 0 = where the clock of this state directory stands, else the present */
	int64_t rate; /* -1 = as it was, else 1 */
	bool jump;
	int64_t until;
};

/*
 * Words separated by commas, each at most once: "start:2026-03-02T09:00:00Z", "rate:3600", "jump", "until:2026-12-31T00:00:00Z".
 * -EINVAL: `err` names the word and what would be right.
 */
int played_spec_parse(const char *text, struct played_spec *ret, struct err *err);

/*
 * The clock to play from `real` on. `before` is that of the state directory, NULL = none. It never goes back: a `start` before what
 * the old clock shows now is left aside.
 */
struct played_clock played_clock_begin(const struct played_spec *spec, const struct played_clock *before, int64_t real);

/* Never before 1970 and never after 9999, whatever the numbers. */
int64_t played_clock_at(const struct played_clock *clock, int64_t real);
/* Real ms from `real` until it shows `wall`: 0 = it does already, -1 = never by itself. */
int64_t played_clock_wait(const struct played_clock *clock, int64_t wall, int64_t real);
/* Moves it on to `wall`, not beyond `until` and never back. Whether it moved. */
bool played_clock_jump(struct played_clock *clock, int64_t wall, int64_t real);

/* {"base_wall":..,"base_real":..,"rate":..,"jump":..,"until":..} and a newline. -EBADMSG: `err` names the member. */
void played_clock_write(const struct played_clock *clock, struct buf *buf);
int played_clock_read(const char *json, size_t len, struct played_clock *ret, struct err *err);

#endif
