/*
 * trail_copies - how much of the journal and of the key store lies in the configured stores, as the daemon notes it in the state directory.
 * Whether a store still has it is not asked. Reads alone.
 */
#ifndef DUNNINGD_TOOLS_TRAIL_COPIES_H
#define DUNNINGD_TOOLS_TRAIL_COPIES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"

struct trail_copies {
	uint64_t segments, segments_copied; /* closed ones */
	uint64_t shards, shards_copied; /* files of the key store; copied: as they are now */
	bool keys; /* the store has a bucket for them */
};
void trail_copies_read(const char *state_dir, const struct anchor_settings *store, struct trail_copies *ret);

#endif
