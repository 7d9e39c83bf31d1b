/*
 * cluster - dunningd on a Redis Cluster of six nodes, or on a primary with two replicas and three sentinels, while these fail.
 *
 *	cluster [--rounds N] [--instances K] [--invoices M] [--sentinel] [--plain] [--seed S] [--programs DIR] [--keep]
 *
 * In each round invoices come in, each kept by a replica before it counts as given; in the middle of them a primary is killed or stands
 * still until another one has taken over, or they change places in order, or a partition's slot is moved with its keys, or a dunningd is
 * killed or stands still until the others lead its partitions, or it and a primary that it needs cannot reach one another (several of them, and
 * root: each is then in a network namespace of its own; without root that is passed over, and with 20 rounds and more it is a failure). A part of a
 * book of M invoices that are not due yet comes in with each round, so that there is always something to take in. Partitions of an instance that are
 * led by others later than after 20 seconds are a failure. At the end each invoice that was given is there, each that was due is reminded once (with
 * a provider that knows nothing, --plain: at most once), no fault left more in doubt than may be sent at the same time, the trails verify, and what
 * Redis holds is what the journals of all of them say, byte for byte: no commit of one that had lost its lease is in it.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "common/utc.h"
#include "tests/support/world.h"
#include "tests/support/world_state.h"

#define PARTITIONS 12
#define PER_ROUND 48 /* invoices */
#define PER_DEBTOR 2
#define GIVE_MS 60000 /* until an event is kept by a replica */
#define TAKE_OVER_MS 60000
#define ASK_AGAIN_MS 2000 /* to change places */
#define INSTANCE_MS 20000 /* what is promised of a dunningd that died, and of its partitions */
#define SETTLE_MS 400000 /* a second try with the same key has its time after minutes */
#define CONCURRENCY 8
#define BULK 50 /* invoices of the book that one script gives */

#define INSTANCES_MAX 4
#define ROUNDS_MAX 1000
#define ROUNDS_FULL 20 /* so many are no quick look: nothing may be passed over */

enum fault { FAULT_KILL, FAULT_MOVE, FAULT_STILL, FAULT_CHANGE, FAULT_DAEMON, FAULT_PAUSED, FAULT_CUT, FAULT_COUNT };
static const char *const fault_names[] = { "primary killed", "slot moved", "primary stands still", "places changed", "dunningd killed", "dunningd stands still",
	"dunningd is cut off from a primary" };

struct run {
	struct world world;
	struct world_instance instances[INSTANCES_MAX];
	int count; /* of them */
	bool sentinel, apart; /* apart: each instance at a site of its own */
	int invoices, wrong, starts, again; /* again: events given more than once, as nobody knew whether they were kept */
	int book, book_from, book_given; /* invoices not due yet: how many, the first one, how many are given */
	int later[PER_ROUND], later_count;
	int64_t since[ROUNDS_MAX + 1]; /* ms UTC: what is reserved from then on falls to this round's fault, as the one before is over */
	struct {
		int times, taken; /* taken: how often somebody took over */
		int64_t sum_ms, longest_ms; /* of the take-overs: of a server's slots, or of an instance's partitions */
		int late; /* of an instance's */
	} faults[FAULT_COUNT];
};

static uint64_t seed = 1;

static int pick(int below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (int)(seed % (uint64_t)below);
}

static void keep_running(struct run *run)
{
	struct world *w = &run->world;

	for (int i = 0; i < run->count; i++)
		if (!process_running(&run->instances[i].process)) {
			run->starts++;
			world_instance_start(w, &run->instances[i]);
		}
}

/* Whether somebody other than `not` (NULL = whoever) leads it, as Redis knows. */
static bool is_led(struct run *run, uint32_t partition, const struct world_instance *not)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *get[] = { "GET", world_key_in(&run->world, arena, partition, "lease"), NULL };
	const struct redis_reply *lease = world_redis(&run->world, arena, get);

	return lease->type == REDIS_STRING && (!not || strncmp(lease->str, not->name, strlen(not->name)) != 0);
}

/* What they write first, such as whose Redis it is, is then kept by the replicas as what is given after it is. */
static void await_all_led(struct run *run)
{
	int64_t deadline = real_ms() + TAKE_OVER_MS;

	for (uint32_t p = 0; p < PARTITIONS; p++)
		while (!is_led(run, p, NULL)) {
			if (real_ms() > deadline)
				world_fail("nobody leads partition %u", p);
			pause_ms(20);
		}
}

static void took_over(struct run *run, enum fault fault, int64_t from)
{
	int64_t ms = real_ms() - from;

	run->faults[fault].taken++;
	run->faults[fault].sum_ms += ms;
	if (ms > run->faults[fault].longest_ms)
		run->faults[fault].longest_ms = ms;
	printf(", taken over in %lld ms", (long long)ms);
}

/* Until others lead those of `theirs`. */
static void await_led(struct run *run, enum fault fault, const struct world_instance *not, const bool *theirs, int64_t from)
{
	for (uint32_t p = 0; p < PARTITIONS; p++)
		while (theirs[p] && !is_led(run, p, not)) {
			if (real_ms() - from > TAKE_OVER_MS)
				world_fail("nobody else leads partition %u of %s, which is \"%s\"; kept in %s", p, not->name, fault_names[fault], run->world.dir);
			pause_ms(20);
		}
	took_over(run, fault, from);
	if (real_ms() - from > INSTANCE_MS)
		run->faults[fault].late++;
}

/* --- giving ------------------------------------------------------------------------------------------------------------------- */

/*
 * Whether it is kept by the replicas that are asked for: behind sentinels by both, as either may take over, though it has less.
 */
static bool add(struct world *w, struct redis_link *link, uint32_t partition, const char *event, size_t len)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *argv[] = { "XADD", world_key_in(w, arena, partition, "events"), "*", "event", event };
	const size_t lens[] = { 4, strlen(argv[1]), 1, 5, len };
	const struct redis_reply *reply;

	return redis_call_kept(w->base, link, arena, w->options.replicas, ARRAY_LEN(argv), argv, lens, &reply) == 0 && reply->type == REDIS_STRING;
}

/* As a producer does that must lose nothing: again and again, with the same id. */
static void give(struct run *run, int invoice)
{
	struct world *w = &run->world;
	uint32_t partition = world_partition(w, invoice / PER_DEBTOR);
	struct redis_link *link = redis_links_at(w->links, partition);
	int64_t deadline = real_ms() + GIVE_MS;
	char event[2000];
	size_t len = world_event_text(w, event, sizeof(event), WORLD_FINALIZED, invoice, PER_DEBTOR);

	for (;;) {
		if (add(w, link, partition, event, len))
			return;
		if (real_ms() > deadline)
			world_fail("invoice %d cannot be given", invoice);
		run->again++;
		pause_ms(20);
		keep_running(run);
	}
}

/* A part of the book in one script of its partition, kept as the others are. */
static void give_bulk(struct run *run, uint32_t partition, struct arena *arena, const char *const *events, size_t count)
{
	static const char script[] = "for i = 1, #ARGV do redis.call('XADD', KEYS[1], '*', 'event', ARGV[i]) end return #ARGV";
	struct world *w = &run->world;
	const char *argv[4 + BULK] = { "EVAL", script, "1", world_key_in(w, arena, partition, "events") };
	int64_t deadline = real_ms() + GIVE_MS;
	const struct redis_reply *reply;

	memcpy(argv + 4, events, count * sizeof(*events));
	while (redis_call_kept(w->base, redis_links_at(w->links, partition), arena, w->options.replicas, 4 + count, argv, NULL, &reply) != 0 ||
		reply->type != REDIS_INTEGER) {
		if (real_ms() > deadline)
			world_fail("a part of the book cannot be given");
		run->again++;
		pause_ms(20);
	}
}

static void give_book(struct run *run, int until)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *events[PARTITIONS][BULK];
	size_t counts[PARTITIONS] = { 0 };
	char event[2000];

	run->world.due_in = 60 * DAY_MS;
	for (; run->book_given < until; run->book_given++) {
		int invoice = run->book_from + run->book_given;
		uint32_t p = world_partition(&run->world, invoice / PER_DEBTOR);

		(void)world_event_text(&run->world, event, sizeof(event), WORLD_FINALIZED, invoice, PER_DEBTOR);
		events[p][counts[p]++] = arena_strdup(arena, event);
		if (counts[p] == BULK) {
			give_bulk(run, p, arena, events[p], BULK);
			counts[p] = 0;
		}
	}
	for (uint32_t p = 0; p < PARTITIONS; p++)
		if (counts[p])
			give_bulk(run, p, arena, events[p], counts[p]);
	run->world.due_in = 0;
}

/* --- faults ------------------------------------------------------------------------------------------------------------------- */

static void await_take_over(struct run *run, enum fault fault, int old)
{
	struct world *w = &run->world;
	int64_t from = real_ms(), deadline = from + TAKE_OVER_MS;
	int primaries;

	do {
		pause_ms(20);
		keep_running(run);
		primaries = 0;
		for (int i = 0; i < CLUSTER_NODES; i++)
			primaries += i != old && cluster_is_primary(&w->cluster, i);
		if (real_ms() > deadline)
			world_fail("nobody takes over from node %d", old);
	} while (primaries < (run->sentinel ? 1 : 3));
	took_over(run, fault, from);
}

static bool has_changed(struct run *run, int old, int replica)
{
	return run->sentinel ? !cluster_is_primary(&run->world.cluster, old) : cluster_is_primary(&run->world.cluster, replica);
}

/* Sentinels may refuse for now, or give it up; once another one is the primary they are not asked again. */
static void ask_to_change(struct run *run, int old, int replica)
{
	struct cluster *c = &run->world.cluster;

	for (int i = 0; run->sentinel && i < CLUSTER_NODES; i++)
		if (i != old && cluster_is_primary(c, i))
			return;
	if (run->sentinel)
		(void)cluster_cli(c, 3 + pick(3), (const char *const[]){ "SENTINEL", "FAILOVER", "dunning", NULL }, NULL);
	else
		(void)cluster_cli(c, replica, (const char *const[]){ "CLUSTER", "FAILOVER", NULL }, NULL);
}

/* It takes its time: invoices come in meanwhile, and the fault is over when they have. */
static void change_places(struct run *run)
{
	struct cluster *c = &run->world.cluster;
	int64_t asked = real_ms(), deadline;
	int old = run->sentinel ? cluster_primary_of(c, 0) : -1, replica = pick(CLUSTER_NODES);

	while (!run->sentinel && cluster_is_primary(c, replica))
		replica = (replica + 1) % CLUSTER_NODES;
	ask_to_change(run, old, replica);
	for (int i = 0; i < PER_ROUND / 4; i++)
		give(run, run->invoices++);
	for (deadline = real_ms() + TAKE_OVER_MS; !has_changed(run, old, replica); pause_ms(20)) {
		if (real_ms() > deadline)
			world_fail("they do not change places");
		if (real_ms() - asked < ASK_AGAIN_MS)
			continue;
		ask_to_change(run, old, replica);
		asked = real_ms();
	}
}

static int a_primary(struct run *run)
{
	uint32_t partition = (uint32_t)pick(PARTITIONS);

	return run->sentinel ? cluster_primary_of(&run->world.cluster, 0) : cluster_primary_of(&run->world.cluster, partition);
}

/* Those whose partition has no replica now, or is on its way, come later: nobody would keep them. */
static void give_elsewhere(struct run *run, const bool *alone)
{
	for (int i = 0; i < PER_ROUND / 4; i++, run->invoices++)
		if (alone[world_partition(&run->world, run->invoices / PER_DEBTOR)])
			run->later[run->later_count++] = run->invoices;
		else
			give(run, run->invoices);
}

/* A partition that has something to do, and rests with half of its keys at either end. */
static void move(struct run *run)
{
	struct cluster *c = &run->world.cluster;
	bool moving[PARTITIONS] = { false };
	uint32_t partition = world_partition(&run->world, (run->invoices - 1) / PER_DEBTOR);
	int from = cluster_primary_of(c, partition), to = pick(CLUSTER_NODES);

	while (to == from || !cluster_is_primary(c, to))
		to = (to + 1) % CLUSTER_NODES;
	moving[partition] = true;
	cluster_move_begin(c, partition, to);
	(void)cluster_move_keys(c, partition, to, NULL);
	give_elsewhere(run, moving);
	cluster_move_end(c, partition, to);
}

static void led_by(struct run *run, const struct world_instance *instance, int node, bool ret[PARTITIONS])
{
	for (uint32_t p = 0; p < PARTITIONS; p++)
		ret[p] = is_led(run, p, NULL) && !is_led(run, p, instance) && (node < 0 || run->sentinel || cluster_primary_of(&run->world.cluster, p) == node);
}

/* Until the others lead its partitions, or, where there are no others, for a moment. */
static void without(struct run *run, enum fault fault, struct world_instance *instance)
{
	bool theirs[PARTITIONS];
	int64_t from;

	led_by(run, instance, -1, theirs);
	from = real_ms();
	if (fault == FAULT_PAUSED)
		(void)kill(instance->process.pid, SIGSTOP);
	else
		process_kill(&instance->process);
	for (int i = 0; i < PER_ROUND / 4; i++)
		give(run, run->invoices++);
	if (run->count > 1)
		await_led(run, fault, instance, theirs, from);
	if (fault == FAULT_PAUSED)
		(void)kill(instance->process.pid, SIGCONT);
}

/* It knows of the other primaries, and leads on what lies there. */
static void cut(struct run *run)
{
	uint32_t partition = (uint32_t)pick(PARTITIONS);
	int node = cluster_primary_of(&run->world.cluster, partition), i = 0;
	struct world_instance *instance;
	bool theirs[PARTITIONS];
	int64_t from;

	while (i < run->count - 1 && is_led(run, partition, &run->instances[i]))
		i++;
	instance = &run->instances[i];
	led_by(run, instance, node, theirs);
	from = real_ms();
	site_cut(&instance->site, node, true);
	for (int k = 0; k < PER_ROUND / 4; k++)
		give(run, run->invoices++);
	await_led(run, FAULT_CUT, instance, theirs, from);
	site_cut(&instance->site, node, false);
}

static void befall(struct run *run, enum fault fault)
{
	struct world *w = &run->world;
	bool alone[PARTITIONS] = { false };
	int node = a_primary(run);

	run->faults[fault].times++;
	for (uint32_t p = 0; p < PARTITIONS && (fault == FAULT_KILL || fault == FAULT_STILL); p++)
		alone[p] = run->sentinel || cluster_primary_of(&w->cluster, p) == node;
	switch (fault) {
	case FAULT_KILL:
		cluster_kill(&w->cluster, node);
		give_elsewhere(run, alone);
		await_take_over(run, fault, node);
		cluster_revive(&w->cluster, node);
		break;
	case FAULT_STILL:
		cluster_pause(&w->cluster, node, true);
		give_elsewhere(run, alone);
		await_take_over(run, fault, node);
		cluster_pause(&w->cluster, node, false);
		break;
	case FAULT_CHANGE:
		change_places(run);
		break;
	case FAULT_MOVE:
		move(run);
		break;
	case FAULT_DAEMON:
	case FAULT_PAUSED:
		without(run, fault, &run->instances[pick(run->count)]);
		break;
	case FAULT_CUT:
		cut(run);
		break;
	case FAULT_COUNT:
		break;
	}
	for (int i = 0; i < run->later_count; i++)
		give(run, run->later[i]);
	run->later_count = 0;
}

static void play(struct run *run, int round, int rounds, enum fault fault)
{
	int until = run->invoices + PER_ROUND;
	int64_t from = real_ms();

	printf("round %d: %s", round + 1, fault_names[fault]);
	fflush(stdout);
	give_book(run, (int)((int64_t)run->book * (round + 1) / rounds));
	while (run->invoices < until - PER_ROUND / 2)
		give(run, run->invoices++);
	befall(run, fault);
	run->since[round + 1] = utc_now();
	while (run->invoices < until)
		give(run, run->invoices++);
	if (!cluster_whole(&run->world.cluster, TAKE_OVER_MS))
		world_fail("after \"%s\" the servers do not come to agree", fault_names[fault]);
	keep_running(run);
	printf(", %lld ms\n", (long long)(real_ms() - from));
	fflush(stdout);
}

/* --- the end ------------------------------------------------------------------------------------------------------------------ */

static bool has_settled(struct run *run)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	return world_rests(&run->world) &&
		world_sent(&run->world, arena, run->invoices).messages + (run->world.options.plain ? world_doubts(&run->world) : 0) >= run->invoices;
}

static bool settle(struct run *run)
{
	int64_t deadline = real_ms() + SETTLE_MS;

	while (real_ms() < deadline) {
		keep_running(run);
		if (has_settled(run))
			return true;
		pause_ms(100);
	}
	return false;
}

static int ctl(struct run *run, int i, const char *const *words, struct buf *output)
{
	return world_ctl_with(&run->world, run->instances[i].config, words, output);
}

/* One primary of three would drop what dunningd needs, and it is not that of the first partition. */
static void refuses(struct run *run)
{
	static const char fault[] = "maxmemory-policy is allkeys-lru";
	struct world *w = &run->world;
	CLEANUP(buf_clear) struct buf before = { 0 }, after = { 0 };
	const char *doctor[] = { "doctor", NULL };
	int first = cluster_primary_of(&w->cluster, 0), node = -1, status;

	for (uint32_t p = 1; p < PARTITIONS && (node < 0 || node == first); p++)
		node = cluster_primary_of(&w->cluster, p);
	(void)ctl(run, 0, doctor, &before);
	(void)cluster_cli(&w->cluster, node, (const char *const[]){ "CONFIG", "SET", "maxmemory-policy", "allkeys-lru", NULL }, NULL);
	if (strstr(buf_str(&before), fault) || ctl(run, 0, doctor, &after) != 1 || !strstr(buf_str(&after), fault)) {
		fprintf(stderr, "dunningctl doctor does not see the primary that drops keys: %s\n", buf_str(&after));
		run->wrong++;
	}
	process_kill(&run->instances[0].process);
	world_instance_start(w, &run->instances[0]);
	status = process_wait(&run->instances[0].process, 30000);
	if (status < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 78) {
		fprintf(stderr, "dunningd starts on a cluster of which one primary drops keys\n");
		run->wrong++;
	}
}

/* Each says once a second that it lives, so one that was just started is named a moment later. */
static void await_names(struct run *run)
{
	int64_t deadline = real_ms() + INSTANCE_MS;

	for (;;) {
		CLEANUP(buf_clear) struct buf status = { 0 };
		const char *missing = NULL;

		if (ctl(run, 0, (const char *const[]){ "status", NULL }, &status) > 1) /* 1: it tells of what may be missing */
			missing = "anything";
		for (int i = 0; i < run->count && !missing; i++)
			missing = strstr(buf_str(&status), run->instances[i].name) ? NULL : run->instances[i].name;
		if (!missing)
			return;
		if (real_ms() > deadline) {
			fprintf(stderr, "dunningctl status does not name %s: %.2000s\n", missing, buf_str(&status));
			run->wrong++;
			return;
		}
		pause_ms(100);
	}
}

/* What dunningctl sees of all partitions. */
static void look(struct run *run)
{
	CLEANUP(buf_clear) struct buf list = { 0 }, one = { 0 };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	int all = run->book ? run->book_from + run->book : run->invoices, missing = 0;
	bool *seen = arena_alloc(arena, (size_t)all + 1);
	char invoice[24];

	if (ctl(run, 0, (const char *const[]){ "list", "--all", "--limit", "0", "--json", NULL }, &list) != 0) {
		fprintf(stderr, "dunningctl: %.2000s\n", buf_str(&list));
		run->wrong++;
	}
	for (const char *at = list.data ? strstr(list.data, "\"inv_") : NULL; at; at = strstr(at + 1, "\"inv_"))
		if (atoi(at + 5) < all)
			seen[atoi(at + 5)] = true;
	for (int i = 0; i < all; i++)
		missing += !seen[i] && (i < run->invoices || i >= run->book_from);
	if (missing) {
		fprintf(stderr, "dunningctl list does not show %d of %d invoices\n", missing, run->invoices + run->book);
		run->wrong++;
	}
	await_names(run);
	for (int i = 0; i < run->invoices; i += 1 + run->invoices / 5) {
		snprintf(invoice, sizeof(invoice), "inv_%d", i);
		if (ctl(run, 0, (const char *const[]){ "explain", invoice, NULL }, &one) != 0) {
			fprintf(stderr, "dunningctl explain %s: %s\n", invoice, buf_str(&one));
			run->wrong++;
		}
	}
}

/* What was under way at a fault, and no more; the most of all rounds. */
static int doubts_of_rounds(struct run *run, int rounds)
{
	int doubts[ROUNDS_MAX], most = 0;

	world_doubts_from(&run->world, run->since, rounds, doubts);
	for (int i = 0; i < rounds; i++) {
		most = doubts[i] > most ? doubts[i] : most;
		if (doubts[i] <= CONCURRENCY)
			continue;
		fprintf(stderr, "round %d left %d messages in doubt: more than may be sent at the same time\n", i + 1, doubts[i]);
		run->wrong++;
	}
	return most;
}

static void judge(struct run *run, int rounds)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	int all = run->book ? run->book_from + run->book : run->invoices, missing = 0, twice = 0, early = 0, doubted = (int)world_doubts(&run->world), faults = 0;
	int late = 0, most = doubts_of_rounds(run, rounds);
	int64_t longest = 0;
	struct world_sent sent = world_sent(&run->world, arena, all);
	bool plain = run->world.options.plain;

	for (int i = 0; i < all; i++) {
		bool due = i < run->invoices;

		missing += due && sent.captured[i] == 0;
		twice += sent.captured[i] > 1;
		early += !due && sent.captured[i] > 0;
		if (sent.captured[i] > 1 || (due && !plain && !sent.captured[i]) || (!due && sent.captured[i]))
			fprintf(stderr, "invoice %d was reminded %d times\n", i, sent.captured[i]);
	}
	for (int f = 0; f < FAULT_COUNT; f++)
		faults += run->faults[f].times;
	if (missing > (plain ? doubted : 0) || twice || early || (plain && sent.repeated))
		run->wrong++;
	for (int i = 0; i < run->count; i++) {
		CLEANUP(buf_clear) struct buf said = { 0 };

		if (ctl(run, i, (const char *const[]){ "trail", "verify", NULL }, &said) != 0) {
			fprintf(stderr, "%s: %s\n", run->instances[i].name, buf_str(&said));
			run->wrong++;
		}
	}
	printf("%d invoices due and %d not, %d faults: %d missing, %d twice, %d early, %d requests repeated by key, %d in doubt, %d of one round at most; "
	       "%d events given again, dunningd started %d times\n",
		run->invoices, run->book, faults, missing, twice, early, sent.repeated, doubted, most, run->again, run->starts);
	for (int f = 0; f < FAULT_COUNT; f++) {
		late += run->faults[f].late;
		if ((f == FAULT_DAEMON || f == FAULT_PAUSED || f == FAULT_CUT) && run->faults[f].longest_ms > longest)
			longest = run->faults[f].longest_ms;
		if (run->faults[f].taken)
			printf("%s: %d times, taken over %d times, in %lld ms on average, %lld ms at most\n", fault_names[f], run->faults[f].times,
				run->faults[f].taken, (long long)(run->faults[f].sum_ms / run->faults[f].taken), (long long)run->faults[f].longest_ms);
		else if (run->faults[f].times)
			printf("%s: %d times\n", fault_names[f], run->faults[f].times);
	}
	if (longest)
		printf("partitions of an instance: the longest take-over %lld ms, %d later than %d s\n", (long long)longest, late, INSTANCE_MS / 1000);
	run->wrong += late;
}

static int rebuild(struct run *run, struct buf *said)
{
	const char *words[INSTANCES_MAX + 4] = { "instances", "rebuild", "--yes" };

	for (int i = 0; i < run->count; i++)
		words[3 + i] = run->instances[i].state;
	return ctl(run, 0, words, said);
}

/* Every group of the journals stands in Redis, and nothing else; and out of them it can be made again. */
static void compare(struct run *run)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf said = { 0 };
	const char *before, *after;
	int64_t from;

	for (int i = 0; i < run->count; i++)
		if (process_stop(&run->instances[i].process, 60000) != 0) {
			fprintf(stderr, "%s does not stop with 0\n", run->instances[i].name);
			run->wrong++;
		}
	cluster_be_patient(&run->world.cluster); /* for the digest of a large book it thinks longer than a second on a busy machine */
	before = world_state(&run->world, arena);
	if (rebuild(run, &said) != 0 || strcmp(before, world_state(&run->world, arena)) != 0) {
		fprintf(stderr, "a Redis that has everything was changed: %s\n", buf_str(&said));
		run->wrong++;
	}
	for (int i = 0; i < CLUSTER_NODES; i++)
		if (cluster_is_primary(&run->world.cluster, i))
			(void)cluster_cli(&run->world.cluster, i, (const char *const[]){ "FLUSHALL", NULL }, NULL);
	buf_reset(&said);
	from = real_ms();
	if (rebuild(run, &said) != 0) {
		fprintf(stderr, "rebuild: %s\n", buf_str(&said));
		run->wrong++;
	}
	from = real_ms() - from;
	after = world_state(&run->world, arena);
	if (strcmp(before, after) != 0) {
		world_state_differs(before, after);
		run->wrong++;
	}
	printf("emptied and made again out of %d journals in %lld ms: %s (%zu bytes of digests)\n", run->count, (long long)from,
		strcmp(before, after) == 0 ? "the same, byte for byte; no stale commit" : "NOT the same", strlen(before));
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "rounds", required_argument, NULL, 'r' }, { "sentinel", no_argument, NULL, 's' },
		{ "instances", required_argument, NULL, 'i' },
		{ "invoices", required_argument, NULL, 'm' },
		{ "plain", no_argument, NULL, 'P' }, { "seed", required_argument, NULL, 'S' }, { "programs", required_argument, NULL, 'p' },
		{ "keep", no_argument, NULL, 'k' }, { 0 } };
	struct world_options world = { .redis = REDIS_CLUSTER, .partitions = PARTITIONS, .replicas = 1, .concurrency = CONCURRENCY };
	struct run run = { .count = 1 };
	bool keep = false;
	int rounds = 6, o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (o) {
		case 'r':
			rounds = atoi(optarg);
			break;
		case 'i':
			run.count = atoi(optarg);
			break;
		case 'm':
			run.book = atoi(optarg);
			break;
		case 'P':
			world.plain = true;
			break;
		case 's':
			run.sentinel = true;
			break;
		case 'S':
			seed = strtoull(optarg, NULL, 10) * 2 + 1;
			break;
		case 'p':
			world.programs = optarg;
			break;
		case 'k':
			keep = true;
			break;
		default:
			return 2;
		}
	if (run.sentinel) {
		world.redis = REDIS_SENTINEL;
		world.replicas = 2;
	}
	if (run.count < 1 || run.count > INSTANCES_MAX || rounds < 1 || rounds > ROUNDS_MAX)
		return 2;
	run.book_from = rounds * PER_ROUND;
	run.book = run.book > run.book_from ? run.book - run.book_from : 0;
	run.apart = world.apart = run.count > 1 && sites_enter(CLUSTER_NODES);
	if (run.count > 1 && !run.apart && rounds >= ROUNDS_FULL) {
		fprintf(stderr, "%d rounds without a network that is cut would tell too little\n", rounds);
		return 1;
	}
	if (!run.apart)
		puts("PASSED OVER: network cut");
	printf("cluster: %s, %d instances, %d rounds, seed %llu\n", run.sentinel ? "sentinels" : "six nodes", run.count, rounds,
		(unsigned long long)seed / 2);
	world_open(&run.world, &world);
	/* so that something is on its way when it happens */
	world_behave(&run.world, world.plain ? "{\"mode\":\"slow\",\"ms\":20,\"dedupe\":false}" : "{\"mode\":\"slow\",\"ms\":20}");
	for (int i = 0; i < run.count; i++) {
		char name[24];

		snprintf(name, sizeof(name), "host-%c", 'a' + i);
		world_instance(&run.world, name, &run.instances[i]);
		if (run.apart)
			site_make(&run.instances[i].site, i, run.world.port);
	}
	keep_running(&run);
	await_all_led(&run);
	for (int i = 0; i < rounds; i++) {
		enum fault fault = (enum fault)(i < FAULT_COUNT ? i : pick(FAULT_COUNT));

		if (run.sentinel && fault == FAULT_MOVE)
			fault = FAULT_KILL;
		if (!run.apart && fault == FAULT_CUT)
			fault = FAULT_PAUSED;
		play(&run, i, rounds, fault);
	}
	if (!settle(&run)) {
		fprintf(stderr, "not everything came to its end\n");
		run.wrong++;
	}
	judge(&run, rounds);
	look(&run);
	if (run.count > 1)
		compare(&run);
	if (!run.sentinel)
		refuses(&run);
	for (int i = 0; i < run.count; i++)
		process_kill(&run.instances[i].process);
	for (int i = 0; i < run.count; i++)
		site_end(&run.instances[i].site);
	world_close(&run.world, keep || run.wrong);
	return run.wrong ? 1 : 0;
}
