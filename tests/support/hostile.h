/*
 * hostile - words that want to be more than words, for every place a text lands in. All are valid UTF-8 without U+0000: whatever comes in by
 * an event is (tests/unit/test_json.c).
 */
#ifndef DUNNINGD_TESTS_SUPPORT_HOSTILE_H
#define DUNNINGD_TESTS_SUPPORT_HOSTILE_H

#include <stddef.h>

extern const char *const hostile_words[];
extern const size_t hostile_count;
extern const size_t hostile_controls; /* the first so many hold a control character (C0 or DEL) */

#endif
