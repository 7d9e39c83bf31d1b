/*
 * monitor - who watches the daemon asks here: GET /metrics, /healthz and /readyz over HTTP, at the address of metrics.listen. Nothing can be
 * changed and nothing secret be read; what the answers say is the callbacks' business. HEAD is answered as GET is.
 */
#ifndef DUNNINGD_DAEMON_MONITOR_H
#define DUNNINGD_DAEMON_MONITOR_H

#include <stdbool.h>

#include <event2/event.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/err.h"

struct monitor;

struct monitor_callbacks {
	void (*metrics)(bool open, struct buf *ret, void *arg); /* `open`: as OpenMetrics */
	/* Why not, a line each; true leaves `ret` alone. No names, no addresses. */
	bool (*healthy)(struct buf *ret, void *arg);
	bool (*ready)(struct buf *ret, void *arg);
	void *arg;
};

/* `callbacks` is borrowed for life. *port: where it listens. -EBADMSG, -errno: `err` says why. */
int monitor_create(struct event_base *base, const char *address, const struct monitor_callbacks *callbacks, struct monitor **ret, int *port,
	struct err *err);
void monitor_destroy(struct monitor *monitor); /* NULL is allowed */
DEFINE_CLEANUP(struct monitor, monitor_destroy)

#endif
