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

#endif
