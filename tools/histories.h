/*
 * histories - the journals of all instances that led a partition, put together: each group names its predecessor, so that the partition's history
 * is one chain, whoever wrote its parts. What another instance superseded is in no chain. Read and never written.
 */
#ifndef DUNNINGD_TOOLS_HISTORIES_H
#define DUNNINGD_TOOLS_HISTORIES_H

#include "common/err.h"
#include "common/frames.h"
#include "tools/projection.h"

struct histories;
/*
 * Takes the locks of the state directories; their sealed generations are read as well. -EBUSY: a daemon runs on one. -EKEYREJECTED: another
 * wrap key. -EBADMSG: a journal is damaged. -errno. `err` names the file.
 */
int histories_open(const char *const *state_dirs, size_t count, const uint8_t wrap_key[32], struct histories **ret, struct err *err);
void histories_close(struct histories *histories); /* NULL is allowed */
DEFINE_CLEANUP(struct histories, histories_close)

struct history_end {
	uint64_t groups; /* 0: nobody ever led the partition; the rest is empty then */
	uint64_t pseq, epoch; /* of its last group. `epoch`: the greatest of any group */
	uint8_t id[GROUP_ID_SIZE];
	char instance[128]; /* that wrote it */
	size_t journals; /* that have parts of it */
};
/* The partition's history, applied. -ENOENT: a part of it is in none of the journals; `err` says which. -EBADMSG, -errno. */
int histories_play(struct histories *histories, const char *prefix, uint32_t partition, struct projection *projection, struct history_end *ret, struct err *err);

#endif
