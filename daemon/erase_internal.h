/* erase_internal - what erase.c, erase_decide.c and erase_carry.c share. For them only. */
#ifndef DUNNINGD_DAEMON_ERASE_INTERNAL_H
#define DUNNINGD_DAEMON_ERASE_INTERNAL_H

#include "common/erasure.h"
#include "daemon/flow.h"

enum erase_step {
	STEP_FIND, /* by night: walks over the debtors */
	STEP_DEBTORS,
	STEP_INVOICES,
	STEP_TASKS,
	STEP_JUDGE, /* the target in hand */
	STEP_REFUSE, /* group: what may not go is recorded */
	STEP_REKEY, /* group: what stays is journaled anew under keys that stay */
	STEP_ERASE, /* group */
	STEP_CARRY, /* keys and files */
	STEP_STREAMS,
	STEP_CLOSE, /* group: it is done */
};

#define REKEY_MAX 200 /* documents in one group */

struct target {
	const char *id;
	struct debtor *debtor; /* NULL: unknown */
	struct erasure_invoice *invoices;
	size_t invoice_count, invoice_capacity;
	struct erasure_task *tasks;
	size_t task_count, task_capacity;
	struct erasing work; /* what is to be done once it is recorded */
};

struct erase_job {
	struct dunner *dunner;
	struct arena *arena;
	enum erase_step step;
	bool nightly, resumed, yes;
	unsigned classes;
	int until_year;
	const char *who, *why;
	struct target *targets;
	size_t count, capacity, at;
	char cursor[48]; /* of the walk under way */
	const char **keys; /* of the debtors' documents */
	/* of the target in hand */
	bool stale, rekeyed, waits; /* waits: its input is queued or in a group */
	int tries;
	const char **kept; /* invoices whose documents stay */
	size_t kept_count, kept_at;
	size_t stream;
	struct stream_position read_at;
	const char **drop;
	size_t drop_count, drop_capacity;
	size_t erased, refused;
	bool retry, told; /* a step failed, and that was logged */
};

/* erase.c */
void erase_go(struct erase_job *job, enum erase_step step); /* takes this step */
void erase_again_later(struct erase_job *job); /* the step in hand failed: it is taken once more in a second */

/* erase_decide.c */
struct target *erase_in_hand(struct erase_job *job);
const struct zone *erase_zone(const struct dunner *d); /* the creditor's */
struct erasure_request erase_request(const struct erase_job *job);
void erase_plan(struct erase_job *job, const struct target *target, const struct debtor *debtor, struct arena *arena,
	struct erasure_plan *ret);
struct erasing erase_copy_work(struct arena *arena, const struct erasing *work);
void erase_say(struct erase_job *job, const struct target *target, const struct erasure_plan *plan, bool done); /* for who asked */

/* erase_carry.c */
void erase_carry(struct erase_job *job); /* keys and files; then erase_read_stream() */

void erase_next(struct erase_job *job); /* the next target, or the end */
void erase_read_stream(struct erase_job *job); /* one page of one stream; then the next one, then the group that closes it */

#endif
