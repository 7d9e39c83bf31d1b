/*
 * ports - what the flow asks of the world: small tables of functions. The daemon plugs in Redis, libcurl and the disk;
 * tests/sim plugs in seeded fakes and plays the same flow over months in one process.
 *
 * For all: a callback comes exactly once, from the loop, never before the starting call has returned. Inputs are
 * borrowed for the call only (an implementation copies what it keeps) unless said otherwise. Results are borrowed for
 * the callback only.
 */
#ifndef DUNNINGD_DAEMON_PORTS_H
#define DUNNINGD_DAEMON_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attempt.h"
#include "common/buf.h"
#include "common/frames.h"
#include "common/images.h"
#include "common/message.h"
#include "common/record.h"

/* --- clock and random --------------------------------------------------------------------------------------- */

typedef void (*timer_fn)(void *arg);
struct port_timer; /* the implementation's */

struct clock_port {
	void *self;
	int64_t (*now)(void *self); /* wall clock, ms UTC; under --clock the played one */
	int64_t (*mono)(void *self); /* real monotonic ms, counts suspend */
	struct port_timer *(*timer_create)(void *self, timer_fn fn, void *arg);
	void (*timer_destroy)(void *self, struct port_timer *timer);
	void (*timer_at)(void *self, struct port_timer *timer, int64_t wall); /* fires when now() >= wall, real cap 30 s: may fire early */
	void (*timer_in)(void *self, struct port_timer *timer, int64_t real_ms); /* monotonic */
	void (*timer_stop)(void *self, struct port_timer *timer);
	/* Tells a played clock whether something is in flight (then it must not jump) and the next due instant (0 = none). */
	void (*idle)(void *self, bool idle, int64_t next_due);
	/* NULL when the clock can be trusted, else a stable word: "clock_jump", "clock_before_log". */
	const char *(*doubt)(void *self);
};

struct random_port {
	void *self;
	void (*bytes)(void *self, void *ret, size_t len);
};

/* --- journal and keys ------------------------------------------------------------------------------------------ */

/* struct group_header and struct journal_group: common/frames.h */

typedef void (*journal_done_fn)(int r, void *arg);
/* During replay: return 0 to go on, anything else ends it and is returned. */
typedef int (*journal_replay_fn)(const struct journal_group *group, void *arg);

/* Of the log that was written last. */
struct journal_log {
	uint16_t year; /* 0: there is none */
	bool ended; /* its last group was decided in a later year than its own: it takes no more */
	uint16_t before; /* the year of the log before it; 0: there is none */
};

struct journal_port {
	void *self;
	/* The log that the next group goes to. `next_index` counts groups handed over, not only durable ones. */
	const char *(*origin)(void *self, uint16_t year); /* "trail.example.com/acme/host-a/2026" */
	uint64_t (*next_index)(void *self, uint16_t year);
	struct journal_log (*log)(void *self); /* likewise */
	/*
	 * Copies the group, and seals what is still plain in the copy; done(0) once it and every key that it uses is durable. Groups become durable in the order given.
	 * done(-ENOSPC): nothing of it is in the journal, and all that is under way fails likewise, with what is handed over before the
	 * last of those is told: then next_index has gone back. The caller may append again later. Any other error: the journal takes
	 * no more (-EIO for ever), the caller must end.
	 */
	void (*append)(void *self, const struct journal_group *group, journal_done_fn done, void *arg);
	/*
	 * At start only, synchronous: every whole group of the partition with pseq > above, in order. Reads only segments that can
	 * hold such groups. 0, what fn returned, or -errno.
	 */
	int (*replay)(void *self, uint32_t partition, uint64_t above, journal_replay_fn fn, void *arg);
	/* The last group of a partition: -ENOENT when there is none. And whether a group (pseq, id) is known: 1, 0, -errno. */
	int (*last)(void *self, uint32_t partition, struct group_header *ret);
	int (*knows)(void *self, uint32_t partition, uint64_t pseq, const uint8_t id[GROUP_ID_SIZE]);
	/* Reads one record body back from the disk (for a resend), synchronous. -ENOENT, -EBADMSG, -errno. */
	int (*read)(void *self, uint16_t year, uint64_t index, struct buf *body);
	/* Bytes cut off as a torn tail when it was opened; 0 = clean. */
	uint64_t (*recovered)(void *self);
	/*
	 * NULL: a journal that keeps what it is given. Else one that only listens, to these kinds of records: they come plain, the others
	 * empty, and what stands behind a record that lasts (parts, commitments, seals, after-images) is not made.
	 */
	bool (*hears)(void *self, const char *kind);
};

struct keys_port {
	void *self;
	/* -ENOENT: erased or never there. A class that was erased alone comes as zeros: case_keys_has(). */
	int (*open)(void *self, uint16_t year, uint32_t slot, struct case_keys *ret);
	/*
	 * A new slot with fresh class keys; the case key is `case_key` or, when NULL, fresh too. It becomes durable with (just before)
	 * the next group appended. -ENOSPC, -errno.
	 */
	int (*create)(void *self, uint16_t year, const uint8_t case_key[32], struct case_keys *ret);
	/*
	 * Deletes these class keys (bit per enum key_class) of a slot: from now on open() gives none of them (zeros; -ENOENT when no class
	 * is left), and they are gone from the disk before the next group that is appended becomes durable. What is not there is no error.
	 */
	void (*erase)(void *self, uint16_t year, uint32_t slot, unsigned classes);
};

/*
 * Stream positions are part of the group: IMAGE_HSET on the cursor key, field = whole stream key, value = id. The
 * commit itself writes the cursor's `pseq`, `group` and `writer`, and reads its `epoch`.
 */

/* --- store ------------------------------------------------------------------------------------------------------ */

#define STREAM_ID_SIZE 48

struct stream_position {
	const char *stream; /* whole key */
	char id[STREAM_ID_SIZE]; /* last id read; "0-0" at the beginning */
};

struct store_entry {
	size_t stream; /* index into the positions given */
	const char *id;
	const char *event; /* value of the one field `event`; NULL when there is none, or more than one */
	size_t len;
	const char *raw; /* when event is NULL: all fields as a JSON array of strings, for the dead letters */
	size_t raw_len;
};

struct store_value {
	const char *data; /* NULL = no such key */
	size_t len;
};

struct store_due {
	const char *member;
	int64_t at;
};

/* Where an instance's part of the history ended: the field `left <instance>` of the cursor, written by the one that took over. */
struct store_left {
	const char *instance;
	uint64_t pseq;
};

/* The partition's place in history, as in its `cursor` hash. */
struct store_cursor {
	bool present; /* false: the hash does not exist */
	uint64_t epoch, pseq;
	uint8_t group[GROUP_ID_SIZE];
	char writer[128];
	char run_id[REDIS_ID_SIZE], repl_id[REDIS_ID_SIZE]; /* of the server now (INFO), not of the hash */
	struct stream_position *streams; /* applied positions: the fields that are whole stream keys (they contain ':') */
	size_t stream_count;
	bool redo; /* the last commit was one of a redo */
	struct store_left *left;
	size_t left_count;
	bool rebuilt; /* ... by a person's `rebuild` of a store that had lost everything */
};

enum commit_status {
	COMMIT_APPLIED,
	COMMIT_ALREADY, /* pseq and group equal the cursor's: a lost reply, nothing to do */
	COMMIT_STALE, /* another epoch holds the partition: touch nothing, stop */
	COMMIT_GAP, /* the cursor is neither this group nor its predecessor: Redis went back or forward */
	COMMIT_BROKEN, /* applied, but for a write to a key that is of another kind: somebody else writes under our names */
};

/* One at a time; head and images must stand until it is done. */
struct store_commit {
	const struct group_header *head;
	uint64_t epoch; /* the caller's present lease epoch, compared with the cursor's; may be later than head->epoch on redo */
	const char *writer; /* instance name */
	const struct image *images;
	size_t image_count;
	bool redo; /* made again from the journal: the cursor says so until a commit that is not */
	bool rebuilt; /* ... and that it was a rebuild */
	bool rebuild; /* redo onto a store whose cursor is absent: the predecessor is not compared (epoch is, if present) */
};

typedef void (*store_replicated_fn)(int r, int64_t replicas, void *arg);
typedef void (*store_done_fn)(int r, void *arg); /* 0; -ENOTCONN/-ETIMEDOUT: unknown outcome; others below */
/*
 * `place` is the cursor's pseq and group as of after the read (same connection, behind it): a flushed or rolled-back store shows
 * at the next mark, not only at the next commit.
 */
struct store_place {
	bool present;
	uint64_t pseq;
	uint8_t group[GROUP_ID_SIZE];
};
typedef void (*store_entries_fn)(int r, const struct store_entry *entries, size_t count, const struct store_place *place,
	void *arg);
typedef void (*store_values_fn)(int r, const struct store_value *values, size_t count, void *arg);
typedef void (*store_due_fn)(int r, const struct store_due *due, size_t count, int64_t next, void *arg);
typedef void (*store_cursor_fn)(int r, const struct store_cursor *cursor, void *arg);
typedef void (*store_commit_fn)(int r, enum commit_status status, void *arg);
typedef void (*store_scan_fn)(int r, const char *next, const char *const *keys, const struct store_value *values, size_t count,
	void *arg);
/* granted: we hold the lease until `until_mono` (conservative: measured from the sending of the request). */
typedef void (*store_lease_fn)(int r, bool granted, uint64_t epoch, int64_t until_mono, const char *owner, void *arg);

/*
 * An entry at which so many lives ended is poison, where the last of them began so long after the first: lives that end one upon the other,
 * sooner than a service manager begins them, say more of who ends them than of it.
 */
#define POISON_TRIES 3
#define POISON_APART_S 8

/*
 * One partition of the store. r: 0; -ENOTCONN or -ETIMEDOUT: the outcome is unknown, run the idempotent call again once connected;
 * -EAGAIN: not executed, try later; -ENOSPC: Redis refuses writes; -EPERM: configuration; -EPROTO: state tampered with.
 */
struct store_port {
	void *self;
	/*
	 * block_ms 0: does not block. Blocking reads use a connection of their own. count is per stream. Behind a new connection another state
	 * of the server may answer: -ENOTCONN until the tails were asked.
	 */
	void (*read)(void *self, const struct stream_position *positions, size_t position_count, size_t count, int block_ms,
		store_entries_fn done, void *arg);
	void (*load)(void *self, const char *const *keys, size_t count, store_values_fn done, void *arg); /* MGET */
	void (*hash)(void *self, const char *key, store_values_fn done, void *arg); /* HGETALL: field, value, field, value ... */
	/* As load, but two values for each key: its own, and the instant when it ends, ms UTC in decimal; both NULL when it is not there. */
	void (*lasting)(void *self, const char *const *keys, size_t count, store_values_fn done, void *arg);
	/* Up to `limit` members with score <= now, soonest first; `next` = score of the first one after, 0 = none. */
	void (*due)(void *self, int64_t now, size_t limit, store_due_fn done, void *arg);
	void (*cursor)(void *self, store_cursor_fn done, void *arg);
	void (*commit)(void *self, const struct store_commit *commit, store_commit_fn done, void *arg);
	/* Takes or renews: PX ttl. An earlier process of the same owner is displaced only where it surely is gone: it held the lock that we hold. A new
	   owner gets epoch = max(cursor's, at_least) + 1, written to the cursor
	   (`writer` is written by commits alone: it names who made the last one). `held`: the caller's epoch, 0 = none: it keeps it
	   where the store lost the lease and nobody took a later one. ttl 0: only looks whose it is, "" = nobody's. */
	void (*lease)(void *self, const char *owner, int64_t ttl_ms, uint64_t at_least, uint64_t held, store_lease_fn done,
		void *arg);
	void (*release)(void *self, const char *owner, store_done_fn done, void *arg);
	/*
	 * Counts entry `id` as being tried, once an epoch however often it is asked, and gives the count (as the callback's epoch); id NULL
	 * clears it. One count a stream, of its next entry: the cursor's field `trying <stream>`. The try number POISON_TRIES is not counted
	 * until POISON_APART_S after the first, by the store's own clock.
	 */
	void (*trying)(void *self, const char *stream, const char *id, uint64_t epoch, store_lease_fn done, void *arg);
	void (*trim)(void *self, const struct stream_position *applied, size_t count, store_done_fn done, void *arg); /* MINID */
	/* Last id of each stream ("0-0" when absent), in place of positions[i].id: tells a flushed or restored stream. */
	void (*tails)(void *self, struct stream_position *positions, size_t count, store_done_fn done, void *arg);
	/* One entry of our own into a stream, an event. It may be added twice where the outcome is unknown. */
	void (*tell)(void *self, const char *stream, const char *event, size_t len, store_done_fn done, void *arg);
	/* How many replicas have all that was written before, waited for at most `timeout_ms`. Asked only where the configuration wants some. */
	void (*replicated)(void *self, int64_t wanted, int timeout_ms, store_replicated_fn done, void *arg);
	bool (*connected)(void *self);
	/*
	 * One step of a walk over the keys that match (glob), with their values where they are strings. It begins with cursor "0" and ends when `next` is "0"; what
	 * is there all the time comes at least once.
	 */
	void (*scan)(void *self, const char *cursor, const char *pattern, store_scan_fn done, void *arg);
	/* Takes these entries out of a stream so that nothing of them stays; all else of it stays as it is. */
	void (*scrub)(void *self, const char *stream, const char *const *ids, size_t count, store_done_fn done, void *arg);
};

/* --- transport ---------------------------------------------------------------------------------------------------- */

typedef bool (*transport_may_start_fn)(void *arg);
typedef void (*transport_done_fn)(const struct outcome *outcome, void *arg);
enum lookup_result { LOOKUP_FOUND, LOOKUP_MISSED, LOOKUP_FAILED };
typedef void (*transport_lookup_fn)(enum lookup_result result, const char *provider_id, void *arg);

struct transport_port {
	void *self;
	/*
	 * Starts the request for one message. may_start(arg) is asked exactly once, after connect and before the first byte, or
	 * never when no connection came about. done(arg) exactly once: CANCELLED if may_start said no; TEMPORARY if it was never asked;
	 * IN_DOUBT whenever bytes may have left and no full answer came. may_start() may be asked in another thread.
	 */
	void (*start)(void *self, const struct message *message, transport_may_start_fn may_start, transport_done_fn done,
		void *arg);
	void (*lookup)(void *self, const struct message *message, int64_t sent_at, transport_lookup_fn done, void *arg);
	/*
	 * Returns when no request is between its may_start() and its first byte. So what may_start() looks at, changed before this, holds for
	 * all of which nothing has left yet. NULL: may_start() is asked in the loop itself.
	 */
	void (*fence)(void *self);
	/* What lies here of these attempts is deleted: the outbox's files. Synchronous. -errno: try again later. NULL: nothing ever does. */
	int (*forget)(void *self, const char *const *attempt_ids, size_t count);
};

#endif
