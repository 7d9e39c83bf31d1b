/*
 * ranges - which records of which logs, in one line: "trail.example.com/acme/2026 3-7,9; trail.example.com/acme/2027 0". Pure.
 */
#ifndef DUNNINGD_COMMON_RANGES_H
#define DUNNINGD_COMMON_RANGES_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

#define RANGES_MAX 7000 /* bytes: what the daemon takes; more are counted and not named */

struct ranges { /* { 0 } is empty */
	struct buf text;
	char *origin; /* of the last one; owned */
	uint64_t first, last; /* the run that is still open */
	size_t open, unnamed; /* records in it; those for which there was no room */
};
void ranges_add(struct ranges *ranges, const char *origin, uint64_t index); /* in the order of the log */
const char *ranges_text(struct ranges *ranges); /* "" = none; borrowed until the next call */
void ranges_clear(struct ranges *ranges);

#endif
