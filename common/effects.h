/*
 * effects - what a decision wants done beside the changed documents: trail records, events for others, tasks. Pure: only noted here;
 * the commit turns them into journal frames and store writes.
 */
#ifndef DUNNINGD_COMMON_EFFECTS_H
#define DUNNINGD_COMMON_EFFECTS_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/hash.h"
#include "common/json.h"
#include "common/record.h"

/* A trail record or an outbound event being written: fill `w` (an open JSON object) with its own members. */
struct draft {
	const char *kind; /* "attempt.intent"; or the event type */
	const char *debtor_id; /* the case; NULL = the system case (records), or none (events) */
	const char *invoice_id; /* events: subject */
	const char *actor; /* "daemon", or "person:<who>" */
	const char *hold; /* hold.opened, hold.ended: its reason; else NULL */
	bool opens; /* of a hold: it begins */
	struct buf data; /* members without the braces */
	struct json_writer w;
	struct part parts[RECORD_PARTS_MAX];
	size_t part_count;
	uint64_t index; /* of its leaf, once the commit placed it */
	char leaf_hash[2 * SHA256_SIZE + 1]; /* hex; from then on */
	struct draft *next;
};

struct task {
	const char *id; /* "call:<invoice>:<step>" */
	const char *kind; /* "call", "post", "decision", "reconcile", "unknown_attempt", "no_address", "review" ... */
	const char *debtor_id;
	const char *const *invoice_ids;
	size_t invoice_count;
	const char *step, *role, *reason; /* NULL = none */
	const char *owner; /* a person by name; NULL = as the customer says */
	int64_t opened_at, deadline; /* ms UTC */
	const char *script; /* calls: what to say; letters: to whom; replies: what they wrote; personal data. NULL = none */
	const void *document; /* letters: the PDF to be printed; NULL = none */
	size_t document_len;
	bool close; /* remove it */
	const char *result; /* when closing: "done", "expired", "obsolete" */
	struct task *next;
};

struct effects {
	struct arena *arena;
	int64_t now;
	const char *actor; /* of what is being decided */
	struct draft *records, **records_end;
	struct draft *events, **events_end;
	struct task *tasks, **tasks_end;
};

void effects_init(struct effects *fx, struct arena *arena, int64_t now);
/* The drafts live in the arena; write members through ->w. */
struct draft *effects_record(struct effects *fx, const char *kind, const char *debtor_id);
void draft_part(struct draft *draft, const char *name, const char *media_type, enum key_class class, const void *data,
	size_t len);
struct draft *effects_event(struct effects *fx, const char *type, const char *debtor_id, const char *invoice_id);
const char *task_kind(const char *id); /* of a task that a step waits for: "call" or "post", what its id begins with */
/* Opens (or renews: same id) a task, and tells others; or closes it. `task` is copied shallowly. */
struct draft *effects_task(struct effects *fx, const struct task *task);

#endif
