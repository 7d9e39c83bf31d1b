/*
 * Whether what is told of payments is fresh enough for the default policy: told once when it is not any more, and once when it is again. Each
 * policy holds by its own `freshness`; this is the word to whoever watches, since a feed that stopped is nobody's event.
 */
#include <syslog.h>

#include "common/utc.h"
#include "daemon/flow.h"

static int64_t stale_since(const struct dunner *d)
{
	const struct policy *policy = d->config->policy_default ? library_policy(d->library, d->config->policy_default) : NULL;

	return feed_stale_since(policy, d->payments_known_to, flow_now(d));
}

void feed_pump(struct dunner *d)
{
	if (d->feed_waits || d->stopping || d->state != DUNNER_RUNNING || (stale_since(d) != 0) == d->feed_told)
		return;
	d->feed_waits = true;
	flow_wait(d, flow_input(INPUT_FEED));
	dunner_pump(d);
}

void decide_feed(struct dunner *d, struct group *g)
{
	struct doc *system = group_case(d, g, NULL);
	int64_t since = stale_since(d);
	struct task task = { .id = "feed_stale", .kind = "feed_stale", .opened_at = flow_now(d), .deadline = flow_now(d) + DAY_MS,
		.close = !since, .result = since ? NULL : "obsolete" };
	struct draft *draft;

	d->feed_waits = false;
	d->feed_told = since != 0;
	if (system->d->feed_stale == (since != 0))
		return;
	system->d->feed_stale = since != 0;
	system->touched = true;
	draft = effects_record(&g->fx, since ? "feed.stale" : "feed.fresh", NULL);
	jw_int(&draft->w, "known_to", d->payments_known_to);
	draft = effects_event(&g->fx, since ? "sending.suspended" : "sending.resumed", NULL, NULL);
	jw_str(&draft->w, "reason", "feed_stale");
	effects_task(&g->fx, &task);
	dunner_log(d, since ? LOG_WARNING | MSG(FEED_STALE) : LOG_NOTICE, since ? "feed: what is told of payments is too old: where a policy asks for fresh figures nobody is asked to pay" :
		"feed: payments are known well enough again");
}
