/*
 * story - one creditor's correspondence as its users live through it: a world under a played clock, events pushed into the stream, days
 * that pass, and what the provider, dunningctl and the trail show then. The debtor of invoice X is cus_X, in Paris, a French company.
 */
#ifndef DUNNINGD_TESTS_SUPPORT_STORY_H
#define DUNNINGD_TESTS_SUPPORT_STORY_H

#include "tests/support/world.h"

struct story {
	struct world world;
	struct arena *arena;
	int events;
	bool running;
	int kills, spots; /* so often it is still to be killed, spread over so many story_until() and story_kill() */
	uint64_t chance; /* of the instants; not 0 */
	int killed;
};

/* `policy`: JSON of a policy named "talk". The clock stands at `start` until story_until() moves it. */
void story_open(struct story *story, const char *policy, const char *start);
void story_close(struct story *story);

/* `more`: members of `data` behind the invoice's id, beginning with a comma; "" = none. `time` is when it happened. */
void story_event(struct story *story, const char *type, const char *invoice, const char *time, const char *more);
void story_invoice(struct story *story, const char *invoice, const char *due_on, int64_t total_minor); /* finalized 30 days before */
/* All that is due until then happens, at its own time, and the daemon runs on with the clock there. */
void story_until(struct story *story, const char *until);
void story_kill(struct story *story); /* at random instants from now on, when it is its turn to be killed; then it runs again */
void story_applied(struct story *story); /* all that was told is applied */

/* dunningctl; the words end with NULL. The first gives its --json, and fails the test unless it exits with `status`. */
struct json story_ctl(struct story *story, int status, const char *const *words);
#define STORY_CTL(story, ...) story_ctl(story, 0, (const char *const[]){ __VA_ARGS__, NULL })
#define STORY_REFUSED(story, ...) story_ctl(story, 1, (const char *const[]){ __VA_ARGS__, NULL })
const char *story_str(const struct json *object, const char *key); /* "" when it is no string */

/* What the sandbox captured about the invoice, "step day-in-Paris" each, a newline behind each: compared as a whole. */
void story_sent_is(struct story *story, const char *invoice, const char *expected);
const char *story_text(struct story *story, const char *invoice, const char *step); /* of the message of this step, or of the one that begins so */
const char *story_walk(struct story *story, const char *invoice, const char *step); /* "sent", "done promise", "skipped paid", "not walked" */
const char *story_tasks(struct story *story); /* ids of what waits for a person, a space behind each */
void story_wait_tasks(struct story *story, const char *expected); /* until they are these */
int64_t story_count(struct story *story, const char *type); /* outbound events of this type */
bool story_recorded(struct story *story, const char *invoice, const char *kind); /* a record of this kind stands in its file */
void story_ends_well(struct story *story); /* dunningctl check finds nothing and the trail verifies */

#endif
