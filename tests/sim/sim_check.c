/* The judge at the provider's door, and at the end of the run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/business_time.h"
#include "common/debtor.h"
#include "common/zone.h"
#include "tests/sim/sim_policy.h"

#define MARK_AGE 2000 /* promise 1: what stood in a stream longer than this before the first byte is honoured */
#define SLACK (2 * MINUTE_MS) /* decision to first byte, and small steps of the wall clock, backwards too */
#define PATIENCE (13 * DAY_MS) /* a step owed longer than this, with nothing in its way, is lost */

struct judge *judge_create(struct sim *sim)
{
	struct judge *judge = xcalloc(1, sizeof(*judge));

	judge->sim = sim;
	judge->arena = arena_create();
	return judge;
}

void judge_destroy(struct judge *judge)
{
	if (!judge)
		return;
	arena_free(judge->arena);
	free(judge);
}

struct known_invoice *judge_invoice(struct judge *judge, const char *id)
{
	struct known_invoice *invoice;

	for (size_t i = 0; i < judge->invoice_count; i++)
		if (strcmp(judge->invoices[i].id, id) == 0)
			return &judge->invoices[i];
	judge->invoices = arena_grow(judge->arena, judge->invoices, judge->invoice_count, &judge->invoice_capacity,
		sizeof(*judge->invoices));
	invoice = &judge->invoices[judge->invoice_count++];
	*invoice = (struct known_invoice){ .id = arena_strdup(judge->arena, id) };
	return invoice;
}

struct known_attempt *judge_attempt(struct judge *judge, const char *id)
{
	struct known_attempt *a;

	for (size_t i = 0; i < judge->attempt_count; i++)
		if (strcmp(judge->attempts[i].id, id) == 0)
			return &judge->attempts[i];
	judge->attempts = arena_grow(judge->arena, judge->attempts, judge->attempt_count, &judge->attempt_capacity,
		sizeof(*judge->attempts));
	a = &judge->attempts[judge->attempt_count++];
	*a = (struct known_attempt){ .id = arena_strdup(judge->arena, id) };
	return a;
}

static const struct zone *zone_of(const struct judge *judge, const char *debtor_id)
{
	const struct zone *zone;

	if (zone_get(book_zone(judge->sim->book, debtor_id), &zone) < 0)
		abort();
	return zone;
}

date judge_date(const struct judge *judge, const char *debtor_id, int64_t wall)
{
	return zone_date(zone_of(judge, debtor_id), wall);
}

/* --- before the first byte ---------------------------------------------------------------------------------------------------- */

static void check_window(struct judge *judge, const struct message *m, int64_t wall)
{
	const struct window *w = &judge->sim->policy->window;
	const struct zone *zone = zone_of(judge, m->debtor_id);
	int minute = zone_minute(zone, wall), slack = (int)(SLACK / MINUTE_MS);
	enum weekday day = date_weekday(zone_date(zone, wall));
	const struct calendar *calendar = holidays_place(judge->sim->library->law->holidays, book_country(judge->sim->book, m->debtor_id));
	char text[64];

	if (calendar_holiday(calendar, zone_date(zone, wall)))
		sim_breach(judge->sim, "3 holiday", "%s is contacted at %s (%s)", m->debtor_id, zone_format(zone, wall, text, sizeof(text)),
			m->attempt_id);
	if (!(w->weekdays >> (day - 1) & 1) || minute < w->from_minute - 1 || minute >= w->to_minute + slack)
		sim_breach(judge->sim, "3 window", "%s is contacted at %s (%s)", m->debtor_id,
			zone_format(zone, wall, text, sizeof(text)), m->attempt_id);
}

/* Sent again, it counts from its resend on, before that leaves: what caps and gaps rest on, as it stands in the store. */
static void check_counted(struct judge *judge, const struct message *m, int64_t wall)
{
	struct sim *sim = judge->sim;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct debtor debtor = { 0 };
	struct err err = { 0 };
	size_t len;
	const char *text = redis_get(sim->redis, arena_printf(arena, "dunning:{0}:debtor:%s", m->debtor_id), &len);

	if (sim->weather.hosts > 1 || sim->rollbacks || sim->flushes || !text ||
		debtor_read(arena, text, len, &debtor, &err) < 0)
		return;
	for (size_t i = 0; i < debtor.contact_count; i++)
		if (strcmp(debtor.contacts[i].attempt, m->attempt_id) == 0 && debtor.contacts[i].at > wall - SLACK)
			return;
	sim_breach(sim, "3 gap", "attempt %s is sent again and not counted again", m->attempt_id);
}

/* By what stands in the store: a call told that this is the wrong one. Who wanted no more is told so all the same. */
static void check_wrong(struct judge *judge, const struct message *m)
{
	struct sim *sim = judge->sim;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct debtor debtor = { 0 };
	size_t len;
	const char *text = redis_get(sim->redis, arena_printf(arena, "dunning:{0}:debtor:%s", m->debtor_id), &len);

	if (sim->weather.hosts > 1 || sim->rollbacks || sim->flushes || strncmp(m->step, "stop:", 5) == 0 || !text ||
		!memmem(text, len, "\"wrong\":", 8) || debtor_read(arena, text, len, &debtor, NULL) < 0)
		return;
	for (size_t i = 0; i < debtor.customer.contact_count && m->channel != CHANNEL_LETTER; i++) {
		const struct contact *c = &debtor.customer.contacts[i];
		const char *theirs = m->channel == CHANNEL_EMAIL ? c->email : c->phone, *to = m->channel == CHANNEL_EMAIL ? m->to.email : m->to.phone;

		if (theirs && to && strcmp(theirs, to) == 0 && debtor_wrong(&debtor, c))
			sim_breach(sim, "1 nobody else is written to", "%s of %s goes to %s, who is known to be the wrong one", m->attempt_id, m->debtor_id, to);
	}
}

/* What records a call is sent also while that call, or another word of the debtor's, holds the ladder; never to who paid. */
static unsigned stops_of(const char *step)
{
	enum { PAID, VOIDED, DISPUTED, PROMISED, ANNOUNCED, UNDELIVERED, STALE = 11, PLANNED = 13, LISTED, SETTLED, STANDS, UNMATCHED };
	unsigned said = 1u << DISPUTED | 1u << PROMISED | 1u << ANNOUNCED | 1u << UNDELIVERED | 1u << PLANNED | 1u << STANDS;

	if (strncmp(step, "paid:", 5) == 0)
		return ~(said | 1u << PAID | 1u << VOIDED | 1u << STALE | 1u << SETTLED | 1u << UNMATCHED); /* thanks: it is paid, see judge_first_byte() */
	if (strncmp(step, "plan:", 5) == 0)
		return ~(1u << PLANNED);
	return strchr(step, ':') ? ~said : ~0u;
}

/* By what stood in the streams long enough, by all that ever did, and at each instant between: as with what stops a contact. */
static bool moved(const struct judge *judge, const struct message *m)
{
	int64_t mark = judge->sim->mono - MARK_AGE - 1;

	if (!facts_moved(judge, m, mark) || !facts_moved(judge, m, NEVER))
		return false;
	for (size_t i = 0; i < judge->told_count; i++)
		if (judge->told[i].since_mono > mark && judge->told[i].since_mono <= judge->sim->mono &&
			!facts_moved(judge, m, judge->told[i].since_mono))
			return false;
	return true;
}

void judge_first_byte(struct judge *judge, struct host *host, const struct message *m, const uint8_t digest[32])
{
	struct sim *sim = judge->sim;
	int64_t wall = sim_wall(sim);
	struct known_attempt *a = judge_attempt(judge, m->attempt_id);

	(void)digest;
	judge->first_bytes++;
	sim_note(sim, "first byte of %s by %s", m->attempt_id, host->name);
	if (!redis_writer(sim->redis, host, m->debtor_id))
		sim_breach(sim, "4 one writer", "%s begins attempt %s while another holds the lease", host->name, m->attempt_id);
	if (!a->intended)
		sim_breach(sim, "5 no record, no contact", "attempt %s has no durable intent", m->attempt_id);
	if (!a->first_byte_wall)
		a->first_byte_wall = wall;
	if (sim->mode != MODE_LIFE)
		return; /* such histories hold facts that the judge's own reading does not know */
	for (size_t i = 0; i < m->invoice_count; i++) {
		const char *id = m->invoice_ids[i];
		unsigned then = facts_stops(judge, id, m->debtor_id, m->channel, sim->mono - MARK_AGE - 1, wall) & stops_of(m->step);
		unsigned lasting = then & facts_stops(judge, id, m->debtor_id, m->channel, NEVER, wall);

		/* One that ended since, and one (the same, anew) that is younger than the mark may be, are no breach together. */
		for (size_t k = 0; k < judge->told_count && lasting; k++)
			if (judge->told[k].since_mono > sim->mono - MARK_AGE - 1 && judge->told[k].since_mono <= sim->mono)
				lasting &= facts_stops(judge, id, m->debtor_id, m->channel, judge->told[k].since_mono, wall);
		if (strncmp(m->step, "paid:", 5) == 0 && !(facts_stops(judge, id, m->debtor_id, m->channel, NEVER, wall) & 1) &&
			!settled_done(judge, id, NEVER))
			sim_breach(sim, "1 nobody is thanked for nothing", "%s about %s, which is not paid (%s)", m->debtor_id, id, m->attempt_id);
		if (!strchr(m->step, ':') && wall < judge_invoice(judge, id)->call_back_at - SLACK &&
			!judge_superseded(judge, judge_invoice(judge, id)->call_back_group))
			sim_breach(sim, "1 who asked to be called is called", "%s about %s is written to before (attempt %s, step %s)", m->debtor_id, id,
				m->attempt_id, m->step);
		if (lasting)
			sim_breach(sim, "1 nobody who paid is contacted", "%s about %s, which was %s (attempt %s, step %s)",
				m->debtor_id, id, stop_names[__builtin_ctz(lasting)], m->attempt_id, m->step);
	}
	if (moved(judge, m))
		sim_breach(sim, "1 nobody else is written to", "%s of %s goes to %s, which is theirs no longer", m->attempt_id, m->debtor_id,
			m->channel == CHANNEL_EMAIL ? m->to.email : m->to.phone);
	check_wrong(judge, m);
	if (sim->drawn)
		manners_first_byte(judge, m, wall);
	else
		check_window(judge, m, wall);
	if (a->requests)
		check_counted(judge, m, wall);
}

void judge_contacted(struct judge *judge, const struct message *m, const uint8_t digest[32])
{
	struct known_attempt *a = judge_attempt(judge, m->attempt_id);

	if (a->requests && memcmp(a->digest, digest, 32) != 0)
		sim_breach(judge->sim, "2 same id, same bytes", "attempt %s reached the provider with other bytes", m->attempt_id);
	memcpy(a->digest, digest, 32);
	a->requests++;
}

void judge_not_sent(struct judge *judge, const struct message *m)
{
	struct known_attempt *a = judge_attempt(judge, m->attempt_id);

	if (a->requests == 1) { /* no other request with this id may have been taken */
		a->requests = 0;
		a->first_byte_wall = 0;
	}
}

/* --- a message that the provider will deliver ------------------------------------------------------------------------------------ */

static int32_t days_of(const struct judge *judge, int step)
{
	return judge->sim->policy->steps[step].at.days;
}

static void check_pace(struct judge *judge, const struct message *m, int64_t wall)
{
	const struct policy *policy = judge->sim->policy;
	int64_t last = 0;

	for (size_t i = judge->contact_count; i-- > 0;) {
		const struct known_contact *c = &judge->contacts[i];

		if (c->at > wall)
			continue; /* a call that was told when the first byte had left */
		if (strcmp(c->debtor_id, m->debtor_id) == 0 && !c->aside) {
			last = c->at;
			if (wall - last < policy->min_gap_ms - SLACK)
				sim_breach(judge->sim, "3 gap", "%s got two messages within %lld h (%s, %s)", m->debtor_id,
					(long long)((wall - last) / HOUR_MS), c->attempt, m->attempt_id);
			break;
		}
	}
	for (size_t k = 0; k < policy->cap_count; k++) {
		int32_t seen = 1;

		for (size_t i = 0; i < judge->contact_count; i++)
			seen += strcmp(judge->contacts[i].debtor_id, m->debtor_id) == 0 && !judge->contacts[i].aside &&
				!(judge->contacts[i].group && judge_superseded(judge, judge->contacts[i].group)) &&
				judge->contacts[i].at > wall - policy->caps[k].days * DAY_MS + SLACK && judge->contacts[i].at <= wall;
		if (seen > policy->caps[k].contacts)
			sim_breach(judge->sim, "3 cap", "%s got %d messages in %d days (%s)", m->debtor_id, seen,
				policy->caps[k].days, m->attempt_id);
	}
}

/* Nobody is written to twice on one day; and what asks for nothing goes out once. */
static void check_beside(struct judge *judge, const struct message *m, const struct known_attempt *a)
{
	date today = judge_date(judge, m->debtor_id, a->first_byte_wall);

	for (size_t i = 0; i < judge->contact_count; i++) {
		const struct known_contact *c = &judge->contacts[i];

		if (strcmp(c->debtor_id, m->debtor_id) != 0)
			continue;
		if (c->channel != CHANNEL_CALL && date_diff(today, judge_date(judge, m->debtor_id, c->at)) == 0 && strcmp(c->attempt, a->id) != 0)
			sim_breach(judge->sim, "3 once a day", "%s is written to twice on one day (%s, %s)", m->debtor_id, c->attempt, a->id);
		for (size_t k = 0; k < a->count && c->aside && c->invoice; k++)
			if (strcmp(c->invoice, a->invoices[k]) == 0 && strcmp(c->aside, a->steps[k]) == 0)
				sim_breach(judge->sim, "2 nothing is sent twice", "%s about %s: %s and %s", c->aside, c->invoice, c->attempt, a->id);
	}
}

static void check_step(struct judge *judge, const struct known_attempt *a, const char *invoice_id, const char *step,
	int64_t first_byte)
{
	struct sim *sim = judge->sim;
	struct known_invoice *invoice = judge_invoice(judge, invoice_id);
	int index = policy_step_index(sim->policy, step);
	date today = judge_date(judge, a->debtor_id, first_byte), due;

	if (index < 0 || !invoice->snapshot) {
		sim_breach(sim, "3 steps", "attempt %s: invoice %s, step %s is not in the book", a->id, invoice_id, step);
		return;
	}
	due = invoice->snapshot->due_on;
	if (judge_walk(judge, invoice, (size_t)index) == WALK_SENT)
		sim_breach(sim, "2 nothing is sent twice", "invoice %s, step %s: %s and %s", invoice_id, step,
			invoice->walk[index].why, a->id);
	if (judge_walk(judge, invoice, (size_t)index) == WALK_SKIPPED)
		sim_breach(sim, "3 steps", "invoice %s, step %s was skipped (%s) and is sent now", invoice_id, step,
			invoice->walk[index].why);
	for (int i = 0; i < index; i++) {
		const struct walk_step *before = &invoice->walk[i];

		enum walk_end end = judge_walk(judge, invoice, (size_t)i);

		if (end == WALK_OPEN)
			sim_breach(sim, "3 no step is skipped", "invoice %s: step %s goes out (%s), but %s never did", invoice_id,
				step, a->id, sim->policy->steps[i].id);
		if (end == WALK_SENT && !invoice->jumped && date_diff(today, before->on) < days_of(judge, index) - days_of(judge, i))
			sim_breach(sim, "3 spacing", "invoice %s: step %s only %d days after %s", invoice_id, step,
				date_diff(today, before->on), sim->policy->steps[i].id);
	}
	if (!invoice->jumped && date_diff(today, due) < days_of(judge, index))
		sim_breach(sim, "3 too early", "invoice %s: step %s at due%+d", invoice_id, step, date_diff(today, due));
	if (days_of(judge, index) < 0 && date_diff(today, due) >= 0)
		sim_breach(sim, "3 pre-due", "invoice %s: step %s at due%+d", invoice_id, step, date_diff(today, due));
	invoice->walk[index] = (struct walk_step){ .end = WALK_SENT, .why = a->id, .on = today };
}

void judge_accepted(struct judge *judge, struct host *host, const struct message *m, bool repeated)
{
	struct sim *sim = judge->sim;
	struct known_attempt *a = judge_attempt(judge, m->attempt_id);
	int64_t wall = sim_wall(sim);

	(void)host;
	if (repeated)
		return;
	if (++a->accepted > 1) {
		sim_breach(sim, "2 nothing is sent twice", "attempt %s was accepted twice by a provider that does not know ids",
			m->attempt_id);
		return;
	}
	if (!a->count || strcmp(a->debtor_id, m->debtor_id) != 0 || a->count != m->invoice_count) {
		sim_breach(sim, "5 no record, no contact", "attempt %s is not the one of its intent", m->attempt_id);
		return;
	}
	check_beside(judge, m, a);
	for (size_t i = 0; i < a->count && strchr(m->step, ':'); i++) {
		judge->contacts = arena_grow(judge->arena, judge->contacts, judge->contact_count, &judge->contact_capacity,
			sizeof(*judge->contacts));
		judge->contacts[judge->contact_count++] = (struct known_contact){ .debtor_id = arena_strdup(judge->arena, m->debtor_id),
			.attempt = a->id, .at = wall, .channel = m->channel, .invoice = a->invoices[i], .aside = a->steps[i] };
	}
	if (strchr(m->step, ':')) {
		sim->beside++;
		return;
	}
	if (sim->drawn)
		manners_accepted(judge, m, a);
	else
		check_pace(judge, m, a->first_byte_wall);
	for (size_t i = 0; i < a->count; i++) {
		if (strcmp(a->invoices[i], m->invoice_ids[i]) != 0)
			sim_breach(sim, "5 no record, no contact", "attempt %s names other invoices than its intent", m->attempt_id);
		if (!sim->drawn && sim->mode == MODE_LIFE) /* a history has facts by which steps fall away that the judge does not read */
			check_step(judge, a, a->invoices[i], a->steps[i], a->first_byte_wall);
	}
	judge->contacts = arena_grow(judge->arena, judge->contacts, judge->contact_count, &judge->contact_capacity,
		sizeof(*judge->contacts));
	judge->contacts[judge->contact_count++] = (struct known_contact){ arena_strdup(judge->arena, m->debtor_id),
		a->id, wall, 0, m->channel, NULL, NULL };
}

/* --- at the end ------------------------------------------------------------------------------------------------------------------ */

bool judge_superseded(const struct judge *judge, size_t group)
{
	const struct known_group *g = &judge->groups[group - 1];

	for (size_t i = 0; i < judge->group_count && !g->applied; i++)
		if (judge->groups[i].partition == g->partition && judge->groups[i].pseq == g->pseq && i != group - 1)
			return true;
	return false;
}

void judge_applied(struct judge *judge, const struct group_header *head)
{
	for (size_t i = judge->group_count; i-- > 0;)
		if (judge->groups[i].partition == head->partition && judge->groups[i].pseq == head->pseq && memcmp(judge->groups[i].id, head->id, GROUP_ID_SIZE) == 0)
			judge->groups[i].applied = true;
}

enum walk_end judge_walk(const struct judge *judge, const struct known_invoice *invoice, size_t step)
{
	const struct walk_step *walk = &invoice->walk[step];

	if (walk->back && !judge_superseded(judge, walk->back))
		return WALK_OPEN;
	if (walk->end == WALK_OPEN || !walk->group || !judge_superseded(judge, walk->group))
		return walk->end;
	return walk->also && !judge_superseded(judge, walk->also) ? walk->end : WALK_OPEN;
}

static void check_attempts(struct judge *judge)
{
	int64_t wall = sim_wall(judge->sim);

	for (size_t i = 0; i < judge->attempt_count; i++) {
		const struct known_attempt *a = &judge->attempts[i];
		const char *outcome = a->outcome ? a->outcome : "";

		if (a->accepted && !strcmp(outcome, "attempt.cancelled"))
			sim_breach(judge->sim, "truth", "attempt %s was accepted, the trail's last word is cancelled", a->id);
		if (!*outcome && a->intent_group && !judge_superseded(judge, a->intent_group) && wall - a->intended_wall > 2 * HOUR_MS)
			sim_breach(judge->sim, "5 the trail is complete", "attempt %s has no outcome (%s)", a->id,
				a->accepted ? "accepted" : "not accepted");
	}
}

/* Whether an attempt about this invoice is still open or unknown: then it waits for a person. */
static bool doubtful(const struct judge *judge, const char *invoice_id)
{
	for (size_t i = 0; i < judge->attempt_count; i++) {
		const struct known_attempt *a = &judge->attempts[i];

		if (a->outcome && strcmp(a->outcome, "attempt.in_doubt") != 0 && !a->unknown)
			continue;
		for (size_t k = 0; k < a->count; k++)
			if (strcmp(a->invoices[k], invoice_id) == 0)
				return true;
	}
	return false;
}

/* When the judge itself last saw a reason not to contact: the next step's patience begins there. */
static int64_t last_stop(struct judge *judge, const struct known_invoice *invoice, int64_t from, int64_t to)
{
	int64_t last = from;

	for (int64_t wall = from; wall <= to; wall += 6 * HOUR_MS)
		if (facts_stops(judge, invoice->id, invoice->debtor_id, CHANNEL_EMAIL, judge->sim->mono, wall))
			last = wall;
	return last;
}

/* What was quarantined as poison is not known to the flow: a person has it on the desk. */
static bool readable(const struct judge *judge, const char *invoice_id)
{
	for (size_t i = 0; i < judge->told_count; i++)
		if (judge->told[i].event.has_snapshot && !judge->told[i].broken && judge->told[i].event.has_customer &&
			strcmp(judge->told[i].event.invoice_id, invoice_id) == 0)
			return true;
	return false;
}

/* It lies with a person, who has a task. */
static bool to_be_posted(const struct judge *judge, const char *invoice, const char *step)
{
	for (size_t i = 0; i < judge->call_count; i++) {
		const struct known_call *task = &judge->calls[i];
		const char *of = strrchr(task->task, ':');

		for (size_t k = 0; k < task->count && !task->done && strncmp(task->task, "post:", 5) == 0; k++)
			if (strcmp(task->invoices[k], invoice) == 0 && strcmp(of + 1, step) == 0)
				return true;
	}
	return false;
}

static void check_progress(struct judge *judge, struct known_invoice *invoice)
{
	const struct policy *policy = judge->sim->policy;
	int64_t end = sim_wall(judge->sim), from, patience;
	int32_t recent = 0;
	date today, owed;
	size_t step = 0;

	if (!readable(judge, invoice->id) || !invoice->debtor_id || doubtful(judge, invoice->id))
		return;
	for (size_t i = 0; i < judge->contact_count; i++)
		recent += strcmp(judge->contacts[i].debtor_id, invoice->debtor_id) == 0 && !judge->contacts[i].aside &&
			judge->contacts[i].at > end - 11 * DAY_MS; /* a week, and the days off at Christmas */
	for (size_t i = 0; i < judge->call_count; i++) { /* a letter that nobody posted had its turn as well */
		const struct known_call *letter = &judge->calls[i];

		recent += letter->debtor_id && !letter->done && !letter->waits && strcmp(letter->debtor_id, invoice->debtor_id) == 0 &&
			letter->turn_at > end - 11 * DAY_MS;
	}
	if (recent >= policy->caps[0].contacts)
		return; /* others of this debtor's invoices have their turn */
	if (facts_stops(judge, invoice->id, invoice->debtor_id, CHANNEL_EMAIL, judge->sim->mono, end))
		return;
	while (step < policy->step_count && judge_walk(judge, invoice, step) != WALK_OPEN)
		step++;
	if (step == policy->step_count || policy->steps[step].kind == STEP_GATE || invoice->stopped || invoice->handed)
		return; /* a gate waits for a person for as long as it takes, and who took the case goes on by himself */
	if (to_be_posted(judge, invoice->id, policy->steps[step].id))
		return;
	today = judge_date(judge, invoice->debtor_id, end);
	owed = date_add_days(invoice->snapshot->due_on, days_of(judge, (int)step));
	for (size_t i = step; i-- > 0;)
		if (judge_walk(judge, invoice, i) == WALK_SENT) {
			date spaced = date_add_days(invoice->walk[i].on, days_of(judge, (int)step) - days_of(judge, (int)i));

			if (date_diff(spaced, owed) > 0)
				owed = spaced;
			break;
		}
	for (size_t i = 0; i < step; i++) /* it was not its turn before */
		if (date_is_set(invoice->walk[i].on) && date_diff(invoice->walk[i].on, owed) > 0)
			owed = invoice->walk[i].on;
	from = last_stop(judge, invoice, judge->sim->calm_at - 5 * DAY_MS, end);
	from = invoice->rest_until > from ? invoice->rest_until : from;
	/* A quota goes to those whose day begins first; five days without room are a week. */
	patience = PATIENCE + traffic_full_days(judge->sim, from) * 7 * DAY_MS / 5;
	if (date_diff(today, owed) > (int32_t)(PATIENCE / DAY_MS) && end - from > patience)
		sim_breach(judge->sim, "3 no step is lost", "invoice %s of %s: step %s is owed for %d days (trail: %s)",
			invoice->id, invoice->debtor_id, policy->steps[step].id, date_diff(today, owed),
			invoice->closed ? "closed" : invoice->held ? invoice->held : "no hold");
}

/* A threat that the provider took, and the trail knows of, is a commitment in the trail; not where it was paid or ended meanwhile. */
static void check_word(struct judge *judge, const struct known_attempt *a)
{
	for (size_t i = 0; i < a->count && a->accepted && a->outcome && !a->unknown; i++) {
		int step = policy_step_index(judge->sim->policy, a->steps[i]);

		if (step < 0 || judge->sim->policy->steps[step].tone < TONE_LEGAL || strcmp(a->outcome, "attempt.in_doubt") == 0 ||
			a->over[i])
			continue;
		if (!judge_invoice(judge, a->invoices[i])->words)
			sim_breach(judge->sim, "no threat without commitment", "%s threatens about %s, and nothing of it stands in the trail", a->id,
				a->invoices[i]);
	}
}

/* What carriers tell is kept, every word of it, and a letter that nobody took is weighed by a person. */
static void check_letters(struct judge *judge)
{
	for (size_t i = 0; i < judge->told_count; i++) {
		const struct told *t = &judge->told[i];

		if (t->event.type == EVENT_LETTER_STATUS_UPDATED && t->event.id && !t->broken && !t->recorded &&
			t->since_wall < sim_wall(judge->sim) - DAY_MS)
			sim_breach(judge->sim, "5 the trail is complete", "what the carrier told of %s (%s) is nowhere", t->event.invoice_id, t->event.id);
	}
	for (size_t i = 0; i < judge->invoice_count; i++)
		if (judge->invoices[i].unclaimed && !judge->invoices[i].unclaimed_task)
			sim_breach(judge->sim, "3 nothing lies forgotten", "nobody took the letter about %s, and no person was told", judge->invoices[i].id);
}

void judge_end(struct judge *judge)
{
	check_attempts(judge);
	for (size_t i = 0; i < judge->attempt_count && !judge->sim->broken && judge->sim->weather.hosts == 1; i++)
		check_word(judge, &judge->attempts[i]);
	if (judge->sim->mode != MODE_LIFE)
		return;
	if (!judge->sim->broken && judge->sim->weather.hosts == 1)
		check_letters(judge);
	for (size_t i = 0; i < judge->invoice_count && !judge->sim->broken && !judge->sim->drawn; i++)
		check_progress(judge, &judge->invoices[i]);
	if (!judge->sim->broken)
		erase_judge(judge);
	if (!judge->sim->broken)
		told_judge(judge);
}
