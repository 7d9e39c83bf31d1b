/*
 * copies - what of a state directory lies in a store of copies: closed segments of the journal, and the key store. Pure; and the form in
 * which this is kept (common/FORMATS.md section 10). Instants are ms UTC.
 *
 * A segment is ciphertext that never changes again: it is copied once, and may be locked for a while. A file of the key store is what erasing
 * erases: its copy is replaced with it, never locked, and the only version that is left.
 */
#ifndef DUNNINGD_COMMON_COPIES_H
#define DUNNINGD_COMMON_COPIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/hash.h"

#define COPIES_PART_BYTES (8u << 20) /* a larger segment goes in parts of this size, so that memory is bounded */
#define COPIES_SEGMENT_SIZE 64 /* of a segment's name, with its NUL */

struct copies_shard { /* a file of the key store */
	uint16_t year;
	uint32_t number;
	char sum[2 * SHA256_SIZE + 1]; /* of the copy that lies there alone; "" = none does, as far as is known */
	int64_t erased; /* class keys that are gone from that copy */
	/* Not kept: the file as it was read last, and since when it has been another. */
	uint64_t inode;
	int64_t mtime_ns; /* 0 = not read since the start */
	int64_t changed_at; /* 0 = it is as copied */
	int64_t copied_at;
	bool urgent; /* it was written anew: keys were erased; or nobody knows yet */
	bool erasing; /* keys are gone from it that still lie in the copy */
};

struct copies { /* { 0 } is the beginning */
	char where[2 * SHA256_SIZE + 1]; /* digest of what names the store and the log: elsewhere nothing of this holds */
	char segment[COPIES_SEGMENT_SIZE]; /* the last one that is there, with all before it; "" = none */
	int64_t parts; /* of the next one that are there */
	struct copies_shard *shards; /* by year and number */
	size_t count, capacity;
};
void copies_clear(struct copies *copies);
/* Made when there is none. Valid until another one is made. */
struct copies_shard *copies_shard(struct copies *copies, uint16_t year, uint32_t number);

/*
 * Until when a segment of that year may be locked, when the shortest period of all is so many months: it counts from the beginning of the
 * year, so nothing in the segment can have to go earlier but what was over before that year. Ms UTC.
 */
int64_t copies_lock_until(uint16_t year, int months);

void copies_add(struct buf *out, const struct copies *copies); /* appends the file */
/* Into an empty one. -EBADMSG: no such file; `err` (may be NULL) says where. */
int copies_parse(const char *text, size_t len, struct copies *ret, struct err *err);

#endif
