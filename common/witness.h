/*
 * witness - what a log and its witness say to each other: one who keeps the largest consistent tree seen of each log, and signs for it. It
 * sees origin, size and root alone. Pure. Source: C2SP tlog-witness v1.0.0 (c2sp.org/tlog-witness), "add-checkpoint".
 */
#ifndef DUNNINGD_COMMON_WITNESS_H
#define DUNNINGD_COMMON_WITNESS_H

#include "common/merkle.h"
#include "common/note.h"

#define WITNESS_PROOF_MAX 63 /* hashes */
#define WITNESS_REQUEST_TYPE "text/plain; charset=utf-8"

struct witness_request {
	uint64_t old; /* leaves of the tree that the witness has last seen; 0 = none */
	struct merkle_proof proof; /* that the checkpoint's tree has grown out of it */
	struct slice checkpoint; /* the signed note, borrowed */
};
/* Appends the body; it is also the file format of a consistency proof. -E2BIG: more than WITNESS_PROOF_MAX hashes. */
int witness_request_add(struct buf *out, const struct witness_request *request);
/* The one text that witness_request_add() gives; the note itself is not read. -EBADMSG. The checkpoint is borrowed from `data`. */
int witness_request_parse(const void *data, size_t len, struct witness_request *ret);

enum witness_outcome {
	WITNESS_COSIGNED,
	WITNESS_BEHIND, /* it knows the log at another size: prove from there */
	WITNESS_AHEAD, /* it has seen more of this log than there is: the log was set back */
	WITNESS_FORKED, /* it has seen another tree of this log */
	WITNESS_UNKNOWN_LOG, /* it does not know the origin */
	WITNESS_UNKNOWN_KEY, /* no signature of a key that it trusts for the origin */
	WITNESS_REFUSED, /* it cannot read the request */
	WITNESS_USELESS, /* an answer that is none, or a cosignature that does not hold */
	WITNESS_FAILED, /* any other status: try later */
};
const char *witness_outcome_word(enum witness_outcome outcome); /* "cosigned", "behind" ...: stable */

struct witness_reply {
	enum witness_outcome outcome;
	uint64_t size; /* of BEHIND and AHEAD: leaves of the tree that it knows */
	int64_t at; /* of COSIGNED: ms UTC, when it signed */
};
struct witness_answer {
	int status; /* HTTP */
	const char *type; /* Content-Type; NULL = none */
	struct slice body;
};
/*
 * What the answer to `request`, whose checkpoint is of `size` leaves, comes to. COSIGNED: `lines` gets the witness's signature lines, to be
 * put behind the checkpoint; its time must lie within `tolerance_ms` of `now` (ms UTC), as a time far off would prove something untrue.
 */
struct witness_reply witness_read(const struct witness_answer *answer, const struct witness_request *request, uint64_t size,
	const struct note_key *key, int64_t now, int64_t tolerance_ms, struct buf *lines);

#endif
