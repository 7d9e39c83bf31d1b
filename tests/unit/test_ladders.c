/*
 * The shipped policies: that each loads for creditors of every country, paces itself, is lawful where it is meant for, and walks from its
 * first step to its last on the days that it names.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/debtor.h"
#include "common/escalation.h"
#include "common/file.h"
#include "common/library.h"
#include "common/zone.h"
#include "tests/support/first_day.h"

#define SHARE SOURCE_DIR "/daemon/share"

static struct first_day french; /* whose policies are walked: they are the same ones everywhere */

static int load(void **state)
{
	(void)state;
	first_day_open(&french, "fr-FR", "Europe/Paris", "fr-b2b");
	return 0;
}

static int unload(void **state)
{
	(void)state;
	first_day_close(&french);
	return 0;
}

/* --- loading ---------------------------------------------------------------------------------------------------------- */

/* For whom each is meant: a creditor who takes it as the default one, since that must be fit and lawful; and their debtor. */
static const struct market {
	const char *policy, *locale, *country, *zone, *currency, *phone, *kind;
} places[] = {
	{ "fr-b2b", "fr-FR", "FR", "Europe/Paris", "EUR", "+33600000000", "company" },
	{ "fr-b2b-amicable", "fr-FR", "FR", "Europe/Paris", "EUR", "+33600000000", "company" },
	{ "uk-b2b", "en-GB", "GB", "Europe/London", "GBP", "+447700900000", "company" },
	{ "de-b2b", "de-DE", "DE", "Europe/Berlin", "EUR", "+491500000000", "company" },
	{ "us-b2b", "en-US", "US", "America/New_York", "USD", "+12025550100", "company" },
	{ "be-b2b", "nl-BE", "BE", "Europe/Brussels", "EUR", "+32470000000", "company" },
	{ "es-b2b", "es-ES", "ES", "Europe/Madrid", "EUR", "+34600000000", "company" },
	{ "it-b2b", "it-IT", "IT", "Europe/Rome", "EUR", "+393200000000", "company" },
	{ "nl-b2b", "nl-NL", "NL", "Europe/Amsterdam", "EUR", "+31600000000", "company" },
	{ "fr-b2c", "fr-FR", "FR", "Europe/Paris", "EUR", "+33600000000", "consumer" },
	{ "deposit", "de-AT", "AT", "Europe/Vienna", "EUR", "+436600000000", "consumer" },
	{ "instalment", "fr-CA", "CA", "America/Toronto", "CAD", "+14165550100", "consumer" },
};

static void fits(const char *locale, const char *zone, const char *default_policy)
{
	struct first_day s;

	first_day_open(&s, locale, zone, default_policy);
	for (size_t u = 0; u < s.library->unfit_count; u++)
		fail_msg("%s: %s", s.library->unfit[u].name, s.library->unfit[u].why);
	assert_int_equal(s.library->policy_count, ARRAY_LEN(places) + 1);
	for (size_t v = 0; v < s.library->verdict_count; v++) {
		const struct lint_report *report = &s.library->verdicts[v].report;

		if (report->count)
			fail_msg("%s: %s", s.library->verdicts[v].file, lint_sentence(report, &report->findings[0]));
	}
	assert_true(library_policy(s.library, "do-nothing")->nothing);
	first_day_close(&s);
}

static void everything_loads_and_fits(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		fits(places[i].locale, places[i].zone, places[i].policy);
	fits("fr-BE", "Europe/Brussels", "be-b2b"); /* Belgium reads two languages, and German: the nearest folder has them all */
}

/* A creditor whose language is not shipped learns it at start, not from a debtor. */
static void another_language_needs_its_templates(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(config_freep) struct config *config = NULL;
	struct library *library = NULL;
	struct err err = { 0 };
	const char *text = first_day_config(arena, "pl-PL", "Europe/Warsaw", "fr-b2b");

	(void)state;
	assert_int_equal(config_parse(text, strlen(text), &config, &err), 0);
	assert_int_equal(library_load(config, SHARE, &library, &err), -EBADMSG);
	assert_string_equal(err.code, "no_template");
	assert_non_null(strstr(err.text, "fr-b2b.json: $.steps[0]"));
}

/* --- ladders ---------------------------------------------------------------------------------------------------------- */

struct rung {
	const char *policy, *id, *template;
	enum channel channel; /* CHANNEL_COUNT: a gate */
	int32_t days;
	enum tone tone;
	const char *walked; /* the debtor's day on which it comes for an invoice due on 2 September 2026, a Wednesday; NULL: it is for others */
};

static const struct rung rungs[] = {
	{ "fr-b2b", "pre-due", "pre_due", CHANNEL_EMAIL, -7, TONE_FRIENDLY, "2026-08-26" },
	{ "fr-b2b", "reminder", "reminder", CHANNEL_EMAIL, 1, TONE_FRIENDLY, "2026-09-03" },
	{ "fr-b2b", "call", "call_script", CHANNEL_CALL, 5, TONE_FRIENDLY, "2026-09-07" },
	{ "fr-b2b", "clarification", "clarification", CHANNEL_EMAIL, 8, TONE_NEUTRAL, "2026-09-10" },
	{ "fr-b2b", "text", "short_reminder", CHANNEL_SMS, 12, TONE_NEUTRAL, "2026-09-14" },
	{ "fr-b2b", "penalties", "penalties", CHANNEL_EMAIL, 15, TONE_FIRM, "2026-09-17" },
	{ "fr-b2b", "second-call", "call_script_firm", CHANNEL_CALL, 20, TONE_FIRM, "2026-09-22" },
	{ "fr-b2b", "worth-it", NULL, CHANNEL_COUNT, 25, TONE_FIRM, "2026-09-28" },
	{ "fr-b2b", "formal-notice", "formal_notice_fr", CHANNEL_LETTER, 30, TONE_LEGAL, "2026-10-05" },
	{ "fr-b2b", "follow-through", NULL, CHANNEL_COUNT, 14, TONE_LEGAL, "2026-10-19" },
	{ "fr-b2b-amicable", "pre-due", "pre_due", CHANNEL_EMAIL, -7, TONE_FRIENDLY, "2026-08-26" },
	{ "fr-b2b-amicable", "reminder", "reminder", CHANNEL_EMAIL, 1, TONE_FRIENDLY, "2026-09-03" },
	{ "fr-b2b-amicable", "call", "call_script", CHANNEL_CALL, 5, TONE_FRIENDLY, "2026-09-07" },
	{ "fr-b2b-amicable", "clarification", "clarification", CHANNEL_EMAIL, 8, TONE_NEUTRAL, "2026-09-10" },
	{ "fr-b2b-amicable", "text", "short_reminder", CHANNEL_SMS, 12, TONE_NEUTRAL, "2026-09-14" },
	{ "fr-b2b-amicable", "penalties", "penalties", CHANNEL_EMAIL, 15, TONE_FIRM, "2026-09-17" },
	{ "fr-b2b-amicable", "second-call", "call_script_firm", CHANNEL_CALL, 20, TONE_FIRM, "2026-09-22" },
	{ "fr-b2b-amicable", "worth-it", NULL, CHANNEL_COUNT, 25, TONE_FIRM, "2026-09-28" },
	{ "fr-b2b-amicable", "compromise", "compromise", CHANNEL_EMAIL, 26, TONE_FIRM, "2026-09-29" },
	{ "fr-b2b-amicable", "formal-notice", "formal_notice_fr", CHANNEL_LETTER, 45, TONE_LEGAL, "2026-10-19" },
	{ "fr-b2b-amicable", "follow-through", NULL, CHANNEL_COUNT, 14, TONE_LEGAL, "2026-11-02" },
	{ "uk-b2b", "pre-due", "pre_due", CHANNEL_EMAIL, -5, TONE_FRIENDLY, "2026-08-28" },
	{ "uk-b2b", "reminder", "reminder", CHANNEL_EMAIL, 1, TONE_FRIENDLY, "2026-09-03" },
	{ "uk-b2b", "call", "call_script", CHANNEL_CALL, 7, TONE_FRIENDLY, "2026-09-09" },
	{ "uk-b2b", "clarification", "clarification", CHANNEL_EMAIL, 10, TONE_NEUTRAL, "2026-09-14" },
	{ "uk-b2b", "text", "short_reminder", CHANNEL_SMS, 14, TONE_NEUTRAL, "2026-09-18" },
	{ "uk-b2b", "interest", "penalties", CHANNEL_EMAIL, 21, TONE_FIRM, "2026-09-25" },
	{ "uk-b2b", "second-call", "call_script_firm", CHANNEL_CALL, 24, TONE_FIRM, "2026-09-28" },
	{ "uk-b2b", "worth-it", NULL, CHANNEL_COUNT, 28, TONE_FIRM, "2026-10-02" },
	{ "uk-b2b", "letter-before-claim", "formal_notice_uk", CHANNEL_LETTER, 30, TONE_LEGAL, "2026-10-05" },
	{ "uk-b2b", "letter-of-claim", "letter_of_claim_uk", CHANNEL_LETTER, 30, TONE_LEGAL, NULL },
	{ "uk-b2b", "follow-through", NULL, CHANNEL_COUNT, 17, TONE_LEGAL, "2026-10-22" },
	{ "uk-b2b", "protocol-follow-through", NULL, CHANNEL_COUNT, 33, TONE_LEGAL, NULL },
	{ "de-b2b", "pre-due", "pre_due", CHANNEL_EMAIL, -3, TONE_FRIENDLY, "2026-08-31" },
	{ "de-b2b", "reminder", "reminder", CHANNEL_EMAIL, 5, TONE_FRIENDLY, "2026-09-08" }, /* eight days after the Monday on which the first one went */
	{ "de-b2b", "call", "call_script", CHANNEL_CALL, 10, TONE_FRIENDLY, "2026-09-14" },
	{ "de-b2b", "clarification", "clarification", CHANNEL_EMAIL, 14, TONE_NEUTRAL, "2026-09-18" },
	{ "de-b2b", "penalties", "penalties", CHANNEL_EMAIL, 24, TONE_FIRM, "2026-09-28" },
	{ "de-b2b", "second-call", "call_script_firm", CHANNEL_CALL, 28, TONE_FIRM, "2026-10-02" },
	{ "de-b2b", "worth-it", NULL, CHANNEL_COUNT, 32, TONE_FIRM, "2026-10-06" },
	{ "de-b2b", "final-demand", "formal_notice_de", CHANNEL_LETTER, 35, TONE_LEGAL, "2026-10-09" },
	{ "de-b2b", "follow-through", NULL, CHANNEL_COUNT, 14, TONE_LEGAL, "2026-10-23" },
	{ "us-b2b", "pre-due", "pre_due", CHANNEL_EMAIL, -5, TONE_FRIENDLY, "2026-08-28" },
	{ "us-b2b", "reminder", "reminder", CHANNEL_EMAIL, 1, TONE_FRIENDLY, "2026-09-03" },
	{ "us-b2b", "call", "call_script", CHANNEL_CALL, 7, TONE_FRIENDLY, "2026-09-09" },
	{ "us-b2b", "clarification", "clarification", CHANNEL_EMAIL, 10, TONE_NEUTRAL, "2026-09-14" },
	{ "us-b2b", "text", "short_reminder", CHANNEL_SMS, 14, TONE_NEUTRAL, "2026-09-18" },
	{ "us-b2b", "firm", "firm_reminder", CHANNEL_EMAIL, 21, TONE_FIRM, "2026-09-25" },
	{ "us-b2b", "second-call", "call_script_firm", CHANNEL_CALL, 30, TONE_FIRM, "2026-10-05" },
	{ "us-b2b", "worth-it", NULL, CHANNEL_COUNT, 40, TONE_FIRM, "2026-10-15" },
	{ "us-b2b", "demand-letter", "formal_notice_us", CHANNEL_LETTER, 45, TONE_LEGAL, "2026-10-20" },
	{ "us-b2b", "follow-through", NULL, CHANNEL_COUNT, 18, TONE_LEGAL, "2026-11-09" },
	{ "be-b2b", "pre-due", "pre_due", CHANNEL_EMAIL, -5, TONE_FRIENDLY, "2026-08-28" },
	{ "be-b2b", "reminder", "reminder", CHANNEL_EMAIL, 1, TONE_FRIENDLY, "2026-09-03" },
	{ "be-b2b", "call", "call_script", CHANNEL_CALL, 6, TONE_FRIENDLY, "2026-09-08" },
	{ "be-b2b", "clarification", "clarification", CHANNEL_EMAIL, 9, TONE_NEUTRAL, "2026-09-11" },
	{ "be-b2b", "text", "short_reminder", CHANNEL_SMS, 13, TONE_NEUTRAL, "2026-09-15" },
	{ "be-b2b", "penalties", "penalties", CHANNEL_EMAIL, 16, TONE_FIRM, "2026-09-18" },
	{ "be-b2b", "second-call", "call_script_firm", CHANNEL_CALL, 21, TONE_FIRM, "2026-09-23" },
	{ "be-b2b", "worth-it", NULL, CHANNEL_COUNT, 26, TONE_FIRM, "2026-09-28" },
	{ "be-b2b", "formal-notice", "formal_notice_be", CHANNEL_LETTER, 30, TONE_LEGAL, "2026-10-02" },
	{ "be-b2b", "follow-through", NULL, CHANNEL_COUNT, 14, TONE_LEGAL, "2026-10-16" },
	{ "es-b2b", "pre-due", "pre_due", CHANNEL_EMAIL, -5, TONE_FRIENDLY, "2026-08-28" },
	{ "es-b2b", "reminder", "reminder", CHANNEL_EMAIL, 2, TONE_FRIENDLY, "2026-09-04" },
	{ "es-b2b", "call", "call_script", CHANNEL_CALL, 7, TONE_FRIENDLY, "2026-09-09" },
	{ "es-b2b", "clarification", "clarification", CHANNEL_EMAIL, 10, TONE_NEUTRAL, "2026-09-14" },
	{ "es-b2b", "text", "short_reminder", CHANNEL_SMS, 14, TONE_NEUTRAL, "2026-09-18" },
	{ "es-b2b", "penalties", "penalties", CHANNEL_EMAIL, 20, TONE_FIRM, "2026-09-24" },
	{ "es-b2b", "second-call", "call_script_firm", CHANNEL_CALL, 25, TONE_FIRM, "2026-09-29" },
	{ "es-b2b", "worth-it", NULL, CHANNEL_COUNT, 30, TONE_FIRM, "2026-10-05" },
	{ "es-b2b", "burofax", "formal_notice_es", CHANNEL_LETTER, 35, TONE_LEGAL, "2026-10-13" },
	{ "es-b2b", "follow-through", NULL, CHANNEL_COUNT, 14, TONE_LEGAL, "2026-10-27" },
	{ "it-b2b", "pre-due", "pre_due", CHANNEL_EMAIL, -5, TONE_FRIENDLY, "2026-08-28" },
	{ "it-b2b", "reminder", "reminder", CHANNEL_EMAIL, 3, TONE_FRIENDLY, "2026-09-07" },
	{ "it-b2b", "call", "call_script", CHANNEL_CALL, 8, TONE_FRIENDLY, "2026-09-14" },
	{ "it-b2b", "clarification", "clarification", CHANNEL_EMAIL, 11, TONE_NEUTRAL, "2026-09-17" },
	{ "it-b2b", "text", "short_reminder", CHANNEL_SMS, 15, TONE_NEUTRAL, "2026-09-21" },
	{ "it-b2b", "penalties", "penalties", CHANNEL_EMAIL, 20, TONE_FIRM, "2026-09-28" },
	{ "it-b2b", "second-call", "call_script_firm", CHANNEL_CALL, 25, TONE_FIRM, "2026-10-05" },
	{ "it-b2b", "worth-it", NULL, CHANNEL_COUNT, 30, TONE_FIRM, "2026-10-12" },
	{ "it-b2b", "formal-notice", "formal_notice_it", CHANNEL_LETTER, 35, TONE_LEGAL, "2026-10-19" },
	{ "it-b2b", "follow-through", NULL, CHANNEL_COUNT, 14, TONE_LEGAL, "2026-11-02" },
	{ "nl-b2b", "pre-due", "pre_due", CHANNEL_EMAIL, -5, TONE_FRIENDLY, "2026-08-28" },
	{ "nl-b2b", "reminder", "reminder", CHANNEL_EMAIL, 1, TONE_FRIENDLY, "2026-09-03" },
	{ "nl-b2b", "call", "call_script", CHANNEL_CALL, 7, TONE_FRIENDLY, "2026-09-09" },
	{ "nl-b2b", "clarification", "clarification", CHANNEL_EMAIL, 10, TONE_NEUTRAL, "2026-09-14" },
	{ "nl-b2b", "text", "short_reminder", CHANNEL_SMS, 14, TONE_NEUTRAL, "2026-09-18" },
	{ "nl-b2b", "penalties", "penalties", CHANNEL_EMAIL, 21, TONE_FIRM, "2026-09-25" },
	{ "nl-b2b", "second-call", "call_script_firm", CHANNEL_CALL, 24, TONE_FIRM, "2026-09-28" },
	{ "nl-b2b", "worth-it", NULL, CHANNEL_COUNT, 28, TONE_FIRM, "2026-10-02" },
	{ "nl-b2b", "sommatie", "formal_notice_nl", CHANNEL_LETTER, 30, TONE_LEGAL, "2026-10-05" },
	{ "nl-b2b", "follow-through", NULL, CHANNEL_COUNT, 14, TONE_LEGAL, "2026-10-19" },
	{ "fr-b2c", "pre-due", "pre_due", CHANNEL_EMAIL, -5, TONE_FRIENDLY, "2026-08-28" },
	{ "fr-b2c", "reminder", "reminder", CHANNEL_EMAIL, 3, TONE_FRIENDLY, "2026-09-07" },
	{ "fr-b2c", "text", "short_reminder", CHANNEL_SMS, 10, TONE_FRIENDLY, "2026-09-14" },
	{ "fr-b2c", "clarification", "clarification", CHANNEL_EMAIL, 17, TONE_NEUTRAL, "2026-09-21" },
	{ "fr-b2c", "call", "call_script", CHANNEL_CALL, 24, TONE_NEUTRAL, "2026-09-28" },
	{ "fr-b2c", "firm", "firm_reminder", CHANNEL_EMAIL, 31, TONE_FIRM, "2026-10-05" },
	{ "fr-b2c", "worth-it", NULL, CHANNEL_COUNT, 45, TONE_FIRM, "2026-10-19" },
	{ "fr-b2c", "formal-notice", "formal_notice_fr_consumer", CHANNEL_LETTER, 52, TONE_LEGAL, "2026-10-26" },
	{ "fr-b2c", "follow-through", NULL, CHANNEL_COUNT, 20, TONE_LEGAL, "2026-11-16" },
	{ "deposit", "pre-due", "pre_due", CHANNEL_EMAIL, -2, TONE_FRIENDLY, "2026-08-31" },
	{ "deposit", "reminder", "deposit_reminder", CHANNEL_EMAIL, 1, TONE_FRIENDLY, "2026-09-03" },
	{ "deposit", "call", "call_script", CHANNEL_CALL, 5, TONE_FRIENDLY, "2026-09-07" },
	{ "deposit", "question", "deposit_question", CHANNEL_EMAIL, 8, TONE_NEUTRAL, "2026-09-10" },
	{ "deposit", "go-ahead", NULL, CHANNEL_COUNT, 15, TONE_NEUTRAL, "2026-09-17" },
	{ "instalment", "pre-due", "instalment_due", CHANNEL_EMAIL, -4, TONE_FRIENDLY, "2026-08-31" },
	{ "instalment", "reminder", "instalment_missed", CHANNEL_EMAIL, 2, TONE_FRIENDLY, "2026-09-08" },
	{ "instalment", "call", "call_script", CHANNEL_CALL, 6, TONE_FRIENDLY, "2026-09-14" },
	{ "instalment", "question", "instalment_question", CHANNEL_EMAIL, 11, TONE_NEUTRAL, "2026-09-21" },
	{ "instalment", "plan", NULL, CHANNEL_COUNT, 18, TONE_NEUTRAL, "2026-09-28" },
};

static void the_ladders_are_those_of_the_trade(void **state)
{
	size_t seen = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rungs); i++) {
		const struct rung *rung = &rungs[i];
		const struct policy *policy = library_policy(french.library, rung->policy);
		int index = policy_step_index(policy, rung->id);
		const struct step *step;

		seen = i && strcmp(rungs[i - 1].policy, rung->policy) ? 0 : seen;
		assert_int_equal(index, (int)seen++);
		step = &policy->steps[index];
		assert_int_equal(step->kind, !rung->template ? STEP_GATE : rung->channel == CHANNEL_CALL ? STEP_CALL : STEP_MESSAGE);
		assert_int_equal(step->at.anchor, strstr(rung->id, "follow-through") ? ANCHOR_STEP : ANCHOR_DUE);
		assert_int_equal(step->at.days, rung->days);
		assert_false(step->at.business);
		assert_int_equal(step->tone, rung->tone);
		if (rung->template) {
			assert_int_equal(step->channel, rung->channel);
			assert_string_equal(step->template_name, rung->template);
		}
		if (i + 1 == ARRAY_LEN(rungs) || strcmp(rungs[i + 1].policy, rung->policy))
			assert_int_equal(policy->step_count, seen);
	}
}

/* --- walking ---------------------------------------------------------------------------------------------------------- */

static const char event[] =
	"{\"specversion\":\"1.0\",\"id\":\"01JX9\",\"source\":\"https://billing.example/eu\",\"type\":\"invoice.finalized\","
	"\"subject\":\"invoice/inv_42\",\"time\":\"2026-08-03T09:00:00Z\",\"data\":{\"invoice\":{\"id\":\"inv_42\",\"number\":\"F-42\","
	"\"version\":1,\"status\":\"open\",\"issued_on\":\"2026-08-03\",\"due_on\":\"2026-09-02\",\"currency\":\"%s\","
	"\"total_minor\":120000,\"paid_minor\":0,\"credited_minor\":0,\"due_minor\":120000},\"customer\":{\"id\":\"cus_7\","
	"\"name\":\"Dupont\",\"country\":\"%s\",\"kind\":\"%s\",\"locale\":\"%s\",\"timezone\":\"%s\","
	"\"postal\":{\"line1\":\"1 Street\",\"postcode\":\"10000\",\"city\":\"Town\"},"
	"\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"name\":\"Mme Roy\",\"email\":\"compta@dupont.example\","
	"\"phone\":\"%s\",\"consent\":{\"sms\":%s}}]}}}";

struct walk {
	struct escalation e;
	struct debtor debtor;
	struct rules rules;
	struct arena *arena;
};

/* With all that the daemon asks: the place's holidays, contact rules and hours. */
static struct walk *walk_begin(const struct market *place, const char *kind, bool sms_consent)
{
	const struct first_day *s = &french;
	const char *text = arena_printf(s->arena, event, place->currency, place->country, kind, place->locale, place->zone, place->phone,
		sms_consent ? "true" : "false");
	struct walk *w = arena_alloc(s->arena, sizeof(*w));
	static const char *evidence[] = { "approval", "notice", "delivered", "document", "contract" }; /* what is there is tested elsewhere */
	struct event parsed;
	struct err err = { 0 };

	*w = (struct walk){ .arena = s->arena, .debtor.id = "cus_7", .e.invoice.id = "inv_42",
		.rules = { .policy = library_policy(s->library, place->policy), .creditor_zone = place->zone,
			.holidays = library_holidays(s->library), .guard = library_guard(s->library) } };
	if (event_parse(s->arena, text, strlen(text), NULL, &parsed, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	assert_true(debtor_apply(&w->debtor, &parsed, s->arena));
	assert_true(invoice_apply(&w->e.invoice, &parsed, s->arena));
	w->e.waived = evidence;
	w->e.waived_count = ARRAY_LEN(evidence);
	w->rules.now = parsed.time;
	return w;
}

/* The next step that is contacted or decided, done at once when it is owed. NULL: the ladder has ended. */
static const struct step *walk_on(struct walk *w)
{
	for (;;) {
		struct effects fx;
		struct next_action next;
		const struct step *step;

		effects_init(&fx, w->arena, w->rules.now);
		escalation_refresh(&w->e, &w->debtor, &w->rules, &fx);
		next = escalation_next(&w->e, &w->debtor, &w->rules);
		if (next.kind == NEXT_HELD) {
			assert_string_equal(next.why, "exhausted");
			return NULL;
		}
		assert_true(next.at >= w->rules.now);
		w->rules.now = next.at;
		if (next.kind == NEXT_SKIP)
			continue;
		assert_true(next.kind == NEXT_CONTACT || next.kind == NEXT_GATE);
		step = &w->rules.policy->steps[next.step];
		escalation_walked(&w->e, w->arena, step->id, STEP_SENT, NULL, next.at, step->id);
		if (next.kind == NEXT_CONTACT)
			debtor_contact_add(&w->debtor, w->arena, next.at, step->channel, step->id);
		return step;
	}
}

static const char *local_day(struct arena *arena, const char *name, int64_t at)
{
	const struct zone *zone;
	char text[DATE_TEXT_SIZE];

	assert_int_equal(zone_get(name, &zone), 0);
	return arena_strdup(arena, date_format(zone_date(zone, at), text));
}

/* Each step on its own day, none put off by caps or gap, in the rhythm that was written down; and no tone below the one before it. */
static void the_ladders_walk_from_start_to_end(void **state)
{
	(void)state;
	for (size_t p = 0; p < ARRAY_LEN(places); p++) {
		struct walk *w = walk_begin(&places[p], places[p].kind, true);
		enum tone tone = TONE_FRIENDLY;

		for (size_t i = 0; i < ARRAY_LEN(rungs); i++) {
			const struct step *step;
			const char *day;

			if (strcmp(rungs[i].policy, places[p].policy) != 0 || !rungs[i].walked)
				continue;
			step = walk_on(w);
			if (!step)
				fail_msg("%s: ends before %s", places[p].policy, rungs[i].id);
			day = local_day(w->arena, places[p].zone, w->rules.now);
			if (strcmp(step->id, rungs[i].id) != 0 || strcmp(day, rungs[i].walked) != 0)
				fail_msg("%s: %s on %s, not %s on %s", places[p].policy, step->id, day, rungs[i].id, rungs[i].walked);
			assert_true(step->tone >= tone);
			tone = step->tone;
		}
		assert_null(walk_on(w));
	}
}

static bool walks(const char *policy, const char *kind, bool sms_consent, const char *wanted)
{
	const struct step *step;
	struct walk *w = NULL;
	bool found = false;

	for (size_t p = 0; p < ARRAY_LEN(places); p++)
		if (strcmp(places[p].policy, policy) == 0)
			w = walk_begin(&places[p], kind, sms_consent);
	assert_non_null(w);
	while ((step = walk_on(w)))
		found = found || strcmp(step->id, wanted) == 0;
	return found;
}

/* Late-payment law between businesses is told to businesses, and nobody is texted in America, or as a consumer, without consent. */
static void steps_are_for_whom_they_concern(void **state)
{
	static const struct {
		const char *policy, *kind, *step;
		bool consent, walked;
	} cases[] = {
		{ "fr-b2b", "company", "penalties", true, true }, { "fr-b2b", "sole_trader", "penalties", true, true },
		{ "fr-b2b", "public", "penalties", true, false }, { "fr-b2b", "consumer", "penalties", true, false },
		{ "fr-b2b", "company", "formal-notice", true, true }, { "fr-b2b", "public", "formal-notice", true, false },
		{ "fr-b2b", "consumer", "follow-through", true, false }, { "uk-b2b", "public", "letter-before-claim", true, true },
		{ "uk-b2b", "sole_trader", "letter-before-claim", true, false }, { "uk-b2b", "sole_trader", "letter-of-claim", true, true },
		{ "uk-b2b", "sole_trader", "protocol-follow-through", true, true }, { "uk-b2b", "company", "letter-of-claim", true, false },
		{ "uk-b2b", "public", "interest", true, true }, { "uk-b2b", "consumer", "interest", true, false },
		{ "de-b2b", "public", "penalties", true, true }, { "de-b2b", "consumer", "penalties", true, false },
		{ "be-b2b", "public", "penalties", true, true }, { "be-b2b", "consumer", "penalties", true, false },
		{ "es-b2b", "public", "penalties", true, true }, { "es-b2b", "consumer", "penalties", true, false },
		{ "it-b2b", "public", "penalties", true, true }, { "it-b2b", "consumer", "penalties", true, false },
		{ "nl-b2b", "sole_trader", "penalties", true, true }, { "nl-b2b", "public", "penalties", true, false },
		{ "us-b2b", "company", "text", true, true }, { "us-b2b", "company", "text", false, false },
		{ "fr-b2c", "consumer", "text", false, false }, { "fr-b2c", "consumer", "firm", false, true },
		{ "fr-b2b", "company", "text", false, true }, { "fr-b2b", "consumer", "text", false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (walks(cases[i].policy, cases[i].kind, cases[i].consent, cases[i].step) != cases[i].walked)
			fail_msg("%s, %s: %s", cases[i].policy, cases[i].kind, cases[i].step);
}

/* What a consumer owes is never raised: no step of theirs states a fee or a law, and nothing before the formal notice is above a firm word. */
static void consumers_pay_no_fees(void **state)
{
	static const char *const policies[] = { "fr-b2c", "deposit", "instalment" };

	(void)state;
	for (size_t p = 0; p < ARRAY_LEN(policies); p++) {
		const struct policy *policy = library_policy(french.library, policies[p]);

		assert_null(policy->regime);
		for (size_t i = 0; i < policy->step_count; i++) {
			assert_false(policy->steps[i].fees);
			if (!policy->steps[i].notice && policy->steps[i].kind != STEP_GATE)
				assert_true(policy->steps[i].tone <= (p == 0 ? TONE_FIRM : TONE_NEUTRAL));
		}
	}
}

/* Evidence before a threat: whoever decides to go on, what stood in the way, the invoice's document and what the claim rests on. */
static void threats_rest_on_the_file(void **state)
{
	const uint32_t facts = 1u << NEED_APPROVAL | 1u << NEED_DOCUMENT | 1u << NEED_CONTRACT;
	size_t threats = 0;

	(void)state;
	for (size_t p = 0; p < ARRAY_LEN(places); p++) {
		const struct policy *policy = library_policy(french.library, places[p].policy);
		int why = policy_step_index(policy, "clarification");

		for (size_t i = 0; i < policy->step_count; i++) {
			const struct needs *needs = &policy->steps[i].needs;

			if (policy->steps[i].kind != STEP_MESSAGE || policy->steps[i].tone < TONE_LEGAL)
				continue;
			threats++;
			if ((needs->facts & facts) != facts || why < 0 || !(needs->steps >> why & 1))
				fail_msg("%s: %s", policy->name, policy->steps[i].id);
		}
	}
	assert_int_equal(threats, 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_loads_and_fits),
		cmocka_unit_test(another_language_needs_its_templates),
		cmocka_unit_test(the_ladders_are_those_of_the_trade),
		cmocka_unit_test(the_ladders_walk_from_start_to_end),
		cmocka_unit_test(steps_are_for_whom_they_concern),
		cmocka_unit_test(consumers_pay_no_fees),
		cmocka_unit_test(threats_rest_on_the_file),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
