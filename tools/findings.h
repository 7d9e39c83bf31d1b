/*
 * findings - what is as it should be and what is not, each with what to do: the common form of `status` and `doctor`. Pure but for what it
 * is told.
 */
#ifndef DUNNINGD_TOOLS_FINDINGS_H
#define DUNNINGD_TOOLS_FINDINGS_H

#include "common/json.h"
#include "tools/view.h"

enum grade {
	GRADE_OK,
	GRADE_NOTE, /* good to know; nobody needs to do anything */
	GRADE_WARN, /* a person should look at it, in working hours */
	GRADE_FAIL, /* nothing is sent, or something can be lost: now */
	GRADE_COUNT
};
extern const char *const grade_names[GRADE_COUNT + 1]; /* "ok", "note", "warn", "fail" */

struct finding {
	enum grade grade;
	const char *code; /* stable word: "clock_doubt" */
	const char *what; /* a sentence */
	const char *todo; /* a command, or words; NULL = nothing */
};

struct findings {
	struct arena *arena;
	struct finding *items;
	size_t count, capacity;
};

/* `code` and `todo` are borrowed, and live as long as the arena. */
void findings_add(struct findings *findings, enum grade grade, const char *code, const char *todo, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
size_t findings_of(const struct findings *findings, enum grade grade); /* how many */
bool findings_well(const struct findings *findings); /* no warning and no failure */
/* One line: "Well: nothing needs you." or "NOT WELL: 1 thing needs you now, 2 can wait for the morning." */
const char *findings_verdict(const struct findings *findings);
/* Worst first, in the order in which they were added. `all`: also what is ok. */
const struct table *findings_table(const struct findings *findings, bool all);

/* What the daemon's own status (GET /status of the control socket) says. */
void findings_daemon(struct findings *findings, const struct json *status);

/* What stands in Redis of one partition. */
struct book_look {
	uint32_t partition;
	int64_t now, dead, tasks, tasks_late, in_doubt, oldest_due; /* ms UTC; oldest_due 0 = no timer */
	const char *suspended; /* NULL = not */
	int64_t suspended_until; /* 0 = until a person says otherwise */
	bool played; /* the clock is: nothing can be said of lateness */
	bool held; /* the daemon says that it holds sending, or it does not answer */
};
void findings_book(struct findings *findings, const struct book_look *look);

#endif
