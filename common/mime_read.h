/* mime_read - the text that somebody wrote, out of a whole mail as it came: RFC 5322 with MIME (RFC 2045, 2046). Pure. */
#ifndef DUNNINGD_COMMON_MIME_READ_H
#define DUNNINGD_COMMON_MIME_READ_H

#include <stddef.h>

#include "common/cleanup.h"
#include "common/json.h"

#define MIME_TEXT_MAX ((size_t)64 * 1024) /* what is longer is cut */

/*
 * `mail` is NUL-terminated beyond len. The first part that is text/plain and no attachment, else the first that is text/html, as mime_html_text()
 * reads it; decoded, as UTF-8 with '\n' at line ends and no other control character but the tab; in the arena. Bytes of a character set other
 * than UTF-8, ASCII, ISO 8859-1, -15 or Windows-1252 are '?' beyond ASCII. NULL: it has no such part, or none that can be read.
 */
const char *mime_text(const char *mail, size_t len, struct arena *arena);

/* Bytes of that character set, one of these or "", in the same way. */
const char *mime_utf8(const char *text, size_t len, const char *charset, struct arena *arena);

/*
 * The same mail as an object, for the webhook of whoever has it from a mail server: members that it does not have are left out.
 *	kind		"report": a delivery report (RFC 3464); "automatic": no person wrote it (RFC 3834), and it does not ask for an end
 *			of mails, as a program does where its reader clicked; else "mail"
 *	from, subject	headers, as they stand there; of a report the second alone
 *	id		its Message-ID, without the angle brackets
 *	answers		the local part of the Message-ID that it answers: In-Reply-To, else the last of References
 *	text		as mime_text(); the subject, where that alone says STOP and a program wrote the rest
 *	report		{action, status, recipient, diagnostic, original}: of the first recipient that is told of; original is the local part of
 *			the Message-ID of the mail that came back
 */
void mime_document(struct json_writer *w, const char *mail, size_t len, struct arena *arena);

#endif
