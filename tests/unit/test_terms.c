/* Terms in words and as objects, and the law's maxima and presumptions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/law.h"

static struct law *shipped;

static int load(void **state)
{
	struct err err = { 0 };

	(void)state;
	if (law_load(SOURCE_DIR "/daemon/share", NULL, &shipped, &err) < 0)
		fail_msg("%s", err.text);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	law_free(shipped);
	return 0;
}

static const struct words_row {
	const char *words, *due; /* of an invoice of 31 January 2026; NULL = refused */
} words_rows[] = {
	{ "net 30", "2026-03-02" },
	{ "NET 30", "2026-03-02" },
	{ "net:30", "2026-03-02" },
	{ "on-receipt", "2026-01-31" },
	{ "eom", "2026-01-31" },
	{ "days-then-eom 30", "2026-03-31" },
	{ "days_then_eom 30", "2026-03-31" },
	{ "eom-then-days 30", "2026-03-02" },
	{ "days-then-eom-the 30 10", "2026-04-10" },
	{ "days-then-eom-the:30:31", "2026-04-30" },
	{ "months-then-eom 1", "2026-02-28" },
	{ "day-of-next-month 10", "2026-02-10" },
	{ "net", NULL },
	{ "net 30 days", NULL },
	{ "net -1", NULL },
	{ "eom 30", NULL },
	{ "day-of-next-month 32", NULL },
	{ "net30", NULL },
	{ "prox 10", NULL },
	{ "", NULL },
};

static void words_are_a_term(void **state)
{
	const struct words_row *row = *state;
	struct err err = { 0 };
	char text[DATE_TEXT_SIZE];
	struct term term;
	int r = term_parse(row->words, &term, &err);

	assert_int_equal(r == 0, row->due != NULL);
	if (r < 0)
		assert_string_not_equal(err.text, "");
	else
		assert_string_equal(date_format(term_due(&term, date_of(2026, 1, 31)), text), row->due);
}

static void a_term_is_written_as_it_is_read(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	(void)state;
	for (int kind = 0; kind < TERM_KIND_COUNT; kind++) {
		CLEANUP(buf_clear) struct buf text = { 0 };
		struct json_writer w = jw_init(&text);
		struct term term = { (enum term_kind)kind, 0, 0, 0 }, back = { 0 };
		struct json root;

		if (kind == TERM_NET || kind == TERM_DAYS_THEN_EOM || kind == TERM_EOM_THEN_DAYS || kind == TERM_DAYS_THEN_EOM_THE)
			term.days = 45;
		if (kind == TERM_MONTHS_THEN_EOM)
			term.months = 2;
		if (kind == TERM_DAYS_THEN_EOM_THE || kind == TERM_DAY_OF_NEXT_MONTH)
			term.day = 10;
		term_write(&w, NULL, &term);
		assert_int_equal(json_parse(arena, text.data, text.len, 0, &root, NULL), 0);
		assert_int_equal(term_read(&root, &back, NULL), 0);
		assert_memory_equal(&term, &back, sizeof(term));
	}
}

static void a_maximum_holds_from_its_day(void **state)
{
	const struct terms_country *nl = terms_country(shipped->terms, "NL"), *fr = terms_country(shipped->terms, "FR");
	struct terms_case facts = { .issue = date_of(2022, 6, 30), .large_to_sme = true };
	char text[DATE_TEXT_SIZE];

	(void)state;
	assert_non_null(nl);
	assert_non_null(fr);
	assert_string_equal(date_format(terms_latest(nl, &facts), text), "2022-08-29");
	facts.issue = date_of(2022, 7, 1);
	assert_string_equal(date_format(terms_latest(nl, &facts), text), "2022-07-31");
	facts = (struct terms_case){ .issue = date_of(2026, 1, 2), .eom_days = 45, .eom_method = TERM_EOM_THEN_DAYS };
	assert_string_equal(date_format(terms_latest(fr, &facts), text), "2026-03-17");
	facts.eom_method = TERM_DAYS_THEN_EOM;
	assert_string_equal(date_format(terms_latest(fr, &facts), text), "2026-02-28");
	facts = (struct terms_case){ .issue = date_of(2022, 1, 31) };
	assert_false(date_is_set(terms_latest(terms_country(shipped->terms, "BE"), &facts)));
}

static void a_date_that_the_law_counts_from_must_be_known(void **state)
{
	const struct terms_country *fr = terms_country(shipped->terms, "FR"), *gb = terms_country(shipped->terms, "GB");
	date none = date_none(), april = date_of(2026, 4, 10);
	struct terms_default begins;

	(void)state;
	assert_false(date_is_set(terms_default_due(fr, none, april)));
	assert_true(date_is_set(terms_default_due(gb, none, april)));
	assert_false(date_is_set(terms_default_due(gb, none, none)));
	assert_false(terms_default_begins(fr, april, false, false, &begins));
	assert_true(terms_default_begins(terms_country(shipped->terms, "DE"), april, true, true, &begins));
	assert_int_equal(begins.from.days, april.days + 31);
	assert_null(terms_country(shipped->terms, "XX"));
	assert_int_equal(terms_roll(NULL), ROLL_NONE);
	assert_int_equal(terms_roll(terms_country(shipped->terms, "IT")), ROLL_SUNDAY);
}

int main(void)
{
	static struct CMUnitTest tests[ARRAY_LEN(words_rows) + 3];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(words_rows); i++)
		tests[n++] = (struct CMUnitTest){ words_rows[i].words, words_are_a_term, NULL, NULL, (void *)(uintptr_t)&words_rows[i] };
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(a_term_is_written_as_it_is_read);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(a_maximum_holds_from_its_day);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(a_date_that_the_law_counts_from_must_be_known);
	return cmocka_run_group_tests(tests, load, drop);
}
