/* Exact fractions: sums, products, rounding, and what does not fit. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/fraction.h"

static void texts(void **state)
{
	char text[FRACTION_TEXT_SIZE];
	struct fraction f;

	(void)state;
	f = fraction_of(0, 7);
	assert_string_equal(fraction_text(&f, text), "0");
	f = fraction_of(84, 7);
	assert_string_equal(fraction_text(&f, text), "12");
	f = fraction_of(UINT64_MAX, UINT64_MAX - 1);
	assert_string_equal(fraction_text(&f, text), "18446744073709551615/18446744073709551614");
	f = fraction_of(3650000, 36500);
	assert_string_equal(fraction_text(&f, text), "100");
}

/* a/b + c/d and a/b * c/d, against the same in 128 bits. */
static void against_128_bits(void **state)
{
	uint64_t seed = 88172645463325252u;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint64_t n[4];
		struct fraction a, b, sum, product, want;

		for (int k = 0; k < 4; k++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			n[k] = (seed >> 33) % (k % 2 ? 40000 : 4000000000u) + (uint64_t)(k % 2);
		}
		a = fraction_of(n[0], n[1]);
		b = fraction_of(n[2], n[3]);
		assert_true(fraction_add(&a, &b, &sum));
		want = fraction_of(n[0] * n[3] + n[2] * n[1], n[1] * n[3]);
		assert_memory_equal(&sum, &want, sizeof(sum));
		assert_true(fraction_mul(&a, &b, &product));
		want = fraction_of(n[0] * n[2], n[1] * n[3]);
		assert_memory_equal(&product, &want, sizeof(want));
		for (int how = 0; how < ROUNDING_COUNT; how++) {
			uint64_t whole = n[0] / n[1], rest = n[0] % n[1];
			bool up = how == ROUND_UP ? rest > 0 : how == ROUND_HALF_AWAY ? 2 * rest >= n[1] :
				how == ROUND_HALF_EVEN ? 2 * rest > n[1] || (2 * rest == n[1] && whole % 2) : false;
			int64_t got;

			assert_true(fraction_round(&a, (enum rounding)how, &got));
			assert_int_equal(got, whole + up);
		}
	}
}

static void halves(void **state)
{
	static const struct {
		uint64_t num, den;
		int64_t away, even;
	} rows[] = { { 1, 2, 1, 0 }, { 3, 2, 2, 2 }, { 5, 2, 3, 2 }, { 49, 100, 0, 0 }, { 51, 100, 1, 1 }, { 7, 1, 7, 7 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fraction f = fraction_of(rows[i].num, rows[i].den);
		int64_t n;

		assert_true(fraction_round(&f, ROUND_HALF_AWAY, &n));
		assert_int_equal(n, rows[i].away);
		assert_true(fraction_round(&f, ROUND_HALF_EVEN, &n));
		assert_int_equal(n, rows[i].even);
	}
}

/* Powers of 3/2 up to the edge of what fits, and one beyond: refused, and what was there stands. */
static void the_edge(void **state)
{
	struct fraction f = fraction_of(1, 1), step = fraction_of(UINT64_MAX, 3), kept;
	int count = 0;
	int64_t n;

	(void)state;
	while (kept = f, fraction_mul(&f, &step, &f))
		count++;
	assert_true(count >= 15);
	assert_memory_equal(&f, &kept, sizeof(f));
	assert_false(fraction_round(&f, ROUND_HALF_AWAY, &n)); /* past INT64_MAX */
	f = fraction_of(INT64_MAX, 1);
	assert_true(fraction_round(&f, ROUND_DOWN, &n));
	assert_int_equal(n, INT64_MAX);
	f = fraction_of((uint64_t)INT64_MAX + 1, 1);
	assert_false(fraction_round(&f, ROUND_DOWN, &n));
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(texts), cmocka_unit_test(against_128_bits),
		cmocka_unit_test(halves), cmocka_unit_test(the_edge) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
