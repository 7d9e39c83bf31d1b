/*
 * log - lines for people: to the journal with native fields when systemd connected us to it, else to stderr with a "<N>" level
 * that systemd and others understand. It never blocks: what cannot be written at once waits in a bounded ring, and what
 * finds no room there is dropped and counted. Lines carry ids, never a name or an address.
 */
#ifndef DUNNINGD_DAEMON_LOG_H
#define DUNNINGD_DAEMON_LOG_H

#include <stdarg.h>
#include <stdint.h>
#include <syslog.h>

#include "common/cleanup.h"
#include "daemon/log_id.h"

#define LOG_NO_PARTITION UINT32_MAX

struct log;

/*
 * Never fails. `journal_socket`: NULL = the journal's own when $JOURNAL_STREAM names what `fd` is, else nothing; a path = there in
 * any case (tests). `fd` is borrowed: stderr.
 */
struct log *log_create(const char *journal_socket, int fd);
/* Writes what waits, as far as that goes without blocking. NULL is allowed. */
void log_destroy(struct log *log);
DEFINE_CLEANUP(struct log, log_destroy)

/*
 * One line, "module: text"; control characters become spaces, 1 KiB is kept. priority: LOG_ERR ... of <syslog.h>, and MSG(NAME) where the
 * catalogue has an entry for it. `log` NULL: nothing.
 */
void log_line(struct log *log, int priority, const char *module, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* The same about one partition, with the field DUNNINGD_PARTITION; LOG_NO_PARTITION = none. */
void log_partition(struct log *log, int priority, const char *module, uint32_t partition, const char *text);

/* Tries again to write what waits. The number still waiting. */
size_t log_flush(struct log *log);
uint64_t log_dropped(const struct log *log); /* lines since the start */

#endif
