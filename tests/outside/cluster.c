/*
 * cluster - dunningd on a Redis Cluster of six nodes, or on a primary with two replicas and three sentinels, while these fail.
 *
 *	cluster [--rounds N] [--instances K] [--sentinel] [--seed S] [--programs DIR] [--keep]
 *
 * In each round invoices come in, each kept by a replica before it counts as given; in the middle of them a primary is killed or stands
 * still until another one has taken over, or they change places in order, or a partition's slot is moved with its keys, or a dunningd is
 * killed, or one of several stands still until the others lead its partitions. At the end each invoice that was given is reminded once, and the trail verifies.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "tests/support/world.h"

#define PARTITIONS 12
#define PER_ROUND 48 /* invoices */
#define PER_DEBTOR 2
#define GIVE_MS 60000 /* until an event is kept by a replica */
#define TAKE_OVER_MS 60000
#define SETTLE_MS 300000

#define INSTANCES_MAX 4

enum fault { FAULT_KILL, FAULT_MOVE, FAULT_STILL, FAULT_CHANGE, FAULT_DAEMON, FAULT_PAUSED, FAULT_COUNT };
static const char *const fault_names[] = { "primary killed", "slot moved", "primary stands still", "places changed", "dunningd killed", "dunningd stands still" };

struct run {
	struct world world;
	struct world_instance instances[INSTANCES_MAX];
	int count; /* of them */
	bool sentinel;
	int invoices, wrong, starts, again; /* again: events given more than once, as nobody knew whether they were kept */
	int faults[FAULT_COUNT];
	int later[PER_ROUND], later_count;
	int64_t longest_ms, led_ms; /* take-overs: of the servers, and of the partitions of an instance that stands still */
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

/* The partitions that it leads, as Redis knows. */
static int led(struct run *run, const struct world_instance *instance)
{
	int n = 0;

	for (uint32_t p = 0; p < (uint32_t)run->world.options.partitions; p++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const char *get[] = { "GET", world_key_in(&run->world, arena, p, "lease"), NULL };
		const struct redis_reply *lease = world_redis(&run->world, arena, get);

		n += lease->type == REDIS_STRING && strncmp(lease->str, instance->name, strlen(instance->name)) == 0;
	}
	return n;
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

/* --- faults ------------------------------------------------------------------------------------------------------------------- */

static void await_take_over(struct run *run, int old)
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
	if (real_ms() - from > run->longest_ms)
		run->longest_ms = real_ms() - from;
}

static void change_places(struct run *run)
{
	struct world *w = &run->world;
	const char *sentinel[] = { "SENTINEL", "FAILOVER", "dunning", NULL }, *cluster[] = { "CLUSTER", "FAILOVER", NULL };

	if (run->sentinel)
		(void)cluster_cli(&w->cluster, 3 + pick(3), sentinel, NULL);
	else
		for (int i = pick(CLUSTER_NODES), k = 0; k < CLUSTER_NODES; k++, i = (i + 1) % CLUSTER_NODES)
			if (!cluster_is_primary(&w->cluster, i)) {
				(void)cluster_cli(&w->cluster, i, cluster, NULL);
				break;
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

/* Until the others lead its partitions, or, where there are no others, for a moment. */
static void stand_still(struct run *run, struct world_instance *instance)
{
	int64_t from = real_ms();

	(void)kill(instance->process.pid, SIGSTOP);
	for (int i = 0; i < PER_ROUND / 4; i++)
		give(run, run->invoices++);
	while (run->count > 1 && led(run, instance) > 0) {
		if (real_ms() - from > TAKE_OVER_MS)
			world_fail("nobody leads the partitions of %s, which stands still", instance->name);
		pause_ms(50);
	}
	if (run->count > 1 && real_ms() - from > run->led_ms)
		run->led_ms = real_ms() - from;
	(void)kill(instance->process.pid, SIGCONT);
}

static void befall(struct run *run, enum fault fault)
{
	struct world *w = &run->world;
	bool alone[PARTITIONS] = { false };
	int node = a_primary(run);

	run->faults[fault]++;
	for (uint32_t p = 0; p < PARTITIONS && (fault == FAULT_KILL || fault == FAULT_STILL); p++)
		alone[p] = run->sentinel || cluster_primary_of(&w->cluster, p) == node;
	switch (fault) {
	case FAULT_KILL:
		cluster_kill(&w->cluster, node);
		give_elsewhere(run, alone);
		await_take_over(run, node);
		cluster_revive(&w->cluster, node);
		break;
	case FAULT_STILL:
		cluster_pause(&w->cluster, node, true);
		give_elsewhere(run, alone);
		await_take_over(run, node);
		cluster_pause(&w->cluster, node, false);
		break;
	case FAULT_CHANGE:
		change_places(run);
		break;
	case FAULT_MOVE:
		move(run);
		break;
	case FAULT_DAEMON:
		process_kill(&run->instances[pick(run->count)].process);
		keep_running(run);
		break;
	case FAULT_PAUSED:
		stand_still(run, &run->instances[pick(run->count)]);
		break;
	case FAULT_COUNT:
		break;
	}
	for (int i = 0; i < run->later_count; i++)
		give(run, run->later[i]);
	run->later_count = 0;
}

static void play(struct run *run, enum fault fault)
{
	int until = run->invoices + PER_ROUND;

	while (run->invoices < until - PER_ROUND / 2)
		give(run, run->invoices++);
	befall(run, fault);
	while (run->invoices < until)
		give(run, run->invoices++);
	if (!cluster_whole(&run->world.cluster, TAKE_OVER_MS))
		world_fail("after \"%s\" the servers do not come to agree", fault_names[fault]);
	keep_running(run);
}

/* --- the end ------------------------------------------------------------------------------------------------------------------ */

static bool settle(struct run *run)
{
	int64_t deadline = real_ms() + SETTLE_MS;

	while (real_ms() < deadline) {
		keep_running(run);
		if (world_rests(&run->world))
			return true;
		pause_ms(50);
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
	struct world *w = &run->world;
	int first = cluster_primary_of(&w->cluster, 0), node = -1, status;

	for (uint32_t p = 1; p < PARTITIONS && (node < 0 || node == first); p++)
		node = cluster_primary_of(&w->cluster, p);
	(void)cluster_cli(&w->cluster, node, (const char *const[]){ "CONFIG", "SET", "maxmemory-policy", "allkeys-lru", NULL }, NULL);
	process_kill(&run->instances[0].process);
	world_instance_start(w, &run->instances[0]);
	status = process_wait(&run->instances[0].process, 30000);
	if (status < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 78) {
		fprintf(stderr, "dunningd starts on a cluster of which one primary drops keys\n");
		run->wrong++;
	}
}

/* What dunningctl sees of all partitions. */
static void look(struct run *run)
{
	CLEANUP(buf_clear) struct buf list = { 0 }, status = { 0 }, one = { 0 };
	char invoice[24];
	int lines = 0;

	if (ctl(run, 0, (const char *const[]){ "list", "--all", "--limit", "0", "--json", NULL }, &list) != 0 ||
		ctl(run, 0, (const char *const[]){ "status", NULL }, &status) > 1) { /* 1: it tells of what may be missing */
		fprintf(stderr, "dunningctl: %s%s\n", buf_str(&list), buf_str(&status));
		run->wrong++;
	}
	for (const char *at = list.data ? strstr(list.data, "\"inv_") : NULL; at; at = strstr(at + 1, "\"inv_"))
		lines++;
	if (lines < run->invoices) {
		fprintf(stderr, "dunningctl list shows %d of %d invoices\n", lines, run->invoices);
		run->wrong++;
	}
	for (int i = 0; i < run->invoices; i += 1 + run->invoices / 5) {
		snprintf(invoice, sizeof(invoice), "inv_%d", i);
		if (ctl(run, 0, (const char *const[]){ "explain", invoice, NULL }, &one) != 0) {
			fprintf(stderr, "dunningctl explain %s: %s\n", invoice, buf_str(&one));
			run->wrong++;
		}
	}
}

static void judge(struct run *run)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct world_sent sent = world_sent(&run->world, arena, run->invoices);
	int missing = 0, twice = 0;

	for (int i = 0; i < run->invoices; i++) {
		missing += sent.captured[i] == 0;
		twice += sent.captured[i] > 1;
		if (sent.captured[i] != 1)
			fprintf(stderr, "invoice %d was reminded %d times\n", i, sent.captured[i]);
	}
	if (missing || twice)
		run->wrong++;
	for (int i = 0; i < run->count; i++) {
		CLEANUP(buf_clear) struct buf said = { 0 };

		if (ctl(run, i, (const char *const[]){ "trail", "verify", NULL }, &said) != 0) {
			fprintf(stderr, "%s: %s\n", run->instances[i].name, buf_str(&said));
			run->wrong++;
		}
	}
	printf("%d invoices: %d missing, %d twice, %d requests repeated; %d events given again, dunningd started %d times; longest take-over of "
	       "the servers %lld ms\n",
		run->invoices, missing, twice, sent.repeated, run->again, run->starts, (long long)run->longest_ms);
	if (run->led_ms)
		printf("longest take-over of the partitions of an instance that stands still: %lld ms\n", (long long)run->led_ms);
	for (int f = 0; f < FAULT_COUNT; f++)
		if (run->faults[f])
			printf("%s: %d\n", fault_names[f], run->faults[f]);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "rounds", required_argument, NULL, 'r' }, { "sentinel", no_argument, NULL, 's' },
		{ "instances", required_argument, NULL, 'i' },
		{ "seed", required_argument, NULL, 'S' }, { "programs", required_argument, NULL, 'p' }, { "keep", no_argument, NULL, 'k' }, { 0 } };
	struct world_options world = { .redis = REDIS_CLUSTER, .partitions = PARTITIONS, .replicas = 1, .concurrency = 8 };
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
		world.partitions = world.replicas = 2;
	}
	if (run.count < 1 || run.count > INSTANCES_MAX)
		return 2;
	printf("cluster: %s, %d instances, %d rounds, seed %llu\n", run.sentinel ? "sentinels" : "six nodes", run.count, rounds,
		(unsigned long long)seed / 2);
	world_open(&run.world, &world);
	world_behave(&run.world, "{\"mode\":\"slow\",\"ms\":20}"); /* so that something is on its way when it happens */
	for (int i = 0; i < run.count; i++) {
		char name[24];

		snprintf(name, sizeof(name), "host-%c", 'a' + i);
		world_instance(&run.world, name, &run.instances[i]);
	}
	keep_running(&run);
	for (int i = 0; i < rounds; i++) {
		enum fault fault = (enum fault)(i < FAULT_COUNT ? i : pick(FAULT_COUNT));

		if (run.sentinel && fault == FAULT_MOVE)
			fault = FAULT_KILL;
		play(&run, fault);
	}
	if (!settle(&run)) {
		fprintf(stderr, "not everything came to its end\n");
		run.wrong++;
	}
	judge(&run);
	look(&run);
	if (!run.sentinel)
		refuses(&run);
	for (int i = 0; i < run.count; i++)
		process_kill(&run.instances[i].process);
	world_close(&run.world, keep || run.wrong);
	return run.wrong ? 1 : 0;
}
