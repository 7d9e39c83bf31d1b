/*
 * redis_store - one partition of the store in Redis: struct store_port over two redis_links, one for commands, one for the reads
 * that may block.
 */
#ifndef DUNNINGD_DAEMON_REDIS_STORE_H
#define DUNNINGD_DAEMON_REDIS_STORE_H

#include "common/redis_link.h"
#include "daemon/ports.h"

struct redis_store;
/*
 * `state` (may be NULL) hears of the command link's connection. `home`: state_dir_home() of the state directory whose lock is held: a lease of an earlier
 * process of the same name is taken at once where it had the same home, and else once it has run out, as every other. "" = none. The strings are
 * borrowed for the store's life.
 */
struct redis_store *redis_store_create(struct event_base *base, const struct redis_url *url, const char *prefix,
	uint32_t partition, const char *home, redis_state_fn state, void *arg);
void redis_store_destroy(struct redis_store *store); /* no callback afterwards. NULL is allowed */
const struct store_port *redis_store_port(struct redis_store *store);
const char *redis_store_last_error(const struct redis_store *store); /* as Redis said it; "" = none */

/* Looks at the server's settings: `fault` is a sentence that says what would be right, or NULL; `warning` likewise. */
typedef void (*redis_store_check_fn)(int r, const char *fault, const char *warning, void *arg);
void redis_store_check(struct redis_store *store, redis_store_check_fn done, void *arg);

/* Timers that are due and not decided, and dead letters that are kept. r: as of the port. */
typedef void (*redis_store_backlog_fn)(int r, int64_t due, int64_t dead, void *arg);
void redis_store_backlog(struct redis_store *store, int64_t now, redis_store_backlog_fn done, void *arg);

struct store_member {
	const char *instance, *origin; /* origin: of its trail */
	const char *refused; /* partitions that it refuses: "3,5"; "" = none */
	uint32_t led; /* partitions */
	bool partial; /* it cannot reach all of them */
};
struct store_announcement {
	const char *instance, *origin;
	int64_t ttl_ms; /* so long it counts as living */
	int64_t led; /* partitions; -1: it leaves */
	bool partial; /* as above */
	const char *book, *new_book; /* that it knows, and that may be written where there is none; "" = none */
	const char *begun; /* a digit a partition: 1 = it has groups; others' are added */
	const char *whose; /* the name is: of one process, or of those of one home. No space in it, not empty */
	const char *refused; /* as above */
	int64_t replicas; /* that must have what was said, and what is heard, before it is told; 0 = none */
};
/*
 * Says that the instance lives, in the hash `instances` of this store's partition; and hears whose book this is ("" = nobody's), which partitions
 * were ever begun (a digit each, as far as it goes: a shard of a cluster may have lost one since) and who else lives: `members` with ourselves. All
 * borrowed for the call. r: as of the port; -EEXIST: another process lives under this name, or did a moment ago, and nothing was said;
 * -EINPROGRESS: it was said, and too few replicas have it yet.
 */
typedef void (*redis_store_members_fn)(int r, const char *book, const char *begun, const struct store_member *members, size_t count, void *arg);
void redis_store_announce(struct redis_store *store, const struct store_announcement *what, redis_store_members_fn done, void *arg);

#endif
