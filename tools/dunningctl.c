/* dunningctl - the command line for people and scripts: finds the command's row and runs it. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/cmd.h"

/* "| head" has what it wanted. */
static bool nobody_reads(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO };

	return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

/* What was said to standard output counts only when it got there. */
static int flushed(int r)
{
	if ((fflush(stdout) == 0 && !ferror(stdout)) || nobody_reads())
		return r;
	fputs("dunningctl: the standard output cannot be written\n", stderr);
	return r == EXIT_DONE ? EXIT_FOUND : r;
}

int main(int argc, char **argv)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct ctl ctl = { .arena = arena, .view = { .out = stdout } };
	struct invocation call;
	struct err err = { 0 };
	int r;

	(void)signal(SIGPIPE, SIG_IGN);
	r = command_parse(cmd_table, cmd_globals, argc, argv, arena, &call, &err);
	ctl.call = &call;
	ctl.view.json = call.globals[GLOBAL_JSON] != NULL;
	if (r < 0)
		return ctl_fail_err(&ctl, EXIT_USAGE, &err);
	if (call.globals[GLOBAL_VERSION]) {
		printf("dunningctl %s\n", DUNNINGD_VERSION);
		return flushed(EXIT_DONE);
	}
	if (call.help && call.command) {
		command_help(stdout, call.command, cmd_globals);
		return flushed(EXIT_DONE);
	}
	if (!call.command) {
		command_overview(call.help ? stdout : stderr, cmd_table, cmd_globals);
		return call.help ? flushed(EXIT_DONE) : EXIT_USAGE;
	}
	r = call.command->run(&ctl, &call);
	ctl_close(&ctl);
	return flushed(r);
}
