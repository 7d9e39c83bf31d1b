/*
 * bundle_make - what the records of a case need to prove themselves, put into a bundle: leaves, proofs, checkpoints, keys. Pure.
 * Format: common/FORMATS.md.
 */
#ifndef DUNNINGD_COMMON_BUNDLE_MAKE_H
#define DUNNINGD_COMMON_BUNDLE_MAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bundle.h"
#include "common/merkle.h"
#include "common/note.h"
#include "common/record.h"

/* One log with all that its signed checkpoint covers. */
struct bundle_log {
	uint16_t year;
	struct note_key key; /* its name is the origin, with the year */
	struct slice note; /* the checkpoint's file */
	struct checkpoint checkpoint; /* what it says */
	const char (*leaves)[LEAF_SIZE]; /* checkpoint.size of them */
	uint8_t (*levels[8])[SHA256_SIZE]; /* filled by bundle_log_ready(); eight reach beyond any log that fits in memory */
};
/*
 * Reads the note and builds the tree; both live in the arena. -EKEYREJECTED: not signed by the key; -EBADMSG: another log's, or its root is
 * not that of the leaves; -ERANGE: it covers more than `count` leaves. `err` says it.
 */
int bundle_log_ready(struct bundle_log *log, size_t count, struct arena *arena, struct err *err);

/* A smaller checkpoint of a log for which a third party vouched. */
struct bundle_anchor {
	uint64_t size;
	struct slice note; /* the file; read by bundle_anchor_ready() */
};
/* That it is this log's, and the log grew out of it. -EBADMSG: not. */
int bundle_anchor_ready(const struct bundle_log *log, const struct bundle_anchor *anchor);

struct bundle_part {
	const char *name;
	bool there; /* else it is withheld or erased */
	uint8_t salt[SALT_SIZE];
	struct slice data;
};
struct bundle_record {
	const struct bundle_log *log;
	const struct bundle_anchor *anchor; /* the first one that holds it; NULL = none */
	uint64_t index;
	bool open; /* else its leaf and proof alone */
	uint8_t salt[SALT_SIZE];
	struct slice text;
	struct bundle_part parts[RECORD_PARTS_MAX];
	size_t part_count;
};

/* log/<year>/...; `leaves`: with all leaves. */
void bundle_add_log(struct bundle *bundle, const struct bundle_log *log, bool leaves);
/* log/<year>/anchored/<size>/checkpoint, and the proof that leads from there to the log's. */
void bundle_add_anchor(struct bundle *bundle, const struct bundle_log *log, const struct bundle_anchor *anchor);
/* <folder>/...; the record must be below the size of its log's checkpoint. */
void bundle_add_record(struct bundle *bundle, const char *folder, const struct bundle_record *record);
/*
 * Sorts the files and adds the manifest over them: signed when `seed` is not NULL. -EKEYREJECTED: the seed is not that key's.
 */
int bundle_finish(struct bundle *bundle, const struct note_key *key, const uint8_t seed[ED25519_SEED_SIZE]);

#endif
