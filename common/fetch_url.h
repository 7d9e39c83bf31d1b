/* fetch_url - which addresses that events name may be asked for a document: only hosts that the configuration lists. Pure. */
#ifndef DUNNINGD_COMMON_FETCH_URL_H
#define DUNNINGD_COMMON_FETCH_URL_H

#include <stdbool.h>

#include "common/cleanup.h"
#include "common/err.h"

#define FETCH_URL_MAX 2000

/*
 * A host as the configuration lists it: a name in ASCII, "*." before it for all below it (not itself), ":PORT" behind it for a port other
 * than 443; or this machine (localhost, 127.x), which is asked by http.
 */
bool fetch_host_ok(const char *host);
/*
 * 0: `url` is https (http: to this machine alone) to one of `hosts` (NULL-terminated; NULL = none), with its port, without user info, in
 * printable ASCII; *local: it is this machine. -EACCES: the host is not among them. -EBADMSG: it is no such address. What a name leads to
 * is looked at once more when it is connected to.
 */
int fetch_url_check(const char *const *hosts, const char *url, bool *local, struct err *err);
/* Where a redirect from `url` (checked) to `location` leads, in the arena: an address or an absolute path. NULL: to neither. */
const char *fetch_url_follow(const char *url, const char *location, struct arena *arena);

#endif
