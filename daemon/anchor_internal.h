/* anchor_internal - shared by anchor.c, anchor_log.c, anchor_ask.c and anchor_copies.c: all but the mailbox belongs to the thread. */
#ifndef DUNNINGD_DAEMON_ANCHOR_INTERNAL_H
#define DUNNINGD_DAEMON_ANCHOR_INTERNAL_H

#include <pthread.h>
#include <sys/stat.h>

#include "common/copies.h"
#include "common/merkle.h"
#include "common/note.h"
#include "common/s3.h"
#include "common/timestamp.h"
#include "common/witness.h"
#include "daemon/anchor.h"
#include "daemon/http_client_wire.h"
#include "daemon/log_id.h"

/* --- anchor_log.c: one year's log, as its files tell ------------------------------------------------------ */

struct anchor_log {
	char *log_dir, *dir; /* <state>/log/<year>, <state>/anchors/<year> */
	uint16_t year;
	struct stat found; /* of the checkpoint when it was read */
	struct buf text; /* the checkpoint, byte for byte */
	struct checkpoint head; /* points into it; size 0: there is none */
	struct anchor_state state;
	bool set_back, dirty; /* dirty: the state is to be written */
	bool retold; /* what was given before the start, and not recorded, was told again */
	bool unread; /* told that its checkpoint cannot be read */
	struct anchor_log *next; /* an older year's */
};
/* Opens the year's state; one that cannot be read is begun anew, and *why says so. */
struct anchor_log *anchor_log_open(const char *state_dir, uint16_t year, const char **why);
void anchor_log_free(struct anchor_log *log);
/* Reads the checkpoint when it changed. 0, or -errno: nothing changes. -ERANGE: it is smaller than what was anchored. */
int anchor_log_look(struct anchor_log *log, int64_t now);
int anchor_log_save(struct anchor_log *log); /* when dirty */
/* Appends a file of the log; of a partial tile that is gone the beginning of the full one. -errno. */
int anchor_log_file(const struct anchor_log *log, const struct merkle_tile *tile, struct buf *ret);
int anchor_log_proof(const struct anchor_log *log, uint64_t size, uint64_t old, struct merkle_proof *ret);
/* Writes anchors/<year>/<size>/<name>; the checkpoint itself first. */
int anchor_log_keep(const struct anchor_log *log, uint64_t size, const struct slice *checkpoint, const char *name, const struct slice *bytes);

/* What each kind gives: the file that keeps it, and how it stands in the record. NULL: nothing. */
struct anchor_form {
	const char *suffix, *part, *media_type;
};
extern const struct anchor_form anchor_forms[];
int anchor_log_given(const struct anchor_log *log, const struct anchor_unrecorded *one, struct buf *ret); /* appends that file's bytes. -errno */

/* --- anchor_ask.c: one of those who vouch ----------------------------------------------------------------- */

struct anchor_job {
	struct arena *arena; /* of the request; NULL: none is under way */
	struct anchor_log *log;
	uint64_t size; /* of the checkpoint that it is about */
	struct slice checkpoint, origin; /* in the arena */
	int64_t asked_at;
	struct http_request http;
	struct timestamp_query query;
	struct slice asked, answer, crl; /* of a stamp, in the arena */
	struct timestamp stamp;
	struct witness_request witness;
	unsigned rounds; /* of a witness that knew another size */
	struct s3_upload upload;
	struct buf object; /* its bytes */
	struct arena *object_arena; /* of the requests about it */
	unsigned stage, part; /* of a copy */
};

/* --- anchor_copies.c: the journal and the key store in a store of copies ---------------------------------- */

struct anchor_target;

struct anchor_copies {
	struct copies state;
	struct anchor_mark tries; /* failures and when to try again: of this alone */
	char told[ANCHOR_WORD_SIZE]; /* the failure last told */
	bool grave, alarm_told; /* grave: a person must look, however long it has been */
	bool wanted; /* all of it now */
	struct anchor_copies_status status;
	/* What is under way. */
	struct arena *arena; /* NULL: nothing is */
	struct s3_store store;
	struct s3_upload upload;
	struct http_request http;
	struct buf object; /* its bytes */
	const char *key; /* its name there */
	void (*uploaded)(struct anchor_target *target);
	char segment[COPIES_SEGMENT_SIZE];
	bool whole, last_part; /* of the segment */
	uint16_t year; /* of the shard, and so on */
	uint32_t number;
	uint64_t inode;
	int64_t mtime_ns;
	char sum[2 * SHA256_SIZE + 1];
	bool had_copy;
	struct s3_versions versions;
	size_t at; /* the version that is deleted next */
	unsigned lists;
	int64_t deleted;
};

struct anchor_target {
	struct anchors *anchors;
	const struct anchor_settings *settings;
	struct wire *wire;
	struct timestamp_trust *trust;
	struct buf roots; /* PEM, kept beside each stamp */
	struct note_key key;
	struct http_signer signer;
	char *authorization, *id, *secret; /* secrets: cleansed */
	struct s3_store store;
	struct anchor_job job;
	struct anchor_copies copies; /* beside the job */
	char told[ANCHOR_WORD_SIZE]; /* the failure last told */
	bool alarm_told, crl_told;
	bool looked; /* since the start it was asked, and answered or could not be reached */
};
int anchor_target_check(const struct anchor_settings *settings, struct timestamp_trust **trust, struct buf *roots, struct err *err);
void anchor_ask(struct anchor_target *target, struct anchor_log *log, int64_t now); /* begins a job */
void anchor_job_clear(struct anchor_job *job);

void anchor_copies_open(struct anchor_target *target);
void anchor_copies_close(struct anchor_target *target); /* when its wire is gone */
void anchor_copies(struct anchor_target *target, int64_t now, bool want); /* looks what there is, and begins with what is due */

/* --- anchor.c ----------------------------------------------------------------------------------------------- */

int64_t anchor_now(void); /* ms UTC */
const char *anchor_state_dir(const struct anchors *anchors);
const char *anchor_origin(const struct anchors *anchors); /* of the logs, without the year */
const char *anchor_keys_origin(const struct anchors *anchors);
int anchor_lock_months(struct anchors *anchors);
bool anchor_trusted(const struct anchors *anchors); /* nobody outside has more of the log than is here, as far as could be asked */
void anchor_publish(struct anchors *anchors); /* its status is what is shown from now on */
void anchor_erased(struct anchors *anchors, const struct anchor_erased_record *record);
struct anchor_mark *anchor_mark_of(const struct anchor_target *target, struct anchor_log *log);
void anchor_note(struct anchors *anchors, int priority, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Ends the target's job: it vouched for the job's size, as of `at`. `record` may be NULL. */
void anchor_job_done(struct anchor_target *target, int64_t at, const struct anchor_token_record *record);
void anchor_job_nothing(struct anchor_target *target); /* ends it: neither here nor there is anything of that log */
void anchor_job_failed(struct anchor_target *target, const char *word, const char *text);
void anchor_stamp_kept(struct anchors *anchors, struct anchor_log *log, uint64_t size, const char *name); /* the stores copy it */

#endif
