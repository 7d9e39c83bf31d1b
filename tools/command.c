#include "tools/command.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/buf.h"

#define HELP_COLUMN 26

static const struct command *find(const struct command *const *commands, const char *name)
{
	for (; *commands; commands++)
		if (strcmp((*commands)->name, name) == 0)
			return *commands;
	return NULL;
}

static size_t row_of(const struct option_row *rows, const char *name, size_t len)
{
	size_t i = 0;

	while (rows && rows[i].name && (strlen(rows[i].name) != len || strncmp(rows[i].name, name, len) != 0))
		i++;
	return rows && rows[i].name ? i : SIZE_MAX;
}

static int usage(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int usage(struct err *err, const char *format, ...)
{
	char text[sizeof(err->text)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return err_set(err, -EINVAL, "usage", "", "%s", text);
}

/* Takes the option at argv[*i] and, when it wants one, the word behind it. */
static int take_option(const struct option_row *globals, int argc, char **argv, int *i, struct invocation *ret, struct err *err)
{
	const char *name = argv[*i] + 2, *value = strchr(name, '=');
	size_t len = value ? (size_t)(value - name) : strlen(name);
	const struct option_row *rows = globals;
	const char **to = ret->globals;
	size_t row = row_of(globals, name, len);

	if (row == SIZE_MAX && ret->command) {
		rows = ret->command->options;
		to = ret->options;
		row = row_of(rows, name, len);
	}
	if (row == SIZE_MAX)
		return ret->command ? usage(err, "\"%s\" has no option \"--%.*s\"", ret->command->name, (int)len, name) :
				      usage(err, "there is no option \"--%.*s\" before the command", (int)len, name);
	if (!rows[row].arg && value)
		return usage(err, "\"--%s\" takes no value", rows[row].name);
	if (rows[row].arg && !value) {
		if (*i + 1 >= argc)
			return usage(err, "\"--%s\" wants %s behind it", rows[row].name, rows[row].arg);
		to[row] = argv[++*i];
		return 0;
	}
	to[row] = value ? value + 1 : "";
	return 0;
}

#define LIKE_MAX 2 /* letters that are wrong in a word that was meant */
#define WORD_MAX 32

/* How many letters must be put in, taken out or changed; two that changed places are one. */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
	size_t d[WORD_MAX + 1][WORD_MAX + 1];

	if (n > WORD_MAX || m > WORD_MAX)
		return SIZE_MAX;
	for (size_t i = 0; i <= n; i++)
		for (size_t k = 0; k <= m; k++) {
			size_t most = i + k;

			if (i && d[i - 1][k] + 1 < most)
				most = d[i - 1][k] + 1;
			if (k && d[i][k - 1] + 1 < most)
				most = d[i][k - 1] + 1;
			if (i && k && d[i - 1][k - 1] + (a[i - 1] != b[k - 1]) < most)
				most = d[i - 1][k - 1] + (a[i - 1] != b[k - 1]);
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] && d[i - 2][k - 2] + 1 < most)
				most = d[i - 2][k - 2] + 1;
			d[i][k] = most;
		}
	return d[n][m];
}

/* The first word of the command that it is likest to; *len 0: of none. */
static const char *likest(const struct command *const *commands, const char *word, size_t *len)
{
	size_t n = strcspn(word, " "), least = n > LIKE_MAX + 1 ? LIKE_MAX + 1 : n / 2 + 1;
	const char *found = "";

	*len = 0;
	for (; *commands; commands++) {
		size_t m = strcspn((*commands)->name, " "), off = distance(word, n, (*commands)->name, m);

		if (off < least) {
			least = off;
			found = (*commands)->name;
			*len = m;
		}
	}
	return found;
}

static int unknown(const struct command *const *commands, const char *words, struct err *err)
{
	CLEANUP(buf_clear) struct buf like = { 0 };
	size_t len = strcspn(words, " "), like_len;
	const char *likely = likest(commands, words, &like_len);

	for (; *commands; commands++)
		if (strncmp((*commands)->name, words, len) == 0 && ((*commands)->name[len] == ' ' || len >= 2))
			buf_printf(&like, "%s\"%s\"", like.len ? ", " : "", (*commands)->name);
	if (like.len)
		return usage(err, "there is no command \"%s\"; there is %s", words, buf_str(&like));
	if (like_len)
		return usage(err, "there is no command \"%s\"; did you mean \"%.*s\"?", words, (int)like_len, likely);
	return usage(err, "there is no command \"%s\"; dunningctl --help tells them", words);
}

/* The words so far are a command, may become one, or neither. */
static bool may_become(const struct command *const *commands, const char *words)
{
	size_t len = strlen(words);

	for (; *commands; commands++)
		if (strncmp((*commands)->name, words, len) == 0 && (*commands)->name[len] == ' ')
			return true;
	return false;
}

int command_parse(const struct command *const *commands, const struct option_row *globals, int argc, char **argv,
	struct arena *arena, struct invocation *ret, struct err *err)
{
	const char **args = arena_alloc(arena, ((size_t)argc + 1) * sizeof(*args));
	const char *words = NULL; /* of the command's name, so far */
	bool ended = false;
	int r;

	*ret = (struct invocation){ .args = args };
	for (int i = 1; i < argc; i++) {
		if (!ended && strcmp(argv[i], "--") == 0) {
			ended = true;
		} else if (!ended && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
			ret->help = true;
		} else if (!ended && (strncmp(argv[i], "--", 2) == 0 || strcmp(argv[i], "-o") == 0)) {
			if (argv[i][1] == 'o')
				argv[i] = "--out"; /* as everyone types it */
			if ((r = take_option(globals, argc, argv, &i, ret, err)) < 0)
				return r;
		} else if (!ended && argv[i][0] == '-' && argv[i][1]) {
			return usage(err, "there is no option \"%s\": they are words behind two dashes", argv[i]);
		} else if (ret->command) {
			args[ret->arg_count++] = argv[i];
		} else {
			words = words ? arena_printf(arena, "%s %s", words, argv[i]) : argv[i];
			ret->command = find(commands, words);
			if (!ret->command && !may_become(commands, words))
				return unknown(commands, words, err);
		}
	}
	if (ret->help && (ret->command || !words))
		return 0;
	if (!ret->command)
		return words ? unknown(commands, words, err) : 0;
	if (ret->arg_count < ret->command->min_args || ret->arg_count > ret->command->max_args)
		return usage(err, "%s words for \"%s\": dunningctl %s %s",
			ret->arg_count < ret->command->min_args ? "too few" : "too many", ret->command->name, ret->command->name,
			ret->command->args);
	return 0;
}

const char *command_option(const struct invocation *call, const char *name)
{
	size_t row = row_of(call->command->options, name, strlen(name));

	assert(row != SIZE_MAX);
	return call->options[row];
}

/* --- help ---------------------------------------------------------------------------------------------------------------------- */

static void row(FILE *out, const char *left, const char *right)
{
	if (strlen(left) + 4 > HELP_COLUMN)
		fprintf(out, "  %s\n%*s%s\n", left, HELP_COLUMN, "", right);
	else
		fprintf(out, "  %-*s%s\n", HELP_COLUMN - 2, left, right);
}

static void options(FILE *out, const char *title, const struct option_row *rows)
{
	CLEANUP(buf_clear) struct buf left = { 0 };

	if (!rows || !rows->name)
		return;
	fprintf(out, "\n%s\n", title);
	for (; rows->name; rows++) {
		buf_reset(&left);
		buf_printf(&left, "--%s%s%s", rows->name, rows->arg ? " " : "", rows->arg ? rows->arg : "");
		row(out, buf_str(&left), rows->help);
	}
}

void command_overview(FILE *out, const struct command *const *commands, const struct option_row *globals)
{
	CLEANUP(buf_clear) struct buf left = { 0 };

	fprintf(out, "usage: dunningctl [OPTIONS] COMMAND [WORDS]\n\n");
	for (; *commands; commands++) {
		buf_reset(&left);
		buf_printf(&left, "%s%s%s", (*commands)->name, *(*commands)->args ? " " : "", (*commands)->args);
		row(out, buf_str(&left), (*commands)->help);
	}
	options(out, "Options of every command:", globals);
	fprintf(out, "\nExit status: %d done, %d refused or found wrong, %d usage, %d Redis or the daemon cannot be reached,\n"
		     "%d configuration. dunningctl COMMAND --help tells more; see also dunningctl(1).\n",
		EXIT_DONE, EXIT_FOUND, EXIT_USAGE, EXIT_UNAVAILABLE, EXIT_CONFIG);
}

void command_help(FILE *out, const struct command *command, const struct option_row *globals)
{
	fprintf(out, "usage: dunningctl [OPTIONS] %s%s%s\n\n%s\n", command->name, *command->args ? " " : "", command->args,
		command->help);
	if (command->more)
		fprintf(out, "\n%s\n", command->more);
	options(out, "Options:", command->options);
	options(out, "Options of every command:", globals);
}
