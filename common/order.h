/*
 * order - what a person tells the daemon: an operator.command, with who and why, for the operator's stream. Pure; dunningctl and the dashboard
 * write it.
 */
#ifndef DUNNINGD_COMMON_ORDER_H
#define DUNNINGD_COMMON_ORDER_H

#include <stdint.h>

#include "common/json.h"

/* until 0, and the others NULL = not given. */
struct order {
	const char *command, *target, *why, *step, *decision;
	const char *policy, *policy_digest, *from_digest; /* migrate: to, and from which version */
	int64_t until; /* ms UTC */
	int64_t time; /* ms UTC; 0 = now */
	void (*more)(struct json_writer *w, const void *arg); /* members of its own, NULL = none */
	const void *more_arg;
};

/* Appends the event. `id` and `source` name it: one that is told twice counts once. `time`: of the order, where it does not say another. */
void order_event(struct buf *out, const struct order *order, const char *id, const char *source, const char *who, int64_t time);
/* The invoice that a task's id names: "decision:INV-1:formal" -> "INV-1". An invoice's own id is given back. In the arena. */
const char *order_invoice(struct arena *arena, const char *target);
/*
 * The command that ends this task, in the arena, where "task done" says too little: what came of a call, what was decided, what became of our
 * word. NULL: "task done" ends it.
 */
const char *order_instead(struct arena *arena, const char *task);
/* 0; or -EBADMSG, and `err` says which command ends this task. */
int order_may_be_done(struct arena *arena, const char *task, struct err *err);

#endif
