/* What the files of the module locale share. */
#ifndef DUNNINGD_COMMON_LOCALE_INTERNAL_H
#define DUNNINGD_COMMON_LOCALE_INTERNAL_H

#include <stdbool.h>

#include <unicode/uloc.h>
#include <unicode/umachine.h>

/* ICU's name of a locale: "fr_CA" of "fr-CA". False: nothing is known of it. */
bool locale_icu_id(const char *tag, char id[ULOC_FULLNAME_CAPACITY]);
/* CLDR knows no ordinal for the first of a month in French ("1 avril"): puts it into a date of `len` units. Returns the new length. */
int32_t locale_french_first(const char *id, UChar *units, int32_t len, int32_t capacity);

#endif
