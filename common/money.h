/*
 * money - amounts in minor units and their currencies. Pure; exact integers, no doubles.
 */
#ifndef DUNNINGD_COMMON_MONEY_H
#define DUNNINGD_COMMON_MONEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MONEY_MAX INT64_C(9007199254740991) /* 2^53 - 1: also exact in every JSON reader */

struct money {
	int64_t minor; /* 1999 "EUR" = 19.99; 1999 "JPY" = 1999: ISO 4217 exponent */
	char currency[4];
};

int currency_exponent(const char *code); /* 0, 2, 3 or 4 by ISO 4217; -ENOENT for an unknown code or a fund/metal code */
bool money_add(int64_t a, int64_t b, int64_t *ret); /* false on overflow past +-MONEY_MAX; *ret untouched then */
/* "1200.00", "-0.05", "1999", "1.234": the plain decimal for machines. size >= 32. Returns text. */
char *money_plain(struct money money, char *text, size_t size);

#endif
