/*
 * bundle - an evidence bundle: files by path, their manifest, and the zip file that holds the same. Pure: over bytes in memory. Written
 * so that the same files give the same bytes, and read so strictly that nothing else is taken. Format: common/FORMATS.md.
 */
#ifndef DUNNINGD_COMMON_BUNDLE_H
#define DUNNINGD_COMMON_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/err.h"

#define BUNDLE_PATH_MAX 200 /* bytes of a path */
#define BUNDLE_FILES_MAX 65000
#define BUNDLE_MANIFEST "manifest"

struct bundle_file {
	const char *path; /* "records/0001/leaf": bundle_path_valid() */
	struct slice data;
};
struct bundle { /* { .arena = ... } is an empty one */
	struct arena *arena;
	struct bundle_file *files; /* by path, in byte order, once sorted */
	size_t count, capacity;
};

/* Relative, of letters, digits and "._-" between slashes, no part of it beginning with a dot: it leads nowhere else, on any system. */
bool bundle_path_valid(const char *path);
/* Both are copied into the bundle's arena. */
void bundle_add(struct bundle *bundle, const char *path, const void *data, size_t len);
void bundle_sort(struct bundle *bundle);
const struct bundle_file *bundle_find(const struct bundle *bundle, const char *path); /* of a sorted one; NULL = none */

/*
 * The text of the manifest: its version, then digest and path of each file but itself, in their order, as sha256sum writes them. It is the
 * text of a signed note when the log key was at hand.
 */
void bundle_manifest(const struct bundle *bundle, struct buf *out);
/* That the files are those of this text, none more and none less. -EBADMSG and `err`: which one is not. */
int bundle_manifest_check(const struct bundle *bundle, const void *text, size_t len, struct err *err);

/* --- zip ---------------------------------------------------------------------------------------- */

/* Appends the zip file: stored, not compressed; all times 1980-01-01. -EFBIG: 4 GiB or more. PKWARE APPNOTE 6.3.10, 4.3. */
int bundle_zip(const struct bundle *bundle, struct buf *out);
/* Reads what bundle_zip() wrote, byte for byte; data are borrowed. -EBADMSG: anything else. The bundle must be empty. */
int bundle_unzip(const void *data, size_t len, struct bundle *bundle, struct err *err);

#endif
