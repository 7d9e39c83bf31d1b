/* The one answer: the policy and the law together, before a policy is accepted and before each send. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/law.h"
#include "common/permit.h"
#include "tests/unit/escalation_world.h"

#define OWN "\"window\":{\"zone\":\"debtor\",\"days\":\"mon-sat\",\"hours\":\"06:00-23:00\"},\"caps\":[],\"min_gap\":\"1m\","
#define TEXT(id, at_, more) \
	"{\"id\":\"" id "\",\"at\":\"" at_ "\",\"channel\":\"sms\",\"template\":\"t\",\"tone\":\"neutral\"" more "}"

static struct law *law;

static int set_up(void **state)
{
	struct err err = { 0 };

	(void)state;
	if (law_load(SOURCE_DIR "/daemon/share", NULL, &law, &err) < 0)
		fail_msg("%s", err.text);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	law_free(law);
	return 0;
}

struct row {
	const char *name, *country, *zone;
	int kind; /* of customer_kind_names: company, sole_trader, consumer, public */
	enum channel channel;
	const char *from;
	enum guard_decision decision;
	const char *at, *why, *rule; /* at NULL: not asked */
	int contacts; /* made at 10:00 in Paris on the days before `from`, one a day */
	const char *reminder; /* day of the first */
	const char *role;
	bool again;
};

enum { COMPANY, SOLE_TRADER, CONSUMER, PUBLIC };
static const struct row rows[] = {
	{ "inside both", "FR", "Europe/Paris", COMPANY, CHANNEL_SMS, "2026-06-05T06:00:00Z", GUARD_ALLOW, "2026-06-05T06:00:00Z", NULL, NULL, 0,
		NULL, NULL, false },
	{ "the policy's hours are wider than our caution's", "FR", "Europe/Paris", COMPANY, CHANNEL_SMS, "2026-06-05T05:00:00Z", GUARD_ALLOW,
		"2026-06-05T06:00:00Z", "outside_window", "fr-policy", 0, NULL, NULL, false },
	{ "an email knows no hours but the policy's", "FR", "Europe/Paris", COMPANY, CHANNEL_EMAIL, "2026-06-05T05:00:00Z", GUARD_ALLOW,
		"2026-06-05T05:00:00Z", NULL, NULL, 0, NULL, NULL, false },
	{ "and those", "FR", "Europe/Paris", COMPANY, CHANNEL_EMAIL, "2026-06-05T03:00:00Z", GUARD_ALLOW, "2026-06-05T04:00:00Z", "window", NULL,
		0, NULL, NULL, false },
	{ "a holiday of the debtor's country", "FR", "Europe/Paris", COMPANY, CHANNEL_EMAIL, "2026-07-14T08:00:00Z", GUARD_ALLOW,
		"2026-07-15T04:00:00Z", "window", NULL, 0, NULL, NULL, false },
	{ "two contacts leave room for a third", "FR", "Europe/Paris", COMPANY, CHANNEL_SMS, "2026-06-05T08:00:00Z", GUARD_ALLOW,
		"2026-06-05T08:00:00Z", NULL, NULL, 2, NULL, NULL, false },
	{ "three in seven days, over all channels", "FR", "Europe/Paris", COMPANY, CHANNEL_SMS, "2026-06-05T08:00:00Z", GUARD_ALLOW,
		"2026-06-09T06:00:00Z", "contact_cap", "fr-policy", 3, NULL, NULL, false },
	{ "a message that may have gone counts itself", "FR", "Europe/Paris", COMPANY, CHANNEL_SMS, "2026-06-05T08:00:00Z", GUARD_ALLOW,
		"2026-06-05T08:00:00Z", NULL, NULL, 3, NULL, NULL, true },
	{ "but not at night", "FR", "Europe/Paris", COMPANY, CHANNEL_SMS, "2026-06-05T19:00:00Z", GUARD_ALLOW, "2026-06-06T07:00:00Z",
		"outside_window", "fr-policy", 3, NULL, NULL, true },
	{ "a Belgian consumer has fourteen days", "BE", "Europe/Brussels", CONSUMER, CHANNEL_EMAIL, "2026-03-10T09:00:00Z", GUARD_ALLOW,
		"2026-03-17T05:00:00Z", "grace_period", "be-b2c", 0, "2026-03-02", NULL, false },
	{ "a Belgian company has not", "BE", "Europe/Brussels", COMPANY, CHANNEL_EMAIL, "2026-03-10T09:00:00Z", GUARD_ALLOW,
		"2026-03-10T09:00:00Z", NULL, NULL, 0, "2026-03-02", NULL, false },
	{ "without a zone all of the country's must fit", "US", NULL, CONSUMER, CHANNEL_SMS, "2026-01-15T14:00:00Z", GUARD_ALLOW,
		"2026-01-15T18:00:00Z", "outside_window", "any-policy", 0, NULL, NULL, false },
	{ "so must they for the policy's own hours", "US", NULL, CONSUMER, CHANNEL_EMAIL, "2026-01-15T11:30:00Z", GUARD_ALLOW,
		"2026-01-15T16:00:00Z", "window", NULL, 0, NULL, NULL, false }, /* 06:30 in New York; 06:00 in Honolulu */
	{ "and the creditor's zone has no say in it", "JP", NULL, COMPANY, CHANNEL_EMAIL, "2026-01-15T15:00:00Z", GUARD_ALLOW,
		"2026-01-15T21:00:00Z", "window", NULL, 0, NULL, NULL, false }, /* 16:00 in Paris, midnight in Tokyo */
	{ "unless no country is known either", NULL, NULL, COMPANY, CHANNEL_EMAIL, "2026-01-15T22:00:00Z", GUARD_ALLOW,
		"2026-01-16T05:00:00Z", "window", NULL, 0, NULL, NULL, false },
	{ "with one it alone", "US", "America/New_York", CONSUMER, CHANNEL_SMS, "2026-01-15T14:00:00Z", GUARD_ALLOW, "2026-01-15T14:00:00Z", NULL,
		NULL, 0, NULL, NULL, false },
	{ "eight in New York, while its clock shows winter", "US", "America/New_York", CONSUMER, CHANNEL_SMS, "2026-03-06T12:00:00Z", GUARD_ALLOW,
		"2026-03-06T13:00:00Z", "outside_window", "any-policy", 0, NULL, NULL, false },
	{ "and summer, which Paris has not yet", "US", "America/New_York", CONSUMER, CHANNEL_SMS, "2026-03-09T11:00:00Z", GUARD_ALLOW,
		"2026-03-09T12:00:00Z", "outside_window", "any-policy", 0, NULL, NULL, false },
	{ "wherever in the country: before the change", "US", NULL, CONSUMER, CHANNEL_SMS, "2026-03-06T00:30:00Z", GUARD_ALLOW,
		"2026-03-06T00:30:00Z", NULL, NULL, 0, NULL, NULL, false }, /* 19:30 in New York, 14:30 in Honolulu */
	{ "and after it, an hour less of the day", "US", NULL, CONSUMER, CHANNEL_SMS, "2026-03-10T00:30:00Z", GUARD_ALLOW,
		"2026-03-10T18:00:00Z", "outside_window", "any-policy", 0, NULL, NULL, false },
	{ "an employer is no debtor", "FR", "Europe/Paris", CONSUMER, CHANNEL_EMAIL, "2026-06-05T08:00:00Z", GUARD_DENY, NULL, "third_party", NULL,
		0, NULL, "employer", false },
	{ "a parent company: a person looks", "DE", "Europe/Berlin", COMPANY, CHANNEL_EMAIL, "2026-06-05T08:00:00Z", GUARD_REVIEW, NULL,
		"other_legal_entity", NULL, 0, NULL, "parent_company", false },
	{ "a role of the debtor's own", "DE", "Europe/Berlin", COMPANY, CHANNEL_EMAIL, "2026-06-05T08:00:00Z", GUARD_ALLOW,
		"2026-06-05T08:00:00Z", NULL, NULL, 0, NULL, "accounts payable", false },
};

static void row_holds(void **state)
{
	const struct row *row = *state;
	struct contact contact = { .role = row->role ? row->role : "billing" };
	struct contact_made made[4] = { 0 };
	struct debtor debtor = { .known = true, .contacts = made, .contact_count = (size_t)row->contacts,
		.customer = { .country = row->country, .timezone = row->zone, .kind = row->kind } };
	bool american = row->country && strcmp(row->country, "US") == 0;
	struct permit_case c = { .guard = &law->guard, .holidays = law->holidays, .debtor = &debtor, .contact = &contact, .channel = row->channel,
		.creditor_zone = "Europe/Paris", .first_reminder = date_none(), .again = row->again };
	CLEANUP(policy_freep) struct policy *policy = NULL;
	char text[UTC_TEXT_SIZE];
	struct permit permit;
	struct err err = { 0 };

	if (american)
		debtor.customer.postal.region = "CA"; /* a state that has no rule of its own in the law data: test_place.c has those that have */
	if (policy_parse(POLICY(OWN, MAIL("a", "due+1d", "")), strlen(POLICY(OWN, MAIL("a", "due+1d", ""))), &policy, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	c.policy = policy;
	for (int i = 0; i < row->contacts; i++)
		made[i] = (struct contact_made){ .at = at("2026-06-05T08:00:00Z") - (row->contacts - i) * DAY_MS, .channel = CHANNEL_EMAIL };
	if (row->reminder)
		assert_int_equal(date_parse(row->reminder, &c.first_reminder), 0);
	permit = permit_contact(&c, at(row->from));
	assert_int_equal(permit.decision, row->decision);
	if (row->at)
		assert_string_equal(utc_format(permit.at, text), row->at);
	assert_string_equal(permit.why ? permit.why : "", row->why ? row->why : "");
	assert_string_equal(permit.rule ? permit.rule : "", row->rule ? row->rule : "");
	if (row->rule || row->decision != GUARD_ALLOW)
		assert_non_null(permit.source);
}

/* Three hours of the morning are never the morning in New York and in Honolulu at once: a person looks. Nobody is to blame the policy for it. */
static void nowhere_at_once(void **state)
{
	static const char json[] = POLICY("\"window\":{\"hours\":\"09:00-12:00\"},", MAIL("a", "due+1d", ",\"if\":{\"countries\":[\"US\"]}"));
	CLEANUP(policy_freep) struct policy *policy = NULL;
	struct debtor debtor = { .customer = { .country = "US", .kind = COMPANY } };
	struct permit_case c = { .guard = &law->guard, .holidays = law->holidays, .debtor = &debtor, .channel = CHANNEL_EMAIL,
		.creditor_zone = "Europe/Paris", .first_reminder = date_none() };
	struct permit permit;

	(void)state;
	assert_int_equal(policy_parse(json, strlen(json), &policy, NULL), 0);
	assert_int_equal(permit_check_step(&law->guard, policy, 0, "FR", "Europe/Paris", NULL), 0);
	c.policy = policy;
	permit = permit_contact(&c, at("2026-01-15T11:30:00Z"));
	assert_int_equal(permit.decision, GUARD_REVIEW);
	assert_string_equal(permit.why, "no_common_hours");
	debtor.customer.timezone = "America/Denver";
	permit = permit_contact(&c, at("2026-01-15T11:30:00Z"));
	assert_int_equal(permit.decision, GUARD_ALLOW);
	assert_int_equal(permit.at, at("2026-01-15T16:00:00Z"));
}

/* Who collects the debts of others is bound by more. */
static void collectors(void **state)
{
	static const char json[] = POLICY(OWN, MAIL("a", "due+1d", ""));
	CLEANUP(policy_freep) struct policy *policy = NULL;
	struct guard_rules guard = law->guard;
	struct debtor debtor = { .customer = { .country = "US", .timezone = "America/New_York", .kind = CONSUMER } };
	struct permit_case c = { .guard = &guard, .debtor = &debtor, .channel = CHANNEL_EMAIL, .creditor_zone = "UTC",
		.first_reminder = date_none() };
	struct permit permit;

	(void)state;
	assert_int_equal(policy_parse(json, strlen(json), &policy, NULL), 0);
	c.policy = policy;
	permit = permit_contact(&c, at("2026-06-06T01:30:00Z")); /* 21:30 on Friday */
	assert_int_equal(permit.at, at("2026-06-06T01:30:00Z"));
	guard.role = guard_role("third_party_collector");
	permit = permit_contact(&c, at("2026-06-06T01:30:00Z"));
	assert_int_equal(permit.at, at("2026-06-06T12:00:00Z"));
	assert_string_equal(permit.rule, "us-fdcpa");
}

/* --- once a day --------------------------------------------------------------------------------------------------------- */

#define HOURS(zone) "\"window\":{\"zone\":\"" zone "\",\"days\":\"mon-sat\",\"hours\":\"06:00-23:00\"},\"caps\":[],"
#define AT_ONCE HOURS("debtor") "\"min_gap\":\"0h\","
#define SEVERAL AT_ONCE "\"same_day\":true,"

/* A Friday, and the Saturday after it. */
static const struct day_row {
	const char *name, *members, *zone;
	struct {
		const char *at;
		enum channel channel;
		enum delivery_state delivery;
		bool aside;
	} made;
	enum channel channel;
	bool aside, again;
	const char *from, *at, *why;
} day_rows[] = {
	{ "a mail after a mail", AT_ONCE, "Europe/Paris", { "2026-06-05T08:00:00Z", CHANNEL_EMAIL, 0, false }, CHANNEL_EMAIL, false, false,
		"2026-06-05T08:00:00Z", "2026-06-06T04:00:00Z", "same_day" },
	{ "a text after a mail", AT_ONCE, "Europe/Paris", { "2026-06-05T08:00:00Z", CHANNEL_EMAIL, 0, false }, CHANNEL_SMS, false, false,
		"2026-06-05T15:00:00Z", "2026-06-06T04:00:00Z", "same_day" },
	{ "a letter after a text", AT_ONCE, "Europe/Paris", { "2026-06-05T08:00:00Z", CHANNEL_SMS, 0, false }, CHANNEL_LETTER, false, false,
		"2026-06-05T20:59:00Z", "2026-06-06T04:00:00Z", "same_day" },
	{ "a mail after a letter", AT_ONCE, "Europe/Paris", { "2026-06-05T08:00:00Z", CHANNEL_LETTER, 0, false }, CHANNEL_EMAIL, false, false,
		"2026-06-05T08:00:01Z", "2026-06-06T04:00:00Z", "same_day" },
	{ "the next day is another one", AT_ONCE, "Europe/Paris", { "2026-06-05T20:59:00Z", CHANNEL_EMAIL, 0, false }, CHANNEL_EMAIL, false, false,
		"2026-06-06T04:00:00Z", "2026-06-06T04:00:00Z", "" },
	{ "and must be a business day", AT_ONCE, "Europe/Paris", { "2026-06-06T08:00:00Z", CHANNEL_EMAIL, 0, false }, CHANNEL_EMAIL, false, false,
		"2026-06-06T09:00:00Z", "2026-06-08T04:00:00Z", "same_day" },
	{ "a gap of hours is no leave", HOURS("debtor") "\"min_gap\":\"1h\",", "Europe/Paris", { "2026-06-05T08:00:00Z", CHANNEL_EMAIL, 0, false },
		CHANNEL_EMAIL, false, false, "2026-06-05T08:30:00Z", "2026-06-06T04:00:00Z", "same_day" },
	{ "one of days says more", HOURS("debtor") "\"min_gap\":\"24h\",", "Europe/Paris", { "2026-06-05T08:00:00Z", CHANNEL_EMAIL, 0, false },
		CHANNEL_EMAIL, false, false, "2026-06-05T08:30:00Z", "2026-06-06T08:00:00Z", "min_gap" },
	{ "who was called may be written to", AT_ONCE, "Europe/Paris", { "2026-06-05T08:00:00Z", CHANNEL_CALL, 0, false }, CHANNEL_EMAIL, false, false,
		"2026-06-05T08:30:00Z", "2026-06-05T08:30:00Z", "" },
	{ "and who was written to, called", AT_ONCE, "Europe/Paris", { "2026-06-05T08:00:00Z", CHANNEL_EMAIL, 0, false }, CHANNEL_CALL, false, false,
		"2026-06-05T08:30:00Z", "2026-06-05T08:30:00Z", "" },
	{ "what nobody got is no message", AT_ONCE, "Europe/Paris", { "2026-06-05T08:00:00Z", CHANNEL_EMAIL, DELIVERY_BOUNCED_HARD, false }, CHANNEL_SMS,
		false, false, "2026-06-05T08:30:00Z", "2026-06-05T08:30:00Z", "" },
	{ "what may have gone waits for no other day", AT_ONCE, "Europe/Paris", { "2026-06-05T08:00:00Z", CHANNEL_EMAIL, 0, false }, CHANNEL_EMAIL,
		false, true, "2026-06-05T08:30:00Z", "2026-06-05T08:30:00Z", "" },
	{ "a policy says so", SEVERAL, "Europe/Paris", { "2026-06-05T08:00:00Z", CHANNEL_EMAIL, 0, false }, CHANNEL_SMS, false, false,
		"2026-06-05T08:00:00Z", "2026-06-05T08:00:00Z", "" },
	{ "and keeps its gap", HOURS("debtor") "\"min_gap\":\"2h\",\"same_day\":true,", "Europe/Paris",
		{ "2026-06-05T08:00:00Z", CHANNEL_EMAIL, 0, false }, CHANNEL_SMS, false, false, "2026-06-05T08:30:00Z", "2026-06-05T10:00:00Z", "min_gap" },
	{ "thanks have their own day even so", SEVERAL, "Europe/Paris", { "2026-06-05T08:00:00Z", CHANNEL_EMAIL, 0, false }, CHANNEL_EMAIL, true, false,
		"2026-06-05T09:00:00Z", "2026-06-06T04:00:00Z", "same_day" },
	{ "and nothing follows them on it", SEVERAL, "Europe/Paris", { "2026-06-05T08:00:00Z", CHANNEL_EMAIL, 0, true }, CHANNEL_EMAIL, false, false,
		"2026-06-05T09:00:00Z", "2026-06-06T04:00:00Z", "same_day" },
	{ "the day is the debtor's", HOURS("Europe/Paris") "\"min_gap\":\"0h\",", "Asia/Tokyo", { "2026-06-05T04:30:00Z", CHANNEL_EMAIL, 0, false },
		CHANNEL_EMAIL, false, false, "2026-06-05T05:00:00Z", "2026-06-05T15:00:00Z", "same_day" }, /* midnight in Tokyo, 17:00 in Paris */
	{ "not the window's", HOURS("Europe/Paris") "\"min_gap\":\"0h\",", "Asia/Tokyo", { "2026-06-05T14:30:00Z", CHANNEL_EMAIL, 0, false },
		CHANNEL_EMAIL, false, false, "2026-06-05T15:10:00Z", "2026-06-05T15:10:00Z", "" },
};

static void day_row_holds(void **state)
{
	const struct day_row *row = *state;
	struct contact_made made = { .at = at(row->made.at), .channel = row->made.channel, .attempt = "x", .delivery = row->made.delivery,
		.aside = row->made.aside };
	struct debtor debtor = { .known = true, .contacts = &made, .contact_count = 1, .customer = { .country = "FR", .timezone = row->zone } };
	struct contact contact = { .role = "billing" };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *json = arena_printf(arena, "{\"name\":\"p\",%s\"steps\":[" MAIL("a", "due+1d", "") "]}", row->members);
	CLEANUP(policy_freep) struct policy *policy = NULL;
	struct permit_case c = { .debtor = &debtor, .contact = &contact, .channel = row->channel, .creditor_zone = "Europe/Paris",
		.first_reminder = date_none(), .aside = row->aside, .again = row->again };
	char text[UTC_TEXT_SIZE];
	struct permit permit;

	assert_int_equal(policy_parse(json, strlen(json), &policy, NULL), 0);
	c.policy = policy;
	permit = permit_contact(&c, at(row->from));
	assert_int_equal(permit.decision, GUARD_ALLOW);
	assert_string_equal(utc_format(permit.at, text), row->at);
	assert_string_equal(permit.why ? permit.why : "", row->why);
}

/* Through the walk itself: put off, skipped, held for a person. */
static void through_the_walk(void **state)
{
	struct next_action next;
	struct world w;

	(void)state;
	world_init(&w, POLICY(OWN, TEXT("a", "due+1d", ",\"to\":[\"billing\"]")), "2026-04-02T04:30:00Z"); /* 06:30 in Paris */
	w.contact.sms_consent = true;
	next = escalation_next(&w.e, &w.debtor, &w.rules);
	assert_int_equal(next.kind, NEXT_CONTACT);
	assert_int_equal(next.at, w.rules.now);
	w.rules.guard = &law->guard;
	next = escalation_next(&w.e, &w.debtor, &w.rules);
	assert_int_equal(next.kind, NEXT_CONTACT);
	assert_int_equal(next.at, at("2026-04-02T06:00:00Z"));
	assert_string_equal(next.why, "outside_window");
	assert_string_equal(next.rule, "fr-policy");
	world_clear(&w);

	world_init(&w, POLICY("", MAIL("a", "due+1d", ",\"to\":[\"investor\"]") "," MAIL("b", "due+8d", "")), TEN);
	w.contact.role = "investor";
	w.rules.guard = &law->guard;
	next = escalation_next(&w.e, &w.debtor, &w.rules);
	assert_int_equal(next.kind, NEXT_SKIP);
	assert_string_equal(next.why, "third_party");
	world_clear(&w);

	world_init(&w, POLICY("", MAIL("a", "due+1d", ",\"to\":[\"parent_company\"]")), TEN);
	w.contact.role = "parent_company";
	w.rules.guard = &law->guard;
	next = escalation_next(&w.e, &w.debtor, &w.rules);
	assert_int_equal(next.kind, NEXT_HELD);
	assert_string_equal(next.why, "other_legal_entity");
	assert_true(next.at > w.rules.now);
	escalation_refresh(&w.e, &w.debtor, &w.rules, &w.fx);
	assert_string_equal(w.e.held, "other_legal_entity");
	assert_string_equal(w.fx.tasks->kind, "review");
	world_clear(&w);
}

/* The user's own rules: a stricter one binds, our caution may go, law may not. */
static void own_rules(void **state)
{
	static const struct {
		const char *json, *at; /* when an SMS of 06:30 in Paris goes; NULL: refused */
	} own[] = {
		{ "{\"as_of\":\"2026-11-22\"}", "2026-06-05T06:00:00Z" },
		{ "{\"as_of\":\"2026-11-22\",\"contact_rules\":{\"mine\":{\"country\":\"FR\",\"basis\":\"policy\",\"channels\":[\"sms\"],\"windows\":"
		  "[{\"days\":[5],\"start\":\"10:00\",\"end\":\"12:00\"}],\"source\":\"ours\",\"certainty\":\"ours\"}}}", "2026-06-05T08:00:00Z" },
		{ "{\"as_of\":\"2026-11-22\",\"contact_rules\":{\"fr-policy\":{\"windows\":[{\"days\":[1,2,3,4,5,6,7],\"start\":\"06:00\",\"end\":"
		  "\"22:00\"}]}}}", "2026-06-05T04:30:00Z" },
		{ "{\"as_of\":\"2026-11-22\",\"contact_rules\":{\"fr-policy\":null}}", "2026-06-05T06:00:00Z" }, /* the Union's stands in */
		{ "{\"as_of\":\"2026-11-22\",\"contact_rules\":{\"us-fdcpa\":{\"windows\":[]}}}", NULL },
		{ "{\"as_of\":\"2026-11-22\",\"contact_rules\":{\"be-b2c\":null}}", NULL },
	};
	CLEANUP(policy_freep) struct policy *policy = NULL;
	static const char json[] = POLICY(OWN, MAIL("a", "due+1d", ""));
	char text[UTC_TEXT_SIZE];

	(void)state;
	assert_int_equal(policy_parse(json, strlen(json), &policy, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		CLEANUP(law_freep) struct law *mine = NULL;
		struct debtor debtor = { .customer = { .country = "FR", .timezone = "Europe/Paris" } };
		char dir[] = "/tmp/dunningd-permit-XXXXXX";
		struct err err = { 0 };
		const char *path;
		int r;

		assert_non_null(mkdtemp(dir));
		path = arena_printf(arena, "%s/own.json", dir);
		assert_int_equal(file_replace(path, own[i].json, strlen(own[i].json), 0600), 0);
		r = law_load(SOURCE_DIR "/daemon/share", dir, &mine, &err);
		(void)unlink(path);
		(void)rmdir(dir);
		if (!own[i].at) {
			assert_true(r < 0);
			assert_string_equal(err.code, "law_not_policy");
			continue;
		}
		if (r < 0)
			fail_msg("%s", err.text);
		assert_string_equal(utc_format(permit_contact(&(struct permit_case){ .guard = &mine->guard, .policy = policy, .debtor = &debtor,
								       .channel = CHANNEL_SMS, .creditor_zone = "UTC", .first_reminder = date_none() },
						       at("2026-06-05T04:30:00Z"))
							.at,
					    text),
			own[i].at);
	}
}

static int checked(const char *json, const char *country, struct err *err)
{
	CLEANUP(policy_freep) struct policy *policy = NULL;
	int r = 0;

	err_clear(err);
	if (policy_parse(json, strlen(json), &policy, err) < 0)
		fail_msg("%s %s", err->path, err->text);
	for (size_t i = 0; i < policy->step_count && r == 0; i++)
		r = permit_check_step(&law->guard, policy, i, country, "Europe/Paris", err);
	return r;
}

static void policies(void **state)
{
	struct err err = { 0 };
	char json[2000];

	(void)state;
	assert_int_equal(checked(POLICY(OWN, MAIL("a", "due+1d", "") "," TEXT("b", "due+9d", "")), "FR", &err), 0);
	(void)snprintf(json, sizeof(json), "{\"name\":\"p\",\"window\":{\"zone\":\"debtor\",\"days\":\"mon-fri\",\"hours\":\"20:00-23:00\"},\"steps\":[%s]}",
		MAIL("a", "due+1d", ""));
	assert_int_equal(checked(json, "FR", &err), 0); /* emails at night */
	(void)snprintf(json, sizeof(json), "{\"name\":\"p\",\"window\":{\"zone\":\"debtor\",\"days\":\"mon-fri\",\"hours\":\"20:00-23:00\"},\"steps\":[%s]}",
		MAIL("a", "due+1d", "") "," TEXT("b", "due+9d", ""));
	assert_int_equal(checked(json, "FR", &err), -EBADMSG);
	assert_string_equal(err.code, "unlawful");
	assert_string_equal(err.path, "$.steps[1]");
	assert_int_equal(checked(POLICY(OWN, MAIL("a", "due+1d", ",\"to\":[\"employer\"]")), "FR", &err), -EBADMSG);
	assert_string_equal(err.code, "unlawful");
	assert_non_null(strstr(err.text, "third_party"));
	/* a person's spouse may be told in one country, and not in the other */
	assert_int_equal(checked(POLICY(OWN, MAIL("a", "due+1d", ",\"to\":[\"spouse\"],\"if\":{\"kinds\":[\"consumer\"]}")), "US", &err), 0);
	assert_int_equal(checked(POLICY(OWN, MAIL("a", "due+1d", ",\"to\":[\"spouse\"],\"if\":{\"kinds\":[\"consumer\"]}")), "FR", &err), -EBADMSG);
}

/* Nobody outside the house is reached until a named person allows this one, and then only where the law lets them be told. */
static void an_outsider_needs_a_word_and_the_law(void **state)
{
	static const struct {
		const char *role;
		enum guard_decision decision;
	} outside[] = { { "parent_company", GUARD_ALLOW }, { "guarantor", GUARD_ALLOW }, { "employer", GUARD_DENY }, { "billing", GUARD_DENY } };
	CLEANUP(policy_freep) struct policy *policy = NULL;
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	(void)state;
	assert_int_equal(policy_parse(POLICY(OWN, MAIL("a", "due+1d", "")), strlen(POLICY(OWN, MAIL("a", "due+1d", ""))), &policy, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(outside); i++) {
		const char *const roles[] = { outside[i].role, NULL };
		struct contact person = { .id = "c9", .role = outside[i].role, .email = "boss@parent.example", .external = true };
		struct debtor debtor = { .id = "cus_7", .known = true, .customer = { .name = "Dupont SARL", .country = "FR",
			.timezone = "Europe/Paris", .contacts = &person, .contact_count = 1 } };
		struct permit_case c = { .guard = &law->guard, .holidays = law->holidays, .debtor = &debtor, .contact = &person, .policy = policy,
			.channel = CHANNEL_EMAIL, .creditor_zone = "Europe/Paris", .first_reminder = date_none() };
		struct allowed word = { "c9", "alice", "they asked for it", true, { .time = 5, .source = "s", .id = "2" }, date_of(2026, 6, 5) };

		assert_null(debtor_contact(&debtor, CHANNEL_EMAIL, roles, at("2026-06-05T23:59:59Z")));
		assert_true(debtor_allow(&debtor, arena, &word));
		assert_false(debtor_allow(&debtor, arena, &word));
		assert_ptr_equal(debtor_contact(&debtor, CHANNEL_EMAIL, roles, at("2026-06-05T23:59:59Z")), &person);
		assert_int_equal(permit_contact(&c, at("2026-06-05T10:30:00Z")).decision, outside[i].decision);
		assert_null(debtor_contact(&debtor, CHANNEL_EMAIL, roles, at("2026-06-06T00:00:00Z"))); /* its last day is over */
		word.on = false;
		word.order.time = 4;
		assert_false(debtor_allow(&debtor, arena, &word)); /* told late: an older word */
		word.order.time = 6;
		assert_true(debtor_allow(&debtor, arena, &word));
		assert_null(debtor_contact(&debtor, CHANNEL_EMAIL, roles, at("2026-06-05T23:59:59Z")));
	}
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_LEN(rows) + ARRAY_LEN(day_rows) + 6] = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].name, .test_func = row_holds, .initial_state = (void *)(uintptr_t)&rows[i] };
	tests[ARRAY_LEN(rows)] = (struct CMUnitTest)cmocka_unit_test(through_the_walk);
	tests[ARRAY_LEN(rows) + 1] = (struct CMUnitTest)cmocka_unit_test(policies);
	tests[ARRAY_LEN(rows) + 2] = (struct CMUnitTest)cmocka_unit_test(own_rules);
	tests[ARRAY_LEN(rows) + 3] = (struct CMUnitTest)cmocka_unit_test(collectors);
	tests[ARRAY_LEN(rows) + 4] = (struct CMUnitTest)cmocka_unit_test(nowhere_at_once);
	tests[ARRAY_LEN(rows) + 5] = (struct CMUnitTest)cmocka_unit_test(an_outsider_needs_a_word_and_the_law);
	for (size_t i = 0; i < ARRAY_LEN(day_rows); i++)
		tests[ARRAY_LEN(rows) + 6 + i] = (struct CMUnitTest){ .name = day_rows[i].name, .test_func = day_row_holds,
			.initial_state = (void *)(uintptr_t)&day_rows[i] };
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
