/*
 * deadlines - periods that the law counts from an event: of court procedures, with their limits and fees, and how long records are kept.
 * Pure; the figures are dated data (daemon/share/law/procedures.json and retention.json, which say what their members mean).
 */
#ifndef DUNNINGD_COMMON_DEADLINES_H
#define DUNNINGD_COMMON_DEADLINES_H

#include "common/holidays.h"
#include "common/money.h"

#define DEADLINES_MAX 8 /* of one procedure */

/* --- court procedures -------------------------------------------------------------------------------------------------------- */

struct procedure_limit { /* of the claim; a claim above it goes elsewhere */
	int64_t minor; /* -1 = none, or not in figures */
	date from; /* cases since; none = always */
};

struct procedure_fee { /* up to this claim, the court takes that */
	int64_t up_to_minor; /* -1 = any */
	int64_t fee_minor; /* -1 = hundredths of a percent of the claim */
	int64_t percent_hundredths;
};

struct deadline_rule { /* so long after an event */
	const char *name; /* "serve_by" */
	const char *after; /* of which event: "order", "service" */
	int days, months;
	date from, until; /* events of these days; none = any */
};

#define FORM_ASKS_MAX 32
extern const char *const form_ask_names[]; /* "court", "claimant", ...; NULL-terminated */
struct procedure_form { /* name NULL: none is known */
	const char *name, *number, *url, *source; /* number and url NULL = it has none */
	int asks[FORM_ASKS_MAX]; /* what it asks for, in its order: indices into form_ask_names */
	size_t ask_count;
};

struct procedure {
	const char *id, *country, *limit_text, *court, *needs, *note, *source, *certainty; /* NULL = none */
	const char *advice, *advice_source; /* who helps for little or nothing before it comes to that; NULL = none is known */
	struct procedure_form form;
	const char *currency;
	const struct procedure_limit *limits;
	size_t limit_count;
	const struct procedure_fee *fees;
	size_t fee_count;
	const struct deadline_rule *deadlines;
	size_t deadline_count;
	enum roll roll; /* of its deadlines */
	const char *calendar; /* whose holidays move them */
};

struct procedures {
	const struct procedure *items;
	size_t count;
};

/* The section "procedures" of the law. *ret lies in the arena and borrows from the document. -EBADMSG: `err` names the place. */
int procedures_parse(struct arena *arena, const struct json *section, struct procedures **ret, struct err *err);
const struct procedure *procedure_find(const struct procedures *procedures, const char *id); /* NULL = unknown */

/* Whether a claim against a debtor of this country (ISO 3166) may go that way on this day, as far as the figures say. */
bool procedure_suits(const struct procedure *procedure, const char *country, const char *currency, int64_t claim_minor, date on);

/* A period's end: its last day as counted, and as moved when that is no business day (the same where nothing moves it). */
struct deadline {
	const char *name, *after;
	date nominal, last;
};
/* The deadlines that count from this event. Returns how many, at most DEADLINES_MAX. */
size_t procedure_deadlines(const struct procedure *procedure, const struct holidays *holidays, const char *event, date on,
	struct deadline *ret);
/* The claim's limit on that day in minor units of the procedure's currency; -1 = none. */
int64_t procedure_limit(const struct procedure *procedure, date on);
/* The court's fee for a claim, rounded once, half up; -1 = not known. */
int64_t procedure_fee(const struct procedure *procedure, int64_t claim_minor);

/* --- how long records are kept ------------------------------------------------------------------------------------------------- */

enum keeping_start { KEEP_FROM_DATE, KEEP_FROM_FINANCIAL_YEAR_END, KEEP_FROM_YEAR_END, KEEP_FROM_LAST_ACTIVITY, KEEP_START_COUNT };
extern const char *const keeping_start_names[KEEP_START_COUNT + 1]; /* "date", "financial_year_end", "year_end", "last_activity" */

struct keeping_rule {
	const char *id, *country, *record; /* "FR", "invoice" */
	enum keeping_start start;
	int years;
	date from; /* records of that day on; none = always */
	const char *source;
};

struct keeping {
	const struct keeping_rule *rules;
	size_t count;
};

/* The section "retention" of the law; as procedures_parse(). */
int keeping_parse(struct arena *arena, const struct json *section, struct keeping **ret, struct err *err);
/* The newest rule in force on `date` (none: of today's, the newest). NULL: none is known. */
const struct keeping_rule *keeping_rule(const struct keeping *keeping, const char *country, const char *record, date on);

struct kept_record { /* dates that are none are not known */
	date on; /* the record's own */
	date financial_year_end; /* of the year it belongs to */
	date last_activity;
};
/*
 * The last day of the duty. Where the financial year is not known it is the calendar year. None: the date that it counts from is not
 * known; `*missing` is its name then.
 */
date keeping_until(const struct keeping_rule *rule, const struct kept_record *record, const char **missing);

#endif
