/* What was announced to debtors and is neither carried out nor taken back: shown, and a person's word about it. */
#include <string.h>

#include "common/utc.h"
#include "tools/cmd.h"

static const struct column columns[] = { { "deadline", "UNTIL", false }, { "state", "STATE", false }, { "invoice", "INVOICE", false },
	{ "customer", "CUSTOMER", false }, { "step", "ANNOUNCED BY", false }, { "what", "WHAT", false }, { "approver", "DECIDED BY", false },
	{ "lacks", "LACKS", false }, { "opened_at", NULL, false }, { "attempt", NULL, false }, { 0 } };

struct listing {
	struct table *table;
	bool all;
};

static int list_page(struct ctl *ctl, struct arena *arena, struct entry *entries, size_t count, void *arg)
{
	struct listing *l = arg;

	(void)arena;
	for (size_t i = 0; i < count; i++) {
		const struct commitment *c = &entries[i].e.commitment;
		bool late = c->state == COMMITMENT_OPEN && c->deadline <= ctl->now;

		if (c->state == COMMITMENT_NONE || (c->state != COMMITMENT_OPEN && !l->all))
			continue;
		table_add(l->table, (struct cell[]){ cell_time(c->deadline, entries[i].zone),
			cell_text(late ? "OVERDUE" : commitment_state_names[c->state]), cell_text(arena_strdup(ctl->arena, entries[i].e.invoice.id)),
			cell_text(entries[i].e.invoice.debtor_id ? arena_strdup(ctl->arena, entries[i].e.invoice.debtor_id) : NULL),
			cell_text(arena_strdup(ctl->arena, c->step)), cell_text(c->what ? arena_strdup(ctl->arena, c->what) : NULL),
			cell_text(c->approver ? arena_strdup(ctl->arena, c->approver) : NULL),
			cell_text(c->lacks ? arena_strdup(ctl->arena, c->lacks) : NULL), cell_time(c->opened_at, NULL),
			cell_text(c->attempt ? arena_strdup(ctl->arena, c->attempt) : NULL) });
	}
	return 0;
}

static int run_list(struct ctl *ctl, const struct invocation *call)
{
	struct listing l = { .table = table_create(ctl->arena, columns), .all = command_option(call, "all") != NULL };
	int r = ctl_config(ctl, false);

	for (uint32_t p = 0; r == 0 && p < ctl_partitions(ctl); p++)
		r = entries_scan(ctl, p, list_page, NULL, &l);
	if (r != 0)
		return r;
	view_table(&ctl->view, l.table, "Nothing that was announced is open.");
	return EXIT_DONE;
}

static const struct option_row list_options[] = {
	{ "all", NULL, "those that were carried out, taken back or fell away, too" },
	{ 0 },
};

const struct command cmd_commitment_list = { .name = "commitment list", .args = "", .max_args = 0,
	.help = "what was announced to debtors and is still to be carried out or taken back", .options = list_options, .run = run_list };

int ctl_legal_order(struct ctl *ctl, const char *invoice, const char *what, struct order *order)
{
	struct err err = { 0 };
	struct entry entry;
	struct rules rules;
	int r = entry_find(ctl, ctl->arena, invoice, &entry);

	if (r != 0)
		return r;
	order->target = invoice;
	rules = entry_rules(ctl, &entry);
	if (commitment_may(&entry.e, entry.d, &rules, order->command, what, ctl_who(ctl), &err) < 0)
		return ctl_fail(ctl, EXIT_FOUND, err.code, "%s", err.text);
	return ctl_order(ctl, entry.partition, order);
}

static int run_said(struct ctl *ctl, const struct invocation *call)
{
	bool execute = call->command == &cmd_commitment_execute;
	struct order order = { .command = execute ? "commitment_execute" : "commitment_withdraw", .why = call->args[1] };

	return ctl_legal_order(ctl, call->args[0], NULL, &order);
}

const struct command cmd_commitment_execute = { .name = "commitment execute", .args = "INVOICE WHAT", .min_args = 2, .max_args = 2,
	.help = "what was announced was done: say what", .more = "A handover that was announced is carried out by dunningctl handover.",
	.run = run_said };
const struct command cmd_commitment_withdraw = { .name = "commitment withdraw", .args = "INVOICE WHY", .min_args = 2, .max_args = 2,
	.help = "take back what was announced: the debtor gets it in writing",
	.more = "A mail goes out, beside the ladder, with the template that the step's announces.withdraw names. Where nobody can get it, a\n"
		"task asks a person to write.",
	.run = run_said };

static void write_what(struct json_writer *w, const void *arg)
{
	jw_str(w, "what", arg);
}

static int run_waive(struct ctl *ctl, const struct invocation *call)
{
	struct order order = { .command = "waive", .why = call->args[2], .more = write_what, .more_arg = call->args[1] };

	return ctl_legal_order(ctl, call->args[0], call->args[1], &order);
}

const struct command cmd_waive = { .name = "waive", .args = "INVOICE WHAT WHY", .min_args = 3, .max_args = 3,
	.help = "do without something that a step or a handover asks for",
	.more = "WHAT is approval, notice, delivered, document, contract, or a step of the policy: what dunningctl explain says is lacking.",
	.run = run_waive };
