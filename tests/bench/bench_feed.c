/*
 * bench_feed - pushes N invoice.finalized events into the inbound stream, pipelined, with ids that count (1-1, 1-2 ...), so that the
 * cursor tells how many were applied.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "tests/bench/bench.h"

#define FLIGHT 250

static const char usage[] =
	"usage: bench_feed --redis SOCKET --count N [--from N] [--per-debtor N] [--policy NAME] [--due-on DATE] [--stream KEY]\n";

int main(int argc, char **argv)
{
	static const struct option options[] = { { "redis", 1, NULL, 'r' }, { "count", 1, NULL, 'n' }, { "from", 1, NULL, 'f' },
		{ "per-debtor", 1, NULL, 'd' }, { "policy", 1, NULL, 'p' }, { "due-on", 1, NULL, 'u' }, { "stream", 1, NULL, 's' },
		{ 0 } };
	const char *socket = NULL, *policy = "bench-later", *due_on = "2099-01-01", *stream = "dunning:{0}:events";
	int64_t count = 0, from = 0, per_debtor = 5, bytes = 0, asked = 0, sent;
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
		case 's': stream = optarg; break;
		default: bench_die("%s", usage);
		}
	if (!socket || !count)
		bench_die("%s", usage);
	redis = bench_redis_open(socket);
	began = bench_now();
	for (sent = from; sent < from + count;) {
		for (int i = 0; i < FLIGHT && sent < from + count; i++, sent++) {
			char event[2048], id[32];
			size_t len = bench_event(event, sizeof(event), sent, per_debtor, policy, due_on);
			const char *words[] = { "XADD", stream, id, "event", event };
			size_t lens[] = { 4, strlen(stream), (size_t)snprintf(id, sizeof(id), "1-%lld", (long long)sent + 1), 5, len };

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
