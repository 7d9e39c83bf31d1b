/*
 * lint_internal - what the parts of lint share: rules by number, places, who may be meant by which steps.
 */
#ifndef DUNNINGD_COMMON_LINT_INTERNAL_H
#define DUNNINGD_COMMON_LINT_INTERNAL_H

#include <stdint.h>

#include "common/lint.h"

enum lint_kind {
	LINT_BAD_FILE,
	LINT_BAD_ORDER,
	LINT_TONE_FALLS,
	LINT_UNREACHABLE,
	LINT_BUNCHED,
	LINT_CAP_NEVER_KEPT,
	LINT_CAP_OF_LAW,
	LINT_CAP_IDLE,
	LINT_SAME_DAY,
	LINT_CALL_OVERLAPS,
	LINT_BELOW_MINIMUM,
	LINT_FIRM_BEFORE_DUE,
	LINT_HARSH_FIRST,
	LINT_THREAT_EARLY,
	LINT_THREAT_ALONE,
	LINT_THREAT_UNNAMED,
	LINT_THREAT_TWICE,
	LINT_THREAT_LATE,
	LINT_LEGAL_UNDECIDED,
	LINT_LEGAL_UNAPPROVED,
	LINT_HOLD_UNWARNED,
	LINT_FEE_WITHOUT_GROUND,
	LINT_FEE_EARLY,
	LINT_FEE_BY_CONTRACT,
	LINT_UNKNOWN_REGIME,
	LINT_BEYOND_LIMITATION,
	LINT_UNLAWFUL,
	LINT_UNKNOWN_NOTICE,
	LINT_NOTICE_INCOMPLETE,
	LINT_NO_TEMPLATE,
	LINT_BAD_TEMPLATE,
	LINT_NO_LANGUAGE,
	LINT_UNREAD_LANGUAGE,
	LINT_NO_PROVIDER,
	LINT_NO_ATTACHMENTS,
	LINT_NO_LETTER,
	LINT_UNKNOWN_SENDER,
	LINT_BAD_SENDER,
	LINT_UNKNOWN_ROLE,
	LINT_KIND_COUNT
};

#define LINT_POLICY SIZE_MAX /* no step: the policy as a whole */

/*
 * Which steps one debtor can meet: a kind of debtor in a country with a balance in a currency. Tags and days past due are left open, since a debtor
 * may have any of them.
 */
struct lint_audience {
	const char *kind; /* of customer */
	const char *country; /* one that a step names; NULL = any other */
	uint32_t steps; /* bit per step */
};

struct lint {
	const struct lint_input *input;
	const struct policy *policy;
	const struct regime *late; /* the law that its fees stand on; NULL = none is named, or known */
	struct lint_report *report;
	struct lint_audience *audiences; /* no two of the same kind, country and steps */
	size_t audience_count, audience_capacity;
};

/* Adds one; `member` of the step ("at"; NULL = the step itself), or the whole path when it begins with '$'. */
void lint_add(struct lint *l, enum lint_kind kind, size_t step, const char *member, const char *code, const char *format, ...)
	__attribute__((format(printf, 6, 7)));
bool lint_contacts(const struct step *step); /* a message or a call */
bool lint_lists(const char *const *words, const char *word); /* NULL lists all */
const char *lint_country(const struct lint *l, const struct lint_audience *audience); /* the audience's, else the creditor's; NULL */
/* Whether both surely count from the same day, and then at most how many days `late` lies behind `early`. */
bool lint_distance(const struct policy *policy, size_t early, size_t late, int64_t *most);

void lint_rhythm(struct lint *l); /* lint_rhythm.c: caps, gap, calls */
void lint_regime(struct lint *l); /* lint_law.c: sets l->late */
void lint_lawful(struct lint *l, size_t step);
void lint_caps_of_law(struct lint *l);
void lint_texts_of(struct lint *l, size_t step); /* lint_texts.c */
void lint_texts_agreed(struct lint *l); /* of promises, plans and payments */

#endif
