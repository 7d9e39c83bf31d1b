/*
 * receivables - what is owed, by age, and how long it takes to be paid: exact, as of the end of a day in one zone. Pure; what `dunningctl
 * report` and the dashboard say comes from here.
 */
#ifndef DUNNINGD_COMMON_RECEIVABLES_H
#define DUNNINGD_COMMON_RECEIVABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/escalation.h"

/* Ages, in days past due. */
#define AGES 5
extern const char *const age_names[AGES + 1]; /* "not due", "1-30", ... NULL-terminated */
size_t age_of(int32_t days_past_due); /* index into age_names */

struct span { /* `days` days that end with `day` */
	const struct zone *zone;
	date day;
	int64_t until; /* ms UTC: the day's end, itself not included */
	int64_t days;
};
struct span span_of(const struct zone *zone, date day, int64_t days);

/* What it owed at the end of the day, minor units: a person's end of it, and what was closed as a loss, count from when that was. */
int64_t owed_at(const struct escalation *e, const struct span *span);

/* What one invoice adds to DSO (days sales outstanding: receivables over what was billed, times the days) and to the days it took to be paid. */
struct sales {
	int64_t owed; /* minor units, as owed_at() */
	int64_t billed; /* in the span, without what was credited */
	bool paid; /* in the span: then these */
	int64_t amount; /* minor units */
	int32_t days_to_pay, days_late; /* from issue, from the due date */
};
bool sales_of(const struct escalation *e, const struct span *span, struct sales *ret); /* false: it was never billed */

/* --- the whole book ------------------------------------------------------------------------------------------------------------- */

#define BOOK_CURRENCIES 8 /* those that come first; of more nothing is said but that there are */
#define BOOK_MONTHS 13 /* the day itself, and the ends of the twelve months before */
#define BOOK_DSO_DAYS 90

struct book_currency {
	char currency[4];
	int64_t count[AGES], amount[AGES]; /* minor units */
	int64_t all, all_count;
	int64_t owed[BOOK_MONTHS], billed[BOOK_MONTHS]; /* oldest first */
	bool overflow; /* the sums are too large to be told */
};
struct book_figures {
	struct span spans[BOOK_MONTHS]; /* oldest first */
	struct book_currency currencies[BOOK_CURRENCIES];
	size_t count;
	bool more; /* other currencies are left out */
};
void book_figures_begin(struct book_figures *figures, const struct zone *zone, date day);
void book_figures_add(struct book_figures *figures, const struct escalation *e); /* each invoice once */
/* In tenths of a day; -1: nothing was billed. */
int64_t book_dso(const struct book_currency *currency, size_t month);

#endif
