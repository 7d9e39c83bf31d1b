#include "common/locale.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <unicode/uloc.h>
#include <unicode/unumberformatter.h>
#include <unicode/upluralrules.h>
#include <unicode/udat.h>
#include <unicode/ustring.h>

#include "common/cleanup.h"
#include "common/locale_internal.h"

#define TAG_MAX 64
#define LOCALE_COUNT 32 /* locales whose formatters are kept; more take turns */
#define CURRENCY_COUNT 4 /* currencies per locale */
#define TEXT_UNITS 128 /* UTF-16 units: far above any amount or date */
#define KEPT_SIZE 44 /* bytes of a text that is kept: a longer one is written anew each time */
#define DATE_COUNT 64 /* dates per locale whose text is kept */

struct money_format {
	char currency[4];
	UNumberFormatter *formatter;
	int64_t minor; /* the last amount: an invoice's total is mostly its balance too */
	char text[KEPT_SIZE]; /* "" = none */
};

struct kept_date {
	date day;
	char text[KEPT_SIZE]; /* "" = none */
};

struct locale {
	char id[ULOC_FULLNAME_CAPACITY]; /* ICU's: "fr_CA" */
	char tag[TAG_MAX]; /* as it was asked for last: a hit needs no parsing */
	char canonical[TAG_MAX]; /* "fr-CA"; "" = not made yet */
	struct money_format moneys[CURRENCY_COUNT];
	size_t next_money;
	UDateFormat *dates;
	struct kept_date kept_dates[DATE_COUNT]; /* by day: all that is sent on one day names the same few */
	UPluralRules *plurals;
};

/* Opening a formatter costs some 100 us, using one less than 2: they are kept for the life of the process. */
static struct locale locales[LOCALE_COUNT];
static size_t locale_next;

static void locale_close(struct locale *locale)
{
	for (size_t i = 0; i < CURRENCY_COUNT; i++)
		unumf_close(locale->moneys[i].formatter);
	udat_close(locale->dates);
	uplrules_close(locale->plurals);
	*locale = (struct locale){ 0 };
}

static bool language_known(const char *id)
{
	char language[ULOC_LANG_CAPACITY], other[ULOC_LANG_CAPACITY];
	UErrorCode status = U_ZERO_ERROR;

	if (uloc_getLanguage(id, language, sizeof(language), &status) <= 0 || U_FAILURE(status))
		return false;
	for (int32_t i = 0; i < uloc_countAvailable(); i++) {
		status = U_ZERO_ERROR;
		uloc_getLanguage(uloc_getAvailable(i), other, sizeof(other), &status);
		if (U_SUCCESS(status) && !strcmp(other, language))
			return true;
	}
	return false;
}

/* Extensions ("-u-nu-thai") are accepted and dropped: an amount in a notice has one form per language and region. */
static bool find_icu_id(const char *tag, size_t len, char id[ULOC_FULLNAME_CAPACITY])
{
	char full[ULOC_FULLNAME_CAPACITY];
	UErrorCode status = U_ZERO_ERROR;
	int32_t parsed = 0;

	uloc_forLanguageTag(tag, full, sizeof(full), &parsed, &status);
	if (U_FAILURE(status) || status == U_STRING_NOT_TERMINATED_WARNING || parsed != (int32_t)len)
		return false;
	uloc_getBaseName(full, id, ULOC_FULLNAME_CAPACITY, &status);
	return U_SUCCESS(status) && status != U_STRING_NOT_TERMINATED_WARNING && language_known(id);
}

/* To know whether ICU knows a language is to look through all that it has: the answers are kept. */
bool locale_icu_id(const char *tag, char id[ULOC_FULLNAME_CAPACITY])
{
	static struct kept_id {
		char tag[TAG_MAX], id[ULOC_FULLNAME_CAPACITY];
	} kept[LOCALE_COUNT];
	static size_t next;
	size_t len = tag ? strlen(tag) : 0;

	if (len < 2 || len >= TAG_MAX || strchr(tag, '_'))
		return false;
	for (size_t i = 0; i < LOCALE_COUNT; i++)
		if (!strcmp(kept[i].tag, tag)) {
			strcpy(id, kept[i].id);
			return true;
		}
	if (!find_icu_id(tag, len, id))
		return false;
	strcpy(kept[next].tag, tag);
	strcpy(kept[next].id, id);
	next = (next + 1) % LOCALE_COUNT;
	return true;
}

static struct locale *locale_find(const char *tag)
{
	char id[ULOC_FULLNAME_CAPACITY];
	struct locale *locale;

	if (!tag || !*tag)
		return NULL;
	for (size_t i = 0; i < LOCALE_COUNT; i++)
		if (!strcmp(locales[i].tag, tag))
			return &locales[i];
	if (!locale_icu_id(tag, id))
		return NULL;
	for (size_t i = 0; i < LOCALE_COUNT; i++) {
		if (!strcmp(locales[i].id, id)) {
			strcpy(locales[i].tag, tag);
			return &locales[i];
		}
	}
	locale = &locales[locale_next];
	locale_next = (locale_next + 1) % LOCALE_COUNT;
	locale_close(locale);
	strcpy(locale->id, id);
	strcpy(locale->tag, tag);
	return locale;
}

bool locale_valid(const char *tag)
{
	return locale_find(tag) != NULL;
}

/* `kept` has KEPT_SIZE bytes and gets the text as well, or "" when it is too long. */
static int add_units(struct buf *out, const UChar *units, int32_t len, char *kept)
{
	char text[TEXT_UNITS * 3];
	UErrorCode status = U_ZERO_ERROR;
	int32_t bytes = 0;

	kept[0] = '\0';
	u_strToUTF8(text, sizeof(text), &bytes, units, len, &status);
	if (U_FAILURE(status))
		return -EINVAL;
	buf_add(out, text, (size_t)bytes);
	if (bytes >= KEPT_SIZE)
		bytes = 0;
	memcpy(kept, text, (size_t)bytes);
	kept[bytes] = '\0';
	return 0;
}

static struct money_format *money_format_find(struct locale *locale, const char *currency, int exponent)
{
	static const char *const precisions[] = { "precision-integer", ".0", ".00", ".000", ".0000" };
	UErrorCode status = U_ZERO_ERROR;
	UNumberFormatter *formatter;
	struct money_format *slot;
	char skeleton[48];
	UChar units[48];

	for (size_t i = 0; i < CURRENCY_COUNT; i++)
		if (!strcmp(locale->moneys[i].currency, currency))
			return &locale->moneys[i];
	/* The precision is stated: by its own rules ICU shows 1 200 HUF where ISO 4217 has two digits. */
	(void)snprintf(skeleton, sizeof(skeleton), "currency/%s %s", currency, precisions[exponent]);
	u_charsToUChars(skeleton, units, (int32_t)strlen(skeleton) + 1);
	formatter = unumf_openForSkeletonAndLocale(units, -1, locale->id, &status);
	if (U_FAILURE(status)) {
		unumf_close(formatter);
		return NULL;
	}
	slot = &locale->moneys[locale->next_money];
	locale->next_money = (locale->next_money + 1) % CURRENCY_COUNT;
	unumf_close(slot->formatter);
	*slot = (struct money_format){ .formatter = formatter };
	strcpy(slot->currency, currency);
	return slot;
}

int locale_money(const char *tag, struct money money, struct buf *out)
{
	struct locale *locale = locale_find(tag);
	int exponent = currency_exponent(money.currency);
	UErrorCode status = U_ZERO_ERROR;
	struct money_format *format;
	UFormattedNumber *number;
	UChar units[TEXT_UNITS];
	char plain[32];
	int32_t len;

	if (!locale || exponent < 0 || exponent > 4)
		return -EINVAL;
	format = money_format_find(locale, money.currency, exponent);
	if (!format)
		return -EINVAL;
	if (format->text[0] && format->minor == money.minor) {
		buf_add_str(out, format->text);
		return 0;
	}
	number = unumf_openResult(&status);
	money_plain(money, plain, sizeof(plain));
	unumf_formatDecimal(format->formatter, plain, -1, number, &status);
	len = unumf_resultToString(number, units, TEXT_UNITS, &status);
	unumf_closeResult(number);
	if (U_FAILURE(status))
		return -EINVAL;
	format->minor = money.minor;
	return add_units(out, units, len, format->text);
}

static bool french(const char *id)
{
	return strncmp(id, "fr", 2) == 0 && (!id[2] || id[2] == '_' || id[2] == '@');
}

int32_t locale_french_first(const char *id, UChar *units, int32_t len, int32_t capacity)
{
	for (int32_t i = 0; french(id) && i + 1 < len && len < capacity - 2; i++) {
		if (units[i] != '1' || units[i + 1] != ' ' || (i && units[i - 1] != ' '))
			continue;
		memmove(units + i + 3, units + i + 1, (size_t)(len - i - 1) * sizeof(*units));
		units[i + 1] = 'e';
		units[i + 2] = 'r';
		return len + 2;
	}
	return len;
}

int locale_date(const char *tag, date d, struct buf *out)
{
	static const UChar utc[] = { 'U', 'T', 'C', 0 };
	struct locale *locale = locale_find(tag);
	UErrorCode status = U_ZERO_ERROR;
	struct kept_date *kept;
	UChar units[TEXT_UNITS];
	int32_t len;

	if (!locale || !date_is_set(d))
		return -EINVAL;
	kept = &locale->kept_dates[(uint32_t)d.days % DATE_COUNT];
	if (kept->text[0] && kept->day.days == d.days) {
		buf_add_str(out, kept->text);
		return 0;
	}
	if (!locale->dates) {
		UDateFormat *dates = udat_open(UDAT_NONE, UDAT_LONG, locale->id, utc, -1, NULL, 0, &status);

		if (U_FAILURE(status)) {
			udat_close(dates);
			return -EINVAL;
		}
		locale->dates = dates;
	}
	len = udat_format(locale->dates, (UDate)d.days * 86400000.0, units, TEXT_UNITS, NULL, &status);
	if (U_FAILURE(status))
		return -EINVAL;
	len = locale_french_first(locale->id, units, len, TEXT_UNITS);
	kept->day = d;
	return add_units(out, units, len, kept->text);
}

const char *locale_plural(const char *tag, int64_t n)
{
	static const char *const categories[] = { "zero", "one", "two", "few", "many" };
	struct locale *locale = locale_find(tag);
	UErrorCode status = U_ZERO_ERROR;
	UChar units[16];
	char word[16];
	int32_t len;

	if (!locale)
		return "other";
	if (!locale->plurals) {
		UPluralRules *plurals = uplrules_open(locale->id, &status);

		if (U_FAILURE(status)) {
			uplrules_close(plurals);
			return "other";
		}
		locale->plurals = plurals;
	}
	len = uplrules_select(locale->plurals, fabs((double)n), units, 16, &status);
	u_strToUTF8(word, sizeof(word), NULL, units, len, &status);
	if (U_FAILURE(status))
		return "other";
	for (size_t i = 0; i < ARRAY_LEN(categories); i++)
		if (!strcmp(word, categories[i]))
			return categories[i];
	return "other";
}

size_t locale_chain(const char *tag, char storage[4][24])
{
	struct locale *locale = locale_find(tag);
	UErrorCode status = U_ZERO_ERROR;
	char canonical[TAG_MAX];
	size_t count = 0, levels = 1;
	int32_t len;

	*storage[0] = '\0';
	if (!locale)
		return 0;
	if (!*locale->canonical) { /* twice for each notice otherwise, and the half of making one */
		len = uloc_toLanguageTag(locale->id, canonical, sizeof(canonical), 0, &status);
		if (U_FAILURE(status) || len <= 0 || len >= (int32_t)sizeof(canonical))
			return 0;
		strcpy(locale->canonical, canonical);
	}
	strcpy(canonical, locale->canonical);
	for (const char *c = canonical; *c; c++)
		levels += *c == '-';
	while (levels > 0) {
		char *dash;

		/* Room for three; of a longer tag the most special forms, which no folder has, are left out. */
		if (levels <= 3 && strlen(canonical) < sizeof(storage[0]))
			strcpy(storage[count++], canonical);
		dash = strrchr(canonical, '-');
		if (dash)
			*dash = '\0';
		levels--;
	}
	*storage[count] = '\0';
	return count;
}

int locale_of_country(const char *country, char ret[24])
{
	char id[ULOC_FULLNAME_CAPACITY], likely[ULOC_FULLNAME_CAPACITY], language[ULOC_LANG_CAPACITY];
	UErrorCode status = U_ZERO_ERROR;

	if (strlen(country) != 2)
		return -EINVAL;
	(void)snprintf(id, sizeof(id), "und_%s", country);
	(void)uloc_addLikelySubtags(id, likely, sizeof(likely), &status);
	if (U_FAILURE(status) || uloc_getLanguage(likely, language, sizeof(language), &status) <= 0 || U_FAILURE(status) ||
		strcmp(language, "und") == 0)
		return -EINVAL;
	(void)snprintf(ret, 24, "%.8s-%.2s", language, country);
	return 0;
}
