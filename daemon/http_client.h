/*
 * http_client - struct transport_port on libcurl: each provider of the configuration with its connections, its pace and its state, and
 * the outbox behind the same port. In shadow mode everything goes to the outbox.
 *
 * A request waits in its provider's queue until the provider's pace (common/pace) lets it start; may_start() is asked when it is
 * connected, after that. One that waited for HTTP_QUEUE_MS, or waits when the client is stopped, is TEMPORARY: it never left.
 *
 * While the pace has the provider paused, stopped, or its quota used up, what is asked of it gets the same outcome at once, from here:
 * THROTTLED, REFUSED, or TEMPORARY when it is down.
 */
#ifndef DUNNINGD_DAEMON_HTTP_CLIENT_H
#define DUNNINGD_DAEMON_HTTP_CLIENT_H

#include <stdint.h>

#include <event2/event.h>

#include "common/adapter_poll.h"
#include "common/cleanup.h"
#include "common/config.h"
#include "common/err.h"
#include "common/library.h"
#include "common/paces.h"
#include "daemon/ports.h"

#define HTTP_QUEUE_MS 30000
#define HTTP_LOOKUPS_PAUSE_MS 60000 /* of look-ups, after a 429 that does not say how long */
#define HTTP_ANSWER_MAX (64 * 1024) /* bytes of an answer's body; it goes into the trail */
#define HTTP_LOOKUP_MAX (256 * 1024) /* of a look-up's: a list, read and forgotten */
#define HTTP_ITEM_MAX (4 * 1024 * 1024) /* of one item's of a poll: a mail with its HTML; its text alone is kept */

struct http_client;

struct http_client_settings {
	const struct config *config; /* borrowed for life */
	const char *state_dir; /* the outbox is its folder "outbox" */
	const char *ca_file; /* borrowed for life: authorities for https; NULL = the system's */
	adapter_secret_fn secret; /* asked when a request is made; NULL = there are none */
	void *secret_arg;
	int64_t (*now)(void *arg); /* wall clock, ms UTC */
	void *now_arg;
	bool played; /* the wall clock is a played one: its time is the pace's too */
	struct paces *paces; /* borrowed for life, shared with the flow; NULL = the client has its own */
	void (*note)(int priority, const char *line, void *arg); /* syslog priorities; ids only; may be NULL */
	void *note_arg;
};

struct http_provider_status {
	const char *name; /* borrowed for the client's life */
	bool outbox; /* of the built-in one: outcomes and in_flight alone */
	uint64_t outcomes[OUTCOME_COUNT]; /* of messages, since the start */
	uint64_t lookups[LOOKUP_FAILED + 1]; /* by enum lookup_result */
	uint64_t repeats_stopped; /* requests that libcurl would have sent a second time on its own */
	uint64_t slow_calls; /* of libcurl that held the loop up for more than 100 ms */
	size_t queued, in_flight;
	int64_t paused_ms, stopped_ms; /* left; 0 = it is asked */
	const struct pace *pace; /* borrowed; NULL: the outbox */
};

/* The settings are borrowed for the call unless said otherwise; of the library nothing. -errno: `err` says what cannot be opened. */
int http_client_create(struct event_base *base, const struct http_client_settings *settings, const struct library *library,
	struct http_client **ret, struct err *err);
/* Cuts what is on the wire; no callback afterwards. NULL is allowed. */
void http_client_destroy(struct http_client *client);
DEFINE_CLEANUP(struct http_client, http_client_destroy)

const struct transport_port *http_client_port(struct http_client *client);
/* After a reload: later requests follow this library, those under way keep what they began with. Nobody is paused or stopped any more. */
void http_client_use(struct http_client *client, const struct library *library);
/* Nothing new leaves from here on: what waits is TEMPORARY "stopping" at once. What is on the wire is waited for as before. */
void http_client_stop(struct http_client *client);
/*
 * The request of a poll, in the same queue, at the same pace and with the same token as messages. `fn` once, from the loop; `answer` NULL:
 * none came, or the provider is not to be asked now. In shadow mode nobody is. `adapter` and `poll` must outlive the call alone.
 */
typedef void (*http_asked_fn)(const struct http_answer *answer, void *arg);
void http_client_ask(struct http_client *client, const char *provider, const struct adapter *adapter, const struct poll *poll,
	const struct poll_position *position, http_asked_fn fn, void *arg);
/* The provider at `index`, in no particular order; false when there are no more. The last one is the outbox. */
bool http_client_status(const struct http_client *client, size_t index, struct http_provider_status *ret);

#endif
