/*
 * clock - struct clock_port on libevent: wall time from CLOCK_REALTIME or a played clock, spans from CLOCK_BOOTTIME, which goes
 * on through suspend. It notices when the computer's clock is moved, and says so until that was looked at.
 */
#ifndef DUNNINGD_DAEMON_CLOCK_H
#define DUNNINGD_DAEMON_CLOCK_H

#include <stdint.h>

#include <event2/event.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/played_clock.h"
#include "daemon/ports.h"

#define CLOCK_JUMP_MS 60000 /* a clock moved by more than this is in doubt ... */
#define CLOCK_TRUST_MS 300000 /* ... until it kept still for so long, or a person confirms it */
#define CLOCK_EARLIEST INT64_C(1767225600000) /* 2026-01-01: dunningd did not exist before; a board without a battery says 1970 */

struct clock;

struct clock_settings {
	const struct played_spec *played; /* NULL = the computer's clock */
	const char *state_dir; /* of a played clock: its base is kept there */
	uint32_t partitions; /* a played clock jumps when all of them are idle; at least 1 */
	void (*note)(int priority, const char *line, void *arg); /* syslog priorities; may be NULL */
	void *arg;
};

/*
 * The base must have EVENT_BASE_FLAG_PRECISE_TIMER. -errno, -EBADMSG (the clock file): `err` names the file. The settings are borrowed
 * for the call, `note` and `arg` for life.
 */
int clock_create(const struct clock_settings *settings, struct event_base *base, struct clock **ret, struct err *err);
/* Every timer of its ports must have been destroyed. NULL is allowed. */
void clock_destroy(struct clock *clock);
DEFINE_CLEANUP(struct clock, clock_destroy)

/* One port a partition, which differ only in what idle() tells; partition < settings.partitions. Borrowed. */
const struct clock_port *clock_port(struct clock *clock, uint32_t partition);

/* Something durable was written at `at`: while the clock shows more than CLOCK_JUMP_MS less, it is in doubt "clock_before_log". */
void clock_last_record(struct clock *clock, int64_t at);
/* A person says that the clock is right: no doubt is left, until the next jump. */
void clock_confirm(struct clock *clock);

#endif
