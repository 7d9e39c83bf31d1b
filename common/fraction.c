#include "common/fraction.h"

#include <assert.h>
#include <string.h>

const char *const rounding_names[ROUNDING_COUNT + 1] = { [ROUND_HALF_AWAY] = "half_away", [ROUND_HALF_EVEN] = "half_even",
	[ROUND_DOWN] = "down", [ROUND_UP] = "up" };

/* --- whole numbers ---------------------------------------------------------------------------------------------------- */

static struct big big_of(uint64_t n)
{
	struct big b = { 0 };

	for (; n; n >>= 32)
		b.limb[b.used++] = (uint32_t)n;
	return b;
}

static void trim(struct big *b)
{
	while (b->used && !b->limb[b->used - 1])
		b->used--;
}

static int compare(const struct big *a, const struct big *b)
{
	if (a->used != b->used)
		return a->used < b->used ? -1 : 1;
	for (size_t i = a->used; i-- > 0;)
		if (a->limb[i] != b->limb[i])
			return a->limb[i] < b->limb[i] ? -1 : 1;
	return 0;
}

static bool add(const struct big *a, const struct big *b, struct big *ret)
{
	struct big sum = { 0 };
	uint64_t carry = 0;
	size_t n = a->used > b->used ? a->used : b->used;

	for (size_t i = 0; i < n; i++, carry >>= 32) {
		carry += (uint64_t)a->limb[i] + b->limb[i];
		sum.limb[i] = (uint32_t)carry;
	}
	if (carry && n == FRACTION_LIMBS)
		return false;
	if (carry)
		sum.limb[n++] = (uint32_t)carry;
	sum.used = n;
	*ret = sum;
	return true;
}

static void subtract(struct big *a, const struct big *b) /* a >= b */
{
	int64_t borrow = 0;

	for (size_t i = 0; i < a->used; i++) {
		int64_t left = (int64_t)a->limb[i] - b->limb[i] + borrow;

		a->limb[i] = (uint32_t)left;
		borrow = left < 0 ? -1 : 0;
	}
	trim(a);
}

static bool multiply(const struct big *a, const struct big *b, struct big *ret)
{
	struct big product = { 0 };

	if (a->used + b->used > FRACTION_LIMBS + 1)
		return false;
	for (size_t i = 0; i < a->used; i++) {
		uint64_t carry = 0;

		for (size_t j = 0; j < b->used || carry; j++, carry >>= 32) {
			if (i + j == FRACTION_LIMBS)
				return false;
			carry += product.limb[i + j] + (j < b->used ? (uint64_t)a->limb[i] * b->limb[j] : 0);
			product.limb[i + j] = (uint32_t)carry;
		}
	}
	product.used = FRACTION_LIMBS;
	trim(&product);
	*ret = product;
	return true;
}

static void half(struct big *b)
{
	for (size_t i = 0; i < b->used; i++)
		b->limb[i] = b->limb[i] >> 1 | (i + 1 < b->used ? b->limb[i + 1] << 31 : 0);
	trim(b);
}

/* Doubles a remainder, which is less than a divisor that fits: what does not fit any more is a carry, returned. */
static uint32_t twice(struct big *b, uint32_t bit)
{
	uint32_t carry = bit;

	for (size_t i = 0; i < b->used; i++) {
		uint32_t next = b->limb[i] >> 31;

		b->limb[i] = b->limb[i] << 1 | carry;
		carry = next;
	}
	if (carry && b->used < FRACTION_LIMBS) {
		b->limb[b->used++] = carry;
		carry = 0;
	}
	return carry;
}

/* Quotient and remainder, bit by bit: short numbers are the rule and speed is no concern. b > 0, and below half of what fits. */
static void divide(const struct big *a, const struct big *b, struct big *quotient, struct big *remainder)
{
	struct big q = { .used = a->used }, r = { 0 };

	for (size_t i = a->used * 32; i-- > 0;) {
		(void)twice(&r, a->limb[i / 32] >> (i % 32) & 1);
		if (compare(&r, b) >= 0) {
			subtract(&r, b);
			q.limb[i / 32] |= UINT32_C(1) << (i % 32);
		}
	}
	trim(&q);
	*quotient = q;
	*remainder = r;
}

static bool even(const struct big *b)
{
	return !(b->limb[0] & 1);
}

/* Stein's: only halves and differences. a, b > 0. */
static struct big common_divisor(struct big a, struct big b)
{
	unsigned twos = 0;

	for (; even(&a) && even(&b); twos++) {
		half(&a);
		half(&b);
	}
	while (even(&a))
		half(&a);
	while (b.used) {
		while (even(&b))
			half(&b);
		if (compare(&a, &b) > 0) {
			struct big other = a;

			a = b;
			b = other;
		}
		subtract(&b, &a);
	}
	while (twos--)
		(void)twice(&a, 0);
	return a;
}

static char *digits(const struct big *b, char *at)
{
	char reversed[FRACTION_LIMBS * 10 + 1];
	struct big rest = *b;
	size_t n = 0;

	do {
		uint64_t carry = 0;

		for (size_t i = rest.used; i-- > 0;) {
			carry = carry << 32 | rest.limb[i];
			rest.limb[i] = (uint32_t)(carry / 10);
			carry %= 10;
		}
		trim(&rest);
		reversed[n++] = (char)('0' + carry);
	} while (rest.used);
	while (n)
		*at++ = reversed[--n];
	return at;
}

/* --- fractions -------------------------------------------------------------------------------------------------------- */

static struct fraction reduced(struct big num, struct big den)
{
	struct fraction f = { num, den };
	struct big divisor, none;

	if (!num.used)
		return (struct fraction){ .den = big_of(1) };
	divisor = common_divisor(num, den);
	if (divisor.used == 1 && divisor.limb[0] == 1)
		return f;
	divide(&num, &divisor, &f.num, &none);
	divide(&den, &divisor, &f.den, &none);
	return f;
}

struct fraction fraction_of(uint64_t num, uint64_t den)
{
	assert(den);
	return reduced(big_of(num), big_of(den));
}

/* A divisor must stay below half of what fits: see divide(). */
static bool fits(const struct big *den)
{
	return den->used < FRACTION_LIMBS || den->limb[FRACTION_LIMBS - 1] < UINT32_C(1) << 31;
}

bool fraction_add(const struct fraction *a, const struct fraction *b, struct fraction *ret)
{
	struct big left, right, num, den;

	if (!multiply(&a->num, &b->den, &left) || !multiply(&b->num, &a->den, &right) || !add(&left, &right, &num) ||
		!multiply(&a->den, &b->den, &den) || !fits(&den) || !fits(&num))
		return false;
	*ret = reduced(num, den);
	return true;
}

bool fraction_mul(const struct fraction *a, const struct fraction *b, struct fraction *ret)
{
	struct big num, den;

	if (!multiply(&a->num, &b->num, &num) || !multiply(&a->den, &b->den, &den) || !fits(&den) || !fits(&num))
		return false;
	*ret = reduced(num, den);
	return true;
}

bool fraction_round(const struct fraction *f, enum rounding how, int64_t *ret)
{
	struct big quotient, remainder, one = big_of(1), limit = big_of(INT64_MAX);
	int against_half;
	bool up;

	divide(&f->num, &f->den, &quotient, &remainder);
	up = remainder.used && how == ROUND_UP;
	if (how == ROUND_HALF_AWAY || how == ROUND_HALF_EVEN) {
		against_half = twice(&remainder, 0) ? 1 : compare(&remainder, &f->den);
		up = against_half > 0 || (against_half == 0 && (how == ROUND_HALF_AWAY || !even(&quotient)));
	}
	if (up && !add(&quotient, &one, &quotient))
		return false;
	if (compare(&quotient, &limit) > 0)
		return false;
	*ret = (int64_t)(quotient.limb[0] | (uint64_t)quotient.limb[1] << 32);
	return true;
}

char *fraction_text(const struct fraction *f, char text[FRACTION_TEXT_SIZE])
{
	char *at = digits(&f->num, text);

	if (f->den.used != 1 || f->den.limb[0] != 1) {
		*at++ = '/';
		at = digits(&f->den, at);
	}
	*at = '\0';
	return text;
}
