/* sandbox_page - what the sandbox captured, as HTML for people: without scripts, everything escaped. Pure. */
#ifndef DUNNINGD_TOOLS_SANDBOX_PAGE_H
#define DUNNINGD_TOOLS_SANDBOX_PAGE_H

#include <stdint.h>

#include "common/buf.h"
#include "tools/sandbox_book.h"

/* For the two pages, and for what a message brings as HTML: it may load nothing and run nothing, wherever it is opened. */
#define SANDBOX_PAGE_CSP                                                                                                       \
	"default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'none'; "               \
	"frame-ancestors 'none'"
#define SANDBOX_HTML_CSP "sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

/* The newest messages first; reloads itself. `now` is the sandbox's clock. */
void sandbox_page_list(const struct sandbox_book *book, int64_t now, const char *mode, struct buf *ret);
/* One message: its fields, its text, and its HTML in a frame of its own. */
void sandbox_page_message(const struct sandbox_message *message, struct buf *ret);
/* What the frame shows: the message's HTML as it came. -ENOENT: it has none. */
int sandbox_page_html(const struct sandbox_message *message, struct buf *ret);

#endif
