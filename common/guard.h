/*
 * guard - may this person be contacted so, now: allow, wait until, a person must look at it, no; each with its reason and source. Pure.
 *
 * The rules are data (daemon/share/law/contact-rules.json, relations.json), each with its source and basis: "law" where a law says so,
 * "policy" where it is our own caution. All that apply bind together, so another rule only ever tightens.
 */
#ifndef DUNNINGD_COMMON_GUARD_H
#define DUNNINGD_COMMON_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/business_time.h"
#include "common/fees.h"
#include "common/json.h"
#include "common/message.h"
#include "common/zone.h"

/* --- rules ------------------------------------------------------------------------------------------------------------ */

enum guard_decision { GUARD_ALLOW, GUARD_DEFER, GUARD_REVIEW, GUARD_DENY, GUARD_DECISION_COUNT };
extern const char *const guard_decision_names[GUARD_DECISION_COUNT + 1];

enum contact_outcome { MADE_OTHER, MADE_NO_ANSWER, MADE_BUSY, MADE_NOT_CONNECTED, MADE_CONVERSATION, MADE_COUNT };
enum sender_role { ROLE_CREDITOR, ROLE_COLLECTOR, ROLE_COUNT };
#define DEBTOR_CONSUMER 1u
#define DEBTOR_BUSINESS 2u
/* Bits of a debtor's kind in any of our words. A sole trader is both; what is not known is a consumer. NULL is not known. */
unsigned guard_debtor(const char *kind);

struct contact_window { /* hours of the day at the person, [from, to) */
	uint8_t weekdays; /* bit 0 = Monday */
	int from_minute, to_minute;
};

/* Hours that hold together; days off among them. */
struct contact_hours {
	const struct contact_window *windows;
	size_t count;
	const char *calendar; /* its holidays are days off; NULL = none are */
	const int *days_off; /* month * 100 + day, 0 ends them; NULL = none */
};

struct contact_cap { /* at most `max` in `days` calendar days, the day of the contact among them */
	int32_t max, days;
	unsigned channels; /* that count, bit per enum channel */
	unsigned not_counted; /* bit per enum contact_outcome */
	bool per_debt; /* else per person */
	bool after_conversation; /* counts only what came after the first one */
};

struct contact_rule {
	const char *id, *country, *region; /* "US", "*" = where no policy of ours is nearer; region NULL = everywhere */
	struct area area; /* the region's */
	bool policy; /* our own caution, else law */
	bool collection_only; /* for a creditor only once in collection procedures */
	unsigned roles, debtors, channels; /* bits */
	date from; /* in force; none = always */
	struct contact_hours hours; /* count 0: no hours are named */
	struct contact_cap calls, contacts; /* max 0 = none */
	int64_t after_conversation_days; /* no call in so many days, that of the conversation among them */
	int64_t letter_days; /* that many days after the first letter */
	bool grace; /* after a free first reminder: fees_grace() */
	unsigned confirms; /* bit per enum channel: by which an opt-out is confirmed, once */
	bool opt_out_text, work_email, electronic_consent; /* the first must be in each message; the second is denied; the third needed */
	const char *source, *certainty;
};

struct relation { /* what the contacted person is to the debtor */
	const char *name, *reason, *route;
	enum guard_decision decision; /* where it holds; elsewhere it is a third party: deny */
	unsigned debtors;
	const char *const *countries; /* NULL-terminated; NULL = all */
	const char *source;
};

struct guard_rules {
	struct contact_rule *rules;
	size_t rule_count;
	struct relation *relations;
	size_t relation_count;
	const struct fees *fees; /* borrowed */
	struct day_off off;
	enum sender_role role; /* of whoever runs this: the configuration's */
};
enum sender_role guard_role(const char *word); /* "third_party_collector"; any other is the creditor's */

/* Out of the sections "contact_rules" and "relations" of the law data; everything lies in the arena, `fees` is borrowed. */
int guard_rules_read(struct arena *arena, const struct json *contact_rules, const struct json *relations, const struct fees *fees,
	struct day_off off, struct guard_rules *ret, struct err *err);
/*
 * Whether the user's file may change the rules so: `own` is its section, `base` what it is laid over. A rule of law can be tightened by
 * another one, never changed or taken away. -EPERM, code "law_not_policy".
 */
int guard_may_change(const struct json *base, const struct json *own, struct err *err);
/* [{"days": [1, 2], "start": "08:00", "end": "20:00"}] */
int guard_windows_read(struct arena *arena, const struct json *list, struct contact_hours *ret, struct err *err);
const struct contact_rule *guard_rule(const struct guard_rules *rules, const char *id); /* NULL = none */

/* --- a question ------------------------------------------------------------------------------------------------------- */

struct guard_contact { /* one that was made */
	enum channel channel;
	int64_t at; /* ms UTC */
	enum contact_outcome outcome;
	const char *debt; /* NULL = not told: counts for each */
};

enum guard_told { TOLD_NOTHING, TOLD_NO, TOLD_YES };
#define GUARD_ZONES_MAX 64

struct guard_request {
	const struct contact_rule *const *rules; /* NULL-terminated */
	const char *country; /* of the debtor, for relations; NULL = not known */
	unsigned debtor; /* guard_debtor() */
	enum sender_role role;
	bool in_collection;
	enum channel channel;
	bool visible; /* a postcard: whoever carries it can read it */
	bool timed; /* else it is asked of the person and the message alone, not of the hour */
	int64_t at; /* ms UTC */
	const struct zone *zones[GUARD_ZONES_MAX]; /* each that may be the person's: all must fit */
	size_t zone_count;
	const char *calendar; /* of the person's holidays; NULL = the rule's own */
	const char *debt; /* NULL = not told */
	const struct guard_contact *history;
	size_t history_count;
	unsigned opted_out; /* bit per enum channel */
	int64_t opted_out_at; /* ms UTC, for the confirmation */
	bool confirmation; /* this message does nothing but confirm an opt-out */
	bool ceased, represented; /* asked not to be written to at all; has a lawyer */
	date insolvency; /* opened on; none */
	const char *stopped; /* why this debt is not chased now: "disputed", "paid", "plan"; NULL = nothing stops it */
	bool approved; /* a named person let this one be written to: what the rules leave to a person is answered */
	const char *relation; /* of the person to the debtor; NULL = the debtor */
	bool outsiders; /* others get a copy */
	enum guard_told opt_out_text, electronic_consent;
	bool work_address; /* an e-mail address that an employer gave */
	int64_t call_consent_at; /* ms UTC: asked to be called; 0 = never */
	date reminder_sent, letter_sent; /* the first of each; none */
	const char *reminder_by; /* "email", "post" */
	const struct contact_hours *preferred; /* asked for by the person; NULL = none */
	const struct business_time *own; /* the user's policy; NULL = none */
	bool own_at_person; /* it means the person's hours: those of each of `zones`, not of its own */
};

struct guard_answer {
	enum guard_decision decision;
	const char *reason; /* stable word: "outside_window"; NULL = allowed */
	int64_t next; /* DEFER: ms UTC at which all that is known allows it */
	bool day_only; /* no rule names an hour: the day of `next` in `zone` counts */
	const struct zone *zone;
	const char *route; /* what to do instead: "attorney", "declare_claim"; NULL = nothing is known */
	const char *rule, *source; /* id and law; NULL = our own */
	const struct contact_rule *by; /* NULL = no rule of the files */
};

#define GUARD_RULES_MAX 64
/* The rules of a place, besides who and how: those of the country, its region, and our own caution. NULL-terminated into ret. */
void guard_rules_of(const struct guard_rules *rules, const char *country, const char *region,
	const struct contact_rule *ret[GUARD_RULES_MAX + 1]);
/* The rule of this place by which an opt-out of this channel is confirmed by one message; NULL: there is none, and silence begins at once. */
const struct contact_rule *guard_confirms(const struct guard_rules *rules, const char *country, enum channel channel);
#define GUARD_CONFIRM_MS (5 * MINUTE_MS) /* so long after the wish at most: 47 CFR 64.1200(a)(12) */
/* The same for an address: of the regions also those in which it may lie. */
void guard_rules_at(const struct guard_rules *rules, const struct place *place, const struct contact_rule *ret[GUARD_RULES_MAX + 1]);
struct guard_answer guard_decide(const struct guard_rules *rules, const struct guard_request *request);
/* {"rules": ["us-fdcpa"], "channel": "call", "at": "2026-03-09T12:30:00Z", "zones": [...], ...}: members of the answer. */
int guard_answer_given(struct arena *arena, const struct guard_rules *rules, const struct json *given, struct json_writer *w,
	struct err *err);

#endif
