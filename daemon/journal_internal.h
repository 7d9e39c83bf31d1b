/* journal_internal - what journal.c, journal_history.c, journal_leaves.c and journal_writer.c share. For them only. */
#ifndef DUNNINGD_DAEMON_JOURNAL_INTERNAL_H
#define DUNNINGD_DAEMON_JOURNAL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "common/frames.h"
#include "daemon/journal.h"

#define JOURNAL_SUFFIX ".journal"
#define JOURNAL_NAME_SIZE 64

/* "<first write>-<year>-<first index>.journal": sorts in the order of writing, also when a clock goes back over New Year. */
void journal_name(const struct frames_segment *head, char ret[JOURNAL_NAME_SIZE]);
int journal_read_at(int fd, void *ret, size_t len, uint64_t offset); /* -ENODATA: the file is too short */
/* Reserves `size` bytes for a file that now has `used`. Not having them is no error: then the file grows as it is written. -errno */
int journal_preallocate(int fd, uint64_t used, uint64_t size);

/* A window over a file, so that a walk from frame to frame is not a system call each. */
struct journal_window {
	int fd; /* borrowed */
	uint64_t file_end; /* nothing is read behind it */
	uint64_t base;
	size_t ahead; /* how much the next reading takes; 0 at first */
	struct buf bytes;
};
/* `len` bytes of the file, valid until the next call; NULL: they are not there, or cannot be read. */
const uint8_t *journal_window_get(struct journal_window *window, uint64_t at, size_t len);

/* --- where every partition and log stands after some group -------------------------------------- */

struct standing {
	struct frames_mark *marks; /* by partition. `above`: numbers that the present segment takes are greater */
	size_t mark_count, mark_capacity;
	struct frames_log *logs; /* by year */
	size_t log_count, log_capacity;
	uint16_t newest; /* year of the log that was written last, or of its segment; 0: there is none */
	bool ended; /* that one: see struct journal_log */
};

void standing_clear(struct standing *standing);
void standing_copy(struct standing *to, const struct standing *from);
void standing_load(struct standing *standing, const struct frames_segment *head);
struct frames_mark *standing_mark(struct standing *standing, uint32_t partition, bool add); /* NULL: none */
uint64_t standing_index(const struct standing *standing, uint16_t year);
struct journal_log standing_log(const struct standing *standing);
void standing_advance(struct standing *standing, const struct group_header *head, uint64_t records);

/* --- what is durable, as the loop knows it --------------------------------------------------------- */

struct place { /* a group's first record frame: where a search may begin */
	uint64_t index, at;
};

struct segment {
	char name[JOURNAL_NAME_SIZE];
	struct frames_segment head;
	uint64_t end; /* last segment: behind the last durable group. Others: the file's size */
	struct place *places; /* owned; one every PLACE_EVERY bytes at most */
	size_t place_count, place_capacity;
};
#define PLACE_EVERY (256u << 10)

struct history {
	struct arena *arena;
	const char *path; /* of the folder */
	int dir; /* owned */
	struct segment *segments; /* in the order of writing */
	size_t count, capacity;
	struct standing standing; /* after the last durable group */
	struct group_header *lasts; /* the last group of partitions that were asked for, or wrote since the last segment began */
	size_t last_count, last_capacity;
	struct err damage;
};

/*
 * Reads all headers and the last segment; *ret tells how that one ends, and is untouched when there is none. h->path and h->dir are
 * set by the caller. -EBADMSG also for FRAMES_CORRUPT.
 */
int history_load(struct history *h, const char *origin, struct frames_end *ret, struct err *err);
void history_clear(struct history *h);
int history_add_segment(struct history *h, const char *name, const void *header, size_t len);
void history_add_group(struct history *h, const struct group_header *head, uint64_t records, uint64_t at, uint64_t end);

int history_replay(struct history *h, uint32_t partition, uint64_t above, journal_replay_fn fn, void *arg);
int history_last(struct history *h, uint32_t partition, struct group_header *ret);
int history_knows(struct history *h, uint32_t partition, uint64_t pseq, const uint8_t id[GROUP_ID_SIZE]);
int history_read(struct history *h, uint16_t year, uint64_t index, struct buf *body);

/* --- the writer thread --------------------------------------------------------------------------------- */

/* A group on its way: the loop's, then the writer's, then the loop's again; never both's. One block of memory. */
struct pending {
	struct pending *next;
	struct journal_group group; /* its slices point behind this struct */
	size_t size; /* of its frames */
	journal_done_fn done;
	void *arg;
	uint64_t generation; /* of the handing over; see struct writer */
	/* results */
	int r;
	uint64_t at, end; /* its place in the segment */
	bool leads_write; /* the first of its write: counts it */
	int64_t sync_us; /* of its fdatasync(), of such a first one */
	struct buf begun; /* header of the segment that was begun for it; empty: none. Also when r < 0 */
};

struct pending_list {
	struct pending *first, **last; /* last: where the next one is hung; set by pending_list_init() */
};
void pending_list_init(struct pending_list *list);
void pending_list_add(struct pending_list *list, struct pending *pending);
void pending_list_move(struct pending_list *to, struct pending_list *from); /* to its end; `from` is empty then */
struct pending *pending_list_pop(struct pending_list *list);
void pending_free(struct pending *pending);

struct writer {
	/* set before the start, constant */
	int dir; /* borrowed */
	const char *origin; /* without the year; borrowed */
	uint64_t segment_bytes;
	struct keystore *keys; /* may be NULL */
	int notify; /* eventfd: something is in `finished`. Borrowed */
	/* guarded by the mutex */
	pthread_mutex_t mutex;
	pthread_cond_t work;
	struct pending_list queue, finished;
	bool stop;
	/* the thread's own */
	pthread_t thread;
	bool started;
	int fd; /* the open segment, -1: none. Owned */
	struct frames_segment head; /* its; only what the encoder needs stays valid */
	bool fresh; /* no group in it yet */
	uint64_t end; /* where the next write goes */
	uint8_t chain[SHA256_SIZE];
	uint64_t next_write;
	struct standing standing;
	atomic_bool broken; /* a sync or write failed: nothing is written any more. Read by others too */
	/*
	 * When a write finds no space, all groups of its generation and before fail too: their leaf indexes are void. The loop begins a
	 * new generation when it hears of it.
	 */
	uint64_t failed_generation;
	struct buf bytes; /* of one write; kept for its memory */
};

int writer_start(struct writer *writer); /* -errno */
void writer_hand_over(struct writer *writer, struct pending_list *groups);
void writer_take_finished(struct writer *writer, struct pending_list *ret);
void writer_stop(struct writer *writer); /* waits for the thread; frees everything but the writer itself */

#endif
