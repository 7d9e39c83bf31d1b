/* Late-payment interest and what is due with it: questions to common/interest.c and common/fees.c. */
#include <errno.h>
#include <string.h>

#include "common/money.h"
#include "tools/law.h"

/* "1200.00" of a currency, in minor units. */
static int amount_of(const char *text, const char *currency, int64_t *ret, struct err *err)
{
	int exponent = currency_exponent(currency), decimals = -1;
	int64_t n = 0;

	for (const char *c = text; *c; c++) {
		if (*c == '.' && decimals < 0 && c[1]) {
			decimals = 0;
			continue;
		}
		if (*c < '0' || *c > '9' || decimals == exponent || n > MONEY_MAX / 10)
			goto wrong;
		n = n * 10 + *c - '0';
		decimals += decimals >= 0;
	}
	for (decimals = decimals < 0 ? 0 : decimals; decimals < exponent; decimals++) {
		if (n > MONEY_MAX / 10)
			goto wrong;
		n *= 10;
	}
	if (exponent >= 0 && *text && n <= MONEY_MAX) {
		*ret = n;
		return 0;
	}
wrong:
	return err_set(err, -EINVAL, "usage", "", "\"%s\" is no amount in %s, such as 1200.00", text, currency);
}

static int give_principal(const struct invocation *call, struct json_writer *w, const char *currency, struct err *err)
{
	const char *text = command_option(call, "principal");
	int64_t minor;
	int r;

	if (!text)
		return 0;
	if ((r = amount_of(text, currency, &minor, err)) < 0)
		return r;
	jw_int(w, "principal_minor", minor);
	return 0;
}

/* --- law interest ---------------------------------------------------------------------------------------------------- */

static int answer_interest(const struct law *law, const struct json *given, struct json_writer *expect, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf working = { 0 };
	int r = interest_answer(arena, &law->interest, given, expect, &working, err);
	char *line = working.len ? working.data : NULL;

	if (!line)
		return r;
	jw_array(expect, "working");
	while (*line) {
		size_t len = strcspn(line, "\n");

		jw_strn(expect, NULL, line, len);
		line += len + (line[len] == '\n');
	}
	jw_end_array(expect);
	return r;
}

/* Payments are words: 2025-05-15=400.00 */
static int given_interest(const struct invocation *call, struct json_writer *w, struct err *err)
{
	const char *currency = command_option(call, "currency") ? command_option(call, "currency") : "EUR";
	int r;

	law_give(call, w, "regime", "regime");
	jw_str(w, "currency", currency);
	law_give(call, w, "due", "due");
	law_give(call, w, "from", "interest_from");
	law_give(call, w, "until", "until");
	law_give(call, w, "agreed-rate", "agreed_rate");
	law_give(call, w, "day-count", "day_count");
	law_give(call, w, "rounding", "rounding");
	law_give(call, w, "insolvency", "insolvency_opened");
	if ((r = give_principal(call, w, currency, err)) < 0 || !call->arg_count)
		return r;
	jw_array(w, "payments");
	for (size_t i = 0; i < call->arg_count; i++) {
		const char *equals = strchr(call->args[i], '=');
		int64_t minor;

		if (!equals)
			return err_set(err, -EINVAL, "usage", "", "a payment is DATE=AMOUNT, such as 2025-05-15=400.00");
		if ((r = amount_of(equals + 1, currency, &minor, err)) < 0)
			return r;
		jw_object(w, NULL);
		jw_strn(w, "date", call->args[i], (size_t)(equals - call->args[i]));
		jw_int(w, "amount_minor", minor);
		jw_end_object(w);
	}
	jw_end_array(w);
	return 0;
}

static struct cell money_cell(struct ctl *ctl, const struct json *expect, const char *member)
{
	struct json minor = json_get(expect, member), currency = json_get(expect, "currency");
	struct money money = { .minor = json_int(&minor) };
	char text[32];

	if (minor.type != JSON_INT || currency.type != JSON_STRING)
		return cell_none();
	memcpy(money.currency, json_str(&currency), strnlen(json_str(&currency), 3));
	return cell_text(arena_printf(ctl->arena, "%s %s", money_plain(money, text, sizeof(text)), money.currency));
}

/* The working first, so that the sums below it can be followed. */
static void show_interest(struct ctl *ctl, const struct json *given, const struct json *expect)
{
	static const struct {
		const char *member, *label;
	} rows[] = { { "interest_minor", "Interest" }, { "interest_left_minor", "Interest left" }, { "principal_left_minor", "Principal left" },
		{ "fee_left_minor", "Fixed sum left" }, { "over_minor", "Paid too much" }, { "total_minor", "Owed in all" } };
	struct json lines = json_get(expect, "working"), warning = json_get(expect, "warning");
	struct fields *f = fields_create(ctl->arena);

	if (!json_len(&lines)) {
		law_show(ctl, given, expect);
		return;
	}
	for (size_t i = 0; i < json_len(&lines); i++) {
		struct json line = json_at(&lines, i);

		view_say(&ctl->view, "%s", json_str(&line));
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (json_has(expect, rows[i].member))
			fields_add(f, rows[i].member, rows[i].label, money_cell(ctl, expect, rows[i].member));
	if (warning.type == JSON_STRING)
		fields_add(f, "warning", "Warning", cell_text(json_str(&warning)));
	view_fields(&ctl->view, f);
}

static const struct option_row interest_options[] = {
	{ "regime", "REGIME", "FR-B2B, FR-PUBLIC, FR-B2C, GB-B2B, GB-COURT, DE-B2B, DE-B2C, BE-B2B, NL-B2B, NL-B2C, ES-B2B, IT-B2B" },
	{ "principal", "AMOUNT", "gross, what was owed on the due date: 1200.00" },
	{ "currency", "CODE", "of the amounts (EUR)" },
	{ "due", "DATE", "after any roll; interest runs from the next day" },
	{ "from", "DATE", "the first day that bears interest, when it is another: after a formal notice" },
	{ "until", "DATE", "the last one: the day of payment bears interest" },
	{ "agreed-rate", "PERCENT", "a year, by the contract: 15.00" },
	{ "day-count", "HOW", "act/365, act/act, 30/360 (the regime's)" },
	{ "rounding", "HOW", "half_away (usual), half_even, down, up, once at the end; daily: each day first" },
	{ "insolvency", "DATE", "on which proceedings were opened" },
	{ 0 },
};

const struct law_command law_interest = { .command = { .name = "law interest", .args = "[DATE=AMOUNT]...", .max_args = COMMAND_ANY,
	.options = interest_options, .run = law_run, .help = "late-payment interest and fixed sum, with the working",
	.more = "Words are payments: they settle interest, then the principal, then the fixed sum.\n"
		"  dunningctl law interest --regime FR-B2B --principal 1200.00 --due 2025-09-30 --until 2025-10-30\n"
		"A half-year whose rate is not known is refused by its name, and what can be said until then is told.\n"
		"With --json and no option: questions on standard input, one a line; answers one a line." },
	.given = given_interest, .answer = answer_interest, .show = show_interest };

/* --- law fees -------------------------------------------------------------------------------------------------------- */

static int answer_fees(const struct law *law, const struct json *given, struct json_writer *expect, struct err *err)
{
	return fees_answer(&law->fees, &law->guard.off, given, expect, err);
}

static int given_fees(const struct invocation *call, struct json_writer *w, struct err *err)
{
	int r;

	if (call->arg_count)
		jw_str(w, "rule", call->args[0]);
	law_give(call, w, "sent", "sent");
	law_give(call, w, "by", "by");
	law_give(call, w, "country", "country");
	law_give(call, w, "debtor", "debtor");
	if (command_option(call, "vat"))
		jw_bool(w, "vat", true);
	if ((r = law_give_int(call, w, "number", "number", err)) < 0)
		return r;
	return give_principal(call, w, "EUR", err);
}

static const struct option_row fees_options[] = {
	{ "principal", "AMOUNT", "of the debt: 215.00" },
	{ "vat", NULL, "the creditor cannot deduct VAT" },
	{ "sent", "DATE", "be_b2c_grace: when the first reminder went" },
	{ "by", "HOW", "be_b2c_grace: email, post" },
	{ "number", "N", "be_b2c_reminder: the how many-th reminder" },
	{ "country", "COUNTRY", "collection_fee: FR" },
	{ "debtor", "KIND", "collection_fee: consumer" },
	{ 0 },
};

const struct law_command law_fees = { .command = { .name = "law fees", .args = "[RULE]", .max_args = 1, .options = fees_options, .run = law_run,
	.help = "sums that a law fixes or caps: gb_fixed_sum, be_b2c_cap, nl_collection_cost ...",
	.more = "Rules: gb_fixed_sum, be_b2c_cap, nl_collection_cost (--principal), be_b2c_reminder (--number), be_b2c_grace\n"
		"(--sent, --by), collection_fee (--country, --debtor). Sums are in minor units.\n"
		"With --json and no rule: questions on standard input, one a line; answers one a line." },
	.given = given_fees, .answer = answer_fees };
