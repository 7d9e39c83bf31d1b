/*
 * What holds all sending is told to others: once when it begins and once when it is over, also across restarts. What cannot be written down
 * while it lasts (no space) is told when it can, with since when. What a person says, and a payment feed that stopped, are told elsewhere;
 * when the time is over that a person named, that is told here.
 */
#include <string.h>

#include "common/utc.h"
#include "daemon/flow.h"

static const char brake[] = "brake", until[] = "until";

/* Of flow_holding(). Not here: what passes by itself within seconds or at each start, and what a person said. */
static const char *const told_words[] = { "trail_set_back", "no_space", "store_refuses", "clock_jump", "clock_unset", "clock_before_log", NULL };

static const char *told_word(const char *word)
{
	for (const char *const *told = told_words; word && *told; told++)
		if (strcmp(*told, word) == 0)
			return *told;
	return NULL;
}

static void queue(struct dunner *d, bool held, const char *why)
{
	struct input *input = flow_input(INPUT_HELD);

	input->suspend = held;
	input->why = why;
	input->until = flow_now(d);
	flow_wait(d, input);
}

bool brake_over(const struct dunner *d)
{
	return d->config->brake_contacts_per_hour && d->hour_contacts > d->config->brake_contacts_per_hour;
}

void brake_count(struct dunner *d, struct group *g, int contacts)
{
	struct doc *system = group_case(d, g, NULL);

	if (!contacts || !d->config->brake_contacts_per_hour)
		return;
	g->contacts += contacts;
	d->hour_contacts += contacts;
	system->d->hour_since = d->hour_started;
	system->d->hour_contacts = d->hour_contacts;
	system->touched = true;
}

void brake_uncount(struct dunner *d, struct group *g, const struct attempt_entry *entry, const struct candidate *members, size_t count)
{
	bool counted = count && !members[0].escalation->tries && !members[0].escalation->put_off;

	if (counted && d->hour_contacts && entry->released_at >= d->hour_started)
		brake_count(d, g, -1);
}

void brake_give_back(struct dunner *d, const struct group *g)
{
	d->hour_contacts = d->hour_contacts > g->contacts ? d->hour_contacts - g->contacts : 0;
}

void brake_hour(struct dunner *d)
{
	int64_t now = flow_now(d);

	if (d->hour_started > now) /* the clock was ahead */
		d->hour_started = now;
	if (now - d->hour_started < HOUR_MS || brake_over(d))
		return;
	d->hour_started = now;
	d->hour_contacts = 0;
}

void brake_anew(struct dunner *d, struct doc *system)
{
	d->hour_contacts = system->d->hour_contacts = 0;
	system->touched = true;
}

void held_pump(struct dunner *d)
{
	const char *word;

	if (d->stopping || d->state != DUNNER_RUNNING)
		return;
	if (!d->braked && brake_over(d)) {
		d->braked = true;
		queue(d, true, brake);
	}
	/* What was said stands: the clock may be wrong, and be set right. */
	if (d->suspended && d->suspended_until && d->suspended_until <= flow_now(d) && d->suspended_told != d->suspended_until) {
		d->suspended_told = d->suspended_until;
		queue(d, false, until);
	}
	word = told_word(flow_holding(d));
	if (word == d->held_told)
		return;
	if (d->held_told)
		queue(d, false, d->held_told);
	if (word)
		queue(d, true, word);
	d->held_told = word;
}

void held_known(struct dunner *d, const struct debtor *system)
{
	d->braked = system->braked_at != 0;
	if (system->hour_contacts) {
		d->hour_started = system->hour_since;
		d->hour_contacts = system->hour_contacts;
	}
	d->held_told = told_word(system->held);
	d->suspended_told = system->suspended_told;
}

static void tell(struct group *g, bool held, const char *why, int64_t since)
{
	const char *kind = held ? "sending.suspended" : "sending.resumed";
	struct draft *draft = effects_record(&g->fx, kind, NULL);

	jw_str(&draft->w, "reason", why);
	jw_int(&draft->w, "since", since);
	draft = effects_event(&g->fx, kind, NULL, NULL);
	jw_str(&draft->w, "reason", why);
	jw_int(&draft->w, "since", since);
}

static void brake_task(struct dunner *d, struct group *g, bool close)
{
	struct task task = { .id = brake, .kind = brake, .opened_at = flow_now(d), .deadline = flow_now(d) + DAY_MS, .close = close,
		.result = close ? "done" : NULL };

	effects_task(&g->fx, &task);
}

void decide_held(struct dunner *d, struct group *g, const struct input *input)
{
	struct doc *system = group_case(d, g, NULL);
	struct debtor *known = system->d;

	if (input->why == brake) {
		if (!d->braked || known->braked_at)
			return;
		known->braked_at = input->until;
		brake_task(d, g, false);
		tell(g, true, brake, input->until);
	} else if (input->why == until) {
		const struct debtor_switch *said = &known->suspended;

		if (!said->on || !said->until || said->until > input->until)
			return; /* a person has said something else meanwhile */
		known->suspended_told = said->until;
		tell(g, false, until, said->order.time);
	} else if (input->suspend) {
		if (known->held && strcmp(known->held, input->why) == 0)
			return;
		known->held = input->why;
		known->held_since = input->until;
		tell(g, true, known->held, known->held_since);
	} else {
		if (!known->held)
			return;
		tell(g, false, known->held, known->held_since);
		known->held = NULL;
		known->held_since = 0;
	}
	system->touched = true;
}

void brake_released(struct dunner *d, struct group *g, struct doc *system)
{
	d->braked = false;
	if (!system->d->braked_at)
		return;
	system->d->braked_at = 0;
	system->touched = true;
	brake_task(d, g, true);
}
