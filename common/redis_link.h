/*
 * redis_link - a connection to Redis: hiredis's reader and our own writer over a bufferevent, so that one code path serves
 * hiredis 0.14 and 1.2, every command has a deadline, and nothing blocks the loop. The only module that includes hiredis.
 * The program must ignore SIGPIPE: a peer may hang up while it is being written to.
 */
#ifndef DUNNINGD_COMMON_REDIS_LINK_H
#define DUNNINGD_COMMON_REDIS_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/redis_reply.h"
#include "common/redis_url.h"

struct event_base;

/*
 * r = 0: `reply` is there (it may be an error reply). -ENOTCONN, -ETIMEDOUT, -EPROTO: reply NULL, the outcome is unknown. Exactly once,
 * from the loop, never before the starting call has returned; not at all after redis_link_destroy().
 */
typedef void (*redis_done_fn)(int r, const struct redis_reply *reply, void *arg);

struct redis_link;
typedef void (*redis_state_fn)(bool connected, const char *why, void *arg);

/*
 * Connects by itself, again and again (50 ms to 5 s apart). `url` is copied; `state` may be NULL. Of a cluster: to any of its primaries.
 *
 * Where the address names a cluster or sentinels, it asks these first, and is connected once the server itself says that it is a primary.
 * Whatever tells that another one is now (MOVED, READONLY, CLUSTERDOWN, the sentinels' word), drops the connection, and it asks anew: what is in
 * flight fails with -ENOTCONN, as by any loss. A link stays with one slot: a WATCH belongs to a connection, and a blocking read holds one.
 */
struct redis_link *redis_link_create(struct event_base *base, const struct redis_url *url, redis_state_fn state, void *arg);
/* The same for the slot of `key` (copied), which may be read by GET: its primary must serve it. */
struct redis_link *redis_link_create_for(struct event_base *base, const struct redis_url *url, const char *key, redis_state_fn state, void *arg);
void redis_link_destroy(struct redis_link *link); /* NULL is allowed */
bool redis_link_connected(const struct redis_link *link);
/* Counts connections: two commands given while it is the same, and connected, go over the same one. */
uint64_t redis_link_connection(const struct redis_link *link);
bool redis_link_same_server(const struct redis_link *one, const struct redis_link *other); /* both are connected, and to the same one */
/* Everything in flight fails with -ENOTCONN, then it connects anew. */
void redis_link_drop(struct redis_link *link, const char *why);

/* lens NULL: strings. timeout_ms 0: 10 s. A command that times out drops the connection. */
void redis_link_command(struct redis_link *link, size_t argc, const char *const *argv, const size_t *lens, int timeout_ms,
	redis_done_fn done, void *arg);

void redis_link_flush(struct redis_link *link); /* what was given is sent now, as far as it goes, and not when the loop turns */

/*
 * A Lua script, called by its digest; sent whole when the server does not know it. argv: script arguments, keys first. One that is answered
 * by ASK is done where that leads, unless others are in flight: then, as with plain commands, the reply is that error.
 */
struct redis_script {
	const char *text;
	char sha1[41]; /* filled by redis_script_init() */
};
void redis_script_init(struct redis_script *script, const char *text);
void redis_link_script(struct redis_link *link, const struct redis_script *script, size_t keys, size_t argc,
	const char *const *argv, const size_t *lens, int timeout_ms, redis_done_fn done, void *arg);

/* The same, told once so many replicas have what it wrote; -EAGAIN: it is done, and they have not confirmed it in two seconds. */
void redis_link_script_kept(struct redis_link *link, const struct redis_script *script, int64_t replicas, size_t keys, size_t argc,
	const char *const *argv, const size_t *lens, int timeout_ms, redis_done_fn done, void *arg);

/*
 * For tools: runs the loop until the answer is there. The reply is a copy in the arena. 0 or -errno as above. In a cluster, or behind sentinels, what
 * was not executed (MOVED, ASK, TRYAGAIN, CLUSTERDOWN ...) is tried until it is, for some seconds.
 */
int redis_call(struct event_base *base, struct redis_link *link, struct arena *arena, size_t argc, const char *const *argv,
	const size_t *lens, const struct redis_reply **ret);
/* The same with replicas as above. */
int redis_call_kept(struct event_base *base, struct redis_link *link, struct arena *arena, int64_t replicas, size_t argc,
	const char *const *argv, const size_t *lens, const struct redis_reply **ret);
/* A single server that cannot be reached is away after one try, not after those of a second. */
void redis_link_try_once(struct redis_link *link);

#endif
