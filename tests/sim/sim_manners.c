/*
 * The judge of manners: whether what a debtor received keeps the policy that was drawn, and the rules for texts and calls. Its own from the
 * ground up: local time by the C library, holidays from a list, counts over what the provider took.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/sim/sim_policy.h"

#define SLACK (2 * MINUTE_MS) /* decision to first byte, and small steps of the wall clock, backwards too */

/* --- places and days ------------------------------------------------------------------------------------------------------------ */

/* Where somebody of whom only the country is known may be. */
static const struct {
	const char *country, *zones[8];
} countries[] = {
	{ "FR", { "Europe/Paris" } },
	{ "DE", { "Europe/Berlin" } },
	{ "GB", { "Europe/London" } },
	{ "BE", { "Europe/Brussels" } },
	{ "NL", { "Europe/Amsterdam" } },
	{ "ES", { "Europe/Madrid", "Atlantic/Canary" } },
	{ "IT", { "Europe/Rome" } },
	{ "US", { "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Anchorage", "Pacific/Honolulu" } },
	{ "CA", { "America/St_Johns", "America/Halifax", "America/Toronto", "America/Winnipeg", "America/Edmonton", "America/Vancouver" } },
	{ "BR", { "America/Noronha", "America/Sao_Paulo", "America/Manaus", "America/Rio_Branco" } },
	{ "JP", { "Asia/Tokyo" } },
	{ "IN", { "Asia/Kolkata" } },
	{ "AU", { "Australia/Sydney", "Australia/Brisbane", "Australia/Adelaide", "Australia/Darwin", "Australia/Perth", "Australia/Lord_Howe" } },
	{ "WS", { "Pacific/Apia" } },
};

/* Days off in the whole country, or for GB in any part of it, from January 2026 to April 2027. */
static const struct {
	const char *country, *days;
} days_off[] = {
	{ "FR", "2026-01-01 2026-04-06 2026-05-01 2026-05-08 2026-05-14 2026-05-25 2026-07-14 2026-08-15 2026-11-01 2026-11-11 2026-12-25 "
		"2027-01-01 2027-03-29" },
	{ "DE", "2026-01-01 2026-04-03 2026-04-06 2026-05-01 2026-05-14 2026-05-25 2026-10-03 2026-12-25 2026-12-26 2027-01-01 2027-03-26 "
		"2027-03-29" },
	{ "GB", "2026-01-01 2026-01-02 2026-03-17 2026-04-03 2026-04-06 2026-05-04 2026-05-25 2026-07-13 2026-08-03 2026-08-31 2026-11-30 "
		"2026-12-25 2026-12-28 2027-01-01 2027-03-17 2027-03-26 2027-03-29" },
	{ "BE", "2026-01-01 2026-04-06 2026-05-01 2026-05-14 2026-05-25 2026-07-21 2026-08-15 2026-11-01 2026-11-11 2026-12-25 2027-01-01 "
		"2027-03-29" },
	{ "NL", "2026-01-01 2026-04-06 2026-04-27 2026-05-14 2026-05-25 2026-12-25 2026-12-26 2027-01-01 2027-03-29" },
	{ "ES", "2026-01-01 2026-01-06 2026-04-03 2026-05-01 2026-08-15 2026-10-12 2026-12-08 2026-12-25 2027-01-01 2027-01-06 2027-03-26" },
	{ "IT", "2026-01-01 2026-01-06 2026-04-06 2026-04-25 2026-05-01 2026-06-02 2026-08-15 2026-12-08 2026-12-25 2026-12-26 2027-01-01 "
		"2027-01-06 2027-03-29" },
	{ "US", "2026-01-01 2026-01-19 2026-02-16 2026-05-25 2026-06-19 2026-07-03 2026-09-07 2026-10-12 2026-11-11 2026-11-26 2026-12-25 "
		"2027-01-01 2027-01-18 2027-02-15" },
	{ "CA", "2026-01-01 2026-04-03 2026-05-18 2026-07-01 2026-09-07 2026-10-12 2026-11-11 2026-12-25 2027-01-01 2027-03-26" },
};

struct local {
	int minute, weekday; /* of the day; 0 = Monday */
	char date[DATE_TEXT_SIZE];
	date on;
};

static struct local local_at(const char *zone, int64_t wall)
{
	time_t at = (time_t)(wall / 1000);
	struct local local = { 0 };
	struct tm tm;

	setenv("TZ", zone, 1);
	tzset();
	localtime_r(&at, &tm);
	local.minute = tm.tm_hour * 60 + tm.tm_min;
	local.weekday = (tm.tm_wday + 6) % 7;
	local.on = date_of(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
	date_format(local.on, local.date);
	return local;
}

void manners_ready(void)
{
	if (local_at("Asia/Tokyo", 0).minute == 9 * 60)
		return;
	fprintf(stderr, "sim: the C library knows no time zones: install tzdata\n");
	exit(2);
}

static bool day_off(const char *country, const struct local *local)
{
	for (size_t i = 0; country && i < ARRAY_LEN(days_off); i++)
		if (strcmp(days_off[i].country, country) == 0)
			return strstr(days_off[i].days, local->date) != NULL;
	return false;
}

static const struct sim_debtor *debtor_of(const struct judge *judge, const char *id)
{
	const struct book *book = judge->sim->book;

	for (size_t i = 0; i < book->debtor_count; i++)
		if (strcmp(book->debtors[i].id, id) == 0)
			return &book->debtors[i];
	abort();
}

/* Every zone that may be the debtor's: theirs, else those of their country, else where the creditor is. NULL ends them. */
static void zones_of(const struct sim_debtor *d, const char *zones[9])
{
	size_t n = 0;

	if (!d->zone_unknown)
		zones[n++] = book_place_zone(d);
	for (size_t i = 0; !n && !d->country_unknown && i < ARRAY_LEN(countries); i++)
		for (size_t z = 0; strcmp(countries[i].country, book_place_country(d)) == 0 && z < 8 && countries[i].zones[z]; z++)
			zones[n++] = countries[i].zones[z];
	if (!n)
		zones[n++] = SIM_CREDITOR_ZONE;
	zones[n] = NULL;
}

/* The date that steps count by: the debtor's, whatever zone the hours are in. */
static date date_at(const struct sim_debtor *d, int64_t wall)
{
	return local_at(d->zone_unknown ? SIM_CREDITOR_ZONE : book_place_zone(d), wall).on;
}

/* --- when --------------------------------------------------------------------------------------------------------------------------- */

struct hours {
	unsigned weekdays;
	int from, to;
};

static bool open_at(const struct hours *hours, size_t count, const struct local *local)
{
	for (size_t i = 0; i < count; i++)
		if (hours[i].weekdays >> local->weekday & 1 && local->minute >= hours[i].from - 1 &&
			local->minute < hours[i].to + SLACK / MINUTE_MS)
			return true;
	return false;
}

static void check_hours(struct judge *judge, const struct sim_debtor *d, const char *id, int64_t wall)
{
	const struct drawn_policy *p = judge->sim->drawn;
	const struct hours hours = { p->weekdays, p->from_minute, p->to_minute };
	const char *zones[9] = { p->zone };

	if (!p->zone)
		zones_of(d, zones);
	for (const char *const *zone = zones; *zone; zone++) {
		struct local local = local_at(*zone, wall);

		if (!open_at(&hours, 1, &local))
			sim_breach(judge->sim, "policy: window", "%s is contacted at %02d:%02d of %s in %s (%s)", d->id, local.minute / 60,
				local.minute % 60, local.date, *zone, id);
		if (p->holidays && !d->country_unknown && day_off(book_place_country(d), &local))
			sim_breach(judge->sim, "policy: holiday", "%s is contacted on %s, a day off in %s (%s)", d->id, local.date,
				book_place_country(d), id);
	}
}

/* Texts and calls, wherever the debtor may be: daemon/share/law/contact-rules.json, as a person reads it. */
static void check_quiet(struct judge *judge, const struct sim_debtor *d, enum channel channel, const char *id, int64_t wall)
{
	static const struct hours france[] = { { 0x1f, 480, 1200 }, { 0x20, 540, 1080 } }, six_days[] = { { 0x3f, 480, 1200 } },
				  five_days[] = { { 0x1f, 480, 1200 } };
	const char *country = d->country_unknown ? "" : book_place_country(d), *zones[9];
	bool fr = strcmp(country, "FR") == 0, six = !strcmp(country, "GB") || !strcmp(country, "BE") || !strcmp(country, "DE");

	if (channel != CHANNEL_SMS && channel != CHANNEL_CALL)
		return;
	zones_of(d, zones);
	for (const char *const *zone = zones; *zone; zone++) {
		struct local local = local_at(*zone, wall);

		if (!open_at(fr ? france : six ? six_days : five_days, fr ? 2 : 1, &local))
			sim_breach(judge->sim, "rule: hours", "%s gets a text or call at %02d:%02d of %s in %s (%s)", d->id, local.minute / 60,
				local.minute % 60, local.date, *zone, id);
		if ((fr || six) && day_off(country, &local))
			sim_breach(judge->sim, "rule: holiday", "%s gets a text or call on %s, a day off in %s (%s)", d->id, local.date, country, id);
	}
}

/* --- whom ----------------------------------------------------------------------------------------------------------------------------- */

static void check_recipient(struct judge *judge, const struct message *m)
{
	const struct drawn_step *step = drawn_step(judge->sim->drawn, m->step);
	const char *role = book_role(debtor_of(judge, m->debtor_id), m->channel == CHANNEL_EMAIL ? m->to.email : m->to.phone);

	if (!step || (step->channel != m->channel && step->fallback != m->channel)) {
		sim_breach(judge->sim, "policy: step", "%s goes by %s as step %s", m->attempt_id, channel_names[m->channel], m->step);
		return;
	}
	for (const char *const *to = step->to; *to; to++)
		if (role && strcmp(*to, role) == 0)
			return;
	sim_breach(judge->sim, "policy: recipient", "step %s goes to the %s of %s (%s)", m->step, role ? role : "?", m->debtor_id, m->attempt_id);
}

static void check_condition(struct judge *judge, const struct sim_debtor *d, const struct drawn_step *step, const char *id)
{
	if ((step->debtor_kind && strcmp(step->debtor_kind, d->kind) != 0) ||
		(step->country && (d->country_unknown || strcmp(step->country, book_place_country(d)) != 0)))
		sim_breach(judge->sim, "policy: condition", "step %s is not for %s, a %s in %s (%s)", step->id, d->id, d->kind,
			d->country_unknown ? "no country" : book_place_country(d), id);
}

void manners_first_byte(struct judge *judge, const struct message *m, int64_t wall)
{
	const struct sim_debtor *d = debtor_of(judge, m->debtor_id);

	check_hours(judge, d, m->attempt_id, wall);
	check_quiet(judge, d, m->channel, m->attempt_id, wall);
	check_recipient(judge, m);
}

void manners_call(struct judge *judge, const char *debtor_id, const char *task)
{
	const struct sim_debtor *d = debtor_of(judge, debtor_id);

	check_hours(judge, d, task, judge->decided_at);
	check_quiet(judge, d, CHANNEL_CALL, task, judge->decided_at);
}

/* --- how often ------------------------------------------------------------------------------------------------------------------------ */

static bool of_debtor(const struct judge *judge, const struct known_contact *c, const char *debtor_id)
{
	return strcmp(c->debtor_id, debtor_id) == 0 && !(c->group && judge_superseded(judge, c->group));
}

static void check_gap(struct judge *judge, const struct message *m, int64_t wall)
{
	for (size_t i = 0; i < judge->contact_count; i++) {
		const struct known_contact *c = &judge->contacts[i];

		if (of_debtor(judge, c, m->debtor_id) && wall - c->at < judge->sim->drawn->gap_ms - SLACK)
			sim_breach(judge->sim, "policy: gap", "%s is contacted %lld min after the last time, and not %lld (%s, %s)", m->debtor_id,
				(long long)((wall - c->at) / MINUTE_MS), (long long)(judge->sim->drawn->gap_ms / MINUTE_MS), c->attempt, m->attempt_id);
	}
}

static void check_caps(struct judge *judge, const struct message *m, int64_t wall)
{
	const struct drawn_policy *p = judge->sim->drawn;

	for (size_t k = 0; k < p->cap_count; k++) {
		const struct drawn_cap *cap = &p->caps[k];
		int seen = 1;

		if (cap->channel != CHANNEL_COUNT && cap->channel != m->channel)
			continue;
		for (size_t i = 0; i < judge->contact_count; i++) {
			const struct known_contact *c = &judge->contacts[i];

			seen += of_debtor(judge, c, m->debtor_id) && (cap->channel == CHANNEL_COUNT || c->channel == cap->channel) &&
				c->at > wall - cap->days * DAY_MS + SLACK;
		}
		if (seen > cap->contacts)
			sim_breach(judge->sim, "policy: cap", "%s got %d contacts%s%s in %d days, %d are allowed (%s)", m->debtor_id, seen,
				cap->channel == CHANNEL_COUNT ? "" : " by ", cap->channel == CHANNEL_COUNT ? "" : channel_names[cap->channel],
				cap->days, cap->contacts, m->attempt_id);
	}
}

/* France, our own caution: no text as the fourth contact in seven calendar days. */
static void check_french_cap(struct judge *judge, const struct message *m, const struct sim_debtor *d, int64_t wall)
{
	const char *zones[9];
	int seen = 1;

	if (m->channel != CHANNEL_SMS || d->country_unknown || strcmp(book_place_country(d), "FR") != 0)
		return;
	zones_of(d, zones);
	for (size_t i = 0; i < judge->contact_count; i++)
		seen += of_debtor(judge, &judge->contacts[i], m->debtor_id) &&
			date_diff(local_at(zones[0], wall).on, local_at(zones[0], judge->contacts[i].at).on) < 7;
	if (seen > 3)
		sim_breach(judge->sim, "rule: cap", "%s gets a text as contact %d of seven days (%s)", m->debtor_id, seen, m->attempt_id);
}

/* --- in what order ---------------------------------------------------------------------------------------------------------------------- */

/* Belgium, a consumer: fourteen days from the day after the first reminder. */
static void check_grace(struct judge *judge, const struct known_invoice *invoice, const struct sim_debtor *d, date today, const char *id)
{
	bool consumer = strcmp(d->kind, "consumer") == 0 || strcmp(d->kind, "sole_trader") == 0;
	date first = date_none();

	for (size_t i = 0; i < judge->sim->drawn->step_count; i++)
		if (judge_walk(judge, invoice, i) == WALK_SENT && judge->sim->drawn->steps[i].kind == STEP_MESSAGE &&
			(!date_is_set(first) || date_diff(invoice->walk[i].on, first) < 0))
			first = invoice->walk[i].on;
	if (consumer && !d->country_unknown && strcmp(book_place_country(d), "BE") == 0 && date_is_set(first) && date_diff(today, first) < 15)
		sim_breach(judge->sim, "rule: grace", "%s hears of %s again after %d days (%s)", d->id, invoice->id, date_diff(today, first), id);
}

static void check_walk(struct judge *judge, const struct known_invoice *invoice, const struct drawn_step *step, const char *id)
{
	const struct drawn_policy *p = judge->sim->drawn;
	size_t index = (size_t)(step - p->steps);
	int sent = 1;

	for (size_t i = 0; i < p->step_count; i++) {
		if (judge_walk(judge, invoice, i) != WALK_SENT)
			continue;
		sent += p->steps[i].kind != STEP_GATE;
		if (i >= index)
			sim_breach(judge->sim, "policy: order", "%s: step %s follows step %s (%s)", invoice->id, step->id, p->steps[i].id, id);
		if (p->steps[i].tone > step->tone)
			sim_breach(judge->sim, "policy: tone", "%s: step %s is %s, after step %s was %s (%s)", invoice->id, step->id,
				tone_names[step->tone], p->steps[i].id, tone_names[p->steps[i].tone], id);
	}
	if (p->max_contacts && sent > p->max_contacts)
		sim_breach(judge->sim, "policy: contacts", "%s: contact %d, %d are allowed (%s)", invoice->id, sent, p->max_contacts, id);
}

static void check_member(struct judge *judge, const struct known_attempt *a, size_t i, const struct sim_debtor *d)
{
	const struct drawn_policy *p = judge->sim->drawn;
	struct known_invoice *invoice = judge_invoice(judge, a->invoices[i]);
	const struct drawn_step *step = drawn_step(p, a->steps[i]);
	date today = date_at(d, a->first_byte_wall);

	if (!step || !invoice->snapshot) {
		sim_breach(judge->sim, "policy: step", "attempt %s: invoice %s, step %s is not in the book", a->id, a->invoices[i], a->steps[i]);
		return;
	}
	check_condition(judge, d, step, a->id);
	check_walk(judge, invoice, step, a->id);
	check_grace(judge, invoice, d, today, a->id);
	if (step->from_due && !p->rolls && date_diff(today, invoice->snapshot->due_on) < step->days)
		sim_breach(judge->sim, "policy: too early", "%s: step %s at due%+d, not %+d (%s)", invoice->id, step->id,
			date_diff(today, invoice->snapshot->due_on), step->days, a->id);
	if (step->from_due && !p->rolls && step->days < 0 && date_diff(today, invoice->snapshot->due_on) >= 0)
		sim_breach(judge->sim, "policy: pre-due", "%s: step %s at due%+d (%s)", invoice->id, step->id,
			date_diff(today, invoice->snapshot->due_on), a->id);
	if (strcmp(invoice->snapshot->currency, "EUR") == 0 && invoice->snapshot->total < p->minimum)
		sim_breach(judge->sim, "policy: minimum", "%s over %lld is contacted (%s)", invoice->id, (long long)invoice->snapshot->total, a->id);
	invoice->walk[step - p->steps] = (struct walk_step){ .end = WALK_SENT, .why = a->id, .on = today };
}

void manners_accepted(struct judge *judge, const struct message *m, const struct known_attempt *a)
{
	const struct sim_debtor *d = debtor_of(judge, m->debtor_id);

	check_gap(judge, m, a->first_byte_wall);
	check_caps(judge, m, a->first_byte_wall);
	check_french_cap(judge, m, d, a->first_byte_wall);
	for (size_t i = 0; i < a->count; i++)
		check_member(judge, a, i, d);
}
