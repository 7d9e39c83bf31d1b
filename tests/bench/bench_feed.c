/*
 * bench_feed - pushes N invoice.finalized events into the inbound stream of their partitions, pipelined, with ids that count (1-1,
 * 1-2 ... in each), so that the cursors tell how many were applied.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "common/hash.h"
#include "tests/bench/bench.h"

#define FLIGHT 250

static const char usage[] =
	"usage: bench_feed --redis SOCKET --count N [--from N] [--per-debtor N] [--policy NAME] [--due-on DATE] [--partitions N]\n";

int main(int argc, char **argv)
{
	static const struct option options[] = { { "redis", 1, NULL, 'r' }, { "count", 1, NULL, 'n' }, { "from", 1, NULL, 'f' },
		{ "per-debtor", 1, NULL, 'd' }, { "policy", 1, NULL, 'p' }, { "due-on", 1, NULL, 'u' }, { "partitions", 1, NULL, 's' },
		{ 0 } };
	const char *socket = NULL, *policy = "bench-later", *due_on = "2099-01-01";
	int64_t count = 0, from = 0, per_debtor = 5, partitions = 1, bytes = 0, asked = 0, sent;
	int64_t *in_partition;
	redisContext *redis;
	double began;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		switch (option) {
		case 'r': socket = optarg; break;
		case 'n': count = bench_number(optarg, 1, 100000000); break;
		case 'f': from = bench_number(optarg, 0, 100000000); break;
		case 'd': per_debtor = bench_number(optarg, 1, 1000); break;
		case 'p': policy = optarg; break;
		case 'u': due_on = optarg; break;
		case 's': partitions = bench_number(optarg, 1, 1024); break;
		default: bench_die("%s", usage);
		}
	if (!socket || !count)
		bench_die("%s", usage);
	if (from % per_debtor)
		bench_die("--from must be a multiple of --per-debtor");
	redis = bench_redis_open(socket);
	in_partition = calloc((size_t)partitions, sizeof(*in_partition));
	began = bench_now();
	for (sent = from; sent < from + count;) {
		for (int i = 0; i < FLIGHT && sent < from + count; i++, sent++) {
			char event[2048], id[32], stream[48], customer[32];
			int64_t p;
			size_t len = bench_event(event, sizeof(event), sent, per_debtor, policy, due_on);
			const char *words[] = { "XADD", stream, id, "event", event };
			size_t lens[] = { 4, 0, 0, 5, len };

			snprintf(customer, sizeof(customer), "cus_%08lld", (long long)(sent / per_debtor));
			p = crc16_redis(customer, strlen(customer)) % 16384 % partitions;
			lens[1] = (size_t)snprintf(stream, sizeof(stream), "dunning:{%lld}:events", (long long)p);
			lens[2] = (size_t)snprintf(id, sizeof(id), "%lld-%lld", (long long)from + 1, (long long)++in_partition[p]);
			redisAppendCommandArgv(redis, 5, words, lens);
			bytes += (int64_t)len;
		}
		bench_redis_flush(redis);
		while (sent - from - asked > FLIGHT) { /* two flights under way */
			freeReplyObject(bench_redis_take(redis));
			asked++;
		}
	}
	for (; asked < count; asked++)
		freeReplyObject(bench_redis_take(redis));
	bench_emit("feed.rate", (double)count / (bench_now() - began), "event/s");
	bench_emit("feed.event_bytes", (double)bytes / (double)count, "B");
	redisFree(redis);
	return 0;
}
