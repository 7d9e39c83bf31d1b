/* The command line: how words and options are read, and that help and manual tell every row of the real table. */
#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/utc.h"
#include "tools/cmd.h"

/* --- reading ------------------------------------------------------------------------------------------------------------------- */

static const struct option_row globals[] = { { "file", "FILE", "" }, { "json", NULL, "" }, { 0 } };
static const struct option_row hold_options[] = { { "until", "WHEN", "" }, { "quiet", NULL, "" }, { 0 } };
static const struct command hold = { .name = "hold", .args = "INVOICE WHY", .min_args = 2, .max_args = 2, .help = "h",
	.options = hold_options };
static const struct command task_done = { .name = "task done", .args = "TASK", .min_args = 1, .max_args = 1, .help = "h" };
static const struct command many = { .name = "push", .args = "FILE...", .max_args = COMMAND_ANY, .help = "h" };
static const struct command *const table[] = { &hold, &task_done, &many, NULL };

struct row {
	const char *name;
	const char *line; /* words between blanks */
	const char *wanted; /* "command|words|own options|globals|help", or "!" and a part of the complaint */
};

static const struct row rows[] = {
	{ "a command and its words", "hold inv why", "hold|inv,why|,|,|" },
	{ "a command of two words", "task done t1", "task done|t1||,|" },
	{ "options of all stand before it", "--json hold inv why", "hold|inv,why|,|,+|" },
	{ "and behind it", "hold inv why --json", "hold|inv,why|,|,+|" },
	{ "an option's value is the next word", "hold inv --until 10d why", "hold|inv,why|10d,|,|" },
	{ "or stands behind =", "hold --until=10d inv why", "hold|inv,why|10d,|,|" },
	{ "an empty value is one", "hold --until= inv why", "hold|inv,why|+,|,|" },
	{ "a flag", "hold inv why --quiet", "hold|inv,why|,+|,|" },
	{ "two dashes end the options", "hold -- inv --until", "hold|inv,--until|,|,|" },
	{ "one dash is a word", "push -", "push|-||,|" },
	{ "as many words as there are", "push a b c d", "push|a,b,c,d||,|" },
	{ "none is a number too", "push", "push|||,|" },
	{ "help of all", "--help", "||||help" },
	{ "help of a command, whatever its words", "hold --help", "hold||,|,|help" },
	{ "-h is --help", "task done -h", "task done|||,|help" },
	{ "no word at all", "", "||||" },
	{ "an unknown command", "fold inv", "!there is no command \"fold\"" },
	{ "a mistyped command", "hodl inv why", "!there is no command \"hodl\"; did you mean \"hold\"?" },
	{ "a mistyped family", "tsk done", "!did you mean \"task\"?" },
	{ "a word of another world", "frobnicate", "!there is no command \"frobnicate\"; dunningctl --help tells them" },
	{ "half a command", "task", "!there is \"task done\"" },
	{ "a wrong second word", "task undone", "!there is \"task done\"" },
	{ "an unknown option", "hold inv why --soon", "!\"hold\" has no option \"--soon\"" },
	{ "another command's option", "push --until 10d", "!\"push\" has no option \"--until\"" },
	{ "a command's option before it", "--until 10d hold inv why", "!no option \"--until\" before the command" },
	{ "an option without its value", "hold inv why --until", "!\"--until\" wants WHEN" },
	{ "a flag with a value", "hold inv why --quiet=yes", "!\"--quiet\" takes no value" },
	{ "one dash and letters", "hold -q inv why", "!no option \"-q\"" },
	{ "too few words", "hold inv", "!too few words for \"hold\": dunningctl hold INVOICE WHY" },
	{ "too many words", "hold inv why not", "!too many words for \"hold\"" },
};

static void add_options(struct buf *out, const char *const *values, const struct option_row *options)
{
	for (size_t i = 0; options && options[i].name; i++)
		buf_printf(out, "%s%s", i ? "," : "", !values[i] ? "" : *values[i] ? values[i] : "+");
}

static void row_holds(void **state)
{
	const struct row *row = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf got = { 0 };
	struct invocation call;
	struct err err = { 0 };
	char *argv[16] = { "dunningctl" }, *line = arena_strdup(arena, row->line);
	int argc = 1, r;

	for (char *word = strtok(line, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	r = command_parse(table, globals, argc, argv, arena, &call, &err);
	if (row->wanted[0] == '!') {
		assert_int_equal(r, -EINVAL);
		if (!strstr(err.text, row->wanted + 1))
			fail_msg("it says: %s", err.text);
		return;
	}
	if (r < 0)
		fail_msg("it says: %s", err.text);
	buf_printf(&got, "%s|", call.command ? call.command->name : "");
	for (size_t i = 0; i < call.arg_count; i++)
		buf_printf(&got, "%s%s", i ? "," : "", call.args[i]);
	buf_add_char(&got, '|');
	if (call.command) {
		add_options(&got, call.options, call.command->options);
		buf_add_char(&got, '|');
		add_options(&got, call.globals, globals);
		buf_add_char(&got, '|');
	} else {
		buf_add_str(&got, "||");
	}
	buf_printf(&got, "%s", call.help ? "help" : "");
	assert_string_equal(buf_str(&got), row->wanted);
	assert_null(call.args[call.arg_count]);
}

static void option_by_name(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	char *argv[] = { "dunningctl", "hold", "a", "b", "--until", "10d" };
	struct invocation call;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(command_parse(table, globals, 6, argv, arena, &call, &err), 0);
	assert_string_equal(command_option(&call, "until"), "10d");
	assert_null(command_option(&call, "quiet"));
}

/* --- the real table -------------------------------------------------------------------------------------------------------------- */

static size_t count_options(const struct option_row *options)
{
	size_t n = 0;

	while (options && options[n].name)
		n++;
	return n;
}

static void every_row_is_whole(void **state)
{
	(void)state;
	assert_true(count_options(cmd_globals) <= COMMAND_OPTIONS_MAX);
	for (const struct command *const *c = cmd_table; *c; c++) {
		assert_non_null((*c)->run);
		assert_true((*c)->help && (*c)->help[0]);
		assert_non_null((*c)->args);
		assert_true((*c)->min_args <= (*c)->max_args);
		assert_true(count_options((*c)->options) <= COMMAND_OPTIONS_MAX);
		for (const struct command *const *other = c + 1; *other; other++)
			assert_string_not_equal((*c)->name, (*other)->name);
		for (size_t i = 0; i < count_options((*c)->options); i++)
			for (size_t g = 0; g < count_options(cmd_globals); g++)
				assert_string_not_equal((*c)->options[i].name, cmd_globals[g].name);
	}
}

static void help_tells_every_row(void **state)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	command_overview(out, cmd_table, cmd_globals);
	assert_int_equal(fflush(out), 0);
	for (const struct command *const *c = cmd_table; *c; c++) {
		assert_non_null(strstr(text, (*c)->name));
		assert_non_null(strstr(text, (*c)->help));
	}
	(void)fclose(out);
	free(text);
	for (const struct command *const *c = cmd_table; *c; c++) {
		out = open_memstream(&text, &size);
		command_help(out, *c, cmd_globals);
		assert_int_equal(fflush(out), 0);
		assert_non_null(strstr(text, (*c)->args));
		for (size_t i = 0; i < count_options((*c)->options); i++)
			assert_non_null(strstr(text, (*c)->options[i].help));
		(void)fclose(out);
		free(text);
	}
}

/* The page as a reader of its source sees it: without the backslashes of its dashes. */
static void the_manual_tells_every_row(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf page = { 0 }, plain = { 0 };

	(void)state;
	assert_int_equal(file_read(SOURCE_DIR "/tools/dunningctl.1", 1 << 20, &page, NULL), 0);
	for (size_t i = 0; i < page.len; i++)
		if (page.data[i] != '\\')
			buf_add_char(&plain, page.data[i]);
	for (const struct command *const *c = cmd_table; *c; c++) {
		const char *name = strchr((*c)->name, ' ') ? arena_printf(arena, "\"%s\"", (*c)->name) :
							      arena_printf(arena, " %s", (*c)->name);

		if (!strstr(buf_str(&plain), name))
			fail_msg("dunningctl.1 says nothing of \"%s\"", (*c)->name);
		for (size_t i = 0; i < count_options((*c)->options); i++)
			if (!strstr(buf_str(&plain), arena_printf(arena, "--%s", (*c)->options[i].name)))
				fail_msg("dunningctl.1 says nothing of --%s", (*c)->options[i].name);
	}
	for (size_t i = 0; i < count_options(cmd_globals); i++)
		if (!strstr(buf_str(&plain), arena_printf(arena, "--%s", cmd_globals[i].name)))
			fail_msg("dunningctl.1 says nothing of --%s", cmd_globals[i].name);
}

/* The words of a command in a text: placeholders, options with their values and what is quoted, up to the first word of the sentence. */
static const char *typed_wrong(struct arena *arena, const char *at)
{
	char *argv[24] = { "dunningctl" }, *text = arena_printf(arena, "%.*s", (int)strcspn(at, "\n`>;()"), at), *next = text;
	const struct command *command = NULL;
	struct invocation call;
	struct err err = { 0 };
	bool value = false, ends = false;
	int argc = 1;

	for (const struct command *const *c = cmd_table; *c; c++) {
		size_t len = strlen((*c)->name);

		if (strncmp(text, (*c)->name, len) == 0 && !isalpha((unsigned char)text[len]) && (!command || len > strlen(command->name)))
			command = *c;
	}
	if (!command) /* half of one, too, such as "instances" */
		return islower((unsigned char)text[0]) ? "there is no such command" : NULL;
	next += strlen(command->name);
	for (char *word = strtok(arena_strdup(arena, command->name), " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	while (!ends && argc < 23 && next[0] == ' ' && next[1] && next[1] != ' ') {
		bool label = strncmp(++next, "{{ ", 3) == 0, quoted = *next == '"' || strncmp(next, "\\\"", 2) == 0;
		size_t len;
		char *word;

		if (label && strstr(next, "}}")) { /* a name that the monitoring fills in */
			next = strstr(next, "}}") + 2;
			argv[argc++] = arena_strdup(arena, "name");
			continue;
		}
		next += quoted ? 1 + (*next == '\\') : 0;
		len = strcspn(next, quoted ? "\\\"" : " ");
		word = arena_printf(arena, "%.*s", (int)len, next);
		next += len;
		if (quoted)
			next += strspn(next, "\\\"");
		ends = !quoted && len && strchr(".,:\"", word[len - 1]) && (len < 3 || word[len - 2] != '.');
		if (ends)
			word[strcspn(word, ".,:\"")] = '\0';
		if (!quoted && !value && strncmp(word, "--", 2) != 0 && !isupper((unsigned char)word[0]) && !strchr(word, '|')) /* a choice goes on */
			break;
		if (!quoted && !value && isupper((unsigned char)word[0]) && !strstr(command->args, arena_printf(arena, "%.*s", (int)strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-"), word)))
			return arena_printf(arena, "%s takes \"%s\", no %s", command->name, command->args, word);
		value = false;
		for (size_t i = 0; strncmp(word, "--", 2) == 0 && i < count_options(command->options); i++)
			value |= strcmp(command->options[i].name, word + 2) == 0 && command->options[i].arg;
		argv[argc++] = word;
	}
	return command_parse(cmd_table, cmd_globals, argc, argv, arena, &call, &err) < 0 ? arena_strdup(arena, err.text) : NULL;
}

static void what_the_texts_advise_can_be_typed(void **state)
{
	static const struct {
		const char *file;
		int least;
	} texts[] = { { "systemd/dunningd.catalog", 15 }, { "daemon/share/monitoring/dunningd.rules.yml", 15 }, { "tools/findings.c", 5 }, { "tools/findings_daemon.c", 8 },
		{ "tools/findings_system.c", 0 }, { "tools/cmd_doctor.c", 4 }, { "tools/cmd_status.c", 3 }, { "tools/cmd_top.c", 2 }, { "daemon/adopt.c", 1 },
		{ "common/board_words.h", 10 },
		{ "daemon/recover.c", 2 }, { "daemon/instance_book.c", 1 }, { "daemon/instance_anchors.c", 1 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		CLEANUP(buf_clear) struct buf page = { 0 };
		int count = 0;

		assert_int_equal(file_read(arena_printf(arena, SOURCE_DIR "/%s", texts[i].file), 1 << 20, &page, NULL), 0);
		for (const char *at = buf_str(&page); (at = strstr(at, "dunningctl "));) {
			const char *wrong = typed_wrong(arena, at += strlen("dunningctl "));

			if (wrong)
				fail_msg("%s: dunningctl %.*s: %s", texts[i].file, (int)strcspn(at, "\n"), at, wrong);
			count++;
		}
		assert_true(count >= texts[i].least);
	}
}

/* --- what is shown --------------------------------------------------------------------------------------------------------------- */

static void time_is_local_and_utc(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const struct zone *paris, *auckland;
	int64_t at;

	(void)state;
	assert_int_equal(zone_get("Europe/Paris", &paris), 0);
	assert_int_equal(zone_get("Pacific/Auckland", &auckland), 0);
	assert_int_equal(utc_parse("2026-03-02T19:30:00Z", &at), 0);
	assert_non_null(strstr(view_time(arena, at, paris), "2026-03-02 20:30"));
	assert_non_null(strstr(view_time(arena, at, paris), "(19:30Z)"));
	assert_non_null(strstr(view_time(arena, at, auckland), "2026-03-03 08:30"));
	assert_non_null(strstr(view_time(arena, at, auckland), "(2026-03-02 19:30Z)"));
	assert_string_equal(view_time(arena, at, NULL), "2026-03-02 19:30Z");
	assert_string_equal(view_distance(arena, at + 3 * DAY_MS, at), "in 3 days");
	assert_string_equal(view_distance(arena, at - HOUR_MS, at), "1 hour ago");
	assert_string_equal(view_distance(arena, at, at), "now");
}

static void nothing_steers_the_terminal(void **state)
{
	CLEANUP(buf_clear) struct buf out = { 0 };

	(void)state;
	view_clean(&out, "a\x1b[2Jb\nc\x7f\xc2\x9b" "31m\xc3\xa9");
	assert_string_equal(buf_str(&out), "a?[2Jb?c??31m\xc3\xa9");
	buf_reset(&out);
	view_clean(&out, "A\u202e\u2066B\u2069\u2013\u2060");
	assert_string_equal(buf_str(&out), "A??B?\u2013\u2060");
}

static void show_table(bool json, const char *wanted)
{
	static const struct column columns[] = { { "name", "NAME", false }, { "balance", "BALANCE", true }, { "note", "NOTE", false },
		{ "hidden", NULL, false }, { "at", "WHEN", false }, { 0 } };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct table *t = table_create(arena, columns);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct view view = { .json = json, .out = out };

	table_add(t, (struct cell[]){ cell_text("\xc3\x89lan"), cell_money(120000, "EUR"), cell_none(), cell_flag(true),
			      cell_time(1772444096000, NULL) });
	table_add(t, (struct cell[]){ cell_text("B"), cell_money(-5, "EUR"), cell_none(), cell_number(7), cell_none() });
	view_table(&view, t, "nothing");
	(void)fclose(out);
	assert_string_equal(text, wanted);
	free(text);
}

static void tables_are_aligned(void **state)
{
	(void)state;
	show_table(false, "NAME      BALANCE  WHEN\n\xc3\x89lan  1200.00 EUR  2026-03-02 09:34Z\nB       -0.05 EUR\n");
}

/* Nothing is cut, and whatever stands in a column, the next one begins where it begins in every row. */
static void a_long_or_foreign_name_keeps_the_columns(void **state)
{
	static const struct column columns[] = { { "name", "NAME", false }, { "balance", "BALANCE", true }, { 0 } };
	static const struct {
		const char *name;
		int width;
	} names[] = { { "B", 1 }, { "\xc3\x89lan", 4 }, { "E\u0301lan", 4 }, { "\u65e5\u672c\u682a\u5f0f\u4f1a\u793e", 12 }, { "\uff21\uff22", 4 },
		{ "A\u2060B", 2 }, { "A\u202eB", 3 } };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct table *t = table_create(arena, columns);
	char longest[301], wanted[400], *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct view view = { .json = false, .out = out };
	const char *line;

	(void)state;
	memset(longest, 'x', 300);
	longest[300] = '\0';
	table_add(t, (struct cell[]){ cell_text(longest), cell_money(120000, "EUR") });
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		table_add(t, (struct cell[]){ cell_text(names[i].name), cell_money(999999999999, "EUR") });
	view_table(&view, t, "nothing");
	(void)fclose(out);
	line = strchr(text, '\n') + 1;
	snprintf(wanted, sizeof(wanted), "%s  %13s EUR\n", longest, "1200.00");
	assert_memory_equal(line, wanted, strlen(wanted));
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		line = strchr(line, '\n') + 1;
		snprintf(wanted, sizeof(wanted), "%s%*s  9999999999.99 EUR\n", i + 1 == ARRAY_LEN(names) ? "A?B" : names[i].name, 300 - names[i].width, "");
		if (strncmp(line, wanted, strlen(wanted)) != 0)
			fail_msg("%s: \"%.400s\"", names[i].name, line);
	}
	free(text);
}

static void tables_are_json(void **state)
{
	(void)state;
	show_table(true, "[{\"name\":\"\xc3\x89lan\",\"balance\":{\"minor\":120000,\"currency\":\"EUR\"},\"note\":null,\"hidden\":true,"
			 "\"at\":\"2026-03-02T09:34:56Z\"},"
			 "{\"name\":\"B\",\"balance\":{\"minor\":-5,\"currency\":\"EUR\"},\"note\":null,\"hidden\":7,\"at\":null}]\n");
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(option_by_name),
		cmocka_unit_test(every_row_is_whole),
		cmocka_unit_test(help_tells_every_row),
		cmocka_unit_test(the_manual_tells_every_row),
		cmocka_unit_test(what_the_texts_advise_can_be_typed),
		cmocka_unit_test(time_is_local_and_utc),
		cmocka_unit_test(nothing_steers_the_terminal),
		cmocka_unit_test(tables_are_aligned),
		cmocka_unit_test(a_long_or_foreign_name_keeps_the_columns),
		cmocka_unit_test(tables_are_json),
	};
	struct CMUnitTest tests[ARRAY_LEN(rows)];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].name, .test_func = row_holds, .initial_state = (void *)(uintptr_t)&rows[i] };
	return cmocka_run_group_tests_name("words", tests, NULL, NULL) +
		cmocka_run_group_tests_name("table and view", others, NULL, NULL);
}
