/* Formats that a notice does not need by the thousand: each is opened for one text, but for those of numbers. */
#include "common/locale.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unicode/udat.h>
#include <unicode/ulistformatter.h>
#include <unicode/unumberformatter.h>
#include <unicode/upluralrules.h>
#include <unicode/ustring.h>
#include <unicode/uversion.h>

#include "common/cleanup.h"
#include "common/locale_internal.h"

#define TEXT_UNITS 512
#define DIGITS_MAX 30 /* of a decimal */
#define LIST_MAX 50 /* items */
#define TAG_MAX 64
#define SKELETON_SIZE 64
#define NUMBER_COUNT 32 /* formatters that are kept; more take turns */

const char *const locale_date_style_names[LOCALE_DATE_STYLE_COUNT + 1] = { [LOCALE_DATE_SHORT] = "short",
	[LOCALE_DATE_MEDIUM] = "medium", [LOCALE_DATE_LONG] = "long", [LOCALE_DATE_FULL] = "full" };

static int add(struct buf *out, const UChar *units, int32_t len)
{
	char text[TEXT_UNITS * 3 + 1];
	UErrorCode status = U_ZERO_ERROR;
	int32_t bytes = 0;

	if (len > TEXT_UNITS)
		return -EINVAL;
	u_strToUTF8(text, sizeof(text), &bytes, units, len, &status);
	if (U_FAILURE(status))
		return -EINVAL;
	buf_add(out, text, (size_t)bytes);
	return 0;
}

/* Digits behind the point; -1: it is no decimal such as "-1234.50". */
static int fraction_digits(const char *decimal)
{
	const char *c = decimal + (*decimal == '-');
	size_t whole = strspn(c, "0123456789"), behind = 0;

	if (!whole || strlen(decimal) > DIGITS_MAX)
		return -1;
	if (c[whole] == '.') {
		behind = strspn(c + whole + 1, "0123456789");
		whole += 1 + behind;
		if (!behind)
			return -1;
	}
	return c[whole] ? -1 : (int)behind;
}

/* A notice that states the rate of late payment names two or three numbers; opening a formatter costs some 50 times what using one does. */
static const UNumberFormatter *number_formatter(const char *tag, const char *skeleton)
{
	static struct kept_number {
		char tag[TAG_MAX], skeleton[SKELETON_SIZE];
		UNumberFormatter *formatter;
	} kept[NUMBER_COUNT];
	static size_t next;
	UErrorCode status = U_ZERO_ERROR;
	UNumberFormatter *formatter;
	char id[ULOC_FULLNAME_CAPACITY];
	UChar units[SKELETON_SIZE];

	if (!locale_icu_id(tag, id))
		return NULL;
	for (size_t i = 0; i < NUMBER_COUNT; i++)
		if (kept[i].formatter && strcmp(kept[i].tag, tag) == 0 && strcmp(kept[i].skeleton, skeleton) == 0)
			return kept[i].formatter;
	u_charsToUChars(skeleton, units, (int32_t)strlen(skeleton) + 1);
	formatter = unumf_openForSkeletonAndLocale(units, -1, id, &status);
	if (U_FAILURE(status))
		return NULL;
	unumf_close(kept[next].formatter);
	kept[next].formatter = formatter;
	(void)snprintf(kept[next].tag, TAG_MAX, "%s", tag);
	(void)snprintf(kept[next].skeleton, SKELETON_SIZE, "%s", skeleton);
	next = (next + 1) % NUMBER_COUNT;
	return formatter;
}

static int format_number(const char *tag, const char *skeleton, const char *decimal, struct buf *out)
{
	const UNumberFormatter *formatter = number_formatter(tag, skeleton);
	UErrorCode status = U_ZERO_ERROR;
	UFormattedNumber *number;
	UChar units[TEXT_UNITS];
	int32_t len;

	if (!formatter)
		return -EINVAL;
	number = unumf_openResult(&status);
	unumf_formatDecimal(formatter, decimal, -1, number, &status);
	len = unumf_resultToString(number, units, TEXT_UNITS, &status);
	unumf_closeResult(number);
	return U_FAILURE(status) ? -EINVAL : add(out, units, len);
}

/* "precision-integer", or a point and as many zeros as digits. */
static void precision(char *text, size_t size, const char *before, int digits)
{
	if (digits <= 0)
		(void)snprintf(text, size, "%sprecision-integer", before);
	else
		(void)snprintf(text, size, "%s.%.*s", before, digits, "000000000000000000000000000000");
}

int locale_number(const char *tag, const char *decimal, struct buf *out)
{
	int digits = fraction_digits(decimal);
	char skeleton[SKELETON_SIZE];

	if (digits < 0)
		return -EINVAL;
	precision(skeleton, sizeof(skeleton), "", digits);
	return format_number(tag, skeleton, decimal, out);
}

int locale_percent(const char *tag, const char *decimal, struct buf *out)
{
	int digits = fraction_digits(decimal);
	char skeleton[SKELETON_SIZE];

	if (digits < 0)
		return -EINVAL;
	precision(skeleton, sizeof(skeleton), "percent scale/100 ", digits - 2);
	return format_number(tag, skeleton, decimal, out);
}

int locale_date_styled(const char *tag, date d, enum locale_date_style style, struct buf *out)
{
	static const UDateFormatStyle styles[] = { [LOCALE_DATE_SHORT] = UDAT_SHORT, [LOCALE_DATE_MEDIUM] = UDAT_MEDIUM,
		[LOCALE_DATE_LONG] = UDAT_LONG, [LOCALE_DATE_FULL] = UDAT_FULL };
	static const UChar utc[] = { 'U', 'T', 'C', 0 };
	UErrorCode status = U_ZERO_ERROR;
	char id[ULOC_FULLNAME_CAPACITY];
	UChar units[TEXT_UNITS];
	UDateFormat *format;
	int32_t len;

	if (!date_is_set(d) || !locale_icu_id(tag, id))
		return -EINVAL;
	format = udat_open(UDAT_NONE, styles[style], id, utc, -1, NULL, 0, &status);
	len = udat_format(format, (UDate)d.days * 86400000.0, units, TEXT_UNITS, NULL, &status);
	udat_close(format);
	if (U_FAILURE(status))
		return -EINVAL;
	if (style == LOCALE_DATE_LONG || style == LOCALE_DATE_FULL)
		len = locale_french_first(id, units, len, TEXT_UNITS);
	return add(out, units, len);
}

int locale_plural_decimal(const char *tag, double n, struct buf *out)
{
	UErrorCode status = U_ZERO_ERROR;
	char id[ULOC_FULLNAME_CAPACITY];
	UPluralRules *rules;
	UChar units[32];
	int32_t len;

	if (!isfinite(n) || !locale_icu_id(tag, id))
		return -EINVAL;
	rules = uplrules_open(id, &status);
	len = uplrules_select(rules, fabs(n), units, 32, &status);
	uplrules_close(rules);
	return U_FAILURE(status) ? -EINVAL : add(out, units, len);
}

int locale_list(const char *tag, const char *const *items, size_t count, struct buf *out)
{
	UErrorCode status = U_ZERO_ERROR;
	UChar texts[LIST_MAX][TEXT_UNITS / 8], units[TEXT_UNITS];
	const UChar *starts[LIST_MAX];
	int32_t lens[LIST_MAX], len;
	UListFormatter *format;
	char id[ULOC_FULLNAME_CAPACITY];

	if (!count || count > LIST_MAX || !locale_icu_id(tag, id))
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		u_strFromUTF8(texts[i], ARRAY_LEN(texts[i]), &lens[i], items[i], -1, &status);
		if (U_FAILURE(status))
			return -EINVAL;
		starts[i] = texts[i];
	}
	format = ulistfmt_open(id, &status);
	len = ulistfmt_format(format, starts, lens, (int32_t)count, units, TEXT_UNITS, &status);
	ulistfmt_close(format);
	return U_FAILURE(status) ? -EINVAL : add(out, units, len);
}

int locale_country(const char *tag, const char *country, struct buf *out)
{
	UErrorCode status = U_ZERO_ERROR;
	char id[ULOC_FULLNAME_CAPACITY], of[8] = "und_";
	UChar units[TEXT_UNITS];
	int32_t len;

	if (strlen(country) != 2 || !locale_icu_id(tag, id))
		return -EINVAL;
	strcat(of, country);
	len = uloc_getDisplayCountry(of, id, units, TEXT_UNITS, &status);
	return U_FAILURE(status) || status == U_USING_DEFAULT_WARNING ? -EINVAL : add(out, units, len);
}

int locale_upper(const char *tag, const char *text, struct buf *out)
{
	char id[ULOC_FULLNAME_CAPACITY];
	UErrorCode status = U_ZERO_ERROR;
	UChar units[TEXT_UNITS], capitals[TEXT_UNITS];
	int32_t len = 0;

	if (!locale_icu_id(tag, id))
		return -EINVAL;
	u_strFromUTF8(units, TEXT_UNITS, &len, text, -1, &status);
	len = U_FAILURE(status) ? 0 : u_strToUpper(capitals, TEXT_UNITS, units, len, id, &status);
	return U_FAILURE(status) ? -EINVAL : add(out, capitals, len);
}

const char *locale_version(void)
{
	return U_ICU_VERSION;
}
