/* How long a text is as SMS: each limit, from below and from above. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/sms.h"

static const struct row {
	const char *text;
	size_t times; /* of the text */
	const char *behind;
	bool gsm7;
	size_t units, parts;
} rows[] = {
	{ "", 0, "", true, 0, 0 },
	{ "a", 160, "", true, 160, 1 },
	{ "a", 161, "", true, 161, 2 },
	{ "a", 306, "", true, 306, 2 },
	{ "a", 307, "", true, 307, 3 },
	{ "\xe2\x82\xac", 80, "", true, 160, 1 }, /* the euro sign is two */
	{ "\xe2\x82\xac", 81, "", true, 162, 2 },
	{ "a", 152, "\xe2\x82\xac" "aaaaaaaa", true, 162, 2 },
	{ "\xe2\x82\xac", 153, "", true, 306, 3 }, /* 76 to a part: never half of one */
	{ "\xc3\xa9\xc3\xa8\xc3\xa0\xc3\xb9\xc3\xac\xc3\xb2\xc3\x87\xce\xa9\xce\x94", 1, "@$_\n\r", true, 14, 1 },
	{ "^{}[]~|\\", 1, "\f", true, 18, 1 },
	{ "`", 1, "", false, 1, 1 },
	{ "\t", 1, "", false, 1, 1 },
	{ "\xc3\xaa", 1, "", false, 1, 1 }, /* e with circumflex is not in it, nor is c with cedilla */
	{ "\xc3\xa7", 70, "", false, 70, 1 },
	{ "\xc3\xa7", 71, "", false, 71, 2 },
	{ "\xc3\xa7", 134, "", false, 134, 2 },
	{ "\xc3\xa7", 135, "", false, 135, 3 },
	{ "a", 69, "\xf0\x9f\x98\x80", false, 71, 2 }, /* a surrogate pair is two */
	{ "a", 66, "\xf0\x9f\x98\x80" "aa", false, 70, 1 },
	{ "a", 66, "\xf0\x9f\x98\x80" "aaa", false, 71, 2 },
	{ "\xf0\x9f\x98\x80", 67, "", false, 134, 3 }, /* 33 to a part */
	{ "\xff", 1, "a", false, 2, 1 },
};

static void measured(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(buf_clear) struct buf text = { 0 };
		struct sms_size size;

		for (size_t k = 0; k < rows[i].times; k++)
			buf_add_str(&text, rows[i].text);
		buf_add_str(&text, rows[i].behind);
		size = sms_measure(buf_str(&text));
		if (size.gsm7 != rows[i].gsm7 || size.units != rows[i].units || size.parts != rows[i].parts)
			fail_msg("row %zu: %d %zu %zu", i, size.gsm7, size.units, size.parts);
	}
}

/* Exactly these characters of the first 0x2100 are of one septet or two. */
static void alphabet(void **state)
{
	size_t one = 0, two = 0;

	(void)state;
	for (unsigned c = 1; c < 0x2100; c++) {
		const char utf8[] = { c < 0x80 ? (char)c : c < 0x800 ? (char)(0xc0 | c >> 6) : (char)(0xe0 | c >> 12),
			c < 0x80 ? '\0' : c < 0x800 ? (char)(0x80 | (c & 0x3f)) : (char)(0x80 | (c >> 6 & 0x3f)),
			c < 0x800 ? '\0' : (char)(0x80 | (c & 0x3f)), '\0' };
		struct sms_size size = sms_measure(utf8);

		one += size.gsm7 && size.units == 1;
		two += size.gsm7 && size.units == 2;
	}
	assert_int_equal(one, 127); /* 128 positions less the escape */
	assert_int_equal(two, 10);
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(measured), cmocka_unit_test(alphabet) };

	return cmocka_run_group_tests_name("sms", tests, NULL, NULL);
}
