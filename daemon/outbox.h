/*
 * outbox - the built-in provider: each message becomes a file in a folder, and stays there. <attempt id>.eml for mail, .pdf for a
 * letter, .txt for the rest, mode 0600. A file appears whole or not at all, and is on the disk, with its name, before it counts as accepted. An attempt id
 * is written once: a second request with the same message is accepted as the first was, one with another message is in doubt.
 *
 * The first line is the date, which a second request may differ in (of a PDF, what says that it is one). Files whose names begin with '.' are left over from a crash.
 */
#ifndef DUNNINGD_DAEMON_OUTBOX_H
#define DUNNINGD_DAEMON_OUTBOX_H

#include <stdint.h>

#include <event2/event.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "daemon/ports.h"

struct outbox;

struct outbox_counters {
	uint64_t outcomes[OUTCOME_COUNT];
	size_t in_flight;
};

/* Makes the folder (mode 0700) when it is missing. -errno: `err` names it. */
int outbox_create(struct event_base *base, const char *dir, struct outbox **ret, struct err *err);
/* Waits for the files being written; no callback afterwards. NULL is allowed. */
void outbox_destroy(struct outbox *outbox);
DEFINE_CLEANUP(struct outbox, outbox_destroy)

/*
 * As transport_port's. `now` (ms UTC) is the date in the file. The provider's id is the file's name. REFUSED: message_check() says why;
 * TEMPORARY "no_space" or "disk": there is no such file; IN_DOUBT "disk": it may be there, or "conflict": see above.
 */
void outbox_start(struct outbox *outbox, const struct message *message, int64_t now, transport_may_start_fn may_start,
	transport_done_fn done, void *arg);
void outbox_lookup(struct outbox *outbox, const struct message *message, transport_lookup_fn done, void *arg);

/* Deletes the files of these attempts, and sees to it that they are gone from the disk. What is not there is no error. -errno */
int outbox_forget(struct outbox *outbox, const char *const *attempt_ids, size_t count);

void outbox_count(const struct outbox *outbox, struct outbox_counters *ret);

/* The PDF that a letter is; NULL: the message is none, or has none. */
const struct attachment *outbox_letter(const struct message *message);
/* The file's content. Pure; `message` has passed message_check(). */
void outbox_render(const struct message *message, int64_t now, struct buf *ret);

#endif
