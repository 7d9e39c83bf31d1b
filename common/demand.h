/*
 * demand - what a letter of a kind that a law names must contain ("fr-mise-en-demeure", "be-first-reminder"). Pure. The kinds and their
 * fields are data (daemon/share/law/notices.json), each with its source.
 */
#ifndef DUNNINGD_COMMON_DEMAND_H
#define DUNNINGD_COMMON_DEMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "common/json.h"

struct demand_kind {
	const char *name;
	const char *const *required, *const *enclosures, *const *recommended; /* fields, NULL-terminated */
	int64_t wait_days; /* before the next step; 0 = none is named */
	const char *source, *certainty;
};

struct demands {
	struct demand_kind *kinds;
	size_t count;
};

/* Out of the section "notices" of the law data. */
int demands_read(struct arena *arena, const struct json *section, struct demands *ret, struct err *err);
const struct demand_kind *demand_kind(const struct demands *demands, const char *name); /* NULL = none */
/* Fields of `wanted` that are not among `fields` (both NULL-terminated), in their order; in the arena. */
const char *const *demand_missing(struct arena *arena, const char *const *wanted, const char *const *fields);
/* Whether a letter has it by its frame, whatever its text says: who writes, to whom, when, and where to answer (common/letter.h). */
bool demand_on_letterhead(const char *field);
/*
 * What one that is about to go lacks: the required fields and the enclosures of its kind that are not among `fields`. On paper the letter's
 * frame has some, and whoever posts it adds the enclosures. NULL-terminated, in the arena; nothing: it may go.
 */
const char *const *demand_lacks(struct arena *arena, const struct demand_kind *kind, const char *const *fields, bool on_paper);
/* {"notice": "fr-mise-en-demeure", "fields": [...]}: members of the answer, into an open object. */
int demand_answer(struct arena *arena, const struct demands *demands, const struct json *given, struct json_writer *w, struct err *err);

#endif
