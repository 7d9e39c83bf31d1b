/* pdf_merge - several PDFs become one, in their order: for who prints a letter from a single file. The only one to include libqpdf. */
#ifndef DUNNINGD_COMMON_PDF_MERGE_H
#define DUNNINGD_COMMON_PDF_MERGE_H

#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

struct pdf_part {
	const char *name; /* for complaints */
	const void *data;
	size_t len;
};

/*
 * Appends the PDF with all pages of all parts to `out`; the same parts give the same bytes. What is no page is not taken over: forms'
 * scripts, attached files, signatures; on paper there is none of it. -EBADMSG, `out` untouched: `err` names the part that cannot be
 * read, is locked by a password, or has no pages. Pure; takes some milliseconds per MiB,
 * but of a hostile file any time and memory: daemon/merge_apart.h.
 */
int pdf_merge(const struct pdf_part *parts, size_t count, struct buf *out, struct err *err);

#endif
