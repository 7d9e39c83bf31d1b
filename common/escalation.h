/*
 * escalation - one invoice's walk through its policy: the document, its states, and the rules that say what comes next. Pure: time
 * comes in as `now`, the same code drives the daemon, the simulator and `dunningctl explain`.
 */
#ifndef DUNNINGD_COMMON_ESCALATION_H
#define DUNNINGD_COMMON_ESCALATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/debtor.h"
#include "common/effects.h"
#include "common/interest.h"
#include "common/invoice.h"
#include "common/permit.h"
#include "common/policy.h"
#include "common/schedule.h"
#include "common/selection.h"

enum escalation_state {
	ESCALATION_NONE, /* refused by the table */
	ESCALATION_STUB, /* facts came before the invoice itself */
	ESCALATION_WAITING, /* for its next step, or under a hold */
	ESCALATION_SENDING, /* an attempt is released, its outcome not known yet */
	ESCALATION_DOUBT, /* the attempt may have been sent */
	ESCALATION_TASK, /* a call task is open */
	ESCALATION_GATE, /* a person must decide */
	ESCALATION_CLOSED,
	ESCALATION_STATE_COUNT
};
extern const char *const escalation_state_names[ESCALATION_STATE_COUNT + 1];

enum escalation_trigger {
	TRIGGER_OPENED, /* the invoice is known and unpaid */
	TRIGGER_RELEASED, /* an attempt was decided */
	TRIGGER_SENT, /* it is certain that it was sent */
	TRIGGER_NOT_SENT, /* it is certain that it was not */
	TRIGGER_DOUBT, /* it is not certain */
	TRIGGER_TASK_OPENED,
	TRIGGER_TASK_ENDED,
	TRIGGER_GATE_OPENED,
	TRIGGER_DECIDED,
	TRIGGER_CLOSED, /* paid, voided, uncollectible, stopped */
	TRIGGER_COUNT
};

enum step_end { STEP_SENT, STEP_DONE, STEP_SKIPPED };

struct walked {
	const char *step;
	enum step_end end;
	const char *reason; /* of a skip; or how it was settled. NULL = none */
	int64_t at; /* ms UTC */
	const char *attempt; /* the proof: attempt or task id; of a skip the task that it opened, while that waits. NULL = none */
	const char *said; /* it went out together with this step of another invoice, and as that one's words; NULL = as its own */
};

#define HOLD_UNRENDERABLE "unrenderable" /* its message could not be made of what was known then */
struct hold_entry { /* a named reason with an end, given from outside; those that follow from facts are computed */
	const char *reason; /* "operator", "dead_letter", "decided" */
	int64_t since, until; /* ms UTC */
	const char *who, *why; /* NULL = the daemon */
};

struct call_made { /* the last one that reached somebody: a mail states what was said */
	int64_t at; /* ms UTC; 0 = none */
	int64_t number; /* of those logged: names the mail */
	enum call_outcome outcome;
	date until_on; /* what was promised, or when the money is expected; none */
	const char *step, *contact, *tell; /* contact: id of the person it reached. NULL = none */
};

struct call_back { /* they asked to be called, at a time when nobody had to call; until the day after they are not chased */
	int64_t at; /* ms UTC; 0 = they did not, or somebody called since */
	int64_t said_at; /* ms UTC: of the event that said so */
};

struct said { /* by the debtor, for a person to read */
	const char *id; /* of the fact of which a person was asked last; NULL = none */
	bool open; /* the task is */
	int64_t until; /* its deadline; ms UTC */
};

struct agreed_end { /* what was agreed, and whether it was kept */
	const char *what; /* "promise", "plan", "settlement" */
	const char *id; /* of the fact */
	int64_t told_at; /* ms UTC: of the event that agreed it; a plan that was amended since is another one */
	int64_t at; /* when it was found */
	bool kept;
};

/* What we announced, and what became of it. One at a time: nobody is threatened twice with two different things. */
enum commitment_state { COMMITMENT_NONE, COMMITMENT_OPEN, COMMITMENT_FULFILLED, COMMITMENT_WITHDRAWN, COMMITMENT_LAPSED, COMMITMENT_STATE_COUNT };
extern const char *const commitment_state_names[COMMITMENT_STATE_COUNT + 1];
struct commitment {
	enum commitment_state state;
	const char *step; /* that announced it */
	const char *what; /* the step at which it is carried out; NULL = none is named */
	const char *attempt; /* of the message that said so */
	int64_t opened_at, deadline; /* ms UTC */
	const char *approver; /* who decided before it to go on; NULL = nobody was asked */
	const char *lacks; /* of the evidence, when it was announced: "contract, delivered"; NULL = nothing */
	int64_t ended_at;
	const char *by, *why; /* who ended it, NULL = the facts */
	bool overdue_told;
	int64_t made; /* how many so far, with this one: names the mail that takes it back */
};

struct handed { /* the case, to somebody who goes on with it: from then on nothing is done by itself */
	const char *to; /* "lawyer", "agency", "court"; NULL = it is ours */
	const char *procedure; /* of the law data, for a court; NULL = none */
	const char *bundle; /* hex SHA-256 of the evidence bundle's manifest; NULL = none was made */
	int64_t at; /* ms UTC */
	const char *by, *why;
	const char *result; /* "kept": they go on with it; "returned": it is ours again; NULL = they have not said */
	int64_t result_at;
};

struct made_offer { /* of a policy, as it was written to the debtor */
	const char *code, *approver;
	date until; /* the last day on which it can be accepted; of less, the money must be there then */
	int64_t amount; /* minor units that settle it; 0 of a plan */
	int64_t settles_at; /* the same with what was paid and credited before */
	const struct instalment *instalments; /* of a plan */
	size_t instalment_count;
	const char *attempt; /* of the message */
	int64_t made_at; /* ms UTC: it went out; 0 = not yet, or not that anybody knows */
	struct { /* of less: those that had most of it by its day, and not all; later ones say no day. time 0 = none had any */
		int64_t version, time, paid, credited;
	} figures;
};

struct late_fee { /* the fixed sum of a law, on an account of its own */
	int64_t amount, principal; /* minor units; principal: what was open when it was stated */
	char currency[4];
	const char *regime, *ground; /* "FR-B2B", and its source */
	const char *step, *attempt; /* of the notice that states it */
	int64_t at; /* ms UTC: that notice went out; 0 = not yet, and then it is not owed */
	int64_t waived_at; /* 0 = it was not */
	const char *by, *why;
};

/* A person's own words for the next message about the invoice, once. */
#define PERSONAL_NOTE_MAX 1000 /* bytes; one paragraph */
struct personal_note {
	const char *text, *by; /* text NULL = none */
	int64_t at, until; /* ms UTC: written; of no use any more */
	const char *attempt; /* whose message has it; NULL = none yet */
	int64_t said_at; /* ms UTC: that message went out, or may have; 0 = not yet */
};

struct late_interest { /* that was put on that account, beside the fixed sum */
	int64_t amount; /* minor units of the invoice's currency: all of it, each time rounded once */
	date until; /* the last day that it counts */
	const char *regime, *ground;
	int64_t at; /* ms UTC: when it was last put there; 0 = never */
	const char *by, *why;
};

struct approved { /* a person's last word at a gate */
	const char *by, *step;
	int64_t at;
};

struct escalation {
	int64_t version; /* of the document; only grows */
	struct invoice invoice;
	enum escalation_state state;
	const char *policy, *policy_digest; /* NULL until it is chosen, once the invoice is open and its customer known */
	const char *policy_by, *policy_rule; /* who chose it, a word of selected_by_names, and the rule's id; NULL = not noted, none */
	const char *settled; /* "in_time" or "late", as counted with the debtor; NULL = not paid */
	int64_t promises_broken; /* as counted with the debtor */
	int64_t opened_at;
	struct walked *walk;
	size_t walk_count, walk_capacity;
	/* The step in hand, while SENDING, DOUBT, TASK or GATE (and after closing, until the attempt's outcome is known). */
	const char *step, *attempt, *task;
	/* About the attempt in doubt, a person's word: "sent" or "not_sent", or the provider's: VERDICT_WEBHOOK, of a letter that nobody takes "unclaimed" or "refused"; NULL = none. */
	const char *verdict;
	bool in_doubt; /* the attempt is, also when the invoice was closed meanwhile */
	int64_t since, look_at; /* look_at: deadline, or when to resolve again */
	int64_t tries; /* certain failures so far, of any step: they name the attempts, and a step that is owed again must not have a name that it had */
	int64_t retry_at;
	int64_t document_until; /* ms UTC: so long the step in hand waits for the invoice's document, since that was missed first; 0 = it was not */
	int64_t link_until; /* the same of a payment link that has expired; another one was asked for. 0 = it was not */
	const char *retry_why; /* what the step waits for until then, a word of pace_why_names or of those below; NULL = the last try failed */
	int64_t rests_until; /* ms UTC: a step was refused for good, and a person may look why before the ladder's next one is, too; 0 = none was */
	const char *provider_failed; /* that certainly did, with the step in hand: the channel's next one is asked. NULL = none */
	const char *channel_failed; /* by which the step in hand was refused for good: its fallback is used. NULL = none */
	/* "<channel>:<contact id>" of those whom this step did not reach, with nothing wrong with the address: it passes them over. */
	const char **unreached, *unreached_step;
	size_t unreached_count, unreached_capacity;
	const char *provider_only; /* that may have sent the step in hand: no other is asked. NULL = any */
	struct hold_entry *holds;
	size_t hold_count, hold_capacity;
	const char **commands; /* identities of a person's last commands, oldest first: each counts once, however often it is read */
	size_t command_count, command_capacity;
	const char *deferred; /* "step reason until" as last recorded, so that it is recorded once */
	const char *held; /* hold as last told to others, NULL = none */
	bool held_done; /* what the hold asks of a person was said to be done: its task is closed, and it stands all the same */
	int64_t held_until; /* ms UTC: its end as last computed; reached, a hold that stands is renewed. 0 = none */
	struct call_made call;
	struct call_back call_back;
	bool wrong_contact; /* a call said so, and a person is asked for the right one */
	int64_t calls; /* logged so far */
	struct said replied, says_paid; /* the tasks "answer_reply", "find_payment" */
	struct agreed_end *ended;
	size_t ended_count, ended_capacity;
	const char *reenter; /* the step at which the ladder goes on, since something was broken; NULL = none */
	const char *reenter_why; /* "promise_broken", "plan_broken" */
	date reenter_on; /* from this day on it is owed */
	int64_t minutes, timed; /* of people, as they said, in so many calls */
	int64_t aged; /* how many ages it reached before it ended, as counted for the creditor's own expectation; 0 = not counted */
	bool aged_paid;
	int64_t work_hold_at; /* ms UTC: others are asked to stop working then; 0 = nothing was announced */
	const char *work_hold_step; /* that warned of it */
	bool work_rested; /* because of it, until it was paid, settled or voided: if that goes back, work is to rest again */
	struct commitment commitment;
	struct handed handed;
	struct approved approved; /* to go on */
	struct approved settling; /* to settle: it approves what is offered, and nothing else */
	struct late_fee late_fee;
	struct personal_note note;
	const char *reset_from; /* the debtor's policy before this stricter one: the first reminder says so. NULL = nothing changed */
	const char *asked_as; /* the name that the task of the step in hand had before another invoice went out of it; NULL = none */
	const char *refused; /* the steps whose messages a provider refused for good ("r1, r2"), while a task asks a person; NULL = none */
	bool unsent_told; /* nobody said in time that the invoice itself went out, and a task asks */
	bool still_owed; /* as counted with the debtor */
	bool deposit_counted, deposit_late; /* among the debtor's deposits that were paid; among those late */
	struct late_interest late_interest;
	struct made_offer *offers;
	size_t offer_count, offer_capacity;
	const char **waived; /* what a step asks for and a person does without: need_names, or a step's id */
	size_t waived_count, waived_capacity;
	const char *closed; /* reason */
	int64_t closed_at;
	bool stopped; /* a person ended it for good: no fact opens it again; what pays it, or ends the debt, still says why it is closed */
	bool will_be_due_told, overdue_told, exhausted_told; /* to others, once each */
	bool start_told; /* of a deposit, once: it was not paid on the day on which its work starts */
	const char *book; /* what the producer's list of open invoices says otherwise, as last told: see book.h. NULL = nothing */
	int64_t next_at; /* as in the due set; 0 = no timer */
	int64_t acts_at; /* ms UTC: the next action, where something is only told or looked at before it; 0 = at next_at */
	int64_t put_off; /* times that the provider of the step in hand answered that it is to be tried again: it cannot do so for ever */
};

#define ESCALATION_COMMANDS_KEPT 16
#define ESCALATION_REFUSED_MAX (POLICY_STEPS_MAX * 130) /* bytes of `refused` */

#define WALKED_SHADOW "shadow" /* reason of a step that was walked in shadow mode: nobody got its message */
#define WALKED_FAILED "failed" /* reason of a step that was walked, and whose message its provider gave up when later ones had gone on */
#define VERDICT_WEBHOOK "webhook"
#define RETRY_PAYMENT_LINK "payment_link" /* retry_why: the step waits for another one */
#define PAYMENT_LINK_LIFE_MS (60 * 60 * 1000) /* so long a link must still be of use when a message goes out with it */
const char *payment_link_of(const struct escalation *e, int64_t now); /* that a message may have; NULL = none */

struct rules {
	const struct policy *policy; /* of this escalation; NULL: unknown version, a hold */
	const char *creditor_zone;
	const struct holidays *holidays; /* of the law; NULL = none are known */
	int64_t now; /* ms UTC */
	int64_t loaded_at; /* ms UTC: of the files' last reload; 0 = there was none */
	int64_t feed_stale_since; /* 0 = the payment feed is fresh or was never told of */
	const struct guard_rules *guard; /* NULL = no contact rules are known */
	const struct books *books; /* lists of open invoices; NULL = none are known */
	bool behind; /* what was told is not all read: nobody can say yet that a day passed in vain */
	const struct selection *selection; /* how `policy` was chosen, while that can still be done; NULL = it stands */
};

/*
 * Since when the payments known up to `known_to` (ms UTC; 0 = no feed binds) are too old for the policy's `freshness`; 0 = they are not,
 * or it asks for none. `policy` may be NULL.
 */
int64_t feed_stale_since(const struct policy *policy, int64_t known_to, int64_t now);

/*
 * A message beside the ladder: it records or thanks and does not ask, so no cap, gap or maximum counts it. Its id has a ':', which no
 * step's has. Those that follow from facts are owed as long as the walk does not hold their id.
 */
enum aside_kind { ASIDE_CONFIRM, ASIDE_PROMISE, ASIDE_INSTALMENT, ASIDE_THANKS, ASIDE_APOLOGY, ASIDE_WITHDRAWN, ASIDE_STOPPED };
struct aside {
	enum aside_kind kind;
	enum channel channel; /* email, but of STOPPED the one that is left */
	char id[48]; /* "confirm:2", "promise:<digest>", "plan:<digest>:<due date>:late", "stop:sms"; "" = none */
	const char *template_name; /* NULL: there is none any more, and it is skipped */
	int64_t from, until; /* ms UTC: owed from, of no use after */
	const struct fact *fact; /* PROMISE, INSTALMENT */
	struct instalment_view instalment;
	bool late;
};
bool aside_id(const char *step); /* it is no step's */
bool aside_for_payment(enum aside_kind kind); /* THANKS, APOLOGY: one is about all that was paid together */

enum next_kind {
	NEXT_NONE, /* closed, or a stub: nothing to do and no timer */
	NEXT_HELD, /* by a named hold until `at` */
	NEXT_BUSY, /* SENDING: the outcome comes by itself; `at` is a safety look */
	NEXT_RESOLVE, /* DOUBT: look again at `at` */
	NEXT_TASK_END, /* the open call task's deadline */
	NEXT_GATE_END, /* the open gate's deadline: renewed, it rises */
	NEXT_SKIP, /* the step will not happen: reason in `why` */
	NEXT_CONTACT, /* message or call, owed at `at` */
	NEXT_GATE, /* a gate opens at `at` */
	NEXT_ASIDE, /* a message beside the ladder, at `at`: `aside` */
};

struct next_action {
	enum next_kind kind;
	int64_t at; /* ms UTC; 0 for NEXT_NONE */
	size_t step; /* index into the policy, for SKIP, CONTACT, GATE */
	int64_t owed_at; /* the step's own instant, before caps, gap and retries moved it */
	const char *why; /* stable word: hold's name, or the rule that set `at`: "schedule", "spacing", "min_gap", "cap", "retry", "window", or the guard's reason */
	const char *rule, *source; /* the contact rule behind it, and its law; NULL = none */
	struct aside aside; /* of ASIDE, and of a SKIP of one: else its id is "" */
	const char *held; /* of ASIDE: the hold that rests meanwhile on the ladder, until held_until; NULL = none */
	int64_t held_until;
};

/* What comes next for one invoice, by the facts, the debtor and the policy. Looks at nothing else. */
struct next_action escalation_next(const struct escalation *e, const struct debtor *debtor, const struct rules *rules);

/*
 * Whom a step's contact reaches, by its channel or else the fallback (*channel), and from when that is permitted (*permit). NULL: nobody;
 * *permit says why, "opted_out", "no_address" or the guard's reason with a decision of REVIEW or DENY.
 */
const struct contact *escalation_reach(const struct escalation *e, const struct debtor *debtor, const struct rules *rules,
	const struct step *step, int64_t from, enum channel *channel, struct permit *permit);

/* The same for a message beside the ladder: `step` is made of it, for the mail that it is. */
const struct contact *escalation_reach_aside(const struct escalation *e, const struct debtor *debtor, const struct rules *rules,
	const struct aside *aside, int64_t from, struct step *step, struct permit *permit);

/* The only place where the state changes; false: the table refuses, nothing changed. */
bool escalation_move(struct escalation *e, enum escalation_trigger trigger);
/* Notes the end of a step and clears the step in hand if it is that one. */
void escalation_walked(struct escalation *e, struct arena *arena, const char *step, enum step_end end, const char *reason,
	int64_t at, const char *attempt);
/* Whose words they were: of several invoices' message, call or letter the leading one's step. To be told of the step that was just walked. */
void escalation_said(struct escalation *e, const char *said);
void escalation_hold(struct escalation *e, struct arena *arena, const struct hold_entry *hold); /* replaces one of the same reason */
bool escalation_commanded(struct escalation *e, struct arena *arena, const struct event *command); /* false: it was taken before */
/*
 * A person lets it go on, at once if a try was to be made later. A dead letter that came after `said_at` (ms UTC: the word's own time) holds
 * all the same: a backlog is read stream by stream, and nobody answers what he has not yet seen.
 */
void escalation_resume(struct escalation *e, int64_t said_at);
void escalation_retry(struct escalation *e); /* a try that was to be made later is made at once; what holds it goes on */

/*
 * After facts changed or time passed: opens it, closes it, does the skips that are due, sets next_at; records and tells what changed.
 * `debtor` may be NULL for a stub whose debtor is unknown.
 */
void escalation_refresh(struct escalation *e, struct debtor *debtor, const struct rules *rules, struct effects *fx);

/*
 * A call about this invoice came to what the event says. `step`: the call step that it ends; NULL: nobody had to call. Notes its facts
 * and holds, and the mail that confirms it; the tasks that it leaves are opened.
 */
void escalation_called(struct escalation *e, const struct event *call, const char *step, const char *task, const struct rules *rules,
	struct effects *fx);

/* A person did what this task asked for, which no step waits for: a hold that it was opened for, and that rests on nothing else, ends with it. */
void escalation_task_done(struct escalation *e, struct debtor *debtor, const char *task, struct effects *fx); /* `debtor` may be NULL */
/* What "decide" may answer where it stands now: words, then NULL; none where nothing is asked. "continue" is another word for "pursue". */
const char *const *escalation_answers(const struct escalation *e);
bool escalation_asks(const struct escalation *e, const char *answer); /* whether it is one of these */
void escalation_exhausted_decided(struct escalation *e, struct effects *fx); /* what comes after the last contact: its task is done, its hold over */

/*
 * The step is done: what its policy says others are asked to do then; of a closed escalation nothing, nor where `said`, the step that was
 * really told to the debtor, is another one (NULL: nothing was told). `debtor` and `policy` may be NULL.
 */
void escalation_step_effects(struct escalation *e, struct debtor *debtor, const struct policy *policy, const char *step, const char *said,
	struct effects *fx);

/*
 * The step's message was refused for good: a person looks why, and the ladder rests until they did, or for a day (the policy's min_gap where that
 * is longer): what is owed already would be refused in the same second. Each invoice of the message lost its own step, and is paid, or looked at,
 * by itself; of several steps there is one task, which names them. `policy` may be NULL.
 */
void escalation_refused(struct escalation *e, const struct policy *policy, const char *step, const char *reason, struct effects *fx);

/*
 * The registered letter of this attempt was not taken ("unclaimed", "refused"): it stands with its step, and a task asks a person what to do,
 * once. False: no step of this invoice was that letter, or it was told before.
 */
bool escalation_letter_unclaimed(struct escalation *e, const char *attempt, const char *status, struct effects *fx);
/* It turns out that nobody is there: then there is nothing to be asked about this letter. */
void escalation_letter_returned(struct escalation *e, const struct walked *walked, struct effects *fx);

/*
 * The call, letter or decision that a person was asked for is not to be, as it is; its step stays owed. In state TASK or GATE. `others`: it is over for another
 * invoice, and whoever has the call on a list may make it all the same: its name is kept.
 */
void escalation_task_withdrawn(struct escalation *e, bool others, struct effects *fx);

/* A person ends it for good: every task and hold of its goes, and no fact opens it again. `debtor` may be NULL. */
void escalation_stop(struct escalation *e, struct debtor *debtor, struct effects *fx);

/* --- what is announced, and what comes of it: escalation_commitment.c ---------------------------------------------------- */

/* What of a step's `requires` is not there. Nothing set: nothing lacks. */
struct needs escalation_missing(const struct escalation *e, const struct debtor *debtor, const struct policy *policy, const struct needs *needs);
/* The same as words, "contract, clarification", in the arena; NULL: nothing lacks. */
const char *escalation_lacks(const struct escalation *e, const struct debtor *debtor, const struct policy *policy, const struct needs *needs,
	struct arena *arena);
/* What a handover must meet: of the policy's handover that is asked now, else that was announced, else the first; none: nothing. */
const struct needs *escalation_handover_needs(const struct escalation *e, const struct policy *policy);
/* A message of the step went out, or may have: what it announces is our word from now on. `attempt`: its proof. */
void commitment_open(struct escalation *e, const struct debtor *debtor, const struct policy *policy, const char *step, const char *attempt,
	struct effects *fx);
/* It stands no longer: the invoice is closed, or the message that said so reached nobody. */
void commitment_lapse(struct escalation *e, const char *reason, struct effects *fx);
/* The mail "withdrawn:..." that takes it back did not arrive for certain: a person is asked to write, unless nothing is owed any more. */
void withdrawal_unsent(struct escalation *e, const char *reason, struct effects *fx);
/*
 * Whether a person may say so now: "commitment_execute", "commitment_withdraw", "handover" (`what`: to whom), "handover_result" (`what`:
 * kept or returned), "waive" (`what`: a word of need_names or a step's id), "decide" (`what`: the decision), "skip" (`what`: the step). 0
 * for any other word. `who` says it: at a step with an approver, to nobody else's word it gives way.
 * -EBADMSG: code and sentence in err. `debtor` and the rules' policy may be NULL.
 */
int commitment_may(const struct escalation *e, const struct debtor *debtor, const struct rules *rules, const char *command, const char *what,
	const char *who, struct err *err);
/* A person said at the gate that is open to go on: where that is what was announced, it is carried out with it. */
void commitment_decided(struct escalation *e, const struct event *command, struct effects *fx);
/* A person's word, once commitment_may() let it pass. False: it is none of these. */
bool commitment_said(struct escalation *e, struct debtor *debtor, const struct policy *policy, const struct event *command, const char *what,
	struct effects *fx);

/* --- late fees: escalation_fees.c ------------------------------------------------------------------------------------------- */

/* A notice that states the sum is about to go out; and it went out: from now on it is owed, once for each invoice. */
void late_fee_written(struct escalation *e, const struct regime *regime, int64_t amount, const char *step, const char *attempt, struct effects *fx);
void late_fee_sent(struct escalation *e, const char *attempt, struct effects *fx);
/*
 * Interest by this law on what is open of the invoice today, up to `until` in the debtor's zone, as the law counts it. NULL in *why: *ret is
 * that; else *why says why there is none, and *ret is untouched. `regime` and `d` may be NULL. Everything lies in the arena.
 */
void late_interest_until(const struct escalation *e, const struct debtor *d, const struct rules *rules, const struct regime *regime, date until,
	struct arena *arena, struct interest *ret, const char **why);
/*
 * What a person who says so would put on the account: interest up to `until` (none: today), less that up to the day until which it is there
 * already, both on what was open on each day. -EBADMSG: nothing, and `err` says why (waived, not known, nothing has accrued since).
 */
int late_interest_may(const struct escalation *e, const struct debtor *d, const struct rules *rules, const struct regime *regime, date until,
	struct arena *arena, struct late_interest *ret, struct err *err);
/* Puts what late_interest_may() gave there: `fee.accrued` with fee_kind interest. The invoice's balance never moves. */
void late_interest_put(struct escalation *e, const struct late_interest *more, const char *by, const char *why, struct effects *fx);
/* What the account comes to, in the invoice's currency: the fixed sum where it is in that one, and interest; less what was paid towards it. */
struct late_account {
	int64_t owed, paid, open; /* minor units; open >= 0 */
	bool elsewhere; /* the fixed sum is in another currency, and not in it */
};
struct late_account late_account_of(const struct escalation *e);

/* That notice reached nobody: it is not owed, and the next one states it anew. */
void late_fee_undelivered(struct escalation *e, const char *attempt, struct effects *fx);
/* The step's message reached nobody: work goes on, unless another one said so before. `d` and `policy` may be NULL. */
void work_undelivered(struct escalation *e, struct debtor *d, const struct policy *policy, const char *step, struct effects *fx);
/* Nobody asks for it any more, also when it was not stated yet. False: it was waived before. */
bool late_fee_waive(struct escalation *e, const char *by, const char *why, int64_t at, struct effects *fx);

/*
 * What a person must compare, for the hold "reconcile": a word of invoice_view(), also with both times, or both sums of a plan that does not
 * add up, in the arena. NULL: nothing.
 */
const char *escalation_differs(const struct escalation *e, const struct invoice_view *view, struct arena *arena);

/* What was agreed ("promise", "plan", "settlement") and told by this fact was not kept. */
bool escalation_broke(const struct escalation *e, const char *what, const struct fact *fact);

/* --- a person's own words: escalation_note.c ------------------------------------------------------------------------------- */

/* What is to be said in a message by that channel now; NULL: nothing. A text message takes a short one alone. */
const char *note_to_say(const struct escalation *e, enum channel channel, int64_t now);
/* A command "note" (`text`, and `until` or 30 days) or "note_remove". 0; -EBADMSG: code and sentence in err, nothing changed. */
int note_command(struct escalation *e, const struct event *command, const char *text, int64_t now, struct arena *arena, struct err *err);
/* A message whose text is this is about to go out; and it went out, or may have: the note is not said again. */
void note_written(struct escalation *e, const char *text, const char *attempt, enum channel channel, int64_t now);
void note_said(struct escalation *e, const char *attempt, struct effects *fx);
void note_undelivered(struct escalation *e, const char *attempt); /* nobody read it: the next message has it */

/* --- a stricter policy than before: escalation_reset.c ------------------------------------------------------------------------ */

#define RESET_TEMPLATE "expectation_reset" /* the shipped text */
/*
 * Whether this step, by email, is the one whose text is RESET_TEMPLATE instead: the first overdue reminder of an invoice whose debtor was treated
 * more gently until now.
 */
bool escalation_resets(const struct escalation *e, const struct policy *policy, const struct step *step, enum channel channel);

/* --- offers: escalation_offers.c ------------------------------------------------------------------------------------------ */

const char *offers_approver(const struct escalation *e); /* who decided last at a gate to go on or to settle; NULL = nobody */
/* What a policy's offer comes to today. False: nothing, the balance is too small for it. */
bool offer_terms(const struct offer *offer, const struct escalation *e, const struct business_time *when, date today, struct made_offer *ret,
	struct arena *arena);
/* A message of the step is about to go out with these offers of its (bit per offer); and it went out: from now on they can be accepted. */
void offers_written(struct escalation *e, const struct step *step, unsigned offered, const struct business_time *when, date today,
	const char *attempt, struct effects *fx);
void offers_sent(struct escalation *e, const char *attempt, struct effects *fx);
void offers_undelivered(struct escalation *e, const char *attempt); /* nobody read of them */
bool offer_passed_over(const struct made_offer *offer, const struct invoice_view *view); /* something was agreed since it was made */
/*
 * An offer of less whose sum was paid by its day is accepted by that: the settlement stands in the facts, as if it had been told when the offer was
 * made. Where they say otherwise now, it is gone again.
 */
void offers_paid(struct escalation *e, struct effects *fx);
/* What figures have as paid by the day of an offer is remembered with it, also of such that are not the newest. True when that is news. */
bool offers_figures(struct escalation *e, const struct event *event);
/*
 * The event that accepts an offer gets its terms: amount and day, or instalments; a command becomes the event that it stands for. Whether it
 * came in time is a question of when it was said, not of when it is read. 0, also of one that names none; -EBADMSG "unknown_offer",
 * "offer_changed" (the event names other terms), "offer_expired".
 */
int offer_take(const struct escalation *e, const struct zone *zone, struct event *event, struct err *err);

void escalation_write(struct buf *out, const struct escalation *e);
int escalation_read(struct arena *arena, const char *json, size_t len, struct escalation *ret, struct err *err);
int escalation_from(struct arena *arena, const struct json *json, struct escalation *ret, struct err *err); /* `json` lives in the arena */

#endif
