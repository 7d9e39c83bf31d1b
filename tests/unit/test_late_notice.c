/*
 * The one notice of late-payment interest and fixed sums, with each country's law in each language: what is national comes out of the law
 * data, a rate is told only when it is known on that day, and what has no law to stand on is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/config.h"
#include "common/library.h"

#define SHARE SOURCE_DIR "/daemon/share"
#define NBSP "\xc2\xa0"

static const char config_text[] =
	"{\"origin\": \"test.example/acme\", \"state_dir\": \"/nonexistent\","
	"\"creditor\": {\"name\": \"Acme\", \"locale\": \"fr-FR\", \"zone\": \"Europe/Paris\"},"
	"\"senders\": {\"default\": {\"name\": \"Acme\", \"email\": \"accounts@acme.example\"}},"
	"\"channels\": {\"email\": \"outbox\", \"sms\": \"outbox\"}}";

static struct {
	struct arena *arena;
	struct config *config;
	struct library *library;
} shipped;

static int load(void **state)
{
	struct err err = { 0 };

	(void)state;
	shipped.arena = arena_create();
	if (config_parse(config_text, strlen(config_text), &shipped.config, &err) < 0 ||
		library_load(shipped.config, SHARE, &shipped.library, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	return 0;
}

static int unload(void **state)
{
	(void)state;
	library_free(shipped.library);
	config_free(shipped.config);
	arena_free(shipped.arena);
	return 0;
}

/* --- one rendering ------------------------------------------------------------------------------------------------------ */

struct about {
	const char *regime, *locale, *country; /* of the debtor */
	date today, due[2];
	int64_t minor[2]; /* the second 0: it is about one */
	const char *currency, *terms;
	bool waived[2];
};

static struct about usual(const char *regime, const char *locale)
{
	return (struct about){ .regime = regime, .locale = locale, .country = "FR", .today = date_of(2026, 4, 16),
		.due = { date_of(2026, 4, 1), date_of(2026, 4, 2) }, .minor = { 120000, 0 }, .currency = "EUR" };
}

static int try_render(const struct about *a, struct notice *ret, struct err *err)
{
	struct notice_invoice *invoices = arena_alloc(shipped.arena, 2 * sizeof(*invoices));
	struct notice_input input = { .locale = a->locale, .fallback_locale = "fr-FR", .creditor = &shipped.config->creditor,
		.sender = &shipped.config->senders[0], .invoices = invoices, .invoice_count = a->minor[1] ? 2 : 1, .today = a->today,
		.deadline = date_none(), .country = a->country,
		.late = a->regime ? interest_regime(&shipped.library->law->interest, a->regime) : NULL };

	for (size_t i = 0; i < input.invoice_count; i++) {
		invoices[i] = (struct notice_invoice){ .number = i ? "F-43" : "F-42", .issued_on = date_none(), .due_on = a->due[i],
			.total.minor = a->minor[i], .balance.minor = a->minor[i], .terms = a->terms,
			.days_past_due = date_diff(a->today, a->due[i]), .fee_waived = a->waived[i] };
		memcpy(invoices[i].total.currency, a->currency, 4);
		memcpy(invoices[i].balance.currency, a->currency, 4);
		input.balance.minor += a->minor[i];
	}
	memcpy(input.balance.currency, a->currency, 4);
	return notice_render(shipped.library->notices, "penalties", CHANNEL_EMAIL, &input, shipped.arena, ret, err);
}

static const char *told(const struct about *a)
{
	struct err err = { 0 };
	struct notice notice;

	if (try_render(a, &notice, &err) < 0)
		fail_msg("%s in %s: %s", a->regime, a->locale, err.text);
	assert_memory_equal(notice.locale, a->locale, 2);
	return notice.text;
}

static void has(const char *text, const char *needle)
{
	if (!strstr(text, needle))
		fail_msg("lacks \"%s\":\n%s", needle, text);
}

static void lacks(const char *text, const char *needle)
{
	if (strstr(text, needle))
		fail_msg("has \"%s\":\n%s", needle, text);
}

/* --- what it says ------------------------------------------------------------------------------------------------------- */

static const char *const locales[] = { "fr-FR", "en-GB", "en-US", "de-DE", "es-ES", "it-IT", "nl-NL" };

/* The whole sentence, as it was written for its reader. */
static const struct row {
	const char *regime, *locale, *country, *currency, *says[4];
} rows[] = {
	{ "FR-B2B", "fr-FR", "FR", "EUR",
		{ "la loi (articles L." NBSP "441-10 et D." NBSP "441-5 du code de commerce) prévoit",
			"courent dès le lendemain de l’échéance, sans qu’un rappel soit nécessaire, au taux convenu entre nous ou, à défaut, au taux "
			"fixé par la loi, soit 12,15" NBSP "% par an à ce jour (taux de refinancement de la Banque centrale européenne + 10 points).",
			"est due" NBSP ": 40,00" NBSP "€ par facture." } },
	{ "GB-B2B", "en-GB", "GB", "GBP",
		{ "the law (Late Payment of Commercial Debts (Interest) Act 1998) provides",
			"from the day after the due date, without a reminder being needed, at the rate agreed between us or, failing that, at the statutory "
			"rate, 11.75% a year as of today (Bank of England base rate plus 8 percentage points).",
			"is due: £70.00 for each invoice." } },
	{ "DE-B2B", "de-DE", "DE", "EUR",
		{ "das Gesetz (§" NBSP "288 Abs." NBSP "2 und 5 BGB) bei Zahlungsverzug",
			"fallen ab Eintritt des Verzugs an, und zwar zu dem zwischen uns vereinbarten Satz oder andernfalls zum gesetzlichen Satz von derzeit "
			"10,27" NBSP "% pro Jahr (Basiszinssatz nach § 247 BGB + 9 Prozentpunkte).",
			"40,00" NBSP "€ je Rechnung" } },
	{ "BE-B2B", "fr-BE", "BE", "EUR",
		{ "(articles 5 et 6 de la loi du 2 août 2002)", "soit 10,50" NBSP "% par an", "+ 8 points, arrondi au multiple de 0,5 supérieur)" } },
	{ "BE-B2B", "nl-BE", "BE", "EUR", { "(artikelen 5 en 6 van de wet van 2 augustus 2002)", "naar boven afgerond op een veelvoud van 0,5)" } },
	{ "BE-B2B", "de-BE", "BE", "EUR", { "(Artikel 5 und 6 des Gesetzes vom 2. August 2002)" } },
	{ "NL-B2B", "nl-NL", "NL", "EUR",
		{ "(artikelen 6:119a en 6:96 lid 4 BW)", "vanaf de dag na de vervaldatum, zonder dat een aanmaning nodig is",
			"; na elk vol jaar is ook over de rente rente verschuldigd." } },
	{ "ES-B2B", "es-ES", "ES", "EUR", { "(artículos 5 a 8 de la Ley 3/2004, de 29 de diciembre)", "que hoy es del 10,15" NBSP "% anual" } },
	{ "IT-B2B", "it-IT", "IT", "EUR", { "(articoli 4, 5 e 6 del D.Lgs. 9 ottobre 2002, n." NBSP "231)", "oggi 10,15% annuo" } },
	/* another country's law is told with its country, and German interest from default in every language */
	{ "FR-B2B", "de-DE", "DE", "EUR", { "441-5 du code de commerce, Frankreich)" } },
	{ "DE-B2B", "fr-FR", NULL, "EUR", { "2 und 5 BGB, Allemagne)", "courent dès que le paiement est en retard au sens de cette loi," } },
	{ "DE-B2B", "en-GB", "GB", "EUR", { "2 und 5 BGB, Germany)", "runs from when payment is late within the meaning of that law," } },
};

static void each_law_as_it_is_cited_there(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct about a = usual(rows[i].regime, rows[i].locale);
		const char *text;

		a.country = rows[i].country;
		a.currency = rows[i].currency;
		text = told(&a);
		for (size_t s = 0; s < ARRAY_LEN(rows[i].says) && rows[i].says[s]; s++)
			has(text, rows[i].says[s]);
	}
}

/* Every regime that may be stated has its statute, and its series a name, in whatever language we ship. */
static void every_regime_in_every_language(void **state)
{
	const struct interest_rules *rules = &shipped.library->law->interest;
	size_t cited = 0;

	(void)state;
	for (size_t i = 0; i < rules->regime_count; i++)
		for (size_t l = 0; l < ARRAY_LEN(locales); l++) {
			const struct regime *regime = &rules->regimes[i];
			struct about a = usual(regime->name, locales[l]);
			const char *text;

			if (!regime->cited.count)
				continue;
			cited++;
			assert_int_equal(regime->country ? strlen(regime->country) : 0, 2);
			assert_non_null(regime->series);
			assert_non_null(regime->currency);
			text = told(&a);
			has(text, wording_for(&regime->cited, locales[l], true));
			if (!wording_for(&regime->series->words, locales[l], false))
				fail_msg("%s has no name in %s", regime->series->name, locales[l]);
			has(text, wording_for(&regime->series->words, locales[l], false));
		}
	assert_int_equal(cited, 8 * ARRAY_LEN(locales));
}

/* What is not known is not guessed: the statute stays, the figure goes. */
static void a_rate_that_is_not_known_is_not_told(void **state)
{
	(void)state;
	for (size_t l = 0; l < ARRAY_LEN(locales); l++) {
		struct about a = usual("FR-B2B", locales[l]);
		const char *text;

		a.today = date_of(2026, 6, 30);
		text = told(&a);
		if (!strstr(text, "12,15") && !strstr(text, "12.15"))
			fail_msg("%s lacks the rate:\n%s", locales[l], text);
		a.today = date_of(2026, 7, 1);
		text = told(&a);
		lacks(text, "12,15");
		lacks(text, "12.15");
		lacks(text, "%");
		has(text, "441-10");
		has(text, " 10 ");
	}
}

/* In the United Kingdom the rate of the day on which interest began holds for good, and is told only when it is one for all. */
static void a_frozen_rate_is_that_of_its_beginning(void **state)
{
	struct about a = usual("GB-B2B", "en-GB");

	(void)state;
	a.currency = "GBP";
	a.today = date_of(2026, 8, 1);
	has(told(&a), "11.75%");
	a.due[0] = date_of(2025, 12, 30); /* interest from the 31st */
	has(told(&a), "12.25%");
	a.minor[1] = 50000; /* due on 2 April 2026 */
	lacks(told(&a), "% a year");
	has(told(&a), "- F-42, from 31 December 2025: £1,200.00 × 12.25% × 214/365 = £86.19\n"
		"- F-43, from 3 April 2026: £500.00 × 11.75% × 121/365 = £19.48\n");
	has(told(&a), "comes to £105.67:");
	has(told(&a), "Together with the balance and the fixed sum: £1,915.67."); /* 1700 + 105.67 + 70 + 40 */
	a.due[1] = date_of(2026, 8, 20); /* not late: not asked */
	has(told(&a), "12.25% a year");
}

static void the_sum_is_each_ones_or_all_of_them(void **state)
{
	struct about a = usual("GB-B2B", "en-GB");

	(void)state;
	a.currency = "GBP";
	a.minor[0] = 99999;
	has(told(&a), "is due: £40.00 for each invoice.");
	a.minor[1] = 20000;
	has(told(&a), "is due: £40.00 for each invoice.");
	a.minor[1] = 1000000;
	has(told(&a), "is due for each overdue invoice: £140.00 in all.");
	a.currency = "EUR"; /* the tiers are pounds: which one holds cannot be told */
	has(told(&a), "is due for each invoice, in the amount that the law sets.");
	lacks(told(&a), "£");
	a = usual("FR-B2B", "fr-FR"); /* forty euros are forty euros whatever the invoice is in */
	a.currency = "USD";
	has(told(&a), "40,00" NBSP "€ par facture");
}

static void a_waived_sum_is_not_asked_for(void **state)
{
	struct about a = usual("FR-B2B", "en-GB");

	(void)state;
	a.waived[0] = true;
	lacks(told(&a), "A fixed sum");
	lacks(told(&a), "40.00");
	has(told(&a), "Together with the balance: €1,205.99."); /* the interest is: it was not waived */
	a.minor[1] = 20000;
	has(told(&a), "is due for each overdue invoice: €40.00 in all."); /* the other one's */
	has(told(&a), "Together with the balance and the fixed sum: €1,446.92.");
	a.waived[1] = true;
	lacks(told(&a), "A fixed sum");
	a.waived[0] = a.waived[1] = false;
	has(told(&a), "is due: €40.00 for each invoice.");
}

static void terms_are_named_where_they_are_known(void **state)
{
	struct about a = usual("FR-B2B", "fr-FR");

	(void)state;
	lacks(told(&a), "convenu entre nous (");
	a.terms = "CGV-7";
	has(told(&a), "au taux convenu entre nous (CGV-7) ou, à défaut,");
}

/* --- what has accrued --------------------------------------------------------------------------------------------------- */

/* The amount that stands behind the words, and the sum of its lines, both in minor units. */
static int64_t minor_at(const char *text)
{
	int64_t n = 0;

	for (; *text && *text != '\n' && *text != ':'; text++)
		n = *text >= '0' && *text <= '9' ? n * 10 + (*text - '0') : n;
	return n;
}

/* What `dunningctl law interest` answers to the same; -1: a rate is not known. */
static int64_t answered(const char *regime, int64_t principal, const char *currency, date from, date until)
{
	char first[DATE_TEXT_SIZE], last[DATE_TEXT_SIZE];
	const char *text = arena_printf(shipped.arena,
		"{\"regime\":\"%s\",\"principal_minor\":%lld,\"currency\":\"%s\",\"from\":\"%s\",\"to\":\"%s\"}", regime,
		(long long)principal, currency, date_format(from, first), date_format(until, last));
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct json_writer w = jw_init(&out);
	struct json given, answer, value;
	struct err err = { 0 };

	assert_int_equal(json_parse(shipped.arena, text, strlen(text), 0, &given, &err), 0);
	jw_object(&w, NULL);
	if (interest_answer(shipped.arena, &shipped.library->law->interest, &given, &w, NULL, &err) < 0) {
		assert_string_equal(err.code, "rate_unknown");
		return -1;
	}
	jw_end_object(&w);
	assert_int_equal(json_parse(shipped.arena, arena_memdup(shipped.arena, buf_str(&out), out.len), out.len, 0, &answer, &err), 0);
	value = json_get(&answer, "interest_minor");
	return json_int(&value);
}

/* In the notice and by the command, for every law and many days: one engine, so one sum, and the lines add up to it. */
static void the_sum_is_that_of_the_command(void **state)
{
	static const char *const regimes[] = { "FR-B2B", "FR-PUBLIC", "GB-B2B", "DE-B2B", "BE-B2B", "NL-B2B", "ES-B2B", "IT-B2B" };
	size_t told_count = 0, silent = 0;

	(void)state;
	for (size_t r = 0; r < ARRAY_LEN(regimes); r++)
		for (int i = 0; i < 60; i++) {
			struct about a = usual(regimes[r], "en-GB");
			date due = date_add_days(date_of(2023, 1, 1), i * 23), from = date_add_days(due, strcmp(regimes[r], "DE-B2B") == 0 ? 31 : 1);
			int64_t wanted, sum = 0;
			const char *text, *at;

			a.due[0] = due;
			a.today = date_add_days(due, 5 + i * 17 % 600);
			a.minor[0] = 100 + (int64_t)i * 7654321 % 99999999;
			a.currency = strcmp(regimes[r], "GB-B2B") == 0 ? "GBP" : "EUR";
			text = told(&a);
			wanted = date_diff(a.today, from) < 0 ? 0 : answered(regimes[r], a.minor[0], a.currency, from, a.today);
			if (wanted <= 0) {
				lacks(text, "comes to");
				silent++;
				continue;
			}
			has(text, "comes to ");
			assert_int_equal(minor_at(strstr(text, "comes to ")), wanted);
			for (at = text; (at = strstr(at, "/365 = ")) != NULL; at += 7)
				sum += minor_at(at + 7);
			assert_int_equal(sum, wanted);
			told_count++;
		}
	assert_true(told_count > 300 && silent > 20); /* among them days of the second half of 2026 */
}

static void what_is_not_known_is_not_summed(void **state)
{
	struct about a = usual("FR-B2B", "fr-FR");

	(void)state;
	has(told(&a), "- F-42, à partir du 2 avril 2026" NBSP ": 1" "\xe2\x80\xaf" "200,00" NBSP "€ × 12,15" NBSP "% × 15/365 = 5,99" NBSP "€");
	has(told(&a), "Avec le solde et l’indemnité forfaitaire" NBSP ": 1" "\xe2\x80\xaf" "245,99" NBSP "€.");
	a.currency = "USD"; /* interest is dollars, the sum euros: they are not added */
	has(told(&a), "5,99" NBSP "$US");
	lacks(told(&a), "Avec le solde");
	a.currency = "EUR";
	a.terms = "CGV-7"; /* another rate was agreed, and nobody told which */
	lacks(told(&a), "5,99");
	a.terms = NULL;
	a.minor[1] = 20000;
	has(told(&a), "6,92" NBSP "€, soit" NBSP ":"); /* 5.99 and 0.93 */
	a.today = date_of(2026, 7, 1); /* one day of a half-year of which no rate is known: nothing at all */
	lacks(told(&a), "soit" NBSP ":\n");
	a.today = date_of(2026, 4, 1); /* nothing is late */
	lacks(told(&a), "courues au");
	a = usual("DE-B2B", "de-DE"); /* from default, which is sure on the 31st day */
	a.due[0] = date_of(2026, 3, 1);
	a.today = date_of(2026, 3, 31);
	lacks(told(&a), "aufgelaufen");
	a.today = date_of(2026, 4, 2);
	has(told(&a), "- F-42, ab 1. April 2026: 1.200,00" NBSP "€ × 10,27" NBSP "% × 2/365 = 0,68" NBSP "€");
}

/* --- what is refused ---------------------------------------------------------------------------------------------------- */

static void without_a_law_it_is_not_sent(void **state)
{
	static const char *const regimes[] = { NULL, "US", "FR-B2C", "GB-COURT", "NL-B2C" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(regimes); i++) {
		struct about a = usual(regimes[i], "fr-FR");
		struct err err = { 0 };
		struct notice notice;

		assert_true(try_render(&a, &notice, &err) < 0);
		assert_string_equal(err.code, "missing_variable");
		has(err.text, "late.statute");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_law_as_it_is_cited_there),
		cmocka_unit_test(every_regime_in_every_language),
		cmocka_unit_test(a_rate_that_is_not_known_is_not_told),
		cmocka_unit_test(a_frozen_rate_is_that_of_its_beginning),
		cmocka_unit_test(the_sum_is_each_ones_or_all_of_them),
		cmocka_unit_test(a_waived_sum_is_not_asked_for),
		cmocka_unit_test(terms_are_named_where_they_are_known),
		cmocka_unit_test(the_sum_is_that_of_the_command),
		cmocka_unit_test(what_is_not_known_is_not_summed),
		cmocka_unit_test(without_a_law_it_is_not_sent),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
