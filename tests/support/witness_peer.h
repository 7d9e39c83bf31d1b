/*
 * witness_peer - a witness as C2SP tlog-witness has it, for one log: it checks signature and consistency proof, remembers the largest tree,
 * and cosigns. An answer function for http_peer.
 */
#ifndef DUNNINGD_TESTS_SUPPORT_WITNESS_PEER_H
#define DUNNINGD_TESTS_SUPPORT_WITNESS_PEER_H

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/note.h"

struct witness_peer;

/* `log`: the key that it trusts, whose name is the origin. */
struct witness_peer *witness_peer_create(const struct note_key *log);
void witness_peer_destroy(struct witness_peer *peer); /* NULL is allowed */
DEFINE_CLEANUP(struct witness_peer, witness_peer_destroy)

void witness_peer_key(const struct witness_peer *peer, struct buf *ret); /* its verifier key */
void witness_peer_answer(const struct buf *request, struct buf *answer, void *peer); /* peer_answer_fn */
uint64_t witness_peer_size(struct witness_peer *peer); /* of the largest tree seen */
void witness_peer_know(struct witness_peer *peer, uint64_t size, const uint8_t root[SHA256_SIZE]); /* as if somebody had told it */
void witness_peer_shift(struct witness_peer *peer, int64_t seconds); /* its clock is wrong by so much */

#endif
