/*
 * policy - the protocol: ordered steps that every unpaid invoice walks through, and the manners of the walk.
 * Pure, and never changed after policy_parse(); named and versioned by the digest of its file's bytes, or, of one that extends another,
 * of the whole that both make.
 */
#ifndef DUNNINGD_COMMON_POLICY_H
#define DUNNINGD_COMMON_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/holidays.h"
#include "common/json.h"
#include "common/message.h"
#include "common/money.h"

#define POLICY_STEPS_MAX 32
#define POLICY_DIGEST_SIZE 65 /* hex SHA-256 and NUL */

enum tone { TONE_FRIENDLY, TONE_NEUTRAL, TONE_FIRM, TONE_FORMAL, TONE_LEGAL, TONE_COUNT };
extern const char *const tone_names[TONE_COUNT + 1];
enum group_mode { GROUP_NONE, GROUP_INVOICE, GROUP_LEVEL, GROUP_BAND, GROUP_DEBTOR, GROUP_COUNT };
extern const char *const group_names[GROUP_COUNT + 1];
enum anchor { ANCHOR_DUE, ANCHOR_ISSUED, ANCHOR_EOM, ANCHOR_STEP };
enum step_kind { STEP_MESSAGE, STEP_CALL, STEP_GATE, STEP_ACTION };
enum doubt_rule { DOUBT_HOLD, DOUBT_SKIP, DOUBT_RESEND };

/* "due+5d", "issued+10bd", "formal+10d" */
struct step_at {
	enum anchor anchor;
	size_t step; /* index, for ANCHOR_STEP: always an earlier one */
	int32_t days;
	bool business; /* days are business days of the debtor's calendar */
};

struct step_if { /* all that are set must hold */
	const char *currency; /* ISO 4217 of the invoice; NULL = any */
	int64_t balance_min, balance_max; /* minor units; -1 = any */
	int64_t days_past_due_min, days_past_due_max; /* INT64_MIN / INT64_MAX = any */
	const char *const *kinds; /* customer kinds, NULL = any */
	const char *const *countries; /* ISO 3166, NULL = any */
	const char *const *tags;
};

/*
 * What a step tells the debtor will follow: our word. It is carried out or taken back in writing, by a person, until its last day. A
 * step of the legal stage always gives it; where it does not say what follows, that is the next gate.
 */
#define ANNOUNCES_WITHDRAWAL "withdrawal" /* the shipped text */
struct announces {
	bool on;
	bool named; /* the policy says what follows; else it was concluded from the tone */
	int step; /* index of the later gate at which it is carried out; -1 = there is none */
	int32_t within_days; /* after the message went out */
	const char *withdraw; /* template of the mail that takes it back */
};

/* What must be there before a step goes out, or before a handover: what a judge would ask for. */
enum need {
	NEED_APPROVAL, /* a person decided at a gate to go on */
	NEED_NOTICE, /* a step that announces what follows went out */
	NEED_DELIVERED, /* a message of the ladder arrived, as its provider says, or somebody was reached by telephone */
	NEED_DOCUMENT, /* the invoice's document: its digest was told */
	NEED_CONTRACT, /* what the claim rests on: the contract, or the terms, as the producer refers to them */
	NEED_COUNT
};
extern const char *const need_names[NEED_COUNT + 1];
struct needs {
	unsigned facts; /* bit per enum need */
	uint32_t steps; /* bit per earlier step that was made, or left out by a person, with a reason */
	bool offers; /* of a step that makes some: who decided to settle has approved it, too */
};

/* What we would accept instead, approved by a named person: in the policy, or at a gate before the step. */
#define OFFERS_MAX 4 /* of one step */
struct offer {
	const char *code; /* by which the debtor accepts it */
	int32_t percent; /* less; 0 = instalments */
	int32_t instalments, every_days; /* 0 = less; else that many equal parts */
	int32_t within_days; /* from the message on: until then it stands */
	const char *approved_by; /* NULL: by whoever decides at the gate before it, which the step requires (approval) */
};

/* When an invoice's document is not to be had: UNSAID is SEND for a mail that is not formal, else HOLD. */
enum without_document { WITHOUT_DOCUMENT_UNSAID, WITHOUT_DOCUMENT_SEND, WITHOUT_DOCUMENT_HOLD };

struct step {
	const char *id; /* "reminder" */
	enum step_kind kind;
	struct step_at at;
	enum channel channel; /* MESSAGE and CALL */
	bool has_fallback;
	enum channel fallback; /* `else`: email, sms or letter */
	const char *template_name; /* MESSAGE and CALL (script) */
	const char *confirm; /* CALL: template of the email that records what was said; NULL = none. No contact for caps and gap */
	const char *sender; /* profile, "" = the default one */
	enum tone tone;
	const char *const *to; /* contact roles in order of preference, NULL-terminated; never empty */
	int32_t deadline_days; /* MESSAGE: until when it asks for payment, 0 = names no day; CALL: the task's; GATE: until it is renewed */
	bool deadline_business;
	const char *gate; /* "decision" */
	const char *role; /* GATE: who decides; CALL: who calls, "" = whoever is free */
	const char *owner; /* a person by name, whose the step's task is; NULL = whose the customer is */
	const char *approver; /* GATE: the person by name who alone may answer; NULL = anybody */
	bool fees;
	enum letter_delivery delivery; /* of a letter */
	const char *notice; /* MESSAGE: the kind of formal notice of the law data that it is, whose content is checked; NULL = none */
	bool attach_invoice; /* MESSAGE: by mail, with the document of every invoice it is about */
	enum without_document without_document;
	bool attach_contract; /* the same, and behind them the contract's document, where the invoices' events tell of one */
	bool attach_statement; /* the same, with a statement of all that the debtor owes in that currency */
	const char *const *effects; /* outbound event types, NULL-terminated */
	int32_t hold_after_days; /* work.hold_requested comes so long after the step, which warns of it; 0 = at once */
	enum doubt_rule in_doubt;
	struct step_if when;
	struct announces announces; /* MESSAGE and CALL */
	struct needs needs;
	const struct offer *offers; /* MESSAGE */
	size_t offer_count;
	bool handover; /* GATE: what it asks is to whom the case is handed over */
};

/* What is said and done about what was agreed; every template is of a mail, NULL = nothing is said. */
struct agreed {
	const char *promise_thanks;
	int32_t promise_within_days; /* a promise for a later day pauses no longer than this; 0 = no limit */
	int32_t promises_most; /* after so many broken ones no promise of the invoice pauses it; 0 = no limit */
	int promise_broken; /* index of the step at which the ladder goes on; -1 = where it stood */
	const char *plan_before, *plan_late; /* before an instalment is due; the day after it was not paid */
	int32_t plan_before_days, plan_grace_days; /* grace: so long after its day a plan breaks */
	int plan_broken;
	const char *thanks, *apology; /* for a payment; when it and a reminder crossed */
};

struct cap {
	bool any_channel;
	enum channel channel;
	int32_t contacts, days;
};

struct window {
	bool debtor_zone; /* else `zone` */
	const char *zone;
	uint8_t weekdays; /* bit 0 = Monday */
	int from_minute, to_minute; /* of the day, [from, to) */
	bool holidays; /* of the debtor's country are no business days */
};

struct policy {
	const char *name, *title;
	const char *extends; /* the base's name, as long as the file is at hand; NULL = it stands alone */
	char digest[POLICY_DIGEST_SIZE];
	const char *source; /* the file's bytes, or the whole that it makes with its base: recorded in the trail, and read again without a base */
	size_t source_len;
	struct window window;
	struct cap caps[8];
	size_t cap_count;
	int64_t min_gap_ms;
	bool same_day; /* its steps may write to a debtor more than once on one day of theirs */
	int32_t max_contacts; /* 0 = no limit; then hold `exhausted` */
	enum group_mode group;
	struct money minimum[16]; /* below it nothing is sent: closed quietly as `below_minimum` is not; held */
	size_t minimum_count;
	int64_t freshness_ms; /* 0 = not asked */
	int32_t expect_sent_days; /* so long after an invoice is known somebody must have said that it was sent; 0 = not asked */
	const char *regime; /* of the law data: what late payment costs, "FR-B2B"; NULL = no notice states it */
	enum roll due_roll; /* of a due date that is no business day of the debtor's place; steps count from where it goes */
	struct step steps[POLICY_STEPS_MAX];
	size_t step_count; /* 0 is a policy that does nothing (do-nothing) */
	bool nothing; /* "do_nothing": true: recorded, never contacted */
	struct agreed agreed;
	struct arena *arena; /* owns all above */
};

/*
 * 0 and *ret, freed with policy_free(); -EBADMSG with path and sentence. Actions are refused for now ("not_available"), a file
 * that extends another too: see policy_parse_on(). Left out: window mon-fri 09:00-17:30 of the debtor; caps 2 contacts in 7 days, 1 of them a call; min_gap
 * 48h; no two messages on one day; group debtor; `to` billing; in_doubt hold; a gate is renewed after 14 days. `"caps": []` asks for none.
 */
int policy_parse(const char *json, size_t len, struct policy **ret, struct err *err);
/*
 * The same of a file that extends `base`, which is only borrowed. Members of the file replace the base's, null takes one away. Its
 * steps go by their id: one that the base has is replaced where it stands, or taken out by "remove": true; another one goes `after` or
 * `before` the one that it names. Complaints are about the file, never about the whole.
 */
int policy_parse_on(const char *json, size_t len, const struct policy *base, struct policy **ret, struct err *err);
/* What a file says of itself before its base is at hand; borrowed from the arena. `extends` NULL: it stands alone. -EBADMSG */
struct policy_head {
	const char *name, *extends;
};
int policy_read_head(struct arena *arena, const char *json, size_t len, struct policy_head *ret, struct err *err);
void policy_free(struct policy *policy);
DEFINE_CLEANUP(struct policy, policy_free)
/* Whether a contact by this channel counts for the cap: a voice that calls is a call. */
bool cap_counts(const struct cap *cap, enum channel channel);
int policy_step_index(const struct policy *policy, const char *id); /* -ENOENT */
const char *policy_step_at(struct arena *arena, const struct policy *policy, const struct step *step); /* "due+5d" */
/* Where a step lies, in calendar days from due, issued or eom: business days only as a range, holidays aside. */
struct step_span {
	enum anchor root;
	int64_t least, most;
};
struct step_span policy_step_span(const struct policy *policy, size_t step);
/* The members `promise`, `plan` and `courtesy` of a policy whose steps are read. -EBADMSG. */
int policy_agreed(const struct json *root, struct policy *policy, struct err *err);
/* The i-th template that they name, and where, for a check; NULL behind the last. All are mails of the default sender. */
const char *policy_agreed_template(const struct policy *policy, size_t i, const char **path);

#endif
