/*
 * service - what systemd and we tell each other: readiness, reloading, stopping, a line of status, the watchdog; and the
 * credentials and sockets that it hands us. Without systemd every call does nothing. With log the only module that knows of it.
 */
#ifndef DUNNINGD_DAEMON_SERVICE_H
#define DUNNINGD_DAEMON_SERVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <event2/event.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/err.h"

#define SERVICE_PRIORITIES 3 /* of the event base: 0 soonest, 1 ordinary, 2 when nothing else is to be done */
#define CREDENTIAL_MAX 4096 /* bytes */

struct service;

/*
 * The watchdog is fed by an event of the lowest priority, so a loop that never comes to rest is noticed, and only when
 * `alive(arg)` says that work goes on (or that there is rightly none). The base has SERVICE_PRIORITIES priorities.
 */
struct service *service_create(struct event_base *base, bool (*alive)(void *arg), void *arg);
void service_destroy(struct service *service); /* NULL is allowed */
DEFINE_CLEANUP(struct service, service_destroy)

/* `status` is one line for `systemctl status`: no names, no addresses. */
void service_ready(struct service *service, const char *status); /* once at the start, and once after each reloading */
void service_status(struct service *service, const char *status); /* told only when it differs from the last */
void service_reloading(struct service *service);
void service_stopping(struct service *service, const char *status);
/* The start or the stop takes up to so much longer from now. */
void service_extend(struct service *service, int64_t ms);
int64_t service_watchdog_ms(const struct service *service); /* between two pings; 0 = no watchdog */

/*
 * A listening TCP socket that systemd hands over under `name`: that of a socket unit (FileDescriptorName=), or one that service_socket_keep()
 * left with it and that is still bound to `at`, of `len` bytes. Non-blocking, and the caller's; each name is asked for once in a process, here
 * or below. -ENOENT: there is none. -EINVAL: a socket unit gave something else.
 */
int service_socket(const char *name, const struct sockaddr *at, socklen_t len);
/* Leaves a copy of it with systemd, so that whoever connects while we are started again waits, and is not refused. */
void service_socket_keep(const char *name, int fd);
/*
 * Nobody will listen under this name: what was kept is taken back, or those who connect to it would wait for ever. True: a socket unit has one
 * all the same, where they do.
 */
bool service_socket_unused(const char *name);

/*
 * Appends credential `name` (a file name, no path) from `dir`, NULL = $CREDENTIALS_DIRECTORY; one newline at its end is taken off.
 * -ENOENT: there is none, -EFBIG above CREDENTIAL_MAX, -EINVAL: no file name, -EBADMSG: empty or with a NUL byte in a text
 * (`binary` false), -errno. `err` names it, never its content.
 */
int credential_read(const char *dir, const char *name, bool binary, struct buf *ret, struct err *err);
/* A credential of 32 bytes, as they are or as 64 hexadecimal digits; the rest as above, -EBADMSG: it is neither. */
int credential_key(const char *dir, const char *name, uint8_t ret[32], struct err *err);

#endif
