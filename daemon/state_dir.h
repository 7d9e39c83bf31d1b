/*
 * state_dir - what in a state directory is the daemon's own, whose it is, and where. The folders of other instances may lie beside it
 * (StateDirectory=dunningd/NAME): they are nobody's business here. Blocking.
 */
#ifndef DUNNINGD_DAEMON_STATE_DIR_H
#define DUNNINGD_DAEMON_STATE_DIR_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"

/* All that is made there, NULL-terminated; the journal is the first. */
extern const char *const state_dir_names[];
/* Whether `path`, from the state directory, is one of these or lies below one. */
bool state_dir_has(const char *path);
/* Gives it, with the directory itself, to a user: what is theirs already is not touched. -errno; `err` (may be NULL) names the directory. */
int state_dir_give(const char *state_dir, uid_t uid, gid_t gid, struct err *err);
/* To the directory's own user: for what root made there beside the daemon, who could not open it. */
int state_dir_give_back(const char *state_dir, struct err *err);


#define BOOT_ID_SIZE 40
/* Of the running system, as the kernel writes it, or without dashes as the unit hands it over (its /proc has no /proc/sys); "" = not to be had. */
void boot_id_read(char ret[BOOT_ID_SIZE]);

#define STATE_DIR_HOME_SIZE 17
/*
 * Where a process that holds the lock lives, as hexadecimal digits: this boot of this computer, and this very lock file. Whoever holds that lock knows of
 * every earlier process of this home that it is gone; a copy of the directory, and a clone of the computer, are other homes. "" = nothing can be
 * told, as where the boot's id is not to be had.
 */
void state_dir_home(const char *state_dir, char ret[STATE_DIR_HOME_SIZE]);

#endif
