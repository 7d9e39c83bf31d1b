/*
 * log_files - the files of one year's signed log below the state directory (common/FORMATS.md section 9), written so that a name always
 * stands for a whole file: beside it, synced, renamed. Paths are relative to the state directory.
 */
#ifndef DUNNINGD_DAEMON_LOG_FILES_H
#define DUNNINGD_DAEMON_LOG_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/merkle.h"

#define LOG_PATH_SIZE 128

struct log_files;

/* -errno. */
int log_files_open(const char *state_dir, uint16_t year, struct log_files **ret);
void log_files_close(struct log_files *files); /* without another sync; NULL is allowed */
DEFINE_CLEANUP(struct log_files, log_files_close)

char *log_files_tile(const struct log_files *files, const struct merkle_tile *tile, char ret[LOG_PATH_SIZE]);
char *log_files_head(const struct log_files *files, char ret[LOG_PATH_SIZE]);
char *log_files_checkpoint(const struct log_files *files, char ret[LOG_PATH_SIZE]);

/* Appends the file's bytes: -ENOENT, -EFBIG above `max`, -errno. */
int log_files_read(struct log_files *files, const char *path, size_t max, struct buf *ret);
/* Whether a tile's file is there, with as many bytes as its width says; of entries, not empty. */
bool log_files_has(struct log_files *files, const struct merkle_tile *tile);

/*
 * What follows is on the disk only after log_files_sync(). -ENOSPC: nothing of it is there, and it may be tried again; -EIO: the process
 * must end, for nobody knows what is on the disk.
 */
enum log_put { LOG_PUT_NEW, LOG_PUT_SAME, LOG_PUT_MENDED };
/* Creates, or compares: a file with other bytes is -EEXIST, or is replaced when `mend`. */
int log_files_put(struct log_files *files, const char *path, const void *bytes, size_t len, bool mend);
int log_files_replace(struct log_files *files, const char *path, const void *bytes, size_t len);
int log_files_sync(struct log_files *files);
/* Removes the partial files of a tile that is full now. */
int log_files_drop_partial(struct log_files *files, const struct merkle_tile *tile);

#endif
