/* newest - the state of the trail that others can hold us to: the checkpoint that was published last, for what is printed. */
#ifndef DUNNINGD_DAEMON_NEWEST_H
#define DUNNINGD_DAEMON_NEWEST_H

#include "common/cleanup.h"

/*
 * "<origin> · <size> · <root in base64>" of the newest log below <state_dir>/log (a const char *) that has a checkpoint, in the arena; as
 * contact_checkpoint_fn has it. NULL: nothing was signed yet. Synchronous. The file is our own; whoever relies on it checks its signature.
 */
const char *newest_checkpoint(struct arena *arena, void *state_dir);

#endif
