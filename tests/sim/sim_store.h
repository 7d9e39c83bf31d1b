/* A command on its way from the store port (sim_store.c) to the server that carries it out (sim_commands.c). */
#ifndef DUNNINGD_SIM_STORE_H
#define DUNNINGD_SIM_STORE_H

#include "tests/sim/sim_redis.h"

enum op { OP_READ, OP_LOAD, OP_HASH, OP_DUE, OP_CURSOR, OP_COMMIT, OP_LEASE, OP_RELEASE, OP_TRYING, OP_TRIM, OP_TAILS };
enum fate { FATE_WELL, FATE_BREAK_BEFORE, FATE_BREAK_AFTER };
struct tried { long long epoch, first; unsigned long long count; };

struct wire { /* one connection */
	int64_t down_until, run_at, answer_at; /* mono; commands run, and are answered, in the order sent */
	unsigned connection, tailed; /* how often it broke; and had when the tails were asked last */
	struct command *pending, **pending_end; /* sent, not answered */
};

struct link {
	struct partition *part;
	struct host *host;
	bool closed; /* with its flow: what is answered now reaches nobody */
	struct life *life;
	struct redis *redis;
	struct wire wires[2]; /* [1]: blocking reads */
};

struct command {
	struct link *link;
	struct wire *wire;
	struct life *life;
	struct arena *arena;
	enum op op;
	enum fate fate;
	int refs;
	bool answered, lost; /* lost: will not be executed any more */
	bool waiting; /* a blocked read */
	unsigned connections[2]; /* of both wires, when it was sent */
	int64_t sent_at;
	struct command *next;
	/* arguments */
	struct stream_position *positions;
	struct stream_position *positions_out; /* tails: the caller's */
	size_t count, limit;
	int block_ms;
	const char **keys;
	const char *field; /* of the cursor: trying */
	int64_t number;
	uint64_t at_least, held;
	struct store_commit commit;
	struct group_header head;
	const char *text;
	void (*done)(void);
	void *arg;
	/* results */
	int r;
	struct store_entry *entries;
	struct store_value *values;
	struct store_due *due;
	size_t result_count;
	struct store_place place;
	struct store_cursor cursor;
	enum commit_status status;
	bool granted;
	uint64_t epoch;
	int64_t until;
};

/* What the server does with it: the results stand in the command. */
void redis_execute(struct command *c);
void redis_read(struct redis *redis, struct command *c); /* also of one that waited */
struct tried redis_tries(struct redis *redis, const char *cursor_key, const char *field, const char *id); /* how often an entry was tried */

#endif
