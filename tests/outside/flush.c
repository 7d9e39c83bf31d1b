/*
 * flush - Redis loses what it had, under load: FLUSHALL, or its files of some time ago put back.
 *
 *	flush [--rounds N] [--age S | --day] [--plain] [--seed S] [--programs DIR] [--keep]
 *
 * In each round invoices come in, some of them are paid, messages go out, and Redis goes back: flushed or restored, sometimes twice, with
 * the daemon alive or killed just before, at any time or between two groups. With --age it is always restored, under load, from
 * files that are S seconds old; with --day from those of yesterday: the daemon wrote them by a clock that was a day behind. What Redis is told is watched by MONITOR. It must hold:
 *	- what the journal has is redone in its order, group by group, before anything new is released;
 *	- sending is held within a second: no message of before arrives later than that after Redis went back;
 *	- no invoice is captured twice, and a provider that knows no keys (--plain) leaves in doubt what was under way at a kill, no more;
 *	- GET /status names the gap and asks for a replay;
 *	- what is known is not new, also when it is gone at the very moment at which it is looked for: nobody is written to again;
 *	- the daemon that lived through it has its lease again, and after a flush before anything is redone;
 *	- after everything was pushed again the facts and states are those of a run that nothing disturbed.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "common/utc.h"
#include "tests/support/facts.h"
#include "tests/support/world.h"

#define HELD_MS 1000 /* from when Redis goes back until the last message of before has arrived */
#define PARTS 8
#define PER_PART 24 /* invoices */
#define INVOICES (PARTS * PER_PART)
#define PER_DEBTOR 3
#define CONCURRENCY 8
#define QUIET_MS 120000
#define BETWEEN 6 /* times in a round */
#define PHASES 8
#define MONITOR_MAX (512 << 20)

static uint64_t seed = 1;
static int64_t events_at;
static bool of_yesterday;

static int pick(int below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (int)(seed % (uint64_t)below);
}

/* --- what Redis was told ------------------------------------------------------------------------------------------------------------- */

/* Before its first incident and after each: MONITOR of one server. */
struct watch {
	struct process process;
	int files;
};

static void watch_path(const struct world *w, int file, char path[120])
{
	snprintf(path, 120, "%s/monitor-%d", w->dir, file);
}

static void watch_start(struct world *w, struct watch *watch)
{
	const char *argv[] = { "redis-cli", "-s", w->redis_socket, "MONITOR", NULL };
	int64_t deadline = real_ms() + 20000;
	char path[120];

	watch_path(w, watch->files++, path);
	process_start(&watch->process, argv, path);
	while (real_ms() < deadline) {
		CLEANUP(buf_clear) struct buf text = { 0 };

		if (file_read(path, MONITOR_MAX, &text, NULL) == 0 && text.len)
			return;
		pause_ms(2);
	}
	world_fail("redis-cli MONITOR says nothing");
}

/* An attempt in a group that was committed: the last of its releases in this phase. */
struct release {
	char id[40];
	int phase; /* number of incidents before it */
	int64_t pseq, at; /* ms UTC */
};

struct history {
	struct release *releases;
	size_t count, capacity;
	int64_t last[PHASES]; /* by phase: the highest pseq */
	int64_t redone_at[PHASES]; /* when the first group was committed in it */
	int64_t gone_at[PHASES]; /* when Redis was flushed, or came back with less */
	int64_t held_ms; /* the longest from then until the last message of before arrived */
	int64_t leased_at[PHASES]; /* when the lease was first taken anew in it */
	int phases, wrong;
};

static int64_t number_after(const char *line, const char *what)
{
	const char *at = strstr(line, what);

	return at ? strtoll(at + strlen(what), NULL, 10) : -1;
}

static void read_line(struct history *h, const char *line, size_t *open, bool *fresh)
{
	const char *release = strstr(line, "] \"HSET\" \"");
	int64_t at = (int64_t)(strtod(line, NULL) * 1000);

	if (h->phases && !h->gone_at[h->phases])
		h->gone_at[h->phases] = at;
	if (!h->leased_at[h->phases] && strstr(line, " lua] \"SET\" \"") && strstr(line, ":lease\" \""))
		h->leased_at[h->phases] = at;
	if (strstr(line, "] \"FLUSHALL\"")) {
		h->phases++;
		h->gone_at[h->phases] = at;
		*open = h->count;
		*fresh = true;
	} else if (release && strstr(line, ":attempts\" \"")) {
		static const char entry[] = "{\\\"id\\\":\\\""; /* several in one command, quoted as MONITOR does */

		for (const char *one = strstr(line, entry); one; one = strstr(one, entry)) {
			struct release *next;

			one += sizeof(entry) - 1;
			xgrow(&h->releases, &h->capacity, h->count + 1, sizeof(*h->releases));
			next = &h->releases[h->count++];
			*next = (struct release){ .phase = h->phases, .pseq = -1, .at = at };
			snprintf(next->id, sizeof(next->id), "%.*s", (int)strcspn(one, "\\"), one);
		}
	} else if (release && strstr(line, "\"pseq\" \"")) {
		int64_t pseq = number_after(line, "\"pseq\" \"");

		if (*fresh) {
			h->redone_at[h->phases] = at;
			h->last[h->phases] = pseq - 1; /* a restored Redis begins where its files end */
			*fresh = false;
		}
		if (pseq != h->last[h->phases] + 1) {
			fprintf(stderr, "group %" PRId64 " was committed after %" PRId64 "\n", pseq, h->last[h->phases]);
			h->wrong++;
		}
		h->last[h->phases] = pseq;
		while (*open < h->count)
			h->releases[(*open)++].pseq = pseq;
	}
}

static void watch_read(struct world *w, const struct watch *watch, struct history *h)
{
	size_t open = 0;
	bool fresh = true;

	for (int file = 0; file < watch->files; file++) {
		CLEANUP(buf_clear) struct buf text = { 0 };
		char path[120], *save = NULL;

		watch_path(w, file, path);
		if (file_read(path, MONITOR_MAX, &text, NULL) < 0 || !text.len)
			world_fail("%s cannot be read", path);
		if (file) {
			h->phases++;
			open = h->count;
			fresh = true;
		}
		for (char *line = strtok_r(text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
			read_line(h, line, &open, &fresh);
	}
}

/*
 * Each message that arrived after a redo began was released by a group that is not of the journal's past; but for those that were
 * under way when Redis went back, which are at most as many as may be under way.
 */
static int check_releases(struct world *w, struct history *h)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json root = world_ask_sandbox(w, arena, "/messages"), messages = json_get(&root, "messages");
	int wrong = h->wrong, under_way[PHASES] = { 0 };

	for (size_t i = 0; i < json_len(&messages); i++) {
		struct json message = json_at(&messages, i), id = json_get(&message, "attempt"), at = json_get(&message, "received_at");
		int64_t received = 0;
		int phase = 0, gone = 0;
		bool before = false, proper = false, anew = false;

		(void)utc_parse(json_str(&at), &received);
		for (int p = 1; p <= h->phases; p++)
			if (h->redone_at[p] && h->redone_at[p] < received)
				phase = p;
		for (int p = 1; p <= h->phases; p++)
			if (h->gone_at[p] && h->gone_at[p] < received)
				gone = p;
		for (size_t r = 0; r < h->count; r++) {
			const struct release *one = &h->releases[r];

			if (strcmp(one->id, json_str(&id)) != 0 || one->pseq < 0)
				continue;
			/* What a killed Redis had not told MONITOR yet shows in the redo: the groups right behind the last one told. */
			before |= one->phase > phase && one->pseq > h->last[phase] && one->pseq <= h->last[phase] + 2;
			if (one->at > received)
				continue;
			before |= one->phase < phase;
			anew |= one->phase == gone && (!gone || one->pseq > h->last[gone - 1]);
			proper |= one->phase == phase && (!phase || one->pseq > h->last[phase - 1]);
		}
		if (gone && !anew && received - h->gone_at[gone] > h->held_ms)
			h->held_ms = received - h->gone_at[gone];
		if (!proper && before) {
			under_way[phase]++;
		} else if (!proper) {
			fprintf(stderr, "attempt %s was captured before it was released\n", json_str(&id));
			wrong++;
		}
	}
	for (int p = 1; p <= h->phases; p++)
		if (under_way[p] > CONCURRENCY) {
			fprintf(stderr, "%d messages arrived after the redo began that no later group released\n", under_way[p]);
			wrong++;
		}
	if (h->held_ms > HELD_MS) {
		fprintf(stderr, "a message of before arrived %" PRId64 " ms after Redis went back\n", h->held_ms);
		wrong++;
	}
	return wrong;
}

/* --- what became of the invoices ------------------------------------------------------------------------------------------------------ */

struct ends {
	char *facts[INVOICES];
	bool sent[INVOICES]; /* its walk shows the reminder as sent */
	bool doubt[INVOICES];
};

static void ends_read(struct world *w, struct ends *ret)
{
	for (int i = 0; i < INVOICES; i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		CLEANUP(buf_clear) struct buf text = { 0 };
		CLEANUP(buf_clear) struct buf facts = { 0 };
		struct json doc = world_escalation(w, arena, i);
		struct escalation e;
		struct err err = { 0 };

		if (doc.type == JSON_NONE) {
			ret->facts[i] = xstrdup("missing");
			continue;
		}
		json_write(&text, &doc);
		if (escalation_read(arena, text.data, text.len, &e, &err) < 0)
			world_fail("inv_%d: %s %s", i, err.path, err.text);
		escalation_facts(&facts, &e, arena);
		ret->facts[i] = buf_take(&facts);
		ret->doubt[i] = e.state == ESCALATION_DOUBT;
		for (size_t k = 0; k < e.walk_count; k++)
			ret->sent[i] |= e.walk[k].end == STEP_SENT;
	}
}

static void ends_clear(struct ends *ends)
{
	for (int i = 0; i < INVOICES; i++)
		free(ends->facts[i]);
}

static bool is_paid(int invoice)
{
	return invoice % 7 == 0;
}

/* --- a round --------------------------------------------------------------------------------------------------------------------------- */

static void push_some(struct world *w, int from, int count)
{
	world_push_range(w, WORLD_FINALIZED, from, count, PER_DEBTOR);
	for (int i = from; i < from + count; i++)
		if (is_paid(i))
			world_push_range(w, WORLD_PAID, i, 1, PER_DEBTOR);
}

static void copy_dir(const struct world *w, const char *from, const char *to)
{
	char source[200], target[200];
	const char *remove[] = { "rm", "-rf", target, NULL }, *copy[] = { "cp", "-r", source, target, NULL };

	snprintf(source, sizeof(source), "%s/%s", w->dir, from);
	snprintf(target, sizeof(target), "%s/%s", w->dir, to);
	if (process_run(remove, NULL, 60000) != 0 || process_run(copy, NULL, 60000) != 0)
		world_fail("%s cannot be copied", source);
}

/* The files as they lie there while Redis goes on writing: their last command may be torn, which Redis cuts off. */
static void snapshot(struct world *w)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *argv[] = { "HGET", world_key(w, arena, "cursor"), "pseq", NULL };
	const struct redis_reply *before, *now;
	int64_t deadline = real_ms() + 20000;

	copy_dir(w, "appendonlydir", "snapshot");
	before = world_redis(w, arena, argv);
	do { /* so that there is something to lose */
		pause_ms(2);
		now = world_redis(w, arena, argv);
	} while (real_ms() < deadline && (!now->str || (before->str && strcmp(now->str, before->str) == 0)));
}

static void start_daemon(struct world *w)
{
	world_start(w, NULL);
	if (!world_ready(w, 30000))
		world_fail("the daemon does not come up; kept in %s", w->dir);
}

/* Redis comes back while the daemon stands still, so that MONITOR misses nothing. */
static void restore(struct world *w, struct watch *watch)
{
	process_kill(&w->redis);
	(void)process_wait(&watch->process, 10000);
	process_kill(&watch->process);
	copy_dir(w, "snapshot", "appendonlydir");
	if (process_running(&w->daemon))
		(void)kill(w->daemon.pid, SIGSTOP);
	world_restart_redis(w);
	watch_start(w, watch);
	if (process_running(&w->daemon))
		(void)kill(w->daemon.pid, SIGCONT);
}

static void incident(struct world *w, struct watch *watch, bool restored, bool alive)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *flush[] = { "FLUSHALL", NULL };

	if (!alive)
		process_kill(&w->daemon);
	if (restored)
		restore(w, watch);
	else
		(void)world_redis(w, arena, flush);
	if (!alive)
		start_daemon(w);
}

/* NULL = nothing is wrong. */
static const char *status_reason(struct world *w, struct arena *arena)
{
	struct json status = world_status(w, arena), partitions = json_get(&status, "partitions"), one = json_at(&partitions, 0);
	struct json reason = json_get(&one, "reason");

	return json_str(&reason);
}

static bool names_gap(struct world *w, bool tell)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *reason = status_reason(w, arena), *text = reason ? reason : "nothing";
	const char *stream = world_key(w, arena, "events");

	if (strstr(text, stream) && strstr(text, "last one read was 1") && strstr(text, "Z)") && strstr(text, "push"))
		return true;
	if (tell)
		fprintf(stderr, "/status does not name the gap: %s\n", text);
	return false;
}

/* A daemon that has just come up knows it with its first group. */
static int check_gap(struct world *w)
{
	int64_t until = real_ms() + QUIET_MS;

	while (real_ms() < until) {
		if (names_gap(w, false))
			return 0;
		pause_ms(20);
	}
	return !names_gap(w, true);
}

/* A person says that all was sent again: from then on the status names no gap. */
static int close_gap(struct world *w)
{
	const char *words[] = { "gap", "closed", "pushed again", NULL };
	int64_t until = real_ms() + QUIET_MS;

	if (world_ctl(w, words, NULL) == 0)
		while (real_ms() < until) {
			CLEANUP(arena_freep) struct arena *arena = arena_create();

			if (!status_reason(w, arena))
				return 0;
			pause_ms(20);
		}
	fprintf(stderr, "/status still names the gap after `dunningctl gap closed`\n");
	return 1;
}

/* Until the lease is taken again somebody else may take it: first that, then the redo. */
static int check_lease_came_first(const struct history *h)
{
	int wrong = 0;

	for (int p = 1; p <= h->phases; p++)
		if (h->redone_at[p] && (!h->leased_at[p] || h->leased_at[p] > h->redone_at[p])) {
			fprintf(stderr, "after flush %d groups were redone without the lease\n", p);
			wrong++;
		}
	return wrong;
}

/* The lease went with the rest: whoever lived through it has it again, and goes on. */
static int check_lease(struct world *w)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *argv[] = { "EXISTS", world_key(w, arena, "lease"), NULL };
	int64_t deadline = real_ms() + 20000;

	while (process_running(&w->daemon) && real_ms() < deadline) {
		if (world_redis_int(w, argv) == 1)
			return 0;
		pause_ms(20);
	}
	fprintf(stderr, "the daemon %s\n", w->daemon.pid ? "has no lease" : "ended");
	return 1;
}

/*
 * Between the commit of one group and the load of the next: Redis is stopped until the daemon waits for it, most likely for a commit; then
 * it answers a daemon that is stopped, and is flushed. What is known is on its way once more, and is not found: it must not be taken for
 * new, or the daemon writes again to whom it wrote, and only the provider's memory of keys hides it.
 */
static int flush_between(struct world *w, int known)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *flush[] = { "FLUSHALL", NULL }, *at[] = { "HGET", world_key(w, arena, "cursor"), "pseq", NULL };
	const struct redis_reply *pseq;
	int64_t deadline = real_ms() + 20000;
	int before, after;

	if (!world_quiet(w, QUIET_MS))
		world_fail("it does not come to rest before the incident; kept in %s", w->dir);
	before = world_sent(w, arena, INVOICES).repeated;
	(void)kill(w->daemon.pid, SIGSTOP);
	for (int i = 0; i < 20; i++)
		world_push_range(w, WORLD_FINALIZED, 0, known, PER_DEBTOR);
	pseq = world_redis(w, arena, at);
	(void)kill(w->daemon.pid, SIGCONT);
	while (strcmp(world_redis(w, arena, at)->str, pseq->str) == 0 && real_ms() < deadline)
		; /* it has begun, and much is still to be done */
	pause_ms(1 + pick(8)); /* the instant is what is being chosen */
	(void)kill(w->redis.pid, SIGSTOP);
	pause_ms(50); /* no condition can be seen from outside: that it waits is likely, and enough */
	(void)kill(w->daemon.pid, SIGSTOP);
	(void)kill(w->redis.pid, SIGCONT);
	(void)world_redis(w, arena, flush);
	(void)kill(w->daemon.pid, SIGCONT);
	push_some(w, 0, known);
	if (!world_quiet(w, QUIET_MS))
		world_fail("it does not come to rest after the incident; kept in %s", w->dir);
	after = world_sent(w, arena, INVOICES).repeated;
	if (after != before)
		fprintf(stderr, "the provider was asked %d times again\n", after - before);
	return after != before;
}

/* What follows is a day later, for the daemon. */
static void next_day(struct world *w)
{
	if (process_stop(&w->daemon, 40000) != 0)
		world_fail("it does not stop with 0; kept in %s", w->dir);
	w->options.clock = NULL;
	start_daemon(w);
}

/* New invoices come in slowly, and what is known is said again and again, until the files of `from` are this old. */
static void load_until(struct world *w, int known, int64_t from, int64_t age_ms)
{
	while (real_ms() < from + age_ms) {
		push_some(w, known > PER_PART ? PER_PART * pick(known / PER_PART) : 0, PER_PART);
		pause_ms(100);
	}
}

struct tally {
	int rounds, incidents, captured, repeated, doubt, wrong;
	int64_t held_ms; /* the longest */
};

/* `expected` NULL: nothing happens, and *ends is what there was in the end. `age_ms` of the files that are restored; 0 = they are fresh. */
static void play(const struct world_options *how, int64_t age_ms, bool keep, const struct ends *expected, struct ends *ends,
	struct tally *tally)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	bool between = !age_ms && tally->rounds % 3 == 0, restored = (pick(2) && !between) || age_ms, alive = pick(3) > 0 || between;
	int64_t snapshot_at = 0;
	int at = 3 + pick(3), incidents = expected ? 1 + (pick(3) == 0 && !between) : 0, doubt = 0, wrong = 0;
	struct world w;
	struct watch watch = { 0 };
	struct history history = { 0 };
	struct world_sent sent;
	char clock[60], time[UTC_TEXT_SIZE];

	world_open(&w, how);
	world_behave(&w, how->plain ? "{\"mode\":\"slow\",\"ms\":3,\"dedupe\":false}" : "{\"mode\":\"slow\",\"ms\":3}");
	w.events_at = events_at;
	watch_start(&w, &watch);
	if (expected && of_yesterday) {
		snprintf(clock, sizeof(clock), "start:%s", utc_format(events_at - DAY_MS, time));
		w.options.clock = clock;
	}
	start_daemon(&w);
	for (int part = 0; part < PARTS; part++) {
		push_some(&w, part * PER_PART, PER_PART / 2);
		if (incidents && restored && part == at - 2) {
			snapshot_at = real_ms();
			snapshot(&w);
			if (w.options.clock)
				next_day(&w);
		}
		if (snapshot_at && part <= at)
			load_until(&w, part * PER_PART, snapshot_at, age_ms * (part - at + 3) / 3);
		pause_ms(pick(120)); /* the instant is what is being chosen */
		if (part >= at && part < at + incidents) {
			for (int i = 0; between && i < BETWEEN; i++)
				wrong += flush_between(&w, part * PER_PART);
			if (!between)
				incident(&w, &watch, restored, alive);
		}
		push_some(&w, part * PER_PART + PER_PART / 2, PER_PART / 2);
	}
	if (!world_quiet(&w, QUIET_MS))
		world_fail("it does not come to rest; kept in %s", w.dir);
	if (incidents) {
		wrong += check_gap(&w) + check_lease(&w);
		if (process_stop(&w.daemon, 40000) != 0)
			world_fail("it does not stop with 0; kept in %s", w.dir);
		start_daemon(&w);
		wrong += check_gap(&w); /* a restart hides nothing */
		push_some(&w, 0, INVOICES);
		if (!world_quiet(&w, QUIET_MS))
			world_fail("it does not come to rest after the replay; kept in %s", w.dir);
		wrong += close_gap(&w);
	}
	if (process_stop(&w.daemon, 40000) != 0)
		world_fail("it does not stop with 0; kept in %s", w.dir);
	process_kill(&watch.process);
	sent = world_sent(&w, arena, INVOICES);
	ends_read(&w, ends);
	for (int i = 0; i < INVOICES; i++) {
		doubt += ends->doubt[i];
		if (sent.captured[i] > 1 || (!is_paid(i) && !ends->doubt[i] && (sent.captured[i] != 1 || !ends->sent[i]))) {
			fprintf(stderr, "inv_%d: captured %d times, %s\n", i, sent.captured[i], ends->facts[i]);
			wrong++;
		}
		if (expected && strcmp(ends->facts[i], expected->facts[i]) != 0) {
			fprintf(stderr, "inv_%d: %s\n\tundisturbed: %s\n", i, ends->facts[i], expected->facts[i]);
			wrong++;
		}
	}
	if (doubt > (how->plain && !alive ? CONCURRENCY * incidents : 0)) {
		fprintf(stderr, "%d in doubt\n", doubt);
		wrong++;
	}
	watch_read(&w, &watch, &history);
	wrong += check_releases(&w, &history);
	if (history.held_ms > tally->held_ms)
		tally->held_ms = history.held_ms;
	if (!restored)
		wrong += check_lease_came_first(&history);
	free(history.releases);
	if (!world_trail_verifies(&w))
		wrong++;
	tally->rounds += expected != NULL;
	tally->incidents += incidents;
	tally->captured += sent.messages;
	tally->repeated += sent.repeated;
	tally->doubt += doubt;
	tally->wrong += wrong;
	if (wrong)
		fprintf(stderr, "%s%s, daemon %s, %d incidents: %d wrong\n", between ? "between groups, " : "", restored ? "restored" : "flushed",
			alive ? "alive" : "killed", incidents, wrong);
	world_close(&w, keep || wrong);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "rounds", required_argument, NULL, 'r' }, { "age", required_argument, NULL, 'a' },
		{ "plain", no_argument, NULL, 'p' }, { "day", no_argument, NULL, 'y' },
		{ "seed", required_argument, NULL, 's' }, { "programs", required_argument, NULL, 'd' },
		{ "keep", no_argument, NULL, 'e' }, { 0 } };
	struct world_options how = { .concurrency = CONCURRENCY };
	struct ends undisturbed = { 0 };
	struct tally tally = { 0 };
	int rounds = 8, age_s = 0, option;
	bool keep = false;
	uint64_t given;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'r')
			rounds = atoi(optarg);
		else if (option == 'a')
			age_s = atoi(optarg);
		else if (option == 'p')
			how.plain = true;
		else if (option == 'y')
			of_yesterday = true;
		else if (option == 's')
			seed = strtoull(optarg, NULL, 10);
		else if (option == 'd')
			how.programs = optarg;
		else if (option == 'e')
			keep = true;
		else
			return 2;
	}
	given = seed;
	seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	events_at = (int64_t)time(NULL) * 1000;
	if (of_yesterday)
		age_s = 1;
	play(&how, 0, keep, NULL, &undisturbed, &tally);
	for (int round = 0; round < rounds; round++) {
		struct ends ends = { 0 };

		play(&how, age_s * 1000, keep, &undisturbed, &ends, &tally);
		ends_clear(&ends);
	}
	ends_clear(&undisturbed);
	printf("%d rounds (seed %" PRIu64 "), %s provider: %d incidents, %d invoices, %d captured, %d repeated by key, %d in doubt, "
	       "sending held within %" PRId64 " ms, %d wrong\n",
		tally.rounds, given, how.plain ? "plain" : "idempotent", tally.incidents, INVOICES * (rounds + 1), tally.captured,
		tally.repeated, tally.doubt, tally.held_ms, tally.wrong);
	return tally.wrong ? 1 : 0;
}
