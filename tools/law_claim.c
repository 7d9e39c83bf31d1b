/* Until when a claim can be brought, and what a formal letter must contain: questions to common/limitation.c and common/demand.c. */
#include <errno.h>
#include <string.h>

#include "tools/law.h"

/* --- law limitation -------------------------------------------------------------------------------------------------- */

static int answer_limitation(const struct law *law, const struct json *given, struct json_writer *expect, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	return limitation_answer(arena, &law->limitation, given, expect, err);
}

/* Words are events: part_payment=2025-06-01 */
static int given_limitation(const struct invocation *call, struct json_writer *w, struct err *err)
{
	law_give(call, w, "country", "country");
	law_give(call, w, "debtor", "debtor");
	law_give(call, w, "due", "due");
	jw_array(w, "events");
	for (size_t i = 0; i < call->arg_count; i++) {
		const char *equals = strchr(call->args[i], '=');

		if (!equals)
			return err_set(err, -EINVAL, "usage", "", "an event is KIND=DATE, such as part_payment=2025-06-01");
		jw_object(w, NULL);
		jw_strn(w, "kind", call->args[i], (size_t)(equals - call->args[i]));
		jw_str(w, "at", equals + 1);
		jw_end_object(w);
	}
	jw_end_array(w);
	return 0;
}

static const struct option_row limitation_options[] = {
	{ "country", "COUNTRY", "whose law: FR, GB-EAW, GB-SCT, GB, DE, NL, ES, IT, BE" },
	{ "debtor", "KIND", "consumer, business (either: the sooner of both)" },
	{ "due", "DATE", "of the invoice" },
	{ 0 },
};

const struct law_command law_limitation = { .command = { .name = "law limitation", .args = "[KIND=DATE]...", .max_args = COMMAND_ANY,
	.options = limitation_options, .run = law_run, .help = "the last day on which it is safe to bring a claim",
	.more = "Words are what happened since: part_payment, acknowledgment, formal_notice. Which of them begin the period anew is\n"
		"the country's law. With --json and no option: questions on standard input, one a line; answers one a line." },
	.given = given_limitation, .answer = answer_limitation };

/* --- law notice ------------------------------------------------------------------------------------------------------ */

static int answer_notice(const struct law *law, const struct json *given, struct json_writer *expect, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	return demand_answer(arena, &law->demands, given, expect, err);
}

static int given_notice(const struct invocation *call, struct json_writer *w, struct err *err)
{
	(void)err;
	if (call->arg_count)
		jw_str(w, "notice", call->args[0]);
	jw_array(w, "fields");
	for (size_t i = 1; i < call->arg_count; i++)
		jw_str(w, NULL, call->args[i]);
	jw_end_array(w);
	return 0;
}

const struct law_command law_notice = { .command = { .name = "law notice", .args = "[NOTICE FIELD...]", .max_args = COMMAND_ANY, .run = law_run,
	.help = "what a formal letter still lacks: fr-mise-en-demeure, be-first-reminder ...",
	.more = "Without a field all that it must contain is told. With --json and no word: questions on standard input, one a line;\n"
		"answers one a line." },
	.given = given_notice, .answer = answer_notice };
