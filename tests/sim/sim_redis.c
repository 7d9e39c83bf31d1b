/* The keyspace, and what happens to the server as a whole: restart, going back, flush. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/keys.h"
#include "tests/sim/sim_redis.h"

#define CLOCK_BEHIND_MIN (10 * MINUTE_MS) /* well beyond the time in which lost entries come again */

/* --- keyspace ------------------------------------------------------------------------------------------------------- */

static size_t bucket_of(const char *key)
{
	return crc32c(0, key, strlen(key)) % KEYSPACE_BUCKETS;
}

static void pair_clear(struct pair *pair)
{
	free(pair->field);
	free(pair->value);
}

static void value_free(struct value *value)
{
	for (size_t i = 0; i < value->count; i++)
		pair_clear(&value->items[i]);
	free(value->items);
	free(value->key);
	free(value);
}

void db_free(struct keyspace_db *db)
{
	if (!db)
		return;
	for (size_t i = 0; i < KEYSPACE_BUCKETS; i++)
		while (db->buckets[i]) {
			struct value *gone = db->buckets[i];

			db->buckets[i] = gone->next;
			value_free(gone);
		}
	free(db);
}

static char *copy_bytes(const void *data, size_t len)
{
	char *copy = xmalloc(len + 1);

	if (len)
		memcpy(copy, data, len);
	copy[len] = '\0';
	return copy;
}

struct keyspace_db *db_copy(const struct keyspace_db *db)
{
	struct keyspace_db *copy = xcalloc(1, sizeof(*copy));

	for (size_t i = 0; i < KEYSPACE_BUCKETS; i++) {
		struct value **end = &copy->buckets[i];

		for (const struct value *v = db->buckets[i]; v; v = v->next) {
			struct value *twin = xmalloc(sizeof(*twin));

			*twin = *v;
			twin->key = xstrdup(v->key);
			twin->items = xcalloc(v->count + 1, sizeof(*twin->items));
			twin->capacity = v->count + 1;
			for (size_t k = 0; k < v->count; k++) {
				twin->items[k] = v->items[k];
				twin->items[k].field = xstrdup(v->items[k].field);
				twin->items[k].value = copy_bytes(v->items[k].value, v->items[k].len);
			}
			twin->next = NULL;
			*end = twin;
			end = &twin->next;
		}
	}
	return copy;
}

void db_delete(struct redis *redis, const char *key)
{
	for (struct value **p = &redis->db->buckets[bucket_of(key)]; *p; p = &(*p)->next)
		if (strcmp((*p)->key, key) == 0) {
			struct value *gone = *p;

			*p = gone->next;
			value_free(gone);
			return;
		}
}

struct value *db_find(struct redis *redis, const char *key)
{
	for (struct value *v = redis->db->buckets[bucket_of(key)]; v; v = v->next)
		if (strcmp(v->key, key) == 0) {
			if (!v->expires || v->expires > sim_wall(redis->sim))
				return v;
			db_delete(redis, key);
			return NULL;
		}
	return NULL;
}

struct value *db_need(struct redis *redis, const char *key, enum value_kind kind)
{
	struct value *v = db_find(redis, key);
	struct value **bucket = &redis->db->buckets[bucket_of(key)];

	if (v && v->kind != kind)
		sim_breach(redis->sim, "store", "WRONGTYPE %s", key);
	if (v)
		return v;
	v = xcalloc(1, sizeof(*v));
	v->key = xstrdup(key);
	v->kind = kind;
	strcpy(v->last_id, "0-0");
	v->next = *bucket;
	*bucket = v;
	return v;
}

struct pair *value_get(struct value *value, const char *field)
{
	for (size_t i = 0; value && i < value->count; i++)
		if (strcmp(value->items[i].field, field) == 0)
			return &value->items[i];
	return NULL;
}

static struct pair *value_insert(struct value *value, size_t at, const char *field, const void *data, size_t len)
{
	xgrow(&value->items, &value->capacity, value->count + 1, sizeof(*value->items));
	memmove(&value->items[at + 1], &value->items[at], (value->count - at) * sizeof(*value->items));
	value->count++;
	value->items[at] = (struct pair){ .field = xstrdup(field), .value = copy_bytes(data, len), .len = len };
	return &value->items[at];
}

void value_put(struct value *value, const char *field, const void *data, size_t len)
{
	struct pair *pair = value_get(value, field);

	if (!pair) {
		value_insert(value, value->count, field, data, len);
		return;
	}
	free(pair->value);
	pair->value = copy_bytes(data, len);
	pair->len = len;
}

void value_remove(struct value *value, const char *field)
{
	struct pair *pair = value_get(value, field);
	size_t at;

	if (!pair)
		return;
	at = (size_t)(pair - value->items);
	pair_clear(pair);
	value->count--;
	memmove(&value->items[at], &value->items[at + 1], (value->count - at) * sizeof(*value->items));
}

const char *hash_get(struct redis *redis, const char *key, const char *field)
{
	struct pair *pair = value_get(db_find(redis, key), field);

	return pair ? pair->value : "";
}

void hash_put(struct redis *redis, const char *key, const char *field, const char *text)
{
	value_put(db_need(redis, key, VALUE_HASH), field, text, strlen(text));
}

/* --- streams ----------------------------------------------------------------------------------------------------------- */

int stream_id_compare(const char *a, const char *b)
{
	char *a_end, *b_end;
	unsigned long long x = strtoull(a, &a_end, 10), y = strtoull(b, &b_end, 10);

	if (x != y)
		return x < y ? -1 : 1;
	x = *a_end == '-' ? strtoull(a_end + 1, NULL, 10) : 0;
	y = *b_end == '-' ? strtoull(b_end + 1, NULL, 10) : 0;
	return x < y ? -1 : x > y;
}

static void stream_append(struct value *stream, const char *id, const void *data, size_t len, bool raw)
{
	value_insert(stream, stream->count, id, data, len)->raw = raw;
	snprintf(stream->last_id, sizeof(stream->last_id), "%s", id);
}

bool redis_add(struct redis *redis, const char *key, const char *text, bool raw)
{
	struct value *stream;
	char id[STREAM_ID_SIZE];
	unsigned long long ms, seq = 0;
	int64_t now;
	char *end;

	if (!redis_up(redis) || redis->full_until > redis->sim->mono)
		return false;
	if (redis->clock_behind && redis_unwatched(redis))
		return false; /* see redis_go_back() */
	stream = db_need(redis, key, VALUE_STREAM);
	now = sim_wall(redis->sim) - redis->clock_behind;
	ms = strtoull(stream->last_id, &end, 10);
	if ((int64_t)ms >= now)
		seq = strtoull(end + 1, NULL, 10) + 1; /* the server's clock went back, or the same millisecond */
	else
		ms = (unsigned long long)now;
	snprintf(id, sizeof(id), "%llu-%llu", ms, seq);
	stream_append(stream, id, text, strlen(text), raw);
	return true;
}

/* --- after-images --------------------------------------------------------------------------------------------------------- */

static void zset_add(struct value *set, const char *member, int64_t score)
{
	size_t at = 0;

	value_remove(set, member);
	while (at < set->count && (set->items[at].score < score || (set->items[at].score == score &&
									   strcmp(set->items[at].field, member) < 0)))
		at++;
	value_insert(set, at, member, "", 0)->score = score;
}

static void stream_add_image(struct redis *redis, const struct image *image)
{
	struct value *stream = db_need(redis, image->key, VALUE_STREAM);

	if (stream_id_compare(image->field, stream->last_id) <= 0)
		return;
	stream_append(stream, image->field, image->value, image->value_len, image->op == IMAGE_XADD);
	while (image->number > 0 && stream->count > (size_t)image->number)
		value_remove(stream, stream->items[0].field);
}

static void drop_when_empty(struct redis *redis, const char *key)
{
	struct value *v = db_find(redis, key);

	if (v && v->count == 0)
		db_delete(redis, key);
}

void redis_apply(struct redis *redis, const struct image *image)
{
	struct value *v;

	switch (image->op) {
	case IMAGE_SET:
	case IMAGE_SET_UNTIL:
		v = db_need(redis, image->key, VALUE_STRING);
		value_put(v, "", image->value, image->value_len);
		v->expires = image->op == IMAGE_SET_UNTIL ? image->number : 0;
		break;
	case IMAGE_DEL:
		db_delete(redis, image->key);
		break;
	case IMAGE_ZADD:
		zset_add(db_need(redis, image->key, VALUE_ZSET), image->field, image->number);
		break;
	case IMAGE_ZREM:
	case IMAGE_HDEL:
		v = db_find(redis, image->key);
		if (v)
			value_remove(v, image->field);
		drop_when_empty(redis, image->key);
		break;
	case IMAGE_HSET:
		value_put(db_need(redis, image->key, VALUE_HASH), image->field, image->value, image->value_len);
		break;
	case IMAGE_XADD:
	case IMAGE_XADD_EVENT:
		stream_add_image(redis, image);
		break;
	default:
		sim_breach(redis->sim, "store", "image with unknown op %d", (int)image->op);
	}
}

/* --- the server as a whole ---------------------------------------------------------------------------------------------------- */

static void new_ids(struct redis *redis)
{
	uint8_t random[20];

	rng_fill(&redis->sim->faults, random, sizeof(random));
	hex_format(random, sizeof(random), redis->run_id);
	rng_fill(&redis->sim->faults, random, sizeof(random));
	hex_format(random, sizeof(random), redis->repl_id);
}

struct redis *redis_create(struct sim *sim)
{
	struct redis *redis = xcalloc(1, sizeof(*redis));

	redis->sim = sim;
	redis->db = xcalloc(1, sizeof(*redis->db));
	for (int p = 0; p < PARTITIONS_MAX; p++) {
		snprintf(redis->leads[p].cursor_key, sizeof(redis->leads[p].cursor_key), "dunning:{%d}:cursor", p);
		snprintf(redis->leads[p].due_key, sizeof(redis->leads[p].due_key), "dunning:{%d}:due", p);
	}
	new_ids(redis);
	return redis;
}

void redis_destroy(struct redis *redis)
{
	if (!redis)
		return;
	db_free(redis->db);
	db_free(redis->saved);
	free(redis);
}

bool redis_writer(const struct redis *redis, const struct host *host, const char *debtor_id)
{
	const struct lead *lead = &redis->leads[partition_of(debtor_id, (uint32_t)redis->sim->weather.partitions)];

	/* A dead life of the same host, whose last word arrives late, does nothing with what it got. */
	return !lead->owner[0] || lead->until <= redis->sim->mono || strcmp(lead->owner, host->name) == 0;
}

bool redis_clock_wrong(const struct redis *redis)
{
	return redis->clock_behind != 0;
}

bool redis_up(const struct redis *redis)
{
	return redis->loading_until <= redis->sim->mono;
}

void redis_restart(struct redis *redis, int64_t loading_ms)
{
	sim_note(redis->sim, "redis: restart, loads for %lld ms", (long long)loading_ms);
	new_ids(redis);
	redis->loading_until = redis->sim->mono + loading_ms;
	redis_connections_lost(redis);
}

void redis_refuse_writes(struct redis *redis, int64_t ms)
{
	sim_note(redis->sim, "redis: refuses writes for %lld ms", (long long)ms);
	redis->full_until = redis->sim->mono + ms;
}

void redis_snapshot(struct redis *redis)
{
	db_free(redis->saved);
	redis->saved = db_copy(redis->db);
	redis->saved_clock = sim_wall(redis->sim) - redis->clock_behind;
}

/* Inbound entries that `from` holds and `to` does not: their producers learn it and send them again. */
static void lose_entries(struct redis *redis, const struct keyspace_db *from)
{
	for (size_t i = 0; i < KEYSPACE_BUCKETS; i++)
		for (const struct value *v = from->buckets[i]; v; v = v->next) {
			struct value *now;

			if (v->kind != VALUE_STREAM || !strstr(v->key, "}:events"))
				continue;
			now = db_find(redis, v->key);
			for (size_t k = 0; k < v->count; k++)
				if (!value_get(now, v->items[k].field)) {
					judge_event_lost(redis->sim->judge, v->items[k].value);
					book_resend(redis->sim, v->key, v->items[k].value, v->items[k].raw);
				}
		}
}

void redis_go_back(struct redis *redis)
{
	struct keyspace_db *lost = redis->db;
	const struct life *watcher = redis->sim->hosts[0].life;
	int64_t behind;

	if (!redis->saved)
		return;
	redis->sim->rollbacks++;
	redis->db = db_copy(redis->saved);
	/*
	 * A machine that is put back as a whole has its old clock too; but no clock lives through the same hour three times. Whoever finds
	 * that only when the clock has passed its old place cannot tell what is missing: that gap is named, and a person's to close.
	 */
	behind = sim_wall(redis->sim) - redis->saved_clock;
	if (!redis->saved_clock || behind < CLOCK_BEHIND_MIN || !watcher || watcher->frozen_until > redis->sim->mono ||
		rng_chance(&redis->sim->faults, 500000))
		behind = 0;
	redis->clock_behind = behind;
	redis->saved_clock = 0;
	redis_restart(redis, rng_range(&redis->sim->faults, 10, 3000));
	sim_note(redis->sim, "redis: went back to pseq %s", hash_get(redis, redis->leads[0].cursor_key, "pseq"));
	lose_entries(redis, lost);
	db_free(lost);
}

void redis_flush(struct redis *redis, bool new_run_id)
{
	struct keyspace_db *lost = redis->db;

	redis->sim->flushes++;
	sim_note(redis->sim, "redis: FLUSHALL%s", new_run_id ? " and restart" : "");
	redis->db = xcalloc(1, sizeof(*redis->db));
	db_free(redis->saved);
	redis->saved = NULL;
	for (int p = 0; p < PARTITIONS_MAX; p++)
		redis->leads[p].owner[0] = '\0';
	if (new_run_id)
		redis_restart(redis, rng_range(&redis->sim->faults, 10, 3000));
	lose_entries(redis, lost);
	db_free(lost);
}

const char *redis_get(struct redis *redis, const char *key, size_t *len)
{
	struct pair *pair = value_get(db_find(redis, key), "");

	*len = pair ? pair->len : 0;
	return pair ? pair->value : NULL;
}

void redis_each(struct redis *redis, const char *prefix, void (*fn)(const char *key, const char *value, void *arg), void *arg)
{
	for (size_t i = 0; i < KEYSPACE_BUCKETS; i++)
		for (const struct value *v = redis->db->buckets[i]; v; v = v->next)
			if (v->kind == VALUE_STRING && strncmp(v->key, prefix, strlen(prefix)) == 0)
				fn(v->key, v->items[0].value, arg);
}
