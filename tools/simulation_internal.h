/* The insides of one simulation: simulation.c has clock, journal, keys, provider and the loop; simulation_store.c the store. */
#ifndef DUNNINGD_TOOLS_SIMULATION_INTERNAL_H
#define DUNNINGD_TOOLS_SIMULATION_INTERNAL_H

#include "common/keys.h"
#include "daemon/dunner.h"
#include "tools/simulation.h"

#define SIMULATION_STREAMS 2 /* the shared one, and the operator's */

struct due { /* a node of a tree by (at, member), and by its priority a heap: balanced by chance that is none */
	struct item *item;
	int64_t at;
	uint32_t priority;
	struct due *left, *right;
};

struct item { /* what the store has under a key; or, in another table, an invoice's timer */
	struct item *next;
	char *value; /* NULL = nothing */
	size_t len;
	struct due *due;
	uint32_t hash;
	char key[];
};

struct table {
	struct item **buckets;
	size_t bucket_count, count;
};

struct stream {
	const char *key;
	struct stream_entry {
		const char *text;
		size_t len;
	} *entries; /* the i-th has the id "<i+1>-0" */
	size_t count, capacity;
};

/* A call of a port, answered from the loop. */
struct job {
	void (*run)(struct simulation *sim, struct job *job);
	void (*done)(void);
	void *arg;
	void *data; /* malloced: what the call was about */
	size_t count;
	int64_t number, number2;
	const void *text;
};

struct calendar_entry {
	int64_t at;
	uint64_t seq;
	const char *text;
	size_t len;
	bool operator;
};

struct simulation {
	struct simulation_settings settings;
	struct simulation_watch watch;
	struct config config; /* as the flow sees it */
	struct producer producers[SIMULATION_STREAMS];
	struct keyspace keys;
	struct arena *arena;
	struct dunner *dunner;
	struct dunner_ports ports;
	struct clock_port clock;
	struct random_port random;
	struct journal_port journal;
	struct keys_port keys_port;
	struct store_port store;
	struct transport_port transport;
	/* time */
	int64_t wall, mono, day;
	bool idle;
	struct port_timer *timers;
	struct job *jobs; /* a ring */
	size_t job_first, job_count, job_capacity;
	struct calendar_entry *calendar; /* a heap: the soonest at [0] */
	size_t calendar_count, calendar_capacity;
	uint64_t seq;
	/* store */
	struct table strings, timers_of, attempts;
	const char *attempts_key, *due_key, *dead_key;
	struct due *due;
	struct stream streams[SIMULATION_STREAMS];
	struct job blocked; /* a read that waits; run NULL = none */
	struct store_place place;
	uint64_t epoch;
	/* journal */
	struct group_header last;
	bool has_last;
	struct journal_log log;
	uint64_t next_index[2]; /* of the log written last, and of the one before */
	char origin[300];
	uint32_t slots;
	uint64_t random_state;
	/* what became of it */
	uint64_t groups, dead;
	int64_t held_since, braked_ms;
	const char *held_last;
	bool failed;
	char failure[400];
};

void simulation_later(struct simulation *sim, const struct job *job);
void simulation_store_plug(struct simulation *sim);
void simulation_store_clear(struct simulation *sim);
void simulation_read_on(struct simulation *sim); /* the blocked read waits no more */
void simulation_stream_add(struct simulation *sim, size_t stream, const char *text, size_t len); /* a blocked read returns */

#endif
