/* sim_book - the invented creditor's book: who owes what. The truth behind the events, not what the flow makes of them. */
#ifndef TESTS_SIM_SIM_BOOK_H
#define TESTS_SIM_SIM_BOOK_H

#include "common/date.h"
#include "tests/sim/sim.h"

struct sim_debtor {
	const char *id, *name;
	size_t place;
	int address; /* which email address is the present one */
	bool phone, no_email;
	const char *kind; /* NULL = company */
	bool zone_unknown, country_unknown; /* the events do not tell */
	bool owner, parent; /* who else is known beside billing */
};

struct sim_figures { /* what the ledger has from then on */
	int64_t at, due, version;
};

struct sim_invoice {
	const char *id;
	struct sim_debtor *debtor;
	date issued_on, due_on;
	int64_t total, paid, credited, version;
	int facts;
	bool voided, plan;
	bool quiet; /* has no story of its own: is never paid, unless something is agreed */
	struct sim_figures *history;
	size_t history_count, history_capacity;
	bool turned; /* the story took another turn than was written: later chapters that say "still owed" are dropped */
};

struct book {
	bool all_named; /* each event names its debtor */
	struct arena *arena;
	struct sim_debtor *debtors;
	size_t debtor_count;
	struct sim_invoice *invoices;
	size_t invoice_count;
	uint64_t next_event;
	struct rng silent; /* which payments no event ever tells of */
	struct rng moving; /* who has another address at the worst moment */
};

const char *book_zone(const struct book *book, const char *debtor_id);
const char *book_country(const struct book *book, const char *debtor_id); /* ISO 3166 */
const char *book_place_zone(const struct sim_debtor *debtor); /* where they are, whether told or not */
const char *book_place_country(const struct sim_debtor *debtor);
/* sim_offers.c: one turn more of an invoice's story, now. `at`: when the money came. */
void book_money(struct sim *sim, struct sim_invoice *i, const char *type, int id, int64_t amount, int64_t at);
void book_says(struct sim *sim, struct sim_invoice *i, const char *text); /* an event */
const char *book_role(const struct sim_debtor *debtor, const char *address); /* whose address or number that is; NULL = nobody's */

#endif
