/* What the producer's list of open invoices says otherwise: noted once, with a task, and a hold where it may not be owed any more. */
#include <string.h>

#include "common/escalation_internal.h"
#include "common/utc.h"

#define LOOK_AGAIN_MS DAY_MS

static void tell(struct escalation *e, const char *finding, bool ended, const struct rules *rules, struct effects *fx)
{
	struct task task = { .id = arena_printf(fx->arena, "compare_books:%s", e->invoice.id), .kind = "compare_books",
		.debtor_id = e->invoice.debtor_id, .invoice_ids = arena_memdup(fx->arena, &e->invoice.id, sizeof(e->invoice.id)), .invoice_count = 1,
		.reason = finding, .opened_at = rules->now, .deadline = rules->now + 7 * DAY_MS, .close = ended, .result = ended ? "obsolete" : NULL };
	struct draft *draft = effects_record(fx, "book.difference", e->invoice.debtor_id);
	const char *source, *snapshot;
	int64_t due, as_of;

	jw_str(&draft->w, "invoice", e->invoice.id);
	jw_str(&draft->w, "finding", finding);
	if (ended)
		jw_bool(&draft->w, "ended", true);
	if (book_decides(&e->invoice, rules->books, &source, &snapshot)) {
		jw_opt_str(&draft->w, "book", source);
		jw_str(&draft->w, "snapshot", snapshot);
	}
	if (e->invoice.known)
		jw_int(&draft->w, "balance_minor", invoice_view(&e->invoice).balance);
	if (book_listed(&e->invoice, &due, &as_of)) {
		jw_int(&draft->w, "listed_minor", due);
		jw_int(&draft->w, "as_of", as_of);
	}
	effects_task(fx, &task);
}

void book_follow(struct escalation *e, const struct rules *rules, struct effects *fx)
{
	const char *finding = book_finding(&e->invoice, rules->books, rules->now);

	if (e->stopped)
		finding = NULL; /* a person ended it, whatever a list says */
	if (finding && e->book && strcmp(finding, e->book) == 0)
		return;
	if (e->book)
		tell(e, e->book, true, rules, fx);
	e->book = finding;
	if (finding)
		tell(e, finding, false, rules, fx);
}

int64_t book_look_at(const struct escalation *e, const struct rules *rules)
{
	int64_t due, as_of;

	if (e->invoice.known || !book_listed(&e->invoice, &due, &as_of) || due == 0)
		return 0;
	return rules->now < as_of + BOOK_GRACE_MS ? as_of + BOOK_GRACE_MS : e->book ? rules->now + LOOK_AGAIN_MS : 0;
}
