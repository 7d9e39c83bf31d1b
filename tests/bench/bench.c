#include "tests/bench/bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <hiredis/hiredis.h>

double bench_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double bench_cpu(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) + (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

void bench_emit(const char *name, double value, const char *unit)
{
	printf("{\"name\":\"%s\",\"value\":%.6g,\"unit\":\"%s\"}\n", name, value, unit);
	fflush(stdout);
}

void bench_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

int64_t bench_number(const char *text, int64_t min, int64_t max)
{
	char *end;
	long long n = strtoll(text, &end, 10);

	if (!*text || *end || n < min || n > max)
		bench_die("\"%s\" must be a number from %lld to %lld", text, (long long)min, (long long)max);
	return n;
}

redisContext *bench_redis_open(const char *socket)
{
	redisContext *redis = redisConnectUnix(socket);

	if (!redis || redis->err)
		bench_die("redis %s: %s", socket, redis ? redis->errstr : "out of memory");
	return redis;
}

static redisReply *checked(redisContext *redis, void *reply)
{
	redisReply *r = reply;

	if (!r)
		bench_die("redis: %s", redis->errstr);
	if (r->type == REDIS_REPLY_ERROR)
		bench_die("redis: %s", r->str);
	return r;
}

redisReply *bench_redis(redisContext *redis, const char *format, ...)
{
	va_list args;
	void *reply;

	va_start(args, format);
	reply = redisvCommand(redis, format, args);
	va_end(args);
	return checked(redis, reply);
}

redisReply *bench_redis_take(redisContext *redis)
{
	void *reply = NULL;

	if (redisGetReply(redis, &reply) != REDIS_OK)
		reply = NULL;
	return checked(redis, reply);
}

void bench_redis_flush(redisContext *redis)
{
	int done = 0;

	while (!done)
		if (redisBufferWrite(redis, &done) != REDIS_OK)
			bench_die("redis: %s", redis->errstr);
}

size_t bench_event(char *ret, size_t size, int64_t n, int64_t per_debtor, const char *policy, const char *due_on)
{
	long long i = n, c = n / per_debtor;
	int len = snprintf(ret, size,
		"{\"specversion\":\"1.0\",\"id\":\"evt_%010lld\",\"source\":\"https://billing.example/eu\",\"type\":\"invoice.finalized\","
		"\"subject\":\"invoice/inv_%010lld\",\"time\":\"2026-01-02T09:00:00Z\",\"data\":{\"invoice\":{\"id\":\"inv_%010lld\","
		"\"number\":\"F-2026-%08lld\",\"version\":1,\"kind\":\"standard\",\"status\":\"open\",\"issued_on\":\"2026-01-02\","
		"\"due_on\":\"%s\",\"currency\":\"EUR\",\"total_minor\":120000,\"paid_minor\":0,\"credited_minor\":0,"
		"\"due_minor\":120000,\"policy\":\"%s\"},\"customer\":{\"id\":\"cus_%08lld\",\"name\":\"Customer %08lld Ltd\","
		"\"country\":\"GB\",\"kind\":\"company\",\"locale\":\"en-GB\",\"timezone\":\"Europe/London\",\"contacts\":[{\"id\":\"c1\","
		"\"role\":\"billing\",\"name\":\"Accounts\",\"email\":\"accounts.%08lld@customer.example\",\"channels\":[\"email\"]}]}}}",
		i, i, i, i, due_on, policy, c, c, c);

	if (len < 0 || (size_t)len >= size)
		bench_die("the event is too long");
	return (size_t)len;
}
