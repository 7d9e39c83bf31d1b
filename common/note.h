/*
 * note - signed notes, their keys, and the checkpoint of a log that such a note carries. Pure. Read strictly: what these functions take is
 * what they would write, but for signatures of strangers. Sources: C2SP signed-note v1.0.0 (c2sp.org/signed-note), tlog-checkpoint v1.0.0,
 * tlog-cosignature v1.0.1.
 */
#ifndef DUNNINGD_COMMON_NOTE_H
#define DUNNINGD_COMMON_NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/hash.h"

#define NOTE_MAX (1u << 25) /* bytes of a whole note: room for the manifest of the largest bundle (common/bundle.h) */
#define NOTE_NAME_MAX 255 /* bytes of a key's name */
#define NOTE_SIGNATURES_MAX 64 /* signed-note asks for 16 at least */
#define NOTE_ID_SIZE 4

/* --- keys --------------------------------------------------------------------------------------- */

/* signed-note, "Signature types". Keys of other types are not read. */
enum note_type {
	NOTE_ED25519 = 0x01, /* signs the text */
	NOTE_COSIGNATURE = 0x04, /* of a witness: Ed25519 over a time and the text */
};
struct note_key {
	char name[NOTE_NAME_MAX + 1]; /* UTF-8 without Unicode spaces, controls and '+'; not empty */
	enum note_type type;
	uint8_t public_key[ED25519_KEY_SIZE];
	uint8_t id[NOTE_ID_SIZE]; /* the beginning of SHA-256(name || "\n" || type || public key) */
};
/* -EINVAL: no such name can be. *ret is untouched then. */
int note_key_make(const char *name, enum note_type type, const uint8_t public_key[ED25519_KEY_SIZE], struct note_key *ret);
/* "name+id in hexadecimal+base64(type || public key)": signed-note, "Verifier keys". -EBADMSG; -ENOTSUP: a key of another type. */
int note_key_parse(const char *text, struct note_key *ret);
void note_key_add(struct buf *out, const struct note_key *key); /* the same text, without a line end */

/* --- notes -------------------------------------------------------------------------------------- */

struct note_signature {
	struct slice name;
	struct slice base64; /* of key id || signature */
};
struct note { /* all borrowed from what it was read from */
	struct slice text; /* with its last line end: what is signed */
	struct note_signature signatures[NOTE_SIGNATURES_MAX];
	size_t signature_count; /* at least 1 */
};
/* The shape alone; nothing is to be believed before note_verify(). -EBADMSG; -E2BIG: more than NOTE_MAX or NOTE_SIGNATURES_MAX. */
int note_parse(const void *data, size_t len, struct note *ret);

/* What one of the keys given says of a note. */
struct note_seal {
	bool good; /* it signed */
	uint64_t time; /* of a cosignature: seconds since 1970 UTC, the latest of several; else 0 */
};
/*
 * ret[i] is keys[i]'s. 0: at least one of them signed. -ENOKEY: none did. -EKEYREJECTED: a signature in the name and id of one of them is
 * wrong, whatever others say; then no seal is good. Signatures of unknown keys are passed over.
 */
int note_verify(const struct note *note, const struct note_key *keys, size_t count, struct note_seal *ret);

/* Appends the text and the empty line that signatures follow. -EINVAL: it does not end with a line end, or is no clean UTF-8. */
int note_begin(struct buf *out, const void *text, size_t len);
/* Appends the signature line of an Ed25519 key. -EKEYREJECTED: the seed is not that key's; -EINVAL: a key of another type. */
int note_sign(struct buf *out, const void *text, size_t len, const struct note_key *key, const uint8_t seed[ED25519_SEED_SIZE]);

/* --- lines, as checkpoints and their kin have them --------------------------------------------------- */

bool note_line(struct slice *rest, struct slice *ret); /* cuts off a line, given without its end; false: there is none */
int note_number(const struct slice *text, uint64_t *ret); /* decimal without leading zeros, at most 2^63 - 1. -EBADMSG */

/* --- checkpoints -------------------------------------------------------------------------------- */

/* The text of a log's note: tlog-checkpoint, "Note text". */
struct checkpoint {
	struct slice origin; /* not empty, one line */
	uint64_t size; /* leaves; at most 2^63 - 1 */
	uint8_t root[SHA256_SIZE];
	struct slice extensions; /* lines, none of them empty, each with its line end; rather none at all */
};
/* -EBADMSG; also for an empty log with another root than SHA-256(""). Slices are borrowed from `text`. */
int checkpoint_parse(const void *text, size_t len, struct checkpoint *ret);
/* Appends the text. -EINVAL: checkpoint_parse() would not take it; then nothing is appended. */
int checkpoint_add(struct buf *out, const struct checkpoint *checkpoint);

#endif
