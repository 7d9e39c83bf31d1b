/*
 * bench_instances - how throughput grows with the instances of dunningd and the primaries of a Redis Cluster: 1, 2 and 3 of both, each time on a
 * new cluster whose 12 partitions lie on as many primaries as there are instances.
 *
 *	bench_instances [--events N] [--sends M] [--seconds S]
 *
 * What is pushed is counted from the first byte of the first event to the last one applied; then, with invoices that are due, to the last
 * message that the provider accepted. Primaries, replicas, the sandbox and this program share the processors with dunningd, so it also says how
 * busy they were: from there on only more processors help.
 */
#include <getopt.h>
#include <stdio.h>

#include "common/utc.h"
#include "tests/bench/bench.h"
#include "tests/support/world.h"

#define PARTITIONS 12
#define MOST 3
#define PER_DEBTOR 3

struct bench {
	struct world world;
	struct world_instance instances[MOST];
	int count, pushed;
	double limit;
};

/* Of all processors: in use, and in all, since the machine began. */
static void processors(double *busy, double *all)
{
	double user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0;
	FILE *file = fopen("/proc/stat", "r");

	if (!file || fscanf(file, "cpu %lf %lf %lf %lf %lf %lf %lf", &user, &nice, &system, &idle, &wait, &irq, &soft) != 7)
		bench_die("/proc/stat cannot be read");
	fclose(file);
	*busy = user + nice + system + irq + soft;
	*all = *busy + idle + wait;
}

static int led_by(struct bench *b, int i)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json status = world_instance_status(&b->world, &b->instances[i], arena), partitions = json_get(&status, "partitions");
	int led = 0;

	for (size_t p = 0; p < json_len(&partitions); p++) {
		struct json one = json_at(&partitions, p), state = json_get(&one, "state");

		led += json_str(&state) && strcmp(json_str(&state), "running") == 0;
	}
	return led;
}

static void until(struct bench *b, bool (*reached)(struct bench *), const char *what)
{
	double end = bench_now() + b->limit;

	while (!reached(b)) {
		for (int i = 0; i < b->count; i++)
			if (!process_running(&b->instances[i].process))
				bench_die("%s ended, see %s", b->instances[i].name, b->instances[i].log);
		if (bench_now() > end)
			bench_die("%s: not within %.0f s", what, b->limit);
		pause_ms(5);
	}
}

static bool spread(struct bench *b)
{
	for (int i = 0; i < b->count; i++)
		if (led_by(b, i) != PARTITIONS / b->count)
			return false;
	return true;
}

static bool applied(struct bench *b)
{
	return world_applied(&b->world);
}

static bool all_sent(struct bench *b)
{
	return world_applied(&b->world) && world_rests(&b->world);
}

static void measure(struct bench *b, int count, bool (*reached)(struct bench *), const char *what, const char *unit)
{
	double busy[2], all[2], from = bench_now();
	char name[60];

	processors(&busy[0], &all[0]);
	world_push_range(&b->world, WORLD_FINALIZED, b->pushed, count, PER_DEBTOR);
	b->pushed += count;
	until(b, reached, what);
	processors(&busy[1], &all[1]);
	snprintf(name, sizeof(name), "instances.%d.%s", b->count, what);
	bench_emit(name, count / (bench_now() - from), unit);
	snprintf(name, sizeof(name), "instances.%d.%s_busy", b->count, what);
	bench_emit(name, 100 * (busy[1] - busy[0]) / (all[1] - all[0]), "%");
}

/* This program's own link hears of the move by being turned away. */
static void find_again(struct bench *b, uint32_t partition)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *look[] = { "EXISTS", world_key_in(&b->world, arena, partition, "events") };
	double end = bench_now() + b->limit;
	const struct redis_reply *reply;

	while (redis_call(b->world.base, redis_links_at(b->world.links, partition), arena, 2, look, NULL, &reply) < 0 || reply->type != REDIS_INTEGER) {
		if (bench_now() > end)
			bench_die("partition %u is not found again", partition);
		pause_ms(5);
	}
}

/* Partition p on the primary number p % count, before anything is in it. */
static void place_partitions(struct bench *b)
{
	int primaries[CLUSTER_NODES], n = 0;

	for (int i = 0; i < CLUSTER_NODES; i++)
		if (cluster_is_primary(&b->world.cluster, i))
			primaries[n++] = i;
	if (n < b->count)
		bench_die("the cluster has %d primaries", n);
	for (uint32_t p = 0; p < PARTITIONS; p++) {
		cluster_move(&b->world.cluster, p, primaries[p % (uint32_t)b->count]);
		find_again(b, p);
	}
}

static void play(int count, int events, int sends, double limit)
{
	struct bench b = { .count = count, .limit = limit };
	struct world_options options = { .redis = REDIS_CLUSTER, .partitions = PARTITIONS, .concurrency = 60 };

	world_open(&b.world, &options);
	place_partitions(&b);
	for (int i = 0; i < count; i++) {
		char name[24];

		snprintf(name, sizeof(name), "host-%c", 'a' + i);
		world_instance(&b.world, name, &b.instances[i]);
		world_instance_start(&b.world, &b.instances[i]);
	}
	until(&b, spread, "an even share of the partitions");
	b.world.due_in = 30 * DAY_MS;
	measure(&b, events, applied, "taken_in", "event/s");
	b.world.due_in = 0;
	measure(&b, sends, all_sent, "sent", "message/s");
	for (int i = 0; i < count; i++)
		if (process_stop(&b.instances[i].process, 60000) != 0)
			bench_die("%s does not stop with 0", b.instances[i].name);
	world_close(&b.world, false);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "events", 1, NULL, 'e' }, { "sends", 1, NULL, 'm' }, { "seconds", 1, NULL, 's' }, { 0 } };
	int events = 30000, sends = 6000, option;
	double limit = 300;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		switch (option) {
		case 'e': events = (int)bench_number(optarg, PARTITIONS, 10000000); break;
		case 'm': sends = (int)bench_number(optarg, PARTITIONS, 10000000); break;
		case 's': limit = (double)bench_number(optarg, 1, 100000); break;
		default: return 2;
		}
	for (int count = 1; count <= MOST; count++)
		play(count, events, sends, limit);
	return 0;
}
