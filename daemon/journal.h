/*
 * journal - the trail's source of truth on the disk: <state>/journal, one writer thread, group commit. Format: common/FORMATS.md,
 * bytes: common/frames. Implements struct journal_port; all calls and callbacks are the loop's.
 *
 * Groups handed over in one turn of the loop, and those that come while a sync runs, go out in one write with one fdatasync().
 */
#ifndef DUNNINGD_DAEMON_JOURNAL_H
#define DUNNINGD_DAEMON_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "daemon/keystore.h"
#include "daemon/ports.h"

struct journal;

struct journal_settings {
	const char *state_dir;
	const char *origin; /* of the log, without the year */
	uint64_t segment_bytes; /* a segment is closed before it grows beyond; preallocated in full */
	struct keystore *keys; /* borrowed, must outlive the journal; NULL = none (tools, tests) */
	void (*synced)(int64_t us, void *arg); /* how long one fdatasync() took that made groups durable; may be NULL */
	void *arg;
};

/*
 * Takes the lock of the state directory, reads the headers of all segments and the whole last one, cuts a torn tail, starts the
 * writer. -EBUSY: another process holds the lock. -EBADMSG: corruption, or a log of another origin; `err` names file and offset.
 * -errno. The caller must have SIGXFSZ ignored, should a file size limit be set.
 */
int journal_open(const struct journal_settings *settings, struct event_base *base, struct journal **ret,
	struct err *err);
/* Waits for the write under way and drops what is queued; no callback comes any more. NULL is allowed. */
void journal_close(struct journal *journal);
DEFINE_CLEANUP(struct journal, journal_close)

/*
 * Replay leaves out groups that were superseded: when a later group of the partition has a smaller number (another instance had
 * taken over meanwhile), the earlier ones from that number on are no longer part of its history. `knows` knows them still.
 */
const struct journal_port *journal_port(struct journal *journal);
/* File, offset and reason of the last -EBADMSG that a port function gave. */
const struct err *journal_damage(const struct journal *journal);

/* The logs (one a year, ascending) and how many of each one's records are durable. Valid until the next turn of the loop. */
const struct frames_log *journal_logs(const struct journal *journal, size_t *count);

/* A write or sync failed for good: whatever hangs on the journal ends. From any thread. */
bool journal_broken(const struct journal *journal);

struct journal_counters {
	uint64_t groups, records, writes, bytes; /* durable since the opening; one write is one fdatasync() */
	uint64_t no_space; /* writes that found none */
	size_t segments;
};
struct journal_counters journal_counters(const struct journal *journal);

#endif
