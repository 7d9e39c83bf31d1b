/*
 * sms - how a text travels as SMS: in which alphabet, in how many parts. Pure.
 * Source: 3GPP TS 23.038 section 6.2.1 (default alphabet and its extension table), TS 23.040 section 9.2.3.24.1 (a part of several
 * carries 153 septets or 67 UCS-2 characters, one alone 160 or 70).
 */
#ifndef DUNNINGD_COMMON_SMS_H
#define DUNNINGD_COMMON_SMS_H

#include <stdbool.h>
#include <stddef.h>

struct sms_size {
	bool gsm7; /* else UCS-2: at least one character is not in the default alphabet */
	size_t units; /* septets, an extended character being two; or UTF-16 code units */
	size_t parts; /* 0 for an empty text */
};
/* `text` is UTF-8; a byte that is none counts as one character beyond the alphabet. */
struct sms_size sms_measure(const char *text);

#endif
