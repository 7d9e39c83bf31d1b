/*
 * report - what a case file says to people, in French, English or German, as a sequence of blocks: text once, for HTML and for paper. Pure;
 * the same case file gives the same blocks, so that a reader of the bundle can make them again and compare.
 */
#ifndef DUNNINGD_COMMON_REPORT_H
#define DUNNINGD_COMMON_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/case_file.h"
#include "common/cleanup.h"

enum report_language { REPORT_FR, REPORT_EN, REPORT_DE, REPORT_LANGUAGE_COUNT };
extern const char *const report_tags[REPORT_LANGUAGE_COUNT]; /* "fr", "en", "de" */

enum block_kind {
	BLOCK_TITLE,
	BLOCK_HEADING,
	BLOCK_SUBHEADING,
	BLOCK_TEXT,
	BLOCK_NOTE, /* of less weight */
	BLOCK_QUOTE, /* as it was sent: line ends stay */
	BLOCK_FIELDS, /* names and values in turn */
	BLOCK_TABLE, /* the first row is its head */
	BLOCK_PAGE, /* what follows begins on a new one */
};
#define REPORT_COLUMNS_MAX 8
struct block {
	enum block_kind kind;
	const char *text;
	const char **cells;
	size_t columns, rows;
	unsigned char widths[REPORT_COLUMNS_MAX]; /* percent */
	unsigned right; /* bit per column: amounts */
	bool total; /* the last row sums up */
};
struct report {
	enum report_language language;
	const char *title, *footer;
	struct block *blocks;
	size_t count, capacity;
};
/* Everything lies in the arena. */
void report_make(const struct case_file *file, enum report_language language, struct arena *arena, struct report *ret);
/* Appends a whole page that needs no network and runs nothing. */
void report_html(const struct report *report, struct buf *out);

#endif
