/*
 * merge_apart - pdf_merge() in a process of its own, with little memory and time. The PDFs are foreign, and there is no bound for what one of them
 * costs whoever parses it: pages that are listed again and again, streams that unpack to gigabytes. What dies there is a file that cannot be read.
 */
#ifndef DUNNINGD_DAEMON_MERGE_APART_H
#define DUNNINGD_DAEMON_MERGE_APART_H

#include <stdint.h>

#include "common/cleanup.h"
#include "common/pdf_merge.h"

#define MERGE_MEMORY_MAX ((size_t)512 * 1024 * 1024) /* of addresses */
#define MERGE_CPU_S 2
#define MERGE_WAIT_MS 4000 /* for the whole of it */
#define MERGE_REST_MS 40000 /* after one that took too long: of many such, the daemon still serves and its watchdog is content */

struct merge_apart {
	const char *program; /* dunningd; "/proc/self/exe" */
	int64_t rest_until; /* ms, monotonic; begins with 0 */
};

/*
 * As pdf_merge(), and waits for it. `apart` is a struct merge_apart. -EBADMSG also where it costs too much; -EAGAIN: not now, ask again in
 * MERGE_REST_MS; other -errno: no process could be started.
 */
int merge_apart(const struct pdf_part *parts, size_t count, struct buf *out, struct err *err, void *apart);

/* The process: `dunningd --merge-pdfs`, from standard input to standard output. The exit status. */
int merge_apart_main(void);

#endif
