/*
 * mime - a message as a mail: RFC 5322 with MIME (RFC 2045 to 2047, 2231). Pure; the same message and instant give the same bytes.
 * All is ASCII but an address that is not (RFC 6531); lines end in CRLF and none is longer than the 998 bytes of RFC 5322.
 */
#ifndef DUNNINGD_COMMON_MIME_H
#define DUNNINGD_COMMON_MIME_H

#include <stdint.h>

#include "common/buf.h"
#include "common/message.h"

/* `message` has passed message_check(); `at`: ms UTC, its Date. Further headers may stand between head and body. */
void mime_head(const struct message *message, int64_t at, struct buf *out);
void mime_body(const struct message *message, struct buf *out); /* the headers of the body, and the body */

void mime_date(struct buf *out, int64_t at); /* the header "Date: ...", always in UTC, without its line end */
void mime_header(struct buf *out, const char *name, const char *value); /* with encoded words where needed; a NULL value adds none */
void mime_base64(struct buf *out, const struct attachment *attachment, const char *line_end);

#endif
