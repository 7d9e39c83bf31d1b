/*
 * kills - kill -9 at random instants under load, against a real Redis and a provider that counts.
 *
 *	kills [--kills N] [--plain] [--seed S] [--programs DIR] [--keep]
 *
 * In each life of the daemon invoices come in, some of them are paid, messages go out, and at a random instant it is killed. At the end:
 * no event lost; with an idempotent provider each unpaid invoice was captured exactly once; with one that knows no keys (--plain) none
 * twice, and each one that may have been sent is in doubt: at most `concurrency` a kill.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/world.h"

#define PER_LIFE 60 /* invoices */
#define PER_DEBTOR 3
#define CONCURRENCY 8

static uint64_t seed = 1;

static int pick(int below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (int)(seed % (uint64_t)below);
}

struct counted {
	int open, closed, sent, doubt, missing;
};

static struct counted count_states(struct world *w, int invoices, const struct world_sent *sent, int *wrong)
{
	struct counted c = { 0 };

	for (int i = 0; i < invoices; i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct json e = world_escalation(w, arena, i), state = json_get(&e, "state"), walk = json_get(&e, "walk");
		const char *name = json_str(&state) ? json_str(&state) : "missing";
		bool paid = i % 7 == 0, doubt = strcmp(name, "in_doubt") == 0;

		if (e.type == JSON_NONE) {
			c.missing++;
			(*wrong)++;
			fprintf(stderr, "inv_%d: lost\n", i);
			continue;
		}
		c.doubt += doubt;
		c.closed += strcmp(name, "closed") == 0;
		c.sent += sent->captured[i] > 0;
		if (paid && strcmp(name, "closed") != 0 && !doubt) {
			(*wrong)++;
			fprintf(stderr, "inv_%d: paid, and %s\n", i, name);
		}
		if (sent->captured[i] > 1 || (!paid && !doubt && sent->captured[i] != 1)) {
			(*wrong)++;
			fprintf(stderr, "inv_%d: %s, %zu steps walked, captured %d times\n", i, name, json_len(&walk),
				sent->captured[i]);
		}
	}
	return c;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "kills", required_argument, NULL, 'k' }, { "plain", no_argument, NULL, 'p' },
		{ "seed", required_argument, NULL, 's' }, { "programs", required_argument, NULL, 'd' },
		{ "keep", no_argument, NULL, 'e' }, { 0 } };
	struct world_options how = { .concurrency = CONCURRENCY };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct world w;
	struct world_sent sent;
	struct counted c;
	int kills = 30, option, invoices = 0, wrong = 0;
	bool keep = false;
	uint64_t given;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'k')
			kills = atoi(optarg);
		else if (option == 'p')
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
	given = seed;
	seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	world_open(&w, &how);
	world_behave(&w, how.plain ? "{\"mode\":\"slow\",\"ms\":3,\"dedupe\":false}" : "{\"mode\":\"slow\",\"ms\":3}");
	for (int life = 0; life < kills; life++) {
		int wait = pick(10) ? pick(250) : pick(1500);

		world_start(&w, NULL);
		if (pick(3) && !world_ready(&w, 20000))
			world_fail("life %d: it does not come up; kept in %s", life, w.dir);
		for (int part = 0; part < 3; part++) {
			world_push_range(&w, WORLD_FINALIZED, invoices, PER_LIFE / 3, PER_DEBTOR);
			for (int i = invoices; i < invoices + PER_LIFE / 3; i++)
				if (i % 7 == 0)
					world_push_range(&w, WORLD_PAID, i, 1, PER_DEBTOR);
			invoices += PER_LIFE / 3;
			pause_ms(wait / 3); /* the instant of the kill is what is being chosen */
		}
		process_kill(&w.daemon);
		if ((life + 1) % 50 == 0)
			printf("%d kills, %d invoices\n", life + 1, invoices);
	}
	world_start(&w, NULL);
	if (!world_ready(&w, 60000))
		world_fail("after the last kill it does not come up; kept in %s", w.dir);
	if (!world_quiet(&w, 180000))
		world_fail("it does not come to rest; kept in %s", w.dir);
	if (process_stop(&w.daemon, 40000) != 0)
		world_fail("it does not stop with 0; kept in %s", w.dir);
	sent = world_sent(&w, arena, invoices);
	c = count_states(&w, invoices, &sent, &wrong);
	if (c.doubt > kills * CONCURRENCY || (c.doubt && !how.plain))
		wrong++;
	if (!world_trail_verifies(&w))
		wrong++;
	printf("%d kills (seed %llu), %s provider: %d invoices, %d lost, %d captured, %d repeated by key, %d in doubt, %d wrong\n", kills,
		(unsigned long long)given, how.plain ? "plain" : "idempotent", invoices, c.missing, sent.messages, sent.repeated, c.doubt,
		wrong);
	world_close(&w, keep || wrong);
	return wrong ? 1 : 0;
}
