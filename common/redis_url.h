/*
 * redis_url - where a Redis is, as configuration and command line write it. Pure.
 */
#ifndef DUNNINGD_COMMON_REDIS_URL_H
#define DUNNINGD_COMMON_REDIS_URL_H

#include <stdbool.h>

#include "common/err.h"

/* unix:///path[?db=N], unix:/path, /path (absolute), redis://[user[:password]@]host[:port][/db], rediss://... (TLS) */
struct redis_url {
	char path[108]; /* Unix socket; "" = TCP */
	char host[256];
	int port, db;
	bool tls;
	char user[128], password[256]; /* "" = none */
};
int redis_url_parse(const char *text, struct redis_url *ret, struct err *err);

#endif
