/* When an invoice is due: from its term, by law when nothing was agreed, and how far an agreed date may lie. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/law.h"

static const char *const check_names[] = { "legal_maximum", "default_due", "default_begins", NULL };
enum check { CHECK_LEGAL_MAXIMUM, CHECK_DEFAULT_DUE, CHECK_DEFAULT_BEGINS };

/* "Saturday 2026-01-31" */
static const char *weekday_and_date(date d, char text[40])
{
	char day[DATE_TEXT_SIZE];

	snprintf(text, 40, "%s %s", law_weekday(d), date_format(d, day));
	return text;
}

static int country_of(const struct law *law, const struct json *given, const struct terms_country **ret, struct err *err)
{
	const char *name;
	int r = json_get_str(given, "country", 40, &name, err);

	if (r < 0)
		return r;
	*ret = terms_country(law->terms, name);
	return *ret ? 0 : json_refuse(given, "country", err, "unknown_country", "no terms are known of \"%s\"", name);
}

/* --- the law's own questions ----------------------------------------------------------------------------------------------------- */

static bool is_word(const struct json *given, const char *member, const char *word)
{
	struct json value = json_get(given, member);

	return json_str(&value) && strcmp(json_str(&value), word) == 0;
}

/* "45_days_end_of_month": the number, 0 = it is no such words. */
static int read_agreed(const struct json *given, int *days, struct err *err)
{
	const char *text = NULL;
	int r = json_opt_str(given, "agreed", 60, &text, err);
	char *end;

	*days = 0;
	if (r < 0 || !text)
		return r;
	*days = (int)strtol(text, &end, 10);
	if (strcmp(end, "_days_end_of_month") != 0 || *days < 1 || *days > 365)
		return json_refuse(given, "agreed", err, "not_one_of", "must be such as \"45_days_end_of_month\"");
	return 0;
}

static int facts_of(const struct json *given, struct terms_case *ret, struct err *err)
{
	static const char *const methods[] = { "days_then_eom", "eom_then_days", NULL };
	int method = 0, r;

	*ret = (struct terms_case){ 0 };
	if ((r = law_get_date(given, "issue", &ret->issue, err)) < 0 ||
		(r = json_opt_bool(given, "periodic_invoice", &ret->periodic, err)) < 0 ||
		(r = read_agreed(given, &ret->eom_days, err)) < 0 || (r = json_opt_word(given, "method", methods, &method, err)) < 0)
		return r;
	/* Which reading was agreed should be known; else the one that ends earlier is the careful one. */
	if (ret->eom_days && !json_has(given, "method")) {
		date a = term_due(&(struct term){ .kind = TERM_DAYS_THEN_EOM, .days = ret->eom_days }, ret->issue);
		date b = term_due(&(struct term){ .kind = TERM_EOM_THEN_DAYS, .days = ret->eom_days }, ret->issue);

		method = date_diff(b, a) < 0;
	}
	ret->eom_method = method ? TERM_EOM_THEN_DAYS : TERM_DAYS_THEN_EOM;
	ret->public_buyer = is_word(given, "debtor", "public_body");
	ret->large_to_sme = is_word(given, "debtor_size", "large") && is_word(given, "creditor_size", "sme");
	return 0;
}

static int answer_maximum(const struct terms_country *country, const struct json *given, struct json_writer *expect, struct err *err)
{
	struct terms_case facts;
	date due, latest;
	int r;

	if ((r = facts_of(given, &facts, err)) < 0 || (r = law_get_date(given, "due", &due, err)) < 0)
		return r;
	latest = terms_latest(country, &facts);
	if (!date_is_set(latest))
		return json_refuse(given, "country", err, "maximum_unknown", "no maximum is known for invoices of that day");
	jw_bool(expect, "ok", date_diff(due, latest) <= 0);
	law_put_date(expect, "latest", latest);
	jw_str(expect, "source", terms_source(country));
	return 0;
}

static int answer_default_due(const struct terms_country *country, const struct json *given, struct json_writer *expect, struct err *err)
{
	date delivered = date_none(), received = date_none(), due;
	int r;

	if ((r = law_opt_date(given, "delivered", &delivered, err)) < 0 || (r = law_opt_date(given, "invoice_received", &received, err)) < 0)
		return r;
	due = terms_default_due(country, delivered, received);
	if (!date_is_set(due))
		return json_refuse(given, "delivered", err, "missing", "must be given: the law counts from it");
	law_put_date(expect, "due", due);
	jw_str(expect, "source", terms_source(country));
	return 0;
}

static int answer_default_begins(const struct terms_country *country, const struct json *given, struct json_writer *expect, struct err *err)
{
	bool consumer = is_word(given, "debtor", "consumer"), told = false;
	struct terms_default begins;
	date received, due = date_none();
	int r;

	if ((r = law_get_date(given, "invoice_received", &received, err)) < 0 || (r = law_opt_date(given, "due", &due, err)) < 0 ||
		(r = json_opt_bool(given, "told_about_30_days", &told, err)) < 0)
		return r;
	if (date_is_set(due) && date_diff(due, received) > 0)
		received = due;
	if (!terms_default_begins(country, received, consumer, told, &begins))
		return json_refuse(given, "country", err, "unknown_rule", "its law has no such rule here: a date or a reminder is needed");
	if (date_is_set(begins.last_day))
		law_put_date(expect, "last_day", begins.last_day);
	law_put_date(expect, "default_from", begins.from);
	if (begins.needs_reminder)
		jw_str(expect, "needs", "reminder");
	jw_str(expect, "source", terms_source(country));
	return 0;
}

/* --- a term ---------------------------------------------------------------------------------------------------------------------- */

/* The roll and its calendar: given, else the country's. */
static int roll_of(const struct law *law, const struct json *given, enum roll *roll, const struct calendar **calendar, struct err *err)
{
	const char *country = NULL, *name = NULL;
	int word, r;

	*calendar = NULL;
	if ((r = json_opt_str(given, "country", 40, &country, err)) < 0 || (r = json_opt_str(given, "calendar", 40, &name, err)) < 0)
		return r;
	word = (int)terms_roll(terms_country(law->terms, country));
	if ((r = json_opt_word(given, "roll", roll_names, &word, err)) < 0)
		return r;
	*roll = (enum roll)word;
	if (*roll == ROLL_NONE)
		return 0;
	if (!name)
		name = country;
	if (!name)
		return json_refuse(given, "calendar", err, "missing", "must be given: whose holidays move the date, such as \"DE-BY\"");
	*calendar = holidays_place(law->holidays, name);
	return *calendar ? 0 : json_refuse(given, "calendar", err, "unknown_calendar", "no holidays are known of \"%s\"", name);
}

static void put_working(struct json_writer *expect, date issue, date before, date due, enum roll roll, const struct calendar *calendar)
{
	CLEANUP(buf_clear) struct buf line = { 0 };
	char a[40], b[40];

	jw_array(expect, "working");
	buf_printf(&line, "issued %s; the term ends on %s, %d days later", weekday_and_date(issue, a), weekday_and_date(before, b),
		(int)date_diff(before, issue));
	jw_str(expect, NULL, buf_str(&line));
	buf_reset(&line);
	if (roll == ROLL_NONE)
		buf_add_str(&line, "the date does not move: nothing says that it does");
	else if (before.days == due.days)
		buf_printf(&line, "%s: the date stays (%s)", roll_names[roll], calendar_name(calendar));
	else
		buf_printf(&line, "%s: no day to pay on, so %s (%s)", roll_names[roll], weekday_and_date(due, a), calendar_name(calendar));
	jw_str(expect, NULL, buf_str(&line));
	jw_end_array(expect);
}

static int answer_term(const struct law *law, const struct json *given, struct json_writer *expect, struct err *err)
{
	const struct calendar *calendar;
	struct term term;
	struct json object;
	date issue, before, due;
	enum roll roll;
	int r;

	if ((r = law_get_date(given, "issue", &issue, err)) < 0 || (r = json_get_object(given, "term", &object, err)) < 0 ||
		(r = term_read(&object, &term, err)) < 0 || (r = roll_of(law, given, &roll, &calendar, err)) < 0)
		return r;
	before = term_due(&term, issue);
	due = calendar_roll(calendar, before, roll);
	law_put_date(expect, "due", due);
	if (before.days != due.days)
		law_put_date(expect, "before_roll", before);
	put_working(expect, issue, before, due, roll, calendar);
	return 0;
}

static int answer(const struct law *law, const struct json *given, struct json_writer *expect, struct err *err)
{
	const struct terms_country *country;
	int check = -1, r = json_opt_word(given, "check", check_names, &check, err);

	if (r < 0)
		return r;
	if (check < 0)
		return answer_term(law, given, expect, err);
	if ((r = country_of(law, given, &country, err)) < 0)
		return r;
	switch (check) {
	case CHECK_LEGAL_MAXIMUM:
		return answer_maximum(country, given, expect, err);
	case CHECK_DEFAULT_DUE:
		return answer_default_due(country, given, expect, err);
	default:
		return answer_default_begins(country, given, expect, err);
	}
}

/* --- for people ------------------------------------------------------------------------------------------------------------------ */

static int given(const struct invocation *call, struct json_writer *w, struct err *err)
{
	static const char *const texts[] = { "issue", "roll", "calendar", "country", "check", "due", "delivered", "invoice-received", "agreed",
		"debtor", NULL };
	const char *words = command_option(call, "term");
	struct term term;
	int r;

	for (const char *const *name = texts; *name; name++)
		law_give(call, w, *name, strcmp(*name, "invoice-received") == 0 ? "invoice_received" : *name);
	if (!words)
		return 0;
	if ((r = term_parse(words, &term, err)) < 0)
		return r;
	term_write(w, "term", &term);
	return 0;
}

static const struct option_row options[] = {
	{ "issue", "DATE", "of the invoice" },
	{ "term", "TERM", "\"net 30\", on-receipt, eom, \"days-then-eom 45\", \"eom-then-days 45\", \"months-then-eom 1\" ..." },
	{ "roll", "HOW", "off days that are none to pay on: none, following, modified-following, preceding, sunday (the country's)" },
	{ "calendar", "PLACE", "whose holidays: FR, DE-BY, EU-TARGET (the country's)" },
	{ "country", "COUNTRY", "whose law: FR, GB, DE, NL, BE, ES, IT, EU" },
	{ "check", "WHAT", "legal_maximum (--issue, --due), default_due (--delivered), default_begins (--invoice-received)" },
	{ "due", "DATE", "that was agreed" },
	{ "delivered", "DATE", "of goods or services" },
	{ "invoice-received", "DATE", "by the debtor" },
	{ "agreed", "WORDS", "for the maximum: 45_days_end_of_month" },
	{ "debtor", "KIND", "consumer, company, public_body" },
	{ 0 },
};

const struct law_command law_due_date = { .command = { .name = "law due-date", .args = "", .options = options, .run = law_run,
	.help = "when an invoice is due, and whether the law allows it",
	.more = "  dunningctl law due-date --issue 2026-01-31 --term \"net 30\" --roll following --calendar DE-BY\n"
		"With --json and no option: questions on standard input, one a line; answers one a line." },
	.given = given, .answer = answer };
