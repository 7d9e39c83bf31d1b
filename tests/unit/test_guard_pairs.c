/*
 * Every contact rule of the law data on its two sides: for each of its members that restricts, a question that it lets pass and one, different in
 * that alone, that it stops. A rule or a relation that comes into the data without its pairs fails here, by name.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/guard.h"
#include "common/law.h"
#include "tests/unit/law_cases.h"

static struct law *law;
static struct arena *arena;

static int set_up(void **state)
{
	struct err err = { 0 };

	(void)state;
	arena = arena_create();
	if (law_load(SOURCE_DIR "/daemon/share", NULL, &law, &err) < 0)
		fail_msg("%s", err.text);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	law_free(law);
	arena_free(arena);
	return 0;
}

struct answer {
	const char *decision, *reason, *rule;
};

static const char *word(const struct json *got, const char *key)
{
	struct json value = json_get(got, key);

	return value.type == JSON_STRING ? json_str(&value) : "";
}

__attribute__((format(printf, 1, 2))) static struct answer ask(const char *format, ...)
{
	struct buf out = { 0 };
	struct json_writer w = jw_init(&out);
	struct json given, got;
	struct err err = { 0 };
	char text[3000];
	va_list args;

	va_start(args, format);
	assert_in_range(vsnprintf(text, sizeof(text), format, args), 1, sizeof(text) - 1);
	va_end(args);
	jw_object(&w, NULL);
	if (json_parse(arena, arena_strdup(arena, text), strlen(text), 0, &given, &err) < 0 ||
		guard_answer_given(arena, &law->guard, &given, &w, &err) < 0)
		fail_msg("%s\n%s %s", text, err.path, err.text);
	jw_end_object(&w);
	assert_int_equal(json_parse(arena, arena_strdup(arena, buf_str(&out)), out.len, 0, &got, NULL), 0);
	buf_clear(&out);
	return (struct answer){ word(&got, "decision"), word(&got, "reason"), word(&got, "rule") };
}

/* --- rules -------------------------------------------------------------------------------------------------------------- */

#define COLLECTOR "\"role\":\"third_party_collector\""
#define CONSUMER "\"debtor\":\"consumer\""
#define COMPANY "\"debtor\":\"company\""
#define IN(zone) "\"zones\":[\"" zone "\"]"
#define NY IN("America/New_York")
#define BY(channel) "\"channel\":\"" channel "\""
#define AT(at) "\"at\":\"2026-" at "Z\""
#define MADE(channel, at) "{" BY(channel) "," AT(at) "}"
#define TALK(at) "{" BY("call") ",\"outcome\":\"conversation\"," AT(at) "}"
#define HISTORY(list) "\"history\":[" list "]"
#define SIX_CALLS MADE("call", "05-30T14:00:00") "," MADE("call", "05-31T14:00:00") "," MADE("call", "06-01T14:00:00") "," \
	MADE("call", "06-02T14:00:00") "," MADE("call", "06-03T14:00:00") "," MADE("call", "06-04T14:00:00")
#define TWO_MAILS MADE("email", "06-02T14:00:00") "," MADE("email", "06-03T14:00:00")
#define REMINDER "\"first_reminder\":{\"sent\":\"2026-03-02\",\"by\":\"email\"}"

static const struct pair {
	const char *rule, *member, *given, *passes, *stopped, *reason;
} pairs[] = {
	{ "us-fdcpa", "windows", COLLECTOR "," CONSUMER "," NY "," BY("call"), AT("06-06T00:59:59"), AT("06-06T01:00:00"), "outside_window" },
	{ "us-fdcpa", "calls", COLLECTOR "," CONSUMER "," NY "," BY("call") "," AT("06-05T14:00:00"), HISTORY(SIX_CALLS),
		HISTORY(SIX_CALLS "," MADE("call", "06-04T15:00:00")), "call_cap" },
	{ "us-fdcpa", "after_conversation_days", COLLECTOR "," CONSUMER "," NY "," BY("call") "," AT("06-05T14:00:00"),
		HISTORY(TALK("05-29T14:00:00")), HISTORY(TALK("05-30T14:00:00")), "after_conversation" },
	{ "us-fdcpa", "opt_out_text", COLLECTOR "," CONSUMER "," NY "," BY("email") "," AT("06-05T14:00:00"), "\"message_has_opt_out\":true",
		"\"message_has_opt_out\":false", "opt_out_text_missing" },
	{ "us-fdcpa", "work_email_denied", COLLECTOR "," CONSUMER "," NY "," BY("email") "," AT("06-05T14:00:00"), "\"address_kind\":\"own\"",
		"\"address_kind\":\"employer_provided\"", "work_email" },
	{ "us-fdcpa", "roles", CONSUMER "," NY "," BY("call") "," AT("06-06T03:00:00"), "\"role\":\"creditor\"", COLLECTOR, "outside_window" },
	{ "us-fdcpa", "debtors", COLLECTOR "," NY "," BY("call") "," AT("06-06T03:00:00"), COMPANY, CONSUMER, "outside_window" },
	{ "us-fdcpa", "channels", COLLECTOR "," CONSUMER "," NY "," AT("06-06T03:00:00"), BY("letter"), BY("email"), "outside_window" },
	{ "us-ma", "windows", CONSUMER "," NY "," BY("sms"), AT("06-06T12:00:00"), AT("06-06T11:59:59"), "outside_window" },
	{ "us-ma", "calls", CONSUMER "," NY "," BY("sms") "," AT("06-05T14:00:00"), HISTORY(MADE("call", "06-02T14:00:00")),
		HISTORY(MADE("call", "06-02T14:00:00") "," MADE("sms", "06-03T14:00:00")), "call_cap" },
	{ "us-ma", "debtors", NY "," BY("sms") "," AT("06-06T03:00:00"), COMPANY, CONSUMER, "outside_window" },
	{ "us-ma", "channels", CONSUMER "," NY "," AT("06-06T03:00:00"), BY("email"), BY("sms"), "outside_window" },
	{ "us-nyc", "contacts", CONSUMER "," NY ",\"in_collection\":true," BY("letter") "," AT("09-04T14:00:00"),
		HISTORY(MADE("email", "09-01T10:00:00") "," MADE("sms", "09-02T10:00:00")),
		HISTORY(MADE("email", "09-01T10:00:00") "," MADE("sms", "09-02T10:00:00") "," MADE("letter", "09-03T10:00:00")), "contact_cap" },
	{ "us-nyc", "electronic_consent", CONSUMER "," NY ",\"in_collection\":true," BY("sms") "," AT("10-05T14:00:00"),
		"\"consent_electronic\":true", "\"consent_electronic\":false", "electronic_consent_missing" },
	{ "us-nyc", "from", CONSUMER "," NY ",\"in_collection\":true," BY("sms"), AT("08-31T23:59:59"), AT("09-01T00:00:00"),
		"electronic_consent_missing" },
	{ "us-nyc", "in_collection", CONSUMER "," NY "," BY("sms") "," AT("10-05T14:00:00"), "\"in_collection\":false", "\"in_collection\":true",
		"electronic_consent_missing" },
	{ "us-nyc", "debtors", NY ",\"in_collection\":true," BY("sms") "," AT("10-05T14:00:00"), COMPANY, CONSUMER, "electronic_consent_missing" },
#define ONTARIO COLLECTOR "," CONSUMER "," IN("America/Toronto")
	{ "ca-on", "windows", ONTARIO "," BY("call"), AT("06-07T20:59:59"), AT("06-07T21:00:00"), "outside_window" }, /* on a Sunday to 17:00 */
	{ "ca-on", "calendar", ONTARIO "," BY("call"), AT("06-30T14:00:00"), AT("07-01T14:00:00"), "outside_window" },
	{ "ca-on", "contacts", ONTARIO "," BY("call") "," AT("06-05T14:00:00"), HISTORY(TALK("06-01T14:00:00") "," TWO_MAILS),
		HISTORY(TALK("06-01T14:00:00") "," TWO_MAILS "," MADE("sms", "06-04T14:00:00")), "contact_cap" },
	{ "ca-on", "first_letter_days", ONTARIO "," BY("call") "," AT("06-08T14:00:00"), "\"first_letter_sent\":\"2026-06-01\"",
		"\"first_letter_sent\":\"2026-06-02\"", "first_letter_days" },
	{ "ca-on", "roles", CONSUMER "," IN("America/Toronto") "," BY("call") "," AT("06-06T03:00:00"), "\"role\":\"creditor\"", COLLECTOR,
		"outside_window" },
	{ "ca-on", "debtors", COLLECTOR "," IN("America/Toronto") "," BY("call") "," AT("06-06T03:00:00"), COMPANY, CONSUMER, "outside_window" },
	{ "ca-on", "channels", ONTARIO "," AT("06-06T03:00:00"), BY("letter"), BY("email"), "outside_window" },
#define QUEBEC COLLECTOR "," CONSUMER "," IN("America/Toronto")
	{ "ca-qc", "windows", QUEBEC "," BY("call"), AT("06-05T23:59:59"), AT("06-06T00:00:00"), "outside_window" },
	{ "ca-qc", "calendar", QUEBEC "," BY("call"), AT("06-30T14:00:00"), AT("07-01T14:00:00"), "outside_window" },
	{ "ca-qc", "days_off", QUEBEC "," BY("call"), AT("06-23T14:00:00"), AT("06-24T14:00:00"), "outside_window" },
	{ "ca-qc", "roles", CONSUMER "," IN("America/Toronto") "," BY("call") "," AT("06-06T03:00:00"), "\"role\":\"creditor\"", COLLECTOR,
		"outside_window" },
	{ "ca-qc", "debtors", COLLECTOR "," IN("America/Toronto") "," BY("call") "," AT("06-06T03:00:00"), COMPANY, CONSUMER, "outside_window" },
	{ "ca-qc", "channels", QUEBEC "," AT("06-06T03:00:00"), BY("sms"), BY("call"), "outside_window" },
	{ "gb-policy", "windows", CONSUMER "," IN("Europe/London") "," BY("call"), AT("06-06T18:59:59"), AT("06-06T19:00:00"), "outside_window" },
	{ "gb-policy", "calendar", CONSUMER "," IN("Europe/London") "," BY("call"), AT("08-29T10:00:00"), AT("08-31T10:00:00"), "outside_window" },
	{ "gb-policy", "channels", CONSUMER "," IN("Europe/London") "," AT("06-06T22:00:00"), BY("email"), BY("sms"), "outside_window" },
	{ "fr-policy", "windows", COMPANY "," IN("Europe/Paris") "," BY("sms"), AT("06-06T15:59:59"), AT("06-06T16:00:00"), "outside_window" },
	{ "fr-policy", "calendar", COMPANY "," IN("Europe/Paris") "," BY("sms"), AT("07-13T10:00:00"), AT("07-14T10:00:00"), "outside_window" },
	{ "fr-policy", "contacts", COMPANY "," IN("Europe/Paris") "," BY("sms") "," AT("06-05T08:00:00"), HISTORY(TWO_MAILS),
		HISTORY(TWO_MAILS "," MADE("letter", "06-04T10:00:00")), "contact_cap" },
	{ "fr-policy", "channels", COMPANY "," IN("Europe/Paris") "," AT("06-06T22:00:00"), BY("email"), BY("sms"), "outside_window" },
	{ "be-policy", "windows", CONSUMER "," IN("Europe/Brussels") "," BY("call"), AT("06-05T06:00:00"), AT("06-05T05:59:59"), "outside_window" },
	{ "be-policy", "calendar", CONSUMER "," IN("Europe/Brussels") "," BY("call"), AT("07-20T10:00:00"), AT("07-21T10:00:00"), "outside_window" },
	{ "be-policy", "channels", CONSUMER "," IN("Europe/Brussels") "," AT("06-06T22:00:00"), BY("email"), BY("sms"), "outside_window" },
	{ "de-policy", "windows", CONSUMER "," IN("Europe/Berlin") "," BY("call"), AT("06-06T17:59:59"), AT("06-06T18:00:00"), "outside_window" },
	{ "de-policy", "calendar", CONSUMER "," IN("Europe/Berlin") "," BY("call"), AT("10-02T10:00:00"), AT("10-03T10:00:00"), "outside_window" },
	{ "de-policy", "channels", CONSUMER "," IN("Europe/Berlin") "," AT("06-06T22:00:00"), BY("email"), BY("sms"), "outside_window" },
	{ "be-b2c", "grace", CONSUMER "," IN("Europe/Brussels") "," BY("email") "," REMINDER, AT("03-16T23:00:00"), AT("03-16T22:59:59"),
		"grace_period" },
	{ "be-b2c", "debtors", IN("Europe/Brussels") "," BY("email") "," REMINDER "," AT("03-10T10:00:00"), COMPANY, CONSUMER, "grace_period" },
	{ "eu-policy", "windows", CONSUMER "," IN("Europe/Madrid") "," BY("call"), AT("06-05T17:59:59"), AT("06-05T18:00:00"), "outside_window" },
	{ "eu-policy", "channels", CONSUMER "," IN("Europe/Madrid") "," AT("06-06T22:00:00"), BY("email"), BY("sms"), "outside_window" },
	{ "any-policy", "windows", CONSUMER "," IN("Asia/Tokyo") "," BY("voice"), AT("06-05T10:59:59"), AT("06-05T11:00:00"), "outside_window" },
	{ "any-policy", "channels", CONSUMER "," IN("Asia/Tokyo") "," AT("06-06T22:00:00"), BY("letter"), BY("voice"), "outside_window" },
};

static void each_pair(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		const struct pair *p = &pairs[i];
		struct answer passes = ask("{\"rules\":[\"%s\"],%s,%s}", p->rule, p->given, p->passes);
		struct answer stopped = ask("{\"rules\":[\"%s\"],%s,%s}", p->rule, p->given, p->stopped);

		if (strcmp(passes.decision, "allow") != 0)
			fail_msg("%s, %s: %s should pass, and is %s: %s", p->rule, p->member, p->passes, passes.decision, passes.reason);
		if (strcmp(stopped.decision, "allow") == 0 || strcmp(stopped.reason, p->reason) != 0 || strcmp(stopped.rule, p->rule) != 0)
			fail_msg("%s, %s: %s should be stopped by %s, and is %s: %s (%s)", p->rule, p->member, p->stopped, p->reason, stopped.decision,
				stopped.reason, stopped.rule);
	}
}

/* What names, dates and explains a rule; all else restricts. */
static bool restricts(const struct json *rule, const char *member)
{
	static const char *const words[] = { "country", "region", "basis", "source", "certainty", "as_of", "known_until", "note",
		"names", "postcodes", "within", /* where the region is: test_place.c */ NULL };
	struct json value = json_get(rule, member);

	for (const char *const *w = words; *w; w++)
		if (strcmp(*w, member) == 0)
			return false;
	return strcmp(member, "channels") != 0 || json_len(&value) < CHANNEL_COUNT;
}

/* Such a rule is there for people: it names no hour, no number and nothing that a message must have. */
static bool stops_nothing(const struct json *rule)
{
	static const char *const words[] = { "windows", "calls", "contacts", "after_conversation_days", "first_letter_days", "grace", "opt_out_text",
		"work_email_denied", "electronic_consent", NULL };

	for (const char *const *w = words; *w; w++)
		if (json_has(rule, *w))
			return false;
	return true;
}

static void every_rule_has_its_pairs(void **state)
{
	const struct json *rules = law_data(arena, "contact_rules");
	const char *name, *member;
	struct json rule, value;
	size_t missing = 0, found = 0;

	(void)state;
	for (size_t i = 0; json_member(rules, &i, &name, &rule);)
		for (size_t k = 0; !stops_nothing(&rule) && json_member(&rule, &k, &member, &value);) {
			size_t at = 0;

			if (!restricts(&rule, member))
				continue;
			while (at < ARRAY_LEN(pairs) && (strcmp(pairs[at].rule, name) != 0 || strcmp(pairs[at].member, member) != 0))
				at++;
			found += at < ARRAY_LEN(pairs);
			if (at == ARRAY_LEN(pairs)) {
				print_error("%s: %s has no pair\n", name, member);
				missing++;
			}
		}
	assert_int_equal(missing, 0);
	assert_int_equal(found, ARRAY_LEN(pairs)); /* none is about a rule that has gone */
}

/* --- relations ---------------------------------------------------------------------------------------------------------- */

static const struct relation_pair {
	const char *relation, *inside, *decision, *outside; /* outside: where it is a third party; NULL = nowhere */
} relations[] = {
	{ "debtor", CONSUMER, "allow", NULL },
	{ "own_accounts_department", COMPANY, "allow", CONSUMER },
	{ "own_legal_representative", COMPANY, "allow", CONSUMER },
	{ "own_superior_of_contact", COMPANY, "review", CONSUMER },
	{ "parent_company", COMPANY, "review", CONSUMER },
	{ "sister_company", COMPANY, "review", CONSUMER },
	{ "guarantor", CONSUMER, "allow", NULL },
	{ "co_debtor", CONSUMER, "allow", NULL },
	{ "spouse", CONSUMER ",\"country\":\"US\"", "allow", CONSUMER ",\"country\":\"FR\"" },
	{ "parent_of_minor", CONSUMER ",\"country\":\"US\"", "allow", COMPANY ",\"country\":\"US\"" },
	{ "guardian", CONSUMER ",\"country\":\"US\"", "allow", CONSUMER ",\"country\":\"GB\"" },
	{ "executor", CONSUMER ",\"country\":\"US\"", "allow", CONSUMER },
	{ "attorney", CONSUMER, "allow", NULL },
	{ "insolvency_administrator", COMPANY, "review", NULL },
	{ "employer", COMPANY, "deny", CONSUMER },
	{ "family", COMPANY, "deny", CONSUMER },
	{ "neighbour", COMPANY, "deny", CONSUMER },
	{ "colleague", COMPANY, "deny", CONSUMER },
	{ "housemate", COMPANY, "deny", CONSUMER },
	{ "investor", COMPANY, "deny", CONSUMER },
	{ "shareholder", COMPANY, "deny", CONSUMER },
	{ "client_of_debtor", COMPANY, "deny", CONSUMER },
	{ "auditor", COMPANY, "deny", CONSUMER },
	{ "bank", COMPANY, "deny", CONSUMER },
	{ "public", CONSUMER, "deny", NULL },
};

static void every_relation_has_its_pair(void **state)
{
	const struct json *all = law_data(arena, "relations");
	const char *name;
	struct json row;

	(void)state;
	for (size_t i = 0; json_member(all, &i, &name, &row);) {
		size_t at = 0;

		while (at < ARRAY_LEN(relations) && strcmp(relations[at].relation, name) != 0)
			at++;
		if (at == ARRAY_LEN(relations))
			fail_msg("relation %s has no pair", name);
	}
	for (size_t i = 0; i < ARRAY_LEN(relations); i++) {
		const struct relation_pair *p = &relations[i];
		struct answer a = ask("{\"contact_relation\":\"%s\",%s}", p->relation, p->inside);

		assert_true(json_has(all, p->relation));
		if (strcmp(a.decision, p->decision) != 0)
			fail_msg("%s, %s: %s", p->relation, p->inside, a.decision);
		if (!p->outside)
			continue;
		a = ask("{\"contact_relation\":\"%s\",%s}", p->relation, p->outside);
		if (strcmp(a.decision, "deny") != 0 || strcmp(a.reason, "third_party") != 0)
			fail_msg("%s, %s: %s", p->relation, p->outside, a.decision);
	}
}

/* --- zones -------------------------------------------------------------------------------------------------------------- */

static void zones(void **state)
{
	static const struct {
		const char *zones, *at, *decision;
	} rows[] = {
		/* eight in New York, before and after its clock changes on 8 March, when Europe's has not yet */
		{ NY, AT("03-06T12:59:59"), "defer" }, { NY, AT("03-06T13:00:00"), "allow" },
		{ NY, AT("03-09T11:59:59"), "defer" }, { NY, AT("03-09T12:00:00"), "allow" },
		{ IN("Europe/Paris"), AT("03-27T06:59:59"), "defer" }, { IN("Europe/Paris"), AT("03-27T07:00:00"), "allow" },
		{ IN("Europe/Paris"), AT("03-30T05:59:59"), "defer" }, { IN("Europe/Paris"), AT("03-30T06:00:00"), "allow" },
		/* both must be open: eight in Honolulu, which has no summer time, to twenty in New York */
		{ "\"zones\":[\"America/New_York\",\"Pacific/Honolulu\"]", AT("03-05T17:59:59"), "defer" },
		{ "\"zones\":[\"America/New_York\",\"Pacific/Honolulu\"]", AT("03-05T18:00:00"), "allow" },
		{ "\"zones\":[\"America/New_York\",\"Pacific/Honolulu\"]", AT("03-06T00:59:59"), "allow" },
		{ "\"zones\":[\"America/New_York\",\"Pacific/Honolulu\"]", AT("03-06T01:00:00"), "defer" },
		{ "\"zones\":[\"America/New_York\",\"Pacific/Honolulu\"]", AT("03-09T23:59:59"), "allow" },
		{ "\"zones\":[\"America/New_York\",\"Pacific/Honolulu\"]", AT("03-10T00:00:00"), "defer" },
		/* half past the hour, and where it is tomorrow */
		{ IN("Australia/Lord_Howe"), AT("06-04T21:29:59"), "defer" }, { IN("Australia/Lord_Howe"), AT("06-04T21:30:00"), "allow" },
		{ IN("Pacific/Apia"), AT("06-04T18:59:59"), "defer" }, { IN("Pacific/Apia"), AT("06-04T19:00:00"), "allow" },
		{ "\"zones\":[]", AT("06-05T08:00:00"), "review" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct answer a = ask("{\"rules\":[\"any-policy\"]," CONSUMER "," BY("sms") ",%s,%s}", rows[i].zones, rows[i].at);

		if (strcmp(a.decision, rows[i].decision) != 0)
			fail_msg("%s, %s: %s", rows[i].zones, rows[i].at, a.decision);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(each_pair), cmocka_unit_test(every_rule_has_its_pairs),
		cmocka_unit_test(every_relation_has_its_pair), cmocka_unit_test(zones) };

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
