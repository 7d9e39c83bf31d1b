#include "common/redis_url.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int bad(struct err *err, const char *what)
{
	return err_set(err, -EINVAL, "bad_url", "$.redis.url",
		"%s: it must look like unix:///run/redis/redis.sock, redis://host:6379/0 or rediss://user@host:6380", what);
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

static int parse_host(const char *text, struct redis_url *url, struct err *err)
{
	const char *at = strrchr(text, '@'), *host = at ? at + 1 : text, *end, *slash = strchr(host, '/');

	if (at) {
		const char *colon = memchr(text, ':', (size_t)(at - text));

		if (copy(url->user, sizeof(url->user), text, (size_t)((colon ? colon : at) - text)) < 0 ||
			(colon && copy(url->password, sizeof(url->password), colon + 1, (size_t)(at - colon - 1)) < 0))
			return bad(err, "the user or password is too long");
	}
	if (slash && slash[1] && number(slash + 1, 100000, &url->db) < 0)
		return bad(err, "the database must be a number");
	end = slash ? slash : host + strlen(host);
	if (*host == '[') {
		const char *close = memchr(host, ']', (size_t)(end - host));

		if (!close || copy(url->host, sizeof(url->host), host + 1, (size_t)(close - host - 1)) < 0)
			return bad(err, "an IPv6 address ends with ]");
		host = close + 1;
	} else {
		const char *colon = memchr(host, ':', (size_t)(end - host));
		const char *stop = colon ? colon : end;

		if (copy(url->host, sizeof(url->host), host, (size_t)(stop - host)) < 0)
			return bad(err, "the host is too long");
		host = stop;
	}
	if (!url->host[0])
		return bad(err, "the host is missing");
	for (const char *p = url->host; *p; p++)
		if (*p > 0 && (*p <= ' ' || *p == 0x7f))
			return bad(err, "the host holds a blank");
	if (host < end) {
		char port[8];

		if (*host != ':' || copy(port, sizeof(port), host + 1, (size_t)(end - host - 1)) < 0 ||
			number(port, 65535, &url->port) < 0 || !url->port)
			return bad(err, "the port must be a number from 1 to 65535");
	}
	return 0;
}

int redis_url_parse(const char *text, struct redis_url *ret, struct err *err)
{
	struct redis_url url = { .port = 6379 };
	int r;

	if (text[0] == '/')
		r = parse_path(text, &url, err);
	else if (strncmp(text, "unix:", 5) == 0) /* unix:/path, as the configuration allows, is the same as unix:///path */
		r = parse_path(text + (strncmp(text + 5, "//", 2) == 0 ? 7 : 5), &url, err);
	else if (strncmp(text, "redis://", 8) == 0)
		r = parse_host(text + 8, &url, err);
	else if (strncmp(text, "rediss://", 9) == 0) {
		url.tls = true;
		r = parse_host(text + 9, &url, err);
	} else {
		r = bad(err, "an unknown kind of address");
	}
	if (r == 0)
		*ret = url;
	return r;
}
