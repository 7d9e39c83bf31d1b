/*
 * library_internal - shared by library.c and library_policies.c alone.
 */
#ifndef DUNNINGD_COMMON_LIBRARY_INTERNAL_H
#define DUNNINGD_COMMON_LIBRARY_INTERNAL_H

#include "common/library.h"

#define LIBRARY_FILE_MAX (256 * 1024) /* bytes of a policy, template or provider file */

/* A policy's file, in the order in which a later one replaces an earlier one of the same name. */
struct policy_file {
	const char *path, *name, *extends, *text; /* extends NULL: it stands alone */
	size_t len;
	bool own; /* the user's, not a shipped one */
	bool under_way; /* its base is being looked for */
	struct policy *policy; /* owned: whoever takes it leaves NULL */
};
struct policy_files {
	struct arena *arena; /* borrowed: all but the policies lies there */
	struct policy_file *files;
	size_t count, capacity;
};
void policy_files_clear(struct policy_files *files);
/*
 * The files of <share_dir>/policies, of `own_dir` and the one named `extra` (either may be NULL), each read as a whole with its base.
 * -EBADMSG or -errno; err->text names the file and the place in it.
 */
int policy_files_read(struct policy_files *files, const char *share_dir, const char *own_dir, const char *extra, struct err *err);
/* The same complaint, with the file in front. */
int library_refuse_file(const char *path, int r, const struct err *inner, struct err *err);

#endif
