/* The calculators, asked as anyone can check them: every case of the legal vectors goes through the program, one question a line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/json.h"
#include "tests/support/process.h"

#define ANSWER_MS 60000

struct asked { /* questions of one calculator, and what they want */
	struct arena *arena;
	struct buf questions;
	struct json_writer w;
	const char **names;
	struct json *expect;
	size_t count, capacity, expect_capacity;
};

static int begin(void **state)
{
	struct asked *a = xcalloc(1, sizeof(*a));

	a->arena = arena_create();
	*state = a;
	return 0;
}

static int end(void **state)
{
	struct asked *a = *state;

	arena_free(a->arena);
	buf_clear(&a->questions);
	free(a);
	return 0;
}

/* A file of the vectors. Where it is absent the test is skipped, but where CI runs it must be there. */
static struct json vectors(struct asked *a, const char *name)
{
	const char *shared = getenv("DUNNINGD_SHARED");
	const char *path = arena_printf(a->arena, "%s/legal-vectors/%s", shared ? shared : SOURCE_DIR "/../shared", name);
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct err err = { 0 };
	struct json root = { 0 };

	if (access(path, R_OK) != 0 && !getenv("CI"))
		skip();
	if (file_read(path, 1 << 22, &text, &err) < 0 ||
		json_parse(a->arena, arena_memdup(a->arena, text.data, text.len), text.len, JSON_FRACTIONS, &root, &err) < 0)
		fail_msg("%s", err.text);
	return root;
}

/* Makes room for one more and opens its question; the caller writes members, and closes it with asked_end(). */
static void ask(struct asked *a, const char *name, struct json expect)
{
	a->names = arena_grow(a->arena, a->names, a->count, &a->capacity, sizeof(*a->names));
	a->expect = arena_grow(a->arena, a->expect, a->count, &a->expect_capacity, sizeof(*a->expect));
	a->names[a->count] = name;
	a->expect[a->count++] = expect;
	a->w = jw_init(&a->questions);
	jw_object(&a->w, NULL);
}

static void asked_end(struct asked *a)
{
	jw_end_object(&a->w);
	buf_add_char(&a->questions, '\n');
}

/* Cases as most files have them: {"id", "given", "expect"}. */
static void ask_cases(struct asked *a, const struct json *root, const char *list)
{
	struct json cases = json_get(root, list);
	const struct json *here = arena_memdup(a->arena, &cases, sizeof(cases));

	assert_int_equal(cases.type, JSON_ARRAY);
	for (size_t i = 0; i < json_len(here); i++) {
		struct json item = json_at(here, i);
		const struct json *row = arena_memdup(a->arena, &item, sizeof(item));
		struct json id = json_get(row, "id"), given = json_get(row, "given"), value;
		const char *key;

		ask(a, json_str(&id), json_get(row, "expect"));
		for (size_t k = 0; json_member(&given, &k, &key, &value);)
			jw_json(&a->w, key, &value);
		asked_end(a);
	}
}

/* All that `want` says stands in `got`, which may say more. */
static bool within(const struct json *want, const struct json *got)
{
	struct json value, other;
	const char *key;

	if (want->type != got->type)
		return false;
	switch (want->type) {
	case JSON_OBJECT:
		for (size_t i = 0; json_member(want, &i, &key, &value);) {
			other = json_get(got, key);
			if (!within(&value, &other))
				return false;
		}
		return true;
	case JSON_ARRAY:
		for (size_t i = 0; i < json_len(want); i++) {
			value = json_at(want, i);
			other = json_at(got, i);
			if (!within(&value, &other))
				return false;
		}
		return json_len(want) == json_len(got);
	case JSON_STRING:
		return strcmp(json_str(want), json_str(got)) == 0;
	case JSON_INT:
		return json_int(want) == json_int(got);
	case JSON_BOOL:
		return json_bool(want) == json_bool(got);
	case JSON_DOUBLE:
		return json_double(want) == json_double(got);
	default:
		return true;
	}
}

static void check_answers(struct asked *a, const char *command)
{
	char path[] = "/tmp/dunningd-law-XXXXXX";
	CLEANUP(buf_clear) struct buf output = { 0 };
	size_t wrong = 0, at = 0;
	FILE *file;
	int fd = mkstemp(path);
	const char *script = arena_printf(a->arena, "exec %s/dunningctl --share %s/daemon/share --json law %s <%s", BUILD_DIR, SOURCE_DIR, command, path);

	assert_true(a->count > 0);
	assert_true(fd >= 0);
	file = fdopen(fd, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(a->questions.data, 1, a->questions.len, file), a->questions.len);
	assert_int_equal(fclose(file), 0);
	/* 1: an answer among them is a refusal. */
	assert_in_range(process_run((const char *const[]){ "sh", "-c", script, NULL }, &output, ANSWER_MS), 0, 1);
	(void)unlink(path);
	for (char *line = output.data, *next; line && *line; line = next, at++) {
		struct err err = { 0 };
		struct json got;

		next = strchr(line, '\n');
		assert_non_null(next);
		*next++ = '\0';
		assert_true(at < a->count);
		if (json_parse(a->arena, line, strlen(line), JSON_FRACTIONS, &got, &err) < 0)
			fail_msg("%s: %s", line, err.text);
		if (!within(&a->expect[at], &got)) {
			CLEANUP(buf_clear) struct buf want = { 0 };

			json_write(&want, &a->expect[at]);
			print_error("%s %s:\n  wanted %s\n  got    %s\n", command, a->names[at], buf_str(&want), line);
			wrong++;
		}
	}
	assert_int_equal(at, a->count);
	assert_int_equal(wrong, 0);
	print_message("law %s: %zu cases\n", command, a->count);
}

/* --- the files ------------------------------------------------------------------------------------------------------------------ */

static void due_dates(void **state)
{
	struct asked *a = *state;
	struct json root = vectors(a, "due-dates.json");

	ask_cases(a, &root, "vectors");
	ask_cases(a, &root, "caps");
	check_answers(a, "due-date");
}

/* What stands there as a list is wanted as the answer's "holidays". */
static struct json named(struct asked *a, const char *key, const struct json *value)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct json_writer w = jw_init(&text);
	struct json ret;

	jw_object(&w, NULL);
	jw_json(&w, key, value);
	jw_end_object(&w);
	assert_int_equal(json_parse(a->arena, arena_memdup(a->arena, text.data, text.len), text.len, JSON_FRACTIONS, &ret, NULL), 0);
	return ret;
}

static void holidays(void **state)
{
	struct asked *a = *state;
	struct json root = vectors(a, "holidays.json"), calendars = json_get(&root, "calendars"), feasts = json_get(&root, "easter");
	struct json years, list;
	const char *name, *year;

	for (size_t i = 0; json_member(&calendars, &i, &name, &years);) {
		for (size_t k = 0; json_member(&years, &k, &year, &list);) {
			ask(a, arena_printf(a->arena, "%s %s", name, year), named(a, "holidays", &list));
			jw_str(&a->w, "calendar", name);
			jw_int(&a->w, "year", atoi(year));
			asked_end(a);
		}
	}
	for (size_t i = 0; json_member(&feasts, &i, &year, &list);) {
		ask(a, year, named(a, "easter", &list));
		jw_int(&a->w, "year", atoi(year));
		asked_end(a);
	}
	check_answers(a, "holidays");
}

/* Files whose cases are as they stand: {"id", "given", "expect"}. */
static const struct plain_row {
	const char *command, *file;
	const char *lists[4];
} plain_rows[] = {
	{ "interest", "interest.json", { "vectors" } },
	{ "fees", "fees.json", { "vectors" } },
	{ "limitation", "limitation.json", { "vectors" } },
	{ "notice", "notices.json", { "vectors" } },
	{ "contact", "contact.json", { "time_windows", "caps_and_consent", "third_parties" } },
};

static void plain_cases(void **state)
{
	struct asked *a = *state;

	for (size_t i = 0; i < ARRAY_LEN(plain_rows); i++) {
		const struct plain_row *row = &plain_rows[i];
		struct json root = vectors(a, row->file);

		buf_reset(&a->questions);
		a->count = 0;
		for (const char *const *list = row->lists; list < row->lists + 4 && *list; list++)
			ask_cases(a, &root, *list);
		check_answers(a, row->command);
	}
}

static void opt_out_words(void **state)
{
	struct asked *a = *state;
	struct json root = vectors(a, "contact.json"), list = json_get(&root, "opt_out_words");

	for (size_t i = 0; i < json_len(&list); i++) {
		struct json row = json_at(&list, i), text = json_get(&row, "text"), expect = json_get(&row, "expect");

		ask(a, json_str(&text), named(a, "expect", &expect));
		jw_str(&a->w, "text", json_str(&text));
		asked_end(a);
	}
	check_answers(a, "opt-out");
}

/* On the day that the vectors were made, and after: the rates of the second half of 2026 are unknown, and what needs them is refused. */
static void what_is_unknown_is_named_and_refused(void **state)
{
	struct asked *a = *state;
	CLEANUP(buf_clear) struct buf output = { 0 };
	const char *dunningctl = arena_printf(a->arena, "%s/dunningctl --share %s/daemon/share --json law", BUILD_DIR, SOURCE_DIR);
	const char *status = arena_printf(a->arena, "%s status --today 2026-11-22", dunningctl);
	const char *refused = arena_printf(a->arena, "echo '{\"regime\":\"FR-B2B\",\"principal_minor\":100000,\"currency\":\"EUR\","
		"\"due\":\"2026-07-15\",\"until\":\"2026-08-15\"}' | %s interest", dunningctl);
	struct json root, value;
	size_t unknown = 0;

	assert_int_equal(process_run((const char *const[]){ "sh", "-c", status, NULL }, &output, ANSWER_MS), 1);
	assert_int_equal(json_parse(a->arena, arena_memdup(a->arena, output.data, output.len), output.len, 0, &root, NULL), 0);
	for (size_t i = 0; i < json_len(&root); i++) {
		struct json row = json_at(&root, i), state_of = json_get(&row, "state"), section = json_get(&row, "section");

		value = json_get(&row, "unknown_from");
		if (strcmp(json_str(&state_of), "unknown") != 0)
			continue;
		assert_string_equal(json_str(&section), "rates");
		assert_string_equal(json_str(&value), "2026H2");
		unknown++;
	}
	assert_int_equal(unknown, 6);
	buf_reset(&output);
	assert_int_equal(process_run((const char *const[]){ "sh", "-c", refused, NULL }, &output, ANSWER_MS), 1);
	assert_non_null(strstr(output.data, "\"rate_unknown\""));
	assert_non_null(strstr(output.data, "2026H2"));
}

static void deadlines(void **state)
{
	struct asked *a = *state;
	struct json root = vectors(a, "deadlines-and-retention.json");

	ask_cases(a, &root, "procedure_vectors");
	check_answers(a, "deadline");
}

static void retention(void **state)
{
	struct asked *a = *state;
	struct json root = vectors(a, "deadlines-and-retention.json");

	ask_cases(a, &root, "retention_vectors");
	ask_cases(a, &root, "erasure_requests");
	check_answers(a, "retention");
}

/* --- format ----------------------------------------------------------------------------------------------------------------------- */

/* Texts differ between versions of the library: those of another one than the vectors' are not compared. */
static bool same_icu(struct asked *a, const struct json *root)
{
	CLEANUP(buf_clear) struct buf output = { 0 };
	const char *script = arena_printf(a->arena, "echo '{\"locale\":\"en\",\"n\":1}' | %s/dunningctl --share %s/daemon/share --json law format", BUILD_DIR,
		SOURCE_DIR);
	struct json version = json_get(root, "icu"), got, answered;

	assert_int_equal(process_run((const char *const[]){ "sh", "-c", script, NULL }, &output, ANSWER_MS), 0);
	assert_int_equal(json_parse(a->arena, output.data, output.len, JSON_FRACTIONS, &got, NULL), 0);
	answered = json_get(&got, "icu");
	if (strcmp(json_str(&answered), json_str(&version)) == 0)
		return true;
	print_message("ICU is %s, and the vectors' %s\n", json_str(&answered), json_str(&version));
	return false;
}

/* A row of the file: all its members but the wanted one are the question. */
static void ask_format(struct asked *a, const char *locale, const char *kind, const struct json *row)
{
	const char *wanted = strcmp(kind, "plural") == 0 ? "category" : "text", *key;
	struct json want = json_get(row, wanted), value;

	ask(a, arena_printf(a->arena, "%s %s", locale, kind), named(a, wanted, &want));
	jw_str(&a->w, "locale", locale);
	jw_str(&a->w, "kind", kind);
	for (size_t i = 0; json_member(row, &i, &key, &value);)
		if (strcmp(key, wanted) != 0)
			jw_json(&a->w, key, &value);
	if (strcmp(kind, "list_and") == 0) {
		value = json_get(row, "n");
		jw_array(&a->w, "list");
		for (int64_t i = 1; i <= json_int(&value); i++)
			jw_str(&a->w, NULL, arena_printf(a->arena, "INV-%d", (int)i));
		jw_end_array(&a->w);
	}
	asked_end(a);
}

static void format(void **state)
{
	struct asked *a = *state;
	struct json root = vectors(a, "locale.json"), locales = json_get(&root, "locales"), locale, rows;
	const char *tag, *kind;

	if (!same_icu(a, &root))
		return;
	for (size_t i = 0; json_member(&locales, &i, &tag, &locale);) {
		for (size_t k = 0; json_member(&locale, &k, &kind, &rows);) {
			for (size_t n = 0; n < json_len(&rows); n++) {
				struct json row = json_at(&rows, n);

				ask_format(a, tag, kind, &row);
			}
		}
	}
	check_answers(a, "format");
}

/* --- what is refused -------------------------------------------------------------------------------------------------------------- */

static const struct refused_row {
	const char *command, *given, *error;
} refused_rows[] = {
	{ "due-date", "{\"issue\":\"2026-01-01\"}", "missing" },
	{ "due-date", "{\"issue\":\"2026-02-30\",\"term\":{\"kind\":\"eom\"}}", "bad_date" },
	{ "due-date", "{\"issue\":\"9990-01-01\",\"term\":{\"kind\":\"eom\"}}", "bad_date" },
	{ "due-date", "{\"issue\":\"2026-01-01\",\"term\":{\"kind\":\"eom\"},\"roll\":\"following\",\"calendar\":\"JP\"}", "unknown_calendar" },
	{ "due-date", "{\"check\":\"legal_maximum\",\"country\":\"JP\",\"issue\":\"2026-01-01\",\"due\":\"2026-01-01\"}", "unknown_country" },
	{ "holidays", "{\"calendar\":\"FR\"}", "missing" },
	{ "holidays", "{\"calendar\":\"JP\",\"year\":2026}", "unknown_calendar" },
	{ "holidays", "[]", "wrong_type" },
	{ "holidays", "{", "bad_json" },
	{ "deadline", "{\"path\":\"fr-injonction-de-payer\"}", "missing" },
	{ "deadline", "{\"path\":\"nowhere\"}", "unknown_path" },
	{ "deadline", "{\"country\":\"JP\"}", "unknown_country" },
	{ "retention", "{\"country\":\"FR\",\"record\":\"selfie\",\"date\":\"2026-01-01\"}", "unknown_rule" },
	{ "retention", "{\"request\":\"erase\",\"claim\":\"paid\"}", "missing" },
	{ "format", "{\"locale\":\"fr-FR\"}", "missing" },
	{ "format", "{\"locale\":\"xx-YY\",\"n\":1}", "unknown_locale" },
	{ "format", "{\"locale\":\"fr-FR\",\"amount\":\"1.234\",\"currency\":\"EUR\"}", "bad_amount" },
	{ "format", "{\"locale\":\"fr-FR\",\"amount\":\"1\",\"currency\":\"XAU\"}", "unknown_currency" },
	{ "format", "{\"locale\":\"fr-FR\",\"number\":\"1,5\"}", "bad_number" },
};

/* An answer that is none has its line too, with the reason, and the exit status says so. */
static void what_cannot_be_answered_says_why(void **state)
{
	struct asked *a = *state;

	for (size_t i = 0; i < ARRAY_LEN(refused_rows); i++) {
		const struct refused_row *row = &refused_rows[i];
		CLEANUP(buf_clear) struct buf output = { 0 };
		const char *script = arena_printf(a->arena, "echo '%s' | %s/dunningctl --share %s/daemon/share --json law %s", row->given, BUILD_DIR,
			SOURCE_DIR, row->command);
		struct json got, error;

		assert_int_equal(process_run((const char *const[]){ "sh", "-c", script, NULL }, &output, ANSWER_MS), 1);
		assert_int_equal(json_parse(a->arena, buf_str(&output), output.len, 0, &got, NULL), 0);
		error = json_get(&got, "error");
		assert_non_null(json_str(&error));
		if (strcmp(json_str(&error), row->error) != 0)
			fail_msg("law %s %s: %s", row->command, row->given, buf_str(&output));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(due_dates, begin, end),
		cmocka_unit_test_setup_teardown(holidays, begin, end),
		cmocka_unit_test_setup_teardown(plain_cases, begin, end),
		cmocka_unit_test_setup_teardown(opt_out_words, begin, end),
		cmocka_unit_test_setup_teardown(what_is_unknown_is_named_and_refused, begin, end),
		cmocka_unit_test_setup_teardown(deadlines, begin, end),
		cmocka_unit_test_setup_teardown(retention, begin, end),
		cmocka_unit_test_setup_teardown(format, begin, end),
		cmocka_unit_test_setup_teardown(what_cannot_be_answered_says_why, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
