/*
 * signed_log - one year's log on the disk: tiles, bundles and checkpoint made from the journal's leaves and signed, in the order that
 * keeps a published checkpoint from ever being taken back (common/FORMATS.md section 9). Blocking; for one thread at a time.
 */
#ifndef DUNNINGD_DAEMON_SIGNED_LOG_H
#define DUNNINGD_DAEMON_SIGNED_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "daemon/log_key.h"

struct signed_log;

struct signed_log_settings {
	const char *state_dir;
	uint16_t year;
	const struct log_key *key; /* of the trail, without the year; borrowed */
	bool signs; /* else nothing new can be signed */
	bool rebuild; /* every file is made again from the journal, whatever is there */
	/* May be NULL: asked right before a signature; true: the journal cannot be trusted any more, so nothing is signed. */
	bool (*halted)(void *arg);
	/* May be NULL: called now and then while the journal is read from its beginning. */
	void (*progress)(uint64_t done, uint64_t all, void *arg);
	void *arg;
};

/* What an opening had to do. */
struct signed_log_report {
	uint64_t missing, mended; /* files that were made: not there, or with other bytes than follow from the journal */
	bool from_journal; /* the whole tree was made again from the journal, and has the signed root */
	bool published; /* a checkpoint that was signed before the end is published now */
};

/*
 * Finds out where the log stands and ends what was begun: head and checkpoint must be signed by this key, `leaves` (in the journal) must
 * not be fewer than were signed, and the journal's tree must have the signed root; then files that are missing or damaged are made again.
 * -EBADMSG: it must not go on; `err` says what is wrong and what would be right. -EKEYREJECTED: signed by another key. -ENOSPC, -EIO.
 */
int signed_log_open(const struct signed_log_settings *settings, uint64_t leaves, struct signed_log **ret,
	struct signed_log_report *report, struct err *err);
void signed_log_close(struct signed_log *log); /* NULL is allowed */
DEFINE_CLEANUP(struct signed_log, signed_log_close)

/*
 * Signs and publishes a checkpoint of `to` leaves, of SIGNED_LOG_BATCH more than before at most; all of them must be durable. After
 * any error the log must be closed: -ECANCELED it was halted; -ENOSPC may pass, so it may be opened again; after every other one nothing must be signed any more.
 */
#define SIGNED_LOG_BATCH 32768
int signed_log_extend(struct signed_log *log, uint64_t to, struct err *err);

uint64_t signed_log_size(const struct signed_log *log); /* of the last checkpoint, 0 = there is none */
const uint8_t *signed_log_root(const struct signed_log *log);

/*
 * Reads `path`, a checkpoint of that key; *ret's slices point into `text`. -ENOENT; -EKEYREJECTED: another key's, or altered; -EBADMSG: no
 * checkpoint of that log.
 */
int signed_log_read(const char *path, const struct note_key *key, struct buf *text, struct checkpoint *ret, struct err *err);

#endif
