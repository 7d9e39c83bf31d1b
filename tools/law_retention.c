/* How long a record must be kept, and what a request to erase is answered. */
#include <errno.h>
#include <string.h>

#include "tools/law.h"

/* GDPR art. 17(3): what is needed for legal claims or by a legal duty is kept; the rest goes. */
static int answer_request(const struct json *given, struct json_writer *expect, struct err *err)
{
	static const char *const requests[] = { "erase", NULL };
	static const char *const claims[] = { "open", "paid", NULL };
	bool running = false, over = false;
	int request, claim, r;

	if ((r = json_get_word(given, "request", requests, &request, err)) < 0 || (r = json_get_word(given, "claim", claims, &claim, err)) < 0 ||
		(r = json_opt_bool(given, "accounting_retention_running", &running, err)) < 0 ||
		(r = json_opt_bool(given, "all_retention_over", &over, err)) < 0)
		return r;
	if (claim == 0) {
		jw_str(expect, "answer", "refuse_in_part");
		jw_str(expect, "reason", "GDPR 17(3)(e) legal claims");
		jw_str(expect, "still", "stop optional processing");
	} else if (running) {
		jw_str(expect, "answer", "refuse_in_part");
		jw_str(expect, "reason", "GDPR 17(3)(b) legal duty");
		jw_str(expect, "still", "erase what the duty does not cover");
	} else if (over) {
		jw_str(expect, "answer", "erase");
	} else {
		return json_refuse(given, "all_retention_over", err, "missing",
			"must be said of a paid claim: whether all duties to keep its records are over");
	}
	return 0;
}

static int answer(const struct law *law, const struct json *given, struct json_writer *expect, struct err *err)
{
	struct kept_record record = { date_none(), date_none(), date_none() };
	const struct keeping_rule *rule;
	const char *country, *kind, *missing;
	date until;
	int r;

	if (json_has(given, "request"))
		return answer_request(given, expect, err);
	if ((r = json_get_str(given, "country", 40, &country, err)) < 0 || (r = json_get_id(given, "record", &kind, err)) < 0 ||
		(r = law_opt_date(given, "date", &record.on, err)) < 0 ||
		(r = law_opt_date(given, "financial_year_end", &record.financial_year_end, err)) < 0 ||
		(r = law_opt_date(given, "last_activity", &record.last_activity, err)) < 0)
		return r;
	rule = keeping_rule(law->keeping, country, kind, date_is_set(record.on) ? record.on : record.last_activity);
	if (!rule)
		return json_refuse(given, "record", err, "unknown_rule", "no period is known for \"%s\" in \"%s\"", kind, country);
	until = keeping_until(rule, &record, &missing);
	if (!date_is_set(until))
		return json_refuse(given, missing, err, "missing", "must be given: the period counts from it");
	law_put_date(expect, "keep_until", until);
	jw_int(expect, "years", rule->years);
	jw_str(expect, "counts_from", keeping_start_names[rule->start]);
	jw_str(expect, "source", rule->source);
	return 0;
}

static int given(const struct invocation *call, struct json_writer *w, struct err *err)
{
	(void)err;
	law_give(call, w, "country", "country");
	law_give(call, w, "record", "record");
	law_give(call, w, "date", "date");
	law_give(call, w, "financial-year-end", "financial_year_end");
	law_give(call, w, "last-activity", "last_activity");
	return 0;
}

static const struct option_row options[] = {
	{ "country", "COUNTRY", "FR, DE, GB, NL, ES, IT, BE, US" },
	{ "record", "KIND", "invoice, letter, collection_record" },
	{ "date", "DATE", "of the record" },
	{ "financial-year-end", "DATE", "of the year that it belongs to (the calendar's)" },
	{ "last-activity", "DATE", "the last entry, or the last thing done about it" },
	{ 0 },
};

const struct law_command law_retention = { .command = { .name = "law retention", .args = "", .options = options, .run = law_run,
	.help = "how long the law wants a record kept",
	.more = "  dunningctl law retention --country FR --record invoice --date 2026-03-10\n"
		"What the daemon erases, and when, is retention.file's business: trail erase --help." },
	.given = given, .answer = answer };
