#include "common/pace.h"

#include <stdio.h>
#include <string.h>

#include "common/date.h"
#include "common/hash.h"
#include "common/utc.h"

#define MS_US INT64_C(1000)
#define SECOND_US INT64_C(1000000)
#define CATCH_UP_US 20000 /* a timer that comes late may be made up for so far, where the rate is high: paid for by CATCH_UP_RATE */
#define CATCH_UP_RATE 50 /* requests a second, from which on a late timer would cost a good part of the rate */
#define SPAN_FIRST_US 100000

const char *const pace_window_names[] = { "hour", "day", "month", NULL };
const char *const pace_why_names[] = { "", "rate", "concurrency", "retry_after", "quota", "provider_down", "provider_refuses", NULL };

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void pace_init(struct pace *pace, const struct pace_limits *limits)
{
	*pace = (struct pace){ .window = 1, .span_us = SPAN_FIRST_US, .certain = true }; /* much may be waiting since the last life, as after an outage */
	pace_limit(pace, limits);
}

static int64_t our_part(const struct pace *pace, int64_t limit)
{
	return pace->of && limit ? larger(limit * pace->led / pace->of, 1) : limit;
}

void pace_limit(struct pace *pace, const struct pace_limits *limits)
{
	pace->given = pace->limits = *limits;
	pace->limits.concurrency = our_part(pace, larger(limits->concurrency, 1));
	if (pace->limits.failures < 1)
		pace->limits.failures = PACE_FAILURES;
	for (int w = 0; w < PACE_WINDOW_COUNT; w++)
		pace->limits.quota[w] = our_part(pace, limits->quota[w]);
	pace->window = smaller(pace->window, pace->limits.concurrency);
}

void pace_share(struct pace *pace, int64_t led, int64_t of)
{
	struct pace_limits given = pace->given;

	pace->led = larger(led, 1);
	pace->of = of;
	pace_limit(pace, &given);
}

void pace_forgive(struct pace *pace)
{
	pace->paused_until = pace->open_until = 0;
	pace->open = PACE_GO;
	pace->throttled = pace->opened = 0;
	pace->failures = 0;
	pace->certain = true;
	pace->cursor = 0;
	memset(pace->lanes, 0, sizeof(pace->lanes));
}

/* --- quotas ---------------------------------------------------------------------------------------------------------- */

static int64_t month(int64_t wall, int add)
{
	int64_t days = wall / DAY_MS - (wall % DAY_MS < 0);
	int year, number, day;

	date_split((date){ (int32_t)days }, &year, &number, &day);
	return date_add_months(date_of(year, number, 1), add).days * DAY_MS;
}

int64_t pace_window_from(enum pace_window window, int64_t wall)
{
	int64_t size = window == PACE_HOUR ? HOUR_MS : DAY_MS;

	return window == PACE_MONTH ? month(wall, 0) : wall - (wall % size + size) % size;
}

int64_t pace_window_end(enum pace_window window, int64_t wall)
{
	if (window == PACE_MONTH)
		return month(wall, 1);
	return pace_window_from(window, wall) + (window == PACE_HOUR ? HOUR_MS : DAY_MS);
}

/* Of the window that holds `wall`. A clock that was set back stays in the later window: too few is the kinder mistake. */
static int64_t used(const struct pace *pace, enum pace_window window, int64_t wall)
{
	return pace->quota[window].from >= pace_window_from(window, wall) ? pace->quota[window].used : 0;
}

void pace_used(struct pace *pace, enum pace_window window, int64_t from, int64_t count)
{
	struct pace_quota *quota = &pace->quota[window];

	if (from > quota->from)
		*quota = (struct pace_quota){ from, count };
	else if (from == quota->from)
		quota->used += count;
}

static void count_message(struct pace *pace, int64_t wall)
{
	for (int w = 0; w < PACE_WINDOW_COUNT; w++) {
		int64_t from = pace_window_from((enum pace_window)w, wall);

		pace_used(pace, (enum pace_window)w, larger(from, pace->quota[w].from), 1);
	}
}

/* us until a window with room; 0 = there is room. */
static int64_t quota_wait(const struct pace *pace, const struct pace_time *now, int64_t ahead)
{
	int64_t wait = 0;

	for (int w = 0; w < PACE_WINDOW_COUNT; w++)
		if (pace->limits.quota[w] && used(pace, (enum pace_window)w, now->wall) + ahead >= pace->limits.quota[w])
			wait = larger(wait, (pace_window_end((enum pace_window)w, larger(now->wall, pace->quota[w].from)) - now->wall) * MS_US);
	return wait;
}

/* --- asking ---------------------------------------------------------------------------------------------------------- */

/*
 * In any second there are at most as many starts as the rate says: they keep their distance from the last one. From CATCH_UP_RATE on a
 * late timer is made up for, and the rate is lower by as much.
 */
static int64_t whole_interval(const struct pace *pace)
{
	int64_t rate = pace->limits.per_second;

	if (rate >= CATCH_UP_RATE)
		rate -= (rate * CATCH_UP_US + SECOND_US - 1) / SECOND_US;
	return rate ? (SECOND_US + rate - 1) / rate : 0;
}

static int64_t interval(const struct pace *pace)
{
	return pace->of ? whole_interval(pace) * pace->of / pace->led : whole_interval(pace);
}

static int64_t slack(const struct pace *pace)
{
	int64_t burst = larger(pace->limits.burst, 1);

	return (burst - 1) * whole_interval(pace) + (pace->limits.per_second >= CATCH_UP_RATE ? CATCH_UP_US : 0);
}

static struct pace_verdict wait_for(enum pace_why why, int64_t us, bool certain)
{
	return (struct pace_verdict){ why, larger(us, 1), certain };
}

/* What keeps a provider from being asked at all. `alone`: nothing else of ours is there, so this one may be the probe. */
static struct pace_verdict barred(const struct pace *pace, const struct pace_time *now, bool alone)
{
	if (pace->open && now->us < pace->open_until)
		return wait_for(pace->open, pace->open_until - now->us, pace->certain);
	if (pace->open && !alone)
		return wait_for(pace->open, PACE_PROBE_LOOK_MS * MS_US, pace->certain);
	if (now->us < pace->paused_until)
		return wait_for(PACE_RETRY_AFTER, pace->paused_until - now->us, true);
	return (struct pace_verdict){ 0 };
}

size_t pace_room(const struct pace *pace)
{
	int64_t room = pace->window;

	/* Once it is known to stand it, those that begin within PACE_AHEAD_MS are made ready while the others are on their way. */
	if (room >= pace->limits.concurrency)
		room += room * PACE_AHEAD_MS * MS_US / pace->span_us;
	return (size_t)room;
}

struct pace_verdict pace_ask(const struct pace *pace, const struct pace_time *now, size_t ahead)
{
	int64_t waiting = (int64_t)(pace->queued + ahead), hand = waiting + (int64_t)pace->active, quota, start;
	struct pace_verdict verdict = barred(pace, now, !hand);

	if (verdict.why)
		return verdict;
	quota = quota_wait(pace, now, waiting);
	if (quota)
		return wait_for(PACE_QUOTA, quota, true);
	start = larger(pace->next_start - slack(pace), now->us) + waiting * interval(pace);
	if (start > now->us + PACE_AHEAD_MS * MS_US)
		return wait_for(PACE_RATE, start - now->us - PACE_AHEAD_MS * MS_US, true);
	if (hand >= (int64_t)pace_room(pace))
		return wait_for(PACE_CONCURRENCY, pace->span_us / pace->window, true);
	return verdict;
}

struct pace_verdict pace_start(struct pace *pace, const struct pace_time *now, bool message)
{
	struct pace_verdict verdict = barred(pace, now, !pace->active);
	int64_t quota;

	if (verdict.why)
		return verdict;
	quota = message ? quota_wait(pace, now, 0) : 0;
	if (quota)
		return wait_for(PACE_QUOTA, quota, true);
	if ((int64_t)pace->active >= pace->limits.concurrency)
		return wait_for(PACE_CONCURRENCY, pace->span_us, true);
	if (pace->next_start - slack(pace) > now->us)
		return wait_for(PACE_RATE, pace->next_start - slack(pace) - now->us, true);
	pace->next_start = larger(pace->next_start, now->us) + interval(pace);
	pace->active++;
	pace->probing |= pace->open != PACE_GO;
	if (message)
		count_message(pace, now->wall);
	return verdict;
}

int64_t pace_slot(struct pace *pace, const struct pace_time *now, const char *who, int64_t wait_us)
{
	int64_t turn = larger(pace->limits.per_second ? interval(pace) : pace->span_us / pace->limits.concurrency, MS_US);
	int64_t soonest = now->us + wait_us, slot, in_use = 1;
	int64_t *lane = &pace->lanes[crc32c(0, who, strlen(who)) % PACE_LANES];

	for (size_t i = 0; i < PACE_LANES; i++)
		in_use += &pace->lanes[i] != lane && pace->lanes[i] > soonest;
	slot = *lane;
	if (slot < soonest)
		slot = pace->cursor = smaller(larger(pace->cursor + turn, soonest), soonest + PACE_LANES * turn);
	*lane = slot + in_use * turn;
	return slot - now->us;
}

/* --- learning -------------------------------------------------------------------------------------------------------- */

/* `told_ms`: what the provider itself says; 0 = nothing. It knows when a quota has room again; of an account that it refuses it knows less than a person. */
static bool open_breaker(struct pace *pace, const struct pace_time *now, enum pace_why why, int64_t told_ms)
{
	bool was = pace->open != PACE_GO;
	bool down = why == PACE_DOWN;
	int64_t ms = (int64_t)(down ? PACE_DOWN_MS : PACE_REFUSED_MS) << smaller(pace->opened, 16);

	ms = smaller(ms, down ? PACE_DOWN_MAX_MS : PACE_REFUSED_MAX_MS);
	if (told_ms)
		ms = smaller(larger(told_ms, why == PACE_QUOTA ? PACE_PAUSE_MIN_MS : ms), PACE_PAUSE_MAX_MS);
	if (was && !pace->probing && now->us < pace->open_until)
		return false; /* one that was on its way before it opened */
	pace->open = why;
	pace->open_until = now->us + ms * MS_US;
	pace->opened++;
	pace->window = 1;
	return true;
}

static bool pause_provider(struct pace *pace, const struct pace_time *now, int64_t retry_after_ms)
{
	int64_t doubled = (int64_t)PACE_PAUSE_MIN_MS << smaller(pace->throttled, 16);
	int64_t ms = retry_after_ms ? retry_after_ms : smaller(doubled, PACE_PAUSE_DOUBLED_MS), until;

	ms = smaller(larger(ms, PACE_PAUSE_MIN_MS), PACE_PAUSE_MAX_MS);
	pace->throttled++;
	pace->window = larger(pace->window / 2, 1);
	until = now->us + ms * MS_US;
	if (until <= pace->paused_until)
		return false;
	pace->paused_until = until;
	return true;
}

static bool failed(struct pace *pace, const struct pace_time *now, bool certain)
{
	pace->certain = certain && (pace->failures == 0 || pace->certain);
	pace->failures++;
	pace->window = larger(pace->window / 2, 1);
	if (!pace->probing && pace->failures < pace->limits.failures)
		return false;
	return open_breaker(pace, now, PACE_DOWN, 0);
}

/* It lives. While the breaker is open only the probe says so: the others were on their way before. */
static void lives(struct pace *pace)
{
	if (pace->open && !pace->probing)
		return;
	if (pace->open)
		pace->window = 0; /* slowly, then: there may be much waiting */
	pace->open = PACE_GO;
	pace->opened = pace->throttled = 0;
	pace->failures = 0;
	pace->certain = true;
	pace->window = smaller(pace->window + 1, pace->limits.concurrency);
}

static bool learn(struct pace *pace, const struct pace_time *now, const struct outcome *outcome)
{
	bool whole = outcome->scope == SCOPE_PROVIDER;

	switch (outcome->kind) {
	case OUTCOME_ACCEPTED:
		lives(pace);
		return false;
	case OUTCOME_REFUSED:
		if (whole) {
			pace->certain = true;
			return open_breaker(pace, now, PACE_REFUSED, outcome->retry_after_ms);
		}
		if (outcome->status)
			lives(pace);
		return false;
	case OUTCOME_THROTTLED:
		if (whole) { /* no pause, which others would wait for: it takes nothing, and another provider may */
			pace->certain = true;
			return open_breaker(pace, now, PACE_QUOTA, outcome->retry_after_ms);
		}
		if (outcome->status && outcome->scope != SCOPE_RECIPIENT) { /* by whatever status: Vonage and ClickSend say it in a 200, Twilio in a 400 */
			if (pace->probing)
				lives(pace); /* it answers, and says when */
			return pause_provider(pace, now, outcome->retry_after_ms);
		}
		return false;
	case OUTCOME_TEMPORARY:
		if (whole && outcome->status)
			(void)pause_provider(pace, now, outcome->retry_after_ms);
		return outcome->status && outcome->status < 500 && !whole ? false : failed(pace, now, true);
	case OUTCOME_IN_DOUBT:
		return failed(pace, now, false);
	case OUTCOME_CANCELLED:
	case OUTCOME_COUNT:
		break;
	}
	return false;
}

bool pace_end(struct pace *pace, const struct pace_time *now, const struct outcome *outcome, int64_t took_us)
{
	bool less;

	pace->active--;
	less = learn(pace, now, outcome);
	pace->probing = false; /* it was alone */
	if (took_us >= 0 && outcome->kind != OUTCOME_CANCELLED)
		pace->span_us = larger((7 * pace->span_us + smaller(took_us, 60 * SECOND_US)) / 8, 1);
	if (outcome->kind == OUTCOME_CANCELLED)
		return less;
	pace->last = (struct pace_last){ .at = now->wall, .kind = outcome->kind, .status = outcome->status };
	snprintf(pace->last.reason, sizeof(pace->last.reason), "%s", outcome->reason);
	if (outcome->kind != OUTCOME_ACCEPTED)
		pace->last_error = pace->last;
	return less;
}
