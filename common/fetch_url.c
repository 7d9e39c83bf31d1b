#include "common/fetch_url.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-"

static bool is_this_machine(const char *host, size_t len)
{
	return (len == 9 && strncasecmp(host, "localhost", len) == 0) ||
	       (len >= 9 && len <= 15 && strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") >= len);
}

/* Of "host:port" from `at` on, `len` bytes; 0 = none is said, -1 = it is no port. */
static int port_of(const char *at, size_t len)
{
	int port = 0;

	if (len == 0)
		return 0;
	if (*at != ':' || len == 1 || len > 6)
		return -1;
	for (size_t i = 1; i < len; i++) {
		if (at[i] < '0' || at[i] > '9')
			return -1;
		port = 10 * port + at[i] - '0';
	}
	return port > 0 && port <= 65535 ? port : -1;
}

bool fetch_host_ok(const char *host)
{
	const char *name = strncmp(host, "*.", 2) == 0 ? host + 2 : host;
	size_t len = strspn(name, NAME_CHARACTERS);

	return len > 0 && len <= 253 && *name != '.' && *name != '-' && name[len - 1] != '.' && !strstr(name, "..") &&
	       port_of(name + len, strlen(name + len)) >= 0 && (name == host || memchr(name, '.', len) != NULL);
}

static bool is_listed(const char *listed, const char *host, size_t len, int port, bool local)
{
	bool below = strncmp(listed, "*.", 2) == 0;
	const char *name = below ? listed + 1 : listed; /* with its dot */
	size_t name_len = strspn(name, NAME_CHARACTERS);
	int listed_port = port_of(name + name_len, strlen(name + name_len));

	if ((listed_port ? listed_port : local ? 80 : 443) != port)
		return false;
	if (below)
		return len > name_len && strncasecmp(host + len - name_len, name, name_len) == 0;
	return len == name_len && strncasecmp(host, name, len) == 0;
}

int fetch_url_check(const char *const *hosts, const char *url, bool *local, struct err *err)
{
	bool https = strncmp(url, "https://", 8) == 0, http = strncmp(url, "http://", 7) == 0;
	const char *host = url + (https ? 8 : 7);
	size_t authority, len;
	int port;

	if (!https && !http)
		return err_set(err, -EBADMSG, "bad_url", "", "its pdf_url does not begin with https://");
	if (strlen(url) > FETCH_URL_MAX)
		return err_set(err, -EBADMSG, "bad_url", "", "its pdf_url has more than %d characters", FETCH_URL_MAX);
	for (const char *p = url; *p; p++)
		if (*p <= ' ' || *p > '~' || strchr("\\\"<>^`{|}", *p))
			return err_set(err, -EBADMSG, "bad_url", "", "its pdf_url has a character that must be escaped");
	authority = strcspn(host, "/?#");
	len = strspn(host, NAME_CHARACTERS);
	port = len && len <= authority ? port_of(host + len, authority - len) : -1;
	if (port < 0) /* a user, an address in [ ], a port that is none */
		return err_set(err, -EBADMSG, "bad_url", "", "its pdf_url must name a host, and no user");
	*local = is_this_machine(host, len);
	if (http && !*local)
		return err_set(err, -EBADMSG, "bad_url", "", "its pdf_url begins with http://, which is for this machine alone");
	for (size_t i = 0; hosts && hosts[i]; i++)
		if (is_listed(hosts[i], host, len, port ? port : http ? 80 : 443, http))
			return 0;
	return err_set(err, -EACCES, "host_not_listed", "", "the host of its pdf_url, %.*s, is not among documents.fetch", (int)authority, host);
}

const char *fetch_url_follow(const char *url, const char *location, struct arena *arena)
{
	if (strncmp(location, "https://", 8) == 0 || strncmp(location, "http://", 7) == 0)
		return arena_strdup(arena, location);
	if (location[0] != '/' || location[1] == '/')
		return NULL;
	return arena_printf(arena, "%.*s%s", (int)(strstr(url, "://") + 3 - url + (long)strcspn(strstr(url, "://") + 3, "/?#")), url, location);
}
