/* Whether somebody may be contacted: every published case, and each rule on its two sides. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/guard.h"
#include "common/holidays.h"
#include "common/reply.h"
#include "tests/unit/law_cases.h"

struct world {
	struct arena *arena;
	struct fees fees;
	struct holidays *holidays;
	struct guard_rules rules;
};

static bool holiday(const void *arg, const char *calendar, date d)
{
	return calendar_holiday(holidays_place(arg, calendar), d);
}

static int set_up(void **state)
{
	static struct world w;
	struct err err = { 0 };

	w.arena = arena_create();
	if (fees_read(w.arena, law_data(w.arena, "fees"), &w.fees, &err) < 0 ||
		holidays_parse(w.arena, law_data(w.arena, "holidays"), &w.holidays, &err) < 0 ||
		guard_rules_read(w.arena, law_data(w.arena, "contact_rules"), law_data(w.arena, "relations"), &w.fees,
			(struct day_off){ holiday, w.holidays }, &w.rules, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	arena_free(((struct world *)*state)->arena);
	return 0;
}

static void answer(const struct json *given, struct json_writer *w, struct err *err, void *arg)
{
	struct world *world = arg;

	(void)guard_answer_given(world->arena, &world->rules, given, w, err);
}

static void cases(void **state)
{
	static const struct {
		const char *list;
		size_t count;
	} lists[] = { { "time_windows", 29 }, { "caps_and_consent", 24 }, { "third_parties", 19 } };
	struct world *w = *state;
	struct json file = law_vectors(w->arena, "contact.json");

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		struct json list = json_get(&file, lists[i].list);

		assert_int_equal(law_run_cases(w->arena, &list, answer, w), lists[i].count);
	}
}

static void opt_out_words(void **state)
{
	struct world *w = *state;
	struct json file = law_vectors(w->arena, "contact.json"), list = json_get(&file, "opt_out_words");

	assert_int_equal(json_len(&list), 25);
	for (size_t i = 0; i < json_len(&list); i++) {
		struct json row = json_at(&list, i), text = json_get(&row, "text"), expect = json_get(&row, "expect");

		if (strcmp(reply_wish_names[reply_wish(json_str(&text))], json_str(&expect)) != 0)
			fail_msg("\"%s\": %s, not %s", json_str(&text), reply_wish_names[reply_wish(json_str(&text))], json_str(&expect));
	}
}

/* Pairs: the last that is allowed and the first that is not, of each rule. */
static void two_sides(void **state)
{
#define US "\"rules\":[\"us-fdcpa\"],\"role\":\"third_party_collector\",\"debtor\":\"consumer\",\"zones\":[\"America/New_York\"]"
#define MA "\"rules\":[\"us-ma\"],\"debtor\":\"consumer\",\"zones\":[\"America/New_York\"]"
#define NYC "\"rules\":[\"us-nyc\"],\"debtor\":\"consumer\",\"zones\":[\"America/New_York\"],\"in_collection\":true"
#define ON "\"rules\":[\"ca-on\"],\"role\":\"third_party_collector\",\"debtor\":\"consumer\",\"zones\":[\"America/Toronto\"]"
#define QC "\"rules\":[\"ca-qc\"],\"role\":\"third_party_collector\",\"debtor\":\"consumer\",\"zones\":[\"America/Montreal\"]"
#define FR "\"country\":\"FR\",\"debtor\":\"company\",\"zones\":[\"Europe/Paris\"]"
#define GB "\"country\":\"GB\",\"debtor\":\"consumer\",\"zones\":[\"Europe/London\"]"
#define BE "\"country\":\"BE\",\"debtor\":\"consumer\",\"zones\":[\"Europe/Brussels\"]"
#define DE "\"country\":\"DE\",\"debtor\":\"consumer\",\"zones\":[\"Europe/Berlin\"]"
#define ES "\"country\":\"ES\",\"debtor\":\"consumer\",\"zones\":[\"Europe/Madrid\"]"
#define JP "\"country\":\"JP\",\"debtor\":\"consumer\",\"zones\":[\"Asia/Tokyo\"]"
#define THREE "\"history\":[{\"channel\":\"email\",\"at\":\"2026-06-01T10:00:00Z\"},{\"channel\":\"sms\",\"at\":\"2026-06-02T10:00:00Z\"}," \
	      "{\"channel\":\"letter\",\"at\":\"2026-06-03T10:00:00Z\"}]"
	static const struct {
		const char *given, *decision, *next; /* next: instant or day of a DEFER, else the reason */
	} rows[] = {
		{ US ",\"channel\":\"call\",\"at\":\"2026-06-06T00:59:59Z\"", "allow", NULL }, /* 20:59:59 on Friday */
		{ US ",\"channel\":\"call\",\"at\":\"2026-06-06T01:00:00Z\"", "defer", "2026-06-06T12:00:00Z" },
		{ US ",\"channel\":\"letter\",\"at\":\"2026-06-06T03:00:00Z\"", "allow", NULL }, /* letters have no hours */
		{ US ",\"channel\":\"email\",\"at\":\"2026-06-05T14:00:00Z\",\"message_has_opt_out\":true", "allow", NULL },
		{ US ",\"channel\":\"email\",\"at\":\"2026-06-05T14:00:00Z\",\"message_has_opt_out\":false", "deny", "opt_out_text_missing" },
		{ US ",\"channel\":\"email\",\"at\":\"2026-06-05T14:00:00Z\",\"address_kind\":\"own\"", "allow", NULL },
		{ US ",\"channel\":\"email\",\"at\":\"2026-06-05T14:00:00Z\",\"address_kind\":\"employer_provided\"", "deny", "work_email" },
		/* the same creditor who collects his own is not bound by it */
		{ "\"rules\":[\"us-fdcpa\"],\"role\":\"creditor\",\"debtor\":\"consumer\",\"channel\":\"call\",\"zones\":[\"America/New_York\"],"
		  "\"at\":\"2026-06-06T03:00:00Z\"", "allow", NULL },
		/* nor is a debt of a company; a sole trader's may be a consumer's */
		{ "\"rules\":[\"us-fdcpa\"],\"role\":\"third_party_collector\",\"debtor\":\"company\",\"channel\":\"call\",\"zones\":"
		  "[\"America/New_York\"],\"at\":\"2026-06-06T03:00:00Z\"", "allow", NULL },
		{ "\"rules\":[\"us-fdcpa\"],\"role\":\"third_party_collector\",\"debtor\":\"sole_trader\",\"channel\":\"call\",\"zones\":"
		  "[\"America/New_York\"],\"at\":\"2026-06-06T03:00:00Z\"", "defer", "2026-06-06T12:00:00Z" },
		/* a conversation seven days back, the consent to a call seven days back */
		{ US ",\"channel\":\"sms\",\"at\":\"2026-06-05T14:00:00Z\",\"history\":[{\"channel\":\"call\",\"outcome\":\"conversation\","
		  "\"at\":\"2026-06-03T14:00:00Z\"}]", "allow", NULL }, /* texts are not called off by it */
		{ US ",\"channel\":\"call\",\"at\":\"2026-06-05T14:00:00Z\",\"history\":[{\"channel\":\"call\",\"outcome\":\"conversation\","
		  "\"at\":\"2026-06-03T14:00:00Z\"}],\"consent\":{\"at\":\"2026-05-29T13:59:00Z\"}", "defer", "2026-06-10T12:00:00Z" },
		{ MA ",\"channel\":\"sms\",\"at\":\"2026-06-05T14:00:00Z\",\"history\":[{\"channel\":\"sms\",\"at\":\"2026-06-01T14:00:00Z\"}]",
			"allow", NULL },
		{ MA ",\"channel\":\"sms\",\"at\":\"2026-06-05T14:00:00Z\",\"history\":[{\"channel\":\"sms\",\"at\":\"2026-06-01T14:00:00Z\"},"
		  "{\"channel\":\"call\",\"at\":\"2026-06-02T14:00:00Z\"}]", "defer", "2026-06-08T12:00:00Z" },
		{ MA ",\"channel\":\"email\",\"at\":\"2026-06-05T03:00:00Z\"", "allow", NULL },
		{ MA ",\"channel\":\"sms\",\"at\":\"2026-06-05T03:00:00Z\"", "defer", "2026-06-05T12:00:00Z" },
		{ NYC ",\"channel\":\"sms\",\"at\":\"2026-10-05T14:00:00Z\",\"consent_electronic\":true", "allow", NULL },
		{ NYC ",\"channel\":\"sms\",\"at\":\"2026-10-05T14:00:00Z\"", "deny", "electronic_consent_missing" },
		{ NYC ",\"channel\":\"letter\",\"at\":\"2026-10-05T14:00:00Z\"", "allow", NULL },
		{ "\"rules\":[\"us-nyc\"],\"debtor\":\"consumer\",\"zones\":[\"America/New_York\"],\"channel\":\"sms\",\"at\":\"2026-10-05T14:00:00Z\"",
			"allow", NULL }, /* not in collection yet */
		{ "\"rules\":[\"us-nyc\"],\"debtor\":\"consumer\",\"zones\":[\"America/New_York\"],\"channel\":\"letter\",\"in_collection\":true,\"at\":"
		  "\"2026-09-04T14:00:00Z\",\"history\":[{\"channel\":\"email\",\"at\":\"2026-09-01T10:00:00Z\"},{\"channel\":\"sms\",\"at\":"
		  "\"2026-09-02T10:00:00Z\"}]", "allow", NULL },
		{ ON ",\"channel\":\"call\",\"at\":\"2026-06-05T11:00:00Z\"", "allow", NULL },
		{ ON ",\"channel\":\"call\",\"at\":\"2026-06-05T10:59:59Z\"", "defer", "2026-06-05T11:00:00Z" },
		{ ON ",\"channel\":\"call\",\"at\":\"2026-06-08T11:00:00Z\",\"first_letter_sent\":\"2026-06-01\"", "allow", NULL },
		{ ON ",\"channel\":\"call\",\"at\":\"2026-06-07T20:00:00Z\",\"first_letter_sent\":\"2026-06-01\"", "defer", "2026-06-08T11:00:00Z" },
		/* three in seven days only after a conversation, and unanswered calls do not count */
		{ ON ",\"channel\":\"call\",\"at\":\"2026-06-05T14:00:00Z\",\"history\":[{\"channel\":\"call\",\"outcome\":\"conversation\",\"at\":"
		  "\"2026-06-01T14:00:00Z\"},{\"channel\":\"email\",\"at\":\"2026-06-02T14:00:00Z\"},{\"channel\":\"email\",\"at\":\"2026-06-03T14:00:00Z\"},"
		  "{\"channel\":\"call\",\"outcome\":\"no_answer\",\"at\":\"2026-06-04T14:00:00Z\"}]", "allow", NULL },
		{ ON ",\"channel\":\"call\",\"at\":\"2026-06-05T14:00:00Z\",\"history\":[{\"channel\":\"call\",\"outcome\":\"conversation\",\"at\":"
		  "\"2026-06-01T14:00:00Z\"},{\"channel\":\"email\",\"at\":\"2026-06-02T14:00:00Z\"},{\"channel\":\"email\",\"at\":\"2026-06-03T14:00:00Z\"},"
		  "{\"channel\":\"sms\",\"at\":\"2026-06-04T14:00:00Z\"}]", "defer", "2026-06-09T11:00:00Z" },
		{ QC ",\"channel\":\"call\",\"at\":\"2026-06-06T23:59:59Z\"", "allow", NULL },
		{ QC ",\"channel\":\"call\",\"at\":\"2026-06-07T00:00:00Z\"", "defer", "2026-06-08T12:00:00Z" },
		{ QC ",\"channel\":\"call\",\"at\":\"2026-06-25T14:00:00Z\"", "allow", NULL },
		{ QC ",\"channel\":\"call\",\"at\":\"2026-06-24T14:00:00Z\"", "defer", "2026-06-25T12:00:00Z" },
		/* places: their own caution, the Union's, or what holds everywhere */
		{ FR ",\"channel\":\"sms\",\"at\":\"2026-06-05T06:00:00Z\"", "allow", NULL },
		{ FR ",\"channel\":\"sms\",\"at\":\"2026-06-05T05:59:59Z\"", "defer", "2026-06-05T06:00:00Z" },
		{ FR ",\"channel\":\"email\",\"at\":\"2026-06-07T02:00:00Z\"", "allow", NULL },
		{ FR ",\"channel\":\"sms\",\"at\":\"2026-06-08T08:00:00Z\"," THREE, "allow", NULL },
		{ FR ",\"channel\":\"sms\",\"at\":\"2026-06-05T08:00:00Z\"," THREE, "defer", "2026-06-08T06:00:00Z" },
		{ GB ",\"channel\":\"call\",\"at\":\"2026-06-06T18:59:59Z\"", "allow", NULL },
		{ GB ",\"channel\":\"call\",\"at\":\"2026-06-06T19:00:00Z\"", "defer", "2026-06-08T07:00:00Z" },
		{ BE ",\"channel\":\"email\",\"at\":\"2026-03-16T22:59:59Z\",\"first_reminder\":{\"sent\":\"2026-03-02\",\"by\":\"email\"}", "defer",
			"2026-03-17" },
		{ BE ",\"channel\":\"email\",\"at\":\"2026-03-16T23:00:00Z\",\"first_reminder\":{\"sent\":\"2026-03-02\",\"by\":\"email\"}", "allow", NULL },
		{ BE ",\"channel\":\"email\",\"at\":\"2026-03-17T12:00:00Z\",\"first_reminder\":{\"sent\":\"2026-03-02\",\"by\":\"post\"}", "defer",
			"2026-03-19" },
		{ BE ",\"channel\":\"call\",\"at\":\"2026-03-17T06:59:59Z\"", "defer", "2026-03-17T07:00:00Z" },
		{ DE ",\"channel\":\"call\",\"at\":\"2026-06-05T06:00:00Z\"", "allow", NULL },
		{ DE ",\"channel\":\"call\",\"at\":\"2026-10-03T08:00:00Z\"", "defer", "2026-10-05T06:00:00Z" }, /* Unity Day, a Saturday */
		{ ES ",\"channel\":\"call\",\"at\":\"2026-06-05T08:00:00Z\"", "allow", NULL },
		{ ES ",\"channel\":\"call\",\"at\":\"2026-06-06T08:00:00Z\"", "defer", "2026-06-08T06:00:00Z" },
		{ JP ",\"channel\":\"call\",\"at\":\"2026-06-05T10:59:00Z\"", "allow", NULL },
		{ JP ",\"channel\":\"call\",\"at\":\"2026-06-05T11:00:00Z\"", "defer", "2026-06-07T23:00:00Z" },
		/* zones: an unknown one, and two that never both fit */
		{ "\"country\":\"FR\",\"debtor\":\"company\",\"zones\":[],\"channel\":\"sms\",\"at\":\"2026-06-05T08:00:00Z\"", "review", "zone_unknown" },
		{ "\"country\":\"FR\",\"debtor\":\"company\",\"zones\":[],\"channel\":\"email\",\"at\":\"2026-06-05T08:00:00Z\"", "allow", NULL },
		{ "\"country\":\"JP\",\"debtor\":\"company\",\"zones\":[\"Asia/Tokyo\",\"America/New_York\"],\"channel\":\"sms\",\"at\":"
		  "\"2026-06-05T08:00:00Z\"", "defer", "2026-06-08T23:00:00Z" }, /* 08:00 there, 19:00 here */
		{ FR ",\"channel\":\"sms\",\"at\":\"2026-06-05T08:00:00Z\",\"preference\":{\"windows\":[{\"days\":[1,2,3,4,5],\"start\":\"19:00\","
		  "\"end\":\"22:00\"}]}", "defer", "2026-06-05T17:00:00Z" },
		{ FR ",\"channel\":\"sms\",\"at\":\"2026-06-05T08:00:00Z\",\"preference\":{\"windows\":[{\"days\":[7],\"start\":\"10:00\","
		  "\"end\":\"22:00\"}]}", "review", "no_common_hours" },
		/* whatever the rules say: stops and people */
		{ FR ",\"channel\":\"email\",\"opted_out\":{\"channel\":\"email\",\"at\":\"2026-06-01T00:00:00Z\"}", "deny", "opted_out" },
		{ FR ",\"channel\":\"letter\",\"opted_out\":{\"channel\":\"email\",\"at\":\"2026-06-01T00:00:00Z\"}", "allow", NULL },
		{ FR ",\"channel\":\"sms\",\"message_kind\":\"opt_out_confirmation\",\"at\":\"2026-06-01T00:05:00Z\",\"opted_out\":{\"channel\":\"sms\","
		  "\"at\":\"2026-06-01T00:00:00Z\"}", "allow", NULL },
		{ FR ",\"channel\":\"sms\",\"message_kind\":\"opt_out_confirmation\",\"at\":\"2026-06-01T00:05:01Z\",\"opted_out\":{\"channel\":\"sms\","
		  "\"at\":\"2026-06-01T00:00:00Z\"}", "deny", "opted_out" },
		{ FR ",\"channel\":\"letter\",\"at\":\"2026-05-19T10:00:00Z\",\"insolvency_opened\":\"2026-05-20\"", "allow", NULL },
		{ FR ",\"channel\":\"letter\",\"at\":\"2026-05-20T10:00:00Z\",\"insolvency_opened\":\"2026-05-20\"", "deny", "insolvency" },
		{ FR ",\"channel\":\"letter\",\"invoice_state\":\"open\"", "allow", NULL },
		{ FR ",\"channel\":\"letter\",\"invoice_state\":\"plan\"", "deny", "plan" },
		{ FR ",\"contact_relation\":\"somebody_else\"", "deny", "third_party" },
		{ "\"country\":\"FR\",\"debtor\":\"consumer\",\"contact_relation\":\"own_accounts_department\"", "deny", "third_party" },
		{ "\"country\":\"FR\",\"contact_relation\":\"own_accounts_department\"", "deny", "third_party" }, /* not known: a consumer */
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(buf_clear) struct buf out = { 0 };
		struct json_writer writer = jw_init(&out);
		struct json given, got, decision, next;
		struct err err = { 0 };
		char *text = arena_printf(w->arena, "{%s}", rows[i].given);

		assert_int_equal(json_parse(w->arena, text, strlen(text), 0, &given, &err), 0);
		jw_object(&writer, NULL);
		answer(&given, &writer, &err, w);
		jw_end_object(&writer);
		assert_int_equal(json_parse(w->arena, buf_str(&out), out.len, 0, &got, NULL), 0);
		decision = json_get(&got, "decision");
		next = json_get(&got, strcmp(rows[i].decision, "defer") == 0 ? "next" : "reason");
		if (decision.type != JSON_STRING || strcmp(json_str(&decision), rows[i].decision) != 0 ||
			(rows[i].next && (next.type != JSON_STRING || strcmp(json_str(&next), rows[i].next) != 0)))
			fail_msg("{%s}\n  want %s %s\n  got  %s %s", rows[i].given, rows[i].decision, rows[i].next ? rows[i].next : "",
				buf_str(&out), err.text);
	}
}

/* What is law stays; what is ours may go. */
static void loosening(void **state)
{
	struct world *w = *state;
	const struct json *base = law_data(w->arena, "contact_rules");
	static const char law[] = "{\"us-fdcpa\":{\"windows\":[]}}", none[] = "{\"us-fdcpa\":null}",
		ours[] = "{\"fr-policy\":{\"windows\":[]},\"my-own\":{\"basis\":\"policy\"}}";
	struct err err = { 0 };
	struct json own;

	assert_int_equal(json_parse(w->arena, law, strlen(law), 0, &own, NULL), 0);
	assert_int_equal(guard_may_change(base, &own, &err), -EPERM);
	assert_string_equal(err.code, "law_not_policy");
	assert_int_equal(json_parse(w->arena, none, strlen(none), 0, &own, NULL), 0);
	assert_int_equal(guard_may_change(base, &own, NULL), -EPERM);
	assert_int_equal(json_parse(w->arena, ours, strlen(ours), 0, &own, NULL), 0);
	assert_int_equal(guard_may_change(base, &own, NULL), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(cases), cmocka_unit_test(opt_out_words), cmocka_unit_test(two_sides),
		cmocka_unit_test(loosening) };

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
