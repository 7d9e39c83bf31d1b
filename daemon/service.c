#include "daemon/service.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
		if (r < 0)
			r = err_set(err, -EBADMSG, "bad_key", "",
				"credential \"%s\" must be 32 random bytes, or 64 hexadecimal digits: openssl rand -hex 32", name);
	}
	if (text.data)
		cleanse(text.data, text.len);
	return r;
}
