/*
 * trail_files - the trail as it lies on the disk, read and never written: segments of the journal, and whether the keys are there. No
 * lock is taken: a running daemon may append meanwhile. Format: common/FORMATS.md.
 */
#ifndef DUNNINGD_TOOLS_TRAIL_FILES_H
#define DUNNINGD_TOOLS_TRAIL_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/frames.h"
#include "common/record.h"

/* What is wrong, and where. Strings live in the trail's arena. */
struct trail_finding {
	const char *file;
	uint64_t offset; /* of the byte in it */
	const char *code, *text; /* stable word, sentence */
};

struct walker;
struct trail_record {
	const char *origin; /* of its log, with the year */
	uint16_t year;
	uint64_t index;
	const char *file;
	uint64_t at; /* of its group in the file */
	int64_t decided_at; /* ms UTC */
	uint32_t partition;
	const char *leaf; /* LEAF_SIZE bytes */
	const struct record_body *body;
	struct walker *walker; /* for trail_gone() */
	bool opened; /* what follows is there */
	const char *text; /* the record, NUL-terminated */
	size_t len;
	const struct case_keys *keys;
};
bool trail_gone(const struct trail_record *record, size_t blob); /* the class key of that blob of the body was erased; during the call alone */
/* Borrowed for the call. 0 goes on, else it ends the walk and is given back. */
typedef int (*trail_record_fn)(const struct trail_record *record, void *arg);
typedef void (*trail_finding_fn)(const struct trail_finding *finding, void *arg);

struct trail_walk {
	const char *state_dir;
	const uint8_t *wrap_key; /* 32 bytes; NULL: records stay closed, and only what needs no key is verified */
	trail_record_fn record; /* may be NULL */
	trail_finding_fn finding; /* may be NULL */
	void *arg;
	bool rootless; /* `record` makes the trees itself: twice would be half of the work */
};

/* One log of the trail, for comparing it with a copy or with a signed checkpoint. */
struct trail_log {
	const char *origin; /* with the year */
	uint16_t year;
	bool complete; /* every leaf up to `size` was read; else there is no root */
	uint64_t size; /* leaves that were read */
	uint8_t root[SHA256_SIZE]; /* of the tree over them: RFC 6962 section 2.1; unless rootless */
};

struct trail_sum {
	uint64_t segments, groups, records, opened, parts, findings;
	uint64_t erased; /* blobs whose key was erased: legally gone */
	uint64_t takeovers; /* places where another instance wrote in between */
	uint64_t torn; /* bytes of a last write that is not whole: being written now, or cut off */
	int64_t first_at, last_at; /* decided_at of the first and last group; 0 = none */
	char head[2 * SHA256_SIZE + 1]; /* chain after the last whole group; "" = none */
	const char *origin; /* of the newest segment; lives in the arena given */
	const struct trail_log *logs; /* by year; in the same arena */
	size_t log_count;
};

/*
 * The folders with the trail's generations, the sealed ones first, in their order: each can be walked like a state directory. A sealed one's
 * keys are those of the state directory it lies in.
 */
const char **trail_generations(const char *state_dir, struct arena *arena, size_t *count);

/*
 * Walks the whole journal and verifies it. 0 when it could be walked, whatever was found; what `record` gave; -errno with `err` when the
 * folder cannot be read or the keys not be opened (-EKEYREJECTED: another wrap key).
 */
int trail_walk(const struct trail_walk *walk, struct arena *arena, struct trail_sum *ret, struct err *err);

#endif
