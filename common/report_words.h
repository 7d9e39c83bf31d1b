/*
 * report_words - the words of the trail in the words of people. Codes that are not listed are shown as they are.
 */
#ifndef DUNNINGD_COMMON_REPORT_WORDS_H
#define DUNNINGD_COMMON_REPORT_WORDS_H

#include "common/report.h"

struct report_word {
	const char *code, *words[REPORT_LANGUAGE_COUNT];
};
const struct report_word *report_word_at(size_t i); /* all of them, table after table; NULL behind the last */

const char *word_channel(enum report_language l, const char *channel);
const char *word_outcome(enum report_language l, const struct case_contact *contact);
const char *word_receipt(enum report_language l, const char *status); /* as a provider told it */
const char *word_booking(enum report_language l, const char *kind);
const char *word_kind(enum report_language l, const char *kind); /* of a record */
const char *word_reason(enum report_language l, const char *reason);
const char *word_step(enum report_language l, const char *step);

#endif
