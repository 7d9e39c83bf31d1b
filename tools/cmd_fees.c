/* What late payment costs the debtor of an invoice, beside its balance: the sum that was stated, and interest until today. */
#include <string.h>

#include "common/law.h"
#include "tools/cmd.h"
#include "tools/law.h"

/* On what is open today, as a notice counts it. NULL: there is none yet, or it cannot be told, and *why says why. */
static const struct interest *interest_of(struct ctl *ctl, const struct law *law, const struct entry *entry, const char **why)
{
	const struct regime *regime = entry->policy && entry->policy->regime ? interest_regime(&law->interest, entry->policy->regime) : NULL;
	const struct snapshot *s = &entry->e.invoice.snapshot;
	struct interest *ret = arena_alloc(ctl->arena, sizeof(*ret));
	date due = s->due_on, today = zone_date(entry->zone, ctl->now);
	struct debt debt;
	struct err err = { 0 };

	*why = NULL;
	if (!regime || s->late_fee_ref) {
		*why = regime ? "late charges were agreed, and what was agreed is not known here" : "its policy names no law that gives any";
		return NULL;
	}
	if (entry->d) {
		struct business_time when = schedule_window(entry->policy, entry->d, ctl->config->creditor.zone, ctl_holidays(ctl));

		due = schedule_due(entry->policy, &when, due);
	}
	debt = debt_of(regime, invoice_view(&entry->e.invoice).balance, due, today);
	debt.from = regime_runs_from(regime, due);
	if (date_diff(today, due) <= 0)
		return NULL;
	if (!date_is_set(debt.from) || date_diff(today, debt.from) < 0) {
		*why = "by this law it runs from default, and that is not sure yet";
		return NULL;
	}
	if (interest_compute(ctl->arena, &debt, ret, &err) < 0) {
		*why = arena_strdup(ctl->arena, err.text);
		return NULL;
	}
	return ret;
}

static int run_fees(struct ctl *ctl, const struct invocation *call)
{
	CLEANUP(law_freep) struct law *law = NULL;
	struct fields *f = fields_create(ctl->arena);
	const struct interest *interest;
	const char *why, *currency;
	const struct late_fee *fee;
	struct entry entry;
	int r = entry_find(ctl, ctl->arena, call->args[0], &entry);

	if (r == 0)
		r = law_of(ctl, &law);
	if (r != 0)
		return r;
	if (!entry.zone || !entry.e.invoice.known)
		return ctl_fail(ctl, EXIT_FOUND, "unknown", "only facts about %s came yet, not the invoice itself", call->args[0]);
	fee = &entry.e.late_fee;
	currency = entry.e.invoice.snapshot.currency;
	interest = interest_of(ctl, law, &entry, &why);
	fields_add(f, "invoice", "Invoice", cell_text(entry.e.invoice.id));
	fields_add(f, "balance", "Open", cell_money(invoice_view(&entry.e.invoice).balance, currency));
	fields_add(f, "fee", "Fixed sum", cell_text(fee->waived_at ? "waived" : fee->at ? "owed" : "not stated, and so not owed"));
	fields_add(f, "amount", "Its amount", fee->at ? cell_money(fee->amount, fee->currency) : cell_none());
	fields_add(f, "stated_at", "Stated", cell_time(fee->at, entry.zone));
	fields_add(f, "law", "By", cell_text(fee->at ? fee->ground : NULL));
	fields_add(f, "waived_at", "Waived", cell_time(fee->waived_at, entry.zone));
	fields_add(f, "waived_by", "Waived by", cell_text(fee->by));
	fields_add(f, "waived_why", "Because", cell_text(fee->why));
	fields_add(f, "interest", "Interest until today, on what is open", interest ? cell_money(interest->accrued, currency) : cell_none());
	fields_add(f, "interest_days", "Days", interest ? cell_number(interest->days) : cell_none());
	if (interest && interest->stopped)
		fields_add(f, NULL, "But", cell_text("a reference rate is not known: it is counted up to the end of those that are"));
	fields_add(f, "interest_unknown", "No interest", cell_text(why));
	view_fields(&ctl->view, f);
	return EXIT_DONE;
}

const struct command cmd_fees = { .name = "fees", .args = "INVOICE", .min_args = 1, .max_args = 1,
	.help = "what late payment costs its debtor, beside the balance", .run = run_fees };

static int run_fee_waive(struct ctl *ctl, const struct invocation *call)
{
	struct order order = { .command = "fee_waive", .target = call->args[0], .why = call->args[1] };
	struct entry entry;
	int r = entry_find(ctl, ctl->arena, call->args[0], &entry);

	if (r != 0)
		return r;
	if (entry.e.late_fee.waived_at)
		return ctl_fail(ctl, EXIT_FOUND, "waived", "the fee of invoice %s was waived before", call->args[0]);
	return ctl_order(ctl, entry.partition, &order);
}

const struct command cmd_fee_waive = { .name = "fee waive", .args = "INVOICE WHY", .min_args = 2, .max_args = 2,
	.help = "ask for no late fee any more, also when none was stated yet", .run = run_fee_waive };
