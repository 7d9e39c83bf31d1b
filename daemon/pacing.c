/*
 * Which provider a message goes to, and whether it may go now. The rules are in common/pace: here is what is in hand, and what becomes of
 * a message that must wait: it is not released, its invoices get a time and a reason, and that is their one next action.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/utc.h"
#include "daemon/flow.h"

#define TASK_MS (7 * DAY_MS)
#define START_OVER_MS (5 * MINUTE_MS) /* as after any failure that may pass */

/* Under a played clock, which never goes back and may jump, its time is what passes for providers too. */
static struct pace_time pace_now(const struct dunner *d)
{
	return (struct pace_time){ (d->settings.played ? flow_now(d) : flow_mono(d)) * 1000, flow_now(d) };
}

static struct pace *pace_of(const struct dunner *d, const char *provider)
{
	return d->settings.paces && !d->config->shadow ? paces_find(d->settings.paces, provider) : NULL;
}

static size_t group_goes(const struct group *g, const char *provider)
{
	size_t count = 0;

	for (const struct release *r = g->releases; r; r = r->next)
		count += strcmp(r->entry.provider, provider) == 0;
	for (size_t i = 0; i < g->resend_count; i++)
		count += strcmp(g->resend[i]->provider, provider) == 0;
	return count;
}

/* Decided, and not yet with the wire. */
static size_t ahead(const struct dunner *d, const struct group *g, const char *provider)
{
	size_t count = group_goes(g, provider);

	for (const struct group *before = d->decided; before; before = before->next)
		count += group_goes(before, provider);
	return count;
}

struct pace_verdict pacing_ask(const struct dunner *d, const struct group *g, const char *provider)
{
	struct pace *pace = pace_of(d, provider);
	struct pace_time now = pace_now(d);

	return pace ? pace_ask(pace, &now, ahead(d, g, provider)) : (struct pace_verdict){ 0 };
}

/* The only one of all channels that has a pace; NULL: there are more, or none. */
static const char *sole_provider(const struct dunner *d)
{
	const char *sole = NULL;

	for (int c = 0; c < CHANNEL_COUNT; c++)
		for (size_t i = 0; i < CHANNEL_PROVIDERS_MAX && d->config->channel_providers[c][i]; i++) {
			const char *name = d->config->channel_providers[c][i];

			if (!pace_of(d, name))
				continue;
			if (sole && strcmp(sole, name) != 0)
				return NULL;
			sole = name;
		}
	return sole;
}

size_t pacing_room(const struct dunner *d)
{
	const char *sole = sole_provider(d);
	const struct pace *pace = sole ? pace_of(d, sole) : NULL;
	struct pace_time now = pace_now(d);
	size_t hand, room;

	if (!pace || pace->open || now.us < pace->paused_until)
		return SIZE_MAX; /* all are put off */
	hand = pace->queued + pace->active;
	for (const struct group *before = d->decided; before; before = before->next)
		hand += group_goes(before, sole);
	room = pace_room(pace);
	return hand < room ? room - hand : 0;
}

/* Its own time and reason for each that waits; they are with the timers, not with us. */
static void defer(struct dunner *d, struct group *g, const struct debtor *debtor, const struct contact_plan *plan, const char *provider,
	const struct pace_verdict *verdict)
{
	struct pace_time now = pace_now(d);
	int64_t wait = pace_slot(pace_of(d, provider), &now, debtor->id, verdict->wait_us);

	for (size_t i = 0; i < plan->member_count; i++) {
		struct doc *doc = group_find(d, g, DOC_ESCALATION, plan->members[i]->invoice.id);

		plan->members[i]->retry_at = flow_now(d) + (wait + 999) / 1000;
		plan->members[i]->retry_why = pace_why_names[verdict->why];
		doc->touched = true;
	}
}

/* Where to begin in the channel's list: after the one that has just failed for this step, if it certainly did and is not the last. */
static size_t first_choice(const char *const *names, const struct escalation *leader)
{
	for (size_t i = 0; leader->provider_failed && i + 1 < CHANNEL_PROVIDERS_MAX && names[i + 1]; i++)
		if (strcmp(names[i], leader->provider_failed) == 0)
			return i + 1;
	return 0;
}

/* None of those behind the one that failed can be asked for a good while: by then the first may be able again. */
static void start_over(struct contact_plan *plan)
{
	for (size_t i = 0; i < plan->member_count; i++)
		plan->members[i]->provider_failed = NULL;
}

/* What may have reached the debtor by one is never tried by another. NULL: any of the channel's. */
static const char *only_one(const struct contact_plan *plan)
{
	for (size_t i = 0; i < plan->member_count; i++)
		if (plan->members[i]->provider_only)
			return plan->members[i]->provider_only;
	return NULL;
}

bool pacing_choose(struct dunner *d, struct group *g, const struct debtor *debtor, struct contact_plan *plan)
{
	const char *only[CHANNEL_PROVIDERS_MAX] = { only_one(plan) }, *waits_for = NULL;
	const char *const *names = only[0] ? only : d->config->channel_providers[plan->channel];
	size_t begin = first_choice(names, plan->members[0]);
	struct pace_verdict wait = { 0 };

	for (size_t i = begin; i < CHANNEL_PROVIDERS_MAX && names[i]; i++) {
		struct pace_verdict verdict = pacing_ask(d, g, names[i]);
		bool lasts = verdict.why == PACE_QUOTA || verdict.why == PACE_DOWN || verdict.why == PACE_REFUSED;

		if (verdict.why == PACE_GO) {
			plan->provider = names[i];
			return true;
		}
		if (!waits_for || verdict.wait_us < wait.wait_us) {
			waits_for = names[i];
			wait = verdict;
		}
		if (!lasts || !verdict.certain)
			break; /* it is only busy, or what it did with the last ones is not known: its own message waits for it */
		if (begin)
			start_over(plan);
	}
	if (!waits_for)
		return true; /* none is configured: the release says so */
	if (wait.why == PACE_CONCURRENCY && sole_provider(d))
		return false; /* it stays due, and is looked at when an answer makes room: pacing_room() */
	if (begin && !plan->members[0]->provider_failed && wait.wait_us > START_OVER_MS * 1000)
		wait.wait_us = START_OVER_MS * 1000;
	defer(d, g, debtor, plan, waits_for, &wait);
	return false;
}

/* --- who wants nothing of ours is one task, however many messages it says that to, until it takes one again --------------------- */

static bool in_use(const struct config *config, const char *provider)
{
	for (int c = 0; c < CHANNEL_COUNT; c++)
		for (size_t i = 0; i < CHANNEL_PROVIDERS_MAX && config->channel_providers[c][i]; i++)
			if (strcmp(config->channel_providers[c][i], provider) == 0)
				return true;
	return false;
}

/* Where it stands among those that refuse; refusing_count: it does not. */
static size_t refusing_at(const struct debtor *system, const char *provider)
{
	size_t i = 0;

	while (i < system->refusing_count && strcmp(system->refusing[i], provider) != 0)
		i++;
	return i;
}

bool pacing_task_done(struct dunner *d, struct group *g, const char *provider)
{
	struct doc *doc = group_case(d, g, NULL);
	struct debtor *system = doc->d;
	struct task task = { .id = arena_printf(g->arena, "provider:%s", provider), .kind = "provider", .close = true, .result = "done" };
	size_t i = refusing_at(system, provider);

	if (i == system->refusing_count)
		return false;
	system->refusing[i] = system->refusing[--system->refusing_count];
	system->refusing_why[i] = system->refusing_why[system->refusing_count];
	doc->touched = true;
	effects_task(&g->fx, &task);
	return true;
}

void pacing_told(struct dunner *d, struct group *g, const struct attempt_entry *entry, const struct outcome *outcome)
{
	struct doc *doc = group_case(d, g, NULL);
	struct debtor *system = doc->d;
	struct task task = { .id = arena_printf(g->arena, "provider:%s", entry->provider), .kind = "provider", .reason = outcome->reason,
		.opened_at = flow_now(d), .deadline = flow_now(d) + TASK_MS };
	size_t i;

	if (outcome->scope != SCOPE_PROVIDER) {
		if (outcome->kind == OUTCOME_ACCEPTED && outcome->status) /* a webhook or a look-up says nothing of the next message */
			(void)pacing_task_done(d, g, entry->provider);
		return;
	}
	i = refusing_at(system, entry->provider);
	if (i == system->refusing_count) {
		system->refusing = arena_grow(g->arena, system->refusing, i, &system->refusing_capacity, sizeof(*system->refusing));
		system->refusing_why = arena_grow(g->arena, system->refusing_why, i, &system->refusing_why_capacity, sizeof(*system->refusing_why));
		system->refusing[system->refusing_count++] = arena_strdup(g->arena, entry->provider);
	} else if (strcmp(system->refusing_why[i], outcome->reason) == 0) {
		return;
	}
	system->refusing_why[i] = arena_strdup(g->arena, outcome->reason); /* a used-up quota may have become a wrong password: the task says which */
	doc->touched = true;
	effects_task(&g->fx, &task);
}

/* --- quotas outlive the process: what was released is counted in the partition's system case, by the same commit ------- */

void pacing_count(struct dunner *d, struct group *g, const char *provider)
{
	struct doc *system = group_case(d, g, NULL);
	const struct pace *pace = pace_of(d, provider);
	int64_t now = flow_now(d);

	for (int w = 0; pace && w < PACE_WINDOW_COUNT; w++) {
		int64_t from = pace_window_from((enum pace_window)w, now);
		const char *name = arena_printf(g->arena, "%s %s ", provider, pace_window_names[w]), **at = NULL;
		long long since = 0, used = 0;

		if (!pace->limits.quota[w])
			continue;
		for (size_t i = 0; i < system->d->quota_count && !at; i++)
			if (strncmp(system->d->quotas[i], name, strlen(name)) == 0)
				at = &system->d->quotas[i];
		if (!at) {
			system->d->quotas = arena_grow(g->arena, system->d->quotas, system->d->quota_count, &system->d->quota_capacity,
				sizeof(*system->d->quotas));
			at = &system->d->quotas[system->d->quota_count++];
		} else if (sscanf(*at + strlen(name), "%lld %lld", &since, &used) != 2 || since < from) {
			since = used = 0;
		}
		*at = arena_printf(g->arena, "%s%lld %lld", name, (long long)(since > from ? since : from), used + 1);
		system->touched = true;
	}
}

void pacing_restore(struct dunner *d, struct group *g, const struct debtor *system)
{
	for (size_t i = system->refusing_count; i-- > 0;) /* nobody asks it any more: nothing would ever close its task */
		if (!in_use(d->config, system->refusing[i]))
			(void)pacing_task_done(d, g, system->refusing[i]);
	for (size_t i = 0; i < system->quota_count; i++) {
		char provider[128], window[16];
		long long from, used;
		struct pace *pace;

		if (sscanf(system->quotas[i], "%127s %15s %lld %lld", provider, window, &from, &used) != 4)
			continue;
		pace = pace_of(d, provider);
		for (int w = 0; pace && w < PACE_WINDOW_COUNT; w++)
			if (strcmp(window, pace_window_names[w]) == 0)
				pace_used(pace, (enum pace_window)w, from, used);
	}
}
