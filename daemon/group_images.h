/*
 * group_images - a journal's group as the writes that it was: its after-images, opened with the keys of their cases and put into the order in which
 * a store takes them.
 */
#ifndef DUNNINGD_DAEMON_GROUP_IMAGES_H
#define DUNNINGD_DAEMON_GROUP_IMAGES_H

#include "daemon/ports.h"

/* What was erased is not among them. They live in the arena. 0, -EBADMSG, -errno of the keys. */
int group_images_open(const struct journal_group *group, const struct keys_port *keys, struct arena *arena, struct image **ret, size_t *count);

int entry_order(const char *a, const char *b); /* ids of stream entries: below 0, 0, above 0 */

#endif
