/*
 * outlook - what a book of invoices will lead to: the contacts that go out, and what holds, caps and puts off the others, as a simulation
 * plays it. It judges nothing itself: all of it is what the flow writes for the trail, and what the provider is asked.
 */
#ifndef DUNNINGD_TOOLS_OUTLOOK_H
#define DUNNINGD_TOOLS_OUTLOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/date.h"
#include "tools/outlook_history.h"
#include "tools/simulation.h"

/* --- what is played -------------------------------------------------------------------------------------------------------------- */

struct book_event {
	int64_t at; /* ms UTC, of the event itself */
	const char *text;
	size_t len;
	bool operator;
};
enum book_kind { BOOK_ESCALATION, BOOK_DEBTOR };
struct book_doc {
	enum book_kind kind;
	const char *id, *text;
	size_t len;
};
struct book_due {
	const char *invoice_id;
	int64_t at;
};
struct book_attempt {
	const char *id, *text;
	size_t len;
};
/* All lies in the arena. It may be played many times. */
struct book {
	struct arena *arena;
	struct book_event *events;
	size_t event_count, event_capacity;
	struct book_doc *docs;
	size_t doc_count, doc_capacity;
	struct book_due *dues;
	size_t due_count, due_capacity;
	struct book_attempt *attempts;
	size_t attempt_count, attempt_capacity;
	const char **feeds; /* ledgers whose word on payments binds: they go on telling it */
	size_t feed_count, feed_capacity;
};
void book_add_event(struct book *book, const struct book_event *event);
/* Events in a text, one a line, or an array. -EBADMSG: `err` names the line. */
int book_read_events(struct book *book, const char *type_prefix, const char *text, size_t len, struct err *err);

enum answer { NOBODY_PAYS, PAYS_AFTER, PAYS_SHARE, PAYS_HISTORY };
struct assumption {
	enum answer answer;
	char step[64]; /* PAYS_AFTER */
	int32_t percent; /* PAYS_SHARE: of the invoices, after each contact */
	int32_t days; /* from the contact to the payment; SHARE: 1 to as many */
	uint64_t seed;
	const struct payment_history *history; /* PAYS_HISTORY; borrowed, and set by whoever has the book */
};
/* "nobody-pays", "pays-after:STEP", "pays-after:STEP+5d", "share:20", "history". -EINVAL, `err` says what would be right. */
int assumption_parse(const char *text, struct assumption *ret, struct err *err);

struct outlook_settings {
	const struct config *config;
	const struct library *library;
	const struct book *book;
	int64_t begin, end; /* ms UTC */
	const char *moved_from, *moved_to; /* who walks the one goes over to the other, in the version that is loaded; NULL = nobody */
	struct assumption assumption;
	bool gates; /* whoever is asked for a decision says: go on */
	void (*progress)(int64_t done, int64_t whole, void *arg); /* days; NULL = nobody looks */
	void *arg;
};

/* --- what comes of it -------------------------------------------------------------------------------------------------------------- */

struct outlook_contact { /* what is not known is NULL */
	int64_t at; /* ms UTC */
	date day; /* where the debtor is */
	int minute;
	const char *debtor, *name, *zone, *step, *channel, *provider, *role, *contact, *tone, *policy;
	const char *why, *rule; /* what set the instant: "schedule", "cap", "min_gap" ...; and the contact rule behind it */
	int64_t owed_at; /* when the step was owed; 0 = not known */
	int64_t balance;
	const char *currency;
	const char *const *invoices; /* the leading one first */
	const char *const *steps; /* the step that each of them is owed, which may be another than the contact's; NULL = the contact's */
	size_t invoice_count;
};

/* So often this befell: a hold, a deferral, a skip, a task. */
struct outlook_tally {
	const char *kind; /* "hold", "deferred", "skipped", "task", "gate", "refused" */
	const char *step, *reason;
	int64_t count;
};

struct outlook {
	struct arena *arena;
	int64_t begin, end;
	struct outlook_contact *contacts; /* by time, then debtor and step */
	size_t contact_count, contact_capacity;
	struct outlook_tally *tallies; /* by kind, step, reason */
	size_t tally_count, tally_capacity;
	struct simulation_counts counts;
	int64_t payments;
	int64_t debtors; /* that were contacted */
};

/* 0 and *ret, freed with outlook_free(); -EPROTO and `err`. */
int outlook_play(const struct outlook_settings *settings, struct outlook **ret, struct err *err);
void outlook_free(struct outlook *outlook); /* NULL is allowed */
DEFINE_CLEANUP(struct outlook, outlook_free)

#endif
