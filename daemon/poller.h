/*
 * poller - asks the providers whose files have a `poll` what they will not tell by themselves, and puts it where webhooks put theirs. How
 * far it has come is kept in Redis, written only after what it passed is there: after a crash something is asked for again, nothing is
 * lost, and what is told twice is one event.
 *
 * A list that cannot be read, or does not come, is asked for again later and later, up to POLLER_BACKOFF_MAX_MS. One element at which round
 * after round ends does not bar the way of those behind it: it becomes a reply that asks for a person, or a dead letter.
 */
#ifndef DUNNINGD_DAEMON_POLLER_H
#define DUNNINGD_DAEMON_POLLER_H

#include "common/library.h"
#include "daemon/http_client.h"
#include "daemon/intake.h"

#define POLLER_BACKOFF_MAX_MS (INT64_C(3600) * 1000)
#define POLLER_PAGES_MAX 50 /* of a list in one round */
#define POLLER_TRIES_MAX 3 /* rounds that end at one element which cannot be read, or is refused ... */
#define POLLER_AWAY_MAX 24 /* ... or at which the provider fails: some day, as they come later and later */

struct poller_settings {
	const struct config *config; /* borrowed for life */
	const struct redis_url *redis;
	const uint8_t *install_key; /* 32 bytes, borrowed for life */
	struct http_client *http; /* borrowed for life */
	bool (*may_ask)(void *arg); /* whether this daemon is the one that acts */
	void *may_ask_arg;
	int64_t (*now)(void *arg); /* ms UTC */
	void *now_arg;
	void (*note)(int priority, const char *line, void *arg); /* "poll: ..."; never an address, a secret or a text */
	void *note_arg;
};

struct poller_counts {
	uint64_t asked, failed; /* rounds */
	uint64_t taken, known; /* events */
};

struct poller;

struct poller *poller_create(struct event_base *base, const struct poller_settings *settings, struct library *library);
void poller_use(struct poller *poller, struct library *library); /* after a reload */
void poller_destroy(struct poller *poller); /* before its http client. NULL is allowed */
struct poller_counts poller_counts(const struct poller *poller);

#endif
