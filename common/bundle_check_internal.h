/* What the files of bundle_check have in common. */
#ifndef DUNNINGD_COMMON_BUNDLE_CHECK_INTERNAL_H
#define DUNNINGD_COMMON_BUNDLE_CHECK_INTERNAL_H

#include "common/bundle_check.h"
#include "common/hash.h"
#include "common/note.h"

#define YEARS_MAX 64

struct log {
	const char *year, *origin; /* folder; name of the key */
	struct note_key key;
	struct slice note; /* the checkpoint's file */
	struct checkpoint checkpoint;
	uint8_t (*tags)[SHA256_SIZE]; /* of all its leaves, sorted; NULL: they are not in the bundle */
	uint64_t stamped, witnessed; /* leaves of the largest checkpoint that an authority stamped, a witness signed; 0 = none */
};

struct anchored { /* a smaller checkpoint of a log, which grew out of it; for which a third party may have vouched */
	struct log *log;
	const char *folder; /* log/<year>/anchored/<size> */
	struct slice note;
	struct checkpoint checkpoint;
};

struct tag_key { /* one of the case's files: a debtor has one in each log, and another one after each take-over */
	const struct log *log;
	uint8_t key[SHA256_SIZE];
	uint64_t next; /* number of records seen */
	uint64_t last_index;
	uint8_t last_hash[SHA256_SIZE];
};

struct checking {
	const struct bundle *bundle;
	const struct bundle_checking *how;
	struct arena *arena; /* the bundle's */
	struct err *err;
	struct log logs[YEARS_MAX];
	size_t log_count;
	struct tag_key *keys;
	size_t key_count, key_capacity;
	struct anchored *anchors;
	size_t anchor_count, anchor_capacity;
	const char **once; /* said already, and not said again for each stamp */
	size_t once_count, once_capacity;
	size_t unchecked; /* cosignatures of whom no key is there */
	size_t all, stamped, witnessed; /* records, the daemon's too; those in a checkpoint that was stamped, that a witness signed */
	size_t records, opened, parts, closed_parts;
	size_t seen; /* files of records that were looked at */
};

/* One line. `text` is borrowed for the call. */
void check_say(const struct checking *c, const char *name, enum check_state state, const char *text);
void check_good(const struct checking *c, const char *name, const char *text);
int check_refuse(const struct checking *c, const char *name, const char *path, const char *text); /* -EBADMSG, with the line and `err` */
const struct bundle_file *check_find(const struct checking *c, const char *folder, const char *name); /* NULL = none */
char *check_text(const struct checking *c, const struct bundle_file *file); /* a copy that ends with '\0' */

/* Earlier checkpoints, and whoever vouched for them: before the records, which are counted against them, and what to say behind those. */
int check_anchors(struct checking *c);
void check_say_anchors(const struct checking *c);

#endif
