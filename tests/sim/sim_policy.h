/*
 * sim_policy - a random policy as it was drawn, and the book it is played over. What the judge of manners holds contacts against is this, not
 * what the product's parser made of the text.
 */
#ifndef TESTS_SIM_SIM_POLICY_H
#define TESTS_SIM_SIM_POLICY_H

#include "common/policy.h"
#include "tests/sim/sim_judge.h"

#define DRAWN_STEPS_MAX 7
#define DRAWN_CAPS_MAX 3

struct drawn_cap {
	enum channel channel; /* CHANNEL_COUNT = any */
	int contacts, days;
};

struct drawn_step {
	const char *id;
	enum step_kind kind;
	enum channel channel, fallback; /* CHANNEL_COUNT = none */
	enum tone tone;
	const char *const *to; /* roles, NULL-terminated */
	const char *debtor_kind, *country; /* `if`; NULL = any */
	bool from_due; /* `at` counts calendar days from the due date: */
	int days;
};

struct drawn_policy {
	const char *json;
	unsigned weekdays; /* bit 0 = Monday */
	int from_minute, to_minute;
	const char *zone; /* NULL = the debtor's */
	bool holidays, rolls; /* rolls: the due date moves */
	struct drawn_cap caps[DRAWN_CAPS_MAX];
	size_t cap_count;
	int64_t gap_ms;
	int max_contacts; /* 0 = no limit */
	int64_t minimum; /* of an amount in EUR */
	struct drawn_step steps[DRAWN_STEPS_MAX];
	size_t step_count;
};

const struct drawn_policy *policy_draw(struct arena *arena, uint64_t seed);
const struct drawn_step *drawn_step(const struct drawn_policy *drawn, const char *id); /* NULL = there is none */

/* What came of many. One process plays at a time on each. */
struct policy_tally {
	uint64_t accepted, refused, contacts, texts, calls;
	uint64_t ladders; /* refused for no worse than their ladder, and played */
	struct policy_refusal {
		char code[24];
		uint64_t count;
	} refusals[24];
};
/* Draws the policy of this seed and, if the product takes it or finds nothing but its ladder wrong, plays it: false = a promise is broken, and told. */
bool policy_play(uint64_t seed, bool verbose, bool alone, struct policy_tally *tally);
/* One line on them all. False: they prove nothing, since next to none was accepted or contacted anybody. */
bool policy_sum(const struct policy_tally *tallies, size_t count);

/* sim_manners.c. Ends the program where the system has no time zones. */
void manners_ready(void);
/* A first byte, a message that the provider took, a call that a person was asked for. */
void manners_first_byte(struct judge *judge, const struct message *message, int64_t wall);
void manners_accepted(struct judge *judge, const struct message *message, const struct known_attempt *attempt);
void manners_call(struct judge *judge, const char *debtor_id, const char *task);

#endif
