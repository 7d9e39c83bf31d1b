/* What is known until when, and what is not: every entry of the law data with its source, date and certainty. */
#include <errno.h>
#include <string.h>

#include "common/utc.h"
#include "tools/law.h"

static const struct column columns[] = { { "section", "SECTION", false }, { "name", "ENTRY", false }, { "state", "STATE", false },
	{ "known_until", "KNOWN UNTIL", false }, { "unknown_from", "UNKNOWN FROM", false }, { "certainty", "CERTAINTY", false }, { "as_of", "AS OF", false },
	{ "own_file", "YOURS", false }, { "source", "SOURCE", false }, { 0 } };

/* Of values by half-year the first that is missing, "2026H2"; else the day behind the last known one. */
static struct cell unknown_from(struct ctl *ctl, const struct law_entry *e)
{
	date from = date_add_days(e->known_until, 1);
	int year, month, day;

	if (!date_is_set(from) || !json_has(&e->value, "values"))
		return cell_date(from);
	date_split(from, &year, &month, &day);
	return cell_text(arena_printf(ctl->arena, "%04dH%d", year, month > 6 ? 2 : 1));
}

static int run_status(struct ctl *ctl, const struct invocation *call)
{
	CLEANUP(law_freep) struct law *law = NULL;
	struct table *t = table_create(ctl->arena, columns);
	const struct law_entry *entries;
	size_t count, unknown = 0, soon = 0;
	bool all = command_option(call, "all") != NULL;
	date today;
	int r = law_of(ctl, &law);

	if (r != 0)
		return r;
	today = (date){ (int32_t)(ctl->now / DAY_MS) };
	if (command_option(call, "today") && date_parse(command_option(call, "today"), &today) < 0)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "--today must be a date such as 2026-11-22");
	count = law_entries(law, &entries);
	for (size_t i = 0; i < count; i++) {
		const struct law_entry *e = &entries[i];
		enum law_state state = law_entry_state(e, today);

		unknown += state == LAW_RAN_OUT;
		soon += state == LAW_RUNS_OUT;
		if (!all && !ctl->view.json && state == LAW_CURRENT && e->certainty != LAW_KNOWN && !e->own_file)
			continue;
		table_add(t, (struct cell[]){ cell_text(e->section), cell_text(e->name), cell_text(law_state_names[state]),
				      cell_date(e->known_until), unknown_from(ctl, e), cell_text(law_certainty_names[e->certainty]), cell_date(e->as_of),
				      cell_text(e->own_file), cell_text(e->source) });
	}
	view_table(&ctl->view, t, "All that is known is found in a source and holds today.");
	view_say(&ctl->view, "%zu entries: %zu ran out, %zu run out within %d days. What ran out is refused, never guessed.", count,
		unknown, soon, LAW_WARN_DAYS);
	return unknown ? EXIT_FOUND : EXIT_DONE;
}

static const struct option_row options[] = {
	{ "all", NULL, "those that hold and were found in a source, too" },
	{ "today", "DATE", "as it will be on that day" },
	{ 0 },
};

const struct law_command law_status = { .command = { .name = "law status", .args = "", .options = options, .run = run_status,
	.help = "what the law data knows until when, and what is unknown",
	.more = "Certainty: found (an official text, or a page that quotes it, was seen), known (general knowledge: check it\n"
		"before a case depends on it), ours (no law, our own choice). Exit status 1: something has run out." } };
