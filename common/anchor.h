/*
 * anchor - when which of those who vouch for a log is to be asked, and how long its oldest leaf has been waiting for them. Pure; and the form
 * in which this is kept (common/FORMATS.md section 10). All instants are ms UTC.
 *
 * New leaves call for each of them once in its `every` at most. The record of an anchor is a leaf too, but calls for nothing: an idle log
 * would stamp its own stamps for ever. A failure only puts off the next try; how long the oldest leaf waits is what raises the alarm.
 */
#ifndef DUNNINGD_COMMON_ANCHOR_H
#define DUNNINGD_COMMON_ANCHOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/config.h"
#include "common/err.h"
#include "common/utc.h"

#define ANCHOR_ALARM_MS (25 * HOUR_MS)
#define ANCHOR_RETRY_MIN_MS MINUTE_MS /* doubles with each failure in a row ... */
#define ANCHOR_RETRY_MAX_MS HOUR_MS /* ... up to here */
#define ANCHOR_TOKENS_MAX 256
#define ANCHOR_MARKS_MAX 64 /* those that were ever configured for a log */
#define ANCHOR_QUEUE_MAX 4096 /* files */
#define ANCHOR_WORD_SIZE 32

/* Where one of them stands with one log. */
struct anchor_mark {
	char name[65];
	enum anchor_kind kind;
	uint64_t size; /* leaves of the largest checkpoint that it has vouched for; 0 = none */
	int64_t at; /* when it says that was; 0 = never */
	int64_t asked_at; /* when the request for that was made, by our clock */
	int64_t waiting_since; /* since when a leaf that calls for it has been there; 0 = none has */
	int64_t next_try; /* after failures; 0 = at once */
	int64_t failures; /* in a row */
	char word[ANCHOR_WORD_SIZE]; /* why the last try failed; "" = it did not */
	uint64_t known; /* witness: the size that it knows, to prove from */
	uint64_t tiles; /* store: full tiles of level 0 copied, with all that goes with them */
	char **queue; /* store: stamps to copy, "300/tsa-1"; owned by the state */
	size_t queue_count, queue_capacity;
	bool disagrees; /* it has seen more of the log, or another tree, and has not taken that back: asked again and again */
	bool wanted; /* a person asked; not kept */
};

/* What an anchor gave, on its way into the journal. */
struct anchor_unrecorded {
	char name[65];
	enum anchor_kind kind;
	uint64_t size;
	int64_t at;
	char serial[64], authority[256]; /* of a stamp; else "" */
};
#define ANCHOR_UNRECORDED_MAX 1024

struct anchor_state { /* of one log; { 0 } is the beginning */
	uint64_t size; /* of the newest checkpoint seen */
	bool held; /* since somebody disagreed, or the log was set back: until a person says that it may go on */
	/* Records of anchors: each one's leaf index is not below this, the checkpoint's size when it was written. Ascending. */
	uint64_t tokens[ANCHOR_TOKENS_MAX];
	size_t token_count;
	struct anchor_unrecorded *unrecorded; /* owned; oldest first */
	size_t unrecorded_count, unrecorded_capacity;
	struct anchor_mark marks[ANCHOR_MARKS_MAX];
	size_t mark_count;
};
void anchor_state_clear(struct anchor_state *state);
/* The mark of that name and kind, made when there is none, anew when it was of another kind; NULL: there are too many. */
struct anchor_mark *anchor_mark(struct anchor_state *state, const char *name, enum anchor_kind kind);

/* A checkpoint of that size is there. False: it is smaller than one seen before, which must never be; nothing changes. */
bool anchor_seen(struct anchor_state *state, uint64_t size, int64_t now);
void anchor_token(struct anchor_state *state); /* the record of an anchor goes into the log now */
void anchor_unrecorded(struct anchor_state *state, const struct anchor_unrecorded *one); /* the oldest goes when there are too many */
bool anchor_recorded(struct anchor_state *state, const char *name, uint64_t size); /* it is in the journal; false: it was none of them */
void anchor_want(struct anchor_mark *mark); /* a person asks for it now */

/* When it is to be asked; 0: not at all. */
int64_t anchor_due_at(const struct anchor_state *state, const struct anchor_mark *mark, int64_t every_ms);
/* Now? Also when that instant is further away than it can be: the clock was set back. */
bool anchor_due(const struct anchor_state *state, const struct anchor_mark *mark, int64_t every_ms, int64_t now);
/* It vouched for `size` leaves, as of `at` in its words; it was asked at `asked_at`. */
void anchor_done(struct anchor_state *state, struct anchor_mark *mark, uint64_t size, int64_t at, int64_t asked_at);
void anchor_well(struct anchor_mark *mark); /* it answered, and has nothing new to say */
void anchor_failed(struct anchor_state *state, struct anchor_mark *mark, const char *word, int64_t now); /* "ahead", "forked": it disagrees */
int64_t anchor_age_ms(const struct anchor_mark *mark, int64_t now); /* of the oldest leaf that waits for it; 0 = none does */
void anchor_queue(struct anchor_mark *mark, const char *file); /* the oldest goes when there are too many */
void anchor_unqueue(struct anchor_mark *mark); /* the first */

void anchor_state_add(struct buf *out, const struct anchor_state *state); /* appends the file */
/* Into an empty state. -EBADMSG: no such file; `err` (may be NULL) says where. */
int anchor_state_parse(const char *text, size_t len, struct anchor_state *ret, struct err *err);

#endif
