/* mime_read - the text that somebody wrote, out of a whole mail as it came: RFC 5322 with MIME (RFC 2045, 2046). Pure. */
#ifndef DUNNINGD_COMMON_MIME_READ_H
#define DUNNINGD_COMMON_MIME_READ_H

#include <stddef.h>

#include "common/cleanup.h"

#define MIME_TEXT_MAX ((size_t)64 * 1024) /* what is longer is cut */

/*
 * `mail` is NUL-terminated beyond len. The first part that is text/plain and no attachment, decoded, as UTF-8 with '\n' at line ends and no other control character but the tab;
 * in the arena. Bytes of a character set other than UTF-8, ASCII, ISO 8859-1, -15 or Windows-1252 are '?' beyond ASCII. NULL: it has no such
 * part, or none that can be read.
 */
const char *mime_text(const char *mail, size_t len, struct arena *arena);

#endif
