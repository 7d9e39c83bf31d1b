/*
 * err - why something was refused: a stable code for programs, a path for the writer of the file, a sentence for people.
 */
#ifndef DUNNINGD_COMMON_ERR_H
#define DUNNINGD_COMMON_ERR_H

#include <stdarg.h>

struct err {
	char code[32]; /* stable, lower case with underscores: "wrong_type"; "" = none set */
	char path[160]; /* JSON path "$.data.invoice.due_minor", or "" */
	char text[560]; /* one sentence: what is wrong and what would be right */
};

/*
 * Fills `err` (NULL is allowed) and returns `r`, so that callers write
 *	return err_set(err, -EBADMSG, "wrong_type", path, "must be a string");
 * Only the first error is kept: a filled `err` is left alone.
 */
int err_set(struct err *err, int r, const char *code, const char *path, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
void err_clear(struct err *err);

#endif
