/* A person's own words for the next message about an invoice. */
#include <string.h>

#include "common/utc.h"
#include "tools/cmd.h"

static void write_text(struct json_writer *w, const void *arg)
{
	jw_str(w, "text", arg);
}

static int run(struct ctl *ctl, const struct invocation *call, struct order *order, const char *text)
{
	struct event event = { .type = EVENT_OPERATOR_COMMAND, .command = order->command, .who = "", .until = order->until };
	struct escalation tried;
	struct err err = { 0 };
	struct entry entry;
	int r = entry_find(ctl, ctl->arena, call->args[0], &entry);

	if (r != 0)
		return r;
	order->target = call->args[0];
	event.time = ctl->now;
	tried = entry.e;
	if (note_command(&tried, &event, text, ctl->now, ctl->arena, &err) < 0) /* a slip of the pen is told here and not only found in the trail */
		return ctl_fail(ctl, EXIT_FOUND, err.code, "%s %s", err.path, err.text);
	return ctl_order(ctl, entry.partition, order);
}

static int run_add(struct ctl *ctl, const struct invocation *call)
{
	struct order order = { .command = "note", .why = "words for the next message", .more = write_text, .more_arg = call->args[1] };
	const char *until = command_option(call, "until");
	int r = ctl_config(ctl, false);

	if (r == 0 && until)
		r = ctl_until(ctl, until, &order.until);
	return r == 0 ? run(ctl, call, &order, call->args[1]) : r;
}

static const struct option_row add_options[] = {
	{ "until", "WHEN", "2026-03-02 (that day included) or a span such as 10d: of no use any more after that (30d)" },
	{ 0 },
};

const struct command cmd_note_add = { .name = "note add", .args = "INVOICE TEXT", .min_args = 2, .max_args = 2,
	.help = "add a few words of your own to the next mail, letter or text message about it",
	.more = "Once, as you write them, before the closing words; who wrote them stands in the trail. A new note replaces one that was not said\n"
		"yet. A text message takes a short one alone (120 bytes): a longer one waits for the next mail or letter. In a message about several\n"
		"invoices stand the notes of all of them.",
	.options = add_options, .run = run_add };

static int run_remove(struct ctl *ctl, const struct invocation *call)
{
	struct order order = { .command = "note_remove", .why = call->args[1] };

	return run(ctl, call, &order, NULL);
}

const struct command cmd_note_remove = { .name = "note remove", .args = "INVOICE WHY", .min_args = 2, .max_args = 2,
	.help = "take back a note that is not said yet", .run = run_remove };
