/* Amounts, numbers, percentages, dates, plurals and lists as a person of that language reads them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/locale.h"
#include "tools/law.h"

#define DECIMAL_SIZE 48
#define ITEMS_MAX 50

enum kind { KIND_MONEY, KIND_NUMBER, KIND_PERCENT, KIND_DATE, KIND_PLURAL, KIND_LIST };
static const char *const kind_names[] = { [KIND_MONEY] = "money", [KIND_NUMBER] = "number", [KIND_PERCENT] = "percent", [KIND_DATE] = "date",
	[KIND_PLURAL] = "plural", [KIND_LIST] = "list_and", NULL };

/* The first of these members that is there; "" = none. */
static const char *first_of(const struct json *given, const char *const *members)
{
	for (; *members; members++)
		if (json_has(given, *members))
			return *members;
	return "";
}

/* "kind" says it, else the members do. */
static int kind_of(const struct json *given, enum kind *ret, struct err *err)
{
	static const char *const lists[] = { "list", "items", "list_and", NULL }, *const moneys[] = { "money_minor", "amount", NULL };
	const char *style = json_has(given, "style") && json_get(given, "style").type == JSON_STRING ? "style" : "";
	struct json word = json_get(given, "style");
	int kind = -1, r = json_opt_word(given, "kind", kind_names, &kind, err);

	if (r < 0)
		return r;
	if (kind < 0 && *first_of(given, moneys))
		kind = KIND_MONEY;
	else if (kind < 0 && json_has(given, "date"))
		kind = KIND_DATE;
	else if (kind < 0 && *first_of(given, lists))
		kind = KIND_LIST;
	else if (kind < 0 && (json_has(given, "percent") || (*style && strcmp(json_str(&word), "percent") == 0)))
		kind = KIND_PERCENT;
	else if (kind < 0 && (json_has(given, "number") || json_has(given, "value")))
		kind = KIND_NUMBER;
	else if (kind < 0 && (json_has(given, "n") || json_has(given, "plural")))
		kind = KIND_PLURAL;
	if (kind < 0)
		return json_refuse(given, "kind", err, "missing", "nothing to format: money_minor and currency, number, percent, date, n or list");
	*ret = (enum kind)kind;
	return 0;
}

/* A decimal, as text or as a number. */
static int decimal_of(const struct json *given, const char *key, char text[DECIMAL_SIZE], struct err *err)
{
	struct json value = json_get(given, key);

	if (value.type == JSON_STRING)
		(void)snprintf(text, DECIMAL_SIZE, "%s", json_str(&value));
	else if (value.type == JSON_INT)
		(void)snprintf(text, DECIMAL_SIZE, "%lld", (long long)json_int(&value));
	else if (value.type == JSON_DOUBLE)
		(void)snprintf(text, DECIMAL_SIZE, "%.15g", json_double(&value));
	else
		return json_refuse(given, key, err, "missing", "must be a decimal such as \"1234.50\"");
	return 0;
}

/* "1234.50" in minor units of a currency with that exponent. */
static int minor_of(const struct json *given, const char *decimal, int exponent, int64_t *ret, struct err *err)
{
	bool negative = *decimal == '-';
	const char *c = decimal + negative;
	int64_t n = 0;
	int behind = -1;

	for (; *c && n <= MONEY_MAX; c++) {
		if (*c == '.' && behind < 0 && c[1])
			behind = 0;
		else if (*c >= '0' && *c <= '9' && behind < exponent)
			n = n * 10 + (*c - '0'), behind += behind >= 0;
		else
			return json_refuse(given, "amount", err, "bad_amount", "must be a decimal with at most %d digits behind the point", exponent);
	}
	for (int i = behind < 0 ? 0 : behind; i < exponent && n <= MONEY_MAX; i++)
		n *= 10;
	if (n > MONEY_MAX || !decimal[negative])
		return json_refuse(given, "amount", err, "out_of_range", "is no amount");
	*ret = negative ? -n : n;
	return 0;
}

static int put_money(const struct json *given, const char *locale, struct buf *text, struct err *err)
{
	struct money money = { 0 };
	char decimal[DECIMAL_SIZE];
	const char *currency;
	int exponent, r;

	if ((r = json_get_str(given, "currency", 3, &currency, err)) < 0)
		return r;
	exponent = currency_exponent(currency);
	if (exponent < 0)
		return json_refuse(given, "currency", err, "unknown_currency", "\"%s\" is no currency", currency);
	memcpy(money.currency, currency, sizeof(money.currency));
	if (json_has(given, "money_minor"))
		r = json_get_int(given, "money_minor", -MONEY_MAX, MONEY_MAX, &money.minor, err);
	else if ((r = decimal_of(given, "amount", decimal, err)) == 0)
		r = minor_of(given, decimal, exponent, &money.minor, err);
	return r < 0 ? r : locale_money(locale, money, text);
}

static int put_decimal(const struct json *given, const char *locale, bool percent, struct buf *text, struct err *err)
{
	static const char *const keys[] = { "percent", "number", "value", NULL };
	const char *key = first_of(given, keys);
	char decimal[DECIMAL_SIZE];
	int r = decimal_of(given, *key ? key : "value", decimal, err);

	if (r < 0)
		return r;
	r = percent ? locale_percent(locale, decimal, text) : locale_number(locale, decimal, text);
	return r < 0 ? json_refuse(given, key, err, "bad_number", "must be a decimal such as \"1234.50\"") : 0;
}

static int put_date(const struct json *given, const char *locale, struct buf *text, struct err *err)
{
	int style = LOCALE_DATE_LONG, r;
	date d;

	if ((r = law_get_date(given, "date", &d, err)) < 0 || (r = json_opt_word(given, "style", locale_date_style_names, &style, err)) < 0)
		return r;
	return locale_date_styled(locale, d, (enum locale_date_style)style, text);
}

static int put_plural(const struct json *given, const char *locale, struct buf *text, struct err *err)
{
	const char *key = json_has(given, "n") ? "n" : "plural";
	struct json value = json_get(given, key);

	if (value.type != JSON_INT && value.type != JSON_DOUBLE)
		return json_refuse(given, key, err, "wrong_type", "must be a number");
	return locale_plural_decimal(locale, value.type == JSON_INT ? (double)json_int(&value) : json_double(&value), text);
}

static int put_list(const struct json *given, const char *locale, struct buf *text, struct err *err)
{
	static const char *const keys[] = { "list", "items", "list_and", NULL };
	const char *items[ITEMS_MAX], *key = first_of(given, keys);
	struct json list;
	int r = json_get_array(given, *key ? key : "list", &list, err);

	if (r < 0)
		return r;
	if (!json_len(&list) || json_len(&list) > ITEMS_MAX)
		return json_refuse(given, key, err, "out_of_range", "must have 1 to %d items", ITEMS_MAX);
	for (size_t i = 0; i < json_len(&list); i++) {
		struct json item = json_at(&list, i);

		if (!json_str(&item))
			return json_refuse(&item, NULL, err, "wrong_type", "must be a text");
		items[i] = json_str(&item);
	}
	r = locale_list(locale, items, json_len(&list), text);
	return r < 0 ? json_refuse(given, key, err, "too_long", "is too long for one line") : 0;
}

static int answer(const struct law *law, const struct json *given, struct json_writer *expect, struct err *err)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	const char *locale;
	enum kind kind;
	int r;

	(void)law;
	if ((r = json_get_str(given, "locale", 60, &locale, err)) < 0 || (r = kind_of(given, &kind, err)) < 0)
		return r;
	if (!locale_valid(locale))
		return json_refuse(given, "locale", err, "unknown_locale", "\"%s\" must be a language tag such as \"fr-FR\"", locale);
	r = kind == KIND_MONEY ? put_money(given, locale, &text, err) :
		kind == KIND_DATE ? put_date(given, locale, &text, err) :
		kind == KIND_PLURAL ? put_plural(given, locale, &text, err) :
		kind == KIND_LIST ? put_list(given, locale, &text, err) : put_decimal(given, locale, kind == KIND_PERCENT, &text, err);
	if (r < 0)
		return err->code[0] ? r : json_refuse(given, NULL, err, "cannot_format", "the locale has no such form");
	jw_str(expect, "text", buf_str(&text));
	if (kind == KIND_PLURAL)
		jw_str(expect, "category", buf_str(&text));
	jw_str(expect, "icu", locale_version());
	return 0;
}

/* --- for people -------------------------------------------------------------------------------------------------------------------- */

static int given(const struct invocation *call, struct json_writer *w, struct err *err)
{
	static const char *const texts[] = { "locale", "currency", "amount", "number", "percent", "date", "style", NULL };
	const char *n = command_option(call, "plural");
	char *end;

	for (const char *const *name = texts; *name; name++)
		law_give(call, w, *name, *name);
	if (n) {
		(void)strtod(n, &end);
		if (end == n || *end || strlen(n) > 20 || n[strspn(n, "0123456789.")])
			return err_set(err, -EINVAL, "usage", "", "--plural must be a number such as 1.5, and is \"%s\"", n);
		jw_raw(w, "n", n, strlen(n));
	}
	if (call->arg_count) {
		jw_array(w, "list");
		for (size_t i = 0; i < call->arg_count; i++)
			jw_str(w, NULL, call->args[i]);
		jw_end_array(w);
	}
	return 0;
}

static void show(struct ctl *ctl, const struct json *question, const struct json *expect)
{
	struct json text = json_get(expect, "text");

	(void)question;
	view_say(&ctl->view, "%s", json_str(&text));
}

static const struct option_row options[] = {
	{ "locale", "TAG", "of the reader: fr-FR, en-GB, de-AT ..." },
	{ "amount", "DECIMAL", "of money, with --currency" },
	{ "currency", "CODE", "of the amount" },
	{ "number", "DECIMAL", "with the digits that it has" },
	{ "percent", "SHARE", "0.1215 is 12.15 %" },
	{ "date", "DATE", "in the long form, or in --style" },
	{ "style", "STYLE", "short, medium, long, full" },
	{ "plural", "N", "the plural category of that many" },
	{ 0 },
};

const struct law_command law_format = { .command = { .name = "law format", .args = "[ITEM]...", .max_args = ITEMS_MAX, .options = options,
	.run = law_run,
	.help = "an amount, number, percentage, date, plural or list as a reader of a language sees it",
	.more = "  dunningctl law format --locale fr-FR --amount 1234.50 --currency EUR\n"
		"  dunningctl law format --locale en-GB INV-1 INV-2 INV-3" },
	.given = given, .answer = answer, .show = show };
