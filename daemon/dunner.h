/*
 * dunner - one partition's whole flow over the ports: lease, redo, inbox, decisions, commits, sends. No I/O of its own, so the
 * daemon and the simulator run the very same code.
 */
#ifndef DUNNINGD_DAEMON_DUNNER_H
#define DUNNINGD_DAEMON_DUNNER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "common/library.h"
#include "common/paces.h"
#include "daemon/fetch.h"
#include "daemon/merge_apart.h"
#include "daemon/ports.h"

struct dunner_ports {
	const struct clock_port *clock;
	const struct random_port *random;
	const struct journal_port *journal;
	const struct keys_port *keys;
	const struct store_port *store;
	const struct transport_port *transport;
};

enum dunner_state {
	DUNNER_STARTING, /* no lease yet, or redo under way */
	DUNNER_PASSIVE, /* another instance holds the partition */
	DUNNER_DRAINING, /* reading what stood in the streams; nothing is sent */
	DUNNER_RUNNING,
	DUNNER_REFUSED, /* needs a person: journal rolled back, wrong database, corruption; see reason */
	DUNNER_STOPPING,
	DUNNER_STOPPED,
};

struct dunner_status {
	enum dunner_state state;
	const char *holding; /* why nothing is sent, a stable word: "backlog", "no_space", "suspended", "brake", "clock_jump" ...; NULL = sending */
	const char *reason; /* sentence for REFUSED and gap; "" = none */
	uint64_t epoch, pseq;
	uint64_t events, dead, contacts, outcomes, in_flight, in_doubt; /* counters since the process began, and what is now */
	uint64_t turns; /* completed groups and empty reads: progress for the watchdog */
	int64_t caught_up_ms; /* age of the mark, real ms; -1 = never */
	int64_t payments_age_ms; /* how long ago payments were known completely; -1 = no feed binds */
	bool feed_stale; /* the default policy asks for fresher news of payments; only while we run */
	int64_t next_due; /* ms UTC; 0 = none known */
	int64_t lease_left_ms; /* 0 = it is not ours */
	const char *owner; /* while it is not ours: whose it was when we looked last; "" = nobody's */
	uint64_t owner_epoch; /* ... and the epoch that Redis had then */
	int64_t unled_ms; /* nobody's for so long, as far as we looked */
	uint64_t waiting; /* entries read from the streams and not yet applied */
};

enum dunner_history {
	HISTORY_OURS, /* as far as is known, nobody else ever wrote into this store */
	HISTORY_SHARED, /* others did */
	HISTORY_LOST, /* and the store has lost everything, or had this partition once */
};

struct dunner_record;
struct dunner_callbacks {
	void (*changed)(void *arg); /* the state or what holds sending changed */
	/* The flow must end: `r` is the negative errno (journal failed: -EIO). The process exits with `exit_code`. */
	void (*failed)(int r, int exit_code, const char *reason, void *arg);
	void (*stopped)(void *arg); /* after dunner_stop(): drained, recorded, lease released */
	void (*log)(int priority, const char *line, void *arg); /* syslog priorities; ids only, never names */
	/* The root that the year's log is signed with at `size`. -EAGAIN: not yet. NULL: the trail is not signed. */
	int (*log_root)(uint16_t year, uint64_t size, uint8_t root[32], void *arg);
	/* As dunner_record(), by whoever leads a partition; NULL = by this one, once it leads. */
	void (*record)(const struct dunner_record *record, void *arg);
	enum dunner_history (*shared)(void *arg); /* NULL: HISTORY_OURS */
	uint64_t (*heard)(void *arg); /* the epoch under which another instance led this partition last, as far as we ever heard; NULL = 0 */
	void (*rolled_back)(void *arg); /* the store knows of more that we wrote than our journal has: refused, and all partitions have one log; NULL = as above */
	void (*taken_over)(void *arg); /* another instance wrote what is gone on from; NULL = nobody wants to know */
	void (*hold)(const char *reason, bool opened, void *arg); /* an invoice's hold was opened or ended, and that is durable; NULL = nobody counts */
	size_t (*beside)(void *arg); /* dunner_slots() of the process's other partitions in all; NULL = there are none */
	void *arg;
};

struct dunner_settings {
	uint32_t partition;
	const struct config *config;
	const uint8_t *install_key; /* 32 bytes */
	adapter_secret_fn secret; /* of providers: what a doubt is settled by depends on the account; NULL = their names stand for them */
	void *secret_arg;
	const char *build; /* version string for the records */
	const char *boot_id;
	const char *log_origin; /* of the trail's logs, without the year; NULL = config->origin */
	unsigned generation; /* see daemon/generation.h */
	struct paces *paces; /* shared with the transport and the process's other partitions; NULL = none is kept */
	struct fetch *fetch; /* of invoices' documents, shared with the other partitions; NULL = nothing is fetched */
	struct merge_apart *merge; /* shared likewise; NULL = PDFs are merged in this process */
	bool played; /* the clock is played: its time is the pace's too */
	const char *sealed; /* of the generation before, as JSON; NULL: there was none */
	int64_t redis_ahead_ms; /* by which Redis's clock is ahead of a played one: it ends keys by its own */
};

/* Everything is borrowed and must outlive the dunner but `library`, of which it holds a reference. */
struct dunner *dunner_create(const struct dunner_ports *ports, const struct dunner_settings *settings,
	const struct library *library, const struct dunner_callbacks *callbacks);
void dunner_start(struct dunner *dunner);
/* Whether it takes its partition when that is free: from the beginning it does. One that has it keeps it. */
void dunner_want(struct dunner *dunner, bool wanted);
/*
 * After callbacks->failed or ->stopped: whether neither the journal nor the transport will call it any more. Then it can be destroyed while the
 * process goes on; its store is destroyed first, and what waited to be recorded goes to another one.
 */
bool dunner_detached(const struct dunner *dunner);
/* That other one counts on from where `from` ended, and tells the new owner of outcomes that came too late for it. */
void dunner_succeed(struct dunner *dunner, struct dunner *from);
/* Graceful: no new contacts, what is on the wire is waited for, callbacks->stopped at the end. */
void dunner_stop(struct dunner *dunner);
/* Before dunner_stop(): the last record will say that the log is sealed, by whom and why. */
void dunner_seal(struct dunner *dunner, const char *who, const char *why);
/* At any time, also mid-flight, like a crash: no I/O, no callbacks. Port callbacks still under way must not be delivered. */
void dunner_destroy(struct dunner *dunner);
/* What is decided from now on is decided by `library`; a group under way ends with the old one. New policies are recorded. */
void dunner_reload(struct dunner *dunner, const struct library *library);
void dunner_status(const struct dunner *dunner, struct dunner_status *ret);
size_t dunner_slots(const struct dunner *dunner); /* attempts that a crash now could leave in doubt: released, and without a durable outcome */
/*
 * Operator's brake, by the control socket: until = 0 means until released. Recorded. False: the partition is not surely led here, so the order
 * must go to its stream as well, where whoever leads it reads it before it sends.
 */
bool dunner_suspend(struct dunner *dunner, const char *who, const char *why, int64_t until);
bool dunner_release(struct dunner *dunner, const char *who, const char *why);

/* Somebody outside has seen more of this log, or another one: what is sent would stand in a trail that is not to be believed. False: no more. */
void dunner_trail_set_back(struct dunner *dunner, bool on);

/* A log was signed further: what waits for that goes on. */
void dunner_log_signed(struct dunner *dunner);

/* Something that happened outside the flow and must stand in the trail, in the system case. */
#define DUNNER_RECORD_MEMBERS 12
struct dunner_record {
	const char *kind; /* "anchor.token"; static */
	const char *who; /* the person who did it; NULL = the daemon */
	struct {
		const char *key; /* static */
		const char *text; /* NULL: the number */
		int64_t number;
	} members[DUNNER_RECORD_MEMBERS];
	size_t count;
	const char *part, *media_type; /* static; NULL = no part. Of class facts */
	const void *bytes;
	size_t len;
	void (*done)(const struct dunner_record *record, void *arg); /* it is in the journal; never before dunner_record() returns. NULL: nobody asks */
	void *arg;
};
/* Copied. It waits for the next group, for as long as the partition is another's. */
void dunner_record(struct dunner *dunner, const struct dunner_record *record);
struct dunner_erasure {
	const char *customer;
	unsigned classes; /* bit per enum key_class */
	int until_year; /* log years up to this one; 0 = all */
	bool yes; /* false: only says what would go */
	const char *who, *why;
};
/*
 * Erases a debtor's file, as far as periods, holds and open invoices allow; refusals and what was done are recorded. It takes its time:
 * what came of it is told by dunner_erasure_said(). -EBUSY: another one is under way; -EAGAIN: not now (starting, stopping, refused).
 */
int dunner_erase(struct dunner *dunner, const struct dunner_erasure *erasure, struct err *err);
/* Members of one object: `state` is "none", "running", "done" or "failed"; done has `customer`, `parts`, `refused` and `erased`. */
void dunner_erasure_said(const struct dunner *dunner, struct json_writer *w);

#endif
