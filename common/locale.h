/*
 * locale - amounts, dates and plurals as a person of that language reads them, by ICU. Pure; no process-wide locale.
 */
#ifndef DUNNINGD_COMMON_LOCALE_H
#define DUNNINGD_COMMON_LOCALE_H

#include <stddef.h>

#include "common/buf.h"
#include "common/date.h"
#include "common/money.h"

bool locale_valid(const char *tag); /* a well-formed BCP 47 tag with a language ICU knows */
/* Appends "1 200,00 €" (with the separators of CLDR, narrow no-break spaces included). -EINVAL for a bad tag. */
int locale_money(const char *tag, struct money money, struct buf *out);
/* Appends the long form: "1er avril 2026", "1 April 2026". */
int locale_date(const char *tag, date d, struct buf *out);
/* CLDR plural category of n: "one", "few", "many", "other" ... */
const char *locale_plural(const char *tag, int64_t n);

/*
 * For single texts, exact: each opens its formatter anew. Decimals are texts such as "-1234.50"; -EINVAL for anything else, a bad tag, or
 * what would be too long.
 */
int locale_number(const char *tag, const char *decimal, struct buf *out); /* with as many digits behind the point as the text has */
int locale_percent(const char *tag, const char *decimal, struct buf *out); /* of a share: "0.1215" is 12.15 % */
enum locale_date_style { LOCALE_DATE_SHORT, LOCALE_DATE_MEDIUM, LOCALE_DATE_LONG, LOCALE_DATE_FULL, LOCALE_DATE_STYLE_COUNT };
extern const char *const locale_date_style_names[LOCALE_DATE_STYLE_COUNT + 1]; /* "short", "medium", "long", "full" */
int locale_date_styled(const char *tag, date d, enum locale_date_style style, struct buf *out);
int locale_plural_decimal(const char *tag, double n, struct buf *out); /* the category, as locale_plural() */
int locale_list(const char *tag, const char *const *items, size_t count, struct buf *out); /* "a, b and c" */
int locale_country(const char *tag, const char *country, struct buf *out); /* the name of an ISO 3166 country: "Allemagne" */
int locale_upper(const char *tag, const char *text, struct buf *out); /* in capitals, by the language's own rules */
const char *locale_version(void); /* of ICU: "72.1" */

/*
 * The folders to try for a tag, best first, NULL-terminated: "fr-CA" -> "fr-CA", "fr"; "en-US" -> "en-US", "en".
 * Returned strings lie in `storage`.
 */
size_t locale_chain(const char *tag, char storage[4][24]);

/* The tag of the language that most people of a country read: "PL" -> "pl-PL". -EINVAL: ICU knows none. */
int locale_of_country(const char *country, char ret[24]);

#endif
