/*
 * evidence_pdf - a report on paper: A4, page numbers. By Pango and Cairo.
 */
#ifndef DUNNINGD_TOOLS_EVIDENCE_PDF_H
#define DUNNINGD_TOOLS_EVIDENCE_PDF_H

#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/report.h"

/* Appends the file. `at`: its date, ms UTC. The same report gives the same bytes, with the same fonts. -EIO: Cairo could not;
 * else as lazy_load(). */
int evidence_pdf(const struct report *report, int64_t at, struct buf *out, struct err *err);

#endif
