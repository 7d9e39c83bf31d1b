#include "common/redis_url.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

static int bad(struct err *err, const char *what)
{
	return err_set(err, -EINVAL, "bad_url", "$.redis.url",
		"%s: it must look like unix:///run/redis/redis.sock, redis://host:6379/0, rediss://user@host:6380, "
		"redis+cluster://host:6379,host:6380 or redis+sentinel://host:26379,host:26380/mymaster", what);
}

static int number(const char *text, int max, int *ret)
{
	char *end;
	long n;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	n = strtol(text, &end, 10);
	if (*end || n > max)
		return -EINVAL;
	*ret = (int)n;
	return 0;
}

static int copy(char *to, size_t size, const char *from, size_t len)
{
	if (len >= size)
		return -EINVAL;
	memcpy(to, from, len);
	to[len] = '\0';
	return 0;
}

static int parse_path(const char *text, struct redis_url *url, struct err *err)
{
	const char *query = strchr(text, '?');

	if (text[0] && text[0] != '/')
		return bad(err, "the socket's path must be absolute");
	if (copy(url->path, sizeof(url->path), text, query ? (size_t)(query - text) : strlen(text)) < 0 || !url->path[0])
		return bad(err, "the socket's path is empty or too long");
	if (query && (strncmp(query, "?db=", 4) != 0 || number(query + 4, 100000, &url->db) < 0))
		return bad(err, "only ?db=NUMBER may follow a socket's path");
	return 0;
}

/* host[:port] or [address]:port, up to `end`. */
static int parse_node(const char *host, const char *end, int port, struct redis_node *node, struct err *err)
{
	*node = (struct redis_node){ .port = port };
	if (*host == '[') {
		const char *close = memchr(host, ']', (size_t)(end - host));

		if (!close || copy(node->host, sizeof(node->host), host + 1, (size_t)(close - host - 1)) < 0)
			return bad(err, "an IPv6 address ends with ]");
		host = close + 1;
	} else {
		const char *colon = memchr(host, ':', (size_t)(end - host));
		const char *stop = colon ? colon : end;

		if (copy(node->host, sizeof(node->host), host, (size_t)(stop - host)) < 0)
			return bad(err, "the host is too long");
		host = stop;
	}
	if (!node->host[0])
		return bad(err, "the host is missing");
	for (const char *p = node->host; *p; p++)
		if (*p > 0 && (*p <= ' ' || *p == 0x7f))
			return bad(err, "the host holds a blank");
	if (host < end) {
		char digits[8];

		if (*host != ':' || copy(digits, sizeof(digits), host + 1, (size_t)(end - host - 1)) < 0 ||
			number(digits, 65535, &node->port) < 0 || !node->port)
			return bad(err, "the port must be a number from 1 to 65535");
	}
	return 0;
}

/* Behind the nodes: "/name[/db]" of sentinels, "/db" of a server, nothing of a cluster, whose database is always 0. */
static int parse_tail(const char *tail, struct redis_url *url, struct err *err)
{
	const char *slash;

	if (url->kind == REDIS_SENTINEL) {
		slash = *tail ? strchr(tail + 1, '/') : NULL;
		if (!*tail || copy(url->primary, sizeof(url->primary), tail + 1, slash ? (size_t)(slash - tail - 1) : strlen(tail + 1)) < 0 ||
			!url->primary[0])
			return bad(err, "behind the sentinels stands the name of the primary that they watch, as in /mymaster");
		tail = slash ? slash : "";
	}
	if (url->kind == REDIS_CLUSTER && tail[0] && tail[1])
		return bad(err, "a cluster has no other database than 0");
	if (tail[0] && tail[1] && number(tail + 1, 100000, &url->db) < 0)
		return bad(err, "the database must be a number");
	return 0;
}

static int parse_nodes(const char *text, struct redis_url *url, struct err *err)
{
	const char *at = strrchr(text, '@'), *host = at ? at + 1 : text, *slash = strchr(host, '/');
	const char *end = slash ? slash : host + strlen(host);
	int port = url->kind == REDIS_SENTINEL ? 26379 : 6379, r = 0;

	if (at) {
		const char *colon = memchr(text, ':', (size_t)(at - text));

		if (copy(url->user, sizeof(url->user), text, (size_t)((colon ? colon : at) - text)) < 0 ||
			(colon && copy(url->password, sizeof(url->password), colon + 1, (size_t)(at - colon - 1)) < 0))
			return bad(err, "the user or password is too long");
	}
	for (const char *comma; r == 0; host = comma + 1) {
		comma = url->kind == REDIS_SINGLE ? NULL : memchr(host, ',', (size_t)(end - host));
		if (url->node_count == REDIS_NODES_MAX)
			return bad(err, "there are more nodes than 16: some of them are enough");
		r = parse_node(host, comma ? comma : end, port, &url->nodes[url->node_count++], err);
		if (!comma)
			break;
	}
	if (r < 0)
		return r;
	memcpy(url->host, url->nodes[0].host, sizeof(url->host));
	url->port = url->nodes[0].port;
	return parse_tail(slash ? slash : "", url, err);
}

int redis_url_parse(const char *text, struct redis_url *ret, struct err *err)
{
	static const struct {
		const char *scheme;
		enum redis_kind kind;
		bool tls;
	} rows[] = {
		{ "redis://", REDIS_SINGLE, false }, { "rediss://", REDIS_SINGLE, true }, { "redis+cluster://", REDIS_CLUSTER, false },
		{ "rediss+cluster://", REDIS_CLUSTER, true }, { "redis+sentinel://", REDIS_SENTINEL, false },
		{ "rediss+sentinel://", REDIS_SENTINEL, true },
	};
	struct redis_url url = { .port = 6379 };
	int r = 1;

	if (text[0] == '/')
		r = parse_path(text, &url, err);
	else if (strncmp(text, "unix:", 5) == 0) /* unix:/path, as the configuration allows, is the same as unix:///path */
		r = parse_path(text + (strncmp(text + 5, "//", 2) == 0 ? 7 : 5), &url, err);
	for (size_t i = 0; i < ARRAY_LEN(rows) && r == 1; i++)
		if (strncmp(text, rows[i].scheme, strlen(rows[i].scheme)) == 0) {
			url.kind = rows[i].kind;
			url.tls = rows[i].tls;
			r = parse_nodes(text + strlen(rows[i].scheme), &url, err);
		}
	if (r == 1)
		r = bad(err, "an unknown kind of address");
	if (r == 0)
		*ret = url;
	return r;
}
