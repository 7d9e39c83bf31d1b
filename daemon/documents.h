/*
 * documents - the invoices' own documents: a folder where each file's name is its digest, so that what is sent is what the producer meant,
 * and what lies at the addresses that their events name.
 */
#ifndef DUNNINGD_DAEMON_DOCUMENTS_H
#define DUNNINGD_DAEMON_DOCUMENTS_H

#include "common/cleanup.h"
#include "common/contact.h"
#include "common/err.h"
#include "common/message.h"
#include "daemon/fetch.h"

#define DOCUMENT_MAX ((size_t)5 * 1024 * 1024) /* bytes of one */

/*
 * Reads <dir>/<sha256>.pdf and checks that it is of this digest (64 characters, lower-case hex) and a PDF; `dir` NULL: none is configured.
 * The bytes lie in the arena; name and type are the caller's. Synchronous. -EBADMSG or -errno: `err` says which file and why.
 */
int documents_read(const char *dir, const char *sha256, struct arena *arena, struct attachment *ret, struct err *err);

struct documents {
	const char *dir; /* NULL = there is none */
	struct fetch *fetch; /* NULL = nothing is fetched */
};
/* As contact_document_fn has it, of a struct documents: from the folder, else from the address. */
int documents_get(const struct document_wanted *wanted, struct arena *arena, struct attachment *ret, struct err *err, void *documents);

#endif
