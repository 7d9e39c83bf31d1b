#include "common/money.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ISO 4217, list one of the maintenance agency: currencies in use, without funds, metals and test codes. Exponent 2 unless listed. */
static const char codes[][4] = { "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN",
	"BHD", "BIF", "BMD", "BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CLP", "CNY", "COP",
	"CRC", "CUP", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS",
	"GIP", "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IQD", "IRR", "ISK", "JMD", "JOD",
	"JPY", "KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "LYD", "MAD",
	"MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK",
	"NPR", "NZD", "OMR", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD",
	"SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT", "TND",
	"TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX", "USD", "UYU", "UZS", "VED", "VES", "VND", "VUV", "WST", "XAF", "XCD",
	"XCG", "XOF", "XPF", "YER", "ZAR", "ZMW", "ZWG" };
static const char none[][4] = { "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV",
	"XAF", "XOF", "XPF" };
static const char three[][4] = { "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND" };

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

#define LISTED(list, code) bsearch(code, list, sizeof(list) / 4, 4, compare)

int currency_exponent(const char *code)
{
	if (!code || strlen(code) != 3 || !LISTED(codes, code))
		return -ENOENT;
	return LISTED(none, code) ? 0 : LISTED(three, code) ? 3 : 2;
}

bool money_add(int64_t a, int64_t b, int64_t *ret)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum) || sum > MONEY_MAX || sum < -MONEY_MAX)
		return false;
	*ret = sum;
	return true;
}

char *money_plain(struct money money, char *text, size_t size)
{
	int exponent = currency_exponent(money.currency);
	uint64_t minor = money.minor < 0 ? 0 - (uint64_t)money.minor : (uint64_t)money.minor;
	char digits[32], *at = digits + sizeof(digits);
	size_t len;

	if (exponent < 0 || exponent > 4)
		exponent = 2;
	for (int i = 0; i < exponent; i++, minor /= 10)
		*--at = (char)('0' + minor % 10);
	if (exponent)
		*--at = '.';
	do {
		*--at = (char)('0' + minor % 10);
		minor /= 10;
	} while (minor);
	if (money.minor < 0)
		*--at = '-';
	len = (size_t)(digits + sizeof(digits) - at);
	len = len < size ? len : size - 1;
	memcpy(text, at, len);
	text[len] = '\0';
	return text;
}
