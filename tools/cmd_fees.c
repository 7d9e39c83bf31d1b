/* What late payment costs the debtor of an invoice, beside its balance: the sum that was stated, and interest until today. */
#include <string.h>

#include "common/law.h"
#include "tools/cmd.h"
#include "tools/law.h"

/* Of the law that its policy names; NULL = none. */
static const struct regime *regime_of(const struct law *law, const struct entry *entry)
{
	return entry->policy && entry->policy->regime ? interest_regime(&law->interest, entry->policy->regime) : NULL;
}

/* On what is open today, as a notice counts it. NULL: there is none yet, or it cannot be told, and *why says why. */
static const struct interest *interest_of(struct ctl *ctl, const struct law *law, const struct entry *entry, const char **why)
{
	struct interest *ret = arena_alloc(ctl->arena, sizeof(*ret));
	struct rules rules = entry_rules(ctl, entry);
	date today = zone_date(entry->zone, ctl->now);

	*why = rules.policy ? NULL : "its policy is not known";
	if (rules.policy)
		late_interest_until(&entry->e, entry->d, &rules, regime_of(law, entry), today, ctl->arena, ret, why);
	return *why ? NULL : ret;
}

/* What could be put on the account today, also of what is paid since. */
static struct cell chargeable(struct ctl *ctl, const struct law *law, const struct entry *entry)
{
	struct rules rules = entry_rules(ctl, entry);
	struct late_interest more;

	if (late_interest_may(&entry->e, entry->d, &rules, regime_of(law, entry), date_none(), ctl->arena, &more, NULL) < 0)
		return cell_none();
	return cell_money(more.amount, entry->e.invoice.snapshot.currency);
}

static int run_fees(struct ctl *ctl, const struct invocation *call)
{
	CLEANUP(law_freep) struct law *law = NULL;
	struct fields *f = fields_create(ctl->arena);
	const struct interest *interest;
	const char *why, *currency;
	const struct late_fee *fee;
	struct late_account account;
	struct entry entry;
	const struct escalation *e = &entry.e;
	int r = entry_find(ctl, ctl->arena, call->args[0], &entry);

	if (r == 0)
		r = law_of(ctl, &law);
	if (r != 0)
		return r;
	if (!entry.zone || !entry.e.invoice.known)
		return ctl_fail(ctl, EXIT_FOUND, "unknown", "only facts about %s came yet, not the invoice itself", call->args[0]);
	fee = &e->late_fee;
	account = late_account_of(e);
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
	fields_add(f, "charged", "Interest on the account", e->late_interest.at ? cell_money(e->late_interest.amount, currency) : cell_none());
	fields_add(f, "charged_until", "Counted until", cell_date(e->late_interest.at ? e->late_interest.until : date_none()));
	fields_add(f, "charged_by", "Put there by", cell_text(e->late_interest.by));
	fields_add(f, "paid", "Paid towards it", account.paid ? cell_money(account.paid, currency) : cell_none());
	fields_add(f, "owed", "Owed beside the balance", cell_money(account.open, currency));
	if (account.elsewhere)
		fields_add(f, NULL, "But", cell_text("the fixed sum is in another currency, and owed beside that"));
	fields_add(f, "interest", "Interest until today, on what is open", interest ? cell_money(interest->accrued, currency) : cell_none());
	fields_add(f, "interest_days", "Days", interest ? cell_number(interest->days) : cell_none());
	if (interest && interest->stopped)
		fields_add(f, NULL, "But", cell_text("a reference rate is not known: it is counted up to the end of those that are"));
	fields_add(f, "chargeable", "Interest not yet on the account", chargeable(ctl, law, &entry));
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

static void write_until(struct json_writer *w, const void *arg)
{
	char day[DATE_TEXT_SIZE];

	jw_str(w, "until_on", date_format(*(const date *)arg, day));
}

static int run_fee_charge(struct ctl *ctl, const struct invocation *call)
{
	CLEANUP(law_freep) struct law *law = NULL;
	struct order order = { .command = "fee_charge", .target = call->args[0], .why = call->args[1], .more = write_until };
	const char *on = command_option(call, "on");
	struct err err = { 0 };
	struct late_interest more;
	date until = date_none();
	struct entry entry;
	struct rules rules;
	int r = entry_find(ctl, ctl->arena, call->args[0], &entry);

	if (r == 0)
		r = law_of(ctl, &law);
	if (r != 0)
		return r;
	if (on && date_parse(on, &until) < 0)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "--on %s must be a date such as 2026-03-02", on);
	rules = entry_rules(ctl, &entry);
	if (late_interest_may(&entry.e, entry.d, &rules, regime_of(law, &entry), until, ctl->arena, &more, &err) < 0)
		return ctl_fail(ctl, EXIT_FOUND, err.code, "%s", err.text);
	order.more_arg = &more.until; /* the day that was looked at here, whatever day it is when the daemon reads it */
	return ctl_order(ctl, entry.partition, &order);
}

static const struct option_row charge_options[] = {
	{ "on", "DATE", "interest until that day, itself included (today)" },
	{ 0 },
};

const struct command cmd_fee_charge = { .name = "fee charge", .args = "INVOICE WHY", .min_args = 2, .max_args = 2,
	.help = "put the interest that has accrued on the account of late fees",
	.more = "By the law of the invoice's policy, on what was open on each day up to the one named, also once it is paid; what is there already counts\n"
		"no second time.\n"
		"The invoice's balance never moves. Told as fee.accrued with fee_kind interest; waived with fee waive; what is paid towards it is told\n"
		"with fee_minor of invoice.payment_received. Refused where late charges were agreed, or a reference rate is not known.",
	.options = charge_options, .run = run_fee_charge };
