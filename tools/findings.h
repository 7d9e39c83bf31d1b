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
	const char *what; /* a sentence, with the partitions of which it is true, if that is said */
	const char *sentence, *where; /* the same without them, and they: "1, 4"; NULL = not said */
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
/* The same of a partition; said of several in the same words it is one finding. `partition` -1: there is one only. */
void findings_add_in(struct findings *findings, int64_t partition, enum grade grade, const char *code, const char *todo, const char *format, ...)
	__attribute__((format(printf, 6, 7)));
size_t findings_of(const struct findings *findings, enum grade grade); /* how many */
bool findings_well(const struct findings *findings); /* no warning and no failure */
/* One line: "Well: nothing needs you." or "NOT WELL: 1 thing needs you now, 2 can wait for the morning." */
const char *findings_verdict(const struct findings *findings);
/* Worst first, in the order in which they were added. `all`: also what is ok. */
const struct table *findings_table(const struct findings *findings, bool all);

/* So many entries of the law data; once, whoever tells of it first: what lies here, or what the daemon has loaded. */
void findings_law(struct findings *findings, uint64_t ran_out, uint64_t soon);
/* What the daemon's own status (GET /status of the control socket) says. */
void findings_daemon(struct findings *findings, const struct json *status);
/*
 * Whether something keeps the daemon from looking at what is due in this partition, which is told already. What another instance leads is not held:
 * that nobody looks at it must show.
 */
bool findings_held(const struct json *status, uint32_t partition);

/* What stands in Redis, of all partitions together. */
struct book_look {
	int64_t now; /* ms UTC */
	uint32_t partitions; /* looked at so far */
	int64_t dead, tasks, tasks_late, in_doubt;
	int64_t oldest_due; /* ms UTC: of the timers that nothing holds back; 0 = none */
	const char *suspended; /* NULL = not */
	int64_t suspended_until; /* 0 = until a person says otherwise */
	uint32_t suspended_in; /* so many partitions */
	bool played; /* the clock is: nothing can be said of lateness */
};
void findings_book(struct findings *findings, const struct book_look *look);

/* --- findings_system.c: what the daemon stands on -------------------------------------------------------------------------------------- */

struct redis_look {
	const char *info; /* the answer to INFO; NULL: it is not allowed */
	const char *const *settings; /* name, value ... of CONFIG GET; NULL: it is not allowed */
	size_t setting_count; /* names and values */
	int64_t replicas; /* that the configuration wants */
	bool fails_over; /* a cluster, or behind sentinels: another server may become the primary */
	bool checked; /* redis.check_settings: the daemon does not start with wrong ones */
};
void findings_redis(struct findings *findings, const struct redis_look *look);

struct disk_look {
	const char *path;
	uint64_t bytes, bytes_free, inodes, inodes_free; /* inodes 0: the file system has no such limit */
	uint64_t segment; /* of the journal */
};
void findings_disk(struct findings *findings, const struct disk_look *look);

struct clock_look {
	int64_t now; /* ms UTC */
	bool known, synced; /* known: the kernel says whether it is synchronised */
	int64_t last_record; /* ms UTC, of the trail; 0 = none is known */
};
void findings_clock(struct findings *findings, const struct clock_look *look);

/* `version`: what ICU has; `system`: what lies in /usr/share/zoneinfo. "2025b"; "" = unknown. */
void findings_tz(struct findings *findings, const char *version, const char *system, date today);

/* Until when a provider's webhooks can be verified, ms UTC; 0: its certificate cannot be read. */
void findings_certificate(struct findings *findings, const char *provider, const char *setting, int64_t until, int64_t now);

struct path_look {
	const char *path, *what; /* "the state directory" */
	unsigned mode; /* st_mode */
	uint32_t uid, owner; /* its own, and the one it should have */
	bool secret; /* nobody else may read it; else nobody else may write to it */
};
void findings_path(struct findings *findings, const struct path_look *look);

#endif
