/*
 * limitation - until when a claim can be brought, and what begins that period anew. Pure; the careful reading throughout: the due date
 * plus the period, no extension for week-ends, and what is not known to help does not help.
 */
#ifndef DUNNINGD_COMMON_LIMITATION_H
#define DUNNINGD_COMMON_LIMITATION_H

#include <stdbool.h>
#include <stddef.h>

#include "common/date.h"
#include "common/json.h"

enum claim_event { CLAIM_FORMAL_NOTICE, CLAIM_ACKNOWLEDGMENT, CLAIM_PART_PAYMENT, CLAIM_EVENT_COUNT };
extern const char *const claim_event_names[CLAIM_EVENT_COUNT + 1];

struct limitation_rule {
	const char *name, *country, *debtor; /* "FR", "GB-SCT"; "consumer", "business", NULL = any */
	int years;
	bool to_year_end; /* DE: counted from the end of the year of the due date */
	unsigned restarts; /* bit per enum claim_event */
	const char *source, *certainty;
};

struct limitation {
	struct limitation_rule *rules;
	size_t count;
};

struct claim_fact {
	enum claim_event kind;
	date at;
};

/* Out of the section "limitation" of the law data. */
int limitation_read(struct arena *arena, const struct json *section, struct limitation *ret, struct err *err);
/*
 * The last day on which it is safe to act: the soonest that any rule for this country (of all its parts: "GB") and debtor gives.
 * `facts` in the order of their dates; one that comes too late changes nothing. debtor: "consumer", "business", another word or NULL =
 * either may be. NULL: no rule is known.
 */
const struct limitation_rule *limitation_last_day(const struct limitation *limitation, const char *country, const char *debtor, date due,
	const struct claim_fact *facts, size_t count, date *ret);
/* {"country": "FR", "debtor": "business", "due": "2021-11-30", "events": [...]}: members of the answer, into an open object. */
int limitation_answer(struct arena *arena, const struct limitation *limitation, const struct json *given, struct json_writer *w,
	struct err *err);

#endif
