/* dunningctl handover: the case goes to a lawyer, an agency or a court, with the evidence; from then on nothing is done by itself. */
#include <string.h>

#include "common/law.h"
#include "tools/cmd.h"
#include "tools/law.h"

struct taken {
	const char *to, *procedure, *bundle;
};

static void write_taken(struct json_writer *w, const void *arg)
{
	const struct taken *t = arg;

	jw_str(w, "to", t->to);
	jw_opt_str(w, "procedure", t->procedure);
	jw_opt_str(w, "bundle_sha256", t->bundle);
}

static void write_result(struct json_writer *w, const void *arg)
{
	jw_str(w, "result", arg);
}

/* --- what there is ----------------------------------------------------------------------------------------------------------------- */

static const struct column check_columns[] = { { "what", "WHAT", false }, { "there", "THERE", false }, { "asked", "ASKED FOR", false }, { 0 } };

/* How complete it is: of everything that a judge would ask for, whether the policy does or not. */
static struct table *checks(struct ctl *ctl, const struct entry *entry, size_t *met, size_t *all)
{
	const struct needs *asked = escalation_handover_needs(&entry->e, entry->policy);
	struct needs every = { .facts = (1u << NEED_COUNT) - 1, .steps = asked->steps };
	struct needs missing = escalation_missing(&entry->e, entry->d, entry->policy, &every);
	struct table *t = table_create(ctl->arena, check_columns);

	*met = *all = 0;
	for (int need = 0; need < NEED_COUNT; need++, ++*all) {
		bool there = !(missing.facts >> need & 1);

		*met += there;
		table_add(t, (struct cell[]){ cell_text(need_names[need]), cell_flag(there), cell_flag(asked->facts >> need & 1) });
	}
	for (size_t i = 0; entry->policy && i < entry->policy->step_count; i++) {
		bool there = !(missing.steps >> i & 1);

		if (!(asked->steps >> i & 1))
			continue;
		*met += there;
		++*all;
		table_add(t, (struct cell[]){ cell_text(entry->policy->steps[i].id), cell_flag(there), cell_flag(true) });
	}
	return t;
}

static const struct column path_columns[] = { { "procedure", "PROCEDURE", false }, { "court", "COURT", false }, { "fee_minor", "FEE", true },
	{ "needs", "NEEDS", false }, { "form", "FORM", false }, { "form_number", NULL, false }, { "form_url", NULL, false }, { "advice", "ADVICE", false },
	{ "advice_source", NULL, false }, { "certainty", "CERTAINTY", false }, { "law", NULL, false }, { 0 } };

/* "Claim form, N1, https://...": what to look for. */
static const char *form_text(struct ctl *ctl, const struct procedure_form *form)
{
	return form->name ? arena_printf(ctl->arena, "%s%s%s%s%s", form->name, form->number ? ", " : "", form->number ? form->number : "",
				    form->url ? ", " : "", form->url ? form->url : "") : NULL;
}

/* The ways of the debtor's country that this claim may go. */
static struct table *paths(struct ctl *ctl, const struct law *law, const struct entry *entry, date today, const char **first)
{
	struct table *t = table_create(ctl->arena, path_columns);
	int64_t claim = invoice_view(&entry->e.invoice).balance;

	*first = NULL;
	for (size_t i = 0; law->procedures && i < law->procedures->count; i++) {
		const struct procedure *p = &law->procedures->items[i];
		int64_t fee;

		if (!procedure_suits(p, entry->d ? entry->d->customer.country : NULL, entry->e.invoice.snapshot.currency, claim, today))
			continue;
		fee = procedure_fee(p, claim);
		if (!*first && p->court)
			*first = arena_strdup(ctl->arena, p->id);
		table_add(t, (struct cell[]){ cell_text(arena_strdup(ctl->arena, p->id)), cell_text(p->court ? arena_strdup(ctl->arena, p->court) : NULL),
			fee < 0 ? cell_none() : cell_number(fee), cell_text(p->needs ? arena_strdup(ctl->arena, p->needs) : NULL),
			cell_text(form_text(ctl, &p->form)), cell_text(p->form.number ? arena_strdup(ctl->arena, p->form.number) : NULL),
			cell_text(p->form.url ? arena_strdup(ctl->arena, p->form.url) : NULL),
			cell_text(p->advice ? arena_strdup(ctl->arena, p->advice) : NULL),
			cell_text(p->advice_source ? arena_strdup(ctl->arena, p->advice_source) : NULL), cell_text(arena_strdup(ctl->arena, p->certainty)),
			cell_text(arena_strdup(ctl->arena, p->source)) });
	}
	return t;
}

static int show_checks(struct ctl *ctl, const struct entry *entry, struct table *ways, const char *to)
{
	struct fields *f = fields_create(ctl->arena);
	struct err err = { 0 };
	size_t met, all;
	struct table *t = checks(ctl, entry, &met, &all);
	struct rules rules = entry_rules(ctl, entry);
	int r = commitment_may(&entry->e, entry->d, &rules, "handover", to, ctl_who(ctl), &err);

	fields_add(f, "invoice", "Invoice", cell_text(entry->e.invoice.id));
	fields_add(f, "complete", "Complete", cell_text(arena_printf(ctl->arena, "%zu of %zu", met, all)));
	fields_add(f, "ready", NULL, cell_flag(r == 0));
	fields_add(f, "refused", "Not yet", r < 0 ? cell_text(err.text) : cell_none());
	fields_table(f, "checks", "What a judge would ask for", t);
	fields_table(f, "procedures", "Ways before a court", ways);
	view_fields(&ctl->view, f);
	return r < 0 ? EXIT_FOUND : EXIT_DONE;
}

static int choose_procedure(struct ctl *ctl, const struct invocation *call, const struct law *law, const char *suited, struct taken *t)
{
	const char *given = command_option(call, "procedure");

	if (strcmp(t->to, "court") != 0)
		return given ? ctl_fail(ctl, EXIT_USAGE, "usage", "--procedure is for --to court") : 0;
	if (given && !procedure_find(law->procedures, given))
		return ctl_fail(ctl, EXIT_FOUND, "unknown_procedure", "the law data have no procedure \"%s\"", given);
	t->procedure = given ? given : suited;
	return t->procedure ? 0 : ctl_fail(ctl, EXIT_FOUND, "no_procedure", "the law data know no procedure for this debtor and sum: name one with "
		"--procedure (dunningctl law deadline shows them)");
}

/* What whoever took the case says: they keep it, or it is ours again. */
static int tell_result(struct ctl *ctl, const struct invocation *call, const char *result)
{
	struct order order = { .command = "handover_result", .why = call->args[1], .more = write_result, .more_arg = result };

	return order.why ? ctl_legal_order(ctl, call->args[0], result, &order) : ctl_fail(ctl, EXIT_USAGE, "usage", "say why: it stands in the trail");
}

static int show_handed(struct ctl *ctl, const char *invoice, const struct taken *t, const char *path, const char *id)
{
	struct fields *f = fields_create(ctl->arena);

	fields_add(f, "invoice", "Invoice", cell_text(invoice));
	fields_add(f, "to", "Handed over to", cell_text(t->to));
	fields_add(f, "procedure", "Procedure", cell_text(t->procedure));
	fields_add(f, "path", "Bundle", cell_text(path));
	fields_add(f, "bundle_sha256", "Digest of manifest", cell_text(t->bundle));
	fields_add(f, "event_id", NULL, cell_text(id));
	fields_add(f, NULL, "From now on", cell_text("nothing is done by itself; a payment still closes the invoice"));
	view_fields(&ctl->view, f);
	return EXIT_DONE;
}

static int run_handover(struct ctl *ctl, const struct invocation *call)
{
	CLEANUP(law_freep) struct law *law = NULL;
	const char *path = command_option(call, "out"), *suited, *to = command_option(call, "to"), *id, *told;
	struct taken taken = { .to = to ? to : "lawyer" };
	struct order order = { .command = "handover", .target = call->args[0], .why = call->args[1], .more = write_taken, .more_arg = &taken };
	CLEANUP(buf_clear) struct buf sheet = { 0 };
	struct bundle_file claim = { 0 };
	const struct procedure *procedure;
	struct err err = { 0 };
	struct entry entry;
	struct rules rules;
	struct table *ways;
	int r;

	if (command_option(call, "result"))
		return tell_result(ctl, call, command_option(call, "result"));
	r = entry_find(ctl, ctl->arena, call->args[0], &entry);
	if (r == 0)
		r = law_of(ctl, &law);
	if (r != 0)
		return r;
	ways = paths(ctl, law, &entry, entry.zone ? zone_date(entry.zone, ctl->now) : date_none(), &suited);
	if (command_option(call, "check"))
		return show_checks(ctl, &entry, ways, taken.to);
	if (!to || !order.why)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "say to whom, with --to lawyer, agency or court, and why (or look first, with --check)");
	rules = entry_rules(ctl, &entry);
	if (commitment_may(&entry.e, entry.d, &rules, "handover", to, ctl_who(ctl), &err) < 0)
		return ctl_fail(ctl, strcmp(err.code, "not_one_of") == 0 ? EXIT_USAGE : EXIT_FOUND, err.code, "%s", err.text);
	r = choose_procedure(ctl, call, law, suited, &taken);
	if (r != 0)
		return r;
	if (!path)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "name the folder or the .zip file for the evidence bundle with --out: whoever takes the case needs it");
	procedure = taken.procedure || suited ? procedure_find(law->procedures, taken.procedure ? taken.procedure : suited) : NULL;
	if (procedure && procedure->form.name && entry.zone) { /* a lawyer needs the same facts */
		claim_sheet(ctl, law, &entry, procedure, &sheet);
		claim = (struct bundle_file){ arena_printf(ctl->arena, "claim/%s.txt", procedure->id), { (const uint8_t *)sheet.data, sheet.len } };
	}
	r = ctl_evidence(ctl, call, path, false, claim.path ? &claim : NULL, &taken.bundle);
	if (r == 0)
		r = ctl_order_send(ctl, entry.partition, &order, &id, &told);
	return r == 0 ? show_handed(ctl, call->args[0], &taken, path, id) : r;
}

static const struct option_row handover_options[] = {
	{ "to", "WHOM", "lawyer, agency or court" },
	{ "procedure", "ID", "with court: which way; without it the first that suits debtor and sum" },
	{ "result", "WORD", "what they say later: kept, they go on with it; returned, it is ours again" },
	{ "check", NULL, "only show what is there, what lacks, and the ways before a court" },
	{ "out", "DIR|FILE.zip", "where to write the evidence bundle; it must not exist" },
	{ "for", "WHOM", "who gets it, by name, for the trail" },
	{ "debtor", "ID", "the whole file of this customer, instead of the one invoice's" },
	{ "history", NULL, "with the customer's paid invoices and how late each was" },
	{ "withhold", "PART,...", "leave out these parts, as dunningctl evidence does" },
	{ "without-leaves", NULL, "without the log's leaves" },
	{ "state", "DIR", "state directory (the configuration's)" },
	{ 0 },
};

const struct command cmd_handover = { .name = "handover", .args = "INVOICE [WHY]", .min_args = 1, .max_args = 2,
	.help = "give the case to a lawyer, an agency or a court, with the evidence",
	.more = "Writes the evidence bundle, and ends all automation for the invoice: the firm or the court writes from then on, in its own name.\n"
		"The bundle has a data sheet for the court's form (claim/PROCEDURE.txt): what it asks for, in its order, as far as it is known.\n"
		"A payment still closes it. What was announced is carried out with it. Refused while a dispute, a plan, a settlement or a promise\n"
		"is open, or while what the policy's handover requires is not there: see --check, and dunningctl waive.\n"
		"Returned, the ladder goes on where it stood; a person is asked once all its steps are walked.",
	.options = handover_options, .run = run_handover };
