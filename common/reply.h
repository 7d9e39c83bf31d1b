/*
 * reply - what somebody who answers a message seems to say, by plain rules in English, French, German, Spanish, Italian and Dutch. Only
 * STOP is taken at its word, since a mistake there does no harm; the rest are guesses, for whoever reads the answer. Pure.
 */
#ifndef DUNNINGD_COMMON_REPLY_H
#define DUNNINGD_COMMON_REPLY_H

#include <stdbool.h>

/* The text is nothing but a word for "no more": STOP, ARRET, STOP au 36180 ... NULL is none. */
bool reply_is_stop(const char *text);
/* "out_of_office", "paid" or NULL. Never more than a guess. */
const char *reply_guess(const char *text);

#endif
