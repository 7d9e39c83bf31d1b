/*
 * trail_anchors - what others said of the signed logs, as it lies on the disk (common/FORMATS.md section 10): each stamp and cosignature
 * checked anew, and that the log still has the root that they speak of. Reads alone, also beside a running daemon.
 */
#ifndef DUNNINGD_TOOLS_TRAIL_ANCHORS_H
#define DUNNINGD_TOOLS_TRAIL_ANCHORS_H

#include "common/config.h"
#include "common/note.h"
#include "tools/trail_files.h"

/* The best of a kind: of the newest year, the largest size. */
struct trail_vouched {
	uint64_t count; /* in all that hold; 0: there is none, and the rest says nothing */
	uint16_t year;
	uint64_t size;
	int64_t at; /* ms UTC, in its words */
	const char *name; /* of the anchor */
};

struct trail_anchors {
	struct trail_vouched stamps, cosignatures;
	uint64_t findings; /* of what is wrong */
	uint64_t own_roots; /* stamps that only go back to the certificates kept beside them: no configuration names their authority */
	uint64_t own_keys; /* cosignatures that hold by the key kept beside them alone: no configuration names the witness */
	uint64_t unknown; /* cosignatures of whom no key is there: not checked */
	int64_t waiting_since; /* of the oldest record that no time stamp covers, as the daemon notes it; 0 = there is none, or none is awaited */
};

/*
 * `config`: whose anchors are believed; NULL = there is none at hand. `key`: of the trail; NULL: whose the checkpoints are is not checked.
 * `fn` hears of everything that is wrong. Strings live in the arena.
 */
void trail_anchors_read(const char *state_dir, const struct config *config, const struct note_key *key, trail_finding_fn fn, void *arg,
	struct arena *arena, struct trail_anchors *ret);
/* "300 records of 2026, 2026-11-28T20:00:00Z, tsa-1"; `never` when there is none. In the arena. */
const char *trail_vouched_words(const struct trail_vouched *vouched, const char *never, struct arena *arena);

#endif
