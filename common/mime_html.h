/* mime_html - what a reader of an HTML mail sees, as plain text. Pure. */
#ifndef DUNNINGD_COMMON_MIME_HTML_H
#define DUNNINGD_COMMON_MIME_HTML_H

#include <stddef.h>

#include "common/cleanup.h"

#define MIME_HTML_MAX ((size_t)1024 * 1024) /* what stands beyond is not read */

/*
 * `html` is UTF-8. Without tags, comments, styles and scripts, its entities as characters, a line where a browser begins one; '> ' before each
 * line of what it quotes (blockquote, and what Gmail, Yahoo and Proton Mail mark so). As UTF-8 with no control character but '\n', at most
 * about `max` bytes, in the arena; may be "". In time that grows with len alone,
 * whatever it is.
 */
const char *mime_html_text(const char *html, size_t len, size_t max, struct arena *arena);

#endif
