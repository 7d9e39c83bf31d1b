/*
 * bench_watch - how fast dunningd applies what bench_feed pushed: looks at the cursors until the last entry is applied. The rate is taken
 * between the first progress seen and the end.
 */
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "tests/bench/bench.h"

static int64_t applied(redisContext *redis, int partitions)
{
	int64_t sum = 0;

	for (int p = 0; p < partitions; p++) {
		redisReply *reply = bench_redis(redis, "HGET dunning:{%d}:cursor dunning:{%d}:events", p, p);
		const char *dash = reply->str ? strchr(reply->str, '-') : NULL;

		sum += dash ? strtoll(dash + 1, NULL, 10) : 0;
		freeReplyObject(reply);
	}
	return sum;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "redis", 1, NULL, 'r' }, { "count", 1, NULL, 'n' }, { "partitions", 1, NULL, 'p' },
		{ "limit", 1, NULL, 'l' }, { "name", 1, NULL, 'm' }, { 0 } };
	const char *socket = NULL, *name = "ingest";
	int64_t count = 0, first = 0, now;
	double limit = 600, began = bench_now(), first_at = 0, last_at;
	redisContext *redis;
	int option, partitions = 1;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		switch (option) {
		case 'r': socket = optarg; break;
		case 'n': count = bench_number(optarg, 1, 100000000); break;
		case 'p': partitions = (int)bench_number(optarg, 1, 1024); break;
		case 'l': limit = (double)bench_number(optarg, 1, 100000); break;
		case 'm': name = optarg; break;
		default: return 2;
		}
	if (!socket || !count)
		bench_die("usage: bench_watch --redis SOCKET --count N [--partitions N] [--limit SECONDS] [--name NAME]");
	redis = bench_redis_open(socket);
	while ((now = applied(redis, partitions)) < count) {
		last_at = bench_now();
		if (now && !first) {
			first = now;
			first_at = last_at;
		}
		if (last_at - began > limit)
			bench_die("only %lld of %lld events were applied within %.0f s", (long long)now, (long long)count, limit);
		poll(NULL, 0, first ? 5 : 1);
	}
	last_at = bench_now();
	if (!first)
		bench_die("everything was applied before it was looked at");
	bench_emit(name, (double)(count - first) / (last_at - first_at), "event/s");
	redisFree(redis);
	return 0;
}
