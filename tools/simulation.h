/*
 * simulation - plays the daemon's own flow (daemon/dunner) over ports in memory: a clock that goes on by itself whenever nothing is under
 * way, a store that nobody else writes to, a journal that only listens, and a provider that accepts everything. It contacts nobody and
 * writes nowhere. The rules are the daemon's: there is no second copy of them here.
 */
#ifndef DUNNINGD_TOOLS_SIMULATION_H
#define DUNNINGD_TOOLS_SIMULATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config.h"
#include "common/debtor.h"
#include "common/library.h"
#include "common/message.h"

struct simulation;

/* What is seen of it, as it happens. Everything is borrowed for the call. `at`: what the played clock shows, ms UTC. */
struct simulation_watch {
	/* The provider took this message. `debtor` is NULL when the store does not know it (any more). */
	void (*sent)(const struct message *message, const struct debtor *debtor, int64_t at, void *arg);
	void (*record)(const char *json, size_t len, int64_t at, void *arg); /* one for the trail, of a kind that is heard; NULL = of none */
	bool (*hears)(const char *kind, void *arg); /* with `record` */
	void (*refused)(const char *reason, void *arg); /* an event went to the dead letters */
	void (*log)(int priority, const char *line, void *arg);
	void (*day)(int64_t at, void *arg); /* the clock came to another day of UTC */
	void *arg;
};

struct simulation_settings {
	const struct config *config; /* borrowed; its producers, partitions, replicas and retention are left aside */
	const struct library *library; /* a reference is taken */
	int64_t begin, end; /* ms UTC */
};

struct simulation *simulation_create(const struct simulation_settings *settings, const struct simulation_watch *watch);
void simulation_free(struct simulation *sim); /* NULL is allowed */
DEFINE_CLEANUP(struct simulation, simulation_free)

/* --- before it runs: the book. Keys are those of the keyspace simulation_keys(). All is copied but the events' text ------------------- */

struct keyspace simulation_keys(const struct simulation *sim);
void simulation_put(struct simulation *sim, const char *key, const char *value, size_t len);
void simulation_put_attempt(struct simulation *sim, const char *id, const char *value, size_t len);
void simulation_put_due(struct simulation *sim, const char *invoice_id, int64_t at);

/*
 * An event arrives when the clock shows `at`; before `begin` is at the beginning, in the order given. Also while it runs, for a watch.
 * `text` is borrowed and must live as long as the simulation. `operator`: on the operator's stream, where commands belong.
 */
void simulation_event(struct simulation *sim, int64_t at, const char *text, size_t len, bool operator);

/* To the end. -EPROTO: the flow refused or came to a stop, `err` says why. */
int simulation_run(struct simulation *sim, struct err *err);

/* --- while it runs, and afterwards ------------------------------------------------------------------------------------------------------ */

int64_t simulation_now(const struct simulation *sim);
/* The document of a key; NULL: there is none. Borrowed until the next event. */
const char *simulation_get(const struct simulation *sim, const char *key, size_t *len);
struct simulation_counts {
	uint64_t groups, events, dead;
	int64_t braked_ms; /* how long sending was held, by `held` */
	const char *held; /* what held it last; NULL = nothing ever did */
};
struct simulation_counts simulation_counts(const struct simulation *sim);

#endif
