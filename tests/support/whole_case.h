/*
 * whole_case - one debtor from the deposit to the handover, in eight played months: the deposit is paid late, the balance is not; a call, a
 * promise that is broken, a plan that is broken, a dispute that is resolved, a formal notice by post that nobody fetches, a lawyer. With
 * kills: the daemon is killed (-9) at random instants of it, and nothing of the end may differ.
 */
#ifndef DUNNINGD_TESTS_SUPPORT_WHOLE_CASE_H
#define DUNNINGD_TESTS_SUPPORT_WHOLE_CASE_H

#include "tests/support/story.h"

/* Plays it in a world of its own; killed so often, at instants that `seed` chooses. The daemon stands at the last day, running. */
void whole_case_play(struct story *story, int kills, uint64_t seed);
const char *whole_case_end(struct story *story); /* what became of it, line by line, in the story's arena: equal after every play */
extern const char whole_case_expected[]; /* that, as it is meant */

#endif
