/*
 * terms - payment terms to due dates, and what the law allows and presumes. Pure; the figures are dated data
 * (daemon/share/law/terms.json, which says what its members mean).
 */
#ifndef DUNNINGD_COMMON_TERMS_H
#define DUNNINGD_COMMON_TERMS_H

#include "common/holidays.h"

enum term_kind {
	TERM_ON_RECEIPT, /* the day of issue */
	TERM_NET, /* issue + days: the day of issue does not count */
	TERM_EOM, /* end of the month of issue */
	TERM_DAYS_THEN_EOM, /* end of the month of (issue + days): "45 jours fin de mois", first reading */
	TERM_EOM_THEN_DAYS, /* end of the month of issue, + days: the second */
	TERM_DAYS_THEN_EOM_THE, /* the first reading, then on that day of the next month: "30 jours fin de mois le 10" */
	TERM_MONTHS_THEN_EOM, /* a month is no 30 days */
	TERM_DAY_OF_NEXT_MONTH, /* "10th prox"; a day that month has not is its last */
	TERM_KIND_COUNT
};
extern const char *const term_kind_names[TERM_KIND_COUNT + 1]; /* "on_receipt", "net", "eom", "days_then_eom" ... */

struct term {
	enum term_kind kind;
	int days, months, day; /* as far as the kind wants them */
};

/* {"kind": "net", "days": 30}. -EBADMSG: `err` names the member. */
int term_read(const struct json *object, struct term *ret, struct err *err);
/* "net 30", "days-then-eom-the 30 10": the kind and its numbers. -EINVAL and `err`. */
int term_parse(const char *words, struct term *ret, struct err *err);
void term_write(struct json_writer *w, const char *key, const struct term *term);
date term_due(const struct term *term, date issue);

struct terms; /* opaque, immutable */
struct terms_country;

/* The section "terms" of the law. *ret lies in the arena and borrows from the document. -EBADMSG: `err` names the place. */
int terms_parse(struct arena *arena, const struct json *section, struct terms **ret, struct err *err);
const struct terms_country *terms_country(const struct terms *terms, const char *country); /* NULL = nothing is known about it */
enum roll terms_roll(const struct terms_country *country); /* of a due date, where nothing is agreed. NULL: none */
const char *terms_source(const struct terms_country *country);

/* What was agreed, as far as a maximum depends on it. */
struct terms_case {
	date issue;
	bool periodic; /* one invoice for a month's deliveries */
	bool public_buyer;
	bool large_to_sme; /* a large buyer and a small supplier */
	int eom_days; /* "n days end of month" was agreed expressly; 0 = not */
	enum term_kind eom_method; /* by which reading: TERM_DAYS_THEN_EOM or TERM_EOM_THEN_DAYS */
};
/* The last lawful due date; none: no maximum is known. */
date terms_latest(const struct terms_country *country, const struct terms_case *facts);

/*
 * Nothing agreed: the day on which payment is due, from the later of what the law counts from (a date that is none does not count).
 * None: nothing is known, or a date that it counts from is missing.
 */
date terms_default_due(const struct terms_country *country, date delivered, date invoice_received);

/* From when a debtor who was not reminded is in default by law. */
struct terms_default {
	date last_day; /* of the term, counted from due date and receipt; none: only a reminder brings it about */
	date from;
	bool needs_reminder;
};
/* False: the law of the country knows no such rule. `told`: a consumer was told on the invoice. */
bool terms_default_begins(const struct terms_country *country, date due_and_received, bool consumer, bool told, struct terms_default *ret);

#endif
