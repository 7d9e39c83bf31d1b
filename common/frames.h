/*
 * frames - the bytes of a journal segment: header, frames, closing frames; and the scan that tells whole groups from a torn tail
 * and from corruption. Pure: over bytes in memory, so that the simulator's disk and the real one share it. Format: common/FORMATS.md.
 */
#ifndef DUNNINGD_COMMON_FRAMES_H
#define DUNNINGD_COMMON_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/hash.h"
#include "common/record.h"

#define REDIS_ID_SIZE 41
#define GROUP_ID_SIZE 16

struct group_header {
	uint32_t partition;
	uint64_t pseq; /* +1 per group of the partition, from 1 */
	uint64_t epoch; /* the lease epoch it was decided under */
	uint8_t id[GROUP_ID_SIZE];
	uint8_t predecessor[GROUP_ID_SIZE]; /* all zero for the first */
	char run_id[REDIS_ID_SIZE], repl_id[REDIS_ID_SIZE]; /* Redis identity at decision time */
	uint16_t year; /* of the log: its origin is <configured origin>/<year> */
	uint64_t first_index; /* leaf index of its first record in that log */
	int64_t decided_at; /* ms UTC */
};

struct journal_group {
	struct group_header head;
	const struct slice *records; /* bodies by record_body_add() */
	size_t record_count;
	/*
	 * Bodies: u8 number of blobs, then blobs; the group id is the associated data; the content of each is a run of image_add()
	 * entries. They are applied in order of frames, blobs, entries.
	 */
	const struct slice *images;
	size_t image_count;
	/* Blobs in them that are still plain, for whoever writes the group: frames_seal(). `body` counts the records, then the images. */
	struct seal *seals;
	size_t seal_count;
};

/* Seals what is still plain, in the bodies themselves, which must be the caller's to write to. Wipes the keys. */
void frames_seal(struct journal_group *group);

/*
 * Where a partition stands at the beginning of a segment. `pseq` and `id`: its last group before. `above`: its groups in this segment
 * have greater numbers. That is `pseq`, but after a take-over and return, when groups of ours were superseded and numbers go back:
 * such a group begins a segment, and `above` is the number before its own. So within a segment numbers only grow.
 */
struct frames_mark {
	uint32_t partition;
	uint64_t pseq;
	uint8_t id[GROUP_ID_SIZE];
	uint64_t above;
};

/* The next leaf index of a log (one a year) at the beginning of a segment. */
struct frames_log {
	uint16_t year;
	uint64_t next_index;
};

#define SEGMENT_RANDOM_SIZE 16

struct frames_segment {
	const char *origin; /* of the log, with the year: "trail.example.com/acme/host-a/2026" */
	uint16_t year;
	uint64_t first_index; /* leaf index of the first record in it */
	uint64_t first_write; /* no write in it has a smaller number; numbers never repeat in a journal */
	uint8_t previous[SHA256_SIZE]; /* the chain at the end of the segment before; zeros for the first */
	uint8_t random[SEGMENT_RANDOM_SIZE]; /* part of every CRC: stale bytes of another segment never pass */
	const struct frames_mark *marks; /* by partition, ascending */
	size_t mark_count;
	const struct frames_log *logs; /* by year, ascending; other years too */
	size_t log_count;
	/* Results of frames_segment_add() and _read(): */
	size_t size; /* of the header: where the first frame begins */
	uint8_t digest[SHA256_SIZE]; /* of the header: the chain begins with it */
};

/* Appends the header and fills size and digest. */
void frames_segment_add(struct buf *out, struct frames_segment *segment);
/* Bytes that the header takes, by its first FRAMES_START_SIZE ones; 0: this is no segment. */
#define FRAMES_START_SIZE 24
#define FRAMES_HEADER_MAX (16u << 20)
size_t frames_segment_size(const void *start, size_t len);
/* -EBADMSG. Everything lies in the arena. */
int frames_segment_read(const void *bytes, size_t len, struct arena *arena, struct frames_segment *ret);
/* The mark of a partition, NULL when there is none. */
const struct frames_mark *frames_mark_find(const struct frames_segment *segment, uint32_t partition);

/*
 * Appends a group's frames. `out` holds one write, all that one fdatasync covers: it is empty for the write's first group. `chain` is
 * the segment's (its digest at first) and becomes the one after this group.
 */
void frames_group_add(struct buf *out, const struct frames_segment *segment, uint64_t write, const struct journal_group *group,
	uint8_t chain[SHA256_SIZE]);
size_t frames_group_size(const struct journal_group *group); /* bytes that it will take */

enum frames_tail {
	FRAMES_CLEAN, /* behind the last group there is nothing, or zeros */
	FRAMES_TORN, /* the last write did not reach the disk whole: cut at `end` */
	FRAMES_CORRUPT, /* damage with a later write behind it: refuse */
};

struct frames_end {
	enum frames_tail tail;
	size_t end; /* behind the last whole group */
	size_t damage; /* first byte of the frame that is wrong; equals `end` or lies behind it. CLEAN: equals `end` */
	size_t dropped; /* TORN: bytes from `end` to the last that is not zero */
	uint64_t next_index; /* leaf index after the last whole group */
	uint64_t last_write; /* greatest write number seen, whole groups or not; first_write - 1 when none was */
	uint8_t chain[SHA256_SIZE]; /* at `end` */
};

/* `at`: offset of the group's first frame. Everything is borrowed from the scanned bytes and the scan. 0 goes on, else ends it. */
typedef int (*frames_group_fn)(const struct journal_group *group, size_t at, void *arg);

/*
 * Walks a whole segment (header included; `segment` from frames_segment_read()) and yields its whole groups in order; `fn` may be NULL.
 * 0 and *ret, or what fn returned. A damaged segment is not an error here: see ret->tail.
 */
int frames_scan(const void *bytes, size_t len, const struct frames_segment *segment, frames_group_fn fn, void *arg,
	struct frames_end *ret);

/* A single frame, for a reader that looks for one record and skips the rest. */
enum frame_type { FRAME_RECORD = 1, FRAME_IMAGES, FRAME_CLOSE };
#define FRAME_HEADER_SIZE 29
#define FRAME_BODY_MAX (256u << 20)

struct frame {
	enum frame_type type;
	uint64_t write;
	uint64_t index; /* of the record; else the one that the next record has */
	uint32_t write_offset; /* from the first byte of its write */
	uint32_t crc;
	struct slice body; /* may reach beyond the bytes given: compare `size` before touching it */
	size_t size; /* header and body */
};

/* By the header alone: false when no frame begins here, or less than its header was given. */
bool frame_peek(const void *bytes, size_t len, struct frame *ret);
/* Whether the CRC is right; all frame->size bytes must be there. */
bool frame_valid(const struct frames_segment *segment, const void *bytes, const struct frame *frame);

#endif
