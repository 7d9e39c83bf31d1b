/*
 * log_maker - a signed log on the disk as common/FORMATS.md section 9 has it, of any size, for those who read it: leaf i is "leaf <i>",
 * padded to the length of a real one.
 */
#ifndef DUNNINGD_TESTS_SUPPORT_LOG_MAKER_H
#define DUNNINGD_TESTS_SUPPORT_LOG_MAKER_H

#include <stdint.h>

#include "common/note.h"

#define LOG_MAKER_ORIGIN "test.example.com/acme/2026"

/* Writes all files of the log of that size below <dir>/log/2026, the checkpoint last. `salt`: 0, or another history. */
void log_maker_write(const char *dir, uint64_t size, unsigned salt);
void log_maker_key(struct note_key *ret);

#endif
