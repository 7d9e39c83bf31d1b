/*
 * balance - how many partitions an instance should hold, by what all living instances tell of themselves. Pure.
 *
 * Each may hold up to the ceiling of its even share, so that all partitions find somebody; and gives away what is above it. One that is at the
 * ceiling gives one away for another that is below the floor. So the counts come to differ by one at most, and nothing moves then. One that cannot
 * reach every partition keeps what it leads, and all else is shared by the others: what it misses would wait for it otherwise.
 */
#ifndef DUNNINGD_COMMON_BALANCE_H
#define DUNNINGD_COMMON_BALANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct balance_member {
	const char *name; /* of the instance */
	uint32_t held; /* partitions that it leads */
	bool partial; /* it cannot reach all of them */
};

struct balance {
	uint32_t take; /* so many more, where they are free */
	uint32_t give; /* so many away */
};

/* `others` without ourselves; none = we are alone, or nobody is known: then all that is free is taken. */
struct balance balance_decide(const struct balance_member *others, size_t count, uint32_t held, uint32_t partitions);

#endif
