/*
 * sim_redis - the keyspace of an in-memory Redis: strings with expiry, hashes, sorted sets, streams. Copied whole for snapshots.
 */
#ifndef TESTS_SIM_SIM_REDIS_H
#define TESTS_SIM_SIM_REDIS_H

#include "common/images.h"
#include "tests/sim/sim.h"

enum value_kind { VALUE_STRING, VALUE_HASH, VALUE_ZSET, VALUE_STREAM };

struct pair {
	char *field; /* hash field, set member, stream id */
	char *value; /* hash value, stream entry */
	size_t len;
	int64_t score;
	bool raw; /* stream: the entry is no `event` field; value is a JSON array of its fields */
};
struct value {
	char *key;
	enum value_kind kind;
	struct pair *items; /* VALUE_STRING: items[0].value */
	size_t count, capacity;
	int64_t expires; /* wall ms; 0 = never */
	char last_id[STREAM_ID_SIZE]; /* stream: survives trimming */
	struct value *next;
};

#define KEYSPACE_BUCKETS 512
struct keyspace_db {
	struct value *buckets[KEYSPACE_BUCKETS];
};

struct redis {
	struct sim *sim;
	struct keyspace_db *db, *saved; /* saved: what a restart may go back to */
	char run_id[REDIS_ID_SIZE], repl_id[REDIS_ID_SIZE];
	int64_t loading_until, full_until; /* mono */
	int64_t clock_behind; /* of this server, which gives the entries their ids */
	int64_t saved_clock; /* its clock when `saved` was; 0 = went back to that already */
	struct lead {
		char owner[200];
		uint32_t life;
		const struct disk *home; /* whose lock its process holds */
		int64_t until; /* mono; the lease key itself, gone with a flush */
		char cursor_key[64], due_key[64];
	} leads[PARTITIONS_MAX];
};

int stream_id_compare(const char *a, const char *b);
struct keyspace_db *db_copy(const struct keyspace_db *db);
void db_free(struct keyspace_db *db);
struct value *db_find(struct redis *redis, const char *key);
struct value *db_need(struct redis *redis, const char *key, enum value_kind kind);
void db_delete(struct redis *redis, const char *key);
struct pair *value_get(struct value *value, const char *field); /* NULL allowed */
void value_put(struct value *value, const char *field, const void *data, size_t len);
void value_remove(struct value *value, const char *field);
const char *hash_get(struct redis *redis, const char *key, const char *field); /* "" = none */
void hash_put(struct redis *redis, const char *key, const char *field, const char *text);
void redis_apply(struct redis *redis, const struct image *image);
void next_stands(struct redis *redis, struct lead *lead, const struct image *images, size_t count); /* judges what a commit left */
void redis_connections_lost(struct redis *redis); /* store: every link breaks */
bool redis_unwatched(const struct redis *redis); /* store: the first host does not reach it */

#endif
