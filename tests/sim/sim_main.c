/*
 * sim - plays the daemon's real flow over seeded fakes, and judges what the world saw of it.
 *	sim --seed N [--days D] [--verbose] [--hash]	one run
 *	sim --seeds N [--from K] [--jobs J] [--first]	many; --first: only until the first seed that fails is known
 *	sim --policy N [--verbose]	a random policy, if the product takes it, over a small book: its manners are judged
 *	sim --policies N [--from K] [--jobs J] [--first]	many
 *	--order	only the events of each book in any order, doubled and delayed: the end state must be that of the right order; and small histories
 *		of what follows an offer, told to the rules alone
 *	--double	the provider sends each message twice: must be noticed
 * Exit status: 0 all kept, 1 a promise is broken, 2 usage.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/date.h"
#include "tests/sim/sim_policy.h"

#define CALM_DAYS 32
#define OFFER_HISTORIES 20 /* of an order's seed, beside the large one */
#define ORDER_EVERY 3
#define JOBS_MAX 64
#define MANY 50 /* policies, of which some must have contacted somebody */

struct options {
	uint64_t seed, from, seeds;
	int days, jobs;
	bool verbose, hash, order, first, double_send, policies; /* policies: seeds are those of policies */
};

void sim_begin(struct sim *sim, uint64_t seed, int days, bool verbose)
{
	*sim = (struct sim){ .seed = seed, .verbose = verbose, .arena = arena_create() };
	rng_seed(&sim->flow, seed, "flow");
	rng_seed(&sim->net, seed, "net");
	rng_seed(&sim->disk, seed, "disk");
	rng_seed(&sim->world, seed, "world");
	rng_seed(&sim->faults, seed, "faults");
	rng_seed(&sim->receipts, seed, "receipts");
	rng_seed(&sim->lists, seed, "lists");
	rng_seed(&sim->accounts, seed, "accounts");
	rng_seed(&sim->stuck, seed, "stuck");
	rng_seed(&sim->offers, seed, "offers");
	sim->begin = (int64_t)date_of(2026, 1, 5).days * DAY_MS + rng_range(&sim->world, 0, 300) * DAY_MS;
	sim->calm_at = sim->begin + (days - CALM_DAYS) * DAY_MS;
	sim->end = sim->begin + days * DAY_MS;
	sim->mono = 1000000;
	sim->offset = sim->begin - sim->mono;
}

static bool play_life(uint64_t seed, const struct options *options)
{
	struct sim sim;
	bool broken;

	sim_begin(&sim, seed, options->days, options->verbose);
	sim.double_send = options->double_send;
	world_run(&sim);
	broken = sim.broken;
	if (broken)
		printf("seed %llu: %s\n	replay: sim --seed %llu --days %d --verbose\n", (unsigned long long)seed, sim.breach,
			(unsigned long long)seed, options->days);
	else if (options->seed)
		printf("seed %llu: kept. %s\n", (unsigned long long)seed, sim.summary);
	if (options->hash)
		printf("seed %llu: trace %016llx, %llu steps\n", (unsigned long long)seed, (unsigned long long)sim.trace,
			(unsigned long long)sim.steps);
	world_end(&sim);
	arena_free(sim.arena);
	return !broken;
}

static bool play_order(uint64_t seed, const struct options *options)
{
	char breach[600];

	bool kept = order_play(seed, options->verbose, breach, sizeof(breach));

	for (uint64_t i = 0; i < OFFER_HISTORIES && kept; i++)
		kept = order_offers_play(seed * OFFER_HISTORIES + i, options->verbose, breach, sizeof(breach));
	if (kept)
		return true;
	printf("seed %llu: %s\n	replay: sim --seed %llu --order --verbose\n", (unsigned long long)seed, breach,
		(unsigned long long)seed);
	return false;
}

/* Every seed lives its months; every third one's events are also told in any order. --order: only that, for every seed. */
static bool play(uint64_t seed, const struct options *options, struct policy_tally *tally)
{
	bool kept;

	if (options->policies)
		return policy_play(seed, options->verbose, options->seed, tally);
	kept = options->order || play_life(seed, options);
	if (kept && (options->order || seed % ORDER_EVERY == 0))
		kept = play_order(seed, options);
	fflush(stdout);
	return kept;
}

/* Between processes. */
struct shared {
	volatile uint64_t first; /* the lowest that failed */
	struct policy_tally tallies[JOBS_MAX];
};

/* Worker j plays every jobs-th seed and tells how many failed; it may die of a sanitizer's verdict, which counts too. */
static uint64_t play_share(const struct options *options, int j, struct shared *shared)
{
	volatile uint64_t *first = &shared->first;
	uint64_t failed = 0;

	for (uint64_t n = (uint64_t)j; n < options->seeds; n += (uint64_t)options->jobs) {
		uint64_t seed = options->from + n;
		int status;
		pid_t pid;

		if (options->first && seed > *first)
			break;
		pid = fork();
		if (pid == 0) {
			alarm(600);
			_exit(play(seed, options, &shared->tallies[j]) ? 0 : 1);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid) {
			perror("sim: fork");
			exit(2);
		}
		if (WIFSIGNALED(status) || WEXITSTATUS(status) > 1)
			printf("%s %llu: died (%s %d)\n", options->policies ? "policy" : "seed", (unsigned long long)seed, WIFSIGNALED(status) ? "signal" : "exit",
				WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		fflush(stdout);
		failed += status != 0;
		if (status && seed < *first) /* two workers may race here: then one more seed is played and told, no wrong one */
			*first = seed;
	}
	return failed;
}

static int play_all(const struct options *options)
{
	uint64_t failed = 0;
	int pipes[JOBS_MAX][2];
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared == MAP_FAILED)
		return 2;
	shared->first = UINT64_MAX;
	fflush(stdout);
	for (int j = 0; j < options->jobs; j++) {
		if (pipe(pipes[j]) < 0)
			return 2;
		if (fork() == 0) {
			uint64_t n = play_share(options, j, shared);

			_exit(write(pipes[j][1], &n, sizeof(n)) == sizeof(n) ? 0 : 2);
		}
		close(pipes[j][1]);
	}
	for (int j = 0; j < options->jobs; j++) {
		uint64_t n = 0;

		if (read(pipes[j][0], &n, sizeof(n)) != sizeof(n))
			n = 1;
		failed += n;
		close(pipes[j][0]);
	}
	while (wait(NULL) > 0)
		;
	printf("%llu %s passed, %llu failed\n", (unsigned long long)(options->seeds - failed), options->policies ? "policies" : "seeds",
		(unsigned long long)failed);
	if (options->policies && !policy_sum(shared->tallies, (size_t)options->jobs) && options->seeds >= MANY) {
		printf("too few are accepted, or contact anybody: this proves nothing\n");
		return 1;
	}
	return failed ? 1 : 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: sim --seed N [--days D] [--verbose] [--hash] |\n"
			"           --seeds N [--from K] [--jobs J] [--first] [--days D] [--hash] [--order] [--double]\n"
			"       sim --policy N [--verbose] | --policies N [--from K] [--jobs J] [--first]\n");
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = { { "seed", 1, NULL, 's' }, { "seeds", 1, NULL, 'n' }, { "from", 1, NULL, 'f' },
		{ "jobs", 1, NULL, 'j' }, { "days", 1, NULL, 'd' }, { "verbose", 0, NULL, 'v' }, { "hash", 0, NULL, 'h' },
		{ "order", 0, NULL, 'o' }, { "first", 0, NULL, '1' },
		{ "double", 0, NULL, '2' }, { "policy", 1, NULL, 'p' }, { "policies", 1, NULL, 'P' }, { 0 } };
	struct policy_tally tally = { 0 };
	struct options options = { .from = 1, .days = 90, .jobs = 2 };
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 's')
			options.seed = strtoull(optarg, NULL, 10);
		else if (c == 'n')
			options.seeds = strtoull(optarg, NULL, 10);
		else if (c == 'p' || c == 'P') {
			*(c == 'p' ? &options.seed : &options.seeds) = strtoull(optarg, NULL, 10);
			options.policies = true;
		} else if (c == 'f')
			options.from = strtoull(optarg, NULL, 10);
		else if (c == 'j')
			options.jobs = atoi(optarg);
		else if (c == 'd')
			options.days = atoi(optarg);
		else if (c == 'v')
			options.verbose = true;
		else if (c == 'h')
			options.hash = true;
		else if (c == 'o')
			options.order = true;
		else if (c == '1')
			options.first = true;
		else if (c == '2')
			options.double_send = true;
		else
			return usage();
	}
	if (!options.seed == !options.seeds || options.jobs < 1 || options.jobs > JOBS_MAX || options.days < CALM_DAYS + 10)
		return usage();
	if (options.seed)
		return play(options.seed, &options, &tally) ? 0 : 1;
	return play_all(&options);
}
