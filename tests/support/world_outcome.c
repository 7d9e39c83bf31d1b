#include "tests/support/world.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/utc.h"

static bool applied(struct world *w, uint32_t partition)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *events = world_key_in(w, arena, partition, "events"), *cursor = world_key_in(w, arena, partition, "cursor");
	const char *tail[] = { "XINFO", "STREAM", events, NULL }, *place[] = { "HGET", cursor, events, NULL };
	const struct redis_reply *at, *reply;
	const char *last = NULL;

	if (world_partitions(w) > 1 && !world_redis(w, arena, (const char *const[]){ "EXISTS", events, NULL })->integer)
		return true; /* nobody of this partition was ever told of */
	at = world_redis(w, arena, place);
	reply = world_redis(w, arena, tail);
	for (size_t i = 0; i + 1 < reply->count; i += 2)
		if (strcmp(reply->items[i].str, "last-generated-id") == 0)
			last = reply->items[i + 1].str;
	return at->type == REDIS_STRING && last && strcmp(at->str, last) == 0;
}

bool world_applied(struct world *w)
{
	for (uint32_t p = 0; p < world_partitions(w); p++)
		if (!applied(w, p))
			return false;
	return true;
}

/* Both are asked in one moment: an attempt that is taken back, for it never left, is a timer again. */
static bool rests(struct world *w, uint32_t partition)
{
	static const char both[] = "return {redis.call('ZCOUNT',KEYS[1],'-inf',ARGV[1]),redis.call('HVALS',KEYS[2])}";
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	char now[32];
	const char *ask[] = { "EVAL", both, "2", world_key_in(w, arena, partition, "due"), world_key_in(w, arena, partition, "attempts"),
		now, NULL };
	const struct redis_reply *reply, *attempts;

	snprintf(now, sizeof(now), "%" PRId64, utc_now());
	reply = world_redis(w, arena, ask);
	if (reply->items[0].integer)
		return false;
	attempts = &reply->items[1];
	for (size_t i = 0; i < attempts->count; i++)
		if (!w->options.plain || !strstr(attempts->items[i].str, "\"in_doubt\":true"))
			return false;
	return true;
}

bool world_rests(struct world *w)
{
	if (!world_applied(w))
		return false;
	for (uint32_t p = 0; p < world_partitions(w); p++)
		if (!rests(w, p))
			return false;
	return true;
}

void world_tell_unrest(struct world *w, FILE *to)
{
	for (uint32_t p = 0; p < world_partitions(w); p++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const char *due[] = { "ZRANGE", world_key_in(w, arena, p, "due"), "0", "9", "WITHSCORES", NULL };
		const char *attempts[] = { "HGETALL", world_key_in(w, arena, p, "attempts"), NULL };
		const char *const *const asked[] = { due, attempts };

		fprintf(to, "partition %u at %" PRId64 ": %s\n", p, utc_now(), applied(w, p) ? "all is applied" : "events are not applied");
		for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
			const struct redis_reply *reply = world_redis(w, arena, asked[i]);

			for (size_t k = 0; k + 1 < reply->count; k += 2)
				fprintf(to, "  %s %s\n", reply->items[k].str, reply->items[k + 1].str);
		}
	}
}

bool world_quiet(struct world *w, int ms)
{
	int64_t deadline = real_ms() + ms;

	while (real_ms() < deadline && process_running(&w->daemon)) {
		if (world_rests(w))
			return true;
		pause_ms(20);
	}
	return false;
}

struct world_sent world_sent(struct world *w, struct arena *arena, int count)
{
	CLEANUP(arena_freep) struct arena *scratch = arena_create();
	struct world_sent sent = { .captured = arena_alloc(arena, (size_t)count * sizeof(int)) };
	struct json root = world_ask_sandbox(w, scratch, "/messages"), messages = json_get(&root, "messages");

	for (size_t i = 0; i < json_len(&messages); i++) {
		struct json message = json_at(&messages, i), invoices = json_get(&message, "invoices");
		struct json deliveries = json_get(&message, "deliveries");

		sent.messages++;
		sent.repeated += (int)json_int(&deliveries) - 1;
		for (size_t k = 0; k < json_len(&invoices); k++) {
			struct json id = json_at(&invoices, k);
			int invoice = json_str(&id) ? atoi(json_str(&id) + strlen("inv_")) : -1;

			if (invoice >= 0 && invoice < count)
				sent.captured[invoice]++;
		}
	}
	return sent;
}

int64_t world_doubts(struct world *w)
{
	int64_t n = 0;

	for (uint32_t p = 0; p < world_partitions(w); p++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const char *range[] = { "XRANGE", world_key_in(w, arena, p, "outbound"), "-", "+", NULL };
		const struct redis_reply *page = world_redis(w, arena, range);

		for (size_t i = 0; i < page->count; i++)
			n += strstr(page->items[i].items[1].items[1].str, "\"contact.unknown\"") != NULL;
	}
	return n;
}

/* Its "time", and the attempt that it tells of, where it is of this type. */
static const char *attempt_of(struct arena *arena, const struct redis_reply *entry, const char *type, int64_t *at)
{
	const char *text = entry->items[1].items[1].str;
	struct json event, time, data, attempt;

	if (!strstr(text, type) || json_parse(arena, arena_strdup(arena, text), strlen(text), 0, &event, NULL) < 0)
		return NULL;
	time = json_get(&event, "time");
	data = json_get(&event, "data");
	attempt = json_get(&data, "attempt");
	if (!json_str(&time) || utc_parse(json_str(&time), at) < 0)
		return NULL;
	return json_str(&attempt);
}

void world_doubts_from(struct world *w, const int64_t *instants, int count, int *ret)
{
	memset(ret, 0, (size_t)count * sizeof(*ret));
	for (uint32_t p = 0; p < world_partitions(w); p++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const char *range[] = { "XRANGE", world_key_in(w, arena, p, "outbound"), "-", "+", NULL };
		const struct redis_reply *page = world_redis(w, arena, range);

		for (size_t i = 0; i < page->count; i++) {
			int64_t at = 0;
			const char *doubted = attempt_of(arena, &page->items[i], "\"contact.unknown\"", &at), *reserved = NULL;
			int n = count - 1;

			for (size_t k = i; doubted && k-- && !(reserved && strcmp(reserved, doubted) == 0);)
				reserved = attempt_of(arena, &page->items[k], "\"contact.reserved\"", &at);
			if (doubted && !(reserved && strcmp(reserved, doubted) == 0))
				world_fail("%s is in doubt, and nothing tells that it was reserved", doubted);
			while (n > 0 && at < instants[n])
				n--;
			if (doubted)
				ret[n]++;
		}
	}
}

struct json world_escalation(struct world *w, struct arena *arena, int invoice)
{
	const char *name = arena_printf(arena, "escalation:inv_%d", invoice);
	struct json ret = { 0 };
	struct err err = { 0 };

	for (uint32_t p = 0; p < world_partitions(w); p++) { /* whose it is, is not asked */
		const char *key = world_key_in(w, arena, p, name), *get[] = { "GET", key, NULL };
		const struct redis_reply *reply = world_redis(w, arena, get);

		if (reply->type != REDIS_STRING)
			continue;
		if (json_parse(arena, reply->str, reply->len, 0, &ret, &err) < 0)
			world_fail("%s: %s", key, err.text);
		break;
	}
	return ret;
}
