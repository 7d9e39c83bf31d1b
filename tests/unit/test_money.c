/* Currencies and their exponents as ISO 4217 lists them, and exact sums. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/money.h"

/* List one of the maintenance agency, 2026: 156 currencies that are neither funds nor metals nor test codes. */
#define CURRENCIES 156

static void exponents(void **state)
{
	static const struct {
		int exponent;
		const char *codes;
	} lists[] = {
		{ 0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF" },
		{ 3, "BHD IQD JOD KWD LYD OMR TND" },
		{ 2, "AED AFN ALL AMD AUD BGN BRL CAD CHF CNY COP CZK DKK EUR GBP HKD HUF IDR ILS INR IRR KZT LBP MAD MGA MMK MRU MUR MXN MYR NGN NOK NZD PKR "
		     "PLN RON RSD RUB SAR SEK SGD SLE SYP THB TRY TWD TZS UAH USD UYU VED VES XCD XCG YER ZAR ZMW ZWG" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		for (const char *at = lists[i].codes; *at; at += at[3] ? 4 : 3) {
			char code[4] = { at[0], at[1], at[2], '\0' };

			if (currency_exponent(code) != lists[i].exponent)
				fail_msg("%s has %d", code, currency_exponent(code));
		}
}

/* Every code there could be: the table is sorted (or the search would miss some), and nothing stands in it that has no exponent. */
static void the_whole_table(void **state)
{
	int count = 0, by_exponent[5] = { 0 };

	(void)state;
	for (char a = 'A'; a <= 'Z'; a++)
		for (char b = 'A'; b <= 'Z'; b++)
			for (char c = 'A'; c <= 'Z'; c++) {
				char code[4] = { a, b, c, '\0' };
				int exponent = currency_exponent(code);

				if (exponent < 0)
					continue;
				count++;
				assert_in_range(exponent, 0, 4);
				by_exponent[exponent]++;
			}
	assert_int_equal(count, CURRENCIES);
	assert_int_equal(by_exponent[0], 16);
	assert_int_equal(by_exponent[3], 7);
	assert_int_equal(by_exponent[2], CURRENCIES - 16 - 7);
}

static void unknown(void **state)
{
	static const char *const codes[] = { "", "E", "EU", "EURO", "eur", "Eur", "EUX", "978", "€", " EUR", "EUR ",
		"XAU", "XAG", "XPT", "XPD", "XDR", "XTS", "XXX", "XBA", "XSU", "XUA", /* metals, units of account, tests */
		"CHE", "CHW", "CLF", "COU", "MXV", "USN", "UYI", "BOV", /* funds */
		"DEM", "FRF", "ITL", "HRK", "ANG", "CUC", "VEF", "SLL", "ZWL", "BTC" /* history, and hope */ };

	(void)state;
	assert_int_equal(currency_exponent(NULL), -ENOENT);
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (currency_exponent(codes[i]) != -ENOENT)
			fail_msg("\"%s\" is known", codes[i]);
}

static void sums(void **state)
{
	static const struct {
		int64_t a, b;
		bool fits;
	} cases[] = {
		{ 0, 0, true },
		{ 1999, -2000, true },
		{ MONEY_MAX, 0, true },
		{ MONEY_MAX - 1, 1, true },
		{ MONEY_MAX, 1, false },
		{ -MONEY_MAX, 0, true },
		{ -MONEY_MAX, -1, false },
		{ MONEY_MAX, -MONEY_MAX, true },
		{ INT64_MAX, 1, false },
		{ INT64_MIN, -1, false },
		{ INT64_MAX, INT64_MIN, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t sum = 7;

		assert_int_equal(money_add(cases[i].a, cases[i].b, &sum), cases[i].fits);
		assert_true(sum == (cases[i].fits ? cases[i].a + cases[i].b : 7));
	}
}

static void plain_decimals(void **state)
{
	static const struct {
		struct money money;
		const char *text;
	} cases[] = {
		{ { 120000, "EUR" }, "1200.00" },
		{ { 1, "EUR" }, "0.01" },
		{ { -5, "EUR" }, "-0.05" },
		{ { 0, "EUR" }, "0.00" },
		{ { -199, "USD" }, "-1.99" },
		{ { 1999, "JPY" }, "1999" },
		{ { -1, "JPY" }, "-1" },
		{ { 0, "JPY" }, "0" },
		{ { 1234, "KWD" }, "1.234" },
		{ { 7, "TND" }, "0.007" },
		{ { 1999, "???" }, "19.99" }, /* unknown: the usual two */
		{ { MONEY_MAX, "EUR" }, "90071992547409.91" },
		{ { INT64_MIN, "EUR" }, "-92233720368547758.08" },
		{ { INT64_MAX, "KWD" }, "9223372036854775.807" },
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(money_plain(cases[i].money, text, sizeof(text)), cases[i].text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(exponents),
		cmocka_unit_test(the_whole_table),
		cmocka_unit_test(unknown),
		cmocka_unit_test(sums),
		cmocka_unit_test(plain_decimals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
