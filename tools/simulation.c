/* Clock, journal, keys and provider of a simulation, and the loop that lets time pass when nothing is under way. */
#include "tools/simulation_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/utc.h"

/* --- what is to be done next ---------------------------------------------------------------------------------------------------- */

void simulation_later(struct simulation *sim, const struct job *job)
{
	if (sim->job_count == sim->job_capacity) {
		size_t capacity = sim->job_capacity ? 2 * sim->job_capacity : 64;
		struct job *jobs = xcalloc(capacity, sizeof(*jobs));

		for (size_t i = 0; i < sim->job_count; i++)
			jobs[i] = sim->jobs[(sim->job_first + i) % sim->job_capacity];
		free(sim->jobs);
		sim->jobs = jobs;
		sim->job_first = 0;
		sim->job_capacity = capacity;
	}
	sim->jobs[(sim->job_first + sim->job_count++) % sim->job_capacity] = *job;
}

static bool run_job(struct simulation *sim)
{
	struct job job;

	if (!sim->job_count)
		return false;
	job = sim->jobs[sim->job_first];
	sim->job_first = (sim->job_first + 1) % sim->job_capacity;
	sim->job_count--;
	job.run(sim, &job);
	free(job.data);
	return true;
}

/* --- clock and chance -------------------------------------------------------------------------------------------------------------- */

enum armed { ARMED_NOT, ARMED_WALL, ARMED_REAL };
struct port_timer {
	struct simulation *sim;
	timer_fn fn;
	void *arg;
	enum armed armed;
	int64_t at;
	struct port_timer *next;
};

static int64_t clock_now(void *self)
{
	return ((struct simulation *)self)->wall;
}

static int64_t clock_mono(void *self)
{
	return ((struct simulation *)self)->mono;
}

static struct port_timer *create_timer(void *self, timer_fn fn, void *arg)
{
	struct simulation *sim = self;
	struct port_timer *timer = xcalloc(1, sizeof(*timer));

	*timer = (struct port_timer){ .sim = sim, .fn = fn, .arg = arg, .next = sim->timers };
	sim->timers = timer;
	return timer;
}

static void destroy_timer(void *self, struct port_timer *timer)
{
	struct port_timer **at = &((struct simulation *)self)->timers;

	if (!timer)
		return;
	while (*at != timer)
		at = &(*at)->next;
	*at = timer->next;
	free(timer);
}

static void timer_at(void *self, struct port_timer *timer, int64_t wall)
{
	(void)self;
	timer->armed = ARMED_WALL;
	timer->at = wall;
}

static void timer_in(void *self, struct port_timer *timer, int64_t ms)
{
	timer->armed = ARMED_REAL;
	timer->at = ((struct simulation *)self)->mono + ms;
}

static void stop_timer(void *self, struct port_timer *timer)
{
	(void)self;
	timer->armed = ARMED_NOT;
}

static void clock_idle(void *self, bool idle, int64_t next_due)
{
	(void)next_due; /* it sets a timer to it as well */
	((struct simulation *)self)->idle = idle;
}

static const char *clock_doubt(void *self)
{
	(void)self;
	return NULL;
}

/* splitmix64, by Steele, Lea and Flood: nothing here is a secret, and a run must be the same each time. */
static void draw_bytes(void *self, void *ret, size_t len)
{
	struct simulation *sim = self;

	for (uint8_t *at = ret; len;) {
		uint64_t z = (sim->random_state += UINT64_C(0x9e3779b97f4a7c15));
		size_t n = len < sizeof(z) ? len : sizeof(z);

		z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
		z ^= z >> 31;
		memcpy(at, &z, n);
		at += n;
		len -= n;
	}
}

/* --- the journal: it listens ---------------------------------------------------------------------------------------------------------- */

static const char *journal_origin(void *self, uint16_t year)
{
	struct simulation *sim = self;

	snprintf(sim->origin, sizeof(sim->origin), "test.simulation/%u", (unsigned)year);
	return sim->origin;
}

static uint64_t journal_next_index(void *self, uint16_t year)
{
	struct simulation *sim = self;

	return year == sim->log.year ? sim->next_index[0] : year == sim->log.before ? sim->next_index[1] : 0;
}

static struct journal_log journal_log(void *self)
{
	return ((struct simulation *)self)->log;
}

static void give_journaled(struct simulation *sim, struct job *job)
{
	(void)sim;
	((journal_done_fn)job->done)(0, job->arg);
}

static bool journal_hears(void *self, const char *kind)
{
	const struct simulation *sim = self;

	return sim->watch.record && sim->watch.hears(kind, sim->watch.arg);
}

static void journal_append(void *self, const struct journal_group *group, journal_done_fn done, void *arg)
{
	struct simulation *sim = self;

	if (group->head.year != sim->log.year) {
		sim->log = (struct journal_log){ .year = group->head.year, .before = sim->log.year };
		sim->next_index[1] = sim->next_index[0];
		sim->next_index[0] = 0;
	}
	sim->log.ended = utc_year(group->head.decided_at) > group->head.year;
	sim->next_index[0] += group->record_count;
	sim->last = group->head;
	sim->has_last = true;
	for (size_t i = 0; i < group->record_count; i++)
		if (group->records[i].data)
			sim->watch.record((const char *)group->records[i].data, group->records[i].len, group->head.decided_at, sim->watch.arg);
	simulation_later(sim, &(struct job){ .run = give_journaled, .done = (void (*)(void))done, .arg = arg });
}

static int journal_replay(void *self, uint32_t partition, uint64_t above, journal_replay_fn fn, void *arg)
{
	(void)self, (void)partition, (void)above, (void)fn, (void)arg;
	return 0;
}

static int journal_last(void *self, uint32_t partition, struct group_header *ret)
{
	struct simulation *sim = self;

	(void)partition;
	if (!sim->has_last)
		return -ENOENT;
	*ret = sim->last;
	return 0;
}

static int journal_knows(void *self, uint32_t partition, uint64_t pseq, const uint8_t id[GROUP_ID_SIZE])
{
	(void)self, (void)partition, (void)pseq, (void)id;
	return 1;
}

static int journal_read(void *self, uint16_t year, uint64_t index, struct buf *body)
{
	(void)self, (void)year, (void)index, (void)body;
	return -ENOENT;
}

static uint64_t journal_recovered(void *self)
{
	(void)self;
	return 0;
}

/* --- keys that lock nothing --------------------------------------------------------------------------------------------------------------- */

static int keys_open(void *self, uint16_t year, uint32_t slot, struct case_keys *ret)
{
	(void)self;
	memset(ret, 0x5a, sizeof(*ret));
	ret->year = year;
	ret->slot = slot;
	return 0;
}

static int keys_create(void *self, uint16_t year, const uint8_t case_key[32], struct case_keys *ret)
{
	(void)case_key;
	return keys_open(self, year, ((struct simulation *)self)->slots++, ret);
}

static void keys_erase(void *self, uint16_t year, uint32_t slot, unsigned classes)
{
	(void)self, (void)year, (void)slot, (void)classes;
}

/* --- the provider: it accepts everything ------------------------------------------------------------------------------------------------------ */

struct request {
	const struct message *message; /* the flow's, until its outcome is told */
	transport_may_start_fn may_start;
	transport_done_fn done;
	void *arg;
};

static void tell_sent(struct simulation *sim, const struct message *message)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct debtor debtor = { .id = message->debtor_id };
	size_t len;
	const char *text = simulation_get(sim, key_debtor(arena, &sim->keys, message->debtor_id), &len);
	struct json json;
	bool known = text && json_parse(arena, text, len, JSON_OURS, &json, NULL) == 0 &&
		debtor_from(arena, &json, &debtor, NULL) == 0;

	sim->watch.sent(message, known ? &debtor : NULL, sim->wall, sim->watch.arg);
}

static void run_request(struct simulation *sim, struct job *job)
{
	const struct request *request = job->data;
	struct outcome outcome = { .kind = OUTCOME_ACCEPTED, .reason = "accepted", .provider_id = "simulated", .status = 202 };

	if (!request->may_start(request->arg))
		outcome = (struct outcome){ .kind = OUTCOME_CANCELLED, .reason = "cancelled" };
	else if (sim->watch.sent)
		tell_sent(sim, request->message);
	request->done(&outcome, request->arg);
}

static void transport_start(void *self, const struct message *message, transport_may_start_fn may_start, transport_done_fn done,
	void *arg)
{
	struct request *request = xmalloc(sizeof(*request));

	*request = (struct request){ message, may_start, done, arg };
	simulation_later(self, &(struct job){ .run = run_request, .data = request });
}

static void give_lookup(struct simulation *sim, struct job *job)
{
	(void)sim;
	((transport_lookup_fn)job->done)(LOOKUP_FOUND, "simulated", job->arg);
}

/* What was under way when the book was read did arrive. */
static void transport_lookup(void *self, const struct message *message, int64_t sent_at, transport_lookup_fn done, void *arg)
{
	(void)message, (void)sent_at;
	simulation_later(self, &(struct job){ .run = give_lookup, .done = (void (*)(void))done, .arg = arg });
}

/* --- the calendar ---------------------------------------------------------------------------------------------------------------------------- */

static bool sooner(const struct calendar_entry *a, const struct calendar_entry *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

void simulation_event(struct simulation *sim, int64_t at, const char *text, size_t len, bool operator)
{
	struct calendar_entry entry = { at, sim->seq++, text, len, operator };
	size_t i;

	if (at <= sim->wall) {
		simulation_stream_add(sim, operator, text, len);
		return;
	}
	xgrow(&sim->calendar, &sim->calendar_capacity, sim->calendar_count + 1, sizeof(entry));
	for (i = sim->calendar_count++; i && sooner(&entry, &sim->calendar[(i - 1) / 2]); i = (i - 1) / 2)
		sim->calendar[i] = sim->calendar[(i - 1) / 2];
	sim->calendar[i] = entry;
}

static struct calendar_entry take_soonest(struct simulation *sim)
{
	struct calendar_entry soonest = sim->calendar[0], moved = sim->calendar[--sim->calendar_count];
	size_t i = 0;

	for (size_t child = 1; child < sim->calendar_count; child = 2 * i + 1) {
		if (child + 1 < sim->calendar_count && sooner(&sim->calendar[child + 1], &sim->calendar[child]))
			child++;
		if (!sooner(&sim->calendar[child], &moved))
			break;
		sim->calendar[i] = sim->calendar[child];
		i = child;
	}
	sim->calendar[i] = moved;
	return soonest;
}

/* --- time passes -------------------------------------------------------------------------------------------------------------------------------- */

/* The flow decides on from a mark that is fresh: as long as nothing waits for real time, none passes. */
static void fire(struct simulation *sim)
{
	for (struct port_timer *timer = sim->timers; timer; timer = timer->next)
		if ((timer->armed == ARMED_WALL && timer->at <= sim->wall) || (timer->armed == ARMED_REAL && timer->at <= sim->mono)) {
			timer->armed = ARMED_NOT;
			timer->fn(timer->arg);
			return; /* the list may be another one now */
		}
	while (sim->calendar_count && sim->calendar[0].at <= sim->wall) {
		struct calendar_entry entry = take_soonest(sim);

		simulation_stream_add(sim, entry.operator, entry.text, entry.len);
	}
}

static void watch_holding(struct simulation *sim, int64_t until)
{
	struct dunner_status status;

	dunner_status(sim->dunner, &status);
	if (status.state != DUNNER_RUNNING || !status.holding)
		return;
	sim->held_last = status.holding;
	sim->braked_ms += until - sim->wall;
}

/* To the next instant at which anything can happen. False: there is none. */
static bool pass_time(struct simulation *sim)
{
	int64_t wall = sim->calendar_count ? sim->calendar[0].at : INT64_MAX, real = INT64_MAX, by;

	for (const struct port_timer *timer = sim->timers; timer; timer = timer->next) {
		if (timer->armed == ARMED_WALL && timer->at < wall)
			wall = timer->at;
		if (timer->armed == ARMED_REAL && timer->at < real && !sim->idle)
			real = timer->at;
	}
	if (sim->blocked.run && !sim->idle && sim->blocked.number2 < real)
		real = sim->blocked.number2;
	by = wall == INT64_MAX ? INT64_MAX : wall > sim->wall ? wall - sim->wall : 0;
	if (real != INT64_MAX && real - sim->mono < by) {
		by = real > sim->mono ? real - sim->mono : 0;
		sim->mono += by;
	} else if (by == INT64_MAX) {
		return false;
	} else if (!sim->idle) {
		sim->mono += by;
	}
	watch_holding(sim, sim->wall + by);
	sim->wall += by;
	if (sim->blocked.run && sim->blocked.number2 <= sim->mono)
		simulation_read_on(sim);
	if (sim->wall / DAY_MS != sim->day && sim->watch.day)
		sim->watch.day(sim->wall, sim->watch.arg);
	sim->day = sim->wall / DAY_MS;
	return true;
}

static void on_failed(int r, int exit_code, const char *reason, void *arg)
{
	struct simulation *sim = arg;

	(void)r, (void)exit_code;
	sim->failed = true;
	snprintf(sim->failure, sizeof(sim->failure), "%s", reason);
}

static void on_changed(void *arg)
{
	struct simulation *sim = arg;
	struct dunner_status status;

	if (!sim->dunner)
		return;
	dunner_status(sim->dunner, &status);
	if (status.state == DUNNER_REFUSED)
		on_failed(-EPROTO, 0, status.reason, sim);
}

static void on_log(int priority, const char *line, void *arg)
{
	struct simulation *sim = arg;

	if (sim->watch.log)
		sim->watch.log(priority, line, sim->watch.arg);
}

int simulation_run(struct simulation *sim, struct err *err)
{
	static const uint8_t install_key[32] = { 0 };
	struct dunner_settings settings = { .config = &sim->config, .install_key = install_key, .build = DUNNINGD_VERSION,
		.boot_id = "simulation", .log_origin = "test.simulation" };
	struct dunner_callbacks callbacks = { .changed = on_changed, .failed = on_failed, .log = on_log, .arg = sim };

	sim->dunner = dunner_create(&sim->ports, &settings, sim->settings.library, &callbacks);
	dunner_start(sim->dunner);
	while (!sim->failed && sim->wall < sim->settings.end) {
		if (run_job(sim))
			continue;
		if (!pass_time(sim))
			break;
		if (sim->wall < sim->settings.end)
			fire(sim);
	}
	return sim->failed ? err_set(err, -EPROTO, "simulation_stopped", "", "the simulation came to a stop: %s", sim->failure) : 0;
}

/* --- life -------------------------------------------------------------------------------------------------------------------------------------------- */

struct simulation *simulation_create(const struct simulation_settings *settings, const struct simulation_watch *watch)
{
	struct simulation *sim = xcalloc(1, sizeof(*sim));

	sim->settings = *settings;
	sim->settings.library = library_ref(settings->library);
	sim->watch = *watch;
	sim->arena = arena_create();
	sim->producers[0] = (struct producer){ .name = NULL, .types = UINT64_MAX };
	sim->producers[1] = (struct producer){ .name = "operator", .types = UINT64_MAX };
	sim->config = *settings->config;
	sim->config.partitions = 1;
	sim->config.instance = "simulation";
	sim->config.producers = sim->producers;
	sim->config.producer_count = SIMULATION_STREAMS;
	sim->config.redis_replicas = 0;
	sim->config.retention_expire = false;
	sim->config.hooks_listen = NULL;
	sim->keys = (struct keyspace){ sim->config.prefix, 0 };
	sim->wall = settings->begin;
	sim->day = sim->wall / DAY_MS;
	sim->mono = 1000000;
	simulation_store_plug(sim);
	sim->clock = (struct clock_port){ .self = sim, .now = clock_now, .mono = clock_mono, .timer_create = create_timer,
		.timer_destroy = destroy_timer, .timer_at = timer_at, .timer_in = timer_in, .timer_stop = stop_timer, .idle = clock_idle,
		.doubt = clock_doubt };
	sim->random = (struct random_port){ .self = sim, .bytes = draw_bytes };
	sim->journal = (struct journal_port){ .self = sim, .origin = journal_origin, .next_index = journal_next_index, .log = journal_log,
		.append = journal_append, .replay = journal_replay, .last = journal_last, .knows = journal_knows, .read = journal_read,
		.recovered = journal_recovered, .hears = journal_hears };
	sim->keys_port = (struct keys_port){ .self = sim, .open = keys_open, .create = keys_create, .erase = keys_erase };
	sim->transport = (struct transport_port){ .self = sim, .start = transport_start, .lookup = transport_lookup };
	sim->ports = (struct dunner_ports){ .clock = &sim->clock, .random = &sim->random, .journal = &sim->journal, .keys = &sim->keys_port,
		.store = &sim->store, .transport = &sim->transport };
	return sim;
}

void simulation_free(struct simulation *sim)
{
	if (!sim)
		return;
	dunner_destroy(sim->dunner);
	while (sim->timers)
		destroy_timer(sim, sim->timers);
	while (sim->job_count) {
		free(sim->jobs[sim->job_first].data);
		sim->job_first = (sim->job_first + 1) % sim->job_capacity;
		sim->job_count--;
	}
	free(sim->jobs);
	free(sim->calendar);
	simulation_store_clear(sim);
	library_free((struct library *)(uintptr_t)sim->settings.library);
	arena_free(sim->arena);
	free(sim);
}

struct keyspace simulation_keys(const struct simulation *sim)
{
	return sim->keys;
}

int64_t simulation_now(const struct simulation *sim)
{
	return sim->wall;
}

struct simulation_counts simulation_counts(const struct simulation *sim)
{
	struct dunner_status status = { 0 };

	if (sim->dunner)
		dunner_status(sim->dunner, &status);
	return (struct simulation_counts){ .groups = sim->groups, .events = status.events, .dead = sim->dead,
		.braked_ms = sim->braked_ms, .held = sim->held_last };
}
