/* The world: hosts that start, crash, freeze and stop; faults; the run from its first day to its verdict. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "tests/sim/sim_policy.h"

#define STEPS_MAX 20000000 /* a run that takes more does not come to rest */
#define STOP_PATIENCE (10 * MINUTE_MS)
#define EXIT_LEASE_LOST 75 /* daemon/instance.h */
#define POISONINGS_MAX 40 /* a store that loses the count again and again may cause some */
#define SHARE_WAIT_MS 20000
#define GIVEN_MS 5000 /* what was lost or given away is for another one to take */
#define SERVE_PATIENCE (30 * MINUTE_MS) /* of monotonic time without faults: somebody must serve the partition by then */

static const char *const state_names[] = { "starting", "passive", "draining", "running", "refused", "stopping", "stopped" };

/* --- hosts ---------------------------------------------------------------------------------------------------------------------- */

static void start_host(void *arg);

static void on_changed(void *arg)
{
	struct partition *part = arg;
	struct host *host = part->host;
	struct dunner_status status;

	if (!part->dunner)
		return;
	dunner_status(part->dunner, &status);
	sim_note(host->sim, "%s[%u]: %s%s%s", host->name, part->number, state_names[status.state], status.holding ? ", holding: " : "",
		status.holding ? status.holding : "");
	if (status.state == DUNNER_REFUSED)
		sim_breach(host->sim, "refused", "%s needs a person: %s", host->name, status.reason);
}

/* What it led is lost or given away; with its process it is over. */
static void end_part(struct partition *part)
{
	struct host *host = part->host;

	part->ended = true;
	part->stopped = host->stopping;
	for (int i = 0; i < host->sim->weather.partitions; i++)
		if (!host->parts[i].stopped)
			return;
	host->end_now = true;
}

static void on_failed(int r, int exit_code, const char *reason, void *arg)
{
	struct partition *part = arg;
	struct host *host = part->host;

	sim_note(host->sim, "%s[%u]: ends with %d (%d): %s", host->name, part->number, exit_code, r, reason);
	if (exit_code == EXIT_LEASE_LOST && host->sim->weather.partitions > 1) { /* as in the daemon: that partition alone */
		host->sim->lost++;
		end_part(part);
		return;
	}
	host->end_now = true;
}

static void on_stopped(void *arg)
{
	struct partition *part = arg;

	sim_note(part->host->sim, "%s[%u]: stopped", part->host->name, part->number);
	end_part(part);
}

static void on_log(int priority, const char *line, void *arg)
{
	struct partition *part = arg;

	sim_note(part->host->sim, "%s[%u]: <%d> %s", part->host->name, part->number, priority & LOG_PRIMASK, line);
}

/* What a crash of this process may leave in doubt is limited for all of it. */
static size_t beside(void *arg)
{
	const struct partition *part = arg;
	const struct host *host = part->host;
	size_t slots = 0;

	for (int i = 0; i < host->sim->weather.partitions; i++)
		slots += &host->parts[i] != part && host->parts[i].dunner ? dunner_slots(host->parts[i].dunner) : 0;
	return slots;
}

static const char *account(const char *credential, void *arg)
{
	(void)credential;
	return ((const struct host *)arg)->account;
}

static void open_part(struct partition *part)
{
	static const uint8_t install_key[32] = { 7 };
	struct host *host = part->host;
	struct sim *sim = host->sim;
	struct dunner_settings settings = { .partition = part->number, .config = host->config, .install_key = install_key,
		.secret = account, .secret_arg = host, .build = "sim",
		.boot_id = "00000000000000000000000000000000", .played = true, .paces = host->paces };
	struct dunner_callbacks callbacks = { .changed = on_changed, .failed = on_failed, .stopped = on_stopped,
		.log = on_log, .beside = sim->weather.partitions > 1 ? beside : NULL, .arg = part };
	struct dunner_ports ports;

	part->ended = part->stopped = false;
	part->flows++;
	clock_plug_part(part);
	store_plug(part);
	erase_plug(part);
	ports = (struct dunner_ports){ .clock = &part->clock, .random = &host->random, .journal = &host->journal,
		.keys = &host->keys, .store = &part->store, .transport = &host->transport };
	part->dunner = dunner_create(&ports, &settings, sim->library, &callbacks);
}

static void want(void *arg)
{
	struct partition *part = arg;

	dunner_want(part->dunner, true);
}

/* Each begins with its share, and takes the others' when nobody has them after a lease: who writes and sends is the lease's matter alone. */
static void want_share(struct partition *part)
{
	const struct sim *sim = part->host->sim;

	if (sim->weather.partitions == 1 || (int)part->number % sim->weather.hosts == part->host->index)
		return;
	dunner_want(part->dunner, false);
	sim_after(part->host->sim, part->host->life, SHARE_WAIT_MS, false, want, NULL, part);
}

/* As in the daemon: its store ends first, what waited to be recorded goes to the new flow. */
static void renew_part(struct partition *part)
{
	struct dunner *old = part->dunner;

	sim_note(part->host->sim, "%s[%u]: begins anew", part->host->name, part->number);
	store_unplug(part);
	open_part(part);
	dunner_succeed(part->dunner, old);
	dunner_destroy(old);
	dunner_want(part->dunner, false);
	sim_after(part->host->sim, part->host->life, GIVEN_MS, false, want, NULL, part);
	dunner_start(part->dunner);
}

bool world_start_host(struct host *host)
{
	struct sim *sim = host->sim;
	struct life *life;

	if (host->life || sim->broken)
		return false;
	life = arena_alloc(sim->arena, sizeof(*life));
	life->number = ++host->lives;
	life->alive = true;
	life->arena = arena_create();
	life->next = sim->lives;
	sim->lives = life;
	host->life = life;
	host->stopping = host->end_now = false;
	sim->account += !sim->calm && rng_chance(&sim->accounts, sim->weather.moves);
	snprintf(host->account, sizeof(host->account), "account %d", sim->account);
	sim_note(sim, "%s: start %u, %s", host->name, life->number, host->account);
	clock_plug(host);
	journal_plug(host);
	transport_plug(host);
	if (sim->broken)
		return false;
	for (int i = 0; i < sim->weather.partitions; i++) {
		host->parts[i].host = host;
		host->parts[i].number = (uint32_t)i;
		open_part(&host->parts[i]);
	}
	for (int i = 0; i < sim->weather.partitions; i++) {
		want_share(&host->parts[i]);
		dunner_start(host->parts[i].dunner);
	}
	sim->restarts++;
	return true;
}

static void start_host(void *arg)
{
	world_start_host(arg);
}

static void end_life(struct host *host, bool crash)
{
	host->life->alive = false;
	for (int i = 0; i < host->sim->weather.partitions; i++) {
		struct dunner *dunner = host->parts[i].dunner;

		host->parts[i].dunner = NULL;
		host->parts[i].idle = false;
		dunner_destroy(dunner);
		store_unplug(&host->parts[i]);
	}
	clock_unplug(host);
	journal_unplug(host, crash);
	transport_unplug(host);
	host->life = NULL;
}

static void start_later(struct host *host)
{
	struct sim *sim = host->sim;

	if (sim->closed_from <= sim_wall(sim) && sim_wall(sim) < sim->closed_until)
		sim_at_wall(sim, sim->closed_until, start_host, NULL, host);
	else if (sim->calm || rng_chance(&sim->faults, 800000) || redis_clock_wrong(sim->redis)) /* see redis_go_back() */
		sim_after(sim, NULL, rng_range(&sim->faults, 50, 6000), true, start_host, NULL, host);
	else
		sim_at_wall(sim, sim_wall(sim) + rng_range(&sim->faults, MINUTE_MS, 3 * DAY_MS), start_host, NULL, host);
}

bool world_gone(struct host *host)
{
	struct sim *sim = host->sim;
	struct life *life = host->life;

	if (!life)
		return true;
	if (!life->gone && !sim->calm && rng_chance(&sim->faults, sim->weather.port_crash)) {
		sim_note(sim, "%s: dies at a call of its ports", host->name);
		life->gone = true;
	}
	return life->gone;
}

void world_kill(struct host *host)
{
	if (!host->life)
		return;
	sim_note(host->sim, "%s: crash", host->name);
	host->sim->crashes++;
	end_life(host, true);
	start_later(host);
}

/*
 * Whoever starts after such a death takes entries one by one, and counts each try before: a death is counted, if the one before was no
 * clean stop and nothing was lost. And it comes to an end.
 */
void world_poisoned(struct host *host)
{
	struct sim *sim = host->sim;

	if (sim->poisoned && sim->weather.hosts == 1 && !sim->rollbacks && !sim->flushes)
		sim_breach(sim, "poison", "%s dies of it again, and nobody counted the try", host->name);
	if (++sim->poisonings > POISONINGS_MAX)
		sim_breach(sim, "poison", "%s dies of it for the %d. time", host->name, POISONINGS_MAX + 1);
	sim->poisoned = true;
	host->life->gone = true;
}

static void stop_host(struct host *host)
{
	if (!host->life || host->stopping)
		return;
	sim_note(host->sim, "%s: asked to stop", host->name);
	host->stopping = true;
	host->sim->poisoned = false;
	host->stop_asked = host->sim->mono;
	for (int i = 0; i < host->sim->weather.partitions; i++)
		if (host->parts[i].ended)
			end_part(&host->parts[i]);
		else
			dunner_stop(host->parts[i].dunner);
}

/* Another one has fewer. */
static void give_part(struct host *host, int which)
{
	struct partition *part = &host->parts[which];
	struct dunner_status status;

	if (!host->life || host->stopping || part->ended)
		return;
	dunner_status(part->dunner, &status);
	if (status.state != DUNNER_RUNNING)
		return;
	sim_note(host->sim, "%s[%d]: given away", host->name, which);
	host->sim->given++;
	dunner_stop(part->dunner);
}

static void close_all(void *arg)
{
	struct sim *sim = arg;

	for (int i = 0; i < sim->weather.hosts; i++)
		stop_host(&sim->hosts[i]);
}

void world_close(struct sim *sim, int64_t from, int64_t until)
{
	sim->closed_from = from;
	sim->closed_until = until;
	sim_at_wall(sim, from, close_all, NULL, sim);
}

/* Between two steps: what the flow asked for while it ran. */
static void settle_hosts(struct sim *sim)
{
	for (int i = 0; i < sim->weather.hosts; i++) {
		struct host *host = &sim->hosts[i];

		for (int k = 0; k < sim->weather.partitions && sim->weather.partitions > 1 && host->life; k++)
			if (host->parts[k].ended && !host->stopping && !host->life->gone && host->life->frozen_until <= sim->mono &&
				dunner_detached(host->parts[k].dunner))
				renew_part(&host->parts[k]);
		if (host->life && host->life->gone)
			world_kill(host);
		else if (host->life && host->end_now) {
			end_life(host, !host->stopping);
			start_later(host);
		} else if (host->life && host->stopping && sim->calm && sim->mono - host->stop_asked > STOP_PATIENCE) {
			sim_breach(sim, "stop", "%s was asked to stop %lld s ago", host->name,
				(long long)((sim->mono - host->stop_asked) / 1000));
		}
	}
	if (sim->crash_next) {
		sim->crash_next = false;
		world_kill(sim->crash_host);
	}
}

/* --- faults ------------------------------------------------------------------------------------------------------------------------- */

static struct host *any_host(struct sim *sim)
{
	return &sim->hosts[rng_range(&sim->faults, 0, sim->weather.hosts - 1)];
}

static void freeze(struct host *host)
{
	struct sim *sim = host->sim;
	int64_t until;

	if (!host->life)
		return;
	until = sim->mono + rng_range(&sim->faults, 500, 60000);
	if (until > host->life->frozen_until) /* never sooner: what waits for the first one must not be overtaken */
		host->life->frozen_until = until;
	sim_note(sim, "%s: frozen for %lld ms", host->name, (long long)(host->life->frozen_until - sim->mono));
}

static void go_back(void *arg)
{
	struct sim *sim = arg;

	if (!sim->calm) /* planned days before: there may be no time left to recover in */
		redis_go_back(sim->redis);
}

static void plan_rollback(struct sim *sim)
{
	redis_snapshot(sim->redis);
	if (rng_chance(&sim->faults, 700000))
		sim_after(sim, NULL, rng_range(&sim->faults, 5, 20000), false, go_back, NULL, sim);
	else
		sim_at_wall(sim, sim_wall(sim) + rng_range(&sim->faults, MINUTE_MS, 2 * DAY_MS), go_back, NULL, sim);
}

/* The store answers slowly; what is slow, and for how long. */
static void store_slow(struct sim *sim, bool reads, int64_t ms)
{
	sim->slow_reads = reads;
	sim->slow_until = sim->mono + ms;
}

/* News is read late, behind somebody else's, and applied later still: the store or the disk takes its time, as does the request. */
static void news_wait(struct host *host, const struct message *message)
{
	struct sim *sim = host->sim;
	bool disk = rng_chance(&sim->faults, 500000);

	store_stall(host, true, rng_range(&sim->faults, disk ? 0 : 1000, 3000));
	if (disk)
		disk_slow(host, 10000);
	else
		store_slow(sim, false, 6000);
	sim->slow_connect = rng_range(&sim->faults, 2100, disk ? 6500 : 4500);
	book_provoke_any(sim, 0);
	book_provoke(sim, message, rng_range(&sim->faults, 5, 500));
	book_provoke_any(sim, rng_range(&sim->faults, 5, 500)); /* what concerns the message is still at hand; it waits for what does not */
}

/* News stands behind a crowd: where a reading takes few, it takes several, and each takes its time. */
static void news_queues(struct host *host, const struct message *message)
{
	struct sim *sim = host->sim;

	store_stall(host, true, rng_range(&sim->faults, 0, 2000));
	store_slow(sim, true, 8000);
	sim->slow_connect = rng_range(&sim->faults, 2100, 5000);
	book_provoke_any(sim, 0);
	book_provoke_last(sim, message, rng_range(&sim->faults, 0, 100));
}

/* The lease cannot be renewed, while news is read as ever; and a server that greets late lets us begin when another has the partition. */
static void lease_runs_out(struct host *host)
{
	struct sim *sim = host->sim;

	sim_note(sim, "%s: its commands are stuck", host->name);
	store_stuck(host, rng_range(&sim->stuck, 10000, 40000));
	sim->slow_connect = rng_range(&sim->stuck, 3000, 29000);
}

void world_moment(struct host *host, enum moment moment, const struct message *message)
{
	struct sim *sim = host->sim;
	const struct weather *w = &sim->weather;

	if (!sim->calm && host->life && moment == MOMENT_CONNECT && rng_chance(&sim->stuck, w->stuck)) {
		lease_runs_out(host);
		return;
	}
	if (sim->calm || !host->life || !rng_chance(&sim->faults, w->provoke))
		return;
	sim_note(sim, "moment %d", (int)moment);
	if (moment == MOMENT_CONNECT && rng_chance(&sim->faults, 300000)) { /* the news cannot reach us, and the request takes its time */
		store_stall(host, false, rng_range(&sim->faults, 2500, 7000));
		sim->slow_connect = rng_range(&sim->faults, 2100, 6500);
		book_provoke(sim, message, rng_range(&sim->faults, 0, 200));
		return;
	}
	if (moment == MOMENT_CONNECT && rng_chance(&sim->faults, 700000)) {
		if (rng_chance(&sim->faults, 350000))
			news_queues(host, message);
		else
			news_wait(host, message);
		return;
	}
	if (message && rng_chance(&sim->faults, 600000)) {
		book_provoke(sim, message, rng_range(&sim->faults, 0, rng_chance(&sim->faults, 500000) ? 200 : 3000));
		return;
	}
	switch (rng_range(&sim->faults, 0, 3)) {
	case 0:
		if (w->crash) {
			sim->crash_next = true;
			sim->crash_host = host;
		}
		break;
	case 1:
		if (w->freeze)
			freeze(host);
		break;
	case 2:
		if (w->loading)
			redis_restart(sim->redis, rng_range(&sim->faults, 0, 2000));
		break;
	default:
		if (w->rollback)
			plan_rollback(sim);
		break;
	}
}

/* News about what is being decided, so that it comes between the decision and the commit. */
void world_appended(struct host *host, const struct journal_group *group)
{
	struct sim *sim = host->sim;
	struct message about = { 0 };

	if (sim->calm || !host->life || !rng_chance(&sim->faults, sim->weather.provoke))
		return;
	if (judge_intent(sim->judge, host, group, &about))
		book_provoke(sim, &about, rng_range(&sim->faults, 0, 2));
}

static void step_wall(struct sim *sim)
{
	int64_t by = rng_range(&sim->faults, -4000, 8000);

	sim_note(sim, "the wall clock is set by %lld ms", (long long)by);
	if (by < 0)
		sim->set_back = sim->mono;
	sim_shift_wall(sim, by);
}

static void hourly(void *arg)
{
	struct sim *sim = arg;
	const struct weather *w = &sim->weather;

	if (sim_wall(sim) >= sim->calm_at)
		return;
	if (rng_chance(&sim->faults, w->stop))
		stop_host(any_host(sim));
	if (rng_chance(&sim->faults, w->loading))
		redis_restart(sim->redis, rng_range(&sim->faults, 0, 20000));
	if (rng_chance(&sim->faults, w->rollback))
		plan_rollback(sim);
	if (rng_chance(&sim->faults, w->flush))
		redis_flush(sim->redis, rng_chance(&sim->faults, 500000));
	if (rng_chance(&sim->faults, w->full))
		redis_refuse_writes(sim->redis, rng_range(&sim->faults, 100, 60000));
	if (rng_chance(&sim->faults, w->wall_step))
		step_wall(sim);
	if (rng_chance(&sim->faults, w->give))
		give_part(any_host(sim), (int)rng_range(&sim->faults, 0, w->partitions - 1));
	sim_at_wall(sim, sim_wall(sim) + HOUR_MS, hourly, NULL, sim);
}

/* Before every step in which something is under way. */
static void at_any_moment(struct sim *sim)
{
	if (sim->calm || !sim->busy)
		return;
	if (rng_chance(&sim->faults, sim->weather.crash))
		world_kill(any_host(sim));
	if (rng_chance(&sim->faults, sim->weather.freeze))
		freeze(any_host(sim));
}

static void become_calm(void *arg)
{
	struct sim *sim = arg;

	sim->calm = true;
	sim->calm_mono = sim->mono;
	sim_note(sim, "from here on nothing goes wrong");
	for (int i = 0; i < sim->weather.hosts; i++)
		if (!sim->hosts[i].life)
			sim_after(sim, NULL, 1000, true, start_host, NULL, &sim->hosts[i]);
}

/* --- a run ---------------------------------------------------------------------------------------------------------------------------- */

static bool served(const struct sim *sim)
{
	int led = 0;

	for (int i = 0; i < sim->weather.hosts * sim->weather.partitions; i++) {
		const struct host *host = &sim->hosts[i / sim->weather.partitions];
		struct dunner_status status;

		if (!host->life)
			continue;
		dunner_status(host->parts[i % sim->weather.partitions].dunner, &status);
		led += status.state == DUNNER_RUNNING;
	}
	return led >= sim->weather.partitions;
}

static void check_life(struct sim *sim)
{
	if (sim->steps > STEPS_MAX)
		sim_breach(sim, "rest", "%llu steps and no end", (unsigned long long)sim->steps);
	if (!sim->calm || sim->steps % 1024)
		return;
	if (served(sim))
		sim->served_mono = sim->mono;
	else if (sim->mono - (sim->served_mono > sim->calm_mono ? sim->served_mono : sim->calm_mono) > SERVE_PATIENCE)
		sim_breach(sim, "served", "nobody serves a partition, and nothing is wrong");
}

static void make_book(struct sim *sim)
{
	struct rng rng;

	if (!sim->drawn) {
		sim->book = book_create(sim, (int)rng_range(&sim->world, 12, 18), (int)rng_range(&sim->world, 50, 70));
		return;
	}
	rng_seed(&rng, sim->seed, "policy book");
	sim->book = book_create(sim, (int)rng_range(&rng, 1, 2), (int)rng_range(&rng, 3, 5));
	book_mix(sim, &rng);
}

void world_run(struct sim *sim)
{
	static const char *const names[HOSTS_MAX] = { "a", "b", "c" };

	setup_weather(sim);
	for (int i = 0; i < sim->weather.hosts; i++) {
		struct host *host = &sim->hosts[i];

		*host = (struct host){ .sim = sim, .index = i, .name = names[i] };
		host->config = setup_config(sim, host->name);
		host->disk = disk_create(host);
	}
	setup_library(sim);
	sim->redis = redis_create(sim);
	sim->provider = provider_create(sim);
	if (sim->mode != MODE_LIFE)
		rng_seed(&sim->world, sim->seed, "history"); /* the same in both worlds, whatever their hosts drew */
	make_book(sim);
	sim->judge = judge_create(sim);
	if (sim->mode == MODE_LIFE) {
		book_schedule(sim);
		offers_schedule(sim);
		traffic_schedule(sim);
		people_schedule(sim);
		lists_schedule(sim);
		erase_schedule(sim);
	} else {
		order_schedule(sim);
	}
	sim_at_wall(sim, sim->begin, hourly, NULL, sim);
	sim_at_wall(sim, sim->calm_at, become_calm, NULL, sim);
	for (int i = 0; i < sim->weather.hosts; i++)
		sim_after(sim, NULL, rng_range(&sim->world, 0, 3000), true, start_host, NULL, &sim->hosts[i]);
	while (sim_wall(sim) < sim->end && sim_step(sim)) {
		at_any_moment(sim);
		settle_hosts(sim);
		check_life(sim);
	}
	snprintf(sim->summary, sizeof(sim->summary),
		"%zu events, %llu records, %zu contacts, %llu first bytes; %llu lives, %llu crashes, %llu leases, %llu rollbacks, %llu flushes; "
		"%d instances, %d partitions, %llu lost, %llu given",
		sim->judge->told_count, (unsigned long long)sim->judge->records, sim->judge->contact_count,
		(unsigned long long)sim->judge->first_bytes, (unsigned long long)sim->restarts, (unsigned long long)sim->crashes,
		(unsigned long long)sim->takeovers, (unsigned long long)sim->rollbacks, (unsigned long long)sim->flushes,
		sim->weather.hosts, sim->weather.partitions, (unsigned long long)sim->lost, (unsigned long long)sim->given);
	if (!sim->broken)
		judge_end(sim->judge);
}

void world_end(struct sim *sim)
{
	for (int i = 0; i < sim->weather.hosts; i++) {
		if (sim->hosts[i].life)
			end_life(&sim->hosts[i], true);
		disk_destroy(sim->hosts[i].disk);
	}
	sim_clear(sim);
	for (struct life *life = sim->lives; life; life = life->next)
		arena_free(life->arena);
	redis_destroy(sim->redis);
	provider_destroy(sim->provider);
	book_destroy(sim->book);
	judge_destroy(sim->judge);
	setup_free_library(sim);
}
