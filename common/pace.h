/*
 * pace - how fast one provider may be asked, and whether at all: rate, concurrency, quotas, what it asked for itself (Retry-After), a
 * circuit breaker, and a careful return after an outage. One for each provider, shared by all that ask it. Pure: time comes in, nothing is sent here.
 *
 * Two ask it. Who decides about messages asks pace_ask() before one is released; one that must wait is not released at all, and
 * pace_slot() says when to look at it again. The wire asks pace_start() right before each request, which counts it, and tells
 * pace_end() what came of it. Only the wire's word keeps the limit; the other keeps what waits for the wire short.
 */
#ifndef DUNNINGD_COMMON_PACE_H
#define DUNNINGD_COMMON_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attempt.h"

#define PACE_AHEAD_MS 1000 /* what is released begins within so long, by rate and concurrency */
#define PACE_PAUSE_MIN_MS 1000 /* of a Retry-After; without one the pause doubles from here ... */
#define PACE_PAUSE_DOUBLED_MS 300000 /* ... up to here */
#define PACE_PAUSE_MAX_MS 86400000 /* of a Retry-After */
#define PACE_DOWN_MS 30000 /* first pause of the breaker when the provider fails; each failed probe doubles it ... */
#define PACE_DOWN_MAX_MS 900000 /* ... up to here */
#define PACE_REFUSED_MS 600000 /* the same when it refuses the account, which a person must mend */
#define PACE_REFUSED_MAX_MS 7200000
#define PACE_PROBE_LOOK_MS 5000 /* while the one message is out that tells whether it is back */
#define PACE_QUOTA_MAX 1000000000 /* messages a window */
#define PACE_FAILURES 5 /* in a row that open the breaker, unless the configuration says so */
#define PACE_LANES 256 /* debtors share them by chance: see pace_slot() */

enum pace_window { PACE_HOUR, PACE_DAY, PACE_MONTH, PACE_WINDOW_COUNT }; /* of the calendar, UTC */
extern const char *const pace_window_names[PACE_WINDOW_COUNT + 1];

struct pace_limits {
	int64_t per_second; /* requests; 0 = no limit */
	int64_t burst; /* at once after a rest, on top of what the rate gives; 0 and 1 = none */
	int64_t concurrency; /* requests at once, from 1 */
	int64_t failures; /* 0 = PACE_FAILURES */
	int64_t quota[PACE_WINDOW_COUNT]; /* messages; 0 = no limit */
};

struct pace_time {
	int64_t us; /* a clock that is never set and goes on while the machine sleeps */
	int64_t wall; /* ms UTC, for the quotas alone */
};

/* Why a message waits. */
enum pace_why {
	PACE_GO, /* it does not */
	PACE_RATE,
	PACE_CONCURRENCY,
	PACE_RETRY_AFTER,
	PACE_QUOTA,
	PACE_DOWN, /* the breaker is open: it failed, time after time */
	PACE_REFUSED, /* the breaker is open: it refuses the account */
	PACE_WHY_COUNT
};
extern const char *const pace_why_names[PACE_WHY_COUNT + 1]; /* "", "rate" ... "provider_refuses": stable words */

struct pace_verdict {
	enum pace_why why;
	int64_t wait_us; /* until it is worth another look */
	bool certain; /* nothing of what the provider did to get here leaves a doubt: another one may be taken in its place */
};

struct pace_quota {
	int64_t from; /* ms UTC: when the window began; 0 = nothing was counted yet */
	int64_t used;
};

struct pace_last {
	int64_t at; /* ms UTC; 0 = never */
	enum outcome_kind kind;
	int status;
	char reason[48];
};

struct pace {
	struct pace_limits given, limits; /* of the account, and our share of them, but for the rate: that is in the distance between requests */
	int64_t led, of; /* 0 of 0: all is ours */
	size_t queued, active; /* with the wire: waiting, and on their way */
	int64_t next_start; /* us: the rate's */
	int64_t window; /* requests in hand, from 1, as at the start, to the concurrency: doubles with each round that ends well, halves with a bad one */
	int64_t span_us; /* how long a request takes, about */
	int64_t paused_until; /* us; 0 = not */
	unsigned throttled; /* times in a row */
	enum pace_why open; /* PACE_GO: closed; DOWN, REFUSED or QUOTA: open, and why */
	int64_t open_until; /* us: then one message may try */
	unsigned opened; /* times in a row */
	bool probing; /* that one is out */
	bool certain; /* of all failures in a row */
	int64_t failures; /* in a row */
	struct pace_quota quota[PACE_WINDOW_COUNT];
	int64_t cursor, lanes[PACE_LANES]; /* us: see pace_slot() */
	struct pace_last last, last_error; /* last_error: of what was neither accepted nor cancelled here */
};

void pace_init(struct pace *pace, const struct pace_limits *limits);
/* Other limits, while it goes on: what is under way, used and told stays. */
void pace_limit(struct pace *pace, const struct pace_limits *limits);
/*
 * Several processes ask under one account: this one, which leads `led` of `of` partitions, takes that share of rate, burst, concurrency and
 * quotas, so that all of them together keep the limits. What cannot be divided is rounded down, but never to none.
 */
void pace_share(struct pace *pace, int64_t led, int64_t of);
/* A person changed something (a reload): nobody is paused or stopped any more. Rate and quotas stay. */
void pace_forgive(struct pace *pace);
/* What an earlier life used up of a window that lasts still. */
void pace_used(struct pace *pace, enum pace_window window, int64_t from, int64_t used);
int64_t pace_window_from(enum pace_window window, int64_t wall); /* when the one that holds this instant began */
int64_t pace_window_end(enum pace_window window, int64_t wall);

/* Whether one more message may be released, when `ahead` are that are not with the wire yet. */
struct pace_verdict pace_ask(const struct pace *pace, const struct pace_time *now, size_t ahead);
/* How many requests may be in hand, with the wire or on the way there, by the concurrency alone. At least 1. */
size_t pace_room(const struct pace *pace);
/*
 * When to look again at what must wait for `wait_us`: a time of its own for each, so that a thousand do not wake together; us from now,
 * at least `wait_us`. Fair by stochastic fair queueing (McKenney, "Stochastic Fairness Queuing", 1990): each debtor (`who`) has a lane by
 * its hash. Who has nothing waiting comes within PACE_LANES turns, however much others have; who has much comes every so many turns as
 * there are lanes in use.
 */
int64_t pace_slot(struct pace *pace, const struct pace_time *now, const char *who, int64_t wait_us);

/* A request is about to begin: PACE_GO, and it is counted; else it is not. `message`: it counts for the quotas. */
struct pace_verdict pace_start(struct pace *pace, const struct pace_time *now, bool message);
/*
 * What came of one that pace_start() let go; took_us < 0: unknown. Returns true when the provider is asked less from now on than before:
 * worth a line in the log.
 */
bool pace_end(struct pace *pace, const struct pace_time *now, const struct outcome *outcome, int64_t took_us);

#endif
