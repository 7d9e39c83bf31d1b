/*
 * redo - a group of the journal as it is committed again: its after-images opened, in the order in which Redis takes them. For the start of the
 * daemon, and for `dunningctl rebuild`.
 */
#ifndef DUNNINGD_DAEMON_REDO_H
#define DUNNINGD_DAEMON_REDO_H

#include "daemon/ports.h"

struct redo_group {
	struct group_header head;
	struct image *images;
	size_t image_count;
};

/* Into a group that is all zeros; everything lies in the arena. What was erased is left out. -EBADMSG, -errno. */
int redo_open(const struct keys_port *keys, struct arena *arena, const struct journal_group *group, struct redo_group *ret);

/* How the last unbroken run of a partition's groups begins, each made behind the one before it. */
enum redo_begin {
	RUN_NONE, /* no group of the partition is there */
	RUN_PART, /* behind a group that is not there: the store cannot be made again from it alone */
	RUN_WHOLE, /* the partition itself begins with it */
	RUN_ADOPTED, /* it takes over all that the store had; for a sealed log, whose first group always does, done or not */
};

struct redo_run {
	enum redo_begin begin;
	struct group_header first; /* unless RUN_NONE */
};

/* A taking over of all that the store had, as the groups tell of it that are looked at in their order; zeros at first. */
struct redo_adoption {
	const char *origin; /* of the log that began one; NULL = none did */
	bool done;
};

/* `origin`: of the log that the group is in, without the year; must outlast the adoption. */
void redo_adoption_look(struct redo_adoption *adoption, const char *origin, const struct image *images, size_t count);
/* Reads all of the partition. `origin`: of the journal's log, without the year. `sealed`: it begins behind one that was. 0 or -errno. */
int redo_last_run(const struct journal_port *journal, const struct keys_port *keys, uint32_t partition, const char *origin, bool sealed,
	struct redo_run *ret);

#endif
