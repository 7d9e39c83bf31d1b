/*
 * cases - kill -9 at random instants of one case from the deposit to the handover (tests/support/whole_case), and always the same end.
 *
 *	cases [--kills N] [--plays N] [--seed S]
 *
 * It is played once undisturbed, then so many times, each with its part of the kills.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/whole_case.h"

/* How it ended, to be freed. */
static char *play(int kills, uint64_t seed, int *killed)
{
	struct story story;
	char *end;

	whole_case_play(&story, kills, seed);
	end = xstrdup(whole_case_end(&story));
	*killed += story.killed;
	story_ends_well(&story);
	story_close(&story);
	return end;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "kills", required_argument, NULL, 'k' }, { "plays", required_argument, NULL, 'p' },
		{ "seed", required_argument, NULL, 's' }, { 0 } };
	int kills = 200, plays = 8, option, killed = 0, wrong = 0;
	uint64_t seed = 1;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'k')
			kills = atoi(optarg);
		else if (option == 'p')
			plays = atoi(optarg);
		else if (option == 's')
			seed = strtoull(optarg, NULL, 10);
		else
			return 2;
	}
	for (int i = 0; i <= plays; i++) {
		char *end = play(i ? kills / plays + (i <= kills % plays) : 0, seed + (uint64_t)i, &killed);

		if (strcmp(end, whole_case_expected) != 0) {
			fprintf(stderr, "play %d (seed %" PRIu64 ", %d kills so far) ended otherwise:\n%s", i, seed + (uint64_t)i, killed, end);
			wrong++;
		}
		free(end);
	}
	printf("%d kills (seed %" PRIu64 ") in %d plays of eight months: %d ended otherwise\n", killed, seed, plays, wrong);
	return wrong ? 1 : 0;
}
