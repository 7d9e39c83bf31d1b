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
 * The folders to try for a tag, best first, NULL-terminated: "fr-CA" -> "fr-CA", "fr"; "en-US" -> "en-US", "en".
 * Returned strings lie in `storage`.
 */
size_t locale_chain(const char *tag, char storage[4][24]);

#endif
