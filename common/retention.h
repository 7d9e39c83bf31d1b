/*
 * retention - from which day on the parts of a debtor's file may, and must, be erased. Pure; the periods are dated data
 * (daemon/share/retention.json), never constants.
 *
 * A file has one key for each class and log year: that is what is erased. Such a key holds what was recorded in that year about the
 * invoices that were alive then, so what an invoice opened later does is no matter to it; and where none was, it holds no accounts.
 */
#ifndef DUNNINGD_COMMON_RETENTION_H
#define DUNNINGD_COMMON_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/date.h"
#include "common/err.h"
#include "common/record.h"
#include "common/zone.h"

enum retention_records { RECORDS_ACCOUNTS, RECORDS_CONTACTS, RECORDS_COUNT };
extern const char *const retention_records_names[RECORDS_COUNT + 1]; /* "accounts", "contacts" */
enum retention_start { START_CASE_CLOSED, START_LAST_EVENT, START_YEAR_END, START_COUNT };
extern const char *const retention_start_names[START_COUNT + 1]; /* "case_closed", "last_event", "year_end" */

struct retention_rule {
	enum key_class class;
	enum retention_records records;
	const char *country; /* ISO 3166-1 alpha-2; NULL = any */
	int debtor_kind; /* index into customer_kind_names; -1 = any */
	enum retention_start start;
	int months; /* of the period */
	date from; /* in force since; none = always */
	const char *source, *certainty;
};

struct retention; /* opaque, immutable */

/*
 * The periods of a file (comments allowed). Each class must have a rule for any country and kind, so that none is without an answer.
 * 0 and *ret, freed with retention_free(); -EBADMSG: `err` names the place.
 */
int retention_parse(const char *json, size_t len, struct retention **ret, struct err *err);
void retention_free(struct retention *retention); /* NULL is allowed */
DEFINE_CLEANUP(struct retention, retention_free)

/* The rule that holds on `today`: country and kind before country before kind before any; of those, the newest in force. NULL = none. */
const struct retention_rule *retention_rule(const struct retention *retention, enum key_class class, enum retention_records records,
	const char *country, int debtor_kind, date today);

/* Months of the shortest period of all rules, whichever holds where: nothing must be kept unerasable for longer. */
int retention_shortest(const struct retention *retention);

struct retention_invoice { /* instants: ms UTC */
	const char *id;
	int64_t opened_at;
	int64_t closed_at; /* 0 = still open */
	int64_t last_at; /* of the last thing known of it; 0 = its end was that */
	bool under_way; /* an attempt about it has no known outcome */
};

/* What a debtor's file is, as far as it matters here. Everything is borrowed. */
struct retention_case {
	const char *country; /* NULL = unknown */
	int debtor_kind;
	bool held; /* a retention hold */
	int64_t last_event_at; /* ms UTC: of the last thing known of the debtor; 0 = nothing */
	const struct retention_invoice *invoices;
	size_t invoice_count;
	bool accounts; /* there may be more invoices, alive in any year */
	const char *task; /* an open task's id; NULL = none */
	int64_t task_opened_at;
};

enum retention_bar { BAR_NONE, BAR_PERIOD, BAR_HOLD, BAR_OPEN_INVOICE, BAR_UNDER_WAY, BAR_TASK, BAR_COUNT };
extern const char *const retention_bar_names[BAR_COUNT + 1]; /* "", "period", "retention_hold", "open_invoice", "under_way", "open_task" */

struct retention_verdict {
	enum retention_bar bar; /* BAR_NONE: it may be erased now */
	date from; /* the first day on which the periods allow it; none: not known before what bars it is over */
	const char *what; /* invoice or task that bars it; NULL = none */
	const struct retention_rule *rule; /* the one that decides the day; NULL: none is known yet */
};

/*
 * Whether the key of `class` and log year `year` may be erased at `now` (ms UTC). `zone`: the creditor's, whose days count. A period
 * of five years from 31 March 2026 ends with 31 March 2031: `from` is the day after.
 */
struct retention_verdict retention_judge(const struct retention *retention, const struct retention_case *file,
	const struct zone *zone, uint16_t year, enum key_class class, int64_t now);

#endif
