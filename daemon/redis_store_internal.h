/* redis_store_internal - what redis_store.c, redis_commit.c and redis_scan.c share. For them only. */
#ifndef DUNNINGD_DAEMON_REDIS_STORE_INTERNAL_H
#define DUNNINGD_DAEMON_REDIS_STORE_INTERNAL_H

#include "common/keys.h"
#include "common/redis_link.h"
#include "daemon/redis_scripts.h"
#include "daemon/redis_store.h"

/* Where a look behind a watch saw the store. */
struct commit_place {
	bool good; /* false: nothing was seen, or the watch is spent */
	uint64_t connection;
	bool owned, present; /* there is an epoch; there is a group */
	uint64_t epoch, pseq;
	uint8_t group[GROUP_ID_SIZE];
};

struct redis_store {
	struct redis_link *link, *reads;
	struct store_port port;
	struct arena *arena;
	struct keyspace keyspace;
	const char *cursor, *lease, *due;
	struct redis_script lease_script, release_script, trying_script, scrub_script, announce_script;
	char nonce[40];
	struct call *calls; /* under way: a destroyed link no longer answers them */
	char last_error[200];
	struct commit_place seen;
	bool watched; /* the WATCH before the look ahead was taken */
	uint64_t written; /* the connection over which the last commit went */
	uint64_t tailed; /* the connection of `reads` that stood when the tails were asked last */
	uint64_t proved; /* the connection over which transactions are known to be allowed */
};

/* One call under way: what to do with its replies. */
struct call {
	struct redis_store *store;
	void (*fn)(void); /* the caller's callback, cast back by its own kind */
	void *arg;
	struct arena *arena; /* results gathered over several replies */
	size_t expected, answered;
	int r;
	int64_t sent_at, ttl;
	uint64_t connection; /* of `reads`, when it was sent: for reads and tails */
	void *data;
	size_t count, left_capacity;
	struct call *next, **link;
};
struct call *store_call_begin(struct redis_store *store, void (*fn)(void), void *arg, size_t expected);
void store_call_end(struct call *call);
/* Takes one reply's outcome. True when this was the last one: the caller then reports and ends the call. */
bool store_call_gathered(struct call *call, int r, const struct redis_reply *reply);

void store_error(struct redis_store *store, const struct redis_reply *error); /* keeps its words */

/* redis_commit.c: the port's */
void store_commit(void *self, const struct store_commit *what, store_commit_fn done, void *arg);

/* redis_scan.c: the port's */
void store_scan(void *self, const char *cursor, const char *pattern, store_scan_fn done, void *arg);
void store_lasting(void *self, const char *const *keys, size_t count, store_values_fn done, void *arg);
void store_scrub(void *self, const char *stream, const char *const *ids, size_t count, store_done_fn done, void *arg);

#endif
