#include "daemon/service.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/util.h>
#include <systemd/sd-daemon.h>

#include "common/file.h"
#include "common/hash.h"

struct service {
	struct event *ping; /* NULL = no watchdog */
	int64_t ping_ms;
	bool (*alive)(void *arg);
	void *arg;
	char *status; /* last told, owned */
};

static void on_ping(evutil_socket_t fd, short what, void *arg)
{
	struct service *service = arg;

	(void)fd, (void)what;
	if (service->alive(service->arg))
		(void)sd_notify(0, "WATCHDOG=1");
}

struct service *service_create(struct event_base *base, bool (*alive)(void *arg), void *arg)
{
	struct service *service = xcalloc(1, sizeof(*service));
	uint64_t limit_us = 0;

	service->alive = alive;
	service->arg = arg;
	if (sd_watchdog_enabled(0, &limit_us) > 0 && limit_us > 0) {
		/* A third of the limit: one ping may be late and one missing before anything happens. */
		service->ping_ms = (int64_t)(limit_us / 3000);
		if (service->ping_ms < 1)
			service->ping_ms = 1;
		service->ping = event_new(base, -1, EV_PERSIST, on_ping, service);
		(void)event_priority_set(service->ping, SERVICE_PRIORITIES - 1);
		event_add(service->ping, &(struct timeval){ .tv_sec = service->ping_ms / 1000,
			.tv_usec = service->ping_ms % 1000 * 1000 });
	}
	return service;
}

void service_destroy(struct service *service)
{
	if (!service)
		return;
	if (service->ping)
		event_free(service->ping);
	free(service->status);
	free(service);
}

/* A newline would begin another assignment. */
static void remember(struct service *service, const char *status)
{
	free(service->status);
	service->status = xstrdup(status);
	for (char *p = service->status; *p; p++)
		if ((unsigned char)*p < 0x20)
			*p = ' ';
}

void service_ready(struct service *service, const char *status)
{
	remember(service, status);
	(void)sd_notifyf(0, "READY=1\nSTATUS=%s", service->status);
}

void service_status(struct service *service, const char *status)
{
	if (service->status && strcmp(service->status, status) == 0)
		return;
	remember(service, status);
	(void)sd_notifyf(0, "STATUS=%s", service->status);
}

/* Both in one message: systemd compares the time with that of its own signal, to know which reload this is about. */
void service_reloading(struct service *service)
{
	struct timespec now;

	(void)service;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		(uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
}

void service_stopping(struct service *service, const char *status)
{
	remember(service, status);
	(void)sd_notifyf(0, "STOPPING=1\nSTATUS=%s", service->status);
}

void service_extend(struct service *service, int64_t ms)
{
	(void)service;
	(void)sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%" PRId64, ms * 1000);
}

int64_t service_watchdog_ms(const struct service *service)
{
	return service->ping_ms;
}

/* --- sockets -------------------------------------------------------------------------------------------------------------- */

/* Under another name than a socket unit's, which may change its address: ours is only good for the address it was bound to. */
static void kept_name(const char *name, char *ret, size_t size)
{
	(void)snprintf(ret, size, "kept-%s", name);
}

/* The descriptor under this name, -ENOENT. The environment stays as it is, so that each listener may look for its own. */
static int handed_over(const char *name)
{
	char **names = NULL;
	int count = sd_listen_fds_with_names(0, &names), found = -ENOENT;

	for (int i = 0; i < count; i++) {
		if (found < 0 && strcmp(names[i], name) == 0)
			found = SD_LISTEN_FDS_START + i;
		free(names[i]);
	}
	free(names);
	return found;
}

static bool is_bound_to(int fd, const struct sockaddr *at, socklen_t len)
{
	struct sockaddr_storage bound = { 0 };
	socklen_t size = sizeof(bound);

	return getsockname(fd, (struct sockaddr *)&bound, &size) == 0 && size >= len && evutil_sockaddr_cmp((struct sockaddr *)&bound, at, 1) == 0;
}

/*
 * Takes back what was kept: our descriptor, and systemd's. The number stays taken, by nothing: sd_listen_fds() fails where one of them is closed,
 * and it must not become another's.
 */
static void drop(const char *name)
{
	CLEANUP(closep) int nothing = -1;
	char ours[64];
	int fd;

	kept_name(name, ours, sizeof(ours));
	fd = handed_over(ours);
	if (fd < 0)
		return;
	(void)sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", ours);
	nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (nothing < 0 || dup3(nothing, fd, O_CLOEXEC) < 0)
		(void)shutdown(fd, SHUT_RDWR);
}

static bool is_listening(int fd)
{
	return sd_is_socket_inet(fd, AF_UNSPEC, SOCK_STREAM, 1, 0) > 0 && evutil_make_socket_nonblocking(fd) == 0;
}

int service_socket(const char *name, const struct sockaddr *at, socklen_t len)
{
	char ours[64];
	int fd = handed_over(name);

	if (fd >= 0) {
		drop(name); /* of a time before the socket unit */
		return is_listening(fd) ? fd : -EINVAL;
	}
	kept_name(name, ours, sizeof(ours));
	fd = handed_over(ours);
	if (fd >= 0 && is_bound_to(fd, at, len) && is_listening(fd))
		return fd;
	drop(name); /* the address is another one now */
	return -ENOENT;
}

void service_socket_keep(const char *name, int fd)
{
	char ours[64], text[100];

	kept_name(name, ours, sizeof(ours));
	(void)snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s", ours);
	(void)sd_pid_notify_with_fds(0, 0, text, &fd, 1);
}

bool service_socket_unused(const char *name)
{
	drop(name);
	return handed_over(name) >= 0;
}

/* --- credentials ---------------------------------------------------------------------------------------------------------- */

int credential_read(const char *dir, const char *name, bool binary, struct buf *ret, struct err *err)
{
	CLEANUP(buf_clear) struct buf path = { 0 };
	size_t before = ret->len;
	int r;

	if (!dir)
		dir = getenv("CREDENTIALS_DIRECTORY");
	if (!*name || name[0] == '.' || strchr(name, '/'))
		return err_set(err, -EINVAL, "bad_name", "", "\"%s\" cannot be the name of a credential", name);
	if (!dir)
		return err_set(err, -ENOENT, "no_credential", "",
			"credential \"%s\" is missing: there is no $CREDENTIALS_DIRECTORY and no --credentials", name);
	buf_printf(&path, "%s/%s", dir, name);
	r = file_read(path.data, CREDENTIAL_MAX, ret, NULL);
	if (r == -ENOENT)
		return err_set(err, r, "no_credential", "", "credential \"%s\" is missing in %s", name, dir);
	if (r < 0)
		return err_set(err, r, "no_credential", "", "credential \"%s\" in %s cannot be read: %s", name, dir,
			strerror(-r));
	if (ret->len > before && ret->data[ret->len - 1] == '\n' && !binary)
		ret->data[--ret->len] = '\0';
	if (ret->len == before || (!binary && memchr(ret->data + before, '\0', ret->len - before)))
		return err_set(err, -EBADMSG, "no_credential", "", "credential \"%s\" in %s is empty or no text", name, dir);
	return 0;
}

int credential_key(const char *dir, const char *name, uint8_t ret[32], struct err *err)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	int r = credential_read(dir, name, true, &text, err);

	if (r == 0 && text.len == 32)
		memcpy(ret, text.data, 32);
	else if (r == 0) {
		while (text.len && text.data[text.len - 1] == '\n')
			text.data[--text.len] = '\0';
		r = text.len == 64 ? hex_parse(text.data, 32, ret) : -EINVAL;
		if (text.len == 0) /* what the unit gives in place of a missing file */
			r = err_set(err, -EBADMSG, "no_credential", "", "credential \"%s\" is empty, or the file that LoadCredential= names is missing", name);
		else if (r < 0)
			r = err_set(err, -EBADMSG, "bad_key", "",
				"credential \"%s\" must be 32 random bytes, or 64 hexadecimal digits: openssl rand -hex 32", name);
	}
	if (text.data)
		cleanse(text.data, text.len);
	return r;
}
