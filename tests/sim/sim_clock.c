/* The clock and random ports. */
#include <stdlib.h>

#include "tests/sim/sim.h"

#define REAL_CAP (30 * SECOND_MS) /* as in the daemon: a wall timer looks again after 30 s */

/* Lives in its life's arena, so that a wake-up under way never points to nothing. */
struct port_timer {
	struct host *host;
	struct life *life;
	timer_fn fn;
	void *arg;
	uint64_t armed; /* which arming counts; 0 = none */
	bool by_wall;
	int64_t wall;
	struct port_timer *next;
};

struct wake {
	struct port_timer *timer;
	uint64_t armed;
};

static int64_t clock_now(void *self)
{
	struct host *host = ((struct partition *)self)->host;

	return sim_wall(host->sim);
}

static int64_t clock_mono(void *self)
{
	struct host *host = ((struct partition *)self)->host;

	return host->sim->mono;
}

static struct port_timer *timer_create_(void *self, timer_fn fn, void *arg)
{
	struct host *host = ((struct partition *)self)->host;
	struct port_timer *timer = arena_alloc(host->life->arena, sizeof(*timer));

	*timer = (struct port_timer){ .host = host, .life = host->life, .fn = fn, .arg = arg, .next = host->timers };
	host->timers = timer;
	return timer;
}

static void timer_stop(void *self, struct port_timer *timer)
{
	(void)self;
	timer->armed = 0;
}

static void timer_destroy(void *self, struct port_timer *timer)
{
	struct host *host = ((struct partition *)self)->host;

	if (!timer)
		return;
	timer->armed = 0;
	for (struct port_timer **p = &host->timers; *p; p = &(*p)->next)
		if (*p == timer) {
			*p = timer->next;
			return;
		}
}

static void wake(void *arg)
{
	struct wake w = *(struct wake *)arg;

	free(arg);
	if (w.timer->armed != w.armed)
		return;
	w.timer->armed = 0;
	w.timer->fn(w.timer->arg);
}

static void arm(struct port_timer *timer, int64_t delay)
{
	struct sim *sim = timer->host->sim;
	struct wake *w = xmalloc(sizeof(*w));

	timer->armed = sim->seq + 1;
	*w = (struct wake){ timer, timer->armed };
	sim_after(sim, timer->life, delay, false, wake, free, w);
}

static void arm_at(struct port_timer *timer)
{
	int64_t wait = timer->wall - sim_wall(timer->host->sim);

	arm(timer, wait > REAL_CAP ? REAL_CAP : wait);
}

static void timer_at(void *self, struct port_timer *timer, int64_t wall)
{
	(void)self;
	timer->by_wall = true;
	timer->wall = wall;
	arm_at(timer);
}

static void timer_in(void *self, struct port_timer *timer, int64_t real_ms)
{
	(void)self;
	timer->by_wall = false;
	arm(timer, real_ms);
}

static void clock_idle(void *self, bool idle, int64_t next_due)
{
	struct partition *part = self;

	part->idle = idle;
	part->next_due = next_due;
}

static const char *clock_doubt(void *self)
{
	(void)self;
	return NULL;
}

static void random_fill(void *self, void *ret, size_t len)
{
	struct host *host = self;

	rng_fill(&host->sim->flow, ret, len);
}

void clock_plug(struct host *host)
{
	host->timers = NULL;
	host->random = (struct random_port){ .self = host, .bytes = random_fill };
}

void clock_plug_part(struct partition *part)
{
	part->idle = false;
	part->next_due = 0;
	part->clock = (struct clock_port){ .self = part, .now = clock_now, .mono = clock_mono,
		.timer_create = timer_create_, .timer_destroy = timer_destroy, .timer_at = timer_at,
		.timer_in = timer_in, .timer_stop = timer_stop, .idle = clock_idle, .doubt = clock_doubt };
}

void clock_unplug(struct host *host)
{
	host->timers = NULL;
}

void clock_wall_moved(struct host *host)
{
	for (struct port_timer *t = host->timers; t; t = t->next)
		if (t->armed && t->by_wall)
			arm_at(t);
}
