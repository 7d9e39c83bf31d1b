/*
 * cluster - one dunningd on a Redis Cluster of six nodes, or on a primary with two replicas and three sentinels, while these fail.
 *
 *	cluster [--rounds N] [--sentinel] [--seed S] [--programs DIR] [--keep]
 *
 * In each round invoices come in, each kept by a replica before it counts as given; in the middle of them a primary is killed or stands
 * still until another one has taken over, or they change places in order, or a partition's slot is moved with its keys, or dunningd is
 * killed. At the end each invoice that was given is reminded once, and the trail verifies.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/world.h"

#define PARTITIONS 12
#define PER_ROUND 48 /* invoices */
#define PER_DEBTOR 2
#define GIVE_MS 60000 /* until an event is kept by a replica */
#define TAKE_OVER_MS 60000
#define SETTLE_MS 300000

enum fault { FAULT_KILL, FAULT_MOVE, FAULT_STILL, FAULT_CHANGE, FAULT_DAEMON, FAULT_COUNT };
static const char *const fault_names[] = { "primary killed", "slot moved", "primary stands still", "places changed", "dunningd killed" };

struct run {
	struct world world;
	bool sentinel;
	int invoices, wrong, starts, again; /* again: events given more than once, as nobody knew whether they were kept */
	int faults[FAULT_COUNT];
	int later[PER_ROUND], later_count;
	int64_t longest_ms; /* from a fault until the partition commits again */
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

	if (process_running(&w->daemon))
		return;
	run->starts++;
	world_start(w, NULL);
}

/* --- giving ------------------------------------------------------------------------------------------------------------------- */

/*
 * Whether it, and all before it over this connection, is kept by the replicas that are asked for: behind sentinels by both, as either may take
 * over, though it has less.
 */
static bool kept(struct run *run, struct redis_link *link, uint64_t connection)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *wait[] = { "WAIT", run->sentinel ? "2" : "1", "2000" };
	const struct redis_reply *reply;

	return redis_call(run->world.base, link, arena, ARRAY_LEN(wait), wait, NULL, &reply) == 0 && reply->type == REDIS_INTEGER &&
		reply->integer >= 1 + run->sentinel &&
		redis_link_connection(link) == connection;
}

static bool add(struct world *w, struct redis_link *link, uint32_t partition, const char *event, size_t len, uint64_t *connection)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *argv[] = { "XADD", world_key_in(w, arena, partition, "events"), "*", "event", event };
	const size_t lens[] = { 4, strlen(argv[1]), 1, 5, len };
	const struct redis_reply *reply;
	int r = redis_call(w->base, link, arena, ARRAY_LEN(argv), argv, lens, &reply);

	*connection = redis_link_connection(link);
	return r == 0 && reply->type == REDIS_STRING;
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
		uint64_t connection;

		if (add(w, link, partition, event, len, &connection) && kept(run, link, connection))
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

/* Those whose partition has no replica now come later: nobody would keep them. */
static void give_elsewhere(struct run *run, const bool *alone)
{
	for (int i = 0; i < PER_ROUND / 4; i++, run->invoices++)
		if (alone[world_partition(&run->world, run->invoices / PER_DEBTOR)])
			run->later[run->later_count++] = run->invoices;
		else
			give(run, run->invoices);
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
		for (int to = 0; to < CLUSTER_NODES; to++)
			if (to != node && cluster_is_primary(&w->cluster, to)) {
				cluster_move(&w->cluster, (uint32_t)pick(PARTITIONS), to);
				break;
			}
		break;
	case FAULT_DAEMON:
		process_kill(&w->daemon);
		keep_running(run);
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
		if (world_quiet(&run->world, 5000))
			return true;
	}
	return false;
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
	if (!world_trail_verifies(&run->world))
		run->wrong++;
	printf("%d invoices: %d missing, %d twice, %d requests repeated; %d events given again, dunningd started %d times; longest take-over of "
	       "the servers %lld ms\n",
		run->invoices, missing, twice, sent.repeated, run->again, run->starts, (long long)run->longest_ms);
	for (int f = 0; f < FAULT_COUNT; f++)
		if (run->faults[f])
			printf("%s: %d\n", fault_names[f], run->faults[f]);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "rounds", required_argument, NULL, 'r' }, { "sentinel", no_argument, NULL, 's' },
		{ "seed", required_argument, NULL, 'S' }, { "programs", required_argument, NULL, 'p' }, { "keep", no_argument, NULL, 'k' }, { 0 } };
	struct world_options world = { .redis = REDIS_CLUSTER, .partitions = PARTITIONS, .replicas = 1, .concurrency = 8 };
	struct run run = { 0 };
	bool keep = false;
	int rounds = 6, o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (o) {
		case 'r':
			rounds = atoi(optarg);
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
	printf("cluster: %s, %d rounds, seed %llu\n", run.sentinel ? "sentinels" : "six nodes", rounds, (unsigned long long)seed / 2);
	world_open(&run.world, &world);
	world_behave(&run.world, "{\"mode\":\"slow\",\"ms\":20}"); /* so that something is on its way when it happens */
	keep_running(&run);
	if (!world_ready(&run.world, 30000))
		world_fail("dunningd does not come up: see %s", run.world.dir);
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
	world_close(&run.world, keep || run.wrong);
	return run.wrong ? 1 : 0;
}
