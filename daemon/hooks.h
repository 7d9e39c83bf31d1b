/*
 * hooks - POST /hooks/<provider>[/<path>]: what providers tell by themselves, over HTTP (evhttp; a proxy in front speaks TLS); a GET where
 * the file says so, whose query is what it tells. A request is
 * checked, verified over its raw bytes, read, and put into the inbound stream of its partition; then, once Redis has it, answered with
 * 200. What cannot be kept is answered with 503 and comes again: the provider's repetitions are our queue.
 *
 *	200 taken, or known already, or nothing in it for us   400 it cannot be read   401 not from the provider   404 no such webhook
 *	405 not the method that the file says   413 too large   503 no key is set, or Redis does not answer
 */
#ifndef DUNNINGD_DAEMON_HOOKS_H
#define DUNNINGD_DAEMON_HOOKS_H

#include <stdint.h>

#include <event2/event.h>

#include "common/adapter_hook.h"
#include "common/library.h"
#include "common/page.h"
#include "common/redis_link.h"

struct hooks_settings {
	const struct config *config; /* hooks.listen is set; borrowed for life */
	const struct redis_url *redis;
	const uint8_t *install_key; /* 32 bytes, borrowed for life */
	const struct page_texts *texts; /* borrowed until the next hooks_use() */
	adapter_secret_fn secret;
	void *secret_arg;
	int64_t (*now)(void *arg); /* ms UTC: of what is told without a time */
	void *now_arg;
	void (*note)(int priority, const char *line, void *arg); /* "hooks: ..." for the log; never an address, a secret or a text */
	void *note_arg;
};

struct hooks;

/* Binds hooks.listen. -errno, err says why. */
int hooks_create(struct event_base *base, const struct hooks_settings *settings, struct library *library, struct hooks **ret,
	struct err *err);
void hooks_use(struct hooks *hooks, struct library *library, const struct page_texts *texts); /* after a reload */
void hooks_destroy(struct hooks *hooks); /* who waits gets 503. NULL is allowed */
DEFINE_CLEANUP(struct hooks, hooks_destroy)

struct hooks_counts {
	uint64_t taken; /* events put into the streams */
	uint64_t known; /* told before */
	uint64_t refused; /* requests answered with 4xx */
	uint64_t unsaved; /* requests answered with 503 */
};
struct hooks_counts hooks_counts(const struct hooks *hooks);

#endif
