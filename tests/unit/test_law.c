/* Law files: what they must say, how the user's are laid over the shipped ones, and what runs out when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/law.h"

#define ENTRY "\"source\":\"gazette\",\"certainty\":\"found\""

static struct law *parse_two(const char *shipped, const char *own, struct err *err)
{
	const struct law_text texts[] = { { "shipped.json", shipped, strlen(shipped), false },
		{ "own.json", own ? own : "", own ? strlen(own) : 0, true } };
	struct law *law = NULL;

	return law_parse(texts, own ? 2 : 1, &law, err) < 0 ? NULL : law;
}

static void the_users_file_is_laid_over_the_shipped_one(void **state)
{
	static const char shipped[] = "{\"as_of\":\"2026-11-22\",\"rates\":{\"ecb\":{" ENTRY ",\"values\":{\"2026H1\":\"2.15\"}},"
				      "\"boe\":{" ENTRY ",\"values\":{\"2025H1\":\"4.75\",\"2026H1\":\"3.75\"}}}}";
	static const char own[] = "{\"as_of\":\"2026-12-01\",\"rates\":{\"ecb\":{\"values\":{\"2026H2\":\"2.00\"}},\"boe\":{\"label\":null}}}";
	struct err err = { 0 };
	CLEANUP(law_freep) struct law *law = parse_two(shipped, own, &err);
	const struct law_entry *entries;
	char text[DATE_TEXT_SIZE];

	(void)state;
	assert_string_equal(err.text, "");
	assert_non_null(law);
	assert_int_equal(law_entries(law, &entries), 2);
	assert_string_equal(entries[0].name, "ecb");
	assert_string_equal(entries[0].own_file, "own.json");
	assert_string_equal(date_format(entries[0].as_of, text), "2026-12-01");
	assert_string_equal(date_format(entries[0].known_until, text), "2026-12-31");
	assert_string_equal(date_format(entries[1].known_until, text), "2025-06-30"); /* a gap behind it */
}

static void null_takes_an_entry_away(void **state)
{
	struct err err = { 0 };
	CLEANUP(law_freep) struct law *law = parse_two("{\"as_of\":\"2026-11-22\",\"notices\":{\"a\":{" ENTRY "},\"b\":{" ENTRY "}}}",
		"{\"as_of\":\"2026-11-23\",\"notices\":{\"a\":null}}", &err);
	const struct law_entry *entries;

	(void)state;
	assert_non_null(law);
	assert_int_equal(law_entries(law, &entries), 1);
	assert_string_equal(entries[0].name, "b");
	assert_null(entries[0].own_file);
}

/* Several files of one section, each over the one before: what one takes away another may bring anew. In the order of their first mention. */
static void files_are_laid_one_over_the_other(void **state)
{
	static const char *const files[] = {
		"{\"as_of\":\"2026-11-20\",\"notices\":{\"a\":{" ENTRY ",\"x\":{\"old\":1,\"kept\":1}},\"b\":{" ENTRY ",\"x\":{\"old\":1}},\"c\":{" ENTRY "}}}",
		"{\"as_of\":\"2026-11-21\",\"notices\":{\"a\":{\"x\":{\"old\":null,\"added\":2}},\"b\":{\"x\":\"plain\"},\"c\":null,\"d\":null}}",
		"{\"as_of\":\"2026-11-22\",\"notices\":{\"e\":{" ENTRY ",\"x\":null},\"b\":{\"x\":{\"fresh\":3}}}}",
	};
	static const char *const names[] = { "a", "b", "e" };
	static const char *const values[] = { "{\"kept\":1,\"added\":2}", "{\"fresh\":3}", "null" };

	(void)state;
	for (size_t own = 0; own <= ARRAY_LEN(files); own++) { /* how many of them are the user's */
		struct law_text texts[ARRAY_LEN(files)];
		CLEANUP(law_freep) struct law *law = NULL;
		const struct law_entry *entries;
		struct err err = { 0 };

		for (size_t i = 0; i < ARRAY_LEN(files); i++)
			texts[i] = (struct law_text){ "f.json", files[i], strlen(files[i]), i + own >= ARRAY_LEN(files) };
		if (law_parse(texts, ARRAY_LEN(files), &law, &err) < 0)
			fail_msg("%s", err.text);
		assert_int_equal(law_entries(law, &entries), ARRAY_LEN(names));
		for (size_t i = 0; i < ARRAY_LEN(names); i++) {
			CLEANUP(buf_clear) struct buf text = { 0 };
			struct json x = json_get(&entries[i].value, "x");

			json_write(&text, &x);
			assert_string_equal(entries[i].name, names[i]);
			assert_string_equal(buf_str(&text), values[i]);
		}
	}
}

static void an_entry_runs_out(void **state)
{
	struct err err = { 0 };
	CLEANUP(law_freep) struct law *law =
		parse_two("{\"as_of\":\"2026-11-22\",\"notices\":{\"a\":{" ENTRY ",\"known_until\":\"2026-12-31\"}}}", NULL, &err);
	const struct law_entry *entries;

	(void)state;
	assert_non_null(law);
	assert_int_equal(law_entries(law, &entries), 1);
	assert_int_equal(law_entry_state(entries, date_of(2026, 11, 1)), LAW_CURRENT);
	assert_int_equal(law_entry_state(entries, date_of(2026, 11, 2)), LAW_RUNS_OUT);
	assert_int_equal(law_entry_state(entries, date_of(2026, 12, 31)), LAW_RUNS_OUT);
	assert_int_equal(law_entry_state(entries, date_of(2027, 1, 1)), LAW_RAN_OUT);
}

static void a_bad_file_is_named_with_the_place(void **state)
{
	static const struct { const char *shipped, *own, *text; } rows[] = {
		{ "[]", NULL, "shipped.json: $ must be an object" },
		{ "{\"notices\":{}}", NULL, "shipped.json: $.as_of" },
		{ "{\"as_of\":\"lately\"}", NULL, "shipped.json: $.as_of" },
		{ "{\"as_of\":\"2026-11-22\",\"rate\":{}}", NULL, "shipped.json: $.rate" },
		{ "{\"as_of\":\"2026-11-22\",\"rates\":{\"ecb\":{\"certainty\":\"found\"}}}", NULL, "shipped.json: $.rates.ecb.source" },
		{ "{\"as_of\":\"2026-11-22\",\"rates\":{\"ecb\":{\"source\":\"x\",\"certainty\":\"sure\"}}}", NULL,
			"shipped.json: $.rates.ecb.certainty" },
		{ "{\"as_of\":\"2026-11-22\",\"rates\":{\"ecb\":{" ENTRY "}}}",
			"{\"as_of\":\"2026-11-23\",\"rates\":{\"boe\":{}}}", "own.json: $.rates.boe.source" },
		{ "{\"as_of\":\"2026-11-22\",\"rates\":{\"ecb\":{" ENTRY "}}}",
			"{\"as_of\":\"2026-11-23\",\"rates\":{\"ecb\":{\"known_until\":\"2026-02-30\"}}}", "own.json: $.rates.ecb.known_until" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = { 0 };

		assert_null(parse_two(rows[i].shipped, rows[i].own, &err));
		if (strncmp(err.text, rows[i].text, strlen(rows[i].text)) != 0)
			fail_msg("\"%s\" should begin with \"%s\"", err.text, rows[i].text);
	}
}

static void the_shipped_files_are_right(void **state)
{
	struct err err = { 0 };
	CLEANUP(law_freep) struct law *law = NULL;

	(void)state;
	if (law_load(SOURCE_DIR "/daemon/share", NULL, &law, &err) < 0)
		fail_msg("%s", err.text);
}

/*
 * What the shipped data do not know on a day, by name: the rates of the second half of 2026, told from two months before; and a question
 * that needs one is refused by its half-year.
 */
static void what_is_unknown_is_named(void **state)
{
	static const char *const rates[] = { "ecb_mro", "boe_reference", "de_basiszinssatz", "fr_legal_professional", "fr_legal_private",
		"nl_statutory_non_trade" };
	static const struct { date day; enum law_state rates; } days[] = { { { 20574 }, LAW_CURRENT }, { { 20575 }, LAW_RUNS_OUT },
		{ { 20634 }, LAW_RUNS_OUT }, { { 20635 }, LAW_RAN_OUT }, { { 20786 }, LAW_RAN_OUT } }; /* 1, 2 May; 30 June, 1 July; 29 November */
	static const char given[] =
		"{\"regime\":\"FR-B2B\",\"principal_minor\":120000,\"currency\":\"EUR\",\"due\":\"2026-06-20\",\"until\":\"2026-11-29\"}";
	CLEANUP(law_freep) struct law *law = NULL;
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct json_writer w = jw_init(&out);
	const struct law_entry *entries;
	struct err err = { 0 };
	struct json question;
	size_t count;

	(void)state;
	assert_int_equal(law_load(SOURCE_DIR "/daemon/share", NULL, &law, &err), 0);
	count = law_entries(law, &entries);
	assert_int_equal(days[2].day.days, date_of(2026, 6, 30).days);
	assert_int_equal(days[4].day.days, date_of(2026, 11, 29).days);
	for (size_t d = 0; d < ARRAY_LEN(days); d++) {
		size_t found = 0;

		for (size_t i = 0; i < count; i++) {
			bool rate = strcmp(entries[i].section, "rates") == 0;

			if (law_entry_state(&entries[i], days[d].day) != (rate ? days[d].rates : LAW_CURRENT))
				fail_msg("%s.%s on day %zu", entries[i].section, entries[i].name, d);
			for (size_t r = 0; rate && r < ARRAY_LEN(rates); r++)
				found += strcmp(entries[i].name, rates[r]) == 0;
		}
		assert_int_equal(found, ARRAY_LEN(rates));
	}
	assert_int_equal(json_parse(law->arena, given, sizeof(given) - 1, 0, &question, &err), 0);
	assert_true(interest_answer(law->arena, &law->interest, &question, &w, NULL, &err) < 0);
	assert_string_equal(err.code, "rate_unknown");
	assert_non_null(strstr(err.text, "2026H2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_users_file_is_laid_over_the_shipped_one),
		cmocka_unit_test(null_takes_an_entry_away),
		cmocka_unit_test(files_are_laid_one_over_the_other),
		cmocka_unit_test(an_entry_runs_out),
		cmocka_unit_test(a_bad_file_is_named_with_the_place),
		cmocka_unit_test(the_shipped_files_are_right),
		cmocka_unit_test(what_is_unknown_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
