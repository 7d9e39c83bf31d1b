/* dunningctl call log: what came of a call. It always came to something, and what was said on the telephone is sent in writing. */
#include <stdlib.h>
#include <string.h>

#include "common/schedule.h"
#include "common/utc.h"
#include "tools/cmd.h"

struct call {
	const char *outcome, *notes, *tell, *contact, *reason;
	date until_on;
	int64_t back_at, minutes;
};

static void write_call(struct json_writer *w, const void *arg)
{
	const struct call *call = arg;
	char day[DATE_TEXT_SIZE], when[UTC_TEXT_SIZE];

	jw_str(w, "outcome", call->outcome);
	jw_str(w, "notes", call->notes);
	jw_opt_str(w, "tell", call->tell);
	jw_opt_str(w, "contact_id", call->contact);
	jw_opt_int(w, "minutes", call->minutes);
	jw_opt_str(w, "reason", call->reason);
	if (date_is_set(call->until_on))
		jw_str(w, "until_on", date_format(call->until_on, day));
	if (call->back_at)
		jw_str(w, "back_at", utc_format(call->back_at, when));
}

/* call:INVOICE:STEP, call_back:INVOICE: a step has no colon, an invoice may. */
static const char *invoice_of(struct arena *arena, const char *target)
{
	const char *end = strrchr(target, ':');

	if (strncmp(target, "call_back:", 10) == 0)
		return target + 10;
	if (strncmp(target, "call:", 5) != 0 || end == target + 4)
		return target;
	return arena_printf(arena, "%.*s", (int)(end - target - 5), target + 5);
}

static int read_outcome(struct ctl *ctl, const struct invocation *call, enum call_outcome *ret)
{
	const char *word = command_option(call, "outcome");
	const char *all = "";

	for (int i = CALL_NONE + 1; i < CALL_OUTCOME_COUNT; i++) {
		if (word && strcmp(word, call_outcome_names[i]) == 0) {
			*ret = (enum call_outcome)i;
			return 0;
		}
		all = arena_printf(ctl->arena, "%s%s%s", all, *all ? ", " : "", call_outcome_names[i]);
	}
	return ctl_fail(ctl, EXIT_USAGE, "usage", "%s: a call came to one of %s (--outcome)",
		word ? arena_printf(ctl->arena, "\"%s\" is no outcome", word) : "what came of it?", all);
}

static int read_until(struct ctl *ctl, const struct invocation *call, enum call_outcome outcome, struct call *ret)
{
	const char *until = command_option(call, "until"), *back = command_option(call, "back");

	ret->until_on = date_none();
	if (until && date_parse(until, &ret->until_on) < 0)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "--until must be a day like 2026-03-02, not \"%s\"", until);
	if (outcome == CALL_PROMISE && !until)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "for when did they promise? (--until 2026-03-02)");
	if (outcome == CALL_BACK_AT && !back)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "when do they want to be called again? (--back 2026-03-02T09:00:00Z)");
	return back ? ctl_until(ctl, back, &ret->back_at) : 0;
}

/* The policy says for how long a promise may pause; the promise itself stands as it was made. */
static int check_promise(struct ctl *ctl, const struct entry *entry, const struct call *call)
{
	int32_t within = entry->policy ? entry->policy->agreed.promise_within_days : 0;
	date today = entry->zone ? zone_date(entry->zone, ctl->now) : date_none();
	char day[DATE_TEXT_SIZE];

	if (!date_is_set(today))
		return 0;
	if (date_diff(call->until_on, today) < 0)
		return ctl_fail(ctl, EXIT_USAGE, "past", "%s is over already: nobody can promise it", date_format(call->until_on, day));
	if (within && date_diff(call->until_on, today) > within)
		return ctl_fail(ctl, EXIT_FOUND, "too_far", "policy %s lets a promise pause for %d days at most, until %s: agree on an earlier day, or on a payment plan",
			entry->e.policy, within, date_format(date_add_days(today, within), day));
	return 0;
}

static int run_call_log(struct ctl *ctl, const struct invocation *call)
{
	struct call said = { .outcome = command_option(call, "outcome"), .notes = call->args[1], .tell = command_option(call, "tell"),
		.contact = command_option(call, "contact"), .reason = command_option(call, "reason") };
	struct order order = { .command = "call_log", .target = call->args[0], .more = write_call, .more_arg = &said };
	enum call_outcome outcome = CALL_NONE;
	struct entry entry;
	int r = read_outcome(ctl, call, &outcome);

	if (r == 0 && command_option(call, "minutes") && (said.minutes = strtoll(command_option(call, "minutes"), NULL, 10)) < 1)
		r = ctl_fail(ctl, EXIT_USAGE, "usage", "--minutes wants a number of minutes, at least 1");
	if (r == 0)
		r = ctl_config(ctl, false);
	if (r == 0)
		r = read_until(ctl, call, outcome, &said);
	if (r == 0)
		r = entry_find(ctl, ctl->arena, invoice_of(ctl->arena, call->args[0]), &entry);
	if (r == 0 && outcome == CALL_PROMISE)
		r = check_promise(ctl, &entry, &said);
	if (r != 0)
		return r;
	order.why = arena_printf(ctl->arena, "call: %s", said.outcome);
	return ctl_order(ctl, entry.partition, &order);
}

static const struct option_row call_log_options[] = {
	{ "outcome", "WORD", "voicemail, unreachable, wrong_contact, invoice_not_received, waiting_approval, in_payment, paid, promise, "
		"dispute, refuses, insolvent or call_back_at; required" },
	{ "until", "DAY", "the day that was promised, or on which the money or the approval is expected" },
	{ "back", "WHEN", "with call_back_at: when to call again, in 60 days at most" },
	{ "reason", "CODE", "with dispute: why, as a code such as quality or price; with waiting_approval what they lack, purchase_order or delivery: a task" },
	{ "minutes", "N", "how long it took, with what it took to prepare it: for what the case has cost" },
	{ "contact", "ID", "whom it reached, of the customer's contacts: gets the mail that confirms it" },
	{ "tell", "TEXT", "a sentence of yours for that mail; notes never leave the house" },
	{ 0 },
};

const struct command cmd_call_log = { .name = "call log", .args = "INVOICE|TASK NOTES", .min_args = 2, .max_args = 2,
	.help = "what came of a call",
	.more = "Ends the call task and does what follows: a promise or a dispute holds the ladder, a payment that is on its way is waited\n"
		"for, and so on. Where somebody was reached, a mail states the same day what was said, if the step of the policy has one.",
	.options = call_log_options, .run = run_call_log };
