/* Deadlines, limits and fees of procedures; how long records are kept; and that what the daemon erases honours that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/law.h"
#include "common/retention.h"

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

static date day(const char *text)
{
	date d = date_none();

	if (text && date_parse(text, &d) < 0)
		fail_msg("%s", text);
	return d;
}

static void assert_day(date d, const char *text)
{
	char got[DATE_TEXT_SIZE];

	assert_string_equal(date_format(d, got), text);
}

/* --- deadlines -------------------------------------------------------------------------------------------------------------------- */

static const struct deadline_row {
	const char *path, *event, *on, *name, *nominal, *last; /* name NULL: none counts from it */
} deadline_rows[] = {
	{ "fr-injonction-de-payer", "order", "2026-08-31", "serve_by", "2027-02-28", "2027-03-01" },
	{ "fr-injonction-de-payer", "order", "2026-09-01", "serve_by", "2026-12-01", "2026-12-01" },
	{ "fr-injonction-de-payer", "service", "2026-04-01", "oppose_by", "2026-05-01", "2026-05-04" },
	{ "de-mahnbescheid", "service", "2026-09-19", "objection_by", "2026-10-03", "2026-10-05" },
	{ "it-decreto-ingiuntivo", "service", "2026-03-01", "oppose_by", "2026-04-10", "2026-04-10" },
	{ "eu-order-for-payment", "service", "2026-04-01", "oppose_by", "2026-05-01", "2026-05-01" },
	{ "de-mahnbescheid", "order", "2026-09-19", NULL, NULL, NULL },
	{ "nl-kanton", "service", "2026-09-19", NULL, NULL, NULL },
};

static void a_deadline_ends(void **state)
{
	const struct deadline_row *row = *state;
	const struct procedure *p = procedure_find(shipped->procedures, row->path);
	struct deadline list[DEADLINES_MAX];
	size_t count;

	assert_non_null(p);
	count = procedure_deadlines(p, shipped->holidays, row->event, day(row->on), list);
	assert_int_equal(count, row->name != NULL);
	if (!count)
		return;
	assert_string_equal(list[0].name, row->name);
	assert_day(list[0].nominal, row->nominal);
	assert_day(list[0].last, row->last);
}

static void a_limit_holds_from_its_day(void **state)
{
	const struct procedure *p = procedure_find(shipped->procedures, "de-amtsgericht");

	(void)state;
	assert_int_equal(procedure_limit(p, day("2025-12-31")), 500000);
	assert_int_equal(procedure_limit(p, day("2026-01-01")), 1000000);
	assert_int_equal(procedure_limit(procedure_find(shipped->procedures, "es-monitorio"), day("2026-01-01")), -1);
	assert_null(procedure_find(shipped->procedures, "fr-"));
}

static void fees_go_by_tiers(void **state)
{
	static const struct { int64_t claim, fee; } rows[] = { { 1, 3500 }, { 30000, 3500 }, { 30001, 5000 }, { 1000000, 45500 },
		{ 1000001, 50000 }, { 1000010, 50001 }, { 20000000, 1000000 }, { 20000001, 1000000 } };
	const struct procedure *p = procedure_find(shipped->procedures, "gb-small-claim");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(procedure_fee(p, rows[i].claim), rows[i].fee);
	assert_int_equal(procedure_fee(procedure_find(shipped->procedures, "nl-kanton"), 100), -1);
}

/* --- keeping ---------------------------------------------------------------------------------------------------------------------- */

static const struct keeping_row {
	const char *country, *record, *on, *year_end, *activity, *until; /* until "": `missing` is wanted */
	const char *missing;
} keeping_rows[] = {
	{ "FR", "invoice", "2026-03-10", "2026-12-31", NULL, "2036-12-31", NULL },
	{ "FR", "invoice", "2026-03-10", NULL, NULL, "2036-12-31", NULL },
	{ "FR", "invoice", NULL, NULL, NULL, "", "date" },
	{ "FR", "letter", "2024-02-29", NULL, NULL, "2029-02-28", NULL },
	{ "DE", "invoice", "2024-12-31", NULL, NULL, "2034-12-31", NULL },
	{ "DE", "invoice", "2025-01-01", NULL, NULL, "2033-12-31", NULL },
	{ "US", "collection_record", "2026-03-10", NULL, NULL, "", "last_activity" },
	{ "US", "collection_record", NULL, NULL, "2026-03-10", "2029-03-10", NULL },
};

static void a_record_is_kept(void **state)
{
	const struct keeping_row *row = *state;
	const struct keeping_rule *rule = keeping_rule(shipped->keeping, row->country, row->record, day(row->on));
	struct kept_record record = { day(row->on), day(row->year_end), day(row->activity) };
	const char *missing;

	assert_non_null(rule);
	assert_day(keeping_until(rule, &record, &missing), row->until);
	if (row->missing)
		assert_string_equal(missing, row->missing);
}

/* What the daemon erases (retention.json) is accounts never before, and for no shorter time than, the law wants an invoice kept. */
static void nothing_is_erased_before_the_law_allows_it(void **state)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	CLEANUP(retention_freep) struct retention *retention = NULL;
	const struct keeping *keeping = shipped->keeping;
	struct err err = { 0 };
	size_t seen = 0;

	(void)state;
	if (file_read(SOURCE_DIR "/daemon/share/retention.json", 1 << 20, &text, &err) < 0 ||
		retention_parse(buf_str(&text), text.len, &retention, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < keeping->count; i++) {
		const struct keeping_rule *rule = &keeping->rules[i];
		const struct retention_rule *ours = retention_rule(retention, CLASS_FACTS, RECORDS_ACCOUNTS, rule->country, 0, day("2026-11-22"));

		if (strcmp(rule->record, "invoice") != 0 || keeping_rule(keeping, rule->country, "invoice", day("2026-11-22")) != rule)
			continue;
		assert_non_null(ours);
		if (ours->months < 12 * rule->years)
			fail_msg("%s: %d months, and the law wants %d years", rule->id, ours->months, rule->years);
		seen++;
	}
	assert_int_equal(seen, 7);
}

/* Who helps for little or nothing, and where that was seen; and the form, with what it asks for, of every way that leads to a court. */
static void each_way_has_help_and_a_form(void **state)
{
	static const char *const without_form[] = { "fr-conciliation-first", "es-masc-first" };

	(void)state;
	for (size_t i = 0; i < shipped->procedures->count; i++) {
		const struct procedure *p = &shipped->procedures->items[i];
		bool none = false;

		for (size_t k = 0; k < ARRAY_LEN(without_form); k++)
			none = none || strcmp(p->id, without_form[k]) == 0;
		if (!p->advice || !*p->advice)
			fail_msg("%s: nobody advises", p->id);
		if (none != !p->form.name || (!none && (p->form.ask_count < 5 || !p->form.source)))
			fail_msg("%s: its form", p->id);
	}
	assert_string_equal(procedure_find(shipped->procedures, "gb-small-claim")->form.number, "N1");
	assert_string_equal(form_ask_names[procedure_find(shipped->procedures, "gb-small-claim")->form.asks[1]], "claimant");
}

/* --- bad files -------------------------------------------------------------------------------------------------------------------- */

static const struct bad_row {
	const char *name, *section, *members, *path;
} bad_rows[] = {
	{ "a deadline of nothing", "procedures", "\"country\":\"FR\",\"deadlines\":[{\"name\":\"a\",\"after\":\"order\"}]",
		"$.procedures.x.deadlines[0]" },
	{ "days and months", "procedures", "\"country\":\"FR\",\"deadlines\":[{\"name\":\"a\",\"after\":\"order\",\"days\":1,\"months\":1}]",
		"$.procedures.x.deadlines[0]" },
	{ "a limit in no currency", "procedures", "\"country\":\"FR\",\"limits\":[{\"minor\":1}]", "$.procedures.x.currency" },
	{ "a fee of nothing", "procedures", "\"country\":\"FR\",\"currency\":\"EUR\",\"fees\":[{\"up_to_minor\":1}]", "$.procedures.x.fees[0]" },
	{ "a form that asks for what nobody knows", "procedures", "\"country\":\"FR\",\"form\":{\"name\":\"f\",\"source\":\"s\",\"asks\":[\"shoe_size\"]}",
		"$.procedures.x.form.asks[0]" },
	{ "a form on no secure page", "procedures",
		"\"country\":\"FR\",\"form\":{\"name\":\"f\",\"source\":\"s\",\"url\":\"http://x\",\"asks\":[\"court\"]}", "$.procedures.x.form.url" },
	{ "no such start", "retention", "\"country\":\"FR\",\"record\":\"invoice\",\"years\":1,\"start\":\"birth\"", "$.retention.x.start" },
	{ "no years", "retention", "\"country\":\"FR\",\"record\":\"invoice\",\"start\":\"date\"", "$.retention.x.years" },
};

static void a_bad_entry_is_refused(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const struct bad_row *row = *state;
	const char *json = arena_printf(arena, "{\"as_of\":\"2026-11-22\",\"%s\":{\"x\":{\"source\":\"s\",\"certainty\":\"ours\",%s}}}",
		row->section, row->members);
	struct law_text text = { "own.json", json, strlen(json), false };
	struct law *law = NULL;
	struct err err = { 0 };

	assert_true(law_parse(&text, 1, &law, &err) < 0);
	assert_string_equal(err.path, row->path);
}

int main(void)
{
	static struct CMUnitTest tests[ARRAY_LEN(deadline_rows) + ARRAY_LEN(keeping_rows) + ARRAY_LEN(bad_rows) + 4];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(deadline_rows); i++)
		tests[n++] = (struct CMUnitTest){ deadline_rows[i].path, a_deadline_ends, NULL, NULL, (void *)(uintptr_t)&deadline_rows[i] };
	for (size_t i = 0; i < ARRAY_LEN(keeping_rows); i++)
		tests[n++] = (struct CMUnitTest){ keeping_rows[i].country, a_record_is_kept, NULL, NULL, (void *)(uintptr_t)&keeping_rows[i] };
	for (size_t i = 0; i < ARRAY_LEN(bad_rows); i++)
		tests[n++] = (struct CMUnitTest){ bad_rows[i].name, a_bad_entry_is_refused, NULL, NULL, (void *)(uintptr_t)&bad_rows[i] };
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(each_way_has_help_and_a_form);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(a_limit_holds_from_its_day);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(fees_go_by_tiers);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(nothing_is_erased_before_the_law_allows_it);
	return cmocka_run_group_tests(tests, load, drop);
}
