/* world_state - all that Redis holds of a world, in a form in which two states that mean the same are the same text. */
#ifndef DUNNINGD_TESTS_SUPPORT_WORLD_STATE_H
#define DUNNINGD_TESTS_SUPPORT_WORLD_STATE_H

#include "tests/support/world.h"

/* A line for each key: its name, a digest of its value, how many parts it has. In the arena. Nobody may write meanwhile. */
const char *world_state(struct world *world, struct arena *arena);
void world_state_differs(const char *before, const char *after); /* prints the first lines that are not the same */

#endif
