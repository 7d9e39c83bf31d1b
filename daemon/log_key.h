/*
 * log_key - the Ed25519 key that signs the trail: from its credential, and the verifier keys that follow from it. Each year's log has one
 * of its own, named as its origin (common/FORMATS.md section 9), over the same public key.
 */
#ifndef DUNNINGD_DAEMON_LOG_KEY_H
#define DUNNINGD_DAEMON_LOG_KEY_H

#include <stdint.h>

#include "common/err.h"
#include "common/note.h"

#define LOG_KEY_CREDENTIAL "trail-log-key"

struct log_key {
	uint8_t seed[ED25519_SEED_SIZE]; /* secret: cleanse() it after use */
	struct note_key verifier; /* its name is the origin without the year */
};

/*
 * From the credential in `dir` (NULL: $CREDENTIALS_DIRECTORY). -ENOENT: there is none, and the trail is not signed. -EKEYREJECTED: its
 * verifier key is not `pinned` (trail.verifier_key; NULL: any will do), or a key is pinned and the credential is missing; -EBADMSG: it
 * holds no key. `err` says what would be right, never a secret.
 */
int log_key_read(const char *dir, const char *origin, const char *pinned, struct log_key *ret, struct err *err);
/* -EINVAL: `origin` cannot be the name of a key. */
int log_key_make(const uint8_t seed[ED25519_SEED_SIZE], const char *origin, struct log_key *ret);
/* The key of one year's log; 0: `verifier` itself. */
void log_key_of_year(const struct note_key *verifier, uint16_t year, struct note_key *ret);

#endif
