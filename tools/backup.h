/* backup - what cmd_backup makes and cmd_restore puts back: a folder with state/, unread.ndjson and a manifest of digests. */
#ifndef DUNNINGD_TOOLS_BACKUP_H
#define DUNNINGD_TOOLS_BACKUP_H

#include "tools/cmd.h"

#define BACKUP_FORMAT 1
#define BACKUP_MANIFEST "manifest.json"
#define BACKUP_MANIFEST_MAX (256u << 20)

struct backup_sum {
	struct json manifest;
	int64_t made_at; /* ms UTC */
	uint64_t groups, records;
	int64_t last_at; /* ms UTC: when the journal's last group was decided; 0 = it has none */
};
/*
 * That every file is there with its digest and no other is, that it is this configuration's, and that its journal is whole. 0 or an exit code,
 * said already.
 */
int backup_verify(struct ctl *ctl, const char *dir, struct backup_sum *ret);

#endif
