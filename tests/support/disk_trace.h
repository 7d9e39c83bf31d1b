/*
 * disk_trace - what a program did to the files of one folder, as strace saw it, and what a power cut at any moment may have left of it.
 *
 * The model is that of POSIX, weaker than any file system of Linux: only fsync() and fdatasync() make a file's bytes and size durable,
 * only an fsync() of the folder its entries. Of what came later each sector of 512 bytes may be on the disk or not, and of a folder's
 * entries any beginning.
 */
#ifndef DUNNINGD_TESTS_SUPPORT_DISK_TRACE_H
#define DUNNINGD_TESTS_SUPPORT_DISK_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

/* For strace: -f -y -xx -s <large> -e trace=DISK_TRACE_CALLS */
#define DISK_TRACE_CALLS                                                                                                          \
	"openat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,ftruncate,fallocate,fsync,fdatasync,write,pwrite64,writev,sendto"

enum disk_op_kind { DISK_CREATE, DISK_MKDIR, DISK_RENAME, DISK_UNLINK, DISK_WRITE, DISK_SIZE, DISK_SYNC, DISK_SENT };

struct disk_op {
	enum disk_op_kind kind;
	size_t began, ended; /* lines of the trace */
	const char *path, *to; /* relative to the folder; "" = itself. SENT: none */
	uint64_t offset; /* of WRITE; SIZE: the new size */
	bool grows; /* SIZE: only if it was smaller */
	const char *data; /* of WRITE and SENT */
	size_t len;
};

struct disk_trace {
	struct arena *arena;
	struct disk_op *ops; /* those that succeeded, in the order in which they ended */
	size_t count, capacity, lines;
};

/* Reads a trace of strace. Fails the test when it cannot be understood. */
void disk_trace_read(struct disk_trace *trace, const char *path, const char *folder);
void disk_trace_free(struct disk_trace *trace);

/* How much of what is not durable is there after all. */
enum disk_luck { DISK_NOTHING, DISK_ALL, DISK_SOME };
/* Makes `folder` (must not be there) what a cut after that line of the trace may leave. */
void disk_trace_rebuild(const struct disk_trace *trace, size_t line, enum disk_luck luck, uint64_t seed, const char *folder);
/* What was read under that name at that line, while the power was on: in the arena, NUL-terminated; NULL = no such file. */
const char *disk_trace_file(const struct disk_trace *trace, size_t line, const char *path, struct arena *arena, size_t *len);

#endif
