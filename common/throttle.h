/*
 * throttle - how often somebody may come: a few at once, then one in a while. It keeps a fixed number of those who came last, whoever they
 * are, and of each only a keyed digest. Pure; time comes in.
 */
#ifndef DUNNINGD_COMMON_THROTTLE_H
#define DUNNINGD_COMMON_THROTTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

struct throttle_rate {
	int64_t at_once; /* so many without waiting */
	int64_t every_ms; /* one more in this time */
};

struct throttle;
struct throttle *throttle_create(const uint8_t key[32]); /* random: nobody can choose whom he shares a place with */
void throttle_free(struct throttle *throttle); /* NULL is allowed */
DEFINE_CLEANUP(struct throttle, throttle_free)
/* Whether this one may come now (ms, of any clock that does not go back); it counts only then. `kind` tells apart what is counted. */
bool throttle_take(struct throttle *throttle, char kind, const void *who, size_t len, const struct throttle_rate *rate, int64_t now);

#endif
