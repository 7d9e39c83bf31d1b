/*
 * trail_turn - where one year's log ends and the next begins (common/FORMATS.md section 9): that a log which was left ends with
 * log.sealed, that nothing stands behind it, and that the next one names exactly its size and root. What a record says is looked at
 * only where it was opened.
 */
#ifndef DUNNINGD_TOOLS_TRAIL_TURN_H
#define DUNNINGD_TOOLS_TRAIL_TURN_H

#include <stdint.h>

#include "tools/trail_files.h"
#include "tools/trail_signed.h"

struct trail_turn;
/* `trees` has been given every leaf, and its end, before trail_turn_end(). Everything lies in the arena. */
struct trail_turn *trail_turn_create(const struct trail_signed *trees, trail_finding_fn fn, void *arg, struct arena *arena);
void trail_turn_record(struct trail_turn *turn, const struct trail_record *record); /* every one, in the order of the journal */
void trail_turn_end(struct trail_turn *turn);
uint64_t trail_turn_findings(const struct trail_turn *turn);

#endif
