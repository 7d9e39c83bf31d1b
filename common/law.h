/*
 * law - rates, calendars, terms, periods: what the computations stand on, as dated data (daemon/share/law/), never constants.
 * Pure but for law_load().
 *
 * All law files are parts of one document whose members are sections ("rates", "holidays", "terms" ...). A section holds entries by
 * name, and every entry says where it comes from: `source`, `certainty`, and `as_of` unless the file's holds. The user's own files are
 * laid over the shipped ones member by member: a value replaces a value, an object goes on inside, null takes a member away.
 */
#ifndef DUNNINGD_COMMON_LAW_H
#define DUNNINGD_COMMON_LAW_H

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"
#include "common/date.h"
#include "common/deadlines.h"
#include "common/demand.h"
#include "common/err.h"
#include "common/fees.h"
#include "common/guard.h"
#include "common/holidays.h"
#include "common/interest.h"
#include "common/json.h"
#include "common/limitation.h"
#include "common/terms.h"

/* How sure an entry is. */
enum law_certainty {
	LAW_FOUND, /* an official text, or a page that quotes it, was seen */
	LAW_KNOWN, /* general knowledge: check it before a case depends on it */
	LAW_OURS, /* no law: our own choice */
	LAW_CERTAINTY_COUNT
};
extern const char *const law_certainty_names[LAW_CERTAINTY_COUNT + 1]; /* "found", "known", "ours" */

#define LAW_WARN_DAYS 60 /* before an entry runs out it is told so long */

/* What is asked of the engines stands here, parsed; everything lies in `arena` and never changes. */
struct law {
	struct arena *arena;
	struct json document; /* the merged sections */
	struct law_file *files;
	size_t file_count;
	struct law_entry *entries;
	size_t entry_count;
	struct holidays *holidays; /* NULL: no file speaks of them, as for the others */
	struct terms *terms;
	struct fees fees; /* these are empty where no file speaks of them */
	struct interest_rules interest;
	struct limitation limitation;
	struct demands demands;
	struct guard_rules guard;
	struct procedures *procedures;
	struct keeping *keeping; /* section "retention" */
};

struct law_text { /* a law file. Borrowed for the call */
	const char *path; /* for complaints */
	const char *json; /* comments are allowed */
	size_t len;
	bool own; /* the user's, laid over what came before; else shipped */
};

/*
 * Merges the files in the order given and parses every section. 0 and *ret, freed with law_free(); -EBADMSG: `err->path` is the place,
 * and `err->text` names file, place and reason. A section of which no file speaks is empty, and what needs it is refused when asked.
 */
int law_parse(const struct law_text *texts, size_t count, struct law **ret, struct err *err);
int law_read_engines(struct law *law, const char **section, struct err *err); /* of law_parse(): the members above. *section: where it failed */
void law_free(struct law *law); /* NULL is allowed */
DEFINE_CLEANUP(struct law, law_free)

/* Reads <share_dir>/law/ (*.json), then own_dir/ (NULL = none), by name. -errno or -EBADMSG, and `err->text` names the file. */
int law_load(const char *share_dir, const char *own_dir, struct law **ret, struct err *err);

/* One section, as it stands after the merge; JSON_NONE: no file has it. */
struct json law_section(const struct law *law, const char *name);

struct law_entry {
	const char *section, *name;
	const char *source;
	enum law_certainty certainty;
	date as_of; /* the day on which it was looked up */
	date known_until; /* its last day; none = it does not run out by itself */
	const char *own_file; /* the user's file that spoke last about it; NULL = as shipped */
	struct json value;
};
/* How it stands on a day: it holds, it runs out within LAW_WARN_DAYS, it has run out. */
enum law_state { LAW_CURRENT, LAW_RUNS_OUT, LAW_RAN_OUT, LAW_STATE_COUNT };
extern const char *const law_state_names[LAW_STATE_COUNT + 1]; /* "holds", "runs_out", "unknown" */
enum law_state law_entry_state(const struct law_entry *entry, date today);
/* Every entry, in the order of the sections and of the files. */
size_t law_entries(const struct law *law, const struct law_entry **ret);
/* The last day of the last half-year of "values": {"2025H2": ...} with no gap before it; none: there is no value. */
date law_values_until(const struct json *values);

#endif
