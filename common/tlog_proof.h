/*
 * tlog_proof - the file that shows one entry to be in a log: its index, the hashes from it to the root, the signed checkpoint. Pure. Read
 * strictly: what is taken is what tlog_proof_add() writes. Source: C2SP tlog-proof (c2sp.org/tlog-proof), "Format" and "Verifying".
 */
#ifndef DUNNINGD_COMMON_TLOG_PROOF_H
#define DUNNINGD_COMMON_TLOG_PROOF_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/merkle.h"
#include "common/note.h"

#define TLOG_PROOF_MAX (2u << 20) /* bytes of a whole file */

struct tlog_proof {
	struct slice extra; /* base64, not authenticated: never to be believed. Empty = none */
	uint64_t index; /* of the entry, at most 2^63 - 1 */
	struct merkle_proof path;
	struct slice checkpoint; /* the whole note */
};

/* -EBADMSG; -E2BIG. Slices are borrowed from `data`. The shape alone: nothing is to be believed before tlog_proof_check(). */
int tlog_proof_parse(const void *data, size_t len, struct tlog_proof *ret);
void tlog_proof_add(struct buf *out, const struct tlog_proof *proof);

/*
 * That the entry with that leaf hash is in the log `origin` (not NULL) whose checkpoint one of the keys signed; `keys` are the log's alone,
 * no witness's. 0 and *ret (may be NULL; borrows from the proof), -EBADMSG: another log, no checkpoint, or the hashes do not lead to its
 * root; -ENOKEY, -EKEYREJECTED as note_verify().
 */
int tlog_proof_check(const struct tlog_proof *proof, const uint8_t leaf_hash[SHA256_SIZE], const char *origin,
	const struct note_key *keys, size_t key_count, struct checkpoint *ret);

#endif
