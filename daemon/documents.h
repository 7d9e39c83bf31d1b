/* documents - the invoices' own documents: a folder where each file's name is its digest, so that what is sent is what the producer meant. */
#ifndef DUNNINGD_DAEMON_DOCUMENTS_H
#define DUNNINGD_DAEMON_DOCUMENTS_H

#include "common/cleanup.h"
#include "common/err.h"
#include "common/message.h"

#define DOCUMENT_MAX ((size_t)5 * 1024 * 1024) /* bytes of one */

/*
 * Reads <dir>/<sha256>.pdf and checks that it is of this digest (64 characters, lower-case hex) and a PDF; `dir` (const char *, may be NULL:
 * none is configured) as contact_document_fn has it. The bytes lie in the arena; name and type are the caller's. Synchronous.
 * -EBADMSG or -errno: `err` says which file and why.
 */
int documents_read(const char *sha256, struct arena *arena, struct attachment *ret, struct err *err, void *dir);

#endif
