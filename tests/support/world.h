/*
 * world - a whole installation in a temporary folder, as its users have it: redis-server, the sandbox as provider, dunningd, dunningctl.
 * Invoices of a test policy: one email, owed as soon as the invoice is known, at any hour, so that a test need not wait for a Monday.
 */
#ifndef DUNNINGD_TESTS_SUPPORT_WORLD_H
#define DUNNINGD_TESTS_SUPPORT_WORLD_H

#include <stdio.h>

#include <event2/event.h>

#include "common/json.h"
#include "common/redis_links.h"
#include "tests/support/cluster.h"
#include "tests/support/sites.h"
#include "tests/support/process.h"

struct world_options {
	const char *programs; /* folder with dunningd, dunningctl, dunningd-sandbox; NULL = the build's */
	bool plain; /* the provider knows neither idempotency keys nor look-ups */
	int concurrency; /* 0 = 20 */
	const char *policy; /* name of the default one; NULL = "now" */
	const char *clock; /* --clock, which the sandbox follows; NULL = the computer's */
	const char *limits; /* of the provider, members of its JSON behind a comma; NULL = none */
	bool spare; /* a second provider, "spare", stands behind the first one */
	const char *prefix; /* of the Redis keys; NULL = one for each world_renew() */
	const char *appendfsync; /* NULL = everysec */
	int partitions; /* 0 = 1 */
	enum redis_kind redis; /* a server of its own, a cluster, or one with sentinels */
	bool apart; /* with `redis` another than a single one: its servers have addresses of sites_enter() */
	int replicas; /* that must have a release */
	bool acl; /* the daemon is the user dunningd of systemd/redis-acl.conf; `prefix` must be "dunning" */
};

struct world {
	struct world_options options;
	char programs[400], dir[80], redis_socket[100], config[140], prefix[20], state[140];
	struct process redis, sandbox, daemon;
	int port; /* of the sandbox */
	int metrics_port; /* of GET /metrics; 0 = none */
	int starts; /* of the daemon */
	int64_t *entered; /* by invoice: ms of the stream id of its last event pushed by world_push_range(); NULL = not kept */
	int64_t events_at; /* ms UTC: when the events pushed happened; 0 = now */
	int64_t due_in; /* ms: when the invoices pushed are due; 0 = two days ago */
	struct event_base *base;
	struct redis_links *links;
	struct cluster cluster; /* options.redis */
};

/* All but the daemon. Fails the test when something does not come up. */
void world_open(struct world *world, const struct world_options *options);
/* Ends everything; the folder goes unless `keep`, else its path is printed. */
void world_close(struct world *world, bool keep);
/* One more dunningd on the same partitions, under a name, with a state directory, a trail and a control socket of its own. */
struct world_instance {
	char name[24], config[140], state[140], log[140], control[120];
	struct process process;
	struct site site; /* where it runs, if it was made */
};
void world_instance(struct world *world, const char *name, struct world_instance *ret); /* of the configuration as it is now; not started */
void world_instance_start(struct world *world, struct world_instance *instance);
struct json world_instance_status(struct world *world, const struct world_instance *instance, struct arena *arena); /* JSON_NONE: no answer */
/* A fresh state directory, Redis prefix and configuration in the same world, for the next round. */
void world_renew(struct world *world, int number);

/* Every `what` of its configuration becomes `with`; fails when there is none. For the next start. */
void world_configure(struct world *world, const char *what, const char *with);
void world_measure(struct world *world); /* its next starts answer GET /metrics */
/* Until the daemon shows what the alert fires at: scrape.h. */
void world_fires(struct world *world, const char *alert, const char *sample, double value);
void world_fires_above(struct world *world, const char *alert, const char *sample, double value);
/* A file in its folder, such as credentials/NAME. */
void world_put(const struct world *world, const char *name, const char *text);

/* `before`: words before dunningd's own, such as strace and its options, NULL-terminated; NULL = none. */
void world_start(struct world *world, const char *const *before);
const char *world_log(const struct world *world, struct arena *arena); /* the path of what the start before said */
/* Until it says that it is ready, or has ended: whether it is ready. */
bool world_ready(struct world *world, int ms);
void world_restart_sandbox(struct world *world); /* it knows what it knew, and every connection to it is gone */
void world_restart_redis(struct world *world);

/* Asks Redis; the answer lies in the arena. Fails the test on an error reply. */
const struct redis_reply *world_redis(struct world *world, struct arena *arena, const char *const *argv);
int64_t world_redis_int(struct world *world, const char *const *argv);
const char *world_key(const struct world *world, struct arena *arena, const char *name); /* "<prefix>:{0}:<name>" */
const char *world_key_in(const struct world *world, struct arena *arena, uint32_t partition, const char *name);
uint32_t world_partitions(const struct world *world);
uint32_t world_partition(const struct world *world, int debtor); /* of cus_<debtor> */

int64_t utc_now(void); /* ms */
int world_free_port(void); /* of 127.0.0.1, for something that must be told its port; nobody else may have it by then, most likely */

void world_push(struct world *world, const char *event, size_t len);
/* Many of a kind in one pipeline. Invoice i belongs to debtor i / per_debtor. */
enum world_event { WORLD_FINALIZED, WORLD_PAID };
/* Its JSON; the length. */
size_t world_event_text(const struct world *world, char *ret, size_t size, enum world_event kind, int invoice, int per_debtor);
void world_push_range(struct world *world, enum world_event kind, int from, int count, int per_debtor);

bool world_applied(struct world *world); /* everything pushed is applied */
/*
 * Until everything pushed is applied, no timer is due, and no attempt is under way but those that the daemon calls doubtful. Whether it
 * came to that; `running`: false when the daemon has ended meanwhile.
 */
bool world_quiet(struct world *world, int ms);
bool world_rests(struct world *world); /* whether it is so now, whoever runs */
void world_tell_unrest(struct world *world, FILE *to); /* for a test that fails: timers and attempts of each partition */

/* dunningctl of this world: its exit status; output may be NULL. words are NULL-terminated. */
int world_ctl(struct world *world, const char *const *words, struct buf *output);
int world_ctl_with(struct world *world, const char *config, const char *const *words, struct buf *output); /* by another configuration */
bool world_trail_verifies(struct world *world); /* says why not */
/* What the sandbox captured for each invoice of 0 .. count-1, and how often it was asked with each attempt beyond the first. */
struct world_sent {
	int *captured; /* by invoice, in the arena */
	int messages; /* in all */
	int repeated; /* requests beyond the first for an attempt */
};
struct world_sent world_sent(struct world *world, struct arena *arena, int count);
int64_t world_doubts(struct world *world); /* messages that the outbound streams tell to be in doubt */
/*
 * Of these, how many were reserved from each of these instants (ms UTC, rising) on, and before the next: when a doubt is told depends on how
 * long it takes to see that nothing can be known.
 */
void world_doubts_from(struct world *world, const int64_t *instants, int count, int *ret);
struct json world_ask_sandbox(struct world *world, struct arena *arena, const char *path);
struct json world_status(struct world *world, struct arena *arena); /* GET /status of the control socket; JSON_NONE: no answer */
void world_behave(struct world *world, const char *json); /* POST /behave */
/* The escalation document; json.type JSON_NONE when there is none. */
struct json world_escalation(struct world *world, struct arena *arena, int invoice);

void world_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn)); /* says it and ends the program with 1 */

#endif
