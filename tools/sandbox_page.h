/*
 * sandbox_page - what the sandbox captured, as HTML for people: each message as its recipient would see it, and what can be said about it.
 * Without scripts; whatever comes from outside is escaped, isolated (<bdi>), or alone in a frame that may do nothing. Pure.
 */
#ifndef DUNNINGD_TOOLS_SANDBOX_PAGE_H
#define DUNNINGD_TOOLS_SANDBOX_PAGE_H

#include <stdint.h>

#include "common/buf.h"
#include "tools/sandbox_book.h"
#include "tools/sandbox_tell.h"

/* For the pages, and for what a message brings as HTML: it may load nothing and run nothing, wherever it is opened. */
#define SANDBOX_PAGE_CSP                                                                                                       \
	"default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
#define SANDBOX_HTML_CSP                                                                                                       \
	"sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

struct sandbox_view {
	const struct sandbox_book *book;
	const struct sandbox_teller *teller;
	int64_t now; /* of the sandbox's clock */
	const char *mode; /* the order's */
};

/* The newest messages first; reloads itself. */
void sandbox_page_list(const struct sandbox_view *view, struct buf *ret);
void sandbox_page_modes(struct buf *ret); /* what the sandbox can be asked for, and how */
/* One message; reloads itself while a webhook about it is under way. */
void sandbox_page_message(const struct sandbox_view *view, const struct sandbox_message *message, struct buf *ret);
/* What the frame shows: the message's HTML as it came. -ENOENT: it has none. */
int sandbox_page_html(const struct sandbox_message *message, struct buf *ret);
/* Its i-th attachment; *name is of the caller's, safe in a header. -ENOENT: there is none, or it cannot be read. */
int sandbox_page_file(const struct sandbox_message *message, size_t i, char name[64], struct buf *ret);

/* Shared with sandbox_show.c, which shows a message as its channel does. */
void page_text(struct buf *buf, const char *text); /* escaped; control characters become pictures of them. NULL = nothing */
void page_line(struct buf *buf, const char *text); /* the same, isolated: its direction is its own */
const char *page_get(const struct json *object, const char *key); /* "" when it is no text */
void page_show(const struct sandbox_view *view, const struct sandbox_message *message, const struct json *body, struct buf *ret);

#endif
