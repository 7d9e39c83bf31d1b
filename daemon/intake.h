/*
 * intake - what providers told, from events to the inbound streams: whom each is about (our id, the provider's, or the address), then into
 * the stream of its partition, once however often it is told. Done when Redis has it.
 *
 * What names its message by the provider's id alone may come before we know that id: before the answer that has it is committed, or while
 * the attempt is in doubt. Then it waits in Redis, in a stream of its own, while there is an attempt at that provider that may be its, and for
 * INTAKE_WAIT_MS at most; any instance looks after all that wait.
 */
#ifndef DUNNINGD_DAEMON_INTAKE_H
#define DUNNINGD_DAEMON_INTAKE_H

#include <stdint.h>

#include <event2/event.h>

#include "common/adapter_hook.h"
#include "common/config.h"
#include "common/redis_links.h"

#define INTAKE_REDIS_MS 4000 /* shorter than a connection's deadline: 503 in time is better than silence */

#define INTAKE_BODY_MS (INT64_C(30) * 24 * 3600 * 1000) /* bytes beside an event are kept in Redis until the trail has them, and for so long at most */
#define INTAKE_WAITS "receipts" /* the stream of those that wait: dunning:{0}:receipts */
#define INTAKE_WAIT_MS (INT64_C(7) * 24 * 3600 * 1000)
#define INTAKE_WAITS_KEPT 5000 /* of more the oldest do not wait on ... */
#define INTAKE_WAITS_MAX 10000 /* ... and a request that would make more of them is not taken */

/* Where events come from. */
struct hook_origin {
	const char *provider, *source; /* source: "/hooks/mail" */
	const struct hook *hook; /* NULL: no provider's, but our own link (unsubscribe) */
	const struct hook_request *request;
	bool verified, alone; /* alone: the request tells nothing else, so its whole body belongs to this debtor */
	int64_t now;
};

struct intake_settings {
	const struct config *config; /* borrowed for life */
	const struct redis_url *redis;
	const uint8_t *install_key; /* 32 bytes, borrowed for life */
	int64_t (*now)(void *arg); /* ms UTC, as in struct hook_origin */
	void *now_arg;
	void (*note)(int priority, const char *line, void *arg); /* never an address, a secret or a text */
	void *note_arg;
};

enum intake_end {
	INTAKE_SAVED,
	INTAKE_UNSAVED, /* Redis did not say that it has it: all of it comes again, and nothing of it twice */
	INTAKE_REPLAYED, /* what counts only once came with another body before */
};

struct intake_result {
	enum intake_end end;
	size_t added, known; /* of the events */
	size_t lost; /* those of our own link whose attempt is known no more: they are not saved, as they would change nothing */
};
typedef void (*intake_done_fn)(const struct intake_result *result, void *arg);

struct intake_batch { /* all of it borrowed until done */
	struct arena *arena; /* for whatever is needed until then */
	const struct adapter *adapter; /* NULL as well then: the event names its attempt */
	const struct hook_origin *origin;
	const struct hook_event *events;
	size_t count; /* those that are ignored are passed over */
	const char *once; /* NULL; see struct hook_proof */
	int64_t seen_ms; /* how long they are known; told again, as long anew */
};

struct intake;

struct intake *intake_create(struct event_base *base, const struct intake_settings *settings);
/* What is under way is dropped without its callback. NULL is allowed. */
void intake_destroy(struct intake *intake);
DEFINE_CLEANUP(struct intake, intake_destroy)
/* `done` once; perhaps before this returns. */
void intake_take(struct intake *intake, const struct intake_batch *batch, intake_done_fn done, void *arg);
struct redis_links *intake_links(struct intake *intake);

struct attempt_entry;
struct intake_proof { /* the bytes that prove it, by their digests in hex: made once, for however many debtors it is told of */
	const char *body_sha256; /* the request's */
	const char *apart_sha256; /* of what goes beside it, see intake_event_apart(); NULL = nothing does */
	bool apart_stays; /* another event behind this one, in its stream, names the same */
};
/*
 * intake_event.c: one event as it goes into the stream. `entry` NULL: nobody knows which attempt it is about. `by_address`: it is the last
 * one that went to the address, which says whom the event is about, and of a reply what it answers, but not what became of the message.
 */
void intake_event_write(struct buf *out, const struct hook_origin *origin, const struct hook_event *event, const struct intake_proof *proof,
	const struct attempt_entry *entry, bool by_address);
/*
 * The bytes that prove it, where they are too long for an event: they go beside it, by their digest, which stands in it. Those of the whole request
 * when it is about this debtor alone. False: they stand in the event, or they are of anybody, who could fill Redis and the trail with them: of those
 * no more is kept than an event holds.
 */
bool intake_event_apart(const struct hook_origin *origin, const struct hook_event *event, struct slice *ret);
/*
 * One that waited, as it was written without an entry: the same, once it is known whom it is about. `entry` NULL: nobody knows; `given_up`: nor
 * will anybody, though it may be about a message of ours, so that a person must look where it says that this one did not arrive.
 * -EBADMSG: it is not such a text.
 */
int intake_event_claim(struct buf *out, const char *text, size_t len, const struct attempt_entry *entry, bool by_address, bool given_up);

#endif
