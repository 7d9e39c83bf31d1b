/*
 * trail_signed - the signed logs as they lie on the disk, held against the journal's leaves while those are walked: signature, root, and
 * every file byte for byte. Reads alone, also beside a running daemon. Format: common/FORMATS.md section 9.
 */
#ifndef DUNNINGD_TOOLS_TRAIL_SIGNED_H
#define DUNNINGD_TOOLS_TRAIL_SIGNED_H

#include "common/note.h"
#include "tools/trail_files.h"

enum signed_state {
	SIGNED_NOT, /* nothing was ever signed */
	SIGNED_UNCHECKED, /* no key to check it with; what it says is held against the leaves all the same */
	SIGNED_RIGHT,
	SIGNED_WRONG, /* see the findings */
};

const char *signed_words(enum signed_state state); /* "not signed", "right" ... */

void trail_year_key(const struct note_key *key, uint16_t year, struct note_key *ret); /* `key`: of the trail, or already of that year's log */

struct trail_signed_log { /* of one year */
	uint16_t year;
	enum signed_state state;
	uint64_t size; /* of the checkpoint */
	uint8_t root[SHA256_SIZE]; /* likewise */
	int64_t at; /* when it was published: ms UTC, by the file's time */
	uint64_t files; /* tiles and bundles that were compared */
};

struct trail_signed;
/*
 * Reads what was signed; before the journal is walked, so that the journal has all of it. `key`: of the trail, or of one year's log; NULL =
 * none. `full`: tiles and bundles too. `fn` hears of everything that is wrong. Everything lies in the arena.
 */
struct trail_signed *trail_signed_open(const char *state_dir, const struct note_key *key, bool full, trail_finding_fn fn, void *arg,
	struct arena *arena);
/* Every leaf, in the order of the journal; also those of a log that was never signed. */
void trail_signed_leaf(struct trail_signed *trail, uint16_t year, uint64_t index, const char leaf[LEAF_SIZE]);
void trail_signed_end(struct trail_signed *trail); /* behind the last leaf */
const struct trail_signed_log *trail_signed_log(const struct trail_signed *trail, uint16_t year); /* NULL: nothing is there */
/* Of the leaves that were given. False: one was left out, so there is no root. */
bool trail_signed_root(const struct trail_signed *trail, uint16_t year, uint8_t ret[SHA256_SIZE]);
uint64_t trail_signed_findings(const struct trail_signed *trail);

#endif
