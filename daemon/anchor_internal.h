/* anchor_internal - shared by anchor.c, anchor_log.c and anchor_ask.c: all but the mailbox belongs to the thread. */
#ifndef DUNNINGD_DAEMON_ANCHOR_INTERNAL_H
#define DUNNINGD_DAEMON_ANCHOR_INTERNAL_H

#include <pthread.h>
#include <sys/stat.h>

#include "common/merkle.h"
#include "common/note.h"
#include "common/s3.h"
#include "common/timestamp.h"
#include "common/witness.h"
#include "daemon/anchor.h"
#include "daemon/http_client_wire.h"

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

struct anchor_target {
	struct anchors *anchors;
	const struct anchor_settings *settings;
	struct wire *wire;
	struct timestamp_trust *trust;
	struct buf roots; /* PEM, kept beside each stamp */
	struct note_key key;
	struct wire_signer signer;
	char *authorization, *id, *secret, *scope; /* secrets: cleansed */
	struct s3_store store;
	struct anchor_job job;
	char told[ANCHOR_WORD_SIZE]; /* the failure last told */
	bool alarm_told, crl_told;
	bool looked; /* since the start it was asked, and answered or could not be reached */
};
int anchor_target_check(const struct anchor_settings *settings, struct timestamp_trust **trust, struct buf *roots, struct err *err);
void anchor_ask(struct anchor_target *target, struct anchor_log *log, int64_t now); /* begins a job */
void anchor_job_clear(struct anchor_job *job);

/* --- anchor.c ----------------------------------------------------------------------------------------------- */

int64_t anchor_now(void); /* ms UTC */
struct anchor_mark *anchor_mark_of(const struct anchor_target *target, struct anchor_log *log);
void anchor_note(struct anchors *anchors, int priority, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Ends the target's job: it vouched for the job's size, as of `at`. `record` may be NULL. */
void anchor_job_done(struct anchor_target *target, int64_t at, const struct anchor_token_record *record);
void anchor_job_failed(struct anchor_target *target, const char *word, const char *text);
void anchor_stamp_kept(struct anchors *anchors, struct anchor_log *log, uint64_t size, const char *name); /* the stores copy it */

#endif
