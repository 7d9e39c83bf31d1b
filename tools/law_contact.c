/* Whether somebody may be contacted, and what an answer asks of us: questions to common/guard.c and common/reply.c. */
#include <errno.h>
#include <string.h>

#include "common/reply.h"
#include "tools/law.h"

/* --- law contact ----------------------------------------------------------------------------------------------------- */

static int answer_contact(const struct law *law, const struct json *given, struct json_writer *expect, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	return guard_answer_given(arena, &law->guard, given, expect, err);
}

static void give_list(struct json_writer *w, const char *member, const char *text)
{
	jw_array(w, member);
	while (text && *text) {
		size_t len = strcspn(text, ",");

		jw_strn(w, NULL, text, len);
		text += len + (text[len] == ',');
	}
	jw_end_array(w);
}

static int given_contact(const struct invocation *call, struct json_writer *w, struct err *err)
{
	static const char *const texts[] = { "country", "region", "debtor", "role", "channel", "at", "calendar", NULL };

	(void)err;
	for (const char *const *name = texts; *name; name++)
		law_give(call, w, *name, *name);
	law_give(call, w, "relation", "contact_relation");
	if (command_option(call, "rules"))
		give_list(w, "rules", command_option(call, "rules"));
	give_list(w, "zones", command_option(call, "zones"));
	return 0;
}

static const struct option_row contact_options[] = {
	{ "country", "COUNTRY", "of the debtor: its rules are taken" },
	{ "region", "REGION", "US: MA, NYC; CA: ON, QC" },
	{ "rules", "IDS", "these rules instead, with commas: us-fdcpa,us-ma" },
	{ "debtor", "KIND", "consumer, sole_trader, company, public (not known: a consumer)" },
	{ "role", "ROLE", "who contacts: creditor (usual), third_party_collector" },
	{ "channel", "CHANNEL", "email, sms, call, letter, voice, postcard" },
	{ "at", "TIME", "2026-03-09T12:30:00Z; without it the hour is not asked about" },
	{ "zones", "ZONES", "each that may be the person's, with commas: all must fit" },
	{ "calendar", "PLACE", "whose holidays (the rule's)" },
	{ "relation", "WHO", "the person is the debtor's: employer, spouse, own_accounts_department, guarantor ..." },
	{ 0 },
};

const struct law_command law_contact = { .command = { .name = "law contact", .args = "", .options = contact_options, .run = law_run,
	.help = "whether a person may be contacted: allow, defer, review, deny, and why",
	.more = "  dunningctl law contact --country FR --debtor consumer --channel sms --zones Europe/Paris --at 2026-07-14T08:00:00Z\n"
		"With --json and no option: questions on standard input, one a line; answers one a line." },
	.given = given_contact, .answer = answer_contact };

/* --- law opt-out ----------------------------------------------------------------------------------------------------- */

static int answer_opt_out(const struct law *law, const struct json *given, struct json_writer *expect, struct err *err)
{
	const char *text = "";
	int r = json_opt_str(given, "text", 64 * 1024, &text, err);

	(void)law;
	if (r < 0)
		return r;
	jw_str(expect, "expect", reply_wish_names[reply_wish(text)]);
	jw_str(expect, "decision", reply_wish_names[reply_wish(text)]);
	return 0;
}

static int given_opt_out(const struct invocation *call, struct json_writer *w, struct err *err)
{
	(void)err;
	jw_str(w, "text", call->arg_count ? call->args[0] : "");
	return 0;
}

static void show_opt_out(struct ctl *ctl, const struct json *given, const struct json *expect)
{
	struct json decision = json_get(expect, "decision");

	(void)given;
	view_say(&ctl->view, "%s", json_str(&decision));
}

const struct law_command law_opt_out = { .command = { .name = "law opt-out", .args = "[TEXT]", .max_args = 1, .run = law_run,
	.help = "what an answer asks of us: opt_out, opt_in, help, review, none",
	.more = "review: a person must read it. With --json and no text: questions on standard input, one a line, such as\n"
		"{\"text\": \"STOP\"}; answers one a line." },
	.given = given_opt_out, .answer = answer_opt_out, .show = show_opt_out };
