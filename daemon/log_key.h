/*
 * log_key - the Ed25519 key that signs the trail: from its credential, and the verifier keys that follow from it. Each year's log has one
 * of its own, named as its origin (common/FORMATS.md section 9), over the same public key.
 */
#ifndef DUNNINGD_DAEMON_LOG_KEY_H
#define DUNNINGD_DAEMON_LOG_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/note.h"

#define LOG_KEY_CREDENTIAL "trail-log-key"
#define LOG_KEY_NEXT_CREDENTIAL "trail-next-key" /* while one key takes over from another: both sign */

struct log_key {
	uint8_t seed[ED25519_SEED_SIZE]; /* secret: cleanse() it after use */
	struct note_key verifier; /* its name is the origin without the year */
	bool rotating; /* the next one signs too */
	uint8_t next_seed[ED25519_SEED_SIZE]; /* likewise secret */
	struct note_key next;
};

struct log_key_pins { /* the configuration's; NULL: any will do */
	const char *key, *next; /* trail.verifier_key, trail.next_verifier_key */
};

/*
 * From the credentials in `dir` (NULL: $CREDENTIALS_DIRECTORY). -ENOENT: there is none, and the trail is not signed. -EKEYREJECTED: a
 * verifier key is not the pinned one, or a key is pinned and its credential is missing, or a next one is there that nothing pins beside a
 * key that is; -EBADMSG: a credential holds no key. `err` says what would be right, never a secret.
 */
int log_key_read(const char *dir, const char *origin, const struct log_key_pins *pins, struct log_key *ret, struct err *err);
/* -EINVAL: `origin` cannot be the name of a key. */
int log_key_make(const uint8_t seed[ED25519_SEED_SIZE], const char *origin, struct log_key *ret);
/* Gives both keys the name of another origin. -EINVAL. */
int log_key_rename(struct log_key *key, const char *origin);
/* The key of one year's log; 0: `verifier` itself. */
void log_key_of_year(const struct note_key *verifier, uint16_t year, struct note_key *ret);

#endif
