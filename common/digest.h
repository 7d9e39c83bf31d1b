/*
 * digest - what the owner is told once a day: what was sent and what was not, what is held and why, what needs a person, what was promised.
 * Pure: documents in, a mail in the owner's language out; the same documents give the same text, in the mail and by dunningctl.
 */
#ifndef DUNNINGD_COMMON_DIGEST_H
#define DUNNINGD_COMMON_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/escalation.h"

#define DIGEST_LINES_MAX 25 /* of a section; the rest is a number */

enum digest_section {
	DIGEST_NEEDS_YOU, /* open tasks, soonest deadline first */
	DIGEST_FAILED, /* steps that were left out because nobody could be reached */
	DIGEST_BROKEN, /* promises, plans and settlements that were broken that day */
	DIGEST_DUE, /* those whose day is today or within the week */
	DIGEST_KEPT,
	DIGEST_SENT,
	DIGEST_HELD, /* by reason: how many */
	DIGEST_CHOSEN, /* policies that a rule chose for invoices opened that day, by rule */
	DIGEST_SECTION_COUNT
};

struct digest_line {
	const char *what; /* a step, a kind of task, a hold: a stable word */
	const char *reason; /* NULL = none */
	const char *invoice, *debtor; /* number or id; NULL = none */
	date on; /* none = not said */
	int64_t order; /* lines are sorted by it: ms UTC, or a count downwards */
	int64_t count; /* of HELD and CHOSEN; 0: it is one */
	struct money amount; /* minor 0: not said */
};

struct digest {
	struct arena *arena;
	const struct zone *zone;
	date day; /* the day of the digest: it tells of the day before */
	int64_t from, until; /* ms UTC: that day before */
	struct digest_line *lines[DIGEST_SECTION_COUNT];
	size_t counts[DIGEST_SECTION_COUNT], capacities[DIGEST_SECTION_COUNT]; /* counts: all, `lines` has no more than are shown */
	int64_t open; /* invoices that are walked */
	int64_t payments_known_to; /* ms UTC; 0 = no payment feed ever spoke */
	bool feed_late; /* it is older than a day */
	uint64_t *seen; /* invoices that came already: a walk over the documents may give one twice */
	size_t seen_count, seen_size;
};

void digest_begin(struct digest *digest, struct arena *arena, const struct zone *zone, date day, int64_t payments_known_to);
bool digest_invoice(struct digest *digest, const struct escalation *e); /* what matters of it is copied; false: it came before */
void digest_task(struct digest *digest, const char *kind, const char *invoice, const char *reason, int64_t deadline);

void digest_task_read(struct digest *digest, const struct json *task); /* one as the store has it */

struct digest_text {
	const char *subject, *text, *html; /* in the digest's arena */
};
/* `locale`: six languages are known, another one is English. `creditor`: whose it is. */
void digest_write(struct digest *digest, const char *locale, const char *creditor, struct digest_text *ret);

/* When the digest of `day` goes out, ms UTC; "HH:MM" in the zone. */
int64_t digest_at(const struct zone *zone, date day, const char *at);

/* The words of one language; `word`: a stable one, which is given back where there is none for it. digest_words.c */
struct digest_words {
	const char *language, *subject, *greeting, *nothing, *more, *open, *feed_never, *feed_late, *feed_fresh, *of, *sections[DIGEST_SECTION_COUNT];
};
const struct digest_words *digest_words(const char *locale);
const char *digest_word(const struct digest_words *words, const char *word);

#endif
