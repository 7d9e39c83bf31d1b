/*
 * fraction - exact non-negative fractions, for sums that must be rounded once and not before. Pure; no doubles.
 * Each part holds 1024 bits: yearly compounding over twenty years fits. What does not fit is refused, never cut.
 */
#ifndef DUNNINGD_COMMON_FRACTION_H
#define DUNNINGD_COMMON_FRACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRACTION_LIMBS 32
#define FRACTION_TEXT_SIZE 640 /* two numbers of 309 digits, '/' and NUL */

struct big { /* limb[0] is the least; those from `used` on are 0 */
	size_t used;
	uint32_t limb[FRACTION_LIMBS];
};

struct fraction { /* in lowest terms; den is never 0 */
	struct big num, den;
};

enum rounding { ROUND_HALF_AWAY, ROUND_HALF_EVEN, ROUND_DOWN, ROUND_UP, ROUNDING_COUNT };
extern const char *const rounding_names[ROUNDING_COUNT + 1]; /* "half_away", "half_even", "down", "up" */

struct fraction fraction_of(uint64_t num, uint64_t den); /* den > 0 */
/* False: the result needs more than 1024 bits in a part; *ret is untouched then. `ret` may be an operand. */
bool fraction_add(const struct fraction *a, const struct fraction *b, struct fraction *ret);
bool fraction_mul(const struct fraction *a, const struct fraction *b, struct fraction *ret);
bool fraction_round(const struct fraction *f, enum rounding how, int64_t *ret); /* false: past INT64_MAX */
char *fraction_text(const struct fraction *f, char text[FRACTION_TEXT_SIZE]); /* "87480/73"; "0"; "12". Returns text */

#endif
