/*
 * faults - one ingest and one send, with a fault at every system call that touches the state directory or a socket.
 *
 *	faults [--every N] [--offset K] [--fault kill|EIO|ENOSPC|short] [--plain] [--programs DIR] [--keep]
 *
 * A first run under strace counts the calls. Then one run each: strace kills the daemon at the call, or makes it fail; or a preloaded
 * library really writes half of what it is given. Afterwards a start without faults must bring everything to its end: the invoice's one
 * message captured once (or in doubt, where a provider knows no keys), the trail whole, no second outcome, no capture without an intent.
 */
#include <ctype.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/file.h"
#include "tests/support/world.h"

#define CALLS                                                                                                                    \
	"openat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,ftruncate,fallocate,fsync,fdatasync,write,pwrite64,read,pread64," \
	"readv,writev,socket,connect,bind,listen,sendto,sendmsg,recvfrom,recvmsg,close,flock,fcntl"

struct point {
	char call[16];
	int when; /* the call's number within its thread */
	bool file;
};

static struct point *points;
static size_t point_count, point_capacity;

static void add_point(const char *call, int when, bool file)
{
	for (size_t i = 0; i < point_count; i++)
		if (points[i].when == when && strcmp(points[i].call, call) == 0) {
			points[i].file |= file;
			return;
		}
	if (point_count == point_capacity) {
		point_capacity = point_capacity ? 2 * point_capacity : 256;
		points = xrealloc(points, point_capacity * sizeof(*points));
	}
	snprintf(points[point_count].call, sizeof(points[point_count].call), "%s", call);
	points[point_count].when = when;
	points[point_count++].file = file;
}

/* "1234 pwrite64(7</path>, ...": counted by thread and name, as strace's when= does. */
static void read_trace(const struct world *w, const char *path)
{
	static struct {
		int thread, count;
		char call[16];
	} seen[512];
	CLEANUP(buf_clear) struct buf text = { 0 };
	size_t known = 0;

	if (file_read(path, 256 << 20, &text, NULL) < 0)
		world_fail("no trace in %s", path);
	for (char *line = text.data, *end; line && *line; line = end) {
		char call[16];
		size_t i;
		int thread;

		end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		if (sscanf(line, "%d %15[a-z0-9_](", &thread, call) != 2)
			continue;
		for (i = 0; i < known && (seen[i].thread != thread || strcmp(seen[i].call, call) != 0); i++)
			;
		if (i == known) {
			if (known == 512)
				world_fail("too many kinds of calls");
			seen[known].thread = thread;
			snprintf(seen[known++].call, sizeof(call), "%s", call);
		}
		seen[i].count++;
		if (strstr(line, w->state))
			add_point(call, seen[i].count, true);
		else if (strstr(line, "<socket:[") || strncmp(call, "socket", 6) == 0)
			add_point(call, seen[i].count, false);
	}
}

struct run {
	struct world *w;
	int number, wrong, ended[5]; /* by 0, 74, 75, 78, a signal */
	int survived, hung, delayed;
	bool plain;
};

static void complain(struct run *run, const char *what, const char *fault)
{
	run->wrong++;
	fprintf(stderr, "%s: %s (prefix %s)\n", fault, what, run->w->prefix);
}

static void note_end(struct run *run, int status)
{
	static const int codes[] = { 0, 74, 75, 78 };

	if (status < 0)
		run->hung++;
	else if (WIFSIGNALED(status))
		run->ended[4]++;
	else
		for (size_t i = 0; i < 4; i++)
			run->ended[i] += WEXITSTATUS(status) == codes[i];
}

static int count_text(const char *text, const char *what)
{
	int n = 0;

	for (text = strstr(text, what); text; text = strstr(text + 1, what))
		n++;
	return n;
}

/* What the trail says of the one invoice. */
static void check_trail(struct run *run, const char *fault, int captured, bool doubt)
{
	char invoice[24];
	const char *words[] = { "trail", "log", invoice, "--json", NULL };
	CLEANUP(buf_clear) struct buf output = { 0 };
	int intents, accepted;

	snprintf(invoice, sizeof(invoice), "inv_%d", run->number);
	if (!world_trail_verifies(run->w))
		complain(run, "the trail does not verify", fault);
	if (world_ctl(run->w, words, &output) != 0 || !output.data) {
		complain(run, "trail log fails", fault);
		return;
	}
	intents = count_text(output.data, "\"attempt.intent\"");
	accepted = count_text(output.data, "\"attempt.submitted\"") + count_text(output.data, "\"attempt.reconciled\"");
	if (captured && !intents)
		complain(run, "captured without an intent", fault);
	if (accepted > 1)
		complain(run, "a second outcome", fault);
	if (!accepted && !doubt)
		complain(run, "no outcome", fault);
}

/* `patience`: how long it has to be ready, ms. One that holds never is. */
static void play(struct run *run, const char *const *before, const char *fault, int patience)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct world *w = run->w;
	struct world_sent sent;
	struct json e, state;
	CLEANUP(buf_clear) struct buf text = { 0 };
	int status, captured, wrong = run->wrong;
	bool doubt, delayed;

	world_renew(w, ++run->number);
	world_push_range(w, WORLD_FINALIZED, run->number, 1, 1); /* another each time: attempt ids follow from the invoice */
	world_start(w, before);
	if (world_ready(w, patience) && world_quiet(w, patience)) {
		run->survived++;
		note_end(run, process_stop(&w->daemon, 8000));
	} else if (process_running(&w->daemon)) {
		run->hung++; /* holds and tries again later, as it should without space */
		process_kill(&w->daemon);
	} else {
		note_end(run, w->daemon.status);
	}
	world_start(w, NULL);
	if (!world_ready(w, 20000) || !world_quiet(w, 20000)) {
		complain(run, "does not recover", fault);
		world_tell_unrest(w, stderr);
		process_kill(&w->daemon);
		return;
	}
	status = process_stop(&w->daemon, 30000);
	if (status != 0)
		complain(run, "does not stop", fault);
	sent = world_sent(w, arena, run->number + 1);
	captured = sent.captured[run->number];
	e = world_escalation(w, arena, run->number);
	state = json_get(&e, "state");
	doubt = json_str(&state) && strcmp(json_str(&state), "in_doubt") == 0;
	delayed = json_has(&e, "retry_at"); /* a certain failure: still owed, in a while */
	run->delayed += delayed;
	if (e.type == JSON_NONE)
		complain(run, "the event is lost", fault);
	if (captured > 1 || (!captured && !doubt && !delayed))
		complain(run, captured ? "sent twice" : "the message is lost", fault);
	if (doubt && !run->plain)
		complain(run, "a doubt that its key could settle", fault);
	check_trail(run, fault, captured, doubt || delayed);
	if (run->wrong > wrong) {
		json_write(&text, &e);
		fprintf(stderr, "%s\n", buf_str(&text));
		world_tell_unrest(w, stderr);
	}
}

static void play_strace(struct run *run, const struct point *p, const char *fault)
{
	char trace[700], inject[80], only[60], name[100];
	/* Where it stops at that call alone it is much faster; but there strace sends no signal. */
	bool kills = strcmp(fault, "kill") == 0;
	const char *before[] = { "strace", "-D", "-f", "-q", "-o", trace, "-e", inject, kills ? NULL : "-e", only, "--seccomp-bpf", NULL };

	snprintf(only, sizeof(only), "trace=%s", p->call);
	if (kills)
		snprintf(inject, sizeof(inject), "inject=%s:signal=KILL:when=%d", p->call, p->when);
	else
		snprintf(inject, sizeof(inject), "inject=%s:error=%s:when=%d", p->call, fault, p->when);
	snprintf(name, sizeof(name), "%s at %s %d", fault, p->call, p->when);
	snprintf(trace, sizeof(trace), "%s/trace", run->w->dir);
	play(run, before, name, 4000);
}

static void play_short(struct run *run, int at, const char *then)
{
	char preload[500], at_text[40], then_text[40], name[100];
	const char *before[] = { "env", preload, at_text, then_text, NULL };

	snprintf(preload, sizeof(preload), "LD_PRELOAD=%s/libshort_write.so", BUILD_DIR "/tests");
	snprintf(at_text, sizeof(at_text), "SHORT_WRITE_AT=%d", at);
	snprintf(then_text, sizeof(then_text), "SHORT_WRITE_THEN=%s", then);
	snprintf(name, sizeof(name), "short write %d, then %s", at, then);
	play(run, before, name, 4000);
}

/* The undisturbed run: what there is to be disturbed. Gives the number of writes to files. */
static int survey(struct run *run)
{
	char trace[2048];
	const char *before[] = { "strace", "-D", "-f", "-q", "--seccomp-bpf", "-y", "-s", "0", "-o", trace, "-e", "trace=" CALLS, NULL };
	int writes = 0;

	snprintf(trace, sizeof(trace), "%s/survey", run->w->dir);
	play(run, before, "undisturbed", 60000);
	read_trace(run->w, trace);
	if (!run->survived || !point_count)
		complain(run, "nothing was seen that could fail: does strace work here?", "undisturbed");
	for (size_t i = 0; i < point_count; i++)
		writes += points[i].file && (strcmp(points[i].call, "write") == 0 || strcmp(points[i].call, "pwrite64") == 0);
	return writes;
}

static bool can_lack_space(const char *call)
{
	static const char *const calls[] = { "openat", "mkdir", "mkdirat", "rename", "renameat", "ftruncate", "fallocate", "fsync",
		"fdatasync", "write", "pwrite64" };

	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		if (strcmp(calls[i], call) == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "every", required_argument, NULL, 'n' }, { "offset", required_argument, NULL, 'o' },
		{ "fault", required_argument, NULL, 'f' }, { "plain", no_argument, NULL, 'p' },
		{ "programs", required_argument, NULL, 'd' }, { "keep", no_argument, NULL, 'k' }, { 0 } };
	static const char *const faults[] = { "kill", "EIO", "ENOSPC" }, *const thens[] = { "ok", "ENOSPC", "EIO", "kill" };
	struct world_options how = { .concurrency = 2 };
	struct world w;
	struct run run = { .w = &w };
	const char *only = NULL;
	int every = 1, offset = 0, option, writes, n = 0, runs;
	bool keep = false;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'n')
			every = atoi(optarg);
		else if (option == 'o')
			offset = atoi(optarg);
		else if (option == 'f')
			only = optarg;
		else if (option == 'p')
			how.plain = run.plain = true;
		else if (option == 'd')
			how.programs = optarg;
		else if (option == 'k')
			keep = true;
		else
			return 2;
	}
	if (every < 1)
		return 2;
	world_open(&w, &how);
	if (how.plain)
		world_behave(&w, "{\"mode\":\"no_dedupe\"}");
	writes = survey(&run);
	printf("%zu calls on the state directory and sockets, %d writes to files; every %dth from %d\n", point_count, writes, every,
		offset % every);
	fflush(stdout);
	for (size_t f = 0; f < ARRAY_LEN(faults); f++)
		for (size_t i = 0; i < point_count && (!only || strcmp(only, faults[f]) == 0); i++) {
			if (strcmp(faults[f], "ENOSPC") == 0 && (!points[i].file || !can_lack_space(points[i].call)))
				continue;
			if (n++ % every == offset % every)
				play_strace(&run, &points[i], faults[f]);
		}
	for (size_t t = 0; t < ARRAY_LEN(thens); t++)
		for (int at = 1; at <= writes && (!only || strcmp(only, "short") == 0); at++)
			if (n++ % every == offset % every)
				play_short(&run, at, thens[t]);
	runs = run.number - 1;
	printf("%d faults, %s provider: %d survived, %d were killed, %d ended with 74, %d with 75, %d with 78, %d held, %d delayed; %d wrong\n", runs,
		how.plain ? "plain" : "idempotent", run.survived - 1, run.ended[4], run.ended[1], run.ended[2], run.ended[3], run.hung,
		run.delayed, run.wrong);
	world_close(&w, keep || run.wrong);
	free(points);
	return run.wrong ? 1 : 0;
}
