/* Policies: what is read and left out, what every refusal says and where, and the pace check. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/policy.h"

#define HOUR INT64_C(3600000)
#define MAIL(id, at, tone) \
	"{\"id\":\"" id "\",\"at\":\"" at "\",\"channel\":\"email\",\"template\":\"t\",\"tone\":\"" tone "\"}"
#define STEPS(steps) "{\"name\":\"p\",\"steps\":[" steps "]}"
#define ROOT(members) "{\"name\":\"p\"," members ",\"steps\":[" MAIL("a", "due+1d", "neutral") "]}"
#define WITH(members) \
	STEPS("{\"id\":\"a\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"t\",\"tone\":\"neutral\"," members "}")
#define SAYS(members) "{\"id\":\"a\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"t\",\"tone\":\"firm\"," members "}"
#define ASKS(id) "{\"id\":\"" id "\",\"at\":\"due+30d\",\"gate\":\"decision\",\"role\":\"owner\"}"
#define LETTER(members) STEPS("{\"id\":\"a\",\"at\":\"due+1d\",\"channel\":\"letter\",\"template\":\"t\",\"tone\":\"legal\"," members "}")
#define CALL(members) STEPS("{\"id\":\"a\",\"at\":\"due+1d\",\"channel\":\"call\",\"template\":\"t\"," members "}")
#define GATE(members) STEPS("{\"id\":\"a\",\"at\":\"due+1d\",\"gate\":\"decision\"," members "}")
#define AT(at) STEPS("{\"id\":\"a\",\"at\":\"" at "\",\"channel\":\"email\",\"template\":\"t\",\"tone\":\"neutral\"}")

static struct policy *parse(const char *json)
{
	struct policy *policy = NULL;
	struct err err = { 0 };

	if (policy_parse(json, strlen(json), &policy, &err) < 0)
		fail_msg("%s: %s %s\n%s", err.path, err.code, err.text, json);
	return policy;
}

static void everything_is_read(void **state)
{
	static const char json[] =
		"{ /* ours */ \"name\": \"fr-b2b\", \"title\": \"Relances\", \"extends\": null, \"do_nothing\": false,\n"
		" \"window\": {\"zone\": \"Europe/Paris\", \"days\": \"mon-thu,sat\", \"hours\": \"08:30-24:00\", \"holidays\": \"none\"},\n"
		" \"caps\": [{\"contacts\": 3, \"days\": 10}, {\"channel\": \"sms\", \"contacts\": 1, \"days\": 30}],\n"
		" \"min_gap\": \"90m\", \"same_day\": true, \"max_contacts\": 9, \"group\": \"band\", \"minimum\": {\"EUR\": 1000, \"JPY\": 200},\n"
		" \"freshness\": \"2d\", \"late\": {\"regime\": \"FR-B2B\"}, \"due_roll\": \"following\", \"steps\": [\n"
		" {\"id\": \"pre-due\", \"at\": \"due-7d\", \"channel\": \"email\", \"template\": \"pre_due\", \"tone\": \"friendly\",\n"
		"  \"to\": [\"billing\", \"owner\"], \"sender\": \"accounts\", \"else\": \"sms\"},\n"
		" {\"id\": \"call-1\", \"at\": \"issued+40bd\", \"channel\": \"call\", \"template\": \"script\", \"deadline\": \"2bd\",\n"
		"  \"confirm\": \"recap\", \"role\": \"clerk\", \"in_doubt\": \"skip\"},\n"
		" {\"id\": \"penalties\", \"at\": \"call-1+10d\", \"channel\": \"sms\", \"template\": \"p\", \"tone\": \"firm\", \"fees\": true, \"deadline\": \"7d\",\n"
		"  \"effects\": [\"work.hold_requested\", \"work.release_allowed\"], \"in_doubt\": \"resend\", \"if\": {\n"
		"   \"balance_min_minor\": 100, \"balance_max_minor\": 9000, \"days_past_due_min\": -3, \"days_past_due_max\": 90,\n"
		"   \"kinds\": [\"company\", \"public\"], \"countries\": [\"FR\"], \"tags\": [\"vip\"]}},\n"
		" {\"id\": \"gate\", \"at\": \"eom+3d\", \"gate\": \"decision\", \"role\": \"owner\", \"deadline\": \"5d\", \"tone\": \"legal\"},\n"
		"], }";
	CLEANUP(policy_freep) struct policy *p = parse(json);
	const struct step *s = p->steps;

	(void)state;
	assert_string_equal(p->name, "fr-b2b");
	assert_string_equal(p->title, "Relances");
	assert_int_equal(strlen(p->digest), 64);
	assert_int_equal(p->source_len, strlen(json));
	assert_memory_equal(p->source, json, p->source_len);
	assert_false(p->window.debtor_zone || p->window.holidays || p->nothing);
	assert_string_equal(p->window.zone, "Europe/Paris");
	assert_int_equal(p->window.weekdays, 0x2f);
	assert_int_equal(p->window.from_minute, 510);
	assert_int_equal(p->window.to_minute, 1440);
	assert_int_equal(p->cap_count, 2);
	assert_true(p->caps[0].any_channel && !p->caps[1].any_channel);
	assert_int_equal(p->caps[0].contacts * 100 + p->caps[0].days, 310);
	assert_int_equal(p->caps[1].channel, CHANNEL_SMS);
	assert_int_equal(p->min_gap_ms, 90 * 60000);
	assert_true(p->same_day);
	assert_int_equal(p->max_contacts, 9);
	assert_int_equal(p->group, GROUP_BAND);
	assert_int_equal(p->minimum_count, 2);
	assert_int_equal(p->minimum[1].minor, 200);
	assert_string_equal(p->minimum[1].currency, "JPY");
	assert_int_equal(p->freshness_ms, 48 * HOUR);
	assert_int_equal(p->due_roll, ROLL_FOLLOWING);
	assert_string_equal(p->regime, "FR-B2B");
	assert_int_equal(p->step_count, 4);

	assert_int_equal(s[0].kind, STEP_MESSAGE);
	assert_int_equal(s[0].at.days, -7);
	assert_true(s[0].at.anchor == ANCHOR_DUE && !s[0].at.business && s[0].has_fallback && s[0].fallback == CHANNEL_SMS);
	assert_string_equal(s[0].to[1], "owner");
	assert_null(s[0].to[2]);
	assert_string_equal(s[0].sender, "accounts");
	assert_int_equal(s[0].in_doubt, DOUBT_HOLD);
	assert_null(s[0].effects[0]);
	assert_true(s[0].when.balance_min == -1 && s[0].when.balance_max == -1 && !s[0].when.kinds && !s[0].when.countries);

	assert_int_equal(s[1].kind, STEP_CALL);
	assert_true(s[1].at.anchor == ANCHOR_ISSUED && s[1].at.business && s[1].at.days == 40);
	assert_true(s[1].deadline_days == 2 && s[1].deadline_business && s[1].tone == TONE_FRIENDLY);
	assert_string_equal(s[1].confirm, "recap");
	assert_string_equal(s[1].role, "clerk");
	assert_string_equal(s[1].to[0], "billing");
	assert_int_equal(s[1].in_doubt, DOUBT_SKIP);

	assert_true(s[2].at.anchor == ANCHOR_STEP && s[2].at.step == 1 && s[2].at.days == 10);
	assert_true(s[2].deadline_days == 7 && !s[2].deadline_business);
	assert_true(s[2].fees && s[2].in_doubt == DOUBT_RESEND && s[2].tone == TONE_FIRM);
	assert_string_equal(s[2].effects[1], "work.release_allowed");
	assert_int_equal(s[2].when.balance_min, 100);
	assert_int_equal(s[2].when.balance_max, 9000);
	assert_int_equal(s[2].when.days_past_due_min, -3);
	assert_int_equal(s[2].when.days_past_due_max, 90);
	assert_string_equal(s[2].when.kinds[1], "public");
	assert_string_equal(s[2].when.countries[0], "FR");
	assert_string_equal(s[2].when.tags[0], "vip");

	assert_int_equal(s[3].kind, STEP_GATE);
	assert_string_equal(s[3].gate, "decision");
	assert_true(s[3].at.anchor == ANCHOR_EOM && s[3].deadline_days == 5 && !s[3].deadline_business);
	assert_int_equal(policy_step_index(p, "penalties"), 2);
	assert_int_equal(policy_step_index(p, "none"), -ENOENT);
}

static void what_is_left_out(void **state)
{
	CLEANUP(policy_freep) struct policy *p = parse(STEPS(MAIL("a", "due+1d", "neutral") ",{\"id\":\"g\",\"at\":\"due+9d\","
		"\"gate\":\"decision\",\"role\":\"owner\"}"));
	CLEANUP(policy_freep) struct policy *nothing = parse("{\"name\":\"do-nothing\",\"do_nothing\":true,\"caps\":[],\"steps\":[]}");
	CLEANUP(policy_freep) struct policy *same = parse("{\"name\":\"do-nothing\",\"do_nothing\":true,\"caps\":[],\"steps\":[]}");

	(void)state;
	assert_string_equal(p->title, "p");
	assert_true(p->window.debtor_zone && p->window.holidays);
	assert_int_equal(p->window.weekdays, 0x1f);
	assert_int_equal(p->window.from_minute, 9 * 60);
	assert_int_equal(p->window.to_minute, 17 * 60 + 30);
	assert_int_equal(p->cap_count, 2);
	assert_true(p->caps[0].any_channel && p->caps[0].contacts == 2 && p->caps[0].days == 7);
	assert_true(p->caps[1].channel == CHANNEL_CALL && p->caps[1].contacts == 1 && p->caps[1].days == 7);
	assert_int_equal(p->min_gap_ms, 48 * HOUR);
	assert_false(p->same_day);
	assert_int_equal(p->group, GROUP_DEBTOR);
	assert_true(p->max_contacts == 0 && p->due_roll == ROLL_NONE && p->freshness_ms == 0 && p->minimum_count == 0);
	assert_string_equal(p->steps[0].to[0], "billing");
	assert_string_equal(p->steps[0].sender, "");
	assert_true(p->steps[0].deadline_days == 0 && !p->regime);
	assert_int_equal(p->steps[1].deadline_days, 14);
	assert_int_equal(p->steps[1].tone, TONE_NEUTRAL); /* keeps the tone reached */
	assert_true(nothing->nothing && nothing->step_count == 0 && nothing->cap_count == 0);
	assert_string_equal(nothing->digest, same->digest);
	assert_string_not_equal(nothing->digest, p->digest);
	policy_free(NULL);
}

struct refusal {
	const char *json, *code, *path, *says; /* `says`: the remedy */
};

static const struct refusal refusals[] = {
	{ "[]", "wrong_type", "$", "must be an object with name and steps" },
	{ "{", "bad_json", "$", "" },
	{ "{\"steps\":[]}", "missing", "$.name", "must be there: a name" },
	{ "{\"name\":7}", "wrong_type", "$.name", "must be a string" },
	{ "{\"name\":\"Fr\"}", "bad_name", "$.name", "must begin with a-z" },
	{ "{\"name\":\"fr b\"}", "bad_name", "$.name", "must begin with a-z" },
	{ "{\"name\":\"\"}", "bad_name", "$.name", "must begin with a-z" },
	{ "{\"name\":\"a1234567890123456789012345678901234567890123456789012345678901234\"}", "bad_name", "$.name", "at most 64" },
	{ ROOT("\"late\":{}"), "missing", "$.late.regime", "must be a string" },
	{ ROOT("\"late\":\"FR-B2B\""), "wrong_type", "$.late", "" },
	{ ROOT("\"late\":{\"regime\":\"FR-B2B\",\"rate\":\"9\"}"), "unknown_member", "$.late.rate", "" },
	{ ROOT("\"interest\":{}"), "unknown_member", "$.interest", "" },
	{ ROOT("\"extends\":\"other\""), "needs_base", "$.extends", "together with" },
	{ ROOT("\"title\":7"), "wrong_type", "$.title", "" },
	{ ROOT("\"do_nothing\":\"yes\""), "wrong_type", "$.do_nothing", "" },
	{ ROOT("\"do_nothing\":true"), "bad_list", "$.steps", "must be empty or left out" },
	/* the window */
	{ ROOT("\"window\":[]"), "wrong_type", "$.window", "" },
	{ ROOT("\"window\":{\"day\":\"mon\"}"), "unknown_member", "$.window.day", "" },
	{ ROOT("\"window\":{\"zone\":\"Europe/Pariss\"}"), "unknown_zone", "$.window.zone", "such as \"Europe/Paris\"" },
	{ ROOT("\"window\":{\"zone\":7}"), "wrong_type", "$.window.zone", "" },
	{ ROOT("\"window\":{\"days\":\"\"}"), "bad_days", "$.window.days", "such as \"mon-fri\"" },
	{ ROOT("\"window\":{\"days\":\"fri-mon\"}"), "bad_days", "$.window.days", "such as \"mon-fri\"" },
	{ ROOT("\"window\":{\"days\":\"mon,\"}"), "bad_days", "$.window.days", "such as \"mon-fri\"" },
	{ ROOT("\"window\":{\"days\":\"mo\"}"), "bad_days", "$.window.days", "such as \"mon-fri\"" },
	{ ROOT("\"window\":{\"days\":\"mon+fri\"}"), "bad_days", "$.window.days", "such as \"mon-fri\"" },
	{ ROOT("\"window\":{\"days\":\"mon-day\"}"), "bad_days", "$.window.days", "such as \"mon-fri\"" },
	{ ROOT("\"window\":{\"hours\":\"9:00-17:00\"}"), "bad_hours", "$.window.hours", "such as \"09:00-17:30\"" },
	{ ROOT("\"window\":{\"hours\":\"17:00-09:00\"}"), "bad_hours", "$.window.hours", "such as \"09:00-17:30\"" },
	{ ROOT("\"window\":{\"hours\":\"09:00-09:00\"}"), "bad_hours", "$.window.hours", "such as \"09:00-17:30\"" },
	{ ROOT("\"window\":{\"hours\":\"09:00-24:01\"}"), "bad_hours", "$.window.hours", "such as \"09:00-17:30\"" },
	{ ROOT("\"window\":{\"hours\":\"09:60-17:00\"}"), "bad_hours", "$.window.hours", "such as \"09:00-17:30\"" },
	{ ROOT("\"window\":{\"hours\":\"09:00-17:00 \"}"), "bad_hours", "$.window.hours", "such as \"09:00-17:30\"" },
	{ ROOT("\"window\":{\"hours\":\"09:00\"}"), "bad_hours", "$.window.hours", "such as \"09:00-17:30\"" },
	{ ROOT("\"window\":{\"holidays\":\"FR\"}"), "not_one_of", "$.window.holidays", "" },
	/* caps, spans, minimum */
	{ ROOT("\"caps\":{}"), "wrong_type", "$.caps", "" },
	{ ROOT("\"caps\":[1]"), "wrong_type", "$.caps[0]", "must be an object such as" },
	{ ROOT("\"caps\":[{\"contacts\":1,\"days\":7},{\"contacts\":1,\"per\":7}]"), "unknown_member", "$.caps[1].per", "" },
	{ ROOT("\"caps\":[{\"days\":7}]"), "missing", "$.caps[0].contacts", "" },
	{ ROOT("\"caps\":[{\"contacts\":0,\"days\":7}]"), "out_of_range", "$.caps[0].contacts", "" },
	{ ROOT("\"caps\":[{\"contacts\":1,\"days\":366}]"), "out_of_range", "$.caps[0].days", "" },
	{ ROOT("\"caps\":[{\"channel\":\"fax\",\"contacts\":1,\"days\":7}]"), "not_one_of", "$.caps[0].channel", "" },
	{ ROOT("\"caps\":[0,0,0,0,0,0,0,0,0]"), "bad_list", "$.caps", "at most 8" },
	{ ROOT("\"min_gap\":\"48\""), "bad_span", "$.min_gap", "such as \"48h\"" },
	{ ROOT("\"min_gap\":\"h\""), "bad_span", "$.min_gap", "such as \"48h\"" },
	{ ROOT("\"min_gap\":\"2w\""), "bad_span", "$.min_gap", "such as \"48h\"" },
	{ ROOT("\"min_gap\":\"-2d\""), "bad_span", "$.min_gap", "such as \"48h\"" },
	{ ROOT("\"min_gap\":\"1234567d\""), "bad_span", "$.min_gap", "such as \"48h\"" },
	{ ROOT("\"min_gap\":48"), "wrong_type", "$.min_gap", "" },
	{ ROOT("\"min_gap\":\"31d\""), "out_of_range", "$.min_gap", "between 0 and 720 hours" },
	{ ROOT("\"same_day\":\"yes\""), "wrong_type", "$.same_day", "true or false" },
	{ ROOT("\"same_day\":1"), "wrong_type", "$.same_day", "true or false" },
	{ ROOT("\"due_roll\":\"backward\""), "not_one_of", "$.due_roll", "following" },
	{ ROOT("\"freshness\":\"59m\""), "out_of_range", "$.freshness", "between 1 and 720 hours" },
	{ ROOT("\"max_contacts\":1001"), "out_of_range", "$.max_contacts", "" },
	{ ROOT("\"group\":\"all\""), "not_one_of", "$.group", "" },
	{ ROOT("\"minimum\":10"), "wrong_type", "$.minimum", "" },
	{ ROOT("\"minimum\":{\"EURO\":1}"), "unknown_currency", "$.minimum.EURO", "such as \"EUR\"" },
	{ ROOT("\"minimum\":{\"eur\":1}"), "unknown_currency", "$.minimum.eur", "such as \"EUR\"" },
	{ ROOT("\"minimum\":{\"EUR\":-1}"), "out_of_range", "$.minimum.EUR", "" },
	{ ROOT("\"minimum\":{\"EUR\":\"10\"}"), "wrong_type", "$.minimum.EUR", "" },
	{ ROOT("\"minimum\":{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,\"k\":1,\"l\":1,"
		"\"m\":1,\"n\":1,\"o\":1,\"p\":1,\"q\":1}"), "bad_list", "$.minimum", "at most 16" },
	/* steps */
	{ "{\"name\":\"p\"}", "missing", "$.steps", "do_nothing" },
	{ "{\"name\":\"p\",\"steps\":{}}", "wrong_type", "$.steps", "" },
	{ "{\"name\":\"p\",\"steps\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}", "bad_list", "$.steps",
		"at most 32" },
	{ STEPS("7"), "wrong_type", "$.steps[0]", "must be an object with id" },
	{ STEPS("{\"at\":\"due+1d\"}"), "missing", "$.steps[0].id", "must be there" },
	{ STEPS(MAIL("due", "due+1d", "neutral")), "bad_id", "$.steps[0].id", "anchor" },
	{ STEPS(MAIL("eom", "due+1d", "neutral")), "bad_id", "$.steps[0].id", "anchor" },
	{ STEPS(MAIL("issued", "due+1d", "neutral")), "bad_id", "$.steps[0].id", "anchor" },
	{ STEPS(MAIL("a", "due+1d", "neutral") "," MAIL("a", "due+2d", "firm")), "duplicate_id", "$.steps[1].id", "its own id" },
	{ STEPS("{\"id\":\"a\",\"at\":\"due+1d\"}"), "bad_step", "$.steps[0]", "exactly one of channel" },
	{ GATE("\"channel\":\"email\""), "bad_step", "$.steps[0]", "exactly one of channel" },
	{ STEPS("{\"id\":\"a\",\"at\":\"due+1d\",\"action\":\"sue\"}"), "not_one_of", "$.steps[0].action", "handover" },
	{ STEPS("{\"id\":\"a\",\"at\":\"due+1d\",\"action\":\"handover\"}"), "missing", "$.steps[0].role", "who decides" },
	{ STEPS(SAYS("\"announces\":{\"step\":\"b\"}") "," MAIL("b", "due+9d", "firm")), "unknown_step", "$.steps[0].announces.step", "gate or a handover" },
	{ STEPS("{\"id\":\"g\",\"at\":\"due-30d\",\"gate\":\"decision\",\"role\":\"owner\"}," SAYS("\"announces\":{\"step\":\"g\"}")), "unknown_step", "$.steps[1].announces.step", "later step" },
	{ STEPS(SAYS("\"deadline\":\"10d\",\"announces\":{\"step\":\"g\",\"within\":\"10d\"}") "," ASKS("g")), "out_of_range",
		"$.steps[0].announces.within", "10 days" },
	{ STEPS(SAYS("\"announces\":{\"within\":\"10d\"}") "," ASKS("g")), "missing", "$.steps[0].announces.step", "" },
	{ STEPS(SAYS("\"requires\":[\"luck\"]")), "bad_item", "$.steps[0].requires[0]", "earlier step" },
	{ STEPS(SAYS("\"requires\":[\"b\"]") "," ASKS("b")), "bad_item", "$.steps[0].requires[0]", "" },
	{ STEPS("{\"id\":\"a\",\"at\":\"due+1d\",\"channel\":\"letter\"}"), "missing", "$.steps[0].tone", "one of friendly" },
	{ LETTER("\"delivery\":\"express\""), "not_one_of", "$.steps[0].delivery", "e-registered" },
	{ LETTER("\"delivery\":true"), "wrong_type", "$.steps[0].delivery", "" },
	{ LETTER("\"deadline\":\"10\""), "bad_days", "$.steps[0].deadline", "such as \"2bd\"" },
	{ LETTER("\"in_doubt\":\"resend\""), "bad_in_doubt", "$.steps[0].in_doubt", "for a person to find out" },
	{ LETTER("\"in_doubt\":\"skip\""), "bad_in_doubt", "$.steps[0].in_doubt", "for a person to find out" },
	{ STEPS("{\"id\":\"a\",\"at\":\"due+1d\",\"channel\":\"sms\",\"template\":\"t\",\"tone\":\"neutral\",\"attach\":\"invoice\"}"), "bad_attach", "$.steps[0].attach", "by email or letter" },
	{ WITH("\"else\":\"letter\",\"in_doubt\":\"resend\""), "bad_in_doubt", "$.steps[0].in_doubt", "for a person to find out" },
	{ WITH("\"delivery\":\"registered\""), "bad_delivery", "$.steps[0].delivery", "nothing of this step is a letter" },
	{ STEPS("{\"id\":\"a\",\"at\":\"due+1d\",\"channel\":\"fax\"}"), "not_one_of", "$.steps[0].channel", "email" },
	{ WITH("\"registered\":true"), "unknown_member", "$.steps[0].registered", "" },
	{ WITH("\"deadline\":\"2\""), "bad_days", "$.steps[0].deadline", "such as \"2bd\"" },
	{ WITH("\"role\":\"owner\""), "unknown_member", "$.steps[0].role", "" },
	{ CALL("\"deadline\":\"2d\",\"else\":\"email\""), "unknown_member", "$.steps[0].else", "" },
	{ GATE("\"role\":\"owner\",\"template\":\"t\""), "unknown_member", "$.steps[0].template", "" },
	{ STEPS("{\"id\":\"a\",\"at\":\"due+1d\",\"gate\":\"vote\"}"), "not_one_of", "$.steps[0].gate", "decision" },
	{ STEPS("{\"id\":\"a\",\"channel\":\"email\"}"), "missing", "$.steps[0].at", "" },
	{ AT("due"), "bad_at", "$.steps[0].at", "such as \"due-7d\"" },
	{ AT("due+"), "bad_at", "$.steps[0].at", "such as \"due-7d\"" },
	{ AT("+1d"), "bad_at", "$.steps[0].at", "such as \"due-7d\"" },
	{ AT("due+1"), "bad_at", "$.steps[0].at", "such as \"due-7d\"" },
	{ AT("due+1w"), "bad_at", "$.steps[0].at", "such as \"due-7d\"" },
	{ AT("due+1d "), "bad_at", "$.steps[0].at", "such as \"due-7d\"" },
	{ AT("due+d"), "bad_at", "$.steps[0].at", "such as \"due-7d\"" },
	{ AT(""), "bad_at", "$.steps[0].at", "such as \"due-7d\"" },
	{ AT("a1234567890123456789012345678901234567890123456789012345678901234+1d"), "bad_at", "$.steps[0].at", "such as" },
	{ AT("due+731d"), "out_of_range", "$.steps[0].at", "at most 730 days" },
	{ AT("due-731bd"), "out_of_range", "$.steps[0].at", "at most 730 days" },
	{ AT("a+1d"), "unknown_step", "$.steps[0].at", "an earlier step" },
	{ AT("paid+1d"), "unknown_step", "$.steps[0].at", "an earlier step" },
	{ STEPS(MAIL("a", "due+1d", "neutral") "," MAIL("b", "a-1d", "firm")), "bad_at", "$.steps[1].at", "write +" },
	{ STEPS(MAIL("a", "due+9d", "neutral") "," MAIL("b", "due+8d", "firm")), "bad_order", "$.steps[1].at", "step \"a\"" },
	{ STEPS(MAIL("a", "due+9d", "neutral") "," MAIL("b", "a+9d", "firm") "," MAIL("c", "due+9bd", "firm")), "bad_order",
		"$.steps[2].at", "step \"b\"" },
	{ STEPS(MAIL("a", "due-2bd", "neutral") "," MAIL("b", "due-9d", "firm")), "bad_order", "$.steps[1].at", "step \"a\"" },
	{ STEPS("{\"id\":\"a\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"t\"}"), "missing", "$.steps[0].tone",
		"one of friendly, neutral" },
	{ STEPS(MAIL("a", "due+1d", "firm") "," MAIL("b", "due+9d", "neutral")), "tone_falls", "$.steps[1].tone", "at least \"firm\"" },
	{ STEPS(MAIL("a", "due+1d", "rude")), "not_one_of", "$.steps[0].tone", "" },
	{ WITH("\"if\":[]"), "wrong_type", "$.steps[0].if", "" },
	{ WITH("\"if\":{\"amount\":1}"), "unknown_member", "$.steps[0].if.amount", "" },
	{ WITH("\"if\":{\"currency\":\"euro\"}"), "unknown_currency", "$.steps[0].if.currency", "such as \"EUR\"" },
	{ WITH("\"if\":{\"balance_min_minor\":-1}"), "out_of_range", "$.steps[0].if.balance_min_minor", "" },
	{ WITH("\"if\":{\"balance_max_minor\":\"1\"}"), "wrong_type", "$.steps[0].if.balance_max_minor", "" },
	{ WITH("\"if\":{\"balance_min_minor\":2,\"balance_max_minor\":1}"), "out_of_range", "$.steps[0].if.balance_max_minor",
		"at least balance_min_minor" },
	{ WITH("\"if\":{\"days_past_due_min\":2,\"days_past_due_max\":1}"), "out_of_range", "$.steps[0].if.days_past_due_max",
		"at least days_past_due_min" },
	{ WITH("\"if\":{\"kinds\":[]}"), "bad_list", "$.steps[0].if.kinds", "leave it out" },
	{ WITH("\"if\":{\"kinds\":\"company\"}"), "wrong_type", "$.steps[0].if.kinds", "" },
	{ WITH("\"if\":{\"kinds\":[\"company\",\"person\"]}"), "bad_item", "$.steps[0].if.kinds[1]", "one of company" },
	{ WITH("\"if\":{\"countries\":[\"fr\"]}"), "bad_item", "$.steps[0].if.countries[0]", "such as \"FR\"" },
	{ WITH("\"if\":{\"countries\":[\"FRA\"]}"), "bad_item", "$.steps[0].if.countries[0]", "such as \"FR\"" },
	{ WITH("\"if\":{\"tags\":[\"a,b\"]}"), "bad_item", "$.steps[0].if.tags[0]", "without ','" },
	{ WITH("\"if\":{\"tags\":[\"\"]}"), "bad_item", "$.steps[0].if.tags[0]", "1 to 128" },
	{ WITH("\"effects\":[\"work.stop\"]"), "bad_item", "$.steps[0].effects[0]", "work.hold_requested" },
	{ WITH("\"attach\":\"report\""), "not_one_of", "$.steps[0].attach", "" },
	{ WITH("\"in_doubt\":\"retry\""), "not_one_of", "$.steps[0].in_doubt", "" },
	{ STEPS("{\"id\":\"a\",\"at\":\"due+1d\",\"channel\":\"email\",\"tone\":\"firm\"}"), "missing", "$.steps[0].template",
		"must be there" },
	{ WITH("\"sender\":\"Us\""), "bad_name", "$.steps[0].sender", "" },
	{ WITH("\"to\":[7]"), "bad_item", "$.steps[0].to[0]", "such as \"billing\"" },
	{ WITH("\"to\":[\"Billing\"]"), "bad_item", "$.steps[0].to[0]", "such as \"billing\"" },
	{ WITH("\"fees\":1"), "wrong_type", "$.steps[0].fees", "" },
	{ WITH("\"else\":\"fax\""), "not_one_of", "$.steps[0].else", "" },
	{ WITH("\"else\":\"voice\""), "not_available", "$.steps[0].else", "email, sms or letter" },
	{ WITH("\"else\":\"email\""), "bad_fallback", "$.steps[0].else", "another channel" },
	{ CALL("\"tone\":\"firm\""), "missing", "$.steps[0].deadline", "such as \"2bd\"" },
	{ CALL("\"deadline\":\"0d\""), "bad_days", "$.steps[0].deadline", "such as \"2bd\"" },
	{ CALL("\"deadline\":\"366d\""), "bad_days", "$.steps[0].deadline", "such as \"2bd\"" },
	{ CALL("\"deadline\":\"2\""), "bad_days", "$.steps[0].deadline", "such as \"2bd\"" },
	{ CALL("\"deadline\":2"), "wrong_type", "$.steps[0].deadline", "" },
	{ CALL("\"deadline\":\"2d\",\"confirm\":\"A b\""), "bad_name", "$.steps[0].confirm", "" },
	{ CALL("\"deadline\":\"2d\",\"role\":\"A b\""), "bad_name", "$.steps[0].role", "" },
	{ GATE("\"deadline\":\"2d\""), "missing", "$.steps[0].role", "such as \"owner\"" },
};

/* Every refusal has a code, the place in the file and a sentence with the remedy; the result stays untouched. */
static void refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		const struct refusal *row = &refusals[i];
		struct policy *policy = (struct policy *)&refusals;
		struct err err = { 0 };

		if (policy_parse(row->json, strlen(row->json), &policy, &err) != -EBADMSG)
			fail_msg("not refused: %s", row->json);
		if (strcmp(err.code, row->code) || strcmp(err.path, row->path) || !err.text[0] || !strstr(err.text, row->says))
			fail_msg("%s\n%s %s %s", row->json, err.code, err.path, err.text);
		assert_ptr_equal(policy, &refusals);
		assert_int_equal(policy_parse(row->json, strlen(row->json), &policy, NULL), -EBADMSG);
	}
}

static void too_large(void **state)
{
	size_t len = 256 * 1024 + 1;
	CLEANUP(freep) char *text = xmalloc(len);
	struct policy *policy = NULL;
	struct err err = { 0 };

	(void)state;
	memset(text, ' ', len);
	assert_int_equal(policy_parse(text, len, &policy, &err), -EBADMSG);
	assert_string_equal(err.code, "too_large");
	assert_non_null(strstr(err.text, "262144"));
}

/* Nine business days may be more or fewer than ten days: what cannot be told is no mistake. */
static void orders_that_may_be(void **state)
{
	static const char *const rows[] = {
		STEPS(MAIL("a", "due+10d", "neutral") "," MAIL("b", "due+9bd", "neutral")),
		STEPS(MAIL("a", "due+9bd", "neutral") "," MAIL("b", "due+10d", "neutral")),
		STEPS(MAIL("a", "due+9d", "neutral") "," MAIL("b", "due+9d", "neutral")),
		STEPS(MAIL("a", "due+9d", "neutral") "," MAIL("b", "eom+0d", "neutral") "," MAIL("c", "issued+1d", "neutral")),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(policy_freep) struct policy *policy = parse(rows[i]);

		assert_true(policy->step_count >= 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_read),
		cmocka_unit_test(what_is_left_out),
		cmocka_unit_test(refused),
		cmocka_unit_test(too_large),
		cmocka_unit_test(orders_that_may_be),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
