/* The frame of the calculators: questions from standard input or from the command line, answers as JSON or for people. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/law.h"

#define LINE_MAX_BYTES (1024 * 1024)
#define LAST_YEAR 9899 /* a century of any period still ends in a year of four digits */

/* --- the law itself ------------------------------------------------------------------------------------------------------------- */

int law_of(struct ctl *ctl, struct law **ret)
{
	struct err err = { 0 };
	int r = ctl_config(ctl, false);

	if (r != 0)
		return r;
	if (law_load(ctl_share(ctl), ctl->config->law_dir, ret, &err) < 0)
		return ctl_fail_err(ctl, EXIT_CONFIG, &err);
	return 0;
}

static const struct law *ctl_law(struct ctl *ctl)
{
	struct err err = { 0 };

	if (!ctl->law && !ctl->lawless && law_load(ctl_share(ctl), ctl->config->law_dir, &ctl->law, &err) < 0) {
		ctl->lawless = true;
		ctl_warn(ctl, "no holidays and contact rules are known, so the daemon may see other days: %s", err.text);
	}
	if (ctl->law)
		ctl->law->guard.role = guard_role(ctl->config->creditor.role);
	return ctl->law;
}

const struct holidays *ctl_holidays(struct ctl *ctl)
{
	const struct law *law = ctl_law(ctl);

	return law ? law->holidays : NULL;
}

const struct guard_rules *ctl_guard(struct ctl *ctl)
{
	const struct law *law = ctl_law(ctl);

	return law ? &law->guard : NULL;
}

/* --- one question --------------------------------------------------------------------------------------------------------------- */

static void write_error(struct buf *out, const struct err *err)
{
	struct json_writer w = jw_init(out);

	jw_object(&w, NULL);
	jw_str(&w, "error", err->code);
	jw_opt_str(&w, "path", err->path);
	jw_str(&w, "text", err->text);
	jw_end_object(&w);
}

/* 0, or below it: `out` holds an answer all the same, and `err` the reason. */
static int answer(const struct law_command *command, const struct law *law, const struct json *given, struct arena *arena,
	struct buf *out, struct json *expect, struct err *err)
{
	struct json_writer w = jw_init(out);
	int r;

	jw_object(&w, NULL);
	r = given->type == JSON_OBJECT ? command->answer(law, given, &w, err) :
					 err_set(err, -EBADMSG, "wrong_type", "$", "must be an object");
	jw_end_object(&w);
	if (json_parse(arena, arena_memdup(arena, out->data, out->len), out->len, JSON_FRACTIONS, expect, err) < 0)
		return -EBADMSG;
	if (r < 0 && !json_has(expect, "error")) {
		buf_reset(out);
		write_error(out, err);
	}
	return r;
}

/* One question a line; an answer for each, so that they stay side by side. */
static int answer_lines(struct ctl *ctl, const struct law_command *command, const struct law *law)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(freep) char *line = NULL;
	size_t capacity = 0;
	int exit_code = EXIT_DONE;
	ssize_t len;

	while ((len = getline(&line, &capacity, stdin)) >= 0) {
		CLEANUP(buf_clear) struct buf out = { 0 };
		struct json given, expect;
		struct err err = { 0 };
		size_t bytes = (size_t)len;

		while (bytes && (line[bytes - 1] == '\n' || line[bytes - 1] == '\r'))
			line[--bytes] = '\0';
		if (!bytes)
			continue;
		arena_clear(arena);
		if (bytes > LINE_MAX_BYTES)
			(void)err_set(&err, -EBADMSG, "too_long", "$", "a question has at most %d bytes", LINE_MAX_BYTES);
		else
			(void)json_parse(arena, line, bytes, JSON_FRACTIONS, &given, &err);
		if (err.code[0])
			write_error(&out, &err);
		if (err.code[0] || answer(command, law, &given, arena, &out, &expect, &err) < 0)
			exit_code = EXIT_FOUND;
		fprintf(ctl->view.out, "%s\n", buf_str(&out));
	}
	return ferror(stdin) ? ctl_fail(ctl, EXIT_UNAVAILABLE, "unreadable", "the standard input cannot be read") : exit_code;
}

static bool asked(const struct invocation *call)
{
	for (size_t i = 0; i < COMMAND_OPTIONS_MAX; i++)
		if (call->options[i])
			return true;
	return call->arg_count > 0;
}

static int answer_words(struct ctl *ctl, const struct law_command *command, const struct law *law, const struct invocation *call)
{
	CLEANUP(buf_clear) struct buf question = { 0 };
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct json_writer w = jw_init(&question);
	struct json given, expect;
	struct err err = { 0 };
	int r;

	jw_object(&w, NULL);
	r = command->given(call, &w, &err);
	jw_end_object(&w);
	if (r < 0)
		return ctl_fail_err(ctl, EXIT_USAGE, &err);
	if (json_parse(ctl->arena, question.data, question.len, JSON_FRACTIONS, &given, &err) < 0)
		return ctl_fail_err(ctl, EXIT_USAGE, &err);
	r = answer(command, law, &given, ctl->arena, &out, &expect, &err);
	if (ctl->view.json) {
		fprintf(ctl->view.out, "%s\n", buf_str(&out));
		return r < 0 ? EXIT_FOUND : EXIT_DONE;
	}
	if (r == 0 || json_has(&expect, "error"))
		(command->show ? command->show : law_show)(ctl, &given, &expect);
	return r < 0 ? ctl_fail_err(ctl, EXIT_FOUND, &err) : EXIT_DONE;
}

int law_run(struct ctl *ctl, const struct invocation *call)
{
	const struct law_command *command = (const struct law_command *)call->command; /* its first member */
	CLEANUP(law_freep) struct law *law = NULL;
	int r = law_of(ctl, &law);

	if (r != 0)
		return r;
	if (ctl->view.json && !asked(call))
		return answer_lines(ctl, command, law);
	return answer_words(ctl, command, law, call);
}

/* --- for given and answer -------------------------------------------------------------------------------------------------------- */

void law_give(const struct invocation *call, struct json_writer *given, const char *option, const char *member)
{
	if (command_option(call, option))
		jw_str(given, member, command_option(call, option));
}

int law_give_int(const struct invocation *call, struct json_writer *given, const char *option, const char *member, struct err *err)
{
	const char *text = command_option(call, option);
	long long n;
	char *end;

	if (!text)
		return 0;
	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno || end == text || *end)
		return err_set(err, -EINVAL, "usage", "", "--%s must be a whole number, and is \"%s\"", option, text);
	jw_int(given, member, n);
	return 0;
}

int law_opt_date(const struct json *given, const char *member, date *ret, struct err *err)
{
	const char *text = NULL;
	int r = json_opt_str(given, member, DATE_TEXT_SIZE, &text, err);

	if (r < 0 || !text)
		return r;
	if (date_parse(text, ret) < 0 || date_diff(*ret, date_of(LAST_YEAR, 12, 31)) > 0)
		return json_refuse(given, member, err, "bad_date", "must be a date such as 2026-03-02, of the years 1900 to %d", LAST_YEAR);
	return 0;
}

int law_get_date(const struct json *given, const char *member, date *ret, struct err *err)
{
	if (!json_has(given, member))
		return json_refuse(given, member, err, "missing", "must be given: a date such as 2026-03-02");
	return law_opt_date(given, member, ret, err);
}

void law_put_date(struct json_writer *expect, const char *member, date d)
{
	char text[DATE_TEXT_SIZE];

	if (date_is_set(d))
		jw_str(expect, member, date_format(d, text));
	else
		jw_null(expect, member);
}

const char *law_weekday(date d)
{
	static const char *const days[] = { "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday" };

	return days[date_weekday(d) - MONDAY];
}

/* --- for people ------------------------------------------------------------------------------------------------------------------ */

/* "keep_until" is a member's name; "Keep until" is a label. */
static char *label_of(struct arena *arena, const char *key)
{
	char *label = arena_strdup(arena, key);

	for (char *c = label; *c; c++)
		*c = (char)(*c == '_' ? ' ' : *c);
	if (*label >= 'a' && *label <= 'z')
		*label = (char)(*label - 'a' + 'A');
	return label;
}

static struct cell cell_of(struct ctl *ctl, const struct json *value)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	if (value->type == JSON_STRING)
		return cell_text(json_str(value));
	if (value->type == JSON_INT)
		return cell_number(json_int(value));
	if (value->type == JSON_BOOL)
		return cell_text(json_bool(value) ? "yes" : "no");
	if (value->type == JSON_NONE)
		return cell_text("none");
	for (size_t i = 0; value->type == JSON_ARRAY && i < json_len(value); i++) {
		struct json line = json_at(value, i);

		if (json_str(&line))
			buf_printf(&text, "%s%s", i ? "; " : "", json_str(&line));
	}
	if (!text.len)
		json_write(&text, value);
	return cell_text(arena_strdup(ctl->arena, buf_str(&text)));
}

/* Columns are the members of the first row. */
static void show_table(struct ctl *ctl, struct fields *f, const char *key, const struct json *rows)
{
	struct json first = json_at(rows, 0), value;
	size_t count = json_len(&first), at = 0;
	struct column *columns = arena_alloc(ctl->arena, (count + 1) * sizeof(*columns));
	struct cell *cells = arena_alloc(ctl->arena, (count + 1) * sizeof(*cells));
	struct table *t;
	const char *name;

	for (size_t i = 0; json_member(&first, &i, &name, &value); at++)
		columns[at] = (struct column){ name, label_of(ctl->arena, name), value.type == JSON_INT };
	t = table_create(ctl->arena, columns);
	for (size_t row = 0; row < json_len(rows); row++) {
		struct json item = json_at(rows, row);

		for (size_t i = 0; i < count; i++) {
			value = json_get(&item, columns[i].key);
			cells[i] = cell_of(ctl, &value);
		}
		table_add(t, cells);
	}
	fields_table(f, key, label_of(ctl->arena, key), t);
}

void law_show(struct ctl *ctl, const struct json *given, const struct json *expect)
{
	struct fields *f = fields_create(ctl->arena);
	struct json value;
	const char *key;

	(void)given;
	for (size_t i = 0; json_member(expect, &i, &key, &value);) {
		struct json first = json_at(&value, 0);

		if (first.type == JSON_OBJECT)
			show_table(ctl, f, key, &value);
		else
			fields_add(f, key, label_of(ctl->arena, key), cell_of(ctl, &value));
	}
	view_fields(&ctl->view, f);
}
