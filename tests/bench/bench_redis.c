/*
 * bench_redis - the raw cursor loop: what Redis and one client could do at most with the bytes that dunningd moves for each event. Reads
 * the inbound stream by XREAD from a cursor, and commits as many bytes per group as dunningd does (invoice and debtor documents,
 * timers, outbound events, the cursor) in one call of a script that checks nothing but the epoch. It parses nothing, decides nothing,
 * loads nothing, journals nothing; the next group is read while this one is committed.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "tests/bench/bench.h"

static const char script[] =
	"if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end\n"
	"local sets, timers, events = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])\n"
	"local i = 6\n"
	"redis.call('MSET', unpack(ARGV, i, i + 2 * sets - 1)); i = i + 2 * sets\n"
	"redis.call('ZADD', KEYS[2], unpack(ARGV, i, i + 2 * timers - 1)); i = i + 2 * timers\n"
	"for k = i, i + events - 1 do redis.call('XADD', KEYS[3], '*', 'event', ARGV[k]) end\n"
	"redis.call('HSET', KEYS[1], 'cursor', ARGV[2])\n"
	"return 1\n";

struct load {
	int64_t invoice_bytes, debtor_bytes, outbound_bytes, per_debtor, batch;
	double outbound_per_event;
	char *invoice, *debtor, *outbound;
};

static char *text_of(int64_t size)
{
	char *text = calloc(1, (size_t)size + 1);

	if (!text)
		bench_die("out of memory");
	memset(text, 'x', (size_t)size);
	return text;
}

struct words {
	const char **argv;
	size_t *lens;
	int count;
};

static void word(struct words *w, const char *text, size_t len)
{
	w->argv[w->count] = text;
	w->lens[w->count++] = len;
}

/* Puts `before` and a number of at least `width` digits at `to`; gives the room taken. */
static int text_word(struct words *w, char *to, const char *before, int width, int64_t n)
{
	int len = sprintf(to, "%s%0*lld", before, width, (long long)n);

	word(w, to, (size_t)len);
	return len + 1;
}

/* Group of `count` events, the first of them number `from`. `text` has room for its short words. */
static void commit(redisContext *redis, const char *sha, const struct load *load, int64_t from, size_t count, const char *id,
	struct words *w, char *text)
{
	size_t debtors = (count + (size_t)load->per_debtor - 1) / (size_t)load->per_debtor;
	size_t events = (size_t)((double)count * load->outbound_per_event);

	w->count = 0;
	word(w, "EVALSHA", 7);
	word(w, sha, 40);
	word(w, "3", 1);
	word(w, "raw:{0}:cursor", 14);
	word(w, "raw:{0}:due", 11);
	word(w, "raw:{0}:outbound", 16);
	word(w, "7", 1);
	word(w, id, strlen(id));
	text += text_word(w, text, "", 1, (int64_t)(count + debtors));
	text += text_word(w, text, "", 1, (int64_t)count);
	text += text_word(w, text, "", 1, (int64_t)events);
	for (size_t i = 0; i < count; i++) {
		text += text_word(w, text, "raw:{0}:escalation:inv_", 10, from + (int64_t)i);
		word(w, load->invoice, (size_t)load->invoice_bytes);
	}
	for (size_t i = 0; i < debtors; i++) {
		text += text_word(w, text, "raw:{0}:debtor:cus_", 8, from / load->per_debtor + (int64_t)i);
		word(w, load->debtor, (size_t)load->debtor_bytes);
	}
	for (size_t i = 0; i < count; i++) {
		text += text_word(w, text, "", 1, 4070908800000LL + (from + (int64_t)i) * 7919 % 86400000);
		text += text_word(w, text, "inv_", 10, from + (int64_t)i);
	}
	for (size_t i = 0; i < events; i++)
		word(w, load->outbound, (size_t)load->outbound_bytes);
	redisAppendCommandArgv(redis, w->count, w->argv, w->lens);
}

static void ask(redisContext *redis, const struct load *load, const char *stream, const char *id)
{
	redisAppendCommand(redis, "XREAD COUNT %lld STREAMS %s %s", (long long)load->batch, stream, id);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "redis", 1, NULL, 'r' }, { "count", 1, NULL, 'n' }, { "stream", 1, NULL, 's' },
		{ "invoice-bytes", 1, NULL, 'i' }, { "debtor-bytes", 1, NULL, 'd' }, { "outbound-bytes", 1, NULL, 'o' },
		{ "outbound-per-event", 1, NULL, 'e' }, { "per-debtor", 1, NULL, 'p' }, { "batch", 1, NULL, 'b' }, { 0 } };
	struct load load = { .invoice_bytes = 600, .debtor_bytes = 800, .outbound_bytes = 300, .outbound_per_event = 1,
		.per_debtor = 5, .batch = 200 };
	const char *socket = NULL, *stream = "dunning:{0}:events";
	struct words words = { 0 };
	int64_t count = 0, done = 0;
	char *text, sha[41], id[48] = "0-0";
	double began, cpu;
	redisContext *redis;
	redisReply *reply;
	bool committing = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		switch (option) {
		case 'r': socket = optarg; break;
		case 'n': count = bench_number(optarg, 1, 100000000); break;
		case 's': stream = optarg; break;
		case 'i': load.invoice_bytes = bench_number(optarg, 1, 100000); break;
		case 'd': load.debtor_bytes = bench_number(optarg, 1, 100000); break;
		case 'o': load.outbound_bytes = bench_number(optarg, 1, 100000); break;
		case 'e': load.outbound_per_event = strtod(optarg, NULL); break;
		case 'p': load.per_debtor = bench_number(optarg, 1, 1000); break;
		case 'b': load.batch = bench_number(optarg, 1, 1000); break;
		default: return 2;
		}
	if (!socket || !count || load.outbound_per_event < 0 || load.outbound_per_event > 10)
		bench_die("usage: bench_redis --redis SOCKET --count N [--invoice-bytes N] [--debtor-bytes N] [--outbound-bytes N] "
			  "[--outbound-per-event N] [--per-debtor N] [--batch N] [--stream KEY]");
	load.invoice = text_of(load.invoice_bytes);
	load.debtor = text_of(load.debtor_bytes);
	load.outbound = text_of(load.outbound_bytes);
	words.argv = calloc((size_t)load.batch * 24 + 32, sizeof(*words.argv));
	words.lens = calloc((size_t)load.batch * 24 + 32, sizeof(*words.lens));
	text = calloc((size_t)load.batch * 8 + 32, 64);
	redis = bench_redis_open(socket);
	freeReplyObject(bench_redis(redis, "HSET raw:{0}:cursor epoch 7"));
	reply = bench_redis(redis, "SCRIPT LOAD %s", script);
	snprintf(sha, sizeof(sha), "%s", reply->str);
	freeReplyObject(reply);

	began = bench_now();
	cpu = bench_cpu();
	ask(redis, &load, stream, id);
	bench_redis_flush(redis);
	while (done < count) {
		const redisReply *entries;

		reply = bench_redis_take(redis);
		if (reply->type != REDIS_REPLY_ARRAY || !reply->elements)
			bench_die("the stream ended after %lld of %lld events", (long long)done, (long long)count);
		entries = reply->element[0]->element[1];
		snprintf(id, sizeof(id), "%s", entries->element[entries->elements - 1]->element[0]->str);
		if (done + (int64_t)entries->elements < count) {
			ask(redis, &load, stream, id); /* answered while this group is put together */
			bench_redis_flush(redis);
		}
		if (committing)
			freeReplyObject(bench_redis_take(redis));
		committing = false;
		commit(redis, sha, &load, done, entries->elements, id, &words, text);
		bench_redis_flush(redis);
		done += (int64_t)entries->elements;
		freeReplyObject(reply);
		if (done < count) {
			/* its answer comes behind that of the read under way */
			committing = true;
		} else {
			freeReplyObject(bench_redis_take(redis));
		}
	}
	bench_emit("raw.redis_cursor_loop", (double)done / (bench_now() - began), "event/s");
	bench_emit("raw.redis_cursor_loop.client_cpu", (bench_cpu() - cpu) / (double)done * 1e6, "us/event");
	redisFree(redis);
	return 0;
}
