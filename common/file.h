/*
 * file - whole files in and out, and folders. One of the few modules in common/ that does I/O.
 */
#ifndef DUNNINGD_COMMON_FILE_H
#define DUNNINGD_COMMON_FILE_H

#include <stddef.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/err.h"

/* Appends the whole file. -errno; -EFBIG above `max`. `err` (may be NULL) names the file: code "unreadable". */
int file_read(const char *path, size_t max, struct buf *ret, struct err *err);
/*
 * Appends what is left of the file, but of zeros at its end a page at most: a file that is reserved at its full length is looked at piece by
 * piece, and only what was written takes memory. For formats of which nothing ends in that many zeros. -errno.
 */
int file_read_written(int fd, struct buf *ret);
/* Writes a temporary file beside it, fsyncs, renames, fsyncs the folder: readers see the old or the new one. -errno. */
int file_replace(const char *path, const void *data, size_t len, unsigned mode);
/* All but the last: for many in one folder, which file_sync_dir() of any of them then makes last. */
int file_replace_unsynced(const char *path, const void *data, size_t len, unsigned mode);
int file_sync_dir(const char *path); /* of the folder that `path` lies in: a name in it is there for good. -errno */
int file_make_dirs(const char *path, unsigned mode); /* like mkdir -p; 0 when it exists */
/* Names (not paths) of the entries that end in `suffix`, sorted by bytes, without "." files. Strings in the arena. */
int file_list(struct arena *arena, const char *dir, const char *suffix, char ***ret, size_t *count);

#endif
