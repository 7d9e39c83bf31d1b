/*
 * instances - several dunningd on one book: they are killed, paused, stopped and started again under load, and share the partitions.
 *
 *	instances [--rounds N] [--instances K] [--partitions P] [--per-round M] [--plain] [--seed S] [--programs DIR] [--keep]
 *
 * In each round invoices come in and one instance is killed (SIGKILL), paused for longer than its lease (SIGSTOP), or stopped (SIGTERM); the
 * others lead its partitions within 20 seconds, else it failed. Then it comes back, and the partitions are spread evenly again. At the end every invoice was
 * sent once: with a provider that knows its keys (the sandbox); or at most once, with one that has nothing (--plain). No fault leaves more
 * in doubt than the configured concurrency. All trails verify, and `dunningctl check` finds nothing.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "tests/support/world.h"
#include "tests/support/world_state.h"

#define INSTANCES_MAX 8
#define ROUNDS_MAX 1000
#define CONCURRENCY 8
#define TAKE_OVER_MS 20000 /* what is promised */
#define PATIENCE_MS 90000
#define SETTLE_MS 400000 /* a second try with the same key has its time after minutes */
#define CHUNK 12 /* invoices */
#define PER_DEBTOR 3

enum fault { FAULT_KILL, FAULT_PAUSE, FAULT_STOP, FAULT_COUNT };
static const char *const fault_names[FAULT_COUNT] = { "killed", "paused", "stopped" };

struct run {
	struct world world;
	struct world_instance instances[INSTANCES_MAX];
	int count, partitions, per_round;
	bool runs[INSTANCES_MAX];
	int invoices, wrong, faults;
	int first; /* fault of the first round: which of them few rounds play is not always the same */
	int64_t since[ROUNDS_MAX + 1]; /* ms UTC: what is reserved from then on falls to this round's fault, as the one before is over */
	int64_t doubted_before; /* told in the outbound stream of another prefix */
	int64_t taken[FAULT_COUNT], longest[FAULT_COUNT];
	int times[FAULT_COUNT], late;
};

static uint64_t seed = 1;

static int pick(int below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (int)(seed % (uint64_t)below);
}

static void complain(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void complain(struct run *run, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	run->wrong++;
}

/* --- who leads what --------------------------------------------------------------------------------------------------------- */

/* How many partitions each of those that run leads, and of how many it takes the provider's limits; false: somebody does not answer, or one is
 * led by nobody. */
static bool ask_led(struct run *run, int led[INSTANCES_MAX], int share[INSTANCES_MAX])
{
	int all = 0;

	for (int i = 0; i < run->count; i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct json status, partitions, providers, provider, part;

		led[i] = share[i] = 0;
		if (!run->runs[i])
			continue;
		status = world_instance_status(&run->world, &run->instances[i], arena);
		if (status.type == JSON_NONE)
			return false;
		partitions = json_get(&status, "partitions");
		for (size_t p = 0; p < json_len(&partitions); p++) {
			struct json one = json_at(&partitions, p), state = json_get(&one, "state");

			led[i] += json_str(&state) && strcmp(json_str(&state), "running") == 0;
		}
		providers = json_get(&status, "providers");
		provider = json_at(&providers, 0);
		part = json_get(&provider, "share");
		part = json_get(&part, "led");
		share[i] = part.type == JSON_INT ? (int)json_int(&part) : 0;
		all += led[i];
	}
	return all == run->partitions;
}

static bool is_even(struct run *run)
{
	int led[INSTANCES_MAX], share[INSTANCES_MAX], least = run->partitions, most = 0;

	if (!ask_led(run, led, share))
		return false;
	for (int i = 0; i < run->count; i++) {
		if (!run->runs[i])
			continue;
		if (share[i] != led[i])
			return false;
		least = led[i] < least ? led[i] : least;
		most = led[i] > most ? led[i] : most;
	}
	return most - least <= 1;
}

static void stop_all(struct run *run)
{
	for (int i = 0; i < run->count; i++) {
		if (run->runs[i] && process_stop(&run->instances[i].process, 40000) != 0)
			complain(run, "%s does not stop with 0", run->instances[i].name);
		run->runs[i] = false;
	}
}

static void push(struct run *run)
{
	world_push_range(&run->world, WORLD_FINALIZED, run->invoices, CHUNK, PER_DEBTOR);
	run->invoices += CHUNK;
}

static void say_logs(const struct run *run)
{
	for (int i = 0; i < run->count; i++)
		fprintf(stderr, "%s: %s\n", run->instances[i].name, run->instances[i].log);
}

/* All are led by those that run; invoices keep coming meanwhile, `left` of them. ms it took. */
static int64_t until_led(struct run *run, bool even, int *left)
{
	int64_t begun = real_ms();
	int led[INSTANCES_MAX], share[INSTANCES_MAX];

	for (;;) {
		if (even ? is_even(run) : ask_led(run, led, share))
			return real_ms() - begun;
		if (real_ms() - begun > PATIENCE_MS) {
			say_logs(run);
			world_fail("the partitions are not %s; kept in %s", even ? "spread evenly" : "all led", run->world.dir);
		}
		if (*left > 0) {
			push(run);
			*left -= CHUNK;
		}
		pause_ms(50);
	}
}

/* --- a round ---------------------------------------------------------------------------------------------------------------------- */

static void start(struct run *run, int i)
{
	world_instance_start(&run->world, &run->instances[i]);
	run->runs[i] = true;
}

static void play(struct run *run, int round)
{
	enum fault fault = (enum fault)((run->first + round) % FAULT_COUNT);
	int victim = pick(run->count), left = run->per_round;
	struct world_instance *instance = &run->instances[victim];
	int64_t took;

	for (int i = pick(4); i >= 0 && left > 0; i--) { /* the instant of the fault is what is being chosen */
		push(run);
		left -= CHUNK;
		pause_ms(pick(60));
	}
	run->runs[victim] = false;
	run->faults++;
	switch (fault) {
	case FAULT_KILL:
		process_kill(&instance->process);
		break;
	case FAULT_PAUSE:
		(void)kill(instance->process.pid, SIGSTOP);
		break;
	default:
		if (process_stop(&instance->process, 40000) != 0)
			complain(run, "%s does not stop with 0", instance->name);
		break;
	}
	took = until_led(run, false, &left);
	run->taken[fault] += took;
	run->times[fault]++;
	run->longest[fault] = took > run->longest[fault] ? took : run->longest[fault];
	if (took > TAKE_OVER_MS) {
		run->late++;
		complain(run, "round %d: %s was %s, and all is led again after %" PRId64 " ms", round + 1, instance->name, fault_names[fault], took);
	}
	if (fault == FAULT_PAUSE) {
		(void)kill(instance->process.pid, SIGCONT);
		run->runs[victim] = true;
	} else {
		start(run, victim);
	}
	run->since[round + 1] = utc_now();
	printf("round %d: %s was %s; taken over in %" PRId64 " ms, even again in %" PRId64 " ms\n", round + 1, instance->name, fault_names[fault], took,
		until_led(run, true, &left));
	fflush(stdout);
}

/* --- the end ---------------------------------------------------------------------------------------------------------------------- */

static int64_t doubts(struct run *run)
{
	return run->doubted_before + world_doubts(&run->world);
}

/* Nothing is due or under way; and what waits for a provider that an instance took for away has gone out, too. */
static bool has_settled(struct run *run)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	return world_rests(&run->world) &&
		world_sent(&run->world, arena, run->invoices).messages + (run->world.options.plain ? doubts(run) : 0) >= run->invoices;
}

static void settle(struct run *run)
{
	int64_t deadline = real_ms() + SETTLE_MS;

	while (!has_settled(run)) {
		if (real_ms() > deadline) {
			say_logs(run);
			world_fail("it does not come to rest; kept in %s", run->world.dir);
		}
		pause_ms(200);
	}
}

/* What was under way at a fault, and no more. */
static void check_rounds(struct run *run, int rounds)
{
	int doubts[ROUNDS_MAX], most = 0;

	world_doubts_from(&run->world, run->since, rounds, doubts);
	for (int i = 0; i < rounds; i++) {
		most = doubts[i] > most ? doubts[i] : most;
		if (doubts[i] > CONCURRENCY)
			complain(run, "round %d left %d in doubt: more than the concurrency of %d", i + 1, doubts[i], CONCURRENCY);
	}
	printf("of one round %d in doubt at most\n", most);
}

static int run_ctl(struct run *run, int i, const char *const *words, struct buf *output)
{
	return world_ctl_with(&run->world, run->instances[i].config, words, output);
}

static void check(struct run *run)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct world_sent sent = world_sent(&run->world, arena, run->invoices);
	bool plain = run->world.options.plain;
	int64_t doubted = doubts(run);
	int twice = 0, never = 0;

	for (int i = 0; i < run->invoices; i++) {
		CLEANUP(arena_freep) struct arena *one = arena_create();
		struct json e = world_escalation(&run->world, one, i);

		if (e.type == JSON_NONE)
			complain(run, "inv_%d: lost", i);
		twice += sent.captured[i] > 1;
		never += sent.captured[i] == 0;
		if (sent.captured[i] > 1 || (!plain && sent.captured[i] != 1))
			complain(run, "inv_%d: captured %d times", i, sent.captured[i]);
	}
	if (plain && (twice || sent.repeated || never > doubted))
		complain(run, "plain: %d twice, %d repeated, %d never, %" PRId64 " in doubt", twice, sent.repeated, never, doubted);
	for (int i = 0; i < run->count; i++) {
		CLEANUP(buf_clear) struct buf said = { 0 };

		if (run_ctl(run, i, (const char *const[]){ "trail", "verify", NULL }, &said) != 0)
			complain(run, "%s: %s", run->instances[i].name, buf_str(&said));
	}
	if (!run->world.options.plain) {
		CLEANUP(buf_clear) struct buf said = { 0 };

		if (run_ctl(run, 0, (const char *const[]){ "check", NULL }, &said) != 0)
			complain(run, "check: %s", buf_str(&said));
	}
	printf("%d faults, %d instances, %d partitions%s: %d invoices, %d captured, %d repeated by key, %d twice, %" PRId64 " in doubt; %d wrong\n", run->faults,
		run->count, run->partitions, plain ? ", plain provider" : "", run->invoices, sent.messages, sent.repeated, twice, doubted, run->wrong);
}

/* --- the brake -------------------------------------------------------------------------------------------------------------------- */

/* Of all partitions, how many does their leader hold as `suspended`. */
static int suspended(struct run *run)
{
	int held = 0;

	for (int i = 0; i < run->count; i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct json status = world_instance_status(&run->world, &run->instances[i], arena), partitions = json_get(&status, "partitions");

		for (size_t p = 0; p < json_len(&partitions); p++) {
			struct json one = json_at(&partitions, p), state = json_get(&one, "state"), holding = json_get(&one, "holding");

			held += json_str(&state) && strcmp(json_str(&state), "running") == 0 && json_str(&holding) && strcmp(json_str(&holding), "suspended") == 0;
		}
	}
	return held;
}

/* Asked at one instance, it holds for all; once it is said, nothing more leaves. */
static void hold_all(struct run *run)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf said = { 0 };
	int64_t begun = real_ms(), took;
	int before, held;

	if (run_ctl(run, 0, (const char *const[]){ "suspend", "the bank is down", NULL }, &said) != 0)
		complain(run, "suspend: %s", buf_str(&said));
	took = real_ms() - begun;
	held = suspended(run);
	if (held != run->partitions)
		complain(run, "%d of %d partitions are suspended", held, run->partitions);
	before = world_sent(&run->world, arena, run->invoices).messages;
	push(run);
	while (!world_applied(&run->world))
		pause_ms(50);
	if (world_sent(&run->world, arena, run->invoices).messages != before)
		complain(run, "something left while all was suspended");
	buf_reset(&said);
	if (run_ctl(run, 0, (const char *const[]){ "release", "it is up", NULL }, &said) != 0)
		complain(run, "release: %s", buf_str(&said));
	held = suspended(run);
	if (held)
		complain(run, "%d of %d partitions are suspended, and all were released", held, run->partitions);
	settle(run);
	printf("suspended all %d partitions at one instance in %" PRId64 " ms\n", run->partitions, took);
}

/* --- made again ------------------------------------------------------------------------------------------------------------------- */

/* `more`: two pairs of an option and its value at most; NULL ends them. */
static int rebuild(struct run *run, const char *const *more, struct buf *said)
{
	const char *words[INSTANCES_MAX + 9] = { "instances", "rebuild", "--yes" };
	size_t n = 3;

	for (; *more; more++)
		words[n++] = *more;
	for (int i = 0; i < run->count; i++)
		words[n++] = run->instances[i].state;
	words[n] = NULL;
	return run_ctl(run, 0, words, said);
}

/* All that Redis had is in the journals of all of them together, and in those of one alone it is not. */
static void make_again(struct run *run)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf said = { 0 }, alone = { 0 };
	const char *before = world_state(&run->world, arena), *after;

	if (rebuild(run, (const char *const[]){ NULL }, &said) != 0 || strcmp(before, world_state(&run->world, arena)) != 0)
		complain(run, "a Redis that has everything was changed: %s", buf_str(&said));
	(void)world_redis(&run->world, arena, (const char *const[]){ "HSET", world_key_in(&run->world, arena, 0, "cursor"), "pseq", "1", NULL });
	if (rebuild(run, (const char *const[]){ NULL }, &said) == 0)
		complain(run, "a Redis that is elsewhere was written over");
	(void)world_redis(&run->world, arena, (const char *const[]){ "FLUSHALL", NULL });
	if (run->faults && run_ctl(run, 0, (const char *const[]){ "instances", "rebuild", "--yes", run->instances[0].state, NULL }, &alone) == 0)
		complain(run, "one instance's journal was taken for all of it");
	buf_reset(&said);
	if (rebuild(run, (const char *const[]){ NULL }, &said) != 0)
		complain(run, "rebuild: %s", buf_str(&said));
	after = world_state(&run->world, arena);
	if (strcmp(before, after) != 0) {
		complain(run, "rebuilt, it is another state (%zu and %zu bytes of digests)", strlen(before), strlen(after));
		world_state_differs(before, after);
	}
	printf("flushed and rebuilt out of %d journals: %zu bytes of digests, %s\n", run->count, strlen(after), strcmp(before, after) == 0 ? "the same" : "others");
}

/* They go on with what was made again. */
static void go_on(struct run *run, const char *what)
{
	int left = 0;

	/* The first one comes last, so that it has never led what others keep: its journal alone is not all of the book, see make_again(). */
	for (int i = 1; i < run->count; i++)
		start(run, i);
	(void)until_led(run, false, &left);
	start(run, 0);
	(void)until_led(run, true, &left);
	push(run);
	push(run);
	settle(run);
	stop_all(run);
	printf("%s: ", what);
	check(run);
}

/* Of each partition: it is refused, or Redis has it again and it is led. */
static bool all_know(struct run *run)
{
	int known = 0;

	for (int i = 0; i < run->count; i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct json status = world_instance_status(&run->world, &run->instances[i], arena), partitions = json_get(&status, "partitions");

		for (size_t p = 0; p < json_len(&partitions); p++) {
			struct json one = json_at(&partitions, p), state = json_get(&one, "state");
			const char *word = json_str(&state) ? json_str(&state) : "";

			known += strcmp(word, "refused") == 0 ||
				(strcmp(word, "running") == 0 && world_redis(&run->world, arena, (const char *const[]){ "HGET",
					world_key_in(&run->world, arena, (uint32_t)p, "cursor"), "pseq", NULL })->type == REDIS_STRING);
		}
	}
	return known == run->partitions;
}

/* Redis loses everything under them: what one alone has led is made again by itself, all else is refused until it is rebuilt. */
static void lose_all(struct run *run)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf said = { 0 };
	int64_t deadline = real_ms() + PATIENCE_MS;
	int left = 0;

	for (int i = 0; i < run->count; i++)
		start(run, i);
	(void)until_led(run, true, &left);
	(void)world_redis(&run->world, arena, (const char *const[]){ "FLUSHALL", NULL });
	push(run);
	while (!all_know(run)) {
		if (real_ms() > deadline)
			world_fail("a flushed Redis is not noticed; kept in %s", run->world.dir);
		pause_ms(50);
	}
	stop_all(run);
	if (rebuild(run, (const char *const[]){ NULL }, &said) != 0)
		complain(run, "rebuild: %s", buf_str(&said));
	go_on(run, "lost under load and rebuilt");
}

/* One alone, in all partitions: it writes its start and its end there. */
static void lead_all(struct run *run, int i, const struct redis_reply **places, struct arena *arena)
{
	int left = 0;

	start(run, i);
	(void)until_led(run, false, &left);
	for (int p = 0; places && p < run->partitions; p++)
		places[p] = world_redis(&run->world, arena, (const char *const[]){ "HMGET", world_key_in(&run->world, arena, (uint32_t)p, "cursor"), "pseq",
			"group", "writer", NULL });
	stop_all(run);
}

static int refused(struct run *run, int i)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json status = world_instance_status(&run->world, &run->instances[i], arena), partitions = json_get(&status, "partitions");
	int count = 0;

	for (size_t p = 0; p < json_len(&partitions); p++) {
		struct json one = json_at(&partitions, p), reason = json_get(&one, "reason");

		count += json_str(&reason) && strstr(json_str(&reason), "dunningctl instances rebuild");
	}
	return count;
}

/* Redis is put back to before one ended and another one led: the other's journal shows it, and it sends nothing. */
static void go_back(struct run *run)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf said = { 0 };
	const struct redis_reply **places = arena_alloc(arena, (size_t)run->partitions * sizeof(*places));
	int64_t deadline;

	lead_all(run, 0, places, arena);
	lead_all(run, 1, NULL, NULL);
	for (int p = 0; p < run->partitions; p++)
		(void)world_redis(&run->world, arena, (const char *const[]){ "HSET", world_key_in(&run->world, arena, (uint32_t)p, "cursor"), "pseq",
			places[p]->items[0].str, "group", places[p]->items[1].str, "writer", places[p]->items[2].str, NULL });
	start(run, 1);
	deadline = real_ms() + PATIENCE_MS;
	while (refused(run, 1) < run->partitions) {
		if (real_ms() > deadline)
			world_fail("%d of %d partitions are refused by who led last; kept in %s", refused(run, 1), run->partitions, run->world.dir);
		pause_ms(50);
	}
	stop_all(run);
	(void)world_redis(&run->world, arena, (const char *const[]){ "FLUSHALL", NULL });
	if (rebuild(run, (const char *const[]){ NULL }, &said) != 0)
		complain(run, "rebuild: %s", buf_str(&said));
	go_on(run, "put back to before another one led, and rebuilt");
}

static void reconfigure(struct run *run, int i, const char *prefix, int partitions)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *old = arena_printf(arena, "\"prefix\":\"%s\",\"partitions\":%d,", run->world.prefix, run->partitions), *at;

	if (file_read(run->instances[i].config, 100000, &text, NULL) < 0 || !(at = strstr(buf_str(&text), old)))
		world_fail("%s has no %s", run->instances[i].config, old);
	world_put(&run->world, run->instances[i].config + strlen(run->world.dir) + 1, arena_printf(arena, "%.*s\"prefix\":\"%s\",\"partitions\":%d,%s",
		(int)(at - buf_str(&text)), buf_str(&text), prefix, partitions, at + strlen(old)));
}

/* The same book in another number of partitions. */
static void spread(struct run *run)
{
	CLEANUP(buf_clear) struct buf said = { 0 };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	int partitions = run->partitions > 7 ? 7 : run->partitions + 3;

	run->doubted_before = doubts(run);
	if (rebuild(run, (const char *const[]){ "--partitions", arena_printf(arena, "%d", partitions), "--prefix", "spread", NULL }, &said) != 0)
		complain(run, "rebuild --partitions: %s", buf_str(&said));
	for (int i = 0; i < run->count; i++)
		reconfigure(run, i, "spread", partitions);
	snprintf(run->world.prefix, sizeof(run->world.prefix), "spread");
	run->partitions = run->world.options.partitions = partitions;
	go_on(run, "spread over other partitions");
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "rounds", required_argument, NULL, 'r' }, { "instances", required_argument, NULL, 'i' },
		{ "partitions", required_argument, NULL, 'p' }, { "per-round", required_argument, NULL, 'm' }, { "plain", no_argument, NULL, 'n' },
		{ "seed", required_argument, NULL, 's' }, { "programs", required_argument, NULL, 'd' }, { "keep", no_argument, NULL, 'e' }, { 0 } };
	struct world_options how = { .concurrency = CONCURRENCY, .partitions = 12 };
	struct run run = { .count = 3, .per_round = 120 };
	int rounds = 3, option, left = 0;
	bool keep = false;
	uint64_t given;
	int64_t longest = 0;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'r')
			rounds = atoi(optarg);
		else if (option == 'i')
			run.count = atoi(optarg);
		else if (option == 'p')
			how.partitions = atoi(optarg);
		else if (option == 'm')
			run.per_round = atoi(optarg);
		else if (option == 'n')
			how.plain = true;
		else if (option == 's')
			seed = strtoull(optarg, NULL, 10);
		else if (option == 'd')
			how.programs = optarg;
		else if (option == 'e')
			keep = true;
		else
			return 2;
	}
	if (run.count < 2 || run.count > INSTANCES_MAX || how.partitions < 1 || rounds < 1 || rounds > ROUNDS_MAX)
		return 2;
	given = seed;
	seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	run.first = pick(FAULT_COUNT);
	run.partitions = how.partitions;
	world_open(&run.world, &how);
	for (int i = 0; i < run.count; i++) {
		char name[24];

		snprintf(name, sizeof(name), "host-%c", 'a' + i);
		world_instance(&run.world, name, &run.instances[i]);
		start(&run, i);
	}
	printf("seed %" PRIu64 ": %d instances lead %d partitions evenly after %" PRId64 " ms\n", given, run.count, run.partitions,
		until_led(&run, true, &left));
	for (int round = 0; round < rounds; round++)
		play(&run, round);
	settle(&run);
	for (int f = 0; f < FAULT_COUNT; f++)
		if (run.times[f])
			printf("%s: %d times, taken over in %" PRId64 " ms on average, %" PRId64 " ms at most\n", fault_names[f], run.times[f],
				run.taken[f] / run.times[f], run.longest[f]);
	for (int f = 0; f < FAULT_COUNT; f++)
		longest = run.longest[f] > longest ? run.longest[f] : longest;
	printf("%d of %d within %d s; the longest take-over: %" PRId64 " ms\n", run.faults - run.late, run.faults, TAKE_OVER_MS / 1000, longest);
	hold_all(&run);
	stop_all(&run);
	check_rounds(&run, rounds);
	check(&run);
	make_again(&run);
	lose_all(&run);
	go_back(&run);
	spread(&run);
	make_again(&run);
	if (run.wrong)
		say_logs(&run);
	for (int i = 0; i < run.count; i++)
		process_kill(&run.instances[i].process);
	world_close(&run.world, keep || run.wrong);
	return run.wrong ? 1 : 0;
}
