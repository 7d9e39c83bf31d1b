/*
 * outlook_history - how the customers of a book have paid so far: after which step, and how soon. Pure: it reads the documents of the book.
 */
#ifndef DUNNINGD_TOOLS_OUTLOOK_HISTORY_H
#define DUNNINGD_TOOLS_OUTLOOK_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/escalation.h"

#define HISTORY_DAYS_MAX 60 /* a payment that comes later is no answer to the contact */

struct paid_step {
	const char *step; /* NULL: of all steps */
	int64_t contacts, paid; /* invoices that were contacted by it; of these, paid before the next contact */
	int64_t days[HISTORY_DAYS_MAX + 1]; /* of those paid: so many after 0, 1, 2 ... days */
};

struct payment_history { /* all lies in the arena */
	struct arena *arena;
	struct paid_step *steps; /* [0]: all together */
	size_t count, capacity;
};

void payment_history_begin(struct payment_history *history, struct arena *arena);
/* `now`, ms UTC: what was contacted lately and is still open is no answer yet, and is left aside. */
void payment_history_add(struct payment_history *history, const struct escalation *e, int64_t now);
/* Of the step where enough is known of it, else of all steps. */
const struct paid_step *payment_history_of(const struct payment_history *history, const char *step);
/* `luck`, any number, decides: the days after which it is paid, at least 1; 0: it is not. */
int32_t payment_history_answer(const struct payment_history *history, const char *step, uint32_t luck);

#endif
