/*
 * generation - the trail's logs from one sealing to the next. A log that was taken back to an older state, or whose key is in other hands,
 * must never be signed again: it is sealed as it is, and a new generation begins under an origin of its own. Format: common/FORMATS.md
 * section 10. Blocking.
 */
#ifndef DUNNINGD_DAEMON_GENERATION_H
#define DUNNINGD_DAEMON_GENERATION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/note.h"

struct generation {
	unsigned number; /* 1: nothing was ever sealed here */
	const char *origin; /* of its logs, without the year; of the first one the configured one, or NULL */
	const char *sealed; /* what was sealed before it, by whom and why: a JSON object; NULL for the first */
};

/*
 * The present generation of a state directory; `configured`: the origin of the configuration (NULL: whatever it is). Strings live in the arena. -EBADMSG: the
 * file cannot be read, or belongs to another origin. -EINPROGRESS: a sealing was begun and not ended: the same command ends it. -ESTALE: so was
 * the putting back of a backup. -errno.
 */
int generation_read(const char *state_dir, const char *configured, struct arena *arena, struct generation *ret, struct err *err);
/* Where a sealed generation lies, a state directory but for its keys: "<state>/sealed/<number>". */
char *generation_dir(struct arena *arena, const char *state_dir, unsigned number);

struct sealing {
	const char *state_dir, *configured; /* as above */
	const char *who, *why;
	const struct note_key *key; /* the trail's verifier key; NULL: it is not signed, or nobody knows */
	const char *const *known; /* files with checkpoints that others have of these logs, NULL-terminated; NULL = none */
	int64_t now; /* ms UTC */
};

struct sealing_plan {
	struct generation before, after;
	bool begun; /* by an earlier run, which is ended: `after` is what that one wrote */
	const char *text; /* of the new <state>/generation */
};

/*
 * What sealing comes to; changes nothing. -ENOENT: there is no trail. -EKEYREJECTED, -EBADMSG: a known checkpoint is not of these logs;
 * `err` names the file.
 */
int generation_plan(const struct sealing *sealing, struct arena *arena, struct sealing_plan *ret, struct err *err);
/*
 * Carries it out; the caller holds generation_lock(). Every step is on the disk before the next, and a run that was cut off is ended by
 * another one. -EEXIST: something stands where the sealed trail belongs. -errno.
 */
int generation_seal(const struct sealing *sealing, const struct sealing_plan *plan, struct err *err);
/* The lock of the state directory: a descriptor to be closed. -EBUSY: the daemon runs. -errno. */
int generation_lock(const char *state_dir, struct err *err);

#endif
