/*
 * invoice - what is known of one invoice: the producer's last figures, and facts that came beside them. Pure.
 *
 * Every fact is a register with a natural id; competing events for one are ordered by themselves (struct fact_order), so that any order
 * of arrival, with repeats, ends in the same invoice. A fact told with a version and without one stands there twice: the later speaks.
 */
#ifndef DUNNINGD_COMMON_INVOICE_H
#define DUNNINGD_COMMON_INVOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/event.h"
#include "common/json.h"
#include "common/zone.h"

#define INVOICE_FACTS_MAX 200

enum fact_kind {
	FACT_PAYMENT, /* ended: reversed */
	FACT_CREDIT, /* ended: voided */
	FACT_DISPUTE, /* ended: resolved */
	FACT_PROMISE, /* ended: withdrawn; until_on */
	FACT_ANNOUNCED, /* payment announced; until_on */
	FACT_PAID, /* the producer says paid in full */
	FACT_VOIDED,
	FACT_UNCOLLECTIBLE,
	FACT_CHARGE_FAILED, /* an automatic charge failed: from here on it may be reminded */
	FACT_UNDELIVERED, /* the invoice itself did not arrive; ended: sent again */
	FACT_PLAN, /* payment plan; ended: cancelled */
	FACT_SETTLEMENT, /* less, or something else, is accepted for all of it; until_on */
	FACT_REPLY, /* the debtor answered: hold until `at` + 72 h, or, where it may ask for an end, until it was read: ended */
	FACT_LISTED, /* its producer's list of open invoices has it, `at` that time with `amount` due: see book.h */
	FACT_KIND_COUNT
};
extern const char *const fact_names[FACT_KIND_COUNT + 1];

struct fact {
	enum fact_kind kind;
	const char *id;
	struct fact_order order; /* of the event that decides its present state */
	bool ended;
	int64_t amount; /* minor units */
	int64_t fee; /* of a payment: so much more of it was for late fees; it never counts for the invoice */
	int64_t at; /* paid_at and the like; ms UTC */
	int64_t after_version;
	struct fact_order told; /* of an ended payment or credit: of the event that last told of itself; time 0 = only its end is known. Of a
				* reply: of the newest one that may ask for no more */
	date until_on;
	const char *reason; /* of a dispute: a code, never a sentence; of a reply: see reply_reason(); NULL = none */
	const struct instalment *instalments; /* PLAN */
	size_t instalment_count;
	bool settles, in_kind; /* SETTLEMENT: `amount` was told; no money is expected */
	const char *text; /* REPLY: what they wrote, while their event is at hand; it is never stored here */
	bool says_paid; /* ANNOUNCED: not that it will be paid, but that it was: somebody looks for the money. ended: who looked found none */
};

struct figures {
	struct snapshot snapshot;
	struct fact_order order;
};

struct invoice {
	const char *id;
	const char *debtor_id; /* NULL until an event named it */
	struct fact_order debtor_order; /* of the event that named it */
	bool known; /* a snapshot came */
	struct snapshot snapshot;
	struct fact_order order; /* of the snapshot */
	const struct figures *beside; /* the last of the other kind (with a version, without), older than these; NULL = none came */
	struct fact *facts;
	size_t fact_count, fact_capacity;
};

/* reply_reason() of an answer. It takes its time, and an answer may be about thousands of invoices: whoever tells it to them guesses once. */
const char *invoice_guess(const struct event *answer);
/* True when it changed anything: false is a repeat or something older. Strings are borrowed from the event. */
bool invoice_apply(struct invoice *invoice, const struct event *event, struct arena *arena);

/* A list of open invoices has it. True when that is newer than what was known. */
bool invoice_listed(struct invoice *invoice, const struct event *event, const struct book_item *item, struct arena *arena);

enum invoice_state { STATE_UNKNOWN, STATE_DRAFT, STATE_OPEN, STATE_PAID, STATE_VOID, STATE_UNCOLLECTIBLE, STATE_SETTLED };

/* What follows from the facts. */
struct invoice_view {
	enum invoice_state state;
	int64_t balance, paid, credited; /* minor units; balance >= 0 */
	bool automatic; /* is charged by itself and no charge failed */
	const char *reconcile; /* why a person must compare the books, or NULL */
	const struct fact *said_paid; /* "paid_then_open": it was said to be paid, and figures of a later time say that it is open */
	const struct fact *dispute, *promise, *announced, *undelivered, *plan, *settlement, *reply; /* in force, or NULL */
	const struct fact *no_more; /* a reply that may ask for an end, until a person read it (its fact is ended then); NULL = none */
};
struct invoice_view invoice_view(const struct invoice *invoice);

/* What was paid towards late fees and interest, in minor units: of payments that stand, beside what they pay of the invoice. */
int64_t invoice_fees_paid(const struct invoice *invoice);
/* The address that pays it, as long as it is of use at `at` (ms UTC). NULL: there is none, or none any more. */
const char *invoice_payment_url(const struct snapshot *snapshot, int64_t at);

/*
 * What was owed at an instant (ms UTC, itself not included), in minor units, by what is known now: 0 before it was issued, and once it was
 * paid, settled, voided or given up. What only figures told counts from the time of these; `zone`: of the day it was issued on.
 */
int64_t invoice_balance_at(const struct invoice *invoice, const struct zone *zone, int64_t at);

/*
 * What a plan asks for first: payments and credits go to the oldest instalment, so instalment i is met when no more is open than the later
 * ones come to. False: all are met, or the plan names none. `rest`: minor units still owed on it.
 */
struct instalment_view {
	size_t index;
	date due_on;
	int64_t rest;
};
bool plan_next(const struct fact *plan, int64_t balance, struct instalment_view *ret);
int64_t plan_sum(const struct fact *plan); /* of all its instalments */
/*
 * What was paid and credited before `end` (ms UTC), by when it was paid and not by when that was told, in minor units: the kinder of two readings.
 * Figures say no day: what they have counts, unless it is known to have come later.
 */
int64_t invoice_paid_by(const struct invoice *invoice, int64_t end);
/* When a last day to pay is over, wherever the debtor is: UTC-12 is the last to see it go. ms UTC; none: never. */
int64_t invoice_day_over(date until);
/* So much was paid and credited by the end of that day, wherever the debtor is; none: until now. */
bool invoice_paid_in_time(const struct invoice *invoice, int64_t sum, date until);
/* Money once brought it to so much by then, and not to all of it: also where that was taken back since. Figures only where they were told by then, and alone. */
bool invoice_once_paid(const struct invoice *invoice, int64_t sum, date until);
int64_t invoice_last_payment_at(const struct invoice *invoice); /* ms UTC: of those that stand; 0 = none was told */
/* When what closed it was paid, ms UTC: its last payment, else when its producer said so. */
int64_t invoice_paid_at(const struct invoice *invoice);
/*
 * Promises that stand and whose day is over: before `today`, and before `paid_on` (none = it is not paid). One that was followed by
 * another while its day had not passed is not broken. Days are those of `zone`.
 */
int64_t invoice_promises_broken(const struct invoice *invoice, const struct zone *zone, date today, date paid_on);

void invoice_write(struct json_writer *w, const struct invoice *invoice); /* members, into an open object */
int invoice_read(const struct json *json, struct arena *arena, struct invoice *ret, struct err *err);
void order_write(struct json_writer *w, const char *key, const struct fact_order *order);
void order_read(const struct json *json, struct fact_order *ret);

#endif
