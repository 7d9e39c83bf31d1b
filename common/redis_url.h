/*
 * redis_url - where a Redis is, as configuration and command line write it. Pure.
 */
#ifndef DUNNINGD_COMMON_REDIS_URL_H
#define DUNNINGD_COMMON_REDIS_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

#define REDIS_NODES_MAX 16 /* of an address, and of what a link remembers of a cluster */

enum redis_kind {
	REDIS_SINGLE, /* the server itself */
	REDIS_CLUSTER, /* some nodes of a Redis or Valkey Cluster: they say where each slot is */
	REDIS_SENTINEL, /* sentinels: they say which server is the primary now */
};

struct redis_node {
	char host[256];
	int port;
};

/*
 * unix:///path[?db=N], unix:/path, /path (absolute), redis://[user[:password]@]host[:port][/db],
 * redis+cluster://[user[:password]@]host[:port][,host[:port]...], redis+sentinel://[user[:password]@]host[:port][,...]/name-of-primary[/db];
 * rediss: the same with TLS.
 */
struct redis_url {
	enum redis_kind kind;
	char path[108]; /* Unix socket; "" = TCP */
	char host[256];
	int port, db; /* host and port: of the first node */
	bool tls;
	char user[128], password[256]; /* "" = none. Of the servers: sentinels are asked without */
	struct redis_node nodes[REDIS_NODES_MAX]; /* of a cluster, or the sentinels */
	size_t node_count;
	char primary[64]; /* the name that the sentinels know it by */
};
int redis_url_parse(const char *text, struct redis_url *ret, struct err *err);

#endif
