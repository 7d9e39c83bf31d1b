/*
 * The lint of policies: one row, one bad policy and the one finding it must have, at its place; beside it the nearest good one, which has
 * none. Then the words that threaten, on both sides, and that the manual lists every finding.
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

#include "common/file.h"
#include "common/lint.h"

static struct law *law;
static struct notice_set *notices;

/* --- policies ----------------------------------------------------------------------------------------------------------- */

#define WITH(members, ...) "{\"name\":\"p\"," members "\"steps\":[" __VA_ARGS__ "]}"
#define STEPS(...) WITH("", __VA_ARGS__)
#define LATE(...) WITH("\"late\":{\"regime\":\"FR-B2B\"},", __VA_ARGS__) /* fees stand on a law */
#define FREE(...) WITH("\"caps\":[],\"min_gap\":\"0h\",", __VA_ARGS__)
#define SAYS(id, at, channel, template, tone, more) \
	"{\"id\":\"" id "\",\"at\":\"" at "\",\"channel\":\"" channel "\",\"template\":\"" template "\",\"tone\":\"" tone "\"" more "}"
#define MAIL(id, at, more) SAYS(id, at, "email", "note", "friendly", more)
#define TEXT(id, at, more) SAYS(id, at, "sms", "note", "friendly", more)
#define CALL(id, at, deadline, more) SAYS(id, at, "call", "note", "friendly", ",\"deadline\":\"" deadline "\"" more)
#define GATE(id, at, more) "{\"id\":\"" id "\",\"at\":\"" at "\",\"gate\":\"decision\",\"role\":\"owner\"" more "}"
#define IF(members) ",\"if\":{" members "}"
#define KINDS(list) IF("\"kinds\":[" list "]")
#define KIND(kind) IF("\"kinds\":[\"" kind "\"]")
#define WHERE(country, kind) IF("\"countries\":[\"" country "\"],\"kinds\":[\"" kind "\"]")
#define FEES(more) ",\"fees\":true" more
#define WORD(step, within) ",\"announces\":{\"step\":\"" step "\",\"within\":\"" within "\",\"withdraw\":\"note\"}"
#define ANNOUNCED WORD("end", "20d")
#define APPROVED ",\"requires\":[\"approval\"]"
#define FIRST MAIL("first", "due+1d", "") /* what is firm is not the first word */
#define ASKED FIRST "," GATE("ask", "due+20d", "")
/* At the legal stage, with a person's decision before and after. */
#define LEGAL(channel, template, more) \
	STEPS(ASKED "," SAYS("x", "due+25d", channel, template, "legal", more APPROVED ANNOUNCED) "," GATE("end", "due+35d", ""))
#define EARLY(channel, template, tone, more) STEPS(FIRST "," SAYS("x", "due+25d", channel, template, tone, more))

struct row {
	const char *name;
	const char *bad, *id, *path, *says; /* the one finding: its id, its place, words of its reason */
	const char *good; /* has none; NULL = the row is about the bad one alone */
	const char *country; /* the creditor's; NULL = FR */
};

static const struct row rows[] = {
	/* the file */
	{ "no JSON", "{\"name\":", "bad_file", "$.name", "", NULL, NULL },
	{ "a slip in a time", STEPS(MAIL("a", "due+1x", "")), "bad_file", "$.steps[0].at", "due+1x", STEPS(MAIL("a", "due+1d", "")), NULL },
	{ "a gate without who decides", STEPS("{\"id\":\"g\",\"at\":\"due+1d\",\"gate\":\"decision\"}"), "bad_file", "$.steps[0].role", "who decides",
		STEPS(GATE("g", "due+1d", "")), NULL },
	{ "a tone that falls", STEPS(SAYS("a", "due+1d", "email", "note", "firm", "") "," SAYS("b", "due+9d", "email", "note", "neutral", "")),
		"tone_falls", "$.steps[1].tone", "firm",
		STEPS(SAYS("a", "due+1d", "email", "note", "neutral", "") "," SAYS("b", "due+9d", "email", "note", "firm", "")), NULL },
	{ "a tone that falls at a call", STEPS(SAYS("a", "due+1d", "email", "note", "firm", "") "," CALL("b", "due+9d", "2bd", "")), "tone_falls",
		"$.steps[1].tone", "firm", NULL, NULL },
	{ "a step before the one above it", STEPS(MAIL("a", "due+9d", "") "," MAIL("b", "due+1d", "")), "bad_order", "$.steps[1].at", "\"a\"",
		STEPS(MAIL("b", "due+1d", "") "," MAIL("a", "due+9d", "")), NULL },
	/* bunched */
	{ "a day apart", STEPS(MAIL("a", "due+1d", "") "," MAIL("b", "due+2d", "")), "bunched", "$.steps[1].at", "1 day behind \"a\"",
		STEPS(MAIL("a", "due+1d", "") "," MAIL("b", "due+3d", "")), NULL },
	{ "on one day, by two channels", STEPS(MAIL("a", "due+1d", "") "," TEXT("b", "due+1d", "")), "bunched", "$.steps[1].at", "0 days",
		STEPS(MAIL("a", "due+1d", KIND("company")) "," TEXT("b", "due+1d", KIND("consumer"))), NULL },
	{ "on one day, for balances that meet", STEPS(MAIL("a", "due+1d", IF("\"balance_max_minor\":100")) ","
		MAIL("b", "due+1d", IF("\"balance_min_minor\":100"))), "bunched", "$.steps[1].at", "\"a\"",
		STEPS(MAIL("a", "due+1d", IF("\"balance_max_minor\":100")) "," MAIL("b", "due+1d", IF("\"balance_min_minor\":101"))), NULL },
	{ "on one day, in one country", STEPS(MAIL("a", "due+1d", IF("\"countries\":[\"FR\",\"BE\"]")) ","
		MAIL("b", "due+1d", IF("\"countries\":[\"DE\",\"BE\"]"))), "bunched", "$.steps[1].at", "\"a\"",
		STEPS(MAIL("a", "due+1d", IF("\"countries\":[\"FR\",\"BE\"]")) "," MAIL("b", "due+1d", IF("\"countries\":[\"DE\"]"))), NULL },
	{ "on one day, in one currency", STEPS(MAIL("a", "due+1d", IF("\"currency\":\"EUR\"")) "," MAIL("b", "due+1d", IF("\"currency\":\"EUR\""))),
		"bunched", "$.steps[1].at", "\"a\"",
		STEPS(MAIL("a", "due+1d", IF("\"currency\":\"EUR\"")) "," MAIL("b", "due+1d", IF("\"currency\":\"USD\""))), NULL },
	{ "hung too near", STEPS(MAIL("a", "due+1d", "") "," MAIL("b", "a+1d", "")), "bunched", "$.steps[1].at", "48 hours",
		STEPS(MAIL("a", "due+1d", "") "," MAIL("b", "a+2d", "")), NULL },
	{ "a long gap", WITH("\"caps\":[],\"min_gap\":\"30d\",", MAIL("a", "due+1d", "") "," MAIL("b", "due+30d", "")), "bunched", "$.steps[1].at",
		"720 hours", WITH("\"caps\":[],\"min_gap\":\"30d\",", MAIL("a", "due+1d", "") "," MAIL("b", "due+31d", "")), NULL },
	{ "twice before the due date", STEPS(MAIL("a", "due-2d", "") "," MAIL("b", "due-1d", "")), "bunched", "$.steps[1].at", "\"a\"",
		STEPS(MAIL("a", "due-3d", "") "," MAIL("b", "due-1d", "")), NULL },
	{ "on one day, with no gap", FREE(MAIL("a", "due+1d", "") "," TEXT("b", "due+1d", "")), "bunched", "$.steps[1].at", "written to once a day",
		FREE(MAIL("a", "due+1d", "") "," CALL("b", "due+1d", "2bd", "")), NULL },
	{ "several messages a day", WITH("\"caps\":[],\"min_gap\":\"3h\",\"same_day\":true,", MAIL("a", "due+1d", "")), "same_day", "$.same_day",
		"only min_gap, 3 hours", WITH("\"caps\":[],\"min_gap\":\"3h\",", MAIL("a", "due+1d", "")), NULL },
	{ "several on one day by one ladder", WITH("\"caps\":[],\"min_gap\":\"0h\",\"same_day\":true,", MAIL("a", "due+1d", "") "," TEXT("b", "due+1d", "")),
		"same_day", "$.same_day", "only min_gap, 0 hours", WITH("\"same_day\":false,", MAIL("a", "due+1d", "")), NULL },
	{ "several a day, a day apart", WITH("\"min_gap\":\"24h\",\"same_day\":true,", MAIL("a", "due+1d", "")), "same_day", "$.same_day", "of no use",
		WITH("\"min_gap\":\"24h\",", MAIL("a", "due+1d", "")), NULL },
	/* caps */
	{ "three in a week", STEPS(MAIL("a", "due+1d", "") "," MAIL("b", "due+4d", "") "," MAIL("c", "due+7d", "")), "cap_never_kept", "$.caps",
		"\"a\" to \"c\" lie within 7 days, for which it allows 2",
		STEPS(MAIL("a", "due+1d", "") "," MAIL("b", "due+4d", "") "," MAIL("c", "due+8d", "")), NULL },
	{ "two calls in a week", STEPS(CALL("a", "due+1d", "1d", "") "," CALL("b", "due+6d", "1d", "")), "cap_never_kept", "$.caps", "1 by call",
		STEPS(CALL("a", "due+1d", "1d", "") "," CALL("b", "due+8d", "1d", "")), NULL },
	{ "a cap of one's own", WITH("\"caps\":[{\"contacts\":1,\"days\":10}],", MAIL("a", "due+1d", "") "," MAIL("b", "due+10d", "")),
		"cap_never_kept", "$.caps", "within 10 days",
		WITH("\"caps\":[{\"contacts\":1,\"days\":10}],", MAIL("a", "due+1d", "") "," MAIL("b", "due+11d", "")), NULL },
	{ "a cap of one channel", WITH("\"caps\":[{\"channel\":\"sms\",\"contacts\":1,\"days\":30}],", TEXT("a", "due+1d", "") "," TEXT("b", "due+20d", "")),
		"cap_never_kept", "$.caps", "1 by sms",
		WITH("\"caps\":[{\"channel\":\"sms\",\"contacts\":1,\"days\":30}],", TEXT("a", "due+1d", "") "," MAIL("b", "due+20d", "")), NULL },
	{ "three in a week for one kind of debtor",
		STEPS(MAIL("a", "due+1d", "") "," MAIL("b", "due+3d", KIND("company")) "," MAIL("c", "due+5d", KIND("company"))), "cap_never_kept", "$.caps",
		"\"a\" to \"c\"", STEPS(MAIL("a", "due+1d", "") "," MAIL("b", "due+3d", KIND("company")) "," MAIL("c", "due+5d", KIND("consumer"))), NULL },
	{ "four in a week in France, by SMS", FREE(MAIL("a", "due+1d", "") "," MAIL("b", "due+3d", "") "," MAIL("c", "due+5d", "") ","
		TEXT("d", "due+7d", "")), "cap_of_law", "$.steps[3].at", "fr-policy allows 3",
		FREE(MAIL("a", "due+1d", "") "," MAIL("b", "due+3d", "") "," MAIL("c", "due+5d", "") "," TEXT("d", "due+8d", "")), NULL },
	{ "a cap that min_gap makes idle", WITH("\"caps\":[{\"contacts\":4,\"days\":7}],", MAIL("a", "due+1d", "")), "cap_idle", "$.caps", "min_gap",
		WITH("\"caps\":[{\"contacts\":3,\"days\":7}],", MAIL("a", "due+1d", "")), NULL },
	{ "a cap that another one makes idle", WITH("\"caps\":[{\"contacts\":2,\"days\":7},{\"channel\":\"sms\",\"contacts\":2,\"days\":7}],",
		MAIL("a", "due+1d", "")), "cap_idle", "$.caps", "stricter",
		WITH("\"caps\":[{\"contacts\":2,\"days\":7},{\"channel\":\"sms\",\"contacts\":1,\"days\":7}],", MAIL("a", "due+1d", "")), NULL },
	{ "the usual caps beside a long gap are nobody's mistake", WITH("\"min_gap\":\"30d\",", MAIL("a", "due+1d", "") "," MAIL("b", "due+9d", "")),
		"bunched", "$.steps[1].at", "", WITH("\"min_gap\":\"30d\",", MAIL("a", "due+1d", "") "," MAIL("b", "due+31d", "")), NULL },
	{ "a call that may last", STEPS(CALL("a", "due+1d", "8bd", "") "," MAIL("b", "due+8d", "")), "call_overlaps", "$.steps[0].deadline", "\"b\"",
		STEPS(CALL("a", "due+1d", "7bd", "") "," MAIL("b", "due+8d", "")), NULL },
	/* unreachable */
	{ "too late for its condition", STEPS(MAIL("a", "due+10d", IF("\"days_past_due_max\":9"))), "unreachable", "$.steps[0].if.days_past_due_max",
		"day 10", STEPS(MAIL("a", "due+10d", IF("\"days_past_due_max\":10"))), NULL },
	{ "too early for its condition", STEPS(MAIL("a", "due+5d", IF("\"days_past_due_min\":6"))), "unreachable", "$.steps[0].if.days_past_due_min",
		"day 5", STEPS(MAIL("a", "due+5d", IF("\"days_past_due_min\":5"))), NULL },
	{ "after the end of the month, for who is not late", STEPS(MAIL("a", "eom+1d", IF("\"days_past_due_max\":0"))), "unreachable",
		"$.steps[0].if.days_past_due_max", "day 1", STEPS(MAIL("a", "eom+1d", IF("\"days_past_due_min\":31"))), NULL },
	{ "in business days", STEPS(MAIL("a", "due+10bd", IF("\"days_past_due_max\":9"))), "unreachable", "$.steps[0].if.days_past_due_max", "day 10",
		STEPS(MAIL("a", "due+10bd", IF("\"days_past_due_min\":14"))), NULL },
	{ "hung on a step for others", STEPS(MAIL("a", "due+1d", KIND("company")) "," MAIL("b", "a+9d", KIND("consumer"))), "unreachable",
		"$.steps[1].at", "\"a\"", STEPS(MAIL("a", "due+1d", KIND("company")) "," MAIL("b", "a+9d", KIND("company"))), NULL },
	{ "hung on a step for another country", STEPS(MAIL("a", "due+1d", IF("\"countries\":[\"FR\"]")) ","
		MAIL("b", "a+9d", IF("\"countries\":[\"DE\",\"BE\"]"))), "unreachable", "$.steps[1].at", "\"a\"",
		STEPS(MAIL("a", "due+1d", IF("\"countries\":[\"FR\"]")) "," MAIL("b", "a+9d", IF("\"countries\":[\"DE\",\"FR\"]"))), NULL },
	{ "hung on a step for another currency", STEPS(MAIL("a", "due+1d", IF("\"currency\":\"EUR\"")) ","
		MAIL("b", "a+9d", IF("\"currency\":\"USD\""))), "unreachable", "$.steps[1].at", "\"a\"",
		STEPS(MAIL("a", "due+1d", IF("\"currency\":\"EUR\"")) "," MAIL("b", "a+9d", "")), NULL },
	{ "behind the last contact allowed", WITH("\"max_contacts\":1,", MAIL("a", "due+1d", "") "," MAIL("b", "due+9d", "")), "unreachable",
		"$.steps[1]", "max_contacts is 1", WITH("\"max_contacts\":2,", MAIL("a", "due+1d", "") "," MAIL("b", "due+9d", "")), NULL },
	{ "a decision behind the last contact allowed", WITH("\"max_contacts\":1,", MAIL("a", "due+1d", "") "," GATE("g", "due+9d", "")), "unreachable",
		"$.steps[1]", "1 contacts", WITH("\"max_contacts\":1,", GATE("g", "due+1d", "") "," MAIL("a", "due+9d", "")), NULL },
	{ "a step for some behind the last contact that these are allowed", WITH("\"max_contacts\":2,", MAIL("a", "due+1d", KIND("company")) ","
		MAIL("b", "due+9d", "") "," MAIL("c", "due+17d", KIND("company"))), "unreachable", "$.steps[2]", "2 contacts",
		WITH("\"max_contacts\":2,", MAIL("a", "due+1d", KIND("company")) "," MAIL("b", "due+9d", "") "," MAIL("c", "due+17d", "")), NULL },
	{ "behind contacts for one kind and the other", WITH("\"max_contacts\":1,", MAIL("a", "due+1d", KINDS("\"company\",\"public\"")) ","
		MAIL("b", "due+9d", KINDS("\"consumer\",\"sole_trader\"")) "," MAIL("c", "due+17d", "")), "unreachable", "$.steps[2]", "1 contacts",
		WITH("\"max_contacts\":1,", MAIL("a", "due+1d", KINDS("\"company\",\"public\"")) "," MAIL("b", "due+9d", KIND("consumer")) ","
			MAIL("c", "due+17d", "")), NULL },
	{ "behind a contact in the same country and currency", WITH("\"max_contacts\":1,", MAIL("a", "due+1d", IF("\"countries\":[\"FR\"],\"currency\":\"EUR\""))
		"," MAIL("b", "due+9d", IF("\"countries\":[\"FR\"],\"currency\":\"EUR\""))), "unreachable", "$.steps[1]", "1 contacts",
		WITH("\"max_contacts\":1,", MAIL("a", "due+1d", IF("\"countries\":[\"FR\"],\"currency\":\"EUR\"")) ","
			MAIL("b", "due+9d", IF("\"countries\":[\"FR\"]"))), NULL },
	{ "behind contacts that may be skipped, one may come", WITH("\"max_contacts\":1,", MAIL("a", "due+1d", "") ","
		MAIL("b", "due+9d", IF("\"tags\":[\"vip\"]"))), "unreachable", "$.steps[1]", "1 contacts",
		WITH("\"max_contacts\":1,", MAIL("a", "due+1d", IF("\"tags\":[\"vip\"]")) "," MAIL("b", "a+9d", "") ","
			MAIL("c", "due+17d", IF("\"balance_min_minor\":5")) "," MAIL("d", "due+25d", "")), NULL },
	{ "for balances that are held", WITH("\"minimum\":{\"EUR\":1000},", MAIL("a", "due+1d", IF("\"balance_max_minor\":999"))), "below_minimum",
		"$.steps[0].if.balance_max_minor", "999", WITH("\"minimum\":{\"EUR\":1000},", MAIL("a", "due+1d", IF("\"balance_max_minor\":1000"))), NULL },
	{ "for balances that are held in their currency", WITH("\"minimum\":{\"EUR\":1000,\"USD\":10},",
		MAIL("a", "due+1d", IF("\"currency\":\"EUR\",\"balance_max_minor\":999"))), "below_minimum", "$.steps[0].if.balance_max_minor", "999",
		WITH("\"minimum\":{\"EUR\":1000,\"USD\":10},", MAIL("a", "due+1d", IF("\"currency\":\"GBP\",\"balance_max_minor\":5"))), NULL },
	/* tone */
	{ "work that rests with the first word about it", STEPS(FIRST "," SAYS("a", "due+15d", "email", "note", "firm",
		",\"effects\":[\"work.hold_requested\"]")), "hold_unwarned", "$.steps[1].effects", "at once",
		STEPS(FIRST "," SAYS("a", "due+15d", "email", "note", "firm", ",\"effects\":[\"work.hold_requested\"],\"hold_after\":\"7d\"")), NULL },
	{ "firm before the due date", STEPS(SAYS("a", "due-1d", "email", "note", "firm", "")), "firm_before_due", "$.steps[0].tone", "firm",
		STEPS(SAYS("a", "due-1d", "email", "note", "neutral", "")), NULL },
	{ "firm on the due date", STEPS(SAYS("a", "due+0d", "email", "note", "firm", "")), "firm_before_due", "$.steps[0].tone", "firm",
		STEPS(FIRST "," SAYS("a", "due+9d", "email", "note", "firm", "")), NULL },
	{ "firm as the first word", STEPS(MAIL("pre", "due-3d", "") "," SAYS("a", "due+1d", "email", "note", "firm", "")), "harsh_first", "$.steps[1].tone",
		"nothing was said", STEPS(MAIL("pre", "due-3d", "") "," SAYS("a", "due+1d", "email", "note", "neutral", "")), NULL },
	{ "firm as the first word to some", STEPS(MAIL("a", "due+1d", KIND("company")) "," SAYS("b", "due+9d", "email", "note", "firm", "")), "harsh_first",
		"$.steps[1].tone", "is firm", STEPS(MAIL("a", "due+1d", "") "," SAYS("b", "due+9d", "email", "note", "firm", KIND("company"))), NULL },
	/* threats */
	{ "a threat in German", EARLY("email", "drohung", "firm", ""), "threat_early", "$.steps[1].template", "mahnbescheid",
		LEGAL("email", "drohung", ""), NULL },
	{ "a threat in English", EARLY("email", "threat", "firm", ""), "threat_early", "$.steps[1].template", "legal action",
		LEGAL("email", "threat", ""), NULL },
	{ "a threat in Spanish", EARLY("email", "amenaza", "firm", ""), "threat_early", "$.steps[1].template", "acciones legales",
		LEGAL("email", "amenaza", ""), NULL },
	{ "a threat in French", EARLY("email", "menace", "firm", ""), "threat_early", "$.steps[1].template", "mise en demeure",
		LEGAL("email", "menace", ""), NULL },
	{ "a threat in Italian", EARLY("email", "minaccia", "firm", ""), "threat_early", "$.steps[1].template", "vie legali",
		LEGAL("email", "minaccia", ""), NULL },
	{ "a threat in Dutch", EARLY("email", "dreiging", "firm", ""), "threat_early", "$.steps[1].template", "deurwaarder",
		LEGAL("email", "dreiging", ""), NULL },
	{ "a threat one tone too early", EARLY("email", "threat", "formal", ""), "threat_early", "$.steps[1].template", "formal",
		LEGAL("email", "threat", ""), NULL },
	{ "a threat by SMS", EARLY("sms", "threat", "neutral", ""), "threat_early", "$.steps[1].template", "bailiff", LEGAL("sms", "threat", ""), NULL },
	{ "a threat by the fallback", EARLY("email", "sms_threat", "neutral", ",\"else\":\"sms\""), "threat_early", "$.steps[1].template", "bailiff",
		EARLY("email", "sms_threat", "neutral", ""), NULL },
	{ "a threat to be spoken", EARLY("call", "threat", "neutral", ",\"deadline\":\"2bd\""), "threat_early", "$.steps[1].template", "legal action",
		LEGAL("call", "threat", ",\"deadline\":\"2bd\""), NULL },
	{ "a threat that confirms a call", EARLY("call", "note", "neutral", ",\"deadline\":\"2bd\",\"confirm\":\"threat\""), "threat_early",
		"$.steps[1].confirm", "legal action", EARLY("call", "note", "neutral", ",\"deadline\":\"2bd\",\"confirm\":\"note\""), NULL },
	{ "a threat in a subject", EARLY("email", "subject_threat", "firm", ""), "threat_early", "$.steps[1].template", "final notice",
		LEGAL("email", "subject_threat", ""), NULL },
	{ "a threat in the HTML alone", EARLY("email", "html_threat", "firm", ""), "threat_early", "$.steps[1].template", "solicitor",
		LEGAL("email", "html_threat", ""), NULL },
	{ "a threat to who has many invoices", EARLY("email", "many_threat", "firm", ""), "threat_early", "$.steps[1].template", "county court",
		LEGAL("email", "many_threat", ""), NULL },
	{ "a threat that nothing follows", STEPS(ASKED "," SAYS("x", "due+25d", "email", "note", "legal", APPROVED)), "threat_alone",
		"$.steps[2].tone", "no later step", LEGAL("email", "note", ""), NULL },
	{ "a threat that is followed up for others", STEPS(ASKED "," SAYS("x", "due+25d", "email", "note", "legal", APPROVED KIND("company"))
		"," GATE("end", "due+35d", KIND("consumer"))), "threat_alone", "$.steps[2].tone", "same debtors",
		STEPS(ASKED "," SAYS("x", "due+25d", "email", "note", "legal", APPROVED KIND("company") ANNOUNCED) ","
			GATE("end", "due+35d", IF("\"kinds\":[\"company\",\"consumer\"]"))), NULL },
	{ "a threat that is followed up for large sums", STEPS(ASKED "," SAYS("x", "due+25d", "email", "note", "legal", APPROVED) ","
		GATE("end", "due+35d", IF("\"balance_min_minor\":10000"))), "threat_alone", "$.steps[2].tone", "",
		STEPS(ASKED "," SAYS("x", "due+25d", "email", "note", "legal", APPROVED IF("\"balance_min_minor\":10000") ANNOUNCED) ","
			GATE("end", "due+35d", IF("\"balance_min_minor\":10000"))), NULL },
	{ "a threat that is followed up in another currency", STEPS(ASKED "," SAYS("x", "due+25d", "email", "note", "legal", APPROVED) ","
		GATE("end", "due+35d", IF("\"currency\":\"EUR\""))), "threat_alone", "$.steps[2].tone", "",
		STEPS(ASKED "," SAYS("x", "due+25d", "email", "note", "legal", APPROVED IF("\"currency\":\"EUR\"") ANNOUNCED) ","
			GATE("end", "due+35d", IF("\"currency\":\"EUR\""))), NULL },
	{ "a threat that another threat follows", STEPS(ASKED "," SAYS("x", "due+25d", "email", "note", "legal", APPROVED ANNOUNCED) ","
		GATE("end", "due+35d", "") "," SAYS("y", "due+40d", "email", "note", "legal", APPROVED)), "threat_alone", "$.steps[4].tone", "",
		STEPS(ASKED "," SAYS("x", "due+25d", "email", "note", "legal", APPROVED ANNOUNCED) "," GATE("end", "due+35d", "") ","
			SAYS("y", "due+40d", "email", "note", "legal", APPROVED WORD("last", "20d")) "," GATE("last", "due+55d", "")), NULL },
	{ "a threat that does not say what follows", STEPS(ASKED "," SAYS("x", "due+25d", "email", "note", "legal", APPROVED) ","
		GATE("end", "due+35d", "")), "threat_unnamed", "$.steps[2].announces", "taken to be", LEGAL("email", "note", ""), NULL },
	{ "a second threat before the first is over", STEPS(ASKED "," SAYS("x", "due+25d", "email", "note", "legal", APPROVED ANNOUNCED) ","
		SAYS("y", "due+30d", "email", "note", "legal", APPROVED WORD("end", "20d")) "," GATE("end", "due+35d", "")), "threat_twice", "$.steps[3].announces",
		"\"x\" announced", LEGAL("email", "note", ""), NULL },
	{ "a threat whose day passes before anybody is asked", STEPS(ASKED ","
		SAYS("x", "due+25d", "email", "note", "legal", APPROVED WORD("end", "10d")) "," GATE("end", "x+14d", "")), "threat_late",
		"$.steps[2].announces.within", "on day 14", LEGAL("email", "note", ""), NULL },
	{ "a threat that nobody decided", STEPS(FIRST "," SAYS("x", "due+25d", "email", "note", "legal", ANNOUNCED) "," GATE("end", "due+35d", "")),
		"legal_undecided", "$.steps[1].tone", "nobody decides", LEGAL("email", "note", ""), NULL },
	{ "a threat that does not wait for the decision", STEPS(ASKED "," SAYS("x", "due+25d", "email", "note", "legal", ANNOUNCED) ","
		GATE("end", "due+35d", "")), "legal_unapproved", "$.steps[2].requires", "approval is not among", LEGAL("email", "note", ""), NULL },
	/* fees */
	{ "fees for whoever it is", LATE(MAIL("a", "due+15d", FEES(""))), "fee_without_ground", "$.steps[0].fees", "consumer in any country",
		LATE(MAIL("a", "due+15d", FEES(IF("\"kinds\":[\"company\",\"sole_trader\",\"public\"]")))), NULL },
	{ "fees for consumers in France", LATE(MAIL("a", "due+15d", FEES(WHERE("FR", "consumer")))), "fee_without_ground", "$.steps[0].fees", "L122-16",
		LATE(MAIL("a", "due+15d", FEES(WHERE("FR", "company")))), NULL },
	{ "fees for consumers in the United Kingdom", LATE(MAIL("a", "due+15d", FEES(WHERE("GB", "consumer")))), "fee_without_ground",
		"$.steps[0].fees", "consumer in GB", LATE(MAIL("a", "due+15d", FEES(WHERE("GB", "public")))), NULL },
	{ "fees where no law is known", LATE(MAIL("a", "due+15d", FEES(WHERE("AT", "company")))), "fee_without_ground", "$.steps[0].fees",
		"company in AT", LATE(MAIL("a", "due+15d", FEES(WHERE("DE", "consumer")))), NULL },
	{ "fees for one country too many", LATE(MAIL("a", "due+15d", FEES(IF("\"countries\":[\"DE\",\"AT\"],\"kinds\":[\"company\"]")))),
		"fee_without_ground", "$.steps[0].fees", "in AT", LATE(MAIL("a", "due+15d", FEES(IF("\"countries\":[\"DE\",\"BE\"],\"kinds\":[\"company\"]")))),
		NULL },
	{ "fees before the due date", LATE(MAIL("a", "due-1d", FEES(KIND("company")))), "fee_early", "$.steps[0].fees", "day after the due date",
		LATE(MAIL("a", "due+1d", FEES(KIND("company")))), NULL },
	{ "fees on the due date", LATE(MAIL("a", "due+0d", FEES(KIND("company")))), "fee_early", "$.steps[0].fees", "",
		LATE(MAIL("a", "due+1d", FEES(KIND("company")))), NULL },
	{ "fees in the first reminder of a consumer in Belgium", LATE(MAIL("a", "due+1d", FEES(WHERE("BE", "consumer")))), "fee_early",
		"$.steps[0].fees", "XIX.2", STEPS(MAIL("a", "due+1d", WHERE("BE", "consumer"))), NULL },
	{ "fees before a consumer's days of grace are over", LATE(MAIL("a", "due+1d", "") "," MAIL("b", "due+15d", FEES(WHERE("BE", "consumer")))),
		"fee_early", "$.steps[1].fees", "14 days", LATE(MAIL("a", "due+1d", "") "," MAIL("b", "due+16d", FEES(WHERE("BE", "consumer")))), NULL },
	{ "fees of a law that is not named", STEPS(MAIL("a", "due+15d", FEES(KIND("company")))), "fee_without_ground", "$.steps[0].fees", "$.late.regime",
		LATE(MAIL("a", "due+15d", FEES(KIND("company")))), NULL },
	{ "a law that nobody knows", WITH("\"late\":{\"regime\":\"FR-B3B\"},", MAIL("a", "due+1d", "")), "unknown_regime", "$.late.regime", "FR-B3B",
		LATE(MAIL("a", "due+1d", "")), NULL },
	{ "a law without a statute", WITH("\"late\":{\"regime\":\"US\"},", MAIL("a", "due+1d", "")), "unknown_regime", "$.late.regime", "no statute",
		WITH("\"late\":{\"regime\":\"GB-B2B\"},", MAIL("a", "due+1d", "")), NULL },
	{ "fees by contract alone", LATE(MAIL("a", "due+15d", FEES(WHERE("US", "company")))), "fee_by_contract", "$.steps[0].fees", "in US",
		LATE(MAIL("a", "due+15d", FEES(WHERE("GB", "company")))), NULL },
	/* limitation */
	{ "after two years, to a consumer in France", STEPS(MAIL("a", "due+400d", KIND("consumer")) "," MAIL("b", "a+331d", KIND("consumer"))),
		"beyond_limitation", "$.steps[1].at", "day 731 past the due date lies beyond the 2 years of a consumer in FR",
		STEPS(MAIL("a", "due+400d", KIND("consumer")) "," MAIL("b", "a+330d", KIND("consumer"))), NULL },
	{ "after two years, to whoever it is", STEPS(MAIL("a", "due+400d", "") "," MAIL("b", "a+331d", "")), "beyond_limitation", "$.steps[1].at",
		"in FR", STEPS(MAIL("a", "due+400d", KIND("company")) "," MAIL("b", "a+331d", KIND("company"))), NULL },
	{ "after two years, to a sole trader", STEPS(MAIL("a", "due+400d", "") "," MAIL("b", "a+331d", KIND("sole_trader"))), "beyond_limitation",
		"$.steps[1].at", "sole_trader", STEPS(MAIL("a", "due+400d", "") "," MAIL("b", "a+331d", KIND("public"))), NULL },
	{ "after three years, in Germany", STEPS(MAIL("a", "due+730d", KIND("company")) "," MAIL("b", "a+367d", WHERE("DE", "company"))),
		"beyond_limitation", "$.steps[1].at", "BGB 195", STEPS(MAIL("a", "due+730d", KIND("company")) "," MAIL("b", "a+366d", WHERE("DE", "company"))),
		NULL },
	{ "a decision after two years", STEPS(MAIL("a", "due+400d", "") "," GATE("g", "a+331d", "")), "beyond_limitation", "$.steps[1].at", "",
		STEPS(MAIL("a", "due+400d", "") "," GATE("g", "a+330d", "")), NULL },
	{ "after two years, where six are allowed", STEPS(MAIL("a", "due+400d", "") "," MAIL("b", "a+331d", WHERE("FR", "consumer"))),
		"beyond_limitation", "$.steps[1].at", "FR", STEPS(MAIL("a", "due+400d", "") "," MAIL("b", "a+331d", "")), "GB" },
	/* contact rules */
	{ "to the employer", STEPS(MAIL("a", "due+1d", ",\"to\":[\"billing\",\"employer\"]")), "unlawful", "$.steps[0].to", "third_party",
		STEPS(MAIL("a", "due+1d", ",\"to\":[\"billing\",\"manager\"]")), NULL },
	{ "to an investor", STEPS(MAIL("a", "due+1d", ",\"to\":[\"investor\"]")), "unlawful", "$.steps[0].to", "investor",
		STEPS(MAIL("a", "due+1d", ",\"to\":[\"guarantor\"]")), NULL },
	{ "to the spouse, in France", STEPS(MAIL("a", "due+1d", ",\"to\":[\"spouse\"]" KIND("consumer"))), "unlawful", "$.steps[0].to", "spouse",
		STEPS(MAIL("a", "due+1d", ",\"to\":[\"spouse\"]" WHERE("US", "consumer"))), NULL },
	{ "at hours that are never allowed", WITH("\"window\":{\"hours\":\"20:00-23:00\"},", TEXT("a", "due+1d", "")), "unlawful", "$.window.hours",
		"never meet", WITH("\"window\":{\"hours\":\"20:00-23:00\"},", MAIL("a", "due+1d", "")), NULL },
	{ "on days that are never allowed", WITH("\"window\":{\"days\":\"sun\"},", TEXT("a", "due+1d", "")), "unlawful", "$.window.hours", "",
		WITH("\"window\":{\"days\":\"sat\"},", TEXT("a", "due+1d", "")), NULL },
	{ "to a role of nobody", STEPS(MAIL("a", "due+1d", ",\"to\":[\"biling\"]")), "unknown_role", "$.steps[0].to", "biling",
		STEPS(MAIL("a", "due+1d", ",\"to\":[\"billing\"]")), NULL },
	/* formal notices; each kind: test_formal_notice.c */
	{ "a notice that no law knows", LEGAL("letter", "letter_threat", ",\"notice\":\"fr-mise-en-dem\""), "unknown_notice", "$.steps[2].notice",
		"fr-mise-en-dem", LEGAL("letter", "letter_threat", ""), NULL },
	{ "a notice that names no day", LEGAL("letter", "formal", ",\"notice\":\"fr-mise-en-demeure\""), "notice_incomplete", "$.steps[2].notice",
		"\"formal\" by letter in fr-FR lacks deadline, and fr-mise-en-demeure asks for it",
		LEGAL("letter", "formal", ",\"notice\":\"fr-mise-en-demeure\",\"deadline\":\"10d\""), NULL },
	{ "a notice that a mail leaves unsigned", LEGAL("email", "formal", ",\"notice\":\"fr-mise-en-demeure\",\"deadline\":\"10d\""), "notice_incomplete",
		"$.steps[2].notice", "lacks debtor_identity, creditor_identity, date",
		LEGAL("letter", "formal", ",\"notice\":\"fr-mise-en-demeure\",\"deadline\":\"10d\""), NULL },
	/* texts */
	{ "no such template", EARLY("email", "nope", "firm", ""), "no_template", "$.steps[1].template", "\"nope\"",
		EARLY("email", "note", "firm", ""), NULL },
	{ "a template without its SMS", EARLY("sms", "mail_only", "firm", ""), "no_template", "$.steps[1].template", ".sms",
		EARLY("email", "mail_only", "firm", ""), NULL },
	{ "a template in another language alone", EARLY("email", "foreign", "firm", ""), "no_template", "$.steps[1].template", "fr-FR",
		EARLY("email", "note", "firm", ""), NULL },
	{ "no confirmation", EARLY("call", "note", "firm", ",\"deadline\":\"2bd\",\"confirm\":\"nope\""), "no_template", "$.steps[1].confirm", "nope",
		EARLY("call", "note", "firm", ",\"deadline\":\"2bd\",\"confirm\":\"note\""), NULL },
	{ "a name that does not exist", EARLY("email", "wrong", "firm", ""), "bad_template", "$.steps[1].template", "invoice.numbr",
		EARLY("email", "note", "firm", ""), NULL },
	{ "a value that may be missing", EARLY("email", "bold", "firm", ""), "bad_template", "$.steps[1].template", "creditor.bank",
		EARLY("email", "note", "firm", ""), NULL },
	{ "wrong in one language", EARLY("email", "wrong_in_german", "firm", ""), "bad_template", "$.steps[1].template", "de/wrong_in_german",
		EARLY("email", "note", "firm", ""), NULL },
	{ "a country whose language is not there", STEPS(MAIL("a", "due+1d", WHERE("SE", "company"))), "no_language", "$.steps[0].if.countries", "sv-SE",
		STEPS(MAIL("a", "due+1d", WHERE("AT", "company"))), NULL },
	{ "a language whose threats are not known", EARLY("email", "unread", "firm", ""), "unread_language", "$.steps[1].template", "pl",
		EARLY("email", "note", "firm", ""), NULL },
	/* who sends */
	{ "an unknown sender", EARLY("email", "note", "firm", ",\"sender\":\"ghost\""), "unknown_sender", "$.steps[1].sender", "ghost",
		EARLY("email", "note", "firm", ",\"sender\":\"desk\""), NULL },
	{ "a sender without what the provider needs", EARLY("email", "note", "firm", ",\"sender\":\"nameless\""), "bad_sender", "$.steps[1].sender",
		"nameless", EARLY("email", "note", "firm", ""), NULL },
	{ "nothing sends SMS", EARLY("sms", "note", "firm", ",\"sender\":\"mailer\""), "no_provider", "$.steps[1].channel", "sms",
		EARLY("email", "note", "firm", ",\"sender\":\"mailer\""), NULL },
	{ "nothing sends the fallback", EARLY("email", "note", "firm", ",\"sender\":\"mailer\",\"else\":\"sms\""), "no_provider", "$.steps[1].else", "sms",
		EARLY("sms", "note", "firm", ",\"sender\":\"texter\""), NULL },
	{ "nothing sends the confirmation", EARLY("call", "note", "firm", ",\"deadline\":\"2bd\",\"sender\":\"texter\",\"confirm\":\"note\""),
		"no_provider", "$.steps[1].confirm", "email", EARLY("call", "note", "firm", ",\"deadline\":\"2bd\",\"sender\":\"texter\""), NULL },
	{ "a letter from nowhere", EARLY("letter", "note", "firm", ",\"sender\":\"homeless\""), "no_letter", "$.steps[1].channel", "comes from",
		EARLY("letter", "note", "firm", ""), NULL },
	{ "a letter that nobody registers", EARLY("letter", "note", "firm", ",\"sender\":\"slow\",\"delivery\":\"registered\""), "no_letter",
		"$.steps[1].delivery", "registered", EARLY("letter", "note", "firm", ",\"sender\":\"slow\""), NULL },
	{ "a threat in a letter", EARLY("letter", "letter_threat", "formal", ""), "threat_early", "$.steps[1].template", "mise en demeure",
		LEGAL("letter", "letter_threat", ""), NULL },
	{ "a threat that a machine speaks", EARLY("voice", "letter_threat", "firm", ""), "threat_early", "$.steps[1].template", "huissier",
		LEGAL("voice", "letter_threat", ""), NULL },
	{ "a call and a voice in a week", STEPS(CALL("a", "due+1d", "1d", "") "," SAYS("b", "due+6d", "voice", "note", "friendly", "")),
		"cap_never_kept", "$.caps", "1 by call", STEPS(CALL("a", "due+1d", "1d", "") "," SAYS("b", "due+8d", "voice", "note", "friendly", "")), NULL },
	{ "documents that nothing carries", EARLY("email", "note", "firm", ",\"sender\":\"light\",\"attach\":\"invoice\""), "no_attachments",
		"$.steps[1].attach", "carries no files", EARLY("email", "note", "firm", ",\"sender\":\"light\""), NULL },
};

/* --- what is there ------------------------------------------------------------------------------------------------------ */

#define FORMAL "{{#holds.words_mise_en_demeure}}{{#holds.clear_demand_to_pay}}Nous vous mettons en demeure de payer" \
	"{{#deadline}}{{#holds.deadline}} le {{deadline}}{{/holds.deadline}}{{/deadline}}{{/holds.clear_demand_to_pay}}{{/holds.words_mise_en_demeure}}" \
	"{{#invoices}}{{#holds.invoice_references}}{{number}}{{/holds.invoice_references}} " \
	"{{#holds.amount_due_breakdown}}{{balance}}{{/holds.amount_due_breakdown}}{{/invoices}}"

static const struct {
	const char *locale, *name;
	enum notice_part part;
	const char *text;
} texts[] = {
	{ "fr", "note", NOTICE_SUBJECT, "Facture {{invoice.number}}" },
	{ "fr", "note", NOTICE_TEXT, "Votre facture {{invoice.number}} reste impayée." },
	{ "fr", "note", NOTICE_SMS, "Facture {{invoice.number}}" },
	{ "fr", "note", NOTICE_LETTER, "Votre facture {{invoice.number}} reste impayée." },
	{ "fr", "note", NOTICE_VOICE, "Votre facture {{invoice.number}} reste impayée." },
	{ "fr", "letter_threat", NOTICE_SUBJECT, "Facture" },
	{ "fr", "letter_threat", NOTICE_LETTER, "Mise en demeure de payer." },
	{ "fr", "letter_threat", NOTICE_VOICE, "Nous enverrons l’huissier." },
	{ "fr", "formal", NOTICE_SUBJECT, "Mise en demeure" },
	{ "fr", "formal", NOTICE_TEXT, FORMAL },
	{ "fr", "formal", NOTICE_LETTER, FORMAL },
	{ "de", "note", NOTICE_SUBJECT, "Rechnung {{invoice.number}}" },
	{ "de", "note", NOTICE_TEXT, "Ihre Rechnung {{invoice.number}} ist offen." },
	{ "en", "note", NOTICE_SUBJECT, "Invoice {{invoice.number}}" },
	{ "en", "note", NOTICE_TEXT, "Your invoice {{invoice.number}} is unpaid." },
	{ "nl", "note", NOTICE_SUBJECT, "Factuur {{invoice.number}}" },
	{ "nl", "note", NOTICE_TEXT, "Uw factuur {{invoice.number}} staat open." },
	{ "fr", "menace", NOTICE_SUBJECT, "Facture" },
	{ "fr", "menace", NOTICE_TEXT, "La présente vaut Mise\nen demeure." },
	{ "fr", "drohung", NOTICE_SUBJECT, "Facture" },
	{ "fr", "drohung", NOTICE_TEXT, "Bonjour." },
	{ "de", "drohung", NOTICE_SUBJECT, "Rechnung" },
	{ "de", "drohung", NOTICE_TEXT, "Sonst beantragen wir einen Mahnbescheid." },
	{ "fr", "threat", NOTICE_SUBJECT, "Facture" },
	{ "fr", "threat", NOTICE_TEXT, "Bonjour." },
	{ "fr", "threat", NOTICE_SMS, "Bonjour" },
	{ "en", "threat", NOTICE_SUBJECT, "Invoice" },
	{ "en", "threat", NOTICE_TEXT, "We shall take legal action." },
	{ "en", "threat", NOTICE_SMS, "The bailiffs will come." },
	{ "fr", "sms_threat", NOTICE_SUBJECT, "Facture" },
	{ "fr", "sms_threat", NOTICE_TEXT, "Bonjour." },
	{ "fr", "sms_threat", NOTICE_SMS, "Bonjour" },
	{ "en", "sms_threat", NOTICE_SMS, "The bailiffs will come." },
	{ "fr", "amenaza", NOTICE_SUBJECT, "Facture" },
	{ "fr", "amenaza", NOTICE_TEXT, "Bonjour." },
	{ "es", "amenaza", NOTICE_SUBJECT, "Factura" },
	{ "es", "amenaza", NOTICE_TEXT, "Emprenderemos acciones legales." },
	{ "fr", "minaccia", NOTICE_SUBJECT, "Facture" },
	{ "fr", "minaccia", NOTICE_TEXT, "Bonjour." },
	{ "it", "minaccia", NOTICE_SUBJECT, "Fattura" },
	{ "it", "minaccia", NOTICE_TEXT, "Procederemo per vie legali." },
	{ "fr", "dreiging", NOTICE_SUBJECT, "Facture" },
	{ "fr", "dreiging", NOTICE_TEXT, "Bonjour." },
	{ "nl", "dreiging", NOTICE_SUBJECT, "Factuur" },
	{ "nl", "dreiging", NOTICE_TEXT, "Wij schakelen een deurwaarder in." },
	{ "fr", "subject_threat", NOTICE_SUBJECT, "Facture" },
	{ "fr", "subject_threat", NOTICE_TEXT, "Bonjour." },
	{ "en", "subject_threat", NOTICE_SUBJECT, "Final notice" },
	{ "en", "subject_threat", NOTICE_TEXT, "Hello." },
	{ "fr", "html_threat", NOTICE_SUBJECT, "Facture" },
	{ "fr", "html_threat", NOTICE_TEXT, "Bonjour." },
	{ "en", "html_threat", NOTICE_SUBJECT, "Invoice" },
	{ "en", "html_threat", NOTICE_TEXT, "Hello." },
	{ "en", "html_threat", NOTICE_HTML, "<p>Our <b>solicitors</b> will write.</p>" },
	{ "fr", "many_threat", NOTICE_SUBJECT, "Facture" },
	{ "fr", "many_threat", NOTICE_TEXT, "Bonjour." },
	{ "en", "many_threat", NOTICE_SUBJECT, "Invoice" },
	{ "en", "many_threat", NOTICE_TEXT, "Hello.{{#many}}{{#deadline}} We meet in the County Court on {{deadline}}.{{/deadline}}{{/many}}" },
	{ "fr", "mail_only", NOTICE_SUBJECT, "Facture" },
	{ "fr", "mail_only", NOTICE_TEXT, "Bonjour." },
	{ "en", "foreign", NOTICE_SUBJECT, "Invoice" },
	{ "en", "foreign", NOTICE_TEXT, "Hello." },
	{ "fr", "wrong", NOTICE_SUBJECT, "Facture" },
	{ "fr", "wrong", NOTICE_TEXT, "{{invoice.numbr}}" },
	{ "fr", "bold", NOTICE_SUBJECT, "Facture" },
	{ "fr", "bold", NOTICE_TEXT, "{{creditor.bank}}" },
	{ "fr", "wrong_in_german", NOTICE_SUBJECT, "Facture" },
	{ "fr", "wrong_in_german", NOTICE_TEXT, "Bonjour." },
	{ "de", "wrong_in_german", NOTICE_SUBJECT, "Rechnung" },
	{ "de", "wrong_in_german", NOTICE_TEXT, "{{nope}}" },
	{ "fr", "unread", NOTICE_SUBJECT, "Facture" },
	{ "fr", "unread", NOTICE_TEXT, "Bonjour." },
	{ "pl", "unread", NOTICE_SUBJECT, "Faktura" },
	{ "pl", "unread", NOTICE_TEXT, "Dzień dobry." },
};
static const char *const locales[] = { "de", "en", "es", "fr", "it", "nl", "pl" };

static int can_send(const struct lint_sending *sending, void *arg, struct err *err)
{
	const enum channel channel = sending->channel;
	const char *sender = sending->sender;

	(void)arg;
	if (strcmp(sender, "ghost") == 0)
		return err_set(err, -EBADMSG, "unknown_sender", "$.senders", "$.senders has no \"ghost\"");
	if (strcmp(sender, "nameless") == 0)
		return err_set(err, -EBADMSG, "missing_value", "$.senders", "provider \"post\" cannot send email as \"nameless\"");
	if ((strcmp(sender, "mailer") == 0 && channel == CHANNEL_SMS) || (strcmp(sender, "texter") == 0 && channel == CHANNEL_EMAIL))
		return err_set(err, -EBADMSG, "no_provider", "$.channels", "$.channels has none for %s", channel_names[channel]);
	if (strcmp(sender, "homeless") == 0)
		return err_set(err, -EBADMSG, "no_postal", "$.creditor.postal", "$.creditor.postal does not say whom a letter comes from");
	if (strcmp(sender, "slow") == 0 && sending->delivery != LETTER_SIMPLE)
		return err_set(err, -EBADMSG, "no_delivery", "$.channels", "its letter goes registered, which provider \"post\" does not offer");
	if (strcmp(sender, "light") == 0 && sending->attaches)
		return err_set(err, -EBADMSG, "no_attachments", "$.channels", "provider \"post\" carries no files");
	return 0;
}

static int set_up(void **state)
{
	struct err err = { 0 };

	(void)state;
	if (law_load(SOURCE_DIR "/daemon/share", NULL, &law, &err) < 0)
		fail_msg("%s", err.text);
	notices = notice_set_create();
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (notice_set_add(notices, texts[i].locale, texts[i].name, texts[i].part, texts[i].text, strlen(texts[i].text), &err) < 0)
			fail_msg("%s/%s: %s", texts[i].locale, texts[i].name, err.text);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	notice_set_free(notices);
	law_free(law);
	return 0;
}

static void lint(const char *json, const char *country, struct lint_report *report)
{
	CLEANUP(policy_freep) struct policy *policy = NULL;
	CLEANUP(lint_texts_freep) struct lint_texts *read = lint_texts_create(notices, locales, ARRAY_LEN(locales));
	struct err err = { 0 };

	if (policy_parse(json, strlen(json), &policy, &err) < 0) {
		lint_refused(&err, report);
		return;
	}
	lint_policy(&(struct lint_input){ .policy = policy, .law = law, .country = country ? country : "FR", .zone = "Europe/Paris", .locale = "fr-FR",
			    .texts = read, .can_send = can_send }, report);
}

/* --- the rows ----------------------------------------------------------------------------------------------------------- */

static void row_holds(void **state)
{
	const struct row *row = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct lint_report bad = { .arena = arena }, good = { .arena = arena };
	const struct lint_finding *f;

	lint(row->bad, row->country, &bad);
	for (size_t i = 0; i < bad.count && (bad.count > 1 || strcmp(bad.findings[0].rule->id, row->id) != 0); i++)
		print_error("%s %s\n", bad.findings[i].rule->id, lint_sentence(&bad, &bad.findings[i]));
	assert_int_equal(bad.count, 1);
	f = &bad.findings[0];
	assert_string_equal(f->rule->id, row->id);
	assert_string_equal(f->path, row->path);
	if (!strstr(f->reason, row->says))
		fail_msg("\"%s\" does not say \"%s\"", f->reason, row->says);
	assert_true((lint_first_error(&bad) != NULL) == (f->rule->severity == LINT_ERROR));
	assert_int_equal(bad.errors, f->rule->severity == LINT_ERROR);
	assert_true(f->rule->remedy[0] && strstr(lint_sentence(&bad, f), f->rule->remedy) && strstr(lint_sentence(&bad, f), f->path));
	if (row->good)
		lint(row->good, row->country, &good);
	if (good.count)
		fail_msg("the good one: %s %s", good.findings[0].rule->id, lint_sentence(&good, &good.findings[0]));
}

/* Every kind of finding has a row, and more than forty are refused. */
static void no_kind_is_forgotten(void **state)
{
	size_t count, refused = 0;
	const struct lint_rule *rules = lint_rules(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		size_t n = 0;

		for (size_t r = 0; r < ARRAY_LEN(rows); r++)
			n += strcmp(rows[r].id, rules[i].id) == 0;
		if (!n)
			fail_msg("no bad policy shows %s", rules[i].id);
		refused += rules[i].severity == LINT_ERROR ? n : 0;
		assert_true(rules[i].what[0] && rules[i].remedy[0]);
	}
	assert_true(refused >= 40);
}

/* More than one thing may be wrong, and all of it is told, in the order of the steps. */
static void all_is_told(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct lint_report report = { .arena = arena };

	(void)state;
	lint(LATE(MAIL("a", "due+1d", ",\"sender\":\"ghost\"") "," SAYS("b", "due+2d", "email", "threat", "firm", FEES("") ) ","
		     SAYS("c", "due+3d", "email", "nope", "firm", ",\"to\":[\"biling\"]")),
		NULL, &report);
	assert_string_equal(report.findings[0].rule->id, "unknown_sender");
	assert_string_equal(report.findings[1].rule->id, "fee_without_ground");
	assert_string_equal(report.findings[2].rule->id, "threat_early");
	assert_string_equal(report.findings[3].rule->id, "unknown_role");
	assert_string_equal(report.findings[4].rule->id, "no_template");
	assert_string_equal(report.findings[5].path, "$.steps[1].at");
	assert_string_equal(report.findings[6].path, "$.steps[2].at");
	assert_string_equal(report.findings[7].rule->id, "cap_never_kept");
	assert_int_equal(report.count, 8);
	assert_int_equal(report.errors, 7);
}

/* What is not given is not looked at. */
static void with_the_least(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(policy_freep) struct policy *policy = NULL;
	CLEANUP(lint_texts_freep) struct lint_texts *read = lint_texts_create(notices, locales, ARRAY_LEN(locales));
	const char *json = LATE(MAIL("a", "due+1d", ",\"to\":[\"employer\"],\"sender\":\"ghost\"" FEES("")) ","
		SAYS("b", "due+9d", "email", "foreign", "firm", "") "," SAYS("c", "due+20d", "email", "nope", "firm", ""));
	struct lint_report report = { .arena = arena };

	(void)state;
	assert_int_equal(policy_parse(json, strlen(json), &policy, NULL), 0);
	lint_policy(&(struct lint_input){ .policy = policy }, &report);
	assert_int_equal(report.count, 1); /* without the law nobody knows what an employer is */
	assert_string_equal(report.findings[0].rule->id, "unknown_role");
	report.count = report.errors = 0;
	lint_policy(&(struct lint_input){ .policy = policy, .texts = read }, &report); /* no language is the creditor's: any will do */
	assert_int_equal(report.count, 2);
	assert_string_equal(report.findings[1].rule->id, "no_template");
	assert_string_equal(report.findings[1].path, "$.steps[2].template");
}

/* --- words -------------------------------------------------------------------------------------------------------------- */

struct phrase {
	const char *locale, *text, *words; /* NULL = nothing in it threatens */
};

static const struct phrase phrases[] = {
	{ "de-DE", "Andernfalls übergeben wir die Sache an ein INKASSO-Unternehmen.", "inkasso" },
	{ "de", "Wir behalten uns gerichtliche Schritte vor.", "gerichtliche" },
	{ "de", "Das Amtsgericht wird entscheiden.", "amtsgericht" },
	{ "de", "unsere Rechtsanwälte", "rechtsanwalte" },
	{ "de", "Dies ist unsere letzte\nMahnung.", "letzte mahnung" },
	{ "de", "eine Pfändung Ihrer Konten", "pfandung" },
	{ "de", "Wir müssten klagen.", "klagen" },
	{ "de", "Mahn\xc2\xad" "bescheid", "mahnbescheid" }, /* a soft hyphen */
	{ "de", "Diese Nachricht ist an Sie gerichtet. Pfandflaschen, Beitreibungskosten, Zweite Mahnung.", NULL },
	{ "de", "Wir bedauern und beklagen nichts. Außergerichtlich geht es schneller; richten Sie sich danach.", NULL },
	{ "de", "Kein Vorwurf, keine Drohung. Ohne dass es einer Mahnung bedarf.", NULL },
	{ "en-GB", "We will instruct our Solicitors.", "solicitors" },
	{ "en", "This is a letter-before-action.", "letter before action" },
	{ "en", "to issue\n  proceedings in the county court", "issue proceedings" },
	{ "en", "Your account goes to a debt collection agency.", "debt collection" },
	{ "en", "We shall sue.", "sue" },
	{ "en", "Please pursue the issue with us: any issues, courtesy calls and the courtyard keys. Our proceedings are public.", NULL },
	{ "en", "By courtesy, this is a reminder. The Late Payment of Commercial Debts (Interest) Act 1998 entitles us to interest.", NULL },
	{ "en", "We are in the tennis club. A fixed sum for recovery costs.", NULL },
	{ "es-ES", "Pondremos el asunto en manos de nuestros abogados.", "abogados" },
	{ "es", "por vía judicial", "por via judicial" },
	{ "es", "Es el último aviso.", "ultimo aviso" },
	{ "es", "Será incluido en un fichero de morosos.", "morosos" },
	{ "es", "Sin embargo, de no poder pagar, llámenos. Demanda de información. Ley de lucha contra la morosidad.", NULL },
	{ "es", "Acuerdo extrajudicial. Costes de cobro e intereses de demora.", NULL },
	{ "fr-FR", "À défaut, nous saisirons le Tribunal de commerce.", "tribunal" },
	{ "fr", "nous confierons le dossier à l\xe2\x80\x99" "huissier", "huissier" },
	{ "fr", "MISE EN DEMEURE", "mise en demeure" },
	{ "fr", "une injonction de payer", "injonction de payer" },
	{ "fr", "le service contentieux", "contentieux" },
	{ "fr", "des poursuites seront engagées", "poursuites" },
	{ "fr", "Nous espérons la poursuite de nos relations ; une erreur de saisie est possible. Frais de recouvrement.", NULL },
	{ "fr", "Nous saisirons l'occasion de vous voir. Pour poursuivre la livraison, merci de régler. Sans mise en attente. Demeure à régler.", NULL },
	{ "fr", "Des pénalités de retard, article L. 441-10 du code de commerce. La mise, en demeure de quoi ?", NULL },
	{ "it-IT", "Ci rivolgeremo al nostro legale.", "nostro legale" },
	{ "it", "La presente vale come costituzione in mora.", "costituzione in mora" },
	{ "it", "un decreto ingiuntivo", "decreto ingiuntivo" },
	{ "it", "davanti all'autorità giudiziaria", "giudiziaria" },
	{ "it", "Sede legale: Roma. Interessi al tasso legale. Al legale rappresentante. A nostro giudizio. Interessi di mora.", NULL },
	{ "it", "Le Sue fatture. Recupero dei costi, via stragiudiziale.", NULL },
	{ "nl-NL", "dan schakelen wij een incassobureau in", "incassobureau" },
	{ "nl", "Wij stellen u hierbij in gebreke.", "in gebreke" },
	{ "nl", "een gerechtelijke procedure", "gerechtelijke" },
	{ "nl", "Wij geven de vordering uit handen gegeven.", "uit handen gegeven" },
	{ "nl", "Automatische incasso via SEPA-incasso. Zonder dat een aanmaning nodig is. Buitengerechtelijke kosten.", NULL },
	{ "nl", "Bij gebreke van betaling bellen wij. Het nam veel tijd in beslag.", NULL },
	{ "pl", "komornik, sąd, solicitor", NULL }, /* not known: lint_reads() says so */
	{ "en", "\xff\xfe solicitor \xc3", "solicitor" }, /* no UTF-8 */
};

static const struct phrase pages[] = {
	{ "fr", "<p>une <b>mise</b>&nbsp;en<br>demeure</p>", "mise en demeure" },
	{ "fr", "<p>Derni&egrave;re relance avant proc&#233;dure</p>", "derniere relance avant" },
	{ "de", "<td>Rechtsanw&auml;lte</td>", "rechtsanwalte" },
	{ "en", "<style>.solicitor { color: red }</style><!-- bailiff --><p class=\"lawyer\">Hello &amp; goodbye</p>", NULL },
	{ "en", "a < b, and <b>so</b> on &unknown; &#xZ; &", NULL },
	{ "en", "<p unclosed solicitor", NULL },
};

static void words_threaten_or_not(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(phrases) + ARRAY_LEN(pages); i++) {
		bool html = i >= ARRAY_LEN(phrases);
		const struct phrase *phrase = html ? &pages[i - ARRAY_LEN(phrases)] : &phrases[i];
		const char *found = lint_threat(phrase->locale, phrase->text, html, arena);

		if (!found != !phrase->words || (found && strcmp(found, phrase->words) != 0))
			fail_msg("%s: \"%s\" gives \"%s\", not \"%s\"", phrase->locale, phrase->text, found ? found : "nothing",
				phrase->words ? phrase->words : "nothing");
	}
	assert_true(lint_reads("de-AT") && lint_reads("fr") && lint_reads("en-US") && lint_reads("es") && lint_reads("it-CH") && lint_reads("nl-BE"));
	assert_false(lint_reads("pl") || lint_reads("eng") || lint_reads("ite"));
}

/* --- the manual --------------------------------------------------------------------------------------------------------- */

/* One space for each run of white space, no escapes, and no macros of mdoc but the items of the list. */
static char *plain(struct arena *arena, const char *text)
{
	char *ret = arena_alloc(arena, strlen(text) + 1), *to = ret;

	for (; *text; text++) {
		if (*text == '\\' && text[1] == '&')
			text++;
		else if (*text != '\n' && *text != ' ')
			*to++ = *text;
		else if (to > ret && to[-1] != ' ')
			*to++ = ' ';
	}
	return ret;
}

static void the_manual_lists_them_all(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf page = { 0 };
	struct err err = { 0 };
	size_t count;
	const struct lint_rule *rules = lint_rules(&count);
	const char *at, *section, *end;

	(void)state;
	if (file_read(SOURCE_DIR "/daemon/dunningd-policy.5", 1024 * 1024, &page, &err) < 0)
		fail_msg("%s", err.text);
	section = strstr(page.data, "\n.Sh FINDINGS\n");
	assert_non_null(section);
	end = strstr(section + 1, "\n.Sh ");
	section = plain(arena, arena_memdup(arena, section, (size_t)(end - section)));
	at = section;
	for (size_t i = 0; i < count; i++) {
		const char *item = plain(arena, arena_printf(arena, ".It Cm %s Pq %s", rules[i].id, lint_severity_names[rules[i].severity]));
		const char *words = plain(arena, arena_printf(arena, "%s. To do: %s.", rules[i].what, rules[i].remedy));

		at = strstr(at, item);
		if (!at)
			fail_msg("dunningd-policy(5) lacks \"%s\", or has it in another order", item);
		at += strlen(item);
		if (strncmp(at + 1, words, strlen(words)) != 0)
			fail_msg("dunningd-policy(5) says of %s \"%.200s\", not \"%s\"", rules[i].id, at, words);
	}
	assert_null(strstr(at, ".It Cm"));
}

int main(void)
{
	static const struct CMUnitTest fixed[] = {
		cmocka_unit_test(no_kind_is_forgotten),
		cmocka_unit_test(all_is_told),
		cmocka_unit_test(with_the_least),
		cmocka_unit_test(words_threaten_or_not),
		cmocka_unit_test(the_manual_lists_them_all),
	};
	struct CMUnitTest tests[ARRAY_LEN(rows) + ARRAY_LEN(fixed)] = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].name, .test_func = row_holds, .initial_state = (void *)(uintptr_t)&rows[i] };
	memcpy(&tests[ARRAY_LEN(rows)], fixed, sizeof(fixed));
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
