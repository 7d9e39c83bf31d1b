/* An outlook as a page: see outlook.h. */
#ifndef DUNNINGD_TOOLS_OUTLOOK_HTML_H
#define DUNNINGD_TOOLS_OUTLOOK_HTML_H

#include "common/buf.h"
#include "tools/outlook.h"

struct outlook_page {
	const char *title;
	const struct outlook *outlook;
	const struct outlook *before; /* NULL: there is nothing to compare with, nor the three that follow */
	int64_t added, dropped, moved;
	const char *cost; /* in words; NULL = not known */
};
/* One HTML document, complete in itself. Appends. */
void outlook_html(struct buf *out, const struct outlook_page *page);

#endif
