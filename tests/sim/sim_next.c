/*
 * What stands in the store after each commit: every open invoice that it touched has one next action or one hold, either with its time, and a timer.
 * How late the timer may be rests on what the store does not say (the payment feed, lists, a provider's pace): the judge's patience covers that.
 */
#include <string.h>

#include "common/escalation.h"
#include "common/library.h"
#include "tests/sim/sim_judge.h"
#include "tests/sim/sim_redis.h"

static const struct debtor *debtor_of(struct redis *redis, struct arena *arena, const char *key, const struct escalation *e)
{
	struct debtor *debtor = arena_alloc(arena, sizeof(*debtor));
	struct err err = { 0 };
	const char *brace = strchr(key, '}'), *text;
	size_t len;

	text = redis_get(redis, arena_printf(arena, "%.*s:debtor:%s", (int)(brace + 1 - key), key, e->invoice.debtor_id ? e->invoice.debtor_id : ""), &len);
	return text && debtor_read(arena, text, len, debtor, &err) == 0 ? debtor : NULL;
}

static void check(struct redis *redis, struct lead *lead, const char *key)
{
	struct sim *sim = redis->sim;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct escalation e = { 0 };
	struct err err = { 0 };
	struct rules rules = { .creditor_zone = SIM_CREDITOR_ZONE, .holidays = library_holidays(sim->library), .guard = library_guard(sim->library),
		.now = sim_wall(sim) };
	const struct debtor *debtor;
	const struct pair *timer;
	struct next_action next;
	size_t len;
	const char *text = redis_get(redis, key, &len);

	if (!text)
		return;
	if (escalation_read(arena, text, len, &e, &err) < 0) {
		sim_breach(sim, "every invoice has one next action", "%s cannot be read: %s %s", key, err.path, err.text);
		return;
	}
	if (e.state == ESCALATION_STUB || e.state == ESCALATION_CLOSED)
		return;
	debtor = debtor_of(redis, arena, key, &e);
	rules.policy = e.policy_digest ? library_policy_digest(sim->library, e.policy_digest) : NULL;
	timer = value_get(db_find(redis, lead->due_key), e.invoice.id);
	if (!debtor || (e.policy_digest && !rules.policy)) {
		sim_breach(sim, "every invoice has one next action", "%s has no %s", e.invoice.id, debtor ? "policy that is known" : "debtor");
		return;
	}
	next = escalation_next(&e, debtor, &rules);
	if (next.kind == NEXT_NONE || !next.at)
		sim_breach(sim, "every invoice has one next action", "%s (%s) has %s (%s)", e.invoice.id, escalation_state_names[e.state],
			next.kind == NEXT_NONE ? "none" : next.kind == NEXT_HELD ? "a hold without an end" : "one without a time", next.why ? next.why : "");
	else if (!timer)
		sim_breach(sim, "every invoice has one next action", "%s (%s) has no timer", e.invoice.id, escalation_state_names[e.state]);
}

void next_stands(struct redis *redis, struct lead *lead, const struct image *images, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (images[i].op == IMAGE_SET && strstr(images[i].key, "}:escalation:"))
			check(redis, lead, images[i].key);
}
