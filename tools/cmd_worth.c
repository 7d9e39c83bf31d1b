/* dunningctl worth: what an invoice has cost so far, and what may still come of it. */
#include "common/worth.h"
#include "tools/cmd.h"

static int run_worth(struct ctl *ctl, const struct invocation *call)
{
	struct debtor *system = arena_alloc(ctl->arena, sizeof(*system));
	struct fields *f = fields_create(ctl->arena);
	struct entry entry;
	struct worth w;
	int r = entry_find(ctl, ctl->arena, call->args[0], &entry);

	if (r == 0)
		r = ctl_system(ctl, ctl->arena, entry.partition, system);
	if (r != 0)
		return r;
	if (!entry.zone || !entry.e.invoice.known)
		return ctl_fail(ctl, EXIT_FOUND, "unknown", "only facts about %s came yet, not the invoice itself", call->args[0]);
	w = worth_of(ctl->config, &entry.e, entry.policy, &system->experience, zone_date(entry.zone, ctl->now));
	fields_add(f, "invoice", "Invoice", cell_text(entry.e.invoice.id));
	fields_add(f, "balance", "Open", cell_money(w.balance, entry.e.invoice.snapshot.currency));
	fields_add(f, "age_days", "Days past due", cell_number(w.age_days));
	fields_add(f, "messages", "Messages", cell_number(w.messages));
	fields_add(f, "minutes", "Minutes of people", cell_number(w.minutes));
	fields_add(f, "spent", "Spent", w.priced ? cell_money(w.spent, entry.e.invoice.snapshot.currency) : cell_none());
	fields_add(f, "percent", "Paid in the end, of 100", cell_number(w.percent));
	fields_add(f, "own", NULL, cell_flag(w.own));
	fields_add(f, "cases", "Own cases of this age", cell_number(w.cases));
	fields_add(f, "expected", "May still come", cell_money(w.expected, entry.e.invoice.snapshot.currency));
	view_fields(&ctl->view, f);
	return EXIT_DONE;
}

const struct command cmd_worth = { .name = "worth", .args = "INVOICE", .min_args = 1, .max_args = 1,
	.help = "what it has cost so far, and what may still come of it",
	.more = "Minutes and prices are those of the configuration's costs, and of call log --minutes. What may come is learned from your own closed\n"
		"invoices of that age, once there are 20; until then it is what the trade says.", .run = run_worth };
