/*
 * command - a command as a row: name, words, options, help and what it does. Parsing, complaints and --help all read the row.
 */
#ifndef DUNNINGD_TOOLS_COMMAND_H
#define DUNNINGD_TOOLS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/cleanup.h"
#include "common/err.h"

#define COMMAND_OPTIONS_MAX 16
#define COMMAND_ANY SIZE_MAX /* max_args: as many as there are */

enum exit_code {
	EXIT_DONE = 0,
	EXIT_FOUND = 1, /* refused, not found, or found wrong */
	EXIT_USAGE = 2,
	EXIT_UNAVAILABLE = 69, /* Redis or the daemon cannot be reached */
	EXIT_CONFIG = 78, /* the configuration, a policy, template or credential cannot be used */
};

struct option_row { /* a row with name NULL ends them */
	const char *name; /* without the dashes */
	const char *arg; /* what follows it, NULL = nothing */
	const char *help;
};

struct ctl;
struct invocation;

struct command {
	const char *name; /* "hold", "task done" */
	const char *args; /* "INVOICE WHY", "" */
	size_t min_args, max_args;
	const char *help; /* one line */
	const char *more; /* paragraphs for --help of this command, NULL = none */
	const struct option_row *options; /* its own, NULL = none; at most COMMAND_OPTIONS_MAX */
	int (*run)(struct ctl *ctl, const struct invocation *call); /* an exit code */
};

/* A command line, read. */
struct invocation {
	const struct command *command; /* NULL: none was given (help or version was, then) */
	const char *const *args; /* NULL-terminated */
	size_t arg_count;
	const char *options[COMMAND_OPTIONS_MAX]; /* by the row's place; NULL = not given; a flag's is "" */
	const char *globals[COMMAND_OPTIONS_MAX]; /* the same for the options of every command */
	bool help;
};

/*
 * Options may stand anywhere: those of every command before or behind it, its own behind it; "--" ends them. Both tables end with a row
 * whose name is NULL. -EINVAL and `err`: one sentence that says what would be right. Everything lies in the arena or is borrowed from
 * argv. With help set the number of words is not looked at.
 */
int command_parse(const struct command *const *commands, const struct option_row *globals, int argc, char **argv,
	struct arena *arena, struct invocation *ret, struct err *err);

const char *command_option(const struct invocation *call, const char *name); /* NULL = not given. The command must have it */

/* What --help prints: of all, and of one. */
void command_overview(FILE *out, const struct command *const *commands, const struct option_row *globals);
void command_help(FILE *out, const struct command *command, const struct option_row *globals);

#endif
