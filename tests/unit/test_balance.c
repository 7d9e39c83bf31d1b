/* Who should hold how many partitions: rows, and whole populations that must come to rest evenly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/balance.h"
#include "common/cleanup.h"

struct row {
	const char *name;
	uint32_t others[4];
	size_t count;
	uint32_t held, partitions, take, give;
	size_t partial; /* so many of the others, the first ones */
};

static const struct row rows[] = {
	{ "alone: all of them", { 0 }, 0, 0, 12, 12, 0, 0 },
	{ "alone with all of them: nothing more", { 0 }, 0, 12, 12, 0, 0, 0 },
	{ "a second one came: half is given", { 0 }, 1, 12, 12, 0, 6, 0 },
	{ "the second one takes up to its half", { 12 }, 1, 0, 12, 6, 0, 0 },
	{ "one partition, and it is the other's: ready to take it", { 1 }, 1, 0, 1, 1, 0, 0 },
	{ "one partition of ours is not given away", { 0 }, 1, 1, 1, 0, 0, 0 },
	{ "a difference of one is even", { 3, 2, 2, 2 }, 4, 3, 12, 0, 0, 0 },
	{ "one at the ceiling gives for one below the floor", { 3, 3, 3, 0 }, 4, 3, 12, 0, 1, 0 },
	{ "one below the ceiling takes what is free", { 3, 3, 3, 1 }, 4, 2, 12, 1, 0, 0 },
	{ "more instances than partitions", { 1, 1, 0 }, 3, 0, 2, 1, 0, 0 },
	{ "what one cannot reach is shared by the others", { 1, 4 }, 2, 4, 12, 2, 0, 1 },
	{ "which give nothing of it to that one", { 1, 5 }, 2, 6, 12, 0, 0, 1 },
	{ "and take nothing of what it leads", { 6 }, 1, 6, 12, 0, 0, 1 },
	{ "nobody reaches all: each keeps what it has", { 4, 4 }, 2, 4, 12, 0, 0, 2 },
	{ "others that say more than there is", { 9, 9 }, 2, 0, 12, 0, 0, 2 },
};

static void row_holds(void **state)
{
	const struct row *row = *state;
	struct balance_member others[4] = { 0 };
	struct balance b;

	for (size_t i = 0; i < row->count; i++)
		others[i] = (struct balance_member){ .held = row->others[i], .partial = i < row->partial };
	b = balance_decide(others, row->count, row->held, row->partitions);
	assert_int_equal(b.take, row->take);
	assert_int_equal(b.give, row->give);
}

/* Instances that decide one after the other by what they know: all at rest within a few rounds, no two differ by more than one. */
static uint32_t settle(uint32_t *held, size_t count, uint32_t partitions)
{
	uint32_t moved = 0, free_ones = partitions;

	for (size_t i = 0; i < count; i++)
		free_ones -= held[i];
	for (int round = 0; round < 10; round++) {
		bool rests = true;

		for (size_t i = 0; i < count; i++) {
			struct balance_member others[16];
			struct balance b;
			size_t n = 0;

			for (size_t k = 0; k < count; k++)
				if (k != i)
					others[n++].held = held[k];
			b = balance_decide(others, n, held[i], partitions);
			if (b.give) {
				held[i] -= b.give;
				free_ones += b.give;
				moved += b.give;
				rests = false;
			} else if (b.take && free_ones) {
				uint32_t take = b.take < free_ones ? b.take : free_ones;

				held[i] += take;
				free_ones -= take;
				rests = false;
			}
		}
		if (rests)
			break;
		assert_true(round < 9);
	}
	assert_int_equal(free_ones, 0);
	return moved;
}

static void all_come_to_rest_evenly(void **state)
{
	(void)state;
	for (uint32_t partitions = 1; partitions <= 64; partitions++) {
		for (size_t count = 1; count < 9; count++) {
			uint32_t held[9] = { partitions };

			for (int change = 0; change < 2; change++) { /* they come to the one that has all, then one leaves */
				uint32_t least = UINT32_MAX, most = 0;
				size_t n = count - (size_t)(change && count > 1);

				settle(held, n, partitions);
				for (size_t i = 0; i < n; i++) {
					least = held[i] < least ? held[i] : least;
					most = held[i] > most ? held[i] : most;
				}
				assert_true(most - least <= 1);
				assert_int_equal(settle(held, n, partitions), 0);
			}
		}
	}
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_LEN(rows) + 1];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].name, .test_func = row_holds, .initial_state = (void *)(uintptr_t)&rows[i] };
	tests[ARRAY_LEN(rows)] = (struct CMUnitTest)cmocka_unit_test(all_come_to_rest_evenly);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
