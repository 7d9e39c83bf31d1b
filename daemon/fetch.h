/*
 * fetch - the invoices' PDFs from the addresses that their events name, for messages that are about to be made. Only hosts that
 * $.documents.fetch lists, by https in the public network (or on this machine); a document is asked for when it is first wanted and kept in
 * memory, by its digest, for the look that takes it. Nothing is written to disk here: what goes out stands in the intent's record.
 */
#ifndef DUNNINGD_DAEMON_FETCH_H
#define DUNNINGD_DAEMON_FETCH_H

#include "common/cleanup.h"
#include "common/contact.h"

#define FETCH_BYTES_MAX ((size_t)5 * 1024 * 1024) /* of one document */
#define FETCH_TIMEOUT_MS 20000 /* for one exchange */
#define FETCH_AT_ONCE 4
#define FETCH_KEPT_MAX 64 /* documents asked for or kept, of at most FETCH_KEPT_BYTES together */
#define FETCH_KEPT_BYTES ((size_t)64 * 1024 * 1024)
#define FETCH_REDIRECTS_MAX 3

struct event_base;
struct fetch;

struct fetch_settings {
	const char *const *hosts; /* borrowed for life; see fetch_url_check() */
	const char *ca_file; /* borrowed for life; NULL = the system's */
	int64_t (*mono)(void *arg); /* ms */
	void *arg;
};

struct fetch *fetch_create(struct event_base *base, const struct fetch_settings *settings);
void fetch_destroy(struct fetch *fetch); /* cuts what is under way. NULL is allowed */
DEFINE_CLEANUP(struct fetch, fetch_destroy)

/*
 * 0: the bytes, copied into the arena: a PDF, of the wanted digest where one is told. -EAGAIN: it was asked for now, is under way, or must
 * wait for others: ask again soon. Otherwise -errno, for a minute the same: `err` says why it cannot be had.
 */
int fetch_document(struct fetch *fetch, const struct document_wanted *wanted, struct arena *arena, struct attachment *ret, struct err *err);

#endif
