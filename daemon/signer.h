/*
 * signer - keeps the signed logs up with the journal: one checkpoint for all that became durable meanwhile, made in a thread of its own.
 * Nothing waits for it, least of all a send. Calls and callbacks are the loop's.
 */
#ifndef DUNNINGD_DAEMON_SIGNER_H
#define DUNNINGD_DAEMON_SIGNER_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include "daemon/journal.h"
#include "daemon/signed_log.h"

struct signer;

struct signer_settings {
	const char *state_dir; /* borrowed, as are the others */
	const struct log_key *key;
	struct journal *journal; /* outlives the signer */
	int64_t every_ms; /* between two looks: one checkpoint at most in this time */
};

struct signer_callbacks {
	/* A checkpoint was published: <state>/log/<year>/checkpoint has it. May be NULL. */
	void (*published)(uint16_t year, uint64_t size, void *arg);
	/* Nothing may be signed any more: the process must end. */
	void (*failed)(int r, const char *text, void *arg);
	void (*note)(int priority, const char *line, void *arg); /* "signer: ..." */
	/* While the journal is read from its beginning, at the start: now and then. May be NULL. */
	void (*progress)(void *arg);
	void *arg;
};

/* Opens every log that the journal has, which mends what a crash left, and refuses what must not go on: see signed_log_open(). */
int signer_create(const struct signer_settings *settings, struct event_base *base, const struct signer_callbacks *callbacks,
	struct signer **ret, struct err *err);
/* Waits for the checkpoint under way; `rest`: signs what else is durable, SIGNED_LOG_BATCH records of each log at most. NULL is allowed. */
void signer_destroy(struct signer *signer, bool rest);

/* While held nothing is signed, also not at the end: somebody outside may know more of this log than is here. */
void signer_hold(struct signer *signer, bool hold);

/* Looks at once, and not only when it is time. */
void signer_look(struct signer *signer);

/* A log whose files were lost or damaged, and made again from the journal. */
struct signer_mended {
	uint16_t year;
	uint64_t size; /* of its checkpoint, whose root the journal has */
	uint64_t missing, other; /* files that were not there; that had other bytes */
};
bool signer_mended(struct signer *signer, struct signer_mended *ret); /* each is given once, so that it is recorded; false: none is left */

struct signer_status {
	uint16_t year; /* of the newest log, 0 = there is none */
	uint64_t records; /* of it, durable */
	uint64_t size; /* of its last checkpoint */
	uint8_t root[SHA256_SIZE]; /* likewise */
	uint64_t behind; /* records of all logs that are not signed yet */
	uint64_t published; /* checkpoints since the start */
	bool no_space;
};
/* The root that the year's log is signed with at `size`; -EAGAIN: it is not signed so far. */
int signer_root(const struct signer *signer, uint16_t year, uint64_t size, uint8_t ret[SHA256_SIZE]);
void signer_status(const struct signer *signer, struct signer_status *ret);

#endif
