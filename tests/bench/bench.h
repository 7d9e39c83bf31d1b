/* bench - what the programs of tests/bench share: time, one JSON line a figure, a blocking Redis client, the sample event. */
#ifndef DUNNINGD_TESTS_BENCH_H
#define DUNNINGD_TESTS_BENCH_H

#include <stddef.h>
#include <stdint.h>

struct redisContext;

double bench_now(void); /* monotonic seconds */
double bench_cpu(void); /* seconds of user and system time of this process */
/* {"name":..., "value":..., "unit":...} on stdout: the form that the peers' bench prints too. */
void bench_emit(const char *name, double value, const char *unit);
void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
int64_t bench_number(const char *text, int64_t min, int64_t max);

struct redisContext *bench_redis_open(const char *socket);
/* A blocking command; the caller frees with freeReplyObject(). An error reply ends the program. */
struct redisReply;
struct redisReply *bench_redis(struct redisContext *redis, const char *format, ...);
struct redisReply *bench_redis_take(struct redisContext *redis); /* the next pipelined answer */
void bench_redis_flush(struct redisContext *redis);

/* invoice.finalized of invoice `n` (from 0) of debtor n / per_debtor. Its bytes; 2048 are enough. */
size_t bench_event(char *ret, size_t size, int64_t n, int64_t per_debtor, const char *policy, const char *due_on);

#endif
