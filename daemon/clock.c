#include "daemon/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "common/utc.h"
#include "daemon/log_id.h"

#define WALL_CAP_MS (30 * SECOND_MS) /* no wall timer sleeps longer: the clock may have been moved meanwhile */
#define JUMP_SETTLE_MS 20 /* all must have been idle for so long before a played clock jumps */
#define SLEW_LEAST_MS 10
#define SLEW_PART 1000 /* the clock may be slewed by a part in so many without being called moved: NTP's most is 1 in 2000 */

enum armed { ARMED_NOT, ARMED_WALL, ARMED_REAL };

struct port_timer {
	struct clock *clock;
	timer_fn fn;
	void *arg;
	struct event *event;
	enum armed armed;
	int64_t at; /* ms UTC, or ms of mono() */
	struct port_timer *next, **link;
};

struct partition {
	struct clock *clock;
	struct clock_port port;
	bool idle;
	int64_t next_due;
};

struct clock {
	struct event_base *base; /* borrowed */
	struct partition *partitions;
	uint32_t partition_count;
	struct port_timer *timers;
	void (*note)(int priority, const char *line, void *arg);
	void *arg;

	/* The computer's clock: how far it runs ahead of boottime, and since when it is doubted. */
	int64_t offset, looked_at; /* ms; ms of mono, when the offset last followed */
	int64_t jumped_at; /* ms of mono; -1 = trusted */
	int64_t last_record; /* ms UTC; 0 = none known, or confirmed */
	bool early_confirmed;
	const char *told; /* the doubt last noted */
	int set_fd; /* timerfd that wakes when the clock is set */
	struct event *set_event;

	bool playing;
	struct played_clock played;
	char *file; /* <state>/clock */
	struct event *jump;
};

static int64_t read_ms(clockid_t id)
{
	struct timespec now;

	(void)clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t real_ms(void)
{
	return read_ms(CLOCK_REALTIME);
}

static int64_t mono_ms(void)
{
	return read_ms(CLOCK_BOOTTIME);
}

static int64_t wall_ms(const struct clock *clock)
{
	return clock->playing ? played_clock_at(&clock->played, real_ms()) : real_ms();
}

__attribute__((format(printf, 3, 4))) static void note(struct clock *clock, int priority, const char *format, ...)
{
	char line[300];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (clock->note)
		clock->note(priority, line, clock->arg);
}

/* --- doubt ---------------------------------------------------------------------------------------------------------------- */

/* Compares the two clocks: what one of them gained on the other since the last look, beyond slewing, was a step. */
static void look(struct clock *clock)
{
	int64_t mono = mono_ms(), offset = real_ms() - mono;
	int64_t moved = offset - clock->offset, slew = (mono - clock->looked_at) / SLEW_PART;

	if (moved > CLOCK_JUMP_MS || moved < -CLOCK_JUMP_MS) {
		clock->offset = offset;
		clock->jumped_at = mono;
		note(clock, LOG_WARNING | MSG(CLOCK_DOUBT), "the computer's clock was moved by %" PRId64 " s", moved / 1000);
		return;
	}
	/* Small steps add up until they make a jump; a slow drift is followed. */
	if (slew >= SLEW_LEAST_MS) {
		clock->offset += moved > slew ? slew : moved < -slew ? -slew : moved;
		clock->looked_at = mono;
	}
	if (clock->jumped_at >= 0 && mono - clock->jumped_at >= CLOCK_TRUST_MS)
		clock->jumped_at = -1;
}

static const char *find_doubt(struct clock *clock)
{
	int64_t now = wall_ms(clock);

	if (!clock->playing) {
		look(clock);
		if (clock->jumped_at >= 0)
			return "clock_jump";
		if (now < CLOCK_EARLIEST && !clock->early_confirmed)
			return "clock_unset";
	}
	return now < clock->last_record - CLOCK_JUMP_MS ? "clock_before_log" : NULL;
}

static const char *clock_doubt(void *self)
{
	struct clock *clock = ((struct partition *)self)->clock;
	const char *doubt = find_doubt(clock);

	if (doubt != clock->told) /* words of ours: pointers tell them apart */
		note(clock, doubt ? LOG_WARNING | MSG(CLOCK_DOUBT) : LOG_NOTICE, doubt ? "in doubt: %s" : "no longer in doubt%s",
			doubt ? doubt : "");
	clock->told = doubt;
	return doubt;
}

void clock_last_record(struct clock *clock, int64_t at)
{
	if (at > clock->last_record)
		clock->last_record = at;
}

void clock_confirm(struct clock *clock)
{
	look(clock);
	clock->jumped_at = -1;
	clock->last_record = 0;
	clock->early_confirmed = true;
	note(clock, LOG_NOTICE, "confirmed by a person");
}

/* --- timers ---------------------------------------------------------------------------------------------------------------- */

static void arm(struct port_timer *timer)
{
	struct clock *clock = timer->clock;
	int64_t wait;

	if (timer->armed == ARMED_NOT)
		return;
	if (timer->armed == ARMED_REAL)
		wait = timer->at - mono_ms();
	else if (clock->playing)
		wait = played_clock_wait(&clock->played, timer->at, real_ms());
	else
		wait = timer->at - real_ms();
	if (timer->armed == ARMED_WALL && (wait > WALL_CAP_MS || (clock->playing && wait < 0)))
		wait = WALL_CAP_MS;
	if (wait < 0)
		wait = 0;
	event_add(timer->event, &(struct timeval){ .tv_sec = wait / 1000, .tv_usec = wait % 1000 * 1000 });
}

/* A wall timer may come early, after 30 s, as its user knows; a real one never. */
static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct port_timer *timer = arg;

	(void)fd, (void)what;
	if (timer->armed == ARMED_REAL && timer->at > mono_ms()) {
		arm(timer);
		return;
	}
	timer->armed = ARMED_NOT;
	timer->fn(timer->arg);
}

static struct port_timer *timer_create_(void *self, timer_fn fn, void *arg)
{
	struct clock *clock = ((struct partition *)self)->clock;
	struct port_timer *timer = xcalloc(1, sizeof(*timer));

	*timer = (struct port_timer){ .clock = clock, .fn = fn, .arg = arg, .next = clock->timers, .link = &clock->timers };
	timer->event = evtimer_new(clock->base, on_timer, timer);
	if (timer->next)
		timer->next->link = &timer->next;
	clock->timers = timer;
	return timer;
}

static void timer_destroy(void *self, struct port_timer *timer)
{
	(void)self;
	if (!timer)
		return;
	*timer->link = timer->next;
	if (timer->next)
		timer->next->link = timer->link;
	event_free(timer->event);
	free(timer);
}

static void set_timer(struct port_timer *timer, enum armed armed, int64_t at)
{
	timer->armed = armed;
	timer->at = at;
	arm(timer);
}

static void timer_at(void *self, struct port_timer *timer, int64_t wall)
{
	(void)self;
	set_timer(timer, ARMED_WALL, wall);
}

static void timer_in(void *self, struct port_timer *timer, int64_t ms)
{
	(void)self;
	set_timer(timer, ARMED_REAL, mono_ms() + ms);
}

static void timer_stop(void *self, struct port_timer *timer)
{
	(void)self;
	timer->armed = ARMED_NOT;
	event_del(timer->event);
}

static void arm_all(struct clock *clock)
{
	for (struct port_timer *timer = clock->timers; timer; timer = timer->next)
		arm(timer);
}

/* --- the computer's clock was set, or it woke from suspend -------------------------------------------------------------------- */

static int watch_setting(struct clock *clock)
{
	struct itimerspec far = { .it_value.tv_sec = INT64_C(1) << 40 };

	if (timerfd_settime(clock->set_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL) < 0)
		return -errno;
	return 0;
}

static void on_set(evutil_socket_t fd, short what, void *arg)
{
	struct clock *clock = arg;
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) < 0 && errno == EAGAIN)
		return;
	(void)watch_setting(clock);
	look(clock);
	arm_all(clock);
}

/* --- the played clock ----------------------------------------------------------------------------------------------------------- */

static int save(const struct clock *clock)
{
	CLEANUP(buf_clear) struct buf buf = { 0 };

	played_clock_write(&clock->played, &buf);
	return file_replace(clock->file, buf.data, buf.len, 0644);
}

static void on_jump(evutil_socket_t fd, short what, void *arg)
{
	struct clock *clock = arg;
	struct played_clock before = clock->played;
	int64_t next = 0;
	int r;

	(void)fd, (void)what;
	for (uint32_t i = 0; i < clock->partition_count; i++) {
		const struct partition *p = &clock->partitions[i];

		if (!p->idle)
			return;
		if (p->next_due && (!next || p->next_due < next))
			next = p->next_due;
	}
	if (!next || !played_clock_jump(&clock->played, next, real_ms()))
		return;
	r = save(clock); /* first to the disk: a restart must not find the clock before its own records */
	if (r < 0) {
		note(clock, LOG_ERR | MSG(STATE_FILE), "no jump: %s cannot be written: %s", clock->file, strerror(-r));
		clock->played = before;
		return;
	}
	arm_all(clock);
}

static void clock_idle(void *self, bool idle, int64_t next_due)
{
	struct partition *partition = self;
	struct clock *clock = partition->clock;

	partition->idle = idle;
	partition->next_due = next_due;
	if (!clock->jump)
		return;
	if (!idle)
		event_del(clock->jump);
	else if (next_due && !event_pending(clock->jump, EV_TIMEOUT, NULL))
		event_add(clock->jump, &(struct timeval){ .tv_usec = JUMP_SETTLE_MS * 1000 });
}

static int play(struct clock *clock, const struct clock_settings *settings, struct err *err)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	CLEANUP(buf_clear) struct buf path = { 0 };
	struct played_clock before;
	struct err why = { 0 };
	bool again;
	int r;

	buf_printf(&path, "%s/clock", settings->state_dir);
	clock->file = buf_take(&path);
	r = file_read(clock->file, PLAYED_CLOCK_FILE_MAX, &text, &why);
	if (r < 0 && r != -ENOENT)
		return err_set(err, r, why.code, "", "%s", why.text);
	again = r == 0;
	err_clear(&why);
	if (again && (r = played_clock_read(text.data, text.len, &before, &why)) < 0)
		return err_set(err, r, why.code, why.path, "%s: %s", clock->file, why.text);
	clock->played = played_clock_begin(settings->played, again ? &before : NULL, real_ms());
	clock->playing = true;
	r = save(clock);
	if (r < 0)
		return err_set(err, r, "unwritable", "", "%s cannot be written: %s", clock->file, strerror(-r));
	if (clock->played.jump)
		clock->jump = evtimer_new(clock->base, on_jump, clock);
	return 0;
}

/* What was played here before is over: dunningctl would go on by it. */
static int forget_played(const char *state_dir, struct err *err)
{
	CLEANUP(buf_clear) struct buf path = { 0 };

	buf_printf(&path, "%s/clock", state_dir);
	return unlink(buf_str(&path)) < 0 && errno != ENOENT ?
		       err_set(err, -errno, "unwritable", "", "%s, of a clock that was played, cannot be removed: %s", buf_str(&path), strerror(errno)) :
		       0;
}

/* --- life ------------------------------------------------------------------------------------------------------------------------ */

static int64_t clock_now(void *self)
{
	return wall_ms(((struct partition *)self)->clock);
}

static int64_t clock_mono(void *self)
{
	(void)self;
	return mono_ms();
}

int clock_create(const struct clock_settings *settings, struct event_base *base, struct clock **ret, struct err *err)
{
	CLEANUP(clock_destroyp) struct clock *clock = xcalloc(1, sizeof(*clock));
	int r;

	clock->base = base;
	clock->note = settings->note;
	clock->arg = settings->arg;
	clock->looked_at = mono_ms();
	clock->offset = real_ms() - clock->looked_at;
	clock->jumped_at = -1;
	clock->partition_count = settings->partitions;
	clock->partitions = xcalloc(settings->partitions, sizeof(*clock->partitions));
	for (uint32_t i = 0; i < settings->partitions; i++) {
		struct partition *p = &clock->partitions[i];

		p->clock = clock;
		p->port = (struct clock_port){ p, clock_now, clock_mono, timer_create_, timer_destroy, timer_at, timer_in,
			timer_stop, clock_idle, clock_doubt };
	}
	clock->set_fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	r = clock->set_fd < 0 ? -errno : watch_setting(clock);
	if (r < 0)
		return err_set(err, r, "no_timer", "", "the clock cannot be watched: %s", strerror(-r));
	clock->set_event = event_new(base, clock->set_fd, EV_READ | EV_PERSIST, on_set, clock);
	event_add(clock->set_event, NULL);
	r = settings->played ? play(clock, settings, err) : forget_played(settings->state_dir, err);
	if (r < 0)
		return r;
	*ret = TAKE(clock);
	return 0;
}

void clock_destroy(struct clock *clock)
{
	if (!clock)
		return;
	if (clock->jump)
		event_free(clock->jump);
	if (clock->set_event)
		event_free(clock->set_event);
	closep(&clock->set_fd);
	free(clock->partitions);
	free(clock->file);
	free(clock);
}

const struct clock_port *clock_port(struct clock *clock, uint32_t partition)
{
	return &clock->partitions[partition].port;
}
