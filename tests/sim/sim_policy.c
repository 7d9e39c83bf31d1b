/*
 * Policies at random: whatever the format allows, and some of what it does not. The product's own parser and its check before a policy is
 * accepted sort them; those that pass are played over a small book of debtors in several countries, with faults. So are those that are refused for
 * no worse than their ladder: a version that was accepted before it was looked at so closely runs on, and caps and gap must hold it alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/lint.h"
#include "tests/sim/sim_book.h"
#include "tests/sim/sim_policy.h"

#define CALM_MS (3 * DAY_MS)
#define SLIP 30000 /* per million: each of the mistakes that must be refused */

static bool chance(struct rng *rng, int64_t per_million)
{
	return rng_chance(rng, per_million);
}

static size_t any(struct rng *rng, size_t count)
{
	return (size_t)rng_range(rng, 0, (int64_t)count - 1);
}

/* --- manners ------------------------------------------------------------------------------------------------------------------- */

static void draw_window(struct rng *rng, struct json_writer *w, struct drawn_policy *p)
{
	static const struct {
		const char *text;
		unsigned mask;
	} days[] = { { "mon-fri", 0x1f }, { "mon-fri", 0x1f }, { "mon-sat", 0x3f }, { "mon-sun", 0x7f }, { "tue-thu", 0x0e },
		{ "mon,wed,fri", 0x15 }, { "sat", 0x20 }, { "mon-thu,sat", 0x2f }, { "sat-sun", 0x60 } };
	static const char *const zones[] = { "UTC", "Europe/Paris", "America/New_York", "Asia/Tokyo" };
	size_t day = any(rng, ARRAY_LEN(days));
	char hours[48];

	*p = (struct drawn_policy){ .weekdays = 0x1f, .from_minute = 540, .to_minute = 1050, .holidays = true };
	if (chance(rng, 150000)) /* what is left out */
		return;
	jw_object(w, "window");
	if (chance(rng, 200000))
		p->zone = zones[any(rng, ARRAY_LEN(zones))];
	if (chance(rng, SLIP))
		jw_str(w, "zone", "Europe/Atlantis");
	else
		jw_opt_str(w, "zone", p->zone ? p->zone : chance(rng, 500000) ? "debtor" : NULL);
	if (chance(rng, 800000)) {
		p->weekdays = days[day].mask;
		jw_str(w, "days", days[day].text);
	}
	if (chance(rng, 800000)) {
		int length = (int)rng_range(rng, 1, chance(rng, 200000) ? 3 : 48) * 15;

		p->from_minute = (int)rng_range(rng, 20, 76) * 15;
		p->to_minute = p->from_minute + length > 1365 ? 1365 : p->from_minute + length;
		if (chance(rng, SLIP))
			p->to_minute = p->from_minute;
		snprintf(hours, sizeof(hours), "%02d:%02d-%02d:%02d", p->from_minute / 60, p->from_minute % 60, p->to_minute / 60,
			p->to_minute % 60);
		jw_str(w, "hours", hours);
	}
	if (chance(rng, 400000)) {
		p->holidays = chance(rng, 700000);
		jw_str(w, "holidays", p->holidays ? "debtor" : "none");
	}
	jw_end_object(w);
}

static void draw_caps(struct rng *rng, struct json_writer *w, struct drawn_policy *p)
{
	static const enum channel channels[] = { CHANNEL_COUNT, CHANNEL_COUNT, CHANNEL_COUNT, CHANNEL_EMAIL, CHANNEL_SMS, CHANNEL_CALL };

	if (chance(rng, 200000)) {
		p->caps[p->cap_count++] = (struct drawn_cap){ CHANNEL_COUNT, 2, 7 };
		p->caps[p->cap_count++] = (struct drawn_cap){ CHANNEL_CALL, 1, 7 };
		return;
	}
	jw_array(w, "caps");
	for (int64_t n = rng_range(rng, 0, DRAWN_CAPS_MAX); n > 0; n--) {
		struct drawn_cap *cap = &p->caps[p->cap_count++];

		*cap = (struct drawn_cap){ channels[any(rng, ARRAY_LEN(channels))], (int)rng_range(rng, 1, 3), (int)rng_range(rng, 1, 14) };
		jw_object(w, NULL);
		jw_opt_str(w, "channel", cap->channel == CHANNEL_COUNT ? NULL : channel_names[cap->channel]);
		jw_int(w, "contacts", chance(rng, SLIP / 3) ? 0 : cap->contacts);
		jw_int(w, "days", cap->days);
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void draw_manners(struct rng *rng, struct json_writer *w, struct drawn_policy *p)
{
	char text[24];

	draw_window(rng, w, p);
	draw_caps(rng, w, p);
	p->gap_ms = 48 * HOUR_MS;
	if (chance(rng, 700000)) {
		int64_t hours = rng_range(rng, 0, chance(rng, 500000) ? 30 : 150);

		p->gap_ms = hours * HOUR_MS;
		snprintf(text, sizeof(text), hours % 24 ? "%lldh" : "%lldd", (long long)(hours % 24 ? hours : hours / 24));
		jw_str(w, "min_gap", text);
	}
	if (chance(rng, 300000)) {
		p->max_contacts = (int)rng_range(rng, 0, 4);
		jw_int(w, "max_contacts", p->max_contacts);
	}
	if (chance(rng, 700000))
		jw_str(w, "group", group_names[any(rng, GROUP_COUNT)]);
	if (chance(rng, 100000)) {
		p->minimum = rng_range(rng, 0, 200000);
		jw_object(w, "minimum");
		jw_int(w, "EUR", p->minimum);
		jw_end_object(w);
	}
	if (chance(rng, 200000)) {
		enum roll roll = (enum roll)any(rng, ROLL_COUNT);

		p->rolls = roll != ROLL_NONE;
		jw_str(w, "due_roll", roll_names[roll]);
	}
}

/* --- steps ---------------------------------------------------------------------------------------------------------------------- */

/* `day` is where the ladder stands, in days from the due date. */
static void draw_at(struct rng *rng, struct json_writer *w, const struct drawn_policy *p, struct drawn_step *step, int *day)
{
	static const char *const anchors[] = { "due", "due", "due", "due", "issued", "eom", "step" };
	const char *anchor = anchors[any(rng, ARRAY_LEN(anchors))];
	int move = (int)rng_range(rng, 0, chance(rng, 300000) ? 2 : 12), days = *day + move;
	bool business = chance(rng, 200000);
	char text[40];

	*day = days;
	if (strcmp(anchor, "step") == 0 && p->step_count) {
		anchor = p->steps[p->step_count - 1].id;
		days = move;
	} else if (strcmp(anchor, "issued") == 0) {
		days += 15;
	} else if (strcmp(anchor, "eom") != 0) {
		anchor = "due";
		step->from_due = !business;
	}
	if (chance(rng, SLIP)) /* before the steps that came */
		days = -100;
	step->days = days;
	snprintf(text, sizeof(text), "%s%c%d%s", anchor, days < 0 ? '-' : '+', days < 0 ? -days : days, business ? "bd" : "d");
	jw_str(w, "at", text);
}

static void draw_condition(struct rng *rng, struct json_writer *w, struct drawn_step *step)
{
	static const char *const kinds[] = { "company", "consumer", "sole_trader", "public" }, *const countries[] = { "FR", "DE", "US", "GB" };

	if (!chance(rng, 150000))
		return;
	jw_object(w, "if");
	if (chance(rng, 500000)) {
		step->debtor_kind = kinds[any(rng, ARRAY_LEN(kinds))];
		jw_array(w, "kinds");
		jw_str(w, NULL, step->debtor_kind);
		jw_end_array(w);
	} else {
		step->country = countries[any(rng, ARRAY_LEN(countries))];
		jw_array(w, "countries");
		jw_str(w, NULL, step->country);
		jw_end_array(w);
	}
	if (chance(rng, 300000))
		jw_int(w, "balance_min_minor", rng_range(rng, 0, 400000));
	jw_end_object(w);
}

static void draw_recipients(struct rng *rng, struct json_writer *w, struct drawn_step *step)
{
	static const char *const lists[][3] = { { "billing" }, { "billing" }, { "billing", "owner" }, { "owner", "billing" }, { "owner" } };
	static const char *const outsiders[][3] = { { "billing", "employer" }, { "parent_company", "billing" } };

	step->to = chance(rng, SLIP) ? outsiders[any(rng, ARRAY_LEN(outsiders))] : lists[any(rng, ARRAY_LEN(lists))];
	if (step->to == lists[0] && chance(rng, 500000))
		return; /* that is who is meant when nobody is named */
	jw_array(w, "to");
	for (const char *const *role = step->to; *role; role++)
		jw_str(w, NULL, *role);
	jw_end_array(w);
}

static void draw_message(struct rng *rng, struct json_writer *w, struct drawn_step *step)
{
	static const enum channel channels[] = { CHANNEL_EMAIL, CHANNEL_EMAIL, CHANNEL_SMS, CHANNEL_CALL };

	step->channel = channels[any(rng, ARRAY_LEN(channels))];
	step->kind = step->channel == CHANNEL_CALL ? STEP_CALL : STEP_MESSAGE;
	jw_str(w, "channel", channel_names[step->channel]);
	jw_str(w, "template", "note");
	draw_recipients(rng, w, step);
	if (step->kind == STEP_CALL) {
		jw_str(w, "deadline", chance(rng, 500000) ? "2bd" : "3d");
	} else if (chance(rng, 250000)) {
		step->fallback = step->channel == CHANNEL_EMAIL ? CHANNEL_SMS : CHANNEL_EMAIL;
		jw_str(w, "else", channel_names[chance(rng, SLIP) ? step->channel : step->fallback]);
	}
	if (chance(rng, 300000))
		jw_str(w, "in_doubt", chance(rng, 500000) ? "skip" : "hold");
}

static void draw_step(struct rng *rng, struct json_writer *w, struct drawn_policy *p, int *day, bool falls)
{
	static const char *const ids[DRAWN_STEPS_MAX] = { "a", "b-1", "c", "d", "e", "f_2", "g" };
	struct drawn_step *step = &p->steps[p->step_count];
	enum tone before = p->step_count ? p->steps[p->step_count - 1].tone : TONE_FRIENDLY;

	*step = (struct drawn_step){ .id = ids[p->step_count], .kind = STEP_GATE, .channel = CHANNEL_COUNT,
		.fallback = CHANNEL_COUNT, .tone = before };
	jw_object(w, NULL);
	jw_str(w, "id", step->id);
	draw_at(rng, w, p, step, day);
	if (p->step_count && chance(rng, 60000)) {
		jw_str(w, "gate", "decision");
		jw_str(w, "role", "owner");
	} else {
		draw_message(rng, w, step);
		step->tone = falls ? (enum tone)any(rng, TONE_COUNT) :
				     (enum tone)rng_range(rng, before, before == TONE_LEGAL || chance(rng, 500000) ? before : before + 1);
		jw_str(w, "tone", tone_names[step->tone]);
	}
	draw_condition(rng, w, step);
	jw_end_object(w);
	p->step_count++;
}

const struct drawn_policy *policy_draw(struct arena *arena, uint64_t seed)
{
	struct drawn_policy *p = arena_alloc(arena, sizeof(*p));
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct json_writer w = jw_init(&text);
	struct rng rng;
	bool falls;
	int day;

	rng_seed(&rng, seed, "policy");
	jw_object(&w, NULL);
	jw_str(&w, "name", "sim");
	draw_manners(&rng, &w, p);
	falls = chance(&rng, 80000); /* tones at random: few of those rise by luck */
	day = (int)rng_range(&rng, -10, 4);
	jw_array(&w, "steps");
	for (int64_t n = rng_range(&rng, 1, DRAWN_STEPS_MAX); n > 0; n--)
		draw_step(&rng, &w, p, &day, falls);
	jw_end_array(&w);
	jw_end_object(&w);
	p->json = arena_strdup(arena, buf_str(&text));
	return p;
}

const struct drawn_step *drawn_step(const struct drawn_policy *drawn, const char *id)
{
	for (size_t i = 0; i < drawn->step_count; i++)
		if (strcmp(drawn->steps[i].id, id) == 0)
			return &drawn->steps[i];
	return NULL;
}

/* --- playing --------------------------------------------------------------------------------------------------------------------- */

static void count_refusal(struct policy_tally *tally, const char *code)
{
	tally->refused++;
	for (size_t i = 0; i < ARRAY_LEN(tally->refusals); i++) {
		struct policy_refusal *r = &tally->refusals[i];

		if (r->count && strcmp(r->code, code) != 0)
			continue;
		snprintf(r->code, sizeof(r->code), "%s", code);
		r->count++;
		return;
	}
}

/* As the library does at a start: read, and looked at with the law where the creditor is. Whether it is to be played. */
static bool acceptable(const char *json, bool alone, struct policy_tally *tally)
{
	CLEANUP(policy_freep) struct policy *policy = NULL;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(law_freep) struct law *law = NULL;
	struct lint_report report = { .arena = arena };
	struct err err = { 0 };
	bool unlawful = false;

	if (policy_parse(json, strlen(json), &policy, &err) < 0) {
		count_refusal(tally, err.code);
		if (alone)
			printf("refused: %s %s\n", err.path, err.text);
		return false;
	}
	if (law_load(SOURCE_DIR "/daemon/share", NULL, &law, &err) < 0) {
		fprintf(stderr, "sim: law: %s\n", err.text);
		exit(2);
	}
	lint_policy(&(struct lint_input){ .policy = policy, .law = law, .country = SIM_CREDITOR_COUNTRY, .zone = SIM_CREDITOR_ZONE }, &report);
	for (size_t i = 0; i < report.count; i++)
		unlawful |= strcmp(report.findings[i].rule->id, "unlawful") == 0;
	if (!lint_first_error(&report)) {
		tally->accepted++;
		return true;
	}
	count_refusal(tally, unlawful ? "unlawful" : lint_first_error(&report)->rule->id);
	if (alone)
		printf("refused: %s\n", lint_sentence(&report, lint_first_error(&report)));
	tally->ladders += !unlawful;
	return !unlawful;
}

bool policy_play(uint64_t seed, bool verbose, bool alone, struct policy_tally *tally)
{
	struct arena *arena = arena_create();
	const struct drawn_policy *drawn = policy_draw(arena, seed);
	struct rng rng;
	struct sim sim;
	bool broken = false;

	manners_ready();
	if (alone)
		printf("policy %llu: %s\n", (unsigned long long)seed, drawn->json);
	if (acceptable(drawn->json, alone, tally)) {
		rng_seed(&rng, seed, "policy days");
		sim_begin(&sim, seed, (int)rng_range(&rng, 60, 120), verbose);
		sim.calm_at = sim.end - CALM_MS;
		sim.drawn = drawn;
		world_run(&sim);
		broken = sim.broken;
		for (size_t i = 0; i < sim.judge->contact_count; i++) {
			tally->contacts++;
			tally->texts += sim.judge->contacts[i].channel == CHANNEL_SMS;
			tally->calls += sim.judge->contacts[i].channel == CHANNEL_CALL;
		}
		if (broken)
			printf("policy %llu: %s\n	%s\n	replay: sim --policy %llu --verbose\n", (unsigned long long)seed, sim.breach,
				drawn->json, (unsigned long long)seed);
		else if (alone)
			printf("policy %llu: kept. %s\n", (unsigned long long)seed, sim.summary);
		world_end(&sim);
		arena_free(sim.arena);
	}
	arena_free(arena);
	fflush(stdout);
	return !broken;
}

bool policy_sum(const struct policy_tally *tallies, size_t count)
{
	struct policy_tally sum = { 0 };

	for (size_t i = 0; i < count; i++) {
		sum.accepted += tallies[i].accepted;
		sum.ladders += tallies[i].ladders;
		sum.contacts += tallies[i].contacts;
		sum.texts += tallies[i].texts;
		sum.calls += tallies[i].calls;
		for (size_t k = 0; k < ARRAY_LEN(sum.refusals); k++)
			for (uint64_t n = tallies[i].refusals[k].count; n > 0; n--)
				count_refusal(&sum, tallies[i].refusals[k].code);
	}
	printf("%llu policies accepted, %llu refused (", (unsigned long long)sum.accepted, (unsigned long long)sum.refused);
	for (size_t k = 0; k < ARRAY_LEN(sum.refusals) && sum.refusals[k].count; k++)
		printf("%s%s %llu", k ? ", " : "", sum.refusals[k].code, (unsigned long long)sum.refusals[k].count);
	printf("), of these %llu for their ladder alone, and played, too; %llu contacts, of them %llu by SMS and %llu calls\n",
		(unsigned long long)sum.ladders, (unsigned long long)sum.contacts, (unsigned long long)sum.texts, (unsigned long long)sum.calls);
	return sum.accepted * 10 >= sum.refused && sum.contacts > sum.accepted + sum.ladders &&
		(sum.accepted < 100 || (sum.texts && sum.calls && sum.refused));
}
