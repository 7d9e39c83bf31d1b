/*
 * anchor - asks those who vouch for the trail (trail.anchors): time-stamp authorities, witnesses, stores of copies. Witnesses and stores
 * are asked at every start: they alone know when this computer was set back to yesterday. In a thread of its own
 * with a loop of its own, which reads the signed log's files and writes its own (common/FORMATS.md section 10): whatever is slow, hangs or
 * fails there, no send waits for it. It goes by the computer's clock, also when a played one drives the flow.
 */
#ifndef DUNNINGD_DAEMON_ANCHOR_H
#define DUNNINGD_DAEMON_ANCHOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

#include "common/anchor.h"
#include "common/buf.h"
#include "common/config.h"
#include "common/err.h"

#define ANCHOR_TOLERANCE_MS (5 * MINUTE_MS) /* how far the time of a stamp or cosignature may be from ours */

struct anchors;

/* Something that vouches for a log and must be recorded: kind anchor.token. Strings are borrowed for the callback. */
struct anchor_token_record {
	enum anchor_kind kind;
	const char *name; /* the anchor's */
	const char *origin; /* of the log, with its year */
	uint64_t size; /* of the checkpoint */
	int64_t at; /* ms UTC, in its words */
	const char *serial, *authority; /* of a stamp; else NULL */
	const char *part, *media_type; /* name of what it gave; static; NULL = nothing. By the kind */
	struct slice bytes;
};

struct anchor_run {
	const char *state_dir; /* borrowed for the call */
	const struct config *config; /* borrowed for life */
	const char *ca_file; /* authorities for https; NULL = the system's */
	const char *(*secret)(const char *credential, void *arg); /* asked in anchors_create() alone */
	void *secret_arg;
	/* On the loop of `base`. What anchors_recorded() was not called for is told again after the next start: twice at worst, never not at all. */
	void (*record)(const struct anchor_token_record *token, void *arg);
	void (*note)(int priority, const char *line, void *arg); /* syslog priorities; ids only */
	void *arg;
};

/* Whether all that trail.anchors names can be read: -EBADMSG or -errno, `err` names the path in the configuration, the file and the remedy. */
int anchors_check(const struct config *config, struct err *err);
/* *ret is NULL when none is configured. As anchors_check(), and -EIO. */
int anchors_create(struct event_base *base, const struct anchor_run *run, struct anchors **ret, struct err *err);
void anchors_destroy(struct anchors *anchors); /* cuts what is under way; NULL is allowed */
DEFINE_CLEANUP(struct anchors, anchors_destroy)
/* Of what was given to run->record(): it is in the journal, and need not be told again after the next start. */
void anchors_recorded(struct anchors *anchors, const char *origin, const char *name, uint64_t size);
/* A person looked, and the logs may go on. -ENOENT: nothing is held; -EBUSY: not everybody agrees; `err` says who does not. */
int anchors_agreed(struct anchors *anchors, struct err *err);
void anchors_want(struct anchors *anchors); /* all of them now, whatever was planned; NULL is allowed */

struct anchor_status {
	const char *name; /* borrowed from the configuration */
	enum anchor_kind kind;
	uint64_t size; /* leaves of the newest log that it vouches for; 0 = none */
	int64_t at; /* 0 = never */
	int64_t age_ms; /* of the oldest leaf that waits for it, in whichever log; 0 = none does */
	int64_t failures; /* in a row */
	char word[ANCHOR_WORD_SIZE]; /* why it failed last; "" = it did not */
	bool disagrees; /* it has seen more of a log than is here, or another tree, and has not taken that back */
	bool busy, alarm; /* alarm: age_ms is ANCHOR_ALARM_MS or more, or it says that the log was set back */
};
struct anchors_status {
	char origin[300]; /* of the newest log; "" = none is signed */
	uint64_t size; /* of its checkpoint */
	bool set_back; /* a checkpoint is smaller than one that was anchored */
	bool looked; /* each witness and store has been asked since the start, and has answered or could not be reached */
	bool ahead; /* one of them disagrees */
	bool held; /* a log was set back, or one of them disagreed, until anchors_agreed(): nothing more must be signed or sent */
	struct anchor_status anchors[ANCHOR_MARKS_MAX];
	size_t count; /* as configured */
};
void anchors_status(struct anchors *anchors, struct anchors_status *ret); /* NULL: nothing is configured */

#endif
