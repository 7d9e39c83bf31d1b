/*
 * journal_leaves - the leaves of one year's log, in order, read from the journal's files by whoever needs them: beside the writer, from
 * another thread or another process. It holds nothing of struct journal; what is asked for must be durable already.
 */
#ifndef DUNNINGD_DAEMON_JOURNAL_LEAVES_H
#define DUNNINGD_DAEMON_JOURNAL_LEAVES_H

#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/record.h"

struct journal_leaves;

struct journal_leaves *journal_leaves_create(const char *state_dir, uint16_t year);
void journal_leaves_destroy(struct journal_leaves *leaves); /* NULL is allowed */
DEFINE_CLEANUP(struct journal_leaves, journal_leaves_destroy)

/*
 * The leaves [from, from + count), `count` * LEAF_SIZE bytes, out of frames whose checksum is right. Cheap where it goes on behind the call
 * before. -ENODATA: the journal ends before that; -EBADMSG: damage; -errno. `err` names file and byte.
 */
int journal_leaves_read(struct journal_leaves *leaves, uint64_t from, size_t count, char *ret, struct err *err);
/* The index of the first record in the last segment of that year, 0 when there is none. -errno. */
int journal_leaves_last_segment(struct journal_leaves *leaves, uint64_t *ret, struct err *err);
/* For a process that is not the daemon: how many leaves stand in the journal, by its last segment. */
int journal_leaves_count(struct journal_leaves *leaves, uint64_t *ret, struct err *err);
/* The years that have segments, ascending; in the arena. -errno. */
int journal_leaves_years(const char *state_dir, struct arena *arena, uint16_t **ret, size_t *count);

#endif
