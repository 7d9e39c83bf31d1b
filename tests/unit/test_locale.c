#include <errno.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "common/locale.h"

#define NBSP "\xc2\xa0"
#define NNBSP "\xe2\x80\xaf"
#define EURO "\xe2\x82\xac"

static void amounts(void **state)
{
	static const struct {
		const char *tag;
		struct money money;
		const char *text;
	} cases[] = {
		{ "fr", { 120000, "EUR" }, "1" NNBSP "200,00" NBSP EURO },
		{ "fr-FR", { -4000, "EUR" }, "-40,00" NBSP EURO },
		{ "fr-FR", { 5, "EUR" }, "0,05" NBSP EURO },
		{ "fr-CH", { 123450, "CHF" }, "1" NNBSP "234.50" NBSP "CHF" },
		{ "en-GB", { 123456789, "GBP" }, "\xc2\xa3" "1,234,567.89" },
		{ "en-GB", { -5, "GBP" }, "-\xc2\xa3" "0.05" },
		{ "en-US", { 199, "USD" }, "$1.99" },
		{ "en-US", { 0, "USD" }, "$0.00" },
		{ "de", { 120000, "EUR" }, "1.200,00" NBSP EURO },
		{ "de-AT", { 120000, "EUR" }, EURO NBSP "1.200,00" },
		{ "es", { 120000, "EUR" }, "1200,00" NBSP EURO },
		{ "it", { 1200000, "EUR" }, "12.000,00" NBSP EURO }, /* CLDR 46 writes four digits together */
		{ "nl", { 120000, "EUR" }, EURO NBSP "1.200,00" },
		{ "ja", { 1999, "JPY" }, "\xef\xbf\xa5" "1,999" },
		{ "en-US", { 1999, "JPY" }, "\xc2\xa5" "1,999" },
		{ "fr", { 1234567, "TND" }, "1" NNBSP "234,567" NBSP "TND" },
		{ "en-US", { 1234, "TND" }, "TND" NBSP "1.234" },
		{ "hu", { 1200050, "HUF" }, "12" NBSP "000,50" NBSP "Ft" },
		{ "en-US", { MONEY_MAX, "USD" }, "$90,071,992,547,409.91" },
		{ "en-US", { -MONEY_MAX, "USD" }, "-$90,071,992,547,409.91" },
		{ "en-US", { MONEY_MAX, "JPY" }, "\xc2\xa5" "9,007,199,254,740,991" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(buf_clear) struct buf out = { 0 };

		assert_int_equal(locale_money(cases[i].tag, cases[i].money, &out), 0);
		assert_string_equal(buf_str(&out), cases[i].text);
	}
}

static void dates(void **state)
{
	static const struct {
		const char *tag, *text;
	} cases[] = {
		{ "fr", "1er avril 2026" },
		{ "fr-CA", "1er avril 2026" },
		{ "fr-CH", "1er avril 2026" },
		{ "en-GB", "1 April 2026" },
		{ "en-US", "April 1, 2026" },
		{ "de", "1. April 2026" },
		{ "es", "1 de abril de 2026" },
		{ "it", "1 aprile 2026" },
		{ "nl", "1 april 2026" },
		{ "ja", "2026\xe5\xb9\xb4" "4\xe6\x9c\x88" "1\xe6\x97\xa5" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(buf_clear) struct buf out = { 0 };

		assert_int_equal(locale_date(cases[i].tag, date_of(2026, 4, 1), &out), 0);
		assert_string_equal(buf_str(&out), cases[i].text);
	}
	{
		CLEANUP(buf_clear) struct buf out = { 0 };

		assert_int_equal(locale_date("en-GB", date_of(1969, 12, 31), &out), 0);
		assert_string_equal(buf_str(&out), "31 December 1969");
		assert_int_equal(locale_date("en-GB", date_none(), &out), -EINVAL);
		for (int day = 1; day <= 31; day += 10) { /* the first alone is an ordinal */
			buf_reset(&out);
			assert_int_equal(locale_date("fr-FR", date_of(2026, 5, day), &out), 0);
			assert_int_equal(strncmp(buf_str(&out), "1er mai", 7) == 0, day == 1);
			assert_non_null(strstr(buf_str(&out), " mai 2026"));
		}
	}
}

static void single_texts(void **state)
{
	static const struct {
		int (*format)(const char *tag, const char *decimal, struct buf *out);
		const char *tag, *decimal, *text; /* NULL = refused */
	} cases[] = {
		{ locale_number, "fr-FR", "1234.50", "1" NNBSP "234,50" },
		{ locale_number, "en-GB", "-0.125", "-0.125" },
		{ locale_number, "de-DE", "1000000", "1.000.000" },
		{ locale_number, "en-GB", "12345678901234567890.12", "12,345,678,901,234,567,890.12" },
		{ locale_percent, "fr-FR", "0.1215", "12,15" NBSP "%" },
		{ locale_percent, "en-GB", "0.1", "10%" },
		{ locale_percent, "en-GB", "0.00125", "0.125%" },
		{ locale_number, "en-GB", "1,5", NULL },
		{ locale_number, "en-GB", "1.", NULL },
		{ locale_number, "en-GB", ".5", NULL },
		{ locale_number, "en-GB", "", NULL },
		{ locale_number, "en-GB", "1e3", NULL },
		{ locale_number, "en-GB", "1234567890123456789012345678901", NULL },
		{ locale_number, "xx-YY", "1", NULL },
	};
	static const char *const items[] = { "a", "b", "c" };
	CLEANUP(buf_clear) struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		buf_reset(&out);
		assert_int_equal(cases[i].format(cases[i].tag, cases[i].decimal, &out), cases[i].text ? 0 : -EINVAL);
		assert_string_equal(buf_str(&out), cases[i].text ? cases[i].text : "");
	}
	buf_reset(&out);
	assert_int_equal(locale_date_styled("fr-FR", date_of(2026, 11, 1), LOCALE_DATE_FULL, &out), 0);
	assert_string_equal(buf_str(&out), "dimanche 1er novembre 2026");
	buf_reset(&out);
	assert_int_equal(locale_date_styled("fr-FR", date_of(2026, 11, 11), LOCALE_DATE_FULL, &out), 0);
	assert_string_equal(buf_str(&out), "mercredi 11 novembre 2026");
	buf_reset(&out);
	assert_int_equal(locale_list("en-US", items, 3, &out), 0);
	assert_string_equal(buf_str(&out), "a, b, and c");
	assert_int_equal(locale_list("en-US", items, 0, &out), -EINVAL);
	buf_reset(&out);
	assert_int_equal(locale_country("fr-FR", "DE", &out), 0);
	assert_string_equal(buf_str(&out), "Allemagne");
	assert_int_equal(locale_country("nl-NL", "GB", (buf_reset(&out), &out)), 0);
	assert_string_equal(buf_str(&out), "Verenigd Koninkrijk");
	assert_int_equal(locale_country("fr-FR", "FRA", &out), -EINVAL);
	assert_int_equal(locale_country("klingon", "DE", &out), -EINVAL);
	buf_reset(&out);
	assert_int_equal(locale_plural_decimal("fr-FR", 1.5, &out), 0);
	assert_string_equal(buf_str(&out), "one");
}

static void expect(const char *tag, const char *currency, int64_t minor, date day, const char *money, const char *text)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct money amount = { .minor = minor };

	strcpy(amount.currency, currency);
	assert_int_equal(locale_money(tag, amount, &out), 0);
	assert_string_equal(buf_str(&out), money);
	buf_reset(&out);
	assert_int_equal(locale_date(tag, day, &out), 0);
	assert_string_equal(buf_str(&out), text);
}

/* What was written last is not what is asked for now: another amount, currency, language, or a day 64 later. */
static void texts_that_are_kept(void **state)
{
	date day = date_of(2026, 4, 1), later = date_add_days(day, 64), before = date_add_days(day, -64);

	(void)state;
	for (int i = 0; i < 2; i++) {
		expect("en-GB", "GBP", 100, day, "\xc2\xa3" "1.00", "1 April 2026");
		expect("en-GB", "GBP", 100, day, "\xc2\xa3" "1.00", "1 April 2026");
		expect("en-GB", "GBP", -100, later, "-\xc2\xa3" "1.00", "4 June 2026");
		expect("en-GB", "EUR", -100, later, "-" EURO "1.00", "4 June 2026");
		expect("en-GB", "GBP", 100, before, "\xc2\xa3" "1.00", "27 January 2026");
		expect("en-US", "GBP", 100, day, "\xc2\xa3" "1.00", "April 1, 2026");
		expect("fr", "EUR", 100, day, "1,00" NBSP EURO, "1er avril 2026");
		expect("fr", "EUR", 0, date_of(1969, 12, 31), "0,00" NBSP EURO, "31 d" "\xc3\xa9" "cembre 1969");
		expect("fr", "EUR", 0, date_of(1970, 1, 1), "0,00" NBSP EURO, "1er janvier 1970");
	}
}

static void plurals(void **state)
{
	static const struct {
		const char *tag;
		int64_t n;
		const char *category;
	} cases[] = {
		{ "fr", 0, "one" },
		{ "fr", 1, "one" },
		{ "fr", 2, "other" },
		{ "fr", 1000000, "many" },
		{ "en", 0, "other" },
		{ "en", 1, "one" },
		{ "en", -1, "one" },
		{ "pl", 1, "one" },
		{ "pl", 3, "few" },
		{ "pl", 5, "many" },
		{ "ar", 0, "zero" },
		{ "ar", 2, "two" },
		{ "ja", 1, "other" },
		{ "not a tag", 1, "other" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(locale_plural(cases[i].tag, cases[i].n), cases[i].category);
}

static void tags(void **state)
{
	static const char *const good[] = { "fr", "fr-FR", "fr-CA", "FR-ca", "en-GB", "zh-Hant-TW", "pt-PT", "ja", "de-CH",
		"es-419", "fr-u-nu-thai" };
	static const char *const bad[] = { "", "f", "fr_FR", "french", "xx", "tlh", "fr-", "-fr", "fr--CA", "fr FR", "../fr",
		"x-private", "und", "fr.UTF-8", "C", "POSIX", "fr-toolongsubtag", "fr\n",
		"en-a-bbb-x-a-ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (!locale_valid(good[i]))
			fail_msg("\"%s\" is valid", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CLEANUP(buf_clear) struct buf out = { 0 };

		if (locale_valid(bad[i]))
			fail_msg("\"%s\" is not valid", bad[i]);
		assert_int_equal(locale_money(bad[i], (struct money){ 1, "EUR" }, &out), -EINVAL);
		assert_int_equal(locale_date(bad[i], date_of(2026, 4, 1), &out), -EINVAL);
		assert_int_equal(out.len, 0);
	}
	assert_false(locale_valid(NULL));
}

static void unknown_currencies_are_refused(void **state)
{
	CLEANUP(buf_clear) struct buf out = { 0 };

	(void)state;
	assert_int_equal(locale_money("fr", (struct money){ 1, "ZZZ" }, &out), -EINVAL);
	assert_int_equal(locale_money("fr", (struct money){ 1, "eur" }, &out), -EINVAL);
	assert_int_equal(locale_money("fr", (struct money){ 1, "" }, &out), -EINVAL);
	assert_int_equal(out.len, 0);
}

static void chains(void **state)
{
	static const struct {
		const char *tag;
		const char *chain[4];
	} cases[] = {
		{ "fr-CA", { "fr-CA", "fr" } },
		{ "FR-ca", { "fr-CA", "fr" } },
		{ "en-US", { "en-US", "en" } },
		{ "de", { "de" } },
		{ "zh-Hant-TW", { "zh-Hant-TW", "zh-Hant", "zh" } },
		{ "sl-Latn-IT-nedis", { "sl-Latn-IT", "sl-Latn", "sl" } },
		{ "fr-CA-u-nu-thai", { "fr-CA", "fr" } },
		{ "../../etc", { NULL } },
		{ "", { NULL } },
	};
	char storage[4][24];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t count = locale_chain(cases[i].tag, storage);

		for (size_t j = 0; cases[i].chain[j]; j++)
			assert_string_equal(storage[j], cases[i].chain[j]);
		assert_true(count < 4 && !cases[i].chain[count]);
		assert_string_equal(storage[count], "");
	}
}

/* More locales and currencies than are kept: taking turns changes no result. */
static void formatters_take_turns(void **state)
{
	static const char *const many[] = { "af", "ar", "bg", "ca", "cs", "da", "de", "el", "en", "es", "et", "eu", "fa", "fi",
		"fr", "ga", "gl", "he", "hi", "hr", "hu", "id", "is", "it", "ja", "ko", "lt", "lv", "mk", "ms", "nb", "nl", "pl",
		"pt", "ro", "ru", "sk", "sl", "sq", "sr", "sv", "th", "tr", "uk", "vi", "zh" };
	static const char *const currencies[] = { "EUR", "USD", "GBP", "CHF", "JPY", "TND", "SEK" };
	CLEANUP(buf_clear) struct buf first = { 0 };
	CLEANUP(buf_clear) struct buf again = { 0 };

	(void)state;
	for (int round = 0; round < 3; round++) {
		struct buf *out = round == 0 ? &first : &again;

		buf_reset(&again);
		for (size_t i = 0; i < ARRAY_LEN(many); i++) {
			for (size_t j = 0; j < ARRAY_LEN(currencies); j++) {
				struct money money = { 1234567, "" };

				memcpy(money.currency, currencies[j], 4);
				assert_int_equal(locale_money(many[i], money, out), 0);
			}
			assert_int_equal(locale_date(many[i], date_of(2026, 12, 24), out), 0);
			buf_add_str(out, locale_plural(many[i], 3));
		}
		if (round)
			assert_string_equal(buf_str(&first), buf_str(&again));
	}
}

static void the_process_locale_does_not_matter(void **state)
{
	CLEANUP(buf_clear) struct buf out = { 0 };

	(void)state;
	if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "C.UTF-8"))
		skip();
	setenv("LC_ALL", "de_DE.UTF-8", 1);
	assert_int_equal(locale_money("en-US", (struct money){ 123456, "USD" }, &out), 0);
	buf_add_char(&out, '|');
	assert_int_equal(locale_date("sv", date_of(2026, 4, 1), &out), 0);
	setlocale(LC_ALL, "C");
	assert_string_equal(buf_str(&out), "$1,234.56|1 april 2026");
}

/* "1.234,50" as "1234,50": Italian groups four digits by the CLDR of Debian 12, and no more by that of Debian 13. */
static void drop_lone_point(struct buf *text)
{
	char *at = strchr(text->data, '.');

	if (at && at == text->data + (text->data[0] == '-') + 1 && !strchr(at + 1, '.') && at[4] == ',')
		memmove(at, at + 1, strlen(at));
}

/* U+00A0 and U+202F as a plain space: which of them CLDR takes changes between its versions. */
static void add_plain(struct buf *out, const char *text)
{
	for (const char *c = text; *c;) {
		size_t wide = !strncmp(c, NBSP, 2) ? 2 : !strncmp(c, NNBSP, 3) ? 3 : 0;

		buf_add_char(out, wide ? ' ' : *c);
		c += wide ? wide : 1;
	}
}

static void assert_same_text(const char *tag, const struct buf *ours, const char *theirs)
{
	CLEANUP(buf_clear) struct buf a = { 0 };
	CLEANUP(buf_clear) struct buf b = { 0 };

	add_plain(&a, buf_str(ours));
	add_plain(&b, theirs);
	if (strncmp(tag, "it", 2) == 0 && !strchr(buf_str(&a), '.'))
		drop_lone_point(&b);
	if (strcmp(buf_str(&a), buf_str(&b)) != 0)
		fail_msg("%s: \"%s\", not \"%s\"", tag, buf_str(&a), buf_str(&b));
}

static char *read_shared(const char *name, struct arena *arena, size_t *len)
{
	const char *shared = getenv("DUNNINGD_SHARED");
	char *path = shared ? arena_printf(arena, "%s/%s", shared, name) :
			      arena_printf(arena, "%s/../shared/%s", SOURCE_DIR, name);
	FILE *file = fopen(path, "re");
	CLEANUP(buf_clear) struct buf text = { 0 };
	char chunk[4096];

	if (!file)
		return NULL;
	for (size_t n; (n = fread(chunk, 1, sizeof(chunk), file)) > 0;)
		buf_add(&text, chunk, n);
	fclose(file);
	*len = text.len;
	return arena_memdup(arena, buf_str(&text), text.len);
}

static void check_vectors(const char *tag, const struct json *locale, size_t *checked)
{
	struct json moneys = json_get(locale, "money"), days = json_get(locale, "date"), counts = json_get(locale, "plural");

	for (size_t i = 0; i < json_len(&moneys); i++) {
		CLEANUP(buf_clear) struct buf out = { 0 };
		struct json row = json_at(&moneys, i), amount = json_get(&row, "amount"), text = json_get(&row, "text");
		struct json currency = json_get(&row, "currency");
		struct money money = { 0 };
		char plain[32];

		for (const char *c = json_str(&amount); *c; c++)
			if (*c >= '0' && *c <= '9')
				money.minor = money.minor * 10 + (*c - '0');
		if (*json_str(&amount) == '-')
			money.minor = -money.minor;
		memcpy(money.currency, json_str(&currency), 4);
		if (strcmp(money_plain(money, plain, sizeof(plain)), json_str(&amount)) != 0)
			continue; /* written without the currency's own digits */
		assert_int_equal(locale_money(tag, money, &out), 0);
		assert_same_text(tag, &out, json_str(&text));
		++*checked;
	}
	for (size_t i = 0; i < json_len(&days); i++) {
		CLEANUP(buf_clear) struct buf out = { 0 };
		struct json row = json_at(&days, i), style = json_get(&row, "style"), text = json_get(&row, "text");
		struct json day_text = json_get(&row, "date");
		date day;

		if (strcmp(json_str(&style), "long") != 0)
			continue;
		assert_int_equal(date_parse(json_str(&day_text), &day), 0);
		assert_int_equal(locale_date(tag, day, &out), 0);
		assert_same_text(tag, &out, json_str(&text));
		++*checked;
	}
	for (size_t i = 0; i < json_len(&counts); i++) {
		struct json row = json_at(&counts, i), n = json_get(&row, "n"), category = json_get(&row, "category");

		if (n.type != JSON_INT)
			continue;
		assert_string_equal(locale_plural(tag, json_int(&n)), json_str(&category));
		++*checked;
	}
}

static void published_vectors(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct err err = { 0 };
	struct json root, locales, locale;
	const char *tag, *text;
	size_t checked = 0, len = 0;

	(void)state;
	text = read_shared("legal-vectors/locale.json", arena, &len);
	if (!text && !getenv("CI"))
		skip();
	assert_non_null(text);
	if (json_parse(arena, text, len, JSON_FRACTIONS, &root, &err) < 0)
		fail_msg("%s: %s", err.code, err.text);
	locales = json_get(&root, "locales");
	for (size_t i = 0; json_member(&locales, &i, &tag, &locale);)
		check_vectors(tag, &locale, &checked);
	print_message("%zu vectors\n", checked);
	assert_true(checked > 500);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(amounts),
		cmocka_unit_test(dates),
		cmocka_unit_test(single_texts),
		cmocka_unit_test(texts_that_are_kept),
		cmocka_unit_test(plurals),
		cmocka_unit_test(tags),
		cmocka_unit_test(unknown_currencies_are_refused),
		cmocka_unit_test(chains),
		cmocka_unit_test(formatters_take_turns),
		cmocka_unit_test(the_process_locale_does_not_matter),
		cmocka_unit_test(published_vectors),
	};

	return cmocka_run_group_tests_name("locale", tests, NULL, NULL);
}
